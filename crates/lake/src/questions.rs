//! The questions.

mod words;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use hudun_core::{
    Delivery, Exchange, ExchangeId, Scope, ScopeQuestion, ScopeSource, SubjectToken, TenantId,
    Timestamp, Window,
};

pub use self::words::{Activity, ExchangeFilter, Page, Sight, WhoSaw};
use crate::cold::{Filter, delivery_name};
use crate::error::LakeError;
use crate::lake::Lake;
use crate::scope::{ScopeBuilder, touches};

impl Lake {
    /// Whose data left to this source: see `docs/reference/lake.md` for the method.
    pub fn scope(&self, question: &ScopeQuestion) -> Result<Scope, LakeError> {
        let mut builder = ScopeBuilder::new(question);
        let (hot, files) = {
            let state = self.shared.read();
            let files = state.files(Some(&question.tenant), &question.window);
            (state.tail.of_source(&question.source), files)
        };
        for exchange in &hot {
            builder.take(exchange);
        }
        for file in files {
            let filter = of_source(&question.source, question.window);
            file.exchanges(Some(filter), |exchange| {
                builder.take(&exchange);
                Ok(())
            })?;
        }
        if builder.wants_aliases() {
            self.learn_aliases(question, &mut builder)?;
        }
        Ok(builder.finish())
    }

    /// Lets the builder see every alias that any response of the tenant proved in the window.
    fn learn_aliases(
        &self,
        question: &ScopeQuestion,
        builder: &mut ScopeBuilder<'_>,
    ) -> Result<(), LakeError> {
        let window = question.window;
        let (hot, files) = {
            let state = self.shared.read();
            let hot: Vec<_> = state.tail.all().cloned().collect();
            (hot, state.files(Some(&question.tenant), &window))
        };
        for exchange in &hot {
            builder.learn_from(exchange);
        }
        for file in files.iter().filter(|file| file.meta.aliases > 0) {
            let columns = ["ts", "last_ts", "subjects", "aliases", "alias_subject"];
            file.scan(None, Some(in_window(window)), &columns, |rows| {
                for at in 0..rows.len() {
                    for sighting in rows.proofs(at).map_err(|e| file.unreadable(e))? {
                        builder.learn(sighting.subject, &sighting.aliases);
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// To whom this person's data was shown, oldest first. `limit` counts the oldest; at most 10,000.
    pub fn who_saw(&self, question: &WhoSaw) -> Result<Vec<Sight>, LakeError> {
        let (hot, files) = {
            let state = self.shared.read();
            let files = state.files(Some(&question.tenant), &question.window);
            (state.tail.of_subject(&question.subject), files)
        };
        let mut found = BTreeMap::new();
        let limit = question.limit.min(MOST_SIGHTS);
        let mut take = |exchange: &Exchange| {
            if exchange.head.tenant != question.tenant || !touches(exchange, &question.window) {
                return;
            }
            if let Some(sight) = Sight::of(exchange, &question.subject) {
                found.insert((sight.at, sight.exchange), sight);
                if found.len() > limit {
                    found.pop_last();
                }
            }
        };
        for exchange in &hot {
            take(exchange);
        }
        for file in files {
            file.exchanges_of(&question.subject, |exchange| {
                take(&exchange);
                Ok(())
            })?;
        }
        Ok(found.into_values().collect())
    }

    /// The exchanges that pass the filter, in the order asked for: the timeline of an actor, a session, a module.
    pub fn exchanges(
        &self,
        filter: &ExchangeFilter,
        page: &Page,
    ) -> Result<Vec<Arc<Exchange>>, LakeError> {
        let limit = page.limit.min(MOST_EXCHANGES);
        let (hot, mut files) = {
            let state = self.shared.read();
            let hot: Vec<_> = match filter.source() {
                Some(source) => state.tail.of_source(&source),
                None => state.tail.all().cloned().collect(),
            };
            (hot, state.files(filter.tenant.as_ref(), &filter.window))
        };
        let mut found: BTreeMap<(Timestamp, ExchangeId), Arc<Exchange>> = BTreeMap::new();
        let mut take = |exchange: Arc<Exchange>| {
            let key = (exchange.head.at, exchange.head.id);
            let behind = page.after.is_none_or(|after| {
                if page.newest_first {
                    key < after
                } else {
                    key > after
                }
            });
            if behind && filter.passes(&exchange) {
                found.insert(key, exchange);
                if found.len() > limit {
                    let _ = if page.newest_first {
                        found.pop_first()
                    } else {
                        found.pop_last()
                    };
                }
            }
            // The last key that still matters, once there are enough.
            let full = found.len() >= limit;
            let worst = if page.newest_first {
                found.first_key_value()
            } else {
                found.last_key_value()
            };
            worst.filter(|_| full).map(|(&(at, _), _)| at)
        };
        let mut worst = None;
        for exchange in hot {
            worst = take(exchange);
        }
        files.sort_by_key(|file| file.meta.from);
        if page.newest_first {
            files.reverse();
        }
        for file in files {
            let hopeless = worst.is_some_and(|worst| {
                if page.newest_first {
                    file.meta.to < worst
                } else {
                    file.meta.from > worst
                }
            });
            if hopeless {
                continue;
            }
            file.exchanges(Some(filter.cold()), |exchange| {
                worst = take(Arc::new(exchange));
                Ok(())
            })?;
        }
        let found = found.into_values();
        Ok(if page.newest_first {
            found.rev().collect()
        } else {
            found.collect()
        })
    }

    /// These exchanges, as far as the lake has them, oldest first.
    pub fn fetch(&self, ids: &[ExchangeId]) -> Result<Vec<Arc<Exchange>>, LakeError> {
        let (mut found, files) = {
            let state = self.shared.read();
            let found: Vec<_> = ids
                .iter()
                .filter_map(|&id| state.tail.get(id).cloned())
                .collect();
            (found, Arc::clone(&state.files))
        };
        let hot: HashSet<_> = found.iter().map(|exchange| exchange.head.id).collect();
        let mut wanted: HashSet<[u8; 16]> = ids
            .iter()
            .filter(|id| !hot.contains(id))
            .map(|id| *id.uuid().as_bytes())
            .collect();
        for file in files.iter() {
            if wanted.is_empty() {
                break;
            }
            let these = wanted.clone();
            let filter = Filter {
                columns: vec!["exchange"],
                test: Box::new(move |rows, at| Ok(these.contains(&rows.id(at)?))),
            };
            file.exchanges(Some(filter), |exchange| {
                wanted.remove(exchange.head.id.uuid().as_bytes());
                found.push(Arc::new(exchange));
                Ok(())
            })?;
        }
        found.sort_by_key(|exchange| (exchange.head.at, exchange.head.id));
        found.dedup_by_key(|exchange| exchange.head.id);
        Ok(found)
    }

    /// How much happened, module by module, in steps of `bucket` milliseconds; at most 2,000 steps.
    pub fn activity(
        &self,
        tenant: Option<&TenantId>,
        window: Window,
        bucket: i64,
    ) -> Result<Vec<Activity>, LakeError> {
        let steps = window.to.millis_since(window.from).checked_div(bucket);
        if bucket <= 0 || steps.is_none_or(|steps| !(0..MOST_BUCKETS).contains(&steps)) {
            return Err(LakeError::Question(
                "the steps must be 1 to 2,000 in the window",
            ));
        }
        let (hot, files) = {
            let state = self.shared.read();
            let hot: Vec<_> = state.tail.all().cloned().collect();
            (hot, state.files(tenant, &window))
        };
        let mut counts = Counts {
            window,
            bucket,
            steps: BTreeMap::new(),
        };
        for exchange in hot {
            if tenant.is_some_and(|tenant| exchange.head.tenant != *tenant) {
                continue;
            }
            let end = exchange.end.as_ref();
            let subjects = exchange
                .releases
                .iter()
                .flat_map(|release| &release.sightings);
            counts.add(
                exchange.head.at,
                exchange.head.module.as_str(),
                end.is_some_and(|end| end.refusal.is_some()),
                end.is_some_and(|end| end.delivery == Delivery::Withheld),
                subjects.map(|sighting| sighting.subject),
            );
        }
        for file in files {
            let columns = ["ts", "module", "refusal", "delivery", "subjects"];
            file.scan(None, None, &columns, |rows| {
                for at in 0..rows.len() {
                    counts.add_row(rows, at).map_err(|e| file.unreadable(e))?;
                }
                Ok(())
            })?;
        }
        Ok(counts.finish())
    }
}

const MOST_SIGHTS: usize = 10_000;
const MOST_EXCHANGES: usize = 1_000;
const MOST_BUCKETS: i64 = 2_000;

struct Counts {
    window: Window,
    bucket: i64,
    steps: BTreeMap<(i64, String), (u64, u64, BTreeSet<SubjectToken>)>,
}

impl Counts {
    fn add(
        &mut self,
        at: Timestamp,
        module: &str,
        refused: bool,
        withheld: bool,
        subjects: impl Iterator<Item = SubjectToken>,
    ) {
        if !self.window.contains(at) {
            return;
        }
        let step = at.millis_since(self.window.from) / self.bucket;
        let count = self.steps.entry((step, module.to_owned())).or_default();
        count.0 += 1;
        count.1 += u64::from(refused);
        if !withheld {
            count.2.extend(subjects);
        }
    }

    fn add_row(
        &mut self,
        rows: &crate::cold::Rows<'_>,
        at: usize,
    ) -> Result<(), crate::cold::RowError> {
        let withheld = delivery_name(Delivery::Withheld);
        self.add(
            rows.moment("ts", at)?,
            rows.text("module", at)?,
            rows.may_text("refusal", at)?.is_some(),
            rows.may_text("delivery", at)? == Some(withheld),
            rows.tokens("subjects", at)?.into_iter(),
        );
        Ok(())
    }

    fn finish(self) -> Vec<Activity> {
        let (from, bucket) = (self.window.from, self.bucket);
        self.steps
            .into_iter()
            .filter_map(|((step, module), (exchanges, refused, subjects))| {
                Some(Activity {
                    from: from.plus_millis(step * bucket),
                    module: module.parse().ok()?,
                    exchanges,
                    refused,
                    subjects: subjects.len() as u64,
                })
            })
            .collect()
    }
}

/// Whether a row's exchange touches the window.
fn in_window(window: Window) -> Filter {
    Filter {
        columns: vec!["ts", "last_ts"],
        test: Box::new(move |rows, at| {
            Ok(rows.moment("ts", at)? <= window.to && rows.moment("last_ts", at)? >= window.from)
        }),
    }
}

/// Whether a row is of the source, decided on the text of its columns. It may let through what the builder then leaves
/// out, never the other way round.
fn of_source(source: &ScopeSource, window: Window) -> Filter {
    fn texts<T: ToString>(ids: &[T]) -> HashSet<String> {
        ids.iter().map(ToString::to_string).collect()
    }
    let columns = [
        ("account", texts(&source.accounts)),
        ("session", texts(&source.sessions)),
        ("token", texts(&source.tokens)),
        ("ip", texts(&source.addresses)),
    ];
    Filter {
        columns: vec!["ts", "last_ts", "account", "session", "token", "ip"],
        test: Box::new(move |rows, at| {
            if rows.moment("ts", at)? > window.to || rows.moment("last_ts", at)? < window.from {
                return Ok(false);
            }
            for (name, wanted) in &columns {
                if !wanted.is_empty()
                    && rows
                        .may_text(name, at)?
                        .is_some_and(|text| wanted.contains(text))
                {
                    return Ok(true);
                }
            }
            Ok(false)
        }),
    }
}
