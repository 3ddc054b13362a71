//! Allocations of a request, and whether memory grows with reloads.
//!
//! `cargo run --release -p hudun-seclang --example allocations -- requests CRS_FOLDER REQUEST_FILE…` counts for each
//! request, once scratch memory is warm: allocations, reallocations and bytes asked for, from the start of the transaction
//! to the end of its outcome.
//!
//! `… -- reload RULES_PATTERN [TIMES]` builds a rule set, swaps it for the one before it, judges requests with it, and
//! goes on, 10,000 times where no number is given; a thread that still judges with the old set holds it for one more turn,
//! as connections do. It prints the bytes that are allocated and the resident memory on the way.
//!
//! The allocator that counts is this example's own: the product has none.

use std::sync::{Arc, Mutex, PoisonError};

use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Judging, RuleSet, Start, Transaction};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.'"
"#;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["requests", crs, files @ ..] => requests(crs, files),
        ["reload", pattern] => reload(pattern, 10_000),
        ["reload", pattern, times] => reload(pattern, times.parse()?),
        _ => Err(
            "usage: allocations requests CRS_FOLDER REQUEST_FILE… | reload RULES_PATTERN [TIMES]"
                .into(),
        ),
    }
}

fn requests(crs: &str, files: &[&str]) -> Result<(), Failure> {
    println!("| request | judging | paranoia | allocations | reallocations | allocated_bytes |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for paranoia in [1, 4] {
        let level = format!(
            "SecAction \"id:900000,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level={paranoia}\""
        );
        let rules = RuleSet::builder()
            .text("engine.conf", ENGINE)
            .text("level.conf", level)
            .file(format!("{crs}/crs-setup.conf.example"))
            .glob(format!("{crs}/rules/*.conf"))
            .build()?;
        for judging in [Judging::Exact, Judging::Balanced] {
            for file in files {
                let request = RawRequest::read(&std::fs::read(file)?)?;
                for _ in 0..200 {
                    judge(&rules, &request, judging);
                }
                let region = Region::new(ALLOCATOR);
                for _ in 0..ROUNDS {
                    judge(&rules, &request, judging);
                }
                let stats = region.change();
                let name = file.rsplit('/').next().unwrap_or(file);
                println!(
                    "| {name} | {judging:?} | {paranoia} | {} | {} | {} |",
                    stats.allocations / ROUNDS,
                    stats.reallocations / ROUNDS,
                    stats.bytes_allocated / ROUNDS
                );
            }
        }
    }
    Ok(())
}

fn judge(rules: &RuleSet, request: &RawRequest, judging: Judging) -> bool {
    let start = Start {
        judging,
        ..Start::example()
    };
    let mut transaction = Transaction::new(rules, start);
    request.feed(&mut transaction);
    transaction.finish().intervention.is_some()
}

fn reload(pattern: &str, times: usize) -> Result<(), Failure> {
    let requests = REQUESTS
        .iter()
        .map(|text| RawRequest::read(text.as_bytes()))
        .collect::<Result<Vec<_>, _>>()?;
    let current = Mutex::new(Arc::new(RuleSet::builder().glob(pattern).build()?));
    let rules = |new: Option<Arc<RuleSet>>| {
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        match new {
            Some(new) => std::mem::replace(&mut *current, new),
            None => Arc::clone(&current),
        }
    };
    println!(
        "| reloads | allocated bytes | resident KB | stopped of {} |",
        requests.len()
    );
    println!("| --- | --- | --- | --- |");
    for turn in 1..=times {
        let new = Arc::new(RuleSet::builder().glob(pattern).build()?);
        let stopped = std::thread::scope(|scope| {
            let old = rules(None);
            let beside = scope.spawn(|| {
                let old = old;
                requests
                    .iter()
                    .filter(|r| judge(&old, r, Judging::Balanced))
                    .count()
            });
            drop(rules(Some(new)));
            let now = rules(None);
            let stopped = requests
                .iter()
                .filter(|r| judge(&now, r, Judging::Balanced))
                .count();
            (stopped, beside.join().unwrap_or(0))
        });
        if [1, 10, 100, 1_000, times / 4, times / 2, times].contains(&turn) {
            let stats = ALLOCATOR.stats();
            println!(
                "| {turn} | {} | {} | {}, {} |",
                stats
                    .bytes_allocated
                    .saturating_sub(stats.bytes_deallocated),
                resident(),
                stopped.0,
                stopped.1
            );
        }
    }
    Ok(())
}

/// Resident memory in KB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    pages.unwrap_or(0) * 4
}

const ROUNDS: usize = 500;
const REQUESTS: [&str; 3] = [
    "GET /api/v1/customers?page=2&q=1%27%20or%20%271%27=%271 HTTP/1.1\r\nHost: scrm.example.com\r\nUser-Agent: a\r\n\r\n",
    "POST /crm/save HTTP/1.1\r\nHost: scrm.example.com\r\nUser-Agent: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nid=1029&note=call+back+on+Monday",
    "POST /api HTTP/1.1\r\nHost: scrm.example.com\r\nUser-Agent: a\r\nContent-Type: application/json\r\n\r\n{\"text\":\"<script>alert(1)</script>\"}",
];
