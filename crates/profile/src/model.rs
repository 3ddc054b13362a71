//! What a profile file may say.

use std::collections::BTreeMap;

use hudun_core::{DataKind, ModuleId, RouteId, Text};
use serde::{Deserialize, Serialize};

/// What Hudun knows of one SCRM product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The form of this file; 1 today.
    pub format: u32,
    /// Short name of the product, such as `hudun-scrm`.
    pub product: String,
    /// Versions that the profile was written for, in words.
    #[serde(default)]
    pub version: String,
    /// Name of the product, for a person.
    pub title: Text,
    /// Whether tests hold this profile against the real product. False: written from what is public about it.
    pub verified: bool,
    /// Where what stands here was read, for a person who corrects it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Whether the product reads `/API/Customer` as `/api/customer`.
    #[serde(default)]
    pub case_insensitive: bool,
    /// Where sessions and API tokens travel.
    #[serde(default)]
    pub carriers: Vec<Carrier>,
    /// How a log-in is read.
    #[serde(default)]
    pub logins: Vec<Login>,
    /// How the answer to a push to somebody's second factor is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pushes: Vec<PushRoute>,
    /// The end point that says who a session belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub me: Option<Me>,
    /// How the tenant is read from an account name, when it stands in it: the part after the last of this character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_after: Option<char>,
    /// Where the running product says which version it is. A version is a claim: it finds the advisories that may be true of
    /// the product, and proves neither that a hole is open nor that it is shut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<Runs>,
    /// How success is told, for every route that says nothing else.
    #[serde(default)]
    pub success: Success,
    /// Parts of the product that can be isolated alone.
    pub modules: Vec<Module>,
    /// Field maps by name, for the routes to refer to.
    #[serde(default)]
    pub fields: BTreeMap<String, Fields>,
    /// What a request is called.
    pub routes: Vec<Route>,
    /// What unknown requests get: they belong to module `other`.
    #[serde(default)]
    pub other: Modes,
}

/// Where a running product says which version it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// Its path; asked without a log-in, with GET, or with POST where there is a body.
    pub path: String,
    /// A JSON body to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    /// Where the version stands in the JSON answer (RFC 6901).
    pub json: String,
}

/// A part of the product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Its name in policies and playbooks.
    pub id: ModuleId,
    /// Its name for a person.
    pub title: Text,
    /// Whether its answers wait for their record.
    #[serde(default)]
    pub accounting: Accounting,
    /// What happens when accounting fails.
    #[serde(default)]
    pub fail: FailMode,
    /// Rules of the inspection that must not count in this module, since its ordinary input looks like what they look for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<ExceptRule>,
    /// Roles whose work it is; every role's when empty. Nobody is refused for it: detection rules see who reads out of role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work_of: Vec<String>,
}

/// A rule of the inspection that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptRule {
    /// Its number.
    pub rule: u64,
    /// What it must not look at, such as `ARGS:json.text`; the whole rule when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Why, for a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// How answers are accounted for and what happens when they can't be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modes {
    /// Whether an answer waits for its record.
    #[serde(default)]
    pub accounting: Accounting,
    /// What happens when accounting fails.
    #[serde(default)]
    pub fail: FailMode,
}

/// Whether an answer waits for its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accounting {
    /// The record is durable before the bytes leave.
    #[default]
    Strict,
    /// The record is written, the bytes do not wait for the disk.
    Relaxed,
}

/// What happens when accounting fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailMode {
    /// Nothing leaves.
    #[default]
    Closed,
    /// It leaves, and the loss is counted.
    Open,
}

/// A function of the product, in all its spellings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Its name in policies and records.
    pub id: RouteId,
    /// The module that it belongs to.
    pub module: ModuleId,
    /// Its spellings; one is enough.
    #[serde(rename = "match")]
    pub matchers: Vec<Matcher>,
    /// Whether it changes something. When absent: every method but GET, HEAD and OPTIONS does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<bool>,
    /// Whether it hands out records in bulk.
    #[serde(default)]
    pub export: bool,
    /// Whether anybody may use it without a session.
    #[serde(default)]
    pub public: bool,
    /// Whether it ends the session that it is called with.
    #[serde(default)]
    pub logout: bool,
    /// Whether it resets or changes a password.
    #[serde(default)]
    pub password_reset: bool,
    /// Roles that may use it; everybody when empty.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Rows that one answer may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u32>,
    /// The parameter that names one object: a name of the path template, `query:id`, or `json:/params/0/0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What it does, in the word of detection rules (`tag`, `assign`, `send`, `audit-disable`, …); the last part of its name
    /// when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Where a request names the persons whom it changes: `path:id`, `query:customer_id`, `form:ids`, `json:/params/0` (a
    /// value, a list, or a list of lists).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<String>,
    /// Where a request names the account of the staff that it is about, such as `path:account`: whose log-in it switches off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Path parameters that are personal data; the record shows `{name}` in their place.
    #[serde(default)]
    pub personal_params: Vec<String>,
    /// What the answer holds.
    #[serde(default)]
    pub response: Response,
    /// How success is told, when not as for the whole product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Success>,
}

/// One spelling of a route. Everything that it names must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    /// HTTP methods; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<OneOrMany>,
    /// A path template: literal segments, `{name}` for one segment, `{name=party.*}` for one that fits, `{name*}` at
    /// the end for the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Query **or** form parameters, because products that route by parameter read both. `*` stands for any text.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// JSON-RPC or XML-RPC method. `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpc: Option<OneOrMany>,
    /// Values at JSON pointers of the body (an XML-RPC call is read as `{"method": …, "params": […]}`); of an array
    /// any element will do.
    #[serde(default)]
    pub json: BTreeMap<String, OneOrMany>,
    /// Values inside JSON that stands in a form field: field, then pointer, then value.
    #[serde(default)]
    pub nested: BTreeMap<String, BTreeMap<String, OneOrMany>>,
    /// GraphQL root field. `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graphql: Option<OneOrMany>,
}

/// One text or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several; any of them will do.
    Many(Vec<String>),
}

/// What an answer holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// How to read it; by its content type when absent.
    #[serde(default)]
    pub format: AnswerFormat,
    /// The name of a field map of this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<String>,
    /// Where the request names the columns, when the answer's rows are lists without names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
}

/// Where a request names the columns of its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The names: `query:f` for a parameter that may stand several times, `json:/params/1` for a list in the body.
    pub names: String,
    /// Where the request says whether the first row holds titles, written alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Whether the first row holds titles when the request says nothing.
    #[serde(default)]
    pub header_by_default: bool,
}

/// How to read an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerFormat {
    /// By its content type.
    #[default]
    Auto,
    /// JSON.
    Json,
    /// HTML.
    Html,
    /// Comma-separated values with a header line.
    Csv,
    /// Plain text.
    Text,
    /// Part of the product itself (script, style, picture of the product): no personal data, not read.
    Static,
}

/// Which fields of an answer hold what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// The field of a row that names the person, equal for the same person in every answer; of several the first that
    /// a row has counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<OneOrMany>,
    /// What the subject field counts, when it is not the customer; keys of different name spaces are never equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// JSON pointers of the arrays that hold rows, or of one row. Empty: wherever the subject field stands.
    #[serde(default)]
    pub rows: Vec<String>,
    /// The field of a row that names the account to which the row belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Field names and the kind that they hold.
    #[serde(default)]
    pub kinds: BTreeMap<String, DataKind>,
    /// Fields of free text, which are searched by content.
    #[serde(default)]
    pub text: Vec<String>,
    /// Fields that hold no personal data though they may look so.
    #[serde(default)]
    pub ignore: Vec<String>,
}

/// Where a session or an API token travels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// What it carries.
    pub kind: CarrierKind,
    /// Where.
    #[serde(rename = "in")]
    pub place: CarrierPlace,
    /// The word before the value in a header, such as `Bearer`, `Session`, `Basic`; compared without case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// How the value is written.
    #[serde(default)]
    pub decode: Decode,
}

/// What a carrier carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CarrierKind {
    /// A session that a log-in began.
    Session,
    /// A long-lived API token or application key.
    Token,
    /// Account and password in every request.
    Password,
}

/// Where a credential travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CarrierPlace {
    /// A cookie. `*` stands for any text, since some products hash the site into the name.
    Cookie(String),
    /// A header.
    Header(String),
    /// A query parameter.
    Query(String),
    /// A form field.
    Form(String),
    /// The value at a JSON pointer of the body.
    Json(String),
}

/// How a credential is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decode {
    /// As it is.
    #[default]
    Plain,
    /// Base64 of parts between colons, in this order.
    Base64(Vec<Part>),
    /// Parts between colons, in this order; only the first may itself hold a colon.
    Parts(Vec<Part>),
    /// A JSON object (percent-encoded or not): pointer to the secret, pointer to the account.
    Json {
        /// The secret.
        secret: String,
        /// The account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
    /// A JSON Web Token. Its signature is not checked: the claims count only once the SCRM has accepted the token.
    Jwt {
        /// The claim that names the account.
        account: String,
        /// The claim that names the session; the whole token when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
    },
}

/// One part of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Names the account.
    Account,
    /// The secret itself.
    Secret,
    /// Of no use.
    Skip,
}

/// How a log-in is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The route.
    pub route: RouteId,
    /// Where the account stands; the first that gives something counts.
    pub account: Vec<Source>,
    /// Where the new session stands.
    #[serde(default)]
    pub session: Vec<Source>,
    /// Where the role stands.
    #[serde(default)]
    pub role: Vec<Source>,
    /// Where the tenant stands.
    #[serde(default)]
    pub tenant: Vec<Source>,
    /// How success is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Success>,
}

/// How the answer to a push is read: the product asks a person's telephone, and this route tells what came of it. An answer
/// that is none of the three tells nothing yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushRoute {
    /// The route.
    pub route: RouteId,
    /// Where the account stands; the first that gives something counts. The account of the session when nothing does.
    #[serde(default)]
    pub account: Vec<Source>,
    /// The person said yes.
    pub accepted: Success,
    /// The person said no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<Success>,
    /// Nobody said anything in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Success>,
}

/// Where a value stands in an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// At a JSON pointer of the request.
    RequestJson(String),
    /// In a form field of the request.
    RequestForm(String),
    /// In a query parameter of the request.
    RequestQuery(String),
    /// The user of HTTP Basic.
    RequestBasic(bool),
    /// At a JSON pointer of the answer.
    Body(String),
    /// In a header of the answer.
    Header(String),
    /// In a cookie that the answer sets. `*` stands for any text.
    SetCookie(String),
    /// In a claim of the session, when that is a JSON Web Token.
    Claim(String),
}

/// The end point that says who a session belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Me {
    /// HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// Path, with query if any.
    pub path: String,
    /// JSON body to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    /// Where the account stands in the answer.
    pub account: Vec<Source>,
    /// Where the role stands.
    #[serde(default)]
    pub role: Vec<Source>,
    /// Where the tenant stands.
    #[serde(default)]
    pub tenant: Vec<Source>,
}

/// How success is told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Success {
    /// Statuses that are a success; 200 to 399 when empty.
    #[serde(default)]
    pub status: Vec<u16>,
    /// Demands on a JSON answer. An answer that is no JSON meets them.
    #[serde(default)]
    pub body: Vec<BodyRule>,
}

/// A demand on a JSON answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyRule {
    /// The value at the pointer is this.
    Equals {
        /// JSON pointer.
        at: String,
        /// The value.
        value: serde_json::Value,
    },
    /// There is nothing at the pointer, or null, or false, or an empty list.
    Absent(String),
    /// There is something at the pointer.
    Present(String),
}

impl OneOrMany {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
        .map(String::as_str)
    }
}

impl Profile {
    /// The module with this name.
    pub fn module(&self, id: &ModuleId) -> Option<&Module> {
        self.modules.iter().find(|module| module.id == *id)
    }

    /// The route with this name.
    pub fn route(&self, id: &RouteId) -> Option<&Route> {
        self.routes.iter().find(|route| route.id == *id)
    }

    /// How answers of a module are accounted for; those of `other` for a module that is not named.
    pub fn modes(&self, id: &ModuleId) -> Modes {
        self.module(id).map_or(self.other, |module| Modes {
            accounting: module.accounting,
            fail: module.fail,
        })
    }

    /// The field map of a route.
    pub fn fields_of(&self, route: &Route) -> Option<&Fields> {
        self.fields.get(route.response.fields.as_ref()?)
    }

    /// How the answer to a push is read at this route.
    pub fn push(&self, route: &RouteId) -> Option<&PushRoute> {
        self.pushes.iter().find(|push| push.route == *route)
    }

    /// How the log-in of this route is read.
    pub fn login(&self, route: &RouteId) -> Option<&Login> {
        self.logins.iter().find(|login| login.route == *route)
    }
}

impl Route {
    /// Whether a request by this method changes something.
    pub fn writes(&self, method: &str) -> bool {
        self.write
            .unwrap_or(!matches!(method, "GET" | "HEAD" | "OPTIONS"))
    }
}

fn get() -> String {
    "GET".to_owned()
}
