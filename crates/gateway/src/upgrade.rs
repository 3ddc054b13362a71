//! WebSocket: after the SCRM has agreed, bytes pass both ways unread. They count as released and unexplained.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use hudun_core::{ExchangeEvent, RefusalCause, Release, Timestamp};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use crate::account::JournalRecord;
use crate::body::ClientBody;
use crate::exchange::{Exchange, denied, plain_end, record_relaxed};
use crate::forward::drop_hop_by_hop;

/// How often an open WebSocket is held against a policy that has changed, and its bytes are recorded.
const BEAT: Duration = Duration::from_millis(250);

/// The client's side of an upgrade to WebSocket, when the request asks for one.
pub(crate) fn wanted(request: &mut Request<Incoming>) -> Option<OnUpgrade> {
    let websocket = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let named = request
        .headers()
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case("upgrade"));
    let old = request.version() == http::Version::HTTP_11;
    (websocket && named && old).then(|| hyper::upgrade::on(request))
}

/// Joins both sides. The head is durable before the client hears that the SCRM agreed.
pub(crate) async fn join(
    mut exchange: Exchange,
    client: OnUpgrade,
    mut response: Response<Incoming>,
) -> Response<ClientBody> {
    let server = hyper::upgrade::on(&mut response);
    let head = Box::new(exchange.head());
    let gateway = Arc::clone(&exchange.gateway);
    gateway.emit(ExchangeEvent::Head(head.clone()));
    if let Err(error) = gateway.accounting.record(JournalRecord::Head(head)).await {
        gateway.metrics.accounting_failures.add(1);
        return exchange.refuse_after_head(denied(
            503,
            RefusalCause::Accounting,
            error.to_string(),
        ));
    }
    let (parts, _) = response.into_parts();
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = parts.headers;
    let websocket = answer.headers().get(header::UPGRADE).cloned();
    drop_hop_by_hop(answer.headers_mut());
    if let Some(websocket) = websocket {
        answer.headers_mut().insert(header::UPGRADE, websocket);
        answer.headers_mut().insert(
            header::CONNECTION,
            http::HeaderValue::from_static("Upgrade"),
        );
    }
    exchange.conn.upgrade();
    let busy = exchange
        .busy
        .take()
        .unwrap_or_else(|| exchange.conn.begin());
    let conn = Arc::clone(&exchange.conn);
    let finisher = crate::finish::Finisher::silent();
    tokio::spawn(async move {
        let down = Arc::new(AtomicU64::new(0));
        let up = Arc::clone(&exchange.request_bytes);
        if let (Ok(client), Ok(server)) = (client.await, server.await) {
            pass(&exchange, client, server, &down, &up).await;
        }
        let mut end = plain_end(exchange.id, exchange.at, 101);
        end.request_bytes = up.load(Ordering::Relaxed);
        end.response_bytes = down.load(Ordering::Relaxed);
        end.groups = u32::from(end.response_bytes > 0);
        record_relaxed(&exchange.gateway, JournalRecord::End(end.clone()));
        exchange.gateway.emit(ExchangeEvent::End(end));
    });
    answer.map(|bytes| ClientBody::whole(bytes, &conn, busy, finisher))
}

/// Passes bytes both ways until a side ends, or the policy no longer allows the session.
async fn pass(
    exchange: &Exchange,
    client: Upgraded,
    server: Upgraded,
    down: &Arc<AtomicU64>,
    up: &Arc<AtomicU64>,
) {
    let (client_in, client_out) = tokio::io::split(TokioIo::new(client));
    let (server_in, server_out) = tokio::io::split(TokioIo::new(server));
    let upward = copy(client_in, server_out, Arc::clone(up));
    let downward = copy(server_in, client_out, Arc::clone(down));
    tokio::pin!(upward, downward);
    let mut revision = exchange.policy.revision();
    let (mut recorded, mut group) = (0, 0);
    let mut beat = tokio::time::interval(BEAT);
    loop {
        let over = tokio::select! {
            _ = &mut upward => true,
            _ = &mut downward => true,
            _ = beat.tick() => false,
        };
        let total = down.load(Ordering::Relaxed);
        if total > recorded {
            release(exchange, group, total - recorded);
            (recorded, group) = (total, group + 1);
        }
        if over {
            return;
        }
        let policy = exchange.gateway.policy.load();
        if policy.revision() != revision {
            revision = policy.revision();
            let decision = policy.decide_request(&exchange.facts(), Timestamp::now());
            if let Some(denied) = decision.denied {
                exchange.gateway.metrics.refuse(denied.refusal.cause);
                return;
            }
        }
    }
}

fn release(exchange: &Exchange, group: u32, bytes: u64) {
    let release = Release {
        exchange: exchange.id,
        group,
        at: Timestamp::now(),
        bytes,
        explained: 0,
        rows: 0,
        foreign_rows: 0,
        sightings: Vec::new(),
    };
    let gateway = &exchange.gateway;
    gateway.metrics.releases.add(1);
    gateway.metrics.bytes_released.add(bytes);
    record_relaxed(gateway, JournalRecord::Release(release.clone()));
    gateway.emit(ExchangeEvent::Release(release));
}

async fn copy(
    mut from: ReadHalf<TokioIo<Upgraded>>,
    mut to: WriteHalf<TokioIo<Upgraded>>,
    count: Arc<AtomicU64>,
) -> io::Result<()> {
    let mut piece = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        count.fetch_add(length as u64, Ordering::Relaxed);
        to.write_all(&piece[..length]).await?;
        to.flush().await?;
    }
}
