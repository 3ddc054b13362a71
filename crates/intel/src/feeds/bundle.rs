//! Signed bundles: the feeds of one machine in one file, for another that has no way out.
//!
//! A bundle is a tar archive of a manifest, its signature, and for each feed its records, a JSON object a line, packed with
//! gzip. The manifest says of every file how long it is and what its SHA-256 is; the signature (Ed25519) is over the manifest.
//! Nothing is unpacked before the signature is checked, nothing counts before every file is, and no name in the archive is
//! ever used as a path.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hudun_advisory::matching::{Builder, Index};
use hudun_advisory::{Epss, Format, Found, Kev, Record};
use hudun_core::Timestamp;
use rand::TryRng as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::config::is_name;
use super::disk;
use super::error::FeedsError;
use super::keeper::{Feeds, on_disk};
use super::shelf::{Delivery, Taken};

const MANIFEST: &str = "hudun-bundle/manifest.json";
const SIGNATURE: &str = "hudun-bundle/manifest.sig";
/// In front of what is signed, so that a signature for something else is none for this.
const PURPOSE: &[u8] = b"hudun bundle 1\n";
const LONGEST_MANIFEST: u64 = 1 << 20;
const LONGEST_LINE: u64 = 64 << 20;
/// Most bytes of all files of a bundle, packed and unpacked.
const LONGEST: u64 = 64 << 30;
const MOST_FEEDS: usize = 200;
/// State of what was loaded.
const LOADED: &str = "bundles.json";

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 1.
    pub hudun_bundle: u32,
    /// Goes up with each bundle of a key: an older one is not taken after a newer.
    pub serial: u64,
    /// When it was made.
    pub made: Timestamp,
    /// What it holds.
    pub feeds: Vec<BundledFeed>,
}

/// A feed of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledFeed {
    /// What it is called.
    pub name: String,
    /// Its form.
    pub format: Format,
    /// The newest date in it.
    pub as_of: Option<Timestamp>,
    /// Records in it.
    pub records: u64,
    /// Length of its file, bytes.
    pub bytes: u64,
    /// Length of its file unpacked, bytes.
    pub unpacked: u64,
    /// SHA-256 of its file, hexadecimal.
    pub sha256: String,
}

/// Why a bundle is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Not a bundle, or not a whole one.
    #[error("it is no bundle that can be read: {0}")]
    Broken(String),
    /// Signed by somebody else.
    #[error(
        "it is signed with the key {key}, which is not trusted: put it into intel.bundle_keys if it should be"
    )]
    Unknown {
        /// The public key, hexadecimal.
        key: String,
    },
    /// The signature does not fit the manifest.
    #[error("its signature does not fit: it was changed, or signed with another key than it names")]
    Signature,
    /// A file differs from what the manifest says.
    #[error("{file}: {reason}")]
    File {
        /// Which.
        file: String,
        /// How.
        reason: String,
    },
    /// A newer one was loaded before.
    #[error(
        "its serial number is {serial}, and {loaded} was loaded before: load it with --allow-older if that is meant"
    )]
    Older {
        /// Of this one.
        serial: u64,
        /// Of the last.
        loaded: u64,
    },
    /// Another one of the same number was loaded before.
    #[error("another bundle with the serial number {0} was loaded before: number them upwards")]
    Twice(u64),
    /// A key can't be read.
    #[error(
        "{0}: it is no key: write 64 hexadecimal digits, or the name of a file that holds them"
    )]
    Key(String),
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What it holds can't be kept.
    #[error(transparent)]
    Feeds(#[from] FeedsError),
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleKey(VerifyingKey);

impl BundleKey {
    /// Reads one: 64 hexadecimal digits, or the name of a file that holds them.
    ///
    /// # Errors
    /// [`BundleError::Key`].
    pub fn read(text: &str) -> Result<Self, BundleError> {
        let bytes = key_bytes(text)?;
        VerifyingKey::from_bytes(&bytes)
            .map(Self)
            .map_err(|_| BundleError::Key(text.to_owned()))
    }

    /// As hexadecimal digits.
    pub fn text(&self) -> String {
        hex::encode(self.0.as_bytes())
    }
}

/// A private key.
pub struct BundleSigner(SigningKey);

impl BundleSigner {
    /// A new one.
    ///
    /// # Errors
    /// [`BundleError::Io`] when the system gives no randomness.
    pub fn generate() -> Result<Self, BundleError> {
        let mut seed = [0; 32];
        rand::rngs::SysRng
            .try_fill_bytes(&mut seed)
            .map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads one from a file that [`Self::save`] wrote.
    ///
    /// # Errors
    /// [`BundleError::Key`].
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        key_bytes(&path.display().to_string()).map(|seed| Self(SigningKey::from_bytes(&seed)))
    }

    /// Writes it to a new file that nobody else may read.
    ///
    /// # Errors
    /// [`BundleError::Io`], also when there is a file of that name: a key that is in use is not written over.
    pub fn save(&self, path: &Path) -> Result<(), BundleError> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        writeln!(file, "{}", hex::encode(self.0.to_bytes()))?;
        file.sync_all()?;
        Ok(())
    }

    /// The public key.
    pub fn key(&self) -> BundleKey {
        BundleKey(self.0.verifying_key())
    }
}

fn key_bytes(text: &str) -> Result<[u8; 32], BundleError> {
    let wrong = || BundleError::Key(text.chars().take(200).collect());
    let mut bytes = [0; 32];
    if hex::decode_to_slice(text.trim(), &mut bytes).is_ok() {
        return Ok(bytes);
    }
    let mut read = String::new();
    File::open(text)
        .and_then(|file| file.take(1_000).read_to_string(&mut read))
        .map_err(|_| wrong())?;
    hex::decode_to_slice(read.trim(), &mut bytes).map_err(|_| wrong())?;
    Ok(bytes)
}

/// One line of a file of records.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Record(Box<Record>),
    Kev(Kev),
    Epss(Epss),
}

/// Makes a bundle of what is held in a folder of feeds, of all or of some, also while a guard works on it.
///
/// # Errors
/// [`BundleError`] when the folder can't be read, a feed is not there, or the file can't be written.
pub fn make_bundle(
    folder: &Path,
    only: &[String],
    signer: &BundleSigner,
    serial: u64,
    out: &Path,
) -> Result<Manifest, BundleError> {
    let held = on_disk(folder)?;
    if let Some(missing) = only.iter().find(|name| !held.contains_key(*name)) {
        return Err(BundleError::Feeds(FeedsError::Unknown {
            name: missing.clone(),
            known: held.keys().cloned().collect::<Vec<_>>().join(", "),
        }));
    }
    let mut name = out.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let parts = new.with_extension("parts");
    fs::create_dir_all(&parts)?;
    let made = pack(&held, only, signer, serial, &parts, &new);
    let _ = fs::remove_dir_all(&parts);
    match made {
        Ok(manifest) => {
            fs::rename(&new, out)?;
            Ok(manifest)
        }
        Err(error) => {
            let _ = fs::remove_file(&new);
            Err(error)
        }
    }
}

fn pack(
    held: &BTreeMap<String, super::keeper::OnDisk>,
    only: &[String],
    signer: &BundleSigner,
    serial: u64,
    parts: &Path,
    out: &Path,
) -> Result<Manifest, BundleError> {
    let mut manifest = Manifest {
        hudun_bundle: 1,
        serial,
        made: Timestamp::now(),
        feeds: Vec::new(),
    };
    for (name, one) in held {
        if one.segments.is_empty() || !(only.is_empty() || only.contains(name)) {
            continue;
        }
        let index = Index::join(&one.segments);
        let (records, unpacked) = write_records(&index, &parts.join(name))
            .map_err(|error| io::Error::other(format!("{name}: {error}")))?;
        let mut file = File::open(parts.join(name))?;
        manifest.feeds.push(BundledFeed {
            name: name.clone(),
            format: one.format,
            as_of: one.as_of,
            records,
            bytes: file.metadata()?.len(),
            unpacked,
            sha256: super::ingest::sha256(&mut file)?,
        });
    }
    if manifest.feeds.is_empty() {
        return Err(BundleError::Broken(
            "there is nothing to put into it".to_owned(),
        ));
    }
    let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other)?;
    let signature = Signed {
        key: signer.key().text(),
        signature: hex::encode(signer.0.sign(&signed(&text)).to_bytes()),
    };
    let signature = serde_json::to_vec(&signature).map_err(io::Error::other)?;
    let mut archive = tar::Builder::new(BufWriter::new(File::create(out)?));
    append(&mut archive, MANIFEST, text.len() as u64, &*text)?;
    append(&mut archive, SIGNATURE, signature.len() as u64, &*signature)?;
    for feed in &manifest.feeds {
        let file = File::open(parts.join(&feed.name))?;
        append(&mut archive, &place(&feed.name), feed.bytes, file)?;
    }
    let file = archive.into_inner()?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(manifest)
}

fn append(
    archive: &mut tar::Builder<BufWriter<File>>,
    name: &str,
    length: u64,
    from: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(length);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::Regular);
    archive.append_data(&mut header, name, from)
}

fn place(name: &str) -> String {
    format!("hudun-bundle/{name}.jsonl.gz")
}

fn write_records(
    index: &Index,
    path: &Path,
) -> Result<(u64, u64), hudun_advisory::matching::IndexError> {
    let file = BufWriter::new(File::create(path)?);
    let mut to = Counted {
        inner: GzEncoder::new(file, Compression::new(6)),
        bytes: 0,
    };
    let mut lines = 0;
    let mut put = |line: Line| -> io::Result<()> {
        serde_json::to_writer(&mut to, &line)?;
        to.write_all(b"\n")?;
        lines += 1;
        Ok(())
    };
    for record in index.records() {
        put(Line::Record(Box::new(record?)))?;
    }
    // In one order, so that the same content makes the same file.
    let mut listed: Vec<&Kev> = index.kev().collect();
    listed.sort_by(|one, two| one.cve.cmp(&two.cve));
    for kev in listed {
        put(Line::Kev(kev.clone()))?;
    }
    let mut scored: Vec<&Epss> = index.epss().collect();
    scored.sort_by(|one, two| one.cve.cmp(&two.cve));
    for score in scored {
        put(Line::Epss(score.clone()))?;
    }
    let unpacked = to.bytes;
    let file = to.inner.finish()?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok((lines, unpacked))
}

struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: io::Write> io::Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.inner.write(bytes)?;
        self.bytes += done as u64;
        Ok(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    key: String,
    signature: String,
}

fn signed(manifest: &[u8]) -> Vec<u8> {
    [PURPOSE, manifest].concat()
}

/// Whether a file begins as a bundle does.
pub(super) fn is_bundle(file: &File) -> bool {
    let mut start = [0; 512];
    let Ok(mut file) = file.try_clone() else {
        return false;
    };
    let read = io::Seek::rewind(&mut file).and_then(|()| file.read_exact(&mut start));
    let found = read.is_ok()
        && start.starts_with(MANIFEST.as_bytes())
        && start.get(257..262) == Some(b"ustar");
    io::Seek::rewind(&mut file).is_ok() && found
}

/// A bundle all of which was checked.
pub(super) struct Checked {
    pub(super) manifest: Manifest,
    key: String,
    manifest_sha256: String,
    builders: Vec<Builder>,
}

/// Checks a bundle: its signature, and every file of it.
///
/// # Errors
/// [`BundleError`] with the file and the reason.
pub fn verify_bundle(path: &Path, keys: &[BundleKey]) -> Result<Manifest, BundleError> {
    check(File::open(path)?, keys).map(|checked| checked.manifest)
}

pub(super) fn check(file: File, keys: &[BundleKey]) -> Result<Checked, BundleError> {
    let mut archive = tar::Archive::new(BufReader::new(file));
    // Raw: the library would take a long name into memory whatever its length.
    let mut entries = archive
        .entries()
        .map_err(|error| BundleError::Broken(error.to_string()))?
        .raw(true);
    let text = small(entries.next(), MANIFEST)?;
    let signature = small(entries.next(), SIGNATURE)?;
    let signature: Signed = serde_json::from_slice(&signature)
        .map_err(|error| BundleError::Broken(format!("{SIGNATURE}: {error}")))?;
    let key = keys
        .iter()
        .find(|key| key.text() == signature.key)
        .ok_or_else(|| BundleError::Unknown {
            key: signature.key.chars().take(64).collect(),
        })?;
    let mut bytes = [0; 64];
    hex::decode_to_slice(&signature.signature, &mut bytes).map_err(|_| BundleError::Signature)?;
    key.0
        .verify_strict(&signed(&text), &Signature::from_bytes(&bytes))
        .map_err(|_| BundleError::Signature)?;
    // From here on the words of the manifest are those of a trusted key.
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| BundleError::Broken(format!("{MANIFEST}: {error}")))?;
    let total = manifest.feeds.iter().fold(0_u64, |sum, feed| {
        sum.saturating_add(feed.bytes.max(feed.unpacked))
    });
    if manifest.hudun_bundle != 1 || manifest.feeds.len() > MOST_FEEDS || total > LONGEST {
        return Err(BundleError::Broken(format!(
            "{MANIFEST}: of another version, or too large for this one"
        )));
    }
    let mut builders = Vec::new();
    for feed in &manifest.feeds {
        let wrong = |reason: &str| BundleError::File {
            file: place(&feed.name),
            reason: reason.to_owned(),
        };
        if !is_name(&feed.name) {
            return Err(BundleError::Broken(format!(
                "{:?} is no name of a feed",
                feed.name
            )));
        }
        let entry = entries
            .next()
            .ok_or_else(|| wrong("it is missing"))?
            .map_err(|error| wrong(&format!("the bundle ends within it: {error}")))?;
        if &*entry.path_bytes() != place(&feed.name).as_bytes()
            || !entry.header().entry_type().is_file()
        {
            let found = String::from_utf8_lossy(&entry.path_bytes())
                .chars()
                .take(200)
                .collect::<String>();
            return Err(wrong(&format!("{found:?} stands in its place")));
        }
        if entry.size() != feed.bytes {
            return Err(wrong(&format!(
                "it has {} bytes and the manifest says {}",
                entry.size(),
                feed.bytes
            )));
        }
        builders.push(read_records(entry, feed).map_err(|reason| wrong(&reason))?);
    }
    if let Some(entry) = entries.next() {
        let name = entry.map_or_else(
            |error| error.to_string(),
            |entry| {
                String::from_utf8_lossy(&entry.path_bytes())
                    .chars()
                    .take(200)
                    .collect()
            },
        );
        return Err(BundleError::File {
            file: name,
            reason: "the manifest does not name it".to_owned(),
        });
    }
    Ok(Checked {
        key: key.text(),
        manifest_sha256: hex::encode(Sha256::digest(&text)),
        manifest,
        builders,
    })
}

fn small(
    entry: Option<io::Result<tar::Entry<'_, BufReader<File>>>>,
    name: &str,
) -> Result<Vec<u8>, BundleError> {
    let broken = |reason: &str| BundleError::Broken(format!("{name}: {reason}"));
    let entry = entry
        .ok_or_else(|| broken("it is missing"))?
        .map_err(|error| broken(&error.to_string()))?;
    if &*entry.path_bytes() != name.as_bytes() || !entry.header().entry_type().is_file() {
        return Err(broken("another file stands in its place"));
    }
    if entry.size() > LONGEST_MANIFEST {
        return Err(broken("it is too long"));
    }
    let length = entry.size();
    let mut bytes = Vec::new();
    entry.take(LONGEST_MANIFEST).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(broken("the bundle ends within it"));
    }
    Ok(bytes)
}

/// Reads the records of a feed while its checksum is taken.
fn read_records(entry: impl Read, feed: &BundledFeed) -> Result<Builder, String> {
    let mut packed = Hashed {
        inner: entry,
        hasher: Sha256::new(),
    };
    let mut builder = Builder::default();
    let mut records = 0;
    {
        let unpacked = GzDecoder::new(&mut packed).take(feed.unpacked);
        let mut lines = BufReader::with_capacity(1 << 16, unpacked);
        let mut line = Vec::new();
        loop {
            line.clear();
            let got = lines
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)
                .map_err(|error| format!("line {}: {error}", records + 1))?;
            if got == 0 {
                break;
            }
            let found = serde_json::from_slice(&line)
                .map_err(|error| format!("line {}: {error}", records + 1))?;
            builder.add(match found {
                Line::Record(record) => Found::Record(record),
                Line::Kev(kev) => Found::Kev(kev),
                Line::Epss(epss) => Found::Epss(epss),
            });
            records += 1;
        }
    }
    // What stands behind the packed records belongs to the checksum too.
    io::copy(&mut packed, &mut io::sink()).map_err(|error| error.to_string())?;
    if hex::encode(packed.hasher.finalize()) != feed.sha256 {
        return Err("its checksum is not that of the manifest: it was changed".to_owned());
    }
    if records != feed.records {
        return Err(format!(
            "it holds {records} records and the manifest says {}",
            feed.records
        ));
    }
    Ok(builder)
}

struct Hashed<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(into)?;
        self.hasher.update(into.get(..got).unwrap_or_default());
        Ok(got)
    }
}

/// What was loaded last, by key.
#[derive(Default, Serialize, Deserialize)]
struct LoadedBefore {
    keys: BTreeMap<String, Last>,
}

#[derive(Serialize, Deserialize)]
struct Last {
    serial: u64,
    manifest: String,
    at: Timestamp,
}

/// What came of a bundle.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says of itself.
    pub manifest: Manifest,
    /// What became of each feed, by name.
    pub feeds: BTreeMap<String, Taken>,
}

impl Feeds {
    /// Loads a bundle. Each feed of it takes the place of what is held under its name; one that shrank or is older is told of
    /// and held back as if it had been pulled. Blocks.
    ///
    /// # Errors
    /// [`BundleError`]; nothing has changed then.
    pub fn load_bundle(&self, path: &Path, allow_older: bool) -> Result<Loaded, BundleError> {
        self.load(File::open(path)?, &path.display().to_string(), allow_older)
    }

    pub(super) fn load(
        &self,
        file: File,
        origin: &str,
        allow_older: bool,
    ) -> Result<Loaded, BundleError> {
        let keys = self
            .config()
            .bundle_keys
            .iter()
            .map(|text| BundleKey::read(text))
            .collect::<Result<Vec<_>, _>>()?;
        let checked = check(file, &keys)?;
        let place = self.folder().join(LOADED);
        let mut before: LoadedBefore = disk::read_json(&place)?.unwrap_or_default();
        let manifest = checked.manifest;
        if let Some(last) = before.keys.get(&checked.key) {
            if manifest.serial < last.serial && !allow_older {
                return Err(BundleError::Older {
                    serial: manifest.serial,
                    loaded: last.serial,
                });
            }
            if manifest.serial == last.serial && last.manifest != checked.manifest_sha256 {
                return Err(BundleError::Twice(manifest.serial));
            }
        }
        let now = Timestamp::now();
        let mut feeds = BTreeMap::new();
        let mut new = Vec::new();
        {
            let mut shelves = self.shelves();
            // Of all before any: a bundle that does not fit here changes nothing.
            for feed in &manifest.feeds {
                if let Some(shelf) = shelves.get(&feed.name)
                    && shelf.config.format != feed.format
                {
                    return Err(BundleError::File {
                        file: feed.name.clone(),
                        reason: format!(
                            "it is {} and the feed of that name here is {}",
                            feed.format, shelf.config.format
                        ),
                    });
                }
            }
            for (feed, builder) in manifest.feeds.iter().zip(checked.builders) {
                let shelf = self.shelf(&mut shelves, &feed.name, feed.format)?;
                let delivery = Delivery {
                    builder,
                    origin: origin.to_owned(),
                    sha256: feed.sha256.clone(),
                    refused: 0,
                    refusals: Vec::new(),
                    whole: true,
                    may_be_older: allow_older,
                };
                let taken = shelf.offer(delivery, now)?;
                new.extend(shelf.last_taken());
                feeds.insert(feed.name.clone(), taken);
            }
        }
        // Last: a crash before this only means that it may be loaded once more.
        before.keys.insert(
            checked.key,
            Last {
                serial: manifest.serial,
                manifest: checked.manifest_sha256,
                at: now,
            },
        );
        disk::write_json(&place, &before)?;
        self.publish(new);
        Ok(Loaded { manifest, feeds })
    }
}
