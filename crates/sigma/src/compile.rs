//! Detections of the specification made into conditions over atoms.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Quantifier, SigmaString, SigmaValue,
};

use crate::atom::{AtomId, FieldId, NumberOp, Test, TextOp};
use crate::error::LoadErrorKind;
use crate::modifiers::Modifiers;
use crate::pipeline::Mapping;
use crate::rule::Node;
use crate::values::{DASHES, base64_offsets, expand, literal, literal_with, wildcard};

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
        let modifiers = Modifiers::read(item)?;
        let field = name.map_or(KEYWORDS, |name| self.field(name));
        if modifiers.exists {
            let expected = match item.values.as_slice() {
                [SigmaValue::Bool(value)] => *value,
                [SigmaValue::String(text)] if text.original.eq_ignore_ascii_case("true") => true,
                [SigmaValue::String(text)] if text.original.eq_ignore_ascii_case("false") => false,
                _ => return Err(modifiers.wrong("exists takes true or false")),
            };
            if name.is_none() {
                return Err(modifiers.wrong("exists needs a field"));
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
                SigmaValue::String(text) if modifiers.expand => {
                    for expanded in expand(text, context.placeholders)? {
                        values.push(SigmaValue::String(expanded));
                    }
                }
                value => values.push(value.clone()),
            }
        }
        if values.is_empty() {
            return Err(modifiers.wrong("the list of values is empty"));
        }
        if modifiers.all && item.values.len() < 2 {
            return Err(modifiers.wrong("all needs more than one value"));
        }
        let mut nodes = Vec::with_capacity(values.len());
        for value in &values {
            nodes.push(self.value(value, field, &modifiers, context)?);
        }
        let node = if modifiers.all {
            Node::all(nodes)
        } else {
            Node::any(nodes)
        };
        Ok(if modifiers.neq {
            if name.is_none() {
                return Err(modifiers.wrong("neq needs a field"));
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
        modifiers: &Modifiers<'_>,
        context: Context<'_>,
    ) -> Result<Node, LoadErrorKind> {
        let keyword = field == KEYWORDS;
        if let Some(part) = modifiers.time {
            let than = modifiers.number(value)?;
            return Ok(Node::Atom(self.atom(field, Test::Time(part, than))));
        }
        if let Some(op) = modifiers.compare {
            let than = modifiers.number(value)?;
            return Ok(Node::Atom(self.atom(field, Test::Number(op, than))));
        }
        if modifiers.fieldref {
            let SigmaValue::String(text) = value else {
                return Err(modifiers.wrong("fieldref takes the name of a field"));
            };
            let Some(other) = text.as_plain() else {
                return Err(modifiers.wrong("fieldref takes a name without wildcards"));
            };
            let mut any = Vec::new();
            for other in context.mapping.targets(&other) {
                let other = self.field(&other);
                let test = Test::FieldRef {
                    other,
                    op: modifiers.op,
                    cased: modifiers.cased,
                };
                any.push(Node::Atom(self.atom(field, test)));
            }
            return Ok(Node::any(any));
        }
        if modifiers.cidr {
            let net = match value {
                SigmaValue::String(text) => text.original.parse().ok(),
                _ => None,
            };
            let Some(net) = net else {
                return Err(modifiers.wrong(&format!("{value} is no network such as 10.0.0.0/8")));
            };
            return Ok(Node::Atom(self.atom(field, Test::Cidr(net))));
        }
        if modifiers.re {
            let pattern = match value {
                SigmaValue::String(text) => text.original.clone(),
                value => value.to_string(),
            };
            let test = Test::Regex {
                regex: modifiers.expression(&pattern, modifiers.flags)?,
                lowered: false,
            };
            return Ok(Node::Atom(self.atom(field, test)));
        }
        let test = match value {
            SigmaValue::Null if !keyword => Test::Null,
            SigmaValue::Bool(value) if !keyword => Test::Bool(*value),
            SigmaValue::Integer(value) if modifiers.op == TextOp::Exact && !keyword =>
            {
                #[allow(clippy::cast_precision_loss)]
                Test::Number(NumberOp::Eq, *value as f64)
            }
            SigmaValue::Float(value) if modifiers.op == TextOp::Exact && !keyword => {
                Test::Number(NumberOp::Eq, *value)
            }
            SigmaValue::Null => return Err(modifiers.wrong("a keyword can't be null")),
            SigmaValue::String(text) => return self.string(text, field, modifiers),
            value => literal(&value.to_string(), modifiers, keyword),
        };
        Ok(Node::Atom(self.atom(field, test)))
    }

    fn string(
        &mut self,
        text: &SigmaString,
        field: FieldId,
        modifiers: &Modifiers<'_>,
    ) -> Result<Node, LoadErrorKind> {
        let keyword = field == KEYWORDS;
        if modifiers.encodes() {
            let Some(plain) = text.as_plain() else {
                return Err(modifiers.wrong("an encoded value can't have wildcards"));
            };
            let bytes = match modifiers.wide {
                Some(wide) => wide.encode(&plain),
                None => plain.into_bytes(),
            };
            let tests = if modifiers.base64offset {
                // Wherever the value stands in what was encoded, so it is looked for anywhere.
                base64_offsets(&bytes)
                    .iter()
                    .map(|encoded| literal_with(encoded, TextOp::Contains, modifiers.cased))
                    .collect()
            } else if modifiers.base64 {
                vec![literal(&STANDARD.encode(&bytes), modifiers, keyword)]
            } else {
                let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
                vec![literal(&text, modifiers, keyword)]
            };
            return Ok(Node::any(
                tests
                    .into_iter()
                    .map(|test| Node::Atom(self.atom(field, test)))
                    .collect(),
            ));
        }
        let test = match text.as_plain() {
            Some(plain) if !modifiers.windash || !plain.contains(DASHES) => {
                literal(&plain, modifiers, keyword)
            }
            _ => wildcard(text, modifiers, keyword)?,
        };
        Ok(Node::Atom(self.atom(field, test)))
    }
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
