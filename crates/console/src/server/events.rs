//! The live stream: server-sent events with numbers, resumed by `Last-Event-ID`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderValue, header};
use hudun_console_api::{Happening, LiveEvent, endpoint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::auth::Session;
use crate::server::App;
use crate::server::mount::{Call, Routes};
use crate::server::refusal::Refusal;

/// How often the server tells its clock and looks whether the viewer's session still stands.
const TICK: Duration = Duration::from_secs(15);

pub(crate) fn mount(routes: &mut Routes) {
    routes.raw(endpoint::EVENTS, events);
}

async fn events(call: Call, (): ()) -> Result<Response, Refusal> {
    let place = Arc::clone(&call.app.streams)
        .try_acquire_owned()
        .map_err(|_| {
            Refusal::unavailable(
                "实时连接数已满，请关闭不用的页面后刷新。",
                "Too many live connections; close pages that are not needed, then reload.",
            )
        })?;
    let session = call.session()?.clone();
    let follower = call.app.live.follow(call.last_event);
    let mut ready = VecDeque::new();
    match follower.missed {
        Some(missed) => ready.extend(missed),
        None => ready.push_back(reset(&call.app, follower.latest)),
    }
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let viewer = Viewer {
        app: call.app,
        session,
        ready,
        next: follower.next,
        ticks,
        _place: place,
    };
    let events = stream::unfold(viewer, |mut viewer| async move {
        let event = viewer.event().await?;
        Some((Ok::<_, Infallible>(event), viewer))
    });
    let mut response = Sse::new(events).into_response();
    // Proxies that buffer would hold the alert back.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-transform"),
    );
    Ok(response)
}

struct Viewer {
    app: Arc<App>,
    session: Session,
    ready: VecDeque<Arc<LiveEvent>>,
    next: Receiver<Arc<LiveEvent>>,
    ticks: Interval,
    _place: OwnedSemaphorePermit,
}

impl Viewer {
    /// The next event; none when the session has ended.
    async fn event(&mut self) -> Option<Event> {
        if let Some(event) = self.ready.pop_front() {
            return encode(&event, true);
        }
        tokio::select! {
            received = self.next.recv() => match received {
                Ok(event) => encode(&event, true),
                Err(RecvError::Closed) => None,
                Err(RecvError::Lagged(_)) => {
                    let follower = self.app.live.follow(None);
                    self.next = follower.next;
                    encode(&reset(&self.app, follower.latest), true)
                }
            },
            _ = self.ticks.tick() => {
                let now = self.app.now();
                if !self.app.sessions.stands(&self.session.record, now).await.unwrap_or(false) {
                    return None;
                }
                let clock = LiveEvent { id: 0, at: now, what: Happening::Clock };
                encode(&clock, false)
            }
        }
    }
}

fn reset(app: &App, latest: u64) -> Arc<LiveEvent> {
    Arc::new(LiveEvent {
        id: latest,
        at: app.now(),
        what: Happening::Reset,
    })
}

fn encode(event: &LiveEvent, numbered: bool) -> Option<Event> {
    let sent = Event::default()
        .json_data(event)
        .ok()?
        .retry(Duration::from_secs(1));
    Some(if numbered {
        sent.id(event.id.to_string())
    } else {
        sent
    })
}
