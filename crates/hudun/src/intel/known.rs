//! Exposures whose hole is known: what would shut it at the gateway, and whether it is open in the running product.

use std::sync::Arc;
use std::time::Duration;

use hudun_core::{
    Actor, ExchangeId, IncidentId, ModuleId, Patch, TenantId, Text, Timestamp, Window,
};
use hudun_intel::assets::Asset;
use hudun_intel::exposures::{Beside, CheckOutcome, Exposure, Register};
use hudun_intel::holes::{CheckAnswer, Hole, Holes, Placed, TestRequest};
use hudun_policy::{Recorded, ResponseFacts};
use hudun_profile::{Profile, RequestView, Resolution, Resolver};
use hudun_repair::{Direct, ReplayRow, prove_on};
use reqwest::{Client, Method};

use crate::office::Recent;

/// As much of an answer is read.
const ANSWER: usize = 64 << 10;
/// An answer has to come within this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Attempts are looked for in so many milliseconds of traffic.
const WINDOW_MS: i64 = 15 * 60_000;
/// Says to who operates the product what the request was.
const MARK: &str = "hudun-check/1 (harmless check of a known vulnerability)";

/// Known holes of the product behind this gateway.
pub struct KnownHoles {
    /// Exposures.
    pub register: Arc<Register>,
    holes: Holes,
    resolver: Resolver,
    profile: Arc<Profile>,
    upstream: String,
    client: Client,
    direct: Arc<dyn Direct>,
    recent: Arc<dyn Recent>,
}

/// A patch that a known hole asks for, with the two requests that prove it.
pub struct KnownPatch {
    /// The patch.
    pub patch: Patch,
    /// The request that it has to stop.
    pub attack: Arc<Recorded>,
    /// The request that it has to leave alone.
    pub honest: Arc<Recorded>,
}

impl KnownHoles {
    /// Those that come with this version, for the product of a profile behind an address.
    ///
    /// # Errors
    /// When what was built in or the profile can't be used.
    pub fn new(
        register: Arc<Register>,
        profile: Arc<Profile>,
        upstream: &str,
        direct: Arc<dyn Direct>,
        recent: Arc<dyn Recent>,
    ) -> anyhow::Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(MARK);
        Ok(Self {
            register,
            holes: Holes::built_in()?,
            resolver: Resolver::new(&profile)?,
            profile,
            upstream: upstream.trim_end_matches('/').to_owned(),
            client: client.build()?,
            direct,
            recent,
        })
    }

    /// The holes of a vulnerability that this product can have, with their places.
    pub fn of<'a>(&'a self, ids: &'a [String]) -> impl Iterator<Item = (&'a Hole, Placed)> {
        let place = |hole: &'a Hole| match hole.place(&self.resolver) {
            Ok(placed) => Some((hole, placed?)),
            Err(cause) => {
                tracing::warn!(hole = hole.name, %cause, "the requests of a known hole can't be read by this profile");
                None
            }
        };
        self.holes.of(ids).filter_map(place)
    }

    /// What this guard knows of a vulnerability of an asset. Only the product behind the gateway can be checked and seen.
    pub fn beside(&self, asset: &Asset, ids: &[String]) -> Beside {
        if !asset.entry.guarded {
            return Beside::default();
        }
        let mut beside = Beside::default();
        for (hole, placed) in self.of(ids) {
            beside.exploit = true;
            beside.checkable |= hole.check.is_some();
            beside.seen |= self.tried(hole, &placed);
        }
        beside
    }

    /// Whether a check of this exposure exists.
    pub fn checkable(&self, exposure: &Exposure) -> bool {
        self.of(&exposure.ids).any(|(hole, _)| hole.check.is_some())
    }

    /// Exposures that somebody tries at this gateway, and that nobody had been seen to try.
    pub async fn newly_tried(&self) -> bool {
        let all = self.register.all().await;
        all.iter()
            .filter(|one| one.is_open() && one.seen_at.is_none())
            .any(|one| {
                self.of(&one.ids)
                    .any(|(hole, placed)| self.tried(hole, &placed))
            })
    }

    /// Whether a request of the last minutes went for the hole: one that its patch would stop.
    fn tried(&self, hole: &Hole, placed: &Placed) -> bool {
        let now = Timestamp::now();
        let window = Window {
            from: now.plus_millis(-WINDOW_MS),
            to: now,
        };
        let on_route = |one: &Arc<Recorded>| {
            let mut routes = one.resolution.routes.iter();
            routes.any(|route| placed.routes.contains(&route.id))
        };
        let mut recent = self.recent.snapshot(window);
        recent.retain(on_route);
        if recent.is_empty() {
            return false;
        }
        let patch = hole.patch(placed, IncidentId::new(), "hudun", now);
        let proof = prove_on(&patch, &recent, &[], &self.profile, now);
        proof.is_ok_and(|proof| proof.attack.good > 0)
    }

    /// The module of the hole, where it is known.
    pub fn module(&self, exposure: &Exposure) -> Option<ModuleId> {
        let mut places = self.of(&exposure.ids);
        places
            .next()
            .map(|(_, placed)| placed.attack.1.module().clone())
    }

    /// The exposures of a case.
    pub async fn of_case(&self, incident: IncidentId) -> Vec<Exposure> {
        let mut all = self.register.all().await;
        all.retain(|one| one.incident == Some(incident));
        all
    }

    /// The patches that the known holes of a case ask for.
    pub async fn patches(
        &self,
        incident: IncidentId,
        tenant: &TenantId,
        by: &str,
        now: Timestamp,
    ) -> Vec<KnownPatch> {
        let mut patches: Vec<KnownPatch> = Vec::new();
        for exposure in self.of_case(incident).await {
            for (hole, placed) in self.of(&exposure.ids) {
                if patches.iter().any(|known| known.patch.name == hole.name) {
                    continue;
                }
                let patch = hole.patch(&placed, incident, by, now);
                let role = patch.scope.only_roles.first();
                patches.push(KnownPatch {
                    attack: recorded(placed.attack, hole.attack.foreign_rows, role, tenant, now),
                    honest: recorded(placed.honest, hole.honest.foreign_rows, role, tenant, now),
                    patch,
                });
            }
        }
        patches
    }

    /// Asks the running product, harmlessly, whether the holes of an exposure are open. `None` when no check exists.
    pub async fn check(&self, exposure: &Exposure, now: Timestamp) -> Option<CheckOutcome> {
        let mut outcome: Option<CheckOutcome> = None;
        for (hole, _) in self.of(&exposure.ids) {
            let Some(check) = &hole.check else { continue };
            let answer = self.ask(&check.request, check.logged_in).await;
            let (exposed, said) = match &answer {
                Ok(answer) => {
                    let exposed = check.judge(answer);
                    (exposed, said(hole, exposed, answer))
                }
                Err(cause) => (
                    None,
                    Text::new(
                        format!("检查没有做成：{cause}。"),
                        format!("The check could not be done: {cause}."),
                    ),
                ),
            };
            // One open hole is enough; one that could not be looked at keeps the others from proving anything.
            let worse = match (outcome.as_ref().map(|one| one.exposed), exposed) {
                (None, _) | (Some(Some(false)), _) | (Some(None), Some(true)) => true,
                (Some(Some(true) | None), _) => false,
            };
            if worse {
                let status = answer.as_ref().map_or(0, |answer| answer.status);
                outcome = Some(CheckOutcome {
                    at: now,
                    exposed,
                    status,
                    said,
                });
            }
        }
        outcome
    }

    /// The checks of a case as rows of a proof; empty when no check exists for any of its exposures.
    pub async fn prove(
        &self,
        incident: IncidentId,
        now: Timestamp,
    ) -> anyhow::Result<Vec<ReplayRow>> {
        let mut rows = Vec::new();
        for exposure in self.of_case(incident).await {
            let Some(outcome) = self.check(&exposure, now).await else {
                continue;
            };
            let names: Vec<&str> = self
                .of(&exposure.ids)
                .map(|(hole, _)| hole.name.as_str())
                .collect();
            rows.push(ReplayRow {
                request: format!("{}: {}", exposure.vulnerability, names.join(", ")),
                what: outcome.said.clone(),
                status: outcome.status,
                foreign_rows: 0,
                failed: outcome.exposed == Some(false),
            });
            self.register.checked(&exposure.id, outcome).await?;
        }
        Ok(rows)
    }

    /// The version that the running product says it is; `None` when its profile does not say where that stands.
    ///
    /// # Errors
    /// What kept it from saying so.
    pub async fn version(&self) -> Result<Option<String>, String> {
        let Some(runs) = &self.profile.runs else {
            return Ok(None);
        };
        let request = TestRequest {
            method: if runs.body.is_some() { "POST" } else { "GET" }.to_owned(),
            target: runs.path.clone(),
            content_type: runs.body.as_ref().map(|_| "application/json".to_owned()),
            body: runs.body.as_ref().map(ToString::to_string),
            foreign_rows: 0,
        };
        let answer = self.send(&request).await?;
        let body: serde_json::Value = serde_json::from_str(&answer.body).map_err(|cause| {
            format!("{}: status {}, no JSON: {cause}", runs.path, answer.status)
        })?;
        let version = body.pointer(&runs.json).and_then(serde_json::Value::as_str);
        let version = version.map(str::trim).filter(|version| {
            (1..=64).contains(&version.len()) && version.chars().all(|one| one.is_ascii_graphic())
        });
        version
            .map(|version| Some(version.to_owned()))
            .ok_or_else(|| {
                format!(
                    "{}: nothing that looks like a version at {}",
                    runs.path, runs.json
                )
            })
    }

    async fn ask(&self, request: &TestRequest, logged_in: bool) -> Result<CheckAnswer, String> {
        if !logged_in {
            return self.send(request).await;
        }
        let view = request.view().map_err(|cause| cause.to_string())?;
        let answer = self.direct.send(&view).await?;
        Ok(CheckAnswer {
            status: answer.status,
            body: String::new(),
            foreign_rows: answer.foreign_rows,
        })
    }

    async fn send(&self, request: &TestRequest) -> Result<CheckAnswer, String> {
        let method =
            Method::from_bytes(request.method.as_bytes()).map_err(|cause| cause.to_string())?;
        let mut sent = self
            .client
            .request(method, format!("{}{}", self.upstream, request.target));
        if let Some(kind) = &request.content_type {
            sent = sent.header("content-type", kind);
        }
        if let Some(body) = &request.body {
            sent = sent.body(body.clone());
        }
        let mut answer = sent.send().await.map_err(|cause| cause.to_string())?;
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").cloned();
        let mut body = Vec::new();
        while body.len() < ANSWER {
            match answer.chunk().await.map_err(|cause| cause.to_string())? {
                Some(chunk) => body.extend_from_slice(&chunk),
                None => break,
            }
        }
        body.truncate(ANSWER);
        let mut body = String::from_utf8_lossy(&body).into_owned();
        // Where a redirect leads is part of what is looked at.
        if let Some(location) = location.as_ref().and_then(|value| value.to_str().ok()) {
            body.insert_str(0, &format!("Location: {location}\n"));
        }
        Ok(CheckAnswer {
            status,
            body,
            foreign_rows: 0,
        })
    }
}

fn said(hole: &Hole, exposed: Option<bool>, answer: &CheckAnswer) -> Text {
    let (name, status) = (&hole.name, answer.status);
    match exposed {
        Some(true) => Text::new(
            format!("检查证明漏洞开着（{name}，状态 {status}）。"),
            format!("A check proves the hole open ({name}, status {status})."),
        ),
        Some(false) => Text::new(
            format!("检查证明漏洞是关着的（{name}，状态 {status}）。"),
            format!("A check proves the hole shut ({name}, status {status})."),
        ),
        None => Text::new(
            format!("检查没有结论（{name}，状态 {status}）。"),
            format!("A check could not tell ({name}, status {status})."),
        ),
    }
}

fn recorded(
    (view, resolution): (RequestView, Resolution),
    foreign_rows: u32,
    role: Option<&String>,
    tenant: &TenantId,
    now: Timestamp,
) -> Arc<Recorded> {
    let actor = Actor {
        role: role.cloned(),
        ..Actor::nobody("test request")
    };
    Arc::new(Recorded {
        exchange: ExchangeId::new(),
        at: now,
        view,
        resolution,
        actor,
        tenant: tenant.clone(),
        session_since: None,
        login_account: None,
        status: 200,
        answer: (foreign_rows > 0).then(|| ResponseFacts {
            rows: foreign_rows,
            foreign_rows,
            ..ResponseFacts::default()
        }),
    })
}
