//! 析: what persons decide about law: when the case became an incident, and what counsel releases.

use hudun_analyze::{
    Awareness, DecisionError, Evidence, GateAct, MOST_EVIDENCE, NewAwareness, NewRelease,
};
use hudun_console::{DeskError, Law, api, api::Caller};
use hudun_core::{Incident, IncidentId, IncidentState, Text, Timestamp};
use hudun_duty::{FactBase, Gate, GateState, RuleSet, StartEvent};

use super::error::{self, Got, conflict};
use crate::ledger::Line;
use crate::office::Office;

impl Office {
    pub(super) async fn law(&self, by: &Caller, id: IncidentId, act: Law) -> Got<api::Done> {
        let incident = self.cases.get(id).await.map_err(error::case)?;
        if incident.state == IncidentState::Closed {
            return Err(conflict("事件已经关闭。", "The case is closed already."));
        }
        let now = Timestamp::now();
        let (key, done) = match act {
            Law::Aware(wanted) => {
                let wanted = NewAwareness {
                    moment: wanted.moment,
                    reason: wanted.reason,
                    evidence: self.referred(&incident, wanted.evidence)?,
                    early: wanted.early,
                };
                let made = self
                    .analyst
                    .decide_aware(&incident, wanted, &by.account, now)
                    .await
                    .map_err(decision)?;
                (
                    format!("aware/{}", made.number),
                    api::Done::new(
                        format!("已认定（第 {} 次），各项期限已重算", made.number),
                        format!("Decided (no. {}); the clocks run anew", made.number),
                    ),
                )
            }
            Law::Release(gate, release) => {
                let release = NewRelease {
                    what: release.what,
                    reason: release.reason,
                    reference: release.reference,
                };
                let act = self
                    .analyst
                    .release_gate(&incident, &gate, release, &by.account, now)
                    .await
                    .map_err(decision)?;
                (
                    format!("gate/{}", act.number),
                    api::Done::new(
                        "已放行，它挡住的通知可以继续",
                        "Released; the notices that it held back can go on",
                    ),
                )
            }
            Law::Revoke(gate, reason) => {
                let act = self
                    .analyst
                    .revoke_gate(&incident, &gate, &reason, &by.account, now)
                    .await
                    .map_err(decision)?;
                (
                    format!("gate/{}", act.number),
                    api::Done::new(
                        "已收回放行，闸门重新生效",
                        "Taken back; the gate stops again",
                    ),
                )
            }
        };
        crate::upkeep::law_again(self, &incident, &key, now)
            .await
            .map_err(|cause| DeskError::Internal(format!("{cause:#}")))?;
        self.live
            .publish(now, api::Happening::Timeline { incident: id });
        Ok(done)
    }

    /// What a decision refers to, looked up: an entry of the case's ledger, one of its findings, or words.
    fn referred(&self, incident: &Incident, said: Vec<String>) -> Got<Vec<Evidence>> {
        // Looking up costs a pass over the ledger of the case for each.
        if said.len() > MOST_EVIDENCE {
            return Err(decision(DecisionError::Evidence(MOST_EVIDENCE)));
        }
        let mut entries: Option<Vec<Line>> = None;
        let mut found = Vec::new();
        for said in said {
            let said = said.trim().to_owned();
            let number = said.strip_prefix('#').map(str::parse::<u64>);
            let hash = match number {
                Some(Ok(number)) => {
                    if entries.is_none() {
                        let all = self.ledger.entries(incident.id);
                        entries =
                            Some(all.map_err(|cause| DeskError::Internal(cause.to_string()))?);
                    }
                    let mut of_case = entries.iter().flatten();
                    let line = of_case.find(|line| line.entry.seq == number);
                    let line = line.ok_or_else(|| no_evidence(&said))?;
                    Some(line.hash.clone())
                }
                Some(Err(_)) => return Err(no_evidence(&said)),
                None => {
                    // Whoever names a finding means one of this case.
                    let finding = said.parse::<hudun_core::FindingId>();
                    if finding.is_ok_and(|finding| !incident.findings.contains(&finding)) {
                        return Err(no_evidence(&said));
                    }
                    None
                }
            };
            found.push(Evidence { said, hash });
        }
        Ok(found)
    }
}

pub(super) fn awareness_views(decided: &[Awareness]) -> Vec<api::AwarenessView> {
    let newest = decided.last().map(|one| one.number);
    decided
        .iter()
        .map(|one| api::AwarenessView {
            number: one.number,
            current: Some(one.number) == newest,
            moment: one.moment,
            written: one.written.clone(),
            reason: one.reason.clone(),
            evidence: one.evidence.iter().map(|one| one.said.clone()).collect(),
            early: one.early.clone(),
            by: one.by.clone(),
            at: one.at,
        })
        .collect()
}

/// Gates that stop or were released; those with nothing to stop are not shown.
pub(super) fn gate_views(gates: &[Gate], acts: &[GateAct], rules: &RuleSet) -> Vec<api::GateView> {
    let shown = |gate: &Gate| {
        Some(match gate.state {
            GateState::Clear => return None,
            GateState::Stop => api::GateWord::Stop,
            GateState::Unknown => api::GateWord::Unknown,
            GateState::Released => api::GateWord::Released,
        })
    };
    gates
        .iter()
        .filter_map(|gate| Some((gate, shown(gate)?)))
        .map(|(gate, state)| api::GateView {
            id: gate.id.clone(),
            title: text(&gate.title),
            state,
            why: text(&gate.why),
            next: next(gate, state),
            because: gate.because.iter().map(text).collect(),
            articles: Text::new(
                articles(gate, |source| &source.zh),
                articles(gate, |source| &source.en),
            ),
            rules: gate.rules.clone(),
            releasable: rules
                .gates
                .iter()
                .any(|known| known.id == gate.id && known.released_by.is_some()),
            acts: acts
                .iter()
                .filter(|act| act.gate == gate.id)
                .map(|act| api::GateActView {
                    release: act.release,
                    what: act.what.clone(),
                    reason: act.reason.clone(),
                    reference: act.reference.clone(),
                    by: act.by.clone(),
                    at: act.at,
                })
                .collect(),
        })
        .collect()
}

/// What to do at a gate.
fn next(gate: &Gate, state: api::GateWord) -> Text {
    match state {
        api::GateWord::Released => Text::new(
            "法务已放行：只可按放行的范围办理；情况有变时收回放行",
            "Counsel has released it: do what was released and no more; take the release back when things change",
        ),
        api::GateWord::Stop | api::GateWord::Unknown => Text::new(
            format!(
                "{}。要继续，请法务（legal）在此写明放行什么、理由和文号",
                gate.instead.zh
            ),
            format!(
                "{}. To go on, somebody with the role legal releases it here: what, why, and the reference of the written word",
                gate.instead.en
            ),
        ),
    }
}

fn articles(gate: &Gate, name: fn(&hudun_duty::Source) -> &String) -> String {
    let all = gate.sources.iter();
    let all = all.map(|source| format!("{} {}", name(source), source.article));
    all.collect::<Vec<_>>().join("；")
}

/// From which decision a clock runs.
pub(super) fn clock_from(
    event: StartEvent,
    started: bool,
    facts: &FactBase,
    decided: &[Awareness],
) -> Text {
    if event != StartEvent::Aware {
        return Text::default();
    }
    let Some(aware) = &facts.times.aware else {
        return if started {
            Text::new(
                "尚无人认定，暂从首次发现起算",
                "nobody has decided yet; it runs from the first detection for now",
            )
        } else {
            Text::default()
        };
    };
    let at = aware.at.as_millisecond();
    let of = decided
        .iter()
        .rfind(|one| one.moment.as_millis() == at && one.by == aware.by);
    match of {
        Some(one) => Text::new(
            format!(
                "{} 的第 {} 次认定：{}（{}）",
                one.by, one.number, one.written, one.reason
            ),
            format!(
                "decision no. {} by {}: {} ({})",
                one.number, one.by, one.written, one.reason
            ),
        ),
        None => Text::new(
            format!("{} 接手此事件", aware.by),
            format!("{} took the case", aware.by),
        ),
    }
}

fn text(text: &hudun_duty::Text) -> Text {
    Text::new(text.zh.clone(), text.en.clone())
}

fn no_evidence(said: &str) -> DeskError {
    DeskError::Invalid {
        field: "evidence",
        text: Text::new(
            format!(
                "本事件没有 {said}；请写本事件账本的条目（#12）、本事件的发现编号，或用文字说明。"
            ),
            format!(
                "This case has no {said}; name an entry of its ledger (#12), one of its findings, or write words."
            ),
        ),
    }
}

fn decision(cause: DecisionError) -> DeskError {
    let invalid = |field, zh: String, cause: &DecisionError| DeskError::Invalid {
        field,
        text: Text::new(zh, cause.to_string()),
    };
    match &cause {
        DecisionError::Moment(_) => invalid(
            "moment",
            "时刻须带时区，例如 2026-11-30T09:30:00+08:00。".to_owned(),
            &cause,
        ),
        DecisionError::Future { moment, .. } => {
            invalid("moment", format!("{moment} 还没有到。"), &cause)
        }
        DecisionError::BeforeEvidence { moment, first } => invalid(
            "early",
            format!("{moment} 早于本事件最早的证据（{first}）；请说明当时谁、凭什么已经知道。"),
            &cause,
        ),
        DecisionError::Empty(field) => invalid(field, "请填写。".to_owned(), &cause),
        DecisionError::TooLong(field, most) => {
            invalid(field, format!("最多 {most} 个字。"), &cause)
        }
        DecisionError::Evidence(most) => {
            invalid("evidence", format!("请写 1 至 {most} 项依据。"), &cause)
        }
        DecisionError::NoSuchGate(_) => DeskError::NotFound("gate"),
        DecisionError::NotStopping(_) => conflict(
            "这道闸门在本事件中没有挡住什么，无须放行。",
            "This gate stops nothing in this case, so there is nothing to release.",
        ),
        DecisionError::NeverReleased(_) => {
            conflict("这道闸门不能放行。", "This gate can't be released.")
        }
        DecisionError::Released(_) => conflict(
            "这道闸门已经放行；要改放行的内容，请先收回。",
            "This gate is released already; take that back first to release something else.",
        ),
        DecisionError::NotReleased(_) => conflict(
            "这道闸门没有放行，没有可收回的。",
            "This gate is not released, so there is nothing to take back.",
        ),
        DecisionError::NoDuties => conflict(
            "本事件的法律义务还没有评估，请先评估。",
            "The duties of this case are not computed yet; assess them first.",
        ),
        DecisionError::TooMany(most) => conflict(
            format!("本事件已有 {most} 次认定，不能再加。"),
            format!("This case has {most} such decisions already; no more are taken."),
        ),
        DecisionError::Store(_) | DecisionError::Record(_) => match cause {
            DecisionError::Store(cause) => error::store(cause),
            DecisionError::Record(cause) => error::record(cause),
            other => DeskError::Internal(other.to_string()),
        },
        other => DeskError::Internal(other.to_string()),
    }
}
