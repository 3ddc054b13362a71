//! Log-in risk: the likelihood ratio of Freeman and others (NDSS 2016) in log-odds, feature by feature.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::facts::Fact;
use crate::observe::{Login, Observation};
use crate::score::Part;
use crate::sketch::name_of;

/// Values remembered for one feature of one actor.
const OWN: usize = 24;
/// Values remembered for one feature of one tenant.
const CENSUS: usize = 2_048;
/// Probability of one exact value among those that nobody has used: there are that many networks and devices out there.
const UNKNOWN: f64 = 1.0 / 4_096.0;
/// Log-odds of a log-in before its features are looked at.
const PRIOR: f64 = -7.0;

/// Log-ins of one actor that were confirmed good.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LoginProfile {
    networks: Values,
    wide: Values,
    devices: Values,
    families: Values,
    regions: Values,
    hours: Vec<f32>,
    trips: Vec<f32>,
    n: f32,
}

/// Log-ins of a whole tenant that were confirmed good.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Census {
    networks: HashMap<u32, f32>,
    devices: HashMap<u32, f32>,
    families: HashMap<u32, f32>,
    regions: HashMap<u32, f32>,
    hours: Vec<f32>,
    trips: Vec<f32>,
    n: f32,
}

/// A log-in that waits for its confirmation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) at: i64,
    pub(crate) odd: bool,
    features: Features,
}

/// A log-in as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Features {
    pub(crate) network: u32,
    wide: u32,
    pub(crate) device: u32,
    family: u32,
    region: u32,
    hour: u8,
    trip: Option<(u8, u32)>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Values(Vec<(u32, f32)>);

impl Features {
    pub(crate) fn of(observation: &Observation<'_>, login: &Login<'_>, hour: u8) -> Self {
        let (network, wide) = observation.network.map_or((0, 0), networks);
        let family: String = observation
            .device
            .chars()
            .take(200)
            .filter(|letter| letter.is_alphabetic() || *letter == '/')
            .collect();
        Self {
            network,
            wide,
            device: short(observation.device.as_bytes()),
            family: short(family.as_bytes()),
            region: login.region.map_or(0, |region| short(region.as_bytes())),
            hour,
            trip: login.rtt_ms.map(|ms| (bucket(ms), ms)),
        }
    }
}

/// Names of the network: /24 (IPv6: /48), and the range an operator gives out, /16 (/32). 0 stands for none.
pub(crate) fn networks(ip: IpAddr) -> (u32, u32) {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            (short(&[4, a, b, c]), short(&[4, a, b]))
        }
        IpAddr::V6(v6) => {
            let octets = v6.octets();
            (
                short(octets.get(..6).unwrap_or_default()),
                short(octets.get(..4).unwrap_or_default()),
            )
        }
    }
}

impl LoginProfile {
    /// The parts of the score of this log-in.
    pub(crate) fn judge(&self, census: &Census, features: &Features, failed: u32) -> Vec<Part> {
        let n = f64::from(self.n);
        let mut parts = vec![Part::new("prior", PRIOR, Fact::Prior)];
        if features.network != 0 {
            let (own, range) = (
                self.networks.get(features.network),
                self.wide.get(features.wide),
            );
            let of_tenant = census.share(&census.networks, features.network, UNKNOWN);
            let parent = 0.5 * range / (n + 1.0) / 32.0 + 0.5 * of_tenant;
            let usual = blend(own, n, self.networks.spread(), parent);
            let attack = 0.1 * of_tenant + 0.9 * UNKNOWN;
            let level = level(
                own,
                range
                    + f64::from(
                        census
                            .networks
                            .get(&features.network)
                            .copied()
                            .unwrap_or_default(),
                    ),
            );
            parts.push(Part::new(
                "network",
                (attack / usual).ln().clamp(-3.0, 6.0),
                Fact::Network {
                    level,
                    seen: own,
                    of: n,
                },
            ));
        }
        let (own, alike) = (
            self.devices.get(features.device),
            self.families.get(features.family),
        );
        let of_tenant = census.share(&census.devices, features.device, UNKNOWN);
        let parent = 0.7 * alike / (n + 1.0) / 4.0 + 0.3 * of_tenant;
        let usual = blend(own, n, self.families.spread(), parent);
        // Who knows the password often knows what is popular.
        let attack = 0.6 * of_tenant + 0.4 * UNKNOWN;
        let level = level(
            own,
            alike
                + f64::from(
                    census
                        .devices
                        .get(&features.device)
                        .copied()
                        .unwrap_or_default(),
                ),
        );
        parts.push(Part::new(
            "device",
            (attack / usual).ln().clamp(-2.0, 4.0),
            Fact::Device {
                level,
                seen: own,
                of: n,
            },
        ));
        let share = self.around(features.hour, census);
        parts.push(Part::new(
            "hour",
            (1.0 / 24.0 / share).ln().clamp(-1.0, 2.5),
            Fact::LoginHour {
                hour: features.hour,
                share: (share * 3.0).min(1.0),
            },
        ));
        if let Some((at, ms)) = features.trip {
            let of = |trips: &Vec<f32>| {
                let near = |step: usize| trips.get(step).copied().unwrap_or_default();
                let at = usize::from(at);
                f64::from(near(at) + 0.5 * near(at + 1) + 0.5 * at.checked_sub(1).map_or(0.0, near))
            };
            let of_tenant = (of(&census.trips) + 1.0) / (f64::from(census.n) + 16.0);
            let usual = (of(&self.trips) + 2.0 * of_tenant) / (n + 2.0);
            parts.push(Part::new(
                "round-trip",
                ((0.5 * of_tenant + 0.5 / 16.0) / usual)
                    .ln()
                    .clamp(-1.0, 3.0),
                Fact::Rtt {
                    ms,
                    usual: self.usual_trip(),
                },
            ));
        }
        if features.region != 0 {
            let own = self.regions.get(features.region);
            let of_tenant = census.share(&census.regions, features.region, 1.0 / 64.0);
            let usual = blend(own, n, self.regions.spread(), of_tenant);
            let attack = 0.3 * of_tenant + 0.7 / 64.0;
            parts.push(Part::new(
                "region",
                (attack / usual).ln().clamp(-1.0, 4.0),
                Fact::Region { seen: own, of: n },
            ));
        }
        if failed > 0 {
            parts.push(Part::new(
                "failed-tries",
                (0.6 * f64::from(failed)).min(3.0),
                Fact::Tries { failed },
            ));
        }
        parts
    }

    /// Learns from a log-in that was confirmed good.
    pub(crate) fn learn(&mut self, census: &mut Census, pending: &Pending) {
        let features = &pending.features;
        // Old habits fade: some hundred log-ins are remembered.
        if self.n > 100.0 {
            let fade = 0.99;
            for values in [
                &mut self.networks,
                &mut self.wide,
                &mut self.devices,
                &mut self.families,
                &mut self.regions,
            ] {
                values.0.iter_mut().for_each(|(_, count)| *count *= fade);
            }
            self.hours
                .iter_mut()
                .chain(&mut self.trips)
                .for_each(|count| *count *= fade);
            self.n *= fade;
        }
        self.n += 1.0;
        self.networks.add(features.network);
        self.wide.add(features.wide);
        self.devices.add(features.device);
        self.families.add(features.family);
        self.regions.add(features.region);
        add_at(&mut self.hours, features.hour, 24);
        census.n += 1.0;
        census.add(features);
        if let Some((trip, _)) = features.trip {
            add_at(&mut self.trips, trip, 16);
            add_at(&mut census.trips, trip, 16);
        }
        add_at(&mut census.hours, features.hour, 24);
    }

    /// Whether a trusted log-in came from this network.
    pub(crate) fn knows_network(&self, network: u32) -> bool {
        self.networks.get(network) > 0.0
    }

    pub(crate) fn heap(&self) -> usize {
        let values = [
            &self.networks,
            &self.wide,
            &self.devices,
            &self.families,
            &self.regions,
        ];
        values
            .iter()
            .map(|values| values.0.capacity() * 8)
            .sum::<usize>()
            + (self.hours.capacity() + self.trips.capacity()) * 4
    }

    pub(crate) fn is_sound(&self) -> bool {
        [
            &self.networks,
            &self.wide,
            &self.devices,
            &self.families,
            &self.regions,
        ]
        .iter()
        .all(|values| values.0.len() <= OWN)
            && self.hours.len() <= 24
            && self.trips.len() <= 16
            && self.n.is_finite()
    }

    /// Share of log-ins in this hour, neighbours counting half, drawn towards the tenant's.
    fn around(&self, hour: u8, census: &Census) -> f64 {
        let near = |hours: &Vec<f32>| {
            let at = |step: u8| {
                f64::from(
                    hours
                        .get(usize::from((hour + step) % 24))
                        .copied()
                        .unwrap_or_default(),
                )
            };
            0.5 * at(0) + 0.25 * at(1) + 0.25 * at(23)
        };
        let of_tenant = (near(&census.hours) + 4.0 / 24.0) / (f64::from(census.n) + 4.0);
        ((near(&self.hours) + 3.0 * of_tenant) / (f64::from(self.n) + 3.0)).max(1e-4)
    }

    fn usual_trip(&self) -> Option<u32> {
        let (at, most) = self
            .trips
            .iter()
            .enumerate()
            .max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        (*most > 0.0).then(|| 1 << at.min(15))
    }
}

impl Pending {
    pub(crate) const fn new(at: i64, odd: bool, features: Features) -> Self {
        Self { at, odd, features }
    }
}

impl Census {
    fn share(&self, counts: &HashMap<u32, f32>, value: u32, base: f64) -> f64 {
        let seen = f64::from(counts.get(&value).copied().unwrap_or_default());
        (seen + 2.0 * base) / (f64::from(self.n) + 2.0)
    }

    fn add(&mut self, features: &Features) {
        let features_of = [
            (&mut self.networks, features.network),
            (&mut self.devices, features.device),
            (&mut self.families, features.family),
            (&mut self.regions, features.region),
        ];
        for (counts, value) in features_of {
            if value == 0 {
                continue;
            }
            if counts.len() >= CENSUS && !counts.contains_key(&value) {
                // Whatever was seen once makes room; what many use stays.
                counts.retain(|_, count| {
                    *count *= 0.5;
                    *count > 0.5
                });
                if counts.len() >= CENSUS {
                    continue;
                }
            }
            *counts.entry(value).or_default() += 1.0;
        }
    }

    pub(crate) fn is_sound(&self) -> bool {
        [&self.networks, &self.devices, &self.families, &self.regions]
            .iter()
            .all(|counts| counts.len() <= CENSUS)
            && self.hours.len() <= 24
            && self.trips.len() <= 16
    }
}

impl Values {
    fn get(&self, value: u32) -> f64 {
        self.0
            .iter()
            .find(|(known, _)| *known == value)
            .map_or(0.0, |(_, count)| f64::from(*count))
    }

    /// How readily new values come: the more different ones there were, the less a new one surprises.
    fn spread(&self) -> f64 {
        0.5 + 0.5 * self.0.len() as f64
    }

    fn add(&mut self, value: u32) {
        if value == 0 {
            return;
        }
        if let Some((_, count)) = self.0.iter_mut().find(|(known, _)| *known == value) {
            *count += 1.0;
            return;
        }
        if self.0.len() >= OWN
            && let Some(least) = self
                .0
                .iter()
                .enumerate()
                .min_by(|(_, one), (_, other)| one.1.total_cmp(&other.1))
                .map(|(at, _)| at)
        {
            self.0.swap_remove(least);
        }
        self.0.push((value, 1.0));
    }
}

/// A person's probability of a value: own counts, drawn towards the parent distribution.
fn blend(own: f64, n: f64, spread: f64, parent: f64) -> f64 {
    ((own + spread * parent) / (n + spread)).max(1e-12)
}

fn level(own: f64, near: f64) -> u8 {
    match (own > 0.0, near > 0.0) {
        (true, _) => 0,
        (_, true) => 1,
        _ => 2,
    }
}

fn add_at(counts: &mut Vec<f32>, at: u8, len: usize) {
    counts.resize(len, 0.0);
    if let Some(count) = counts.get_mut(usize::from(at)) {
        *count += 1.0;
    }
}

/// Powers of two of a millisecond.
const fn bucket(ms: u32) -> u8 {
    let at = 32 - ms.leading_zeros();
    if at > 15 { 15 } else { at as u8 }
}

fn short(bytes: &[u8]) -> u32 {
    (name_of(bytes) >> 32) as u32 | 1
}
