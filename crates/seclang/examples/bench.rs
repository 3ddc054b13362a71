//! CPU per request, compiled and interpreted.
//!
//! `cargo run --release -p hudun-seclang --example bench -- CRS_FOLDER REQUEST_FILE…`
//!
//! The CRS folder holds `crs-setup.conf.example` and `rules/`. Each request runs alone, many times; the table shows CPU
//! time per request from the scheduler's account of this thread, the median of ten batches. With `--profile` only
//! the compiled way runs, for a profiler. With `--varied` a counter is mixed into the requests, so
//! that no two are alike. `--balanced` judges in that mode. `--total` prints one line for all files together.

use std::time::Instant;

use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Judging, RuleSet, Start, Strategy, Transaction};

const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.'"
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let profile = args.iter().any(|a| a == "--profile");
    let varied = args.iter().any(|a| a == "--varied");
    let balanced = args.iter().any(|a| a == "--balanced");
    let total = args.iter().any(|a| a == "--total");
    args.retain(|a| !a.starts_with("--"));
    let judging = if balanced {
        Judging::Balanced
    } else {
        Judging::Exact
    };
    let [crs, files @ ..] = args.as_slice() else {
        return Err("usage: bench CRS_FOLDER REQUEST_FILE…".into());
    };
    // Micro-seconds of a batch; many files need not take all day.
    let span = if files.len() > 20 { 3_000 } else { 60_000 };
    println!("| request | paranoia | compiled µs | interpreted µs | matches |");
    println!("|---|---|---|---|---|");
    for paranoia in if profile { vec![1] } else { vec![1, 4] } {
        let before = rss();
        let started = Instant::now();
        let rules = load(crs, paranoia)?;
        let (rules_time, rules_rss) = (started.elapsed(), rss().saturating_sub(before));
        let mut sums: Vec<f64> = Vec::new();
        for file in files {
            let bytes = std::fs::read(file)?;
            let rounds = if profile { 200 } else { 2000 };
            let compiled = measure(
                &rules,
                &bytes,
                (Strategy::Compiled, judging),
                rounds,
                varied,
                span,
            )?;
            let interpreted = if profile || total {
                (0.0, 0)
            } else {
                measure(
                    &rules,
                    &bytes,
                    (Strategy::Interpreted, judging),
                    60,
                    varied,
                    span,
                )?
            };
            let name = file.rsplit('/').next().unwrap_or(file);
            if total {
                sums.push(compiled.0);
                continue;
            }
            println!(
                "| {name} | {paranoia} | {:.1} | {:.1} | {} |",
                compiled.0, interpreted.0, compiled.1
            );
        }
        if total {
            sums.sort_by(f64::total_cmp);
            let mean = sums.iter().sum::<f64>() / sums.len().max(1) as f64;
            let at = |share: f64| sums[((sums.len() - 1) as f64 * share) as usize];
            println!(
                "| {} requests, mean {mean:.1}, p50 {:.1}, p99 {:.1}, max {:.1} | {paranoia} | {mean:.1} | | |",
                sums.len(),
                at(0.5),
                at(0.99),
                at(1.0)
            );
        }
        eprintln!(
            "paranoia {paranoia}: {} rules, loaded in {} ms, {} KB resident more, {} KB now",
            rules.len(),
            rules_time.as_millis(),
            rules_rss,
            rss()
        );
        for group in rules.plan_summary() {
            eprintln!("  {group:?}");
        }
    }
    Ok(())
}

fn load(crs: &str, paranoia: u8) -> Result<RuleSet, Box<dyn std::error::Error>> {
    let level = format!(
        "SecAction \"id:900000,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level={paranoia}\""
    );
    Ok(RuleSet::builder()
        .text("engine.conf", ENGINE)
        .text("level.conf", level)
        .file(format!("{crs}/crs-setup.conf.example"))
        .glob(format!("{crs}/rules/*.conf"))
        .build()?)
}

/// Microseconds of CPU per request, and how many rules matched.
fn measure(
    rules: &RuleSet,
    bytes: &[u8],
    how: (Strategy, Judging),
    rounds: u32,
    varied: bool,
    span: u128,
) -> Result<(f64, usize), Box<dyn std::error::Error>> {
    let mut request = RawRequest::parse(bytes)?;
    let plain = request.target.clone();
    let mut matches = 0;
    for _ in 0..rounds / 10 / if span < 50_000 { 20 } else { 1 } {
        matches = one(rules, &request, how);
    }
    // The median of ten batches: what else the machine does disturbs some of them.
    let trial = Instant::now();
    one(rules, &request, how);
    let batch = (span / trial.elapsed().as_micros().max(1)).clamp(10, 20_000) as u32;
    let mut batches = Vec::new();
    for from in (0..batch * 10).step_by(batch as usize) {
        let start = cpu_ns();
        for round in from..from + batch {
            if varied {
                request.target = plain.clone();
                let sign = if plain.contains(&b'?') { '&' } else { '?' };
                let tail = format!("{sign}v{round}={:x}", round.wrapping_mul(2_654_435_761));
                request.target.extend_from_slice(tail.as_bytes());
            }
            matches = one(rules, &request, how);
        }
        batches.push((cpu_ns() - start) as f64 / 1000.0 / f64::from(batch));
    }
    batches.sort_by(f64::total_cmp);
    Ok((batches[batches.len() / 2], matches))
}

fn one(rules: &RuleSet, request: &RawRequest, (strategy, judging): (Strategy, Judging)) -> usize {
    let mut transaction = Transaction::new(
        rules,
        Start {
            strategy,
            judging,
            ..Start::example()
        },
    );
    request.feed(&mut transaction);
    transaction.finish().matches.len()
}

/// CPU nanoseconds of this thread.
fn cpu_ns() -> u64 {
    // The account of a running thread is as old as the last tick; giving way brings it up to date.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

/// Resident memory in KB.
fn rss() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<u64>().ok())
        .unwrap_or(0)
        * 4
}
