//! Watches feeds and assets, and carries what is new into the loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hudun_advisory::decide::What;
use hudun_advisory::matching::Index;
use hudun_console::Live;
use hudun_console::api::Happening;
use hudun_core::{
    Actor, Finding, FindingId, IncidentId, IncidentState, LedgerDraft, Level, ModuleId, Recorder,
    TenantId, Text, TimelineMark, Timestamp,
};
use hudun_intel::assets::Assets;
use hudun_intel::exposures::{Change, CheckOutcome, Exposure, Moved, Refreshed, State, story};
use hudun_intel::feeds::{Feeds, Snapshot};
use hudun_intel::subscriptions::Subscriptions;
use hudun_profile::OTHER;
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::KnownHoles;
use super::digest::Digests;
use crate::intake::Intake;

/// Inventory files are looked at this often.
const LOOK: Duration = Duration::from_secs(1);
/// The running product is asked for its version this often.
const VERSION: Duration = Duration::from_secs(10);
/// Statements with an end and the age of feeds are looked at this often, whatever else happens.
const ANYWAY: Duration = Duration::from_secs(3600);
/// Most exposures of a change that the ledger names one by one.
const NAMED: usize = 200;
/// Cases that are looked through for one that was opened just before a crash.
const CASES: u32 = 1_000;
const RULE: &str = "intel.exposure";

/// Feeds, assets and exposures of the running guard.
pub struct Intel {
    /// Feeds.
    pub feeds: Arc<Feeds>,
    /// Assets.
    pub assets: Assets,
    /// Known holes, and the register of exposures.
    pub known: Arc<KnownHoles>,
    /// What people want to hear of.
    pub subscriptions: Subscriptions,
    /// Which weeks were told of.
    pub(super) digests: Digests,
    /// Something that counts was changed by hand.
    pub wake: Wake,
    /// Tenant of what belongs to nobody else.
    pub tenant: TenantId,
    /// The record.
    pub recorder: Arc<dyn Recorder>,
    /// What happens, for open pages.
    pub live: Live,
}

/// Says that matching has to be done again.
#[derive(Default)]
pub struct Wake(Notify);

impl Wake {
    /// Soon.
    pub fn now(&self) {
        self.0.notify_one();
    }
}

impl Intel {
    /// Works until `stop` is cancelled.
    pub async fn run(self: Arc<Self>, intake: Arc<Intake>, stop: CancellationToken) {
        let mut snapshots = self.feeds.snapshots();
        let mut heard = snapshots.borrow().revision;
        let mut look = tokio::time::interval(LOOK);
        let mut version = tokio::time::interval(VERSION);
        let mut anyway = tokio::time::interval(ANYWAY);
        for clock in [&mut look, &mut version, &mut anyway] {
            clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }
        loop {
            let again = tokio::select! {
                () = stop.cancelled() => return,
                changed = snapshots.changed() => {
                    if changed.is_err() { return; }
                    true
                }
                () = self.wake.0.notified() => true,
                _ = look.tick() => !self.assets.look(Timestamp::now()).await.is_empty(),
                _ = version.tick() => self.read_version().await | self.known.newly_tried().await,
                _ = anyway.tick() => {
                    if let Err(error) = self.digest(&intake.sender, Timestamp::now()).await {
                        tracing::error!(%error, "the weekly digest could not be posted; it is tried again within the hour");
                    }
                    true
                }
            };
            if again {
                let snapshot = self.newest(&mut snapshots);
                for (feed, records) in self.feeds.take_accepted() {
                    let body =
                        json!({ "feed": feed, "records": records, "reason": "hudun intel accept" });
                    self.note_by("command line", "feed.accepted", body);
                }
                self.hear(&snapshot, heard).await;
                heard = snapshot.revision;
                if let Err(error) = self.again(&snapshot, &intake).await {
                    tracing::error!(%error, "exposures could not be brought up to date; they will be with the next change");
                }
            }
        }
    }

    fn newest(&self, snapshots: &mut watch::Receiver<Arc<Snapshot>>) -> Arc<Snapshot> {
        Arc::clone(&snapshots.borrow_and_update())
    }

    /// Gives what came after a revision to those who want to hear of it.
    async fn hear(&self, snapshot: &Arc<Snapshot>, heard: u64) {
        let since = snapshot.since(heard);
        if since.is_none() {
            tracing::warn!(
                left_out = snapshot.more_new,
                "too much came at once to tell subscriptions of each record"
            );
        }
        if since.is_some_and(|new| new.is_empty()) {
            return;
        }
        let of = Arc::clone(snapshot);
        let records = tokio::task::spawn_blocking(move || {
            let new = of.since(heard).unwrap_or_else(|| of.new.iter().collect());
            let found = new.into_iter().map(|one| {
                let records = of.index.records_of(&one.id).unwrap_or_default();
                records
                    .into_iter()
                    .filter(|record| record.source == one.source)
            });
            found.flatten().collect::<Vec<_>>()
        });
        let heard = match records.await {
            Ok(records) => self.subscriptions.take(&records, Timestamp::now()).await,
            Err(error) => {
                tracing::error!(%error, "what came could not be read again for the subscriptions");
                return;
            }
        };
        match heard {
            Ok(0) => {}
            Ok(_) => self.live.publish(Timestamp::now(), Happening::Exposures),
            Err(error) => tracing::error!(%error, "subscriptions could not be told of what came"),
        }
    }

    /// Asks the guarded product for its version. Tells whether it is another one.
    async fn read_version(&self) -> bool {
        let assets = self.assets.all().await;
        let mut guarded: Vec<String> = Vec::new();
        for asset in assets {
            if asset.entry.guarded && asset.entry.product.is_some() {
                guarded.push(asset.entry.name);
            }
        }
        if guarded.is_empty() {
            return false;
        }
        let version = match self.known.version().await {
            Ok(Some(version)) => version,
            Ok(None) => return false,
            Err(cause) => {
                // It restarts, or is away: what was seen last stands.
                tracing::debug!(cause, "the product did not say its version");
                return false;
            }
        };
        let mut any = false;
        for name in &guarded {
            match self.assets.runs(name, &version, Timestamp::now()).await {
                Ok(Some(before)) => {
                    self.note(
                        "asset.version",
                        json!({ "asset": name, "from": before, "to": version }),
                    );
                    any = true;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, asset = %name, "a version could not be written down")
                }
            }
        }
        any
    }

    /// Matches again, and carries what changed into the loop.
    async fn again(&self, snapshot: &Snapshot, intake: &Intake) -> anyhow::Result<()> {
        let triggered = Timestamp::now();
        let assets = self.assets.all().await;
        let index: &Arc<Index> = &snapshot.index;
        let known = &self.known;
        let refreshed = known
            .register
            .refresh(
                index,
                &assets,
                |asset, ids| known.beside(asset, ids),
                triggered,
            )
            .await?;
        if !refreshed.changes.is_empty() {
            self.tell(snapshot, &refreshed);
        }
        // Only the product behind the gateway can be asked.
        let is_guarded = |exposure: &Exposure| {
            let mut of = assets.iter().filter(|one| one.entry.name == exposure.asset);
            of.any(|one| one.entry.guarded)
        };
        let mut grave: BTreeMap<(TenantId, String), Vec<Exposure>> = BTreeMap::new();
        for change in refreshed.changes {
            let guarded = is_guarded(&change.exposure);
            let Some(exposure) = self.checked(change, guarded).await? else {
                continue;
            };
            let tenant = exposure
                .tenant
                .clone()
                .unwrap_or_else(|| self.tenant.clone());
            let asset = exposure.asset.clone();
            grave.entry((tenant, asset)).or_default().push(exposure);
        }
        // What was written down and went no further: a crash or an error came in between.
        for mut exposure in known.register.all().await {
            if unchecked(&exposure)
                && is_guarded(&exposure)
                && let Some(outcome) = self.check(&exposure).await?
            {
                exposure.check = Some(outcome);
            }
            let (tenant, asset) = (exposure.tenant.clone(), exposure.asset.clone());
            let waits = exposure.state == State::Open
                && exposure.is_open()
                && exposure.incident.is_none()
                && is_grave(&exposure);
            let key = (tenant.unwrap_or_else(|| self.tenant.clone()), asset);
            let under_way = |of: &Vec<Exposure>| of.iter().any(|one| one.id == exposure.id);
            if !waits || grave.get(&key).is_some_and(under_way) {
                continue;
            }
            match self.its_case(&key.0, &exposure, intake).await? {
                Some(incident) => self.opened(incident, &[exposure], intake).await?,
                None => grave.entry(key).or_default().push(exposure),
            }
        }
        for ((tenant, asset), exposures) in grave {
            let finding = self.finding(tenant, &asset, &exposures, triggered);
            if let Some(incident) = intake.take(finding).await? {
                self.opened(incident, &exposures, intake).await?;
            }
        }
        Ok(())
    }

    /// Checks what can be checked; gives back what is so grave that it opens a case.
    async fn checked(&self, change: Change, guarded: bool) -> anyhow::Result<Option<Exposure>> {
        let mut exposure = change.exposure;
        let worse = matches!(
            change.moved,
            Moved::Appeared | Moved::Returned | Moved::Graver(_) | Moved::Unproven
        );
        if !worse || exposure.proposed {
            return Ok(None);
        }
        if guarded && let Some(outcome) = self.check(&exposure).await? {
            exposure.check = Some(outcome);
        }
        Ok((is_grave(&exposure) && change.moved != Moved::Unproven).then_some(exposure))
    }

    /// Checks one exposure and writes down what that came to; `None` where no check exists.
    async fn check(&self, exposure: &Exposure) -> anyhow::Result<Option<CheckOutcome>> {
        let Some(outcome) = self.known.check(exposure, Timestamp::now()).await else {
            return Ok(None);
        };
        let body = json!({ "exposure": exposure.id, "vulnerability": exposure.vulnerability, "asset": exposure.asset,
            "exposed": outcome.exposed, "status": outcome.status });
        self.note("exposure.checked", body);
        let register = &self.known.register;
        register.checked(&exposure.id, outcome.clone()).await?;
        Ok(Some(outcome))
    }

    /// The case that an exposure opened, where it opened one and raised the alarm, and was killed before that was written down
    /// with the exposure. A case without an alarm is none: the finding is taken in again, joins it and raises it.
    async fn its_case(
        &self,
        tenant: &TenantId,
        exposure: &Exposure,
        intake: &Intake,
    ) -> anyhow::Result<Option<IncidentId>> {
        let cases = &intake.office.cases;
        let actor = asset_actor(&exposure.asset).name();
        for case in cases.newest(CASES).await? {
            let open = case.state != IncidentState::Closed
                && case.tenant == *tenant
                && case.mark(TimelineMark::Alerted).is_some();
            if !open {
                continue;
            }
            let findings = cases.findings(&case).await?;
            let told = findings.iter().any(|finding| {
                finding.rule == RULE
                    && finding.actor.name() == actor
                    && finding.tags.contains(&exposure.vulnerability)
            });
            if told {
                return Ok(Some(case.id));
            }
        }
        Ok(None)
    }

    /// Ties exposures to their case and drafts what can be drafted.
    async fn opened(
        &self,
        incident: IncidentId,
        exposures: &[Exposure],
        intake: &Intake,
    ) -> anyhow::Result<()> {
        for exposure in exposures {
            self.known.register.opened(&exposure.id, incident).await?;
        }
        let office = &intake.office;
        let case = office.cases.get(incident).await?;
        let findings = office.cases.findings(&case).await?;
        match office
            .bench
            .propose(&case, &findings, "hudun", Timestamp::now())
            .await
        {
            Ok(_) => self
                .live
                .publish(Timestamp::now(), Happening::Repair { incident }),
            // Nothing is known of the hole: the advisory's own words have to do.
            Err(crate::bench::BenchError::NoAttack) => {}
            Err(error) => {
                tracing::error!(%error, %incident, "a hot patch for a known hole could not be drafted");
            }
        }
        Ok(())
    }

    fn finding(
        &self,
        tenant: TenantId,
        asset: &str,
        exposures: &[Exposure],
        triggered_at: Timestamp,
    ) -> Finding {
        let lines = exposures.first().map(story).unwrap_or_default();
        let [what, why, deed, _] = lines;
        let more = exposures.len().saturating_sub(1);
        let title = match more {
            0 => what,
            _ => Text::new(
                format!("{}（另有 {more} 个须立即处理）", what.zh),
                format!("{} ({more} more to be handled now)", what.en),
            ),
        };
        let module = exposures.iter().find_map(|one| self.known.module(one));
        let forensics = exposures.iter().any(|one| one.forensics);
        Finding {
            id: FindingId::new(),
            at: Timestamp::now(),
            triggered_at,
            tenant,
            rule: RULE.to_owned(),
            title,
            why: Text::new(
                format!("{}{}", why.zh, deed.zh),
                format!("{} {}", why.en, deed.en),
            ),
            level: if forensics {
                Level::Critical
            } else {
                Level::High
            },
            actor: asset_actor(asset),
            module: module.unwrap_or_else(other),
            evidence: Vec::new(),
            tags: exposures
                .iter()
                .take(20)
                .map(|one| one.vulnerability.clone())
                .collect(),
        }
    }

    fn tell(&self, snapshot: &Snapshot, refreshed: &Refreshed) {
        let named = |change: &Change| {
            let one = &change.exposure;
            json!({ "exposure": one.id, "asset": one.asset, "vulnerability": one.vulnerability, "component": one.component,
                "version": one.version, "what": one.what, "due": one.due_at, "moved": word(&change.moved) })
        };
        let changes = &refreshed.changes;
        let body = json!({
            "feeds": snapshot.revision, "changes": changes.len(), "left_out": refreshed.left_out,
            "named": changes.iter().take(NAMED).map(named).collect::<Vec<_>>(),
        });
        self.note("exposure.matched", body);
        self.live.publish(Timestamp::now(), Happening::Exposures);
    }

    fn note(&self, kind: &str, body: serde_json::Value) {
        self.note_by("hudun", kind, body);
    }

    fn note_by(&self, by: &str, kind: &str, body: serde_json::Value) {
        let draft = LedgerDraft {
            at: Timestamp::now(),
            tenant: None,
            incident: None,
            by: by.to_owned(),
            kind: kind.to_owned(),
            body,
        };
        if let Err(error) = self.recorder.record(draft) {
            tracing::error!(%error, kind, "the ledger did not take an entry");
        }
    }
}

/// Whether a check is owed: it is true of us, or over by its version, and none was done since.
fn unchecked(exposure: &Exposure) -> bool {
    match &exposure.state {
        State::Open => exposure.is_open() && exposure.check.is_none(),
        State::Unproven { at, .. } => {
            let checked = exposure.check.as_ref().map(|check| check.at);
            checked.is_none_or(|checked| checked.millis_since(*at) < 0)
        }
        State::Suppressed { .. } | State::Closed { .. } => false,
    }
}

/// Who stands for an asset in findings.
fn asset_actor(asset: &str) -> Actor {
    Actor::nobody(&format!("asset {asset}"))
}

/// What a check proves to be open needs somebody now even where its term is 14 days; what it proves to be shut does not.
fn is_grave(exposure: &Exposure) -> bool {
    match exposure.check.as_ref().and_then(|check| check.exposed) {
        Some(true) => exposure.what >= What::Days,
        Some(false) => false,
        None => exposure.what == What::ActNow,
    }
}

const fn word(moved: &Moved) -> &'static str {
    match moved {
        Moved::Appeared => "appeared",
        Moved::Returned => "returned",
        Moved::Doubted => "doubted",
        Moved::Graver(_) => "graver",
        Moved::Milder(_) => "milder",
        Moved::Suppressed => "suppressed",
        Moved::Unproven => "unproven",
        Moved::Closed => "closed",
    }
}

fn other() -> ModuleId {
    OTHER
        .parse()
        .unwrap_or_else(|_| unreachable!("a fixed name of letters"))
}
