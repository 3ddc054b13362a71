//! Cases and findings, in lists and whole.

use std::collections::HashMap;

use hudun_console::{DeskError, api};
use hudun_core::{FindingId, Incident, IncidentId, IncidentState, Text, TimelineMark};

use super::error::{self, Got};
use super::run::waiting_steps;
use crate::office::Office;

impl Office {
    pub(super) async fn findings(&self, page: api::PageQuery) -> Got<api::FindingPage> {
        let limit = page.limit();
        let all = self
            .cases
            .newest_findings(LOOK_BACK)
            .await
            .map_err(error::case)?;
        let owners = self.owners().await?;
        let (items, next) = page_of(&all, &page, limit, |finding| finding.id.to_string())?;
        Ok(api::FindingPage {
            items: items
                .iter()
                .map(|finding| api::FindingView::of(finding, owners.get(&finding.id).copied()))
                .collect(),
            next,
        })
    }

    pub(super) async fn incidents(&self, page: api::PageQuery) -> Got<api::IncidentPage> {
        let limit = page.limit();
        let all = self.cases.newest(LOOK_BACK).await.map_err(error::case)?;
        let (items, next) = page_of(&all, &page, limit, |incident| incident.id.to_string())?;
        let mut views = Vec::with_capacity(items.len());
        for incident in items {
            views.push(self.summary(incident).await?);
        }
        Ok(api::IncidentPage { items: views, next })
    }

    /// What a list shows of a case.
    pub(super) async fn summary(&self, incident: &Incident) -> Got<api::IncidentSummary> {
        let open = incident.state != IncidentState::Closed;
        let (mut waiting, mut next_due) = (0, None);
        if open {
            if let Some(run) = self.run_of(incident).await? {
                waiting = waiting_steps(&run);
            }
            let clocks = self.clocks(incident).await?;
            next_due = clocks.iter().map(|clock| clock.due_at).min();
        }
        Ok(api::IncidentSummary {
            id: incident.id,
            tenant: incident.tenant.to_string(),
            title: incident.title.clone(),
            grade: incident.grade,
            state: incident.state,
            drill: incident.drill,
            opened_at: incident.opened_at,
            closed_at: incident.mark(TimelineMark::Closed),
            suspects: incident.suspects.iter().map(ToString::to_string).collect(),
            modules: incident.modules.iter().map(ToString::to_string).collect(),
            findings: u32::try_from(incident.findings.len()).unwrap_or(u32::MAX),
            waiting,
            next_due,
        })
    }

    /// Deadlines of a case that run: tasks that are open, and duties that apply.
    pub(super) async fn clocks(&self, incident: &Incident) -> Got<Vec<api::Clock>> {
        let tasks = self.cases.tasks(incident.id).await.map_err(error::case)?;
        let mut clocks: Vec<_> = tasks
            .iter()
            .filter(|task| !task.is_over())
            .map(|task| api::Clock {
                incident: incident.id,
                what: task.title.clone(),
                due_at: task.due_at,
            })
            .collect();
        if let Some(assessed) = self.assessment(incident.id).await? {
            clocks.extend(assessed.applying().filter_map(|duty| {
                let due_at = duty.deadline_at?;
                Some(api::Clock {
                    incident: incident.id,
                    what: Text::new(duty.title.zh.clone(), duty.title.en.clone()),
                    due_at: hudun_core::Timestamp::from_millis(due_at.as_millisecond()),
                })
            }));
        }
        clocks.sort_by_key(|clock| clock.due_at);
        Ok(clocks)
    }

    /// The case in the war-room.
    pub(super) async fn incident_view(
        &self,
        incident: &Incident,
        acknowledged_by: Option<String>,
    ) -> Got<api::IncidentView> {
        let mut evidence = self.cases.findings(incident).await.map_err(error::case)?;
        evidence.truncate(MOST_EVIDENCE);
        Ok(api::IncidentView {
            summary: self.summary(incident).await?,
            rows: incident.rows.iter().map(Into::into).collect(),
            marks: incident
                .marks
                .iter()
                .map(|&(mark, at)| api::MarkView { mark, at })
                .collect(),
            evidence: evidence
                .iter()
                .map(|finding| api::FindingView::of(finding, Some(incident.id)))
                .collect(),
            playbook: self.offer(incident),
            acknowledged_by,
        })
    }

    /// The case of each finding.
    pub(super) async fn owners(&self) -> Got<HashMap<FindingId, IncidentId>> {
        let cases = self.cases.newest(LOOK_BACK).await.map_err(error::case)?;
        Ok(cases
            .iter()
            .flat_map(|incident| {
                incident
                    .findings
                    .iter()
                    .map(move |&finding| (finding, incident.id))
            })
            .collect())
    }
}

/// One page of a list, newest first, and where the next one begins.
fn page_of<'a, T>(
    all: &'a [T],
    page: &api::PageQuery,
    limit: usize,
    id: impl Fn(&T) -> String,
) -> Got<(&'a [T], Option<String>)> {
    let first = match &page.before {
        None => 0,
        Some(before) => {
            let place = all.iter().position(|item| id(item) == *before);
            place.ok_or_else(|| DeskError::Invalid {
                field: "before",
                text: Text::new(
                    "列表中没有这一项，请从第一页重新开始。",
                    "The list holds no such item; begin at the first page again.",
                ),
            })? + 1
        }
    };
    let items = &all[first..all.len().min(first + limit)];
    let more = first + items.len() < all.len();
    let next = items.last().filter(|_| more).map(id);
    Ok((items, next))
}

/// How far back lists reach.
const LOOK_BACK: u32 = 2_000;
/// Findings of a case that are shown.
const MOST_EVIDENCE: usize = 100;
