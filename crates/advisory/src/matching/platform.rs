//! What must be there besides: NVD's "running on/with", and the products of CSAF that lie in others.

use std::collections::HashMap;

use super::because::{Because, Verdict};
use super::key::{Keys, cpe_key, plain};
use super::known::Known;
use crate::cpe::Attribute;
use crate::record::{Affected, Condition, Platform, Range, Status};

/// Most platforms that a reason names.
const SHOWN: usize = 5;

/// The components of an inventory, to look for platforms in.
pub(super) struct Around<'a> {
    known: &'a [Known<'a>],
    by_cpe: HashMap<String, Vec<usize>>,
    by_package: HashMap<String, Vec<usize>>,
    by_name: HashMap<String, Vec<usize>>,
}

impl<'a> Around<'a> {
    pub(super) fn of(known: &'a [Known<'a>]) -> Self {
        let mut around = Self {
            known,
            by_cpe: HashMap::new(),
            by_package: HashMap::new(),
            by_name: HashMap::new(),
        };
        for (at, one) in known.iter().enumerate() {
            for key in one.cpe_keys() {
                around.by_cpe.entry(key.to_owned()).or_default().push(at);
            }
            for key in one.package_keys() {
                around
                    .by_package
                    .entry(key.to_owned())
                    .or_default()
                    .push(at);
            }
            let name = plain(&one.component.name);
            around.by_name.entry(name).or_default().push(at);
        }
        around
    }

    /// Components by the key of their package.
    pub(super) fn packages(&self, key: &str) -> impl Iterator<Item = &Known<'a>> {
        let found = self.by_package.get(key).map_or(&[][..], Vec::as_slice);
        found.iter().filter_map(|at| self.known.get(*at))
    }

    /// A verdict after the conditions of its statement.
    pub(super) fn after(&self, verdict: Verdict, affected: &Affected) -> Verdict {
        if affected.on.is_empty() || verdict.status == Status::Unaffected {
            return verdict;
        }
        let answers: Vec<Option<bool>> = affected
            .on
            .iter()
            .map(|condition| self.condition(condition, affected))
            .collect();
        let with = |wanted: Option<bool>| {
            let on = affected.on.iter().zip(&answers);
            let open = on.filter(|(_, answer)| **answer == wanted);
            let named = open.flat_map(|(condition, _)| condition.any.iter().map(shown));
            let mut names: Vec<String> = named.take(SHOWN + 1).collect();
            if names.len() > SHOWN {
                names.truncate(SHOWN);
                names.push("…".to_owned());
            }
            names
        };
        if answers.contains(&Some(false)) {
            return Verdict {
                status: Status::Unaffected,
                because: Because::PlatformUnmet {
                    needed: with(Some(false)),
                },
                fixed: None,
                ..verdict
            };
        }
        if verdict.status == Status::Affected && answers.contains(&None) {
            return Verdict {
                status: Status::Unknown,
                because: Because::Platform { needed: with(None) },
                ..verdict
            };
        }
        verdict
    }

    /// `None` where the inventory does not show it: that it lists no operating system does not mean there is none.
    fn condition(&self, condition: &Condition, affected: &Affected) -> Option<bool> {
        let mut open = condition.any.is_empty();
        for platform in &condition.any {
            match self
                .platform(platform, affected)
                .map(|there| there != platform.absent)
            {
                Some(true) => return Some(true),
                Some(false) => {}
                None => open = true,
            }
        }
        (!open).then_some(false)
    }

    /// Whether it is there. Not finding it says nothing.
    fn platform(&self, platform: &Platform, affected: &Affected) -> Option<bool> {
        let Some(cpe) = &platform.cpe else {
            let found = self.by_name.contains_key(&plain(&platform.name));
            return found.then_some(true);
        };
        // A router's firmware runs on that router.
        let firmware = cpe
            .product
            .value()
            .map(|product| format!("{product}_firmware"));
        if cpe.part == Attribute::Value("h".into())
            && affected
                .cpes
                .iter()
                .any(|own| own.product.value() == firmware.as_deref())
        {
            return Some(true);
        }
        let found = self.by_cpe.get(&cpe_key(cpe)?)?;
        let wanted = Affected {
            cpes: vec![cpe.clone()],
            default: Some(Status::Unaffected),
            versions: cpe.release().into_iter().collect(),
            ranges: match &cpe.version {
                Attribute::Value(_) => Vec::new(),
                _ => vec![Range {
                    lower: platform.lower.clone(),
                    upper: platform.upper.clone(),
                    ..Range::all(Status::Affected)
                }],
            },
            ..Affected::default()
        };
        let keys = Keys::of(&wanted);
        let mut answer = Some(false);
        for one in found.iter().filter_map(|at| self.known.get(*at)) {
            let Some(seen) = one.recognise(&wanted, &keys) else {
                continue;
            };
            match wanted.verdict(seen.version, seen.order).status {
                Status::Affected if seen.edition.is_none() => return Some(true),
                Status::Affected | Status::Unknown => answer = None,
                Status::Unaffected => {}
            }
        }
        answer
    }
}

fn shown(platform: &Platform) -> String {
    let name = match &platform.cpe {
        Some(cpe) => {
            let part = |attribute: &Attribute| attribute.value().unwrap_or("*").to_owned();
            let range = super::because::shown(&Range {
                lower: platform.lower.clone(),
                upper: platform.upper.clone(),
                ..Range::all(Status::Affected)
            });
            let version = cpe.release().unwrap_or(range);
            let text = format!("{}:{} {version}", part(&cpe.vendor), part(&cpe.product));
            text.trim_end_matches(" *").to_owned()
        }
        None => platform.name.clone(),
    };
    if platform.absent {
        format!("!{name}")
    } else {
        name
    }
}
