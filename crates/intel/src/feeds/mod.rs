//! Feeds: what sources publish, fetched or put there by hand, and kept.
//!
//! [`Feeds`] holds what each source last said in segments on the disk, takes a delivery only when it is whole, not much smaller
//! and not older than what is held, and gives out [`Snapshot`]s of all of it. A delivery that can't be taken changes nothing and
//! is told of by its [`FeedStatus`].
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use hudun_intel::feeds::{Feeds, FeedsConfig};
//! use tokio_util::sync::CancellationToken;
//!
//! let feeds = Feeds::open("data/intel".as_ref(), FeedsConfig::default())?;
//! let mut snapshots = feeds.snapshots();
//! let stop = CancellationToken::new();
//! tokio::spawn({
//!     let (feeds, stop) = (feeds.clone(), stop.clone());
//!     async move { feeds.run(stop).await }
//! });
//! while snapshots.changed().await.is_ok() {
//!     let now = snapshots.borrow_and_update().clone();
//!     println!("revision {}: {} records", now.revision, now.index.counts().records);
//! }
//! # Ok(())
//! # }
//! ```

mod bundle;
mod config;
mod disk;
mod drop;
mod error;
mod fetch;
mod ingest;
mod keeper;
mod paged;
mod pull;
mod shelf;
mod snapshot;
mod status;

pub use bundle::{
    BundleError, BundleKey, BundleSigner, BundledFeed, Loaded, Manifest, make_bundle, verify_bundle,
};
pub use config::{Api, FeedConfig, FeedsConfig, Mode};
pub use error::FeedsError;
pub use keeper::{Asked, Feeds, ask, read_status};
pub use pull::Pulled;
pub use shelf::Taken;
pub use snapshot::{Arrived, Snapshot};
pub use status::{FeedState, FeedStatus, HeldBack, Trouble};
