//! The numbers of the engine, each with its reason.

use serde::{Deserialize, Serialize};

use crate::Band;

/// How the engine judges. The defaults were tuned on the tuning seeds and kinds of the simulator alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Minutes from UTC to the tenant's clock: hours and days are local. 480 is China.
    pub utc_offset_minutes: i32,
    /// Log-odds of harm before anything is known, for one actor and day.
    pub prior: f64,
    /// From this log-odds on a score is in the middle band: the gateway asks for a fresh log-in.
    pub middle: f64,
    /// From this log-odds on a score is in the high band: a finding.
    pub high: f64,
    /// The same for log-ins.
    pub login_middle: f64,
    /// The same for log-ins.
    pub login_high: f64,
    /// The band when the engine can't judge (tenant quota full, result not finite). It says so in
    /// [`crate::Score::degraded`].
    pub fallback: Band,
    /// The share of days on which anything may happen to an honest person; bounds one part at −ln of it.
    pub freak: f64,
    /// Actors remembered for each tenant.
    pub actors_per_tenant: usize,
    /// Tenants remembered.
    pub tenants: usize,
    /// Hours after which a log-in with nothing odd behind it counts as good.
    pub confirm_after_hours: u32,
    /// Service accounts and what they may do without being judged.
    pub allow: Vec<Allowance>,
}

/// What a service account may do: within it, it is not judged; outside it, that alone weighs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// The account.
    pub actor: String,
    /// Modules that it works in.
    pub modules: Vec<String>,
    /// Networks it comes from, as the start of the address (`10.20.`); any when empty.
    #[serde(default)]
    pub networks: Vec<String>,
    /// Rows a day.
    pub rows_a_day: u64,
    /// Why: the contract, the ticket.
    pub reason: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            utc_offset_minutes: 480,
            prior: -9.0,
            middle: -1.0,
            high: 0.75,
            login_middle: 0.0,
            login_high: 3.0,
            fallback: Band::Middle,
            freak: 1e-5,
            actors_per_tenant: 20_000,
            tenants: 1_000,
            confirm_after_hours: 4,
            allow: Vec::new(),
        }
    }
}

impl Settings {
    /// Checks what types can't.
    ///
    /// # Errors
    /// The field and what is wrong with it.
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong =
            |field: &'static str, problem: &'static str| Err(SettingsError { field, problem });
        let numbers = [
            self.prior,
            self.middle,
            self.high,
            self.login_middle,
            self.login_high,
        ];
        if numbers.iter().any(|number| !number.is_finite()) {
            return wrong("prior, middle, high", "must be finite numbers");
        }
        if self.middle >= self.high {
            return wrong("middle", "must lie below high");
        }
        if self.login_middle >= self.login_high {
            return wrong("login_middle", "must lie below login_high");
        }
        if !(1e-9..=0.1).contains(&self.freak) {
            return wrong("freak", "must lie between 1e-9 and 0.1");
        }
        if self.actors_per_tenant < 10 || self.tenants == 0 {
            return wrong(
                "actors_per_tenant, tenants",
                "at least 10 actors and one tenant",
            );
        }
        if self.utc_offset_minutes.abs() > 14 * 60 {
            return wrong("utc_offset_minutes", "lies within 14 hours of UTC");
        }
        if self.allow.len() > 1_000 {
            return wrong("allow", "at most 1,000 service accounts");
        }
        Ok(())
    }
}

/// Settings that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("behaviour.{field}: {problem}")]
pub struct SettingsError {
    field: &'static str,
    problem: &'static str,
}
