//! How a case is graded and who does what: content as data, `rules/response/*.yaml`.

use std::collections::BTreeSet;

use hudun_core::{
    Department, Grade, GradeRow, IncidentId, Level, Task, TaskId, TaskState, Text, Timestamp,
};
use serde::Deserialize;

/// The table that ships with the product.
const BUILT_IN: &str = include_str!("../../../rules/response/scrm.yaml");

/// Rows of the grading table and the tasks of a new case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseRules {
    rows: Vec<Row>,
    opens_at: Level,
    tasks: Vec<TaskRule>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    grade: Grade,
    #[serde(default)]
    any: Vec<String>,
    #[serde(default)]
    distinct: Option<usize>,
    text: Text,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskRule {
    department: Department,
    minutes: u32,
    title: Text,
}

impl ResponseRules {
    /// The rules that ship with the product.
    ///
    /// # Errors
    /// [`RulesError`] never, unless the product was built with a broken file; a test guards that.
    pub fn built_in() -> Result<Self, RulesError> {
        Self::parse(BUILT_IN, "rules/response/scrm.yaml")
    }

    /// Reads rules.
    ///
    /// # Errors
    /// [`RulesError`] with file, line and field.
    pub fn parse(text: &str, file: &str) -> Result<Self, RulesError> {
        let rules: Self = serde_saphyr::from_str(text).map_err(|cause| RulesError {
            file: file.to_owned(),
            problem: cause.to_string(),
        })?;
        let mut ids = BTreeSet::new();
        for row in &rules.rows {
            let problem = if !ids.insert(row.id.as_str()) {
                "stands twice"
            } else if row.any.is_empty() && row.distinct.is_none() {
                "has neither `any` nor `distinct`, so it could never fire"
            } else if row.distinct == Some(0) {
                "`distinct: 0` would always fire"
            } else {
                continue;
            };
            return Err(RulesError {
                file: file.to_owned(),
                problem: format!("row {:?} {problem}", row.id),
            });
        }
        Ok(rules)
    }

    /// Whether a finding of this level opens a case by itself.
    pub fn opens(&self, level: Level) -> bool {
        level >= self.opens_at
    }

    /// The grade for these rules having fired, and the rows that say so.
    pub fn grade(&self, fired: &BTreeSet<String>) -> (Grade, Vec<GradeRow>) {
        let rows: Vec<GradeRow> = self
            .rows
            .iter()
            .filter(|row| {
                row.any.iter().any(|rule| fired.contains(rule))
                    || row.distinct.is_some_and(|least| fired.len() >= least)
            })
            .map(|row| GradeRow {
                id: row.id.clone(),
                grade: row.grade,
                text: row.text.clone(),
            })
            .collect();
        let grade = rows.iter().map(|row| row.grade).max().unwrap_or(Grade::Low);
        (grade, rows)
    }

    /// The tasks of a new case.
    pub(crate) fn tasks(&self, incident: IncidentId, now: Timestamp) -> Vec<Task> {
        self.tasks
            .iter()
            .map(|rule| Task {
                id: TaskId::new(),
                incident,
                department: rule.department,
                title: rule.title.clone(),
                due_at: now.plus_millis(i64::from(rule.minutes) * 60_000),
                state: TaskState::Open,
                by: None,
                note: String::new(),
                changed_at: now,
            })
            .collect()
    }
}

/// Rules that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct RulesError {
    file: String,
    problem: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(rules: &[&str]) -> BTreeSet<String> {
        rules.iter().map(|&rule| rule.to_owned()).collect()
    }

    #[test]
    fn the_built_in_table_grades_and_every_department_has_a_task() {
        let rules = ResponseRules::built_in().unwrap();
        assert_eq!(rules.grade(&fired(&["scrm.new-network"])).0, Grade::Low);
        assert_eq!(rules.grade(&fired(&["scrm.injection"])).0, Grade::Medium);
        let (grade, rows) = rules.grade(&fired(&["scrm.new-network", "scrm.id-walk"]));
        assert_eq!(grade, Grade::High);
        assert_eq!(rows[0].id, "personal-data-left");
        let departments: BTreeSet<_> = rules
            .tasks(IncidentId::new(), Timestamp::from_millis(0))
            .iter()
            .map(|task| task.department)
            .collect();
        assert_eq!(departments.len(), 5);
    }

    #[test]
    fn more_rules_fired_never_lower_the_grade() {
        let rules = ResponseRules::built_in().unwrap();
        let all = [
            "scrm.new-network",
            "scrm.injection",
            "scrm.brute-force",
            "scrm.id-walk",
            "scrm.mass-read",
        ];
        for set in 0u32..1 << all.len() {
            let some: Vec<&str> = (0..all.len())
                .filter(|bit| set >> bit & 1 == 1)
                .map(|bit| all[bit])
                .collect();
            let grade = rules.grade(&fired(&some)).0;
            for more in all {
                let mut wider = some.clone();
                wider.push(more);
                assert!(rules.grade(&fired(&wider)).0 >= grade, "{wider:?}");
            }
        }
    }

    #[test]
    fn a_row_that_cannot_fire_is_refused_by_name() {
        let text = "rows:\n  - id: odd\n    grade: low\n    text: {zh: a, en: b}\nopens_at: high\ntasks: []\n";
        let error = ResponseRules::parse(text, "x.yaml")
            .unwrap_err()
            .to_string();
        assert!(error.contains("x.yaml") && error.contains("odd"), "{error}");
    }
}
