//! What detection must not forget over a restart: the memory of the rules' correlations, and of each actor the networks, the
//! last log-in and what was told lately. The windows of the fixed detections (ten minutes) begin anew.

use std::io::Write;

use hudun_core::{Level, TenantId};
use hudun_sigma::{Engine, RuleSet};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::account::Network;
use crate::silence::Habit;
use crate::travel::Presence;
use crate::{Monitor, Rules};

/// Changes whenever an older program could misread the file.
const MARK: &[u8; 8] = b"hudundt1";

/// A picture of what is known, taken without holding events up for long; writing it can take its time.
#[derive(Debug)]
pub struct Kept {
    actors: Vec<KeptActor>,
    logs: Vec<(String, Habit)>,
    rules: Option<Engine>,
}

/// One actor of one tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptActor {
    pub(crate) tenant: TenantId,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) networks: Vec<Network>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_login: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) presence: Option<Presence>,
    /// Rule, how loud it spoke, when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) told: Vec<(String, Level, i64)>,
}

#[derive(Serialize)]
struct KnownRef<'a> {
    actors: &'a [KeptActor],
    logs: &'a [(String, Habit)],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    actors: Vec<KeptActor>,
    logs: Vec<(String, Habit)>,
}

/// The first part of a file: until log sources had habits it was a list of actors.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Now(Known),
    ActorsAlone(Vec<KeptActor>),
}

/// What was taken from a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Actors.
    pub actors: u64,
    /// Groups of correlations, and those that were left out: their rule changed, or their window is over.
    pub groups: hudun_sigma::Restored,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeptError {
    /// It is another file, or of another version.
    #[error("it is no memory of detection of this version")]
    Format,
    /// The part about actors is damaged.
    #[error("the part about actors is damaged")]
    Actors,
    /// The part about rules can't be used.
    #[error("the part about rules: {0}")]
    Rules(#[from] hudun_sigma::KeptError),
    /// It could not be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Kept {
    /// Writes it. `now`: the clock in Unix milliseconds; windows that are over are left out.
    ///
    /// # Errors
    /// [`KeptError::Io`].
    pub fn write(&self, now: i64, out: &mut impl Write) -> Result<(), KeptError> {
        let known = KnownRef {
            actors: &self.actors,
            logs: &self.logs,
        };
        let actors = serde_json::to_vec(&known).map_err(std::io::Error::from)?;
        out.write_all(MARK)?;
        out.write_all(&(actors.len() as u64).to_le_bytes())?;
        out.write_all(&crc32fast::hash(&actors).to_le_bytes())?;
        out.write_all(&actors)?;
        if let Some(engine) = &self.rules {
            engine.save(now, out)?;
        }
        Ok(())
    }
}

impl Monitor {
    /// A picture of what must outlive the process.
    pub fn kept(&self) -> Kept {
        Kept {
            actors: self.actors.kept(),
            logs: self.logs.kept(),
            rules: self.rules().map(Rules::engine),
        }
    }

    /// This monitor with these rules and with what [`Kept::write`] wrote. `now`: the clock in Unix milliseconds.
    ///
    /// # Errors
    /// [`KeptError`], with the monitor and the rules as if there had been no file.
    #[allow(clippy::result_large_err)] // both ways give the monitor back
    pub fn resumed(
        mut self,
        rules: Option<RuleSet>,
        now: i64,
        bytes: &[u8],
    ) -> Result<(Self, Restored), (Self, KeptError)> {
        let rules = rules.map(Arc::new);
        let taken = read(rules.as_ref(), now, bytes);
        match taken {
            Ok((known, resumed, groups)) => {
                let Known { actors, logs } = known;
                self.logs.restore(logs);
                let restored = Restored {
                    actors: actors.len() as u64,
                    groups,
                };
                self.actors.restore(actors, &self.thresholds, now);
                if let Some(resumed) = resumed {
                    self = self.with_rules(resumed);
                }
                Ok((self, restored))
            }
            Err(error) => {
                if let Some(rules) = rules {
                    self = self.with_rules(Rules::new(rules));
                }
                Err((self, error))
            }
        }
    }
}

type Taken = (Known, Option<Rules>, hudun_sigma::Restored);

fn read(rules: Option<&Arc<RuleSet>>, now: i64, bytes: &[u8]) -> Result<Taken, KeptError> {
    let rest = bytes.strip_prefix(MARK).ok_or(KeptError::Format)?;
    let (length, rest) = rest.split_first_chunk().ok_or(KeptError::Format)?;
    let (sum, rest) = rest.split_first_chunk().ok_or(KeptError::Format)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| KeptError::Actors)?;
    let (actors, rest) = rest.split_at_checked(length).ok_or(KeptError::Actors)?;
    if crc32fast::hash(actors).to_le_bytes() != *sum {
        return Err(KeptError::Actors);
    }
    let actors = match serde_json::from_slice(actors) {
        Ok(Written::Now(known)) => known,
        Ok(Written::ActorsAlone(actors)) => Known {
            actors,
            logs: Vec::new(),
        },
        Err(_) => return Err(KeptError::Actors),
    };
    let Some(rules) = rules else {
        return Ok((actors, None, hudun_sigma::Restored::default()));
    };
    if rest.is_empty() {
        // Written while there were no rules.
        let fresh = Rules::new(Arc::clone(rules));
        return Ok((actors, Some(fresh), hudun_sigma::Restored::default()));
    }
    let (rules, groups) = Rules::resumed(rules, now, rest)?;
    Ok((actors, Some(rules), groups))
}

#[cfg(test)]
mod tests {
    use hudun_core::Timestamp;

    use super::*;
    use crate::{LogSource, Thresholds};

    fn monitor() -> Monitor {
        Monitor::new(Thresholds {
            logs: vec![LogSource {
                name: "audit".to_owned(),
                file: "audit.log".into(),
                tenant: None,
                module: None,
                silent_after_seconds: None,
            }],
            ..Thresholds::default()
        })
    }

    #[test]
    fn habits_of_logs_outlive_a_restart_and_files_without_them_are_read() {
        let mut before = monitor();
        for at in 0..70 {
            before.log_spoke("audit", Timestamp::from_millis(at));
        }
        let mut bytes = Vec::new();
        before.kept().write(0, &mut bytes).unwrap();
        let (after, restored) = monitor().resumed(None, 0, &bytes).unwrap();
        assert_eq!(restored.actors, 0);
        assert_eq!(after.logs.kept(), before.logs.kept());

        let actors = br#"[{"tenant":"yunxi","name":"mei@yunxi","last_login":7}]"#;
        let mut old = MARK.to_vec();
        old.extend((actors.len() as u64).to_le_bytes());
        old.extend(crc32fast::hash(actors).to_le_bytes());
        old.extend(actors);
        let (after, restored) = monitor().resumed(None, 0, &old).unwrap();
        assert_eq!(restored.actors, 1);
        assert_eq!(after.kept().actors[0].last_login, Some(7));
    }
}
