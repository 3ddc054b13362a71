//! The grading annex of the CAC incident-reporting measures, and the type code of GB/T 20986, both as data.

use serde::{Deserialize, Serialize};

use crate::facts::{CauseKind, FactBase, Role};
use crate::rule::Evidence;
use crate::text::{Text, figure};

/// The annex as data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grading {
    /// Where it comes from.
    pub source: Text,
    /// The day it was checked.
    pub verified_at: Option<jiff::civil::Date>,
    /// Names of the grades, from below to the worst.
    pub names: Vec<Text>,
    /// The rows.
    pub rows: Vec<GradeRow>,
}

/// One row of the annex. Thresholds include the number itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradeRow {
    /// Identifier.
    pub id: String,
    /// What is measured.
    pub title: Text,
    /// Unit.
    pub unit: Text,
    /// The measured fact.
    pub input: Input,
    /// Without it the grade is only a lower bound.
    #[serde(default)]
    pub required: bool,
    /// 较大.
    #[serde(default)]
    pub considerable: Option<u64>,
    /// 重大.
    #[serde(default)]
    pub major: Option<u64>,
    /// 特别重大.
    #[serde(default)]
    pub extreme: Option<u64>,
    /// How well each was checked.
    pub evidence: Evidence,
    /// What else a reader must know.
    #[serde(default)]
    pub note: Text,
}

/// What a row measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names are those of the fact base
pub enum Input {
    PersonsHigh,
    DirectLossCny,
    PortalProvinceMinutes,
    PortalPrefectureMinutes,
    CiiWholeMinutes,
    CiiMainMinutes,
    ProvincePopulationPercent,
    PrefecturePopulationPercent,
    LifeServicesPersons,
    TamperedHomeMinutes,
    TamperedPageMinutes,
    TamperedReposts,
    TamperedViews,
    Threat,
}

impl Input {
    fn read(self, f: &FactBase) -> Option<u64> {
        use crate::facts::PortalLevel::{Prefecture, Province};
        let i = &f.impact;
        let cii = f
            .organisation
            .roles
            .as_ref()
            .is_some_and(|r| r.contains(&Role::CiiOperator));
        match self {
            Self::PersonsHigh => f.persons.map(|p| p.high),
            Self::DirectLossCny => i.direct_loss_cny,
            Self::PortalProvinceMinutes => i
                .portal_outage_minutes
                .filter(|_| i.portal_level == Some(Province)),
            Self::PortalPrefectureMinutes => i
                .portal_outage_minutes
                .filter(|_| matches!(i.portal_level, Some(Prefecture | Province))),
            Self::CiiWholeMinutes => i.cii_whole_outage_minutes.filter(|_| cii),
            Self::CiiMainMinutes => i.cii_main_outage_minutes.filter(|_| cii),
            Self::ProvincePopulationPercent => i.province_population_percent,
            Self::PrefecturePopulationPercent => i.prefecture_population_percent,
            Self::LifeServicesPersons => i.life_services_persons,
            Self::TamperedHomeMinutes => i.tampered_home_minutes,
            Self::TamperedPageMinutes => i.tampered_page_minutes,
            Self::TamperedReposts => i.tampered_reposts,
            Self::TamperedViews => i.tampered_views,
            Self::Threat => i.threat.map(|t| t as u64),
        }
    }

    fn field(self) -> &'static str {
        match self {
            Self::PersonsHigh => "persons",
            Self::DirectLossCny => "impact.direct_loss_cny",
            _ => "impact",
        }
    }
}

/// What one row gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowResult {
    /// Row id.
    pub id: String,
    /// What is measured.
    pub title: Text,
    /// The value, if known.
    pub value: Option<u64>,
    /// The value with its unit, if known.
    pub shown: Option<Text>,
    /// Thresholds 较大, 重大, 特别重大.
    pub thresholds: [Option<u64>; 3],
    /// The grade that this row alone gives, 0–3.
    pub grade: u8,
    /// How well the thresholds were checked.
    pub evidence: Evidence,
    /// What else a reader must know.
    pub note: Text,
}

/// The grade with every row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CacResult {
    /// 0 below 较大, 1 较大, 2 重大, 3 特别重大.
    pub grade: u8,
    /// Its name.
    pub name: Text,
    /// Every row.
    pub rows: Vec<RowResult>,
    /// Required inputs that are missing: the grade may still rise.
    pub missing: Vec<&'static str>,
    /// The source of the annex.
    pub source: Text,
}

pub(super) fn grade(f: &FactBase, g: &Grading) -> CacResult {
    let rows: Vec<RowResult> = g
        .rows
        .iter()
        .map(|r| {
            let value = r.input.read(f);
            let thresholds = [r.considerable, r.major, r.extreme];
            let reached = |v: u64| {
                let steps = thresholds.iter().zip(1u8..);
                steps
                    .filter(|(t, _)| t.is_some_and(|t| v >= t))
                    .map(|(_, grade)| grade)
                    .max()
                    .unwrap_or(0)
            };
            RowResult {
                id: r.id.clone(),
                title: r.title.clone(),
                value,
                shown: value.map(|v| {
                    Text::new(
                        format!("{} {}", figure(v), r.unit.zh),
                        format!("{} {}", figure(v), r.unit.en),
                    )
                }),
                thresholds,
                grade: value.map_or(0, reached),
                evidence: r.evidence,
                note: r.note.clone(),
            }
        })
        .collect();
    let grade = rows.iter().map(|r| r.grade).max().unwrap_or(0);
    let missing: Vec<&'static str> = g
        .rows
        .iter()
        .filter(|r| r.required && r.input.read(f).is_none())
        .map(|r| r.input.field())
        .collect();
    CacResult {
        grade,
        name: g.names.get(usize::from(grade)).cloned().unwrap_or_default(),
        rows,
        missing,
        source: g.source.clone(),
    }
}

/// The types of GB/T 20986 as data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeTable {
    /// Where it comes from.
    pub source: Text,
    /// The day it was checked.
    pub verified_at: Option<jiff::civil::Date>,
    /// How well it was checked.
    pub evidence: Option<Evidence>,
    /// The types in the order of the standard.
    pub types: Vec<TypeEntry>,
}

/// One type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeEntry {
    /// The fact base's word for it.
    pub cause: CauseKind,
    /// Place in the standard's list.
    pub code: String,
    /// Its name.
    pub title: Text,
}

/// A type that the incident has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeCode {
    /// Place in the standard's list, as `GB/T 20986-2023/03`.
    pub code: String,
    /// Its name.
    pub title: Text,
    /// How well the code was checked.
    pub evidence: Option<Evidence>,
}

/// The type of the cause, and data security beside it where personal data is touched.
pub(super) fn types(f: &FactBase, table: &TypeTable) -> Vec<TypeCode> {
    let mut causes: Vec<CauseKind> = f.cause.kind.into_iter().collect();
    let b = &f.breach;
    let touched = [b.leaked, b.altered, b.lost].contains(&Some(true));
    if touched && !causes.contains(&CauseKind::DataSecurity) {
        causes.push(CauseKind::DataSecurity);
    }
    causes
        .into_iter()
        .filter_map(|c| table.types.iter().find(|t| t.cause == c))
        .map(|t| TypeCode {
            code: format!("GB/T 20986-2023/{}", t.code),
            title: t.title.clone(),
            evidence: table.evidence,
        })
        .collect()
}
