//! What we run: products by name and version, and inventories that lie in files.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hudun_advisory::decide::{DataTier, Exposure};
use hudun_advisory::matching::Asset as Where;
use hudun_advisory::sbom::{Component, Format, Inventory, Source};
use hudun_core::{TenantId, Timestamp};
use hudun_store::{Collection, Keyed, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

/// Largest inventory file, bytes.
const FILE: u64 = 64 << 20;
/// Most assets.
pub const MOST: usize = 10_000;

/// An asset as it is written down: in the configuration, or by a person in the console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetEntry {
    /// Its name, unique: letters, digits, `.`, `_` and `-`, at most 64.
    pub name: String,
    /// Whose it is; of all tenants when absent.
    #[serde(default)]
    pub tenant: Option<TenantId>,
    /// Who looks after it.
    #[serde(default)]
    pub owner: String,
    /// Who can reach it: `internet`, `partner` or `internal`. Not given, the worst is taken, and said.
    #[serde(default)]
    pub exposure: Option<Exposure>,
    /// The most sensitive data that it holds: `sensitive`, `personal` or `plain`. Not given, the worst is taken, and said.
    #[serde(default)]
    pub data: Option<DataTier>,
    /// The product itself.
    #[serde(default)]
    pub product: Option<Product>,
    /// Component inventories, lock files and package databases; read again when they change.
    #[serde(default)]
    pub sbom: Vec<PathBuf>,
    /// The distribution of a package database, such as `debian`, which does not say so itself.
    #[serde(default)]
    pub distro: Option<String>,
    /// Whether it is the SCRM that this guard stands before: its known holes can be checked and patched.
    #[serde(default)]
    pub guarded: bool,
}

/// A product by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// As its maker writes it, vendor in front where that helps.
    pub name: String,
    /// The version that runs. Without one, or where the profile reads it from the running product, see
    /// [`Assets::runs`].
    #[serde(default)]
    pub version: Option<String>,
    /// Its purl, without a version.
    #[serde(default)]
    pub purl: Option<String>,
    /// Its CPE name; the version in it does not count.
    #[serde(default)]
    pub cpe: Option<String>,
}

impl AssetEntry {
    /// Looks whether the entry makes sense by itself.
    ///
    /// # Errors
    /// [`AssetError`], naming asset and field.
    pub fn check(&self) -> Result<(), AssetError> {
        let bad = |field: &'static str, problem: String| AssetError::Entry {
            asset: self.name.chars().take(64).collect(),
            field,
            problem,
        };
        let name_ok = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(name_ok) {
            let problem = "1 to 64 letters, digits, dots, lines and underscores are wanted";
            return Err(bad("name", problem.to_owned()));
        }
        if self.product.is_none() && self.sbom.is_empty() {
            let problem = "neither a product nor an inventory is named, so nothing can be matched";
            return Err(bad("product", problem.to_owned()));
        }
        if let Some(product) = &self.product {
            if product.name.trim().is_empty() || product.name.len() > 200 {
                return Err(bad("product.name", "1 to 200 bytes are wanted".to_owned()));
            }
            if let Some(purl) = &product.purl {
                Component::of_purl(purl).map_err(|cause| bad("product.purl", cause.to_string()))?;
            }
            if let Some(cpe) = &product.cpe {
                cpe.parse::<hudun_advisory::Cpe>()
                    .map_err(|cause| bad("product.cpe", cause.to_string()))?;
            }
        }
        Ok(())
    }
}

/// An asset with what is on it.
#[derive(Clone, Debug)]
pub struct Asset {
    /// As it is written down.
    pub entry: AssetEntry,
    /// Whether a person entered it; else the configuration did.
    pub by_hand: bool,
    /// The version that the product was seen to run, when that was read from it.
    pub runs: Option<String>,
    /// The product and all components of the inventories. A file that can't be read is among its refusals, and what it held
    /// before stays.
    pub inventory: Inventory,
    /// Files that could not be read, and why.
    pub unread: Vec<(PathBuf, String)>,
    /// When the inventory last changed.
    pub changed_at: Timestamp,
}

impl Asset {
    /// Where it stands, for the decision.
    pub const fn place(&self) -> Where {
        Where {
            exposure: self.entry.exposure,
            data: self.entry.data,
        }
    }

    /// The version of the product: what was seen to run, else what is written down.
    pub fn version(&self) -> Option<&str> {
        let written = self.entry.product.as_ref()?.version.as_deref();
        self.runs.as_deref().or(written)
    }
}

/// All assets.
pub struct Assets {
    configured: Vec<AssetEntry>,
    kept: Collection<Kept>,
    state: RwLock<Vec<Held>>,
}

struct Held {
    asset: Asset,
    files: Vec<File>,
}

struct File {
    path: PathBuf,
    /// Time and length when it was read last.
    seen: Option<(SystemTime, u64)>,
    inventory: Inventory,
    problem: Option<String>,
}

/// What is kept of an asset over a restart: what a person entered, and the version that was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    name: String,
    entry: Option<AssetEntry>,
    runs: Option<String>,
    at: Timestamp,
}

impl Keyed for Kept {
    const COLLECTION: &'static str = "asset";

    fn id(&self) -> String {
        self.name.clone()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

impl Assets {
    /// The assets of the configuration and those that people entered.
    ///
    /// # Errors
    /// [`AssetError`] when an entry of the configuration is wrong, or state can't be read.
    pub async fn open(
        store: &Store,
        configured: Vec<AssetEntry>,
        now: Timestamp,
    ) -> Result<Self, AssetError> {
        for (at, entry) in configured.iter().enumerate() {
            entry.check()?;
            if configured.iter().take(at).any(|one| one.name == entry.name) {
                return Err(AssetError::Twice(entry.name.clone()));
            }
        }
        let kept: Collection<Kept> = store.collection();
        let known = kept.newest(u32::try_from(MOST).unwrap_or(u32::MAX)).await?;
        let runs = |name: &str| {
            let one = known.iter().find(|kept| kept.name == name);
            one.and_then(|kept| kept.runs.clone())
        };
        let mut state: Vec<Held> = configured
            .iter()
            .map(|entry| Held::new(entry.clone(), false, runs(&entry.name), now))
            .collect();
        // What the configuration names is the configuration's.
        for one in &known {
            let named = state.iter().any(|held| held.asset.entry.name == one.name);
            if let Some(entry) = one.entry.clone().filter(|_| !named) {
                state.push(Held::new(entry, true, one.runs.clone(), now));
            }
        }
        state.sort_by(|one, two| one.asset.entry.name.cmp(&two.asset.entry.name));
        let assets = Self {
            configured,
            kept,
            state: RwLock::new(state),
        };
        assets.look(now).await;
        Ok(assets)
    }

    /// All of them, by name.
    pub async fn all(&self) -> Vec<Asset> {
        let state = self.state.read().await;
        state.iter().map(|held| held.asset.clone()).collect()
    }

    /// Reads inventory files again that have changed. Tells which assets did.
    pub async fn look(&self, now: Timestamp) -> Vec<String> {
        let mut state = self.state.write().await;
        let mut changed = Vec::new();
        for held in state.iter_mut() {
            if held.read_files().await {
                held.gather(now);
                changed.push(held.asset.entry.name.clone());
            }
        }
        changed
    }

    /// Enters an asset, or changes one that was entered by hand. Tells whether it is new.
    ///
    /// # Errors
    /// [`AssetError`]; nothing is changed then.
    pub async fn put(&self, entry: AssetEntry, now: Timestamp) -> Result<bool, AssetError> {
        entry.check()?;
        if !entry.sbom.is_empty() {
            // A path from the console would let who may enter an asset read the guard's own files.
            return Err(AssetError::Entry {
                asset: entry.name,
                field: "sbom",
                problem: "files are named in the configuration only".to_owned(),
            });
        }
        if self.configured.iter().any(|one| one.name == entry.name) {
            return Err(AssetError::Configured(entry.name));
        }
        let mut state = self.state.write().await;
        let at = state
            .iter()
            .position(|held| held.asset.entry.name == entry.name);
        if at.is_none() && state.len() >= MOST {
            return Err(AssetError::Full);
        }
        let kept = Kept {
            name: entry.name.clone(),
            entry: Some(entry.clone()),
            runs: None,
            at: now,
        };
        self.kept.put(&kept).await?;
        let mut held = Held::new(entry, true, None, now);
        held.gather(now);
        match at.and_then(|at| state.get_mut(at)) {
            Some(place) => *place = held,
            None => state.push(held),
        }
        state.sort_by(|one, two| one.asset.entry.name.cmp(&two.asset.entry.name));
        Ok(at.is_none())
    }

    /// Takes an asset out that was entered by hand. Tells whether there was one.
    ///
    /// # Errors
    /// [`AssetError`].
    pub async fn remove(&self, name: &str) -> Result<bool, AssetError> {
        if self.configured.iter().any(|one| one.name == name) {
            return Err(AssetError::Configured(name.to_owned()));
        }
        let mut state = self.state.write().await;
        self.kept.remove(name).await?;
        let before = state.len();
        state.retain(|held| held.asset.entry.name != name);
        Ok(state.len() < before)
    }

    /// Takes in which version of its product an asset was seen to run. Tells what it was before, when that was another.
    ///
    /// # Errors
    /// [`AssetError`].
    pub async fn runs(
        &self,
        name: &str,
        version: &str,
        now: Timestamp,
    ) -> Result<Option<Option<String>>, AssetError> {
        let mut state = self.state.write().await;
        let Some(held) = state.iter_mut().find(|held| held.asset.entry.name == name) else {
            return Ok(None);
        };
        let before = held.asset.version().map(str::to_owned);
        if held.asset.runs.as_deref() == Some(version) {
            return Ok(None);
        }
        let kept = Kept {
            name: name.to_owned(),
            entry: held.asset.by_hand.then(|| held.asset.entry.clone()),
            runs: Some(version.to_owned()),
            at: now,
        };
        self.kept.put(&kept).await?;
        held.asset.runs = Some(version.to_owned());
        held.gather(now);
        Ok((before.as_deref() != Some(version)).then_some(before))
    }
}

impl Held {
    fn new(entry: AssetEntry, by_hand: bool, runs: Option<String>, now: Timestamp) -> Self {
        let files = entry.sbom.iter().map(|path| File {
            path: path.clone(),
            seen: None,
            inventory: Inventory::default(),
            problem: None,
        });
        let files = files.collect();
        let asset = Asset {
            entry,
            by_hand,
            runs,
            inventory: Inventory::default(),
            unread: Vec::new(),
            changed_at: now,
        };
        let mut held = Self { asset, files };
        held.gather(now);
        held
    }

    /// Reads what has changed; tells whether anything has.
    async fn read_files(&mut self) -> bool {
        let mut any = false;
        for file in &mut self.files {
            let distro = self.asset.entry.distro.clone();
            let (path, seen) = (file.path.clone(), file.seen);
            let read = tokio::task::spawn_blocking(move || read(&path, seen, distro.as_deref()));
            match read.await {
                Ok(Ok(None)) => {}
                Ok(Ok(Some((seen, inventory)))) => {
                    file.seen = Some(seen);
                    file.inventory = inventory;
                    file.problem = None;
                    any = true;
                }
                Ok(Err(problem)) => {
                    any |= file.problem.as_ref() != Some(&problem);
                    file.problem = Some(problem);
                }
                Err(cause) => file.problem = Some(cause.to_string()),
            }
        }
        any
    }

    fn gather(&mut self, now: Timestamp) {
        let mut all = Inventory::default();
        if let Some(product) = &self.asset.entry.product {
            let version = self.asset.version().map(str::to_owned);
            all.components.push(component(product, version));
        }
        for file in &self.files {
            let one = &file.inventory;
            all.components.extend(one.components.iter().cloned());
            all.refused.extend(one.refused.iter().cloned());
            all.refused_more += one.refused_more;
            all.without_identity += one.without_identity;
            all.without_version += one.without_version;
        }
        self.asset.unread = self
            .files
            .iter()
            .filter_map(|file| Some((file.path.clone(), file.problem.clone()?)))
            .collect();
        self.asset.inventory = all;
        self.asset.changed_at = now;
    }
}

fn component(product: &Product, version: Option<String>) -> Component {
    let by_purl = product.purl.as_deref().and_then(|purl| {
        let text = match &version {
            Some(version) if !purl.contains('@') => format!("{purl}@{version}"),
            _ => purl.to_owned(),
        };
        Component::of_purl(&text).ok()
    });
    let cpes = product.cpe.iter().cloned().collect();
    let base = by_purl.unwrap_or_else(|| Component {
        name: product.name.clone(),
        version: None,
        ecosystem: None,
        purl: None,
        cpes: Vec::new(),
        where_found: String::new(),
        built_from: None,
    });
    Component {
        name: product.name.clone(),
        version: version.or(base.version),
        cpes,
        where_found: "product".to_owned(),
        ..base
    }
}

type Read = ((SystemTime, u64), Inventory);

/// Reads an inventory file unless it is as it was.
fn read(
    path: &Path,
    seen: Option<(SystemTime, u64)>,
    distro: Option<&str>,
) -> Result<Option<Read>, String> {
    let meta = std::fs::metadata(path).map_err(|cause| cause.to_string())?;
    if !meta.is_file() {
        return Err("it is no file".to_owned());
    }
    let now = (
        meta.modified().map_err(|cause| cause.to_string())?,
        meta.len(),
    );
    if seen == Some(now) {
        return Ok(None);
    }
    if meta.len() > FILE {
        return Err("it is larger than 64 MiB".to_owned());
    }
    let bytes = std::fs::read(path).map_err(|cause| cause.to_string())?;
    let place = path.display().to_string();
    let format = Format::guess(&place, &bytes)
        .ok_or("it is no inventory, lock file or package database that is known")?;
    let mut inventory = Inventory::default();
    let source = Source {
        place: &place,
        format,
        distro,
    };
    inventory.add(&source, &bytes);
    // Half a file is worse than the one before.
    if inventory.components.is_empty()
        && let Some(refused) = inventory.refused.first()
    {
        return Err(refused.reason.to_string());
    }
    Ok(Some((now, inventory)))
}

/// What is wrong with an asset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssetError {
    /// A field of its entry.
    #[error("asset {asset}, {field}: {problem}")]
    Entry {
        /// Which one.
        asset: String,
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A name twice.
    #[error("two assets are called {0}; give one of them another name")]
    Twice(String),
    /// It is the configuration's.
    #[error("the asset {0} is written in the configuration; change it there")]
    Configured(String),
    /// There are too many.
    #[error("there are {MOST} assets already")]
    Full,
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
