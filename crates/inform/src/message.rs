//! The short message of a notice: a provider's approved template, filled from the facts.

use std::collections::{BTreeMap, BTreeSet};

use hudun_duty::{DataKind, FactBase, Lang};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::letter::one_line;

/// A way to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// A letter by e-mail.
    Email,
    /// A text message.
    Sms,
}

impl Channel {
    /// Its name in the outbox.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Email => "smtp",
            Self::Sms => "sms",
        }
    }
}

/// How notices reach persons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ways {
    /// The ways, the first first; a person for whom it has no address is told by the next.
    pub channels: Vec<Channel>,
    /// Templates of text messages by language; a notice in a language without one goes by e-mail only.
    pub templates: BTreeMap<Lang, MessageTemplate>,
    /// Characters that one value may have; providers cut or refuse longer ones.
    pub longest_value: usize,
}

impl Default for Ways {
    fn default() -> Self {
        Self {
            channels: vec![Channel::Email],
            templates: BTreeMap::new(),
            longest_value: 35,
        }
    }
}

impl Ways {
    /// The template of this language, where messages are a way at all.
    pub fn template(&self, lang: Lang) -> Option<&MessageTemplate> {
        let by_message = self.channels.contains(&Channel::Sms);
        by_message.then(|| self.templates.get(&lang)).flatten()
    }
}

/// A template as the provider has approved it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageTemplate {
    /// The provider's number, such as `SMS_123456789`.
    pub id: String,
    /// Its text, with `{org}`, `{date}`, `{kinds}`, `{phone}` or `{path}` where values stand.
    pub text: String,
    /// The values in the order of the provider's template; the order of the text when empty.
    #[serde(default)]
    pub params: Vec<String>,
}

impl MessageTemplate {
    /// The names of values in the order of the provider's template, each once.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn names(&self) -> Result<Vec<&str>, TemplateError> {
        let mut found = Vec::new();
        let mut rest = self.text.as_str();
        while let Some((_, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or(TemplateError::Open)?;
            if !NAMES.contains(&name) {
                return Err(TemplateError::Unknown(one_line(name)));
            }
            if !found.contains(&name) {
                found.push(name);
            }
            rest = after;
        }
        if self.params.is_empty() {
            return Ok(found);
        }
        let named: Vec<&str> = self.params.iter().map(String::as_str).collect();
        let same = |one: &[&str], other: &[&str]| one.iter().all(|name| other.contains(name));
        if named.len() != found.len() || !same(&named, &found) || !same(&found, &named) {
            return Err(TemplateError::Others);
        }
        Ok(named)
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn check(&self) -> Result<(), TemplateError> {
        if self.id.trim().is_empty() {
            return Err(TemplateError::NoId);
        }
        if self.text.trim().is_empty() || self.text.chars().count() > LONGEST_TEXT {
            return Err(TemplateError::Length);
        }
        self.names().map(|_| ())
    }

    /// Fills it for a person of whom these kinds were taken.
    ///
    /// # Errors
    /// [`TemplateError`]; [`TemplateError::Empty`] names the fact that is missing.
    pub(crate) fn fill(
        &self,
        facts: &FactBase,
        lang: Lang,
        kinds: &BTreeSet<DataKind>,
        longest: usize,
    ) -> Result<Message, TemplateError> {
        let mut params = Vec::new();
        let mut text = self.text.clone();
        for name in self.names()? {
            let value = value(name, facts, lang, kinds, longest);
            let value = one_line(value.trim());
            if value.is_empty() {
                return Err(TemplateError::Empty(name.to_owned()));
            }
            if value.chars().count() > longest {
                return Err(TemplateError::Long(name.to_owned(), longest));
            }
            text = text.replace(&format!("{{{name}}}"), &value);
            params.push((name.to_owned(), value));
        }
        Ok(Message {
            template: self.id.clone(),
            params,
            text,
        })
    }
}

/// A filled message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The provider's number of the template.
    pub template: String,
    /// Names and values, in the order of the template.
    pub params: Vec<(String, String)>,
    /// What the person reads.
    pub text: String,
}

/// What an approval is bound to where a notice goes out by message too: the letter and the message.
pub(crate) fn digest(letter: &str, message: Option<&Message>) -> String {
    let Some(message) = message else {
        return letter.to_owned();
    };
    let mut hasher = Sha256::new();
    for part in [letter, &message.template, &message.text] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    format!("sha256:{}", hex::encode(hasher.finalize()))
}

fn value(
    name: &str,
    facts: &FactBase,
    lang: Lang,
    kinds: &BTreeSet<DataKind>,
    longest: usize,
) -> String {
    let organisation = &facts.organisation;
    match name {
        "org" => organisation.name.clone(),
        "date" => facts.times.detected.map_or_else(String::new, |at| {
            let zone = TimeZone::get("Asia/Shanghai")
                .unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(8)));
            let day = at.to_zoned_datetime(zone);
            match lang {
                Lang::Zh => day.strftime("%Y年%-m月%-d日").to_string(),
                Lang::En => day.strftime("%-d %B %Y").to_string(),
            }
        }),
        "kinds" => listed(lang, kinds, longest),
        // As in the letter: whoever answers for the data, where the firm has named them.
        "phone" => organisation
            .dpo
            .as_ref()
            .map(|dpo| &dpo.phone)
            .filter(|phone| !phone.is_empty())
            .unwrap_or(&organisation.contact.phone)
            .clone(),
        "path" => organisation.verify_path.get(lang).to_owned(),
        _ => String::new(),
    }
}

/// The kinds in one line. Where they don't fit, as many as do and the word that there are others: the full list stands
/// where the message sends the reader.
fn listed(lang: Lang, kinds: &BTreeSet<DataKind>, longest: usize) -> String {
    let labels: Vec<String> = kinds
        .iter()
        .map(|kind| kind.label().get(lang).to_owned())
        .collect();
    let (between, more) = match lang {
        Lang::Zh => ("、", "等信息"),
        Lang::En => (", ", " and more"),
    };
    let whole = labels.join(between);
    if whole.chars().count() <= longest {
        return whole;
    }
    (1..labels.len())
        .rev()
        .filter_map(|many| labels.get(..many))
        .map(|some| format!("{}{more}", some.join(between)))
        .find(|some| some.chars().count() <= longest)
        .unwrap_or_else(|| match lang {
            Lang::Zh => "多类个人信息".to_owned(),
            Lang::En => "personal data".to_owned(),
        })
}

/// A template that can't be used or filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It has no number.
    #[error("the template has no id: write the provider's number of it")]
    NoId,
    /// It is empty or too long.
    #[error("the text of the template is empty or longer than {LONGEST_TEXT} characters")]
    Length,
    /// A brace is not closed.
    #[error("a {{ in the text of the template is not closed")]
    Open,
    /// There is no such value.
    #[error("there is no value {{{0}}}; there are org, date, kinds, phone, path")]
    Unknown(String),
    /// Text and params name other values.
    #[error("params must name each value of the text once, and no other")]
    Others,
    /// The facts have nothing for a value.
    #[error("the facts have nothing for {{{0}}}")]
    Empty(String),
    /// A value is longer than the provider takes.
    #[error("the value of {{{0}}} is longer than {1} characters")]
    Long(String, usize),
}

/// The values that templates may name.
const NAMES: [&str; 5] = ["org", "date", "kinds", "phone", "path"];
/// Characters of a template (Alibaba Cloud: 500 with its values).
const LONGEST_TEXT: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str, params: &[&str]) -> MessageTemplate {
        MessageTemplate {
            id: "SMS_1".to_owned(),
            text: text.to_owned(),
            params: params.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_wrong_template_is_refused_and_says_why() {
        assert_eq!(template("{org}", &[]).check(), Ok(()));
        assert_eq!(
            template("{org} {kinds} {org}", &["kinds", "org"]).check(),
            Ok(())
        );
        for (text, params, why) in [
            ("", &[][..], TemplateError::Length),
            ("{org", &[], TemplateError::Open),
            ("{name}", &[], TemplateError::Unknown("name".to_owned())),
            ("{org}", &["org", "kinds"], TemplateError::Others),
            ("{org}{kinds}", &["org", "org"], TemplateError::Others),
        ] {
            assert_eq!(template(text, params).check(), Err(why), "{text}");
        }
    }

    #[test]
    fn kinds_that_do_not_fit_are_said_to_be_more() {
        let kinds: BTreeSet<DataKind> = [
            DataKind::Name,
            DataKind::Mobile,
            DataKind::PurchaseIntent,
            DataKind::BankCard,
        ]
        .into();
        let all = listed(Lang::Zh, &kinds, 100);
        assert_eq!(all.matches('、').count(), 3, "{all}");
        for longest in 6..40 {
            let some = listed(Lang::Zh, &kinds, longest);
            assert!(some.chars().count() <= longest, "{longest}: {some}");
            let some = listed(Lang::En, &kinds, longest.max(13));
            assert!(some.chars().count() <= longest.max(13), "{longest}: {some}");
        }
        assert!(listed(Lang::Zh, &kinds, 12).ends_with("等信息"));
    }

    #[test]
    fn an_approval_is_bound_to_letter_and_message() {
        let message = |text: &str| Message {
            template: "SMS_1".to_owned(),
            params: vec![],
            text: text.to_owned(),
        };
        assert_eq!(digest("sha256:1", None), "sha256:1");
        let one = digest("sha256:1", Some(&message("a")));
        assert_ne!(one, digest("sha256:1", Some(&message("b"))));
        assert_ne!(one, digest("sha256:2", Some(&message("a"))));
    }
}
