//! One HTTP request with its response, as the gateway saw it.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Actor, DrillId, ExchangeId, ModuleId, PatchId, RestrictionId, RouteId, Sighting,
    SubjectToken, TenantId, Timestamp,
};

/// What is known of an exchange before the first byte of its response leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeHead {
    /// Its identifier.
    pub id: ExchangeId,
    /// When the request had been read.
    pub at: Timestamp,
    /// Whose customers are concerned.
    pub tenant: TenantId,
    /// Who asked.
    pub actor: Actor,
    /// The module that the request resolved to.
    pub module: ModuleId,
    /// The route of the profile.
    pub route: RouteId,
    /// HTTP method.
    pub method: String,
    /// The path without its query; identifiers of persons are replaced by `{name}` of the route's template.
    pub path: String,
    /// Whether the route is an export.
    pub export: bool,
    /// Whether the route is a log-in.
    pub login: bool,
    /// What inspection of the request noticed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<Signal>,
    /// Persons whom the request itself names, where the profile says so: those that a write changes. At most 2,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touched: Vec<SubjectToken>,
    /// Milliseconds to the client's end of the connection and back, measured at its TLS handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<u32>,
    /// The account of the staff that the request is about, where the profile says so: whose log-in it switches off, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<AccountId>,
    /// What became of a push to the person's second factor, where the profile says how to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Push>,
    /// The drill that this exchange belongs to. Only what a drill says about itself; detection never reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillId>,
}

/// What became of a push to a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Push {
    /// The person said yes.
    Accepted,
    /// The person said no.
    Declined,
    /// Nobody said anything in time.
    Unanswered,
}

/// A part of a response about to leave: the sightings in it are durable before its bytes are released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The exchange.
    pub exchange: ExchangeId,
    /// Which part, from 0.
    pub group: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// Bytes of the decoded body in this part.
    pub bytes: u64,
    /// Bytes of the part that sightings and known structure explain.
    pub explained: u64,
    /// Rows (records of the product) in this part.
    pub rows: u32,
    /// Rows that belong to another account than the one that asked, when the profile names the owner field.
    pub foreign_rows: u32,
    /// Whose data is in this part.
    pub sightings: Vec<Sighting>,
}

/// What became of the exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeEnd {
    /// The exchange.
    pub exchange: ExchangeId,
    /// When it ended.
    pub at: Timestamp,
    /// Status that the client received.
    pub status: u16,
    /// Whether the profile calls the answer a success (some products tell failures in a 200).
    pub success: bool,
    /// Whether the client has it.
    pub delivery: Delivery,
    /// Parts released.
    pub groups: u32,
    /// Bytes of the decoded request body.
    pub request_bytes: u64,
    /// Bytes of the decoded response body that were released.
    pub response_bytes: u64,
    /// Milliseconds from request read to the end of the response.
    pub millis: u64,
    /// Why Hudun itself refused, when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// Whether the client has the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// All of it was handed to the connection, which ended in order.
    Delivered,
    /// The connection broke; the last part released may not have arrived.
    Aborted,
    /// Nothing of the SCRM's answer left.
    Withheld,
}

/// Hudun refused the request or held its answer back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of restriction.
    pub cause: RefusalCause,
    /// The restriction of the policy, where one is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restriction: Option<RestrictionId>,
    /// The hot patch, where one is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<PatchId>,
    /// One sentence that a support person can read.
    pub reason: String,
}

/// Kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCause {
    /// The module is isolated.
    Isolation,
    /// Session, account, token or address is revoked.
    Revocation,
    /// An access rule of the profile or the policy forbids it.
    Access,
    /// A hot patch.
    Patch,
    /// A limit on size, rate, time or connections.
    Limit,
    /// The request breaks the protocol.
    Protocol,
    /// The SCRM could not be reached or broke off.
    Upstream,
    /// Accounting can't be made durable (disk full), and the module fails closed.
    Accounting,
    /// The rules of the inspection: the request is an attack.
    Inspection,
}

/// Something that inspection noticed about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// What it looks like.
    pub kind: SignalKind,
    /// The place: `query:search`, `json:/filter/name`.
    pub place: String,
    /// Fingerprint or rule id; never the value.
    pub mark: String,
}

/// What an input looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// SQL injection.
    Sqli,
    /// Cross-site scripting.
    Xss,
    /// Path traversal.
    Traversal,
    /// Another class of attack.
    Other,
}

/// An exchange as a whole, as the lake gives it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// What was known before the response.
    pub head: ExchangeHead,
    /// What was released.
    pub releases: Vec<Release>,
    /// What became of it; absent while in flight or after a crash.
    pub end: Option<ExchangeEnd>,
}

/// What the gateway tells the stages while it happens. Order within one exchange is head, releases, end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeEvent {
    /// The request has been read.
    Head(Box<ExchangeHead>),
    /// A part of the response is about to leave.
    Release(Release),
    /// The exchange is over.
    End(ExchangeEnd),
}
