//! The fact base, built from the record and from what named persons have added.

use std::collections::{BTreeMap, BTreeSet};

use hudun_core::{Exchange, Finding, Incident, KindSet, Scope, TenantId, TimelineMark, Timestamp};
use hudun_duty::{
    Abroad, Availability, Aware, Breach, Count, EnisaInputs, FactBase, Impact, Integrity, Measures,
    Method, Organisation, Place, ProvenClaim, Recipients, Scene, Span, SystemInfo, Tenant, Text,
    Times, Vulnerability, figure,
};
use serde::{Deserialize, Serialize};

use crate::{Narrowing, ScopeRecord, affected_set_digest, cause, kinds};

/// Who the firms are, from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrganisationSettings {
    /// The firm behind each tenant.
    pub tenants: BTreeMap<TenantId, Organisation>,
    /// A vendor that runs the system for its tenants. When given, the duties are the vendor's, and the tenant's beside.
    pub vendor: Option<Organisation>,
    /// The guarded system.
    pub system: SystemInfo,
}

/// What the exchanges do not tell: decisions and knowledge of named persons, and what other stages did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Circumstances {
    /// The evidenced decision that this is an incident. When absent, taking the case counts as that decision, if
    /// `acknowledged_by` says who took it.
    pub aware: Option<Aware>,
    /// Who took the case.
    pub acknowledged_by: Option<String>,
    /// Conflict gates that counsel has released, each with name and reference.
    pub releases: BTreeMap<String, String>,
    /// Kinds that the system holds, from the profile. Kinds held and not seen leaving are named as not involved, and
    /// only while everything that left is explained.
    pub kinds_held: KindSet,
    /// Whether the attacker altered data; unknown when nobody has looked.
    pub altered: Option<bool>,
    /// Whether data was lost or unavailable.
    pub lost: Option<bool>,
    /// Whether the data is unintelligible to whoever has it.
    pub unintelligible: Option<bool>,
    /// Where the affected persons are.
    pub places: Option<Vec<Place>>,
    /// Affected persons under fourteen.
    pub minors: Option<Count>,
    /// The hole, when a person knows more than the findings show.
    pub vulnerability: Option<Vulnerability>,
    /// Losses and harm, by persons.
    pub impact: Impact,
    /// What containment, repair and people did and plan.
    pub measures: Measures,
    /// How the scene was preserved.
    pub scene: Scene,
    /// Statements with proof.
    pub proven: Vec<ProvenClaim>,
    /// A person's own ENISA inputs.
    pub enisa: Option<EnisaInputs>,
}

/// Builds the facts of a case. `evidence` are the exchanges of the findings, as far as the lake still has them.
///
/// With a vendor the facts are the vendor's: the numbers of all tenants together, and those of each beside.
pub fn build_facts(
    incident: &Incident,
    findings: &[Finding],
    evidence: &[Exchange],
    answer: &ScopeRecord,
    organisations: &OrganisationSettings,
    known: &Circumstances,
) -> FactBase {
    let (scope, narrowing) = (&answer.scope, answer.narrowing);
    let kinds = kinds::counts(scope);
    let sensitive = kinds::sensitive(scope, &kinds);
    let leaked = scope.likely > 0;
    let tenant_firm = organisations.tenants.get(&incident.tenant).cloned();
    let persons = persons(scope);
    let mut facts = FactBase {
        format: 1,
        incident: hudun_duty::Incident {
            id: incident.id.to_string(),
            title: text(&incident.title),
            summary: summary(scope),
            drill: incident.drill,
        },
        organisation: tenant_firm.clone().unwrap_or_default(),
        system: organisations.system.clone(),
        breach: breach(findings, scope, known),
        persons: Some(persons),
        sensitive_persons: Some(sensitive),
        minors: known.minors,
        kinds_not_involved: untouched(scope, known),
        kinds: Some(kinds),
        places: known
            .places
            .clone()
            .or_else(|| only_place(tenant_firm.as_ref(), persons)),
        method: method(scope, narrowing),
        cause: cause::cause(findings, leaked),
        vulnerability: known
            .vulnerability
            .clone()
            .or_else(|| cause::hole(findings, evidence, &organisations.system.name)),
        impact: known.impact.clone(),
        times: times(incident, scope, known),
        measures: known.measures.clone(),
        scene: known.scene.clone(),
        proven: known.proven.clone(),
        enisa: known.enisa.clone(),
        abroad: Abroad {
            counsel_releases: known.releases.clone(),
            ..Abroad::default()
        },
        ..FactBase::default()
    };
    if let Some(vendor) = &organisations.vendor {
        facts.organisation = vendor.clone();
        facts.tenants = vec![Tenant {
            minors: facts.minors,
            places: facts.places.clone(),
            ..tenant(scope, organisations, narrowing, known)
        }];
        let others = answer.tenants.iter();
        facts
            .tenants
            .extend(others.map(|scope| tenant(scope, organisations, Narrowing::Addresses, known)));
        if !answer.tenants.is_empty() {
            whole(&mut facts, answer, known);
        }
    }
    // Whose product it is, is the firm's knowledge and not the case's.
    if let Some(hole) = &mut facts.vulnerability {
        hole.own_product = hole.own_product.or(facts.organisation.own_product);
        hole.eu_product = hole.eu_product.or(facts.organisation.eu_product);
    }
    facts
}

/// One tenant's own numbers.
fn tenant(
    scope: &Scope,
    organisations: &OrganisationSettings,
    narrowing: Narrowing,
    known: &Circumstances,
) -> Tenant {
    let id = &scope.question.tenant;
    let firm = organisations.tenants.get(id).cloned();
    let kinds = kinds::counts(scope);
    let occurred = scope.window.and_then(|window| {
        Some(Span {
            from: instant(window.from)?,
            to: instant(window.to)?,
        })
    });
    Tenant {
        id: id.to_string(),
        persons: Some(persons(scope)),
        sensitive_persons: Some(kinds::sensitive(scope, &kinds)),
        kinds: Some(kinds),
        places: only_place(firm.as_ref(), persons(scope)),
        organisation: firm.unwrap_or_default(),
        summary: Some(summary(scope)),
        method: Some(method(scope, narrowing)),
        occurred,
        kinds_not_involved: Some(untouched(scope, known)),
        ..Tenant::default()
    }
}

/// Makes the facts those of all tenants together. A person who is a customer of two of them is counted at both: their
/// tokens can't be held against each other, and the law is asked with what is possible at most.
fn whole(facts: &mut FactBase, answer: &ScopeRecord, known: &Circumstances) {
    let sum = |of: fn(&Tenant) -> Option<Count>| {
        let mut all = facts.tenants.iter().map(of);
        all.try_fold(Count::default(), |sum, one| Some(add(sum, one?)))
    };
    let (persons, sensitive, minors) = (
        sum(|tenant| tenant.persons),
        sum(|tenant| tenant.sensitive_persons),
        sum(|tenant| tenant.minors),
    );
    let mut kinds: BTreeMap<hudun_duty::DataKind, Count> = BTreeMap::new();
    for (kind, count) in facts
        .tenants
        .iter()
        .flat_map(|one| one.kinds.iter().flatten())
    {
        let all = kinds.entry(*kind).or_default();
        *all = add(*all, *count);
    }
    // Where the customers of one tenant are is unknown, it is unknown for all.
    let mut places: Option<BTreeMap<(String, String), Count>> = Some(BTreeMap::new());
    for tenant in &facts.tenants {
        let Some((all, own)) = places.as_mut().zip(tenant.places.as_ref()) else {
            places = None;
            break;
        };
        for place in own {
            let key = (place.country.clone(), place.region.clone());
            let count = all.entry(key).or_default();
            *count = add(*count, place.persons);
        }
    }
    if known.places.is_none() {
        facts.places = places.map(|places| {
            let place = |((country, region), persons)| Place {
                country,
                region,
                persons,
            };
            places.into_iter().map(place).collect()
        });
    }
    let scopes = || std::iter::once(&answer.scope).chain(&answer.tenants);
    let untouched = scopes().map(|scope| untouched(scope, known));
    facts.kinds_not_involved = untouched
        .reduce(|all, one| all.intersection(&one).copied().collect())
        .unwrap_or_default();
    let (from, to) = (
        scopes()
            .filter_map(|scope| scope.window)
            .map(|w| w.from)
            .min(),
        scopes()
            .filter_map(|scope| scope.window)
            .map(|w| w.to)
            .max(),
    );
    let at = |at: Option<Timestamp>| at.and_then(instant);
    facts.times.occurred_from = facts.times.occurred_from.into_iter().chain(at(from)).min();
    facts.times.occurred_to = facts.times.occurred_to.into_iter().chain(at(to)).max();
    facts.incident.summary = persons.map_or_else(Text::default, |persons| {
        let mut text = summary_of(persons);
        let n = facts.tenants.len();
        text.zh.push_str(&format!("涉及 {n} 家客户单位。"));
        text.en
            .push_str(&format!(" {n} customer firms are concerned."));
        text
    });
    (facts.persons, facts.sensitive_persons) = (persons, sensitive);
    facts.minors = minors.or(facts.minors);
    facts.kinds = Some(kinds);
}

fn add(one: Count, other: Count) -> Count {
    Count {
        low: one.low.saturating_add(other.low),
        likely: one.likely.saturating_add(other.likely),
        high: one.high.saturating_add(other.high),
    }
}

fn persons(scope: &Scope) -> Count {
    Count {
        low: scope.low,
        likely: scope.likely,
        high: scope.high,
    }
}

/// Kinds that the system holds and that were not seen leaving, named only while everything that left is explained.
fn untouched(scope: &Scope, known: &Circumstances) -> BTreeSet<hudun_duty::DataKind> {
    if scope.high != scope.likely {
        return BTreeSet::new();
    }
    let left = kinds::counts(scope);
    let held = kinds::lawful(known.kinds_held).into_iter();
    held.filter(|kind| !left.contains_key(kind)).collect()
}

/// A firm that serves one country has its customers there, unless somebody knows better.
fn only_place(firm: Option<&Organisation>, persons: Count) -> Option<Vec<Place>> {
    let countries = firm?.countries.as_ref()?;
    let country = countries.first().filter(|_| countries.len() == 1)?;
    Some(vec![Place {
        country: country.clone(),
        region: String::new(),
        persons,
    }])
}

fn text(text: &hudun_core::Text) -> Text {
    Text::new(text.zh.clone(), text.en.clone())
}

fn summary(scope: &Scope) -> Text {
    summary_of(persons(scope))
}

fn summary_of(persons: Count) -> Text {
    let (low, likely, high) = (
        figure(persons.low),
        figure(persons.likely),
        figure(persons.high),
    );
    if persons.high == 0 {
        return Text::new(
            "记录显示没有客户的个人信息流出。",
            "The record shows that no customer's personal data left.",
        );
    }
    Text::new(
        format!(
            "记录显示 {likely} 名客户的个人信息流出（确认送达 {low} 名，不能排除的共 {high} 名）。"
        ),
        format!(
            "The record shows that personal data of {likely} customers left ({low} confirmed delivered, {high} can't be ruled out)."
        ),
    )
}

fn breach(findings: &[Finding], scope: &Scope, known: &Circumstances) -> Breach {
    let left = scope.high > 0;
    Breach {
        leaked: if scope.likely > 0 {
            Some(true)
        } else if left {
            None
        } else {
            Some(false)
        },
        altered: known.altered,
        lost: known.lost,
        possible: Some(left),
        recipients: Some(if left {
            Recipients::Unknown
        } else {
            Recipients::None
        }),
        integrity: (known.altered == Some(false)).then_some(Integrity::Kept),
        availability: (known.lost == Some(false)).then_some(Availability::Kept),
        malicious: cause::malicious(findings),
        unintelligible: known.unintelligible,
        ..Breach::default()
    }
}

fn method(scope: &Scope, narrowing: Narrowing) -> Method {
    let (zh, en) = scope
        .method
        .split_once(" / ")
        .unwrap_or((&scope.method, &scope.method));
    let how = narrowing.text();
    Method {
        text: Text::new(format!("{}；{zh}", how.zh), format!("{}; {en}", how.en)),
        // Rounded down to two places: the share is never told higher than it is.
        coverage_percent: Some((scope.coverage().clamp(0.0, 1.0) * 10_000.0).floor() / 100.0),
        affected_set_digest: affected_set_digest(scope.subjects.iter().map(|(token, _)| *token)),
    }
}

fn times(incident: &Incident, scope: &Scope, known: &Circumstances) -> Times {
    let mark = |mark| incident.mark(mark);
    let onset = mark(TimelineMark::Onset);
    let seen = mark(TimelineMark::Detected);
    // Who knew of it before the machine did, detected it.
    let decided = known.aware.as_ref();
    let decided = decided.map(|aware| Timestamp::from_millis(aware.at.as_millisecond()));
    let detected = seen.map(|seen| decided.map_or(seen, |decided| seen.min(decided)));
    let from = scope
        .window
        .map(|window| window.from)
        .into_iter()
        .chain(onset)
        .min();
    let to = scope
        .window
        .map(|window| window.to)
        .into_iter()
        .chain(onset)
        .max();
    // Taking the case is a decision too, but only by somebody, and never before there was something to decide on.
    let taken = mark(TimelineMark::Acknowledged)
        .map(|at| seen.map_or(at, |seen| at.max(seen)))
        .and_then(instant)
        .zip(known.acknowledged_by.clone())
        .filter(|(_, by)| !by.trim().is_empty())
        .map(|(at, by)| Aware {
            at,
            by,
            evidence: format!("incident.acknowledged {}", incident.id),
        });
    let not_before_detection = |at: Timestamp| detected.map_or(at, |detected| at.max(detected));
    Times {
        occurred_from: from
            .map(|from| detected.map_or(from, |detected| from.min(detected)))
            .and_then(instant),
        occurred_to: to.and_then(instant),
        detected: detected.and_then(instant),
        aware: known.aware.clone().or(taken),
        contained: mark(TimelineMark::Contained)
            .map(not_before_detection)
            .and_then(instant),
        // The final report counts from the end of handling. That is when the hole was proven shut, not when somebody got
        // round to closing the case: the earlier start is the safe one.
        handled: mark(TimelineMark::Repaired)
            .or_else(|| mark(TimelineMark::Closed))
            .map(not_before_detection)
            .map(|at| mark(TimelineMark::Contained).map_or(at, |contained| at.max(contained)))
            .and_then(instant),
        ..Times::default()
    }
}

fn instant(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.as_millis()).ok()
}
