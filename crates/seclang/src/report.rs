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
    /// Whether the value is no valid piece of what the rule takes it for, so that the match doesn't count.
    pub refuted: bool,
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
    /// One sentence for a support person, in English.
    pub explanation: String,
    /// The same in Chinese.
    pub explanation_zh: String,
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

/// The sentence that explains a decision, in English and in Chinese: the strongest match says what was seen and where.
pub(crate) fn explain(
    class: &str,
    deciding: u64,
    phase: u8,
    score: Option<i64>,
    strongest: Option<&RuleMatch>,
) -> (String, String) {
    let (side, side_zh) = if phase < 3 {
        ("request", "请求")
    } else {
        ("response", "应答")
    };
    let Some(m) = strongest else {
        return match score {
            Some(score) => (
                format!("The {side} was stopped by rule {deciding} (score {score})."),
                format!("规则 {deciding} 拦截了这个{side_zh}（得分 {score}）。"),
            ),
            None => (
                format!("The {side} was stopped by rule {deciding}."),
                format!("规则 {deciding} 拦截了这个{side_zh}。"),
            ),
        };
    };
    let (place, place_zh) = place(&m.variable);
    let (kind, kind_zh) = describe(class);
    let (tail, tail_zh) = match score {
        Some(score) => (format!(", score {score}"), format!("，得分 {score}")),
        None => (String::new(), String::new()),
    };
    (
        format!(
            "The {side} was stopped because {place} looks like {kind}: {} (rule {}{tail}).",
            m.message, m.id
        ),
        format!(
            "{side_zh}被拦截：{place_zh}看起来是{kind_zh}（规则 {}{tail_zh}）。",
            m.id
        ),
    )
}

pub(crate) fn place(variable: &str) -> (String, String) {
    // A chain that looks again at what its first link matched names that in turn.
    let variable = variable.trim_start_matches("MATCHED_VARS:");
    let (collection, key) = variable.split_once(':').unwrap_or((variable, ""));
    let key: String = key.chars().take(64).collect();
    let both = |en: &str, zh: &str| (format!("the {en} `{key}`"), format!("{zh}“{key}”"));
    match collection {
        "ARGS" | "ARGS_GET" | "ARGS_POST" => both("parameter", "参数"),
        "ARGS_NAMES" | "ARGS_GET_NAMES" | "ARGS_POST_NAMES" => both("parameter name", "参数名"),
        "REQUEST_HEADERS" => both("header", "请求头"),
        "REQUEST_COOKIES" | "REQUEST_COOKIES_NAMES" => both("cookie", "Cookie "),
        "REQUEST_URI" | "REQUEST_URI_RAW" | "REQUEST_FILENAME" | "REQUEST_BASENAME"
        | "REQUEST_LINE" | "QUERY_STRING" => ("the address".to_owned(), "请求地址".to_owned()),
        "REQUEST_BODY" => ("the body".to_owned(), "正文".to_owned()),
        "XML" => ("the XML body".to_owned(), "XML 正文".to_owned()),
        "FILES" | "FILES_NAMES" => both("uploaded file", "上传的文件"),
        "RESPONSE_BODY" => ("the answer".to_owned(), "应答正文".to_owned()),
        _ => (format!("`{variable}`"), format!("“{variable}”")),
    }
}

pub(crate) fn describe(class: &str) -> (&'static str, &'static str) {
    match class {
        "sqli" => ("an SQL injection", "SQL 注入"),
        "xss" => ("script injection", "脚本注入"),
        "rce" => ("a command injection", "系统命令注入"),
        "lfi" => ("an attempt to read files of the server", "读取服务器文件"),
        "rfi" => ("an attempt to include a remote file", "包含远程文件"),
        "ssrf" => (
            "an attempt to make the server call another address",
            "让服务器访问其他地址",
        ),
        "injection-php" => ("a PHP injection", "PHP 注入"),
        "injection-java" => ("a Java attack", "Java 攻击"),
        "injection-generic" => ("code injection", "代码注入"),
        "template" => ("a template injection", "模板注入"),
        "deserialisation" => ("a deserialisation attack", "反序列化攻击"),
        "protocol" => ("a broken or forged protocol", "协议错误或伪造"),
        "fixation" => ("session fixation", "会话固定"),
        "reputation-scanner" => ("a scanner", "扫描器"),
        "disclosure" => ("a leak of internals", "内部信息泄露"),
        "multipart-header" => ("a forged upload", "伪造的上传"),
        _ => ("an attack", "攻击"),
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
            refuted: false,
        };
        let (text, zh) = explain("sqli", 949110, 2, Some(5), Some(&m));
        assert!(
            zh.contains("参数“q”看起来是 SQL 注入") || zh.contains("参数“q”看起来是SQL 注入"),
            "{zh}"
        );
        assert!(
            text.contains("the parameter `q`")
                && text.contains("942100")
                && text.contains("score 5"),
            "{text}"
        );
        assert_eq!(
            explain("other", 7, 1, None, None).0,
            "The request was stopped by rule 7."
        );
        assert!(m.log_line().contains("[id \"942100\"]"));
    }
}
