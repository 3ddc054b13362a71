//! The objects of CACAO v2.0. Fields that this crate doesn't know are kept in `extra`, so that a
//! playbook written back is, in RFC 8785 form, the playbook that was read.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::ParseError;

/// Variables by name (`__name__`).
pub type Variables = BTreeMap<String, Variable>;

/// A playbook. One `id` has one version for each `modified`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub struct Playbook {
    #[serde(rename = "type")]
    pub type_: String,
    pub spec_version: String,
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook_types: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook_activities: Option<Vec<String>>,
    pub created_by: String,
    pub created: String,
    pub modified: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markings: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook_variables: Option<Variables>,
    pub workflow_start: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_exception: Option<String>,
    pub workflow: BTreeMap<String, Step>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook_extensions: Option<BTreeMap<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_info_definitions: Option<BTreeMap<String, Authentication>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_definitions: Option<BTreeMap<String, AgentTarget>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_definitions: Option<BTreeMap<String, AgentTarget>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_definitions: Option<BTreeMap<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_marking_definitions: Option<BTreeMap<String, Marking>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signatures: Option<Vec<Signature>>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The eight kinds of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub enum StepType {
    Start,
    End,
    Action,
    PlaybookAction,
    Parallel,
    IfCondition,
    WhileCondition,
    SwitchCondition,
}

/// One step. Which fields it may have depends on its type: see [`crate::validate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub struct Step {
    #[serde(rename = "type")]
    pub type_: StepType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Milliseconds to wait before the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<i64>,
    /// Milliseconds after which the step has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_variables: Option<Variables>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_completion: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_extensions: Option<BTreeMap<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<Command>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_args: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_args: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_steps: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_true: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_false: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The twelve kinds of command, and those of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub enum CommandType {
    Manual,
    Bash,
    CalderaCmd,
    Elastic,
    HttpApi,
    Jupyter,
    Kestrel,
    #[serde(rename = "openc2-http")]
    OpenC2Http,
    Powershell,
    Sigma,
    Ssh,
    Yara,
    #[serde(untagged)]
    Other(String),
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub struct Command {
    #[serde(rename = "type")]
    pub type_: CommandType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook_activity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_b64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_b64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The ten kinds of agent and target, and those of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub enum AgentType {
    Group,
    Individual,
    Location,
    Organization,
    Sector,
    HttpApi,
    Linux,
    NetAddress,
    SecurityCategory,
    Ssh,
    #[serde(untagged)]
    Other(String),
}

/// Who or what does an action, or has it done to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub struct AgentTarget {
    #[serde(rename = "type")]
    pub type_: AgentType,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<BTreeMap<String, Vec<Value>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_info: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Vec<String>>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// How to reach people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub struct Contact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// How an agent logs in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub struct Authentication {
    #[serde(rename = "type")]
    pub type_: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_identifier: Option<String>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A data marking: statement, TLP or IEP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub struct Marking {
    #[serde(rename = "type")]
    pub type_: String,
    pub id: String,
    pub created_by: String,
    pub created: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tlpv2_level: Option<String>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub struct Variable {
    #[serde(rename = "type")]
    pub type_: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Outer `None`: the field is absent; `Some(None)`: it is `null`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub value: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<bool>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A JSS signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the names and meanings are those of the standard"
)]
pub struct Signature {
    #[serde(rename = "type")]
    pub type_: String,
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    pub created: String,
    pub modified: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<bool>,
    pub signee: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    pub related_to: String,
    pub related_version: String,
    pub hash_algorithm: String,
    pub algorithm: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Playbook {
    /// Reads a playbook from JSON. This checks that it can be held without loss, not that it is
    /// right: see [`crate::validate`].
    pub fn parse(json: &[u8]) -> Result<Self, ParseError> {
        Self::from_value(&parse_json(json)?)
    }

    /// As [`Playbook::parse`], from a JSON value.
    pub fn from_value(value: &Value) -> Result<Self, ParseError> {
        let playbook = Self::deserialize(value).map_err(|e| ParseError::Shape(e.to_string()))?;
        if playbook.workflow.len() > MAX_STEPS {
            return Err(ParseError::Steps(playbook.workflow.len()));
        }
        let again = playbook.to_value()?;
        match first_difference(value, &again, &mut String::new()) {
            None => Ok(playbook),
            Some(path) => Err(ParseError::Lossy(path)),
        }
    }

    /// The playbook as a JSON value.
    pub fn to_value(&self) -> Result<Value, ParseError> {
        serde_json::to_value(self).map_err(|e| ParseError::Shape(e.to_string()))
    }

    /// The RFC 8785 form.
    pub fn canonical(&self) -> Result<Vec<u8>, ParseError> {
        serde_jcs::to_vec(self).map_err(|e| ParseError::Shape(e.to_string()))
    }

    /// SHA-256 of the RFC 8785 form in hexadecimal: what a run pins.
    pub fn digest(&self) -> Result<String, ParseError> {
        use sha2::Digest as _;
        Ok(hex::encode(sha2::Sha256::digest(self.canonical()?)))
    }
}

impl Step {
    /// Every way out of this step: the field that names it, and the step it leads to.
    pub fn edges(&self) -> Vec<(String, &str)> {
        let single = [
            ("on_completion", &self.on_completion),
            ("on_success", &self.on_success),
            ("on_failure", &self.on_failure),
            ("on_true", &self.on_true),
            ("on_false", &self.on_false),
        ];
        let single = single
            .into_iter()
            .filter_map(|(name, to)| Some((name.to_owned(), to.as_deref()?)));
        let next = self
            .next_steps
            .iter()
            .flatten()
            .enumerate()
            .map(|(n, to)| (format!("next_steps/{n}"), &to[..]));
        let cases = self
            .cases
            .iter()
            .flatten()
            .map(|(case, to)| (format!("cases/{case}"), &to[..]));
        single.chain(next).chain(cases).collect()
    }
}

impl Variable {
    /// A variable with a value.
    pub fn new(type_: &str, value: &str) -> Self {
        Self {
            type_: type_.to_owned(),
            value: Some(Some(value.to_owned())),
            ..Self::default()
        }
    }

    /// The value, if one is set.
    pub fn value(&self) -> Option<&str> {
        self.value.as_ref()?.as_deref()
    }
}

/// Reads JSON of at most 4 MiB, nested at most 127 deep.
pub fn parse_json(json: &[u8]) -> Result<Value, ParseError> {
    if json.len() > MAX_BYTES {
        return Err(ParseError::TooLong(json.len()));
    }
    serde_json::from_slice(json).map_err(|e| ParseError::Json {
        line: e.line(),
        column: e.column(),
        message: e.to_string(),
    })
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

fn first_difference(a: &Value, b: &Value, path: &mut String) -> Option<String> {
    let length = path.len();
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            for name in x.keys().chain(y.keys()) {
                path.push('/');
                path.push_str(name);
                let (Some(x), Some(y)) = (x.get(name), y.get(name)) else {
                    return Some(path.clone());
                };
                if let Some(found) = first_difference(x, y, path) {
                    return Some(found);
                }
                path.truncate(length);
            }
            None
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (n, (x, y)) in x.iter().zip(y).enumerate() {
                path.push_str(&format!("/{n}"));
                if let Some(found) = first_difference(x, y, path) {
                    return Some(found);
                }
                path.truncate(length);
            }
            None
        }
        _ if a == b => None,
        _ => Some(path.clone()),
    }
}

const MAX_BYTES: usize = 4 << 20;
const MAX_STEPS: usize = 10_000;
