//! The rules of two persons, and of departments. The desk is asked for the facts; the judgement is made here, once.

use hudun_console_api::{
    Approval, ApprovalState, Caller, NoticeState, NoticeView, Role, TaskView, Waiting,
};
use hudun_core::Department;

use crate::server::refusal::Refusal;

/// Whoever asked can't approve; whoever decides holds one of the roles.
pub(crate) fn may_decide(
    approval: &Approval,
    caller: &Caller,
    approve: bool,
) -> Result<(), Refusal> {
    if approval.state != ApprovalState::Waiting {
        return Err(Refusal::conflict(
            "这项请求已经处理过了。",
            "This request has been decided already.",
        ));
    }
    // Withdrawing one's own request takes nobody else.
    if approval.asked_by == caller.account {
        return if approve {
            Err(Refusal::second_person())
        } else {
            Ok(())
        };
    }
    if approval.roles.iter().any(|role| caller.has(*role)) {
        Ok(())
    } else {
        Err(Refusal::forbidden(&approval.roles))
    }
}

/// A step says who may decide it.
pub(crate) fn may_decide_step(waiting: &Waiting, caller: &Caller) -> Result<(), Refusal> {
    if waiting.roles.iter().any(|role| caller.has(*role)) {
        Ok(())
    } else {
        Err(Refusal::forbidden(&waiting.roles))
    }
}

/// A task belongs to its department; the commander may help out.
pub(crate) fn may_change_task(task: &TaskView, caller: &Caller) -> Result<(), Refusal> {
    let role = match task.department {
        Department::It => Role::It,
        Department::Security => Role::Security,
        Department::Legal => Role::Legal,
        Department::Pr => Role::Pr,
        Department::Business => Role::Business,
    };
    if caller.has(role) || caller.has(Role::Commander) {
        Ok(())
    } else {
        Err(Refusal::forbidden(&[role, Role::Commander]))
    }
}

/// A notice is approved role by role, each by another person, each for the text that was read.
pub(crate) fn may_approve_notice(
    notice: &NoticeView,
    caller: &Caller,
    role: Role,
    sha256: &str,
) -> Result<(), Refusal> {
    if !notice.needs.contains(&role) {
        return Err(Refusal::invalid(
            "role",
            "此通知不需要这一角色的批准。",
            "This notice needs no approval in this role.",
        ));
    }
    if !caller.has(role) {
        return Err(Refusal::forbidden(&[role]));
    }
    if notice.state != NoticeState::Draft || notice.approvals.iter().any(|given| given.role == role)
    {
        return Err(Refusal::conflict(
            "这一角色已经批准过了。",
            "This role has approved already.",
        ));
    }
    if notice
        .approvals
        .iter()
        .any(|given| given.by == caller.account)
    {
        return Err(Refusal::second_person());
    }
    if notice.sha256 != sha256 {
        return Err(Refusal::conflict(
            "草稿在你阅读之后改过，请重新阅读后再批准。",
            "The draft has changed since you read it; read it again, then approve.",
        ));
    }
    no_refusals(notice)
}

/// A notice goes out once every role that it needs has approved, each through another person.
pub(crate) fn may_send_notice(notice: &NoticeView) -> Result<(), Refusal> {
    if matches!(notice.state, NoticeState::Sent | NoticeState::Sending) {
        return Err(Refusal::conflict(
            "通知已经发出。",
            "The notice has been sent already.",
        ));
    }
    let approved_by = |role: &Role| {
        notice
            .approvals
            .iter()
            .find(|given| given.role == *role)
            .map(|given| &given.by)
    };
    let mut persons: Vec<_> = notice.needs.iter().filter_map(approved_by).collect();
    let all = !notice.needs.is_empty() && persons.len() == notice.needs.len();
    persons.sort();
    persons.dedup();
    if !all || persons.len() < notice.needs.len() {
        return Err(Refusal::conflict(
            "还缺批准：须由不同的人分别以各所需角色批准后才能发送。",
            "Approvals are missing: each role needed must approve, each through another person, before it is sent.",
        ));
    }
    no_refusals(notice)
}

/// What a person typed is short enough to be read by others.
pub(crate) fn short(field: &str, text: &str, longest: usize, needed: bool) -> Result<(), Refusal> {
    if needed && text.trim().is_empty() {
        return Err(Refusal::invalid(field, "请填写理由。", "Say why."));
    }
    if text.chars().count() > longest {
        return Err(Refusal::invalid(
            field,
            format!("最多 {longest} 个字。"),
            format!("At most {longest} characters."),
        ));
    }
    Ok(())
}

fn no_refusals(notice: &NoticeView) -> Result<(), Refusal> {
    notice.refusals.first().map_or(Ok(()), |refusal| {
        Err(Refusal::conflict(
            format!("草稿还不能发出：{}", refusal.text.zh),
            format!("The draft may not go out yet: {}", refusal.text.en),
        ))
    })
}
