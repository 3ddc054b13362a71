//! Each value of a request by itself: what a person has fixed for it, and what it would become.

use super::{FIXED, MOST_JOINED, Refusal, Transaction};
use crate::body;
use crate::report::place;
use crate::settings::Mode;
use crate::structure::Weight;
use crate::transaction::Item;
use crate::transaction::text::printable;
use crate::usual::Unlike;
use crate::values::ValueId;
use crate::variable::Var;

impl Transaction<'_> {
    /// Refuses an argument that breaks what a person has fixed for it, whatever the rules said.
    pub(in crate::transaction) fn judge_shapes(&mut self) {
        let Some(usual) = self.usual.clone() else {
            return;
        };
        if self.mode != Mode::On || self.intervention.is_some() {
            return;
        }
        let broken = self
            .args_get
            .iter()
            .chain(&self.args_post)
            .find_map(|entry| {
                let (name, value) = (self.values.get(entry.name), self.values.get(entry.value));
                Some((*entry, usual.breaks(name, value)?))
            });
        let Some((entry, unlike)) = broken else {
            return;
        };
        let item = Item {
            var: Var::Args,
            key: entry.name,
            value: entry.value,
        };
        let variable = printable(&self.item_name(item), 256);
        let (place, place_zh) = place(&variable);
        let (what, what_zh) = match unlike {
            Unlike::Signs(signs) => {
                let names: Vec<&str> = signs.names().collect();
                let names = names.join(", ");
                (
                    format!("has signs that were ruled out for it ({names})"),
                    format!("含有规定之外的字符（{names}）"),
                )
            }
            Unlike::Long(bytes) => (
                format!("has {bytes} bytes, more than was ruled for it"),
                format!("有 {bytes} 字节，超过规定的长度"),
            ),
        };
        self.stop_without_rule(Refusal {
            rule: FIXED,
            class: "unusual",
            source: "fixed shape",
            explanation: format!("The request was stopped because {place} {what}."),
            explanation_zh: format!("请求被拦截：{place_zh}{what_zh}。"),
            what,
            variable,
            value: entry.value,
            score: self.score(),
        });
    }

    /// All values of the request, whatever the rules said: a valid attack counts without any.
    pub(in crate::transaction) fn judge_values(&mut self) {
        if self.exact() || self.mode != Mode::On || self.intervention.is_some() {
            return;
        }
        let mut places: Vec<(Var, ValueId, ValueId)> = Vec::new();
        for (var, list) in [
            (Var::Args, &self.args_get),
            (Var::Args, &self.args_post),
            (Var::RequestCookies, &self.cookies),
        ] {
            places.extend(list.iter().map(|entry| (var, entry.name, entry.value)));
        }
        for list in [&self.args_get, &self.args_post] {
            places.extend(
                list.iter()
                    .map(|entry| (Var::ArgsNames, entry.name, entry.name)),
            );
        }
        for entry in &self.request_headers {
            let name = self.values.get(entry.name);
            if !QUIET.iter().any(|quiet| name.eq_ignore_ascii_case(quiet)) {
                places.push((Var::RequestHeaders, entry.name, entry.value));
            }
        }
        for id in self.xml_texts.iter().chain(&self.xml_attributes) {
            places.push((Var::Xml, 0, *id));
        }
        places.push((
            Var::RequestFilename,
            0,
            self.singles[Var::RequestFilename as usize],
        ));
        let target = self.singles[Var::RequestUriRaw as usize];
        if !self.values.get(target).starts_with(b"/") {
            places.push((Var::RequestUriRaw, 0, target));
        }
        places.extend(self.pieces_of_referer());
        places.extend(self.said_several_times());
        places.extend(
            self.parts
                .files
                .iter()
                .map(|entry| (Var::Files, entry.name, entry.value)),
        );
        for (var, name, value) in places {
            if let Some(found) = self.finding(value)
                && (found.weight == Weight::Strong || self.unusual(var, name))
            {
                self.stop_for(
                    found,
                    Item {
                        var,
                        key: name,
                        value,
                    },
                );
                return;
            }
        }
        self.judge_request();
        self.judge_document();
        self.judge_files();
        self.judge_unread();
    }

    /// Arguments in the address that the browser came from: pages write them out as they do their own.
    fn pieces_of_referer(&mut self) -> Vec<(Var, ValueId, ValueId)> {
        let Some(entry) = self
            .request_headers
            .iter()
            .find(|entry| self.values.get(entry.name).eq_ignore_ascii_case(b"referer"))
            .copied()
        else {
            return Vec::new();
        };
        let address = self.values.get(entry.value);
        let Some(at) = memchr::memchr(b'?', address) else {
            return Vec::new();
        };
        let settings = &self.rules.settings;
        let (args, _) = body::urlencoded(
            &address[at + 1..],
            settings.argument_separator,
            settings.arguments_limit,
        );
        args.into_iter()
            .flat_map(|(name, value)| [name, value])
            .map(|piece| (Var::RequestHeaders, entry.name, self.values.add(&piece)))
            .collect()
    }

    /// Values of one name, joined as some servers join them: a comment may begin in one and end in the next.
    fn said_several_times(&mut self) -> Vec<(Var, ValueId, ValueId)> {
        let mut out = Vec::new();
        for list in [&self.args_get, &self.args_post] {
            if !list
                .iter()
                .any(|entry| memchr::memmem::find(self.values.get(entry.value), b"/*").is_some())
            {
                continue;
            }
            let mut names: Vec<ValueId> = list.iter().map(|entry| entry.name).collect();
            names.sort_unstable();
            names.dedup();
            for name in names.into_iter().take(MOST_JOINED) {
                let values: Vec<&[u8]> = list
                    .iter()
                    .filter(|entry| entry.name == name)
                    .map(|entry| self.values.get(entry.value))
                    .collect();
                if values.len() > 1 {
                    out.push((Var::Args, name, values.join(&b","[..])));
                }
            }
        }
        out.into_iter()
            .map(|(var, name, value)| (var, name, self.values.add(&value)))
            .collect()
    }
}

/// Headers whose values are the browser's own.
const QUIET: [&[u8]; 21] = [
    b"cookie",
    b"accept",
    b"accept-encoding",
    b"accept-charset",
    b"connection",
    b"content-length",
    b"if-modified-since",
    b"if-none-match",
    b"cache-control",
    b"pragma",
    b"date",
    b"expect",
    b"te",
    b"sec-ch-ua",
    b"sec-ch-ua-platform",
    b"sec-fetch-site",
    b"sec-fetch-mode",
    b"sec-fetch-dest",
    b"upgrade-insecure-requests",
    b"dnt",
    b"transfer-encoding",
];
