//! Connections of clients: taken, limited, watched, drained.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::io::{Conn, GuardedIo, Times};
use crate::{Gateway, Tls, layers};

/// Time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

impl Gateway {
    /// Serves a listener until stopped; then takes no more connections and lets open exchanges finish, for a time.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Option<Tls>,
        stop: CancellationToken,
    ) {
        let seats = Arc::new(Seats::default());
        let drain = GracefulShutdown::new();
        let over = CancellationToken::new();
        if let Some(tls) = tls.clone() {
            let stop = stop.clone();
            tokio::spawn(async move { tls.watch(stop).await });
        }
        loop {
            let (stream, peer) = tokio::select! {
                () = stop.cancelled() => break,
                taken = listener.accept() => match taken {
                    Ok(taken) => taken,
                    Err(error) => {
                        // Out of file descriptors, most likely: waiting helps, ending does not.
                        tracing::warn!(%error, "a connection could not be taken");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
            };
            let limits = &self.config.limits;
            let Some(seat) = seats.take(peer.ip(), limits.connections, limits.connections_per_ip)
            else {
                self.metrics.connections_refused.add(1);
                continue;
            };
            let gateway = Arc::clone(&self);
            let (tls, watcher, over) = (tls.clone(), drain.watcher(), over.clone());
            tokio::spawn(async move {
                let _seat = seat;
                gateway.metrics.connections.add(1);
                tokio::select! {
                    () = over.cancelled() => {}
                    () = gateway.connection(stream, peer, tls, watcher) => {}
                }
                gateway.metrics.connections.add(-1);
            });
        }
        drop(listener);
        let time = self.config.limits.drain_time;
        if tokio::time::timeout(time, drain.shutdown()).await.is_err() {
            tracing::warn!("some exchanges did not finish in time and were broken off");
        }
        over.cancel();
    }

    async fn connection(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<Tls>,
        watcher: Watcher,
    ) {
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else {
            return self.speak(stream, peer, None, watcher).await;
        };
        match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok((stream, rtt))) => self.speak(stream, peer, Some(rtt), watcher).await,
            Ok(Err(error)) => {
                self.metrics.tls_failures.add(1);
                tracing::debug!(%peer, %error, "TLS handshake failed");
            }
            Err(_) => self.metrics.tls_failures.add(1),
        }
    }

    /// `handshake`: over TLS, how long a way to the client and back took.
    async fn speak<S>(
        self: &Arc<Self>,
        stream: S,
        peer: SocketAddr,
        handshake: Option<Duration>,
        watcher: Watcher,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = &self.config.limits;
        // hyper takes no bound below this.
        let header_bytes = limits.header_bytes.max(8 << 10);
        let times = Times {
            head: limits.head_time,
            idle: limits.idle_time,
            take: limits.take_time,
        };
        let conn = Conn::new(peer, handshake.is_some(), handshake, limits.take_time);
        let io = GuardedIo::new(
            stream,
            Arc::clone(&conn),
            Arc::clone(&self.metrics),
            header_bytes,
            times,
        );
        let gateway = Arc::clone(self);
        let service = service_fn(move |request| {
            let (gateway, conn) = (Arc::clone(&gateway), Arc::clone(&conn));
            async move {
                gateway.metrics.in_flight.add(1);
                let response = layers::serve(Arc::clone(&gateway), conn, request).await;
                gateway.metrics.in_flight.add(-1);
                Ok::<_, Infallible>(response)
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .max_headers(limits.headers)
            .max_buf_size(header_bytes)
            .half_close(false);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(128)
            .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(15));
        let serving = builder
            .serve_connection_with_upgrades(TokioIo::new(io), service)
            .into_owned();
        if let Err(error) = watcher.watch(serving).await {
            tracing::debug!(%peer, %error, "a connection ended in disorder");
        }
    }
}

/// Counts connections, all of them and by address.
#[derive(Debug, Default)]
struct Seats {
    taken: Mutex<HashMap<IpAddr, usize>>,
}

struct Seat {
    seats: Arc<Seats>,
    ip: IpAddr,
}

impl Seats {
    fn take(self: &Arc<Self>, ip: IpAddr, most: usize, most_per_ip: usize) -> Option<Seat> {
        let mut taken = self.lock();
        let total: usize = taken.values().sum();
        let count = taken.entry(ip).or_default();
        if total >= most || *count >= most_per_ip {
            if *count == 0 {
                taken.remove(&ip);
            }
            return None;
        }
        *count += 1;
        Some(Seat {
            seats: Arc::clone(self),
            ip,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some(count) = taken.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.ip);
            }
        }
    }
}
