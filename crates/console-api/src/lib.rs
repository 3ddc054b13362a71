//! The contract of the console's HTTP API: what goes over the wire, and who may ask for it.
//!
//! It stands apart from the server because two builds need it: the server itself, and the build of the web app, whose
//! typed client is generated from [`openapi`]. Every [`Endpoint`] is one constant that carries method, path, required
//! [`Access`] and the types of its request and answer; the server mounts handlers on these constants and takes the
//! access from them, so the document, the check and the handler can't disagree.
//!
//! ```
//! use hudun_console_api::{Access, endpoint, openapi};
//!
//! assert_eq!(endpoint::LOGIN.path, "/api/auth/login");
//! assert!(matches!(endpoint::ROOM.access, Access::SignedIn));
//! assert!(openapi().to_json().is_ok());
//! ```

mod access;
mod analyze;
mod auth;
mod contain;
mod document;
pub mod endpoint;
mod event;
mod exposure;
mod inform;
mod inspection;
mod monitor;
mod overview;
mod policy;
mod prevent;
mod problem;
mod repair;
mod respond;
mod room;
pub mod schema;

pub use access::{Access, Caller, Role};
pub use analyze::{
    Applies, AwarenessView, CacThreshold, DutiesView, FieldState, GateActView, GateRelease,
    GateView, GateWord, KindRow, NewAwareness, ObligationView, ScopeView, SeverityTerm,
    SeverityView, SourceView,
};
pub use auth::{
    AccountList, AccountView, ChangePassword, Code, EnrolSecret, Me, NewAccount, NextStep,
    OneTimePassword, SetDisabled, SignIn, SignedIn,
};
pub use contain::{
    Approval, ApprovalKind, ApprovalList, ApprovalState, Decision, LiftState, Reason,
    RestrictionKind, RestrictionView, UndoAnswer,
};
pub use document::openapi;
pub use endpoint::{Endpoint, Method, Seen};
pub use event::{Happening, LiveEvent};
pub use exposure::{
    AssetView, ExposureView, ExposuresView, FeedView, HitView, KindName, NewAsset, NewStatement,
    NewSubscription, SubscriptionView,
};
pub use inform::{
    AnsweredDuty, Audience, HandIn, LetterCounts, LetterDecision, LetterTo, LettersApprove,
    LintRefusal, NoticeApproval, NoticeApprove, NoticeSection, NoticeState, NoticeView, OpenLetter,
    OpenLetters, Preview, ProofUpload, ProofView, ReadLetter,
};
pub use inspection::{
    ExceptionDraft, ExceptionPreview, ExceptionView, InspectionView, ModuleMode, NewException,
    ParameterRule, ParameterView, RulesInForce, StopGroup,
};
pub use monitor::{ActorView, FindingPage, FindingView, PageQuery};
pub use overview::{
    ActivityPoint, Clock, Counters, DemoView, Gauge, Health, LossCount, Overview, PartHealth,
};
pub use policy::{DiffQuery, PolicyDiff, PolicyDocument, RevisionList, RevisionSummary, RollBack};
pub use prevent::{ActionItem, AssessmentLine, MeasureView, PlaybookDiff, RetrospectiveView};
pub use problem::Problem;
pub use repair::{PatchProof, PatchView, ProofCount, RepairView, ReplayRow, Verdict};
pub use respond::{
    CareView, IncidentPage, IncidentSummary, IncidentView, MarkView, PlaybookOffer, RowView,
    RunState, RunView, StartRun, StepDecision, StepState, StepView, TaskChange, TaskMove, TaskView,
    Waiting,
};
pub use room::{
    Done, Download, DrillStart, DrillView, EvidenceView, StatutoryLevel, TimelineEntry, WarRoom,
};
