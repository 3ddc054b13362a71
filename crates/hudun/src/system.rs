//! One machine: everything opened, wired and running, and stopped again in order.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, bail};
use hudun_analyze::{Analyst, OrganisationSettings};
use hudun_bus::{PolicyBus, PolicySink};
use hudun_console::{Accounts, Console, Live, Settings};
use hudun_contain::Keeper;
use hudun_core::{LossReason, Policy, Recorder, TenantId, Timestamp};
use hudun_gateway::{
    Gateway, GatewayConfig, GatewayParts, HttpLimits, PolicyHandle, RecentTraffic, Tls, TlsFiles,
};
use hudun_lake::{Lake, LakeOptions};
use hudun_profile::Profile;
use hudun_respond::{Cases, ResponseRules, Runner};
use hudun_store::Store;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounting::JournalAccounting;
use crate::addresses::AddressFile;
use crate::affected::Announced;
use crate::bounces::Bounces;
use crate::care::Care;
use crate::config::{AffectedPart, Config};
use crate::desk::Desktop;
use crate::direct::{StraightAtScrm, Verifier};
use crate::intake::Intake;
use crate::keys::MasterKey;
use crate::ledger::LedgerService;
use crate::office::{Activity, DemoControl, Office, Playbooks};
use crate::pump::{self, Watch};
use crate::upkeep;
use crate::users::{StoreSessions, StoreUsers};
use crate::waf::Inspection;

/// Events of the gateway that may wait for the monitor.
const EVENTS: usize = 65_536;
/// The playbook that a grave case is offered.
const STOLEN_ACCOUNT: &[u8] = include_bytes!("../../../playbooks/stolen-account.json");
/// The playbook for a published vulnerability that is true of us.
const EXPOSURE: &[u8] = include_bytes!("../../../playbooks/exposure.json");

/// A running machine.
pub struct System {
    /// What the desk works with.
    pub office: Arc<Office>,
    /// Accounts of the console.
    pub accounts: Accounts,
    /// The inline part.
    pub gateway: Arc<Gateway>,
    /// Keys of persons.
    pub keys: MasterKey,
    /// The monitor.
    pub watch: Watch,
    /// Where repairs are proven.
    pub direct: Arc<StraightAtScrm>,
    /// Address of the gateway.
    pub gateway_address: SocketAddr,
    /// Address of the console.
    pub console_address: SocketAddr,
    /// Address of the public page, when there is one.
    pub affected_address: Option<SocketAddr>,
    /// Everything that runs.
    pub tasks: TaskTracker,
    /// Ends everything.
    pub stop: CancellationToken,
    /// Kept until the end: one process on one data folder.
    _folder: File,
}

/// Makes a source of addresses.
pub type AddresseesOf = Box<dyn FnOnce(&MasterKey) -> Arc<dyn hudun_inform::Addressees> + Send>;

/// What only the demo gives.
#[derive(Default)]
pub struct Extras {
    /// Controls of the demo.
    pub demo: Option<Arc<dyn DemoControl>>,
    /// The profile itself, where it does not lie in a file.
    pub profile: Option<Profile>,
    /// Who knows the addresses of persons, given the keys that name them.
    pub addressees: Option<AddresseesOf>,
}

impl System {
    /// Opens and starts everything.
    ///
    /// # Errors
    /// What can't be opened, with what to do.
    pub async fn start(config: Config, extras: Extras) -> anyhow::Result<Self> {
        let folder = claim(&config.data)?;
        let now = Timestamp::now();
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();

        let keys = MasterKey::open(&config.data.join("master.key")).context("the master key")?;
        let store = match &config.store {
            Some(url) => Store::open_url(url).await?,
            None => Store::open_file(&config.data.join("state.sqlite")).await?,
        };
        let (ledger, repair) = LedgerService::open(&config.data.join("ledger"), "hudun")?;
        if repair != Default::default() {
            tracing::warn!(
                ?repair,
                "the ledger ended in the middle of a line and was repaired"
            );
        }
        let ledger = Arc::new(ledger);
        let options = LakeOptions {
            retention: config.retention.into(),
            ..LakeOptions::default()
        };
        let (lake, report) = Lake::open(&config.data.join("lake"), options)?;
        if !report.repairs.is_empty() {
            tracing::warn!(repairs = ?report.repairs, "the journal ended in the middle of a record and was repaired");
        }
        let lake = Arc::new(lake);

        let profile = Arc::new(match extras.profile {
            Some(profile) => profile,
            None => read_profile(&config.gateway.profile)?,
        });
        let bus = Arc::new(PolicyBus::open(&store, now).await?);
        let policy = PolicyHandle::new(Policy::clone(&bus.current()))?;
        bus.attach(Arc::new(Enforcer(policy.clone())));

        let (events, received) = mpsc::channel(EVENTS);
        let inspection = Inspection::start(&config.gateway.inspection, &profile, &store)
            .await?
            .map(Arc::new);
        let waf = inspection.as_ref().map(|one| Arc::clone(&one.waf));
        let parts = GatewayParts {
            config: gateway_config(&config, &keys)?,
            profile: Arc::clone(&profile),
            policy: policy.clone(),
            accounting: Arc::new(JournalAccounting(lake.journal().clone())),
            sessions: StoreSessions::open(&store).await?,
            keys: Arc::new(keys.clone()),
            events,
            recent: RecentTraffic::new(config.gateway.recent_minutes),
            inspectors: Vec::new(),
        };
        let gateway = Gateway::with_rules(parts, waf)?;

        // A record cut off by a crash was never acknowledged, so nobody received what it speaks of.
        let torn = report.torn();
        if torn.0 > 0 {
            gateway.metrics().lose(LossReason::TornTail, torn.1.max(1));
        }
        let recorder: Arc<dyn Recorder> = ledger.clone();
        let live = Live::new();
        let cases =
            Arc::new(Cases::open(&store, ResponseRules::built_in()?, recorder.clone()).await?);
        let keeper = Keeper::new(Arc::clone(&bus), recorder.clone(), &store);
        let rules = Arc::new(hudun_duty::RuleSet::embedded()?);
        let organisations = organisations(&config)?;
        let analyst = Arc::new(Analyst::new(
            &store,
            Arc::clone(&lake),
            Arc::clone(&rules),
            organisations,
            recorder.clone(),
        ));
        let direct = Arc::new(StraightAtScrm::new(
            Arc::clone(&gateway),
            verifier(&config)?,
        ));
        let playbooks = Arc::new(Playbooks::read(vec![
            STOLEN_ACCOUNT.to_vec(),
            EXPOSURE.to_vec(),
        ])?);
        let recent = Arc::new(crate::stages::RecentOf(Arc::clone(&gateway)));
        let intel = crate::intel::open(
            &config,
            &store,
            &profile,
            gateway.clone(),
            direct.clone(),
            recent,
            now,
        )
        .await?;
        let addressees: Arc<dyn hudun_inform::Addressees> =
            match (extras.addressees, &config.addresses) {
                (Some(of), _) => of(&keys),
                (None, Some(file)) => Arc::new(AddressFile::new(file.clone(), keys.clone())),
                (None, None) => Arc::new(crate::stages::NoAddresses),
            };
        let care = Arc::new(Care::new(&store, &keys, Arc::clone(&cases), live.clone()));
        care.sweep().await?;
        let stages = crate::stages::Stages::open(crate::stages::Needs {
            config: &config,
            store: &store,
            keys: &keys,
            ledger: &ledger,
            lake: &lake,
            cases: &cases,
            keeper: &keeper,
            analyst: &analyst,
            rules: &rules,
            profile: &profile,
            gateway: &gateway,
            policy: &policy,
            direct: &direct,
            playbooks: &playbooks,
            live: &live,
            addressees: Arc::clone(&addressees),
            known: &intel.known,
        })
        .await?;
        stages.bench.forget_closed(&cases).await?;
        let runner = Runner::new(
            store.run_journal(),
            stages.acts.clone(),
            recorder.clone(),
            node_name(&config.data)?,
        );
        stages.historian.read_runs_of(Arc::clone(&runner));
        let intel = Arc::new(intel.with(
            config.gateway.tenant.parse()?,
            recorder.clone(),
            live.clone(),
        ));
        let office = Arc::new(Office {
            store: store.clone(),
            cases: Arc::clone(&cases),
            runner: Arc::clone(&runner),
            keeper: keeper.clone(),
            bus: Arc::clone(&bus),
            ledger: Arc::clone(&ledger),
            lake: Arc::clone(&lake),
            analyst,
            bench: stages.bench,
            acts: stages.acts,
            playbooks,
            live: live.clone(),
            meters: stages.meters,
            activity: Arc::new(Activity::default()),
            informer: stages.informer,
            historian: Some(stages.historian),
            inspection: inspection.clone(),
            care: Arc::clone(&care),
            intel: Arc::clone(&intel),
            demo: extras.demo,
            assessed: Mutex::default(),
        });

        let accounts = Accounts::new(Arc::new(StoreUsers::new(&store)))?;
        let console = Console {
            desk: Arc::new(Desktop(Arc::clone(&office))),
            accounts: accounts.clone(),
            recorder: recorder.clone(),
            live: live.clone(),
            settings: Settings {
                secure_cookie: config.console.secure_cookie,
                second_step_required: config.console.second_step,
                ..Settings::default()
            },
        };
        let (step_ups, wanted) = mpsc::channel(pump::STEP_UPS);
        let mut thresholds = config.monitor.clone();
        // Who can't see log-ins can't ask for one.
        thresholds.behaviour.step_up &= !profile.logins.is_empty();
        let monitor = crate::behaviour::open(&thresholds, &config.data)?;
        let monitor = crate::detection::open(monitor, &thresholds.rules, &config.data)?
            .at(crate::site::of(&profile, &thresholds, Some(&keys))?);
        let watch = Watch::new(monitor, step_ups);
        tasks.spawn(crate::detection::watch(
            watch.clone(),
            thresholds.rules.clone(),
            stop.clone(),
        ));
        tasks.spawn(crate::detection::keep(
            watch.clone(),
            config.data.clone(),
            stop.clone(),
        ));
        tasks.spawn(crate::behaviour::keep(
            watch.clone(),
            config.data.clone(),
            stop.clone(),
        ));
        tasks.spawn(crate::behaviour::step_up(
            keeper.clone(),
            wanted,
            stop.clone(),
        ));
        let page = config.affected.as_ref().map(|part| {
            let answers = Announced {
                inform: Arc::clone(&stages.sender),
                addressees,
                keys: keys.clone(),
                cases: Arc::clone(&cases),
                care,
                public_url: part.public_url.clone(),
                code_templates: config
                    .sms
                    .as_ref()
                    .map(|sms| sms.code_templates.clone())
                    .unwrap_or_default(),
            };
            affected_page(part, answers)
        });
        let page = page.transpose()?;
        let counts = page.as_ref().map(|page| page.counts());
        let bounces = config
            .smtp
            .as_ref()
            .and_then(|smtp| smtp.bounces.as_ref())
            .map(|part| {
                let (sender, cases) = (Arc::clone(&stages.sender), Arc::clone(&office.cases));
                Bounces::open(part, &office.store, sender, cases, office.live.clone())
            });
        let bounces = bounces.transpose().map_err(anyhow::Error::msg)?;
        let returned = bounces.as_ref().map(Bounces::counts);
        let told = crate::metrics::router(&office, &gateway, &watch, counts, returned);
        let router = console.router().merge(told);
        let gateway_listener = bind(config.gateway.listen, "gateway.listen").await?;
        let console_listener = bind(config.console.listen, "console.listen").await?;
        let affected_listener = match &config.affected {
            Some(part) => Some(bind(part.listen, "affected.listen").await?),
            None => None,
        };
        let reports = match config
            .sms
            .as_ref()
            .and_then(|sms| Some((sms, sms.reports.as_ref()?)))
        {
            Some((sms, part)) => {
                let routes = crate::sms::reports(sms, part, Arc::clone(&stages.postman))?;
                Some((bind(part.listen, "sms.reports.listen").await?, routes))
            }
            None => None,
        };
        let affected_address = affected_listener
            .as_ref()
            .map(TcpListener::local_addr)
            .transpose()?;
        let (gateway_address, console_address) = (
            gateway_listener.local_addr()?,
            console_listener.local_addr()?,
        );
        let tls = config.gateway.tls.as_ref();
        let tls = tls
            .map(|files| {
                Tls::load(TlsFiles {
                    cert: files.cert.clone(),
                    key: files.key.clone(),
                })
            })
            .transpose()?;

        let intake = Arc::new(Intake {
            office: Arc::clone(&office),
            sender: Arc::clone(&stages.sender),
            auto: config.auto,
        });
        let (findings, found) = pump::queue();
        let activity = Arc::clone(&office.activity);
        tasks.spawn(crate::logs::watch(
            watch.clone(),
            thresholds.logs.clone(),
            config.gateway.tenant.parse()?,
            crate::logs::LOOK,
            findings.clone(),
            stop.clone(),
        ));
        let detection = pump::start(
            received,
            watch.clone(),
            findings,
            move |event| activity.note(event),
            stop.clone(),
        )
        .context("the thread of detection")?;
        tasks.spawn_blocking(move || {
            if detection.join().is_err() {
                tracing::error!("detection has died; nothing is watched until a restart");
            }
        });
        tasks.spawn(Arc::clone(&intake).run(found, stop.clone()));
        let feeds = Arc::clone(&intel.feeds);
        let stopped = stop.clone();
        tasks.spawn(async move { feeds.run(stopped).await });
        tasks.spawn(intel.run(intake, stop.clone()));
        tasks.spawn(upkeep::keep_lake(
            Arc::clone(&office),
            Arc::clone(&gateway),
            stop.clone(),
        ));
        if let Some((listener, routes)) = reports {
            let ended = stop.clone();
            tasks.spawn(async move {
                let served = axum::serve(listener, routes)
                    .with_graceful_shutdown(async move { ended.cancelled().await });
                if let Err(error) = served.await {
                    tracing::error!(%error, "reports on text messages are not taken any more");
                }
            });
        }
        if let Some(bounces) = bounces {
            tasks.spawn(bounces.run(stop.clone()));
        }
        if let Some((listener, page)) = affected_listener.zip(page) {
            tasks.spawn(crate::affected::carry_codes(
                Arc::clone(&stages.sender),
                Arc::clone(&stages.postman),
                stop.clone(),
            ));
            tasks.spawn(serve_page(listener, page, stop.clone()));
        }
        tasks.spawn(upkeep::run(
            Arc::clone(&office),
            stages.sender,
            stages.postman,
            Arc::clone(&gateway),
            stop.clone(),
        ));
        if let Some(inspection) = inspection {
            tasks.spawn(Arc::clone(&inspection).keep_writing(stop.clone()));
            tasks.spawn(crate::waf::watch(
                inspection,
                config.gateway.inspection.clone(),
                stop.clone(),
            ));
        }
        tasks.spawn(Arc::clone(&gateway).serve(gateway_listener, tls, stop.clone()));
        let ended = stop.clone();
        tasks.spawn(async move {
            let served = axum::serve(
                console_listener,
                router.into_make_service_with_connect_info::<SocketAddr>(),
            )
            .with_graceful_shutdown(async move { ended.cancelled().await });
            if let Err(error) = served.await {
                tracing::error!(%error, "the console has stopped");
            }
        });
        tasks.spawn(forget_closed(
            Arc::clone(&office),
            watch.clone(),
            stop.clone(),
        ));
        resume_runs(&office).await;
        Ok(Self {
            office,
            accounts,
            gateway,
            keys,
            watch,
            direct,
            gateway_address,
            console_address,
            affected_address,
            tasks,
            stop,
            _folder: folder,
        })
    }

    /// Stops everything: open exchanges finish, then the record is closed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(Duration::from_secs(40), self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some tasks did not end in time");
        }
        if let Some(inspection) = &self.office.inspection
            && let Err(error) = inspection.write_down().await
        {
            tracing::error!(%error, "what the inspection has seen could not be written down");
        }
        self.office.store.close().await;
    }
}

fn affected_page(part: &AffectedPart, answers: Announced) -> anyhow::Result<hudun_affected::Page> {
    let proxies = hudun_affected::TrustedProxies::parse(&part.trusted_proxies);
    let settings = hudun_affected::Settings {
        phones: !answers.code_templates.is_empty(),
        proxies: proxies
            .map_err(anyhow::Error::msg)
            .context("affected.trusted_proxies")?,
        hosted_at: part
            .hosted_at
            .as_deref()
            .map(hudun_affected::origin)
            .transpose()
            .context("affected.hosted_at")?,
        ..hudun_affected::Settings::default()
    };
    Ok(hudun_affected::Page::new(Arc::new(answers), settings))
}

async fn serve_page(listener: TcpListener, page: hudun_affected::Page, stop: CancellationToken) {
    let service = page
        .router()
        .into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service)
        .with_graceful_shutdown(async move { stop.cancelled().await });
    if let Err(error) = served.await {
        tracing::error!(%error, "the public page has stopped");
    }
}

/// Makes the folder and takes it for this process.
pub(crate) fn claim(folder: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(folder).with_context(|| {
        format!(
            "the data folder {} can't be made; is it writable?",
            folder.display()
        )
    })?;
    let path = folder.join("hudun.lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("the data folder {} is not writable", folder.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!(
                "another hudun process uses the data folder {}; stop it, or choose another with --data",
                folder.display()
            )
        }
        Err(std::fs::TryLockError::Error(cause)) => {
            Err(cause).context("the lock of the data folder")
        }
    }
}

async fn bind(address: SocketAddr, field: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "{field}: {address} can't be used; is another program on this port? Choose another one"
        )
    })
}

/// Reads a profile and refuses one with faults.
///
/// # Errors
/// File, line and field.
pub fn read_profile(file: &Path) -> anyhow::Result<Profile> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("the profile {}", file.display()))?;
    Ok(Profile::parse(&text, &file.display().to_string())?)
}

/// The name under which this machine holds runs; the same after a restart.
fn node_name(folder: &Path) -> anyhow::Result<String> {
    let file = folder.join("node");
    if let Ok(name) = std::fs::read_to_string(&file) {
        return Ok(name.trim().to_owned());
    }
    let name = uuid::Uuid::now_v7().simple().to_string();
    std::fs::write(&file, &name)?;
    Ok(name)
}

fn gateway_config(config: &Config, keys: &MasterKey) -> anyhow::Result<GatewayConfig> {
    let part = &config.gateway;
    Ok(GatewayConfig {
        upstream: part.upstream.parse().context("gateway.upstream")?,
        standby: part
            .standby
            .as_ref()
            .map(|uri| uri.parse())
            .transpose()
            .context("gateway.standby")?,
        upstream_ca: part.upstream_ca.clone(),
        trusted_proxies: part
            .trusted_proxies
            .iter()
            .map(|net| net.parse())
            .collect::<Result<_, _>>()
            .context("gateway.trusted_proxies")?,
        tenant: part.tenant.parse().context("gateway.tenant")?,
        key: keys.derive("gateway/sessions"),
        limits: HttpLimits::default(),
    })
}

fn organisations(config: &Config) -> anyhow::Result<OrganisationSettings> {
    let mut tenants = BTreeMap::new();
    let system = match &config.system {
        Some(system) => serde_json::from_value(system.clone()).context("system")?,
        None => hudun_duty::SystemInfo::default(),
    };
    for (tenant, organisation) in &config.organisations {
        let id: TenantId = tenant
            .parse()
            .with_context(|| format!("organisations.{tenant}"))?;
        let organisation = serde_json::from_value(organisation.clone())
            .with_context(|| format!("organisations.{tenant}"))?;
        tenants.insert(id, organisation);
    }
    let vendor = config.vendor.clone().map(serde_json::from_value);
    Ok(OrganisationSettings {
        tenants,
        vendor: vendor.transpose().context("vendor")?,
        system,
    })
}

fn verifier(config: &Config) -> anyhow::Result<Option<Verifier>> {
    let Some(part) = &config.verifier else {
        return Ok(None);
    };
    let password = std::fs::read_to_string(&part.password_file)
        .with_context(|| format!("verifier.password_file: {}", part.password_file.display()))?;
    Ok(Some(Verifier {
        upstream: config.gateway.upstream.trim_end_matches('/').to_owned(),
        account: part.account.clone(),
        password: password.trim().to_owned(),
    }))
}

/// Once a case is closed, an alarm about the same actor must speak again at once.
async fn forget_closed(office: Arc<Office>, watch: Watch, stop: CancellationToken) {
    let mut entries = office.ledger.follow();
    loop {
        let entry = tokio::select! {
            () = stop.cancelled() => return,
            entry = entries.recv() => entry,
        };
        let entry = match entry {
            Ok(entry) => entry,
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => continue,
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        };
        if entry.kind != "incident.closed" {
            continue;
        }
        let Some(Ok(id)) = entry.incident.as_ref().map(|id| id.parse()) else {
            continue;
        };
        if let Ok(incident) = office.cases.get(id).await {
            for suspect in &incident.suspects {
                watch.forget(&incident.tenant, suspect.as_str());
            }
        }
    }
}

/// Goes on with every run that the last process left in the middle.
async fn resume_runs(office: &Office) {
    let Ok(incidents) = office.cases.newest(1_000).await else {
        return;
    };
    for incident in incidents {
        let Some(run) = incident.run else { continue };
        let ended = office
            .runner
            .view(run)
            .await
            .is_ok_and(|view| view.ended_at.is_some());
        if ended {
            continue;
        }
        match office.runner.resume(run, incident.tenant.clone()).await {
            Ok(()) => tracing::info!(%run, "a playbook run goes on where it was left"),
            Err(error) => tracing::error!(%run, %error, "a playbook run can't go on"),
        }
    }
}

/// The gateway of this process as an enforcer of policy.
struct Enforcer(PolicyHandle);

impl PolicySink for Enforcer {
    fn accept(&self, policy: &Policy) -> Result<(), String> {
        hudun_policy::Compiled::new(policy.clone())
            .map(|_| ())
            .map_err(|cause| cause.to_string())
    }

    fn enforce(&self, policy: &Arc<Policy>) {
        if let Err(error) = self.0.swap(Policy::clone(policy)) {
            tracing::error!(%error, "an accepted policy could not be put in force");
        }
    }
}
