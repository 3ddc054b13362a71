//! Letters as they lie in the outbox, and the signature of webhooks.

use hmac::{Hmac, KeyInit, Mac};
use hudun_core::{Finding, Incident, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A mail. Channel `smtp`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailLetter {
    /// Address.
    pub to: String,
    /// Subject line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// From this moment on it does not go out any more: what it says holds no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A call of a webhook. Channel `webhook`. The address and the secret stand in the configuration, not here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookLetter {
    /// Name of the target.
    pub target: String,
    /// What is posted.
    pub payload: Value,
}

/// Who is woken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertTarget {
    /// A mail address.
    Mail(String),
    /// A webhook by its name.
    Webhook(String),
}

/// A letter for the outbox: key, channel, body.
pub(crate) type PostedLetter = (String, &'static str, String);

/// The header value that proves who called: `t=SECONDS,v1=HEX`, where HEX is HMAC-SHA-256 under the shared secret over
/// the seconds, a full stop and the body. A receiver recomputes it and refuses a `t` older than it tolerates.
pub fn signature(secret: &[u8], seconds: i64, body: &[u8]) -> String {
    let signed = Hmac::<Sha256>::new_from_slice(secret).map(|mut mac| {
        mac.update(seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    });
    // HMAC takes a key of any length; were it ever refused, an empty signature verifies nowhere.
    format!("t={seconds},v1={}", signed.unwrap_or_default())
}

/// A digest for everybody who is alerted by mail: (key, channel, body). `name` makes it go out once.
pub(crate) fn digest_letters(
    name: &str,
    subject: &str,
    text: &str,
    targets: &[AlertTarget],
) -> Result<Vec<(String, &'static str, String)>, serde_json::Error> {
    let mails = targets.iter().filter_map(|target| match target {
        AlertTarget::Mail(to) => Some(to),
        AlertTarget::Webhook(_) => None,
    });
    mails
        .map(|to| {
            let mail = MailLetter {
                to: to.clone(),
                subject: one_line(subject),
                text: text.to_owned(),
                until: None,
            };
            let key = format!("digest/{name}/{}", short_hash(to));
            Ok((key, "smtp", serde_json::to_string(&mail)?))
        })
        .collect()
}

/// The alert of a case for every target: (key, channel, body). The same finding alerts a target once.
pub fn alert_letters(
    incident: &Incident,
    finding: &Finding,
    targets: &[AlertTarget],
) -> Result<Vec<(String, &'static str, String)>, serde_json::Error> {
    let payload = json!({
        "type": "hudun.alert",
        "incident": incident.id, "tenant": incident.tenant, "grade": incident.grade, "title": incident.title,
        "finding": finding.id, "rule": finding.rule, "level": finding.level, "why": finding.why,
        "module": finding.module, "at": finding.at, "drill": incident.drill,
    });
    let drill = if incident.drill { "【演练】" } else { "" };
    let mail = |to: &str| MailLetter {
        to: to.to_owned(),
        subject: format!(
            "{drill}[护盾 {:?}] {}",
            finding.level,
            one_line(&finding.title.zh)
        ),
        text: format!(
            "{}\n{}\n\n{}\n{}\n\n事件 Incident: {}\n租户 Tenant: {}\n模块 Module: {}\n时间 Time: {}\n",
            finding.title.zh,
            finding.why.zh,
            finding.title.en,
            finding.why.en,
            incident.id,
            incident.tenant,
            finding.module,
            finding.at
        ),
        until: None,
    };
    targets
        .iter()
        .map(|target| {
            let (name, channel, body) = match target {
                AlertTarget::Mail(to) => (to, "smtp", serde_json::to_string(&mail(to))?),
                AlertTarget::Webhook(name) => {
                    let letter = WebhookLetter {
                        target: name.clone(),
                        payload: payload.clone(),
                    };
                    (name, "webhook", serde_json::to_string(&letter)?)
                }
            };
            let key = format!("alert/{}/{channel}/{}", finding.id, short_hash(name));
            Ok((key, channel, body))
        })
        .collect()
}

/// Text for a header: no line may follow.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect()
}

/// A name for a letter that gives nothing of its key away; it stands on the ledger and in the Message-ID.
pub fn letter_name(key: &str) -> String {
    short_hash(key)
}

/// Tells addresses apart in a key without showing them.
pub(crate) fn short_hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_published_one() {
        // RFC 4231, test case 2 holds for the whole message "what do ya want for nothing?"; here the parts differ.
        let made = signature(b"Jefe", 1, b"x");
        assert_ne!(made, signature(b"Jefe", 2, b"x"));
        assert_ne!(made, signature(b"Jefe", 1, b"y"));
        assert_ne!(made, signature(b"jefe", 1, b"x"));
    }

    #[test]
    fn no_line_follows_a_subject() {
        assert_eq!(one_line("a\r\nBcc: b"), "a  Bcc: b");
    }
}
