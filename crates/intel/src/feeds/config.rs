//! What is pulled from where, and how patiently.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use http::Uri;
use hudun_advisory::Format;
use serde::{Deserialize, Serialize};

use super::error::FeedsError;

/// The section `intel` of the configuration. Nothing is pulled unless it is listed; the drop folder is always watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedsConfig {
    /// Folder for files put there by hand; `drop` in the folder of the feeds when absent.
    pub drop: Option<PathBuf>,
    /// Files of it that were read are kept in its `done`, at most so many; the oldest go first.
    pub keep_done: usize,
    /// A file of the drop folder is read when it has not changed for so long. Written elsewhere and renamed into the folder it
    /// is read at once.
    pub settle_ms: u64,
    /// Addresses that [`FeedConfig::path`] is looked for under, in turn, before the feed's own addresses.
    pub mirrors: Vec<String>,
    /// Proxy for all feeds: `http://host:port`.
    pub proxy: Option<String>,
    /// Certificates (PEM) of the authorities that servers are checked against; the public ones when absent.
    pub ca: Option<PathBuf>,
    /// Public keys of those whose bundles are taken: 64 hexadecimal digits, or a file that holds them.
    pub bundle_keys: Vec<String>,
    /// What is pulled, or awaited by hand.
    pub feeds: Vec<FeedConfig>,
}

impl Default for FeedsConfig {
    fn default() -> Self {
        Self {
            drop: None,
            keep_done: 1_000,
            settle_ms: 750,
            mirrors: Vec::new(),
            proxy: None,
            ca: None,
            bundle_keys: Vec::new(),
            feeds: Vec::new(),
        }
    }
}

/// One feed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedConfig {
    /// What it is called, in lower case: letters, digits and `-`.
    pub name: String,
    /// Its form.
    pub format: Format,
    /// Where it is, `http` or `https`; the first that answers counts. `{YYYY}`, `{MM}`, `{DD}` and `{HH}` stand for the
    /// hour in UTC; where that is not there yet, the two hours before are tried. Without any address and path, it comes by
    /// hand: files of its form in the drop folder are its own.
    #[serde(default)]
    pub urls: Vec<String>,
    /// Where it is under each of the mirrors.
    #[serde(default)]
    pub path: Option<String>,
    /// Whether each pull holds everything or only what is new.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// How often it is pulled.
    #[serde(default = "every")]
    pub every_minutes: u32,
    /// It is late when what it holds is older than this, or has not been confirmed for as long.
    #[serde(default)]
    pub late_after_hours: Option<u32>,
    /// What has fewer records than this share of what is held is held back until a person accepts it.
    #[serde(default = "shrink")]
    pub shrink_percent: u8,
    /// Longest download.
    #[serde(default = "mib")]
    pub max_mib: u32,
    /// A download takes at most so long.
    #[serde(default = "seconds")]
    pub timeout_seconds: u32,
    /// A server that sends nothing for so long has failed.
    #[serde(default = "idle")]
    pub idle_seconds: u32,
    /// Tries of each address, with growing pauses between them.
    #[serde(default = "tries")]
    pub tries: u32,
    /// Headers of each request, such as a key. They go to no other host than the address names, and never to the logs.
    #[serde(default, skip_serializing)]
    pub headers: BTreeMap<String, String>,
    /// Headers whose values stand in files, such as a key; read anew with each pull.
    #[serde(default)]
    pub header_files: BTreeMap<String, PathBuf>,
    /// It is asked page by page. `path` and `urls` are then the stem of the API.
    #[serde(default)]
    pub api: Option<Api>,
    /// Requests of pages within any 30 seconds; 5 when absent, 50 with a header `apiKey`, as the NVD allows.
    #[serde(default)]
    pub requests_in_30_seconds: Option<u32>,
}

/// A way of asking page by page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Api {
    /// The NVD's, version 2.0: everything at first, then what was modified since.
    #[serde(rename = "nvd-2.0")]
    Nvd,
}

/// What a pull holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything: what is missing in it was taken away.
    Whole,
    /// What is new or changed: it is added.
    Add,
}

impl FeedConfig {
    /// A feed of which only the files in the drop folder are known.
    pub fn by_hand(name: &str, format: Format) -> Self {
        Self {
            name: name.to_owned(),
            format,
            urls: Vec::new(),
            path: None,
            mode: None,
            every_minutes: every(),
            late_after_hours: None,
            shrink_percent: shrink(),
            max_mib: mib(),
            timeout_seconds: seconds(),
            idle_seconds: idle(),
            tries: tries(),
            headers: BTreeMap::new(),
            header_files: BTreeMap::new(),
            api: None,
            requests_in_30_seconds: None,
        }
    }

    /// The headers of each request, with those from files.
    pub(super) fn all_headers(&self) -> Result<BTreeMap<String, String>, String> {
        let mut all = self.headers.clone();
        for (name, path) in &self.header_files {
            let told =
                |reason: String| format!("header_files.{name}: {}: {reason}", path.display());
            let text = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
            let value = text.trim();
            if value.is_empty() || http::HeaderValue::try_from(value).is_err() {
                return Err(told("it holds no value that can be sent".to_owned()));
            }
            all.insert(name.clone(), value.to_owned());
        }
        Ok(all)
    }

    /// Requests of pages that may be sent within any 30 seconds.
    pub(super) fn requests_in_30_seconds(&self, headers: &BTreeMap<String, String>) -> u32 {
        let keyed = headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("apikey"));
        self.requests_in_30_seconds
            .unwrap_or(if keyed { 50 } else { 5 })
    }

    /// Whether it only comes by hand.
    pub const fn is_by_hand(&self) -> bool {
        self.urls.is_empty() && self.path.is_none()
    }

    /// Whether each delivery holds everything. A catalogue and a day of scores always do; of the rest, weekly files and news
    /// are parts, and so is what is dropped by hand.
    pub fn is_whole(&self) -> bool {
        match (self.mode, self.format) {
            (Some(mode), _) => mode == Mode::Whole,
            (None, Format::Kev | Format::Epss) => true,
            (None, Format::Cnvd | Format::Cnnvd | Format::Rss) => false,
            (None, _) => !self.is_by_hand(),
        }
    }

    /// After how long without something newer it is late, milliseconds.
    pub fn late_after_ms(&self) -> i64 {
        let hours = self.late_after_hours.unwrap_or(match self.format {
            Format::Cve5 | Format::Nvd => 3 * 24,
            Format::Epss | Format::Ghsa => 4 * 24,
            Format::Osv => 7 * 24,
            // CISA adds something about every four days, CNVD every week.
            Format::Kev | Format::Cnvd => 14 * 24,
            Format::Cnnvd | Format::Csaf | Format::Rss => 45 * 24,
            Format::OpenVex => 365 * 24,
        });
        i64::from(hours) * 3_600_000
    }
}

impl fmt::Debug for FeedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeedConfig({}, {})", self.name, self.format)
    }
}

const fn every() -> u32 {
    60
}

const fn shrink() -> u8 {
    80
}

const fn mib() -> u32 {
    1_024
}

const fn seconds() -> u32 {
    900
}

const fn idle() -> u32 {
    30
}

const fn tries() -> u32 {
    3
}

impl FeedsConfig {
    /// Says what is wrong with it, if anything.
    ///
    /// # Errors
    /// [`FeedsError::Config`] with the field and what to do.
    pub fn check(&self) -> Result<(), FeedsError> {
        let wrong = |field: String, reason: String| Err(FeedsError::Config { field, reason });
        let mut names = std::collections::BTreeSet::new();
        for (at, url) in self.mirrors.iter().enumerate() {
            address(&format!("intel.mirrors[{at}]"), url)?;
        }
        if let Some(proxy) = &self.proxy {
            let uri = address("intel.proxy", proxy)?;
            if uri.scheme_str() != Some("http") {
                return wrong(
                    "intel.proxy".to_owned(),
                    "write http://host:port: the way to the proxy itself is plain".to_owned(),
                );
            }
        }
        if self.settle_ms > 60_000 {
            return wrong(
                "intel.settle_ms".to_owned(),
                "it is at most 60000".to_owned(),
            );
        }
        for (at, feed) in self.feeds.iter().enumerate() {
            let field = |name: &str| format!("intel.feeds[{at}].{name}");
            if !is_name(&feed.name) {
                return wrong(
                    field("name"),
                    format!(
                        "{:?}: write 1 to 40 of a-z, 0-9 and -, beginning with a letter",
                        feed.name
                    ),
                );
            }
            if !names.insert(&feed.name) {
                return wrong(
                    field("name"),
                    format!(
                        "{:?} is there twice: give each feed a name of its own",
                        feed.name
                    ),
                );
            }
            for (which, url) in feed.urls.iter().enumerate() {
                address(&field(&format!("urls[{which}]")), &plain(url))?;
            }
            if feed.path.is_some() && self.mirrors.is_empty() && feed.urls.is_empty() {
                return wrong(
                    field("path"),
                    "it is looked for under intel.mirrors, and there is none".to_owned(),
                );
            }
            for (name, value, least, most) in [
                ("every_minutes", feed.every_minutes, 1, 44_640),
                ("max_mib", feed.max_mib, 1, 32_768),
                ("timeout_seconds", feed.timeout_seconds, 1, 86_400),
                ("idle_seconds", feed.idle_seconds, 1, 3_600),
                ("tries", feed.tries, 1, 20),
                ("shrink_percent", u32::from(feed.shrink_percent), 0, 100),
                (
                    "late_after_hours",
                    feed.late_after_hours.unwrap_or(1),
                    1,
                    87_600,
                ),
            ] {
                if !(least..=most).contains(&value) {
                    return wrong(field(name), format!("{value}: write {least} to {most}"));
                }
            }
            if let Some(most) = feed.requests_in_30_seconds
                && !(1..=10_000).contains(&most)
            {
                return wrong(
                    field("requests_in_30_seconds"),
                    format!("{most}: write 1 to 10000"),
                );
            }
            if feed.api.is_some() {
                let places = feed.urls.iter().chain(&feed.path);
                let reason = if feed.format != Format::Nvd {
                    Some("it gives records of the form nvd: write format: nvd")
                } else if feed.mode.is_some() {
                    Some("it decides by itself what to ask for: leave mode out")
                } else if feed.is_by_hand() {
                    Some("write the stem of the API under urls")
                } else if places.into_iter().any(|one| one.contains('{')) {
                    Some("an address with the hour in it can't be asked page by page")
                } else {
                    None
                };
                if let Some(reason) = reason {
                    return wrong(field("api"), reason.to_owned());
                }
            }
            for name in feed.header_files.keys() {
                if http::HeaderName::try_from(name.as_str()).is_err()
                    || feed.headers.contains_key(name)
                {
                    return wrong(
                        field(&format!("header_files.{name}")),
                        "it is no header that can be sent, or stands under headers too".to_owned(),
                    );
                }
            }
            for (name, value) in &feed.headers {
                let good = http::HeaderName::try_from(name.as_str()).is_ok()
                    && http::HeaderValue::try_from(value.as_str()).is_ok();
                if !good {
                    return wrong(
                        field(&format!("headers.{name}")),
                        "it is no header that can be sent".to_owned(),
                    );
                }
            }
        }
        Ok(())
    }

    /// Where a feed is looked for, in this order.
    pub(super) fn sources(&self, feed: &FeedConfig) -> Vec<String> {
        let under = feed.path.iter().flat_map(|path| {
            self.mirrors.iter().map(move |mirror| {
                format!(
                    "{}/{}",
                    mirror.trim_end_matches('/'),
                    path.trim_start_matches('/')
                )
            })
        });
        under.chain(feed.urls.iter().cloned()).collect()
    }
}

pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// With the places for the hour taken away.
fn plain(url: &str) -> String {
    ["{YYYY}", "{MM}", "{DD}", "{HH}"]
        .iter()
        .fold(url.to_owned(), |url, place| url.replace(place, "00"))
}

fn address(field: &str, text: &str) -> Result<Uri, FeedsError> {
    let wrong = |reason: String| FeedsError::Config {
        field: field.to_owned(),
        reason,
    };
    let uri: Uri = text
        .parse()
        .map_err(|error| wrong(format!("it is no address: {error}")))?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    if !web || uri.host().is_none_or(str::is_empty) {
        return Err(wrong("write http://… or https://… with a host".to_owned()));
    }
    if uri
        .authority()
        .is_some_and(|who| who.as_str().contains('@'))
    {
        return Err(wrong(
            "names and passwords don't belong into an address: use headers".to_owned(),
        ));
    }
    Ok(uri)
}
