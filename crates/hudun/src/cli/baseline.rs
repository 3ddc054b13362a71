//! `hudun baseline`: what the behaviour engine has learnt of one person, to read or to forget.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hudun_monitor::engine::{Engine, Settings};
use serde_json::json;

/// What the behaviour engine has learnt of one person: usual counts, hours, modules, networks, devices. It answers a
/// person's request for access or deletion. It works on the data folder, so stop Hudun first.
#[derive(Subcommand)]
pub(super) enum BaselineCommand {
    /// Print a person's baseline as JSON.
    Export(Who),
    /// Forget a person's baseline for good; the person is then judged like a new colleague.
    Forget(Who),
}

#[derive(Args)]
pub(super) struct Who {
    /// The data folder.
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// The tenant.
    #[arg(long)]
    tenant: String,
    /// The account, as findings name it.
    #[arg(long)]
    actor: String,
    /// Print JSON (export always does).
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: BaselineCommand) -> anyhow::Result<ExitCode> {
    match command {
        BaselineCommand::Export(who) => {
            let (_lock, engine, _) = open(&who.data)?;
            let Some(baseline) = engine.export(&who.tenant, &who.actor) else {
                bail!(nobody(&who));
            };
            println!("{}", serde_json::to_string_pretty(&baseline)?);
        }
        BaselineCommand::Forget(who) => {
            let (_lock, mut engine, file) = open(&who.data)?;
            if !engine.forget(&who.tenant, &who.actor) {
                bail!(nobody(&who));
            }
            let new = file.with_extension("new");
            let mut out = File::create(&new).with_context(|| new.display().to_string())?;
            let mut bytes = Vec::new();
            engine.save(&mut bytes)?;
            out.write_all(&bytes)?;
            out.sync_all()?;
            std::fs::rename(&new, &file).with_context(|| file.display().to_string())?;
            if who.json {
                println!(
                    "{}",
                    json!({ "tenant": who.tenant, "actor": who.actor, "forgotten": true })
                );
            } else {
                println!("the baseline of {} is forgotten", who.actor);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn nobody(who: &Who) -> String {
    format!(
        "nothing is known of {} in tenant {}; is the name written as findings write it?",
        who.actor, who.tenant
    )
}

fn open(data: &Path) -> anyhow::Result<(File, Engine, PathBuf)> {
    let file = data.join(crate::behaviour::FILE);
    if !file.is_file() {
        bail!(
            "{} does not exist: nothing has been learnt in this data folder yet",
            file.display()
        );
    }
    let lock = crate::system::claim(data)?;
    let from = File::open(&file).with_context(|| file.display().to_string())?;
    let engine = Engine::load(Settings::default(), Vec::new(), &mut BufReader::new(from))
        .with_context(|| file.display().to_string())?;
    Ok((lock, engine, file))
}
