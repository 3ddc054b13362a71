//! What changed between two reports: for a re-match on every change of feeds or inventory.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key::purl_key;
use super::report::{Finding, Part, Report};
use crate::decide::What;
use crate::record::Status;

/// A finding at one place, under a key that outlives versions and the lines of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FindingKey {
    /// The package without its version (`pkg:npm/lodash`), or the name where there is none.
    pub component: String,
    /// The file that it was found in, without line or number.
    pub place: String,
    /// The number that the vulnerability is called by.
    pub vulnerability: String,
}

/// What a report says of a [`FindingKey`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The component's version.
    pub version: Option<String>,
    /// Affected, unknown, unaffected.
    pub status: Status,
    /// A name alone led to it.
    pub proposed: bool,
    /// A statement says that it does not matter here, and why.
    pub suppressed: Option<String>,
    /// The class of the decision.
    pub what: What,
    /// Within how many days.
    pub due: Option<u16>,
    /// Known to be exploited: it is in CISA's catalogue.
    pub exploited: bool,
    /// The version that mends.
    pub fixed: Option<String>,
}

impl State {
    /// Whether somebody has to act on it, as [`Finding::counts`] has it.
    pub fn counts(&self) -> bool {
        self.suppressed.is_none() && !self.proposed && self.status != Status::Unaffected
    }
}

/// Why something is not found any more, or counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The component is not in the inventory any more, at that place.
    ComponentGone,
    /// The component has another version.
    VersionChanged,
    /// Same component, same version: the advisories say something else now.
    StatementChanged,
    /// A statement says that it does not matter here.
    Suppressed,
    /// The new report does not list its components, so whether the component is there is not known.
    NotTold,
}

/// Something that is not found any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// Which.
    #[serde(flatten)]
    pub key: FindingKey,
    /// What was said of it.
    pub was: State,
    /// The component's version now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_now: Option<String>,
    /// Why.
    pub why: Why,
}

/// Something that is found for the first time, or counts for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct New {
    /// Which.
    #[serde(flatten)]
    pub key: FindingKey,
    /// What is said of it.
    pub is: State,
}

/// Something of which another thing is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Which.
    #[serde(flatten)]
    pub key: FindingKey,
    /// What was said.
    pub was: State,
    /// What is said.
    pub is: State,
    /// Which fields differ: `version`, `status`, `proposed`, `class`, `due`, `exploited`, `fixed`.
    pub fields: Vec<&'static str>,
}

/// What changed from one report to the next. Each list is sorted by key.
///
/// What is suppressed or taken for unaffected does not count: from counting to not counting is [`Gone`], from not counting to
/// counting is [`New`], so that a person who acts on both lists acts on all that matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Findings that are there now.
    pub new: Vec<New>,
    /// Findings that are there no more.
    pub gone: Vec<Gone>,
    /// Findings that are there still, with another verdict, class, term or fix.
    pub changed: Vec<Changed>,
    /// Findings of which the same is said.
    pub same: usize,
}

/// A report, as far as a comparison needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Findings by key.
    pub states: BTreeMap<FindingKey, State>,
    /// The number that each vulnerability is called by, by all its numbers in capitals.
    names: BTreeMap<String, String>,
    /// Components with their places and versions; `None` where the report does not list them.
    pub components: Option<BTreeSet<(String, String, Option<String>)>>,
}

impl Snapshot {
    /// Of a report.
    pub fn of(report: &Report) -> Self {
        let mut snapshot = Self {
            components: Some(BTreeSet::new()),
            ..Self::default()
        };
        for part in &report.components {
            snapshot.component(&seen(part));
        }
        for finding in &report.findings {
            snapshot.put(
                &seen(&finding.component),
                &finding.vulnerability.id,
                &state(finding),
            );
            let vulnerability = &finding.vulnerability;
            snapshot.name(&vulnerability.id, &vulnerability.ids);
        }
        snapshot
    }

    fn name(&mut self, id: &str, ids: &[String]) {
        for one in ids {
            let upper = one.to_ascii_uppercase();
            self.names.entry(upper).or_insert_with(|| id.to_owned());
        }
    }

    fn component(&mut self, (name, version, places): &Seen) {
        let all = self.components.get_or_insert_default();
        all.extend(
            places
                .iter()
                .map(|place| (name.clone(), place.clone(), version.clone())),
        );
    }

    /// Of two versions at one place the one with the worse answer stands.
    fn put(&mut self, (name, _, places): &Seen, id: &str, state: &State) {
        for place in places {
            let key = FindingKey {
                component: name.clone(),
                place: place.clone(),
                vulnerability: id.to_owned(),
            };
            let rank = |state: &State| {
                (
                    state.counts(),
                    state.what,
                    super::verdict::weight(state.status),
                )
            };
            match self.states.get_mut(&key) {
                Some(known) if rank(known) >= rank(state) => {}
                Some(known) => *known = state.clone(),
                None => {
                    self.states.insert(key, state.clone());
                }
            }
        }
    }

    /// Of the lines that `hudun advisory match --json` prints. Lines of other kinds say nothing here.
    ///
    /// # Errors
    /// The number of the line that is no such line, and why.
    pub fn of_lines(text: &str) -> Result<Self, SnapshotError> {
        let mut snapshot = Self::default();
        let mut told = false;
        for (at, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let bad = |why: String| SnapshotError { line: at + 1, why };
            let value: Value =
                serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
            if let Some(components) = value.get("components") {
                snapshot.components.get_or_insert_default();
                let parts: Vec<PartLine> =
                    PartLine::list(components).map_err(|error| bad(error.to_string()))?;
                for part in &parts {
                    snapshot.component(&part.seen());
                }
                continue;
            }
            if ["refused", "summary", "upgrade"]
                .iter()
                .any(|name| value.get(name).is_some())
            {
                told = true;
                continue;
            }
            let line = FindingLine::deserialize(&value).map_err(|error| bad(error.to_string()))?;
            let state = State {
                version: line.component.version.clone(),
                status: line.status,
                proposed: line.proposed,
                suppressed: line.suppressed.map(|one| one.reason),
                what: line.decision.what,
                due: line.decision.due,
                exploited: line.vulnerability.kev.is_some(),
                fixed: line.fixed,
            };
            snapshot.put(&line.component.seen(), &line.vulnerability.id, &state);
            snapshot.name(&line.vulnerability.id, &line.vulnerability.ids);
        }
        // A report of nothing has its summary; a file that was cut, or another one, has not.
        if snapshot.states.is_empty() && !told {
            return Err(SnapshotError {
                line: 1,
                why: "it holds no report".to_owned(),
            });
        }
        Ok(snapshot)
    }
}

/// A line that is none of a report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is none of a report that `advisory match --json` printed: {why}")]
pub struct SnapshotError {
    /// Its number, from 1.
    pub line: usize,
    /// Why not.
    pub why: String,
}

impl Difference {
    /// From the older to the newer.
    pub fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let mut difference = Self::default();
        // What had only a number of CNVD or GitHub may be called by its CVE number now.
        let before: BTreeMap<FindingKey, &State> = old
            .states
            .iter()
            .map(|(key, state)| {
                let now = new.names.get(&key.vulnerability.to_ascii_uppercase());
                let vulnerability = now.unwrap_or(&key.vulnerability).clone();
                let key = FindingKey {
                    vulnerability,
                    ..key.clone()
                };
                (key, state)
            })
            .collect();
        for (key, is) in &new.states {
            match before.get(key) {
                Some(was) if was.counts() => difference.both(key, was, is),
                _ if is.counts() => difference.new.push(New {
                    key: key.clone(),
                    is: is.clone(),
                }),
                Some(was) => difference.both(key, was, is),
                None if is.proposed => difference.new.push(New {
                    key: key.clone(),
                    is: is.clone(),
                }),
                None => {}
            }
        }
        for (key, was) in before {
            if !new.states.contains_key(&key) && (was.counts() || was.proposed) {
                let (why, version_now) = why(&key, was, new);
                difference.gone.push(Gone {
                    key,
                    was: was.clone(),
                    version_now,
                    why,
                });
            }
        }
        difference.gone.sort_by(|one, two| one.key.cmp(&two.key));
        difference
    }

    /// Whether nothing changed.
    pub const fn is_empty(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty() && self.changed.is_empty()
    }

    fn both(&mut self, key: &FindingKey, was: &State, is: &State) {
        if was.counts() && !is.counts() && !is.proposed {
            let why = if is.suppressed.is_some() {
                Why::Suppressed
            } else if was.version != is.version {
                Why::VersionChanged
            } else {
                Why::StatementChanged
            };
            self.gone.push(Gone {
                key: key.clone(),
                was: was.clone(),
                version_now: (was.version != is.version)
                    .then(|| is.version.clone())
                    .flatten(),
                why,
            });
            return;
        }
        let fields: Vec<&'static str> = [
            ("version", was.version != is.version),
            ("status", was.status != is.status),
            ("proposed", was.proposed != is.proposed),
            ("suppressed", was.suppressed != is.suppressed),
            ("class", was.what != is.what),
            ("due", was.due != is.due),
            ("exploited", was.exploited != is.exploited),
            ("fixed", was.fixed != is.fixed),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect();
        if fields.is_empty() {
            self.same += 1;
        } else {
            self.changed.push(Changed {
                key: key.clone(),
                was: was.clone(),
                is: is.clone(),
                fields,
            });
        }
    }
}

/// Why a finding is not in the new report.
fn why(key: &FindingKey, was: &State, new: &Snapshot) -> (Why, Option<String>) {
    let Some(components) = &new.components else {
        return (Why::NotTold, None);
    };
    let first = (key.component.clone(), key.place.clone(), None);
    let mut there = components
        .range(first..)
        .take_while(|(name, place, _)| *name == key.component && *place == key.place)
        .map(|(_, _, version)| version)
        .peekable();
    if there.peek().is_none() {
        return (Why::ComponentGone, None);
    }
    let mut other = None;
    for version in there {
        if *version == was.version {
            return (Why::StatementChanged, None);
        }
        other.clone_from(version);
    }
    (Why::VersionChanged, other)
}

/// FindingKey, version and places of a component.
type Seen = (String, Option<String>, Vec<String>);

fn seen(part: &Part) -> Seen {
    of_part(
        &part.name,
        part.purl.as_deref(),
        part.version.as_deref(),
        &part.places,
    )
}

fn of_part(name: &str, purl: Option<&str>, version: Option<&str>, places: &[String]) -> Seen {
    let package = purl
        .and_then(purl_key)
        .and_then(|key| key.strip_prefix("p:").map(|key| format!("pkg:{key}")));
    let mut places: Vec<String> = places
        .iter()
        .map(|place| stable(place).to_owned())
        .collect();
    places.sort_unstable();
    places.dedup();
    (
        package.unwrap_or_else(|| name.to_owned()),
        version.map(str::to_owned),
        places,
    )
}

/// A place without what moves when something else is installed: `status: line 412` and `sbom.json: components[7]`.
fn stable(place: &str) -> &str {
    const MOVES: [&str; 4] = ["line ", "components[", "packages[", "metadata."];
    match place.rsplit_once(": ") {
        Some((file, at)) if MOVES.iter().any(|head| at.starts_with(head)) => file,
        _ => place,
    }
}

fn state(finding: &Finding) -> State {
    State {
        version: finding.component.version.clone(),
        status: finding.status,
        proposed: finding.proposed,
        suppressed: finding.suppressed.as_ref().map(|one| one.reason.clone()),
        what: finding.what(),
        due: finding.decided.decision.due,
        exploited: finding.vulnerability.kev.is_some(),
        fixed: finding.fixed.clone(),
    }
}

#[derive(Deserialize)]
struct FindingLine {
    component: PartLine,
    vulnerability: NumberLine,
    status: Status,
    proposed: bool,
    #[serde(default)]
    fixed: Option<String>,
    #[serde(default)]
    suppressed: Option<ReasonLine>,
    decision: DecisionLine,
}

#[derive(Deserialize)]
struct PartLine {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    purl: Option<String>,
    places: Vec<String>,
}

impl PartLine {
    fn list(value: &Value) -> Result<Vec<Self>, serde_json::Error> {
        Vec::deserialize(value)
    }

    fn seen(&self) -> Seen {
        of_part(
            &self.name,
            self.purl.as_deref(),
            self.version.as_deref(),
            &self.places,
        )
    }
}

#[derive(Deserialize)]
struct NumberLine {
    id: String,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    kev: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct ReasonLine {
    reason: String,
}

#[derive(Deserialize)]
struct DecisionLine {
    what: What,
    #[serde(default)]
    due: Option<u16>,
}
