//! What one value must be.

use hudun_core::{Check, PolicyError};
use regex_automata::meta::Regex;

/// Longest value that the injection checks read, in bytes; beyond, its beginning and its end are read.
const LONGEST: usize = 16 * 1024;
/// Memory for one compiled pattern, in bytes.
const PATTERN_BYTES: usize = 256 * 1024;
/// Extensions that a server may run.
const EXECUTABLE: [&str; 26] = [
    "php", "php3", "php4", "php5", "php7", "pht", "phtml", "phar", "jsp", "jspx", "jspf", "jsw",
    "asp", "aspx", "ashx", "asmx", "asa", "cer", "cgi", "pl", "py", "sh", "exe", "dll", "htaccess",
    "war",
];

/// A check, compiled.
#[derive(Debug)]
pub(crate) enum Test {
    Plain(Check),
    Pattern(Box<Regex>),
}

impl Test {
    pub(crate) fn new(check: &Check, patch: &str, field: &str) -> Result<Self, PolicyError> {
        let Check::Pattern(pattern) = check else {
            return Ok(Self::Plain(check.clone()));
        };
        Regex::builder()
            .configure(Regex::config().nfa_size_limit(Some(PATTERN_BYTES)))
            .build(&format!(r"\A(?:{pattern})\z"))
            .map(|regex| Self::Pattern(Box::new(regex)))
            .map_err(|error| PolicyError::BadPatch {
                patch: patch.to_owned(),
                field: format!("{field}.check.pattern"),
                problem: error.to_string(),
            })
    }

    /// Whether the value, which is there, meets the check.
    pub(crate) fn meets(&self, value: &str) -> bool {
        match self {
            Self::Pattern(regex) => regex.is_match(value),
            Self::Plain(check) => match check {
                Check::Int => is_int(value),
                Check::Digits => !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()),
                Check::Uuid => is_uuid(value),
                Check::OneOf(list) => list.iter().any(|known| known == value),
                Check::MaxLength(most) => value.chars().count() <= *most,
                Check::RelativeUrl => is_relative(value),
                Check::UrlHost(hosts) => is_relative(value) || is_on(value, hosts),
                Check::PathUnder(folder) => is_under(value, folder),
                Check::Extension(list) => has_extension(value, list),
                Check::NotSqli => is_sqli(value).is_none(),
                Check::NotXss => !is_xss(value),
                Check::Present => true,
                Check::Absent => false,
                // Built by `Test::new` as a compiled pattern.
                Check::Pattern(_) => false,
            },
        }
    }

    /// Whether the check looks into lists and objects, string by string, instead of refusing them.
    pub(crate) const fn looks_inside(&self) -> bool {
        matches!(
            self,
            Self::Plain(Check::NotSqli | Check::NotXss | Check::Present | Check::Absent)
        )
    }

    pub(crate) const fn wants_presence(&self) -> bool {
        matches!(self, Self::Plain(Check::Present))
    }
}

/// The fingerprint of an SQL fragment by libinjection's judgement, read plain and decoded.
pub fn is_sqli(value: &str) -> Option<String> {
    readings(value).find_map(|text| {
        let result = libinjectionrs::detect_sqli(text.as_bytes());
        result.is_injection().then(|| {
            result
                .fingerprint
                .map(|mark| mark.as_str().to_owned())
                .unwrap_or_default()
        })
    })
}

/// Whether a value holds a fragment of script by libinjection's judgement, read plain and decoded.
pub fn is_xss(value: &str) -> bool {
    readings(value).any(|text| libinjectionrs::detect_xss(text.as_bytes()).is_injection())
}

/// Whether a value steps out of a folder, read plain and decoded.
pub fn traverses(value: &str) -> bool {
    readings(value).any(|text| {
        text.split(['/', '\\'])
            .filter(|segment| *segment == "..")
            .count()
            > 0
            && text.contains(['/', '\\'])
    })
}

/// A value as it came and, where it is encoded, decoded to a fixed point; both cut to what is read.
fn readings(value: &str) -> impl Iterator<Item = String> {
    let decoded = decoded(value);
    let again = (decoded != value).then_some(decoded);
    std::iter::once(value.to_owned())
        .chain(again)
        .flat_map(|text| {
            if text.len() <= LONGEST {
                return vec![text];
            }
            let half = LONGEST / 2;
            let head = (0..=half).rev().find(|&at| text.is_char_boundary(at));
            let tail = (text.len() - half..text.len()).find(|&at| text.is_char_boundary(at));
            vec![
                text[..head.unwrap_or(0)].to_owned(),
                text[tail.unwrap_or(text.len())..].to_owned(),
            ]
        })
}

fn decoded(value: &str) -> String {
    let mut text = value.to_owned();
    for _ in 0..4 {
        let next = percent_encoding::percent_decode_str(&text)
            .decode_utf8_lossy()
            .into_owned();
        if next == text {
            break;
        }
        text = next;
    }
    text
}

fn is_int(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    !digits.is_empty() && digits.len() <= 19 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(value: &str) -> bool {
    let bare = value
        .strip_prefix('{')
        .and_then(|inner| inner.strip_suffix('}'))
        .unwrap_or(value);
    bare.len() == 36
        && bare.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_relative(value: &str) -> bool {
    [value.to_owned(), decoded(value)].iter().all(|url| {
        url.starts_with('/')
            && !url.starts_with("//")
            && !url.contains('\\')
            && !url.chars().any(char::is_control)
    })
}

fn is_on(value: &str, hosts: &[String]) -> bool {
    let lower = value.to_ascii_lowercase();
    let Some(rest) = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"))
    else {
        return false;
    };
    if value.contains('\\') || value.chars().any(|c| c.is_control() || c == ' ') {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains(['@', '%']) {
        return false;
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) => return false,
        None => authority,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
}

fn is_under(value: &str, folder: &str) -> bool {
    let path = decoded(value).replace('\\', "/");
    let drive = path.as_bytes().get(1) == Some(&b':');
    if drive
        || path.chars().any(char::is_control)
        || path
            .split('/')
            .any(|part| part.trim_end_matches(' ') == "..")
    {
        return false;
    }
    match path.strip_prefix(folder.trim_end_matches('/')) {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

fn has_extension(value: &str, list: &[String]) -> bool {
    let name = decoded(value).to_ascii_lowercase();
    if name.contains(['/', '\\', ';', ':', '*', '?', '<', '>', '|'])
        || name.chars().any(char::is_control)
    {
        return false;
    }
    let name = name.trim_end_matches(['.', ' ']);
    let mut parts = name.split('.').skip(1).map(str::trim).collect::<Vec<_>>();
    let Some(last) = parts.pop() else {
        return false;
    };
    list.iter()
        .any(|known| known.trim_start_matches('.').eq_ignore_ascii_case(last))
        && !parts.iter().any(|part| EXECUTABLE.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(check: Check, good: &[&str], bad: &[&str]) {
        let test = Test::new(&check, "p", "c").unwrap();
        for value in good {
            assert!(test.meets(value), "{check:?} should take {value:?}");
        }
        for value in bad {
            assert!(!test.meets(value), "{check:?} should refuse {value:?}");
        }
    }

    fn list(items: &[&str]) -> Vec<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    #[test]
    fn types() {
        holds(
            Check::Int,
            &["0", "-12", "+9"],
            &["", "-", "1 or 1=1", "1.0", "１", "12345678901234567890"],
        );
        holds(Check::Digits, &["007"], &["", "-1", "٣"]);
        holds(
            Check::Uuid,
            &[
                "01890a5d-ac96-774b-bcce-b302099a8057",
                "{01890A5D-AC96-774B-BCCE-B302099A8057}",
            ],
            &[
                "01890a5dac96774bbcceb302099a8057",
                "01890a5d-ac96-774b-bcce-b302099a805'",
            ],
        );
        holds(
            Check::OneOf(list(&["asc", "desc"])),
            &["asc"],
            &["ASC", "asc,(select 1)", ""],
        );
        holds(
            Check::Pattern("[a-z_.]+".to_owned()),
            &["t.name"],
            &["t.name\n", "a;b", ""],
        );
        holds(Check::MaxLength(2), &["客户", ""], &["abc"]);
    }

    #[test]
    fn urls() {
        holds(
            Check::RelativeUrl,
            &["/a?b=c", "/"],
            &[
                "",
                "a",
                "//evil",
                "/\\evil",
                "https://x",
                "/%5cevil",
                "/a\r\nb",
                "%2f%2fevil",
            ],
        );
        holds(
            Check::UrlHost(list(&["crm.example.com"])),
            &[
                "https://crm.example.com/a",
                "HTTP://CRM.example.com:8080",
                "/a",
            ],
            &[
                "https://crm.example.com.evil/",
                "https://crm.example.com@evil/",
                "https://evil#crm.example.com",
                "javascript:alert(1)",
                "//crm.example.com",
                "https://evil\\crm.example.com",
                "https://crm.example.com%2eevil/",
            ],
        );
    }

    #[test]
    fn files() {
        holds(
            Check::PathUnder("/profile/".to_owned()),
            &["/profile/a.png", "/profile/a/b..c"],
            &[
                "/profile/../etc/passwd",
                "/profile/%2e%2e/x",
                "/profile/..%252fx",
                "/profiles",
                "c:/profile/",
                "/profile/..\\x",
                "/profile/a\0",
            ],
        );
        holds(
            Check::Extension(list(&["jpg", ".png"])),
            &["a.JPG", "张三.png", "a.b.jpg", "a.jpg."],
            &[
                "a.php",
                "a.php.jpg",
                "a.jpg.php",
                "a",
                "a.jpg;.php",
                "x/a.jpg",
                "a.php%00.jpg",
                "a.jpg::$DATA",
            ],
        );
    }

    #[test]
    fn injections() {
        holds(
            Check::NotSqli,
            &["张三", "O'Brien", "1,2", "select a plan"],
            &[
                "1' OR '1'='1",
                "1%27%20OR%20%271%27=%271",
                "1 UNION SELECT 1,2,3--",
            ],
        );
        holds(
            Check::NotXss,
            &["a < b", "张三 & 李四"],
            &[
                "<script>alert(1)</script>",
                "%3Cscript%3E",
                "\"><img src=x onerror=alert(1)>",
            ],
        );
        assert!(traverses("..%2f..%2fetc/passwd"));
        assert!(traverses("a\\..\\b"));
        assert!(!traverses("wait..."));
        assert!(!traverses(".."));
    }

    #[test]
    fn a_pattern_that_is_none_is_refused_with_its_field() {
        let error = Test::new(&Check::Pattern("(".to_owned()), "p", "conditions[0]").unwrap_err();
        assert!(
            error.to_string().contains("conditions[0].check.pattern"),
            "{error}"
        );
        assert!(Test::new(&Check::Pattern("(?:a{1000}){1000}".to_owned()), "p", "c").is_err());
    }
}
