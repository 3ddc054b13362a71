//! A simulated year on disk: `scenario.json`, `events.jsonl`, `labels.jsonl`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use hudun_behaviour::Settings;
use serde::de::DeserializeOwned;

use crate::attack::Label;
use crate::evaluate::{Counter, Examiner, Losses, Outcome};
use crate::event::Event;
use crate::year::{Scenario, Year};

/// Longest line that is read, bytes: an export of a large firm.
const LONGEST: u64 = 4 << 20;

/// Simulates and examines without writing anything.
///
/// # Errors
/// Settings that can't be used.
pub fn examine(scenario: Scenario, settings: &Settings) -> Result<Outcome, FolderError> {
    let mut year =
        Year::begin(scenario.clone()).map_err(|cause| FolderError::Scenario(cause.to_string()))?;
    let mut examiner = examiner(scenario, settings)?;
    let mut counter = Counter::default();
    while let Some(events) = year.next_day() {
        let of_attack = by_event(year.labels());
        for event in &events {
            if let Some(attack) = of_attack.get(&event.uid) {
                counter.note(*attack, event);
            }
            examiner.show(event, !of_attack.contains_key(&event.uid));
        }
    }
    let labels: Vec<Label> = year.labels().cloned().collect();
    Ok(examiner.finish(&labels, &counter.finish(), settings))
}

/// Writes a year. Returns the number of events and of attacks.
///
/// # Errors
/// What can't be written.
pub fn write(scenario: Scenario, folder: &Path) -> Result<(u64, usize), FolderError> {
    let mut year =
        Year::begin(scenario.clone()).map_err(|cause| FolderError::Scenario(cause.to_string()))?;
    std::fs::create_dir_all(folder).map_err(|cause| FolderError::io(folder, cause))?;
    let file = folder.join("scenario.json");
    let text = serde_json::to_string_pretty(&scenario)
        .map_err(|cause| FolderError::io(&file, cause.into()))?;
    std::fs::write(&file, text + "\n").map_err(|cause| FolderError::io(&file, cause))?;
    let file = folder.join("events.jsonl");
    let mut out =
        BufWriter::new(File::create(&file).map_err(|cause| FolderError::io(&file, cause))?);
    let mut count = 0;
    while let Some(events) = year.next_day() {
        for event in events {
            writeln!(out, "{}", event.to_json()).map_err(|cause| FolderError::io(&file, cause))?;
            count += 1;
        }
    }
    out.flush().map_err(|cause| FolderError::io(&file, cause))?;
    let file = folder.join("labels.jsonl");
    let mut out =
        BufWriter::new(File::create(&file).map_err(|cause| FolderError::io(&file, cause))?);
    let mut attacks = 0;
    for label in year.labels() {
        let line =
            serde_json::to_string(label).map_err(|cause| FolderError::io(&file, cause.into()))?;
        writeln!(out, "{line}").map_err(|cause| FolderError::io(&file, cause))?;
        attacks += 1;
    }
    out.flush().map_err(|cause| FolderError::io(&file, cause))?;
    Ok((count, attacks))
}

/// Examines a folder that [`write`] made.
///
/// # Errors
/// [`FolderError`] naming file and line.
pub fn read(folder: &Path, settings: &Settings) -> Result<Outcome, FolderError> {
    let file = folder.join("scenario.json");
    let text = std::fs::read_to_string(&file).map_err(|cause| FolderError::io(&file, cause))?;
    let scenario: Scenario = serde_json::from_str(&text).map_err(|cause| FolderError::Line {
        file: file.clone(),
        line: cause.line() as u64,
        problem: cause.to_string(),
    })?;
    let mut labels: Vec<Label> = Vec::new();
    lines(&folder.join("labels.jsonl"), |label| {
        labels.push(label);
        Ok(())
    })?;
    let of_attack = by_event(labels.iter());
    let mut examiner = examiner(scenario, settings)?;
    let mut counter = Counter::default();
    lines(
        &folder.join("events.jsonl"),
        |document: serde_json::Value| {
            let event = Event::from_json(&document)?;
            if let Some(attack) = of_attack.get(&event.uid) {
                counter.note(*attack, &event);
            }
            examiner.show(&event, !of_attack.contains_key(&event.uid));
            Ok(())
        },
    )?;
    let losses: Losses = counter.finish();
    Ok(examiner.finish(&labels, &losses, settings))
}

fn examiner(scenario: Scenario, settings: &Settings) -> Result<Examiner, FolderError> {
    Examiner::new(scenario, settings.clone())
        .map_err(|cause| FolderError::Scenario(cause.to_string()))
}

fn by_event<'a>(labels: impl Iterator<Item = &'a Label>) -> HashMap<u64, u32> {
    labels
        .flat_map(|label| label.events.iter().map(|uid| (*uid, label.attack)))
        .collect()
}

fn lines<T: DeserializeOwned>(
    file: &Path,
    mut take: impl FnMut(T) -> Result<(), String>,
) -> Result<(), FolderError> {
    let mut from = BufReader::new(File::open(file).map_err(|cause| FolderError::io(file, cause))?);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        number += 1;
        let read = from
            .by_ref()
            .take(LONGEST)
            .read_until(b'\n', &mut line)
            .map_err(|cause| FolderError::io(file, cause))?;
        if read == 0 {
            return Ok(());
        }
        let bad = |problem: String| FolderError::Line {
            file: file.to_owned(),
            line: number,
            problem,
        };
        if line.last() != Some(&b'\n') {
            return Err(bad(
                "the file ends in the middle, or the line is longer than 4 MiB".to_owned(),
            ));
        }
        let document = serde_json::from_slice(&line).map_err(|cause| bad(cause.to_string()))?;
        take(document).map_err(bad)?;
    }
}

/// A year that can't be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A file can't be read or written.
    #[error("{}: {cause}", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// A line that is no event, label or scenario.
    #[error("{}, line {line}: {problem}", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A scenario or setting that can't be used.
    #[error("{0}")]
    Scenario(String),
}

impl FolderError {
    fn io(file: &Path, cause: std::io::Error) -> Self {
        Self::Io {
            file: file.to_owned(),
            cause,
        }
    }
}
