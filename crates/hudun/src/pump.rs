//! From the gateway's events to findings, cases and alerts, within a second.

use std::sync::{Arc, Mutex, PoisonError};

use hudun_core::{ExchangeEvent, Finding, TenantId, Timestamp};
use hudun_monitor::Monitor;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Findings that may wait to be taken in.
const WAITING: usize = 1_000;

/// The monitor, shared by the pump and by whoever closes a case.
#[derive(Clone)]
pub struct Watch(Arc<Mutex<Monitor>>);

impl Watch {
    /// Watches with this monitor.
    pub fn new(monitor: Monitor) -> Self {
        Self(Arc::new(Mutex::new(monitor)))
    }

    /// Lets alarms about the actor speak again.
    pub fn forget(&self, tenant: &TenantId, actor: &str) {
        self.lock().forget(tenant, actor);
    }

    /// States that were dropped because a quota was full.
    pub fn evicted(&self) -> u64 {
        self.lock().evicted()
    }

    fn observe(&self, event: ExchangeEvent) -> Vec<Finding> {
        self.lock().observe(event, Timestamp::now())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Monitor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// The queue between observing and taking in.
pub fn queue() -> (mpsc::Sender<Finding>, mpsc::Receiver<Finding>) {
    mpsc::channel(WAITING)
}
