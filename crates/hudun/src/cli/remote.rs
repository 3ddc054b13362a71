//! Commands that talk to a running console.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hudun_console::api::{self, Done, IncidentPage, UndoAnswer, WarRoom};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cli::{
    DutyCommand, Entrance, ExposureCommand, IncidentCommand, NoticeCommand, NoticeOf, PatchCommand,
    PolicyCommand,
};
use crate::demo::LOCAL_FILE;
use crate::demo::people::{Person, path};

pub(super) fn drill(entrance: &Entrance, name: &str) -> anyhow::Result<ExitCode> {
    let started: api::DrillView = press(
        entrance,
        api::endpoint::START_DRILL.path,
        &json!({ "name": name }),
    )?;
    show(entrance, &started, |drill| {
        format!(
            "drill {} started at {}; watch it in the console",
            drill.name, drill.started_at
        )
    })
}

pub(super) fn incident(command: IncidentCommand) -> anyhow::Result<ExitCode> {
    match command {
        IncidentCommand::List { entrance } => {
            let page: IncidentPage = get(&entrance, api::endpoint::INCIDENTS.path)?;
            show(&entrance, &page, |page| {
                let lines = page.items.iter().map(|item| {
                    format!(
                        "{}  {:?}  {:?}  {}  {}",
                        item.id, item.grade, item.state, item.opened_at, item.title.en
                    )
                });
                or_none(lines.collect(), "no cases")
            })
        }
        IncidentCommand::Show { incident, entrance } => {
            let room: WarRoom = get(&entrance, &path(api::endpoint::ROOM.path, &[&incident]))?;
            show(&entrance, &room, describe)
        }
        IncidentCommand::Register { drills, entrance } => {
            let entries = block_on(register(&entrance, drills))?;
            show(&entrance, &entries, |entries| {
                or_none(
                    vec![super::register::describe(entries)],
                    "no cases; drills are shown with --drills",
                )
            })
        }
        IncidentCommand::Start { incident, entrance } => {
            let done: Done = press(
                &entrance,
                &path(api::endpoint::START_RUN.path, &[&incident]),
                &json!({}),
            )?;
            show(&entrance, &done, said)
        }
    }
}

pub(super) fn duty(command: DutyCommand) -> anyhow::Result<ExitCode> {
    let (entrance, done) = match command {
        // These need no console.
        DutyCommand::Assess { .. } | DutyCommand::Rules { .. } => return Ok(ExitCode::SUCCESS),
        DutyCommand::Show { incident, entrance } => {
            let room: WarRoom = get(&entrance, &path(api::endpoint::ROOM.path, &[&incident]))?;
            let law = json!({ "awareness": room.awareness, "duties": room.duties });
            return show(&entrance, &law, |_| law_of(&room));
        }
        DutyCommand::Aware {
            incident,
            moment,
            reason,
            evidence,
            early,
            entrance,
        } => {
            let wanted = api::NewAwareness {
                moment,
                reason,
                evidence,
                early,
            };
            let at = path(api::endpoint::DECIDE_AWARE.path, &[&incident]);
            let done: Done = press(&entrance, &at, &serde_json::to_value(wanted)?)?;
            (entrance, done)
        }
        DutyCommand::Release {
            incident,
            gate,
            what,
            reason,
            reference,
            entrance,
        } => {
            let release = api::GateRelease {
                what,
                reason,
                reference,
            };
            let at = path(api::endpoint::RELEASE_GATE.path, &[&incident, &gate]);
            let done: Done = press(&entrance, &at, &serde_json::to_value(release)?)?;
            (entrance, done)
        }
        DutyCommand::Revoke {
            incident,
            gate,
            reason,
            entrance,
        } => {
            let at = path(api::endpoint::REVOKE_GATE.path, &[&incident, &gate]);
            let done: Done = press(&entrance, &at, &json!({ "reason": reason }))?;
            (entrance, done)
        }
    };
    show(&entrance, &done, said)
}

/// Decisions, duties that apply and gates, for a person.
fn law_of(room: &WarRoom) -> String {
    let mut lines = Vec::new();
    for one in &room.awareness {
        let mark = if one.current { "*" } else { " " };
        lines.push(format!(
            "{mark} decision {}: aware at {} by {} ({}); evidence: {}",
            one.number,
            one.written,
            one.by,
            one.reason,
            one.evidence.join("; ")
        ));
    }
    let Some(duties) = &room.duties else {
        lines.push("the duties are not computed yet".to_owned());
        return lines.join("\n");
    };
    for duty in &duties.obligations {
        if matches!(duty.applies, api::Applies::Yes | api::Applies::Unknown) {
            let until = duty.deadline.map_or_else(
                || duty.within.en.clone(),
                |deadline| format!("until {deadline}"),
            );
            lines.push(format!(
                "{}  {:?}  {}  {until}  {}",
                duty.id, duty.applies, duty.title.en, duty.clock_from.en
            ));
        }
    }
    for gate in &duties.gates {
        lines.push(format!(
            "gate {}  {:?}  {}\n    {}",
            gate.id, gate.state, gate.title.en, gate.next.en
        ));
        for act in &gate.acts {
            let what = if act.release {
                "released"
            } else {
                "taken back"
            };
            lines.push(format!(
                "    {what} by {} at {}: {} {}",
                act.by, act.at, act.reason, act.reference
            ));
        }
    }
    lines.join("\n")
}

pub(super) fn exposure(command: ExposureCommand) -> anyhow::Result<ExitCode> {
    match command {
        ExposureCommand::List { all, entrance } => {
            let mut view: api::ExposuresView = get(&entrance, api::endpoint::EXPOSURES.path)?;
            if !all {
                view.exposures
                    .retain(|one| matches!(one.state.as_str(), "open" | "unproven"));
            }
            show(&entrance, &view.exposures, |exposures| {
                let lines = exposures.iter().map(|one| {
                    let due = one.due_at.map(|at| at.to_string()).unwrap_or_default();
                    let story: Vec<String> = one
                        .story
                        .iter()
                        .map(|line| format!("  {}", line.en))
                        .collect();
                    format!(
                        "{}  {}  {}  {}  {due}\n{}",
                        one.id,
                        one.what,
                        one.state,
                        one.vulnerability,
                        story.join("\n")
                    )
                });
                or_none(lines.collect(), "no exposures")
            })
        }
        ExposureCommand::Check { exposure, entrance } => {
            let done: Done = press(
                &entrance,
                &path(api::endpoint::CHECK_EXPOSURE.path, &[&exposure]),
                &json!({}),
            )?;
            show(&entrance, &done, said)
        }
    }
}

pub(super) fn policy(command: PolicyCommand) -> anyhow::Result<ExitCode> {
    match command {
        PolicyCommand::Show { entrance } => {
            let list: api::RevisionList = get(&entrance, api::endpoint::REVISIONS.path)?;
            let newest = list
                .revisions
                .first()
                .map_or(0, |revision| revision.revision);
            let at = path(api::endpoint::REVISION.path, &[&newest.to_string()]);
            let document: Value = get(&entrance, &at)?;
            println!("{}", serde_json::to_string_pretty(&document)?);
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::History { entrance } => {
            let list: api::RevisionList = get(&entrance, api::endpoint::REVISIONS.path)?;
            show(&entrance, &list, |list| {
                let lines = list
                    .revisions
                    .iter()
                    .map(|one| format!("{}  {}  {}  {}", one.revision, one.at, one.by, one.reason));
                or_none(lines.collect(), "the policy has never been changed")
            })
        }
        PolicyCommand::RollBack {
            revision,
            reason,
            entrance,
        } => {
            let to = serde_json::to_value(api::RollBack { revision, reason })?;
            let answer: UndoAnswer = press(&entrance, api::endpoint::ROLL_BACK.path, &to)?;
            show(&entrance, &answer, lifted)
        }
        PolicyCommand::Undo {
            restriction,
            reason,
            entrance,
        } => {
            let at = path(api::endpoint::UNDO.path, &[&restriction]);
            let answer: UndoAnswer = press(&entrance, &at, &json!({ "reason": reason }))?;
            show(&entrance, &answer, lifted)
        }
    }
}

pub(super) fn patch(command: PatchCommand) -> anyhow::Result<ExitCode> {
    match command {
        PatchCommand::List { incident, entrance } => {
            let room: WarRoom = get(&entrance, &path(api::endpoint::ROOM.path, &[&incident]))?;
            show(&entrance, &room.patches, |patches| {
                let lines = patches.iter().map(|patch| {
                    let proof = patch.proof.as_ref().map_or_else(String::new, |proof| {
                        format!(
                            "attack stopped {}/{}, real traffic untouched {}/{}",
                            proof.attack.good, proof.attack.all, proof.real.good, proof.real.all
                        )
                    });
                    format!("{}  {}  {proof}", patch.id, patch.name)
                });
                or_none(
                    lines.collect(),
                    "no patches; `hudun patch propose` drafts them",
                )
            })
        }
        PatchCommand::Propose { incident, entrance } => {
            let at = path(api::endpoint::PROPOSE_PATCH.path, &[&incident]);
            let done: Done = press(&entrance, &at, &json!({}))?;
            show(&entrance, &done, said)
        }
        PatchCommand::Enforce {
            incident,
            patch,
            entrance,
        } => {
            let at = path(api::endpoint::ENFORCE_PATCH.path, &[&incident, &patch]);
            let done: Done = press(&entrance, &at, &json!({}))?;
            show(&entrance, &done, said)
        }
    }
}

pub(super) fn evidence(
    entrance: &Entrance,
    incident: &str,
    out: Option<PathBuf>,
) -> anyhow::Result<ExitCode> {
    let at = path(api::endpoint::EXPORT_EVIDENCE.path, &[incident]);
    let pack = block_on(async { enter(entrance).await?.fetch(&at).await })?;
    let file = out.unwrap_or_else(|| PathBuf::from(format!("{incident}.tar")));
    std::fs::write(&file, &pack).with_context(|| file.display().to_string())?;
    let report = json!({ "file": file, "bytes": pack.len() });
    show(entrance, &report, |_| {
        format!(
            "{} written, {} bytes; check it anywhere with: hudun verify {}",
            file.display(),
            pack.len(),
            file.display()
        )
    })
}

pub(super) fn notice(command: NoticeCommand) -> anyhow::Result<ExitCode> {
    let at = |endpoint: &str, of: &NoticeOf| path(endpoint, &[&of.incident, &of.notice]);
    match command {
        // These need no console.
        NoticeCommand::Lint { .. } | NoticeCommand::Render { .. } => Ok(ExitCode::SUCCESS),
        NoticeCommand::List { incident, entrance } => {
            let room: WarRoom = get(&entrance, &path(api::endpoint::ROOM.path, &[&incident]))?;
            show(&entrance, &room.notices, |notices| {
                or_none(notices.iter().map(notice_line).collect(), "no notices")
            })
        }
        NoticeCommand::Export {
            notice,
            form,
            out,
            entrance,
        } => {
            let ids = [&notice.incident, &notice.notice, &form].map(String::as_str);
            let at = path(api::endpoint::EXPORT_NOTICE.path, &ids);
            let file = block_on(async { enter(&entrance).await?.fetch(&at).await })?;
            std::fs::write(&out, &file).with_context(|| out.display().to_string())?;
            let report = json!({ "file": out, "bytes": file.len() });
            show(&entrance, &report, |_| out.display().to_string())
        }
        NoticeCommand::HandIn {
            notice,
            receipt,
            proof,
            entrance,
        } => {
            let proof = proof.map(|file| upload(&file)).transpose()?;
            let body = serde_json::to_value(api::HandIn { receipt, proof })?;
            let done: Done = press(&entrance, &at(api::endpoint::HAND_IN.path, &notice), &body)?;
            show(&entrance, &done, said)
        }
        NoticeCommand::Send { notice, entrance } => {
            let at = at(api::endpoint::SEND_NOTICE.path, &notice);
            let done: Done = press(&entrance, &at, &json!({}))?;
            show(&entrance, &done, said)
        }
        NoticeCommand::ApproveLetters {
            incident,
            letters,
            role,
            entrance,
        } => {
            let room: WarRoom = get(&entrance, &path(api::endpoint::ROOM.path, &[&incident]))?;
            let all = to_approve(&room, &letters, &role)?;
            let at = path(api::endpoint::APPROVE_LETTERS.path, &[&incident]);
            let parts = all.letters.chunks(api::LettersApprove::MOST);
            let mut done = Vec::new();
            for letters in parts.map(<[_]>::to_vec) {
                let role = all.role;
                let body = serde_json::to_value(api::LettersApprove { role, letters })?;
                done.push(press::<Done>(&entrance, &at, &body)?);
            }
            show(&entrance, &done, |done| {
                done.iter().map(said).collect::<Vec<_>>().join("\n")
            })
        }
        NoticeCommand::SendLetters { incident, entrance } => {
            let at = path(api::endpoint::SEND_LETTERS.path, &[&incident]);
            let done: Done = press(&entrance, &at, &json!({}))?;
            show(&entrance, &done, said)
        }
        NoticeCommand::Stop {
            notice,
            reason,
            entrance,
        } => {
            let at = at(api::endpoint::STOP_NOTICE.path, &notice);
            let done: Done = press(&entrance, &at, &json!({ "reason": reason }))?;
            show(&entrance, &done, said)
        }
        NoticeCommand::Resume {
            notice,
            reason,
            entrance,
        } => {
            let at = at(api::endpoint::RESUME_NOTICE.path, &notice);
            let done: Done = press(&entrance, &at, &json!({ "reason": reason }))?;
            show(&entrance, &done, said)
        }
    }
}

fn upload(file: &Path) -> anyhow::Result<api::ProofUpload> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let name = file.file_name().map(|name| name.to_string_lossy());
    Ok(api::ProofUpload {
        name: name.unwrap_or_default().chars().take(100).collect(),
        content: STANDARD.encode(bytes),
    })
}

/// The letters that were named, or all that wait for this role, as they read now.
fn to_approve(room: &WarRoom, named: &[String], role: &str) -> anyhow::Result<api::LettersApprove> {
    let role: api::Role = serde_json::from_value(json!(role)).context("--role")?;
    let of_tenants = || room.notices.iter().filter(|notice| notice.to.is_some());
    for name in named {
        let known = of_tenants().any(|notice| notice.id.to_string() == *name);
        anyhow::ensure!(
            known,
            "{name} is no letter to a tenant; see: hudun notice list"
        );
    }
    let letters: Vec<_> = of_tenants()
        .filter(|notice| match named {
            [] => {
                notice.state == api::NoticeState::Draft
                    && notice.refusals.is_empty()
                    && notice.approvals.iter().all(|given| given.role != role)
            }
            named => named.contains(&notice.id.to_string()),
        })
        .map(|notice| api::ReadLetter {
            id: notice.id,
            sha256: notice.sha256.clone(),
        })
        .collect();
    anyhow::ensure!(!letters.is_empty(), "no letter waits for this role");
    Ok(api::LettersApprove { role, letters })
}

fn notice_line(notice: &api::NoticeView) -> String {
    let letters = &notice.letters;
    let mut line = format!(
        "{}  {:?}  {}  {:?}  {}",
        notice.id, notice.audience, notice.lang, notice.state, notice.title
    );
    if let Some(to) = &notice.to {
        let contact = to.contact.as_deref();
        line.push_str(&format!(
            "\n    to {} ({}), {}",
            to.firm,
            to.tenant,
            contact.unwrap_or("no contact: a person hands it over")
        ));
        for duty in &notice.duties {
            let met = duty
                .met_at
                .map_or_else(|| "open".to_owned(), |at| format!("met {at}"));
            line.push_str(&format!("\n    {} ({}): {met}", duty.rule, duty.article));
        }
    }
    if notice.recipients > 0 {
        line.push_str(&format!(
            "\n    letters: {} waiting, {} sent ({} arrived, {} did not), {} failed, {} stopped, {} unknown",
            letters.waiting,
            letters.sent,
            letters.delivered,
            letters.undelivered,
            letters.failed,
            letters.stopped,
            letters.unknown
        ));
    }
    if let Some(receipt) = &notice.receipt {
        line.push_str(&format!(
            "\n    handed in, receipt {receipt}, proofs: {}",
            notice.proofs.len()
        ));
    }
    for refusal in &notice.refusals {
        line.push_str(&format!("\n    {}: {}", refusal.rule, refusal.text.en));
    }
    line
}

fn describe(room: &WarRoom) -> String {
    let mut lines = vec![
        format!(
            "{}  {}",
            room.incident.summary.id, room.incident.summary.title.en
        ),
        format!(
            "grade {:?}, {:?}",
            room.incident.summary.grade, room.incident.summary.state
        ),
    ];
    lines.extend(
        room.incident
            .rows
            .iter()
            .map(|row| format!("  row {}: {}", row.id, row.text.en)),
    );
    lines.extend(
        room.run
            .iter()
            .flat_map(|run| &run.steps)
            .map(|step| format!("  step {:?}: {}", step.state, step.name.en)),
    );
    if let Some(scope) = &room.scope {
        lines.push(format!(
            "scope: low {} / likely {} / high {} persons, coverage {:.1} %",
            scope.low,
            scope.likely,
            scope.high,
            scope.coverage * 100.0
        ));
    }
    for duty in room.duties.iter().flat_map(|duties| &duties.obligations) {
        if duty.applies == api::Applies::Yes {
            lines.push(format!("  duty {}: {}", duty.id, duty.title.en));
        }
    }
    lines.extend(
        room.containment.iter().map(|restriction| {
            format!("  restriction {}: {}", restriction.id, restriction.what.en)
        }),
    );
    lines.extend(room.notices.iter().map(|notice| {
        format!(
            "  notice {:?} {} {:?}",
            notice.audience, notice.lang, notice.state
        )
    }));
    lines.join("\n")
}

/// Every case, newest first, page by page.
async fn register(entrance: &Entrance, drills: bool) -> anyhow::Result<Vec<Value>> {
    let person = enter(entrance).await?;
    let (mut entries, mut before) = (Vec::new(), None::<String>);
    loop {
        let from = before.map_or_else(String::new, |before| format!("&before={before}"));
        let at = format!("{}?limit=200{from}", api::endpoint::INCIDENTS.path);
        let page: IncidentPage = person.get(&at).await?;
        for case in page.items.iter().filter(|case| drills || !case.drill) {
            let at = path(api::endpoint::ROOM.path, &[&case.id.to_string()]);
            let room: WarRoom = person.get(&at).await?;
            entries.push(super::register::entry(&room));
        }
        before = page.next;
        if before.is_none() {
            return Ok(entries);
        }
    }
}

fn said(done: &Done) -> String {
    done.message.en.clone()
}

fn lifted(answer: &UndoAnswer) -> String {
    match &answer.approval {
        Some(approval) if !answer.lifted => format!(
            "asked; a second person approves {} in the console",
            approval.id
        ),
        _ => format!("done, policy revision {}", answer.revision),
    }
}

fn or_none(lines: Vec<String>, none: &str) -> String {
    if lines.iter().all(String::is_empty) {
        none.to_owned()
    } else {
        lines.join("\n")
    }
}

fn show<T: Serialize>(
    entrance: &Entrance,
    value: &T,
    words: impl Fn(&T) -> String,
) -> anyhow::Result<ExitCode> {
    if entrance.json {
        println!("{}", serde_json::to_string_pretty(value)?);
    } else {
        println!("{}", words(value));
    }
    Ok(ExitCode::SUCCESS)
}

fn get<T: DeserializeOwned>(entrance: &Entrance, path: &str) -> anyhow::Result<T> {
    block_on(async { enter(entrance).await?.get(path).await })
}

fn press<T: DeserializeOwned>(entrance: &Entrance, path: &str, body: &Value) -> anyhow::Result<T> {
    block_on(async { enter(entrance).await?.press(path, body).await })
}

async fn enter(entrance: &Entrance) -> anyhow::Result<Person> {
    if let Some(console) = &entrance.console {
        let account = entrance.account.as_deref().unwrap_or("admin");
        let password = std::env::var("HUDUN_PASSWORD")
            .context("set HUDUN_PASSWORD to the account's password")?;
        return Person::log_in(console.trim_end_matches('/'), account, &password).await;
    }
    let file = entrance.data.join(LOCAL_FILE);
    let text = std::fs::read_to_string(&file).with_context(|| {
        format!("{}: is the demo's data folder elsewhere? Name it with --data, or a console with --console", file.display())
    })?;
    let local: Value = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    let field = |name: &str| {
        local
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let person = Person::log_in(&field("console"), &field("account"), &field("password")).await;
    person.context("is the demo running?")
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // The time-out is made inside, for it needs the runtime's clock.
    let limit = std::time::Duration::from_secs(180);
    let Ok(result) = runtime.block_on(async { tokio::time::timeout(limit, work).await }) else {
        bail!("the console did not answer within three minutes")
    };
    result
}
