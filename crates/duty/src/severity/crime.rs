//! Record counters of Chinese criminal law: 法释〔2017〕10号 Art. 5 and 法释〔2019〕15号 Art. 4.

use serde::Serialize;

use crate::facts::{CrimeClass, CrimeRecords, FactBase};
use crate::text::{Text, figure};

/// One class of records against its thresholds (unit: 条).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CrimeRow {
    /// The class.
    pub class: CrimeClass,
    /// What falls into it.
    pub title: Text,
    /// Records.
    pub records: u64,
    /// Threshold for the attacker's offence (情节严重).
    pub attacker_threshold: u64,
    /// Tenfold: 情节特别严重.
    pub attacker_grave_threshold: u64,
    /// Threshold for the operator's offence.
    pub operator_threshold: u64,
}

/// The counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CrimeResult {
    /// Per class.
    pub rows: Vec<CrimeRow>,
    /// True when the records were estimated from persons per kind because no record counts are given.
    pub estimated: bool,
    /// n1 × 100 + n2 × 10 + n3; nothing when neither records nor kinds are known.
    pub converted: Option<u64>,
    /// The conversion in figures.
    pub formula: String,
    /// The threshold of the converted sum: 50 000.
    pub converted_threshold: u64,
    /// The attacker's threshold is met (情节严重), alone or pro rata.
    pub attacker_met: bool,
    /// Tenfold (情节特别严重).
    pub attacker_grave: bool,
    /// The operator's record threshold is met (it also takes an order that was not obeyed).
    pub operator_met: bool,
}

pub(super) fn count(f: &FactBase) -> CrimeResult {
    let (records, estimated, known) = match (f.crime_records, &f.kinds) {
        (Some(r), _) => (r, false, true),
        (None, Some(_)) => (from_kinds(f), true, true),
        (None, None) => (CrimeRecords::default(), false, false),
    };
    let converted = records
        .strict
        .saturating_mul(100)
        .saturating_add(records.important.saturating_mul(10))
        .saturating_add(records.other);
    let row = |class, zh: &str, en: &str, records, attacker: u64| CrimeRow {
        class,
        title: Text::new(zh, en),
        records,
        attacker_threshold: attacker,
        attacker_grave_threshold: attacker * 10,
        operator_threshold: attacker * 10,
    };
    CrimeResult {
        rows: vec![
            row(
                CrimeClass::Strict,
                "行踪轨迹、通信内容、征信、财产信息",
                "movement, communication content, credit, property",
                records.strict,
                50,
            ),
            row(
                CrimeClass::Important,
                "住宿、通信记录、健康生理、交易信息",
                "lodging, communication records, health, transactions",
                records.important,
                500,
            ),
            row(
                CrimeClass::Other,
                "其他个人信息",
                "other personal data",
                records.other,
                5_000,
            ),
        ],
        estimated,
        converted: known.then_some(converted),
        formula: format!(
            "{} × 100 + {} × 10 + {} = {}",
            figure(records.strict),
            figure(records.important),
            figure(records.other),
            figure(converted)
        ),
        converted_threshold: OPERATOR,
        attacker_met: converted >= OPERATOR / 10,
        attacker_grave: converted >= OPERATOR,
        operator_met: converted >= OPERATOR,
    }
}

/// One record per person and class, at most: a floor, since chats and orders have many rows per person.
fn from_kinds(f: &FactBase) -> CrimeRecords {
    let largest = |class: CrimeClass| {
        let kinds = f.kinds.iter().flatten();
        kinds
            .filter(|(k, _)| k.crime() == class)
            .map(|(_, c)| c.high)
            .max()
            .unwrap_or(0)
    };
    CrimeRecords {
        strict: largest(CrimeClass::Strict),
        important: largest(CrimeClass::Important),
        other: largest(CrimeClass::Other),
    }
}

const OPERATOR: u64 = 50_000;
