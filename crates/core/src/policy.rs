//! What the gateways enforce now: one immutable, versioned document, swapped whole.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, IncidentId, ModuleId, Patch, RestrictionId, RouteId, SessionKey, TenantId,
    Timestamp, TokenKey,
};

/// The policy of one revision. A change makes the next revision; nothing in it is ever edited in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Counts up by one with every change; 0 is the empty policy of a new installation.
    pub revision: u64,
    /// When this revision was made.
    pub at: Timestamp,
    /// Who made it: a person's account, or `hudun` with the playbook run in `reason`.
    pub by: String,
    /// Why it was made.
    pub reason: String,
    /// Isolated modules.
    #[serde(default)]
    pub isolations: Vec<Isolation>,
    /// Sessions, accounts, tokens and addresses that are refused.
    #[serde(default)]
    pub revocations: Vec<Revocation>,
    /// Which role may use which route.
    #[serde(default)]
    pub access_rules: Vec<AccessRule>,
    /// Hot patches.
    #[serde(default)]
    pub patches: Vec<Patch>,
    /// Limits on rate and size.
    #[serde(default)]
    pub limits: Limits,
}

/// What every restriction carries: an owner, a reason, and an expiry or why it has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// Its identifier; undo names it.
    pub id: RestrictionId,
    /// Who answers for it.
    pub owner: String,
    /// Why it is there.
    pub reason: String,
    /// The case that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub expiry: Expiry,
}

/// Until when a restriction holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expiry {
    /// It ends by itself at this moment.
    At(Timestamp),
    /// It never ends by itself, for this reason.
    Never {
        /// Why not.
        because: String,
    },
}

/// One module, set apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// Owner, reason, expiry.
    #[serde(flatten)]
    pub restriction: Restriction,
    /// Only for this tenant; for all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// The module.
    pub module: ModuleId,
    /// How.
    pub mode: IsolationMode,
}

/// How a module is set apart. Modes are ordered from mild to hard by [`IsolationMode::severity`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "mode")]
pub enum IsolationMode {
    /// Every request is refused.
    Off,
    /// Reading goes on, writing is refused.
    ReadOnly,
    /// Personal data is masked in every answer, exports are refused; business goes on.
    Mask,
    /// At most this many requests a minute for each actor.
    Throttle {
        /// Requests a minute.
        per_minute: u32,
    },
    /// A session must prove itself again (a fresh log-in after this moment) before it may go on.
    StepUp {
        /// Log-ins before this moment don't count.
        since: Timestamp,
    },
    /// Requests go to the standby upstream.
    Standby,
    /// Only these accounts and addresses.
    AllowList {
        /// Accounts that pass.
        #[serde(default)]
        accounts: Vec<AccountId>,
        /// Addresses that pass.
        #[serde(default)]
        addresses: Vec<IpAddr>,
    },
}

impl IsolationMode {
    /// Its name in playbooks, profiles and the API.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::ReadOnly => "read-only",
            Self::Mask => "mask",
            Self::Throttle { .. } => "throttle",
            Self::StepUp { .. } => "step-up",
            Self::Standby => "standby",
            Self::AllowList { .. } => "allow-list",
        }
    }

    /// 0 is the mildest. When two isolations meet on one module, both are enforced, the hardest first.
    pub const fn severity(&self) -> u8 {
        match self {
            Self::Standby => 0,
            Self::Throttle { .. } => 1,
            Self::Mask => 2,
            Self::StepUp { .. } => 3,
            Self::ReadOnly => 4,
            Self::AllowList { .. } => 5,
            Self::Off => 6,
        }
    }
}

/// Something that may not come in any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Owner, reason, expiry.
    #[serde(flatten)]
    pub restriction: Restriction,
    /// What is refused.
    pub target: RevocationTarget,
}

/// What a revocation refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationTarget {
    /// One session.
    Session(SessionKey),
    /// One API token.
    Token(TokenKey),
    /// The account with everything that it holds, log-in included.
    Account(AccountId),
    /// Every session of the account that began before this moment; it may log in again.
    SessionsOf {
        /// The account.
        account: AccountId,
        /// Sessions that began before are refused.
        before: Timestamp,
    },
    /// Everything from one address.
    Address(IpAddr),
}

/// Which roles may use a route, for products that check nothing themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRule {
    /// Owner, reason, expiry.
    #[serde(flatten)]
    pub restriction: Restriction,
    /// The route.
    pub route: RouteId,
    /// Roles that may use it; everybody else is refused with 403.
    pub roles: Vec<String>,
}

/// Limits that hold for every module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests a minute for each actor; none when absent.
    #[serde(default)]
    pub per_actor_per_minute: Option<u32>,
    /// Rows that one answer may hold, for each route without its own limit in the profile; none when absent.
    #[serde(default)]
    pub rows_per_answer: Option<u32>,
}

impl Policy {
    /// The policy of a new installation: nothing is restricted.
    pub fn empty(at: Timestamp) -> Self {
        Self {
            revision: 0,
            at,
            by: "hudun".to_owned(),
            reason: "new installation".to_owned(),
            isolations: Vec::new(),
            revocations: Vec::new(),
            access_rules: Vec::new(),
            patches: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// The next revision, as yet equal to this one but for who, when and why.
    #[must_use]
    pub fn next(&self, at: Timestamp, by: &str, reason: &str) -> Self {
        Self {
            revision: self.revision + 1,
            at,
            by: by.to_owned(),
            reason: reason.to_owned(),
            ..self.clone()
        }
    }

    /// Every restriction of the policy.
    pub fn restrictions(&self) -> impl Iterator<Item = &Restriction> {
        let isolations = self
            .isolations
            .iter()
            .map(|isolation| &isolation.restriction);
        let revocations = self
            .revocations
            .iter()
            .map(|revocation| &revocation.restriction);
        let rules = self.access_rules.iter().map(|rule| &rule.restriction);
        let patches = self.patches.iter().map(|patch| &patch.restriction);
        isolations.chain(revocations).chain(rules).chain(patches)
    }

    /// This policy without the restriction.
    ///
    /// # Errors
    /// [`PolicyError::NoSuchRestriction`] when it holds no such restriction.
    pub fn without(mut self, id: RestrictionId) -> Result<Self, PolicyError> {
        let before = self.restrictions().count();
        self.isolations
            .retain(|isolation| isolation.restriction.id != id);
        self.revocations
            .retain(|revocation| revocation.restriction.id != id);
        self.access_rules.retain(|rule| rule.restriction.id != id);
        self.patches.retain(|patch| patch.restriction.id != id);
        if self.restrictions().count() == before {
            return Err(PolicyError::NoSuchRestriction(id));
        }
        Ok(self)
    }

    /// Checks what types can't: every restriction names an owner and a reason, ids are unique, an unlimited
    /// restriction says why, a throttle lets something through.
    ///
    /// # Errors
    /// The first rule that is broken, with the field.
    pub fn check(&self) -> Result<(), PolicyError> {
        let mut seen = std::collections::HashSet::new();
        for restriction in self.restrictions() {
            let id = restriction.id;
            if !seen.insert(id) {
                return Err(PolicyError::Twice(id));
            }
            if restriction.owner.trim().is_empty() {
                return Err(PolicyError::Missing { id, field: "owner" });
            }
            if restriction.reason.trim().is_empty() {
                return Err(PolicyError::Missing {
                    id,
                    field: "reason",
                });
            }
            match &restriction.expiry {
                Expiry::Never { because } if because.trim().is_empty() => {
                    return Err(PolicyError::Missing {
                        id,
                        field: "expiry.never.because",
                    });
                }
                Expiry::At(until) if *until <= restriction.since => {
                    return Err(PolicyError::EndsBeforeItBegins(id));
                }
                _ => {}
            }
        }
        for isolation in &self.isolations {
            if isolation.mode == (IsolationMode::Throttle { per_minute: 0 }) {
                return Err(PolicyError::EmptyThrottle(isolation.restriction.id));
            }
        }
        for patch in &self.patches {
            patch.check()?;
        }
        Ok(())
    }
}

impl Restriction {
    /// Whether it holds at this moment.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        match self.expiry {
            Expiry::At(until) => now < until,
            Expiry::Never { .. } => true,
        }
    }
}

/// A policy that can't be enforced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Nothing to lift.
    #[error("the policy holds no restriction {0}; it may have expired or been lifted already")]
    NoSuchRestriction(RestrictionId),
    /// One id names two restrictions.
    #[error("restriction {0} stands twice in the policy")]
    Twice(RestrictionId),
    /// A field that must say something is empty.
    #[error("restriction {id}: {field} is empty; every restriction says who, why and until when")]
    Missing {
        /// The restriction.
        id: RestrictionId,
        /// The empty field.
        field: &'static str,
    },
    /// Expiry lies before the beginning.
    #[error("restriction {0}: expiry lies before since")]
    EndsBeforeItBegins(RestrictionId),
    /// A throttle of nothing.
    #[error("restriction {0}: throttle of 0 a minute; use mode off instead")]
    EmptyThrottle(RestrictionId),
    /// A patch that can't be compiled or does nothing.
    #[error("patch {patch}: {field}: {problem}")]
    BadPatch {
        /// The patch's name.
        patch: String,
        /// The field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restriction(expiry: Expiry) -> Restriction {
        Restriction {
            id: RestrictionId::new(),
            owner: "li.lei".to_owned(),
            reason: "drill".to_owned(),
            incident: None,
            since: Timestamp::from_millis(1_000),
            expiry,
        }
    }

    fn isolating(expiry: Expiry, mode: IsolationMode) -> Policy {
        let mut policy = Policy::empty(Timestamp::from_millis(0)).next(
            Timestamp::from_millis(1_000),
            "li.lei",
            "drill",
        );
        policy.isolations.push(Isolation {
            restriction: restriction(expiry),
            tenant: None,
            module: "customers".parse().unwrap(),
            mode,
        });
        policy
    }

    #[test]
    fn a_policy_round_trips_through_json() {
        let policy = isolating(
            Expiry::At(Timestamp::from_millis(9_000)),
            IsolationMode::Throttle { per_minute: 6 },
        );
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
    }

    #[test]
    fn a_restriction_without_end_says_why() {
        let policy = isolating(
            Expiry::Never {
                because: " ".to_owned(),
            },
            IsolationMode::Off,
        );
        let error = policy.check().unwrap_err().to_string();
        assert!(error.contains("expiry.never.because"), "{error}");
    }

    #[test]
    fn lifting_removes_one_restriction_and_refuses_a_stranger() {
        let policy = isolating(
            Expiry::At(Timestamp::from_millis(9_000)),
            IsolationMode::Off,
        );
        let id = policy.isolations[0].restriction.id;
        assert!(policy.clone().without(RestrictionId::new()).is_err());
        assert_eq!(policy.without(id).unwrap().restrictions().count(), 0);
    }
}
