//! What requests are made from: phrases, patterns, attacks and honest texts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hudun_seclang::raw::RawRequest;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

use super::carrier::{CARRIERS, ENCODINGS, Encoding, ORDINARY};
use super::recipe::Recipe;
use super::{Failure, grammar};

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
                let text: &Vec<u8> = rng.of(list);
                field.extend_from_slice(text);
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
