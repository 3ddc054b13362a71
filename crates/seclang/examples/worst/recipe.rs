//! Requests before they are written, and how they are filled to a size.

use hudun_seclang::raw::RawRequest;

use super::carrier::{Carrier, Encoding, escape, spell};

/// A request before it is written: pieces that are repeated until the size is full.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) carrier: Carrier,
    pub(super) encoding: Encoding,
    /// How the pieces were made, for the report.
    pub(super) source: &'static str,
    pub(super) pieces: Vec<Vec<u8>>,
    /// Bytes of one value where there are many.
    pub(super) each: usize,
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

/// Bytes of a request line and headers, about.
const HEAD: usize = 170;
/// More values than this are beyond the engine's own limit anyway.
const MOST_VALUES: usize = 990;
