//! The page over HTTP, with answers that know two persons in one case.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use hudun_affected::{Counts, Limits, Page, Settings, TrustedProxies};
use hudun_core::Timestamp;
use proptest::prelude::*;
use support::{Firm, T0};
use tower::ServiceExt as _;

const MINUTE: i64 = 60_000;

struct House {
    firm: Arc<Firm>,
    router: Router,
    clock: Arc<AtomicI64>,
    counts: Arc<Counts>,
}

/// One answer.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Got {
    /// The value of a hidden field.
    fn field(&self, name: &str) -> String {
        let from = format!("name=\"{name}\" value=\"");
        let rest = self
            .text
            .split(&from)
            .nth(1)
            .unwrap_or_else(|| panic!("no field {name} in {}", self.text));
        rest.split('"').next().unwrap().to_owned()
    }

    /// The page without its random ids.
    fn bare(&self) -> String {
        let id = self.field("challenge");
        assert_eq!(id.len(), 32);
        self.text.replace(&id, "")
    }
}

fn house() -> House {
    house_with(Limits::default(), &[])
}

fn house_with(limits: Limits, proxies: &[&str]) -> House {
    house_of(limits, proxies, false)
}

fn house_of(limits: Limits, proxies: &[&str], phones: bool) -> House {
    let firm = Arc::new(Firm::new());
    let clock = Arc::new(AtomicI64::new(T0));
    let hand = Arc::clone(&clock);
    let page = Page::new(
        firm.clone(),
        Settings {
            limits,
            phones,
            proxies: TrustedProxies::parse(proxies).unwrap(),
            hosted_at: None,
            clock: Arc::new(move || Timestamp::from_millis(hand.load(Ordering::Relaxed))),
        },
    );
    House {
        firm,
        counts: page.counts(),
        router: page.router(),
        clock,
    }
}

impl House {
    async fn send(&self, request: Request<Body>) -> Got {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Got {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Got {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Got {
        self.post_from("198.51.100.7", path, form).await
    }

    async fn post_from(&self, peer: &str, path: &str, form: &[(&str, &str)]) -> Got {
        let coded: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", coded(value)))
            .collect();
        let mut request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(coded.join("&")))
            .unwrap();
        let peer: SocketAddr = SocketAddr::new(peer.parse().unwrap(), 40_000);
        request.extensions_mut().insert(ConnectInfo(peer));
        self.send(request).await
    }

    /// The newest code that went to an address.
    async fn code(&self, address: &str) -> String {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        let mails = self.firm.mails.lock().unwrap();
        let mail = mails.iter().rev().find(|(to, ..)| to == address);
        mail.unwrap_or_else(|| panic!("nothing went to {address}"))
            .2
            .clone()
    }

    async fn mails(&self) -> usize {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        self.firm.mails.lock().unwrap().len()
    }

    /// Asks for a code and returns it.
    async fn prove(&self, address: &str, lang: &str) -> Got {
        let page = self
            .post(&format!("/code?lang={lang}"), &[("email", address)])
            .await;
        assert_eq!(page.status, 200, "{}", page.text);
        let code = self.code(address).await;
        let challenge = page.field("challenge");
        let form = [("challenge", challenge.as_str()), ("code", code.as_str())];
        self.post(&format!("/answer?lang={lang}"), &form).await
    }

    fn later(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::Relaxed);
    }

    fn count(&self, name: &str) -> u64 {
        let all = self.counts.all();
        all.into_iter().find(|(known, _)| *known == name).unwrap().1
    }
}

fn coded(value: &str) -> String {
    value.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn other(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn a_person_sees_their_own_kinds_and_no_others_and_gets_help() {
    let house = house();
    let seen = house.prove("li@example.cn", "zh").await;
    assert_eq!(seen.status, 200);
    assert!(seen.text.contains("手机号") && seen.text.contains("云溪商贸"));
    assert!(!seen.text.contains("订单") && !seen.text.contains("wang@"));
    assert!(
        seen.text.contains("&lt;b&gt;请留意&lt;/b&gt;"),
        "what is shown is escaped"
    );

    // In the other language, without asking anybody anew.
    let proof = seen.field("proof");
    let english = house.post("/answer?lang=en", &[("proof", &proof)]).await;
    assert!(english.text.contains("mobile number") && english.text.contains("Yunxi Trading"));
    assert!(
        english.text.contains("lang=\"zh-CN\">告知"),
        "a notice keeps its language"
    );
    assert_eq!(house.firm.look_ups.load(Ordering::Relaxed), 1);

    let case = seen.field("case");
    let words = "有人冒充客服打电话\r\n怎么办";
    let form = [
        ("proof", proof.as_str()),
        ("case", case.as_str()),
        ("words", words),
    ];
    let helped = house.post("/help?lang=zh", &form).await;
    assert!(helped.text.contains("7KQ2-M4XA"), "{}", helped.text);
    // T0 is 2026-11-23 08:00 UTC.
    assert!(
        helped.text.contains("2026年11月24日 16:00（北京时间）"),
        "{}",
        helped.text
    );
    let again = house.post("/help?lang=en", &form).await;
    assert!(again.text.contains("still open") && again.text.contains("7KQ2-M4XA"));
    assert!(
        again.text.contains("24 November 2026, 16:00 (UTC+8)"),
        "{}",
        again.text
    );
    {
        let asked = house.firm.asked.lock().unwrap();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].words, "有人冒充客服打电话\n怎么办");
        assert_eq!(asked[0].address.as_str(), "li@example.cn");
    }
    assert_eq!(house.count("helped"), 1);

    house.later(30 * MINUTE);
    let late = house.post("/help", &form).await;
    assert_eq!(late.status, 410);
    let late = house.post("/answer", &[("proof", &proof)]).await;
    assert_eq!(late.status, 410);
}

#[tokio::test]
async fn somebody_else_learns_that_nothing_is_there_and_can_not_ask_for_help_in_a_case() {
    let house = house();
    let seen = house.prove("nobody@example.cn", "en").await;
    assert_eq!(seen.status, 200);
    assert!(seen.text.contains("Nothing is under this address"));
    assert!(!seen.text.contains("Yunxi"));
    let proof = seen.field("proof");
    let form = [
        ("proof", proof.as_str()),
        ("case", "c-0123456789abcdef"),
        ("words", "x"),
    ];
    assert_eq!(house.post("/help", &form).await.status, 410);
    assert!(house.firm.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answer_byte_for_byte() {
    let house = house();
    let known = house.post("/code", &[("email", "li@example.cn")]).await;
    let unknown = house.post("/code", &[("email", "no@example.cn")]).await;
    assert_eq!(known.bare(), unknown.bare());
    assert_eq!(known.status, unknown.status);
    assert_eq!(known.headers, unknown.headers);
    assert_ne!(known.field("challenge"), unknown.field("challenge"));
    assert_eq!(house.mails().await, 2, "both get a code");
    assert_eq!(
        house.firm.look_ups.load(Ordering::Relaxed),
        0,
        "nobody was asked"
    );

    // A wrong code is wrong in the same words as well.
    let wrong = async |page: &Got, address: &str| {
        let code = other(&house.code(address).await);
        let challenge = page.field("challenge");
        let form = [("challenge", challenge.as_str()), ("code", code.as_str())];
        house.post("/answer", &form).await
    };
    let (one, two) = (
        wrong(&known, "li@example.cn").await,
        wrong(&unknown, "no@example.cn").await,
    );
    assert_eq!((one.status, one.bare()), (two.status, two.bare()));
    assert_eq!(one.status, 422);
    assert_eq!(house.firm.look_ups.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_code_holds_ten_minutes_five_tries_and_once() {
    let house = house();
    let ask = async |address: &str| {
        let page = house.post("/code?lang=en", &[("email", address)]).await;
        (page.field("challenge"), house.code(address).await)
    };
    let give = async |challenge: &str, code: &str| {
        let form = [("challenge", challenge), ("code", code)];
        house.post("/answer?lang=en", &form).await
    };
    let (challenge, code) = ask("li@example.cn").await;
    for left in (1..5).rev() {
        let page = give(&challenge, &other(&code)).await;
        assert!(
            page.text.contains(&format!("Tries left: {left}.")),
            "{}",
            page.text
        );
    }
    // To look at the page in the other language is no try.
    let page = house
        .post("/answer?lang=zh", &[("challenge", &challenge)])
        .await;
    assert_eq!(page.status, 200);
    assert_eq!(
        give(&challenge, &other(&code)).await.status,
        410,
        "the fifth"
    );
    assert_eq!(
        give(&challenge, &code).await.status,
        410,
        "the right one comes too late"
    );
    assert_eq!(house.count("wrong"), 4);

    let (challenge, code) = ask("li@example.cn").await;
    house.later(10 * MINUTE);
    assert_eq!(give(&challenge, &code).await.status, 410, "too old");

    let (challenge, code) = ask("li@example.cn").await;
    // As people type it: full-width, and with a space.
    let wide: String = code
        .chars()
        .map(|c| char::from_u32(u32::from(c) - u32::from('0') + u32::from('０')).unwrap())
        .collect();
    let typed = wide
        .chars()
        .take(3)
        .chain([' '])
        .chain(wide.chars().skip(3))
        .collect::<String>();
    assert_eq!(give(&challenge, &typed).await.status, 200);
    assert_eq!(give(&challenge, &code).await.status, 410, "used");
    assert_eq!(give("00", &code).await.status, 410);
}

#[tokio::test]
async fn three_codes_an_hour_go_to_an_address_and_nobody_can_tell() {
    let house = house();
    let mut pages = Vec::new();
    for n in 0..5_u8 {
        // From several networks: it is the address that counts. Cases of letters don't.
        let address = if n % 2 == 0 {
            "li@example.cn"
        } else {
            "LI@Example.CN"
        };
        let peer = format!("203.0.{n}.1");
        pages.push(house.post_from(&peer, "/code", &[("email", address)]).await);
    }
    assert!(
        pages
            .iter()
            .all(|page| page.status == 200 && page.bare() == pages[0].bare())
    );
    assert_eq!(house.mails().await, 3);
    assert_eq!((house.count("sent"), house.count("quiet")), (3, 2));
    house.later(60 * MINUTE);
    house.post("/code", &[("email", "li@example.cn")]).await;
    assert_eq!(house.mails().await, 4);
}

#[tokio::test]
async fn a_network_and_all_together_are_limited_and_told_until_when() {
    let limits = Limits {
        all: 25,
        ..Limits::default()
    };
    let house = house_with(limits, &["10.0.0.1"]);
    for n in 0..10 {
        let address = format!("p{n}@example.cn");
        let peer = format!("198.51.100.{n}");
        let page = house
            .post_from(&peer, "/code", &[("email", &address)])
            .await;
        assert_eq!(page.status, 200);
    }
    let full = house
        .post_from("198.51.100.200", "/code", &[("email", "q@example.cn")])
        .await;
    assert_eq!(full.status, 429);
    assert_eq!(full.headers["retry-after"], "3601");
    assert!(full.text.contains("2026年11月23日 17:00"), "{}", full.text);
    // An affected address is limited in the same words.
    let known = house
        .post_from("198.51.100.200", "/code", &[("email", "li@example.cn")])
        .await;
    assert_eq!((known.status, &known.text), (full.status, &full.text));

    // Behind the trusted proxy, the client's own network counts; a forged header does not.
    for n in 0..15 {
        let mut request = Request::post("/code")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-forwarded-for", format!("1.2.3.4, 203.0.{n}.9"))
            .body(Body::from(format!("email=r{n}%40example.cn")))
            .unwrap();
        let peer: SocketAddr = "10.0.0.1:1".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        assert_eq!(house.send(request).await.status, 200);
    }
    let all = house
        .post_from("192.0.2.1", "/code", &[("email", "z@example.cn")])
        .await;
    assert_eq!(all.status, 429);
    assert_eq!(house.mails().await, 25);
    assert_eq!(house.count("limited"), 3);
    house.later(60 * MINUTE);
    let again = house
        .post_from("192.0.2.1", "/code", &[("email", "z@example.cn")])
        .await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn another_site_can_not_make_its_visitors_ask() {
    let house = house();
    for (site, status) in [("cross-site", 403), ("same-origin", 200), ("none", 200)] {
        let request = Request::post("/code")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .body(Body::from("email=li%40example.cn"))
            .unwrap();
        assert_eq!(house.send(request).await.status, status, "{site}");
    }
    assert_eq!(house.mails().await, 2);
}

#[tokio::test]
async fn the_page_hosted_apart_may_ask_and_read_and_no_other_may() {
    const HOST: &str = "https://notice.example.com";
    let ask = async |hosted_at: Option<&str>, origin: &str, method: &str| {
        let settings = Settings {
            hosted_at: hosted_at.map(str::to_owned),
            clock: Arc::new(|| Timestamp::from_millis(T0)),
            ..Settings::default()
        };
        let router = Page::new(Arc::new(Firm::new()), settings).router();
        let request = Request::builder()
            .method(method)
            .uri("/code?lang=en")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "cross-site")
            .header("origin", origin)
            .body(Body::from("email=li%40example.cn"))
            .unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        (
            answer.status().as_u16(),
            header("access-control-allow-origin"),
            header("access-control-allow-credentials"),
            header("vary"),
        )
    };
    let (status, allowed, credentials, vary) = ask(Some(HOST), HOST, "POST").await;
    assert_eq!(
        (status, allowed.as_deref(), credentials),
        (200, Some(HOST), None)
    );
    assert_eq!(vary.as_deref(), Some("Origin"));
    for other in [
        "https://evil.example.com",
        "https://notice.example.com.evil.com",
        "http://notice.example.com",
        "https://notice.example.com:8443",
        "null",
    ] {
        let (status, allowed, _, _) = ask(Some(HOST), other, "POST").await;
        assert_eq!((status, allowed), (403, None), "{other}");
    }
    let (status, allowed, _, _) = ask(None, HOST, "POST").await;
    assert_eq!((status, allowed), (403, None), "nothing is hosted apart");
    // A form needs no preflight; whatever needs one gets none.
    let (status, allowed, _, _) = ask(Some(HOST), HOST, "OPTIONS").await;
    assert_eq!((status, allowed), (405, None));
}

#[tokio::test]
async fn a_look_up_that_failed_can_be_tried_again_with_the_same_proof() {
    let house = house();
    house.firm.broken.store(1, Ordering::Relaxed);
    let failed = house.prove("li@example.cn", "en").await;
    assert_eq!(failed.status, 503);
    assert!(
        !failed.text.contains("the list is gone"),
        "the cause is for the log"
    );
    let proof = failed.field("proof");
    let seen = house.post("/answer?lang=en", &[("proof", &proof)]).await;
    assert!(seen.text.contains("mobile number"), "{}", seen.text);
    assert_eq!(house.count("failed"), 1);
}

#[tokio::test]
async fn words_are_bounded_and_nothing_is_lost_at_the_bound() {
    let house = house();
    let seen = house.prove("li@example.cn", "en").await;
    let (proof, case) = (seen.field("proof"), seen.field("case"));
    let ask = async |words: &str| {
        let form = [
            ("proof", proof.as_str()),
            ("case", case.as_str()),
            ("words", words),
        ];
        house.post("/help?lang=en", &form).await
    };
    let long = ask(&"字".repeat(2_001)).await;
    assert_eq!(long.status, 422);
    assert!(long.text.contains("2,000 characters"));
    // Characters beyond the basic plane are four bytes, and twelve in a form.
    let right = ask(&"𠮷".repeat(2_000)).await;
    assert_eq!(right.status, 200, "{}", right.text);
    assert_eq!(
        house.firm.asked.lock().unwrap()[0].words.chars().count(),
        2_000
    );
    let form = [
        ("proof", proof.as_str()),
        ("case", "c-other"),
        ("words", "x"),
    ];
    assert_eq!(house.post("/help", &form).await.status, 410);
}

#[tokio::test]
async fn every_answer_has_its_headers_and_no_script_or_cookie() {
    let house = house();
    let seen = house.prove("li@example.cn", "zh").await;
    for page in [
        house.get("/").await,
        house.get("/nothing").await,
        house.get("/code").await,
        house.post("/code", &[("email", "x")]).await,
        house.post("/code", &[]).await,
        house.post("/answer", &[]).await,
        seen,
    ] {
        let csp = page.headers["content-security-policy"].to_str().unwrap();
        assert_eq!(
            csp,
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        assert_eq!(page.headers["cache-control"], "no-store");
        assert!(!page.headers.contains_key("set-cookie"));
        let text = page.text.to_lowercase();
        assert!(!text.contains("<script") && !text.contains("style=") && !text.contains("onclick"));
        assert!(!text.contains("http"), "nothing from elsewhere: {text}");
    }
    let style = house.get("/style.css").await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    assert!(!style.text.contains("url("));
}

#[tokio::test]
async fn pages_are_labelled_and_in_the_language_asked_for() {
    let house = house();
    let mut request = Request::get("/").body(Body::empty()).unwrap();
    request
        .headers_mut()
        .insert("accept-language", "en-GB".parse().unwrap());
    let english = house.send(request).await;
    assert!(
        english.text.contains("<html lang=\"en\">") && english.text.contains("Was I affected?")
    );
    assert!(
        english
            .text
            .contains("<a href=\"/?lang=zh-CN\" lang=\"zh-CN\">中文</a>")
    );
    let chinese = house.get("/").await;
    assert!(chinese.text.contains("<html lang=\"zh-CN\">"));
    assert!(
        chinese.text.contains("<label for=\"email\">") && chinese.text.contains("id=\"email\"")
    );
    assert!(
        chinese.text.contains("inputmode=\"email\"")
            && chinese.text.contains("autocomplete=\"email\"")
    );
    let code = house.post("/code", &[("email", "li@example.cn")]).await;
    assert!(code.text.contains("<label for=\"code\">"));
    assert!(
        code.text.contains("autocomplete=\"one-time-code\"")
            && code.text.contains("inputmode=\"numeric\"")
    );
    let bad = house
        .post("/code?lang=en", &[("email", "li example.cn")])
        .await;
    assert_eq!(bad.status, 400);
    assert!(bad.text.contains("<title>Error: ") && bad.text.contains("aria-invalid=\"true\""));
    assert!(
        !bad.text.contains("li example.cn"),
        "what was typed is not repeated"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_request_breaks_it(
        path in "(/|/code|/answer|/help|/style.css|/[a-z%?=&]{0,12})(\\?lang=\\PC{0,6})?",
        body in "(email|challenge|code|proof|case|words)?=?\\PC{0,60}(&proof=[0-9a-f]{32}&case=c&words=\\PC{0,9})?",
        language in "[ -~]{0,30}",
        forwarded in "[ -~]{0,30}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let house = runtime.block_on(async { house_with(Limits::default(), &["0.0.0.0/0"]) });
        let uri: String = path.chars().filter(char::is_ascii).filter(|c| *c != ' ').collect();
        let Ok(uri) = uri.parse::<http::Uri>() else { return Ok(()) };
        let request = Request::post(uri)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept-language", language.as_str())
            .header("x-forwarded-for", forwarded.as_str())
            .body(Body::from(body));
        let Ok(request) = request else { return Ok(()) };
        let got = runtime.block_on(house.send(request));
        prop_assert!(got.status.as_u16() < 500, "{}", got.status);
    }
}

#[tokio::test]
async fn a_mobile_number_is_proven_as_an_address_is_where_messages_can_go_out() {
    let house = house();
    let refused = house
        .post("/code?lang=zh", &[("email", "13800000001")])
        .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text.contains("不像一个电子邮箱"));

    let house = house_of(Limits::default(), &[], true);
    for (lang, shown) in [("zh", "电子邮箱或手机号"), ("en", "mobile number")] {
        let first = house.get(&format!("/?lang={lang}")).await;
        assert!(first.text.contains(shown), "{}", first.text);
    }
    let foreign = house
        .post("/code?lang=en", &[("email", "+1 415 555 2671")])
        .await;
    assert_eq!(foreign.status, StatusCode::BAD_REQUEST);
    let known = house
        .post("/code?lang=zh", &[("email", "138 0000 0001")])
        .await;
    let unknown = house
        .post("/code?lang=zh", &[("email", "13900000009")])
        .await;
    assert_eq!(
        known.bare(),
        unknown.bare(),
        "nothing is said before the code is back"
    );
    let code = house.code("+8613800000001").await;
    let form = [("challenge", known.field("challenge")), ("code", code)];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let found = house.post("/answer?lang=zh", &form).await;
    assert_eq!(found.status, StatusCode::OK);
    assert!(found.text.contains("<li>手机号</li>"), "{}", found.text);
    // Three codes an hour to a number, however it is written.
    for typed in ["13800000001", "+86 13800000001", "0086-138-0000-0001"] {
        house.post("/code?lang=zh", &[("email", typed)]).await;
    }
    let sent = house.mails().await;
    assert_eq!(sent, 4, "three to this number and one to the other");
}
