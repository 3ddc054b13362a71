//! Whether a text goes on as lines of a protocol where it is put into one: a header of an answer, a dialogue with a mail
//! server, a host that only tests of security call.

use std::sync::LazyLock;

use super::phrases::Phrases;
use super::{Finding, Weight};

/// The gravest reading of a text in small letters.
pub(super) fn assess(text: &str) -> Option<Finding> {
    let found = |class, what| {
        Some(Finding {
            class,
            weight: Weight::Strong,
            what,
        })
    };
    if lines(text) {
        return found(
            "protocol",
            "lines that would go on in the answer or in a letter",
        );
    }
    if calls_back(text) {
        return found("ssrf", "an address that tests whether the server calls it");
    }
    None
}

/// A line feed, or a character that loses its upper byte and becomes one, with a command or a header behind it.
fn lines(text: &str) -> bool {
    // Prose has lines, too; there the command stands alone behind the first of them.
    let Some((front, rest)) = text.split_once(['\r', '\n', '\u{560a}', '\u{560d}']) else {
        return false;
    };
    if front.split_whitespace().count() > 2 {
        return false;
    }
    let rest = rest.trim_start_matches(['\r', '\n', '\u{560a}', '\u{560d}', ' ']);
    let mail = ["rcpt to:", "mail from:", "rset\r", "vrfy ", "expn "]
        .iter()
        .any(|command| rest.starts_with(command))
        || rest.trim_end() == "quit"
        || tagged(rest);
    let typed = rest
        .strip_prefix("content-type:")
        .and_then(|kind| kind.split_whitespace().next())
        .is_some_and(|kind| kind.contains('/'));
    // A header by whose name prose has lines, too, comes behind nothing.
    let header = |names: &[&str]| names.iter().any(|name| rest.starts_with(name));
    let answer = header(&["set-cookie:", "http/1."]) && front.trim().len() < 40
        || header(&["location:", "content-length:", "content-type:"])
            && (front.trim().is_empty() || rest.contains("://") || typed);
    // An address with further headers of a letter behind it, or a store of keys that is told to write a file.
    let letter = front.contains('@')
        && !front.contains(' ')
        && header(&["bcc:", "cc:", "to:", "from:", "subject:", "reply-to:"]);
    let store = rest.split(['\r', '\n']).any(|line| {
        [
            "flushall",
            "config set dir",
            "config set dbfilename",
            "slaveof ",
            "replicaof ",
        ]
        .iter()
        .any(|command| line.trim().starts_with(command))
            || stores(line)
    });
    mail || answer || letter || store
}

/// `set key 0 0 3`: how memcached is told to keep something.
fn stores(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().take(6).collect();
    matches!(words.as_slice(), ["set" | "add" | "replace", _, numbers @ ..]
        if numbers.len() >= 3 && numbers.iter().all(|n| n.bytes().all(|b| b.is_ascii_digit())))
}

/// `v100 capability`: a command of IMAP with its tag.
fn tagged(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some(tag), Some(command)) = (words.next(), words.next()) else {
        return false;
    };
    tag.len() < 8
        && tag.bytes().any(|b| b.is_ascii_digit())
        && tag.bytes().all(|b| b.is_ascii_alphanumeric())
        && [
            "capability",
            "fetch",
            "login",
            "logout",
            "select",
            "search",
            "store",
            "examine",
        ]
        .contains(&command)
}

/// Hosts whose only use is to tell a tester that they were called.
fn calls_back(text: &str) -> bool {
    CALLED.stand_in(text) && text.split_whitespace().count() < 25 && !super::wide(text)
}

static CALLED: LazyLock<Phrases> = LazyLock::new(|| Phrases::of(&CALL_BACK));

const CALL_BACK: [&str; 15] = [
    "@169.254.169.254",
    ".burpcollaborator.net",
    ".oastify.com",
    ".interact.sh",
    ".oast.pro",
    ".oast.live",
    ".oast.site",
    ".oast.online",
    ".oast.fun",
    ".oast.me",
    ".dnslog.cn",
    ".ceye.io",
    ".bxss.me",
    ".xss.ht",
    ".canarytokens.com",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_protocol_are_found_and_those_of_a_letter_not() {
        for text in [
            "\r\nset-cookie: a=b",
            "x\r\nlocation: http://evil.example",
            "\r\nv100 capability\r\nv101 fetch 4791",
            "\nrcpt to: test@evil.example\n",
            "\u{560d}\u{560a}set-cookie: a=b",
            "http://x7.oastify.com/a",
        ] {
            assert!(assess(text).is_some(), "{text:?}");
        }
        for text in [
            "dear all,\nlocation: room 5\nbring your laptop",
            "from: a@example.com\nto: b@example.com\nsubject: offer",
            "meeting on monday at ten\r\nlocation: shanghai",
            "a\nb",
        ] {
            assert!(assess(text).is_none(), "{text:?}");
        }
    }
}
