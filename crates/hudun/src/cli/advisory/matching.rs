//! `hudun advisory match`, `affects` and `index`.

use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use hudun_advisory::decide::{DataTier, Exposure, What};
use hudun_advisory::matching::{
    Asset, Builder, Finding, Index, Options, Own, Report, Said, Upgrade, match_inventory,
};
use hudun_advisory::sbom::{self, Component, Inventory};
use hudun_advisory::{Found, Limits, Refused, Status, read_feeds};
use serde_json::{Value, json};

/// Longest inventory and longest file of own statements, bytes.
const FILE: u64 = 64 << 20;
/// Most refusals that are kept for the end; the rest is counted.
const REFUSED: usize = 100_000;

/// Where advisories come from.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct From {
    /// A folder, file or archive of feeds: CVE 5, NVD, OSV, GHSA, CSAF, OpenVEX, CNVD, CNNVD, KEV, EPSS, told by their content.
    #[arg(long)]
    feeds: Option<PathBuf>,
    /// A file that `hudun advisory index` wrote.
    #[arg(long)]
    index: Option<PathBuf>,
}

#[derive(Args)]
pub(in crate::cli) struct MatchArgs {
    /// Component inventories, lock files and package databases.
    #[arg(long, required = true, num_args = 1..)]
    sbom: Vec<PathBuf>,
    #[command(flatten)]
    from: From,
    /// Who can reach the asset. Not given, the worst is taken, and said.
    #[arg(long)]
    exposure: Option<Reach>,
    /// The most sensitive data that it holds. Not given, the worst is taken, and said.
    #[arg(long)]
    data: Option<Tier>,
    /// Own statements, a JSON array of {vulnerability, component, reason, by, until}: what they name is suppressed, with the reason.
    #[arg(long)]
    own: Option<PathBuf>,
    /// The distribution of a dpkg or apk database, such as debian: the database itself does not say.
    #[arg(long)]
    distro: Option<String>,
    /// Print what is not affected too.
    #[arg(long)]
    all: bool,
    /// Print a JSON object a line: findings, then `{"upgrade": …}` for each affected component with a fix, `{"refused": …}`,
    /// `{"components": […]}` and `{"summary": …}`. Two such outputs can be held against each other by `advisory diff`.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(in crate::cli) struct AffectsArgs {
    /// The package, with its version.
    #[arg(long)]
    purl: String,
    #[command(flatten)]
    from: From,
    /// Print statements that it is not affected too.
    #[arg(long)]
    all: bool,
    /// Print a JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(in crate::cli) struct IndexArgs {
    /// A folder, file or archive of feeds.
    #[arg(long)]
    feeds: PathBuf,
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Reach {
    Internet,
    Partner,
    Internal,
}

#[derive(Clone, Copy, ValueEnum)]
enum Tier {
    Sensitive,
    Personal,
    Plain,
}

/// Advisories with what was refused of them.
struct Loaded {
    index: Index,
    refused: Vec<Refused>,
    count: u64,
}

fn load(feeds: &Path) -> Loaded {
    let mut builder = Builder::default();
    let mut refused = Vec::new();
    let tally = read_feeds(feeds, &Limits::default(), &mut |found| match found {
        Found::Refused(one) if refused.len() < REFUSED => refused.push(one),
        found => builder.add(found),
    });
    for (note, times) in &tally.notes {
        eprintln!("  {times} × {} · {}", note.zh(), note.en());
    }
    let index = builder.finish();
    let counts = index.counts();
    eprintln!(
        "公告 {} 条，漏洞 {} 个，拒绝 {} 处 · {} advisories, {} vulnerabilities, {} refused",
        counts.records,
        counts.vulnerabilities,
        tally.refused,
        counts.records,
        counts.vulnerabilities,
        tally.refused
    );
    Loaded {
        index,
        refused,
        count: tally.refused,
    }
}

impl From {
    fn load(&self) -> anyhow::Result<Loaded> {
        match (&self.feeds, &self.index) {
            (Some(feeds), _) => Ok(load(feeds)),
            (None, Some(file)) => Ok(Loaded {
                index: Index::open(file).with_context(|| file.display().to_string())?,
                refused: Vec::new(),
                count: 0,
            }),
            (None, None) => bail!("neither --feeds nor --index is given"),
        }
    }
}

pub(super) fn index(args: &IndexArgs) -> anyhow::Result<ExitCode> {
    let loaded = load(&args.feeds);
    for one in &loaded.refused {
        eprintln!("拒绝 refused: {one}");
    }
    loaded
        .index
        .save(&args.out)
        .with_context(|| args.out.display().to_string())?;
    Ok(code(loaded.count))
}

pub(super) fn run(args: &MatchArgs) -> anyhow::Result<ExitCode> {
    let mut inventory = Inventory::default();
    for path in &args.sbom {
        let bytes = read(path)?;
        let place = path.display().to_string();
        let Some(format) = sbom::Format::guess(&place, &bytes) else {
            bail!("{place} is no inventory, lock file or package database that is known");
        };
        let source = sbom::Source {
            place: &place,
            format,
            distro: args.distro.as_deref(),
        };
        inventory.add(&source, &bytes);
    }
    let own = match &args.own {
        Some(path) => serde_json::from_slice::<Vec<Own>>(&read(path)?)
            .with_context(|| path.display().to_string())?,
        None => Vec::new(),
    };
    let options = Options {
        asset: Asset {
            exposure: args.exposure.map(|reach| match reach {
                Reach::Internet => Exposure::Internet,
                Reach::Partner => Exposure::Partner,
                Reach::Internal => Exposure::Internal,
            }),
            data: args.data.map(|tier| match tier {
                Tier::Sensitive => DataTier::Sensitive,
                Tier::Personal => DataTier::Personal,
                Tier::Plain => DataTier::Plain,
            }),
        },
        own,
        today: Some(today()?),
        all: args.all,
        ..Options::default()
    };
    let loaded = args.from.load()?;
    let report = match_inventory(&loaded.index, &inventory, &options)?;
    let mut to = BufWriter::new(std::io::stdout().lock());
    for finding in &report.findings {
        if args.json {
            writeln!(to, "{}", as_json(finding))?;
        } else {
            row(&mut to, finding)?;
        }
    }
    for one in &report.upgrades {
        if args.json {
            writeln!(to, "{}", json!({ "upgrade": one }))?;
        } else {
            upgrade(&mut to, one)?;
        }
    }
    let parts = inventory
        .refused
        .iter()
        .map(|one| json!({ "file": one.place, "reason": one.reason }));
    for one in loaded.refused.iter().map(|one| json!(one)).chain(parts) {
        if args.json {
            writeln!(to, "{}", json!({ "refused": one }))?;
        } else {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let (file, place, reason) = (text("file"), text("place"), text("reason"));
            writeln!(to, "拒绝 refused: {file} {place}: {reason}")?;
        }
    }
    if args.json {
        let components: Vec<_> = report.components.iter().map(|part| json!(**part)).collect();
        writeln!(to, "{}", json!({ "components": components }))?;
        writeln!(
            to,
            "{}",
            json!({ "summary": report.summary, "advisories": loaded.index.counts() })
        )?;
    }
    to.flush()?;
    summary(&report);
    let refused = loaded.count + inventory.refused.len() as u64 + inventory.refused_more as u64;
    Ok(code(refused))
}

pub(super) fn affects(args: &AffectsArgs) -> anyhow::Result<ExitCode> {
    let component = Component::of_purl(&args.purl).context("--purl")?;
    let inventory = Inventory {
        components: vec![component],
        ..Inventory::default()
    };
    let options = Options {
        all: true,
        others: 100_000,
        ..Options::default()
    };
    let loaded = args.from.load()?;
    let report = match_inventory(&loaded.index, &inventory, &options)?;
    let mut to = BufWriter::new(std::io::stdout().lock());
    for finding in &report.findings {
        let decided = std::iter::once((&finding.decided_by, true));
        let others = finding.others.iter().map(|one| (one, false));
        for (said, decided) in decided.chain(others) {
            if !args.all && said.verdict.status == Status::Unaffected {
                continue;
            }
            if args.json {
                let mut line = said_json(said);
                line["vulnerability"] = json!(finding.vulnerability.id);
                line["together"] = json!(finding.status);
                line["decided"] = json!(decided);
                line["proposed"] = json!(!said.identity.decides());
                writeln!(to, "{line}")?;
            } else {
                let why = said.verdict.because.sentence();
                let (zh, en) = status(said.verdict.status, !said.identity.decides());
                let mark = if decided { "*" } else { " " };
                writeln!(
                    to,
                    "{mark} {:<20} {zh} {en:<10} {} {}: {} · {}",
                    finding.vulnerability.id,
                    said.source.name(),
                    said.record,
                    why.zh,
                    why.en
                )?;
            }
        }
    }
    for one in &loaded.refused {
        if args.json {
            writeln!(to, "{}", json!({ "refused": one }))?;
        } else {
            writeln!(to, "拒绝 refused: {one}")?;
        }
    }
    to.flush()?;
    Ok(code(loaded.count))
}

/// The day here and now.
fn today() -> anyhow::Result<jiff::civil::Date> {
    let now = jiff::Timestamp::from_millisecond(hudun_core::Timestamp::now().as_millis())?;
    Ok(jiff::tz::TimeZone::system().to_datetime(now).date())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let name = || path.display().to_string();
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .with_context(name)?
        .take(FILE + 1)
        .read_to_end(&mut bytes)
        .with_context(name)?;
    if bytes.len() as u64 > FILE {
        bail!("{} is longer than {FILE} bytes", name());
    }
    Ok(bytes)
}

fn code(refused: u64) -> ExitCode {
    if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    }
}

fn said_json(said: &Said) -> Value {
    let mut line = json!(said);
    line["sentence"] = json!(said.verdict.because.sentence());
    line
}

fn as_json(finding: &Finding) -> Value {
    let mut line = json!(finding);
    line["decided_by"] = said_json(&finding.decided_by);
    line
}

/// A row of the table, and a second one with the reason.
fn row(to: &mut impl Write, finding: &Finding) -> std::io::Result<()> {
    let (zh, en) = match finding.what() {
        What::ActNow => ("立即", "act now"),
        What::Days => ("14 天", "days"),
        What::Scheduled => ("60 天", "scheduled"),
        What::Watch => ("随升级", "watch"),
    };
    let (status_zh, status_en) = status(finding.status, finding.proposed);
    let part = &finding.component;
    let version = part.version.as_deref().unwrap_or("?");
    let fixed = match (&finding.fixed, &finding.fixed_by_all) {
        (None, _) => String::new(),
        (Some(fixed), None) => format!(" → {fixed}"),
        (Some(fixed), Some(all)) => {
            format!(" → {fixed}（各来源都认可 by every source: {all}）")
        }
    };
    writeln!(
        to,
        "{zh} {en:<10} {status_zh} {status_en:<10} {:<20} {} {version}{fixed}  {}",
        finding.vulnerability.id, part.name, finding.vulnerability.title
    )?;
    let by = &finding.decided_by;
    let why = by.verdict.because.sentence();
    writeln!(
        to,
        "    {} {} {}: {} · {}",
        by.source.name(),
        by.record,
        by.giver,
        why.zh,
        why.en
    )?;
    if let Some(why) = &finding.suppressed {
        writeln!(to, "    已抑制 suppressed: {} ({})", why.reason, why.by)?;
    }
    if let Some(over) = &finding.expired {
        writeln!(
            to,
            "    自家说法已过期 own statement has run out: {} ({})",
            over.reason, over.by
        )?;
    }
    if finding.disagreement.is_some() {
        writeln!(to, "    各来源说法不一 sources differ")?;
    }
    Ok(())
}

/// The version to go to, for a component with several vulnerabilities.
fn upgrade(to: &mut impl Write, one: &Upgrade) -> std::io::Result<()> {
    if one.mends.len() + one.leaves.len() + one.unknown.len() < 2 {
        return Ok(());
    }
    let part = &one.component;
    let (mends, leaves) = (one.mends.len(), one.leaves.len());
    write!(
        to,
        "升级 upgrade: {} {} → {}  修复 {mends} 个 · mends {mends}",
        part.name,
        part.version.as_deref().unwrap_or("?"),
        one.version
    )?;
    if leaves > 0 {
        let ids = one.leaves.join(", ");
        write!(to, "；仍有 {leaves} 个 · leaves {leaves}: {ids}")?;
    }
    if !one.unknown.is_empty() {
        let unknown = one.unknown.len();
        write!(to, "；{unknown} 个未知 · {unknown} unknown")?;
    }
    writeln!(to)
}

const fn status(status: Status, proposed: bool) -> (&'static str, &'static str) {
    match (status, proposed) {
        (Status::Unaffected, _) => ("不受影响", "unaffected"),
        (_, true) => ("待确认", "to confirm"),
        (Status::Affected, _) => ("受影响", "affected"),
        (Status::Unknown, _) => ("未知", "unknown"),
    }
}

fn summary(report: &Report) {
    let one = &report.summary;
    eprintln!(
        "组件 {}：受影响 {}，未知 {}，待确认 {}，已抑制 {} · {} components: {} affected, {} unknown, {} to confirm, {} suppressed",
        one.components,
        one.affected,
        one.unknown,
        one.proposed,
        one.suppressed,
        one.components,
        one.affected,
        one.unknown,
        one.proposed,
        one.suppressed
    );
    let told: [(usize, &str, &str); 3] = [
        (
            one.without_identifier,
            "没有任何标识，无法匹配",
            "without any identifier: nothing can match them",
        ),
        (
            one.without_source,
            "的标识没有来源收录",
            "with identifiers that no source speaks of",
        ),
        (
            one.without_version,
            "没有版本，判断不了范围",
            "without a version: no range can be decided",
        ),
    ];
    for (count, zh, en) in told.into_iter().filter(|(count, ..)| *count > 0) {
        eprintln!("  {count} 个组件{zh} · {count} {en}");
    }
    for kind in &one.identifiers {
        let records: Vec<String> = kind
            .records
            .iter()
            .map(|(source, count)| format!("{source} {count}"))
            .collect();
        let records = if records.is_empty() {
            "-".to_owned()
        } else {
            records.join(", ")
        };
        eprintln!("  {}: {} ← {records}", kind.kind, kind.components);
    }
    if one.left_out > 0 {
        eprintln!(
            "  另有 {} 条超出上限未列出 · {} more are beyond the limit",
            one.left_out, one.left_out
        );
    }
}
