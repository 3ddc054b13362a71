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
            owed: length,
            finisher: Some(finisher),
            conn: Arc::clone(conn),
            _busy: busy,
        }
    }

    /// Everything was handed over: the next flush proves it.
    fn complete(&mut self) {
        if let Some(finisher) = self.finisher.take() {
            self.conn.on_flush(finisher);
        }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let next = match &mut self.source {
            Source::Whole(bytes) => bytes.take().map(Ok),
            Source::Groups(groups) => ready!(groups.poll_recv(cx)),
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
            Some(Ok(bytes)) => {
                if let Some(owed) = self.owed {
                    let left = owed.saturating_sub(bytes.len() as u64);
                    self.owed = Some(left);
                    if left == 0 {
                        self.complete();
                    }
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole(bytes) => bytes.is_none(),
            Source::Groups(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.owed
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
