//! One directive after the other.

use std::sync::Arc;

use super::{Draft, Item, RawRule};
use crate::error::{LoadError, LoadErrorKind};
use crate::parse::{
    Action, Line, RuleSelect, TargetList, parse_actions, parse_operator, parse_targets,
};
use crate::settings::{AuditMode, Mode, OverLimit};

/// Takes one directive into the draft.
pub(super) fn apply(draft: &mut Draft<'_>, line: Line, depth: usize) -> Result<(), LoadError> {
    let span = line.span.clone();
    dispatch(draft, line, depth).map_err(|e| match e {
        Failure::Kind(kind) => kind.at(&span),
        Failure::Error(e) => e,
    })
}

enum Failure {
    Kind(LoadErrorKind),
    Error(LoadError),
}

impl From<LoadErrorKind> for Failure {
    fn from(kind: LoadErrorKind) -> Self {
        Self::Kind(kind)
    }
}

impl From<LoadError> for Failure {
    fn from(e: LoadError) -> Self {
        Self::Error(e)
    }
}

fn dispatch(draft: &mut Draft<'_>, line: Line, depth: usize) -> Result<(), Failure> {
    let name = line.name.clone();
    let one = |expected: &'static str| -> Result<&str, LoadErrorKind> {
        match line.args.as_slice() {
            [arg] => Ok(arg.as_str()),
            other => Err(LoadErrorKind::value(
                name.clone(),
                other.join(" "),
                expected,
            )),
        }
    };
    let on_off = || -> Result<bool, LoadErrorKind> {
        match one("On or Off")?.to_ascii_lowercase().as_str() {
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(LoadErrorKind::value(name.clone(), other, "On or Off")),
        }
    };
    let number = || -> Result<usize, LoadErrorKind> {
        let text = one("a number")?;
        text.parse()
            .map_err(|_| LoadErrorKind::value(name.clone(), text, "a number"))
    };
    let over = || -> Result<OverLimit, LoadErrorKind> {
        match one("Reject or ProcessPartial")?
            .to_ascii_lowercase()
            .as_str()
        {
            "reject" => Ok(OverLimit::Reject),
            "processpartial" => Ok(OverLimit::ProcessPartial),
            other => Err(LoadErrorKind::value(
                name.clone(),
                other,
                "Reject or ProcessPartial",
            )),
        }
    };
    match name.to_ascii_lowercase().as_str() {
        "secrule" => {
            let (targets, operator, actions) = match line.args.as_slice() {
                [t, o] => (t, o, ""),
                [t, o, a] => (t, o, a.as_str()),
                _ => {
                    return Err(LoadErrorKind::syntax(
                        "SecRule takes targets, an operator and actions",
                    )
                    .into());
                }
            };
            let targets = parse_targets(targets)?;
            if targets.include.is_empty() {
                return Err(LoadErrorKind::value("SecRule", "", "at least one variable").into());
            }
            let operator = Some(parse_operator(operator)?);
            push_rule(draft, &line, targets, operator, parse_actions(actions)?);
        }
        "secaction" => {
            let actions = parse_actions(one("one list of actions")?)?;
            push_rule(draft, &line, TargetList::default(), None, actions);
        }
        "secmarker" => {
            let name = one("a name")?.to_owned();
            draft.items.push(Item::Marker(name));
        }
        "secdefaultaction" => {
            let actions = parse_actions(one("one list of actions")?)?;
            let phase = actions
                .iter()
                .rev()
                .find_map(|a| {
                    if let Action::Phase(p) = a {
                        Some(*p)
                    } else {
                        None
                    }
                })
                .unwrap_or(2);
            draft.defaults[usize::from(phase) - 1] = Arc::new(actions);
        }
        "seccomponentsignature" => draft.settings.components.push(one("a text")?.to_owned()),
        "include" => {
            let path = relative(&line, one("a path")?);
            draft.read_glob(&path, &line.span, depth + 1, false)?;
        }
        "includeoptional" => {
            let path = relative(&line, one("a path")?);
            draft.read_glob(&path, &line.span, depth + 1, true)?;
        }
        "secruleremovebyid" => draft
            .removals
            .push(crate::parse::ids(&line.args.join(" "))?),
        "secruleremovebytag" => draft
            .removals
            .push(RuleSelect::Tag(one("a tag")?.to_owned())),
        "secruleremovebymsg" => draft
            .removals
            .push(RuleSelect::Msg(one("a message")?.to_owned())),
        "secruleupdatetargetbyid" | "secruleupdatetargetbytag" | "secruleupdatetargetbymsg" => {
            let [which, targets] = line.args.as_slice() else {
                return Err(LoadErrorKind::value(
                    name,
                    line.args.join(" "),
                    "a rule and its targets",
                )
                .into());
            };
            let select = match name.to_ascii_lowercase().as_str() {
                "secruleupdatetargetbyid" => crate::parse::ids(which)?,
                "secruleupdatetargetbytag" => RuleSelect::Tag(which.clone()),
                _ => RuleSelect::Msg(which.clone()),
            };
            draft
                .target_updates
                .push((line.span.clone(), select, parse_targets(targets)?));
        }
        "secruleupdateactionbyid" => {
            let [id, actions] = line.args.as_slice() else {
                return Err(
                    LoadErrorKind::value(name, line.args.join(" "), "an id and actions").into(),
                );
            };
            let id = id
                .parse()
                .map_err(|_| LoadErrorKind::value(name, id.clone(), "the id of a rule"))?;
            draft
                .action_updates
                .push((line.span.clone(), id, parse_actions(actions)?));
        }
        "secruleengine" => draft.settings.mode = Mode::parse(one("On, DetectionOnly or Off")?)?,
        "secrequestbodyaccess" => draft.settings.request_body_access = on_off()?,
        "secresponsebodyaccess" => draft.settings.response_body_access = on_off()?,
        "secrequestbodylimit" => draft.settings.request_body_limit = number()?,
        "secrequestbodynofileslimit" => draft.settings.request_body_no_files_limit = number()?,
        "secrequestbodylimitaction" => draft.settings.request_body_over = over()?,
        "secrequestbodyjsondepthlimit" => {
            draft.settings.json_depth_limit = number()?.clamp(1, 1024)
        }
        "secargumentslimit" => draft.settings.arguments_limit = number()?,
        "secuploadfilelimit" => draft.settings.upload_file_limit = number()?,
        "secresponsebodylimit" => draft.settings.response_body_limit = number()?,
        "secresponsebodylimitaction" => draft.settings.response_body_over = over()?,
        "secresponsebodymimetype" => draft
            .settings
            .response_mime_types
            .extend(line.args.iter().map(|a| a.to_ascii_lowercase())),
        "secresponsebodymimetypesclear" => draft.settings.response_mime_types.clear(),
        "secargumentseparator" => {
            let text = one("one character")?;
            let [b] = text.as_bytes() else {
                return Err(LoadErrorKind::value(name, text, "one character").into());
            };
            draft.settings.argument_separator = *b;
        }
        "seccollectiontimeout" => {
            draft.settings.collection_timeout = i64::try_from(number()?).unwrap_or(i64::MAX)
        }
        "secauditengine" => {
            draft.settings.audit = AuditMode::parse(one("On, RelevantOnly or Off")?)?
        }
        "secauditlogparts" => {
            draft.settings.audit_parts = one("letters like ABIJDEFHZ")?.to_owned()
        }
        "secauditlogrelevantstatus" => {
            let text = one("a pattern")?;
            crate::pattern::compile(text)?;
            draft.settings.audit_relevant_status = Some(text.to_owned());
        }
        "secwebappid" => draft.settings.web_app_id = one("a name")?.to_owned(),
        "secxmlexternalentity" if on_off()? => {
            return unsupported(
                name,
                "external entities let an attacker read files; leave it Off",
            );
        }
        "sechashengine"
        | "seccontentinjection"
        | "secstreaminbodyinspection"
        | "secstreamoutbodyinspection"
        | "secconnengine"
            if on_off()? =>
        {
            return unsupported(name, "it exists in ModSecurity v2 only; leave it Off");
        }
        "secrulescript" => return unsupported(name, "rules may not run scripts; write a SecRule"),
        "secremoterules" => {
            return unsupported(
                name,
                "rules are not loaded from the network while starting; fetch them into a file",
            );
        }
        "secgeolookupdb" | "secgsblookupdb" | "sechttpblkey" => {
            return unsupported(
                name,
                "no look-up database is part of this engine; use @ipMatchFromFile",
            );
        }
        lower if NO_EFFECT.contains(&lower) => {
            draft.warnings.push(format!(
                "{}: {name} has no effect here: the gateway decides it",
                line.span
            ));
        }
        _ => {
            return Err(LoadErrorKind::Unknown {
                what: "directive",
                name,
                hint: " (docs/reference/seclang.md lists them)",
            }
            .into());
        }
    }
    Ok(())
}

fn unsupported(name: String, reason: &'static str) -> Result<(), Failure> {
    Err(LoadErrorKind::Unsupported {
        what: "directive",
        name,
        reason,
    }
    .into())
}

fn push_rule(
    draft: &mut Draft<'_>,
    line: &Line,
    targets: TargetList,
    operator: Option<crate::parse::OperatorDecl>,
    actions: Vec<Action>,
) {
    draft.items.push(Item::Rule(Box::new(RawRule {
        span: line.span.clone(),
        folder: folder(&line.span.file).to_owned(),
        targets,
        operator,
        actions,
        defaults: draft.defaults.clone(),
    })));
}

fn folder(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn relative(line: &Line, path: &str) -> String {
    let folder = folder(&line.span.file);
    if path.starts_with('/') || folder.is_empty() {
        path.to_owned()
    } else {
        format!("{folder}/{path}")
    }
}

/// Directives about files, logs and processes that a gateway has of its own.
const NO_EFFECT: &[&str] = &[
    "sechashengine",
    "seccontentinjection",
    "secstreaminbodyinspection",
    "secstreamoutbodyinspection",
    "secconnengine",
    "secxmlexternalentity",
    "secauditlog",
    "secauditlog2",
    "secauditlogdir",
    "secauditlogdirmode",
    "secauditlogfilemode",
    "secauditlogformat",
    "secauditlogprefix",
    "secauditlogstoragedir",
    "secauditlogtype",
    "seccachetransformations",
    "secchrootdir",
    "secconnreadstatelimit",
    "secconnwritestatelimit",
    "seccookieformat",
    "seccookiev0separator",
    "secdatadir",
    "secdebuglog",
    "secdebugloglevel",
    "secdisablebackendcompression",
    "secguardianlog",
    "secinterceptonerror",
    "secparsexmlintoargs",
    "secpcrematchlimit",
    "secpcrematchlimitrecursion",
    "secrequestbodyinmemorylimit",
    "secruleperftime",
    "secrxprefilter",
    "secsensorid",
    "secserversignature",
    "secstatusengine",
    "sectmpdir",
    "sectmpsaveuploadedfiles",
    "secunicodecodepage",
    "secunicodemapfile",
    "secuploaddir",
    "secuploadfilemode",
    "secuploadkeepfiles",
];
