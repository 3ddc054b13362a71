//! A console on a desk that answers from memory, and a client that speaks to it without a network.

// Helpers of tests: each binary uses some of them, and a failure in them is a failed test.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod desk;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hudun_console::api::Role;
use hudun_console::{Accounts, Console, Live, MemoryUsers, OpenAccount, Settings};
use hudun_core::{LedgerDraft, RecordError, Recorder, Timestamp};
use serde_json::Value;
use tower::ServiceExt;

use desk::TestDesk;

/// The password of every account of the tests.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// The authenticator of every account of the tests that has one.
pub(crate) const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

#[derive(Default)]
pub(crate) struct Book {
    pub(crate) entries: Mutex<Vec<LedgerDraft>>,
}

impl Recorder for Book {
    fn record(&self, draft: LedgerDraft) -> Result<u64, RecordError> {
        let mut entries = self.entries.lock().unwrap();
        entries.push(draft);
        Ok(entries.len() as u64)
    }
}

impl Book {
    pub(crate) fn kinds(&self) -> Vec<(String, String)> {
        self.entries
            .lock()
            .unwrap()
            .iter()
            .map(|entry| (entry.by.clone(), entry.kind.clone()))
            .collect()
    }
}

pub(crate) struct House {
    pub(crate) router: Router,
    pub(crate) desk: Arc<TestDesk>,
    pub(crate) book: Arc<Book>,
    pub(crate) accounts: Accounts,
    pub(crate) live: Live,
}

impl House {
    pub(crate) fn with(settings: Settings) -> Self {
        let live = Live::new();
        let desk = Arc::new(TestDesk::new(live.clone()));
        let book = Arc::new(Book::default());
        let accounts = Accounts::new(Arc::new(MemoryUsers::default())).unwrap();
        let console = Console {
            desk: Arc::clone(&desk) as Arc<dyn hudun_console::Desk>,
            accounts: accounts.clone(),
            recorder: Arc::clone(&book) as Arc<dyn Recorder>,
            live: live.clone(),
            settings,
        };
        Self {
            router: console.router(),
            desk,
            book,
            accounts,
            live,
        }
    }

    /// A console whose second step is optional, so that most tests sign in by password alone.
    pub(crate) fn new() -> Self {
        Self::with(Settings {
            second_step_required: false,
            secure_cookie: false,
            ..Settings::default()
        })
    }

    pub(crate) async fn account(&self, account: &str, roles: &[Role]) {
        self.open(account, roles, false, None).await;
    }

    pub(crate) async fn open(
        &self,
        account: &str,
        roles: &[Role],
        must_change: bool,
        totp_secret: Option<&str>,
    ) {
        self.accounts
            .open(OpenAccount {
                account: account.to_owned(),
                name: account.to_owned(),
                roles: roles.to_vec(),
                password: Some(PASSWORD.to_owned()),
                must_change,
                totp_secret: totp_secret.map(str::to_owned),
            })
            .await
            .unwrap();
    }

    /// Signs in by password and returns the cookie.
    pub(crate) async fn sign_in(&self, account: &str) -> Client<'_> {
        let mut client = self.client();
        let (status, body) = client
            .post(
                "/api/auth/login",
                serde_json::json!({ "account": account, "password": PASSWORD }),
            )
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        client
    }

    pub(crate) async fn signed_in(&self, account: &str, roles: &[Role]) -> Client<'_> {
        self.account(account, roles).await;
        self.sign_in(account).await
    }

    pub(crate) fn client(&self) -> Client<'_> {
        Client {
            house: self,
            cookie: None,
        }
    }
}

pub(crate) struct Client<'a> {
    pub(crate) house: &'a House,
    pub(crate) cookie: Option<String>,
}

impl Client<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::post(path)
            .header("x-hudun-request", "1")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn send(&mut self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.raw(request).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    /// Sends with the cookie, keeps a cookie that comes back.
    pub(crate) async fn raw(&mut self, mut request: Request<Body>) -> Response<Body> {
        if let Some(cookie) = &self.cookie {
            request
                .headers_mut()
                .insert(header::COOKIE, cookie.parse().unwrap());
        }
        let response = self.house.router.clone().oneshot(request).await.unwrap();
        if let Some(set) = response.headers().get(header::SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(pair.to_owned());
        }
        response
    }
}

/// The six digits of [`SECRET`] at this moment.
pub(crate) fn code_at(at: Timestamp) -> String {
    let secret = totp_rs::Secret::try_from_base32(SECRET).unwrap();
    let totp = totp_rs::Builder::new()
        .with_secret(secret)
        .with_account_name("x")
        .build()
        .unwrap();
    totp.generate(u64::try_from(at.as_millis() / 1000).unwrap())
        .to_string()
}
