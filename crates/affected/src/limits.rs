//! How many codes may be asked for.

use std::collections::VecDeque;

use hudun_core::Timestamp;

use crate::network::Network;

/// Codes in any sixty minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To one address.
    pub address: usize,
    /// From one network (/24, /48).
    pub network: usize,
    /// In all. It bounds the memory of the page as well.
    pub all: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address: 3,
            network: 10,
            all: 2_000,
        }
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A code goes out.
    Send,
    /// None goes out, and the page looks as if one did: that others asked for this address is nobody's business.
    Quiet,
    /// Whoever asks is told to come back then.
    Wait {
        /// When the next request may come.
        until: Timestamp,
    },
}

/// The requests of the last hour. Refused ones are not kept, so there are never more than [`Limits::all`].
#[derive(Default)]
pub(crate) struct Recent(VecDeque<Asked>);

struct Asked {
    at: Timestamp,
    network: Network,
    /// Keyed digest of the address that was sent a code.
    sent: Option<[u8; 16]>,
}

impl Recent {
    /// Judges a request and remembers it unless it has to wait.
    pub(crate) fn ask(
        &mut self,
        limits: &Limits,
        network: Network,
        address: [u8; 16],
        now: Timestamp,
    ) -> Verdict {
        while self
            .0
            .front()
            .is_some_and(|asked| now.millis_since(asked.at) >= HOUR_MS)
        {
            self.0.pop_front();
        }
        let mut near = self.0.iter().filter(|asked| asked.network == network);
        let (first, count) = (near.next(), near.count());
        let full_network = first.filter(|_| count + 1 >= limits.network);
        let full = self.0.front().filter(|_| self.0.len() >= limits.all);
        if let Some(oldest) = full_network.or(full) {
            return Verdict::Wait {
                until: oldest.at.plus_millis(HOUR_MS),
            };
        }
        let before = self
            .0
            .iter()
            .filter(|asked| asked.sent == Some(address))
            .count();
        let sends = before < limits.address;
        self.0.push_back(Asked {
            at: now,
            network,
            sent: sends.then_some(address),
        });
        if sends { Verdict::Send } else { Verdict::Quiet }
    }
}

const HOUR_MS: i64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_millis(1_000_000);

    fn net(n: u8) -> Network {
        Network::of([203, 0, n, 1].into())
    }

    #[test]
    fn each_limit_holds_for_an_hour_and_says_when_it_ends() {
        let mut recent = Recent::default();
        let limits = Limits::default();
        for n in 0..3 {
            let verdict = recent.ask(&limits, net(n), [1; 16], T0.plus_millis(i64::from(n)));
            assert_eq!(verdict, Verdict::Send);
        }
        assert_eq!(recent.ask(&limits, net(4), [1; 16], T0), Verdict::Quiet);
        assert_eq!(recent.ask(&limits, net(4), [2; 16], T0), Verdict::Send);
        let later = T0.plus_millis(HOUR_MS);
        assert_eq!(recent.ask(&limits, net(4), [1; 16], later), Verdict::Send);

        let mut recent = Recent::default();
        for n in 0..10 {
            let verdict = recent.ask(&limits, net(0), [n; 16], T0.plus_millis(i64::from(n)));
            assert_eq!(verdict, Verdict::Send);
        }
        let now = T0.plus_millis(100);
        let until = T0.plus_millis(HOUR_MS);
        assert_eq!(
            recent.ask(&limits, net(0), [99; 16], now),
            Verdict::Wait { until }
        );
        assert_eq!(recent.ask(&limits, net(1), [99; 16], now), Verdict::Send);
        assert_eq!(recent.ask(&limits, net(0), [99; 16], until), Verdict::Send);
    }

    #[test]
    fn memory_is_bounded_by_the_limit_of_all() {
        let mut recent = Recent::default();
        let limits = Limits {
            all: 20,
            ..Limits::default()
        };
        for n in 0..100_u8 {
            let verdict = recent.ask(&limits, net(n), [n; 16], T0);
            assert_eq!(verdict == Verdict::Send, n < 20);
        }
        assert_eq!(recent.0.len(), 20);
    }
}
