//! `hudun rules backtest`: what rules would have reported.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use hudun_core::Timestamp;
use hudun_monitor::{Backtest, Reported};
use hudun_sigma::{Loader, RuleSet};
use serde::Serialize;
use serde_json::json;

use super::past::{Past, Recorded};
use super::{folder, with};

/// Groups counted for each rule.
const GROUPS: usize = 10_000;
/// Groups shown for each rule.
const GROUPS_SHOWN: usize = 10;

pub(super) fn backtest(
    past: &Past,
    rules: Option<&Path>,
    with_pack: bool,
    examples: usize,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let recorded = past.open()?;
    let set = rule_set(rules, with_pack, &recorded)?;
    for warning in set.warnings() {
        eprintln!("hudun: {warning}");
    }
    let mut all: BTreeMap<String, Outcome> = BTreeMap::new();
    for rule in set.reporting() {
        all.insert(rule.key().to_owned(), Outcome::of(rule));
    }
    let mut test = Backtest::new(recorded.thresholds.clone(), set)?.at(recorded.site.clone());
    let handed = recorded.replay("back-testing", |event| {
        for reported in test.observe(event) {
            if recorded.window.contains(reported.at)
                && let Some(outcome) = all.get_mut(reported.rule.key())
            {
                outcome.take(reported, examples);
            }
        }
    })?;
    if test.lost() > 0 {
        eprintln!(
            "hudun: {} states were left out because a bound was reached; counts of correlations may be too low",
            test.lost()
        );
    }
    let mut outcomes: Vec<Outcome> = all.into_values().collect();
    outcomes.sort_by(|a, b| (b.findings, &a.name).cmp(&(a.findings, &b.name)));
    let findings: u64 = outcomes.iter().map(|one| one.findings).sum();
    if as_json {
        let silent: Vec<&str> = outcomes
            .iter()
            .filter(|one| one.matches == 0)
            .map(|one| one.name.as_str())
            .collect();
        let spoke: Vec<&Outcome> = outcomes.iter().filter(|one| one.matches > 0).collect();
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({
                "from": recorded.window.from, "to": recorded.window.to,
                "recorded_from": recorded.covered.from, "recorded_to": recorded.covered.to,
                "read": handed, "events": test.events(), "left_out": test.lost(),
                "findings": findings, "rules": spoke, "silent": silent,
            }))?
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} – {}：{} 次交换，{} 个事件 / exchanges, events",
        recorded.covered.from,
        recorded.covered.to,
        handed.exchanges,
        test.events()
    );
    for one in outcomes.iter().filter(|one| one.matches > 0) {
        one.print();
    }
    let silent = outcomes.iter().filter(|one| one.matches == 0).count();
    println!(
        "{findings} 条告警；{silent} 条规则没有命中 / {findings} findings; {silent} rules matched nothing"
    );
    Ok(ExitCode::SUCCESS)
}

/// The rules to ask: a folder's, or those that the running guard has.
fn rule_set(rules: Option<&Path>, with_pack: bool, recorded: &Recorded) -> anyhow::Result<RuleSet> {
    let Some(dir) = rules else {
        return crate::detection::load(&recorded.thresholds.rules);
    };
    let (files, loader) = folder(dir)?;
    let loader = if with_pack { pack(loader) } else { loader };
    Ok(with(loader, &files).load()?)
}

pub(super) fn pack(loader: Loader) -> Loader {
    crate::detection::PACK
        .iter()
        .fold(loader, |loader, (name, text)| loader.source(name, text))
}

/// What one rule would have said.
#[derive(Debug, Serialize)]
struct Outcome {
    id: String,
    name: String,
    /// Its name in findings, which several rules may share; once it matched.
    finding: Option<String>,
    title: String,
    level: Option<&'static str>,
    file: String,
    /// Alarms: matches outside the quiet time of their actor.
    findings: u64,
    /// All matches.
    matches: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Findings by day, UTC.
    days: BTreeMap<String, u64>,
    groups: Groups,
    examples: Vec<Example>,
}

/// Matches by the values of `group-by`; of a rule about one event by actor.
#[derive(Debug, Default)]
struct Groups {
    counts: BTreeMap<String, Group>,
    left_out: u64,
}

#[derive(Debug, Serialize)]
struct Group {
    group: BTreeMap<String, String>,
    findings: u64,
    matches: u64,
    first: Timestamp,
    last: Timestamp,
    /// The largest number that met the condition.
    value: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Example {
    at: Timestamp,
    tenant: String,
    actor: String,
    exchange: String,
    group: BTreeMap<String, String>,
    value: Option<f64>,
    fields: BTreeMap<String, String>,
    /// Whether it is a finding, or falls into the quiet time after one.
    finding: bool,
}

impl Outcome {
    fn of(rule: &hudun_sigma::RuleInfo) -> Self {
        Self {
            id: rule.key().to_owned(),
            name: rule.name.clone().unwrap_or_else(|| rule.title.clone()),
            finding: None,
            title: rule.title.clone(),
            level: rule.level,
            file: rule.file.clone(),
            findings: 0,
            matches: 0,
            first: None,
            last: None,
            days: BTreeMap::new(),
            groups: Groups::default(),
            examples: Vec::new(),
        }
    }

    fn take(&mut self, reported: Reported, examples: usize) {
        let at = reported.at;
        self.matches += 1;
        if self.finding.is_none() {
            self.finding = Some(reported.name.clone());
        }
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        if reported.speaks {
            self.findings += 1;
            let day = at.to_string().chars().take(10).collect();
            *self.days.entry(day).or_default() += 1;
        }
        self.groups.take(&reported);
        if self.examples.len() < examples {
            self.examples.push(Example {
                at,
                tenant: reported.tenant.to_string(),
                actor: reported.actor,
                exchange: reported.exchange.to_string(),
                group: reported.group.into_iter().collect(),
                value: reported.value,
                fields: reported.fields.into_iter().collect(),
                finding: reported.speaks,
            });
        }
    }

    fn print(&self) {
        println!(
            "{} {} · {}",
            self.level.unwrap_or("-"),
            self.name,
            self.title
        );
        let when = |moment: Option<Timestamp>| moment.map_or_else(String::new, |at| at.to_string());
        println!(
            "  {} 条告警，{} 次命中 / findings, matches; {} – {}",
            self.findings,
            self.matches,
            when(self.first),
            when(self.last)
        );
        for (day, findings) in &self.days {
            println!("  {day}  {findings}");
        }
        for group in self.groups.most() {
            let value = group
                .value
                .map_or_else(String::new, |value| format!(", ≤ {value}"));
            println!(
                "  {}: {} / {}{value}",
                named(&group.group),
                group.findings,
                group.matches
            );
        }
        for example in &self.examples {
            let why = if example.fields.is_empty() {
                example
                    .value
                    .map_or_else(String::new, |value| format!("{value}"))
            } else {
                named(&example.fields)
            };
            println!(
                "  例 e.g. {} {} {} {why}",
                example.at, example.actor, example.exchange
            );
        }
    }
}

fn named(pairs: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join(" ")
}

impl Groups {
    fn take(&mut self, reported: &Reported) {
        let group: BTreeMap<String, String> = if reported.group.is_empty() {
            [("actor".to_owned(), reported.actor.clone())].into()
        } else {
            reported.group.iter().cloned().collect()
        };
        let key = format!("{}\u{1f}{}", reported.tenant, named(&group));
        if !self.counts.contains_key(&key) && self.counts.len() >= GROUPS {
            self.left_out += 1;
            return;
        }
        let at = reported.at;
        let one = self.counts.entry(key).or_insert_with(|| Group {
            group,
            findings: 0,
            matches: 0,
            first: at,
            last: at,
            value: None,
        });
        one.matches += 1;
        one.findings += u64::from(reported.speaks);
        one.first = one.first.min(at);
        one.last = one.last.max(at);
        one.value = match (one.value, reported.value) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }

    fn most(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.counts.values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse((group.findings, group.matches)));
        groups.truncate(GROUPS_SHOWN);
        groups
    }
}

impl Serialize for Groups {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        json!({ "number": self.counts.len(), "most": self.most(), "matches_left_out": self.left_out })
            .serialize(to)
    }
}
