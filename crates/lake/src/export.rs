//! Exchanges in the words of OCSF, for an evidence pack or another tool.

use hudun_core::{Delivery, Exchange, ExchangeId};
use serde_json::{Value, json};

use crate::cold::delivery_name;
use crate::error::LakeError;
use crate::lake::Lake;

impl Lake {
    /// These exchanges as OCSF events of class HTTP Activity (4002), oldest first; what OCSF has no words for stands
    /// under `unmapped`.
    pub fn export(&self, ids: &[ExchangeId]) -> Result<Vec<Value>, LakeError> {
        let exchanges = self.fetch(ids)?;
        Ok(exchanges.iter().map(|exchange| event(exchange)).collect())
    }
}

fn event(exchange: &Exchange) -> Value {
    let (head, end) = (&exchange.head, exchange.end.as_ref());
    let activity = match head.method.as_str() {
        "CONNECT" => 1,
        "DELETE" => 2,
        "GET" => 3,
        "HEAD" => 4,
        "OPTIONS" => 5,
        "POST" => 6,
        "PUT" => 7,
        "TRACE" => 8,
        "PATCH" => 9,
        _ => 99,
    };
    let withheld = end.is_some_and(|end| end.delivery == Delivery::Withheld);
    let failed = end.is_some_and(|end| !end.success) || withheld;
    json!({
        "metadata": {
            "version": "1.6.0",
            "uid": head.id,
            "product": { "name": "Hudun", "vendor_name": "Hudun" },
        },
        "category_uid": 4,
        "class_uid": 4002,
        "activity_id": activity,
        "type_uid": 400_200 + activity,
        "severity_id": 1,
        "status_id": match end { None => 0, Some(_) if failed => 2, Some(_) => 1 },
        "time": head.at.as_millis(),
        "end_time": end.map(|end| end.at.as_millis()),
        "actor": {
            "user": { "uid": head.actor.account, "type": head.actor.role },
            "session": { "uid": head.actor.session },
        },
        "src_endpoint": { "ip": head.actor.ip },
        "http_request": {
            "http_method": head.method,
            "url": { "path": head.path },
            "user_agent": head.actor.agent,
            "length": end.map(|end| end.request_bytes),
        },
        "http_response": end.map(|end| json!({
            "code": end.status,
            "length": end.response_bytes,
            "latency": end.millis,
        })),
        "unmapped": {
            "tenant": head.tenant,
            "module": head.module,
            "route": head.route,
            "export": head.export,
            "login": head.login,
            "token": head.actor.token,
            "signals": head.signals,
            "drill": head.drill,
            "delivery": end.map(|end| delivery_name(end.delivery)),
            "refusal": end.and_then(|end| end.refusal.as_ref()),
            "releases": exchange.releases,
        },
    })
}
