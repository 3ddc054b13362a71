//! 修: patches and proofs, commanded and shown.

use hudun_console::{api, api::Caller};
use hudun_core::{
    Check, Condition, Effect, Incident, IncidentId, Patch, PatchId, Place, Policy, ResponseCheck,
    Text, Timestamp,
};
use hudun_repair::{Proposal, ProposalState, RepairProof};

use super::error::{self, Got};
use crate::office::Office;

impl Office {
    pub(super) async fn propose_patch(&self, by: &Caller, id: IncidentId) -> Got<api::Done> {
        let incident = self.cases.get(id).await.map_err(error::case)?;
        let now = Timestamp::now();
        let made = self
            .acts
            .propose(&incident, &by.account, now)
            .await
            .map_err(error::bench)?;
        let proven = made
            .iter()
            .filter(|proposal| proposal.proof.holds())
            .count();
        Ok(api::Done::new(
            format!("起草了 {} 个补丁，{proven} 个通过验证", made.len()),
            format!("{} patches drafted, {proven} proven", made.len()),
        ))
    }

    pub(super) async fn enforce_patch(
        &self,
        by: &Caller,
        id: IncidentId,
        patch: PatchId,
    ) -> Got<api::Done> {
        let incident = self.cases.get(id).await.map_err(error::case)?;
        let now = Timestamp::now();
        let (_, new) = self
            .bench
            .enforce(&incident, patch, &by.account, now)
            .await
            .map_err(error::bench)?;
        self.live
            .publish(now, api::Happening::Repair { incident: id });
        let revision = self.bus.current().revision;
        self.live.publish(now, api::Happening::Policy { revision });
        Ok(if new {
            api::Done::new("补丁已上线", "The patch is in force")
        } else {
            api::Done::new("补丁此前已上线", "The patch was in force already")
        })
    }

    pub(super) async fn verify_repair(&self, by: &Caller, id: IncidentId) -> Got<api::Done> {
        let incident = self.cases.get(id).await.map_err(error::case)?;
        let proof = self
            .acts
            .verify_repair(&incident, &by.account, Timestamp::now())
            .await
            .map_err(error::bench)?;
        Ok(api::Done {
            message: proof.summary,
        })
    }

    pub(super) async fn patch_views(&self, incident: &Incident) -> Got<Vec<api::PatchView>> {
        let proposals = self
            .bench
            .proposals(incident.id)
            .await
            .map_err(error::bench)?;
        let policy = self.bus.current();
        Ok(proposals
            .iter()
            .map(|proposal| patch_view(proposal, &policy))
            .collect())
    }

    pub(super) async fn repair_view(&self, incident: &Incident) -> Got<api::RepairView> {
        let proof = self
            .bench
            .last_proof(incident.id)
            .await
            .map_err(error::bench)?;
        Ok(proof.map_or_else(
            || api::RepairView {
                verdict: api::Verdict::Open,
                summary: Text::new("尚未验证根因修复", "the root fix has not been verified yet"),
                at: None,
                replay: Vec::new(),
            },
            repair_view,
        ))
    }
}

fn patch_view(proposal: &Proposal, policy: &Policy) -> api::PatchView {
    let patch = &proposal.patch;
    let in_force = policy
        .patches
        .iter()
        .find(|known| known.patch == patch.patch);
    let proof = &proposal.proof;
    api::PatchView {
        id: patch.patch,
        restriction: in_force.map(|patch| patch.restriction.id),
        name: patch.name.clone(),
        title: patch.title.clone(),
        conditions: conditions(patch),
        effect: match patch.effect {
            Effect::Block => Text::new("拦截", "blocked"),
            Effect::Strip => Text::new("去掉该参数", "the parameter is taken out"),
            Effect::Mask => Text::new("个人信息脱敏", "personal data is masked"),
        },
        state: in_force.map(|patch| patch.state),
        proof: Some(api::PatchProof {
            at: proof.at,
            attack: api::ProofCount {
                good: proof.attack.good,
                all: proof.attack.all,
            },
            real: api::ProofCount {
                good: proof.real.good,
                all: proof.real.all,
            },
            verdict: match proposal.state {
                ProposalState::Unproven if proof.attack.all == 0 => api::Verdict::Open,
                ProposalState::Unproven => api::Verdict::Fail,
                ProposalState::Proven | ProposalState::Enforced(_) => api::Verdict::Pass,
            },
        }),
    }
}

fn repair_view(proof: RepairProof) -> api::RepairView {
    api::RepairView {
        verdict: match (proof.rows.is_empty(), proof.fixed) {
            (true, _) => api::Verdict::Open,
            (false, true) => api::Verdict::Pass,
            (false, false) => api::Verdict::Fail,
        },
        summary: proof.summary,
        at: Some(proof.at),
        replay: proof
            .rows
            .into_iter()
            .map(|row| api::ReplayRow {
                what: row.what,
                request: row.request,
                status: row.status,
                refused: row.failed,
            })
            .collect(),
    }
}

/// Each demand of a patch in words.
fn conditions(patch: &Patch) -> Vec<Text> {
    let requests = patch.conditions.iter().map(condition);
    let answers = patch.response_checks.iter().map(|check| match check {
        ResponseCheck::OwnRowsOnly => Text::new(
            "返回的每一条记录都属于请求者本人",
            "every row of the answer belongs to the account that asked",
        ),
        ResponseCheck::MaxRows(most) => Text::new(
            format!("返回的记录不超过 {most} 条"),
            format!("at most {most} rows in the answer"),
        ),
        ResponseCheck::Without(kinds) => {
            let zh: Vec<_> = kinds.iter().map(|kind| kind.label_zh()).collect();
            let en: Vec<_> = kinds.iter().map(|kind| kind.label_en()).collect();
            Text::new(
                format!("返回内容不含明文的{}", zh.join("、")),
                format!("no {} in clear in the answer", en.join(", ")),
            )
        }
    });
    requests.chain(answers).collect()
}

fn condition(condition: &Condition) -> Text {
    let place = match &condition.place {
        Place::Query(name) => Text::new(
            format!("查询参数 {name}"),
            format!("query parameter {name}"),
        ),
        Place::Form(name) => Text::new(format!("表单字段 {name}"), format!("form field {name}")),
        Place::Json(pointer) => {
            Text::new(format!("请求体 {pointer}"), format!("body value {pointer}"))
        }
        Place::Header(name) => Text::new(format!("请求头 {name}"), format!("header {name}")),
        Place::Path(name) => {
            Text::new(format!("路径参数 {name}"), format!("path parameter {name}"))
        }
        Place::FileName(name) => Text::new(
            format!("上传文件 {name} 的文件名"),
            format!("file name of {name}"),
        ),
        Place::FullPath => Text::new("完整路径", "the whole path"),
    };
    let check = match &condition.check {
        Check::Int => Text::new("必须是整数", "must be an integer"),
        Check::Digits => Text::new("只能是数字", "must be digits"),
        Check::Uuid => Text::new("必须是 UUID", "must be a UUID"),
        Check::OneOf(values) => Text::new(
            format!("必须是 {} 之一", values.join("、")),
            format!("must be one of {}", values.join(", ")),
        ),
        Check::Pattern(pattern) => Text::new(
            format!("必须符合 {pattern}"),
            format!("must match {pattern}"),
        ),
        Check::MaxLength(most) => Text::new(
            format!("最长 {most} 个字符"),
            format!("must have at most {most} characters"),
        ),
        Check::RelativeUrl => Text::new("必须是站内地址", "must be a URL of this site"),
        Check::UrlHost(hosts) => Text::new(
            format!("主机必须是 {}", hosts.join("、")),
            format!("must be on {}", hosts.join(", ")),
        ),
        Check::PathUnder(folder) => Text::new(
            format!("必须在 {folder} 之下"),
            format!("must lie under {folder}"),
        ),
        Check::Extension(list) => Text::new(
            format!("扩展名必须是 {}", list.join("、")),
            format!("must end in {}", list.join(", ")),
        ),
        Check::NotSqli => Text::new("不得含 SQL 片段", "must hold no SQL"),
        Check::NotXss => Text::new("不得含脚本片段", "must hold no script"),
        Check::Present => Text::new("必须存在", "must be there"),
        Check::Absent => Text::new("不得出现", "must not be there"),
    };
    Text::new(
        format!("{}{}", place.zh, check.zh),
        format!("{} {}", place.en, check.en),
    )
}
