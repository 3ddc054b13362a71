//! The web app out of the binary.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::server::headers::Nonce;
use crate::server::refusal::Refusal;

include!(concat!(env!("OUT_DIR"), "/web.rs"));

/// A file of the web app.
struct File {
    path: &'static str,
    bytes: &'static [u8],
    brotli: Option<&'static [u8]>,
}

/// What stands in the page where the answer's nonce belongs.
const NONCE_PLACE: &str = "__HUDUN_NONCE__";

/// Serves a file, or the page itself for every address that the app routes on its own.
pub(crate) async fn serve(request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Refusal::not_found().into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    match FILES
        .iter()
        .find(|file| file.path == path && path != "index.html")
    {
        Some(file) => asset(file, request.headers()),
        // A missing file must not look like a page: the browser would take HTML for a script.
        None if path.starts_with("assets/") => Refusal::not_found().into_response(),
        None => page(&request),
    }
}

fn asset(file: &File, headers: &HeaderMap) -> Response {
    let mut response = match file.brotli.filter(|_| takes_brotli(headers)) {
        Some(bytes) => ([(header::CONTENT_ENCODING, "br")], bytes).into_response(),
        None => file.bytes.into_response(),
    };
    let answer = response.headers_mut();
    answer.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(file.path)),
    );
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // Files below assets/ carry the hash of their content in their names.
    let cache = if file.path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=3600"
    };
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn page(request: &Request) -> Response {
    let nonce = request
        .extensions()
        .get::<Nonce>()
        .map_or("", |nonce| nonce.0.as_str());
    let Some(index) = FILES.iter().find(|file| file.path == "index.html") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let html = String::from_utf8_lossy(index.bytes).replace(NONCE_PLACE, nonce);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, html).into_response()
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|coding| coding.trim() == "br"))
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
