//! The judgement itself.

use hudun_core::{
    AccountId, Actor, Effect, IsolationMode, KindSet, PatchId, PatchState, Place, Refusal,
    RefusalCause, ResponseCheck, Restriction, RestrictionId, RevocationTarget, TenantId, Timestamp,
};
use hudun_profile::{Profile, RequestView, Resolution, ResolvedRoute, Route};
use serde::{Deserialize, Serialize};

use crate::Compiled;

/// What is known of a request when it is judged.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts<'a> {
    /// The request.
    pub view: &'a RequestView,
    /// Its routes.
    pub resolution: &'a Resolution,
    /// The profile that named them.
    pub profile: &'a Profile,
    /// Who asks.
    pub actor: &'a Actor,
    /// Whose customers are concerned.
    pub tenant: &'a TenantId,
    /// When the session began, where it is known.
    pub session_since: Option<Timestamp>,
    /// The account that a log-in is for.
    pub login_account: Option<&'a AccountId>,
}

/// What is to be done with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestDecision {
    /// It is refused.
    pub denied: Option<Denied>,
    /// Personal data in its answer is to be masked.
    pub mask: bool,
    /// It goes to the standby upstream.
    pub standby: bool,
    /// Limits on rate to count it against.
    pub throttles: Vec<Throttle>,
    /// Parameters to take out of it.
    pub strip: Vec<StripPlace>,
    /// Patches whose demands on the answer are to be judged before a byte of it leaves.
    pub answer_patches: Vec<usize>,
    /// Rows that its answer may hold by profile or policy.
    pub max_rows: Option<u32>,
    /// Patches that only watch and would have acted.
    pub observed: Vec<PatchId>,
    /// Patches that acted without refusing (strip, mask).
    pub acted: Vec<PatchId>,
}

/// A request or an answer is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Status for the client.
    pub status: u16,
    /// Why.
    pub refusal: Refusal,
    /// Whether the client should forget its session.
    pub clear_session: bool,
    /// Seconds after which to try again, where that helps.
    pub retry_after: Option<u32>,
}

/// A limit on rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// The restriction; `None` for the limit that holds for everybody.
    pub restriction: Option<RestrictionId>,
    /// Requests a minute for each actor.
    pub per_minute: u32,
    /// The reason to tell.
    pub reason: String,
}

/// A parameter to take out of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StripPlace {
    /// Query parameter.
    Query(String),
    /// Form field.
    Form(String),
}

/// What is known of an answer when it is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseFacts {
    /// Rows.
    pub rows: u32,
    /// Rows that belong to another account than the one that asked.
    pub foreign_rows: u32,
    /// Kinds of personal data in clear.
    pub kinds: KindSet,
}

/// What is to be done with an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseDecision {
    /// It is held back.
    pub denied: Option<Denied>,
    /// Personal data in it is to be masked.
    pub mask: bool,
    /// Patches that only watch and would have acted.
    pub observed: Vec<PatchId>,
    /// Patches that masked.
    pub acted: Vec<PatchId>,
}

impl Compiled {
    /// Whether a patch in force needs the body of this request.
    pub fn wants_body(&self, resolution: &Resolution, method: &str, now: Timestamp) -> bool {
        self.patches
            .iter()
            .any(|patch| patch.wants_body() && patch.looks_at(resolution, method, None, now))
    }

    /// Judges a request.
    pub fn decide_request(&self, facts: &RequestFacts<'_>, now: Timestamp) -> RequestDecision {
        let mut decision = RequestDecision::default();
        decision.denied = self
            .revoked(facts, now)
            .or_else(|| self.isolated(facts, now, &mut decision))
            .or_else(|| self.forbidden(facts, now))
            .or_else(|| self.patched(facts, now, &mut decision));
        if let Some(per_minute) = self.policy().limits.per_actor_per_minute {
            decision.throttles.push(Throttle {
                restriction: None,
                per_minute,
                reason: "too many requests".to_owned(),
            });
        }
        decision.max_rows = known_routes(facts)
            .filter_map(|(_, route)| route.max_rows)
            .min()
            .or_else(|| self.policy().limits.rows_per_answer);
        decision
    }

    /// Judges an answer by the patches that the request's judgement named.
    pub fn decide_response(
        &self,
        request: &RequestDecision,
        facts: &ResponseFacts,
    ) -> ResponseDecision {
        let mut decision = ResponseDecision::default();
        for patch in request
            .answer_patches
            .iter()
            .filter_map(|&at| self.patches.get(at))
        {
            let failed = patch
                .patch
                .response_checks
                .iter()
                .find(|check| match check {
                    ResponseCheck::OwnRowsOnly => facts.foreign_rows > 0,
                    ResponseCheck::MaxRows(most) => facts.rows > *most,
                    ResponseCheck::Without(kinds) => {
                        kinds.iter().any(|&kind| facts.kinds.contains(kind))
                    }
                });
            let Some(failed) = failed else { continue };
            if patch.patch.state == PatchState::Observe {
                decision.observed.push(patch.patch.patch);
                continue;
            }
            if patch.patch.effect == Effect::Mask {
                decision.mask = true;
                decision.acted.push(patch.patch.patch);
                continue;
            }
            let what = match failed {
                ResponseCheck::OwnRowsOnly => "the answer holds records of another account",
                ResponseCheck::MaxRows(_) => "the answer holds too many records",
                ResponseCheck::Without(_) => "the answer holds data that may not leave",
            };
            decision
                .denied
                .get_or_insert_with(|| by_patch(patch.patch.restriction.id, patch, what));
        }
        decision
    }

    fn revoked(&self, facts: &RequestFacts<'_>, now: Timestamp) -> Option<Denied> {
        let actor = facts.actor;
        // A log-in begins a new session, so a dead one that the client still sends does not bar it; but only when the
        // request is nothing else beside.
        let logs_in = facts.login_account.is_some()
            && facts
                .resolution
                .routes
                .iter()
                .all(|route| facts.profile.login(&route.id).is_some());
        self.policy()
            .revocations
            .iter()
            .filter(|revocation| revocation.restriction.holds_at(now))
            .find_map(|revocation| {
                let status = match &revocation.target {
                    RevocationTarget::Session(key)
                        if actor.session.as_ref() == Some(key) && !logs_in =>
                    {
                        401
                    }
                    RevocationTarget::Token(key) if actor.token.as_ref() == Some(key) => 401,
                    RevocationTarget::Account(account)
                        if actor.account.as_ref() == Some(account)
                            || facts.login_account == Some(account) =>
                    {
                        403
                    }
                    RevocationTarget::SessionsOf { account, before }
                        if actor.account.as_ref() == Some(account)
                            && !logs_in
                            && facts.session_since.is_none_or(|since| since < *before) =>
                    {
                        401
                    }
                    RevocationTarget::Address(address) if actor.ip == *address => 403,
                    _ => return None,
                };
                Some(Denied {
                    clear_session: true,
                    ..by(&revocation.restriction, RefusalCause::Revocation, status)
                })
            })
    }

    fn isolated(
        &self,
        facts: &RequestFacts<'_>,
        now: Timestamp,
        decision: &mut RequestDecision,
    ) -> Option<Denied> {
        let policy = self.policy();
        for resolved in &facts.resolution.routes {
            let list = self.isolations.get(&resolved.module);
            for isolation in list.into_iter().flatten().map(|&at| &policy.isolations[at]) {
                let elsewhere = isolation
                    .tenant
                    .as_ref()
                    .is_some_and(|tenant| tenant != facts.tenant);
                if elsewhere || !isolation.restriction.holds_at(now) {
                    continue;
                }
                let refuse =
                    |status| Some(by(&isolation.restriction, RefusalCause::Isolation, status));
                let route = resolved.at.and_then(|at| facts.profile.routes.get(at));
                let login = facts.profile.login(&resolved.id).is_some();
                match &isolation.mode {
                    IsolationMode::Off => return refuse(503),
                    IsolationMode::ReadOnly if writes(route, facts) && !login => {
                        return refuse(403);
                    }
                    IsolationMode::ReadOnly => {}
                    IsolationMode::Mask if route.is_some_and(|route| route.export) => {
                        return refuse(403);
                    }
                    IsolationMode::Mask => decision.mask = true,
                    IsolationMode::Throttle { per_minute } => decision.throttles.push(Throttle {
                        restriction: Some(isolation.restriction.id),
                        per_minute: *per_minute,
                        reason: isolation.restriction.reason.clone(),
                    }),
                    IsolationMode::StepUp { since }
                        if !login && facts.session_since.is_none_or(|began| began < *since) =>
                    {
                        return refuse(401).map(|denied| Denied {
                            clear_session: true,
                            ..denied
                        });
                    }
                    IsolationMode::StepUp { .. } => {}
                    IsolationMode::Standby => decision.standby = true,
                    IsolationMode::AllowList {
                        accounts,
                        addresses,
                    } => {
                        let account = facts.actor.account.as_ref().or(facts.login_account);
                        let known = account.is_some_and(|account| accounts.contains(account));
                        if !known && !addresses.contains(&facts.actor.ip) {
                            return refuse(403);
                        }
                    }
                }
            }
        }
        None
    }

    fn forbidden(&self, facts: &RequestFacts<'_>, now: Timestamp) -> Option<Denied> {
        let may = |roles: &[String]| {
            facts
                .actor
                .role
                .as_ref()
                .is_some_and(|role| roles.contains(role))
        };
        for (resolved, route) in known_routes(facts) {
            let rule = self.policy().access_rules.iter().find(|rule| {
                rule.route == resolved.id && rule.restriction.holds_at(now) && !may(&rule.roles)
            });
            if let Some(rule) = rule {
                return Some(by(&rule.restriction, RefusalCause::Access, 403));
            }
            if !route.roles.is_empty() && !may(&route.roles) {
                return Some(Denied {
                    status: 403,
                    refusal: Refusal {
                        cause: RefusalCause::Access,
                        restriction: None,
                        patch: None,
                        reason: "this role may not use this function".to_owned(),
                    },
                    clear_session: false,
                    retry_after: None,
                });
            }
        }
        None
    }

    fn patched(
        &self,
        facts: &RequestFacts<'_>,
        now: Timestamp,
        decision: &mut RequestDecision,
    ) -> Option<Denied> {
        let mut denied = None;
        for (at, patch) in self.patches.iter().enumerate() {
            let role = facts.actor.role.as_ref();
            if !patch.looks_at(facts.resolution, &facts.view.method, role, now) {
                continue;
            }
            if !patch.patch.response_checks.is_empty() {
                decision.answer_patches.push(at);
            }
            let Some(place) = patch.first_failure(facts) else {
                continue;
            };
            if patch.patch.state == PatchState::Observe {
                decision.observed.push(patch.patch.patch);
                continue;
            }
            match patch.patch.effect {
                Effect::Mask => {
                    decision.mask = true;
                    decision.acted.push(patch.patch.patch);
                }
                Effect::Strip if patch.strippable(facts).is_some() => {
                    decision
                        .strip
                        .extend(patch.strippable(facts).unwrap_or_default());
                    decision.acted.push(patch.patch.patch);
                }
                Effect::Strip | Effect::Block => {
                    denied.get_or_insert_with(|| {
                        let what = format!("{} is not what it must be", shown(place));
                        by_patch(patch.patch.restriction.id, patch, &what)
                    });
                }
            }
        }
        denied
    }
}

fn known_routes<'a>(
    facts: &RequestFacts<'a>,
) -> impl Iterator<Item = (&'a ResolvedRoute, &'a Route)> + use<'a> {
    let profile = facts.profile;
    facts
        .resolution
        .routes
        .iter()
        .filter_map(move |resolved| Some((resolved, profile.routes.get(resolved.at?)?)))
}

fn writes(route: Option<&Route>, facts: &RequestFacts<'_>) -> bool {
    match route {
        Some(route) => route.writes(&facts.view.method),
        None => !matches!(facts.view.method.as_str(), "GET" | "HEAD" | "OPTIONS"),
    }
}

fn by(restriction: &Restriction, cause: RefusalCause, status: u16) -> Denied {
    Denied {
        status,
        refusal: Refusal {
            cause,
            restriction: Some(restriction.id),
            patch: None,
            reason: restriction.reason.clone(),
        },
        clear_session: false,
        retry_after: None,
    }
}

fn by_patch(restriction: RestrictionId, patch: &crate::patch::CompiledPatch, what: &str) -> Denied {
    Denied {
        status: 403,
        refusal: Refusal {
            cause: RefusalCause::Patch,
            restriction: Some(restriction),
            patch: Some(patch.patch.patch),
            reason: format!("{}: {what}", patch.patch.name),
        },
        clear_session: false,
        retry_after: None,
    }
}

fn shown(place: &Place) -> String {
    match place {
        Place::Query(name) => format!("query parameter {name}"),
        Place::Form(name) => format!("form field {name}"),
        Place::Json(pointer) => format!("JSON value {pointer}"),
        Place::Header(name) => format!("header {name}"),
        Place::Path(name) => format!("path parameter {name}"),
        Place::FileName(field) => format!("file name in {field}"),
        Place::FullPath => "the path".to_owned(),
    }
}
