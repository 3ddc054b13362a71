//! People who press the console's buttons: they log in over HTTP like everybody else.

use std::time::Duration;

use anyhow::{Context, bail};
use hudun_console::api::{self, NextStep, SignedIn, WarRoom};
use reqwest::{Client, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Somebody at the console.
pub struct Person {
    client: Client,
    base: String,
}

impl Person {
    /// Logs in.
    ///
    /// # Errors
    /// When the console refuses.
    pub async fn log_in(base: &str, account: &str, password: &str) -> anyhow::Result<Self> {
        let client = Client::builder()
            .cookie_store(true)
            .no_proxy()
            .timeout(Duration::from_secs(120))
            .build()?;
        let person = Self {
            client,
            base: base.to_owned(),
        };
        let credentials = json!({ "account": account, "password": password });
        let signed: SignedIn = person
            .ask(Method::POST, api::endpoint::LOGIN.path, Some(&credentials))
            .await?;
        if signed.next != NextStep::Done {
            bail!(
                "{account} can't finish the log-in: the console asks for {:?}",
                signed.next
            );
        }
        Ok(person)
    }

    /// Reads the war-room of a case.
    ///
    /// # Errors
    /// When the console refuses.
    pub async fn room(&self, incident: hudun_core::IncidentId) -> anyhow::Result<WarRoom> {
        self.get(&path(api::endpoint::ROOM.path, &[&incident.to_string()]))
            .await
    }

    /// Reads.
    ///
    /// # Errors
    /// When the console refuses.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.ask::<T, ()>(Method::GET, path, None).await
    }

    /// Presses a button.
    ///
    /// # Errors
    /// When the console refuses.
    pub async fn press<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Fetches a file.
    ///
    /// # Errors
    /// When the console refuses.
    pub async fn fetch(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let answer = self.request(Method::POST, path).send().await?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        if !status.is_success() {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&bytes));
        }
        Ok(bytes.to_vec())
    }

    async fn ask<T: DeserializeOwned, B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> anyhow::Result<T> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| path.to_owned())?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        if !status.is_success() {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&bytes));
        }
        serde_json::from_slice(&bytes).with_context(|| format!("{path}: unexpected answer"))
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .header("x-hudun-request", "1")
    }
}

/// Fills the `{…}` parts of an endpoint's path.
pub fn path(template: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    template
        .split('/')
        .map(|part| {
            if part.starts_with('{') {
                values.next().copied().unwrap_or(part)
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_is_filled_in_order() {
        assert_eq!(super::path("/a/{x}/b/{y}", &["1", "2"]), "/a/1/b/2");
    }
}
