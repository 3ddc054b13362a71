//! Expressions that a template engine would run.

use std::sync::LazyLock;

use super::{arithmetic, between};
use crate::structure::Weight;
use crate::structure::phrases::{Phrases, phrases};
use crate::structure::words;

pub(super) fn assess(text: &str) -> Option<Weight> {
    let reaching = |inner: &str| REACHES.stand_in(inner);
    let mut best = None;
    for (open, close) in [
        ("{{", "}}"),
        ("{%", "%}"),
        ("<%", "%>"),
        ("#{", "}"),
        ("${", "}"),
        ("@{", "}"),
        ("*{", "}"),
        ("[[", "]]"),
        ("{php}", "{/php}"),
    ] {
        for inner in between(text, open, close) {
            if inner.trim().is_empty() {
                continue;
            }
            let front = text.split(open).next().unwrap_or_default();
            // A letter that shows what is not done: `{{7*7}}` behind a sentence.
            if open != "<%" && arithmetic(inner) && words(front) >= 8 {
                best = best.max(Some(Weight::Weak));
                continue;
            }
            // Ruby runs what stands in backticks.
            if open == "<%" && inner.trim_start_matches(['=', '-', ' ']).starts_with('`') {
                best = Some(Weight::Strong);
            }
            if reaching(inner) && inner.contains(['(', '[', '.', '|'])
                || open != "[[" && arithmetic(inner)
                || open == "{php}"
            {
                best = best.max(Some(Weight::Strong));
            }
        }
    }
    if text.contains("<#assign") && text.contains("?new")
        || text.contains("#set($")
        || text.contains("#set ($")
        || text.contains("freemarker.template")
    {
        best = Some(Weight::Strong);
    }
    // Smarty and Blade.
    if phrases![
        "{math equation",
        "{include file=",
        "{system(",
        "{if system(",
        "{if phpinfo",
        "{$smarty.",
        "{fetch file=",
    ]
    .stand_in(text)
        || (text.contains("{!!") || text.contains("@php"))
            && phrases!["system(", "exec(", "phpinfo(", "eval("].stand_in(text)
    {
        best = Some(Weight::Strong);
    }
    if phrases![
        "<esi:",
        "system.diagnostics.process",
        "\\write18",
        "\\input{/",
    ]
    .stand_in(text)
    {
        best = Some(Weight::Strong);
    }
    if phrases!["{% debug %}", "get_admin_log", "<%=system", "<%= system"].stand_in(text)
        || text.contains("<%") && text.contains("out.print")
    {
        best = Some(Weight::Strong);
    }
    if text.contains("<!--#")
        && [
            "exec", "include", "echo", "config", "printenv", "fsize", "set",
        ]
        .iter()
        .any(|order| text.contains(&format!("<!--#{order}")))
    {
        best = Some(Weight::Strong);
    }
    // `'+{233*233}+'`: an expression that steps out of its string.
    if (text.contains("+{") || text.contains("+ {"))
        && between(text, "{", "}")
            .iter()
            .any(|inner| arithmetic(inner))
        && text.contains(['\'', '"'])
    {
        best = Some(Weight::Strong);
    }
    if text.contains("@(")
        && between(text, "@(", ")")
            .iter()
            .any(|inner| arithmetic(inner))
    {
        best = best.max(Some(Weight::Weak));
    }
    best
}

static REACHES: LazyLock<Phrases> = LazyLock::new(|| Phrases::of(&REACHING));

/// Names that no template of a mail uses.
const REACHING: [&str; 42] = [
    "file_excerpt",
    "app.request",
    "pagecontext",
    "applicationscope",
    "facescontext",
    "getsession(",
    "filter('",
    "map('",
    "sort('",
    "__class__",
    "__globals__",
    "__init__",
    "__mro__",
    "__subclasses__",
    "__builtins__",
    "__import__",
    "constructor",
    "prototype",
    "lipsum",
    "cycler",
    "joiner",
    "self.",
    "config.",
    "config[",
    "config|",
    "request.application",
    "request|attr",
    "popen",
    "getruntime",
    "runtime",
    "processbuilder",
    "classloader",
    "execute(",
    "exec(",
    "system(",
    "eval(",
    "require(",
    "process.",
    "file.open",
    "passthru",
    "getclass",
    "_self.env",
];
