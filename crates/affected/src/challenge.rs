//! Codes that wait to be returned, and what a returned one opens. Everything is in memory: bounded, and short.

use std::collections::HashMap;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use hudun_core::Timestamp;
use sha2::Sha256;

use crate::address::Address;
use crate::answers::Affected;

/// A code holds so long, milliseconds.
pub(crate) const CODE_MS: i64 = 10 * 60_000;
/// A proof holds so long, milliseconds.
pub(crate) const PROOF_MS: i64 = 30 * 60_000;
/// Tries of one code.
pub(crate) const TRIES: u8 = 5;

/// 128 random bits as 32 hexadecimal digits.
pub(crate) type Id = [u8; 16];

/// Challenges and proofs.
pub(crate) struct Memory {
    key: [u8; 32],
    most: usize,
    challenges: HashMap<Id, Challenge>,
    proofs: HashMap<Id, Proof>,
}

struct Challenge {
    address: Address,
    /// Keyed digest of the code.
    digest: [u8; 32],
    until: Timestamp,
    left: u8,
}

/// Control of an address, shown.
#[derive(Clone)]
pub(crate) struct Proof {
    /// The address.
    pub(crate) address: Address,
    /// What was found under it, once it could be asked.
    pub(crate) found: Option<Arc<Vec<Affected>>>,
    until: Timestamp,
}

/// What a returned code came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    /// It is the right one; this is the proof.
    Proven(Id),
    /// It is another one; so many tries are left.
    Wrong(u8),
    /// The challenge is not open: expired, used, tried too often, or never made. Nobody is told which.
    Gone,
}

impl Memory {
    /// Room for so many challenges and as many proofs.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            key: rand::random(),
            most,
            challenges: HashMap::new(),
            proofs: HashMap::new(),
        }
    }

    /// A digest of an address under a key that this process alone has, for counting.
    pub(crate) fn digest_of(&self, address: &Address) -> [u8; 16] {
        let digest: [u8; 32] = self
            .mac(&[b"address", address.folded().as_bytes()])
            .finalize()
            .into_bytes()
            .into();
        let mut short = [0; 16];
        short.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
        short
    }

    /// Opens a challenge: its id and the code to send. `None` when there is no room.
    pub(crate) fn open(&mut self, address: Address, now: Timestamp) -> Option<(Id, String)> {
        self.forget(now);
        if self.challenges.len() >= self.most {
            return None;
        }
        let id: Id = rand::random();
        // The share of a million that 2^64 leaves over is far below what anybody could measure.
        let code = format!("{:06}", rand::random::<u64>() % 1_000_000);
        let digest = self.mac(&[b"code", &id, code.as_bytes()]).finalize();
        let challenge = Challenge {
            address,
            digest: digest.into_bytes().into(),
            until: now.plus_millis(CODE_MS),
            left: TRIES,
        };
        self.challenges.insert(id, challenge);
        Some((id, code))
    }

    /// Whether a challenge is still open, without a try.
    pub(crate) fn is_open(&mut self, id: Id, now: Timestamp) -> bool {
        self.forget(now);
        self.challenges.contains_key(&id)
    }

    /// Takes a code back. The right one closes the challenge and makes a proof; the fifth wrong one closes it too.
    pub(crate) fn answer(&mut self, id: Id, code: &str, now: Timestamp) -> Returned {
        self.forget(now);
        let mac = self.mac(&[b"code", &id, code.as_bytes()]);
        let Some(challenge) = self.challenges.get_mut(&id) else {
            return Returned::Gone;
        };
        challenge.left = challenge.left.saturating_sub(1);
        let left = challenge.left;
        // In constant time: `verify_slice` compares so.
        let right = mac.verify_slice(&challenge.digest).is_ok();
        if !right && left > 0 {
            return Returned::Wrong(left);
        }
        let closed = self.challenges.remove(&id);
        let Some(challenge) = closed.filter(|_| right) else {
            return Returned::Gone;
        };
        if self.proofs.len() >= self.most {
            // The oldest was shown its answer longest ago.
            let oldest = self.proofs.iter().min_by_key(|(_, proof)| proof.until);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                self.proofs.remove(&oldest);
            }
        }
        let proof: Id = rand::random();
        let held = Proof {
            address: challenge.address,
            found: None,
            until: now.plus_millis(PROOF_MS),
        };
        self.proofs.insert(proof, held);
        Returned::Proven(proof)
    }

    /// The proof, while it holds.
    pub(crate) fn proof(&mut self, id: Id, now: Timestamp) -> Option<Proof> {
        self.forget(now);
        self.proofs.get(&id).cloned()
    }

    /// Keeps what was found, so that a page shown again asks nobody.
    pub(crate) fn keep(&mut self, id: Id, found: Arc<Vec<Affected>>) {
        if let Some(proof) = self.proofs.get_mut(&id) {
            proof.found = Some(found);
        }
    }

    /// Challenges and proofs that are held.
    #[cfg(test)]
    fn held(&self) -> (usize, usize) {
        (self.challenges.len(), self.proofs.len())
    }

    fn forget(&mut self, now: Timestamp) {
        self.challenges.retain(|_, challenge| now < challenge.until);
        self.proofs.retain(|_, proof| now < proof.until);
    }

    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        // HMAC takes keys of every length, so this can't fail.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.key)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
        for part in parts {
            mac.update(part);
            mac.update(&[0]);
        }
        mac
    }
}

/// An id as a form field holds it.
pub(crate) fn written(id: Id) -> String {
    hex::encode(id)
}

/// An id from a form field.
pub(crate) fn read(text: &str) -> Option<Id> {
    let mut id = [0; 16];
    hex::decode_to_slice(text, &mut id).ok()?;
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_millis(1_000_000);

    fn address() -> Address {
        Address::parse("a@b.cn").unwrap()
    }

    fn other(code: &str) -> String {
        format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
    }

    #[test]
    fn a_code_opens_once_within_ten_minutes_and_five_tries() {
        let mut memory = Memory::new(8);
        let (id, code) = memory.open(address(), T0).unwrap();
        assert_eq!(code.len(), 6);
        for left in (1..TRIES).rev() {
            assert_eq!(memory.answer(id, &other(&code), T0), Returned::Wrong(left));
        }
        let Returned::Proven(proof) = memory.answer(id, &code, T0) else {
            panic!("the fifth try counts")
        };
        assert_eq!(memory.answer(id, &code, T0), Returned::Gone);
        assert_eq!(memory.proof(proof, T0).unwrap().address, address());
        assert!(memory.proof(proof, T0.plus_millis(PROOF_MS)).is_none());

        let (id, code) = memory.open(address(), T0).unwrap();
        for _ in 1..TRIES {
            memory.answer(id, "", T0);
        }
        assert_eq!(memory.answer(id, "999", T0), Returned::Gone);
        assert_eq!(memory.answer(id, &code, T0), Returned::Gone);

        let (id, code) = memory.open(address(), T0).unwrap();
        let late = T0.plus_millis(CODE_MS);
        assert_eq!(memory.answer(id, &code, late), Returned::Gone);
        assert_eq!(memory.held(), (0, 0));
    }

    #[test]
    fn one_challenge_does_not_open_another() {
        let mut memory = Memory::new(8);
        let (one, code) = memory.open(address(), T0).unwrap();
        let (two, second) = memory.open(address(), T0).unwrap();
        if code != second {
            assert_eq!(memory.answer(two, &code, T0), Returned::Wrong(4));
        }
        assert!(matches!(memory.answer(one, &code, T0), Returned::Proven(_)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut memory = Memory::new(4);
        for _ in 0..4 {
            let (id, code) = memory.open(address(), T0).unwrap();
            memory.answer(id, &code, T0);
        }
        for n in 0..4 {
            let (id, code) = memory.open(address(), T0.plus_millis(n)).unwrap();
            memory.answer(id, &code, T0.plus_millis(n));
        }
        assert_eq!(memory.held(), (0, 4));
        for _ in 0..4 {
            memory.open(address(), T0).unwrap();
        }
        assert!(memory.open(address(), T0).is_none());
        assert!(memory.open(address(), T0.plus_millis(CODE_MS)).is_some());
    }

    #[test]
    fn codes_are_spread() {
        let mut memory = Memory::new(4_000);
        let mut first = [0_u32; 10];
        for _ in 0..4_000 {
            let (_, code) = memory.open(address(), T0).unwrap();
            first[usize::from(code.as_bytes()[0] - b'0')] += 1;
        }
        assert!(
            first.iter().all(|&count| (300..500).contains(&count)),
            "{first:?}"
        );
    }
}
