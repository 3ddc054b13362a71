//! Intelligence in the running guard: feeds and assets are watched, what is true of us becomes an exposure, a grave one a
//! case with a drafted patch, and a check of the running product has the last word.

mod known;
mod watch;

use std::sync::Arc;

use anyhow::Context;
use hudun_console::Live;
use hudun_core::{Recorder, TenantId, Timestamp};
use hudun_intel::assets::Assets;
use hudun_intel::exposures::Register;
use hudun_intel::feeds::Feeds;
use hudun_profile::Profile;
use hudun_repair::Direct;
use hudun_store::Store;

pub use known::KnownHoles;
pub use watch::{Intel, Wake};

use crate::config::Config;

/// What is open before the stages are.
pub struct Opened {
    /// Known holes, and the register of exposures.
    pub known: Arc<KnownHoles>,
    feeds: Arc<Feeds>,
    assets: Assets,
}

/// Opens feeds, assets and register. Nothing is pulled yet.
///
/// # Errors
/// What in the configuration or on the disk can't be used.
pub async fn open(
    config: &Config,
    store: &Store,
    profile: &Profile,
    direct: Arc<dyn Direct>,
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
    let ca = config
        .gateway
        .upstream_ca
        .as_ref()
        .map(std::fs::read)
        .transpose()
        .context("gateway.upstream_ca")?;
    let upstream = &config.gateway.upstream;
    let known = KnownHoles::new(register, profile, upstream, ca.as_deref(), direct)?;
    Ok(Opened {
        known: Arc::new(known),
        feeds,
        assets,
    })
}

impl Opened {
    /// The whole, once there is somebody to tell.
    pub fn with(self, tenant: TenantId, recorder: Arc<dyn Recorder>, live: Live) -> Intel {
        Intel {
            feeds: self.feeds,
            assets: self.assets,
            known: self.known,
            wake: Wake::default(),
            tenant,
            recorder,
            live,
        }
    }
}
