//! The linter: a correct notice passes, and each of more than a hundred ways of spoiling it is caught.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed

mod common;

use hudun_duty::{
    Approval, ApprovalRole, Assessment, Draft, FactBase, Lang, LintInput, Linter, NoticeKind,
    RenderOptions, Renderer, RuleSet, assess,
};

struct Bench {
    set: RuleSet,
    facts: FactBase,
    assessment: Assessment,
}

impl Bench {
    fn new() -> Self {
        let set = RuleSet::embedded().unwrap();
        let mut facts = common::full();
        facts.times.handled = Some("2026-11-23T10:00:00Z".parse().unwrap());
        facts.check().unwrap();
        let assessment = assess(&facts, &set, common::now()).unwrap();
        Self {
            set,
            facts,
            assessment,
        }
    }

    fn draft(&self, kind: NoticeKind, lang: Lang) -> Draft {
        let renderer = Renderer::new(&self.set).unwrap();
        renderer
            .render(
                kind,
                lang,
                &self.facts,
                &self.assessment,
                &RenderOptions::default(),
            )
            .unwrap()
    }
}

fn input(draft: &Draft) -> LintInput {
    let approval = |role, by: &str| Approval {
        role,
        by: by.into(),
        at: common::now(),
        digest: draft.digest(),
    };
    LintInput {
        send_list_digest: "sha256:affected".into(),
        approvals: vec![
            approval(ApprovalRole::Legal, "赵律"),
            approval(ApprovalRole::Commander, "陈静"),
        ],
        serves: None,
        zone: None,
    }
}

#[test]
fn every_kind_passes_in_both_languages() {
    let b = Bench::new();
    for kind in NoticeKind::ALL {
        for lang in [Lang::Zh, Lang::En] {
            let d = b.draft(kind, lang);
            assert!(
                d.missing().is_empty(),
                "{kind:?} {lang:?}: {:?}",
                d.missing()
            );
            let refusals =
                hudun_duty::lint(&d, &b.facts, &b.assessment, &b.set, &input(&d)).unwrap();
            assert!(refusals.is_empty(), "{kind:?} {lang:?}: {refusals:#?}");
        }
    }
}

#[test]
fn every_spoiled_notice_is_caught() {
    let b = Bench::new();
    let good = b.draft(NoticeKind::PersonalNotice, Lang::Zh);
    let renderer = Renderer::new(&b.set).unwrap();
    let linter = Linter::new(&b.set, &renderer).unwrap();
    let spoiled = common::mutations(&good);
    assert!(spoiled.len() >= 100, "only {} mutations", spoiled.len());
    let mut missed = vec![];
    for (name, d) in &spoiled {
        // Approved as it stands, so that only the text can be refused.
        let input = input(d);
        let refusals = linter
            .prepare(d, &b.facts, &b.assessment, &input)
            .unwrap()
            .lint(d, &input);
        if refusals.is_empty() {
            missed.push(name.clone());
        }
        for r in &refusals {
            assert!(
                !r.article.zh.is_empty() && !r.article.en.is_empty(),
                "{name}: {r:?} names no article"
            );
        }
    }
    assert!(
        missed.is_empty(),
        "{} of {} missed:\n{}",
        missed.len(),
        spoiled.len(),
        missed.join("\n")
    );
}

#[test]
fn send_list_and_approvals() {
    let b = Bench::new();
    let d = b.draft(NoticeKind::PersonalNotice, Lang::Zh);
    let good = input(&d);
    let checks = |input: &LintInput| -> Vec<String> {
        let refusals = hudun_duty::lint(&d, &b.facts, &b.assessment, &b.set, input).unwrap();
        refusals.into_iter().map(|r| r.check).collect()
    };
    assert!(checks(&good).is_empty());
    let spoil = |f: &dyn Fn(&mut LintInput)| {
        let mut i = good.clone();
        f(&mut i);
        i
    };
    assert_eq!(
        checks(&spoil(&|i| i.send_list_digest = "sha256:other".into())),
        ["send-list"]
    );
    assert_eq!(
        checks(&spoil(&|i| i.send_list_digest.clear())),
        ["send-list"]
    );
    assert_eq!(
        checks(&spoil(&|i| drop(i.approvals.remove(0)))),
        ["approval"]
    );
    assert_eq!(
        checks(&spoil(&|i| drop(i.approvals.remove(1)))),
        ["approval"]
    );
    assert_eq!(
        checks(&spoil(&|i| i.approvals[0].digest.push('0'))),
        ["approval"]
    );
    assert_eq!(
        checks(&spoil(&|i| i.approvals[0].by = " ".into())),
        ["approval"]
    );
    assert_eq!(
        checks(&spoil(&|i| i.approvals[0].by = "陈静".into())),
        ["approval"],
        "one person, two roles"
    );
    assert_eq!(
        checks(&spoil(&|i| i.approvals.clear())),
        ["approval", "approval"]
    );
}

#[test]
fn a_first_report_may_leave_the_rest_for_later() {
    let b = Bench::new();
    let mut facts = b.facts.clone();
    facts.cause.text = Default::default();
    facts.measures.planned.clear();
    let a = assess(&facts, &b.set, common::now()).unwrap();
    let renderer = Renderer::new(&b.set).unwrap();
    let d = renderer
        .render(
            NoticeKind::RegulatorFirst,
            Lang::Zh,
            &facts,
            &a,
            &RenderOptions::default(),
        )
        .unwrap();
    assert_eq!(d.missing(), ["原因", "拟采取的措施"]);
    let mut i = input(&d);
    let refused = hudun_duty::lint(&d, &facts, &a, &b.set, &i).unwrap();
    assert!(
        refused
            .iter()
            .any(|r| r.rule.as_deref() == Some("CN-PIPL-57") && r.section == "rest"),
        "{refused:?}"
    );
    i.serves = Some(["CN-NCIR-4".to_owned()].into());
    assert!(
        hudun_duty::lint(&d, &facts, &a, &b.set, &i)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn proof_carries_a_claim_and_nothing_carries_an_absolute_one() {
    let b = Bench::new();
    let mut facts = b.facts.clone();
    facts.proven = vec![hudun_duty::ProvenClaim {
        claim: "no-misuse".into(),
        evidence: "ledger:2001".into(),
    }];
    let a = assess(&facts, &b.set, common::now()).unwrap();
    let renderer = Renderer::new(&b.set).unwrap();
    let mut d = renderer
        .render(
            NoticeKind::PublicStatement,
            Lang::En,
            &facts,
            &a,
            &RenderOptions::default(),
        )
        .unwrap();
    d.sections[2]
        .body
        .push_str("\nThere is no evidence of misuse.");
    assert!(
        hudun_duty::lint(&d, &facts, &a, &b.set, &input(&d))
            .unwrap()
            .is_empty()
    );
    d.sections[2]
        .body
        .push_str("\nYour data is completely safe.");
    let refused = hudun_duty::lint(&d, &facts, &a, &b.set, &input(&d)).unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].check.as_str(), refused[0].line), ("claim", 3));
}
