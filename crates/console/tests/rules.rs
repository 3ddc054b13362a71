//! The rules of two persons and of departments, bad input, the live stream, and what the binary serves.

mod support;

use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use hudun_console::api::{Happening, Role};
use hudun_core::{Department, Timestamp};
use serde_json::json;

use support::House;

#[tokio::test]
async fn whoever_asks_to_lift_can_not_approve() {
    let house = House::new();
    let mut asker = house
        .signed_in("li.lei", &[Role::Commander, Role::Security])
        .await;
    let mut other = house.signed_in("han.mei", &[Role::Security]).await;
    let path = format!("/api/restrictions/{}/undo", house.desk.restriction());
    let (status, body) = asker.post(&path, json!({ "reason": "修好了" })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let decide = format!(
        "/api/approvals/{}/decide",
        body["approval"]["id"].as_str().unwrap()
    );
    let (status, body) = asker.post(&decide, json!({ "approve": true })).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::FORBIDDEN, &json!("second-person"))
    );
    assert!(house.desk.commands().is_empty());
    assert!(
        house
            .book
            .kinds()
            .contains(&("li.lei".to_owned(), "console.refused".to_owned()))
    );
    assert_eq!(
        other.post(&decide, json!({ "approve": true })).await.0,
        StatusCode::OK
    );
    assert_eq!(house.desk.commands(), ["han.mei approval approval-1 true"]);
    assert_eq!(
        asker.post(&path, json!({ "reason": " " })).await.1["field"],
        "reason"
    );
}

#[tokio::test]
async fn a_notice_takes_two_roles_two_persons_and_the_text_that_they_read() {
    let house = House::new();
    let mut both = house
        .signed_in("li.lei", &[Role::Commander, Role::Legal])
        .await;
    let mut lead = house.signed_in("han.mei", &[Role::Commander]).await;
    let at = format!(
        "/api/incidents/{}/notices/{}",
        house.desk.incident(),
        house.desk.notice_id()
    );
    let (approve, send) = (format!("{at}/approve"), format!("{at}/send"));
    let sha = house.desk.notice_sha();
    let word = |role: &str| json!({ "role": role, "sha256": sha });

    assert_eq!(
        lead.post(&send, json!(null)).await.0,
        StatusCode::CONFLICT,
        "no approval yet"
    );
    let stale = json!({ "role": "legal", "sha256": "00" });
    assert_eq!(
        both.post(&approve, stale).await.0,
        StatusCode::CONFLICT,
        "another text than the one read"
    );
    assert_eq!(
        lead.post(&approve, word("legal")).await.1["code"],
        "forbidden",
        "a role that one does not hold"
    );
    assert_eq!(
        both.post(&approve, word("pr")).await.1["field"],
        "role",
        "a role that is not asked for"
    );
    assert_eq!(both.post(&approve, word("legal")).await.0, StatusCode::OK);
    assert_eq!(
        both.post(&send, json!(null)).await.0,
        StatusCode::CONFLICT,
        "one approval is missing"
    );
    assert_eq!(
        both.post(&approve, word("commander")).await.1["code"],
        "second-person",
        "both roles, one person"
    );
    assert_eq!(
        lead.post(&approve, word("commander")).await.0,
        StatusCode::OK
    );
    assert_eq!(lead.post(&send, json!(null)).await.0, StatusCode::OK);
    assert_eq!(
        lead.post(&send, json!(null)).await.0,
        StatusCode::CONFLICT,
        "sent once"
    );
    let commands = house.desk.commands();
    assert_eq!(
        commands,
        [
            "li.lei approve-notice legal",
            "han.mei approve-notice commander",
            "han.mei send-notice"
        ]
    );
}

#[tokio::test]
async fn letters_to_tenants_are_approved_together_or_not_at_all() {
    let house = House::new();
    let mut legal = house.signed_in("wang.fa", &[Role::Legal]).await;
    let mut lead = house.signed_in("han.mei", &[Role::Commander]).await;
    let at = format!("/api/incidents/{}/letters", house.desk.incident());
    let (approve, send) = (format!("{at}/approve"), format!("{at}/send"));
    let letters = house.desk.letters();
    let word = |role: &str, letters: &[(String, String)]| {
        let letters: Vec<_> = letters
            .iter()
            .map(|(id, sha256)| json!({ "id": id, "sha256": sha256 }))
            .collect();
        json!({ "role": role, "letters": letters })
    };
    let mut stale = letters.clone();
    stale[1].1 = "00".to_owned();
    let refused = legal.post(&approve, word("legal", &stale)).await;
    assert_eq!(refused.0, StatusCode::CONFLICT, "one was not read");
    let nothing = legal.post(&approve, word("legal", &[])).await;
    assert_eq!(nothing.1["field"], "letters");
    let many: Vec<_> = letters.iter().cloned().cycle().take(401).collect();
    assert_eq!(
        legal.post(&approve, word("legal", &many)).await.1["field"],
        "letters"
    );
    let other = lead.post(&approve, word("legal", &letters)).await;
    assert_eq!(
        other.1["code"], "forbidden",
        "a role that one does not hold"
    );
    assert!(house.desk.commands().is_empty(), "none of them");
    for (who, role) in [(&mut legal, "legal"), (&mut lead, "commander")] {
        let done = who.post(&approve, word(role, &letters)).await;
        assert_eq!(done.0, StatusCode::OK, "{}", done.1);
    }
    assert_eq!(lead.post(&send, json!(null)).await.0, StatusCode::OK);
    let commands = house.desk.commands();
    assert_eq!(commands[0], "wang.fa approve-letters legal");
    assert_eq!(commands.last().unwrap(), "han.mei send-letters");
}

#[tokio::test]
async fn tasks_belong_to_departments_and_steps_to_the_roles_that_they_name() {
    let house = House::new();
    let mut legal = house.signed_in("wang.fa", &[Role::Legal]).await;
    let mut lead = house.signed_in("li.lei", &[Role::Commander]).await;
    let task = |department| format!("/api/tasks/{}", house.desk.task_of(department));
    let take = json!({ "move": "take" });
    assert_eq!(
        legal.post(&task(Department::Legal), take.clone()).await.0,
        StatusCode::OK
    );
    assert_eq!(
        legal.post(&task(Department::It), take.clone()).await.1["code"],
        "forbidden"
    );
    assert_eq!(
        lead.post(&task(Department::It), take).await.0,
        StatusCode::OK
    );
    let drop = json!({ "move": "drop", "note": "" });
    assert_eq!(
        legal.post(&task(Department::Legal), drop).await.1["field"],
        "note",
        "dropping needs a note"
    );
    let step = format!(
        "/api/incidents/{}/steps/enforce-patch/decide",
        house.desk.incident()
    );
    assert_eq!(
        legal.post(&step, json!({ "approve": true })).await.1["code"],
        "forbidden"
    );
    assert_eq!(
        lead.post(&step, json!({ "approve": true })).await.0,
        StatusCode::OK
    );
    let none = format!(
        "/api/incidents/{}/steps/isolate-module/decide",
        house.desk.incident()
    );
    assert_eq!(
        lead.post(&none, json!({ "approve": true })).await.0,
        StatusCode::NOT_FOUND,
        "it does not wait"
    );
}

#[tokio::test]
async fn bad_input_is_refused_in_words() {
    let house = House::new();
    let mut client = house.signed_in("li.lei", &[Role::Commander]).await;
    let undo = format!("/api/restrictions/{}/undo", house.desk.restriction());
    for body in [
        json!({}),
        json!({ "reason": 1 }),
        json!({ "reason": "x", "more": 1 }),
        json!([]),
    ] {
        let (status, answer) = client.post(&undo, body.clone()).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid")),
            "{body}"
        );
    }
    let long = json!({ "reason": "长".repeat(501) });
    assert_eq!(client.post(&undo, long).await.1["field"], "reason");
    let (status, _) = client
        .post(&undo, json!({ "reason": "x".repeat(70_000) }))
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    for path in [
        "/api/incidents/xyz",
        "/api/incidents/run-00",
        "/api/nothing",
        "/api/policy/revisions/-1",
    ] {
        assert_eq!(client.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(
        client.get("/api/policy/diff?from=0").await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let form = Request::post(&undo)
        .header("x-hudun-request", "1")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("reason=x"))
        .unwrap();
    assert_eq!(
        client.send(form).await.0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert!(house.desk.commands().is_empty());
}

#[tokio::test]
async fn the_policy_diff_shows_what_a_revision_changed() {
    let house = House::new();
    let mut client = house.signed_in("audit", &[Role::Auditor]).await;
    let (status, body) = client.get("/api/policy/diff?from=0&to=1").await;
    assert_eq!(status, StatusCode::OK);
    let diff = body["diff"].as_str().unwrap();
    assert!(
        diff.contains("+      \"mode\": ") && diff.contains("-  \"revision\": 0"),
        "{diff}"
    );
}

#[tokio::test]
async fn the_stream_tells_resumes_and_says_when_it_can_not() {
    let house = House::new();
    let mut client = house.signed_in("li.lei", &[Role::Commander]).await;
    let happen = |revision| {
        house
            .live
            .publish(Timestamp::now(), Happening::Policy { revision })
    };
    let mut stream = client
        .raw(Request::get("/api/events").body(Body::empty()).unwrap())
        .await
        .into_body();
    let mut seen = String::new();
    happen(1);
    happen(2);
    while !seen.contains("\"revision\":2") {
        let frame = stream.frame().await.unwrap().unwrap();
        seen.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    assert!(
        seen.contains("\"type\":\"policy\"") && seen.contains("retry: 1000"),
        "{seen}"
    );
    let first: u64 = seen
        .lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .next()
        .unwrap()
        .parse()
        .unwrap();
    drop(stream);
    happen(3);

    let resume = |id: u64| {
        Request::get("/api/events")
            .header("last-event-id", id.to_string())
            .body(Body::empty())
    };
    let mut again = client.raw(resume(first).unwrap()).await.into_body();
    let mut missed = String::new();
    while !missed.contains("\"revision\":3") {
        let frame = again.frame().await.unwrap().unwrap();
        missed.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    assert!(
        missed.contains("\"revision\":2") && !missed.contains("\"revision\":1"),
        "{missed}"
    );

    let mut stranger = client.raw(resume(7).unwrap()).await.into_body();
    let frame = stranger.frame().await.unwrap().unwrap();
    let text = std::str::from_utf8(frame.data_ref().unwrap())
        .unwrap()
        .to_owned();
    assert!(text.contains("\"type\":\"reset\""), "{text}");
}

#[tokio::test]
async fn pages_downloads_and_documents_are_served_safely() {
    let house = House::new();
    let mut client = house.signed_in("audit", &[Role::Auditor]).await;
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let page = house.client().raw(get("/incidents/anything")).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers()[header::CACHE_CONTROL], "no-store");
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap()
        .to_owned();
    let html = page.into_body().collect().await.unwrap().to_bytes();
    let html = String::from_utf8(html.to_vec()).unwrap();
    assert!(!html.contains("__HUDUN_NONCE__"));
    if let Some(nonce) = html.split("name=\"csp-nonce\" content=\"").nth(1) {
        assert!(
            policy.contains(nonce.split('"').next().unwrap()),
            "the page carries the word of its own policy"
        );
    }
    assert_eq!(
        house.client().raw(get("/assets/none.js")).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        house.client().raw(get("/api/docs")).await.status(),
        StatusCode::OK
    );
    let (status, document) = house.client().get("/api/openapi.json").await;
    assert_eq!(
        (status, &document["openapi"].is_string()),
        (StatusCode::OK, &true)
    );

    let export = Request::post(format!("/api/incidents/{}/evidence", house.desk.incident()))
        .header("x-hudun-request", "1")
        .body(Body::empty())
        .unwrap();
    let file = client.raw(export).await;
    assert_eq!(
        file.headers()[header::CONTENT_DISPOSITION],
        "attachment; filename=\"case1.hudun\""
    );
    assert_eq!(
        file.into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .as_ref(),
        [1, 2, 3]
    );
}
