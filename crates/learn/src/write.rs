//! Writes a draft as YAML with comments. Every text is quoted, so that no name can end its place.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hudun_core::DataKind;

use crate::answer::Kind;
use crate::call::Call;
use crate::names::title;
use crate::propose::{Draft, Family, Function};

/// The fields of one function's answers.
#[derive(Default)]
struct Fields {
    subject: Option<String>,
    owner: Option<String>,
    rows: Vec<String>,
    /// Name, kind, share in percent, values seen.
    kinds: BTreeMap<String, (DataKind, u64, u64)>,
}

pub(crate) fn profile(draft: &Draft<'_>) -> String {
    let mut out = String::new();
    head(&mut out, draft);
    carriers(&mut out, draft);
    logins(&mut out, draft);
    success(&mut out, draft);
    modules(&mut out, draft);
    let named = fields(&mut out, draft);
    routes(&mut out, draft, &named);
    out
}

fn head(out: &mut String, draft: &Draft<'_>) {
    let counts = draft.learner.counts();
    line(
        out,
        "# 由 hudun profile learn 根据流量提出，请逐条核对后再使用。只记录了次数，没有保存任何数据。",
    );
    line(
        out,
        "# Proposed from traffic by hudun profile learn: check each entry before use. Counts only, no values.",
    );
    line(
        out,
        &format!(
            "# 看了 {0} 个请求；读不懂 {1} 个请求、{2} 个内容；超出上限 {3} 项。 / {0} requests looked at; {1} requests and {2} bodies not understood; {3} findings beyond a bound.",
            counts.samples, counts.unreadable, counts.bodies, counts.left_out
        ),
    );
    line(out, "format: 1");
    line(out, &format!("product: {}", quote(draft.product)));
    line(
        out,
        &format!("title: {{ zh: {0}, en: {0} }}", quote(draft.product)),
    );
    line(out, "verified: false");
    line(out, "sources: [\"traffic of this installation\"]");
}

fn carriers(out: &mut String, draft: &Draft<'_>) {
    let sessions = &draft.learner.sessions;
    let mut found = String::new();
    let mut add = |kind: &str, place: &str, name: &str, more: &str, seen: u64, why: &str| {
        let _ = writeln!(
            found,
            "  - {{ kind: {kind}, in: {{ {place}: {} }}{more} }}  # {seen} × {why}",
            quote(name)
        );
    };
    for (name, seen) in &sessions.login_cookies {
        let carried = sessions.cookies.get(name).copied().unwrap_or(0);
        add(
            "session",
            "cookie",
            name,
            "",
            carried,
            &format!("登录时设置 {seen} 次 / set at log-in"),
        );
    }
    if sessions.login_cookies.is_empty() {
        for (name, seen) in &sessions.cookies {
            add(
                "session",
                "cookie",
                name,
                "",
                *seen,
                "名字像会话，请确认 / named like a session: confirm",
            );
        }
    }
    for (scheme, seen) in &sessions.schemes {
        let kind = if scheme.eq_ignore_ascii_case("basic") {
            "password"
        } else {
            "session"
        };
        let decode = if kind == "password" {
            ", decode: { base64: [account, secret] }"
        } else {
            ""
        };
        let more = format!(", scheme: {}{decode}", quote(scheme));
        add(
            kind,
            "header",
            "authorization",
            &more,
            *seen,
            "随请求携带 / carried by requests",
        );
    }
    for (name, seen) in &sessions.headers {
        let at_login = sessions.confirmed.contains_key(&format!("header {name}"));
        let kind = if at_login || name == "authorization" {
            "session"
        } else {
            "token"
        };
        add(
            kind,
            "header",
            name,
            "",
            *seen,
            "随请求携带 / carried by requests",
        );
    }
    section(out, "carriers", &found);
}

fn logins(out: &mut String, draft: &Draft<'_>) {
    let sessions = &draft.learner.sessions;
    let mut found = String::new();
    for function in draft.functions.iter().filter(|function| function.login) {
        let Some(login) = sessions.logins.get(&function.place) else {
            continue;
        };
        let _ = writeln!(
            found,
            "  - route: {}  # {} ×",
            quote(&function.id),
            login.succeeded
        );
        let account: Vec<String> = login
            .accounts
            .keys()
            .filter_map(|place| place.split_once(' '))
            .map(|(kind, name)| format!("{{ request-{kind}: {} }}", quote(name)))
            .collect();
        let _ = writeln!(found, "    account: [{}]", account.join(", "));
        let mut session: Vec<String> = sessions
            .confirmed
            .keys()
            .filter_map(|place| place.split_once(' '))
            .map(|(kind, name)| format!("{{ {kind}: {} }}", quote(name)))
            .collect();
        session.extend(
            sessions
                .login_cookies
                .keys()
                .map(|name| format!("{{ set-cookie: {} }}", quote(name))),
        );
        let _ = writeln!(found, "    session: [{}]", session.join(", "));
    }
    section(out, "logins", &found);
}

fn success(out: &mut String, draft: &Draft<'_>) {
    let telling = &draft.learner.telling;
    let mut rules = Vec::new();
    if telling.errors > 0 {
        rules.push("{ absent: /error }".to_owned());
    }
    let coded: u64 = telling.codes.values().sum();
    let best = telling
        .codes
        .iter()
        .filter(|(code, _)| matches!(code, 0 | 1 | 200 | 20_000))
        .max_by_key(|(_, seen)| **seen);
    if coded * 10 >= telling.json * 8
        && let Some((code, _)) = best
    {
        rules.push(format!("{{ equals: {{ at: /code, value: {code} }} }}"));
    }
    if !rules.is_empty() {
        line(out, "");
        line(
            out,
            &format!(
                "# {} 个 JSON 回答 / JSON answers, {} × error, {coded} × code",
                telling.json, telling.errors
            ),
        );
        line(out, "success:");
        line(out, &format!("  body: [{}]", rules.join(", ")));
    }
}

fn modules(out: &mut String, draft: &Draft<'_>) {
    let mut found = String::new();
    for (id, family) in &draft.modules {
        let _ = writeln!(
            found,
            "  - {{ id: {}, title: {{ zh: {}, en: {} }} }}  # {} ×",
            quote(id),
            quote(title(id)),
            quote(id),
            family.requests
        );
    }
    section(out, "modules", &found);
}

/// Writes the field maps; the name of each function's map, in the order of the functions.
fn fields(out: &mut String, draft: &Draft<'_>) -> Vec<Option<String>> {
    let mut found = String::new();
    let mut names = Vec::new();
    for function in &draft.functions {
        let fields = fields_of(function);
        if function.fixed || function.login || fields.kinds.is_empty() && fields.subject.is_none() {
            names.push(None);
            continue;
        }
        let name = function.id.clone();
        let _ = writeln!(found, "  {}:  # {} ×", quote(&name), function.end.read);
        if let Some(subject) = &fields.subject {
            let _ = writeln!(
                found,
                "    subject: {}  # 猜测，请确认 / a guess: confirm",
                quote(subject)
            );
        }
        if !fields.rows.is_empty() {
            let rows: Vec<String> = fields.rows.iter().map(|at| quote(at)).collect();
            let _ = writeln!(found, "    rows: [{}]", rows.join(", "));
        }
        if let Some(owner) = &fields.owner {
            let _ = writeln!(
                found,
                "    owner: {}  # 猜测，请确认 / a guess: confirm",
                quote(owner)
            );
        }
        if !fields.kinds.is_empty() {
            let _ = writeln!(found, "    kinds:");
        }
        for (field, (kind, share, values)) in &fields.kinds {
            let _ = writeln!(
                found,
                "      {}: {}  # {share}% of {values}",
                quote(field),
                kind.name()
            );
        }
        names.push(Some(name));
    }
    section(out, "fields", &found);
    names
}

fn fields_of(function: &Function) -> Fields {
    let end = &function.end;
    let mut fields = Fields {
        subject: end.subject().map(str::to_owned),
        owner: end.owner().map(str::to_owned),
        rows: if end.mostly(Kind::Json) {
            end.rows.iter().cloned().collect()
        } else {
            Vec::new()
        },
        kinds: BTreeMap::new(),
    };
    for proposal in end.fields.proposals() {
        let name = proposal.path.rsplit('/').next().unwrap_or(&proposal.path);
        if fields.owner.as_deref() == Some(name) {
            continue;
        }
        let share = (proposal.share * 100.0).round() as u64;
        let known = fields.kinds.get(name).map_or(0, |(_, _, values)| *values);
        if proposal.values > known {
            fields
                .kinds
                .insert(name.to_owned(), (proposal.kind, share, proposal.values));
        }
    }
    fields
}

fn routes(out: &mut String, draft: &Draft<'_>, named: &[Option<String>]) {
    let mut found = String::new();
    for (function, fields) in draft.functions.iter().zip(named) {
        route(&mut found, function, fields.as_deref());
    }
    // What nobody has used yet belongs to the module of its neighbours.
    for (module, family) in &draft.modules {
        rest(&mut found, module, family, draft);
    }
    section(out, "routes", &found);
}

fn route(out: &mut String, function: &Function, fields: Option<&str>) {
    let sure = if function.is_sure() {
        ""
    } else {
        "  少 / few"
    };
    let _ = writeln!(
        out,
        "  - id: {}  # {} ×{sure}",
        quote(&function.id),
        function.end.requests
    );
    let _ = writeln!(out, "    module: {}", quote(&function.module));
    let _ = writeln!(out, "    match: [{{ {} }}]", matcher(function));
    if function.login || function.fixed {
        let _ = writeln!(out, "    public: true");
    } else if function.end.anonymous == function.end.succeeded && function.is_sure() {
        let _ = writeln!(
            out,
            "    # 从未见到会话：是公开的吗？ / never seen with a session: is it public?"
        );
    }
    if function.export {
        let _ = writeln!(out, "    export: true");
    }
    if function.logout {
        let _ = writeln!(out, "    logout: true");
    }
    if function.reset {
        let _ = writeln!(out, "    password_reset: true");
    }
    if function.reads || function.login {
        let _ = writeln!(out, "    write: false");
    }
    if matches!(function.call, Call::Path) && function.path.contains("{id}") {
        let _ = writeln!(out, "    object: id");
    }
    if function.fixed {
        let _ = writeln!(out, "    response: {{ format: static }}");
    } else if let Some(fields) = fields {
        let format = if function.end.mostly(Kind::Csv) {
            ", format: csv"
        } else {
            ""
        };
        let _ = writeln!(out, "    response: {{ fields: {}{format} }}", quote(fields));
    }
}

fn matcher(function: &Function) -> String {
    let method = format!("method: {}", quote(&function.method));
    let path = format!("path: {}", quote(&function.path));
    match &function.call {
        Call::Path => format!("{method}, {path}"),
        // The parameter may stand in the query or in the form, so the method does not matter.
        Call::Param { name, value } => {
            format!("{path}, params: {{ {}: {} }}", quote(name), quote(value))
        }
        Call::Rpc(name) => format!("{path}, rpc: {}", quote(name)),
        Call::Model {
            at,
            model,
            method_at,
            method,
        } => format!(
            "{path}, json: {{ {}: {}, {}: {} }}",
            quote(at),
            quote(model),
            quote(method_at),
            quote(method)
        ),
    }
}

fn rest(out: &mut String, module: &str, family: &Family, draft: &Draft<'_>) {
    let mut matchers: Vec<String> = family
        .paths
        .iter()
        .filter(|path| owner_of(path, draft) == Some(module))
        .map(|path| format!("{{ path: {} }}", quote(path)))
        .collect();
    matchers.extend(
        family
            .rpc
            .iter()
            .map(|(path, family)| format!("{{ path: {}, rpc: {} }}", quote(path), quote(family))),
    );
    let models: std::collections::BTreeSet<String> = draft
        .functions
        .iter()
        .filter(|function| function.module == module)
        .filter_map(|function| match &function.call {
            Call::Model { at, model, .. } => Some(format!(
                "{{ path: {}, json: {{ {}: {} }} }}",
                quote(&function.path),
                quote(at),
                quote(model)
            )),
            _ => None,
        })
        .collect();
    matchers.extend(models);
    if matchers.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "  - id: {}  # 同一模块下尚未见过的功能 / functions of the module that nobody has used yet",
        quote(&format!("{module}.other"))
    );
    let _ = writeln!(out, "    module: {}", quote(module));
    let _ = writeln!(out, "    match:");
    for matcher in matchers {
        let _ = writeln!(out, "      - {matcher}");
    }
}

/// The module with most requests below a path; a prefix that several share belongs to it.
fn owner_of<'a>(path: &str, draft: &'a Draft<'_>) -> Option<&'a str> {
    draft
        .modules
        .iter()
        .filter(|(_, family)| family.paths.contains(path))
        .max_by_key(|(_, family)| family.requests)
        .map(|(module, _)| module.as_str())
}

fn section(out: &mut String, name: &str, found: &str) {
    line(out, "");
    if found.is_empty() {
        let empty = if name == "fields" { "{}" } else { "[]" };
        line(out, &format!("{name}: {empty}"));
    } else {
        line(out, &format!("{name}:"));
        out.push_str(found);
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// A YAML text in double quotes; JSON's escapes are YAML's.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use crate::names::segment;
    use crate::propose::template;

    #[test]
    fn a_path_becomes_a_template() {
        let path: Vec<_> = [
            "api",
            "customer",
            "7",
            "orders",
            "550e8400-e29b-41d4-a716-446655440000",
        ]
        .iter()
        .map(|text| segment(text))
        .collect();
        assert_eq!(template(&path), "/api/customer/{id}/orders/{id2}");
    }
}
