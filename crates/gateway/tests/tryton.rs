//! A real Tryton behind the gateway: its four doors, a theft and its scope, a module set apart, sessions ended.
//!
//! Runs when `HUDUN_TRYTON` names a folder that `scripts/tryton.sh` has prepared; says so and passes when it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tryton_server;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hudun_core::{
    BoxFuture, Exchange, Expiry, Isolation, IsolationMode, Policy, RefusalCause, Restriction,
    RestrictionId, Revocation, RevocationTarget, Scope, ScopeQuestion, ScopeSource, SubjectToken,
    Timestamp, Window,
};
use hudun_gateway::{
    Accounting, AccountingError, ForgetSessions, Gateway, GatewayConfig, GatewayParts, HttpLimits,
    JournalRecord, PolicyHandle, RecentTraffic,
};
use hudun_lake::{ExchangeFilter, Lake, LakeOptions, Page, Record};
use hudun_pii::Keyer;
use hudun_profile::Profile;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tryton_server::{ADMIN_PASSWORD, Tryton};

const PASSWORD: &str = "Hudun-Test-2026!x";
const CUSTOMERS: u64 = 60;
const JSON: &str = "application/json";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_tryton_is_guarded() {
    let Some(tryton) = Tryton::start().await else {
        println!("skipped: HUDUN_TRYTON names no folder; run scripts/tryton.sh FOLDER and set it");
        return;
    };
    let bed = Bed::new(tryton.address).await;
    let admin = bed.direct().log_in("admin", ADMIN_PASSWORD).await;
    seed(&admin).await;

    every_door_shows_customers_and_is_recorded(&bed, &admin).await;
    a_failure_in_a_200_is_a_failure(&bed).await;
    the_scope_of_a_theft_is_the_thiefs_own_list(&bed).await;
    parties_alone_are_set_apart_in_every_spelling(&bed).await;
    a_revoked_session_is_refused_at_once(&bed).await;
    a_key_that_outlives_its_user_ends_at_the_gateway(&bed, &admin).await;
    bed.stop.cancel();
}

async fn every_door_shows_customers_and_is_recorded(bed: &Bed, admin: &Person) {
    let anna = bed.gate().log_in("anna", PASSWORD).await;
    let list = anna
        .rpc(
            "model.party.party.search_read",
            json!([[], 0, 20, null, ["name", "mobile", "email"], {}]),
        )
        .await;
    assert_eq!(list.as_array().unwrap().len(), 20, "the list");
    let found = anna
        .rpc(
            "model.party.party.search_read",
            json!([
                [["name", "=", "测试客户0007"]],
                0,
                20,
                null,
                ["name", "mobile"],
                {}
            ]),
        )
        .await;
    let id = found[0]["id"].as_u64().unwrap();
    assert!(
        found[0]["mobile"].as_str().unwrap().contains("138"),
        "{found}"
    );

    // An export names its columns in the request; with titles the first row is nobody.
    let fields = json!(["id", "name", "mobile", "email"]);
    let rows = anna
        .rpc(
            "model.party.party.export_data",
            json!([[id], fields, true, {}]),
        )
        .await;
    assert_eq!(
        rows.as_array().unwrap().len(),
        2,
        "titles and one row: {rows}"
    );
    let exchange = bed.last().await;
    assert!(exchange.head.export && exchange.head.module.as_str() == "parties");
    assert_eq!(subjects(&exchange), bed.tokens([id]), "export with titles");
    let rows = anna
        .rpc(
            "model.party.party.export_data_domain",
            json!([[], fields, 0, 10, null, false, {}]),
        )
        .await;
    let ids: Vec<u64> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[0].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), 10);
    let exchange = bed.last().await;
    assert_eq!(subjects(&exchange), bed.tokens(ids), "export of a domain");

    // CSV, by session and by password.
    let target = "/crm/data/party.party?f=id&f=name&f=mobile&f=email&s=15";
    for auth in [anna.auth.clone(), basic("anna", PASSWORD)] {
        let got = bed
            .gate()
            .send("GET", target, &[("authorization", &auth)], "")
            .await;
        assert_eq!(got.status, 200, "{}", got.text());
        let ids: Vec<u64> = got
            .text()
            .lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(ids.len(), 15);
        let exchange = bed.last().await;
        assert_eq!(subjects(&exchange), bed.tokens(ids), "CSV");
        assert_eq!(
            exchange.head.actor.account.as_ref().unwrap().as_str(),
            "anna"
        );
    }

    // REST, by an application key.
    let key = application_key(bed, admin, "anna").await;
    let got = bed
        .gate()
        .rest(&key, "/crm/rest/model/party.party?f=name&f=mobile&s=7")
        .await;
    assert_eq!(got.status, 200, "{}", got.text());
    let rows: Value = serde_json::from_slice(&got.body).unwrap();
    let ids: Vec<u64> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), 7);
    let exchange = bed.last().await;
    assert_eq!(subjects(&exchange), bed.tokens(ids), "REST");
    assert!(exchange.head.actor.token.is_some());

    // A log-in by cookie is the same person.
    let body = json!({"id": 1, "method": "common.db.login", "params": ["anna", {"password": PASSWORD}, "en"]});
    let got = bed
        .gate()
        .send(
            "POST",
            "/crm/session/login",
            &[("content-type", JSON)],
            &body.to_string(),
        )
        .await;
    let cookie = got.headers["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let call = json!({"id": 1, "method": "model.party.party.search_count", "params": [[], {}]})
        .to_string();
    let got = bed
        .gate()
        .send(
            "POST",
            "/crm/rpc/",
            &[("content-type", JSON), ("cookie", &cookie)],
            &call,
        )
        .await;
    assert_eq!(got.status, 200, "{}", got.text());
    let exchange = bed.last().await;
    assert_eq!(
        exchange.head.actor.account.as_ref().unwrap().as_str(),
        "anna"
    );
    assert!(exchange.head.actor.session.is_some());
}

async fn a_failure_in_a_200_is_a_failure(bed: &Bed) {
    let anna = bed.gate().log_in("anna", PASSWORD).await;
    for (method, params, success) in [
        (
            "model.party.party.search_read",
            json!([[], 0, 1, null, ["name"], {}]),
            true,
        ),
        (
            "model.party.party.search_read",
            json!([[], 0, 1, null, ["no_such_field"], {}]),
            false,
        ),
        (
            "model.party.party.read",
            json!([[999_999], ["name"], {}]),
            false,
        ),
    ] {
        let got = anna.call("/crm/rpc/", method, params).await;
        assert_eq!(got.status, 200, "{method}");
        let end = bed.last().await.end.clone().unwrap();
        assert_eq!(
            (end.status, end.success),
            (200, success),
            "{method}: {}",
            got.text()
        );
    }
    let body = json!({"id": 1, "method": "common.db.login", "params": ["anna", {"password": "wrong"}, "en"]});
    let got = bed
        .gate()
        .send(
            "POST",
            "/crm/rpc/",
            &[("content-type", JSON)],
            &body.to_string(),
        )
        .await;
    assert_eq!(got.status, 401);
    let exchange = bed.last().await;
    assert!(exchange.head.login && !exchange.end.as_ref().unwrap().success);
}

/// The thief pages through the list, reads records by number, and exports; it notes each number that it received.
async fn the_scope_of_a_theft_is_the_thiefs_own_list(bed: &Bed) {
    let from = Timestamp::now();
    let thief = bed.gate().log_in("thief", PASSWORD).await;
    let mut stolen = BTreeSet::new();
    for page in 0..2 {
        let rows = thief
            .rpc(
                "model.party.party.search_read",
                json!([
                    [],
                    page * 10,
                    10,
                    [["id", "ASC"]],
                    ["name", "mobile", "email"],
                    {}
                ]),
            )
            .await;
        stolen.extend(
            rows.as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_u64().unwrap()),
        );
    }
    let first = *stolen.first().unwrap();
    for id in [first + 24, first + 25, 999_999] {
        let got = thief
            .call(
                "/crm/rpc/",
                "model.party.party.read",
                json!([[id], ["name", "mobile"], {}]),
            )
            .await;
        let answer: Value = serde_json::from_slice(&got.body).unwrap();
        for row in answer["result"].as_array().into_iter().flatten() {
            stolen.insert(row["id"].as_u64().unwrap());
        }
    }
    let fields = json!(["id", "name", "mobile", "email"]);
    let rows = thief
        .rpc(
            "model.party.party.export_data_domain",
            json!([[], fields, 30, 20, [["id", "ASC"]], true, {}]),
        )
        .await;
    for row in rows.as_array().unwrap().iter().skip(1) {
        stolen.insert(row[0].as_u64().unwrap());
    }
    assert!(
        stolen.len() > 30 && (stolen.len() as u64) < CUSTOMERS,
        "{}",
        stolen.len()
    );

    let source = ScopeSource {
        accounts: vec!["thief".parse().unwrap()],
        ..ScopeSource::default()
    };
    let scope = bed.scope(source, from).await;
    let likely: BTreeSet<SubjectToken> =
        scope.subjects.iter().map(|(subject, _)| *subject).collect();
    assert_eq!(
        likely,
        bed.tokens(stolen.iter().copied()),
        "neither one too many nor one too few"
    );
    assert_eq!(scope.low, scope.likely, "everything arrived");
    // The rightful users were active too, and are not in it.
    assert_eq!(scope.seen.accounts, ["thief".parse().unwrap()]);
    assert_eq!(scope.seen.sessions.len(), 1);
}

async fn parties_alone_are_set_apart_in_every_spelling(bed: &Bed) {
    let anna = bed.gate().log_in("anna", PASSWORD).await;
    let rpc = |body: &str| {
        (
            "POST",
            "/crm/rpc/".to_owned(),
            JSON,
            Bytes::from(body.to_owned()),
        )
    };
    let call = r#"{"id":1,"method":"model.party.party.search_read","params":[[],0,5,null,["name","mobile"],{}]}"#;
    let xml = "<?xml version='1.0'?><methodCall><methodName>model.party.party.search_read</methodName><params>\
        <param><value><array><data/></array></value></param><param><value><int>0</int></value></param>\
        <param><value><int>5</int></value></param><param><value><nil/></value></param>\
        <param><value><array><data><value><string>name</string></value></data></array></value></param>\
        <param><value><struct/></value></param></params></methodCall>";
    let get = |target: &str| ("GET", target.to_owned(), "", Bytes::new());
    let open = vec![
        rpc(call),
        rpc(
            r#"{"id":1,"\u006dethod":"model.\u0070arty.party.search_read","params":[[],0,5,null,["name"],{}]}"#,
        ),
        rpc(
            r#"{"id":1,"method":"model.party.party.export_data_domain","params":[[],["name"],0,5,null,false,{}]}"#,
        ),
        rpc(
            r#"{"id":1,"method":"model.party.address.search_read","params":[[],0,5,null,["street"],{}]}"#,
        ),
        rpc(
            r#"{"id":1,"method":"model.sale.sale.search_read","params":[[],0,5,null,["party.mobile"],{}]}"#,
        ),
        (
            "POST",
            "/crm/rpc/".to_owned(),
            "text/plain; json",
            Bytes::from(call),
        ),
        (
            "POST",
            "/crm/./x/..//rpc/".to_owned(),
            JSON,
            Bytes::from(call),
        ),
        ("POST", "/crm/rpc/".to_owned(), "text/xml", Bytes::from(xml)),
        get("/crm/data/party.party?f=name&s=5"),
        get("/crm/data/%70arty.party?f=name&s=5"),
    ];
    for (method, target, kind, body) in &open {
        let got = anna.raw(method, target, kind, None, body.clone()).await;
        assert_eq!(got.status, 200, "open, {target} {kind}: {}", got.text());
    }
    let zipped = gzip(call.as_bytes()).await;
    let got = anna
        .raw("POST", "/crm/rpc/", JSON, Some("gzip"), zipped.clone())
        .await;
    assert_eq!(got.status, 200, "a compressed body: {}", got.text());

    bed.isolate("parties");
    for (method, target, kind, body) in &open {
        let got = anna.raw(method, target, kind, None, body.clone()).await;
        assert_eq!(
            got.status,
            503,
            "set apart, {target} {kind}: {}",
            got.text()
        );
        assert_eq!(
            bed.cause().await,
            Some(RefusalCause::Isolation),
            "{target} {kind}"
        );
    }
    let got = anna
        .raw("POST", "/crm/rpc/", JSON, Some("gzip"), zipped)
        .await;
    assert_eq!(got.status, 503, "a compressed body");
    let key = bed.key();
    for target in [
        "/crm/rest/model/party.party?s=5",
        "/crm/rest/model/party.party/1",
    ] {
        assert_eq!(bed.gate().rest(&key, target).await.status, 503, "{target}");
    }

    // What could be read in two ways is not read at all.
    let sale = "model.sale.sale.search_read";
    for (kind, body) in [
        (
            JSON,
            format!(
                r#"{{"id":1,"method":"{sale}","params":[],"method":"model.party.party.read"}}"#
            ),
        ),
        ("application/x-www-form-urlencoded; json", call.to_owned()),
        ("multipart/form-data; boundary=json", call.to_owned()),
        (
            "text/xml",
            format!(
                "<methodCall><methodName>{sale}</methodName><params><param><value>\
                <methodName>model.party.party.search_read</methodName></value></param></params></methodCall>"
            ),
        ),
    ] {
        let got = anna
            .raw("POST", "/crm/rpc/", kind, None, Bytes::from(body))
            .await;
        assert_eq!(got.status, 400, "{kind}: {}", got.text());
        assert_eq!(bed.cause().await, Some(RefusalCause::Protocol), "{kind}");
    }

    // The other modules share the URL and go on.
    for (method, params) in [
        (
            sale,
            json!([[], 0, 20, null, ["number", "party.rec_name"], {}]),
        ),
        ("model.sale.opportunity.search_count", json!([[], {}])),
        (
            "model.product.product.search_read",
            json!([[], 0, 20, null, ["rec_name"], {}]),
        ),
        ("model.res.user.get_preferences", json!([true, {}])),
    ] {
        let got = anna.call("/crm/rpc/", method, params).await;
        assert_eq!(got.status, 200, "{method}");
        let answer: Value = serde_json::from_slice(&got.body).unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
    }
    let got = bed
        .gate()
        .send(
            "GET",
            "/crm/data/sale.sale?f=number",
            &[("authorization", &anna.auth)],
            "",
        )
        .await;
    assert_eq!(got.status, 200);

    bed.change(|policy| policy.isolations.clear());
    let got = anna
        .raw("POST", "/crm/rpc/", JSON, None, Bytes::from(call))
        .await;
    assert_eq!(got.status, 200, "lifted");
}

async fn a_revoked_session_is_refused_at_once(bed: &Bed) {
    let anna = bed.gate().log_in("anna", PASSWORD).await;
    let other = bed.gate().log_in("anna", PASSWORD).await;
    let count = json!([[], {}]);
    anna.rpc("model.party.party.search_count", count.clone())
        .await;
    let session = bed.last().await.head.actor.session.clone().unwrap();
    bed.revoke(RevocationTarget::Session(session));
    for method in [
        "model.party.party.search_count",
        "model.sale.sale.search_count",
    ] {
        let got = anna.call("/crm/rpc/", method, count.clone()).await;
        assert_eq!(got.status, 401, "{method}");
        assert_eq!(bed.cause().await, Some(RefusalCause::Revocation));
    }
    // In a cookie it is the same session.
    let secret = String::from_utf8(
        STANDARD
            .decode(anna.auth.strip_prefix("Session ").unwrap())
            .unwrap(),
    )
    .unwrap();
    let cookie = format!("tryton_session={secret}");
    let call =
        json!({"id": 1, "method": "model.party.party.search_count", "params": count}).to_string();
    let got = bed
        .gate()
        .send(
            "POST",
            "/crm/rpc/",
            &[("content-type", JSON), ("cookie", &cookie)],
            &call,
        )
        .await;
    assert_eq!(got.status, 401, "the cookie");
    // Tryton itself would go on serving it; the same account's other session does not suffer.
    let still = Person {
        door: bed.direct(),
        auth: anna.auth.clone(),
    };
    still
        .rpc("model.party.party.search_count", json!([[], {}]))
        .await;
    other
        .rpc("model.party.party.search_count", json!([[], {}]))
        .await;
}

async fn a_key_that_outlives_its_user_ends_at_the_gateway(bed: &Bed, admin: &Person) {
    let key = bed.key();
    let target = "/crm/rest/model/party.party?f=name&s=3";
    let user = admin
        .rpc(
            "model.res.user.search",
            json!([[["login", "=", "anna"]], 0, null, null, {}]),
        )
        .await;
    admin
        .rpc("model.res.user.write", json!([user, {"active": false}, {}]))
        .await;
    assert_eq!(
        bed.gate().rest(&key, target).await.status,
        200,
        "Tryton serves a key of a user who is gone"
    );
    let token = bed.last().await.head.actor.token.clone().unwrap();
    bed.revoke(RevocationTarget::Token(token));
    assert_eq!(bed.gate().rest(&key, target).await.status, 401);
    assert_eq!(bed.cause().await, Some(RefusalCause::Revocation));
}

async fn seed(admin: &Person) {
    let parties: Vec<Value> = (1..=CUSTOMERS)
        .map(|n| {
            json!({"name": format!("测试客户{n:04}"), "contact_mechanisms": [["create", [
                {"type": "mobile", "value": format!("+86138000{n:05}")},
                {"type": "email", "value": format!("c{n}@example.invalid")},
            ]]]})
        })
        .collect();
    admin
        .rpc("model.party.party.create", json!([parties, {}]))
        .await;
    let groups = admin
        .rpc("model.res.group.search", json!([[], 0, null, null, {}]))
        .await;
    let users: Vec<Value> = ["anna", "thief"]
        .iter()
        .map(|login| json!({"name": login, "login": login, "password": PASSWORD, "groups": [["add", groups]]}))
        .collect();
    admin.rpc("model.res.user.create", json!([users, {}])).await;
}

/// A key that the user asks for through the gateway and the administrator validates.
async fn application_key(bed: &Bed, admin: &Person, login: &str) -> String {
    let body = json!({"user": login, "application": "rest"}).to_string();
    let got = bed
        .gate()
        .send(
            "POST",
            "/crm/user/application/",
            &[("content-type", JSON)],
            &body,
        )
        .await;
    assert_eq!(got.status, 200, "{}", got.text());
    let key = got.text().trim().trim_matches('"').to_owned();
    let ids = admin
        .rpc(
            "model.res.user.application.search",
            json!([[], 0, null, null, {}]),
        )
        .await;
    admin
        .rpc(
            "model.res.user.application.write",
            json!([ids, {"state": "validated"}, {}]),
        )
        .await;
    *bed.key.lock().unwrap() = Some(key.clone());
    key
}

fn subjects(exchange: &Exchange) -> BTreeSet<SubjectToken> {
    exchange
        .releases
        .iter()
        .flat_map(|release| &release.sightings)
        .map(|seen| seen.subject)
        .collect()
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

async fn gzip(bytes: &[u8]) -> Bytes {
    use tokio::io::AsyncReadExt as _;
    let mut out = Vec::new();
    async_compression::tokio::bufread::GzipEncoder::new(bytes)
        .read_to_end(&mut out)
        .await
        .unwrap();
    Bytes::from(out)
}

/// A gateway before Tryton, with a lake behind it.
struct Bed {
    address: SocketAddr,
    upstream: SocketAddr,
    policy: PolicyHandle,
    lake: Lake,
    keyer: Keyer,
    key: std::sync::Mutex<Option<String>>,
    client: Http,
    sent: Arc<AtomicUsize>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
    _events: mpsc::Receiver<hudun_core::ExchangeEvent>,
}

type Http = Client<HttpConnector, Full<Bytes>>;

struct Book(Lake);

impl Accounting for Book {
    fn record(&self, record: JournalRecord) -> BoxFuture<'_, Result<(), AccountingError>> {
        Box::pin(async move {
            let done = self.0.journal().append(to_lake(record)).await;
            done.map(|_| ())
                .map_err(|error| AccountingError(error.to_string()))
        })
    }

    fn record_relaxed(&self, record: JournalRecord) -> Result<(), AccountingError> {
        let done = self.0.journal().append_relaxed(to_lake(record));
        done.map_err(|error| AccountingError(error.to_string()))
    }
}

fn to_lake(record: JournalRecord) -> Record {
    match record {
        JournalRecord::Head(head) => Record::Head(head),
        JournalRecord::Release(release) => Record::Release(release),
        JournalRecord::Small(head, release) => Record::Small(head, release),
        JournalRecord::End(end) => Record::End(end),
    }
}

impl Bed {
    async fn new(upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).unwrap();
        let text = include_str!("../../../profiles/tryton.yaml");
        let policy = PolicyHandle::new(Policy::empty(Timestamp::now())).unwrap();
        let (sender, events) = mpsc::channel(100_000);
        let gateway = Gateway::new(GatewayParts {
            config: GatewayConfig {
                upstream: format!("http://{upstream}").parse().unwrap(),
                standby: None,
                upstream_ca: None,
                trusted_proxies: vec![],
                tenant: "default".parse().unwrap(),
                key: [7; 32],
                limits: HttpLimits::default(),
            },
            profile: Arc::new(Profile::parse(text, "tryton.yaml").unwrap()),
            policy: policy.clone(),
            accounting: Arc::new(Book(lake.clone())),
            sessions: Arc::new(ForgetSessions),
            keys: Arc::new(|_: &hudun_core::TenantId| Keyer::new(&[1; 32])),
            events: sender,
            recent: RecentTraffic::new(5),
            inspectors: vec![],
        })
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(gateway.serve(listener, None, stop.clone()));
        Self {
            address,
            upstream,
            policy,
            lake,
            keyer: Keyer::new(&[1; 32]),
            key: std::sync::Mutex::default(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            sent: Arc::default(),
            stop,
            _folder: folder,
            _events: events,
        }
    }

    fn gate(&self) -> Door {
        Door {
            client: self.client.clone(),
            address: self.address,
            sent: Arc::clone(&self.sent),
        }
    }

    fn direct(&self) -> Door {
        Door {
            client: self.client.clone(),
            address: self.upstream,
            sent: Arc::default(),
        }
    }

    fn key(&self) -> String {
        self.key.lock().unwrap().clone().unwrap()
    }

    fn tokens(&self, ids: impl IntoIterator<Item = u64>) -> BTreeSet<SubjectToken> {
        ids.into_iter()
            .map(|id| self.keyer.subject("customer", &id.to_string()))
            .collect()
    }

    /// The last exchange, when every request that was sent has an end in the lake.
    async fn last(&self) -> Arc<Exchange> {
        let all = Window {
            from: Timestamp::from_millis(0),
            to: Timestamp::now().plus_millis(60_000),
        };
        let page = Page {
            limit: 1_000,
            after: None,
            newest_first: true,
        };
        let sent = self.sent.load(Ordering::SeqCst);
        for _ in 0..500 {
            let found = self
                .lake
                .exchanges(&ExchangeFilter::of(all), &page)
                .unwrap();
            let ended = found
                .iter()
                .filter(|exchange| exchange.end.is_some())
                .count();
            if let Some(exchange) = found.first().filter(|_| ended == sent) {
                return Arc::clone(exchange);
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("an exchange has no end in the lake");
    }

    async fn cause(&self) -> Option<RefusalCause> {
        let refusal = self.last().await.end.clone()?.refusal?;
        Some(refusal.cause)
    }

    async fn scope(&self, source: ScopeSource, from: Timestamp) -> Scope {
        self.last().await;
        let window = Window {
            from,
            to: Timestamp::now().plus_millis(60_000),
        };
        let question = ScopeQuestion {
            tenant: "default".parse().unwrap(),
            source,
            window,
        };
        self.lake
            .ask(move |lake| lake.scope(&question))
            .await
            .unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Policy)) {
        let mut next = self
            .policy
            .load()
            .policy()
            .next(Timestamp::now(), "test", "test");
        change(&mut next);
        self.policy.swap(next).unwrap();
    }

    fn isolate(&self, module: &str) {
        self.change(|policy| {
            policy.isolations.push(Isolation {
                restriction: restriction(),
                tenant: None,
                module: module.parse().unwrap(),
                mode: IsolationMode::Off,
            });
        });
    }

    fn revoke(&self, target: RevocationTarget) {
        self.change(|policy| {
            policy.revocations.push(Revocation {
                restriction: restriction(),
                target,
            })
        });
    }
}

fn restriction() -> Restriction {
    Restriction {
        id: RestrictionId::new(),
        owner: "li.lei".to_owned(),
        reason: "演练".to_owned(),
        incident: None,
        since: Timestamp::from_millis(0),
        expiry: Expiry::Never {
            because: "test".to_owned(),
        },
    }
}

/// Where requests go in: the gateway, or Tryton itself.
#[derive(Clone)]
struct Door {
    client: Http,
    address: SocketAddr,
    /// Requests that went in here.
    sent: Arc<AtomicUsize>,
}

/// Somebody with a session.
struct Person {
    door: Door,
    auth: String,
}

struct Got {
    status: u16,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Got {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or("(no text)")
    }
}

impl Door {
    async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Got {
        self.send_bytes(method, target, headers, Bytes::from(body.to_owned()))
            .await
    }

    async fn send_bytes(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Got {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{target}", self.address));
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        self.sent.fetch_add(1, Ordering::SeqCst);
        let response = self
            .client
            .request(request.body(Full::new(body)).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let mut body = body.collect().await.unwrap().to_bytes();
        // Tryton sends long answers as gzip, or says gzip of a plain one.
        if body.starts_with(&[0x1f, 0x8b]) {
            use tokio::io::AsyncReadExt as _;
            let mut plain = Vec::new();
            let mut decoder = async_compression::tokio::bufread::GzipDecoder::new(&body[..]);
            decoder.read_to_end(&mut plain).await.unwrap();
            body = Bytes::from(plain);
        }
        Got {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    async fn rest(&self, key: &str, target: &str) -> Got {
        self.send(
            "GET",
            target,
            &[("authorization", &format!("Bearer {key}"))],
            "",
        )
        .await
    }

    async fn log_in(&self, login: &str, password: &str) -> Person {
        let body = json!({"id": 1, "method": "common.db.login", "params": [login, {"password": password}, "en"]});
        let got = self
            .send(
                "POST",
                "/crm/rpc/",
                &[("content-type", JSON)],
                &body.to_string(),
            )
            .await;
        assert_eq!(got.status, 200, "{login}: {}", got.text());
        let answer: Value = serde_json::from_slice(&got.body).unwrap();
        let result = &answer["result"];
        let session = format!("{login}:{}:{}", result[0], result[1].as_str().unwrap());
        Person {
            door: self.clone(),
            auth: format!("Session {}", STANDARD.encode(session)),
        }
    }
}

impl Person {
    async fn call(&self, target: &str, method: &str, params: Value) -> Got {
        let body = json!({"id": 1, "method": method, "params": params}).to_string();
        self.raw("POST", target, JSON, None, Bytes::from(body))
            .await
    }

    async fn raw(
        &self,
        method: &str,
        target: &str,
        kind: &str,
        coding: Option<&str>,
        body: Bytes,
    ) -> Got {
        let headers = [
            ("authorization", self.auth.as_str()),
            ("content-type", kind),
            ("content-encoding", coding.unwrap_or_default()),
        ];
        self.door.send_bytes(method, target, &headers, body).await
    }

    /// A call that must succeed; its result.
    async fn rpc(&self, method: &str, params: Value) -> Value {
        let got = self.call("/crm/rpc/", method, params).await;
        assert_eq!(got.status, 200, "{method}: {}", got.text());
        let mut answer: Value = serde_json::from_slice(&got.body).unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }
}
