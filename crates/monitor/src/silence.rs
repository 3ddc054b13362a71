//! Log sources that normally speak: who switches off the SCRM's audit log, or lets its disk run full, leaves a silence. Rules
//! match what happens; that nothing happens has to be noticed here.

use std::path::PathBuf;

use hudun_core::{
    Actor, ExchangeEvent, Finding, FindingId, Level, ModuleId, TenantId, Text, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Times that a source has to speak before a silence is measured by what is usual.
const LEARNT: u64 = 50;
/// A silence is this many times what is usual, and so many exchanges more.
const FACTOR: f64 = 10.0;
const MORE: f64 = 20.0;
/// And no shorter than this: files are written late.
const SHORTEST_MS: i64 = 5 * 60_000;
/// The longest pause is forgotten by this each time the source speaks: half of it after seven hundred times.
const FORGET: f64 = 0.999;

/// A log source, in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSource {
    /// Its name in findings.
    pub name: String,
    /// The file that grows while the source speaks.
    pub file: PathBuf,
    /// Whose it is; the tenant of the gateway when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// The module that it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<ModuleId>,
    /// After so many seconds it is silent. When absent, the pauses that are usual are learnt, in exchanges that pass the gateway:
    /// a night in which nobody works is no silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_after_seconds: Option<u32>,
}

/// All sources.
#[derive(Debug, Default)]
pub(crate) struct Logs(Vec<Heard>);

/// What is known of a source.
#[derive(Debug)]
struct Heard {
    source: LogSource,
    habit: Habit,
    /// When it spoke last, or was looked at first.
    last: Option<i64>,
    /// Exchanges since.
    exchanges: u64,
    /// Whether it spoke since the start.
    spoken: bool,
    told: bool,
}

/// How a source speaks; outlives a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Habit {
    /// Times that it spoke.
    spoke: u64,
    /// Exchanges in its longest pause, slowly forgotten.
    usual: f64,
}

impl Logs {
    pub(crate) fn new(sources: &[LogSource]) -> Self {
        Self(
            sources
                .iter()
                .map(|source| Heard {
                    source: source.clone(),
                    habit: Habit::default(),
                    last: None,
                    exchanges: 0,
                    spoken: false,
                    told: false,
                })
                .collect(),
        )
    }

    /// Counts what should have been written about. What Hudun refused never reached the SCRM.
    pub(crate) fn exchange(&mut self, event: &ExchangeEvent) {
        if let ExchangeEvent::End(end) = event
            && end.refusal.is_none()
        {
            for heard in &mut self.0 {
                heard.exchanges += 1;
            }
        }
    }

    pub(crate) fn spoke(&mut self, name: &str, now: Timestamp) {
        for heard in self.0.iter_mut().filter(|one| one.source.name == name) {
            // A pause that was told of is no habit, nor is one of which nobody saw the beginning.
            if !heard.told && heard.spoken {
                #[allow(clippy::cast_precision_loss)]
                let pause = heard.exchanges as f64;
                heard.habit.usual = pause.max(heard.habit.usual * FORGET);
            }
            heard.habit.spoke += 1;
            heard.last = Some(now.as_millis());
            heard.exchanges = 0;
            (heard.told, heard.spoken) = (false, true);
        }
    }

    pub(crate) fn silent(&mut self, tenant: &TenantId, now: Timestamp) -> Vec<Finding> {
        self.0
            .iter_mut()
            .filter_map(|heard| heard.silent(tenant, now))
            .collect()
    }

    pub(crate) fn kept(&self) -> Vec<(String, Habit)> {
        self.0
            .iter()
            .map(|heard| (heard.source.name.clone(), heard.habit))
            .collect()
    }

    pub(crate) fn restore(&mut self, kept: Vec<(String, Habit)>) {
        for (name, habit) in kept {
            for heard in self.0.iter_mut().filter(|one| one.source.name == name) {
                heard.habit = habit;
            }
        }
    }
}

impl Heard {
    fn silent(&mut self, tenant: &TenantId, now: Timestamp) -> Option<Finding> {
        let last = *self.last.get_or_insert(now.as_millis());
        let pause = now.as_millis().saturating_sub(last);
        #[allow(clippy::cast_precision_loss)]
        let exchanges = self.exchanges as f64;
        let silent = match self.source.silent_after_seconds {
            Some(seconds) => pause >= i64::from(seconds) * 1_000,
            None => {
                self.habit.spoke >= LEARNT
                    && pause >= SHORTEST_MS
                    && exchanges >= self.habit.usual * FACTOR + MORE
            }
        };
        if !silent || self.told {
            return None;
        }
        self.told = true;
        let (name, minutes) = (&self.source.name, pause / 60_000);
        let usual = match self.source.silent_after_seconds {
            Some(seconds) => (
                format!("按设置 {seconds} 秒不写即为沉默"),
                format!("configured as silent after {seconds} s"),
            ),
            None => (
                format!("平时最多隔 {:.0} 次请求", self.habit.usual),
                format!("usually at most {:.0} exchanges", self.habit.usual),
            ),
        };
        Some(Finding {
            id: FindingId::new(),
            at: now,
            triggered_at: now,
            tenant: self.source.tenant.clone().unwrap_or_else(|| tenant.clone()),
            rule: "scrm.log-silent".to_owned(),
            title: Text::new(
                format!("日志“{name}”不再写入"),
                format!("The log {name} has fallen silent"),
            ),
            why: Text::new(
                format!(
                    "日志“{name}”已 {minutes} 分钟没有新内容，其间有 {} 次请求经过网关（{}）。可能被关闭、删改，或磁盘已满。",
                    self.exchanges, usual.0
                ),
                format!(
                    "The log {name} has had nothing new for {minutes} minutes, in which {} exchanges passed the gateway ({}). It may have been switched off or tampered with, or its disk is full.",
                    self.exchanges, usual.1
                ),
            ),
            level: Level::High,
            actor: Actor::nobody(&format!("log {name}")),
            module: self
                .source
                .module
                .clone()
                .or_else(|| "other".parse().ok())?,
            evidence: Vec::new(),
            tags: vec!["T1562.008".to_owned()],
        })
    }
}

#[cfg(test)]
mod tests {
    use hudun_core::{Delivery, ExchangeEnd, ExchangeId};

    use super::*;

    const MINUTE: i64 = 60_000;

    fn logs(silent_after_seconds: Option<u32>) -> Logs {
        Logs::new(&[LogSource {
            name: "audit".to_owned(),
            file: "audit.log".into(),
            tenant: None,
            module: None,
            silent_after_seconds,
        }])
    }

    fn work(logs: &mut Logs, exchanges: u32) {
        for _ in 0..exchanges {
            logs.exchange(&ExchangeEvent::End(ExchangeEnd {
                exchange: ExchangeId::new(),
                at: Timestamp::from_millis(0),
                status: 200,
                success: true,
                delivery: Delivery::Delivered,
                groups: 1,
                request_bytes: 0,
                response_bytes: 0,
                millis: 1,
                refusal: None,
            }));
        }
    }

    fn silent(logs: &mut Logs, at: i64) -> usize {
        let found = logs.silent(&"yunxi".parse().unwrap(), Timestamp::from_millis(at));
        assert!(found.iter().all(|one| one.rule == "scrm.log-silent"));
        found.len()
    }

    #[test]
    fn a_configured_time_counts_from_the_first_look_and_is_told_once() {
        let mut logs = logs(Some(60));
        assert_eq!(silent(&mut logs, 1_000_000), 0);
        assert_eq!(silent(&mut logs, 1_059_999), 0);
        assert_eq!(silent(&mut logs, 1_060_000), 1);
        assert_eq!(silent(&mut logs, 9_000_000), 0);
        // It speaks again, and may fall silent again.
        logs.spoke("audit", Timestamp::from_millis(9_000_000));
        assert_eq!(silent(&mut logs, 9_059_000), 0);
        assert_eq!(silent(&mut logs, 9_060_000), 1);
    }

    #[test]
    fn the_usual_pause_is_learnt_in_exchanges_and_a_night_is_no_silence() {
        let mut logs = logs(None);
        let mut at = 0;
        // Nothing is known yet.
        work(&mut logs, 10_000);
        assert_eq!(silent(&mut logs, 600 * MINUTE), 0);
        for round in 0..60 {
            at += MINUTE;
            work(&mut logs, 1 + round % 4);
            logs.spoke("audit", Timestamp::from_millis(at));
        }
        let Habit { spoke, usual } = logs.kept()[0].1;
        assert!(
            spoke == 60 && (3.9..=4.0).contains(&usual),
            "{spoke} {usual}"
        );
        assert_eq!(silent(&mut logs, at + 900 * MINUTE), 0, "a night");
        work(&mut logs, 58);
        assert_eq!(silent(&mut logs, at + 900 * MINUTE), 0);
        work(&mut logs, 2);
        assert_eq!(
            silent(&mut logs, at + 4 * MINUTE),
            0,
            "files are written late"
        );
        assert_eq!(silent(&mut logs, at + 900 * MINUTE), 1);
        // The silence teaches nothing.
        logs.spoke("audit", Timestamp::from_millis(at + 901 * MINUTE));
        assert!(logs.kept()[0].1.usual <= 4.0);
    }
}
