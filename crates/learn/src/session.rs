//! How people log in and how their sessions travel.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use hudun_profile::RequestView;
use serde_json::Value;

use crate::Sample;
use crate::answer::Answer;
use crate::call::Call;
use crate::names::{ACCOUNTS, PASSWORDS, Segment, is_name};

/// Names that are told apart in each table.
const MOST_NAMES: usize = 50;
/// Secrets of log-ins that are remembered, as keyed hashes, until a later request carries them.
const MOST_SECRETS: usize = 2_000;
/// Shortest text that may be a session.
const SHORTEST_SECRET: usize = 12;

/// A log-in, by its place in the tree.
pub(crate) type Place = (String, Vec<Segment>, Call);

#[derive(Default)]
pub(crate) struct Sessions {
    hasher: RandomState,
    pub(crate) logins: BTreeMap<Place, Login>,
    /// Keyed hash of a secret that a log-in answered with, and where it stood.
    secrets: HashMap<u64, String>,
    /// Where secrets stood that came back in a later request.
    pub(crate) confirmed: BTreeMap<String, u64>,
    /// Cookies that log-ins set.
    pub(crate) login_cookies: BTreeMap<String, u64>,
    /// Cookies and headers that look like sessions, by how often requests carry them.
    pub(crate) cookies: BTreeMap<String, u64>,
    pub(crate) schemes: BTreeMap<String, u64>,
    pub(crate) headers: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Login {
    pub(crate) succeeded: u64,
    /// Where the account stands.
    pub(crate) accounts: BTreeMap<String, u64>,
}

impl Sessions {
    /// Looks for a session, and at log-ins; whether the request carries a session.
    pub(crate) fn look(
        &mut self,
        view: &RequestView,
        path: &[Segment],
        call: Option<&Call>,
        sample: &Sample<'_>,
        answer: &Answer,
    ) -> bool {
        let mut authenticated = false;
        for (name, value) in view.cookies() {
            let known = self.login_cookies.contains_key(name);
            if is_name(name) && (known || looks_like_session(name)) {
                count(&mut self.cookies, name);
                authenticated = true;
            }
            self.confirm(value);
        }
        for (name, value) in &view.headers {
            if name == "authorization" {
                if let Some((scheme, secret)) = value.split_once(' ') {
                    if is_name(scheme) {
                        count(&mut self.schemes, scheme);
                    }
                    self.confirm(secret.trim());
                } else {
                    count(&mut self.headers, name);
                    self.confirm(value);
                }
                authenticated = true;
            } else if is_token_header(name) {
                count(&mut self.headers, name);
                self.confirm(value);
                authenticated = true;
            }
        }
        if let Some(account) = account_of_login(view) {
            let place = (
                sample.method.to_owned(),
                path.to_vec(),
                call.cloned().unwrap_or(Call::Path),
            );
            if self.logins.len() < MOST_NAMES || self.logins.contains_key(&place) {
                let login = self.logins.entry(place).or_default();
                count(&mut login.accounts, &account);
                if (200..400).contains(&sample.status) {
                    login.succeeded += 1;
                    self.remember(sample, answer);
                }
            }
        }
        authenticated
    }

    /// Remembers what may be the session that a log-in began.
    fn remember(&mut self, sample: &Sample<'_>, answer: &Answer) {
        for (name, line) in sample.answer_headers {
            if name == "set-cookie" {
                let pair = line.split(';').next().and_then(|pair| pair.split_once('='));
                if let Some((cookie, value)) = pair
                    && is_name(cookie.trim())
                    && value.len() >= SHORTEST_SECRET
                {
                    count(&mut self.login_cookies, cookie.trim());
                }
            } else if is_token_header(name) {
                self.keep(line, format!("header {name}"));
            }
        }
        if let Some(json) = &answer.json {
            let mut found = Vec::new();
            secrets(json, &mut String::new(), &mut found);
            for (pointer, secret) in found {
                self.keep(&secret, format!("body {pointer}"));
            }
        }
    }

    fn keep(&mut self, secret: &str, place: String) {
        if secret.len() >= SHORTEST_SECRET && self.secrets.len() < MOST_SECRETS {
            self.secrets.insert(self.hasher.hash_one(secret), place);
        }
    }

    fn confirm(&mut self, secret: &str) {
        if secret.len() < SHORTEST_SECRET || self.secrets.is_empty() {
            return;
        }
        if let Some(place) = self.secrets.get(&self.hasher.hash_one(secret)).cloned() {
            count(&mut self.confirmed, &place);
        }
    }
}

/// Where the account stands in a request that carries a password.
fn account_of_login(view: &RequestView) -> Option<String> {
    let is_password = |name: &str| PASSWORDS.contains(&name.to_ascii_lowercase().as_str());
    if view.body.form().iter().any(|(name, _)| is_password(name)) {
        let fields = view.body.form();
        return ACCOUNTS.iter().find_map(|wanted| {
            let (name, _) = fields
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
            Some(format!("form {name}"))
        });
    }
    let body = view.body.json()?;
    for (at, object) in [("", Some(body)), ("/params", body.get("params"))] {
        let Some(Value::Object(map)) = object else {
            continue;
        };
        if map.keys().any(|name| is_password(name)) {
            return ACCOUNTS.iter().find_map(|wanted| {
                let name = map.keys().find(|name| name.eq_ignore_ascii_case(wanted))?;
                is_name(name).then(|| format!("json {at}/{name}"))
            });
        }
    }
    // A call with the account first and the password in an object after it.
    let list = body.get("params")?.as_array()?;
    let password = list.iter().skip(1).any(|value| {
        value
            .as_object()
            .is_some_and(|map| map.keys().any(|name| is_password(name)))
    });
    (password && list.first()?.is_string()).then(|| "json /params/0".to_owned())
}

/// Texts that may be sessions, and where they stand.
fn secrets(value: &Value, at: &mut String, found: &mut Vec<(String, String)>) {
    if found.len() >= 50 || at.len() > 200 {
        return;
    }
    let mut go = |step: &str, inner: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(step);
        secrets(inner, at, found);
        at.truncate(length);
    };
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter().filter(|(key, _)| is_name(key)) {
                go(key, inner);
            }
        }
        Value::Array(list) => {
            for (place, inner) in list.iter().take(5).enumerate() {
                go(&place.to_string(), inner);
            }
        }
        Value::String(text) if text.len() >= SHORTEST_SECRET && !text.contains([' ', '@']) => {
            found.push((at.clone(), text.clone()));
        }
        _ => {}
    }
}

fn looks_like_session(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["sess", "sid", "token", "auth"]
        .iter()
        .any(|word| name.contains(word))
        && !name.contains("csrf")
}

fn is_token_header(name: &str) -> bool {
    matches!(
        name,
        "x-api-key"
            | "api-key"
            | "apikey"
            | "access-token"
            | "api_access_token"
            | "x-token"
            | "token"
            | "x-access-token"
            | "x-auth-token"
    )
}

fn count(table: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(seen) = table.get_mut(name) {
        *seen += 1;
    } else if table.len() < MOST_NAMES {
        table.insert(name.to_owned(), 1);
    }
}
