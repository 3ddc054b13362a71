//! One sentence for each kind of ledger entry.

use hudun_core::Text;
use serde_json::Value;

/// What happened, in a sentence. A kind that is not known by name is told by its name, never left out.
pub fn sentence(kind: &str, body: &Value) -> Text {
    let of = |field: &str| said(body.get(field));
    let title = |field: &str, lang: &str| {
        body.pointer(&format!("/{field}/{lang}"))
            .and_then(Value::as_str)
            .map_or_else(String::new, clean)
    };
    let (zh, en) = match kind {
        "finding.concluded" => (
            format!("发现：{}。{}", title("title", "zh"), title("why", "zh")),
            format!("Finding: {}. {}", title("title", "en"), title("why", "en")),
        ),
        "incident.opened" => (
            format!("立案：{}，等级 {}", title("title", "zh"), of("grade")),
            format!(
                "Case opened: {}, grade {}",
                title("title", "en"),
                of("grade")
            ),
        ),
        "incident.finding-joined" => (
            format!("新发现并入本案：{}", title("why", "zh")),
            format!("A finding joined the case: {}", title("why", "en")),
        ),
        "incident.acknowledged" => ("有人接手".into(), "The case was taken".into()),
        "incident.closed" => (
            format!("结案：{}", of("note")),
            format!("Case closed: {}", of("note")),
        ),
        "task.changed" => (
            format!("任务（{}）变为 {}", of("department"), of("state")),
            format!("Task of {} is now {}", of("department"), of("state")),
        ),
        "run.started" => ("处置流程开始".into(), "The playbook run began".into()),
        "run.step-ended" => (
            format!("步骤「{}」结束：{}", of("name"), of("outcome")),
            format!("Step \"{}\" ended: {}", of("name"), of("outcome")),
        ),
        "run.ended" => ("处置流程结束".into(), "The playbook run ended".into()),
        "containment.isolate" => (
            format!("隔离模块 {}，方式 {}", of("module"), of("mode")),
            format!("Module {} isolated, mode {}", of("module"), of("mode")),
        ),
        "containment.revoke-sessions" => (
            format!("吊销账号 {} 的全部会话", of("account")),
            format!("Sessions of {} revoked", of("account")),
        ),
        "containment.freeze-account" => (
            format!("冻结账号 {}", of("account")),
            format!("Account {} frozen", of("account")),
        ),
        "containment.expired" => ("一项限制到期".into(), "A restriction expired".into()),
        "policy.roll-back" => (
            format!("策略回退到第 {} 版", of("to")),
            format!("Policy rolled back to revision {}", of("to")),
        ),
        "repair.patch-enforced" => (
            format!("热补丁 {} 上线", of("name")),
            format!("Hot patch {} enforced", of("name")),
        ),
        "analysis.scope" => (
            format!(
                "范围：最可能 {} 人（确认 {}，上限 {}）",
                of("likely"),
                of("low"),
                of("high")
            ),
            format!(
                "Scope: {} persons likely ({} confirmed, {} at most)",
                of("likely"),
                of("low"),
                of("high")
            ),
        ),
        "analysis.duties" => {
            let applies = body
                .get("applies")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            (
                format!("法律义务：{applies} 项适用"),
                format!("Duties: {applies} apply"),
            )
        }
        "analysis.class-crossed" => (
            "事件等级或严重度发生变化".into(),
            "Grade or severity changed its class".into(),
        ),
        "inform.drafted" => {
            let made = body
                .get("notices")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            (
                format!("起草 {made} 份通知"),
                format!("{made} notices drafted"),
            )
        }
        "inform.approved" => (
            format!("批准通知 {}（{}）", of("kind"), of("role")),
            format!("Notice {} approved ({})", of("kind"), of("role")),
        ),
        "inform.sending" => (
            format!("开始发送通知 {}，{} 封", of("kind"), of("recipients")),
            format!(
                "Notice {} going out, {} letters",
                of("kind"),
                of("recipients")
            ),
        ),
        "inform.sent" => (
            format!("通知 {} 发送完毕", of("kind")),
            format!("Notice {} sent", of("kind")),
        ),
        "inform.stopped" => (
            format!("停止发送：{}", of("reason")),
            format!("Sending stopped: {}", of("reason")),
        ),
        "inform.handed-in" => (
            format!("{} 已报送，回执 {}", of("kind"), of("receipt")),
            format!("{} handed in, receipt {}", of("kind"), of("receipt")),
        ),
        "drill.started" => ("演练开始".into(), "The drill began".into()),
        "evidence.export" => ("导出证据包".into(), "Evidence pack exported".into()),
        other => match other.split_once('.') {
            Some(("containment", _)) => (
                format!("遏制措施变更：{other} {}", of("reason")),
                format!("Containment changed: {other} {}", of("reason")),
            ),
            Some(("console", _)) => (format!("控制台操作：{other}"), format!("Console: {other}")),
            _ => (
                format!("记录：{}", clean(other)),
                format!("Recorded: {}", clean(other)),
            ),
        },
    };
    Text::new(zh.trim(), en.trim())
}

fn said(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => clean(text),
        Some(Value::Null) | None => "—".to_owned(),
        Some(other) => clean(&other.to_string()),
    }
}

/// Words from the record end no line and are not markup.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || matches!(c, '|' | '<' | '>' | '`') {
                ' '
            } else {
                c
            }
        })
        .take(400)
        .collect()
}
