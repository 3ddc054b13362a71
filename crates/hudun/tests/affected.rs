//! "Was I affected?" end to end: a notice that went out by real mail, a code that arrives by real mail, and the page
//! over HTTP, on the real store, ledger and address list.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use hudun::addresses::AddressFile;
use hudun::affected::{Announced, carry_codes};
use hudun::bounces::{Bounces, BouncesPart};
use hudun::care::Care;
use hudun::demo::mailbox;
use hudun::keys::MasterKey;
use hudun::ledger::LedgerService;
use hudun_affected::{Page, Settings};
use hudun_console::Live;
use hudun_core::{
    Actor, ExchangeId, Finding, FindingId, Incident, Level, SubjectToken, TaskState, TenantId,
    Text, Timestamp,
};
use hudun_duty::{ApprovalRole, DataKind, FactBase, Lang, NoticeKind, RuleSet, assess};
use hudun_gateway::TenantKeys as _;
use hudun_inform::{
    InformSettings, Informer, KindsOfEach, MailSecurity, MailSettings, Notice, Postman,
    PostmanSettings,
};
use hudun_respond::{Cases, Intake, ResponseRules};
use hudun_store::Store;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const FACTS: &str = include_str!("../../duty/tests/common/full.json");
const ADDRESSES: &str = "customer,email,phone,tenant\n\
    1,Li@example.cn,,yunxi\n\
    2,wang@example.cn,138 0000 0002,yunxi\n\
    9,untouched@example.cn,,yunxi\n\
    1,stranger@example.cn,,north\n";

struct House {
    folder: tempfile::TempDir,
    store: Store,
    ledger: Arc<LedgerService>,
    cases: Arc<Cases>,
    care: Arc<Care>,
    inform: Arc<Informer>,
    rules: Arc<RuleSet>,
    case: Incident,
    each: KindsOfEach,
    facts: FactBase,
    mail: PathBuf,
    mail_port: u16,
    page: String,
    client: reqwest::Client,
    stop: CancellationToken,
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("state.db"))
        .await
        .unwrap();
    let (ledger, _) = LedgerService::open(&folder.path().join("ledger"), "hudun").unwrap();
    let ledger = Arc::new(ledger);
    let keys = MasterKey::open(&folder.path().join("master.key")).unwrap();
    let file = folder.path().join("addresses.csv");
    std::fs::write(&file, ADDRESSES).unwrap();
    let cases = Cases::open(&store, ResponseRules::built_in().unwrap(), ledger.clone()).await;
    let cases = Arc::new(cases.unwrap());
    let live = Live::new();
    let care = Arc::new(Care::new(&store, &keys, cases.clone(), live));
    let rules = Arc::new(RuleSet::embedded().unwrap());
    let addressees = Arc::new(AddressFile::new(file, keys.clone()));
    let inform = Arc::new(Informer::new(
        &store,
        rules.clone(),
        InformSettings::default(),
        addressees.clone(),
        ledger.clone(),
    ));

    let mail = folder.path().join("mail");
    std::fs::create_dir(&mail).unwrap();
    let stop = CancellationToken::new();
    let mailbox = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = mailbox.local_addr().unwrap().port();
    tokio::spawn(mailbox::serve(mailbox, mail.clone(), stop.clone()));
    let settings = PostmanSettings {
        mail: Some(mail_settings(port)),
        ..PostmanSettings::default()
    };
    let postman = Arc::new(Postman::open(&store, settings).await.unwrap());
    tokio::spawn(carry_codes(inform.clone(), postman.clone(), stop.clone()));
    let tenant: TenantId = "yunxi".parse().unwrap();
    let keyer = keys.keyer(&tenant);
    let each: KindsOfEach = [
        (keyer.subject("customer", "1"), [DataKind::Name].into()),
        (
            keyer.subject("customer", "2"),
            [DataKind::Name, DataKind::Mobile].into(),
        ),
        // Known by the address alone.
        (
            keyer.subject("email", "zhao@example.cn"),
            [DataKind::PurchaseIntent].into(),
        ),
    ]
    .into();
    let mut facts = FactBase::from_json(FACTS).unwrap();
    facts.method.affected_set_digest = digest(each.keys());

    let answers = Announced {
        inform: inform.clone(),
        addressees,
        keys,
        cases: cases.clone(),
        care: care.clone(),
        public_url: Some("https://notice.example.cn".into()),
        code_templates: [(Lang::Zh, "SMS_CODE".to_owned())].into(),
    };
    let settings = Settings {
        phones: true,
        ..Settings::default()
    };
    let page = Page::new(Arc::new(answers), settings);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = page
        .router()
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let case = opened(&cases, tenant).await;
    House {
        folder,
        store,
        ledger,
        cases,
        care,
        inform,
        rules,
        case,
        each,
        facts,
        mail,
        mail_port: port,
        page: format!("http://{address}"),
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
        stop,
    }
}

async fn opened(cases: &Cases, tenant: TenantId) -> Incident {
    let mut actor = Actor::unknown([203, 0, 113, 9].into());
    actor.account = Some("lin.xiao".parse().unwrap());
    let now = Timestamp::now();
    let finding = Finding {
        id: FindingId::new(),
        at: now,
        triggered_at: now,
        tenant,
        rule: "scrm.id-walk".into(),
        title: Text::new("逐个读取他人客户", "customers of others read one by one"),
        why: Text::new("3 名他人客户", "3 customers of others"),
        level: Level::High,
        actor,
        module: "customers".parse().unwrap(),
        evidence: vec![ExchangeId::new()],
        tags: vec![],
    };
    match cases.take_in(finding, None, false).await.unwrap() {
        Intake::Opened(case) => *case,
        _ => unreachable!("a finding of level high opens a case"),
    }
}

fn mail_settings(port: u16) -> MailSettings {
    MailSettings {
        host: "127.0.0.1".into(),
        port,
        security: MailSecurity::None,
        user: None,
        password: None,
        from: "hudun@example.cn".into(),
        return_path: Some("bounces@example.cn".into()),
    }
}

/// As the facts hold it: sorted tokens, one in a line.
fn digest<'a>(tokens: impl Iterator<Item = &'a SubjectToken>) -> String {
    let mut hasher = Sha256::new();
    for token in tokens {
        hasher.update(format!("{token}\n"));
    }
    format!("sha256:{}", hex::encode(hasher.finalize()))
}

impl House {
    /// The personal notices, drafted.
    async fn drafted(&self) -> Vec<Notice> {
        let now: jiff::Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
        let assessment = assess(&self.facts, &self.rules, now).unwrap();
        let drafts = self
            .inform
            .draft_all(&self.case, &self.facts, &assessment, Timestamp::now())
            .await
            .unwrap();
        drafts
            .into_iter()
            .filter(|notice| notice.kind == NoticeKind::PersonalNotice)
            .collect()
    }

    async fn approve(&self, notice: &Notice) {
        for (by, role) in [
            ("li", ApprovalRole::Legal),
            ("wang", ApprovalRole::Commander),
        ] {
            self.inform
                .approve(notice.id, by, role, &notice.sha256, Timestamp::now())
                .await
                .unwrap();
        }
    }

    async fn send(&self, notice: &Notice) {
        self.inform
            .send_to_each(notice.id, "wang", &self.each, &self.facts, Timestamp::now())
            .await
            .unwrap();
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, String) {
        let url = format!("{}{path}", self.page);
        let answer = self.client.post(url).form(form).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Asks for a code, reads it from the mail that arrives, and returns it.
    async fn prove(&self, address: &str) -> String {
        let (status, page) = self.post("/code?lang=zh", &[("email", address)]).await;
        assert_eq!(status, 200, "{page}");
        let code = self.mailed().await;
        let challenge = field(&page, "challenge");
        let form = [("challenge", challenge.as_str()), ("code", code.as_str())];
        let (status, page) = self.post("/answer?lang=zh", &form).await;
        assert_eq!(status, 200, "{page}");
        page
    }

    /// The code in the message that waits for a gateway; there is none here, so it stays in the outbox.
    async fn messaged(&self, number: &str) -> String {
        for _ in 0..400 {
            let waiting = self
                .store
                .outbox()
                .due_on("sms", i64::MAX, 10)
                .await
                .unwrap();
            for letter in waiting {
                let sms: hudun_inform::SmsLetter = serde_json::from_str(&letter.body).unwrap();
                if sms.to == number {
                    assert_eq!(sms.template, "SMS_CODE");
                    // No code is left in the outbox at the end of the test.
                    self.store.outbox().stop(&letter.dedupe).await.unwrap();
                    self.store.outbox().forget(&letter.dedupe).await.unwrap();
                    return sms.params[0].1.clone();
                }
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no message waits");
    }

    /// The code in the one mail that arrives; the mail is put away.
    async fn mailed(&self) -> String {
        for _ in 0..400 {
            let found = std::fs::read_dir(&self.mail).unwrap().next();
            if let Some(file) = found {
                let file = file.unwrap().path();
                let text = std::fs::read_to_string(&file).unwrap();
                if let Some(code) = code_in(&text) {
                    std::fs::remove_file(file).unwrap();
                    return code;
                }
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no mail came");
    }
}

/// The value of a hidden field.
fn field(page: &str, name: &str) -> String {
    let from = format!("name=\"{name}\" value=\"");
    let rest = page.split(&from).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no field {name} in {page}"));
    rest.split('"').next().unwrap().to_owned()
}

/// The six digits in a mail; the body is base64 (it is Chinese).
fn code_in(mail: &str) -> Option<String> {
    let (_, body) = mail.split_once("\r\n\r\n")?;
    let packed: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(packed)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    assert!(text.contains("https://notice.example.cn"), "{text}");
    text.split(|c: char| !c.is_ascii_digit())
        .find(|digits| digits.len() == 6)
        .map(str::to_owned)
}

/// As a mail server would report on a mail that it took.
fn bounce(mail: &str, action: &str, status: &str) -> String {
    let id = mail
        .lines()
        .find(|line| line.starts_with("Message-ID:"))
        .unwrap();
    format!(
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\nsorry\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; x@y\nAction: {action}\nStatus: {status}\n\n\
         --b\nContent-Type: text/rfc822-headers\n\n{id}\n\n--b--\n"
    )
}

#[tokio::test]
async fn letters_that_come_back_into_a_maildir_are_settled_and_all_else_is_put_aside() {
    let house = house().await;
    let notices = house.drafted().await;
    let notice = notices.iter().find(|one| one.lang == Lang::Zh).unwrap();
    house.approve(notice).await;
    house.send(notice).await;
    let port = house.mail_port;
    let settings = PostmanSettings {
        mail: Some(mail_settings(port)),
        ..PostmanSettings::default()
    };
    let postman = Postman::open(&house.store, settings).await.unwrap();
    let now = Timestamp::now();
    assert_eq!(postman.deliver(now).await.unwrap().sent, 2);
    house.inform.reconcile(now).await.unwrap();
    let mails: Vec<String> = std::fs::read_dir(&house.mail)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert_eq!(mails.len(), 2);

    for maildir in [true, false] {
        let folder = house.folder.path().join(format!("bounces-{maildir}"));
        let part = BouncesPart {
            folder: folder.clone(),
            return_path: None,
        };
        let open = || {
            let (inform, cases) = (house.inform.clone(), house.cases.clone());
            Bounces::open(&part, &house.store, inform, cases, Live::new())
        };
        assert!(open().err().unwrap().contains("is not a folder"));
        let (drop_in, aside) = if maildir {
            (folder.join("new"), folder.join("cur"))
        } else {
            (folder.clone(), folder.join("other"))
        };
        std::fs::create_dir_all(&drop_in).unwrap();
        let bounces = open().unwrap();
        let put = |name: &str, text: &str| std::fs::write(drop_in.join(name), text).unwrap();
        let of = usize::from(maildir);
        put("1.eml", &bounce(&mails[of], "failed", "5.1.1"));
        put("2.eml", &bounce(&mails[of], "failed", "5.1.1"));
        put(
            "3.eml",
            &bounce(
                "Message-ID: <0123456789abcdef01234567@example.cn>",
                "failed",
                "5.1.1",
            ),
        );
        put(
            "4.eml",
            "From: li@example.cn\nAuto-Submitted: auto-replied\n\non leave\n",
        );
        put("5.eml", "From: li@example.cn\nSubject: why?\n\nWhy me?\n");
        put(
            "6.eml",
            "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nnonsense\n--b--\n",
        );
        put(".7.eml", "half a mail");
        std::os::unix::fs::symlink("/etc/hostname", drop_in.join("8.eml")).unwrap();
        bounces.look(Timestamp::now()).await.unwrap();

        let counts = bounces.counts().all();
        let counted: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
        let want = [
            ("given-up", 1),
            ("known", 1),
            ("unknown", 1),
            ("unreadable", 1),
            ("auto-reply", 1),
            ("other", 1),
        ];
        assert_eq!(counted, want);
        let mut left: Vec<_> = std::fs::read_dir(&aside)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let end = if maildir { ":2," } else { "" };
        let kept: Vec<_> = [3, 4, 5, 6].map(|n| format!("{n}.eml{end}")).into();
        assert_eq!(left, kept, "what is not ours is for a person to read");
        bounces.look(Timestamp::now()).await.unwrap();
        assert_eq!(bounces.counts().all(), counts, "nothing is read twice");
        assert!(drop_in.join("8.eml").exists(), "a link is not followed");
    }

    let after = house.inform.get(notice.id).await.unwrap();
    assert_eq!((after.receipts.sent, after.receipts.undelivered), (2, 2));
    // No channel is left for them: people reach them, by one task.
    let tasks = house.cases.tasks(house.case.id).await.unwrap();
    let asked: Vec<_> = tasks
        .iter()
        .filter(|task| task.title.en.contains("came back"))
        .collect();
    assert_eq!(asked.len(), 1);
    let lines = house.ledger.entries(house.case.id).unwrap();
    let returned = lines
        .iter()
        .filter(|line| line.entry.kind == "inform.returned");
    assert_eq!(returned.count(), 2);
    house.stop.cancel();
}

#[tokio::test]
async fn a_person_learns_their_own_kinds_once_the_notice_went_out_and_gets_help() {
    let house = house().await;
    let notices = house.drafted().await;
    let of = |lang| notices.iter().find(|notice| notice.lang == lang).unwrap();
    let name = DataKind::Name.label().zh;
    let mobile = DataKind::Mobile.label().zh;
    let wish = DataKind::PurchaseIntent.label().zh;

    // Drafted, then approved: still nobody has been told, so nothing is shown.
    assert!(house.prove("li@example.cn").await.contains("没有查到"));
    house.approve(of(Lang::Zh)).await;
    assert!(house.prove("wang@example.cn").await.contains("没有查到"));

    house.send(of(Lang::Zh)).await;
    // Letters of the notice lie in the outbox and go out by another way; here only codes are carried.
    let li = house.prove("LI@example.cn").await;
    let listed = li
        .split("<ul>")
        .nth(1)
        .unwrap()
        .split("</ul>")
        .next()
        .unwrap();
    assert_eq!(listed, format!("<li>{name}</li>"));
    let wang = house.prove("wang@example.cn").await;
    let listed = wang
        .split("<ul>")
        .nth(1)
        .unwrap()
        .split("</ul>")
        .next()
        .unwrap();
    assert!(listed.contains(&name) && listed.contains(&mobile) && !listed.contains(&wish));
    let zhao = house.prove("zhao@example.cn").await;
    let listed = zhao
        .split("<ul>")
        .nth(1)
        .unwrap()
        .split("</ul>")
        .next()
        .unwrap();
    assert_eq!(listed, format!("<li>{wish}</li>"));
    assert_eq!(zhao.matches("<section").count(), 1);
    for other in ["untouched@example.cn", "stranger@example.cn"] {
        let page = house.prove(other).await;
        assert!(
            page.contains("没有查到") && !page.contains("<section"),
            "{other}"
        );
    }

    // By a number, the same.
    let (status, page) = house
        .post("/code?lang=zh", &[("email", "13800000002")])
        .await;
    assert_eq!(status, 200, "{page}");
    let code = house.messaged("+8613800000002").await;
    let challenge = field(&page, "challenge");
    let form = [("challenge", challenge.as_str()), ("code", code.as_str())];
    let (_, by_number) = house.post("/answer?lang=zh", &form).await;
    let listed = by_number.split("<ul>").nth(1).unwrap();
    let listed = listed.split("</ul>").next().unwrap();
    assert!(listed.contains(&name) && listed.contains(&mobile) && !listed.contains(&wish));

    // What is shown is the letter that went out, to the letter.
    let letter = house
        .store
        .outbox()
        .get(&format!(
            "notice/{}/{}",
            of(Lang::Zh).id,
            house
                .each
                .iter()
                .find(|(_, kinds)| kinds.len() == 2)
                .unwrap()
                .0
        ))
        .await
        .unwrap()
        .unwrap();
    let letter: hudun_inform::MailLetter = serde_json::from_str(&letter.body).unwrap();
    assert!(unescaped(&wang).contains(&letter.text));

    // Help becomes a task with a clock.
    let (proof, case) = (field(&li, "proof"), field(&li, "case"));
    assert!(!case.contains(&house.case.id.to_string()));
    let words = "有人冒充客服，我很担心";
    let form = [
        ("proof", proof.as_str()),
        ("case", case.as_str()),
        ("words", words),
    ];
    let before = Timestamp::now();
    let (status, page) = house.post("/help?lang=zh", &form).await;
    assert_eq!(status, 200, "{page}");
    let tasks = house.cases.tasks(house.case.id).await.unwrap();
    let task = tasks
        .iter()
        .find(|task| task.title.zh.contains("求助"))
        .unwrap();
    let due = task.due_at.millis_since(before);
    assert!((86_400_000..86_430_000).contains(&due), "{due}");
    assert_eq!(task.state, TaskState::Open);
    let (reference, request) = house.care.read(task.id).await.unwrap().unwrap();
    assert!(page.contains(&reference) && task.title.en.contains(&reference));
    assert_eq!(
        (request.address.as_str(), request.words.as_str()),
        ("LI@example.cn", words)
    );
    // A second request is the first one still.
    let (_, again) = house.post("/help?lang=zh", &form).await;
    assert!(again.contains(&reference) && again.contains("还在处理"));
    let tasks = house.cases.tasks(house.case.id).await.unwrap();
    assert_eq!(
        tasks
            .iter()
            .filter(|task| task.title.zh.contains("求助"))
            .count(),
        1
    );

    // Neither address nor words stand in the task, on the ledger or in the clear on disk.
    let shown = serde_json::to_string(&tasks).unwrap();
    assert!(shown.contains("L***@e***.cn") && !shown.contains("LI@example.cn"));
    let ledger: Vec<String> = house
        .ledger
        .entries(house.case.id)
        .unwrap()
        .into_iter()
        .map(|line| format!("{} {}", line.entry.kind, line.entry.body))
        .collect();
    assert!(
        ledger
            .iter()
            .any(|line| line.starts_with("care.asked") && line.contains(&reference))
    );
    assert!(
        ledger
            .iter()
            .all(|line| !line.contains("example.cn") && !line.contains(words))
    );
    // No code is left in the outbox, not even that there was one.
    assert_eq!(house.store.outbox().tally("code/").await.unwrap(), vec![]);
    house.stop.cancel();
    house.store.close().await;
    // The address list is a file of this test; the outbox holds the letters of the notice, which name no words.
    let state = std::fs::read(house.folder.path().join("state.db")).unwrap();
    let state = String::from_utf8_lossy(&state);
    assert!(!state.contains(words));
}

/// As the page escapes.
fn unescaped(page: &str) -> String {
    page.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}
