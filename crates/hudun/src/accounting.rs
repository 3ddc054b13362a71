//! The gateway's door to the lake's journal.

use hudun_core::BoxFuture;
use hudun_gateway::{Accounting, AccountingError, JournalRecord};
use hudun_lake::{Journal, Record};

/// Accounting on the journal.
#[derive(Clone)]
pub struct JournalAccounting(pub Journal);

impl Accounting for JournalAccounting {
    fn record(&self, record: JournalRecord) -> BoxFuture<'_, Result<(), AccountingError>> {
        Box::pin(async move {
            self.0
                .append(translate(record))
                .await
                .map(|_durable| ())
                .map_err(|cause| AccountingError(cause.to_string()))
        })
    }

    fn record_relaxed(&self, record: JournalRecord) -> Result<(), AccountingError> {
        self.0
            .append_relaxed(translate(record))
            .map_err(|cause| AccountingError(cause.to_string()))
    }
}

fn translate(record: JournalRecord) -> Record {
    match record {
        JournalRecord::Head(head) => Record::Head(head),
        JournalRecord::Release(release) => Record::Release(release),
        JournalRecord::Small(head, release) => Record::Small(head, release),
        JournalRecord::End(end) => Record::End(end),
    }
}
