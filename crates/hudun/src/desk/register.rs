//! 隔: the containment register of a case.

use std::collections::BTreeSet;

use hudun_console::api::{self, LiftState, RestrictionKind};
use hudun_core::{
    Effect, Expiry, Incident, IncidentState, Policy, Restriction, RestrictionId, RevocationTarget,
    Text, Timestamp,
};
use serde_json::Value;

use super::error::{self, Got, not_repaired};
use crate::catalogue::{Check, mode_text};
use crate::ledger::Line;
use crate::office::Office;

/// What a restriction is, apart from owner, reason and expiry.
struct What {
    kind: RestrictionKind,
    target: String,
    text: Text,
    mode: Option<String>,
    tenant: Option<String>,
}

impl Office {
    /// The register of a case: what is in force, then what was lifted or has expired.
    pub(super) async fn register(
        &self,
        incident: &Incident,
        lines: &[Line],
    ) -> Got<Vec<api::RestrictionView>> {
        let policy = self.bus.current();
        let check = self
            .acts
            .checks
            .get(&incident.id.to_string())
            .await
            .map_err(error::store)?;
        let approvals = self.approvals().await?;
        let now = Timestamp::now();
        let mut seen = BTreeSet::new();
        let mut register = Vec::new();
        for (restriction, what) in all(&policy) {
            if restriction.incident != Some(incident.id) {
                continue;
            }
            seen.insert(restriction.id);
            let approval = approvals
                .iter()
                .find(|approval| approval.target == restriction.id.to_string())
                .cloned();
            let lift = if !restriction.holds_at(now) {
                LiftState::Gone
            } else if approval.is_some() {
                LiftState::Asked
            } else if what.kind == RestrictionKind::Revocation {
                LiftState::NeedsOne
            } else if may_lift(incident) {
                LiftState::NeedsTwo
            } else {
                LiftState::Blocked
            };
            let verified = check
                .as_ref()
                .and_then(|check| seen_acting(check, restriction.id));
            register.push(view(restriction, what, lift, verified, approval));
        }
        register.extend(lines.iter().filter_map(|line| gone(line, &mut seen)));
        Ok(register)
    }

    /// Whether this restriction may be lifted as far as its case is concerned. One without a case may.
    pub(super) async fn case_allows_lifting(&self, restriction: &Restriction) -> Got<bool> {
        match restriction.incident {
            None => Ok(true),
            Some(id) => Ok(may_lift(&self.cases.get(id).await.map_err(error::case)?)),
        }
    }
}

/// What a restriction restricts, for a person.
pub(super) fn described(policy: &Policy, id: RestrictionId) -> Option<(Restriction, Text)> {
    all(policy)
        .find(|(restriction, _)| restriction.id == id)
        .map(|(restriction, what)| (restriction.clone(), what.text))
}

/// Whether one person may lift it.
pub(super) fn needs_one(policy: &Policy, id: RestrictionId) -> bool {
    policy
        .revocations
        .iter()
        .any(|revocation| revocation.restriction.id == id)
}

fn may_lift(incident: &Incident) -> bool {
    matches!(
        incident.state,
        IncidentState::Repaired | IncidentState::Closed
    )
}

fn seen_acting(check: &Check, id: RestrictionId) -> Option<bool> {
    check.restrictions.contains(&id).then_some(check.held)
}

fn all(policy: &Policy) -> impl Iterator<Item = (&Restriction, What)> {
    let isolations = policy.isolations.iter().map(|isolation| {
        let mode = mode_text(&isolation.mode);
        let module = &isolation.module;
        let what = What {
            kind: RestrictionKind::Isolation,
            target: module.to_string(),
            text: Text::new(
                format!("模块 {module}：{}", mode.zh),
                format!("module {module}: {}", mode.en),
            ),
            mode: Some(isolation.mode.name().to_owned()),
            tenant: isolation.tenant.as_ref().map(ToString::to_string),
        };
        (&isolation.restriction, what)
    });
    let revocations = policy.revocations.iter().map(|revocation| {
        let (target, text) = target_text(&revocation.target);
        let what = What {
            kind: RestrictionKind::Revocation,
            target,
            text,
            mode: None,
            tenant: None,
        };
        (&revocation.restriction, what)
    });
    let rules = policy.access_rules.iter().map(|rule| {
        let roles = rule.roles.join(", ");
        let what = What {
            kind: RestrictionKind::AccessRule,
            target: rule.route.to_string(),
            text: Text::new(
                format!("路由 {} 仅限角色 {roles}", rule.route),
                format!("route {} only for {roles}", rule.route),
            ),
            mode: None,
            tenant: None,
        };
        (&rule.restriction, what)
    });
    let patches = policy.patches.iter().map(|patch| {
        let what = What {
            kind: RestrictionKind::Patch,
            target: patch.patch.to_string(),
            text: patch.title.clone(),
            mode: Some(
                match patch.effect {
                    Effect::Block => "block",
                    Effect::Strip => "strip",
                    Effect::Mask => "mask",
                }
                .to_owned(),
            ),
            tenant: None,
        };
        (&patch.restriction, what)
    });
    isolations.chain(revocations).chain(rules).chain(patches)
}

fn target_text(target: &RevocationTarget) -> (String, Text) {
    match target {
        RevocationTarget::Session(session) => (
            session.to_string(),
            Text::new("一个会话已吊销", "one session ended"),
        ),
        RevocationTarget::Token(token) => (
            token.to_string(),
            Text::new("一个接口令牌已吊销", "one API token revoked"),
        ),
        RevocationTarget::Account(account) => (
            account.to_string(),
            Text::new(
                format!("账号 {account} 已冻结"),
                format!("account {account} frozen"),
            ),
        ),
        RevocationTarget::SessionsOf { account, .. } => (
            account.to_string(),
            Text::new(
                format!("账号 {account} 此前的会话已全部吊销"),
                format!("earlier sessions of {account} ended"),
            ),
        ),
        RevocationTarget::Address(address) => (
            address.to_string(),
            Text::new(
                format!("地址 {address} 被拒绝"),
                format!("address {address} refused"),
            ),
        ),
    }
}

fn view(
    restriction: &Restriction,
    what: What,
    lift: LiftState,
    verified: Option<bool>,
    approval: Option<api::Approval>,
) -> api::RestrictionView {
    let (expires_at, endless_because) = match &restriction.expiry {
        Expiry::At(at) => (Some(*at), None),
        Expiry::Never { because } => (None, Some(because.clone())),
    };
    let lift_blocked = (lift == LiftState::Blocked).then(|| match not_repaired() {
        hudun_console::DeskError::Conflict(text) => text,
        _ => Text::default(),
    });
    api::RestrictionView {
        id: restriction.id,
        kind: what.kind,
        target: what.target,
        what: what.text,
        mode: what.mode,
        tenant: what.tenant,
        owner: restriction.owner.clone(),
        reason: restriction.reason.clone(),
        since: restriction.since,
        expires_at,
        endless_because,
        verified,
        lift,
        lift_blocked,
        approval,
    }
}

/// A restriction that the policy no longer holds, as the ledger tells of it.
fn gone(line: &Line, seen: &mut BTreeSet<RestrictionId>) -> Option<api::RestrictionView> {
    let entry = &line.entry;
    let body = &entry.body;
    let field = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, target, text) = match entry.kind.as_str() {
        "containment.isolate" => {
            let (module, mode) = (field("module"), field("mode"));
            let text = Text::new(
                format!("模块 {module}：{mode}"),
                format!("module {module}: {mode}"),
            );
            (RestrictionKind::Isolation, module, text)
        }
        "containment.revoke-sessions" => {
            let account = field("account");
            let text = Text::new(
                format!("账号 {account} 此前的会话已全部吊销"),
                format!("earlier sessions of {account} ended"),
            );
            (RestrictionKind::Revocation, account, text)
        }
        "containment.freeze-account" => {
            let account = field("account");
            let text = Text::new(
                format!("账号 {account} 已冻结"),
                format!("account {account} frozen"),
            );
            (RestrictionKind::Revocation, account, text)
        }
        "repair.patch-enforced" => {
            let name = field("name");
            let text = Text::new(format!("热补丁 {name}"), format!("hot patch {name}"));
            (RestrictionKind::Patch, field("patch"), text)
        }
        _ => return None,
    };
    let id: RestrictionId = field("restriction").parse().ok()?;
    seen.insert(id).then(|| api::RestrictionView {
        id,
        kind,
        target: target.to_owned(),
        what: text,
        mode: body.get("mode").and_then(Value::as_str).map(str::to_owned),
        tenant: None,
        owner: entry.actor.clone(),
        reason: field("reason").to_owned(),
        since: Timestamp::from_millis(entry.at),
        expires_at: None,
        endless_because: None,
        verified: None,
        lift: LiftState::Gone,
        lift_blocked: None,
        approval: None,
    })
}
