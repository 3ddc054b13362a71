//! An inventory against an index.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::civil::Date;

use super::disk::IndexError;
use super::facts::{self, Asset};
use super::fix::{self, Upgrade};
use super::index::Index;
use super::known::Known;
use super::outcome::{Statement, of_records, outcome, scores, settle_releases, verdicts};
use super::pair::Pair;
use super::parts::{arrange, in_parts, threads};
use super::platform::Around;
use super::report::{Decided, Finding, Identifier, Part, Report, Summary, Vulnerability};
use super::vex::{self, Own};
use crate::decide::decide;
use crate::record::{Identity, Record, Status};
use crate::sbom::{Component, Inventory};

/// Most places of one component that are told.
const PLACES: usize = 100;
/// Most pairs of component and vulnerability that are looked at.
const PAIRS: usize = 20_000_000;

/// How to match.
#[derive(Clone, Debug)]
pub struct Options {
    /// The asset that the inventory is of.
    pub asset: Asset,
    /// One's own statements.
    pub own: Vec<Own>,
    /// Names that a person confirmed to mean a component.
    pub pairs: Vec<Pair>,
    /// The day on which own statements are judged; without one those that end do not count.
    pub today: Option<Date>,
    /// Report what is not affected too.
    pub all: bool,
    /// Most findings.
    pub most: usize,
    /// Most statements of a finding that are told beside the one that decided.
    pub others: usize,
    /// Threads to match on; 0 for as many as the machine has, up to 8. The report is the same whatever their number.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            asset: Asset::default(),
            own: Vec::new(),
            pairs: Vec::new(),
            today: None,
            all: false,
            most: 1_000_000,
            others: 20,
            threads: 0,
        }
    }
}

/// Matches. Findings are sorted: those that count first, then by urgency, then affected before unknown, then by name.
///
/// # Errors
/// [`IndexError`] when the index's file was damaged after it was opened.
pub fn match_inventory(
    index: &Index,
    inventory: &Inventory,
    options: &Options,
) -> Result<Report, IndexError> {
    let (distinct, places) = distinct(&inventory.components);
    let known: Vec<Known<'_>> = distinct
        .iter()
        .map(|one| Known::of(one).with(&options.pairs))
        .collect();
    let parts = known
        .iter()
        .zip(&places)
        .map(|(one, places)| Arc::new(part(one, places)));
    let parts: Vec<Arc<Part>> = parts.collect();
    let around = Around::of(&known);
    let mut summary = coverage(index, &known, &places);
    summary.components = inventory.components.len();
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for (at, one) in (0_u32..).zip(&known) {
        let begin = pairs.len();
        for key in one.lookups() {
            for record in index.find(&key) {
                pairs.extend(index.groups_of(record).map(|group| (group, at)));
            }
        }
        if let Some(new) = pairs.get_mut(begin..) {
            new.sort_unstable();
        }
        let mut kept = pairs.split_off(begin);
        kept.dedup();
        let room = PAIRS.saturating_sub(pairs.len());
        summary.left_out += kept.len().saturating_sub(room) as u64;
        kept.truncate(room);
        pairs.append(&mut kept);
    }
    pairs.sort_unstable();
    let threads = threads(options.threads);
    let work = |run: &[(u32, u32)]| {
        let mut found: Vec<(u32, u32, Finding)> = Vec::new();
        for of_group in run.chunk_by(|one, two| one.0 == two.0) {
            let Some(&(group, _)) = of_group.first() else {
                continue;
            };
            let records = index.members(group)?;
            let mut one = OfGroup::of(index, group, &records, options);
            for &(_, at) in of_group {
                let both = known.get(at as usize).zip(parts.get(at as usize));
                let Some(finding) =
                    both.and_then(|(known, part)| one.finding(known, part, &around))
                else {
                    continue;
                };
                if finding.status != Status::Unaffected || options.all {
                    found.push((group, at, finding));
                }
            }
        }
        Ok(found)
    };
    let (found, over) = in_parts(&pairs, threads, options.most, work)?;
    drop(pairs);
    summary.left_out += over;
    let mut findings = Vec::with_capacity(found.len());
    let mut of: Vec<(u32, u32)> = Vec::with_capacity(found.len());
    for (group, at, finding) in found {
        count(&finding, &mut summary);
        of.push((group, at));
        findings.push(finding);
    }
    let upgrades = upgrades(index, &known, &parts, (&findings, &of), threads)?;
    let key = |one: &Finding| {
        (
            !one.counts(),
            std::cmp::Reverse(one.what()),
            super::verdict::weight(one.status) != 2,
        )
    };
    let mut order: Vec<u32> = (0..u32::try_from(findings.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by(|one, two| {
        let both = findings.get(*one as usize).zip(findings.get(*two as usize));
        both.map_or(std::cmp::Ordering::Equal, |(one, two)| {
            key(one)
                .cmp(&key(two))
                .then_with(|| one.component.name.cmp(&two.component.name))
                .then_with(|| one.vulnerability.id.cmp(&two.vulnerability.id))
                .then_with(|| one.component.version.cmp(&two.component.version))
        })
    });
    arrange(&mut findings, &order);
    Ok(Report {
        findings,
        upgrades,
        components: parts,
        summary,
    })
}

/// The version to go to, for each component that is affected and has a fix.
fn upgrades(
    index: &Index,
    known: &[Known<'_>],
    parts: &[Arc<Part>],
    (findings, of): (&[Finding], &[(u32, u32)]),
    threads: usize,
) -> Result<Vec<Upgrade>, IndexError> {
    let mut by_part: BTreeMap<u32, Vec<(u32, &Finding)>> = BTreeMap::new();
    for (finding, (group, at)) in findings.iter().zip(of) {
        if finding.counts() {
            by_part.entry(*at).or_default().push((*group, finding));
        }
    }
    let tried: BTreeMap<u32, Vec<&str>> = by_part
        .iter()
        .filter_map(|(at, of_part)| {
            let fixes = of_part
                .iter()
                .filter(|(_, finding)| finding.status == Status::Affected)
                .flat_map(|(_, finding)| finding.fixed.iter().chain(&finding.fixed_by_all));
            let order = known.get(*at as usize)?.order();
            let tried = fix::tried(fixes.map(String::as_str), order);
            (!tried.is_empty()).then_some((*at, tried))
        })
        .collect();
    let mut pairs: Vec<(u32, u32)> = by_part
        .iter()
        .filter(|(at, _)| tried.contains_key(at))
        .flat_map(|(at, of_part)| {
            let affected = |one: &&(u32, &Finding)| one.1.status == Status::Affected;
            let of_part = of_part.iter().filter(affected);
            of_part.map(|(group, _)| (*group, *at))
        })
        .collect();
    pairs.sort_unstable();
    let work = |run: &[(u32, u32)]| {
        let mut left: Vec<(u32, u32, u64)> = Vec::new();
        for of_group in run.chunk_by(|one, two| one.0 == two.0) {
            let Some(&(group, _)) = of_group.first() else {
                continue;
            };
            let mut records = index.members(group)?;
            records.retain(|record| !record.withdrawn);
            let statements = Statement::of(&records);
            for &(_, at) in of_group {
                let Some((known, tried)) = known.get(at as usize).zip(tried.get(&at)) else {
                    continue;
                };
                left.push((at, group, remaining(&statements, known, tried)));
            }
        }
        Ok(left)
    };
    let (left, _) = in_parts(&pairs, threads, pairs.len(), work)?;
    let left: HashMap<(u32, u32), u64> = left
        .into_iter()
        .map(|(at, group, mask)| ((at, group), mask))
        .collect();
    let mut upgrades = Vec::new();
    for (at, tried) in &tried {
        let (Some(of_part), Some(part)) = (by_part.get(at), parts.get(*at as usize)) else {
            continue;
        };
        let affected: Vec<(u64, &str)> = of_part
            .iter()
            .filter(|(_, finding)| finding.status == Status::Affected)
            .map(|(group, finding)| {
                let mask = left.get(&(*at, *group)).copied().unwrap_or(u64::MAX);
                (mask, finding.vulnerability.id.as_str())
            })
            .collect();
        let stays = |bit: usize| {
            affected
                .iter()
                .filter(|(mask, _)| mask >> bit & 1 == 1)
                .count()
        };
        // The nearest of those that leave fewest.
        let Some((bit, version)) = tried.iter().enumerate().min_by_key(|(bit, _)| stays(*bit))
        else {
            continue;
        };
        let of = |wanted: u64| {
            affected
                .iter()
                .filter(|(mask, _)| mask >> bit & 1 == wanted)
                .map(|(_, id)| (*id).to_owned())
                .collect()
        };
        upgrades.push(Upgrade {
            component: Arc::clone(part),
            version: (*version).to_owned(),
            mends: of(0),
            leaves: of(1),
            unknown: of_part
                .iter()
                .filter(|(_, finding)| finding.status == Status::Unknown)
                .map(|(_, finding)| finding.vulnerability.id.clone())
                .collect(),
        });
    }
    upgrades.sort_by(|one, two| {
        let key = |one: &Upgrade| (one.component.name.clone(), one.component.version.clone());
        key(one).cmp(&key(two))
    });
    Ok(upgrades)
}

/// For each version that is tried a bit: some statement holds the vulnerability to be in it, or may.
fn remaining(statements: &[Statement<'_>], known: &Known<'_>, tried: &[&str]) -> u64 {
    let mut mask = 0;
    for statement in statements {
        let Some(seen) = known.recognise(statement.affected, statement.keys()) else {
            continue;
        };
        if !seen.identity.decides() || seen.upstream {
            continue;
        }
        let affected = statement.affected;
        let held = seen
            .version
            .is_some_and(|version| affected.holds_affected(version, seen.order, false));
        for (bit, version) in tried.iter().enumerate() {
            if affected.holds_affected(version, seen.order, held) {
                mask |= 1 << bit;
            }
        }
    }
    mask
}

fn count(finding: &Finding, summary: &mut Summary) {
    let place = if finding.suppressed.is_some() {
        &mut summary.suppressed
    } else if finding.proposed {
        &mut summary.proposed
    } else {
        match finding.status {
            Status::Affected => &mut summary.affected,
            Status::Unknown => &mut summary.unknown,
            Status::Unaffected => &mut summary.unaffected,
        }
    };
    *place += 1;
}

/// A component at several places is looked at once.
fn distinct(components: &[Component]) -> (Vec<&Component>, Vec<Vec<&str>>) {
    let mut seen: HashMap<_, usize> = HashMap::new();
    let mut distinct = Vec::new();
    let mut places: Vec<Vec<&str>> = Vec::new();
    for one in components {
        let built = one
            .built_from
            .as_ref()
            .map(|built| (&built.name, &built.version));
        let key = (
            &one.name,
            &one.version,
            &one.ecosystem,
            &one.purl,
            &one.cpes,
            built,
        );
        let at = *seen.entry(key).or_insert_with(|| {
            distinct.push(one);
            places.push(Vec::new());
            distinct.len() - 1
        });
        if let Some(places) = places.get_mut(at) {
            places.push(&one.where_found);
        }
    }
    (distinct, places)
}

fn part(known: &Known<'_>, places: &[&str]) -> Part {
    Part {
        name: known.component.name.clone(),
        version: known.version().map(str::to_owned),
        purl: known.component.purl.clone(),
        places: places
            .iter()
            .take(PLACES)
            .map(|place| (*place).to_owned())
            .collect(),
        more_places: places.len().saturating_sub(PLACES),
    }
}

/// Which components could be matched by whom.
fn coverage(index: &Index, known: &[Known<'_>], places: &[Vec<&str>]) -> Summary {
    let mut summary = Summary::default();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (one, places) in known.iter().zip(places) {
        let found = one.kinds();
        let sourced = found
            .iter()
            .any(|kind| index.counts().kinds.contains_key(kind));
        if found.is_empty() {
            summary.without_identifier += places.len();
        } else if !sourced {
            summary.without_source += places.len();
        }
        summary.without_version += usize::from(one.version().is_none()) * places.len();
        for kind in found {
            *kinds.entry(kind).or_default() += places.len();
        }
    }
    summary.identifiers = kinds
        .into_iter()
        .map(|(kind, components)| Identifier {
            records: index.counts().kinds.get(&kind).cloned().unwrap_or_default(),
            kind,
            components,
        })
        .collect();
    summary
}

fn is_cve(id: &str) -> bool {
    id.get(..4)
        .is_some_and(|head| head.eq_ignore_ascii_case("CVE-"))
}

/// One vulnerability, for all components that may have it.
struct OfGroup<'a> {
    statements: Vec<Statement<'a>>,
    shared: Arc<Vulnerability>,
    facts: crate::decide::Facts,
    options: &'a Options,
    /// A supplier's word that something is not reached is among the records.
    clears: bool,
    patched: bool,
    decided: [Option<Arc<Decided>>; 2],
}

impl<'a> OfGroup<'a> {
    fn of(index: &Index, group: u32, records: &'a [Record], options: &'a Options) -> Self {
        let id = index.name(group).to_owned();
        let mut ids = vec![id.clone()];
        let mut seen: HashSet<String> = ids.iter().map(|id| id.to_ascii_uppercase()).collect();
        for record in records {
            // A bulletin's other numbers are other vulnerabilities.
            let bulletin = record.aliases.iter().filter(|alias| is_cve(alias)).count() > 1;
            let aliases = record
                .aliases
                .iter()
                .filter(|alias| !is_cve(alias) || !(bulletin || is_cve(&id)));
            for one in aliases.chain([&record.id]) {
                if seen.insert(one.to_ascii_uppercase()) {
                    ids.push(one.clone());
                }
            }
        }
        let scores = scores(records);
        let kev = facts::kev(index, &ids).cloned();
        let epss = facts::epss(index, &ids).cloned();
        let facts = facts::facts(
            index,
            records,
            kev.as_ref(),
            epss.as_ref(),
            &scores,
            options.asset,
        );
        let alive = || records.iter().filter(|record| !record.withdrawn);
        let title = alive()
            .map(|record| record.title.as_str())
            .find(|title| !title.is_empty())
            .or_else(|| alive().find_map(|record| record.summary.lines().next()))
            .unwrap_or_default();
        let shared = Vulnerability {
            id,
            ids,
            title: title.chars().take(200).collect(),
            sources: records
                .iter()
                .map(|record| {
                    (
                        record.source,
                        record.id.clone(),
                        record.severity_word.clone(),
                    )
                })
                .collect(),
            kev,
            epss,
            disagreements: of_records(records, &scores),
            scores,
        };
        Self {
            clears: records.iter().any(|record| {
                record
                    .affected
                    .iter()
                    .any(|affected| vex::clears(record, affected))
            }),
            patched: alive().any(|record| record.patch.is_some()),
            shared: Arc::new(shared),
            facts,
            options,
            statements: Statement::of(records)
                .into_iter()
                .filter(|statement| !statement.record.withdrawn)
                .collect(),
            decided: [None, None],
        }
    }

    fn finding(
        &mut self,
        known: &Known<'_>,
        part: &Arc<Part>,
        around: &Around<'_>,
    ) -> Option<Finding> {
        let mut said: Vec<_> = self
            .statements
            .iter()
            .filter_map(|statement| statement.say(known, around))
            .collect();
        settle_releases(&mut said);
        let outcome = outcome(&said)?;
        let decided_by = &said.get(outcome.by)?.0;
        // A name is no ground for "affected"; nor is it one for a finding where even so it would not be affected.
        let status = if outcome.proposed && decided_by.verdict.status == Status::Unaffected {
            Status::Unaffected
        } else {
            outcome.status
        };
        // A name in a source that does not name the version is no ground for a proposal; and what texts list is what is affected.
        let by_name = outcome.proposed || decided_by.identity == Identity::Confirmed;
        if by_name && decided_by.verdict.is_silent() && !self.options.all {
            return None;
        }
        let disagreement = verdicts(&said);
        let fix = fix::fix(
            &said,
            outcome.by,
            outcome.proposed,
            known.version(),
            known.order(),
        );
        let (mine, expired) = vex::own(
            &self.options.own,
            &self.shared.ids,
            known,
            self.options.today,
        );
        let suppressed = if status == Status::Unaffected {
            None
        } else {
            mine.or_else(|| self.cleared(known, around))
        };
        let (mut decided_by, _) = said.remove(outcome.by);
        decided_by.verdict.fixed.clone_from(&fix.nearest);
        said.truncate(self.options.others);
        Some(Finding {
            component: Arc::clone(part),
            vulnerability: Arc::clone(&self.shared),
            status,
            proposed: outcome.proposed,
            identity: decided_by.identity,
            decided: self.decided(fix.nearest.is_some() || self.patched),
            decided_by,
            others: said.into_iter().map(|(said, _)| said).collect(),
            fixed: fix.nearest,
            fixed_by_all: fix.by_all,
            disagreement: disagreement.map(Box::new),
            suppressed: suppressed.map(Box::new),
            expired: expired.cloned().map(Box::new),
        })
    }

    /// The supplier's statement that clears a component.
    fn cleared(&self, known: &Known<'_>, around: &Around<'_>) -> Option<vex::Suppressed> {
        if !self.clears {
            return None;
        }
        self.statements
            .iter()
            .filter(|one| vex::clears(one.record, one.affected))
            .find_map(|one| vex::supplier(one.record, one.affected, one.keys(), known, around))
    }

    /// Decided once for all components; whether there is a fix is all in which they differ.
    fn decided(&mut self, fix: bool) -> Arc<Decided> {
        let facts = &self.facts;
        let make = || {
            let facts = crate::decide::Facts {
                // That no range names a fix does not mean that there is none.
                fix: fix.then_some(true),
                ..facts.clone()
            };
            Arc::new(Decided {
                decision: decide(&facts),
                facts,
            })
        };
        match self.decided.get_mut(usize::from(fix)) {
            Some(place) => Arc::clone(place.get_or_insert_with(make)),
            None => make(),
        }
    }
}
