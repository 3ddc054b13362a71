//! Classify and account: an answer is read, recorded, and only then released.
//!
//! A small answer is read as a whole and is one record. A long one passes group by group: read → settled → recorded →
//! released, and nothing more is asked of the SCRM until the client has taken the group before. An answer that a patch
//! must judge is held back as a whole, up to a bound.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, response};
use http_body::Body as _;
use hudun_core::{ExchangeEvent, LossReason, RefusalCause, Release, Timestamp};
use hudun_policy::Denied;
use hudun_profile::{Accounting, Answer, AnswerFormat, FailMode, Modes};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::account::JournalRecord;
use crate::body::{BodyError, ClientBody};
use crate::classify::{Classifier, Part, Reading, format_of};
use crate::decode::{Coding, Decoded};
use crate::exchange::{Exchange, denied, record_relaxed};
use crate::finish::Progress;
use crate::forward::drop_hop_by_hop;
use crate::request::pairs;
use crate::waf::Watch;
use crate::{AccountingError, Gateway};

/// Longest JSON answer that is parsed to read success and identity.
const LONGEST_JSON: usize = 1 << 20;

/// Reads, records and releases an answer.
pub(crate) async fn answer(
    mut exchange: Exchange,
    response: Response<Incoming>,
    mut watch: Option<Watch<'_>>,
) -> Response<ClientBody> {
    let (mut parts, body) = response.into_parts();
    let headers = pairs(&parts.headers);
    let stop = watch
        .as_mut()
        .and_then(|watch| watch.answer_head(parts.status.as_u16(), &parts.headers));
    if let Some(stop) = stop {
        if let Some(watch) = watch {
            exchange.judged(watch);
        }
        return exchange.refuse(stop);
    }
    drop_hop_by_hop(&mut parts.headers);
    if exchange.view.method == Method::HEAD.as_str() || has_no_body(parts.status) {
        if let Some(mut watch) = watch {
            let stop = watch.answer_body([]);
            exchange.judged(watch);
            if let Some(stop) = stop {
                return exchange.refuse(stop);
            }
        }
        return without_body(exchange, parts, &headers);
    }
    let plan = Plan::new(&exchange, &parts.headers);
    let length = body.size_hint().exact();
    let limits = exchange.gateway.config.limits.clone();
    let mut decoded = match Decoded::new(body, plan.coding, limits.small_bytes).await {
        Ok(decoded) => decoded,
        Err(error) => return broken(exchange, &error),
    };
    let gathered = match gather(&mut decoded, &plan, &limits).await {
        Ok(gathered) => gathered,
        Err(error) => return broken(exchange, &error),
    };
    if let Some(mut watch) = watch {
        let front = match &gathered {
            Gathered::Whole(bytes) => std::slice::from_ref(bytes),
            Gathered::More(pieces) => pieces.as_slice(),
        };
        let stop = watch.answer_body(front);
        exchange.judged(watch);
        if let Some(stop) = stop {
            return exchange.refuse(stop);
        }
    }
    match gathered {
        Gathered::Whole(bytes) => {
            let arrived = Arrived {
                raw: decoded.take_raw(),
                plain: decoded.is_plain(),
                bytes,
            };
            drop(decoded);
            whole(exchange, parts, &headers, plan, arrived).await
        }
        Gathered::More(_) if plan.hold => exchange.refuse(denied(
            502,
            RefusalCause::Patch,
            "the answer is too long to be judged as a whole, and a patch demands it",
        )),
        Gathered::More(front) => {
            learn(&mut exchange, parts.status.as_u16(), &headers, None);
            long(exchange, parts, plan, decoded, front, length).await
        }
    }
}

/// How an answer is read.
struct Plan {
    coding: Coding,
    /// The bytes stay encoded: static files, and codings that can't be undone.
    raw: bool,
    /// Nothing in it is personal data by the profile.
    known: bool,
    mask: bool,
    hold: bool,
    /// It is to be parsed for success or identity.
    parse: bool,
    streaming: bool,
    reading: Reading,
}

impl Plan {
    fn new(exchange: &Exchange, headers: &HeaderMap) -> Self {
        let gateway = &exchange.gateway;
        let text =
            |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let known = exchange.is_static();
        let coding = Coding::of(text(header::CONTENT_ENCODING));
        let route = exchange.route();
        let login = exchange.login_account.is_some();
        let mut routes = exchange.resolution.routes.iter();
        let push = routes.any(|route| gateway.profile.push(&route.id).is_some());
        let rules = route
            .and_then(|route| route.success.as_ref())
            .unwrap_or(&gateway.profile.success);
        let content_type = text(header::CONTENT_TYPE);
        let format = if known || coding.is_none() {
            None
        } else {
            let by_route = match route.map(|route| route.response.format) {
                // A route that answers JSON answers its errors in HTML: the content type decides when it is clear.
                Some(format) if content_type.is_none() => format,
                _ => AnswerFormat::Auto,
            };
            format_of(by_route, content_type)
                .or_else(|| format_of(route?.response.format, content_type))
        };
        if coding.is_none() {
            gateway.metrics.lose(LossReason::Undecodable, 1);
        }
        let map = match exchange.resolution.primary().at {
            Some(at) => Arc::clone(&gateway.maps[at]),
            None => Arc::clone(&gateway.no_map),
        };
        let columns = route
            .and_then(|route| route.response.columns.as_ref())
            .and_then(|columns| columns.read(&exchange.view));
        let map = match columns {
            Some((names, header)) => Arc::new(map.with_columns(&names).with_header_row(header)),
            None => map,
        };
        Self {
            raw: known || coding.is_none(),
            coding: coding.filter(|_| !known).unwrap_or(Coding::Identity),
            known,
            mask: exchange.decision.mask && !known,
            hold: !exchange.decision.answer_patches.is_empty() || login,
            parse: (login || push || !rules.body.is_empty())
                && content_type.is_some_and(|kind| kind.contains("json")),
            streaming: content_type.is_some_and(|kind| kind.starts_with("text/event-stream")),
            reading: Reading {
                format,
                map,
                keyer: gateway.keys.keyer(&exchange.tenant),
                account: exchange.actor.account.as_ref().map(ToString::to_string),
            },
        }
    }

    /// Reads a whole body.
    fn classify(&self, bytes: &Bytes, mask: bool) -> Part {
        let mut classifier = Classifier::new(&self.reading, mask);
        let mut part = classifier.feed(bytes);
        part.join(classifier.finish());
        if self.known {
            part.explained = part.bytes.len() as u64;
        }
        part
    }

    /// Whether it can't be read at all though it must be.
    fn unreadable(&self) -> bool {
        self.reading.format.is_none() && !self.known
    }
}

/// A body that is here as a whole.
struct Arrived {
    bytes: Bytes,
    /// As it came, when it was small.
    raw: Option<Bytes>,
    /// It was not encoded after all.
    plain: bool,
}

enum Gathered {
    Whole(Bytes),
    More(Vec<Bytes>),
}

/// Takes the body as long as it may be small (or must be held).
async fn gather(
    decoded: &mut Decoded,
    plan: &Plan,
    limits: &crate::HttpLimits,
) -> io::Result<Gathered> {
    let most = if plan.hold {
        limits.held_bytes
    } else {
        limits.small_bytes
    };
    let mut pieces = Vec::new();
    let mut length = 0;
    let deadline = tokio::time::Instant::now()
        + if plan.hold {
            limits.answer_idle_time
        } else {
            limits.linger
        };
    if plan.streaming && !plan.hold {
        return Ok(Gathered::More(pieces));
    }
    loop {
        match tokio::time::timeout_at(deadline, decoded.next()).await {
            Err(_) if plan.hold => return Err(io::Error::other("the answer came too slowly")),
            Err(_) => return Ok(Gathered::More(pieces)),
            Ok(Err(error)) => return Err(error),
            Ok(Ok(None)) => return Ok(Gathered::Whole(concat(pieces))),
            Ok(Ok(Some(bytes))) => {
                length += bytes.len();
                pieces.push(bytes);
                if length > most {
                    return Ok(Gathered::More(pieces));
                }
            }
        }
    }
}

/// A small answer, or one that was held: read as a whole, recorded once, released.
async fn whole(
    mut exchange: Exchange,
    mut parts: response::Parts,
    headers: &[(String, String)],
    plan: Plan,
    arrived: Arrived,
) -> Response<ClientBody> {
    let Arrived { bytes, raw, plain } = arrived;
    let gateway = Arc::clone(&exchange.gateway);
    let status = parts.status.as_u16();
    let json: Option<Value> = if plan.parse && bytes.len() <= LONGEST_JSON {
        serde_json::from_slice(&bytes).ok()
    } else {
        None
    };
    let success = learn(&mut exchange, status, headers, json.as_ref());
    let mut part = plan.classify(&bytes, false);
    let facts = part.facts();
    let verdict = exchange.policy.decide_response(&exchange.decision, &facts);
    gateway.metrics.patch(&verdict.observed, &verdict.acted);
    if let Some(refused) = verdict.denied {
        let acted: Vec<_> = refused.refusal.patch.into_iter().collect();
        gateway.metrics.patch(&[], &acted);
        return exchange.refuse(refused);
    }
    let mask = plan.mask || verdict.mask;
    if plan.unreadable()
        && !bytes.is_empty()
        && (mask || !exchange.decision.answer_patches.is_empty())
    {
        return exchange.refuse(denied(
            403,
            RefusalCause::Isolation,
            "an answer that can't be read can be neither judged nor masked",
        ));
    }
    if let Some(refused) = too_many_rows(&exchange, part.rows) {
        return exchange.refuse(refused);
    }
    if mask && !part.sightings.is_empty() {
        part = plan.classify(&bytes, true);
        gateway.metrics.masked.add(1);
    }
    if part.malformed > 0 {
        gateway.metrics.lose(LossReason::Undecodable, 1);
    }
    let progress = Arc::new(Progress::default());
    let release = exchange.release(&part, 0);
    let waits = must_wait(exchange.modes(), &release);
    let head = Box::new(exchange.head());
    gateway.emit(ExchangeEvent::Head(head.clone()));
    gateway.emit(ExchangeEvent::Release(release.clone()));
    let taken = gateway
        .take(JournalRecord::Small(head, release.clone()), waits)
        .await;
    if let Err(error) = taken
        && exchange.modes().fail == FailMode::Closed
    {
        return exchange.refuse_after_head(not_recorded(&error));
    }
    gateway.count(&release);
    progress.add(&release);
    progress.read.store(true, Ordering::Relaxed);
    let unchanged = !mask || part.bytes == bytes;
    let raw = raw.filter(|_| {
        unchanged
            && (plan.raw
                || plan
                    .coding
                    .accepted(exchange.view.header("accept-encoding")))
    });
    let sent = match raw {
        Some(raw) => raw,
        None => {
            if !plan.raw {
                no_longer_encoded(&mut parts.headers);
            }
            part.bytes
        }
    };
    // A body that said gzip and was plain.
    if plain && plan.coding != Coding::Identity {
        no_longer_encoded(&mut parts.headers);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    let finisher = exchange.finisher(status, success, progress, None);
    exchange.wrap(Response::from_parts(parts, sent), finisher)
}

/// A long answer: group by group.
async fn long(
    mut exchange: Exchange,
    mut parts: response::Parts,
    plan: Plan,
    decoded: Decoded,
    front: Vec<Bytes>,
    length: Option<u64>,
) -> Response<ClientBody> {
    let gateway = Arc::clone(&exchange.gateway);
    let modes = exchange.modes();
    if plan.mask && plan.unreadable() {
        return exchange.refuse(denied(
            403,
            RefusalCause::Isolation,
            "an answer that can't be read can't be masked",
        ));
    }
    decoded.forget_raw();
    if plan.mask {
        gateway.metrics.masked.add(1);
    }
    let head = Box::new(exchange.head());
    gateway.emit(ExchangeEvent::Head(head.clone()));
    let waits = modes.accounting == Accounting::Strict;
    if let Err(error) = gateway.take(JournalRecord::Head(head), waits).await
        && modes.fail == FailMode::Closed
    {
        return exchange.refuse_after_head(not_recorded(&error));
    }
    let length = length.filter(|_| decoded.is_plain() && !plan.mask);
    if !plan.raw {
        no_longer_encoded(&mut parts.headers);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    if let Some(length) = length {
        parts
            .headers
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let progress = Arc::new(Progress::default());
    let status = parts.status.as_u16();
    let success = exchange.succeeded(status);
    let finisher = exchange.finisher(status, success, Arc::clone(&progress), None);
    let busy = exchange
        .busy
        .take()
        .unwrap_or_else(|| exchange.conn.begin());
    // One group waits at the client while the next is read: no more is ever in memory.
    let (groups, taken) = mpsc::channel(1);
    let body = ClientBody::groups(taken, length, &exchange.conn, busy, finisher);
    let pump = Pump {
        classifier: Classifier::new(&plan.reading, plan.mask),
        exchange,
        plan,
        decoded,
        progress,
        modes,
        group: 0,
        rows: 0,
        read: 0,
        blind: false,
    };
    tokio::spawn(pump.run(front, groups));
    Response::from_parts(parts, body)
}

/// Moves a long answer.
struct Pump {
    exchange: Exchange,
    plan: Plan,
    decoded: Decoded,
    classifier: Classifier,
    progress: Arc<Progress>,
    modes: Modes,
    group: u32,
    rows: u32,
    read: u64,
    /// The answer is longer than is read; the rest passes unexplained.
    blind: bool,
}

/// Why a pump stopped early.
enum Stop {
    /// The client is gone.
    Gone,
    /// The answer must not, or can't, go on.
    Broken(BodyError),
}

impl Pump {
    async fn run(mut self, front: Vec<Bytes>, groups: mpsc::Sender<Result<Bytes, BodyError>>) {
        match self.all(front, &groups).await {
            Ok(()) => self.progress.read.store(!self.blind, Ordering::Relaxed),
            Err(Stop::Gone) => {}
            Err(Stop::Broken(error)) => {
                tracing::debug!(exchange = %self.exchange.id, %error, "a long answer was broken off");
                let _ = groups.send(Err(error)).await;
            }
        }
    }

    async fn all(
        &mut self,
        front: Vec<Bytes>,
        groups: &mpsc::Sender<Result<Bytes, BodyError>>,
    ) -> Result<(), Stop> {
        let idle = self.exchange.gateway.config.limits.answer_idle_time;
        let most = self.exchange.gateway.config.limits.group_bytes;
        let mut pending = Part::default();
        for bytes in front {
            pending.join(self.feed(&bytes)?);
        }
        loop {
            // Whatever is here already joins the group; nobody waits for more while something could leave.
            let wait = if pending.bytes.is_empty() {
                idle
            } else {
                Duration::ZERO
            };
            let full = pending.bytes.len() >= most;
            let next = if full {
                None
            } else {
                let next = tokio::select! {
                    next = tokio::time::timeout(wait, self.decoded.next()) => next,
                    () = groups.closed() => return Err(Stop::Gone),
                };
                Some(next)
            };
            match next {
                Some(Ok(Ok(Some(bytes)))) => {
                    let part = self.feed(&bytes)?;
                    pending.join(part);
                }
                Some(Ok(Ok(None))) => break,
                Some(Ok(Err(error))) => {
                    self.send(std::mem::take(&mut pending), groups).await?;
                    self.exchange
                        .gateway
                        .metrics
                        .lose(LossReason::Undecodable, 1);
                    return Err(Stop::Broken(BodyError::Broken(error.to_string())));
                }
                Some(Err(_)) if pending.bytes.is_empty() => {
                    return Err(Stop::Broken(BodyError::TooSlow));
                }
                Some(Err(_)) | None => self.send(std::mem::take(&mut pending), groups).await?,
            }
        }
        let last = std::mem::replace(
            &mut self.classifier,
            Classifier::new(&self.plan.reading, false),
        )
        .finish();
        pending.join(last);
        self.send(pending, groups).await
    }

    fn feed(&mut self, bytes: &Bytes) -> Result<Part, Stop> {
        self.read += bytes.len() as u64;
        let gateway = &self.exchange.gateway;
        if !self.blind && self.read > gateway.config.limits.scanned_bytes {
            if self.plan.mask {
                return Err(Stop::Broken(BodyError::TooLong));
            }
            gateway.metrics.lose(LossReason::BodyTooLong, 1);
            self.blind = true;
            self.plan.reading.format = None;
            let mut part = std::mem::replace(
                &mut self.classifier,
                Classifier::new(&self.plan.reading, false),
            )
            .finish();
            part.join(self.classifier.feed(bytes));
            return Ok(part);
        }
        Ok(self.classifier.feed(bytes))
    }

    /// Records a group, then releases it.
    async fn send(
        &mut self,
        mut part: Part,
        groups: &mpsc::Sender<Result<Bytes, BodyError>>,
    ) -> Result<(), Stop> {
        if part.bytes.is_empty() {
            return Ok(());
        }
        let gateway = Arc::clone(&self.exchange.gateway);
        if self.plan.known {
            part.explained = part.bytes.len() as u64;
        }
        if part.malformed > 0 {
            gateway.metrics.lose(LossReason::Undecodable, 1);
        }
        self.rows = self.rows.saturating_add(part.rows);
        if let Some(refused) = too_many_rows(&self.exchange, self.rows) {
            gateway.metrics.refuse(refused.refusal.cause);
            return Err(Stop::Broken(BodyError::TooLong));
        }
        let release = self.exchange.release(&part, self.group);
        self.group += 1;
        gateway.emit(ExchangeEvent::Release(release.clone()));
        let waits = must_wait(self.modes, &release);
        let taken = gateway
            .take(JournalRecord::Release(release.clone()), waits)
            .await;
        if let Err(error) = taken
            && self.modes.fail == FailMode::Closed
        {
            gateway.metrics.refuse(RefusalCause::Accounting);
            return Err(Stop::Broken(BodyError::Broken(error.to_string())));
        }
        gateway.count(&release);
        self.progress.add(&release);
        groups.send(Ok(part.bytes)).await.map_err(|_| Stop::Gone)
    }
}

impl Exchange {
    fn release(&self, part: &Part, group: u32) -> Release {
        Release {
            exchange: self.id,
            group,
            at: Timestamp::now(),
            bytes: part.bytes.len() as u64,
            explained: part.explained.min(part.bytes.len() as u64),
            rows: part.rows,
            foreign_rows: part.foreign_rows,
            sightings: part.sightings.clone(),
        }
    }

    /// Whether a status is a success, when the body is not parsed.
    fn succeeded(&self, status: u16) -> bool {
        let answer = Answer {
            status,
            headers: &[],
            body: None,
        };
        self.gateway.profile.succeeded(self.route(), &answer)
    }
}

impl Progress {
    fn add(&self, release: &Release) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(release.bytes, Ordering::Relaxed);
        self.rows.fetch_add(release.rows, Ordering::Relaxed);
        self.foreign_rows
            .fetch_add(release.foreign_rows, Ordering::Relaxed);
        let kinds = release
            .sightings
            .iter()
            .fold(0, |kinds, seen| kinds | seen.kinds.bits());
        self.kinds.fetch_or(kinds, Ordering::Relaxed);
    }
}

impl Gateway {
    /// Gives a record to the journal, and waits for the disk where it must.
    async fn take(&self, record: JournalRecord, waits: bool) -> Result<(), AccountingError> {
        let taken = if waits {
            let began = tokio::time::Instant::now();
            let taken = self.accounting.record(record).await;
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.metrics.accounting_wait_micros.add(micros);
            taken
        } else {
            self.accounting.record_relaxed(record)
        };
        if let Err(error) = &taken {
            self.metrics.accounting_failures.add(1);
            tracing::warn!(%error, "a record was not made durable");
        }
        taken
    }

    fn count(&self, release: &Release) {
        self.metrics.releases.add(1);
        self.metrics.bytes_released.add(release.bytes);
        self.metrics.bytes_explained.add(release.explained);
        self.metrics.sightings.add(release.sightings.len() as u64);
    }
}

/// Whether a release waits for the disk: in strict accounting always, but for what is known to show nobody.
fn must_wait(modes: Modes, release: &Release) -> bool {
    modes.accounting == Accounting::Strict
        && (!release.sightings.is_empty() || release.explained < release.bytes)
}

fn too_many_rows(exchange: &Exchange, rows: u32) -> Option<Denied> {
    let most = exchange.decision.max_rows?;
    (rows > most).then(|| {
        denied(
            403,
            RefusalCause::Limit,
            format!("the answer holds more than {most} records"),
        )
    })
}

fn not_recorded(error: &AccountingError) -> Denied {
    let mut refused = denied(503, RefusalCause::Accounting, error.to_string());
    refused.retry_after = Some(5);
    refused
}

/// The SCRM began to answer and broke off, or sent what can't be decoded.
fn broken(exchange: Exchange, error: &io::Error) -> Response<ClientBody> {
    exchange.gateway.metrics.upstream_failures.add(1);
    exchange.gateway.metrics.lose(LossReason::Undecodable, 1);
    tracing::debug!(exchange = %exchange.id, %error, "the answer could not be read");
    exchange.refuse(denied(
        502,
        RefusalCause::Upstream,
        "the SCRM broke off, or its answer can't be decoded",
    ))
}

/// Learns from an answer who a session belongs to; whether the SCRM calls it a success.
fn learn(
    exchange: &mut Exchange,
    status: u16,
    headers: &[(String, String)],
    body: Option<&Value>,
) -> bool {
    let gateway = Arc::clone(&exchange.gateway);
    let profile = &gateway.profile;
    let answer = Answer {
        status,
        headers,
        body,
    };
    let routes = &exchange.resolution.routes;
    let push = routes.iter().find_map(|route| profile.push(&route.id));
    let login = routes.iter().find_map(|route| profile.login(&route.id));
    if let Some(push) = push
        && let Some((push, account)) = profile.read_push(push, &exchange.view, &answer)
    {
        exchange.push = Some(push);
        if exchange.actor.account.is_none() {
            exchange.actor.account = account;
        }
    }
    if let Some(login) = login {
        let read = profile.read_login(login, &exchange.view, &answer);
        if exchange.actor.account.is_none() || read.success {
            exchange.actor.account = read
                .identity
                .account
                .clone()
                .or_else(|| exchange.login_account.clone());
            exchange.actor.role = read.identity.role.clone();
        }
        if let (true, Some(tenant)) = (read.success, &read.identity.tenant) {
            exchange.tenant = tenant.clone();
        }
        if read.success {
            for secret in &read.sessions {
                let key = gateway.session_key(secret.expose());
                gateway.learn(&key, &read.identity, Some(exchange.at), exchange.at);
            }
        }
        return read.success;
    }
    let success = profile.succeeded(exchange.route(), &answer);
    let Some(session) = exchange.actor.session.clone() else {
        return success;
    };
    if success && exchange.route().is_some_and(|route| route.logout) {
        gateway.sessions.end(session.as_str());
        return success;
    }
    // A product that renews its cookie goes on with the same person.
    if let Some(account) = exchange.actor.account.clone() {
        for secret in profile.sessions_set(&answer) {
            let key = gateway.session_key(secret.expose());
            if key != session.as_str() {
                let identity = hudun_profile::Identity {
                    account: Some(account.clone()),
                    role: exchange.actor.role.clone(),
                    tenant: Some(exchange.tenant.clone()),
                };
                gateway.learn(&key, &identity, exchange.session_since, exchange.at);
            }
        }
    }
    success
}

fn without_body(
    mut exchange: Exchange,
    parts: response::Parts,
    headers: &[(String, String)],
) -> Response<ClientBody> {
    let status = parts.status.as_u16();
    let success = learn(&mut exchange, status, headers, None);
    let head = Box::new(exchange.head());
    record_relaxed(&exchange.gateway, JournalRecord::Head(head.clone()));
    exchange.gateway.emit(ExchangeEvent::Head(head));
    let finisher = exchange.finisher(status, success, Arc::default(), None);
    exchange.wrap(Response::from_parts(parts, Bytes::new()), finisher)
}

fn has_no_body(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

/// The body goes out without its coding; a strong tag would promise the same bytes.
fn no_longer_encoded(headers: &mut HeaderMap) {
    if headers.remove(header::CONTENT_ENCODING).is_none() {
        return;
    }
    if let Some(tag) = headers.get(header::ETAG)
        && !tag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        headers.insert(header::ETAG, weak);
    }
}

fn concat(pieces: Vec<Bytes>) -> Bytes {
    let mut pieces = pieces.into_iter();
    let first = pieces.next().unwrap_or_default();
    let Some(second) = pieces.next() else {
        return first;
    };
    let mut all = BytesMut::from(first);
    all.extend_from_slice(&second);
    for piece in pieces {
        all.extend_from_slice(&piece);
    }
    all.freeze()
}
