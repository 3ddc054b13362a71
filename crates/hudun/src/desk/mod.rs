//! The console's desk, on the stages: what is shown, and what a person commands.
//!
//! The console has judged roles and second persons before it asks; what is judged here is whether the case allows it.
//! Each command is on the ledger under the account of whoever gave it before it returns.

mod analysis;
mod approvals;
mod commands;
mod error;
mod evidence;
mod exposures;
mod incident;
mod inspection;
mod law;
mod overview;
mod register;
mod repair;
mod room;
mod run;
pub mod timeline;

use std::sync::Arc;

use hudun_console::{Answer, Desk, Intelligence, Law, api, api::Caller, api::Role};
use hudun_core::{IncidentId, NoticeId, PatchId, RestrictionId, StepId, TaskId};

use crate::office::Office;

/// The desk over an office.
#[derive(Clone)]
pub struct Desktop(pub Arc<Office>);

impl Desk for Desktop {
    fn overview(&self) -> Answer<'_, api::Overview> {
        Box::pin(self.0.overview())
    }

    fn findings(&self, page: api::PageQuery) -> Answer<'_, api::FindingPage> {
        Box::pin(self.0.findings(page))
    }

    fn exposures(&self) -> Answer<'_, api::ExposuresView> {
        Box::pin(self.0.exposures_view())
    }

    fn intelligence<'a>(&'a self, by: &'a Caller, act: Intelligence) -> Answer<'a, api::Done> {
        Box::pin(self.0.intelligence(by, act))
    }

    fn inspection(&self) -> Answer<'_, api::InspectionView> {
        Box::pin(self.0.inspection_view())
    }

    fn preview_exception(&self, draft: api::ExceptionDraft) -> Answer<'_, api::ExceptionPreview> {
        Box::pin(self.0.preview_exception(draft))
    }

    fn add_exception<'a>(
        &'a self,
        by: &'a Caller,
        wanted: api::NewException,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.add_exception(by, wanted))
    }

    fn remove_exception<'a>(
        &'a self,
        by: &'a Caller,
        id: String,
        reason: String,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.remove_exception(by, id, reason))
    }

    fn rule_parameter<'a>(
        &'a self,
        by: &'a Caller,
        rule: api::ParameterRule,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.rule_parameter(by, rule))
    }

    fn roll_back_rules<'a>(&'a self, by: &'a Caller, reason: String) -> Answer<'a, api::Done> {
        Box::pin(self.0.roll_back_rules(by, reason))
    }

    fn incidents(&self, page: api::PageQuery) -> Answer<'_, api::IncidentPage> {
        Box::pin(self.0.incidents(page))
    }

    fn room(&self, incident: IncidentId) -> Answer<'_, api::WarRoom> {
        Box::pin(self.0.room(incident))
    }

    fn acknowledge<'a>(&'a self, by: &'a Caller, incident: IncidentId) -> Answer<'a, api::Done> {
        Box::pin(self.0.acknowledge(by, incident))
    }

    fn start_run<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        start: api::StartRun,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.start_run(&by.account, incident, start))
    }

    fn waiting(&self, incident: IncidentId, step: StepId) -> Answer<'_, api::Waiting> {
        Box::pin(self.0.waiting(incident, step))
    }

    fn decide_step<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        step: StepId,
        decision: api::StepDecision,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.decide_step(by, incident, step, decision))
    }

    fn task(&self, task: TaskId) -> Answer<'_, api::TaskView> {
        Box::pin(self.0.task(task))
    }

    fn open_care<'a>(&'a self, by: &'a Caller, task: TaskId) -> Answer<'a, api::CareView> {
        Box::pin(self.0.open_care(by, task))
    }

    fn change_task<'a>(
        &'a self,
        by: &'a Caller,
        task: TaskId,
        change: api::TaskChange,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.change_task(by, task, change))
    }

    fn close<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        reason: String,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.close(by, incident, reason))
    }

    fn law<'a>(&'a self, by: &'a Caller, incident: IncidentId, act: Law) -> Answer<'a, api::Done> {
        Box::pin(self.0.law(by, incident, act))
    }

    fn undo<'a>(
        &'a self,
        by: &'a Caller,
        restriction: RestrictionId,
        reason: String,
    ) -> Answer<'a, api::UndoAnswer> {
        Box::pin(self.0.undo(by, restriction, reason))
    }

    fn approvals(&self) -> Answer<'_, Vec<api::Approval>> {
        Box::pin(self.0.approvals())
    }

    fn approval(&self, id: String) -> Answer<'_, api::Approval> {
        Box::pin(self.0.approval(id))
    }

    fn decide_approval<'a>(
        &'a self,
        by: &'a Caller,
        id: String,
        decision: api::Decision,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.decide_approval(by, id, decision))
    }

    fn revisions(&self) -> Answer<'_, api::RevisionList> {
        Box::pin(self.0.revisions())
    }

    fn revision(&self, revision: u64) -> Answer<'_, api::PolicyDocument> {
        Box::pin(self.0.revision(revision))
    }

    fn roll_back<'a>(&'a self, by: &'a Caller, to: api::RollBack) -> Answer<'a, api::UndoAnswer> {
        Box::pin(self.0.roll_back(by, to))
    }

    fn propose_patch<'a>(&'a self, by: &'a Caller, incident: IncidentId) -> Answer<'a, api::Done> {
        Box::pin(self.0.propose_patch(by, incident))
    }

    fn enforce_patch<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        patch: PatchId,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.enforce_patch(by, incident, patch))
    }

    fn verify_repair<'a>(&'a self, by: &'a Caller, incident: IncidentId) -> Answer<'a, api::Done> {
        Box::pin(self.0.verify_repair(by, incident))
    }

    fn notice(&self, incident: IncidentId, notice: NoticeId) -> Answer<'_, api::NoticeView> {
        Box::pin(self.0.notice(incident, notice))
    }

    fn preview(&self, incident: IncidentId, notice: NoticeId) -> Answer<'_, api::Preview> {
        Box::pin(self.0.preview(incident, notice))
    }

    fn approve_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        role: Role,
        sha256: String,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.approve_notice(by, incident, notice, role, sha256))
    }

    fn send_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.send_notice(by, incident, notice))
    }

    fn approve_letters<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        body: api::LettersApprove,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.approve_letters(by, incident, body))
    }

    fn send_letters<'a>(&'a self, by: &'a Caller, incident: IncidentId) -> Answer<'a, api::Done> {
        Box::pin(self.0.send_letters(by, incident))
    }

    fn stop_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        reason: String,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.stop_notice(by, incident, notice, reason))
    }

    fn resume_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        reason: String,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.resume_notice(by, incident, notice, reason))
    }

    fn hand_in<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        receipt: String,
        proof: Option<(String, Vec<u8>)>,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.hand_in(by, incident, notice, receipt, proof))
    }

    fn export_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        form: String,
    ) -> Answer<'a, api::Download> {
        Box::pin(self.0.export_notice(by, incident, notice, form))
    }

    fn open_proof<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        sha256: String,
    ) -> Answer<'a, api::Download> {
        Box::pin(self.0.open_proof(by, incident, notice, sha256))
    }

    fn open_letters(&self, incident: IncidentId, notice: NoticeId) -> Answer<'_, api::OpenLetters> {
        Box::pin(self.0.open_letters(incident, notice))
    }

    fn decide_letter<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        decision: api::LetterDecision,
    ) -> Answer<'a, api::Done> {
        Box::pin(self.0.decide_letter(by, incident, notice, decision))
    }

    fn export_evidence<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
    ) -> Answer<'a, api::Download> {
        Box::pin(self.0.export_evidence(by, incident))
    }

    fn start_drill<'a>(&'a self, by: &'a Caller, name: String) -> Answer<'a, api::DrillView> {
        Box::pin(self.0.start_drill(by, name))
    }

    fn restart_hardened<'a>(&'a self, by: &'a Caller) -> Answer<'a, api::Done> {
        Box::pin(self.0.restart_hardened(by))
    }
}
