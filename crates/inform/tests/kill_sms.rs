//! The sender of text messages is killed (SIGKILL) at any moment: nobody gets two, nobody gets none.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed
#![cfg(unix)]

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use hudun_core::Timestamp;
use hudun_inform::{
    Delivered, LetterSeal, Postman, PostmanSettings, SmsForm, SmsLetter, SmsSettings,
};
use hudun_store::{LetterState, Store};
use support::Gateway;

const LETTERS: usize = 120;
const STATE: &str = "HUDUN_TEST_KILL_SMS_STATE";
const URL: &str = "HUDUN_TEST_KILL_SMS_URL";
const SEAL: LetterSeal = LetterSeal::new([7; 32]);

fn form() -> SmsForm {
    SmsForm::Json {
        secret: "s3cret".to_owned(),
    }
}

fn settings(url: String) -> PostmanSettings {
    PostmanSettings {
        sms: Some(SmsSettings {
            url,
            ca: None,
            form: form(),
            most_in_a_round: 500,
        }),
        seal: Some(SEAL),
        timeout: Duration::from_secs(5),
        first_pause_ms: 1,
        at_once: 4,
        ..PostmanSettings::default()
    }
}

fn key(n: usize) -> String {
    format!("notice/n/{n:03}")
}

fn number(n: usize) -> String {
    format!("+86138000{n:05}")
}

/// The process that is killed; does nothing unless the test below has started it.
#[tokio::test]
async fn sender() {
    let (Ok(path), Ok(url)) = (std::env::var(STATE), std::env::var(URL)) else {
        return;
    };
    let store = Store::open_file(std::path::Path::new(&path)).await.unwrap();
    let postman = Postman::open(&store, settings(url)).await.unwrap();
    while postman.deliver(Timestamp::now()).await.unwrap() != Delivered::default() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_nobody_gets_two_and_nobody_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    // Slow, so that kills hit every part of the call.
    let gateway = Gateway::start_slow(&form(), Duration::from_millis(8)).await;
    let store = Store::open_file(&path).await.unwrap();
    let letters: Vec<_> = (0..LETTERS)
        .map(|n| {
            let letter = SmsLetter {
                to: number(n),
                template: "SMS_1".to_owned(),
                params: vec![("org".to_owned(), "云溪商贸".to_owned())],
                until: None,
            };
            let body = serde_json::to_string(&letter).unwrap();
            (key(n), "sms", SEAL.seal(&key(n), &body).unwrap())
        })
        .collect();
    assert_eq!(store.outbox().post_all(&letters, 0).await.unwrap(), 120);
    store.close().await;
    let kept = std::fs::read(&path).unwrap();
    assert!(
        !String::from_utf8_lossy(&kept).contains("138000"),
        "no number in clear in the store"
    );

    let mut kills = 0;
    for round in 0_u64.. {
        assert!(round < 400, "the sender never came to its end");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["sender", "--exact"])
            .env(STATE, &path)
            .env(URL, gateway.url())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Another moment each time, spread over the start, the call and the writing down.
        tokio::time::sleep(Duration::from_millis(40 + round * 37 % 101)).await;
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 3, "only {kills} kills: the test shows nothing");

    // A request that was read before the kill is still being answered.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let store = Store::open_file(&path).await.unwrap();
    let outbox = store.outbox();
    let postman = Postman::open(&store, settings(gateway.url()))
        .await
        .unwrap();
    let times = |n: usize| gateway.told().get(&number(n)).map_or(0, Vec::len);
    let mut unknown = 0;
    for n in 0..LETTERS {
        assert!(times(n) <= 1, "{} was told twice", key(n));
        match outbox.get(&key(n)).await.unwrap().unwrap().state {
            LetterState::Sent => assert_eq!(times(n), 1, "{} counts as sent and was not", key(n)),
            LetterState::Unknown => unknown += 1,
            other => panic!("{} is left {other:?}", key(n)),
        }
    }
    // A person looks for each in the provider's records, and decides.
    for n in 0..LETTERS {
        if outbox.get(&key(n)).await.unwrap().unwrap().state == LetterState::Unknown {
            let again = (times(n) == 0).then_some(0);
            assert!(outbox.decide(&key(n), again).await.unwrap());
        }
    }
    postman.deliver(Timestamp::now()).await.unwrap();
    for n in 0..LETTERS {
        assert_eq!(times(n), 1, "{}", key(n));
        let letter = outbox.get(&key(n)).await.unwrap().unwrap();
        assert!(letter.state == LetterState::Sent && letter.body.is_empty());
    }
    assert_eq!(gateway.wrong(), Vec::<String>::new());
    eprintln!("{kills} kills, {unknown} of {LETTERS} messages left to a person");
}
