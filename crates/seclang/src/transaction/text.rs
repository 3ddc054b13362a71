//! Macros filled from the transaction, and texts cut for reports.

use super::{Item, Transaction};
use crate::template::{Part, Template};
use crate::variable::Var;

impl Transaction<'_> {
    /// Fills the macros of a template.
    pub(super) fn expand(&mut self, template: &Template) -> Vec<u8> {
        if let Some(text) = template.fixed() {
            return text.to_vec();
        }
        let mut out = Vec::new();
        for part in &template.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Macro(var, key) => self.expand_macro(*var, key, &mut out),
            }
            if out.len() > MAX_EXPANSION {
                out.truncate(MAX_EXPANSION);
                self.limit("macro expansion");
                break;
            }
        }
        out
    }

    fn expand_macro(&mut self, var: Var, key: &[u8], out: &mut Vec<u8>) {
        match var {
            Var::Tx => {
                if let Some(value) = self.tx.get(key) {
                    out.extend_from_slice(value);
                }
            }
            Var::MatchedVarName => {
                if let Some(item) = self.matched_one {
                    out.extend_from_slice(&self.item_name(item));
                }
            }
            _ => {
                let mut items = Vec::new();
                let selector = (!key.is_empty()).then_some(key);
                self.first_of(var, selector, &mut items);
                if let Some(item) = items.first() {
                    out.extend_from_slice(self.values.get(item.value));
                }
            }
        }
    }

    /// `ARGS:name`, as logs write it.
    pub(super) fn item_name(&self, item: Item) -> Vec<u8> {
        let mut out = item.var.name().as_bytes().to_vec();
        if item.key != 0 {
            out.push(b':');
            out.extend_from_slice(self.values.get(item.key));
        }
        out
    }
}

/// Bytes as text for a report: control characters escaped, cut at `limit` bytes.
pub(super) fn printable(bytes: &[u8], limit: usize) -> String {
    let cut = &bytes[..bytes.len().min(limit)];
    let mut out = String::with_capacity(cut.len());
    for chunk in cut.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                out.extend(c.escape_default())
            } else {
                out.push(c)
            }
        }
        for b in chunk.invalid() {
            out.push_str(&format!("\\x{b:02x}"));
        }
    }
    if cut.len() < bytes.len() {
        out.push('…');
    }
    out
}

/// No filled text is longer than this.
const MAX_EXPANSION: usize = 1 << 20;
