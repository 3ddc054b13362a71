//! Who may ask for what.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person of the response team may do in the console. One person can hold several.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The security lead: leads the case, decides.
    Commander,
    /// 信息安全
    Security,
    /// 信息技术
    It,
    /// 法务
    Legal,
    /// 公关
    Pr,
    /// 业务
    Business,
    /// Reads everything, changes nothing.
    Auditor,
    /// Keeps accounts; decides nothing about a case.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 8] = [
        Self::Commander,
        Self::Security,
        Self::It,
        Self::Legal,
        Self::Pr,
        Self::Business,
        Self::Auditor,
        Self::Admin,
    ];

    /// Its name in the API and in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commander => "commander",
            Self::Security => "security",
            Self::It => "it",
            Self::Legal => "legal",
            Self::Pr => "pr",
            Self::Business => "business",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|role| role.name() == name).ok_or_else(|| {
            format!("unknown role {name:?}; known: commander, security, it, legal, pr, business, auditor, admin")
        })
    }
}

/// What an endpoint demands of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody. Only signing in and the health of the console itself.
    Public,
    /// A session whose log-in is not finished (second step, enrolment, new password) or any finished one.
    Signing,
    /// Any finished session, whatever its roles.
    SignedIn,
    /// A finished session with one of these roles.
    Roles(&'static [Role]),
}

impl Access {
    /// Whether somebody with these roles, log-in finished, may pass.
    pub fn allows(self, roles: &[Role]) -> bool {
        match self {
            Self::Public | Self::Signing | Self::SignedIn => true,
            Self::Roles(wanted) => wanted.iter().any(|role| roles.contains(role)),
        }
    }
}

/// The person behind a command, as the ledger names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account, such as `li.lei`.
    pub account: String,
    /// The name that others see.
    pub name: String,
    /// Their roles.
    pub roles: Vec<Role>,
}

impl Caller {
    /// Whether the person holds the role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}
