//! Who acts.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, Limited};
use hudun_core::{Actor, LossReason, TenantId, Timestamp};
use hudun_profile::{Answer, Credential, CredentialKind, Identity, Me, RequestView};

use crate::Gateway;
use crate::body::SentBody;
use crate::request::pairs;
use crate::session::{Known, Session};

/// Longest answer of the `me` end point, in bytes.
const LONGEST_ME: usize = 256 << 10;
/// Time for it.
const ME_TIME: Duration = Duration::from_secs(3);

/// Who acts, and since when.
pub(crate) struct Who {
    pub(crate) actor: Actor,
    pub(crate) tenant: TenantId,
    pub(crate) since: Option<Timestamp>,
}

impl Gateway {
    /// Names the actor of a request by its session or token.
    pub(crate) async fn identify(
        &self,
        view: &RequestView,
        ip: IpAddr,
        ask: bool,
        now: Timestamp,
    ) -> Who {
        let mut actor = Actor::unknown(ip);
        actor.agent = cut(view.header("user-agent").unwrap_or_default(), 200).to_owned();
        let mut found: Option<Session> = None;
        let mut claimed: Option<Identity> = None;
        for credential in self.profile.credentials(view) {
            let key = self.key_of(&credential);
            match credential.kind {
                CredentialKind::Session if actor.session.is_none() => {
                    actor.session = key.parse().ok();
                }
                CredentialKind::Token | CredentialKind::Password if actor.token.is_none() => {
                    actor.token = key.parse().ok();
                }
                _ => {}
            }
            if found.is_none() {
                found = match self.sessions.find(&key, now) {
                    Known::Session(session) => Some(session),
                    Known::Never if ask => self.ask_me(view, ip, &key, now).await,
                    Known::Never | Known::Nobody => None,
                };
            }
            if claimed.is_none() {
                claimed = credential
                    .claims
                    .map(|account| self.profile.identity_of(account));
            }
        }
        let since = found.as_ref().and_then(|session| session.since);
        let identity = match found {
            Some(session) => Identity {
                account: Some(session.account),
                role: session.role,
                tenant: session.tenant,
            },
            None => claimed.unwrap_or_default(),
        };
        actor.account = identity.account;
        actor.role = identity.role;
        Who {
            actor,
            tenant: identity
                .tenant
                .unwrap_or_else(|| self.config.tenant.clone()),
            since,
        }
    }

    /// The keyed name of a credential.
    pub(crate) fn key_of(&self, credential: &Credential) -> String {
        let what = match credential.kind {
            CredentialKind::Session => "session",
            CredentialKind::Token => "token",
            CredentialKind::Password => "password",
        };
        self.sessions.name(what, credential.secret.expose())
    }

    /// The keyed name of a session's secret.
    pub(crate) fn session_key(&self, secret: &str) -> String {
        self.sessions.name("session", secret)
    }

    /// Remembers who a session belongs to.
    pub(crate) fn learn(
        &self,
        key: &str,
        identity: &Identity,
        since: Option<Timestamp>,
        now: Timestamp,
    ) {
        let forgotten = self.sessions.learn(key, identity, since, now);
        self.metrics.sessions_learned.add(1);
        self.metrics
            .lose(LossReason::StateEvicted, forgotten as u64);
    }

    /// Asks the SCRM who a credential belongs to, with the request's own credentials.
    async fn ask_me(
        &self,
        view: &RequestView,
        ip: IpAddr,
        key: &str,
        now: Timestamp,
    ) -> Option<Session> {
        let me = self.profile.me.as_ref()?;
        let _turn = self.me_calls.acquire().await.ok()?;
        if let Known::Session(session) = self.sessions.find(key, now) {
            return Some(session);
        }
        // When the SCRM can't be asked now, the next request asks again.
        let Ok(Ok(identity)) = tokio::time::timeout(ME_TIME, self.call_me(me, view, ip)).await
        else {
            return None;
        };
        match identity {
            Some(identity) => {
                self.learn(key, &identity, None, now);
                Some(Session {
                    account: identity.account?,
                    role: identity.role,
                    tenant: identity.tenant,
                    since: None,
                })
            }
            None => {
                let forgotten = self.sessions.unknown(key, now);
                self.metrics
                    .lose(LossReason::StateEvicted, forgotten as u64);
                None
            }
        }
    }

    async fn call_me(
        &self,
        me: &Me,
        view: &RequestView,
        ip: IpAddr,
    ) -> Result<Option<Identity>, ()> {
        let uri = self
            .upstream_uri(&self.config.upstream, &me.path)
            .ok_or(())?;
        let mut request = Request::builder()
            .method(Method::from_bytes(me.method.as_bytes()).map_err(|_| ())?)
            .uri(uri)
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_ENCODING, "identity")
            .header("x-forwarded-for", ip.to_string());
        for (name, value) in &view.headers {
            let passes = !matches!(
                name.as_str(),
                "accept"
                    | "accept-encoding"
                    | "connection"
                    | "content-encoding"
                    | "content-length"
                    | "content-type"
                    | "expect"
                    | "if-match"
                    | "if-modified-since"
                    | "if-none-match"
                    | "if-range"
                    | "keep-alive"
                    | "range"
                    | "te"
                    | "trailer"
                    | "transfer-encoding"
                    | "upgrade"
                    | "x-forwarded-for"
            );
            if passes && let Ok(value) = HeaderValue::from_str(value) {
                request = request.header(name, value);
            }
        }
        let body = match &me.body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(SentBody::whole(body)).map_err(|_| ())?;
        let response = self.client.request(request).await.map_err(|_| ())?;
        let (parts, body) = response.into_parts();
        if parts.status.is_server_error() {
            return Err(());
        }
        let bytes = Limited::new(body, LONGEST_ME)
            .collect()
            .await
            .map_err(|_| ())?
            .to_bytes();
        let body = serde_json::from_slice(&bytes).ok();
        let headers = pairs(&parts.headers);
        Ok(self.profile.read_me(
            me,
            &Answer {
                status: parts.status.as_u16(),
                headers: &headers,
                body: body.as_ref(),
            },
        ))
    }
}

/// The beginning of a text, at most so many bytes.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}
