//! The part of the page that any web server or object storage can host.
//!
//! It is the first page in both languages, with its forms led to the server that answers. A small script keeps the person
//! on the host's address; where no script runs, the same forms lead to the answering server's own pages. So there is one
//! set of pages and words, and the host needs no right and no secret.

use hudun_core::Lang;
use maud::{Markup, PreEscaped, html};

use crate::pages;

/// A file to be hosted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedFile {
    /// Its name; all lie in one folder.
    pub name: &'static str,
    /// What it holds.
    pub text: String,
}

/// The files, for answers from `api`, an [`origin`] of a [`crate::Page`]. `phones`: whether mobile numbers are taken there.
///
/// # Errors
/// [`OriginError`] when `api` is no origin.
pub fn hosted_files(api: &str, phones: bool) -> Result<Vec<HostedFile>, OriginError> {
    let api = origin(api)?;
    let file = |name, text| HostedFile { name, text };
    Ok(vec![
        file("index.html", first(&api, phones, Lang::Zh)),
        file("en.html", first(&api, phones, Lang::En)),
        file("style.css", include_str!("style.css").to_owned()),
        file("app.js", include_str!("app.js").to_owned()),
    ])
}

/// Reads an origin: scheme, host and port, as browsers write it (`https://notice.example.com`). Without TLS it must be
/// on this machine, for what is asked there is personal.
///
/// # Errors
/// [`OriginError`].
pub fn origin(text: &str) -> Result<String, OriginError> {
    let bad = || OriginError(text.chars().take(200).collect());
    let uri: http::Uri = text.trim().parse().map_err(|_| bad())?;
    let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or_else(bad)?;
    let host = authority.host().to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
    let at_home = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    let safe = scheme == "https" || (scheme == "http" && at_home);
    let bare = uri.path_and_query().is_none_or(|rest| rest.as_str() == "/");
    if !safe || !bare || host.is_empty() || !authority.as_str().chars().all(plain) {
        return Err(bad());
    }
    // Browsers leave the usual port out.
    let usual = if scheme == "https" { 443 } else { 80 };
    Ok(match authority.port_u16().filter(|port| *port != usual) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

/// That is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no origin; write it like https://notice.example.com, without a path (http:// only on this machine)"
)]
pub struct OriginError(String);

/// The first page as the server shows it, with its links led elsewhere.
fn first(api: &str, phones: bool, lang: Lang) -> String {
    let head = html! {
        meta http-equiv="Content-Security-Policy" content={
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src " (api) "; form-action " (api) "; base-uri 'none'"
        };
        meta name="referrer" content="no-referrer";
        meta name="hudun-api" content=(api);
        script src="app.js" defer {}
    };
    let page = pages::start(lang, phones, None).into_string();
    page.replace("\"/code?lang=", &format!("\"{api}/code?lang="))
        .replace("\"/style.css\"", "\"style.css\"")
        .replace("\"/?lang=zh-CN\"", "\"index.html\"")
        .replace("\"/?lang=en\"", "\"en.html\"")
        // A policy counts from where it stands, so that it stands first.
        .replace(
            "<meta charset=\"utf-8\">",
            &format!("<meta charset=\"utf-8\">{}", head.into_string()),
        )
        .replace(
            "</body>",
            &format!("{}</body>", unanswered(lang).into_string()),
        )
}

fn unanswered(lang: Lang) -> Markup {
    let text = match lang {
        Lang::Zh => "暂时连不上查询系统。您填写的内容还在，请过几分钟再试。",
        Lang::En => {
            "The system that answers can't be reached at the moment. What you typed is still here; please try again in a few minutes."
        }
    };
    html! { template #failed { p.alert.failed role="alert" { (PreEscaped(text)) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_browsers_write_it() {
        for (text, is) in [
            ("https://Notice.example.com", "https://notice.example.com"),
            (
                "https://notice.example.com:443/",
                "https://notice.example.com",
            ),
            (
                "https://notice.example.com:8443",
                "https://notice.example.com:8443",
            ),
            ("http://127.0.0.1:8093", "http://127.0.0.1:8093"),
            ("http://localhost:80", "http://localhost"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(is));
        }
        for text in [
            "",
            "*",
            "null",
            "notice.example.com",
            "http://notice.example.com",
            "https://notice.example.com/page",
            "https://notice.example.com?x",
            "https://user@notice.example.com",
            "https://a.example.com https://b.example.com",
            "https://a.example.com;script-src",
            "javascript://a",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn everything_leads_to_the_answering_server_or_to_the_folder() {
        for phones in [false, true] {
            for file in hosted_files("https://answers.example.com", phones).unwrap() {
                if file.name.ends_with(".html") {
                    assert!(!file.text.contains("=\"/"), "{}", file.name);
                    assert!(
                        file.text
                            .contains("action=\"https://answers.example.com/code?lang=")
                    );
                    assert!(
                        file.text
                            .contains("connect-src https://answers.example.com;")
                    );
                    assert!(
                        file.text.find("Content-Security-Policy") < file.text.find("style.css")
                    );
                    assert!(!file.text.contains("<script>") && !file.text.contains("style=\""));
                }
            }
        }
    }
}
