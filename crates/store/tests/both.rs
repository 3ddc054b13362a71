//! Every repository on SQLite, and on PostgreSQL when `HUDUN_TEST_PG` names a server.

#![allow(clippy::unwrap_used)]

use hudun_core::{Policy, Timestamp};
use hudun_store::{Keyed, LetterState, RunEventRow, Store, StoreError};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    id: String,
    case: String,
    count: u32,
}

impl Keyed for Note {
    const COLLECTION: &'static str = "note";

    fn id(&self) -> String {
        self.id.clone()
    }

    fn parent(&self) -> String {
        self.case.clone()
    }

    fn at(&self) -> i64 {
        i64::from(self.count)
    }
}

/// Runs the test on SQLite in a file, and in a fresh schema of the PostgreSQL server.
async fn on_both<F: AsyncFn(Store)>(name: &str, test: F) {
    let folder = tempfile::tempdir().unwrap();
    test(
        Store::open_file(&folder.path().join("state.sqlite"))
            .await
            .unwrap(),
    )
    .await;
    let Ok(server) = std::env::var("HUDUN_TEST_PG") else {
        eprintln!("{name}: PostgreSQL half skipped: HUDUN_TEST_PG is not set");
        return;
    };
    sqlx::any::install_default_drivers();
    let schema = format!("t_{name}_{}", std::process::id());
    let admin = sqlx::AnyPool::connect(&server).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
        .execute(&admin)
        .await
        .unwrap();
    let separator = if server.contains('?') { '&' } else { '?' };
    let store = Store::open_url(&format!(
        "{server}{separator}options=-csearch_path%3D{schema}"
    ))
    .await
    .unwrap();
    test(store.clone()).await;
    store.close().await;
    sqlx::query(sqlx::AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE")))
        .execute(&admin)
        .await
        .unwrap();
}

#[tokio::test]
async fn documents_are_found_by_id_parent_and_time() {
    on_both("documents", async |store| {
        let notes = store.collection::<Note>();
        for (id, case, count) in [("a", "x", 3), ("b", "x", 1), ("c", "y", 2)] {
            assert!(
                notes
                    .insert(&Note {
                        id: id.into(),
                        case: case.into(),
                        count
                    })
                    .await
                    .unwrap()
            );
        }
        assert!(
            !notes
                .insert(&Note {
                    id: "a".into(),
                    case: "z".into(),
                    count: 9
                })
                .await
                .unwrap()
        );
        let of_x: Vec<_> = notes
            .of("x")
            .await
            .unwrap()
            .into_iter()
            .map(|note| note.id)
            .collect();
        assert_eq!(of_x, ["b", "a"]);
        let newest: Vec<_> = notes
            .newest(2)
            .await
            .unwrap()
            .into_iter()
            .map(|note| note.id)
            .collect();
        assert_eq!(newest, ["a", "c"]);
        assert!(notes.remove("c").await.unwrap());
        assert!(notes.get("c").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn updates_that_race_are_all_kept() {
    on_both("updates", async |store| {
        let notes = store.collection::<Note>();
        notes
            .put(&Note {
                id: "a".into(),
                case: String::new(),
                count: 0,
            })
            .await
            .unwrap();
        let racers: Vec<_> = (0..4)
            .map(|_| {
                let notes = notes.clone();
                tokio::spawn(async move {
                    for _ in 0..5 {
                        while let Err(StoreError::Changed { .. }) =
                            notes.update("a", |note| note.count += 1).await
                        {
                        }
                    }
                })
            })
            .collect();
        for racer in racers {
            racer.await.unwrap();
        }
        assert_eq!(notes.get("a").await.unwrap().unwrap().count, 20);
    })
    .await;
}

#[tokio::test]
async fn a_revision_is_made_once() {
    on_both("policies", async |store| {
        let policies = store.policies();
        let first = Policy::empty(Timestamp::from_millis(0)).next(
            Timestamp::from_millis(5),
            "li.lei",
            "test",
        );
        policies.append(&first).await.unwrap();
        assert!(matches!(
            policies.append(&first).await,
            Err(StoreError::RevisionTaken(1))
        ));
        assert_eq!(policies.newest().await.unwrap().unwrap(), first);
        assert_eq!(policies.history(9).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_cannot_write() {
    on_both("leases", async |store| {
        let journal = store.run_journal();
        let event = |seq| RunEventRow {
            seq,
            at: 1,
            body: "{}".into(),
        };
        let first = journal.take("run", "a", 0, 100).await.unwrap().unwrap();
        journal.append(&first, 100, &event(0)).await.unwrap();
        assert!(
            journal.take("run", "b", 50, 150).await.unwrap().is_none(),
            "held by a"
        );
        let second = journal.take("run", "b", 101, 200).await.unwrap().unwrap();
        assert!(matches!(
            journal.append(&first, 300, &event(1)).await,
            Err(StoreError::LeaseLost(_))
        ));
        journal.append(&second, 300, &event(1)).await.unwrap();
        assert!(
            journal.append(&second, 300, &event(1)).await.is_err(),
            "one number, one event"
        );
        assert_eq!(journal.events("run").await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_told_twice() {
    on_both("outbox", async |store| {
        let outbox = store.outbox();
        // A way of their own for keys that begin so, and no trace once they have ended.
        for (key, due) in [("code/1", 5), ("code/2", 50), ("codes/3", 5)] {
            assert!(outbox.post(key, "smtp", "{}", due).await.unwrap());
        }
        let due = outbox.due_under("code/", 10, 10).await.unwrap();
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].dedupe, "code/1");
        assert_eq!(outbox.forget("code/").await.unwrap(), 0, "none has ended");
        outbox.close("code/1", LetterState::Sent, "").await.unwrap();
        outbox
            .close("codes/3", LetterState::Sent, "")
            .await
            .unwrap();
        assert_eq!(outbox.forget("code/").await.unwrap(), 1);
        assert!(outbox.get("code/1").await.unwrap().is_none());
        assert_eq!(outbox.stop("code/").await.unwrap(), 1);
        assert_eq!(outbox.forget("code").await.unwrap(), 2);

        assert!(outbox.post("n1/alice", "smtp", "{}", 10).await.unwrap());
        assert!(!outbox.post("n1/alice", "smtp", "{}", 10).await.unwrap());
        assert!(outbox.due(9, 10).await.unwrap().is_empty());
        assert_eq!(outbox.due(10, 10).await.unwrap().len(), 1);
        outbox
            .settle("n1/alice", LetterState::Sent, 10, "")
            .await
            .unwrap();
        assert!(outbox.due(10, 10).await.unwrap().is_empty());
        assert_eq!(
            outbox.get("n1/alice").await.unwrap().unwrap().state,
            LetterState::Sent
        );

        // Handed over and cut off: counted by the beginning of its key, and left to a person.
        assert!(outbox.post("n2/bob", "smtp", "{}", 10).await.unwrap());
        assert!(outbox.begin("n2/bob").await.unwrap());
        assert!(outbox.hand("n2/bob").await.unwrap());
        outbox
            .settle("n2/bob", LetterState::Unknown, 10, "")
            .await
            .unwrap();
        assert_eq!(outbox.unknown("n2/", 10).await.unwrap(), ["n2/bob"]);
        assert_eq!(
            outbox.tally("n2/").await.unwrap(),
            [(LetterState::Unknown, 1)]
        );
        assert_eq!(outbox.tally("n3/").await.unwrap(), []);
        assert!(outbox.decide("n2/bob", None).await.unwrap());
        assert!(outbox.unknown("n2/", 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_says_so() {
    let error = Store::open_file(std::path::Path::new("/proc/nowhere/state.sqlite"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("could not be opened"), "{error}");
}

/// A policy that somebody damaged is named, and the one before stays readable: nothing is enforced by halves.
#[tokio::test]
async fn a_damaged_policy_is_named_by_its_revision() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.sqlite");
    let store = Store::open_file(&file).await.unwrap();
    let first =
        Policy::empty(Timestamp::from_millis(1)).next(Timestamp::from_millis(2), "li", "one");
    let second = first.next(Timestamp::from_millis(3), "li", "two");
    for policy in [&first, &second] {
        store.policies().append(policy).await.unwrap();
    }
    store.close().await;
    for body in [
        "{\"revision\":2",
        "{\"revision\":2,\"isolations\":7}",
        "null",
        "",
    ] {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query("UPDATE policy SET body = ?1 WHERE revision = ?2")
            .bind(body)
            .bind(second.revision.cast_signed())
            .execute(&pool)
            .await
            .unwrap();
        pool.close().await;
        let store = Store::open_file(&file).await.unwrap();
        let error = store.policies().newest().await.unwrap_err().to_string();
        assert!(
            error.contains("policy") && error.contains(&second.revision.to_string()),
            "{error}"
        );
        let before = store.policies().get(first.revision).await.unwrap();
        assert_eq!(before, Some(first.clone()));
        store.close().await;
    }
}
