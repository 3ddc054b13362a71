//! Who acts: reading sessions, tokens and accounts out of an exchange.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use hudun_core::{AccountId, Push, Raw, Role, TenantId};
use serde_json::Value;

use crate::pattern::Pattern;
use crate::{
    BodyRule, CarrierKind, CarrierPlace, Decode, Login, Me, Part, Profile, PushRoute, RequestView,
    Route, Source, Success,
};

/// Longest credential that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// A session, a token or a password that a request carries.
#[derive(Clone, Debug)]
pub struct Credential {
    /// What it is.
    pub kind: CredentialKind,
    /// Its secret part. Equal for every way to write the same credential.
    pub secret: Raw<String>,
    /// The account that it claims. A claim counts only once the SCRM has accepted the request.
    pub claims: Option<AccountId>,
}

/// What a credential is.
pub type CredentialKind = CarrierKind;

/// What is known of who acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: Option<AccountId>,
    /// Its role.
    pub role: Option<Role>,
    /// Its tenant.
    pub tenant: Option<TenantId>,
}

/// The answer of the SCRM, as far as it is needed to read it.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Status.
    pub status: u16,
    /// Headers with names in small letters.
    pub headers: &'a [(String, String)],
    /// The body, when it is JSON and was read.
    pub body: Option<&'a Value>,
}

/// A log-in, read.
#[derive(Clone, Debug)]
pub struct LoginRead {
    /// Whether it succeeded.
    pub success: bool,
    /// Who logged in, or tried to.
    pub identity: Identity,
    /// The sessions that it began.
    pub sessions: Vec<Raw<String>>,
}

impl Profile {
    /// Every credential that a request carries.
    pub fn credentials(&self, view: &RequestView) -> Vec<Credential> {
        let mut found: Vec<Credential> = Vec::new();
        for carrier in &self.carriers {
            for text in carried(&carrier.place, view) {
                let text = match &carrier.scheme {
                    Some(scheme) => match after_scheme(text, scheme) {
                        Some(rest) => rest,
                        None => continue,
                    },
                    None => text,
                };
                if text.is_empty() || text.len() > LONGEST {
                    continue;
                }
                let Some((secret, account)) = decode(&carrier.decode, text) else {
                    continue;
                };
                if secret.is_empty() || found.iter().any(|known| *known.secret.expose() == secret) {
                    continue;
                }
                found.push(Credential {
                    kind: carrier.kind,
                    secret: Raw::new(secret),
                    claims: account.and_then(|account| account.parse().ok()),
                });
            }
        }
        found
    }

    /// The account that a log-in is for, before the answer is known.
    pub fn login_account(&self, login: &Login, view: &RequestView) -> Option<AccountId> {
        first(&login.account, view, None, None)?.parse().ok()
    }

    /// Reads a log-in from request and answer.
    pub fn read_login(&self, login: &Login, view: &RequestView, answer: &Answer<'_>) -> LoginRead {
        let rule = login.success.as_ref().unwrap_or(&self.success);
        let sessions: Vec<String> = login
            .session
            .iter()
            .flat_map(|source| {
                let values = read(source, Some(view), Some(answer), None);
                self.as_carried(source, values)
            })
            .filter(|secret| !secret.is_empty() && secret.len() <= LONGEST)
            .collect();
        let session = sessions.first().map(String::as_str);
        let account = login
            .account
            .iter()
            .find_map(|source| read(source, Some(view), Some(answer), session).pop());
        let role = login
            .role
            .iter()
            .find_map(|source| read(source, Some(view), Some(answer), session).pop());
        let tenant = login
            .tenant
            .iter()
            .find_map(|source| read(source, Some(view), Some(answer), session).pop());
        LoginRead {
            success: rule.holds(answer) && (login.session.is_empty() || !sessions.is_empty()),
            identity: self.identity(account, role, tenant),
            sessions: sessions.into_iter().map(Raw::new).collect(),
        }
    }

    /// What an answer says of a push to somebody's second factor, and whose it was where that can be told; nothing while it
    /// waits.
    pub fn read_push(
        &self,
        route: &PushRoute,
        view: &RequestView,
        answer: &Answer<'_>,
    ) -> Option<(Push, Option<AccountId>)> {
        let holds = |rule: &Success| {
            // Of an answer that could not be read nothing is known.
            (rule.body.is_empty() || answer.body.is_some()) && rule.holds(answer)
        };
        let push = if holds(&route.accepted) {
            Push::Accepted
        } else if route.declined.as_ref().is_some_and(holds) {
            Push::Declined
        } else if route.unanswered.as_ref().is_some_and(holds) {
            Push::Unanswered
        } else {
            return None;
        };
        let account = first(&route.account, view, Some(answer), None);
        Some((push, account.and_then(|account| account.parse().ok())))
    }

    /// The secrets in cookie values, written as the carrier of that cookie writes them.
    fn as_carried(&self, source: &Source, values: Vec<String>) -> Vec<String> {
        let Source::SetCookie(cookie) = source else {
            return values;
        };
        let carrier = self
            .carriers
            .iter()
            .find(|carrier| matches!(&carrier.place, CarrierPlace::Cookie(name) if name == cookie));
        match carrier {
            Some(carrier) => values
                .into_iter()
                .filter_map(|value| Some(decode(&carrier.decode, &value)?.0))
                .collect(),
            None => values,
        }
    }

    /// Reads the answer of the `me` end point.
    pub fn read_me(&self, me: &Me, answer: &Answer<'_>) -> Option<Identity> {
        if !self.success.holds(answer) {
            return None;
        }
        let pick = |sources: &[Source]| {
            sources
                .iter()
                .find_map(|source| read(source, None, Some(answer), None).pop())
        };
        let identity = self.identity(pick(&me.account), pick(&me.role), pick(&me.tenant));
        identity.account.is_some().then_some(identity)
    }

    /// What an account name says by itself.
    pub fn identity_of(&self, account: AccountId) -> Identity {
        self.identity(Some(account.to_string()), None, None)
    }

    /// The sessions that an answer sets in cookies.
    pub fn sessions_set(&self, answer: &Answer<'_>) -> Vec<Raw<String>> {
        self.carriers
            .iter()
            .filter(|carrier| carrier.kind == CarrierKind::Session)
            .filter_map(|carrier| match &carrier.place {
                CarrierPlace::Cookie(name) => Some((name, &carrier.decode)),
                _ => None,
            })
            .flat_map(|(name, how)| {
                set_cookies(name, answer).filter_map(move |value| Some(decode(how, &value)?.0))
            })
            .filter(|secret| !secret.is_empty())
            .map(Raw::new)
            .collect()
    }

    /// Whether the SCRM calls this answer a success.
    pub fn succeeded(&self, route: Option<&Route>, answer: &Answer<'_>) -> bool {
        route
            .and_then(|route| route.success.as_ref())
            .unwrap_or(&self.success)
            .holds(answer)
    }

    fn identity(
        &self,
        account: Option<String>,
        role: Option<String>,
        tenant: Option<String>,
    ) -> Identity {
        let tenant = tenant.or_else(|| {
            let (_, tenant) = account.as_deref()?.rsplit_once(self.tenant_after?)?;
            Some(tenant.to_owned())
        });
        Identity {
            account: account.and_then(|account| account.parse().ok()),
            role: role.filter(|role| !role.is_empty()),
            tenant: tenant.and_then(|tenant| tenant.parse().ok()),
        }
    }
}

impl Success {
    /// Whether the answer is a success by this rule.
    pub fn holds(&self, answer: &Answer<'_>) -> bool {
        let status = if self.status.is_empty() {
            (200..400).contains(&answer.status)
        } else {
            self.status.contains(&answer.status)
        };
        let Some(body) = answer.body else {
            return status;
        };
        status
            && self.body.iter().all(|rule| match rule {
                BodyRule::Equals { at, value } => body.pointer(at) == Some(value),
                BodyRule::Absent(at) => body.pointer(at).is_none_or(is_nothing),
                BodyRule::Present(at) => body.pointer(at).is_some_and(|found| !is_nothing(found)),
            })
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn carried<'a>(place: &'a CarrierPlace, view: &'a RequestView) -> Vec<&'a str> {
    match place {
        CarrierPlace::Cookie(name) => {
            let pattern = Pattern::new(name);
            view.cookies()
                .filter(|(given, _)| pattern.matches(given))
                .map(|(_, value)| value)
                .collect()
        }
        CarrierPlace::Header(name) => view
            .headers
            .iter()
            .filter(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect(),
        CarrierPlace::Query(name) => view.query_values(name).collect(),
        CarrierPlace::Form(name) => view.form_values(name).collect(),
        CarrierPlace::Json(pointer) => view
            .json_at(pointer)
            .and_then(Value::as_str)
            .into_iter()
            .collect(),
    }
}

fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (word, rest) = text.split_once([' ', '\t'])?;
    word.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// The secret and the account of a credential.
fn decode(how: &Decode, text: &str) -> Option<(String, Option<String>)> {
    match how {
        Decode::Plain => Some((text.to_owned(), None)),
        Decode::Base64(parts) => {
            let plain = String::from_utf8(unbase64(text)?).ok()?;
            parted(parts, plain.splitn(parts.len(), ':'))
        }
        Decode::Parts(parts) => {
            let mut pieces: Vec<&str> = text.rsplitn(parts.len(), ':').collect();
            pieces.reverse();
            parted(parts, pieces.into_iter())
        }
        Decode::Json { secret, account } => {
            let plain = percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .ok()?;
            let value: Value = serde_json::from_str(&plain).ok()?;
            let secret = scalar(value.pointer(secret)?)?;
            let account = account
                .as_ref()
                .and_then(|pointer| scalar(value.pointer(pointer)?));
            Some((secret, account))
        }
        Decode::Jwt { account, session } => {
            let who = claim(text, account);
            let which = session
                .as_ref()
                .map_or_else(|| Some(text.to_owned()), |session| claim(text, session))?;
            Some((which, who))
        }
    }
}

fn parted<'a>(
    parts: &[Part],
    mut pieces: impl Iterator<Item = &'a str>,
) -> Option<(String, Option<String>)> {
    let (mut secret, mut account) = (None, None);
    for part in parts {
        let piece = pieces.next()?.to_owned();
        match part {
            Part::Account => account = Some(piece),
            Part::Secret => secret = Some(piece),
            Part::Skip => {}
        }
    }
    Some((secret?, account))
}

/// A claim of a JSON Web Token, its signature unchecked.
fn claim(token: &str, name: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let value: Value = serde_json::from_slice(&unbase64(payload)?).ok()?;
    scalar(value.get(name)?)
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
        .iter()
        .find_map(|engine| engine.decode(text).ok())
}

fn first(
    sources: &[Source],
    view: &RequestView,
    answer: Option<&Answer<'_>>,
    session: Option<&str>,
) -> Option<String> {
    sources
        .iter()
        .find_map(|source| read(source, Some(view), answer, session).pop())
}

/// The values that a source gives; several only for cookies.
fn read(
    source: &Source,
    view: Option<&RequestView>,
    answer: Option<&Answer<'_>>,
    session: Option<&str>,
) -> Vec<String> {
    let one = match source {
        Source::RequestJson(pointer) => view.and_then(|view| scalar(view.json_at(pointer)?)),
        Source::RequestForm(name) => {
            view.and_then(|view| view.form_values(name).next().map(str::to_owned))
        }
        Source::RequestQuery(name) => {
            view.and_then(|view| view.query_values(name).next().map(str::to_owned))
        }
        Source::RequestBasic(_) => view
            .and_then(|view| after_scheme(view.header("authorization")?, "basic"))
            .and_then(|text| decode(&Decode::Base64(vec![Part::Account, Part::Secret]), text)?.1),
        Source::Body(pointer) => answer.and_then(|answer| scalar(answer.body?.pointer(pointer)?)),
        Source::Header(name) => answer.and_then(|answer| {
            answer
                .headers
                .iter()
                .find(|(given, _)| given.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        }),
        Source::Claim(name) => session.and_then(|token| claim(token, name)),
        Source::SetCookie(name) => {
            return answer
                .map(|answer| set_cookies(name, answer).collect())
                .unwrap_or_default();
        }
    };
    one.filter(|text| !text.is_empty()).into_iter().collect()
}

/// Values of the cookies of this name that an answer sets; not those that it clears.
fn set_cookies<'a>(name: &str, answer: &Answer<'a>) -> impl Iterator<Item = String> + use<'a> {
    let pattern = Pattern::new(name);
    answer
        .headers
        .iter()
        .filter(|(header, _)| header == "set-cookie")
        .filter_map(move |(_, line)| {
            let mut parts = line.split(';');
            let (given, value) = parts.next()?.split_once('=')?;
            let cleared = parts.any(|part| {
                let part = part.trim().to_ascii_lowercase();
                part == "max-age=0" || part.starts_with("max-age=-")
            });
            let value = value.trim().trim_matches('"');
            (pattern.matches(given.trim()) && !cleared && !value.is_empty())
                .then(|| value.to_owned())
        })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
