//! Ledger entries in sentences.

use hudun_console::api;
use hudun_core::{Text, Timestamp};
use serde_json::Value;

use crate::ledger::Line;

/// An entry for a person.
pub fn line(line: &Line) -> api::TimelineEntry {
    let entry = &line.entry;
    api::TimelineEntry {
        seq: entry.seq,
        at: Timestamp::from_millis(entry.at),
        by: entry.actor.clone(),
        kind: entry.kind.clone(),
        text: sentence(&entry.kind, &entry.body),
        hash: line.hash.clone(),
    }
}

/// What an entry of this kind says. A kind that is not known here is shown by its name.
pub fn sentence(kind: &str, body: &Value) -> Text {
    let word = |name: &str| match body.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let said = |name: &str| text_at(body, name);
    let reference = || {
        let reference = body.pointer("/why/reference").and_then(Value::as_str);
        reference.unwrap_or_default().to_owned()
    };
    match kind {
        "finding.concluded" => both(
            format!("发现：{}", said("title").zh),
            format!("finding: {}", said("title").en),
        ),
        "incident.opened" => both(
            format!(
                "立案：{}，等级 {}",
                said("title").zh,
                grade(&word("grade")).zh
            ),
            format!("case opened: {}, grade {}", said("title").en, word("grade")),
        ),
        "incident.finding-joined" => both(
            format!("新发现并入：{}", said("why").zh),
            format!("one more finding: {}", said("why").en),
        ),
        "incident.acknowledged" => both("已有人接手", "a person took the case"),
        "incident.closed" => both(
            format!("事件关闭：{}", word("note")),
            format!("case closed: {}", word("note")),
        ),
        "task.changed" => both(
            format!(
                "任务状态变为 {}{}",
                task_state(&word("state")),
                after(&word("note"), "：")
            ),
            format!(
                "task is now {}{}",
                word("state"),
                after(&word("note"), ": ")
            ),
        ),
        "care.asked" => both(
            format!("受影响人求助 {}", reference()),
            format!("an affected person asked for help: {}", reference()),
        ),
        "care.opened" => both(
            format!("打开求助 {} 的联系方式和内容", word("reference")),
            format!("contact and words of request {} opened", word("reference")),
        ),
        "run.started" => both("预案启动", "playbook started"),
        "run.step-ended" => step_ended(body, &word),
        "run.ended" => match word("ending").as_str() {
            "completed" => both("预案执行完毕", "playbook completed"),
            "handled" => both(
                "预案因失败转入异常处理后结束",
                "playbook ended after a failure was handled",
            ),
            _ => both("预案失败", "playbook failed"),
        },
        "containment.isolate" => both(
            format!("隔离模块 {}（{}）", word("module"), word("mode")),
            format!("module {} set apart ({})", word("module"), word("mode")),
        ),
        "containment.revoke-sessions" => both(
            format!("吊销账号 {} 的全部会话", word("account")),
            format!("every session of {} ended", word("account")),
        ),
        "containment.freeze-account" => both(
            format!("冻结账号 {}", word("account")),
            format!("account {} frozen", word("account")),
        ),
        "containment.verified" => both(
            format!("核实隔离生效（策略第 {} 版）", word("revision")),
            format!(
                "containment verified at policy revision {}",
                word("revision")
            ),
        ),
        "containment.leaks" => both(
            format!("隔离未生效，仍可通过：{}", word("passing")),
            format!(
                "containment does not hold; still passing: {}",
                word("passing")
            ),
        ),
        "containment.lift-asked" => both(
            format!("申请解除限制：{}", word("reason")),
            format!("asked to lift a restriction: {}", word("reason")),
        ),
        "containment.lift-declined" => both(
            format!("拒绝解除限制{}", after(&word("note"), "：")),
            format!(
                "declined to lift a restriction{}",
                after(&word("note"), ": ")
            ),
        ),
        "containment.lifted" => both(
            format!("限制已解除：{}", word("reason")),
            format!("restriction lifted: {}", word("reason")),
        ),
        "containment.expired" => both("限制到期，自动解除", "a restriction expired"),
        "analysis.scope" => both(
            format!(
                "范围评估：{} 人受影响（{}–{}）",
                word("likely"),
                word("low"),
                word("high")
            ),
            format!(
                "scope: {} persons affected ({} to {})",
                word("likely"),
                word("low"),
                word("high")
            ),
        ),
        "analysis.duties" => {
            let count = body
                .get("applies")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            both(
                format!("法律义务评估：{count} 项成立"),
                format!("duties assessed: {count} apply"),
            )
        }
        "analysis.aware-decided" => both(
            format!(
                "认定知悉时刻 {}（第 {} 次）：{}",
                word("written"),
                word("decision"),
                word("reason")
            ),
            format!(
                "decided that it was known at {} (no. {}): {}",
                word("written"),
                word("decision"),
                word("reason")
            ),
        ),
        "analysis.gate-released" => both(
            format!(
                "法务放行 {}：{}（{}）",
                word("gate"),
                word("what"),
                word("reference")
            ),
            format!(
                "counsel released {}: {} ({})",
                word("gate"),
                word("what"),
                word("reference")
            ),
        ),
        "analysis.gate-revoked" => both(
            format!("法务收回放行 {}：{}", word("gate"), word("reason")),
            format!(
                "counsel took the release of {} back: {}",
                word("gate"),
                word("reason")
            ),
        ),
        "analysis.class-crossed" => both(
            "事件等级或严重度发生变化",
            "grade or severity changed its class",
        ),
        "repair.patch-drafted" => {
            let proven = body.get("proven") == Some(&Value::Bool(true));
            both(
                format!(
                    "起草热补丁 {}，{}",
                    word("name"),
                    if proven {
                        "通过验证"
                    } else {
                        "未通过验证"
                    }
                ),
                format!(
                    "hot patch {} drafted, {}",
                    word("name"),
                    if proven { "proven" } else { "not proven" }
                ),
            )
        }
        "repair.patch-enforced" => both(
            format!("热补丁 {} 上线", word("name")),
            format!("hot patch {} in force", word("name")),
        ),
        "repair.fix-proven" | "repair.fix-refuted" => said("summary"),
        "repair.scrm-restarted" => both("SCRM 已重启", "the SCRM was restarted"),
        "policy.roll-back" => both(
            format!("策略回到第 {} 版", word("to")),
            format!("policy went back to revision {}", word("to")),
        ),
        "policy.roll-back-asked" => both(
            format!("申请策略回到第 {} 版", word("to")),
            format!("asked to go back to policy revision {}", word("to")),
        ),
        "inform.stopped" => both(
            format!("通知停止发送：{}", word("reason")),
            format!("a notice was stopped: {}", word("reason")),
        ),
        "inform.resumed" => both(
            format!("通知恢复发送：{}", word("reason")),
            format!("a stopped notice goes on: {}", word("reason")),
        ),
        "inform.handed-in" => both(
            format!("报告已递交，回执 {}", word("receipt")),
            format!("a report was handed in, receipt {}", word("receipt")),
        ),
        "inform.exported" => both(
            format!("导出通知（{}）", word("form")),
            format!("a notice was exported ({})", word("form")),
        ),
        "inform.returned" => both(
            format!(
                "通知被退回 {} 封，其中 {} 人改发短信",
                word("given_up"),
                word("by_message")
            ),
            format!(
                "{} letters came back; {} of these persons get a text message",
                word("given_up"),
                word("by_message")
            ),
        ),
        "inform.unreached" => both(
            "有人没有可用的渠道，须由人联系",
            "no channel is left for some; people reach them",
        ),
        "inform.proof-kept" => both("递交凭证已存", "proof of a hand-in kept"),
        "inform.proof-opened" => both("打开递交凭证", "proof of a hand-in opened"),
        "evidence.export" => both("导出证据包", "evidence pack exported"),
        other => match (body.get("summary"), body.get("title")) {
            (Some(Value::Object(_)), _) => said("summary"),
            (_, Some(Value::Object(_))) => said("title"),
            // The retrospective knows the kinds of the other stages.
            _ => hudun_prevent::retro::sentence(other, body),
        },
    }
}

fn step_ended(body: &Value, word: &impl Fn(&str) -> String) -> Text {
    let name = super::run::two_languages(&word("name"));
    let summary = text_at(body, "summary");
    let note = word("note");
    let ok = word("outcome") == "succeeded";
    let (zh, en) = if ok {
        ("完成", "done")
    } else {
        ("未成功", "not done")
    };
    let (zh_more, en_more) = if summary.zh.is_empty() {
        (note.clone(), note)
    } else {
        (summary.zh, summary.en)
    };
    both(
        format!("步骤「{}」{zh}{}", name.zh, after(&zh_more, "：")),
        format!("step “{}” {en}{}", name.en, after(&en_more, ": ")),
    )
}

fn text_at(body: &Value, name: &str) -> Text {
    body.get(name)
        .and_then(|value| serde_json::from_value(value.clone()).ok())
        .unwrap_or_default()
}

fn grade(name: &str) -> Text {
    match name {
        "high" => both("高", "high"),
        "medium" => both("中", "medium"),
        _ => both("低", "low"),
    }
}

fn task_state(name: &str) -> &str {
    match name {
        "open" => "待接手",
        "taken" => "处理中",
        "done" => "完成",
        "dropped" => "不需要",
        other => other,
    }
}

fn after(text: &str, mark: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{mark}{text}")
    }
}

fn both(zh: impl Into<String>, en: impl Into<String>) -> Text {
    Text::new(zh, en)
}
