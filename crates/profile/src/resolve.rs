//! Which route, and so which module, a request is.

use std::collections::HashMap;

use hudun_core::{ModuleId, RouteId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::path::{Piece, Template};
use crate::pattern::Pattern;
use crate::view::{Malformed, RequestView, same_name};
use crate::{BodyView, Matcher, OneOrMany, Profile, ProfileError, graphql};

/// The module and route of a request that no route of the profile names.
pub const OTHER: &str = "other";
/// Most calls in one batch.
const MOST_CALLS: usize = 100;

/// Finds the route of a request.
#[derive(Debug)]
pub struct Resolver {
    routes: Vec<RouteKey>,
    spellings: Vec<Spelling>,
    by_first: HashMap<String, Vec<usize>>,
    anywhere: Vec<usize>,
    routing_params: Vec<String>,
    other: RouteKey,
    fold: bool,
}

/// What a request is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The routes that it names: one, or several for a batch or a GraphQL document. Never empty; the gravest first.
    pub routes: Vec<ResolvedRoute>,
    /// Whether a spelling fits but for the body, which has not been read.
    pub needs_body: bool,
}

/// One route that a request names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedRoute {
    /// The route.
    pub id: RouteId,
    /// Its module.
    pub module: ModuleId,
    /// Its place in the profile; `None` for [`OTHER`].
    pub at: Option<usize>,
    /// Parameters of the path template.
    pub params: Vec<(String, String)>,
    /// The path for records: parameters that are personal data are replaced by their names.
    pub shown: String,
}

impl Resolver {
    /// Compiles the routes of a profile.
    ///
    /// # Errors
    /// [`ProfileError`] when a template can't be read.
    pub fn new(profile: &Profile) -> Result<Self, ProfileError> {
        let broken = |field: String, problem: String| ProfileError::Field {
            file: profile.product.clone(),
            field,
            problem,
        };
        let other_name = |error: hudun_core::IdError| broken(OTHER.to_owned(), error.to_string());
        let mut resolver = Self {
            routes: Vec::new(),
            spellings: Vec::new(),
            by_first: HashMap::new(),
            anywhere: Vec::new(),
            routing_params: Vec::new(),
            other: RouteKey {
                id: OTHER.parse().map_err(other_name)?,
                module: OTHER.parse().map_err(other_name)?,
                personal: Vec::new(),
                gravity: 0,
            },
            fold: profile.case_insensitive,
        };
        for (at, route) in profile.routes.iter().enumerate() {
            resolver.routes.push(RouteKey {
                id: route.id.clone(),
                module: route.module.clone(),
                personal: route.personal_params.clone(),
                gravity: u8::from(route.export) * 4
                    + u8::from(route.write == Some(true)) * 2
                    + u8::from(!route.public),
            });
            for (which, matcher) in route.matchers.iter().enumerate() {
                // Of several methods each weighs by itself, so each is a spelling.
                for matcher in one_method_each(matcher) {
                    let spelling = Spelling::new(at, &matcher, profile.case_insensitive).map_err(
                        |problem| broken(format!("routes[{at}].match[{which}].path"), problem),
                    )?;
                    resolver.add(spelling, &matcher);
                }
            }
        }
        Ok(resolver)
    }

    /// Finds the routes of a request.
    ///
    /// # Errors
    /// [`Malformed`] when the request names its route in two ways, or in a body that can't be read.
    pub fn resolve(&self, view: &RequestView) -> Result<Resolution, Malformed> {
        self.refuse_two_voices(view)?;
        let near: Vec<(&Spelling, Vec<(String, String)>)> = self
            .candidates(view)
            .filter_map(|spelling| Some((spelling, spelling.head_fits(view)?)))
            .collect();
        let unread = matches!(view.body, BodyView::Unread);
        let needs_body = unread
            && near
                .iter()
                .any(|(spelling, _)| spelling.wants_body() || !spelling.params.is_empty());
        let mut routes: Vec<ResolvedRoute> = Vec::new();
        for call in self.calls(view, &near)? {
            let best = near
                .iter()
                .filter(|(spelling, _)| spelling.call_fits(view, &call))
                .max_by(|(a, _), (b, _)| a.weight.cmp(&b.weight).then(b.route.cmp(&a.route)));
            let found = match best {
                // Products differ in what they take for JSON: one looks for the word anywhere in the content type. A
                // body that is no JSON to us is never let by where the route stands in JSON.
                None if hides_route(view, &near) => return Err(unreadable()),
                Some((spelling, _)) if !spelling.demands() && hides_route(view, &near) => {
                    return Err(unreadable());
                }
                Some((spelling, params)) => self.found(spelling, params, view),
                None => self.unknown(view),
            };
            if !routes.iter().any(|route| route.id == found.id) {
                routes.push(found);
            }
        }
        routes.sort_by_key(|route| {
            std::cmp::Reverse(route.at.map_or(0, |at| self.routes[at].gravity))
        });
        Ok(Resolution { routes, needs_body })
    }

    fn add(&mut self, spelling: Spelling, matcher: &Matcher) {
        for name in matcher.params.keys() {
            if !self.routing_params.contains(name) {
                self.routing_params.push(name.clone());
            }
        }
        let at = self.spellings.len();
        match spelling
            .template
            .as_ref()
            .and_then(|path| path.pieces.first())
        {
            Some(Piece::Literal(first)) => {
                self.by_first.entry(first.clone()).or_default().push(at);
            }
            _ => self.anywhere.push(at),
        }
        self.spellings.push(spelling);
    }

    fn candidates(&self, view: &RequestView) -> impl Iterator<Item = &Spelling> {
        let first = view.path.segments().first();
        let listed = first.and_then(|first| {
            if self.fold {
                self.by_first.get(&first.to_lowercase())
            } else {
                self.by_first.get(first)
            }
        });
        listed
            .into_iter()
            .flatten()
            .chain(&self.anywhere)
            .map(|&at| &self.spellings[at])
    }

    /// A routing parameter that stands twice with two values: servers differ in which they take.
    fn refuse_two_voices(&self, view: &RequestView) -> Result<(), Malformed> {
        for name in &self.routing_params {
            let mut values = view.query_values(name).chain(view.form_values(name));
            if let Some(first) = values.next()
                && values.any(|value| value != first)
            {
                return Err(Malformed::Params(
                    "a parameter that names the route stands twice with two values",
                ));
            }
        }
        Ok(())
    }

    /// The calls of a request: several in a batch, one for each root field of a GraphQL document.
    fn calls<'v>(
        &self,
        view: &'v RequestView,
        near: &[(&Spelling, Vec<(String, String)>)],
    ) -> Result<Vec<Call<'v>>, Malformed> {
        let whole = view.body.json();
        let bodies: Vec<Option<&Value>> = match whole {
            Some(Value::Array(batch))
                if !batch.is_empty() && near.iter().any(|(spelling, _)| spelling.wants_body()) =>
            {
                if batch.len() > MOST_CALLS {
                    return Err(Malformed::Body(
                        "more than 100 calls in one batch".to_owned(),
                    ));
                }
                batch.iter().map(Some).collect()
            }
            other => vec![other],
        };
        let asks_graphql = near
            .iter()
            .any(|(spelling, _)| !spelling.graphql.is_empty());
        let mut calls = Vec::new();
        for body in bodies {
            let documents = if asks_graphql {
                documents(view, body)
            } else {
                Vec::new()
            };
            if documents.is_empty() {
                calls.push(Call { body, field: None });
            }
            for document in documents {
                let fields = graphql::root_fields(document).ok_or_else(|| {
                    Malformed::Body("the GraphQL document can't be read".to_owned())
                })?;
                calls.extend(fields.into_iter().map(|field| Call {
                    body,
                    field: Some(field),
                }));
            }
        }
        Ok(calls)
    }

    fn found(
        &self,
        spelling: &Spelling,
        params: &[(String, String)],
        view: &RequestView,
    ) -> ResolvedRoute {
        let key = &self.routes[spelling.route];
        let shown = match &spelling.template {
            Some(template) => template.shown(params, &key.personal),
            None => shown_unknown(view),
        };
        ResolvedRoute {
            id: key.id.clone(),
            module: key.module.clone(),
            at: Some(spelling.route),
            params: params.to_vec(),
            shown,
        }
    }

    fn unknown(&self, view: &RequestView) -> ResolvedRoute {
        ResolvedRoute {
            id: self.other.id.clone(),
            module: self.other.module.clone(),
            at: None,
            params: Vec::new(),
            shown: shown_unknown(view),
        }
    }
}

impl Resolution {
    /// The gravest route of the request.
    pub fn primary(&self) -> &ResolvedRoute {
        &self.routes[0]
    }

    /// Its module.
    pub fn module(&self) -> &ModuleId {
        &self.primary().module
    }

    /// A parameter of its path template.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.routes
            .iter()
            .flat_map(|route| &route.params)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
struct RouteKey {
    id: RouteId,
    module: ModuleId,
    personal: Vec<String>,
    gravity: u8,
}

struct Call<'a> {
    body: Option<&'a Value>,
    field: Option<String>,
}

/// JSON pointers, and what may stand there.
type Demands = Vec<(String, Vec<Pattern>)>;

/// One spelling of a route, compiled.
#[derive(Debug)]
struct Spelling {
    route: usize,
    methods: Vec<String>,
    template: Option<Template>,
    params: Vec<(String, Pattern)>,
    rpc: Vec<Pattern>,
    json: Demands,
    nested: Vec<(String, Demands)>,
    graphql: Vec<Pattern>,
    weight: (u32, u64, bool),
}

impl Spelling {
    fn new(route: usize, matcher: &Matcher, fold: bool) -> Result<Self, String> {
        let template = match &matcher.path {
            Some(path) => Some(Template::parse(path, fold)?),
            None => None,
        };
        let params: Vec<_> = matcher
            .params
            .iter()
            .map(|(name, value)| (name.clone(), Pattern::new(value)))
            .collect();
        let rpc = patterns(matcher.rpc.as_ref());
        let pointers = |map: &std::collections::BTreeMap<String, OneOrMany>| {
            map.iter()
                .map(|(pointer, values)| (pointer.clone(), patterns(Some(values))))
                .collect::<Vec<_>>()
        };
        let json = pointers(&matcher.json);
        let nested: Vec<_> = matcher
            .nested
            .iter()
            .map(|(field, inner)| (field.clone(), pointers(inner)))
            .collect();
        let graphql = patterns(matcher.graphql.as_ref());
        let heaviest =
            |patterns: &[Pattern]| patterns.iter().map(Pattern::weight).max().unwrap_or(0);
        let demands = params.iter().map(|(_, value)| value.weight()).sum::<u32>()
            + heaviest(&rpc)
            + heaviest(&graphql)
            + json.iter().map(|(_, values)| heaviest(values)).sum::<u32>()
            + nested
                .iter()
                .flat_map(|(_, inner)| inner)
                .map(|(_, values)| heaviest(values))
                .sum::<u32>();
        let weight = (
            demands,
            template.as_ref().map_or(0, Template::weight),
            matcher.method.is_some(),
        );
        Ok(Self {
            route,
            methods: matcher
                .method
                .iter()
                .flat_map(OneOrMany::iter)
                .map(str::to_owned)
                .collect(),
            template,
            params,
            rpc,
            json,
            nested,
            graphql,
            weight,
        })
    }

    /// Whether method and path fit; the parameters of the path.
    fn head_fits(&self, view: &RequestView) -> Option<Vec<(String, String)>> {
        let method = if view.method == "HEAD" {
            "GET"
        } else {
            &view.method
        };
        if !self.methods.is_empty() && !self.methods.iter().any(|known| known == method) {
            return None;
        }
        match &self.template {
            Some(template) => template.matches(&view.path),
            None => Some(Vec::new()),
        }
    }

    fn wants_body(&self) -> bool {
        !(self.rpc.is_empty()
            && self.json.is_empty()
            && self.nested.is_empty()
            && self.graphql.is_empty())
    }

    /// Whether it names its route by more than method and path.
    fn demands(&self) -> bool {
        self.wants_body() || !self.params.is_empty()
    }

    fn call_fits(&self, view: &RequestView, call: &Call<'_>) -> bool {
        self.params.iter().all(|(name, pattern)| {
            let pairs = view.query.iter().chain(view.body.form());
            pairs
                .filter(|(given, _)| same_name(given, name))
                .any(|(_, value)| pattern.matches(value))
        }) && (self.rpc.is_empty()
            || call
                .body
                .and_then(|body| body.get("method")?.as_str())
                .is_some_and(|method| any(&self.rpc, method)))
            && at_pointers(&self.json, call.body)
            && self.nested.iter().all(|(field, inner)| {
                view.form_values(field).any(|text| {
                    crate::json::strict(text.as_bytes())
                        .is_ok_and(|value| at_pointers(inner, Some(&value)))
                })
            })
            && (self.graphql.is_empty()
                || call
                    .field
                    .as_ref()
                    .is_some_and(|field| any(&self.graphql, field)))
    }
}

fn one_method_each(matcher: &Matcher) -> Vec<Matcher> {
    match &matcher.rpc {
        Some(OneOrMany::Many(methods)) => methods
            .iter()
            .map(|method| Matcher {
                rpc: Some(OneOrMany::One(method.clone())),
                ..matcher.clone()
            })
            .collect(),
        _ => vec![matcher.clone()],
    }
}

/// Whether the route may stand in a body that Hudun can't read as JSON or XML.
fn hides_route(view: &RequestView, near: &[(&Spelling, Vec<(String, String)>)]) -> bool {
    match view.body {
        BodyView::Opaque => near.iter().any(|(spelling, _)| spelling.wants_body()),
        BodyView::Form(_) | BodyView::Multipart { .. } | BodyView::GraphQl(_) => near
            .iter()
            .any(|(spelling, _)| !(spelling.rpc.is_empty() && spelling.json.is_empty())),
        _ => false,
    }
}

fn unreadable() -> Malformed {
    Malformed::Body("the route stands in the body, and the body can't be read".to_owned())
}

fn at_pointers(demands: &[(String, Vec<Pattern>)], body: Option<&Value>) -> bool {
    demands.iter().all(|(pointer, values)| {
        body.and_then(|body| body.pointer(pointer))
            .is_some_and(|found| match found {
                Value::Array(list) => list.iter().any(|found| is_one_of(values, found)),
                found => is_one_of(values, found),
            })
    })
}

fn is_one_of(values: &[Pattern], found: &Value) -> bool {
    match found {
        Value::String(text) => any(values, text),
        Value::Number(number) => any(values, &number.to_string()),
        Value::Bool(flag) => any(values, if *flag { "true" } else { "false" }),
        _ => false,
    }
}

fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text))
}

fn patterns(values: Option<&OneOrMany>) -> Vec<Pattern> {
    values
        .iter()
        .flat_map(|values| values.iter())
        .map(Pattern::new)
        .collect()
}

/// GraphQL documents of one call: in the body, in a form, in the query, or as the body itself.
fn documents<'a>(view: &'a RequestView, body: Option<&'a Value>) -> Vec<&'a str> {
    let mut found: Vec<&str> = view
        .query_values("query")
        .chain(view.form_values("query"))
        .collect();
    found.extend(body.and_then(|body| body.get("query")?.as_str()));
    if let BodyView::GraphQl(document) = &view.body {
        found.push(document);
    }
    found
}

/// The path of a request that no route names, cut, with long numbers taken out: they may be telephone numbers.
fn shown_unknown(view: &RequestView) -> String {
    let mut shown = String::new();
    for segment in view.path.segments().iter().take(12) {
        shown.push('/');
        let digits = segment.bytes().filter(u8::is_ascii_digit).count();
        if digits >= 7 || segment.contains('@') || segment.chars().count() > 64 {
            shown.push_str("{…}");
        } else {
            shown.push_str(segment);
        }
    }
    if shown.is_empty() {
        shown.push('/');
    }
    shown
}
