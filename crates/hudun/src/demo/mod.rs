//! The demo: the bundled SCRM with synthetic customers, the guard in front of it, staff at work, and a real attack.

mod addresses;
pub mod headless;
pub mod host;
pub mod mailbox;
pub mod people;
pub mod traffic;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use hudun_console::api::{self, Happening, Role as ConsoleRole};
use hudun_console::{DeskError, OpenAccount};
use hudun_core::{
    BoxFuture, DrillId, IncidentId, LedgerDraft, Level, Recorder, Scope, SubjectToken, Text,
    Timestamp,
};
use hudun_gateway::{TenantKeys, WafMode};
use hudun_prevent::drill::{Attack, AttackError, AttackReport, Plan};
use hudun_profile::Profile;
use hudun_scrm::Role;
use hudun_scrm::seed::{SeedPlan, StaffCredential, demo_staff};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::addresses::OneByOne;
use crate::config::{
    AffectedPart, AlertPart, Config, ConsolePart, GatewayPart, InspectionPart, RetentionPart,
    SmtpPart, SmtpTls,
};
use crate::direct::Verifier;
use crate::office::DemoControl;
use crate::system::{Extras, System};
use addresses::ScrmAddresses;
use host::ScrmHost;
use traffic::{Pace, Tally};

/// The profile of the bundled SCRM.
const PROFILE: &str = include_str!("../../../../profiles/hudun-scrm.yaml");
/// The firms of the demo, all of them fictional.
const ORGANISATIONS: &str = include_str!("organisations.yaml");
/// What the demo runs.
const ASSETS: &str = include_str!("assets.yaml");
/// From here the thief comes: a network that no member of staff uses.
const THIEF: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 66, 6, 6));
/// The account of the command line on this machine.
const LOCAL_ACCOUNT: &str = "local";
/// The file that tells the command line how to enter.
pub const LOCAL_FILE: &str = "local-account.json";
/// Accounts of the demo's console, with the names that others see.
const TEAM: [(&str, &str, &[ConsoleRole]); 6] = [
    (
        "commander",
        "林岚",
        &[ConsoleRole::Commander, ConsoleRole::Admin],
    ),
    ("security", "高远", &[ConsoleRole::Security]),
    ("it", "蒋涛", &[ConsoleRole::It]),
    ("legal", "沈律", &[ConsoleRole::Legal]),
    ("pr", "温言", &[ConsoleRole::Pr]),
    ("business", "方圆", &[ConsoleRole::Business]),
];

/// How the demo is to run.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// Folder of everything that is kept.
    pub data: PathBuf,
    /// Port of the gateway; the SCRM, the console and the public page take the next three. 0 takes free ports.
    pub port: u16,
    /// Whether the playbook starts by itself.
    pub auto: bool,
    /// Makes the customers, the staff and the attack.
    pub seed: u64,
    /// Customers; orders and messages in proportion.
    pub customers: u32,
    /// Whether nobody watches: a brisk pace, and console accounts whose passwords are known to the process.
    pub headless: bool,
    /// Who watches.
    pub watchers: Watchers,
}

/// Who watches the traffic of the demo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watchers {
    /// The fixed detections, the detection rules and the behaviour engine.
    #[default]
    All,
    /// The behaviour engine.
    BehaviourAlone,
    /// The detection rules.
    RulesAlone,
}

/// The running demo.
pub struct Demo {
    /// The machine.
    pub system: System,
    control: Arc<Control>,
    passwords: BTreeMap<String, String>,
    tally: Arc<Tally>,
    mail: PathBuf,
}

/// A drill on its way.
pub struct Drill {
    /// The stolen account.
    pub account: String,
    /// Ends with the attacker's own report.
    pub finished: JoinHandle<Result<AttackReport, AttackError>>,
}

/// Numbers of the staff's day.
#[derive(Clone, Copy, Debug, Default)]
pub struct StaffCount {
    /// Requests sent.
    pub requests: u64,
    /// Those with an error.
    pub errors: u64,
    /// Staff who lost their session.
    pub logged_out: u64,
}

impl Demo {
    /// Starts everything. `say` tells a person what goes on.
    ///
    /// # Errors
    /// What can't be started, with what to do.
    pub async fn start(
        options: DemoOptions,
        say: impl Fn(&str) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&options.data)
            .with_context(|| format!("the data folder {} can't be made", options.data.display()))?;
        let port = |offset: u16| {
            if options.port == 0 {
                0
            } else {
                options.port + offset
            }
        };
        let loopback = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let plan = SeedPlan {
            seed: options.seed,
            customers: options.customers,
            orders: options.customers * 10,
            messages: options.customers * 5,
        };
        let host = Arc::new(ScrmHost::bind(
            loopback(port(1)),
            options.data.join("scrm"),
            plan,
        )?);
        host.start(true, move |what, done, of| {
            say(&format!("SCRM: {what} {done}/{of}"))
        })
        .await?;
        let upstream = format!("http://{}", host.address()?);

        let mail = options.data.join("mail");
        std::fs::create_dir_all(&mail)?;
        let mailbox = TcpListener::bind(loopback(0)).await?;
        let mail_port = mailbox.local_addr()?.port();
        let control = Arc::new(Control::new(
            Arc::clone(&host),
            options.seed,
            upstream.clone(),
        ));
        let config = demo_config(
            &options,
            upstream,
            loopback(port(0)),
            loopback(port(2)),
            loopback(port(3)),
            mail_port,
        )?;
        let profile = profile()?;
        let addressed = Arc::clone(&host);
        let extras = Extras {
            demo: Some(control.clone()),
            profile: Some(profile),
            addressees: Some(Box::new(move |keys| {
                let keys = keys.clone();
                Arc::new(ScrmAddresses {
                    host: addressed,
                    keys,
                    questions: OneByOne::default(),
                })
            })),
        };
        let system = System::start(config, extras).await?;
        control.connect(&system);
        // Until a drill brings an account of its own, harmless checks go in with that of a salesperson.
        if let Some(person) = control.stealable.first() {
            let verifier = Verifier {
                upstream: control.upstream.clone(),
                account: person.account.clone(),
                password: person.password.clone(),
            };
            system.direct.use_account(verifier).await;
        }
        system
            .tasks
            .spawn(mailbox::serve(mailbox, mail.clone(), system.stop.clone()));

        let passwords = open_accounts(&system, options.headless).await?;
        open_local_account(&system, &options.data).await?;
        let staff: Vec<StaffCredential> = demo_staff(options.seed)
            .into_iter()
            .filter(|person| {
                !control
                    .stealable
                    .iter()
                    .any(|stolen| stolen.account == person.account)
            })
            .collect();
        let pace = if options.headless {
            Pace {
                from: Duration::from_millis(400),
                to: Duration::from_millis(2_000),
            }
        } else {
            Pace {
                from: Duration::from_secs(2),
                to: Duration::from_secs(9),
            }
        };
        let gateway = format!("http://{}", system.gateway_address);
        let tally = traffic::start(
            &gateway,
            staff,
            pace,
            options.seed,
            &system.stop,
            &system.tasks,
        );
        Ok(Self {
            system,
            control,
            passwords,
            tally,
            mail,
        })
    }

    /// Stops the guard, then the SCRM.
    ///
    /// # Errors
    /// When the SCRM had failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.system.stop().await;
        self.control.host.stop().await
    }

    /// Address of the SCRM as customers and staff use it: through the gateway.
    pub fn scrm_url(&self) -> String {
        format!("http://{}", self.system.gateway_address)
    }

    /// Address of the console.
    pub fn console_url(&self) -> String {
        format!("http://{}", self.system.console_address)
    }

    /// Address of the public page.
    pub fn affected_url(&self) -> Option<String> {
        let address = self.system.affected_address?;
        Some(format!("http://{address}"))
    }

    /// Accounts opened at this start, with their passwords. Empty on later starts.
    pub const fn passwords(&self) -> &BTreeMap<String, String> {
        &self.passwords
    }

    /// The folder of the demo's mailbox.
    pub fn mail_folder(&self) -> &Path {
        &self.mail
    }

    fn password(&self, account: &str) -> Option<&str> {
        self.passwords.get(account).map(String::as_str)
    }

    fn staff(&self) -> StaffCount {
        StaffCount {
            requests: self.tally.requests.load(Ordering::Relaxed),
            errors: self.tally.errors.load(Ordering::Relaxed),
            logged_out: self.tally.logged_out.load(Ordering::Relaxed),
        }
    }

    async fn mails(&self) -> u64 {
        let Ok(mut folder) = tokio::fs::read_dir(&self.mail).await else {
            return 0;
        };
        let mut count = 0;
        while let Ok(Some(_)) = folder.next_entry().await {
            count += 1;
        }
        count
    }

    async fn open_holes(&self) -> anyhow::Result<()> {
        if self.control.host.is_vulnerable().await {
            return Ok(());
        }
        self.control.host.start(true, |_, _, _| {}).await
    }

    async fn close_holes(&self) -> anyhow::Result<()> {
        self.control.host.start(false, |_, _, _| {}).await
    }

    async fn attack(&self, plan: Plan, seed: u64) -> anyhow::Result<Drill> {
        self.control.attack(plan, seed).await
    }

    fn verify(&self, pack: &[u8]) -> bool {
        let trust = hudun_ledger::Trust {
            key: Some(self.system.office.ledger.verifier()),
            ..Default::default()
        };
        let report = hudun_ledger::pack::verify(pack, &trust);
        if !report.is_sound() {
            tracing::error!(problems = ?report.problems, "the evidence pack does not verify");
        }
        report.is_sound()
    }

    async fn scope(&self, incident: IncidentId) -> anyhow::Result<Scope> {
        let record = self.system.office.analyst.scope(incident).await?;
        Ok(record.context("the case has no scope")?.scope)
    }

    /// The token under which Hudun knows a customer, from the product's own id: the truth's side of the comparison.
    fn token(&self, account: &str, id: i64) -> SubjectToken {
        let tenant = account.rsplit('@').next().unwrap_or_default();
        let tenant = tenant
            .parse()
            .unwrap_or_else(|_| unreachable!("tenants of the demo are identifiers"));
        self.system
            .keys
            .keyer(&tenant)
            .subject(hudun_pii::CUSTOMER, &id.to_string())
    }

    async fn alerts_about_others(&self, account: &str) -> anyhow::Result<u64> {
        let findings = self.system.office.cases.newest_findings(10_000).await?;
        let stolen = |name: &str| {
            self.control
                .stealable
                .iter()
                .any(|person| person.account == name)
        };
        let others = findings
            .iter()
            .filter(|finding| finding.level >= Level::High)
            .filter(|finding| finding.actor.name() != account && !stolen(&finding.actor.name()));
        Ok(others.count() as u64)
    }
}

/// What the console may do with the demo.
struct Control {
    host: Arc<ScrmHost>,
    upstream: String,
    /// One salesperson of each firm, who stays at home: their accounts are the ones that are stolen.
    stealable: Vec<StaffCredential>,
    inside: OnceLock<Inside>,
    running: Arc<Mutex<Option<String>>>,
    vulnerable: std::sync::atomic::AtomicBool,
}

/// The machine that the demo belongs to, known once it has started.
struct Inside {
    office: Arc<crate::office::Office>,
    direct: Arc<crate::direct::StraightAtScrm>,
    gateway: String,
}

impl Control {
    fn new(host: Arc<ScrmHost>, seed: u64, upstream: String) -> Self {
        let mut stealable: Vec<StaffCredential> = Vec::new();
        for person in demo_staff(seed) {
            let known = stealable.iter().any(|other| other.tenant == person.tenant);
            if person.role == Role::Sales && !known {
                stealable.push(person);
            }
        }
        Self {
            host,
            upstream,
            stealable,
            inside: OnceLock::new(),
            running: Arc::default(),
            vulnerable: std::sync::atomic::AtomicBool::new(true),
        }
    }

    fn connect(&self, system: &System) {
        let _set_once = self.inside.set(Inside {
            office: Arc::clone(&system.office),
            direct: Arc::clone(&system.direct),
            gateway: format!("http://{}", system.gateway_address),
        });
    }

    fn inside(&self) -> anyhow::Result<&Inside> {
        self.inside.get().context("the demo is still starting")
    }

    async fn attack(&self, plan: Plan, seed: u64) -> anyhow::Result<Drill> {
        let inside = self.inside()?;
        let at = (seed % self.stealable.len().max(1) as u64) as usize;
        let Some(stolen) = self.stealable.get(at) else {
            bail!("there is no account to steal")
        };
        let verifier = Verifier {
            upstream: self.upstream.clone(),
            account: stolen.account.clone(),
            password: stolen.password.clone(),
        };
        inside.direct.use_account(verifier).await;
        let attack = Attack::new(
            &inside.gateway,
            &stolen.account,
            &stolen.password,
            THIEF,
            plan,
            DrillId::new(),
        )?;
        let finished = tokio::spawn(async move { attack.run().await });
        Ok(Drill {
            account: stolen.account.clone(),
            finished,
        })
    }
}

impl DemoControl for Control {
    fn view(&self) -> api::DemoView {
        api::DemoView {
            scrm: self
                .inside
                .get()
                .map(|inside| inside.gateway.clone())
                .unwrap_or_default(),
            vulnerable: self.vulnerable.load(Ordering::Relaxed),
            drill: self
                .running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    fn start_drill<'a>(
        &'a self,
        name: &'a str,
        by: &'a str,
    ) -> BoxFuture<'a, Result<api::DrillView, DeskError>> {
        Box::pin(async move {
            if name != "stolen-account" {
                return Err(DeskError::NotFound("drill"));
            }
            let inside = self
                .inside()
                .map_err(|cause| DeskError::Internal(cause.to_string()))?;
            let started_at = Timestamp::now();
            {
                let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
                if running.is_some() {
                    return Err(DeskError::Conflict(Text::new(
                        "已有一次演练在进行，请等它结束。",
                        "A drill is running already; wait until it is over.",
                    )));
                }
                *running = Some(name.to_owned());
            }
            let began = self.begin(inside, by, started_at).await;
            if began.is_err() {
                *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            let (id, drill) = began.map_err(|cause| DeskError::Internal(cause.to_string()))?;
            inside.office.live.publish(
                started_at,
                Happening::Drill {
                    name: name.to_owned(),
                    running: true,
                },
            );
            self.watch(inside, name.to_owned(), drill);
            Ok(api::DrillView {
                id,
                name: name.to_owned(),
                started_at,
            })
        })
    }

    fn restart_hardened<'a>(&'a self, by: &'a str) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async move {
            let failed = |cause: anyhow::Error| DeskError::Internal(cause.to_string());
            self.host.start(false, |_, _, _| {}).await.map_err(failed)?;
            self.vulnerable.store(false, Ordering::Relaxed);
            let inside = self.inside().map_err(failed)?;
            record(
                inside,
                by,
                "demo.scrm-restarted",
                json!({ "vulnerable": false }),
            )
            .map_err(failed)
        })
    }
}

impl Control {
    async fn begin(
        &self,
        inside: &Inside,
        by: &str,
        at: Timestamp,
    ) -> anyhow::Result<(DrillId, Drill)> {
        if !self.host.is_vulnerable().await {
            self.host.start(true, |_, _, _| {}).await?;
        }
        self.vulnerable.store(true, Ordering::Relaxed);
        let seed = at.as_millis().cast_unsigned() % 3;
        record(
            inside,
            by,
            "drill.started",
            json!({ "name": "stolen-account" }),
        )?;
        Ok((
            DrillId::new(),
            self.attack(Plan::stolen_account(seed), seed).await?,
        ))
    }

    /// Tells when the attacker is done.
    fn watch(&self, inside: &Inside, name: String, drill: Drill) {
        let live = inside.office.live.clone();
        let running = Arc::clone(&self.running);
        tokio::spawn(async move {
            match drill.finished.await {
                Ok(Ok(report)) => tracing::info!(
                    customers = report.loot.len(),
                    foreign = report.foreign(),
                    shut_out = report.shut_out,
                    "the attacker is done"
                ),
                Ok(Err(error)) => tracing::warn!(%error, "the attack could not be carried out"),
                Err(error) => tracing::error!(%error, "the attack's task died"),
            }
            *running.lock().unwrap_or_else(PoisonError::into_inner) = None;
            live.publish(
                Timestamp::now(),
                Happening::Drill {
                    name,
                    running: false,
                },
            );
        });
    }
}

fn record(inside: &Inside, by: &str, kind: &str, body: serde_json::Value) -> anyhow::Result<()> {
    inside.office.ledger.record(LedgerDraft {
        at: Timestamp::now(),
        tenant: None,
        incident: None,
        by: by.to_owned(),
        kind: kind.to_owned(),
        body,
    })?;
    Ok(())
}

/// Opens the console accounts of the demo at its first start.
async fn open_accounts(
    system: &System,
    headless: bool,
) -> anyhow::Result<BTreeMap<String, String>> {
    let known = system.accounts.list().await?;
    let mut passwords = BTreeMap::new();
    for (account, name, roles) in TEAM {
        if known.iter().any(|view| view.account == account) {
            continue;
        }
        let password = system
            .accounts
            .open(OpenAccount {
                account: account.to_owned(),
                name: name.to_owned(),
                roles: roles.to_vec(),
                password: None,
                must_change: !headless,
                totp_secret: None,
            })
            .await?;
        passwords.insert(account.to_owned(), password);
    }
    Ok(passwords)
}

/// Opens the account with which the command line on this machine enters the demo's console; its password lies in the
/// data folder for the owner of the folder alone.
async fn open_local_account(system: &System, data: &Path) -> anyhow::Result<()> {
    let file = data.join(LOCAL_FILE);
    let known = system
        .accounts
        .list()
        .await?
        .iter()
        .any(|view| view.account == LOCAL_ACCOUNT);
    let before = std::fs::read_to_string(&file)
        .ok()
        .and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let kept = before
        .as_ref()
        .and_then(|local| local.get("password"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let password = match (known, kept) {
        (true, Some(password)) => password,
        (true, None) => system.accounts.reset(LOCAL_ACCOUNT).await?,
        (false, _) => {
            let account = OpenAccount {
                account: LOCAL_ACCOUNT.to_owned(),
                name: "命令行".to_owned(),
                roles: vec![ConsoleRole::Security, ConsoleRole::Auditor],
                password: None,
                must_change: false,
                totp_secret: None,
            };
            system.accounts.open(account).await?
        }
    };
    let console = format!("http://{}", system.console_address);
    let entrance = json!({ "console": console, "account": LOCAL_ACCOUNT, "password": password });
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(file)?, entrance.to_string().as_bytes())?;
    Ok(())
}

/// The profile of the bundled SCRM.
///
/// # Errors
/// When it is not the one that this program was built with.
pub fn profile() -> anyhow::Result<Profile> {
    Ok(Profile::parse(PROFILE, "profiles/hudun-scrm.yaml")?)
}

/// What the bundled SCRM needs to be watched rightly.
pub(crate) fn thresholds() -> hudun_monitor::Thresholds {
    hudun_monitor::Thresholds {
        own_scope_roles: vec!["sales".to_owned()],
        ..hudun_monitor::Thresholds::default()
    }
}

fn demo_config(
    options: &DemoOptions,
    upstream: String,
    gateway: SocketAddr,
    console: SocketAddr,
    affected: SocketAddr,
    mail_port: u16,
) -> anyhow::Result<Config> {
    let monitor = hudun_monitor::Thresholds {
        detectors: options.watchers == Watchers::All,
        rules: hudun_monitor::RuleSettings {
            on: options.watchers != Watchers::BehaviourAlone,
            folder: None,
        },
        // The drill shows the whole chain; a thief who is sent to the log-in page half way would cut it short.
        behaviour: hudun_monitor::BehaviourSettings {
            on: options.watchers != Watchers::RulesAlone,
            step_up: false,
            ..hudun_monitor::BehaviourSettings::default()
        },
        ..thresholds()
    };
    Ok(Config {
        retention: RetentionPart::default(),
        data: options.data.clone(),
        gateway: GatewayPart {
            listen: gateway,
            upstream,
            standby: None,
            upstream_ca: None,
            profile: PathBuf::from("profiles/hudun-scrm.yaml"),
            tenant: "yunxi".to_owned(),
            trusted_proxies: Vec::new(),
            tls: None,
            recent_minutes: 15,
            // The drill is about what happens when an attack gets through, so the hole in the search of customers is not
            // covered by the inspection here: it is noticed, and the playbook has to close it.
            inspection: InspectionPart {
                modules: BTreeMap::from([("customers".to_owned(), WafMode::Detect)]),
                ..InspectionPart::default()
            },
        },
        // The demo listens on loopback only, so the cookie needs no https and an authenticator is left out.
        console: ConsolePart {
            listen: console,
            second_step: false,
            secure_cookie: false,
        },
        affected: Some(AffectedPart {
            listen: affected,
            public_url: None,
            trusted_proxies: Vec::new(),
            hosted_at: None,
        }),
        store: None,
        sms: None,
        addresses: None,
        alerts: AlertPart {
            webhooks: Vec::new(),
            mail: vec!["security-lead@example.invalid".to_owned()],
        },
        smtp: Some(SmtpPart {
            host: "127.0.0.1".to_owned(),
            port: mail_port,
            tls: SmtpTls::None,
            from: "hudun@example.invalid".to_owned(),
            user: None,
            password_file: None,
            bounces: None,
        }),
        monitor,
        auto: options.auto,
        system: Some(json!({
            "name": "护盾演示 SCRM",
            "purpose": { "zh": "客户关系管理：客户、订单、会话存档", "en": "customer relations: customers, orders, chat archive" },
            "location": { "zh": "本机（演示）", "en": "this machine (demo)" },
            "connected": { "zh": "未发现影响其他系统", "en": "no effect on other systems was found" },
        })),
        intel: hudun_intel::feeds::FeedsConfig::default(),
        assets: serde_saphyr::from_str(ASSETS).context("assets.yaml")?,
        organisations: serde_saphyr::from_str(ORGANISATIONS).context("organisations.yaml")?,
        vendor: None,
        tenant_contacts: BTreeMap::new(),
        verifier: None,
    })
}
