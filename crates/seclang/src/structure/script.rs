//! Whether a text is script that would run: inside a string of a page's script, or as an expression by itself.

use std::sync::LazyLock;

use super::Weight;
use super::phrases::{Phrases, phrases};

/// The gravest reading of a text (in small letters).
pub(super) fn assess(text: &str) -> Option<Weight> {
    let plain = joined(text);
    let strong = out_of_string(&plain)
        || reaches(&plain)
        || without_letters(&plain)
        || throws(&plain)
        || calls_by_detour(&plain);
    strong.then_some(Weight::Strong)
}

/// Whether code calls what attacks call.
pub(super) fn calls(code: &str) -> bool {
    CALLED.places(code).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
    })
}

/// The text without comments, and with strings in one piece that are written in several: `'ale'+'rt'`.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/*") {
        out.push_str(&rest[..at]);
        match rest[at + 2..].find("*/") {
            Some(end) => rest = &rest[at + 2 + end + 2..],
            None => {
                out.push_str(&rest[at..]);
                rest = "";
            }
        }
    }
    out.push_str(rest);
    if out.contains("?.") {
        out = out
            .replace("?.(", "(")
            .replace("?.[", "[")
            .replace("?.", ".");
    }
    if out.contains('+') {
        for seam in ["'+'", "\"+\"", "' + '", "\" + \""] {
            if out.contains(seam) {
                out = out.replace(seam, "");
            }
        }
    }
    out
}

/// `';alert(1)//`, `"-alert(1)-"`, `${alert(1)}`.
fn out_of_string(text: &str) -> bool {
    for quote in ['\'', '"', '`'] {
        for (at, _) in text.match_indices(quote).take(4) {
            let rest = text[at + 1..].trim_start_matches([')', '}', ']', ' ']);
            let Some(first) = rest.chars().next() else {
                continue;
            };
            if !matches!(
                first,
                ';' | '-' | '+' | ',' | '*' | '/' | '|' | '&' | '^' | '?' | '<'
            ) {
                continue;
            }
            let tail = rest[first.len_utf8()..].trim_start_matches(|c: char| {
                !c.is_ascii_alphanumeric() && !matches!(c, '(' | '[' | '$' | '_')
            });
            let ended = text.trim_end().ends_with("//") || text.trim_end().ends_with("<!--");
            let asks = matches!(first, ';')
                && ["sleep(", "return true", "return(true", "return!"]
                    .iter()
                    .any(|call| tail.starts_with(call));
            if asks || calls_at_start(tail) || ended && first == ';' && calls(tail) {
                return true;
            }
        }
    }
    let placed = text
        .match_indices("${")
        .take(10)
        .any(|(at, _)| calls_at_start(&text[at + 2..]));
    placed
        || text.trim().len() < 400
            && calls_at_start(text.trim_start_matches([';', ' ', '}', ')', '\n', '\r', '\t']))
}

/// Whether code begins with such a call.
pub(super) fn calls_at_start(code: &str) -> bool {
    let code = code
        .trim_start_matches("window.")
        .trim_start_matches("self.")
        .trim_start_matches("top.")
        .trim_start_matches("parent.");
    SINKS.iter().any(|sink| {
        // `document.cookie is too large` is a sentence.
        code.strip_prefix(sink).is_some_and(|rest| {
            sink.ends_with(['(', '=', '`', ')'])
                || !rest
                    .trim_start()
                    .starts_with(|c: char| c.is_ascii_alphabetic() && rest.starts_with(' '))
        })
    })
}

/// A member of the page's global object, named by a string or made up on the way, and used: `top['alert'](1)`.
fn reaches(text: &str) -> bool {
    GLOBALS.iter().any(|global| {
        text.match_indices(global).take(20).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.')) {
                return false;
            }
            let rest = text[at + global.len()..].trim_start();
            let Some(inner) = rest.strip_prefix('[') else {
                return false;
            };
            let Some(end) = inner.find(']') else {
                return false;
            };
            let used = inner[end + 1..]
                .trim_start()
                .starts_with(['(', '`', '[', '=', '.']);
            let key = inner[..end].trim();
            let name = key.trim_matches(['\'', '"', '`', ' ']);
            let quoted = name.len() < key.len();
            used && (quoted && MEMBERS.contains(&name) || !quoted && made_up(key))
        })
    })
}

/// Whether a member's name is computed by what hides names.
fn made_up(key: &str) -> bool {
    [
        "atob(",
        "unescape(",
        "fromcharcode",
        "tostring(",
        ".source",
        "decodeuri",
    ]
    .iter()
    .any(|way| key.contains(way))
}

/// Letters made of brackets: `(![]+[])[+[]]`.
fn without_letters(text: &str) -> bool {
    phrases![
        "(![]+[])",
        "(!![]+[])",
        "[!+[]+",
        "(+{}+[])",
        "[+!![]]",
        "([][[]]+[])",
        "[+!+[]]",
    ]
    .stand_in(text)
}

/// A handler of errors that calls: `onerror=alert;throw 1`.
fn throws(text: &str) -> bool {
    text.find("onerror=")
        .or_else(|| text.find("onerror ="))
        .is_some()
        && text.contains("throw")
}

/// A function handed to something that calls it, or made from a text.
fn calls_by_detour(text: &str) -> bool {
    let handed = ["alert", "eval", "prompt", "confirm", "print"]
        .iter()
        .any(|sink| {
            text.match_indices(&format!("({sink})")).any(|(at, _)| {
                let front = &text[..at];
                [
                    ".map",
                    ".find",
                    ".filter",
                    ".foreach",
                    ".some",
                    ".every",
                    ".sort",
                    ".findindex",
                    ".reduce",
                    ".flatmap",
                    ".then",
                    ".replace",
                    ".call",
                    ".apply",
                    ".from",
                ]
                .iter()
                .any(|by| front.ends_with(by))
            })
        });
    let made = phrases![
        ".constructor('",
        ".constructor(\"",
        ".constructor(`",
        ".constructor`",
        "['constructor'](",
        "[\"constructor\"](",
        "function`",
        "function('return",
        "function(\"return",
        "settimeout`",
        "setinterval`",
        "eval`",
        "eval.call`",
        "alert.call`",
        "import('data:",
        "import(\"data:",
        "import`data:",
        "location='javascript:",
        "location=\"javascript:",
        "location=`javascript:",
        "location=name",
        "location=atob",
        "eval(atob(",
        "eval(name)",
        "document['cookie']",
        "document[\"cookie\"]",
    ]
    .stand_in(text);
    handed || made
}

/// Names of a page's global object.
const GLOBALS: [&str; 8] = [
    "window",
    "self",
    "top",
    "parent",
    "frames",
    "globalthis",
    "this",
    "document",
];

/// Members that attacks reach for.
const MEMBERS: [&str; 22] = [
    "alert",
    "confirm",
    "prompt",
    "eval",
    "print",
    "document",
    "location",
    "function",
    "settimeout",
    "setinterval",
    "settime",
    "atob",
    "fetch",
    "constructor",
    "cookie",
    "domain",
    "write",
    "writeln",
    "defaultview",
    "execscript",
    "xmlhttprequest",
    "localstorage",
];

/// What attacks call to show, steal or load.
static CALLED: LazyLock<Phrases> = LazyLock::new(|| Phrases::of(&SINKS));

const SINKS: [&str; 35] = [
    "alert.call(",
    "alert.apply(",
    "confirm.call(",
    "confirm.apply(",
    "prompt.call(",
    "prompt.apply(",
    "(alert)(",
    "(confirm)(",
    "(prompt)(",
    "alert(",
    "alert`",
    "confirm(",
    "confirm`",
    "prompt(",
    "prompt`",
    "eval(",
    "document.cookie",
    "document.write",
    "document.domain",
    "document.location",
    "location=",
    "location.href=",
    "location.replace(",
    "settimeout(",
    "setinterval(",
    "fetch(",
    "import(",
    "string.fromcharcode",
    "new image",
    "xmlhttprequest",
    "localstorage",
    "constructor(",
    "$.getscript(",
    "navigator.sendbeacon",
    "print()",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn strong(text: &str) -> bool {
        assess(&text.to_lowercase()).is_some()
    }

    #[test]
    fn script_that_would_run_is_found() {
        let mut wrong = Vec::new();
        for text in [
            "';alert(1)//",
            "\"-alert(1)-\"",
            "globalThis['ale'+'rt'](globalThis['doc'+'ument']['dom'+'ain']);//",
            "';window[/*a*/'alert'/*b*/](1)//",
            "top[(+{}+[])[+!![]]+(![]+[])[!+[]+!![]]]((+{}+[])[+!![]]);//",
            "self[atob('YWxlcnQ=')](1)",
            "onerror=alert;throw 1",
            "[document.cookie].map(alert)",
            "[]['filter']['constructor']('alert(1)')()",
            "toString.constructor('x')()",
            "setTimeout`alert\\x281\\x29`",
            "location=name",
        ] {
            if !strong(text) {
                wrong.push(text);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn words_and_pasted_scripts_are_not() {
        let mut wrong = Vec::new();
        for text in [
            "the top [of the page] (see below)",
            "window['dataLayer'] = window['dataLayer'] || [];",
            "![logo](https://www.example.com/logo.png)",
            "the map (alert) on page 3",
            "items.map(render)",
            "throw the box away; on error call me",
            "parent[0].name = 'x'",
            "location = 上海",
        ] {
            if strong(text) {
                wrong.push(text);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
