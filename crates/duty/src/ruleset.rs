//! The content: rules, gates, grading, holidays, fields, templates. Embedded, or read from a folder.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clock::Holidays;
use crate::error::DutyError;
use crate::facts::sha256;
use crate::gates::GateRule;
use crate::lint::LintData;
use crate::notice::Template;
use crate::rule::Rule;
use crate::severity::{Grading, TypeTable};
use crate::text::Text;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A content field that laws demand in notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Identifier that rules and template sections name.
    pub id: String,
    /// What it is called.
    pub title: Text,
    /// Paths into the fact base that must be filled; `a|b` means one of them.
    #[serde(default)]
    pub needs: Vec<String>,
}

/// The content in force.
#[derive(Clone, Debug)]
pub struct RuleSet {
    /// Every duty, by id.
    pub rules: Vec<Rule>,
    /// Every conflict gate.
    pub gates: Vec<GateRule>,
    /// Content fields.
    pub fields: Vec<Field>,
    /// Calendars of days off.
    pub holidays: Vec<Holidays>,
    /// The CAC annex.
    pub grading: Grading,
    /// Types of GB/T 20986.
    pub types: TypeTable,
    /// Templates of notices.
    pub templates: Vec<Template>,
    /// What the linter looks for.
    pub lint: LintData,
    /// SHA-256 over every file, so that a decision can name the content that it was made with.
    pub digest: String,
}

impl RuleSet {
    /// The content that this build carries.
    pub fn embedded() -> Result<Self, DutyError> {
        Self::from_files(
            FILES
                .iter()
                .map(|(n, t)| ((*n).to_owned(), (*t).to_owned()))
                .collect(),
        )
    }

    /// The content of a folder laid out like `duties/`.
    pub fn from_folder(root: &Path) -> Result<Self, DutyError> {
        let mut files = BTreeMap::new();
        for folder in ["", "rules", "gates", "grading", "holidays", "templates"] {
            read_folder(root, folder, &mut files)?;
        }
        Self::from_files(files)
    }

    /// A rule by id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|r| r.id == id)
    }

    /// A content field by id.
    pub fn field(&self, id: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.id == id)
    }

    fn from_files(files: BTreeMap<String, String>) -> Result<Self, DutyError> {
        let mut set = Self {
            rules: vec![],
            gates: vec![],
            fields: vec![],
            holidays: vec![],
            grading: Grading::default(),
            types: TypeTable::default(),
            templates: vec![],
            lint: LintData::default(),
            digest: String::new(),
        };
        let mut all = String::new();
        for (name, text) in &files {
            all.push_str(&format!("{name}\n{}\n", sha256(text.as_bytes())));
            match name.split_once('/') {
                Some(("rules", _)) => {
                    let rule: Rule = parse(name, text)?;
                    rule.check().map_err(|(field, why)| DutyError::Rule {
                        file: name.clone(),
                        rule: rule.id.clone(),
                        field,
                        why,
                    })?;
                    if set.rule(&rule.id).is_some() {
                        return Err(content(name, format!("rule {} is there twice", rule.id)));
                    }
                    set.rules.push(rule);
                }
                Some(("gates", _)) => {
                    let gate: GateRule = parse(name, text)?;
                    gate.check().map_err(|why| content(name, why))?;
                    set.gates.push(gate);
                }
                Some(("holidays", _)) => set.holidays.push(parse(name, text)?),
                Some(("templates", _)) => {
                    let mut template: Template = parse(name, text)?;
                    template.file = name.clone();
                    set.templates.push(template);
                }
                Some(("grading", "cac.yaml")) => set.grading = parse(name, text)?,
                Some(("grading", "gbt20986.yaml")) => set.types = parse(name, text)?,
                None if name == "fields.yaml" => set.fields = parse(name, text)?,
                None if name == "lint.yaml" => set.lint = parse(name, text)?,
                _ => return Err(content(name, "no place for such a file here".into())),
            }
        }
        set.digest = sha256(all.as_bytes());
        set.rules.sort_by(|a, b| a.id.cmp(&b.id));
        set.check_references()?;
        Ok(set)
    }

    /// Every name that one file uses must be defined in another.
    fn check_references(&self) -> Result<(), DutyError> {
        for rule in &self.rules {
            for phase in &rule.phases {
                for field in &phase.fields {
                    if self.field(field).is_none() {
                        return Err(self.rule_error(
                            rule,
                            &format!("phases.{}.fields", phase.id),
                            format!("there is no field `{field}`"),
                        ));
                    }
                }
                if let Some(h) = &phase.clock.holidays
                    && !self.holidays.iter().any(|c| &c.id == h)
                {
                    return Err(self.rule_error(
                        rule,
                        &format!("phases.{}.clock.holidays", phase.id),
                        format!("there is no calendar `{h}`"),
                    ));
                }
            }
        }
        for gate in &self.gates {
            for id in &gate.rules {
                if self.rule(id).is_none() {
                    return Err(content(
                        &format!("gates/{}", gate.id),
                        format!("there is no rule `{id}`"),
                    ));
                }
            }
        }
        for t in &self.templates {
            t.check(self)?;
        }
        if self.grading.names.len() != 4 {
            return Err(content(
                "grading/cac.yaml",
                "four grade names are needed".into(),
            ));
        }
        self.lint.check().map_err(|why| content("lint.yaml", why))
    }

    fn rule_error(&self, rule: &Rule, field: &str, why: String) -> DutyError {
        DutyError::Rule {
            file: "rules".into(),
            rule: rule.id.clone(),
            field: field.into(),
            why,
        }
    }
}

fn read_folder(
    root: &Path,
    folder: &str,
    files: &mut BTreeMap<String, String>,
) -> Result<(), DutyError> {
    let path = root.join(folder);
    let failed = |path: &Path, source| DutyError::Read {
        path: path.display().to_string(),
        source,
    };
    let entries = std::fs::read_dir(&path).map_err(|e| failed(&path, e))?;
    for entry in entries {
        let file = entry.map_err(|e| failed(&path, e))?.path();
        if file.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let size = std::fs::metadata(&file)
            .map_err(|e| failed(&file, e))?
            .len();
        let name = file
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        let name = if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        };
        if size > MAX_FILE || files.len() >= MAX_FILES {
            return Err(content(
                &name,
                format!("a content folder holds at most {MAX_FILES} files of {MAX_FILE} bytes"),
            ));
        }
        let text = std::fs::read_to_string(&file).map_err(|e| failed(&file, e))?;
        files.insert(name, text);
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, DutyError> {
    serde_saphyr::from_str(text).map_err(|e| content(name, e.to_string()))
}

fn content(file: &str, message: String) -> DutyError {
    DutyError::Content {
        file: file.to_owned(),
        message,
    }
}

const MAX_FILE: u64 = 1024 * 1024;
const MAX_FILES: usize = 2_000;
