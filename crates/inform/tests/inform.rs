//! Notices and letters over a real store, a real mail conversation and a real HTTP receiver.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hudun_core::{LossReason, Timestamp};
use hudun_duty::{ApprovalRole, DataKind, NoticeKind, RuleSet, assess};
use hudun_inform::{
    InformError, InformSettings, Informer, KindsOfEach, MailLetter, NoticeStatus, Postman,
    PostmanSettings, WebhookLetter, WebhookTarget, signature,
};
use hudun_store::{LetterState, Store};
use support::{Book, Ledger, digest, incident, mail_server, pick, token};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

fn settings(port: u16) -> PostmanSettings {
    PostmanSettings {
        mail: Some(support::mail(port)),
        timeout: Duration::from_millis(1_500),
        attempts: 2,
        ..PostmanSettings::default()
    }
}

async fn post(store: &Store, key: &str, to: &str) {
    let letter = MailLetter {
        to: to.into(),
        subject: "通知".into(),
        text: "您好".into(),
        until: None,
    };
    let body = serde_json::to_string(&letter).unwrap();
    assert!(store.outbox().post(key, "smtp", &body, 0).await.unwrap());
}

#[tokio::test]
async fn each_letter_ends_as_the_server_says_and_leaves_no_address_behind() {
    let (port, taken) = mail_server().await;
    let store = Store::in_memory().await.unwrap();
    for name in ["good", "reject", "busy", "hang", "drop", "good2"] {
        post(
            &store,
            &format!("alert/{name}"),
            &format!("{name}@example.cn"),
        )
        .await;
    }
    let postman = Postman::open(&store, settings(port)).await.unwrap();
    let round = postman.deliver(Timestamp::from_millis(1)).await.unwrap();
    assert_eq!((round.sent, round.later, round.failed), (2, 3, 1));
    assert_eq!(taken.lock().unwrap().len(), 2, "nothing half sent");
    let nothing = postman.deliver(Timestamp::from_millis(2)).await.unwrap();
    assert_eq!(nothing, Default::default(), "a pause is kept");
    let last = postman
        .deliver(Timestamp::from_millis(1_000_000))
        .await
        .unwrap();
    assert_eq!(
        (last.sent, last.failed),
        (0, 3),
        "given up after the last try"
    );
    assert_eq!(postman.losses(), (LossReason::AlertUndelivered, 4));
    for name in ["good", "reject", "busy", "hang", "drop"] {
        let letter = store
            .outbox()
            .get(&format!("alert/{name}"))
            .await
            .unwrap()
            .unwrap();
        assert!(
            letter.body.is_empty() && !letter.last_error.contains('@'),
            "{letter:?}"
        );
    }
}

#[tokio::test]
async fn a_notice_that_a_server_took_without_a_word_is_not_sent_again() {
    let (port, taken) = mail_server().await;
    let store = Store::in_memory().await.unwrap();
    for name in ["good", "drop", "hang", "busy"] {
        post(
            &store,
            &format!("notice/n/{name}"),
            &format!("{name}@example.cn"),
        )
        .await;
    }
    let postman = Postman::open(&store, settings(port)).await.unwrap();
    let round = postman.deliver(Timestamp::from_millis(1)).await.unwrap();
    // What hung before the text was handed over is sure not to have arrived.
    assert_eq!((round.sent, round.unknown, round.later), (1, 1, 2));
    let dropped = store.outbox().get("notice/n/drop").await.unwrap().unwrap();
    assert_eq!(dropped.state, LetterState::Unknown);
    let later = Timestamp::from_millis(1_000_000);
    assert_eq!(postman.deliver(later).await.unwrap().failed, 2);
    assert_eq!(taken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_letter_is_delivered_once_across_a_restart() {
    let (port, taken) = mail_server().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open_file(&path).await.unwrap();
    post(&store, "notice/n/1", "one@example.cn").await;
    post(&store, "notice/n/2", "two@example.cn").await;
    post(&store, "alert/a", "three@example.cn").await;
    // The process dies while the channel is being handed these two.
    for key in ["notice/n/2", "alert/a"] {
        assert!(store.outbox().begin(key).await.unwrap());
        assert!(store.outbox().hand(key).await.unwrap());
    }
    store.close().await;

    for _ in 0..2 {
        let store = Store::open_file(&path).await.unwrap();
        let postman = Postman::open(&store, settings(port)).await.unwrap();
        let (one, two) = tokio::join!(
            postman.deliver(Timestamp::from_millis(1)),
            postman.deliver(Timestamp::from_millis(1))
        );
        one.and(two).unwrap();
        let cut = store.outbox().get("notice/n/2").await.unwrap().unwrap();
        assert_eq!(cut.state, LetterState::Unknown, "a person decides");
        store.close().await;
    }
    let taken = taken.lock().unwrap();
    assert_eq!(taken.len(), 2, "{taken:?}");
}

async fn post_code(informer: &Informer, to: &str, until: i64) {
    let letter = MailLetter {
        to: format!("{to}@example.cn"),
        subject: "验证码".into(),
        text: "123456".into(),
        until: Some(Timestamp::from_millis(until)),
    };
    informer
        .post_code(to, &letter, Timestamp::from_millis(0))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_code_goes_out_while_it_holds_before_a_large_notice_and_leaves_nothing() {
    let (port, taken) = mail_server().await;
    let store = Store::in_memory().await.unwrap();
    let informer = Informer::new(
        &store,
        Arc::new(RuleSet::embedded().unwrap()),
        InformSettings::default(),
        Arc::new(Book),
        Arc::new(Ledger::default()),
    );
    let postman = Postman::open(&store, settings(port)).await.unwrap();
    for n in 0..600 {
        post(&store, &format!("notice/n/{n}"), "hang@example.cn").await;
    }
    for to in ["good", "reject", "drop", "busy"] {
        post_code(&informer, to, 600_000).await;
    }
    // Too late from the start.
    post_code(&informer, "late", 1_000).await;
    let now = Timestamp::from_millis(1_000);
    let round = postman.deliver_codes(now).await.unwrap();
    assert_eq!((round.sent, round.later, round.failed), (1, 1, 3));
    assert_eq!(taken.lock().unwrap().len(), 1, "the notice still waits");
    // What ended is gone, key and all; what is tried again waits for its moment.
    let left = store.outbox().tally("code/").await.unwrap();
    assert_eq!(left, [(LetterState::Waiting, 1)]);

    // A code that would only be tried again after its time ends at once.
    post_code(&informer, "busy2", 5_500).await;
    let round = postman.deliver_codes(now).await.unwrap();
    assert_eq!((round.later, round.failed), (0, 1));

    // What a stopped process leaves is stopped by the next: nobody could use it.
    let next = Postman::open(&store, settings(port)).await.unwrap();
    let much_later = Timestamp::from_millis(500_000);
    assert_eq!(
        next.deliver_codes(much_later).await.unwrap(),
        Default::default()
    );
    let letter = store.outbox().get("code/busy").await.unwrap().unwrap();
    assert_eq!(
        (letter.state, letter.body.as_str()),
        (LetterState::Stopped, "")
    );
}

/// Takes one call and answers 204; its head and body.
async fn receive(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> (String, String) {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let n = stream.read(&mut part).await.unwrap();
        assert_ne!(n, 0, "the caller went away");
        bytes.extend_from_slice(&part[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")
                    .map(str::to_owned)
            })
            .unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .unwrap();
            stream.flush().await.unwrap();
            return (head.to_owned(), body.to_owned());
        }
    }
}

/// Sends one alert to a webhook.
async fn call(url: String, ca: Option<PathBuf>) -> hudun_inform::Delivered {
    let store = Store::in_memory().await.unwrap();
    let letter = WebhookLetter {
        target: "duty".into(),
        payload: serde_json::json!({"type": "hudun.alert"}),
    };
    let body = serde_json::to_string(&letter).unwrap();
    store
        .outbox()
        .post("alert/w", "webhook", &body, 0)
        .await
        .unwrap();
    let mut settings = PostmanSettings::default();
    let secret = "s3cret".into();
    let target = WebhookTarget { url, secret, ca };
    settings.webhooks.insert("duty".into(), target);
    let postman = Postman::open(&store, settings).await.unwrap();
    postman
        .deliver(Timestamp::from_millis(1_795_420_800_000))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_webhook_proves_who_called() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let receiver = tokio::spawn(async move { receive(listener.accept().await.unwrap().0).await });
    assert_eq!(call(url, None).await.sent, 1);
    let (head, body) = receiver.await.unwrap();
    let wanted = signature(b"s3cret", 1_795_420_800, body.as_bytes());
    assert!(head.contains(&wanted), "{head}");
}

#[tokio::test]
async fn a_webhook_over_tls_is_called_only_under_its_own_authority() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}/hook",
        listener.local_addr().unwrap().port()
    );
    let receiver = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A caller that does not trust the certificate breaks off.
            if let Ok(stream) = acceptor.accept(stream).await {
                return receive(stream).await;
            }
        }
    });
    let foreign = call(url.clone(), None).await;
    assert_eq!((foreign.sent, foreign.later), (0, 1));
    assert_eq!(call(url, Some(ca)).await.sent, 1);
    assert!(receiver.await.unwrap().1.contains("hudun.alert"));
}

#[tokio::test]
async fn a_webhook_that_can_not_be_called_is_refused_at_the_start() {
    let store = Store::in_memory().await.unwrap();
    for (url, ca) in [("ftp://x/", None), ("https://x/", Some("/nowhere.pem"))] {
        let mut settings = PostmanSettings::default();
        let target = WebhookTarget {
            url: url.into(),
            secret: "s".into(),
            ca: ca.map(PathBuf::from),
        };
        settings.webhooks.insert("duty".into(), target);
        let error = Postman::open(&store, settings).await.err().unwrap();
        assert!(error.to_string().contains(url), "{error}");
    }
}

#[tokio::test]
async fn nothing_leaves_without_two_persons_on_this_very_text() {
    let (port, taken) = mail_server().await;
    let store = Store::in_memory().await.unwrap();
    let ledger = Arc::new(Ledger::default());
    let rules = Arc::new(RuleSet::embedded().unwrap());
    let staff = InformSettings {
        staff: vec!["it@example.cn".into()],
        ..InformSettings::default()
    };
    let informer = Informer::new(&store, rules.clone(), staff, Arc::new(Book), ledger.clone());
    let affected: Vec<_> = (1..=3).map(token).collect();
    let mut facts = support::full();
    facts.method.affected_set_digest = digest(&affected);
    let now: jiff::Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
    let at = Timestamp::from_millis(now.as_millisecond());
    let answers = assess(&facts, &rules, now).unwrap();
    let case = incident();
    let drafts = informer
        .draft_all(&case, &facts, &answers, at)
        .await
        .unwrap();
    assert!(drafts.len() >= 7);
    assert_eq!(
        informer
            .draft_all(&case, &facts, &answers, at)
            .await
            .unwrap(),
        drafts
    );
    assert_eq!(ledger.kinds().len(), 1, "the same facts draft nothing new");

    let notice = pick(&drafts, NoticeKind::PersonalNotice);
    let (id, sha) = (notice.id, notice.sha256.as_str());
    assert!(matches!(
        informer.send(id, "li", &affected, at).await,
        Err(InformError::NotApproved)
    ));
    let other = informer
        .approve(id, "li", ApprovalRole::Legal, "sha256:00", at)
        .await;
    assert!(matches!(other, Err(InformError::OtherText)));
    informer
        .approve(id, "li", ApprovalRole::Legal, sha, at)
        .await
        .unwrap();
    let same = informer
        .approve(id, "li", ApprovalRole::Commander, sha, at)
        .await;
    assert!(matches!(same, Err(InformError::SamePerson(_))));

    facts
        .measures
        .taken
        .push(hudun_duty::Text::new("停用导出", "exports are off"));
    let answers = assess(&facts, &rules, now).unwrap();
    let drafts = informer
        .draft_all(&case, &facts, &answers, at)
        .await
        .unwrap();
    let notice = pick(&drafts, NoticeKind::PersonalNotice);
    assert!(notice.id == id && notice.version == 2 && notice.approvals.is_empty());
    let sha = notice.sha256.as_str();
    informer
        .approve(id, "li", ApprovalRole::Legal, sha, at)
        .await
        .unwrap();
    informer
        .approve(id, "wang", ApprovalRole::Commander, sha, at)
        .await
        .unwrap();
    assert!(
        matches!(
            informer.send(id, "wang", &affected[1..], at).await,
            Err(InformError::OtherPersons)
        ) || !notice.refusals.is_empty()
    );
    let sent = informer.send(id, "wang", &affected, at).await;
    if notice.refusals.is_empty() {
        let sending = sent.unwrap();
        assert_eq!((sending.recipients, sending.unreachable), (2, 1));
        let postman = Postman::open(&store, settings(port)).await.unwrap();
        postman.deliver(at).await.unwrap();
        let ended = informer.reconcile(at).await.unwrap();
        assert_eq!(
            (ended[0].status, ended[0].receipts.sent),
            (NoticeStatus::Sent, 2)
        );
        assert_eq!(taken.lock().unwrap().len(), 2);
    } else {
        unreachable!(
            "the whole fact base must make a clean notice: {:?}",
            notice.refusals
        );
    }
    let report = pick(&drafts, NoticeKind::RegulatorFirst);
    support::approve(&informer, &report, at).await;
    assert!(
        informer
            .send(report.id, "wang", &affected, at)
            .await
            .is_err()
    );
    let handed = informer
        .record_hand_in(report.id, "网信-1", "wang", at)
        .await
        .unwrap();
    assert_eq!(handed.status, NoticeStatus::Recorded);
    let written = ledger.text();
    assert!(!written.contains("@example.cn"), "no address on the ledger");
}

#[tokio::test]
async fn each_person_reads_their_own_kinds_and_no_others() {
    let store = Store::in_memory().await.unwrap();
    let rules = Arc::new(RuleSet::embedded().unwrap());
    let informer = Informer::new(
        &store,
        rules.clone(),
        InformSettings::default(),
        Arc::new(Book),
        Arc::new(Ledger::default()),
    );
    let each: KindsOfEach = [
        (token(1), [DataKind::Name].into()),
        (token(2), [DataKind::Name, DataKind::Mobile].into()),
        (token(3), [DataKind::PurchaseIntent].into()),
    ]
    .into();
    let mut facts = support::full();
    facts.method.affected_set_digest = digest(each.keys());
    let now: jiff::Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
    let at = Timestamp::from_millis(now.as_millisecond());
    let answers = assess(&facts, &rules, now).unwrap();
    let drafts = informer
        .draft_all(&incident(), &facts, &answers, at)
        .await
        .unwrap();
    let notice = drafts
        .iter()
        .find(|n| n.kind == NoticeKind::PersonalNotice)
        .unwrap();
    support::approve(&informer, notice, at).await;

    // Other facts, or a person with a kind that the case does not know: nothing is posted.
    let mut other = facts.clone();
    other
        .measures
        .taken
        .push(hudun_duty::Text::new("停用导出", "exports are off"));
    let refused = informer
        .send_to_each(notice.id, "wang", &each, &other, at)
        .await;
    assert!(
        matches!(refused, Err(InformError::OtherText)),
        "{refused:?}"
    );
    let mut more = each.clone();
    more.insert(token(3), [DataKind::BankCard].into());
    let refused = informer
        .send_to_each(notice.id, "wang", &more, &facts, at)
        .await;
    assert!(
        matches!(refused, Err(InformError::OtherPersons)),
        "{refused:?}"
    );
    assert!(store.outbox().due(i64::MAX, 10).await.unwrap().is_empty());
    let tenant = incident().tenant;
    let person = |n| [(tenant.clone(), token(n))];
    assert_eq!(informer.told(&person(1)).await.unwrap(), vec![], "not sent");

    let sending = informer
        .send_to_each(notice.id, "wang", &each, &facts, at)
        .await
        .unwrap();
    assert_eq!((sending.recipients, sending.unreachable), (2, 1));
    let said = |n| {
        let (store, key) = (store.clone(), format!("notice/{}/{}", notice.id, token(n)));
        async move {
            let letter = store.outbox().get(&key).await.unwrap().unwrap();
            serde_json::from_str::<MailLetter>(&letter.body)
                .unwrap()
                .text
        }
    };
    let (second, third) = (said(2).await, said(3).await);
    assert!(
        second.contains("- 姓名") && second.contains("- 手机号码"),
        "{second}"
    );
    let involved = |text: &str| text.split("三、").next().unwrap().to_owned();
    assert!(!involved(&second).contains("购买意向"), "{second}");
    assert!(
        involved(&third).contains("- 购买意向") && !involved(&third).contains("手机号码"),
        "{third}"
    );

    // Who asks later is told the same, also who could not be reached; nobody else, and nobody once it was stopped.
    let told = informer.told(&person(2)).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].text, &told[0].kinds), (&second, &each[&token(2)]));
    assert_eq!(told[0].controller, facts.organisation.name);
    assert_eq!(informer.told(&person(1)).await.unwrap().len(), 1);
    assert_eq!(informer.told(&person(9)).await.unwrap(), vec![]);
    let elsewhere = [("elsewhere".parse().unwrap(), token(2))];
    assert_eq!(informer.told(&elsewhere).await.unwrap(), vec![]);
    assert_eq!(
        informer.told_tenants().await.unwrap(),
        std::slice::from_ref(&tenant)
    );
    informer
        .stop(notice.id, "wang", "a mistake", at)
        .await
        .unwrap();
    assert_eq!(informer.told(&person(2)).await.unwrap(), vec![]);
}
