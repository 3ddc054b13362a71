//! What one observation costs: an ordinary one, one that scores on everything, and one of a name never seen.

#![allow(clippy::panic)]

use hudun_behaviour::{Access, Act, Engine, Observation, Score, Settings};

fn main() {
    divan::main();
}

const START: i64 = 20_458 * 86_400_000;

fn engine() -> Engine {
    let mut engine = match Engine::new(Settings::default(), vec!["sales".to_owned()]) {
        Ok(engine) => engine,
        Err(error) => panic!("{error}"),
    };
    for day in 0..30 {
        for person in 0..200_u32 {
            for step in 0..20_u32 {
                let at = START + day * 86_400_000 + i64::from(step) * 1_200_000;
                open(
                    &mut engine,
                    &format!("sales-{person}"),
                    at,
                    person * 1_000 + step,
                    0,
                );
            }
        }
    }
    engine
}

fn open(engine: &mut Engine, actor: &str, at: i64, number: u32, foreign_rows: u64) -> Score {
    let mut customer = [3; 16];
    customer[..4].copy_from_slice(&number.to_be_bytes());
    let subjects = [customer];
    let access = Access {
        module: "customers",
        subjects: &subjects,
        kinds: 3,
        rows: 1,
        foreign_rows,
        ..Access::default()
    };
    engine.observe(&Observation {
        tenant: "yunxi",
        actor,
        role: "sales",
        at,
        network: None,
        device: "Chrome",
        session: 1,
        act: Act::Access(access),
    })
}

#[divan::bench]
fn ordinary(bencher: divan::Bencher<'_, '_>) {
    let mut engine = engine();
    let names: Vec<String> = (0..200).map(|person| format!("sales-{person}")).collect();
    let mut step = 0_u32;
    bencher.bench_local(|| {
        step += 1;
        let person = step % 200;
        let at = START + 30 * 86_400_000 + i64::from(step) * 2;
        open(
            &mut engine,
            &names[person as usize],
            at,
            person * 1_000 + step % 20,
            0,
        )
    });
}

#[divan::bench]
fn a_thief_who_scores_on_everything(bencher: divan::Bencher<'_, '_>) {
    let mut engine = engine();
    let mut step = 0_u32;
    bencher.bench_local(|| {
        step += 1;
        open(
            &mut engine,
            "sales-7",
            START + 30 * 86_400_000 + i64::from(step) * 5,
            900_000 + step,
            1,
        )
    });
}

#[divan::bench]
fn names_never_seen(bencher: divan::Bencher<'_, '_>) {
    let mut engine = engine();
    let mut step = 0_u32;
    bencher.bench_local(|| {
        step += 1;
        open(
            &mut engine,
            &format!("invented-{step}"),
            START + 30 * 86_400_000 + i64::from(step),
            step,
            0,
        )
    });
}
