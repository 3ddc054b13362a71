//! What providers report later: whether a message reached the phone.

use serde::Deserialize;

use super::SmsForm;
use crate::letter::{one_line, signature};

/// One report on one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageReport {
    /// Which message.
    pub of: ReportOf,
    /// Whether it reached the phone.
    pub delivered: bool,
    /// What the network said, such as `DELIVERED` or `MOBILE_IN_BLACK`.
    pub code: String,
}

/// How a report names its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportOf {
    /// By the name that the call gave it (see [`crate::letter_name`]).
    Name(String),
    /// By the provider's own number.
    Serial(String),
}

/// Reads what a provider posted: Alibaba Cloud's `SmsReport`, Tencent Cloud's status notification, or
/// `{"reports":[{"id":…,"delivered":…,"code":…}]}`. For the JSON form `signed` is the header `X-Hudun-Signature`, not older
/// than five minutes at `now_seconds`; the others sign nothing and are known by the address that they post to.
///
/// # Errors
/// [`ReportError`]; nothing of the post is taken then.
pub fn read_reports(
    form: &SmsForm,
    body: &[u8],
    signed: Option<&str>,
    now_seconds: i64,
) -> Result<Vec<MessageReport>, ReportError> {
    let reports: Vec<MessageReport> = match form {
        SmsForm::Aliyun { .. } => parse::<Vec<Aliyun>>(body)?
            .into_iter()
            .map(|one| MessageReport {
                of: match one.out_id.filter(|id| !id.is_empty()) {
                    Some(name) => ReportOf::Name(name),
                    None => ReportOf::Serial(one.biz_id),
                },
                delivered: one.success,
                code: one_line(&one.err_code),
            })
            .collect(),
        SmsForm::Tencent { .. } => parse::<Vec<Tencent>>(body)?
            .into_iter()
            .map(|one| MessageReport {
                of: ReportOf::Serial(one.sid),
                delivered: one.report_status == "SUCCESS",
                code: one_line(&one.errmsg),
            })
            .collect(),
        SmsForm::Json { secret } => {
            is_signed(secret, body, signed, now_seconds)?;
            parse::<Plain>(body)?
                .reports
                .into_iter()
                .map(|one| MessageReport {
                    of: ReportOf::Name(one.id),
                    delivered: one.delivered,
                    code: one_line(&one.code),
                })
                .collect()
        }
    };
    if reports.len() > MOST {
        return Err(ReportError::Many);
    }
    Ok(reports)
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ReportError> {
    // The cause may repeat a number.
    serde_json::from_slice(body).map_err(|cause| ReportError::Shape {
        line: cause.line(),
        column: cause.column(),
    })
}

fn is_signed(
    secret: &str,
    body: &[u8],
    signed: Option<&str>,
    now_seconds: i64,
) -> Result<(), ReportError> {
    let signed = signed.ok_or(ReportError::Signature)?;
    let seconds: i64 = signed
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(','))
        .and_then(|(seconds, _)| seconds.parse().ok())
        .ok_or(ReportError::Signature)?;
    if seconds.abs_diff(now_seconds) > OLDEST_SECONDS {
        return Err(ReportError::Signature);
    }
    let wanted = signature(secret.as_bytes(), seconds, body);
    if is_same(wanted.as_bytes(), signed.as_bytes()) {
        Ok(())
    } else {
        Err(ReportError::Signature)
    }
}

/// Compares in a time that does not tell where two differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .fold(0, |differ, (a, b)| differ | (a ^ b))
            == 0
}

#[derive(Deserialize)]
struct Aliyun {
    #[serde(default)]
    out_id: Option<String>,
    biz_id: String,
    success: bool,
    #[serde(default)]
    err_code: String,
}

#[derive(Deserialize)]
struct Tencent {
    sid: String,
    report_status: String,
    #[serde(default)]
    errmsg: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    reports: Vec<PlainReport>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainReport {
    id: String,
    delivered: bool,
    #[serde(default)]
    code: String,
}

/// A post that is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// It does not have the provider's form.
    #[error(
        "the report has not the form of the configured provider (line {line}, column {column})"
    )]
    Shape {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// The signature is absent, old or another.
    #[error("the signature of the report is absent, older than five minutes, or wrong")]
    Signature,
    /// Too many reports in one post.
    #[error("a post holds at most {MOST} reports")]
    Many,
}

/// Reports in one post.
const MOST: usize = 2_000;
const OLDEST_SECONDS: u64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn aliyun() -> SmsForm {
        SmsForm::Aliyun {
            key_id: String::new(),
            secret: String::new(),
            sign_name: String::new(),
        }
    }

    #[test]
    fn the_documented_posts_are_read() {
        let body = r#"[{"phone_number":"13900000001","send_time":"2017-01-01 11:12:13","report_time":"2017-02-02 22:23:24","success":true,"err_code":"DELIVERED","err_msg":"用户接收成功","sms_size":"1","biz_id":"932702304080415357^0","out_id":"1184585343"},
            {"phone_number":"13900000002","success":false,"err_code":"MOBILE_IN_BLACK","biz_id":"b2"}]"#;
        let read = read_reports(&aliyun(), body.as_bytes(), None, 0).unwrap();
        assert_eq!(read[0].of, ReportOf::Name("1184585343".to_owned()));
        assert!(read[0].delivered && !read[1].delivered);
        assert_eq!(read[1].of, ReportOf::Serial("b2".to_owned()));

        let tencent = SmsForm::Tencent {
            id: String::new(),
            secret: String::new(),
            app: String::new(),
            sign_name: String::new(),
            region: String::new(),
        };
        let body = r#"[{"user_receive_time":"2015-10-17 08:03:04","nationcode":"86","mobile":"13xxxxxxxxx","report_status":"SUCCESS","errmsg":"DELIVRD","description":"x","sid":"xxxxxxx"}]"#;
        let read = read_reports(&tencent, body.as_bytes(), None, 0).unwrap();
        assert_eq!(
            (&read[0].of, read[0].delivered),
            (&ReportOf::Serial("xxxxxxx".to_owned()), true)
        );
    }

    #[test]
    fn a_report_of_the_plain_form_must_be_signed_now() {
        let secret = "s3cret".to_owned();
        let form = SmsForm::Json { secret };
        let body = br#"{"reports":[{"id":"a","delivered":false,"code":"off"}]}"#;
        let good = signature(b"s3cret", 1_000, body);
        let read = |signed: Option<&str>, now| read_reports(&form, body, signed, now);
        assert_eq!(read(Some(&good), 1_300).unwrap().len(), 1);
        assert_eq!(read(Some(&good), 1_301), Err(ReportError::Signature));
        assert_eq!(read(None, 1_000), Err(ReportError::Signature));
        let other = signature(b"other", 1_000, body);
        assert_eq!(read(Some(&other), 1_000), Err(ReportError::Signature));
        assert_eq!(read(Some("t=x,v1="), 1_000), Err(ReportError::Signature));
    }

    #[test]
    fn what_is_no_report_is_refused_and_repeats_nothing() {
        for body in [
            "",
            "{}",
            "[{\"phone_number\":\"13900000001\"}]",
            "[[[[",
            "null",
        ] {
            let error = read_reports(&aliyun(), body.as_bytes(), None, 0).unwrap_err();
            assert!(!error.to_string().contains("139"), "{error}");
        }
        let many = format!(
            "[{}]",
            vec![r#"{"biz_id":"b","success":true}"#; MOST + 1].join(",")
        );
        let error = read_reports(&aliyun(), many.as_bytes(), None, 0);
        assert_eq!(error, Err(ReportError::Many));
    }
}
