//! The war-room: one case on one screen.

use hudun_console::api;
use hudun_core::{IncidentId, Timestamp};

use super::analysis::{duties_view, scope_view, severity_view, statutory_level};
use super::error::{self, Got};
use super::law::awareness_views;
use super::timeline::line;
use crate::office::Office;

impl Office {
    pub(super) async fn room(&self, id: IncidentId) -> Got<api::WarRoom> {
        let incident = self.cases.get(id).await.map_err(error::case)?;
        let lines = self
            .ledger
            .entries(id)
            .map_err(|cause| hudun_console::DeskError::Internal(cause.to_string()))?;
        let acknowledged_by = lines
            .iter()
            .find(|line| line.entry.kind == "incident.acknowledged")
            .map(|line| line.entry.actor.clone());
        let tasks = self.cases.tasks(id).await.map_err(error::case)?;
        let care = self.care.tasks(id).await.map_err(error::care)?;
        let run = self.run_of(&incident).await?;
        let scope = self.analyst.scope(id).await.map_err(error::analyze)?;
        let duties = self.analyst.duties(id).await.map_err(error::analyze)?;
        let awareness = self.analyst.awareness(id).await.map_err(error::analyze)?;
        let acts = self.analyst.gate_acts(id).await.map_err(error::analyze)?;
        let assessment = match &duties {
            Some(record) => Some(self.assessment_of(record)?),
            None => None,
        };
        let notices = match &self.informer {
            Some(informer) => informer.notices(id).await?,
            None => Vec::new(),
        };
        let retrospective = match &self.historian {
            Some(historian) => historian.retrospective(id).await?,
            None => None,
        };
        let standing = self.ledger.standing();
        let total = lines.len() as u64;
        let severity = assessment.as_ref().map(|assessment| &assessment.severity);
        Ok(api::WarRoom {
            at: Timestamp::now(),
            statutory: severity.map(statutory_level),
            tasks: tasks
                .iter()
                .map(|task| api::TaskView {
                    care: care.contains(&task.id),
                    ..task.into()
                })
                .collect(),
            run: run.as_ref().map(|run| self.run_view(run)),
            timeline: lines
                .iter()
                .skip(lines.len().saturating_sub(MOST_LINES))
                .map(line)
                .collect(),
            timeline_total: total,
            containment: self.register(&incident, &lines).await?,
            scope: scope.as_ref().map(scope_view),
            duties: duties
                .as_ref()
                .zip(assessment.as_ref())
                .map(|(record, assessment)| {
                    let rules = self.analyst.rules();
                    duties_view(record, assessment, rules, &awareness, &acts)
                }),
            awareness: awareness_views(&awareness),
            severity: severity.and_then(severity_view),
            patches: self.patch_views(&incident).await?,
            repair: self.repair_view(&incident).await?,
            notices,
            retrospective,
            evidence: api::EvidenceView {
                entries: total,
                tree_size: standing.size,
                root: standing.root,
                checkpoint_at: standing.sealed_at,
                verified: standing.sound,
            },
            incident: self.incident_view(&incident, acknowledged_by).await?,
        })
    }
}

/// Ledger entries that the timeline shows.
const MOST_LINES: usize = 500;
