//! HTML pages, rendered on the server from the same functions as the API, under the same policy.
//!
//! Chinese by default; `?lang=en` switches and is remembered.

mod layout;
mod views;

use axum::{
    Router,
    extract::{FromRequestParts, State},
    http::{header, request::Parts},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use maud::Markup;
use serde::Deserialize;

use self::layout::Lang;
use crate::{
    app::App,
    error::ApiError,
    http::{Actor, Id, Page, Params},
    modules::{
        admin, chat,
        customer::{self, Filter},
        export, order,
    },
    policy::{Action, Role, decide},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/customers") }))
        .route("/login", get(login))
        .route("/customers", get(customers))
        .route("/customers/{id}", get(one_customer))
        .route("/orders", get(orders))
        .route("/chat", get(chats))
        .route("/exports", get(exports))
        .route("/admin", get(staff))
        .layer(middleware::from_fn(layout::remember_language))
        .route(
            "/static/app.js",
            get(|| {
                file(
                    "text/javascript; charset=utf-8",
                    include_str!("assets/app.js"),
                )
            }),
        )
        .route(
            "/static/style.css",
            get(|| file("text/css; charset=utf-8", include_str!("assets/style.css"))),
        )
}

async fn login(State(app): State<App>, lang: Lang) -> Markup {
    views::login(lang, app.drill.is_on())
}

async fn customers(
    State(app): State<App>,
    lang: Lang,
    Visitor(actor): Visitor,
    Params(filter): Params<Filter>,
    Params(page): Params<Page>,
) -> Result<Markup, PageError> {
    actor.note("customer.list", Vec::new());
    let grant = decide(&actor, Action::CustomerRead)?;
    let listed = customer::search(&app, grant, &filter, page, None).await?;
    actor.note("customer.list", listed.items.iter().map(|c| c.id).collect());
    Ok(views::customers(
        lang,
        &actor,
        app.drill.is_on(),
        &filter,
        &listed,
    ))
}

async fn one_customer(
    State(app): State<App>,
    lang: Lang,
    Visitor(actor): Visitor,
    Id(id): Id,
) -> Result<Markup, PageError> {
    let customer = customer::one(&app, &actor, id).await?;
    actor.note("customer.read", vec![id]);
    Ok(views::customer(lang, &actor, app.drill.is_on(), &customer))
}

async fn orders(
    State(app): State<App>,
    lang: Lang,
    Visitor(actor): Visitor,
    Params(of): Params<order::Of>,
    Params(page): Params<Page>,
) -> Result<Markup, PageError> {
    let listed = order::orders(&app, &actor, of, page).await?;
    Ok(views::orders(lang, &actor, app.drill.is_on(), of, &listed))
}

/// Without a customer the page asks for one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WhichChat {
    customer_id: Option<i64>,
    case: String,
}

async fn chats(
    State(app): State<App>,
    lang: Lang,
    Visitor(actor): Visitor,
    Params(which): Params<WhichChat>,
    Params(page): Params<Page>,
) -> Result<Markup, PageError> {
    let action = if actor.role == Role::Compliance {
        Action::ChatForCase
    } else {
        Action::ChatRead
    };
    decide(&actor, action)?;
    let Some(customer_id) = which.customer_id else {
        return Ok(views::ask_for_chat(lang, &actor, app.drill.is_on()));
    };
    let of = chat::Of {
        customer_id,
        case: which.case,
    };
    let listed = chat::messages(&app, &actor, &of, page).await?;
    Ok(views::chat(lang, &actor, app.drill.is_on(), &of, &listed))
}

async fn exports(
    State(app): State<App>,
    lang: Lang,
    Visitor(actor): Visitor,
) -> Result<Markup, PageError> {
    actor.note("export.list", Vec::new());
    let items = export::visible(&app, &actor).await?;
    Ok(views::exports(lang, &actor, app.drill.is_on(), &items))
}

async fn staff(
    State(app): State<App>,
    lang: Lang,
    Visitor(actor): Visitor,
) -> Result<Markup, PageError> {
    actor.note("staff.list", Vec::new());
    let items = admin::staff(&app, &actor).await?;
    Ok(views::staff(lang, &actor, app.drill.is_on(), &items))
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "public, max-age=3600"),
        ],
        text,
    )
}

/// An actor on a page: whoever is not logged in is sent to the log-in page instead of getting JSON.
struct Visitor(Actor);

impl FromRequestParts<App> for Visitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        Ok(Self(Actor::from_request_parts(parts, app).await?))
    }
}

/// An error as a page.
struct PageError(ApiError);

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if matches!(self.0, ApiError::Unauthenticated) {
            return Redirect::to("/login").into_response();
        }
        let status = self.0.status();
        let (_, zh, en) = self.0.words();
        let page = views::error(zh, en);
        self.0.log();
        (status, page).into_response()
    }
}
