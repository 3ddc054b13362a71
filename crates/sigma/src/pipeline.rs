//! Processing pipelines: how the field names of rules become the names that events carry.
//!
//! The format is that of pySigma. A transformation that isn't known is an error, never skipped.

use std::collections::HashMap;

use rsigma_parser::LogSource;
use serde::Deserialize;

use crate::error::LoadErrorKind;
use crate::rule::Source;

/// Transformations in the order of their priority.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    /// Its name, for messages.
    pub name: String,
    priority: i64,
    steps: Vec<Step>,
    vars: HashMap<String, Vec<String>>,
    text: String,
}

impl Pipeline {
    /// Reads a pipeline (YAML).
    ///
    /// # Errors
    /// [`LoadErrorKind::Pipeline`] says what isn't understood.
    pub fn read(text: &str) -> Result<Self, LoadErrorKind> {
        let wrong = |reason: String| LoadErrorKind::Pipeline(reason);
        let file: File =
            serde_saphyr::from_str(text).map_err(|error| wrong(first_line(&error.to_string())))?;
        let mut steps = Vec::new();
        for (n, raw) in file.transformations.into_iter().enumerate() {
            let at = |reason: String| wrong(format!("transformation {}: {reason}", n + 1));
            for condition in raw.rule_conditions.iter().flatten() {
                if condition.kind != "logsource" {
                    return Err(at(format!(
                        "rule condition {:?} is not known",
                        condition.kind
                    )));
                }
            }
            for condition in raw.field_name_conditions.iter().flatten() {
                if condition.kind != "include_fields" && condition.kind != "exclude_fields" {
                    return Err(at(format!(
                        "field condition {:?} is not known",
                        condition.kind
                    )));
                }
            }
            let many = |what: &str| {
                raw.mapping
                    .clone()
                    .ok_or_else(|| at(format!("{what} needs a mapping")))
            };
            let one = |value: &Option<String>, what: &str| {
                value
                    .clone()
                    .ok_or_else(|| at(format!("{} needs {what}", raw.kind)))
            };
            let action = match raw.kind.as_str() {
                "field_name_mapping" => Action::Map(
                    many("field_name_mapping")?
                        .into_iter()
                        .map(|(from, to)| (from, to.into()))
                        .collect(),
                ),
                "field_name_prefix_mapping" => Action::MapPrefix(
                    many("field_name_prefix_mapping")?
                        .into_iter()
                        .map(|(from, to)| (from, to.into()))
                        .collect(),
                ),
                "field_name_prefix" => Action::Prefix(one(&raw.prefix, "prefix")?),
                "field_name_suffix" => Action::Suffix(one(&raw.suffix, "suffix")?),
                "change_logsource" => Action::Logsource(Source {
                    category: raw.category.clone(),
                    product: raw.product.clone(),
                    service: raw.service.clone(),
                }),
                "rule_failure" => Action::Fail(one(&raw.message, "message")?),
                "value_placeholders" => continue,
                kind => return Err(at(format!("type {kind:?} is not known"))),
            };
            steps.push(Step {
                action,
                logsources: raw
                    .rule_conditions
                    .into_iter()
                    .flatten()
                    .map(|condition| Source {
                        category: condition.category,
                        product: condition.product,
                        service: condition.service,
                    })
                    .collect(),
                any_logsource: raw.rule_cond_op.as_deref() == Some("or"),
                not_logsource: raw.rule_cond_not,
                fields: raw
                    .field_name_conditions
                    .into_iter()
                    .flatten()
                    .map(|condition| (condition.kind == "include_fields", condition.fields))
                    .collect(),
            });
        }
        Ok(Self {
            name: file.name.unwrap_or_default(),
            priority: file.priority,
            steps,
            vars: file
                .vars
                .into_iter()
                .map(|(name, values)| (name, values.into()))
                .collect(),
            text: text.to_owned(),
        })
    }

    /// What makes two pipelines the same.
    pub(crate) fn shape(&self) -> &str {
        &self.text
    }

    /// Values for placeholders.
    pub(crate) const fn vars(&self) -> &HashMap<String, Vec<String>> {
        &self.vars
    }

    pub(crate) const fn priority(&self) -> i64 {
        self.priority
    }
}

/// What the pipelines do to one rule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mapping {
    steps: Vec<(Action, Vec<FieldFilter>)>,
    pub(crate) logsource: Option<Source>,
}

impl Mapping {
    /// Those steps of the pipelines that are about a rule of this log source.
    pub(crate) fn of(pipelines: &[Pipeline], logsource: &LogSource) -> Result<Self, LoadErrorKind> {
        let mut source = Source::from(logsource);
        let mut mapping = Self::default();
        for step in pipelines.iter().flat_map(|pipeline| &pipeline.steps) {
            if !step.is_about(&source) {
                continue;
            }
            match &step.action {
                Action::Fail(message) => return Err(LoadErrorKind::Pipeline(message.clone())),
                Action::Logsource(to) => {
                    source = to.clone();
                    mapping.logsource = Some(to.clone());
                }
                action => mapping.steps.push((action.clone(), step.fields.clone())),
            }
        }
        Ok(mapping)
    }

    /// The names that a field of the rule has in events; more than one when a mapping gives a list.
    pub(crate) fn targets(&self, field: &str) -> Vec<String> {
        let mut names = vec![field.to_owned()];
        for (action, conditions) in &self.steps {
            names = names
                .into_iter()
                .flat_map(|name| {
                    let chosen = conditions
                        .iter()
                        .all(|(include, fields)| fields.contains(&name) == *include);
                    if chosen {
                        action.apply(name)
                    } else {
                        vec![name]
                    }
                })
                .collect();
        }
        names
    }
}

#[derive(Debug, Clone)]
struct Step {
    action: Action,
    logsources: Vec<Source>,
    any_logsource: bool,
    not_logsource: bool,
    fields: Vec<FieldFilter>,
}

/// Fields that a step is for, or with `false` isn't for.
type FieldFilter = (bool, Vec<String>);

impl Step {
    fn is_about(&self, source: &Source) -> bool {
        if self.logsources.is_empty() {
            return true;
        }
        let same = |wanted: &Option<String>, has: &Option<String>| match (wanted, has) {
            (None, _) => true,
            (Some(wanted), Some(has)) => wanted.eq_ignore_ascii_case(has),
            (Some(_), None) => false,
        };
        let holds = |wanted: &Source| {
            same(&wanted.category, &source.category)
                && same(&wanted.product, &source.product)
                && same(&wanted.service, &source.service)
        };
        let all = if self.any_logsource {
            self.logsources.iter().any(holds)
        } else {
            self.logsources.iter().all(holds)
        };
        all != self.not_logsource
    }
}

#[derive(Debug, Clone)]
enum Action {
    Map(HashMap<String, Vec<String>>),
    MapPrefix(HashMap<String, Vec<String>>),
    Prefix(String),
    Suffix(String),
    Logsource(Source),
    Fail(String),
}

impl Action {
    fn apply(&self, name: String) -> Vec<String> {
        match self {
            Self::Map(map) => map.get(&name).cloned().unwrap_or_else(|| vec![name]),
            Self::MapPrefix(map) => {
                for (prefix, to) in map {
                    if let Some(rest) = name.strip_prefix(prefix.as_str()) {
                        return to.iter().map(|to| format!("{to}{rest}")).collect();
                    }
                }
                vec![name]
            }
            Self::Prefix(prefix) => vec![format!("{prefix}{name}")],
            Self::Suffix(suffix) => vec![format!("{name}{suffix}")],
            Self::Logsource(_) | Self::Fail(_) => vec![name],
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    vars: HashMap<String, OneOrMany>,
    #[serde(default)]
    transformations: Vec<Raw>,
    #[serde(default, rename = "allowed_backends")]
    _allowed_backends: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "id")]
    _id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    mapping: Option<HashMap<String, OneOrMany>>,
    prefix: Option<String>,
    suffix: Option<String>,
    message: Option<String>,
    category: Option<String>,
    product: Option<String>,
    service: Option<String>,
    rule_conditions: Option<Vec<RuleCondition>>,
    rule_cond_op: Option<String>,
    #[serde(default)]
    rule_cond_not: bool,
    field_name_conditions: Option<Vec<FieldCondition>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleCondition {
    #[serde(rename = "type")]
    kind: String,
    category: Option<String>,
    product: Option<String>,
    service: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldCondition {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    fields: Vec<String>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Vec<String> {
    fn from(value: OneOrMany) -> Self {
        match value {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
