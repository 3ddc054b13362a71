//! From event to finding: the real pump with Hudun's rules, the fixed detections and the behaviour engine, under a stated
//! number of events a second.
//!
//! ```sh
//! cargo run --release -p hudun --example pump -- 5000 60      # events a second, seconds
//! cargo run --release -p hudun --example pump -- 5000 60 4    # with four tasks beside it that compute without a pause
//! ```
//!
//! Four hundred accounts open customers of their own; each second some thief begins to walk through those of others. Measured is
//! the time from when an event was due until the finding that it completes has come out of the pump.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hudun::{behaviour, detection, pump};
use hudun_core::{
    Actor, DataKind, Delivery, ExchangeEnd, ExchangeEvent, ExchangeHead, ExchangeId, KindSet,
    Release, Sighting, SubjectToken, Timestamp,
};
use hudun_monitor::{RuleSettings, Thresholds};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const STAFF: u32 = 400;

fn exchange(account: &str, person: u32, foreign: bool, ip: [u8; 4]) -> [ExchangeEvent; 3] {
    let (id, at) = (ExchangeId::new(), Timestamp::now());
    let mut actor = Actor::unknown(ip.into());
    actor.account = Some(account.parse().unwrap());
    actor.role = Some("sales".to_owned());
    actor.agent = "Mozilla/5.0 Chrome/142.0".to_owned();
    let head = ExchangeHead {
        id,
        at,
        tenant: "yunxi".parse().unwrap(),
        actor,
        module: "customers".parse().unwrap(),
        route: "customer.read".parse().unwrap(),
        method: "GET".to_owned(),
        path: "/api/customer/{id}".to_owned(),
        export: false,
        login: false,
        signals: Vec::new(),
        touched: Vec::new(),
        rtt_ms: None,
        about: None,
        push: None,
        drill: None,
    };
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&person.to_be_bytes());
    let kinds = KindSet::of(&[DataKind::Name, DataKind::Mobile]);
    let release = Release {
        exchange: id,
        group: 0,
        at,
        bytes: 400,
        explained: 400,
        rows: 1,
        foreign_rows: u32::from(foreign),
        sightings: vec![Sighting::new(SubjectToken::from_bytes(bytes), kinds)],
    };
    let end = ExchangeEnd {
        exchange: id,
        at,
        status: 200,
        success: true,
        delivery: Delivery::Delivered,
        groups: 1,
        request_bytes: 0,
        response_bytes: 400,
        millis: 3,
        refusal: None,
    };
    [
        ExchangeEvent::Head(Box::new(head)),
        ExchangeEvent::Release(release),
        ExchangeEvent::End(end),
    ]
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u32>().unwrap());
    let (rate, seconds) = (args.next().unwrap_or(5_000), args.next().unwrap_or(60));
    let busy = args.next().unwrap_or(0);
    let folder = std::env::temp_dir().join(format!("hudun-pump-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let thresholds = Thresholds {
        own_scope_roles: vec!["sales".to_owned()],
        ..Thresholds::default()
    };
    let monitor = behaviour::open(&thresholds, &folder).unwrap();
    let monitor = detection::open(monitor, &RuleSettings::default(), &folder).unwrap();
    let (step_ups, mut wanted) = mpsc::channel(pump::STEP_UPS);
    let watch = pump::Watch::new(monitor, step_ups);
    let (events, received) = mpsc::channel(65_536);
    let (findings, mut found) = pump::queue();
    let stop = CancellationToken::new();
    let taken = Arc::new(Mutex::new(0_u64));
    let counted = Arc::clone(&taken);
    let running = pump::start(
        received,
        watch.clone(),
        findings,
        move |_| *counted.lock().unwrap() += 1,
        stop.clone(),
    )
    .unwrap();
    // Work of the same process, as of compressing answers or of sealing: 20 ms of computing at a time.
    let mut beside = Vec::new();
    for _ in 0..busy {
        beside.push(tokio::spawn(async {
            loop {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_millis(20) {
                    std::hint::spin_loop();
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    tokio::spawn(async move { while wanted.recv().await.is_some() {} });
    let keeping = tokio::spawn(detection::keep(watch.clone(), folder.clone(), stop.clone()));

    // When the event that carries a person of a thief was due.
    let due: Arc<Mutex<HashMap<ExchangeId, Instant>>> = Arc::default();
    let known = Arc::clone(&due);
    // Threads of their own: measured is detection, and not who hands events over and takes findings.
    let gathering = std::thread::spawn(move || {
        let (mut times, mut rules) = (Vec::new(), HashMap::<String, u32>::new());
        while let Some(finding) = found.blocking_recv() {
            let now = Instant::now();
            let known = known.lock().unwrap();
            let last = finding.evidence.iter().filter_map(|id| known.get(id)).max();
            if let Some(last) = last {
                times.push(now.duration_since(*last));
                *rules.entry(finding.rule).or_default() += 1;
            }
        }
        (times, rules)
    });

    let begun = Instant::now();
    let total = u64::from(rate) * u64::from(seconds);
    let driving = std::thread::spawn(move || {
        let (mut sent, mut lost, mut round) = (0_u64, 0_u64, 0_u32);
        while sent < total {
            let elapsed = begun.elapsed().as_secs_f64();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let wanted = ((elapsed * f64::from(rate)) as u64).min(total);
            while sent < wanted {
                round += 1;
                // One exchange of fifty is a thief's; each walks through forty customers, then another begins.
                let thief = round.is_multiple_of(50);
                let made = if thief {
                    let walked = round / 50;
                    let name = format!("thief-{}@yunxi", walked / 40);
                    exchange(&name, 9_000_000 + walked, true, [198, 51, 100, 7])
                } else {
                    let person = round.wrapping_mul(2_654_435_761) % STAFF;
                    let own = person * 1_000 + (round / STAFF) % 25;
                    #[allow(clippy::cast_possible_truncation)]
                    let ip = [10, 1, (person / 200) as u8, (person % 200) as u8];
                    exchange(&format!("staff-{person}@yunxi"), own, false, ip)
                };
                let at = Instant::now();
                for event in made {
                    if thief && let ExchangeEvent::Head(head) = &event {
                        due.lock().unwrap().insert(head.id, at);
                    }
                    lost += u64::from(events.try_send(event).is_err());
                    sent += 1;
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        (sent, lost)
    });
    let (sent, lost) = tokio::task::spawn_blocking(|| {
        let counts = driving.join().unwrap();
        running.join().unwrap();
        counts
    })
    .await
    .unwrap();
    beside.iter().for_each(tokio::task::JoinHandle::abort);
    let took = begun.elapsed();
    stop.cancel();
    keeping.await.unwrap();
    let (mut times, rules) = gathering.join().unwrap();
    times.sort_unstable();
    let at = |share: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let place = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default().as_secs_f64() * 1_000.0
    };
    println!(
        "{sent} events in {:.1} s ({:.0} a second), {} seen, {lost} lost",
        took.as_secs_f64(),
        sent as f64 / took.as_secs_f64(),
        taken.lock().unwrap(),
    );
    println!(
        "{} findings: p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
        times.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0),
    );
    let mut rules: Vec<_> = rules.into_iter().collect();
    rules.sort();
    for (rule, count) in rules {
        println!("  {rule} {count}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
