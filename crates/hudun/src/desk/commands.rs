//! What a person commands about a case: take it, start a playbook, decide, do tasks, close.

use hudun_console::{DeskError, api, api::Caller, api::Happening};
use hudun_core::{
    Incident, IncidentId, IncidentState, Lang, LedgerDraft, NoticeId, Recorder, StepId, Task,
    TaskId, TaskState, Text, TimelineMark, Timestamp,
};
use serde_json::json;

use super::error::{self, Got, conflict, refused};
use crate::office::{Informer, Office};

impl Office {
    pub(super) async fn acknowledge(&self, by: &Caller, id: IncidentId) -> Got<api::Done> {
        let now = Timestamp::now();
        let incident = self
            .cases
            .acknowledge(id, &by.account, now)
            .await
            .map_err(error::case)?;
        self.tell_incident(&incident, now);
        Ok(api::Done::new("已接手此事件", "You have taken the case"))
    }

    /// Starts a playbook for a case. Called by the desk, and by whatever starts playbooks by itself (`by` is then
    /// `hudun`; the case is then not marked as taken, for nobody has).
    ///
    /// # Errors
    /// [`DeskError::Conflict`] while another run is under way or no account is suspected.
    pub async fn start_run(
        &self,
        by: &str,
        id: IncidentId,
        start: api::StartRun,
    ) -> Got<api::Done> {
        let _one_at_a_time = self.playbooks.starting.lock().await;
        let now = Timestamp::now();
        let incident = self.cases.get(id).await.map_err(error::case)?;
        if incident.state == IncidentState::Closed {
            return Err(conflict(
                "事件已关闭，不能再启动预案。",
                "The case is closed; no playbook can be started.",
            ));
        }
        if let Some(run) = incident.run {
            let view = self.runner.view(run).await.map_err(error::run)?;
            if view.ended_at.is_none() {
                return Err(conflict(
                    "预案正在执行，请在其步骤上作决定。",
                    "A run is under way; decide on its steps.",
                ));
            }
        }
        let wanted = start
            .playbook
            .or_else(|| incident.playbook.clone())
            .or_else(|| self.playbooks.first().map(str::to_owned))
            .ok_or(DeskError::NotFound("playbook"))?;
        let (bytes, playbook) = self
            .playbooks
            .get(&wanted)
            .ok_or(DeskError::NotFound("playbook"))?;
        let needs_account = playbook
            .playbook_variables
            .as_ref()
            .is_some_and(|variables| variables.contains_key("__account__"));
        let mut variables = vec![
            ("__tenant__".to_owned(), incident.tenant.to_string()),
            ("__incident__".to_owned(), incident.id.to_string()),
        ];
        match incident.suspects.first() {
            Some(account) => variables.push(("__account__".to_owned(), account.to_string())),
            None if needs_account => {
                return Err(conflict(
                    "此预案针对一个账号，而事件没有嫌疑账号。请换一个预案，或手工隔离。",
                    "This playbook acts on an account and the case suspects none; choose another one, or contain by hand.",
                ));
            }
            None => {}
        }
        if by != MACHINE {
            self.cases
                .acknowledge(id, by, now)
                .await
                .map_err(error::case)?;
        }
        let run = self
            .runner
            .start(id, incident.tenant.clone(), bytes, variables, by)
            .await
            .map_err(error::run)?;
        let incident = self
            .cases
            .change(id, |incident| {
                incident.run = Some(run);
                incident.playbook = Some(wanted.clone());
                if incident.state == IncidentState::Open {
                    incident.state = IncidentState::Handling;
                }
            })
            .await
            .map_err(error::case)?;
        self.tell_incident(&incident, now);
        self.live.publish(now, Happening::Run { incident: id });
        Ok(api::Done::new("预案已启动", "The playbook has started"))
    }

    pub(super) async fn decide_step(
        &self,
        by: &Caller,
        id: IncidentId,
        step: StepId,
        decision: api::StepDecision,
    ) -> Got<api::Done> {
        let incident = self.cases.get(id).await.map_err(error::case)?;
        let run = incident.run.ok_or(DeskError::NotFound("run"))?;
        // After a restart the run may not be in this process yet.
        self.runner
            .resume(run, incident.tenant.clone())
            .await
            .map_err(error::run)?;
        self.runner
            .decide(
                run,
                step.as_str(),
                decision.approve,
                &by.account,
                &decision.note,
            )
            .await
            .map_err(error::run)?;
        self.live
            .publish(Timestamp::now(), Happening::Run { incident: id });
        Ok(if decision.approve {
            api::Done::new("已批准", "Approved")
        } else {
            api::Done::new("已拒绝", "Declined")
        })
    }

    pub(super) async fn task(&self, id: TaskId) -> Got<api::TaskView> {
        Ok((&self.task_of(id).await?).into())
    }

    pub(super) async fn change_task(
        &self,
        by: &Caller,
        id: TaskId,
        change: api::TaskChange,
    ) -> Got<api::Done> {
        let task = self.task_of(id).await?;
        let to = match change.task_move {
            api::TaskMove::Take if task.is_over() => {
                return Err(conflict("任务已经结束。", "The task is over already."));
            }
            api::TaskMove::Take => TaskState::Taken,
            api::TaskMove::Done => TaskState::Done,
            api::TaskMove::Drop => TaskState::Dropped,
            api::TaskMove::Note => task.state,
        };
        let now = Timestamp::now();
        let task = self
            .cases
            .move_task(&id.to_string(), to, &by.account, &change.note, now)
            .await
            .map_err(error::case)?;
        if task.is_over() {
            // Nobody needs the contact any more.
            self.care.forget(id).await.map_err(error::care)?;
        }
        self.live.publish(
            now,
            Happening::Task {
                incident: task.incident,
            },
        );
        Ok(api::Done::new("任务已更新", "The task is updated"))
    }

    /// Shows an affected person's contact and words to whoever has taken the task.
    pub(super) async fn open_care(&self, by: &Caller, id: TaskId) -> Got<api::CareView> {
        let task = self.task_of(id).await?;
        if task.state != TaskState::Taken || task.by.as_ref() != Some(&by.account) {
            return Err(conflict(
                "请先认领这项任务，再打开联系方式。",
                "Take the task first; then open the contact.",
            ));
        }
        let found = self.care.read(id).await.map_err(error::care)?;
        let (reference, request) = found.ok_or(DeskError::NotFound("care ticket"))?;
        // What can't be recorded is not shown.
        self.ledger
            .record(LedgerDraft {
                at: Timestamp::now(),
                tenant: None,
                incident: Some(task.incident),
                by: by.account.clone(),
                kind: "care.opened".to_owned(),
                body: json!({ "task": id, "reference": reference }),
            })
            .map_err(error::record)?;
        Ok(api::CareView {
            reference,
            address: request.address,
            words: request.words,
            lang: match request.lang {
                Lang::Zh => "zh-CN".to_owned(),
                Lang::En => "en".to_owned(),
            },
        })
    }

    pub(super) async fn close(
        &self,
        by: &Caller,
        id: IncidentId,
        reason: String,
    ) -> Got<api::Done> {
        let incident = self.cases.get(id).await.map_err(error::case)?;
        if incident.state == IncidentState::Closed {
            return Err(conflict("事件已经关闭。", "The case is closed already."));
        }
        if let Some(run) = incident.run {
            let view = self.runner.view(run).await.map_err(error::run)?;
            if view.ended_at.is_none() {
                return Err(conflict(
                    "预案还在执行，请先处理完它的步骤。",
                    "The run is still under way; bring its steps to an end first.",
                ));
            }
        }
        let in_force = self
            .bus
            .current()
            .restrictions()
            .filter(|restriction| restriction.incident == Some(id))
            .count();
        // A case that is closed unrepaired is a false alarm; its restrictions are lifted afterwards, by two persons.
        if incident.state == IncidentState::Repaired && in_force > 0 {
            return Err(conflict(
                format!("还有 {in_force} 项限制在生效。请先在遏制登记表中解除。"),
                format!(
                    "{in_force} restrictions are still in force; lift them in the register first."
                ),
            ));
        }
        let now = Timestamp::now();
        self.scope_as_of(id, now).await?;
        let incident = self
            .cases
            .close(id, &by.account, &reason, now)
            .await
            .map_err(error::case)?;
        self.acts.draft_again(id, &by.account, now).await;
        self.tell_incident(&incident, now);
        if let Err(error) = self.bench.forget(id).await {
            tracing::error!(%error, incident = %id, "the recorded attack could not be removed; the next start removes it");
        }
        Ok(api::Done::new("事件已关闭", "The case is closed"))
    }

    pub(super) async fn notice(&self, id: IncidentId, notice: NoticeId) -> Got<api::NoticeView> {
        self.informer()?
            .notices(id)
            .await?
            .into_iter()
            .find(|view| view.id == notice)
            .ok_or(DeskError::NotFound("notice"))
    }

    pub(super) async fn preview(&self, id: IncidentId, notice: NoticeId) -> Got<api::Preview> {
        self.notice(id, notice).await?;
        self.informer()?.preview(notice).await
    }

    pub(super) async fn approve_notice(
        &self,
        by: &Caller,
        id: IncidentId,
        notice: NoticeId,
        role: api::Role,
        sha256: String,
    ) -> Got<api::Done> {
        self.notice(id, notice).await?;
        let now = Timestamp::now();
        self.informer()?
            .approve(&by.account, notice, role, &sha256, now)
            .await?;
        self.tell_notice(id, notice, now);
        Ok(api::Done::new("已批准此通知", "The notice is approved"))
    }

    pub(super) async fn send_notice(
        &self,
        by: &Caller,
        id: IncidentId,
        notice: NoticeId,
    ) -> Got<api::Done> {
        self.notice(id, notice).await?;
        let now = Timestamp::now();
        self.scope_as_of(id, now).await?;
        self.informer()?.send(&by.account, notice, now).await?;
        self.tell_notice(id, notice, now);
        Ok(api::Done::new("通知已交付发送", "The notice is on its way"))
    }

    pub(super) async fn approve_letters(
        &self,
        by: &Caller,
        id: IncidentId,
        body: api::LettersApprove,
    ) -> Got<api::Done> {
        let known = self.informer()?.notices(id).await?;
        let mut letters = Vec::with_capacity(body.letters.len());
        for letter in body.letters {
            if !known
                .iter()
                .any(|view| view.id == letter.id && view.to.is_some())
            {
                return Err(DeskError::NotFound("notice"));
            }
            letters.push((letter.id, letter.sha256));
        }
        let now = Timestamp::now();
        self.informer()?
            .approve_letters(&by.account, &letters, body.role, now)
            .await?;
        for (notice, _) in &letters {
            self.tell_notice(id, *notice, now);
        }
        let n = letters.len();
        Ok(api::Done::new(
            format!("已批准 {n} 份告知函"),
            format!("{n} letters are approved"),
        ))
    }

    pub(super) async fn send_letters(&self, by: &Caller, id: IncidentId) -> Got<api::Done> {
        let now = Timestamp::now();
        self.scope_as_of(id, now).await?;
        let sent = self.informer()?.send_letters(&by.account, id, now).await;
        // Also where one failed, others may have left.
        for view in self.informer()?.notices(id).await? {
            if view.to.is_some() {
                self.tell_notice(id, view.id, now);
            }
        }
        let (sending, by_hand) = sent?;
        if sending + by_hand == 0 {
            return Err(conflict(
                "没有已批准、待发送的告知函。",
                "No letter is approved and waits to be sent.",
            ));
        }
        Ok(api::Done::new(
            format!("{sending} 份告知函已交付发送，{by_hand} 份没有联系人，须由专人送达"),
            format!(
                "{sending} letters are on their way; {by_hand} have no contact and are handed over by a person"
            ),
        ))
    }

    pub(super) async fn stop_notice(
        &self,
        by: &Caller,
        id: IncidentId,
        notice: NoticeId,
        reason: String,
    ) -> Got<api::Done> {
        self.notice(id, notice).await?;
        let now = Timestamp::now();
        self.informer()?
            .stop(&by.account, notice, &reason, now)
            .await?;
        self.tell_notice(id, notice, now);
        Ok(api::Done::new(
            "还没有发出的已停下",
            "What had not left yet is stopped",
        ))
    }

    pub(super) async fn resume_notice(
        &self,
        by: &Caller,
        id: IncidentId,
        notice: NoticeId,
        reason: String,
    ) -> Got<api::Done> {
        self.notice(id, notice).await?;
        let now = Timestamp::now();
        self.informer()?
            .resume(&by.account, notice, &reason, now)
            .await?;
        self.tell_notice(id, notice, now);
        Ok(api::Done::new(
            "停下的已继续发送，已经告知的人不会再收到",
            "What was stopped goes out; whoever was told is not told again",
        ))
    }

    pub(super) async fn hand_in(
        &self,
        by: &Caller,
        id: IncidentId,
        notice: NoticeId,
        receipt: String,
        proof: Option<(String, Vec<u8>)>,
    ) -> Got<api::Done> {
        self.notice(id, notice).await?;
        let now = Timestamp::now();
        self.informer()?
            .hand_in(&by.account, notice, &receipt, proof, now)
            .await?;
        self.tell_notice(id, notice, now);
        Ok(api::Done::new("已登记递交", "The hand-in is written down"))
    }

    pub(super) async fn export_notice(
        &self,
        by: &Caller,
        id: IncidentId,
        notice: NoticeId,
        form: String,
    ) -> Got<api::Download> {
        self.notice(id, notice).await?;
        let now = Timestamp::now();
        let file = self
            .informer()?
            .export(&by.account, notice, &form, now)
            .await?;
        self.live.publish(now, Happening::Timeline { incident: id });
        Ok(file)
    }

    pub(super) async fn open_proof(
        &self,
        by: &Caller,
        id: IncidentId,
        notice: NoticeId,
        sha256: String,
    ) -> Got<api::Download> {
        self.notice(id, notice).await?;
        let now = Timestamp::now();
        let file = self
            .informer()?
            .proof(&by.account, notice, &sha256, now)
            .await?;
        self.live.publish(now, Happening::Timeline { incident: id });
        Ok(file)
    }

    pub(super) async fn open_letters(
        &self,
        id: IncidentId,
        notice: NoticeId,
    ) -> Got<api::OpenLetters> {
        self.notice(id, notice).await?;
        let items = self.informer()?.open_letters(notice).await?;
        Ok(api::OpenLetters { items })
    }

    pub(super) async fn decide_letter(
        &self,
        by: &Caller,
        id: IncidentId,
        notice: NoticeId,
        decision: api::LetterDecision,
    ) -> Got<api::Done> {
        self.notice(id, notice).await?;
        let now = Timestamp::now();
        let again = decision.again;
        self.informer()?
            .decide_letter(&by.account, notice, decision, now)
            .await?;
        self.tell_notice(id, notice, now);
        Ok(if again {
            api::Done::new("这封信将再发一次", "The letter goes out again")
        } else {
            api::Done::new("这封信记为已送达邮件服务器", "The letter counts as taken")
        })
    }

    pub(super) async fn start_drill(&self, by: &Caller, name: String) -> Got<api::DrillView> {
        let demo = self.demo.as_ref().ok_or_else(not_the_demo)?;
        self.note(
            &by.account,
            None,
            "prevent.drill-started",
            json!({ "drill": name }),
        )?;
        let drill = demo.start_drill(&name, &by.account).await?;
        let now = Timestamp::now();
        self.live.publish(
            now,
            Happening::Drill {
                name,
                running: true,
            },
        );
        Ok(drill)
    }

    pub(super) async fn restart_hardened(&self, by: &Caller) -> Got<api::Done> {
        let demo = self.demo.as_ref().ok_or_else(not_the_demo)?;
        self.note(
            &by.account,
            None,
            "repair.scrm-restarted",
            json!({ "vulnerable": false }),
        )?;
        demo.restart_hardened(&by.account).await?;
        self.live.publish(Timestamp::now(), Happening::Overview);
        Ok(api::Done::new(
            "SCRM 已以修复后的版本重启",
            "The SCRM runs again, without its hole",
        ))
    }

    /// What can't be taken back waits for a last look at whose data has left: an answer that was on its way at the time
    /// of the last one may have shown more persons.
    async fn scope_as_of(&self, id: IncidentId, now: Timestamp) -> Got<()> {
        let incident = self.cases.get(id).await.map_err(error::case)?;
        if incident.mark(TimelineMark::Scoped).is_none() {
            return Ok(());
        }
        crate::upkeep::refresh(self, &incident, now)
            .await
            .map_err(|cause| DeskError::Internal(format!("{cause:#}")))
    }

    /// Puts an act of a person on the ledger.
    pub(super) fn note(
        &self,
        by: &str,
        incident: Option<&Incident>,
        kind: &str,
        body: serde_json::Value,
    ) -> Got<()> {
        self.ledger
            .record(LedgerDraft {
                at: Timestamp::now(),
                tenant: incident.map(|incident| incident.tenant.clone()),
                incident: incident.map(|incident| incident.id),
                by: by.to_owned(),
                kind: kind.to_owned(),
                body,
            })
            .map(|_seq| ())
            .map_err(error::record)
    }

    pub(super) fn tell_incident(&self, incident: &Incident, now: Timestamp) {
        self.live.publish(
            now,
            Happening::Incident {
                incident: incident.id,
                state: incident.state,
                grade: incident.grade,
            },
        );
    }

    fn tell_notice(&self, incident: IncidentId, notice: NoticeId, now: Timestamp) {
        self.live
            .publish(now, Happening::Notice { incident, notice });
    }

    fn informer(&self) -> Got<&dyn Informer> {
        self.informer.as_deref().ok_or_else(|| {
            DeskError::Unavailable(Text::new(
                "通知功能没有启用，请检查配置。",
                "Notices are not configured; check the configuration.",
            ))
        })
    }

    async fn task_of(&self, id: TaskId) -> Got<Task> {
        self.store
            .collection::<Task>()
            .get(&id.to_string())
            .await
            .map_err(error::store)?
            .ok_or(DeskError::NotFound("task"))
    }
}

fn not_the_demo() -> DeskError {
    refused("只有演示环境才能这样做。", "Only the demo can do this.")
}

/// The account of the machine.
const MACHINE: &str = "hudun";
