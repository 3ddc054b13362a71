//! `ctl:option=value`: what a rule changes for the rest of the transaction.

use super::actions::{RuleSelect, ids, number};
use super::{TargetList, parse_targets};
use crate::error::LoadErrorKind;
use crate::settings::{AuditMode, Mode};

/// A change for the rest of this transaction.
#[derive(Clone, Debug)]
pub(crate) enum Ctl {
    RuleEngine(Mode),
    AuditEngine(AuditMode),
    AuditLogParts(String),
    ForceRequestBodyVariable(bool),
    RequestBodyAccess(bool),
    ResponseBodyAccess(bool),
    RequestBodyProcessor(String),
    RequestBodyLimit(usize),
    ResponseBodyLimit(usize),
    RemoveRule(RuleSelect),
    RemoveTarget(RuleSelect, TargetList),
    /// Accepted and without effect: this engine has no debug log.
    Nothing,
}

pub(super) fn ctl(text: &str) -> Result<Ctl, LoadErrorKind> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| LoadErrorKind::value("ctl", text, "option=value"))?;
    let on = |value: &str| match value.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(LoadErrorKind::value(
            format!("ctl:{name}"),
            value,
            "On or Off",
        )),
    };
    let target = |kind: fn(&str) -> Result<RuleSelect, LoadErrorKind>| {
        let (which, targets) = value
            .split_once(';')
            .ok_or_else(|| LoadErrorKind::value(format!("ctl:{name}"), value, "rule;TARGET"))?;
        Ok::<_, LoadErrorKind>(Ctl::RemoveTarget(kind(which)?, parse_targets(targets)?))
    };
    Ok(match name.to_ascii_lowercase().as_str() {
        "ruleengine" => Ctl::RuleEngine(Mode::parse(value)?),
        "auditengine" => Ctl::AuditEngine(AuditMode::parse(value)?),
        "auditlogparts" => Ctl::AuditLogParts(value.to_owned()),
        "debugloglevel" | "hashengine" | "hashenforcement" => Ctl::Nothing,
        "forcerequestbodyvariable" => Ctl::ForceRequestBodyVariable(on(value)?),
        "requestbodyaccess" => Ctl::RequestBodyAccess(on(value)?),
        "responsebodyaccess" => Ctl::ResponseBodyAccess(on(value)?),
        "requestbodylimit" => Ctl::RequestBodyLimit(number(name, value)?),
        "responsebodylimit" => Ctl::ResponseBodyLimit(number(name, value)?),
        "requestbodyprocessor" => match value.to_ascii_uppercase().as_str() {
            known @ ("URLENCODED" | "MULTIPART" | "XML" | "JSON") => {
                Ctl::RequestBodyProcessor(known.to_owned())
            }
            _ => {
                return Err(LoadErrorKind::value(
                    "ctl:requestBodyProcessor",
                    value,
                    "URLENCODED, MULTIPART, XML or JSON",
                ));
            }
        },
        "ruleremovebyid" => Ctl::RemoveRule(ids(value)?),
        "ruleremovebytag" => Ctl::RemoveRule(RuleSelect::Tag(value.to_owned())),
        "ruleremovebymsg" => Ctl::RemoveRule(RuleSelect::Msg(value.to_owned())),
        "ruleremovetargetbyid" => target(ids)?,
        "ruleremovetargetbytag" => target(|t| Ok(RuleSelect::Tag(t.to_owned())))?,
        "ruleremovetargetbymsg" => target(|t| Ok(RuleSelect::Msg(t.to_owned())))?,
        _ => {
            return Err(LoadErrorKind::Unknown {
                what: "ctl option",
                name: name.to_owned(),
                hint: "",
            });
        }
    })
}
