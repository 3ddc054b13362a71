//! The command line.

mod advisory;
mod assets;
mod baseline;
mod demo;
mod intel;
mod offline;
mod register;
mod remote;
mod rules;
mod simulate;
mod waf;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// 护盾 Hudun carries an SCRM through a security emergency, from the first odd request to the last customer's question.
///
/// Begin with `hudun demo`: it starts a bundled SCRM with synthetic customers, the guard in front of it and the
/// console, and prints how to get in. Then run `hudun drill run stolen-account` in a second terminal and watch.
#[derive(Parser)]
#[command(name = "hudun", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Guard an SCRM: gateway, stages and console in one process.
    Serve {
        /// The configuration file (see `hudun config example`).
        #[arg(long)]
        config: PathBuf,
    },
    /// Start the bundled SCRM with synthetic customers, the guard in front of it, and staff at work.
    Demo(DemoArgs),
    /// Drills against the running demo.
    #[command(subcommand)]
    Drill(DrillCommand),
    /// Cases of a running Hudun.
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// What the gateways enforce now, and earlier revisions.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Published vulnerabilities that are true of what we run.
    #[command(subcommand)]
    Exposure(ExposureCommand),
    /// Hot patches of a case.
    #[command(subcommand)]
    Patch(PatchCommand),
    /// Evidence of a case.
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Check an evidence pack offline: no network, no running Hudun.
    Verify {
        /// The pack, as `hudun evidence export` wrote it.
        pack: PathBuf,
        /// The public key that must have signed it, or a file with it.
        #[arg(long)]
        key: Option<String>,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Inspection: judge requests, prove and measure rules, run CRS's regression suite.
    #[command(subcommand)]
    Waf(waf::WafCommand),
    /// Profiles, which teach Hudun one SCRM product each.
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// The configuration file.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Legal duties, offline.
    #[command(subcommand)]
    Duty(DutyCommand),
    /// The public page "Was I affected?": write the part that any web server or object storage can host.
    #[command(subcommand)]
    Affected(AffectedCommand),
    /// A synthetic working year of an SCRM with labelled attacks, and how well behaviour finds them.
    Simulate(simulate::SimulateArgs),
    /// Vulnerable versions, offline.
    #[command(subcommand)]
    Advisory(advisory::AdvisoryCommand),
    /// Assets: what software there is to guard.
    #[command(subcommand)]
    Assets(assets::AssetsCommand),
    /// Feeds of published vulnerabilities: pull them, see how they stand, carry them to a network without internet.
    #[command(subcommand)]
    Intel(intel::IntelCommand),
    /// What the behaviour engine has learnt of one person: read it or forget it.
    #[command(subcommand)]
    Baseline(baseline::BaselineCommand),
    /// Notices: check and write them offline; list, export, send, stop and resume those of a case.
    #[command(subcommand)]
    Notice(NoticeCommand),
    /// Rules that Hudun works with: detection (Sigma), offline, and the Core Rule Set of the inspection.
    #[command(subcommand)]
    Rules(rules::RulesCommand),
}

/// How the demo runs.
#[derive(Args)]
struct DemoArgs {
    /// Folder of everything that is kept; the demo goes on with what it finds there.
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Port of the gateway; the SCRM itself and the console take the next two. 0 takes free ports.
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// Let the playbook start by itself when a grave case opens.
    #[arg(long)]
    auto: bool,
    /// Makes the customers, the staff and the attack.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Synthetic customers; ten orders and five messages for each.
    #[arg(long, default_value_t = 20_000)]
    customers: u32,
    /// Run the whole drill without a person, for --seeds seeds, write --report and end.
    #[arg(long, requires = "drill")]
    headless: bool,
    /// The drill of a headless run.
    #[arg(long, value_parser = ["stolen-account"])]
    drill: Option<String>,
    /// How many seeds.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Where the report goes (JSON); standard output when absent.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Let the behaviour engine watch alone, without the fixed detections and the detection rules.
    #[arg(long)]
    behaviour_alone: bool,
    /// Let the detection rules watch alone, without the fixed detections and the behaviour engine.
    #[arg(long, conflicts_with = "behaviour_alone")]
    rules_alone: bool,
}

/// How a command enters a running console.
#[derive(Args, Clone)]
struct Entrance {
    /// Data folder of the demo on this machine; it tells how to enter.
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Address of another console, such as https://guard.example:8092.
    #[arg(long)]
    console: Option<String>,
    /// Account for it; the password is read from the environment variable HUDUN_PASSWORD.
    #[arg(long, requires = "console")]
    account: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum DrillCommand {
    /// Start a drill: a real attack over HTTP through the gateway.
    Run {
        /// Which one.
        #[arg(value_parser = ["stolen-account"])]
        name: String,
        #[command(flatten)]
        entrance: Entrance,
    },
}

#[derive(Subcommand)]
enum IncidentCommand {
    /// List the cases, newest first.
    List {
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Show one case whole: grade, tasks, run, scope, duties, notices.
    Show {
        /// The case, as `incident list` prints it.
        incident: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Print the register of breaches: every case with its facts, effects and what was done (GDPR 33(5)). Drills are left out.
    Register {
        /// Drills, too.
        #[arg(long)]
        drills: bool,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Start the playbook that the case is offered.
    Start {
        /// The case.
        incident: String,
        #[command(flatten)]
        entrance: Entrance,
    },
}

#[derive(Subcommand)]
enum PolicyCommand {
    /// Show the revision in force.
    Show {
        #[command(flatten)]
        entrance: Entrance,
    },
    /// List the revisions, newest first.
    History {
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Ask to go back to an earlier revision; a second person approves it in the console.
    RollBack {
        /// The revision.
        revision: u64,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Lift one restriction, or ask for it where two persons are needed.
    Undo {
        /// The restriction, as `policy show` prints it.
        restriction: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        entrance: Entrance,
    },
}

#[derive(Subcommand)]
enum ExposureCommand {
    /// List them, the gravest first: each in four lines.
    List {
        /// Those that are over, suppressed or only proposed, too.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Ask the running product, harmlessly, whether the hole is open.
    Check {
        /// The exposure.
        exposure: String,
        #[command(flatten)]
        entrance: Entrance,
    },
}

#[derive(Subcommand)]
enum PatchCommand {
    /// List the hot patches of a case with their proofs.
    List {
        /// The case.
        incident: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Draft patches for the hole and prove them on the attack and on real traffic.
    Propose {
        /// The case.
        incident: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Put a proven patch in force.
    Enforce {
        /// The case.
        incident: String,
        /// The patch.
        patch: String,
        #[command(flatten)]
        entrance: Entrance,
    },
}

#[derive(Subcommand)]
enum EvidenceCommand {
    /// Write everything about a case into one file that `hudun verify` checks offline.
    Export {
        /// The case.
        incident: String,
        /// Where to; INCIDENT.tar when absent.
        #[arg(long)]
        out: Option<PathBuf>,
        #[command(flatten)]
        entrance: Entrance,
    },
}

#[derive(Subcommand)]
enum ProfileCommand {
    /// Check a profile and name every fault with file, line and field.
    Check {
        /// The file.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Propose a profile from traffic, for a person to correct.
    ///
    /// From files: hudun profile learn --from work.har --product my-crm > my-crm.yaml. Live: a plain proxy passes
    /// everything on to the SCRM and looks at it until Ctrl-C: hudun profile learn --from live --upstream
    /// http://127.0.0.1:8069 --product my-crm > my-crm.yaml.
    Learn {
        /// A HAR file or an access log (combined format), several times if need be; or the word `live`.
        #[arg(long, required = true)]
        from: Vec<PathBuf>,
        /// With `live`: address of the SCRM.
        #[arg(long)]
        upstream: Option<String>,
        /// With `live`: where the learning proxy listens.
        #[arg(long, default_value = "127.0.0.1:8099")]
        listen: std::net::SocketAddr,
        /// Name of the product.
        #[arg(long)]
        product: String,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check a configuration file and name line and field of a fault.
    Check {
        /// The file.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print a configuration file to begin with.
    Example,
}

#[derive(Subcommand)]
enum DutyCommand {
    /// Say for every rule whether it applies, why, until when, and which fields are missing.
    Assess {
        /// The facts (JSON, see the reference of duties).
        facts: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print every rule with its source and the day it was checked.
    Rules {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a case's duties that apply, from which decision each clock runs, and its gates.
    Show {
        /// The case.
        incident: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Decide when a case became an incident (roles commander and legal); most clocks run from here. A later decision
    /// corrects an earlier one, which stays on the ledger.
    Aware {
        /// The case.
        incident: String,
        /// The moment with its offset from UTC, such as 2026-11-30T09:30:00+08:00.
        #[arg(long)]
        moment: String,
        /// Why it was then.
        #[arg(long)]
        reason: String,
        /// What it stands on: an entry of the case's ledger ('#12'), the identifier of a finding, or words. Repeat it
        /// for more.
        #[arg(long, required = true)]
        evidence: Vec<String>,
        /// Why the moment is before the first evidence of the case, when it is.
        #[arg(long, default_value = "")]
        early: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Release a conflict gate of a case as counsel (role legal); what it held back can go on.
    Release {
        /// The case.
        incident: String,
        /// The gate, such as vulnerability-abroad.
        gate: String,
        /// What may go, to whom.
        #[arg(long)]
        what: String,
        /// Why it may.
        #[arg(long)]
        reason: String,
        /// Where the written word lies, such as a file number.
        #[arg(long)]
        reference: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Take the release of a gate back (role legal); the gate stops again.
    Revoke {
        /// The case.
        incident: String,
        /// The gate.
        gate: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        entrance: Entrance,
    },
}

#[derive(Subcommand)]
enum AffectedCommand {
    /// Write the page in both languages, with its style and its script, into a folder. Host the folder at the origin that
    /// `affected.hosted_at` of the configuration names.
    Build {
        /// Where `affected.listen` is reached from outside, such as https://answers.example.com.
        #[arg(long)]
        api: String,
        /// The folder; it is made when it is not there, and the files of an earlier build are replaced.
        #[arg(long)]
        out: PathBuf,
        /// Codes also go to mobile numbers (`sms.code_templates` is configured).
        #[arg(long)]
        phones: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum NoticeCommand {
    /// Check a notice against the record and the rules; each refusal names its article.
    Lint {
        /// The notice (JSON, as `notice render` writes it with an .json name).
        file: PathBuf,
        /// The facts.
        #[arg(long)]
        facts: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a notice from the facts.
    Render {
        /// Kind, such as personal_notice or regulator_first.
        #[arg(long)]
        kind: String,
        /// zh-CN or en.
        #[arg(long, default_value = "zh-CN")]
        lang: String,
        /// The facts.
        #[arg(long)]
        facts: PathBuf,
        /// For a tenant_letter: the tenant of the facts that it goes to; it speaks of that tenant's numbers alone.
        #[arg(long)]
        tenant: Option<String>,
        /// Where to; the ending decides the form: .json, .md, .txt, .docx, .pdf.
        #[arg(long)]
        out: PathBuf,
    },
    /// List the notices of a case, and how their letters ended.
    List {
        /// The case.
        incident: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Write a notice of a case into a file to hand in; that goes on the ledger.
    Export {
        #[command(flatten)]
        notice: NoticeOf,
        /// docx, pdf or json.
        #[arg(long, value_parser = ["docx", "pdf", "json"], default_value = "pdf")]
        form: String,
        /// Where to.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Write down that a report was handed in, or a statement published.
    HandIn {
        #[command(flatten)]
        notice: NoticeOf,
        /// Number of the receipt.
        #[arg(long)]
        receipt: String,
        /// A screenshot or a document that proves it: PNG, JPEG or PDF of at most 5 MiB.
        #[arg(long)]
        proof: Option<PathBuf>,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Send an approved notice.
    Send {
        #[command(flatten)]
        notice: NoticeOf,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Approve the letters to all tenants of a case, as `notice list` shows them now; name some of them for only those.
    ApproveLetters {
        /// The case.
        incident: String,
        /// Letters; all that wait for this role when none is named.
        letters: Vec<String>,
        /// legal or commander.
        #[arg(long, value_parser = ["legal", "commander"])]
        role: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Send the approved letters to tenants, each to its own contact; those without one are handed over by a person.
    SendLetters {
        /// The case.
        incident: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Stop what has not left yet of a notice.
    Stop {
        #[command(flatten)]
        notice: NoticeOf,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        entrance: Entrance,
    },
    /// Let what was stopped go out after all; whoever was told is not told again.
    Resume {
        #[command(flatten)]
        notice: NoticeOf,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        entrance: Entrance,
    },
}

/// A notice of a case.
#[derive(Args, Clone)]
struct NoticeOf {
    /// The case.
    incident: String,
    /// The notice, as `notice list` prints it.
    notice: String,
}

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match act(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hudun: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve { config } => demo::serve(&config),
        Command::Demo(args) => demo::demo(args),
        Command::Drill(DrillCommand::Run { name, entrance }) => remote::drill(&entrance, &name),
        Command::Incident(command) => remote::incident(command),
        Command::Policy(command) => remote::policy(command),
        Command::Exposure(command) => remote::exposure(command),
        Command::Patch(command) => remote::patch(command),
        Command::Evidence(EvidenceCommand::Export {
            incident,
            out,
            entrance,
        }) => remote::evidence(&entrance, &incident, out),
        Command::Verify { pack, key, json } => offline::verify(&pack, key.as_deref(), json),
        Command::Waf(command) => waf::act(command),
        Command::Profile(ProfileCommand::Check { file, json }) => {
            offline::check_profile(&file, json)
        }
        Command::Profile(ProfileCommand::Learn {
            from,
            upstream,
            listen,
            product,
        }) => offline::learn(&from, upstream.as_deref(), listen, &product),
        Command::Config(ConfigCommand::Check { file, json }) => offline::check_config(&file, json),
        Command::Config(ConfigCommand::Example) => offline::example(),
        Command::Rules(command) => rules::run(command),
        Command::Duty(DutyCommand::Assess { facts, json }) => offline::assess(&facts, json),
        Command::Duty(DutyCommand::Rules { json }) => offline::rules(json),
        Command::Affected(AffectedCommand::Build {
            api,
            out,
            phones,
            json,
        }) => offline::affected(&api, &out, phones, json),
        Command::Duty(command) => remote::duty(command),
        Command::Advisory(command) => advisory::run(command),
        Command::Assets(command) => assets::run(command),
        Command::Intel(command) => intel::run(command),
        Command::Baseline(command) => baseline::run(command),
        Command::Simulate(args) => simulate::run(args),
        Command::Notice(NoticeCommand::Lint { file, facts, json }) => {
            offline::lint(&file, &facts, json)
        }
        Command::Notice(NoticeCommand::Render {
            kind,
            lang,
            facts,
            tenant,
            out,
        }) => offline::render(&kind, &lang, &facts, tenant.as_deref(), &out),
        Command::Notice(command) => remote::notice(command),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn every_command_explains_itself() {
        super::Cli::command().debug_assert();
    }
}
