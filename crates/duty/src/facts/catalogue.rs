//! The facts that rules may name: one table, so that a rule with a misspelt fact does not load.

use std::collections::BTreeSet;

use super::{DataKind, FactBase, RiskLevel, Vulnerability};
use crate::text::Text;

/// The value of a fact, or what is missing to know it.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// A count or amount.
    Number(u64),
    /// A count that is at least this; what is missing could raise it.
    AtLeast(u64, Vec<&'static str>),
    /// Yes or no.
    Flag(bool),
    /// A word of a closed list.
    Word(&'static str),
    /// A set of words; the second part names what is missing for it to be complete.
    Set(BTreeSet<String>, Vec<&'static str>),
    /// Not known; the fields that would tell.
    Unknown(Vec<&'static str>),
}

/// What the engine works out before any rule is asked.
#[derive(Clone, Debug, Default)]
pub struct Derived {
    /// Grade of the CAC annex: 0 below, 1 较大, 2 重大, 3 特别重大; and the missing inputs that could raise it.
    pub cac_grade: u64,
    /// Inputs without which the grade is only a lower bound.
    pub cac_missing: Vec<&'static str>,
    /// Risk to persons, if it can be told.
    pub risk: Option<RiskLevel>,
    /// Records converted under 法释〔2019〕15号, if they can be told.
    pub crime_converted: Option<u64>,
}

/// One nameable fact.
pub struct Fact {
    /// The name used in rules.
    pub name: &'static str,
    /// Chinese label.
    pub zh: &'static str,
    /// English label.
    pub en: &'static str,
    /// Unit, Chinese and English; empty where there is none.
    pub unit: (&'static str, &'static str),
    /// The type: `number`, `flag`, `word` or `set`.
    pub shape: &'static str,
    get: fn(&FactBase, &Derived) -> Known,
}

/// Looks a fact up. `persons_in.XX` and `persons_in.US-CA` name the persons of one place.
pub fn lookup(name: &str, facts: &FactBase, derived: &Derived) -> Option<Known> {
    if let Some(place) = name.strip_prefix(PERSONS_IN) {
        return Some(persons_in(place, facts));
    }
    FACTS
        .iter()
        .find(|f| f.name == name)
        .map(|f| (f.get)(facts, derived))
}

/// The label of a fact; falls back to its name.
pub fn label(name: &str) -> Text {
    if let Some(place) = name.strip_prefix(PERSONS_IN) {
        return Text::new(
            format!("位于 {place} 的受影响人数（上限）"),
            format!("affected persons in {place} (high)"),
        );
    }
    FACTS
        .iter()
        .find(|f| f.name == name)
        .map_or_else(|| Text::new(name, name), |f| Text::new(f.zh, f.en))
}

/// The unit of a fact.
pub fn unit(name: &str) -> (&'static str, &'static str) {
    if name.starts_with(PERSONS_IN) {
        return PERSONS;
    }
    FACTS
        .iter()
        .find(|f| f.name == name)
        .map_or(("", ""), |f| f.unit)
}

/// The type of a fact, or nothing when there is no such fact.
pub fn shape(name: &str) -> Option<&'static str> {
    if let Some(place) = name.strip_prefix(PERSONS_IN) {
        return (place.len() >= 2).then_some("number");
    }
    FACTS.iter().find(|f| f.name == name).map(|f| f.shape)
}

/// Member states of the European Economic Area.
pub fn in_eea(country: &str) -> bool {
    EEA.contains(&country)
}

fn flag(v: Option<bool>, field: &'static str) -> Known {
    v.map_or_else(|| Known::Unknown(vec![field]), Known::Flag)
}

fn number(v: Option<u64>, field: &'static str) -> Known {
    v.map_or_else(|| Known::Unknown(vec![field]), Known::Number)
}

fn vulnerability(
    f: &FactBase,
    field: &'static str,
    get: fn(&Vulnerability) -> Option<bool>,
) -> Known {
    match &f.vulnerability {
        None => Known::Unknown(vec!["vulnerability"]),
        Some(v) if !v.exists => Known::Flag(false),
        Some(v) => flag(get(v), field),
    }
}

/// Leaked, altered, lost, or possibly so: PIPL 57 and GDPR 4(12) alike.
fn personal_data(f: &FactBase) -> Known {
    let b = &f.breach;
    if f.persons.is_some_and(|p| p.high == 0) {
        return Known::Flag(false);
    }
    let parts = [b.leaked, b.altered, b.lost, b.possible];
    if parts.contains(&Some(true)) {
        return Known::Flag(true);
    }
    if parts.iter().all(|p| *p == Some(false)) {
        return Known::Flag(false);
    }
    let names = [
        "breach.leaked",
        "breach.altered",
        "breach.lost",
        "breach.possible",
    ];
    Known::Unknown(
        names
            .into_iter()
            .zip(parts)
            .filter(|(_, v)| v.is_none())
            .map(|(n, _)| n)
            .collect(),
    )
}

fn sensitive_persons(f: &FactBase) -> Known {
    if let Some(c) = f.sensitive_persons {
        return Known::Number(c.high);
    }
    let Some(kinds) = &f.kinds else {
        return Known::Unknown(vec!["sensitive_persons", "kinds"]);
    };
    let largest = kinds
        .iter()
        .filter(|(k, _)| k.is_sensitive())
        .map(|(_, c)| c.high)
        .max();
    let minors = f.minors.map_or(0, |c| c.high);
    Known::Number(largest.unwrap_or(0).max(minors))
}

fn persons_in(place: &str, f: &FactBase) -> Known {
    let Some(places) = &f.places else {
        return Known::Unknown(vec!["places"]);
    };
    let here = |p: &&super::Place| match place.split_once('-') {
        Some((country, region)) => p.country == country && p.region == region,
        None if place == "EEA" => in_eea(&p.country),
        None => p.country == place,
    };
    Known::Number(
        places
            .iter()
            .filter(here)
            .map(|p| p.persons.high)
            .fold(0, u64::saturating_add),
    )
}

/// Countries where the organisation is established or the affected persons are; `EEA` stands for any member.
fn reach(f: &FactBase) -> Known {
    let mut missing = Vec::new();
    let mut set = BTreeSet::new();
    match &f.organisation.countries {
        Some(c) => set.extend(c.iter().cloned()),
        None => missing.push("organisation.countries"),
    }
    match &f.places {
        Some(places) => set.extend(
            places
                .iter()
                .filter(|p| p.persons.high > 0)
                .map(|p| p.country.clone()),
        ),
        None => missing.push("places"),
    }
    if set.iter().any(|c| in_eea(c)) {
        set.insert("EEA".to_owned());
    }
    Known::Set(set, missing)
}

fn roles(f: &FactBase) -> Known {
    match &f.organisation.roles {
        None => Known::Unknown(vec!["organisation.roles"]),
        Some(roles) => Known::Set(
            roles
                .iter()
                .filter_map(|r| serde_json::to_value(r).ok()?.as_str().map(str::to_owned))
                .collect(),
            vec![],
        ),
    }
}

macro_rules! facts {
    ($( $name:literal, $zh:literal, $en:literal, $unit:expr, $shape:literal, $get:expr; )*) => {
        /// Every fact that a rule may name, apart from `persons_in.*`.
        pub const FACTS: &[Fact] = &[ $( Fact { name: $name, zh: $zh, en: $en, unit: $unit, shape: $shape, get: $get }, )* ];
    };
}

facts! {
    "breach.personal_data", "发生或者可能发生个人信息泄露、篡改、丢失", "personal data leaked, altered or lost, or possibly so", NONE, "flag", |f, _| personal_data(f);
    "breach.leaked", "个人信息泄露", "personal data leaked", NONE, "flag", |f, _| flag(f.breach.leaked, "breach.leaked");
    "breach.malicious", "存在恶意（窃取、攻击、出售）", "malicious intent", NONE, "flag", |f, _| flag(f.breach.malicious, "breach.malicious");
    "breach.unintelligible", "数据已加密或不可读且密钥安全", "data unintelligible, key safe", NONE, "flag", |f, _| flag(f.breach.unintelligible, "breach.unintelligible");
    "breach.harm_avoided", "已采取措施有效避免危害", "measures effectively avoided harm", NONE, "flag", |f, _| flag(f.breach.harm_avoided, "breach.harm_avoided");
    "breach.recovered", "已收回或删除且风险明显较低", "recovered or deleted with clearly low risk", NONE, "flag", |f, _| flag(f.breach.recovered, "breach.recovered");
    "breach.within_organisation", "仅在同一组织内部", "only within one organisation", NONE, "flag", |f, _| flag(f.breach.within_organisation, "breach.within_organisation");
    "breach.individual_notice_disproportionate", "逐一告知需付出不成比例的努力", "telling each person takes disproportionate effort", NONE, "flag", |f, _| flag(f.breach.individual_notice_disproportionate, "breach.individual_notice_disproportionate");
    "breach.law_enforcement_hold", "执法机关要求暂缓告知", "law enforcement asked to delay notice", NONE, "flag", |f, _| flag(f.breach.law_enforcement_hold, "breach.law_enforcement_hold");
    "persons.likely", "受影响人数（最可能）", "affected persons (likely)", PERSONS, "number", |f, _| number(f.persons.map(|c| c.likely), "persons");
    "persons.high", "受影响人数（上限）", "affected persons (high)", PERSONS, "number", |f, _| number(f.persons.map(|c| c.high), "persons");
    "records.high", "受影响记录数（上限）", "affected records (high)", RECORDS, "number", |f, _| number(f.records.map(|c| c.high), "records");
    "sensitive_persons.high", "敏感个人信息受影响人数（上限）", "persons with sensitive data affected (high)", PERSONS, "number", |f, _| sensitive_persons(f);
    "minors.high", "未满十四周岁未成年人数（上限）", "minors under fourteen (high)", PERSONS, "number", |f, _| number(f.minors.map(|c| c.high), "minors");
    "kinds", "涉及的信息种类", "kinds of data", NONE, "set", |f, _| match &f.kinds {
        Some(k) => Known::Set(k.keys().map(|k| k.id().to_owned()).collect(), vec![]),
        None => Known::Unknown(vec!["kinds"]),
    };
    "kinds.sensitive", "涉及敏感个人信息", "sensitive personal data involved", NONE, "flag", |f, _| match &f.kinds {
        Some(k) => Known::Flag(k.keys().any(|k| k.is_sensitive()) || f.minors.is_some_and(|m| m.high > 0)),
        None => Known::Unknown(vec!["kinds"]),
    };
    "kinds.unique_id", "涉及身份证、护照等唯一识别信息", "unique identifiers such as identity or passport numbers involved", NONE, "flag", |f, _| match &f.kinds {
        Some(k) => Known::Flag(k.keys().any(|k| matches!(k, DataKind::ResidentId | DataKind::NationalId | DataKind::Passport))),
        None => Known::Unknown(vec!["kinds"]),
    };
    "reach.countries", "涉及的国家或地区", "countries in reach", NONE, "set", |f, _| reach(f);
    "organisation.roles", "本单位的角色", "roles of the organisation", NONE, "set", |f, _| roles(f);
    "organisation.pi_subject_count", "处理个人信息的总人数", "persons whose data is processed in all", PERSONS, "number", |f, _| number(f.organisation.pi_subject_count, "organisation.pi_subject_count");
    "organisation.telecom_licence", "持有增值电信业务许可", "holds a telecom licence", NONE, "flag", |f, _| flag(f.organisation.telecom_licence, "organisation.telecom_licence");
    "organisation.nis2", "属于 NIS2 重要或关键实体", "important or essential entity under NIS2", NONE, "flag", |f, _| flag(f.organisation.nis2.map(|c| c != super::Nis2Class::None), "organisation.nis2");
    "organisation.us_issuer", "美国注册证券发行人", "issuer of securities registered in the US", NONE, "flag", |f, _| flag(f.organisation.us_issuer, "organisation.us_issuer");
    "organisation.designated_ci", "被指定为关键基础设施的地区", "designated critical infrastructure in", NONE, "set", |f, _| Known::Set(f.organisation.designated_ci.clone(), vec![]);
    "organisation.tenants", "受影响的客户单位数", "customer organisations touched", ("家", "tenants"), "number", |f, _| Known::Number(f.tenants.len() as u64);
    "cause.external_access", "外部人员非法访问", "unlawful access from outside", NONE, "flag", |f, _| flag(f.cause.external_access, "cause.external_access");
    "cause.crime_suspected", "涉嫌犯罪", "crime suspected", NONE, "flag", |f, _| flag(f.cause.crime_suspected, "cause.crime_suspected");
    "cause.order_disobeyed", "经责令改正而拒不改正", "an order to correct was disobeyed", NONE, "flag", |f, _| flag(f.cause.order_disobeyed, "cause.order_disobeyed");
    "vulnerability.exists", "存在漏洞", "a vulnerability exists", NONE, "flag", |f, _| vulnerability(f, "vulnerability", |_| Some(true));
    "vulnerability.own_product", "漏洞存在于本单位提供的网络产品", "the vulnerability is in the organisation's own product", NONE, "flag", |f, _| vulnerability(f, "vulnerability.own_product", |v| v.own_product);
    "vulnerability.eu_product", "产品属于在欧盟投放的含数字要素产品", "the product has digital elements and is on the EU market", NONE, "flag", |f, _| vulnerability(f, "vulnerability.eu_product", |v| v.eu_product);
    "vulnerability.exploited", "漏洞已被利用", "the vulnerability is actively exploited", NONE, "flag", |f, _| vulnerability(f, "vulnerability.exploited", |v| v.exploited);
    "vulnerability.disclosed", "漏洞已公开", "the vulnerability is disclosed", NONE, "flag", |f, _| vulnerability(f, "vulnerability.disclosed", |v| v.disclosed);
    "vulnerability.national_security", "漏洞涉及危害国家安全、公共利益", "the vulnerability touches national security or the public interest", NONE, "flag", |f, _| vulnerability(f, "vulnerability.national_security", |v| v.national_security);
    "impact.direct_loss_cny", "直接经济损失", "direct economic loss", ("元", "CNY"), "number", |f, _| number(f.impact.direct_loss_cny, "impact.direct_loss_cny");
    "impact.outage_minutes", "业务中断时长", "outage", MINUTES, "number", |f, _| number(f.impact.outage_minutes, "impact.outage_minutes");
    "impact.important_data", "涉及重要数据", "important data affected", NONE, "flag", |f, _| flag(f.impact.important_data, "impact.important_data");
    "impact.harm_done", "对个人、组织造成危害", "harm to persons or organisations", NONE, "flag", |f, _| flag(f.impact.harm_done, "impact.harm_done");
    "impact.property_damage_risk", "存在财产损失风险", "risk of damage to property", NONE, "flag", |f, _| flag(f.impact.property_damage_risk, "impact.property_damage_risk");
    "impact.significant_harm", "可能对个人造成重大损害", "significant harm to persons", NONE, "flag", |f, _| flag(f.impact.significant_harm, "impact.significant_harm");
    "impact.nis2_significant", "属于 NIS2 重大事件", "significant incident under NIS2", NONE, "flag", |f, _| flag(f.impact.nis2_significant, "impact.nis2_significant");
    "impact.cra_severe", "属于 CRA 严重事件", "severe incident under the CRA", NONE, "flag", |f, _| flag(f.impact.cra_severe, "impact.cra_severe");
    "impact.br_relevant", "可能造成相关风险或损害（巴西）", "relevant risk or damage (Brazil)", NONE, "flag", |f, _| flag(f.impact.br_relevant, "impact.br_relevant");
    "impact.sec_material", "对投资者重大", "material to investors", NONE, "flag", |f, _| flag(f.impact.sec_material, "impact.sec_material");
    "cac.grade", "网络安全事件等级（0 未达较大，1 较大，2 重大，3 特别重大）", "CAC grade (0 below, 1 considerable, 2 major, 3 extreme)", NONE, "number", |_, d| if d.cac_missing.is_empty() {
        Known::Number(d.cac_grade)
    } else {
        Known::AtLeast(d.cac_grade, d.cac_missing.clone())
    };
    "risk.level", "对个人权益的风险（0 不太可能，1 有风险，2 高风险）", "risk to persons (0 unlikely, 1 risk, 2 high)", NONE, "number", |_, d| number(d.risk.map(|r| r as u64), "breach");
    "crime.converted", "按法释〔2019〕15号折算的条数（按刑事档）", "records converted under 法释〔2019〕15号", RECORDS, "number", |_, d| number(d.crime_converted, "records");
    "abroad.vulnerability_detail", "拟向境外提供未公开漏洞信息", "detail of an undisclosed vulnerability is to go abroad", NONE, "flag", |f, _| flag(f.abroad.vulnerability_detail, "abroad.vulnerability_detail");
    "abroad.evidence", "拟向境外提供含个人信息的证据", "evidence with personal data is to go abroad", NONE, "flag", |f, _| flag(f.abroad.evidence, "abroad.evidence");
    "abroad.foreign_authority_request", "境外司法或执法机构要求提供数据", "a foreign authority asked for data", NONE, "flag", |f, _| flag(f.abroad.foreign_authority_request, "abroad.foreign_authority_request");
    "abroad.released", "法务已书面放行", "counsel released the transfer in writing", NONE, "flag", |f, _| Known::Flag(!f.abroad.counsel_release.trim().is_empty());
}

const PERSONS_IN: &str = "persons_in.";
const NONE: (&str, &str) = ("", "");
const PERSONS: (&str, &str) = ("人", "persons");
const RECORDS: (&str, &str) = ("条", "records");
const MINUTES: (&str, &str) = ("分钟", "minutes");
const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS",
    "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];
