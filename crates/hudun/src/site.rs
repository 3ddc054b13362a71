//! What detection knows of the place: the profile's words for its routes, and the customers, apps and roles that the
//! configuration names.

use std::collections::HashMap;

use anyhow::bail;
use hudun_gateway::TenantKeys;
use hudun_monitor::{Site, SiteRoute, Thresholds};
use hudun_pii::CUSTOMER;
use hudun_profile::Profile;

/// The place as profile and configuration describe it. Canary customers need the keys under which persons are known; without
/// keys none is.
///
/// # Errors
/// A module of `monitor.work_of` that the profile doesn't have; a database of regions that can't be read.
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
        routes: routes.collect(),
        work_of,
        canaries: canaries.collect(),
        apps: monitor.apps.clone().into_iter().collect(),
    })
}

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
}
