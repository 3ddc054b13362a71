//! Whether a text is a path out of its folder, a file of the system, or an address inside the house.

use std::sync::LazyLock;

use super::phrases::{Phrases, phrases};
use super::{Finding, Weight};

/// The gravest reading of a text in small letters.
pub(super) fn assess(text: &str) -> Option<Finding> {
    let path = file(text).map(|weight| Finding {
        class: "lfi",
        weight,
        what: "a path to a file of the server",
    });
    let inside = address(text).map(|weight| Finding {
        class: "ssrf",
        weight,
        what: "an address that only the server can reach",
    });
    let elsewhere = program(text).map(|weight| Finding {
        class: "rfi",
        weight,
        what: "a program on another server",
    });
    [path, inside, elsewhere]
        .into_iter()
        .flatten()
        .max_by_key(|found| found.weight)
}

/// Whether a path of the site's own leads to what no visitor is meant to read: hidden files, settings, copies. Rules also
/// name folders such as `/sys/`, which sites have.
pub(crate) fn is_private(path: &[u8]) -> bool {
    let path = String::from_utf8_lossy(path).to_ascii_lowercase();
    // `db.sql.gz` holds settings or data as `db.sql` does.
    let mut endings = path.rsplit('.').take(2).filter(|end| !end.contains('/'));
    path.contains("/.")
        || path.contains("..")
        || path.contains('\0')
        || path.ends_with('~')
        || endings.any(|end| CONFIGS.contains(&end))
        || ASKED_FOR.stand_in(&path)
}

fn file(text: &str) -> Option<Weight> {
    let text = text.trim();
    // A path is one word; a sentence about one is not.
    if text.len() > 2_000 || text.split_whitespace().count() > 2 || super::wide(text) {
        return None;
    }
    let plain = text
        .replace('\\', "/")
        .replace("....//", "../")
        .replace("..../", "../")
        .replace("..;/", "../")
        .replace("/./", "/")
        .replace("%00", "\0");
    let climbs = plain.split('/').filter(|part| *part == "..").count();
    let target = ASKED_FOR.stand_in(&plain);
    let head = plain
        .trim_start_matches("file://")
        .trim_start_matches("file:");
    let absolute = head.starts_with('/') || head.get(1..3) == Some(":/");
    if target && (climbs > 0 || absolute || plain.starts_with("file:") || plain.contains('\0')) {
        return Some(Weight::Strong);
    }
    // A program in the clothes of a picture: `t.asp;.jpg`.
    if phrases![".asp;.", ".aspx;.", ".php;.", ".jsp;."].stand_in(&plain) && plain.len() < 200 {
        return Some(Weight::Strong);
    }
    // The share of a server's disk: `\\\\host\\c$\\…`.
    if plain.starts_with("//") && (plain.contains("/c$/") || plain.contains("/admin$")) {
        return Some(Weight::Strong);
    }
    if climbs == 0 {
        return None;
    }
    let last = plain.split('/').next_back().unwrap_or_default();
    let ending = last
        .split('\0')
        .next()
        .unwrap_or_default()
        .rsplit_once('.')
        .map_or("", |(_, end)| end);
    let shown = [
        "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "mjs", "map", "html", "htm",
        "woff", "woff2", "ttf", "ico", "ts", "tsx", "vue", "mp4", "mp3", "pdf", "md", "json",
    ];
    let starts =
        plain.starts_with("../") || plain.starts_with("/../") || plain.starts_with("./../");
    if climbs >= 3 && !shown.contains(&ending)
        || (climbs >= 2 || starts) && CONFIGS.contains(&ending)
        || plain.contains('\0')
    {
        return Some(Weight::Strong);
    }
    let asset = shown.contains(&ending);
    ((starts || climbs >= 2) && !asset).then_some(Weight::Weak)
}

fn address(text: &str) -> Option<Weight> {
    let text = text.trim().trim_start_matches("url:");
    if text.split_whitespace().count() > 1 {
        return None;
    }
    let (scheme, rest) = text.split_once(":/")?;
    let rest = rest.trim_start_matches('/');
    if [
        "gopher", "dict", "netdoc", "ldap", "ldaps", "rmi", "jar:http", "jar:file", "tftp", "sftp",
    ]
    .contains(&scheme)
        && !rest.is_empty()
    {
        return Some(Weight::Strong);
    }
    if !["http", "https", "ftp", "ws", "wss"].contains(&scheme) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    // Readers of addresses disagree about what `\` is.
    if authority.contains('\\') && authority.contains('@') {
        return Some(Weight::Strong);
    }
    let port = host
        .rsplit(':')
        .next()
        .and_then(|port| port.parse::<u16>().ok());
    let host = if let (true, Some(end)) = (host.starts_with('['), host.find(']')) {
        &host[..=end]
    } else {
        host.split(':').next().unwrap_or_default()
    };
    let sure = [
        "169.254.169.254",
        "100.100.100.200",
        "metadata.tencentyun.com",
        "metadata.aliyuncs.com",
        "metadata.google.internal",
        "metadata",
        "instance-data",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "[fd00:ec2::254]",
        "169.254.170.2",
        "2852039166",
        "0xa9fea9fe",
        "127.1",
        "0",
    ];
    let turns = [
        ".nip.io",
        ".sslip.io",
        ".xip.io",
        ".rbndr.us",
        ".1u.ms",
        ".localtest.me",
        ".lvh.me",
        ".cluster.local",
        "kubernetes.default.svc",
    ];
    let inner = text.contains("169.254.169.254") || text.contains("100.100.100.200");
    if sure.contains(&host)
        || inner
        || turns
            .iter()
            .any(|end| host.ends_with(end) || host == end.trim_start_matches('.'))
    {
        return Some(Weight::Strong);
    }
    let inside = host == "localhost"
        || host.starts_with("127.")
        || host.starts_with("10.")
        || host.starts_with("192.168.")
        || host == "0.0.0.0";
    // An address with another's name before it, or its numbers in hex.
    let parts: Vec<&str> = host.split('.').collect();
    let hex = parts.len() == 4
        && parts.iter().any(|part| part.starts_with("0x"))
        && parts
            .iter()
            .all(|part| part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'x'));
    if hex || inside && authority.contains('@') {
        return Some(Weight::Strong);
    }
    // What listens there talks to no browser.
    if inside && port.is_some_and(|port| SERVICES.contains(&port)) {
        return Some(Weight::Strong);
    }
    inside.then_some(Weight::Weak)
}

/// Ports of stores, queues and managers that only servers talk to.
const SERVICES: [u16; 24] = [
    8848, 7001, 8161, 61616, 22, 25, 2049, 2181, 2375, 2376, 2379, 3306, 4040, 5432, 5984, 6379,
    8009, 8500, 9000, 9200, 10250, 11211, 27017, 50070,
];

/// A file on another server that would be taken in as a program: `https://x/c99.txt?`, `\\\\x\\share\\a.php`.
fn program(text: &str) -> Option<Weight> {
    let text = text.trim();
    if text.split_whitespace().count() != 1 {
        return None;
    }
    let shared = text.starts_with("\\\\") || text.starts_with("//");
    let end = |name: &str, ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let runs = [
        ".php", ".asp", ".aspx", ".jsp", ".hta", ".ps1", ".dll", ".exe", ".vbs",
    ];
    if shared && text.starts_with('\\') && end(text, &runs) {
        return Some(Weight::Strong);
    }
    let cut = text
        .strip_suffix('?')
        .or_else(|| text.strip_suffix("%00"))?;
    let remote = ["http://", "https://", "ftp://"]
        .iter()
        .any(|scheme| cut.starts_with(scheme));
    (remote && (end(cut, &runs) || end(cut, &[".txt", ".gif", ".jpg", ".png", ".dat", ".inc"])))
        .then_some(Weight::Strong)
}

static ASKED_FOR: LazyLock<Phrases> = LazyLock::new(|| Phrases::of(&SENSITIVE));

/// Files that attacks ask for.
const SENSITIVE: [&str; 39] = [
    "ntuser.dat",
    "etc/passwd",
    "etc/shadow",
    "etc/group",
    "etc/hosts",
    "etc/issue",
    "etc/crontab",
    "etc/ssh/",
    "etc/mysql",
    "etc/nginx",
    "etc/apache2",
    "etc/httpd",
    "etc/my.cnf",
    "etc/resolv.conf",
    "proc/self/",
    "proc/version",
    "proc/cmdline",
    "proc/net/",
    "proc/1/",
    "var/log/",
    "root/.",
    ".ssh/id_",
    ".ssh/authorized",
    ".bash_history",
    ".aws/credentials",
    "windows/win.ini",
    "winnt/",
    "boot.ini",
    "windows/system32",
    "windows/system.ini",
    "win.ini",
    "web-inf/",
    "meta-inf/",
    "global.asa",
    "web.config",
    "inetpub/",
    "usr/local/apache",
    "var/www/",
    "dev/fd/",
];

/// Endings of files that hold settings or code.
const CONFIGS: [&str; 19] = [
    "php",
    "conf",
    "cfg",
    "ini",
    "xml",
    "yml",
    "yaml",
    "properties",
    "env",
    "log",
    "sql",
    "db",
    "sqlite",
    "key",
    "pem",
    "jsp",
    "asp",
    "aspx",
    "bak",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn strong(text: &str) -> bool {
        assess(&text.to_lowercase()).is_some_and(|found| found.weight == Weight::Strong)
    }

    #[test]
    fn paths_out_are_found_and_others_not() {
        for text in [
            "../../../../etc/passwd",
            "..\\..\\..\\windows\\win.ini",
            "....//....//etc/passwd",
            "/etc/passwd",
            "file:///etc/shadow",
            "../../config.php",
            "/../../../x",
            "http://169.254.169.254/latest/meta-data/",
            "gopher://127.0.0.1:6379/_x",
            "http://[::1]:2375/containers/json",
            "http://127.0.0.1\\@example.com/",
            "http://0x7f.0x0.0x0.0x1/",
            "http://x@127.0.0.1/",
            "https://evil.example/c99.txt?",
            "\\\\evil.example\\share\\x.php",
            "t.asp;.jpg",
        ] {
            assert!(strong(text), "{text}");
        }
        for text in [
            "../images/logo.png",
            "../../assets/app.css",
            "see /etc/nginx/nginx.conf for the setting",
            "/usr/share/doc",
            "https://www.example.com/a/../b",
            "1/2/3",
            "http://192.168.1.5/a",
            "http://localhost:8080/callback",
            "https://www.example.com/index.php?a=1",
            "https://cas.example.com/login.jsp;jsessionid=1",
        ] {
            assert!(!strong(text), "{text}");
        }
    }
}
