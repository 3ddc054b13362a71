//! What must hold for every set of facts.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed

mod common;

use std::sync::LazyLock;

use hudun_duty::{Count, FactBase, RuleSet, Verdict, assess};
use proptest::prelude::*;

static SET: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::embedded().unwrap());

fn with_persons(high: u64, sensitive: u64) -> FactBase {
    let mut f = common::full();
    let count = |high: u64| Count {
        low: 0,
        likely: high / 2,
        high,
    };
    f.persons = Some(count(high));
    f.sensitive_persons = Some(count(sensitive.min(high)));
    f.minors = None;
    for (i, c) in f.kinds.iter_mut().flat_map(|k| k.values_mut()).enumerate() {
        *c = count(high / (i as u64 + 1));
    }
    // Everybody reachable by every law: CN, EEA, GB, SG, JP, KR, US-CA.
    f.places = Some(
        [
            ("CN", ""),
            ("DE", ""),
            ("GB", ""),
            ("SG", ""),
            ("JP", ""),
            ("KR", ""),
            ("US", "CA"),
        ]
        .into_iter()
        .map(|(country, region)| hudun_duty::Place {
            country: country.into(),
            region: region.into(),
            persons: count(high),
        })
        .collect(),
    );
    f.times.assessed = f.times.aware.as_ref().map(|a| a.at);
    f
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// More persons never end a duty, move a deadline back, or lower a grade.
    #[test]
    fn more_persons_never_help(a in 1u64..200_000_000, b in 1u64..200_000_000, s in 0u64..2_000_000) {
        let (few, many) = (a.min(b), a.max(b));
        let few = assess(&with_persons(few, s), &SET, common::now()).unwrap();
        let many = assess(&with_persons(many, s), &SET, common::now()).unwrap();
        prop_assert!(many.severity.cac.grade >= few.severity.cac.grade);
        prop_assert!(many.severity.crime.converted >= few.severity.crime.converted);
        for d in &few.duties {
            let m = many.duty(&d.rule).unwrap();
            if d.verdict == Verdict::Applies {
                prop_assert_eq!(m.verdict, Verdict::Applies, "{}", d.rule);
            }
            if let Some(at) = d.deadline_at {
                prop_assert!(m.deadline_at.is_some_and(|later| later <= at), "{}", d.rule);
            }
        }
    }

    /// Taking a fact away never turns a no into a yes or a yes into a no: only into unknown.
    #[test]
    fn ignorance_never_decides(which in 0usize..10) {
        let full = common::full();
        let mut less = full.clone();
        match which {
            0 => less.persons = None,
            1 => less.impact.direct_loss_cny = None,
            2 => less.organisation.roles = None,
            3 => less.places = None,
            4 => less.kinds = None,
            5 => less.vulnerability = None,
            6 => less.breach.malicious = None,
            7 => less.cause.crime_suspected = None,
            8 => less.breach.unintelligible = None,
            _ => less.organisation.countries = None,
        }
        let full = assess(&full, &SET, common::now()).unwrap();
        let less = assess(&less, &SET, common::now()).unwrap();
        for d in &full.duties {
            let l = less.duty(&d.rule).unwrap().verdict;
            // A sensitive kind may be inferred from the kinds: that is a fact, not ignorance.
            prop_assert!(l == d.verdict || l == Verdict::Unknown, "{}: {:?} became {:?}", d.rule, d.verdict, l);
        }
    }

    /// Hostile text is refused, never a panic.
    #[test]
    fn hostile_facts_are_refused(text in "\\PC{0,400}") {
        prop_assert!(FactBase::from_json(&text).is_err());
    }
}
