//! The seam between the console and the rest: the console asks and commands, the binary answers with its stages.

use hudun_console_api as api;
use hudun_console_api::{Caller, Role};
use hudun_core::{BoxFuture, IncidentId, NoticeId, PatchId, RestrictionId, StepId, TaskId, Text};

/// What a question or a command comes to.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, DeskError>>;

/// What is done about exposures, assets, feeds and subscriptions.
#[derive(Clone, Debug)]
pub enum Intelligence {
    /// Asks the running product whether an exposure's hole is open.
    Check(String),
    /// States that an exposure does not reach us.
    State(String, api::NewStatement),
    /// Takes such a statement back, for a reason.
    Unstate(String, String),
    /// Enters an asset.
    PutAsset(api::NewAsset),
    /// Takes one out, for a reason.
    RemoveAsset(String, String),
    /// Takes what a feed held back, for a reason.
    AcceptFeed(String, String),
    /// Subscribes.
    Subscribe(api::NewSubscription),
    /// Ends a subscription.
    Unsubscribe(String),
}

/// What a person decides about a case's law.
#[derive(Clone, Debug)]
pub enum Law {
    /// When the case became an incident.
    Aware(api::NewAwareness),
    /// Counsel releases a conflict gate.
    Release(String, api::GateRelease),
    /// Counsel takes a release back, for a reason.
    Revoke(String, String),
}

/// Everything that the console shows and does.
///
/// Roles, the second person and the texts that people type are checked before a method is called; the desk checks
/// what only it knows (whether a restriction may be lifted yet, whether a patch is proven). Each command must be on the
/// ledger, under the caller's account, before it returns. Whatever changes is published to [`crate::Live`].
pub trait Desk: Send + Sync + 'static {
    /// Everything at one glance.
    fn overview(&self) -> Answer<'_, api::Overview>;

    /// Findings, newest first. A `before` that names no finding is [`DeskError::Invalid`].
    fn findings(&self, page: api::PageQuery) -> Answer<'_, api::FindingPage>;

    /// Exposures, feeds, assets and subscriptions.
    fn exposures(&self) -> Answer<'_, api::ExposuresView>;

    /// Does something about them; [`DeskError::NotFound`] when what is named is not there.
    fn intelligence<'a>(&'a self, by: &'a Caller, act: Intelligence) -> Answer<'a, api::Done>;

    /// What the inspection stopped; its rules and exceptions.
    fn inspection(&self) -> Answer<'_, api::InspectionView>;

    /// What an exception would let pass.
    fn preview_exception(&self, draft: api::ExceptionDraft) -> Answer<'_, api::ExceptionPreview>;

    /// Puts an exception in force.
    fn add_exception<'a>(
        &'a self,
        by: &'a Caller,
        wanted: api::NewException,
    ) -> Answer<'a, api::Done>;

    /// Takes an exception back; [`DeskError::NotFound`] when there is none of this name.
    fn remove_exception<'a>(
        &'a self,
        by: &'a Caller,
        id: String,
        reason: String,
    ) -> Answer<'a, api::Done>;

    /// Decides what a parameter looks like.
    fn rule_parameter<'a>(
        &'a self,
        by: &'a Caller,
        rule: api::ParameterRule,
    ) -> Answer<'a, api::Done>;

    /// Goes back to the rule set before.
    fn roll_back_rules<'a>(&'a self, by: &'a Caller, reason: String) -> Answer<'a, api::Done>;

    /// Cases, newest first.
    fn incidents(&self, page: api::PageQuery) -> Answer<'_, api::IncidentPage>;

    /// One case, whole.
    fn room(&self, incident: IncidentId) -> Answer<'_, api::WarRoom>;

    /// Takes a case.
    fn acknowledge<'a>(&'a self, by: &'a Caller, incident: IncidentId) -> Answer<'a, api::Done>;

    /// Starts a playbook.
    fn start_run<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        start: api::StartRun,
    ) -> Answer<'a, api::Done>;

    /// What a step waits for; [`DeskError::NotFound`] when it does not wait.
    fn waiting(&self, incident: IncidentId, step: StepId) -> Answer<'_, api::Waiting>;

    /// Approves or declines a step that waits.
    fn decide_step<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        step: StepId,
        decision: api::StepDecision,
    ) -> Answer<'a, api::Done>;

    /// A task.
    fn task(&self, task: TaskId) -> Answer<'_, api::TaskView>;

    /// Takes, finishes, drops or annotates a task.
    fn change_task<'a>(
        &'a self,
        by: &'a Caller,
        task: TaskId,
        change: api::TaskChange,
    ) -> Answer<'a, api::Done>;

    /// Opens what lies sealed beside a care task; [`DeskError::NotFound`] when it is none.
    fn open_care<'a>(&'a self, by: &'a Caller, task: TaskId) -> Answer<'a, api::CareView>;

    /// Closes a case; [`DeskError::Conflict`] says what is still open.
    fn close<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        reason: String,
    ) -> Answer<'a, api::Done>;

    /// Decides about a case's law; everything that follows from it is computed before it returns.
    /// [`DeskError::Invalid`] names the field that can't be.
    fn law<'a>(&'a self, by: &'a Caller, incident: IncidentId, act: Law) -> Answer<'a, api::Done>;

    /// Lifts a restriction, or opens an approval where two persons are needed.
    fn undo<'a>(
        &'a self,
        by: &'a Caller,
        restriction: RestrictionId,
        reason: String,
    ) -> Answer<'a, api::UndoAnswer>;

    /// Approvals that wait, oldest first.
    fn approvals(&self) -> Answer<'_, Vec<api::Approval>>;

    /// One approval.
    fn approval(&self, id: String) -> Answer<'_, api::Approval>;

    /// Carries out or declines what another person asked for. A second decision is [`DeskError::Conflict`].
    fn decide_approval<'a>(
        &'a self,
        by: &'a Caller,
        id: String,
        decision: api::Decision,
    ) -> Answer<'a, api::Done>;

    /// The latest revisions of the policy, newest first, at most 200.
    fn revisions(&self) -> Answer<'_, api::RevisionList>;

    /// One revision, whole. The console makes the diff of two.
    fn revision(&self, revision: u64) -> Answer<'_, api::PolicyDocument>;

    /// Opens an approval for going back to an earlier revision.
    fn roll_back<'a>(&'a self, by: &'a Caller, to: api::RollBack) -> Answer<'a, api::UndoAnswer>;

    /// Drafts a hot patch and proves it.
    fn propose_patch<'a>(&'a self, by: &'a Caller, incident: IncidentId) -> Answer<'a, api::Done>;

    /// Puts a proven patch in force.
    fn enforce_patch<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        patch: PatchId,
    ) -> Answer<'a, api::Done>;

    /// Replays the attack straight at the SCRM.
    fn verify_repair<'a>(&'a self, by: &'a Caller, incident: IncidentId) -> Answer<'a, api::Done>;

    /// A notice.
    fn notice(&self, incident: IncidentId, notice: NoticeId) -> Answer<'_, api::NoticeView>;

    /// A notice as its reader will get it.
    fn preview(&self, incident: IncidentId, notice: NoticeId) -> Answer<'_, api::Preview>;

    /// Takes one role's approval of the text with this SHA-256; [`DeskError::Conflict`] when the text has changed.
    fn approve_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        role: Role,
        sha256: String,
    ) -> Answer<'a, api::Done>;

    /// Sends an approved notice.
    fn send_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
    ) -> Answer<'a, api::Done>;

    /// Takes one role's approval of the letters to tenants with these SHA-256: of all or of none.
    fn approve_letters<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        body: api::LettersApprove,
    ) -> Answer<'a, api::Done>;

    /// Sends the approved letters to tenants.
    fn send_letters<'a>(&'a self, by: &'a Caller, incident: IncidentId) -> Answer<'a, api::Done>;

    /// Stops what has not left yet of a notice.
    fn stop_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        reason: String,
    ) -> Answer<'a, api::Done>;

    /// Lets what was stopped of a notice go out after all.
    fn resume_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        reason: String,
    ) -> Answer<'a, api::Done>;

    /// Writes down that a person handed a notice in; `proof` is a file's name and bytes.
    fn hand_in<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        receipt: String,
        proof: Option<(String, Vec<u8>)>,
    ) -> Answer<'a, api::Done>;

    /// A notice as a file, in this form.
    fn export_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        form: String,
    ) -> Answer<'a, api::Download>;

    /// A proof of a hand-in, by the SHA-256 of its bytes.
    fn open_proof<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        sha256: String,
    ) -> Answer<'a, api::Download>;

    /// Letters of which nobody can tell whether the mail server took them.
    fn open_letters(&self, incident: IncidentId, notice: NoticeId) -> Answer<'_, api::OpenLetters>;

    /// Decides on one of them; [`DeskError::Conflict`] when it is not open.
    fn decide_letter<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        decision: api::LetterDecision,
    ) -> Answer<'a, api::Done>;

    /// The evidence pack of a case.
    fn export_evidence<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
    ) -> Answer<'a, api::Download>;

    /// Starts a drill.
    fn start_drill<'a>(&'a self, by: &'a Caller, name: String) -> Answer<'a, api::DrillView>;

    /// Restarts the SCRM of the demo without its hole; [`DeskError::Refused`] outside the demo.
    fn restart_hardened<'a>(&'a self, by: &'a Caller) -> Answer<'a, api::Done>;
}

/// Why the desk does not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It does not fit the present state; the text says which state and what to do first.
    #[error("{}", .0.en)]
    Conflict(Text),
    /// It is not allowed at all here.
    #[error("{}", .0.en)]
    Refused(Text),
    /// The request is wrong in this field.
    #[error("{field}: {}", .text.en)]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        text: Text,
    },
    /// A part is away; the text says which and what to do.
    #[error("{}", .0.en)]
    Unavailable(Text),
    /// Something broke. The cause goes to the log, not to the viewer.
    #[error("{0}")]
    Internal(String),
}
