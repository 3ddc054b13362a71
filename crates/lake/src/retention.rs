//! How long exchanges are kept, and what happens to those that are older.

use std::collections::HashSet;
use std::sync::Arc;

use hudun_core::{LossReason, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cold::Act;
use crate::error::LakeError;
use crate::lake::Lake;

/// How long exchanges are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days. The law asks for six months of network logs (Cybersecurity Law art. 23), which is 183 days.
    pub days: u32,
    /// States that fewer than 183 days are meant.
    pub below_legal_minimum: bool,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: 190,
            below_legal_minimum: false,
        }
    }
}

impl Retention {
    /// Refuses what the law does not allow, unless it is stated that this is meant.
    pub fn check(self) -> Result<(), LakeError> {
        if self.days >= LEGAL_DAYS {
            return Ok(());
        }
        if !self.below_legal_minimum {
            return Err(LakeError::RetentionTooShort { days: self.days });
        }
        tracing::warn!(
            days = self.days,
            legal = LEGAL_DAYS,
            "exchanges are kept for less time than the law asks for, because the configuration says so"
        );
        Ok(())
    }
}

/// What was removed because it was older than the retention; an entry for the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// Everything removed is older than this.
    pub before: Timestamp,
    /// The files, with the hash that the manifest has of them.
    pub files: Vec<(String, String)>,
    /// Exchanges in them.
    pub exchanges: u64,
    /// Always [`LossReason::Retention`].
    pub reason: LossReason,
}

impl Lake {
    /// Removes files in which everything is older than the retention, and tells what was removed: once the removal is
    /// durable and before the first file is deleted, `told` is called with it.
    pub async fn retain(
        &self,
        now: Timestamp,
        told: impl FnOnce(&Removal) + Send + 'static,
    ) -> Result<Option<Removal>, LakeError> {
        let mut manifest = Arc::clone(&self.shared.manifest).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let days = i64::from(shared.retention.days);
            let before = now.plus_millis(-days * 86_400_000);
            let mut old = shared.read().files.as_ref().clone();
            old.retain(|file| file.meta.to < before);
            if old.is_empty() {
                return Ok(None);
            }
            let removal = Removal {
                before,
                files: old
                    .iter()
                    .map(|file| (file.meta.path.clone(), file.meta.sha256.clone()))
                    .collect(),
                exchanges: old.iter().map(|file| file.meta.rows).sum(),
                reason: LossReason::Retention,
            };
            let act = Act::Removed {
                before,
                paths: removal.files.iter().map(|(path, _)| path.clone()).collect(),
                rows: removal.exchanges,
            };
            manifest.commit(now, act)?;
            told(&removal);
            let gone: HashSet<_> = old.iter().map(|file| file.meta.path.clone()).collect();
            let mut state = shared.write();
            let keep = |file: &&Arc<_>| {
                let file: &crate::cold::ColdFile = file;
                !gone.contains(&file.meta.path)
            };
            state.files = Arc::new(state.files.iter().filter(keep).cloned().collect());
            drop(state);
            // A question that is reading one of them finishes first: the file goes with its last reader.
            for file in old {
                file.doom();
            }
            Ok(Some(removal))
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| LakeError::Interrupted)?
    }
}

/// Six months, rounded up to days.
const LEGAL_DAYS: u32 = 183;
