//! The gateway as a whole: what it is given, what it offers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use bytes::Bytes;
use http::Uri;
use hudun_core::{ExchangeEvent, LossReason, TenantId, Timestamp};
use hudun_pii::{FieldMap, FieldMapError, Keyer};
use hudun_policy::ResponseFacts;
use hudun_profile::{Profile, ProfileError, RequestView, Resolver};
use tokio::sync::{Semaphore, mpsc};

use crate::classify::{Classifier, Reading, field_map, format_of};
use crate::inspect::{Injections, Inspector};
use crate::session::Sessions;
use crate::throttle::Throttles;
use crate::upstream::{self, UpstreamClient};
use crate::waf::Waf;
use crate::{Accounting, GatewayConfig, Metrics, PolicyHandle, RecentTraffic, SessionStore};

/// Calls of the SCRM's `me` end point at once.
const MOST_ME_CALLS: usize = 32;

/// The keys under which persons are named.
pub trait TenantKeys: Send + Sync {
    /// The keyer of a tenant.
    fn keyer(&self, tenant: &TenantId) -> Keyer;
}

impl<F: Fn(&TenantId) -> Keyer + Send + Sync> TenantKeys for F {
    fn keyer(&self, tenant: &TenantId) -> Keyer {
        self(tenant)
    }
}

/// What a gateway is made of.
pub struct GatewayParts {
    /// Addresses and bounds.
    pub config: GatewayConfig,
    /// What is known of the SCRM.
    pub profile: Arc<Profile>,
    /// The policy in force.
    pub policy: PolicyHandle,
    /// The journal.
    pub accounting: Arc<dyn Accounting>,
    /// Where sessions outlive a restart.
    pub sessions: Arc<dyn SessionStore>,
    /// The keys under which persons are named.
    pub keys: Arc<dyn TenantKeys>,
    /// Who listens to what happens; a full queue loses events, and the loss is counted.
    pub events: mpsc::Sender<ExchangeEvent>,
    /// The ring of recent traffic that patches are proven on.
    pub recent: RecentTraffic,
    /// Inspectors beside the built-in one.
    pub inspectors: Vec<Arc<dyn Inspector>>,
}

/// The inline data plane.
pub struct Gateway {
    pub(crate) config: GatewayConfig,
    pub(crate) profile: Arc<Profile>,
    pub(crate) resolver: Resolver,
    pub(crate) policy: PolicyHandle,
    pub(crate) accounting: Arc<dyn Accounting>,
    pub(crate) sessions: Sessions,
    pub(crate) keys: Arc<dyn TenantKeys>,
    pub(crate) recent: RecentTraffic,
    pub(crate) inspectors: Vec<Arc<dyn Inspector>>,
    pub(crate) waf: Option<Arc<Waf>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) throttles: Throttles,
    pub(crate) client: UpstreamClient,
    pub(crate) me_calls: Semaphore,
    /// The field map of each route, in the order of the profile.
    pub(crate) maps: Vec<Arc<FieldMap>>,
    pub(crate) no_map: Arc<FieldMap>,
    pub(crate) primary: Primary,
    events: mpsc::Sender<ExchangeEvent>,
}

/// Whether the SCRM can be reached.
#[derive(Debug, Default)]
pub(crate) struct Primary {
    failures: AtomicU32,
    down_until: AtomicI64,
}

/// How the gateway is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The SCRM took the last connections.
    pub upstream: bool,
    /// Revision of the policy in force.
    pub policy: u64,
}

impl Gateway {
    /// Puts a gateway together; it serves nothing yet.
    ///
    /// # Errors
    /// [`GatewayError`] naming what can't be used.
    pub fn new(parts: GatewayParts) -> Result<Arc<Self>, GatewayError> {
        Self::with_rules(parts, None)
    }

    /// The same with rules that inspect every request.
    ///
    /// # Errors
    /// [`GatewayError`] naming what can't be used.
    pub fn with_rules(
        parts: GatewayParts,
        waf: Option<Arc<Waf>>,
    ) -> Result<Arc<Self>, GatewayError> {
        let resolver = Resolver::new(&parts.profile)?;
        let client = upstream::client(&parts.config)?;
        let maps = parts
            .profile
            .routes
            .iter()
            .map(|route| match parts.profile.fields_of(route) {
                Some(fields) => field_map(fields).map(Arc::new),
                None => Ok(Arc::new(FieldMap::empty())),
            })
            .collect::<Result<_, _>>()?;
        let mut inspectors: Vec<Arc<dyn Inspector>> = vec![Arc::new(Injections)];
        inspectors.extend(parts.inspectors);
        Ok(Arc::new(Self {
            sessions: Sessions::new(&parts.config.key, parts.sessions),
            config: parts.config,
            profile: parts.profile,
            resolver,
            policy: parts.policy,
            accounting: parts.accounting,
            keys: parts.keys,
            recent: parts.recent,
            inspectors,
            waf,
            metrics: Arc::default(),
            throttles: Throttles::default(),
            client,
            me_calls: Semaphore::new(MOST_ME_CALLS),
            maps,
            no_map: Arc::new(FieldMap::empty()),
            primary: Primary::default(),
            events: parts.events,
        }))
    }

    /// What it counts about itself.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The inspection by rules.
    pub const fn waf(&self) -> Option<&Arc<Waf>> {
        self.waf.as_ref()
    }

    /// The policy in force.
    pub const fn policy(&self) -> &PolicyHandle {
        &self.policy
    }

    /// The last minutes of traffic.
    pub const fn recent(&self) -> &RecentTraffic {
        &self.recent
    }

    /// What an answer of the SCRM would show, read as if it had passed through: for proofs that go past the gateway.
    pub fn read_answer(
        &self,
        view: &RequestView,
        content_type: Option<&str>,
        body: &[u8],
        account: &str,
    ) -> ResponseFacts {
        let Ok(resolution) = self.resolver.resolve(view) else {
            return ResponseFacts::default();
        };
        let route = resolution.primary().at;
        let declared = route
            .and_then(|at| self.profile.routes.get(at))
            .map(|route| route.response.format);
        let map = route
            .and_then(|at| self.maps.get(at))
            .unwrap_or(&self.no_map);
        let reading = Reading {
            format: format_of(declared.unwrap_or_default(), content_type),
            map: Arc::clone(map),
            keyer: self.keys.keyer(&self.config.tenant),
            account: Some(account.to_owned()),
        };
        let mut classifier = Classifier::new(&reading, false);
        let mut part = classifier.feed(&Bytes::copy_from_slice(body));
        part.join(classifier.finish());
        part.facts()
    }

    /// How it is.
    pub fn health(&self) -> Health {
        Health {
            upstream: !self.primary.is_down(Timestamp::now()),
            policy: self.policy.load().revision(),
        }
    }

    /// Tells the stages what happens. A stage that does not keep up loses events, and the loss is counted.
    pub(crate) fn emit(&self, event: ExchangeEvent) {
        if self.events.try_send(event).is_err() {
            self.metrics.lose(LossReason::QueueFull, 1);
        }
    }
}

impl Primary {
    pub(crate) fn is_down(&self, now: Timestamp) -> bool {
        now.as_millis() < self.down_until.load(Ordering::Relaxed)
    }

    pub(crate) fn reached(&self) {
        self.failures.store(0, Ordering::Relaxed);
        self.down_until.store(0, Ordering::Relaxed);
    }

    /// After three failures in a row the SCRM counts as down for two seconds.
    pub(crate) fn failed(&self, now: Timestamp) {
        if self.failures.fetch_add(1, Ordering::Relaxed) >= 2 {
            self.down_until
                .store(now.plus_millis(2_000).as_millis(), Ordering::Relaxed);
        }
    }
}

/// A gateway that can't be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The profile can't be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A field map of the profile can't be used.
    #[error("the profile's field maps: {0}")]
    Fields(#[from] FieldMapError),
    /// The upstream can't be used.
    #[error("upstream {uri}: {problem}")]
    Upstream {
        /// The address.
        uri: Uri,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A certificate or key can't be used.
    #[error("{}: {problem}", file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}
