//! `/api/openapi.json` and `/api/docs`: the contract for programs and for people, without a line of script.

use std::fmt::Write as _;

use axum::Extension;
use axum::response::{Html, IntoResponse, Response};
use http::header;
use hudun_console_api::endpoint::{Method, all};
use hudun_console_api::{Access, openapi};
use serde_json::Value;

use crate::server::headers::Nonce;
use crate::server::refusal::Refusal;

pub(crate) async fn document() -> Response {
    match openapi().to_pretty_json() {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => Refusal::internal(&error).into_response(),
    }
}

pub(crate) async fn no_such_endpoint() -> Refusal {
    Refusal::not_found()
}

pub(crate) async fn page(Extension(nonce): Extension<Nonce>) -> Response {
    let Ok(document) = serde_json::to_value(openapi()) else {
        return Refusal::internal(&"the OpenAPI document can't be written").into_response();
    };
    Html(render(&document, &nonce.0)).into_response()
}

fn render(document: &Value, nonce: &str) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Hudun API</title><style nonce=\"{nonce}\">{STYLE}</style>\
         <h1>护盾 Hudun API</h1><p>For programs: <a href=\"/api/openapi.json\">openapi.json</a>. Requests that change \
         something carry the header <code>X-Hudun-Request: 1</code>. Every answer from 400 to 599 is a \
         <a href=\"#Problem\">Problem</a>.</p>"
    );
    let mut tag = "";
    for endpoint in all() {
        if endpoint.tag != tag {
            tag = endpoint.tag;
            let _ = write!(html, "<h2>{tag}</h2>");
        }
        let (method, key) = match endpoint.method {
            Method::Get => ("GET", "get"),
            Method::Post => ("POST", "post"),
        };
        let operation = &document["paths"][endpoint.path][key];
        let _ = write!(
            html,
            "<section><h3><b class=\"{key}\">{method}</b> <code>{}</code></h3><p>{} <i>{}</i></p>",
            endpoint.path,
            escape(endpoint.summary),
            access(endpoint.access)
        );
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let place = parameter["in"].as_str().unwrap_or("");
            let name = parameter["name"].as_str().unwrap_or("");
            let _ = write!(
                html,
                "<p class=\"io\">{place} <code>{}</code></p>",
                escape(name)
            );
        }
        let takes = &operation["requestBody"]["content"]["application/json"]["schema"];
        let gives = operation["responses"]["200"]["content"]
            .as_object()
            .and_then(|content| content.values().next());
        for (word, schema) in [
            ("takes", Some(takes)),
            ("gives", gives.map(|content| &content["schema"])),
        ] {
            if let Some(name) = schema
                .and_then(|schema| schema["$ref"].as_str())
                .and_then(|r| r.rsplit('/').next())
            {
                let _ = write!(
                    html,
                    "<p class=\"io\">{word} <a href=\"#{name}\">{name}</a></p>"
                );
            }
        }
        html.push_str("</section>");
    }
    html.push_str("<h2>schemas</h2>");
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let json = serde_json::to_string_pretty(schema).unwrap_or_default();
        let _ = write!(
            html,
            "<details id=\"{name}\"><summary>{name}</summary><pre>{}</pre></details>",
            escape(&json)
        );
    }
    html
}

fn access(access: Access) -> String {
    match access {
        Access::Public => "anybody".to_owned(),
        Access::Signing => "a log-in in progress or finished".to_owned(),
        Access::SignedIn => "anybody signed in".to_owned(),
        Access::Roles(roles) => roles
            .iter()
            .map(|role| role.name())
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1f2328}section{border-top:1px solid #d0d7de;padding:.25rem 0}h3{margin:.5rem 0;font-size:1rem}p{margin:.25rem 0}\
i{color:#57606a;font-style:normal;font-size:.875rem}.io{font-size:.875rem}.get{color:#0550ae}.post{color:#8250df}\
pre{background:#f6f8fa;padding:1rem;overflow:auto}details{margin:.25rem 0}summary{cursor:pointer}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_endpoint_and_runs_no_script() {
        let html = render(&serde_json::to_value(openapi()).unwrap(), "n");
        for endpoint in all() {
            assert!(html.contains(endpoint.path), "{}", endpoint.path);
        }
        assert!(!html.contains("<script"));
        assert!(html.contains("href=\"#WarRoom\"") && html.contains("id=\"WarRoom\""));
    }
}
