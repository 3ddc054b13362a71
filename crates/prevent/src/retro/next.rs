//! The playbook's next version, from what the run showed.

use std::collections::BTreeSet;

use hudun_cacao::{Mode, ParseError, Playbook, diff, is_runnable, validate};
use hudun_core::{ModuleId, Text, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::StepFact;

/// What the run showed.
#[derive(Clone, Copy, Debug)]
pub struct RunFacts<'a> {
    /// Its steps; one that ran several times stands several times.
    pub steps: &'a [StepFact],
    /// Modules through which data really left.
    pub leaked_through: &'a [ModuleId],
}

/// A proposal.
#[derive(Clone, Debug, PartialEq)]
pub struct NextPlaybook {
    /// The new version; it equals the old one when the run gives no reason for a change.
    pub playbook: Value,
    /// What changed.
    pub changes: Vec<Text>,
    /// Why.
    pub reasons: Vec<Text>,
}

/// A timeout is never set below this.
const SHORTEST_MS: i64 = 5_000;

/// Proposes the next version: a timeout far above what was ever needed becomes three times the longest measured time, and
/// a module through which data left without being set apart is masked beside the others. Nobody's approval is skipped.
///
/// # Errors
/// [`NextError`] when the playbook can't be read, or the proposal would not be valid.
pub fn next_playbook(
    before: &Value,
    facts: RunFacts<'_>,
    now: Timestamp,
) -> Result<NextPlaybook, NextError> {
    let old = Playbook::from_value(before)?;
    let mut new = old.clone();
    let mut reasons = Vec::new();
    for (id, step) in &mut new.workflow {
        let took = facts
            .steps
            .iter()
            .filter(|fact| &fact.step == id && fact.succeeded && !fact.manual);
        let Some(longest) = took.map(|fact| fact.millis).max() else {
            continue;
        };
        let aim = i64::try_from(longest)
            .unwrap_or(i64::MAX)
            .saturating_mul(3)
            .max(SHORTEST_MS);
        if let Some(timeout) = step.timeout
            && aim < timeout
        {
            step.timeout = Some(aim);
            let name = step.name.clone().unwrap_or_else(|| id.clone());
            reasons.push(Text::new(
                format!("步骤「{name}」最长用时 {longest} 毫秒，超时由 {timeout} 收紧为 {aim} 毫秒"),
                format!("step \"{name}\" took {longest} ms at most: its timeout goes from {timeout} to {aim} ms"),
            ));
        }
    }
    widen(&mut new, facts.leaked_through, &mut reasons)?;
    if !reasons.is_empty() {
        let bumped = old
            .modified
            .parse::<Timestamp>()
            .map_or(now, |modified| now.max(modified.plus_millis(1)));
        new.modified = bumped.to_string();
        new.signatures = None;
    }
    let playbook = new.to_value()?;
    // What was wrong before is not this proposal's doing; what it would break is.
    let known = validate(before, Mode::Lenient);
    let problems: Vec<_> = validate(&playbook, Mode::Lenient)
        .into_iter()
        .filter(|problem| !known.contains(problem))
        .collect();
    if !is_runnable(&problems) {
        return Err(NextError::Invalid(
            problems
                .iter()
                .map(|problem| format!("{problem:?}"))
                .collect(),
        ));
    }
    let changes = diff(&old, &new)
        .iter()
        .map(|change| Text::new(change.zh(), change.en()))
        .collect();
    Ok(NextPlaybook {
        playbook,
        changes,
        reasons,
    })
}

/// Sets the modules apart, too, through which data left.
fn widen(
    new: &mut Playbook,
    leaked: &[ModuleId],
    reasons: &mut Vec<Text>,
) -> Result<(), NextError> {
    let mut isolated = BTreeSet::new();
    let mut pattern = None;
    for (id, step) in &new.workflow {
        for command in step.commands.iter().flatten() {
            let text = serde_json::to_value(command).map_err(NextError::Json)?;
            let Some(content) = text.get("content").and_then(Value::as_str) else {
                continue;
            };
            if let Ok(action) = serde_json::from_str::<Value>(content)
                && action.get("action").and_then(Value::as_str) == Some("isolate-module")
            {
                isolated.extend(
                    action
                        .get("module")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                pattern = Some((id.clone(), action));
            }
        }
    }
    let Some((like, action)) = pattern else {
        return Ok(());
    };
    let Some(group) = new
        .workflow
        .iter()
        .find(|(_, step)| step.next_steps.iter().flatten().any(|next| *next == like))
        .map(|(id, _)| id.clone())
    else {
        return Ok(());
    };
    for module in leaked
        .iter()
        .filter(|module| !isolated.contains(module.as_str()))
    {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&Sha256::digest(format!("{}/{module}", new.id).as_bytes())[..16]);
        let id = format!(
            "action--{}",
            uuid::Builder::from_sha1_bytes(bytes).into_uuid()
        );
        let mut action = action.clone();
        action["module"] = Value::from(module.as_str());
        action["mode"] = Value::from("mask");
        let Some(mut step) = new.workflow.get(&like).cloned() else {
            continue;
        };
        step.name = Some(format!("模块 {module} 改为脱敏 / Mask {module}"));
        let mut commands = serde_json::to_value(&step.commands).map_err(NextError::Json)?;
        commands[0]["content"] = Value::from(action.to_string());
        step.commands = serde_json::from_value(commands).map_err(NextError::Json)?;
        new.workflow.insert(id.clone(), step);
        if let Some(group) = new.workflow.get_mut(&group) {
            group.next_steps.get_or_insert_default().push(id);
        }
        reasons.push(Text::new(
            format!("数据经模块 {module} 流出，而流程没有隔离它"),
            format!("data left through {module}, which the playbook does not set apart"),
        ));
    }
    Ok(())
}

/// Why there is no proposal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NextError {
    /// The playbook can't be read.
    #[error(transparent)]
    Playbook(#[from] ParseError),
    /// A command can't be read.
    #[error("a command can't be read: {0}")]
    Json(#[source] serde_json::Error),
    /// The proposal would not be valid.
    #[error("the proposal would not be valid: {}", .0.join("; "))]
    Invalid(Vec<String>),
}
