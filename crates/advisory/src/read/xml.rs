//! XML of the Chinese databases: text in several encodings, and one tree for each record.
//!
//! A document type is refused, so no entity can grow; an entity that XML doesn't know stays as written. Real exports hold
//! unescaped `<` and `&` in their texts: such a record is refused by itself, and reading goes on at the next one.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::Out;

/// Deepest nesting of elements in a record.
const DEEPEST: usize = 32;
/// Most elements of a record.
const ELEMENTS: usize = 20_000;
/// Longest record, bytes.
const LONGEST: usize = 8 << 20;

const CUT: &str = "it ends within a character, as if cut";

/// An element.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) text: String,
    /// Where a link of Atom leads, with what it is to the entry (`alternate`, `self`, …).
    pub(super) link: Option<(String, String)>,
    pub(super) children: Vec<Self>,
}

impl Node {
    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Its text, when there is any.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        let text = self.child(name)?.text.trim();
        (!text.is_empty()).then_some(text)
    }

    /// All elements of a name, however deep.
    pub(super) fn all<'a>(&'a self, name: &str, into: &mut Vec<&'a Self>) {
        for child in &self.children {
            if child.name == name {
                into.push(child);
            }
            child.all(name, into);
        }
    }
}

/// Calls `one` for every element `name` that stands right under the root, wherever it is in the file.
pub(super) fn each(
    bytes: &[u8],
    name: &str,
    out: &mut Out<'_>,
    mut one: impl FnMut(Node, String, &mut Out<'_>),
) {
    let text = match decode(bytes) {
        Ok(text) => text,
        Err((place, reason)) => {
            if reason.ends_with(CUT) {
                out.cut();
            }
            return out.refuse(place, reason);
        }
    };
    let mut lines = Lines::default();
    let (mut from, mut wasted, mut seen) = (0, 0, 0_u64);
    let mut spoilt = false;
    loop {
        let rest = text.get(from..).unwrap_or_default();
        let result = run(rest, name, spoilt, &mut |node, at| {
            seen += 1;
            if !out.room() {
                return false;
            }
            let place = format!("line {}", lines.at(&text, from + at));
            one(node, place, out);
            true
        });
        let Err(stop) = result else {
            break;
        };
        if from.saturating_add(stop.seen) >= text.len() {
            out.cut();
        }
        let line = lines.at(&text, from + stop.at);
        match stop.start {
            // Within a record: on with the next one, as long as that doesn't read the file over and over.
            Some(start) => {
                let begins = lines.again(&text, from + start);
                out.refuse(
                    format!("line {begins}"),
                    format!(
                        "the record that begins there is broken at line {line}: {}",
                        stop.reason
                    ),
                );
                wasted += stop.seen.saturating_sub(start);
                let next = opening(&text, name, from + start + 1);
                match next {
                    Some(next) if wasted <= text.len().saturating_mul(2) => from = next,
                    Some(_) => {
                        out.refuse(
                            format!("line {line}"),
                            "too much of it is broken: the rest is not read",
                        );
                        break;
                    }
                    None => break,
                }
                spoilt = true;
            }
            None => {
                let what = format!(
                    "{}; {seen} records before it were read, the rest is not",
                    stop.reason
                );
                out.refuse(format!("line {line}"), what);
                break;
            }
        }
    }
    if seen == 0 && out.refused_here == 0 {
        out.refuse("", format!("it holds no <{name}>"));
    }
}

/// Where and why reading stopped; `start` is the record in which it did.
struct Stop {
    at: usize,
    /// How far was looked.
    seen: usize,
    start: Option<usize>,
    reason: String,
}

/// Reads on until the end, or until something is broken.
fn run(
    text: &str,
    name: &str,
    spoilt: bool,
    one: &mut dyn FnMut(Node, usize) -> bool,
) -> Result<(), Stop> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    // After a broken record the root's end has no beginning.
    reader.config_mut().allow_unmatched_ends = spoilt;
    let mut stack: Vec<Node> = Vec::new();
    let (mut start, mut elements, mut outside) = (None, 0, 0_usize);
    loop {
        let before = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let stop = |at: usize, start, reason: String| {
            Err(Stop {
                at,
                seen: at,
                start,
                reason,
            })
        };
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                let at = usize::try_from(reader.error_position())
                    .unwrap_or(before)
                    .max(before);
                // What is never closed was looked for until the end.
                let unclosed = matches!(error, quick_xml::Error::Syntax(_));
                return Err(Stop {
                    at,
                    seen: if unclosed { text.len() } else { at },
                    start,
                    reason: error.to_string(),
                });
            }
        };
        if let Some(start) = start
            && before.saturating_sub(start) > LONGEST
        {
            return stop(
                before,
                Some(start),
                format!("it is longer than {LONGEST} bytes"),
            );
        }
        match event {
            Event::DocType(_) => {
                return stop(
                    before,
                    None,
                    "it has a document type, which is refused".to_owned(),
                );
            }
            Event::Start(tag) => {
                let local = tag.local_name();
                let this: &str = local.as_ref();
                if start.is_none() && this == name {
                    (start, elements) = (Some(before), 0);
                }
                if start.is_none() {
                    outside += 1;
                    if outside > DEEPEST {
                        return stop(before, None, "it is nested too deep".to_owned());
                    }
                    continue;
                }
                elements += 1;
                if stack.len() >= DEEPEST || elements > ELEMENTS {
                    return stop(
                        before,
                        start,
                        "it is nested too deep, or has too many elements".to_owned(),
                    );
                }
                stack.push(Node {
                    name: this.to_owned(),
                    link: link(&tag, this),
                    ..Node::default()
                });
            }
            Event::Empty(tag) => {
                if let Some(parent) = stack.last_mut() {
                    elements += 1;
                    if elements > ELEMENTS {
                        return stop(before, start, "it has too many elements".to_owned());
                    }
                    let local = tag.local_name();
                    let this: &str = local.as_ref();
                    parent.children.push(Node {
                        name: this.to_owned(),
                        link: link(&tag, this),
                        ..Node::default()
                    });
                }
            }
            Event::End(_) => match stack.pop() {
                Some(node) => match stack.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => {
                        let at = start.take().unwrap_or(before);
                        if !one(node, at) {
                            return Ok(());
                        }
                    }
                },
                None => outside = outside.saturating_sub(1),
            },
            Event::Text(text) => {
                if let Some(node) = stack.last_mut() {
                    node.text.push_str(&text);
                }
            }
            Event::CData(text) => {
                if let Some(node) = stack.last_mut() {
                    node.text.push_str(&text);
                }
            }
            Event::GeneralRef(named) => {
                if let Some(node) = stack.last_mut() {
                    refer(&named, node);
                }
            }
            Event::Eof if !stack.is_empty() => {
                return stop(text.len(), start, "it ends within it, as if cut".to_owned());
            }
            Event::Eof if outside > 0 && !spoilt => {
                return stop(
                    text.len(),
                    None,
                    "it ends before its root does, as if cut".to_owned(),
                );
            }
            Event::Eof => return Ok(()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

/// The address in a `<link href="…">`.
fn link(tag: &quick_xml::events::BytesStart<'_>, name: &str) -> Option<(String, String)> {
    if name != "link" {
        return None;
    }
    let value = |wanted: &str| {
        let found = tag.try_get_attribute(wanted).ok()??;
        found
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .ok()
            .map(|text| text.into_owned())
    };
    Some((value("rel").unwrap_or_default(), value("href")?))
}

/// A character reference or one of the five entities; another stays as it is written.
fn refer(named: &quick_xml::events::BytesRef<'_>, node: &mut Node) {
    if let Ok(Some(c)) = named.resolve_char_ref() {
        node.text.push(c);
        return;
    }
    let name: &str = named.as_ref();
    match quick_xml::escape::resolve_predefined_entity(name) {
        Some(text) => node.text.push_str(text),
        None => {
            node.text.push('&');
            node.text.push_str(name);
            node.text.push(';');
        }
    }
}

/// The next place where the element begins.
fn opening(text: &str, name: &str, from: usize) -> Option<usize> {
    let tag = format!("<{name}");
    let mut at = from;
    loop {
        while !text.is_char_boundary(at) {
            at += 1;
        }
        let found = at + text.get(at..)?.find(&tag)?;
        let behind = text.as_bytes().get(found + tag.len());
        if matches!(behind, Some(b'>' | b' ' | b'\t' | b'\n' | b'\r')) {
            return Some(found);
        }
        at = found + tag.len();
    }
}

/// UTF-8, UTF-16 by its mark, or GB18030, which GBK and GB2312 are part of; by the declaration, or without one by what fits.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, (String, String)> {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return exact(encoding, bytes.get(mark..).unwrap_or_default());
    }
    let head = bytes.get(..bytes.len().min(200)).unwrap_or_default();
    let declared = declared(head);
    let encoding = match declared.as_deref() {
        Some(label) => match encoding_rs::Encoding::for_label(label.as_bytes()) {
            // A GBK declaration covers GB18030 in practice: the larger one reads both.
            Some(found) if found == encoding_rs::GBK => encoding_rs::GB18030,
            Some(found) if found == encoding_rs::UTF_8 || found == encoding_rs::GB18030 => found,
            _ => {
                let reason =
                    format!("its encoding {label:?} is not read: UTF-8, GBK and GB18030 are");
                return Err(("line 1".to_owned(), reason));
            }
        },
        None => {
            return match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(_) => exact(encoding_rs::GB18030, bytes),
            };
        }
    };
    exact(encoding, bytes)
}

fn exact<'a>(
    encoding: &'static encoding_rs::Encoding,
    bytes: &'a [u8],
) -> Result<Cow<'a, str>, (String, String)> {
    if encoding == encoding_rs::UTF_8 {
        return std::str::from_utf8(bytes)
            .map(Cow::Borrowed)
            .map_err(|error| {
                let at = error.valid_up_to();
                let place = format!("byte {at}");
                // Half a character at the end is what a cut leaves.
                let cut = error.error_len().is_none();
                let reason = if cut { CUT } else { "it is not UTF-8 there" };
                (place, reason.to_owned())
            });
    }
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .ok_or_else(|| {
            let reason = format!("it can't be read as {}", encoding.name());
            (String::new(), reason)
        })
}

/// The encoding that the XML declaration names.
fn declared(head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let declaration = text
        .trim_start()
        .strip_prefix("<?xml")?
        .split("?>")
        .next()?;
    let rest = declaration
        .split_once("encoding")?
        .1
        .trim_start()
        .strip_prefix('=')?
        .trim_start();
    let quote = rest.chars().next().filter(|c| "'\"".contains(*c))?;
    rest.get(1..)?.split(quote).next().map(str::to_owned)
}

/// Counts lines, forward only, so that a file of many records is gone through once.
#[derive(Default)]
struct Lines {
    at: usize,
    lines: usize,
}

impl Lines {
    /// The line of a byte, from 1.
    fn at(&mut self, text: &str, byte: usize) -> usize {
        if byte < self.at {
            return self.again(text, byte);
        }
        let byte = byte.min(text.len());
        let between = text.as_bytes().get(self.at..byte).unwrap_or_default();
        self.lines += between.iter().filter(|byte| **byte == b'\n').count();
        self.at = byte;
        self.lines + 1
    }

    /// The line of a byte further back.
    fn again(&self, text: &str, byte: usize) -> usize {
        let from = byte.min(self.at);
        let between = text.as_bytes().get(from..self.at).unwrap_or_default();
        self.lines + 1
            - between
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                .min(self.lines)
    }
}
