//! The inspection and what outlives a restart about it: exceptions, the last days' stops, what parameters look like, a way back
//! to an earlier rule set.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hudun_core::{RouteId, Timestamp};
use hudun_gateway::{AuditLog, StopDay, Stops, Waf};
use hudun_profile::Profile;
use hudun_seclang::{Fixed, Parameters, RuleSet};
use hudun_store::{Collection, Keyed, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::exceptions::KeptException;
use super::force::{name, options, settings};
use super::source::RuleSource;
use crate::config::InspectionPart;

/// What was seen since is lost in a crash.
const WRITE: Duration = Duration::from_secs(10);
const PARENT: &str = "inspection";

/// The inspection and what people changed about it.
pub struct Inspection {
    /// The inline part.
    pub waf: Arc<Waf>,
    pub(super) profile: Arc<Profile>,
    pub(super) kept: Collection<KeptException>,
    days: Collection<KeptDay>,
    routes: Collection<KeptRoute>,
    rolled: Collection<RolledBack>,
    shelf: Mutex<Shelf>,
    /// One change at a time.
    pub(super) turn: tokio::sync::Mutex<()>,
}

/// What the rule sets at hand were made from, by version.
#[derive(Default)]
struct Shelf {
    sources: HashMap<u64, Arc<RuleSource>>,
    now: u64,
    before: Option<u64>,
    /// Of the set that the folder held when it was last read.
    folder: String,
}

/// The stops of one day, written down.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct KeptDay(StopDay);

impl Keyed for KeptDay {
    const COLLECTION: &'static str = "inspection-stops";

    fn id(&self) -> String {
        self.0.day.to_string()
    }

    fn parent(&self) -> String {
        PARENT.to_owned()
    }

    fn at(&self) -> i64 {
        self.0.day
    }
}

/// What is known of a route's parameters, written down.
#[derive(Serialize, Deserialize)]
struct KeptRoute {
    route: RouteId,
    parameters: Parameters,
}

impl Keyed for KeptRoute {
    const COLLECTION: &'static str = "inspection-parameters";

    fn id(&self) -> String {
        self.route.to_string()
    }

    fn parent(&self) -> String {
        PARENT.to_owned()
    }
}

/// A person went back to an earlier set; it stays in force until the folder holds other rules than those they left.
#[derive(Serialize, Deserialize)]
struct RolledBack {
    /// Digest of the set that was left.
    away: String,
    /// What it was called that came back.
    name: String,
    /// What that was made from.
    to: RuleSource,
}

impl Keyed for RolledBack {
    const COLLECTION: &'static str = "inspection-rolled-back";

    fn id(&self) -> String {
        PARENT.to_owned()
    }
}

impl Inspection {
    /// The inspection as the configuration and the profile say, with what an earlier process knew; none when it is off
    /// everywhere.
    ///
    /// # Errors
    /// When the rules can't be loaded: a gateway that was told to inspect does not start without. When the audit log can't be
    /// opened, or state can't be read.
    pub async fn start(
        part: &InspectionPart,
        profile: &Arc<Profile>,
        store: &Store,
    ) -> anyhow::Result<Option<Self>> {
        let Some(settings) = settings(part, profile)? else {
            return Ok(None);
        };
        let began = Instant::now();
        let (rules, source) = super::read(&options(part)).context("gateway.inspection.rules")?;
        let took = began.elapsed();
        tracing::info!(
            rules = rules.len(),
            ms = took.as_millis() as u64,
            name = name(part),
            "rules of the inspection are in force"
        );
        let mut waf = Waf::new(rules, name(part), took, settings, None);
        if let Some(audit) = &part.audit {
            let log =
                AuditLog::open(&audit.file, audit.format, audit.values).with_context(|| {
                    format!(
                        "gateway.inspection.audit.file: {} can't be written",
                        audit.file.display()
                    )
                })?;
            waf = waf.audited(log);
        }
        let inspection = Self::open(Arc::new(waf), Arc::clone(profile), store).await?;
        inspection.shelve(1, source, true);
        inspection.stay_back().await?;
        Ok(Some(inspection))
    }

    /// With what an earlier process knew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(
        waf: Arc<Waf>,
        profile: Arc<Profile>,
        store: &Store,
    ) -> Result<Self, StoreError> {
        let inspection = Self {
            waf,
            profile,
            kept: store.collection(),
            days: store.collection(),
            routes: store.collection(),
            rolled: store.collection(),
            shelf: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        };
        inspection.enforce().await?;
        let first = Stops::first_day(Timestamp::now());
        for KeptDay(day) in inspection.days.of(PARENT).await? {
            if day.day < first {
                inspection.days.remove(&day.day.to_string()).await?;
            } else {
                inspection.waf.stops.restore(day);
            }
        }
        for kept in inspection.routes.of(PARENT).await? {
            let usuals = &inspection.waf.usuals;
            usuals.change(&kept.route, |known| *known = kept.parameters);
        }
        inspection.waf.usuals.touched();
        Ok(inspection)
    }

    /// Puts another set of the folder in force. Returns its version.
    ///
    /// # Errors
    /// [`StoreError`]; the set is in force then, and a way back taken earlier may come again with the next start.
    pub(super) async fn swap(
        &self,
        (rules, source): (RuleSet, RuleSource),
        name: &str,
        took: Duration,
    ) -> Result<u64, StoreError> {
        let _turn = self.turn.lock().await;
        let version = self.waf.swap(rules, name, took);
        self.shelve(version, source, true);
        self.rolled.remove(PARENT).await?;
        Ok(version)
    }

    /// Goes back to the set before, or forward again. Returns the version in force; none when there is nothing to go back to.
    ///
    /// # Errors
    /// [`StoreError`]; the set is in force then, and not after the next start.
    pub async fn roll_back(&self) -> Result<Option<u64>, StoreError> {
        let _turn = self.turn.lock().await;
        let Some(version) = self.waf.roll_back() else {
            return Ok(None);
        };
        let (away, to) = {
            let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
            shelf.before = Some(std::mem::replace(&mut shelf.now, version));
            (shelf.folder.clone(), shelf.sources.get(&version).cloned())
        };
        match to {
            Some(to) if to.digest() != away => {
                let name = self.waf.current().name.clone();
                let to = RuleSource::clone(&to);
                self.rolled.put(&RolledBack { away, name, to }).await?;
            }
            _ => {
                self.rolled.remove(PARENT).await?;
            }
        }
        Ok(Some(version))
    }

    /// Where a person went back before the restart, and the folder still holds what they left, the earlier set comes back.
    async fn stay_back(&self) -> anyhow::Result<()> {
        let Some(rolled) = self.rolled.get(PARENT).await? else {
            return Ok(());
        };
        let folder = {
            let shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
            shelf.folder.clone()
        };
        if rolled.away != folder {
            tracing::info!(
                "the rules' folder has changed since somebody went back; its rules are in force"
            );
            self.rolled.remove(PARENT).await?;
            return Ok(());
        }
        let began = Instant::now();
        let rules = match rolled.to.rules() {
            Ok(rules) => rules,
            Err(error) => {
                // Better guarded by the folder's rules than not at all.
                tracing::error!(%error, rules = rolled.name, "the rule set that somebody went back to can't be made again; the folder's rules are in force");
                self.rolled.remove(PARENT).await?;
                return Ok(());
            }
        };
        let version = self.waf.swap(rules, rolled.name.as_str(), began.elapsed());
        self.shelve(version, rolled.to, false);
        tracing::warn!(
            rules = rolled.name,
            "an earlier rule set is in force, since somebody went back to it; change the folder or go forward in the console"
        );
        Ok(())
    }

    fn shelve(&self, version: u64, source: RuleSource, of_folder: bool) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if of_folder {
            shelf.folder = source.digest();
        }
        shelf.sources.insert(version, Arc::new(source));
        if version > 1 {
            shelf.before = Some(shelf.now);
        }
        shelf.now = version;
        let (now, before) = (shelf.now, shelf.before);
        shelf
            .sources
            .retain(|version, _| *version == now || Some(*version) == before);
    }

    /// A route of the profile.
    pub fn route(&self, id: &str) -> Option<RouteId> {
        let routes = &self.profile.routes;
        let known = routes.iter().find(|route| route.id.as_str() == id);
        known.map(|route| route.id.clone())
    }

    /// What a person decides about a parameter; none lets it be learned again. False when it can't be remembered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fix(
        &self,
        route: &RouteId,
        parameter: &str,
        fixed: Option<Fixed>,
    ) -> Result<bool, StoreError> {
        let fits = self
            .waf
            .usuals
            .change(route, |known| known.fix(parameter, fixed));
        self.write_down().await?;
        Ok(fits)
    }

    /// Forgets what was learned of a parameter; false when nothing was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self, route: &RouteId, parameter: &str) -> Result<bool, StoreError> {
        let known = self
            .waf
            .usuals
            .change(route, |known| known.forget(parameter));
        self.write_down().await?;
        Ok(known)
    }

    /// Writes down what has changed since the last time.
    ///
    /// # Errors
    /// [`StoreError`]; what could not be written is written when it changes again.
    pub async fn write_down(&self) -> Result<(), StoreError> {
        for day in self.waf.stops.touched() {
            self.days.put(&KeptDay(day)).await?;
        }
        for (route, parameters) in self.waf.usuals.touched() {
            self.routes.put(&KeptRoute { route, parameters }).await?;
        }
        Ok(())
    }

    /// Writes down again and again until stopped.
    pub async fn keep_writing(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(WRITE) => {}
            }
            if let Err(error) = self.write_down().await {
                tracing::error!(%error, "what the inspection has seen could not be written down");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hudun_seclang::{Lesson, Shape, Signs};

    use super::*;
    use crate::waf::ftw::bed::PROFILE;

    fn write(folder: &Path, word: &str) {
        let rule = format!(
            "SecRuleEngine On\nSecRule ARGS \"@contains {word}\" \"id:1,phase:2,deny,severity:2,tag:'attack-sqli'\"\n"
        );
        std::fs::write(folder.join("a.conf"), rule).unwrap();
    }

    /// Which of two words the rules in force stop.
    fn stops(inspection: &Inspection) -> [bool; 2] {
        ["first", "second"].map(|word| {
            let current = inspection.waf.current();
            let start = hudun_seclang::Start::example();
            let mut transaction = hudun_seclang::Transaction::new(&current.rules, start);
            transaction.request_line(b"GET", format!("/?q={word}").as_bytes(), b"HTTP/1.1");
            transaction.request_headers_end();
            transaction.request_end().is_some()
        })
    }

    async fn started(part: &InspectionPart, store: &Store) -> Inspection {
        let profile = Arc::new(Profile::parse(PROFILE, "ftw.yaml").unwrap());
        Inspection::start(part, &profile, store)
            .await
            .unwrap()
            .unwrap()
    }

    #[tokio::test]
    async fn going_back_outlives_a_restart_until_the_folder_changes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::in_memory().await.unwrap();
        let part = InspectionPart {
            rules: Some(folder.path().to_owned()),
            ..InspectionPart::default()
        };
        write(folder.path(), "first");
        let inspection = started(&part, &store).await;
        assert_eq!(inspection.roll_back().await.unwrap(), None);
        assert_eq!(stops(&inspection), [true, false]);

        write(folder.path(), "second");
        let read = crate::waf::read(&options(&part)).unwrap();
        inspection
            .swap(read, "rules", Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(stops(&inspection), [false, true]);
        assert_eq!(inspection.roll_back().await.unwrap(), Some(1));
        assert_eq!(stops(&inspection), [true, false]);

        let again = started(&part, &store).await;
        assert_eq!(stops(&again), [true, false], "still back");
        again.roll_back().await.unwrap();
        assert_eq!(stops(&again), [false, true], "forward again");
        let again = started(&part, &store).await;
        assert_eq!(stops(&again), [false, true], "and it stays");

        // A kept set that can't be made again does not keep the guard from starting.
        let back_from = async |inspection: &Inspection, word: &str| {
            write(folder.path(), word);
            let read = crate::waf::read(&options(&part)).unwrap();
            inspection
                .swap(read, "rules", Duration::ZERO)
                .await
                .unwrap();
            inspection.roll_back().await.unwrap();
            assert_eq!(stops(inspection), [false, true]);
            inspection.rolled.get(PARENT).await.unwrap().unwrap()
        };
        let mut rolled = back_from(&again, "fourth").await;
        rolled.to = serde_json::from_value(serde_json::json!({
            "steps": [{ "file": "/nowhere.conf" }], "files": {}, "lists": {}
        }))
        .unwrap();
        again.rolled.put(&rolled).await.unwrap();
        let spoilt = started(&part, &store).await;
        assert_eq!(stops(&spoilt), [false, false], "the folder's rules");

        back_from(&again, "fifth").await;
        write(folder.path(), "third");
        let again = started(&part, &store).await;
        assert_eq!(stops(&again), [false, false], "a changed folder counts");
    }

    /// Ordinary exchanges teach, whether answers are inspected or not; those that were stopped don't.
    #[tokio::test(flavor = "multi_thread")]
    async fn ordinary_exchanges_teach_and_a_decision_is_enforced() {
        for answers in [false, true] {
            let settings = hudun_gateway::WafSettings {
                answers,
                learn: true,
                ..Default::default()
            };
            let rules = crate::waf::load(&super::super::RuleOptions::default()).unwrap();
            let bed = crate::waf::Through::set(rules, settings).await.unwrap();
            let status = async |query: &str| {
                let request = format!(
                    "GET /hudun-proof?{query} HTTP/1.1\r\nHost: scrm.example.com\r\nUser-Agent: Chrome/142.0\r\nAccept: */*\r\n\r\n"
                );
                bed.send(request.as_bytes()).await.unwrap().status
            };
            for page in 0..60 {
                assert_eq!(status(&format!("page={page}")).await, 200);
            }
            for _ in 0..60 {
                assert_eq!(status("page=1%27%20or%20%271%27%3D%271").await, 403);
            }
            let usuals = &bed.waf.usuals;
            // The lesson is taken when the client has the answer, a moment after it.
            let learned = async || {
                for _ in 0..200 {
                    let all = usuals.all();
                    if let Some((name, page)) =
                        all.first().and_then(|(_, known)| known.iter().next())
                        && page.seen == 60
                    {
                        return (name.to_owned(), page.shape());
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                panic!("sixty exchanges teach sixty values: {:?}", usuals.all());
            };
            let (name, shape) = learned().await;
            let digits = Shape {
                signs: Signs::of(b"0"),
                longest: 3,
            };
            assert_eq!((name.as_str(), shape), ("page", Some(digits)));

            let route: RouteId = "proof.search".parse().unwrap();
            assert_eq!(status("page=abc").await, 200, "odd alone is no attack");
            usuals.change(&route, |known| known.fix("page", Some(Fixed::Only(digits))));
            assert_eq!(status("page=abc").await, 403);
            assert_eq!(status("page=999").await, 200);
            assert_eq!(status("other=abc").await, 200);
            usuals.change(&route, |known| known.fix("page", None));
            assert_eq!(status("page=abc").await, 200);
        }
    }

    #[tokio::test]
    async fn what_parameters_look_like_outlives_a_restart() {
        let store = Store::in_memory().await.unwrap();
        let part = InspectionPart::default();
        let route: RouteId = "proof.search".parse().unwrap();
        let inspection = started(&part, &store).await;
        let lesson = Lesson::of([(&b"page"[..], &b"1"[..])].into_iter());
        inspection.waf.usuals.change(&route, |known| {
            for _ in 0..100 {
                known.learn(&lesson);
            }
        });
        let shape = Shape {
            signs: Signs::of(b"a1"),
            longest: 8,
        };
        assert!(
            inspection
                .fix(&route, "code", Some(Fixed::Only(shape)))
                .await
                .unwrap()
        );
        let again = started(&part, &store).await;
        assert_eq!(again.waf.usuals.all(), inspection.waf.usuals.all());
        assert!(again.forget(&route, "page").await.unwrap());
        assert!(!again.forget(&route, "page").await.unwrap());
        let again = started(&part, &store).await;
        assert_eq!(again.waf.usuals.all()[0].1.iter().count(), 1);
    }
}
