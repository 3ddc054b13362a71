//! How texts travel, and how they are spelt on the way.

use hudun_seclang::raw::RawRequest;

/// How a text travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    QueryOne,
    QueryMany,
    Path,
    Header,
    HeaderMany,
    CookieMany,
    FormOne,
    FormMany,
    FormNames,
    JsonOne,
    JsonMany,
    JsonDeep,
    JsonNames,
    XmlText,
    XmlAttributes,
    XmlDeep,
    PartOne,
    PartMany,
    PartHeaders,
    File,
    Plain,
}

use Carrier as C;

pub(super) const CARRIERS: [Carrier; 21] = [
    C::QueryOne,
    C::QueryMany,
    C::Path,
    C::Header,
    C::HeaderMany,
    C::CookieMany,
    C::FormOne,
    C::FormMany,
    C::FormNames,
    C::JsonOne,
    C::JsonMany,
    C::JsonDeep,
    C::JsonNames,
    C::XmlText,
    C::XmlAttributes,
    C::XmlDeep,
    C::PartOne,
    C::PartMany,
    C::PartHeaders,
    C::File,
    C::Plain,
];
/// The ways in which ordinary requests travel.
pub(super) const ORDINARY: [Carrier; 5] = [
    C::QueryMany,
    C::FormMany,
    C::JsonMany,
    C::XmlText,
    C::PartMany,
];

/// How a text is spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Percent,
    PercentTwice,
    PercentU,
    Backslash,
    Entities,
    Base64,
}

pub(super) const ENCODINGS: [Encoding; 7] = [
    Encoding::Plain,
    Encoding::Percent,
    Encoding::PercentTwice,
    Encoding::PercentU,
    Encoding::Backslash,
    Encoding::Entities,
    Encoding::Base64,
];

impl Carrier {
    pub(super) fn is_many(self) -> bool {
        !matches!(
            self,
            Self::QueryOne
                | Self::Path
                | Self::Header
                | Self::FormOne
                | Self::JsonOne
                | Self::XmlText
                | Self::PartOne
                | Self::File
                | Self::Plain
        )
    }

    /// Bytes around each value.
    pub(super) fn overhead(self) -> usize {
        match self {
            Self::PartMany | Self::PartHeaders => 60,
            Self::XmlAttributes | Self::JsonDeep | Self::XmlDeep | Self::HeaderMany => 8,
            Self::JsonMany | Self::JsonNames => 9,
            _ => 4,
        }
    }

    pub(super) fn carry(self, texts: &[Vec<u8>]) -> RawRequest {
        let one = texts.first().cloned().unwrap_or_default();
        let joined = |make: &dyn Fn(usize, &[u8]) -> Vec<u8>, between: &[u8]| -> Vec<u8> {
            let list: Vec<Vec<u8>> = texts.iter().enumerate().map(|(n, t)| make(n, t)).collect();
            list.join(between)
        };
        let name = |n: usize| format!("a{n}");
        let mut request = RawRequest {
            method: b"GET".to_vec(),
            target: b"/api/v1/customers".to_vec(),
            protocol: b"HTTP/1.1".to_vec(),
            headers: vec![
                (b"Host".to_vec(), b"scrm.example.com".to_vec()),
                (b"User-Agent".to_vec(), b"Mozilla/5.0 (X11; Linux)".to_vec()),
                (b"Accept".to_vec(), b"*/*".to_vec()),
            ],
            body: Vec::new(),
        };
        let pair = |n: usize, t: &[u8]| [name(n).as_bytes(), b"=", t].concat();
        let mut kind: &[u8] = b"";
        match self {
            Self::QueryOne => request.target.extend([b"?q=", one.as_slice()].concat()),
            Self::QueryMany => request
                .target
                .extend([&b"?"[..], &joined(&pair, b"&")].concat()),
            Self::Path => request.target.extend([b"/", one.as_slice()].concat()),
            Self::Header => request.headers.push((b"X-Note".to_vec(), one)),
            Self::HeaderMany => request.headers.extend(
                texts
                    .iter()
                    .enumerate()
                    .map(|(n, t)| (format!("X-{n}").into_bytes(), t.clone())),
            ),
            Self::CookieMany => request
                .headers
                .push((b"Cookie".to_vec(), joined(&pair, b"; "))),
            Self::FormOne => (kind, request.body) = (FORM, [b"q=", one.as_slice()].concat()),
            Self::FormMany => (kind, request.body) = (FORM, joined(&pair, b"&")),
            Self::FormNames => {
                (kind, request.body) = (FORM, joined(&|_, t| [t, b"=1"].concat(), b"&"))
            }
            Self::JsonOne => {
                (kind, request.body) = (JSON, [b"{\"a\":\"", one.as_slice(), b"\"}"].concat())
            }
            Self::JsonMany => {
                let list = joined(
                    &|n, t| [b"\"", name(n).as_bytes(), b"\":\"", t, b"\""].concat(),
                    b",",
                );
                (kind, request.body) = (JSON, [b"{", list.as_slice(), b"}"].concat());
            }
            Self::JsonNames => {
                let list = joined(&|_, t| [b"\"", t, b"\":1"].concat(), b",");
                (kind, request.body) = (JSON, [b"{", list.as_slice(), b"}"].concat());
            }
            Self::JsonDeep => {
                let depth = texts.len().min(400);
                let mut body: Vec<u8> = Vec::new();
                for text in &texts[..depth] {
                    body.extend([b"{\"k\":\"", text.as_slice(), b"\",\"a\":"].concat());
                }
                body.extend_from_slice(b"[1,2]");
                body.extend(b"}".repeat(depth));
                (kind, request.body) = (JSON, body);
            }
            Self::XmlText => {
                (kind, request.body) = (XML, [b"<a>", one.as_slice(), b"</a>"].concat())
            }
            Self::XmlAttributes => {
                let list = joined(&|_, t| [b"<b c=\"", t, b"\"/>"].concat(), b"");
                (kind, request.body) = (XML, [b"<a>", list.as_slice(), b"</a>"].concat());
            }
            Self::XmlDeep => {
                let depth = texts.len().min(400);
                let list = texts[..depth]
                    .iter()
                    .map(|t| [b"<a>", t.as_slice()].concat());
                let mut body: Vec<u8> = list.collect::<Vec<_>>().concat();
                body.extend(b"</a>".repeat(depth));
                (kind, request.body) = (XML, body);
            }
            Self::PartOne | Self::PartMany => {
                let part = |n: usize, t: &[u8]| {
                    let head =
                        format!("--b\r\nContent-Disposition: form-data; name=\"a{n}\"\r\n\r\n");
                    [head.as_bytes(), t, b"\r\n"].concat()
                };
                (kind, request.body) = (
                    PARTS,
                    [joined(&part, b"").as_slice(), b"--b--\r\n"].concat(),
                );
            }
            Self::PartHeaders => {
                let part = |_: usize, t: &[u8]| {
                    [
                        b"--b\r\nContent-Disposition: form-data; name=\"",
                        t,
                        b"\"\r\n\r\n1\r\n",
                    ]
                    .concat()
                };
                (kind, request.body) = (
                    PARTS,
                    [joined(&part, b"").as_slice(), b"--b--\r\n"].concat(),
                );
            }
            Self::File => {
                let head = b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\n";
                (kind, request.body) = (PARTS, [&head[..], &one, b"\r\n--b--\r\n"].concat());
            }
            Self::Plain => (kind, request.body) = (b"text/plain", one),
        }
        if !kind.is_empty() {
            request.method = b"POST".to_vec();
            request
                .headers
                .push((b"Content-Type".to_vec(), kind.to_vec()));
            let length = request.body.len().to_string().into_bytes();
            request.headers.push((b"Content-Length".to_vec(), length));
        }
        request
    }
}

/// The request as bytes.
pub(super) fn wire(request: &RawRequest) -> Vec<u8> {
    let mut out = [
        &request.method[..],
        b" ",
        &request.target,
        b" ",
        &request.protocol,
        b"\r\n",
    ]
    .concat();
    for (name, value) in &request.headers {
        out.extend([&name[..], b": ", value, b"\r\n"].concat());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&request.body);
    out
}

/// The text in that spelling.
pub(super) fn spell(encoding: Encoding, text: &[u8]) -> Vec<u8> {
    let each = |make: &dyn Fn(u8) -> String| {
        text.iter()
            .map(|b| make(*b))
            .collect::<String>()
            .into_bytes()
    };
    match encoding {
        Encoding::Plain => text.to_vec(),
        Encoding::Percent => each(&|b| format!("%{b:02x}")),
        Encoding::PercentTwice => each(&|b| format!("%25{b:02x}")),
        Encoding::PercentU => each(&|b| format!("%u00{b:02x}")),
        Encoding::Backslash => each(&|b| format!("\\x{b:02x}")),
        Encoding::Entities => each(&|b| format!("&#x{b:x};")),
        Encoding::Base64 => {
            const LETTERS: &[u8; 64] =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let mut out = Vec::new();
            for chunk in text.chunks(3) {
                let bits = chunk.iter().fold(0u32, |v, b| v << 8 | u32::from(*b))
                    << (8 * (3 - chunk.len()));
                for at in 0..=chunk.len() {
                    out.push(LETTERS[(bits >> (18 - 6 * at) & 63) as usize]);
                }
            }
            out
        }
    }
}

/// What its carrier does not let through as it is, written so that it arrives.
pub(super) fn escape(carrier: Carrier, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for b in text {
        match (carrier, b) {
            (
                C::QueryOne | C::QueryMany | C::FormOne | C::FormMany | C::FormNames,
                b'&' | b'%' | b'+' | b'=' | b'#' | 0..=32,
            ) => {
                out.extend_from_slice(format!("%{b:02x}").as_bytes());
            }
            (C::Path, 0..=32 | b'?' | b'#') => {
                out.extend_from_slice(format!("%{b:02x}").as_bytes())
            }
            (C::Header | C::HeaderMany, b'\r' | b'\n' | 0)
            | (C::CookieMany, b'\r' | b'\n' | 0 | b';') => out.push(b' '),
            (C::JsonOne | C::JsonMany | C::JsonDeep | C::JsonNames, 0..=31 | b'"' | b'\\') => {
                out.extend_from_slice(format!("\\u{b:04x}").as_bytes());
            }
            (C::XmlText | C::XmlDeep | C::XmlAttributes, b'<' | b'&' | b'"') => {
                out.extend_from_slice(format!("&#{b};").as_bytes());
            }
            (C::XmlText | C::XmlDeep | C::XmlAttributes, 0)
            | (C::PartHeaders, b'"' | b'\r' | b'\n') => out.push(b' '),
            _ => out.push(*b),
        }
    }
    out
}

const FORM: &[u8] = b"application/x-www-form-urlencoded";
const JSON: &[u8] = b"application/json";
const XML: &[u8] = b"text/xml";
const PARTS: &[u8] = b"multipart/form-data; boundary=b";
