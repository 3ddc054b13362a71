//! Whatever comes: no panic, and no good line lost behind a bad one.

#![allow(clippy::unwrap_used, missing_docs)]

use std::io::BufReader;

use hudun_event::{Format, Item, Limits, Mapping, Reader, Value};
use proptest::prelude::*;

const FORMATS: [Format; 6] = [
    Format::Ocsf,
    Format::Ecs,
    Format::Json,
    Format::Combined,
    Format::Syslog,
    Format::Journald,
];

/// A good line of a format, with a number by which it is known again.
fn good(format: Format, number: usize) -> String {
    match format {
        Format::Ocsf | Format::Ecs | Format::Json => {
            format!("{{\"class_uid\":6001,\"message\":\"good {number}\"}}")
        }
        Format::Combined => format!(
            "10.0.0.7 - ann [05/Jan/2026:18:00:00 +0800] \"GET /{number} HTTP/1.1\" 404 512 \"-\" \"good {number}\""
        ),
        Format::Syslog => format!("<34>1 2003-10-11T22:14:15Z h app - - [a b=\"c\"] good {number}"),
        Format::Journald => {
            format!("{{\"__REALTIME_TIMESTAMP\":\"1\",\"MESSAGE\":\"good {number}\"}}")
        }
    }
}

/// The texts of all events, and how many frames were refused.
fn texts(input: &[u8], format: Format, buffer: usize) -> (String, u64, u64) {
    let limits = Limits {
        line: 4096,
        raw: 64,
    };
    let input = BufReader::with_capacity(buffer, input);
    let mut reader = Reader::new(input, format, limits)
        .with_mapping(Mapping::read("m", "keep: true\nfields: { nothing: else }").unwrap());
    let mut said = String::new();
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Event(record) => {
                for (_, value) in record.fields() {
                    if let Value::Text(text) = value {
                        said.push_str(text);
                        said.push('\n');
                    }
                }
                let _ = record.to_json();
            }
            Item::Refused { raw, .. } => assert!(raw.len() <= 64),
        }
    }
    let counts = reader.counts();
    (said, counts.events, counts.refused())
}

/// Whether a count that spans more than one message ends where a message may end.
fn a_long_count_fits(all: &[u8]) -> bool {
    let headers = (0..all.len()).filter(|at| all[*at..].starts_with(b" <"));
    headers.into_iter().any(|at| {
        let digits = all[..at]
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        (at - digits..at).any(|from| {
            let count: usize = std::str::from_utf8(&all[from..at])
                .unwrap()
                .parse()
                .unwrap_or(0);
            let Some(rest) = all.get(at + 1 + count..).filter(|_| count > 60) else {
                return false;
            };
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let header = &rest[digits..];
            header.is_empty()
                || rest[0] < b' '
                || header.starts_with(b"<")
                || header.starts_with(b" <")
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_read_to_the_end(
        bytes in proptest::collection::vec(any::<u8>(), 0..2000), format in 0..6_usize, buffer in 1..64_usize,
    ) {
        let _ = texts(&bytes, FORMATS[format], buffer);
    }

    /// What looks like the format, and isn't.
    #[test]
    fn almost_good_bytes_are_read_to_the_end(
        parts in proptest::collection::vec(prop_oneof![
            Just("<34>1 "), Just("- "), Just("[a b=\""), Just("\\"), Just("\"]"), Just("27 "), Just("\n"), Just("{\""),
            Just("\":"), Just("[1,2]"), Just("}"), Just(" \u{feff}"), Just("1.2.3.4 - - [x] \""), Just("\" 200 1 \""), Just("@cee:{"),
        ], 0..60),
        format in 0..6_usize, buffer in 1..64_usize,
    ) {
        let _ = texts(parts.concat().as_bytes(), FORMATS[format], buffer);
    }

    /// Lines with damage in the first half: every line behind it is read.
    #[test]
    fn damage_never_costs_a_line_behind_it(
        format in 0..6_usize, buffer in 1..200_usize,
        damage in proptest::collection::vec((0..1000_usize, any::<u8>(), 0..3_u8), 1..8),
    ) {
        let format = FORMATS[format];
        let mut front: Vec<u8> = (0..5).flat_map(|n| (good(format, n) + "\n").into_bytes()).collect();
        for (at, byte, how) in damage {
            let at = at % front.len();
            match how {
                0 => front[at] = byte,
                1 => front.insert(at, byte),
                _ => { front.remove(at); }
            }
        }
        front.push(b'\n');
        let behind: Vec<u8> = (100..105).flat_map(|n| (good(format, n) + "\n").into_bytes()).collect();
        let (said, events, refused) = texts(&[front.clone(), behind].concat(), format, buffer);
        for n in 100..105 {
            prop_assert!(said.contains(&format!("good {n}")), "{n} is lost behind {:?}", String::from_utf8_lossy(&front));
        }
        prop_assert!(events >= 5 && events + refused >= 6);
    }

    /// The same with counted octets, which have no line feed to hold on to. A wrong count that ends by chance where a
    /// message may end is believed: a message's text can hold anything, and what looks like a header in it splits none.
    #[test]
    fn damage_to_counted_messages_costs_no_message_that_stands_two_behind_it(
        buffer in 1..200_usize, damage in proptest::collection::vec((0..1000_usize, any::<u8>(), 0..3_u8), 1..4),
    ) {
        let counted = |n: usize| { let one = good(Format::Syslog, n); format!("{} {one}", one.len()).into_bytes() };
        let mut front: Vec<u8> = (0..3).flat_map(counted).collect();
        for (at, byte, how) in damage {
            let at = at % front.len();
            match how {
                0 => front[at] = byte,
                1 => front.insert(at, byte),
                _ => { front.remove(at); }
            }
        }
        let behind: Vec<u8> = (100..108).flat_map(counted).collect();
        let all = [front.clone(), behind].concat();
        prop_assume!(!a_long_count_fits(&all));
        let (said, _, _) = texts(&all, Format::Syslog, buffer);
        for n in 101..108 {
            prop_assert!(said.contains(&format!("good {n}")), "{n} is lost behind {:?}", String::from_utf8_lossy(&front));
        }
    }

    /// Fields come out as a JSON reader sees them.
    #[test]
    fn fields_are_those_of_the_json(keys in proptest::collection::btree_map("[a-z]{1,3}", -5..5_i64, 0..6)) {
        let line = serde_json::json!({ "top": keys, "list": keys.values().collect::<Vec<_>>() });
        let text = line.to_string();
        let mut reader = Reader::new(text.as_bytes(), Format::Json, Limits::default());
        let Some(Item::Event(record)) = reader.next_item().unwrap() else { panic!("an event") };
        prop_assert_eq!(record.to_json(), line);
    }
}
