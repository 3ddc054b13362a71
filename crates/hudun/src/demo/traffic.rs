//! Staff at work: some forty accounts doing ordinary things through the gateway.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hudun_scrm::Role;
use hudun_scrm::seed::StaffCredential;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What the staff met.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests sent.
    pub requests: AtomicU64,
    /// Answers with 5xx, no answer at all, or ordinary work stopped as an attack.
    pub errors: AtomicU64,
    /// Staff other than the suspect who were logged out or refused a log-in.
    pub logged_out: AtomicU64,
    /// Refusals by an isolation, which say so; no error, but work that had to wait.
    pub held_back: AtomicU64,
}

/// The pace of the work.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Shortest pause between two acts of one person.
    pub from: Duration,
    /// Longest pause.
    pub to: Duration,
}

/// Starts everybody; they stop when `stop` is cancelled.
pub fn start(
    gateway: &str,
    staff: Vec<StaffCredential>,
    pace: Pace,
    seed: u64,
    stop: &CancellationToken,
    tracker: &tokio_util::task::TaskTracker,
) -> Arc<Tally> {
    let tally = Arc::new(Tally::default());
    for (at, person) in staff.into_iter().enumerate() {
        if person.role == Role::Integration {
            continue;
        }
        let desk = Ipv4Addr::new(127, 0, 1, 10 + at as u8);
        let mut worker = Worker {
            base: gateway.to_owned(),
            person,
            desk: IpAddr::V4(desk),
            dice: StdRng::seed_from_u64(seed ^ (at as u64) << 8),
            pace,
            tally: Arc::clone(&tally),
            csrf: String::new(),
            customers: Vec::new(),
        };
        let stop = stop.clone();
        tracker.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = worker.work() => {}
            }
        });
    }
    tally
}

struct Worker {
    base: String,
    person: StaffCredential,
    desk: IpAddr,
    dice: StdRng,
    pace: Pace,
    tally: Arc<Tally>,
    csrf: String,
    customers: Vec<i64>,
}

impl Worker {
    async fn work(&mut self) {
        loop {
            let client = Client::builder()
                .local_address(self.desk)
                .cookie_store(true)
                .gzip(true)
                .no_proxy()
                .timeout(Duration::from_secs(30))
                .user_agent("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36")
                .build();
            let Ok(client) = client else { return };
            self.pause().await;
            if !self.log_in(&client).await {
                tokio::time::sleep(Duration::from_secs(5)).await;
                continue;
            }
            while self.act(&client).await {
                self.pause().await;
            }
        }
    }

    async fn log_in(&mut self, client: &Client) -> bool {
        let body = json!({ "account": self.person.account, "password": self.person.password });
        let Some((status, answer)) = self
            .send(client, Method::POST, "/api/auth/login", Some(body))
            .await
        else {
            return false;
        };
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            self.tally.logged_out.fetch_add(1, Ordering::Relaxed);
        }
        self.csrf = answer
            .get("csrf")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        status.is_success()
    }

    /// One act. Returns whether the session still lives.
    async fn act(&mut self, client: &Client) -> bool {
        let some = self.some_customer();
        let roll: u8 = self.dice.random_range(0..10);
        let (method, path, body) = match (self.person.role, roll, some) {
            (Role::Sales | Role::Manager, 0..=2, _) | (Role::Sales | Role::Manager, _, None) => {
                let page = self.dice.random_range(1..4);
                (
                    Method::GET,
                    format!("/api/customer?page={page}&size=20"),
                    None,
                )
            }
            (Role::Sales | Role::Manager, 3..=4, Some(id)) => {
                (Method::GET, format!("/api/customer/{id}"), None)
            }
            (Role::Sales | Role::Manager, 5, Some(id)) => {
                (Method::GET, format!("/customers/{id}"), None)
            }
            (Role::Sales | Role::Manager, 6, Some(id)) => {
                (Method::GET, format!("/api/order?customer_id={id}"), None)
            }
            (Role::Sales, 7, Some(id)) => {
                (Method::GET, format!("/api/chat?customer_id={id}"), None)
            }
            (Role::Sales, 8, Some(id)) => {
                let note = json!({ "customer_id": id, "text": "已电话回访，客户周末到店" });
                (Method::POST, "/api/follow".to_owned(), Some(note))
            }
            (Role::Service, 0..=6, _) => (Method::GET, "/api/ticket?page=1".to_owned(), None),
            (Role::Marketing, 0..=4, _) => (Method::GET, "/api/campaign".to_owned(), None),
            (Role::Admin, _, _) => (Method::GET, "/api/admin/staff".to_owned(), None),
            (_, 9, _) => (Method::GET, "/api/auth/me".to_owned(), None),
            _ => (Method::GET, "/api/stats".to_owned(), None),
        };
        let Some((status, answer)) = self.send(client, method, &path, body).await else {
            return true;
        };
        if let Some(items) = answer.get("items").and_then(Value::as_array)
            && path.starts_with("/api/customer?")
        {
            self.customers = items
                .iter()
                .filter_map(|item| item.get("id").and_then(Value::as_i64))
                .collect();
        }
        if status == StatusCode::UNAUTHORIZED {
            self.tally.logged_out.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        true
    }

    async fn send(
        &mut self,
        client: &Client,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Option<(StatusCode, Value)> {
        let mut request = client
            .request(method, format!("{}{path}", self.base))
            .header("x-csrf-token", &self.csrf);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.tally.requests.fetch_add(1, Ordering::Relaxed);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(account = self.person.account, path, %error, "a member of staff got no answer");
                self.tally.errors.fetch_add(1, Ordering::Relaxed);
                return None;
            }
        };
        let status = answer.status();
        if status.is_server_error() {
            tracing::warn!(account = self.person.account, path, %status, "a member of staff got an error");
            self.tally.errors.fetch_add(1, Ordering::Relaxed);
        }
        if answer.headers().contains_key("x-hudun-refused") {
            self.tally.held_back.fetch_add(1, Ordering::Relaxed);
        }
        let bytes = answer.bytes().await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        // Ordinary work that the inspection or a patch takes for an attack is an error of the guard.
        if status == StatusCode::FORBIDDEN
            && body.get("error").is_some_and(|error| error == "blocked")
        {
            tracing::warn!(
                account = self.person.account,
                path,
                "a member of staff was taken for an attacker"
            );
            self.tally.errors.fetch_add(1, Ordering::Relaxed);
        }
        Some((status, body))
    }

    fn some_customer(&mut self) -> Option<i64> {
        if self.customers.is_empty() {
            return None;
        }
        let at = self.dice.random_range(0..self.customers.len());
        self.customers.get(at).copied()
    }

    async fn pause(&mut self) {
        let pause = self.dice.random_range(self.pace.from..=self.pace.to);
        tokio::time::sleep(pause).await;
    }
}
