//! What detection knows of the place: the profile's words for its routes, and the customers, apps and roles that the
//! configuration names.

use std::collections::HashMap;

use anyhow::bail;
use hudun_core::Timestamp;
use hudun_gateway::TenantKeys;
use hudun_monitor::{Site, SiteRoute, Thresholds};
use hudun_pii::CUSTOMER;
use hudun_profile::Profile;

/// The place as profile and configuration describe it. Canary customers need the keys under which persons are known; without
/// keys none is.
///
/// # Errors
/// A module of `monitor.work_of` that the profile doesn't have; a last day that is none; a log source without a name of its own; a database of regions that can't be read.
pub fn of(
    profile: &Profile,
    monitor: &Thresholds,
    keys: Option<&dyn TenantKeys>,
) -> anyhow::Result<Site> {
    let mut work_of: HashMap<_, _> = profile
        .modules
        .iter()
        .filter(|module| !module.work_of.is_empty())
        .map(|module| (module.id.clone(), module.work_of.clone()))
        .collect();
    for (module, roles) in &monitor.work_of {
        if profile.module(module).is_none() {
            bail!(
                "monitor.work_of: the profile {} has no module {module}",
                profile.product
            );
        }
        work_of.insert(module.clone(), roles.clone());
    }
    let mut last_days = HashMap::new();
    let offset = i64::from(monitor.behaviour.engine.utc_offset_minutes) * 60_000;
    for (account, day) in &monitor.last_days {
        let begins: Timestamp = match format!("{day}T00:00:00Z").parse() {
            Ok(begins) if day.len() == 10 => begins,
            _ => bail!("monitor.last_days: {account}: {day:?} is no day; write it as 2026-12-31"),
        };
        last_days.insert(account.clone(), begins.as_millis() + DAY_MS - offset);
    }
    for (at, log) in monitor.logs.iter().enumerate() {
        let name = &log.name;
        if name.trim().is_empty() || monitor.logs[..at].iter().any(|one| one.name == *name) {
            bail!(
                "monitor.logs[{at}].name: {name:?} is empty or stands twice; every log has a name of its own"
            );
        }
        if log.silent_after_seconds == Some(0) {
            bail!("monitor.logs[{at}].silent_after_seconds: 0 would call it silent always");
        }
        if let Some(module) = &log.module
            && profile.module(module).is_none()
        {
            bail!(
                "monitor.logs[{at}].module: the profile {} has no module {module}",
                profile.product
            );
        }
    }
    let routes = profile.routes.iter().map(|route| {
        let said = SiteRoute {
            operation: route.operation.clone(),
            reset: route.password_reset,
            write: route.write,
        };
        (route.id.clone(), said)
    });
    let canaries = keys.into_iter().flat_map(|keys| {
        monitor
            .canaries
            .iter()
            .flat_map(move |(tenant, customers)| {
                let keyer = keys.keyer(tenant);
                customers
                    .iter()
                    .map(move |customer| (tenant.clone(), keyer.subject(CUSTOMER, customer)))
            })
    });
    let regions = monitor.regions.as_deref();
    let regions = regions.map(crate::regions::open).transpose()?;
    Ok(Site {
        regions,
        last_days,
        routes: routes.collect(),
        work_of,
        canaries: canaries.collect(),
        apps: monitor.apps.clone().into_iter().collect(),
    })
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_is_not_there_is_named() {
        let text = include_str!("../../../profiles/hudun-scrm.yaml");
        let profile = Profile::parse(text, "hudun-scrm.yaml").unwrap();
        let mut monitor = Thresholds::default();
        let site = of(&profile, &monitor, None).unwrap();
        assert!(site.work_of.contains_key(&"chat".parse().unwrap()));
        monitor.work_of.insert("chatt".parse().unwrap(), Vec::new());
        let error = of(&profile, &monitor, None).unwrap_err().to_string();
        assert!(
            error.contains("monitor.work_of") && error.contains("chatt"),
            "{error}"
        );
    }

    #[test]
    fn log_sources_have_names_of_their_own() {
        let text = include_str!("../../../profiles/hudun-scrm.yaml");
        let profile = Profile::parse(text, "hudun-scrm.yaml").unwrap();
        let log = |name: &str, module: &str, seconds| hudun_monitor::LogSource {
            name: name.to_owned(),
            file: "audit.log".into(),
            tenant: None,
            module: Some(module.parse().unwrap()),
            silent_after_seconds: seconds,
        };
        for (logs, field) in [
            (vec![log("", "admin", None)], "logs[0].name"),
            (
                vec![log("a", "admin", None), log("a", "admin", None)],
                "logs[1].name",
            ),
            (vec![log("a", "admn", None)], "logs[0].module"),
            (vec![log("a", "admin", Some(0))], "logs[0].silent_after"),
        ] {
            let monitor = Thresholds {
                logs,
                ..Thresholds::default()
            };
            let error = of(&profile, &monitor, None).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn a_last_day_ends_at_local_midnight_and_nonsense_is_named() {
        let text = include_str!("../../../profiles/hudun-scrm.yaml");
        let profile = Profile::parse(text, "hudun-scrm.yaml").unwrap();
        let mut monitor = Thresholds::default();
        monitor.behaviour.engine.utc_offset_minutes = 480;
        monitor.last_days = [("mei@yunxi".to_owned(), "2026-11-30".to_owned())].into();
        let site = of(&profile, &monitor, None).unwrap();
        let over: Timestamp = "2026-11-30T16:00:00Z".parse().unwrap();
        assert_eq!(site.last_days["mei@yunxi"], over.as_millis());
        for day in ["", "30.11.2026", "2026-13-01", "2026-11-30T00:00:00Z"] {
            monitor
                .last_days
                .insert("mei@yunxi".to_owned(), day.to_owned());
            let error = of(&profile, &monitor, None).unwrap_err().to_string();
            assert!(
                error.contains("monitor.last_days") && error.contains("mei@yunxi"),
                "{error}"
            );
        }
    }
}
