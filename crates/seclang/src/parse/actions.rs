//! `"id:1,phase:2,deny,setvar:'tx.a=+1'"`: what a rule does.

use super::ctl::{Ctl, ctl};
use crate::error::LoadErrorKind;
use crate::template::Template;
use crate::transform::Transform;
use crate::variable::Var;

/// One action of a rule.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Id(u64),
    Phase(u8),
    Msg(Template),
    LogData(Template),
    Severity(u8),
    Rev(String),
    Ver(String),
    Tag(Template),
    Maturity(u8),
    Accuracy(u8),
    Disruptive(Disruptive),
    Status(u16),
    Chain,
    Skip(u32),
    SkipAfter(String),
    Capture,
    MultiMatch,
    /// `t:none`
    ClearTransforms,
    Transform(Transform),
    Log(bool),
    AuditLog(bool),
    SetVar(SetVar),
    ExpireVar {
        var: Var,
        key: Template,
        seconds: Template,
    },
    DeprecateVar {
        var: Var,
        key: Template,
        amount: i64,
        period: i64,
    },
    InitCol {
        var: Var,
        key: Template,
    },
    SetEnv {
        key: Template,
        value: Template,
    },
    Ctl(Ctl),
    /// Which variable's value the audit log hides.
    Sanitise(String),
}

/// What happens to the message when the rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Disruptive {
    Pass,
    Block,
    Deny,
    Drop,
    Redirect(Template),
    /// End this phase.
    AllowPhase,
    /// End the request phases.
    AllowRequest,
    /// End all phases.
    Allow,
}

/// `setvar:tx.a=…`
#[derive(Clone, Debug)]
pub(crate) struct SetVar {
    pub(crate) var: Var,
    pub(crate) key: Template,
    pub(crate) op: SetVarOp,
}

/// How the variable changes.
#[derive(Clone, Debug)]
pub(crate) enum SetVarOp {
    Set(Template),
    Add(Template),
    Subtract(Template),
    Remove,
}

/// Which rules a `ctl` or a directive speaks of.
#[derive(Clone, Debug)]
pub(crate) enum RuleSelect {
    Ids(Vec<(u64, u64)>),
    Tag(String),
    Msg(String),
}

pub(crate) fn parse_actions(text: &str) -> Result<Vec<Action>, LoadErrorKind> {
    split(text)?
        .into_iter()
        .map(|(name, arg)| action(&name, arg.as_deref()))
        .collect()
}

fn action(name: &str, arg: Option<&str>) -> Result<Action, LoadErrorKind> {
    let lower = name.to_ascii_lowercase();
    let need = |expected| {
        arg.filter(|a| !a.is_empty())
            .ok_or_else(|| LoadErrorKind::value(name, "", expected))
    };
    Ok(match lower.as_str() {
        "id" => Action::Id(number(name, need("a number")?)?),
        "phase" => Action::Phase(phase(need("1 to 5, request, response or logging")?)?),
        "msg" => Action::Msg(Template::parse(need("a text")?)?),
        "logdata" => Action::LogData(Template::parse(need("a text")?)?),
        "severity" => Action::Severity(severity(need("0 to 7 or a name like CRITICAL")?)?),
        "rev" => Action::Rev(need("a text")?.to_owned()),
        "ver" => Action::Ver(need("a text")?.to_owned()),
        "tag" => Action::Tag(Template::parse(need("a text")?)?),
        "maturity" => Action::Maturity(number(name, need("1 to 9")?)?),
        "accuracy" => Action::Accuracy(number(name, need("1 to 9")?)?),
        "pass" => Action::Disruptive(Disruptive::Pass),
        "block" => Action::Disruptive(Disruptive::Block),
        "deny" => Action::Disruptive(Disruptive::Deny),
        "drop" => Action::Disruptive(Disruptive::Drop),
        "redirect" => {
            Action::Disruptive(Disruptive::Redirect(Template::parse(need("an address")?)?))
        }
        "allow" => Action::Disruptive(match arg.map(str::to_ascii_lowercase).as_deref() {
            None | Some("") => Disruptive::Allow,
            Some("phase") => Disruptive::AllowPhase,
            Some("request") => Disruptive::AllowRequest,
            Some(other) => {
                return Err(LoadErrorKind::value(
                    "allow",
                    other,
                    "nothing, phase or request",
                ));
            }
        }),
        "status" => Action::Status(number(name, need("a status code")?)?),
        "chain" => Action::Chain,
        "skip" => Action::Skip(number(name, need("a number")?)?),
        "skipafter" => Action::SkipAfter(need("a marker or an id")?.to_owned()),
        "capture" => Action::Capture,
        "multimatch" => Action::MultiMatch,
        "t" => match need("a transformation")?.to_ascii_lowercase().as_str() {
            "none" => Action::ClearTransforms,
            other => Action::Transform(Transform::parse(other)?),
        },
        "log" => Action::Log(true),
        "nolog" => Action::Log(false),
        "auditlog" => Action::AuditLog(true),
        "noauditlog" => Action::AuditLog(false),
        "setvar" => Action::SetVar(set_var(need("tx.name=value")?)?),
        "expirevar" => {
            let (var, key, rest) = variable("expirevar", need("ip.name=seconds")?)?;
            let seconds =
                rest.ok_or_else(|| LoadErrorKind::value("expirevar", "", "ip.name=seconds"))?;
            Action::ExpireVar {
                var,
                key,
                seconds: Template::parse(seconds)?,
            }
        }
        "deprecatevar" => {
            let text = need("ip.name=amount/seconds")?;
            let (var, key, rest) = variable("deprecatevar", text)?;
            let (amount, period) = rest.and_then(|r| r.split_once('/')).ok_or_else(|| {
                LoadErrorKind::value("deprecatevar", text, "ip.name=amount/seconds")
            })?;
            Action::DeprecateVar {
                var,
                key,
                amount: number("deprecatevar", amount)?,
                period: number::<i64>("deprecatevar", period)?.max(1),
            }
        }
        "initcol" => {
            let text = need("ip=key")?;
            let (collection, key) = text
                .split_once('=')
                .ok_or_else(|| LoadErrorKind::value("initcol", text, "ip=key"))?;
            init_col(collection, key)?
        }
        "setuid" => init_col("user", need("a key")?)?,
        "setsid" => init_col("session", need("a key")?)?,
        "setrsc" => init_col("resource", need("a key")?)?,
        "setenv" => {
            let text = need("name=value")?;
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            Action::SetEnv {
                key: Template::parse(key)?,
                value: Template::parse(value)?,
            }
        }
        "ctl" => Action::Ctl(ctl(need("option=value")?)?),
        "sanitisearg"
        | "sanitizearg"
        | "sanitiserequestheader"
        | "sanitizerequestheader"
        | "sanitiseresponseheader"
        | "sanitizeresponseheader" => Action::Sanitise(need("a name")?.to_ascii_lowercase()),
        "sanitisematched" | "sanitizematched" | "sanitisematchedbytes" | "sanitizematchedbytes" => {
            Action::Sanitise("*matched".to_owned())
        }
        "exec" => return unsupported(name, "rules may not start programs; use a playbook"),
        "proxy" => {
            return unsupported(name, "routing belongs to the gateway; use deny or redirect");
        }
        "pause" => {
            return unsupported(
                name,
                "holding a request open lets an attacker exhaust the gateway; use a limit",
            );
        }
        "append" | "prepend" => {
            return unsupported(name, "bodies are not rewritten by rules; remove the action");
        }
        "xmlns" => {
            return unsupported(
                name,
                "XML:/* and XML://@* need no namespaces; remove the action",
            );
        }
        _ => {
            return Err(LoadErrorKind::Unknown {
                what: "action",
                name: name.to_owned(),
                hint: " (docs/reference/seclang.md lists them)",
            });
        }
    })
}

fn unsupported(name: &str, reason: &'static str) -> Result<Action, LoadErrorKind> {
    Err(LoadErrorKind::Unsupported {
        what: "action",
        name: name.to_owned(),
        reason,
    })
}

fn init_col(collection: &str, key: &str) -> Result<Action, LoadErrorKind> {
    let var = Var::parse(collection)?;
    if !var.is_writable() || var == Var::Tx {
        return Err(LoadErrorKind::value(
            "initcol",
            collection,
            "ip, session, user, global or resource",
        ));
    }
    Ok(Action::InitCol {
        var,
        key: Template::parse(key)?,
    })
}

fn variable<'a>(
    what: &str,
    text: &'a str,
) -> Result<(Var, Template, Option<&'a str>), LoadErrorKind> {
    let (left, right) = match text.split_once('=') {
        Some((left, right)) => (left, Some(right)),
        None => (text, None),
    };
    let (collection, key) = left
        .split_once(['.', ':'])
        .ok_or_else(|| LoadErrorKind::value(what, text, "collection.name"))?;
    let var = Var::parse(collection)?;
    if !var.is_writable() {
        return Err(LoadErrorKind::value(
            what,
            collection,
            "tx, ip, session, user, global or resource",
        ));
    }
    Ok((var, Template::parse(&key.to_ascii_lowercase())?, right))
}

fn set_var(text: &str) -> Result<SetVar, LoadErrorKind> {
    let (text, remove) = match text.strip_prefix('!') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (var, key, value) = variable("setvar", text)?;
    let op = match value {
        _ if remove => SetVarOp::Remove,
        None => SetVarOp::Set(Template::parse("1")?),
        Some(value) => match value.as_bytes().first() {
            Some(b'+') => SetVarOp::Add(Template::parse(&value[1..])?),
            Some(b'-') => SetVarOp::Subtract(Template::parse(&value[1..])?),
            _ => SetVarOp::Set(Template::parse(value)?),
        },
    };
    Ok(SetVar { var, key, op })
}

/// `1`, `1-5`, and lists of both.
pub(crate) fn ids(text: &str) -> Result<RuleSelect, LoadErrorKind> {
    let mut out = Vec::new();
    for piece in text.split([',', ' ']).filter(|p| !p.is_empty()) {
        let piece = piece.trim_matches('"');
        out.push(match piece.split_once('-') {
            Some((low, high)) => (number("rule id", low)?, number("rule id", high)?),
            None => {
                let id = number("rule id", piece)?;
                (id, id)
            }
        });
    }
    if out.is_empty() {
        return Err(LoadErrorKind::value(
            "rule id",
            text,
            "an id or a range of ids",
        ));
    }
    Ok(RuleSelect::Ids(out))
}

pub(crate) fn phase(text: &str) -> Result<u8, LoadErrorKind> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" => Ok(1),
        "2" | "request" => Ok(2),
        "3" => Ok(3),
        "4" | "response" => Ok(4),
        "5" | "logging" => Ok(5),
        _ => Err(LoadErrorKind::value(
            "phase",
            text,
            "1 to 5, request, response or logging",
        )),
    }
}

fn severity(text: &str) -> Result<u8, LoadErrorKind> {
    let upper = text.trim().to_ascii_uppercase();
    if let Some(at) = SEVERITIES.iter().position(|s| *s == upper) {
        return u8::try_from(at).map_err(|_| LoadErrorKind::value("severity", text, "0 to 7"));
    }
    upper
        .parse()
        .ok()
        .filter(|v| *v < 8)
        .ok_or_else(|| LoadErrorKind::value("severity", text, "0 to 7 or a name like CRITICAL"))
}

pub(super) fn number<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, LoadErrorKind> {
    text.trim()
        .trim_matches('\'')
        .parse()
        .map_err(|_| LoadErrorKind::value(what, text, "a number in range"))
}

/// Splits at commas outside single quotes, and each piece at its first colon.
fn split(text: &str) -> Result<Vec<(String, Option<String>)>, LoadErrorKind> {
    let mut out = Vec::new();
    let mut name = String::new();
    let mut arg: Option<String> = None;
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let in_arg = arg.is_some();
        let current = arg.as_mut().unwrap_or(&mut name);
        match c {
            '\\' if quoted && chars.peek() == Some(&'\'') => {
                current.push('\'');
                chars.next();
            }
            '\'' if quoted => quoted = false,
            '\'' if in_arg && (current.trim().is_empty() || current.ends_with('=')) => {
                quoted = true
            }
            ',' if !quoted => finish(&mut name, &mut arg, &mut out),
            ':' if !in_arg => arg = Some(String::new()),
            c => current.push(c),
        }
    }
    if quoted {
        return Err(LoadErrorKind::syntax(
            "a single quote in the actions is never closed",
        ));
    }
    finish(&mut name, &mut arg, &mut out);
    Ok(out)
}

fn finish(name: &mut String, arg: &mut Option<String>, out: &mut Vec<(String, Option<String>)>) {
    let done = std::mem::take(name);
    let done = done.trim();
    let arg = arg.take();
    if !done.is_empty() {
        out.push((done.to_owned(), arg.map(|a| a.trim().to_owned())));
    }
}

/// Syslog's words, most severe first.
pub(crate) const SEVERITIES: [&str; 8] = [
    "EMERGENCY",
    "ALERT",
    "CRITICAL",
    "ERROR",
    "WARNING",
    "NOTICE",
    "INFO",
    "DEBUG",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_macros() {
        let list =
            split("id:1,msg:'a, b: c',setvar:'tx.a=+%{tx.b}',setvar:tx.c='x,y',pass").unwrap();
        assert_eq!(list[1].1.as_deref(), Some("a, b: c"));
        assert_eq!(list[2].1.as_deref(), Some("tx.a=+%{tx.b}"));
        assert_eq!(list[3].1.as_deref(), Some("tx.c=x,y"));
        assert_eq!(list.len(), 5);
    }

    #[test]
    fn mistakes_are_named() {
        for text in [
            "id:x",
            "phase:9",
            "frob",
            "t:nope",
            "ctl:foo=1",
            "setvar:args.a=1",
            "exec:/bin/sh",
            "msg:'open",
        ] {
            assert!(parse_actions(text).is_err(), "{text}");
        }
    }
}
