//! Each known hole, on the profile of its product: the attack is stopped, the honest twin is left alone.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use hudun_core::{Actor, IncidentId, Policy, Timestamp};
use hudun_intel::holes::{CheckAnswer, Holes};
use hudun_policy::{Compiled, RequestFacts};
use hudun_profile::{Profile, RequestView, Resolution, Resolver};

fn profiles() -> Vec<Profile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let yaml = files.filter(|path| path.extension().is_some_and(|kind| kind == "yaml"));
    yaml.map(|path| Profile::parse(&std::fs::read_to_string(&path).unwrap(), "profile").unwrap())
        .collect()
}

fn refused(policy: &Compiled, profile: &Profile, request: &(RequestView, Resolution)) -> bool {
    let facts = RequestFacts {
        view: &request.0,
        resolution: &request.1,
        profile,
        actor: &Actor::unknown([192, 0, 2, 1].into()),
        tenant: &"default".parse().unwrap(),
        session_since: None,
        login_account: None,
    };
    policy
        .decide_request(&facts, Timestamp::from_millis(0))
        .denied
        .is_some()
}

#[test]
fn each_patch_stops_its_attack_and_passes_its_honest_twin() {
    let holes = Holes::built_in().unwrap();
    let profiles = profiles();
    let now = Timestamp::from_millis(0);
    assert!(holes.all().len() >= 5);
    for hole in holes.all() {
        let mut placed = 0;
        for profile in &profiles {
            let resolver = Resolver::new(profile).unwrap();
            let Some(place) = hole.place(&resolver).unwrap() else {
                continue;
            };
            placed += 1;
            let nothing = Compiled::new(Policy::empty(now)).unwrap();
            let mut policy = Policy::empty(now).next(now, "hudun", "proof");
            policy
                .patches
                .push(hole.patch(&place, IncidentId::new(), "hudun", now));
            let patched = Compiled::new(policy).unwrap();
            assert!(
                !refused(&nothing, profile, &place.attack),
                "{}: refused without the patch",
                hole.name
            );
            assert!(
                refused(&patched, profile, &place.attack),
                "{}: the attack passes",
                hole.name
            );
            assert!(
                !refused(&patched, profile, &place.honest),
                "{}: the honest twin is stopped",
                hole.name
            );
        }
        assert!(placed > 0, "{}: no profile has its route", hole.name);
    }
}

#[test]
fn a_check_tells_open_from_shut_and_says_when_it_can_t() {
    let holes = Holes::built_in().unwrap();
    let check = |name: &str| {
        let hole = holes.all().iter().find(|hole| hole.name == name).unwrap();
        hole.check.clone().unwrap()
    };
    let answer = |status, body: &str, foreign_rows| CheckAnswer {
        status,
        body: body.to_owned(),
        foreign_rows,
    };
    let search = check("hudun-scrm-search-sql");
    assert_eq!(search.judge(&answer(200, "", 3)), Some(true));
    assert_eq!(search.judge(&answer(200, "", 0)), Some(false));
    assert_eq!(search.judge(&answer(502, "", 0)), None);
    let graphql = check("suitecrm-graphql-introspection");
    assert_eq!(
        graphql.judge(&answer(
            200,
            r#"{"data":{"__schema":{"queryType":{"name":"Query"}}}}"#,
            0
        )),
        Some(true)
    );
    assert_eq!(graphql.judge(&answer(401, "", 0)), Some(false));
    assert_eq!(
        graphql.judge(&answer(200, "<html>maintenance</html>", 0)),
        None
    );
}

#[test]
fn a_file_that_makes_no_sense_is_refused_with_file_and_hole() {
    let good = r#"
holes:
  - name: one
    advisories: [CVE-1]
    product: P
    source: S
    title: { zh: 一, en: one }
    conditions: [{ place: { query: a }, check: int }]
    attack: { method: GET, target: "/a?a=x" }
    honest: { method: GET, target: "/a?a=1" }
"#;
    assert_eq!(Holes::read(&[("f", good)]).unwrap().all().len(), 1);
    let spoilt = [
        (
            good.replace(
                "    conditions: [{ place: { query: a }, check: int }]\n",
                "",
            ),
            "f, hole one",
        ),
        (good.replace("[CVE-1]", "[]"), "advisories"),
        (good.replace("source: S", "source: ''"), "source"),
        (
            good.replace("check: int", "check: { pattern: '(' }"),
            "f, hole one",
        ),
        (good.replace("/a?a=x", "a?a=x"), "GET a?a=x"),
        (good.replace("product: P", "produkt: P"), "produkt"),
        (
            format!("{good}{}", good.replace("\nholes:\n", "")),
            "another hole",
        ),
    ];
    for (text, says) in spoilt {
        let error = Holes::read(&[("f", &text)]).unwrap_err().to_string();
        assert!(error.contains(says), "{says:?} in {error:?}");
    }
}
