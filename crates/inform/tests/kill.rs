//! The sender is killed (SIGKILL) at any moment: nobody gets two, nobody gets none.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed
#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hudun_core::Timestamp;
use hudun_inform::{MailLetter, MailSecurity, MailSettings, Postman, PostmanSettings, message_id};
use hudun_store::{LetterState, Store};

const LETTERS: usize = 120;
const STATE: &str = "HUDUN_TEST_KILL_STATE";
const PORT: &str = "HUDUN_TEST_KILL_PORT";

/// Messages taken: how often each Message-ID.
type Taken = Arc<Mutex<BTreeMap<String, u32>>>;

/// A mail server that takes its time, so that kills hit every part of the conversation. A message is taken when its
/// end has arrived, whether or not anybody is left to hear the answer.
fn mail_server() -> (u16, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = Taken::default();
    let all = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = Arc::clone(&all);
            std::thread::spawn(move || talk(&stream, &taken));
        }
    });
    (port, taken)
}

fn talk(mut stream: &TcpStream, taken: &Taken) -> Option<()> {
    let pause = || std::thread::sleep(Duration::from_millis(2));
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    stream.write_all(b"220 test\r\n").ok()?;
    while let Some(Ok(line)) = lines.next() {
        pause();
        let said = line.to_uppercase();
        if said.starts_with("EHLO") {
            stream.write_all(b"250-test\r\n250 8BITMIME\r\n").ok()?;
        } else if said.starts_with("DATA") {
            stream.write_all(b"354 go\r\n").ok()?;
            let mut id = None;
            loop {
                // Cut off before the end: not taken.
                let line = lines.next()?.ok()?;
                if line == "." {
                    break;
                }
                if let Some(found) = line.strip_prefix("Message-ID: ") {
                    id = Some(found.to_owned());
                }
            }
            *taken.lock().unwrap().entry(id?).or_default() += 1;
            pause();
            stream.write_all(b"250 taken\r\n").ok()?;
        } else {
            stream.write_all(b"250 ok\r\n").ok()?;
        }
    }
    Some(())
}

fn settings(port: u16) -> PostmanSettings {
    PostmanSettings {
        mail: Some(MailSettings {
            host: "127.0.0.1".into(),
            port,
            security: MailSecurity::None,
            user: None,
            password: None,
            from: "hudun <hudun@example.cn>".into(),
            return_path: None,
        }),
        timeout: Duration::from_secs(5),
        first_pause_ms: 1,
        at_once: 4,
        ..PostmanSettings::default()
    }
}

fn key(n: usize) -> String {
    format!("notice/n/{n:03}")
}

/// The process that is killed; does nothing unless the test below has started it.
#[tokio::test]
async fn sender() {
    let (Ok(path), Ok(port)) = (std::env::var(STATE), std::env::var(PORT)) else {
        return;
    };
    let store = Store::open_file(std::path::Path::new(&path)).await.unwrap();
    let postman = Postman::open(&store, settings(port.parse().unwrap()))
        .await
        .unwrap();
    loop {
        let round = postman.deliver(Timestamp::now()).await.unwrap();
        if round == hudun_inform::Delivered::default() {
            return;
        }
    }
}

#[tokio::test]
async fn killed_at_any_moment_nobody_gets_two_and_nobody_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let (port, taken) = mail_server();
    let store = Store::open_file(&path).await.unwrap();
    let letters: Vec<_> = (0..LETTERS)
        .map(|n| {
            let letter = MailLetter {
                to: format!("p{n}@example.cn"),
                subject: "关于个人信息安全事件的告知".into(),
                text: "您好".into(),
                until: None,
            };
            (key(n), "smtp", serde_json::to_string(&letter).unwrap())
        })
        .collect();
    assert_eq!(
        store.outbox().post_all(&letters, 0).await.unwrap(),
        LETTERS as u64
    );
    assert_eq!(
        store.outbox().post_all(&letters, 0).await.unwrap(),
        0,
        "each key once"
    );
    store.close().await;

    let mut kills = 0;
    for round in 0_u64.. {
        assert!(round < 400, "the sender never came to its end");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["sender", "--exact"])
            .env(STATE, &path)
            .env(PORT, port.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Another moment each time, spread over the start, the conversation and the writing down.
        std::thread::sleep(Duration::from_millis(40 + round * 37 % 101));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 3, "only {kills} kills: the test shows nothing");

    let store = Store::open_file(&path).await.unwrap();
    let outbox = store.outbox();
    // The last process may have been the only one to see its own end; recovery is what opening does.
    let postman = Postman::open(&store, settings(port)).await.unwrap();
    let times = |n: usize| {
        let id = message_id(&key(n), "example.cn");
        taken.lock().unwrap().get(&id).copied().unwrap_or_default()
    };
    let mut unknown = 0;
    for n in 0..LETTERS {
        assert!(times(n) <= 1, "{} was told twice", key(n));
        match outbox.get(&key(n)).await.unwrap().unwrap().state {
            LetterState::Sent => assert_eq!(times(n), 1, "{} counts as sent and was not", key(n)),
            LetterState::Unknown => unknown += 1,
            other => panic!("{} is left {other:?}", key(n)),
        }
    }
    assert_eq!(
        outbox.unknown("notice/n/", 1_000).await.unwrap().len(),
        unknown
    );
    // A person looks for each Message-ID in the mail server's log, and decides.
    for open in outbox.unknown("notice/n/", 1_000).await.unwrap() {
        let there = taken
            .lock()
            .unwrap()
            .contains_key(&message_id(&open, "example.cn"));
        assert!(outbox.decide(&open, (!there).then_some(0)).await.unwrap());
        assert!(
            !outbox.decide(&open, Some(0)).await.unwrap(),
            "decided once"
        );
    }
    postman.deliver(Timestamp::now()).await.unwrap();
    for n in 0..LETTERS {
        assert_eq!(times(n), 1, "{}", key(n));
        let letter = outbox.get(&key(n)).await.unwrap().unwrap();
        assert!(letter.state == LetterState::Sent && letter.body.is_empty());
    }
    eprintln!("{kills} kills, {unknown} of {LETTERS} letters left to a person");
}
