//! What is asked and what is answered.

use std::net::IpAddr;

use hudun_core::{
    AccountId, Actor, Delivery, Exchange, ExchangeId, KindSet, ModuleId, RouteId, ScopeSource,
    SessionKey, SubjectToken, TenantId, Timestamp, TokenKey, Window,
};
use serde::{Deserialize, Serialize};

use crate::cold::Filter;

/// To whom was one person's data shown?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoSaw {
    /// Whose customer.
    pub tenant: TenantId,
    /// The person.
    pub subject: SubjectToken,
    /// When.
    pub window: Window,
    /// How many answers at most.
    pub limit: usize,
}

/// One exchange that showed a person's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// The exchange.
    pub exchange: ExchangeId,
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub actor: Actor,
    /// Through which module.
    pub module: ModuleId,
    /// By which route.
    pub route: RouteId,
    /// What was shown.
    pub kinds: KindSet,
    /// What became of it; unknown while in flight or after a crash.
    pub delivery: Option<Delivery>,
}

impl Sight {
    pub(super) fn of(exchange: &Exchange, subject: &SubjectToken) -> Option<Self> {
        let kinds = exchange
            .releases
            .iter()
            .flat_map(|release| &release.sightings)
            .filter(|sighting| sighting.subject == *subject || sighting.aliases.contains(subject))
            .map(|sighting| sighting.kinds)
            .reduce(KindSet::union)?;
        let head = &exchange.head;
        Some(Self {
            exchange: head.id,
            at: head.at,
            actor: head.actor.clone(),
            module: head.module.clone(),
            route: head.route.clone(),
            kinds,
            delivery: exchange.end.as_ref().map(|end| end.delivery),
        })
    }
}

/// Which exchanges are wanted; what is absent does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeFilter {
    /// When the request was read.
    pub window: Window,
    /// Whose customers.
    #[serde(default)]
    pub tenant: Option<TenantId>,
    /// Of this account.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// Of this session.
    #[serde(default)]
    pub session: Option<SessionKey>,
    /// With this API token.
    #[serde(default)]
    pub token: Option<TokenKey>,
    /// From this address.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// Through this module.
    #[serde(default)]
    pub module: Option<ModuleId>,
    /// Only those that released personal data.
    #[serde(default)]
    pub personal: bool,
    /// Only those that Hudun refused.
    #[serde(default)]
    pub refused: bool,
}

impl ExchangeFilter {
    /// All exchanges of a time.
    pub const fn of(window: Window) -> Self {
        Self {
            window,
            tenant: None,
            account: None,
            session: None,
            token: None,
            address: None,
            module: None,
            personal: false,
            refused: false,
        }
    }

    pub(super) fn passes(&self, exchange: &Exchange) -> bool {
        fn same<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        let (head, actor) = (&exchange.head, &exchange.head.actor);
        let personal = || {
            exchange
                .releases
                .iter()
                .any(|release| !release.sightings.is_empty())
        };
        let refused = || {
            exchange
                .end
                .as_ref()
                .is_some_and(|end| end.refusal.is_some())
        };
        self.window.contains(head.at)
            && same(self.tenant.as_ref(), Some(&head.tenant))
            && same(self.account.as_ref(), actor.account.as_ref())
            && same(self.session.as_ref(), actor.session.as_ref())
            && same(self.token.as_ref(), actor.token.as_ref())
            && same(self.address.as_ref(), Some(&actor.ip))
            && same(self.module.as_ref(), Some(&head.module))
            && (!self.personal || personal())
            && (!self.refused || refused())
    }

    /// One index of the tail that holds all wanted exchanges, if the filter names an actor.
    pub(super) fn source(&self) -> Option<ScopeSource> {
        let mut source = ScopeSource::default();
        if let Some(session) = &self.session {
            source.sessions.push(session.clone());
        } else if let Some(token) = &self.token {
            source.tokens.push(token.clone());
        } else if let Some(account) = &self.account {
            source.accounts.push(account.clone());
        } else {
            source.addresses.push(self.address?);
        }
        Some(source)
    }

    /// What the columns tell before the row is read; [`ExchangeFilter::passes`] decides on the rest.
    pub(super) fn cold(&self) -> Filter {
        let this = self.clone();
        let address = self.address.map(|address| address.to_string());
        Filter {
            columns: vec![
                "ts", "account", "session", "token", "ip", "module", "refusal",
            ],
            test: Box::new(move |rows, at| {
                let same = |name, wanted: Option<&str>| {
                    Ok(wanted.is_none() || rows.may_text(name, at)? == wanted)
                };
                Ok(this.window.contains(rows.moment("ts", at)?)
                    && same("account", this.account.as_ref().map(AccountId::as_str))?
                    && same("session", this.session.as_ref().map(SessionKey::as_str))?
                    && same("token", this.token.as_ref().map(TokenKey::as_str))?
                    && same("ip", address.as_deref())?
                    && same("module", this.module.as_ref().map(ModuleId::as_str))?
                    && (!this.refused || rows.may_text("refusal", at)?.is_some()))
            }),
        }
    }
}

/// Which part of a long answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// How many; at most 1,000.
    pub limit: usize,
    /// Only what follows this one in the order asked for: the last exchange of the page before.
    #[serde(default)]
    pub after: Option<(Timestamp, ExchangeId)>,
    /// The newest first; else the oldest.
    #[serde(default)]
    pub newest_first: bool,
}

/// What happened in one module during one step of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// When the step begins.
    pub from: Timestamp,
    /// The module.
    pub module: ModuleId,
    /// Exchanges.
    pub exchanges: u64,
    /// Those that Hudun refused.
    pub refused: u64,
    /// Different subject tokens whose data was released.
    pub subjects: u64,
}
