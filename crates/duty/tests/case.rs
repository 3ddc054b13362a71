//! A notice that is prepared once for a case reads and is linted as one that is made for its reader alone.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use hudun_duty::{
    Count, DataKind, Draft, FactBase, Lang, LintInput, Linter, NoticeKind, ProvenClaim,
    RenderOptions, Renderer, RuleSet, Section, Text, assess,
};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

static SET: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::embedded().unwrap());
static RENDERER: LazyLock<Renderer<'static>> = LazyLock::new(|| Renderer::new(&SET).unwrap());
static LINTER: LazyLock<Linter<'static>> = LazyLock::new(|| Linter::new(&SET, &RENDERER).unwrap());

/// Renders for each reader both ways, spoils the draft, and lints what comes out both ways.
fn compare(
    kind: NoticeKind,
    lang: Lang,
    facts: &FactBase,
    options: &RenderOptions,
    input: &LintInput,
    readers: &[BTreeSet<DataKind>],
    spoil: &dyn Fn(&Draft) -> Vec<Draft>,
) {
    let assessment = assess(facts, &SET, common::now()).unwrap();
    let case = RENDERER
        .for_case(kind, lang, facts, &assessment, options)
        .unwrap();
    let linter = LINTER.for_case(&case, input);
    for own in readers {
        let alone = RenderOptions {
            for_kinds: Some(own.clone()),
            ..options.clone()
        };
        let want = RENDERER
            .render(kind, lang, facts, &assessment, &alone)
            .unwrap();
        let have = case.render(own).unwrap();
        assert_eq!(have, want);
        assert_eq!(
            serde_json::to_string(&have).unwrap(),
            serde_json::to_string(&want).unwrap()
        );
        for draft in [have].into_iter().chain(spoil(&want)) {
            let plain = LINTER.prepare(&draft, facts, &assessment, input).unwrap();
            let prepared = linter.prepare(&draft, input).unwrap();
            assert_eq!(prepared.lint(&draft, input), plain.lint(&draft, input));
            let text = draft.to_text();
            for lang in [Lang::Zh, Lang::En] {
                assert_eq!(
                    prepared.lint_message(&text, lang),
                    plain.lint_message(&text, lang)
                );
            }
        }
    }
}

fn input() -> LintInput {
    LintInput {
        send_list_digest: "sha256:affected".into(),
        ..LintInput::default()
    }
}

/// Every set of these kinds, and of one that the case doesn't know.
fn every_set(facts: &FactBase) -> Vec<BTreeSet<DataKind>> {
    let affected = facts.kinds.iter().flatten().map(|(kind, _)| *kind);
    let all: Vec<DataKind> = affected.chain([DataKind::Religion]).collect();
    let set = |mask: usize| {
        let mine = all.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1);
        mine.map(|(_, kind)| *kind).collect()
    };
    (0..1 << all.len()).map(set).collect()
}

#[test]
fn every_set_of_kinds_reads_and_is_linted_as_if_alone() {
    let facts = common::full();
    for kind in NoticeKind::ALL {
        for lang in [Lang::Zh, Lang::En] {
            let options = RenderOptions::default();
            let sets = every_set(&facts);
            compare(kind, lang, &facts, &options, &input(), &sets, &|_| vec![]);
        }
    }
}

#[test]
fn every_spoiled_notice_is_refused_as_if_alone() {
    let facts = common::full();
    let own = BTreeSet::from([DataKind::Name, DataKind::PurchaseIntent]);
    for lang in [Lang::Zh, Lang::En] {
        let (kind, options) = (NoticeKind::PersonalNotice, RenderOptions::default());
        compare(
            kind,
            lang,
            &facts,
            &options,
            &input(),
            std::slice::from_ref(&own),
            &|draft| {
                common::mutations(draft)
                    .into_iter()
                    .map(|(_, draft)| draft)
                    .collect()
            },
        );
    }
}

/// A draft that says of itself that it is another than the case was prepared for is held against what it says it is.
#[test]
fn a_draft_of_another_case_takes_the_long_way() {
    let facts = common::full();
    let own = BTreeSet::from([DataKind::Mobile]);
    let others = |draft: &Draft| {
        let with = |change: &dyn Fn(&mut Draft)| {
            let mut draft = draft.clone();
            change(&mut draft);
            draft
        };
        vec![
            with(&|d| d.kind = NoticeKind::PublicStatement),
            with(&|d| d.lang = Lang::En),
            with(&|d| d.dated = "2026-11-23T09:00:00Z".parse().unwrap()),
            with(&|d| d.for_kinds = None),
            with(&|d| d.for_kinds = Some([DataKind::Name].into())),
        ]
    };
    let (kind, options) = (NoticeKind::PersonalNotice, RenderOptions::default());
    let sets = [own];
    compare(kind, Lang::Zh, &facts, &options, &input(), &sets, &others);

    // Other input than the case's: the zone in which times were written, and the rules that it serves.
    let assessment = assess(&facts, &SET, common::now()).unwrap();
    let case = RENDERER
        .for_case(kind, Lang::Zh, &facts, &assessment, &options)
        .unwrap();
    let linter = LINTER.for_case(&case, &input());
    let draft = case.render(&sets[0]).unwrap();
    for other in [
        LintInput {
            zone: Some("Europe/Berlin".into()),
            ..input()
        },
        LintInput {
            serves: Some(BTreeSet::new()),
            ..input()
        },
    ] {
        let plain = LINTER.prepare(&draft, &facts, &assessment, &other).unwrap();
        let prepared = linter.prepare(&draft, &other).unwrap();
        assert_eq!(prepared.lint(&draft, &other), plain.lint(&draft, &other));
    }
    let elsewhere = LintInput {
        zone: Some("Europe/Berlin".into()),
        ..input()
    };
    assert!(
        linter
            .prepare(&draft, &elsewhere)
            .unwrap()
            .lint(&draft, &elsewhere)
            .iter()
            .any(|refusal| refusal.check == "date"),
        "times of another zone are no times of the record"
    );
}

/// What the two ways have in common must still refuse: kinds of another reader, and a line that is clean in one language.
#[test]
fn another_readers_kinds_are_refused() {
    let facts = common::full();
    let assessment = assess(&facts, &SET, common::now()).unwrap();
    let options = RenderOptions::default();
    let case = RENDERER
        .for_case(
            NoticeKind::PersonalNotice,
            Lang::Zh,
            &facts,
            &assessment,
            &options,
        )
        .unwrap();
    let linter = LINTER.for_case(&case, &input());
    let mine = case.render(&BTreeSet::from([DataKind::Name])).unwrap();
    let mut theirs = case.render(&BTreeSet::from([DataKind::Mobile])).unwrap();
    theirs.for_kinds.clone_from(&mine.for_kinds);
    let refused = linter
        .prepare(&theirs, &input())
        .unwrap()
        .lint(&theirs, &input());
    assert!(
        refused
            .iter()
            .any(|r| r.check == "record" && r.section == "your_data"),
        "{refused:#?}"
    );
}

#[test]
fn a_section_without_a_name_hides_no_figure() {
    let facts = common::full();
    let assessment = assess(&facts, &SET, common::now()).unwrap();
    let options = RenderOptions::default();
    let mut draft = RENDERER
        .render(
            NoticeKind::PersonalNotice,
            Lang::Zh,
            &facts,
            &assessment,
            &options,
        )
        .unwrap();
    draft.sections.push(Section {
        id: String::new(),
        heading: String::new(),
        body: "另有 3,500 人受影响。".into(),
        satisfies: vec![],
        demanded_by: vec![],
        missing: vec![],
    });
    let refused = LINTER
        .prepare(&draft, &facts, &assessment, &input())
        .unwrap()
        .lint(&draft, &input());
    assert!(
        refused
            .iter()
            .any(|r| r.check == "figure" && r.excerpt == "3500"),
        "{refused:#?}"
    );
}

/// Words that a person may have written into the facts: good, empty, and such that the linter refuses.
fn words() -> impl Strategy<Value = Text> {
    let zh = select(vec![
        "",
        "一名外部人员读取了客户资料。",
        "绝对安全，没有任何影响。",
        "请联系 13812345678 或写信至 a@b.example。\n另有 3,500 人。",
        "- 手机号码",
        "接口 /api/customers/{id} 未校验，见 CWE-639。",
        "{{ kinds }} {% for k in kinds %}",
        "请点击 https://a.example/x",
    ]);
    let en = select(vec![
        "",
        "An outside person read customer records.",
        "No impact, completely safe, no evidence of misuse.",
        "Call 13812345678 on 3 March.\n- name\n1,200,000 persons",
        "- mobile number",
        "Endpoint /api/customers/{id}, CVE-2026-1.",
        "see www.shop.top [to be completed: x]",
    ]);
    (zh, en).prop_map(|(zh, en)| Text::new(zh, en))
}

prop_compose! {
    fn facts()(
        affected in subsequence(DataKind::ALL.to_vec(), 0..=12),
        untouched in subsequence(DataKind::ALL.to_vec(), 0..=12),
        known in prop::bool::weighted(0.9),
        drill in any::<bool>(),
        disclosed in prop::option::of(any::<bool>()),
        exists in any::<bool>(),
        proven in any::<bool>(),
        whole in any::<bool>(),
        text in prop::collection::vec(words(), 6),
    ) -> FactBase {
        let mut facts = common::full();
        let count = |n: usize| Count::exact(n as u64 * 1_000);
        let affected: BTreeMap<DataKind, Count> =
            affected.into_iter().enumerate().map(|(n, kind)| (kind, count(n))).collect();
        facts.kinds_not_involved = untouched.into_iter().filter(|kind| !affected.contains_key(kind)).collect();
        facts.kinds = known.then_some(affected);
        facts.incident.drill = drill;
        if let Some(vulnerability) = &mut facts.vulnerability {
            (vulnerability.exists, vulnerability.disclosed) = (exists, disclosed);
        }
        if proven {
            facts.proven = vec![ProvenClaim { claim: "no-impact".into(), evidence: "ledger:1".into() }];
        }
        if !whole {
            facts.incident.summary = text[0].clone();
            facts.cause.text = text[1].clone();
            facts.impact.harm = text[2].clone();
            facts.measures.taken = text[3..5].to_vec();
            facts.organisation.verify_path = text[5].clone();
        }
        facts
    }
}

/// Another draft, put together from lines of both languages and of what is written above.
fn spoilt(draft: &Draft, at: &[(Index, Index, Text)]) -> Draft {
    let mut draft = draft.clone();
    for (section, line, text) in at {
        let section = section.index(draft.sections.len());
        let section = &mut draft.sections[section];
        let mut lines: Vec<&str> = section.body.lines().collect();
        let line = line.index(lines.len() + 1);
        lines.splice(line..line, [text.zh.as_str(), text.en.as_str()]);
        section.body = lines.join("\n");
    }
    draft
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_case_any_reader(
        facts in facts(),
        kind in select(NoticeKind::ALL.to_vec()),
        lang in select(vec![Lang::Zh, Lang::En]),
        zone in select(vec![None, Some("Europe/Berlin".to_owned())]),
        serves in prop::option::of(prop::collection::btree_set(select(SET.rules.iter().map(|r| r.id.clone()).collect::<Vec<_>>()), 0..6)),
        readers in prop::collection::vec(prop::collection::btree_set(select(DataKind::ALL.to_vec()), 0..12), 1..4),
        at in prop::collection::vec((any::<Index>(), any::<Index>(), words()), 0..4),
    ) {
        let options = RenderOptions {
            zone: zone.clone(),
            for_kinds: Some(BTreeSet::from([DataKind::Name])),
            dated: None,
        };
        let input = LintInput { zone, serves, ..input() };
        let mut readers = readers;
        // And one who lost all that the case knows of, and one who lost every second kind.
        let affected = facts.kinds.iter().flatten().map(|(kind, _)| *kind);
        readers.push(affected.clone().collect());
        readers.push(affected.step_by(2).collect());
        compare(kind, lang, &facts, &options, &input, &readers, &|draft| {
            vec![spoilt(draft, &at)]
        });
    }
}
