//! The facts of a decision, from what all sources of a vulnerability say.

use super::index::Index;
use super::outcome::Graded;
use crate::decide::{self, DataTier, Exploitation, Exposure, Facts, Impact, Kind};
use crate::record::{Epss, Kev, Record};

/// What is known of the asset.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asset {
    /// Who can reach it.
    pub exposure: Option<Exposure>,
    /// The most sensitive data that it holds.
    pub data: Option<DataTier>,
}

/// The facts of a vulnerability on an asset; whether there is a fix is left to the caller.
pub(super) fn facts(
    index: &Index,
    records: &[Record],
    kev: Option<&Kev>,
    epss: Option<&Epss>,
    scores: &[Graded],
    asset: Asset,
) -> Facts {
    let alive = || records.iter().filter(|record| !record.withdrawn);
    let listed = kev.is_some() || alive().any(|record| record.kev);
    let ssvc = || alive().filter_map(|record| record.ssvc.as_ref());
    let exploitation = ssvc().filter_map(|ssvc| match ssvc.exploitation.as_deref()? {
        "active" => Some(Exploitation::Active),
        "poc" | "public poc" => Some(Exploitation::Poc),
        "none" => Some(Exploitation::None),
        _ => None,
    });
    let automatable = ssvc().filter_map(|ssvc| match ssvc.automatable.as_deref()? {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    });
    let impact = ssvc().filter_map(|ssvc| match ssvc.technical_impact.as_deref()? {
        "total" => Some(Impact::Total),
        "partial" => Some(Impact::Partial),
        _ => None,
    });
    Facts {
        // Without a catalogue nobody knows that it is not listed.
        in_kev: (listed || index.counts().kev > 0).then_some(listed),
        exploitation: exploitation.max(),
        seen_here: false,
        automatable: automatable.max(),
        impact: impact.max(),
        exposure: asset.exposure,
        data: asset.data,
        epss: epss.and_then(|epss| decide::Epss::new(epss.probability, &epss.model).ok()),
        cvss: worst(scores).and_then(|graded| graded.vector.parse().ok()),
        kind: kind(records),
        fix: None,
    }
}

/// The worst score of version 3 or 4; of version 2 only where there is no other.
fn worst(scores: &[Graded]) -> Option<&Graded> {
    let of = |old: bool| {
        scores
            .iter()
            .filter(move |one| (one.version == "2.0") == old)
            .max_by(|one, two| one.base.total_cmp(&two.base))
    };
    of(false).or_else(|| of(true))
}

fn kind(records: &[Record]) -> Option<Kind> {
    let alive = || records.iter().filter(|record| !record.withdrawn);
    let numbers = alive().flat_map(|record| &record.cwes).filter_map(|cwe| {
        let digits = cwe.trim().strip_prefix("CWE-")?;
        Kind::of_cwe(digits.parse().ok()?)
    });
    Kind::worst(numbers)
        .or_else(|| Kind::worst(alive().filter_map(|record| Kind::of_title(&record.title))))
}

/// The entry of CISA's catalogue for one of the numbers.
pub(super) fn kev<'a>(index: &'a Index, ids: &[String]) -> Option<&'a Kev> {
    ids.iter().find_map(|id| index.kev.get(id))
}

/// The score of the likeliest of the numbers.
pub(super) fn epss<'a>(index: &'a Index, ids: &[String]) -> Option<&'a Epss> {
    ids.iter()
        .filter_map(|id| index.epss.get(id))
        .max_by(|one, two| one.probability.total_cmp(&two.probability))
}
