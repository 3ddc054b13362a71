//! Watches the files of log sources: what grows speaks, and what has fallen silent is told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hudun_core::{Finding, TenantId, Timestamp};
use hudun_monitor::LogSource;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::pump::Watch;

/// Between two looks.
pub const LOOK: Duration = Duration::from_secs(10);

/// Looks at the files until stopped. Findings go where those of exchanges go.
pub async fn watch(
    watch: Watch,
    sources: Vec<LogSource>,
    tenant: TenantId,
    every: Duration,
    findings: mpsc::Sender<Finding>,
    stop: CancellationToken,
) {
    if sources.is_empty() {
        return;
    }
    let mut files: Vec<Growing> = sources
        .into_iter()
        .map(|source| Growing::new(source.name, source.file))
        .collect();
    loop {
        // Files may lie on a disk that answers slowly.
        let looked = tokio::task::spawn_blocking(move || {
            let grown: Vec<bool> = files.iter_mut().map(Growing::has_grown).collect();
            (files, grown)
        });
        let Ok((back, grown)) = looked.await else {
            tracing::error!("log sources can't be looked at any more");
            return;
        };
        files = back;
        let now = Timestamp::now();
        for (file, _) in files.iter().zip(grown).filter(|(_, grown)| *grown) {
            watch.log_spoke(&file.name, now);
        }
        for finding in watch.silent_logs(&tenant, now) {
            tracing::warn!(log = %finding.actor.agent, "a log source has fallen silent");
            if findings.send(finding).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// A file that is written at its end.
struct Growing {
    name: String,
    file: PathBuf,
    /// Its identity and length; `None` while it isn't there.
    known: Option<(u64, u64)>,
}

impl Growing {
    /// What is there now was there before.
    fn new(name: String, file: PathBuf) -> Self {
        Self {
            name,
            known: seen(&file),
            file,
        }
    }

    /// Whether something was written since the last look. A file that became shorter, or is gone, says nothing; one that took its
    /// place does.
    fn has_grown(&mut self) -> bool {
        let now = seen(&self.file);
        let before = std::mem::replace(&mut self.known, now);
        match (before, now) {
            (Some((same, length)), Some((file, longer))) if same == file => longer > length,
            (_, Some((_, length))) => length > 0,
            (_, None) => false,
        }
    }
}

fn seen(file: &Path) -> Option<(u64, u64)> {
    let about = file.metadata().ok()?;
    #[cfg(unix)]
    let identity = std::os::unix::fs::MetadataExt::ino(&about);
    #[cfg(not(unix))]
    let identity = 0;
    Some((identity, about.len()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use hudun_monitor::{Monitor, Thresholds};

    use super::*;

    #[test]
    fn growth_speaks_and_truncation_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let mut file = Growing::new("audit".to_owned(), path.clone());
        assert!(!file.has_grown());
        std::fs::write(&path, "one\n").unwrap();
        assert!(file.has_grown() && !file.has_grown());
        std::fs::write(&path, "").unwrap();
        assert!(!file.has_grown());
        std::fs::write(&path, "a\n").unwrap();
        assert!(file.has_grown());
        // Rotated: another file takes its place.
        let next = folder.path().join("next");
        std::fs::write(&next, "b\n").unwrap();
        std::fs::rename(&next, &path).unwrap();
        assert!(file.has_grown() && !file.has_grown());
        std::fs::remove_file(&path).unwrap();
        assert!(!file.has_grown());
    }

    #[tokio::test]
    async fn a_silent_log_is_told_once_until_it_speaks_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        std::fs::write(&path, "begun\n").unwrap();
        let source = LogSource {
            name: "audit".to_owned(),
            file: path.clone(),
            tenant: None,
            module: Some("admin".parse().unwrap()),
            silent_after_seconds: Some(1),
        };
        let thresholds = Thresholds {
            logs: vec![source.clone()],
            ..Thresholds::default()
        };
        let (step_ups, _wanted) = mpsc::channel(1);
        let monitor = Watch::new(Monitor::new(thresholds), step_ups);
        let (findings, mut found) = mpsc::channel(10);
        let stop = CancellationToken::new();
        let tenant: TenantId = "yunxi".parse().unwrap();
        let every = Duration::from_millis(20);
        let looking = tokio::spawn(watch(
            monitor,
            vec![source],
            tenant.clone(),
            every,
            findings,
            stop.clone(),
        ));
        for round in 0..2 {
            let told = found.recv().await.unwrap();
            assert_eq!(
                (told.rule.as_str(), &told.tenant),
                ("scrm.log-silent", &tenant)
            );
            assert!(told.why.zh.contains("audit") && told.module.as_str() == "admin");
            // Silent for longer is the same silence.
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            assert!(found.try_recv().is_err(), "round {round}");
            let mut file = std::fs::File::options().append(true).open(&path).unwrap();
            writeln!(file, "again").unwrap();
        }
        stop.cancel();
        looking.await.unwrap();
    }
}
