//! What the public page may know: announced cases, asked for a proven address.

use std::collections::BTreeMap;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use hudun_affected::{Address, Affected, AnswerError, Answers, Help, Opened, Reading};
use hudun_core::{BoxFuture, IncidentId, Lang, SubjectToken, TenantId, Text, Timestamp};
use hudun_gateway::TenantKeys as _;
use hudun_inform::{Addressees, Contact, InformError, MailLetter, SmsLetter, Told};
use hudun_respond::Cases;
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use crate::care::{Care, CareError, Request};
use crate::keys::MasterKey;

/// Answers from the notices that went out, the SCRM's own addresses, and the cases.
pub struct Announced {
    /// Who was told what.
    pub inform: Arc<hudun_inform::Informer>,
    /// Who is reached where.
    pub addressees: Arc<dyn Addressees>,
    /// Keys of persons.
    pub keys: MasterKey,
    /// Cases.
    pub cases: Arc<Cases>,
    /// Tickets.
    pub care: Arc<Care>,
    /// The page as the public knows it, such as `https://notice.example.com`; named in the mail with the code.
    pub public_url: Option<String>,
    /// Templates of codes by text message.
    pub code_templates: BTreeMap<hudun_duty::Lang, String>,
}

impl Announced {
    async fn code(
        &self,
        to: &Address,
        lang: Lang,
        code: &str,
        until: Timestamp,
    ) -> Result<(), InformError> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        if let Some(phone) = to.phone() {
            let own = self.code_templates.get(&duty_lang(lang));
            let template = own.or_else(|| self.code_templates.values().next());
            let letter = SmsLetter {
                to: phone.as_str().to_owned(),
                template: template.cloned().unwrap_or_default(),
                params: vec![("code".to_owned(), code.to_owned())],
                until: Some(until),
            };
            return self
                .inform
                .post_code_message(&name, &letter, Timestamp::now())
                .await;
        }
        let (subject, text) = letter(lang, code, self.public_url.as_deref());
        let letter = MailLetter {
            to: to.as_str().to_owned(),
            subject,
            text,
            until: Some(until),
        };
        self.inform
            .post_code(&name, &letter, Timestamp::now())
            .await
    }

    async fn found(&self, address: &Address) -> Result<Vec<Affected>, AnswerError> {
        let tenants = self.inform.told_tenants().await.map_err(failed)?;
        if tenants.is_empty() {
            return Ok(Vec::new());
        }
        // As the SCRM itself may name persons: by their address or number.
        let folded = address.folded();
        let namespace = if address.phone().is_some() {
            MOBILE
        } else {
            EMAIL
        };
        let mut persons: Vec<(TenantId, SubjectToken)> = tenants
            .iter()
            .map(|tenant| {
                let keyer = self.keys.keyer(tenant);
                (tenant.clone(), keyer.subject(namespace, &folded))
            })
            .collect();
        let contact = match address.phone() {
            Some(phone) => Contact::Phone(phone.clone()),
            None => Contact::Email(folded),
        };
        let listed = self.addressees.reached_at(&contact, &tenants).await;
        persons.extend(listed.map_err(AnswerError::Failed)?);
        let told = self.inform.told(&persons).await.map_err(failed)?;
        let mut found = Vec::new();
        for told in by_case(told) {
            found.push(self.affected(told).await?);
        }
        // A person who is known by two names is one person.
        let mut once: Vec<Affected> = Vec::new();
        for one in found {
            let twin = |other: &Affected| other.case == one.case && other.kinds == one.kinds;
            if !once.iter().any(twin) {
                once.push(one);
            }
        }
        if once.len() > MOST {
            tracing::warn!(
                found = once.len(),
                shown = MOST,
                "an address is in many cases; the newest are shown"
            );
            once.truncate(MOST);
        }
        Ok(once)
    }

    /// One person in one case: the newest of what they were told says which kinds; other languages count where they
    /// say the same.
    async fn affected(&self, told: Vec<Told>) -> Result<Affected, AnswerError> {
        let newest = told
            .iter()
            .max_by_key(|told| told.at)
            .ok_or(AnswerError::NoSuchCase)?;
        let incident = self.cases.get(newest.incident).await;
        let incident = incident.map_err(|cause| AnswerError::Failed(cause.to_string()))?;
        let mut readings: Vec<Reading> = Vec::new();
        let mut same: Vec<&Told> = told
            .iter()
            .filter(|one| one.kinds == newest.kinds)
            .collect();
        same.sort_by_key(|one| std::cmp::Reverse(one.at));
        for one in same {
            let lang = match one.lang {
                hudun_duty::Lang::Zh => Lang::Zh,
                hudun_duty::Lang::En => Lang::En,
            };
            if readings.iter().all(|known| known.lang != lang) {
                let text = one.text.clone();
                readings.push(Reading { lang, text });
            }
        }
        let labels = newest.kinds.iter().map(|kind| {
            let label = kind.label();
            Text::new(label.zh, label.en)
        });
        Ok(Affected {
            case: self.reference(newest.incident),
            at: newest.at,
            controller: Text::new(newest.controller.clone(), newest.controller.clone()),
            kinds: labels.collect(),
            readings,
            drill: incident.drill,
        })
    }

    async fn help(&self, help: Help) -> Result<Opened, AnswerError> {
        // The page has shown this case to this person; it lets nobody ask in another one.
        let incidents = self.cases.newest(CASES).await;
        let incidents = incidents.map_err(|cause| AnswerError::Failed(cause.to_string()))?;
        let incident = incidents
            .into_iter()
            .find(|incident| self.reference(incident.id) == help.case)
            .ok_or(AnswerError::NoSuchCase)?;
        let request = Request {
            address: help.address.as_str().to_owned(),
            words: help.words,
            lang: help.lang,
        };
        let masked = help.address.masked();
        self.care
            .open(&incident, &masked, &request, Timestamp::now())
            .await
            .map_err(|cause| match cause {
                CareError::Full => AnswerError::Busy,
                other => AnswerError::Failed(other.to_string()),
            })
    }

    /// Names a case outside, and says nothing about it, not even when it was opened.
    fn reference(&self, incident: IncidentId) -> String {
        // HMAC takes keys of every length, so this can't fail.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.keys.derive("affected/case"))
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
        mac.update(incident.to_string().as_bytes());
        let digest = hex::encode(mac.finalize().into_bytes());
        format!("c-{}", digest.get(..16).unwrap_or_default())
    }
}

impl Answers for Announced {
    fn send_code<'a>(
        &'a self,
        to: &'a Address,
        lang: Lang,
        code: &'a str,
        until: Timestamp,
    ) -> BoxFuture<'a, Result<(), AnswerError>> {
        Box::pin(async move { self.code(to, lang, code, until).await.map_err(failed) })
    }

    fn look_up<'a>(
        &'a self,
        address: &'a Address,
    ) -> BoxFuture<'a, Result<Vec<Affected>, AnswerError>> {
        Box::pin(self.found(address))
    }

    fn ask_help(&self, help: Help) -> BoxFuture<'_, Result<Opened, AnswerError>> {
        Box::pin(self.help(help))
    }
}

/// Carries codes out until stopped. A task of its own, so that a person who waits for a code does not stand behind the
/// letters of a large notice.
pub async fn carry_codes(
    inform: Arc<hudun_inform::Informer>,
    postman: Arc<hudun_inform::Postman>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = inform.code_posted() => {}
            () = tokio::time::sleep(AGAIN) => {}
        }
        if let Err(error) = postman.deliver_codes(Timestamp::now()).await {
            tracing::error!(%error, "codes could not be carried out");
        }
    }
}

/// What each person was told, case by case, the newest case first.
fn by_case(told: Vec<Told>) -> Vec<Vec<Told>> {
    let mut cases: BTreeMap<(IncidentId, SubjectToken), Vec<Told>> = BTreeMap::new();
    for one in told {
        cases
            .entry((one.incident, one.person))
            .or_default()
            .push(one);
    }
    let mut cases: Vec<Vec<Told>> = cases.into_values().collect();
    let newest = |case: &Vec<Told>| case.iter().map(|told| told.at).max();
    cases.sort_by_key(|case| std::cmp::Reverse(newest(case)));
    cases
}

fn failed(cause: InformError) -> AnswerError {
    AnswerError::Failed(cause.to_string())
}

/// Subject and text of the mail. No link: who reads mails of an incident should follow none.
fn letter(lang: Lang, code: &str, page: Option<&str>) -> (String, String) {
    match lang {
        Lang::Zh => {
            let page = page.map_or_else(String::new, |page| format!("（{page}）"));
            (
                "查询验证码".to_owned(),
                format!(
                    "您的验证码是 {code}，10 分钟内有效。\n\n请只填写在您自己打开的查询页面{page}上，不要告诉任何人，我们的工作人员也不会向您索要。\n\n如果不是您本人在查询，不用理会这封邮件。\n"
                ),
            )
        }
        Lang::En => {
            let page = page.map_or_else(String::new, |page| format!(" ({page})"));
            (
                "Your code".to_owned(),
                format!(
                    "Your code is {code}. It holds for 10 minutes.\n\nEnter it only on the page that you opened yourself{page}, and give it to nobody; our staff never ask for it.\n\nIf it was not you who asked, you need not do anything.\n"
                ),
            )
        }
    }
}

fn duty_lang(lang: Lang) -> hudun_duty::Lang {
    match lang {
        Lang::Zh => hudun_duty::Lang::Zh,
        Lang::En => hudun_duty::Lang::En,
    }
}

/// The namespace of e-mail addresses.
const EMAIL: &str = "email";
/// The namespace of mobile numbers.
const MOBILE: &str = "mobile";
/// Entries that one address is shown.
const MOST: usize = 20;
/// Cases among which one is looked for by its reference.
const CASES: u32 = 10_000;
/// Between two looks for codes that could not go out at once.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(2);
