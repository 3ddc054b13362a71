//! Who the attacker was: from accounts under suspicion to the sessions, tokens and addresses that were really theirs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hudun_core::{
    AccountId, Finding, Incident, ScopeQuestion, ScopeSource, SessionKey, TenantId, TimelineMark,
    Timestamp, TokenKey, Window,
};
use hudun_lake::{Lake, LakeError};

/// Time before the onset that is asked for when no log-in tells when the attacker came.
const BEFORE_ONSET_MS: i64 = 24 * 60 * 60_000;
/// Addresses of findings that are looked at; more only make the answer slower, the sessions are counted anyway.
const MAX_ADDRESSES: usize = 64;

/// How the source of a case was narrowed down, in order of certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Narrowing {
    /// To sessions or API tokens that the findings name or that share account and address with them.
    Sessions,
    /// To addresses that nobody but the suspects used.
    Addresses,
    /// Not at all: the accounts count with everything that they did, their rightful owners' work included.
    Accounts,
}

impl Narrowing {
    /// For a person.
    pub fn text(self) -> hudun_core::Text {
        match self {
            Self::Sessions => hudun_core::Text::new(
                "只计攻击者的会话，账号本人的会话不计",
                "only the attacker's sessions count, those of the account's owner do not",
            ),
            Self::Addresses => hudun_core::Text::new(
                "只计攻击者独用的网络地址",
                "only addresses that the attacker alone used count",
            ),
            Self::Accounts => hudun_core::Text::new(
                "无法区分账号本人与攻击者，账号的全部访问都计入",
                "owner and attacker can't be told apart; everything that the account did counts",
            ),
        }
    }
}

/// What the findings say about who it was.
pub(crate) struct Suspicion {
    tenant: TenantId,
    accounts: BTreeSet<AccountId>,
    sessions: BTreeSet<SessionKey>,
    tokens: BTreeSet<TokenKey>,
    addresses: BTreeSet<IpAddr>,
    onset: Timestamp,
    evidence: Vec<hudun_core::ExchangeId>,
    now: Timestamp,
}

impl Suspicion {
    pub(crate) fn of(incident: &Incident, findings: &[Finding], now: Timestamp) -> Self {
        let mut suspicion = Self {
            tenant: incident.tenant.clone(),
            accounts: incident.suspects.iter().cloned().collect(),
            sessions: BTreeSet::new(),
            tokens: BTreeSet::new(),
            addresses: BTreeSet::new(),
            onset: incident
                .mark(TimelineMark::Onset)
                .unwrap_or(incident.opened_at),
            evidence: Vec::new(),
            now,
        };
        for finding in findings
            .iter()
            .filter(|finding| finding.tenant == incident.tenant)
        {
            let actor = &finding.actor;
            suspicion.accounts.extend(actor.account.clone());
            suspicion.sessions.extend(actor.session.clone());
            suspicion.tokens.extend(actor.token.clone());
            suspicion.addresses.insert(actor.ip);
            suspicion.onset = suspicion.onset.min(finding.triggered_at);
            suspicion.evidence.extend(&finding.evidence);
        }
        suspicion
    }

    /// Puts the question. `taken` are sessions that other cases already answer for: they are not gathered again,
    /// unless a finding of this case names them.
    pub(crate) fn question(
        self,
        lake: &Lake,
        taken: &BTreeSet<SessionKey>,
    ) -> Result<(ScopeQuestion, Narrowing), LakeError> {
        let login = lake
            .fetch(&self.evidence)?
            .iter()
            .filter(|exchange| exchange.head.login)
            .map(|exchange| exchange.head.at)
            .min();
        let day_before = self.onset.plus_millis(-BEFORE_ONSET_MS);
        let wide = Window {
            from: login.map_or(day_before, |at| at.min(day_before)),
            to: self.now,
        };
        let asked = |source: ScopeSource| ScopeQuestion {
            tenant: self.tenant.clone(),
            source,
            window: wide,
        };

        // Sessions of a suspected account that were used from an address of a finding are the attacker's as well.
        let of_accounts: BTreeSet<SessionKey> = if self.accounts.is_empty() {
            BTreeSet::new()
        } else {
            let accounts = self.accounts.iter().cloned().collect();
            let question = asked(ScopeSource {
                accounts,
                ..ScopeSource::default()
            });
            lake.scope(&question)?.seen.sessions.into_iter().collect()
        };
        let mut sessions = self.sessions.clone();
        let mut seen_at = Vec::new();
        for &address in self.addresses.iter().take(MAX_ADDRESSES) {
            let question = asked(ScopeSource {
                addresses: vec![address],
                ..ScopeSource::default()
            });
            let seen = lake.scope(&question)?.seen;
            let shared = seen
                .sessions
                .iter()
                .filter(|session| of_accounts.contains(session) && !taken.contains(session));
            sessions.extend(shared.cloned());
            seen_at.push((address, seen));
        }

        // An address counts by itself only when nobody else used it: colleagues may share it.
        let addresses: Vec<IpAddr> = seen_at
            .iter()
            .filter(|(_, seen)| {
                seen.accounts
                    .iter()
                    .all(|account| self.accounts.contains(account))
                    && seen
                        .sessions
                        .iter()
                        .all(|session| sessions.contains(session))
                    && seen.tokens.iter().all(|token| self.tokens.contains(token))
            })
            .map(|&(address, _)| address)
            .collect();

        let narrowing = if !sessions.is_empty() || !self.tokens.is_empty() {
            Narrowing::Sessions
        } else if !addresses.is_empty() {
            Narrowing::Addresses
        } else {
            Narrowing::Accounts
        };
        // Without sessions the lake counts the account as a whole; name it only when that is what is meant. Named
        // beside sessions it narrows nothing and tells the reader whose sessions they were.
        let accounts = if narrowing == Narrowing::Accounts || !sessions.is_empty() {
            self.accounts.into_iter().collect()
        } else {
            Vec::new()
        };
        let window = match narrowing {
            Narrowing::Sessions => wide,
            Narrowing::Addresses | Narrowing::Accounts => Window {
                from: login.unwrap_or(day_before),
                to: wide.to,
            },
        };
        let source = ScopeSource {
            accounts,
            sessions: sessions.into_iter().collect(),
            tokens: self.tokens.into_iter().collect(),
            addresses,
        };
        let question = ScopeQuestion {
            tenant: self.tenant,
            source,
            window,
        };
        Ok((question, narrowing))
    }
}
