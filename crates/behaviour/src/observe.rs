//! What the engine is told.

use std::net::IpAddr;

/// Something that an actor did.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Whose customers are concerned. States of two tenants never touch.
    pub tenant: &'a str,
    /// Who acts: the account, or the strongest other name.
    pub actor: &'a str,
    /// The actor's role; empty when it is not known.
    pub role: &'a str,
    /// When, milliseconds since 1970 UTC. What lies outside the years 1970 to 9999 counts as the nearest of them.
    pub at: i64,
    /// The client's address.
    pub network: Option<IpAddr>,
    /// The user agent.
    pub device: &'a str,
    /// A name of the session; 0 when there is none.
    pub session: u64,
    /// What.
    pub act: Act<'a>,
}

/// What an actor did.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// Tried to log in.
    Login(Login<'a>),
    /// Read or changed data.
    Access(Access<'a>),
}

/// A log-in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Login<'a> {
    /// Whether it was let in.
    pub success: bool,
    /// Round-trip time that the gateway measured on the connection, milliseconds.
    pub rtt_ms: Option<u32>,
    /// Region of the address, when a table is configured.
    pub region: Option<&'a str>,
}

/// Reading or changing data. Counts are of this answer (or of this part of a long answer).
#[derive(Clone, Copy, Debug, Default)]
pub struct Access<'a> {
    /// The part of the product.
    pub module: &'a str,
    /// Keyed tokens of the persons whose data is in the answer. At most 20,000 are read.
    pub subjects: &'a [[u8; 16]],
    /// Kinds of personal data, one bit each.
    pub kinds: u32,
    /// Records in the answer.
    pub rows: u64,
    /// Records that belong to a colleague.
    pub foreign_rows: u64,
    /// Whether data leaves as a file.
    pub export: bool,
    /// Whether it was a search.
    pub search: bool,
    /// Whether something was changed.
    pub write: bool,
    /// Whether a single object was asked for in vain (refused or not found).
    pub failed: bool,
}
