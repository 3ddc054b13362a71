//! How long it takes from fifty scopes of 20,000 persons each to facts, duties, and every draft in both languages.
//!
//! ```console
//! cargo run --release -p hudun-analyze --example fifty_tenants
//! ```

#![allow(clippy::unwrap_used, clippy::print_stdout)] // an example that panics has failed

use std::time::Instant;

use hudun_analyze::{
    Circumstances, Narrowing, OrganisationSettings, ScopeRecord, affected_set_digest, build_facts,
};
use hudun_core::{
    DataKind, Grade, Incident, IncidentId, IncidentState, KindCount, KindSet, Scope, ScopeQuestion,
    ScopeSource, SubjectToken, TenantId, Text, Timestamp, Window,
};
use hudun_duty::{Lang, NoticeKind, RenderOptions, Renderer, RuleSet, assess};

const TENANTS: u64 = 50;
const PERSONS: u64 = 20_000;

fn main() {
    let rules = RuleSet::embedded().unwrap();
    let scopes: Vec<(TenantId, Scope)> = (0..TENANTS).map(scope).collect();
    let at = Timestamp::from_millis(1_795_420_800_000);
    let now = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap();
    let begun = Instant::now();
    let renderer = Renderer::new(&rules).unwrap();
    let (mut persons, mut duties, mut drafts) = (0, 0, 0);
    for (tenant, scope) in &scopes {
        let digest = affected_set_digest(scope.subjects.iter().map(|(token, _)| *token));
        let answer = ScopeRecord {
            incident: IncidentId::new(),
            revision: 1,
            scope: scope.clone(),
            narrowing: Narrowing::Sessions,
            tenants: vec![],
            likely_sha256: digest.clone(),
            computed_at: at,
        };
        let facts = build_facts(
            &incident(tenant, at),
            &[],
            &[],
            &answer,
            &OrganisationSettings::default(),
            &Circumstances::default(),
        );
        assert_eq!(facts.method.affected_set_digest, digest);
        let answers = assess(&facts, &rules, now).unwrap();
        for kind in NoticeKind::ALL {
            for lang in [Lang::Zh, Lang::En] {
                let draft = renderer
                    .render(kind, lang, &facts, &answers, &RenderOptions::default())
                    .unwrap();
                drafts += usize::from(!draft.sections.is_empty());
            }
        }
        persons += scope.likely;
        duties += answers.duties.len();
    }
    println!(
        "{persons} persons, {TENANTS} tenants: {duties} rules answered and {drafts} drafts rendered in {:.2} s",
        begun.elapsed().as_secs_f64()
    );
}

fn scope(tenant: u64) -> (TenantId, Scope) {
    let kinds = KindSet::of(&[DataKind::Name, DataKind::Mobile, DataKind::Transaction]);
    let mut subjects: Vec<(SubjectToken, KindSet)> = (0..PERSONS)
        .map(|person| {
            // Spread over all values, as tokens are.
            let mixed = (tenant * PERSONS + person).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&mixed.to_be_bytes());
            (SubjectToken::from_bytes(bytes), kinds)
        })
        .collect();
    subjects.sort_unstable_by_key(|(token, _)| *token);
    let window = Window {
        from: Timestamp::from_millis(1_795_400_000_000),
        to: Timestamp::from_millis(1_795_420_000_000),
    };
    let id: TenantId = format!("tenant-{tenant}").parse().unwrap();
    let counts = kinds.iter().map(|kind| KindCount {
        kind,
        low: PERSONS,
        likely: PERSONS,
        high: PERSONS,
    });
    let scope = Scope {
        question: ScopeQuestion {
            tenant: id.clone(),
            source: ScopeSource::default(),
            window,
        },
        seen: ScopeSource::default(),
        window: Some(window),
        modules: vec![],
        exchanges: PERSONS,
        evidence: vec![],
        low: PERSONS,
        likely: PERSONS,
        high: PERSONS,
        kinds: counts.collect(),
        subjects,
        bytes_released: 1 << 30,
        bytes_explained: 1 << 30,
        method: "served-object ledger".to_owned(),
    };
    (id, scope)
}

fn incident(tenant: &TenantId, at: Timestamp) -> Incident {
    Incident {
        id: IncidentId::new(),
        tenant: tenant.clone(),
        title: Text::new("导出", "export"),
        grade: Grade::High,
        rows: vec![],
        state: IncidentState::Open,
        suspects: vec![],
        modules: vec![],
        findings: vec![],
        playbook: None,
        run: None,
        opened_at: at,
        marks: vec![],
        drill: false,
    }
}
