//! Frames: how records lie in a segment, and how they are found again in a damaged one.
//!
//! A segment begins with a header of 32 bytes; then frame follows frame. The marker and the start value of the
//! checksums are random per segment and stand only in its header. So nobody can send bytes that look like a frame
//! inside a payload, and a search for the next good frame after damage can't be led astray.

use memchr::memmem;
use uuid::Uuid;

/// Length of a segment's header.
pub(crate) const HEADER: usize = 32;
/// Length of what stands before a frame's payload: marker, length, checksum, kind.
pub(crate) const FRAME: usize = 13;
/// Longest payload: a release of more than 800,000 sightings.
pub(crate) const LONGEST: usize = 16 << 20;

/// What makes the frames of one segment recognisable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    marker: [u8; 4],
    salt: u32,
}

impl Seal {
    pub(crate) fn random() -> Self {
        let bytes = *Uuid::new_v4().as_bytes();
        Self {
            marker: [bytes[0], bytes[1], bytes[2], bytes[3]],
            salt: u32::from_le_bytes([bytes[10], bytes[11], bytes[12], bytes[13]]),
        }
    }

    /// The header of segment `number`.
    pub(crate) fn header(&self, number: u64) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(MAGIC);
        header[8..16].copy_from_slice(&number.to_le_bytes());
        header[16..20].copy_from_slice(&self.marker);
        header[20..24].copy_from_slice(&self.salt.to_le_bytes());
        let sum = crc32fast::hash(&header[..28]);
        header[28..].copy_from_slice(&sum.to_le_bytes());
        header
    }

    /// Reads the header of segment `number` back.
    pub(crate) fn from_header(bytes: &[u8], number: u64) -> Result<Self, HeaderError> {
        let Some(header) = bytes.get(..HEADER) else {
            return Err(HeaderError::Short);
        };
        if header[..7] != MAGIC[..7] || word(header, 28) != crc32fast::hash(&header[..28]) {
            return Err(HeaderError::Broken);
        }
        if header[7] != MAGIC[7] {
            return Err(HeaderError::Version(header[7]));
        }
        if header[8..16] != number.to_le_bytes() {
            return Err(HeaderError::Broken);
        }
        Ok(Self {
            marker: [header[16], header[17], header[18], header[19]],
            salt: word(header, 20),
        })
    }

    /// Appends a frame to `out`.
    pub(crate) fn frame(&self, out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
        let length = payload.len() as u32;
        out.extend_from_slice(&self.marker);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.sum(length, kind, payload).to_le_bytes());
        out.push(kind);
        out.extend_from_slice(payload);
    }

    fn sum(&self, length: u32, kind: u8, payload: &[u8]) -> u32 {
        let mut sum = crc32fast::Hasher::new_with_initial(self.salt);
        sum.update(&length.to_le_bytes());
        sum.update(&[kind]);
        sum.update(payload);
        sum.finalize()
    }

    /// The frame that begins at `at`, if one does.
    fn read<'a>(&self, bytes: &'a [u8], at: usize) -> Option<Frame<'a>> {
        let front = bytes.get(at..at + FRAME)?;
        if front[..4] != self.marker {
            return None;
        }
        let length = word(front, 4);
        let kind = front[12];
        if length as usize > LONGEST {
            return None;
        }
        let start = at + FRAME;
        let payload = bytes.get(start..start + length as usize)?;
        (self.sum(length, kind, payload) == word(front, 8)).then_some(Frame {
            kind,
            payload,
            end: start + payload.len(),
        })
    }
}

/// A frame whose checksum is right.
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) payload: &'a [u8],
    /// Where it ends in the segment.
    pub(crate) end: usize,
}

/// Why a header can't be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// The file is shorter than a header: the process died while it made the segment.
    Short,
    /// Not a segment, or damaged.
    Broken,
    /// Written by another version of the format.
    Version(u8),
}

/// One thing met while walking through a segment.
pub(crate) enum Met<'a> {
    /// A good frame.
    Frame(Frame<'a>),
    /// Bytes between good frames that are none.
    Damage { at: usize, bytes: usize },
    /// Bytes after the last good frame, with the number of frames that begin in them.
    Torn { at: usize, frames: u64 },
}

/// Walks through the bytes of a segment, header included.
pub(crate) fn walk<'a>(bytes: &'a [u8], seal: &Seal, mut met: impl FnMut(Met<'a>)) {
    let mut at = HEADER;
    while at < bytes.len() {
        if let Some(frame) = seal.read(bytes, at) {
            at = frame.end;
            met(Met::Frame(frame));
            continue;
        }
        let next = memmem::find_iter(&bytes[at + 1..], &seal.marker)
            .map(|found| at + 1 + found)
            .find(|&candidate| seal.read(bytes, candidate).is_some());
        match next {
            Some(next) => {
                met(Met::Damage {
                    at,
                    bytes: next - at,
                });
                at = next;
            }
            None => {
                let frames = memmem::find_iter(&bytes[at..], &seal.marker).count();
                met(Met::Torn {
                    at,
                    frames: (frames as u64).max(1),
                });
                return;
            }
        }
    }
}

const MAGIC: &[u8; 8] = b"HUDUNJL\x01";

/// The little-endian word at `at`; the caller has checked that it is there.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(seal: &Seal, payloads: &[&[u8]]) -> Vec<u8> {
        let mut bytes = seal.header(7).to_vec();
        for payload in payloads {
            seal.frame(&mut bytes, 1, payload);
        }
        bytes
    }

    fn payloads(bytes: &[u8], seal: &Seal) -> (Vec<Vec<u8>>, usize, Option<usize>) {
        let (mut good, mut damaged, mut torn) = (Vec::new(), 0, None);
        walk(bytes, seal, |met| match met {
            Met::Frame(frame) => good.push(frame.payload.to_vec()),
            Met::Damage { bytes, .. } => damaged += bytes,
            Met::Torn { at, .. } => torn = Some(bytes.len() - at),
        });
        (good, damaged, torn)
    }

    #[test]
    fn a_header_round_trips_and_any_changed_byte_is_noticed() {
        let seal = Seal::random();
        let header = seal.header(7);
        assert_eq!(Seal::from_header(&header, 7), Ok(seal));
        assert_eq!(Seal::from_header(&header, 8), Err(HeaderError::Broken));
        assert_eq!(Seal::from_header(&header[..31], 7), Err(HeaderError::Short));
        for at in 0..HEADER {
            let mut changed = header;
            changed[at] ^= 1;
            assert!(Seal::from_header(&changed, 7).is_err(), "byte {at}");
        }
    }

    #[test]
    fn damage_in_the_middle_costs_only_the_frame_that_it_hits() {
        let seal = Seal::random();
        let whole = segment(&seal, &[b"first", b"second", b"third"]);
        let second = HEADER + FRAME + 5;
        for at in second..second + FRAME + 6 {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            let (good, damaged, torn) = payloads(&bytes, &seal);
            assert_eq!(good, [b"first".to_vec(), b"third".to_vec()], "byte {at}");
            assert_eq!((damaged, torn), (FRAME + 6, None), "byte {at}");
        }
    }

    #[test]
    fn a_payload_that_holds_a_foreign_frame_is_not_taken_for_one() {
        let (seal, foreign) = (Seal::random(), Seal::random());
        let inner = segment(&foreign, &[b"forged"]);
        let mut bytes = segment(&seal, &[&inner, b"last"]);
        bytes[HEADER + FRAME] ^= 1;
        let (good, damaged, _) = payloads(&bytes, &seal);
        assert_eq!(good, [b"last".to_vec()]);
        assert_eq!(damaged, FRAME + inner.len());
    }
}
