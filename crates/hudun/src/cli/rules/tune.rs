//! `hudun rules tune`: a threshold for a number of alarms a day. It proposes and changes nothing.
//!
//! Each candidate is a copy of the rule with another number, asked about the same exchanges in the same pass, so that a
//! window that overlaps, a group that fires again and the quiet time between two alarms count as they would.

mod document;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, ensure};
use hudun_monitor::{Backtest, Thresholds};
use hudun_sigma::{Loader, RuleSet};
use serde::Serialize;
use serde_json::{Value, json};

use self::document::{Documents, Knob};
use super::folder;
use super::past::{Past, Recorded};

/// Candidates asked in one pass.
const CANDIDATES: usize = 16;
/// Passes over the exchanges; each looks closer at where the budget is met.
const PASSES: usize = 3;

/// What is wanted.
pub(super) struct Wanted {
    pub(super) rule: String,
    pub(super) budget: Budget,
    pub(super) knob: Option<String>,
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
}

pub(super) fn tune(
    wanted: &Wanted,
    past: &Past,
    rules: Option<&Path>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let recorded = past.open()?;
    let documents = documents(rules, &recorded.thresholds)?;
    let rule = documents.find(&wanted.rule)?;
    let knob = rule.knob(wanted.knob.as_deref())?;
    let low = wanted.from.unwrap_or(knob.low);
    let high = wanted.to.unwrap_or(knob.high);
    ensure!(
        0 <= low && low < high,
        "candidates from {low} to {high}: --from is smaller than --to, and not below 0"
    );
    let mut tried: BTreeMap<i64, Tried> = BTreeMap::new();
    let mut next = ladder(low, high, knob.now);
    for pass in 1..=PASSES {
        if next.is_empty() {
            break;
        }
        let what = format!("pass {pass} of at most {PASSES}");
        tried.extend(ask(&documents, rule, &knob, &next, &recorded, &what)?);
        next = closer(&tried, &knob, wanted.budget, recorded.days());
    }
    let chosen = chosen(&tried, &knob, wanted.budget, recorded.days());
    let line = chosen.map(|threshold| rule.line(&knob, threshold));
    if as_json {
        let candidates: Vec<Value> = tried
            .iter()
            .map(|(threshold, tried)| {
                json!({
                    "threshold": threshold, "alarms": tried.alarms,
                    "per_day": tried.per_day(recorded.days()),
                    "busiest_day": tried.busiest(), "matches": tried.matches, "groups": tried.groups.len(),
                    "within": wanted.budget.holds(tried.per_day(recorded.days())),
                })
            })
            .collect();
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({
                "rule": rule.key(), "file": rule.file(), "knob": knob.path, "now": knob.now,
                "budget_per_day": wanted.budget.0, "days": recorded.days(), "less_than_a_day": recorded.is_short(),
                "recorded_from": recorded.covered.from, "recorded_to": recorded.covered.to,
                "candidates": candidates, "proposed": chosen, "change": line,
            }))?
        );
        return Ok(code(chosen));
    }
    println!("{} · {} ({})", rule.key(), rule.title(), rule.file());
    println!(
        "{} – {}，{:.1} 天 days{}",
        recorded.covered.from,
        recorded.covered.to,
        recorded.days(),
        if recorded.is_short() {
            "（不足一天，按一天计 less than a day, taken for one）"
        } else {
            ""
        }
    );
    println!("{}: 现值 now {}", knob.path, knob.now);
    println!(
        "  {:>10} {:>8} {:>8} {:>12} {:>8}",
        "门槛 at", "告警 n", "每天 /d", "最多一天 max", "分组 groups"
    );
    for (threshold, tried) in &tried {
        let per_day = tried.per_day(recorded.days());
        println!(
            "{} {threshold:>10} {:>8} {per_day:>8.2} {:>12} {:>8}{}",
            if chosen == Some(*threshold) {
                "→"
            } else {
                " "
            },
            tried.alarms,
            tried.busiest(),
            tried.groups.len(),
            if wanted.budget.holds(per_day) {
                ""
            } else {
                "  超出 over"
            }
        );
    }
    let Some((chosen_now, line)) = chosen.zip(line) else {
        println!(
            "{low}–{high} 之间没有门槛能满足预算 / no threshold from {low} to {high} keeps the budget"
        );
        return Ok(code(chosen));
    };
    let keeps = tried
        .get(&knob.now)
        .is_some_and(|tried| wanted.budget.holds(tried.per_day(recorded.days())));
    if keeps {
        println!("现值已在预算之内 / the present number keeps the budget");
    }
    if chosen_now != knob.now {
        println!(
            "{}",
            if keeps {
                "最松的门槛是 / the loosest that does:"
            } else {
                "建议 proposed:"
            }
        );
        print!("{line}");
    }
    Ok(code(chosen))
}

const fn code(chosen: Option<i64>) -> ExitCode {
    match chosen {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

/// Alarms a day: `3/day`, `10/week`, or a plain number for a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) struct Budget(f64);

impl Budget {
    fn holds(self, per_day: f64) -> bool {
        per_day <= self.0
    }
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, days) = match text.split_once('/') {
            None | Some((_, "day" | "d")) => (text.split('/').next().unwrap_or_default(), 1.0),
            Some((number, "week" | "w")) => (number, 7.0),
            Some(_) => return Err(format!("{text:?} is no budget; write 3/day or 10/week")),
        };
        match number.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(Self(number / days)),
            _ => Err(format!("{text:?} is no budget; write 3/day or 10/week")),
        }
    }
}

/// What one candidate would have said.
#[derive(Debug, Default, Serialize)]
struct Tried {
    alarms: u64,
    matches: u64,
    days: BTreeMap<String, u64>,
    groups: BTreeSet<String>,
}

impl Tried {
    #[allow(clippy::cast_precision_loss)]
    fn per_day(&self, days: f64) -> f64 {
        self.alarms as f64 / days
    }

    fn busiest(&self) -> u64 {
        self.days.values().copied().max().unwrap_or(0)
    }
}

fn documents(rules: Option<&Path>, thresholds: &Thresholds) -> anyhow::Result<Documents> {
    if let Some(dir) = rules {
        let (files, _) = folder(dir)?;
        return Documents::read(files);
    }
    let mut files: Vec<(String, String)> = crate::detection::PACK
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    if let Some(dir) = &thresholds.rules.folder {
        files.extend(crate::rule_files::RuleFiles::read(dir)?.rules);
    }
    Documents::read(files)
}

/// Asks one copy of the rule for each candidate.
fn ask(
    documents: &Documents,
    rule: &document::Rule,
    knob: &Knob,
    candidates: &[i64],
    recorded: &Recorded,
    what: &str,
) -> anyhow::Result<BTreeMap<i64, Tried>> {
    let mut loader = Loader::new();
    for (name, text) in documents.around(rule)? {
        loader = loader.source(&name, &text);
    }
    let mut names = BTreeMap::new();
    for &candidate in candidates {
        let name = format!("tune_{candidate}");
        let copy = rule.copy(knob, candidate, &name)?;
        loader = loader.source(&name, &copy);
        names.insert(name, candidate);
    }
    let set: RuleSet = loader
        .load()
        .context("the copies of the rule with other numbers")?;
    let mut tried: BTreeMap<i64, Tried> = candidates
        .iter()
        .map(|&candidate| (candidate, Tried::default()))
        .collect();
    let mut test = Backtest::new(recorded.thresholds.clone(), set)?.at(recorded.site.clone());
    recorded.replay(what, |event| {
        for reported in test.observe(event) {
            let named = reported.rule.name.as_deref();
            let Some(tried) = named
                .and_then(|name| names.get(name))
                .and_then(|candidate| tried.get_mut(candidate))
            else {
                continue;
            };
            if !recorded.window.contains(reported.at) {
                continue;
            }
            tried.matches += 1;
            if reported.speaks {
                tried.alarms += 1;
                let day = reported.at.to_string().chars().take(10).collect();
                *tried.days.entry(day).or_default() += 1;
            }
            if tried.groups.len() < GROUPS {
                tried.groups.insert(if reported.group.is_empty() {
                    reported.actor
                } else {
                    format!("{:?}", reported.group)
                });
            }
        }
    })?;
    if test.lost() > 0 {
        eprintln!(
            "hudun: {} states were left out because a bound was reached; alarms of low thresholds may be too few",
            test.lost()
        );
    }
    Ok(tried)
}

/// Groups counted for each candidate.
const GROUPS: usize = 10_000;

/// Numbers from low to high, each about so many times the one before, and the present one.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn ladder(low: i64, high: i64, now: i64) -> Vec<i64> {
    let steps = CANDIDATES - 1;
    let (from, to) = ((low.max(1)) as f64, high as f64);
    let mut ladder: BTreeSet<i64> = (0..steps)
        .map(|step| {
            let part = step as f64 / (steps - 1) as f64;
            (from * (to / from).powf(part)).round() as i64
        })
        .map(|candidate| candidate.clamp(low, high))
        .collect();
    ladder.insert(low);
    ladder.insert(now);
    ladder.into_iter().collect()
}

/// The loosest threshold that keeps the budget, and behind which no stricter one of those tried breaks it.
fn chosen(tried: &BTreeMap<i64, Tried>, knob: &Knob, budget: Budget, days: f64) -> Option<i64> {
    let holds = |(_, tried): &(&i64, &Tried)| budget.holds(tried.per_day(days));
    if knob.larger_is_stricter {
        tried.iter().rev().take_while(holds).last()
    } else {
        tried.iter().take_while(holds).last()
    }
    .map(|(&threshold, _)| threshold)
}

/// Candidates between the one chosen and the next looser one.
fn closer(tried: &BTreeMap<i64, Tried>, knob: &Knob, budget: Budget, days: f64) -> Vec<i64> {
    let Some(chosen) = chosen(tried, knob, budget, days) else {
        return Vec::new();
    };
    let looser = if knob.larger_is_stricter {
        tried.range(..chosen).next_back()
    } else {
        tried.range(chosen + 1..).next()
    };
    let Some((&looser, _)) = looser else {
        return Vec::new();
    };
    let (from, to) = (chosen.min(looser), chosen.max(looser));
    let parts = i64::try_from(CANDIDATES).unwrap_or(i64::MAX);
    let between: BTreeSet<i64> = (1..parts)
        .map(|part| from + (to - from) * part / parts)
        .filter(|candidate| from < *candidate && *candidate < to)
        .collect();
    between.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(alarms: &[(i64, u64)]) -> BTreeMap<i64, Tried> {
        alarms
            .iter()
            .map(|&(threshold, alarms)| {
                let one = Tried {
                    alarms,
                    ..Tried::default()
                };
                (threshold, one)
            })
            .collect()
    }

    fn knob(larger_is_stricter: bool) -> Knob {
        Knob {
            larger_is_stricter,
            ..Knob::default()
        }
    }

    #[test]
    fn budgets_are_read() {
        assert_eq!("3/day".parse(), Ok(Budget(3.0)));
        assert_eq!("14/week".parse(), Ok(Budget(2.0)));
        assert_eq!("0.5".parse(), Ok(Budget(0.5)));
        for text in ["", "/day", "-1/day", "3/month", "x", "inf", "3/"] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_loosest_that_keeps_the_budget_is_chosen_and_looked_at_closer() {
        let all = tried(&[(10, 90), (20, 30), (40, 8), (80, 9), (160, 0)]);
        let rising = knob(true);
        assert_eq!(chosen(&all, &rising, Budget(10.0), 1.0), Some(40));
        // One of the stricter breaks it, so that 40 is not to be trusted.
        assert_eq!(chosen(&all, &rising, Budget(8.0), 1.0), Some(160));
        assert_eq!(chosen(&all, &rising, Budget(100.0), 1.0), Some(10));
        assert_eq!(chosen(&all, &knob(false), Budget(8.0), 1.0), None);
        let near = closer(&all, &rising, Budget(10.0), 1.0);
        assert!(near.iter().all(|one| (21..40).contains(one)) && near.len() > 10);
        assert!(closer(&all, &rising, Budget(100.0), 1.0).is_empty());
    }

    #[test]
    fn a_ladder_stays_within_its_bounds_and_holds_the_present_number() {
        let ladder = ladder(10, 500, 40);
        assert_eq!((ladder[0], ladder[ladder.len() - 1]), (10, 500));
        assert!(ladder.contains(&40) && ladder.len() <= CANDIDATES + 1);
        assert_eq!(super::ladder(1, 3, 2), [1, 2, 3]);
    }
}
