//! Mail by SMTP, one step at a time, so that it is known whether the server could have taken the letter.

use std::fmt;
use std::time::Duration;

use hudun_store::Letter;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::{Address, Message};
use serde::{Deserialize, Serialize};

use crate::letter::{MailLetter, one_line, short_hash};
use crate::postman::{Ended, Handing, PostmanError};

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailSecurity {
    /// Begins in clear and must turn to TLS.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// None; for a relay on this machine only.
    None,
}

/// The mail server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection.
    #[serde(default)]
    pub security: MailSecurity,
    /// User name, when the server asks for one.
    #[serde(default)]
    pub user: Option<String>,
    /// Password.
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
    /// The sender, such as `护盾 <hudun@example.cn>`.
    pub from: String,
    /// Where what can't be delivered comes back to; the sender's address when absent.
    #[serde(default)]
    pub return_path: Option<String>,
}

impl fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailSettings({}:{})", self.host, self.port)
    }
}

/// A mail server that letters can be handed to.
pub(crate) struct Mailer {
    settings: MailSettings,
    from: Mailbox,
    envelope: Address,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    timeout: Duration,
}

impl Mailer {
    /// Checks the settings; nothing is sent.
    pub(crate) fn open(settings: &MailSettings, timeout: Duration) -> Result<Self, PostmanError> {
        let bad = |field, cause: String| PostmanError::Settings { field, cause };
        let from: Mailbox = settings
            .from
            .parse()
            .map_err(|cause| bad("mail.from", format!("{cause}")))?;
        let envelope = match &settings.return_path {
            Some(path) => path
                .parse()
                .map_err(|cause| bad("mail.return_path", format!("{cause}")))?,
            None => from.email.clone(),
        };
        let tls = match settings.security {
            MailSecurity::None => None,
            MailSecurity::Starttls | MailSecurity::Tls => Some(
                TlsParameters::new(settings.host.clone())
                    .map_err(|cause| bad("mail.host", cause.to_string()))?,
            ),
        };
        let credentials = match (&settings.user, &settings.password) {
            (Some(user), Some(password)) => Some(Credentials::new(user.clone(), password.clone())),
            (None, None) => None,
            _ => return Err(bad("mail.user", "user and password go together".to_owned())),
        };
        Ok(Self {
            settings: settings.clone(),
            from,
            envelope,
            tls,
            credentials,
            timeout,
        })
    }

    /// Hands one letter over. Whatever fails before the text is handed over is sure not to have arrived.
    pub(crate) async fn send(&self, letter: &Letter, handing: &Handing<'_>) -> Ended {
        let (message, to) = match self.message(letter) {
            Ok(made) => made,
            Err(said) => return Ended::Never(said),
        };
        let mut connection = match self.address(&to).await {
            Ok(connection) => connection,
            Err(error) => return refused(&error),
        };
        if let Err(ended) = handing.begin().await {
            connection.abort().await;
            return ended;
        }
        // The server answers the end of the text: only a positive answer makes the letter its own (RFC 5321, 4.2.5 and 6.1).
        match connection.message(&message.formatted()).await {
            Ok(_) => {
                // It has the letter, whatever comes of the farewell.
                let farewell = connection.quit();
                drop(tokio::time::timeout(FAREWELL, farewell).await);
                Ended::Sent
            }
            Err(error) if error.is_permanent() || error.is_transient() => refused(&error),
            Err(_) => Ended::Unknown("the mail server took the text and gave no answer".to_owned()),
        }
    }

    /// The conversation up to the server's leave to send the text.
    async fn address(&self, to: &Mailbox) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::default();
        let implicit = match self.settings.security {
            MailSecurity::Tls => self.tls.clone(),
            MailSecurity::Starttls | MailSecurity::None => None,
        };
        let server = (self.settings.host.as_str(), self.settings.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &hello, implicit, None)
                .await?;
        if self.settings.security == MailSecurity::Starttls
            && let Some(tls) = &self.tls
        {
            connection.starttls(tls.clone(), &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        let ascii = [to.email.user(), to.email.domain()]
            .iter()
            .all(|part| part.is_ascii());
        let wide = !ascii
            && connection
                .server_info()
                .supports_feature(Extension::SmtpUtfEight);
        let parameters = if wide {
            vec![MailParameter::SmtpUtfEight]
        } else {
            vec![]
        };
        connection
            .command(Mail::new(Some(self.envelope.clone()), parameters))
            .await?;
        connection
            .command(Rcpt::new(to.email.clone(), vec![]))
            .await?;
        connection.command(Data).await?;
        Ok(connection)
    }

    /// The mail; its Message-ID comes from the key, so that a server that sees it twice can tell.
    fn message(&self, letter: &Letter) -> Result<(Message, Mailbox), String> {
        let mail: MailLetter = serde_json::from_str(&letter.body)
            .map_err(|cause| format!("unreadable letter: {cause}"))?;
        let to: Mailbox = mail
            .to
            .parse()
            .map_err(|_| "the address is none".to_owned())?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to.clone())
            .subject(one_line(&mail.subject))
            .message_id(Some(message_id(&letter.dedupe, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)
            .map_err(|cause| cause.to_string())?;
        Ok((message, to))
    }
}

/// The Message-ID of the letter with this key: what to look for in the mail server's log when nobody can tell whether
/// it took the letter. `domain` is the sender's.
pub fn message_id(key: &str, domain: &str) -> String {
    format!("<{}@{domain}>", short_hash(key))
}

fn refused(error: &Error) -> Ended {
    // What the server says may repeat the address; its code is enough.
    let code = error.status().map(|code| code.to_string());
    match code {
        Some(code) if error.is_permanent() => {
            Ended::Never(format!("refused by the mail server: {code}"))
        }
        Some(code) => Ended::Later(format!("the mail server asks to wait: {code}")),
        None => Ended::Later("the mail server did not finish the conversation".to_owned()),
    }
}

const FAREWELL: Duration = Duration::from_millis(500);

/// Whether a letter can be addressed like this.
pub fn is_address(text: &str) -> bool {
    text.parse::<lettre::Address>().is_ok()
}
