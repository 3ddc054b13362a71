//! The hot tail: exchanges that are in the journal and not yet in Parquet, in memory, with indexes.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use hudun_core::{
    AccountId, Exchange, ExchangeEnd, ExchangeHead, ExchangeId, Release, ScopeSource, SessionKey,
    SubjectToken, TokenKey,
};

use crate::record::Record;

/// The exchanges by their identifiers, and the ways to find them.
#[derive(Default)]
pub(crate) struct Tail {
    entries: HashMap<ExchangeId, Entry>,
    /// Records whose exchange's head has not been seen: it was lost, or lies in Parquet already.
    orphans: HashMap<ExchangeId, Orphan>,
    accounts: Index<AccountId>,
    sessions: Index<SessionKey>,
    tokens: Index<TokenKey>,
    addresses: Index<IpAddr>,
    subjects: Index<SubjectToken>,
    bytes: usize,
}

type Index<K> = HashMap<K, Vec<ExchangeId>>;

/// An exchange and the segments that hold its records.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Whether this process began it; one that an earlier process began and did not end will never end.
    pub(crate) live: bool,
}

/// Releases and end without a head.
pub(crate) struct Orphan {
    pub(crate) releases: Vec<Release>,
    pub(crate) end: Option<ExchangeEnd>,
    pub(crate) last: u64,
    bytes: usize,
}

impl Tail {
    /// Takes a record that has been written to `segment`. Records that come twice (carried into a later segment by a
    /// compaction) change nothing but the segment.
    pub(crate) fn apply(&mut self, segment: u64, record: Record, live: bool) {
        match record {
            Record::Head(head) => self.head(segment, *head, live),
            Record::Release(release) => self.release(segment, release),
            Record::End(end) => self.end(segment, end),
            Record::Small(head, release) => {
                self.head(segment, *head, live);
                self.release(segment, release);
            }
        }
    }

    fn head(&mut self, segment: u64, head: ExchangeHead, live: bool) {
        let id = head.id;
        if let Some(entry) = self.entries.get_mut(&id) {
            // All records of a carried exchange follow its carried head.
            entry.first = segment;
            entry.last = entry.last.max(segment);
            return;
        }
        let actor = &head.actor;
        if let Some(account) = &actor.account {
            self.accounts.entry(account.clone()).or_default().push(id);
        }
        if let Some(session) = &actor.session {
            self.sessions.entry(session.clone()).or_default().push(id);
        }
        if let Some(token) = &actor.token {
            self.tokens.entry(token.clone()).or_default().push(id);
        }
        self.addresses.entry(actor.ip).or_default().push(id);
        self.bytes += HEAD_BYTES + head.path.len() + actor.agent.len();
        let exchange = Arc::new(Exchange {
            head,
            releases: Vec::new(),
            end: None,
        });
        self.entries.insert(
            id,
            Entry {
                exchange,
                first: segment,
                last: segment,
                live,
            },
        );
        if let Some(orphan) = self.orphans.remove(&id) {
            self.bytes -= orphan.bytes;
            for release in orphan.releases {
                self.release(segment, release);
            }
            if let Some(end) = orphan.end {
                self.end(segment, end);
            }
        }
    }

    fn release(&mut self, segment: u64, release: Release) {
        let id = release.exchange;
        let Some(entry) = self.entries.get_mut(&id) else {
            let bytes = release_bytes(&release);
            let orphan = self.orphan(id, segment);
            orphan.bytes += bytes;
            orphan.releases.push(release);
            self.bytes += bytes;
            return;
        };
        entry.last = entry.last.max(segment);
        let exchange = Arc::make_mut(&mut entry.exchange);
        let behind = exchange
            .releases
            .last()
            .is_some_and(|last| release.group <= last.group);
        if behind
            && exchange
                .releases
                .iter()
                .any(|old| old.group == release.group)
        {
            return;
        }
        self.bytes += release_bytes(&release);
        for sighting in &release.sightings {
            for token in std::iter::once(&sighting.subject).chain(&sighting.aliases) {
                let found = self.subjects.entry(*token).or_default();
                if found.last() != Some(&id) {
                    found.push(id);
                }
            }
        }
        exchange.releases.push(release);
    }

    fn end(&mut self, segment: u64, end: ExchangeEnd) {
        let Some(entry) = self.entries.get_mut(&end.exchange) else {
            let orphan = self.orphan(end.exchange, segment);
            orphan.end.get_or_insert(end);
            return;
        };
        entry.last = entry.last.max(segment);
        let exchange = Arc::make_mut(&mut entry.exchange);
        exchange.end.get_or_insert(end);
    }

    fn orphan(&mut self, id: ExchangeId, segment: u64) -> &mut Orphan {
        let bytes = &mut self.bytes;
        let orphan = self.orphans.entry(id).or_insert_with(|| {
            *bytes += HEAD_BYTES;
            Orphan {
                releases: Vec::new(),
                end: None,
                last: segment,
                bytes: HEAD_BYTES,
            }
        });
        orphan.last = orphan.last.max(segment);
        orphan
    }

    /// The exchanges in which an actor of the source appears, of any tenant and time.
    pub(crate) fn of_source(&self, source: &ScopeSource) -> Vec<Arc<Exchange>> {
        let mut ids = HashSet::new();
        collect(&mut ids, &self.accounts, &source.accounts);
        collect(&mut ids, &self.sessions, &source.sessions);
        collect(&mut ids, &self.tokens, &source.tokens);
        collect(&mut ids, &self.addresses, &source.addresses);
        self.fetch(ids)
    }

    /// The exchanges that showed this token, as subject or as alias.
    pub(crate) fn of_subject(&self, token: &SubjectToken) -> Vec<Arc<Exchange>> {
        let mut ids = HashSet::new();
        collect(&mut ids, &self.subjects, std::slice::from_ref(token));
        self.fetch(ids)
    }

    /// One exchange.
    pub(crate) fn get(&self, id: ExchangeId) -> Option<&Arc<Exchange>> {
        self.entries.get(&id).map(|entry| &entry.exchange)
    }

    /// All exchanges, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Exchange>> {
        self.entries.values().map(|entry| &entry.exchange)
    }

    /// All entries, in no order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Records without a head.
    pub(crate) const fn orphans(&self) -> &HashMap<ExchangeId, Orphan> {
        &self.orphans
    }

    /// About how much memory it takes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many exchanges it holds.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets what has gone into Parquet: these exchanges, and orphans of segments up to `through`.
    pub(crate) fn forget(&mut self, gone: &HashSet<ExchangeId>, through: u64) {
        let old = std::mem::take(self);
        for (id, entry) in old.entries {
            if gone.contains(&id) {
                continue;
            }
            let Entry {
                exchange,
                first,
                last,
                live,
            } = entry;
            let exchange = Arc::unwrap_or_clone(exchange);
            self.head(first, exchange.head, live);
            for release in exchange.releases {
                self.release(last, release);
            }
            if let Some(end) = exchange.end {
                self.end(last, end);
            }
        }
        self.orphans = old.orphans;
        self.orphans.retain(|_, orphan| orphan.last > through);
        self.bytes += self
            .orphans
            .values()
            .map(|orphan| orphan.bytes)
            .sum::<usize>();
    }

    fn fetch(&self, ids: HashSet<ExchangeId>) -> Vec<Arc<Exchange>> {
        ids.into_iter()
            .filter_map(|id| self.get(id).cloned())
            .collect()
    }
}

/// What one exchange, release, sighting takes in memory with its index entries, about.
const HEAD_BYTES: usize = 900;
const RELEASE_BYTES: usize = 120;
const SIGHTING_BYTES: usize = 100;

fn release_bytes(release: &Release) -> usize {
    let named = |sighting: &hudun_core::Sighting| 1 + sighting.aliases.len();
    RELEASE_BYTES + SIGHTING_BYTES * release.sightings.iter().map(named).sum::<usize>()
}

fn collect<K: Eq + Hash>(ids: &mut HashSet<ExchangeId>, index: &Index<K>, keys: &[K]) {
    for found in keys.iter().filter_map(|key| index.get(key)) {
        ids.extend(found);
    }
}
