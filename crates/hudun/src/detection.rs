//! Detection rules in force: Hudun's pack and the site's own, loaded at the start, watched, swapped whole.

use anyhow::{Context as _, bail};
use hudun_monitor::{RuleSettings, Rules};
use hudun_sigma::{Loader, RuleSet};
use tokio_util::sync::CancellationToken;

use crate::folder::FolderWatch;
use crate::pump::Watch;
use crate::rule_files::RuleFiles;

macro_rules! pack {
    ($name:literal) => {
        (
            concat!("rules/detect/", $name),
            include_str!(concat!("../../../rules/detect/", $name)),
        )
    };
}

/// Hudun's pack.
pub(crate) const PACK: &[(&str, &str)] = &[
    pack!("app_changes_source.yml"),
    pack!("audit_tampering.yml"),
    pack!("blocked-by-hudun.yml"),
    pack!("brute_force.yml"),
    pack!("canary_customer.yml"),
    pack!("chat_out_of_role.yml"),
    pack!("colleague_export.yml"),
    pack!("credential_stuffing.yml"),
    pack!("distributed_spray.yml"),
    pack!("dormant_login.yml"),
    pack!("export_in_pieces.yml"),
    pack!("id_walk.yml"),
    pack!("injection.yml"),
    pack!("injection_success.yml"),
    pack!("many_customers.yml"),
    pack!("mass_export.yml"),
    pack!("mass_reassign.yml"),
    pack!("mass_send.yml"),
    pack!("mass_tag.yml"),
    pack!("object_probe.yml"),
    pack!("reset_then_export.yml"),
    pack!("session_two_networks.yml"),
    pack!("slow_walk.yml"),
    pack!("token_drift.yml"),
];

/// The rules as the settings say; none when they are off.
///
/// # Errors
/// Faults of rules, each with file, line and rule; a folder that can't be read.
pub fn open(settings: &RuleSettings) -> anyhow::Result<Option<Rules>> {
    if !settings.on {
        return Ok(None);
    }
    Ok(Some(Rules::new(load(settings)?)))
}

/// Loads the pack and the site's own rules; whole, or not at all.
///
/// # Errors
/// As [`open`].
pub fn load(settings: &RuleSettings) -> anyhow::Result<RuleSet> {
    let mut loader = Loader::new();
    for (name, text) in PACK {
        loader = loader.source(name, text);
    }
    if let Some(folder) = &settings.folder {
        let files = RuleFiles::read(folder).context("monitor.rules.folder")?;
        if let Some((name, _)) = files.pipelines.first() {
            bail!(
                "{name}: pipelines are for other products' events; the gateway's carry the names of the rules already"
            );
        }
        for (name, text) in &files.vars {
            loader = loader.placeholders(name, text);
        }
        for (name, text) in &files.rules {
            loader = loader.source(name, text);
        }
    }
    Ok(loader.load()?)
}

/// Looks for changes of the site's folder until stopped. A set that loads takes the place of the one in force, and
/// correlations that did not change keep what they know; any other is told about and changes nothing.
pub async fn watch(watch: Watch, settings: RuleSettings, stop: CancellationToken) {
    let Some(folder) = settings.folder.clone().filter(|_| settings.on) else {
        return;
    };
    let mut changes = FolderWatch::new(folder.clone());
    while changes.changed(&stop).await {
        let settings = settings.clone();
        match tokio::task::spawn_blocking(move || load(&settings)).await {
            Ok(Ok(rules)) => {
                let (rules_now, correlations) = (rules.rules().len(), rules.correlations().len());
                watch.reload_rules(rules);
                tracing::info!(
                    folder = %folder.display(),
                    rules = rules_now,
                    correlations,
                    "changed detection rules are in force"
                );
            }
            Ok(Err(error)) => {
                watch.rules_refused();
                tracing::error!(
                    error = format!("{error:#}"),
                    "changed detection rules are not put in force; the old ones stay"
                );
            }
            Err(error) => {
                tracing::error!(%error, "detection rules could not be loaded; the old ones stay")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_pack_is_every_file_of_its_folder_and_loads() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/detect");
        let there: Vec<String> = RuleFiles::read(&folder)
            .unwrap()
            .rules
            .iter()
            .map(|(name, _)| name.rsplit_once('/').unwrap().1.to_owned())
            .map(|name| format!("rules/detect/{name}"))
            .collect();
        let packed: Vec<&str> = PACK.iter().map(|(name, _)| *name).collect();
        assert_eq!(there, packed);
        let rules = load(&RuleSettings::default()).unwrap();
        assert!(rules.correlations().len() > 10);
    }

    #[test]
    fn a_faulty_rule_of_the_site_is_named_and_nothing_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ours.yml");
        std::fs::write(&file, "title: Ours\ndetection: nothing\n").unwrap();
        let settings = RuleSettings {
            on: true,
            folder: Some(folder.path().to_owned()),
        };
        let error = format!("{:#}", load(&settings).unwrap_err());
        assert!(error.contains("ours.yml"), "{error}");
        std::fs::remove_file(&file).unwrap();
        assert!(load(&settings).is_ok(), "an empty folder is fine");
        let pipelines = folder.path().join("pipelines");
        std::fs::create_dir(&pipelines).unwrap();
        std::fs::write(pipelines.join("mine.yml"), "name: mine\n").unwrap();
        let error = format!("{:#}", load(&settings).unwrap_err());
        assert!(error.contains("mine.yml"), "{error}");
        let gone = RuleSettings {
            on: true,
            folder: Some("/nowhere/rules".into()),
        };
        let error = format!("{:#}", load(&gone).unwrap_err());
        assert!(error.contains("monitor.rules.folder"), "{error}");
    }
}
