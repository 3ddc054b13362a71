//! The account of one stream: what has been consumed, what waits, what was found, what goes out.

use hudun_core::{DataKind, Sighting, SubjectToken};

use crate::detect::{Hints, detect};
use crate::field::{FieldMap, Role};
use crate::group::{Group, Ident, is_alias, names_a_person};
use crate::keyer::{Keyer, namespace, normalise};
use crate::mask::{hide, is_masked, mask_number};
use crate::scan::{Bounds, Fed, ScanMode};

/// A place in the stream and the matching place in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) at: u64,
    out: u64,
}

/// A part of a decoded text to be hidden.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    kind: DataKind,
}

#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) map: FieldMap,
    keyer: Keyer,
    asker: Option<String>,
    pub(crate) masks: bool,
    pub(crate) bounds: Bounds,
    /// Bytes of the stream before the data in hand.
    pub(crate) base: u64,
    out: Vec<u8>,
    /// Bytes of output released before `out`.
    out_base: u64,
    settled: u64,
    /// Sightings that wait until their first value is about to be settled.
    waiting: Vec<(u64, Sighting)>,
    /// End and length of stretches that were not understood.
    opaque: Vec<(u64, u64)>,
    pub(crate) fed: Fed,
    spans: Vec<Span>,
}

impl Book {
    pub(crate) fn new(map: &FieldMap, keyer: Keyer, mode: ScanMode, bounds: Bounds) -> Self {
        Self {
            map: map.clone(),
            keyer,
            asker: None,
            masks: mode == ScanMode::Mask,
            bounds,
            base: 0,
            out: Vec::new(),
            out_base: 0,
            settled: 0,
            waiting: Vec::new(),
            opaque: Vec::new(),
            fed: Fed::default(),
            spans: Vec::new(),
        }
    }

    pub(crate) fn set_asker(&mut self, account: &str) {
        self.asker = Some(account.to_owned());
    }

    /// Passes bytes to the output as they are.
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        if self.masks {
            self.out.extend_from_slice(bytes);
        }
    }

    /// The place of stream offset `at`; everything before it has been passed to the output, except the last `uncopied`
    /// bytes.
    pub(crate) fn mark(&self, at: u64, uncopied: usize) -> Mark {
        Mark {
            at,
            out: self.out_base + (self.out.len() + uncopied) as u64,
        }
    }

    pub(crate) fn emit(&mut self, first: u64, sighting: Sighting) {
        self.waiting.push((first, sighting));
    }

    /// Nobody's key is known for the group: its values are sighted under their own tokens.
    pub(crate) fn emit_values(&mut self, first: u64, group: &Group) {
        let waiting = &mut self.waiting;
        if group.of_values(&mut |sighting| waiting.push((first, sighting))) {
            self.fed.losses.unattributed += 1;
        }
    }

    pub(crate) fn opaque(&mut self, end: u64, len: u64) {
        match self.opaque.last_mut() {
            Some((last, sum)) if *last + len == end => {
                *last = end;
                *sum += len;
            }
            _ => self.opaque.push((end, len)),
        }
    }

    pub(crate) fn row(&mut self, owner: Owner) {
        self.fed.rows = self.fed.rows.saturating_add(1);
        if owner == Owner::Foreign {
            self.fed.foreign_rows = self.fed.foreign_rows.saturating_add(1);
        }
    }

    pub(crate) fn owner(&self, value: &str) -> Owner {
        match &self.asker {
            Some(asker) if !value.trim().is_empty() => {
                if asker == value.trim() {
                    Owner::Asker
                } else {
                    Owner::Foreign
                }
            }
            _ => Owner::Unknown,
        }
    }

    pub(crate) fn customer(&self, value: &str) -> Option<SubjectToken> {
        let value = value.trim();
        (!value.is_empty() && value != "null")
            .then(|| self.keyer.subject(self.map.namespace(), value))
    }

    /// Takes what may be handed back now that everything before `settled` is accounted for.
    pub(crate) fn settle(&mut self, settled: Mark) -> Fed {
        let mut fed = std::mem::take(&mut self.fed);
        let before = self.settled;
        self.settled = self.settled.max(settled.at);
        fed.settled = self.settled;
        if self.settled > before {
            let bound = self.settled;
            if self.waiting.iter().all(|(first, _)| *first < bound) {
                fed.sightings.extend(self.waiting.drain(..).map(|(_, s)| s));
            } else {
                let (ready, wait) = std::mem::take(&mut self.waiting)
                    .into_iter()
                    .partition(|(first, _)| *first < bound);
                self.waiting = wait;
                fed.sightings
                    .extend(Vec::into_iter(ready).map(|(_, sighting): (u64, _)| sighting));
            }
            let mut opaque = 0;
            self.opaque.retain(|(end, len)| {
                let ready = *end <= bound;
                opaque += if ready { *len } else { 0 };
                !ready
            });
            fed.explained = (self.settled - before).saturating_sub(opaque);
        }
        let take = usize::try_from(settled.out.saturating_sub(self.out_base)).unwrap_or(usize::MAX);
        let keep = self.out.split_off(take.min(self.out.len()));
        fed.output = std::mem::replace(&mut self.out, keep);
        self.out_base += fed.output.len() as u64;
        fed
    }

    /// Reads one value: its kinds and identifiers go to `group`, and what must be hidden is noted for the next call of
    /// [`Self::put_text`] or [`Self::put_number`]. `keyed` says that the subject is known, so that no token is needed for what only text detection
    /// finds. Returns whether anything was found.
    pub(crate) fn examine(
        &mut self,
        text: &[u8],
        role: Role,
        keyed: bool,
        listed: bool,
        group: &mut Group,
    ) -> bool {
        self.spans.clear();
        if role.ignored || text.is_empty() {
            return false;
        }
        let mut any = false;
        let masks = self.masks;
        if let Some(kind) = role.kind {
            let whole = String::from_utf8_lossy(text);
            if is_masked(kind, &whole) {
                return false;
            }
            if plausible(kind, &whole) {
                any = true;
                group.kinds.insert(kind);
                let pseudonym = matches!(
                    kind,
                    DataKind::ExternalUserId | DataKind::OpenId | DataKind::UnionId
                );
                if masks && !(role.key.is_some() && pseudonym) {
                    self.spans.push(Span {
                        start: 0,
                        end: text.len(),
                        kind,
                    });
                }
                let detected = matches!(kind, DataKind::Mobile | DataKind::Email);
                if names_a_person(kind) && !detected && (is_alias(kind) || !keyed) {
                    group.idents.push(Ident {
                        token: self
                            .keyer
                            .token(namespace(kind), &normalise(namespace(kind), &whole)),
                        kind,
                        mapped: true,
                        listed,
                    });
                }
            }
        }
        let (keyer, spans) = (&self.keyer, &mut self.spans);
        let own_key = role.key.is_some();
        let hints = Hints {
            card: role.card_hint || role.kind == Some(DataKind::BankCard),
        };
        detect(text, hints, &mut |hit| {
            any = true;
            group.kinds.insert(hit.kind);
            let mapped = role.kind == Some(hit.kind);
            if masks && !own_key && !mapped {
                spans.push(Span {
                    start: hit.start,
                    end: hit.end,
                    kind: hit.kind,
                });
            }
            let done = mapped && !matches!(hit.kind, DataKind::Mobile | DataKind::Email);
            // A name or an address in running text names nobody by itself.
            let names =
                names_a_person(hit.kind) && !matches!(hit.kind, DataKind::Name | DataKind::Address);
            if names && !done && (mapped || !keyed) {
                group.idents.push(Ident {
                    token: keyer.token(namespace(hit.kind), hit.normal),
                    kind: hit.kind,
                    mapped,
                    listed,
                });
            }
        });
        any
    }

    /// Writes a decoded text to the output with the parts hidden that the last [`Self::examine`] noted. `raw` gives the
    /// writing of the character at a range of the decoded text; a hidden character is written as `*`.
    pub(crate) fn put_text<'r>(&mut self, text: &[u8], raw: &dyn Fn(usize, usize) -> &'r [u8]) {
        let mut hidden = vec![false; text.len()];
        for span in &self.spans {
            let Some(part) = text.get(span.start..span.end) else {
                continue;
            };
            let part = String::from_utf8_lossy(part);
            let mut at = span.start;
            for (c, hide) in part.chars().zip(hide(span.kind, &part)) {
                if hide && let Some(place) = hidden.get_mut(at) {
                    *place = true;
                }
                at += match c {
                    // A replacement character stands for a byte that is no UTF-8, or for itself.
                    '\u{FFFD}' if text.get(at..at + 3) != Some("\u{FFFD}".as_bytes()) => {
                        invalid_len(&text[at.min(text.len())..])
                    }
                    c => c.len_utf8(),
                };
            }
        }
        let mut at = 0;
        while at < text.len() {
            let shown = hidden[at..].iter().position(|hide| *hide);
            let shown = shown.unwrap_or(text.len() - at);
            self.out.extend_from_slice(raw(at, at + shown));
            at += shown;
            if at < text.len() {
                self.out.push(b'*');
                at += char_len(&text[at..]);
            }
        }
    }

    /// Writes a number, hidden if the last [`Self::examine`] found something in it.
    pub(crate) fn put_number(&mut self, number: &[u8]) {
        match std::str::from_utf8(number) {
            Ok(text) if !self.spans.is_empty() => {
                let masked = mask_number(text);
                self.out.extend_from_slice(masked.get().as_bytes());
            }
            _ => self.copy(number),
        }
    }

    pub(crate) fn hides(&self) -> bool {
        self.masks && !self.spans.is_empty()
    }
}

/// Bytes of the character at the start; one for a byte that is no UTF-8.
fn char_len(text: &[u8]) -> usize {
    let len = match text[0] {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    match text.get(..len) {
        Some(bytes) if std::str::from_utf8(bytes).is_ok() => len,
        _ => 1,
    }
}

/// Bytes that one replacement character of a lossy conversion stands for.
fn invalid_len(text: &[u8]) -> usize {
    match std::str::from_utf8(text) {
        Err(error) if error.valid_up_to() == 0 => error.error_len().unwrap_or(text.len()).max(1),
        _ => 1,
    }
}

/// Whether a row is the asker's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Owner {
    #[default]
    Unknown,
    Asker,
    Foreign,
}

/// Whether a declared field really holds a value of its kind: dirty data counts, empty and placeholder values don't.
fn plausible(kind: DataKind, text: &str) -> bool {
    let text = text.trim();
    if matches!(
        text,
        "" | "-"
            | "--"
            | "/"
            | "null"
            | "NULL"
            | "None"
            | "undefined"
            | "N/A"
            | "n/a"
            | "无"
            | "未知"
            | "暂无"
    ) {
        return false;
    }
    let digits = || text.chars().filter(|c| c.is_numeric()).count();
    let alnum = || text.chars().filter(|c| c.is_alphanumeric()).count();
    match kind {
        DataKind::Mobile => digits() >= 7,
        DataKind::Email => text.contains('@') && alnum() >= 3,
        DataKind::ResidentId => alnum() >= 15 && digits() >= 14,
        DataKind::BankCard => digits() >= 12,
        DataKind::Passport => alnum() >= 7,
        DataKind::Plate => alnum() >= 6,
        DataKind::Qq => digits() >= 5,
        DataKind::Uscc => alnum() >= 15,
        DataKind::Gender => text != "0",
        DataKind::Birthday => digits() >= 3,
        DataKind::Ip => digits() >= 1 && alnum() >= 2,
        DataKind::Name => text.chars().any(char::is_alphabetic),
        _ => true,
    }
}
