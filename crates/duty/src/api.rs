//! What the command line and the console call: JSON in, JSON out.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::assess::{assess, assess_group};
use crate::error::DutyError;
use crate::facts::FactBase;
use crate::lint::{LintInput, lint};
use crate::notice::{Draft, NoticeKind, RenderOptions, Renderer};
use crate::ruleset::RuleSet;
use crate::text::Lang;

/// Assesses a fact base given as JSON; with tenants, each tenant too.
pub fn assess_json(facts: &str, rules: &RuleSet, now: Timestamp) -> Result<Value, DutyError> {
    let facts = FactBase::from_json(facts)?;
    if facts.tenants.is_empty() {
        json(&assess(&facts, rules, now)?)
    } else {
        json(&assess_group(&facts, rules, now)?)
    }
}

/// Every rule, gate, field and calendar as JSON.
pub fn rules_json(rules: &RuleSet) -> Result<Value, DutyError> {
    #[derive(Serialize)]
    struct All<'a> {
        digest: &'a str,
        rules: &'a [crate::rule::Rule],
        gates: &'a [crate::gates::GateRule],
        fields: &'a [crate::ruleset::Field],
        holidays: &'a [crate::clock::Holidays],
        grading: &'a crate::severity::Grading,
    }
    json(&All {
        digest: &rules.digest,
        rules: &rules.rules,
        gates: &rules.gates,
        fields: &rules.fields,
        holidays: &rules.holidays,
        grading: &rules.grading,
    })
}

/// Assesses and renders one draft.
pub fn render(
    kind: NoticeKind,
    lang: Lang,
    facts: &FactBase,
    rules: &RuleSet,
    now: Timestamp,
    options: &RenderOptions,
) -> Result<Draft, DutyError> {
    let assessment = assess(facts, rules, now)?;
    Renderer::new(rules)?.render(kind, lang, facts, &assessment, options)
}

/// Lints a notice (JSON of a draft) against facts; `input` is JSON of the send list's digest and the approvals.
pub fn lint_json(
    notice: &str,
    facts: &str,
    input: &str,
    rules: &RuleSet,
    now: Timestamp,
) -> Result<Value, DutyError> {
    let facts = FactBase::from_json(facts)?;
    let draft: Draft = read("notice", notice)?;
    let input: LintInput = read("lint input", input)?;
    let facts = of_draft(facts, &draft)?;
    let assessment = assess(&facts, rules, now)?;
    let refusals = lint(&draft, &facts, &assessment, rules, &input)?;
    Ok(serde_json::json!({ "passes": refusals.is_empty(), "refusals": json(&refusals)? }))
}

/// The facts that a draft speaks of: for the letter to one tenant of a vendor those of that tenant alone.
fn of_draft(facts: FactBase, draft: &Draft) -> Result<FactBase, DutyError> {
    if draft.kind == NoticeKind::TenantLetter {
        for tenant in &facts.tenants {
            let own = facts.letter_to(tenant);
            if own.digest()? == draft.facts_digest {
                return Ok(own);
            }
        }
    }
    Ok(facts)
}

fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, DutyError> {
    if text.len() > MAX_NOTICE_BYTES {
        return Err(DutyError::TooLarge {
            what: what.into(),
            bytes: text.len(),
            limit: MAX_NOTICE_BYTES,
        });
    }
    serde_json::from_str(text).map_err(|e| DutyError::Input {
        what: what.into(),
        line: e.line(),
        column: e.column(),
        message: e.to_string(),
    })
}

const MAX_NOTICE_BYTES: usize = 4 * 1024 * 1024;

fn json<T: Serialize>(value: &T) -> Result<Value, DutyError> {
    serde_json::to_value(value).map_err(|e| DutyError::Json(e.to_string()))
}
