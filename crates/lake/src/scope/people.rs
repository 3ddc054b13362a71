//! Who is the same person: tokens and the aliases that responses proved.

use std::collections::{BTreeMap, HashMap, HashSet};

use hudun_core::{KindSet, Sighting, SubjectToken};

/// How sure it is that a sighting reached the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// Confirmed delivered.
    Low = 0,
    /// Released.
    Likely = 1,
    /// Released, but perhaps not received.
    High = 2,
}

/// A token's or a person's kinds by tier; `None` where the tier never showed them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown([Option<KindSet>; 3]);

impl Shown {
    fn add(&mut self, tier: Tier, kinds: KindSet) {
        let slot = &mut self.0[tier as usize];
        *slot = Some(slot.unwrap_or_default().union(kinds));
    }

    fn merge(&mut self, other: Self) {
        for (tier, kinds) in [Tier::Low, Tier::Likely, Tier::High]
            .into_iter()
            .zip(other.0)
        {
            if let Some(kinds) = kinds {
                self.add(tier, kinds);
            }
        }
    }

    /// The surest tier that showed something.
    fn best(&self) -> usize {
        self.0.iter().position(Option::is_some).unwrap_or(3)
    }

    /// The kinds shown in this tier or a surer one; `None` if nothing was.
    pub(crate) fn up_to(&self, tier: Tier) -> Option<KindSet> {
        self.0[..=tier as usize]
            .iter()
            .flatten()
            .copied()
            .reduce(KindSet::union)
    }
}

/// Gathers sightings and aliases, then names the persons.
#[derive(Default)]
pub(crate) struct People {
    seen: HashMap<SubjectToken, Shown>,
    /// (alias, subject whose response proved it).
    proofs: HashSet<(SubjectToken, SubjectToken)>,
}

impl People {
    /// The source was shown this.
    pub(crate) fn see(&mut self, tier: Tier, sighting: &Sighting) {
        self.seen
            .entry(sighting.subject)
            .or_default()
            .add(tier, sighting.kinds);
        self.learn(sighting.subject, &sighting.aliases);
    }

    /// A response, to whomever, proved these aliases.
    pub(crate) fn learn(&mut self, subject: SubjectToken, aliases: &[SubjectToken]) {
        let others = aliases.iter().filter(|&&alias| alias != subject);
        self.proofs.extend(others.map(|&alias| (alias, subject)));
    }

    /// Like [`People::learn`], but keeps only what concerns tokens that the source was shown.
    pub(crate) fn learn_of_seen(&mut self, subject: SubjectToken, aliases: &[SubjectToken]) {
        if self.seen.contains_key(&subject) {
            self.learn(subject, aliases);
            return;
        }
        for &alias in aliases {
            if alias != subject && self.seen.contains_key(&alias) {
                self.proofs.insert((alias, subject));
            }
        }
    }

    /// Whether the source was shown nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// The persons, each under one token, sorted by it.
    ///
    /// An alias joins the subject whose response proved it. An alias that several subjects share (one telephone in a
    /// family's three records) joins nobody: it must not turn three persons into one. Where such a shared token was
    /// also shown alone, it counts towards a sharer who was shown, and is a person of its own only if none was.
    pub(crate) fn persons(self) -> BTreeMap<SubjectToken, Shown> {
        let mut classes = Classes::default();
        let owners: HashSet<_> = self.proofs.iter().map(|&(_, subject)| subject).collect();
        let aliases: HashSet<_> = self.proofs.iter().map(|&(alias, _)| alias).collect();
        let mut proved_by: HashMap<SubjectToken, Vec<SubjectToken>> = HashMap::new();
        for &(alias, subject) in &self.proofs {
            proved_by.entry(alias).or_default().push(subject);
        }
        for (&alias, subjects) in &proved_by {
            if subjects.len() == 1 || owners.contains(&alias) {
                for &subject in subjects {
                    classes.join(alias, subject);
                }
            }
        }
        // What is still shared once the classes stand: sharers that turned out to be one person share nothing.
        let mut shared: HashMap<SubjectToken, Vec<SubjectToken>> = HashMap::new();
        for (alias, subjects) in proved_by {
            if subjects.len() == 1 || owners.contains(&alias) {
                continue;
            }
            let mut roots: Vec<_> = subjects.iter().map(|&one| classes.root(one)).collect();
            roots.sort_unstable();
            roots.dedup();
            if let [root] = roots[..] {
                classes.join(alias, root);
            } else {
                shared.insert(alias, subjects);
            }
        }
        self.gather(&mut classes, &aliases, &shared)
    }

    fn gather(
        self,
        classes: &mut Classes,
        aliases: &HashSet<SubjectToken>,
        shared: &HashMap<SubjectToken, Vec<SubjectToken>>,
    ) -> BTreeMap<SubjectToken, Shown> {
        // The token that names a class: one that was never an alias, else any; the smallest of them.
        let mut by_root: HashMap<SubjectToken, ((bool, SubjectToken), Shown)> = HashMap::new();
        for (&token, &shown) in self
            .seen
            .iter()
            .filter(|(token, _)| !shared.contains_key(*token))
        {
            let name = (aliases.contains(&token), token);
            let class = by_root
                .entry(classes.root(token))
                .or_insert_with(|| (name, Shown::default()));
            class.0 = class.0.min(name);
            class.1.merge(shown);
        }
        let standing: HashMap<_, _> = by_root
            .iter()
            .map(|(&root, &((_, name), shown))| (root, (shown.best(), name)))
            .collect();
        let mut persons: BTreeMap<SubjectToken, Shown> = BTreeMap::new();
        for ((_, name), shown) in by_root.into_values() {
            persons.entry(name).or_default().merge(shown);
        }
        for (token, subjects) in shared {
            let Some(&shown) = self.seen.get(token) else {
                continue;
            };
            let sharer = subjects
                .iter()
                .filter_map(|&subject| standing.get(&classes.root(subject)))
                .min();
            let name = sharer.map_or(*token, |&(_, name)| name);
            persons.entry(name).or_default().merge(shown);
        }
        persons
    }
}

/// Union-find over tokens; the smallest token of a class is its root, so that the order of joining does not matter.
#[derive(Default)]
struct Classes {
    parent: HashMap<SubjectToken, SubjectToken>,
}

impl Classes {
    fn root(&mut self, token: SubjectToken) -> SubjectToken {
        let mut root = token;
        while let Some(&parent) = self.parent.get(&root) {
            root = parent;
        }
        let mut at = token;
        while at != root {
            match self.parent.insert(at, root) {
                Some(parent) => at = parent,
                None => break,
            }
        }
        root
    }

    fn join(&mut self, a: SubjectToken, b: SubjectToken) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.parent.insert(a.max(b), a.min(b));
        }
    }
}

#[cfg(test)]
mod tests {
    use hudun_core::DataKind;

    use super::*;

    fn token(n: u8) -> SubjectToken {
        SubjectToken::from_bytes([n; 16])
    }

    fn sighting(subject: u8, aliases: &[u8]) -> Sighting {
        Sighting {
            subject: token(subject),
            kinds: KindSet::of(&[DataKind::Mobile]),
            aliases: aliases.iter().map(|&n| token(n)).collect(),
        }
    }

    fn names(sightings: &[Sighting]) -> Vec<u8> {
        let mut people = People::default();
        for sighting in sightings {
            people.see(Tier::Likely, sighting);
        }
        people.persons().keys().map(|t| t.as_bytes()[0]).collect()
    }

    #[test]
    fn a_number_alone_and_the_record_that_owns_it_are_one_person() {
        assert_eq!(names(&[sighting(1, &[]), sighting(9, &[1])]), [9]);
        assert_eq!(
            names(&[sighting(9, &[1, 2]), sighting(2, &[]), sighting(1, &[])]),
            [9]
        );
    }

    #[test]
    fn a_shared_number_does_not_merge_its_sharers() {
        let family = [sighting(8, &[1]), sighting(9, &[1])];
        assert_eq!(names(&family), [8, 9]);
        let with_number = [sighting(8, &[1]), sighting(9, &[1]), sighting(1, &[])];
        assert_eq!(names(&with_number), [8, 9]);
    }

    #[test]
    fn a_shared_number_whose_sharers_were_not_shown_is_one_person() {
        let mut people = People::default();
        people.see(Tier::Low, &sighting(1, &[]));
        people.learn_of_seen(token(8), &[token(1)]);
        people.learn_of_seen(token(9), &[token(1), token(2)]);
        assert_eq!(people.persons().into_keys().collect::<Vec<_>>(), [token(1)]);
    }

    #[test]
    fn records_that_name_each_other_are_one_person() {
        assert_eq!(names(&[sighting(5, &[6]), sighting(6, &[5])]), [5]);
        assert_eq!(
            names(&[sighting(5, &[6]), sighting(6, &[7]), sighting(7, &[])]),
            [5]
        );
    }
}
