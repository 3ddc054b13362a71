//! Recorded traffic against a candidate patch.

use hudun_core::{AccountId, Actor, ExchangeId, TenantId, Timestamp};
use hudun_profile::{Profile, RequestView, Resolution};
use serde::{Deserialize, Serialize};

use crate::{Compiled, RequestFacts, ResponseFacts};

/// An exchange that really happened. Its values are personal data: it is kept for a short time in memory, and written
/// down only sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// The exchange.
    pub exchange: ExchangeId,
    /// When it was judged.
    pub at: Timestamp,
    /// The request.
    pub view: RequestView,
    /// Its routes.
    pub resolution: Resolution,
    /// Who asked.
    pub actor: Actor,
    /// Whose customers were concerned.
    pub tenant: TenantId,
    /// When the session began.
    pub session_since: Option<Timestamp>,
    /// The account of a log-in.
    pub login_account: Option<AccountId>,
    /// Status that the client received.
    pub status: u16,
    /// What the answer held; `None` when Hudun refused the request or the answer was not read.
    pub answer: Option<ResponseFacts>,
}

/// What a policy would do with a recorded exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The client would get what it got.
    Same,
    /// Request or answer would be changed (a parameter stripped, the answer masked).
    Changed,
    /// Request or answer would be refused.
    Refused,
}

impl Recorded {
    /// Judges the exchange by a policy, at the moment when it happened or at another one.
    pub fn replay(&self, policy: &Compiled, profile: &Profile, now: Timestamp) -> Replay {
        let request = policy.decide_request(
            &RequestFacts {
                view: &self.view,
                resolution: &self.resolution,
                profile,
                actor: &self.actor,
                tenant: &self.tenant,
                session_since: self.session_since,
                login_account: self.login_account.as_ref(),
            },
            now,
        );
        if request.denied.is_some() {
            return Replay::Refused;
        }
        let answer = self
            .answer
            .map(|facts| policy.decide_response(&request, &facts))
            .unwrap_or_default();
        if answer.denied.is_some() {
            return Replay::Refused;
        }
        if request.mask || answer.mask || !request.strip.is_empty() {
            return Replay::Changed;
        }
        Replay::Same
    }
}
