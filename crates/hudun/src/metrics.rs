//! Metrics, health and readiness of the process itself.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use hudun_gateway::Gateway;

use crate::bounces::BounceCounts;
use crate::office::Office;
use crate::pump::Watch;

#[derive(Clone)]
struct Told {
    office: Arc<Office>,
    gateway: Arc<Gateway>,
    watch: Watch,
    page: Option<Arc<hudun_affected::Counts>>,
    bounces: Option<Arc<BounceCounts>>,
}

/// `/metrics` (Prometheus text), `/healthz` (the process lives) and `/readyz` (it can do its work).
/// `page`: what the public page for affected persons counts, where there is one; `bounces`: what came of mail that came back.
pub fn router(
    office: &Arc<Office>,
    gateway: &Arc<Gateway>,
    watch: &Watch,
    page: Option<Arc<hudun_affected::Counts>>,
    bounces: Option<Arc<BounceCounts>>,
) -> Router {
    let told = Told {
        office: Arc::clone(office),
        gateway: Arc::clone(gateway),
        watch: watch.clone(),
        page,
        bounces,
    };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(told)
}

async fn metrics(State(told): State<Told>) -> impl IntoResponse {
    let mut text = told.gateway.metrics().render();
    let tail = told.office.lake.stats().tail_bytes;
    text.push_str(&format!(
        "# HELP hudun_monitor_state_evicted_total States of the monitor dropped because a quota was full.\n\
         # TYPE hudun_monitor_state_evicted_total counter\nhudun_monitor_state_evicted_total {}\n\
         # HELP hudun_policy_revision Revision of the policy in force.\n\
         # TYPE hudun_policy_revision gauge\nhudun_policy_revision {}\n\
         # HELP hudun_lake_tail_bytes Memory of the hot tail.\n\
         # TYPE hudun_lake_tail_bytes gauge\nhudun_lake_tail_bytes {tail}\n",
        told.watch.evicted(),
        told.office.bus.current().revision,
    ));
    let rules = told.watch.rule_counts();
    text.push_str(&format!(
        "# HELP hudun_detection_events_total Events that the detection rules were asked about.\n\
         # TYPE hudun_detection_events_total counter\nhudun_detection_events_total {}\n\
         # HELP hudun_detection_rules_refused_total Changed rule sets that were faulty and not put in force.\n\
         # TYPE hudun_detection_rules_refused_total counter\nhudun_detection_rules_refused_total {}\n\
         # HELP hudun_detection_matches_total Matches of detection rules.\n\
         # TYPE hudun_detection_matches_total counter\n",
        rules.events, rules.refused,
    ));
    for (rule, count) in &rules.matches {
        text.push_str(&format!(
            "hudun_detection_matches_total{{rule={rule:?}}} {count}\n"
        ));
    }
    if let Some(waf) = told.gateway.waf() {
        let rules = waf.current();
        text.push_str(&format!(
            "# HELP hudun_inspection_requests_total Requests judged by the rules of the inspection.\n\
             # TYPE hudun_inspection_requests_total counter\nhudun_inspection_requests_total {}\n\
             # HELP hudun_inspection_stopped_total Requests that the rules stopped, or would have where they only detect.\n\
             # TYPE hudun_inspection_stopped_total counter\nhudun_inspection_stopped_total {}\n\
             # HELP hudun_inspection_microseconds_total Time that the engine took.\n\
             # TYPE hudun_inspection_microseconds_total counter\nhudun_inspection_microseconds_total {}\n\
             # HELP hudun_inspection_rules Rules in force.\n\
             # TYPE hudun_inspection_rules gauge\nhudun_inspection_rules {}\n\
             # HELP hudun_inspection_version Number of the set in force; it grows with each swap.\n\
             # TYPE hudun_inspection_version gauge\nhudun_inspection_version {}\n",
            waf.inspected.get(),
            waf.stopped.get(),
            waf.micros.get(),
            rules.rules.len(),
            rules.version,
        ));
        if let Some(audit) = waf.audit() {
            text.push_str(&format!(
                "# HELP hudun_inspection_audit_lost_total Records that the audit log could not take.\n\
                 # TYPE hudun_inspection_audit_lost_total counter\nhudun_inspection_audit_lost_total {}\n",
                audit.lost.get(),
            ));
        }
    }
    if let Some(page) = &told.page {
        text.push_str(
            "# HELP hudun_affected_total What happened on the public page for affected persons.\n\
             # TYPE hudun_affected_total counter\n",
        );
        for (what, count) in page.all() {
            text.push_str(&format!("hudun_affected_total{{what={what:?}}} {count}\n"));
        }
    }
    if let Some(bounces) = &told.bounces {
        text.push_str(
            "# HELP hudun_bounces_total What came of mail that came back.\n\
             # TYPE hudun_bounces_total counter\n",
        );
        for (what, count) in bounces.all() {
            text.push_str(&format!("hudun_bounces_total{{what={what:?}}} {count}\n"));
        }
    }
    ([("content-type", "text/plain; version=0.0.4")], text)
}

async fn ready(State(told): State<Told>) -> impl IntoResponse {
    let upstream = told.gateway.health().upstream;
    let journal = !told.office.lake.journal().metrics().is_failing();
    let store = told.office.cases.newest(1).await.is_ok();
    let body = format!("scrm {upstream}\njournal {journal}\nstore {store}\n");
    let status = if upstream && journal && store {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, body)
}
