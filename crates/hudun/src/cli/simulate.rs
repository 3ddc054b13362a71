//! `hudun simulate`: a synthetic year, and how well the behaviour engine does on it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hudun_simulate::{AttackKind, Found, Report, Scenario};
use serde_json::json;

/// Makes a seeded working year of an SCRM (roles, seasons, leave, promotions, new staff, sales days, sync jobs) with
/// labelled attacks: events.jsonl with OCSF names, labels.jsonl with the truth, scenario.json with the settings.
///
/// Everything in it is synthetic. Seeds below 1000 and the kinds of `--attacks tuning` were looked at while the behaviour
/// engine was built; seeds from 1000 on and `--attacks held-back` are for reporting.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct SimulateArgs {
    #[command(subcommand)]
    command: Option<SimulateCommand>,
    #[command(flatten)]
    make: MakeArgs,
}

#[derive(Args)]
struct MakeArgs {
    /// Makes everything; the same seed gives the same year.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days, from Monday 2026-01-05 on.
    #[arg(long, default_value_t = 60)]
    days: u32,
    /// People.
    #[arg(long, default_value_t = 100)]
    staff: u32,
    /// Kinds of attack, separated by commas: names as `hudun simulate kinds` lists them, or all, none, tuning, held-back.
    #[arg(long, default_value = "all")]
    attacks: String,
    /// Attacks of each kind.
    #[arg(long, default_value_t = 1)]
    each: u32,
    /// Days without attacks at the beginning, in which the engine learns and nothing is counted; half of --days when absent.
    #[arg(long)]
    quiet_days: Option<u32>,
    /// Folder to write to.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum SimulateCommand {
    /// Let the behaviour engine read a year: recall at 1, 5 and 20 alerts a day for each 1,000 staff, time to detect,
    /// customers lost before.
    Evaluate {
        /// Folders that `hudun simulate --out` wrote; several are put together.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the kinds of attack.
    Kinds {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: SimulateArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        None => make(args.make),
        Some(SimulateCommand::Evaluate { folders, json }) => evaluate(&folders, json),
        Some(SimulateCommand::Kinds { json }) => kinds(json),
    }
}

fn make(args: MakeArgs) -> anyhow::Result<ExitCode> {
    let Some(out) = args.out else {
        bail!("name a folder to write to with --out DIR; `hudun simulate --help` shows the rest");
    };
    let scenario = Scenario {
        seed: args.seed,
        days: args.days,
        staff: args.staff,
        attacks: wanted(&args.attacks)?,
        each: args.each,
        quiet_days: args.quiet_days.unwrap_or(args.days / 2),
    };
    let (events, attacks) = hudun_simulate::write(scenario, &out)?;
    if args.json {
        println!(
            "{}",
            json!({ "folder": out, "events": events, "attacks": attacks, "synthetic": true })
        );
    } else {
        println!(
            "{events} synthetic events with {attacks} attacks in {}; next: hudun simulate evaluate {}",
            out.display(),
            out.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn wanted(text: &str) -> anyhow::Result<Vec<AttackKind>> {
    let all = AttackKind::ALL.into_iter();
    Ok(match text {
        "all" => all.collect(),
        "none" => Vec::new(),
        "tuning" => all.filter(|kind| kind.is_for_tuning()).collect(),
        "held-back" => all.filter(|kind| !kind.is_for_tuning()).collect(),
        names => names
            .split(',')
            .map(|name| {
                AttackKind::ALL
                    .into_iter()
                    .find(|kind| kind.name() == name.trim())
                    .with_context(|| {
                        format!(
                            "--attacks: {name:?} is no kind of attack; see `hudun simulate kinds`"
                        )
                    })
            })
            .collect::<anyhow::Result<_>>()?,
    })
}

fn evaluate(folders: &[PathBuf], json: bool) -> anyhow::Result<ExitCode> {
    let settings = hudun_simulate::settings();
    let outcomes = folders
        .iter()
        .map(|folder: &PathBuf| hudun_simulate::read(Path::new(folder), &settings))
        .collect::<Result<Vec<_>, _>>()?;
    let report = hudun_simulate::report(&outcomes);
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        tell(&report);
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(report: &Report) {
    println!(
        "synthetic data, {} split: {} events, {} days, {} attacks",
        report.split, report.events, report.days, report.attacks
    );
    for budget in &report.budgets {
        println!(
            "\n{} alerts a day for each 1,000 staff (from log-odds {:.1} on; {:.1} false ones came):",
            budget.alerts_a_day_per_1000, budget.threshold, budget.false_alerts_a_day_per_1000
        );
        line("all", &budget.all);
        for (kind, found) in &budget.kinds {
            line(kind, found);
        }
    }
    let bands = &report.bands;
    println!(
        "\nwith the engine's own bands: {:.1} false high scores and {:.1} fresh log-ins a day for each 1,000 staff",
        bands.false_high_a_day_per_1000, bands.step_ups_a_day_per_1000
    );
    line("high", &bands.high);
    line("middle or high", &bands.middle);
}

fn line(name: &str, found: &Found) {
    let or_none =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"));
    println!(
        "  {name:<20} {:>3} of {:>3} found ({:>3.0} %), median {:>7} s, {:>5} customers lost (90th percentile {})",
        found.found,
        found.attacks,
        found.recall * 100.0,
        or_none(found.seconds_p50),
        or_none(found.customers_lost_p50),
        or_none(found.customers_lost_p90),
    );
}

fn kinds(json: bool) -> anyhow::Result<ExitCode> {
    let split = |kind: AttackKind| {
        if kind.is_for_tuning() {
            "tuning"
        } else {
            "held-back"
        }
    };
    if json {
        let list: Vec<_> = AttackKind::ALL
            .into_iter()
            .map(
                |kind| json!({ "kind": kind.name(), "split": split(kind), "slow": kind.is_slow() }),
            )
            .collect();
        println!("{}", serde_json::to_string_pretty(&list)?);
        return Ok(ExitCode::SUCCESS);
    }
    for kind in AttackKind::ALL {
        let slow = if kind.is_slow() { ", slow" } else { "" };
        println!("{:<20} {}{slow}", kind.name(), split(kind));
    }
    Ok(ExitCode::SUCCESS)
}
