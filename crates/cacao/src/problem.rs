//! What validation finds.

use std::fmt;

use crate::condition::ConditionError;

/// One thing that is wrong, and where: `path` is a JSON pointer into the playbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Such as `/workflow/action--…/commands/0/type`.
    pub path: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not what the schema wants.
    #[error("must be {0}")]
    Wanted(&'static str),
    /// None of the allowed values.
    #[error("must be one of {}", .0.join(", "))]
    NotOneOf(Vec<String>),
    /// A field that must be there is not.
    #[error("is missing")]
    Missing,
    /// A field that must not be there is.
    #[error("must not be there")]
    Forbidden,
    /// A field or key that the standard doesn't know (strict mode).
    #[error("is not known to the standard")]
    Unknown,
    /// Too few items.
    #[error("must have at least {0}")]
    TooFew(usize),
    /// Not exactly one of several fields.
    #[error("must have exactly one of {}", .0.join(", "))]
    ExactlyOne(Vec<String>),
    /// The objects can't be held.
    #[error("{0}")]
    Shape(String),
    /// Leads to a step that is not there.
    #[error("leads to step {0}, which is not there")]
    NoStep(String),
    /// Names an agent that is not defined.
    #[error("names agent {0}, which is not defined")]
    NoAgent(String),
    /// Names a target that is not defined.
    #[error("names target {0}, which is not defined")]
    NoTarget(String),
    /// Names a login that is not defined.
    #[error("names authentication {0}, which is not defined")]
    NoLogin(String),
    /// Names a marking that is not defined.
    #[error("names marking {0}, which is not defined here")]
    NoMarking(String),
    /// Uses a variable that is not defined.
    #[error("uses variable {0}, which is not defined")]
    NoVariable(String),
    /// A step's key and type differ.
    #[error("the key says {key}, the type says {type_}")]
    OtherType {
        /// Kind in the key.
        key: String,
        /// The step's `type`.
        type_: String,
    },
    /// The start is not a start step.
    #[error("must name a start step")]
    NotStart,
    /// There is no end step.
    #[error("there is no end step")]
    NoEnd,
    /// No path leads from here to an end.
    #[error("no way leads from here to an end step")]
    Endless,
    /// A loop outside of while-condition.
    #[error("is part of a loop that no while-condition bounds")]
    Loop,
    /// Never reached.
    #[error("is never reached")]
    Unreached,
    /// `on_completion` beside `on_success` or `on_failure`.
    #[error("on_completion excludes on_success and on_failure")]
    CompletionAndMore,
    /// Nothing says what comes next.
    #[error("nothing says which step comes next")]
    NoNext,
    /// A condition that can't be read.
    #[error("condition: {0}")]
    Condition(ConditionError),
    /// The switch is no variable.
    #[error("must be a variable such as __name__:value")]
    NotVariable,
    /// A value that does not fit its variable's type.
    #[error("is not of type {0}")]
    NotOfType(String),
    /// Not an e-mail address.
    #[error("is not an e-mail address")]
    NotEmail,
    /// A playbook that calls itself.
    #[error("calls the playbook itself")]
    CallsItself,
    /// A command with nothing to do.
    #[error("has neither command nor content")]
    EmptyCommand,
    /// Not base64.
    #[error("is not base64")]
    NotBase64,
    /// A time that must come later comes earlier.
    #[error("lies before {0}")]
    Before(&'static str),
    /// A time span below zero.
    #[error("must not be negative")]
    Negative,
}

/// How grave a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The playbook can run; somebody should look.
    Warning,
    /// The playbook must not run.
    Error,
}

impl Fault {
    /// Whether the playbook must not run.
    pub fn severity(&self) -> Severity {
        match self {
            Self::NoTarget(_)
            | Self::NoMarking(_)
            | Self::Loop
            | Self::Unreached
            | Self::EmptyCommand => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The same as `Display`, in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Wanted(wanted) => format!("格式不对(应为 {wanted})"),
            Self::NotOneOf(allowed) => format!("只能是 {} 之一", allowed.join("、")),
            Self::Missing => "缺少".into(),
            Self::Forbidden => "不应出现".into(),
            Self::Unknown => "标准里没有这一项".into(),
            Self::TooFew(least) => format!("至少要有 {least} 项"),
            Self::ExactlyOne(names) => format!("{} 必须有且只有一个", names.join("、")),
            Self::Shape(error) => format!("无法读取:{error}"),
            Self::NoStep(id) => format!("指向不存在的步骤 {id}"),
            Self::NoAgent(id) => format!("执行者 {id} 没有定义"),
            Self::NoTarget(id) => format!("目标 {id} 没有定义"),
            Self::NoLogin(id) => format!("认证信息 {id} 没有定义"),
            Self::NoMarking(id) => format!("标记 {id} 没有在此定义"),
            Self::NoVariable(name) => format!("变量 {name} 没有定义"),
            Self::OtherType { key, type_ } => format!("键写的是 {key},类型写的是 {type_}"),
            Self::NotStart => "必须指向开始步骤".into(),
            Self::NoEnd => "没有结束步骤".into(),
            Self::Endless => "从这里走不到任何结束步骤".into(),
            Self::Loop => "处在循环里,而循环没有 while-condition 约束".into(),
            Self::Unreached => "永远不会执行到".into(),
            Self::CompletionAndMore => "on_completion 不能与 on_success、on_failure 并用".into(),
            Self::NoNext => "没有写明下一步".into(),
            Self::Condition(error) => format!("条件有误:{error}"),
            Self::NotVariable => "应为变量,如 __name__:value".into(),
            Self::NotOfType(type_) => format!("不是 {type_} 类型的值"),
            Self::NotEmail => "不是电子邮件地址".into(),
            Self::CallsItself => "调用了自己".into(),
            Self::EmptyCommand => "没有命令也没有内容".into(),
            Self::NotBase64 => "不是 base64".into(),
            Self::Before(other) => format!("早于 {other}"),
            Self::Negative => "不能为负".into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            if self.path.is_empty() {
                "/"
            } else {
                &self.path
            },
            self.fault
        )
    }
}
