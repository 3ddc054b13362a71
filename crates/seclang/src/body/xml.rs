//! XML to its texts and attribute values. Entities are never resolved: a document type is kept as text to be judged.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::BodyFault;

/// What a document holds.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// All text, as rules see it.
    pub(crate) text: Vec<u8>,
    /// Where in it the text of an element ends or another's begins.
    pub(crate) ends: Vec<usize>,
    /// Values of attributes.
    pub(crate) attributes: Vec<Vec<u8>>,
    /// What was wrong.
    pub(crate) fault: Option<BodyFault>,
}

impl Document {
    /// The texts one by one, without blanks around them and without those that are nothing else.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let ends = self.ends.iter().copied().chain([self.text.len()]);
        begins
            .zip(ends)
            .filter_map(|(begin, end)| self.text.get(begin..end))
            .map(<[u8]>::trim_ascii)
            .filter(|text| !text.is_empty())
    }
}

/// Reads a document, with at most `limit` attributes.
pub(crate) fn xml(text: &[u8], limit: usize) -> Document {
    // UTF-16 and UTF-32 have NULs, or a mark of their byte order: the upstream would read something else than this engine.
    if text.contains(&0) || text.starts_with(b"\xfe\xff") || text.starts_with(b"\xff\xfe") {
        let fault = BodyFault::error("XML parsing error: the text is not in a byte encoding");
        return Document {
            fault: Some(fault),
            ..Document::default()
        };
    }
    // Bytes that are no UTF-8 are replaced, so that what stands around them is still judged.
    let decoded = String::from_utf8_lossy(text);
    let mut reader = Reader::from_str(&decoded);
    reader.config_mut().check_end_names = true;
    let mut out: Vec<u8> = Vec::new();
    let mut ends: Vec<usize> = Vec::new();
    let mut attributes = Vec::new();
    let mut depth = 0usize;
    let mut roots = 0usize;
    let fault = loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(e) => break Some(BodyFault::error(format!("XML parsing error: {e}"))),
        };
        let (start, opens) = match event {
            Event::Start(start) => (start, true),
            Event::Empty(start) => (start, false),
            Event::End(_) => {
                ends.push(out.len());
                depth = depth.saturating_sub(1);
                continue;
            }
            Event::Text(text) => {
                if depth > 0 {
                    out.extend_from_slice(text.as_bytes());
                }
                continue;
            }
            Event::CData(text) => {
                out.extend_from_slice(text.as_bytes());
                continue;
            }
            Event::GeneralRef(name) => {
                entity(name.as_bytes(), &mut out);
                continue;
            }
            Event::Eof => {
                break if depth > 0 {
                    Some(BodyFault::error(
                        "XML parsing error: the document ends inside an element",
                    ))
                } else if roots == 0 && !text.trim_ascii().is_empty() {
                    Some(BodyFault::error("XML parsing error: no element"))
                } else {
                    None
                };
            }
            Event::Decl(decl) => {
                let encoding = decl.encoding().and_then(Result::ok);
                let known = |e: &str| ENCODINGS.iter().any(|k| k.eq_ignore_ascii_case(e));
                if encoding.is_some_and(|e| !known(&e)) {
                    break Some(BodyFault::error("XML parsing error: unknown encoding"));
                }
                continue;
            }
            Event::Comment(_) | Event::PI(_) | Event::DocType(_) => continue,
        };
        ends.push(out.len());
        if depth == 0 {
            roots += 1;
        }
        depth += usize::from(opens);
        if depth > MAX_DEPTH {
            break Some(BodyFault {
                limit: true,
                ..BodyFault::error("XML depth limit exceeded")
            });
        }
        let mut bad = false;
        for attribute in start.attributes().with_checks(false) {
            match attribute {
                Ok(attribute) if attribute.key.as_ref().starts_with("xmlns") => {}
                Ok(attribute) => attributes.push(unescape(attribute.value.as_bytes())),
                Err(_) => bad = true,
            }
        }
        if bad {
            break Some(BodyFault::error("XML parsing error: malformed attribute"));
        }
        if attributes.len() > limit {
            break Some(BodyFault::over("XML attributes limit exceeded", limit));
        }
    };
    Document {
        text: out,
        ends,
        attributes,
        fault,
    }
}

/// The five entities of XML and character references; any other stays as it is written.
fn entity(name: &[u8], out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(name);
    let code = match text.as_ref() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        other => other.strip_prefix('#').and_then(|n| {
            let value = match n.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => n.parse(),
            };
            value.ok().and_then(char::from_u32)
        }),
    };
    match code {
        Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            out.push(b'&');
            out.extend_from_slice(name);
            out.push(b';');
        }
    }
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        let tail = &rest[at + 1..];
        match memchr::memchr(b';', &tail[..tail.len().min(16)]) {
            Some(end) => {
                entity(&tail[..end], &mut out);
                rest = &tail[end + 1..];
            }
            None => {
                out.push(b'&');
                rest = tail;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Encodings in which ASCII is ASCII; in any other an attack could be spelt so that only the upstream reads it.
const ENCODINGS: &[&str] = &[
    "utf-8",
    "utf8",
    "us-ascii",
    "ascii",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1252",
    "gbk",
    "gb2312",
    "gb18030",
    "big5",
];
/// Elements nest no deeper than this.
const MAX_DEPTH: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_attributes() {
        let document = xml(
            b"<?xml version=\"1.0\"?><a x='1 &amp; 2'>t&lt;<b y=\"3\"/><![CDATA[c]]> </a>",
            10,
        );
        assert_eq!(document.fault, None);
        assert_eq!(document.text, b"t<c ");
        let texts: Vec<&[u8]> = document.texts().collect();
        assert_eq!(texts, [&b"t<"[..], b"c"]);
        assert_eq!(document.attributes, [b"1 & 2".to_vec(), b"3".to_vec()]);
    }

    #[test]
    fn faults_and_bombs() {
        assert!(xml(b"<a><b></a>", 10).fault.is_some());
        assert!(xml(b"<a>", 10).fault.is_some());
        assert!(xml(b"plain", 10).fault.is_some());
        assert!(
            xml(b"<?xml version='1.0' encoding='utf-7'?><a/>", 10)
                .fault
                .is_some()
        );
        assert!(
            xml(b"<?xml version='1.0' encoding='GBK'?><a/>", 10)
                .fault
                .is_none()
        );
        assert!(xml(b"\xff\xfe<\0a\0/\0>\0", 10).fault.is_some());
        assert!(
            xml("<a>".repeat(10_000).as_bytes(), 10)
                .fault
                .unwrap()
                .limit
        );
        let bomb = b"<!DOCTYPE a [<!ENTITY x \"y\"><!ENTITY z \"&x;&x;\">]><a>&z;</a>";
        let document = xml(bomb, 10);
        assert_eq!((document.text, document.fault), (b"&z;".to_vec(), None));
    }
}
