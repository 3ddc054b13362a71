//! `hudun rules coverage`: techniques, the fields that each rule needs, and whether they arrive.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use hudun_event::Record;
use hudun_monitor::Backtest;
use hudun_sigma::RuleSet;
use serde_json::{Value, json};

use super::input::Lines;
use super::past::Past;
use super::{RulesArgs, load};

/// Where to look whether fields arrive.
pub(super) enum From {
    Nothing,
    File(Lines, PathBuf),
    Past(Past),
}

pub(super) fn coverage(args: &RulesArgs, from: &From, as_json: bool) -> anyhow::Result<ExitCode> {
    let pipeline = match from {
        From::File(lines, _) => lines.pipeline(),
        From::Nothing | From::Past(_) => None,
    };
    let set = load(args, pipeline)?;
    let (techniques, untagged) = techniques(&set);
    let fields = set.fields();
    let rules: Vec<(String, String)> = set
        .rules()
        .chain(set.correlations())
        .map(|rule| (rule.key().to_owned(), rule.title.clone()))
        .collect();
    let arrived = match from {
        From::Nothing => None,
        From::File(lines, file) => {
            let wanted: BTreeSet<&str> = fields.iter().map(|used| used.field.as_str()).collect();
            Some(of_file(lines, file, &wanted)?)
        }
        From::Past(past) => Some(of_past(past, set)?),
    };
    let times = |field: &str| {
        arrived
            .as_ref()
            .map(|arrived| arrived.fields.get(field).copied().unwrap_or(0))
    };
    let missing: Vec<&str> = fields
        .iter()
        .map(|used| used.field.as_str())
        .filter(|field| times(field) == Some(0))
        .collect();
    // Fields that a rule reads, each with whether it can't report without it.
    let read = |rule: &str| -> Vec<(&str, bool)> {
        fields
            .iter()
            .filter(|used| used.rules.iter().any(|one| one == rule))
            .map(|used| {
                let exempts = used.exempting.iter().any(|one| one == rule);
                (used.field.as_str(), !exempts)
            })
            .collect()
    };
    let events = arrived.as_ref().map(|arrived| arrived.events);
    if as_json {
        let by_rule: Vec<Value> = rules
            .iter()
            .map(|(key, title)| {
                let read = read(key);
                let missing = arrived.as_ref().map(|_| {
                    read.iter()
                        .filter(|(field, needed)| *needed && times(field) == Some(0))
                        .map(|(field, _)| *field)
                        .collect::<Vec<_>>()
                });
                json!({
                    "rule": key, "title": title, "missing": missing,
                    "fields": read
                        .iter()
                        .map(|(field, needed)| {
                            json!({"field": field, "needed": needed, "events": times(field)})
                        })
                        .collect::<Vec<_>>(),
                })
            })
            .collect();
        let fields: Vec<Value> = fields
            .iter()
            .map(|used| {
                json!({"field": used.field, "rules": used.rules, "events": times(&used.field)})
            })
            .collect();
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({
                "techniques": techniques, "untagged": untagged, "fields": fields, "rules": by_rule,
                "events": events, "missing": missing,
            }))?
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("技术 techniques");
    for (technique, rules) in &techniques {
        println!("  {technique:<14} {}", rules.len());
    }
    println!("没有标签 without a tag: {}", untagged.len());
    println!("字段 fields");
    for used in &fields {
        let arrives = match (times(&used.field), events) {
            (Some(0), _) => ", 从未出现 never arrives".to_owned(),
            (Some(times), Some(events)) => format!(", {times} / {events}"),
            _ => String::new(),
        };
        println!(
            "  {:<40} {} 条规则 rules{arrives}",
            used.field,
            used.rules.len()
        );
    }
    println!("规则 rules");
    for (key, title) in &rules {
        let read: Vec<String> = read(key)
            .into_iter()
            .map(|(field, needed)| match times(field) {
                Some(0) if needed => format!("{field}（从未出现 never arrives）"),
                _ if needed => field.to_owned(),
                _ => format!("({field})"),
            })
            .collect();
        println!("  {title}: {}", read.join(", "));
    }
    println!("括号中的字段只用来排除 / a field in brackets only leaves events out");
    Ok(ExitCode::SUCCESS)
}

/// Rules by technique, and those without one.
fn techniques(set: &RuleSet) -> (BTreeMap<String, Vec<String>>, Vec<String>) {
    let mut techniques: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut untagged = Vec::new();
    for rule in set.rules().chain(set.correlations()) {
        let mut any = false;
        for tag in &rule.tags {
            let technique = tag
                .strip_prefix("attack.t")
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
                .map(|rest| format!("T{rest}"))
                .or_else(|| {
                    tag.strip_prefix("owasp.")
                        .map(|rest| format!("OWASP {rest}"))
                });
            if let Some(technique) = technique {
                any = true;
                let rules = techniques.entry(technique).or_default();
                rules.push(rule.key().to_owned());
            }
        }
        if !any {
            untagged.push(rule.key().to_owned());
        }
    }
    (techniques, untagged)
}

/// In how many events each field was.
struct Arrived {
    events: u64,
    fields: BTreeMap<String, u64>,
}

fn of_file(
    lines: &Lines,
    file: &std::path::Path,
    wanted: &BTreeSet<&str>,
) -> anyhow::Result<Arrived> {
    let mut arrived = Arrived {
        events: 0,
        fields: BTreeMap::new(),
    };
    let mut events = lines.open(file)?;
    events.each(|record: &Record, _| {
        arrived.events += 1;
        let names: BTreeSet<&str> = record
            .fields()
            .map(|(name, _)| name)
            .filter(|name| wanted.contains(name))
            .collect();
        for name in names {
            *arrived.fields.entry(name.to_owned()).or_default() += 1;
        }
        Ok(())
    })?;
    eprintln!("{}", super::input::told(events.counts()));
    Ok(arrived)
}

fn of_past(past: &Past, set: RuleSet) -> anyhow::Result<Arrived> {
    let recorded = past.open()?;
    let mut test = Backtest::new(recorded.thresholds.clone(), set)?
        .at(recorded.site.clone())
        .counting_fields();
    recorded.replay("looking for fields", |event| {
        test.observe(event);
    })?;
    Ok(Arrived {
        events: test.events(),
        fields: test.fields().cloned().unwrap_or_default(),
    })
}
