//! From the gateway's events to findings, cases and alerts, within a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hudun_core::{ExchangeEvent, Finding, TenantId, Timestamp};
use hudun_monitor::{Kept, Monitor, Rules, StepUp};
use hudun_sigma::RuleSet;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Findings that may wait to be taken in.
const WAITING: usize = 1_000;
/// Actors that are written while events wait.
const PIECES: usize = 8;
/// In which events go on between them.
const PAUSE: Duration = Duration::from_micros(200);

/// What the detection rules did since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// Events that they were asked about.
    pub events: u64,
    /// Matches by rule.
    pub matches: BTreeMap<String, u64>,
    /// Changed sets that were faulty and not put in force.
    pub refused: u64,
}

/// The monitor, shared by the pump and by whoever closes a case.
#[derive(Clone)]
pub struct Watch {
    monitor: Arc<Mutex<Monitor>>,
    step_ups: mpsc::Sender<StepUp>,
    rules_refused: Arc<AtomicU64>,
}

impl Watch {
    /// Watches with this monitor. Fresh log-ins that it wants go to `step_ups`.
    pub fn new(monitor: Monitor, step_ups: mpsc::Sender<StepUp>) -> Self {
        Self {
            monitor: Arc::new(Mutex::new(monitor)),
            step_ups,
            rules_refused: Arc::default(),
        }
    }

    /// What the behaviour engine has learnt, as a snapshot; `None` when it is off.
    ///
    /// # Errors
    /// What can't be written.
    pub fn snapshot(&self) -> Result<Option<Vec<u8>>, hudun_monitor::engine::SnapshotError> {
        let mut bytes = Vec::new();
        let mut saving = None;
        // Piece by piece: events wait for none but the piece that is being written.
        loop {
            {
                let monitor = self.lock();
                let Some(behaviour) = monitor.behaviour() else {
                    return Ok(None);
                };
                let engine = behaviour.engine();
                let saving = saving.get_or_insert_with(|| engine.begin_saving());
                if !saving.go_on(engine, PIECES, &mut bytes)? {
                    return Ok(Some(bytes));
                }
            }
            // The lock is not fair: without a pause whoever waits for it might go on waiting.
            std::thread::sleep(PAUSE);
        }
    }

    /// What detection must not forget over a restart.
    pub fn kept(&self) -> Kept {
        self.lock().kept()
    }

    /// A log source was heard of.
    pub fn log_spoke(&self, name: &str, now: Timestamp) {
        self.lock().log_spoke(name, now);
    }

    /// Log sources that have fallen silent.
    pub fn silent_logs(&self, tenant: &TenantId, now: Timestamp) -> Vec<Finding> {
        self.lock().silent_logs(tenant, now)
    }

    /// Lets alarms about the actor speak again.
    pub fn forget(&self, tenant: &TenantId, actor: &str) {
        self.lock().forget(tenant, actor);
    }

    /// Puts other detection rules in force.
    pub fn reload_rules(&self, rules: RuleSet) {
        if let Some(in_force) = self.lock().rules_mut() {
            in_force.reload(rules);
        }
    }

    /// Notes that changed detection rules were faulty.
    pub fn rules_refused(&self) {
        self.rules_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// What the detection rules did so far.
    pub fn rule_counts(&self) -> RuleCounts {
        let monitor = self.lock();
        let rules = monitor.rules();
        RuleCounts {
            events: rules.map_or(0, Rules::events),
            matches: rules
                .map(|rules| rules.matches().clone())
                .unwrap_or_default(),
            refused: self.rules_refused.load(Ordering::Relaxed),
        }
    }

    /// States that were dropped because a quota was full.
    pub fn evicted(&self) -> u64 {
        self.lock().evicted()
    }

    pub(crate) fn observe(&self, event: ExchangeEvent) -> Vec<Finding> {
        let mut monitor = self.lock();
        let findings = monitor.observe(event, Timestamp::now());
        if let Some(behaviour) = monitor.behaviour_mut() {
            for wanted in behaviour.step_ups() {
                if self.step_ups.try_send(wanted).is_err() {
                    tracing::warn!("a fresh log-in was not asked for: too many are waiting");
                }
            }
        }
        findings
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Monitor> {
        self.monitor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`run`] on a thread of its own, so that no work of the runtime, however long, stands between an event and its finding.
///
/// # Errors
/// The thread can't be started.
pub fn start(
    events: mpsc::Receiver<ExchangeEvent>,
    watch: Watch,
    findings: mpsc::Sender<Finding>,
    note: impl Fn(&ExchangeEvent) + Send + 'static,
    stop: CancellationToken,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    std::thread::Builder::new()
        .name("detection".to_owned())
        .spawn(move || runtime.block_on(run(events, watch, findings, note, stop)))
}

/// Reads events until the gateway is gone or `stop` is cancelled. Observing never waits for the store: findings go on
/// through a queue of their own.
pub async fn run(
    mut events: mpsc::Receiver<ExchangeEvent>,
    watch: Watch,
    findings: mpsc::Sender<Finding>,
    note: impl Fn(&ExchangeEvent) + Send,
    stop: CancellationToken,
) {
    loop {
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            event = events.recv() => event,
        };
        let Some(event) = event else { return };
        note(&event);
        for finding in watch.observe(event) {
            // Findings are rare; waiting here is back-pressure on the monitor's queue, whose loss is counted.
            if findings.send(finding).await.is_err() {
                return;
            }
        }
    }
}

/// Fresh log-ins that may wait to be carried out.
pub const STEP_UPS: usize = 256;

/// The queue between observing and taking in.
pub fn queue() -> (mpsc::Sender<Finding>, mpsc::Receiver<Finding>) {
    mpsc::channel(WAITING)
}
