//! What a parameter normally looks like lends weight, and takes none.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use hudun_seclang::{
    Fixed, Judging, Lesson, Parameters, RuleSet, Shape, Signs, Start, Transaction, Usual,
};

/// Stops what has `or` in it, when that can be SQL.
const RULES: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRule REQUEST_HEADERS:Content-Type "@contains json" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule ARGS "@rx (?i)\bor\b" "id:10,phase:2,deny,severity:2,tag:'attack-sqli'"
"#;

fn rules() -> RuleSet {
    RuleSet::builder().text("a.conf", RULES).build().unwrap()
}

/// The rule that stopped the request, and what it teaches.
fn judge(
    rules: &RuleSet,
    judging: Judging,
    usual: &Arc<Usual>,
    target: &str,
) -> (Option<u64>, Lesson) {
    let start = Start {
        judging,
        ..Start::example()
    };
    let mut transaction = Transaction::new(rules, start);
    transaction.expect(Arc::clone(usual));
    transaction.request_line(b"GET", target.as_bytes(), b"HTTP/1.1");
    transaction.request_headers_end();
    transaction.request_end();
    let lesson = transaction.lesson();
    (transaction.finish().intervention.map(|i| i.rule), lesson)
}

fn taught(rules: &RuleSet, targets: impl Iterator<Item = String>) -> Parameters {
    let mut parameters = Parameters::default();
    for target in targets {
        let (stopped, lesson) = judge(rules, Judging::Balanced, &Arc::default(), &target);
        assert_eq!(stopped, None, "{target}");
        parameters.learn(&lesson);
    }
    parameters
}

#[test]
fn a_number_that_is_none_keeps_the_score_of_the_rules() {
    let rules = rules();
    let nothing = Arc::default();
    let usual = taught(&rules, (0..60).map(|n| format!("/list?page={n}"))).usual();
    let odd = "/list?page=blue+or+green";
    let stopped = |usual, target, judging| judge(&rules, judging, usual, target).0;
    assert_eq!(stopped(&nothing, odd, Judging::Balanced), None, "prose");
    assert_eq!(stopped(&usual, odd, Judging::Balanced), Some(10));
    assert_eq!(stopped(&usual, odd, Judging::Strict), Some(10));
    // Another parameter, and a usual value of this one, are judged as before.
    let other = "/list?colour=blue+or+green";
    assert_eq!(stopped(&usual, other, Judging::Balanced), None);
    assert_eq!(stopped(&usual, "/list?page=61", Judging::Balanced), None);
    // Being odd alone is no attack.
    assert_eq!(stopped(&usual, "/list?page=last", Judging::Balanced), None);
}

#[test]
fn a_usual_value_takes_nothing_from_the_rules() {
    let rules = rules();
    let mut parameters = Parameters::default();
    for n in 0..600 {
        let value = format!("a'b({n})=--; <x>");
        parameters.learn(&Lesson::of([(&b"q"[..], value.as_bytes())].into_iter()));
    }
    let usual = parameters.usual();
    assert_eq!(usual.unlike(b"q", b"1' or '1'='1"), None);
    let attack = "/find?q=1'+or+'1'='1";
    for judging in [Judging::Exact, Judging::Balanced, Judging::Strict] {
        assert!(
            judge(&rules, judging, &usual, attack).0.is_some(),
            "{judging:?}"
        );
    }
}

#[test]
fn what_was_stopped_or_matched_teaches_nothing() {
    let rules = rules();
    let (stopped, lesson) = judge(
        &rules,
        Judging::Exact,
        &Arc::default(),
        "/list?page=1+or+1%3D1",
    );
    assert_eq!((stopped, lesson.is_empty()), (Some(10), true));
    let (stopped, lesson) = judge(
        &rules,
        Judging::Balanced,
        &Arc::default(),
        "/list?page=red+or+blue",
    );
    assert_eq!((stopped, lesson.is_empty()), (None, true));
}

#[test]
fn a_fixed_shape_is_enforced_in_every_judging_and_says_why() {
    let rules = rules();
    let mut parameters = Parameters::default();
    let shape = Shape {
        signs: Signs::try_from(vec!["digits".to_owned()]).unwrap(),
        longest: 4,
    };
    parameters.fix("json.year", Some(Fixed::Only(shape)));
    let usual = parameters.usual();
    for judging in [Judging::Exact, Judging::Balanced, Judging::Strict] {
        for (body, stopped) in [
            (r#"{"year":"2026"}"#, None),
            (r#"{"year":"MMXX"}"#, Some(1_900_001)),
            (r#"{"year":20261}"#, Some(1_900_001)),
        ] {
            let start = Start {
                judging,
                ..Start::example()
            };
            let mut transaction = Transaction::new(&rules, start);
            transaction.expect(Arc::clone(&usual));
            transaction.request_line(b"POST", b"/a", b"HTTP/1.1");
            transaction.request_header(b"Content-Type", b"application/json");
            transaction.request_headers_end();
            transaction.request_body(body.as_bytes());
            transaction.request_end();
            let stop = transaction.finish().intervention;
            assert_eq!(
                stop.as_ref().map(|stop| stop.rule),
                stopped,
                "{judging:?} {body}"
            );
            if let Some(stop) = stop {
                assert!(stop.explanation.contains("ruled"), "{}", stop.explanation);
                assert!(
                    stop.explanation_zh.contains("规定"),
                    "{}",
                    stop.explanation_zh
                );
            }
        }
    }
}
