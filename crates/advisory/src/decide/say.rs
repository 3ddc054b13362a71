//! What was assumed, what would change it, and the sentences for people.

use super::facts::{DataTier, Epss, Exploitation, Exposure, Facts, Impact};
use super::judge::{Graded, Lens, evident, grade, settle};
use super::tables::{BOD_26_04, DEPLOYER, OURS};
use super::{Assumption, Basis, Change, Field, Sentence, What};

/// Every field that was not known.
pub(crate) fn assumed(facts: &Facts) -> Vec<Assumption> {
    let settled = settle(facts, Lens::Worst);
    let mut all = Vec::new();
    let mut add = |field, taken, basis| {
        all.push(Assumption {
            field,
            taken,
            basis,
        });
    };
    if !evident(facts) {
        let nobody = facts.in_kev.is_none() && facts.exploitation.is_none();
        if facts.in_kev.is_none() {
            let (taken, basis) = if nobody {
                ("yes", Basis::Worse)
            } else {
                // Whoever states exploitation has seen the catalogue.
                ("no", Basis::NoEvent)
            };
            add(Field::InKev, taken, basis);
        }
        if facts.exploitation.is_none() {
            let (taken, basis) = if nobody {
                ("active", Basis::Worse)
            } else {
                ("poc", Basis::NoEvent)
            };
            add(Field::Exploitation, taken, basis);
        }
    }
    if facts.automatable.is_none() {
        let taken = if settled.automatable.0 { "yes" } else { "no" };
        add(Field::Automatable, taken, settled.automatable.1);
    }
    if facts.impact.is_none() {
        add(
            Field::Impact,
            impact_word(settled.impact.0),
            settled.impact.1,
        );
    }
    if facts.exposure.is_none() {
        add(Field::Exposure, "internet", Basis::Worse);
    }
    if facts.data.is_none() {
        add(Field::Data, "sensitive", Basis::Worse);
    }
    if facts.epss.is_none() {
        add(Field::Epss, "none", Basis::LeftOut);
    }
    if facts.cvss.is_none() {
        add(Field::Cvss, "7.0 or more", Basis::Worse);
    }
    if facts.fix.is_none() {
        add(Field::Fix, "no", Basis::Worse);
    }
    all
}

/// Every single fact that leads elsewhere.
pub(crate) fn would_change(facts: &Facts, now: &Graded) -> Vec<Change> {
    let mut all = Vec::new();
    let mut ask = |field, value, other: Facts| {
        if other == *facts {
            return;
        }
        let then = grade(&other);
        let (was, is) = ((now.what, now.forensics), (then.what, then.forensics));
        if is != was {
            all.push(Change {
                field,
                value,
                what: then.what,
                due: then.what.days(),
                forensics: then.forensics,
                stricter: is > was,
            });
        }
    };
    for (value, known) in [("no", false), ("yes", true)] {
        let in_kev = Some(known);
        ask(
            Field::InKev,
            value,
            Facts {
                in_kev,
                ..facts.clone()
            },
        );
        let seen_here = known;
        ask(
            Field::SeenHere,
            value,
            Facts {
                seen_here,
                ..facts.clone()
            },
        );
        let automatable = Some(known);
        ask(
            Field::Automatable,
            value,
            Facts {
                automatable,
                ..facts.clone()
            },
        );
    }
    for known in [Exploitation::None, Exploitation::Poc, Exploitation::Active] {
        let exploitation = Some(known);
        let value = exploitation_word(known);
        ask(
            Field::Exploitation,
            value,
            Facts {
                exploitation,
                ..facts.clone()
            },
        );
    }
    for known in [Impact::Partial, Impact::Total] {
        let impact = Some(known);
        ask(
            Field::Impact,
            impact_word(known),
            Facts {
                impact,
                ..facts.clone()
            },
        );
    }
    for (value, known) in [
        ("internal", Exposure::Internal),
        ("partner", Exposure::Partner),
        ("internet", Exposure::Internet),
    ] {
        let exposure = Some(known);
        ask(
            Field::Exposure,
            value,
            Facts {
                exposure,
                ..facts.clone()
            },
        );
    }
    for (value, known) in [
        ("plain", DataTier::Plain),
        ("personal", DataTier::Personal),
        ("sensitive", DataTier::Sensitive),
    ] {
        let data = Some(known);
        ask(
            Field::Data,
            value,
            Facts {
                data,
                ..facts.clone()
            },
        );
    }
    for (value, known) in [("below 0.088", 0.0), ("0.088 or more", 1.0)] {
        // No score of a model: one that stands for all on its side of the threshold.
        let epss = Epss::new(known, "any").ok();
        ask(
            Field::Epss,
            value,
            Facts {
                epss,
                ..facts.clone()
            },
        );
    }
    for (value, known) in [("below 7.0", "0.0"), ("7.0 or more", "10.0")] {
        // A bare number, beside what the vector has said already.
        let settled = settle(facts, Lens::Worst);
        let from_vector = |basis| basis == Basis::Vector;
        let other = Facts {
            cvss: known.parse().ok(),
            automatable: from_vector(settled.automatable.1)
                .then_some(settled.automatable.0)
                .or(facts.automatable),
            impact: from_vector(settled.impact.1)
                .then_some(settled.impact.0)
                .or(facts.impact),
            ..facts.clone()
        };
        ask(Field::Cvss, value, other);
    }
    all
}

/// The sentences: what to do, what decided, what else fired, what was assumed.
pub(crate) fn reasons(facts: &Facts, graded: &Graded) -> Vec<Sentence> {
    let mut all = vec![task(facts, graded)];
    for row in &graded.rows {
        let decides = *row == graded.row;
        let (zh_first, en_first) = if decides {
            ("依据：", "Decided by: ")
        } else {
            ("另有：", "Also: ")
        };
        let (zh_class, en_class) = class(row.what);
        all.push(match row.table {
            BOD_26_04 | DEPLOYER => Sentence {
                zh: format!(
                    "{zh_first}{} 第 {} 行（{}）：{}，即{zh_class}。",
                    row.table, row.number, row.inputs_zh, row.action_zh
                ),
                en: format!(
                    "{en_first}{} row {} ({}): {}, that is {en_class}.",
                    row.table, row.number, row.inputs, row.action
                ),
            },
            _ => Sentence {
                zh: format!("{zh_first}护盾规则 {}：{}。", row.number, row.action_zh),
                en: format!("{en_first}{OURS} rule {}: {}.", row.number, row.action),
            },
        });
    }
    all.extend(assumed(facts).iter().map(assumption));
    if graded.rows.iter().any(|row| row.what > graded.what) {
        all.push(Sentence {
            zh: "若所假定的都成真，则须立即处置；先去查清上面未知的各项。".to_owned(),
            en:
                "Were all that is assumed true, it would be high: find out the unknown facts first."
                    .to_owned(),
        });
    }
    all
}

fn task(facts: &Facts, graded: &Graded) -> Sentence {
    let (when_zh, when_en) = match graded.what.days() {
        Some(days) => (format!("{days} 天内"), format!("Within {days} days")),
        None => (
            "随该资产下次升级".to_owned(),
            "With the next upgrade of the asset".to_owned(),
        ),
    };
    let (how_zh, how_en) = if facts.fix == Some(true) {
        ("装上修复", "apply the fix")
    } else {
        (
            "用隔离、热补丁或停用功能堵住，因为尚不知有修复",
            "close it by isolation, hot patch or switching the function off, because no fix is known",
        )
    };
    let (also_zh, also_en) = if graded.forensics {
        (
            "；关闭之前先按已被攻破排查",
            "; before closing it, search as if it had been broken into",
        )
    } else {
        ("", "")
    };
    let (zh, en) = class(graded.what);
    Sentence {
        zh: format!("{zh}：{when_zh}{how_zh}{also_zh}。"),
        en: format!("{}: {}, {how_en}{also_en}.", capital(en), lower(&when_en)),
    }
}

const fn class(what: What) -> (&'static str, &'static str) {
    match what {
        What::Watch => ("低（留意）", "low (watch)"),
        What::Scheduled => ("低（排期）", "low (scheduled)"),
        What::Days => ("中", "medium"),
        What::ActNow => ("高（立即）", "high (act now)"),
    }
}

fn assumption(one: &Assumption) -> Sentence {
    let (zh, en) = one.field.names();
    let (how_zh, how_en) = match one.basis {
        Basis::Known => ("已知", "known"),
        Basis::Vector => ("由 CVSS 向量读出", "read off the CVSS vector"),
        Basis::Kind => ("由漏洞类型推知", "expected of its kind"),
        Basis::Worse => ("取较坏者", "the worse value"),
        Basis::NoEvent => (
            "取不涉及已发生攻击的较坏者",
            "the worse value short of an attack that happened",
        ),
        Basis::LeftOut => ("不参与判定", "it takes no part"),
    };
    if one.basis == Basis::LeftOut {
        return Sentence {
            zh: format!("未知：{zh}；{how_zh}。"),
            en: format!("Not known: {en}; {how_en}."),
        };
    }
    Sentence {
        zh: format!("未知：{zh}；按“{}”计（{how_zh}）。", taken_zh(one.taken)),
        en: format!("Not known: {en}; taken as {:?} ({how_en}).", one.taken),
    }
}

fn taken_zh(taken: &str) -> &str {
    match taken {
        "yes" => "是",
        "no" => "否",
        "active" => "正被利用",
        "poc" => "利用方法已公开",
        "total" => "全部",
        "partial" => "部分",
        "internet" => "互联网",
        "sensitive" => "敏感",
        "7.0 or more" => "不低于 7.0",
        other => other,
    }
}

const fn exploitation_word(exploitation: Exploitation) -> &'static str {
    match exploitation {
        Exploitation::None => "none",
        Exploitation::Poc => "poc",
        Exploitation::Active => "active",
    }
}

const fn impact_word(impact: Impact) -> &'static str {
    match impact {
        Impact::Partial => "partial",
        Impact::Total => "total",
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

impl Field {
    /// In words, in Chinese and in English.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::InKev => ("是否在 KEV", "whether it is in KEV"),
            Self::Exploitation => ("利用情况", "exploitation"),
            Self::SeenHere => ("自家网关所见", "what the own gateway saw"),
            Self::Automatable => ("能否自动化利用", "whether it can be automated"),
            Self::Impact => ("技术影响", "the technical impact"),
            Self::Exposure => ("资产暴露面", "the exposure of the asset"),
            Self::Data => ("资产的数据级别", "the data tier of the asset"),
            Self::Epss => ("EPSS", "the EPSS"),
            Self::Cvss => ("CVSS", "the CVSS score"),
            Self::Fix => ("有无修复", "whether there is a fix"),
        }
    }
}
