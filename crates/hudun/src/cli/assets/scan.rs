//! `hudun assets scan`.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use hudun_advisory::sbom::{self, Document};
use hudun_advisory::scan::{Limits, Progress, Scanned, Skip, Stop, scan};
use serde_json::json;

/// How often a long scan says how far it is, milliseconds.
const EVERY: i64 = 5_000;
/// Most places that are printed one by one in the table.
const PRINTED: usize = 20;

#[derive(Args)]
pub(in crate::cli) struct ScanArgs {
    /// The host's root or a directory.
    #[arg(default_value = "/")]
    path: PathBuf,
    /// Print a JSON object a line: components, then `{"refused": …}`, `{"left_out": …}` and `{"summary": …}`.
    #[arg(long)]
    json: bool,
    /// Write CycloneDX 1.6, which `hudun advisory match --sbom` reads.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Take what lock files say to be there for development alone too.
    #[arg(long)]
    include_dev: bool,
    /// A folder to leave out; may be given several times.
    #[arg(long)]
    without: Vec<PathBuf>,
    /// End after so many seconds, with what was found until then.
    #[arg(long, default_value_t = 1_800)]
    seconds: u32,
    /// Most files and folders to look at.
    #[arg(long, default_value_t = 5_000_000)]
    files: u64,
}

pub(super) fn run(args: &ScanArgs) -> anyhow::Result<ExitCode> {
    let without = args
        .without
        .iter()
        .map(|folder| std::fs::canonicalize(folder).with_context(|| folder.display().to_string()));
    let limits = Limits {
        files: args.files,
        dev: args.include_dev,
        without: without.collect::<anyhow::Result<_>>()?,
        ..Limits::default()
    };
    if !args.path.exists() {
        anyhow::bail!("{}: there is no such file or folder", args.path.display());
    }
    let begun = now();
    let end = begun.saturating_add(i64::from(args.seconds) * 1_000);
    let mut told = begun;
    let mut go_on = |progress: &Progress| {
        let now = now();
        if now - told >= EVERY {
            told = now;
            let (files, components) = (progress.files, progress.components);
            eprintln!(
                "已看 {files} 个文件，{components} 个组件 · {files} files, {components} components: {}",
                progress.at
            );
        }
        now < end
    };
    let scanned = scan(&args.path, &limits, &mut go_on);
    if let Some(out) = &args.out {
        write(out, &args.path, &scanned).with_context(|| out.display().to_string())?;
    }
    let mut to = BufWriter::new(std::io::stdout().lock());
    let written = if args.json {
        as_json(&mut to, &scanned)
    } else {
        table(&mut to, &scanned)
    };
    match written.and_then(|()| to.flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        result => result.context("the components can't be written")?,
    }
    summary(&scanned, now() - begun);
    Ok(if scanned.is_whole() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

fn now() -> i64 {
    hudun_core::Timestamp::now().as_millis()
}

/// Appears whole or not at all.
fn write(out: &Path, root: &Path, scanned: &Scanned) -> anyhow::Result<()> {
    let timestamp = jiff::Timestamp::from_second(now().div_euclid(1_000))?.to_string();
    let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let document = Document {
        timestamp: Some(&timestamp),
        tool_version: env!("CARGO_PKG_VERSION"),
        root: root.to_str(),
        distro: scanned.distro.as_deref(),
        incomplete: !scanned.is_whole(),
    };
    let mut name = out.as_os_str().to_owned();
    name.push(".new");
    let new = Path::new(&name);
    let file = BufWriter::new(std::fs::File::create(new)?);
    let written =
        serde_json::to_writer_pretty(file, &sbom::cyclonedx(&scanned.inventory, &document))
            .map_err(anyhow::Error::from)
            .and_then(|()| Ok(std::fs::rename(new, out)?));
    if written.is_err() {
        let _ = std::fs::remove_file(new);
    }
    written
}

fn as_json(to: &mut impl Write, scanned: &Scanned) -> std::io::Result<()> {
    for one in &scanned.inventory.components {
        writeln!(to, "{}", json!(one))?;
    }
    for one in &scanned.inventory.refused {
        writeln!(to, "{}", json!({ "refused": one }))?;
    }
    for one in &scanned.left_out {
        writeln!(to, "{}", json!({ "left_out": one }))?;
    }
    let inventory = &scanned.inventory;
    writeln!(
        to,
        "{}",
        json!({ "summary": {
            "components": inventory.components.len(),
            "without_identity": inventory.without_identity,
            "without_version": inventory.without_version,
            "refused": inventory.refused.len() + inventory.refused_more,
            "left_out": scanned.left_out.len() as u64 + scanned.left_out_more,
            "links": scanned.links,
            "development": scanned.dev,
            "distro": scanned.distro,
            "files": scanned.progress.files,
            "read": scanned.progress.read,
            "bytes": scanned.progress.bytes,
            "stopped": scanned.stopped,
            "whole": scanned.is_whole(),
        } })
    )
}

fn table(to: &mut impl Write, scanned: &Scanned) -> std::io::Result<()> {
    for one in &scanned.inventory.components {
        writeln!(
            to,
            "{:<9} {:<40} {:<24} {}",
            one.ecosystem.as_deref().unwrap_or("-"),
            one.name,
            one.version.as_deref().unwrap_or("?"),
            one.where_found
        )?;
    }
    for one in &scanned.inventory.refused {
        writeln!(to, "拒绝 refused: {}: {}", one.place, one.reason)?;
    }
    Ok(())
}

fn summary(scanned: &Scanned, took: i64) {
    let inventory = &scanned.inventory;
    let (components, files) = (inventory.components.len(), scanned.progress.files);
    let refused = inventory.refused.len() + inventory.refused_more;
    let seconds = took as f64 / 1_000.0;
    let distro = scanned.distro.as_deref().unwrap_or("-");
    eprintln!(
        "{distro}：看了 {files} 个文件，{components} 个组件，拒绝 {refused} 处，{seconds:.1} 秒 · {files} files, {components} components, {refused} refused, {seconds:.1} s"
    );
    let (links, dev) = (scanned.links, scanned.dev);
    if links > 0 {
        eprintln!("  {links} 个链接未跟随 · {links} links not followed");
    }
    if dev > 0 {
        eprintln!(
            "  {dev} 个仅供开发的组件未计入（--include-dev）· {dev} for development alone not taken (--include-dev)"
        );
    }
    for one in scanned.left_out.iter().take(PRINTED) {
        let (zh, en) = match one.why {
            Skip::Denied => ("无权读取", "not allowed to read"),
            Skip::Unreadable => ("读不了", "can't be read"),
            Skip::Kernel => ("内核文件系统，略过", "the kernel's own, left out"),
            Skip::Network => ("网络挂载，略过", "network mount, left out"),
            Skip::Asked => ("按要求略过", "left out as asked"),
            Skip::TooLarge => ("过大", "too large"),
            Skip::TooDeep => ("过深", "too deep"),
            Skip::Moved => ("读取时变了", "changed while it was read"),
        };
        eprintln!("  {}: {zh} · {en} {}", one.place, one.detail);
    }
    let more = scanned.left_out.len().saturating_sub(PRINTED) as u64 + scanned.left_out_more;
    if more > 0 {
        eprintln!("  另有 {more} 处未读 · {more} more were not read (--json lists them)");
    }
    if let Some(stop) = scanned.stopped {
        let (zh, en) = match stop {
            Stop::Files => ("到了文件数上限", "the most files were reached"),
            Stop::Bytes => ("到了字节上限", "the most bytes were reached"),
            Stop::Asked => ("到了时限", "the time was over"),
        };
        eprintln!("没有扫完：{zh} · not finished: {en}");
    }
}
