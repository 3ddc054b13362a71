//! From rule files to a [`RuleSet`].

mod assemble;
mod directives;
mod resolve;

use std::sync::Arc;

use crate::collections::TxNames;
use crate::error::{LoadError, LoadErrorKind, Span};
use crate::parse::{Action, OperatorDecl, RuleSelect, TargetList, split_lines};
use crate::plan::Plan;
use crate::rule::Rule;
use crate::settings::Settings;
use crate::sources::{DiskSources, Sources};

/// Compiled rules: immutable, shared between threads, swapped whole.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) settings: Settings,
    pub(crate) rules: Vec<Rule>,
    pub(crate) tx_names: TxNames,
    pub(crate) plan: Plan,
    /// `SecAuditLogRelevantStatus`
    pub(crate) audit_status: Option<regex::bytes::Regex>,
    warnings: Vec<String>,
}

impl RuleSet {
    /// Starts a rule set.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// How many rules it has; a chain counts once.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether it has no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The ids of all rules, in file order.
    pub fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.rules.iter().map(|r| r.id)
    }

    /// What was accepted without effect, and updates of rules that don't exist.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The settings that the directives made.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How the rules were compiled: automata, their patterns and their bytes.
    pub fn plan_summary(&self) -> Vec<crate::plan::GroupSummary> {
        self.plan.summary()
    }
}

/// Collects rule files and directives, in order.
#[derive(Default)]
pub struct Builder {
    inputs: Vec<Input>,
}

enum Input {
    Text { name: String, text: String },
    File { path: String },
    Glob { pattern: String },
}

impl Builder {
    /// Adds directives as text; `name` stands in error messages.
    #[must_use]
    pub fn text(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.inputs.push(Input::Text {
            name: name.into(),
            text: text.into(),
        });
        self
    }

    /// Adds one rule file.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>) -> Self {
        self.inputs.push(Input::File { path: path.into() });
        self
    }

    /// Adds all files that match, in the order of their names. No match is an error.
    #[must_use]
    pub fn glob(mut self, pattern: impl Into<String>) -> Self {
        self.inputs.push(Input::Glob {
            pattern: pattern.into(),
        });
        self
    }

    /// Loads from disk, relative to the working folder.
    ///
    /// # Errors
    /// When anything in the rules is unknown or impossible; the error names file and line.
    pub fn build(self) -> Result<RuleSet, LoadError> {
        self.build_from(&DiskSources::new("."))
    }

    /// Loads from the sources given.
    ///
    /// # Errors
    /// When anything in the rules is unknown or impossible; the error names file and line.
    pub fn build_from(self, sources: &dyn Sources) -> Result<RuleSet, LoadError> {
        let mut draft = Draft::new(sources);
        for input in self.inputs {
            match input {
                Input::Text { name, text } => draft.read_text(&name, &text, 0)?,
                Input::File { path } => {
                    let span = Span {
                        file: Arc::from(path.as_str()),
                        line: 0,
                    };
                    draft.read_file(&path, &span, 0)?;
                }
                Input::Glob { pattern } => {
                    let span = Span {
                        file: Arc::from(pattern.as_str()),
                        line: 0,
                    };
                    draft.read_glob(&pattern, &span, 0, false)?;
                }
            }
        }
        assemble::assemble(draft)
    }
}

/// What the directives said, before rules are put together.
pub(super) struct Draft<'s> {
    sources: &'s dyn Sources,
    items: Vec<Item>,
    settings: Settings,
    defaults: [Arc<Vec<Action>>; 5],
    removals: Vec<RuleSelect>,
    target_updates: Vec<(Span, RuleSelect, TargetList)>,
    action_updates: Vec<(Span, u64, Vec<Action>)>,
    warnings: Vec<String>,
}

/// A rule as written, or a marker.
enum Item {
    Rule(Box<RawRule>),
    Marker(String),
}

struct RawRule {
    span: Span,
    /// The folder of the file, for data files.
    folder: String,
    targets: TargetList,
    operator: Option<OperatorDecl>,
    actions: Vec<Action>,
    defaults: [Arc<Vec<Action>>; 5],
}

impl<'s> Draft<'s> {
    fn new(sources: &'s dyn Sources) -> Self {
        let none = Arc::new(Vec::new());
        Self {
            sources,
            items: Vec::new(),
            settings: Settings::default(),
            defaults: std::array::from_fn(|_| none.clone()),
            removals: Vec::new(),
            target_updates: Vec::new(),
            action_updates: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn read_file(&mut self, path: &str, from: &Span, depth: usize) -> Result<(), LoadError> {
        let bytes = self.sources.read(path).map_err(|e| {
            LoadErrorKind::Read {
                path: path.to_owned(),
                reason: e.to_string(),
            }
            .at(from)
        })?;
        let text = String::from_utf8(bytes).map_err(|_| {
            LoadErrorKind::Read {
                path: path.to_owned(),
                reason: "the file is not UTF-8".to_owned(),
            }
            .at(from)
        })?;
        self.read_text(path, &text, depth)
    }

    fn read_glob(
        &mut self,
        pattern: &str,
        from: &Span,
        depth: usize,
        optional: bool,
    ) -> Result<(), LoadError> {
        if !pattern.contains(['*', '?']) {
            return match self.read_file(pattern, from, depth) {
                Err(LoadError {
                    kind: LoadErrorKind::Read { .. },
                    ..
                }) if optional => Ok(()),
                other => other,
            };
        }
        let files = match self.sources.list(pattern) {
            Ok(files) => files,
            Err(_) if optional => return Ok(()),
            Err(e) => {
                return Err(LoadErrorKind::Read {
                    path: pattern.to_owned(),
                    reason: e.to_string(),
                }
                .at(from));
            }
        };
        if files.is_empty() && !optional {
            return Err(LoadErrorKind::Read {
                path: pattern.to_owned(),
                reason: "no file matches".to_owned(),
            }
            .at(from));
        }
        files
            .iter()
            .try_for_each(|file| self.read_file(file, from, depth))
    }

    fn read_text(&mut self, name: &str, text: &str, depth: usize) -> Result<(), LoadError> {
        let file: Arc<str> = Arc::from(name);
        if depth > INCLUDE_DEPTH {
            return Err(LoadErrorKind::IncludeDepth {
                limit: INCLUDE_DEPTH,
            }
            .at(&Span { file, line: 1 }));
        }
        for line in split_lines(&file, text)? {
            directives::apply(self, line, depth)?;
        }
        Ok(())
    }
}

fn finish(
    draft_settings: Settings,
    rules: Vec<Rule>,
    phases: [Vec<u32>; 5],
    tx_names: TxNames,
    warnings: Vec<String>,
) -> Result<RuleSet, LoadError> {
    let plan = Plan::build(&rules, &phases);
    let audit_status = draft_settings
        .audit_relevant_status
        .as_deref()
        .and_then(|pattern| crate::pattern::compile(pattern).ok());
    Ok(RuleSet {
        audit_status,
        settings: draft_settings,
        rules,
        tx_names,
        plan,
        warnings,
    })
}

/// Includes nest no deeper than this.
const INCLUDE_DEPTH: usize = 16;
