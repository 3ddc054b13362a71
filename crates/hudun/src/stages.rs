//! The stages, put together: adapters between what one part offers and what another one asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use hudun_analyze::Analyst;
use hudun_console::Live;
use hudun_console::api::{Health, PartHealth};
use hudun_contain::Keeper;
use hudun_core::{
    AccountId, BoxFuture, KindSet, LossReason, Recorder, SubjectToken, TenantId, Text, Timestamp,
    Window,
};
use hudun_duty::RuleSet;
use hudun_gateway::{Gateway, PolicyHandle};
use hudun_inform::{
    Addressee, Addressees, AlertTarget, Contact, InformSettings, LetterSeal, MailSecurity,
    MailSettings, Postman, PostmanSettings, TenantContact, WebhookTarget,
};
use hudun_lake::Lake;
use hudun_policy::Recorded;
use hudun_profile::Profile;
use hudun_respond::Cases;
use hudun_store::Store;

use crate::attacks::Attacks;
use crate::bench::{Bench, Tools};
use crate::catalogue::{Acts, Check};
use crate::config::{Config, SmtpTls};
use crate::direct::StraightAtScrm;
use crate::history::History;
use crate::intel::KnownHoles;
use crate::keys::MasterKey;
use crate::ledger::LedgerService;
use crate::office::{Historian, Informer, Meters, Playbooks, Probe, Recent};
use crate::sms::SmsPart;

/// What the stages are built from.
pub struct Needs<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// State.
    pub store: &'a Store,
    /// Keys.
    pub keys: &'a MasterKey,
    /// The record.
    pub ledger: &'a Arc<LedgerService>,
    /// Exchanges at rest.
    pub lake: &'a Arc<Lake>,
    /// Cases.
    pub cases: &'a Arc<Cases>,
    /// Restrictions.
    pub keeper: &'a Keeper,
    /// Scope and duties.
    pub analyst: &'a Arc<Analyst>,
    /// Law.
    pub rules: &'a Arc<RuleSet>,
    /// The SCRM's profile.
    pub profile: &'a Arc<Profile>,
    /// The inline part.
    pub gateway: &'a Arc<Gateway>,
    /// The policy in force.
    pub policy: &'a PolicyHandle,
    /// The SCRM itself.
    pub direct: &'a Arc<StraightAtScrm>,
    /// Playbooks that can be started.
    pub playbooks: &'a Arc<Playbooks>,
    /// What happens, for open pages.
    pub live: &'a Live,
    /// Who knows the addresses of persons.
    pub addressees: Arc<dyn Addressees>,
    /// Holes that were published.
    pub known: &'a Arc<KnownHoles>,
}

/// The stages behind the desk.
pub struct Stages {
    /// Patches and proofs.
    pub bench: Arc<Bench>,
    /// Actions of playbooks.
    pub acts: Arc<Acts>,
    /// What the inline part counts.
    pub meters: Arc<dyn Meters>,
    /// Notices.
    pub informer: Option<Arc<dyn Informer>>,
    /// Retrospectives.
    pub historian: Arc<History>,
    /// Alerts and letters.
    pub sender: Arc<hudun_inform::Informer>,
    /// Carries letters out.
    pub postman: Arc<Postman>,
}

impl Stages {
    /// Puts them together.
    ///
    /// # Errors
    /// What in the configuration can't be used.
    pub async fn open(needs: Needs<'_>) -> anyhow::Result<Self> {
        let recorder: Arc<dyn Recorder> = needs.ledger.clone();
        let bench = Arc::new(Bench::new(
            needs.store,
            needs.keeper.clone(),
            Arc::clone(needs.analyst),
            recorder.clone(),
            Attacks::new(needs.store, needs.keys),
            Tools {
                recent: Arc::new(RecentOf(Arc::clone(needs.gateway))),
                direct: Some(needs.direct.clone()),
                profile: Arc::clone(needs.profile),
                own_scope_roles: needs.config.monitor.own_scope_roles.clone(),
                known: Arc::clone(needs.known),
            },
        ));
        let settings = InformSettings {
            staff: needs.config.alerts.mail.clone(),
            tenants: tenant_contacts(needs.config)?,
            alerts: alert_targets(needs.config),
            ways: needs
                .config
                .sms
                .as_ref()
                .map(SmsPart::ways)
                .unwrap_or_default(),
            seal: Some(letter_seal(needs.keys)),
        };
        let sender = Arc::new(hudun_inform::Informer::new(
            needs.store,
            Arc::clone(needs.rules),
            settings,
            Arc::clone(&needs.addressees),
            recorder.clone(),
        ));
        let domain = mail_domain(needs.config);
        let informer =
            crate::notices::notices(Arc::clone(&sender), Arc::clone(needs.analyst), domain);
        let historian = Arc::new(History::new(&needs));
        let acts = Arc::new(Acts {
            cases: Arc::clone(needs.cases),
            keeper: needs.keeper.clone(),
            analyst: Arc::clone(needs.analyst),
            bench: Arc::clone(&bench),
            ledger: Arc::clone(needs.ledger),
            probe: Arc::new(Asked(needs.policy.clone())),
            informer: Some(Arc::clone(&informer)),
            historian: Some(historian.clone() as Arc<dyn Historian>),
            kinds_held: kinds_of(needs.profile),
            lake: Arc::clone(needs.lake),
            checks: Check::collection(needs.store),
            live: needs.live.clone(),
        });
        let postman = Arc::new(
            Postman::open(needs.store, postman_settings(needs.config, needs.keys)?).await?,
        );
        let meters = Arc::new(GatewayMeters {
            gateway: Arc::clone(needs.gateway),
            lake: Arc::clone(needs.lake),
        });
        Ok(Self {
            bench,
            acts,
            meters,
            informer: Some(informer),
            historian,
            sender,
            postman,
        })
    }
}

/// Every kind that the profile says the SCRM holds.
fn kinds_of(profile: &Profile) -> KindSet {
    profile
        .fields
        .values()
        .flat_map(|fields| fields.kinds.values().copied())
        .collect()
}

/// Who receives the vendor's letter at each firm.
fn tenant_contacts(config: &Config) -> anyhow::Result<BTreeMap<TenantId, TenantContact>> {
    let mut contacts = BTreeMap::new();
    for (tenant, part) in &config.tenant_contacts {
        let field = || format!("tenant_contacts.{tenant}");
        let id: TenantId = tenant.parse().with_context(field)?;
        anyhow::ensure!(
            config.organisations.contains_key(tenant),
            "{}: organisations knows no such firm",
            field()
        );
        // The same check as for every address that a letter goes to, at the start and not when it matters.
        anyhow::ensure!(
            hudun_inform::is_address(&part.email),
            "{}.email: {:?} is no e-mail address",
            field(),
            part.email
        );
        let contact = TenantContact {
            name: part.name.clone(),
            email: part.email.clone(),
            lang: part.language,
        };
        contacts.insert(id, contact);
    }
    Ok(contacts)
}

fn alert_targets(config: &Config) -> Vec<AlertTarget> {
    let mail = config.alerts.mail.iter().cloned().map(AlertTarget::Mail);
    let webhooks = config
        .alerts
        .webhooks
        .iter()
        .map(|webhook| AlertTarget::Webhook(webhook.url.clone()));
    mail.chain(webhooks).collect()
}

/// What letters in the outbox are sealed with.
fn letter_seal(keys: &MasterKey) -> LetterSeal {
    LetterSeal::new(keys.derive("outbox"))
}

fn postman_settings(config: &Config, keys: &MasterKey) -> anyhow::Result<PostmanSettings> {
    let mut webhooks = BTreeMap::new();
    for webhook in &config.alerts.webhooks {
        let secret = secret(&webhook.secret_file).context("alerts.webhooks.secret_file")?;
        webhooks.insert(
            webhook.url.clone(),
            WebhookTarget {
                url: webhook.url.clone(),
                secret,
                ca: webhook.ca.clone(),
            },
        );
    }
    let mail = config.smtp.as_ref().map(|smtp| {
        let password = smtp
            .password_file
            .as_ref()
            .map(|file| secret(file))
            .transpose()
            .context("smtp.password_file")?;
        anyhow::Ok(MailSettings {
            host: smtp.host.clone(),
            port: smtp.port,
            security: match smtp.tls {
                SmtpTls::Starttls => MailSecurity::Starttls,
                SmtpTls::Implicit => MailSecurity::Tls,
                SmtpTls::None => MailSecurity::None,
            },
            user: smtp.user.clone(),
            password,
            from: smtp.from.clone(),
            return_path: smtp
                .bounces
                .as_ref()
                .and_then(|bounces| bounces.return_path.clone()),
        })
    });
    Ok(PostmanSettings {
        mail: mail.transpose()?,
        sms: config.sms.as_ref().map(SmsPart::settings).transpose()?,
        seal: Some(letter_seal(keys)),
        webhooks,
        ..PostmanSettings::default()
    })
}

fn secret(file: &std::path::Path) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(file)
        .with_context(|| file.display().to_string())?
        .trim()
        .to_owned())
}

/// The policy in force, asked what it would do.
struct Asked(PolicyHandle);

impl Probe for Asked {
    fn refuses(&self, account: &AccountId) -> bool {
        self.0.load().refuses_account(account, Timestamp::now())
    }
}

pub(crate) struct RecentOf(pub(crate) Arc<Gateway>);

impl Recent for RecentOf {
    fn snapshot(&self, window: Window) -> Vec<Arc<Recorded>> {
        self.0.recent().snapshot(window)
    }
}

struct GatewayMeters {
    gateway: Arc<Gateway>,
    lake: Arc<Lake>,
}

impl Meters for GatewayMeters {
    fn losses(&self) -> Vec<(LossReason, u64)> {
        let metrics = self.gateway.metrics();
        let counted = LossReason::ALL
            .into_iter()
            .map(|reason| (reason, metrics.lost(reason)));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    fn released(&self) -> (u64, u64) {
        let metrics = self.gateway.metrics();
        (metrics.bytes_released.get(), metrics.bytes_explained.get())
    }

    fn parts(&self) -> Vec<PartHealth> {
        let health = self.gateway.health();
        let journal_fails = self.lake.journal().metrics().is_failing();
        vec![
            part(
                "gateway",
                Text::new("网关", "gateway"),
                true,
                Text::new("在线", "in line"),
            ),
            part(
                "scrm",
                Text::new("SCRM", "SCRM"),
                health.upstream,
                if health.upstream {
                    Text::new("可达", "reachable")
                } else {
                    Text::new(
                        "连接不上，请检查 SCRM 是否在运行",
                        "can't be reached; does it run?",
                    )
                },
            ),
            part(
                "journal",
                Text::new("流水账", "journal"),
                !journal_fails,
                if journal_fails {
                    Text::new(
                        "写入失败，请检查磁盘空间",
                        "can't be written; check the disk",
                    )
                } else {
                    Text::new(
                        "每条记录先落盘再放行",
                        "every record is on disk before bytes leave",
                    )
                },
            ),
        ]
    }
}

fn part(id: &str, label: Text, works: bool, note: Text) -> PartHealth {
    PartHealth {
        id: id.to_owned(),
        label,
        health: if works { Health::Ok } else { Health::Down },
        note,
    }
}

/// The domain of the address that letters come from.
fn mail_domain(config: &Config) -> String {
    let from = config.smtp.as_ref().map(|smtp| smtp.from.as_str());
    let domain = from.and_then(|from| from.trim_end_matches('>').rsplit_once('@'));
    domain.map_or_else(String::new, |(_, domain)| domain.to_owned())
}

/// Says that nobody knows the addresses, for installations that send personal notices by other means.
pub struct NoAddresses;

impl Addressees for NoAddresses {
    fn addresses<'a>(
        &'a self,
        _tenant: &'a TenantId,
        _tokens: &'a [SubjectToken],
    ) -> BoxFuture<'a, Result<Vec<Addressee>, String>> {
        Box::pin(std::future::ready(Err(
            "no source of addresses is configured: give one as `addresses` in the configuration, or export the notice".to_owned(),
        )))
    }

    fn reached_at<'a>(
        &'a self,
        _contact: &'a Contact,
        _tenants: &'a [TenantId],
    ) -> BoxFuture<'a, Result<Vec<(TenantId, SubjectToken)>, String>> {
        // Persons whom the SCRM names by their address are found without a list.
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}
