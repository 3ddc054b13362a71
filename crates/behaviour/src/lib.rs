//! Scores what an actor of an SCRM does against what is usual for the person and for the role.
//!
//! Two scores, both log-odds of harm and both a plain **sum of named parts**: log-in risk (the likelihood ratio of
//! Freeman and others, NDSS 2016, feature by feature) and operation risk (Gamma-Poisson counts, medians and MAD,
//! novelty, each drawn towards the peer group while little is known of the person). Every part says its numbers in
//! Chinese and in English. The engine counts **persons, not requests**, learns only from days and log-ins that were not
//! odd, and holds at most [`Engine::BYTES_PER_ACTOR`] for each actor.
//!
//! It has no clock, no threads and no I/O but what is passed in.
//!
//! ```
//! use hudun_behaviour::{Access, Act, Band, Engine, Observation, Settings};
//!
//! let mut engine = Engine::new(Settings::default(), vec!["sales".into()])?;
//! let mut worst = Band::Low;
//! for n in 0..300_u32 {
//!     let mut customer = [0; 16];
//!     customer[..4].copy_from_slice(&n.to_be_bytes());
//!     let score = engine.observe(&Observation {
//!         tenant: "yunxi",
//!         actor: "mei",
//!         role: "sales",
//!         at: 1_795_795_200_000 + i64::from(n) * 500,
//!         network: None,
//!         device: "",
//!         session: 0,
//!         act: Act::Access(Access { module: "customers", subjects: &[customer], rows: 1, foreign_rows: 1, ..Access::default() }),
//!     });
//!     worst = worst.max(score.band);
//! }
//! assert_eq!(worst, Band::High);
//! # Ok::<(), hudun_behaviour::SettingsError>(())
//! ```

mod actor;
mod clock;
mod engine;
mod facts;
mod login;
mod observe;
mod operation;
mod peers;
mod score;
mod settings;
mod sketch;
mod snapshot;
mod stats;

pub use engine::{Engine, Stats};
pub use observe::{Access, Act, Login, Observation};
pub use score::{Band, Degraded, Part, Score, ScoreKind, Sentence};
pub use settings::{Allowance, Settings, SettingsError};
pub use snapshot::{Saving, SnapshotError};
