//! Text messages through a provider's gateway, by a template that the provider has approved.
//!
//! Three forms are spoken: Alibaba Cloud (`SendSms`, 2017-05-25), Tencent Cloud (`SendSms`, 2021-01-11) and a plain JSON
//! call for every other gateway. None of the providers takes a request once only: a second call is a second message. So
//! a call whose answer was not read leaves an unknown outcome, and a person or the provider's own report decides.

mod report;
mod sign;

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hudun_core::Timestamp;
use hudun_store::Letter;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::letter::{one_line, short_hash, signature};
use crate::postman::{Ended, Handing, HttpClient, PostmanError, http_client};

pub use report::{MessageReport, ReportError, ReportOf, read_reports};
use sign::{AliyunCall, TencentCall};

/// A text message. Channel `sms`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsLetter {
    /// Number in international form, such as `+8613800000001`.
    pub to: String,
    /// The provider's number of the template.
    pub template: String,
    /// Names and values, in the order of the template.
    pub params: Vec<(String, String)>,
    /// From this moment on it does not go out any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl fmt::Debug for SmsLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmsLetter({})", self.template)
    }
}

/// The gateway.
#[derive(Clone, PartialEq, Eq)]
pub struct SmsSettings {
    /// Where it is called, such as `https://dysmsapi.aliyuncs.com/`.
    pub url: String,
    /// Certificates of the authorities that it is checked against (PEM); the public ones when absent.
    pub ca: Option<PathBuf>,
    /// How it is spoken to.
    pub form: SmsForm,
    /// Messages at most in one round of the postman (a quarter of a second or more).
    pub most_in_a_round: u32,
}

impl fmt::Debug for SmsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmsSettings({})", self.url)
    }
}

/// How a gateway is spoken to.
#[derive(Clone, PartialEq, Eq)]
pub enum SmsForm {
    /// Alibaba Cloud.
    Aliyun {
        /// AccessKey ID.
        key_id: String,
        /// AccessKey secret.
        secret: String,
        /// The approved signature (签名).
        sign_name: String,
    },
    /// Tencent Cloud.
    Tencent {
        /// SecretId.
        id: String,
        /// SecretKey.
        secret: String,
        /// SmsSdkAppId.
        app: String,
        /// The approved signature (签名).
        sign_name: String,
        /// Region, such as `ap-guangzhou`.
        region: String,
    },
    /// A POST of JSON, signed as webhooks are (`X-Hudun-Signature`).
    Json {
        /// Shared secret.
        secret: String,
    },
}

/// A gateway that letters can be handed to.
pub(crate) struct SmsGateway {
    settings: SmsSettings,
    uri: Uri,
    host: String,
    http: HttpClient,
}

/// What a gateway said that it had taken.
pub(crate) struct Taken {
    /// The provider's own number of the message, where it gives one.
    pub(crate) serial: Option<String>,
}

impl SmsGateway {
    /// Checks the settings; nothing is sent.
    pub(crate) fn open(settings: &SmsSettings) -> Result<Self, PostmanError> {
        let (uri, http) = http_client("sms", &settings.url, settings.ca.as_deref())?;
        let host = uri
            .authority()
            .map(|authority| authority.as_str().to_owned())
            .unwrap_or_default();
        Ok(Self {
            settings: settings.clone(),
            uri,
            host,
            http,
        })
    }

    /// Messages at most in one round.
    pub(crate) const fn most_in_a_round(&self) -> u32 {
        self.settings.most_in_a_round
    }

    /// Hands one letter over. What the gateway took has a [`Taken`].
    pub(crate) async fn send(
        &self,
        letter: &Letter,
        now: Timestamp,
        handing: &Handing<'_>,
    ) -> (Ended, Option<Taken>) {
        let sms: SmsLetter = match serde_json::from_str(&letter.body) {
            Ok(sms) => sms,
            Err(cause) => return (Ended::Never(format!("unreadable letter: {cause}")), None),
        };
        let request = match self.request(letter, &sms, now) {
            Ok(request) => request,
            Err(said) => return (Ended::Never(said), None),
        };
        if let Err(ended) = handing.begin().await {
            return (ended, None);
        }
        let answer = match self.http.request(request).await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => {
                let said = "the SMS gateway could not be reached".to_owned();
                return (Ended::Later(said), None);
            }
            Err(_) => {
                let said = "the SMS gateway was called and gave no answer".to_owned();
                return (Ended::Unknown(said), None);
            }
        };
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER)
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        match body {
            Ok(body) => self.judge(status, &body),
            Err(_) => {
                let said = format!("the SMS gateway broke off its answer ({status})");
                (Ended::Unknown(said), None)
            }
        }
    }

    fn request(
        &self,
        letter: &Letter,
        sms: &SmsLetter,
        now: Timestamp,
    ) -> Result<Request<Full<Bytes>>, String> {
        let moment = jiff::Timestamp::from_millisecond(now.as_millis())
            .map_err(|cause| cause.to_string())?;
        let out_id = short_hash(&letter.dedupe);
        let made = match &self.settings.form {
            SmsForm::Aliyun {
                key_id,
                secret,
                sign_name,
            } => {
                let named: serde_json::Map<String, Value> = sms
                    .params
                    .iter()
                    .map(|(name, value)| (name.clone(), json!(value)))
                    .collect();
                // A number of mainland China goes without country code, every other as code and number.
                let to = sms.to.strip_prefix("+86").unwrap_or(&sms.to);
                let parameters = [
                    ("PhoneNumbers", to.trim_start_matches('+').to_owned()),
                    ("SignName", sign_name.clone()),
                    ("TemplateCode", sms.template.clone()),
                    ("TemplateParam", Value::Object(named).to_string()),
                    ("OutId", out_id),
                ];
                let (date, nonce) = (
                    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                    hex::encode(rand::random::<[u8; 16]>()),
                );
                let call = AliyunCall {
                    host: &self.host,
                    action: "SendSms",
                    version: "2017-05-25",
                    date: &date,
                    nonce: &nonce,
                    parameters: &parameters,
                };
                let mut request = Request::post(self.at(Some(&call.query()))?)
                    .header("Authorization", call.authorization(key_id, secret))
                    .header("Host", &self.host);
                for (name, value) in call.headers() {
                    request = request.header(name, value);
                }
                request.body(Full::default())
            }
            SmsForm::Tencent {
                id,
                secret,
                app,
                sign_name,
                region,
            } => {
                let values: Vec<&str> = sms.params.iter().map(|(_, v)| v.as_str()).collect();
                let payload = json!({
                    "PhoneNumberSet": [sms.to], "SmsSdkAppId": app, "SignName": sign_name,
                    "TemplateId": sms.template, "TemplateParamSet": values, "SessionContext": out_id,
                });
                let payload = payload.to_string();
                let seconds = moment.as_second();
                let day = moment.strftime("%Y-%m-%d").to_string();
                let call = TencentCall {
                    method: "POST",
                    query: "",
                    content_type: JSON,
                    host: &self.host,
                    service: "sms",
                    payload: payload.as_bytes(),
                    seconds,
                    day: &day,
                };
                Request::post(self.at(None)?)
                    .header("Authorization", call.authorization(id, secret))
                    .header("Content-Type", JSON)
                    .header("Host", &self.host)
                    .header("X-TC-Action", "SendSms")
                    .header("X-TC-Version", "2021-01-11")
                    .header("X-TC-Timestamp", seconds.to_string())
                    .header("X-TC-Region", region)
                    .body(Full::from(payload))
            }
            SmsForm::Json { secret } => {
                let named: serde_json::Map<String, Value> = sms
                    .params
                    .iter()
                    .map(|(name, value)| (name.clone(), json!(value)))
                    .collect();
                let payload = json!({
                    "id": out_id, "to": sms.to, "template": sms.template, "params": named,
                });
                let payload = payload.to_string();
                let signed = signature(secret.as_bytes(), moment.as_second(), payload.as_bytes());
                Request::post(self.at(None)?)
                    .header("Content-Type", JSON)
                    .header("X-Hudun-Signature", signed)
                    .header("Idempotency-Key", out_id)
                    .body(Full::from(payload))
            }
        };
        made.map_err(|cause| cause.to_string())
    }

    fn at(&self, query: Option<&str>) -> Result<Uri, String> {
        let Some(query) = query else {
            return Ok(self.uri.clone());
        };
        let mut parts = self.uri.clone().into_parts();
        let path_and_query = format!("/?{query}").parse();
        parts.path_and_query =
            Some(path_and_query.map_err(|_| "the query is too long".to_owned())?);
        Uri::from_parts(parts).map_err(|cause| cause.to_string())
    }

    /// What an answer means. HTTP 200 alone means nothing with any of them.
    fn judge(&self, status: StatusCode, body: &[u8]) -> (Ended, Option<Taken>) {
        let answer: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let text = |at: &str| answer.pointer(at).and_then(Value::as_str);
        let (code, serial) = match &self.settings.form {
            SmsForm::Aliyun { .. } => (text("/Code"), text("/BizId")),
            SmsForm::Tencent { .. } => (
                text("/Response/Error/Code").or_else(|| text("/Response/SendStatusSet/0/Code")),
                text("/Response/SendStatusSet/0/SerialNo"),
            ),
            SmsForm::Json { .. } => (text("/code"), text("/serial")),
        };
        let taken = match &self.settings.form {
            SmsForm::Aliyun { .. } => code == Some("OK"),
            SmsForm::Tencent { .. } => code == Some("Ok"),
            SmsForm::Json { .. } => code == Some("ok"),
        };
        if taken && status.is_success() {
            let serial = serial.map(str::to_owned);
            return (Ended::Sent, Some(Taken { serial }));
        }
        // A provider's code is not personal data; its words may repeat the number.
        let said = match code {
            Some(code) => format!("the SMS gateway answered {status} {}", one_line(code)),
            None => format!("the SMS gateway answered {status} and no code"),
        };
        let ended = match (code, status) {
            (Some(code), _) if self.may_later(code) => Ended::Later(said),
            (Some(code), _) if is_inner(code) => Ended::Unknown(said),
            // It says that it took it, under a status that says that it did not.
            (Some(_), _) if taken => Ended::Unknown(said),
            (Some(_), _) => Ended::Never(said),
            (None, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                Ended::Later(said)
            }
            (None, status) if status.is_client_error() || status.is_redirection() => {
                Ended::Never(said)
            }
            // A success or a fault inside without a word of the provider: it may have gone on with the message.
            (None, _) => Ended::Unknown(said),
        };
        (ended, None)
    }

    /// Refusals that hold for now only: limits on how often.
    fn may_later(&self, code: &str) -> bool {
        match &self.settings.form {
            SmsForm::Aliyun { .. } => {
                code.starts_with("Throttling")
                    || matches!(code, "isv.BUSINESS_LIMIT_CONTROL" | "ServiceUnavailable")
            }
            SmsForm::Tencent { .. } => {
                code.starts_with("RequestLimitExceeded")
                    || matches!(
                        code,
                        "LimitExceeded.DeliveryFrequencyLimit"
                            | "LimitExceeded.PhoneNumberThirtySecondLimit"
                            | "LimitExceeded.PhoneNumberOneHourLimit"
                    )
            }
            SmsForm::Json { .. } => code == "later",
        }
    }
}

/// Faults inside the provider: nobody can tell whether the message went on.
fn is_inner(code: &str) -> bool {
    code.starts_with("InternalError") || matches!(code, "isp.SYSTEM_ERROR" | "unknown")
}

const JSON: &str = "application/json; charset=utf-8";
/// Bytes of an answer that are read.
const LONGEST_ANSWER: usize = 64 * 1024;
