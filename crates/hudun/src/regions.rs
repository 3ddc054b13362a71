//! Where addresses are: a MaxMind database that the site brings. None is shipped.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hudun_monitor::Regions;
use maxminddb::Reader;
use serde::Deserialize;

/// Largest database that is read into memory; a city database has 60 to 130 MB.
const LARGEST: u64 = 512 << 20;

/// What is read of an entry: country and first subdivision.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    country: Option<Code<'a>>,
    #[serde(borrow, default)]
    subdivisions: Vec<Code<'a>>,
}

#[derive(Deserialize)]
struct Code<'a> {
    #[serde(default)]
    iso_code: Option<&'a str>,
}

/// Reads the database whole. It is read once: a newer one counts after a restart.
///
/// # Errors
/// A file that can't be read, is too large, or is no database of this format.
pub fn open(file: &Path) -> anyhow::Result<Regions> {
    let named = || format!("monitor.regions: {}", file.display());
    let size = file.metadata().with_context(named)?.len();
    if size > LARGEST {
        bail!("{}: {size} bytes; at most {LARGEST} are read", named());
    }
    let reader = Reader::from_source(std::fs::read(file).with_context(named)?);
    let reader = Arc::new(reader.with_context(named)?);
    Ok(Regions::new(move |ip| region(&reader, ip)))
}

/// `CN-ZJ`, or `CN` where no subdivision is known. A damaged entry places nobody.
fn region(reader: &Reader<Vec<u8>>, ip: IpAddr) -> Option<String> {
    let found = reader.lookup(ip).ok()?;
    let entry = found.decode::<Entry<'_>>().ok()??;
    let country = entry.country?.iso_code?;
    let part = entry.subdivisions.first().and_then(|part| part.iso_code);
    Some(match part {
        Some(part) => format!("{country}-{part}"),
        None => country.to_owned(),
    })
}
