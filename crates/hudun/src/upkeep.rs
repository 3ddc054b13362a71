//! What is done again and again: letters carried out, expired restrictions swept, the lake compacted, scopes kept true.

use std::sync::Arc;
use std::time::Duration;

use hudun_console::api::Happening;
use hudun_core::{Action, Catalogue, Incident, IncidentState, LossReason, TimelineMark, Timestamp};
use hudun_gateway::Gateway;
use hudun_inform::Postman;
use tokio_util::sync::CancellationToken;

use crate::office::Office;

/// Between two rounds.
const ROUND: Duration = Duration::from_millis(250);
/// Rounds between two looks at open scopes.
const SCOPE_ROUNDS: u64 = 4;
/// Rounds between two clock ticks of the console.
const CLOCK_ROUNDS: u64 = 20;
/// Rounds between two sweeps of the policy.
const SWEEP_ROUNDS: u64 = 40;
/// Cases whose clocks are looked at.
const CLOCKED: u32 = 200;
/// Between two looks at the size of the hot tail.
const TAIL_LOOK: Duration = Duration::from_secs(1);
/// Looks between two compactions, at the latest.
const COMPACT_LOOKS: u64 = 3_600;
/// Looks between two looks at the retention.
const RETAIN_LOOKS: u64 = 3_600 * 24;
/// For so long a case without patches is looked at again, milliseconds.
const HOUR_MS: i64 = 3_600_000;
/// A hot tail of this size is compacted at once, bytes.
const TAIL_BYTES: u64 = 256 << 20;

/// Works until stopped.
pub async fn run(
    office: Arc<Office>,
    sender: Arc<hudun_inform::Informer>,
    postman: Arc<Postman>,
    gateway: Arc<Gateway>,
    stop: CancellationToken,
) {
    // Every loss is counted in one table, whoever met it.
    let losses = gateway.metrics();
    let mut round = 0_u64;
    let mut tick = tokio::time::interval(ROUND);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        round += 1;
        let now = Timestamp::now();
        let look_again = round.is_multiple_of(SWEEP_ROUNDS);
        let given_up = postman.losses().1;
        carry_letters(&office, &sender, &postman, look_again, now).await;
        losses.lose(LossReason::AlertUndelivered, postman.losses().1 - given_up);
        if round.is_multiple_of(SCOPE_ROUNDS) {
            keep_scopes_true(&office, now).await;
        }
        if round.is_multiple_of(CLOCK_ROUNDS) {
            office.live.publish(now, Happening::Clock);
        }
        if round.is_multiple_of(SWEEP_ROUNDS) {
            sweep(&office, now).await;
            remind(&office, &sender, now).await;
        }
    }
}

/// Tells the team of legal clocks that run out and of a case's class, each once.
async fn remind(office: &Office, sender: &hudun_inform::Informer, now: Timestamp) {
    let Ok(incidents) = office.cases.newest(CLOCKED).await else {
        return;
    };
    for incident in incidents {
        if incident.state == IncidentState::Closed {
            continue;
        }
        if let Err(error) = remind_of(office, sender, &incident, now).await {
            tracing::error!(%error, incident = %incident.id, "nobody could be reminded of its clocks");
        }
    }
}

async fn remind_of(
    office: &Office,
    sender: &hudun_inform::Informer,
    incident: &Incident,
    now: Timestamp,
) -> anyhow::Result<()> {
    let assessment = match office.assessment(incident.id).await {
        Ok(Some(assessment)) => assessment,
        Ok(None) => return Ok(()),
        Err(error) => anyhow::bail!("{error}"),
    };
    let notices = sender.notices(incident.id).await?;
    let mut all = hudun_inform::clocks_running_out(&assessment, &notices, now);
    all.push(hudun_inform::class_of(&assessment.severity));
    let mut told = false;
    for reminder in all {
        told |= sender.remind(incident, &reminder, now).await?;
    }
    if told {
        let incident = incident.id;
        office.live.publish(now, Happening::Timeline { incident });
    }
    Ok(())
}

/// Keeps the lake in shape until stopped. A task of its own: a compaction takes seconds, and no alert waits for it.
pub async fn keep_lake(office: Arc<Office>, gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut look = 0_u64;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TAIL_LOOK) => {}
        }
        look += 1;
        let too_large = office.lake.stats().tail_bytes > TAIL_BYTES;
        if too_large || look.is_multiple_of(COMPACT_LOOKS) {
            compact(&office).await;
        }
        if look.is_multiple_of(RETAIN_LOOKS) {
            retain(&office, &gateway, Timestamp::now()).await;
        }
    }
}

/// One round of the postman. A notice whose letters have all ended is sent, and whoever looks at it is told. After a
/// crash between a letter and its receipt no letter moves any more, so with `look_again` the receipts are read anyway.
async fn carry_letters(
    office: &Office,
    sender: &hudun_inform::Informer,
    postman: &Postman,
    look_again: bool,
    now: Timestamp,
) {
    let moved = match postman.deliver(now).await {
        Ok(delivered) => delivered.sent + delivered.failed + delivered.unknown > 0,
        Err(error) => {
            tracing::error!(%error, "letters could not be carried out");
            return;
        }
    };
    if !moved && !look_again {
        return;
    }
    match sender.reconcile(now).await {
        Ok(ended) => {
            for notice in ended {
                let (incident, notice) = (notice.incident, notice.id);
                office
                    .live
                    .publish(now, Happening::Notice { incident, notice });
            }
        }
        Err(error) => tracing::error!(%error, "receipts could not be written"),
    }
}

async fn sweep(office: &Office, now: Timestamp) {
    match office.keeper.sweep(now).await {
        Ok(expired) if !expired.is_empty() => {
            let revision = office.keeper.current().revision;
            office.live.publish(now, Happening::Policy { revision });
        }
        Ok(_) => {}
        Err(error) => {
            tracing::error!(%error, "expired restrictions could not be swept; they act no more")
        }
    }
}

/// A scope that was computed while an answer was still on its way is computed again when more has left: the scope, the
/// duties and the drafts follow the facts.
async fn keep_scopes_true(office: &Office, now: Timestamp) {
    let Ok(incidents) = office.cases.newest(50).await else {
        return;
    };
    for incident in incidents {
        let open = incident.state != IncidentState::Closed
            && incident.mark(TimelineMark::Scoped).is_some();
        if open && let Err(error) = refresh(office, &incident, now).await {
            tracing::warn!(%error, incident = %incident.id, "the scope could not be computed again");
        }
        // An attack that has not shown up within the hour is no longer in the recent traffic.
        let undrafted = incident.mark(TimelineMark::Contained).is_some()
            && incident.mark(TimelineMark::Drafted).is_none()
            && now.millis_since(incident.opened_at) < HOUR_MS;
        if open
            && undrafted
            && let Err(error) = office.acts.propose_late(&incident, now).await
        {
            tracing::warn!(%error, incident = %incident.id, "hot patches could not be drafted");
        }
    }
}

/// Computes the scope of a case again; where it has grown, duties and drafts are made anew and approvals of older texts
/// count no more.
pub(crate) async fn refresh(
    office: &Office,
    incident: &Incident,
    now: Timestamp,
) -> anyhow::Result<()> {
    let before = office
        .analyst
        .scope(incident.id)
        .await?
        .map(|record| record.affected());
    let findings = office.cases.findings(incident).await?;
    let record = office
        .analyst
        .assess_scope(incident, &findings, now)
        .await?;
    if before.as_ref() == Some(&record.affected()) {
        return Ok(());
    }
    tracing::info!(incident = %incident.id, likely = record.scope.likely, "more has left; the scope has grown");
    law_again(
        office,
        incident,
        &format!("refresh/{}", record.revision),
        now,
    )
    .await
}

/// Asks law again after what it was asked with has changed, and makes the drafts follow. `key` names the change. A case
/// of which nobody knows yet whose data left waits for its playbook.
pub(crate) async fn law_again(
    office: &Office,
    incident: &Incident,
    key: &str,
    now: Timestamp,
) -> anyhow::Result<()> {
    if office.analyst.scope(incident.id).await?.is_none() {
        return Ok(());
    }
    let key = |what: &str| format!("law/{}/{what}/{key}", incident.id);
    for action in [Action::AssessDuties, Action::DraftNotices] {
        let name = action.name();
        office
            .acts
            .perform(incident.id, &key(name), "hudun", action)
            .await?;
    }
    office.live.publish(
        now,
        Happening::Scope {
            incident: incident.id,
        },
    );
    Ok(())
}

async fn compact(office: &Office) {
    match office.lake.compact().await {
        Ok(report) => tracing::debug!(
            exchanges = report.exchanges,
            files = report.files,
            "compacted"
        ),
        Err(error) => {
            tracing::error!(%error, "the journal could not be compacted; it is tried again")
        }
    }
}

async fn retain(office: &Office, gateway: &Arc<Gateway>, now: Timestamp) {
    use hudun_core::{LedgerDraft, Recorder};

    let ledger = Arc::clone(&office.ledger);
    let gateway = Arc::clone(gateway);
    let removed = office
        .lake
        .retain(now, move |removal| {
            gateway.metrics().lose(removal.reason, removal.exchanges);
            let recorded = ledger.record(LedgerDraft {
                at: now,
                tenant: None,
                incident: None,
                by: "hudun".to_owned(),
                kind: "lake.retention".to_owned(),
                body: serde_json::json!({ "removal": format!("{removal:?}") }),
            });
            if let Err(error) = recorded {
                tracing::error!(%error, "a removal could not be recorded");
            }
        })
        .await;
    if let Err(error) = removed {
        tracing::error!(%error, "old data could not be removed");
    }
}
