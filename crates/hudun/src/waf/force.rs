//! Rules in force: loaded at the start, watched, proven and swapped while the gateway serves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hudun_gateway::{RuleException, Waf, WafMode, WafSettings};
use hudun_profile::Profile;
use hudun_seclang::RuleSet;
use tokio_util::sync::CancellationToken;

use super::{RuleOptions, load, prove};
use crate::config::InspectionPart;
use crate::folder::FolderWatch;

/// The inspection as the configuration and the profile say; none when it is off everywhere.
///
/// # Errors
/// When the rules can't be loaded: a gateway that was told to inspect does not start without.
pub fn inspection(part: &InspectionPart, profile: &Profile) -> anyhow::Result<Option<Arc<Waf>>> {
    let off = part.mode == WafMode::Off && part.modules.values().all(|mode| *mode == WafMode::Off);
    if off {
        return Ok(None);
    }
    let began = Instant::now();
    let rules = load(&options(part)).context("gateway.inspection.rules")?;
    let took = began.elapsed();
    tracing::info!(
        rules = rules.len(),
        ms = took.as_millis() as u64,
        name = name(part),
        "rules of the inspection are in force"
    );
    let mut modules = std::collections::BTreeMap::new();
    for (module, mode) in &part.modules {
        let id = module
            .parse()
            .with_context(|| format!("gateway.inspection.modules.{module}"))?;
        modules.insert(id, *mode);
    }
    let mut exceptions = part.exceptions.clone();
    for module in &profile.modules {
        exceptions.extend(module.except.iter().map(|except| RuleException {
            rule: except.rule,
            place: except.place.clone(),
            module: Some(module.id.clone()),
            route: None,
        }));
    }
    let settings = WafSettings {
        exceptions,
        mode: part.mode,
        modules,
        judging: part.judging.into(),
        answers: part.answers,
    };
    Ok(Some(Arc::new(Waf::new(
        rules,
        name(part),
        took,
        settings,
        None,
    ))))
}

/// Looks for changes of the rules' folder until stopped; a set that loads and holds its proof takes the place of the one
/// in force, any other is told about and changes nothing.
pub async fn watch(waf: Arc<Waf>, part: InspectionPart, stop: CancellationToken) {
    let Some(folder) = part.rules.clone() else {
        return;
    };
    let mut changes = FolderWatch::new(folder.clone());
    while changes.changed(&stop).await {
        let part = part.clone();
        let loaded = tokio::task::spawn_blocking(move || fresh(&part)).await;
        match loaded {
            Ok(Ok((rules, took))) => {
                let version = waf.swap(rules, folder.to_string_lossy(), took);
                tracing::info!(
                    version,
                    ms = took.as_millis() as u64,
                    "changed rules are in force; the set before is kept"
                );
            }
            Ok(Err(error)) => tracing::error!(
                error = format!("{error:#}"),
                "changed rules are not put in force; the old ones stay"
            ),
            Err(error) => {
                tracing::error!(%error, "changed rules could not be loaded; the old ones stay")
            }
        }
    }
}

/// A set compiled aside and proven.
fn fresh(part: &InspectionPart) -> anyhow::Result<(RuleSet, Duration)> {
    let began = Instant::now();
    let rules = load(&options(part))?;
    let took = began.elapsed();
    let proof = prove(&rules, part.judging.into())?;
    if !proof.holds() {
        anyhow::bail!(
            "the proof does not hold: {} attacks pass, {} ordinary requests are stopped; see `hudun waf test`. First: {}",
            proof.missed.len(),
            proof.blocked.len(),
            proof
                .missed
                .first()
                .or_else(|| proof.blocked.first())
                .map_or("", String::as_str)
        );
    }
    Ok((rules, took))
}

fn options(part: &InspectionPart) -> RuleOptions {
    RuleOptions {
        rules: part.rules.clone(),
        paranoia: part.paranoia,
        inbound_threshold: part.inbound_threshold,
        outbound_threshold: part.outbound_threshold,
        extra: Vec::new(),
    }
}

fn name(part: &InspectionPart) -> String {
    part.rules.as_deref().map_or_else(
        || "rules/waf".to_owned(),
        |folder| folder.display().to_string(),
    )
}
