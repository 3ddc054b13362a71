//! What an event is.

use serde_json::{Map, Value};
use thiserror::Error;

/// An OCSF object whose class is one of [`Class`].
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    class: Class,
    fields: Map<String, Value>,
}

impl Event {
    /// An event from an OCSF object.
    ///
    /// # Errors
    /// [`Fault`] when it is no object, or has no class that is known here.
    pub fn from_ocsf(value: Value) -> Result<Self, Fault> {
        let Value::Object(fields) = value else {
            return Err(Fault::NotAnObject);
        };
        let uid = fields
            .get("class_uid")
            .and_then(Value::as_u64)
            .ok_or(Fault::NoClass)?;
        let class = Class::from_uid(uid).ok_or(Fault::UnknownClass(uid))?;
        Ok(Self { class, fields })
    }

    /// Its class.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// The value under a dotted path, such as `actor.user.uid`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Value> {
        let mut parts = path.split('.');
        let mut value = self.fields.get(parts.next()?)?;
        for part in parts {
            value = value.get(part)?;
        }
        Some(value)
    }

    /// One event for each member of `scrm.subjects`, with it as `scrm.subject`.
    ///
    /// A correlation counts one value per event, so a page that shows fifty persons has to count fifty times. What
    /// belongs to the exchange as a whole (rows, export, canary, out of role) is left out of these events, so that it
    /// is neither summed nor reported twice.
    pub fn per_subject(&self) -> impl Iterator<Item = Self> + '_ {
        self.get("scrm.subjects")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|subject| {
                let mut fields = self.fields.clone();
                if let Some(Value::Object(scrm)) = fields.get_mut("scrm") {
                    scrm.retain(|key, _| PER_SUBJECT.contains(&key.as_str()));
                    scrm.insert("subject".into(), subject.clone());
                }
                Self {
                    class: self.class,
                    fields,
                }
            })
    }

    /// The fields, for a matcher.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The OCSF object again.
    #[must_use]
    pub fn into_ocsf(self) -> Value {
        Value::Object(self.fields)
    }
}

/// The OCSF 1.8 classes that Hudun reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 2004 Detection Finding.
    DetectionFinding,
    /// 3001 Account Change.
    AccountChange,
    /// 3002 Authentication.
    Authentication,
    /// 3004 Entity Management.
    EntityManagement,
    /// 6001 Web Resources Activity: exchanges with the SCRM.
    WebResources,
    /// 6003 API Activity.
    Api,
}

impl Class {
    /// The class of a `class_uid`.
    #[must_use]
    pub fn from_uid(uid: u64) -> Option<Self> {
        Some(match uid {
            2004 => Self::DetectionFinding,
            3001 => Self::AccountChange,
            3002 => Self::Authentication,
            3004 => Self::EntityManagement,
            6001 => Self::WebResources,
            6003 => Self::Api,
            _ => return None,
        })
    }
}

/// Why an object is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A list, text or number stands where an object should.
    #[error("an event is an object")]
    NotAnObject,
    /// `class_uid` is missing or no number.
    #[error("the field class_uid is missing or no whole number")]
    NoClass,
    /// A class that isn't read here.
    #[error("class_uid {0} is none of 2004, 3001, 3002, 3004, 6001, 6003")]
    UnknownClass(u64),
}

/// Fields of `scrm` that hold for each subject as they do for the exchange.
const PER_SUBJECT: [&str; 5] = [
    "module",
    "operation",
    "service_account",
    "blocked_by",
    "tenant",
];
