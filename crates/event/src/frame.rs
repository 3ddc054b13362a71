//! Where one event ends and the next begins: at a line feed, or where a count of octets says so (RFC 6587).

use std::io::{self, BufRead};

/// Cuts input into frames. One is in memory at a time, up to the bound.
#[derive(Debug)]
pub(crate) struct Frames<R> {
    input: R,
    /// What was read and is to be read once more, from `ahead_from` on.
    ahead: Vec<u8>,
    ahead_from: usize,
    /// Bytes that came from the input since the frame began, and not from `ahead`.
    of_input: usize,
    frame: Vec<u8>,
    /// Whether frames may begin with a count of octets.
    counted: Counted,
    /// Whether the last message was broken, so that where this one begins is a guess.
    resynced: bool,
    /// Whether it was cut at a line feed where it might have had a count, and had none.
    is_line: bool,
    /// Whether any message had a right count, so that no single line turns the rest into lines.
    any_counted: bool,
    number: u64,
    mended: u64,
    taken: u64,
    read_twice: u64,
}

/// Whether counts of octets are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Never: lines.
    Never,
    /// The next frame decides: it ends at a line feed, or where what looks like the next count begins.
    Undecided,
    /// The last good frame was a line, so that digits are the beginning of a line.
    No,
    /// The last good frame had one.
    Yes,
}

/// What was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// A whole frame.
    Whole,
    /// A frame longer than the bound; its beginning was kept.
    TooLong,
    /// Nothing more.
    End,
}

impl<R: BufRead> Frames<R> {
    pub(crate) fn new(input: R, counts: bool) -> Self {
        Self {
            input,
            ahead: Vec::new(),
            ahead_from: 0,
            of_input: 0,
            frame: Vec::new(),
            counted: if counts {
                Counted::Undecided
            } else {
                Counted::Never
            },
            resynced: false,
            is_line: false,
            any_counted: false,
            number: 0,
            mended: 0,
            taken: 0,
            read_twice: 0,
        }
    }

    /// The frame, without its line feed or count.
    pub(crate) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// Its number, from 1.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Wrong counts of octets so far, whose messages were cut at a line feed or at the next count.
    pub(crate) const fn mended(&self) -> u64 {
        self.mended
    }

    /// Says whether the frame made sense, so that the next one is cut the same way or is looked at anew.
    pub(crate) fn made_sense(&mut self, sense: bool) {
        if self.counted == Counted::Never {
            return;
        }
        if !sense {
            self.resynced |= self.counted == Counted::Yes;
            self.counted = Counted::Undecided;
        } else if self.is_line && !self.any_counted {
            self.counted = Counted::No;
            self.resynced = false;
        }
        self.is_line = false;
    }

    /// Reads the next frame of at most `most` bytes; of a longer one, `keep` bytes stay.
    pub(crate) fn next(&mut self, most: usize, keep: usize) -> io::Result<Met> {
        self.frame.clear();
        self.of_input = 0;
        self.number += 1;
        if matches!(self.counted, Counted::Never) {
            return self.line(most, keep);
        }
        if self.counted == Counted::Yes {
            // Some senders put a line feed between counted messages.
            while let Some(b'\n' | b'\r' | b'\0') = self.peek()? {
                self.consume(1);
            }
        }
        if matches!(self.counted, Counted::Yes | Counted::Undecided)
            && let Some(count) = self.count()?
        {
            return self.octets(count, most, keep);
        }
        if self.counted == Counted::No {
            return self.line(most, keep);
        }
        self.without_count(most, keep)
    }

    /// Where a count may stand, something without a right one: it goes to the end of the line or to the next count.
    fn without_count(&mut self, most: usize, keep: usize) -> io::Result<Met> {
        if self.frame.is_empty() && self.peek()?.is_none() {
            return Ok(Met::End);
        }
        self.counted = Counted::Undecided;
        self.resynced = true;
        let whole = self.recover(most, keep)?;
        self.is_line = self.frame.ends_with(b"\n");
        Ok(if whole { Met::Whole } else { Met::TooLong })
    }

    /// A line; what the frame holds already is its beginning.
    fn line(&mut self, most: usize, keep: usize) -> io::Result<Met> {
        let mut met = Met::Whole;
        let mut any = !self.frame.is_empty();
        loop {
            let frame = &mut self.frame;
            let (ahead, from) = (&self.ahead, self.ahead_from);
            let ready = match ahead.get(from..).filter(|rest| !rest.is_empty()) {
                Some(rest) => rest,
                None => match self.input.fill_buf() {
                    Ok(ready) => ready,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                },
            };
            if ready.is_empty() {
                return Ok(if any { met } else { Met::End });
            }
            any = true;
            let end = memchr::memchr(b'\n', ready);
            let part = ready.get(..end.unwrap_or(ready.len())).unwrap_or_default();
            if met == Met::Whole {
                if frame.len() + part.len() > most {
                    met = Met::TooLong;
                    let room = keep.saturating_sub(frame.len());
                    frame.extend_from_slice(part.get(..room).unwrap_or(part));
                    frame.truncate(keep);
                } else {
                    frame.extend_from_slice(part);
                }
            }
            let used = end.map_or(ready.len(), |end| end + 1);
            self.consume(used);
            if end.is_some() {
                return Ok(met);
            }
        }
    }

    /// The count that a frame begins with: digits, a blank, and the `<` of a message. Digits that are none become the
    /// beginning of the frame.
    fn count(&mut self) -> io::Result<Option<usize>> {
        while let Some(digit) = self.peek()?.filter(u8::is_ascii_digit) {
            if self.frame.len() == COUNT_DIGITS {
                return Ok(None);
            }
            self.frame.push(digit);
            self.consume(1);
        }
        if self.frame.is_empty() || self.peek()? != Some(b' ') {
            return Ok(None);
        }
        let count = std::str::from_utf8(&self.frame)
            .ok()
            .and_then(|digits| digits.parse().ok());
        self.frame.push(b' ');
        self.consume(1);
        if self.peek()? != Some(b'<') {
            return Ok(None);
        }
        Ok(count)
    }

    /// A message of `count` octets; its head is in the frame already.
    fn octets(&mut self, count: usize, most: usize, keep: usize) -> io::Result<Met> {
        let head = self.frame.len();
        // Where the last message broke off, digits of its text may stand before those of the count.
        let mut counts = vec![count];
        if self.resynced {
            let digits = self.frame.get(1..head - 1).unwrap_or_default();
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            counts
                .extend((0..digits.len()).filter_map(|at| digits.get(at..)?.parse::<usize>().ok()));
            counts.sort_unstable();
        }
        // What is read twice is bounded by what was read once, so that nobody can make each byte cost a message.
        let spare = (PUT_BACK + 8 * self.taken).saturating_sub(self.read_twice);
        counts.retain(|&count| count <= most && count as u64 <= spare);
        let longest = counts
            .iter()
            .max()
            .map_or(0, |longest| longest + HEADER_BYTES);
        while self.frame.len() < head + longest {
            if self.take(head + longest - self.frame.len())? == 0 {
                break;
            }
        }
        let right = counts
            .into_iter()
            .find(|count| ends_at(&self.frame, head + count));
        if let Some(count) = right {
            self.put_back_from(head + count);
            self.frame.drain(..head);
            self.counted = Counted::Yes;
            self.any_counted = true;
            self.resynced = false;
            return Ok(Met::Whole);
        }
        self.mended += 1;
        self.read_twice += (self.frame.len() - head) as u64;
        self.frame.drain(..head);
        let met = self.without_count(most, keep);
        self.is_line = false;
        met
    }

    /// Goes on to a line feed or to what looks like the next counted message, in what was read already, too. Tells whether
    /// the frame holds all that was passed; of more than `most`, `keep` bytes stay.
    fn recover(&mut self, most: usize, keep: usize) -> io::Result<bool> {
        let mut looked = 0;
        let mut whole = true;
        loop {
            let rest = self.frame.get(looked..).unwrap_or_default();
            let line = memchr::memchr(b'\n', rest).map(|at| at + 1);
            // A header at the very beginning is the frame's own.
            let skipped = usize::from(looked == 0);
            let header = header_in(rest.get(skipped..).unwrap_or_default());
            let next = [header.map(|at| at + skipped), line]
                .into_iter()
                .flatten()
                .min();
            if let Some(next) = next {
                self.put_back_from(looked + next);
            }
            whole &= self.frame.len() <= most;
            if next.is_none() {
                if self.frame.len() > most {
                    // Only the beginning is kept, and as much of the end as a header may have begun in.
                    let end = self.frame.len() - HEADER_BYTES;
                    self.frame.drain(keep.min(end)..end);
                }
                looked = match self.frame.len() {
                    0 => 0,
                    length => length.saturating_sub(HEADER_BYTES).max(1),
                };
                if self.take(TAKE)? > 0 {
                    continue;
                }
            }
            if !whole {
                self.frame.truncate(keep);
            }
            return Ok(whole);
        }
    }

    /// Gives back what the frame holds from here on, to be read once more.
    fn put_back_from(&mut self, at: usize) {
        let back = self.frame.len().saturating_sub(at);
        if self.of_input == 0 {
            // All of it was put back before: it lies there still.
            self.ahead_from = self.ahead_from.saturating_sub(back);
            self.frame.truncate(at);
        } else if back > 0 {
            self.ahead = self.frame.split_off(at);
            self.ahead_from = 0;
            self.of_input = 0;
        }
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        if let Some(byte) = self.ahead.get(self.ahead_from) {
            return Ok(Some(*byte));
        }
        loop {
            match self.input.fill_buf() {
                Ok(ready) => return Ok(ready.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves at most `wanted` bytes into the frame; tells how many, 0 at the end.
    fn take(&mut self, wanted: usize) -> io::Result<usize> {
        if self.peek()?.is_none() {
            return Ok(0);
        }
        let ready = match self.ahead.get(self.ahead_from..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => self.input.fill_buf()?,
        };
        let part = ready.get(..wanted.min(ready.len())).unwrap_or_default();
        self.frame.extend_from_slice(part);
        let used = part.len();
        self.consume(used);
        Ok(used)
    }

    fn consume(&mut self, used: usize) {
        if self.ahead_from < self.ahead.len() {
            self.ahead_from += used;
        } else {
            self.of_input += used;
            self.taken += used as u64;
            self.input.consume(used);
        }
    }
}

/// Whether a message may end at this place: the next one begins there, or there is nothing more.
fn ends_at(frame: &[u8], at: usize) -> bool {
    let Some(rest) = frame.get(at..) else {
        return false;
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rest.first() {
        None | Some(b'\n' | b'\r' | b'\0') => true,
        Some(b'<') => begins_message(rest),
        // So short, it is the end of the input.
        Some(b'0'..=b'9') if rest.len() < HEADER_BYTES => true,
        Some(b'0'..=b'9') => rest
            .get(digits..)
            .and_then(|rest| rest.strip_prefix(b" "))
            .is_some_and(begins_message),
        Some(_) => false,
    }
}

/// `<`, digits, `>1 `.
fn begins_message(bytes: &[u8]) -> bool {
    let Some(after) = bytes.strip_prefix(b"<") else {
        return false;
    };
    let digits = after
        .iter()
        .take(3)
        .take_while(|byte| byte.is_ascii_digit());
    let digits = digits.count();
    digits > 0
        && after
            .get(digits..)
            .is_some_and(|rest| rest.starts_with(b">1 "))
}

/// Where a counted message seems to begin: digits, blank, `<`, digits, `>1 `.
fn header_in(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'<', bytes).find_map(|at| {
        if !begins_message(bytes.get(at..)?) {
            return None;
        }
        let before = bytes.get(..at)?.strip_suffix(b" ")?;
        let digits = before
            .iter()
            .rev()
            .take(COUNT_DIGITS)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        (digits > 0).then_some(before.len() - digits)
    })
}

/// Digits of a count.
const COUNT_DIGITS: usize = 8;
/// The longest header that is looked for: count, blank, priority, version, blank.
const HEADER_BYTES: usize = COUNT_DIGITS + 8;
/// Bytes taken at once while the next message is looked for.
const TAKE: usize = 256;
/// Bytes that may be read twice in any case.
const PUT_BACK: u64 = 4 << 20;
