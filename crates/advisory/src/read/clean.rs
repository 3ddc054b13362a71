//! Bounds and plain text, the same for all sources.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::{Note, Out};
use crate::cpe::Cpe;
use crate::record::{Affected, Bound, Range, Record, Status};

/// Longest summary and remediation, characters.
const TEXT: usize = 4_000;
/// Longest title, name or other line, characters.
const LINE: usize = 500;
/// Longest version, characters. [`crate::Version`] reads 1,000 bytes.
const VERSION: usize = 250;
/// Most entries of the small lists: aliases, references, CWEs, scores, platforms.
const LIST: usize = 100;

/// Brings a record within its bounds. What is cut is counted; where versions are cut, the product gets a range of unknown
/// status, so that a version beyond the cut is never taken for unaffected.
///
/// # Errors
/// Why it can't be a record.
pub(super) fn record(record: &mut Record, out: &mut Out<'_>) -> Result<(), String> {
    record.id = line(&record.id, LINE);
    if record.id.is_empty() {
        return Err("it has no number".to_owned());
    }
    if record.id.chars().any(char::is_whitespace) || record.id.len() > 200 {
        return Err(format!(
            "{:?} is no number of an advisory",
            line(&record.id, 60)
        ));
    }
    record.title = shorten(&record.title, LINE, out);
    record.summary = shorten(&record.summary, TEXT, out);
    record.remediation = shorten(&record.remediation, TEXT, out);
    for text in [&mut record.severity_word, &mut record.patch] {
        *text = text
            .take()
            .map(|text| line(&text, LINE))
            .filter(|text| !text.is_empty());
    }
    let own = record.id.clone();
    for list in [
        &mut record.aliases,
        &mut record.cwes,
        &mut record.references,
    ] {
        small(list, out);
    }
    record.aliases.retain(|alias| *alias != own);
    record
        .scores
        .retain(|score| !score.vector.trim().is_empty());
    let mut seen = HashSet::new();
    record
        .scores
        .retain(|score| seen.insert((score.vector.clone(), score.giver.clone())));
    for score in &mut record.scores {
        score.vector = line(&score.vector, LINE);
        score.giver = line(&score.giver, LINE);
    }
    out.note(Note::List, record.scores.len().saturating_sub(LIST));
    record.scores.truncate(LIST);
    products(record, out);
    Ok(())
}

fn products(record: &mut Record, out: &mut Out<'_>) {
    let most = out.limits.products_per_record;
    let beyond = record.affected.len().saturating_sub(most);
    if beyond > 0 {
        record.affected.truncate(most);
        out.note(Note::Products, beyond);
    }
    let mut left = out.limits.versions_per_record;
    for affected in &mut record.affected {
        names(affected, out);
        // Half a version would be another version.
        let given = affected.versions.len();
        affected.versions.retain(|version| version.len() <= VERSION);
        let long = given - affected.versions.len();
        out.note(Note::Version, long);
        let cut = keep(&mut affected.versions, &mut left) + keep(&mut affected.ranges, &mut left);
        for range in &mut affected.ranges {
            let beyond = range.changes.len().saturating_sub(left);
            if beyond > 0 {
                // What holds behind the last change that was kept is not known.
                *range = Range::unreadable("its changes are too many");
                out.note(Note::Versions, beyond);
            }
            left = left.saturating_sub(range.changes.len());
            limit(range);
        }
        // Without its conditions the product would be affected everywhere: unknown then.
        let conditions: usize = affected.on.iter().map(|on| on.any.len()).sum();
        let dropped = if conditions > left {
            affected.on.clear();
            conditions
        } else {
            left -= conditions;
            0
        };
        if dropped > 0 {
            affected.versions.clear();
            affected.ranges.clear();
            affected.default = Some(Status::Unknown);
        }
        if long > 0 {
            affected
                .ranges
                .push(Range::unreadable("a version that is too long"));
        }
        if cut + dropped > 0 {
            affected.ranges.push(Range::unreadable("more than is read"));
            out.note(Note::Versions, cut + dropped);
        }
    }
}

fn names(affected: &mut Affected, out: &mut Out<'_>) {
    for text in [
        &mut affected.giver,
        &mut affected.vendor,
        &mut affected.product,
    ] {
        *text = line(text, LINE);
    }
    affected.justification = affected.justification.take().map(|text| line(&text, LINE));
    // Half a name would be another package.
    let long = |text: &str| text.trim().is_empty() || text.chars().nth(LINE).is_some();
    if affected.purl.as_deref().is_some_and(long) {
        affected.purl = None;
        out.note(Note::Name, 1);
    }
    if affected
        .package
        .as_ref()
        .is_some_and(|package| long(&package.registry) || long(&package.name))
    {
        affected.package = None;
        out.note(Note::Name, 1);
    }
    small(&mut affected.platforms, out);
    small(&mut affected.subcomponents, out);
    let mut seen = HashSet::new();
    affected.cpes.retain(|cpe| seen.insert(cpe.clone()));
    out.note(Note::List, affected.cpes.len().saturating_sub(1_000));
    affected.cpes.truncate(1_000);
}

/// A text that is too long is no version.
fn limit(range: &mut Range) {
    for bound in [&mut range.lower, &mut range.upper] {
        let (Bound::Including(text)
        | Bound::Excluding(text)
        | Bound::Line(text)
        | Bound::Unreadable(text)) = &*bound
        else {
            continue;
        };
        if text.len() > VERSION {
            *bound = Bound::Unreadable(line(text, VERSION));
        }
    }
    if range.changes.iter().any(|change| change.at.len() > VERSION) {
        *range = Range::unreadable("a change at a version that is too long");
    }
    for text in [&mut range.text, &mut range.version_type] {
        *text = text.take().map(|text| line(&text, VERSION));
    }
}

/// Keeps what there is room for; how many were cut.
fn keep<T>(list: &mut Vec<T>, left: &mut usize) -> usize {
    let cut = list.len().saturating_sub(*left);
    list.truncate(*left);
    *left -= list.len();
    cut
}

/// One line each, no two alike, at most a hundred.
fn small(list: &mut Vec<String>, out: &mut Out<'_>) {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for text in list.drain(..) {
        let text = line(&text, LINE);
        if !text.is_empty() && seen.insert(text.clone()) {
            kept.push(text);
        }
    }
    out.note(Note::List, kept.len().saturating_sub(LIST));
    kept.truncate(LIST);
    *list = kept;
}

fn shorten(text: &str, most: usize, out: &mut Out<'_>) -> String {
    let plain = block(text);
    if plain.chars().nth(most).is_none() {
        return plain;
    }
    out.note(Note::Text, 1);
    plain.chars().take(most).collect()
}

/// Lines without control characters, without empty lines at the ends and without carriage returns.
fn block(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect();
    plain.trim().to_owned()
}

/// One line: white space and control characters become one space; cut to `most` characters.
pub(super) fn line(text: &str, most: usize) -> String {
    let mut plain = String::with_capacity(text.len().min(most * 4));
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let mut length = 0;
    for word in words.filter(|word| !word.is_empty()) {
        if length > 0 && length < most {
            plain.push(' ');
            length += 1;
        }
        for c in word.chars() {
            if length == most {
                return plain.trim_end().to_owned();
            }
            plain.push(c);
            length += 1;
        }
    }
    plain
}

/// A time with or without a zone, or a day. `None`, and a note, for what is neither.
pub(super) fn time(text: Option<&str>, out: &mut Out<'_>) -> Option<Timestamp> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let utc = |civil: DateTime| TimeZone::UTC.to_timestamp(civil).ok();
    let found = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| text.parse::<DateTime>().ok().and_then(utc))
        .or_else(|| {
            day(text).and_then(|date| utc(date.to_datetime(jiff::civil::Time::midnight())))
        });
    if found.is_none() {
        out.note(Note::Time, 1);
    }
    found
}

/// `2024-01-31`, also with slashes and without noughts in front.
pub(super) fn day(text: &str) -> Option<Date> {
    let mut parts = text.trim().split(['-', '/']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// `CVE-2024-12345` in capitals, where the text is that.
pub(super) fn cve(text: &str) -> Option<String> {
    let text = text.trim();
    let rest = text
        .get(..4)
        .filter(|head| head.eq_ignore_ascii_case("CVE-"))
        .and_then(|_| text.get(4..))?;
    let (year, number) = rest.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (year.len() == 4 && (4..=19).contains(&number.len()) && digits(year) && digits(number))
        .then(|| format!("CVE-{rest}"))
}

/// A CPE name; counted where it is none.
pub(super) fn cpe(text: &str, out: &mut Out<'_>) -> Option<Cpe> {
    let found = text.parse().ok();
    if found.is_none() {
        out.note(Note::Cpe, 1);
    }
    found
}
