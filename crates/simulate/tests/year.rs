//! A year repeats, its labels are true, and what is read from a folder is what was simulated.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use hudun_simulate::{
    AttackKind, Deed, Event, Label, Scenario, Year, examine, read, report, settings, write,
};

fn scenario(seed: u64) -> Scenario {
    Scenario {
        seed,
        days: 30,
        staff: 60,
        attacks: AttackKind::ALL.to_vec(),
        each: 1,
        quiet_days: 12,
    }
}

fn whole(seed: u64) -> (Vec<Event>, Vec<Label>) {
    let mut year = Year::begin(scenario(seed)).unwrap();
    let mut events = Vec::new();
    while let Some(day) = year.next_day() {
        events.extend(day);
    }
    let labels = year.labels().cloned().collect();
    (events, labels)
}

#[test]
fn the_same_seed_is_the_same_year_in_order_of_time_and_another_differs() {
    let (events, labels) = whole(3);
    assert_eq!((&events, &labels), (&whole(3).0, &whole(3).1));
    assert_ne!(events, whole(4).0);
    assert!(events.is_sorted_by_key(|event| event.time));
    assert!(events.windows(2).all(|pair| pair[0].uid + 1 == pair[1].uid));
    let actors: HashSet<&str> = events.iter().map(|event| event.actor.as_str()).collect();
    assert!(actors.len() > 55, "{}", actors.len());
}

#[test]
fn labels_name_events_of_their_actor_after_the_quiet_days() {
    let (events, labels) = whole(3);
    assert!(labels.len() >= 12, "{} kinds", labels.len());
    let first = events[0].time;
    let mut taken = HashSet::new();
    for label in &labels {
        assert!(label.from >= first + 11 * 86_400_000, "{label:?}");
        for uid in &label.events {
            let event = &events[*uid as usize - 1];
            assert_eq!(event.actor, label.actor);
            assert!((label.from..=label.to).contains(&event.time) && taken.insert(*uid));
        }
        let reads = label
            .events
            .iter()
            .any(|uid| matches!(&events[*uid as usize - 1].deed, Deed::Access(_)));
        assert!(reads, "{:?} does nothing", label.kind);
    }
}

#[test]
fn an_event_is_the_same_after_json_and_has_the_names_of_ocsf() {
    let (events, _) = whole(3);
    for event in events.iter().step_by(97) {
        let document = event.to_json();
        assert_eq!(&Event::from_json(&document).unwrap(), event);
        let class = document["class_uid"].as_u64().unwrap();
        assert!(class == 3002 || class == 6001);
        assert_eq!(
            document["type_uid"].as_u64().unwrap(),
            class * 100 + document["activity_id"].as_u64().unwrap()
        );
        assert_eq!(document["category_uid"].as_u64().unwrap(), class / 1_000);
    }
}

#[test]
fn a_folder_is_judged_like_the_year_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (events, attacks) = write(scenario(3), folder.path()).unwrap();
    assert!(events > 10_000 && attacks >= 12);
    let from_folder = report(&[read(folder.path(), &settings()).unwrap()]);
    let in_memory = report(&[examine(scenario(3), &settings()).unwrap()]);
    assert_eq!(
        serde_json::to_value(&from_folder).unwrap(),
        serde_json::to_value(&in_memory).unwrap()
    );
    assert!(from_folder.synthetic && from_folder.split == "tuning");
    assert!(
        from_folder.budgets[1].all.recall > 0.5,
        "{:?}",
        from_folder.budgets[1].all
    );
}

#[test]
fn a_bad_line_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let small = Scenario {
        days: 10,
        staff: 20,
        quiet_days: 5,
        attacks: vec![AttackKind::FastScrape],
        ..scenario(1)
    };
    write(small, folder.path()).unwrap();
    let file = folder.path().join("events.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[4] = "{\"class_uid\": 1}";
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    let error = read(folder.path(), &settings()).unwrap_err().to_string();
    assert!(error.contains("events.jsonl, line 5"), "{error}");
    std::fs::write(&file, text.trim_end()).unwrap();
    let error = read(folder.path(), &settings()).unwrap_err().to_string();
    assert!(error.contains("ends in the middle"), "{error}");
}

#[test]
fn reporting_uses_neither_tuning_seeds_nor_tuning_kinds() {
    let held_back: Vec<AttackKind> = AttackKind::ALL
        .into_iter()
        .filter(|kind| !kind.is_for_tuning())
        .collect();
    assert_eq!((AttackKind::ALL.len(), held_back.len()), (16, 9));
    let small = |seed, attacks| Scenario {
        attacks,
        days: 12,
        staff: 20,
        quiet_days: 5,
        ..scenario(seed)
    };
    let split = |scenario| report(&[examine(scenario, &settings()).unwrap()]).split;
    assert_eq!(split(small(1_001, held_back.clone())), "held-back");
    assert_eq!(split(small(1, held_back)), "tuning");
    assert_eq!(split(small(1_001, AttackKind::ALL.to_vec())), "tuning");
}
