//! From event to score at a steady rate, waiting included:
//! `cargo run --release -p hudun-simulate --example latency -- [EVENTS_A_SECOND] [SECONDS]`.
//!
//! A month of a simulated firm is learnt first; then events of the days after are due at even intervals, and what is
//! measured is the time from when each was due until its score stood, so that a slow one makes those behind it late too.

use std::time::{Duration, Instant};

use hudun_behaviour::Engine;
use hudun_simulate::{AttackKind, Scenario, Year, settings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    let rate = arguments.first().copied().unwrap_or(5_000);
    let seconds = arguments.get(1).copied().unwrap_or(10);
    let scenario = Scenario {
        seed: 1,
        days: 200,
        staff: 1_000,
        attacks: AttackKind::ALL.to_vec(),
        each: 4,
        quiet_days: 30,
    };
    let mut year = Year::begin(scenario)?;
    let mut engine = Engine::new(settings(), vec!["sales".to_owned()])?;
    let mut room = Vec::new();
    for _ in 0..30 {
        for event in year.next_day().unwrap_or_default() {
            engine.observe(&event.observe(&mut room));
        }
    }
    let mut waiting = Vec::new();
    let wanted = (rate * seconds) as usize;
    while waiting.len() < wanted {
        let Some(events) = year.next_day() else { break };
        waiting.extend(events);
    }
    waiting.truncate(wanted);
    let between = Duration::from_nanos(1_000_000_000 / rate);
    let mut delays = Vec::with_capacity(waiting.len());
    let mut judged = Vec::with_capacity(waiting.len());
    let began = Instant::now();
    for (at, event) in waiting.iter().enumerate() {
        let due = began + between * at as u32;
        // Asleep like a server that waits for its socket: a loop that burns the time slice would be made to wait itself.
        if let Some(rest) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(rest);
        }
        let woken = Instant::now();
        let score = engine.observe(&event.observe(&mut room));
        let _sentences = (score.points > 0.0).then(|| score.sentences(5));
        delays.push(due.elapsed().as_nanos() as f64 / 1e3);
        judged.push(woken.elapsed().as_nanos() as f64 / 1e3);
    }
    let told = |name: &str, mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let at =
            |share: f64| values[((share * values.len() as f64) as usize).min(values.len() - 1)];
        println!(
            "{name}: p50 {:.1} µs, p99 {:.1} µs, p99.9 {:.1} µs, max {:.1} µs",
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0)
        );
    };
    let stats = engine.stats();
    println!(
        "{} events at {rate}/s; {} actors, {} bytes each",
        delays.len(),
        stats.actors,
        stats.bytes / stats.actors.max(1)
    );
    told("due until scored", delays);
    told("judging alone", judged);
    Ok(())
}
