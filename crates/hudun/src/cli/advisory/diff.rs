//! `hudun advisory diff`: what changed between two reports.

use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use hudun_advisory::Status;
use hudun_advisory::decide::What;
use hudun_advisory::matching::{Difference, FindingKey, Snapshot, State, Why};
use serde_json::json;

/// Longest report, bytes.
const REPORT: u64 = 4 << 30;

#[derive(Args)]
pub(in crate::cli) struct DiffArgs {
    /// What `hudun advisory match --json` printed before.
    old: PathBuf,
    /// What it printed after.
    new: PathBuf,
    /// Print a JSON object a line: `{"new": …}`, `{"gone": …}`, `{"changed": …}`, then `{"same": N}`.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    let old = snapshot(&args.old)?;
    let new = snapshot(&args.new)?;
    let difference = Difference::between(&old, &new);
    let mut to = BufWriter::new(std::io::stdout().lock());
    let written = if args.json {
        as_json(&mut to, &difference)
    } else {
        table(&mut to, &difference)
    };
    match written.and_then(|()| to.flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        result => result.context("the differences can't be written")?,
    }
    let (added, gone) = (difference.new.len(), difference.gone.len());
    let (changed, same) = (difference.changed.len(), difference.same);
    eprintln!(
        "新增 {added}，消失 {gone}，变化 {changed}，不变 {same} · {added} new, {gone} gone, {changed} changed, {same} the same"
    );
    let counts = difference.new.iter().any(|one| one.is.counts());
    Ok(if counts {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn snapshot(path: &Path) -> anyhow::Result<Snapshot> {
    let name = || path.display().to_string();
    let mut text = String::new();
    std::fs::File::open(path)
        .with_context(name)?
        .take(REPORT + 1)
        .read_to_string(&mut text)
        .with_context(name)?;
    if text.len() as u64 > REPORT {
        bail!("{} is longer than {REPORT} bytes", name());
    }
    Snapshot::of_lines(&text).with_context(name)
}

fn as_json(to: &mut impl Write, difference: &Difference) -> std::io::Result<()> {
    for one in &difference.new {
        writeln!(to, "{}", json!({ "new": one }))?;
    }
    for one in &difference.gone {
        writeln!(to, "{}", json!({ "gone": one }))?;
    }
    for one in &difference.changed {
        writeln!(to, "{}", json!({ "changed": one }))?;
    }
    writeln!(to, "{}", json!({ "same": difference.same }))
}

fn table(to: &mut impl Write, difference: &Difference) -> std::io::Result<()> {
    for one in &difference.new {
        writeln!(
            to,
            "+ 新增 new      {}  {}",
            named(&one.key, &one.is),
            said(&one.is)
        )?;
    }
    for one in &difference.gone {
        let (zh, en) = match one.why {
            Why::ComponentGone => ("组件已不在该处", "the component is gone from there"),
            Why::VersionChanged => ("组件换了版本", "the component has another version"),
            Why::StatementChanged => ("公告改了说法", "the advisories say something else now"),
            Why::Suppressed => (
                "有说法称不必处置",
                "a statement says that it does not matter",
            ),
            Why::NotTold => (
                "新报告没有列出组件，原因不明",
                "the new report lists no components: unknown why",
            ),
        };
        let now = one
            .version_now
            .as_ref()
            .map_or_else(String::new, |now| format!(" → {now}"));
        writeln!(
            to,
            "- 消失 gone     {}{now}  {zh} · {en}",
            named(&one.key, &one.was)
        )?;
    }
    for one in &difference.changed {
        writeln!(
            to,
            "~ 变化 changed  {}  {} → {} ({})",
            named(&one.key, &one.is),
            said(&one.was),
            said(&one.is),
            one.fields.join(", ")
        )?;
    }
    Ok(())
}

fn named(key: &FindingKey, state: &State) -> String {
    let version = state.version.as_deref().unwrap_or("?");
    format!(
        "{} {} {version} ({})",
        key.vulnerability, key.component, key.place
    )
}

fn said(state: &State) -> String {
    let (zh, en) = match (state.status, state.proposed) {
        (Status::Unaffected, _) => ("不受影响", "unaffected"),
        (_, true) => ("待确认", "to confirm"),
        (Status::Affected, _) => ("受影响", "affected"),
        (Status::Unknown, _) => ("未知", "unknown"),
    };
    let class = match state.what {
        What::ActNow => "立即 act now",
        What::Days => "14 天 days",
        What::Scheduled => "60 天 scheduled",
        What::Watch => "随升级 watch",
    };
    format!("{zh} {en}, {class}")
}
