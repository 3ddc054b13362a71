//! One audit line per request, written here and nowhere else, before the response leaves.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{app::App, audit::AuditEntry, clock, error::ApiError};

/// What the handlers of a request note for its audit line.
#[derive(Clone, Default)]
pub(crate) struct Trail(Arc<Mutex<AuditEntry>>);

impl Trail {
    /// Which act it was and which records it touched.
    pub(crate) fn note(&self, action: &str, ids: Vec<i64>) {
        let mut entry = self.entry();
        entry.action = action.into();
        entry.rows = ids.len() as u64;
        entry.ids = ids;
    }

    /// A case number, an export id, a reason.
    pub(crate) fn because(&self, note: impl Into<String>) {
        self.entry().note = Some(note.into());
    }

    /// The half-filled entry.
    pub(crate) fn entry(&self) -> MutexGuard<'_, AuditEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a request came from.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    /// The client, seen through trusted proxies.
    pub(crate) address: IpAddr,
    /// Whether a trusted proxy says that the client used TLS.
    pub(crate) tls: bool,
}

/// Runs the request and writes its line. Static files and health checks leave none.
pub(super) async fn record(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if path == "/healthz" || path.starts_with("/static/") {
        return next.run(request).await;
    }
    let client = client(peer.ip(), request.headers(), &app.trusted_proxies);
    let named = format!("{} {path}", request.method());
    let trail = Trail::default();
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(trail.clone());
    let response = next.run(request).await;

    let mut entry = trail.entry().clone();
    entry.time = clock::text(clock::now());
    entry.address = client.address.to_string();
    entry.status = response.status().as_u16();
    entry.request = named.chars().take(MOST_PATH).collect();
    if entry.action.is_empty() {
        entry.action = "request".into();
    }
    match app.audit.append(entry) {
        Ok(_) => response,
        Err(error) => ApiError::Internal(format!("audit log: {error}")).into_response(),
    }
}

/// The peer itself, or what a trusted peer says in `X-Forwarded-For`: the last address that is not a trusted proxy.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> Client {
    let peer = peer.to_canonical();
    let trusts = |ip: &IpAddr| ip.is_loopback() || trusted.contains(ip);
    if !trusts(&peer) {
        return Client {
            address: peer,
            tls: false,
        };
    }
    let forwarded: Vec<IpAddr> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map_while(|part| part.trim().parse::<IpAddr>().ok())
        .map(|ip| ip.to_canonical())
        .collect();
    let address = forwarded
        .iter()
        .rev()
        .find(|ip| !trusts(ip))
        .or_else(|| forwarded.first())
        .copied();
    let tls = headers
        .get("x-forwarded-proto")
        .is_some_and(|proto| proto == "https");
    Client {
        address: address.unwrap_or(peer),
        tls,
    }
}

const MOST_PATH: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        client(peer.parse().unwrap(), &headers, &[])
            .address
            .to_string()
    }

    #[test]
    fn forwarded_addresses_count_only_from_trusted_peers() {
        assert_eq!(seen("203.0.113.9", "198.51.100.7"), "203.0.113.9");
        assert_eq!(seen("127.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(
            seen("127.0.0.1", "1.2.3.4, 198.51.100.7, 127.0.0.1"),
            "198.51.100.7"
        );
        assert_eq!(seen("127.0.0.1", "nonsense"), "127.0.0.1");
        assert_eq!(seen("::ffff:127.0.0.1", "198.51.100.7"), "198.51.100.7");
    }
}
