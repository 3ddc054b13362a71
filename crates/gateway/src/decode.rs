//! The answer's body without its content encoding, piece by piece.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, BodyStream};
use hyper::body::Incoming;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt as _};
use tokio_util::io::StreamReader;

/// Bytes that are decoded at once.
const PIECE: usize = 32 << 10;
/// Decoded bytes for one encoded byte beyond which a body is taken for a bomb, once it is long.
const BOMB: u64 = 2_000;
/// Decoded bytes below which nothing is a bomb.
const NO_BOMB: u64 = 16 << 20;

/// A coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// The coding of a `Content-Encoding`; `None` when it can't be undone.
    pub(crate) fn of(header: Option<&str>) -> Option<Self> {
        match header
            .map(|text| text.trim().to_ascii_lowercase())
            .as_deref()
        {
            None | Some("" | "identity") => Some(Self::Identity),
            Some("gzip" | "x-gzip") => Some(Self::Gzip),
            Some("deflate") => Some(Self::Deflate),
            Some("br") => Some(Self::Brotli),
            Some("zstd") => Some(Self::Zstd),
            Some(_) => None,
        }
    }

    /// Whether a client that sent this `Accept-Encoding` takes it.
    pub(crate) fn accepted(self, accept: Option<&str>) -> bool {
        let name = match self {
            Self::Identity => return true,
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        };
        listed(accept.unwrap_or_default(), name)
    }
}

/// What to ask the SCRM for: what the client accepts and Hudun can undo.
pub(crate) fn ask_for(accept: Option<&str>) -> String {
    let accept = accept.unwrap_or_default();
    let list: Vec<&str> = ["gzip", "br", "zstd"]
        .into_iter()
        .filter(|name| listed(accept, name))
        .collect();
    if list.is_empty() {
        "identity".to_owned()
    } else {
        list.join(", ")
    }
}

fn listed(accept: &str, name: &str) -> bool {
    accept.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let given = parts.next().unwrap_or_default();
        let refused = parts.any(|part| {
            part.strip_prefix("q=")
                .is_some_and(|q| q.trim().parse::<f32>().is_ok_and(|q| q == 0.0))
        });
        !refused && (given.eq_ignore_ascii_case(name) || given == "*")
    })
}

/// Undoes the coding of a whole request body within a bound.
pub(crate) async fn inflate(bytes: &[u8], coding: Coding, most: usize) -> io::Result<Vec<u8>> {
    let mut reader = undo(coding, Box::pin(io::Cursor::new(bytes.to_vec())));
    let mut out = Vec::new();
    let mut limited = (&mut reader).take(most as u64 + 1);
    limited.read_to_end(&mut out).await?;
    if out.len() > most {
        return Err(io::Error::other("too long once decoded"));
    }
    Ok(out)
}

/// The answer's body, decoded.
pub(crate) struct Decoded {
    reader: Reader,
    raw: Arc<Mutex<Raw>>,
    decoded: u64,
}

enum Reader {
    Plain {
        front: Option<Bytes>,
        body: Incoming,
    },
    Coded(Pin<Box<dyn AsyncRead + Send>>),
}

/// The encoded bytes, kept as long as the whole body may be small.
struct Raw {
    kept: Option<BytesMut>,
    most: usize,
    count: u64,
}

impl Raw {
    fn take(&mut self, bytes: &[u8]) {
        self.count += bytes.len() as u64;
        match &mut self.kept {
            Some(kept) if kept.len() + bytes.len() <= self.most => kept.extend_from_slice(bytes),
            kept => *kept = None,
        }
    }
}

impl Decoded {
    /// Begins to decode. Some servers say gzip and send plain bytes, so the first two are looked at.
    pub(crate) async fn new(mut body: Incoming, coding: Coding, keep: usize) -> io::Result<Self> {
        let raw = Arc::new(Mutex::new(Raw {
            kept: Some(BytesMut::new()),
            most: keep,
            count: 0,
        }));
        let reader = if coding == Coding::Identity {
            Reader::Plain { front: None, body }
        } else {
            let mut front = BytesMut::new();
            while front.len() < 2 {
                match next_frame(&mut body).await? {
                    Some(bytes) => front.extend_from_slice(&bytes),
                    None => break,
                }
            }
            let front = front.freeze();
            if coding == Coding::Gzip && !front.starts_with(&[0x1F, 0x8B]) {
                Reader::Plain {
                    front: (!front.is_empty()).then_some(front),
                    body,
                }
            } else {
                let tee = Arc::clone(&raw);
                let first = futures_util::stream::iter((!front.is_empty()).then_some(Ok(front)));
                let rest = BodyStream::new(body).filter_map(|frame| async move {
                    match frame {
                        Ok(frame) => frame.into_data().ok().map(Ok),
                        Err(error) => Some(Err(io::Error::other(error))),
                    }
                });
                let stream = first.chain(rest).inspect(move |bytes| {
                    if let Ok(bytes) = bytes {
                        lock(&tee).take(bytes);
                    }
                });
                Reader::Coded(undo(coding, Box::pin(StreamReader::new(stream))))
            }
        };
        Ok(Self {
            reader,
            raw,
            decoded: 0,
        })
    }

    /// The next decoded bytes; never empty. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let bytes = match &mut self.reader {
            Reader::Plain { front, body } => {
                let next = match front.take() {
                    Some(front) => Some(front),
                    None => next_frame(body).await?,
                };
                if let Some(bytes) = &next {
                    lock(&self.raw).take(bytes);
                }
                next
            }
            Reader::Coded(reader) => {
                let mut piece = BytesMut::with_capacity(PIECE);
                let count = reader.read_buf(&mut piece).await?;
                (count > 0).then(|| piece.freeze())
            }
        };
        if let Some(bytes) = &bytes {
            self.decoded += bytes.len() as u64;
            if self.decoded > NO_BOMB && self.decoded / BOMB > lock(&self.raw).count {
                return Err(io::Error::other("a compression bomb"));
            }
        }
        Ok(bytes)
    }

    /// The body as it came, when it is small enough and has been read to its end.
    pub(crate) fn take_raw(&self) -> Option<Bytes> {
        lock(&self.raw).kept.take().map(BytesMut::freeze)
    }

    /// No longer keeps the encoded bytes.
    pub(crate) fn forget_raw(&self) {
        lock(&self.raw).kept = None;
    }

    /// Whether decoded bytes are the bytes that came.
    pub(crate) const fn is_plain(&self) -> bool {
        matches!(self.reader, Reader::Plain { .. })
    }
}

async fn next_frame(body: &mut Incoming) -> io::Result<Option<Bytes>> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(error)) => return Err(io::Error::other(error)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) if !bytes.is_empty() => return Ok(Some(bytes)),
                _ => {}
            },
        }
    }
}

fn undo(
    coding: Coding,
    reader: Pin<Box<dyn AsyncBufRead + Send>>,
) -> Pin<Box<dyn AsyncRead + Send>> {
    match coding {
        Coding::Identity => Box::pin(reader),
        Coding::Gzip => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            Box::pin(decoder)
        }
        Coding::Deflate => Box::pin(ZlibDecoder::new(reader)),
        Coding::Brotli => Box::pin(BrotliDecoder::new(reader)),
        Coding::Zstd => {
            let mut decoder = ZstdDecoder::new(reader);
            decoder.multiple_members(true);
            Box::pin(decoder)
        }
    }
}

fn lock(raw: &Mutex<Raw>) -> std::sync::MutexGuard<'_, Raw> {
    raw.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scrm_is_asked_for_what_the_client_takes() {
        assert_eq!(ask_for(None), "identity");
        assert_eq!(
            ask_for(Some("gzip, deflate, br;q=0.9, zstd;q=0, xyz")),
            "gzip, br"
        );
        assert_eq!(ask_for(Some("*")), "gzip, br, zstd");
        assert!(!Coding::Gzip.accepted(Some("br")));
        assert!(Coding::Identity.accepted(None));
        assert_eq!(Coding::of(Some("gzip, br")), None);
    }
}
