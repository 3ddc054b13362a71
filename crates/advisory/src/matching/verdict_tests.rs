//! Verdicts by table.

use super::{Because, Verdict};
use crate::record::{Affected, Bound, Change, Package, Range, Status};
use crate::version::Ecosystem;
use Status::{Affected as Bad, Unaffected as Good, Unknown};

fn bound(text: &str) -> Bound {
    match text.split_at_checked(1) {
        None => Bound::Open,
        Some(("[", rest)) => Bound::Including(rest.to_owned()),
        Some(("(", rest)) => Bound::Excluding(rest.to_owned()),
        Some(("~", rest)) => Bound::Line(rest.to_owned()),
        Some((_, rest)) => Bound::Unreadable(rest.to_owned()),
    }
}

/// `"[1.0", "(2.0"`: from 1.0 to before 2.0.
fn range(lower: &str, upper: &str, status: Status) -> Range {
    Range {
        lower: bound(lower),
        upper: bound(upper),
        ..Range::all(status)
    }
}

fn typed(range: Range, version_type: &str) -> Range {
    Range {
        version_type: Some(version_type.to_owned()),
        ..range
    }
}

fn of(default: Option<Status>, ranges: Vec<Range>, versions: &[&str]) -> Affected {
    Affected {
        vendor: "v".to_owned(),
        product: "p".to_owned(),
        default,
        ranges,
        versions: versions.iter().map(|text| (*text).to_owned()).collect(),
        ..Affected::default()
    }
}

fn check(affected: &Affected, order: Option<Ecosystem>, wanted: &[(&str, Status)]) {
    for (version, status) in wanted {
        let verdict = affected.verdict(Some(version), order);
        assert_eq!(verdict.status, *status, "{version}: {verdict:?}");
    }
}

#[test]
fn ranges_versions_and_defaults() {
    let one = of(Some(Good), vec![range("[1.0", "(2.0", Bad)], &["2.5"]);
    check(
        &one,
        None,
        &[
            ("0.9", Good),
            ("1.0", Bad),
            ("1.9.9", Bad),
            ("2.0", Good),
            ("2.5", Bad),
            ("2.5.0", Bad),
            ("2.6", Good),
        ],
    );
    // lessThanOrEqual
    let one = of(Some(Good), vec![range("", "[2.0", Bad)], &[]);
    check(
        &one,
        None,
        &[("2.0", Bad), ("2.0.0", Bad), ("2.0.1", Good), ("0", Bad)],
    );
    // `*`
    let one = of(Some(Good), vec![range("", "", Bad)], &[]);
    check(&one, None, &[("1", Bad), ("no version at all", Bad)]);
    assert_eq!(one.verdict(None, None).status, Bad);
    // The source is silent on what it does not name.
    let one = of(None, vec![range("", "(2.0", Bad)], &[]);
    check(&one, None, &[("1.0", Bad), ("2.0", Unknown)]);
    assert!(one.verdict(Some("2.0"), None).is_silent());
    assert!(!one.verdict(Some("latest"), None).is_silent());
    assert_eq!(one.verdict(None, None).because, Because::NoVersion);
}

#[test]
fn a_default_of_affected_inverts() {
    let one = of(
        Some(Bad),
        vec![range("[2.0", "", Good), range("", "(0.5", Good)],
        &[],
    );
    check(
        &one,
        None,
        &[
            ("0.4", Good),
            ("0.5", Bad),
            ("1.0", Bad),
            ("2.0", Good),
            ("3", Good),
        ],
    );
    // As Linux does it: unaffected before, and from a fix on within each line.
    let one = of(
        Some(Bad),
        vec![
            typed(range("", "(5.10", Good), "semver"),
            typed(range("[5.10.99", "~5.10", Good), "semver"),
            typed(range("[5.15.7", "~5.15", Good), "semver"),
            typed(range("[6.1", "", Good), "original_commit_for_fix"),
        ],
        &["5.10"],
    );
    check(
        &one,
        None,
        &[
            ("5.9.1", Good),
            ("5.10", Bad),
            ("5.10.98", Bad),
            ("5.10.99", Good),
            ("5.10.200", Good),
            ("5.11.0", Bad),
            ("5.15.6", Bad),
            ("5.15.7", Good),
        ],
    );
}

#[test]
fn the_status_changes_within_a_range() {
    let changes = [("1.5", Good), ("1.7", Bad), ("1.6", Unknown)];
    let mut one = range("[1.0", "(2.0", Bad);
    one.changes = changes
        .iter()
        .map(|(at, status)| Change {
            at: (*at).to_owned(),
            status: *status,
        })
        .collect();
    let one = of(Some(Good), vec![one], &[]);
    check(
        &one,
        None,
        &[
            ("1.4", Bad),
            ("1.5", Good),
            ("1.5.9", Good),
            ("1.6", Unknown),
            ("1.7", Bad),
            ("2.0", Good),
        ],
    );
    assert_eq!(one.verdict(Some("1.4"), None).fixed.as_deref(), Some("1.5"));
    assert_eq!(one.verdict(Some("1.8"), None).fixed.as_deref(), Some("2.0"));
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_unaffected() {
    let one = of(
        Some(Good),
        vec![range("[1.0", "?see the advisory", Bad)],
        &[],
    );
    check(
        &one,
        None,
        &[("0.9", Good), ("1.0", Unknown), ("99", Unknown)],
    );
    let one = of(Some(Good), vec![Range::unreadable("n/a")], &[]);
    check(&one, None, &[("1.0", Unknown), ("latest", Unknown)]);
    // An end that its own order refuses.
    let one = of(Some(Good), vec![range("", "(not a version", Bad)], &[]);
    check(&one, Some(Ecosystem::SemVer), &[("1.0.0", Unknown)]);
    // A component's version that is none.
    let one = of(Some(Good), vec![range("", "(2.0.0", Bad)], &["2.5.0"]);
    check(
        &one,
        Some(Ecosystem::SemVer),
        &[("latest", Unknown), ("2.5.0", Bad), ("3.0.0", Good)],
    );
    let why = one.verdict(Some("latest"), Some(Ecosystem::SemVer)).because;
    assert!(matches!(why, Because::BadVersion { .. }), "{why:?}");
    // A doubt that changes nothing either way is none.
    let one = of(Some(Bad), vec![range("[1.0", "?x", Bad)], &[]);
    check(&one, None, &[("2.0", Bad)]);
    let one = of(
        Some(Good),
        vec![range("", "(3.0", Bad), range("[1.0", "?x", Good)],
        &[],
    );
    check(&one, None, &[("2.0", Bad), ("4.0", Good)]);
}

#[test]
fn commits_are_compared_with_themselves_alone() {
    let (a, b, c) = ("a".repeat(40), "b".repeat(40), "c".repeat(40));
    let git = typed(range(&format!("[{a}"), &format!("({b}"), Bad), "git");
    let one = of(Some(Good), vec![git.clone()], &[]);
    check(
        &one,
        None,
        &[(&a, Bad), (&b, Good), (&c, Unknown), ("1.2.3", Unknown)],
    );
    // Versions beside the commits decide for versions.
    let one = of(Some(Good), vec![git, range("", "(2.0", Bad)], &[]);
    check(
        &one,
        None,
        &[("1.0", Bad), ("2.0", Good), (&a, Bad), (&c, Unknown)],
    );
    let one = of(Some(Good), vec![], &[&a]);
    check(&one, None, &[(&a, Bad), (&b, Unknown)]);
    // Cut short it is the same one; and never a version.
    let short = typed(range("[1da177e4c3f4", "(107e825cc448", Bad), "git");
    let one = of(Some(Good), vec![short], &[]);
    let whole = format!("1da177e4c3f4{}", "0".repeat(28));
    check(
        &one,
        None,
        &[(&whole, Bad), ("107e825cc448", Good), ("5.15", Unknown)],
    );
    let custom = of(
        Some(Good),
        vec![range("[1da177e4c3f4", "(107e825cc448", Bad)],
        &[],
    );
    check(&custom, None, &[("5.15", Unknown)]);
}

#[test]
fn lines_of_versions() {
    let one = of(Some(Good), vec![range("~6.5", "[6.5.4.17", Bad)], &[]);
    check(
        &one,
        None,
        &[
            ("6.4.9", Good),
            ("6.5", Bad),
            ("6.5.0", Bad),
            ("6.5.4.17", Bad),
            ("6.5.4.18", Good),
        ],
    );
    let one = of(Some(Good), vec![range("~8", "~8", Bad)], &[]);
    check(
        &one,
        None,
        &[
            ("7.9", Good),
            ("8", Bad),
            ("8.99.1", Bad),
            ("V8.1", Bad),
            ("9", Good),
            ("80.1", Good),
        ],
    );
}

#[test]
fn the_order_is_the_registry_s_where_there_is_one() {
    let range = range("", "(1.0.0", Bad);
    // `1.0.0-1` is older than `1.0.0` to npm, and newer where nobody says.
    let one = of(Some(Good), vec![range.clone()], &[]);
    let npm = one.verdict(Some("1.0.0-1"), Some(Ecosystem::SemVer));
    assert_eq!((npm.status, npm.order_assumed), (Bad, false));
    let custom = one.verdict(Some("1.0.0-1"), None);
    assert_eq!((custom.status, custom.order_assumed), (Good, true));
    // The source says semver, and the versions are none: the general order is behind it.
    let one = of(Some(Good), vec![typed(range.clone(), "semver")], &[]);
    let odd = one.verdict(Some("0.9.1.2b"), None);
    assert_eq!((odd.status, odd.order_assumed), (Bad, true));
    // `M10` is older than `M2` to SemVer, and nobody means that.
    let milestones = typed(
        super::verdict_tests::range("[11.0.0-M1", "[11.0.0-M10", Bad),
        "semver",
    );
    let tomcat = of(Some(Good), vec![milestones], &[]);
    check(
        &tomcat,
        None,
        &[
            ("11.0.0-m10", Bad),
            ("11.0.0-m1", Bad),
            ("11.0.0-m2", Unknown),
            ("11.0.1", Good),
        ],
    );
    // Where the registry is known, it is not.
    let one = Affected {
        package: Some(Package {
            registry: "npm".to_owned(),
            name: "p".to_owned(),
        }),
        ..one
    };
    assert_eq!(
        one.verdict(Some("0.9.1.2b"), Some(Ecosystem::SemVer))
            .status,
        Unknown
    );
    // What habits differ on has no order.
    let one = of(Some(Good), vec![range], &[]);
    check(&one, None, &[("1.0.0b2", Unknown), ("0.9b2", Bad)]);
    let days = typed(super::verdict_tests::range("", "[2018-07-26", Bad), "date");
    let one = of(Some(Good), vec![days], &[]);
    check(
        &one,
        None,
        &[("2018-07-26", Bad), ("2019-1-1", Good), ("3.1", Unknown)],
    );
}

#[test]
fn a_verdict_says_by_which_words() {
    let mut one = range("[1.0", "(2.0", Bad);
    one.text = Some("1.x".to_owned());
    let one = of(None, vec![one], &["3.0"]);
    let say = |version: &str| one.verdict(Some(version), None).because.sentence();
    assert_eq!(say("1.5").en, "in the range >= 1.0, < 2.0, as written: 1.x");
    assert_eq!(say("1.5").zh, "在范围 >= 1.0, < 2.0 内，原文：1.x");
    assert_eq!(say("3.0").en, "the source lists version 3.0");
    assert_eq!(
        say("4").en,
        "no entry names it, and the source gives no default"
    );
}

#[test]
fn a_million_versions_are_held_against() {
    let versions: Vec<String> = (0..1_000_000).map(|at| format!("1.{at}")).collect();
    let one = Affected {
        versions,
        default: Some(Good),
        ..Affected::default()
    };
    check(&one, None, &[("1.999999.0", Bad), ("2.0", Good)]);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn version() -> impl Strategy<Value = String> {
        "[0-3](\\.[0-3]){0,2}(-rc[12]|b1|k)?|latest|n/a"
    }

    fn any_status() -> impl Strategy<Value = Status> {
        prop_oneof![Just(Bad), Just(Good), Just(Unknown)]
    }

    fn any_range() -> impl Strategy<Value = Range> {
        let end = prop_oneof![
            1 => Just(String::new()),
            4 => version().prop_map(|text| format!("[{text}")),
            4 => version().prop_map(|text| format!("({text}")),
            1 => version().prop_map(|text| format!("~{text}")),
            1 => Just("?x".to_owned()),
        ];
        (end.clone(), end, any_status())
            .prop_map(|(lower, upper, status)| range(&lower, &upper, status))
    }

    proptest! {
        /// A range more that says affected never makes a version less affected.
        #[test]
        fn more_affected_ranges_never_clear(
            default in proptest::option::of(any_status()),
            ranges in proptest::collection::vec(any_range(), 0..5),
            more in any_range(),
            at in 0_usize..6,
            asked in version(),
        ) {
            let before: Verdict = of(default, ranges.clone(), &[]).verdict(Some(&asked), None);
            let mut ranges = ranges;
            let more = Range { status: Bad, ..more };
            ranges.insert(at.min(ranges.len()), more);
            let after = of(default, ranges, &[]).verdict(Some(&asked), None);
            if before.status == Bad && default == Some(Bad) {
                // A default gives way to any entry; affected to affected.
                prop_assert_eq!(after.status, Bad);
            }
            prop_assert!(after.status != Good || before.status == Good, "{:?} {:?}", before, after);
        }

        /// The order of the entries does not matter.
        #[test]
        fn entries_in_any_order_say_the_same(
            default in proptest::option::of(any_status()),
            ranges in proptest::collection::vec(any_range(), 0..5),
            asked in version(),
        ) {
            let mut turned = ranges.clone();
            turned.reverse();
            let one = of(default, ranges, &[]).verdict(Some(&asked), None);
            let two = of(default, turned, &[]).verdict(Some(&asked), None);
            prop_assert_eq!(one.status, two.status);
        }
    }
}
