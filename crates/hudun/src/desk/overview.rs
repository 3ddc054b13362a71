//! 态势总览: everything at one glance.

use hudun_console::api;
use hudun_core::{Incident, IncidentState, Text, TimelineMark, Timestamp};

use super::error::{self, Got};
use crate::office::Office;

impl Office {
    pub(super) async fn overview(&self) -> Got<api::Overview> {
        let now = Timestamp::now();
        let cases = self.cases.newest(LATEST_CASES).await.map_err(error::case)?;
        let mut open = Vec::new();
        let mut clocks = Vec::new();
        for incident in cases
            .iter()
            .filter(|incident| incident.state != IncidentState::Closed)
            .take(MOST_OPEN)
        {
            clocks.extend(self.clocks(incident).await?);
            open.push(self.summary(incident).await?);
        }
        open.sort_by_key(|case| (std::cmp::Reverse(case.grade), case.next_due));
        clocks.sort_by_key(|clock| clock.due_at);
        clocks.truncate(MOST_CLOCKS);

        let findings = self
            .cases
            .newest_findings(LATEST_FINDINGS)
            .await
            .map_err(error::case)?;
        let owners = self.owners().await?;
        let policy = self.bus.current();
        let day = start_of_day(now);
        let today = self.activity.since(day);
        let first_minute = now.as_millis().div_euclid(60_000) - (MINUTES_SHOWN - 1);
        let (released, explained) = self.meters.released();
        Ok(api::Overview {
            at: now,
            open,
            counters: api::Counters {
                exchanges: today.iter().map(|minute| minute.exchanges).sum(),
                refused: today.iter().map(|minute| minute.refused).sum(),
                findings: today.iter().map(|minute| minute.findings).sum(),
                restrictions: policy
                    .restrictions()
                    .filter(|restriction| restriction.holds_at(now))
                    .count() as u64,
                incidents: cases
                    .iter()
                    .filter(|incident| incident.opened_at >= day)
                    .count() as u64,
            },
            clocks,
            gauges: gauges(&cases),
            activity: self
                .activity
                .since(Timestamp::from_millis(first_minute * 60_000))
                .into_iter()
                .map(|minute| api::ActivityPoint {
                    minute: Timestamp::from_millis(minute.number * 60_000),
                    exchanges: minute.exchanges,
                    refused: minute.refused,
                    rows: minute.rows,
                    findings: minute.findings,
                })
                .collect(),
            losses: self
                .meters
                .losses()
                .into_iter()
                .map(|(reason, count)| api::LossCount { reason, count })
                .collect(),
            parts: self.parts(),
            policy: (&*policy).into(),
            coverage: (released > 0).then(|| explained as f64 / released as f64),
            findings: findings
                .iter()
                .map(|finding| api::FindingView::of(finding, owners.get(&finding.id).copied()))
                .collect(),
            approvals: self.approvals().await?,
            demo: self.demo.as_ref().map(|demo| demo.view()),
        })
    }

    fn parts(&self) -> Vec<api::PartHealth> {
        let mut parts = self.meters.parts();
        let stats = self.lake.stats();
        parts.push(api::PartHealth {
            id: "lake".to_owned(),
            label: Text::new("数据湖", "lake"),
            health: api::Health::Ok,
            note: Text::new(
                format!("内存 {} 条，文件 {} 条", stats.tail_exchanges, stats.rows),
                format!(
                    "{} exchanges in memory, {} in files",
                    stats.tail_exchanges, stats.rows
                ),
            ),
        });
        let standing = self.ledger.standing();
        let (health, zh, en) = match standing.sound {
            Some(false) => (api::Health::Down, "校验未通过", "does not check out"),
            Some(true) => (api::Health::Ok, "校验通过", "checks out"),
            None => (api::Health::Ok, "尚未全量校验", "not audited yet"),
        };
        parts.push(api::PartHealth {
            id: "ledger".to_owned(),
            label: Text::new("账本", "ledger"),
            health,
            note: Text::new(
                format!("{} 条，{zh}", standing.size),
                format!("{} entries, {en}", standing.size),
            ),
        });
        parts
    }
}

/// 1-10-60: the worst of the last cases.
fn gauges(cases: &[Incident]) -> Vec<api::Gauge> {
    let gauge = |id: &str, label: Text, target_ms: u64, from: TimelineMark, to: TimelineMark| {
        let spans: Vec<u64> = cases
            .iter()
            .take(GAUGED_CASES)
            .filter_map(|case| Some(case.mark(to)?.millis_since(case.mark(from)?)))
            .map(|millis| u64::try_from(millis).unwrap_or_default())
            .collect();
        api::Gauge {
            id: id.to_owned(),
            label,
            target_ms,
            worst_ms: spans.iter().max().copied(),
            cases: u32::try_from(spans.len()).unwrap_or(u32::MAX),
        }
    };
    use TimelineMark::{Contained, Detected, Onset, Scoped};
    vec![
        gauge(
            "detect",
            Text::new("发现", "detect"),
            60_000,
            Onset,
            Detected,
        ),
        gauge(
            "understand",
            Text::new("查清", "understand"),
            10 * 60_000,
            Detected,
            Scoped,
        ),
        gauge(
            "contain",
            Text::new("遏制", "contain"),
            60 * 60_000,
            Detected,
            Contained,
        ),
    ]
}

/// Midnight in China.
fn start_of_day(now: Timestamp) -> Timestamp {
    const DAY_MS: i64 = 24 * 60 * 60_000;
    const EAST_8_MS: i64 = 8 * 60 * 60_000;
    let local = now.as_millis() + EAST_8_MS;
    Timestamp::from_millis(local - local.rem_euclid(DAY_MS) - EAST_8_MS)
}

/// Cases that are looked through.
const LATEST_CASES: u32 = 500;
/// Open cases that are shown.
const MOST_OPEN: usize = 50;
/// Deadlines that are shown.
const MOST_CLOCKS: usize = 50;
/// Findings that are shown.
const LATEST_FINDINGS: u32 = 20;
/// Points of the activity.
const MINUTES_SHOWN: i64 = 120;
/// Cases that the gauges look at.
const GAUGED_CASES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_begins_at_midnight_in_china() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(
            start_of_day(at("2026-11-23T15:59:59Z")),
            at("2026-11-22T16:00:00Z")
        );
        assert_eq!(
            start_of_day(at("2026-11-23T16:00:00Z")),
            at("2026-11-23T16:00:00Z")
        );
    }
}
