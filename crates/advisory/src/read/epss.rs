//! EPSS scores: a comment with model and day, then `cve,epss,percentile`.

use super::{Found, Note, Out, clean};
use crate::record::Epss;

/// Longest row, bytes.
const ROW: usize = 1_000;

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (mut model, mut date, mut skipped) = (String::new(), None, 0);
    let mut rest = bytes;
    while rest.first() == Some(&b'#') {
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(rest.len(), |at| at + 1);
        let (line, more) = rest.split_at(end);
        skipped += 1;
        rest = more;
        let text = String::from_utf8_lossy(line.get(1..line.len().min(ROW)).unwrap_or_default());
        for part in text.split(',') {
            match part.trim().split_once(':') {
                Some(("model_version", value)) => model = clean::line(value, 60),
                Some(("score_date", value)) => date = value.get(..10).and_then(clean::day),
                _ => {}
            }
        }
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(rest);
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return out.refuse(format!("line {}", skipped + 1), error),
    };
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header.trim().eq_ignore_ascii_case(name))
    };
    let (Some(cve), Some(probability), Some(percentile)) =
        (column("cve"), column("epss"), column("percentile"))
    else {
        let reason = "its columns are not cve, epss and percentile";
        return out.refuse(format!("line {}", skipped + 1), reason);
    };
    if model.is_empty() || date.is_none() {
        out.note(Note::EpssHead, 1);
    }
    for row in reader.records() {
        if !out.room() {
            return;
        }
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                out.refuse(format!("line {}", skipped + line), error);
                continue;
            }
        };
        let line = skipped + row.position().map_or(0, csv::Position::line);
        let place = || format!("line {line}");
        let share = |at: usize| {
            let value: f64 = row.get(at)?.trim().parse().ok()?;
            (0.0..=1.0).contains(&value).then_some(value)
        };
        let number = row.get(cve).unwrap_or_default();
        match (clean::cve(number), share(probability), share(percentile)) {
            (Some(cve), Some(probability), Some(percentile)) => out.give(Found::Epss(Epss {
                cve,
                probability,
                percentile,
                model: model.clone(),
                date,
            })),
            (None, _, _) => {
                let number = clean::line(number, 60);
                out.refuse(place(), format!("{number:?} is no CVE number"));
            }
            _ => out.refuse(place(), "a score is no number between 0 and 1"),
        }
    }
}
