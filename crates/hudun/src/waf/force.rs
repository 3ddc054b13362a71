//! Rules in force: loaded at the start, watched, proven and swapped while the gateway serves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hudun_gateway::{RuleException, WafMode, WafSettings};
use hudun_profile::Profile;
use hudun_seclang::RuleSet;
use tokio_util::sync::CancellationToken;

use super::source::RuleSource;
use super::{Inspection, RuleOptions, prove, read};
use crate::config::InspectionPart;
use crate::folder::FolderWatch;

/// How the inspection works, as the configuration and the profile say; none when it is off everywhere.
pub(super) fn settings(
    part: &InspectionPart,
    profile: &Profile,
) -> anyhow::Result<Option<WafSettings>> {
    let off = part.mode == WafMode::Off && part.modules.values().all(|mode| *mode == WafMode::Off);
    if off {
        return Ok(None);
    }
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
    Ok(Some(WafSettings {
        exceptions,
        mode: part.mode,
        modules,
        judging: part.judging.into(),
        answers: part.answers,
        learn: part.learn,
    }))
}

/// Finds what is wrong with the inspection's part of a configuration before it is needed.
///
/// # Errors
/// Rules that can't be loaded; a folder for the audit log that isn't there.
pub fn check(part: &InspectionPart, profile: &Profile) -> anyhow::Result<()> {
    if settings(part, profile)?.is_none() {
        return Ok(());
    }
    read(&options(part)).context("gateway.inspection.rules")?;
    if let Some(audit) = &part.audit {
        let folder = audit
            .file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            anyhow::bail!(
                "gateway.inspection.audit.file: {} lies in no folder; make the folder first",
                audit.file.display()
            );
        }
    }
    Ok(())
}

/// Looks for changes of the rules' folder until stopped; a set that loads and holds its proof takes the place of the one
/// in force, any other is told about and changes nothing.
pub async fn watch(inspection: Arc<Inspection>, part: InspectionPart, stop: CancellationToken) {
    let Some(folder) = part.rules.clone() else {
        return;
    };
    let mut changes = FolderWatch::new(folder.clone());
    while changes.changed(&stop).await {
        let part = part.clone();
        let loaded = tokio::task::spawn_blocking(move || fresh(&part)).await;
        match loaded {
            Ok(Ok((read, took))) => {
                match inspection.swap(read, &folder.to_string_lossy(), took).await {
                    Ok(version) => tracing::info!(
                        version,
                        ms = took.as_millis() as u64,
                        "changed rules are in force; the set before is kept"
                    ),
                    Err(error) => tracing::error!(
                        %error,
                        "changed rules are in force, and it could not be written down that nobody wants the set before"
                    ),
                }
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
fn fresh(part: &InspectionPart) -> anyhow::Result<((RuleSet, RuleSource), Duration)> {
    let began = Instant::now();
    let (rules, source) = read(&options(part))?;
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
    Ok(((rules, source), took))
}

pub(super) fn options(part: &InspectionPart) -> RuleOptions {
    RuleOptions {
        rules: part.rules.clone(),
        paranoia: part.paranoia,
        inbound_threshold: part.inbound_threshold,
        outbound_threshold: part.outbound_threshold,
        extra: part
            .audit
            .iter()
            .map(|_| "SecAuditEngine RelevantOnly".to_owned())
            .collect(),
    }
}

pub(super) fn name(part: &InspectionPart) -> String {
    part.rules.as_deref().map_or_else(
        || "rules/waf".to_owned(),
        |folder| folder.display().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AuditPart;
    use crate::waf::ftw::bed::PROFILE;

    #[test]
    fn a_check_names_the_field_of_what_is_wrong() {
        let profile = Profile::parse(PROFILE, "ftw.yaml").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let audit = |file: std::path::PathBuf| InspectionPart {
            audit: Some(AuditPart {
                file,
                format: Default::default(),
                values: false,
            }),
            ..InspectionPart::default()
        };
        assert!(check(&audit(folder.path().join("audit.log")), &profile).is_ok());
        let no_rules = InspectionPart {
            rules: Some("/nowhere/rules".into()),
            ..InspectionPart::default()
        };
        for (part, field) in [
            (
                audit("/nowhere/audit.log".into()),
                "gateway.inspection.audit.file",
            ),
            (no_rules, "gateway.inspection.rules"),
        ] {
            let error = format!("{:#}", check(&part, &profile).unwrap_err());
            assert!(
                error.contains(field) && error.contains("/nowhere"),
                "{error}"
            );
        }
    }
}
