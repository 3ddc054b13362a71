//! What a transaction tells: which rules matched, and what to do with the message.

use std::fmt::Write as _;

use crate::parse::SEVERITIES;

/// A rule that matched and wants to be told about.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RuleMatch {
    /// The rule's id.
    pub id: u64,
    /// The phase that it ran in.
    pub phase: u8,
    /// Its message, macros filled.
    pub message: String,
    /// Its `logdata`, macros filled and cut.
    pub data: String,
    /// 0 (emergency) to 7 (debug).
    pub severity: Option<u8>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its `ver`.
    pub version: String,
    /// Its `rev`.
    pub revision: String,
    /// What matched, like `ARGS:name`.
    pub variable: String,
    /// The value that matched, after transformations, cut.
    pub value: String,
    /// File and line of the rule.
    pub source: String,
    /// Whether the audit log wants it.
    pub audit: bool,
    /// Whether it asked to stop the message.
    pub disruptive: bool,
}

impl RuleMatch {
    /// The class of the attack, from the tag `attack-…`.
    pub fn class(&self) -> &str {
        self.tags
            .iter()
            .find_map(|t| t.strip_prefix("attack-"))
            .unwrap_or("other")
    }

    /// The severity as a word.
    pub fn severity_name(&self) -> &'static str {
        self.severity
            .and_then(|s| SEVERITIES.get(usize::from(s)).copied())
            .unwrap_or("NOTICE")
    }

    /// A directive that excepts this rule for this parameter of one route, and nothing else. `id` is the number of the new
    /// rule. Load it before the rule that matched. None when the place has no name that can be written safely.
    pub fn exception(&self, id: u64, route: &str) -> Option<String> {
        let safe = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_alphanumeric() || "_-./[]@:~".contains(c))
        };
        let place = self.variable.trim_start_matches("MATCHED_VARS:");
        let (collection, key) = place.split_once(':')?;
        if !safe(route) || !safe(key) || key.len() >= 128 {
            return None;
        }
        // An element of a list stands for all of them.
        let key = if key.contains("array_") {
            let parts = key
                .split('.')
                .map(|part| match part.strip_prefix("array_") {
                    Some(n) if n.bytes().all(|b| b.is_ascii_digit()) => "array_[0-9]+".to_owned(),
                    _ => part
                        .replace('[', "[[]")
                        .replace(']', "[]]")
                        .replace('/', "[/]"),
                });
            format!("/^{}$/", parts.collect::<Vec<_>>().join("[.]"))
        } else {
            key.to_owned()
        };
        Some(format!(
            "SecRule REQUEST_FILENAME \"@streq {route}\" \"id:{id},phase:1,pass,nolog,t:none,ctl:ruleRemoveTargetById={};{collection}:{key}\"",
            self.id
        ))
    }

    /// One line as ModSecurity writes it to the error log.
    pub fn log_line(&self) -> String {
        let mut out = String::new();
        let verb = if self.disruptive {
            "Access denied"
        } else {
            "Warning"
        };
        let _ = write!(
            out,
            "ModSecurity: {verb}. Matched at {}. [file \"{}\"] [id \"{}\"]",
            self.variable, self.source, self.id
        );
        for (name, value) in [
            ("rev", &self.revision),
            ("msg", &self.message),
            ("data", &self.data),
        ] {
            if !value.is_empty() {
                let _ = write!(out, " [{name} \"{value}\"]");
            }
        }
        if self.severity.is_some() {
            let _ = write!(out, " [severity \"{}\"]", self.severity_name());
        }
        if !self.version.is_empty() {
            let _ = write!(out, " [ver \"{}\"]", self.version);
        }
        for tag in &self.tags {
            let _ = write!(out, " [tag \"{tag}\"]");
        }
        out
    }
}

/// What the engine asks the gateway to do.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Intervention {
    /// What to do.
    pub action: InterventionAction,
    /// The status to answer with.
    pub status: u16,
    /// The rule that decided; 0 when a limit did.
    pub rule: u64,
    /// The class of the attack, like `sqli`.
    pub class: String,
    /// 0 (emergency) to 7 (debug).
    pub severity: u8,
    /// The anomaly score at that moment, when rules keep one.
    pub score: Option<i64>,
    /// One sentence for a support person.
    pub explanation: String,
}

/// Kinds of intervention.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InterventionAction {
    /// Answer with the status.
    Deny,
    /// Close the connection.
    Drop,
    /// Send the client elsewhere.
    Redirect(String),
}

/// The sentence that explains a decision: the strongest match says what was seen and where.
pub(crate) fn explain(
    class: &str,
    deciding: u64,
    phase: u8,
    score: Option<i64>,
    strongest: Option<&RuleMatch>,
) -> String {
    let side = if phase < 3 { "request" } else { "response" };
    let mut out = match strongest {
        Some(m) => {
            let place = place(&m.variable);
            format!(
                "The {side} was stopped because {place} looks like {}: {} (rule {}",
                describe(class),
                m.message,
                m.id
            )
        }
        None => format!("The {side} was stopped by rule {deciding} ("),
    };
    match score {
        Some(score) if strongest.is_some() => {
            let _ = write!(out, ", score {score}).");
        }
        Some(score) => {
            let _ = write!(out, "score {score}).");
        }
        None if strongest.is_some() => out.push_str(")."),
        None => out = format!("The {side} was stopped by rule {deciding}."),
    }
    out
}

fn place(variable: &str) -> String {
    // A chain that looks again at what its first link matched names that in turn.
    let variable = variable.trim_start_matches("MATCHED_VARS:");
    let (collection, key) = variable.split_once(':').unwrap_or((variable, ""));
    let key: String = key.chars().take(64).collect();
    match collection {
        "ARGS" | "ARGS_GET" | "ARGS_POST" => format!("the parameter `{key}`"),
        "ARGS_NAMES" | "ARGS_GET_NAMES" | "ARGS_POST_NAMES" => {
            format!("the parameter name `{key}`")
        }
        "REQUEST_HEADERS" => format!("the header `{key}`"),
        "REQUEST_COOKIES" | "REQUEST_COOKIES_NAMES" => format!("the cookie `{key}`"),
        "REQUEST_URI" | "REQUEST_URI_RAW" | "REQUEST_FILENAME" | "REQUEST_BASENAME"
        | "REQUEST_LINE" | "QUERY_STRING" => "the address".to_owned(),
        "REQUEST_BODY" => "the body".to_owned(),
        "XML" => "the XML body".to_owned(),
        "FILES" | "FILES_NAMES" => format!("the uploaded file `{key}`"),
        "RESPONSE_BODY" => "the answer".to_owned(),
        _ => format!("`{variable}`"),
    }
}

fn describe(class: &str) -> &str {
    match class {
        "sqli" => "an SQL injection",
        "xss" => "script injection",
        "rce" => "a command injection",
        "lfi" => "an attempt to read files of the server",
        "rfi" => "an attempt to include a remote file",
        "ssrf" => "an attempt to make the server call another address",
        "injection-php" => "a PHP injection",
        "injection-java" => "a Java attack",
        "injection-generic" => "code injection",
        "protocol" => "a broken or forged protocol",
        "fixation" => "session fixation",
        "reputation-scanner" => "a scanner",
        "disclosure" => "a leak of internals",
        "multipart-header" => "a forged upload",
        _ => "an attack",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences() {
        let m = RuleMatch {
            id: 942100,
            phase: 2,
            message: "SQL Injection Attack Detected via libinjection".into(),
            data: String::new(),
            severity: Some(2),
            tags: vec!["attack-sqli".into()],
            version: String::new(),
            revision: String::new(),
            variable: "ARGS:q".into(),
            value: "1".into(),
            source: "a:1".into(),
            audit: true,
            disruptive: false,
        };
        let text = explain("sqli", 949110, 2, Some(5), Some(&m));
        assert!(
            text.contains("the parameter `q`")
                && text.contains("942100")
                && text.contains("score 5"),
            "{text}"
        );
        assert_eq!(
            explain("other", 7, 1, None, None),
            "The request was stopped by rule 7."
        );
        assert!(m.log_line().contains("[id \"942100\"]"));
    }
}
