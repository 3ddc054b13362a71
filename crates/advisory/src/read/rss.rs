//! News of makers: RSS 0.9 to 2.0 and Atom.
//!
//! Such a record names no product and no alias, whatever numbers its text mentions: it can be found by its words and is never
//! a ground for a verdict or a decision.

use jiff::Timestamp;

use super::xml::{Node, each};
use super::{Out, clean};
use crate::matching::hash;
use crate::record::{Record, Source};

/// Longest address, characters.
const ADDRESS: usize = 1_000;

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    // Atom's entries are told from RSS's items by which of them comes first.
    let begin = bytes.get(..bytes.len().min(1 << 20)).unwrap_or_default();
    let at = |tag: &[u8]| begin.windows(tag.len()).position(|part| part == tag);
    let atom = match (at(b"<entry"), at(b"<item")) {
        (Some(entry), Some(item)) => entry < item,
        (Some(_), None) => true,
        (None, Some(_)) => false,
        // An empty feed is no mistake.
        (None, None) if at(b"</rss>").or_else(|| at(b"</feed>")).is_some() => return,
        (None, None) => false,
    };
    each(
        bytes,
        if atom { "entry" } else { "item" },
        out,
        |node, place, out| match record(&node, out) {
            Some(record) => out.record(place, record),
            None => out.refuse(
                place,
                "the entry that begins there has neither a title nor a link",
            ),
        },
    );
}

fn record(node: &Node, out: &mut Out<'_>) -> Option<Record> {
    let title = clean::line(
        &plain(node.child("title").map(all).unwrap_or_default()),
        500,
    );
    let link = address(node).map(|link| clean::line(&link, ADDRESS));
    if title.is_empty() && link.is_none() {
        return None;
    }
    let text = ["encoded", "content", "description", "summary"]
        .iter()
        .find_map(|name| {
            let text = plain(all(node.child(name)?));
            (!text.trim().is_empty()).then_some(text)
        });
    // What names the entry for good: its own id, else where it leads, else its title.
    let own = node.text_of("guid").or_else(|| node.text_of("id"));
    let named = own.or(link.as_deref()).unwrap_or(&title);
    Some(Record {
        id: format!("RSS-{:016x}", hash(named)),
        source: Source::Rss,
        published: time(node, &["pubDate", "published", "date", "issued"], out),
        modified: time(node, &["updated", "modified"], out),
        title,
        summary: text.unwrap_or_default(),
        references: link.into_iter().collect(),
        ..Record::default()
    })
}

/// Where the entry leads: only the web, so that a page may show it as a link.
fn address(node: &Node) -> Option<String> {
    let of_atom = |wanted: fn(&str) -> bool| {
        node.children
            .iter()
            .filter_map(|child| child.link.as_ref())
            .find(|(rel, _)| wanted(rel))
            .map(|(_, href)| href.trim().to_owned())
    };
    let found = node
        .text_of("link")
        .map(str::to_owned)
        .or_else(|| of_atom(|rel| rel.is_empty() || rel == "alternate"))
        .or_else(|| node.text_of("guid").map(str::to_owned))?;
    (found.starts_with("https://") || found.starts_with("http://")).then_some(found)
}

/// The text of an element and of those in it (Atom's XHTML).
fn all(node: &Node) -> String {
    let mut text = node.text.clone();
    for child in &node.children {
        text.push(' ');
        text.push_str(&all(child));
    }
    text
}

/// Without the tags of HTML, and with its commonest entities read.
fn plain(html: String) -> String {
    if !html.contains(['<', '&']) {
        return html;
    }
    let mut text = String::with_capacity(html.len());
    let mut rest = html.as_str();
    while let Some(at) = rest.find('<') {
        let (front, tag) = rest.split_at(at);
        text.push_str(front);
        let is_tag = tag
            .bytes()
            .nth(1)
            .is_some_and(|next| next.is_ascii_alphabetic() || next == b'/' || next == b'!');
        match tag.find('>').filter(|_| is_tag) {
            Some(end) => {
                text.push(' ');
                rest = tag.get(end + 1..).unwrap_or_default();
            }
            None => {
                text.push('<');
                rest = tag.get(1..).unwrap_or_default();
                if is_tag {
                    // A tag that never ends: so are all that follow.
                    break;
                }
            }
        }
    }
    text.push_str(rest);
    for (entity, sign) in [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        if text.contains(entity) {
            text = text.replace(entity, sign);
        }
    }
    text
}

fn time(node: &Node, names: &[&str], out: &mut Out<'_>) -> Option<Timestamp> {
    let text = names.iter().find_map(|name| node.text_of(name))?;
    if let Ok(zoned) = jiff::fmt::rfc2822::parse(text) {
        return Some(zoned.timestamp());
    }
    // "GMT" and other old names of zones are in RFC 2822; a day alone is not.
    clean::time(Some(text), out)
}
