//! Where addresses are: a MaxMind database that the site brings. None is shipped.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hudun_monitor::{Place, Point, Regions};
use maxminddb::Reader;
use serde::Deserialize;

/// Largest database that is read into memory; a city database has 60 to 130 MB.
const LARGEST: u64 = 512 << 20;

/// By how much an entry may be wrong that doesn't say so.
const UNSAID_KM: f64 = 100.0;

/// What is read of an entry: country, first subdivision, coordinates. Databases of countries have no coordinates.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    country: Option<Code<'a>>,
    #[serde(borrow, default)]
    subdivisions: Vec<Code<'a>>,
    #[serde(default)]
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    latitude: Option<f64>,
    #[serde(default)]
    longitude: Option<f64>,
    /// Kilometres.
    #[serde(default)]
    accuracy_radius: Option<u16>,
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
    Ok(Regions::new(move |ip| place(&reader, ip)))
}

/// The region is `CN-ZJ`, or `CN` where no subdivision is known. A damaged entry places nobody.
fn place(reader: &Reader<Vec<u8>>, ip: IpAddr) -> Option<Place> {
    let found = reader.lookup(ip).ok()?;
    let entry = found.decode::<Entry<'_>>().ok()??;
    let country = entry.country.and_then(|country| country.iso_code);
    let part = entry.subdivisions.first().and_then(|part| part.iso_code);
    let region = country.map(|country| match part {
        Some(part) => format!("{country}-{part}"),
        None => country.to_owned(),
    });
    let point = entry.location.and_then(|location| {
        let (latitude, longitude) = (location.latitude?, location.longitude?);
        let sound = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        sound.then(|| Point {
            latitude,
            longitude,
            radius_km: location.accuracy_radius.map_or(UNSAID_KM, f64::from),
        })
    });
    Some(Place { region, point })
}
