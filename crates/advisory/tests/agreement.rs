//! CVE records that name versions twice: the numbering authority in its own words, and CISA with CPE names. Where both speak of
//! one product, each version that either of them mentions is judged by both.
//!
//! The table: `cargo test -p hudun-advisory --test agreement -- --nocapture`

#![allow(clippy::unwrap_used)]

mod data;

use std::collections::{BTreeMap, BTreeSet};

use hudun_advisory::matching::{Because, Verdict};
use hudun_advisory::{Affected, Bound, Format, Found, Limits, Range, Record, Status, read_path};

fn plain(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Products of both sides that are one, as far as their names tell.
fn pairs(record: &Record) -> Vec<(Vec<&Affected>, Vec<&Affected>)> {
    let of = |head: &str| -> Vec<&Affected> {
        let given = record.affected.iter();
        given.filter(|one| one.giver.starts_with(head)).collect()
    };
    let (ours, theirs) = (of("cna:"), of("adp:"));
    let theirs: Vec<&Affected> = theirs
        .into_iter()
        .filter(|one| !one.cpes.is_empty())
        .collect();
    let mut by_product: BTreeMap<String, Vec<&Affected>> = BTreeMap::new();
    for one in theirs {
        let product = one
            .cpes
            .first()
            .and_then(|cpe| cpe.product.value().map(plain));
        by_product
            .entry(product.unwrap_or_default())
            .or_default()
            .push(one);
    }
    let products: BTreeSet<String> = ours.iter().map(|one| plain(&one.product)).collect();
    let alone = products.len() == 1 && by_product.len() == 1;
    by_product
        .into_iter()
        .filter_map(|(product, theirs)| {
            let same = |one: &&&Affected| {
                let own = plain(&one.product);
                let full = plain(&format!("{}{}", one.vendor, one.product));
                alone || own == product || full == product
            };
            let ours: Vec<&Affected> = ours.iter().filter(same).copied().collect();
            (!ours.is_empty()).then_some((ours, theirs))
        })
        .collect()
}

fn mentioned(statements: &[&Affected]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for one in statements {
        found.extend(one.versions.iter().cloned());
        for range in &one.ranges {
            for bound in [&range.lower, &range.upper] {
                if let Bound::Including(text) | Bound::Excluding(text) | Bound::Line(text) = bound {
                    found.insert(text.clone());
                }
            }
            found.extend(range.changes.iter().map(|change| change.at.clone()));
        }
    }
    found
}

/// The strongest of several statements.
fn verdict(statements: &[&Affected], version: &str) -> Verdict {
    let strength = |one: &Verdict| match one.status {
        Status::Affected => 3,
        Status::Unknown if !unnamed(one) => 2,
        Status::Unaffected => 1,
        Status::Unknown => 0,
    };
    let all = statements
        .iter()
        .map(|one| one.verdict(Some(version), None));
    all.max_by_key(strength).unwrap()
}

/// Unknown because nothing names the version.
fn unnamed(one: &Verdict) -> bool {
    one.status == Status::Unknown && matches!(one.because, Because::Silent | Because::Default)
}

/// All that a side says, without its words.
fn words(statements: &[&Affected]) -> BTreeSet<String> {
    let ranges = statements.iter().flat_map(|one| &one.ranges);
    let said = |range: &Range| {
        format!(
            "{:?} {:?} {:?} {:?}",
            range.lower, range.upper, range.status, range.changes
        )
    };
    let versions = statements.iter().flat_map(|one| &one.versions);
    ranges.map(said).chain(versions.cloned()).collect()
}

fn has_ranges(statements: &[&Affected]) -> bool {
    statements.iter().any(|one| {
        let open = |range: &&Range| range.lower != range.upper || !range.changes.is_empty();
        one.ranges
            .iter()
            .filter(|range| range.status != Status::Unknown)
            .any(|range| open(&range))
    })
}

fn holds_end(statements: &[&Affected], version: &str, including: bool) -> bool {
    let ranges = statements.iter().flat_map(|one| &one.ranges);
    ranges
        .flat_map(|range| [&range.lower, &range.upper])
        .any(|bound| match bound {
            Bound::Including(text) => including && text == version,
            Bound::Excluding(text) => !including && text == version,
            _ => false,
        })
}

/// Why two sides differ on a version; `None` where they don't.
fn cause(ours: &[&Affected], theirs: &[&Affected], version: &str) -> Option<&'static str> {
    let (one, two) = (verdict(ours, version), verdict(theirs, version));
    if one.status == two.status {
        return None;
    }
    let unread = |one: &Verdict| one.status == Status::Unknown && !unnamed(one);
    let contradict = one.status != Status::Unknown && two.status != Status::Unknown;
    Some(if unread(&one) {
        "the authority's text has no version that can be read or ordered"
    } else if unread(&two) {
        "CISA's entry has no version that can be read or ordered"
    } else if words(ours) == words(theirs) && contradict {
        "both say the same and are judged differently"
    } else if words(ours) == words(theirs) {
        "both name the same versions; only one says what holds for others"
    } else if !contradict && (one.status == Status::Unaffected || two.status == Status::Unaffected)
    {
        "one says unaffected, the other does not name the version"
    } else if holds_end(ours, version, true) && holds_end(theirs, version, false)
        || holds_end(ours, version, false) && holds_end(theirs, version, true)
    {
        "the end of a range belongs to it for one and not for the other"
    } else if has_ranges(ours) != has_ranges(theirs) {
        "one gives a range, the other single versions"
    } else if has_ranges(ours) {
        "both give ranges, with other ends"
    } else {
        "both give single versions, other ones"
    })
}

#[test]
fn both_sides_of_a_record_agree_or_it_is_said_why_not() {
    let Some(folder) = data::folder("cve5") else {
        return;
    };
    let mut records = Vec::new();
    read_path(Format::Cve5, &folder, &Limits::default(), &mut |found| {
        if let Found::Record(record) = found {
            records.push(record);
        }
    });
    let (mut products, mut same_words, mut agreed, mut versions, mut contradicted) =
        (0, 0, 0, 0, 0);
    let mut agreeing_products = 0;
    let mut causes: BTreeMap<&str, (u32, BTreeSet<&str>)> = BTreeMap::new();
    for record in &records {
        for (ours, theirs) in pairs(record) {
            products += 1;
            same_words += u32::from(words(&ours) == words(&theirs));
            let asked: BTreeSet<String> = &mentioned(&ours) | &mentioned(&theirs);
            let mut all = true;
            for version in asked {
                versions += 1;
                match cause(&ours, &theirs, &version) {
                    None => agreed += 1,
                    Some(why) => {
                        all = false;
                        let (one, two) = (verdict(&ours, &version), verdict(&theirs, &version));
                        let unknown =
                            one.status == Status::Unknown || two.status == Status::Unknown;
                        contradicted += u32::from(!unknown);
                        let row = causes.entry(why).or_default();
                        row.0 += 1;
                        row.1.insert(&record.id);
                    }
                }
            }
            agreeing_products += u32::from(all);
        }
    }
    println!(
        "{products} products that both name ({same_words} in the same words), {versions} versions: {agreed} agree; {agreeing_products} products agree in all; {contradicted} versions affected for one and unaffected for the other"
    );
    println!("| cause | versions | records | e.g. |");
    for (why, (count, of)) in &causes {
        let some: Vec<&str> = of.iter().take(3).copied().collect();
        println!("| {why} | {count} | {} | {} |", of.len(), some.join(", "));
    }
    let counted: u32 = causes.values().map(|(count, _)| count).sum();
    assert_eq!(agreed + counted, versions);
    assert!(products > 300, "{products}");
    // The same words must never be judged differently.
    assert!(!causes.contains_key("both say the same and are judged differently"));
}
