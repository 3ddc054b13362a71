//! XML-RPC calls, read as the JSON-RPC call that they are.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value, json};

use crate::body::BodyView;
use crate::view::Malformed;

/// Deepest nesting of elements.
const DEEPEST: usize = 100;
/// Most elements of a call.
const MOST_ELEMENTS: usize = 100_000;

/// Reads a call; XML that is no call is opaque. A document type is refused: nobody needs one here.
pub(crate) fn read(bytes: &[u8]) -> Result<BodyView, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| bad("no UTF-8"))?;
    let root = tree(text)?;
    if root.name != "methodCall" {
        return Ok(BodyView::Opaque);
    }
    let mut names = root
        .children
        .iter()
        .filter(|node| node.name == "methodName");
    let method = names
        .next()
        .ok_or_else(|| bad("a call without methodName"))?;
    // Readers differ in what they make of a second name deeper down, or of an element inside the name: Python's takes
    // the last name wherever it stands, and of a name only what follows the inner element.
    if names.next().is_some() || count(&root, "methodName") != 1 {
        return Err(bad("a call with two methodNames"));
    }
    if !method.children.is_empty() {
        return Err(bad("an element inside methodName"));
    }
    let params = root
        .children
        .iter()
        .filter(|node| node.name == "params")
        .flat_map(|params| params.children.iter().filter(|node| node.name == "param"))
        .map(|param| param.children.first().map_or(Value::Null, value))
        .collect::<Vec<_>>();
    Ok(BodyView::Xml(
        json!({ "method": method.text.trim(), "params": params }),
    ))
}

#[derive(Default)]
struct Node {
    name: String,
    text: String,
    children: Vec<Self>,
}

/// Elements of this name, whatever their namespace.
fn count(node: &Node, name: &str) -> usize {
    let local = node.name.rsplit(':').next().unwrap_or_default();
    usize::from(local == name)
        + node
            .children
            .iter()
            .map(|child| count(child, name))
            .sum::<usize>()
}

fn tree(text: &str) -> Result<Node, Malformed> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Node> = vec![Node::default()];
    let mut elements = 0;
    loop {
        match reader.read_event().map_err(|_| bad("bad syntax"))? {
            Event::Start(start) => {
                elements += 1;
                if open.len() > DEEPEST || elements > MOST_ELEMENTS {
                    return Err(bad("too deep or too large"));
                }
                open.push(Node {
                    name: start.name().as_ref().to_owned(),
                    ..Node::default()
                });
            }
            Event::Empty(empty) => {
                elements += 1;
                if elements > MOST_ELEMENTS {
                    return Err(bad("too large"));
                }
                let node = Node {
                    name: empty.name().as_ref().to_owned(),
                    ..Node::default()
                };
                top(&mut open)?.children.push(node);
            }
            Event::End(_) => {
                let node = open
                    .pop()
                    .ok_or_else(|| bad("an element too many closed"))?;
                top(&mut open)?.children.push(node);
            }
            Event::Text(text) => {
                top(&mut open)?.text.push_str(&text);
            }
            Event::CData(data) => {
                top(&mut open)?.text.push_str(&data);
            }
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
                top(&mut open)?.text.push(letter);
            }
            Event::DocType(_) => return Err(bad("a document type")),
            Event::Eof => break,
            _ => {}
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut document), true) if document.children.len() == 1 => {
            Ok(document.children.remove(0))
        }
        _ => Err(bad("an element is not closed")),
    }
}

/// One `<value>` as JSON.
fn value(node: &Node) -> Value {
    let Some(inner) = node.children.first() else {
        return Value::String(node.text.clone());
    };
    match inner.name.as_str() {
        "int" | "i4" | "i8" => inner
            .text
            .trim()
            .parse::<i64>()
            .map_or_else(|_| Value::String(inner.text.clone()), Value::from),
        "boolean" => Value::Bool(inner.text.trim() == "1"),
        "nil" => Value::Null,
        "array" => inner
            .children
            .iter()
            .filter(|data| data.name == "data")
            .flat_map(|data| &data.children)
            .map(value)
            .collect(),
        "struct" => {
            let mut object = Map::new();
            for member in &inner.children {
                let part = |name: &str| member.children.iter().find(|node| node.name == name);
                if let (Some(name), Some(held)) = (part("name"), part("value")) {
                    object.insert(name.text.clone(), value(held));
                }
            }
            Value::Object(object)
        }
        _ => Value::String(inner.text.clone()),
    }
}

fn top(open: &mut [Node]) -> Result<&mut Node, Malformed> {
    open.last_mut()
        .ok_or_else(|| bad("an element too many closed"))
}

fn bad(problem: &str) -> Malformed {
    Malformed::Body(format!("XML: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_as_json() {
        let xml = br#"<?xml version="1.0"?><methodCall><methodName>execute&#95;kw</methodName><params>
            <param><value><string>db</string></value></param><param><value><int>2</int></value></param>
            <param><value>plain</value></param>
            <param><value><array><data><value><struct><member><name>a</name><value><boolean>1</boolean></value></member></struct></value></data></array></value></param>
            </params></methodCall>"#;
        let view = read(xml).unwrap();
        let call = view.json().unwrap();
        assert_eq!(call["method"], "execute_kw");
        assert_eq!(call["params"], json!(["db", 2, "plain", [{"a": true}]]));
    }

    #[test]
    fn a_document_type_and_deep_nesting_are_refused() {
        assert!(read(b"<!DOCTYPE a [<!ENTITY x \"y\">]><methodCall/>").is_err());
        assert!(read("<a>".repeat(1_000).as_bytes()).is_err());
        for two in [
            "<methodCall><methodName>a</methodName><methodName>b</methodName></methodCall>",
            "<methodCall><methodName>a</methodName><params><param><value><methodName>b</methodName></value></param></params></methodCall>",
            "<methodCall><methodName>a</methodName><x:methodName>b</x:methodName></methodCall>",
            "<methodCall><methodName>a<i/>b</methodName></methodCall>",
        ] {
            assert!(read(two.as_bytes()).is_err(), "{two}");
        }
    }
}
