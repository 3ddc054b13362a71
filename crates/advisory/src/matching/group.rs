//! Which records speak of the same vulnerability, by the numbers that they share.
//!
//! A number of CVE is one vulnerability. A record that names several of them is a bulletin: it belongs to each and joins none.
//! Where aliases would join two vulnerabilities that have different CVE numbers all the same, they are not joined, and that is
//! counted: somebody's list of aliases is wrong.

use std::collections::HashMap;

/// The numbers of one record.
pub(super) struct Numbers<'a> {
    pub(super) id: &'a str,
    pub(super) aliases: &'a [String],
    pub(super) withdrawn: bool,
}

/// Records by vulnerability.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// The number that each vulnerability is called by.
    pub(super) names: Vec<Box<str>>,
    /// Record and vulnerability, sorted.
    pub(super) of: Vec<(u32, u32)>,
    /// Aliases that were not followed.
    pub(super) conflicts: u64,
}

struct Union {
    up: Vec<u32>,
    /// The CVE number of a root.
    cve: Vec<Option<u32>>,
}

impl Union {
    fn root(&mut self, mut at: u32) -> u32 {
        loop {
            let Some(&above) = self.up.get(at as usize) else {
                return at;
            };
            if above == at {
                return at;
            }
            let higher = self.up.get(above as usize).copied().unwrap_or(above);
            if let Some(place) = self.up.get_mut(at as usize) {
                *place = higher;
            }
            at = above;
        }
    }

    /// Whether the two are one now.
    fn join(&mut self, one: u32, two: u32) -> bool {
        let (one, two) = (self.root(one), self.root(two));
        if one == two {
            return true;
        }
        let cve = |at: u32| self.cve.get(at as usize).copied().flatten();
        let kept = match (cve(one), cve(two)) {
            (Some(a), Some(b)) if a != b => return false,
            (Some(cve), _) | (_, Some(cve)) => Some(cve),
            (None, None) => None,
        };
        let (low, high) = (one.min(two), one.max(two));
        if let Some(place) = self.up.get_mut(high as usize) {
            *place = low;
        }
        if let Some(place) = self.cve.get_mut(low as usize) {
            *place = kept;
        }
        true
    }
}

/// Groups records. The outcome does not depend on their order.
pub(super) fn group(records: &[Numbers<'_>]) -> Groups {
    let mut ids: Vec<String> = records
        .iter()
        .flat_map(|record| record.aliases.iter().map(String::as_str).chain([record.id]))
        .map(folded)
        .collect();
    ids.sort_unstable_by(|one, two| rank(one).cmp(&rank(two)).then_with(|| one.cmp(two)));
    ids.dedup();
    let number: HashMap<&str, u32> = (0_u32..)
        .zip(&ids)
        .map(|(at, id)| (id.as_str(), at))
        .collect();
    let at = |id: &str| number.get(folded(id).as_str()).copied().unwrap_or_default();
    let is_cve = |at: u32| {
        ids.get(at as usize)
            .is_some_and(|id| id.starts_with("CVE-"))
    };
    let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let mut union = Union {
        up: (0..count).collect(),
        cve: (0..count).map(|at| is_cve(at).then_some(at)).collect(),
    };
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut homes: Vec<(u32, Vec<u32>)> = Vec::with_capacity(records.len());
    for (record, numbers) in (0_u32..).zip(records) {
        let own = at(numbers.id);
        let others: Vec<u32> = numbers.aliases.iter().map(|alias| at(alias)).collect();
        let mut cves: Vec<u32> = others
            .iter()
            .copied()
            .filter(|other| is_cve(*other))
            .collect();
        cves.sort_unstable();
        cves.dedup();
        if !is_cve(own) && cves.len() > 1 {
            homes.push((record, cves));
            continue;
        }
        homes.push((record, vec![own]));
        // What was taken back joins nothing.
        if !numbers.withdrawn {
            edges.extend(
                others
                    .into_iter()
                    .filter(|other| *other != own && !(is_cve(own) && is_cve(*other)))
                    .map(|other| (own.min(other), own.max(other))),
            );
        }
    }
    edges.sort_unstable();
    edges.dedup();
    let conflicts = edges
        .into_iter()
        .filter(|(one, two)| !union.join(*one, *two))
        .count() as u64;
    let mut names: Vec<Box<str>> = Vec::new();
    let mut group_of: HashMap<u32, u32> = HashMap::new();
    let mut of = Vec::with_capacity(homes.len());
    for (record, at) in homes {
        let mut found: Vec<u32> = at
            .into_iter()
            .map(|id| {
                // The best name has the lowest number, and the lowest is the root.
                let root = union.root(id);
                *group_of.entry(root).or_insert_with(|| {
                    names.push(ids.get(root as usize).map_or("", String::as_str).into());
                    u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
                })
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        of.extend(found.into_iter().map(|group| (record, group)));
    }
    Groups {
        names,
        of,
        conflicts,
    }
}

/// Numbers are the same whatever their case; GitHub's are written in small letters.
fn folded(id: &str) -> String {
    let upper = id.to_ascii_uppercase();
    match upper.strip_prefix("GHSA-") {
        Some(rest) => format!("GHSA-{}", rest.to_ascii_lowercase()),
        None => upper,
    }
}

/// Which number a vulnerability is called by, the best first.
fn rank(id: &str) -> u8 {
    const BEST: [&str; 5] = ["CVE-", "GHSA-", "CNVD-", "CNNVD-", "PYSEC-"];
    BEST.iter()
        .position(|head| id.starts_with(head))
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(records: &[(&str, &[&str])]) -> (Vec<String>, u64) {
        let aliases: Vec<Vec<String>> = records
            .iter()
            .map(|(_, aliases)| aliases.iter().map(|alias| (*alias).to_owned()).collect())
            .collect();
        let numbers: Vec<Numbers<'_>> = records
            .iter()
            .zip(&aliases)
            .map(|((id, _), aliases)| Numbers {
                id: id.trim_start_matches('!'),
                aliases,
                withdrawn: id.starts_with('!'),
            })
            .collect();
        let groups = group(&numbers);
        let named = |(record, group): &(u32, u32)| {
            let (id, _) = records[*record as usize];
            format!("{id}:{}", groups.names[*group as usize])
        };
        (groups.of.iter().map(named).collect(), groups.conflicts)
    }

    #[test]
    fn sources_of_one_vulnerability_meet() {
        let (found, conflicts) = grouped(&[
            ("CNVD-2023-1", &["CVE-2023-1"]),
            ("GHSA-aaaa-bbbb-cccc", &["CVE-2023-1"]),
            ("PYSEC-1", &["ghsa-AAAA-bbbb-cccc"]),
            ("CNVD-2023-2", &[]),
        ]);
        assert_eq!(
            found,
            [
                "CNVD-2023-1:CVE-2023-1",
                "GHSA-aaaa-bbbb-cccc:CVE-2023-1",
                "PYSEC-1:CVE-2023-1",
                "CNVD-2023-2:CNVD-2023-2"
            ]
        );
        assert_eq!(conflicts, 0);
    }

    #[test]
    fn a_bulletin_belongs_to_each_and_joins_none() {
        let (found, conflicts) = grouped(&[
            ("CNVD-2023-1", &["CVE-2023-1", "CVE-2023-2"]),
            ("CVE-2023-1", &[]),
            ("CVE-2023-2", &["CVE-2023-1"]),
        ]);
        assert_eq!(
            found,
            [
                "CNVD-2023-1:CVE-2023-1",
                "CNVD-2023-1:CVE-2023-2",
                "CVE-2023-1:CVE-2023-1",
                "CVE-2023-2:CVE-2023-2"
            ]
        );
        assert_eq!(conflicts, 0);
    }

    #[test]
    fn wrong_aliases_do_not_join_two_numbers_of_cve_in_any_order() {
        let one: (&str, &[&str]) = ("GHSA-aaaa-bbbb-cccc", &["CVE-2023-1"]);
        let two: (&str, &[&str]) = ("PYSEC-1", &["CVE-2023-2", "GHSA-aaaa-bbbb-cccc"]);
        let (mut found, conflicts) = grouped(&[one, two]);
        let (mut other, _) = grouped(&[two, one]);
        assert_eq!(conflicts, 1);
        found.sort();
        other.sort();
        assert_eq!(found, other);
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with("CVE-2023-1"), "{found:?}");
    }

    #[test]
    fn what_was_taken_back_joins_nothing() {
        let (found, _) = grouped(&[
            ("!GHSA-aaaa-bbbb-cccc", &["CVE-2023-1"]),
            ("CVE-2023-1", &[]),
        ]);
        assert_eq!(found[0], "!GHSA-aaaa-bbbb-cccc:GHSA-aaaa-bbbb-cccc");
    }
}
