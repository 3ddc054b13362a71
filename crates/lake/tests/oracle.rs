//! Made-up histories: whatever is compacted and restarted in between, the lake answers what a plain walk over all
//! records answers.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hudun_core::{
    Delivery, Exchange, ExchangeId, KindSet, ScopeQuestion, ScopeSource, SubjectToken, Window,
};
use hudun_lake::{ExchangeFilter, Lake, LakeOptions, Page, Record, WhoSaw};
use proptest::prelude::*;
use uuid::Uuid;

/// One exchange of a history.
#[derive(Clone, Debug)]
struct Plan {
    tenant: u8,
    account: u8,
    session: u8,
    hour: u8,
    groups: Vec<Vec<(u8, u8, Vec<u8>)>>,
    end: Option<Delivery>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let sighting = (0..10_u8, 0..8_u8, prop::collection::vec(10..16_u8, 0..3));
    let groups = prop::collection::vec(prop::collection::vec(sighting, 0..4), 0..4);
    let end = prop_oneof![
        3 => Just(Some(Delivery::Delivered)),
        2 => Just(Some(Delivery::Aborted)),
        1 => Just(Some(Delivery::Withheld)),
        1 => Just(None),
    ];
    (0..2_u8, 0..3_u8, 0..3_u8, 0..3_u8, groups, end).prop_map(
        |(tenant, account, session, hour, groups, end)| Plan {
            tenant,
            account,
            session,
            hour,
            groups,
            end,
        },
    )
}

/// What happens between two records.
#[derive(Clone, Copy, Debug)]
enum Act {
    Compact,
    Restart,
    Nothing,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![1 => Just(Act::Compact), 1 => Just(Act::Restart), 16 => Just(Act::Nothing)]
}

fn records(number: usize, plan: &Plan) -> Vec<Record> {
    let id = ExchangeId::from_uuid(Uuid::from_u128(number as u128 + 1));
    let at = i64::from(plan.hour) * 3_600_000 + number as i64;
    let tenant = format!("tenant/{}", plan.tenant);
    let account = format!("account {}", plan.account);
    let session = format!("s{}", plan.session);
    let mut records = vec![Record::Head(Box::new(common::head(
        id, &tenant, &account, &session, at,
    )))];
    for (group, sightings) in (0..).zip(&plan.groups) {
        let sightings = sightings
            .iter()
            .map(|(subject, kinds, aliases)| hudun_core::Sighting {
                subject: common::token((*subject).into()),
                kinds: KindSet::from_bits((*kinds).into()),
                aliases: aliases
                    .iter()
                    .map(|&alias| common::token(alias.into()))
                    .collect(),
            });
        let release = common::release(id, group, at + 1, sightings.collect());
        records.push(Record::Release(release));
    }
    if let Some(delivery) = plan.end {
        let groups = plan.groups.len() as u32;
        records.push(Record::End(common::end(id, at + 2, groups, 0, delivery)));
    }
    records
}

/// All records that were appended, walked through without any index.
#[derive(Default)]
struct Oracle(BTreeMap<ExchangeId, Exchange>);

impl Oracle {
    fn take(&mut self, record: Record) {
        match record {
            Record::Head(head) => {
                let exchange = Exchange {
                    head: *head,
                    releases: vec![],
                    end: None,
                };
                self.0.insert(exchange.head.id, exchange);
            }
            Record::Release(release) => {
                self.0
                    .get_mut(&release.exchange)
                    .unwrap()
                    .releases
                    .push(release);
            }
            Record::End(end) => {
                let id = end.exchange;
                self.0.get_mut(&id).unwrap().end = Some(end);
            }
            Record::Small(..) => unreachable!(),
        }
    }

    /// Persons of the low, likely and high set, and the kinds of the likely ones.
    fn scope(&self, question: &ScopeQuestion) -> ([u64; 3], Vec<(SubjectToken, KindSet)>) {
        let of_tenant = || self.0.values().filter(|e| e.head.tenant == question.tenant);
        let mut seen: Vec<(SubjectToken, usize, KindSet)> = vec![];
        for exchange in of_tenant() {
            let actor = &exchange.head.actor;
            let of_source = if question.source.sessions.is_empty() {
                question
                    .source
                    .accounts
                    .contains(actor.account.as_ref().unwrap())
            } else {
                question
                    .source
                    .sessions
                    .contains(actor.session.as_ref().unwrap())
            };
            let delivery = exchange.end.as_ref().map(|end| end.delivery);
            if !of_source || delivery == Some(Delivery::Withheld) {
                continue;
            }
            for (at, release) in exchange.releases.iter().enumerate() {
                let last = at + 1 == exchange.releases.len();
                let tier = match delivery {
                    Some(Delivery::Delivered) => 0,
                    Some(Delivery::Aborted) if last => 2,
                    _ => 1,
                };
                for s in &release.sightings {
                    seen.push((s.subject, tier, s.kinds));
                }
            }
        }
        // In these histories an alias is never a subject, so a person is a subject, whatever it shares.
        let mut persons: BTreeMap<SubjectToken, [Option<KindSet>; 3]> = BTreeMap::new();
        for (token, tier, kinds) in seen {
            let slot = &mut persons.entry(token).or_default()[tier];
            *slot = Some(slot.unwrap_or_default().union(kinds));
        }
        let up_to = |tiers: &[Option<KindSet>; 3], tier: usize| {
            tiers[..=tier]
                .iter()
                .flatten()
                .copied()
                .reduce(KindSet::union)
        };
        let count = |tier| {
            persons
                .values()
                .filter(|p| up_to(p, tier).is_some())
                .count() as u64
        };
        let likely = persons
            .iter()
            .filter_map(|(t, p)| Some((*t, up_to(p, 1)?)))
            .collect();
        ([count(0), count(1), count(2)], likely)
    }
}

fn window() -> Window {
    Window {
        from: common::at(-1),
        to: common::at(100 * 3_600_000),
    }
}

fn check(lake: &Lake, oracle: &Oracle) -> Result<(), TestCaseError> {
    for tenant in ["tenant/0", "tenant/1"] {
        for (accounts, sessions) in [(vec!["account 0"], vec![]), (vec!["account 1"], vec!["s1"])] {
            let question = ScopeQuestion {
                tenant: tenant.parse().unwrap(),
                source: ScopeSource {
                    accounts: accounts.iter().map(|a| a.parse().unwrap()).collect(),
                    sessions: sessions.iter().map(|s| s.parse().unwrap()).collect(),
                    ..ScopeSource::default()
                },
                window: window(),
            };
            let scope = lake.scope(&question).unwrap();
            let (counts, likely) = oracle.scope(&question);
            prop_assert_eq!([scope.low, scope.likely, scope.high], counts);
            prop_assert_eq!(scope.subjects, likely);
        }
        for subject in [0, 3, 12] {
            let question = WhoSaw {
                tenant: tenant.parse().unwrap(),
                subject: common::token(subject),
                window: window(),
                limit: 100,
            };
            let sights = lake.who_saw(&question).unwrap();
            let found: BTreeSet<_> = sights.iter().map(|sight| sight.exchange).collect();
            let shows = |e: &&Exchange| {
                e.head.tenant == question.tenant
                    && e.releases.iter().flat_map(|r| &r.sightings).any(|s| {
                        s.subject == question.subject || s.aliases.contains(&question.subject)
                    })
            };
            let expected: BTreeSet<_> =
                oracle.0.values().filter(shows).map(|e| e.head.id).collect();
            prop_assert_eq!(found, expected);
        }
    }
    // The whole content, word for word, in pages from either end.
    let mut all: Vec<_> = oracle.0.values().cloned().collect();
    all.sort_by_key(|exchange| (exchange.head.at, exchange.head.id));
    for newest_first in [false, true] {
        let mut got = vec![];
        let mut after = None;
        loop {
            let page = Page {
                limit: 3,
                after,
                newest_first,
            };
            let part = lake
                .exchanges(&ExchangeFilter::of(window()), &page)
                .unwrap();
            let Some(last) = part.last() else { break };
            after = Some((last.head.at, last.head.id));
            got.extend(part.iter().map(|exchange| exchange.as_ref().clone()));
        }
        if newest_first {
            got.reverse();
        }
        prop_assert_eq!(&got, &all);
    }
    let ids: Vec<_> = oracle.0.keys().copied().collect();
    prop_assert_eq!(lake.fetch(&ids).unwrap().len(), all.len());
    let activity = lake.activity(None, window(), 3_600_000).unwrap();
    let counted: u64 = activity.iter().map(|step| step.exchanges).sum();
    prop_assert_eq!(counted, all.len() as u64);
    Ok(())
}

fn open(folder: &Path) -> Lake {
    let (lake, report) = Lake::open(folder, LakeOptions::default()).unwrap();
    assert!(
        report.repairs.is_empty() && report.missing.is_empty(),
        "{report:?}"
    );
    lake
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_lake_answers_what_a_plain_walk_answers(
        plans in prop::collection::vec(plan(), 1..14),
        picks in prop::collection::vec((any::<u8>(), act()), 60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut lake = open(folder.path());
        let mut oracle = Oracle::default();
        let mut waiting: Vec<_> = plans
            .iter()
            .enumerate()
            .map(|(number, plan)| records(number, plan).into_iter())
            .collect();
        for (pick, act) in picks {
            let pick = usize::from(pick) % waiting.len();
            if let Some(record) = waiting[pick].next() {
                oracle.take(record.clone());
                runtime.block_on(lake.journal().append(record)).unwrap();
            }
            match act {
                Act::Compact => { runtime.block_on(lake.compact()).unwrap(); }
                Act::Restart => {
                    // What an earlier process began and did not end never ends: its records stop here.
                    for (number, rest) in waiting.iter_mut().enumerate() {
                        let id = ExchangeId::from_uuid(Uuid::from_u128(number as u128 + 1));
                        if oracle.0.contains_key(&id) {
                            *rest = Vec::new().into_iter();
                        }
                    }
                    drop(lake);
                    lake = open(folder.path());
                }
                Act::Nothing => continue,
            }
            check(&lake, &oracle)?;
        }
        check(&lake, &oracle)?;
        runtime.block_on(lake.compact()).unwrap();
        check(&lake, &oracle)?;
        drop(lake);
        check(&open(folder.path()), &oracle)?;
    }
}
