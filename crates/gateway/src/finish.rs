//! The end of an exchange, told exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use hudun_core::{Delivery, ExchangeEnd, ExchangeEvent, ExchangeId, KindSet, Refusal, Timestamp};
use hudun_policy::{Recorded, ResponseFacts};
use hudun_seclang::Lesson;

use crate::Gateway;
use crate::account::JournalRecord;

/// Tells how an exchange ended: [`Finisher::delivered`] when the client has it all, on drop when the connection broke.
pub(crate) struct Finisher(Option<Box<Pending>>);

/// What is known of an exchange that is not over.
pub(crate) struct Pending {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) exchange: ExchangeId,
    pub(crate) at: Timestamp,
    pub(crate) status: u16,
    pub(crate) success: bool,
    pub(crate) request_bytes: Arc<AtomicU64>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) refusal: Option<Refusal>,
    /// Nothing of the SCRM's answer leaves, whatever becomes of the connection.
    pub(crate) withheld: bool,
    pub(crate) recorded: Option<Box<Recorded>>,
    /// What it teaches about its parameters when it went well.
    pub(crate) lesson: Lesson,
}

/// What has been released so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) groups: AtomicU32,
    pub(crate) bytes: AtomicU64,
    pub(crate) rows: AtomicU32,
    pub(crate) foreign_rows: AtomicU32,
    pub(crate) kinds: AtomicU32,
    /// The answer was read as a whole, so that its facts are worth keeping.
    pub(crate) read: AtomicBool,
}

impl Progress {
    pub(crate) fn facts(&self) -> ResponseFacts {
        ResponseFacts {
            rows: self.rows.load(Ordering::Relaxed),
            foreign_rows: self.foreign_rows.load(Ordering::Relaxed),
            kinds: KindSet::from_bits(self.kinds.load(Ordering::Relaxed)),
        }
    }
}

impl Finisher {
    pub(crate) fn new(pending: Pending) -> Self {
        Self(Some(Box::new(pending)))
    }

    /// Tells nothing: somebody else tells the end of this exchange.
    pub(crate) const fn silent() -> Self {
        Self(None)
    }

    /// Everything was handed to the connection, and the connection took it.
    pub(crate) fn delivered(mut self) {
        if let Some(pending) = self.0.take() {
            pending.tell(Delivery::Delivered);
        }
    }
}

impl Drop for Finisher {
    fn drop(&mut self) {
        if let Some(pending) = self.0.take() {
            pending.tell(Delivery::Aborted);
        }
    }
}

impl std::fmt::Debug for Finisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Finisher")
    }
}

impl Pending {
    fn tell(self, delivery: Delivery) {
        let now = Timestamp::now();
        let end = ExchangeEnd {
            exchange: self.exchange,
            at: now,
            status: self.status,
            success: self.success,
            delivery: if self.withheld {
                Delivery::Withheld
            } else {
                delivery
            },
            groups: self.progress.groups.load(Ordering::Relaxed),
            request_bytes: self.request_bytes.load(Ordering::Relaxed),
            response_bytes: self.progress.bytes.load(Ordering::Relaxed),
            millis: u64::try_from(now.millis_since(self.at)).unwrap_or(0),
            refusal: self.refusal,
        };
        let gateway = &self.gateway;
        if let Err(error) = gateway
            .accounting
            .record_relaxed(JournalRecord::End(end.clone()))
        {
            gateway.metrics.accounting_failures.add(1);
            tracing::warn!(exchange = %end.exchange, %error, "the end of an exchange was not recorded");
        }
        gateway.emit(ExchangeEvent::End(end));
        if let Some(mut recorded) = self.recorded {
            if let Some(waf) = &gateway.waf
                && self.success
                && !self.withheld
            {
                waf.usuals
                    .learn(&recorded.resolution.primary().id, &self.lesson);
            }
            recorded.status = self.status;
            recorded.answer = (!self.withheld && self.progress.read.load(Ordering::Relaxed))
                .then(|| self.progress.facts());
            gateway.recent.push(recorded);
        }
    }
}
