//! "Was I affected?" — the public page for persons whose data a firm holds.
//!
//! A person proves control of an e-mail address by a code and sees exactly their own kinds of data, as the approved
//! notice says them, and what to do; a request for help from there becomes a care ticket with a clock. The page stands
//! apart from the SCRM, so that it answers while that one is closed, and from the console, so that the public never
//! shares a door with those who respond.
//!
//! It knows nothing itself. What it may ask stands in one narrow trait, [`Answers`]; until a code has been returned it
//! asks nothing about the address, so that known and unknown addresses meet the same answer in the same time. Challenges
//! and proofs live in memory, bounded and short; a restart forgets them and the person asks for a new code.
//!
//! Pages are HTML made here, without script, cookie or anything from elsewhere. The first of them can be hosted apart, with
//! a script that is not needed ([`hosted_files`]).
//!
//! ```
//! use hudun_affected::Address;
//!
//! let address = Address::parse(" Zhang.San@Example.CN ")?;
//! assert_eq!(address.as_str(), "Zhang.San@example.cn");
//! assert_eq!(address.masked(), "Z***@e***.cn");
//! assert!(Address::parse("a@b@c").is_err());
//! # Ok::<(), hudun_affected::AddressError>(())
//! ```

mod address;
mod answers;
mod challenge;
mod hosted;
mod language;
mod limits;
mod network;
mod pages;
mod server;

pub use address::{Address, AddressError};
pub use answers::{Affected, AnswerError, Answers, Help, Opened, Reading};
pub use hosted::{HostedFile, OriginError, hosted_files, origin};
pub use limits::Limits;
pub use network::TrustedProxies;
pub use server::{Counts, Page, Settings};
