//! CISA's catalogue of known exploited vulnerabilities, JSON.

use serde::Deserialize;

use super::json::{each, or_null};
use super::{Found, Note, Out, clean};
use crate::record::Kev;

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    each::<Entry>(bytes, &["vulnerabilities"], out, |entry, place, out| {
        let Some(cve) = clean::cve(&entry.cve_id) else {
            let id = clean::line(&entry.cve_id, 60);
            return out.refuse(place, format!("{id:?} in cveID is no CVE number"));
        };
        let mut day = |text: &str| {
            let found = clean::day(text);
            if found.is_none() && !text.is_empty() {
                out.note(Note::Time, 1);
            }
            found
        };
        let kev = Kev {
            cve,
            added: day(&entry.date_added),
            due: day(&entry.due_date),
            vendor: clean::line(&entry.vendor_project, 500),
            product: clean::line(&entry.product, 500),
            name: clean::line(&entry.vulnerability_name, 500),
            ransomware: entry.ransomware.trim().eq_ignore_ascii_case("known"),
            action: clean::line(&entry.required_action, 2_000),
            cwes: entry
                .cwes
                .iter()
                .take(100)
                .map(|cwe| clean::line(cwe, 60))
                .collect(),
        };
        out.give(Found::Kev(kev));
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "cveID")]
    cve_id: String,
    #[serde(default, deserialize_with = "or_null")]
    vendor_project: String,
    #[serde(default, deserialize_with = "or_null")]
    product: String,
    #[serde(default, deserialize_with = "or_null")]
    vulnerability_name: String,
    #[serde(default, deserialize_with = "or_null")]
    date_added: String,
    #[serde(default, deserialize_with = "or_null")]
    due_date: String,
    #[serde(default, deserialize_with = "or_null")]
    required_action: String,
    #[serde(
        rename = "knownRansomwareCampaignUse",
        default,
        deserialize_with = "or_null"
    )]
    ransomware: String,
    #[serde(default, deserialize_with = "or_null")]
    cwes: Vec<String>,
}
