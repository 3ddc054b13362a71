//! Containment over a real store and bus.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use hudun_bus::{PolicyBus, PolicySink};
use hudun_contain::{ContainError, Keeper, LiftState, Order};
use hudun_core::{IsolationMode, LedgerDraft, Policy, RecordError, Recorder, Timestamp};
use hudun_store::Store;

#[derive(Default)]
struct Ledger(Mutex<Vec<LedgerDraft>>);

impl Recorder for Ledger {
    fn record(&self, draft: LedgerDraft) -> Result<u64, RecordError> {
        let mut entries = self.0.lock().unwrap();
        entries.push(draft);
        Ok(entries.len() as u64 - 1)
    }
}

#[derive(Default)]
struct Gateway {
    enforced: Mutex<u64>,
    refuses: bool,
}

impl PolicySink for Gateway {
    fn accept(&self, _: &Policy) -> Result<(), String> {
        if self.refuses {
            Err("no such module".to_owned())
        } else {
            Ok(())
        }
    }

    fn enforce(&self, policy: &Arc<Policy>) {
        *self.enforced.lock().unwrap() = policy.revision;
    }
}

async fn keeper(gateway: Arc<Gateway>) -> (Keeper, Arc<Ledger>) {
    let store = Store::in_memory().await.unwrap();
    let bus = Arc::new(
        PolicyBus::open(&store, Timestamp::from_millis(0))
            .await
            .unwrap(),
    );
    bus.attach(gateway);
    let ledger = Arc::new(Ledger::default());
    (Keeper::new(bus, ledger.clone(), &store), ledger)
}

fn order(key: &str) -> Order<'_> {
    Order {
        key,
        by: "hudun",
        reason: "id walk",
        incident: None,
        tenant: None,
        at: Timestamp::from_millis(1_000),
        minutes: 60,
    }
}

#[tokio::test]
async fn an_act_is_in_force_on_return_and_done_once() {
    let gateway = Arc::new(Gateway::default());
    let (keeper, ledger) = keeper(gateway.clone()).await;
    let module = || "customers".parse().unwrap();
    let (id, new) = keeper
        .isolate(&order("run/isolate"), module(), IsolationMode::Off)
        .await
        .unwrap();
    assert!(new);
    assert_eq!(*gateway.enforced.lock().unwrap(), 1);
    let again = keeper
        .isolate(&order("run/isolate"), module(), IsolationMode::Off)
        .await
        .unwrap();
    assert_eq!(again, (id, false));
    assert_eq!(*gateway.enforced.lock().unwrap(), 1);
    assert_eq!(ledger.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_policy_that_a_gateway_cannot_enforce_changes_nothing() {
    let (keeper, ledger) = keeper(Arc::new(Gateway {
        refuses: true,
        ..Gateway::default()
    }))
    .await;
    let error = keeper
        .isolate(&order("x"), "nowhere".parse().unwrap(), IsolationMode::Off)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no such module"));
    assert_eq!(keeper.current().revision, 0);
    assert!(ledger.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_isolation_is_lifted_by_two_persons_after_the_repair() {
    let (keeper, _) = keeper(Arc::new(Gateway::default())).await;
    let at = Timestamp::from_millis(2_000);
    let (id, _) = keeper
        .isolate(
            &order("x"),
            "customers".parse().unwrap(),
            IsolationMode::Off,
        )
        .await
        .unwrap();
    assert!(matches!(
        keeper.approve_lift(id, "wang", true, at).await,
        Err(ContainError::NotAsked)
    ));
    assert_eq!(
        keeper.undo(id, "li", "repaired", at).await.unwrap(),
        LiftState::Waiting
    );
    assert!(matches!(
        keeper.approve_lift(id, "li", true, at).await,
        Err(ContainError::SecondPersonNeeded(_))
    ));
    assert!(matches!(
        keeper.approve_lift(id, "wang", false, at).await,
        Err(ContainError::NotRepaired)
    ));
    keeper.approve_lift(id, "wang", true, at).await.unwrap();
    assert_eq!(keeper.current().restrictions().count(), 0);
}

#[tokio::test]
async fn a_freeze_is_undone_with_one_click() {
    let (keeper, _) = keeper(Arc::new(Gateway::default())).await;
    let (id, _) = keeper
        .freeze(&order("x"), "mei@yunxi".parse().unwrap())
        .await
        .unwrap();
    let state = keeper
        .undo(id, "li", "wrong account", Timestamp::from_millis(2_000))
        .await
        .unwrap();
    assert!(matches!(state, LiftState::Lifted { .. }));
    assert_eq!(keeper.current().restrictions().count(), 0);
}

#[tokio::test]
async fn what_has_expired_is_swept_and_an_earlier_revision_comes_back() {
    let (keeper, _) = keeper(Arc::new(Gateway::default())).await;
    keeper
        .freeze(&order("x"), "mei@yunxi".parse().unwrap())
        .await
        .unwrap();
    assert!(
        keeper
            .sweep(Timestamp::from_millis(2_000))
            .await
            .unwrap()
            .is_empty()
    );
    let late = Timestamp::from_millis(1_000 + 61 * 60_000);
    assert_eq!(keeper.sweep(late).await.unwrap().len(), 1);
    assert_eq!(keeper.current().revision, 2);
    let back = keeper
        .roll_back(1, "li", "swept too early", late)
        .await
        .unwrap();
    assert_eq!((back.revision, back.revocations.len()), (3, 1));
}
