//! The register: matches again whenever feeds or assets change, and says what became different.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use hudun_advisory::decide::{Decision, Exploitation, Sentence, What, decide};
use hudun_advisory::matching::{
    Finding, Index, IndexError, Options, Own, Summary, match_inventory,
};
use hudun_core::{IncidentId, Text, Timestamp};
use hudun_store::{Collection, Store, StoreError};
use jiff::civil::Date;
use tokio::sync::Mutex;

use super::{Beside, CheckOutcome, Exposure, Pairing, State, Statement, Why};
use crate::assets::Asset;

/// Most exposures of one asset; the most urgent ones are kept, the rest is counted.
const MOST_OF_ASSET: usize = 5_000;
/// Most names without more that are proposed for one asset.
const MOST_PROPOSED: usize = 500;
/// Exposures that are over are kept for this long.
const OVER_MS: i64 = 400 * 24 * 60 * 60_000;
/// Most statements of one's own.
const MOST_STATEMENTS: u32 = 10_000;
/// Most confirmed names.
const MOST_PAIRINGS: u32 = 10_000;
const DAY_MS: i64 = 24 * 60 * 60_000;

/// All exposures.
pub struct Register {
    exposures: Collection<Exposure>,
    statements: Collection<Statement>,
    pairings: Collection<Pairing>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    exposures: BTreeMap<String, Exposure>,
    /// Of each asset: what matching counted.
    summaries: BTreeMap<String, Summary>,
}

/// What a refresh came to.
#[derive(Clone, Debug, Default)]
pub struct Refreshed {
    /// What became different, the gravest first.
    pub changes: Vec<Change>,
    /// Exposures beyond the bound, of all assets.
    pub left_out: u64,
}

/// What became different of one exposure.
#[derive(Clone, Debug)]
pub struct Change {
    /// The exposure as it is now.
    pub exposure: Exposure,
    /// What happened to it.
    pub moved: Moved,
}

/// What happened to an exposure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is new.
    Appeared,
    /// It was over, suppressed or a mere proposal, and is true again.
    Returned,
    /// Its name is not confirmed any more: it is a mere proposal again.
    Doubted,
    /// Its class went up.
    Graver(What),
    /// Its class went down.
    Milder(What),
    /// A statement suppresses it now.
    Suppressed,
    /// By its version it is gone, and a check has to say so.
    Unproven,
    /// It is over.
    Closed,
}

impl Register {
    /// The register of the store.
    ///
    /// # Errors
    /// [`RegisterError::Store`].
    pub async fn open(store: &Store) -> Result<Self, RegisterError> {
        let exposures: Collection<Exposure> = store.collection();
        let mut known = Known::default();
        for exposure in exposures.newest(u32::MAX / 2).await? {
            known.exposures.insert(exposure.id.clone(), exposure);
        }
        Ok(Self {
            exposures,
            statements: store.collection(),
            pairings: store.collection(),
            known: Mutex::new(known),
        })
    }

    /// All exposures: open ones first, then by class, then by when they are due.
    pub async fn all(&self) -> Vec<Exposure> {
        let known = self.known.lock().await;
        let mut all: Vec<Exposure> = known.exposures.values().cloned().collect();
        all.sort_by(|one, two| {
            let key = |one: &Exposure| {
                (
                    !one.is_open(),
                    one.is_closed(),
                    std::cmp::Reverse(one.what),
                    one.due_at.map_or(i64::MAX, Timestamp::as_millis),
                )
            };
            let names = |one: &Exposure| (one.asset.clone(), one.vulnerability.clone());
            key(one)
                .cmp(&key(two))
                .then_with(|| names(one).cmp(&names(two)))
        });
        all
    }

    /// One exposure.
    pub async fn get(&self, id: &str) -> Option<Exposure> {
        self.known.lock().await.exposures.get(id).cloned()
    }

    /// What matching counted for each asset: what it could not match, too.
    pub async fn summaries(&self) -> BTreeMap<String, Summary> {
        self.known.lock().await.summaries.clone()
    }

    /// One's own statements, newest first.
    ///
    /// # Errors
    /// [`RegisterError::Store`].
    pub async fn statements(&self) -> Result<Vec<Statement>, RegisterError> {
        Ok(self.statements.newest(MOST_STATEMENTS).await?)
    }

    /// Makes a statement; [`Register::refresh`] lets it count.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn state(&self, statement: &Statement) -> Result<(), RegisterError> {
        Ok(self.statements.put(statement).await?)
    }

    /// Takes a statement back. Tells whether there was one.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn unstate(&self, id: &str) -> Result<bool, RegisterError> {
        Ok(self.statements.remove(id).await?)
    }

    /// The names that people confirmed, newest first.
    ///
    /// # Errors
    /// [`RegisterError::Store`].
    pub async fn pairings(&self) -> Result<Vec<Pairing>, RegisterError> {
        Ok(self.pairings.newest(MOST_PAIRINGS).await?)
    }

    /// Keeps a confirmed name; [`Register::refresh`] lets it count.
    ///
    /// # Errors
    /// [`RegisterError`]; [`RegisterError::ManyPairings`] where there are 10,000 already.
    pub async fn pair(&self, pairing: &Pairing) -> Result<(), RegisterError> {
        let all = self.pairings().await?;
        if all.len() >= MOST_PAIRINGS as usize && !all.iter().any(|one| one.id == pairing.id) {
            return Err(RegisterError::ManyPairings);
        }
        Ok(self.pairings.put(pairing).await?)
    }

    /// Forgets a confirmed name. Tells whether there was one.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn unpair(&self, id: &str) -> Result<bool, RegisterError> {
        Ok(self.pairings.remove(id).await?)
    }

    /// Matches all assets. What is known already keeps its identifier, its case and the day on which it was known first;
    /// a vulnerability that gets another number meanwhile stays the same exposure. `beside` says what the guard itself knows
    /// of the vulnerability with these numbers on this asset.
    ///
    /// # Errors
    /// [`RegisterError`]; what was written before stays, and the next refresh brings the rest.
    pub async fn refresh(
        &self,
        index: &Arc<Index>,
        assets: &[Asset],
        beside: impl Fn(&Asset, &[String]) -> Beside,
        now: Timestamp,
    ) -> Result<Refreshed, RegisterError> {
        let own: Vec<Own> = self
            .statements()
            .await?
            .into_iter()
            .map(|one| one.own)
            .collect();
        let pairings = self.pairings().await?;
        let today = date(now);
        let mut known = self.known.lock().await;
        let mut refreshed = Refreshed::default();
        let mut seen = HashSet::new();
        for asset in assets {
            let name = asset.entry.name.clone();
            let (findings, summary) = matched(index, asset, own.clone(), &pairings, today).await?;
            refreshed.left_out += summary.left_out;
            known.summaries.insert(name.clone(), summary);
            let mut by_component: HashMap<String, Vec<Exposure>> = HashMap::new();
            for exposure in known.exposures.values().filter(|one| one.asset == name) {
                let of = component_key(exposure.purl.as_deref(), &exposure.component);
                by_component.entry(of).or_default().push(exposure.clone());
            }
            let (mut kept, mut proposed) = (0, 0);
            for finding in findings {
                let component = &finding.component;
                let of = component_key(component.purl.as_deref(), &component.name);
                let ids = &finding.vulnerability.ids;
                let before = by_component.get(&of).and_then(|all| {
                    let same = |one: &&Exposure| one.ids.iter().any(|id| ids.contains(id));
                    all.iter().find(same)
                });
                let id = match before {
                    Some(before) => before.id.clone(),
                    None => identifier(&name, &of, &finding.vulnerability.id),
                };
                // The same package in two versions: the graver one came first.
                if !seen.insert(id.clone()) {
                    continue;
                }
                if before.is_none() {
                    let (count, most) = if finding.proposed {
                        (&mut proposed, MOST_PROPOSED)
                    } else {
                        (&mut kept, MOST_OF_ASSET)
                    };
                    if *count >= most {
                        refreshed.left_out += 1;
                        continue;
                    }
                    *count += 1;
                }
                let own = beside(asset, ids);
                let exposure = exposure(id, asset, &finding, before, own, now);
                let moved = moved(before, &exposure);
                if let Some(moved) = moved {
                    self.exposures.put(&exposure).await?;
                    refreshed.changes.push(Change {
                        exposure: exposure.clone(),
                        moved,
                    });
                } else if before != Some(&exposure) {
                    self.exposures.put(&exposure).await?;
                }
                known.exposures.insert(exposure.id.clone(), exposure);
            }
        }
        let gone: Vec<String> = known
            .exposures
            .values()
            .filter(|one| !seen.contains(&one.id) && !one.is_closed())
            .map(|one| one.id.clone())
            .collect();
        for id in gone {
            let Some(exposure) = known.exposures.get(&id) else {
                continue;
            };
            let asset = assets.iter().find(|one| one.entry.name == exposure.asset);
            let checkable = asset.is_some_and(|asset| beside(asset, &exposure.ids).checkable);
            if matches!(exposure.state, State::Unproven { .. }) && checkable {
                continue;
            }
            let why = why_gone(exposure, asset);
            let mut now_is = exposure.clone();
            now_is.changed_at = now;
            // What was never known to be true needs no proof that it is over.
            let prove =
                exposure.is_open() && !matches!(why, Why::Sources | Why::AssetGone) && checkable;
            let moved = if prove {
                now_is.state = State::Unproven { why, at: now };
                Moved::Unproven
            } else {
                now_is.state = State::Closed { why, at: now };
                Moved::Closed
            };
            self.exposures.put(&now_is).await?;
            refreshed.changes.push(Change {
                exposure: now_is.clone(),
                moved,
            });
            known.exposures.insert(id, now_is);
        }
        self.forget(&mut known, now).await?;
        refreshed.changes.sort_by_key(|change| {
            let late = matches!(
                change.moved,
                Moved::Closed | Moved::Milder(_) | Moved::Suppressed | Moved::Doubted
            );
            (late, std::cmp::Reverse(change.exposure.what))
        });
        Ok(refreshed)
    }

    /// Writes down what a check came to. One that says that the hole is shut ends what only waited for it.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn checked(
        &self,
        id: &str,
        outcome: CheckOutcome,
    ) -> Result<Option<Change>, RegisterError> {
        self.change(id, |exposure| {
            exposure.changed_at = outcome.at;
            let shut = outcome.exposed == Some(false);
            exposure.check = Some(outcome.clone());
            match &exposure.state {
                State::Unproven { why, .. } if shut => {
                    exposure.state = State::Closed {
                        why: why.clone(),
                        at: outcome.at,
                    };
                    Some(Moved::Closed)
                }
                _ => None,
            }
        })
        .await
    }

    /// Ties an exposure to the case that it opened.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn opened(&self, id: &str, incident: IncidentId) -> Result<(), RegisterError> {
        self.change(id, |exposure| {
            exposure.incident = Some(incident);
            None
        })
        .await?;
        Ok(())
    }

    async fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Exposure) -> Option<Moved>,
    ) -> Result<Option<Change>, RegisterError> {
        let mut known = self.known.lock().await;
        let Some(before) = known.exposures.get(id) else {
            return Err(RegisterError::NoSuch(id.to_owned()));
        };
        let mut exposure = before.clone();
        let moved = change(&mut exposure);
        self.exposures.put(&exposure).await?;
        known.exposures.insert(id.to_owned(), exposure.clone());
        Ok(moved.map(|moved| Change { exposure, moved }))
    }

    async fn forget(&self, known: &mut Known, now: Timestamp) -> Result<(), RegisterError> {
        let old = |one: &Exposure| match one.state {
            State::Closed { at, .. } => now.millis_since(at) > OVER_MS,
            _ => false,
        };
        let old: Vec<String> = known
            .exposures
            .values()
            .filter(|one| old(one))
            .map(|one| one.id.clone())
            .collect();
        for id in old {
            self.exposures.remove(&id).await?;
            known.exposures.remove(&id);
        }
        Ok(())
    }
}

async fn matched(
    index: &Arc<Index>,
    asset: &Asset,
    own: Vec<Own>,
    pairings: &[Pairing],
    today: Option<Date>,
) -> Result<(Vec<Finding>, Summary), RegisterError> {
    let options = Options {
        asset: asset.place(),
        own,
        pairs: pairings
            .iter()
            .filter(|one| {
                let on = one.asset.as_ref();
                on.is_none_or(|name| *name == asset.entry.name)
            })
            .map(|one| one.pair.clone())
            .collect(),
        today,
        // Suppressed ones and proposals are wanted, too.
        most: 10 * MOST_OF_ASSET,
        ..Options::default()
    };
    let (index, inventory) = (Arc::clone(index), asset.inventory.clone());
    let matching = move || match_inventory(&index, &inventory, &options);
    let report = tokio::task::spawn_blocking(matching)
        .await
        .map_err(|cause| RegisterError::Matching(cause.to_string()))??;
    Ok((report.findings, report.summary))
}

/// The component, whatever its version.
fn component_key(purl: Option<&str>, name: &str) -> String {
    match purl {
        Some(purl) => without_version(purl).to_owned(),
        None => name.to_lowercase(),
    }
}

/// A purl up to its version.
pub fn without_version(purl: &str) -> &str {
    let end = purl.find(['?', '#']).unwrap_or(purl.len());
    let plain = purl.get(..end).unwrap_or(purl);
    // A scope of npm may stand unescaped, before the last slash.
    let version = plain
        .rfind('@')
        .filter(|at| *at > plain.rfind('/').unwrap_or(0));
    plain.get(..version.unwrap_or(plain.len())).unwrap_or(plain)
}

/// Short, and the same for the same three.
pub(super) fn identifier(asset: &str, component: &str, vulnerability: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    for part in [asset, component, vulnerability] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn exposure(
    id: String,
    asset: &Asset,
    finding: &Finding,
    before: Option<&Exposure>,
    own: Beside,
    now: Timestamp,
) -> Exposure {
    let was_seen = before.and_then(|one| one.seen_at);
    let seen_at = was_seen.or_else(|| own.seen.then_some(now));
    let decision = decision(finding, own.exploit, seen_at.is_some());
    let decision = decision.as_ref();
    let vulnerability = &finding.vulnerability;
    let state = match &finding.suppressed {
        Some(suppressed) => State::Suppressed {
            by: suppressed.by.clone(),
            reason: suppressed.reason.clone(),
            until: suppressed.until.map(|day| day.to_string()),
        },
        None => State::Open,
    };
    let was_open = before.is_some_and(|one| !one.is_closed());
    let class_at = match before {
        Some(before) if was_open && before.what == decision.what => before.class_at,
        _ => now,
    };
    let due = decision
        .due
        .map(|days| class_at.plus_millis(i64::from(days) * DAY_MS));
    let due_at = match before {
        // Worse news never gives a later date.
        Some(before) if was_open && decision.what > before.what => match (due, before.due_at) {
            (Some(new), Some(old)) => Some(new.min(old)),
            (new, old) => new.or(old),
        },
        _ => due,
    };
    let said = &finding.decided_by;
    let because = said.verdict.because.sentence();
    let (source, record) = (said.source.name(), &said.record);
    let mut scores: Vec<String> = vulnerability
        .scores
        .iter()
        .map(|one| {
            let who = if one.giver.is_empty() {
                one.source.name()
            } else {
                &one.giver
            };
            format!("CVSS {} {:.1} ({who})", one.version, one.base)
        })
        .collect();
    if let Some(epss) = &vulnerability.epss {
        scores.push(format!("EPSS {:.3} ({})", epss.probability, epss.model));
    }
    if vulnerability.kev.is_some() {
        scores.push("KEV".to_owned());
    }
    for (source, _, word) in &vulnerability.sources {
        scores.extend(
            word.as_ref()
                .map(|word| format!("{} {word}", source.name())),
        );
    }
    let mut exposure = Exposure {
        id,
        asset: asset.entry.name.clone(),
        tenant: asset.entry.tenant.clone(),
        vulnerability: vulnerability.id.clone(),
        ids: vulnerability.ids.clone(),
        title: vulnerability.title.clone(),
        component: finding.component.name.clone(),
        version: finding.component.version.clone(),
        purl: finding.component.purl.clone(),
        places: finding.component.places.clone(),
        status: finding.status,
        proposed: finding.proposed,
        matched: Some(finding.identity),
        product: said.product.as_str().to_owned(),
        because: Text::new(
            format!("{source} {record}（{}）：{}", said.product, because.zh),
            format!("{source} {record} ({}): {}", said.product, because.en),
        ),
        record: format!("{source} {record}"),
        what: decision.what,
        due_at,
        forensics: decision.forensics,
        row: row(decision),
        reasons: decision.reasons.iter().map(text).collect(),
        would_change: decision.would_change.iter().map(would_change).collect(),
        fixed: finding.fixed.clone(),
        scores,
        disagreements: vulnerability
            .disagreements
            .iter()
            .chain(finding.disagreement.as_deref())
            .map(disagreement)
            .collect(),
        first_at: before.map_or(now, |one| one.first_at),
        changed_at: now,
        class_at,
        state,
        incident: before.and_then(|one| one.incident),
        check: before.and_then(|one| one.check.clone()),
        seen_at,
    };
    if let Some(before) = before
        && (Exposure {
            changed_at: before.changed_at,
            ..exposure.clone()
        }) == *before
    {
        exposure.changed_at = before.changed_at;
    }
    exposure
}

/// The decision, with what the guard itself knows.
fn decision(finding: &Finding, exploit: bool, seen: bool) -> Cow<'_, Decision> {
    let facts = &finding.decided.facts;
    let mut more = facts.clone();
    more.seen_here |= seen;
    if exploit {
        more.exploitation = more.exploitation.max(Some(Exploitation::Poc));
    }
    if more == *facts {
        Cow::Borrowed(&finding.decided.decision)
    } else {
        Cow::Owned(decide(&more))
    }
}

fn row(decision: &Decision) -> Text {
    let row = &decision.row;
    let inputs = |inputs: &str| {
        if inputs.is_empty() {
            String::new()
        } else {
            format!(" ({inputs})")
        }
    };
    Text::new(
        format!(
            "{} 第 {} 行{}：{}",
            row.table,
            row.number,
            inputs(&row.inputs_zh),
            row.action_zh
        ),
        format!(
            "{}, row {}{}: {}",
            row.table,
            row.number,
            inputs(&row.inputs),
            row.action
        ),
    )
}

fn would_change(change: &hudun_advisory::decide::Change) -> Text {
    let (field_zh, field_en) = change.field.names();
    let (zh, en) = class_words(change.what);
    Text::new(
        format!("若{field_zh}为“{}”：{zh}", value_zh(change.value)),
        format!("If {field_en} were \"{}\": {en}", change.value),
    )
}

/// A value of a decision's field in Chinese; numbers and names stay.
fn value_zh(value: &str) -> &str {
    match value {
        "yes" => "是",
        "no" => "否",
        "none" => "无",
        "poc" => "方法已公开",
        "active" => "正被利用",
        "partial" => "部分",
        "total" => "全部",
        "internal" => "内网",
        "partner" => "合作方",
        "internet" => "互联网",
        "plain" => "无个人信息",
        "personal" => "个人信息",
        "sensitive" => "敏感",
        other => other,
    }
}

/// A class in words.
pub(super) const fn class_words(what: What) -> (&'static str, &'static str) {
    match what {
        What::ActNow => ("立即处理", "now"),
        What::Days => ("十四天内", "within 14 days"),
        What::Scheduled => ("六十天内", "within 60 days"),
        What::Watch => ("下次升级", "with the next upgrade"),
    }
}

fn disagreement(one: &hudun_advisory::matching::Disagreement) -> Text {
    let said: Vec<String> = one
        .said
        .iter()
        .map(|(who, what)| format!("{who}: {what}"))
        .collect();
    Text::new(said.join("；"), said.join("; "))
}

fn text(sentence: &Sentence) -> Text {
    Text::new(sentence.zh.clone(), sentence.en.clone())
}

fn moved(before: Option<&Exposure>, now: &Exposure) -> Option<Moved> {
    let open = now.state == State::Open;
    let Some(before) = before else {
        return Some(if open {
            Moved::Appeared
        } else {
            Moved::Suppressed
        });
    };
    let was_open = matches!(before.state, State::Open | State::Unproven { .. });
    match (was_open, open) {
        (false, true) => Some(Moved::Returned),
        (true, false) => Some(Moved::Suppressed),
        (true, true) if before.proposed && !now.proposed => Some(Moved::Returned),
        (true, true) if !before.proposed && now.proposed => Some(Moved::Doubted),
        (true, true) if matches!(before.state, State::Unproven { .. }) => Some(Moved::Returned),
        (true, true) if now.what > before.what => Some(Moved::Graver(before.what)),
        (true, true) if now.what < before.what => Some(Moved::Milder(before.what)),
        _ => None,
    }
}

/// Why an exposure is not found any more.
fn why_gone(exposure: &Exposure, asset: Option<&Asset>) -> Why {
    let Some(asset) = asset else {
        return Why::AssetGone;
    };
    let of = component_key(exposure.purl.as_deref(), &exposure.component);
    let mut same = asset
        .inventory
        .components
        .iter()
        .filter(|one| component_key(one.purl.as_deref(), &one.name) == of)
        .peekable();
    if same.peek().is_none() {
        return Why::ComponentGone;
    }
    match same.find(|one| one.version != exposure.version) {
        Some(other) => Why::Version {
            from: exposure.version.clone(),
            to: other.version.clone(),
        },
        None => Why::Sources,
    }
}

fn date(now: Timestamp) -> Option<Date> {
    let at = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_datetime(at).date())
}

/// Why the register could not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index was damaged.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Matching ended unexpectedly.
    #[error("matching ended: {0}")]
    Matching(String),
    /// There is no room for another confirmed name.
    #[error(
        "10,000 confirmed names are kept already; take back those that are not needed any more"
    )]
    ManyPairings,
    /// There is no such exposure.
    #[error("there is no exposure {0}")]
    NoSuch(String),
}
