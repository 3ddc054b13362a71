//! The request as a whole: its path, types in it, its document, its files, a body that nobody has taken apart.

use super::{Processor, Transaction};
use crate::body;
use crate::structure::{self, Weight};
use crate::transaction::Item;
use crate::variable::Var;

/// Bytes of files that are looked at for code.
const MOST_FILE: usize = 64 << 10;
/// Bytes of a document that are looked at as they stand.
const MOST_HEAD: usize = 16 << 10;

impl Transaction<'_> {
    /// What is an attack by the request as a whole: a path that exploits a product, a type that a reader of JSON would load.
    pub(super) fn judge_request(&mut self) {
        let path = self.singles[Var::RequestFilename as usize];
        if let Some(found) = structure::known_path(self.values.get(path)) {
            let item = Item {
                var: Var::RequestFilename,
                key: 0,
                value: path,
            };
            self.stop_for(found, item);
            return;
        }
        let typed = self
            .args_get
            .iter()
            .chain(&self.args_post)
            .find_map(|entry| {
                let (name, value) = (self.values.get(entry.name), self.values.get(entry.value));
                Some((*entry, structure::named_type(name, value)?))
            });
        if let Some((entry, found)) = typed {
            let item = Item {
                var: Var::Args,
                key: entry.name,
                value: entry.value,
            };
            self.stop_for(found, item);
        }
    }

    /// What an XML document says besides its texts and attributes, which are all that its reader keeps.
    pub(super) fn judge_document(&mut self) {
        if self.processor != Some(Processor::Xml) || self.intervention.is_some() {
            return;
        }
        let head = &self.body[..self.body.len().min(MOST_HEAD)];
        if let Some(found) = structure::in_document(head) {
            let value = self.values.add(head);
            let item = Item {
                var: Var::RequestBody,
                key: 0,
                value,
            };
            self.stop_for(found, item);
        }
    }

    /// Code in uploaded files.
    pub(super) fn judge_files(&mut self) {
        let named =
            self.parts.files.iter().find_map(|entry| {
                Some((*entry, structure::file_name(self.values.get(entry.value))?))
            });
        if let Some((entry, found)) = named
            && self.intervention.is_none()
        {
            let item = Item {
                var: Var::Files,
                key: entry.name,
                value: entry.value,
            };
            self.stop_for(found, item);
        }
        for at in 0..self.parts.contents.len() {
            if self.intervention.is_some() {
                return;
            }
            let entry = self.parts.contents[at];
            let content = self.values.get(entry.value);
            if let Some(found) = structure::code_in_file(&content[..content.len().min(MOST_FILE)]) {
                let item = Item {
                    var: Var::Files,
                    key: entry.name,
                    value: entry.value,
                };
                self.stop_for(found, item);
            }
        }
    }

    /// A body that nobody has taken apart: read as JSON or a form where it is one, else as one value.
    pub(super) fn judge_unread(&mut self) {
        let read = self.processor.is_some() && self.singles[Var::ReqbodyError as usize] != self.one;
        if read || self.intervention.is_some() || self.body.is_empty() {
            return;
        }
        let body = std::mem::take(&mut self.body);
        let text = body.trim_ascii_start();
        let head = &body[..body.len().min(MOST_HEAD)];
        let as_it_stands = structure::in_bytes(&body).or_else(|| {
            text.starts_with(b"<")
                .then(|| structure::in_document(head))
                .flatten()
        });
        if let Some(found) = as_it_stands {
            let value = self.values.add(head);
            let item = Item {
                var: Var::RequestBody,
                key: 0,
                value,
            };
            self.body = body;
            self.stop_for(found, item);
            return;
        }
        let settings = &self.rules.settings;
        let pieces: Vec<Vec<u8>> = if text.starts_with(b"{") || text.starts_with(b"[") {
            // One document, or one a line.
            let (depth, most) = (settings.json_depth_limit, settings.arguments_limit);
            let (args, fault) = body::json(text, depth, most);
            let args = if fault.is_some() && text.contains(&b'\n') {
                text.split(|byte| *byte == b'\n')
                    .filter(|line| !line.trim_ascii().is_empty())
                    .take(most)
                    .flat_map(|line| body::json(line, depth, most).0)
                    .take(most)
                    .collect()
            } else {
                args
            };
            args.into_iter().map(|(_, value)| value).collect()
        } else if !text.contains(&b' ') && text.contains(&b'=') && !text.contains(&b'<') {
            let (args, _) =
                body::urlencoded(text, settings.argument_separator, settings.arguments_limit);
            args.into_iter()
                .flat_map(|(name, value)| [name, value])
                .collect()
        } else {
            Vec::new()
        };
        let printable = body
            .iter()
            .filter(|b| b.is_ascii_graphic() || b.is_ascii_whitespace() || **b >= 0x80)
            .count();
        let whole = (pieces.is_empty() && printable * 10 >= body.len() * 9).then(|| body.clone());
        for piece in pieces.into_iter().chain(whole) {
            let id = self.values.add(&piece);
            if let Some(found) = self.finding(id)
                && found.weight == Weight::Strong
            {
                self.stop_for(
                    found,
                    Item {
                        var: Var::RequestBody,
                        key: 0,
                        value: id,
                    },
                );
                break;
            }
        }
        // An entity in a document that was read without it.
        self.body = body;
    }
}
