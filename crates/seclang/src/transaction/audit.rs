//! The audit log's record of one transaction, as JSON in the two shapes that log tools read.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::collect::civil;
use super::{Entry, Outcome, Transaction};
use crate::report::RuleMatch;
use crate::settings::Mode;
use crate::transaction::text::printable;
use crate::values::ValueId;
use crate::variable::Var;

/// The shape of the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditShape {
    /// That of libmodsecurity 3 (`SecAuditLogFormat JSON`).
    #[default]
    Modsecurity,
    /// That of Coraza 3.
    Coraza,
}

/// How the record of a transaction is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditOptions<'a> {
    /// The shape.
    pub shape: AuditShape,
    /// Whether values of arguments, headers and bodies are in it. Without them it names rules and places alone. Cookies,
    /// authorisations and what `sanitise…` names are masked either way.
    pub values: bool,
    /// Who asks, such as `Hudun 0.1.0`.
    pub connector: &'a str,
}

/// What stands where a value is not told.
const MASKED: &str = "***";
/// Bytes of a body, an address or a header that are told.
const LONGEST: usize = 16 << 10;
/// Headers whose values say nothing about a person.
const PLAIN: [&str; 9] = [
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-type",
    "content-length",
    "transfer-encoding",
];
/// Headers that are never told.
const SECRET: [&str; 5] = [
    "cookie",
    "set-cookie",
    "authorization",
    "proxy-authorization",
    "x-api-key",
];

impl Transaction<'_> {
    /// As [`Transaction::finish`], with the audit log's record where `SecAuditEngine` and the rules want one. Which parts are
    /// in it says `SecAuditLogParts`: B headers, C body, E answer's body, F answer's headers, H rules and producer.
    pub fn finish_audited(mut self, options: AuditOptions<'_>) -> (Outcome, Option<Value>) {
        self.last_phase();
        let record = self.wants_audit().then(|| match options.shape {
            AuditShape::Modsecurity => self.modsecurity(options),
            AuditShape::Coraza => self.coraza(options),
        });
        (self.outcome(), record)
    }

    fn modsecurity(&self, options: AuditOptions<'_>) -> Value {
        let (client, server) = (self.start.client, self.start.server);
        let mut request = json!({
            "method": self.text(Var::RequestMethod),
            "http_version": self.version(),
            "uri": self.target(options),
        });
        if self.part('C') {
            request["body"] = self.body_text(Var::RequestBody, options);
        }
        if self.part('B') {
            request["headers"] = self.headers(&self.request_headers, options, Value::String);
        }
        let mut transaction = json!({
            "client_ip": client.0,
            "time_stamp": ctime(self.start.now),
            "server_id": self.text(Var::ServerName),
            "client_port": client.1,
            "host_ip": shown_address(server.0),
            "host_port": server.1,
            "unique_id": self.start.unique_id,
            "request": request,
        });
        if let Some(status) = self.status() {
            let mut response = json!({ "http_code": status });
            if self.part('E') {
                response["body"] = self.body_text(Var::ResponseBody, options);
            }
            if self.part('F') {
                response["headers"] = self.headers(&self.response_headers, options, Value::String);
            }
            transaction["response"] = response;
        }
        if self.part('H') {
            transaction["producer"] = json!({
                "modsecurity": concat!("hudun-seclang ", env!("CARGO_PKG_VERSION")),
                "connector": options.connector,
                "secrules_engine": engine(self.mode),
                "components": self.rules.settings.components,
            });
            let told = self.told().map(|found| {
                let (file, line) = source(found);
                json!({
                    "message": found.message,
                    "details": {
                        "match": told_match(found, options),
                        "reference": "",
                        "ruleId": found.id.to_string(),
                        "file": file,
                        "lineNumber": line,
                        "data": if options.values { &*found.data } else { "" },
                        "severity": found.severity.map_or_else(String::new, |s| s.to_string()),
                        "ver": found.version,
                        "rev": found.revision,
                        "tags": found.tags,
                        "maturity": "0",
                        "accuracy": "0",
                    },
                })
            });
            transaction["messages"] = told.collect();
        }
        json!({ "transaction": transaction })
    }

    fn coraza(&self, options: AuditOptions<'_>) -> Value {
        let (client, server) = (self.start.client, self.start.server);
        let list = |text: String| json!([text]);
        let mut request = json!({
            "method": self.text(Var::RequestMethod),
            "protocol": self.text(Var::RequestProtocol),
            "uri": self.target(options),
            "http_version": self.version().to_string(),
            "length": self.text(Var::RequestBodyLength).parse::<u64>().unwrap_or(0),
        });
        if self.part('C') {
            request["body"] = self.body_text(Var::RequestBody, options);
        }
        if self.part('B') {
            request["headers"] = self.headers(&self.request_headers, options, list);
        }
        let mut transaction = json!({
            "timestamp": stamp(self.start.now),
            // Nanoseconds, as Coraza counts.
            "unix_timestamp": self.start.now.saturating_mul(1_000_000_000),
            "id": self.start.unique_id,
            "client_ip": client.0,
            "client_port": client.1,
            "host_ip": shown_address(server.0),
            "host_port": server.1,
            "server_id": self.text(Var::ServerName),
            "request": request,
            "highest_severity": self.highest_severity.map_or_else(String::new, |s| s.to_string()),
            "is_interrupted": self.intervention.is_some(),
        });
        if let Some(status) = self.status() {
            let mut response = json!({
                "protocol": self.text(Var::ResponseProtocol),
                "status": status,
            });
            if self.part('E') {
                response["body"] = self.body_text(Var::ResponseBody, options);
            }
            if self.part('F') {
                response["headers"] = self.headers(&self.response_headers, options, list);
            }
            transaction["response"] = response;
        }
        let mut record = json!({ "transaction": transaction });
        if self.part('H') {
            record["transaction"]["producer"] = json!({
                "connector": options.connector,
                "version": concat!("hudun-seclang ", env!("CARGO_PKG_VERSION")),
                "server": "",
                "rule_engine": engine(self.mode),
                "rulesets": self.rules.settings.components,
            });
            let told = self.told().map(|found| {
                let (file, line) = source(found);
                json!({
                    "message": found.message,
                    "data": {
                        "file": file,
                        "line": line.parse::<u64>().unwrap_or(0),
                        "id": found.id,
                        "rev": found.revision,
                        "msg": found.message,
                        "data": if options.values { &*found.data } else { "" },
                        "severity": found.severity.unwrap_or(0),
                        "ver": found.version,
                        "maturity": 0,
                        "accuracy": 0,
                        "tags": found.tags,
                        "raw": "",
                    },
                })
            });
            record["messages"] = told.collect();
        }
        record
    }

    /// Matches that the audit log wants.
    fn told(&self) -> impl Iterator<Item = &RuleMatch> {
        self.matches.iter().filter(|found| found.audit)
    }

    fn part(&self, letter: char) -> bool {
        let parts = self.audit_parts.as_deref();
        parts
            .unwrap_or(&self.rules.settings.audit_parts)
            .contains(letter)
    }

    fn text(&self, var: Var) -> String {
        self.shown(self.singles[var as usize])
    }

    fn shown(&self, id: ValueId) -> String {
        printable(self.values.get(id), LONGEST)
    }

    /// What the client was answered, as far as it is known.
    fn status(&self) -> Option<u16> {
        match &self.intervention {
            Some(stop) => Some(stop.status),
            None => self.text(Var::ResponseStatus).parse().ok(),
        }
    }

    fn version(&self) -> f32 {
        let protocol = self.text(Var::RequestProtocol);
        protocol
            .strip_prefix("HTTP/")
            .and_then(|version| version.parse().ok())
            .unwrap_or(1.1)
    }

    /// The target, its values masked.
    fn target(&self, options: AuditOptions<'_>) -> String {
        let target = self.text(Var::RequestUriRaw);
        let Some((path, query)) = target.split_once('?') else {
            return target;
        };
        let masked: Vec<Cow<'_, str>> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, _)) if !options.values || self.sanitised(name) => {
                    Cow::Owned(format!("{name}={MASKED}"))
                }
                _ => Cow::Borrowed(pair),
            })
            .collect();
        format!("{path}?{}", masked.join("&"))
    }

    fn headers(
        &self,
        list: &[Entry],
        options: AuditOptions<'_>,
        shape: impl Fn(String) -> Value,
    ) -> Value {
        let mut map = Map::new();
        for entry in list {
            let name = self.shown(entry.name);
            let lower = name.to_ascii_lowercase();
            let masked = SECRET.contains(&&*lower)
                || self.sanitised(&lower)
                || !options.values && !PLAIN.contains(&&*lower);
            let value = if masked {
                MASKED.to_owned()
            } else {
                self.shown(entry.value)
            };
            map.insert(name, shape(value));
        }
        Value::Object(map)
    }

    /// A body as the rules see it; nothing where a part of it must be masked.
    fn body_text(&self, var: Var, options: AuditOptions<'_>) -> Value {
        if !options.values || !self.sanitise.is_empty() {
            return json!("");
        }
        json!(self.text(var))
    }

    /// Whether a rule that matched wants this name masked.
    fn sanitised(&self, name: &str) -> bool {
        self.sanitise
            .iter()
            .any(|one| one == "*matched" || one.eq_ignore_ascii_case(name))
    }
}

/// As libmodsecurity words a match; the value only where values are told.
fn told_match(found: &RuleMatch, options: AuditOptions<'_>) -> String {
    if options.values {
        format!(
            "Matched against variable `{}' (Value: `{}' )",
            found.variable, found.value
        )
    } else {
        format!("Matched against variable `{}'", found.variable)
    }
}

fn source(found: &RuleMatch) -> (&str, &str) {
    found.source.rsplit_once(':').unwrap_or((&found.source, ""))
}

const fn engine(mode: Mode) -> &'static str {
    match mode {
        Mode::On => "Enabled",
        Mode::DetectionOnly => "DetectionOnly",
        Mode::Off => "Disabled",
    }
}

fn shown_address(address: IpAddr) -> String {
    if address.is_unspecified() {
        String::new()
    } else {
        address.to_string()
    }
}

/// `Mon Nov 30 00:11:49 2026`, UTC.
fn ctime(now: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (days, second) = (now.div_euclid(86_400), now.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let name = |names: &[&'static str], at: i64| {
        usize::try_from(at)
            .ok()
            .and_then(|at| names.get(at).copied())
            .unwrap_or("")
    };
    format!(
        "{} {} {day:2} {:02}:{:02}:{:02} {year}",
        name(&DAYS, days.rem_euclid(7)),
        name(&MONTHS, month - 1),
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// `2026/11/30 00:11:49`, UTC.
fn stamp(now: i64) -> String {
    let (year, month, day) = civil(now.div_euclid(86_400));
    let second = now.rem_euclid(86_400);
    format!(
        "{year:04}/{month:02}/{day:02} {:02}:{:02}:{:02}",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_tools_read_them() {
        assert_eq!(ctime(1_584_914_400 + 61), "Sun Mar 22 22:01:01 2020");
        assert_eq!(ctime(0), "Thu Jan  1 00:00:00 1970");
        assert_eq!(stamp(1_584_914_400 + 61), "2020/03/22 22:01:01");
    }
}
