//! XML as a tree, without document types, attributes and entities of its own.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Reason, cut};

/// Deepest nesting of elements.
const DEEPEST: usize = 64;
/// Most elements of a file.
const MOST_ELEMENTS: usize = 2_000_000;

/// An element.
#[derive(Default)]
pub(super) struct Node {
    /// Without the prefix of its namespace.
    pub(super) name: Box<str>,
    /// Its own text, trimmed; not that of its children.
    pub(super) text: String,
    pub(super) children: Vec<Self>,
}

impl Node {
    /// The children of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |node| &*node.name == name)
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|node| &*node.name == name)
    }

    /// The text of the first child of this name, unless it is empty.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        let text = self.child(name)?.text.as_str();
        (!text.is_empty()).then_some(text)
    }
}

/// Reads a document; gives its root.
pub(super) fn tree(text: &str) -> Result<Node, Reason> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Node> = vec![Node::default()];
    let mut elements = 0;
    loop {
        let event = reader.read_event().map_err(|cause| {
            Reason::Syntax(cut(&format!("{cause} at byte {}", reader.error_position())))
        })?;
        let at = reader.buffer_position();
        let bad = |why: &str| bad(why, at);
        match event {
            Event::Start(start) => {
                elements += 1;
                let node = begin(&start);
                if open.len() > DEEPEST {
                    return Err(bad("more than 64 elements in one another"));
                }
                open.push(node);
            }
            Event::Empty(empty) => {
                elements += 1;
                let node = begin(&empty);
                top(&mut open, at)?.children.push(node);
            }
            Event::End(_) => {
                let mut node = open
                    .pop()
                    .ok_or_else(|| bad("an element too many closed"))?;
                node.text = node.text.trim().to_owned();
                open.last_mut()
                    .ok_or_else(|| bad("an element too many closed"))?
                    .children
                    .push(node);
            }
            Event::Text(text) => top(&mut open, at)?.text.push_str(&text),
            Event::CData(data) => top(&mut open, at)?.text.push_str(&data),
            Event::GeneralRef(reference) => {
                let letter = match &*reference {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => reference
                        .resolve_char_ref()
                        .ok()
                        .flatten()
                        .ok_or_else(|| bad("an unknown entity"))?,
                };
                top(&mut open, at)?.text.push(letter);
            }
            Event::DocType(_) => return Err(bad("a document type, which is refused,")),
            Event::Eof => break,
            _ => {}
        }
        if elements > MOST_ELEMENTS {
            return Err(Reason::TooMany("2,000,000 elements"));
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut document), true) if document.children.len() == 1 => {
            Ok(document.children.remove(0))
        }
        (_, true) => Err(Reason::Syntax("it has no root, or several".to_owned())),
        _ => Err(Reason::Syntax("an element is not closed".to_owned())),
    }
}

/// The innermost element that is open.
fn top(open: &mut [Node], at: u64) -> Result<&mut Node, Reason> {
    open.last_mut()
        .ok_or_else(|| bad("an element too many closed", at))
}

fn bad(why: &str, at: u64) -> Reason {
    Reason::Syntax(format!("{why} before byte {at}"))
}

fn begin(start: &BytesStart<'_>) -> Node {
    let name = start.name();
    let name: &str = name.as_ref();
    Node {
        name: name.rsplit(':').next().unwrap_or_default().into(),
        ..Node::default()
    }
}
