//! The signatures that two providers ask for, as their documentation gives them.

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// What RFC 3986 calls unreserved stays as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// One call of Alibaba Cloud's RPC interface, signed with ACS3-HMAC-SHA256 ("V3"): everything stands in the query, the
/// body is empty.
pub(crate) struct AliyunCall<'a> {
    pub(crate) host: &'a str,
    pub(crate) action: &'a str,
    pub(crate) version: &'a str,
    /// Such as `2023-10-26T10:22:32Z`.
    pub(crate) date: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) parameters: &'a [(&'a str, String)],
}

impl AliyunCall<'_> {
    /// The query in canonical form: sorted, percent-encoded.
    pub(crate) fn query(&self) -> String {
        let mut pairs: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        pairs.sort();
        pairs.join("&")
    }

    /// Headers but for `host` and `authorization`, in the order in which they are signed.
    pub(crate) fn headers(&self) -> [(&'static str, String); 5] {
        [
            ("x-acs-action", self.action.to_owned()),
            ("x-acs-content-sha256", sha256_hex(b"")),
            ("x-acs-date", self.date.to_owned()),
            ("x-acs-signature-nonce", self.nonce.to_owned()),
            ("x-acs-version", self.version.to_owned()),
        ]
    }

    /// The value of the header `Authorization`.
    pub(crate) fn authorization(&self, key_id: &str, secret: &str) -> String {
        let headers = self.headers();
        let mut lines = format!("host:{}\n", self.host);
        let mut names = String::from("host");
        for (name, value) in &headers {
            lines.push_str(&format!("{name}:{value}\n"));
            names.push(';');
            names.push_str(name);
        }
        let canonical = format!(
            "POST\n/\n{}\n{lines}\n{names}\n{}",
            self.query(),
            sha256_hex(b"")
        );
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256_hex(canonical.as_bytes()));
        let signature = hex::encode(hmac(secret.as_bytes(), to_sign.as_bytes()));
        format!("ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}")
    }
}

/// One call of Tencent Cloud's API 3.0, signed with TC3-HMAC-SHA256 ("v3").
pub(crate) struct TencentCall<'a> {
    pub(crate) method: &'a str,
    pub(crate) query: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) host: &'a str,
    pub(crate) service: &'a str,
    pub(crate) payload: &'a [u8],
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    /// The day of that moment in UTC, such as `2019-02-25`.
    pub(crate) day: &'a str,
}

impl TencentCall<'_> {
    /// The value of the header `Authorization`.
    pub(crate) fn authorization(&self, id: &str, secret: &str) -> String {
        let canonical = format!(
            "{}\n/\n{}\ncontent-type:{}\nhost:{}\n\ncontent-type;host\n{}",
            self.method,
            self.query,
            self.content_type,
            self.host,
            sha256_hex(self.payload)
        );
        let scope = format!("{}/{}/tc3_request", self.day, self.service);
        let to_sign = format!(
            "TC3-HMAC-SHA256\n{}\n{scope}\n{}",
            self.seconds,
            sha256_hex(canonical.as_bytes())
        );
        let day = hmac(format!("TC3{secret}").as_bytes(), self.day.as_bytes());
        let service = hmac(&day, self.service.as_bytes());
        let signing = hmac(&service, b"tc3_request");
        let signature = hex::encode(hmac(&signing, to_sign.as_bytes()));
        format!(
            "TC3-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders=content-type;host, Signature={signature}"
        )
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes a key of any length; were it ever refused, an empty signature verifies nowhere.
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mut mac| {
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_of_alibaba_cloud_is_the_published_one() {
        // The worked example of "V3 version request body and signature mechanism".
        let image = "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd";
        let parameters = [
            ("RegionId", "cn-shanghai".to_owned()),
            ("ImageId", image.to_owned()),
        ];
        let call = AliyunCall {
            host: "ecs.cn-shanghai.aliyuncs.com",
            action: "RunInstances",
            version: "2014-05-26",
            date: "2023-10-26T10:22:32Z",
            nonce: "3156853299f313e23d1673dc12e1703d",
            parameters: &parameters,
        };
        assert_eq!(
            call.authorization("YourAccessKeyId", "YourAccessKeySecret"),
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        );
        assert_eq!(encoded(" a+*~中"), "%20a%2B%2A~%E4%B8%AD");
    }

    #[test]
    fn the_signature_of_tencent_cloud_is_the_published_one() {
        // The worked example of "Signature v3" (POST, DescribeInstances), with the keys as printed there.
        let payload = r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
        let call = TencentCall {
            method: "POST",
            query: "",
            content_type: "application/json; charset=utf-8",
            host: "cvm.tencentcloudapi.com",
            service: "cvm",
            payload: payload.as_bytes(),
            seconds: 1_551_113_065,
            day: "2019-02-25",
        };
        let id = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE";
        let made = call.authorization(id, "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
        assert_eq!(
            made,
            format!(
                "TC3-HMAC-SHA256 Credential={id}/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
            )
        );
    }
}
