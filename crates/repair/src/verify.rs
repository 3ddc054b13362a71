//! The proof of the root fix: the attack, replayed straight at the SCRM.

use std::sync::Arc;

use hudun_core::{BoxFuture, IncidentId, Text, Timestamp};
use hudun_policy::{Recorded, is_sqli};
use hudun_profile::RequestView;
use hudun_store::Keyed;
use serde::{Deserialize, Serialize};

/// Most requests that are replayed: enough to meet every route of an attack many times.
const MOST: usize = 60;

/// The SCRM itself, past the gateway, entered with the right of the account that the attacker had.
pub trait Direct: Send + Sync {
    /// Sends the request as the account, with a session of its own.
    fn send<'a>(&'a self, request: &'a RequestView) -> BoxFuture<'a, Result<DirectAnswer, String>>;
}

/// What the SCRM itself answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectAnswer {
    /// The status.
    pub status: u16,
    /// Rows of others in it.
    pub foreign_rows: u32,
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairProof {
    /// The case.
    pub incident: IncidentId,
    /// When.
    pub at: Timestamp,
    /// Whether every replayed request was answered and none brought rows of others. Nothing replayed proves nothing.
    pub fixed: bool,
    /// In one sentence.
    pub summary: Text,
    /// Request by request.
    pub rows: Vec<ReplayRow>,
}

/// One replayed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRow {
    /// Method and path as they are recorded: without values.
    pub request: String,
    /// What kind of attack it was.
    pub what: Text,
    /// What the SCRM answered; 0 when it did not.
    pub status: u16,
    /// Rows of others in the answer.
    pub foreign_rows: u32,
    /// Whether the attack failed.
    pub failed: bool,
}

impl Keyed for RepairProof {
    const COLLECTION: &'static str = "repair-proof";

    fn id(&self) -> String {
        format!("{}/{}", self.incident, self.at.as_millis())
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

impl RepairProof {
    /// The proof by checks of the running product alone: for a hole that was published and that nobody used.
    pub fn of_checks(incident: IncidentId, rows: Vec<ReplayRow>, now: Timestamp) -> Self {
        let (all, shut) = (rows.len(), rows.iter().filter(|row| row.failed).count());
        let fixed = all > 0 && shut == all;
        let summary = if fixed {
            Text::new(
                format!("对 {all} 个公告漏洞做了无害的检查，全部已关上，修复成立"),
                format!(
                    "{all} published holes were checked harmlessly, all of them are shut: the fix holds"
                ),
            )
        } else {
            Text::new(
                format!(
                    "对 {all} 个公告漏洞做了无害的检查，{} 个没有证明已关上",
                    all - shut
                ),
                format!(
                    "{} of {all} published holes are not proven shut by a harmless check",
                    all - shut
                ),
            )
        };
        Self {
            incident,
            at: now,
            fixed,
            summary,
            rows,
        }
    }

    /// This proof, with checks that have to hold as well.
    #[must_use]
    pub fn with_checks(mut self, checks: Vec<ReplayRow>) -> Self {
        let open = checks.iter().filter(|row| !row.failed).count();
        if open > 0 {
            self.fixed = false;
            self.summary = Text::new(
                format!("{}；{open} 个公告漏洞没有证明已关上", self.summary.zh),
                format!(
                    "{}; {open} published holes are not proven shut",
                    self.summary.en
                ),
            );
        }
        self.rows.extend(checks);
        self
    }
}

/// Replays the attack at the SCRM itself, spread over all routes that it used.
pub async fn verify(
    incident: IncidentId,
    attack: &[Arc<Recorded>],
    direct: &dyn Direct,
    now: Timestamp,
) -> RepairProof {
    let mut rows = Vec::new();
    for exchange in spread(attack) {
        let answer = direct.send(&exchange.view).await;
        let injected = exchange
            .view
            .query
            .iter()
            .any(|(_, value)| is_sqli(value).is_some());
        let what = if injected {
            Text::new("SQL 注入", "SQL injection")
        } else {
            Text::new("越权读取", "reading rows of others")
        };
        let (status, foreign_rows, failed) = match answer {
            Ok(answer) => (
                answer.status,
                answer.foreign_rows,
                answer.foreign_rows == 0 && answer.status < 500,
            ),
            Err(_) => (0, 0, false),
        };
        let route = exchange.resolution.primary();
        let request = format!("{} {}", exchange.view.method, route.shown);
        rows.push(ReplayRow {
            request,
            what,
            status,
            foreign_rows,
            failed,
        });
    }
    let stopped = rows.iter().filter(|row| row.failed).count();
    let fixed = !rows.is_empty() && stopped == rows.len();
    let all = rows.len();
    let summary = match (all, fixed) {
        (0, _) => Text::new(
            "没有可重放的攻击记录，无法证明修复",
            "no recorded attack to replay; the fix is not proven",
        ),
        (_, true) => Text::new(
            format!("直接向 SCRM 重放 {all} 个攻击请求，全部失败，根因修复成立"),
            format!(
                "{all} requests of the attack replayed straight at the SCRM, all of them failed: the root fix holds"
            ),
        ),
        (_, false) => Text::new(
            format!(
                "直接向 SCRM 重放 {all} 个攻击请求，仍有 {} 个得手",
                all - stopped
            ),
            format!(
                "{} of {all} requests of the attack still succeed straight at the SCRM",
                all - stopped
            ),
        ),
    };
    RepairProof {
        incident,
        at: now,
        fixed,
        summary,
        rows,
    }
}

/// At most [`MOST`] exchanges, taken in turn from each route.
fn spread(attack: &[Arc<Recorded>]) -> Vec<&Arc<Recorded>> {
    let mut by_route: Vec<(&hudun_core::RouteId, Vec<&Arc<Recorded>>)> = Vec::new();
    for exchange in attack {
        let route = &exchange.resolution.primary().id;
        match by_route.iter_mut().find(|(known, _)| *known == route) {
            Some((_, list)) => list.push(exchange),
            None => by_route.push((route, vec![exchange])),
        }
    }
    let longest = by_route
        .iter()
        .map(|(_, list)| list.len())
        .max()
        .unwrap_or_default();
    (0..longest)
        .flat_map(|at| {
            by_route
                .iter()
                .filter_map(move |(_, list)| list.get(at).copied())
        })
        .take(MOST)
        .collect()
}
