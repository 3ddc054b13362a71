//! Requests that are an attack by what they ask for: paths by which known holes of products are used or looked for, and
//! types that a reader of JSON would load for the sender.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::phrases::phrases;
use super::{Finding, Weight};

/// All pieces of paths at once.
static KNOWN: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(PATHS)
        .ok()
});

/// Whether a path exploits a product, whatever it carries.
pub(crate) fn path(path: &[u8]) -> Option<Finding> {
    let known = KNOWN.as_ref().is_some_and(|known| known.is_match(path));
    let named = || {
        let path = String::from_utf8_lossy(path).to_ascii_lowercase();
        runs_an_upload(&path) || stores_a_program(&path)
    };
    // Programs have endings.
    let found = known || memchr::memchr(b'.', path).is_some() && named();
    found.then_some(Finding {
        class: "reputation-scanner",
        weight: Weight::Strong,
        what: "a path by which holes of known products are used",
    })
}

/// Whether the value of a member names a class that runs code when it is made.
pub(crate) fn named_type(name: &[u8], value: &[u8]) -> Option<Finding> {
    let is_type = [&b"@type"[..], b"$type", b"@class", b"__class__", b"_class"]
        .iter()
        .any(|end| name.ends_with(end));
    if !is_type {
        return None;
    }
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    TYPES
        .iter()
        .any(|known| value.contains(known))
        .then_some(Finding {
            class: "deserialisation",
            weight: Weight::Strong,
            what: "an object that would run code when it is read",
        })
}

/// Whether a file bears a name under which servers run it.
pub(crate) fn file_name(name: &[u8]) -> Option<Finding> {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let name = name.trim_end_matches(['.', ' ', '\0']);
    PROGRAMS
        .iter()
        .any(|end| name.ends_with(end))
        .then_some(Finding {
            class: "rce",
            weight: Weight::Strong,
            what: "a program that the server would run",
        })
}

/// `/uploads/a.jsp`: a program among what users have sent.
fn runs_an_upload(path: &str) -> bool {
    let dressed = phrases![".php.", ".jsp.", ".asp.", ".aspx."].stand_in(path);
    let program = dressed
        || PROGRAMS
            .iter()
            .any(|end| path.trim_end_matches('/').ends_with(end));
    program
        && phrases![
            "/upload/",
            "/uploads/",
            "/uploadfile/",
            "/uploadfiles/",
            "/userfiles/",
            "/attachment/",
            "/attachments/",
            "/avatar/",
            "/avatars/",
        ]
        .stand_in(path)
}

/// `PUT /t.jsp/`: the stroke behind the name gets a program past the check of names (CVE-2017-12615).
fn stores_a_program(path: &str) -> bool {
    path.strip_suffix('/')
        .is_some_and(|path| [".jsp", ".jspx"].iter().any(|end| path.ends_with(end)))
}

const PROGRAMS: [&str; 11] = [
    ".php", ".php5", ".phtml", ".phar", ".jsp", ".jspx", ".asp", ".aspx", ".ashx", ".asa", ".cgi",
];

/// Pieces of paths, in small letters, by which holes are used.
const PATHS: [&str; 59] = [
    "/;/",
    "/..;/",
    "/wwwroot.rar",
    "/wwwroot.zip",
    "/www.zip",
    "/backup.sql",
    "/database.sql",
    "/dump.sql",
    "/db.sql",
    ".php.bak",
    "/server-status",
    "/.env.",
    "/.git/config",
    "/.git/head",
    "/.svn/entries",
    "/.aws/credentials",
    "/actuator/heapdump",
    "/actuator/gateway/routes",
    "/actuator/jolokia",
    "/jolokia/exec",
    "/jolokia/write",
    "/nacos/v1/auth/users",
    "/nacos/v1/cs/ops/derby",
    "/druid/websession",
    "/druid/weburi",
    "/minio/bootstrap/v1/verify",
    "/phpunit/src/util/php/eval-stdin.php",
    "/_ignition/execute-solution",
    "/wls-wsat/",
    "/_async/asyncresponseservice",
    "/invoker/jmxinvokerservlet",
    "/invoker/readonly",
    "/web-console/serverinfo.jsp",
    "/hnap1",
    "/boaform/",
    "/gponform/",
    "/cgi-bin/luci/;stok=",
    "/descriptorbyname/org.jenkinsci",
    "/securityrealm/user/admin/",
    "/console/images/%252e",
    "/console/css/%252e",
    "/seeyon/htmlofficeservlet",
    "/seeyon/thirdpartycontroller",
    "/bsh.servlet.bshservlet",
    "/servlet/~ic/",
    "/servlet/~uapim/",
    "/ispirit/interface/gateway.php",
    "/sys/ui/extend/varkind/custom.jsp",
    "/sdk/weblanguage",
    "/webtools/control/programexport",
    "/webtools/control/xmlrpc",
    "/webtools/control/forgotpassword",
    "/mgmt/tm/util/bash",
    "/tmui/login.jsp/",
    "/vpn/../vpns/",
    "/remote/fgt_lang",
    "/solr/admin/cores",
    "/acunetix-wvs-test",
    "/nmaplowercheck",
];

/// Packages and classes whose objects run code (fastjson, Jackson, Json.NET).
const TYPES: [&str; 22] = [
    "com.sun.",
    "sun.rmi.",
    "java.lang.autocloseable",
    "java.lang.class",
    "java.lang.exception",
    "java.net.inet",
    "java.net.url",
    "java.rmi.",
    "javax.",
    "org.apache.tomcat.dbcp",
    "org.apache.commons.",
    "org.apache.ibatis",
    "org.apache.xalan",
    "org.apache.shiro",
    "org.springframework.",
    "ch.qos.logback",
    "com.mchange",
    "com.zaxxer",
    "oracle.jdbc",
    "objectdataprovider",
    "system.diagnostics",
    "system.configuration.install",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exploits_are_found_and_work_is_not() {
        for text in [
            "/actuator/heapdump",
            "/uploads/2026/cmd.jsp",
            "/admin/;/users",
            "/t.jsp/",
            "/api/nacos/v1/auth/users",
        ] {
            assert!(path(text.as_bytes()).is_some(), "{text}");
        }
        for text in [
            "/actuator/health",
            "/uploads/2026/logo.png",
            "/index.php",
            "/api/v1/users",
            "/avatar/12",
        ] {
            assert!(path(text.as_bytes()).is_none(), "{text}");
        }
        assert!(named_type(b"json.@type", b"com.sun.rowset.JdbcRowSetImpl").is_some());
        assert!(named_type(b"json.@type", b"Order").is_none());
        assert!(named_type(b"json.kind", b"com.sun.rowset.JdbcRowSetImpl").is_none());
    }
}
