//! Against the public OASIS material: schemas, examples, and the signature vector. Skipped, and says
//! so, where the test data is not there.

#![recursion_limit = "256"]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests"
)]

use std::fs;
use std::path::{Path, PathBuf};

use hudun_cacao::signature::{
    SignatureError, SignatureInfo, public_key, sign, signed_text, verify,
};
use hudun_cacao::{
    Fault, Mode, Playbook, Severity, is_runnable, parse_json, validate, validate_structure,
};
use serde_json::{Value, json};

fn data(below: &str) -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("HUDUN_TEST_DATA").map_or_else(default, PathBuf::from);
    let path = root.join("cacao").join(below);
    if !path.exists() {
        eprintln!(
            "SKIPPED: no test data at {} (set HUDUN_TEST_DATA)",
            path.display()
        );
        return None;
    }
    Some(path)
}

/// Gives the schemas from disk under their public addresses, in the form that a mode reads them.
struct Schemas(PathBuf, Mode);

impl Schemas {
    const BASE: &str =
        "https://raw.githubusercontent.com/oasis-open/cacao-json-schemas/main/schemas/";

    fn load(&self, name: &str) -> Value {
        let mut schema: Value =
            serde_json::from_slice(&fs::read(self.0.join(name)).unwrap()).unwrap();
        schema["$id"] = json!(format!("{}{name}", Self::BASE));
        if self.1 == Mode::Strict {
            schema["$schema"] = json!("https://json-schema.org/draft/2019-09/schema");
            if name == "commands/command-data.json" {
                // The base forbids what every kind of command adds: taken literally no command is valid.
                schema
                    .as_object_mut()
                    .unwrap()
                    .remove("unevaluatedProperties");
            }
            if name == "workflows/action.json" {
                let mut all = vec![json!({ "$ref": "../commands/command-data.json" })];
                for file in fs::read_dir(self.0.join("commands")).unwrap() {
                    let kind = file.unwrap().file_name().into_string().unwrap();
                    let kind = kind.trim_end_matches(".json");
                    if kind != "command-data" {
                        let reference = format!("../commands/{kind}.json");
                        all.push(json!({
                            "if": { "properties": { "type": { "const": kind } }, "required": ["type"] },
                            "then": { "$ref": reference },
                        }));
                    }
                }
                schema["allOf"][1]["properties"]["commands"]["items"] = json!({ "allOf": all });
            }
        }
        schema
    }

    fn validator(self) -> jsonschema::Validator {
        let root = self.load("playbook.json");
        let draft = if self.1 == Mode::Strict {
            jsonschema::Draft::Draft201909
        } else {
            jsonschema::Draft::Draft7
        };
        jsonschema::options()
            .with_draft(draft)
            .with_retriever(self)
            .build(&root)
            .unwrap()
    }
}

impl jsonschema::Retrieve for Schemas {
    fn retrieve(
        &self,
        uri: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.load(
            uri.as_str()
                .strip_prefix(Self::BASE)
                .ok_or("another address")?,
        ))
    }
}

fn samples(root: &Path) -> Vec<(String, Value)> {
    let examples = root.join("oasis/Examples/CACAO-2.0");
    let mut all: Vec<PathBuf> = [
        "basic-example-1.json",
        "spec-3.1-example.json",
        "locky-bart-mbc-examples.json",
    ]
    .iter()
    .map(|name| examples.join(name))
    .collect();
    all.extend(
        fs::read_dir(root.join("oasis/Extensions/layout/examples"))
            .unwrap()
            .map(|f| f.unwrap().path()),
    );
    all.into_iter()
        .map(|path| {
            (
                path.display().to_string(),
                parse_json(&fs::read(&path).unwrap()).unwrap(),
            )
        })
        .collect()
}

/// A playbook with every kind of object, so that mutations reach every table.
fn everything() -> Value {
    let id = |kind: &str, n: u32| format!("{kind}--61a6c41e-6efc-4516-a242-{n:012x}");
    let time = "2026-11-23T08:00:00.000Z";
    let person = id("identity", 1);
    let kinds = [
        ("manual", json!({ "command": "看 __ip__:value" })),
        (
            "http-api",
            json!({ "command": "POST / HTTP/1.1", "headers": { "A": ["b"] }, "content": "x" }),
        ),
        (
            "openc2-http",
            json!({ "command": "POST / HTTP/1.1", "content_b64": "eA==" }),
        ),
        ("sigma", json!({ "command_b64": "eA==" })),
        (
            "bash",
            json!({ "command_b64": "eA==", "version": "1", "playbook_activity": "scan-system" }),
        ),
        ("x-own", json!({ "anything": 1 })),
    ];
    let commands: Vec<Value> = kinds
        .into_iter()
        .map(|(kind, mut command)| {
            command["type"] = json!(kind);
            command["external_references"] = json!([{ "name": "r", "url": "u" }]);
            command
        })
        .collect();
    let agent = |kind: &str, more: Value| {
        let mut agent = json!({ "type": kind, "name": "n", "location": { "region": "eastern-asia", "city": "上海" } });
        agent
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        agent
    };
    let address = json!({ "address": {
        "url": ["https://a.example.com/x"], "l2mac": ["00:11:22:aa:BB:cc"], "ipv4": ["10.1.2.3"], "ipv6": ["2001:db8::1"],
        "vlan": [7], "dname": ["d"] }, "category": ["siem"], "authentication_info": id("user-auth", 1) });
    json!({
        "type": "playbook", "spec_version": "cacao-2.0", "id": id("playbook", 1), "name": "n", "description": "d",
        "playbook_types": ["mitigation"], "playbook_activities": ["scan-system"],
        "playbook_processing_summary": { "if_logic": true }, "created_by": person, "created": time, "modified": time,
        "revoked": false, "valid_from": time, "derived_from": [id("playbook", 2)], "priority": 1, "severity": 100, "impact": 0,
        "industry_sectors": ["software"], "labels": ["l"], "external_references": [{ "name": "r" }],
        "markings": [id("marking-tlp", 1)],
        "playbook_variables": { "__ip__": { "type": "ipv4-addr", "value": "10.0.0.1", "constant": true, "external": false },
            "__empty__": { "type": "string", "value": null } },
        "workflow_start": id("start", 1), "workflow_exception": id("end", 1),
        "workflow": {
            id("start", 1): { "type": "start", "on_completion": id("if-condition", 1) },
            id("if-condition", 1): { "type": "if-condition", "condition": "__ip__:value = '10.0.0.1'",
                "on_true": id("action", 1), "on_false": id("end", 1), "on_completion": id("parallel", 1) },
            id("action", 1): { "type": "action", "name": "a", "commands": commands, "agent": id("group", 1),
                "targets": [id("ssh", 1)], "in_args": ["__ip__"], "out_args": ["__ip__"], "delay": 1, "timeout": 5000,
                "on_success": id("end", 1), "on_failure": id("end", 1), "owner": person,
                "step_variables": { "__s__": { "type": "string" } },
                "step_extensions": { id("extension-definition", 1): {} } },
            id("parallel", 1): { "type": "parallel", "next_steps": [id("while-condition", 1), id("playbook-action", 1)],
                "on_completion": id("switch-condition", 1) },
            id("while-condition", 1): { "type": "while-condition", "condition": "__ip__:value = 'x'", "on_true": id("end", 1),
                "on_completion": id("end", 1) },
            id("playbook-action", 1): { "type": "playbook-action", "playbook_id": id("playbook", 3), "playbook_version": time,
                "in_args": ["__ip__"], "on_completion": id("end", 1) },
            id("switch-condition", 1): { "type": "switch-condition", "switch": "__ip__:value",
                "cases": { "x": id("end", 1), "default": id("end", 1) }, "on_completion": id("end", 1) },
            id("end", 1): { "type": "end" },
        },
        "playbook_extensions": { id("extension-definition", 1): { "k": 1 } },
        "authentication_info_definitions": {
            id("user-auth", 1): { "type": "user-auth", "username": "u", "password": "p", "kms": false },
            id("oauth2", 1): { "type": "oauth2", "oauth_header": "h", "token": "t" },
            id("http-basic", 1): { "type": "http-basic", "user_id": "u", "kms_key_identifier": "k" } },
        "agent_definitions": {
            id("group", 1): agent("group", json!({ "contact": { "email": { "work": "a@b.example" }, "phone": { "p": "1" } } })),
            id("individual", 1): agent("individual", json!({ "contact": { "contact_details": "c" } })),
            id("organization", 1): agent("organization", json!({})),
            id("location", 1): agent("location", json!({ "logical": ["l"] })),
            id("sector", 1): agent("sector", json!({ "sector": "software" })) },
        "target_definitions": {
            id("security-category", 1): agent("security-category", json!({ "category": ["siem"] })),
            id("ssh", 1): agent("ssh", address.clone()), id("linux", 1): agent("linux", address.clone()),
            id("net-address", 1): agent("net-address", address.clone()), id("http-api", 1): agent("http-api", address) },
        "extension_definitions": { id("extension-definition", 1): { "type": "extension-definition", "name": "n",
            "created_by": person, "schema": "s", "version": "1" } },
        "data_marking_definitions": {
            id("marking-tlp", 1): { "type": "marking-tlp", "id": id("marking-tlp", 1), "created_by": person, "created": time,
                "tlpv2_level": "TLP:AMBER+STRICT" },
            id("marking-statement", 1): { "type": "marking-statement", "id": id("marking-statement", 1), "created_by": person,
                "created": time, "statement": "s" } },
        "signatures": [{ "type": "jss", "id": id("jss", 1), "created": time, "modified": time, "signee": "s",
            "related_to": id("playbook", 1), "related_version": time, "hash_algorithm": "sha-256", "algorithm": "RS256",
            "public_key": "k", "value": "v" }],
    })
}

/// Every place in the value, changed in several ways.
fn mutations(value: &Value) -> Vec<(String, Value)> {
    let mut paths = Vec::new();
    fn walk(value: &Value, path: String, paths: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields
                .iter()
                .for_each(|(k, v)| walk(v, format!("{path}/{k}"), paths)),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(n, v)| walk(v, format!("{path}/{n}"), paths)),
            _ => {}
        }
        if !path.is_empty() {
            paths.push(path);
        }
    }
    walk(value, String::new(), &mut paths);
    let swaps = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(101),
        json!(1.5),
        json!(3.0),
        json!(5000),
        json!(""),
        json!("x"),
        json!([]),
        json!(["x"]),
        json!([1]),
        json!({}),
        json!({ "x": 1 }),
        json!("2026-13-01T00:00:00Z"),
        json!("2026-01-01T00:00:60.5Z"),
        json!("action--61a6c41e-6efc-4516-a242-000000000001"),
        json!("x-action--61a6c41e-6efc-6516-a242-000000000001"),
    ];
    let mut all = Vec::new();
    for path in paths {
        let (parent, key) = path.rsplit_once('/').unwrap();
        for swap in &swaps {
            let mut changed = value.clone();
            *changed.pointer_mut(&path).unwrap() = swap.clone();
            all.push((format!("{path} := {swap}"), changed));
        }
        let mut gone = value.clone();
        match gone.pointer_mut(parent).unwrap() {
            Value::Object(fields) => drop(fields.remove(key)),
            Value::Array(items) => drop(items.remove(key.parse().unwrap())),
            _ => {}
        }
        all.push((format!("{path} removed"), gone));
        let mut renamed = value.clone();
        if let Value::Object(fields) = renamed.pointer_mut(parent).unwrap() {
            let moved = fields.remove(key).unwrap();
            fields.insert(format!("{key}x"), moved);
            all.push((format!("{path} renamed"), renamed));
        }
    }
    all
}

#[test]
fn verdicts_equal_those_of_the_schemas() {
    let Some(schemas) = data("schemas") else {
        return;
    };
    let Some(playbooks) = data("playbooks") else {
        return;
    };
    for mode in [Mode::Lenient, Mode::Strict] {
        let oracle = Schemas(schemas.clone(), mode).validator();
        let (mut compared, mut valid, mut wrong) = (0, 0, Vec::new());
        let mut all = samples(&playbooks);
        all.extend([("everything".to_owned(), everything())]);
        let base: Vec<_> = all
            .iter()
            .filter(|(name, _)| name.contains("spec-3.1") || name == "everything")
            .cloned()
            .collect();
        base.iter()
            .for_each(|(_, value)| all.extend(mutations(value)));
        for (name, value) in &all {
            let (theirs, ours) = (oracle.is_valid(value), validate_structure(value, mode));
            compared += 1;
            valid += usize::from(theirs);
            if theirs != ours.is_empty() {
                wrong.push(format!("{name}: schema says {theirs}, we say {ours:?}"));
            }
        }
        assert!(
            wrong.is_empty(),
            "{mode:?}: {} of {compared} differ:\n{}",
            wrong.len(),
            wrong[..wrong.len().min(15)].join("\n")
        );
        eprintln!("{mode:?}: {compared} verdicts equal, {valid} of them valid");
        assert!(compared > 3000 && valid > 100 && valid < compared / 2);
    }
}

#[test]
fn public_examples_have_the_expected_verdicts_and_survive() {
    let Some(playbooks) = data("playbooks") else {
        return;
    };
    for (name, value) in samples(&playbooks) {
        let problems = validate(&value, Mode::Lenient);
        let structural = validate_structure(&value, Mode::Lenient).is_empty();
        assert_eq!(structural, !name.contains("layout"), "{name}");
        if name.contains("locky") {
            assert!(
                problems
                    .iter()
                    .any(|p| matches!(p.fault, Fault::NoTarget(_))),
                "{problems:?}"
            );
        }
        if structural {
            let grave: Vec<_> = problems
                .iter()
                .filter(|p| p.fault.severity() == Severity::Error)
                .collect();
            eprintln!("{name}: {grave:?}");
        }
        if name.contains("spec-3.1") {
            assert!(is_runnable(&problems), "{problems:?}");
        }
        let playbook = Playbook::from_value(&value).unwrap();
        assert_eq!(
            playbook.canonical().unwrap(),
            serde_jcs::to_vec(&value).unwrap(),
            "{name}"
        );
    }
    let all = everything();
    assert!(
        is_runnable(&validate(&all, Mode::Strict)),
        "{:?}",
        validate(&all, Mode::Strict)
    );
    assert_eq!(
        Playbook::from_value(&all).unwrap().canonical().unwrap(),
        serde_jcs::to_vec(&all).unwrap()
    );
}

#[test]
fn the_public_signature_vector() {
    let Some(path) = data("playbooks/oasis/Examples/CACAO-2.0/signature-example-rsa.md") else {
        return;
    };
    let text = fs::read_to_string(path).unwrap();
    let blocks: Vec<&str> = text
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let signed: Value = blocks
        .iter()
        .filter_map(|block| serde_json::from_str::<Value>(block).ok())
        .find(|v| v["signatures"].as_array().is_some_and(|all| all.len() == 2))
        .unwrap();
    let canonical = blocks
        .iter()
        .map(|block| block.trim())
        .find(|block| block.starts_with("{\"created\""))
        .unwrap();
    let mut unsigned = signed.clone();
    let signatures = unsigned["signatures"].as_array_mut().unwrap();
    signatures.remove(0);
    signatures[0].as_object_mut().unwrap().remove("value");
    assert_eq!(
        String::from_utf8(serde_jcs::to_vec(&unsigned).unwrap()).unwrap(),
        canonical
    );
    let digits = "973bb6492184e4681b1eab9df1f56926fc1a91582e3529bfd0bfb231e1c51b0a";
    assert_eq!(
        signed_text(&signed, &signed["signatures"][1]).unwrap(),
        digits
    );

    let within = "2023-03-01T00:00:00Z";
    verify(&signed, 1, None, within).unwrap();
    assert!(matches!(
        verify(&signed, 1, None, "2026-11-23T00:00:00Z"),
        Err(SignatureError::Time { .. })
    ));
    assert!(matches!(
        verify(&signed, 0, None, within),
        Err(SignatureError::Key(_))
    ));
    assert_eq!(
        verify(&signed, 2, None, within),
        Err(SignatureError::None(2))
    );
    for (field, to) in [
        ("name", "Playbook 2"),
        (
            "created_by",
            "identity--5abe695c-7bd5-4c31-8824-2528696cdbf2",
        ),
    ] {
        let mut bent = signed.clone();
        bent[field] = json!(to);
        assert_eq!(
            verify(&bent, 1, None, within),
            Err(SignatureError::Mismatch)
        );
    }
    let mut bent = signed.clone();
    bent["signatures"][1]["signee"] = json!("Evil");
    assert_eq!(
        verify(&bent, 1, None, within),
        Err(SignatureError::Mismatch)
    );
    let mut newer = signed;
    newer["modified"] = json!("2022-05-19T11:31:31.319Z");
    assert_eq!(
        verify(&newer, 1, None, within),
        Err(SignatureError::Unrelated("related_version"))
    );
}

#[test]
fn our_own_signature_is_checked_too() {
    let mut playbook = everything();
    playbook.as_object_mut().unwrap().remove("signatures");
    let info = SignatureInfo {
        id: "jss--61a6c41e-6efc-4516-a242-000000000009".into(),
        created_by: None,
        created: "2026-11-23T08:00:00Z".into(),
        signee: "护盾".into(),
        valid_from: None,
        valid_until: Some("2027-01-01T00:00:00Z".into()),
    };
    let at = "2026-12-01T00:00:00Z";
    assert_eq!(sign(&mut playbook, &info, &[1; 32]), Ok(0));
    assert_eq!(sign(&mut playbook, &info, &[2; 32]), Ok(1));
    assert!(validate_structure(&playbook, Mode::Strict).is_empty());
    let keys = [[1; 32], [2; 32]]
        .map(|seed| hudun_cacao::signature::PublicKey::parse(&public_key(&seed)).unwrap());
    for (n, key) in keys.iter().enumerate() {
        verify(&playbook, n, Some(key), at).unwrap();
        verify(&playbook, n, None, at).unwrap();
        assert_eq!(
            verify(&playbook, n, Some(&keys[1 - n]), at),
            Err(SignatureError::OtherKey)
        );
    }
    playbook["name"] = json!("changed");
    assert_eq!(
        verify(&playbook, 0, Some(&keys[0]), at),
        Err(SignatureError::Mismatch)
    );
    playbook["signatures"][1]["revoked"] = json!(true);
    assert_eq!(verify(&playbook, 1, None, at), Err(SignatureError::Revoked));
}
