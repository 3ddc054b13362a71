//! One client connection: its bytes judged on the way in, its flushes noticed on the way out.

use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::finish::Finisher;
use crate::framing::Framing;
use crate::metrics::Metrics;

/// What the exchanges of one connection share.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) peer: SocketAddr,
    pub(crate) tls: bool,
    /// Milliseconds to the client and back, where it could be measured.
    pub(crate) rtt_ms: Option<u32>,
    /// How long the client may take for the next piece of an answer.
    pub(crate) take: Duration,
    busy: AtomicUsize,
    /// Exchanges begun so far.
    begun: AtomicUsize,
    upgraded: AtomicBool,
    /// Many exchanges at once, each with a window of its own: a client that takes nothing does not show in the writes.
    multiplexed: AtomicBool,
    cut: AtomicBool,
    reader: AtomicWaker,
    unflushed: Mutex<Vec<Finisher>>,
}

impl Conn {
    pub(crate) fn new(
        peer: SocketAddr,
        tls: bool,
        rtt: Option<Duration>,
        take: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            peer,
            tls,
            rtt_ms: rtt.map(|rtt| u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX)),
            take,
            busy: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            upgraded: AtomicBool::new(false),
            multiplexed: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            unflushed: Mutex::new(Vec::new()),
        })
    }

    /// Counts an exchange in flight until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// From now on the connection speaks another protocol.
    pub(crate) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    /// Whether it speaks HTTP/2.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Ordering::Acquire)
    }

    /// Ends an HTTP/2 connection whose client leaves an answer waiting.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.reader.wake();
    }

    /// Whether [`Conn::cut`] was called; if not, the task is woken when it is.
    fn is_cut(&self, cx: &Context<'_>) -> bool {
        self.reader.register(cx.waker());
        self.cut.load(Ordering::Acquire)
    }

    /// The whole answer was handed to the connection; it counts as delivered when that is flushed.
    pub(crate) fn on_flush(&self, finisher: Finisher) {
        self.lock().push(finisher);
    }

    fn flushed(&self) {
        let list = std::mem::take(&mut *self.lock());
        for finisher in list {
            finisher.delivered();
        }
    }

    /// The connection is gone; what was not flushed was not delivered.
    fn gone(&self) {
        drop(std::mem::take(&mut *self.lock()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Finisher>> {
        self.unflushed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// An exchange in flight.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Conn>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// For a header block.
    pub(crate) head: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
    /// To take the next piece of an answer.
    pub(crate) take: Duration,
}

/// A socket (or a TLS stream) that shows hyper only what has been judged.
pub(crate) struct GuardedIo<S> {
    inner: S,
    conn: Arc<Conn>,
    metrics: Arc<Metrics>,
    framing: Framing,
    ready: Vec<u8>,
    given: usize,
    times: Times,
    deadline: Pin<Box<Sleep>>,
    /// Runs while the client takes nothing of what is sent.
    stuck: Option<Pin<Box<Sleep>>>,
    waiting: Waiting,
    /// Exchanges begun when the deadline was set.
    seen: usize,
    ended: bool,
}

/// What the deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Nothing,
    Head,
    Idle,
}

impl<S> GuardedIo<S> {
    pub(crate) fn new(
        inner: S,
        conn: Arc<Conn>,
        metrics: Arc<Metrics>,
        header_bytes: usize,
        times: Times,
    ) -> Self {
        Self {
            inner,
            conn,
            metrics,
            framing: Framing::new(header_bytes),
            ready: Vec::new(),
            given: 0,
            times,
            deadline: Box::pin(tokio::time::sleep(times.head)),
            // A connection that says nothing at all gets as long as a header block.
            waiting: Waiting::Head,
            seen: 0,
            stuck: None,
            ended: false,
        }
    }

    /// Passes on how a write ended. A client that takes nothing for too long is cut off, so that it can't hold its
    /// seat and the SCRM's answer for ever.
    fn sent<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.stuck = None;
            return wrote;
        }
        let time = self.times.take;
        let stuck = self
            .stuck
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        ready!(stuck.as_mut().poll(cx));
        self.stuck = None;
        self.metrics.slow_readers.add(1);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Sets the deadline by what the connection is waiting for.
    fn watch(&mut self) {
        let (busy, begun) = (
            self.conn.busy.load(Ordering::Relaxed),
            self.conn.begun.load(Ordering::Relaxed),
        );
        let wanted = if self.framing.is_dead() {
            Waiting::Nothing
        } else if self.framing.is_through() {
            if self.conn.is_multiplexed() && busy == 0 {
                Waiting::Idle
            } else {
                Waiting::Nothing
            }
        } else if self.framing.in_head() {
            Waiting::Head
        } else if self.framing.between_requests() && busy == 0 {
            match self.waiting {
                // The very first request.
                Waiting::Head if self.given == 0 && self.ready.is_empty() => Waiting::Head,
                _ => Waiting::Idle,
            }
        } else {
            Waiting::Nothing
        };
        // On HTTP/2 an exchange may have come and gone since the last look.
        let stale = wanted == Waiting::Idle && begun != self.seen;
        self.seen = begun;
        if wanted != self.waiting || stale {
            self.waiting = wanted;
            let time = match wanted {
                Waiting::Head => self.times.head,
                _ => self.times.idle,
            };
            self.deadline.as_mut().reset(Instant::now() + time);
        }
    }
}

impl<S: AsyncRead + Unpin> GuardedIo<S> {
    /// Reads what is not judged here: an upgraded connection, or HTTP/2, which may neither idle nor leave answers waiting.
    fn read_through(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.conn.upgraded.load(Ordering::Acquire) {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        self.conn.multiplexed.store(true, Ordering::Release);
        if self.conn.is_cut(cx) {
            self.metrics.slow_readers.add(1);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if read.is_pending() {
            self.watch();
            if self.waiting == Waiting::Idle {
                ready!(self.deadline.as_mut().poll(cx));
                self.ended = true;
                return Poll::Ready(Ok(()));
            }
        }
        read
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.given < this.ready.len() {
                let left = &this.ready[this.given..];
                let taken = left.len().min(buf.remaining());
                buf.put_slice(&left[..taken]);
                this.given += taken;
                if this.given == this.ready.len() {
                    this.ready.clear();
                    this.given = 0;
                    this.ready.shrink_to(64 << 10);
                    this.waiting = Waiting::Nothing;
                }
                return Poll::Ready(Ok(()));
            }
            if this.framing.is_dead() || this.ended {
                return Poll::Ready(Ok(()));
            }
            if !this.framing.is_through() && this.conn.upgraded.load(Ordering::Acquire) {
                this.framing.upgrade();
            }
            if this.framing.is_through() {
                return this.read_through(cx, buf);
            }
            let mut scratch = [0_u8; 16 << 10];
            let mut raw = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.inner).poll_read(cx, &mut raw) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.watch();
                    if this.waiting != Waiting::Nothing {
                        ready!(this.deadline.as_mut().poll(cx));
                        this.ended = true;
                        if this.waiting == Waiting::Head {
                            this.metrics.slow_heads.add(1);
                        }
                        return Poll::Ready(Ok(()));
                    }
                    return Poll::Pending;
                }
            }
            if raw.filled().is_empty() {
                this.ended = true;
                return Poll::Ready(Ok(()));
            }
            if let Err(violation) = this.framing.feed(raw.filled(), &mut this.ready) {
                this.metrics.violation(violation);
                tracing::debug!(peer = %this.conn.peer, rule = violation.name(), "request refused by its framing");
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.sent(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.sent(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        let flushed = ready!(self.sent(cx, flushed));
        if flushed.is_ok() {
            self.conn.flushed();
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S> Drop for GuardedIo<S> {
    fn drop(&mut self) {
        self.conn.gone();
    }
}
