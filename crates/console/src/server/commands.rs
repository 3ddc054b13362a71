//! Questions and commands about cases: rules first, then the desk.

use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};
use hudun_console_api as api;
use hudun_console_api::endpoint as at;
use hudun_core::{IncidentId, NoticeId};
use serde_json::json;

use crate::desk::{Intelligence, Law};
use crate::diff::unified;
use crate::server::mount::{Call, Routes};
use crate::server::refusal::Refusal;
use crate::server::rules::{
    may_approve_notice, may_change_task, may_decide, may_decide_step, may_send_notice, short,
};

type Answered<T> = Result<T, Refusal>;

pub(crate) fn mount(routes: &mut Routes) {
    routes.json(at::OVERVIEW, overview);
    routes.json(at::START_DRILL, start_drill);
    routes.json(at::RESTART_HARDENED, restart_hardened);
    routes.json(at::FINDINGS, findings);
    routes.json(at::EXPOSURES, exposures);
    routes.json(at::CHECK_EXPOSURE, check_exposure);
    routes.json(at::STATE_EXPOSURE, state_exposure);
    routes.json(at::UNSTATE_EXPOSURE, unstate_exposure);
    routes.json(at::PUT_ASSET, put_asset);
    routes.json(at::REMOVE_ASSET, remove_asset);
    routes.json(at::ACCEPT_FEED, accept_feed);
    routes.json(at::SUBSCRIBE, subscribe);
    routes.json(at::UNSUBSCRIBE, unsubscribe);
    routes.json(at::INSPECTION, inspection);
    routes.json(at::PREVIEW_EXCEPTION, preview_exception);
    routes.json(at::ADD_EXCEPTION, add_exception);
    routes.json(at::REMOVE_EXCEPTION, remove_exception);
    routes.json(at::RULE_PARAMETER, rule_parameter);
    routes.json(at::ROLL_BACK_RULES, roll_back_rules);
    routes.json(at::INCIDENTS, incidents);
    routes.json(at::ROOM, room);
    routes.json(at::ACKNOWLEDGE, acknowledge);
    routes.json(at::START_RUN, start_run);
    routes.json(at::DECIDE_STEP, decide_step);
    routes.json(at::CHANGE_TASK, change_task);
    routes.json(at::OPEN_CARE, open_care);
    routes.json(at::CLOSE, close);
    routes.json(at::DECIDE_AWARE, decide_aware);
    routes.json(at::RELEASE_GATE, release_gate);
    routes.json(at::REVOKE_GATE, revoke_gate);
    routes.json(at::UNDO, undo);
    routes.json(at::APPROVALS, approvals);
    routes.json(at::DECIDE_APPROVAL, decide_approval);
    routes.json(at::REVISIONS, revisions);
    routes.json(at::REVISION, revision);
    routes.json(at::POLICY_DIFF, policy_diff);
    routes.json(at::ROLL_BACK, roll_back);
    routes.json(at::PROPOSE_PATCH, propose_patch);
    routes.json(at::ENFORCE_PATCH, enforce_patch);
    routes.json(at::VERIFY_REPAIR, verify_repair);
    routes.json(at::PREVIEW, preview);
    routes.json(at::APPROVE_NOTICE, approve_notice);
    routes.json(at::SEND_NOTICE, send_notice);
    routes.json(at::APPROVE_LETTERS, approve_letters);
    routes.json(at::SEND_LETTERS, send_letters);
    routes.json(at::STOP_NOTICE, stop_notice);
    routes.json(at::RESUME_NOTICE, resume_notice);
    routes.json(at::HAND_IN, hand_in);
    routes.raw(at::EXPORT_NOTICE, export_notice);
    routes.raw(at::OPEN_PROOF, open_proof);
    routes.json(at::OPEN_LETTERS, open_letters);
    routes.json(at::DECIDE_LETTER, decide_letter);
    routes.raw(at::EXPORT_EVIDENCE, export_evidence);
}

async fn overview(call: Call, (): ()) -> Answered<api::Overview> {
    Ok(call.app.desk.overview().await?)
}

async fn start_drill(call: Call, body: api::DrillStart) -> Answered<api::DrillView> {
    short("name", &body.name, 40, true)?;
    Ok(call
        .app
        .desk
        .start_drill(&call.caller()?, body.name)
        .await?)
}

async fn restart_hardened(call: Call, (): ()) -> Answered<api::Done> {
    Ok(call.app.desk.restart_hardened(&call.caller()?).await?)
}

async fn findings(call: Call, page: api::PageQuery) -> Answered<api::FindingPage> {
    Ok(call.app.desk.findings(page).await?)
}

async fn exposures(call: Call, (): ()) -> Answered<api::ExposuresView> {
    Ok(call.app.desk.exposures().await?)
}

async fn intelligence(call: &Call, act: Intelligence) -> Answered<api::Done> {
    Ok(call.app.desk.intelligence(&call.caller()?, act).await?)
}

async fn check_exposure(call: Call, (): ()) -> Answered<api::Done> {
    let exposure = call.param("exposure")?;
    intelligence(&call, Intelligence::Check(exposure)).await
}

async fn state_exposure(call: Call, body: api::NewStatement) -> Answered<api::Done> {
    short("reason", &body.reason, 500, true)?;
    short("until", &body.until, 10, true)?;
    let exposure = call.param("exposure")?;
    intelligence(&call, Intelligence::State(exposure, body)).await
}

async fn unstate_exposure(call: Call, body: api::Reason) -> Answered<api::Done> {
    short("reason", &body.reason, 500, true)?;
    let exposure = call.param("exposure")?;
    intelligence(&call, Intelligence::Unstate(exposure, body.reason)).await
}

async fn put_asset(call: Call, body: api::NewAsset) -> Answered<api::Done> {
    short("name", &body.name, 64, true)?;
    short("owner", &body.owner, 100, false)?;
    short("product", &body.product, 200, true)?;
    for (field, text) in [
        ("version", &body.version),
        ("purl", &body.purl),
        ("cpe", &body.cpe),
    ] {
        short(field, text.as_deref().unwrap_or_default(), 500, false)?;
    }
    intelligence(&call, Intelligence::PutAsset(body)).await
}

async fn remove_asset(call: Call, body: api::Reason) -> Answered<api::Done> {
    short("reason", &body.reason, 500, true)?;
    let asset = call.param("asset")?;
    intelligence(&call, Intelligence::RemoveAsset(asset, body.reason)).await
}

async fn accept_feed(call: Call, body: api::Reason) -> Answered<api::Done> {
    short("reason", &body.reason, 500, true)?;
    let feed = call.param("feed")?;
    intelligence(&call, Intelligence::AcceptFeed(feed, body.reason)).await
}

async fn subscribe(call: Call, body: api::NewSubscription) -> Answered<api::Done> {
    short("text", &body.text, 100, true)?;
    intelligence(&call, Intelligence::Subscribe(body)).await
}

async fn unsubscribe(call: Call, (): ()) -> Answered<api::Done> {
    let subscription = call.param("subscription")?;
    intelligence(&call, Intelligence::Unsubscribe(subscription)).await
}

async fn inspection(call: Call, (): ()) -> Answered<api::InspectionView> {
    Ok(call.app.desk.inspection().await?)
}

async fn preview_exception(
    call: Call,
    draft: api::ExceptionDraft,
) -> Answered<api::ExceptionPreview> {
    short("place", &draft.place, 200, true)?;
    short("route", &draft.route, 200, true)?;
    Ok(call.app.desk.preview_exception(draft).await?)
}

async fn add_exception(call: Call, wanted: api::NewException) -> Answered<api::Done> {
    short("place", &wanted.place, 200, true)?;
    short("route", &wanted.route, 200, true)?;
    short("reason", &wanted.reason, 500, true)?;
    Ok(call.app.desk.add_exception(&call.caller()?, wanted).await?)
}

async fn remove_exception(call: Call, body: api::Reason) -> Answered<api::Done> {
    short("reason", &body.reason, 500, true)?;
    Ok(call
        .app
        .desk
        .remove_exception(&call.caller()?, call.param("exception")?, body.reason)
        .await?)
}

async fn rule_parameter(call: Call, rule: api::ParameterRule) -> Answered<api::Done> {
    short("route", &rule.route, 200, true)?;
    short("parameter", &rule.parameter, 200, true)?;
    short("reason", &rule.reason, 500, true)?;
    Ok(call.app.desk.rule_parameter(&call.caller()?, rule).await?)
}

async fn roll_back_rules(call: Call, body: api::Reason) -> Answered<api::Done> {
    short("reason", &body.reason, 500, true)?;
    Ok(call
        .app
        .desk
        .roll_back_rules(&call.caller()?, body.reason)
        .await?)
}

async fn incidents(call: Call, page: api::PageQuery) -> Answered<api::IncidentPage> {
    Ok(call.app.desk.incidents(page).await?)
}

async fn room(call: Call, (): ()) -> Answered<api::WarRoom> {
    Ok(call.app.desk.room(incident(&call)?).await?)
}

async fn acknowledge(call: Call, (): ()) -> Answered<api::Done> {
    Ok(call
        .app
        .desk
        .acknowledge(&call.caller()?, incident(&call)?)
        .await?)
}

async fn start_run(call: Call, start: api::StartRun) -> Answered<api::Done> {
    Ok(call
        .app
        .desk
        .start_run(&call.caller()?, incident(&call)?, start)
        .await?)
}

async fn decide_step(call: Call, decision: api::StepDecision) -> Answered<api::Done> {
    short("note", &decision.note, 500, false)?;
    let (caller, incident) = (call.caller()?, incident(&call)?);
    let step: hudun_core::StepId = call.param("step")?;
    let waiting = call.app.desk.waiting(incident, step.clone()).await?;
    may_decide_step(&waiting, &caller)?;
    Ok(call
        .app
        .desk
        .decide_step(&caller, incident, step, decision)
        .await?)
}

async fn change_task(call: Call, change: api::TaskChange) -> Answered<api::Done> {
    short(
        "note",
        &change.note,
        2_000,
        change.task_move == api::TaskMove::Drop,
    )?;
    let (caller, task) = (call.caller()?, call.param("task")?);
    may_change_task(&call.app.desk.task(task).await?, &caller)?;
    Ok(call.app.desk.change_task(&caller, task, change).await?)
}

async fn open_care(call: Call, _: ()) -> Answered<api::CareView> {
    let (caller, task) = (call.caller()?, call.param("task")?);
    may_change_task(&call.app.desk.task(task).await?, &caller)?;
    Ok(call.app.desk.open_care(&caller, task).await?)
}

async fn close(call: Call, body: api::Reason) -> Answered<api::Done> {
    short("reason", &body.reason, 500, true)?;
    Ok(call
        .app
        .desk
        .close(&call.caller()?, incident(&call)?, body.reason)
        .await?)
}

async fn decide_aware(call: Call, body: api::NewAwareness) -> Answered<api::Done> {
    short("moment", &body.moment, 100, true)?;
    short("reason", &body.reason, 500, true)?;
    short("early", &body.early, 500, false)?;
    for evidence in &body.evidence {
        short("evidence", evidence, 500, true)?;
    }
    law(&call, Law::Aware(body)).await
}

async fn release_gate(call: Call, body: api::GateRelease) -> Answered<api::Done> {
    short("what", &body.what, 500, true)?;
    short("reason", &body.reason, 500, true)?;
    short("reference", &body.reference, 500, true)?;
    let gate = call.param("gate")?;
    law(&call, Law::Release(gate, body)).await
}

async fn revoke_gate(call: Call, body: api::Reason) -> Answered<api::Done> {
    short("reason", &body.reason, 500, true)?;
    let gate = call.param("gate")?;
    law(&call, Law::Revoke(gate, body.reason)).await
}

async fn law(call: &Call, act: Law) -> Answered<api::Done> {
    let caller = call.caller()?;
    Ok(call.app.desk.law(&caller, incident(call)?, act).await?)
}

async fn undo(call: Call, body: api::Reason) -> Answered<api::UndoAnswer> {
    short("reason", &body.reason, 500, true)?;
    Ok(call
        .app
        .desk
        .undo(&call.caller()?, call.param("restriction")?, body.reason)
        .await?)
}

async fn approvals(call: Call, (): ()) -> Answered<api::ApprovalList> {
    Ok(api::ApprovalList {
        approvals: call.app.desk.approvals().await?,
    })
}

async fn decide_approval(call: Call, decision: api::Decision) -> Answered<api::Done> {
    short("note", &decision.note, 500, false)?;
    let caller = call.caller()?;
    let id: String = call.param("approval")?;
    let approval = call.app.desk.approval(id.clone()).await?;
    if let Err(refusal) = may_decide(&approval, &caller, decision.approve) {
        return refuse(&call, "approval", &id, refusal).await;
    }
    Ok(call.app.desk.decide_approval(&caller, id, decision).await?)
}

async fn revisions(call: Call, (): ()) -> Answered<api::RevisionList> {
    Ok(call.app.desk.revisions().await?)
}

async fn revision(call: Call, (): ()) -> Answered<api::PolicyDocument> {
    Ok(call.app.desk.revision(call.param("revision")?).await?)
}

async fn policy_diff(call: Call, between: api::DiffQuery) -> Answered<api::PolicyDiff> {
    let text = async |revision| {
        let document = call.app.desk.revision(revision).await?.document;
        serde_json::to_string_pretty(&document).map_err(|error| Refusal::internal(&error))
    };
    let (from, to) = (text(between.from).await?, text(between.to).await?);
    Ok(api::PolicyDiff {
        from: between.from,
        to: between.to,
        diff: unified(&from, &to),
    })
}

async fn roll_back(call: Call, to: api::RollBack) -> Answered<api::UndoAnswer> {
    short("reason", &to.reason, 500, true)?;
    Ok(call.app.desk.roll_back(&call.caller()?, to).await?)
}

async fn propose_patch(call: Call, (): ()) -> Answered<api::Done> {
    Ok(call
        .app
        .desk
        .propose_patch(&call.caller()?, incident(&call)?)
        .await?)
}

async fn enforce_patch(call: Call, (): ()) -> Answered<api::Done> {
    Ok(call
        .app
        .desk
        .enforce_patch(&call.caller()?, incident(&call)?, call.param("patch")?)
        .await?)
}

async fn verify_repair(call: Call, (): ()) -> Answered<api::Done> {
    Ok(call
        .app
        .desk
        .verify_repair(&call.caller()?, incident(&call)?)
        .await?)
}

async fn preview(call: Call, (): ()) -> Answered<api::Preview> {
    Ok(call
        .app
        .desk
        .preview(incident(&call)?, notice(&call)?)
        .await?)
}

async fn approve_notice(call: Call, body: api::NoticeApprove) -> Answered<api::Done> {
    let (caller, incident, id) = (call.caller()?, incident(&call)?, notice(&call)?);
    let notice = call.app.desk.notice(incident, id).await?;
    if let Err(refusal) = may_approve_notice(&notice, &caller, body.role, &body.sha256) {
        return refuse(&call, "notice", &id.to_string(), refusal).await;
    }
    Ok(call
        .app
        .desk
        .approve_notice(&caller, incident, id, body.role, body.sha256)
        .await?)
}

async fn send_notice(call: Call, (): ()) -> Answered<api::Done> {
    let (caller, incident, id) = (call.caller()?, incident(&call)?, notice(&call)?);
    let notice = call.app.desk.notice(incident, id).await?;
    if let Err(refusal) = may_send_notice(&notice) {
        return refuse(&call, "notice", &id.to_string(), refusal).await;
    }
    Ok(call.app.desk.send_notice(&caller, incident, id).await?)
}

async fn approve_letters(call: Call, body: api::LettersApprove) -> Answered<api::Done> {
    let (caller, incident) = (call.caller()?, incident(&call)?);
    let most = api::LettersApprove::MOST;
    if body.letters.is_empty() || body.letters.len() > most {
        return Err(Refusal::invalid(
            "letters",
            format!("请选 1 到 {most} 份告知函。"),
            format!("Choose 1 to {most} letters."),
        ));
    }
    for letter in &body.letters {
        let notice = call.app.desk.notice(incident, letter.id).await?;
        if let Err(refusal) = may_approve_notice(&notice, &caller, body.role, &letter.sha256) {
            return refuse(&call, "notice", &letter.id.to_string(), refusal).await;
        }
    }
    Ok(call
        .app
        .desk
        .approve_letters(&caller, incident, body)
        .await?)
}

async fn send_letters(call: Call, (): ()) -> Answered<api::Done> {
    let (caller, incident) = (call.caller()?, incident(&call)?);
    Ok(call.app.desk.send_letters(&caller, incident).await?)
}

async fn stop_notice(call: Call, body: api::Reason) -> Answered<api::Done> {
    short("reason", &body.reason, 500, true)?;
    let (caller, incident, id) = (call.caller()?, incident(&call)?, notice(&call)?);
    let stopped = call
        .app
        .desk
        .stop_notice(&caller, incident, id, body.reason);
    Ok(stopped.await?)
}

async fn resume_notice(call: Call, body: api::Reason) -> Answered<api::Done> {
    short("reason", &body.reason, 500, true)?;
    let (caller, incident, id) = (call.caller()?, incident(&call)?, notice(&call)?);
    let resumed = call
        .app
        .desk
        .resume_notice(&caller, incident, id, body.reason);
    Ok(resumed.await?)
}

async fn hand_in(call: Call, body: api::HandIn) -> Answered<api::Done> {
    short("receipt", &body.receipt, 200, true)?;
    let (caller, incident, id) = (call.caller()?, incident(&call)?, notice(&call)?);
    let proof = match body.proof {
        None => None,
        Some(proof) => {
            short("proof.name", &proof.name, 100, true)?;
            let bytes = STANDARD.decode(&proof.content).map_err(|_| {
                Refusal::invalid(
                    "proof.content",
                    "凭证内容须为 base64。".to_owned(),
                    "The proof must be base64.".to_owned(),
                )
            })?;
            Some((proof.name, bytes))
        }
    };
    let handed = call
        .app
        .desk
        .hand_in(&caller, incident, id, body.receipt, proof);
    Ok(handed.await?)
}

async fn export_notice(call: Call, (): ()) -> Result<Response, Refusal> {
    let (caller, incident, id) = (call.caller()?, incident(&call)?, notice(&call)?);
    let form: String = call.param("form")?;
    let file = call
        .app
        .desk
        .export_notice(&caller, incident, id, form)
        .await?;
    download(file)
}

async fn open_proof(call: Call, (): ()) -> Result<Response, Refusal> {
    let (caller, incident, id) = (call.caller()?, incident(&call)?, notice(&call)?);
    let sha256: String = call.param("proof")?;
    let file = call
        .app
        .desk
        .open_proof(&caller, incident, id, sha256)
        .await?;
    download(file)
}

async fn open_letters(call: Call, (): ()) -> Answered<api::OpenLetters> {
    Ok(call
        .app
        .desk
        .open_letters(incident(&call)?, notice(&call)?)
        .await?)
}

async fn decide_letter(call: Call, decision: api::LetterDecision) -> Answered<api::Done> {
    short("letter", &decision.letter, 100, true)?;
    let (caller, incident, id) = (call.caller()?, incident(&call)?, notice(&call)?);
    Ok(call
        .app
        .desk
        .decide_letter(&caller, incident, id, decision)
        .await?)
}

async fn export_evidence(call: Call, (): ()) -> Result<Response, Refusal> {
    let file = call
        .app
        .desk
        .export_evidence(&call.caller()?, incident(&call)?)
        .await?;
    download(file)
}

/// A file for the browser to save, never to show.
fn download(file: api::Download) -> Result<Response, Refusal> {
    let safe: String = file
        .name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
        .collect();
    let named = HeaderValue::from_str(&format!("attachment; filename=\"{safe}\""))
        .map_err(|error| Refusal::internal(&error))?;
    let kind =
        HeaderValue::from_str(&file.media_type).map_err(|error| Refusal::internal(&error))?;
    Ok((
        [
            (header::CONTENT_DISPOSITION, named),
            (header::CONTENT_TYPE, kind),
        ],
        file.bytes,
    )
        .into_response())
}

/// A refusal by the rule of two persons goes on the ledger.
async fn refuse<T>(call: &Call, what: &str, id: &str, refusal: Refusal) -> Answered<T> {
    let body = json!({ "what": what, "id": id, "code": refusal.problem.code });
    call.app
        .record(&call.caller()?.account, "console.refused", body)
        .await?;
    Err(refusal)
}

fn incident(call: &Call) -> Answered<IncidentId> {
    call.param("incident")
}

fn notice(call: &Call) -> Answered<NoticeId> {
    call.param("notice")
}
