//! Decisions: every published row, the cases that the rules were made for, and what they come to on real records.

#![allow(clippy::unwrap_used)]

mod data;

use std::collections::BTreeMap;
use std::io::Read;

use hudun_advisory::decide::{
    Cvss, DataTier, Epss, Exploitation, Exposure, Facts, GbtInputs, Impact, Kind, SOURCES, What,
    decide,
};
use serde_json::Value;

/// Facts that leave nothing to assume.
fn known(kev: bool, exposed: bool, automatable: bool, total: bool) -> Facts {
    Facts {
        in_kev: Some(kev),
        exploitation: Some(if kev {
            Exploitation::Active
        } else {
            Exploitation::None
        }),
        seen_here: false,
        automatable: Some(automatable),
        impact: Some(if total {
            Impact::Total
        } else {
            Impact::Partial
        }),
        exposure: Some(if exposed {
            Exposure::Internet
        } else {
            Exposure::Internal
        }),
        data: Some(DataTier::Plain),
        epss: Epss::new(0.01, "v4").ok(),
        cvss: "5.0".parse().ok(),
        kind: None,
        fix: Some(true),
    }
}

#[test]
fn each_row_of_bod_26_04() {
    // In KEV, exposed, automatable, total: as in the published file, from top to bottom.
    for (number, (row, action, due, forensics)) in [
        ("NNNP", "fix on system upgrade", None, false),
        ("YNNP", "14 days", Some(14), false),
        ("NYNP", "60 days", Some(60), false),
        ("NNYP", "60 days", Some(60), false),
        ("NNNT", "fix on system upgrade", None, false),
        ("YYNP", "14 days", Some(14), false),
        ("YNYP", "14 days", Some(14), false),
        ("NYYP", "14 days", Some(14), false),
        ("YNNT", "14 days", Some(14), false),
        ("NYNT", "14 days", Some(14), false),
        ("NNYT", "60 days", Some(60), false),
        ("YYYP", "3 days", Some(3), false),
        ("YYNT", "3 days & forensic investigation", Some(3), true),
        ("YNYT", "3 days & forensic investigation", Some(3), true),
        ("NYYT", "3 days", Some(3), false),
        ("YYYT", "3 days & forensic investigation", Some(3), true),
    ]
    .into_iter()
    .enumerate()
    {
        let is = |at: usize| matches!(&row[at..=at], "Y" | "T");
        let decision = decide(&known(is(0), is(1), is(2), is(3)));
        let bod = decision
            .rows
            .iter()
            .find(|row| row.table == "CISA BOD 26-04")
            .unwrap();
        assert_eq!((bod.number, bod.action), (number, action), "{row}");
        assert_eq!(
            (decision.due, decision.forensics),
            (due, forensics),
            "{row}"
        );
        assert_eq!(decision.row, *bod, "{row}");
        assert!(decision.assumed.is_empty(), "{:?}", decision.assumed);
    }
}

#[test]
fn rows_of_the_deployer_table() {
    let find = |exploitation, exposure, automatable, data| {
        let facts = Facts {
            in_kev: Some(exploitation == Exploitation::Active),
            exploitation: Some(exploitation),
            exposure: Some(exposure),
            data: Some(data),
            ..known(false, false, automatable, false)
        };
        let row = decide(&facts)
            .rows
            .into_iter()
            .find(|row| row.table == "SSVC deployer")
            .unwrap();
        (row.number, row.action)
    };
    use DataTier::{Personal, Plain, Sensitive};
    use Exploitation::{Active, None, Poc};
    use Exposure::{Internal, Internet, Partner};
    for (exploitation, exposure, automatable, data, number, action) in [
        (None, Internal, false, Plain, 0, "defer"),
        (None, Internal, false, Sensitive, 2, "scheduled"),
        (None, Internal, true, Plain, 4, "defer"),
        (None, Partner, false, Plain, 8, "defer"),
        (None, Partner, true, Plain, 12, "scheduled"),
        (None, Internet, true, Sensitive, 22, "scheduled"),
        (Poc, Internal, false, Personal, 25, "scheduled"),
        (Poc, Partner, true, Sensitive, 38, "scheduled"),
        (Poc, Internet, false, Sensitive, 42, "scheduled"),
        (Poc, Internet, true, Sensitive, 46, "out-of-cycle"),
        (Active, Internal, false, Plain, 48, "scheduled"),
        (Active, Internal, true, Personal, 53, "out-of-cycle"),
        (Active, Partner, true, Plain, 60, "out-of-cycle"),
        (Active, Internet, false, Personal, 65, "out-of-cycle"),
        (Active, Internet, true, Sensitive, 70, "immediate"),
    ] {
        assert_eq!(
            find(exploitation, exposure, automatable, data),
            (number, action)
        );
    }
}

#[test]
fn nothing_known_is_looked_into_within_14_days_and_not_an_alarm() {
    let decision = decide(&Facts::default());
    assert_eq!((decision.what, decision.due), (What::Days, Some(14)));
    assert!(!decision.forensics);
    assert_eq!((decision.row.table, decision.row.number), ("Hudun", 5));
    // The worse case stands beside it.
    assert!(decision.rows.iter().any(|row| row.what == What::ActNow));
    assert_eq!(decision.assumed.len(), 9);
    let last = decision.reasons.last().unwrap();
    assert!(last.en.contains("find out"), "{last:?}");
}

#[test]
fn a_new_record_without_a_number_is_graded_by_what_is_known_of_the_asset() {
    let new = |exposure, data, kind| {
        decide(&Facts {
            in_kev: Some(false),
            exposure: Some(exposure),
            data: Some(data),
            kind,
            ..Facts::default()
        })
        .what
    };
    let title = |title| Kind::of_title(title);
    let command = title("某某协同办公系统存在远程命令执行漏洞");
    let script = title("某某客户管理系统存在跨站脚本漏洞");
    assert_eq!(command, Some(Kind::Command));
    assert_eq!(
        new(Exposure::Internal, DataTier::Plain, script),
        What::Watch
    );
    assert_eq!(
        new(Exposure::Internal, DataTier::Plain, command),
        What::Scheduled
    );
    assert_eq!(
        new(Exposure::Internet, DataTier::Plain, script),
        What::Scheduled
    );
    assert_eq!(
        new(Exposure::Internet, DataTier::Plain, command),
        What::Days
    );
    assert_eq!(
        new(Exposure::Internet, DataTier::Sensitive, command),
        What::Days
    );
    // As soon as an exploit is public it is high.
    let public = decide(&Facts {
        in_kev: Some(false),
        exploitation: Some(Exploitation::Poc),
        exposure: Some(Exposure::Internet),
        data: Some(DataTier::Sensitive),
        kind: command,
        ..Facts::default()
    });
    assert_eq!((public.what, public.row.number), (What::ActNow, 3));
}

#[test]
fn known_exploitation_takes_every_unknown_at_its_worse_value() {
    for facts in [
        Facts {
            in_kev: Some(true),
            ..Facts::default()
        },
        Facts {
            exploitation: Some(Exploitation::Active),
            ..Facts::default()
        },
        Facts {
            seen_here: true,
            ..known(false, false, false, false)
        },
    ] {
        let decision = decide(&facts);
        assert_eq!((decision.what, decision.due), (What::ActNow, Some(3)));
        assert!(decision.forensics);
    }
}

#[test]
fn unknown_exploitation_is_an_exploit_that_somebody_has_and_an_attack_only_where_nobody_was_asked()
{
    let quiet = |in_kev, exploitation, data| {
        decide(&Facts {
            in_kev,
            exploitation,
            data: Some(data),
            ..known(false, false, false, false)
        })
    };
    let none = Some(Exploitation::None);
    // The catalogue does not list it: a public exploit is assumed, and no more.
    let asked = quiet(Some(false), None, DataTier::Personal);
    assert_eq!((asked.what, asked.row.number), (What::Scheduled, 25));
    let stated = quiet(Some(false), none, DataTier::Personal);
    assert_eq!((stated.what, stated.row.number), (What::Watch, 0));
    // Somebody stated that there is no exploit, without the catalogue.
    assert_eq!(quiet(None, none, DataTier::Plain).what, What::Watch);
    // Nobody was asked.
    let nobody = quiet(None, None, DataTier::Plain);
    assert_eq!((nobody.what, nobody.row.number), (What::Days, 1));
    assert!(!nobody.forensics);
}

#[test]
fn what_would_change_it_holds() {
    let decision = decide(&known(false, true, false, false));
    assert_eq!(decision.what, What::Scheduled);
    let to = |field: &str, value: &str| {
        let change = serde_json::to_value(&decision.would_change).unwrap();
        let found = change
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["field"] == field && one["value"] == value)
            .cloned();
        found.map(|one| (one["what"].clone(), one["stricter"].clone()))
    };
    assert_eq!(to("in_kev", "yes"), Some(("days".into(), true.into())));
    assert_eq!(
        to("seen_here", "yes"),
        Some(("act-now".into(), true.into()))
    );
    assert_eq!(
        to("exposure", "internal"),
        Some(("watch".into(), false.into()))
    );
    assert_eq!(to("data", "sensitive"), Some(("days".into(), true.into())));
    assert_eq!(to("impact", "total"), Some(("days".into(), true.into())));
    // EPSS counts together with the CVSS score, which is low here.
    assert_eq!(to("epss", "0.088 or more"), None);
    let mut severe = known(false, true, false, false);
    severe.cvss = "7.5".parse().ok();
    severe.epss = Epss::new(0.3, "v4").ok();
    let decision = decide(&severe);
    assert_eq!((decision.what, decision.row.number), (What::Days, 4));
}

#[test]
fn scores_of_every_version_and_those_of_the_environment() {
    let of = |text: &str| text.parse::<Cvss>().unwrap();
    for (text, value, automatable, impact) in [
        ("9.8", 9.8, None, None),
        ("(AV:N/AC:L/Au:N/C:C/I:C/A:C)", 10.0, None, None),
        (
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            9.8,
            Some(true),
            Some(Impact::Total),
        ),
        (
            "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N",
            6.1,
            Some(false),
            Some(Impact::Partial),
        ),
        (
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
            9.3,
            Some(true),
            Some(Impact::Total),
        ),
        (
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/AU:N",
            9.3,
            Some(false),
            Some(Impact::Total),
        ),
        (
            "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N",
            8.2,
            Some(false),
            Some(Impact::Partial),
        ),
    ] {
        let cvss = of(text);
        assert_eq!(cvss.value(), value, "{text}");
        assert_eq!(
            (cvss.automatable(), cvss.impact()),
            (automatable, impact),
            "{text}"
        );
    }
    assert!(of("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/MAV:P").value() < 7.0);
    for bad in ["", "11", "-1", "NaN", "inf", "CVSS:3.1/AV:N"] {
        assert!(bad.parse::<Cvss>().is_err(), "{bad}");
    }
    assert!(Epss::new(1.1, "v4").is_err() && Epss::new(f64::NAN, "v4").is_err());
    assert!(Epss::new(0.5, " ").is_err());
}

#[test]
fn facts_are_read_from_json_and_unknown_ones_are_refused() {
    let facts: Facts = serde_json::from_str(
        r#"{"in_kev": false, "exploitation": "poc", "exposure": "partner", "data": "sensitive",
            "epss": {"probability": 0.4, "model": "v2025.03.14"}, "cvss": "9.8", "kind": "sql"}"#,
    )
    .unwrap();
    assert_eq!(facts.kind, Some(Kind::Sql));
    assert_eq!(facts.epss.as_ref().unwrap().model(), "v2025.03.14");
    let back: Facts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
    assert_eq!(back, facts);
    for bad in [
        r#"{"inkev": true}"#,
        r#"{"epss": {"probability": 4, "model": "v4"}}"#,
        r#"{"epss": {"probability": 0.4}}"#,
        r#"{"cvss": "eleven"}"#,
        r#"{"exposure": "moon"}"#,
    ] {
        assert!(serde_json::from_str::<Facts>(bad).is_err(), "{bad}");
    }
}

#[test]
fn kinds_by_word_and_number() {
    for (title, kind) in [
        ("泛微e-cology存在SQL注入漏洞", Some(Kind::Sql)),
        ("用友NC存在反序列化漏洞", Some(Kind::Deserialization)),
        ("FastAdmin任意文件上传漏洞", Some(Kind::Upload)),
        ("Apache Tomcat 拒绝服务漏洞", Some(Kind::Denial)),
        ("某系统存在弱口令漏洞", Some(Kind::Credential)),
        ("A use after free in the parser", Some(Kind::Memory)),
        ("Remote Code Execution in Foo", Some(Kind::Command)),
        (
            "Arbitrary file upload leads to remote code execution",
            Some(Kind::Command),
        ),
        ("Stored XSS in comments", Some(Kind::Xss)),
        ("LDAP注入漏洞", None),
        ("某某系统存在逻辑缺陷漏洞", None),
        ("", None),
    ] {
        assert_eq!(Kind::of_title(title), kind, "{title}");
    }
    assert_eq!(Kind::of_cwe(89), Some(Kind::Sql));
    assert_eq!(Kind::of_cwe(4), None);
    assert_eq!(Kind::worst([Kind::Xss, Kind::Sql]), Some(Kind::Sql));
    // Each number and each word is one kind's.
    for kind in Kind::ALL {
        assert!(!kind.names().0.is_empty() && !kind.names().1.is_empty());
    }
}

#[test]
fn technical_inputs_of_gb_t_30279() {
    let inputs = GbtInputs::of("CVSS:3.1/AV:A/AC:H/PR:L/UI:R/S:C/C:H/I:L/A:N").unwrap();
    assert_eq!(
        [
            inputs.access,
            inputs.trigger,
            inputs.privileges,
            inputs.interaction,
            inputs.confidentiality,
            inputs.integrity,
            inputs.availability
        ],
        ["邻接", "高", "低", "需要", "严重", "一般", "无"]
    );
    for other in [
        "AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "CVSS:3.1/AV:N",
        "9.8",
        "",
        "CVSS:4.0/AV:N/AC:L",
    ] {
        assert_eq!(GbtInputs::of(other), None, "{other}");
    }
}

#[test]
fn every_table_says_where_it_comes_from() {
    for source in SOURCES {
        assert!(["V", "S", "ours"].contains(&source.evidence));
        assert_eq!(source.checked.len(), 10);
    }
    for row in decide(&Facts::default()).rows {
        assert!(SOURCES.iter().any(|source| source.table == row.table));
    }
}

/// One record of CISA vulnrichment, as far as a decision goes.
struct Record {
    facts: Facts,
    cvss3: Option<Cvss>,
    kinds: Vec<Kind>,
}

fn records() -> Option<Vec<Record>> {
    let folder = data::folder("cve5")?;
    let file = std::fs::File::open(folder.join("records.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut all = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut text = String::new();
        let mut entry = entry.unwrap();
        if entry.path().unwrap().extension() != Some("json".as_ref()) {
            continue;
        }
        entry.read_to_string(&mut text).unwrap();
        all.extend(record(&serde_json::from_str(&text).unwrap()));
    }
    Some(all)
}

/// `None` for a record without SSVC values.
fn record(record: &Value) -> Option<Record> {
    let containers = &record["containers"];
    let mut parts = vec![&containers["cna"]];
    parts.extend(containers["adp"].as_array().into_iter().flatten());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (mut ssvc, mut kev, mut cvss3) = (None, false, None);
    let mut cwes = Vec::new();
    for part in parts {
        for metric in list(&part["metrics"]) {
            for name in ["cvssV3_1", "cvssV3_0"] {
                if let (None, Some(vector)) = (&cvss3, metric[name]["vectorString"].as_str()) {
                    cvss3 = vector.parse::<Cvss>().ok();
                }
            }
            match metric["other"]["type"].as_str() {
                Some("ssvc") => {
                    let mut options = BTreeMap::new();
                    for option in list(&metric["other"]["content"]["options"]) {
                        for (name, value) in option.as_object()? {
                            options.insert(name.to_lowercase(), value.as_str()?.to_lowercase());
                        }
                    }
                    ssvc = Some(options);
                }
                Some("kev") => kev = true,
                _ => {}
            }
        }
        for problem in list(&part["problemTypes"]) {
            for description in list(&problem["descriptions"]) {
                if let Some(number) = description["cweId"].as_str() {
                    cwes.extend(number.trim_start_matches("CWE-").parse::<u32>().ok());
                }
            }
        }
    }
    let ssvc = ssvc?;
    let mut kinds: Vec<Kind> = cwes.into_iter().filter_map(Kind::of_cwe).collect();
    kinds.sort_by_key(|kind| Kind::ALL.iter().position(|one| one == kind));
    kinds.dedup();
    Some(Record {
        facts: Facts {
            in_kev: Some(kev),
            exploitation: Some(match ssvc["exploitation"].as_str() {
                "none" => Exploitation::None,
                "poc" => Exploitation::Poc,
                _ => Exploitation::Active,
            }),
            automatable: Some(ssvc["automatable"] == "yes"),
            impact: Some(if ssvc["technical impact"] == "total" {
                Impact::Total
            } else {
                Impact::Partial
            }),
            cvss: cvss3.clone(),
            ..Facts::default()
        },
        cvss3,
        kinds,
    })
}

#[test]
fn the_shares_that_the_rules_rest_on_are_those_of_the_records() {
    let Some(records) = records() else { return };
    assert_eq!(records.len(), 2_698);
    let vectors: Vec<&Record> = records.iter().filter(|one| one.cvss3.is_some()).collect();
    let agree = |what: fn(&Record) -> bool| vectors.iter().filter(|one| what(one)).count();
    let automatable =
        agree(|one| one.facts.automatable == one.cvss3.as_ref().unwrap().automatable());
    let impact = agree(|one| one.facts.impact == one.cvss3.as_ref().unwrap().impact());
    println!(
        "{} vectors: automatable {automatable}, impact {impact}",
        vectors.len()
    );
    assert_eq!((vectors.len(), automatable, impact), (1_916, 1_859, 1_830));
    for kind in Kind::ALL {
        let of: Vec<&Record> = records
            .iter()
            .filter(|one| one.kinds.contains(&kind))
            .collect();
        let automatable = of
            .iter()
            .filter(|one| one.facts.automatable == Some(true))
            .count();
        let total = of
            .iter()
            .filter(|one| one.facts.impact == Some(Impact::Total))
            .count();
        println!(
            "{kind:?}: {} records, {automatable} automatable, {total} total",
            of.len()
        );
        let settles = |yes: usize| match () {
            () if of.len() < 10 => None,
            () if yes * 100 >= of.len() * 85 => Some(true),
            () if (of.len() - yes) * 100 >= of.len() * 85 => Some(false),
            () => None,
        };
        assert_eq!(kind.automatable(), settles(automatable), "{kind:?}");
        let wanted = settles(total).map(|total| {
            if total {
                Impact::Total
            } else {
                Impact::Partial
            }
        });
        assert_eq!(kind.impact(), wanted, "{kind:?}");
    }
}

#[test]
fn how_the_decisions_spread_over_real_records() {
    let Some(records) = records() else { return };
    let spread = |change: &dyn Fn(&Facts) -> Facts| {
        let mut counts = [0; 4];
        for record in &records {
            let what = decide(&change(&record.facts)).what;
            counts[What::ALL.iter().position(|one| *one == what).unwrap()] += 1;
        }
        counts
    };
    let asset = |exposure, data| {
        move |facts: &Facts| Facts {
            exposure: Some(exposure),
            data: Some(data),
            ..facts.clone()
        }
    };
    let mut table = Vec::new();
    for (exposure, data) in [
        (Exposure::Internal, DataTier::Plain),
        (Exposure::Internal, DataTier::Personal),
        (Exposure::Internal, DataTier::Sensitive),
        (Exposure::Partner, DataTier::Plain),
        (Exposure::Partner, DataTier::Personal),
        (Exposure::Partner, DataTier::Sensitive),
        (Exposure::Internet, DataTier::Plain),
        (Exposure::Internet, DataTier::Personal),
        (Exposure::Internet, DataTier::Sensitive),
    ] {
        let counts = spread(&asset(exposure, data));
        let change = asset(exposure, data);
        let deployer = records
            .iter()
            .filter(|one| decide(&change(&one.facts)).row.table == "SSVC deployer")
            .count();
        println!(
            "{exposure:?} {data:?}: watch, scheduled, days, act now = {counts:?}, {deployer} by the deployer table"
        );
        table.push(counts);
    }
    // The same records as on their first day: no CVE in a catalogue, no score, no prediction, no word on exploits.
    let new = spread(&|_| Facts {
        exposure: Some(Exposure::Internet),
        data: Some(DataTier::Sensitive),
        ..Facts::default()
    });
    println!("all unknown on such an asset: {new:?}");
    assert_eq!(new[3], 0);
    // An alarm that one record in five rings is none.
    assert!(
        table.iter().all(|counts| counts[3] * 5 < records.len()),
        "{table:?}"
    );
}
