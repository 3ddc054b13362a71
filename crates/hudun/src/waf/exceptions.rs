//! Exceptions that people make in the console: this rule, for this parameter, on this route.

use hudun_core::Timestamp;
use hudun_gateway::RuleException;
use hudun_seclang::RuleSet;
use hudun_store::{Keyed, StoreError};
use serde::{Deserialize, Serialize};

use super::Inspection;
use super::prove::let_through;

/// Exceptions of people that may be in force at once. More is a sign that a rule should be set otherwise.
const MOST: usize = 200;

/// An exception in force, with who answers for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptException {
    /// Its identifier.
    pub id: String,
    /// What it excepts.
    pub exception: RuleException,
    /// Who made it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Keyed for KeptException {
    const COLLECTION: &'static str = "inspection-exception";

    fn id(&self) -> String {
        self.id.clone()
    }

    fn parent(&self) -> String {
        "inspection".to_owned()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

/// What an exception would let pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Stops of the last days on the route that name the rule and the place.
    pub stops: u64,
    /// Those in which no other rule matched.
    pub alone: u64,
    /// Attacks of the proof tried in the parameter.
    pub tried: u64,
    /// Those that would pass and are stopped now.
    pub attacks: Vec<String>,
}

impl Inspection {
    /// The exceptions that people made, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept(&self) -> Result<Vec<KeptException>, StoreError> {
        self.kept.of("inspection").await
    }

    /// What an exception would let pass, as far as it is known: of the last days' stops, and of the attacks of the proof in this
    /// parameter.
    ///
    /// # Errors
    /// [`ExceptionError`] when rule, route or place don't exist.
    pub fn preview(
        &self,
        rule: u64,
        place: &str,
        route: &str,
    ) -> Result<(RuleException, Preview), ExceptionError> {
        let rules = self.waf.current();
        let exception = self.exception(&rules.rules, rule, place, route)?;
        let mut preview = Preview::default();
        for stop in self.waf.stops.all() {
            let named = |(id, at): &(u64, String)| *id == rule && at == place;
            if stop.route.as_str() == route && stop.rules.iter().any(named) {
                preview.stops += stop.count;
                if stop.rules.iter().all(named) {
                    preview.alone += stop.count;
                }
            }
        }
        let judging = self.waf.settings().judging;
        (preview.tried, preview.attacks) = let_through(&rules.rules, judging, rule, place)
            .map_err(|cause| ExceptionError::Place(place.to_owned(), cause.to_string()))?;
        Ok((exception, preview))
    }

    /// Keeps an exception and puts it in force.
    ///
    /// # Errors
    /// [`ExceptionError`]; nothing is changed then.
    pub async fn add(&self, kept: KeptException) -> Result<(), ExceptionError> {
        let _turn = self.turn.lock().await;
        let all = self.kept().await?;
        if all.iter().any(|one| one.exception == kept.exception) {
            return Err(ExceptionError::Known);
        }
        if all.len() >= MOST {
            return Err(ExceptionError::TooMany(MOST));
        }
        self.kept.put(&kept).await?;
        self.enforce().await?;
        Ok(())
    }

    /// Takes one back; `None` when there is none of this name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, id: &str) -> Result<Option<KeptException>, StoreError> {
        let _turn = self.turn.lock().await;
        let Some(kept) = self.kept.get(id).await? else {
            return Ok(None);
        };
        self.kept.remove(id).await?;
        self.enforce().await?;
        Ok(Some(kept))
    }

    pub(super) async fn enforce(&self) -> Result<(), StoreError> {
        let kept = self.kept().await?;
        let exceptions = kept.into_iter().map(|one| one.exception).collect();
        self.waf.except(exceptions);
        Ok(())
    }

    fn exception(
        &self,
        rules: &RuleSet,
        rule: u64,
        place: &str,
        route: &str,
    ) -> Result<RuleException, ExceptionError> {
        match rules.exception(rule, Some(place)) {
            Ok(Some(_)) => {}
            Ok(None) => return Err(ExceptionError::NoRule(rule)),
            Err(cause) => return Err(ExceptionError::Place(place.to_owned(), cause.to_string())),
        }
        let route = self
            .route(route)
            .ok_or_else(|| ExceptionError::NoRoute(route.to_owned()))?;
        Ok(RuleException {
            rule,
            place: Some(place.to_owned()),
            module: None,
            route: Some(route),
        })
    }
}

/// Why an exception can't be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExceptionError {
    /// The set has no such rule.
    #[error("the rules in force have no rule {0}")]
    NoRule(u64),
    /// The profile has no such route.
    #[error("the profile has no route {0}")]
    NoRoute(String),
    /// The place is none.
    #[error("{0:?} is no place that a rule looks at: {1}")]
    Place(String, String),
    /// It is in force already.
    #[error("this exception is in force already")]
    Known,
    /// There are enough.
    #[error("{0} exceptions are in force; take some back, or set the rules otherwise")]
    TooMany(usize),
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hudun_profile::Profile;
    use hudun_seclang::Judging;
    use hudun_store::Store;

    use super::*;
    use crate::waf::ftw::bed::{PROFILE, Through};
    use crate::waf::{RuleOptions, load};

    /// An attack in a parameter, on the known route or on another.
    async fn status(bed: &Through, path: &str, name: &str) -> u16 {
        let request = format!(
            "GET /{path}?{name}=1%27%20or%20%271%27%3D%271 HTTP/1.1\r\nHost: scrm.example.com\r\nUser-Agent: Chrome/142.0\r\nAccept: */*\r\n\r\n"
        );
        bed.send(request.as_bytes()).await.unwrap().status
    }

    async fn kept(inspection: &Inspection, id: &str, exception: RuleException) -> KeptException {
        let kept = KeptException {
            id: id.to_owned(),
            exception,
            by: "li.lei".to_owned(),
            reason: "the search takes quotes".to_owned(),
            at: Timestamp::now(),
        };
        inspection.add(kept.clone()).await.unwrap();
        kept
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_exception_is_previewed_counts_only_where_it_says_and_outlives_a_restart() {
        let rules = || load(&RuleOptions::default()).unwrap();
        let bed = Through::with(rules(), Judging::Exact).await.unwrap();
        let store = Store::in_memory().await.unwrap();
        let profile = Arc::new(Profile::parse(PROFILE, "ftw.yaml").unwrap());
        let inspection = Inspection::open(Arc::clone(&bed.waf), Arc::clone(&profile), &store)
            .await
            .unwrap();
        let here = "hudun-proof";
        assert_eq!(status(&bed, here, "note").await, 403);
        let stop = bed.waf.stops.all().remove(0);
        assert_eq!(stop.route.as_str(), "proof.search");
        let mut rules_of_stop: Vec<u64> = stop.rules.iter().map(|(rule, _)| *rule).collect();
        rules_of_stop.sort_unstable();
        rules_of_stop.dedup();
        assert!(
            stop.rules.iter().all(|(_, place)| place == "ARGS:note"),
            "{stop:?}"
        );

        // The preview says what would pass: the stop, and attacks of the proof in this parameter.
        let [rule] = rules_of_stop[..] else {
            panic!("one rule is meant to stop it: {rules_of_stop:?}")
        };
        let (exception, preview) = inspection
            .preview(rule, "ARGS:note", "proof.search")
            .unwrap();
        assert_eq!((preview.stops, preview.alone), (1, 1));
        assert!(
            preview.tried > 10 && !preview.attacks.is_empty(),
            "{preview:?}"
        );
        assert_eq!(
            status(&bed, here, "note").await,
            403,
            "a preview changes nothing"
        );

        let first = kept(&inspection, "one", exception.clone()).await;
        assert_eq!(status(&bed, here, "note").await, 200);
        assert_eq!(status(&bed, here, "other").await, 403, "another parameter");
        assert_eq!(
            status(&bed, "elsewhere", "note").await,
            403,
            "another route"
        );
        let twice = KeptException {
            id: "two".into(),
            ..first.clone()
        };
        assert!(matches!(
            inspection.add(twice).await,
            Err(ExceptionError::Known)
        ));

        // A swap and a way back keep it.
        bed.waf.swap(rules(), "again", std::time::Duration::ZERO);
        assert_eq!(status(&bed, here, "note").await, 200);
        assert_eq!(bed.waf.previous().as_deref(), Some("test"));
        bed.waf.roll_back().unwrap();
        assert_eq!(status(&bed, here, "note").await, 200);

        // So does a restart, which remembers the stops, too.
        inspection.write_down().await.unwrap();
        let fresh = Through::with(rules(), Judging::Exact).await.unwrap();
        assert_eq!(status(&fresh, here, "note").await, 403);
        let inspection = Inspection::open(Arc::clone(&fresh.waf), profile, &store)
            .await
            .unwrap();
        assert_eq!(status(&fresh, here, "note").await, 200);
        assert_eq!(inspection.kept().await.unwrap(), [first]);
        let (_, preview) = inspection
            .preview(rule, "ARGS:note", "proof.search")
            .unwrap();
        assert!(preview.stops > 0, "{preview:?}");

        // Taken back, it counts no more.
        assert!(inspection.remove("one").await.unwrap().is_some());
        assert!(inspection.remove("one").await.unwrap().is_none());
        assert_eq!(status(&fresh, here, "note").await, 403);

        // Where values are judged by what they are, a working piece of SQL is stopped without the rule.
        let judged = Through::with(rules(), Judging::Balanced).await.unwrap();
        judged.waf.except(vec![exception]);
        assert_eq!(status(&judged, here, "note").await, 403);

        for (rule, place, route) in [
            (999, "ARGS:note", "proof.search"),
            (rule, "NOWHERE:note", "proof.search"),
            (rule, "ARGS:note", "no.such"),
        ] {
            assert!(
                inspection.preview(rule, place, route).is_err(),
                "{rule} {place} {route}"
            );
        }
    }
}
