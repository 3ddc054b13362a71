//! The catalogue of actions: what a playbook can make Hudun do, on the stages.

use std::sync::Arc;

use hudun_analyze::{Analyst, Circumstances};
use hudun_console::{Live, api::Happening};
use hudun_contain::{Keeper, LiftState, Order};
use hudun_core::{
    Action, ActionError, ActionOutcome, ActionReceipt, BoxFuture, Catalogue, Finding, Incident,
    IncidentId, IncidentState, IsolationMode, KindSet, LedgerDraft, Recorder, RestrictionId, Scope,
    Text, TimelineMark, Timestamp,
};
use hudun_lake::{ExchangeFilter, Lake, Page};
use hudun_repair::{Proposal, ProposalState, RepairProof};
use hudun_respond::Cases;
use hudun_store::{Collection, Keyed, Store};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bench::{Bench, BenchError};
use crate::ledger::LedgerService;
use crate::office::{Historian, Informer, Probe};

/// The actions, on the stages.
pub struct Acts {
    /// Cases.
    pub cases: Arc<Cases>,
    /// Restrictions.
    pub keeper: Keeper,
    /// Scope and duties.
    pub analyst: Arc<Analyst>,
    /// Patches and proofs.
    pub bench: Arc<Bench>,
    /// The record.
    pub ledger: Arc<LedgerService>,
    /// Asks the gateways.
    pub probe: Arc<dyn Probe>,
    /// Notices, when the stage is wired.
    pub informer: Option<Arc<dyn Informer>>,
    /// Retrospectives, when the stage is wired.
    pub historian: Option<Arc<dyn Historian>>,
    /// Exchanges at rest.
    pub lake: Arc<Lake>,
    /// Kinds that the SCRM holds, from the profile.
    pub kinds_held: KindSet,
    /// Which restrictions were seen to act.
    pub checks: Collection<Check>,
    /// What happens, for open pages.
    pub live: Live,
}

/// The last time that somebody looked whether containment holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// The case.
    pub incident: IncidentId,
    /// When.
    pub at: Timestamp,
    /// Whether every suspect was refused.
    pub held: bool,
    /// The restrictions of the case at that moment.
    pub restrictions: Vec<RestrictionId>,
}

impl Keyed for Check {
    const COLLECTION: &'static str = "containment-check";

    fn id(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

impl Check {
    /// The collection in which checks are kept.
    pub fn collection(store: &Store) -> Collection<Self> {
        store.collection()
    }
}

type Done = Result<ActionReceipt, String>;

impl Catalogue for Acts {
    fn perform<'a>(
        &'a self,
        incident: IncidentId,
        key: &'a str,
        by: &'a str,
        action: Action,
    ) -> BoxFuture<'a, Result<ActionReceipt, ActionError>> {
        Box::pin(async move {
            let name = action.name();
            let failed = |cause: String| ActionError::Failed {
                action: name,
                cause,
            };
            let case = self
                .cases
                .get(incident)
                .await
                .map_err(|cause| failed(cause.to_string()))?;
            let now = Timestamp::now();
            let receipt = self.act(&case, key, by, action, now).await;
            self.tell(incident, now).await;
            receipt.map_err(failed)
        })
    }
}

impl Acts {
    async fn act(
        &self,
        case: &Incident,
        key: &str,
        by: &str,
        action: Action,
        now: Timestamp,
    ) -> Done {
        let reason = format!("playbook, {}", case.title.en);
        let order = |minutes: u32| Order {
            key,
            by,
            reason: &reason,
            incident: Some(case.id),
            tenant: Some(case.tenant.clone()),
            at: now,
            minutes,
        };
        match action {
            Action::IsolateModule {
                tenant,
                module,
                mode,
                minutes,
            } => {
                let mode = mode_named(&mode, now)?;
                let text = Text::new(
                    format!("模块 {module} 已隔离：{}", mode_text(&mode).zh),
                    format!("module {module} set apart: {}", mode_text(&mode).en),
                );
                let mut order = order(minutes);
                // The order's tenant is the isolation's: absent means all tenants.
                order.tenant = tenant;
                let made = self.keeper.isolate(&order, module, mode).await;
                contained(made.map_err(said)?, text)
            }
            Action::RevokeSessions { account } => {
                let text = Text::new(
                    format!("账号 {account} 的全部会话已吊销"),
                    format!("every session of {account} has ended"),
                );
                let made = self
                    .keeper
                    .revoke_sessions(&order(SESSION_MINUTES), account)
                    .await;
                contained(made.map_err(said)?, text)
            }
            Action::FreezeAccount { account, minutes } => {
                let text = Text::new(
                    format!("账号 {account} 已冻结 {minutes} 分钟"),
                    format!("account {account} frozen for {minutes} minutes"),
                );
                let made = self.keeper.freeze(&order(minutes), account).await;
                contained(made.map_err(said)?, text)
            }
            Action::VerifyContainment => self.verify_containment(case, by, now).await,
            Action::Lift { restriction } => self.lift(restriction, by, &reason, now).await,
            Action::AssessScope => self.assess_scope(case, now).await,
            Action::AssessDuties => self.assess_duties(case, now).await,
            Action::DraftPatch => self.draft_patch(case, by, now).await,
            Action::EnforcePatch => self.enforce_patches(case, by, now).await,
            Action::VerifyRepair => {
                if case.mark(TimelineMark::Repaired).is_some() {
                    let text = Text::new("根因修复此前已证明", "the root fix was proven before");
                    return Ok(receipt(false, text));
                }
                let proof = self.verify_repair(case, by, now).await.map_err(said)?;
                if proof.fixed {
                    Ok(receipt(true, proof.summary))
                } else {
                    Err(format!("{} / {}", proof.summary.zh, proof.summary.en))
                }
            }
            Action::DraftNotices => self.draft_notices(case, by, now).await,
            Action::WriteRetrospective => self.write_retrospective(case, by, now).await,
            other => Err(format!("{} is not in this catalogue", other.name())),
        }
    }

    /// Asks the gateways whether each suspect is refused; sets the mark when all are.
    async fn verify_containment(&self, case: &Incident, by: &str, now: Timestamp) -> Done {
        if case.suspects.is_empty() {
            return Err("the case names no account, so there is nobody to be refused".to_owned());
        }
        let passing: Vec<_> = case
            .suspects
            .iter()
            .filter(|suspect| !self.probe.refuses(suspect))
            .map(ToString::to_string)
            .collect();
        let policy = self.keeper.current();
        let restrictions = policy
            .restrictions()
            .filter(|restriction| restriction.incident == Some(case.id))
            .map(|restriction| restriction.id)
            .collect();
        let held = passing.is_empty();
        let body =
            json!({ "revision": policy.revision, "suspects": case.suspects, "passing": passing });
        let kind = if held {
            "containment.verified"
        } else {
            "containment.leaks"
        };
        self.record(case, kind, by, now, body)?;
        self.checks
            .put(&Check {
                incident: case.id,
                at: now,
                held,
                restrictions,
            })
            .await
            .map_err(said)?;
        if !held {
            return Err(format!(
                "the gateway would still let through: {}",
                passing.join(", ")
            ));
        }
        let new = case.mark(TimelineMark::Contained).is_none();
        self.cases
            .change(case.id, |case| {
                case.set_mark(TimelineMark::Contained, now);
                if matches!(case.state, IncidentState::Open | IncidentState::Handling) {
                    case.state = IncidentState::Contained;
                }
            })
            .await
            .map_err(said)?;
        Ok(receipt(
            new,
            Text::new(
                "已核实：嫌疑账号的下一个请求会被拒绝",
                "verified: the next request of each suspect is refused",
            ),
        ))
    }

    async fn lift(&self, id: RestrictionId, by: &str, reason: &str, now: Timestamp) -> Done {
        let gone = !self
            .keeper
            .current()
            .restrictions()
            .any(|restriction| restriction.id == id);
        if gone {
            return Ok(receipt(
                false,
                Text::new("此限制已不在策略中", "this restriction is gone already"),
            ));
        }
        let text = match self.keeper.undo(id, by, reason, now).await.map_err(said)? {
            LiftState::Lifted { .. } => Text::new("限制已解除", "the restriction is lifted"),
            LiftState::Waiting => Text::new(
                "已申请解除，等待另一人批准",
                "asked to be lifted; waits for a second person",
            ),
        };
        Ok(receipt(true, text))
    }

    async fn assess_scope(&self, case: &Incident, now: Timestamp) -> Done {
        let findings = self.findings(case).await?;
        let record = self
            .analyst
            .assess_scope(case, &findings, now)
            .await
            .map_err(said)?;
        self.cases
            .mark(case.id, TimelineMark::Scoped, now)
            .await
            .map_err(said)?;
        let scope = &record.scope;
        self.live
            .publish(now, Happening::Scope { incident: case.id });
        let mut done = receipt(
            record.computed_at == now,
            Text::new(
                format!(
                    "受影响客户 {} 人（确认送达 {}，不能排除 {}），已解释 {:.1}% 的流出字节",
                    scope.likely,
                    scope.low,
                    scope.high,
                    scope.coverage() * 100.0
                ),
                format!(
                    "{} persons affected ({} confirmed, {} can't be ruled out), {:.1}% of the bytes explained",
                    scope.likely,
                    scope.low,
                    scope.high,
                    scope.coverage() * 100.0
                ),
            ),
        );
        done.detail = json!({ "revision": record.revision, "likely_sha256": record.likely_sha256 });
        Ok(done)
    }

    async fn assess_duties(&self, case: &Incident, now: Timestamp) -> Done {
        let scope = self
            .analyst
            .scope(case.id)
            .await
            .map_err(said)?
            .ok_or("the scope has not been assessed yet; assess it first")?;
        let findings = self.findings(case).await?;
        let known = Circumstances {
            acknowledged_by: self.acknowledged_by(case.id),
            kinds_held: self.kinds_held,
            altered: self.altered(case, &scope.scope).await,
            // The gateway saw no deletion that it would not count as a write.
            lost: Some(false),
            measures: crate::measures::of_case(case, &self.keeper.current()),
            impact: crate::measures::impact(&scope.scope),
            ..Circumstances::default()
        };
        let record = self
            .analyst
            .assess_duties(case, &findings, &scope, &known, now)
            .await
            .map_err(said)?;
        let own = record.assess(self.analyst.rules()).map_err(said)?;
        let applying = own.applying().count();
        self.live
            .publish(now, Happening::Scope { incident: case.id });
        Ok(receipt(
            record.computed_at == now,
            Text::new(
                format!("{applying} 项法律义务成立"),
                format!("{applying} duties apply"),
            ),
        ))
    }

    /// Whether the source changed anything: a write of its sessions that succeeded, other than logging in and asking for
    /// an export. Unknown when the lake can't be asked.
    async fn altered(&self, case: &Incident, scope: &Scope) -> Option<bool> {
        let window = scope.window.unwrap_or(scope.question.window);
        for session in scope.seen.sessions.clone() {
            let mut filter = ExchangeFilter::of(window);
            filter.tenant = Some(case.tenant.clone());
            filter.session = Some(session);
            let page = Page {
                limit: 1_000,
                after: None,
                newest_first: false,
            };
            let exchanges = self
                .lake
                .ask(move |lake| lake.exchanges(&filter, &page))
                .await
                .ok()?;
            let wrote = exchanges.iter().any(|exchange| {
                let head = &exchange.head;
                let reads = matches!(head.method.as_str(), "GET" | "HEAD" | "OPTIONS");
                let harmless = head.login || head.module.as_str() == "exports";
                !reads && !harmless && exchange.end.as_ref().is_some_and(|end| end.success)
            });
            if wrote {
                return Some(true);
            }
        }
        Some(false)
    }

    async fn draft_patch(&self, case: &Incident, by: &str, now: Timestamp) -> Done {
        let before = self.bench.proposals(case.id).await.map_err(said)?;
        if before
            .iter()
            .any(|proposal| proposal.state != ProposalState::Unproven)
        {
            let text = Text::new("热补丁此前已起草", "hot patches were drafted before");
            return Ok(receipt(false, text));
        }
        let made = self.propose(case, by, now).await.map_err(said)?;
        let proven = made
            .iter()
            .filter(|proposal| proposal.proof.holds())
            .count();
        let mut done = receipt(
            true,
            Text::new(
                format!("起草了 {} 个热补丁，{proven} 个通过验证", made.len()),
                format!("{} hot patches drafted, {proven} proven", made.len()),
            ),
        );
        done.detail = json!(
            made.iter()
                .map(|proposal| json!({ "patch": proposal.id(), "proof": proposal.proof }))
                .collect::<Vec<_>>()
        );
        Ok(done)
    }

    async fn enforce_patches(&self, case: &Incident, by: &str, now: Timestamp) -> Done {
        self.propose_late(case, now).await.map_err(said)?;
        let proposals = self.bench.proposals(case.id).await.map_err(said)?;
        let (mut new, mut names) = (false, Vec::new());
        for proposal in proposals {
            if proposal.state == ProposalState::Unproven {
                continue;
            }
            let (proposal, done) = self
                .bench
                .enforce(case, proposal.id(), by, now)
                .await
                .map_err(said)?;
            new |= done;
            names.push(proposal.patch.name);
        }
        if names.is_empty() {
            return Err("no patch of the case is proven, so none is put in force".to_owned());
        }
        self.live
            .publish(now, Happening::Repair { incident: case.id });
        let names = names.join(", ");
        Ok(receipt(
            new,
            Text::new(
                format!("热补丁已上线：{names}"),
                format!("hot patches in force: {names}"),
            ),
        ))
    }

    async fn draft_notices(&self, case: &Incident, by: &str, now: Timestamp) -> Done {
        let informer = self
            .informer
            .as_ref()
            .ok_or("the stage that drafts notices is not configured")?;
        let (count, new) = informer
            .draft(case, by, now)
            .await
            .map_err(|cause| cause.to_string())?;
        self.mark_drafted(case, now).await?;
        Ok(receipt(
            new,
            Text::new(
                format!("{count} 份通知草稿待审批"),
                format!("{count} notices drafted; they wait for approval"),
            ),
        ))
    }

    async fn write_retrospective(&self, case: &Incident, by: &str, now: Timestamp) -> Done {
        let historian = self
            .historian
            .as_ref()
            .ok_or("the stage that writes retrospectives is not configured")?;
        let new = historian
            .write(case, by, now)
            .await
            .map_err(|cause| cause.to_string())?;
        Ok(receipt(
            new,
            Text::new("复盘已写成", "the retrospective is written"),
        ))
    }

    /// Drafts and proves patches; for the catalogue and for the desk.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn propose(
        &self,
        case: &Incident,
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<Proposal>, BenchError> {
        let findings = self.findings(case).await.map_err(BenchError::Scope)?;
        let made = self.bench.propose(case, &findings, by, now).await?;
        self.mark_drafted(case, now)
            .await
            .map_err(BenchError::Scope)?;
        self.live
            .publish(now, Happening::Repair { incident: case.id });
        Ok(made)
    }

    /// Drafts patches for a case that has none because its attack was still on its way when they were asked for.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn propose_late(&self, case: &Incident, now: Timestamp) -> Result<(), BenchError> {
        let findings = self.findings(case).await.map_err(BenchError::Scope)?;
        let made = self
            .bench
            .propose_late(case, &findings, "hudun", now)
            .await?;
        if !made.is_empty() {
            self.mark_drafted(case, now)
                .await
                .map_err(BenchError::Scope)?;
            self.live
                .publish(now, Happening::Repair { incident: case.id });
        }
        Ok(())
    }

    /// Replays the attack; the case is repaired when it failed everywhere. For the catalogue and for the desk.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn verify_repair(
        &self,
        case: &Incident,
        by: &str,
        now: Timestamp,
    ) -> Result<RepairProof, BenchError> {
        let findings = self.findings(case).await.map_err(BenchError::Scope)?;
        let proof = self.bench.verify(case, &findings, by, now).await?;
        if proof.fixed {
            self.cases
                .change(case.id, |case| {
                    case.set_mark(TimelineMark::Repaired, now);
                    if case.state != IncidentState::Closed {
                        case.state = IncidentState::Repaired;
                    }
                })
                .await
                .map_err(|cause| BenchError::Scope(cause.to_string()))?;
            self.draft_again(case.id, by, now).await;
        }
        self.live
            .publish(now, Happening::Repair { incident: case.id });
        Ok(proof)
    }

    /// A case that has come further owes other reports: the follow-up, the final one. Its duties are assessed and its
    /// notices drafted anew, where it had some. What the case came to stands whether or not that succeeds.
    pub async fn draft_again(&self, incident: IncidentId, by: &str, now: Timestamp) {
        let again = async {
            let case = self.cases.get(incident).await.map_err(said)?;
            if self.analyst.duties(incident).await.map_err(said)?.is_none() {
                return Ok::<_, String>(());
            }
            self.assess_duties(&case, now).await?;
            if self.informer.is_some() {
                self.draft_notices(&case, by, now).await?;
            }
            Ok(())
        };
        if let Err(error) = again.await {
            tracing::error!(%error, %incident, "the notices could not be drafted anew; draft them from the war room");
        }
    }

    /// Who took the case, by the ledger.
    pub fn acknowledged_by(&self, incident: IncidentId) -> Option<String> {
        let lines = self.ledger.entries(incident).ok()?;
        lines
            .into_iter()
            .find(|line| line.entry.kind == "incident.acknowledged")
            .map(|line| line.entry.actor)
    }

    /// All drafts are ready once patches and notices are; the later of the two sets the mark.
    async fn mark_drafted(&self, case: &Incident, now: Timestamp) -> Result<(), String> {
        let patches = self.bench.proposals(case.id).await.map_err(said)?;
        let notices = match &self.informer {
            None => true,
            Some(informer) => !informer
                .notices(case.id)
                .await
                .map_err(|cause| cause.to_string())?
                .is_empty(),
        };
        if !patches.is_empty() && notices {
            self.cases
                .mark(case.id, TimelineMark::Drafted, now)
                .await
                .map_err(said)?;
        }
        Ok(())
    }

    async fn findings(&self, case: &Incident) -> Result<Vec<Finding>, String> {
        self.cases.findings(case).await.map_err(said)
    }

    fn record(
        &self,
        case: &Incident,
        kind: &str,
        by: &str,
        at: Timestamp,
        body: serde_json::Value,
    ) -> Result<(), String> {
        self.ledger
            .record(LedgerDraft {
                at,
                tenant: Some(case.tenant.clone()),
                incident: Some(case.id),
                by: by.to_owned(),
                kind: kind.to_owned(),
                body,
            })
            .map(|_seq| ())
            .map_err(said)
    }

    async fn tell(&self, incident: IncidentId, now: Timestamp) {
        if let Ok(case) = self.cases.get(incident).await {
            self.live.publish(
                now,
                Happening::Incident {
                    incident,
                    state: case.state,
                    grade: case.grade,
                },
            );
        }
        let revision = self.keeper.current().revision;
        self.live.publish(now, Happening::Policy { revision });
        self.live.publish(now, Happening::Timeline { incident });
    }
}

/// A mode for a person.
pub fn mode_text(mode: &IsolationMode) -> Text {
    match mode {
        IsolationMode::Off => Text::new("停用", "every request refused"),
        IsolationMode::ReadOnly => Text::new("只读", "reading only"),
        IsolationMode::Mask => Text::new("个人信息脱敏", "personal data masked"),
        IsolationMode::Throttle { per_minute } => Text::new(
            format!("每人每分钟最多 {per_minute} 次"),
            format!("at most {per_minute} requests a minute"),
        ),
        IsolationMode::StepUp { .. } => Text::new("须重新登录", "a fresh log-in needed"),
        IsolationMode::Standby => Text::new("切换到备用", "served by the standby"),
        IsolationMode::AllowList { .. } => Text::new("仅限名单", "only those listed"),
    }
}

/// The mode with this name; `throttle` takes its number as `throttle:30`.
fn mode_named(name: &str, now: Timestamp) -> Result<IsolationMode, String> {
    Ok(match name {
        "off" => IsolationMode::Off,
        "read-only" => IsolationMode::ReadOnly,
        "mask" => IsolationMode::Mask,
        "step-up" => IsolationMode::StepUp { since: now },
        "standby" => IsolationMode::Standby,
        _ => {
            let per_minute = name
                .strip_prefix("throttle:")
                .and_then(|number| number.parse().ok())
                .filter(|&per_minute| per_minute > 0);
            IsolationMode::Throttle {
                per_minute: per_minute.ok_or_else(|| {
                    format!("unknown mode {name:?}; known: off, read-only, mask, step-up, standby, throttle:NUMBER")
                })?,
            }
        }
    })
}

fn contained((restriction, new): (RestrictionId, bool), text: Text) -> Done {
    let mut done = receipt(new, text);
    done.undo = Some(Action::Lift { restriction });
    done.detail = json!({ "restriction": restriction });
    Ok(done)
}

fn receipt(new: bool, summary: Text) -> ActionReceipt {
    ActionReceipt {
        outcome: if new {
            ActionOutcome::Done
        } else {
            ActionOutcome::AlreadyDone
        },
        summary,
        undo: None,
        detail: serde_json::Value::Null,
    }
}

fn said(cause: impl std::error::Error) -> String {
    cause.to_string()
}

/// Minutes for which ended sessions stay refused: seven days, longer than a session of an SCRM lives.
const SESSION_MINUTES: u32 = 7 * 24 * 60;
