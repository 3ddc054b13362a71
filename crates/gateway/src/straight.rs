//! Requests of the guard itself, straight at the SCRM: harmless checks, and what version runs.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;

use crate::Gateway;
use crate::body::SentBody;

/// What the SCRM answered.
#[derive(Clone, Debug)]
pub struct StraightAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The beginning of the body.
    pub body: Bytes,
}

impl Gateway {
    /// Asks the SCRM past policy, inspection and record, over the connections of the gateway. `target` is path and query. At most
    /// `most` bytes of the answer are read. For requests that the guard makes itself, never for somebody else's.
    ///
    /// # Errors
    /// In words: the request makes no sense, or the SCRM did not answer in the time that every answer has.
    pub async fn ask_straight(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Bytes,
        most: usize,
    ) -> Result<StraightAnswer, String> {
        let upstream = &self.config.upstream;
        let host = upstream.authority().map(http::uri::Authority::as_str);
        let host = host.ok_or("the upstream has no host")?;
        let scheme = upstream.scheme_str().unwrap_or("http");
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{scheme}://{host}{target}"))
            .header(header::HOST, host)
            .header(header::CONTENT_LENGTH, body.len());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(SentBody::whole(body))
            .map_err(|cause| cause.to_string())?;
        let ask = async {
            let answer = self.client.request(request).await;
            let (parts, mut rest) = answer.map_err(|cause| cause.to_string())?.into_parts();
            let mut body = BytesMut::new();
            while body.len() < most
                && let Some(frame) = rest.frame().await
            {
                if let Ok(data) = frame.map_err(|cause| cause.to_string())?.into_data() {
                    body.extend_from_slice(&data);
                }
            }
            body.truncate(most);
            Ok(StraightAnswer {
                status: parts.status,
                headers: parts.headers,
                body: body.freeze(),
            })
        };
        let time = self.config.limits.answer_time;
        tokio::time::timeout(time, ask)
            .await
            .map_err(|_| "the SCRM did not answer in time".to_owned())?
    }
}
