//! The inline data plane: every request to the SCRM and every answer of it passes through here.
//!
//! The way of a request stands in one file, `layers.rs`, from top to bottom: framing → identify → policy → inspect →
//! forward → classify → account. What makes this gateway different from another proxy is the last two: an answer is
//! read as it passes, and in strict accounting (the default) the record of whose data is about to reach whom is
//! durable *before* the bytes that carry it are released, a small answer as one record, a long one group by group.
//!
//! The gateway knows no stage and no store. What it needs from outside comes as values and small traits:
//! [`Accounting`] (the journal), [`SessionStore`] (who is who, across a restart), [`TenantKeys`] (the keys under which
//! persons are named), a [`PolicyHandle`] that others swap, and a channel on which it tells what happens.
//!
//! ```no_run
//! # async fn run(parts: hudun_gateway::GatewayParts) -> Result<(), Box<dyn std::error::Error>> {
//! use hudun_gateway::Gateway;
//! use tokio_util::sync::CancellationToken;
//!
//! let gateway = Gateway::new(parts)?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let stop = CancellationToken::new();
//! gateway.serve(listener, None, stop).await;
//! # Ok(())
//! # }
//! ```

mod account;
mod answer;
mod audit;
mod body;
mod classify;
mod config;
mod decode;
mod exchange;
mod finish;
mod forward;
mod framing;
mod gateway;
mod identify;
mod inspect;
mod io;
mod layers;
mod metrics;
mod policy;
mod recent;
mod refuse;
mod request;
mod server;
mod session;
mod stops;
mod straight;
mod throttle;
mod tls;
mod upgrade;
mod upstream;
mod usual;
mod waf;

pub use account::{Accounting, AccountingError, JournalRecord};
pub use audit::AuditLog;
pub use config::{GatewayConfig, HttpLimits, Net, NetError};
pub use gateway::{Gateway, GatewayError, GatewayParts, Health, TenantKeys};
pub use inspect::{Injections, Inspector};
pub use metrics::{Counter, Gauge, Metrics, PatchCount};
pub use policy::PolicyHandle;
pub use recent::RecentTraffic;
pub use session::{ForgetSessions, Session, SessionStore};
pub use stops::{Stop, StopDay, Stops};
pub use straight::StraightAnswer;
pub use tls::{Tls, TlsFiles};
pub use usual::Usuals;
pub use waf::{LoadedRules, RuleException, Waf, WafLog, WafMode, WafSettings};
