//! Which published vulnerabilities are true of what we run, from the day on which that was known to the proof that it is over.

mod register;
mod story;

use hudun_advisory::decide::What;
use hudun_advisory::matching::{Own, Pair};
use hudun_advisory::{Identity, Status};
use hudun_core::{IncidentId, TenantId, Text, Timestamp};
use hudun_store::Keyed;
use serde::{Deserialize, Serialize};

pub use register::{Change, Moved, Refreshed, Register, RegisterError, without_version};
pub use story::story;

/// A vulnerability on an asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    /// Its identifier.
    pub id: String,
    /// The asset.
    pub asset: String,
    /// Whose it is; of all tenants when absent.
    #[serde(default)]
    pub tenant: Option<TenantId>,
    /// The number that the vulnerability is called by.
    pub vulnerability: String,
    /// All its numbers.
    pub ids: Vec<String>,
    /// One line.
    pub title: String,
    /// The component.
    pub component: String,
    /// Its version, as it was last seen.
    #[serde(default)]
    pub version: Option<String>,
    /// Its purl.
    #[serde(default)]
    pub purl: Option<String>,
    /// Where it lies, up to 100 places.
    #[serde(default)]
    pub places: Vec<String>,
    /// Affected, or unknown: nobody could tell.
    pub status: Status,
    /// The component was recognised by a name alone; a person has to say whether it is the same product.
    #[serde(default)]
    pub proposed: bool,
    /// How surely the component was recognised; none in what an older version wrote down.
    #[serde(default)]
    pub matched: Option<Identity>,
    /// Maker and product, as the source that decided writes them.
    #[serde(default)]
    pub product: String,
    /// The rule, range and record that decided.
    pub because: Text,
    /// Its record and its source.
    pub record: String,
    /// What to do.
    pub what: What,
    /// By when; with the next upgrade when absent.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// Look for a break-in before it is closed.
    #[serde(default)]
    pub forensics: bool,
    /// The row of the table that decided.
    pub row: Text,
    /// Why, in sentences.
    pub reasons: Vec<Text>,
    /// What would change it.
    #[serde(default)]
    pub would_change: Vec<Text>,
    /// The nearest version without it.
    #[serde(default)]
    pub fixed: Option<String>,
    /// Its scores, as `CVSS 3.1 9.8 (giver)`, EPSS and KEV.
    #[serde(default)]
    pub scores: Vec<String>,
    /// What the sources differ on.
    #[serde(default)]
    pub disagreements: Vec<Text>,
    /// When it was known first.
    pub first_at: Timestamp,
    /// When anything of it changed last.
    pub changed_at: Timestamp,
    /// When it came into this class; the term runs from then.
    pub class_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// The case that it opened.
    #[serde(default)]
    pub incident: Option<IncidentId>,
    /// The last check.
    #[serde(default)]
    pub check: Option<CheckOutcome>,
    /// When the own gateway first saw somebody try it.
    #[serde(default)]
    pub seen_at: Option<Timestamp>,
}

/// What the guard itself knows of a vulnerability, beside what was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// A check of the running product exists: the exposure is over only when it says so.
    pub checkable: bool,
    /// The request that goes through the hole is known, so that an exploit is public.
    pub exploit: bool,
    /// The own gateway saw somebody try it.
    pub seen: bool,
}

/// Where an exposure stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// It is true of us.
    Open,
    /// A statement says that it does not reach us.
    Suppressed {
        /// Who says so.
        by: String,
        /// Why.
        reason: String,
        /// The last day, `2026-12-31`; without end when absent.
        #[serde(default)]
        until: Option<String>,
    },
    /// By its version it is gone; the check has not said so yet.
    Unproven {
        /// Why it seems gone.
        why: Why,
        /// Since when.
        at: Timestamp,
    },
    /// It is over.
    Closed {
        /// Why.
        why: Why,
        /// When.
        at: Timestamp,
    },
}

/// Why an exposure is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Why {
    /// Another version runs.
    Version {
        /// Before.
        from: Option<String>,
        /// Now.
        to: Option<String>,
    },
    /// The component is not there any more.
    ComponentGone,
    /// The sources say otherwise now.
    Sources,
    /// The asset was taken out.
    AssetGone,
}

/// What a check of the running product came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckOutcome {
    /// When.
    pub at: Timestamp,
    /// Whether the hole is there; `None` when that could not be told.
    pub exposed: Option<bool>,
    /// The status of the answer; 0 when there was none.
    #[serde(default)]
    pub status: u16,
    /// In one sentence.
    pub said: Text,
}

impl Exposure {
    /// Whether somebody has to act on it.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open | State::Unproven { .. }) && !self.proposed
    }

    /// Whether it is over.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }
}

impl Keyed for Exposure {
    const COLLECTION: &'static str = "exposure";

    fn id(&self) -> String {
        self.id.clone()
    }

    fn parent(&self) -> String {
        self.asset.clone()
    }

    fn at(&self) -> i64 {
        self.changed_at.as_millis()
    }
}

/// One's own statement that a vulnerability does not reach a component, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Its identifier.
    pub id: String,
    /// What it says.
    pub own: Own,
    /// When it was made.
    pub at: Timestamp,
}

impl Keyed for Statement {
    const COLLECTION: &'static str = "vex-statement";

    fn id(&self) -> String {
        self.id.clone()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

/// A person's word that a name in advisories means a product of ours: kept, and used for every later record under that name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairing {
    /// Its identifier: the same for the same name, component and asset.
    pub id: String,
    /// The name and the component.
    pub pair: Pair,
    /// The one asset that it holds on; all of them where the component has a purl, since that names one product everywhere.
    #[serde(default)]
    pub asset: Option<String>,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Pairing {
    /// The word of `by` that the name under which an exposure was proposed means its component.
    pub fn of(exposure: &Exposure, by: String, reason: String, at: Timestamp) -> Self {
        let (component, asset) = match &exposure.purl {
            Some(purl) => (without_version(purl).to_owned(), None),
            // Two assets may call two products by the same name.
            None => (exposure.component.clone(), Some(exposure.asset.clone())),
        };
        let place = asset.as_deref().unwrap_or_default();
        Self {
            id: register::identifier(
                place,
                &component.to_lowercase(),
                &exposure.product.to_lowercase(),
            ),
            pair: Pair {
                product: exposure.product.clone(),
                component,
            },
            asset,
            by,
            reason,
            at,
        }
    }

    /// Whether an exposure rests on it, or would.
    pub fn is_of(&self, exposure: &Exposure) -> bool {
        let component = match &exposure.purl {
            Some(purl) => without_version(purl) == self.pair.component,
            None => exposure.component.to_lowercase() == self.pair.component.to_lowercase(),
        };
        let here = self
            .asset
            .as_ref()
            .is_none_or(|asset| *asset == exposure.asset);
        component && here && self.pair.means(&exposure.product)
    }
}

impl Keyed for Pairing {
    const COLLECTION: &'static str = "product-pairing";

    fn id(&self) -> String {
        self.id.clone()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}
