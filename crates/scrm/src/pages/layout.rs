//! The frame around every page, and the language that it speaks.

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderValue, Uri, header, request::Parts},
    middleware::Next,
    response::Response,
};
use maud::{DOCTYPE, Markup, html};

use crate::{
    app::App,
    http::Actor,
    policy::{Action, decide},
};

/// Chinese or English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lang {
    Zh,
    En,
}

impl Lang {
    /// The sentence in this language.
    pub(super) const fn say<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    const fn tag(self) -> &'static str {
        self.say("zh-CN", "en")
    }
}

impl FromRequestParts<App> for Lang {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        let cookies = parts
            .headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let remembered = cookies
            .flat_map(|value| value.split(';'))
            .any(|pair| pair.trim() == "scrm_lang=en");
        Ok(asked(&parts.uri).unwrap_or(if remembered { Self::En } else { Self::Zh }))
    }
}

/// Keeps what `?lang=` asked for in a cookie.
pub(super) async fn remember_language(request: Request, next: Next) -> Response {
    let lang = asked(request.uri());
    let mut response = next.run(request).await;
    if let Some(lang) = lang {
        let cookie = match lang {
            Lang::Zh => "scrm_lang=zh; Path=/; Max-Age=31536000; SameSite=Lax",
            Lang::En => "scrm_lang=en; Path=/; Max-Age=31536000; SameSite=Lax",
        };
        response
            .headers_mut()
            .append(header::SET_COOKIE, HeaderValue::from_static(cookie));
    }
    response
}

/// A page; `actor` is absent before log-in.
pub(super) fn page(
    lang: Lang,
    title: &str,
    actor: Option<&Actor>,
    vulnerable: bool,
    body: &Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some(actor) = actor { meta name="csrf" content=(actor.csrf); }
                title { (title) " · SCRM" }
                link rel="stylesheet" href="/static/style.css";
                script src="/static/app.js" defer {}
            }
            body {
                @if vulnerable {
                    p.warning role="alert" {
                        (lang.say(
                            "演练模式：本系统故意开着三个漏洞，只放合成数据，切勿存入真实客户资料。",
                            "Drill mode: three holes are open on purpose. Synthetic data only; never put real customers in.",
                        ))
                    }
                }
                @if let Some(actor) = actor { (navigation(lang, actor)) }
                main {
                    h1 { (title) }
                    (body)
                    p #error role="status" {}
                }
            }
        }
    }
}

/// Only what the role may open.
fn navigation(lang: Lang, actor: &Actor) -> Markup {
    let places = [
        ("/customers", "客户", "Customers", Action::CustomerRead),
        ("/orders", "订单", "Orders", Action::OrderRead),
        ("/chat", "会话", "Chats", Action::ChatRead),
        ("/chat", "会话存档", "Chat archive", Action::ChatForCase),
        ("/exports", "导出", "Exports", Action::ExportSee),
        ("/admin", "员工与权限", "Staff", Action::StaffRead),
    ];
    html! {
        header {
            strong { "SCRM" }
            nav {
                @for (path, zh, en, action) in places {
                    @if decide(actor, action).is_ok() { a href=(path) { (lang.say(zh, en)) } " " }
                }
            }
            span.who {
                span data-field="display_name" { (actor.display_name) " (" (actor.account) ") " }
                a href=(lang.say("?lang=en", "?lang=zh")) { (lang.say("English", "中文")) } " "
                button data-call="/api/auth/logout" data-done="/login" { (lang.say("退出", "Log out")) }
            }
        }
    }
}

fn asked(uri: &Uri) -> Option<Lang> {
    uri.query()?.split('&').find_map(|pair| match pair {
        "lang=en" => Some(Lang::En),
        "lang=zh" => Some(Lang::Zh),
        _ => None,
    })
}
