//! Rules on the command line, offline: detection rules matched, tested and measured; the Core Rule Set installed.

mod bench;
mod events;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hudun_sigma::{Engine, Limits, Loader, Meta, RuleInfo, RuleSet, Scratch, Severity};
use serde_json::{Value, json};

use crate::rule_files::{RuleFiles, read};
use events::{Format, Reader, at};

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
        /// What the lines are.
        #[arg(long, value_enum, default_value_t = Format::Json)]
        format: Format,
        /// The events; - reads standard input.
        file: PathBuf,
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
    /// Show which ATT&CK techniques the rules cover, and which fields they need.
    Coverage {
        #[command(flatten)]
        rules: RulesArgs,
        /// Events to look whether the fields arrive.
        #[arg(long)]
        events: Option<PathBuf>,
        /// What the lines of --events are.
        #[arg(long, value_enum, default_value_t = Format::Json)]
        format: Format,
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
        RulesCommand::Match {
            rules,
            format,
            file,
        } => matches(&rules, format, &file),
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
            format,
            json,
        } => coverage(&rules, events.as_deref(), format, json),
        RulesCommand::Bench {
            rules,
            events,
            json,
        } => bench::bench(rules, events, json),
    }
}

fn matches(args: &RulesArgs, format: Format, file: &Path) -> anyhow::Result<ExitCode> {
    let engine = Engine::new(load(args, Some(format))?, Limits::default());
    for warning in engine.rules().warnings() {
        eprintln!("hudun: {warning}");
    }
    let route = format.source().map(|source| engine.rules().route(&source));
    let mut reader = Reader::new(open(file)?, format);
    let mut scratch = Scratch::default();
    let mut findings = Vec::new();
    let mut found = 0_u64;
    let mut out = io::BufWriter::new(io::stdout().lock());
    while let Some(line) = reader.next().with_context(|| file.display().to_string())? {
        let meta = Meta {
            tenant: &line.tenant,
            time: line.time,
            now: None,
            id: line.id.as_deref(),
        };
        engine.observe(
            &line.event,
            &meta,
            route.as_ref(),
            &mut scratch,
            &mut findings,
        );
        for finding in findings.drain(..) {
            found += 1;
            let mut shown = serde_json::to_value(&finding)?;
            if let Value::Object(map) = &mut shown {
                map.insert("line".to_owned(), line.number.into());
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
    }
    out.flush()?;
    eprintln!(
        "{}",
        json!({"findings": found, "input": reader.counts, "correlations": engine.stats()})
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

fn coverage(
    args: &RulesArgs,
    events: Option<&Path>,
    format: Format,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let set = load(args, events.map(|_| format))?;
    let mut techniques: BTreeMap<String, Vec<&str>> = BTreeMap::new();
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
                techniques.entry(technique).or_default().push(rule.key());
            }
        }
        if !any {
            untagged.push(rule.key());
        }
    }
    let fields = set.fields();
    let mut arrives: BTreeMap<&str, u64> = BTreeMap::new();
    let mut seen = 0;
    if let Some(file) = events {
        let mut reader = Reader::new(open(file)?, format);
        while let Some(line) = reader.next()? {
            seen += 1;
            for used in &fields {
                if at(&line.event, &used.field).is_some() {
                    *arrives.entry(&used.field).or_default() += 1;
                }
            }
        }
    }
    let missing: Vec<&str> = fields
        .iter()
        .map(|used| used.field.as_str())
        .filter(|field| events.is_some() && !arrives.contains_key(field))
        .collect();
    if as_json {
        let fields: Vec<Value> = fields
            .iter()
            .map(|used| {
                json!({
                    "field": used.field, "rules": used.rules,
                    "events": events.map(|_| arrives.get(used.field.as_str()).copied().unwrap_or(0)),
                })
            })
            .collect();
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({
                "techniques": techniques, "untagged": untagged, "fields": fields,
                "events": events.map(|_| seen), "missing": missing,
            }))?
        );
    } else {
        println!("技术 techniques");
        for (technique, rules) in &techniques {
            println!("  {technique:<14} {}", rules.len());
        }
        println!("没有标签 without a tag: {}", untagged.len());
        println!("字段 fields");
        for used in &fields {
            let arrived = match arrives.get(used.field.as_str()) {
                Some(number) => format!(", {number} / {seen}"),
                None if events.is_some() => ", 从未出现 never arrives".to_owned(),
                None => String::new(),
            };
            println!(
                "  {:<40} {} 条规则 rules{arrived}",
                used.field,
                used.rules.len()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn load(args: &RulesArgs, format: Option<Format>) -> anyhow::Result<RuleSet> {
    let (files, mut loader) = folder(&args.rules)?;
    if let Some((name, text)) = format.and_then(Format::pipeline) {
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

fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(file).with_context(|| file.display().to_string())?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

const fn code(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
