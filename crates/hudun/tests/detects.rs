//! Rules that need what only profile, configuration and gateway know: each fires on the bundled SCRM behind the real
//! gateway, and honest use before it is silent.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod mmdb;
mod served;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use hudun_scrm::seed::{SeedPlan, StaffCredential};
use hudun_scrm::{Config, Role, Scrm};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use served::{Guard, Served};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

fn plan() -> SeedPlan {
    SeedPlan {
        seed: 42,
        customers: 2_400,
        orders: 600,
        messages: 900,
    }
}

/// The SCRM with its drill's holes, and tokens of two firms.
struct Target {
    address: String,
    tokens: BTreeMap<&'static str, String>,
    _stop: oneshot::Sender<()>,
}

impl Target {
    async fn start(folder: &Path) -> Self {
        let mut config = Config::new(folder.join("scrm"));
        config.vulnerable = true;
        config.seed = Some(plan());
        let scrm = Scrm::open(config).await.unwrap();
        let mut tokens = BTreeMap::new();
        for tenant in ["yunxi", "shanhe"] {
            let token = scrm.issue_integration_token(tenant, "test").await.unwrap();
            tokens.insert(tenant, token);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(scrm.serve(listener, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            tokens,
            _stop: stop,
        }
    }
}

/// Someone of the staff, at the gateway or straight at the SCRM.
struct Person {
    base: String,
    client: Client,
    csrf: String,
    who: StaffCredential,
}

impl Person {
    async fn login(base: &str, tenant: &str, role: Role, nth: usize) -> Self {
        let staff = plan().demo_staff().into_iter();
        let mut fitting = staff.filter(|one| one.tenant == tenant && one.role == role);
        let who = fitting.nth(nth).unwrap();
        Self::enter(base, who, from("127.0.0.1")).await
    }

    /// Logs in with this client.
    async fn enter(base: &str, who: StaffCredential, client: Client) -> Self {
        let ask = json!({ "account": who.account, "password": who.password });
        let url = format!("{base}/api/auth/login");
        let answer = client.post(url).json(&ask).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.unwrap();
        Self {
            base: base.to_owned(),
            client,
            csrf: answer["csrf"].as_str().unwrap().to_owned(),
            who,
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method, url);
        request = request.header("x-csrf-token", &self.csrf);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path, None).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    async fn act(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.send(method, path, Some(body)).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Ids of own customers, a page of them.
    async fn customers(&self) -> Vec<i64> {
        let list = self.get("/api/customer?size=100").await;
        let items = list["items"].as_array().unwrap().iter();
        items.map(|one| one["id"].as_i64().unwrap()).collect()
    }

    /// Asks for an export and reads the file when it is approved at once.
    async fn export(&self) {
        let ask = json!({ "object": "customer", "tag": "", "stage": "", "reason": "季度回访名单" });
        let asked = self.act(Method::POST, "/api/export", ask).await;
        let id = asked["id"].as_i64().unwrap();
        let file = format!("/api/export/{id}/file");
        let answer = self.send(Method::GET, &file, None).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().lines().count() > 100);
    }
}

/// The guard, and what its rules have matched.
struct Watched {
    served: Served,
    _guard: Guard,
    client: Client,
}

impl Watched {
    /// With this `monitor` section, and 127.0.0.1 as a proxy that is believed.
    async fn start(folder: &Path, upstream: &str, monitor: &str) -> Self {
        let served = Served::new(folder, upstream);
        served.edit("gateway:", "gateway:\n  trusted_proxies: [127.0.0.1/32]");
        served.edit("console:", &format!("monitor:\n{monitor}console:"));
        let mut guard = served.start();
        guard.wait_for_gateway().await;
        Self {
            served,
            _guard: guard,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.served.console);
        let answer = self.client.get(url).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Waits until the rules have seen everything so far: a request that nobody else makes comes last.
    async fn settle(&self) {
        let asked = async || -> u64 {
            let text = self.metrics().await;
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("hudun_detection_events_total "));
            line.unwrap().parse().unwrap()
        };
        let mut before = asked().await;
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = asked().await;
            if now == before {
                return;
            }
            before = now;
        }
        panic!("events never ended");
    }

    async fn matched(&self, rule: &str) -> bool {
        self.settle().await;
        self.metrics().await.contains(&format!("rule=\"{rule}\""))
    }

    /// Waits until each of these has matched as often as the rules say now, and asks the recorded exchanges the same: the rules
    /// say about the past what they said while it happened.
    async fn agrees_with_the_past(&self) {
        self.settle().await;
        let mut live = BTreeMap::new();
        for line in self.metrics().await.lines() {
            if let Some(line) = line.strip_prefix("hudun_detection_matches_total{rule=\"") {
                let (rule, count) = line.split_once("\"} ").unwrap();
                live.insert(rule.to_owned(), count.parse::<u64>().unwrap());
            }
        }
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_hudun"))
            .args(["rules", "backtest", "--last", "1d", "--json", "--config"])
            .arg(&self.served.config)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let past: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut found = BTreeMap::new();
        for rule in past["rules"].as_array().unwrap() {
            let name = rule["finding"].as_str().unwrap().to_owned();
            *found.entry(name).or_insert(0) += rule["matches"].as_u64().unwrap();
        }
        assert_eq!(found, live);
    }

    async fn silent(&self, rule: &str) {
        assert!(!self.matched(rule).await, "{rule} spoke too early");
    }

    async fn fired(&self, rule: &str) {
        assert!(
            self.matched(rule).await,
            "{rule} did not fire: {}",
            self.metrics().await
        );
    }
}

/// Opens the gateway as somebody at this address, as a proxy that is believed tells it.
fn from(address: &str) -> Client {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("x-forwarded-for", address.parse().unwrap());
    Client::builder()
        .no_proxy()
        .cookie_store(true)
        .default_headers(headers)
        .build()
        .unwrap()
}

const SALES: &str = "  own_scope_roles: [sales]\n";

#[tokio::test]
async fn a_canary_customer_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    // A customer of a colleague who doesn't work today.
    let colleague = Person::login(&target.address, "yunxi", Role::Sales, 2).await;
    let canary = colleague.customers().await[3];
    let monitor = format!("{SALES}  canaries: {{ yunxi: [\"{canary}\"] }}\n");
    let watched = Watched::start(folder.path(), &target.address, &monitor).await;
    let thief = Person::login(&watched.served.gateway(), "yunxi", Role::Sales, 0).await;
    for id in thief.customers().await.into_iter().take(5) {
        thief.get(&format!("/api/customer/{id}")).await;
    }
    watched.silent("scrm.canary-customer").await;
    thief.get(&format!("/api/customer/{canary}")).await;
    watched.fired("scrm.canary-customer").await;
}

#[tokio::test]
async fn the_chat_archive_is_read_out_of_role() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    let monitor = "  work_of: { chat: [compliance] }\n";
    let watched = Watched::start(folder.path(), &target.address, monitor).await;
    let gateway = watched.served.gateway();
    let officer = Person::login(&gateway, "yunxi", Role::Compliance, 0).await;
    let seller = Person::login(&gateway, "yunxi", Role::Sales, 0).await;
    let customer = seller.customers().await[0];
    officer
        .get(&format!("/api/chat?customer_id={customer}&case=2026-17"))
        .await;
    watched.silent("scrm.chat-out-of-role").await;
    seller
        .get(&format!("/api/chat?customer_id={customer}"))
        .await;
    watched.fired("scrm.chat-out-of-role").await;
}

#[tokio::test]
async fn a_token_and_an_app_come_from_another_network() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    let client = Client::builder().no_proxy().build().unwrap();
    let me = client
        .get(format!("{}/api/auth/me", target.address))
        .bearer_auth(&target.tokens["shanhe"]);
    let me: Value = me.send().await.unwrap().json().await.unwrap();
    let app = me["account"].as_str().unwrap();
    let monitor = format!("  apps: {{ \"{app}\": 某ERP }}\n");
    let watched = Watched::start(folder.path(), &target.address, &monitor).await;
    let url = format!("{}/api/customer", watched.served.gateway());
    let call = async |tenant: &str, from: &str| {
        let request = client.get(&url).bearer_auth(&target.tokens[tenant]);
        let answer = request
            .header("x-forwarded-for", from)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
    };
    for last in 1..4 {
        call("yunxi", &format!("203.0.113.{last}")).await;
        call("shanhe", &format!("203.0.113.{last}")).await;
    }
    watched.silent("scrm.token-drift").await;
    watched.silent("scrm.app-changes-source").await;
    call("yunxi", "198.51.100.7").await;
    watched.fired("scrm.token-drift").await;
    watched.silent("scrm.app-changes-source").await;
    call("shanhe", "198.51.100.7").await;
    watched.fired("scrm.app-changes-source").await;
}

#[tokio::test]
async fn exports_of_a_colleagues_customers_and_after_a_reset() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    // The fixed detection of the same name is off: the rule speaks for itself.
    let monitor = format!("{SALES}  detectors: false\n");
    let watched = Watched::start(folder.path(), &target.address, &monitor).await;
    let gateway = watched.served.gateway();
    // With its hole the SCRM gives a seller everybody's customers at once.
    let seller = Person::login(&gateway, "yunxi", Role::Sales, 0).await;
    for _ in 0..3 {
        seller.customers().await;
    }
    watched.silent("scrm.bulk-export").await;
    seller.export().await;
    watched.fired("scrm.bulk-export").await;
    watched.silent("scrm.reset-then-export").await;

    let other = Person::login(&gateway, "yunxi", Role::Sales, 1).await;
    let change = json!({ "old": other.who.password, "new": "another-long-phrase-7", "end_other_sessions": false });
    other.act(Method::POST, "/api/auth/password", change).await;
    watched.silent("scrm.reset-then-export").await;
    other.export().await;
    watched.fired("scrm.reset-then-export").await;
}

#[tokio::test]
async fn customers_are_tagged_and_reassigned_in_masses() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    // The behaviour engine would ask for a fresh log-in long before the rule speaks.
    let monitor = format!("{SALES}  behaviour: {{ on: false }}\n");
    let watched = Watched::start(folder.path(), &target.address, &monitor).await;
    let gateway = watched.served.gateway();
    let manager = Person::login(&gateway, "yunxi", Role::Manager, 0).await;
    let ids = manager.customers().await;
    assert_eq!(ids.len(), 100);
    let change = async |id: i64, body: Value| {
        let path = format!("/api/customer/{id}");
        manager.act(Method::PATCH, &path, body).await;
    };
    for &id in &ids[..40] {
        change(id, json!({ "stage": "成交" })).await;
    }
    for &id in &ids[..30] {
        change(id, json!({ "tags": ["老客"] })).await;
    }
    watched.silent("scrm.mass-tag").await;
    for &id in &ids {
        change(id, json!({ "tags": ["老客"] })).await;
    }
    watched.fired("scrm.mass-tag").await;
    watched.silent("scrm.mass-reassign").await;
    let staff = plan().demo_staff();
    let mut sellers = staff
        .iter()
        .filter(|one| one.tenant == "yunxi" && one.role == Role::Sales);
    // Sellers 0 and 2 work in the department of this manager.
    let (leaver, heir) = (sellers.next().unwrap(), sellers.nth(1).unwrap());
    let moved = manager
        .act(
            Method::POST,
            "/api/transfer",
            json!({ "from": leaver.account, "to": heir.account }),
        )
        .await;
    assert!(moved["customers"].as_i64().unwrap() >= 50, "{moved}");
    watched.fired("scrm.mass-reassign").await;
    watched.agrees_with_the_past().await;
}

/// The bundled SCRM can neither send to customers by name nor shorten its audit: here another product can.
#[tokio::test]
async fn messages_in_masses_and_a_shortened_audit_of_another_product() {
    let folder = tempfile::tempdir().unwrap();
    let app = Router::new()
        .route(
            "/send",
            post(|| async { ([("content-type", "application/json")], r#"{"queued":true}"#) }),
        )
        .route(
            "/audit",
            post(|| async { ([("content-type", "application/json")], r#"{"days":1}"#) }),
        )
        // Says what became of a push as the test wants it.
        .route(
            "/push",
            post(|body: String| async { ([("content-type", "application/json")], body) }),
        )
        .route(
            "/uploads/2026/cmd.php",
            get(|| async { "uid=33(www-data)" }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let served = Served::new(folder.path(), &upstream);
    let profile = folder.path().join("mine.yaml");
    std::fs::write(
        &profile,
        r#"
format: 1
product: mine
title: { zh: 某产品, en: Some product }
verified: false
carriers: [{ kind: token, in: { header: authorization }, scheme: Bearer, decode: { jwt: { account: sub } } }]
pushes:
  - route: push.state
    account: [{ request-json: /account }]
    accepted: { body: [{ equals: { at: /state, value: approved } }] }
    declined: { body: [{ equals: { at: /state, value: denied } }] }
    unanswered: { body: [{ equals: { at: /state, value: expired } }] }
modules:
  - { id: chat, title: { zh: 消息, en: Messages } }
  - { id: admin, title: { zh: 管理, en: Administration } }
routes:
  - id: message.send
    module: chat
    match: [{ method: POST, path: /send }]
    touches: ["json:/to"]
  - id: audit.set
    module: admin
    match: [{ method: POST, path: /audit }]
    operation: audit-retention-lower
  - id: push.state
    module: admin
    match: [{ method: POST, path: /push }]
    public: true
"#,
    )
    .unwrap();
    let text = std::fs::read_to_string(&served.config).unwrap();
    let line = text.lines().find(|line| line.contains("profile:")).unwrap();
    // Inspection would stop the call of a program among the uploads; the rule is for one that gets through.
    served.edit(
        line,
        &format!(
            "  profile: {}\n  inspection: {{ mode: detect }}",
            profile.display()
        ),
    );
    let mut guard = served.start();
    guard.wait_for_gateway().await;
    let watched = Watched {
        served,
        _guard: guard,
        client: Client::builder().no_proxy().build().unwrap(),
    };
    // {"sub":"mei@yunxi"}
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZWlAeXVueGkifQ.x";
    let call = async |path: &str, body: Value| {
        let url = format!("{}{path}", watched.served.gateway());
        let request = watched.client.post(url).bearer_auth(token).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 200);
    };
    for round in 0..3 {
        call("/send", json!({ "to": [1, 2, 3, round], "text": "hi" })).await;
    }
    watched.silent("scrm.mass-send").await;
    watched.silent("scrm.audit-tampering").await;
    let many: Vec<u32> = (0..120).collect();
    call("/send", json!({ "to": many, "text": "hi" })).await;
    watched.fired("scrm.mass-send").await;
    call("/audit", json!({ "days": 1 })).await;
    watched.fired("scrm.audit-tampering").await;

    let push = async |state: &str| {
        let url = format!("{}/push", watched.served.gateway());
        let ask = json!({ "account": "lan@yunxi", "state": state });
        let answer = watched.client.post(url).json(&ask).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    };
    // Waiting says nothing, and one refusal is a mistake.
    for state in ["pending", "denied", "pending", "approved"] {
        push(state).await;
    }
    for _ in 0..9 {
        push("pending").await;
    }
    for state in ["denied", "expired", "denied"] {
        push(state).await;
    }
    watched.silent("scrm.push-fatigue").await;
    push("approved").await;
    watched.fired("scrm.push-fatigue").await;

    watched.silent("scrm.web-shell").await;
    let shell = format!("{}/uploads/2026/cmd.php?c=id", watched.served.gateway());
    let answer = watched.client.get(shell).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    watched.fired("scrm.web-shell").await;
    watched.agrees_with_the_past().await;
}

/// The account's day is unlike it, and it exports: a rule that reads the score of the behaviour engine.
#[tokio::test]
async fn an_export_on_an_unusual_day() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    let monitor = format!("{SALES}  detectors: false\n  behaviour: {{ step_up: false }}\n");
    let watched = Watched::start(folder.path(), &target.address, &monitor).await;
    let gateway = watched.served.gateway();
    let manager = Person::login(&gateway, "yunxi", Role::Manager, 0).await;
    let seller = Person::login(&gateway, "yunxi", Role::Sales, 0).await;
    for id in manager.customers().await.into_iter().take(3) {
        manager.get(&format!("/api/customer/{id}")).await;
    }
    watched.silent("scrm.risky-export").await;
    // With its hole the SCRM gives a seller everybody's customers at once.
    seller.export().await;
    watched.fired("scrm.risky-export").await;
    watched.agrees_with_the_past().await;
    // That the fields arrive can be seen without waiting for the rule.
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_hudun"))
        .args(["rules", "coverage", "--rules"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules/detect"))
        .args(["--json", "--config"])
        .arg(&watched.served.config)
        .output()
        .await
        .unwrap();
    let covered: Value = serde_json::from_slice(&output.stdout).unwrap();
    let missing = covered["missing"].as_array().unwrap();
    for field in ["scrm.risk.operation", "scrm.risk.login"] {
        assert!(!missing.contains(&json!(field)), "{field}: {missing:?}");
    }
    assert!(missing.contains(&json!("scrm.travel.kmh")));
}

#[tokio::test]
async fn from_the_door_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    let monitor = format!("{SALES}  behaviour: {{ step_up: false }}\n");
    let watched = Watched::start(folder.path(), &target.address, &monitor).await;
    let gateway = watched.served.gateway();
    // A seller at work: lists, and a report.
    let list = async |person: &Person| {
        let mut rows = 0;
        while rows < 300 {
            rows += person.customers().await.len();
        }
    };
    let honest = Person::login(&gateway, "yunxi", Role::Sales, 1).await;
    list(&honest).await;
    honest.export().await;
    watched.silent("scrm.kill-chain").await;
    // Somebody else has the password of another.
    let home = Person::login(&gateway, "yunxi", Role::Sales, 0).await;
    let thief = Person::enter(&gateway, home.who.clone(), from("198.51.100.7")).await;
    list(&thief).await;
    watched.silent("scrm.kill-chain").await;
    thief.export().await;
    watched.fired("scrm.kill-chain").await;
    watched.agrees_with_the_past().await;
}

#[tokio::test]
async fn one_account_in_two_regions_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    let regions = folder.path().join("regions.mmdb");
    let places = mmdb::database(&[
        (
            [203, 0, 113, 0],
            24,
            "CN",
            Some("ZJ"),
            Some((30.27, 120.16)),
        ),
        ([192, 0, 2, 0], 24, "CN", Some("SH"), Some((31.23, 121.47))),
        (
            [198, 51, 100, 0],
            24,
            "CN",
            Some("XJ"),
            Some((43.83, 87.62)),
        ),
    ]);
    std::fs::write(&regions, places).unwrap();
    let monitor = format!(
        "{SALES}  regions: {}\n  behaviour: {{ step_up: false }}\n",
        regions.display()
    );
    let watched = Watched::start(folder.path(), &target.address, &monitor).await;
    let gateway = watched.served.gateway();
    let staff = plan().demo_staff().into_iter();
    let mut sellers = staff.filter(|one| one.tenant == "yunxi" && one.role == Role::Sales);
    let (mei, lan) = (sellers.next().unwrap(), sellers.next().unwrap());
    // From Hangzhou to Shanghai is a short way, and databases err.
    Person::enter(&gateway, mei.clone(), from("203.0.113.7")).await;
    let home = Person::enter(&gateway, lan.clone(), from("203.0.113.8")).await;
    home.customers().await;
    watched.silent("scrm.two-regions").await;
    Person::enter(&gateway, lan, from("192.0.2.8")).await;
    watched.fired("scrm.two-regions").await;
    watched.silent("scrm.impossible-travel").await;
    // Nobody flies to Ürümqi in a second.
    Person::enter(&gateway, mei, from("198.51.100.7")).await;
    watched.fired("scrm.impossible-travel").await;
    watched.silent("scrm.session-two-networks").await;
    // A cookie that somebody else has, too.
    for address in ["203.0.113.8", "203.0.113.9", "198.51.100.9"] {
        let me = format!("{gateway}/api/customer?size=100");
        let request = home.client.get(&me).header("x-forwarded-for", address);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    watched.fired("scrm.session-two-networks").await;
    watched.agrees_with_the_past().await;
}

#[tokio::test]
async fn customers_are_moved_and_the_mover_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    let staff = plan().demo_staff();
    let of = |role: Role| -> Vec<StaffCredential> {
        let fitting = staff.iter();
        let fitting = fitting.filter(|one| one.tenant == "yunxi" && one.role == role);
        fitting.cloned().collect()
    };
    let (managers, sellers) = (of(Role::Manager), of(Role::Sales));
    let gone = &sellers[1].account;
    let monitor =
        format!("{SALES}  last_days: {{ \"{gone}\": 2026-01-31 }}\n  behaviour: {{ on: false }}\n");
    let watched = Watched::start(folder.path(), &target.address, &monitor).await;
    let gateway = watched.served.gateway();
    let admin = Person::login(&gateway, "yunxi", Role::Admin, 0).await;
    let manager = Person::login(&gateway, "yunxi", Role::Manager, 0).await;
    let switch_off = async |account: &str| {
        let path = format!("/api/admin/staff/{account}/disable");
        admin.act(Method::POST, &path, json!({})).await;
    };
    // What a manager does with the customers of a leaver is no crime of the leaver's.
    let (leaver, heir) = (&sellers[0].account, &sellers[2].account);
    let moved = manager
        .act(
            Method::POST,
            "/api/transfer",
            json!({ "from": leaver, "to": heir }),
        )
        .await;
    assert!(moved["customers"].as_i64().unwrap() >= 50, "{moved}");
    switch_off(leaver).await;
    watched.fired("scrm.mass-reassign").await;
    watched.silent("scrm.reassigned-then-left").await;
    switch_off(&managers[0].account).await;
    watched.fired("scrm.reassigned-then-left").await;

    watched.silent("scrm.after-last-day").await;
    Person::login(&gateway, "yunxi", Role::Sales, 1).await;
    watched.fired("scrm.after-last-day").await;
    watched.agrees_with_the_past().await;
}

#[tokio::test]
async fn one_account_tried_from_everywhere_until_it_opens() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    let monitor = "  detectors: false\n  behaviour: { on: false }\n";
    let watched = Watched::start(folder.path(), &target.address, monitor).await;
    let gateway = watched.served.gateway();
    let url = format!("{gateway}/api/auth/login");
    let mut staff = plan().demo_staff().into_iter();
    let who = staff
        .find(|one| one.tenant == "yunxi" && one.role == Role::Sales)
        .unwrap();
    let attempt = async |password: &str, last: u32| {
        let ask = json!({ "account": who.account, "password": password });
        let client = from(&format!("203.0.113.{last}"));
        client.post(&url).json(&ask).send().await.unwrap().status()
    };
    for last in 1..5 {
        assert!(!attempt("Spring-2026!", last).await.is_success());
    }
    watched.silent("scrm.distributed-spray").await;
    for last in 5..9 {
        assert!(!attempt("Summer-2026!", last).await.is_success());
    }
    watched.fired("scrm.distributed-spray").await;
    watched.silent("scrm.success-after-attack").await;
    // After five failures the SCRM makes everybody wait half a minute, whoever knows the password included.
    while !attempt(&who.password, 9).await.is_success() {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    watched.fired("scrm.success-after-attack").await;
    watched.agrees_with_the_past().await;
}

/// Unusual, not yet grave: at the gateway the session ends with a reason, and whoever knows the password works on.
#[tokio::test]
async fn unusual_work_ends_the_session_and_a_fresh_login_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    let monitor = "  detectors: false\n  rules: { on: false }\n";
    let watched = Watched::start(folder.path(), &target.address, monitor).await;
    let gateway = watched.served.gateway();
    let manager = Person::login(&gateway, "yunxi", Role::Manager, 0).await;
    let colleague = Person::login(&gateway, "yunxi", Role::Manager, 1).await;
    let ids = manager.customers().await;
    let mut asked = None;
    for id in &ids {
        let path = format!("/api/customer/{id}");
        let change = Some(json!({ "stage": "成交" }));
        let answer = manager.send(Method::PATCH, &path, change).await;
        if answer.status() == 401 {
            asked = Some(answer.text().await.unwrap());
            break;
        }
        assert_eq!(answer.status(), 200);
        // What the monitor concludes is in force a moment later.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let asked = asked.expect("nobody asked for a fresh log-in");
    assert!(
        asked.contains("revoked") && asked.contains("位客户"),
        "{asked}"
    );
    // Nobody else is touched, and the account itself may come back.
    colleague.customers().await;
    let again = Person::login(&gateway, "yunxi", Role::Manager, 0).await;
    for id in &ids[..10] {
        again.get(&format!("/api/customer/{id}")).await;
    }
}

#[tokio::test]
async fn spraying_fuzzing_looking_around_and_granting_roles() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(folder.path()).await;
    let monitor = "  behaviour: { on: false }\n";
    let watched = Watched::start(folder.path(), &target.address, monitor).await;
    let gateway = watched.served.gateway();
    let client = Client::builder().no_proxy().build().unwrap();
    let wrong = async |account: &str| {
        let ask = json!({ "account": account, "password": "Spring-2026!" });
        let url = format!("{gateway}/api/auth/login");
        let request = client.post(url).json(&ask);
        let request = request.header("x-forwarded-for", "198.51.100.9");
        assert!(!request.send().await.unwrap().status().is_success());
    };
    let staff = plan().demo_staff();
    let accounts: Vec<&str> = staff.iter().map(|one| one.account.as_str()).collect();
    for account in &accounts[..4] {
        wrong(account).await;
    }
    watched.silent("scrm.password-spray").await;
    for _ in 0..3 {
        for account in &accounts[..5] {
            wrong(account).await;
        }
    }
    watched.fired("scrm.password-spray").await;

    let missing = async |n: u32| {
        let url = format!("{gateway}/api/old-{n}");
        assert_eq!(client.get(url).send().await.unwrap().status(), 404);
    };
    for n in 0..50 {
        missing(n % 10).await;
    }
    watched.silent("scrm.fuzzing").await;
    for n in 0..70 {
        missing(n).await;
    }
    watched.fired("scrm.fuzzing").await;

    let seller = Person::login(&gateway, "yunxi", Role::Sales, 5).await;
    let lists = [
        "customer",
        "order",
        "tag",
        "campaign",
        "follow",
        "chat",
        "ticket",
        "transfer",
        "export",
        "reveal",
        "stats",
        "admin/staff",
    ];
    let look = async |list: &str| {
        seller
            .send(Method::GET, &format!("/api/{list}"), None)
            .await;
    };
    for list in lists.iter().cycle().take(4).cycle().take(20) {
        look(list).await;
    }
    watched.silent("scrm.reconnaissance").await;
    for list in lists {
        look(list).await;
    }
    watched.fired("scrm.reconnaissance").await;

    let admin = Person::login(&gateway, "yunxi", Role::Admin, 0).await;
    let colleague = accounts[3];
    let grant = async |person: &Person, role: &str| {
        let path = format!("/api/admin/staff/{colleague}/role");
        let answer = person.send(Method::POST, &path, Some(json!({ "role": role })));
        answer.await.status()
    };
    assert_eq!(grant(&seller, "manager").await, 403);
    assert_eq!(grant(&admin, "service").await, 200);
    watched.silent("scrm.role-grants").await;
    for role in ["sales", "service", "sales", "service", "sales"] {
        assert_eq!(grant(&admin, role).await, 200);
    }
    watched.fired("scrm.role-grants").await;
    watched.silent("scrm.role-grant").await;
}
