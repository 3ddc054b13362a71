//! Known holes: what of a published vulnerability can be shut at the gateway, and how to see harmlessly whether it is open.
//!
//! A hole is data: the request that goes through it, its honest twin, the demand that tells them apart, and the check. The
//! files are written by us from what was published; each says from where and whether anybody tried it on the product.

use hudun_core::{
    Condition, Effect, Expiry, IncidentId, Patch, PatchId, PatchScope, PatchState, ResponseCheck,
    Restriction, RestrictionId, RouteId, Text, Timestamp,
};
use hudun_policy::Compiled;
use hudun_profile::{Malformed, RequestView, Resolution, Resolver};
use serde::{Deserialize, Serialize};

/// The holes of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoleFile {
    holes: Vec<Hole>,
}

/// A known hole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hole {
    /// A short name, such as `linkwechat-download-path`; the patch is called so.
    pub name: String,
    /// Numbers of the vulnerability, of any source.
    pub advisories: Vec<String>,
    /// The product and its versions, for a person.
    pub product: String,
    /// Where the facts are from.
    pub source: String,
    /// Whether attack and patch were tried on the product itself; else they follow what was published.
    #[serde(default)]
    pub tried: bool,
    /// What the patch does, for a person.
    pub title: Text,
    /// The demands on the request; the first that fails stops it.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The demands on the answer.
    #[serde(default)]
    pub response_checks: Vec<ResponseCheck>,
    /// Only for these roles; for all when empty.
    #[serde(default)]
    pub only_roles: Vec<String>,
    /// What happens to a request that fails.
    #[serde(default = "block")]
    pub effect: Effect,
    /// A request that goes through the hole.
    pub attack: TestRequest,
    /// An honest request to the same place.
    pub honest: TestRequest,
    /// How to see whether the hole is open.
    #[serde(default)]
    pub check: Option<HoleCheck>,
}

const fn block() -> Effect {
    Effect::Block
}

/// A request as it is written in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// The method.
    pub method: String,
    /// Path and query, percent-encoded.
    pub target: String,
    /// The content type of the body.
    #[serde(default)]
    pub content_type: Option<String>,
    /// The body.
    #[serde(default)]
    pub body: Option<String>,
    /// Rows of others that the answer to it holds, where the patch judges the answer.
    #[serde(default)]
    pub foreign_rows: u32,
}

/// How to see, without doing harm, whether a hole is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoleCheck {
    /// What is sent, straight at the product. It reads, and changes nothing.
    pub request: TestRequest,
    /// It is sent with the log-in of the account that repairs are verified with.
    #[serde(default)]
    pub logged_in: bool,
    /// The hole is open when all of this holds.
    pub open: AnswerTest,
    /// The hole is shut when all of this holds. Neither: it can't be told.
    pub shut: AnswerTest,
}

/// What an answer has to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerTest {
    /// One of these.
    #[serde(default)]
    pub status: Vec<u16>,
    /// All of these texts stand in its first 64 KiB.
    #[serde(default)]
    pub contains: Vec<String>,
    /// None of these texts does.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// Whether it holds rows of others, as the profile reads it.
    #[serde(default)]
    pub foreign_rows: Option<bool>,
}

/// An answer to a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckAnswer {
    /// The status.
    pub status: u16,
    /// The beginning of its body; empty where only rows are told.
    pub body: String,
    /// Rows of others in it.
    pub foreign_rows: u32,
}

impl AnswerTest {
    fn holds(&self, answer: &CheckAnswer) -> bool {
        let says_something = !self.status.is_empty()
            || !self.contains.is_empty()
            || !self.lacks.is_empty()
            || self.foreign_rows.is_some();
        says_something
            && (self.status.is_empty() || self.status.contains(&answer.status))
            && self.contains.iter().all(|text| answer.body.contains(text))
            && !self.lacks.iter().any(|text| answer.body.contains(text))
            && self
                .foreign_rows
                .is_none_or(|any| any == (answer.foreign_rows > 0))
    }
}

impl HoleCheck {
    /// Whether the hole is open by this answer; `None` when that can't be told.
    pub fn judge(&self, answer: &CheckAnswer) -> Option<bool> {
        match (self.open.holds(answer), self.shut.holds(answer)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }
}

impl TestRequest {
    /// As the gateway reads it.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn view(&self) -> Result<RequestView, Malformed> {
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        let kind = self.content_type.iter();
        let headers = kind.map(|kind| ("content-type".to_owned(), kind.clone()));
        let mut view = RequestView::new(&self.method, path, query, headers.collect())?;
        if let Some(body) = &self.body {
            view.read_body(body.as_bytes())?;
        }
        Ok(view)
    }
}

/// A hole of the product that a profile describes.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The request that goes through it, and its routes.
    pub attack: (RequestView, Resolution),
    /// The honest one, and its routes.
    pub honest: (RequestView, Resolution),
    /// The routes that the patch looks at.
    pub routes: Vec<RouteId>,
}

impl Hole {
    /// Whether it is a hole of this vulnerability.
    pub fn is_of(&self, ids: &[String]) -> bool {
        let named = |id: &String| {
            self.advisories
                .iter()
                .any(|one| one.eq_ignore_ascii_case(id))
        };
        ids.iter().any(named)
    }

    /// Finds its place in the product that the profile describes; `None` when that has no such route.
    ///
    /// # Errors
    /// [`Malformed`] when a test request can't be read.
    pub fn place(&self, resolver: &Resolver) -> Result<Option<Placed>, Malformed> {
        let read = |request: &TestRequest| {
            let view = request.view()?;
            let resolution = resolver.resolve(&view)?;
            Ok::<_, Malformed>((view, resolution))
        };
        let (attack, honest) = (read(&self.attack)?, read(&self.honest)?);
        let known = attack.1.routes.iter().filter(|route| route.at.is_some());
        let routes: Vec<RouteId> = known.map(|route| route.id.clone()).collect();
        let same = honest
            .1
            .routes
            .iter()
            .any(|route| routes.contains(&route.id));
        Ok((!routes.is_empty() && same).then_some(Placed {
            attack,
            honest,
            routes,
        }))
    }

    /// The patch, in force for 30 days once somebody says so.
    pub fn patch(&self, placed: &Placed, incident: IncidentId, by: &str, now: Timestamp) -> Patch {
        self.patch_on(placed.routes.clone(), incident, by, now)
    }

    fn patch_on(
        &self,
        routes: Vec<RouteId>,
        incident: IncidentId,
        by: &str,
        now: Timestamp,
    ) -> Patch {
        Patch {
            restriction: Restriction {
                id: RestrictionId::new(),
                owner: by.to_owned(),
                reason: format!("known hole {}", self.name),
                incident: Some(incident),
                since: now,
                expiry: Expiry::At(now.plus_millis(30 * 24 * 60 * 60_000)),
            },
            patch: PatchId::new(),
            name: self.name.clone(),
            title: self.title.clone(),
            scope: PatchScope {
                routes,
                methods: vec![self.attack.method.clone()],
                only_roles: self.only_roles.clone(),
                ..PatchScope::default()
            },
            conditions: self.conditions.clone(),
            response_checks: self.response_checks.clone(),
            effect: self.effect.clone(),
            state: PatchState::Enforce,
        }
    }
}

/// All known holes.
#[derive(Clone, Debug, Default)]
pub struct Holes {
    holes: Vec<Hole>,
}

impl Holes {
    /// Those that come with this version.
    ///
    /// # Errors
    /// [`HoleError`] when a file that was built in is wrong.
    pub fn built_in() -> Result<Self, HoleError> {
        Self::read(&[
            (
                "rules/holes/crm.yaml",
                include_str!("../../../rules/holes/crm.yaml"),
            ),
            (
                "rules/holes/hudun-scrm.yaml",
                include_str!("../../../rules/holes/hudun-scrm.yaml"),
            ),
        ])
    }

    /// Reads files, each with its name.
    ///
    /// # Errors
    /// [`HoleError`], naming file and hole.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, HoleError> {
        let mut holes: Vec<Hole> = Vec::new();
        for (file, text) in files {
            let read: HoleFile = serde_saphyr::from_str(text).map_err(|cause| HoleError::File {
                file: (*file).to_owned(),
                cause: cause.to_string(),
            })?;
            for hole in read.holes {
                let bad = |problem: String| HoleError::Hole {
                    file: (*file).to_owned(),
                    hole: hole.name.clone(),
                    problem,
                };
                sound(&hole).map_err(bad)?;
                if holes.iter().any(|one| one.name == hole.name) {
                    return Err(bad("another hole has this name".to_owned()));
                }
                holes.push(hole);
            }
        }
        Ok(Self { holes })
    }

    /// All of them.
    pub fn all(&self) -> &[Hole] {
        &self.holes
    }

    /// Those of a vulnerability, by any of its numbers.
    pub fn of<'a>(&'a self, ids: &'a [String]) -> impl Iterator<Item = &'a Hole> {
        self.holes.iter().filter(move |hole| hole.is_of(ids))
    }
}

/// Looks whether a hole makes sense whatever the product: the patch demands something, the check can be told.
fn sound(hole: &Hole) -> Result<(), String> {
    if hole.advisories.is_empty() {
        return Err("advisories: name at least one number".to_owned());
    }
    if hole.source.trim().is_empty() {
        return Err("source: say where the facts are from".to_owned());
    }
    let requests = [
        Some(&hole.attack),
        Some(&hole.honest),
        hole.check.as_ref().map(|check| &check.request),
    ];
    for request in requests.into_iter().flatten() {
        request
            .view()
            .map_err(|cause| format!("{} {}: {cause}", request.method, request.target))?;
    }
    if let Some(check) = &hole.check {
        if !matches!(check.request.method.as_str(), "GET" | "HEAD" | "POST") {
            return Err("check.request.method: a check reads, so GET, HEAD or POST".to_owned());
        }
        if check.open == check.shut {
            return Err("check: what is open and what is shut are the same".to_owned());
        }
    }
    let now = Timestamp::from_millis(0);
    let route: RouteId = "any".parse().map_err(|_| "no route".to_owned())?;
    let patch = hole.patch_on(vec![route], IncidentId::new(), "hudun", now);
    patch.check().map_err(|cause| cause.to_string())?;
    let mut policy = hudun_core::Policy::empty(now).next(now, "hudun", "proof");
    policy.patches.push(patch);
    Compiled::new(policy).map_err(|cause| cause.to_string())?;
    Ok(())
}

/// What is wrong with a file of holes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HoleError {
    /// It can't be read.
    #[error("{file}: {cause}")]
    File {
        /// The file.
        file: String,
        /// What the parser said.
        cause: String,
    },
    /// A hole makes no sense.
    #[error("{file}, hole {hole}: {problem}")]
    Hole {
        /// The file.
        file: String,
        /// The hole.
        hole: String,
        /// What is wrong.
        problem: String,
    },
}
