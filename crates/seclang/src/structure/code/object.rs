//! Objects that would run code when they are read.

use base64::Engine as _;

use crate::structure::Weight;
use crate::structure::phrases::phrases;

pub(super) fn serialised(text: &str, raw: &str) -> Option<Weight> {
    // Java, in bytes, in base64 and in hex.
    if raw.contains("rO0AB") || text.contains("aced0005") || raw.contains("\u{fffd}\u{fffd}\0\u{5}")
    {
        return Some(Weight::Strong);
    }
    // .NET
    // The same bytes at each of the three places that base64 can have them.
    if phrases!["AAEAAAD/////", "AQAAAP////8B", "ABAAAA/////w"].stand_in(raw) {
        return Some(Weight::Strong);
    }
    // PHP: O:8:"Customer":1:{s:4:…
    for (at, _) in text.match_indices(":\"").take(40) {
        let front = &text[..at];
        let digits = front.len() - front.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let kind = &front[..front.len() - digits];
        let rest = &text[at + 2..];
        let Some(end) = rest.find("\":") else {
            continue;
        };
        let after = &rest[end + 2..];
        let count = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0
            && (kind.ends_with("o:") || kind.ends_with("c:"))
            && count > 0
            && after[count..].starts_with(":{")
        {
            return Some(Weight::Strong);
        }
    }
    // Node, Python, YAML, fastjson, XStream
    if raw.contains("_$$ND_FUNC$$_")
        || text.contains("cos\nsystem")
        || text.contains("cposix\nsystem")
        || text.contains("c__builtin__\n")
        || text.contains("csubprocess\n")
    {
        return Some(Weight::Strong);
    }
    if phrases![
        "!!javax.",
        "!!java.",
        "!!python/object",
        "!!com.sun",
        "!ruby/object",
        "!ruby/hash",
    ]
    .stand_in(text)
    {
        return Some(Weight::Strong);
    }
    if text.contains("\"@type\"")
        && phrases!["java.", "com.sun", "org.apache", "javax.", "jdbc", "ldap"].stand_in(text)
    {
        return Some(Weight::Strong);
    }
    if raw.starts_with("BAh") && marshalled(raw) {
        return Some(Weight::Strong);
    }
    if raw.starts_with("gAS") && pickled(raw) {
        return Some(Weight::Strong);
    }
    if raw.starts_with("gASV") || raw.starts_with("H4sIAAAAAAAA") && raw.len() > 40 {
        return Some(Weight::Weak);
    }
    None
}

/// Python's own format, with a module that runs commands in it.
fn pickled(raw: &str) -> bool {
    packs(
        raw,
        &[b"posix", b"subprocess", b"builtins", b"commands", b"nt\x94"],
    )
}

/// Ruby's own format, with classes that run code when they are read.
fn marshalled(raw: &str) -> bool {
    packs(
        raw,
        &[b"InstanceVariableProxy", b"ERB", b"Gem::", b"Kernel"],
    )
}

/// Whether one of the names stands in what is in base64.
fn packs(raw: &str, names: &[&[u8]]) -> bool {
    let digits = raw.trim().trim_end_matches('=');
    let Ok(bytes) = base64::engine::general_purpose::STANDARD_NO_PAD.decode(digits) else {
        return false;
    };
    names
        .iter()
        .any(|name| memchr::memmem::find(&bytes, name).is_some())
}
