//! The behaviour engine's state across restarts, and its fresh log-ins carried out.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hudun_contain::{Keeper, Order};
use hudun_monitor::{Behaviour, Monitor, StepUp, Thresholds};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::folder::replace;
use crate::pump::Watch;

/// The file in the data folder.
pub const FILE: &str = "behaviour.snapshot";
/// Between two snapshots. A crash costs what was learnt since the last one.
const SAVE_EVERY: Duration = Duration::from_secs(300);
/// Minutes for which sessions begun before a fresh log-in was asked for are refused.
const STEP_UP_MINUTES: u32 = 12 * 60;

/// The monitor with its behaviour engine, which goes on where the last process left. A snapshot that can't be read is set
/// aside under another name and reported; the engine then begins with peers and the built-in baseline.
///
/// # Errors
/// Settings that can't be used.
pub fn open(thresholds: &Thresholds, data: &Path) -> anyhow::Result<Monitor> {
    let monitor = Monitor::new(thresholds.clone());
    let settings = &thresholds.behaviour;
    if !settings.on {
        return Ok(monitor);
    }
    let roles = thresholds.own_scope_roles.clone();
    let file = data.join(FILE);
    if let Ok(from) = File::open(&file) {
        match Behaviour::load(settings, roles.clone(), &mut BufReader::new(from)) {
            Ok(behaviour) => return Ok(monitor.with_behaviour(behaviour)),
            Err(error) => {
                let aside = data.join(format!("{FILE}.unreadable"));
                tracing::error!(file = %file.display(), %error, aside = %aside.display(), "what the behaviour engine had learnt can't be read; it begins anew with peers and the built-in baseline");
                std::fs::rename(&file, &aside)?;
            }
        }
    }
    Ok(monitor.with_behaviour(Behaviour::new(settings, roles)?))
}

/// Saves what was learnt now and then, and once more at the end.
pub async fn keep(watch: Watch, data: PathBuf, stop: CancellationToken) {
    let what = "what the behaviour engine has learnt";
    crate::folder::save_now_and_then(what, SAVE_EVERY, stop, move || save(&watch, &data)).await;
}

fn save(watch: &Watch, data: &Path) -> anyhow::Result<()> {
    let Some(bytes) = watch.snapshot()? else {
        return Ok(());
    };
    replace(data, FILE, |out| Ok(out.write_all(&bytes)?))
}

/// Ends the sessions of accounts that should log in again.
pub async fn step_up(keeper: Keeper, mut wanted: mpsc::Receiver<StepUp>, stop: CancellationToken) {
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => return,
            next = wanted.recv() => next,
        };
        let Some(StepUp {
            tenant,
            account,
            at,
            why,
        }) = next
        else {
            return;
        };
        let key = format!("behaviour/step-up/{tenant}/{account}/{}", at.as_millis());
        let reason = format!("{} / {}", why.zh, why.en);
        let order = Order {
            key: &key,
            by: "hudun",
            reason: &reason,
            incident: None,
            tenant: Some(tenant),
            at,
            minutes: STEP_UP_MINUTES,
        };
        if let Err(error) = keeper.revoke_sessions(&order, account.clone()).await {
            tracing::error!(%account, %error, "a fresh log-in could not be asked for");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_survives_a_restart_and_a_broken_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let thresholds = Thresholds::default();
        let restart = || {
            let (step_ups, _wanted) = mpsc::channel(1);
            Watch::new(open(&thresholds, folder.path()).unwrap(), step_ups)
        };
        let learnt = |watch: &Watch| watch.snapshot().unwrap().unwrap();
        let mut engine =
            hudun_monitor::engine::Engine::new(Default::default(), Vec::new()).unwrap();
        engine.observe(&hudun_monitor::engine::Observation {
            tenant: "yunxi",
            actor: "mei",
            role: "sales",
            at: 1_795_737_600_000,
            network: None,
            device: "",
            session: 0,
            act: hudun_monitor::engine::Act::Access(Default::default()),
        });
        let mut bytes = Vec::new();
        engine.save(&mut bytes).unwrap();
        std::fs::write(folder.path().join(FILE), &bytes).unwrap();
        let watch = restart();
        assert_eq!(learnt(&watch), bytes);
        save(&watch, folder.path()).unwrap();
        assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), bytes);

        bytes.truncate(bytes.len() / 2);
        std::fs::write(folder.path().join(FILE), &bytes).unwrap();
        let anew = restart();
        assert!(!String::from_utf8(learnt(&anew)).unwrap().contains("mei"));
        let aside = folder.path().join(format!("{FILE}.unreadable"));
        assert_eq!(std::fs::read(aside).unwrap(), bytes);
        assert!(!folder.path().join(FILE).exists());
    }
}
