//! What detection knows of the place it watches: what the profile says of routes and modules, and what the configuration
//! says of canary customers, apps and the roles whose work a module is.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use hudun_core::{ExchangeHead, ModuleId, RouteId, SubjectToken, TenantId};
use serde::{Deserialize, Serialize};

/// The word for an account that is switched off or removed.
const ACCOUNT_DISABLE: &str = "account-disable";

/// What is known of the place.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Routes of which the profile says something.
    pub routes: HashMap<RouteId, SiteRoute>,
    /// Roles whose work a module is; every role's when it isn't here.
    pub work_of: HashMap<ModuleId, Vec<String>>,
    /// Customers that are nobody's work.
    pub canaries: HashSet<(TenantId, SubjectToken)>,
    /// Third-party apps: account, or the keyed name of a token, and the app's name.
    pub apps: HashMap<String, String>,
    /// Where addresses are, when a database says so.
    pub regions: Option<Regions>,
    /// Staff who leave: account, and the end of the last day in Unix milliseconds.
    pub last_days: HashMap<String, i64>,
}

/// Says where an address is; `None` for an address that nobody placed.
#[derive(Clone)]
pub struct Regions(Arc<dyn Fn(IpAddr) -> Option<Place> + Send + Sync>);

/// Where an address is, as far as the database knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// Country and first subdivision, such as `CN-ZJ`.
    pub region: Option<String>,
    /// Coordinates.
    pub point: Option<Point>,
}

/// A point on the earth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Kilometres by which it may be wrong.
    pub radius_km: f64,
}

impl Regions {
    /// Regions by this look-up, which must be quick: it is asked at each log-in, and whenever an account comes from another
    /// network.
    pub fn new(look_up: impl Fn(IpAddr) -> Option<Place> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    /// The place of an address.
    pub fn place(&self, ip: IpAddr) -> Option<Place> {
        (self.0)(ip)
    }

    /// The region of an address.
    pub fn of(&self, ip: IpAddr) -> Option<String> {
        self.place(ip)?.region
    }
}

impl std::fmt::Debug for Regions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Regions")
    }
}

/// What the profile says of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteRoute {
    /// Its word in rules, when it is not the last part of its name.
    pub operation: Option<String>,
    /// Whether it resets a password.
    pub reset: bool,
    /// Whether it changes something; by its method when absent.
    pub write: Option<bool>,
}

impl Site {
    /// The word of rules for what a request does: `customer.assign` is `assign` unless the profile has another word.
    pub(crate) fn operation<'a>(&'a self, head: &'a ExchangeHead) -> &'a str {
        let said = self.routes.get(&head.route);
        if let Some(said) = said.and_then(|route| route.operation.as_deref()) {
            return said;
        }
        if said.is_some_and(|route| route.reset) {
            return "password-reset";
        }
        let route = head.route.as_str();
        route.rsplit_once('.').map_or(route, |(_, last)| last)
    }

    /// Whether the request changes an account of the staff: its password, or whether it may log in.
    pub(crate) fn changes_account(&self, head: &ExchangeHead) -> bool {
        self.routes
            .get(&head.route)
            .is_some_and(|route| route.reset || route.operation.as_deref() == Some(ACCOUNT_DISABLE))
    }

    /// Whether the request changes something. Nothing is known of a route that isn't here.
    pub(crate) fn writes(&self, head: &ExchangeHead) -> bool {
        let by_method = !matches!(head.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        self.routes
            .get(&head.route)
            .is_some_and(|route| route.write.unwrap_or(by_method))
    }

    /// Whether the module is none of the role's work; `None` when nobody said whose it is, or the role isn't known.
    pub(crate) fn out_of_role(&self, head: &ExchangeHead) -> Option<bool> {
        let roles = self.work_of.get(&head.module)?;
        let role = head.actor.role.as_ref()?;
        Some(!roles.contains(role))
    }

    /// Whether the account acts after its stated last day.
    pub(crate) fn is_after_last_day(&self, head: &ExchangeHead) -> bool {
        let account = head.actor.account.as_ref();
        let over = account.and_then(|account| self.last_days.get(account.as_str()));
        over.is_some_and(|over| head.at.as_millis() >= *over)
    }

    pub(crate) fn is_canary(&self, tenant: &TenantId, subject: SubjectToken) -> bool {
        !self.canaries.is_empty() && self.canaries.contains(&(tenant.clone(), subject))
    }

    /// The third-party app that acts.
    pub(crate) fn app(&self, head: &ExchangeHead) -> Option<&str> {
        let account = head.actor.account.as_ref().map(|account| account.as_str());
        let token = head.actor.token.as_ref().map(|token| token.as_str());
        [account, token]
            .into_iter()
            .flatten()
            .find_map(|name| self.apps.get(name))
            .map(String::as_str)
    }
}
