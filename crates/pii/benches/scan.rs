//! Megabytes per second of CPU time of one scanner on one thread: `cargo bench -p hudun-pii`.
//!
//! Dense: every row holds a key and six personal fields. Sparse: orders with long numbers and nothing personal.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use hudun_core::DataKind;
use hudun_pii::{Bounds, FieldMap, Format, Keyer, ScanMode, Scanner};

const SIZE: usize = 32 << 20;
const CHUNK: usize = 16 << 10;

fn main() {
    let map = FieldMap::builder()
        .subject_key("id")
        .field("name", DataKind::Name)
        .field("mobile", DataKind::Mobile)
        .field("email", DataKind::Email)
        .field("address", DataKind::Address)
        .field("remark", DataKind::Profile)
        .field("resident_id", DataKind::ResidentId)
        .rows_at("/items")
        .build()
        .unwrap_or_else(|_| FieldMap::empty());
    let bodies = [("dense", dense()), ("sparse", sparse())];
    for (body_name, body) in &bodies {
        for (map_name, map) in [("declared", &map), ("content alone", &FieldMap::empty())] {
            for mode in [ScanMode::Observe, ScanMode::Mask] {
                // The best of five: the machine is shared.
                let best = (0..5)
                    .map(|_| time(body, map, mode))
                    .fold(f64::INFINITY, f64::min);
                println!(
                    "{body_name:>7} {map_name:>14} {:>8}: {:7.0} MB/s",
                    format!("{mode:?}"),
                    body.len() as f64 / 1e6 / best
                );
            }
        }
    }
}

fn time(body: &str, map: &FieldMap, mode: ScanMode) -> f64 {
    let keyer = Keyer::new(&[7; 32]);
    let (cpu, wall) = (on_cpu(), Instant::now());
    let mut scanner = Scanner::new(Format::Json, map, &keyer, mode, Bounds::default());
    for chunk in body.as_bytes().chunks(CHUNK) {
        black_box(scanner.feed(chunk));
    }
    black_box(scanner.finish());
    match (cpu, on_cpu()) {
        (Some(before), Some(after)) => (after - before) as f64 / 1e9,
        _ => wall.elapsed().as_secs_f64(),
    }
}

/// Nanoseconds that this thread has run, so that other work on the machine doesn't count; Linux only.
fn on_cpu() -> Option<u64> {
    // The account of a running thread is as old as the last tick; giving way brings it up to date.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split_whitespace().next()?.parse().ok()
}

fn dense() -> String {
    let mut body = "{\"code\":0,\"items\":[".to_owned();
    for n in 0_u64.. {
        if body.len() > SIZE {
            break;
        }
        let _ = write!(
            body,
            "{{\"id\":{n},\"name\":\"张小明\",\"mobile\":\"138{:08}\",\"email\":\"u{n}@example.com\",\"resident_id\":\"11010519491231002X\",\"address\":\"北京市朝阳区建国路88号\",\"remark\":\"下周三回访，客户关心价格和交货时间\",\"stage\":\"negotiation\",\"created_at\":\"2026-01-02T03:04:05Z\"}},",
            n % 100_000_000
        );
    }
    body.pop();
    body + "]}"
}

fn sparse() -> String {
    let mut body = "{\"code\":0,\"items\":[".to_owned();
    for n in 0_u64.. {
        if body.len() > SIZE {
            break;
        }
        let _ = write!(
            body,
            "{{\"order_no\":\"SO2026{n:012}\",\"snowflake\":{},\"sku\":\"A-100-{}\",\"amount\":{}.50,\"status\":\"shipped\",\"note\":\"deliver to the warehouse in the morning, second gate\",\"created_at\":\"2026-01-02T03:04:05Z\"}},",
            1_764_000_000_000_000_000 + n * 4_194_304,
            n % 977,
            n % 10_000
        );
    }
    body.pop();
    body + "]}"
}
