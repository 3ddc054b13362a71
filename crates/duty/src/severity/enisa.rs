//! ENISA's method of 2013: SE = DPC × EI + CB, in quarters so that nothing is rounded.

use serde::{Deserialize, Serialize};

use crate::facts::{Availability, Breach, DataKind, FactBase, Integrity, Recipients};
use crate::text::Text;

/// The four bands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// SE below 2.
    Low,
    /// 2 to below 3.
    Medium,
    /// 3 to below 4.
    High,
    /// 4 and above.
    VeryHigh,
}

impl Band {
    /// Its name.
    pub fn name(self) -> Text {
        match self {
            Self::Low => Text::new("低", "low"),
            Self::Medium => Text::new("中", "medium"),
            Self::High => Text::new("高", "high"),
            Self::VeryHigh => Text::new("极高", "very high"),
        }
    }
}

/// One line of the arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// `dpc`, `ei`, `confidentiality`, `integrity`, `availability`, `malicious`, `se`.
    pub id: &'static str,
    /// The value in quarters (a DPC of 2 is 8).
    pub quarters: u8,
    /// The value as a decimal, exact.
    pub value: String,
    /// Where it comes from.
    pub why: Text,
    /// True when a person set it.
    pub by_person: bool,
}

/// The score with its arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Enisa {
    /// SE as a decimal, exact.
    pub se: String,
    /// SE in quarters.
    pub se_quarters: u8,
    /// The band.
    pub band: Band,
    /// The formula with figures.
    pub formula: String,
    /// The arithmetic, line by line.
    pub steps: Vec<Step>,
    /// Within 0.25 of a band's edge: look again.
    pub near_edge: Option<Text>,
    /// More than 100 individuals (a flag, not in the score).
    pub many_persons: bool,
    /// Data unintelligible (a flag, not in the score).
    pub unintelligible: bool,
    /// What the band presumes; never the legal test itself.
    pub presumption: Text,
}

/// SE in quarters: DPC (1–4) × EI (1–4 quarters) + CB (0–8 quarters).
pub fn score(dpc: u8, ei_quarters: u8, cb_quarters: u8) -> u8 {
    dpc.clamp(1, 4) * ei_quarters.clamp(1, 4) + cb_quarters.min(8)
}

/// The band of a score in quarters.
pub fn band_of(se_quarters: u8) -> Band {
    match se_quarters {
        0..8 => Band::Low,
        8..12 => Band::Medium,
        12..16 => Band::High,
        _ => Band::VeryHigh,
    }
}

/// Derives the inputs from the facts, lets a person's own inputs override, and scores.
pub(super) fn derive(f: &FactBase) -> Result<Enisa, Vec<String>> {
    let own = f.enisa.clone().unwrap_or_default();
    let mut missing = vec![];
    let kinds: Vec<DataKind> = f.kinds.iter().flatten().map(|(k, _)| *k).collect();
    if kinds.is_empty() && (own.dpc.is_none() || own.ei_quarters.is_none()) {
        missing.push("kinds".to_owned());
    }
    let minors = f.minors.is_some_and(|m| m.high > 0);
    let (dpc, dpc_why) = dpc(&kinds, minors);
    let (ei, ei_why) = ei(&kinds);
    let mut steps = vec![
        step("dpc", own.dpc.map(|v| v * 4), dpc * 4, dpc_why, &own),
        step("ei", own.ei_quarters, ei, ei_why, &own),
    ];
    let circumstances: [(_, _, Derived, _); 4] = [
        (
            "confidentiality",
            own.confidentiality_quarters,
            confidentiality(&f.breach),
            "breach.recipients",
        ),
        (
            "integrity",
            own.integrity_quarters,
            integrity(&f.breach),
            "breach.integrity",
        ),
        (
            "availability",
            own.availability_quarters,
            availability(&f.breach),
            "breach.availability",
        ),
        (
            "malicious",
            own.malicious_quarters,
            malicious(&f.breach),
            "breach.malicious",
        ),
    ];
    for (id, by_person, derived, field) in circumstances {
        match (by_person, derived) {
            (None, None) => missing.push(field.to_owned()),
            (own_value, derived) => {
                let (v, why) = derived.unwrap_or_default();
                steps.push(step(id, own_value, v, why, &own));
            }
        }
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    let q: Vec<u8> = steps.iter().map(|s| s.quarters).collect();
    let cb = q[2..].iter().sum::<u8>();
    let se = score(q[0] / 4, q[1], cb);
    let formula = format!(
        "{} × {} + {} = {}",
        decimal(q[0]),
        decimal(q[1]),
        decimal(cb),
        decimal(se)
    );
    steps.push(Step {
        id: "se",
        quarters: se,
        value: decimal(se),
        why: Text::new(
            format!("SE = DPC × EI + CB：{formula}"),
            format!("SE = DPC × EI + CB: {formula}"),
        ),
        by_person: false,
    });
    let band = band_of(se);
    Ok(Enisa {
        se: decimal(se),
        se_quarters: se,
        band,
        formula,
        near_edge: near_edge(se),
        many_persons: f.persons.is_some_and(|p| p.high > 100),
        unintelligible: f.breach.unintelligible == Some(true),
        presumption: presumption(band),
        steps,
    })
}

/// Quarters with their reason, or nothing while the fact is missing.
type Derived = Option<(u8, Text)>;

fn step(
    id: &'static str,
    own: Option<u8>,
    derived: u8,
    why: Text,
    inputs: &crate::facts::EnisaInputs,
) -> Step {
    let quarters = own.unwrap_or(derived);
    let why = if own.is_some() {
        Text::new(
            format!(
                "由 {} 设定：{}（推导值 {}）",
                inputs.by,
                inputs.reason,
                decimal(derived)
            ),
            format!(
                "set by {}: {} (derived {})",
                inputs.by,
                inputs.reason,
                decimal(derived)
            ),
        )
    } else {
        why
    };
    Step {
        id,
        quarters,
        value: decimal(quarters),
        why,
        by_person: own.is_some(),
    }
}

fn dpc(kinds: &[DataKind], minors: bool) -> (u8, Text) {
    if minors {
        return (
            4,
            Text::new(
                "涉及未满十四周岁未成年人，取 4",
                "minors under fourteen are among the persons: 4",
            ),
        );
    }
    let Some(top) = kinds.iter().copied().max_by_key(|k| k.dpc()) else {
        return (
            1,
            Text::new(
                "没有列出信息种类，取下限 1",
                "no kinds listed: the floor, 1",
            ),
        );
    };
    let has = |k: DataKind| kinds.contains(&k);
    let identity_set = has(DataKind::Name) && has(DataKind::Birthday) && has(DataKind::Address);
    if top.dpc() < 2 && identity_set {
        return (
            2,
            Text::new(
                "姓名、出生日期、地址齐备，足以冒用身份，由 1 升为 2",
                "name, date of birth and address together allow identity misuse: raised from 1 to 2",
            ),
        );
    }
    let label = top.label();
    (
        top.dpc(),
        Text::new(
            format!("各类别取最大值，最高的是「{}」：{}", label.zh, top.dpc()),
            format!(
                "the highest category counts, here {}: {}",
                label.en,
                top.dpc()
            ),
        ),
    )
}

/// Product judgement for China: real-name mobiles and resident numbers identify; with the name they identify fully.
fn ei(kinds: &[DataKind]) -> (u8, Text) {
    let has = |k: DataKind| kinds.contains(&k);
    let strong = [
        DataKind::Mobile,
        DataKind::ResidentId,
        DataKind::NationalId,
        DataKind::Passport,
        DataKind::Email,
        DataKind::Birthday,
        DataKind::Address,
        DataKind::Cv,
        DataKind::Plate,
        DataKind::BankAccount,
    ];
    if has(DataKind::Name)
        && let Some(with) = strong.iter().find(|k| has(**k))
    {
        return (
            4,
            Text::new(
                format!("姓名与「{}」结合可直接识别，取 1.0", with.label().zh),
                format!("name together with {} identifies: 1.0", with.label().en),
            ),
        );
    }
    let userid = [
        DataKind::ExternalUserid,
        DataKind::Openid,
        DataKind::Unionid,
    ]
    .into_iter()
    .any(has);
    if userid && has(DataKind::WechatNickname) && has(DataKind::Avatar) {
        return (
            3,
            Text::new(
                "用户标识加昵称和头像，取 0.75",
                "user id with nickname and picture: 0.75",
            ),
        );
    }
    match kinds.iter().copied().max_by_key(|k| k.ei_quarters()) {
        None => (
            1,
            Text::new(
                "没有列出信息种类，取下限 0.25",
                "no kinds listed: the floor, 0.25",
            ),
        ),
        Some(k) => (
            k.ei_quarters(),
            Text::new(
                format!(
                    "单凭「{}」识别的难易：{}",
                    k.label().zh,
                    decimal(k.ei_quarters())
                ),
                format!(
                    "identification by {} alone: {}",
                    k.label().en,
                    decimal(k.ei_quarters())
                ),
            ),
        ),
    }
}

fn confidentiality(b: &Breach) -> Derived {
    if b.leaked == Some(false) && b.recipients.is_none() {
        return Some((0, Text::new("没有泄露", "nothing leaked")));
    }
    Some(match b.recipients? {
        Recipients::None => (
            0,
            Text::new(
                "暴露但无证据表明被非法处理",
                "exposed, no evidence of illegal processing",
            ),
        ),
        Recipients::Trusted | Recipients::Known => (
            1,
            Text::new(
                "接收者为数有限且已知，+0.25",
                "a limited number of known recipients: +0.25",
            ),
        ),
        Recipients::Unknown => (
            2,
            Text::new(
                "接收者数量不明或已公开，+0.5",
                "an unknown number of recipients, or public: +0.5",
            ),
        ),
    })
}

fn integrity(b: &Breach) -> Derived {
    if b.altered == Some(false) && b.integrity.is_none() {
        return Some((0, Text::new("没有篡改", "nothing altered")));
    }
    Some(match b.integrity? {
        Integrity::Kept => (
            0,
            Text::new("未篡改或使用前已恢复", "unaltered, or recovered before use"),
        ),
        Integrity::Recoverable => (
            1,
            Text::new(
                "被篡改、可能被误用、可恢复，+0.25",
                "altered, possibly used wrongly, recoverable: +0.25",
            ),
        ),
        Integrity::Lost => (
            2,
            Text::new(
                "被篡改且不可恢复，+0.5",
                "altered and not recoverable: +0.5",
            ),
        ),
    })
}

fn availability(b: &Breach) -> Derived {
    if b.lost == Some(false) && b.availability.is_none() {
        return Some((0, Text::new("没有丢失", "nothing lost")));
    }
    Some(match b.availability? {
        Availability::Kept => (
            0,
            Text::new("不费力即可恢复", "recoverable without difficulty"),
        ),
        Availability::Temporary => (
            1,
            Text::new("一段时间不可用，+0.25", "unavailable for a time: +0.25"),
        ),
        Availability::Permanent => (2, Text::new("永久丢失，+0.5", "gone for good: +0.5")),
    })
}

fn malicious(b: &Breach) -> Derived {
    Some(if b.malicious? {
        (
            2,
            Text::new(
                "恶意（窃取、攻击、出售），+0.5",
                "malicious (theft, hacking, sale): +0.5",
            ),
        )
    } else {
        (
            0,
            Text::new("过失、配置错误或程序缺陷", "error, misconfiguration or bug"),
        )
    })
}

fn near_edge(se: u8) -> Option<Text> {
    let edge = [8u8, 12, 16].into_iter().find(|e| se.abs_diff(*e) <= 1)?;
    Some(Text::new(
        format!(
            "得分 {} 距分界 {} 不超过 0.25，请复核各项输入",
            decimal(se),
            decimal(edge)
        ),
        format!(
            "the score {} lies within 0.25 of the edge {}: review the inputs",
            decimal(se),
            decimal(edge)
        ),
    ))
}

fn presumption(band: Band) -> Text {
    match band {
        Band::Low => Text::new(
            "推定：只登记（GDPR 33(5)）",
            "presumption: register only (GDPR 33(5))",
        ),
        Band::Medium => Text::new("推定：报告监管机构", "presumption: tell the authority"),
        Band::High => Text::new(
            "推定：报告监管机构并告知个人",
            "presumption: tell the authority and the persons",
        ),
        Band::VeryHigh => Text::new(
            "推定：报告监管机构、告知个人并公告",
            "presumption: tell the authority, the persons and the public",
        ),
    }
}

/// Quarters as an exact decimal.
fn decimal(quarters: u8) -> String {
    match quarters % 4 {
        0 => format!("{}", quarters / 4),
        1 => format!("{}.25", quarters / 4),
        2 => format!("{}.5", quarters / 4),
        _ => format!("{}.75", quarters / 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All vectors of the reference: DPC, EI in quarters, CB in quarters, SE in quarters, band.
    #[test]
    fn reference_vectors() {
        let vectors = [
            (
                "hospital ransomware with backup",
                4,
                3,
                1 + 2,
                15,
                Band::High,
            ),
            (
                "salary mail to a known wrong employee",
                3,
                4,
                1,
                13,
                Band::High,
            ),
            ("encrypted laptop", 1, 1, 0, 1, Band::Low),
            ("newsletter with visible copy list", 1, 4, 1, 5, Band::Low),
            ("health data taken", 4, 4, 2 + 2, 20, Band::VeryHigh),
            ("SCRM scrape by IDOR", 2, 4, 2 + 2, 12, Band::High),
            (
                "SCRM scrape with chat archive",
                3,
                4,
                2 + 2,
                16,
                Band::VeryHigh,
            ),
        ];
        for (name, dpc, ei, cb, se, band) in vectors {
            assert_eq!(score(dpc, ei, cb), se, "{name}");
            assert_eq!(band_of(se), band, "{name}");
        }
        assert_eq!(score(4, 4, 8), 24, "the maximum is 6");
    }

    #[test]
    fn edges_are_flagged_on_both_sides() {
        for se in [7, 8, 9, 11, 12, 13, 15, 16, 17] {
            assert!(near_edge(se).is_some(), "{se}");
        }
        for se in [1, 5, 6, 10, 14, 18, 24] {
            assert!(near_edge(se).is_none(), "{se}");
        }
    }
}
