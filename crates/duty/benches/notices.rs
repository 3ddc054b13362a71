//! How long law takes: every duty and every draft of a large case, and personal notices one by one.

#![allow(clippy::unwrap_used, missing_docs)] // a bench that panics has failed

use std::collections::{BTreeMap, BTreeSet};

use hudun_duty::{
    Count, DataKind, FactBase, Lang, LintInput, Linter, NoticeKind, Refusal, RenderOptions,
    Renderer, RuleSet, Tenant, assess, assess_group,
};

fn main() {
    divan::main();
}

const FULL: &str = include_str!("../tests/common/full.json");

fn now() -> jiff::Timestamp {
    "2026-11-23T11:00:00Z".parse().unwrap()
}

/// A vendor's incident: one million affected persons over fifty tenants.
fn fifty_tenants() -> FactBase {
    let mut facts = FactBase::from_json(FULL).unwrap();
    let share = Count {
        low: 19_000,
        likely: 20_000,
        high: 20_000,
    };
    let kinds: Vec<DataKind> = facts
        .kinds
        .iter()
        .flatten()
        .map(|(kind, _)| *kind)
        .collect();
    facts.tenants = (0..50)
        .map(|n| Tenant {
            id: format!("tenant-{n}"),
            organisation: facts.organisation.clone(),
            persons: Some(share),
            records: Some(share),
            sensitive_persons: Some(Count::default()),
            minors: Some(Count::default()),
            kinds: Some(
                kinds
                    .iter()
                    .map(|kind| (*kind, share))
                    .collect::<BTreeMap<_, _>>(),
            ),
            places: None,
            ..Tenant::default()
        })
        .collect();
    facts
}

/// From scope ready to all duties assessed and all drafts in both languages, for the vendor and each tenant.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn all_duties_and_drafts_of_fifty_tenants(bencher: divan::Bencher<'_, '_>) {
    let set = RuleSet::embedded().unwrap();
    let facts = fifty_tenants();
    bencher.bench(|| {
        let answers = assess_group(&facts, &set, now()).unwrap();
        let renderer = Renderer::new(&set).unwrap();
        let mut drafts = 0;
        let mut each = |facts: &FactBase, answers| {
            for kind in NoticeKind::ALL {
                for lang in [Lang::Zh, Lang::En] {
                    let draft =
                        renderer.render(kind, lang, facts, answers, &RenderOptions::default());
                    drafts += usize::from(!draft.unwrap().sections.is_empty());
                }
            }
        };
        each(&facts, &answers.own);
        for (tenant, answer) in facts.tenants.iter().zip(&answers.tenants) {
            each(&facts.for_tenant(tenant), &answer.assessment);
        }
        assert_eq!(drafts, 51 * 18);
    });
}

/// What each of a thousand persons lost: every set of the affected kinds but none, in turn, half of them in Chinese.
fn persons(facts: &FactBase) -> Vec<(Lang, BTreeSet<DataKind>)> {
    let all: Vec<DataKind> = facts
        .kinds
        .iter()
        .flatten()
        .map(|(kind, _)| *kind)
        .collect();
    let person = |n: usize| {
        let mask = n % ((1 << all.len()) - 1) + 1;
        let own = all.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1);
        let lang = if n.is_multiple_of(2) {
            Lang::Zh
        } else {
            Lang::En
        };
        (lang, own.map(|(_, kind)| *kind).collect())
    };
    (1..=1_000).map(person).collect()
}

fn input(facts: &FactBase) -> LintInput {
    LintInput {
        send_list_digest: facts.method.affected_set_digest.clone(),
        ..LintInput::default()
    }
}

fn only_approvals_are_missing(refusals: &[Refusal]) {
    assert!(
        refusals.iter().all(|refusal| refusal.check == "approval"),
        "{refusals:?}"
    );
}

/// A thousand personal notices, each rendered and linted for itself from the case that was prepared for all, preparing
/// included.
#[divan::bench(sample_count = 9, sample_size = 1)]
fn a_thousand_personal_notices_of_one_case(bencher: divan::Bencher<'_, '_>) {
    let set = RuleSet::embedded().unwrap();
    let facts = FactBase::from_json(FULL).unwrap();
    let answers = assess(&facts, &set, now()).unwrap();
    let renderer = Renderer::new(&set).unwrap();
    let linter = Linter::new(&set, &renderer).unwrap();
    let (persons, input) = (persons(&facts), input(&facts));
    let options = RenderOptions::default();
    bencher
        .counter(divan::counter::ItemsCount::new(persons.len()))
        .bench(|| {
            let case = |lang| {
                renderer
                    .for_case(NoticeKind::PersonalNotice, lang, &facts, &answers, &options)
                    .unwrap()
            };
            let (zh, en) = (case(Lang::Zh), case(Lang::En));
            let (zh_linter, en_linter) =
                (linter.for_case(&zh, &input), linter.for_case(&en, &input));
            for (lang, own) in &persons {
                let (case, linter) = match lang {
                    Lang::Zh => (&zh, &zh_linter),
                    Lang::En => (&en, &en_linter),
                };
                let draft = case.render(own).unwrap();
                let refusals = linter.prepare(&draft, &input).unwrap().lint(&draft, &input);
                only_approvals_are_missing(&refusals);
            }
        });
}

/// The same with nothing shared but templates and patterns.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn a_thousand_personal_notices(bencher: divan::Bencher<'_, '_>) {
    let set = RuleSet::embedded().unwrap();
    let facts = FactBase::from_json(FULL).unwrap();
    let answers = assess(&facts, &set, now()).unwrap();
    let renderer = Renderer::new(&set).unwrap();
    let linter = Linter::new(&set, &renderer).unwrap();
    let (persons, input) = (persons(&facts), input(&facts));
    bencher
        .counter(divan::counter::ItemsCount::new(persons.len()))
        .bench(|| {
            for (lang, own) in &persons {
                let options = RenderOptions {
                    for_kinds: Some(own.clone()),
                    ..RenderOptions::default()
                };
                let draft = renderer
                    .render(
                        NoticeKind::PersonalNotice,
                        *lang,
                        &facts,
                        &answers,
                        &options,
                    )
                    .unwrap();
                let refusals = linter
                    .prepare(&draft, &facts, &answers, &input)
                    .unwrap()
                    .lint(&draft, &input);
                only_approvals_are_missing(&refusals);
            }
        });
}
