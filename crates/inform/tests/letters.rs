//! A vendor's letters to its tenants: each with its own numbers, to its own contact, once.

#![allow(clippy::unwrap_used)] // a test that panics has failed

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use hudun_duty::{
    ApprovalRole, Assessment, Count, DataKind, FactBase, Lang, NoticeKind, Organisation,
    RecipientKind, Role, RuleSet, Span, Tenant, Text, figure,
};
use hudun_inform::{
    InformError, InformSettings, Informer, MailLetter, Notice, NoticeStatus, Postman,
    PostmanSettings, TenantContact, clocks_running_out,
};
use hudun_store::Store;
use support::{Book, Ledger, assessed, at, incident, mail_server};

struct House {
    store: Store,
    rules: Arc<RuleSet>,
    ledger: Arc<Ledger>,
    informer: Informer,
    case: hudun_core::Incident,
    facts: FactBase,
}

/// Three tenants; nobody is named at the third.
const FIRMS: [(&str, &str, Lang); 2] = [
    ("north", "it@north.example", Lang::Zh),
    ("west", "ciso@west.example", Lang::En),
];

fn tenant(id: &str, firm: &str, n: u64, kinds: &[DataKind], from: &str, to: &str) -> Tenant {
    let full = support::full();
    let persons = Count {
        low: n * 1_000 + 111,
        likely: n * 1_000 + 222,
        high: n * 1_000 + 333,
    };
    let contact = hudun_duty::Contact {
        name: format!("{id}-officer"),
        phone: format!("021-6{n}00{n}00{n}"),
        email: format!("office@{id}.example"),
        address: String::new(),
    };
    let of_kind = |(place, kind): (usize, &DataKind)| {
        let likely = persons.likely - 1 - place as u64;
        let count = Count {
            low: 7 * n,
            likely,
            high: likely,
        };
        (*kind, count)
    };
    Tenant {
        id: id.to_owned(),
        organisation: Organisation {
            name: firm.to_owned(),
            roles: Some([Role::Controller, Role::NetworkOperator].into()),
            countries: Some(["CN".to_owned()].into()),
            contact,
            dpo: None,
            group: vec![],
            chain: vec![],
            ..full.organisation.clone()
        },
        persons: Some(persons),
        kinds: Some(kinds.iter().enumerate().map(of_kind).collect()),
        places: Some(vec![hudun_duty::Place {
            country: "CN".to_owned(),
            region: String::new(),
            persons,
        }]),
        summary: Some(Text::new(
            format!("记录显示 {} 名客户的个人信息流出。", figure(persons.likely)),
            format!(
                "Personal data of {} customers left.",
                figure(persons.likely)
            ),
        )),
        occurred: Some(Span {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        }),
        kinds_not_involved: Some([DataKind::BankCard].into()),
        ..Tenant::default()
    }
}

async fn house() -> House {
    let store = Store::in_memory().await.unwrap();
    let ledger = Arc::new(Ledger::default());
    let contact = |(id, email, lang): (&str, &str, Lang)| {
        let contact = TenantContact {
            name: format!("{id}-officer"),
            email: email.to_owned(),
            lang,
        };
        (id.parse().unwrap(), contact)
    };
    let settings = InformSettings {
        tenants: FIRMS.into_iter().map(contact).collect(),
        ..InformSettings::default()
    };
    let (rules, informer) = support::informer(&store, settings, Arc::new(Book), ledger.clone());
    let mut facts = support::full();
    facts.organisation.roles = Some([Role::Processor, Role::NetworkOperator].into());
    facts.kinds_not_involved = BTreeSet::new();
    use DataKind as K;
    facts.tenants = vec![
        tenant(
            "north",
            "北方牧场有限公司",
            2,
            &[K::Name, K::Mobile],
            "2026-11-20T01:11:00Z",
            "2026-11-20T02:12:00Z",
        ),
        tenant(
            "west",
            "西岭茶业有限公司",
            5,
            &[K::Name, K::Chat],
            "2026-11-21T03:13:00Z",
            "2026-11-21T04:14:00Z",
        ),
        tenant(
            "east",
            "东海家居有限公司",
            8,
            &[K::Order],
            "2026-11-22T05:15:00Z",
            "2026-11-22T06:16:00Z",
        ),
    ];
    let sum = |of: fn(Count) -> u64| facts.tenants.iter().filter_map(|t| t.persons).map(of).sum();
    let total = Count {
        low: sum(|c| c.low),
        likely: sum(|c| c.likely),
        high: sum(|c| c.high),
    };
    facts.persons = Some(total);
    facts.sensitive_persons = None;
    facts.minors = None;
    facts.places = None;
    facts.kinds = Some(
        [K::Name, K::Mobile, K::Chat, K::Order]
            .map(|kind| (kind, total))
            .into(),
    );
    facts.incident.summary = Text::new(
        format!("共 {} 名客户，涉及 3 家客户单位。", figure(total.likely)),
        format!("{} customers of 3 firms.", figure(total.likely)),
    );
    House {
        store,
        rules,
        ledger,
        informer,
        case: incident(),
        facts,
    }
}

impl House {
    /// The newest letter to each tenant.
    async fn letters(&self) -> Vec<Notice> {
        let answers = assessed(&self.facts, &self.rules);
        let drafts = self
            .informer
            .draft_all(&self.case, &self.facts, &answers, at(support::NOW))
            .await
            .unwrap();
        let letters = drafts.into_iter();
        letters
            .filter(|notice| notice.kind == NoticeKind::TenantLetter)
            .collect()
    }

    async fn approve(&self, letters: &[Notice]) -> Result<Vec<Notice>, InformError> {
        let texts: Vec<_> = letters
            .iter()
            .map(|letter| (letter.id, letter.sha256.clone()))
            .collect();
        let now = at(support::NOW);
        self.informer
            .approve_set(&texts, "li", ApprovalRole::Legal, now)
            .await?;
        self.informer
            .approve_set(&texts, "wang", ApprovalRole::Commander, now)
            .await
    }
}

/// One duty that applies and asks, by a deadline, that the controllers be told.
fn clock_of_letters(house: &House) -> Assessment {
    let mut answers = assessed(&support::full(), &house.rules);
    answers.duties.retain(|duty| duty.rule == "CN-NCIR-4");
    let duty = &mut answers.duties[0];
    duty.phases.retain(|phase| phase.id == "operator");
    duty.phases[0].to[0].who = RecipientKind::Controller;
    answers
}

fn of<'l>(letters: &'l [Notice], tenant: &str) -> &'l Notice {
    let is = |letter: &&Notice| letter.to.as_ref().is_some_and(|to| to.tenant == tenant);
    letters.iter().find(is).unwrap()
}

/// Every figure and name of a tenant, as a letter writes them in either language.
fn marks(tenant: &Tenant) -> Vec<String> {
    let mut marks: Vec<String> = Vec::new();
    let counts = tenant.kinds.iter().flatten().map(|(_, count)| *count);
    for count in counts.chain(tenant.persons) {
        for n in [count.likely, count.high] {
            marks.extend([n.to_string(), figure(n)]);
        }
    }
    marks.push(figure(tenant.persons.unwrap().low));
    let firm = &tenant.organisation;
    marks.extend([
        firm.name.clone(),
        firm.contact.phone.clone(),
        firm.contact.email.clone(),
    ]);
    let occurred = tenant.occurred.unwrap();
    for at in [occurred.from, occurred.to] {
        let at = at.in_tz("Asia/Shanghai").unwrap();
        marks.push(at.strftime("%H:%M").to_string());
    }
    marks
}

#[tokio::test]
async fn each_tenant_reads_its_own_numbers_and_no_others() {
    let house = house().await;
    let letters = house.letters().await;
    assert_eq!(letters.len(), 3);
    for tenant in &house.facts.tenants {
        let letter = of(&letters, &tenant.id);
        assert_eq!(letter.refusals, [], "{}", tenant.id);
        let text = letter.draft.to_text();
        let persons = tenant.persons.unwrap();
        for n in [persons.low, persons.likely, persons.high] {
            assert!(text.contains(&figure(n)), "{n} of {}: {text}", tenant.id);
        }
        let lang = letter.lang;
        for kind in tenant.kinds.as_ref().unwrap().keys() {
            assert!(text.contains(kind.label().get(lang)), "{kind:?}: {text}");
        }
        let untouched = DataKind::BankCard.label();
        assert!(text.contains(untouched.get(lang)), "{text}");
        assert!(text.contains(&tenant.organisation.name));
        // Its own duties: PIPL 57 is the controller's, never the vendor's that writes the letter.
        let law = if lang == Lang::Zh {
            "第五十七条"
        } else {
            "Art. 57"
        };
        assert!(text.contains(law) || text.contains("第五十七条"), "{text}");
        let vendor = &house.facts.organisation;
        assert!(text.contains(&vendor.name) && text.contains(&vendor.contact.phone));

        for other in house.facts.tenants.iter().filter(|o| o.id != tenant.id) {
            for mark in marks(other) {
                assert!(
                    !text.contains(&mark),
                    "{mark} of {} in {}: {text}",
                    other.id,
                    tenant.id
                );
            }
            let foreign = other.kinds.as_ref().unwrap().keys();
            let own = tenant.kinds.as_ref().unwrap();
            for kind in foreign.filter(|kind| !own.contains_key(kind)) {
                let numbers = text
                    .split("二、")
                    .nth(1)
                    .or_else(|| text.split("2. Your").nth(1));
                let numbers = numbers.unwrap().split("三、").next().unwrap();
                let numbers = numbers.split("3. Possible").next().unwrap();
                assert!(
                    !numbers.contains(kind.label().get(lang)),
                    "{kind:?}: {numbers}"
                );
            }
        }
        let total = house.facts.persons.unwrap();
        for n in [total.low, total.likely, total.high] {
            assert!(
                !text.contains(&figure(n)),
                "the whole in {}: {text}",
                tenant.id
            );
        }
    }
    assert_eq!(of(&letters, "west").lang, Lang::En);
    assert_eq!(of(&letters, "east").to.as_ref().unwrap().contact, None);
}

#[tokio::test]
async fn the_set_is_approved_at_once_and_each_letter_goes_to_its_own_contact_once() {
    let (port, taken) = mail_server().await;
    let house = house().await;
    let letters = house.letters().await;
    let now = at(support::NOW);

    // One text that was not read: none is approved.
    let mut texts: Vec<_> = letters
        .iter()
        .map(|letter| (letter.id, letter.sha256.clone()))
        .collect();
    texts[2].1 = "sha256:00".to_owned();
    let refused = house
        .informer
        .approve_set(&texts, "li", ApprovalRole::Legal, now)
        .await;
    assert!(matches!(refused, Err(InformError::OtherText)));
    let (sending, by_hand) = house
        .informer
        .send_letters(house.case.id, "wang", now)
        .await
        .unwrap();
    assert!(sending.is_empty() && by_hand.is_empty());

    let approved = house.approve(&letters).await.unwrap();
    assert!(approved.iter().all(|n| n.status == NoticeStatus::Approved));
    let (sending, by_hand) = house
        .informer
        .send_letters(house.case.id, "wang", now)
        .await
        .unwrap();
    assert_eq!((sending.len(), by_hand.len()), (2, 1));
    let again = house
        .informer
        .send_letters(house.case.id, "wang", now)
        .await
        .unwrap();
    assert_eq!((again.0.len(), again.1.len()), (0, 1), "each once");
    for (id, email, _) in FIRMS {
        let letter = of(&letters, id);
        let due = house.store.outbox().due_on("smtp", i64::MAX, 100).await;
        let due = due.unwrap();
        let own: Vec<MailLetter> = due
            .iter()
            .filter(|one| one.dedupe.contains(&letter.id.to_string()))
            .map(|one| serde_json::from_str(&one.body).unwrap())
            .collect();
        assert_eq!(own.len(), 1);
        assert_eq!(
            (own[0].to.as_str(), &own[0].text),
            (email, &letter.draft.to_text())
        );
    }
    let by_hand = of(&letters, "east");
    let refused = house.informer.send(by_hand.id, "wang", &[], now).await;
    assert!(matches!(refused, Err(InformError::NotByLetter(_))));

    let settings = PostmanSettings {
        mail: Some(support::mail(port)),
        ..PostmanSettings::default()
    };
    let postman = Postman::open(&house.store, settings).await.unwrap();
    postman.deliver(now).await.unwrap();
    postman.deliver(now).await.unwrap();
    house.informer.reconcile(now).await.unwrap();
    let mut to: Vec<String> = taken.lock().unwrap().clone();
    to.sort();
    assert_eq!(
        to,
        ["RCPT TO:<ciso@west.example>", "RCPT TO:<it@north.example>"]
    );

    // The duty to tell is met tenant by tenant.
    let known = house.informer.notices(house.case.id).await.unwrap();
    let met = |id: &str| of(&known, id).out_at();
    assert_eq!(
        (met("north"), met("west"), met("east")),
        (Some(now), Some(now), None)
    );
    let demanded = of(&known, "north").draft.sections.iter();
    let rules: BTreeSet<_> = demanded
        .flat_map(|s| &s.demanded_by)
        .map(|d| d.rule.as_str())
        .collect();
    assert!(rules.contains("CN-PIPL-59"), "{rules:?}");
    // A clock that asks for the letters runs until every tenant is told.
    let answers = clock_of_letters(&house);
    let much_later = at("2027-11-23T11:00:00Z");
    let known = house.informer.notices(house.case.id).await.unwrap();
    let running = |notices: &[Notice]| clocks_running_out(&answers, notices, much_later).len();
    assert_eq!((running(&[]), running(&known)), (1, 1));
    let handed = house
        .informer
        .record_hand_in(by_hand.id, "当面签收", "wang", now)
        .await
        .unwrap();
    let known = house.informer.notices(house.case.id).await.unwrap();
    assert_eq!(running(&known), 0);
    assert_eq!(handed.out_at(), Some(now));
    let written = house.ledger.text();
    for (_, email, _) in FIRMS {
        assert!(!written.contains(email), "no address on the ledger");
    }
}

#[tokio::test]
async fn what_a_person_wrote_of_another_tenant_stops_the_letter() {
    let mut house = house().await;
    let words = Text::new(
        "已停用西岭茶业有限公司的导出",
        "exports of 西岭茶业有限公司 are off",
    );
    house.facts.measures.taken.push(words);
    let letters = house.letters().await;
    let checks = |id: &str| {
        let refusals = of(&letters, id).refusals.iter();
        refusals.map(|one| one.check.clone()).collect::<Vec<_>>()
    };
    assert_eq!(checks("north"), ["other-tenant"]);
    assert_eq!(checks("east"), ["other-tenant"]);
    assert_eq!(
        checks("west"),
        Vec::<String>::new(),
        "its own name is its own"
    );
}

#[tokio::test]
async fn a_change_at_one_tenant_leaves_the_letters_to_the_others_as_they_are() {
    let mut house = house().await;
    let first = house.letters().await;
    house.approve(&first).await.unwrap();
    let now = at(support::NOW);
    house
        .informer
        .send(of(&first, "west").id, "wang", &[], now)
        .await
        .unwrap();

    let north = &mut house.facts.tenants[0];
    north.persons.as_mut().unwrap().high += 1;
    house.facts.persons.as_mut().unwrap().high += 1;
    let second = house.letters().await;
    let (north, west, east) = (
        of(&second, "north"),
        of(&second, "west"),
        of(&second, "east"),
    );
    assert_eq!((north.version, north.approvals.len()), (2, 0));
    assert_eq!((west.version, west.status), (1, NoticeStatus::Sending));
    assert_eq!(
        (east.version, east.approvals.len()),
        (1, 2),
        "approvals hold"
    );

    // More is known of what west's letter speaks of: a second one stands beside the first. East is concerned no more.
    house.facts.tenants[1].persons.as_mut().unwrap().high += 1;
    let gone = house.facts.tenants.remove(2);
    let third = house.letters().await;
    assert_eq!(third.len(), 2);
    let west = of(&third, "west");
    assert!(west.version == 2 && west.id != of(&first, "west").id);
    let known = house.informer.notices(house.case.id).await.unwrap();
    let east = of(&known, "east");
    assert_eq!(
        (east.status, east.approvals.len()),
        (NoticeStatus::Draft, 0)
    );
    assert_eq!(east.refusals[0].check, "withdrawn");
    house.facts.tenants.push(gone);
    let back = house.letters().await;
    assert_eq!(of(&back, "east").refusals, [], "and back again");
}
