//! What the tests of this stage share: a case with its record, and a mail server and a gateway of text messages on
//! real sockets.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic
)]

mod case;
mod gateway;
mod mail;

pub use case::{
    Book, Ledger, NOW, approve, assessed, at, digest, full, incident, informer, pick, token,
};
pub use gateway::{Behaviour, Gateway, forms};
pub use mail::{mail, mail_server};
