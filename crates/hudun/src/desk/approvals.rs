//! What one person asks for and another one decides: lifting, going back.

use hudun_console::{DeskError, api, api::Caller, api::Happening, api::Role};
use hudun_contain::{LiftRequest, LiftState};
use hudun_core::{RestrictionId, Text, Timestamp};
use hudun_store::{Collection, Keyed};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::{self, Got, conflict, not_repaired, refused};
use super::register::{described, needs_one};
use crate::office::Office;

/// An approval that the desk keeps: a request to go back, or any request that has been decided.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    approval: api::Approval,
}

impl Keyed for Kept {
    const COLLECTION: &'static str = "approval";

    fn id(&self) -> String {
        self.approval.id.clone()
    }

    fn at(&self) -> i64 {
        self.approval.asked_at.as_millis()
    }
}

impl Office {
    pub(super) async fn undo(
        &self,
        by: &Caller,
        id: RestrictionId,
        reason: String,
    ) -> Got<api::UndoAnswer> {
        let policy = self.bus.current();
        let (restriction, _) = described(&policy, id).ok_or(DeskError::NotFound("restriction"))?;
        if !needs_one(&policy, id) {
            if let Some(waiting) = self.lift_waiting(id).await? {
                return Err(conflict(
                    format!("{} 已申请解除，等待另一人批准。", waiting.asked_by),
                    format!(
                        "{} has asked already; it waits for a second person.",
                        waiting.asked_by
                    ),
                ));
            }
            if !self.case_allows_lifting(&restriction).await? {
                return Err(not_repaired());
            }
        }
        let now = Timestamp::now();
        let state = self
            .keeper
            .undo(id, &by.account, &reason, now)
            .await
            .map_err(error::contain)?;
        let lifted = matches!(state, LiftState::Lifted { .. });
        let approval = if lifted {
            None
        } else {
            Some(self.approval(id.to_string()).await?)
        };
        self.tell_policy(&approval, restriction.incident, now);
        Ok(api::UndoAnswer {
            lifted,
            approval,
            revision: self.bus.current().revision,
        })
    }

    pub(super) async fn roll_back(&self, by: &Caller, to: api::RollBack) -> Got<api::UndoAnswer> {
        let current = self.bus.current().revision;
        if to.revision >= current {
            return Err(DeskError::Invalid {
                field: "revision",
                text: Text::new(
                    "只能回到比当前更早的版本。",
                    "Only a revision before the present one can be gone back to.",
                ),
            });
        }
        self.bus
            .revision(to.revision)
            .await
            .map_err(error::bus)?
            .ok_or(DeskError::NotFound("revision"))?;
        let now = Timestamp::now();
        let approval = api::Approval {
            id: format!("roll-back-{}-{}", to.revision, now.as_millis()),
            kind: api::ApprovalKind::RollBack,
            target: to.revision.to_string(),
            incident: None,
            what: Text::new(
                format!("策略回到第 {} 版", to.revision),
                format!("go back to policy revision {}", to.revision),
            ),
            asked_by: by.account.clone(),
            asked_at: now,
            reason: to.reason,
            roles: DECIDERS.to_vec(),
            state: api::ApprovalState::Waiting,
            decided_by: None,
        };
        self.note(
            &by.account,
            None,
            "policy.roll-back-asked",
            json!({ "to": to.revision, "reason": approval.reason, "approval": approval.id }),
        )?;
        let kept = Kept {
            approval: approval.clone(),
        };
        if !self.kept().insert(&kept).await.map_err(error::store)? {
            return Err(conflict(
                "同一请求刚刚提交过。",
                "The same request was made a moment ago.",
            ));
        }
        self.live.publish(
            now,
            Happening::Approval {
                approval: approval.id.clone(),
                incident: None,
            },
        );
        Ok(api::UndoAnswer {
            lifted: false,
            approval: Some(approval),
            revision: current,
        })
    }

    pub(super) async fn approvals(&self) -> Got<Vec<api::Approval>> {
        let lifts = self
            .store
            .collection::<LiftRequest>()
            .newest(MOST)
            .await
            .map_err(error::store)?;
        let kept = self.kept().newest(MOST).await.map_err(error::store)?;
        let mut waiting: Vec<_> = lifts
            .into_iter()
            .filter_map(|request| self.lift_approval(request))
            .chain(kept.into_iter().map(|kept| kept.approval))
            .filter(|approval| approval.state == api::ApprovalState::Waiting)
            .collect();
        waiting.sort_by_key(|approval| approval.asked_at);
        Ok(waiting)
    }

    pub(super) async fn approval(&self, id: String) -> Got<api::Approval> {
        if let Ok(restriction) = id.parse::<RestrictionId>()
            && let Some(request) = self.lift_waiting(restriction).await?
            && let Some(approval) = self.lift_approval(request)
        {
            return Ok(approval);
        }
        let kept = self.kept().get(&id).await.map_err(error::store)?;
        kept.map(|kept| kept.approval)
            .ok_or(DeskError::NotFound("approval"))
    }

    pub(super) async fn decide_approval(
        &self,
        by: &Caller,
        id: String,
        decision: api::Decision,
    ) -> Got<api::Done> {
        let mut approval = self.approval(id).await?;
        if approval.state != api::ApprovalState::Waiting {
            return Err(conflict(
                "这项请求已经处理过了。",
                "This request has been decided already.",
            ));
        }
        if decision.approve && approval.asked_by == by.account {
            return Err(refused(
                "申请人不能批准自己的申请，请由另一人批准。",
                "Whoever asked can't approve; another person must.",
            ));
        }
        let now = Timestamp::now();
        match approval.kind {
            api::ApprovalKind::Lift => self.decide_lift(by, &approval, &decision, now).await?,
            api::ApprovalKind::RollBack => {
                self.decide_roll_back(by, &approval, &decision, now).await?;
            }
        }
        approval.state = if decision.approve {
            api::ApprovalState::Approved
        } else {
            api::ApprovalState::Declined
        };
        approval.decided_by = Some(by.account.clone());
        let incident = approval.incident;
        self.kept()
            .put(&Kept {
                approval: approval.clone(),
            })
            .await
            .map_err(error::store)?;
        self.tell_policy(&Some(approval), incident, now);
        Ok(if decision.approve {
            api::Done::new("已批准并执行", "Approved and carried out")
        } else {
            api::Done::new("已拒绝", "Declined")
        })
    }

    async fn decide_lift(
        &self,
        by: &Caller,
        approval: &api::Approval,
        decision: &api::Decision,
        now: Timestamp,
    ) -> Got<()> {
        let id: RestrictionId = approval
            .target
            .parse()
            .map_err(|_| DeskError::NotFound("restriction"))?;
        let (restriction, _) =
            described(&self.bus.current(), id).ok_or(DeskError::NotFound("restriction"))?;
        if decision.approve {
            let allowed = self.case_allows_lifting(&restriction).await?;
            return self
                .keeper
                .approve_lift(id, &by.account, allowed, now)
                .await
                .map_err(error::contain);
        }
        let incident = match restriction.incident {
            Some(incident) => Some(self.cases.get(incident).await.map_err(error::case)?),
            None => None,
        };
        let body =
            json!({ "restriction": id, "asked_by": approval.asked_by, "note": decision.note });
        self.note(
            &by.account,
            incident.as_ref(),
            "containment.lift-declined",
            body,
        )?;
        let removed = self
            .store
            .collection::<LiftRequest>()
            .remove(&approval.target)
            .await;
        removed.map(|_was_there| ()).map_err(error::store)
    }

    async fn decide_roll_back(
        &self,
        by: &Caller,
        approval: &api::Approval,
        decision: &api::Decision,
        now: Timestamp,
    ) -> Got<()> {
        if !decision.approve {
            let body = json!({ "to": approval.target, "asked_by": approval.asked_by, "note": decision.note });
            return self.note(&by.account, None, "policy.roll-back-declined", body);
        }
        let to: u64 = approval
            .target
            .parse()
            .map_err(|_| DeskError::NotFound("revision"))?;
        // Going back must not lift what may not be lifted: every restriction of an unrepaired case stays.
        let earlier = self
            .bus
            .revision(to)
            .await
            .map_err(error::bus)?
            .ok_or(DeskError::NotFound("revision"))?;
        let current = self.bus.current();
        for restriction in current.restrictions() {
            let stays = earlier.restrictions().any(|kept| kept.id == restriction.id);
            if !stays
                && restriction.holds_at(now)
                && !needs_one(&current, restriction.id)
                && !self.case_allows_lifting(restriction).await?
            {
                return Err(not_repaired());
            }
        }
        self.claim(&approval.id).await?;
        let reason = format!("{} (asked by {})", approval.reason, approval.asked_by);
        let made = self.keeper.roll_back(to, &by.account, &reason, now).await;
        if made.is_err() {
            // Nothing has changed, so the request waits on.
            let waits = |kept: &mut Kept| kept.approval.state = api::ApprovalState::Waiting;
            self.kept()
                .update(&approval.id, waits)
                .await
                .map_err(error::store)?;
        }
        made.map(|_policy| ()).map_err(error::contain)
    }

    /// Takes a request to go back out of the waiting ones, so that two persons who decide at the same moment don't
    /// both carry it out.
    async fn claim(&self, id: &str) -> Got<()> {
        let mut mine = false;
        self.kept()
            .update(id, |kept| {
                mine = kept.approval.state == api::ApprovalState::Waiting;
                kept.approval.state = api::ApprovalState::Approved;
            })
            .await
            .map_err(error::store)?;
        if mine {
            Ok(())
        } else {
            Err(conflict(
                "这项请求已经处理过了。",
                "This request has been decided already.",
            ))
        }
    }

    pub(super) async fn revisions(&self) -> Got<api::RevisionList> {
        let revisions = self.bus.history(MOST_REVISIONS).await.map_err(error::bus)?;
        Ok(api::RevisionList {
            current: self.bus.current().revision,
            revisions: revisions.iter().map(Into::into).collect(),
        })
    }

    pub(super) async fn revision(&self, revision: u64) -> Got<api::PolicyDocument> {
        let current = self.bus.current();
        let document = if current.revision == revision {
            hudun_core::Policy::clone(&current)
        } else {
            let found = self.bus.revision(revision).await.map_err(error::bus)?;
            found.ok_or(DeskError::NotFound("revision"))?
        };
        Ok(api::PolicyDocument {
            summary: (&document).into(),
            document,
        })
    }

    async fn lift_waiting(&self, id: RestrictionId) -> Got<Option<LiftRequest>> {
        let request = self.keeper.lift_request(id).await.map_err(error::contain)?;
        Ok(request.filter(|request| request.state == LiftState::Waiting))
    }

    /// The approval that a request stands for; none when its restriction has gone meanwhile.
    fn lift_approval(&self, request: LiftRequest) -> Option<api::Approval> {
        let (restriction, what) = described(&self.bus.current(), request.restriction)?;
        let (state, decided_by) = match request.state {
            LiftState::Waiting => (api::ApprovalState::Waiting, None),
            LiftState::Lifted { by, .. } => (api::ApprovalState::Approved, Some(by)),
        };
        Some(api::Approval {
            id: request.restriction.to_string(),
            kind: api::ApprovalKind::Lift,
            target: request.restriction.to_string(),
            incident: restriction.incident,
            what: Text::new(
                format!("解除限制：{}", what.zh),
                format!("lift: {}", what.en),
            ),
            asked_by: request.asked_by,
            asked_at: request.asked_at,
            reason: request.reason,
            roles: DECIDERS.to_vec(),
            state,
            decided_by,
        })
    }

    fn tell_policy(
        &self,
        approval: &Option<api::Approval>,
        incident: Option<hudun_core::IncidentId>,
        now: Timestamp,
    ) {
        if let Some(approval) = approval {
            self.live.publish(
                now,
                Happening::Approval {
                    approval: approval.id.clone(),
                    incident,
                },
            );
        }
        let revision = self.bus.current().revision;
        self.live.publish(now, Happening::Policy { revision });
        if let Some(incident) = incident {
            self.live.publish(now, Happening::Timeline { incident });
        }
    }

    fn kept(&self) -> Collection<Kept> {
        self.store.collection()
    }
}

/// Who may give the second word.
const DECIDERS: [Role; 2] = [Role::Commander, Role::Security];
/// Requests that are looked through.
const MOST: u32 = 500;
/// Revisions in the list.
const MOST_REVISIONS: u32 = 200;
