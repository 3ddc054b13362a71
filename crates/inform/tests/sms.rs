//! Text messages over a real store and a real HTTP gateway that hangs, lies, breaks off and answers twice; and a notice
//! that goes by e-mail and by message, is stopped and goes on.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hudun_core::{BoxFuture, Incident, SubjectToken, TenantId, Timestamp};
use hudun_duty::{DataKind, FactBase, Lang, NoticeKind, RuleSet, assess};
use hudun_inform::{
    Addressee, Addressees, BounceReport, Channel, Contact, Delivered, InformError, InformSettings,
    Informer, KindsOfEach, LetterSeal, MessageReport, MessageTemplate, Notice, NoticeStatus,
    Postman, PostmanSettings, ReportOf, ReturnedCount, SmsForm, SmsLetter, SmsSettings, Ways,
    letter_name,
};
use hudun_pii::Phone;
use hudun_store::{LetterState, Store};
use support::{Behaviour, Gateway, Ledger, digest, incident, token};

const NOW: Timestamp = Timestamp::from_millis(1_795_420_800_000);

fn settings(gateway: &Gateway, form: SmsForm) -> PostmanSettings {
    PostmanSettings {
        sms: Some(SmsSettings {
            url: gateway.url(),
            ca: None,
            form,
            most_in_a_round: 100,
        }),
        timeout: Duration::from_millis(1_500),
        attempts: 2,
        ..PostmanSettings::default()
    }
}

fn json_form() -> SmsForm {
    SmsForm::Json {
        secret: "s3cret".to_owned(),
    }
}

fn number(n: usize) -> String {
    format!("+86138000{n:05}")
}

async fn post(store: &Store, key: &str, to: &str) {
    let letter = SmsLetter {
        to: to.to_owned(),
        template: "SMS_1".to_owned(),
        params: vec![
            ("org".to_owned(), "云溪商贸".to_owned()),
            ("kinds".to_owned(), "姓名、手机号码".to_owned()),
        ],
        until: None,
    };
    let body = serde_json::to_string(&letter).unwrap();
    assert!(store.outbox().post(key, "sms", &body, 0).await.unwrap());
}

async fn state(store: &Store, key: &str) -> LetterState {
    store.outbox().get(key).await.unwrap().unwrap().state
}

#[tokio::test]
async fn each_answer_of_a_gateway_means_what_it_can_mean_and_no_more() {
    use Behaviour as B;
    use LetterState as S;
    let cases = [
        ("ok", B::Ok, S::Sent),
        ("refused", B::Refuse, S::Failed),
        ("limited", B::Later, S::Waiting),
        ("busy", B::Status(503), S::Waiting),
        ("forbidden", B::Status(403), S::Failed),
        // Nobody can tell: a silence, a broken answer, a fault inside, a success without a word, words that contradict.
        ("hang", B::Hang, S::Unknown),
        ("cut", B::Cut, S::Unknown),
        ("half", B::Half, S::Unknown),
        ("inner", B::Status(500), S::Unknown),
        ("garbage", B::Garbage, S::Unknown),
        ("lie", B::OkUnder(500), S::Unknown),
        ("endless", B::Endless, S::Unknown),
        ("twice", B::Twice, S::Sent),
    ];
    for form in support::forms() {
        let gateway = Gateway::start(&form).await;
        let store = Store::in_memory().await.unwrap();
        for (n, (name, behaviour, _)) in cases.iter().enumerate() {
            gateway.behave(&number(n), *behaviour);
            post(&store, &format!("notice/n/{name}"), &number(n)).await;
        }
        let postman = Postman::open(&store, settings(&gateway, form.clone()))
            .await
            .unwrap();
        postman.deliver(NOW).await.unwrap();
        for (name, _, wanted) in &cases {
            let letter = store
                .outbox()
                .get(&format!("notice/n/{name}"))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(letter.state, *wanted, "{name}: {}", letter.last_error);
            assert!(!letter.last_error.contains("138000"), "{letter:?}");
            let over = matches!(wanted, S::Sent | S::Failed);
            assert_eq!(letter.body.is_empty(), over, "{name}");
        }
        assert_eq!(
            gateway.wrong(),
            Vec::<String>::new(),
            "signed and shaped as documented"
        );
        // What may be tried again is, and given up at the last try; what is unknown is not touched.
        let later = NOW.plus_millis(1_000_000);
        let round = postman.deliver(later).await.unwrap();
        assert_eq!((round.failed, round.sent, round.unknown), (2, 0, 0));
        for (n, (name, behaviour, _)) in cases.iter().enumerate() {
            let calls = gateway.calls(&number(n));
            let tries = if matches!(behaviour, B::Later | B::Status(503)) {
                2
            } else {
                1
            };
            assert_eq!(calls, tries, "{name}");
        }
        // A person found one of them with the provider, and one not.
        let outbox = store.outbox();
        assert!(outbox.decide("notice/n/garbage", None).await.unwrap());
        gateway.behave(&number(6), B::Ok);
        assert!(outbox.decide("notice/n/cut", Some(0)).await.unwrap());
        assert_eq!(postman.deliver(later).await.unwrap().sent, 1);
        assert_eq!(state(&store, "notice/n/cut").await, S::Sent);
    }
}

#[tokio::test]
async fn a_gateway_that_can_not_be_reached_is_tried_again() {
    let store = Store::in_memory().await.unwrap();
    post(&store, "notice/n/1", &number(1)).await;
    let form = json_form();
    let gateway = Gateway::start(&form).await;
    let mut nowhere = settings(&gateway, form.clone());
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    nowhere.sms.as_mut().unwrap().url = format!("http://127.0.0.1:{port}/");
    let postman = Postman::open(&store, nowhere).await.unwrap();
    assert_eq!(postman.deliver(NOW).await.unwrap().later, 1);
    let postman = Postman::open(&store, settings(&gateway, form))
        .await
        .unwrap();
    let later = NOW.plus_millis(60_000);
    assert_eq!(postman.deliver(later).await.unwrap().sent, 1);
    assert_eq!(gateway.calls(&number(1)), 1);
}

#[tokio::test]
async fn a_report_says_what_arrived_and_settles_what_nobody_could_tell() {
    for form in support::forms() {
        let gateway = Gateway::start(&form).await;
        let store = Store::in_memory().await.unwrap();
        for n in 0..4 {
            post(&store, &format!("notice/n/{n}"), &number(n)).await;
        }
        gateway.behave(&number(3), Behaviour::Cut);
        let postman = Postman::open(&store, settings(&gateway, form.clone()))
            .await
            .unwrap();
        postman.deliver(NOW).await.unwrap();
        let by_serial = matches!(form, SmsForm::Tencent { .. });
        let report = |n: usize, delivered| MessageReport {
            of: if by_serial {
                ReportOf::Serial(format!("serial{}", number(n)))
            } else {
                ReportOf::Name(letter_name(&format!("notice/n/{n}")))
            },
            delivered,
            code: "DELIVRD".to_owned(),
        };
        let reports = [
            report(0, true),
            report(1, false),
            report(3, true),
            report(9, true),
        ];
        let told = postman.report(&reports).await.unwrap();
        // Of the one that was cut off, a provider that reports by its own number alone can prove nothing.
        let known = if by_serial { 2 } else { 3 };
        assert_eq!((told.told, told.unknown), (known, 4 - known));
        assert_eq!(state(&store, "notice/n/0").await, LetterState::Delivered);
        assert_eq!(state(&store, "notice/n/1").await, LetterState::Undelivered);
        assert_eq!(state(&store, "notice/n/2").await, LetterState::Sent);
        let cut = if by_serial {
            LetterState::Unknown
        } else {
            LetterState::Delivered
        };
        assert_eq!(state(&store, "notice/n/3").await, cut);
        // What arrived does not un-arrive.
        let late = postman.report(&[report(0, false)]).await.unwrap();
        assert_eq!((late.told, late.unknown), (0, 1));
        assert_eq!(state(&store, "notice/n/0").await, LetterState::Delivered);
    }
}

/// Persons by number: those below 3 have an address and a number, 3 to 5 a number only, 6 nothing; 7 and 8 are one row.
#[derive(Default)]
struct Book {
    changed: Mutex<bool>,
    /// No mail server takes a letter to the first two, and the second has no number.
    refused: Mutex<bool>,
}

impl Addressees for Book {
    fn addresses<'a>(
        &'a self,
        _: &'a TenantId,
        tokens: &'a [SubjectToken],
    ) -> BoxFuture<'a, Result<Vec<Addressee>, String>> {
        let phone = |n: u8| Some(Phone::parse(&number(n.into())).unwrap());
        let changed = *self.changed.lock().unwrap();
        let refused = *self.refused.lock().unwrap();
        let mut found = Vec::new();
        for one in tokens {
            let n = one.as_bytes()[0];
            let (persons, email, phone) = match n {
                0 if refused => (vec![*one], Some("reject0@example.cn".to_owned()), phone(0)),
                1 if refused => (vec![*one], Some("reject1@example.cn".to_owned()), None),
                0..=2 => (vec![*one], Some(format!("p{n}@example.cn")), phone(n)),
                3..=5 => (vec![*one], None, phone(n)),
                // In the list of later, the two of one row stand apart.
                7 if !changed => (vec![token(8), token(7)], None, phone(n)),
                7 | 8 if changed => (vec![*one], None, phone(n)),
                _ => continue,
            };
            found.push(Addressee {
                persons,
                email,
                phone,
            });
        }
        Box::pin(async move { Ok(found) })
    }

    fn reached_at<'a>(
        &'a self,
        _: &'a Contact,
        _: &'a [TenantId],
    ) -> BoxFuture<'a, Result<Vec<(TenantId, SubjectToken)>, String>> {
        Box::pin(async { Ok(vec![]) })
    }
}

struct House {
    store: Store,
    rules: Arc<RuleSet>,
    ledger: Arc<Ledger>,
    book: Arc<Book>,
    informer: Informer,
    case: Incident,
    each: KindsOfEach,
    facts: FactBase,
    at: Timestamp,
}

const TEMPLATE: &str = "{org}告知：{date}发现部分客户信息被未经授权获取，涉及您的{kinds}。我们不会索要验证码和密码，勿轻信自称客服的来电。详见{path}，咨询{phone}。";

impl House {
    async fn new(channels: Vec<Channel>, text: &str) -> Self {
        let store = Store::in_memory().await.unwrap();
        let rules = Arc::new(RuleSet::embedded().unwrap());
        let ledger = Arc::new(Ledger::default());
        let book = Arc::new(Book::default());
        let template = MessageTemplate {
            id: "SMS_1".to_owned(),
            text: text.to_owned(),
            params: vec![],
        };
        let settings = InformSettings {
            ways: Ways {
                channels,
                templates: BTreeMap::from([(Lang::Zh, template)]),
                longest_value: 35,
            },
            seal: Some(LetterSeal::new([7; 32])),
            ..InformSettings::default()
        };
        let informer = Informer::new(
            &store,
            rules.clone(),
            settings,
            book.clone(),
            ledger.clone(),
        );
        let some: BTreeSet<_> = [DataKind::Name, DataKind::Mobile].into();
        let mut each: KindsOfEach = (0..9).map(|n| (token(n), some.clone())).collect();
        each.insert(token(7), [DataKind::Name].into());
        each.insert(token(8), [DataKind::PurchaseIntent].into());
        let mut facts = support::full();
        facts.method.affected_set_digest = digest(each.keys());
        let now: jiff::Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
        Self {
            store,
            rules,
            ledger,
            book,
            informer,
            case: incident(),
            each,
            facts,
            at: Timestamp::from_millis(now.as_millisecond()),
        }
    }

    async fn drafted(&self) -> Notice {
        let now = jiff::Timestamp::from_millisecond(self.at.as_millis()).unwrap();
        let answers = assess(&self.facts, &self.rules, now).unwrap();
        let drafts = self
            .informer
            .draft_all(&self.case, &self.facts, &answers, self.at)
            .await
            .unwrap();
        drafts
            .into_iter()
            .filter(|n| n.kind == NoticeKind::PersonalNotice && n.lang == Lang::Zh)
            .max_by_key(|n| n.version)
            .unwrap()
    }

    async fn approved(&self) -> Notice {
        let notice = self.drafted().await;
        support::approve(&self.informer, &notice, self.at).await;
        notice
    }

    async fn send(&self, notice: &Notice) -> Result<Notice, InformError> {
        self.informer
            .send_to_each(notice.id, "wang", &self.each, &self.facts, self.at)
            .await
    }

    async fn postman(&self, gateway: &Gateway, port: u16) -> Postman {
        let mut settings = settings(gateway, json_form());
        settings.mail = Some(support::mail(port));
        settings.seal = Some(LetterSeal::new([7; 32]));
        Postman::open(&self.store, settings).await.unwrap()
    }
}

#[tokio::test]
async fn a_person_is_told_once_by_mail_or_by_message_and_a_stopped_notice_goes_on() {
    let gateway = Gateway::start(&json_form()).await;
    let (port, mails) = support::mail_server().await;
    let house = House::new(vec![Channel::Email, Channel::Sms], TEMPLATE).await;
    let notice = house.approved().await;
    assert_eq!(notice.refusals, []);
    let message = notice.message.as_ref().unwrap();
    assert!(
        message.text.contains("2026年11月23日") && !message.text.contains('{'),
        "{}",
        message.text
    );
    let sending = house.send(&notice).await.unwrap();
    // 0–2 by mail, 3–5 by message, 7 and 8 together by one; 6 is not reached.
    assert_eq!((sending.recipients, sending.unreachable), (7, 1));
    let outbox = house.store.outbox();
    let channels = |channel| {
        let outbox = house.store.outbox();
        async move { outbox.due_on(channel, i64::MAX, 100).await.unwrap() }
    };
    let (by_mail, by_message) = (channels("smtp").await, channels("sms").await);
    assert_eq!((by_mail.len(), by_message.len()), (3, 4));
    for letter in by_mail.iter().chain(&by_message) {
        assert!(letter.body.starts_with("sealed:"), "{letter:?}");
    }

    // One message is on its way when somebody presses the button.
    let postman = house.postman(&gateway, port).await;
    let first = &by_message[0].dedupe;
    assert!(outbox.begin(first).await.unwrap() && outbox.hand(first).await.unwrap());
    let stopped = house
        .informer
        .stop(notice.id, "wang", "a doubt", house.at)
        .await
        .unwrap();
    assert_eq!(
        (stopped.status, stopped.receipts.stopped),
        (NoticeStatus::Stopped, 6)
    );
    assert_eq!(
        postman.deliver(house.at).await.unwrap(),
        Delivered::default()
    );
    outbox.close(first, LetterState::Sent, "").await.unwrap();

    // The list has changed in between; nobody is told twice for that.
    *house.book.changed.lock().unwrap() = true;
    let nobody = house
        .informer
        .resume(notice.id, " ", "it was right", house.at)
        .await;
    assert!(matches!(nobody, Err(InformError::Nobody)));
    let going = house
        .informer
        .resume(notice.id, "chen", "it was right", house.at)
        .await
        .unwrap();
    assert_eq!(
        (going.status, going.receipts.waiting, going.receipts.sent),
        (NoticeStatus::Sending, 6, 1)
    );
    let again = house
        .informer
        .resume(notice.id, "chen", "twice", house.at)
        .await;
    assert!(
        matches!(again, Err(InformError::TooLate(NoticeStatus::Sending))),
        "{again:?}"
    );
    let round = postman.deliver(house.at).await.unwrap();
    assert_eq!((round.sent, round.failed, round.unknown), (6, 0, 0));
    assert_eq!(mails.lock().unwrap().len(), 3);
    let told = gateway.told();
    assert_eq!(told.len(), 3, "and one left before the stop");
    // Who is in the records under two names reads the kinds of both.
    let seven = &told[&number(7)];
    assert_eq!(seven[0]["kinds"], "姓名、购买意向");
    let ended = house.informer.reconcile(house.at).await.unwrap();
    assert_eq!(
        (ended[0].status, ended[0].receipts.sent),
        (NoticeStatus::Sent, 7)
    );

    let entries = house.ledger.text();
    assert!(entries.contains("inform.resumed") && entries.contains("it was right"));
    assert!(
        !entries.contains("138000") && !entries.contains("@example.cn"),
        "{entries}"
    );
    // What arrived is added to a notice that was sent already.
    let report = MessageReport {
        of: ReportOf::Name(letter_name(first)),
        delivered: true,
        code: String::new(),
    };
    postman.report(&[report]).await.unwrap();
    // The first was never handed to this postman: only those that were have a name.
    let three = format!("notice/{}/{}", notice.id, token(4));
    let report = MessageReport {
        of: ReportOf::Name(letter_name(&three)),
        delivered: false,
        code: "off".to_owned(),
    };
    postman.report(&[report]).await.unwrap();
    house.informer.reconcile(house.at).await.unwrap();
    let after = house.informer.get(notice.id).await.unwrap();
    assert_eq!(
        (
            after.status,
            after.receipts.sent,
            after.receipts.undelivered
        ),
        (NoticeStatus::Sent, 7, 1)
    );
}

#[tokio::test]
async fn a_letter_that_comes_back_goes_out_by_message_once() {
    let gateway = Gateway::start(&json_form()).await;
    let (port, mails) = support::mail_server().await;
    let house = House::new(vec![Channel::Email, Channel::Sms], TEMPLATE).await;
    let notice = house.approved().await;
    house.send(&notice).await.unwrap();
    let key = |n: u8| format!("notice/{}/{}", notice.id, token(n));
    let back = |n: u8, given_up: bool| BounceReport {
        letters: vec!["ab".repeat(12), letter_name(&key(n))],
        given_up,
        status: if given_up { "5.1.1" } else { "4.4.1" }.to_owned(),
    };
    let take =
        async |reports: &[BounceReport]| house.informer.returned(reports, house.at).await.unwrap();
    use ReturnedCount as C;
    // Nothing has left yet, so that nothing can come back.
    assert_eq!(take(&[back(0, true)]).await, (vec![C::Unknown], vec![]));
    let postman = house.postman(&gateway, port).await;
    postman.deliver(house.at).await.unwrap();
    let ended = house.informer.reconcile(house.at).await.unwrap();
    assert_eq!(
        (ended[0].status, ended[0].receipts.sent),
        (NoticeStatus::Sent, 7)
    );
    assert_eq!(mails.lock().unwrap().len(), 3);
    let by_message = gateway.told().len();

    // Forged: names that nobody has. Delayed: noted. Given up, twice in one round: the person gets a message.
    let forged = BounceReport {
        letters: vec!["00".repeat(12), letter_name("notice/x/y")],
        ..back(0, true)
    };
    let (counts, returned) = take(&[forged, back(1, false), back(0, true), back(0, true)]).await;
    assert_eq!(counts, [C::Unknown, C::Delayed, C::GivenUp, C::Known]);
    let [one] = returned.as_slice() else {
        panic!("{returned:?}");
    };
    assert_eq!((one.given_up, one.by_message, one.unreached), (1, 1, 0));
    assert_eq!(state(&house.store, &key(1)).await, LetterState::Sent);
    let again = house.informer.get(notice.id).await.unwrap();
    assert_eq!(
        (again.status, again.receipts.waiting),
        (NoticeStatus::Sending, 1)
    );
    let letter = house.store.outbox().get(&key(0)).await.unwrap().unwrap();
    assert!(letter.body.starts_with("sealed:") && letter.channel == "sms");
    postman.deliver(house.at).await.unwrap();
    assert_eq!(gateway.told()[&number(0)].len(), 1);
    assert_eq!(gateway.told().len(), by_message + 1);
    // The same report once more has nothing to say about the message.
    assert_eq!(take(&[back(0, true)]).await, (vec![C::Known], vec![]));
    assert_eq!(state(&house.store, &key(0)).await, LetterState::Sent);
    let ended = house.informer.reconcile(house.at).await.unwrap();
    assert_eq!(
        (ended[0].status, ended[0].receipts.sent),
        (NoticeStatus::Sent, 7)
    );

    // A crash came between the report and the message: it is made up for.
    let outbox = house.store.outbox();
    outbox.report(&key(2), false, "it came back").await.unwrap();
    let (counts, returned) = take(&[back(2, true)]).await;
    assert_eq!((counts, returned[0].by_message), (vec![C::Known], 1));
    // Of a stopped notice nothing goes on.
    house
        .informer
        .stop(notice.id, "wang", "a doubt", house.at)
        .await
        .unwrap();
    let (counts, returned) = take(&[back(1, true)]).await;
    assert_eq!(counts, [C::GivenUp]);
    assert_eq!((returned[0].by_message, returned[0].unreached), (0, 1));
    assert_eq!(state(&house.store, &key(1)).await, LetterState::Undelivered);

    let entries = house.ledger.text();
    assert!(entries.contains("inform.returned") && entries.contains("5.1.1"));
    assert!(!entries.contains("138000") && !entries.contains("@example.cn"));
}

#[tokio::test]
async fn a_letter_that_is_refused_at_once_goes_out_by_message() {
    let gateway = Gateway::start(&json_form()).await;
    let (port, mails) = support::mail_server().await;
    let house = House::new(vec![Channel::Email, Channel::Sms], TEMPLATE).await;
    *house.book.refused.lock().unwrap() = true;
    let notice = house.approved().await;
    house.send(&notice).await.unwrap();
    let postman = house.postman(&gateway, port).await;
    postman.deliver(house.at).await.unwrap();
    let key = |n: u8| format!("notice/{}/{}", notice.id, token(n));
    let (mailed, messaged) = (mails.lock().unwrap().len(), gateway.told().len());
    assert_eq!(mailed, 1);
    assert!(!gateway.told().contains_key(&number(0)));

    // The notice has not ended: one of the two can be told by message.
    assert_eq!(house.informer.reconcile(house.at).await.unwrap(), []);
    let under_way = house.informer.get(notice.id).await.unwrap();
    assert_eq!(under_way.status, NoticeStatus::Sending);
    assert_eq!(
        (under_way.receipts.waiting, under_way.receipts.failed),
        (1, 1)
    );
    let letter = house.store.outbox().get(&key(0)).await.unwrap().unwrap();
    assert!(letter.body.starts_with("sealed:") && letter.channel == "sms");
    postman.deliver(house.at).await.unwrap();
    assert_eq!(gateway.told()[&number(0)].len(), 1);
    assert_eq!(gateway.told().len(), messaged + 1);

    // Now it has; whoever has no number stays untold, and nobody is told twice.
    let ended = house.informer.reconcile(house.at).await.unwrap();
    assert_eq!(ended[0].status, NoticeStatus::Sent);
    assert_eq!((ended[0].receipts.sent, ended[0].receipts.failed), (6, 1));
    assert_eq!(state(&house.store, &key(1)).await, LetterState::Failed);
    postman.deliver(house.at).await.unwrap();
    assert_eq!(house.informer.reconcile(house.at).await.unwrap(), []);
    assert_eq!(mails.lock().unwrap().len(), mailed);
    assert!(gateway.told().values().all(|told| told.len() == 1));
    let entries = house.ledger.text();
    assert!(entries.contains("inform.taken-over"));
    assert!(!entries.contains("138000") && !entries.contains("@example.cn"));
}

#[tokio::test]
async fn a_notice_stopped_before_anything_was_posted_goes_on_whole_and_a_later_one_supersedes_it() {
    let mut house = House::new(vec![Channel::Sms], TEMPLATE).await;
    let notice = house.approved().await;
    let sending = house.send(&notice).await.unwrap();
    assert_eq!(
        (sending.recipients, sending.unreachable),
        (7, 1),
        "those with an address, too"
    );
    house
        .informer
        .stop(notice.id, "wang", "a doubt", house.at)
        .await
        .unwrap();
    let going = house
        .informer
        .resume(notice.id, "chen", "on", house.at)
        .await
        .unwrap();
    assert_eq!(going.receipts.waiting, 7);
    house
        .informer
        .stop(notice.id, "wang", "another doubt", house.at)
        .await
        .unwrap();

    // New facts make a new notice beside the stopped one; once it has gone out, the old one does not.
    let more = hudun_duty::Text::new("停用导出", "exports are off");
    house.facts.measures.taken.push(more);
    let next = house.approved().await;
    assert!(next.id != notice.id && next.version == 2);
    house.send(&next).await.unwrap();
    let late = house
        .informer
        .resume(notice.id, "chen", "on", house.at)
        .await;
    assert!(matches!(late, Err(InformError::Superseded(2))), "{late:?}");
}

#[tokio::test]
async fn a_template_that_says_what_it_must_not_is_refused_before_anybody_approves() {
    let refused = |text: &'static str| async move {
        let notice = House::new(vec![Channel::Sms], text).await.drafted().await;
        let checks = notice.refusals.into_iter().map(|one| one.check);
        checks.collect::<Vec<_>>()
    };
    assert_eq!(refused(TEMPLATE).await, Vec::<String>::new());
    assert_eq!(
        refused("{org}：涉及您的{kinds}，请点击 https://a.example/x").await,
        ["link"]
    );
    assert_eq!(refused("{org}：有 4321 位客户受影响").await, ["figure"]);
    assert_eq!(refused("{org}：绝对安全").await, ["claim"]);
    assert_eq!(
        refused("{org}：请联系 13812345678").await,
        ["figure", "personal-data"]
    );
    assert_eq!(refused("{org}：涉及您的{name}").await, ["message"]);
}

#[tokio::test]
async fn an_approval_holds_for_the_message_as_well() {
    let house = House::new(vec![Channel::Email, Channel::Sms], TEMPLATE).await;
    let notice = house.approved().await;
    // The template is another one after the approval: the draft is made anew, and the approvals are gone.
    let other = House::new(
        vec![Channel::Email, Channel::Sms],
        "{org}：涉及您的{kinds}。",
    )
    .await;
    let text = other.drafted().await;
    assert_eq!(
        text.draft.digest(),
        notice.draft.digest(),
        "the letter is the same"
    );
    assert_ne!(text.sha256, notice.sha256);
}

#[tokio::test]
async fn what_an_earlier_version_told_is_found_while_a_later_one_is_a_draft() {
    let mut house = House::new(vec![Channel::Email], TEMPLATE).await;
    let notice = house.approved().await;
    assert_eq!(notice.message, None, "no message where messages are no way");
    house.send(&notice).await.unwrap();
    let of = |n| [(house.case.tenant.clone(), token(n))];
    let first = house.informer.told(&of(0)).await.unwrap();
    assert_eq!(first.len(), 1);
    let more = hudun_duty::Text::new("停用导出", "exports are off");
    house.facts.measures.taken.push(more);
    let next = house.drafted().await;
    assert_eq!((next.version, next.status), (2, NoticeStatus::Draft));
    let of = |n| [(house.case.tenant.clone(), token(n))];
    assert_eq!(
        house.informer.told(&of(0)).await.unwrap(),
        first,
        "the draft hides nothing"
    );
    let next = house.approved().await;
    house.send(&next).await.unwrap();
    let both = house.informer.told(&of(0)).await.unwrap();
    assert_eq!(both.len(), 2);
    assert!(both.iter().any(|told| told.text.contains("停用导出")));
}
