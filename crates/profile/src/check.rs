//! What types can't check in a profile.

use std::collections::HashSet;
use std::fmt;

use crate::path::Template;
use crate::{BodyRule, Matcher, OTHER, Profile, Route, Source, Success};

/// Something wrong or doubtful in a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, such as `routes[3].match[0].path`.
    pub field: String,
    /// What is wrong, with what to write instead.
    pub problem: String,
    /// Whether the profile can be used all the same.
    pub gravity: Gravity,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// The profile is refused.
    Error,
    /// The profile works, but guards less than it could.
    Warning,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl Profile {
    /// Everything that is wrong or doubtful, errors first.
    pub fn check(&self) -> Vec<Problem> {
        let mut found = Findings(Vec::new());
        self.check_head(&mut found);
        self.check_modules(&mut found);
        self.check_routes(&mut found);
        self.check_logins(&mut found);
        let mut problems = found.0;
        problems.sort_by_key(|problem| problem.gravity == Gravity::Warning);
        problems
    }

    fn check_head(&self, found: &mut Findings) {
        if self.format != 1 {
            found.error("format", format!("{} is unknown; write 1", self.format));
        }
        if self.product.trim().is_empty() {
            found.error("product", "is empty");
        }
        if self.carriers.is_empty() {
            found.warning(
                "carriers",
                "names no session; Hudun can tell actors apart by their address only",
            );
        }
        for (name, fields) in &self.fields {
            for (at, pointer) in fields.rows.iter().enumerate() {
                found.pointer(&format!("fields.{name}.rows[{at}]"), pointer);
            }
            if fields.subject.is_none() {
                found.warning(
                    &format!("fields.{name}.subject"),
                    "no field names the person; two persons of equal name may be counted as one",
                );
            }
        }
        found.success("success", &self.success);
    }

    fn check_modules(&self, found: &mut Findings) {
        let mut seen = HashSet::new();
        for (at, module) in self.modules.iter().enumerate() {
            if !seen.insert(&module.id) {
                found.error(
                    &format!("modules[{at}].id"),
                    format!("{} stands twice", module.id),
                );
            }
            if module.id.as_str() == OTHER {
                found.error(
                    &format!("modules[{at}].id"),
                    "`other` is kept for requests that no route names; set its modes under `other:`",
                );
            }
            if !self.routes.iter().any(|route| route.module == module.id) {
                found.warning(&format!("modules[{at}]"), "no route belongs to it");
            }
        }
    }

    fn check_routes(&self, found: &mut Findings) {
        let mut seen = HashSet::new();
        for (at, route) in self.routes.iter().enumerate() {
            let field = format!("routes[{at}]");
            if !seen.insert(&route.id) {
                found.error(&format!("{field}.id"), format!("{} stands twice", route.id));
            }
            if self.module(&route.module).is_none() && route.module.as_str() != OTHER {
                found.error(
                    &format!("{field}.module"),
                    format!("no module is called {}", route.module),
                );
            }
            if let Some(name) = &route.response.fields
                && !self.fields.contains_key(name)
            {
                found.error(
                    &format!("{field}.response.fields"),
                    format!("no field map is called {name}"),
                );
            }
            if let Some(columns) = &route.response.columns {
                for place in [Some(&columns.names), columns.header.as_ref()]
                    .into_iter()
                    .flatten()
                {
                    if !place.starts_with("query:") && !place.starts_with("json:/") {
                        found.error(
                            &format!("{field}.response.columns"),
                            format!("{place:?}: write query:name or json:/pointer"),
                        );
                    }
                }
            }
            for place in &route.touches {
                check_touches(&format!("{field}.touches"), place, route, found);
            }
            if let Some(place) = &route.about {
                check_touches(&format!("{field}.about"), place, route, found);
            }
            if let Some(operation) = &route.operation
                && (operation.is_empty() || operation.chars().any(char::is_whitespace))
            {
                found.error(
                    &format!("{field}.operation"),
                    "is one word, such as tag, assign or send",
                );
            }
            if route.matchers.is_empty() {
                found.error(&format!("{field}.match"), "is empty; write one spelling");
            }
            for (which, matcher) in route.matchers.iter().enumerate() {
                check_matcher(&format!("{field}.match[{which}]"), matcher, found);
            }
            if let Some(success) = &route.success {
                found.success(&format!("{field}.success"), success);
            }
        }
    }

    fn check_logins(&self, found: &mut Findings) {
        for (at, login) in self.logins.iter().enumerate() {
            let field = format!("logins[{at}]");
            if self.route(&login.route).is_none() {
                found.error(
                    &format!("{field}.route"),
                    format!("no route is called {}", login.route),
                );
            }
            if login.account.is_empty() {
                found.error(
                    &format!("{field}.account"),
                    "is empty; write where it stands",
                );
            }
            for (name, sources) in [
                ("account", &login.account),
                ("session", &login.session),
                ("role", &login.role),
                ("tenant", &login.tenant),
            ] {
                found.sources(&format!("{field}.{name}"), sources);
            }
            if let Some(success) = &login.success {
                found.success(&format!("{field}.success"), success);
            }
        }
        for (at, push) in self.pushes.iter().enumerate() {
            let field = format!("pushes[{at}]");
            if self.route(&push.route).is_none() {
                found.error(
                    &format!("{field}.route"),
                    format!("no route is called {}", push.route),
                );
            }
            found.sources(&format!("{field}.account"), &push.account);
            for (name, rule) in [
                ("accepted", Some(&push.accepted)),
                ("declined", push.declined.as_ref()),
                ("unanswered", push.unanswered.as_ref()),
            ] {
                let Some(rule) = rule else { continue };
                if *rule == Success::default() {
                    found.error(
                        &format!("{field}.{name}"),
                        "demands nothing; write status or body",
                    );
                }
                found.success(&format!("{field}.{name}"), rule);
            }
        }
        if let Some(runs) = &self.runs {
            if !runs.path.starts_with('/') {
                found.error("runs.path", "begins with /");
            }
            if !runs.json.is_empty() && !runs.json.starts_with('/') {
                found.error("runs.json", "a JSON pointer begins with /");
            }
        }
        if let Some(me) = &self.me {
            if !me.path.starts_with('/') {
                found.error("me.path", "begins with /");
            }
            if !me.method.bytes().all(|byte| byte.is_ascii_uppercase()) || me.method.is_empty() {
                found.error("me.method", "is a method in capitals, such as GET");
            }
            found.sources("me.account", &me.account);
            found.sources("me.role", &me.role);
            found.sources("me.tenant", &me.tenant);
        }
    }
}

/// Where a request names persons: a known kind of place, and a path parameter that every spelling has.
fn check_touches(field: &str, place: &str, route: &Route, found: &mut Findings) {
    match place.split_once(':') {
        Some(("json", pointer)) if pointer.starts_with('/') => {}
        Some(("query" | "form", name)) if !name.is_empty() => {}
        Some(("path", name)) if !name.is_empty() => {
            let has = |matcher: &Matcher| {
                let path = matcher.path.as_deref().unwrap_or_default();
                path.contains(&format!("{{{name}}}")) || path.contains(&format!("{{{name}="))
            };
            if !route.matchers.iter().all(has) {
                found.error(
                    field,
                    format!("{place:?}: not every spelling has the path parameter {{{name}}}"),
                );
            }
        }
        _ => found.error(
            field,
            format!("{place:?}: write path:name, query:name, form:name or json:/pointer"),
        ),
    }
}

fn check_matcher(field: &str, matcher: &Matcher, found: &mut Findings) {
    if matcher == &Matcher::default() {
        found.error(field, "demands nothing; it would swallow every request");
    }
    if let Some(path) = &matcher.path
        && let Err(problem) = Template::parse(path, false)
    {
        found.error(&format!("{field}.path"), problem);
    }
    if let Some(methods) = &matcher.method
        && methods.iter().any(|method| {
            method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase())
        })
    {
        found.error(
            &format!("{field}.method"),
            "write methods in capitals, such as GET",
        );
    }
    for pointer in matcher.json.keys() {
        found.pointer(&format!("{field}.json"), pointer);
    }
    for pointer in matcher.nested.values().flat_map(|inner| inner.keys()) {
        found.pointer(&format!("{field}.nested"), pointer);
    }
}

struct Findings(Vec<Problem>);

impl Findings {
    fn error(&mut self, field: &str, problem: impl Into<String>) {
        self.push(field, problem.into(), Gravity::Error);
    }

    fn warning(&mut self, field: &str, problem: impl Into<String>) {
        self.push(field, problem.into(), Gravity::Warning);
    }

    fn push(&mut self, field: &str, problem: String, gravity: Gravity) {
        self.0.push(Problem {
            field: field.to_owned(),
            problem,
            gravity,
        });
    }

    fn pointer(&mut self, field: &str, pointer: &str) {
        if !pointer.is_empty() && !pointer.starts_with('/') {
            self.error(field, format!("{pointer:?}: a JSON pointer begins with /"));
        }
    }

    fn success(&mut self, field: &str, success: &Success) {
        for rule in &success.body {
            match rule {
                BodyRule::Equals { at, .. } | BodyRule::Absent(at) | BodyRule::Present(at) => {
                    self.pointer(&format!("{field}.body"), at);
                }
            }
        }
    }

    fn sources(&mut self, field: &str, sources: &[Source]) {
        for source in sources {
            match source {
                Source::RequestJson(pointer) | Source::Body(pointer) => {
                    self.pointer(field, pointer);
                }
                _ => {}
            }
        }
    }
}
