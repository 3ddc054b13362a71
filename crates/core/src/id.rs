//! Identifiers, one type each, so that a session is never taken for an account.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest identifier that is accepted, in bytes.
const LONGEST: usize = 200;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier; later ones sort after earlier ones (UUID version 7).
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The identifier with this UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID without its prefix.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "-{}"), self.0.as_simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "-"))
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or_else(|| IdError::new(text, concat!($prefix, "-…")))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    )*};
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
                    return Err(IdError::new(text, "1 to 200 bytes without control characters"));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

uuid_ids! {
    /// One drill.
    DrillId = "drill";
    /// One HTTP request with its response.
    ExchangeId = "exchange";
    /// One conclusion of a rule or of the behaviour engine.
    FindingId = "finding";
    /// One case.
    IncidentId = "incident";
    /// One message to regulator, persons, tenants, staff or the public.
    NoticeId = "notice";
    /// One hot patch.
    PatchId = "patch";
    /// One restriction of the policy: an isolation, a revocation, an access rule.
    RestrictionId = "restriction";
    /// One execution of a playbook.
    RunId = "run";
    /// One step that a person does.
    TaskId = "task";
}

text_ids! {
    /// An account of the guarded SCRM, as its profile resolves it.
    AccountId;
    /// A part of the SCRM that can be isolated alone.
    ModuleId;
    /// A route of a profile.
    RouteId;
    /// The keyed name of a session of the SCRM: never the cookie itself.
    SessionKey;
    /// A step of a playbook.
    StepId;
    /// A customer firm of the SCRM.
    TenantId;
    /// The keyed name of an API token of the SCRM: never the token itself.
    TokenKey;
}

/// Text that is no identifier of the wanted kind.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no identifier of this kind; it reads {wanted}")]
pub struct IdError {
    text: String,
    wanted: &'static str,
}

impl IdError {
    fn new(text: &str, wanted: &'static str) -> Self {
        Self {
            text: text.chars().take(80).collect(),
            wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_do_not_mix() {
        let incident = IncidentId::new();
        assert_eq!(
            incident.to_string().parse::<IncidentId>().unwrap(),
            incident
        );
        assert!(incident.to_string().parse::<RunId>().is_err());
        assert!("".parse::<ModuleId>().is_err());
        assert!("a\nb".parse::<ModuleId>().is_err());
    }
}
