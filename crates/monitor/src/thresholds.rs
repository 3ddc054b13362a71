//! The numbers of the detections, each with the reason for its default.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use hudun_core::{ModuleId, TenantId};
use serde::{Deserialize, Serialize};

use crate::{BehaviourSettings, LogSource, RuleSettings};

/// When a detection fires. All may be set in the configuration; the defaults start from what peers use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Roles that may see only their own rows. For them a foreign row is a violation, for others it is work.
    pub own_scope_roles: Vec<String>,
    /// `scrm.id-walk`: distinct foreign persons seen one by one within `window_ms`.
    pub foreign_persons: usize,
    /// `scrm.object-probing`: refused or failed look-ups of single objects within `window_ms`.
    pub failed_lookups: usize,
    /// `scrm.mass-read`: distinct persons seen by one account within `window_ms`, lists included.
    pub persons: usize,
    /// `scrm.bulk-export`: rows in one export by a role that may see only its own rows.
    pub export_rows: u64,
    /// `scrm.brute-force`: failed log-ins for one account within `window_ms`.
    pub failed_logins: usize,
    /// `scrm.credential-stuffing`: distinct accounts tried in vain from one address within `window_ms`.
    pub accounts_tried: usize,
    /// Length of the sliding window, milliseconds.
    pub window_ms: i64,
    /// A rule that fired for an actor stays silent for that actor this long, unless it fires at a higher level.
    pub quiet_ms: i64,
    /// Actors remembered for each tenant.
    pub actors_per_tenant: usize,
    /// Customers that are nobody's work, by tenant: their keys as the SCRM has them. Who touches one walks the base.
    pub canaries: BTreeMap<TenantId, Vec<String>>,
    /// Third-party apps: account (or keyed name of an API token), and the name of the app.
    pub apps: BTreeMap<String, String>,
    /// Roles whose work a module is, instead of what the profile says. Nobody is refused for it.
    pub work_of: BTreeMap<ModuleId, Vec<String>>,
    /// Staff who leave: account, and the last day at work (`2026-12-31`, in the local time of `behaviour.engine`).
    pub last_days: BTreeMap<String, String>,
    /// Log sources that normally speak, such as the SCRM's audit log.
    pub logs: Vec<LogSource>,
    /// A MaxMind database (`.mmdb`) that says in which region an address is; without it the risk of log-ins knows no region, and
    /// nobody's speed of travel is known.
    pub regions: Option<PathBuf>,
    /// Whether the fixed detections speak; without them the behaviour engine watches alone.
    pub detectors: bool,
    /// The behaviour engine.
    pub behaviour: BehaviourSettings,
    /// Detection rules.
    pub rules: RuleSettings,
}

impl Thresholds {
    /// Whether the allow-list of service accounts (`behaviour.engine.allow`) permits this use of a module from an address.
    /// Whether it is too many rows a day is for the behaviour engine to say.
    pub(crate) fn allows(&self, actor: &str, module: &str, ip: IpAddr) -> bool {
        let ip = ip.to_canonical().to_string();
        self.behaviour.engine.allow.iter().any(|allowance| {
            let networks = &allowance.networks;
            allowance.actor == actor
                && allowance.modules.iter().any(|one| one == module)
                && (networks.is_empty() || networks.iter().any(|start| ip.starts_with(start)))
        })
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            own_scope_roles: Vec::new(),
            foreign_persons: 3,
            failed_lookups: 15,
            persons: 1_500,
            export_rows: 2_000,
            failed_logins: 10,
            accounts_tried: 15,
            window_ms: 10 * 60_000,
            quiet_ms: 30 * 60_000,
            actors_per_tenant: 20_000,
            canaries: BTreeMap::new(),
            apps: BTreeMap::new(),
            work_of: BTreeMap::new(),
            last_days: BTreeMap::new(),
            logs: Vec::new(),
            regions: None,
            detectors: true,
            behaviour: BehaviourSettings::default(),
            rules: RuleSettings::default(),
        }
    }
}
