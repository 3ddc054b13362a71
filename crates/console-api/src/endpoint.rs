//! Every endpoint as one typed constant: method, path, who may call it, what goes in and what comes out.

use std::marker::PhantomData;
use std::ops::Deref;

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::Role::{Admin, Auditor, Business, Commander, It, Legal, Pr, Security};
use crate::{
    Access, AccountList, AccountView, ApprovalList, CareView, ChangePassword, Code, Decision,
    DiffQuery, Done, Download, DrillStart, DrillView, EnrolSecret, ExceptionDraft,
    ExceptionPreview, ExposuresView, FindingPage, GateRelease, HandIn, IncidentPage,
    InspectionView, LetterDecision, LettersApprove, LiveEvent, Me, NewAccount, NewAsset,
    NewAwareness, NewException, NewStatement, NewSubscription, NoticeApprove, OneTimePassword,
    OpenLetters, Overview, PageQuery, ParameterRule, PolicyDiff, PolicyDocument, Preview, Reason,
    RevisionList, Role, RollBack, SetDisabled, SignIn, SignedIn, StartRun, StepDecision,
    TaskChange, UndoAnswer, WarRoom,
};

/// An endpoint that takes a `B` (body, or query for GET) and answers with an `R`.
pub struct Endpoint<B, R> {
    seen: Seen,
    types: PhantomData<fn(B) -> R>,
}

/// What can be said of an endpoint without its types.
#[derive(Clone, Copy)]
pub struct Seen {
    /// HTTP method.
    pub method: Method,
    /// Path with `{name}` for its parameters.
    pub path: &'static str,
    /// Name of the operation in the typed client.
    pub id: &'static str,
    /// The chapter of the document.
    pub tag: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Schema of what it takes.
    pub(crate) takes: Option<Described>,
    /// Schema of what it answers.
    pub(crate) gives: Described,
    /// The form of the answer.
    pub(crate) form: Form,
}

/// HTTP methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Changes something.
    Post,
}

/// How an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Stream,
    File,
}

/// A named schema and the way to the ones it refers to.
#[derive(Clone, Copy)]
pub(crate) struct Described {
    pub(crate) name: fn() -> std::borrow::Cow<'static, str>,
    pub(crate) schema: fn() -> RefOr<Schema>,
    pub(crate) nested: fn(&mut Vec<(String, RefOr<Schema>)>),
}

const fn describe<T: ToSchema>() -> Described {
    Described {
        name: T::name,
        schema: <T as PartialSchema>::schema,
        nested: T::schemas,
    }
}

impl<B, R: ToSchema> Endpoint<B, R> {
    const fn new(
        method: Method,
        id: &'static str,
        path: &'static str,
        access: Access,
        summary: &'static str,
        takes: Option<Described>,
    ) -> Self {
        let gives = describe::<R>();
        let seen = Seen {
            method,
            path,
            id,
            tag: "",
            summary,
            access,
            takes,
            gives,
            form: Form::Json,
        };
        Self {
            seen,
            types: PhantomData,
        }
    }

    const fn answering(mut self, form: Form) -> Self {
        self.seen.form = form;
        self
    }

    /// What can be said of it without its types.
    pub const fn seen(&self) -> Seen {
        self.seen
    }
}

impl<R: ToSchema> Endpoint<(), R> {
    const fn get(
        id: &'static str,
        path: &'static str,
        access: Access,
        summary: &'static str,
    ) -> Self {
        Self::new(Method::Get, id, path, access, summary, None)
    }

    const fn act(
        id: &'static str,
        path: &'static str,
        access: Access,
        summary: &'static str,
    ) -> Self {
        Self::new(Method::Post, id, path, access, summary, None)
    }
}

impl<B: ToSchema, R: ToSchema> Endpoint<B, R> {
    const fn query(
        id: &'static str,
        path: &'static str,
        access: Access,
        summary: &'static str,
    ) -> Self {
        Self::new(
            Method::Get,
            id,
            path,
            access,
            summary,
            Some(describe::<B>()),
        )
    }

    const fn post(
        id: &'static str,
        path: &'static str,
        access: Access,
        summary: &'static str,
    ) -> Self {
        Self::new(
            Method::Post,
            id,
            path,
            access,
            summary,
            Some(describe::<B>()),
        )
    }
}

impl<B, R> Deref for Endpoint<B, R> {
    type Target = Seen;

    fn deref(&self) -> &Seen {
        &self.seen
    }
}

impl Seen {
    /// Whether it takes a body, or a query for GET.
    pub const fn takes_something(&self) -> bool {
        self.takes.is_some()
    }

    /// The names of the path's parameters.
    pub fn path_params(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

macro_rules! endpoints {
    ($($tag:literal { $(#[doc = $doc:literal] $name:ident: $takes:ty => $gives:ty = $how:ident($id:literal, $path:literal, $access:expr) $(as $form:ident)?;)* })*) => {
        $($(
            #[doc = $doc]
            pub const $name: Endpoint<$takes, $gives> = {
                let mut endpoint = Endpoint::<$takes, $gives>::$how($id, $path, $access, $doc.trim_ascii());
                $(endpoint = endpoint.answering(Form::$form);)?
                endpoint.seen.tag = $tag;
                endpoint
            };
        )*)*

        /// Every endpoint.
        pub fn all() -> Vec<Seen> {
            vec![$($($name.seen()),*),*]
        }
    };
}

const ANY: Access = Access::SignedIn;
const TEAM: Access = Access::Roles(&[Commander, Security, It, Legal, Pr, Business]);
const LEAD: Access = Access::Roles(&[Commander, Security]);
const HANDS: Access = Access::Roles(&[Commander, Security, It]);
const NOTICE_APPROVERS: &[Role] = &[Commander, Legal];
const KEEPERS: Access = Access::Roles(&[Admin]);

endpoints! {
    "auth" {
        /// First step of a log-in: account and password.
        LOGIN: SignIn => SignedIn = post("login", "/api/auth/login", Access::Public);
        /// Second step of a log-in: the six digits of the authenticator.
        SECOND_STEP: Code => SignedIn = post("secondStep", "/api/auth/code", Access::Signing);
        /// A fresh secret for an authenticator that is to be set up. Shown once.
        ENROL: () => EnrolSecret = act("enrol", "/api/auth/enrol", Access::Signing);
        /// Confirms the authenticator with its first six digits.
        CONFIRM_ENROL: Code => SignedIn = post("confirmEnrol", "/api/auth/enrol/confirm", Access::Signing);
        /// Changes one's own password.
        CHANGE_PASSWORD: ChangePassword => SignedIn = post("changePassword", "/api/auth/password", Access::Signing);
        /// Ends the session.
        LOGOUT: () => Done = act("logout", "/api/auth/logout", Access::Signing);
        /// Who is signed in.
        ME: () => Me = get("me", "/api/auth/me", Access::Signing);
        /// The accounts of the console.
        ACCOUNTS: () => AccountList = get("accounts", "/api/accounts", KEEPERS);
        /// Opens an account; its one-time password is shown once.
        OPEN_ACCOUNT: NewAccount => OneTimePassword = post("openAccount", "/api/accounts", KEEPERS);
        /// Gives an account a new one-time password and takes its authenticator away.
        RESET_ACCOUNT: () => OneTimePassword = act("resetAccount", "/api/accounts/{account}/reset", KEEPERS);
        /// Shuts an account and ends its sessions, or reopens it.
        DISABLE_ACCOUNT: SetDisabled => AccountView = post("disableAccount", "/api/accounts/{account}/disabled", KEEPERS);
    }
    "overview" {
        /// Everything at one glance.
        OVERVIEW: () => Overview = get("overview", "/api/overview", ANY);
        /// What happens, as it happens: server-sent events, resumed by Last-Event-ID.
        EVENTS: () => LiveEvent = get("events", "/api/events", ANY) as Stream;
        /// Starts a drill: a real attack against the guarded SCRM of the demo.
        START_DRILL: DrillStart => DrillView = post("startDrill", "/api/drills", LEAD);
        /// Restarts the SCRM of the demo without its hole.
        RESTART_HARDENED: () => Done = act("restartHardened", "/api/demo/scrm/restart-hardened", HANDS);
    }
    "monitor" {
        /// Findings, newest first.
        FINDINGS: PageQuery => FindingPage = query("findings", "/api/findings", ANY);
        /// Published vulnerabilities that are true of what we run; feeds, assets and subscriptions.
        EXPOSURES: () => ExposuresView = get("exposures", "/api/exposures", ANY);
        /// Asks the running product, harmlessly, whether the hole is open.
        CHECK_EXPOSURE: () => Done = act("checkExposure", "/api/exposures/{exposure}/check", HANDS);
        /// States that an exposure does not reach us, until a day.
        STATE_EXPOSURE: NewStatement => Done = post("stateExposure", "/api/exposures/{exposure}/state", LEAD);
        /// Takes such a statement back.
        UNSTATE_EXPOSURE: Reason => Done = post("unstateExposure", "/api/exposures/{exposure}/unstate", LEAD);
        /// Enters an asset, or changes one that was entered.
        PUT_ASSET: NewAsset => Done = post("putAsset", "/api/assets", HANDS);
        /// Takes an asset out that was entered.
        REMOVE_ASSET: Reason => Done = post("removeAsset", "/api/assets/{asset}/remove", HANDS);
        /// Takes a delivery that was held back because it is much smaller than what is held.
        ACCEPT_FEED: Reason => Done = post("acceptFeed", "/api/feeds/{feed}/accept", LEAD);
        /// Wants to hear of a product, of words or of a kind of vulnerability.
        SUBSCRIBE: NewSubscription => Done = post("subscribe", "/api/subscriptions", TEAM);
        /// Ends a subscription.
        UNSUBSCRIBE: () => Done = act("unsubscribe", "/api/subscriptions/{subscription}/remove", TEAM);
        /// What the inspection stopped, by rule and parameter; its rules and exceptions.
        INSPECTION: () => InspectionView = get("inspection", "/api/inspection", ANY);
        /// What an exception would let pass: the last days' stops, and attacks of the proof.
        PREVIEW_EXCEPTION: ExceptionDraft => ExceptionPreview = post("previewException", "/api/inspection/exceptions/preview", LEAD);
        /// Lets a rule not count for one parameter of one route, from the next request on.
        ADD_EXCEPTION: NewException => Done = post("addException", "/api/inspection/exceptions", LEAD);
        /// Takes an exception back.
        REMOVE_EXCEPTION: Reason => Done = post("removeException", "/api/inspection/exceptions/{exception}/remove", LEAD);
        /// Decides what a parameter of a route looks like, or lets it be learned.
        RULE_PARAMETER: ParameterRule => Done = post("ruleParameter", "/api/inspection/parameters", LEAD);
        /// Goes back to the rule set before; once more comes forward again.
        ROLL_BACK_RULES: Reason => Done = post("rollBackRules", "/api/inspection/roll-back", LEAD);
    }
    "respond" {
        /// Cases, newest first.
        INCIDENTS: PageQuery => IncidentPage = query("incidents", "/api/incidents", ANY);
        /// The war-room: one case on one screen.
        ROOM: () => WarRoom = get("room", "/api/incidents/{incident}", ANY);
        /// Takes a case.
        ACKNOWLEDGE: () => Done = act("acknowledge", "/api/incidents/{incident}/acknowledge", LEAD);
        /// Starts the playbook offered, or another one.
        START_RUN: StartRun => Done = post("startRun", "/api/incidents/{incident}/run", LEAD);
        /// Approves or declines a step that waits; the step says who may.
        DECIDE_STEP: StepDecision => Done = post("decideStep", "/api/incidents/{incident}/steps/{step}/decide", TEAM);
        /// Takes, finishes, drops or annotates a task of one's department.
        CHANGE_TASK: TaskChange => Done = post("changeTask", "/api/tasks/{task}", TEAM);
        /// Opens the contact and the words of an affected person's request; only who has taken the task, each time on the ledger.
        OPEN_CARE: () => CareView = act("openCare", "/api/tasks/{task}/care", TEAM);
        /// Closes a case once everything is repaired and lifted.
        CLOSE: Reason => Done = post("close", "/api/incidents/{incident}/close", Access::Roles(&[Commander]));
    }
    "analyze" {
        /// Decides when the case became an incident; most legal clocks run from here. A later decision corrects an earlier one.
        DECIDE_AWARE: NewAwareness => Done = post("decideAware", "/api/incidents/{incident}/aware", Access::Roles(&[Commander, Legal]));
        /// Counsel releases a conflict gate; what it held back can go on.
        RELEASE_GATE: GateRelease => Done = post("releaseGate", "/api/incidents/{incident}/gates/{gate}/release", Access::Roles(&[Legal]));
        /// Counsel takes such a release back.
        REVOKE_GATE: Reason => Done = post("revokeGate", "/api/incidents/{incident}/gates/{gate}/revoke", Access::Roles(&[Legal]));
    }
    "contain" {
        /// Lifts a restriction, or asks a second person to, where two are needed.
        UNDO: Reason => UndoAnswer = post("undo", "/api/restrictions/{restriction}/undo", HANDS);
        /// Decisions that wait for a second person.
        APPROVALS: () => ApprovalList = get("approvals", "/api/approvals", ANY);
        /// Approves or declines what another person asked for.
        DECIDE_APPROVAL: Decision => Done = post("decideApproval", "/api/approvals/{approval}/decide", LEAD);
        /// The revisions of the policy, newest first.
        REVISIONS: () => RevisionList = get("revisions", "/api/policy/revisions", ANY);
        /// One revision of the policy, whole.
        REVISION: () => PolicyDocument = get("revision", "/api/policy/revisions/{revision}", ANY);
        /// What changed between two revisions.
        POLICY_DIFF: DiffQuery => PolicyDiff = query("policyDiff", "/api/policy/diff", ANY);
        /// Asks to go back to an earlier revision; a second person approves.
        ROLL_BACK: RollBack => UndoAnswer = post("rollBack", "/api/policy/roll-back", LEAD);
    }
    "repair" {
        /// Drafts a hot patch for the hole and proves it on the attack and on recent traffic.
        PROPOSE_PATCH: () => Done = act("proposePatch", "/api/incidents/{incident}/patches", LEAD);
        /// Puts a proven patch in force.
        ENFORCE_PATCH: () => Done = act("enforcePatch", "/api/incidents/{incident}/patches/{patch}/enforce", LEAD);
        /// Replays the attack straight at the SCRM.
        VERIFY_REPAIR: () => Done = act("verifyRepair", "/api/incidents/{incident}/repair/verify", HANDS);
    }
    "inform" {
        /// A notice as its reader will get it.
        PREVIEW: () => Preview = get("preview", "/api/incidents/{incident}/notices/{notice}/preview", ANY);
        /// Approves a notice in a role that it needs and that one holds; each role takes another person.
        APPROVE_NOTICE: NoticeApprove => Done = post("approveNotice", "/api/incidents/{incident}/notices/{notice}/approve", Access::Roles(NOTICE_APPROVERS));
        /// Sends an approved notice.
        SEND_NOTICE: () => Done = act("sendNotice", "/api/incidents/{incident}/notices/{notice}/send", Access::Roles(&[Commander, Legal, Pr]));
        /// Approves several letters to tenants in a role that one holds: all of them, or none when one can't be approved.
        APPROVE_LETTERS: LettersApprove => Done = post("approveLetters", "/api/incidents/{incident}/letters/approve", Access::Roles(NOTICE_APPROVERS));
        /// Sends the approved letters to tenants, each to its own contact; those without one are handed over by a person.
        SEND_LETTERS: () => Done = act("sendLetters", "/api/incidents/{incident}/letters/send", Access::Roles(&[Commander, Legal, Pr]));
        /// Stops what has not left yet.
        STOP_NOTICE: Reason => Done = post("stopNotice", "/api/incidents/{incident}/notices/{notice}/stop", Access::Roles(&[Commander, Legal, Pr]));
        /// Lets what was stopped go out after all; whoever was told is not told again.
        RESUME_NOTICE: Reason => Done = post("resumeNotice", "/api/incidents/{incident}/notices/{notice}/resume", Access::Roles(&[Commander, Legal, Pr]));
        /// Writes down that a person handed the notice in or published it, with the number of the receipt and a proof.
        HAND_IN: HandIn => Done = post("handIn", "/api/incidents/{incident}/notices/{notice}/hand-in", Access::Roles(&[Commander, Legal, Pr]));
        /// The notice as a file to hand in: `docx`, `pdf` or `json`. The export itself goes on the ledger.
        EXPORT_NOTICE: () => Download = act("exportNotice", "/api/incidents/{incident}/notices/{notice}/export/{form}", Access::Roles(&[Commander, Legal, Pr, Auditor])) as File;
        /// A proof of a hand-in. That it was opened goes on the ledger.
        OPEN_PROOF: () => Download = act("openProof", "/api/incidents/{incident}/notices/{notice}/proofs/{proof}", Access::Roles(&[Commander, Legal, Pr, Auditor])) as File;
        /// Letters of which nobody can tell whether the channel took them.
        OPEN_LETTERS: () => OpenLetters = get("openLetters", "/api/incidents/{incident}/notices/{notice}/letters", Access::Roles(&[Commander, Legal, Pr]));
        /// Decides on one of them, after a look into the mail server's log.
        DECIDE_LETTER: LetterDecision => Done = post("decideLetter", "/api/incidents/{incident}/notices/{notice}/letters", Access::Roles(&[Commander, Legal, Pr]));
    }
    "prevent" {
        /// The evidence of a case, to be checked offline with `hudun verify`. The export itself goes on the ledger.
        EXPORT_EVIDENCE: () => Download = act("exportEvidence", "/api/incidents/{incident}/evidence", Access::Roles(&[Commander, Security, Legal, Auditor])) as File;
    }
}
