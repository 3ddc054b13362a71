//! Every way in which a request is refused, in words that say what to do.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use hudun_console_api::{Problem, Role};
use hudun_core::Text;

use crate::DeskError;
use crate::auth::AccountError;
use crate::users::UserStoreError;

/// A refusal with its status.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) problem: Problem,
    retry_after: Option<i64>,
}

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        code: &str,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        let problem = Problem {
            code: code.to_owned(),
            message: Text::new(zh, en),
            field: None,
        };
        Self {
            status,
            problem,
            retry_after: None,
        }
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "请先登录。",
            "Sign in first.",
        )
    }

    pub(crate) fn unfinished() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "unfinished",
            "登录还没有完成，请先完成剩下的步骤。",
            "The log-in is not finished; complete the remaining steps first.",
        )
    }

    pub(crate) fn forbidden(roles: &[Role]) -> Self {
        let names = roles
            .iter()
            .map(|role| role.name())
            .collect::<Vec<_>>()
            .join(", ");
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("这一步需要以下角色之一：{names}。请找有此角色的同事办理。"),
            format!("This takes one of these roles: {names}. Ask a colleague who holds it."),
        )
    }

    pub(crate) fn second_person() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "second-person",
            "需要另一个人来批准：提出请求或已经批准过的人不能再批准。",
            "Another person has to approve: whoever asked, or has approved already, can't.",
        )
    }

    pub(crate) fn conflict(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", zh, en)
    }

    pub(crate) fn invalid(field: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        let mut refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", zh, en);
        refusal.problem.field = Some(field.to_owned());
        refusal
    }

    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "没有找到，可能已被删除或网址有误。",
            "There is no such thing; it may be gone, or the address is wrong.",
        )
    }

    pub(crate) fn throttled(wait_ms: i64) -> Self {
        let seconds = (wait_ms + 999) / 1000;
        let mut refusal = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "throttled",
            format!("尝试次数过多，请在 {seconds} 秒后再试。"),
            format!("Too many attempts; try again in {seconds} seconds."),
        );
        refusal.retry_after = Some(seconds);
        refusal
    }

    pub(crate) fn unavailable(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", zh, en)
    }

    /// The cause goes to the log, not to the viewer.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "the console could not answer");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "护盾内部出错，没有执行。请查看服务日志后重试。",
            "Something broke inside Hudun and nothing was done. See the server's log, then try again.",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.problem)).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NotFound(_) => Self::not_found(),
            DeskError::Conflict(text) => Self::conflict(text.zh, text.en),
            DeskError::Refused(text) => {
                Self::new(StatusCode::FORBIDDEN, "refused", text.zh, text.en)
            }
            DeskError::Invalid { field, text } => Self::invalid(field, text.zh, text.en),
            DeskError::Unavailable(text) => Self::unavailable(text.zh, text.en),
            DeskError::Internal(cause) => Self::internal(&cause),
        }
    }
}

impl From<UserStoreError> for Refusal {
    fn from(error: UserStoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<AccountError> for Refusal {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::BadAccount => Self::invalid(
                "account",
                "账号须为 2 至 40 个字母、数字、点、下划线或连字符。",
                error.to_string(),
            ),
            AccountError::BadName => {
                Self::invalid("name", "姓名须为 1 至 40 个字。", error.to_string())
            }
            AccountError::BadSecret => {
                Self::invalid("totp_secret", "密钥须为 base32。", error.to_string())
            }
            AccountError::Exists(_) => Self::conflict("该账号已存在。", error.to_string()),
            AccountError::NoRole => Self::invalid("roles", "至少选择一个角色。", error.to_string()),
            AccountError::NoSuch(_) => Self::not_found(),
            AccountError::SamePassword => Self::invalid(
                "new",
                "新密码不能与旧密码相同，也不能包含账号。",
                error.to_string(),
            ),
            AccountError::WeakPassword => {
                Self::invalid("new", "新密码至少 12 个字符。", error.to_string())
            }
            AccountError::WrongPassword => {
                Self::invalid("old", "原密码不正确。", error.to_string())
            }
            AccountError::Hash(_) | AccountError::Store(_) => Self::internal(&error),
        }
    }
}
