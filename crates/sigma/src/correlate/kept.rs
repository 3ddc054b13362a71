//! The memory of correlations at rest: what a restart must not forget.
//!
//! A binary file: a mark and a version, the keys of the hashes with a probe (groups are known by keyed hashes only, so the
//! file names nobody), then one part for each correlation of a tenant, then a checksum over all of it. Windows that have
//! run out are not written. What a reader finds is checked against the rules that are in force: a correlation that changed
//! begins anew, and so does everything when a single byte is wrong.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::io::{self, Write};
use std::sync::PoisonError;

use super::window::{Ranked, Window};
use super::{Correlator, Keyed, Limits};
use crate::rule::Correlation;

const MARK: &[u8; 8] = b"hudunsig";
/// Changes whenever an older engine could misread the file.
const VERSION: u8 = 1;
/// What both keys are probed with: the standard library may change its hash.
const PROBE: &str = "the same hash as when this was written";
/// Most values of one group; no window keeps more.
const MOST: u64 = 1 << 16;

/// What was found in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// Groups that go on where they were.
    pub groups: u64,
    /// Groups of correlations that changed or are gone.
    pub changed: u64,
    /// Groups whose timespan is over, or whose newest event is ahead of the clock.
    pub past: u64,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeptError {
    /// It could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It was not written by this program, or by another version.
    #[error("it is no memory of detection rules of version {VERSION}")]
    Format,
    /// Hashes come out otherwise than when it was written.
    #[error("it was written by a build whose hashes are different")]
    Hash,
    /// A part is damaged.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
}

impl Correlator {
    /// Writes what correlations of `rules` remember. One shard is locked for one correlation of one tenant at a time, so
    /// events go on meanwhile; what they change between two parts is in the file or not.
    pub(crate) fn save(
        &self,
        rules: &[Correlation],
        now: i64,
        out: &mut dyn Write,
    ) -> Result<u64, KeptError> {
        let mut out = Sum::new(out);
        out.put(MARK)?;
        out.put(&[VERSION])?;
        for key in [&self.keys.0, &self.keys.1] {
            out.put(&key.secret)?;
            out.word(key.hash_one(PROBE))?;
        }
        let known: HashMap<u64, &Correlation> = rules
            .iter()
            .map(|correlation| (correlation.fingerprint, correlation))
            .collect();
        let mut groups = 0;
        let mut part = Vec::new();
        for shard in &self.shards {
            let lock = || shard.lock().unwrap_or_else(PoisonError::into_inner);
            let places = lock().places();
            for (tenant, fingerprint) in places {
                let Some(correlation) = known.get(&fingerprint) else {
                    continue;
                };
                part.clear();
                let since = self.limits.past(correlation, now);
                let count = lock().write_part(tenant, fingerprint, since, &mut part);
                if count == 0 {
                    continue;
                }
                out.put(&[1])?;
                out.word(tenant)?;
                out.word(fingerprint)?;
                out.uint(count)?;
                out.put(&part)?;
                groups += count;
            }
        }
        out.put(&[0])?;
        let sum = out.sum.clone().finalize();
        out.put(&sum.to_le_bytes())?;
        out.inner.flush()?;
        Ok(groups)
    }

    /// A correlator that goes on from a file. On an error nothing of the file is used.
    pub(crate) fn resume(
        limits: Limits,
        rules: &[Correlation],
        now: i64,
        bytes: &[u8],
    ) -> Result<(Self, Restored), KeptError> {
        let (bytes, sum) = bytes.split_last_chunk().ok_or(KeptError::Format)?;
        let mut from = From(bytes);
        if from.array::<8>()? != *MARK || from.array::<1>()? != [VERSION] {
            return Err(KeptError::Format);
        }
        // First, so that nothing of a damaged file is interpreted.
        if crc32fast::hash(bytes).to_le_bytes() != *sum {
            return Err(KeptError::Damaged("the checksum is another"));
        }
        let mut correlator = Self::new(limits);
        correlator.keys = (from.key()?, from.key()?);
        let known: HashMap<u64, &Correlation> = rules
            .iter()
            .map(|correlation| (correlation.fingerprint, correlation))
            .collect();
        let mut restored = Restored::default();
        loop {
            match from.array::<1>()? {
                [0] => break,
                [1] => {}
                _ => return Err(KeptError::Damaged("a part begins with another number")),
            }
            let (tenant, fingerprint) = (from.word()?, from.word()?);
            let correlation = known.get(&fingerprint).copied();
            for _ in 0..from.uint()? {
                let (group, kept) = KeptGroup::read(&mut from)?;
                let Some(correlation) = correlation else {
                    restored.changed += 1;
                    continue;
                };
                let alive = group.newest > limits.past(correlation, now)
                    && group.newest <= now.saturating_add(limits.ahead_ms);
                if !alive {
                    restored.past += 1;
                    continue;
                }
                let mut window = correlation.window(group.newest);
                kept.fill(&mut window)?;
                #[allow(clippy::cast_possible_truncation)]
                let shard =
                    &correlator.shards[(group.key >> 64) as usize % correlator.shards.len()];
                let taken = shard.lock().unwrap_or_else(PoisonError::into_inner).put(
                    &correlator.each,
                    (tenant, fingerprint),
                    &group,
                    window,
                );
                restored.groups += u64::from(taken);
            }
        }
        if !from.0.is_empty() {
            return Err(KeptError::Damaged("there is more than its parts"));
        }
        Ok((correlator, restored))
    }
}

impl Limits {
    /// A group whose newest event is not after this is over: nothing that may still come meets it.
    fn past(&self, correlation: &Correlation, now: i64) -> i64 {
        let span = correlation.timespan_ms;
        now.saturating_sub(span.saturating_add(self.lateness_ms.min(span)))
    }
}

/// A group as it stands in a file, without its window.
#[derive(Debug)]
pub(crate) struct KeptGroup {
    pub(crate) key: u128,
    pub(crate) warm: bool,
    pub(crate) newest: i64,
    pub(crate) held: bool,
    pub(crate) reported: i64,
}

/// What a window keeps, in the order of time.
#[derive(Debug)]
enum KeptWindow {
    Times(Vec<i64>),
    Values(Vec<(u64, i64)>),
    Amounts {
        each: Vec<(i64, f64)>,
        buckets: Vec<(i64, f64, u64)>,
    },
    Stages(Vec<i64>),
    Chains {
        start: Vec<i64>,
        hits: Vec<(i64, u16)>,
    },
    Sketch {
        base: i64,
        now: i64,
        cells: Vec<(u16, u16)>,
    },
}

/// Writes one group; its numbers mean what [`KeptGroup::read`] says.
pub(crate) fn write_group(
    (key, warm, newest, held, reported): (u128, bool, i64, bool, i64),
    window: &Window,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(&key.to_le_bytes());
    out.push(u8::from(warm) | u8::from(held) << 1);
    let mut put = Sum::new(out);
    // Writing to memory doesn't fail.
    let _written = put
        .word(newest.cast_unsigned())
        .and_then(|()| put.word(reported.cast_unsigned()))
        .and_then(|()| write_window(window, &mut put));
}

fn write_window(window: &Window, out: &mut Sum<'_>) -> Result<(), KeptError> {
    let list = |out: &mut Sum<'_>, kind: u8, len: usize| {
        out.put(&[kind])?;
        out.uint(len as u64)
    };
    match window {
        Window::Count(window) => {
            list(out, 0, window.times.len())?;
            for at in &window.times {
                out.word(at.cast_unsigned())?;
            }
        }
        Window::Distinct(window) => {
            list(out, 1, window.kept().count())?;
            for (hash, at) in window.kept() {
                out.word(hash)?;
                out.word(at.cast_unsigned())?;
            }
        }
        Window::Totals(window) => {
            list(out, 2, window.each.len())?;
            for (at, value) in &window.each {
                out.word(at.cast_unsigned())?;
                out.word(value.to_bits())?;
            }
            out.uint(window.buckets.len() as u64)?;
            for (bucket, sum, number) in &window.buckets {
                out.word(bucket.cast_unsigned())?;
                out.word(sum.to_bits())?;
                out.word(*number)?;
            }
        }
        Window::Ranked(Ranked { each, .. }) => {
            list(out, 2, each.len())?;
            for (at, value) in each {
                out.word(at.cast_unsigned())?;
                out.word(value.to_bits())?;
            }
            out.uint(0)?;
        }
        Window::Seen(window) => {
            list(out, 3, window.0.len())?;
            for at in &window.0 {
                out.word(at.cast_unsigned())?;
            }
        }
        Window::Ordered(window) => {
            list(out, 4, window.start.len())?;
            for at in &window.start {
                out.word(at.cast_unsigned())?;
            }
            out.uint(window.hits.len() as u64)?;
            for (at, stage) in &window.hits {
                out.word(at.cast_unsigned())?;
                out.put(&stage.to_le_bytes())?;
            }
        }
        Window::Sketch(window) => {
            let (base, now, cells) = window.kept();
            list(out, 5, cells.len())?;
            out.word(base.cast_unsigned())?;
            out.word(now.cast_unsigned())?;
            for (place, number) in cells {
                out.put(&place.to_le_bytes())?;
                out.put(&number.to_le_bytes())?;
            }
        }
    }
    Ok(())
}

impl KeptGroup {
    fn read(from: &mut From<'_>) -> Result<(Self, KeptWindow), KeptError> {
        let key = u128::from_le_bytes(from.array()?);
        let [flags] = from.array()?;
        let group = Self {
            key,
            warm: flags & 1 != 0,
            held: flags & 2 != 0,
            newest: from.time()?,
            reported: from.time()?,
        };
        Ok((group, KeptWindow::read(from)?))
    }
}

impl KeptWindow {
    fn read(from: &mut From<'_>) -> Result<Self, KeptError> {
        let [kind] = from.array()?;
        let len = from.len()?;
        let times = |from: &mut From<'_>, len: u64| -> Result<Vec<i64>, KeptError> {
            (0..len).map(|_| from.time()).collect()
        };
        Ok(match kind {
            0 => Self::Times(times(from, len)?),
            1 => Self::Values(
                (0..len)
                    .map(|_| Ok((from.word()?, from.time()?)))
                    .collect::<Result<_, KeptError>>()?,
            ),
            2 => Self::Amounts {
                each: (0..len)
                    .map(|_| Ok((from.time()?, from.number()?)))
                    .collect::<Result<_, KeptError>>()?,
                buckets: (0..from.len()?)
                    .map(|_| Ok((from.time()?, from.number()?, from.word()?)))
                    .collect::<Result<_, KeptError>>()?,
            },
            3 => Self::Stages(times(from, len)?),
            4 => Self::Chains {
                start: times(from, len)?,
                hits: (0..from.len()?)
                    .map(|_| Ok((from.time()?, u16::from_le_bytes(from.array()?))))
                    .collect::<Result<_, KeptError>>()?,
            },
            5 => Self::Sketch {
                base: from.time()?,
                now: from.time()?,
                cells: (0..len)
                    .map(|_| {
                        Ok((
                            u16::from_le_bytes(from.array()?),
                            u16::from_le_bytes(from.array()?),
                        ))
                    })
                    .collect::<Result<_, KeptError>>()?,
            },
            _ => return Err(KeptError::Damaged("a window of an unknown kind")),
        })
    }

    /// Fills the window that the correlation would make now.
    fn fill(self, window: &mut Window) -> Result<(), KeptError> {
        let whole = match (window, self) {
            (Window::Count(window), Self::Times(times)) => {
                for at in times {
                    window.add(at, i64::MIN);
                }
                true
            }
            (Window::Distinct(window), Self::Values(values)) => {
                for (hash, at) in values {
                    window.add(hash, at, i64::MIN);
                }
                true
            }
            (Window::Totals(window), Self::Amounts { each, buckets }) => {
                window.refill(each, buckets);
                true
            }
            (Window::Ranked(window), Self::Amounts { each, .. }) => {
                for (at, value) in each {
                    window.add(value, at, i64::MIN, 50.0);
                }
                true
            }
            (Window::Seen(window), Self::Stages(stages)) => {
                let fits = window.0.len() == stages.len();
                if fits {
                    window.0 = stages.into();
                }
                fits
            }
            (Window::Ordered(window), Self::Chains { start, hits }) => {
                let stages = window.start.len();
                let fits = start.len() == stages
                    && hits.iter().all(|(_, stage)| usize::from(*stage) < stages);
                if fits {
                    window.start = start.into();
                    window.hits = hits.into();
                }
                fits
            }
            (Window::Sketch(window), Self::Sketch { base, now, cells }) => {
                window.refill(base, now, &cells)
            }
            _ => false,
        };
        if whole {
            Ok(())
        } else {
            Err(KeptError::Damaged("a window that its rule doesn't have"))
        }
    }
}

/// Writes and sums up.
struct Sum<'a> {
    inner: &'a mut dyn Write,
    sum: crc32fast::Hasher,
}

impl<'a> Sum<'a> {
    fn new(inner: &'a mut dyn Write) -> Self {
        Self {
            inner,
            sum: crc32fast::Hasher::new(),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), KeptError> {
        self.sum.update(bytes);
        Ok(self.inner.write_all(bytes)?)
    }

    fn word(&mut self, word: u64) -> Result<(), KeptError> {
        self.put(&word.to_le_bytes())
    }

    fn uint(&mut self, mut value: u64) -> Result<(), KeptError> {
        while value >= 0x80 {
            #[allow(clippy::cast_possible_truncation)]
            self.put(&[value as u8 | 0x80])?;
            value >>= 7;
        }
        #[allow(clippy::cast_possible_truncation)]
        self.put(&[value as u8])
    }
}

/// What is still to be read.
struct From<'a>(&'a [u8]);

impl From<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], KeptError> {
        let (bytes, rest) = self
            .0
            .split_first_chunk()
            .ok_or(KeptError::Damaged("it ends too early"))?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn word(&mut self) -> Result<u64, KeptError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn time(&mut self) -> Result<i64, KeptError> {
        Ok(self.word()?.cast_signed())
    }

    fn number(&mut self) -> Result<f64, KeptError> {
        let number = f64::from_bits(self.word()?);
        if number.is_finite() {
            Ok(number)
        } else {
            Err(KeptError::Damaged("a number that is none"))
        }
    }

    fn uint(&mut self) -> Result<u64, KeptError> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(KeptError::Damaged("a number that is too long"))
    }

    fn len(&mut self) -> Result<u64, KeptError> {
        match self.uint()? {
            len if len <= MOST => Ok(len),
            _ => Err(KeptError::Damaged("a window that is too long")),
        }
    }

    fn key(&mut self) -> Result<Keyed, KeptError> {
        let key = Keyed::with(self.array()?);
        if self.word()? == key.hash_one(PROBE) {
            Ok(key)
        } else {
            Err(KeptError::Hash)
        }
    }
}
