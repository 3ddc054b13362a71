//! Detection items of the specification made into atoms (section "Modifiers", v2.1.0).

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SigmaString,
    SigmaValue, SpecialChar, StringPart,
};

use crate::atom::{AtomId, FieldId, NumberOp, Test, TextOp, TextTest, TimePart};
use crate::error::LoadErrorKind;
use crate::expression;
use crate::pipeline::Mapping;
use crate::rule::Node;

/// Keywords are asked of every text of the event.
pub(crate) const KEYWORDS: FieldId = 0;

/// Collects the atoms of a rule set, each once.
#[derive(Debug, Default)]
pub(crate) struct Atoms {
    pub(crate) fields: Vec<String>,
    by_name: HashMap<String, FieldId>,
    pub(crate) list: Vec<(FieldId, Test)>,
    known: HashMap<(FieldId, String), AtomId>,
}

/// What the compiler takes from outside a rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) placeholders: &'a HashMap<String, Vec<String>>,
    pub(crate) mapping: &'a Mapping,
}

impl Atoms {
    pub(crate) fn new() -> Self {
        let mut atoms = Self::default();
        atoms.field("");
        atoms
    }

    /// The number of a field.
    pub(crate) fn field(&mut self, name: &str) -> FieldId {
        if let Some(&id) = self.by_name.get(name) {
            return id;
        }
        let id = FieldId::try_from(self.fields.len()).unwrap_or(FieldId::MAX);
        self.fields.push(name.to_owned());
        self.by_name.insert(name.to_owned(), id);
        id
    }

    pub(crate) fn atom(&mut self, field: FieldId, test: Test) -> AtomId {
        let shape = match &test {
            Test::Regex { regex, lowered } => format!("re {lowered} {}", regex.as_str()),
            test => format!("{test:?}"),
        };
        if let Some(&id) = self.known.get(&(field, shape.clone())) {
            return id;
        }
        let id = AtomId::try_from(self.list.len()).unwrap_or(AtomId::MAX);
        self.list.push((field, test));
        self.known.insert((field, shape), id);
        id
    }

    /// Compiles the detection of a rule: its conditions, any of which suffices.
    pub(crate) fn detections(
        &mut self,
        detections: &Detections,
        context: Context<'_>,
    ) -> Result<Node, LoadErrorKind> {
        let mut named: Vec<(&str, Node)> = Vec::new();
        for (name, detection) in &detections.named {
            named.push((name, self.detection(detection, context)?));
        }
        named.sort_by(|a, b| a.0.cmp(b.0));
        if let Some(timeframe) = &detections.timeframe {
            return Err(LoadErrorKind::Unsupported(format!(
                "timeframe {timeframe:?} in a detection (Sigma v1): write a correlation"
            )));
        }
        let any = detections
            .conditions
            .iter()
            .map(|expr| condition(expr, &named))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Node::any(any))
    }

    fn detection(
        &mut self,
        detection: &Detection,
        context: Context<'_>,
    ) -> Result<Node, LoadErrorKind> {
        Ok(match detection {
            Detection::AllOf(items) => Node::all(
                items
                    .iter()
                    .map(|item| self.item(item, context))
                    .collect::<Result<_, _>>()?,
            ),
            Detection::AnyOf(any) => Node::any(
                any.iter()
                    .map(|inner| self.detection(inner, context))
                    .collect::<Result<_, _>>()?,
            ),
            Detection::And(all) => Node::all(
                all.iter()
                    .map(|inner| self.detection(inner, context))
                    .collect::<Result<_, _>>()?,
            ),
            Detection::Keywords(values) => {
                let item = DetectionItem {
                    field: rsigma_parser::FieldSpec::new(None, Vec::new()),
                    values: values.clone(),
                };
                self.item(&item, context)?
            }
            Detection::ArrayMatch { field, .. } => {
                return Err(LoadErrorKind::Unsupported(format!(
                    "array selector on field {field:?} (a proposal for Sigma v3)"
                )));
            }
            Detection::Conditional { .. } => {
                return Err(LoadErrorKind::Unsupported(
                    "condition inside an array block (a proposal for Sigma v3)".to_owned(),
                ));
            }
        })
    }

    fn item(&mut self, item: &DetectionItem, context: Context<'_>) -> Result<Node, LoadErrorKind> {
        let names = match &item.field.name {
            Some(name) => context.mapping.targets(name),
            None => return self.values(item, None, context),
        };
        let mut any = Vec::with_capacity(names.len());
        for name in &names {
            any.push(self.values(item, Some(name), context)?);
        }
        Ok(Node::any(any))
    }

    fn values(
        &mut self,
        item: &DetectionItem,
        name: Option<&str>,
        context: Context<'_>,
    ) -> Result<Node, LoadErrorKind> {
        let plan = Plan::read(item)?;
        let field = name.map_or(KEYWORDS, |name| self.field(name));
        if plan.exists {
            let expected = match item.values.as_slice() {
                [SigmaValue::Bool(value)] => *value,
                [SigmaValue::String(text)] if text.original.eq_ignore_ascii_case("true") => true,
                [SigmaValue::String(text)] if text.original.eq_ignore_ascii_case("false") => false,
                _ => return Err(plan.wrong("exists takes true or false")),
            };
            if name.is_none() {
                return Err(plan.wrong("exists needs a field"));
            }
            let node = Node::Atom(self.atom(field, Test::Exists));
            return Ok(if expected {
                node
            } else {
                Node::Not(Box::new(node))
            });
        }
        let mut values = Vec::new();
        for value in &item.values {
            match value {
                SigmaValue::String(text) if plan.expand => {
                    for expanded in expand(text, context.placeholders)? {
                        values.push(SigmaValue::String(expanded));
                    }
                }
                value => values.push(value.clone()),
            }
        }
        if values.is_empty() {
            return Err(plan.wrong("the list of values is empty"));
        }
        if plan.all && item.values.len() < 2 {
            return Err(plan.wrong("all needs more than one value"));
        }
        let mut nodes = Vec::with_capacity(values.len());
        for value in &values {
            nodes.push(self.value(value, field, &plan, context)?);
        }
        let node = if plan.all {
            Node::all(nodes)
        } else {
            Node::any(nodes)
        };
        Ok(if plan.neq {
            if name.is_none() {
                return Err(plan.wrong("neq needs a field"));
            }
            let present = Node::Atom(self.atom(field, Test::Present));
            Node::All(vec![present, Node::Not(Box::new(node))])
        } else {
            node
        })
    }

    fn value(
        &mut self,
        value: &SigmaValue,
        field: FieldId,
        plan: &Plan<'_>,
        context: Context<'_>,
    ) -> Result<Node, LoadErrorKind> {
        let keyword = field == KEYWORDS;
        if let Some(part) = plan.time {
            let than = plan.number(value)?;
            return Ok(Node::Atom(self.atom(field, Test::Time(part, than))));
        }
        if let Some(op) = plan.compare {
            let than = plan.number(value)?;
            return Ok(Node::Atom(self.atom(field, Test::Number(op, than))));
        }
        if plan.fieldref {
            let SigmaValue::String(text) = value else {
                return Err(plan.wrong("fieldref takes the name of a field"));
            };
            let Some(other) = text.as_plain() else {
                return Err(plan.wrong("fieldref takes a name without wildcards"));
            };
            let mut any = Vec::new();
            for other in context.mapping.targets(&other) {
                let other = self.field(&other);
                let test = Test::FieldRef {
                    other,
                    op: plan.op,
                    cased: plan.cased,
                };
                any.push(Node::Atom(self.atom(field, test)));
            }
            return Ok(Node::any(any));
        }
        if plan.cidr {
            let net = match value {
                SigmaValue::String(text) => text.original.parse().ok(),
                _ => None,
            };
            let Some(net) = net else {
                return Err(plan.wrong(&format!("{value} is no network such as 10.0.0.0/8")));
            };
            return Ok(Node::Atom(self.atom(field, Test::Cidr(net))));
        }
        if plan.re {
            let pattern = match value {
                SigmaValue::String(text) => text.original.clone(),
                value => value.to_string(),
            };
            let test = Test::Regex {
                regex: plan.expression(&pattern, plan.flags)?,
                lowered: false,
            };
            return Ok(Node::Atom(self.atom(field, test)));
        }
        let test = match value {
            SigmaValue::Null if !keyword => Test::Null,
            SigmaValue::Bool(value) if !keyword => Test::Bool(*value),
            SigmaValue::Integer(value) if plan.op == TextOp::Exact && !keyword =>
            {
                #[allow(clippy::cast_precision_loss)]
                Test::Number(NumberOp::Eq, *value as f64)
            }
            SigmaValue::Float(value) if plan.op == TextOp::Exact && !keyword => {
                Test::Number(NumberOp::Eq, *value)
            }
            SigmaValue::Null => return Err(plan.wrong("a keyword can't be null")),
            SigmaValue::String(text) => return self.string(text, field, plan),
            value => literal(&value.to_string(), plan, keyword),
        };
        Ok(Node::Atom(self.atom(field, test)))
    }

    fn string(
        &mut self,
        text: &SigmaString,
        field: FieldId,
        plan: &Plan<'_>,
    ) -> Result<Node, LoadErrorKind> {
        let keyword = field == KEYWORDS;
        if plan.encodes() {
            let Some(plain) = text.as_plain() else {
                return Err(plan.wrong("an encoded value can't have wildcards"));
            };
            let bytes = match plan.wide {
                Some(wide) => wide.encode(&plain),
                None => plain.into_bytes(),
            };
            let tests = if plan.base64offset {
                // Wherever the value stands in what was encoded, so it is looked for anywhere.
                base64_offsets(&bytes)
                    .iter()
                    .map(|encoded| literal_with(encoded, TextOp::Contains, plan.cased))
                    .collect()
            } else if plan.base64 {
                vec![literal(&STANDARD.encode(&bytes), plan, keyword)]
            } else {
                let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
                vec![literal(&text, plan, keyword)]
            };
            return Ok(Node::any(
                tests
                    .into_iter()
                    .map(|test| Node::Atom(self.atom(field, test)))
                    .collect(),
            ));
        }
        let test = match text.as_plain() {
            Some(plain) if !plan.windash || !plain.contains(DASHES) => {
                literal(&plain, plan, keyword)
            }
            _ => wildcard(text, plan, keyword)?,
        };
        Ok(Node::Atom(self.atom(field, test)))
    }
}

/// Characters that `windash` takes for one another.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];
/// Values that one placeholder expression may grow to.
const MAX_EXPANDED: usize = 10_000;

/// The modifiers of an item, checked against one another.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)]
struct Plan<'a> {
    item: &'a DetectionItem,
    op: TextOp,
    cased: bool,
    all: bool,
    neq: bool,
    exists: bool,
    expand: bool,
    re: bool,
    flags: expression::Flags,
    cidr: bool,
    fieldref: bool,
    windash: bool,
    base64: bool,
    base64offset: bool,
    wide: Option<Wide>,
    compare: Option<NumberOp>,
    time: Option<TimePart>,
}

#[derive(Debug, Clone, Copy)]
enum Wide {
    Little,
    Big,
    Marked,
}

impl Wide {
    fn encode(self, text: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() * 2 + 2);
        if matches!(self, Self::Marked) {
            out.extend([0xff, 0xfe]);
        }
        for unit in text.encode_utf16() {
            out.extend(match self {
                Self::Big => unit.to_be_bytes(),
                Self::Little | Self::Marked => unit.to_le_bytes(),
            });
        }
        out
    }
}

impl<'a> Plan<'a> {
    fn read(item: &'a DetectionItem) -> Result<Self, LoadErrorKind> {
        let mut plan = Self {
            item,
            op: TextOp::Exact,
            cased: false,
            all: false,
            neq: false,
            exists: false,
            expand: false,
            re: false,
            flags: expression::Flags::default(),
            cidr: false,
            fieldref: false,
            windash: false,
            base64: false,
            base64offset: false,
            wide: None,
            compare: None,
            time: None,
        };
        // What decides how the value is compared; more than one contradict, except text operators after fieldref.
        let mut operators = 0;
        let mut texts = 0;
        for modifier in &item.field.modifiers {
            match modifier {
                Modifier::Contains => plan.op = TextOp::Contains,
                Modifier::StartsWith => plan.op = TextOp::Prefix,
                Modifier::EndsWith => plan.op = TextOp::Suffix,
                Modifier::All => plan.all = true,
                Modifier::Base64 => plan.base64 = true,
                Modifier::Base64Offset => plan.base64offset = true,
                Modifier::Wide => plan.wide = Some(Wide::Little),
                Modifier::Utf16be => plan.wide = Some(Wide::Big),
                Modifier::Utf16 => plan.wide = Some(Wide::Marked),
                Modifier::WindAsh => plan.windash = true,
                Modifier::Re => plan.re = true,
                Modifier::Cidr => plan.cidr = true,
                Modifier::Cased => plan.cased = true,
                Modifier::Exists => plan.exists = true,
                Modifier::Expand => plan.expand = true,
                Modifier::FieldRef => plan.fieldref = true,
                Modifier::Gt => plan.compare = Some(NumberOp::Gt),
                Modifier::Gte => plan.compare = Some(NumberOp::Gte),
                Modifier::Lt => plan.compare = Some(NumberOp::Lt),
                Modifier::Lte => plan.compare = Some(NumberOp::Lte),
                Modifier::Neq => plan.neq = true,
                Modifier::IgnoreCase => plan.flags.ignore_case = true,
                Modifier::Multiline => plan.flags.multiline = true,
                Modifier::DotAll => plan.flags.dotall = true,
                Modifier::Minute => plan.time = Some(TimePart::Minute),
                Modifier::Hour => plan.time = Some(TimePart::Hour),
                Modifier::Day => plan.time = Some(TimePart::Day),
                Modifier::Week => plan.time = Some(TimePart::Week),
                Modifier::Month => plan.time = Some(TimePart::Month),
                Modifier::Year => plan.time = Some(TimePart::Year),
            }
            match modifier {
                Modifier::Contains | Modifier::StartsWith | Modifier::EndsWith => texts += 1,
                Modifier::Re
                | Modifier::Cidr
                | Modifier::Exists
                | Modifier::FieldRef
                | Modifier::Gt
                | Modifier::Gte
                | Modifier::Lt
                | Modifier::Lte
                | Modifier::Minute
                | Modifier::Hour
                | Modifier::Day
                | Modifier::Week
                | Modifier::Month
                | Modifier::Year => operators += 1,
                _ => {}
            }
        }
        if operators > 1 || texts > 1 || operators + texts > 1 && !plan.fieldref {
            return Err(plan.wrong("modifiers contradict one another"));
        }
        if operators > 0 && (plan.encodes() || plan.windash) {
            return Err(plan.wrong("an encoding needs a text comparison"));
        }
        if plan.base64 && plan.base64offset {
            return Err(plan.wrong("base64 and base64offset exclude one another"));
        }
        if plan.flags != expression::Flags::default() && !plan.re {
            return Err(plan.wrong("i, m and s belong to re"));
        }
        if item.field.name.is_none()
            && (plan.cidr || plan.fieldref || plan.compare.is_some() || plan.time.is_some())
        {
            return Err(plan.wrong("a keyword is compared as text"));
        }
        Ok(plan)
    }

    const fn encodes(&self) -> bool {
        self.base64 || self.base64offset || self.wide.is_some()
    }

    fn key(&self) -> String {
        let mut key = self.item.field.name.clone().unwrap_or_default();
        for modifier in &self.item.field.modifiers {
            key.push('|');
            key.push_str(&format!("{modifier:?}").to_lowercase());
        }
        key
    }

    fn expression(
        &self,
        pattern: &str,
        flags: expression::Flags,
    ) -> Result<Box<Regex>, LoadErrorKind> {
        expression::compile(pattern, flags)
            .map(Box::new)
            .map_err(|reason| LoadErrorKind::Regex {
                field: self.key(),
                reason,
            })
    }

    fn wrong(&self, reason: &str) -> LoadErrorKind {
        LoadErrorKind::Item {
            field: self.key(),
            reason: reason.to_owned(),
        }
    }

    fn number(&self, value: &SigmaValue) -> Result<f64, LoadErrorKind> {
        let number = match value {
            #[allow(clippy::cast_precision_loss)]
            SigmaValue::Integer(value) => Some(*value as f64),
            SigmaValue::Float(value) => Some(*value),
            SigmaValue::String(text) => text.original.trim().parse().ok(),
            SigmaValue::Bool(_) | SigmaValue::Null => None,
        };
        number.ok_or_else(|| self.wrong(&format!("{value} is no number")))
    }
}

fn literal(text: &str, plan: &Plan<'_>, keyword: bool) -> Test {
    let op = if keyword { TextOp::Contains } else { plan.op };
    literal_with(text, op, plan.cased)
}

fn literal_with(text: &str, op: TextOp, cased: bool) -> Test {
    let literal = if cased {
        text.into()
    } else {
        text.to_lowercase().into()
    };
    Test::Text(TextTest { op, literal, cased })
}

/// A value with wildcards, or with dashes that stand for one another, as an automaton.
fn wildcard(text: &SigmaString, plan: &Plan<'_>, keyword: bool) -> Result<Test, LoadErrorKind> {
    let op = if keyword { TextOp::Contains } else { plan.op };
    let mut pattern = String::new();
    if matches!(op, TextOp::Exact | TextOp::Prefix) {
        pattern.push('^');
    }
    for part in &text.parts {
        match part {
            StringPart::Plain(plain) => {
                let plain = if plan.cased {
                    plain.clone()
                } else {
                    plain.to_lowercase()
                };
                if plan.windash {
                    for c in plain.chars() {
                        if DASHES.contains(&c) {
                            pattern.push_str("[-/\u{2013}\u{2014}\u{2015}]");
                        } else {
                            pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
                        }
                    }
                } else {
                    pattern.push_str(&regex::escape(&plain));
                }
            }
            StringPart::Special(SpecialChar::WildcardMulti) => pattern.push_str(".*"),
            StringPart::Special(SpecialChar::WildcardSingle) => pattern.push('.'),
        }
    }
    if matches!(op, TextOp::Exact | TextOp::Suffix) {
        pattern.push('$');
    }
    Ok(Test::Regex {
        regex: plan.expression(&pattern, expression::WILDCARDS)?,
        lowered: !plan.cased,
    })
}

/// The three encodings of a value, by where it may begin in a group of three bytes, without the characters that its
/// neighbours decide (specification, `base64offset`).
fn base64_offsets(bytes: &[u8]) -> Vec<String> {
    const START: [usize; 3] = [0, 2, 3];
    const END: [usize; 3] = [0, 3, 2];
    (0..3)
        .filter_map(|offset| {
            let mut shifted = vec![b' '; offset];
            shifted.extend_from_slice(bytes);
            let encoded = STANDARD.encode(&shifted);
            let end = encoded.len() - END[shifted.len() % 3];
            encoded
                .get(START[offset]..end)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
        })
        .collect()
}

/// Puts the values of placeholders (`%name%`) in, every combination.
fn expand(
    text: &SigmaString,
    placeholders: &HashMap<String, Vec<String>>,
) -> Result<Vec<SigmaString>, LoadErrorKind> {
    let mut made = vec![String::new()];
    let mut rest = text.original.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        if let Some(before) = before.strip_suffix('\\') {
            for made in &mut made {
                made.push_str(before);
                made.push('%');
            }
            rest = after;
            continue;
        }
        let name = after.split_once('%').filter(|(name, _)| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
        });
        let Some((name, after)) = name else {
            for made in &mut made {
                made.push_str(before);
                made.push('%');
            }
            rest = after;
            continue;
        };
        let values = placeholders
            .get(name)
            .filter(|values| !values.is_empty())
            .ok_or_else(|| LoadErrorKind::Placeholder(name.to_owned()))?;
        if made.len() * values.len() > MAX_EXPANDED {
            return Err(LoadErrorKind::Placeholder(name.to_owned()));
        }
        made = made
            .iter()
            .flat_map(|made| {
                values
                    .iter()
                    .map(move |value| format!("{made}{before}{value}"))
            })
            .collect();
        rest = after;
    }
    Ok(made
        .into_iter()
        .map(|made| SigmaString::new(&format!("{made}{rest}")))
        .collect())
}

fn condition(expr: &ConditionExpr, named: &[(&str, Node)]) -> Result<Node, LoadErrorKind> {
    Ok(match expr {
        ConditionExpr::And(all) => Node::all(
            all.iter()
                .map(|inner| condition(inner, named))
                .collect::<Result<_, _>>()?,
        ),
        ConditionExpr::Or(any) => Node::any(
            any.iter()
                .map(|inner| condition(inner, named))
                .collect::<Result<_, _>>()?,
        ),
        ConditionExpr::Not(inner) => Node::Not(Box::new(condition(inner, named)?)),
        ConditionExpr::Identifier(name) => named
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, node)| node.clone())
            .ok_or_else(|| LoadErrorKind::UnknownSearch(name.clone()))?,
        ConditionExpr::Selector {
            quantifier,
            pattern,
        } => {
            let chosen: Vec<Node> = named
                .iter()
                .filter(|(name, _)| pattern.matches_detection_name(name))
                .map(|(_, node)| node.clone())
                .collect();
            if chosen.is_empty() {
                return Err(LoadErrorKind::UnknownSearch(pattern.to_string()));
            }
            match quantifier {
                Quantifier::Any => Node::any(chosen),
                Quantifier::All => Node::all(chosen),
                Quantifier::Count(0) => Node::True,
                Quantifier::Count(1) => Node::any(chosen),
                Quantifier::Count(count) => {
                    Node::AtLeast(usize::try_from(*count).unwrap_or(usize::MAX), chosen)
                }
            }
        }
    })
}
