//! The modifiers of a detection item, and which of them go together (specification v2.1.0, "Modifiers").

use regex::Regex;
use rsigma_parser::{DetectionItem, Modifier, SigmaValue};

use crate::atom::{NumberOp, TextOp, TimePart};
use crate::error::LoadErrorKind;
use crate::expression;

/// The modifiers of an item, checked against one another.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Modifiers<'a> {
    item: &'a DetectionItem,
    pub(crate) op: TextOp,
    pub(crate) cased: bool,
    pub(crate) all: bool,
    pub(crate) neq: bool,
    pub(crate) exists: bool,
    pub(crate) expand: bool,
    pub(crate) re: bool,
    pub(crate) flags: expression::Flags,
    pub(crate) cidr: bool,
    pub(crate) fieldref: bool,
    pub(crate) windash: bool,
    pub(crate) base64: bool,
    pub(crate) base64offset: bool,
    pub(crate) wide: Option<Wide>,
    pub(crate) compare: Option<NumberOp>,
    pub(crate) time: Option<TimePart>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Wide {
    Little,
    Big,
    Marked,
}

impl Wide {
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
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

impl<'a> Modifiers<'a> {
    pub(crate) fn read(item: &'a DetectionItem) -> Result<Self, LoadErrorKind> {
        let mut modifiers = Self {
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
                Modifier::Contains => modifiers.op = TextOp::Contains,
                Modifier::StartsWith => modifiers.op = TextOp::Prefix,
                Modifier::EndsWith => modifiers.op = TextOp::Suffix,
                Modifier::All => modifiers.all = true,
                Modifier::Base64 => modifiers.base64 = true,
                Modifier::Base64Offset => modifiers.base64offset = true,
                Modifier::Wide => modifiers.wide = Some(Wide::Little),
                Modifier::Utf16be => modifiers.wide = Some(Wide::Big),
                Modifier::Utf16 => modifiers.wide = Some(Wide::Marked),
                Modifier::WindAsh => modifiers.windash = true,
                Modifier::Re => modifiers.re = true,
                Modifier::Cidr => modifiers.cidr = true,
                Modifier::Cased => modifiers.cased = true,
                Modifier::Exists => modifiers.exists = true,
                Modifier::Expand => modifiers.expand = true,
                Modifier::FieldRef => modifiers.fieldref = true,
                Modifier::Gt => modifiers.compare = Some(NumberOp::Gt),
                Modifier::Gte => modifiers.compare = Some(NumberOp::Gte),
                Modifier::Lt => modifiers.compare = Some(NumberOp::Lt),
                Modifier::Lte => modifiers.compare = Some(NumberOp::Lte),
                Modifier::Neq => modifiers.neq = true,
                Modifier::IgnoreCase => modifiers.flags.ignore_case = true,
                Modifier::Multiline => modifiers.flags.multiline = true,
                Modifier::DotAll => modifiers.flags.dotall = true,
                Modifier::Minute => modifiers.time = Some(TimePart::Minute),
                Modifier::Hour => modifiers.time = Some(TimePart::Hour),
                Modifier::Day => modifiers.time = Some(TimePart::Day),
                Modifier::Week => modifiers.time = Some(TimePart::Week),
                Modifier::Month => modifiers.time = Some(TimePart::Month),
                Modifier::Year => modifiers.time = Some(TimePart::Year),
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
        if operators > 1 || texts > 1 || operators + texts > 1 && !modifiers.fieldref {
            return Err(modifiers.wrong("modifiers contradict one another"));
        }
        if operators > 0 && (modifiers.encodes() || modifiers.windash) {
            return Err(modifiers.wrong("an encoding needs a text comparison"));
        }
        if modifiers.base64 && modifiers.base64offset {
            return Err(modifiers.wrong("base64 and base64offset exclude one another"));
        }
        if modifiers.flags != expression::Flags::default() && !modifiers.re {
            return Err(modifiers.wrong("i, m and s belong to re"));
        }
        if item.field.name.is_none()
            && (modifiers.cidr
                || modifiers.fieldref
                || modifiers.compare.is_some()
                || modifiers.time.is_some())
        {
            return Err(modifiers.wrong("a keyword is compared as text"));
        }
        Ok(modifiers)
    }

    pub(crate) const fn encodes(&self) -> bool {
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

    pub(crate) fn expression(
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

    pub(crate) fn wrong(&self, reason: &str) -> LoadErrorKind {
        LoadErrorKind::Item {
            field: self.key(),
            reason: reason.to_owned(),
        }
    }

    pub(crate) fn number(&self, value: &SigmaValue) -> Result<f64, LoadErrorKind> {
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
