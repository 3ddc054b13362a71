//! From files to a rule set: all of it, or a list of everything that is wrong.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use rsigma_parser::{
    ConditionExpr, CorrelationCondition, CorrelationRule, CorrelationType, FilterRule,
    FilterRuleTarget, Level, LogSource, SelectorPattern, SigmaRule, WindowMode,
    detection_name_matches, parse_sigma_yaml,
};
use serde::Serialize;
use serde_json::Value as Json;

use crate::atom::FieldId;
use crate::compile::{Atoms, Context};
use crate::error::{LoadError, LoadErrorKind, LoadErrors, Place};
use crate::pipeline::{Mapping, OneOrMany, Pipeline, first_line};
use crate::plan::Plan;
use crate::rule::{
    Condition, Correlation, FieldRef, Node, Rule, RuleInfo, Source, Stage, StageExpr,
};
use crate::set::RuleSet;

/// Bytes of one rule file.
pub const MAX_FILE: usize = 1 << 20;
/// How deep brackets may be nested: the time that YAML readers take grows with the square of it.
const MAX_BRACKETS: usize = 2000;
/// How deep correlations may stand on one another.
const MAX_CHAIN: usize = 8;
/// Rules that one correlation may refer to.
const MAX_STAGES: usize = 256;

/// Collects rule files, pipelines and placeholders, then compiles them.
#[derive(Debug, Default)]
pub struct Loader {
    sources: Vec<(String, String)>,
    pipelines: Vec<Pipeline>,
    placeholders: HashMap<String, Vec<String>>,
    errors: Vec<LoadError>,
}

impl Loader {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule file: one or more YAML documents. The name is what errors say.
    #[must_use]
    pub fn source(mut self, name: &str, text: &str) -> Self {
        if text.len() > MAX_FILE {
            self.fault(
                name,
                None,
                None,
                LoadErrorKind::TooLarge {
                    size: text.len(),
                    max: MAX_FILE,
                },
            );
        } else {
            self.sources.push((name.to_owned(), text.to_owned()));
        }
        self
    }

    /// Adds a processing pipeline (YAML of pySigma).
    #[must_use]
    pub fn pipeline(mut self, name: &str, text: &str) -> Self {
        match Pipeline::read(text) {
            Ok(pipeline) => {
                for (name, values) in pipeline.vars() {
                    self.placeholders.insert(name.clone(), values.clone());
                }
                self.pipelines.push(pipeline);
            }
            Err(kind) => self.fault(name, None, None, kind),
        }
        self
    }

    /// Adds values of placeholders: a YAML mapping from name to value or list of values.
    #[must_use]
    pub fn placeholders(mut self, name: &str, text: &str) -> Self {
        match serde_saphyr::from_str::<HashMap<String, OneOrMany>>(text) {
            Ok(map) => self
                .placeholders
                .extend(map.into_iter().map(|(name, values)| (name, values.into()))),
            Err(error) => self.fault(
                name,
                None,
                None,
                LoadErrorKind::Parse(first_line(&error.to_string())),
            ),
        }
        self
    }

    /// Compiles everything.
    ///
    /// # Errors
    /// Every fault of every file; nothing is loaded by half.
    pub fn load(mut self) -> Result<RuleSet, LoadErrors> {
        self.pipelines.sort_by_key(Pipeline::priority);
        let parsed = self.parse();
        let set = self.compile(parsed);
        if self.errors.is_empty()
            && let Some(set) = set
        {
            Ok(set)
        } else {
            Err(LoadErrors(self.errors))
        }
    }

    fn parse(&mut self) -> Parsed {
        let mut parsed = Parsed::default();
        for (name, text) in std::mem::take(&mut self.sources) {
            if text.trim().is_empty() {
                self.fault(&name, None, None, LoadErrorKind::Empty);
                continue;
            }
            if let Some(line) = too_deep(&text) {
                let kind =
                    LoadErrorKind::Parse(format!("more than {MAX_BRACKETS} brackets are open"));
                self.fault(&name, Some(line), None, kind);
                continue;
            }
            let file = parsed.texts.len();
            let collection = match parse_sigma_yaml(&text) {
                Ok(collection) => collection,
                Err(error) => {
                    self.fault(&name, None, None, LoadErrorKind::Parse(error.to_string()));
                    continue;
                }
            };
            for error in &collection.errors {
                let line = line_in(error);
                self.fault(&name, line, None, LoadErrorKind::Parse(error.clone()));
            }
            if collection.is_empty() && collection.errors.is_empty() {
                self.fault(&name, None, None, LoadErrorKind::Empty);
            }
            parsed
                .rules
                .extend(collection.rules.into_iter().map(|rule| (file, rule)));
            parsed
                .correlations
                .extend(collection.correlations.into_iter().map(|rule| (file, rule)));
            parsed
                .filters
                .extend(collection.filters.into_iter().map(|rule| (file, rule)));
            parsed.texts.push((name, text));
        }
        parsed
    }

    fn compile(&mut self, parsed: Parsed) -> Option<RuleSet> {
        let mut atoms = Atoms::new();
        let mut wanted: Vec<FieldId> = Vec::new();
        let mut warnings = Vec::new();
        let outside =
            fingerprint(&Sorted(&self.placeholders)) ^ fingerprint(&self.pipeline_shape());

        let mut names: HashMap<String, Ref> = HashMap::new();
        let mut rules = Vec::with_capacity(parsed.rules.len());
        let mut mappings = Vec::with_capacity(parsed.rules.len());
        let mut prints = Vec::with_capacity(parsed.rules.len());
        for (file, rule) in &parsed.rules {
            let (file, text) = &parsed.texts[*file];
            let place = |kind: &LoadErrorKind| locate(text, &rule.title, kind);
            let mapping = match Mapping::of(&self.pipelines, &rule.logsource) {
                Ok(mapping) => mapping,
                Err(kind) => {
                    self.fault(file, place(&kind), Some(&rule.title), kind);
                    continue;
                }
            };
            let number = u32::try_from(rules.len()).unwrap_or(u32::MAX);
            self.register(
                &mut names,
                (file, text),
                (&rule.id, &rule.name, &rule.title),
                Ref::Rule(number),
            );
            let context = Context {
                placeholders: &self.placeholders,
                mapping: &mapping,
            };
            let mut info = info_of_rule(rule, file);
            if let Some(logsource) = &mapping.logsource {
                info.logsource = logsource.clone();
            }
            let compiled = atoms
                .detections(&rule.detection, context)
                .and_then(|condition| {
                    let mut all = vec![condition];
                    let mut print = fingerprint(&Canonical(&json(&rule.detection)))
                        ^ fingerprint(&info.logsource)
                        ^ outside;
                    for (_, filter) in &parsed.filters {
                        if applies(filter, rule) {
                            all.push(atoms.detections(&filter.detection, context)?);
                            print = fingerprint(&(
                                print,
                                fingerprint(&Canonical(&json(&filter.detection))),
                            ));
                        }
                    }
                    prints.push(print);
                    Ok(Node::all(all))
                });
            match compiled {
                Ok(condition) => rules.push(Rule {
                    info: Arc::new(info),
                    condition,
                    counted_by: Vec::new(),
                    reports: true,
                }),
                Err(kind) => {
                    self.fault(file, place(&kind), Some(&rule.title), kind);
                    prints.push(0);
                    rules.push(Rule {
                        info: Arc::new(info),
                        condition: Node::Not(Box::new(Node::True)),
                        counted_by: Vec::new(),
                        reports: true,
                    });
                }
            }
            prints.truncate(rules.len());
            mappings.push(mapping);
        }
        for (number, (file, rule)) in parsed.correlations.iter().enumerate() {
            let (file, text) = &parsed.texts[*file];
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            self.register(
                &mut names,
                (file, text),
                (&rule.id, &rule.name, &rule.title),
                Ref::Correlation(number),
            );
        }
        for (file, filter) in &parsed.filters {
            if let FilterRuleTarget::Specific(targets) = &filter.rules {
                for target in targets.iter().filter(|target| !names.contains_key(*target)) {
                    warnings.push(format!(
                        "{}: filter {:?} is for rule {target:?}, which isn't loaded",
                        parsed.texts[*file].0, filter.title
                    ));
                }
            }
        }

        let below = Below {
            names: &names,
            correlations: &parsed.correlations,
            mappings: &mappings,
            prints: &prints,
        };
        let mut correlations = Vec::new();
        for (file, rule) in &parsed.correlations {
            let (file, text) = &parsed.texts[*file];
            match below.correlation(rule, file, &mut atoms, &mut wanted) {
                Ok(correlation) => correlations.push(correlation),
                Err(kind) => {
                    let line = locate(text, &rule.title, &kind);
                    self.fault(file, line, Some(&rule.title), kind);
                }
            }
        }
        if !self.errors.is_empty() {
            return None;
        }
        // Who is counted by whom; what is counted reports only when a correlation says so (`generate`).
        let mut silent: HashSet<Ref> = HashSet::new();
        let mut loud: HashSet<Ref> = HashSet::new();
        for (number, (_, rule)) in parsed.correlations.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            for (stage, target) in rule.rules.iter().enumerate() {
                let stage = u16::try_from(stage).unwrap_or(u16::MAX);
                let Some(&target) = names.get(target) else {
                    continue;
                };
                match target {
                    Ref::Rule(rule) => rules[rule as usize].counted_by.push((number, stage)),
                    Ref::Correlation(rule) => {
                        correlations[rule as usize].counted_by.push((number, stage));
                    }
                }
                if rule.generate {
                    loud.insert(target);
                } else {
                    silent.insert(target);
                }
            }
        }
        for target in silent.difference(&loud) {
            let info = match target {
                Ref::Rule(rule) => {
                    rules[*rule as usize].reports = false;
                    &rules[*rule as usize].info
                }
                Ref::Correlation(rule) => {
                    correlations[*rule as usize].reports = false;
                    &correlations[*rule as usize].info
                }
            };
            // The specification silences whatever is counted. Who counts a rule that was written to report rarely means that.
            let said = info.attribute.as_ref();
            if said
                .is_some_and(|said| said.get("role").and_then(|role| role.as_str()) != Some("base"))
            {
                warnings.push(format!(
                    "{}: {:?} reports nothing itself any more, since a correlation counts it without `generate: true`; write `hudun: {{ role: base }}` into it if that is meant",
                    info.file, info.title
                ));
            }
        }
        warnings.sort();
        // An event that is two stages of one ordered correlation counts for the later first: it can't be both.
        for rule in &mut rules {
            rule.counted_by
                .sort_by_key(|&(number, stage)| (number, std::cmp::Reverse(stage)));
        }
        match Plan::build(atoms, &rules, &wanted) {
            Ok(plan) => Some(RuleSet::new(plan, rules, correlations, warnings)),
            Err(kind) => {
                self.fault("the whole set", None, None, kind);
                None
            }
        }
    }

    fn register(
        &mut self,
        names: &mut HashMap<String, Ref>,
        (file, text): (&str, &str),
        (id, name, title): (&Option<String>, &Option<String>, &str),
        target: Ref,
    ) {
        for (what, value) in [("id", id), ("name", name)] {
            let Some(value) = value else { continue };
            if names.insert(value.clone(), target).is_some() {
                let kind = LoadErrorKind::Duplicate {
                    what,
                    value: value.clone(),
                };
                let line = locate(text, title, &kind);
                self.fault(file, line, Some(title), kind);
            }
        }
    }

    fn pipeline_shape(&self) -> String {
        self.pipelines
            .iter()
            .map(Pipeline::shape)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn fault(&mut self, file: &str, line: Option<u32>, rule: Option<&str>, kind: LoadErrorKind) {
        self.errors.push(LoadError {
            place: Place {
                file: file.to_owned(),
                line,
                rule: rule.map(str::to_owned),
            },
            kind,
        });
    }
}

#[derive(Debug, Default)]
struct Parsed {
    texts: Vec<(String, String)>,
    rules: Vec<(usize, SigmaRule)>,
    correlations: Vec<(usize, CorrelationRule)>,
    filters: Vec<(usize, FilterRule)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Ref {
    Rule(u32),
    Correlation(u32),
}

/// What correlations stand on.
struct Below<'a> {
    names: &'a HashMap<String, Ref>,
    correlations: &'a [(usize, CorrelationRule)],
    mappings: &'a [Mapping],
    prints: &'a [u64],
}

impl Below<'_> {
    fn correlation(
        &self,
        rule: &CorrelationRule,
        file: &str,
        atoms: &mut Atoms,
        wanted: &mut Vec<FieldId>,
    ) -> Result<Correlation, LoadErrorKind> {
        let wrong = |reason: &str| LoadErrorKind::Correlation(reason.to_owned());
        if rule.window != WindowMode::Sliding {
            return Err(LoadErrorKind::Unsupported(format!(
                "window {:?} (not in the specification): windows slide",
                rule.window.as_str()
            )));
        }
        if rule.rules.is_empty() {
            return Err(wrong("it names no rules"));
        }
        if rule.rules.len() > MAX_STAGES {
            return Err(wrong("it names more than 256 rules"));
        }
        let seconds = i64::try_from(rule.timespan.seconds).unwrap_or(i64::MAX);
        if seconds == 0 || seconds > 366 * 86_400 {
            return Err(wrong("the timespan must be between 1 s and 366 days"));
        }
        let print = self.print(rule, &mut Vec::new())?;
        let fields = match &rule.condition {
            CorrelationCondition::Threshold { field, .. } => field.clone().unwrap_or_default(),
            CorrelationCondition::Extended(_) => Vec::new(),
        };
        use CorrelationType::{
            EventCount, Temporal, TemporalOrdered, ValueAvg, ValueCount, ValueMedian,
            ValuePercentile, ValueSum,
        };
        match rule.correlation_type {
            ValueCount if fields.is_empty() => {
                return Err(wrong("value_count needs condition.field"));
            }
            ValueSum | ValueAvg | ValuePercentile | ValueMedian if fields.len() != 1 => {
                return Err(wrong("this type needs exactly one condition.field"));
            }
            EventCount | Temporal | TemporalOrdered if !fields.is_empty() => {
                return Err(wrong("this type has no condition.field"));
            }
            _ => {}
        }
        let mut stages = Vec::with_capacity(rule.rules.len());
        for name in &rule.rules {
            let target = self.target(name)?;
            stages.push(Stage {
                group: self.fields(rule, name, target, &rule.group_by, atoms, wanted)?,
                value: self.fields(rule, name, target, &fields, atoms, wanted)?,
            });
        }
        let every = || {
            StageExpr::All(
                (0..rule.rules.len())
                    .map(|n| StageExpr::Stage(u16::try_from(n).unwrap_or(u16::MAX)))
                    .collect(),
            )
        };
        let temporal = matches!(rule.correlation_type, Temporal | TemporalOrdered);
        let condition = match &rule.condition {
            CorrelationCondition::Extended(_) if rule.correlation_type == TemporalOrdered => {
                return Err(wrong(
                    "temporal_ordered takes its order from rules, not from a condition",
                ));
            }
            CorrelationCondition::Extended(expr) if temporal => {
                Condition::Stages(stage_expr(expr, &rule.rules)?)
            }
            CorrelationCondition::Extended(_) => {
                return Err(wrong("this type needs a numeric condition"));
            }
            // The parser gives this one when a temporal correlation has no condition: all rules.
            CorrelationCondition::Threshold { predicates, .. }
                if temporal
                    && (rule.correlation_type == TemporalOrdered
                        || predicates.as_slice()
                            == [(rsigma_parser::ConditionOperator::Gte, 1)]) =>
            {
                Condition::Stages(every())
            }
            CorrelationCondition::Threshold {
                predicates,
                percentile,
                ..
            } => {
                if percentile.is_some_and(|percentile| percentile > 100) {
                    return Err(wrong("a percentile is between 0 and 100"));
                }
                #[allow(clippy::cast_precision_loss)]
                Condition::Number {
                    predicates: predicates
                        .iter()
                        .map(|&(op, than)| (op, than as f64))
                        .collect(),
                    percentile: percentile.map_or(50.0, |percentile| percentile as f64),
                }
            }
        };
        Ok(Correlation {
            info: Arc::new(info_of_correlation(rule, file)),
            fingerprint: print,
            kind: rule.correlation_type,
            timespan_ms: seconds * 1000,
            stages,
            group_by: rule.group_by.clone(),
            condition,
            counted_by: Vec::new(),
            reports: true,
        })
    }

    fn target(&self, name: &str) -> Result<Ref, LoadErrorKind> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| LoadErrorKind::UnknownRule(name.to_owned()))
    }

    /// Fields of the events of one stage.
    fn fields(
        &self,
        rule: &CorrelationRule,
        stage: &str,
        target: Ref,
        names: &[String],
        atoms: &mut Atoms,
        wanted: &mut Vec<FieldId>,
    ) -> Result<Vec<FieldRef>, LoadErrorKind> {
        names
            .iter()
            .map(|name| {
                let alias = rule.aliases.iter().find(|alias| alias.alias == *name);
                let own = match alias {
                    Some(alias) => {
                        let same = |known: &&String| {
                            known.as_str() == stage
                                || self.names.get(known.as_str()) == Some(&target)
                        };
                        let key = alias.mapping.keys().find(same).ok_or_else(|| {
                            LoadErrorKind::Correlation(format!(
                                "alias {name:?} says nothing about rule {stage:?}"
                            ))
                        })?;
                        alias.mapping[key].clone()
                    }
                    None => name.clone(),
                };
                match target {
                    Ref::Rule(number) => {
                        let mapped = self.mappings[number as usize].targets(&own);
                        let field = mapped.into_iter().next().unwrap_or(own);
                        let id = atoms.field(&field);
                        wanted.push(id);
                        Ok(FieldRef { name: field, id })
                    }
                    // Read from the group below, or from the event that made it true.
                    Ref::Correlation(_) => {
                        let id = atoms.field(&own);
                        wanted.push(id);
                        Ok(FieldRef { name: own, id })
                    }
                }
            })
            .collect()
    }

    /// A number that changes with anything that bears on the state; refuses cycles.
    fn print<'a>(
        &'a self,
        rule: &'a CorrelationRule,
        above: &mut Vec<&'a CorrelationRule>,
    ) -> Result<u64, LoadErrorKind> {
        if above.iter().any(|known| std::ptr::eq(*known, rule)) {
            return Err(LoadErrorKind::Cycle(rule.title.clone()));
        }
        if above.len() >= MAX_CHAIN {
            return Err(LoadErrorKind::Correlation(
                "more than eight correlations stand on one another".to_owned(),
            ));
        }
        above.push(rule);
        let mut below = Vec::new();
        for name in &rule.rules {
            below.push(match self.target(name)? {
                Ref::Rule(number) => self.prints.get(number as usize).copied().unwrap_or(0),
                Ref::Correlation(number) => {
                    self.print(&self.correlations[number as usize].1, above)?
                }
            });
        }
        above.pop();
        let own = serde_json::json!([
            json(&rule.correlation_type),
            rule.group_by,
            rule.timespan.seconds,
            json(&rule.condition),
            json(&rule.aliases),
            // Two correlations that count the same still have a memory each.
            rule.id
                .as_deref()
                .or(rule.name.as_deref())
                .unwrap_or(&rule.title),
        ]);
        Ok(fingerprint(&(below, fingerprint(&Canonical(&own)))))
    }
}

fn stage_expr(expr: &ConditionExpr, rules: &[String]) -> Result<StageExpr, LoadErrorKind> {
    let many = |all: &[ConditionExpr]| {
        all.iter()
            .map(|inner| stage_expr(inner, rules))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(match expr {
        ConditionExpr::And(all) => StageExpr::All(many(all)?),
        ConditionExpr::Or(any) => StageExpr::Any(many(any)?),
        ConditionExpr::Not(inner) => StageExpr::Not(Box::new(stage_expr(inner, rules)?)),
        ConditionExpr::Identifier(name) => rules
            .iter()
            .position(|rule| rule == name)
            .map(|n| StageExpr::Stage(u16::try_from(n).unwrap_or(u16::MAX)))
            .ok_or_else(|| LoadErrorKind::UnknownRule(name.clone()))?,
        ConditionExpr::Selector {
            quantifier,
            pattern,
        } => {
            let chosen: Vec<StageExpr> = rules
                .iter()
                .enumerate()
                .filter(|(_, rule)| match pattern {
                    SelectorPattern::Them => true,
                    SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, rule),
                })
                .map(|(n, _)| StageExpr::Stage(u16::try_from(n).unwrap_or(u16::MAX)))
                .collect();
            match quantifier {
                _ if chosen.is_empty() => {
                    return Err(LoadErrorKind::UnknownRule(pattern.to_string()));
                }
                rsigma_parser::Quantifier::Any | rsigma_parser::Quantifier::Count(1) => {
                    StageExpr::Any(chosen)
                }
                rsigma_parser::Quantifier::All => StageExpr::All(chosen),
                rsigma_parser::Quantifier::Count(count) => {
                    return Err(LoadErrorKind::Unsupported(format!(
                        "{count} of {pattern} in the condition of a correlation"
                    )));
                }
            }
        }
    })
}

/// Whether a filter is for a rule: it names it or any, and each part of its log source is the rule's.
fn applies(filter: &FilterRule, rule: &SigmaRule) -> bool {
    let named = match &filter.rules {
        FilterRuleTarget::Any => true,
        FilterRuleTarget::Specific(names) => names.iter().any(|name| {
            Some(name) == rule.id.as_ref()
                || Some(name) == rule.name.as_ref()
                || *name == rule.title
        }),
    };
    let same = |wanted: &Option<String>, has: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| {
            has.as_ref()
                .is_some_and(|has| wanted.eq_ignore_ascii_case(has))
        })
    };
    let about = |logsource: &LogSource| {
        same(&logsource.category, &rule.logsource.category)
            && same(&logsource.product, &rule.logsource.product)
            && same(&logsource.service, &rule.logsource.service)
    };
    named && filter.logsource.as_ref().is_none_or(about)
}

fn info_of_rule(rule: &SigmaRule, file: &str) -> RuleInfo {
    RuleInfo {
        id: rule.id.clone(),
        name: rule.name.clone(),
        title: rule.title.clone(),
        level: rule.level.as_ref().map(Level::as_str),
        status: rule.status.map(|status| word(&status)),
        tags: rule.tags.clone(),
        description: rule.description.clone(),
        falsepositives: rule.falsepositives.clone(),
        file: file.to_owned(),
        logsource: Source::from(&rule.logsource),
        attribute: rule.custom_attributes.get("hudun").map(json),
    }
}

fn info_of_correlation(rule: &CorrelationRule, file: &str) -> RuleInfo {
    RuleInfo {
        id: rule.id.clone(),
        name: rule.name.clone(),
        title: rule.title.clone(),
        level: rule.level.as_ref().map(Level::as_str),
        status: rule.status.map(|status| word(&status)),
        tags: rule.tags.clone(),
        description: rule.description.clone(),
        falsepositives: rule.falsepositives.clone(),
        file: file.to_owned(),
        logsource: Source::default(),
        attribute: rule.custom_attributes.get("hudun").map(json),
    }
}

fn word<T: Serialize>(value: &T) -> String {
    json(value).as_str().unwrap_or_default().to_owned()
}

fn json<T: Serialize>(value: &T) -> Json {
    serde_json::to_value(value).unwrap_or(Json::Null)
}

fn fingerprint<T: Hash>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// JSON whose hash doesn't depend on the order of keys.
struct Canonical<'a>(&'a Json);

impl Hash for Canonical<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Json::Array(members) => {
                members.len().hash(state);
                for member in members {
                    Canonical(member).hash(state);
                }
            }
            Json::Object(map) => {
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort();
                for key in keys {
                    key.hash(state);
                    Canonical(&map[key]).hash(state);
                }
                "}".hash(state);
            }
            value => value.to_string().hash(state),
        }
    }
}

struct Sorted<'a>(&'a HashMap<String, Vec<String>>);

impl Hash for Sorted<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut keys: Vec<_> = self.0.iter().collect();
        keys.sort();
        keys.hash(state);
    }
}

/// The line on which brackets are nested too deep. A look at characters, not a parser: brackets inside quoted text count as
/// well, which is why the limit is far above what any rule has.
pub(crate) fn too_deep(text: &str) -> Option<u32> {
    let (mut depth, mut line) = (0_usize, 1);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'\n' => line += 1,
            _ => {}
        }
        if depth > MAX_BRACKETS {
            return Some(line);
        }
    }
    None
}

/// The line that a message of the YAML reader names.
fn line_in(message: &str) -> Option<u32> {
    let (_, after) = message.split_once("line ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The line of a file on which a fault stands, as far as it can be found again: the pattern or the field that is named
/// after the rule's title, else the title.
fn locate(text: &str, title: &str, kind: &LoadErrorKind) -> Option<u32> {
    let start = text
        .lines()
        .position(|line| line.contains("title:") && line.contains(title.trim()))
        .unwrap_or(0);
    let needle = match kind {
        LoadErrorKind::Item { field, .. } | LoadErrorKind::Regex { field, .. } => {
            field.split('|').next().unwrap_or_default().to_owned()
        }
        LoadErrorKind::UnknownRule(name) => name.clone(),
        LoadErrorKind::UnknownSearch(_) => "condition:".to_owned(),
        LoadErrorKind::Placeholder(name) => format!("%{name}%"),
        LoadErrorKind::Duplicate { value, .. } => value.clone(),
        _ => String::new(),
    };
    let line = if needle.is_empty() {
        start
    } else {
        text.lines()
            .enumerate()
            .skip(start)
            .find(|(_, line)| line.contains(&needle))
            .map_or(start, |(n, _)| n)
    };
    u32::try_from(line + 1).ok()
}
