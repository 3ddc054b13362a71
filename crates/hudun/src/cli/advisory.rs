//! `hudun advisory`: what is known of vulnerable versions, offline.

mod diff;
mod matching;

use std::cmp::Ordering;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hudun_advisory::{Ecosystem, Format, Found, Limits, Score, Tally, Version, read_path};
use serde_json::json;

/// Longest line that is read, bytes.
const LINE: u64 = 4 << 10;

/// Most refusals that are kept for the end; the rest is counted.
const REFUSED: usize = 100_000;

#[derive(Subcommand)]
pub(super) enum AdvisoryCommand {
    /// Check facts about the order of versions: prints those that it holds to be wrong.
    ///
    /// Each line is `a < b`, `a = b` or `a > b`; empty lines and those that begin with # or // are left out. The exit code is 1
    /// when a line is wrong or can't be read. Example: echo '1.0-1 < 1.0' | hudun advisory order --ecosystem npm
    Order(OrderArgs),
    /// What CVSS vectors come to: versions 2.0, 3.0, 3.1 and 4.0. A vector that lacks a base metric has no score.
    ///
    /// The exit code is 1 when a vector can't be read. Example: hudun advisory score CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H
    Score {
        /// The vectors.
        #[arg(required = true)]
        vectors: Vec<String>,
        /// Print a JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Read advisories of a feed: prints the records that it understood, then what it refused and why.
    ///
    /// A path is a file, a folder or an archive: plain, gzip, tar, tar.gz or zip, told by what it holds. The rest of a folder or an
    /// archive is read when a part of it is broken. The summary goes to standard error. The exit code is 0 when everything was
    /// understood and 2 when something was refused. Example: hudun advisory read --format cnvd downloads/ --json
    Read(ReadArgs),
    /// Hold component inventories against advisories: what is affected, by whose word, and what to do by when.
    ///
    /// The exit code is 2 when something was refused; the rest is matched all the same. Example:
    /// hudun advisory match --sbom shop.cdx.json --feeds downloads/ --exposure internet --data personal
    Match(matching::MatchArgs),
    /// Every advisory that speaks of one package, with its verdict and the words that decided.
    ///
    /// Example: hudun advisory affects --purl pkg:npm/lodash@4.17.20 --feeds downloads/
    Affects(matching::AffectsArgs),
    /// What changed between two reports of `advisory match --json`: new findings, gone ones and why, changed ones.
    ///
    /// The exit code is 1 when something is new that has to be acted on. Example: hudun advisory diff before.jsonl after.jsonl
    Diff(diff::DiffArgs),
    /// Put feeds into one index file, which opens in a moment.
    Index(matching::IndexArgs),
}

#[derive(Args)]
pub(super) struct ReadArgs {
    /// cve5, nvd, osv, ghsa, csaf, openvex, cnvd, cnnvd, kev, epss or rss.
    #[arg(long)]
    format: Format,
    /// Files, folders and archives.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Print a JSON object a line: each record, then `{"refused": {file, place, reason}}` for each refusal.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct OrderArgs {
    /// Whose versions they are, as OSV names it: Alpine, CRAN, Debian, Hackage, Maven, NuGet, Packagist, Pub, PyPI, Red Hat,
    /// RubyGems, SemVer; or a registry that shares an order, such as npm, Go, crates.io, Ubuntu.
    #[arg(long)]
    ecosystem: String,
    /// The file; standard input when absent or -.
    file: Option<PathBuf>,
    /// Print a JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: AdvisoryCommand) -> anyhow::Result<ExitCode> {
    match command {
        AdvisoryCommand::Order(args) => order(&args),
        AdvisoryCommand::Score { vectors, json } => Ok(score(&vectors, json)),
        AdvisoryCommand::Read(args) => read(&args),
        AdvisoryCommand::Match(args) => matching::run(&args),
        AdvisoryCommand::Affects(args) => matching::affects(&args),
        AdvisoryCommand::Diff(args) => diff::run(&args),
        AdvisoryCommand::Index(args) => matching::index(&args),
    }
}

fn read(args: &ReadArgs) -> anyhow::Result<ExitCode> {
    let mut to = BufWriter::new(std::io::stdout().lock());
    let (mut refused, mut untold) = (Vec::new(), 0_u64);
    let mut written: std::io::Result<()> = Ok(());
    let mut total = Tally::default();
    for path in &args.paths {
        let tally = read_path(args.format, path, &Limits::default(), &mut |found| {
            if let Found::Refused(one) = found {
                if refused.len() < REFUSED {
                    refused.push(one);
                } else {
                    untold += 1;
                }
            } else if written.is_ok() {
                written = show(&mut to, &found, args.json);
            }
        });
        total.files += tally.files;
        total.understood += tally.understood;
        total.refused += tally.refused;
        for (note, times) in tally.notes {
            *total.notes.entry(note).or_default() += times;
        }
    }
    for one in &refused {
        if written.is_ok() {
            written = if args.json {
                writeln!(to, "{}", json!({ "refused": one }))
            } else {
                writeln!(to, "拒绝 refused: {one}")
            };
        }
    }
    match written.and_then(|()| to.flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        result => result.context("the records can't be written")?,
    }
    let (files, understood, bad) = (total.files, total.understood, total.refused);
    eprintln!(
        "{}：读取 {files} 个文件，理解 {understood} 条，拒绝 {bad} 处",
        args.format
    );
    eprintln!(
        "{}: {files} files, {understood} understood, {bad} refused",
        args.format
    );
    if untold > 0 {
        eprintln!("另有 {untold} 处拒绝未逐条列出 · {untold} more refusals are not listed");
    }
    for (note, times) in &total.notes {
        eprintln!("  {times} × {} · {}", note.zh(), note.en());
    }
    Ok(if bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

/// One record: a JSON object, or a row of number, date, severity, products and title.
fn show(to: &mut impl Write, found: &Found, as_json: bool) -> std::io::Result<()> {
    match found {
        Found::Record(record) if as_json => writeln!(to, "{}", json!(record)),
        Found::Kev(kev) if as_json => writeln!(to, "{}", json!(kev)),
        Found::Epss(epss) if as_json => writeln!(to, "{}", json!(epss)),
        Found::Record(record) => {
            let date = record
                .published
                .map_or_else(String::new, |at| at.strftime("%Y-%m-%d").to_string());
            let first = record
                .affected
                .first()
                .map_or_else(String::new, |affected| {
                    format!("{} {}", affected.vendor, affected.product)
                        .trim()
                        .to_owned()
                });
            let more = match record.affected.len() {
                0 | 1 => String::new(),
                count => format!(" (+{})", count - 1),
            };
            let state = if record.withdrawn {
                "已撤回 withdrawn"
            } else {
                ""
            };
            let word = record.severity_word.as_deref().unwrap_or("-");
            let text = if record.title.is_empty() {
                &record.summary
            } else {
                &record.title
            };
            let title: String = text
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(80)
                .collect();
            writeln!(
                to,
                "{:<20} {date:<10} {word:<8} {first}{more}  {title} {state}",
                record.id
            )
        }
        Found::Kev(kev) => {
            let day = |date: Option<jiff::civil::Date>| {
                date.map_or_else(|| "-".to_owned(), |date| date.to_string())
            };
            let ransomware = if kev.ransomware {
                "勒索 ransomware"
            } else {
                ""
            };
            let (added, due) = (day(kev.added), day(kev.due));
            writeln!(
                to,
                "{:<16} {added} → {due}  {} {}: {} {ransomware}",
                kev.cve, kev.vendor, kev.product, kev.name
            )
        }
        Found::Epss(epss) => writeln!(
            to,
            "{:<16} {:.5} {:.5} {}",
            epss.cve, epss.probability, epss.percentile, epss.model
        ),
        Found::Refused(refused) => writeln!(to, "{refused}"),
        Found::Ended(_) => Ok(()),
    }
}

fn order(args: &OrderArgs) -> anyhow::Result<ExitCode> {
    let ecosystem: Ecosystem = args.ecosystem.parse().context("--ecosystem")?;
    let named = args.file.as_deref().filter(|file| *file != Path::new("-"));
    let (mut from, name): (Box<dyn BufRead>, String) = match named {
        Some(file) => {
            let opened = std::fs::File::open(file)
                .with_context(|| format!("{} can't be read", file.display()))?;
            (Box::new(BufReader::new(opened)), file.display().to_string())
        }
        None => (
            Box::new(std::io::stdin().lock()),
            "standard input".to_owned(),
        ),
    };
    let (mut number, mut facts, mut wrong) = (0_u64, 0_u64, 0_u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        number += 1;
        if from.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() as u64 == LINE && !line.ends_with(b"\n") {
            bail!("{name}, line {number}: longer than {LINE} bytes");
        }
        let text = std::str::from_utf8(&line)
            .with_context(|| format!("{name}, line {number}: not UTF-8"))?
            .trim();
        if text.is_empty() || text.starts_with('#') || text.starts_with("//") {
            continue;
        }
        facts += 1;
        let Some(found) = judge(ecosystem, text).with_context(|| {
            format!("{name}, line {number}: {text:?} is not a < b, a = b or a > b")
        })?
        else {
            continue;
        };
        wrong += 1;
        if args.json {
            println!(
                "{}",
                json!({ "line": number, "fact": text, "found": found })
            );
        } else {
            println!("{number}: {text}: {found}");
        }
    }
    eprintln!("{ecosystem}: {facts} facts, {wrong} wrong");
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn score(vectors: &[String], as_json: bool) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for vector in vectors {
        match vector.parse::<Score>() {
            Ok(score) if as_json => println!(
                "{}",
                json!({ "vector": vector, "version": score.version, "base": score.base, "environmental": score.environmental,
                    "severity": score.severity })
            ),
            Ok(score) => println!("{score}"),
            Err(error) => {
                eprintln!("hudun: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// What is wrong about a fact; nothing when it holds.
fn judge(ecosystem: Ecosystem, fact: &str) -> anyhow::Result<Option<String>> {
    let words: Vec<&str> = fact.split_whitespace().collect();
    let [one, sign, two] = words[..] else {
        bail!("it has not three words");
    };
    let wanted = match sign {
        "<" => Ordering::Less,
        "=" => Ordering::Equal,
        ">" => Ordering::Greater,
        _ => bail!("{sign:?} is no sign"),
    };
    let read = |text| Version::parse(ecosystem, text);
    let (a, b) = match (read(one), read(two)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(error), _) | (_, Err(error)) => return Ok(Some(error.to_string())),
    };
    let found = a.compare(&b);
    Ok((found != Some(wanted)).then(|| {
        let sign = match found {
            Some(Ordering::Less) => "<",
            Some(Ordering::Greater) => ">",
            _ => "=",
        };
        format!("{one} {sign} {two}")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_shown_as_rows_and_as_json() {
        let text = r#"{"id":"GHSA-1","published":"2024-05-01T00:00:00Z","summary":"A hole","affected":[
            {"package":{"ecosystem":"npm","name":"crm"},"versions":["1.0.0"]}],"database_specific":{"severity":"HIGH"}}"#;
        let mut records = hudun_advisory::read(Format::Ghsa, "feed", text.as_bytes()).records;
        let found = Found::Record(Box::new(records.remove(0)));
        let shown = |as_json| {
            let mut to = Vec::new();
            show(&mut to, &found, as_json).unwrap();
            String::from_utf8(to).unwrap()
        };
        let row = shown(false);
        for part in ["GHSA-1", "2024-05-01", "HIGH", "crm", "A hole"] {
            assert!(row.contains(part), "{row}");
        }
        let value: serde_json::Value = serde_json::from_str(&shown(true)).unwrap();
        assert_eq!(value["source"], "ghsa");
        assert_eq!(value["affected"][0]["versions"][0], "1.0.0");
    }

    #[test]
    fn a_wrong_fact_is_told_with_the_order_that_was_found() {
        let of = |fact| judge(Ecosystem::SemVer, fact);
        assert_eq!(of("1.0.0-rc.1 < 1.0.0").unwrap(), None);
        let found = of("1.0.0 < 1.0.0-rc.1").unwrap();
        assert_eq!(found.as_deref(), Some("1.0.0 > 1.0.0-rc.1"));
        let refused = of("latest = 1.0.0").unwrap().unwrap();
        assert!(refused.contains("latest"), "{refused}");
        assert!(of("1.0.0 <= 1.0.0").is_err() && of("1.0.0").is_err());
    }
}
