//! The second judgement beside the rules: see [`crate::structure`].

mod places;
mod whole;

use super::{Entry, Item, Processor, Transaction};
use crate::report::{Intervention, InterventionAction, RuleMatch, describe, place};
use crate::rule::Rule;
use crate::settings::Judging;
use crate::structure::{self, Finding, Weight};
use crate::transaction::text::printable;
use crate::values::ValueId;
use crate::variable::Var;

/// The number under which the second judgement reports.
pub(crate) const STRUCTURE: u64 = 1_900_000;
/// The number under which a value is refused that breaks what a person has fixed for its parameter.
pub(crate) const FIXED: u64 = 1_900_001;
/// CRS's rules that look for lines of a request, of a header, or for tags of a page in values.
const LINES_IN_VALUES: [u64; 6] = [921_110, 921_120, 921_130, 921_150, 921_151, 921_160];
/// Values of one name that are looked at together.
const MOST_JOINED: usize = 50;
/// Values of one request that are parsed; beyond it the rules decide alone, which the outcome tells.
const MOST_VALUES: usize = 2_000;

/// What has been weighed so far.
#[derive(Debug, Default)]
pub(super) struct Scales {
    /// Points of rules about the protocol and the like, which say little alone.
    minor: i64,
    /// Points of rules whose value holds what they say.
    major: i64,
    /// Rules whose value is weak evidence.
    weak: u32,
    confirmed: bool,
    parsed: usize,
    /// What was found in values, so that none is parsed twice.
    known: Vec<(ValueId, Finding)>,
    /// Values in which nothing was found, a bit for each.
    nothing: Vec<u64>,
}

impl Scales {
    fn is_nothing(&self, id: ValueId) -> bool {
        let (word, bit) = (id as usize / 64, id % 64);
        self.nothing
            .get(word)
            .is_some_and(|bits| bits >> bit & 1 == 1)
    }

    fn is_known(&self, id: ValueId) -> bool {
        self.is_nothing(id) || self.known.iter().any(|(known, _)| *known == id)
    }

    fn found_nothing(&mut self, id: ValueId) {
        let (word, bit) = (id as usize / 64, id % 64);
        if self.nothing.len() <= word {
            self.nothing.resize(word + 1, 0);
        }
        self.nothing[word] |= 1 << bit;
    }

    fn points(&self) -> i64 {
        self.minor.min(MOST_MINOR) + self.major + if self.confirmed { 5 } else { 0 }
    }
}

/// Rules with weak evidence that are an attack together, in strict judging.
const MOST_WEAK: u32 = 3;
/// Points of minor rules that count together.
const MOST_MINOR: i64 = 4;

impl Transaction<'_> {
    /// Whether the rules decide alone.
    pub(super) fn exact(&self) -> bool {
        self.start.judging == Judging::Exact
    }

    /// Weighs a rule that matched; true when its values are no valid piece of what it takes them for. `first` is what the
    /// first link of a chain matched.
    pub(super) fn weigh(&mut self, rule: &Rule, first: &[Item]) -> bool {
        let Some(severity) = rule.severity else {
            return false;
        };
        let tags: Vec<String> = rule
            .tags
            .iter()
            .map(|t| String::from_utf8_lossy(&self.expand(t)).into_owned())
            .collect();
        let Some(class) = tags.iter().find_map(|tag| tag.strip_prefix("attack-")) else {
            return false;
        };
        if is_evaluation(&tags) {
            return false;
        }
        let points = match severity {
            0..=2 => 5,
            3 => 4,
            4 => 3,
            _ => 2,
        };
        match class {
            "protocol" | "multipart-header" | "fixation" | "disclosure" | "other" => {
                // Splitting and smuggling are attacks in full. Where the rules look for lines of a header or tags of a page in
                // values, every log and every letter in HTML has them: there the value has to go on as such lines.
                let splits = (921_000..922_000).contains(&rule.id);
                let in_values = LINES_IN_VALUES.contains(&rule.id);
                let items: Vec<Item> = self.matched.iter().take(50).copied().collect();
                if splits && (!in_values || items.iter().any(|item| self.is_strong(item.value))) {
                    self.scales.major += points;
                } else {
                    self.scales.minor += points.min(2);
                }
                return false;
            }
            class if class.starts_with("reputation") || class.starts_with("dos") => {
                self.scales.major += points;
                return false;
            }
            _ => {}
        }
        let mut gravest: Option<Weight> = None;
        // A link that only looks again at what the link before matched says nothing of its own.
        let derived =
            |item: &Item| matches!(item.var, Var::MatchedVars | Var::MatchedVar | Var::Tx);
        let items: Vec<Item> = if self.matched.is_empty() {
            self.matched_one.into_iter().collect()
        } else if !first.is_empty() && self.matched.iter().all(derived) {
            first.iter().take(50).copied().collect()
        } else {
            self.matched.iter().take(50).copied().collect()
        };
        for item in items {
            // A rule matched, and the parameter never looks like this: no second opinion takes that back.
            if self.unusual(item.var, item.key) {
                self.scales.major += points;
                return false;
            }
            match self.weight_of(item, class) {
                Known::Certain => {
                    self.scales.major += points;
                    return false;
                }
                Known::Weight(weight) => gravest = gravest.max(weight),
            }
        }
        match gravest {
            Some(Weight::Strong) => {
                self.scales.confirmed = true;
                self.scales.major += points;
                false
            }
            Some(Weight::Weak) => {
                self.scales.weak += 1;
                // Several rules that agree about weak evidence are strong in strict judging.
                if self.start.judging == Judging::Strict && self.scales.weak >= MOST_WEAK {
                    self.scales.major += points;
                    return false;
                }
                self.scales.minor += 2;
                true
            }
            None => true,
        }
    }

    /// What a value says about a rule's claim.
    fn weight_of(&mut self, item: Item, class: &str) -> Known {
        match item.var {
            // Where rules name files and addresses word by word there is nothing to parse.
            Var::RequestFilename | Var::RequestBasename if class == "lfi" => {
                return if structure::is_private_path(self.values.get(item.value)) {
                    Known::Certain
                } else {
                    Known::Weight(Some(Weight::Weak))
                };
            }
            Var::Files | Var::FilesNames | Var::FilesTmpContent | Var::MultipartPartHeaders => {
                return Known::Certain;
            }
            _ => {}
        }
        let mut gravest = None;
        for original in self.originals(item) {
            // Where no more values are parsed, the rules decide alone.
            if self.scales.parsed >= MOST_VALUES && !self.scales.is_known(original) {
                self.limit("values of the second judgement");
                return Known::Certain;
            }
            gravest = gravest.max(self.finding(original).map(|found| found.weight));
        }
        Known::Weight(gravest)
    }

    fn is_strong(&mut self, value: ValueId) -> bool {
        self.finding(value)
            .is_some_and(|found| found.weight == Weight::Strong)
    }

    /// The values that a matched one was made from by transformations: readers behind the gateway see those.
    fn originals(&self, item: Item) -> Vec<ValueId> {
        let named = |lists: &[&[Entry]]| -> Vec<ValueId> {
            lists
                .iter()
                .flat_map(|list| list.iter())
                .filter(|entry| entry.name == item.key)
                .map(|entry| entry.value)
                .take(MOST_JOINED)
                .collect()
        };
        let found = match item.var {
            Var::RequestUri | Var::RequestUriRaw | Var::RequestLine | Var::QueryString => {
                vec![self.singles[Var::RequestFilename as usize]]
            }
            Var::RequestBody => vec![self.singles[Var::RequestBody as usize]],
            Var::Args => named(&[&self.args_get, &self.args_post]),
            Var::ArgsGet => named(&[&self.args_get]),
            Var::ArgsPost => named(&[&self.args_post]),
            Var::RequestHeaders => named(&[&self.request_headers]),
            Var::RequestCookies => named(&[&self.cookies]),
            Var::ArgsNames | Var::ArgsGetNames | Var::ArgsPostNames => vec![item.key],
            Var::RequestHeadersNames | Var::RequestCookiesNames => vec![item.key],
            Var::Xml => self
                .xml_text
                .iter()
                .chain(&self.xml_attributes)
                .take(MOST_JOINED)
                .copied()
                .collect(),
            _ => Vec::new(),
        };
        if found.is_empty() {
            vec![item.value]
        } else {
            found
        }
    }

    fn finding(&mut self, id: ValueId) -> Option<Finding> {
        if self.scales.is_nothing(id) {
            return None;
        }
        if let Some((_, known)) = self.scales.known.iter().find(|(known, _)| *known == id) {
            return Some(*known);
        }
        if self.scales.parsed >= MOST_VALUES {
            self.limit("values of the second judgement");
            return None;
        }
        let value = self.values.get(id);
        if self
            .scan
            .as_ref()
            .is_some_and(|scan| scan.calm.knows(value))
        {
            return None;
        }
        self.scales.parsed += 1;
        let found = structure::assess(value);
        if found.is_none()
            && value.len() >= 12
            && let Some(scan) = &mut self.scan
        {
            scan.calm.learn(self.values.get(id));
        }
        match found {
            Some(found) => self.scales.known.push((id, found)),
            None => self.scales.found_nothing(id),
        }
        found
    }

    /// Whether a rule that would stop the message really does, in the light of what its values are.
    pub(super) fn stands(&self, rule: &Rule, refuted: bool) -> bool {
        let tags: Vec<&[u8]> = rule.tags.iter().filter_map(|tag| tag.fixed()).collect();
        let evaluates = tags.contains(&&b"anomaly-evaluation"[..]);
        if evaluates {
            return self.scales.confirmed || self.scales.points() >= self.threshold();
        }
        // A body that can't be read as what it says it is: what is in it was weighed as it stands.
        let unreadable = rule.links[0]
            .targets
            .include
            .iter()
            .any(|target| matches!(target.var, Var::ReqbodyError | Var::ReqbodyProcessorError));
        if unreadable {
            // Plain text was weighed as it stands; what hides in another alphabet was not.
            let plain = matches!(
                self.processor,
                Some(Processor::Json | Processor::UrlEncoded)
            ) && !self.body.contains(&0)
                && std::str::from_utf8(&self.body).is_ok();
            return !plain;
        }
        !refuted
    }

    fn threshold(&self) -> i64 {
        self.tx
            .get(b"inbound_anomaly_score_threshold")
            .map_or(5, crate::operator::number)
            .max(1)
    }

    /// Points that count, when they are weighed.
    pub(super) fn weighed_score(&self) -> i64 {
        self.scales.points()
    }

    /// Whether an argument has a value unlike what it normally looks like.
    fn unusual(&self, var: Var, name: ValueId) -> bool {
        let Some(usual) = &self.usual else {
            return false;
        };
        let lists: [&[Entry]; 2] = match var {
            Var::Args => [&self.args_get, &self.args_post],
            Var::ArgsGet => [&self.args_get, &[]],
            Var::ArgsPost => [&self.args_post, &[]],
            _ => return false,
        };
        lists
            .into_iter()
            .flatten()
            .filter(|entry| entry.name == name)
            .any(|entry| {
                let (name, value) = (self.values.get(entry.name), self.values.get(entry.value));
                usual.unlike(name, value).is_some()
            })
    }

    fn stop_for(&mut self, found: Finding, item: Item) {
        self.scales.confirmed = true;
        let variable = printable(&self.item_name(item), 256);
        let (place, place_zh) = place(&variable);
        let (_, kind_zh) = describe(found.class);
        let explanation = format!("The request was stopped because {place} is {}.", found.what);
        let explanation_zh = format!("请求被拦截：{place_zh}的内容可以作为{kind_zh}直接生效。");
        self.stop_without_rule(Refusal {
            rule: STRUCTURE,
            class: found.class,
            source: "second judgement",
            what: found.what.to_owned(),
            variable,
            value: item.value,
            score: Some(self.scales.points()),
            explanation,
            explanation_zh,
        });
    }

    /// Stops the message without a rule, and tells of it as of one.
    fn stop_without_rule(&mut self, refusal: Refusal) {
        self.matches.push(RuleMatch {
            id: refusal.rule,
            phase: 2,
            message: refusal.what,
            data: String::new(),
            severity: Some(2),
            tags: vec![format!("attack-{}", refusal.class)],
            version: String::new(),
            revision: String::new(),
            value: printable(self.values.get(refusal.value), 1024),
            variable: refusal.variable,
            source: refusal.source.to_owned(),
            audit: true,
            disruptive: true,
            refuted: false,
        });
        self.intervention = Some(Intervention {
            action: InterventionAction::Deny,
            status: 403,
            rule: refusal.rule,
            class: refusal.class.to_owned(),
            severity: 2,
            score: refusal.score,
            explanation: refusal.explanation,
            explanation_zh: refusal.explanation_zh,
        });
    }
}

/// Why a message is stopped that no rule has stopped.
struct Refusal {
    /// The number under which it is told.
    rule: u64,
    class: &'static str,
    source: &'static str,
    what: String,
    variable: String,
    value: ValueId,
    score: Option<i64>,
    explanation: String,
    explanation_zh: String,
}

/// What is known of a match.
enum Known {
    /// The rule needs no second opinion.
    Certain,
    Weight(Option<Weight>),
}

fn is_evaluation(tags: &[String]) -> bool {
    tags.iter().any(|tag| tag == "anomaly-evaluation")
}
