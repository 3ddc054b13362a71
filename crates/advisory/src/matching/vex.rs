//! Statements that a vulnerability does not reach a component: the supplier's, and one's own.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::because::Because;
use super::key::{Keys, package_of, purl_key};
use super::known::Known;
use super::platform::Around;
use crate::record::{Affected, Record, Source, Status};

/// One's own statement that a vulnerability does not matter for a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Any number of it.
    pub vulnerability: String,
    /// The component: a purl, without a version for all of them (it must not come back with the next), or a bare name.
    pub component: String,
    /// Why, in a sentence.
    pub reason: String,
    /// Who says so.
    pub by: String,
    /// The last day on which it holds.
    #[serde(default)]
    pub until: Option<Date>,
}

/// Why a finding is not shown among those to act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// One's own statement, or a supplier's.
    pub own: bool,
    /// Who says so.
    pub by: String,
    /// Why: a sentence, or a label such as `vulnerable_code_not_in_execute_path`.
    pub reason: String,
    /// Until when it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// Whether a statement is a supplier's word that its product is not reached.
pub(super) fn clears(record: &Record, affected: &Affected) -> bool {
    let unaffected = affected
        .ranges
        .iter()
        .any(|range| range.status == Status::Unaffected);
    unaffected
        && match record.source {
            Source::OpenVex => true,
            Source::Csaf => affected.justification.is_some(),
            _ => false,
        }
}

/// The supplier's statement, where it is of this component or of a product in the inventory that holds it.
pub(super) fn supplier(
    record: &Record,
    affected: &Affected,
    keys: &Keys,
    known: &Known<'_>,
    around: &Around<'_>,
) -> Option<Suppressed> {
    let own = known.recognise(affected, keys).is_some_and(|seen| {
        seen.identity.decides()
            && seen.edition.is_none()
            && seen.release.is_none()
            && says_so(affected, seen.version, seen.order)
    });
    let within = || {
        let part = affected.subcomponents.iter().any(|part| {
            let version = version_of(part);
            purl_key(part).is_some_and(|key| known.package_keys().any(|own| own == key))
                && version.is_none_or(|version| Some(version.as_str()) == known.version())
        });
        part && package_of(affected).is_some_and(|(_, key)| {
            around
                .packages(&key)
                .any(|product| says_so(affected, product.version(), product.order()))
        })
    };
    (own || within()).then(|| Suppressed {
        own: false,
        by: if affected.giver.is_empty() {
            format!("{} {}", record.source.name(), record.id)
        } else {
            affected.giver.clone()
        },
        reason: affected
            .justification
            .clone()
            .unwrap_or_else(|| "fixed".to_owned()),
        until: None,
    })
}

/// It has to say so of this version; silence on it clears nothing.
fn says_so(
    affected: &Affected,
    version: Option<&str>,
    order: Option<crate::version::Ecosystem>,
) -> bool {
    let verdict = affected.verdict(version, order);
    verdict.status == Status::Unaffected && matches!(verdict.because, Because::Range { .. })
}

fn version_of(purl: &str) -> Option<String> {
    use std::str::FromStr;
    let purl = packageurl::PackageUrl::from_str(purl).ok()?;
    purl.version().map(str::to_owned)
}

/// One's own statements on a vulnerability and a component: the one that holds today, or one that has run out.
pub(super) fn own<'a>(
    statements: &'a [Own],
    ids: &[String],
    known: &Known<'_>,
    today: Option<Date>,
) -> (Option<Suppressed>, Option<&'a Own>) {
    let mut expired = None;
    for one in statements {
        let of_it = ids
            .iter()
            .any(|id| id.eq_ignore_ascii_case(one.vulnerability.trim()));
        if !of_it || !names(&one.component, known) {
            continue;
        }
        // Without a day nobody can say that it still holds.
        let over = one
            .until
            .is_some_and(|until| today.is_none_or(|today| today > until));
        if over {
            expired = Some(one);
            continue;
        }
        let suppressed = Suppressed {
            own: true,
            by: one.by.clone(),
            reason: one.reason.clone(),
            until: one.until,
        };
        return (Some(suppressed), None);
    }
    (None, expired)
}

fn names(component: &str, known: &Known<'_>) -> bool {
    match purl_key(component) {
        Some(key) => {
            let version = version_of(component);
            known.package_keys().any(|own| own == key)
                && version.is_none_or(|version| Some(version.as_str()) == known.version())
        }
        None => known.component.purl.is_none() && known.component.name == component.trim(),
    }
}
