//! Every fact of the test data holds, and the orders are orders.

#![allow(clippy::unwrap_used)]

mod data;

use std::cmp::Ordering;

use hudun_advisory::{Ecosystem, Version};
use proptest::prelude::*;

#[test]
fn every_fact_of_the_test_data_holds() {
    let Some(folder) = data::folder("versions") else {
        return;
    };
    let (mut facts, mut wrong) = (0, Vec::new());
    for ecosystem in Ecosystem::ALL {
        let name = ecosystem.name().to_lowercase().replace(' ', "");
        let text = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with("//") {
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let [one, sign, two] = words[..] else {
                panic!("{name}.txt, line {}: {line}", at + 1)
            };
            facts += 1;
            let wanted = match sign {
                "<" => Ordering::Less,
                "=" => Ordering::Equal,
                _ => Ordering::Greater,
            };
            let read = |text| Version::parse(ecosystem, text);
            let found = match (read(one), read(two)) {
                (Ok(one), Ok(two)) => format!("{:?}", one.compare(&two).unwrap()),
                (Err(error), _) | (_, Err(error)) => error.to_string(),
            };
            if found != format!("{wanted:?}") {
                wrong.push(format!("{name}.txt:{}: {line}: {found}", at + 1));
            }
        }
    }
    println!("{facts} facts, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(facts > 1_400, "{facts}");
}

#[test]
fn what_is_no_version_is_refused_with_the_reason() {
    for (ecosystem, text, why) in [
        (Ecosystem::SemVer, "latest", "numbers and dots"),
        (Ecosystem::Debian, "x:1", "epoch"),
        (Ecosystem::Hackage, "1.0-beta", "numbers"),
        (Ecosystem::RubyGems, "v1", "digit first"),
        (Ecosystem::Maven, " ", "empty"),
    ] {
        let error = Version::parse(ecosystem, text).unwrap_err().to_string();
        assert!(
            error.contains(why) && error.contains(ecosystem.name()),
            "{error}"
        );
    }
    let long = "1".repeat(1_001);
    for ecosystem in Ecosystem::ALL {
        assert!(Version::parse(ecosystem, &long).is_err());
        assert_eq!(ecosystem.name().parse(), Ok(ecosystem));
    }
    let error = "Atari".parse::<Ecosystem>().unwrap_err().to_string();
    assert!(
        error.contains("Atari") && error.contains("Alpine"),
        "{error}"
    );
    let other = Version::parse(Ecosystem::Pub, "1.0.0").unwrap();
    let semver = Version::parse(Ecosystem::SemVer, "1.0.0").unwrap();
    assert_eq!(semver.compare(&other), None);
}

fn ecosystem() -> impl Strategy<Value = Ecosystem> {
    proptest::sample::select(&Ecosystem::ALL[..])
}

/// Texts that look like versions to somebody.
fn versions() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(
        &[
            "0", "1", "2", "10", "01", "007", "a", "alpha", "b", "rc", "dev", "post", "final",
            "sp", "pl", "_p", "_rc1", "-r1", "~", "^", ".", ".", "-", "+", "!", ":", "x", "中",
            "#",
        ][..],
    );
    proptest::collection::vec(piece, 1..9).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn orders_are_total(of in ecosystem(), one in versions(), two in versions(), three in versions()) {
        // `#` equals every number to PHP, so that there is no order with it.
        let hash = if of == Ecosystem::Packagist { "#" } else { "" };
        let read = |text: &str| {
            let text = if hash.is_empty() { text.to_owned() } else { text.replace(hash, "") };
            Version::parse(of, &text).ok()
        };
        if let (Some(a), Some(b), Some(c)) = (read(&one), read(&two), read(&three)) {
            prop_assert_eq!(a.compare(&a), Some(Ordering::Equal));
            let (ab, bc, ac) = (a.compare(&b).unwrap(), b.compare(&c).unwrap(), a.compare(&c).unwrap());
            prop_assert_eq!(b.compare(&a).unwrap(), ab.reverse());
            if ab.is_le() && bc.is_le() {
                prop_assert!(ac.is_le(), "{} {} {}: {:?} {:?} {:?}", one, two, three, ab, bc, ac);
            }
        }
    }

    #[test]
    fn no_text_panics(of in ecosystem(), text in "\\PC{0,40}") {
        let _ = Version::parse(of, &text);
    }
}
