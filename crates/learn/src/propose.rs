//! From what was seen to a profile.

use std::collections::{BTreeMap, BTreeSet};

use crate::Learner;
use crate::answer::Kind;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::names::{
    Segment, is_export, is_logout, is_prefix, is_reset, is_static, module, only_reads,
};
use crate::session::Place;
use crate::tree::Node;
use crate::write;

/// Requests that one finding must rest on to count as sure.
const SURE: u64 = 10;

/// A function, ready to be written.
pub(crate) struct Function {
    pub(crate) id: String,
    pub(crate) module: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) call: Call,
    pub(crate) end: Endpoint,
    pub(crate) export: bool,
    pub(crate) logout: bool,
    pub(crate) reset: bool,
    pub(crate) login: bool,
    pub(crate) fixed: bool,
    pub(crate) reads: bool,
    pub(crate) place: Place,
}

impl Function {
    pub(crate) const fn is_sure(&self) -> bool {
        self.end.requests >= SURE
    }
}

/// Everything that is written.
pub(crate) struct Draft<'a> {
    pub(crate) product: &'a str,
    pub(crate) learner: &'a Learner,
    pub(crate) functions: Vec<Function>,
    /// Modules, and what stands for everything else that belongs to them.
    pub(crate) modules: BTreeMap<String, Family>,
}

/// What a module reaches beyond the functions that were seen.
#[derive(Default)]
pub(crate) struct Family {
    pub(crate) paths: BTreeSet<String>,
    pub(crate) rpc: BTreeSet<(String, String)>,
    pub(crate) requests: u64,
}

impl Learner {
    /// Writes what was found as a profile, in YAML, with comments for the person who corrects it.
    ///
    /// The tree of paths is clustered on the way, so what is seen afterwards joins the clusters.
    pub fn propose(&mut self, product: &str) -> String {
        self.root = std::mem::take(&mut self.root).clustered();
        let mut functions = Vec::new();
        let root = std::mem::take(&mut self.root);
        collect(&root, &mut Vec::new(), self, &mut functions);
        self.root = root;
        functions.sort_by(|a, b| {
            (&a.module, &a.path, &a.method, &a.call).cmp(&(&b.module, &b.path, &b.method, &b.call))
        });
        let mut ids = BTreeMap::new();
        for function in &mut functions {
            let seen: &mut u32 = ids.entry(function.id.clone()).or_default();
            *seen += 1;
            if *seen > 1 {
                function.id = format!("{}-{seen}", function.id);
            }
        }
        let mut modules: BTreeMap<String, Family> = BTreeMap::new();
        for function in &functions {
            let family = modules.entry(function.module.clone()).or_default();
            family.requests += function.end.requests;
            family.extend(function);
        }
        write::profile(&Draft {
            product,
            learner: self,
            functions,
            modules,
        })
    }
}

impl Family {
    /// A function that nobody has used yet belongs to the module of its neighbours.
    fn extend(&mut self, function: &Function) {
        match &function.call {
            Call::Rpc(method) => {
                if let Some((family, _)) = method.rsplit_once('.') {
                    // `model.party.party.read` has the relatives `model.party.*`.
                    let words: Vec<&str> = family.split('.').take(2).collect();
                    if !is_prefix(words.last().copied().unwrap_or_default()) {
                        self.rpc
                            .insert((function.path.clone(), format!("{}.*", words.join("."))));
                    }
                }
            }
            Call::Path if !function.fixed => {
                let mut path = String::new();
                for segment in function
                    .path
                    .split('/')
                    .filter(|segment| !segment.is_empty())
                {
                    path.push('/');
                    path.push_str(segment);
                    if !segment.starts_with('{') && !is_prefix(segment) {
                        self.paths.insert(format!("{path}/{{rest*}}"));
                        break;
                    }
                }
            }
            _ => {}
        }
    }
}

fn collect(node: &Node, path: &mut Vec<Segment>, learner: &Learner, found: &mut Vec<Function>) {
    for ((method, call), end) in &node.ends {
        // What was never answered with success is a guess of some scanner; what one request alone names may be anything.
        let named_once = matches!(call, Call::Param { .. }) && end.requests < 2;
        if end.succeeded > 0 && !named_once {
            found.push(function(method, path, call, end, learner));
        }
    }
    for (word, below) in &node.words {
        path.push(Segment::Word(word.clone()));
        collect(below, path, learner, found);
        path.pop();
    }
    for (segment, below) in [(Segment::Value, &node.value), (Segment::Rest, &node.rest)] {
        if let Some(below) = below {
            path.push(segment);
            collect(below, path, learner, found);
            path.pop();
        }
    }
}

fn function(
    method: &str,
    path: &[Segment],
    call: &Call,
    end: &Endpoint,
    learner: &Learner,
) -> Function {
    let template = template(path);
    let last = match call {
        Call::Path | Call::Param { .. } => String::new(),
        Call::Rpc(method) => method.clone(),
        Call::Model { model, method, .. } => format!("{model}.{method}"),
    };
    let named = match call {
        Call::Param { value, .. } => value.as_str(),
        _ => "",
    };
    let full = format!("{template} {last} {named}");
    let place: Place = (method.to_owned(), path.to_vec(), call.clone());
    let login = learner
        .sessions
        .logins
        .get(&place)
        .is_some_and(|login| login.succeeded > 0);
    let fixed = end.mostly(Kind::Static)
        || path
            .iter()
            .any(|part| matches!(part, Segment::Word(word) if is_static(word)));
    let module = if login || is_logout(&full) {
        "login".to_owned()
    } else {
        module_of(path, call, fixed)
    };
    let reads = match call {
        Call::Rpc(method) | Call::Model { method, .. } => only_reads(method),
        _ => false,
    };
    let slug = match call {
        Call::Path => slug(path),
        Call::Param { value, .. } => value.to_ascii_lowercase(),
        Call::Rpc(_) | Call::Model { .. } => last,
    };
    let verb = method.to_ascii_lowercase();
    let id = if slug.is_empty() {
        format!("{module}.{verb}")
    } else {
        format!("{module}.{verb}.{slug}")
    };
    Function {
        id: id.chars().take(120).collect(),
        module,
        method: method.to_owned(),
        path: template,
        call: call.clone(),
        export: !login && (end.attachments * 2 > end.requests || is_export(&full)) && !fixed,
        logout: is_logout(&full),
        reset: !login && is_reset(&full) && method != "GET",
        login,
        fixed,
        reads,
        end: end.clone(),
        place,
    }
}

fn module_of(path: &[Segment], call: &Call, fixed: bool) -> String {
    if fixed {
        return "static".to_owned();
    }
    match call {
        Call::Param { value, .. } => return module(value),
        Call::Rpc(method) => {
            let mut words = method.split('.').filter(|word| !is_prefix(word));
            return words.next().map_or_else(|| "home".to_owned(), module);
        }
        Call::Model { model, .. } => return module(model),
        Call::Path => {}
    }
    path.iter()
        .find_map(|part| match part {
            Segment::Word(word) if !is_prefix(word) => Some(module(word)),
            _ => None,
        })
        .unwrap_or_else(|| "home".to_owned())
}

/// The path as a template; names of identifiers tell what they count where the word before does.
pub(crate) fn template(path: &[Segment]) -> String {
    let mut text = String::new();
    let mut used = 0;
    for part in path {
        text.push('/');
        match part {
            Segment::Word(word) => text.push_str(word),
            Segment::Value => {
                used += 1;
                text.push_str(&if used == 1 {
                    "{id}".to_owned()
                } else {
                    format!("{{id{used}}}")
                });
            }
            Segment::Rest => text.push_str("{rest*}"),
        }
    }
    if text.is_empty() {
        text.push('/');
    }
    text
}

fn slug(path: &[Segment]) -> String {
    let words: Vec<&str> = path
        .iter()
        .filter_map(|part| match part {
            Segment::Word(word) if !is_prefix(word) => Some(word.as_str()),
            Segment::Value => Some("id"),
            _ => None,
        })
        .collect();
    words.join("-")
}
