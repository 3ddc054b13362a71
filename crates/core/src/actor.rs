//! Who acts on the SCRM.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::{AccountId, SessionKey, TokenKey};

/// What an account may do, as the profile names it (`sales`, `manager`, …).
pub type Role = String;

/// Who made a request, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account, when the session or token is known to belong to one.
    pub account: Option<AccountId>,
    /// The role of the account, when the profile tells it.
    pub role: Option<Role>,
    /// The session that the request carried.
    pub session: Option<SessionKey>,
    /// The API token that the request carried.
    pub token: Option<TokenKey>,
    /// The client's address, after trusted proxies.
    pub ip: IpAddr,
    /// The user agent, cut to 200 bytes.
    pub agent: String,
}

impl Actor {
    /// Someone of whom only the address is known.
    pub const fn unknown(ip: IpAddr) -> Self {
        Self {
            account: None,
            role: None,
            session: None,
            token: None,
            ip,
            agent: String::new(),
        }
    }

    /// Nobody: what was concluded is about something that we run.
    pub fn nobody(about: &str) -> Self {
        Self {
            agent: about.to_owned(),
            ..Self::unknown(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        }
    }

    /// The strongest name there is: account, else session, else token, else address. [`Actor::nobody`] is called by what it is
    /// about; no client has that address.
    pub fn name(&self) -> String {
        if let Some(account) = &self.account {
            return account.to_string();
        }
        match (&self.session, &self.token) {
            (Some(session), _) => format!("session {session}"),
            (None, Some(token)) => format!("token {token}"),
            (None, None) if self.ip.is_unspecified() => self.agent.clone(),
            (None, None) => self.ip.to_string(),
        }
    }
}
