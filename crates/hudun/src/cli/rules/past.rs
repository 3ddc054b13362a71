//! Recorded exchanges for the commands that ask rules about them.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use hudun_core::{ExchangeEvent, Timestamp, Window};
use hudun_gateway::TenantKeys;
use hudun_lake::Reading;
use hudun_monitor::{Site, Thresholds};
use hudun_profile::Profile;

use crate::config::Config;
use crate::demo::LOCAL_FILE;
use crate::keys::MasterKey;
use crate::system::read_profile;

/// Which exchanges of which data folder.
#[derive(Args)]
pub(in crate::cli) struct Past {
    /// The data folder; that of --config, or ./data, when absent. It is only read, so Hudun may run meanwhile.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// How far back, such as 7d, 12h or 30m.
    #[arg(long, default_value = "7d", value_name = "SPAN")]
    last: Span,
    /// Until when (RFC 3339); now when absent.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// The configuration that Hudun runs with: its monitor section says which roles may see only their own rows, and what
    /// service accounts may do.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Exchanges before the span that the rules see first, without a report: windows, networks and log-ins that they know
    /// by then, and what the behaviour engine has learnt. Rules that match its scores want some weeks.
    #[arg(long, default_value = "1d", value_name = "SPAN")]
    warm_up: Span,
}

impl Past {
    /// With the defaults for what isn't said.
    pub(super) const fn new(data: Option<PathBuf>, last: Span, config: Option<PathBuf>) -> Self {
        Self {
            data,
            last,
            until: None,
            config,
            warm_up: Span(86_400_000),
        }
    }

    /// Reads what the folder holds now.
    pub(super) fn open(&self) -> anyhow::Result<Recorded> {
        let config = match &self.config {
            Some(file) => Some(Config::read(file)?),
            None => None,
        };
        let folder = match (&self.data, &config) {
            (Some(data), _) => data.clone(),
            (None, Some(config)) => config.data.clone(),
            (None, None) => PathBuf::from("data"),
        };
        let key = folder.join("master.key");
        let keys = match key.is_file() {
            true => Some(MasterKey::open(&key).with_context(|| key.display().to_string())?),
            false => None,
        };
        let site = |profile: &Profile, monitor: &Thresholds| {
            let keys = keys.as_ref().map(|keys| keys as &dyn TenantKeys);
            crate::site::of(profile, monitor, keys)
        };
        let mut place = Site::default();
        let thresholds = match config {
            Some(config) => {
                place = site(&read_profile(&config.gateway.profile)?, &config.monitor)?;
                config.monitor
            }
            None if folder.join(LOCAL_FILE).is_file() => {
                let monitor = crate::demo::thresholds();
                place = site(&crate::demo::profile()?, &monitor)?;
                monitor
            }
            None => {
                eprintln!(
                    "hudun: without --config no role is taken for one that may see only its own rows, and no account for a service"
                );
                Thresholds::default()
            }
        };
        let reading = Reading::of(&folder.join("lake")).with_context(|| {
            format!(
                "the recorded exchanges of the data folder {}; name another with --data",
                folder.display()
            )
        })?;
        let to = self.until.unwrap_or_else(Timestamp::now);
        let window = Window {
            from: to.plus_millis(-self.last.0),
            to,
        };
        let Some(span) = reading.span() else {
            bail!("{}: no exchange is recorded", folder.display());
        };
        if span.from > window.to || span.to < window.from {
            bail!(
                "{}: no exchange is recorded from {} to {}; there are some from {} to {}: see --last and --until",
                folder.display(),
                window.from,
                window.to,
                span.from,
                span.to
            );
        }
        let report = reading.report();
        if report.senseless > 0 || report.orphans > 0 {
            eprintln!(
                "hudun: {} records of the journal can't be read (the last one of a running process may be half written), {} exchanges have no head",
                report.senseless, report.orphans
            );
        }
        Ok(Recorded {
            reading,
            thresholds,
            site: place,
            window,
            warm_up: self.warm_up.0,
            covered: Window {
                from: window.from.max(span.from),
                to: window.to.min(span.to),
            },
        })
    }
}

/// What is there, and what is asked of it.
pub(super) struct Recorded {
    reading: Reading,
    pub(super) thresholds: Thresholds,
    pub(super) site: Site,
    pub(super) window: Window,
    warm_up: i64,
    /// The part of the window in which there are exchanges.
    pub(super) covered: Window,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct Handed {
    pub(super) tenants: u64,
    pub(super) exchanges: u64,
    pub(super) gone: u64,
}

impl Recorded {
    /// Days that the covered part has, at least one: less than a day says nothing about the rest of it.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn days(&self) -> f64 {
        let days = self.covered.to.millis_since(self.covered.from) as f64 / DAY as f64;
        days.max(1.0)
    }

    /// Whether there is less than a day.
    pub(super) const fn is_short(&self) -> bool {
        self.covered.to.millis_since(self.covered.from) < DAY
    }

    /// Tells what happened, tenant by tenant, each in order; of the time before the window, too, as far as it warms up.
    pub(super) fn replay(
        &self,
        what: &str,
        mut take: impl FnMut(ExchangeEvent),
    ) -> anyhow::Result<Handed> {
        let window = Window {
            from: self.window.from.plus_millis(-self.warm_up),
            to: self.window.to,
        };
        let tenants = self.reading.tenants();
        let all: u64 = tenants
            .iter()
            .map(|tenant| self.reading.about(tenant, window))
            .sum();
        let mut progress = Progress::new(what, all);
        let mut handed = Handed::default();
        for tenant in &tenants {
            let replay = self.reading.replay(tenant, window, |event| {
                if matches!(event, ExchangeEvent::Head(_)) {
                    progress.one();
                }
                take(event);
            })?;
            handed.tenants += u64::from(replay.exchanges > 0);
            handed.exchanges += replay.exchanges;
            handed.gone += replay.gone;
        }
        progress.end();
        if handed.gone > 0 {
            eprintln!(
                "hudun: {} exchanges were removed meanwhile because their time to be kept was over",
                handed.gone
            );
        }
        Ok(handed)
    }
}

/// How far long work has come, on standard error.
struct Progress<'a> {
    what: &'a str,
    done: u64,
    all: u64,
    told: Instant,
    every: Duration,
    terminal: bool,
    any: bool,
}

impl<'a> Progress<'a> {
    fn new(what: &'a str, all: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self {
            what,
            done: 0,
            all,
            told: Instant::now(),
            every: Duration::from_secs(if terminal { 1 } else { 10 }),
            terminal,
            any: false,
        }
    }

    fn one(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(1024) && self.told.elapsed() >= self.every {
            self.told = Instant::now();
            self.any = true;
            let (back, end) = if self.terminal {
                ("\r", "")
            } else {
                ("", "\n")
            };
            eprint!(
                "{back}hudun: {}: {} of about {} exchanges{end}",
                self.what, self.done, self.all
            );
        }
    }

    fn end(&self) {
        if self.any && self.terminal {
            eprintln!();
        }
    }
}

/// A length of time: `7d`, `12h`, `30m`, `2w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Span(i64);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is no span; write 7d, 12h, 30m or 2w");
        let (number, unit) = text
            .split_at_checked(text.len().saturating_sub(1))
            .ok_or_else(fault)?;
        let number: u32 = number.parse().map_err(|_| fault())?;
        let unit = match unit {
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => DAY,
            "w" => 7 * DAY,
            _ => return Err(fault()),
        };
        let millis = i64::from(number) * unit;
        if millis > LONGEST {
            return Err(format!("{text:?} is longer than ten years"));
        }
        Ok(Self(millis))
    }
}

const DAY: i64 = 86_400_000;
const LONGEST: i64 = 3_660 * DAY;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_nonsense_is_refused() {
        assert_eq!("7d".parse(), Ok(Span(7 * DAY)));
        assert_eq!("90m".parse(), Ok(Span(90 * 60_000)));
        assert_eq!("2w".parse(), Ok(Span(14 * DAY)));
        for text in ["", "d", "7", "-7d", "7 d", "7天", "999999999w", "4000d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
