//! To the SCRM and back.

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header, request};
use hudun_core::{RefusalCause, Timestamp};
use hudun_policy::{Denied, StripPlace};
use hudun_profile::{AnswerFormat, BodyView};
use hyper::body::Incoming;

use crate::Gateway;
use crate::body::SentBody;
use crate::decode;
use crate::exchange::{Exchange, denied};

/// Headers that end at a proxy.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Headers by which a client could pretend to be a proxy, or to be Hudun.
const PRETENCE: [&str; 9] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    DRILL_HEADER,
];

/// What a drill says about itself; never sent on.
pub(crate) const DRILL_HEADER: &str = "x-hudun-drill";

impl Exchange {
    /// Sends the request to the SCRM (or its standby) and waits for the answer to begin.
    pub(crate) async fn forward(
        &self,
        parts: &request::Parts,
        body: SentBody,
        upgrade: bool,
    ) -> Result<Response<Incoming>, Denied> {
        let gateway = &self.gateway;
        let body = self.stripped_body(body)?;
        let again = body.copy();
        let mut standby = self.decision.standby;
        if standby && gateway.config.standby.is_none() {
            return Err(denied(
                503,
                RefusalCause::Isolation,
                "the module runs on the standby, and there is none",
            ));
        }
        if gateway.config.standby.is_some() && gateway.primary.is_down(Timestamp::now()) {
            standby = true;
        }
        let first = self.request(parts, body, standby, upgrade)?;
        let failure = match self.send(first, standby).await {
            Ok(response) => return Ok(response),
            Err(failure) => failure,
        };
        // A second time only when the first can't have done anything: it never arrived, or it only reads.
        let safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let idempotent = safe || matches!(parts.method, Method::PUT | Method::DELETE);
        let may = match failure {
            Failure::NeverArrived => idempotent || gateway.config.standby.is_some(),
            Failure::NoAnswer => safe,
            Failure::TooSlow => false,
        };
        if may && let Some(again) = again {
            let standby =
                standby || (failure == Failure::NeverArrived && gateway.config.standby.is_some());
            gateway.metrics.upstream_retries.add(1);
            let second = self.request(parts, SentBody::whole(again), standby, upgrade)?;
            if let Ok(response) = self.send(second, standby).await {
                return Ok(response);
            }
        }
        gateway.metrics.upstream_failures.add(1);
        Err(match failure {
            Failure::TooSlow => denied(
                504,
                RefusalCause::Upstream,
                "the SCRM did not answer in time",
            ),
            _ => denied(502, RefusalCause::Upstream, "the SCRM can't be reached"),
        })
    }

    async fn send(
        &self,
        request: Request<SentBody>,
        standby: bool,
    ) -> Result<Response<Incoming>, Failure> {
        let gateway = &self.gateway;
        if standby {
            gateway.metrics.standby.add(1);
        }
        let time = gateway.config.limits.answer_time;
        match tokio::time::timeout(time, gateway.client.request(request)).await {
            Err(_) => Err(Failure::TooSlow),
            Ok(Ok(response)) => {
                if !standby {
                    gateway.primary.reached();
                }
                Ok(response)
            }
            Ok(Err(error)) => {
                tracing::debug!(exchange = %self.id, ?error, "the SCRM did not answer");
                if error.is_connect() {
                    if !standby {
                        gateway.primary.failed(Timestamp::now());
                    }
                    Err(Failure::NeverArrived)
                } else {
                    Err(Failure::NoAnswer)
                }
            }
        }
    }

    fn request(
        &self,
        parts: &request::Parts,
        body: SentBody,
        standby: bool,
        upgrade: bool,
    ) -> Result<Request<SentBody>, Denied> {
        let gateway = &self.gateway;
        let upstream = match (&gateway.config.standby, standby) {
            (Some(uri), true) => uri,
            _ => &gateway.config.upstream,
        };
        let target = self.target(&parts.uri);
        let uri = gateway.upstream_uri(upstream, &target).ok_or_else(|| {
            denied(
                400,
                RefusalCause::Protocol,
                "a target that can't be sent on",
            )
        })?;
        let empty = http_body::Body::is_end_stream(&body);
        let mut request = Request::new(body);
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers(parts, upstream, upgrade);
        if empty && matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
            request
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok(request)
    }

    fn headers(&self, parts: &request::Parts, upstream: &Uri, upgrade: bool) -> HeaderMap {
        let mut headers = parts.headers.clone();
        let websocket = upgrade
            .then(|| headers.get(header::UPGRADE).cloned())
            .flatten();
        drop_hop_by_hop(&mut headers);
        for name in PRETENCE {
            headers.remove(name);
        }
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::EXPECT);
        if let Some(websocket) = websocket {
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(header::UPGRADE, websocket);
        }
        if !headers.contains_key(header::HOST) {
            let authority = parts.uri.authority().or_else(|| upstream.authority());
            if let Some(host) = authority.and_then(|host| HeaderValue::from_str(host.as_str()).ok())
            {
                headers.insert(header::HOST, host);
            }
        }
        if let Ok(address) = HeaderValue::from_str(&self.actor.ip.to_string()) {
            headers.insert("x-forwarded-for", address.clone());
            headers.insert("x-real-ip", address);
        }
        let proto = if self.conn.tls { "https" } else { "http" };
        headers.insert("x-forwarded-proto", HeaderValue::from_static(proto));
        if let Some(host) = headers.get(header::HOST).cloned() {
            headers.insert("x-forwarded-host", host);
        }
        // Parts of an answer could hide what the whole shows, so routes that are read are asked for as a whole.
        if !self.is_static() {
            let bytes = headers
                .get(header::RANGE)
                .is_some_and(|range| range.as_bytes().to_ascii_lowercase().starts_with(b"bytes"));
            if bytes {
                headers.remove(header::RANGE);
                headers.remove(header::IF_RANGE);
            }
            let ask = decode::ask_for(self.view.header("accept-encoding"));
            if let Ok(ask) = HeaderValue::from_str(&ask) {
                headers.insert(header::ACCEPT_ENCODING, ask);
            }
        }
        headers
    }

    /// The path that was judged, and the query without what a patch strips.
    fn target(&self, uri: &Uri) -> String {
        let path = self
            .view
            .path
            .rewritten()
            .unwrap_or_else(|| uri.path().to_owned());
        let names: Vec<&str> = self
            .decision
            .strip
            .iter()
            .filter_map(|place| match place {
                StripPlace::Query(name) => Some(name.as_str()),
                StripPlace::Form(_) => None,
            })
            .collect();
        match uri.query().map(|query| without(query, &names)) {
            Some(query) if !query.is_empty() => format!("{path}?{query}"),
            _ => path,
        }
    }

    fn stripped_body(&self, body: SentBody) -> Result<SentBody, Denied> {
        let names: Vec<&str> = self
            .decision
            .strip
            .iter()
            .filter_map(|place| match place {
                StripPlace::Form(name) => Some(name.as_str()),
                StripPlace::Query(_) => None,
            })
            .collect();
        if names.is_empty() {
            return Ok(body);
        }
        let plain = self.view.header("content-encoding").is_none();
        let text = match (&self.view.body, body.copy()) {
            (BodyView::Form(_), Some(bytes)) if plain => String::from_utf8(bytes.to_vec()).ok(),
            _ => None,
        };
        match text {
            Some(text) => Ok(SentBody::whole(Bytes::from(without(&text, &names)))),
            None => Err(denied(
                403,
                RefusalCause::Patch,
                "a parameter that may not pass stands where it can't be taken out",
            )),
        }
    }

    pub(crate) fn is_static(&self) -> bool {
        self.resolution.routes.len() == 1
            && self
                .route()
                .is_some_and(|route| route.response.format == AnswerFormat::Static)
    }
}

impl Gateway {
    /// The address of a path at an upstream.
    pub(crate) fn upstream_uri(&self, upstream: &Uri, path: &str) -> Option<Uri> {
        let scheme: Scheme = upstream.scheme()?.clone();
        let authority: Authority = upstream.authority()?.clone();
        let path: PathAndQuery = path.parse().ok()?;
        Uri::builder()
            .scheme(scheme)
            .authority(authority)
            .path_and_query(path)
            .build()
            .ok()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    NeverArrived,
    NoAnswer,
    TooSlow,
}

/// Takes out the headers that end at a proxy, those that `Connection` names among them.
pub(crate) fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // `Connection: host` must not take out what the route was judged by.
        .filter(|name: &HeaderName| {
            !matches!(
                name.as_str(),
                "host" | "authorization" | "cookie" | "content-type"
            )
        })
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// `a=1&b=2` without the parameters of these names, in every way to write them.
fn without(pairs: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return pairs.to_owned();
    }
    pairs
        .split('&')
        .filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            let probe = hudun_profile::RequestView::new("GET", "/", Some(name), Vec::new());
            !probe.is_ok_and(|probe| {
                names
                    .iter()
                    .any(|wanted| probe.query_values(wanted).next().is_some())
            })
        })
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_taken_out_in_every_spelling() {
        assert_eq!(
            without("a=1&DontCheckLogin=1&b", &["DontCheckLogin"]),
            "a=1&b"
        );
        assert_eq!(
            without(
                "a=1&%44ontCheckLogin=1&DontCheckLogin[]=2",
                &["DontCheckLogin"]
            ),
            "a=1"
        );
    }

    #[test]
    fn connection_can_not_name_what_was_judged() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "connection",
            HeaderValue::from_static("close, x-one, cookie"),
        );
        headers.insert("x-one", HeaderValue::from_static("1"));
        headers.insert("cookie", HeaderValue::from_static("a=b"));
        drop_hop_by_hop(&mut headers);
        assert_eq!(headers.len(), 1);
        assert!(headers.contains_key("cookie"));
    }
}
