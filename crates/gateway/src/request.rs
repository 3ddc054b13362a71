//! Reading a request: headers as a view, the body as far as it must be understood.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header, request};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hudun_core::{RefusalCause, Timestamp};
use hudun_policy::Denied;
use hudun_profile::{BodyView, RequestView, Resolution};
use hyper::body::Incoming;

use crate::Gateway;
use crate::body::SentBody;
use crate::decode::{self, Coding};
use crate::exchange::denied;

/// A request, read as far as it must be.
pub(crate) struct Read {
    pub(crate) view: RequestView,
    pub(crate) resolution: Resolution,
    pub(crate) body: SentBody,
    pub(crate) request_bytes: Arc<AtomicU64>,
}

/// What the inspection is shown of a body, also of one that is refused.
#[derive(Default)]
pub(crate) struct Shown {
    /// The body without its content encoding, as far as it was read.
    pub(crate) body: Option<Bytes>,
    /// There is more of it than was read.
    pub(crate) cut: bool,
}

impl Shown {
    /// Reads the body of a request that is refused anyway, so that the record knows what it was.
    pub(crate) async fn refused(&mut self, gateway: &Gateway, body: &mut Incoming) {
        if gateway.waf.is_none() || body.is_end_stream() {
            return;
        }
        let limits = &gateway.config.limits;
        if let Ok(Gathered::Whole(bytes) | Gathered::More(bytes)) =
            gather(body, limits.inspected_bytes, limits.body_time).await
        {
            self.body = Some(bytes);
        }
    }
}

/// The rules of framing that only show once a request is parsed; both versions of HTTP come through here.
pub(crate) fn admit(parts: &request::Parts) -> Result<(), Denied> {
    let bad = |reason| Err(denied(400, RefusalCause::Protocol, reason));
    let hosts = parts.headers.get_all(header::HOST).iter().count();
    if hosts > 1 {
        return bad("two Host headers");
    }
    // Who leaves the host out of its header lets every server choose another.
    if hosts == 1
        && parts
            .headers
            .get(header::HOST)
            .is_some_and(HeaderValue::is_empty)
    {
        return bad("an empty Host header");
    }
    if let (Some(authority), Some(host)) = (parts.uri.authority(), parts.headers.get(header::HOST))
        && !host
            .as_bytes()
            .eq_ignore_ascii_case(authority.as_str().as_bytes())
    {
        return bad("Host and the target name different hosts");
    }
    if parts.headers.contains_key(header::TRANSFER_ENCODING)
        && parts.headers.contains_key(header::CONTENT_LENGTH)
    {
        return bad("Content-Length and Transfer-Encoding together");
    }
    if parts.method == http::Method::CONNECT || parts.method == http::Method::TRACE {
        return Err(denied(
            405,
            RefusalCause::Protocol,
            "this method is not served",
        ));
    }
    Ok(())
}

/// Reads method, path, query and headers.
pub(crate) fn view(parts: &request::Parts) -> Result<RequestView, Denied> {
    RequestView::new(
        parts.method.as_str(),
        parts.uri.path(),
        parts.uri.query(),
        pairs(&parts.headers),
    )
    .map_err(malformed)
}

/// Resolves the route and reads the body as far as profile, policy and inspection need it.
pub(crate) async fn read(
    gateway: &Gateway,
    mut view: RequestView,
    mut body: Incoming,
    shown: &mut Shown,
) -> Result<Read, Denied> {
    let limits = &gateway.config.limits;
    let announced = body.size_hint().exact();
    if announced.is_some_and(|length| length > limits.body_bytes) {
        return Err(denied(
            413,
            RefusalCause::Limit,
            "the request body is too large",
        ));
    }
    let request_bytes = Arc::new(AtomicU64::new(0));
    if body.is_end_stream() {
        let resolution = gateway.resolver.resolve(&view).map_err(malformed)?;
        return Ok(Read {
            view,
            resolution,
            body: SentBody::whole(Bytes::new()),
            request_bytes,
        });
    }
    view.body = BodyView::Unread;
    let first = match gateway.resolver.resolve(&view) {
        Ok(first) => first,
        Err(error) => {
            shown.refused(gateway, &mut body).await;
            return Err(malformed(error));
        }
    };
    let policy = gateway.policy.load();
    let needed = first.needs_body
        || policy.wants_body(&first, &view.method, Timestamp::now())
        || first
            .routes
            .iter()
            .any(|route| gateway.profile.login(&route.id).is_some());
    let understood = is_understood(view.header("content-type"));
    // The inspection looks at short bodies of every kind; a stream of unknown length is not held up for it.
    let short = announced.is_some_and(|length| length <= limits.inspected_bytes as u64);
    let inspected = gateway.waf.is_some() && short;
    if !needed && !understood && !inspected {
        return Ok(Read {
            view,
            resolution: first,
            body: SentBody::streamed(
                Bytes::new(),
                body,
                limits.body_bytes,
                limits.body_time,
                Arc::clone(&request_bytes),
            ),
            request_bytes,
        });
    }
    let front = match gather(&mut body, limits.inspected_bytes, limits.body_time).await? {
        Gathered::Whole(bytes) => bytes,
        Gathered::More(_) if needed => {
            return Err(denied(
                413,
                RefusalCause::Limit,
                "the body is too large to be judged, and its route must be",
            ));
        }
        Gathered::More(front) => {
            request_bytes.store(front.len() as u64, Ordering::Relaxed);
            shown.body = Some(front.clone());
            shown.cut = true;
            gateway.metrics.lose(hudun_core::LossReason::BodyTooLong, 1);
            let left = limits.body_bytes.saturating_sub(front.len() as u64);
            return Ok(Read {
                view,
                resolution: first,
                body: SentBody::streamed(
                    front,
                    body,
                    left,
                    limits.body_time,
                    Arc::clone(&request_bytes),
                ),
                request_bytes,
            });
        }
    };
    request_bytes.store(front.len() as u64, Ordering::Relaxed);
    shown.body = Some(front.clone());
    if !needed && !understood {
        return Ok(Read {
            view,
            resolution: first,
            body: SentBody::whole(front),
            request_bytes,
        });
    }
    let coding = Coding::of(view.header("content-encoding")).ok_or_else(|| {
        denied(
            415,
            RefusalCause::Protocol,
            "a content encoding that can't be undone",
        )
    })?;
    if coding == Coding::Identity {
        view.read_body(&front).map_err(malformed)?;
    } else {
        let plain = decode::inflate(&front, coding, limits.inspected_bytes)
            .await
            .map_err(|_| denied(400, RefusalCause::Protocol, "a body that can't be decoded"))?;
        shown.body = Some(Bytes::from(plain));
        if let Some(plain) = &shown.body {
            view.read_body(plain).map_err(malformed)?;
        }
    }
    let resolution = gateway.resolver.resolve(&view).map_err(malformed)?;
    Ok(Read {
        view,
        resolution,
        body: SentBody::whole(front),
        request_bytes,
    })
}

/// The client's address: the nearest hop that is no trusted proxy.
pub(crate) fn client_address(gateway: &Gateway, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = |address: IpAddr| {
        gateway
            .config
            .trusted_proxies
            .iter()
            .any(|net| net.contains(address))
    };
    let mut address = peer.to_canonical();
    if !trusted(address) {
        return address;
    }
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .collect();
    for hop in hops.into_iter().rev() {
        let Ok(next) = hop.trim_matches(['[', ']']).parse::<IpAddr>() else {
            break;
        };
        address = next.to_canonical();
        if !trusted(address) {
            break;
        }
    }
    address
}

/// Headers with names in small letters; values that are no text are read as if their odd bytes were letters.
pub(crate) fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

enum Gathered {
    Whole(Bytes),
    More(Bytes),
}

async fn gather(
    body: &mut Incoming,
    most: usize,
    time: std::time::Duration,
) -> Result<Gathered, Denied> {
    let mut all = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(time, body.frame())
            .await
            .map_err(|_| denied(408, RefusalCause::Limit, "the request body came too slowly"))?;
        match frame {
            None => return Ok(Gathered::Whole(all.freeze())),
            Some(Err(_)) => {
                return Err(denied(
                    400,
                    RefusalCause::Protocol,
                    "the request body broke off",
                ));
            }
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    all.extend_from_slice(&data);
                }
            }
        }
        if all.len() > most {
            return Ok(Gathered::More(all.freeze()));
        }
    }
}

/// Whether Hudun understands bodies of this type.
fn is_understood(content_type: Option<&str>) -> bool {
    let Some(kind) = content_type else {
        return true;
    };
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind.ends_with("json")
        || kind.ends_with("xml")
        || kind.starts_with("text/")
        || matches!(
            kind.as_str(),
            "" | "application/x-www-form-urlencoded"
                | "multipart/form-data"
                | "application/graphql"
        )
}

fn malformed(error: hudun_profile::Malformed) -> Denied {
    denied(400, RefusalCause::Protocol, error.to_string())
}
