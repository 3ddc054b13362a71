//! Intelligence in the running guard: feeds and assets are watched, what is true of us becomes an exposure, a grave one a
//! case with a drafted patch, and a check of the running product has the last word.

mod digest;
mod known;
mod watch;

use std::sync::Arc;

use anyhow::Context;
use hudun_console::Live;
use hudun_core::{Recorder, TenantId, Timestamp};
use hudun_intel::assets::Assets;
use hudun_intel::exposures::Register;
use hudun_intel::feeds::Feeds;
use hudun_intel::subscriptions::Subscriptions;
use hudun_profile::Profile;
use hudun_repair::Direct;
use hudun_store::Store;

pub use known::KnownHoles;
pub use watch::{Intel, Wake};

use digest::Digests;

use crate::config::Config;
use crate::office::Recent;

/// What is open before the stages are.
pub struct Opened {
    /// Known holes, and the register of exposures.
    pub known: Arc<KnownHoles>,
    feeds: Arc<Feeds>,
    assets: Assets,
    subscriptions: Subscriptions,
    digests: Digests,
}

/// Opens feeds, assets and register. Nothing is pulled yet.
///
/// # Errors
/// What in the configuration or on the disk can't be used.
pub async fn open(
    config: &Config,
    store: &Store,
    profile: &Arc<Profile>,
    direct: Arc<dyn Direct>,
    recent: Arc<dyn Recent>,
    now: Timestamp,
) -> anyhow::Result<Opened> {
    let assets = Assets::open(store, config.assets.clone(), now)
        .await
        .context("assets")?;
    let (folder, feeds) = (config.data.join("intel"), config.intel.clone());
    // It reads what is held from the disk.
    let feeds = tokio::task::spawn_blocking(move || Feeds::open(&folder, feeds))
        .await?
        .context("intel")?;
    let register = Arc::new(Register::open(store).await?);
    let upstream = &config.gateway.upstream;
    let known = KnownHoles::new(register, Arc::clone(profile), upstream, direct, recent)?;
    Ok(Opened {
        known: Arc::new(known),
        feeds,
        assets,
        subscriptions: Subscriptions::new(store),
        digests: Digests::new(store),
    })
}

impl Opened {
    /// The whole, once there is somebody to tell.
    pub fn with(self, tenant: TenantId, recorder: Arc<dyn Recorder>, live: Live) -> Intel {
        Intel {
            feeds: self.feeds,
            assets: self.assets,
            known: self.known,
            subscriptions: self.subscriptions,
            digests: self.digests,
            wake: Wake::default(),
            tenant,
            recorder,
            live,
        }
    }
}
