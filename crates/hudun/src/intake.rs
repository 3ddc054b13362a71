//! Findings become cases, cases become alerts, and where that is wanted the playbook starts.

use std::sync::Arc;

use hudun_console::api::{self, Happening};
use hudun_core::{
    Finding, Grade, Incident, IncidentId, LedgerDraft, Level, Recorder, TimelineMark, Timestamp,
};
use hudun_respond::Intake as Taken;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::office::Office;

/// Takes findings in.
pub struct Intake {
    /// Where the case goes.
    pub office: Arc<Office>,
    /// Who is woken.
    pub sender: Arc<hudun_inform::Informer>,
    /// Whether the playbook starts by itself when a case is or becomes grave.
    pub auto: bool,
}

impl Intake {
    /// Works until the queue ends or `stop` is cancelled.
    pub async fn run(
        self: Arc<Self>,
        mut findings: mpsc::Receiver<Finding>,
        stop: CancellationToken,
    ) {
        loop {
            let finding = tokio::select! {
                () = stop.cancelled() => return,
                finding = findings.recv() => finding,
            };
            let Some(finding) = finding else { return };
            if let Err(error) = self.take(finding).await {
                tracing::error!(%error, "a finding could not be taken in");
            }
        }
    }

    /// Takes one in; tells which case it belongs to, when it has one.
    ///
    /// # Errors
    /// State or ledger fail.
    pub async fn take(&self, finding: Finding) -> anyhow::Result<Option<IncidentId>> {
        let office = &self.office;
        let now = Timestamp::now();
        office.activity.note_finding(now);
        office.live.publish(
            now,
            Happening::Finding {
                finding: Box::new(api::FindingView::of(&finding, None)),
            },
        );
        let drill = office.demo.is_some();
        let taken = office
            .cases
            .take_in(finding.clone(), office.playbooks.fitting(&finding), drill)
            .await?;
        match taken {
            Taken::Noted => Ok(None),
            Taken::Joined { incident, graver } => {
                self.tell(&incident);
                // What newly holds of an asset, or is newly tried, wakes somebody even where its case is as grave as can be.
                let news = finding.rule.starts_with("intel.");
                if news || (graver && incident.grade == Grade::High) {
                    self.alert(&incident, &finding).await?;
                    if self.auto && incident.run.is_none() {
                        self.start_playbook(&incident).await?;
                    }
                }
                Ok(Some(incident.id))
            }
            Taken::Opened(incident) => {
                self.tell(&incident);
                if finding.level >= Level::High {
                    self.alert(&incident, &finding).await?;
                }
                if self.auto && incident.grade == Grade::High {
                    self.start_playbook(&incident).await?;
                }
                Ok(Some(incident.id))
            }
        }
    }

    fn tell(&self, incident: &Incident) {
        let what = Happening::Incident {
            incident: incident.id,
            state: incident.state,
            grade: incident.grade,
        };
        self.office.live.publish(Timestamp::now(), what);
    }

    /// One alert to the security lead: on the desktop page at once, by mail and webhook through the outbox.
    async fn alert(&self, incident: &Incident, finding: &Finding) -> anyhow::Result<()> {
        let now = Timestamp::now();
        self.office.live.publish(
            now,
            Happening::Alert {
                incident: Some(incident.id),
                title: finding.title.clone(),
                level: finding.level,
                triggered_at: finding.triggered_at,
            },
        );
        let letters = self.sender.alert(incident, finding).await?;
        self.office.ledger.record(LedgerDraft {
            at: now,
            tenant: Some(incident.tenant.clone()),
            incident: Some(incident.id),
            by: "hudun".to_owned(),
            kind: "incident.alerted".to_owned(),
            body: json!({ "finding": finding.id, "letters": letters, "after_ms": now.millis_since(finding.triggered_at) }),
        })?;
        self.office
            .cases
            .mark(incident.id, TimelineMark::Alerted, now)
            .await?;
        Ok(())
    }

    async fn start_playbook(&self, incident: &Incident) -> anyhow::Result<()> {
        let started = self
            .office
            .start_run("hudun", incident.id, api::StartRun::default())
            .await;
        if let Err(error) = started {
            tracing::error!(%error, incident = %incident.id, "the playbook could not start by itself");
        }
        Ok(())
    }
}
