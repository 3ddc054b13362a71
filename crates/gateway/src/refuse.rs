//! What a client reads when Hudun refuses.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use hudun_core::{ExchangeId, RefusalCause};
use hudun_policy::Denied;
use hudun_profile::{CarrierKind, CarrierPlace, Profile};

/// A page (or a JSON object) with the sentence and a reference that a support person can look up. Nothing in it tells
/// an attacker how the refusal came about beyond the sentence of the restriction.
pub(crate) fn page(
    denied: &Denied,
    exchange: ExchangeId,
    wants_html: bool,
    profile: &Profile,
) -> Response<Bytes> {
    let (zh, en) = sentence(denied);
    // Which rule it was is for the record: an attacker would try the next spelling.
    let reason = match denied.refusal.cause {
        RefusalCause::Inspection => "",
        _ => denied.refusal.reason.as_str(),
    };
    let (kind, body) = if wants_html {
        ("text/html; charset=utf-8", html(zh, en, reason, exchange))
    } else {
        let body = serde_json::json!({
            "error": cause(denied.refusal.cause),
            "message": zh,
            "message_en": en,
            "reason": reason,
            "reference": exchange.to_string(),
        });
        ("application/json; charset=utf-8", body.to_string())
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() =
        StatusCode::from_u16(denied.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    if let Some(seconds) = denied.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if denied.clear_session {
        for carrier in &profile.carriers {
            if let (CarrierKind::Session, CarrierPlace::Cookie(name)) =
                (carrier.kind, &carrier.place)
                && !name.contains('*')
                && let Ok(value) = HeaderValue::from_str(&format!(
                    "{name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
                ))
            {
                headers.append(header::SET_COOKIE, value);
            }
        }
    }
    response
}

const fn cause(cause: RefusalCause) -> &'static str {
    match cause {
        RefusalCause::Isolation => "isolated",
        RefusalCause::Revocation => "revoked",
        RefusalCause::Access => "forbidden",
        RefusalCause::Patch => "blocked",
        RefusalCause::Limit => "limited",
        RefusalCause::Protocol => "malformed",
        RefusalCause::Upstream => "unavailable",
        RefusalCause::Accounting => "not-recorded",
        RefusalCause::Inspection => "blocked",
    }
}

const fn sentence(denied: &Denied) -> (&'static str, &'static str) {
    match (denied.refusal.cause, denied.status) {
        (RefusalCause::Isolation, 401) => (
            "请重新登录后再使用这项功能。",
            "Please log in again to use this function.",
        ),
        (RefusalCause::Isolation, _) => (
            "这项功能因安全原因暂停使用，其他功能不受影响。",
            "This function is paused for security reasons; others are not affected.",
        ),
        (RefusalCause::Revocation, 401) => (
            "您的登录已被安全人员终止，请重新登录。",
            "Your session was ended by the security team. Please log in again.",
        ),
        (RefusalCause::Revocation, _) => (
            "该账号或地址已被停用，请联系安全人员。",
            "This account or address is suspended. Please contact the security team.",
        ),
        (RefusalCause::Access, _) => (
            "您的角色无权使用这项功能。",
            "Your role may not use this function.",
        ),
        (RefusalCause::Patch, _) => (
            "请求被安全补丁拦下。如属正常操作，请把下面的编号告诉管理员。",
            "A hot patch blocked this request. If it was ordinary work, give the reference below to your administrator.",
        ),
        (RefusalCause::Inspection, _) => (
            "请求内容疑似攻击，已被拦截。如属正常操作，请把下面的编号告诉管理员。",
            "The request looks like an attack and was stopped. If it was ordinary work, give the reference below to your administrator.",
        ),
        (RefusalCause::Limit, _) => (
            "请求超出限制，请稍后再试。",
            "The request exceeds a limit. Please try again later.",
        ),
        (RefusalCause::Protocol, _) => (
            "请求格式有误，未予处理。",
            "The request is malformed and was not processed.",
        ),
        (RefusalCause::Upstream, _) => (
            "系统暂时无法访问，请稍后再试。",
            "The system can't be reached. Please try again later.",
        ),
        (RefusalCause::Accounting, _) => (
            "访问记录暂时无法保存，为保护客户资料，这项功能暂停。",
            "Access can't be recorded at the moment; to protect customer data, this function is paused.",
        ),
    }
}

fn html(zh: &str, en: &str, reason: &str, exchange: ExchangeId) -> String {
    format!(
        "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>{zh}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><body style=\"font-family:sans-serif;max-width:36em;margin:4em auto;padding:0 1em\">\
         <h1 style=\"font-size:1.3em\">{zh}</h1><p>{}</p><p lang=\"en\">{en}</p><p><small>编号 Reference: <code>{exchange}</code></small></p>",
        escape(reason)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_can_not_break_out_of_the_page() {
        assert!(!html("a", "b", "<script>", ExchangeId::new()).contains("<script>"));
    }
}
