//! Every combination of inputs, and every pair of which one is worse in a single fact.

use super::facts::{Cvss, DataTier, Epss, Exploitation, Exposure, Facts, Impact};
use super::judge::{Graded, evident, grade};
use super::kind::Kind;
use super::{What, decide};

const YES_NO: [Option<bool>; 3] = [Some(false), None, Some(true)];
const EXPLOITATION: [Option<Exploitation>; 4] = [
    Some(Exploitation::None),
    None,
    Some(Exploitation::Poc),
    Some(Exploitation::Active),
];
const IMPACT: [Option<Impact>; 3] = [Some(Impact::Partial), None, Some(Impact::Total)];
const EXPOSURE: [Option<Exposure>; 4] = [
    Some(Exposure::Internal),
    None,
    Some(Exposure::Partner),
    Some(Exposure::Internet),
];
const DATA: [Option<DataTier>; 4] = [
    Some(DataTier::Plain),
    None,
    Some(DataTier::Personal),
    Some(DataTier::Sensitive),
];
const KINDS: [Option<Kind>; 4] = [
    Some(Kind::Xss),
    None,
    Some(Kind::Disclosure),
    Some(Kind::Command),
];

/// Low and high, without a vector and with vectors that say all four pairs of automatable and impact.
const CVSS: [&str; 7] = [
    "",
    "6.9",
    "7.0",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N",
    "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
    "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:L/I:N/A:N",
];

fn cvss() -> Vec<Option<Cvss>> {
    CVSS.iter().map(|text| text.parse().ok()).collect()
}

fn epss() -> Vec<Option<Epss>> {
    vec![
        Epss::new(0.087, "v4").ok(),
        None,
        Epss::new(0.088, "v4").ok(),
    ]
}

/// At least as bad: `None`, not known, lies between a field's best value and its worst, and is compared with these only.
fn order<T: Ord>(one: Option<&T>, two: Option<&T>, best: &T, worst: &T) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => one <= two,
        (None, Some(two)) => two == worst,
        (Some(one), None) => one == best,
        (None, None) => true,
    }
}

fn cvss_order(one: Option<&Cvss>, two: Option<&Cvss>) -> bool {
    let severe = |cvss: Option<&Cvss>| cvss.map(|cvss| cvss.value() >= 7.0);
    let automatable = |cvss: Option<&Cvss>| cvss.and_then(Cvss::automatable);
    let impact = |cvss: Option<&Cvss>| cvss.and_then(Cvss::impact);
    order(severe(one).as_ref(), severe(two).as_ref(), &false, &true)
        && order(
            automatable(one).as_ref(),
            automatable(two).as_ref(),
            &false,
            &true,
        )
        && order(
            impact(one).as_ref(),
            impact(two).as_ref(),
            &Impact::Partial,
            &Impact::Total,
        )
}

fn kind_order(one: Option<Kind>, two: Option<Kind>) -> bool {
    let automatable = |kind: Option<Kind>| kind.and_then(Kind::automatable);
    let impact = |kind: Option<Kind>| kind.and_then(Kind::impact);
    order(
        automatable(one).as_ref(),
        automatable(two).as_ref(),
        &false,
        &true,
    ) && order(
        impact(one).as_ref(),
        impact(two).as_ref(),
        &Impact::Partial,
        &Impact::Total,
    )
}

/// Sizes of the fields, in the order of [`facts`].
const SIZES: [usize; 10] = [3, 4, 2, 3, 3, 4, 4, 3, 7, 4];

fn facts(at: &[usize; 10], cvss: &[Option<Cvss>], epss: &[Option<Epss>]) -> Facts {
    Facts {
        in_kev: YES_NO[at[0]],
        exploitation: EXPLOITATION[at[1]],
        seen_here: at[2] == 1,
        automatable: YES_NO[at[3]],
        impact: IMPACT[at[4]],
        exposure: EXPOSURE[at[5]],
        data: DATA[at[6]],
        epss: epss[at[7]].clone(),
        cvss: cvss[at[8]].clone(),
        kind: KINDS[at[9]],
        fix: None,
    }
}

fn places(mut index: usize) -> [usize; 10] {
    let mut at = [0; 10];
    for (place, size) in at.iter_mut().zip(SIZES) {
        *place = index % size;
        index /= size;
    }
    at
}

fn index(at: &[usize; 10]) -> usize {
    at.iter()
        .zip(SIZES)
        .rev()
        .fold(0, |index, (place, size)| index * size + place)
}

/// Whether going from one place of a field to another makes things no better.
fn worse(field: usize, one: usize, two: usize, cvss: &[Option<Cvss>]) -> bool {
    match field {
        0 | 3 => order(YES_NO[one].as_ref(), YES_NO[two].as_ref(), &false, &true),
        1 => order(
            EXPLOITATION[one].as_ref(),
            EXPLOITATION[two].as_ref(),
            &Exploitation::None,
            &Exploitation::Active,
        ),
        4 => order(
            IMPACT[one].as_ref(),
            IMPACT[two].as_ref(),
            &Impact::Partial,
            &Impact::Total,
        ),
        5 => order(
            EXPOSURE[one].as_ref(),
            EXPOSURE[two].as_ref(),
            &Exposure::Internal,
            &Exposure::Internet,
        ),
        6 => order(
            DATA[one].as_ref(),
            DATA[two].as_ref(),
            &DataTier::Plain,
            &DataTier::Sensitive,
        ),
        8 => cvss_order(cvss[one].as_ref(), cvss[two].as_ref()),
        9 => kind_order(KINDS[one], KINDS[two]),
        // Seen here or not; EPSS low, unknown, high.
        _ => one <= two,
    }
}

#[test]
fn no_single_fact_eases_the_decision_by_getting_worse() {
    let (cvss, epss) = (cvss(), epss());
    assert!(cvss.iter().skip(1).all(Option::is_some) && epss[0].is_some() && epss[2].is_some());
    let all: usize = SIZES.iter().product();
    let rank = |graded: Graded| (graded.what, graded.forensics);
    let mut found: Vec<(What, bool)> = Vec::with_capacity(all);
    for at in 0..all {
        let facts = facts(&places(at), &cvss, &epss);
        let graded = grade(&facts);
        assert!(graded.rows.contains(&graded.row), "{facts:?}: {graded:?}");
        assert_eq!(graded.row.what, graded.what, "{facts:?}: {graded:?}");
        assert!(!graded.forensics || evident(&facts), "{facts:?}");
        if facts.seen_here {
            assert_eq!((graded.what, graded.forensics), (What::ActNow, true));
        }
        found.push(rank(graded));
    }
    let mut pairs = 0_u64;
    for at in 0..all {
        let here = places(at);
        for (field, size) in SIZES.into_iter().enumerate() {
            for to in 0..size {
                if to == here[field] || !worse(field, here[field], to, &cvss) {
                    continue;
                }
                let mut there = here;
                there[field] = to;
                let then = found[index(&there)];
                assert!(
                    found[at] <= then,
                    "{:?} is {:?}, and worse {:?} is {then:?}",
                    facts(&here, &cvss, &epss),
                    found[at],
                    facts(&there, &cvss, &epss)
                );
                pairs += 1;
            }
        }
    }
    let count = |wanted| found.iter().filter(|(what, _)| *what == wanted).count();
    println!(
        "{all} combinations, {pairs} pairs; {:?}",
        What::ALL.map(count)
    );
    assert_eq!((all, pairs), (290_304, 3_411_072));
    // None of the classes is out of reach, and none swallows the rest.
    assert!(What::ALL.map(count).iter().all(|count| *count > 0));
}

#[test]
fn every_decision_names_what_it_assumed_and_what_would_change_it() {
    let (cvss, epss) = (cvss(), epss());
    let mut asked = 0;
    for at in 0..SIZES.iter().product() {
        let places = places(at);
        // The CVSS and kinds in full are in the other test.
        if places[8] > 1 || places[9] > 1 || places[7] == 0 {
            continue;
        }
        let facts = facts(&places, &cvss, &epss);
        let decision = decide(&facts);
        asked += 1;
        assert_eq!(decision.due, decision.what.days());
        assert_eq!(
            facts.exposure.is_none(),
            decision
                .assumed
                .iter()
                .any(|one| one.field == super::Field::Exposure)
        );
        for change in &decision.would_change {
            let was = (decision.what, decision.forensics);
            let is = (change.what, change.forensics);
            assert!(was != is && change.stricter == (is > was));
        }
        // Whatever is not high yet would be, had the gateway seen an attack.
        if decision.what != What::ActNow {
            assert!(
                decision
                    .would_change
                    .iter()
                    .any(|one| one.field == super::Field::SeenHere && one.what == What::ActNow)
            );
        }
        for sentence in &decision.reasons {
            assert!(!sentence.zh.is_empty() && !sentence.en.is_empty());
            assert!(sentence.en.ends_with('.') && sentence.zh.ends_with('。'));
        }
    }
    println!("{asked} decisions");
    assert!(asked > 25_000, "{asked}");
}

#[test]
fn a_fix_changes_what_is_done_and_not_by_when() {
    let (cvss, epss) = (cvss(), epss());
    for at in (0..SIZES.iter().product()).step_by(97) {
        let mut facts = facts(&places(at), &cvss, &epss);
        let without = grade(&facts);
        facts.fix = Some(true);
        assert_eq!(without, grade(&facts));
    }
}
