//! `hudun incident register`: every case with its facts, effects and what was done (GDPR 33(5), PIPL 57).

use hudun_console::api::{self, WarRoom};
use serde_json::{Value, json};

/// One line of the register. What is not known yet is null, never left out.
pub(super) fn entry(room: &WarRoom) -> Value {
    let case = &room.incident.summary;
    let scope = room.scope.as_ref();
    let severity = room.severity.as_ref();
    let obligations = room.duties.iter().flat_map(|duties| &duties.obligations);
    let applying = obligations.filter(|duty| duty.applies == api::Applies::Yes);
    json!({
        "id": case.id,
        "tenant": case.tenant,
        "drill": case.drill,
        "facts": {
            "title": case.title,
            "opened_at": case.opened_at,
            "closed_at": case.closed_at,
            "state": case.state,
            "grade": case.grade,
            "suspects": case.suspects,
            "modules": case.modules,
            "window": scope.map(|scope| json!(scope.window)),
            "kinds": scope.map(|scope| scope.kinds.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>()),
        },
        "effects": {
            "persons_low": scope.map(|scope| scope.low),
            "persons_likely": scope.map(|scope| scope.likely),
            "persons_high": scope.map(|scope| scope.high),
            "coverage": scope.map(|scope| scope.coverage),
            "severity": severity.map(|severity| severity.level.as_str()),
            "severity_score": severity.map(|severity| severity.score),
            "cac_grade": severity.map(|severity| severity.cac_grade.as_str()),
        },
        "remedy": {
            "restrictions": room.containment.iter().map(|one| json!({ "what": one.what, "since": one.since, "lift": one.lift })).collect::<Vec<_>>(),
            "patches": room.patches.iter().map(|patch| patch.name.as_str()).collect::<Vec<_>>(),
            "repair": room.repair.summary,
        },
        "duties": applying
            .map(|duty| json!({ "id": duty.id, "title": duty.title, "article": duty.article, "recipient": duty.recipient, "deadline": duty.deadline }))
            .collect::<Vec<_>>(),
        "notices": room.notices.iter().map(|notice| json!({
            "audience": notice.audience, "lang": notice.lang, "state": notice.state, "recipients": notice.recipients, "sent_at": notice.sent_at,
        })).collect::<Vec<_>>(),
    })
}

/// The register for a reader.
pub(super) fn describe(entries: &[Value]) -> String {
    let line = |entry: &Value| {
        let text = |pointer: &str| match entry.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => "?".to_owned(),
            Some(other) => other.to_string(),
        };
        let count = |key: &str| entry.get(key).and_then(Value::as_array).map_or(0, Vec::len);
        let drill = if entry.get("drill") == Some(&Value::Bool(true)) {
            " (drill)"
        } else {
            ""
        };
        format!(
            "{}{drill}\n  facts: {}; opened {}; {}; modules {}\n  effects: {} / {} / {} persons (low / likely / high); severity {}; CAC {}\n  \
             remedy: {} restrictions, {} patches; {}\n  duties that apply: {}; notices: {}",
            text("/id"),
            text("/facts/title/en"),
            text("/facts/opened_at"),
            text("/facts/state"),
            text("/facts/modules"),
            text("/effects/persons_low"),
            text("/effects/persons_likely"),
            text("/effects/persons_high"),
            text("/effects/severity"),
            text("/effects/cac_grade"),
            entry
                .pointer("/remedy/restrictions")
                .and_then(Value::as_array)
                .map_or(0, Vec::len),
            entry
                .pointer("/remedy/patches")
                .and_then(Value::as_array)
                .map_or(0, Vec::len),
            text("/remedy/repair/en"),
            count("duties"),
            count("notices"),
        )
    };
    entries.iter().map(line).collect::<Vec<_>>().join("\n\n")
}
