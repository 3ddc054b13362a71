//! One exchange, from the first layer to the last.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use http::Response;
use hudun_core::{
    AccountId, Actor, Delivery, DrillId, ExchangeEnd, ExchangeEvent, ExchangeHead, ExchangeId,
    LossReason, Push, Refusal, RefusalCause, Signal, SubjectToken, TenantId, Timestamp,
};
use hudun_policy::{Compiled, Denied, Recorded, RequestDecision, RequestFacts};
use hudun_profile::{Modes, RequestView, Resolution, Route};
use hudun_seclang::Lesson;

use crate::account::JournalRecord;
use crate::body::ClientBody;
use crate::finish::{Finisher, Pending, Progress};
use crate::io::{Busy, Conn};
use crate::waf::Watch;
use crate::{Gateway, refuse};

/// What is known of an exchange once it has been identified.
pub(crate) struct Exchange {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) conn: Arc<Conn>,
    pub(crate) busy: Option<Busy>,
    pub(crate) id: ExchangeId,
    pub(crate) at: Timestamp,
    pub(crate) view: RequestView,
    pub(crate) resolution: Resolution,
    pub(crate) actor: Actor,
    pub(crate) tenant: TenantId,
    pub(crate) session_since: Option<Timestamp>,
    pub(crate) login_account: Option<AccountId>,
    /// What its answer says of a push to somebody's second factor.
    pub(crate) push: Option<Push>,
    pub(crate) signals: Vec<Signal>,
    pub(crate) drill: Option<DrillId>,
    pub(crate) request_bytes: Arc<AtomicU64>,
    /// The policy that it began with, and finishes with.
    pub(crate) policy: Arc<Compiled>,
    pub(crate) decision: RequestDecision,
    /// What it teaches about its parameters, should it turn out to be an ordinary exchange.
    pub(crate) lesson: Lesson,
}

impl Exchange {
    pub(crate) fn facts(&self) -> RequestFacts<'_> {
        RequestFacts {
            view: &self.view,
            resolution: &self.resolution,
            profile: &self.gateway.profile,
            actor: &self.actor,
            tenant: &self.tenant,
            session_since: self.session_since,
            login_account: self.login_account.as_ref(),
        }
    }

    /// The rules have said everything about it.
    pub(crate) fn judged(&mut self, watch: Watch<'_>) {
        // A drill is no ordinary traffic, and several routes in one request share its parameters.
        if self.drill.is_none() && self.resolution.routes.len() == 1 {
            self.lesson = watch.lesson();
        }
        let primary = self.resolution.primary();
        watch.finish(&primary.module, &primary.id, self.at);
    }

    /// The gravest route in the profile.
    pub(crate) fn route(&self) -> Option<&Route> {
        self.gateway
            .profile
            .routes
            .get(self.resolution.primary().at?)
    }

    /// How the answer is accounted for: the strictest of its modules.
    pub(crate) fn modes(&self) -> Modes {
        let profile = &self.gateway.profile;
        self.resolution
            .routes
            .iter()
            .map(|route| profile.modes(&route.module))
            .reduce(|a, b| Modes {
                accounting: if a.accounting == b.accounting {
                    a.accounting
                } else {
                    Default::default()
                },
                fail: if a.fail == b.fail {
                    a.fail
                } else {
                    Default::default()
                },
            })
            .unwrap_or_default()
    }

    pub(crate) fn head(&self) -> ExchangeHead {
        let profile = &self.gateway.profile;
        let primary = self.resolution.primary();
        let any = |flag: fn(&Route) -> bool| {
            self.resolution
                .routes
                .iter()
                .filter_map(|route| profile.routes.get(route.at?))
                .any(flag)
        };
        ExchangeHead {
            id: self.id,
            at: self.at,
            tenant: self.tenant.clone(),
            actor: self.actor.clone(),
            module: primary.module.clone(),
            route: primary.id.clone(),
            method: self.view.method.clone(),
            path: primary.shown.clone(),
            export: any(|route| route.export),
            login: self
                .resolution
                .routes
                .iter()
                .any(|route| profile.login(&route.id).is_some()),
            signals: self.signals.clone(),
            touched: self.touched(),
            // Through a proxy it would be the way to the proxy.
            rtt_ms: (self.actor.ip == self.conn.peer.ip().to_canonical())
                .then_some(self.conn.rtt_ms)
                .flatten(),
            about: profile.about(&self.resolution, &self.view),
            push: self.push,
            drill: self.drill,
        }
    }

    /// The persons whom the request itself names, where the profile says so.
    fn touched(&self) -> Vec<SubjectToken> {
        let gateway = &self.gateway;
        let (named, left_out) = gateway.profile.touched(&self.resolution, &self.view);
        if named.is_empty() {
            return Vec::new();
        }
        gateway
            .metrics
            .lose(LossReason::StateEvicted, left_out as u64);
        let keyer = gateway.keys.keyer(&self.tenant);
        let named = named.into_iter();
        named
            .map(|(space, key)| keyer.subject(space, &key))
            .collect()
    }

    /// The end of the exchange, to be told when the client has the answer or the connection broke.
    pub(crate) fn finisher(
        &mut self,
        status: u16,
        success: bool,
        progress: Arc<Progress>,
        refusal: Option<Refusal>,
    ) -> Finisher {
        let recorded = Box::new(Recorded {
            exchange: self.id,
            at: self.at,
            view: self.view.clone(),
            resolution: self.resolution.clone(),
            actor: self.actor.clone(),
            tenant: self.tenant.clone(),
            session_since: self.session_since,
            login_account: self.login_account.clone(),
            status,
            answer: None,
        });
        Finisher::new(Pending {
            gateway: Arc::clone(&self.gateway),
            exchange: self.id,
            at: self.at,
            status,
            success,
            request_bytes: Arc::clone(&self.request_bytes),
            progress,
            lesson: std::mem::take(&mut self.lesson),
            withheld: refusal.is_some(),
            refusal,
            recorded: Some(recorded),
        })
    }

    /// Refuses the exchange, before or after the SCRM was asked: head and end are recorded, a page goes to the client.
    pub(crate) fn refuse(mut self, denied: Denied) -> Response<ClientBody> {
        let head = self.head();
        let gateway = Arc::clone(&self.gateway);
        record_relaxed(&gateway, JournalRecord::Head(Box::new(head.clone())));
        gateway.emit(ExchangeEvent::Head(Box::new(head)));
        self.refuse_after_head(denied)
    }

    /// Refuses an exchange whose head has been recorded.
    pub(crate) fn refuse_after_head(&mut self, denied: Denied) -> Response<ClientBody> {
        let gateway = Arc::clone(&self.gateway);
        gateway.metrics.refuse(denied.refusal.cause);
        let page = refuse::page(&denied, self.id, wants_html(&self.view), &gateway.profile);
        let finisher = self.finisher(
            page.status().as_u16(),
            false,
            Arc::default(),
            Some(denied.refusal.clone()),
        );
        let closes = denied.refusal.cause == RefusalCause::Protocol;
        let mut response = self.wrap(page, finisher);
        if closes && response.version() < http::Version::HTTP_2 {
            response.headers_mut().insert(
                http::header::CONNECTION,
                http::HeaderValue::from_static("close"),
            );
        }
        response
    }

    pub(crate) fn wrap(
        &mut self,
        page: Response<Bytes>,
        finisher: Finisher,
    ) -> Response<ClientBody> {
        let busy = self.busy.take().unwrap_or_else(|| self.conn.begin());
        page.map(|bytes| ClientBody::whole(bytes, &self.conn, busy, finisher))
    }
}

/// Refuses a request that was never identified: it could not be read at all.
pub(crate) fn refuse_unread(
    gateway: &Arc<Gateway>,
    conn: &Arc<Conn>,
    busy: Busy,
    head: ExchangeHead,
    html: bool,
    denied: &Denied,
) -> Response<ClientBody> {
    gateway.metrics.refuse(denied.refusal.cause);
    let page = refuse::page(denied, head.id, html, &gateway.profile);
    record_relaxed(gateway, JournalRecord::Head(Box::new(head.clone())));
    let (id, at) = (head.id, head.at);
    gateway.emit(ExchangeEvent::Head(Box::new(head)));
    let finisher = Finisher::new(Pending {
        gateway: Arc::clone(gateway),
        exchange: id,
        at,
        status: page.status().as_u16(),
        success: false,
        request_bytes: Arc::default(),
        progress: Arc::default(),
        refusal: Some(denied.refusal.clone()),
        withheld: true,
        recorded: None,
        lesson: Lesson::default(),
    });
    let mut response = page.map(|bytes| ClientBody::whole(bytes, conn, busy, finisher));
    response.headers_mut().insert(
        http::header::CONNECTION,
        http::HeaderValue::from_static("close"),
    );
    response
}

pub(crate) fn denied(status: u16, cause: RefusalCause, reason: impl Into<String>) -> Denied {
    Denied {
        status,
        refusal: Refusal {
            cause,
            restriction: None,
            patch: None,
            reason: reason.into(),
        },
        clear_session: false,
        retry_after: None,
    }
}

pub(crate) fn wants_html(view: &RequestView) -> bool {
    view.header("accept")
        .is_some_and(|accept| accept.contains("text/html"))
}

/// Records without waiting; a failure is counted and logged.
pub(crate) fn record_relaxed(gateway: &Gateway, record: JournalRecord) {
    if let Err(error) = gateway.accounting.record_relaxed(record) {
        gateway.metrics.accounting_failures.add(1);
        tracing::warn!(%error, "a record was not taken");
    }
}

/// An end that no finisher tells, for exchanges without any body of ours.
pub(crate) fn plain_end(exchange: ExchangeId, at: Timestamp, status: u16) -> ExchangeEnd {
    let now = Timestamp::now();
    ExchangeEnd {
        exchange,
        at: now,
        status,
        success: true,
        delivery: Delivery::Delivered,
        groups: 0,
        request_bytes: 0,
        response_bytes: 0,
        millis: u64::try_from(now.millis_since(at)).unwrap_or(0),
        refusal: None,
    }
}
