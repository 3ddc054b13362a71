//! From the attack to a patch.

use std::collections::BTreeSet;
use std::sync::Arc;

use hudun_core::{
    Check, Condition, Effect, Expiry, IncidentId, Patch, PatchId, PatchScope, PatchState, Place,
    ResponseCheck, Restriction, RestrictionId, RouteId, Text, Timestamp,
};
use hudun_policy::{Recorded, is_sqli};

/// What the attack showed to be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hole {
    /// Rows of others came back on these routes.
    ForeignRows(BTreeSet<RouteId>),
    /// SQL went through these query parameters of these routes.
    Injection {
        /// The routes.
        routes: BTreeSet<RouteId>,
        /// The parameters.
        parameters: BTreeSet<String>,
    },
}

/// The holes that these exchanges show.
fn holes(attack: &[Arc<Recorded>]) -> Vec<Hole> {
    let mut foreign = BTreeSet::new();
    let mut routes = BTreeSet::new();
    let mut parameters = BTreeSet::new();
    for exchange in attack {
        let route = exchange.resolution.primary().id.clone();
        if exchange
            .answer
            .is_some_and(|answer| answer.foreign_rows > 0)
        {
            foreign.insert(route.clone());
        }
        for (name, value) in &exchange.view.query {
            if is_sqli(value).is_some() {
                routes.insert(route.clone());
                parameters.insert(name.clone());
            }
        }
    }
    let mut holes = Vec::new();
    if !foreign.is_empty() {
        holes.push(Hole::ForeignRows(foreign));
    }
    if !parameters.is_empty() {
        holes.push(Hole::Injection { routes, parameters });
    }
    holes
}

/// One patch for each hole that the attack shows. What concerns foreign rows binds the roles that may see only their own;
/// for the others a foreign row is work.
pub fn draft(
    attack: &[Arc<Recorded>],
    own_scope_roles: &[String],
    incident: IncidentId,
    by: &str,
    now: Timestamp,
) -> Vec<(Hole, Patch)> {
    holes(attack)
        .into_iter()
        .map(|hole| {
            let patch = patch_for(&hole, own_scope_roles, incident, by, now);
            (hole, patch)
        })
        .collect()
}

fn patch_for(
    hole: &Hole,
    own_scope_roles: &[String],
    incident: IncidentId,
    by: &str,
    now: Timestamp,
) -> Patch {
    let restriction = Restriction {
        id: RestrictionId::new(),
        owner: by.to_owned(),
        reason: "drafted from the attack".to_owned(),
        incident: Some(incident),
        since: now,
        expiry: Expiry::At(now.plus_millis(30 * 24 * 60 * 60_000)),
    };
    let (name, title, routes, conditions, response_checks, only_roles) = match hole {
        Hole::ForeignRows(routes) => (
            "own-rows-only",
            Text::new(
                "销售只能看到自己名下的客户：返回内容中出现他人客户即拦截",
                "Own rows only: an answer that holds another account's customer is held back",
            ),
            routes,
            Vec::new(),
            vec![ResponseCheck::OwnRowsOnly],
            own_scope_roles.to_vec(),
        ),
        Hole::Injection { routes, parameters } => (
            "no-sql-in-search",
            Text::new(
                format!("参数 {} 中出现 SQL 片段即拦截", list(parameters)),
                format!("SQL in the parameter {} is blocked", list(parameters)),
            ),
            routes,
            parameters
                .iter()
                .map(|name| Condition {
                    place: Place::Query(name.clone()),
                    check: Check::NotSqli,
                })
                .collect(),
            Vec::new(),
            Vec::new(),
        ),
    };
    Patch {
        restriction,
        patch: PatchId::new(),
        name: name.to_owned(),
        title,
        scope: PatchScope {
            routes: routes.iter().cloned().collect(),
            only_roles,
            ..PatchScope::default()
        },
        conditions,
        response_checks,
        effect: Effect::Block,
        state: PatchState::Enforce,
    }
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().cloned().collect::<Vec<_>>().join(", ")
}
