//! The scope question: whose data left, how sure, and how much of what left is explained.

mod people;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use hudun_core::{
    DataKind, Delivery, Exchange, ExchangeHead, ExchangeId, KindCount, Release, RouteId, Scope,
    ScopeQuestion, ScopeSource, SubjectToken, Timestamp, Window,
};

use self::people::{People, Tier};

/// Whether an exchange with this head is the source's.
///
/// A listed session, token or address counts by itself; a listed account counts with all its exchanges, unless
/// sessions are listed: then the account's other sessions are taken for its rightful owner's.
pub(crate) fn is_of_source(head: &ExchangeHead, source: &ScopeSource) -> bool {
    let actor = &head.actor;
    let listed = |session| source.sessions.contains(session);
    actor.session.as_ref().is_some_and(listed)
        || actor
            .token
            .as_ref()
            .is_some_and(|token| source.tokens.contains(token))
        || source.addresses.contains(&actor.ip)
        || (source.sessions.is_empty()
            && actor
                .account
                .as_ref()
                .is_some_and(|account| source.accounts.contains(account)))
}

/// The last moment that is recorded of an exchange.
pub(crate) fn last_moment(exchange: &Exchange) -> Timestamp {
    let released = exchange.releases.iter().map(|release| release.at).max();
    let ended = exchange.end.as_ref().map(|end| end.at);
    exchange
        .head
        .at
        .max(released.unwrap_or_default())
        .max(ended.unwrap_or_default())
}

/// Whether any of an exchange's time, from request to last record, lies in the window.
pub(crate) fn touches(exchange: &Exchange, window: &Window) -> bool {
    exchange.head.at <= window.to && last_moment(exchange) >= window.from
}

/// Takes the exchanges of the source one by one, in any order, and makes the answer.
pub(crate) struct ScopeBuilder<'q> {
    question: &'q ScopeQuestion,
    people: People,
    seen: Seen,
    modules: BTreeSet<String>,
    window: Option<Window>,
    exchanges: u64,
    evidence: BinaryHeap<(Timestamp, ExchangeId)>,
    routes: HashMap<RouteId, Bytes>,
}

#[derive(Default)]
struct Seen {
    accounts: BTreeSet<hudun_core::AccountId>,
    sessions: BTreeSet<hudun_core::SessionKey>,
    tokens: BTreeSet<hudun_core::TokenKey>,
    addresses: BTreeSet<std::net::IpAddr>,
}

/// What one route released to the source.
#[derive(Default)]
struct Bytes {
    released: u64,
    explained: u64,
    releases: u64,
    /// How often a release took this many bytes for each person in it.
    per_person: BTreeMap<u64, u64>,
}

impl<'q> ScopeBuilder<'q> {
    pub(crate) fn new(question: &'q ScopeQuestion) -> Self {
        Self {
            question,
            people: People::default(),
            seen: Seen::default(),
            modules: BTreeSet::new(),
            window: None,
            exchanges: 0,
            evidence: BinaryHeap::new(),
            routes: HashMap::new(),
        }
    }

    /// An exchange; counted if it is the source's, of the tenant and in the window.
    pub(crate) fn take(&mut self, exchange: &Exchange) {
        let head = &exchange.head;
        if head.tenant != self.question.tenant
            || !touches(exchange, &self.question.window)
            || !is_of_source(head, &self.question.source)
        {
            return;
        }
        let actor = &head.actor;
        self.seen.accounts.extend(actor.account.clone());
        self.seen.sessions.extend(actor.session.clone());
        self.seen.tokens.extend(actor.token.clone());
        self.seen.addresses.insert(actor.ip);

        let delivery = exchange.end.as_ref().map(|end| end.delivery);
        if delivery == Some(Delivery::Withheld) {
            return;
        }
        let last = exchange.releases.iter().map(|release| release.group).max();
        let mut carried = false;
        let mut released = 0;
        let mut all_counted = true;
        for release in &exchange.releases {
            released += release.bytes;
            if release.at < self.question.window.from {
                all_counted = false;
                continue;
            }
            let tier = match delivery {
                Some(Delivery::Delivered) => Tier::Low,
                Some(Delivery::Aborted) if Some(release.group) == last => Tier::High,
                _ => Tier::Likely,
            };
            self.take_release(&head.route, release, tier);
            carried |= !release.sightings.is_empty();
        }
        // Bytes that the end tells of and no release does: their record was lost, so nothing explains them.
        if let Some(end) = &exchange.end
            && all_counted
            && end.response_bytes > released
        {
            self.routes.entry(head.route.clone()).or_default().released +=
                end.response_bytes - released;
        }
        if carried {
            self.count(head);
        }
    }

    fn take_release(&mut self, route: &RouteId, release: &Release, tier: Tier) {
        let bytes = self.routes.entry(route.clone()).or_default();
        bytes.released += release.bytes;
        bytes.explained += release.explained.min(release.bytes);
        bytes.releases += 1;
        let persons = release.sightings.len() as u64;
        if let Some(each) = release.bytes.checked_div(persons) {
            *bytes.per_person.entry(each.max(1)).or_default() += 1;
        }
        for sighting in &release.sightings {
            self.people.see(tier, sighting);
        }
    }

    fn count(&mut self, head: &ExchangeHead) {
        self.exchanges += 1;
        self.modules.insert(head.module.to_string());
        let window = self.window.get_or_insert(Window {
            from: head.at,
            to: head.at,
        });
        window.from = window.from.min(head.at);
        window.to = window.to.max(head.at);
        self.evidence.push((head.at, head.id));
        if self.evidence.len() > EVIDENCE {
            self.evidence.pop();
        }
    }

    /// Whether aliases still matter: the source was shown somebody.
    pub(crate) fn wants_aliases(&self) -> bool {
        !self.people.is_empty()
    }

    /// A response of the same tenant, to whomever, proved these aliases.
    pub(crate) fn learn(&mut self, subject: SubjectToken, aliases: &[SubjectToken]) {
        self.people.learn_of_seen(subject, aliases);
    }

    /// Learns aliases from an exchange of the same tenant and window, whoever received it.
    pub(crate) fn learn_from(&mut self, exchange: &Exchange) {
        if exchange.head.tenant != self.question.tenant || !touches(exchange, &self.question.window)
        {
            return;
        }
        for sighting in exchange
            .releases
            .iter()
            .flat_map(|release| &release.sightings)
        {
            self.learn(sighting.subject, &sighting.aliases);
        }
    }

    /// The answer.
    pub(crate) fn finish(self) -> Scope {
        let persons = self.people.persons();
        let count = |tier| {
            persons
                .values()
                .filter(|shown| shown.up_to(tier).is_some())
                .count()
        };
        let kinds = DataKind::ALL.into_iter().filter_map(|kind| {
            let count = |tier| {
                let holds = |shown: &&people::Shown| {
                    shown.up_to(tier).is_some_and(|kinds| kinds.contains(kind))
                };
                persons.values().filter(holds).count() as u64
            };
            let (low, likely, high) = (count(Tier::Low), count(Tier::Likely), count(Tier::High));
            (high > 0).then_some(KindCount {
                kind,
                low,
                likely,
                high,
            })
        });
        let estimate = estimate(&self.routes);
        Scope {
            question: self.question.clone(),
            seen: ScopeSource {
                accounts: self.seen.accounts.into_iter().collect(),
                sessions: self.seen.sessions.into_iter().collect(),
                tokens: self.seen.tokens.into_iter().collect(),
                addresses: self.seen.addresses.into_iter().collect(),
            },
            window: self.window,
            modules: self
                .modules
                .iter()
                .filter_map(|module| module.parse().ok())
                .collect(),
            exchanges: self.exchanges,
            evidence: self
                .evidence
                .into_sorted_vec()
                .into_iter()
                .map(|(_, id)| id)
                .collect(),
            low: count(Tier::Low) as u64,
            likely: count(Tier::Likely) as u64,
            high: count(Tier::High) as u64 + estimate.persons,
            kinds: kinds.collect(),
            subjects: persons
                .iter()
                .filter_map(|(&token, shown)| Some((token, shown.up_to(Tier::Likely)?)))
                .collect(),
            bytes_released: self.routes.values().map(|bytes| bytes.released).sum(),
            bytes_explained: self.routes.values().map(|bytes| bytes.explained).sum(),
            method: method(&estimate),
        }
    }
}

/// Exchanges named as evidence at most.
const EVIDENCE: usize = 1000;
/// Unexplained bytes up to this share of a route's bytes are structure: white space, field names, page furniture.
const NOISE_PERCENT: u64 = 2;
/// And up to this many bytes for each release.
const NOISE_BYTES: u64 = 256;
/// Bytes taken for one person where no release of the source shows how many one takes.
const BYTES_PER_PERSON: u64 = 256;

struct Estimate {
    unexplained: u64,
    persons: u64,
}

/// How many persons the unexplained bytes may hold: for each route whose unexplained bytes exceed the noise, those
/// bytes by the median bytes per person of the same route, rounded up.
fn estimate(routes: &HashMap<RouteId, Bytes>) -> Estimate {
    let mut all: BTreeMap<u64, u64> = BTreeMap::new();
    for (&each, &times) in routes.values().flat_map(|bytes| &bytes.per_person) {
        *all.entry(each).or_default() += times;
    }
    let mut sum = Estimate {
        unexplained: 0,
        persons: 0,
    };
    for bytes in routes.values() {
        let unexplained = bytes.released.saturating_sub(bytes.explained);
        let noise = (bytes.released / 100 * NOISE_PERCENT).max(bytes.releases * NOISE_BYTES);
        if unexplained <= noise {
            continue;
        }
        let each = median(&bytes.per_person)
            .or_else(|| median(&all))
            .unwrap_or(BYTES_PER_PERSON);
        sum.unexplained += unexplained;
        sum.persons += unexplained.div_ceil(each);
    }
    sum
}

/// The lower median of counted values.
fn median(values: &BTreeMap<u64, u64>) -> Option<u64> {
    let all: u64 = values.values().sum();
    let mut below = 0;
    values
        .iter()
        .find(|&(_, &times)| {
            below += times;
            below * 2 >= all
        })
        .map(|(&value, _)| value)
}

fn method(estimate: &Estimate) -> String {
    let (bytes, persons) = (estimate.unexplained, estimate.persons);
    format!(
        "按人计数，同一人的多个标识已合并：低值为确认送达，中值为已放行给来源，高值另加送达存疑的最后一组和无法解释的 \
         {bytes} 字节折合的 {persons} 人（按同一路由每人字节数的中位数，向上取整）。 / Persons, with the identifiers \
         of one person merged: low = delivery confirmed; likely = released to the source; high = likely, the last \
         group of broken connections, and {persons} for {bytes} unexplained bytes (by the median bytes per person \
         of the same route, rounded up)."
    )
}
