//! The whole drill without a person: scripted people press the console's buttons, and the truth is compared.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use hudun_console::api::{self, Done, NoticeState, RestrictionKind, StepState, WarRoom};
use hudun_core::{IncidentId, IncidentState, Level, TaskState, TimelineMark, Timestamp};
use hudun_prevent::drill::{AttackReport, Plan};
use serde::Serialize;
use serde_json::json;

use crate::demo::Demo;
use crate::demo::people::{Person, path};

/// How long a part of a run may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one run came to.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// Seed of the attack.
    pub seed: u64,
    /// The account that was stolen.
    pub account: String,
    /// Milliseconds from the request that deserved it to the alert; none when it never came, as below.
    pub alert_ms: Option<i64>,
    /// Milliseconds from that request to verified containment.
    pub contain_ms: Option<i64>,
    /// The scope against the attacker's own list.
    pub scope: ScopeReport,
    /// Milliseconds from the first request of the attack to the last draft.
    pub drafts_ms: Option<i64>,
    /// Requests of ordinary staff during the run.
    pub staff_requests: u64,
    /// Those that met an error.
    pub staff_errors: u64,
    /// Staff other than the suspect who lost their session.
    pub staff_logged_out: u64,
    /// Alerts about anybody but the attacker.
    pub false_alerts: u64,
    /// Affected persons who were told by mail; the others have no address.
    pub told: u64,
    /// Whether the evidence pack verifies offline.
    pub evidence_verified: bool,
    /// Whether the root fix was proven and everything lifted.
    pub repaired: bool,
    /// Mails that arrived.
    pub mails: u64,
    /// What the attacker did, in order.
    pub moves: Vec<hudun_prevent::drill::Move>,
}

/// Sets compared.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ScopeReport {
    /// Customers on the attacker's list.
    pub truth: usize,
    /// Persons of the low set.
    pub low: u64,
    /// Persons of the likely set.
    pub likely: usize,
    /// Persons of the high set.
    pub high: u64,
    /// On the attacker's list, not in the likely set.
    pub missing: usize,
    /// In the likely set, not on the attacker's list.
    pub extra: usize,
    /// Share of released bytes that the count explains.
    pub coverage: f64,
}

/// Median and 99th percentile.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// Median.
    pub p50: i64,
    /// 99th percentile (the largest, below 100 runs).
    pub p99: i64,
}

/// All runs.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Run by run.
    pub runs: Vec<RunReport>,
    /// Spread of `alert_ms`.
    pub alert_ms: Spread,
    /// Spread of `contain_ms`.
    pub contain_ms: Spread,
    /// Spread of `drafts_ms`.
    pub drafts_ms: Spread,
    /// Whether every run was as it must be.
    pub passed: bool,
}

/// Runs the drill once for each seed.
///
/// # Errors
/// When a run can't be carried through at all; a run that ends badly is in the report.
pub async fn run(demo: &Demo, seeds: u64) -> anyhow::Result<Report> {
    let people = People::log_in(demo).await?;
    let mut runs = Vec::new();
    for seed in 0..seeds {
        eprintln!("drill {} of {seeds} (seed {seed}) …", seed + 1);
        let report = one(demo, &people, seed)
            .await
            .with_context(|| format!("seed {seed}"))?;
        eprintln!("  {}", serde_json::to_string(&report)?);
        runs.push(report);
    }
    let spread = |of: fn(&RunReport) -> Option<i64>| {
        let mut values: Vec<i64> = runs.iter().filter_map(of).collect();
        values.sort_unstable();
        let at = |share: f64| {
            let index = (share * values.len() as f64).ceil() as usize;
            values
                .get(index.saturating_sub(1))
                .copied()
                .unwrap_or_default()
        };
        Spread {
            p50: at(0.5),
            p99: at(0.99),
        }
    };
    let passed = runs.iter().all(RunReport::is_good);
    Ok(Report {
        alert_ms: spread(|run| run.alert_ms),
        contain_ms: spread(|run| run.contain_ms),
        drafts_ms: spread(|run| run.drafts_ms),
        passed,
        runs,
    })
}

impl RunReport {
    fn is_good(&self) -> bool {
        self.scope.missing == 0
            && self.scope.extra == 0
            && self.scope.truth > 0
            && [self.alert_ms, self.contain_ms, self.drafts_ms]
                .iter()
                .all(Option::is_some)
            && self.staff_errors == 0
            && self.staff_logged_out == 0
            && self.false_alerts == 0
            && self.evidence_verified
            && self.repaired
    }
}

struct People {
    commander: Person,
    legal: Person,
    it: Person,
    security: Person,
}

impl People {
    async fn log_in(demo: &Demo) -> anyhow::Result<Self> {
        let enter = async |account: &str| {
            let password = demo
                .password(account)
                .context("headless runs need a fresh data folder")?;
            Person::log_in(&demo.console_url(), account, password).await
        };
        Ok(Self {
            commander: enter("commander").await?,
            legal: enter("legal").await?,
            it: enter("it").await?,
            security: enter("security").await?,
        })
    }
}

async fn one(demo: &Demo, people: &People, seed: u64) -> anyhow::Result<RunReport> {
    let staff_before = demo.staff();
    let mails_before = demo.mails().await;
    demo.open_holes().await?;
    let drill = demo.attack(Plan::varied(seed), seed).await?;
    let incident = wait("an incident", async || {
        let page: api::IncidentPage = people.commander.get(api::endpoint::INCIDENTS.path).await?;
        Ok(page
            .items
            .into_iter()
            .find(|item| {
                item.state != IncidentState::Closed && item.suspects.contains(&drill.account)
            })
            .map(|item| item.id))
    })
    .await?;
    let at = incident.to_string();
    people
        .commander
        .press::<Done>(&path(api::endpoint::ACKNOWLEDGE.path, &[&at]), &json!({}))
        .await?;
    let attack = drill.finished.await??;

    decide(people, &people.security, incident, "approve-patch").await?;
    settled(people, incident, "root-fix").await?;
    demo.close_holes().await?;
    decide(people, &people.it, incident, "root-fix").await?;
    let room = wait("the end of the run", async || {
        let room = people.commander.room(incident).await?;
        Ok(room
            .run
            .as_ref()
            .is_some_and(|run| run.ended_at.is_some())
            .then_some(room))
    })
    .await?;
    let repaired = room.repair.verdict == api::Verdict::Pass;
    steady(demo, incident).await?;
    let told = send_notices(people, incident).await?;
    lift_everything(people, incident).await?;
    let evidence = people
        .commander
        .fetch(&path(api::endpoint::EXPORT_EVIDENCE.path, &[&at]))
        .await?;
    let evidence_verified = demo.verify(&evidence);
    close(people, &room, incident).await?;

    let room = people.commander.room(incident).await?;
    let (scope, false_alerts) = compare(demo, incident, &attack, &drill.account).await?;
    let staff = demo.staff();
    let triggered = first_deserving(&room);
    let since = |start: Timestamp, mark: TimelineMark| {
        let marks = &room.incident.marks;
        let view = marks.iter().find(|view| view.mark == mark)?;
        Some(view.at.millis_since(start))
    };
    Ok(RunReport {
        seed,
        account: drill.account,
        alert_ms: since(triggered, TimelineMark::Alerted),
        contain_ms: since(triggered, TimelineMark::Contained),
        scope,
        drafts_ms: since(attack.began_at, TimelineMark::Drafted),
        staff_requests: staff.requests - staff_before.requests,
        staff_errors: staff.errors - staff_before.errors,
        staff_logged_out: staff.logged_out - staff_before.logged_out,
        false_alerts,
        told,
        evidence_verified,
        repaired: repaired && lifted(&room),
        mails: demo.mails().await - mails_before,
        moves: attack.steps.iter().map(|step| step.part).collect(),
    })
}

/// Whether nothing of the case is in force any more.
fn lifted(room: &WarRoom) -> bool {
    room.containment
        .iter()
        .all(|restriction| restriction.lift == api::LiftState::Gone)
}

/// The request that completed the first finding worth an alert.
fn first_deserving(room: &WarRoom) -> Timestamp {
    let graves = room
        .incident
        .evidence
        .iter()
        .filter(|finding| finding.level >= Level::High);
    graves
        .map(|finding| finding.triggered_at)
        .min()
        .unwrap_or(room.incident.summary.opened_at)
}

/// Presses approve at the step whose name holds the word, as soon as it waits.
async fn decide(
    people: &People,
    who: &Person,
    incident: IncidentId,
    step: &str,
) -> anyhow::Result<()> {
    let id = settled(people, incident, step).await?;
    let at = path(
        api::endpoint::DECIDE_STEP.path,
        &[&incident.to_string(), &id],
    );
    who.press::<Done>(&at, &json!({ "approve": true, "note": "checked" }))
        .await?;
    Ok(())
}

/// Waits until the step waits for a person.
async fn settled(people: &People, incident: IncidentId, step: &str) -> anyhow::Result<String> {
    let name = match step {
        "approve-patch" => "Approve the hot patch",
        "root-fix" => "Fix the SCRM",
        other => other,
    };
    wait(step, async || {
        let room = people.commander.room(incident).await?;
        let Some(run) = room.run else { return Ok(None) };
        if run.ended_at.is_some() {
            bail!("the run ended before {step}: {:?}", run.state);
        }
        let waiting = run
            .steps
            .into_iter()
            .find(|view| view.state == StepState::Waiting);
        let Some(waiting) = waiting else {
            return Ok(None);
        };
        if !waiting.name.en.contains(name) {
            bail!(
                "the run waits at {:?} instead of {step}: {:?}",
                waiting.name.en,
                waiting.error
            );
        }
        Ok(Some(waiting.id))
    })
    .await
}

/// Approves by two persons, and sends, what goes to staff and, in Chinese, to affected persons; approves the others.
/// Returns how many persons were told.
async fn send_notices(people: &People, incident: IncidentId) -> anyhow::Result<u64> {
    let mut to_persons = None;
    let room = people.commander.room(incident).await?;
    for notice in room
        .notices
        .iter()
        .filter(|notice| notice.state == NoticeState::Draft && notice.refusals.is_empty())
    {
        let at = path(
            api::endpoint::APPROVE_NOTICE.path,
            &[&incident.to_string(), &notice.id.to_string()],
        );
        for role in &notice.needs {
            let (who, name) = match role {
                api::Role::Legal => (&people.legal, "legal"),
                _ => (&people.commander, "commander"),
            };
            who.press::<Done>(&at, &json!({ "role": name, "sha256": notice.sha256 }))
                .await?;
        }
        let personal = notice.audience == api::Audience::Person && notice.lang.starts_with("zh");
        if personal {
            to_persons = Some(notice.id);
        }
        if personal || notice.audience == api::Audience::Staff {
            let at = path(
                api::endpoint::SEND_NOTICE.path,
                &[&incident.to_string(), &notice.id.to_string()],
            );
            people.legal.press::<Done>(&at, &json!({})).await?;
        }
    }
    let Some(to_persons) = to_persons else {
        return Ok(0);
    };
    wait("the letters to affected persons", async || {
        let room = people.commander.room(incident).await?;
        let notice = room.notices.iter().find(|view| view.id == to_persons);
        Ok(notice
            .filter(|view| view.state == NoticeState::Sent)
            .map(|view| view.recipients))
    })
    .await
}

async fn lift_everything(people: &People, incident: IncidentId) -> anyhow::Result<()> {
    let room = people.commander.room(incident).await?;
    for restriction in &room.containment {
        let at = path(api::endpoint::UNDO.path, &[&restriction.id.to_string()]);
        let answer: api::UndoAnswer = people
            .security
            .press(&at, &json!({ "reason": "repaired" }))
            .await?;
        let Some(approval) = answer.approval else {
            continue;
        };
        if !matches!(
            restriction.kind,
            RestrictionKind::Isolation | RestrictionKind::Patch
        ) {
            bail!("a {:?} needed a second person", restriction.kind);
        }
        let at = path(api::endpoint::DECIDE_APPROVAL.path, &[&approval.id]);
        people
            .commander
            .press::<Done>(&at, &json!({ "approve": true }))
            .await?;
    }
    Ok(())
}

async fn close(people: &People, room: &WarRoom, incident: IncidentId) -> anyhow::Result<()> {
    for task in room
        .tasks
        .iter()
        .filter(|task| !matches!(task.state, TaskState::Done | TaskState::Dropped))
    {
        let at = path(api::endpoint::CHANGE_TASK.path, &[&task.id.to_string()]);
        people
            .commander
            .press::<Done>(&at, &json!({ "move": "done", "note": "" }))
            .await?;
    }
    let at = path(api::endpoint::CLOSE.path, &[&incident.to_string()]);
    people
        .commander
        .press::<Done>(&at, &json!({ "reason": "drill is over" }))
        .await?;
    Ok(())
}

/// People read before they approve: at least until the scope has followed what was still on its way.
async fn steady(demo: &Demo, incident: IncidentId) -> anyhow::Result<()> {
    let mut before = demo.scope(incident).await?.subjects;
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let now = demo.scope(incident).await?.subjects;
        if now == before {
            return Ok(());
        }
        before = now;
    }
    bail!("the scope does not come to rest")
}

/// The truth of the attacker against the likely set, as keyed tokens.
async fn compare(
    demo: &Demo,
    incident: IncidentId,
    attack: &AttackReport,
    account: &str,
) -> anyhow::Result<(ScopeReport, u64)> {
    let scope = demo.scope(incident).await?;
    let truth: BTreeSet<_> = attack
        .loot
        .ids()
        .map(|id| demo.token(account, id))
        .collect();
    let likely: BTreeSet<_> = scope.subjects.iter().map(|(token, _)| *token).collect();
    let report = ScopeReport {
        truth: truth.len(),
        low: scope.low,
        likely: likely.len(),
        high: scope.high,
        missing: truth.difference(&likely).count(),
        extra: likely.difference(&truth).count(),
        coverage: scope.coverage(),
    };
    Ok((report, demo.alerts_about_others(account).await?))
}

/// Asks again and again until there is an answer.
async fn wait<T>(
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if began.elapsed() > PATIENCE {
            bail!("waited {} s in vain for {what}", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
