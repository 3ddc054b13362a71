//! From an operator as written to one that runs.

use super::net::Networks;
use super::phrases::{self, Phrases};
use super::validate::ByteSet;
use super::{Operator, Order};
use crate::error::LoadErrorKind;
use crate::parse::OperatorDecl;
use crate::pattern;
use crate::sources::Sources;
use crate::template::Template;

/// Compiles an operator; data files are looked for beside the rule file.
pub(crate) fn build(
    decl: &OperatorDecl,
    folder: &str,
    sources: &dyn Sources,
) -> Result<Operator, LoadErrorKind> {
    let arg = decl.arg.as_str();
    let template = || Template::parse(arg);
    Ok(match decl.name.as_str() {
        "rx" => Operator::Rx(pattern::compile(arg)?),
        "rxglobal" => Operator::RxGlobal(pattern::compile(arg)?),
        "pm" => Operator::Pm(non_empty(phrases::from_argument(arg), decl)?),
        "pmfromfile" | "pmf" => {
            let mut list = Vec::new();
            for name in arg.split_whitespace() {
                list.extend(phrases::from_file(&read(name, folder, sources)?));
            }
            Operator::Pm(non_empty(list, decl)?)
        }
        "streq" => Operator::StrEq(template()?),
        "contains" | "strmatch" => Operator::Contains(template()?),
        "containsword" => Operator::ContainsWord(template()?),
        "beginswith" => Operator::BeginsWith(template()?),
        "endswith" => Operator::EndsWith(template()?),
        "within" => Operator::Within(template()?),
        "eq" => Operator::Number(Order::Eq, template()?),
        "ne" => Operator::Number(Order::Ne, template()?),
        "ge" => Operator::Number(Order::Ge, template()?),
        "gt" => Operator::Number(Order::Gt, template()?),
        "le" => Operator::Number(Order::Le, template()?),
        "lt" => Operator::Number(Order::Lt, template()?),
        "ipmatch" => Operator::IpMatch(Networks::parse(arg.split(','))?),
        "ipmatchfromfile" | "ipmatchf" => {
            let bytes = read(arg.trim(), folder, sources)?;
            let text = String::from_utf8_lossy(&bytes);
            Operator::IpMatch(Networks::parse(
                text.lines()
                    .map(|l| l.split('#').next().unwrap_or_default()),
            )?)
        }
        "validatebyterange" => Operator::ByteRange(Box::new(ByteSet::parse(arg)?)),
        "validateurlencoding" => Operator::UrlEncoding,
        "validateutf8encoding" => Operator::Utf8Encoding,
        "detectsqli" => Operator::DetectSqli,
        "detectxss" => Operator::DetectXss,
        "unconditionalmatch" => Operator::Unconditional,
        "nomatch" => Operator::NoMatch,
        "verifycc" => Operator::VerifyCard(pattern::compile(arg)?),
        "verifycpf" => Operator::VerifyCpf(pattern::compile(arg)?),
        "verifyssn" => Operator::VerifySsn(pattern::compile(arg)?),
        "rbl" | "gsblookup" | "geolookup" => Operator::NoMatch,
        "inspectfile" => {
            return refuse(
                decl,
                "rules may not start programs; check uploads in the application",
            );
        }
        "fuzzyhash" => return refuse(decl, "ssdeep is not part of this engine; remove the rule"),
        "validatedtd" | "validateschema" => {
            return refuse(
                decl,
                "bodies are not validated against schemas here; validate in the application",
            );
        }
        "validatehash" | "rsub" | "verifysvnr" => {
            return refuse(decl, "it exists in ModSecurity v2 only; remove the rule");
        }
        other => {
            return Err(LoadErrorKind::Unknown {
                what: "operator",
                name: format!("@{other}"),
                hint: " (docs/reference/seclang.md lists them)",
            });
        }
    })
}

fn refuse(decl: &OperatorDecl, reason: &'static str) -> Result<Operator, LoadErrorKind> {
    Err(LoadErrorKind::Unsupported {
        what: "operator",
        name: format!("@{}", decl.name),
        reason,
    })
}

fn non_empty(list: Vec<Vec<u8>>, decl: &OperatorDecl) -> Result<Phrases, LoadErrorKind> {
    if list.is_empty() {
        return Err(LoadErrorKind::value(
            format!("@{}", decl.name),
            decl.arg.clone(),
            "at least one phrase",
        ));
    }
    Phrases::new(list)
}

fn read(name: &str, folder: &str, sources: &dyn Sources) -> Result<Vec<u8>, LoadErrorKind> {
    let path = if name.starts_with('/') || folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    };
    sources.read(&path).map_err(|e| LoadErrorKind::Read {
        path,
        reason: e.to_string(),
    })
}

/// A remark about an operator that is accepted and never matches.
pub(crate) fn remark(decl: &OperatorDecl) -> Option<&'static str> {
    match decl.name.as_str() {
        "rbl" | "gsblookup" => Some(
            "never matches here: no request waits for a look-up over the network; import the list and use @ipMatchFromFile",
        ),
        "geolookup" => Some(
            "never matches here: there is no geographic database; use @ipMatchFromFile with the networks",
        ),
        _ => None,
    }
}
