//! The way of a request, from top to bottom.
//!
//! ```text
//! bytes ──► framing     io.rs, framing.rs   broken framing never gets further: 400, closed
//!           read        request.rs          one reading of path, parameters and body; the route of the profile
//!           identify    identify.rs         whose session, whose token, from where
//!           policy      hudun-policy        revoked? isolated? forbidden? patched? too often?
//!           inspect     inspect.rs, waf.rs  what do the values look like? what do the rules say?
//!           forward     forward.rs          to the SCRM or its standby
//!           classify    classify.rs         whose data is in the answer?
//! client ◄─ account     answer.rs           recorded, then released
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use hudun_core::{Actor, ExchangeHead, ExchangeId, RefusalCause, Timestamp};
use hudun_policy::{Denied, RequestDecision};
use hudun_profile::OTHER;
use hudun_seclang::Lesson;
use hyper::body::Incoming;

use crate::Gateway;
use crate::body::ClientBody;
use crate::exchange::{Exchange, denied, refuse_unread};
use crate::forward::DRILL_HEADER;
use crate::io::{Busy, Conn};
use crate::throttle::Verdict;
use crate::waf::{Ends, WafMode, Watch};
use crate::{answer, request, upgrade};

/// Answers one request.
pub(crate) async fn serve(
    gateway: Arc<Gateway>,
    conn: Arc<Conn>,
    mut incoming: Request<Incoming>,
) -> Response<ClientBody> {
    let busy = conn.begin();
    gateway.metrics.requests.add(1);
    let upgrade = upgrade::wanted(&mut incoming);
    let (parts, mut body) = incoming.into_parts();
    let ip = request::client_address(&gateway, conn.peer.ip(), &parts.headers);

    // Framing, as far as it shows only now, and the one reading of the request.
    let mut shown = request::Shown::default();
    let read = match request::admit(&parts).and_then(|()| request::view(&parts)) {
        Ok(view) => request::read(&gateway, view, body, &mut shown).await,
        Err(denied) => {
            shown.refused(&gateway, &mut body).await;
            Err(denied)
        }
    };
    let at = Timestamp::now();
    let id = ExchangeId::new();
    let name = id.to_string();
    let waf = gateway.waf.clone();
    let rules = waf.as_ref().map(|waf| waf.current());
    let ends = Ends {
        client: SocketAddr::new(ip, conn.peer.port()),
        now: at,
    };
    let watch = |mode: WafMode, routes: &[_]| {
        let (Some(waf), Some(rules)) = (&waf, &rules) else {
            return None;
        };
        (mode != WafMode::Off).then(|| {
            Watch::request(
                waf,
                rules,
                (id, &name),
                ends,
                &parts,
                shown.body.as_ref(),
                (mode, routes),
            )
        })
    };
    let read = match read {
        Ok(read) => read,
        Err(denied) => {
            let signals = match watch(WafMode::Block, &[]) {
                Some(watch) => {
                    let signals = watch.signals();
                    if let (Ok(module), Ok(route)) = (OTHER.parse(), OTHER.parse()) {
                        watch.finish(&module, &route, at);
                    }
                    signals
                }
                None => Vec::new(),
            };
            let html = parts.headers.get("accept").is_some_and(|accept| {
                accept
                    .as_bytes()
                    .windows(9)
                    .any(|part| part == b"text/html")
            });
            return unread(
                &gateway,
                &conn,
                busy,
                (id, at, signals),
                ip,
                parts.method.as_str(),
                html,
                &denied,
            );
        }
    };

    // Identify.
    let profile = &gateway.profile;
    let routes = &read.resolution.routes;
    let login = routes.iter().find_map(|route| profile.login(&route.id));
    let public = routes
        .iter()
        .all(|route| route.at.is_some_and(|at| profile.routes[at].public));
    let ask = login.is_none() && !public;
    let who = gateway.identify(&read.view, ip, ask, at).await;
    let login_account = login.and_then(|login| profile.login_account(login, &read.view));
    let tenant = match &login_account {
        // At a log-in the tenant is the one of the account that comes in.
        Some(account) => profile
            .identity_of(account.clone())
            .tenant
            .unwrap_or(who.tenant),
        None => who.tenant,
    };
    let drill = read
        .view
        .header(DRILL_HEADER)
        .and_then(|id| id.parse().ok());
    let mut exchange = Exchange {
        policy: gateway.policy.load(),
        gateway,
        conn,
        busy: Some(busy),
        id,
        at,
        view: read.view,
        resolution: read.resolution,
        actor: who.actor,
        tenant,
        session_since: who.since,
        login_account,
        push: None,
        signals: Vec::new(),
        drill,
        request_bytes: read.request_bytes,
        decision: RequestDecision::default(),
        lesson: Lesson::default(),
    };

    // Policy, with the inspection's signals already in the record of what it refuses.
    exchange.signals = inspect(&exchange);
    let mode = waf.as_ref().map_or(WafMode::Off, |waf| {
        waf.mode(exchange.resolution.routes.iter().map(|route| &route.module))
    });
    let mut watch = watch(mode, &exchange.resolution.routes);
    if let Some(watch) = &watch {
        exchange.signals.extend(watch.signals());
    }
    let verdict = judge(&mut exchange).and_then(|()| match &watch {
        Some(watch) => allowed(watch, &shown, &exchange),
        None => Ok(()),
    });
    if let Err(denied) = verdict {
        if let Some(watch) = watch {
            exchange.judged(watch);
        }
        return exchange.refuse(denied);
    }
    let answers = waf.as_ref().is_some_and(|waf| waf.settings().answers);
    if answers && upgrade.is_none() {
        // Scratch memory is not held while the SCRM thinks.
        watch.iter_mut().for_each(Watch::park);
    } else if let Some(watch) = watch.take() {
        exchange.judged(watch);
    }

    // Forward.
    let response = match exchange.forward(&parts, read.body, upgrade.is_some()).await {
        Ok(response) => response,
        Err(denied) => {
            if let Some(watch) = watch {
                exchange.judged(watch);
            }
            return exchange.refuse(denied);
        }
    };

    // Classify and account.
    match upgrade {
        Some(client) if response.status() == http::StatusCode::SWITCHING_PROTOCOLS => {
            upgrade::join(exchange, client, response).await
        }
        _ => answer::answer(exchange, response, watch).await,
    }
}

/// Whether the rules let a request pass, which they can say only of what they have seen as a whole.
fn allowed(watch: &Watch<'_>, shown: &request::Shown, exchange: &Exchange) -> Result<(), Denied> {
    if let Some(stop) = watch.stop() {
        return Err(stop);
    }
    // Files are long: their front was judged. What is all parameters must be judged to its end.
    let files = exchange.view.header("content-type").is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/")
    });
    if shown.cut && !files && watch.blocks() && watch.wants_body() {
        return Err(denied(
            413,
            RefusalCause::Limit,
            "the body is too large to be inspected; raise the limit, or set its module to detect",
        ));
    }
    Ok(())
}

fn inspect(exchange: &Exchange) -> Vec<hudun_core::Signal> {
    exchange
        .gateway
        .inspectors
        .iter()
        .flat_map(|inspector| inspector.inspect(&exchange.view))
        .collect()
}

/// Judges the request by the policy, and counts it against its limits.
fn judge(exchange: &mut Exchange) -> Result<(), Denied> {
    let now = Timestamp::now();
    let mut decision = exchange.policy.decide_request(&exchange.facts(), now);
    let gateway = Arc::clone(&exchange.gateway);
    gateway.metrics.patch(&decision.observed, &decision.acted);
    if let Some(denied) = decision.denied.take() {
        if denied.refusal.patch.is_some() {
            let acted: Vec<_> = denied.refusal.patch.into_iter().collect();
            gateway.metrics.patch(&[], &acted);
        }
        return Err(denied);
    }
    for throttle in &decision.throttles {
        let name = exchange.actor.name();
        let (verdict, forgotten) =
            gateway
                .throttles
                .take(throttle.restriction, &name, throttle.per_minute, now);
        gateway
            .metrics
            .lose(hudun_core::LossReason::StateEvicted, forgotten as u64);
        if let Verdict::Wait(seconds) = verdict {
            let cause = match throttle.restriction {
                Some(_) => RefusalCause::Isolation,
                None => RefusalCause::Limit,
            };
            let mut refused = denied(429, cause, throttle.reason.clone());
            refused.refusal.restriction = throttle.restriction;
            refused.retry_after = Some(seconds);
            return Err(refused);
        }
    }
    exchange.decision = decision;
    Ok(())
}

#[allow(clippy::too_many_arguments)]
fn unread(
    gateway: &Arc<Gateway>,
    conn: &Arc<Conn>,
    busy: Busy,
    (id, at, signals): (ExchangeId, Timestamp, Vec<hudun_core::Signal>),
    ip: std::net::IpAddr,
    method: &str,
    html: bool,
    denied: &Denied,
) -> Response<ClientBody> {
    let (Ok(module), Ok(route)) = (OTHER.parse(), OTHER.parse()) else {
        unreachable!("`other` is a name")
    };
    let head = ExchangeHead {
        id,
        at,
        tenant: gateway.config.tenant.clone(),
        actor: Actor::unknown(ip),
        module,
        route,
        method: method.to_owned(),
        path: "/".to_owned(),
        export: false,
        login: false,
        signals,
        drill: None,
        touched: Vec::new(),
        rtt_ms: None,
        about: None,
        push: None,
    };
    refuse_unread(gateway, conn, busy, head, html, denied)
}
