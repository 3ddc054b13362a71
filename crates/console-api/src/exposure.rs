//! 监: published vulnerabilities that are true of what we run; feeds and assets.

use hudun_core::{IncidentId, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::TextWord;

/// Exposures, with the feeds and assets that they follow from.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExposuresView {
    /// Open ones first, then by class and date; those that are over come last. At most 1,000.
    pub exposures: Vec<ExposureView>,
    /// How many more there are.
    pub more: u64,
    /// The feeds.
    pub feeds: Vec<FeedView>,
    /// Advisories held.
    pub advisories: u64,
    /// The assets.
    pub assets: Vec<AssetView>,
    /// Names that people confirmed.
    pub pairings: Vec<PairingView>,
    /// Subscriptions of everybody.
    pub subscriptions: Vec<SubscriptionView>,
    /// Kinds of vulnerability that can be subscribed to.
    pub kinds: Vec<KindName>,
}

/// A kind of vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KindName {
    /// Its short name.
    pub kind: String,
    /// In words.
    #[schema(value_type = TextWord)]
    pub name: Text,
}

/// A vulnerability on an asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExposureView {
    /// Its identifier.
    pub id: String,
    /// The asset.
    pub asset: String,
    /// The number that the vulnerability is called by.
    pub vulnerability: String,
    /// All its numbers.
    pub ids: Vec<String>,
    /// One line.
    pub title: String,
    /// The component.
    pub component: String,
    /// Its version.
    pub version: Option<String>,
    /// Where it lies.
    pub places: Vec<String>,
    /// `open`, `proposed` (a name alone fits), `unproven` (gone by its version, not yet by the check), `suppressed` or `closed`.
    pub state: String,
    /// How surely the component was recognised: `purl`, `package`, `cpe`, `confirmed` (a name that a person confirmed), `name` (maker
    /// and name fit) or `text` (the name alone fits). The last two only propose.
    pub matched: String,
    /// Maker and product, as the source that decided writes them.
    pub product: String,
    /// The confirmed name that it rests on.
    pub pairing: Option<String>,
    /// Nobody could tell whether it is affected.
    pub unknown: bool,
    /// `act-now`, `days`, `scheduled` or `watch`.
    pub what: String,
    /// By when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// What it is, why it matters, what to do by when, and where it stands.
    #[schema(value_type = Vec<TextWord>)]
    pub story: Vec<Text>,
    /// The rule, range and record that decided.
    #[schema(value_type = TextWord)]
    pub because: Text,
    /// The row of the table that decided.
    #[schema(value_type = TextWord)]
    pub row: Text,
    /// Why, in sentences.
    #[schema(value_type = Vec<TextWord>)]
    pub reasons: Vec<Text>,
    /// What would change it.
    #[schema(value_type = Vec<TextWord>)]
    pub would_change: Vec<Text>,
    /// Scores and levels, each in its source's own words.
    pub scores: Vec<String>,
    /// What the sources differ on.
    #[schema(value_type = Vec<TextWord>)]
    pub disagreements: Vec<Text>,
    /// Whether a check of the running product exists.
    pub checkable: bool,
    /// The case that it opened.
    #[schema(value_type = Option<String>)]
    pub incident: Option<IncidentId>,
    /// When it was known first.
    #[schema(value_type = String, format = DateTime)]
    pub first_at: Timestamp,
    /// One's own statement that suppresses it.
    pub statement: Option<String>,
}

/// A name in advisories that a person confirmed to mean a product of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PairingView {
    /// Its identifier.
    pub id: String,
    /// Maker and product, as sources write them.
    pub product: String,
    /// The component: a purl without a version, or a bare name.
    pub component: String,
    /// The one asset that it holds on; all of them when absent.
    pub asset: Option<String>,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FeedView {
    /// What it is called.
    pub name: String,
    /// Its form.
    pub format: String,
    /// `fresh`, `late`, `shrunk`, `backwards`, `failing` or `never`.
    pub state: String,
    /// The same in a sentence.
    #[schema(value_type = TextWord)]
    pub sentence: Text,
    /// The newest date in it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// Records that count.
    pub records: u64,
    /// What was refused of the last delivery.
    pub refused: u64,
    /// Whether a delivery waits for somebody to accept it.
    pub held: bool,
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AssetView {
    /// Its name.
    pub name: String,
    /// Who looks after it.
    pub owner: String,
    /// The product.
    pub product: Option<String>,
    /// The version, as it was seen to run or as it is written down.
    pub version: Option<String>,
    /// Whether the version was read from the running product. It is a claim, and no proof.
    pub seen: bool,
    /// `internet`, `partner` or `internal`; none when nobody said, and then the worst is taken.
    pub exposure: Option<String>,
    /// `sensitive`, `personal` or `plain`; none when nobody said, and then the worst is taken.
    pub data: Option<String>,
    /// Components.
    pub components: u64,
    /// Of these, those that no feed could match: without identifier, or with one that no feed uses.
    pub unmatchable: u64,
    /// Open exposures.
    pub open: u64,
    /// Whether it was entered here; else the configuration names it.
    pub by_hand: bool,
    /// Inventory files that could not be read, with the reason.
    pub unread: Vec<String>,
}

/// An asset that somebody enters.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAsset {
    /// 1 to 64 letters, digits, dots, lines and underscores.
    pub name: String,
    /// Who looks after it.
    #[serde(default)]
    pub owner: String,
    /// The product, as its maker writes it.
    pub product: String,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
    /// Its purl, without a version.
    #[serde(default)]
    pub purl: Option<String>,
    /// Its CPE name.
    #[serde(default)]
    pub cpe: Option<String>,
    /// `internet`, `partner` or `internal`.
    #[serde(default)]
    pub exposure: Option<String>,
    /// `sensitive`, `personal` or `plain`.
    #[serde(default)]
    pub data: Option<String>,
}

/// One's own statement that an exposure does not reach us.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStatement {
    /// Why: one sentence, at most 500 characters. It holds over upgrades, and only while it is true.
    pub reason: String,
    /// The last day on which it holds, `2026-12-31`.
    pub until: String,
}

/// What somebody wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubscriptionView {
    /// Its identifier.
    pub id: String,
    /// Who.
    pub by: String,
    /// `product`, `words` or `kind`.
    pub about: String,
    /// The product, the words, or the short name of the kind.
    pub text: String,
    /// What came of it lately, newest first.
    pub hits: Vec<HitView>,
}

/// An advisory that somebody wanted to hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HitView {
    /// Source and number.
    pub record: String,
    /// One line.
    pub title: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A subscription that somebody makes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// `product`, `words` or `kind`.
    pub about: String,
    /// The product, the words, or the short name of the kind: at most 100 characters.
    pub text: String,
}
