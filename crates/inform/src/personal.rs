//! What each person reads: the approved notice with that person's own kinds of data, and no other's.

use std::collections::{BTreeMap, BTreeSet};

use hudun_core::SubjectToken;
use hudun_duty::{DataKind, FactBase, LintInput, Linter, RenderOptions, Renderer, RuleSet, assess};

use crate::draft::refusal_of;
use crate::error::InformError;
use crate::message::{Message, Ways};
use crate::notice::Notice;

/// The kinds of data of each affected person.
pub type KindsOfEach = BTreeMap<SubjectToken, BTreeSet<DataKind>>;

/// What persons of one set of kinds read.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    /// The letter.
    pub(crate) letter: String,
    /// The text message, where the notice has one.
    pub(crate) message: Option<Message>,
}

/// The text for each set of kinds that occurs.
pub(crate) type TextsOfKinds = BTreeMap<BTreeSet<DataKind>, Own>;

/// The text for each set of kinds that occurs. The facts and rules must be those of the approved draft: they must
/// give the approved text again, letter for letter. Each text passes the linter by itself.
pub(crate) fn texts(
    notice: &Notice,
    facts: &FactBase,
    rules: &RuleSet,
    ways: &Ways,
    each: &KindsOfEach,
) -> Result<TextsOfKinds, InformError> {
    let dated = notice.draft.dated;
    let assessment = assess(facts, rules, dated)?;
    let renderer = Renderer::new(rules)?;
    let (kind, lang) = (notice.kind, notice.lang);
    let options = RenderOptions {
        dated: Some(dated),
        ..RenderOptions::default()
    };
    let whole = renderer.render(kind, lang, facts, &assessment, &options)?;
    if whole.digest() != notice.draft.digest() {
        return Err(InformError::OtherText);
    }
    let template = ways.template(lang);
    let known_template = template.map(|template| template.id.as_str());
    if known_template != notice.message.as_ref().map(|m| m.template.as_str()) {
        return Err(InformError::OtherText);
    }
    let known: BTreeSet<DataKind> = facts
        .kinds
        .iter()
        .flatten()
        .map(|(kind, _)| *kind)
        .collect();
    let groups: BTreeSet<&BTreeSet<DataKind>> = each.values().collect();
    let linter = Linter::new(rules, &renderer)?;
    let input = LintInput {
        send_list_digest: notice.affected_set_digest.clone(),
        ..LintInput::default()
    };
    // What every set of kinds reads the same is rendered and searched once.
    let case = renderer.for_case(kind, lang, facts, &assessment, &options)?;
    let linter = linter.for_case(&case, &input);
    let mut texts = BTreeMap::new();
    for own in groups {
        // A person of whom nothing is known to have been taken, or more than the case says, is not in this case.
        if own.is_empty() || !own.is_subset(&known) {
            return Err(InformError::OtherPersons);
        }
        let draft = case.render(own)?;
        let message = template
            .map(|template| template.fill(facts, lang, own, ways.longest_value))
            .transpose()?;
        let prepared = linter.prepare(&draft, &input)?;
        let mut refusals = prepared.lint(&draft, &input);
        if let Some(message) = &message {
            refusals.extend(prepared.lint_message(&message.text, lang));
        }
        let refusals: Vec<_> = refusals
            .into_iter()
            .filter(|refusal| refusal.check != "approval")
            .map(refusal_of)
            .collect();
        if !refusals.is_empty() {
            return Err(InformError::Refused(refusals));
        }
        let letter = draft.to_text();
        texts.insert(own.clone(), Own { letter, message });
    }
    Ok(texts)
}
