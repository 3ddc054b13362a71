//! What people want to hear of, whatever we run: a product, words, or a kind of vulnerability; also of what has no number yet.

use hudun_advisory::Record;
use hudun_advisory::decide::Kind;
use hudun_core::Timestamp;
use hudun_store::{Collection, Keyed, Store, StoreError};
use serde::{Deserialize, Serialize};

/// Most subscriptions.
pub const MOST: usize = 1_000;
/// Hits of a subscription that are kept.
const MOST_HITS: usize = 100;

/// What somebody wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its identifier.
    pub id: String,
    /// Whose it is.
    pub by: String,
    /// What it is about.
    pub about: About,
    /// When it was made.
    pub at: Timestamp,
    /// What came of it, newest first.
    #[serde(default)]
    pub hits: Vec<Hit>,
    /// Hits up to this moment were in a digest.
    #[serde(default)]
    pub told_to: Option<Timestamp>,
}

/// What a subscription is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "about", content = "text")]
pub enum About {
    /// A product: stands in a product's name, vendor, package or CPE.
    Product(String),
    /// Words: all of them stand in the title or the summary.
    Words(String),
    /// A kind of vulnerability.
    Kind(Kind),
}

/// An advisory that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Source and number.
    pub record: String,
    /// One line.
    pub title: String,
    /// When it came.
    pub at: Timestamp,
}

impl Keyed for Subscription {
    const COLLECTION: &'static str = "subscription";

    fn id(&self) -> String {
        self.id.clone()
    }

    fn parent(&self) -> String {
        self.by.clone()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

impl About {
    /// Whether a record is of it. Letters count alike in both cases.
    pub fn fits(&self, record: &Record) -> bool {
        match self {
            Self::Product(name) => {
                let name = name.to_lowercase();
                record.affected.iter().any(|affected| {
                    let package = affected.package.as_ref().map(|one| one.name.as_str());
                    let named = [affected.vendor.as_str(), &affected.product];
                    let texts = named
                        .into_iter()
                        .chain(package)
                        .chain(affected.purl.as_deref());
                    texts
                        .map(str::to_lowercase)
                        .any(|text| text.contains(&name))
                        || affected
                            .cpes
                            .iter()
                            .any(|cpe| cpe.to_string().to_lowercase().contains(&name))
                        || format!("{} {}", affected.vendor, affected.product)
                            .to_lowercase()
                            .contains(&name)
                }) || record.title.to_lowercase().contains(&name)
            }
            Self::Words(words) => {
                let text = format!("{}\n{}", record.title, record.summary).to_lowercase();
                words
                    .to_lowercase()
                    .split_whitespace()
                    .all(|word| text.contains(word))
            }
            Self::Kind(kind) => {
                let by_number = record.cwes.iter().filter_map(|cwe| {
                    let digits = cwe.trim().strip_prefix("CWE-")?;
                    Kind::of_cwe(digits.parse().ok()?)
                });
                by_number
                    .chain(Kind::of_title(&record.title))
                    .any(|one| one == *kind)
            }
        }
    }
}

/// All subscriptions.
pub struct Subscriptions {
    kept: Collection<Subscription>,
}

impl Subscriptions {
    /// Those of the store.
    pub fn new(store: &Store) -> Self {
        Self {
            kept: store.collection(),
        }
    }

    /// All of them, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all(&self) -> Result<Vec<Subscription>, StoreError> {
        self.kept
            .newest(u32::try_from(MOST).unwrap_or(u32::MAX))
            .await
    }

    /// Makes one. Tells whether there was room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add(&self, subscription: &Subscription) -> Result<bool, StoreError> {
        if self.all().await?.len() >= MOST {
            return Ok(false);
        }
        self.kept.put(subscription).await?;
        Ok(true)
    }

    /// Ends one. Tells whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, id: &str) -> Result<bool, StoreError> {
        self.kept.remove(id).await
    }

    /// Takes what came. Tells how many hits that made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(&self, records: &[Record], now: Timestamp) -> Result<usize, StoreError> {
        let mut made = 0;
        for subscription in self.all().await? {
            let fits = |record: &&Record| !record.withdrawn && subscription.about.fits(record);
            let hit = |record: &Record| Hit {
                record: format!("{} {}", record.source.name(), record.id),
                title: record.title.clone(),
                at: now,
            };
            let new: Vec<Hit> = records
                .iter()
                .filter(fits)
                .take(MOST_HITS)
                .map(hit)
                .collect();
            if new.is_empty() {
                continue;
            }
            let change = |one: &mut Subscription| {
                // A record that came again is told of once, where it is newest.
                let again = |old: &Hit| !new.iter().any(|hit| hit.record == old.record);
                one.hits.retain(again);
                one.hits.splice(0..0, new.iter().cloned());
                one.hits.truncate(MOST_HITS);
            };
            made += new.len();
            self.kept.update(&subscription.id, change).await?;
        }
        Ok(made)
    }

    /// What a digest has to tell: subscriptions with the hits since the last one. They count as told from here on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn digest(&self, now: Timestamp) -> Result<Vec<Subscription>, StoreError> {
        let mut told = Vec::new();
        for mut subscription in self.all().await? {
            let since = subscription.told_to;
            subscription
                .hits
                .retain(|hit| since.is_none_or(|since| hit.at > since));
            if subscription.hits.is_empty() {
                continue;
            }
            self.kept
                .update(&subscription.id, |one| one.told_to = Some(now))
                .await?;
            told.push(subscription);
        }
        Ok(told)
    }
}
