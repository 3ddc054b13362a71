//! Published vulnerabilities that are true of what we run, and what is done about them.

use hudun_advisory::decide::{DataTier, Exposure as Reach, Kind, What};
use hudun_advisory::matching::Own;
use hudun_console::{DeskError, Intelligence, api, api::Caller};
use hudun_core::{LedgerDraft, Recorder as _, Text, Timestamp};
use hudun_intel::assets::{Asset, AssetEntry, AssetError, Product};
use hudun_intel::exposures::{
    Exposure, Pairing, RegisterError, State, Statement, story, without_version,
};
use hudun_intel::subscriptions::{About, Subscription};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::{self, Got, conflict};
use crate::office::Office;

/// Exposures that are shown.
const SHOWN: usize = 1_000;
/// Hits of a subscription that are shown.
const HITS: usize = 20;

impl Office {
    pub(super) async fn exposures_view(&self) -> Got<api::ExposuresView> {
        let intel = &self.intel;
        let all = intel.known.register.all().await;
        let statements = intel.known.register.statements().await.map_err(register)?;
        let pairings = intel.known.register.pairings().await.map_err(register)?;
        let assets = intel.assets.all().await;
        let summaries = intel.known.register.summaries().await;
        let subscriptions = intel.subscriptions.all().await.map_err(error::store)?;
        let snapshot = intel.feeds.snapshots().borrow().clone();
        let asset_views = assets.iter().map(|asset| {
            let name = &asset.entry.name;
            let open = all.iter().filter(|one| one.asset == *name && one.is_open());
            let unmatchable = summaries.get(name).map_or(0, |summary| {
                summary.without_identifier + summary.without_source
            });
            asset_view(asset, open.count() as u64, unmatchable as u64)
        });
        let asset_views = asset_views.collect();
        let more = all.len().saturating_sub(SHOWN) as u64;
        let exposures = all.iter().take(SHOWN).map(|one| {
            let asset = assets.iter().find(|asset| asset.entry.name == one.asset);
            let checkable =
                asset.is_some_and(|asset| asset.entry.guarded) && intel.known.checkable(one);
            exposure_view(one, checkable, &statements, &pairings)
        });
        let exposures = exposures.collect();
        Ok(api::ExposuresView {
            exposures,
            more,
            advisories: snapshot.index.counts().records,
            feeds: intel
                .feeds
                .status()
                .into_iter()
                .map(|feed| api::FeedView {
                    format: word(&feed.format),
                    state: word(&feed.state),
                    held: feed.held.is_some(),
                    name: feed.name,
                    sentence: feed.sentence,
                    as_of: feed.as_of,
                    records: feed.records,
                    refused: feed.refused,
                })
                .collect(),
            assets: asset_views,
            pairings: pairings.into_iter().map(pairing_view).collect(),
            subscriptions: subscriptions.into_iter().map(subscription_view).collect(),
            kinds: Kind::ALL
                .iter()
                .map(|kind| api::KindName {
                    kind: word(kind),
                    name: Text::new(kind.names().0, kind.names().1),
                })
                .collect(),
        })
    }

    pub(super) async fn intelligence(&self, by: &Caller, act: Intelligence) -> Got<api::Done> {
        match act {
            Intelligence::Check(exposure) => self.check_exposure(by, &exposure).await,
            Intelligence::State(exposure, statement) => {
                self.state_exposure(by, &exposure, statement).await
            }
            Intelligence::Unstate(exposure, reason) => {
                self.unstate_exposure(by, &exposure, &reason).await
            }
            Intelligence::Confirm(exposure, reason) => {
                self.confirm_exposure(by, &exposure, reason).await
            }
            Intelligence::Unpair(pairing, reason) => self.unpair(by, &pairing, &reason).await,
            Intelligence::PutAsset(asset) => self.put_asset(by, asset).await,
            Intelligence::RemoveAsset(asset, reason) => {
                self.remove_asset(by, &asset, &reason).await
            }
            Intelligence::AcceptFeed(feed, reason) => self.accept_feed(by, feed, &reason).await,
            Intelligence::Subscribe(wanted) => self.subscribe(by, wanted).await,
            Intelligence::Unsubscribe(id) => self.unsubscribe(by, &id).await,
        }
    }

    async fn exposure(&self, id: &str) -> Got<Exposure> {
        let found = self.intel.known.register.get(id).await;
        found.ok_or(DeskError::NotFound("exposure"))
    }

    async fn check_exposure(&self, by: &Caller, id: &str) -> Got<api::Done> {
        let exposure = self.exposure(id).await?;
        let now = Timestamp::now();
        let assets = self.intel.assets.all().await;
        let guarded = assets
            .iter()
            .any(|asset| asset.entry.name == exposure.asset && asset.entry.guarded);
        let outcome = match guarded {
            true => self.intel.known.check(&exposure, now).await,
            false => None,
        };
        let outcome = outcome.ok_or_else(|| {
            conflict(
                "没有针对这个漏洞的检查：请按公告的办法核实。",
                "There is no check for this vulnerability; look at it as its advisory says.",
            )
        })?;
        let body = json!({ "exposure": exposure.id, "vulnerability": exposure.vulnerability, "asset": exposure.asset,
            "exposed": outcome.exposed, "status": outcome.status });
        self.note_exposure(by, "exposure.checked", now, body)?;
        let said = outcome.said.clone();
        let register_ = &self.intel.known.register;
        register_.checked(id, outcome).await.map_err(register)?;
        self.tell_exposures(now);
        Ok(api::Done { message: said })
    }

    async fn state_exposure(
        &self,
        by: &Caller,
        id: &str,
        wanted: api::NewStatement,
    ) -> Got<api::Done> {
        let exposure = self.exposure(id).await?;
        let until = wanted.until.parse().map_err(|_| {
            conflict(
                "截止日请写成 2026-12-31 的样子。",
                "Write the last day as 2026-12-31.",
            )
        })?;
        let now = Timestamp::now();
        // Without a version: the statement must not come back with the next upgrade.
        let component = match &exposure.purl {
            Some(purl) => without_version(purl).to_owned(),
            None => exposure.component.clone(),
        };
        let statement = Statement {
            id: uuid::Uuid::now_v7().simple().to_string(),
            own: Own {
                vulnerability: exposure.vulnerability.clone(),
                component,
                reason: wanted.reason,
                by: by.account.clone(),
                until: Some(until),
            },
            at: now,
        };
        let body = json!({ "exposure": exposure.id, "statement": statement.own });
        self.note_exposure(by, "exposure.stated", now, body)?;
        let register_ = &self.intel.known.register;
        register_.state(&statement).await.map_err(register)?;
        self.intel.wake.now();
        Ok(api::Done::new(
            "已声明影响不到，到期自动失效",
            "Stated as not reaching us; the statement ends by itself",
        ))
    }

    async fn unstate_exposure(&self, by: &Caller, id: &str, reason: &str) -> Got<api::Done> {
        let exposure = self.exposure(id).await?;
        let register_ = &self.intel.known.register;
        let all = register_.statements().await.map_err(register)?;
        let mine: Vec<&Statement> = all.iter().filter(|one| is_of(one, &exposure)).collect();
        if mine.is_empty() {
            return Err(DeskError::NotFound("statement"));
        }
        let now = Timestamp::now();
        let named: Vec<&Own> = mine.iter().map(|one| &one.own).collect();
        let body = json!({ "exposure": exposure.id, "statements": named, "reason": reason });
        self.note_exposure(by, "exposure.unstated", now, body)?;
        for one in mine {
            register_.unstate(&one.id).await.map_err(register)?;
        }
        self.intel.wake.now();
        Ok(api::Done::new("声明已撤回", "The statement is taken back"))
    }

    async fn confirm_exposure(&self, by: &Caller, id: &str, reason: String) -> Got<api::Done> {
        let exposure = self.exposure(id).await?;
        if !exposure.proposed || exposure.is_closed() || exposure.product.is_empty() {
            return Err(conflict(
                "它不是待认领的：没有要确认的名字。",
                "It is not a proposal: there is no name to confirm.",
            ));
        }
        let now = Timestamp::now();
        let pairing = Pairing::of(&exposure, by.account.clone(), reason, now);
        let body = json!({ "exposure": exposure.id, "vulnerability": exposure.vulnerability, "record": exposure.record,
            "asset": exposure.asset, "pairing": pairing });
        self.note_exposure(by, "exposure.confirmed", now, body)?;
        let register_ = &self.intel.known.register;
        register_.pair(&pairing).await.map_err(register)?;
        self.intel.wake.now();
        Ok(api::Done::new(
            "已确认是同一产品；同名的公告从现在起都算数",
            "Confirmed as the same product; advisories under that name count from now on",
        ))
    }

    async fn unpair(&self, by: &Caller, id: &str, reason: &str) -> Got<api::Done> {
        let register_ = &self.intel.known.register;
        let all = register_.pairings().await.map_err(register)?;
        let pairing = all.iter().find(|one| one.id == id);
        let pairing = pairing.ok_or(DeskError::NotFound("pairing"))?;
        let now = Timestamp::now();
        let body = json!({ "pairing": pairing, "reason": reason });
        self.note_exposure(by, "exposure.unconfirmed", now, body)?;
        register_.unpair(id).await.map_err(register)?;
        self.intel.wake.now();
        self.tell_exposures(now);
        Ok(api::Done::new(
            "确认已撤回：靠它成立的又成了待认领",
            "The name is not confirmed any more: what rests on it is a proposal again",
        ))
    }

    async fn put_asset(&self, by: &Caller, wanted: api::NewAsset) -> Got<api::Done> {
        let entry = AssetEntry {
            name: wanted.name,
            tenant: None,
            owner: wanted.owner,
            exposure: choice::<Reach>("exposure", wanted.exposure)?,
            data: choice::<DataTier>("data", wanted.data)?,
            product: Some(Product {
                name: wanted.product,
                version: filled(wanted.version),
                purl: filled(wanted.purl),
                cpe: filled(wanted.cpe),
            }),
            sbom: Vec::new(),
            distro: None,
            guarded: false,
        };
        entry.check().map_err(asset)?;
        let now = Timestamp::now();
        self.note_exposure(by, "asset.entered", now, json!({ "asset": entry }))?;
        let new = self.intel.assets.put(entry, now).await.map_err(asset)?;
        self.intel.wake.now();
        self.tell_exposures(now);
        Ok(if new {
            api::Done::new("资产已登记", "The asset is entered")
        } else {
            api::Done::new("资产已更改", "The asset is changed")
        })
    }

    async fn remove_asset(&self, by: &Caller, name: &str, reason: &str) -> Got<api::Done> {
        let now = Timestamp::now();
        if !self.intel.assets.remove(name).await.map_err(asset)? {
            return Err(DeskError::NotFound("asset"));
        }
        let body = json!({ "asset": name, "reason": reason });
        self.note_exposure(by, "asset.removed", now, body)?;
        self.intel.wake.now();
        self.tell_exposures(now);
        Ok(api::Done::new("资产已移除", "The asset is taken out"))
    }

    async fn accept_feed(&self, by: &Caller, feed: String, reason: &str) -> Got<api::Done> {
        let now = Timestamp::now();
        let body = json!({ "feed": feed, "reason": reason });
        self.note_exposure(by, "feed.accepted", now, body)?;
        let feeds = std::sync::Arc::clone(&self.intel.feeds);
        let accepted = tokio::task::spawn_blocking(move || feeds.accept(&feed)).await;
        let accepted = accepted.map_err(|cause| DeskError::Internal(cause.to_string()))?;
        let records = accepted.map_err(|cause| {
            conflict(
                format!("没有接收：{cause}"),
                format!("It was not taken: {cause}"),
            )
        })?;
        self.tell_exposures(now);
        Ok(api::Done::new(
            format!("已接收，现有 {records} 条"),
            format!("It is taken: {records} records count now"),
        ))
    }

    async fn subscribe(&self, by: &Caller, wanted: api::NewSubscription) -> Got<api::Done> {
        let text = wanted.text.trim().to_owned();
        let about = match wanted.about.as_str() {
            "product" => About::Product(text),
            "words" => About::Words(text),
            "kind" => match choice::<Kind>("text", Some(text))? {
                Some(kind) => About::Kind(kind),
                None => return Err(DeskError::NotFound("kind")),
            },
            other => {
                return Err(conflict(
                    format!("没有 {other} 这种订阅。"),
                    format!("{other:?} can't be subscribed to: product, words or kind."),
                ));
            }
        };
        let now = Timestamp::now();
        let subscription = Subscription {
            id: uuid::Uuid::now_v7().simple().to_string(),
            by: by.account.clone(),
            about,
            at: now,
            hits: Vec::new(),
            told_to: None,
        };
        let body = json!({ "subscription": subscription.id, "about": subscription.about });
        self.note_exposure(by, "subscription.made", now, body)?;
        let added = self.intel.subscriptions.add(&subscription).await;
        if !added.map_err(error::store)? {
            return Err(conflict(
                "订阅已满，请先撤掉一些。",
                "There are too many subscriptions; end some first.",
            ));
        }
        self.tell_exposures(now);
        Ok(api::Done::new("已订阅", "Subscribed"))
    }

    async fn unsubscribe(&self, by: &Caller, id: &str) -> Got<api::Done> {
        let all = self.intel.subscriptions.all().await.map_err(error::store)?;
        let one = all.iter().find(|one| one.id == id);
        let one = one.ok_or(DeskError::NotFound("subscription"))?;
        let leads = [api::Role::Commander, api::Role::Security];
        if one.by != by.account && !by.roles.iter().any(|role| leads.contains(role)) {
            return Err(conflict(
                "这是别人的订阅。",
                "This subscription is somebody else's.",
            ));
        }
        let now = Timestamp::now();
        self.note_exposure(by, "subscription.ended", now, json!({ "subscription": id }))?;
        self.intel
            .subscriptions
            .remove(id)
            .await
            .map_err(error::store)?;
        self.tell_exposures(now);
        Ok(api::Done::new("订阅已撤销", "The subscription is ended"))
    }

    fn tell_exposures(&self, now: Timestamp) {
        self.live.publish(now, api::Happening::Exposures);
    }

    fn note_exposure(&self, by: &Caller, kind: &str, at: Timestamp, body: Value) -> Got<()> {
        let draft = LedgerDraft {
            at,
            tenant: None,
            incident: None,
            by: by.account.clone(),
            kind: kind.to_owned(),
            body,
        };
        self.ledger.record(draft).map_err(error::record)?;
        Ok(())
    }
}

fn exposure_view(
    one: &Exposure,
    checkable: bool,
    statements: &[Statement],
    pairings: &[Pairing],
) -> api::ExposureView {
    let state = match &one.state {
        State::Open if one.proposed => "proposed",
        State::Open => "open",
        State::Suppressed { .. } => "suppressed",
        State::Unproven { .. } => "unproven",
        State::Closed { .. } => "closed",
    };
    let statement = statements.iter().find(|statement| is_of(statement, one));
    api::ExposureView {
        id: one.id.clone(),
        asset: one.asset.clone(),
        vulnerability: one.vulnerability.clone(),
        ids: one.ids.clone(),
        title: one.title.clone(),
        component: one.component.clone(),
        version: one.version.clone(),
        places: one.places.clone(),
        state: state.to_owned(),
        matched: one.matched.as_ref().map(word).unwrap_or_default(),
        product: one.product.clone(),
        pairing: pairings
            .iter()
            .find(|pairing| pairing.is_of(one))
            .map(|pairing| pairing.id.clone()),
        unknown: one.status == hudun_advisory::Status::Unknown,
        what: word(&one.what),
        due_at: one.due_at.filter(|_| one.what != What::Watch),
        story: story(one).to_vec(),
        because: one.because.clone(),
        row: one.row.clone(),
        reasons: one.reasons.clone(),
        would_change: one.would_change.clone(),
        scores: one.scores.clone(),
        disagreements: one.disagreements.clone(),
        checkable,
        incident: one.incident,
        first_at: one.first_at,
        statement: statement.map(|one| one.id.clone()),
    }
}

/// Whether a statement is of an exposure: of one of its numbers and its component.
fn is_of(statement: &Statement, exposure: &Exposure) -> bool {
    let own = &statement.own;
    let component = match &exposure.purl {
        Some(purl) => without_version(purl),
        None => &exposure.component,
    };
    exposure
        .ids
        .iter()
        .any(|id| id.eq_ignore_ascii_case(&own.vulnerability))
        && (own.component == component || own.component == exposure.component)
}

fn pairing_view(one: Pairing) -> api::PairingView {
    api::PairingView {
        id: one.id,
        product: one.pair.product,
        component: one.pair.component,
        asset: one.asset,
        by: one.by,
        reason: one.reason,
        at: one.at,
    }
}

fn asset_view(asset: &Asset, open: u64, unmatchable: u64) -> api::AssetView {
    let entry = &asset.entry;
    api::AssetView {
        name: entry.name.clone(),
        owner: entry.owner.clone(),
        product: entry.product.as_ref().map(|product| product.name.clone()),
        version: asset.version().map(str::to_owned),
        seen: asset.runs.is_some(),
        exposure: entry.exposure.as_ref().map(word),
        data: entry.data.as_ref().map(word),
        components: asset.inventory.components.len() as u64,
        unmatchable,
        open,
        by_hand: asset.by_hand,
        unread: asset
            .unread
            .iter()
            .map(|(path, cause)| format!("{}: {cause}", path.display()))
            .collect(),
    }
}

fn subscription_view(one: Subscription) -> api::SubscriptionView {
    let (about, text) = match one.about {
        About::Product(text) => ("product", text),
        About::Words(text) => ("words", text),
        About::Kind(kind) => ("kind", word(&kind)),
    };
    api::SubscriptionView {
        id: one.id,
        by: one.by,
        about: about.to_owned(),
        text,
        hits: one
            .hits
            .into_iter()
            .take(HITS)
            .map(|hit| api::HitView {
                record: hit.record,
                title: hit.title,
                at: hit.at,
            })
            .collect(),
    }
}

/// The short name that a value goes by in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A value by its short name.
fn choice<T: DeserializeOwned>(field: &'static str, text: Option<String>) -> Got<Option<T>> {
    let Some(text) = filled(text) else {
        return Ok(None);
    };
    let known = serde_json::from_value(Value::String(text.clone()));
    known.map(Some).map_err(|_| {
        conflict(
            format!("{field} 不能是 {text}。"),
            format!("{field} can't be {text:?}."),
        )
    })
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

fn register(cause: RegisterError) -> DeskError {
    match cause {
        RegisterError::Store(cause) => error::store(cause),
        RegisterError::NoSuch(_) => DeskError::NotFound("exposure"),
        RegisterError::ManyPairings => conflict(
            "已确认的名字太多（上限一万），请先撤掉不再需要的。",
            "Too many names are confirmed (10,000 at most); take back those that are not needed any more.",
        ),
        other => DeskError::Internal(other.to_string()),
    }
}

fn asset(cause: AssetError) -> DeskError {
    match cause {
        AssetError::Store(cause) => error::store(cause),
        AssetError::Configured(name) => conflict(
            format!("资产 {name} 写在配置里，请在那里改。"),
            format!("The asset {name} is written in the configuration; change it there."),
        ),
        other => conflict(
            format!("资产没有登记：{other}"),
            format!("The asset is not entered: {other}"),
        ),
    }
}
