//! A running SCRM and people who talk to it.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{net::SocketAddr, path::Path};

use hudun_scrm::{
    Config, Error, Role, Scrm,
    seed::{SeedPlan, StaffCredential},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// Small enough for a test, large enough for pages.
pub(crate) fn plan() -> SeedPlan {
    SeedPlan {
        seed: 42,
        customers: 900,
        orders: 1_200,
        messages: 900,
    }
}

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    stop: oneshot::Sender<()>,
    done: JoinHandle<Result<(), Error>>,
}

impl Server {
    pub(crate) async fn start(dir: &Path, vulnerable: bool) -> Self {
        let mut config = Config::new(dir);
        config.vulnerable = vulnerable;
        config.seed = Some(plan());
        let scrm = Scrm::open(config).await.unwrap();
        let token = scrm.issue_integration_token("yunxi", "test").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let done = tokio::spawn(scrm.serve(listener, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            token,
            stop,
            done,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.done.await.unwrap().unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Logs in the `nth` person with that role.
    pub(crate) async fn login(&self, tenant: &str, role: Role, nth: usize) -> Person {
        let staff = plan().demo_staff();
        let who = staff
            .into_iter()
            .filter(|s| s.tenant == tenant && s.role == role)
            .nth(nth)
            .unwrap();
        self.login_as(&who).await
    }

    pub(crate) async fn login_as(&self, who: &StaffCredential) -> Person {
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .build()
            .unwrap();
        let ask = json!({"account": who.account, "password": who.password});
        let answer = client
            .post(self.url("/api/auth/login"))
            .json(&ask)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["role"], who.role.key());
        let csrf = answer["csrf"].as_str().unwrap().to_owned();
        Person {
            base: self.url(""),
            account: who.account.clone(),
            password: who.password.clone(),
            client,
            csrf,
        }
    }

    /// Hudun, with its token.
    pub(crate) fn hudun(&self, method: Method, path: &str) -> RequestBuilder {
        reqwest::Client::new()
            .request(method, self.url(path))
            .bearer_auth(&self.token)
    }
}

/// Someone who is logged in.
pub(crate) struct Person {
    pub(crate) base: String,
    pub(crate) account: String,
    pub(crate) password: String,
    pub(crate) client: reqwest::Client,
    pub(crate) csrf: String,
}

impl Person {
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .header("x-csrf-token", &self.csrf)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn status(&self, path: &str) -> StatusCode {
        self.get(path).await.status()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        self.ask(Method::POST, path)
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn post_ok(&self, path: &str, body: Value) -> Value {
        let answer = self.post(path, body).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Ids on the first page of `/api/customer?query`, and the total.
    pub(crate) async fn customers(&self, query: &[(&str, &str)]) -> (Vec<i64>, i64) {
        let answer = self
            .ask(Method::GET, "/api/customer")
            .query(query)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let page: Value = answer.json().await.unwrap();
        (ids(&page), page["total"].as_i64().unwrap())
    }
}

pub(crate) fn ids(page: &Value) -> Vec<i64> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["id"].as_i64().unwrap())
        .collect()
}
