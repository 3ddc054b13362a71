//! One event, and how it is written: a JSON line with the names of OCSF 1.8 and an `scrm` object.

use std::net::{IpAddr, Ipv4Addr};

use hudun_behaviour::{Access, Act, Login, Observation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The tenant of everything that is simulated.
pub(crate) const TENANT: &str = "simulated";

/// Something that happened in the simulated SCRM.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Counts up through the year.
    pub uid: u64,
    /// Milliseconds since 1970 UTC.
    pub time: i64,
    /// The account.
    pub actor: String,
    /// Its role.
    pub role: String,
    /// The client's address.
    pub ip: Ipv4Addr,
    /// The user agent.
    pub device: String,
    /// The session; 0 for none.
    pub session: u64,
    /// What was done.
    pub deed: Deed,
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// A log-in.
    Login {
        /// Whether it was let in.
        success: bool,
        /// Round-trip time, milliseconds.
        rtt_ms: u32,
        /// Region of the address.
        region: String,
    },
    /// Reading or changing data.
    Access(Touch),
}

/// Reading or changing data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Touch {
    /// The part of the product.
    pub module: String,
    /// Customers in the answer, as tokens.
    pub subjects: Vec<Token>,
    /// Kinds of personal data, one bit each, as the product numbers them.
    pub kinds: u32,
    /// Records in the answer.
    pub rows: u64,
    /// Records of colleagues.
    pub foreign_rows: u64,
    /// Whether a file left.
    pub export: bool,
    /// Whether it was a search.
    pub search: bool,
    /// Whether something was changed.
    pub write: bool,
    /// Whether a single object was asked for in vain.
    pub failed: bool,
}

/// A customer, as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Token(pub [u8; 16]);

impl Token {
    /// The token of a simulated customer.
    pub(crate) fn of(customer: u32) -> Self {
        let mut bytes = [0x5c; 16];
        for (byte, digit) in bytes.iter_mut().zip(customer.to_be_bytes()) {
            *byte = digit;
        }
        Self(bytes)
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        use std::fmt::Write;
        let mut text = Self::with_capacity(32);
        for byte in token.0 {
            // Writing to a string can't fail.
            let _done = write!(text, "{byte:02x}");
        }
        text
    }
}

impl TryFrom<String> for Token {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = u128::from_str_radix(&text, 16)
            .map_err(|cause| format!("a token is 32 hexadecimal digits: {cause}"))?;
        if text.len() != 32 {
            return Err("a token is 32 hexadecimal digits".to_owned());
        }
        Ok(Self(number.to_be_bytes()))
    }
}

impl Event {
    /// The event as a JSON document: 3002 Authentication or 6001 Web Resources Activity.
    pub fn to_json(&self) -> Value {
        let mut document = json!({
            "time": self.time,
            "metadata": { "uid": self.uid.to_string(), "version": "1.8.0", "product": { "name": "hudun simulate" } },
            "actor": { "user": { "uid": self.actor, "groups": [{ "name": self.role }] }, "session": { "uid": self.session.to_string() } },
            "src_endpoint": { "ip": self.ip.to_string() },
            "http_request": { "user_agent": self.device },
        });
        let more = match &self.deed {
            Deed::Login {
                success,
                rtt_ms,
                region,
            } => json!({
                "class_uid": 3002, "category_uid": 3, "activity_id": 1, "type_uid": 300_201,
                "status_id": if *success { 1 } else { 2 },
                "user": { "uid": self.actor },
                "scrm": { "tenant": TENANT, "module": "login", "rtt_ms": rtt_ms, "region": region },
            }),
            Deed::Access(touch) => {
                let activity = match (touch.export, touch.search, touch.write) {
                    (true, ..) => 7,
                    (_, true, _) => 5,
                    (_, _, true) => 3,
                    _ => 2,
                };
                let mut scrm = serde_json::to_value(touch).unwrap_or_default();
                if let Some(scrm) = scrm.as_object_mut() {
                    scrm.insert("tenant".to_owned(), TENANT.into());
                }
                json!({
                    "class_uid": 6001, "category_uid": 6, "activity_id": activity, "type_uid": 600_100 + activity,
                    "status_id": if touch.failed { 2 } else { 1 },
                    "scrm": scrm,
                })
            }
        };
        if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
            document.extend(more);
        }
        document
    }

    /// Reads what [`Event::to_json`] wrote.
    ///
    /// # Errors
    /// The field that is missing or wrong.
    pub fn from_json(document: &Value) -> Result<Self, String> {
        let text = |pointer: &str| {
            document
                .pointer(pointer)
                .and_then(Value::as_str)
                .ok_or_else(|| format!("{pointer} is missing or not a text"))
        };
        let scrm = document.get("scrm").ok_or("/scrm is missing")?;
        let deed = match document.get("class_uid").and_then(Value::as_u64) {
            Some(3002) => Deed::Login {
                success: document.get("status_id").and_then(Value::as_u64) == Some(1),
                rtt_ms: scrm
                    .get("rtt_ms")
                    .and_then(Value::as_u64)
                    .and_then(|ms| u32::try_from(ms).ok())
                    .unwrap_or_default(),
                region: scrm
                    .get("region")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
            },
            Some(6001) => {
                Deed::Access(Touch::deserialize(scrm).map_err(|cause| format!("/scrm: {cause}"))?)
            }
            other => return Err(format!("/class_uid: {other:?} is neither 3002 nor 6001")),
        };
        let number = |pointer: &str| {
            text(pointer)?
                .parse::<u64>()
                .map_err(|cause| format!("{pointer}: {cause}"))
        };
        Ok(Self {
            uid: number("/metadata/uid")?,
            time: document
                .get("time")
                .and_then(Value::as_i64)
                .ok_or("/time is missing or not a number of milliseconds")?,
            actor: text("/actor/user/uid")?.to_owned(),
            role: text("/actor/user/groups/0/name")?.to_owned(),
            ip: text("/src_endpoint/ip")?
                .parse()
                .map_err(|cause| format!("/src_endpoint/ip: {cause}"))?,
            device: text("/http_request/user_agent")?.to_owned(),
            session: number("/actor/session/uid")?,
            deed,
        })
    }

    /// The event as the engine reads it. `subjects` is room for the tokens.
    pub fn observe<'a>(&'a self, subjects: &'a mut Vec<[u8; 16]>) -> Observation<'a> {
        let act = match &self.deed {
            Deed::Login {
                success,
                rtt_ms,
                region,
            } => Act::Login(Login {
                success: *success,
                rtt_ms: Some(*rtt_ms),
                region: Some(region),
            }),
            Deed::Access(touch) => {
                subjects.clear();
                subjects.extend(touch.subjects.iter().map(|token| token.0));
                Act::Access(Access {
                    module: &touch.module,
                    subjects,
                    kinds: touch.kinds,
                    rows: touch.rows,
                    foreign_rows: touch.foreign_rows,
                    export: touch.export,
                    search: touch.search,
                    write: touch.write,
                    failed: touch.failed,
                })
            }
        };
        Observation {
            tenant: TENANT,
            actor: &self.actor,
            role: &self.role,
            at: self.time,
            network: Some(IpAddr::V4(self.ip)),
            device: &self.device,
            session: self.session,
            act,
        }
    }
}
