//! Commands of the inspection: judge, prove, measure. They need no running Hudun.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Judging, Outcome, RuleSet, Start, Transaction};
use serde_json::{Value, json};

use crate::waf::{self, RuleOptions};

/// Requests that are read at most, bytes each.
const MOST_BYTES: u64 = 64 << 20;

/// Which rules, and how they are judged.
#[derive(Args, Clone)]
pub(super) struct Rules {
    /// Folder of the rules: CRS (with rules/ inside) or *.conf files. Hudun's own rules when absent.
    #[arg(long)]
    rules: Option<PathBuf>,
    /// exact: the rules decide, as ModSecurity would. balanced: a value also has to be a valid piece of what the rule
    /// takes it for. strict: like balanced, with weaker evidence counting too.
    #[arg(long, default_value = "balanced", value_parser = ["exact", "balanced", "strict"])]
    mode: String,
    /// CRS's paranoia level, 1 to 4.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=4))]
    paranoia: Option<u8>,
}

#[derive(Subcommand)]
pub(super) enum WafCommand {
    /// Judge raw HTTP/1.1 requests: one JSON line each with file, verdict, score, rules and micro-seconds.
    ///
    /// A file holds one request, any bytes. The verdict is `pass` or `block`; a file that is no request is `block`,
    /// since no server would take it.
    Judge {
        /// Files, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        rules: Rules,
    },
    /// Run CRS's regression suite; the exit code is 0 when no test failed.
    Ftw {
        /// The folder of CRS, with rules/ and tests/, or one inside it.
        folder: PathBuf,
        /// CRS, where the tests lie elsewhere.
        #[arg(long)]
        rules: Option<PathBuf>,
        /// Send every request over a socket through the real gateway to a test backend.
        #[arg(long)]
        through_gateway: bool,
        /// Where the report goes (JSON); standard output when absent.
        #[arg(long)]
        report: Option<PathBuf>,
    },
    /// Measure CPU time per request, memory and compile time.
    Bench {
        #[command(flatten)]
        rules: Rules,
        /// Requests to measure, one a file; three built-in ones when absent.
        paths: Vec<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Prove a rule set before it is put in force: it loads, stops attacks and passes ordinary work.
    Test {
        #[command(flatten)]
        rules: Rules,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Rules {
    fn load(&self) -> anyhow::Result<(RuleSet, Judging)> {
        if self.rules.is_none() {
            eprintln!(
                "hudun: no --rules given: judging by Hudun's own rules (rules/waf); install CRS with `hudun rules crs --from …`"
            );
        }
        let options = RuleOptions {
            rules: self.rules.clone(),
            paranoia: self.paranoia,
            ..RuleOptions::default()
        };
        let set = waf::load(&options)?;
        for warning in set.warnings() {
            eprintln!("hudun: {warning}");
        }
        Ok((set, waf::judging(&self.mode).unwrap_or_default()))
    }
}

pub(super) fn act(command: WafCommand) -> anyhow::Result<ExitCode> {
    match command {
        WafCommand::Judge { paths, rules } => judge(&paths, &rules),
        WafCommand::Ftw {
            folder,
            rules,
            through_gateway,
            report,
        } => {
            let suite = waf::Suite::find(&folder, rules.as_deref())?;
            ftw(&suite, through_gateway, report.as_deref())
        }
        WafCommand::Bench { rules, paths, json } => bench(&rules, &paths, json),
        WafCommand::Test { rules, json } => test(&rules, json),
    }
}

/// Installs CRS (`hudun rules crs`).
pub(super) fn install_crs(from: &Path, to: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let installed = waf::install_crs(from, to)?;
    if as_json {
        println!("{}", serde_json::to_string_pretty(&installed)?);
    } else {
        println!(
            "{} 条规则已装入 / rules installed in {} ({})",
            installed.rules,
            installed.folder.display(),
            installed.signature.join(", ")
        );
        for warning in &installed.warnings {
            println!("  {warning}");
        }
        println!(
            "  检验 check: hudun waf test --rules {}",
            installed.folder.display()
        );
        println!("  启用 use: gateway.inspection.rules in the configuration");
    }
    Ok(ExitCode::SUCCESS)
}

fn judge(paths: &[PathBuf], rules: &Rules) -> anyhow::Result<ExitCode> {
    use std::io::Write as _;
    let (set, judging) = rules.load()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    // What is built once, at the first request, is no part of what a request takes.
    for (_, bytes) in BENCH {
        judge_one(&set, judging, bytes);
    }
    for file in files(paths)? {
        let bytes = read(&file)?;
        let began = Instant::now();
        let judged = judge_one(&set, judging, &bytes);
        let micros = began.elapsed().as_nanos() as f64 / 1_000.0;
        let mut line = judged;
        line["file"] = json!(file.to_string_lossy());
        line["micros"] = json!((micros * 10.0).round() / 10.0);
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn judge_one(set: &RuleSet, judging: Judging, bytes: &[u8]) -> Value {
    let request = match RawRequest::read(bytes) {
        Ok(request) => request,
        Err(error) => {
            return json!({
                "verdict": "block", "score": Value::Null, "rules": [],
                "explanation": format!("this is no HTTP request: {error}"),
            });
        }
    };
    let outcome = run(set, judging, &request);
    let stop = outcome.intervention.as_ref();
    json!({
        "verdict": if stop.is_some() { "block" } else { "pass" },
        "score": outcome.score,
        "rules": outcome.matches.iter().map(|m| m.id).collect::<Vec<_>>(),
        "status": stop.map(|stop| stop.status),
        "class": stop.map(|stop| stop.class.clone()),
        "explanation": stop.map(|stop| stop.explanation.clone()),
        "explanation_zh": stop.map(|stop| stop.explanation_zh.clone()),
    })
}

fn run(set: &RuleSet, judging: Judging, request: &RawRequest) -> Outcome {
    let start = Start {
        judging,
        now: 1_767_225_600,
        ..Start::example()
    };
    let mut transaction = Transaction::new(set, start);
    request.feed(&mut transaction);
    transaction.finish()
}

/// All files, folders opened, in order.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = paths.iter().rev().cloned().collect();
    while let Some(path) = open.pop() {
        let about = std::fs::metadata(&path).with_context(|| path.display().to_string())?;
        if !about.is_dir() {
            files.push(path);
            continue;
        }
        let mut inner = Vec::new();
        for entry in std::fs::read_dir(&path).with_context(|| path.display().to_string())? {
            inner.push(entry?.path());
        }
        inner.sort();
        open.extend(inner.into_iter().rev());
    }
    Ok(files)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let about = std::fs::metadata(file).with_context(|| file.display().to_string())?;
    if about.len() > MOST_BYTES {
        bail!("{}: larger than {MOST_BYTES} bytes", file.display());
    }
    std::fs::read(file).with_context(|| file.display().to_string())
}

fn ftw(suite: &waf::Suite, through: bool, report: Option<&Path>) -> anyhow::Result<ExitCode> {
    let result = if through {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(waf::through_gateway(suite, 1))?
    } else {
        waf::in_process(suite)?
    };
    let text = serde_json::to_string_pretty(&result)?;
    match report {
        Some(file) => {
            std::fs::write(file, text + "\n").with_context(|| file.display().to_string())?;
            println!(
                "{} tests, {} passed, {} failed, {} excepted ({})",
                result.total,
                result.passed,
                result.failed.len(),
                result.excepted.len(),
                result.through
            );
        }
        None => println!("{text}"),
    }
    Ok(if result.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn test(rules: &Rules, as_json: bool) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let (set, judging) = rules.load()?;
    let compile_ms = began.elapsed().as_millis();
    let proof = waf::prove(&set, judging)?;
    if as_json {
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({
                "holds": proof.holds(), "rules": set.len(), "compile_ms": compile_ms,
                "total": proof.total, "missed": proof.missed, "blocked": proof.blocked,
                "warnings": set.warnings(),
            }))?
        );
    } else {
        println!(
            "{}: {} 条规则 rules, {compile_ms} ms, {} 个请求 requests",
            if proof.holds() {
                "通过 holds"
            } else {
                "不通过 does NOT hold"
            },
            set.len(),
            proof.total
        );
        for line in &proof.missed {
            println!("  漏过 missed: {line}");
        }
        for line in &proof.blocked {
            println!("  误拦 blocked: {line}");
        }
    }
    Ok(if proof.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Requests to measure where none is given.
const BENCH: [(&str, &[u8]); 3] = [
    (
        "get",
        b"GET /api/customer?page=2&size=20&search=%E5%BC%A0%E4%BC%9F HTTP/1.1\r\nHost: scrm.example.com\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36\r\nAccept: application/json\r\nCookie: sid=3f9a1c7be2d84d0f9a61b7c2; theme=dark\r\n\r\n",
    ),
    (
        "form",
        b"POST /crm/save HTTP/1.1\r\nHost: scrm.example.com\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36\r\nAccept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 66\r\n\r\nid=1029&note=call+back+on+Monday+about+the+contract&next=2026-07-01",
    ),
    (
        "json",
        b"POST /api/follow HTTP/1.1\r\nHost: scrm.example.com\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: 76\r\n\r\n{\"customer_id\":1029,\"text\":\"\xe5\xb7\xb2\xe7\x94\xb5\xe8\xaf\x9d\xe5\x9b\x9e\xe8\xae\xbf\",\"next\":\"2026-07-01T10:00:00+08:00\"}",
    ),
];

fn bench(rules: &Rules, paths: &[PathBuf], as_json: bool) -> anyhow::Result<ExitCode> {
    let before = resident();
    let began = Instant::now();
    let (set, judging) = rules.load()?;
    let compile = began.elapsed();
    let mut requests = Vec::new();
    if paths.is_empty() {
        for (name, bytes) in BENCH {
            requests.push((name.to_owned(), bytes.to_vec()));
        }
    }
    for file in files(paths)? {
        requests.push((file.to_string_lossy().into_owned(), read(&file)?));
    }
    let mut rows = Vec::new();
    for (name, bytes) in &requests {
        let request = RawRequest::read(bytes).with_context(|| name.clone())?;
        let stopped = run(&set, judging, &request).intervention.is_some();
        let micros = cpu_of(&set, judging, &request);
        rows.push(json!({
            "request": name, "bytes": bytes.len(), "cpu_micros": (micros * 10.0).round() / 10.0, "blocked": stopped,
        }));
    }
    let mut all: Vec<f64> = rows
        .iter()
        .filter_map(|row| row["cpu_micros"].as_f64())
        .collect();
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all.get(((all.len() - 1) as f64 * share) as usize).copied();
    let report = json!({
        "rules": set.len(),
        "mode": rules.mode,
        "compile_ms": compile.as_millis() as u64,
        "memory_kb": resident().saturating_sub(before),
        "cpu_micros": { "p50": at(0.5), "p99": at(0.99), "mean": all.iter().sum::<f64>() / all.len().max(1) as f64 },
        "requests": rows,
    });
    if as_json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!(
            "{} rules, {} ms to compile, {} KB more resident memory",
            set.len(),
            compile.as_millis(),
            report["memory_kb"]
        );
        println!("| request | bytes | CPU µs | blocked |\n|---|---|---|---|");
        for row in report["requests"].as_array().into_iter().flatten() {
            println!(
                "| {} | {} | {} | {} |",
                row["request"].as_str().unwrap_or_default(),
                row["bytes"],
                row["cpu_micros"],
                row["blocked"]
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// CPU micro-seconds for one request: the best of ten batches, by the scheduler's account of this thread.
fn cpu_of(set: &RuleSet, judging: Judging, request: &RawRequest) -> f64 {
    for _ in 0..20 {
        run(set, judging, request);
    }
    let trial = Instant::now();
    run(set, judging, request);
    // The scheduler counts in ticks of milliseconds where it does not count in nano-seconds: a batch must be long.
    let batch = (30_000 / trial.elapsed().as_micros().max(1)).clamp(5, 3_000) as u32;
    let mut best = f64::MAX;
    for _ in 0..10 {
        let began = thread_nanos();
        for _ in 0..batch {
            run(set, judging, request);
        }
        best = best.min(thread_nanos().saturating_sub(began) as f64 / 1_000.0 / f64::from(batch));
    }
    best
}

/// CPU nano-seconds of this thread (Linux).
fn thread_nanos() -> u64 {
    // The account of a running thread is as old as the last tick; giving way brings it up to date.
    std::thread::yield_now();
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Resident memory in KB (Linux).
fn resident() -> u64 {
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(0, |pages| pages * 4)
}
