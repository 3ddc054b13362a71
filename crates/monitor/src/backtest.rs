//! Detection rules asked about exchanges of the past, as the monitor would have asked them.

use std::collections::BTreeMap;
use std::sync::Arc;

use hudun_behaviour::SettingsError;
use hudun_core::{ExchangeEvent, ExchangeId, TenantId, Timestamp};
use hudun_sigma::{RuleInfo, RuleSet};

use crate::rules::Matched;
use crate::{Behaviour, Monitor, Rules, Thresholds};

/// Asks rules about recorded exchanges.
///
/// It is the monitor itself, with the fixed detections and the behaviour engine silent: the same events, the same knowledge of
/// each actor, the same quiet time between two alarms. What differs from the past is what nobody recorded: a queue that was full then, a case
/// whose closing let an actor speak again, the rules that were in force, and what the behaviour engine had learnt before the
/// first event.
#[derive(Debug)]
pub struct Backtest {
    monitor: Monitor,
}

/// A match of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Its name in findings.
    pub name: String,
    /// Whose customers.
    pub tenant: TenantId,
    /// When the request was made that completed it.
    pub at: Timestamp,
    /// Who made it.
    pub actor: String,
    /// The exchange that completed it.
    pub exchange: ExchangeId,
    /// Of a correlation: the values of `group-by`.
    pub group: Vec<(String, String)>,
    /// Of a correlation: the number that met the condition.
    pub value: Option<f64>,
    /// Of a rule about one event: the fields that matched.
    pub fields: Vec<(String, String)>,
    /// Whether it becomes a finding: within the quiet time, the same actor and rule speak once.
    pub speaks: bool,
}

impl Backtest {
    /// Rules that have seen nothing yet.
    /// With a behaviour engine beside them where the settings have one, whose scores they may match; it has learnt nothing yet.
    ///
    /// # Errors
    /// A setting of the behaviour engine that can't be used.
    pub fn new(thresholds: Thresholds, rules: RuleSet) -> Result<Self, SettingsError> {
        let mut thresholds = Thresholds {
            detectors: false,
            ..thresholds
        };
        thresholds.behaviour.step_up = false;
        let mut monitor = Monitor::new(thresholds.clone()).with_rules(Rules::new(rules));
        if thresholds.behaviour.on {
            let roles = thresholds.own_scope_roles;
            monitor = monitor.with_behaviour(Behaviour::new(&thresholds.behaviour, roles)?);
        }
        Ok(Self { monitor })
    }

    /// The same, which knows the place.
    #[must_use]
    pub fn at(mut self, site: crate::Site) -> Self {
        self.monitor = self.monitor.at(site);
        self
    }

    /// The same, which also counts the fields of the events.
    #[must_use]
    pub fn counting_fields(mut self) -> Self {
        if let Some(rules) = self.monitor.rules_mut() {
            rules.count_fields();
        }
        self
    }

    /// Reads one event and tells what matched. Events come in the order in which they happened.
    pub fn observe(&mut self, event: ExchangeEvent) -> Vec<Reported> {
        self.monitor.replay(event)
    }

    /// Events that the rules were asked about.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.monitor.rules().map_or(0, Rules::events)
    }

    /// In how many events each field was, when they are counted.
    #[must_use]
    pub fn fields(&self) -> Option<&BTreeMap<String, u64>> {
        self.monitor.rules().and_then(Rules::fields)
    }

    /// States that a bound left out: beyond it, counts of correlations are too low.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.monitor.evicted()
    }
}

impl Reported {
    pub(crate) fn of(matched: Matched, speaks: bool, event: &Place) -> Self {
        Self {
            rule: matched.info,
            name: matched.rule,
            tenant: event.tenant.clone(),
            at: event.at,
            actor: event.actor.clone(),
            exchange: event.exchange,
            group: matched.group,
            value: matched.value,
            fields: matched.fields,
            speaks,
        }
    }
}

/// Where a match happened.
pub(crate) struct Place {
    pub(crate) tenant: TenantId,
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) exchange: ExchangeId,
}
