//! Measures the engine on several seeds at once, without writing files:
//! `cargo run --release -p hudun-simulate --example measure -- tuning|held-back|KIND SEEDS [STAFF] [DAYS] [EACH]`.
//! A single kind is measured on held-back seeds.

use hudun_simulate::{AttackKind, Scenario, examine, report, settings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise: u64| {
        arguments
            .get(at)
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise)
    };
    let split = arguments.first().map_or("tuning", String::as_str);
    let first = if split == "tuning" { 1 } else { 1_001 };
    let attacks: Vec<AttackKind> = AttackKind::ALL
        .into_iter()
        .filter(|kind| match split {
            "tuning" => kind.is_for_tuning(),
            "held-back" => !kind.is_for_tuning(),
            name => kind.name() == name,
        })
        .collect();
    if attacks.is_empty() {
        return Err(
            format!("{split:?} is neither tuning nor held-back nor a kind of attack").into(),
        );
    }
    let mut outcomes = Vec::new();
    for seed in first..first + number(1, 2) {
        let days = number(3, 90) as u32;
        let scenario = Scenario {
            seed,
            days,
            staff: number(2, 300) as u32,
            attacks: attacks.clone(),
            each: number(4, 3) as u32,
            quiet_days: days / 2,
        };
        outcomes.push(examine(scenario, &settings())?);
    }
    println!("{}", serde_json::to_string_pretty(&report(&outcomes))?);
    Ok(())
}
