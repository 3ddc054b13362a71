//! A desk that holds one case in memory and notes every command that reaches it.

use std::sync::{Mutex, MutexGuard};

use hudun_console::api::{self, Caller, Role};
use hudun_console::{Answer, Desk, DeskError, Intelligence, Law, Live};
use hudun_core::{
    Department, Expiry, Grade, IncidentId, IncidentState, Isolation, IsolationMode, Level,
    ModuleId, NoticeId, PatchId, PatchState, Policy, Restriction, RestrictionId, RunId, Stage,
    StepId, TaskId, TaskState, Text, TimelineMark, Timestamp, Window,
};

pub(crate) struct TestDesk {
    pub(crate) live: Live,
    state: Mutex<State>,
}

struct State {
    room: api::WarRoom,
    approvals: Vec<api::Approval>,
    policies: Vec<Policy>,
    vulnerable: bool,
    commands: Vec<String>,
    excepted: Vec<api::NewException>,
}

fn t(zh: &str, en: &str) -> Text {
    Text::new(zh, en)
}

fn ago(ms: i64) -> Timestamp {
    Timestamp::now().plus_millis(-ms)
}

impl TestDesk {
    pub(crate) fn new(live: Live) -> Self {
        let first = Policy::empty(ago(600_000));
        let mut second = first.next(ago(50_000), "hudun", "剧本 stolen-account");
        second.isolations.push(Isolation {
            restriction: Restriction {
                id: RestrictionId::new(),
                owner: "li.lei".to_owned(),
                reason: "遍历他人客户".to_owned(),
                incident: None,
                since: ago(50_000),
                expiry: Expiry::At(ago(-3_000_000)),
            },
            tenant: None,
            module: "customers".parse::<ModuleId>().unwrap(),
            mode: IsolationMode::Mask,
        });
        let room = room(&second);
        let state = State {
            room,
            approvals: Vec::new(),
            policies: vec![first, second],
            vulnerable: true,
            commands: Vec::new(),
            excepted: Vec::new(),
        };
        Self {
            live,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn incident(&self) -> IncidentId {
        self.state().room.incident.summary.id
    }

    pub(crate) fn notice_id(&self) -> NoticeId {
        self.state().room.notices[0].id
    }

    pub(crate) fn notice_sha(&self) -> String {
        self.state().room.notices[0].sha256.clone()
    }

    /// The letters to tenants: identifier and SHA-256.
    pub(crate) fn letters(&self) -> Vec<(String, String)> {
        let state = self.state();
        let letters = state.room.notices.iter().filter(|one| one.to.is_some());
        letters
            .map(|one| (one.id.to_string(), one.sha256.clone()))
            .collect()
    }

    pub(crate) fn restriction(&self) -> RestrictionId {
        self.state().room.containment[0].id
    }

    pub(crate) fn task_of(&self, department: Department) -> TaskId {
        self.state()
            .room
            .tasks
            .iter()
            .find(|task| task.department == department)
            .unwrap()
            .id
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.state().commands.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn note(&self, by: &Caller, what: &str) -> Result<api::Done, DeskError> {
        self.state().commands.push(format!("{} {what}", by.account));
        Ok(api::Done::new("已办。", "Done."))
    }

    fn tell(&self, what: api::Happening) {
        self.live.publish(Timestamp::now(), what);
    }

    fn known(&self, incident: IncidentId) -> Result<(), DeskError> {
        if incident == self.incident() {
            Ok(())
        } else {
            Err(DeskError::NotFound("incident"))
        }
    }
}

fn ready<'a, T: Send + 'a>(result: Result<T, DeskError>) -> Answer<'a, T> {
    Box::pin(std::future::ready(result))
}

impl Desk for TestDesk {
    fn overview(&self) -> Answer<'_, api::Overview> {
        let state = self.state();
        let room = &state.room;
        ready(Ok(api::Overview {
            at: Timestamp::now(),
            open: vec![room.incident.summary.clone()],
            counters: api::Counters {
                exchanges: 48_210,
                refused: 131,
                findings: 3,
                restrictions: 1,
                incidents: 1,
            },
            clocks: room
                .tasks
                .iter()
                .map(|task| api::Clock {
                    incident: room.incident.summary.id,
                    what: task.title.clone(),
                    due_at: task.due_at,
                })
                .collect(),
            gauges: vec![api::Gauge {
                id: "detect".to_owned(),
                label: t("发现", "Detect"),
                target_ms: 60_000,
                worst_ms: Some(412),
                cases: 1,
            }],
            activity: (0..60)
                .map(|n| api::ActivityPoint {
                    minute: ago((60 - n) * 60_000),
                    exchanges: 700 + u64::try_from(n * 37 % 90).unwrap(),
                    refused: u64::try_from(n / 55 * 40).unwrap(),
                    rows: 900,
                    findings: u64::try_from(n / 58).unwrap(),
                })
                .collect(),
            losses: Vec::new(),
            parts: vec![api::PartHealth {
                id: "gateway".to_owned(),
                label: t("网关", "Gateway"),
                health: api::Health::Ok,
                note: t("正在转发", "forwarding"),
            }],
            policy: state.policies.last().unwrap().into(),
            coverage: Some(0.998),
            findings: room.incident.evidence.clone(),
            approvals: state.approvals.clone(),
            demo: Some(api::DemoView {
                scrm: "http://127.0.0.1:8080/".to_owned(),
                vulnerable: state.vulnerable,
                drill: None,
            }),
        }))
    }

    fn findings(&self, _page: api::PageQuery) -> Answer<'_, api::FindingPage> {
        ready(Ok(api::FindingPage {
            items: self.state().room.incident.evidence.clone(),
            next: None,
        }))
    }

    fn exposures(&self) -> Answer<'_, api::ExposuresView> {
        let exposure = |id: &str, state: &str, what: &str| api::ExposureView {
            id: id.to_owned(),
            asset: "scrm".to_owned(),
            vulnerability: format!("CVE-2026-{id}"),
            ids: vec![format!("CVE-2026-{id}"), "CNVD-2026-12345".to_owned()],
            title: "SQL injection in the search".to_owned(),
            component: "Hudun SCRM".to_owned(),
            version: Some("1.0.0".to_owned()),
            places: vec!["product".to_owned()],
            state: state.to_owned(),
            unknown: false,
            what: what.to_owned(),
            due_at: (what != "watch").then(|| ago(-3 * 86_400_000)),
            story: vec![
                Text::new(
                    "scrm 上的 Hudun SCRM 1.0.0 有漏洞。",
                    "Hudun SCRM 1.0.0 on scrm has the vulnerability.",
                ),
                Text::new(
                    "有敏感数据，利用方法已公开。",
                    "It holds sensitive data, and an exploit is public.",
                ),
                Text::new("3 天内升级到 1.0.1。", "Upgrade to 1.0.1 within 3 days."),
                Text::new("未处理完。", "Not finished."),
            ],
            because: Text::new("OSV：在范围 < 1.0.1 内", "OSV: in the range < 1.0.1"),
            row: Text::new("Hudun 3", "Hudun 3"),
            reasons: vec![Text::new("有敏感数据。", "It holds sensitive data.")],
            would_change: vec![Text::new(
                "若 exposure 为 internal，则“十四天内”",
                "If exposure were internal: within 14 days",
            )],
            scores: vec!["CVSS 3.1 6.5 (osv)".to_owned(), "cnvd 高".to_owned()],
            disagreements: Vec::new(),
            checkable: state == "open",
            incident: None,
            first_at: ago(60_000),
            statement: (state == "suppressed").then(|| "s".to_owned()),
        };
        ready(Ok(api::ExposuresView {
            exposures: vec![
                exposure("0001", "open", "act-now"),
                exposure("0002", "proposed", "watch"),
                exposure("0003", "suppressed", "days"),
                exposure("0004", "closed", "scheduled"),
            ],
            more: 0,
            feeds: vec![
                api::FeedView {
                    name: "cnvd".to_owned(),
                    format: "cnvd".to_owned(),
                    state: "late".to_owned(),
                    sentence: Text::new(
                        "内容最新到 2026-11-01，已 29 天。",
                        "What it holds ends at 2026-11-01, 29 days ago.",
                    ),
                    as_of: Some(ago(29 * 86_400_000)),
                    records: 5_126,
                    refused: 2,
                    held: false,
                },
                api::FeedView {
                    name: "kev".to_owned(),
                    format: "kev".to_owned(),
                    state: "shrunk".to_owned(),
                    sentence: Text::new(
                        "收到的只有 12 条，原有 1404 条。",
                        "Only 12 came where 1,404 are held.",
                    ),
                    as_of: Some(ago(86_400_000)),
                    records: 1_404,
                    refused: 0,
                    held: true,
                },
            ],
            advisories: 6_530,
            assets: vec![api::AssetView {
                name: "scrm".to_owned(),
                owner: "IT".to_owned(),
                product: Some("Hudun SCRM".to_owned()),
                version: Some("1.0.0".to_owned()),
                seen: true,
                exposure: Some("internet".to_owned()),
                data: Some("sensitive".to_owned()),
                components: 412,
                unmatchable: 3,
                open: 1,
                by_hand: true,
                unread: vec!["/srv/scrm/sbom.json: it is no file".to_owned()],
            }],
            subscriptions: vec![api::SubscriptionView {
                id: "one".to_owned(),
                by: "lead".to_owned(),
                about: "words".to_owned(),
                text: "企业微信".to_owned(),
                hits: vec![api::HitView {
                    record: "cnvd CNVD-2026-12345".to_owned(),
                    title: "企业微信存在未授权访问漏洞".to_owned(),
                    at: ago(60_000),
                }],
            }],
            kinds: vec![api::KindName {
                kind: "sql".to_owned(),
                name: Text::new("SQL 注入", "SQL injection"),
            }],
        }))
    }

    fn intelligence<'a>(&'a self, by: &'a Caller, _: Intelligence) -> Answer<'a, api::Done> {
        ready(self.note(by, "intelligence"))
    }

    fn inspection(&self) -> Answer<'_, api::InspectionView> {
        let excepted = self.state().excepted.clone();
        ready(Ok(api::InspectionView {
            rules: Some(api::RulesInForce {
                name: "rules/waf".to_owned(),
                version: 2,
                rules: 33,
                compiled_ms: 4,
                judging: "balanced".to_owned(),
                mode: "block".to_owned(),
                modules: Vec::new(),
                previous: Some("rules/waf".to_owned()),
                inspected: 48_210,
                stopped: 3,
            }),
            parameters: vec![
                api::ParameterView {
                    route: "order.list".to_owned(),
                    parameter: "page".to_owned(),
                    state: "learned".to_owned(),
                    seen: 4_812,
                    kind: Some("digits".to_owned()),
                    signs: vec!["digits".to_owned()],
                    longest: Some(3),
                },
                api::ParameterView {
                    route: "order.list".to_owned(),
                    parameter: "search".to_owned(),
                    state: "learning".to_owned(),
                    seen: 212,
                    kind: Some("words".to_owned()),
                    signs: ["digits", "letters", "wide", "blanks"]
                        .map(str::to_owned)
                        .to_vec(),
                    longest: Some(31),
                },
            ],
            stops: vec![api::StopGroup {
                rule: 1_000_200,
                place: "ARGS:search".to_owned(),
                module: "orders".to_owned(),
                route: "order.list".to_owned(),
                refused: 3,
                passed: 0,
                alone: 2,
                exceptable: true,
                last_at: ago(60_000),
                why: t(
                    "参数“search”看起来是 SQL 注入。",
                    "The parameter `search` looks like an SQL injection.",
                ),
            }],
            remembered: 3,
            exceptions: excepted
                .iter()
                .map(|wanted| api::ExceptionView {
                    id: Some("one".to_owned()),
                    rule: wanted.rule,
                    place: Some(wanted.place.clone()),
                    module: None,
                    route: Some(wanted.route.clone()),
                    by: Some("li.lei".to_owned()),
                    reason: Some(wanted.reason.clone()),
                    at: Some(ago(0)),
                })
                .collect(),
        }))
    }

    fn preview_exception(&self, _: api::ExceptionDraft) -> Answer<'_, api::ExceptionPreview> {
        ready(Ok(api::ExceptionPreview {
            stops: 3,
            alone: 2,
            tried: 13,
            attacks: vec!["1' or '1'='1".to_owned()],
        }))
    }

    fn add_exception<'a>(
        &'a self,
        by: &'a Caller,
        wanted: api::NewException,
    ) -> Answer<'a, api::Done> {
        self.state().excepted.push(wanted);
        ready(self.note(by, "add-exception"))
    }

    fn remove_exception<'a>(
        &'a self,
        by: &'a Caller,
        _: String,
        _: String,
    ) -> Answer<'a, api::Done> {
        ready(self.note(by, "remove-exception"))
    }

    fn rule_parameter<'a>(
        &'a self,
        by: &'a Caller,
        _: api::ParameterRule,
    ) -> Answer<'a, api::Done> {
        ready(self.note(by, "rule-parameter"))
    }

    fn roll_back_rules<'a>(&'a self, by: &'a Caller, _: String) -> Answer<'a, api::Done> {
        ready(self.note(by, "roll-back-rules"))
    }

    fn incidents(&self, _page: api::PageQuery) -> Answer<'_, api::IncidentPage> {
        ready(Ok(api::IncidentPage {
            items: vec![self.state().room.incident.summary.clone()],
            next: None,
        }))
    }

    fn room(&self, incident: IncidentId) -> Answer<'_, api::WarRoom> {
        ready(self.known(incident).map(|()| self.state().room.clone()))
    }

    fn acknowledge<'a>(&'a self, by: &'a Caller, incident: IncidentId) -> Answer<'a, api::Done> {
        self.state().room.incident.acknowledged_by = Some(by.account.clone());
        self.tell(api::Happening::Task { incident });
        ready(self.note(by, "acknowledge"))
    }

    fn start_run<'a>(
        &'a self,
        by: &'a Caller,
        _: IncidentId,
        _: api::StartRun,
    ) -> Answer<'a, api::Done> {
        ready(self.note(by, "start-run"))
    }

    fn waiting(&self, _: IncidentId, step: StepId) -> Answer<'_, api::Waiting> {
        let state = self.state();
        let steps = state.room.run.iter().flat_map(|run| &run.steps);
        let waiting = steps
            .filter(|found| found.id == step.as_str())
            .find_map(|found| found.waiting.clone());
        ready(waiting.ok_or(DeskError::NotFound("step")))
    }

    fn decide_step<'a>(
        &'a self,
        by: &'a Caller,
        _: IncidentId,
        step: StepId,
        decision: api::StepDecision,
    ) -> Answer<'a, api::Done> {
        ready(self.note(by, &format!("step {step} {}", decision.approve)))
    }

    fn task(&self, task: TaskId) -> Answer<'_, api::TaskView> {
        let found = self
            .state()
            .room
            .tasks
            .iter()
            .find(|known| known.id == task)
            .cloned();
        ready(found.ok_or(DeskError::NotFound("task")))
    }

    fn open_care<'a>(&'a self, _: &'a Caller, _: TaskId) -> Answer<'a, api::CareView> {
        ready(Ok(api::CareView {
            reference: "7KQ2-M4XA".into(),
            address: "li@example.cn".into(),
            words: "有人冒充客服".into(),
            lang: "zh-CN".into(),
        }))
    }

    fn change_task<'a>(
        &'a self,
        by: &'a Caller,
        task: TaskId,
        change: api::TaskChange,
    ) -> Answer<'a, api::Done> {
        let mut state = self.state();
        let incident = state.room.incident.summary.id;
        for known in &mut state.room.tasks {
            if known.id == task {
                known.by = Some(by.account.clone());
                known.note = change.note.clone();
                known.state = match change.task_move {
                    api::TaskMove::Take => TaskState::Taken,
                    api::TaskMove::Done => TaskState::Done,
                    api::TaskMove::Drop => TaskState::Dropped,
                    api::TaskMove::Note => known.state,
                };
            }
        }
        drop(state);
        self.tell(api::Happening::Task { incident });
        ready(self.note(by, "task"))
    }

    fn close<'a>(&'a self, by: &'a Caller, _: IncidentId, _: String) -> Answer<'a, api::Done> {
        let _ = self.note(by, "close");
        ready(Err(DeskError::Conflict(t(
            "还有限制没有解除。",
            "A restriction is still in force.",
        ))))
    }

    fn law<'a>(&'a self, by: &'a Caller, _: IncidentId, act: Law) -> Answer<'a, api::Done> {
        let mut state = self.state();
        let now = Timestamp::now();
        match &act {
            Law::Aware(wanted) => {
                for earlier in &mut state.room.awareness {
                    earlier.current = false;
                }
                let number = u32::try_from(state.room.awareness.len()).unwrap() + 1;
                state.room.awareness.push(api::AwarenessView {
                    number,
                    current: true,
                    moment: now,
                    written: wanted.moment.clone(),
                    reason: wanted.reason.clone(),
                    evidence: wanted.evidence.clone(),
                    early: wanted.early.clone(),
                    by: by.account.clone(),
                    at: now,
                });
            }
            Law::Release(gate, _) | Law::Revoke(gate, _) => {
                let released = matches!(act, Law::Release(..));
                let gates = state
                    .room
                    .duties
                    .iter_mut()
                    .flat_map(|duties| &mut duties.gates);
                let Some(known) = gates.into_iter().find(|known| known.id == *gate) else {
                    return ready(Err(DeskError::NotFound("gate")));
                };
                known.state = if released {
                    api::GateWord::Released
                } else {
                    api::GateWord::Stop
                };
                known.acts.push(api::GateActView {
                    release: released,
                    what: String::new(),
                    reason: "…".to_owned(),
                    reference: String::new(),
                    by: by.account.clone(),
                    at: now,
                });
            }
        }
        drop(state);
        self.tell(api::Happening::Timeline {
            incident: self.incident(),
        });
        ready(self.note(by, &format!("{act:?}")))
    }

    fn undo<'a>(
        &'a self,
        by: &'a Caller,
        restriction: RestrictionId,
        reason: String,
    ) -> Answer<'a, api::UndoAnswer> {
        let mut state = self.state();
        let incident = state.room.incident.summary.id;
        let approval = api::Approval {
            id: format!("approval-{}", state.approvals.len() + 1),
            kind: api::ApprovalKind::Lift,
            target: restriction.to_string(),
            incident: Some(incident),
            what: t("解除客户模块隔离", "Lift the isolation of customers"),
            asked_by: by.account.clone(),
            asked_at: Timestamp::now(),
            reason,
            roles: vec![Role::Commander, Role::Security],
            state: api::ApprovalState::Waiting,
            decided_by: None,
        };
        state.approvals.push(approval.clone());
        state.room.containment[0].lift = api::LiftState::Asked;
        state.room.containment[0].approval = Some(approval.clone());
        drop(state);
        self.tell(api::Happening::Approval {
            approval: approval.id.clone(),
            incident: Some(incident),
        });
        ready(Ok(api::UndoAnswer {
            lifted: false,
            approval: Some(approval),
            revision: 1,
        }))
    }

    fn approvals(&self) -> Answer<'_, Vec<api::Approval>> {
        ready(Ok(self.state().approvals.clone()))
    }

    fn approval(&self, id: String) -> Answer<'_, api::Approval> {
        let found = self
            .state()
            .approvals
            .iter()
            .find(|approval| approval.id == id)
            .cloned();
        ready(found.ok_or(DeskError::NotFound("approval")))
    }

    fn decide_approval<'a>(
        &'a self,
        by: &'a Caller,
        id: String,
        decision: api::Decision,
    ) -> Answer<'a, api::Done> {
        let mut state = self.state();
        let incident = state.room.incident.summary.id;
        state.approvals.retain(|approval| approval.id != id);
        state.room.containment[0].approval = None;
        state.room.containment[0].lift = if decision.approve {
            api::LiftState::Gone
        } else {
            api::LiftState::NeedsTwo
        };
        drop(state);
        self.tell(api::Happening::Approval {
            approval: id.clone(),
            incident: Some(incident),
        });
        ready(self.note(by, &format!("approval {id} {}", decision.approve)))
    }

    fn revisions(&self) -> Answer<'_, api::RevisionList> {
        let state = self.state();
        let revisions: Vec<_> = state
            .policies
            .iter()
            .rev()
            .map(api::RevisionSummary::from)
            .collect();
        ready(Ok(api::RevisionList {
            current: revisions[0].revision,
            revisions,
        }))
    }

    fn revision(&self, revision: u64) -> Answer<'_, api::PolicyDocument> {
        let found = self
            .state()
            .policies
            .iter()
            .find(|policy| policy.revision == revision)
            .cloned();
        let document = found.map(|document| api::PolicyDocument {
            summary: (&document).into(),
            document,
        });
        ready(document.ok_or(DeskError::NotFound("revision")))
    }

    fn roll_back<'a>(&'a self, by: &'a Caller, _: api::RollBack) -> Answer<'a, api::UndoAnswer> {
        let _ = self.note(by, "roll-back");
        ready(Ok(api::UndoAnswer {
            lifted: false,
            approval: None,
            revision: 1,
        }))
    }

    fn propose_patch<'a>(&'a self, by: &'a Caller, _: IncidentId) -> Answer<'a, api::Done> {
        ready(self.note(by, "propose-patch"))
    }

    fn enforce_patch<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        _: PatchId,
    ) -> Answer<'a, api::Done> {
        self.state().room.patches[0].state = Some(PatchState::Enforce);
        self.tell(api::Happening::Repair { incident });
        ready(self.note(by, "enforce-patch"))
    }

    fn verify_repair<'a>(&'a self, by: &'a Caller, _: IncidentId) -> Answer<'a, api::Done> {
        ready(self.note(by, "verify-repair"))
    }

    fn notice(&self, _: IncidentId, notice: NoticeId) -> Answer<'_, api::NoticeView> {
        let found = self
            .state()
            .room
            .notices
            .iter()
            .find(|known| known.id == notice)
            .cloned();
        ready(found.ok_or(DeskError::NotFound("notice")))
    }

    fn preview(&self, _: IncidentId, _: NoticeId) -> Answer<'_, api::Preview> {
        ready(Ok(api::Preview {
            subject: "个人信息安全事件告知".to_owned(),
            text: "尊敬的客户：……".to_owned(),
        }))
    }

    fn approve_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        role: Role,
        _: String,
    ) -> Answer<'a, api::Done> {
        let mut state = self.state();
        for known in &mut state.room.notices {
            if known.id == notice {
                known.approvals.push(api::NoticeApproval {
                    role,
                    by: by.account.clone(),
                    at: Timestamp::now(),
                });
                if known.approvals.len() == known.needs.len() {
                    known.state = api::NoticeState::Approved;
                }
            }
        }
        drop(state);
        self.tell(api::Happening::Notice { incident, notice });
        ready(self.note(by, &format!("approve-notice {role}")))
    }

    fn approve_letters<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        body: api::LettersApprove,
    ) -> Answer<'a, api::Done> {
        let mut done = ready(self.note(by, &format!("approve-letters {}", body.role)));
        for letter in body.letters {
            let role = body.role;
            done = self.approve_notice(by, incident, letter.id, role, letter.sha256);
        }
        done
    }

    fn send_letters<'a>(&'a self, by: &'a Caller, incident: IncidentId) -> Answer<'a, api::Done> {
        let mut gone = Vec::new();
        for known in &mut self.state().room.notices {
            if known.to.is_some() && !known.by_hand {
                known.state = api::NoticeState::Sent;
                known.duties[0].met_at = Some(Timestamp::now());
                gone.push(known.id);
            }
        }
        for notice in gone {
            self.tell(api::Happening::Notice { incident, notice });
        }
        ready(self.note(by, "send-letters"))
    }

    fn send_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
    ) -> Answer<'a, api::Done> {
        let mut state = self.state();
        state.room.notices[0].state = api::NoticeState::Sent;
        state.room.notices[0].letters = api::LetterCounts {
            sent: 213,
            unknown: 1,
            ..api::LetterCounts::default()
        };
        drop(state);
        self.tell(api::Happening::Notice { incident, notice });
        ready(self.note(by, "send-notice"))
    }

    fn stop_notice<'a>(
        &'a self,
        by: &'a Caller,
        _: IncidentId,
        _: NoticeId,
        _: String,
    ) -> Answer<'a, api::Done> {
        ready(self.note(by, "stop-notice"))
    }

    fn resume_notice<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        _: String,
    ) -> Answer<'a, api::Done> {
        self.state().room.notices[0].state = api::NoticeState::Sending;
        self.tell(api::Happening::Notice { incident, notice });
        ready(self.note(by, "resume-notice"))
    }

    fn hand_in<'a>(
        &'a self,
        by: &'a Caller,
        _: IncidentId,
        _: NoticeId,
        receipt: String,
        proof: Option<(String, Vec<u8>)>,
    ) -> Answer<'a, api::Done> {
        let bytes = proof.map_or(0, |(_, bytes)| bytes.len());
        ready(self.note(by, &format!("hand-in {receipt} {bytes}")))
    }

    fn export_notice<'a>(
        &'a self,
        by: &'a Caller,
        _: IncidentId,
        _: NoticeId,
        form: String,
    ) -> Answer<'a, api::Download> {
        let _ = self.note(by, &format!("export-notice {form}"));
        ready(Ok(api::Download {
            name: format!("notice.{form}"),
            media_type: "application/octet-stream".to_owned(),
            bytes: vec![1, 2, 3],
        }))
    }

    fn open_proof<'a>(
        &'a self,
        by: &'a Caller,
        _: IncidentId,
        _: NoticeId,
        _: String,
    ) -> Answer<'a, api::Download> {
        let _ = self.note(by, "open-proof");
        ready(Ok(api::Download {
            name: "proof.png".to_owned(),
            media_type: "image/png".to_owned(),
            bytes: vec![1, 2, 3],
        }))
    }

    fn open_letters(&self, _: IncidentId, _: NoticeId) -> Answer<'_, api::OpenLetters> {
        ready(Ok(api::OpenLetters {
            items: vec![api::OpenLetter {
                letter: "0a1b2c".to_owned(),
                message_id: "<0a1b2c@example.com>".to_owned(),
                channel: "email".to_owned(),
            }],
        }))
    }

    fn decide_letter<'a>(
        &'a self,
        by: &'a Caller,
        incident: IncidentId,
        notice: NoticeId,
        _: api::LetterDecision,
    ) -> Answer<'a, api::Done> {
        let mut state = self.state();
        for known in &mut state.room.notices {
            known.letters.unknown = 0;
        }
        drop(state);
        self.tell(api::Happening::Notice { incident, notice });
        ready(self.note(by, "decide-letter"))
    }

    fn export_evidence<'a>(&'a self, by: &'a Caller, _: IncidentId) -> Answer<'a, api::Download> {
        let _ = self.note(by, "export-evidence");
        ready(Ok(api::Download {
            name: "case \"1\".hudun".to_owned(),
            media_type: "application/octet-stream".to_owned(),
            bytes: vec![1, 2, 3],
        }))
    }

    fn start_drill<'a>(&'a self, by: &'a Caller, name: String) -> Answer<'a, api::DrillView> {
        let _ = self.note(by, &format!("drill {name}"));
        let now = Timestamp::now();
        self.tell(api::Happening::Alert {
            incident: Some(self.incident()),
            title: t(
                "销售账号 sales07 正在遍历他人客户",
                "Sales account sales07 walks other people's customers",
            ),
            level: Level::High,
            triggered_at: now.plus_millis(-310),
        });
        ready(Ok(api::DrillView {
            id: hudun_core::DrillId::new(),
            name,
            started_at: now,
        }))
    }

    fn restart_hardened<'a>(&'a self, by: &'a Caller) -> Answer<'a, api::Done> {
        self.state().vulnerable = false;
        self.tell(api::Happening::Overview);
        ready(self.note(by, "restart-hardened"))
    }
}

fn room(policy: &Policy) -> api::WarRoom {
    let id = IncidentId::new();
    let isolation = &policy.isolations[0].restriction;
    api::WarRoom {
        at: Timestamp::now(),
        incident: api::IncidentView {
            summary: api::IncidentSummary {
                id,
                tenant: "tenant-a".to_owned(),
                title: t(
                    "销售账号 sales07 被盗，遍历并导出他人客户",
                    "Stolen account sales07 walked and exported customers",
                ),
                grade: Grade::High,
                state: IncidentState::Handling,
                drill: true,
                opened_at: ago(58_000),
                closed_at: None,
                suspects: vec!["sales07".to_owned()],
                modules: vec!["customers".to_owned(), "exports".to_owned()],
                findings: 1,
                waiting: 1,
                next_due: Some(ago(-1_700_000)),
            },
            rows: vec![api::RowView {
                id: "foreign-rows".to_owned(),
                grade: Grade::High,
                text: t(
                    "5 分钟内读取他人客户 214 条，超过 20 条",
                    "214 customers of others in 5 minutes, over 20",
                ),
            }],
            marks: vec![
                api::MarkView {
                    mark: TimelineMark::Onset,
                    at: ago(60_000),
                },
                api::MarkView {
                    mark: TimelineMark::Detected,
                    at: ago(59_600),
                },
                api::MarkView {
                    mark: TimelineMark::Alerted,
                    at: ago(59_400),
                },
                api::MarkView {
                    mark: TimelineMark::Contained,
                    at: ago(50_000),
                },
            ],
            evidence: vec![api::FindingView {
                id: hudun_core::FindingId::new(),
                at: ago(59_600),
                triggered_at: ago(59_700),
                tenant: "tenant-a".to_owned(),
                rule: "scrm.id-walk".to_owned(),
                title: t("遍历客户编号", "Walks customer ids"),
                why: t(
                    "60 秒内访问了 23 个不属于自己的客户",
                    "23 customers of others within 60 s",
                ),
                level: Level::High,
                actor: api::ActorView {
                    name: "sales07".to_owned(),
                    account: Some("sales07".to_owned()),
                    role: Some("sales".to_owned()),
                    ip: "203.0.113.9".to_owned(),
                    agent: "curl".to_owned(),
                },
                module: "customers".to_owned(),
                evidence: 23,
                tags: vec!["API1:2023".to_owned()],
                incident: Some(id),
            }],
            playbook: None,
            acknowledged_by: None,
        },
        statutory: None,
        tasks: [
            Department::It,
            Department::Security,
            Department::Legal,
            Department::Pr,
            Department::Business,
        ]
        .into_iter()
        .enumerate()
        .map(|(at, department)| api::TaskView {
            id: TaskId::new(),
            department,
            title: t("确认报告对象与时限", "Confirm recipients and deadlines"),
            due_at: ago(-600_000 * (i64::try_from(at).unwrap() + 1)),
            state: TaskState::Open,
            by: None,
            note: String::new(),
            changed_at: ago(50_000),
            care: false,
        })
        .collect(),
        run: Some(run()),
        timeline: (1..=12)
            .map(|seq| api::TimelineEntry {
                seq,
                at: ago(60_000 - i64::try_from(seq).unwrap() * 900),
                by: "hudun".to_owned(),
                kind: "contain.isolate".to_owned(),
                text: t(
                    "客户模块已按脱敏方式隔离",
                    "Module customers isolated in mode mask",
                ),
                hash: "5f2b1c9d0e".repeat(6),
            })
            .collect(),
        timeline_total: 12,
        containment: vec![api::RestrictionView {
            id: isolation.id,
            kind: api::RestrictionKind::Isolation,
            target: "customers".to_owned(),
            what: t("模块：客户", "Module customers"),
            mode: Some("mask".to_owned()),
            tenant: None,
            owner: isolation.owner.clone(),
            reason: isolation.reason.clone(),
            since: isolation.since,
            expires_at: Some(ago(-3_000_000)),
            endless_because: None,
            verified: Some(true),
            lift: api::LiftState::NeedsTwo,
            lift_blocked: None,
            approval: None,
        }],
        scope: Some(scope()),
        awareness: Vec::new(),
        duties: Some(duties()),
        severity: Some(api::SeverityView {
            terms: vec![api::SeverityTerm {
                id: "DPC".to_owned(),
                label: t("数据处理情境", "Data processing context"),
                value: 3.0,
                why: t("含身份证号码", "resident ID numbers"),
            }],
            formula: "3 × 1.00 + 0.50 = 3.50".to_owned(),
            score: 3.5,
            level: "high".to_owned(),
            level_text: t("高", "High"),
            cac: vec![api::CacThreshold {
                grade: t("较大", "Larger"),
                what: t("涉及个人信息人数", "Persons concerned"),
                threshold: 100_000,
                value: 214,
                reached: false,
            }],
            cac_grade: "general".to_owned(),
            cac_text: t("一般", "General"),
        }),
        patches: vec![api::PatchView {
            id: PatchId::new(),
            restriction: None,
            name: "own-customers-only".to_owned(),
            title: t("只能读取自己的客户", "Own customers only"),
            conditions: vec![t(
                "返回的每一行都属于请求账号",
                "Every row belongs to the account that asks",
            )],
            effect: t("不符则拒绝", "Refused otherwise"),
            state: None,
            proof: Some(api::PatchProof {
                at: ago(20_000),
                attack: api::ProofCount {
                    good: 214,
                    all: 214,
                },
                real: api::ProofCount {
                    good: 3_120,
                    all: 3_120,
                },
                verdict: api::Verdict::Pass,
            }),
        }],
        repair: api::RepairView {
            verdict: api::Verdict::Open,
            summary: t("尚未重放攻击", "The attack has not been replayed"),
            at: None,
            replay: Vec::new(),
        },
        notices: vec![
            notice(api::Audience::Person, "zh-CN"),
            notice(api::Audience::Regulator, "zh-CN"),
            letter("north", Some("安全负责人")),
            letter("west", None),
        ],
        retrospective: Some(api::RetrospectiveView {
            at: ago(1_000),
            markdown: t("# 复盘\n\n- 一项", "# Retrospective\n\n- one"),
            measures: vec![api::MeasureView {
                id: "detect".to_owned(),
                label: t("发现用时", "Time to detect"),
                ms: Some(400),
                target_ms: Some(60_000),
            }],
            actions: Vec::new(),
            playbook: None,
            assessment: Vec::new(),
        }),
        evidence: api::EvidenceView {
            entries: 12,
            tree_size: 900,
            root: "9c".repeat(32),
            checkpoint_at: Some(ago(2_000)),
            verified: Some(true),
        },
    }
}

fn run() -> api::RunView {
    let step = |id: &str, name: Text, stage, state, waiting| api::StepView {
        id: id.to_owned(),
        name,
        stage: Some(stage),
        action: Some(id.to_owned()),
        state,
        started_at: Some(ago(52_000)),
        ended_at: (state == api::StepState::Done).then(|| ago(51_400)),
        waiting,
        receipt: None,
        error: None,
    };
    let waiting = api::Waiting {
        roles: vec![Role::Commander],
        question: t("是否生效热补丁？", "Put the patch in force?"),
        since: ago(10_000),
        due_at: Some(ago(-300_000)),
    };
    api::RunView {
        id: RunId::new(),
        playbook: "playbook--1".to_owned(),
        name: t("账号被盗", "Stolen account"),
        version: "2026-11-01".to_owned(),
        sha256: "ab".repeat(32),
        state: api::RunState::Waiting,
        started_by: "li.lei".to_owned(),
        started_at: ago(53_000),
        ended_at: None,
        steps: vec![
            step(
                "isolate-module",
                t("隔离模块", "Isolate"),
                Stage::Contain,
                api::StepState::Done,
                None,
            ),
            step(
                "enforce-patch",
                t("补丁生效", "Enforce"),
                Stage::Repair,
                api::StepState::Waiting,
                Some(waiting),
            ),
        ],
    }
}

fn scope() -> api::ScopeView {
    api::ScopeView {
        at: ago(40_000),
        tenant: "tenant-a".to_owned(),
        source: api::SourceView {
            accounts: vec!["sales07".to_owned()],
            sessions: vec!["s-19af".to_owned()],
            tokens: Vec::new(),
            addresses: vec!["203.0.113.9".to_owned()],
        },
        window: Some(Window {
            from: ago(60_000),
            to: ago(50_000),
        }),
        modules: vec!["customers".to_owned(), "exports".to_owned()],
        exchanges: 231,
        low: 213,
        likely: 214,
        high: 219,
        kinds: vec![api::KindRow {
            kind: "mobile".to_owned(),
            label: t("手机号码", "mobile number"),
            sensitivity: "ordinary".to_owned(),
            low: 213,
            likely: 214,
            high: 219,
        }],
        bytes_released: 1_204_512,
        coverage: 0.9981,
        method: "sightings of released groups".to_owned(),
        likely_sha256: Some("cd".repeat(32)),
    }
}

fn duties() -> api::DutiesView {
    let duty = |id: &str, applies, deadline| api::ObligationView {
        id: id.to_owned(),
        title: t("向监管部门报告", "Report to the authority"),
        applies,
        reason: t(
            "涉及个人信息泄露 214 人",
            "personal data of 214 persons leaked",
        ),
        trigger: t("发现之时", "discovery"),
        triggered_at: Some(ago(59_600)),
        clock_from: t("li.lei 接手此事件", "li.lei took the case"),
        provisional: false,
        recipient: t("属地网信部门", "the local cyberspace office"),
        deadline,
        within: t("及时", "without delay"),
        fields: vec![api::FieldState {
            id: "cause".to_owned(),
            label: t("原因", "cause"),
            filled: false,
        }],
        article: t("个人信息保护法第五十七条", "PIPL art. 57"),
        source: "https://www.npc.gov.cn/".to_owned(),
        evidence: "verified".to_owned(),
    };
    api::DutiesView {
        at: ago(39_000),
        rules_version: "1".to_owned(),
        checked_on: "2026-11-23".to_owned(),
        obligations: vec![
            duty("cn.pipl.57", api::Applies::Yes, Some(ago(-3_600_000))),
            duty("eu.gdpr.33", api::Applies::No, None),
        ],
        gates: vec![api::GateView {
            id: "vulnerability-abroad".to_owned(),
            title: t(
                "未公开漏洞信息不得出境",
                "Undisclosed vulnerability detail must not go abroad",
            ),
            state: api::GateWord::Stop,
            why: t("两部法律相抵触", "two laws conflict"),
            next: t("请法务书面决定", "let counsel decide in writing"),
            because: vec![],
            articles: t("工信部规定第九条", "MIIT 9(7)"),
            rules: vec!["EU-CRA-14".to_owned()],
            releasable: true,
            acts: vec![],
        }],
    }
}

/// A vendor's letter to a tenant; without a contact it is handed over by a person.
fn letter(tenant: &str, contact: Option<&str>) -> api::NoticeView {
    api::NoticeView {
        kind: "tenant_letter".to_owned(),
        by_hand: contact.is_none(),
        to: Some(api::LetterTo {
            tenant: tenant.to_owned(),
            firm: format!("{tenant} 有限公司"),
            contact: contact.map(str::to_owned),
        }),
        duties: vec![api::AnsweredDuty {
            rule: "CN-PIPL-59".to_owned(),
            article: "个人信息保护法 第五十九条".to_owned(),
            met_at: None,
        }],
        ..notice(api::Audience::Tenant, "zh-CN")
    }
}

fn notice(audience: api::Audience, lang: &str) -> api::NoticeView {
    api::NoticeView {
        id: NoticeId::new(),
        audience,
        lang: lang.to_owned(),
        title: "个人信息安全事件告知".to_owned(),
        sections: vec![api::NoticeSection {
            heading: "发生了什么".to_owned(),
            body: "您的手机号码可能已泄露。".to_owned(),
            evidence: vec!["#7".to_owned()],
        }],
        refusals: Vec::new(),
        state: api::NoticeState::Draft,
        needs: vec![Role::Legal, Role::Commander],
        approvals: Vec::new(),
        recipients: 214,
        sent_at: None,
        due_at: Some(ago(-7_200_000)),
        sha256: "ef".repeat(32),
        letters: api::LetterCounts::default(),
        message: None,
        by_hand: matches!(audience, api::Audience::Regulator | api::Audience::Public),
        receipt: None,
        kind: "personal_notice".to_owned(),
        to: None,
        duties: vec![],
        proofs: vec![],
    }
}
