//! From parts to requests of a given size.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hudun_seclang::raw::RawRequest;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

use super::{Failure, grammar};

/// Numbers at random, the same ones for the same seed (xorshift).
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % n.max(1)
    }

    fn of<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }
}

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
const CARRIERS: [Carrier; 21] = [
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
const ORDINARY: [Carrier; 5] = [
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

const ENCODINGS: [Encoding; 7] = [
    Encoding::Plain,
    Encoding::Percent,
    Encoding::PercentTwice,
    Encoding::PercentU,
    Encoding::Backslash,
    Encoding::Entities,
    Encoding::Base64,
];

/// A request before it is written: pieces that are repeated until the size is full.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    carrier: Carrier,
    encoding: Encoding,
    /// How the pieces were made, for the report.
    source: &'static str,
    pieces: Vec<Vec<u8>>,
    /// Bytes of one value where there are many.
    each: usize,
}

/// What requests are made from.
pub(super) struct Stock {
    pub(super) words: Vec<Vec<u8>>,
    pub(super) patterns: Vec<Hir>,
    pub(super) attacks: Vec<Vec<u8>>,
    pub(super) honest: Vec<Vec<u8>>,
}

impl Stock {
    pub(super) fn load(crs: &Path) -> Result<Self, Failure> {
        let corpus = |name: &str| -> Result<Vec<Vec<u8>>, Failure> {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
            let text = std::fs::read_to_string(path.join(name))?;
            let texts: BTreeMap<String, Vec<String>> = serde_json::from_str(&text)?;
            Ok(texts
                .into_values()
                .flatten()
                .map(String::into_bytes)
                .collect())
        };
        let mut attacks = corpus("attacks.json")?;
        for file in hudun_ftw::load(&crs.join("tests/regression/tests"))? {
            for stage in file.tests.iter().flatten().flat_map(|t| &t.stages) {
                let Ok(request) = RawRequest::read(&stage.input.bytes()?) else {
                    continue;
                };
                let query = request.target.splitn(2, |b| *b == b'?').nth(1);
                for text in [query.unwrap_or_default(), &request.body] {
                    if (2..4096).contains(&text.len()) {
                        attacks.push(unescaped(text));
                    }
                }
            }
        }
        let mut words: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut patterns = Vec::new();
        let mut files: Vec<_> = std::fs::read_dir(crs.join("rules"))?.collect::<Result<_, _>>()?;
        files.sort_by_key(std::fs::DirEntry::path);
        for file in files {
            let bytes = std::fs::read(file.path())?;
            let text = String::from_utf8_lossy(&bytes);
            match file.path().extension().and_then(|e| e.to_str()) {
                Some("data") => words.extend(
                    text.lines()
                        .filter(|l| !l.starts_with('#') && !l.is_empty())
                        .map(|l| l.as_bytes().to_vec()),
                ),
                Some("conf") => {
                    for pattern in text.lines().filter_map(pattern_of) {
                        patterns.extend(parse(&pattern));
                    }
                    for phrases in text.lines().filter_map(|l| l.split_once("@pm ")) {
                        let list = phrases.1.split('"').next().unwrap_or_default();
                        words.extend(list.split(' ').map(|w| w.as_bytes().to_vec()));
                    }
                }
                _ => {}
            }
        }
        for hir in &patterns {
            literals(hir, &mut words);
        }
        words.retain(|w| (1..200).contains(&w.len()));
        Ok(Self {
            words: words.into_iter().collect(),
            patterns,
            attacks,
            honest: corpus("honest.json")?,
        })
    }

    /// What people and attackers send: mostly honest texts, in fields of ordinary length.
    pub(super) fn ordinary(&self, rng: &mut Rng, size: usize, hostile: bool) -> Recipe {
        let mut pieces = Vec::new();
        let mut length = 0;
        // Fields grow with the request: more than a thousand are refused anyway.
        let joined = 1 + size / (16 << 10);
        while length < size {
            let mut field = Vec::new();
            for _ in 0..joined {
                let list = if hostile && rng.below(4) == 0 {
                    &self.attacks
                } else {
                    &self.honest
                };
                field.extend_from_slice(rng.of(list));
                field.push(b'\n');
            }
            field.pop();
            length += field.len();
            pieces.push(field);
        }
        Recipe {
            carrier: *rng.of(&ORDINARY),
            encoding: Encoding::Plain,
            source: "ordinary",
            pieces,
            each: 0,
        }
    }

    /// A request by chance.
    pub(super) fn recipe(&self, rng: &mut Rng, size: usize) -> Recipe {
        let (source, pieces) = self.pieces(rng, size);
        Recipe {
            carrier: *rng.of(&CARRIERS),
            encoding: match rng.below(2) {
                0 => Encoding::Plain,
                _ => *rng.of(&ENCODINGS),
            },
            source,
            pieces,
            each: [0, 1, 4, 16, 60, 300][rng.below(6)],
        }
    }

    fn pieces(&self, rng: &mut Rng, size: usize) -> (&'static str, Vec<Vec<u8>>) {
        let near = |rng: &mut Rng, most: usize| {
            let mut text = Vec::new();
            grammar::sample(rng.of(&self.patterns), rng, most, &mut text);
            // Nearly: the last byte is gone, or another one is.
            match rng.below(3) {
                0 => {}
                1 => {
                    text.pop();
                }
                _ => {
                    let at = rng.below(text.len());
                    if let Some(b) = text.get_mut(at) {
                        *b = rng.below(256) as u8;
                    }
                }
            }
            text
        };
        let fill = |rng: &mut Rng, make: &mut dyn FnMut(&mut Rng) -> Vec<u8>| {
            let (mut list, mut length) = (Vec::new(), 0);
            while length < size && list.len() < 30_000 {
                let piece = make(rng);
                length += piece.len().max(1);
                list.push(piece);
            }
            list
        };
        match rng.below(10) {
            0 => ("one phrase", vec![rng.of(&self.words).clone()]),
            1 => ("phrases", fill(rng, &mut |rng| rng.of(&self.words).clone())),
            2 => (
                "starts of phrases",
                fill(rng, &mut |rng| {
                    let word = rng.of(&self.words);
                    word[..word.len() - rng.below(word.len()).min(2)].to_vec()
                }),
            ),
            3 => ("one near-miss", vec![near(rng, 400)]),
            4 => ("near-misses", fill(rng, &mut |rng| near(rng, 120))),
            5 => ("one attack", vec![rng.of(&self.attacks).clone()]),
            6 => (
                "attacks",
                fill(rng, &mut |rng| rng.of(&self.attacks).clone()),
            ),
            7 => {
                let alphabet: Vec<u8> = match rng.below(6) {
                    0 => (0..=255).collect(),
                    1 => (32..127).collect(),
                    2 => b"abcdefghijklmnopqrstuvwxyz ".to_vec(),
                    3 => b"'\"`()[]{}<>;:,.|&$#@!?=+-*/\\%^~ \n".to_vec(),
                    4 => rng.of(&self.words).clone(),
                    _ => {
                        let mut text = Vec::new();
                        grammar::sample(rng.of(&self.patterns), rng, 60, &mut text);
                        text.push(b' ');
                        text
                    }
                };
                (
                    "letters by chance",
                    fill(rng, &mut |rng| vec![*rng.of(&alphabet)]),
                )
            }
            8 => (
                "mixed",
                fill(rng, &mut |rng| match rng.below(4) {
                    0 => near(rng, 60),
                    1 => rng.of(&self.attacks).clone(),
                    2 => vec![*rng.of(b"'\"`()[]{}<>;:,.|&$#@!?=+-*/\\%^~ \n\0\xff")],
                    _ => rng.of(&self.words).clone(),
                }),
            ),
            _ => {
                // Nested openings, and a few bytes again and again.
                let open: &[&[u8]] = &[
                    b"(",
                    b"[",
                    b"{",
                    b"<",
                    b"<a ",
                    b"<!--",
                    b"/*",
                    b"'",
                    b"\"",
                    b"`",
                    b"${",
                    b"$(",
                    b"{{",
                    b"%",
                    b"%u",
                    b"&#",
                    b"&#x",
                    b"\\",
                    b"\\x",
                    b"\\u",
                    b"../",
                    b"..",
                    b"-",
                    b"--",
                    b"=",
                    b" ",
                    b"\n",
                    b"0",
                    b"a",
                    b"1,",
                    b"or ",
                    b"select ",
                    b"@",
                    b";",
                    b"|",
                    b"a=",
                    b"x.",
                    b"\0",
                    b"\xff",
                    b"\xe4\xb8\xad",
                    b"'a'or",
                ];
                let mut piece = Vec::new();
                for _ in 0..=rng.below(4) {
                    piece.extend_from_slice(open[rng.below(open.len())]);
                }
                ("repeat", vec![piece])
            }
        }
    }

    /// One slow request changed, perhaps with pieces of another.
    pub(super) fn change(
        &self,
        rng: &mut Rng,
        one: &Recipe,
        other: &Recipe,
        size: usize,
    ) -> Recipe {
        let mut new = one.clone();
        match rng.below(7) {
            0 => new.carrier = *rng.of(&CARRIERS),
            1 => new.encoding = *rng.of(&ENCODINGS),
            2 => new.each = [0, 1, 2, 4, 8, 16, 60, 300][rng.below(8)],
            3 => {
                let keep = rng.below(new.pieces.len());
                new.pieces.truncate(keep.max(1));
                new.pieces.extend(other.pieces.iter().cloned());
            }
            4 => {
                let fresh = self.pieces(rng, size / 4).1;
                let at = rng.below(new.pieces.len());
                new.pieces.splice(at..at, fresh);
            }
            5 => {
                // A part of it, again and again.
                let all = new.pieces.concat();
                let from = rng.below(all.len());
                let most = 1 + rng.below(200);
                let length = 1 + rng.below((all.len() - from).min(most));
                new.pieces = vec![all[from..(from + length).min(all.len())].to_vec()];
            }
            _ => {
                for _ in 0..=rng.below(4) {
                    let at = rng.below(new.pieces.len());
                    let piece = &mut new.pieces[at];
                    let place = rng.below(piece.len() + 1);
                    match rng.below(3) {
                        0 => piece.insert(place, rng.below(256) as u8),
                        1 if place < piece.len() => {
                            piece.remove(place);
                        }
                        _ => piece
                            .splice(place..place, rng.of(&self.words).clone())
                            .for_each(drop),
                    }
                }
            }
        }
        if new.pieces.iter().all(Vec::is_empty) {
            new.pieces = vec![b"a".to_vec()];
        }
        new
    }
}

impl Recipe {
    pub(super) fn kind(&self) -> String {
        format!(
            "{:?}, {:?}, {}, each {}",
            self.carrier, self.encoding, self.source, self.each
        )
    }

    /// The request, as near to `size` bytes as its form allows.
    pub(super) fn request(&self, size: usize) -> RawRequest {
        let budget = size.saturating_sub(HEAD);
        let mut texts = Vec::new();
        let mut length = 0;
        let many = self.carrier.is_many();
        'full: loop {
            let before = length;
            for value in self.values(many, budget) {
                let value = escape(self.carrier, &spell(self.encoding, &value));
                length += value.len() + self.carrier.overhead();
                if length > budget && !texts.is_empty() {
                    break 'full;
                }
                let cut = value.len().min(budget);
                texts.push(value[..cut].to_vec());
                if texts.len() >= MOST_VALUES {
                    break 'full;
                }
            }
            if !many || length == before {
                break;
            }
        }
        self.carrier.carry(&texts)
    }

    /// The pieces as values: each alone, cut or joined to a length; one long value where the form has but one.
    fn values(&self, many: bool, budget: usize) -> Vec<Vec<u8>> {
        if many && self.each == 0 {
            return self.pieces.clone();
        }
        let mut all = Vec::new();
        // Encoded, a value may be shorter than what it is made from: more than enough.
        while all.len() < budget {
            let before = all.len();
            for piece in &self.pieces {
                all.extend_from_slice(piece);
                if all.len() >= budget {
                    break;
                }
            }
            if all.len() == before {
                all.push(b'a');
            }
        }
        if many {
            return all.chunks(self.each).map(<[u8]>::to_vec).collect();
        }
        // Cut so that the escaped text fits.
        let (mut low, mut high) = (1, all.len());
        while low < high {
            let middle = (low + high).div_ceil(2);
            if escape(self.carrier, &spell(self.encoding, &all[..middle])).len() <= budget {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        all.truncate(low);
        vec![all]
    }
}

impl Carrier {
    fn is_many(self) -> bool {
        !matches!(
            self,
            C::QueryOne
                | C::Path
                | C::Header
                | C::FormOne
                | C::JsonOne
                | C::XmlText
                | C::PartOne
                | C::File
                | C::Plain
        )
    }

    /// Bytes around each value.
    fn overhead(self) -> usize {
        match self {
            C::PartMany | C::PartHeaders => 60,
            C::XmlAttributes | C::JsonDeep | C::XmlDeep | C::HeaderMany => 8,
            C::JsonMany | C::JsonNames => 9,
            _ => 4,
        }
    }

    fn carry(self, texts: &[Vec<u8>]) -> RawRequest {
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
            C::QueryOne => request.target.extend([b"?q=", one.as_slice()].concat()),
            C::QueryMany => request
                .target
                .extend([&b"?"[..], &joined(&pair, b"&")].concat()),
            C::Path => request.target.extend([b"/", one.as_slice()].concat()),
            C::Header => request.headers.push((b"X-Note".to_vec(), one)),
            C::HeaderMany => request.headers.extend(
                texts
                    .iter()
                    .enumerate()
                    .map(|(n, t)| (format!("X-{n}").into_bytes(), t.clone())),
            ),
            C::CookieMany => request
                .headers
                .push((b"Cookie".to_vec(), joined(&pair, b"; "))),
            C::FormOne => (kind, request.body) = (FORM, [b"q=", one.as_slice()].concat()),
            C::FormMany => (kind, request.body) = (FORM, joined(&pair, b"&")),
            C::FormNames => {
                (kind, request.body) = (FORM, joined(&|_, t| [t, b"=1"].concat(), b"&"))
            }
            C::JsonOne => {
                (kind, request.body) = (JSON, [b"{\"a\":\"", one.as_slice(), b"\"}"].concat())
            }
            C::JsonMany => {
                let list = joined(
                    &|n, t| [b"\"", name(n).as_bytes(), b"\":\"", t, b"\""].concat(),
                    b",",
                );
                (kind, request.body) = (JSON, [b"{", list.as_slice(), b"}"].concat());
            }
            C::JsonNames => {
                let list = joined(&|_, t| [b"\"", t, b"\":1"].concat(), b",");
                (kind, request.body) = (JSON, [b"{", list.as_slice(), b"}"].concat());
            }
            C::JsonDeep => {
                let depth = texts.len().min(400);
                let mut body: Vec<u8> = Vec::new();
                for text in &texts[..depth] {
                    body.extend([b"{\"k\":\"", text.as_slice(), b"\",\"a\":"].concat());
                }
                body.extend_from_slice(b"[1,2]");
                body.extend(b"}".repeat(depth));
                (kind, request.body) = (JSON, body);
            }
            C::XmlText => (kind, request.body) = (XML, [b"<a>", one.as_slice(), b"</a>"].concat()),
            C::XmlAttributes => {
                let list = joined(&|_, t| [b"<b c=\"", t, b"\"/>"].concat(), b"");
                (kind, request.body) = (XML, [b"<a>", list.as_slice(), b"</a>"].concat());
            }
            C::XmlDeep => {
                let depth = texts.len().min(400);
                let list = texts[..depth]
                    .iter()
                    .map(|t| [b"<a>", t.as_slice()].concat());
                let mut body: Vec<u8> = list.collect::<Vec<_>>().concat();
                body.extend(b"</a>".repeat(depth));
                (kind, request.body) = (XML, body);
            }
            C::PartOne | C::PartMany => {
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
            C::PartHeaders => {
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
            C::File => {
                let head = b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\n";
                (kind, request.body) = (PARTS, [&head[..], &one, b"\r\n--b--\r\n"].concat());
            }
            C::Plain => (kind, request.body) = (b"text/plain", one),
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

fn spell(encoding: Encoding, text: &[u8]) -> Vec<u8> {
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
fn escape(carrier: Carrier, text: &[u8]) -> Vec<u8> {
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

/// `%41+` as `A `.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let digit = |i: usize| text.get(i).and_then(|b| (*b as char).to_digit(16));
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            (b, ..) => out.push(b),
        }
        at += 1;
    }
    out
}

/// The pattern of a line with `@rx`.
fn pattern_of(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("@rx ")?;
    let bytes = rest.as_bytes();
    let end =
        (0..bytes.len()).find(|at| bytes[*at] == b'"' && (*at == 0 || bytes[at - 1] != b'\\'))?;
    Some(rest[..end].replace("\\\"", "\""))
}

fn parse(pattern: &str) -> Option<Hir> {
    ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .dot_matches_new_line(true)
        .build()
        .parse(pattern)
        .ok()
}

fn literals(hir: &Hir, out: &mut BTreeSet<Vec<u8>>) {
    use regex_syntax::hir::HirKind as K;
    match hir.kind() {
        K::Literal(l) if l.0.len() > 1 => {
            out.insert(l.0.to_vec());
        }
        K::Repetition(r) => literals(&r.sub, out),
        K::Capture(c) => literals(&c.sub, out),
        K::Concat(list) | K::Alternation(list) => list.iter().for_each(|h| literals(h, out)),
        _ => {}
    }
}

/// Bytes of a request line and headers, about.
const HEAD: usize = 170;
/// More values than this are beyond the engine's own limit anyway.
const MOST_VALUES: usize = 990;
const FORM: &[u8] = b"application/x-www-form-urlencoded";
const JSON: &[u8] = b"application/json";
const XML: &[u8] = b"text/xml";
const PARTS: &[u8] = b"multipart/form-data; boundary=b";
