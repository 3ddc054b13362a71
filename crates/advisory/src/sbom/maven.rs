//! Java: `pom.xml`, with what this one file declares. What comes through a parent, an imported list or another
//! dependency is not in it.

use std::collections::HashMap;

use super::xml::{self, Node};
use super::{Found, LONGEST, Out, Reason, cut, identity};

/// How often a property may lead to another.
const MOST_STEPS: usize = 10;

pub(super) fn pom(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let project = xml::tree(text)?;
    if &*project.name != "project" {
        return Err(Reason::Unsupported(format!(
            "its root is {:?} and not project",
            cut(&project.name)
        )));
    }
    let properties = properties(&project);
    let managed = managed(&project, &properties);
    let mut profiles = vec![("", &project)];
    for node in project.all("profiles").flat_map(|node| node.all("profile")) {
        profiles.push(("profile ", node));
    }
    for (of, node) in profiles {
        let list = node
            .all("dependencies")
            .flat_map(|node| node.all("dependency"));
        for (at, dependency) in list.enumerate() {
            let of = match (of, node.text_of("id")) {
                ("", _) => String::new(),
                (of, id) => format!("{of}{:?} ", cut(id.unwrap_or_default())),
            };
            take(
                dependency,
                &properties,
                &managed,
                &format!("{of}dependencies[{at}]"),
                out,
            );
        }
    }
    Ok(())
}

type Properties<'a> = HashMap<String, &'a str>;

/// The file's own properties and those that Maven makes of the project.
fn properties(project: &Node) -> Properties<'_> {
    let mut all = HashMap::new();
    for node in project.all("properties").flat_map(|node| &node.children) {
        all.insert(node.name.to_string(), node.text.as_str());
    }
    let parent = project.child("parent");
    for field in ["groupId", "artifactId", "version"] {
        let above = parent.and_then(|parent| parent.text_of(field));
        if let Some(value) = above {
            all.insert(format!("project.parent.{field}"), value);
        }
        // A project without its own group or version has its parent's; an artifact is always its own.
        let own = project.text_of(field);
        let inherited = if field == "artifactId" { None } else { above };
        if let Some(value) = own.or(inherited) {
            for prefix in ["project.", "pom.", ""] {
                all.entry(format!("{prefix}{field}")).or_insert(value);
            }
        }
    }
    all
}

/// Versions that the file sets for dependencies which state none.
fn managed(project: &Node, properties: &Properties<'_>) -> HashMap<String, String> {
    let mut all = HashMap::new();
    let list = project
        .all("dependencyManagement")
        .flat_map(|node| node.all("dependencies"))
        .flat_map(|node| node.all("dependency"));
    for node in list {
        let field = |name| resolve(node.text_of(name)?, properties).ok();
        if let (Some(group), Some(artifact), Some(version)) =
            (field("groupId"), field("artifactId"), field("version"))
        {
            all.insert(format!("{group}:{artifact}"), version);
        }
    }
    all
}

fn take(
    dependency: &Node,
    properties: &Properties<'_>,
    managed: &HashMap<String, String>,
    at: &str,
    out: &mut Out<'_>,
) {
    let mut field = |name: &'static str| {
        let stated = dependency.text_of(name)?;
        match resolve(stated, properties) {
            Ok(value) => Some(value),
            Err(reason) => {
                out.refuse(at, reason);
                // A name with an open property still says which dependency it is about.
                (name != "version").then(|| stated.to_owned())
            }
        }
    };
    let group = field("groupId").unwrap_or_default();
    let artifact = field("artifactId").unwrap_or_default();
    let stated = field("version");
    if group.is_empty() {
        return out.refuse(at, Reason::Missing("groupId"));
    }
    if artifact.is_empty() {
        return out.refuse(at, Reason::Missing("artifactId"));
    }
    let name = format!("{group}:{artifact}");
    let mut version = stated.or_else(|| {
        let unstated = dependency.text_of("version").is_none();
        managed.get(&name).filter(|_| unstated).cloned()
    });
    if let Some(range) = version.take_if(|text| text.contains(['[', '(', ','])) {
        out.refuse(at, Reason::NotPinned(cut(&range)));
    }
    let open = name.contains("${");
    let purl = out.purl(!open, || {
        identity::make("maven", Some(&group), &artifact, version.as_deref(), &[])
    });
    out.take(
        at,
        Found {
            name,
            version,
            ecosystem: Some("maven"),
            purl,
            ..Found::default()
        },
    );
}

/// A text with its properties put in.
fn resolve(text: &str, properties: &Properties<'_>) -> Result<String, Reason> {
    let mut value = text.trim().to_owned();
    for _ in 0..MOST_STEPS {
        let Some((before, rest)) = value.split_once("${") else {
            return Ok(value);
        };
        let Some((name, after)) = rest.split_once('}') else {
            break;
        };
        let Some(found) = properties.get(name.trim()) else {
            break;
        };
        value = format!("{before}{found}{after}");
        if value.len() > LONGEST {
            break;
        }
    }
    if value.contains("${") || value.len() > LONGEST {
        return Err(Reason::Unresolved(cut(text)));
    }
    Ok(value)
}
