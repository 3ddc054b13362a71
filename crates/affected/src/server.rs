//! The HTTP side: what is asked in which order, and the headers of every answer.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Form, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use hudun_core::{Lang, Timestamp};
use maud::Markup;
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::address::{Address, AddressError};
use crate::answers::{AnswerError, Answers, Help};
use crate::challenge::{CODE_MS, Id, Memory, Returned, read};
use crate::language;
use crate::limits::{Limits, Recent, Verdict};
use crate::network::{Network, TrustedProxies};
use crate::pages::{self, MOST_WORDS};

/// How the page behaves.
#[derive(Clone)]
pub struct Settings {
    /// Codes per hour.
    pub limits: Limits,
    /// Whether codes can go to mobile numbers, too.
    pub phones: bool,
    /// Proxies in front of the page.
    pub proxies: TrustedProxies,
    /// Where the part that is hosted apart stands ([`crate::origin`]): the one other place whose forms are taken and
    /// whose script may read the answer.
    pub hosted_at: Option<String>,
    /// The clock.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            phones: false,
            proxies: TrustedProxies::default(),
            hosted_at: None,
            clock: Arc::new(Timestamp::now),
        }
    }
}

/// The page.
pub struct Page(Arc<App>);

impl Page {
    /// A page over these answers.
    pub fn new(answers: Arc<dyn Answers>, settings: Settings) -> Self {
        Self(Arc::new(App {
            answers,
            memory: Mutex::new(Memory::new(settings.limits.all)),
            recent: Mutex::default(),
            sending: Arc::new(Semaphore::new(SENDING)),
            serving: Semaphore::new(SERVING),
            counts: Arc::default(),
            settings,
        }))
    }

    /// What it has counted since it was made.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.0.counts)
    }

    /// The whole page as one service. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that
    /// limits see networks.
    pub fn router(self) -> Router {
        let app = self.0;
        Router::new()
            .route("/", get(first))
            .route("/code", post(send))
            .route("/answer", post(answer))
            .route("/help", post(help))
            .route("/style.css", get(style))
            .fallback(|Reader { lang, .. }: Reader| async move {
                (StatusCode::NOT_FOUND, pages::nothing(lang))
            })
            .layer(DefaultBodyLimit::max(LONGEST_BODY))
            .layer(axum::middleware::from_fn_with_state(
                Arc::clone(&app),
                guard,
            ))
            .with_state(app)
    }
}

/// What happened on the page, in numbers that name nobody.
#[derive(Debug, Default)]
pub struct Counts {
    /// Codes handed to the channel.
    pub sent: AtomicU64,
    /// Codes that the channel did not take.
    pub unsent: AtomicU64,
    /// Requests above the limit of an address: answered as always, nothing sent.
    pub quiet: AtomicU64,
    /// Requests above the limit of a network or of all.
    pub limited: AtomicU64,
    /// Requests for which there was no room in memory, in the queue of codes or among the requests served at once.
    pub overflow: AtomicU64,
    /// Wrong codes.
    pub wrong: AtomicU64,
    /// Right codes.
    pub proven: AtomicU64,
    /// Answers that failed.
    pub failed: AtomicU64,
    /// Care tickets opened.
    pub helped: AtomicU64,
}

impl Counts {
    /// Every number with its name.
    pub fn all(&self) -> [(&'static str, u64); 9] {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("sent", of(&self.sent)),
            ("unsent", of(&self.unsent)),
            ("quiet", of(&self.quiet)),
            ("limited", of(&self.limited)),
            ("overflow", of(&self.overflow)),
            ("wrong", of(&self.wrong)),
            ("proven", of(&self.proven)),
            ("failed", of(&self.failed)),
            ("helped", of(&self.helped)),
        ]
    }
}

struct App {
    answers: Arc<dyn Answers>,
    memory: Mutex<Memory>,
    recent: Mutex<Recent>,
    sending: Arc<Semaphore>,
    serving: Semaphore,
    counts: Arc<Counts>,
    settings: Settings,
}

impl App {
    fn now(&self) -> Timestamp {
        (self.settings.clock)()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, network: Network, address: &Address, now: Timestamp) -> Verdict {
        let digest = self.memory().digest_of(address);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.ask(&self.settings.limits, network, digest, now)
    }
}

async fn first(State(app): State<Arc<App>>, Reader { lang, .. }: Reader) -> Markup {
    pages::start(lang, app.settings.phones, None)
}

#[derive(Deserialize)]
struct Asked {
    email: String,
}

/// Sends a code. Up to here nothing is known about the address, and nothing is asked about it: the answer and the work
/// before it are the same for all.
async fn send(
    State(app): State<Arc<App>>,
    reader: Reader,
    form: Result<Form<Asked>, FormRejection>,
) -> Response {
    let lang = reader.lang;
    let Ok(Form(asked)) = form else {
        return unreadable(lang);
    };
    let phones = app.settings.phones;
    let read = Address::parse(&asked.email);
    let read = read.and_then(|address| match address.phone() {
        Some(_) if !phones => Err(AddressError::Form),
        _ => Ok(address),
    });
    let address = match read {
        Ok(address) => address,
        Err(error) => {
            let problem = pages::start(lang, phones, Some(why(lang, phones, error)));
            return (StatusCode::BAD_REQUEST, problem).into_response();
        }
    };
    let now = app.now();
    let client = app.settings.proxies.client(reader.peer, &reader.headers);
    // Taken first, so that who meets a full queue has not used up a request.
    let Ok(turn) = Arc::clone(&app.sending).try_acquire_owned() else {
        count(&app.counts.overflow);
        return unavailable(lang, None);
    };
    let verdict = app.judge(Network::of(client), &address, now);
    if let Verdict::Wait { until } = verdict {
        count(&app.counts.limited);
        let seconds = until.millis_since(now).max(0) / 1_000 + 1;
        let mut page = (StatusCode::TOO_MANY_REQUESTS, pages::wait(lang, until)).into_response();
        page.headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return page;
    }
    let opened = app.memory().open(address.clone(), now);
    let Some((challenge, code)) = opened else {
        count(&app.counts.overflow);
        return unavailable(lang, None);
    };
    let shown = pages::code(lang, app.settings.phones, challenge, None).into_response();
    if verdict == Verdict::Quiet {
        count(&app.counts.quiet);
        return shown;
    }
    tokio::spawn(async move {
        let until = now.plus_millis(CODE_MS);
        match app.answers.send_code(&address, lang, &code, until).await {
            Ok(()) => count(&app.counts.sent),
            Err(error) => {
                count(&app.counts.unsent);
                tracing::error!(%error, "a code could not be sent");
            }
        }
        drop(turn);
    });
    shown
}

#[derive(Deserialize)]
struct Given {
    challenge: Option<String>,
    code: Option<String>,
    proof: Option<String>,
}

/// Takes the code back, or shows what was found once more (in the other language).
async fn answer(
    State(app): State<Arc<App>>,
    Reader { lang, .. }: Reader,
    form: Result<Form<Given>, FormRejection>,
) -> Response {
    let Ok(Form(given)) = form else {
        return unreadable(lang);
    };
    let now = app.now();
    if let Some(proof) = given.proof.as_deref().and_then(read) {
        return found(&app, lang, proof).await;
    }
    let Some(challenge) = given.challenge.as_deref().and_then(read) else {
        return gone(lang);
    };
    let Some(code) = given.code else {
        return if app.memory().is_open(challenge, now) {
            pages::code(lang, app.settings.phones, challenge, None).into_response()
        } else {
            gone(lang)
        };
    };
    let returned = app.memory().answer(challenge, &digits(&code), now);
    match returned {
        Returned::Proven(proof) => {
            count(&app.counts.proven);
            found(&app, lang, proof).await
        }
        Returned::Wrong(left) => {
            count(&app.counts.wrong);
            let page = pages::code(lang, app.settings.phones, challenge, Some(left));
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
        Returned::Gone => gone(lang),
    }
}

/// What stands under the proven address; asked once, however often it is shown.
async fn found(app: &App, lang: Lang, proof: Id) -> Response {
    let Some(held) = app.memory().proof(proof, app.now()) else {
        return gone(lang);
    };
    if let Some(found) = held.found {
        return pages::answer(lang, app.settings.phones, proof, &found, None).into_response();
    }
    let asked = tokio::time::timeout(PATIENCE, app.answers.look_up(&held.address)).await;
    match asked {
        Ok(Ok(found)) => {
            let found = Arc::new(found);
            app.memory().keep(proof, Arc::clone(&found));
            pages::answer(lang, app.settings.phones, proof, &found, None).into_response()
        }
        Ok(Err(error)) => {
            count(&app.counts.failed);
            tracing::error!(%error, "an address could not be looked up");
            unavailable(lang, Some(proof))
        }
        Err(_) => {
            count(&app.counts.failed);
            tracing::error!("an address was not looked up in time");
            unavailable(lang, Some(proof))
        }
    }
}

#[derive(Deserialize)]
struct Wanted {
    proof: String,
    case: String,
    #[serde(default)]
    words: String,
}

async fn help(
    State(app): State<Arc<App>>,
    Reader { lang, .. }: Reader,
    form: Result<Form<Wanted>, FormRejection>,
) -> Response {
    let Ok(Form(wanted)) = form else {
        return unreadable(lang);
    };
    let Some(proof) = read(&wanted.proof) else {
        return gone(lang);
    };
    let Some(held) = app.memory().proof(proof, app.now()) else {
        return gone(lang);
    };
    // Help is for what this person was shown, and for nothing else.
    let Some(found) = held
        .found
        .filter(|found| found.iter().any(|one| one.case == wanted.case))
    else {
        return gone(lang);
    };
    // Browsers send line ends as CR LF, and count them as one.
    let words = wanted.words.replace("\r\n", "\n");
    if words.chars().count() > MOST_WORDS {
        let problem = match lang {
            Lang::Zh => "内容太长，请缩到 2000 字以内。",
            Lang::En => "That is too long: please keep to 2,000 characters.",
        };
        let page = pages::answer(lang, app.settings.phones, proof, &found, Some(problem));
        return (StatusCode::UNPROCESSABLE_ENTITY, page).into_response();
    }
    let help = Help {
        address: held.address,
        case: wanted.case,
        words: words.trim().to_owned(),
        lang,
    };
    match app.answers.ask_help(help).await {
        Ok(opened) => {
            if opened.new {
                count(&app.counts.helped);
            }
            pages::helped(lang, app.settings.phones, &opened).into_response()
        }
        Err(error) => {
            count(&app.counts.failed);
            if !matches!(error, AnswerError::Busy) {
                tracing::error!(%error, "a care ticket could not be opened");
            }
            unavailable(lang, Some(proof))
        }
    }
}

async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, STYLE).into_response()
}

/// Who reads: their language, and where they come from.
struct Reader {
    lang: Lang,
    peer: IpAddr,
    headers: http::HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        let asked = query.split('&').find_map(|part| part.strip_prefix("lang="));
        let accepted = parts
            .headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        Ok(Self {
            lang: language::choose(asked, accepted),
            peer,
            headers: parts.headers.clone(),
        })
    }
}

/// Bounds what is served at once, and sets the headers of every answer.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = app.settings.hosted_at.as_deref();
    let from_host = host.is_some_and(|host| is_from(&request, host));
    let mut response = match app.serving.try_acquire() {
        Ok(_) if is_foreign(&request) && !from_host => StatusCode::FORBIDDEN.into_response(),
        Ok(_turn) => next.run(request).await,
        Err(_) => {
            count(&app.counts.overflow);
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if host.is_some() {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    // That one origin may read the answer, and nobody's cookies go with it: there are none.
    if from_host && let Some(host) = host.and_then(|host| HeaderValue::from_str(host).ok()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, host);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Whether another site's page makes a visitor's browser post here: codes would be asked for from networks of people who
/// know nothing of it. Browsers say so themselves; whatever is no browser need not.
fn is_foreign(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site");
    request.method() == Method::POST && site.is_some_and(|site| site == "cross-site")
}

/// Whether a form comes from the page that is hosted apart.
fn is_from(request: &Request, host: &str) -> bool {
    let origin = request.headers().get(header::ORIGIN);
    request.method() == Method::POST && origin.is_some_and(|origin| origin == host)
}

/// The digits of a code as people type it: full-width ones, and with spaces or hyphens in between.
fn digits(typed: &str) -> String {
    typed
        .chars()
        .filter_map(|c| match c {
            '0'..='9' => Some(c),
            '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')),
            _ => None,
        })
        .take(16)
        .collect()
}

const fn why(lang: Lang, phones: bool, error: AddressError) -> &'static str {
    match (lang, error) {
        (Lang::Zh, AddressError::Empty) if phones => "请输入电子邮箱或手机号。",
        (Lang::En, AddressError::Empty) if phones => "Enter your e-mail address or mobile number.",
        (Lang::Zh, _) if phones => {
            "这不像电子邮箱，也不像大陆手机号，请检查后重新输入，例如 name@example.com 或 13800000000。"
        }
        (Lang::En, _) if phones => {
            "That is neither an e-mail address nor a mobile number of mainland China. Check it and enter it again, for example name@example.com or 13800000000."
        }
        (Lang::Zh, AddressError::Empty) => "请输入电子邮箱。",
        (Lang::En, AddressError::Empty) => "Enter your e-mail address.",
        (Lang::Zh, _) => "这不像一个电子邮箱，请检查后重新输入，例如 name@example.com。",
        (Lang::En, _) => {
            "That is not an e-mail address. Check it and enter it again, for example name@example.com."
        }
    }
}

fn gone(lang: Lang) -> Response {
    (StatusCode::GONE, pages::gone(lang)).into_response()
}

fn unreadable(lang: Lang) -> Response {
    (StatusCode::BAD_REQUEST, pages::nothing(lang)).into_response()
}

fn unavailable(lang: Lang, proof: Option<Id>) -> Response {
    let page = pages::unavailable(lang, proof);
    (StatusCode::SERVICE_UNAVAILABLE, page).into_response()
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({:?})", self.0.counts.all())
    }
}

const STYLE: &str = include_str!("style.css");
/// Longest request body, bytes: 2,000 characters of four bytes each, percent-encoded, and the rest of a form.
const LONGEST_BODY: usize = 32 * 1024;
/// Codes on their way to the channel at one time.
const SENDING: usize = 64;
/// Requests served at one time.
const SERVING: usize = 256;
/// How long a look-up may take.
const PATIENCE: Duration = Duration::from_secs(60);
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];
