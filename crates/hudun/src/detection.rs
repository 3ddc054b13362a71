//! Detection rules in force: Hudun's pack and the site's own, loaded at the start, watched, swapped whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use hudun_core::Timestamp;
use hudun_monitor::{Monitor, RuleSettings, Rules};
use hudun_sigma::{Loader, RuleSet};
use tokio_util::sync::CancellationToken;

use crate::folder::{FolderWatch, replace};
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
    pack!("fuzzing.yml"),
    pack!("id_walk.yml"),
    pack!("impossible_travel.yml"),
    pack!("injection.yml"),
    pack!("injection_success.yml"),
    pack!("kill_chain.yml"),
    pack!("many_customers.yml"),
    pack!("mass_export.yml"),
    pack!("mass_reassign.yml"),
    pack!("mass_send.yml"),
    pack!("mass_tag.yml"),
    pack!("object_probe.yml"),
    pack!("password_spray.yml"),
    pack!("push_fatigue.yml"),
    pack!("reassigned_then_left.yml"),
    pack!("reconnaissance.yml"),
    pack!("reset_then_export.yml"),
    pack!("risky_export.yml"),
    pack!("role_grants.yml"),
    pack!("session_two_networks.yml"),
    pack!("slow_walk.yml"),
    pack!("success_after_attack.yml"),
    pack!("token_drift.yml"),
    pack!("two_regions.yml"),
    pack!("web_shell.yml"),
];

/// The file in the data folder that carries detection over a restart.
pub const FILE: &str = "detection.snapshot";
/// Between two of them. A crash costs what the windows took in since the last one.
const SAVE_EVERY: Duration = Duration::from_secs(60);
/// Longest such file that is read: twice what the memory of correlations may hold, with room for actors.
const LONGEST: u64 = 768 << 20;

/// The monitor with the rules as the settings say (none when they are off), going on where the last process left. A file
/// that can't be used is set aside under another name and reported; correlations then begin anew.
///
/// # Errors
/// Faults of rules, each with file, line and rule; a folder that can't be read.
pub fn open(monitor: Monitor, settings: &RuleSettings, data: &Path) -> anyhow::Result<Monitor> {
    let rules = settings.on.then(|| load(settings)).transpose()?;
    let file = data.join(FILE);
    let bytes = match read(&file) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(begun(monitor, rules)),
        Err(error) => {
            set_aside(&file, &error)?;
            return Ok(begun(monitor, rules));
        }
    };
    match monitor.resumed(rules, Timestamp::now().as_millis(), &bytes) {
        Ok((monitor, restored)) => {
            tracing::info!(
                actors = restored.actors,
                groups = restored.groups.groups,
                changed = restored.groups.changed,
                past = restored.groups.past,
                "detection goes on where it was"
            );
            Ok(monitor)
        }
        Err((monitor, error)) => {
            set_aside(&file, &error)?;
            Ok(monitor)
        }
    }
}

fn begun(monitor: Monitor, rules: Option<RuleSet>) -> Monitor {
    match rules {
        Some(rules) => monitor.with_rules(Rules::new(rules)),
        None => monitor,
    }
}

fn read(file: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let about = match file.metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if about.len() > LONGEST {
        return Err(std::io::Error::other(format!(
            "{} bytes, which is more than was ever written",
            about.len()
        )));
    }
    std::fs::read(file).map(Some)
}

fn set_aside(file: &Path, error: &dyn std::fmt::Display) -> anyhow::Result<()> {
    let aside = file.with_extension("snapshot.unreadable");
    tracing::error!(file = %file.display(), %error, aside = %aside.display(), "what detection knew before the restart can't be used; the rules begin anew");
    std::fs::rename(file, &aside).with_context(|| file.display().to_string())
}

/// Saves what the rules know now and then, and once more at the end.
pub async fn keep(watch: Watch, data: PathBuf, stop: CancellationToken) {
    let what = "what detection knows";
    crate::folder::save_now_and_then(what, SAVE_EVERY, stop, move || save(&watch, &data)).await;
}

fn save(watch: &Watch, data: &Path) -> anyhow::Result<()> {
    let kept = watch.kept();
    replace(data, FILE, |out| {
        Ok(kept.write(Timestamp::now().as_millis(), out)?)
    })
}

/// Loads the rules to see whether they can be loaded; nothing when they are off.
///
/// # Errors
/// As [`open`].
pub fn check(settings: &RuleSettings) -> anyhow::Result<()> {
    settings.on.then(|| load(settings)).transpose()?;
    Ok(())
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
    let rules = loader.load()?;
    for warning in rules.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(rules)
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
    use hudun_core::{Actor, DataKind, Delivery, KindSet, Sighting, SubjectToken};
    use hudun_core::{ExchangeEnd, ExchangeEvent, ExchangeHead, ExchangeId, Release};
    use hudun_monitor::Thresholds;
    use tokio::sync::mpsc;

    use super::*;

    /// A sales account opens one customer of somebody else.
    fn opens(watch: &Watch, person: u8) -> Vec<String> {
        let (id, at) = (ExchangeId::new(), Timestamp::now());
        let mut actor = Actor::unknown("10.1.1.7".parse().unwrap());
        actor.account = Some("mei@yunxi".parse().unwrap());
        actor.role = Some("sales".to_owned());
        let head = ExchangeHead {
            id,
            at,
            tenant: "yunxi".parse().unwrap(),
            actor,
            module: "customers".parse().unwrap(),
            route: "customer.read".parse().unwrap(),
            method: "GET".to_owned(),
            path: "/api/customer/{id}".to_owned(),
            export: false,
            login: false,
            signals: Vec::new(),
            drill: None,
            touched: Vec::new(),
            rtt_ms: None,
            about: None,
            push: None,
        };
        let sighting = Sighting::new(
            SubjectToken::from_bytes([person; 16]),
            KindSet::of(&[DataKind::Name]),
        );
        let release = Release {
            exchange: id,
            group: 0,
            at,
            bytes: 100,
            explained: 100,
            rows: 1,
            foreign_rows: 1,
            sightings: vec![sighting],
        };
        let end = ExchangeEnd {
            exchange: id,
            at,
            status: 200,
            success: true,
            delivery: Delivery::Delivered,
            groups: 1,
            request_bytes: 0,
            response_bytes: 100,
            millis: 1,
            refusal: None,
        };
        [
            ExchangeEvent::Head(Box::new(head)),
            ExchangeEvent::Release(release),
            ExchangeEvent::End(end),
        ]
        .into_iter()
        .flat_map(|event| watch.observe(event))
        .map(|finding| finding.rule)
        .collect()
    }

    #[test]
    fn what_the_rules_knew_survives_a_restart_and_a_broken_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let thresholds = Thresholds {
            own_scope_roles: vec!["sales".to_owned()],
            detectors: false,
            ..Thresholds::default()
        };
        let restart = |settings: &RuleSettings| {
            let monitor = Monitor::new(thresholds.clone());
            let (step_ups, _wanted) = mpsc::channel(1);
            Watch::new(open(monitor, settings, data).unwrap(), step_ups)
        };
        let ours = RuleSettings::default();
        let watch = restart(&ours);
        assert!(opens(&watch, 1).is_empty());
        assert!(opens(&watch, 2).is_empty());
        save(&watch, data).unwrap();
        let file = data.join(FILE);
        let whole = std::fs::read(&file).unwrap();

        // Two before the restart, one after: the walk is seen, and is not told again after another restart.
        let watch = restart(&ours);
        assert_eq!(opens(&watch, 3), ["scrm.id-walk"]);
        save(&watch, data).unwrap();
        let watch = restart(&ours);
        assert!(opens(&watch, 4).is_empty());

        // Another rule beside them changes nothing for those that stayed.
        std::fs::write(&file, &whole).unwrap();
        let site = data.join("rules");
        std::fs::create_dir(&site).unwrap();
        std::fs::write(
            site.join("ours.yml"),
            "title: Ours\nid: 0c3f3f3e-7c5c-4d0f-9a52-0d6f8b2f4b11\nlogsource: { product: hudun }\ndetection: { s: { scrm.module: none }, condition: s }\nlevel: low\n",
        )
        .unwrap();
        let with_site = RuleSettings {
            on: true,
            folder: Some(site),
        };
        assert_eq!(opens(&restart(&with_site), 3), ["scrm.id-walk"]);

        // Damage anywhere: said, set aside, begun anew.
        for damaged in [
            whole[..whole.len() / 2].to_vec(),
            whole[..40].to_vec(),
            b"something else".to_vec(),
            Vec::new(),
        ] {
            std::fs::write(&file, &damaged).unwrap();
            let watch = restart(&ours);
            assert!(opens(&watch, 3).is_empty());
            let aside = data.join("detection.snapshot.unreadable");
            assert_eq!(std::fs::read(aside).unwrap(), damaged);
            assert!(!file.exists());
        }

        // Without rules, what is known of actors stays.
        std::fs::write(&file, &whole).unwrap();
        let off = RuleSettings {
            on: false,
            folder: None,
        };
        let watch = restart(&off);
        save(&watch, data).unwrap();
        let watch = restart(&ours);
        assert!(opens(&watch, 3).is_empty(), "no memory of rules was kept");
    }

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
