//! Which notices a case needs, to whom, in which language.

use std::borrow::Cow;
use std::collections::BTreeSet;

use hudun_core::{Incident, IncidentState, TenantId};
use hudun_duty::{
    Assessment, DutyError, FactBase, Lang, NoticeKind, Role, RuleSet, Tenant, Verdict, assess,
};

use crate::informer::InformSettings;
use crate::notice::{LetterTo, Notice, NoticeStatus};

/// A notice that a case needs.
pub(crate) struct Wanted<'a> {
    pub(crate) kind: NoticeKind,
    pub(crate) lang: Lang,
    /// The tenant that it goes to.
    pub(crate) to: Option<LetterTo>,
    /// The facts that it may speak of, and no others.
    pub(crate) facts: Cow<'a, FactBase>,
    pub(crate) assessment: Cow<'a, Assessment>,
}

impl Wanted<'_> {
    /// Whether this notice is the one, in whatever version.
    pub(crate) fn is(&self, notice: &Notice) -> bool {
        notice.is_of(self.kind, self.lang, self.to.as_ref())
    }
}

/// The notices that a case needs now.
pub(crate) fn wanted<'a>(
    incident: &Incident,
    facts: &'a FactBase,
    assessment: &'a Assessment,
    before: &[Notice],
    settings: &InformSettings,
    rules: &RuleSet,
) -> Result<Vec<Wanted<'a>>, DutyError> {
    use NoticeKind as K;
    let (zh, en) = (Lang::Zh, Lang::En);
    let mut kinds = vec![
        (K::InternalBulletin, zh),
        (K::InternalBulletin, en),
        (K::RegulatorFirst, zh),
        (K::PersonalNotice, zh),
        (K::PersonalNotice, en),
        (K::PublicStatement, zh),
        (K::PublicStatement, en),
    ];
    let answered = langs_of(K::RegulatorFollowup, assessment);
    let changed = |lang| {
        before.iter().any(|notice| {
            notice.is_of(K::RegulatorFirst, lang, None)
                && notice.status == NoticeStatus::Recorded
                && notice.draft.facts_digest != assessment.facts_digest
        })
    };
    // A report that has been handed in is not written anew: what has changed since goes into the follow-up. The first
    // report is drafted in Chinese, so a follow-up in another language stands beside that one.
    if changed(zh) || changed(en) {
        kinds.extend(
            answered
                .into_iter()
                .map(|lang| (K::RegulatorFollowup, lang)),
        );
    }
    if matches!(
        incident.state,
        IncidentState::Repaired | IncidentState::Closed
    ) {
        let langs = langs_of(K::RegulatorFinal, assessment);
        kinds.extend(langs.into_iter().map(|lang| (K::RegulatorFinal, lang)));
    }
    let reported = langs_of(K::PoliceReport, assessment);
    let counted = assessment.severity.crime.attacker_met || assessment.severity.crime.operator_met;
    if counted || !reported.is_empty() {
        kinds.push((K::PoliceReport, zh));
    }
    if !langs_of(K::CaForm, assessment).is_empty() {
        kinds.push((K::CaForm, en));
    }
    let processor = facts.organisation.roles.iter().flatten();
    if facts.tenants.is_empty() && processor.into_iter().any(|role| *role == Role::Processor) {
        kinds.extend([(K::TenantLetter, zh), (K::TenantLetter, en)]);
    }
    let mut wanted: Vec<Wanted<'a>> = kinds
        .into_iter()
        .map(|(kind, lang)| Wanted {
            kind,
            lang,
            to: None,
            facts: Cow::Borrowed(facts),
            assessment: Cow::Borrowed(assessment),
        })
        .collect();
    for tenant in &facts.tenants {
        wanted.push(letter(tenant, facts, assessment, settings, rules)?);
    }
    Ok(wanted)
}

/// The letter to one tenant, with the facts of that tenant alone.
fn letter<'a>(
    tenant: &Tenant,
    facts: &FactBase,
    assessment: &Assessment,
    settings: &InformSettings,
    rules: &RuleSet,
) -> Result<Wanted<'a>, DutyError> {
    let own = facts.letter_to(tenant);
    let contact = tenant
        .id
        .parse::<TenantId>()
        .ok()
        .and_then(|id| settings.tenants.get(&id));
    Ok(Wanted {
        kind: NoticeKind::TenantLetter,
        lang: contact.map_or(Lang::Zh, |contact| contact.lang),
        to: Some(LetterTo {
            tenant: tenant.id.clone(),
            firm: tenant.organisation.name.clone(),
            contact: contact.map(|contact| contact.name.clone()),
        }),
        assessment: Cow::Owned(assess(&own, rules, assessment.now)?),
        facts: Cow::Owned(own),
    })
}

/// The languages of the authorities to which a notice of this kind is owed: Chinese to those that write Chinese, English
/// to all others. None when no phase asks for it.
fn langs_of(kind: NoticeKind, assessment: &Assessment) -> BTreeSet<Lang> {
    let mut langs = BTreeSet::new();
    for duty in assessment.applying() {
        let asked = duty.phases.iter().any(|phase| {
            let serves = |who| kind.serves(&duty.jurisdiction, phase.step, who);
            phase.verdict == Verdict::Applies && phase.to.iter().any(|to| serves(to.who))
        });
        if asked {
            let chinese = matches!(duty.jurisdiction.as_str(), "CN" | "HK" | "MO" | "TW");
            langs.insert(if chinese { Lang::Zh } else { Lang::En });
        }
    }
    langs
}

/// What of other tenants stands in the letter to one of them: names, codes, contacts.
pub(crate) fn of_others<'f>(text: &str, to: &LetterTo, facts: &'f FactBase) -> Vec<&'f str> {
    let names = |tenant: &'f Tenant| {
        let firm = &tenant.organisation;
        let contacts = [&firm.contact, &firm.responsible]
            .into_iter()
            .chain(&firm.dpo);
        let of_contacts =
            contacts.flat_map(|contact| [contact.phone.as_str(), contact.email.as_str()]);
        [firm.name.as_str(), firm.uscc.as_str()]
            .into_iter()
            .chain(of_contacts)
            .filter(|name| name.trim().chars().count() >= SHORTEST)
            .collect::<Vec<_>>()
    };
    // A firm's name may be part of the reader's own, or of the vendor's: those are taken out first, the longest before.
    let vendor = &facts.organisation;
    let mut own: Vec<&str> = vec![&vendor.name, &vendor.contact.phone, &vendor.contact.email];
    let reader = facts.tenants.iter().find(|tenant| tenant.id == to.tenant);
    own.extend(reader.into_iter().flat_map(names));
    own.retain(|name| !name.trim().is_empty());
    own.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let mut rest = text.to_owned();
    for name in &own {
        rest = rest.replace(name, "\u{0}");
    }
    let others = facts.tenants.iter().filter(|tenant| tenant.id != to.tenant);
    let mut found: Vec<&str> = others
        .flat_map(names)
        .filter(|name| !own.contains(name) && rest.contains(name))
        .collect();
    found.dedup();
    found
}

/// A name shorter than this is no name.
const SHORTEST: usize = 2;
