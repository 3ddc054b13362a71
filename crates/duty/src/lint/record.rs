//! The words of the record that a notice must keep, and those that it must not say.

use crate::facts::{Contact, FactBase};
use crate::text::{Lang, Text};

pub(super) struct Record {
    strings: Vec<(&'static str, String)>,
    contacts: Vec<String>,
    secrets: Vec<String>,
}

impl Record {
    pub(super) fn of(f: &FactBase, lang: Lang) -> Self {
        let mut strings: Vec<(&'static str, String)> = vec![];
        let mut contacts = vec![];
        let o = &f.organisation;
        let mut contact = |field: &'static str, c: &Contact| {
            for part in [&c.name, &c.phone, &c.email, &c.address] {
                push(&mut strings, field, part);
            }
            contacts.extend(
                [&c.phone, &c.email]
                    .into_iter()
                    .filter(|s| !s.is_empty())
                    .cloned(),
            );
        };
        contact("organisation.contact", &o.contact);
        contact("organisation.responsible", &o.responsible);
        if let Some(dpo) = &o.dpo {
            contact("organisation.dpo", dpo);
        }
        for (field, s) in [
            ("organisation.name", &o.name),
            ("organisation.uscc", &o.uscc),
            ("organisation.province", &o.province),
            ("system.name", &f.system.name),
            ("system.mlps_record", &f.system.mlps_record),
            ("incident.id", &f.incident.id),
            ("scene.police_case", &f.scene.police_case),
        ] {
            push(&mut strings, field, s);
        }
        if let Some(a) = &f.times.aware {
            push(&mut strings, "times.aware.by", &a.by);
        }
        let texts: [(&'static str, &Text); 12] = [
            ("incident.summary", &f.incident.summary),
            ("cause.text", &f.cause.text),
            ("cause.attack_path", &f.cause.attack_path),
            ("impact.harm", &f.impact.harm),
            ("impact.trend", &f.impact.trend),
            ("measures.effect", &f.measures.effect),
            ("measures.help_requested", &f.measures.help_requested),
            ("measures.accountability", &f.measures.accountability),
            ("measures.improvement", &f.measures.improvement),
            ("measures.lessons", &f.measures.lessons),
            ("organisation.verify_path", &o.verify_path),
            ("scene.text", &f.scene.text),
        ];
        for (field, t) in texts {
            push(&mut strings, field, t.get(lang));
        }
        for (field, list) in [
            ("measures.taken", &f.measures.taken),
            ("measures.planned", &f.measures.planned),
            ("measures.self_help", &f.measures.self_help),
        ] {
            for t in list {
                push(&mut strings, field, t.get(lang));
            }
        }
        Self {
            strings,
            contacts,
            secrets: secrets(f),
        }
    }

    pub(super) fn strings(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.strings.iter().map(|(f, s)| (*f, s.as_str()))
    }

    /// True for a telephone number or e-mail address that the organisation itself gives out.
    pub(super) fn is_contact(&self, found: &str) -> bool {
        let plain = |s: &str| {
            s.chars()
                .filter(|c| !matches!(c, ' ' | '-' | '+'))
                .collect::<String>()
                .to_lowercase()
        };
        let found = plain(found);
        self.contacts.iter().any(|c| plain(c) == found)
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }
}

/// Identifiers, endpoints, traits and the attack path of the vulnerability, in both languages.
fn secrets(f: &FactBase) -> Vec<String> {
    let mut out = vec![];
    if let Some(v) = f.vulnerability.as_ref().filter(|v| v.exists) {
        out.extend(v.ids.iter().cloned());
        out.extend(v.endpoints.iter().cloned());
        out.extend([v.traits.zh.clone(), v.traits.en.clone()]);
        if !v.version.is_empty() && !v.product.is_empty() {
            out.push(format!("{} {}", v.product, v.version));
        }
        out.extend([
            f.cause.attack_path.zh.clone(),
            f.cause.attack_path.en.clone(),
        ]);
    }
    out.retain(|s| s.trim().chars().count() >= 3);
    out
}

fn push(strings: &mut Vec<(&'static str, String)>, field: &'static str, s: &str) {
    let s = s.trim();
    if !s.is_empty() {
        strings.push((field, s.to_owned()));
    }
}
