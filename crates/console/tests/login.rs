//! Signing in: steps, replay, throttling, ends of sessions, what goes on the ledger and what never does.

mod support;

use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use http::{Request, StatusCode, header};
use hudun_console::Settings;
use hudun_console::api::Role;
use hudun_core::Timestamp;
use serde_json::json;

use support::{House, PASSWORD, SECRET, code_at};

fn strict() -> Settings {
    Settings {
        secure_cookie: true,
        ..Settings::default()
    }
}

#[tokio::test]
async fn password_then_code_then_in_and_the_code_counts_once() {
    let house = House::with(strict());
    house
        .open("li.lei", &[Role::Commander], false, Some(SECRET))
        .await;
    let mut first = house.sign_in("Li.Lei").await;
    assert_eq!(first.get("/api/auth/me").await.1["next"], "code");
    let before = first.cookie.clone();
    let code = code_at(Timestamp::now());
    let (status, body) = first.post("/api/auth/code", json!({ "code": code })).await;
    assert_eq!(
        (status, &body["next"]),
        (StatusCode::OK, &json!("done")),
        "{body}"
    );
    assert_ne!(first.cookie, before, "a new token after the step");
    assert_eq!(first.get("/api/overview").await.0, StatusCode::OK);

    let mut old = house.client();
    old.cookie = before;
    assert_eq!(
        old.get("/api/auth/me").await.0,
        StatusCode::UNAUTHORIZED,
        "the token of before the step is worth nothing"
    );

    let mut thief = house.sign_in("li.lei").await;
    let (status, body) = thief.post("/api/auth/code", json!({ "code": code })).await;
    assert_eq!(
        (status, &body["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("code")),
        "the same code again"
    );
    let kinds = house.book.kinds();
    assert!(kinds.contains(&("li.lei".to_owned(), "console.login".to_owned())));
    assert!(kinds.contains(&("li.lei".to_owned(), "console.login-failed".to_owned())));
}

#[tokio::test]
async fn a_new_person_enrols_changes_the_password_and_is_in() {
    let house = House::with(strict());
    house.open("han.mei", &[Role::Legal], true, None).await;
    let mut client = house.sign_in("han.mei").await;
    assert_eq!(client.get("/api/auth/me").await.1["next"], "enrol");
    let (_, secret) = client.post("/api/auth/enrol", json!(null)).await;
    assert!(secret["svg"].as_str().unwrap().starts_with("<svg "));
    let base32 = secret["secret"].as_str().unwrap().to_owned();
    let totp = totp_rs::Builder::new()
        .with_secret(totp_rs::Secret::try_from_base32(&base32).unwrap())
        .with_account_name("x")
        .build()
        .unwrap();
    let now = u64::try_from(Timestamp::now().as_millis() / 1000).unwrap();
    let (_, body) = client
        .post(
            "/api/auth/enrol/confirm",
            json!({ "code": totp.generate(now).to_string() }),
        )
        .await;
    assert_eq!(body["next"], "password", "{body}");
    assert_eq!(client.get("/api/overview").await.1["code"], "unfinished");
    let change = |new: &str| json!({ "old": PASSWORD, "new": new });
    for (bad, field) in [
        ("short", "new"),
        (PASSWORD, "new"),
        ("my-name-is-han.mei", "new"),
    ] {
        let (status, body) = client.post("/api/auth/password", change(bad)).await;
        assert_eq!(
            (status, &body["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{bad}"
        );
    }
    let (_, body) = client
        .post("/api/auth/password", change("a quiet lake in autumn"))
        .await;
    assert_eq!(body["next"], "done", "{body}");
    assert_eq!(client.get("/api/overview").await.0, StatusCode::OK);
    // A second authenticator can't be put over the first.
    assert_eq!(
        client.post("/api/auth/enrol", json!(null)).await.0,
        StatusCode::CONFLICT
    );
    let (status, _) = house
        .client()
        .post(
            "/api/auth/login",
            json!({ "account": "han.mei", "password": PASSWORD }),
        )
        .await;
    assert_eq!(
        status,
        StatusCode::UNAUTHORIZED,
        "the one-time password is spent"
    );
}

#[tokio::test]
async fn guessing_is_slowed_down_even_all_at_once() {
    let house = House::new();
    house.account("li.lei", &[Role::Commander]).await;
    let guess = |n: usize| {
        let house = &house;
        async move {
            let body = json!({ "account": "li.lei", "password": format!("guess {n}") });
            house.client().post("/api/auth/login", body).await
        }
    };
    let answers = futures_util::future::join_all((0..20).map(guess)).await;
    let tried = answers
        .iter()
        .filter(|(status, _)| *status == StatusCode::UNAUTHORIZED)
        .count();
    assert_eq!(
        tried, 5,
        "five guesses are checked, the rest is refused unseen"
    );
    let (status, body) = house
        .client()
        .post(
            "/api/auth/login",
            json!({ "account": "li.lei", "password": PASSWORD }),
        )
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("throttled"))
    );
}

static NOW: AtomicI64 = AtomicI64::new(1_800_000_000_000);

#[tokio::test]
async fn sessions_end_when_idle_and_in_any_case() {
    let settings = Settings {
        idle_minutes: 60,
        absolute_minutes: 180,
        second_step_required: false,
        clock: || Timestamp::from_millis(NOW.load(Ordering::SeqCst)),
        ..Settings::default()
    };
    let pass = |minutes: i64| NOW.fetch_add(minutes * 60_000, Ordering::SeqCst);
    let house = House::with(settings);
    let mut idle = house.signed_in("idle.one", &[Role::It]).await;
    let mut busy = house.signed_in("busy.one", &[Role::It]).await;
    for _ in 0..3 {
        pass(50);
        assert_eq!(busy.get("/api/auth/me").await.0, StatusCode::OK);
    }
    assert_eq!(idle.get("/api/auth/me").await.0, StatusCode::UNAUTHORIZED);
    pass(31);
    assert_eq!(
        busy.get("/api/auth/me").await.0,
        StatusCode::UNAUTHORIZED,
        "three hours are over"
    );
}

#[tokio::test]
async fn shutting_an_account_ends_its_sessions_at_once() {
    let house = House::new();
    let mut admin = house.signed_in("admin", &[Role::Admin]).await;
    let mut client = house.signed_in("li.lei", &[Role::Commander]).await;
    assert_eq!(
        admin
            .post("/api/accounts/admin/disabled", json!({ "disabled": true }))
            .await
            .0,
        StatusCode::CONFLICT
    );
    assert_eq!(
        admin
            .post("/api/accounts/li.lei/disabled", json!({ "disabled": true }))
            .await
            .0,
        StatusCode::OK
    );
    assert_eq!(client.get("/api/auth/me").await.0, StatusCode::UNAUTHORIZED);
    let login = json!({ "account": "li.lei", "password": PASSWORD });
    assert_eq!(
        house.client().post("/api/auth/login", login).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn the_cookie_is_strict_and_no_secret_reaches_the_ledger_or_the_account_list() {
    let house = House::with(strict());
    house
        .open("li.lei", &[Role::Admin], false, Some(SECRET))
        .await;
    let body = json!({ "account": "li.lei", "password": PASSWORD }).to_string();
    let request = Request::post("/api/auth/login")
        .header("x-hudun-request", "1")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .unwrap();
    let mut client = house.client();
    let response = client.raw(request).await;
    let cookie = response.headers()[header::SET_COOKIE]
        .to_str()
        .unwrap()
        .to_owned();
    for word in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(
        policy.contains("script-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    client
        .post(
            "/api/auth/code",
            json!({ "code": code_at(Timestamp::now()) }),
        )
        .await;
    let (_, accounts) = client.get("/api/accounts").await;
    house
        .client()
        .post(
            "/api/auth/login",
            json!({ "account": "my secret password", "password": "x" }),
        )
        .await;
    let token = client.cookie.clone().unwrap();
    let token = token.split('=').nth(1).unwrap();
    let ledger = serde_json::to_string(&*house.book.entries.lock().unwrap()).unwrap();
    for secret in [PASSWORD, SECRET, token, "my secret password", "argon2"] {
        assert!(!ledger.contains(secret), "{secret} on the ledger");
        assert!(
            !accounts.to_string().contains(secret),
            "{secret} in the list"
        );
    }
    let printed = format!(
        "{:?}",
        hudun_console::AccountRecord {
            account: "a".to_owned(),
            name: String::new(),
            roles: Vec::new(),
            password_hash: "argon2".to_owned(),
            totp_secret: Some(SECRET.to_owned()),
            totp_pending: None,
            must_change: false,
            disabled: false,
            last_login: None,
        }
    );
    assert!(!printed.contains(SECRET) && !printed.contains("argon2"));
}
