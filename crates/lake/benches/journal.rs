//! `cargo bench -p hudun-lake`: what group commit costs, and the scope question over a million rows.

#![allow(clippy::expect_used)] // a benchmark that can't run stops

use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::ItemsCount;
use hudun_core::{
    Actor, DataKind, Delivery, ExchangeEnd, ExchangeHead, ExchangeId, KindSet, Release,
    ScopeQuestion, ScopeSource, Sighting, SubjectToken, Timestamp, Window,
};
use hudun_lake::{Lake, LakeOptions, Record, WhoSaw};
use tempfile::TempDir;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

const APPENDS: usize = 2048;
const ROWS: u32 = 1_000_000;
const ACCOUNTS: u32 = 2_000;

/// Small answers appended durably by this many tasks at once.
#[divan::bench(args = [1, 16, 256], sample_count = 10, sample_size = 1)]
fn strict_appends(bencher: Bencher<'_, '_>, tasks: usize) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).expect("a lake");
    bencher.counter(ItemsCount::new(APPENDS)).bench(|| {
        runtime.block_on(async {
            let each = APPENDS / tasks;
            let all: Vec<_> = (0..tasks)
                .map(|task| {
                    let lake = lake.clone();
                    tokio::spawn(async move {
                        for n in 0..each {
                            let (head, release, _) = small((task * each + n) as u32);
                            lake.journal()
                                .append_small(head, release)
                                .await
                                .expect("durable");
                        }
                    })
                })
                .collect();
            for task in all {
                task.await.expect("done");
            }
        });
    });
}

/// The scope of one account of two thousand: 500 of a million rows, each with five persons.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn scope_over_a_million_rows(bencher: Bencher<'_, '_>) {
    let question = ScopeQuestion {
        tenant: "acme".parse().expect("a tenant"),
        source: ScopeSource {
            accounts: vec!["account-7".parse().expect("an account")],
            ..ScopeSource::default()
        },
        window: window(),
    };
    let lake = &MILLION.0;
    assert_eq!(lake.scope(&question).expect("an answer").exchanges, 500);
    bencher.bench(|| lake.scope(&question));
}

/// Who saw one person, by the index.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn who_saw_in_a_million_rows(bencher: Bencher<'_, '_>) {
    let question = WhoSaw {
        tenant: "acme".parse().expect("a tenant"),
        subject: person(7),
        window: window(),
        limit: 1000,
    };
    bencher.bench(|| MILLION.0.who_saw(&question));
}

static MILLION: LazyLock<(Lake, TempDir)> = LazyLock::new(|| {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).expect("a lake");
    runtime.block_on(async {
        for n in 0..ROWS {
            let (head, release, end) = small(n);
            let small = Record::Small(Box::new(head), release);
            for record in [small, Record::End(end)] {
                while lake.journal().append_relaxed(record.clone()).is_err() {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
            if n % 100_000 == 99_999 {
                lake.compact().await.expect("compacted");
            }
        }
    });
    let stats = lake.stats();
    println!(
        "{} rows in {} files, {} bytes",
        stats.rows, stats.files, stats.bytes
    );
    (lake, folder)
});

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn window() -> Window {
    Window {
        from: Timestamp::from_millis(0),
        to: Timestamp::from_millis(i64::from(ROWS) * 36),
    }
}

fn person(n: u32) -> SubjectToken {
    let mixed = u128::from(n % 200_000).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    SubjectToken::from_bytes(mixed.to_be_bytes())
}

fn small(n: u32) -> (ExchangeHead, Release, ExchangeEnd) {
    let id = ExchangeId::new();
    let at = Timestamp::from_millis(i64::from(n) * 36);
    let account = n % ACCOUNTS;
    let head = ExchangeHead {
        id,
        at,
        tenant: "acme".parse().expect("a tenant"),
        actor: Actor {
            account: format!("account-{account}").parse().ok(),
            session: format!("session-{account}-{}", n / 250_000).parse().ok(),
            ..Actor::unknown([10, 0, (account >> 8) as u8, account as u8].into())
        },
        module: "customers".parse().expect("a module"),
        route: "customer-list".parse().expect("a route"),
        method: "GET".into(),
        path: "/api/customers".into(),
        export: false,
        login: false,
        signals: vec![],
        drill: None,
        touched: Vec::new(),
        rtt_ms: None,
        about: None,
        push: None,
    };
    let kinds = KindSet::of(&[DataKind::Name, DataKind::Mobile]);
    let release = Release {
        exchange: id,
        group: 0,
        at,
        bytes: 1500,
        explained: 1500,
        rows: 5,
        foreign_rows: 0,
        sightings: (0..5)
            .map(|k| Sighting::new(person(n.wrapping_mul(5) + k), kinds))
            .collect(),
    };
    let end = ExchangeEnd {
        exchange: id,
        at,
        status: 200,
        success: true,
        delivery: Delivery::Delivered,
        groups: 1,
        request_bytes: 0,
        response_bytes: 1500,
        millis: 3,
        refusal: None,
    };
    (head, release, end)
}
