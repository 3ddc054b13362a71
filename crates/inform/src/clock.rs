//! Legal clocks that run out: who answers for a case is told at a half, a quarter and a tenth of the time left, and when it
//! is over, until the notice that the duty asks for has gone out or was handed in.

use std::collections::BTreeMap;

use hudun_core::{Incident, Timestamp};
use hudun_duty::{Assessment, Duty, PhaseResult, Severity, Verdict};
use serde_json::json;

use crate::draft::WITHDRAWN;
use crate::error::InformError;
use crate::informer::Informer;
use crate::letter::{AlertTarget, MailLetter, WebhookLetter, one_line, short_hash};
use crate::notice::{Notice, NoticeStatus};
use crate::seal::sealed;

/// Something that the team is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// Tells it apart from every other of the case.
    pub name: String,
    /// `clock` or `class`.
    pub kind: &'static str,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// The clocks of a case of which somebody must be told now: for each phase that applies and is not answered yet, the
/// last of its moments that has passed.
pub fn clocks_running_out(
    assessment: &Assessment,
    notices: &[Notice],
    now: Timestamp,
) -> Vec<Reminder> {
    let phases = assessment
        .applying()
        .flat_map(|duty| duty.phases.iter().map(move |phase| (duty, phase)));
    phases
        .filter(|(duty, phase)| {
            phase.verdict == Verdict::Applies && !is_answered(duty, phase, notices)
        })
        .filter_map(|(duty, phase)| reminder(duty, phase, now))
        .collect()
}

/// The class that a case has now, for those who were told of another one.
pub fn class_of(severity: &Severity) -> Reminder {
    let grade = severity.cac.grade;
    let (cac_zh, cac_en) = match grade {
        0 => ("未达较大", "below considerable"),
        1 => ("较大", "considerable"),
        2 => ("重大", "major"),
        _ => ("特别重大", "extreme"),
    };
    let band = severity.enisa.as_ref().map(|enisa| enisa.band.name());
    let (band_zh, band_en) = band.map_or_else(
        || ("未评出".to_owned(), "not scored".to_owned()),
        |band| (band.zh, band.en),
    );
    Reminder {
        name: format!("class/{grade}/{band_en}"),
        kind: "class",
        zh: format!(
            "网络安全事件等级：{cac_zh}；ENISA 严重度：{band_zh}。义务和期限随之变化，请查看作战室。"
        ),
        en: format!(
            "Grade by the CAC annex: {cac_en}; ENISA severity: {band_en}. Duties and clocks follow; see the war room."
        ),
    }
}

fn reminder(duty: &Duty, phase: &PhaseResult, now: Timestamp) -> Option<Reminder> {
    let deadline = phase.clock.deadline_at?;
    let written = phase.clock.deadline.as_deref().unwrap_or_default();
    let left_ms = deadline.as_millisecond().saturating_sub(now.as_millis());
    let passed = phase
        .clock
        .escalate_at
        .iter()
        .filter_map(|at| at.parse::<jiff::Timestamp>().ok())
        .filter(|at| at.as_millisecond() <= now.as_millis())
        .count();
    let stage = if left_ms <= 0 {
        "over".to_owned()
    } else if passed == 0 {
        return None;
    } else {
        passed.to_string()
    };
    let provisional = phase.clock.provisional;
    let (left_zh, left_en) = left(left_ms);
    let to = phase.to.first();
    let (to_zh, to_en) = to.map_or(("", ""), |to| (to.zh.as_str(), to.en.as_str()));
    Some(Reminder {
        name: format!("clock/{}/{}/{written}/{stage}", duty.rule, phase.id),
        kind: "clock",
        zh: format!(
            "法定期限{left_zh}：{}（{}），向{to_zh}，截止 {written}{}。",
            duty.title.zh,
            duty.source.article,
            if provisional {
                "（暂从发现时起算）"
            } else {
                ""
            }
        ),
        en: format!(
            "Legal clock {left_en}: {} ({}), to {to_en}, until {written}{}.",
            duty.title.en,
            duty.source.article,
            if provisional {
                " (counted from detection for now)"
            } else {
                ""
            }
        ),
    })
}

fn left(left_ms: i64) -> (String, String) {
    if left_ms <= 0 {
        return ("已过".to_owned(), "is over".to_owned());
    }
    let minutes = left_ms / 60_000;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    if days > 0 {
        (
            format!("还剩 {days} 天 {hours} 小时"),
            format!("has {days} d {hours} h left"),
        )
    } else {
        (
            format!("还剩 {hours} 小时 {minutes} 分"),
            format!("has {hours} h {minutes} min left"),
        )
    }
}

/// Whether a notice of the kind that this phase asks for has gone out, or was handed in. A vendor that must tell its
/// tenants has done so once every one of them is told.
fn is_answered(duty: &Duty, phase: &PhaseResult, notices: &[Notice]) -> bool {
    let serves = |notice: &Notice| {
        let mut to = phase.to.iter();
        to.any(|to| notice.kind.serves(&duty.jurisdiction, phase.step, to.who))
    };
    let (letters, others): (Vec<&Notice>, Vec<&Notice>) = notices
        .iter()
        .filter(|notice| serves(notice))
        .partition(|notice| notice.to.is_some());
    if others.into_iter().any(is_out) {
        return true;
    }
    let mut told: BTreeMap<&str, bool> = BTreeMap::new();
    for (letter, to) in letters
        .iter()
        .filter_map(|one| Some((one, one.to.as_ref()?)))
    {
        let withdrawn = letter.refusals.iter().any(|one| one.check == WITHDRAWN);
        if !withdrawn {
            *told.entry(&to.tenant).or_default() |= is_out(letter);
        }
    }
    !told.is_empty() && told.values().all(|told| *told)
}

fn is_out(notice: &Notice) -> bool {
    let gone = matches!(
        notice.status,
        NoticeStatus::Sending | NoticeStatus::Sent | NoticeStatus::Recorded
    );
    // A letter to one receiver that failed has told nobody.
    let failed = notice.status == NoticeStatus::Sent && notice.to.is_some();
    gone && !(failed && notice.out_at().is_none())
}

impl Informer {
    /// Tells everybody who is woken by alerts, once; true when it was new. It goes on the ledger then.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn remind(
        &self,
        incident: &Incident,
        reminder: &Reminder,
        now: Timestamp,
    ) -> Result<bool, InformError> {
        let drill = if incident.drill { "【演练】" } else { "" };
        let mut new = false;
        for target in &self.settings.alerts {
            let (name, channel, body) = match target {
                AlertTarget::Mail(to) => {
                    let subject = one_line(&reminder.zh);
                    let mail = MailLetter {
                        to: to.clone(),
                        subject: format!("{drill}[护盾 {}] {subject}", reminder.kind),
                        text: format!(
                            "{}\n\n{}\n\n事件 Incident: {}\n租户 Tenant: {}\n",
                            reminder.zh, reminder.en, incident.id, incident.tenant
                        ),
                        until: None,
                    };
                    (to, "smtp", serde_json::to_string(&mail)?)
                }
                AlertTarget::Webhook(name) => {
                    let letter = WebhookLetter {
                        target: name.clone(),
                        payload: json!({
                            "type": format!("hudun.{}", reminder.kind), "incident": incident.id, "tenant": incident.tenant,
                            "drill": incident.drill, "zh": reminder.zh, "en": reminder.en,
                        }),
                    };
                    (name, "webhook", serde_json::to_string(&letter)?)
                }
            };
            let what = short_hash(&reminder.name);
            let key = format!(
                "alert/{}/{what}/{channel}/{}",
                incident.id,
                short_hash(name)
            );
            let body = sealed(self.settings.seal.as_ref(), &key, body)?;
            new |= self.outbox.post(&key, channel, &body, 0).await?;
        }
        if new {
            let body = json!({ "reminder": reminder.name, "summary": { "zh": reminder.zh, "en": reminder.en } });
            let kind = format!("inform.{}", reminder.kind);
            self.record(incident, &kind, now, body)?;
        }
        Ok(new)
    }
}
