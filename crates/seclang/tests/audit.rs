//! The audit log's record, in both shapes.

#![allow(clippy::unwrap_used)]

use hudun_seclang::{AuditOptions, AuditShape, RuleSet, Start, Transaction};
use serde_json::Value;

const RULES: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecAuditEngine RelevantOnly
SecAuditLogRelevantStatus "^5"
SecAuditLogParts ABCEFHZ
SecComponentSignature "OUR_RULES/1.0"
SecRule ARGS "@contains attack" "id:7,phase:2,deny,status:403,msg:'An attack',logdata:'%{MATCHED_VAR}',severity:2,ver:'1',tag:'attack-sqli'"
SecRule ARGS:secret "@unconditionalMatch" "id:8,phase:1,pass,nolog,auditlog,sanitiseArg:secret"
"#;

fn record(shape: AuditShape, values: bool, target: &str, status: Option<u16>) -> Option<Value> {
    let rules = RuleSet::builder().text("a.conf", RULES).build().unwrap();
    let start = Start {
        now: 1_584_914_461,
        ..Start::example()
    };
    let mut transaction = Transaction::new(&rules, start);
    transaction.request_line(b"GET", target.as_bytes(), b"HTTP/1.1");
    transaction.request_header(b"Host", b"crm.example.com");
    transaction.request_header(b"Cookie", b"session=abcdef");
    transaction.request_header(b"X-Phone", b"13800000000");
    transaction.request_headers_end();
    transaction.request_end();
    if let Some(status) = status {
        transaction.response_line(b"HTTP/1.1", status);
        transaction.response_header(b"Set-Cookie", b"session=ghijkl");
        transaction.response_headers_end();
        transaction.response_end();
    }
    let options = AuditOptions {
        shape,
        values,
        connector: "test 1.0",
    };
    transaction.finish_audited(options).1
}

#[test]
fn a_stop_is_told_as_libmodsecurity_tells_it() {
    let record = record(AuditShape::Modsecurity, true, "/list?q=attack&page=1", None).unwrap();
    let told = &record["transaction"];
    assert_eq!(told["client_ip"], "192.0.2.1");
    assert_eq!(told["time_stamp"], "Sun Mar 22 22:01:01 2020");
    assert_eq!(told["request"]["method"], "GET");
    assert_eq!(told["request"]["uri"], "/list?q=attack&page=1");
    assert_eq!(told["request"]["headers"]["X-Phone"], "13800000000");
    assert_eq!(told["request"]["headers"]["Cookie"], "***");
    assert_eq!(told["response"]["http_code"], 403);
    assert_eq!(told["producer"]["secrules_engine"], "Enabled");
    assert_eq!(told["producer"]["components"][0], "OUR_RULES/1.0");
    let message = &told["messages"][0];
    assert_eq!(message["message"], "An attack");
    assert_eq!(message["details"]["ruleId"], "7");
    assert_eq!(message["details"]["file"], "a.conf");
    assert_eq!(message["details"]["lineNumber"], "8");
    assert_eq!(message["details"]["data"], "attack");
    assert_eq!(message["details"]["severity"], "2");
    assert!(
        message["details"]["match"]
            .as_str()
            .unwrap()
            .contains("`ARGS:q'")
    );
}

#[test]
fn the_same_as_coraza_tells_it() {
    let record = record(AuditShape::Coraza, true, "/list?q=attack", None).unwrap();
    let told = &record["transaction"];
    assert_eq!(told["timestamp"], "2020/03/22 22:01:01");
    assert_eq!(told["unix_timestamp"], 1_584_914_461_000_000_000_i64);
    assert_eq!(told["is_interrupted"], true);
    assert_eq!(told["request"]["headers"]["Host"][0], "crm.example.com");
    assert_eq!(told["response"]["status"], 403);
    let data = &record["messages"][0]["data"];
    assert_eq!(
        (data["id"].as_u64(), data["line"].as_u64()),
        (Some(7), Some(8))
    );
    assert_eq!(data["tags"][0], "attack-sqli");
}

#[test]
fn without_values_no_value_is_told() {
    for shape in [AuditShape::Modsecurity, AuditShape::Coraza] {
        let target = "/list?q=attack&phone=13800000000";
        let text = record(shape, false, target, Some(200)).unwrap().to_string();
        for value in ["13800000000", "=attack", "abcdef", "ghijkl", "`attack'"] {
            assert!(!text.contains(value), "{value} in {text}");
        }
        assert!(text.contains("/list?q=***&phone=***"), "{text}");
        assert!(text.contains("crm.example.com"), "{text}");
    }
}

#[test]
fn what_rules_sanitise_is_masked_even_with_values() {
    let record = record(
        AuditShape::Modsecurity,
        true,
        "/a?secret=hunter2&q=attack",
        None,
    );
    assert_eq!(
        record.unwrap()["transaction"]["request"]["uri"],
        "/a?secret=***&q=attack"
    );
}

#[test]
fn only_what_is_relevant_is_told() {
    let told = |status| record(AuditShape::Coraza, false, "/a?q=b", Some(status)).is_some();
    assert!(!told(200));
    assert!(told(503));
}
