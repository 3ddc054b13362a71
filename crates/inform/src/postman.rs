//! Carries letters out of the outbox.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Uri};
use http_body_util::Full;
use hudun_core::{LossReason, Timestamp};
use hudun_store::{Letter, LetterState, Outbox, Store, StoreError};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::letter::{MailLetter, WebhookLetter, one_line, short_hash, signature};
use crate::mail::{MailSettings, Mailer};
use crate::names::{LetterNames, NameOf};
use crate::seal::{LetterSeal, opened};
use crate::sms::{MessageReport, ReportOf, SmsGateway, SmsLetter, SmsSettings};

/// A webhook.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTarget {
    /// Address.
    pub url: String,
    /// Shared secret of the signature.
    #[serde(skip_serializing)]
    pub secret: String,
    /// Certificates of the authorities that it is checked against (PEM); the public ones when absent.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

impl fmt::Debug for WebhookTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookTarget({})", self.url)
    }
}

/// Channels and patience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostmanSettings {
    /// Mail, when configured.
    pub mail: Option<MailSettings>,
    /// Text messages, when configured.
    pub sms: Option<SmsSettings>,
    /// What letters in the outbox are sealed with.
    pub seal: Option<LetterSeal>,
    /// Webhooks by name.
    pub webhooks: BTreeMap<String, WebhookTarget>,
    /// A try takes at most this long.
    pub timeout: Duration,
    /// Tries at most.
    pub attempts: u32,
    /// Pause after the first failed try; it doubles with each, up to ten minutes.
    pub first_pause_ms: i64,
    /// Letters of one channel that are tried at once.
    pub at_once: usize,
}

impl Default for PostmanSettings {
    fn default() -> Self {
        Self {
            mail: None,
            sms: None,
            seal: None,
            webhooks: BTreeMap::new(),
            timeout: Duration::from_secs(20),
            attempts: 8,
            first_pause_ms: 5_000,
            at_once: 8,
        }
    }
}

/// What one round brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Taken by the channel.
    pub sent: u64,
    /// To be tried again.
    pub later: u64,
    /// Refused for good or given up.
    pub failed: u64,
    /// Handed over without an answer: nobody can tell whether the channel took it.
    pub unknown: u64,
}

impl Delivered {
    /// Both together.
    const fn and(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            later: self.later + other.later,
            failed: self.failed + other.failed,
            unknown: self.unknown + other.unknown,
        }
    }
}

/// Carries letters out.
pub struct Postman {
    outbox: Outbox,
    settings: PostmanSettings,
    mail: Option<Mailer>,
    sms: Option<SmsGateway>,
    names: LetterNames,
    webhooks: BTreeMap<String, Webhook>,
    alerts_lost: AtomicU64,
}

/// What reports of a provider came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Messages of which it is known now whether they arrived.
    pub told: u64,
    /// Reports on messages that are not ours, or that are known to have arrived already.
    pub unknown: u64,
}

/// How a try ended.
pub(crate) enum Ended {
    /// The channel took it.
    Sent,
    /// It did not, and may later.
    Later(String),
    /// It never will.
    Never(String),
    /// It was handed the letter and gave no answer that can be read.
    Unknown(String),
}

/// Writes down that the channel is about to be handed the letter: what a crash from here on leaves is unknown.
pub(crate) struct Handing<'a> {
    outbox: &'a Outbox,
    dedupe: &'a str,
    begun: AtomicBool,
}

impl Handing<'_> {
    /// Call it right before the first byte that the channel could act on.
    pub(crate) async fn begin(&self) -> Result<(), Ended> {
        match self.outbox.hand(self.dedupe).await {
            Ok(true) => {
                self.begun.store(true, Ordering::Relaxed);
                Ok(())
            }
            Ok(false) => Err(Ended::Later("the letter was taken back".to_owned())),
            Err(cause) => Err(Ended::Later(cause.to_string())),
        }
    }
}

/// What keys of codes begin with.
pub(crate) const CODES: &str = "code/";
const LONGEST_PAUSE_MS: i64 = 600_000;
/// An unused connection is kept for so long.
const IDLE: Duration = Duration::from_secs(5);
/// Letters taken up in one round.
const ROUND: u32 = 500;

impl Postman {
    /// A postman over the outbox. Letters that a crash cut off are sorted first: one that the channel had not been
    /// handed yet is tried again; of one that it was being handed nobody can tell, so that a person decides on a notice,
    /// and an alert is sent again.
    ///
    /// # Errors
    /// [`PostmanError`] when the settings can't work.
    pub async fn open(store: &Store, settings: PostmanSettings) -> Result<Self, PostmanError> {
        let outbox = store.outbox();
        for (prefix, handing) in [
            ("alert/", LetterState::Waiting),
            ("digest/", LetterState::Waiting),
            ("notice/", LetterState::Unknown),
            (CODES, LetterState::Waiting),
        ] {
            outbox
                .recover(prefix, LetterState::Trying, LetterState::Waiting)
                .await?;
            outbox
                .recover(prefix, LetterState::Handing, handing)
                .await?;
        }
        // The challenges that the codes belong to were in the memory of the process that is gone.
        outbox.stop(CODES).await?;
        let mail = settings
            .mail
            .as_ref()
            .map(|mail| Mailer::open(mail, settings.timeout))
            .transpose()?;
        let sms = settings.sms.as_ref().map(SmsGateway::open).transpose()?;
        let webhooks = settings
            .webhooks
            .iter()
            .map(|(name, target)| Ok((name.clone(), Webhook::new(target)?)))
            .collect::<Result<_, PostmanError>>()?;
        Ok(Self {
            outbox,
            settings,
            mail,
            sms,
            names: LetterNames::new(store),
            webhooks,
            alerts_lost: AtomicU64::new(0),
        })
    }

    /// Tries every letter that is due, each channel on its own so that a hanging one holds up no other.
    ///
    /// # Errors
    /// [`StoreError`] when the outbox can't be read.
    pub async fn deliver(&self, now: Timestamp) -> Result<Delivered, StoreError> {
        let at = now.as_millis();
        // One channel's many letters hold up no other; alerts are due since ever, and so come first.
        let mails = self.outbox.due_on("smtp", at, ROUND).await?;
        let calls = self.outbox.due_on("webhook", at, ROUND).await?;
        let most = self.sms.as_ref().map_or(ROUND, SmsGateway::most_in_a_round);
        let messages = self.outbox.due_on("sms", at, most.min(ROUND)).await?;
        let (one, two, three) = tokio::join!(
            self.round(mails, now),
            self.round(calls, now),
            self.round(messages, now)
        );
        Ok(one.and(two).and(three))
    }

    /// Takes reports of the provider of text messages in.
    ///
    /// # Errors
    /// [`StoreError`]; the provider may post again.
    pub async fn report(&self, reports: &[MessageReport]) -> Result<Reported, StoreError> {
        let mut sum = Reported::default();
        for report in reports {
            let name = match &report.of {
                ReportOf::Name(name) => NameOf::Message(name),
                ReportOf::Serial(serial) => NameOf::Serial(serial),
            };
            let known = match self.names.letter(&name).await? {
                Some(letter) => {
                    self.outbox
                        .report(&letter, report.delivered, &report.code)
                        .await?
                }
                None => false,
            };
            sum.told += u64::from(known);
            sum.unknown += u64::from(!known);
        }
        Ok(sum)
    }

    /// Tries the codes that are due, on a way of their own: a person waits for each, and none may stand behind the
    /// letters of a large notice. Codes that have ended are forgotten, keys included.
    ///
    /// # Errors
    /// [`StoreError`] when the outbox can't be read.
    pub async fn deliver_codes(&self, now: Timestamp) -> Result<Delivered, StoreError> {
        let due = self.outbox.due_under(CODES, now.as_millis(), ROUND).await?;
        if due.is_empty() {
            return Ok(Delivered::default());
        }
        let delivered = self.round(due, now).await;
        self.outbox.forget(CODES).await?;
        Ok(delivered)
    }

    /// Alerts given up, under [`LossReason::AlertUndelivered`].
    pub fn losses(&self) -> (LossReason, u64) {
        (
            LossReason::AlertUndelivered,
            self.alerts_lost.load(Ordering::Relaxed),
        )
    }

    async fn round(&self, letters: Vec<Letter>, now: Timestamp) -> Delivered {
        futures_util::stream::iter(letters)
            .map(|letter| self.carry(letter, now))
            .buffer_unordered(self.settings.at_once.max(1))
            .fold(Delivered::default(), |sum, one| async move { sum.and(one) })
            .await
    }

    async fn carry(&self, letter: Letter, now: Timestamp) -> Delivered {
        match self.try_one(&letter, now).await {
            Ok(delivered) => delivered,
            Err(cause) => {
                tracing::error!(%cause, "a letter's state could not be written");
                Delivered::default()
            }
        }
    }

    async fn try_one(&self, letter: &Letter, now: Timestamp) -> Result<Delivered, StoreError> {
        if !self.outbox.begin(&letter.dedupe).await? {
            return Ok(Delivered::default());
        }
        let body = match opened(self.settings.seal.as_ref(), &letter.dedupe, &letter.body) {
            Ok(body) => body.into_owned(),
            Err(cause) => {
                if letter.dedupe.starts_with("alert/") {
                    self.alerts_lost.fetch_add(1, Ordering::Relaxed);
                }
                self.outbox
                    .close(&letter.dedupe, LetterState::Failed, &cause.to_string())
                    .await?;
                return Ok(Delivered {
                    failed: 1,
                    ..Delivered::default()
                });
            }
        };
        let letter = &Letter {
            body,
            ..letter.clone()
        };
        let until = holds_until(letter);
        if until.is_some_and(|until| now >= until) {
            self.outbox
                .close(&letter.dedupe, LetterState::Failed, "it held no longer")
                .await?;
            return Ok(Delivered {
                failed: 1,
                ..Delivered::default()
            });
        }
        let handing = Handing {
            outbox: &self.outbox,
            dedupe: &letter.dedupe,
            begun: AtomicBool::new(false),
        };
        let sending = async {
            match letter.channel.as_str() {
                "smtp" => match &self.mail {
                    Some(mail) => self.mail(mail, letter, &handing).await,
                    None => Ended::Later("no mail server is configured".to_owned()),
                },
                "sms" => match &self.sms {
                    Some(sms) => self.message(sms, letter, now, &handing).await,
                    None => Ended::Later("no SMS gateway is configured".to_owned()),
                },
                "webhook" => self.call(letter, now, &handing).await,
                other => Ended::Never(format!("there is no channel {other:?}")),
            }
        };
        let mut ended = tokio::time::timeout(self.settings.timeout, sending)
            .await
            .unwrap_or_else(|_| {
                let said = "no answer in time".to_owned();
                if handing.begun.load(Ordering::Relaxed) {
                    Ended::Unknown(said)
                } else {
                    Ended::Later(said)
                }
            });
        // Woken twice is better than not at all; told twice is not.
        if letter.dedupe.starts_with("alert/")
            && let Ended::Unknown(said) = ended
        {
            ended = Ended::Later(said);
        }
        // Of a code that nobody can tell about, nobody need decide: a new one is asked for.
        if letter.dedupe.starts_with(CODES)
            && let Ended::Unknown(said) = ended
        {
            ended = Ended::Never(said);
        }
        let again = now.plus_millis(self.pause(letter.attempts));
        if until.is_some_and(|until| again >= until)
            && let Ended::Later(said) = ended
        {
            ended = Ended::Never(said);
        }
        let tries = letter.attempts.saturating_add(1);
        match ended {
            Ended::Sent => {
                self.outbox
                    .close(&letter.dedupe, LetterState::Sent, "")
                    .await?;
                Ok(Delivered {
                    sent: 1,
                    ..Delivered::default()
                })
            }
            Ended::Later(said) if tries < self.settings.attempts => {
                self.outbox
                    .settle(
                        &letter.dedupe,
                        LetterState::Waiting,
                        again.as_millis(),
                        &one_line(&said),
                    )
                    .await?;
                Ok(Delivered {
                    later: 1,
                    ..Delivered::default()
                })
            }
            Ended::Unknown(said) => {
                self.outbox
                    .settle(&letter.dedupe, LetterState::Unknown, 0, &one_line(&said))
                    .await?;
                Ok(Delivered {
                    unknown: 1,
                    ..Delivered::default()
                })
            }
            Ended::Later(said) | Ended::Never(said) => {
                if letter.dedupe.starts_with("alert/") {
                    self.alerts_lost.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(reason = LossReason::AlertUndelivered.name(), %said, "an alert was given up");
                }
                self.outbox
                    .close(&letter.dedupe, LetterState::Failed, &one_line(&said))
                    .await?;
                Ok(Delivered {
                    failed: 1,
                    ..Delivered::default()
                })
            }
        }
    }

    fn pause(&self, attempts: u32) -> i64 {
        self.settings
            .first_pause_ms
            .saturating_mul(1 << attempts.min(20))
            .clamp(1, LONGEST_PAUSE_MS)
    }

    /// Hands a mail over. The name in its Message-ID is kept, so that it is known again when it comes back.
    async fn mail(&self, mail: &Mailer, letter: &Letter, handing: &Handing<'_>) -> Ended {
        let key = &letter.dedupe;
        if key.starts_with("notice/")
            && let Err(cause) = self.names.keep(&NameOf::Mail(&short_hash(key)), key).await
        {
            return Ended::Later(cause.to_string());
        }
        mail.send(letter, handing).await
    }

    /// Hands a text message over. Its names with the provider are kept, so that a report finds it again.
    async fn message(
        &self,
        sms: &SmsGateway,
        letter: &Letter,
        now: Timestamp,
        handing: &Handing<'_>,
    ) -> Ended {
        let kept = !letter.dedupe.starts_with(CODES);
        let key = &letter.dedupe;
        let name = short_hash(key);
        if kept && let Err(cause) = self.names.keep(&NameOf::Message(&name), key).await {
            return Ended::Later(cause.to_string());
        }
        let (ended, taken) = sms.send(letter, now, handing).await;
        if kept
            && let Some(serial) = taken.and_then(|taken| taken.serial)
            && let Err(error) = self.names.keep(&NameOf::Serial(&serial), key).await
        {
            tracing::warn!(%error, "the provider's number of a message could not be kept; its report will not be known");
        }
        ended
    }

    async fn call(&self, letter: &Letter, now: Timestamp, handing: &Handing<'_>) -> Ended {
        let call: WebhookLetter = match serde_json::from_str(&letter.body) {
            Ok(call) => call,
            Err(cause) => return Ended::Never(format!("unreadable letter: {cause}")),
        };
        let Some(webhook) = self.webhooks.get(&call.target) else {
            return Ended::Never(format!("there is no webhook {:?}", call.target));
        };
        let body = call.payload.to_string();
        let signed = signature(
            webhook.secret.as_bytes(),
            now.as_millis().div_euclid(1_000),
            body.as_bytes(),
        );
        let request = Request::post(webhook.uri.clone())
            .header("Content-Type", "application/json")
            .header("X-Hudun-Signature", signed)
            .header("X-Hudun-Delivery", short_hash(&letter.dedupe))
            .body(Full::from(body));
        let request = match request {
            Ok(request) => request,
            Err(cause) => return Ended::Never(cause.to_string()),
        };
        if let Err(ended) = handing.begin().await {
            return ended;
        }
        match webhook
            .http
            .request(request)
            .await
            .map(|answer| answer.status())
        {
            Ok(status) if status.is_success() => Ended::Sent,
            Ok(status) if status == 429 || status == 408 || status.is_server_error() => {
                Ended::Later(format!("the webhook answered {status}"))
            }
            Ok(status) => Ended::Never(format!("the webhook answered {status}")),
            Err(error) if error.is_connect() => {
                Ended::Later("the webhook could not be reached".to_owned())
            }
            Err(_) => Ended::Unknown("the webhook gave no answer".to_owned()),
        }
    }
}

/// From when on a letter is worth nothing.
fn holds_until(letter: &Letter) -> Option<Timestamp> {
    // Only codes have such a moment; the bodies of all others need not be read for it.
    if !letter.dedupe.starts_with(CODES) {
        return None;
    }
    if letter.channel == "sms" {
        let sms: SmsLetter = serde_json::from_str(&letter.body).ok()?;
        return sms.until;
    }
    let mail: MailLetter = serde_json::from_str(&letter.body).ok()?;
    mail.until
}

/// A webhook with a client of its own, so that each may have its own authorities. Redirections are not followed.
struct Webhook {
    uri: Uri,
    secret: String,
    http: HttpClient,
}

impl Webhook {
    fn new(target: &WebhookTarget) -> Result<Self, PostmanError> {
        let (uri, http) = http_client("webhooks", &target.url, target.ca.as_deref())?;
        Ok(Self {
            uri,
            secret: target.secret.clone(),
            http,
        })
    }
}

/// A client of HTTP/1.1, with or without TLS.
pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client for one address that trusts the authorities in `ca`, or the public ones. Redirections are not followed.
pub(crate) fn http_client(
    field: &'static str,
    url: &str,
    ca: Option<&Path>,
) -> Result<(Uri, HttpClient), PostmanError> {
    let bad = |cause: String| PostmanError::Settings {
        field,
        cause: format!("{url}: {cause}"),
    };
    let uri: Uri = url.parse().map_err(|cause| bad(format!("{cause}")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
        return Err(bad("write http://host/path or https://host/path".to_owned()));
    }
    let provider = rustls::crypto::ring::default_provider();
    let roots = match ca {
        Some(file) => Some(
            authorities(file).map_err(|cause| bad(format!("ca {}: {cause}", file.display())))?,
        ),
        None => None,
    };
    let builder = HttpsConnectorBuilder::new();
    let builder = match roots {
        Some(roots) => builder.with_tls_config(
            rustls::ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .map_err(|cause| bad(cause.to_string()))?
                .with_root_certificates(roots)
                .with_no_client_auth(),
        ),
        None => builder
            .with_provider_and_webpki_roots(provider)
            .map_err(|cause| bad(cause.to_string()))?,
    };
    let connector = builder.https_or_http().enable_http1().build();
    let http = Client::builder(TokioExecutor::new())
        // A connection that the other side may have given up is not used for a letter.
        .pool_idle_timeout(IDLE)
        .pool_timer(hyper_util::rt::TokioTimer::new())
        .build(connector);
    Ok((uri, http))
}

fn authorities(file: &Path) -> Result<RootCertStore, Box<dyn std::error::Error>> {
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_file_iter(file)? {
        roots.add(cert?)?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it (PEM)".into());
    }
    Ok(roots)
}

/// Why there is no postman.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostmanError {
    /// The outbox can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting can't work.
    #[error("{field}: {cause}")]
    Settings {
        /// Which.
        field: &'static str,
        /// Why.
        cause: String,
    },
}
