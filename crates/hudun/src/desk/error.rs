//! From errors of the stages to words that say what to do.

use hudun_analyze::AnalyzeError;
use hudun_bus::BusError;
use hudun_console::DeskError;
use hudun_contain::ContainError;
use hudun_core::{PolicyError, RecordError, Text};
use hudun_respond::{CaseError, RunError};
use hudun_store::StoreError;

use crate::bench::BenchError;
use crate::care::CareError;

pub(super) type Got<T> = Result<T, DeskError>;

pub(super) fn conflict(zh: impl Into<String>, en: impl Into<String>) -> DeskError {
    DeskError::Conflict(Text::new(zh, en))
}

pub(super) fn refused(zh: impl Into<String>, en: impl Into<String>) -> DeskError {
    DeskError::Refused(Text::new(zh, en))
}

pub(super) fn store(cause: StoreError) -> DeskError {
    match cause {
        StoreError::Changed { .. } | StoreError::RevisionTaken(_) | StoreError::LeaseLost(_) => {
            conflict(
                "同一时刻有人做了更改，请刷新后重试。",
                "Somebody changed it at the same moment; reload and try again.",
            )
        }
        StoreError::Unreadable { .. } => DeskError::Internal(cause.to_string()),
        other => {
            tracing::error!(error = %other, "the store did not answer");
            DeskError::Unavailable(Text::new(
                "状态数据库没有响应，请检查数据库后重试。",
                "The state store does not answer; check the database and try again.",
            ))
        }
    }
}

pub(super) fn record(cause: RecordError) -> DeskError {
    tracing::error!(error = %cause, "the ledger did not take an entry");
    DeskError::Unavailable(Text::new(
        "账本无法写入，操作没有完成。请检查磁盘空间与权限后重试。",
        "The ledger can't be written, so it was not done; check disk space and rights, then try again.",
    ))
}

pub(super) fn care(cause: CareError) -> DeskError {
    match cause {
        CareError::Store(cause) => store(cause),
        CareError::Case(cause) => case(cause),
        other => DeskError::Internal(other.to_string()),
    }
}

pub(super) fn case(cause: CaseError) -> DeskError {
    match cause {
        CaseError::Store(cause) => store(cause),
        CaseError::Record(cause) => record(cause),
        CaseError::NoSuchCase(_) => DeskError::NotFound("incident"),
        CaseError::NoSuchTask(_) => DeskError::NotFound("task"),
        CaseError::NoteNeeded => DeskError::Invalid {
            field: "note",
            text: Text::new("请说明为什么不需要做。", "Say why it is not needed."),
        },
        CaseError::OpenTasks(open) => conflict(
            format!("还有 {open} 项任务没有完成。请先完成，或注明理由后取消。"),
            format!("{open} tasks are still open; finish them, or drop them with a note."),
        ),
        other => DeskError::Internal(other.to_string()),
    }
}

pub(super) fn run(cause: RunError) -> DeskError {
    match cause {
        RunError::NotWaiting(_) => conflict(
            "这一步不在等待决定，可能已经有人处理过。请刷新。",
            "This step does not wait for a decision; somebody may have decided it. Reload.",
        ),
        RunError::NoSuchRun(_) => DeskError::NotFound("run"),
        RunError::Held(_) => conflict(
            "预案正由另一台机器执行，请在那台机器上操作。",
            "Another machine leads this run; decide there.",
        ),
        RunError::Playbook(problem) => conflict(
            format!("预案有错误，不能启动：{problem}"),
            format!("The playbook has faults and can't be started: {problem}"),
        ),
        RunError::Store(cause) => store(cause),
        RunError::Record(cause) => record(cause),
        other => DeskError::Internal(other.to_string()),
    }
}

pub(super) fn contain(cause: ContainError) -> DeskError {
    match cause {
        ContainError::Bus(cause) => bus(cause),
        ContainError::Policy(PolicyError::NoSuchRestriction(_)) => {
            DeskError::NotFound("restriction")
        }
        ContainError::Record(cause) => record(cause),
        ContainError::Store(cause) => store(cause),
        ContainError::NoSuchRevision(_) => DeskError::NotFound("revision"),
        ContainError::SecondPersonNeeded(_) => refused(
            "申请人不能批准自己的申请，请由另一人批准。",
            "Whoever asked can't approve; another person must.",
        ),
        ContainError::NotRepaired => not_repaired(),
        ContainError::NotAsked => conflict(
            "没有待批准的解除申请，可能已经处理过。请刷新。",
            "Nobody waits for this to be lifted; it may have been decided. Reload.",
        ),
        other => DeskError::Internal(other.to_string()),
    }
}

pub(super) fn not_repaired() -> DeskError {
    conflict(
        "根因修复尚未得到证明。请先修复 SCRM 并运行修复验证，通过后再解除；如为误报，请先关闭事件。",
        "The root fix is not proven. Fix the SCRM, verify the repair, then lift; close the case first if it was a false alarm.",
    )
}

pub(super) fn bus(cause: BusError) -> DeskError {
    match cause {
        BusError::Store(cause) => store(cause),
        BusError::Policy(PolicyError::NoSuchRestriction(_)) => DeskError::NotFound("restriction"),
        other => conflict(
            format!("策略无法生效，未做更改：{other}"),
            format!("The policy can't be put in force, so nothing has changed: {other}"),
        ),
    }
}

pub(super) fn analyze(cause: AnalyzeError) -> DeskError {
    match cause {
        AnalyzeError::Store(cause) => store(cause),
        AnalyzeError::Record(cause) => record(cause),
        other => DeskError::Internal(other.to_string()),
    }
}

pub(super) fn bench(cause: BenchError) -> DeskError {
    match cause {
        BenchError::NoAttack => conflict(
            "最近的流量中已没有这次攻击的请求，无法起草补丁。请改用隔离，或在攻击重现后再试。",
            "Nothing of the attack is in the recent traffic, so no patch can be drafted; isolate instead, or try again when it shows up.",
        ),
        BenchError::NoDirect => conflict(
            "没有配置可直接进入 SCRM 的验证账号。请在配置中填写 verifier 后重试。",
            "No account is configured that enters the SCRM directly; fill in verifier in the configuration and try again.",
        ),
        BenchError::NoSuchPatch(_) => DeskError::NotFound("patch"),
        BenchError::Unproven(_) => conflict(
            "补丁没有通过验证，不能上线。请重新起草。",
            "The patch is not proven, so it can't be put in force; draft it again.",
        ),
        BenchError::Contain(cause) => contain(cause),
        BenchError::Store(cause) => store(cause),
        BenchError::Record(cause) => record(cause),
        other => DeskError::Internal(other.to_string()),
    }
}
