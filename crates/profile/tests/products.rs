//! Every profile of the repository, held against example requests in `profiles/tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hudun_profile::{Gravity, Matcher, Profile, RequestView, Resolver, Route};
use serde_json::Value;

/// Module, route, method, target, and perhaps content type and body.
type Example = Vec<String>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles")
}

fn profiles() -> Vec<(String, Profile)> {
    let mut found: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            let profile = Profile::parse(&text, &name).unwrap_or_else(|error| panic!("{error}"));
            (name, profile)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn examples(name: &str) -> Vec<Example> {
    let path = folder().join("tests").join(name);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Module and route, or `refused` twice.
fn resolve(resolver: &Resolver, example: &Example) -> (String, String) {
    let refused = || ("refused".to_owned(), "refused".to_owned());
    let (path, query) = match example[3].split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (example[3].as_str(), None),
    };
    let kind = match example.get(4).map(String::as_str) {
        Some("json") => "application/json",
        Some("form") => "application/x-www-form-urlencoded",
        Some(other) => other,
        None => "",
    };
    let mut headers = vec![("host".to_owned(), "crm.test".to_owned())];
    if !kind.is_empty() {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    let Ok(mut view) = RequestView::new(&example[2], path, query, headers) else {
        return refused();
    };
    if let Some(body) = example.get(5)
        && view.read_body(body.as_bytes()).is_err()
    {
        return refused();
    }
    match resolver.resolve(&view) {
        Ok(found) => (found.module().to_string(), found.primary().id.to_string()),
        Err(_) => refused(),
    }
}

#[test]
fn every_profile_is_sound() {
    let profiles = profiles();
    for (name, profile) in &profiles {
        let errors: Vec<_> = profile
            .check()
            .into_iter()
            .filter(|problem| {
                problem.gravity == Gravity::Error || problem.problem.contains("no route")
            })
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        assert!(!profile.sources.is_empty(), "{name}: names no source");
        assert!(
            !profile.title.zh.is_empty() && !profile.title.en.is_empty(),
            "{name}"
        );
        assert!(
            !profile.carriers.is_empty() && !profile.logins.is_empty(),
            "{name}"
        );
        assert!(
            profile.routes.iter().any(|route| route.logout),
            "{name}: no log-out"
        );
        assert!(
            profile.routes.iter().any(|route| route.export),
            "{name}: no export"
        );
        assert!(
            profile.routes.iter().any(|route| route.password_reset),
            "{name}: no reset"
        );
        assert_eq!(name.strip_suffix(".yaml"), Some(profile.product.as_str()));
    }
    let verified: Vec<_> = profiles
        .iter()
        .filter(|(_, profile)| profile.verified)
        .map(|(_, profile)| profile.product.as_str())
        .collect();
    assert_eq!(
        verified,
        ["hudun-scrm", "tryton"],
        "only what a test holds against the product"
    );
    let products: Vec<_> = profiles
        .iter()
        .map(|(_, profile)| profile.product.as_str())
        .collect();
    assert_eq!(
        products,
        [
            "chatwoot",
            "espocrm",
            "hudun-scrm",
            "linkwechat",
            "odoo",
            "suitecrm",
            "tryton"
        ]
    );
}

#[test]
fn every_spelling_of_every_product_is_its_module() {
    let mut wrong = Vec::new();
    for (name, profile) in profiles() {
        let resolver = Resolver::new(&profile).unwrap();
        let mut seen = BTreeSet::new();
        for example in examples(&name) {
            let (module, route) = resolve(&resolver, &example);
            if (module.as_str(), route.as_str()) != (example[0].as_str(), example[1].as_str()) {
                wrong.push(format!(
                    "{name}: {} → {module} / {route}",
                    example.join(" ")
                ));
            }
            seen.insert(route);
        }
        // The bundled product has its own tests; of the others every route is shown at least once.
        if profile.product != "hudun-scrm" {
            let unseen = profile
                .routes
                .iter()
                .filter(|route| !seen.contains(route.id.as_str()));
            wrong.extend(unseen.map(|route| format!("{name}: no example of {}", route.id)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A request for each spelling that a profile lists, made from the spelling itself, is of the route's module.
#[test]
fn every_spelling_that_is_listed_reaches_its_module() {
    let mut wrong = Vec::new();
    let mut made = 0;
    for (name, profile) in profiles() {
        let resolver = Resolver::new(&profile).unwrap();
        for route in &profile.routes {
            for matcher in &route.matchers {
                for example in requests(&profile, route, matcher) {
                    made += 1;
                    let (module, found) = resolve(&resolver, &example);
                    if module != route.module.as_str() {
                        wrong.push(format!(
                            "{name}: {} → {module} / {found}",
                            example.join(" ")
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(made > 500, "{made}");
}

fn requests(profile: &Profile, route: &Route, matcher: &Matcher) -> Vec<Example> {
    let fill = |pattern: &str| pattern.replace('*', "x");
    let path = matcher
        .path
        .as_deref()
        .unwrap_or("/index.php")
        .split('/')
        .skip(1);
    let path: String = path
        .map(|segment| {
            match segment
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'))
            {
                Some(name) => match name.split_once('=') {
                    Some((_, pattern)) => format!("/{}", fill(pattern)),
                    None if name.ends_with('*') => "/zz/7".to_owned(),
                    None => "/zz".to_owned(),
                },
                None => format!("/{segment}"),
            }
        })
        .collect();
    let methods: Vec<&str> = match &matcher.method {
        Some(methods) => methods.iter().collect(),
        None => vec!["POST"],
    };
    let query: Vec<String> = matcher
        .params
        .iter()
        .map(|(name, value)| format!("{name}={}", fill(value)))
        .collect();
    let target = if query.is_empty() {
        path
    } else {
        format!("{path}?{}", query.join("&"))
    };
    let rpcs: Vec<Option<&str>> = match &matcher.rpc {
        Some(rpcs) => rpcs.iter().map(Some).collect(),
        None => vec![None],
    };
    let mut found = Vec::new();
    for method in &methods {
        for rpc in &rpcs {
            let mut body = Value::Null;
            if let Some(rpc) = rpc {
                put(&mut body, "/method", &fill(rpc));
            }
            for (pointer, values) in &matcher.json {
                put(&mut body, pointer, &fill(values.iter().next().unwrap()));
            }
            let mut example = vec![
                route.module.to_string(),
                route.id.to_string(),
                (*method).to_owned(),
                target.clone(),
            ];
            if !body.is_null() {
                example.extend(["json".to_owned(), body.to_string()]);
            } else if !matcher.nested.is_empty() {
                let fields: Vec<String> = matcher
                    .nested
                    .iter()
                    .map(|(field, inner)| {
                        let mut nested = Value::Null;
                        for (pointer, values) in inner {
                            put(&mut nested, pointer, &fill(values.iter().next().unwrap()));
                        }
                        format!("{field}={nested}")
                    })
                    .collect();
                example.extend(["form".to_owned(), fields.join("&")]);
            }
            found.push(example);
        }
    }
    assert!(!found.is_empty(), "{}: {}", profile.product, route.id);
    found
}

/// Sets a text at a pointer, making objects and lists on the way.
fn put(value: &mut Value, pointer: &str, text: &str) {
    let mut at = value;
    for step in pointer.split('/').skip(1) {
        at = match step.parse::<usize>() {
            Ok(index) => {
                if !at.is_array() {
                    *at = Value::Array(Vec::new());
                }
                let list = at.as_array_mut().unwrap();
                while list.len() <= index {
                    list.push(Value::Null);
                }
                &mut list[index]
            }
            Err(_) => {
                if !at.is_object() {
                    *at = Value::Object(serde_json::Map::new());
                }
                at.as_object_mut()
                    .unwrap()
                    .entry(step)
                    .or_insert(Value::Null)
            }
        };
    }
    *at = Value::from(text);
}
