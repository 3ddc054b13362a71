//! The behaviour of the language, each point with the smallest rules that show it.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

use hudun_seclang::{
    InterventionAction, MemoryRecords, MemorySources, Mode, Outcome, RuleSet, Start, Strategy,
    Transaction,
};

fn rules(text: &str) -> RuleSet {
    let text =
        format!("SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\n{text}");
    RuleSet::builder()
        .text("t.conf", text)
        .build()
        .unwrap_or_else(|e| panic!("{e}"))
}

/// Both strategies, which must agree.
fn run(rules: &RuleSet, target: &str, headers: &[(&str, &str)], body: &str) -> Outcome {
    let [a, b] = [Strategy::Compiled, Strategy::Interpreted].map(|strategy| {
        let mut t = Transaction::new(
            rules,
            Start {
                strategy,
                ..Start::example()
            },
        );
        t.request_line(
            if body.is_empty() { b"GET" } else { b"POST" },
            target.as_bytes(),
            b"HTTP/1.1",
        );
        for (name, value) in headers {
            t.request_header(name.as_bytes(), value.as_bytes());
        }
        t.request_headers_end();
        t.request_body(body.as_bytes());
        t.request_end();
        t.finish()
    });
    assert_eq!(
        (&a.matches, &a.intervention, a.score, &a.limits),
        (&b.matches, &b.intervention, b.score, &b.limits)
    );
    a
}

fn ids(outcome: &Outcome) -> Vec<u64> {
    outcome.matches.iter().map(|m| m.id).collect()
}

#[test]
fn chains_run_effects_of_each_link_and_need_all() {
    let rules = rules(
        r#"SecRule ARGS:a "@rx ^(x+)$" "id:1,phase:2,pass,capture,setvar:tx.seen=1,msg:'%{tx.0} %{matched_var_name}',chain"
             SecRule ARGS:b "@streq %{tx.1}" "setvar:tx.both=+2"
           SecRule TX:seen "@eq 1" "id:2,phase:2,pass"
           SecRule TX:both "@eq 2" "id:3,phase:2,pass""#,
    );
    let outcome = run(&rules, "/?a=xx&b=xx", &[], "");
    assert_eq!(ids(&outcome), [1, 2, 3]);
    assert_eq!(outcome.matches[0].message, "xx ARGS:b");
    assert_eq!(ids(&run(&rules, "/?a=xx&b=y", &[], "")), [2]);
}

#[test]
fn jumps() {
    let rules = rules(
        r#"SecRule ARGS:a "@streq 1" "id:1,phase:2,pass,nolog,skipAfter:END"
           SecAction "id:2,phase:2,pass,msg:'two'"
           SecMarker END
           SecRule ARGS:a "@streq 2" "id:3,phase:2,pass,nolog,skip:1"
           SecAction "id:4,phase:2,pass"
           SecAction "id:5,phase:2,pass""#,
    );
    assert_eq!(ids(&run(&rules, "/?a=1", &[], "")), [4, 5]);
    assert_eq!(ids(&run(&rules, "/?a=2", &[], "")), [2, 5]);
}

#[test]
fn negation_counts_and_exclusions() {
    let rules = rules(
        r#"SecRule &ARGS:x "@eq 0" "id:1,phase:2,pass"
           SecRule ARGS|!ARGS:ok|!ARGS:/^skip_/ "@rx attack" "id:2,phase:2,pass"
           SecRule REQUEST_HEADERS:Accept "!@contains json" "id:3,phase:1,pass"
           SecRule &ARGS "@gt 2" "id:4,phase:2,pass"
           SecRule ARGS_NAMES "@streq z" "id:5,phase:2,pass""#,
    );
    assert_eq!(
        ids(&run(
            &rules,
            "/?ok=attack&skip_1=attack",
            &[("accept", "text")],
            ""
        )),
        [3, 1]
    );
    assert_eq!(
        ids(&run(&rules, "/?x=1&y=an+attack&z=2", &[], "")),
        [2, 4, 5]
    );
}

#[test]
fn controls_at_run_time() {
    let rules = rules(
        r#"SecRule REQUEST_URI "@beginsWith /a" "id:1,phase:1,pass,nolog,ctl:ruleRemoveById=10-11,ctl:ruleRemoveTargetById=12;ARGS:p"
           SecRule REQUEST_URI "@beginsWith /b" "id:2,phase:1,pass,nolog,ctl:ruleRemoveByTag=t1"
           SecRule REQUEST_URI "@beginsWith /c" "id:3,phase:1,pass,nolog,ctl:ruleEngine=DetectionOnly"
           SecRule ARGS "@rx x" "id:10,phase:2,pass,tag:'t1'"
           SecRule ARGS "@rx x" "id:11,phase:2,pass"
           SecRule ARGS "@rx x" "id:12,phase:2,deny,tag:'t1'""#,
    );
    assert_eq!(ids(&run(&rules, "/a?p=x", &[], "")), [0_u64; 0]);
    assert_eq!(ids(&run(&rules, "/a?q=x", &[], "")), [12]);
    assert_eq!(ids(&run(&rules, "/b?p=x", &[], "")), [11]);
    let outcome = run(&rules, "/c?p=x", &[], "");
    assert_eq!(
        (ids(&outcome), outcome.intervention),
        (vec![10, 11, 12], None)
    );
}

#[test]
fn updates_at_load() {
    let rules = rules(
        r#"SecRule ARGS "@rx x" "id:1,phase:2,pass,tag:'a'"
           SecRule ARGS "@rx x" "id:2,phase:2,pass,tag:'b'"
           SecRule ARGS "@rx x" "id:3,phase:2,pass,msg:'m'"
           SecRule ARGS "@rx x" "id:4,phase:2,pass"
           SecRuleUpdateTargetById 1 "!ARGS:p"
           SecRuleRemoveByTag b
           SecRuleUpdateActionById 3 "deny,status:418"
           SecRuleRemoveById 4
           SecRuleUpdateTargetById 99 "!ARGS:p""#,
    );
    assert_eq!(rules.len(), 2);
    assert!(
        rules
            .warnings()
            .iter()
            .any(|w| w.contains("no rule is meant"))
    );
    let outcome = run(&rules, "/?p=x", &[], "");
    assert_eq!(ids(&outcome), [3]);
    assert_eq!(outcome.intervention.unwrap().status, 418);
    assert_eq!(ids(&run(&rules, "/?q=x", &[], "")), [1, 3]);
}

#[test]
fn a_removed_rule_need_not_compile() {
    let rules = rules(
        r#"SecRule ARGS "@rx (?=x)" "id:1,phase:2,pass,chain"
             SecRule ARGS "@rx (?=y)" "t:none"
           SecRule ARGS "@rx x" "id:2,phase:2,pass"
           SecRuleRemoveById 1"#,
    );
    assert_eq!(ids(&run(&rules, "/?p=x", &[], "")), [2]);
}

#[test]
fn decisions() {
    let set = rules(
        r#"SecRule ARGS:a "@streq deny" "id:1,phase:1,deny"
           SecRule ARGS:a "@streq drop" "id:2,phase:1,drop"
           SecRule ARGS:a "@streq go" "id:3,phase:1,redirect:'https://example.com/?u=%{REQUEST_URI}'"
           SecRule ARGS:a "@streq allow" "id:4,phase:1,nolog,allow"
           SecRule ARGS:a "@streq phase" "id:5,phase:1,nolog,allow:phase"
           SecAction "id:6,phase:1,pass"
           SecRule ARGS "@rx ." "id:7,phase:2,block""#,
    );
    let stop = |t: &str| run(&set, t, &[], "").intervention;
    assert_eq!(stop("/?a=deny").unwrap().status, 403);
    assert_eq!(stop("/?a=drop").unwrap().action, InterventionAction::Drop);
    let redirect = stop("/?a=go").unwrap();
    assert_eq!(
        (redirect.action, redirect.status),
        (
            InterventionAction::Redirect("https://example.com/?u=/?a=go".into()),
            302
        )
    );
    assert_eq!(ids(&run(&set, "/?a=allow", &[], "")), [0_u64; 0]);
    assert_eq!(ids(&run(&set, "/?a=phase", &[], "")), [7]);
    // `block` is what SecDefaultAction says, and that is `pass` by default.
    assert_eq!(stop("/?a=x"), None);
    let denying = rules(
        "SecDefaultAction \"phase:2,log,deny,status:451\"\nSecRule ARGS \"@rx .\" \"id:7,phase:2,block\"",
    );
    assert_eq!(
        run(&denying, "/?a=x", &[], "").intervention.unwrap().status,
        451
    );
}

#[test]
fn collections_outlive_a_transaction_and_expire() {
    let rules = rules(
        r#"SecCollectionTimeout 100
           SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.hits=+1,expirevar:ip.hits=10"
           SecRule IP:hits "@gt 2" "id:2,phase:1,deny,status:429,msg:'too many: %{ip.hits}'""#,
    );
    let store = MemoryRecords::new(100);
    let hit = |now: i64| {
        let mut t = Transaction::new(
            &rules,
            Start {
                now,
                records: Some(&store),
                ..Start::example()
            },
        );
        t.request_line(b"GET", b"/", b"HTTP/1.1");
        let stopped = t.request_headers_end().is_some();
        t.finish();
        stopped
    };
    assert_eq!([hit(1), hit(2), hit(3)], [false, false, true]);
    assert!(!hit(20), "the variable has expired");
    assert_eq!([hit(21), hit(22)], [false, true]);
    assert!(!hit(1000), "the record has expired");
    assert_eq!(store.len(), 1);
}

#[test]
fn bodies() {
    let rules = rules(
        r#"SecRule REQUEST_HEADERS:Content-Type "@contains json" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
           SecRule REQUEST_HEADERS:Content-Type "@contains xml" "id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=XML"
           SecRule REQBODY_ERROR "!@eq 0" "id:3,phase:2,deny,status:400,logdata:'%{reqbody_error_msg}'"
           SecRule ARGS_POST|XML:/*|XML://@*|FILES|FILES_TMP_CONTENT "@contains attack" "id:4,phase:2,pass,msg:'%{matched_var_name}'""#,
    );
    let seen = |kind: &str, body: &str| {
        let outcome = run(&rules, "/", &[("Content-Type", kind)], body);
        outcome
            .matches
            .iter()
            .map(|m| (m.id, m.message.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        seen("application/x-www-form-urlencoded", "a=1&b=at%74ack"),
        [(4, "ARGS_POST:b".into())]
    );
    assert_eq!(
        seen("application/json", r#"{"a":[{"b":"att\u0061ck"}]}"#),
        [(4, "ARGS_POST:json.a.array_0.b".into())]
    );
    assert_eq!(seen("text/xml", "<a b='attack'/>"), [(4, "XML".into())]);
    assert_eq!(
        seen("text/xml", "<a>at<!-- -->tack</a>"),
        [(4, "XML".into())]
    );
    let part = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nattack\r\n--b--\r\n";
    assert_eq!(
        seen("multipart/form-data; boundary=b", part),
        [(4, "FILES_TMP_CONTENT:f".into())]
    );
    assert_eq!(seen("application/json", "{\"a\":")[0].0, 3);
    assert_eq!(seen("application/json", &"[".repeat(2000))[0].0, 3);
    assert_eq!(seen("text/xml", "<a>")[0].0, 3);
    assert_eq!(seen("multipart/form-data; boundary=b", "--b\r\nx")[0].0, 3);
}

#[test]
fn limits_refuse_and_are_told() {
    let rules = rules(
        "SecRequestBodyLimit 10\nSecArgumentsLimit 3\nSecRule REQBODY_ERROR \"!@eq 0\" \"id:1,phase:2,deny,status:400\"",
    );
    let outcome = run(
        &rules,
        "/",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        "a=0123456789",
    );
    assert_eq!(
        (outcome.intervention.unwrap().status, outcome.limits),
        (413, vec!["request body"])
    );
    let outcome = run(&rules, "/?a&b&c&d", &[], "");
    assert_eq!(
        (outcome.intervention.unwrap().status, outcome.limits),
        (400, vec!["arguments"])
    );
}

#[test]
fn multi_match_sees_each_stage() {
    let rules =
        rules(r#"SecRule ARGS "@streq %3c" "id:1,phase:2,pass,multiMatch,t:none,t:urlDecodeUni""#);
    assert_eq!(ids(&run(&rules, "/?a=%253c", &[], "")), [1]);
}

#[test]
fn response_phases() {
    let rules = rules(
        r#"SecRule RESPONSE_STATUS "@streq 500" "id:1,phase:3,pass"
           SecRule RESPONSE_HEADERS:X-Powered-By "@rx ." "id:2,phase:3,pass"
           SecRule RESPONSE_BODY "@contains stack trace" "id:3,phase:4,deny,status:502"
           SecRule RESPONSE_STATUS "@eq 500" "id:4,phase:5,pass""#,
    );
    let mut t = Transaction::new(&rules, Start::example());
    t.request_line(b"GET", b"/", b"HTTP/1.1");
    assert!(t.request_headers_end().is_none() && t.request_end().is_none());
    t.response_line(b"HTTP/1.1", 500);
    t.response_header(b"Content-Type", b"text/html; charset=utf-8");
    t.response_header(b"X-Powered-By", b"x");
    assert!(t.response_headers_end().is_none());
    assert!(t.wants_response_body());
    t.response_body(b"a stack ");
    t.response_body(b"trace");
    assert_eq!(t.response_end().map(|i| i.status), Some(502));
    assert_eq!(ids(&t.finish()), [1, 2, 3, 4]);
}

#[test]
fn engine_off_and_macros_in_names() {
    let off = RuleSet::builder()
        .text("t", "SecRuleEngine Off\nSecAction \"id:1,phase:1,deny\"")
        .build()
        .unwrap();
    assert_eq!(Transaction::new(&off, Start::example()).mode(), Mode::Off);
    assert_eq!(ids(&run(&off, "/", &[], "")), [0_u64; 0]);
    let rules = rules(
        r#"SecRule ARGS_NAMES "@rx ." "id:1,phase:2,pass,nolog,setvar:'tx.count_%{MATCHED_VAR_NAME}=+1'"
           SecRule TX:/^count_/ "@gt 1" "id:2,phase:2,pass,msg:'%{matched_var_name}'""#,
    );
    let outcome = run(&rules, "/?A=1&a=2&b=3", &[], "");
    assert_eq!(outcome.matches[0].message, "TX:count_args_names:a");
}

#[test]
fn mistakes_are_errors_with_file_and_line() {
    let cases = [
        ("SecRule ARGS \"@rx (?=x)\" \"id:1\"", "linear"),
        ("\nSecRule ARGS \"@frob x\" \"id:1\"", "t.conf:2"),
        ("SecRule NOPE \"@rx x\" \"id:1\"", "NOPE"),
        ("SecRule ARGS \"@rx x\" \"id:1,t:nope\"", "nope"),
        ("SecRule ARGS \"@rx x\" \"id:1,frob\"", "frob"),
        ("SecRule ARGS \"@rx x\" \"pass\"", "without `id`"),
        ("SecAction \"id:1\"\nSecAction \"id:1\"", "already taken"),
        ("SecAction \"id:1,chain\"", "no rule follows"),
        ("SecAction \"id:1,skipAfter:X\"", "leads nowhere"),
        ("SecFrobnicate On", "SecFrobnicate"),
        ("SecRuleEngine Maybe", "Maybe"),
        ("Include missing.conf", "missing.conf"),
        (
            "SecRule ARGS \"@pmFromFile none.data\" \"id:1\"",
            "none.data",
        ),
        ("<IfModule x>", "<IfModule"),
    ];
    for (text, want) in cases {
        let e = RuleSet::builder()
            .text("t.conf", text)
            .build_from(&MemorySources::new())
            .expect_err(text)
            .to_string();
        assert!(e.contains(want) && e.contains("t.conf:"), "{text}: {e}");
    }
    let mut loops = MemorySources::new();
    loops.insert("a.conf", "Include a.conf");
    assert!(
        RuleSet::builder()
            .file("a.conf")
            .build_from(&loops)
            .unwrap_err()
            .to_string()
            .contains("nest deeper")
    );
}

#[test]
fn data_files_and_includes_are_found_beside_the_rules() {
    let mut files = MemorySources::new();
    files.insert(
        "site/main.conf",
        "SecRuleEngine On\nInclude rules/*.conf\nIncludeOptional none/*.conf",
    );
    files.insert(
        "site/rules/a.conf",
        "SecRule ARGS \"@pmFromFile words.data\" \"id:1,phase:2,deny\"",
    );
    files.insert("site/rules/words.data", "# words\nevil\n");
    let rules = RuleSet::builder()
        .file("site/main.conf")
        .build_from(&files)
        .unwrap();
    assert_eq!(
        run(&rules, "/?a=an+EVIL+word", &[], "")
            .intervention
            .unwrap()
            .rule,
        1
    );
}

#[test]
fn a_thrashing_input_falls_back_and_stays_right() {
    // Patterns whose union has very many states, and a long value that visits them.
    let mut text = String::new();
    for n in 0..40 {
        text.push_str(&format!(
            "SecRule ARGS \"@rx a.{{{}}}b.{{{}}}c{n}\" \"id:{},phase:2,pass\"\n",
            20 + n,
            30 + n,
            n + 1
        ));
    }
    let rules = rules(&format!("SecRequestBodyNoFilesLimit 1000000\n{text}"));
    let mut seed = 1u32;
    let value: String = (0..60_000)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ['a', 'b', 'c', 'x'][(seed >> 24) as usize % 4]
        })
        .collect();
    let tail = format!("a{}b{}c7", "x".repeat(27), "x".repeat(37));
    let body = format!("v={value}{tail}");
    let outcome = run(
        &rules,
        "/",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &body,
    );
    assert!(ids(&outcome).contains(&8));
    assert!(
        outcome.fallbacks > 0,
        "the input was meant to exhaust the automaton"
    );
}

#[test]
fn an_exception_is_for_one_rule_one_parameter_and_one_route() {
    const RULES: &str = r#"
        SecRule REQUEST_HEADERS:Content-Type "@contains json" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
        SecRule ARGS "@rx union" "id:10,phase:2,deny,msg:'m'"
        SecRule ARGS "@rx select" "id:11,phase:2,deny""#;
    let plain = rules(RULES);
    let json = [("Content-Type", "application/json")];
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);
    let cases: [Case<'_>; 2] = [
        (
            "/notes?text=union",
            &[],
            "",
            "/notes?text=select",
            "/notes?name=union",
        ),
        (
            "/notes",
            &json,
            r#"{"tags":["a","union"]}"#,
            "/notes?text=union",
            "/other?text=union",
        ),
    ];
    for (target, headers, body, other_rule, other_place) in cases {
        let found = run(&plain, target, headers, body);
        let exception = found.matches[0].exception(5, "/notes").unwrap();
        let excepted = rules(&format!("{exception}\n{RULES}"));
        assert_eq!(
            run(&excepted, target, headers, body).intervention,
            None,
            "{exception}"
        );
        assert!(run(&excepted, other_rule, &[], "").intervention.is_some());
        assert!(run(&excepted, other_place, &[], "").intervention.is_some());
        assert!(
            run(&excepted, &target.replace("/notes", "/x"), headers, body)
                .intervention
                .is_some()
        );
    }
    let hostile = run(&plain, "/notes?%22,deny,%27=union", &[], "");
    assert_eq!(hostile.matches[0].exception(5, "/notes"), None);
    assert_eq!(hostile.matches[0].exception(5, "/a\" b"), None);
}

#[test]
fn one_rule_set_serves_many_threads() {
    fn sendable<T: Send>(_: &T) {}
    let rules = rules(r#"SecRule ARGS "@rx attack" "id:1,phase:2,deny""#);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..200 {
                    let mut t = Transaction::new(&rules, Start::example());
                    sendable(&t);
                    t.request_line(
                        b"GET",
                        format!("/?n={round}&a=attack").as_bytes(),
                        b"HTTP/1.1",
                    );
                    t.request_headers_end();
                    assert!(t.request_end().is_some());
                }
            });
        }
    });
}
