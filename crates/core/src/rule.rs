//! Hot patches: a small typed rule form that a person can review and a machine can prove.

use serde::{Deserialize, Serialize};

use crate::{DataKind, ModuleId, PatchId, PolicyError, Restriction, RouteId, Text};

/// A hot patch: where it looks, what it demands, what happens when the demand is not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// Owner, reason, expiry.
    #[serde(flatten)]
    pub restriction: Restriction,
    /// Its identifier.
    pub patch: PatchId,
    /// A short name, such as `own-customers-only`.
    pub name: String,
    /// What it does, for a person.
    pub title: Text,
    /// Which exchanges it looks at.
    pub scope: PatchScope,
    /// All conditions on the request must hold; the first that fails triggers the effect.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// All conditions on the answer must hold; the first that fails triggers the effect.
    #[serde(default)]
    pub response_checks: Vec<ResponseCheck>,
    /// What happens when a condition fails.
    pub effect: Effect,
    /// Whether it acts or only watches.
    pub state: PatchState,
}

/// Which exchanges a patch looks at. Empty lists mean all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchScope {
    /// Routes of the profile.
    #[serde(default)]
    pub routes: Vec<RouteId>,
    /// Modules of the profile.
    #[serde(default)]
    pub modules: Vec<ModuleId>,
    /// HTTP methods.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Roles that the patch binds; all when empty.
    #[serde(default)]
    pub only_roles: Vec<String>,
    /// Roles that the patch does not bind.
    #[serde(default)]
    pub except_roles: Vec<String>,
}

/// A demand on one value of the request. A value that is absent meets it, unless the check is [`Check::Present`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Where the value stands.
    pub place: Place,
    /// What it must be.
    pub check: Check,
}

/// Where a value stands in a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Every value of a query parameter.
    Query(String),
    /// Every value of a form field (urlencoded or multipart).
    Form(String),
    /// The value at a JSON pointer (RFC 6901) in the body.
    Json(String),
    /// A header.
    Header(String),
    /// A parameter of the path template.
    Path(String),
    /// The file name of a multipart part.
    FileName(String),
    /// The whole decoded path.
    FullPath,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// A decimal integer of at most 19 digits, with or without sign.
    Int,
    /// Digits only.
    Digits,
    /// A UUID or GUID.
    Uuid,
    /// One of these, exactly.
    OneOf(Vec<String>),
    /// Wholly matched by this regular expression (linear time, no look-around).
    Pattern(String),
    /// At most this many characters.
    MaxLength(usize),
    /// A URL relative to the site: begins with one `/`, no scheme, no host, no backslash.
    RelativeUrl,
    /// An http(s) URL on one of these hosts, or a relative one.
    UrlHost(Vec<String>),
    /// A path under this folder with no `..` after decoding to a fixed point.
    PathUnder(String),
    /// A file name with one of these extensions, and no second extension among executable ones.
    Extension(Vec<String>),
    /// No fragment of SQL by libinjection's judgement.
    NotSqli,
    /// No fragment of script by libinjection's judgement.
    NotXss,
    /// The parameter must be there.
    Present,
    /// The parameter must not be there at all.
    Absent,
}

/// A demand on the answer, judged before any of its bytes leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseCheck {
    /// Every row's owner field (named by the profile) is the account that asked.
    OwnRowsOnly,
    /// At most this many rows.
    MaxRows(u32),
    /// None of these kinds in clear.
    Without(Vec<DataKind>),
}

/// What happens when a condition fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// 403 with a sentence.
    Block,
    /// The parameter is taken out of the request (query and form only).
    Strip,
    /// Personal data in the answer is masked.
    Mask,
}

/// Whether a patch acts. It goes from observing to enforcing only with a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatchState {
    /// It only counts what it would have done.
    Observe,
    /// It acts.
    Enforce,
}

impl Patch {
    /// Checks that the patch demands something and that its parts fit together.
    ///
    /// # Errors
    /// [`PolicyError::BadPatch`] naming the field.
    pub fn check(&self) -> Result<(), PolicyError> {
        let bad = |field: &str, problem: &str| {
            Err(PolicyError::BadPatch {
                patch: self.name.clone(),
                field: field.to_owned(),
                problem: problem.to_owned(),
            })
        };
        if self.conditions.is_empty() && self.response_checks.is_empty() {
            return bad(
                "conditions",
                "the patch demands nothing; give a condition or a response check",
            );
        }
        if self.scope.routes.is_empty() && self.scope.modules.is_empty() {
            return bad("scope", "name at least one route or module");
        }
        if self.effect == Effect::Strip && !self.response_checks.is_empty() {
            return bad(
                "effect",
                "strip acts on request parameters; a response check needs block or mask",
            );
        }
        for (at, condition) in self.conditions.iter().enumerate() {
            if let Place::Json(pointer) = &condition.place
                && !pointer.is_empty()
                && !pointer.starts_with('/')
            {
                return bad(
                    &format!("conditions[{at}].place.json"),
                    "a JSON pointer begins with /",
                );
            }
        }
        Ok(())
    }
}
