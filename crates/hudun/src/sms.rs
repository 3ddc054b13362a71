//! Text messages: the section of the configuration, and the address to which the provider reports what arrived.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use hudun_core::Timestamp;
use hudun_duty::Lang;
use hudun_inform::{Channel, MessageTemplate, Postman, SmsForm, SmsSettings, Ways, read_reports};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::config::Config;

/// The gateway of text messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsPart {
    /// How it is spoken to.
    pub provider: Provider,
    /// Where it is called; the provider's own address when absent.
    #[serde(default)]
    pub url: Option<String>,
    /// Certificates of the authorities that it is checked against (PEM); the public ones when absent.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// AccessKey ID (Alibaba Cloud) or SecretId (Tencent Cloud).
    #[serde(default)]
    pub key_id: Option<String>,
    /// File with the secret to it, or with the shared secret of the JSON form.
    pub secret_file: PathBuf,
    /// The approved signature (签名) of the two clouds.
    #[serde(default)]
    pub sign_name: Option<String>,
    /// SmsSdkAppId (Tencent Cloud).
    #[serde(default)]
    pub app: Option<String>,
    /// Region (Tencent Cloud).
    #[serde(default = "default_region")]
    pub region: String,
    /// Messages a second at most.
    #[serde(default = "default_per_second")]
    pub per_second: u32,
    /// The ways to a person, the first first: whoever has no address for it is told by the next.
    #[serde(default = "default_channels")]
    pub channels: Vec<Channel>,
    /// Approved templates of the notice to affected persons, by language (`zh-CN`, `en`).
    #[serde(default)]
    pub templates: BTreeMap<Lang, MessageTemplate>,
    /// The approved template of codes for the public page, by language; its only value is the code. Without it the page
    /// takes e-mail addresses only.
    #[serde(default)]
    pub code_templates: BTreeMap<Lang, String>,
    /// Characters that one value may have.
    #[serde(default = "default_longest")]
    pub longest_value: usize,
    /// Where the provider reports what arrived.
    #[serde(default)]
    pub reports: Option<ReportsPart>,
}

/// How a gateway is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Alibaba Cloud SMS.
    Aliyun,
    /// Tencent Cloud SMS.
    Tencent,
    /// A signed POST of JSON.
    Json,
}

/// Where the provider reports what arrived.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportsPart {
    /// Its address; a reverse proxy with TLS stands before it.
    pub listen: SocketAddr,
    /// File with a long random word. The provider posts to `/sms/WORD`; whoever does not know it gets a 404.
    pub word_file: PathBuf,
}

fn default_region() -> String {
    "ap-guangzhou".to_owned()
}

const fn default_per_second() -> u32 {
    40
}

const fn default_longest() -> usize {
    35
}

fn default_channels() -> Vec<Channel> {
    vec![Channel::Email, Channel::Sms]
}

impl SmsPart {
    /// What types can't say.
    ///
    /// # Errors
    /// A text that names the field.
    pub fn check(&self, config: &Config) -> Result<(), String> {
        let needed = match self.provider {
            Provider::Aliyun => vec![("key_id", &self.key_id), ("sign_name", &self.sign_name)],
            Provider::Tencent => vec![
                ("key_id", &self.key_id),
                ("sign_name", &self.sign_name),
                ("app", &self.app),
            ],
            Provider::Json => vec![("url", &self.url)],
        };
        for (field, value) in needed {
            if value.as_ref().is_none_or(|value| value.trim().is_empty()) {
                return Err(format!("sms.{field}: is needed for this provider"));
            }
        }
        let url = self.url();
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(format!(
                "sms.url: {url:?} does not begin with https:// (or http:// inside the firm's own network)"
            ));
        }
        if self.per_second == 0 {
            return Err("sms.per_second: at least 1".to_owned());
        }
        if self.channels.is_empty() {
            return Err("sms.channels: name email, sms or both".to_owned());
        }
        if self.channels.contains(&Channel::Email) && config.smtp.is_none() {
            return Err("sms.channels: email needs the smtp section".to_owned());
        }
        for (lang, template) in &self.templates {
            template
                .check()
                .map_err(|cause| format!("sms.templates.{}: {cause}", lang.tag()))?;
        }
        for (lang, id) in &self.code_templates {
            if id.trim().is_empty() {
                return Err(format!("sms.code_templates.{}: is empty", lang.tag()));
            }
        }
        if let Some(reports) = &self.reports {
            let affected = config.affected.as_ref().map(|part| part.listen);
            for (field, taken) in [
                ("gateway", Some(config.gateway.listen)),
                ("console", Some(config.console.listen)),
                ("affected", affected),
            ] {
                // Port 0 takes a free one.
                if taken == Some(reports.listen) && reports.listen.port() != 0 {
                    return Err(format!(
                        "sms.reports.listen: {} is the address of {field}.listen already",
                        reports.listen
                    ));
                }
            }
        }
        Ok(())
    }

    /// How affected persons are reached.
    pub fn ways(&self) -> Ways {
        Ways {
            channels: self.channels.clone(),
            templates: self.templates.clone(),
            longest_value: self.longest_value,
        }
    }

    /// What the postman needs.
    ///
    /// # Errors
    /// When the secret can't be read.
    pub fn settings(&self) -> anyhow::Result<SmsSettings> {
        Ok(SmsSettings {
            url: self.url(),
            ca: self.ca.clone(),
            form: self.form()?,
            most_in_a_round: self.per_second.div_ceil(ROUNDS_A_SECOND),
        })
    }

    fn form(&self) -> anyhow::Result<SmsForm> {
        let secret = word(&self.secret_file).context("sms.secret_file")?;
        let key_id = self.key_id.clone().unwrap_or_default();
        let sign_name = self.sign_name.clone().unwrap_or_default();
        Ok(match self.provider {
            Provider::Aliyun => SmsForm::Aliyun {
                key_id,
                secret,
                sign_name,
            },
            Provider::Tencent => SmsForm::Tencent {
                id: key_id,
                secret,
                app: self.app.clone().unwrap_or_default(),
                sign_name,
                region: self.region.clone(),
            },
            Provider::Json => SmsForm::Json { secret },
        })
    }

    fn url(&self) -> String {
        let own = match self.provider {
            Provider::Aliyun => "https://dysmsapi.aliyuncs.com/",
            Provider::Tencent => "https://sms.tencentcloudapi.com/",
            Provider::Json => "",
        };
        self.url.clone().unwrap_or_else(|| own.to_owned())
    }
}

fn word(file: &std::path::Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let text = text.trim().to_owned();
    if text.is_empty() {
        anyhow::bail!("{}: is empty", file.display());
    }
    Ok(text)
}

/// The routes for reports of the provider.
///
/// # Errors
/// When a secret can't be read, or the word is short enough to be guessed.
pub fn reports(
    part: &SmsPart,
    reports: &ReportsPart,
    postman: Arc<Postman>,
) -> anyhow::Result<Router> {
    let secret = word(&reports.word_file).context("sms.reports.word_file")?;
    if secret.len() < SHORTEST_WORD {
        anyhow::bail!("sms.reports.word_file: the word has fewer than {SHORTEST_WORD} characters");
    }
    let desk = Desk {
        form: part.form()?,
        word: secret,
        postman,
    };
    Ok(Router::new()
        .route("/sms/{word}", post(take))
        .layer(DefaultBodyLimit::max(LONGEST_POST))
        .with_state(Arc::new(desk)))
}

struct Desk {
    form: SmsForm,
    word: String,
    postman: Arc<Postman>,
}

async fn take(
    State(desk): State<Arc<Desk>>,
    Path(said): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_same(&said, &desk.word) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let signed = headers
        .get("x-hudun-signature")
        .and_then(|value| value.to_str().ok());
    let now = Timestamp::now().as_millis().div_euclid(1_000);
    let reports = match read_reports(&desk.form, &body, signed, now) {
        Ok(reports) => reports,
        Err(cause) => {
            tracing::warn!(%cause, "a report on text messages was refused");
            return (StatusCode::BAD_REQUEST, cause.to_string()).into_response();
        }
    };
    match desk.postman.report(&reports).await {
        Ok(reported) => {
            tracing::debug!(?reported, "reports on text messages");
            let said = match desk.form {
                SmsForm::Aliyun { .. } => r#"{"code":0,"msg":"OK"}"#,
                SmsForm::Tencent { .. } => r#"{"result":0,"errmsg":"OK"}"#,
                SmsForm::Json { .. } => r#"{"code":"ok"}"#,
            };
            ([(header::CONTENT_TYPE, "application/json")], said).into_response()
        }
        // The provider posts again later.
        Err(error) => {
            tracing::error!(%error, "reports on text messages could not be written");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Compares through a keyed digest, so that the time tells nothing about the word.
fn is_same(said: &str, word: &str) -> bool {
    let key: [u8; 32] = rand::random();
    let mac = |text: &str| {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
        mac.update(text.as_bytes());
        mac.finalize().into_bytes()
    };
    mac(said) == mac(word)
}

/// Rounds of the postman in a second, see `upkeep`.
const ROUNDS_A_SECOND: u32 = 4;
/// Characters of the word in the address.
const SHORTEST_WORD: usize = 24;
/// Bytes of one post.
const LONGEST_POST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use hudun_inform::{PostmanSettings, letter_name, signature};
    use hudun_store::{LetterState, Store};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const GATEWAY: &str = "data: ./data\ngateway:\n  listen: 127.0.0.1:8080\n  upstream: http://127.0.0.1:8069\n  profile: p.yaml\nsmtp: { host: mail.example.com, from: hudun@example.com }\n";
    const GOOD: &str = "provider: aliyun, key_id: ak, secret_file: s, sign_name: 云溪商贸";

    fn read(part: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hudun.yaml");
        std::fs::write(&file, format!("{GATEWAY}sms: {{ {part} }}\n")).unwrap();
        Config::read(&file).map_err(|cause| cause.to_string())
    }

    #[test]
    fn a_section_that_can_not_work_names_its_field() {
        let template =
            |text: &str| format!("{GOOD}, templates: {{ zh-CN: {{ id: T, text: \"{text}\" }} }}");
        assert!(read(GOOD).unwrap().sms.is_some());
        read(&template("{org}：涉及您的{kinds}。")).unwrap();
        for (part, field) in [
            ("provider: aliyun, secret_file: s".to_owned(), "sms.key_id"),
            (
                "provider: tencent, key_id: a, secret_file: s, sign_name: b".to_owned(),
                "sms.app",
            ),
            ("provider: json, secret_file: s".to_owned(), "sms.url"),
            (format!("{GOOD}, url: \"ftp://x\""), "sms.url"),
            (format!("{GOOD}, per_second: 0"), "sms.per_second"),
            (format!("{GOOD}, channels: []"), "sms.channels"),
            (format!("{GOOD}, channels: [fax]"), "fax"),
            (template("{name}"), "sms.templates.zh-CN"),
            (template(""), "sms.templates.zh-CN"),
            (
                format!("{GOOD}, templates: {{ fr: {{ id: T, text: x }} }}"),
                "fr",
            ),
            (
                format!("{GOOD}, code_templates: {{ zh-CN: \" \" }}"),
                "sms.code_templates.zh-CN",
            ),
            (
                format!("{GOOD}, reports: {{ listen: \"127.0.0.1:8080\", word_file: w }}"),
                "sms.reports.listen",
            ),
        ] {
            let error = read(&part).unwrap_err();
            assert!(error.contains(field), "{part}: {error}");
        }
    }

    /// Posts and gives the status.
    async fn post(address: SocketAddr, path: &str, signed: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Hudun-Signature: {signed}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    }

    #[tokio::test]
    async fn only_who_knows_the_word_and_the_secret_reports() {
        let folder = tempfile::tempdir().unwrap();
        let (word_file, secret_file) = (folder.path().join("word"), folder.path().join("secret"));
        std::fs::write(&secret_file, "s3cret\n").unwrap();
        std::fs::write(&word_file, "short").unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let part = ReportsPart {
            listen,
            word_file: word_file.clone(),
        };
        let secret = secret_file.display();
        let sms =
            format!("provider: json, url: \"http://127.0.0.1:1/\", secret_file: \"{secret}\"");
        let sms = read(&sms).unwrap().sms.unwrap();
        let store = Store::in_memory().await.unwrap();
        let settings = PostmanSettings {
            sms: Some(sms.settings().unwrap()),
            ..PostmanSettings::default()
        };
        let postman = Arc::new(Postman::open(&store, settings).await.unwrap());
        assert!(
            reports(&sms, &part, postman.clone()).is_err(),
            "the word is too short"
        );
        let word = "a-long-random-word-of-many-letters";
        std::fs::write(&word_file, word).unwrap();
        let routes = reports(&sms, &part, postman.clone()).unwrap();
        let listener = TcpListener::bind(listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });

        // A message that was handed over and cut off: the gateway above does not answer.
        let outbox = store.outbox();
        let letter = r#"{"to":"+8613800000001","template":"T","params":[]}"#;
        outbox.post("notice/n/1", "sms", letter, 0).await.unwrap();
        postman.deliver(Timestamp::now()).await.unwrap();
        assert!(
            outbox.begin("notice/n/1").await.unwrap() && outbox.hand("notice/n/1").await.unwrap()
        );
        outbox
            .settle("notice/n/1", LetterState::Unknown, 0, "")
            .await
            .unwrap();
        let name = letter_name("notice/n/1");
        let body =
            format!(r#"{{"reports":[{{"id":"{name}","delivered":true,"code":"DELIVRD"}}]}}"#);
        let now = Timestamp::now().as_millis() / 1_000;
        let good = signature(b"s3cret", now, body.as_bytes());
        let path = format!("/sms/{word}");
        assert_eq!(
            post(
                address,
                "/sms/a-long-random-word-of-many-lettert",
                &good,
                &body
            )
            .await,
            "404"
        );
        assert_eq!(post(address, &path, "t=1,v1=00", &body).await, "400");
        assert_eq!(post(address, &path, &good, "{}").await, "400");
        let state = || async {
            store
                .outbox()
                .get("notice/n/1")
                .await
                .unwrap()
                .unwrap()
                .state
        };
        assert_eq!(state().await, LetterState::Unknown);
        assert_eq!(post(address, &path, &good, &body).await, "200");
        assert_eq!(state().await, LetterState::Delivered);
    }
}
