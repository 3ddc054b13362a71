//! Bodies on their way: to the SCRM, and to the client.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::finish::Finisher;
use crate::io::{Busy, Conn};

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is longer than allowed")]
    TooLong,
    #[error("the body came too slowly")]
    TooSlow,
    #[error("the body broke off: {0}")]
    Broken(String),
}

/// A request body on its way to the SCRM: what was read already, then the rest as it comes.
pub(crate) struct SentBody {
    front: Option<Bytes>,
    rest: Option<Rest>,
}

struct Rest {
    body: Incoming,
    left: u64,
    time: Duration,
    deadline: Pin<Box<Sleep>>,
    count: Arc<AtomicU64>,
}

impl SentBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self {
            front: (!bytes.is_empty()).then_some(bytes),
            rest: None,
        }
    }

    /// The whole body, when it is here as a whole.
    pub(crate) fn copy(&self) -> Option<Bytes> {
        match &self.rest {
            None => Some(self.front.clone().unwrap_or_default()),
            Some(_) => None,
        }
    }

    /// A body of which some bytes have been read; at most `left` more may come.
    pub(crate) fn streamed(
        front: Bytes,
        body: Incoming,
        left: u64,
        time: Duration,
        count: Arc<AtomicU64>,
    ) -> Self {
        Self {
            front: (!front.is_empty()).then_some(front),
            rest: Some(Rest {
                body,
                left,
                time,
                deadline: Box::pin(tokio::time::sleep(time)),
                count,
            }),
        }
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(front) = self.front.take() {
            return Poll::Ready(Some(Ok(Frame::data(front))));
        }
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        loop {
            let frame = match Pin::new(&mut rest.body).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    ready!(rest.deadline.as_mut().poll(cx));
                    return Poll::Ready(Some(Err(BodyError::TooSlow)));
                }
            };
            rest.deadline.as_mut().reset(Instant::now() + rest.time);
            return Poll::Ready(match frame {
                None => None,
                Some(Err(error)) => Some(Err(BodyError::Broken(error.to_string()))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let length = data.len() as u64;
                        if length > rest.left {
                            return Poll::Ready(Some(Err(BodyError::TooLong)));
                        }
                        rest.left -= length;
                        rest.count.fetch_add(length, Ordering::Relaxed);
                        Some(Ok(Frame::data(data)))
                    }
                    // Trailers are not sent on: nobody has judged them.
                    Err(_) => continue,
                },
            });
        }
    }

    fn is_end_stream(&self) -> bool {
        self.front.is_none()
            && self
                .rest
                .as_ref()
                .is_none_or(|rest| rest.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let front = self.front.as_ref().map_or(0, Bytes::len) as u64;
        match &self.rest {
            None => SizeHint::with_exact(front),
            Some(rest) => match rest.body.size_hint().exact() {
                Some(length) => SizeHint::with_exact(front + length),
                None => SizeHint::default(),
            },
        }
    }
}

/// An answer on its way to the client. Whatever is in it has been recorded.
pub(crate) struct ClientBody {
    source: Source,
    /// Bytes still owed to the client when the length was announced.
    owed: Option<u64>,
    finisher: Option<Finisher>,
    /// The last byte of what was handed over, on HTTP/2: it is asked for once the client has room for all before it.
    last: Option<Bytes>,
    patience: Option<Patience>,
    conn: Arc<Conn>,
    _busy: Busy,
}

enum Source {
    Whole(Option<Bytes>),
    Groups(mpsc::Receiver<Result<Bytes, BodyError>>),
}

impl ClientBody {
    /// An answer that is here as a whole.
    pub(crate) fn whole(bytes: Bytes, conn: &Arc<Conn>, busy: Busy, finisher: Finisher) -> Self {
        let mut body = Self {
            last: None,
            patience: (!bytes.is_empty()).then(|| Patience::with(conn)).flatten(),
            owed: Some(bytes.len() as u64),
            source: Source::Whole((!bytes.is_empty()).then_some(bytes)),
            finisher: Some(finisher),
            conn: Arc::clone(conn),
            _busy: busy,
        };
        if body.owed == Some(0) {
            body.complete();
        }
        body
    }

    /// An answer that comes group by group.
    pub(crate) fn groups(
        groups: mpsc::Receiver<Result<Bytes, BodyError>>,
        length: Option<u64>,
        conn: &Arc<Conn>,
        busy: Busy,
        finisher: Finisher,
    ) -> Self {
        Self {
            source: Source::Groups(groups),
            last: None,
            patience: Patience::with(conn),
            owed: length,
            finisher: Some(finisher),
            conn: Arc::clone(conn),
            _busy: busy,
        }
    }

    /// Everything was handed over: the next flush proves it. On HTTP/2 that is so when more is asked for after the last
    /// byte, which the client's windows had room for.
    fn complete(&mut self) {
        if let Some(finisher) = self.finisher.take() {
            self.conn.on_flush(finisher);
        }
    }
}

/// On HTTP/2, where a client takes each answer at its own pace: what is handed over waits for the client's window, and
/// the next piece is asked for only then. A client that leaves a piece waiting for too long loses the connection.
struct Patience {
    /// Grows by one when a piece is handed over (odd) and when the next is asked for (even).
    steps: Arc<AtomicU64>,
    _watch: AbortOnDropHandle<()>,
}

impl Patience {
    fn with(conn: &Arc<Conn>) -> Option<Self> {
        if !conn.is_multiplexed() {
            return None;
        }
        let (conn, steps) = (Arc::clone(conn), Arc::new(AtomicU64::new(0)));
        let watched = Arc::clone(&steps);
        let watch = tokio::spawn(async move {
            loop {
                let before = watched.load(Ordering::Relaxed);
                tokio::time::sleep(conn.take).await;
                let waits = before % 2 == 1 && watched.load(Ordering::Relaxed) == before;
                if waits {
                    conn.cut();
                    return;
                }
            }
        });
        Some(Self {
            steps,
            _watch: AbortOnDropHandle::new(watch),
        })
    }

    fn handed(&self) {
        self.steps.fetch_or(1, Ordering::Relaxed);
    }

    fn asked(&self) {
        let steps = self.steps.load(Ordering::Relaxed);
        self.steps.store(steps + steps % 2, Ordering::Relaxed);
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(patience) = &self.patience {
            patience.asked();
        }
        let last = self.last.take().map(Ok);
        let next = match (&mut self.source, last) {
            (_, Some(last)) => Some(last),
            (Source::Whole(bytes), None) => bytes.take().map(Ok),
            (Source::Groups(groups), None) => ready!(groups.poll_recv(cx)),
        };
        match next {
            None if self.owed.is_none_or(|owed| owed == 0) => {
                self.complete();
                Poll::Ready(None)
            }
            None => Poll::Ready(Some(Err(BodyError::Broken(
                "the SCRM broke off".to_owned(),
            )))),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            Some(Ok(mut bytes)) => {
                if self.patience.is_some() && bytes.len() > 1 {
                    self.last = Some(bytes.split_off(bytes.len() - 1));
                }
                if let Some(owed) = self.owed {
                    self.owed = Some(owed.saturating_sub(bytes.len() as u64));
                }
                match &self.patience {
                    Some(patience) => patience.handed(),
                    None if self.owed == Some(0) => self.complete(),
                    None => {}
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole(bytes) => bytes.is_none() && self.finisher.is_none(),
            Source::Groups(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.owed
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
