//! Rule files as documents: a rule is found, its number is changed in a copy, and its line is shown.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value, json};

/// All documents of some files.
pub(super) struct Documents(Vec<Rule>);

/// One document: a rule, a correlation or a filter.
pub(super) struct Rule {
    file: String,
    /// Number of its first line in the file, from 1.
    line: usize,
    text: String,
    json: Map<String, Value>,
}

/// A number of a rule.
#[derive(Debug, Default)]
pub(super) struct Knob {
    /// Its path, such as `correlation.condition.gte`.
    pub(super) path: String,
    /// Its keys one by one; a key may have dots.
    pub(super) keys: Vec<String>,
    pub(super) now: i64,
    pub(super) low: i64,
    pub(super) high: i64,
    pub(super) larger_is_stricter: bool,
}

impl Documents {
    pub(super) fn read(files: Vec<(String, String)>) -> anyhow::Result<Self> {
        let mut documents = Vec::new();
        for (file, text) in files {
            for (line, text) in parts(&text) {
                if text.lines().all(|line| {
                    let line = line.trim();
                    line.is_empty() || line.starts_with('#')
                }) {
                    continue;
                }
                let json: Value = serde_saphyr::from_str(&text)
                    .with_context(|| format!("{file}, document in line {line}"))?;
                let Value::Object(json) = json else {
                    bail!("{file}, document in line {line}: is no rule");
                };
                documents.push(Rule {
                    file: file.clone(),
                    line,
                    text,
                    json,
                });
            }
        }
        Ok(Self(documents))
    }

    /// The one rule of this id, name, name in findings or title that has a number to change.
    pub(super) fn find(&self, wanted: &str) -> anyhow::Result<&Rule> {
        let found: Vec<&Rule> = self
            .0
            .iter()
            .filter(|rule| rule.is_called(wanted) && !rule.json.contains_key("filter"))
            .collect();
        match found[..] {
            [rule] => Ok(rule),
            [] => bail!("no rule has the id, name, finding or title {wanted:?}"),
            _ => {
                let names: Vec<&str> = found.iter().map(|rule| rule.key()).collect();
                bail!(
                    "{wanted:?} are several rules; name one: {}",
                    names.join(", ")
                )
            }
        }
    }

    /// What a copy of the rule needs beside it: filters, and the rules that it counts.
    pub(super) fn around(&self, rule: &Rule) -> anyhow::Result<Vec<(String, String)>> {
        let mut wanted: Vec<&str> = rule.counted();
        let mut taken = BTreeSet::new();
        while let Some(name) = wanted.pop() {
            for (at, other) in self.0.iter().enumerate() {
                if (other.text_of("id") == Some(name) || other.text_of("name") == Some(name))
                    && taken.insert(at)
                {
                    wanted.extend(other.counted());
                }
            }
        }
        self.0
            .iter()
            .enumerate()
            .filter(|(at, other)| taken.contains(at) || other.json.contains_key("filter"))
            .map(|(_, other)| Ok((other.file.clone(), other.filter_for(rule)?)))
            .collect()
    }
}

impl Rule {
    /// Id, else name, else title.
    pub(super) fn key(&self) -> &str {
        ["name", "id", "title"]
            .iter()
            .find_map(|key| self.text_of(key))
            .unwrap_or_default()
    }

    pub(super) fn title(&self) -> &str {
        self.text_of("title").unwrap_or_default()
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// The number to change: the one named, else the first of `hudun.knobs`, else the only one there is.
    pub(super) fn knob(&self, wanted: Option<&str>) -> anyhow::Result<Knob> {
        let known = self.json.get("hudun").and_then(|ours| ours.get("knobs"));
        let known: Vec<&Value> = known
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        let path = match wanted {
            Some(path) => path.to_owned(),
            None => match known.first().and_then(|knob| knob.get("path")?.as_str()) {
                Some(path) => path.to_owned(),
                None => {
                    let mut numbers = Vec::new();
                    for part in ["correlation", "detection"] {
                        if let Some(value) = self.json.get(part) {
                            comparisons(part, value, &mut numbers);
                        }
                    }
                    match &numbers[..] {
                        [one] => one.clone(),
                        [] => bail!("{}: the rule compares no number", self.key()),
                        _ => bail!(
                            "{}: the rule compares several numbers; choose one with --knob: {}",
                            self.key(),
                            numbers.join(", ")
                        ),
                    }
                }
            },
        };
        let keys = resolve(&self.json, &path)
            .with_context(|| format!("{}: there is no {path} in the rule", self.key()))?;
        let last = keys.last().map(String::as_str).unwrap_or_default();
        let how = last.rsplit('|').next().unwrap_or_default();
        let larger_is_stricter = match how {
            "gt" | "gte" => true,
            "lt" | "lte" => false,
            _ => bail!("{path} is no comparison: it ends in gt, gte, lt or lte"),
        };
        let now = value_at(&self.json, &keys)
            .and_then(Value::as_i64)
            .with_context(|| format!("{path} is no whole number"))?;
        let bounds = known
            .iter()
            .find(|knob| knob.get("path").and_then(Value::as_str) == Some(&path));
        let bound = |name: &str, otherwise: i64| {
            bounds
                .and_then(|knob| knob.get(name)?.as_i64())
                .unwrap_or(otherwise)
        };
        Ok(Knob {
            low: bound("low", (now / 10).max(1)).min(now),
            high: bound("high", now.saturating_mul(10)).max(now),
            path,
            keys,
            now,
            larger_is_stricter,
        })
    }

    /// The rule with another number, under another name.
    pub(super) fn copy(&self, knob: &Knob, number: i64, name: &str) -> anyhow::Result<String> {
        let mut json = self.json.clone();
        json.remove("id");
        json.insert("name".into(), name.into());
        json.insert("hudun".into(), json!({ "finding": name }));
        let mut json = Value::Object(json);
        let mut inside = Some(&mut json);
        for key in &knob.keys {
            inside = inside.and_then(|value| value.get_mut(key));
        }
        *inside.context("the number of the rule")? = number.into();
        Ok(serde_json::to_string(&json)?)
    }

    /// The line to change, as it is and as it would be; the path where the line can't be told.
    pub(super) fn line(&self, knob: &Knob, number: i64) -> String {
        let (Some(first), Some(last)) = (knob.keys.first(), knob.keys.last()) else {
            return String::new();
        };
        let mut part = None;
        let mut found = Vec::new();
        for (at, line) in self.text.lines().enumerate() {
            let begins = line.starts_with(|c: char| !c.is_whitespace() && c != '#' && c != '-');
            if begins {
                part = line.split(':').next();
            }
            if part.map(|part| part.trim_matches(['"', '\''])) == Some(first) {
                found.extend(changed(line, last, knob.now, number).map(|new| (at, line, new)));
            }
        }
        match &found[..] {
            [(at, old, new)] => format!("{}:{}\n- {old}\n+ {new}\n", self.file, self.line + at),
            _ => format!("{}: {}: {} → {number}\n", self.file, knob.path, knob.now),
        }
    }

    fn is_called(&self, wanted: &str) -> bool {
        let finding = self
            .json
            .get("hudun")
            .and_then(|ours| ours.get("finding")?.as_str());
        ["id", "name", "title"]
            .iter()
            .any(|key| self.text_of(key) == Some(wanted))
            || finding == Some(wanted)
            || self
                .text_of("name")
                .is_some_and(|name| name.replacen('_', ".", 1).replace('_', "-") == wanted)
    }

    fn text_of(&self, key: &str) -> Option<&str> {
        self.json.get(key)?.as_str()
    }

    /// Names of the rules that a correlation counts.
    fn counted(&self) -> Vec<&str> {
        let rules = self
            .json
            .get("correlation")
            .and_then(|one| one.get("rules"));
        match rules {
            Some(Value::Array(rules)) => rules.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(rule)) => vec![rule],
            _ => Vec::new(),
        }
    }

    /// The document as it is; a filter that is for the tuned rule is for its copies, too.
    fn filter_for(&self, rule: &Self) -> anyhow::Result<String> {
        let targets = self
            .json
            .get("filter")
            .and_then(|filter| filter.get("rules"));
        let Some(Value::Array(targets)) = targets else {
            return Ok(self.text.clone());
        };
        let meant = |target: &Value| {
            let target = target.as_str();
            target.is_some() && (target == rule.text_of("id") || target == rule.text_of("name"))
        };
        ensure!(
            !targets.iter().any(meant),
            "{}: the filter {:?} is for this one rule; tuning it is not supported, widen the filter's `rules`",
            self.file,
            self.text_of("title").unwrap_or_default()
        );
        Ok(self.text.clone())
    }
}

/// The documents of a file, each with the number of its first line.
fn parts(text: &str) -> Vec<(usize, String)> {
    let mut parts = vec![(1, String::new())];
    for (at, line) in text.lines().enumerate() {
        if line.trim_end() == "---" {
            parts.push((at + 2, String::new()));
        } else if let Some((_, part)) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    parts
}

/// The keys of a dotted path; of keys with dots in them the longest that is there.
fn resolve(json: &Map<String, Value>, path: &str) -> Option<Vec<String>> {
    let mut ends: Vec<usize> = path.match_indices('.').map(|(at, _)| at).collect();
    ends.push(path.len());
    for end in ends.into_iter().rev() {
        let (key, rest) = path.split_at_checked(end)?;
        let Some(value) = json.get(key) else {
            continue;
        };
        let Some(rest) = rest.strip_prefix('.') else {
            return Some(vec![key.to_owned()]);
        };
        if let Value::Object(below) = value
            && let Some(keys) = resolve(below, rest)
        {
            return Some([vec![key.to_owned()], keys].concat());
        }
    }
    None
}

fn value_at<'j>(json: &'j Map<String, Value>, keys: &[String]) -> Option<&'j Value> {
    let (first, rest) = keys.split_first()?;
    rest.iter()
        .try_fold(json.get(first)?, |value, key| value.get(key))
}

/// Paths of all whole numbers that something is compared with.
fn comparisons(at: &str, value: &Value, out: &mut Vec<String>) {
    let Value::Object(map) = value else {
        return;
    };
    for (key, value) in map {
        let path = format!("{at}.{key}");
        let how = key.rsplit('|').next().unwrap_or_default();
        if ["gt", "gte", "lt", "lte"].contains(&how) && value.is_i64() {
            out.push(path);
        } else {
            comparisons(&path, value, out);
        }
    }
}

/// The line with another number behind the key; nothing where the key with the present number isn't in it.
fn changed(line: &str, key: &str, now: i64, number: i64) -> Option<String> {
    let now = now.to_string();
    line.match_indices(key).find_map(|(at, _)| {
        let before = line.get(..at)?;
        if before.ends_with(|c: char| c.is_alphanumeric() || "_.|-".contains(c)) {
            return None;
        }
        let rest = line.get(at + key.len()..)?;
        let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
        let value = rest.trim_start().strip_prefix(':')?.trim_start();
        let after = value.strip_prefix(now.as_str())?;
        if after.starts_with(|c: char| c.is_alphanumeric() || c == '.') {
            return None;
        }
        let kept = line.get(..line.len() - value.len())?;
        Some(format!("{kept}{number}{after}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Ours\ntitle: base\nname: base\ndetection:\n  s:\n    a.rows|gte: 40\n    b: 40\n  condition: s\n---\ntitle: Many\nname: scrm_many_x\ncorrelation:\n  rules: [base]\n  timespan: 40m\n  condition: { field: a, gte: 40 } # forty\nhudun:\n  knobs:\n  - path: correlation.condition.gte\n    default: 40\n    low: 10\n    high: 500\n";

    fn documents() -> Documents {
        Documents::read(vec![("ours.yml".into(), FILE.into())]).unwrap()
    }

    #[test]
    fn the_line_of_a_number_is_shown_and_only_that() {
        let documents = documents();
        let many = documents.find("scrm.many-x").unwrap();
        let knob = many.knob(None).unwrap();
        assert_eq!((knob.now, knob.low, knob.high), (40, 10, 500));
        assert_eq!(
            many.line(&knob, 75),
            "ours.yml:15\n-   condition: { field: a, gte: 40 } # forty\n+   condition: { field: a, gte: 75 } # forty\n"
        );
        let base = documents.find("base").unwrap();
        let knob = base.knob(None).unwrap();
        assert_eq!(knob.path, "detection.s.a.rows|gte");
        assert_eq!(
            (knob.low, knob.high, knob.larger_is_stricter),
            (4, 400, true)
        );
        assert_eq!(
            base.line(&knob, 7),
            "ours.yml:6\n-     a.rows|gte: 40\n+     a.rows|gte: 7\n"
        );
    }

    #[test]
    fn a_copy_has_the_number_and_what_it_counts_beside_it() {
        let documents = documents();
        let many = documents.find("Many").unwrap();
        let knob = many.knob(None).unwrap();
        let copy: Value = serde_json::from_str(&many.copy(&knob, 75, "tune_75").unwrap()).unwrap();
        assert_eq!(copy["correlation"]["condition"]["gte"], 75);
        assert_eq!(copy["name"], "tune_75");
        let around = documents.around(many).unwrap();
        assert_eq!(around.len(), 1);
        assert!(around[0].1.contains("name: base"));
    }

    #[test]
    fn what_cannot_be_tuned_is_named() {
        let documents = documents();
        assert!(documents.find("nobody").is_err());
        let base = documents.find("base").unwrap();
        for (path, said) in [
            ("detection.s.c|gte", "there is no"),
            ("detection.s.b", "is no comparison"),
            ("detection.s", "is no comparison"),
        ] {
            let error = format!("{:#}", base.knob(Some(path)).unwrap_err());
            assert!(error.contains(said), "{path}: {error}");
        }
    }
}
