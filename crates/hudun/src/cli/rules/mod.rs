//! Rules on the command line, offline: detection rules matched, tested and measured; the Core Rule Set installed.

mod backtest;
mod bench;
mod coverage;
mod input;
mod past;
mod tune;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hudun_sigma::{Engine, Limits, Loader, Meta, RuleInfo, RuleSet, Scratch, Severity};
use serde_json::{Value, json};

use crate::rule_files::{RuleFiles, read};
use input::{Lines, Seen};
use past::Past;

#[derive(Subcommand)]
pub(super) enum RulesCommand {
    /// Install the OWASP Core Rule Set; an own crs-setup.conf stays, and a set that doesn't load changes nothing.
    Crs {
        /// Its folder, or a release as .zip or .tar.gz.
        #[arg(long)]
        from: PathBuf,
        /// Where to.
        #[arg(long, default_value = "data/crs")]
        to: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ask rules about the events of a file and print what they find, one JSON object a line.
    ///
    /// A finding has the rule's id, title and level, the number of the line that made it, and why: the fields that
    /// matched, or for a correlation the group, the value and the timespan. What couldn't be read is counted on
    /// standard error. Example: hudun rules match --rules rules/detect --format combined access.log
    Match {
        #[command(flatten)]
        rules: RulesArgs,
        #[command(flatten)]
        lines: Lines,
        /// The events; - reads standard input.
        file: PathBuf,
    },
    /// Ask rules about recorded exchanges and say what they would have reported.
    ///
    /// The exchanges come from the data folder, which is only read: Hudun may run meanwhile. A rule sees the same events
    /// as in the running guard. Example: hudun rules backtest --last 7d --rules my-rules --data data
    Backtest {
        #[command(flatten)]
        past: Past,
        /// Folder or file of rules; Hudun's own and the site's (monitor.rules.folder of --config) when absent.
        #[arg(long = "rules", value_name = "DIR")]
        rules: Option<PathBuf>,
        /// With --rules: Hudun's own rules as well, which rules of the folder may name.
        #[arg(long, requires = "rules")]
        with_pack: bool,
        /// Matches shown for each rule.
        #[arg(long, default_value_t = 3)]
        examples: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Propose the threshold of a rule for a number of alarms a day, from recorded exchanges. Changes nothing.
    Tune {
        /// The rule: its id, name, or name in findings.
        rule: String,
        /// Alarms that it may make: a number, /day or /week.
        #[arg(long, value_name = "N/day")]
        budget: tune::Budget,
        #[command(flatten)]
        past: Past,
        /// Folder or file of rules; Hudun's own and the site's (monitor.rules.folder of --config) when absent.
        #[arg(long = "rules", value_name = "DIR")]
        rules: Option<PathBuf>,
        /// Which number, where the rule has several, such as correlation.condition.gte.
        #[arg(long)]
        knob: Option<String>,
        /// Smallest candidate; the knob's own bound when absent.
        #[arg(long)]
        from: Option<i64>,
        /// Largest candidate; the knob's own bound when absent.
        #[arg(long)]
        to: Option<i64>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run the inline tests of a folder's rules: events that must make them fire, and events that must not.
    Test {
        /// Folder or file of rules.
        dir: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check rules against the Sigma specification, and rules of ours for reasons, tests and tags.
    Lint {
        /// Folder or file of rules.
        dir: PathBuf,
        /// Ask of every rule what is asked of rules of ours (those with a `hudun:` attribute).
        #[arg(long)]
        ours: bool,
        /// Show hints as well.
        #[arg(long)]
        hints: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show which ATT&CK techniques the rules cover, which fields each rule needs, and whether they arrive.
    Coverage {
        #[command(flatten)]
        rules: RulesArgs,
        /// Events to look whether the fields arrive.
        #[arg(long, conflicts_with_all = ["data", "config"])]
        events: Option<PathBuf>,
        #[command(flatten)]
        lines: Lines,
        /// Look instead whether they arrive in the exchanges of a data folder, which is only read.
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
        /// With --data: how far back, such as 7d or 12h.
        #[arg(long, default_value = "7d", value_name = "SPAN")]
        last: past::Span,
        /// With --data: the configuration that Hudun runs with.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Measure events per second on one core, and the worst case of correlations.
    Bench {
        /// Folder of rules; the Sigma rules of the test data when absent.
        #[arg(long)]
        rules: Option<PathBuf>,
        /// Synthetic events.
        #[arg(long, default_value_t = 100_000)]
        events: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Which rules, and how their fields are named.
#[derive(Args)]
pub(super) struct RulesArgs {
    /// Folder of rules (.yml, .yaml, also in folders below); its pipelines/ and vars.yml are used.
    #[arg(long = "rules", value_name = "DIR")]
    rules: PathBuf,
    /// A Sigma processing pipeline; may be given several times.
    #[arg(long)]
    pipeline: Vec<PathBuf>,
}

pub(super) fn run(command: RulesCommand) -> anyhow::Result<ExitCode> {
    match command {
        RulesCommand::Crs { from, to, json } => super::waf::install_crs(&from, &to, json),
        RulesCommand::Match { rules, lines, file } => matches(&rules, &lines, &file),
        RulesCommand::Backtest {
            past,
            rules,
            with_pack,
            examples,
            json,
        } => backtest::backtest(&past, rules.as_deref(), with_pack, examples, json),
        RulesCommand::Tune {
            rule,
            budget,
            past,
            rules,
            knob,
            from,
            to,
            json,
        } => {
            let wanted = tune::Wanted {
                rule,
                budget,
                knob,
                from,
                to,
            };
            tune::tune(&wanted, &past, rules.as_deref(), json)
        }
        RulesCommand::Test { dir, json } => test(&dir, json),
        RulesCommand::Lint {
            dir,
            ours,
            hints,
            json,
        } => lint(&dir, ours, hints, json),
        RulesCommand::Coverage {
            rules,
            events,
            lines,
            data,
            last,
            config,
            json,
        } => {
            let from = match (events, data, config) {
                (Some(file), _, _) => coverage::From::File(lines, file),
                (None, None, None) => coverage::From::Nothing,
                (None, data, config) => coverage::From::Past(Past::new(data, last, config)),
            };
            coverage::coverage(&rules, &from, json)
        }
        RulesCommand::Bench {
            rules,
            events,
            json,
        } => bench::bench(rules, events, json),
    }
}

fn matches(args: &RulesArgs, lines: &Lines, file: &Path) -> anyhow::Result<ExitCode> {
    let engine = Engine::new(load(args, lines.pipeline())?, Limits::default());
    for warning in engine.rules().warnings() {
        eprintln!("hudun: {warning}");
    }
    let source = lines.format().source();
    let route = source.map(|source| engine.rules().route(&source));
    let mut events = lines.open(file)?;
    let mut scratch = Scratch::default();
    let mut findings = Vec::new();
    let mut found = 0_u64;
    let mut out = io::BufWriter::new(io::stdout().lock());
    events.each(|record, time| {
        let meta = Meta {
            tenant: record.tenant(),
            time,
            now: None,
            id: record.id(),
        };
        let seen = Seen(record);
        engine.observe(&seen, &meta, route.as_ref(), &mut scratch, &mut findings);
        for event in input::per_subject(record) {
            // All of them have the identity of their line, which would make one of them.
            let meta = Meta { id: None, ..meta };
            engine.observe(&event, &meta, route.as_ref(), &mut scratch, &mut findings);
        }
        for finding in findings.drain(..) {
            found += 1;
            let mut shown = serde_json::to_value(&finding)?;
            if let Value::Object(map) = &mut shown {
                map.insert("line".to_owned(), record.number().into());
                // Pairs read better as one object.
                for key in ["fields", "group"] {
                    if let Some(Value::Array(pairs)) = map.get(key) {
                        let object = pairs
                            .iter()
                            .filter_map(|pair| {
                                Some((pair[0].as_str()?.to_owned(), pair[1].clone()))
                            })
                            .collect();
                        map.insert(key.to_owned(), Value::Object(object));
                    }
                }
            }
            serde_json::to_writer(&mut out, &shown)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    out.flush()?;
    eprintln!(
        "{}",
        json!({"findings": found, "input": input::told(events.counts()), "correlations": engine.stats()})
    );
    Ok(ExitCode::SUCCESS)
}

fn test(dir: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let (files, loader) = folder(dir)?;
    let set = with(loader, &files).load()?;
    let engine = Engine::new(set, Limits::default());
    let rules: Vec<&RuleInfo> = engine
        .rules()
        .rules()
        .chain(engine.rules().correlations())
        .map(|rule| &**rule)
        .collect();
    let mut outcomes = Vec::new();
    for rule in &rules {
        let cases = hudun_sigma::run_cases(&engine, rule)
            .with_context(|| format!("{} ({})", rule.file, rule.title))?;
        outcomes.extend(cases);
    }
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
    if as_json {
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({
                "rules": rules.len(), "cases": outcomes.len(), "failed": failed.len(), "outcomes": outcomes,
            }))?
        );
    } else {
        for outcome in &failed {
            println!(
                "失败 failed {}: {} · {}: expected {:?}, found {}",
                outcome.file, outcome.rule, outcome.case, outcome.expected, outcome.found
            );
        }
        println!(
            "{} 条规则，{} 个用例，{} 个失败 / rules, cases, failed",
            rules.len(),
            outcomes.len(),
            failed.len()
        );
    }
    if outcomes.is_empty() {
        bail!(
            "{}: no rule has tests: add `hudun: {{ tests: {{ fire: [...], quiet: [...] }} }}` to each",
            dir.display()
        );
    }
    Ok(code(failed.is_empty()))
}

fn lint(dir: &Path, ours: bool, hints: bool, as_json: bool) -> anyhow::Result<ExitCode> {
    let (files, loader) = folder(dir)?;
    let mut faults = hudun_sigma::lint(&files, loader, ours);
    if !hints {
        faults.retain(|fault| fault.severity > Severity::Hint);
    }
    let errors = faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error)
        .count();
    if as_json {
        println!(
            "{}",
            serde_json::to_string_pretty(
                &json!({"files": files.len(), "errors": errors, "faults": faults})
            )?
        );
    } else {
        for fault in &faults {
            let severity = match fault.severity {
                Severity::Error => "错误 error",
                Severity::Warning => "警告 warning",
                Severity::Hint => "提示 hint",
            };
            let line = fault.line.map_or(String::new(), |line| format!(":{line}"));
            println!(
                "{severity} {}{line} [{}] {}",
                fault.file, fault.check, fault.message
            );
        }
        println!("{} 个文件，{errors} 个错误 / files, errors", files.len());
    }
    Ok(code(errors == 0))
}

fn load(args: &RulesArgs, names: Option<(&str, &str)>) -> anyhow::Result<RuleSet> {
    let (files, mut loader) = folder(&args.rules)?;
    if let Some((name, text)) = names {
        loader = loader.pipeline(name, text);
    }
    for path in &args.pipeline {
        loader = loader.pipeline(&path.display().to_string(), &read(path)?);
    }
    Ok(with(loader, &files).load()?)
}

fn with(loader: Loader, files: &[(String, String)]) -> Loader {
    files
        .iter()
        .fold(loader, |loader, (name, text)| loader.source(name, text))
}

/// The rule files of a folder, and a loader that has its pipelines and variables.
fn folder(dir: &Path) -> anyhow::Result<(Vec<(String, String)>, Loader)> {
    let files = RuleFiles::read(dir)?;
    if files.rules.is_empty() {
        bail!("{}: no rule file (.yml, .yaml) in it", dir.display());
    }
    let mut loader = Loader::new();
    for (name, text) in &files.pipelines {
        loader = loader.pipeline(name, text);
    }
    for (name, text) in &files.vars {
        loader = loader.placeholders(name, text);
    }
    Ok((files.rules, loader))
}

const fn code(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
