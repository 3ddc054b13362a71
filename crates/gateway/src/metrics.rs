//! What the gateway counts about itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hudun_core::{LossReason, PatchId, RefusalCause};

use crate::framing::Violation;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that grows and shrinks.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Adds to it (or takes away).
    pub fn add(&self, count: i64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the gateway counts about itself.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests read.
    pub requests: Counter,
    /// Open client connections.
    pub connections: Gauge,
    /// Connections refused because there were too many.
    pub connections_refused: Counter,
    /// Failed TLS handshakes.
    pub tls_failures: Counter,
    /// Header blocks that took too long.
    pub slow_heads: Counter,
    /// Clients cut off because they took nothing of an answer for too long.
    pub slow_readers: Counter,
    /// Exchanges in flight.
    pub in_flight: Gauge,
    /// Requests that the SCRM did not answer.
    pub upstream_failures: Counter,
    /// Requests sent again because they had never reached the SCRM.
    pub upstream_retries: Counter,
    /// Requests sent to the standby.
    pub standby: Counter,
    /// Groups released.
    pub releases: Counter,
    /// Decoded bytes released.
    pub bytes_released: Counter,
    /// Of them, bytes that sightings and known structure explain.
    pub bytes_explained: Counter,
    /// Sightings recorded.
    pub sightings: Counter,
    /// Records that could not be made durable.
    pub accounting_failures: Counter,
    /// Microseconds that answers waited for their record.
    pub accounting_wait_micros: Counter,
    /// Answers masked.
    pub masked: Counter,
    /// Sessions learned.
    pub sessions_learned: Counter,
    refused: [Counter; CAUSES.len()],
    violations: [Counter; Violation::ALL.len()],
    losses: [Counter; LossReason::ALL.len()],
    patches: Mutex<BTreeMap<PatchId, PatchCount>>,
}

/// What a patch did since the gateway started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatchCount {
    /// Exchanges that it would have acted on while it only watched.
    pub observed: u64,
    /// Exchanges that it acted on.
    pub acted: u64,
}

/// Most patches that are counted apart.
const MOST_PATCHES: usize = 1_000;

const CAUSES: [(RefusalCause, &str); 9] = [
    (RefusalCause::Isolation, "isolation"),
    (RefusalCause::Revocation, "revocation"),
    (RefusalCause::Access, "access"),
    (RefusalCause::Patch, "patch"),
    (RefusalCause::Limit, "limit"),
    (RefusalCause::Protocol, "protocol"),
    (RefusalCause::Upstream, "upstream"),
    (RefusalCause::Accounting, "accounting"),
    (RefusalCause::Inspection, "inspection"),
];

impl Metrics {
    /// Counts a refusal.
    pub fn refuse(&self, cause: RefusalCause) {
        if let Some(at) = CAUSES.iter().position(|(known, _)| *known == cause) {
            self.refused[at].add(1);
        }
    }

    /// Refusals by one cause.
    pub fn refused(&self, cause: RefusalCause) -> u64 {
        let at = CAUSES.iter().position(|(known, _)| *known == cause);
        at.map_or(0, |at| self.refused[at].get())
    }

    /// Counts something lost.
    pub fn lose(&self, reason: LossReason, count: u64) {
        if let Some(at) = LossReason::ALL.iter().position(|known| *known == reason) {
            self.losses[at].add(count);
        }
    }

    /// What was lost for one reason.
    pub fn lost(&self, reason: LossReason) -> u64 {
        let at = LossReason::ALL.iter().position(|known| *known == reason);
        at.map_or(0, |at| self.losses[at].get())
    }

    /// What each patch did.
    pub fn patches(&self) -> BTreeMap<PatchId, PatchCount> {
        self.lock().clone()
    }

    /// All of it in the text form of Prometheus.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (name, help, value) in [
            ("requests_total", "Requests read", self.requests.get()),
            (
                "connections_refused_total",
                "Connections refused because there were too many",
                self.connections_refused.get(),
            ),
            (
                "tls_failures_total",
                "Failed TLS handshakes",
                self.tls_failures.get(),
            ),
            (
                "slow_heads_total",
                "Header blocks that took too long",
                self.slow_heads.get(),
            ),
            (
                "slow_readers_total",
                "Clients cut off because they took nothing of an answer for too long",
                self.slow_readers.get(),
            ),
            (
                "upstream_failures_total",
                "Requests that the SCRM did not answer",
                self.upstream_failures.get(),
            ),
            (
                "upstream_retries_total",
                "Requests sent again because they had never reached the SCRM",
                self.upstream_retries.get(),
            ),
            (
                "standby_total",
                "Requests sent to the standby",
                self.standby.get(),
            ),
            (
                "releases_total",
                "Groups of answers released",
                self.releases.get(),
            ),
            (
                "released_bytes_total",
                "Decoded bytes released",
                self.bytes_released.get(),
            ),
            (
                "explained_bytes_total",
                "Released bytes that sightings and known structure explain",
                self.bytes_explained.get(),
            ),
            (
                "sightings_total",
                "Sightings recorded",
                self.sightings.get(),
            ),
            (
                "accounting_failures_total",
                "Records that could not be made durable",
                self.accounting_failures.get(),
            ),
            (
                "accounting_wait_microseconds_total",
                "Time that answers waited for their record",
                self.accounting_wait_micros.get(),
            ),
            ("masked_total", "Answers masked", self.masked.get()),
            (
                "sessions_learned_total",
                "Sessions learned",
                self.sessions_learned.get(),
            ),
        ] {
            let _ = writeln!(
                text,
                "# HELP hudun_gateway_{name} {help}.\n# TYPE hudun_gateway_{name} counter\nhudun_gateway_{name} {value}"
            );
        }
        for (name, help, value) in [
            (
                "connections",
                "Open client connections",
                self.connections.get(),
            ),
            ("in_flight", "Exchanges in flight", self.in_flight.get()),
        ] {
            let _ = writeln!(
                text,
                "# HELP hudun_gateway_{name} {help}.\n# TYPE hudun_gateway_{name} gauge\nhudun_gateway_{name} {value}"
            );
        }
        let causes = CAUSES.iter().map(|(_, name)| *name).zip(&self.refused);
        labelled(
            &mut text,
            "refused_total",
            "Requests and answers refused",
            "cause",
            causes,
        );
        let rules = Violation::ALL
            .iter()
            .map(|rule| rule.name())
            .zip(&self.violations);
        labelled(
            &mut text,
            "framing_rejected_total",
            "Requests refused by their framing",
            "rule",
            rules,
        );
        let losses = LossReason::ALL
            .iter()
            .map(|reason| reason.name())
            .zip(&self.losses);
        labelled(
            &mut text,
            "lost_total",
            "Dropped, skipped, truncated or timed out",
            "reason",
            losses,
        );
        let _ = writeln!(
            text,
            "# HELP hudun_gateway_patch_total Exchanges that a hot patch acted on or would have.\n# TYPE hudun_gateway_patch_total counter"
        );
        for (patch, count) in self.patches() {
            let _ = writeln!(
                text,
                "hudun_gateway_patch_total{{patch=\"{patch}\",did=\"observed\"}} {}\nhudun_gateway_patch_total{{patch=\"{patch}\",did=\"acted\"}} {}",
                count.observed, count.acted
            );
        }
        text
    }

    pub(crate) fn violation(&self, violation: Violation) {
        if let Some(at) = Violation::ALL.iter().position(|known| *known == violation) {
            self.violations[at].add(1);
        }
    }

    pub(crate) fn patch(&self, observed: &[PatchId], acted: &[PatchId]) {
        if observed.is_empty() && acted.is_empty() {
            return;
        }
        let mut patches = self.lock();
        for patch in observed.iter().chain(acted) {
            if patches.len() >= MOST_PATCHES && !patches.contains_key(patch) {
                patches.pop_first();
            }
            patches.entry(*patch).or_default();
        }
        for patch in observed {
            if let Some(count) = patches.get_mut(patch) {
                count.observed += 1;
            }
        }
        for patch in acted {
            if let Some(count) = patches.get_mut(patch) {
                count.acted += 1;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PatchId, PatchCount>> {
        self.patches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn labelled<'a>(
    text: &mut String,
    name: &str,
    help: &str,
    label: &str,
    values: impl Iterator<Item = (&'a str, &'a Counter)>,
) {
    let _ = writeln!(
        text,
        "# HELP hudun_gateway_{name} {help}.\n# TYPE hudun_gateway_{name} counter"
    );
    for (value, counter) in values {
        let _ = writeln!(
            text,
            "hudun_gateway_{name}{{{label}=\"{value}\"}} {}",
            counter.get()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_has_a_line_for_every_count() {
        let metrics = Metrics::default();
        metrics.requests.add(3);
        metrics.refuse(RefusalCause::Patch);
        metrics.lose(LossReason::QueueFull, 2);
        metrics.violation(Violation::LengthAndEncoding);
        let patch = PatchId::new();
        metrics.patch(&[patch], &[]);
        let text = metrics.render();
        for line in [
            "hudun_gateway_requests_total 3".to_owned(),
            "hudun_gateway_refused_total{cause=\"patch\"} 1".to_owned(),
            "hudun_gateway_lost_total{reason=\"queue-full\"} 2".to_owned(),
            "hudun_gateway_framing_rejected_total{rule=\"length-and-encoding\"} 1".to_owned(),
            format!("hudun_gateway_patch_total{{patch=\"{patch}\",did=\"observed\"}} 1"),
        ] {
            assert!(text.lines().any(|given| given == line), "{line} in\n{text}");
        }
    }
}
