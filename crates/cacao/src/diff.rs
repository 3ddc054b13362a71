//! What changed from one version of a playbook to the next.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::model::{Playbook, Step, Variables};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A new step.
    StepAdded {
        /// Its id.
        step: String,
        /// Its name.
        name: String,
    },
    /// A step that is gone.
    StepRemoved {
        /// Its id.
        step: String,
        /// Its name.
        name: String,
    },
    /// Fields of a step other than edges and times changed.
    StepChanged {
        /// Its id.
        step: String,
        /// Its name.
        name: String,
        /// Which fields.
        fields: Vec<String>,
    },
    /// A way from a step leads elsewhere: `None` where there was or is none.
    Edge {
        /// The step's id.
        step: String,
        /// The step's name.
        name: String,
        /// Such as `on_failure` or `cases/high`.
        way: String,
        /// Name of the step it led to.
        before: Option<String>,
        /// Name of the step it leads to.
        after: Option<String>,
    },
    /// `timeout` or `delay` of a step, in milliseconds.
    Time {
        /// The step's id.
        step: String,
        /// The step's name.
        name: String,
        /// `timeout` or `delay`.
        field: &'static str,
        /// Before.
        before: Option<i64>,
        /// After.
        after: Option<i64>,
    },
    /// A variable of the playbook: `None` where it was or is not.
    Variable {
        /// Its name.
        name: String,
        /// Type and value before.
        before: Option<String>,
        /// Type and value after.
        after: Option<String>,
    },
    /// Another field of the playbook.
    Field {
        /// Its name.
        field: String,
    },
}

/// All differences, steps in the order of their ids. Signatures and `modified` don't count.
pub fn diff(before: &Playbook, after: &Playbook) -> Vec<Change> {
    let mut changes = Vec::new();
    let ids: BTreeSet<&String> = before
        .workflow
        .keys()
        .chain(after.workflow.keys())
        .collect();
    for id in ids {
        match (before.workflow.get(id), after.workflow.get(id)) {
            (None, Some(step)) => changes.push(Change::StepAdded {
                step: id.clone(),
                name: title(id, step),
            }),
            (Some(step), None) => changes.push(Change::StepRemoved {
                step: id.clone(),
                name: title(id, step),
            }),
            (Some(old), Some(new)) => steps(id, (before, old), (after, new), &mut changes),
            (None, None) => {}
        }
    }
    variables(
        before.playbook_variables.as_ref(),
        after.playbook_variables.as_ref(),
        &mut changes,
    );
    let skip = ["workflow", "playbook_variables", "signatures", "modified"];
    for field in fields_that_differ(before, after, &skip) {
        changes.push(Change::Field { field });
    }
    changes
}

impl Change {
    /// One line in English.
    pub fn en(&self) -> String {
        let ms =
            |time: &Option<i64>| time.map_or_else(|| "none".to_owned(), |ms| format!("{ms} ms"));
        match self {
            Self::StepAdded { name, .. } => format!("step added: {name}"),
            Self::StepRemoved { name, .. } => format!("step removed: {name}"),
            Self::StepChanged { name, fields, .. } => {
                format!("step changed: {name} ({})", fields.join(", "))
            }
            Self::Edge {
                name,
                way,
                before,
                after,
                ..
            } => {
                let or = |to: &Option<String>| to.clone().unwrap_or_else(|| "nothing".to_owned());
                format!(
                    "{name}: {way} leads to {}, before to {}",
                    or(after),
                    or(before)
                )
            }
            Self::Time {
                name,
                field,
                before,
                after,
                ..
            } => format!("{name}: {field} is {}, before {}", ms(after), ms(before)),
            Self::Variable {
                name,
                before: None,
                after: Some(now),
            } => format!("variable added: {name} ({now})"),
            Self::Variable {
                name, after: None, ..
            } => format!("variable removed: {name}"),
            Self::Variable {
                name,
                before,
                after,
            } => {
                let or = |text: &Option<String>| text.clone().unwrap_or_default();
                format!("variable {name}: {}, before {}", or(after), or(before))
            }
            Self::Field { field } => format!("field changed: {field}"),
        }
    }

    /// One line in Chinese.
    pub fn zh(&self) -> String {
        let ms =
            |time: &Option<i64>| time.map_or_else(|| "未设".to_owned(), |ms| format!("{ms} 毫秒"));
        match self {
            Self::StepAdded { name, .. } => format!("新增步骤:{name}"),
            Self::StepRemoved { name, .. } => format!("删除步骤:{name}"),
            Self::StepChanged { name, fields, .. } => {
                format!("步骤有改动:{name}({})", fields.join("、"))
            }
            Self::Edge {
                name,
                way,
                before,
                after,
                ..
            } => {
                let or = |to: &Option<String>| to.clone().unwrap_or_else(|| "无".to_owned());
                format!("{name}:{way} 改为通往 {},原为 {}", or(after), or(before))
            }
            Self::Time {
                name,
                field,
                before,
                after,
                ..
            } => {
                let what = if *field == "timeout" {
                    "超时"
                } else {
                    "延迟"
                };
                format!("{name}:{what}改为 {},原为 {}", ms(after), ms(before))
            }
            Self::Variable {
                name,
                before: None,
                after: Some(now),
            } => format!("新增变量:{name}({now})"),
            Self::Variable {
                name, after: None, ..
            } => format!("删除变量:{name}"),
            Self::Variable {
                name,
                before,
                after,
            } => {
                let or = |text: &Option<String>| text.clone().unwrap_or_default();
                format!("变量 {name} 改为 {},原为 {}", or(after), or(before))
            }
            Self::Field { field } => format!("字段有改动:{field}"),
        }
    }
}

fn steps(
    id: &str,
    (before, old): (&Playbook, &Step),
    (after, new): (&Playbook, &Step),
    changes: &mut Vec<Change>,
) {
    let (step, name) = (id.to_owned(), title(id, new));
    let named = |playbook: &Playbook, to: &str| {
        playbook
            .workflow
            .get(to)
            .map_or_else(|| to.to_owned(), |step| title(to, step))
    };
    let ways_before: BTreeMap<String, &str> = old.edges().into_iter().collect();
    let ways_after: BTreeMap<String, &str> = new.edges().into_iter().collect();
    let ways: BTreeSet<&String> = ways_before.keys().chain(ways_after.keys()).collect();
    for way in ways
        .into_iter()
        .filter(|way| ways_before.get(*way) != ways_after.get(*way))
    {
        changes.push(Change::Edge {
            step: step.clone(),
            name: name.clone(),
            way: way.clone(),
            before: ways_before.get(way).map(|to| named(before, to)),
            after: ways_after.get(way).map(|to| named(after, to)),
        });
    }
    for (field, before, after) in [
        ("timeout", old.timeout, new.timeout),
        ("delay", old.delay, new.delay),
    ] {
        if before != after {
            changes.push(Change::Time {
                step: step.clone(),
                name: name.clone(),
                field,
                before,
                after,
            });
        }
    }
    let skip = [
        "timeout",
        "delay",
        "on_completion",
        "on_success",
        "on_failure",
        "on_true",
        "on_false",
        "next_steps",
        "cases",
    ];
    let fields = fields_that_differ(old, new, &skip);
    if !fields.is_empty() {
        changes.push(Change::StepChanged { step, name, fields });
    }
}

fn variables(before: Option<&Variables>, after: Option<&Variables>, changes: &mut Vec<Change>) {
    let all = |variables: Option<&Variables>| -> BTreeMap<String, String> {
        let text =
            |v: &crate::model::Variable| format!("{} = {}", v.type_, v.value().unwrap_or("–"));
        variables
            .into_iter()
            .flatten()
            .map(|(name, v)| (name.clone(), text(v)))
            .collect()
    };
    let (before, after) = (all(before), all(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
    {
        changes.push(Change::Variable {
            name: name.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        });
    }
}

fn fields_that_differ(
    before: &impl Serialize,
    after: &impl Serialize,
    skip: &[&str],
) -> Vec<String> {
    let (Ok(Value::Object(before)), Ok(Value::Object(after))) =
        (serde_json::to_value(before), serde_json::to_value(after))
    else {
        return Vec::new();
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs =
        |name: &&String| !skip.contains(&&name[..]) && before.get(*name) != after.get(*name);
    names.into_iter().filter(differs).cloned().collect()
}

fn title(id: &str, step: &Step) -> String {
    step.name.clone().unwrap_or_else(|| id.to_owned())
}
