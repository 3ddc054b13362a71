//! State at rest: a header line, one JSON line for each actor and role, and a checksum over all of it.

use std::io::{BufRead, Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::actor::ActorState;
use crate::engine::Engine;
use crate::login::Census;
use crate::peers::Role;
use crate::settings::{Settings, SettingsError};

/// What the file says of itself.
const FORMAT: &str = "hudun-behaviour";
/// Changes whenever an older engine could misread the file.
const VERSION: u32 = 1;
/// Longest line that is read, bytes.
const LONGEST: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    evicted: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum LineRef<'a> {
    Actor {
        tenant: &'a str,
        name: &'a str,
        state: &'a ActorState,
    },
    Role {
        tenant: &'a str,
        name: &'a str,
        state: &'a Role,
    },
    Census {
        tenant: &'a str,
        state: &'a Census,
    },
    End {
        lines: u64,
        crc32: u32,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    Actor {
        tenant: String,
        name: String,
        state: Box<ActorState>,
    },
    Role {
        tenant: String,
        name: String,
        state: Box<Role>,
    },
    Census {
        tenant: String,
        state: Box<Census>,
    },
    End {
        lines: u64,
        crc32: u32,
    },
}

impl Engine {
    /// Writes everything that was learnt.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn save(&self, out: &mut impl Write) -> Result<(), SnapshotError> {
        let mut saving = self.begin_saving();
        while saving.go_on(self, usize::MAX, out)? {}
        out.flush()?;
        Ok(())
    }

    /// Begins to write piece by piece, for an engine that others wait for.
    #[must_use]
    pub fn begin_saving(&self) -> Saving {
        let mut pieces = Vec::new();
        for (tenant, of_tenant) in &self.tenants {
            let tenant: Arc<str> = tenant.as_str().into();
            pieces.push((Arc::clone(&tenant), Piece::Census));
            let roles = of_tenant.roles.keys();
            pieces.extend(roles.map(|name| (Arc::clone(&tenant), Piece::Role(name.clone()))));
            let actors = of_tenant.actors.keys();
            pieces.extend(actors.map(|name| (Arc::clone(&tenant), Piece::Actor(name.clone()))));
        }
        // Taken from the end.
        pieces.reverse();
        Saving {
            header: Some(Header {
                format: FORMAT.to_owned(),
                version: VERSION,
                evicted: self.evicted,
            }),
            pieces,
            hasher: crc32fast::Hasher::new(),
            lines: 0,
        }
    }

    /// Reads what [`Engine::save`] wrote. All or nothing: on an error nothing of the file is used, and a new engine judges
    /// by peers and the built-in baseline.
    ///
    /// # Errors
    /// [`SnapshotError`] naming the line.
    pub fn load(
        settings: Settings,
        own_scope_roles: Vec<String>,
        from: &mut impl BufRead,
    ) -> Result<Self, SnapshotError> {
        let mut engine = Self::new(settings, own_scope_roles)?;
        let mut hasher = crc32fast::Hasher::new();
        let mut number = 0_u64;
        let mut line = Vec::new();
        loop {
            line.clear();
            from.take(LONGEST).read_until(b'\n', &mut line)?;
            let before = hasher.clone().finalize();
            hasher.update(&line);
            number += 1;
            if line.pop() != Some(b'\n') {
                return Err(SnapshotError::Torn { line: number });
            }
            let bad = |problem: String| SnapshotError::Line {
                line: number,
                problem,
            };
            if number == 1 {
                let header: Value =
                    serde_json::from_slice(&line).map_err(|cause| bad(cause.to_string()))?;
                if header.get("format").and_then(Value::as_str) != Some(FORMAT) {
                    return Err(bad("not a snapshot of the behaviour engine".to_owned()));
                }
                let version = header
                    .get("version")
                    .and_then(Value::as_u64)
                    .unwrap_or_default();
                if version != u64::from(VERSION) {
                    return Err(SnapshotError::Version {
                        found: version,
                        wanted: VERSION,
                    });
                }
                let header: Header =
                    serde_json::from_value(header).map_err(|cause| bad(cause.to_string()))?;
                engine.evicted = header.evicted;
                continue;
            }
            match serde_json::from_slice(&line).map_err(|cause| bad(cause.to_string()))? {
                Line::Actor {
                    tenant,
                    name,
                    state,
                } => {
                    if !state.is_sound() {
                        return Err(bad(format!("the state of {name:?} breaks its bounds")));
                    }
                    let most = engine.settings.actors_per_tenant;
                    let of_tenant = engine.tenants.entry(tenant).or_default();
                    if of_tenant.actors.len() < most {
                        of_tenant.actors.insert(name, *state);
                    } else {
                        engine.evicted += 1;
                    }
                }
                Line::Role {
                    tenant,
                    name,
                    state,
                } => {
                    if !state.is_sound() {
                        return Err(bad(format!(
                            "the baseline of role {name:?} breaks its bounds"
                        )));
                    }
                    engine
                        .tenants
                        .entry(tenant)
                        .or_default()
                        .roles
                        .insert(name, *state);
                }
                Line::Census { tenant, state } => {
                    if !state.is_sound() {
                        return Err(bad("the log-ins of a tenant break their bounds".to_owned()));
                    }
                    engine.tenants.entry(tenant).or_default().census = *state;
                }
                Line::End { lines, crc32 } => {
                    if lines != number - 1 || crc32 != before {
                        return Err(SnapshotError::Checksum);
                    }
                    return Ok(engine);
                }
            }
        }
    }
}

/// A snapshot that is being written.
///
/// Every actor stands in it as it was when its piece was written; between two pieces the engine may judge and learn.
pub struct Saving {
    header: Option<Header>,
    pieces: Vec<(Arc<str>, Piece)>,
    hasher: crc32fast::Hasher,
    lines: u64,
}

enum Piece {
    Census,
    Role(String),
    Actor(String),
}

impl Saving {
    /// Writes at most so many pieces more; whether there is more to write.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn go_on(
        &mut self,
        engine: &Engine,
        pieces: usize,
        out: &mut impl Write,
    ) -> Result<bool, SnapshotError> {
        if let Some(header) = self.header.take() {
            self.line(&header, out)?;
        }
        for _ in 0..pieces {
            let Some((tenant, piece)) = self.pieces.pop() else {
                let (lines, crc32) = (self.lines, self.hasher.clone().finalize());
                self.line(&LineRef::End { lines, crc32 }, out)?;
                return Ok(false);
            };
            let tenant = &*tenant;
            // Who was forgotten meanwhile has no line.
            let Some(of_tenant) = engine.tenants.get(tenant) else {
                continue;
            };
            match &piece {
                Piece::Census => {
                    let state = &of_tenant.census;
                    self.line(&LineRef::Census { tenant, state }, out)?;
                }
                Piece::Role(name) => {
                    if let Some(state) = of_tenant.roles.get(name) {
                        let line = LineRef::Role {
                            tenant,
                            name,
                            state,
                        };
                        self.line(&line, out)?;
                    }
                }
                Piece::Actor(name) => {
                    if let Some(state) = of_tenant.actors.get(name) {
                        let line = LineRef::Actor {
                            tenant,
                            name,
                            state,
                        };
                        self.line(&line, out)?;
                    }
                }
            }
        }
        Ok(true)
    }

    fn line(&mut self, what: &impl Serialize, out: &mut impl Write) -> Result<(), SnapshotError> {
        let mut line = serde_json::to_vec(what).map_err(|cause| SnapshotError::Io(cause.into()))?;
        line.push(b'\n');
        self.hasher.update(&line);
        self.lines += 1;
        out.write_all(&line)?;
        Ok(())
    }
}

/// A snapshot that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Reading or writing failed.
    #[error("the snapshot can't be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// The file ends in the middle.
    #[error("line {line}: the snapshot ends in the middle, or the line is longer than 1 MiB")]
    Torn {
        /// The line.
        line: u64,
    },
    /// A line that can't be what was written.
    #[error("line {line}: {problem}")]
    Line {
        /// The line.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// Made by another engine.
    #[error("the snapshot has version {found}, this engine reads {wanted}")]
    Version {
        /// Version of the file.
        found: u64,
        /// Version of the engine.
        wanted: u32,
    },
    /// Something was changed.
    #[error("the checksum at the end of the snapshot does not fit what stands before it")]
    Checksum,
    /// The settings can't be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}
