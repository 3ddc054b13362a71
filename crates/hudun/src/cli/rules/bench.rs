//! Events per second of the rule engine on this machine.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use hudun_event::{Format, Item, Reader};
use hudun_sigma::{Engine, Limits, Loader, Meta, Scratch};
use serde_json::{Value, json};

use super::input::Seen;
use super::{folder, with};

const ROUNDS: usize = 5;
/// The worst case of the reference: few accounts that open thousands of customers each.
const BUSY: &str = "
title: opened
name: opened
logsource: { category: application }
detection: { s: { action: open }, condition: s }
---
title: many customers
correlation:
  type: value_count
  rules: [opened]
  group-by: [user]
  timespan: 10m
  condition: { field: customer, gte: 4000 }
";

#[allow(clippy::cast_precision_loss)]
pub(super) fn bench(
    rules: Option<PathBuf>,
    number: usize,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let rules = rules.or_else(default_rules).context(
        "no rules to measure: give --rules DIR, or set HUDUN_TEST_DATA to the folder of the test data",
    )?;
    let (files, loader) = folder(&rules)?;
    let engine = Engine::new(with(loader, &files).load()?, Limits::default());
    let mut numbers = Numbers(7);
    let events: Vec<Value> = (0..number.max(1)).map(|n| numbers.event(n)).collect();
    let mut lines = String::new();
    for event in &events {
        lines.push_str(&event.to_string());
        lines.push('\n');
    }
    let bytes = lines.len() / events.len() - 1;
    let mut scratch = Scratch::default();
    let mut out = Vec::new();
    let (mut parsed, mut whole, mut found) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        found = 0;
        for event in &events {
            engine.observe(event, &Meta::default(), None, &mut scratch, &mut out);
            found += out.len();
            out.clear();
        }
        parsed = parsed.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        // As `match` reads them.
        let mut reader = Reader::new(lines.as_bytes(), Format::Json, Default::default());
        while let Some(item) = reader.next_item()? {
            if let Item::Event(record) = item {
                let (event, meta) = (Seen(record), Meta::default());
                engine.observe(&event, &meta, None, &mut scratch, &mut out);
                out.clear();
            }
        }
        whole = whole.min(start.elapsed().as_secs_f64());
    }

    let busy = Engine::new(
        Loader::new().source("bench", BUSY).load()?,
        Limits::default(),
    );
    let events: Vec<Value> = (0..number.max(1))
        .map(|_| {
            json!({"action": "open", "user": format!("u{}", numbers.below(200)), "customer": numbers.below(300_000)})
        })
        .collect();
    let mut nanos = Vec::with_capacity(events.len());
    let start = Instant::now();
    for (n, event) in events.iter().enumerate() {
        let meta = Meta {
            time: i64::try_from(n)?,
            ..Meta::default()
        };
        let before = Instant::now();
        busy.observe(event, &meta, None, &mut scratch, &mut out);
        nanos.push(u64::try_from(before.elapsed().as_nanos())?);
    }
    let correlated = start.elapsed().as_secs_f64();
    nanos.sort_unstable();
    let micros = |per_mille: usize| nanos[(nanos.len() - 1) * per_mille / 1000] as f64 / 1000.0;
    let rate = |seconds: f64| (number.max(1) as f64 / seconds).round();
    let report = json!({
        "rules": engine.rules().rules().len(),
        "correlations": engine.rules().correlations().len(),
        "events": number, "event_bytes": bytes, "findings": found,
        "events_per_second": rate(parsed),
        "json_events_per_second": rate(whole),
        "busy_accounts": {
            "events_per_second": rate(correlated),
            "p50_us": micros(500), "p99_us": micros(990), "p999_us": micros(999),
        },
    });
    if as_json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!(
            "{} 条规则 / rules: {:.0} events/s, {:.0} from JSON text ({bytes} bytes each, one core)",
            engine.rules().rules().len(),
            rate(parsed),
            rate(whole)
        );
        println!(
            "200 个忙碌账号的去重计数 / value_count of 200 busy accounts: {:.0} events/s, p99 {:.1} µs",
            rate(correlated),
            micros(990)
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn default_rules() -> Option<PathBuf> {
    let data = std::env::var_os("HUDUN_TEST_DATA")
        .map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    [data.join("sigma/rules"), PathBuf::from("rules/detect")]
        .into_iter()
        .find(|path| path.is_dir())
}

/// Numbers that are the same in every run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }

    /// An SCRM's request: 15 fields, about 500 bytes.
    fn event(&mut self, n: usize) -> Value {
        const PATHS: [&str; 4] = [
            "/api/v1/customers/",
            "/api/v1/chats/",
            "/static/app.js",
            "/login",
        ];
        const AGENTS: [&str; 3] = [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4",
            "MicroMessenger/8.0.47 Language/zh_CN NetType/WIFI",
        ];
        let mut pick = |end: usize| usize::try_from(self.below(end as u64)).unwrap_or(0);
        let (path, agent, method) = (
            PATHS[pick(4)],
            AGENTS[pick(3)],
            ["GET", "GET", "POST"][pick(3)],
        );
        let status = [200, 200, 304, 404][pick(4)];
        json!({
            "time": 1_767_607_200_000_u64 + n as u64, "class_uid": 6001,
            "cs-method": method, "cs-uri-stem": path,
            "cs-uri-query": format!("page={}&q=customer-{}", self.below(90), self.below(300_000)),
            "cs-user-agent": agent, "cs-host": "crm.example.com",
            "sc-status": status,
            "sc-bytes": self.below(90_000),
            "c-ip": format!("10.{}.{}.{}", self.below(4), self.below(250), self.below(250)),
            "actor": {"user": {"uid": format!("sales-{}", self.below(20_000)), "role": "sales"}},
            "session": format!("s-{:016x}", self.below(1 << 30)),
            "customer": format!("c-{}", self.below(300_000)), "module": "customers",
            "rows": self.below(50),
        })
    }
}
