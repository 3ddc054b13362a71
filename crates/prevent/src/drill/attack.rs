//! The attacker's client.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hudun_core::{DrillId, Timestamp};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::drill::plan::Dice;
use crate::drill::{Loot, Move, Plan};

/// Refusals in a row after which the attacker gives up.
const GIVES_UP_AFTER: u32 = 12;
/// A page that the attacker reads at most, bytes.
const MOST_BODY: usize = 64 << 20;

/// An attacker with a stolen account of the bundled SCRM.
#[derive(Debug)]
pub struct Attack {
    client: Client,
    base: String,
    account: String,
    password: String,
    plan: Plan,
    drill: DrillId,
}

/// What one part of the attack came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// The part.
    pub part: Move,
    /// Requests sent.
    pub requests: u32,
    /// Requests answered with success.
    pub succeeded: u32,
    /// Requests refused.
    pub refused: u32,
    /// Customers new in the loot.
    pub customers: usize,
}

/// What the attack came to.
#[derive(Clone, Debug)]
pub struct AttackReport {
    /// What was really received of customers that are not the account's own, and of its own too: everything.
    pub loot: Loot,
    /// Customers of the loot that the account may see.
    pub own: BTreeSet<i64>,
    /// When the first request left.
    pub began_at: Timestamp,
    /// When the last answer came.
    pub ended_at: Timestamp,
    /// Part by part.
    pub steps: Vec<StepReport>,
    /// Whether the attacker gave up because nothing came through any more.
    pub shut_out: bool,
}

impl AttackReport {
    /// Customers received that are not the account's own.
    pub fn foreign(&self) -> usize {
        self.loot.ids().filter(|id| !self.own.contains(id)).count()
    }
}

impl Attack {
    /// Prepares an attack on `base` (such as `http://127.0.0.1:8080`) from the address `from`.
    ///
    /// # Errors
    /// [`AttackError::Client`] when no client can be built, [`AttackError::NotLoopback`] when the target is not on this
    /// machine: drills attack nothing else.
    pub fn new(
        base: &str,
        account: &str,
        password: &str,
        from: IpAddr,
        plan: Plan,
        drill: DrillId,
    ) -> Result<Self, AttackError> {
        let url =
            reqwest::Url::parse(base).map_err(|_| AttackError::NotLoopback(base.to_owned()))?;
        let local = url.host_str().is_some_and(|host| {
            host == "localhost"
                || host
                    .trim_matches(['[', ']'])
                    .parse::<IpAddr>()
                    .is_ok_and(|ip| ip.is_loopback())
        });
        if !local {
            return Err(AttackError::NotLoopback(base.to_owned()));
        }
        let client = Client::builder()
            .local_address(from)
            .cookie_store(true)
            .gzip(true)
            .brotli(true)
            .zstd(true)
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .user_agent(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
            )
            .build()
            .map_err(|cause| AttackError::Client(cause.to_string()))?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self {
            client,
            base,
            account: account.to_owned(),
            password: password.to_owned(),
            plan,
            drill,
        })
    }

    /// Runs the whole attack.
    ///
    /// # Errors
    /// [`AttackError::LoginRefused`] when the stolen account can't even log in, [`AttackError::Unreachable`] when
    /// nothing answers.
    pub async fn run(&self) -> Result<AttackReport, AttackError> {
        let began_at = Timestamp::now();
        let csrf = self.log_in().await?;
        let mut report = AttackReport {
            loot: Loot::default(),
            own: BTreeSet::new(),
            began_at,
            ended_at: began_at,
            steps: Vec::new(),
            shut_out: false,
        };
        self.look_at_own(&mut report).await?;
        let mut refused_in_a_row = 0;
        for &part in &self.plan.moves {
            let before = report.loot.len();
            let mut step = StepReport {
                part,
                requests: 0,
                succeeded: 0,
                refused: 0,
                customers: 0,
            };
            match part {
                Move::WalkApi => {
                    self.walk(false, &mut report, &mut step, &mut refused_in_a_row)
                        .await?
                }
                Move::WalkPages => {
                    self.walk(true, &mut report, &mut step, &mut refused_in_a_row)
                        .await?
                }
                Move::Inject => {
                    self.inject(&mut report, &mut step, &mut refused_in_a_row)
                        .await?
                }
                Move::Export => {
                    self.export(&csrf, &mut report, &mut step, &mut refused_in_a_row)
                        .await?
                }
            }
            step.customers = report.loot.len() - before;
            report.steps.push(step);
            if refused_in_a_row >= GIVES_UP_AFTER {
                report.shut_out = true;
            }
        }
        report.ended_at = Timestamp::now();
        Ok(report)
    }

    async fn log_in(&self) -> Result<String, AttackError> {
        let credentials = json!({ "account": self.account, "password": self.password });
        let answer = self
            .request(Method::POST, "/api/auth/login")
            .json(&credentials)
            .send()
            .await
            .map_err(AttackError::unreachable)?;
        if !answer.status().is_success() {
            return Err(AttackError::LoginRefused {
                account: self.account.clone(),
                status: answer.status().as_u16(),
            });
        }
        let body: Value = answer.json().await.map_err(AttackError::unreachable)?;
        Ok(body
            .get("csrf")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned())
    }

    /// The thief looks around first, as a salesperson would: one page of the account's own customers.
    async fn look_at_own(&self, report: &mut AttackReport) -> Result<(), AttackError> {
        let answer = self.get("/api/customer?page=1&size=20").await?;
        if answer.status().is_success() {
            let body = read(answer).await;
            report.loot.take_json(&body);
            report.own = report.loot.ids().collect();
        }
        Ok(())
    }

    async fn walk(
        &self,
        pages: bool,
        report: &mut AttackReport,
        step: &mut StepReport,
        refused_in_a_row: &mut u32,
    ) -> Result<(), AttackError> {
        let mut dice = Dice::new(self.plan.seed ^ u64::from(pages));
        let centre = report.own.first().copied().unwrap_or(100);
        let mut ids = (0..self.plan.walk as i64 * 3)
            .map(|offset| centre + 1 + offset)
            .filter(|id| !report.own.contains(id))
            .skip(dice.within(0..20) as usize)
            .take(self.plan.walk)
            .collect::<Vec<_>>()
            .into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < self.plan.at_once && *refused_in_a_row < GIVES_UP_AFTER {
                let Some(id) = ids.next() else { break };
                let path = if pages {
                    format!("/customers/{id}")
                } else {
                    format!("/api/customer/{id}")
                };
                under_way.push(async move { self.get(&path).await });
            }
            let Some(answer) = under_way.next().await else {
                return Ok(());
            };
            let answer = answer?;
            if count(step, refused_in_a_row, answer.status()) {
                let body = read(answer).await;
                if pages {
                    report.loot.take_html(&body)
                } else {
                    report.loot.take_json(&body)
                }
            }
            self.pause().await;
        }
    }

    async fn inject(
        &self,
        report: &mut AttackReport,
        step: &mut StepReport,
        refused_in_a_row: &mut u32,
    ) -> Result<(), AttackError> {
        for page in 1..=self.plan.pages {
            if *refused_in_a_row >= GIVES_UP_AFTER {
                return Ok(());
            }
            let path = format!(
                "/api/customer?search=%27%20OR%20%271%27%3D%271&page={page}&size={}",
                self.plan.page_size
            );
            let answer = self.get(&path).await?;
            if count(step, refused_in_a_row, answer.status()) {
                report.loot.take_json(&read(answer).await);
            }
            self.pause().await;
        }
        Ok(())
    }

    async fn export(
        &self,
        csrf: &str,
        report: &mut AttackReport,
        step: &mut StepReport,
        refused_in_a_row: &mut u32,
    ) -> Result<(), AttackError> {
        let asked = self
            .request(Method::POST, "/api/export")
            .header("x-csrf-token", csrf)
            .json(&json!({ "object": "customer", "reason": "monthly report" }))
            .send()
            .await
            .map_err(AttackError::unreachable)?;
        if !count(step, refused_in_a_row, asked.status()) {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(&read(asked).await).unwrap_or_default();
        let Some(id) = body.get("id").and_then(Value::as_i64) else {
            return Ok(());
        };
        let file = self.get(&format!("/api/export/{id}/file")).await?;
        if count(step, refused_in_a_row, file.status()) {
            report.loot.take_csv(&read(file).await);
        }
        self.pause().await;
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Response, AttackError> {
        self.request(Method::GET, path)
            .send()
            .await
            .map_err(AttackError::unreachable)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .header("accept-encoding", self.plan.accept_encoding)
            .header("x-hudun-drill", self.drill.to_string())
    }

    async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(self.plan.pause_ms)).await;
    }
}

/// Counts an answer and says whether it is worth reading.
fn count(step: &mut StepReport, refused_in_a_row: &mut u32, status: StatusCode) -> bool {
    step.requests += 1;
    if status.is_success() {
        step.succeeded += 1;
        *refused_in_a_row = 0;
        return true;
    }
    if status != StatusCode::NOT_FOUND {
        step.refused += 1;
        *refused_in_a_row += 1;
    }
    false
}

/// Reads what comes, also when it is cut in the middle: the attacker keeps every byte.
async fn read(answer: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let mut chunks = answer.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        if body.len() + chunk.len() > MOST_BODY {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body
}

/// An attack that could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttackError {
    /// Drills attack this machine only.
    #[error("{0} is not on this machine; a drill attacks loopback addresses only")]
    NotLoopback(String),
    /// The HTTP client could not be built.
    #[error("the attacker's client could not be built: {0}")]
    Client(String),
    /// The stolen account does not work.
    #[error(
        "the account {account} can't log in (status {status}); is it frozen from an earlier drill?"
    )]
    LoginRefused {
        /// The account.
        account: String,
        /// What came back.
        status: u16,
    },
    /// Nothing answers.
    #[error("the target does not answer: {0}")]
    Unreachable(String),
}

impl AttackError {
    fn unreachable(cause: reqwest::Error) -> Self {
        Self::Unreachable(cause.to_string())
    }
}
