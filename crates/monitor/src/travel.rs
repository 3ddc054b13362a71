//! How fast somebody would have had to travel from where the account was seen last.

use serde::{Deserialize, Serialize};

use crate::account::Network;
use crate::site::{Place, Point};

/// Where an account was at work last, while a database can tell.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Presence {
    pub(crate) network: Network,
    pub(crate) region: Option<String>,
    pub(crate) point: Point,
    /// Unix milliseconds.
    pub(crate) at: i64,
}

/// A way that somebody would have made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Travel {
    /// Kilometres between the two places, less what the database says it may be wrong by.
    pub(crate) km: f64,
    /// Kilometres an hour.
    pub(crate) kmh: f64,
}

impl Presence {
    /// Presence at a place; `None` where the database has no coordinates.
    pub(crate) fn at(place: Place, network: Network, at: i64) -> Option<Self> {
        Some(Self {
            network,
            region: place.region,
            point: place.point?,
            at,
        })
    }

    /// The way from here to there. Two networks of one region are no way: databases put the networks of an operator that has
    /// no place wherever they like within it.
    pub(crate) fn to(&self, there: &Self) -> Option<Travel> {
        if self.region.is_some() && self.region == there.region {
            return None;
        }
        let blur = self.point.radius_km + there.point.radius_km;
        let km = distance_km(self.point, there.point) - blur;
        if !km.is_finite() || km <= 0.0 {
            return None;
        }
        // Two requests of one moment are a second apart, so that the speed stays a number.
        #[allow(clippy::cast_precision_loss)]
        let hours =
            (there.at.saturating_sub(self.at).unsigned_abs().max(1_000)) as f64 / 3_600_000.0;
        Some(Travel {
            km: km.round(),
            kmh: (km / hours).round(),
        })
    }
}

/// Great-circle distance on a sphere of the earth's mean radius.
fn distance_km(one: Point, other: Point) -> f64 {
    const EARTH: f64 = 6_371.0;
    let (lat1, lat2) = (one.latitude.to_radians(), other.latitude.to_radians());
    let dlat = (lat2 - lat1) / 2.0;
    let dlon = (other.longitude - one.longitude).to_radians() / 2.0;
    let h = dlat.sin().powi(2) + lat1.cos() * lat2.cos() * dlon.sin().powi(2);
    2.0 * EARTH * h.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(region: &str, latitude: f64, longitude: f64, radius_km: f64, at: i64) -> Presence {
        Presence {
            network: Network::of("10.0.0.1".parse().unwrap()),
            region: Some(region.to_owned()),
            point: Point {
                latitude,
                longitude,
                radius_km,
            },
            at,
        }
    }

    #[test]
    fn a_way_has_its_length_and_speed() {
        let hangzhou = presence("CN-ZJ", 30.27, 120.16, 20.0, 0);
        let urumqi = presence("CN-XJ", 43.83, 87.62, 50.0, 3 * 3_600_000);
        let travel = hangzhou.to(&urumqi).unwrap();
        // 3,195 km as the crow flies, less 70 of doubt.
        assert!((3_100.0..3_160.0).contains(&travel.km), "{travel:?}");
        assert!((travel.kmh - travel.km / 3.0).abs() < 1.0, "{travel:?}");
        // Whatever the order of the two, and however close.
        assert_eq!(urumqi.to(&hangzhou), Some(travel));
        let now = presence("CN-XJ", 43.83, 87.62, 50.0, 0);
        assert!(hangzhou.to(&now).unwrap().kmh.is_finite());
        // Within one region, and within the doubt, nobody travels.
        assert_eq!(hangzhou.to(&presence("CN-ZJ", 28.0, 120.7, 0.0, 1)), None);
        assert_eq!(hangzhou.to(&presence("CN-SH", 31.2, 121.5, 500.0, 1)), None);
        assert_eq!(hangzhou.to(&presence("CN-GD", f64::NAN, 1.0, 0.0, 1)), None);
    }
}
