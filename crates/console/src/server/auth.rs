//! Signing in, step by step, and keeping accounts.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use hudun_console_api::endpoint;
use hudun_console_api::{
    AccountList, ChangePassword, Code, Done, EnrolSecret, Me, NewAccount, NextStep,
    OneTimePassword, SetDisabled, SignIn, SignedIn,
};
use serde_json::json;

use crate::auth::{Authenticator, OpenAccount, Session};
use crate::server::App;
use crate::server::admit::COOKIE;
use crate::server::mount::{Call, Routes};
use crate::server::refusal::Refusal;
use crate::users::AccountRecord;

/// Wrong passwords or codes from one address for one account before it must wait.
const FREE_HERE: u32 = 5;
/// Wrong ones from one address, whatever the account.
const FREE_ADDRESS: u32 = 30;
/// Wrong ones for one account, whatever the address: high, so that a stranger can't lock its owner out cheaply.
const FREE_ACCOUNT: u32 = 100;

pub(crate) fn mount(routes: &mut Routes) {
    routes.raw(endpoint::LOGIN, login);
    routes.raw(endpoint::SECOND_STEP, second_step);
    routes.json(endpoint::ENROL, enrol);
    routes.raw(endpoint::CONFIRM_ENROL, confirm_enrol);
    routes.raw(endpoint::CHANGE_PASSWORD, change_password);
    routes.raw(endpoint::LOGOUT, logout);
    routes.json(endpoint::ME, me);
    routes.json(endpoint::ACCOUNTS, accounts);
    routes.json(endpoint::OPEN_ACCOUNT, open_account);
    routes.json(endpoint::RESET_ACCOUNT, reset_account);
    routes.json(endpoint::DISABLE_ACCOUNT, disable_account);
}

async fn login(call: Call, body: SignIn) -> Result<Response, Refusal> {
    let app = &call.app;
    let account = body.account.trim().to_ascii_lowercase();
    let guesses = Guesses::new(&call, &account);
    guesses.attempt(app)?;
    let Some(record) = app.accounts.sign_in(&account, body.password).await? else {
        // What was typed may be a password in the wrong field: only names of real accounts go on the ledger.
        let known = app.accounts.store().account(&account).await?.is_some();
        let by = if known { account.as_str() } else { "unknown" };
        app.record(
            by,
            "console.login-failed",
            json!({ "address": call.address, "step": "password" }),
        )
        .await?;
        return Err(Refusal::new(
            http::StatusCode::UNAUTHORIZED,
            "wrong-credentials",
            "账号或密码不正确。",
            "Wrong account or password.",
        ));
    };
    guesses.right(app);
    let next = if record.totp_secret.is_some() {
        NextStep::Code
    } else if app.settings.second_step_required {
        NextStep::Enrol
    } else {
        after_second_step(&record)
    };
    advance(&call, record, next, None).await
}

async fn second_step(call: Call, body: Code) -> Result<Response, Refusal> {
    let session = call.session()?.clone();
    if session.record.next != NextStep::Code {
        return Err(wrong_step());
    }
    let secret = session.account.totp_secret.clone().ok_or_else(wrong_step)?;
    check_code(&call, &session, &secret, &body.code).await?;
    let next = after_second_step(&session.account);
    advance(&call, session.account.clone(), next, Some(&session)).await
}

async fn enrol(call: Call, (): ()) -> Result<EnrolSecret, Refusal> {
    let session = call.session()?;
    may_enrol(session)?;
    let secret = call
        .app
        .accounts
        .begin_enrol(&session.account.account)
        .await?;
    let authenticator = authenticator(&call.app, &secret, &session.account.account)?;
    Ok(EnrolSecret {
        otpauth: authenticator
            .url()
            .map_err(|error| Refusal::internal(&error))?,
        svg: authenticator
            .svg()
            .map_err(|error| Refusal::internal(&error))?,
        secret,
    })
}

async fn confirm_enrol(call: Call, body: Code) -> Result<Response, Refusal> {
    let session = call.session()?.clone();
    may_enrol(&session)?;
    let secret = session
        .account
        .totp_pending
        .clone()
        .ok_or_else(wrong_step)?;
    check_code(&call, &session, &secret, &body.code).await?;
    let record = call
        .app
        .accounts
        .edit(&session.account.account, |record| {
            record.totp_pending = None;
            // Another page may have begun anew, or finished, meanwhile: the first confirmed secret stands.
            record.totp_secret.get_or_insert(secret);
        })
        .await?;
    call.app
        .record(
            &record.account,
            "console.enrolled",
            json!({ "address": call.address }),
        )
        .await?;
    let next = after_second_step(&record);
    advance(&call, record, next, Some(&session)).await
}

async fn change_password(call: Call, body: ChangePassword) -> Result<Response, Refusal> {
    let session = call.session()?.clone();
    if !matches!(session.record.next, NextStep::Password | NextStep::Done) {
        return Err(Refusal::unfinished());
    }
    let account = session.account.account.clone();
    let guesses = Guesses::new(&call, &account);
    guesses.attempt(&call.app)?;
    let changed = call
        .app
        .accounts
        .change_password(&session.account, body.old, body.new)
        .await;
    if !matches!(changed, Err(crate::AccountError::WrongPassword)) {
        guesses.right(&call.app);
    }
    changed?;
    call.app
        .accounts
        .store()
        .drop_sessions_of(&account, Some(session.record.hash))
        .await?;
    call.app
        .record(
            &account,
            "console.password-changed",
            json!({ "address": call.address }),
        )
        .await?;
    let record = call
        .app
        .accounts
        .store()
        .account(&account)
        .await?
        .ok_or_else(Refusal::unauthenticated)?;
    advance(&call, record, NextStep::Done, Some(&session)).await
}

async fn logout(call: Call, (): ()) -> Result<Response, Refusal> {
    let session = call.session()?;
    call.app
        .accounts
        .store()
        .drop_session(session.record.hash)
        .await?;
    call.app
        .record(
            &session.account.account,
            "console.logout",
            json!({ "address": call.address }),
        )
        .await?;
    let mut response = Json(Done::new("已退出。", "Signed out.")).into_response();
    set_cookie(&call.app, &mut response, "", 0)?;
    Ok(response)
}

async fn me(call: Call, (): ()) -> Result<Me, Refusal> {
    let session = call.session()?;
    Ok(Me {
        account: session.account.account.clone(),
        name: session.account.name.clone(),
        roles: session.account.roles.clone(),
        next: session.record.next,
        expires_at: call.app.sessions.ends_at(&session.record),
    })
}

async fn accounts(call: Call, (): ()) -> Result<AccountList, Refusal> {
    Ok(AccountList {
        accounts: call.app.accounts.list().await?,
    })
}

async fn open_account(call: Call, body: NewAccount) -> Result<OneTimePassword, Refusal> {
    let account = body.account.to_ascii_lowercase();
    let wanted = OpenAccount {
        account: body.account,
        name: body.name,
        roles: body.roles.clone(),
        password: None,
        must_change: true,
        totp_secret: None,
    };
    let password = call.app.accounts.open(wanted).await?;
    let by = call.caller()?.account;
    call.app
        .record(
            &by,
            "console.account-opened",
            json!({ "account": account, "roles": body.roles }),
        )
        .await?;
    Ok(OneTimePassword { account, password })
}

async fn reset_account(call: Call, (): ()) -> Result<OneTimePassword, Refusal> {
    let account: String = call.param::<String>("account")?.to_ascii_lowercase();
    let password = call.app.accounts.reset(&account).await?;
    let by = call.caller()?.account;
    call.app
        .record(&by, "console.account-reset", json!({ "account": account }))
        .await?;
    Ok(OneTimePassword { account, password })
}

async fn disable_account(
    call: Call,
    body: SetDisabled,
) -> Result<hudun_console_api::AccountView, Refusal> {
    let account: String = call.param("account")?;
    let by = call.caller()?.account;
    if body.disabled && account.eq_ignore_ascii_case(&by) {
        return Err(Refusal::conflict(
            "不能停用自己的账号。",
            "You can't shut your own account.",
        ));
    }
    let view = call
        .app
        .accounts
        .set_disabled(&account, body.disabled)
        .await?;
    let kind = if body.disabled {
        "console.account-shut"
    } else {
        "console.account-reopened"
    };
    call.app
        .record(&by, kind, json!({ "account": view.account }))
        .await?;
    Ok(view)
}

/// Checks six digits; a step of the authenticator counts once.
async fn check_code(
    call: &Call,
    session: &Session,
    secret: &str,
    code: &str,
) -> Result<(), Refusal> {
    let app = &call.app;
    let account = &session.account.account;
    let guesses = Guesses::new(call, account);
    guesses.attempt(app)?;
    let step = authenticator(app, secret, account)?.step(code, app.now());
    if let Some(step) = step
        && app.accounts.store().use_totp_step(account, step).await?
    {
        guesses.right(app);
        return Ok(());
    }
    app.record(
        account,
        "console.login-failed",
        json!({ "address": call.address, "step": "code" }),
    )
    .await?;
    Err(Refusal::invalid(
        "code",
        "验证码不正确或已用过，请等下一个验证码再试。",
        "The code is wrong or was used before; wait for the next one.",
    ))
}

/// Goes on to the next step under a new token, so that a token seen before the step is worth nothing after it.
async fn advance(
    call: &Call,
    record: AccountRecord,
    next: NextStep,
    old: Option<&Session>,
) -> Result<Response, Refusal> {
    let app = &call.app;
    let now = app.now();
    if let Some(old) = old {
        app.accounts.store().drop_session(old.record.hash).await?;
    }
    if next == NextStep::Done && old.is_none_or(|old| old.record.next != NextStep::Done) {
        app.record(
            &record.account,
            "console.login",
            json!({ "address": call.address }),
        )
        .await?;
        app.accounts
            .edit(&record.account, |record| record.last_login = Some(now))
            .await?;
    }
    let token = app.sessions.open(&record.account, next, now).await?;
    let mut response = Json(SignedIn { next }).into_response();
    set_cookie(app, &mut response, &token, app.sessions.absolute_ms / 1000)?;
    Ok(response)
}

fn after_second_step(record: &AccountRecord) -> NextStep {
    if record.must_change {
        NextStep::Password
    } else {
        NextStep::Done
    }
}

/// During log-in when it is the next step, or later by oneself where it was optional; never over an existing one.
fn may_enrol(session: &Session) -> Result<(), Refusal> {
    let open = matches!(session.record.next, NextStep::Enrol | NextStep::Done)
        && session.account.totp_secret.is_none();
    if open { Ok(()) } else { Err(wrong_step()) }
}

fn wrong_step() -> Refusal {
    Refusal::conflict(
        "现在不是这一步，请重新登录。",
        "This is not the step that comes now; sign in again.",
    )
}

fn authenticator(app: &App, secret: &str, account: &str) -> Result<Authenticator, Refusal> {
    Authenticator::new(secret, account, &app.settings.issuer)
        .map_err(|error| Refusal::internal(&error))
}

fn set_cookie(
    app: &App,
    response: &mut Response,
    token: &str,
    seconds: i64,
) -> Result<(), Refusal> {
    let secure = if app.settings.secure_cookie {
        "; Secure"
    } else {
        ""
    };
    let cookie =
        format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    let cookie = HeaderValue::from_str(&cookie).map_err(|error| Refusal::internal(&error))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(())
}

/// The throttle's keys of one attempt.
struct Guesses {
    here: String,
    address: String,
    account: String,
}

impl Guesses {
    fn new(call: &Call, account: &str) -> Self {
        let account: String = account.chars().take(40).collect();
        let address = call
            .address
            .map_or_else(|| "-".to_owned(), |address| address.to_string());
        Self {
            here: format!("h {address} {account}"),
            address: format!("i {address}"),
            account: format!("a {account}"),
        }
    }

    /// Admits one attempt and counts it as failed until it is found right, so that attempts made at the same moment
    /// can't all slip through.
    fn attempt(&self, app: &App) -> Result<(), Refusal> {
        let keys = [
            (&self.here, FREE_HERE),
            (&self.address, FREE_ADDRESS),
            (&self.account, FREE_ACCOUNT),
        ];
        let wait = keys
            .into_iter()
            .filter_map(|(key, free)| app.throttle.wait(key, free, app.now()))
            .max();
        if let Some(wait) = wait {
            return Err(Refusal::throttled(wait));
        }
        for (key, _) in keys {
            app.throttle.fail(key, app.now());
        }
        Ok(())
    }

    /// The attempt was right.
    fn right(&self, app: &App) {
        for key in [&self.here, &self.address, &self.account] {
            app.throttle.forgive(key);
        }
    }
}
