//! A gateway of text messages on a real socket, that behaves as it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hudun_inform::{SmsForm, signature};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How the gateway treats a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes it.
    Ok,
    /// Takes it, and answers a second time without having been asked.
    Twice,
    /// Says that the number is none.
    Refuse,
    /// Says that it was too often.
    Later,
    /// A status and no word of the provider.
    Status(u16),
    /// "Taken" under another status.
    OkUnder(u16),
    /// 200 and nonsense.
    Garbage,
    /// Silence.
    Hang,
    /// Closes after the request.
    Cut,
    /// Closes in the midst of the answer.
    Half,
    /// An answer without end.
    Endless,
}

#[derive(Default)]
struct Seen {
    behaviour: BTreeMap<String, Behaviour>,
    calls: BTreeMap<String, u32>,
    told: BTreeMap<String, Vec<Value>>,
    wrong: Vec<String>,
}

/// A gateway.
#[derive(Clone)]
pub struct Gateway {
    port: u16,
    pause: Duration,
    seen: Arc<Mutex<Seen>>,
}

pub fn forms() -> [SmsForm; 3] {
    [
        SmsForm::Aliyun {
            key_id: "ak".to_owned(),
            secret: "sk".to_owned(),
            sign_name: "云溪商贸".to_owned(),
        },
        SmsForm::Tencent {
            id: "id".to_owned(),
            secret: "sk".to_owned(),
            app: "1400006666".to_owned(),
            sign_name: "云溪商贸".to_owned(),
            region: "ap-guangzhou".to_owned(),
        },
        SmsForm::Json {
            secret: "s3cret".to_owned(),
        },
    ]
}

impl Gateway {
    pub async fn start(form: &SmsForm) -> Self {
        Self::start_slow(form, Duration::ZERO).await
    }

    /// One that waits so long before it takes a message, and as long before it says so.
    pub async fn start_slow(form: &SmsForm, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Self {
            port: listener.local_addr().unwrap().port(),
            pause,
            seen: Arc::default(),
        };
        let (served, form) = (gateway.clone(), form.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (gateway, form) = (served.clone(), form.clone());
                tokio::spawn(async move { gateway.talk(stream, &form).await });
            }
        });
        gateway
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub fn behave(&self, number: &str, behaviour: Behaviour) {
        let mut seen = self.seen.lock().unwrap();
        seen.behaviour.insert(number.to_owned(), behaviour);
    }

    pub fn calls(&self, number: &str) -> u32 {
        let seen = self.seen.lock().unwrap();
        seen.calls.get(number).copied().unwrap_or_default()
    }

    /// What each number was told.
    pub fn told(&self) -> BTreeMap<String, Vec<Value>> {
        self.seen.lock().unwrap().told.clone()
    }

    /// Requests that were not as the provider documents them.
    pub fn wrong(&self) -> Vec<String> {
        self.seen.lock().unwrap().wrong.clone()
    }

    async fn talk(&self, mut stream: TcpStream, form: &SmsForm) -> Option<()> {
        loop {
            let (head, body) = request(&mut stream).await?;
            tokio::time::sleep(self.pause).await;
            let (number, params) = self.read(form, &head, &body);
            let behaviour = {
                let mut seen = self.seen.lock().unwrap();
                *seen.calls.entry(number.clone()).or_default() += 1;
                seen.behaviour
                    .get(&number)
                    .copied()
                    .unwrap_or(Behaviour::Ok)
            };
            if matches!(behaviour, Behaviour::Ok | Behaviour::Twice) {
                let mut seen = self.seen.lock().unwrap();
                seen.told.entry(number.clone()).or_default().push(params);
            }
            let said = |code: &str| match form {
                SmsForm::Aliyun { .. } => {
                    json!({ "Code": code, "Message": number, "BizId": format!("serial{number}"), "RequestId": "r" })
                }
                SmsForm::Tencent { .. } => {
                    json!({ "Response": { "SendStatusSet": [{ "SerialNo": format!("serial{number}"), "PhoneNumber": number,
                        "Fee": 1, "SessionContext": "", "Code": code, "Message": number, "IsoCode": "CN" }], "RequestId": "r" } })
                }
                SmsForm::Json { .. } => {
                    json!({ "code": code, "serial": format!("serial{number}") })
                }
            };
            let (ok, none, later) = match form {
                SmsForm::Aliyun { .. } => (
                    "OK",
                    "isv.MOBILE_NUMBER_ILLEGAL",
                    "isv.BUSINESS_LIMIT_CONTROL",
                ),
                SmsForm::Tencent { .. } => (
                    "Ok",
                    "InvalidParameterValue.IncorrectPhoneNumber",
                    "LimitExceeded.PhoneNumberThirtySecondLimit",
                ),
                SmsForm::Json { .. } => ("ok", "no-such-number", "later"),
            };
            let answer = |status: u16, body: &str| {
                format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            };
            let text = match behaviour {
                Behaviour::Ok => answer(200, &said(ok).to_string()),
                Behaviour::Twice => answer(200, &said(ok).to_string()).repeat(2),
                Behaviour::Refuse => answer(200, &said(none).to_string()),
                Behaviour::Later => answer(200, &said(later).to_string()),
                Behaviour::Status(status) => answer(status, "<html>sorry</html>"),
                Behaviour::OkUnder(status) => answer(status, &said(ok).to_string()),
                Behaviour::Garbage => answer(200, "{\"Code\": \"O"),
                Behaviour::Hang => std::future::pending().await,
                Behaviour::Cut => return None,
                Behaviour::Half => {
                    let whole = answer(200, &said(ok).to_string());
                    stream
                        .write_all(&whole.as_bytes()[..whole.len() - 9])
                        .await
                        .ok()?;
                    return None;
                }
                Behaviour::Endless => {
                    let head = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";
                    stream.write_all(head.as_bytes()).await.ok()?;
                    loop {
                        let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
                        stream.write_all(chunk.as_bytes()).await.ok()?;
                    }
                }
            };
            tokio::time::sleep(self.pause).await;
            stream.write_all(text.as_bytes()).await.ok()?;
        }
    }

    /// Number and values of a request; what is not as documented is noted.
    fn read(&self, form: &SmsForm, head: &str, body: &str) -> (String, Value) {
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(": ")?;
                key.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        let mut wrong = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                wrong.push(format!("{what}: {head}"));
            }
        };
        let read = match form {
            SmsForm::Aliyun { .. } => {
                let query = head.split([' ', '?']).nth(2).unwrap_or_default();
                let pairs: BTreeMap<String, String> = query
                    .split('&')
                    .filter_map(|pair| pair.split_once('='))
                    .map(|(key, value)| (key.to_owned(), decoded(value)))
                    .collect();
                let value = |key: &str| pairs.get(key).cloned().unwrap_or_default();
                let signed = header("authorization").unwrap_or_default();
                must(
                    signed.starts_with("ACS3-HMAC-SHA256 Credential=ak,"),
                    "authorization",
                );
                must(
                    header("x-acs-action").as_deref() == Some("SendSms"),
                    "action",
                );
                must(
                    header("x-acs-version").as_deref() == Some("2017-05-25"),
                    "version",
                );
                must(
                    value("SignName") == "云溪商贸" && value("TemplateCode") == "SMS_1",
                    "template",
                );
                must(value("OutId").len() == 24, "OutId");
                must(body.is_empty(), "body");
                let params = serde_json::from_str(&value("TemplateParam")).unwrap_or_default();
                (format!("+86{}", value("PhoneNumbers")), params)
            }
            SmsForm::Tencent { .. } => {
                let call: Value = serde_json::from_str(body).unwrap_or_default();
                let signed = header("authorization").unwrap_or_default();
                must(
                    signed.starts_with("TC3-HMAC-SHA256 Credential=id/"),
                    "authorization",
                );
                must(
                    header("x-tc-action").as_deref() == Some("SendSms"),
                    "action",
                );
                must(
                    header("x-tc-version").as_deref() == Some("2021-01-11"),
                    "version",
                );
                must(
                    call["SmsSdkAppId"] == "1400006666" && call["SignName"] == "云溪商贸",
                    "app",
                );
                must(call["TemplateParamSet"][0] == "云溪商贸", "order of values");
                let number = call["PhoneNumberSet"][0].as_str().unwrap_or_default();
                (number.to_owned(), call["TemplateParamSet"].clone())
            }
            SmsForm::Json { secret } => {
                let signed = header("x-hudun-signature").unwrap_or_default();
                let seconds = signed
                    .strip_prefix("t=")
                    .and_then(|rest| rest.split_once(',')?.0.parse().ok())
                    .unwrap_or_default();
                must(
                    signed == signature(secret.as_bytes(), seconds, body.as_bytes()),
                    "signature",
                );
                let call: Value = serde_json::from_str(body).unwrap_or_default();
                must(
                    call["id"].as_str() == header("idempotency-key").as_deref(),
                    "id",
                );
                let number = call["to"].as_str().unwrap_or_default();
                (number.to_owned(), call["params"].clone())
            }
        };
        self.seen.lock().unwrap().wrong.extend(wrong);
        read
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' && rest.len() >= 2 {
            let hex = std::str::from_utf8(&rest[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let n = stream.read(&mut part).await.ok()?;
        if n == 0 {
            return None;
        }
        bytes.extend_from_slice(&part[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.parse::<usize>().unwrap())
        });
        if body.len() >= length.unwrap_or_default() {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}
