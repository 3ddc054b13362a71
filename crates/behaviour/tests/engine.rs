//! What the engine promises, on real observations.

#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};

use hudun_behaviour::{
    Access, Act, Allowance, Band, Degraded, Engine, Login, Observation, Score, ScoreKind, Settings,
    SnapshotError,
};
use proptest::prelude::*;

/// Monday 2026-01-05, midnight in China.
const MONDAY: i64 = 20_458 * 86_400_000 - 8 * 3_600_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const OFFICE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 20, 0, 7));
const STRANGE: IpAddr = IpAddr::V4(Ipv4Addr::new(45, 9, 8, 7));
const LAPTOP: &str = "Mozilla/5.0 (Windows NT 10.0) Chrome/142.0";

fn engine() -> Engine {
    Engine::new(Settings::default(), vec!["sales".into()]).unwrap()
}

fn customer(number: u32) -> [u8; 16] {
    let mut token = [7; 16];
    token[..4].copy_from_slice(&number.to_be_bytes());
    token
}

fn seen<'a>(actor: &'a str, at: i64, act: Act<'a>) -> Observation<'a> {
    Observation {
        tenant: "yunxi",
        actor,
        role: "sales",
        at,
        network: Some(OFFICE),
        device: LAPTOP,
        session: 0,
        act,
    }
}

fn open(engine: &mut Engine, actor: &str, at: i64, number: u32, foreign: bool) -> Score {
    let subjects = [customer(number)];
    let access = Access {
        module: "customers",
        subjects: &subjects,
        kinds: 3,
        rows: 1,
        foreign_rows: u64::from(foreign),
        ..Access::default()
    };
    engine.observe(&seen(actor, at, Act::Access(access)))
}

fn log_in(engine: &mut Engine, actor: &str, at: i64, network: IpAddr, device: &str) -> Score {
    let login = Login {
        success: true,
        ..Login::default()
    };
    engine.observe(&Observation {
        network: Some(network),
        device,
        ..seen(actor, at, Act::Login(login))
    })
}

/// Five weeks of a team of eight: thirty of the own customers a day, slowly changing. Returns the worst score.
fn work(engine: &mut Engine) -> f64 {
    let mut worst = f64::MIN;
    for day in (0..35).filter(|day| day % 7 < 5) {
        for person in 0..8_u32 {
            let name = format!("sales-{person}");
            let start = MONDAY + day * DAY + 9 * HOUR;
            log_in(engine, &name, start, OFFICE, LAPTOP);
            for step in 0..30_u32 {
                let number = person * 1_000 + day as u32 * 3 + step;
                let pause = 15 * 60_000 + i64::from((step * 7 + person * 13) % 11) * 60_000;
                let score = open(
                    engine,
                    &name,
                    start + 60_000 + i64::from(step) * pause,
                    number,
                    false,
                );
                worst = worst.max(score.points);
            }
        }
    }
    worst
}

fn next_monday() -> i64 {
    MONDAY + 35 * DAY + 10 * HOUR
}

#[test]
fn ordinary_weeks_stay_low_and_a_fast_walk_is_high_before_a_hundred_customers() {
    let mut engine = engine();
    let worst = work(&mut engine);
    assert!(worst < Settings::default().middle, "{worst}");
    let mut caught = None;
    for step in 0..200_u32 {
        let at = next_monday() + i64::from(step) * 800;
        let score = open(&mut engine, "sales-3", at, 500_000 + step, true);
        assert!(
            (score.parts.iter().map(|part| part.points).sum::<f64>() - score.points).abs() < 1e-9
        );
        if score.band == Band::High {
            caught = Some((step, score));
            break;
        }
    }
    let (step, score) = caught.unwrap();
    assert!(step < 60, "{step}");
    let told = score.sentences(5);
    assert!(
        told.en.contains("customers of colleagues") && told.zh.contains("同事的客户"),
        "{told:?}"
    );
    let fields = score.fields();
    assert_eq!(fields["scrm.risk.operation_band"], "high");
    assert!(fields["scrm.risk.operation"].as_f64().unwrap() > 0.0);
    assert!(fields.contains_key("scrm.risk.operation_part.colleagues"));
}

#[test]
fn the_sentence_of_a_burst_has_count_minutes_usual_and_the_roles_most() {
    let mut engine = engine();
    work(&mut engine);
    let mut last = None;
    for step in 0..120_u32 {
        let at = next_monday() + i64::from(step) * 4_000;
        last = Some(open(&mut engine, "sales-3", at, 3_000 + step, false));
    }
    let score = last.unwrap();
    let volume = score
        .parts
        .iter()
        .find(|part| part.name == "volume")
        .unwrap();
    let sentence = volume.sentence();
    assert!(
        sentence
            .en
            .starts_with("opened 120 customers in 8 min; usual for this person")
            && sentence.en.contains("for the role at most"),
        "{sentence:?}"
    );
    assert!(
        sentence.zh.contains("8 分钟内打开了 120 位客户；本人平时"),
        "{sentence:?}"
    );
}

#[test]
fn slow_reading_of_strangers_is_found_within_days() {
    let mut engine = engine();
    work(&mut engine);
    let mut found = None;
    'weeks: for day in 35..56_i64 {
        if day % 7 >= 5 {
            continue;
        }
        for step in 0..30_u32 {
            let at = MONDAY + day * DAY + 9 * HOUR + i64::from(step) * 16 * 60_000;
            open(
                &mut engine,
                "sales-3",
                at,
                3_000 + day as u32 * 3 + step,
                false,
            );
            if step.is_multiple_of(3) {
                let stranger = 700_000 + day as u32 * 100 + step;
                let score = open(&mut engine, "sales-3", at + 60_000, stranger, true);
                if score.band == Band::High {
                    found = Some(day);
                    break 'weeks;
                }
            }
        }
    }
    assert!(found.is_some_and(|day| day <= 45), "{found:?}");
}

#[test]
fn a_strange_network_and_device_is_high_only_until_it_is_confirmed() {
    let mut engine = engine();
    work(&mut engine);
    let usual = log_in(&mut engine, "sales-3", next_monday(), OFFICE, LAPTOP);
    assert_eq!((usual.kind, usual.band), (ScoreKind::Login, Band::Low));
    let strange = |engine: &mut Engine, at: i64| log_in(engine, "sales-3", at, STRANGE, "curl/8");
    let first = strange(&mut engine, next_monday() + HOUR);
    assert_eq!(first.band, Band::High, "{first:?}");
    assert!(
        first
            .parts
            .iter()
            .any(|part| part.name == "network" && part.points > 3.0)
    );
    // A day of ordinary work does not make an odd log-in a good one.
    open(&mut engine, "sales-3", next_monday() + DAY, 3_100, false);
    assert_eq!(
        strange(&mut engine, next_monday() + DAY + HOUR).band,
        Band::High
    );
    for day in 2..5 {
        strange(&mut engine, next_monday() + day * DAY);
        engine.confirm_logins("yunxi", "sales-3");
    }
    let later = strange(&mut engine, next_monday() + 7 * DAY);
    assert!(
        later.points < first.points - 5.0,
        "{} {}",
        later.points,
        first.points
    );
}

#[test]
fn a_service_account_within_its_allow_list_is_not_judged_and_outside_it_is() {
    let settings = Settings {
        allow: vec![Allowance {
            actor: "sync".into(),
            modules: vec!["orders".into()],
            networks: vec!["10.20.".into()],
            rows_a_day: 100_000,
            reason: "nightly import".into(),
        }],
        ..Settings::default()
    };
    let mut engine = Engine::new(settings, vec!["sales".into()]).unwrap();
    let mut worst = Band::Low;
    let mut import = |at: i64, network: IpAddr, module: &str, from: u32| {
        let subjects: Vec<[u8; 16]> = (from..from + 500).map(customer).collect();
        let access = Access {
            module,
            subjects: &subjects,
            rows: 500,
            write: true,
            ..Access::default()
        };
        let score = engine.observe(&Observation {
            role: "integration",
            network: Some(network),
            ..seen("sync", at, Act::Access(access))
        });
        worst = worst.max(score.band);
        score.band
    };
    for night in 0..10 {
        for step in 0..100 {
            let at = MONDAY + night * DAY + 2 * HOUR + step * 5_000;
            assert_eq!(import(at, OFFICE, "orders", step as u32 * 500), Band::Low);
        }
    }
    let mut drifted = Band::Low;
    for step in 0..20_u32 {
        drifted = drifted.max(import(
            MONDAY + 10 * DAY + i64::from(step) * 5_000,
            STRANGE,
            "customers",
            step * 500,
        ));
    }
    assert_eq!(drifted, Band::High);
}

#[test]
fn a_million_invented_names_push_out_neither_a_quiet_tenant_nor_the_staff() {
    let settings = Settings {
        actors_per_tenant: 2_000,
        ..Settings::default()
    };
    let mut engine = Engine::new(settings, vec!["sales".into()]).unwrap();
    work(&mut engine);
    let before = engine.stats();
    let subjects = [customer(1)];
    for number in 0..1_000_000_u32 {
        let name = format!("invented-{number}");
        let access = Access {
            module: "customers",
            subjects: &subjects,
            rows: 1,
            ..Access::default()
        };
        for tenant in if number.is_multiple_of(1_000) {
            &["hostile", "yunxi"][..]
        } else {
            &["hostile"][..]
        } {
            let at = next_monday() + i64::from(number) * 20;
            engine.observe(&Observation {
                tenant,
                ..seen(&name, at, Act::Access(access))
            });
        }
    }
    let after = engine.stats();
    assert!(
        after.actors <= 4_000 && after.evicted > 990_000,
        "{after:?}"
    );
    assert!(
        after.bytes <= after.actors * Engine::BYTES_PER_ACTOR,
        "{after:?}"
    );
    assert_eq!(before.actors, 8);
    // The quiet tenant still knows its people, and still finds the thief.
    assert!(engine.export("yunxi", "sales-3").is_some());
    let mut worst = Band::Low;
    for step in 0..60_u32 {
        let at = next_monday() + DAY + i64::from(step) * 800;
        worst = worst.max(open(&mut engine, "sales-3", at, 500_000 + step, true).band);
    }
    assert_eq!(worst, Band::High);
}

#[test]
fn staff_with_a_history_outlive_a_flood_of_names_in_their_own_tenant() {
    let settings = Settings {
        actors_per_tenant: 100,
        ..Settings::default()
    };
    let mut engine = Engine::new(settings, vec!["sales".into()]).unwrap();
    work(&mut engine);
    for number in 0..5_000_u32 {
        open(
            &mut engine,
            &format!("invented-{number}"),
            next_monday() + i64::from(number),
            1,
            false,
        );
    }
    for person in 0..8 {
        assert!(
            engine.export("yunxi", &format!("sales-{person}")).is_some(),
            "sales-{person}"
        );
    }
    assert!(engine.losses().0 > 4_000);
}

#[test]
fn an_actor_who_does_everything_stays_within_the_stated_bytes() {
    let mut engine = engine();
    let long = "x".repeat(5_000);
    for step in 0..40_000_u32 {
        let module = format!("{long}{step}");
        let subjects = [
            customer(step),
            customer(step + 1),
            customer(step + 2),
            customer(step + 3),
        ];
        let many = if step.is_multiple_of(2) {
            &subjects[..]
        } else {
            &subjects[..1]
        };
        let access = Access {
            module: if step.is_multiple_of(3) {
                &module
            } else {
                "customers"
            },
            subjects: many,
            kinds: u32::MAX,
            rows: u64::MAX,
            foreign_rows: u64::MAX,
            export: step.is_multiple_of(7),
            search: step.is_multiple_of(5),
            write: step.is_multiple_of(2),
            failed: step.is_multiple_of(11),
        };
        let network = IpAddr::V4(Ipv4Addr::from(step.wrapping_mul(2_654_435_761)));
        let device = format!("{step}{long}");
        let at = MONDAY + i64::from(step) * 700_000;
        let act = if step.is_multiple_of(13) {
            Act::Login(Login {
                success: step.is_multiple_of(2),
                ..Login::default()
            })
        } else {
            Act::Access(access)
        };
        engine.observe(&Observation {
            network: Some(network),
            device: &device,
            session: u64::from(step) | 1,
            ..seen("greedy", at, act)
        });
        engine.confirm_logins("yunxi", "greedy");
    }
    let stats = engine.stats();
    assert_eq!(stats.actors, 1);
    assert!(stats.bytes <= Engine::BYTES_PER_ACTOR, "{stats:?}");
    assert!(
        stats.bytes > Engine::BYTES_PER_ACTOR / 4,
        "the bound says little: {stats:?}"
    );
    // What is full can still be saved and read back.
    let mut file = Vec::new();
    engine.save(&mut file).unwrap();
    Engine::load(
        Settings::default(),
        vec!["sales".into()],
        &mut file.as_slice(),
    )
    .unwrap();
}

#[test]
fn a_snapshot_goes_on_where_it_was_left() {
    let mut engine = engine();
    work(&mut engine);
    for step in 0..10_u32 {
        open(
            &mut engine,
            "sales-3",
            next_monday() + i64::from(step) * 1_000,
            500_000 + step,
            true,
        );
    }
    let mut file = Vec::new();
    engine.save(&mut file).unwrap();
    let mut other = Engine::load(
        Settings::default(),
        vec!["sales".into()],
        &mut file.as_slice(),
    )
    .unwrap();
    assert_eq!(other.stats().actors, engine.stats().actors);
    for step in 10..30_u32 {
        let at = next_monday() + i64::from(step) * 1_000;
        let (one, two) = (
            open(&mut engine, "sales-3", at, 500_000 + step, true),
            open(&mut other, "sales-3", at, 500_000 + step, true),
        );
        assert!(
            (one.points - two.points).abs() < 0.05,
            "{} {}",
            one.points,
            two.points
        );
    }
}

#[test]
fn a_snapshot_of_another_version_or_cut_short_is_refused_with_its_line() {
    let mut engine = engine();
    work(&mut engine);
    let mut file = Vec::new();
    engine.save(&mut file).unwrap();
    let load =
        |file: &[u8]| Engine::load(Settings::default(), Vec::new(), &mut &file[..]).map(|_| ());
    let text = String::from_utf8(file.clone()).unwrap();
    let error = load(
        text.replacen("\"version\":1", "\"version\":9", 1)
            .as_bytes(),
    )
    .unwrap_err();
    assert!(
        matches!(
            error,
            SnapshotError::Version {
                found: 9,
                wanted: 1
            }
        ),
        "{error}"
    );
    let error = load(&file[..file.len() / 2]).unwrap_err();
    assert!(error.to_string().starts_with("line "), "{error}");
    let without_a_line: String = text
        .lines()
        .enumerate()
        .filter(|(at, _)| *at != 3)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    assert!(matches!(
        load(without_a_line.as_bytes()),
        Err(SnapshotError::Checksum)
    ));
    assert!(load(b"").is_err());
    assert!(
        load(b"hello\n")
            .unwrap_err()
            .to_string()
            .starts_with("line 1")
    );
}

#[test]
fn a_baseline_can_be_read_and_forgotten() {
    let mut engine = engine();
    work(&mut engine);
    let baseline = engine.export("yunxi", "sales-3").unwrap();
    assert_eq!(baseline["days_at_work"], 24);
    let opened = baseline["measures"]
        .as_array()
        .unwrap()
        .iter()
        .find(|measure| measure["measure"] == "Opened")
        .unwrap();
    assert!(
        (25.0..35.0).contains(&opened["usual_a_day"].as_f64().unwrap()),
        "{opened}"
    );
    assert!(engine.export("other", "sales-3").is_none());
    assert!(engine.forget("yunxi", "sales-3") && !engine.forget("yunxi", "sales-3"));
    assert!(engine.export("yunxi", "sales-3").is_none());
}

#[test]
fn when_it_cannot_judge_it_says_so_and_falls_to_the_stated_level() {
    let settings = Settings {
        tenants: 1,
        fallback: Band::Middle,
        ..Settings::default()
    };
    let mut engine = Engine::new(settings, Vec::new()).unwrap();
    open(&mut engine, "mei", next_monday(), 1, false);
    let refused = engine.observe(&Observation {
        tenant: "another",
        ..seen("mei", next_monday(), Act::Access(Access::default()))
    });
    assert_eq!(
        (refused.degraded, refused.band),
        (Some(Degraded::TenantQuota), Band::Middle)
    );
    assert!(refused.sentences(3).en.contains("stated level middle"));
    let fields = refused.fields();
    assert_eq!(fields["scrm.risk.operation_degraded"], true);
    // Nothing was judged: no number that a rule could take for even odds.
    assert!(!fields.contains_key("scrm.risk.operation"));
    let late = open(&mut engine, "mei", next_monday() - 9 * DAY, 1, false);
    assert_eq!(late.degraded, Some(Degraded::TooLate));
    assert_eq!(engine.losses().1, 2);
}

#[test]
fn a_snapshot_in_pieces_lets_the_engine_work_between_them() {
    let mut engine = engine();
    for person in 0..20 {
        open(
            &mut engine,
            &format!("sales-{person}"),
            next_monday(),
            person,
            false,
        );
    }
    let mut file = Vec::new();
    let mut saving = engine.begin_saving();
    let mut rounds = 0;
    while saving.go_on(&engine, 3, &mut file).unwrap() {
        rounds += 1;
        open(
            &mut engine,
            &format!("late-{rounds}"),
            next_monday(),
            1,
            false,
        );
    }
    assert!(rounds >= 7, "{rounds}");
    let roles = Vec::new();
    let read = Engine::load(Settings::default(), roles, &mut file.as_slice()).unwrap();
    // Who came after the beginning is in the next one.
    assert_eq!(read.stats().actors, 20);
}

#[test]
fn nothing_is_learnt_while_a_case_is_open() {
    let usual = |engine: &Engine| {
        let baseline = engine.export("yunxi", "sales-3").unwrap();
        baseline["usual"]["sum"][0].as_f64().unwrap()
    };
    let mut engine = engine();
    work(&mut engine);
    open(&mut engine, "sales-3", next_monday(), 1, false);
    let before = usual(&engine);
    engine.freeze("yunxi", "sales-3", next_monday() + 60 * DAY);
    for day in 0..10 {
        for step in 0..300_u32 {
            open(
                &mut engine,
                "sales-3",
                next_monday() + day * DAY + i64::from(step) * 1_000,
                900_000 + step,
                true,
            );
        }
    }
    assert_eq!(usual(&engine), before);
}

#[test]
fn bad_settings_name_their_field() {
    let bad = Settings {
        middle: 5.0,
        ..Settings::default()
    };
    assert!(
        Engine::new(bad, Vec::new())
            .unwrap_err()
            .to_string()
            .contains("behaviour.middle")
    );
    let bad = Settings {
        prior: f64::NAN,
        ..Settings::default()
    };
    assert!(Engine::new(bad, Vec::new()).is_err());
}

/// A clock that jumps from one end of time to the other breaks nothing.
#[test]
fn times_at_the_ends_of_the_range_are_judged() {
    let mut engine = engine();
    for at in [0, i64::MIN, i64::MAX, 1, i64::MIN, MONDAY] {
        open(&mut engine, "mei", at, 1, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes, in whatever order of time, a score is a finite sum of its parts.
    #[test]
    fn any_story_ends_in_a_finite_sum_of_parts(
        steps in proptest::collection::vec((any::<i64>(), 0_u8..6, 0_u32..50, any::<u64>(), any::<u32>(), 0_u8..4), 1..120),
    ) {
        let mut engine = engine();
        for (at, kind, number, rows, kinds, role) in steps {
            let at = if kind == 5 { at } else { MONDAY + at.rem_euclid(200 * DAY) };
            let subjects: Vec<[u8; 16]> = (0..number).map(customer).collect();
            let access = Access {
                module: ["a", "b", ""][usize::from(role) % 3],
                subjects: &subjects,
                kinds,
                rows,
                foreign_rows: rows,
                export: kind == 1,
                search: kind == 2,
                write: kind == 3,
                failed: kind == 4,
            };
            let act = if kind == 0 { Act::Login(Login { success: rows.is_multiple_of(2), rtt_ms: Some(kinds), region: Some("x") }) } else { Act::Access(access) };
            let score = engine.observe(&Observation { role: ["sales", "", "x", "y"][usize::from(role)], ..seen("mei", at, act) });
            prop_assert!(score.points.is_finite());
            if score.degraded.is_none() {
                prop_assert!((score.parts.iter().map(|part| part.points).sum::<f64>() - score.points).abs() < 1e-9);
            }
            prop_assert!(score.degraded != Some(Degraded::NotFinite));
        }
        let mut file = Vec::new();
        engine.save(&mut file).unwrap();
        prop_assert!(Engine::load(Settings::default(), Vec::new(), &mut file.as_slice()).is_ok());
    }

    /// A changed byte never passes for what was written.
    #[test]
    fn a_changed_byte_is_noticed(place in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut engine = engine();
        for step in 0..40 {
            open(&mut engine, "mei", MONDAY + i64::from(step) * HOUR, step, false);
        }
        let mut file = Vec::new();
        engine.save(&mut file).unwrap();
        let at = place.index(file.len());
        prop_assume!(file[at] != with);
        file[at] = with;
        prop_assert!(Engine::load(Settings::default(), Vec::new(), &mut file.as_slice()).is_err());
    }
}
