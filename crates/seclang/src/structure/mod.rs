//! The second judgement: what a value would become where it is used.
//!
//! Rules say what a value reminds of. Here it is parsed as what it would have to be to do harm: SQL in the contexts of a
//! query, words of a shell, script of a page, an expression of a template engine, a path, a serialised object. A value that
//! is no valid piece of any of them is no attack, whatever it reminds of; one that is counts without any rule.

mod code;
mod files;
mod known;
mod markup;
mod path;
mod phrases;
mod prose;
mod protocol;
mod script;
mod shell;
mod sql;
mod unpack;

pub(crate) use files::{code_in_file, in_bytes, in_document};
pub(crate) use known::{file_name, named_type, path as known_path};
pub(crate) use path::is_private as is_private_path;
use prose::{head, wide, without_shown_code, words};
use unpack::readings;

/// How much a finding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// It would run, and honest people write such things, too.
    Weak,
    /// It would run, and hardly anybody writes it for another reason.
    Strong,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Class of the attack, as rules' tags name it.
    pub(crate) class: &'static str,
    pub(crate) weight: Weight,
    /// In words, to follow «it is».
    pub(crate) what: &'static str,
}

/// The gravest reading of a value.
pub(crate) fn assess(value: &[u8]) -> Option<Finding> {
    // All readings of a value, and all that is packed in it, together: so its cost grows with its length alone.
    let mut budget = 1_024 + 4 * value.len().min(2 * unpack::MOST);
    assess_at(value, 0, &mut budget)
}

/// Layers of packing that are opened: JSON in base64 in JSON.
const MOST_LAYERS: usize = 3;

fn assess_at(value: &[u8], depth: usize, budget: &mut usize) -> Option<Finding> {
    if harmless(value) {
        return None;
    }
    let mut best: Option<Finding> = None;
    let strong = |best: &Option<Finding>| best.is_some_and(|found| found.weight == Weight::Strong);
    let readings = readings(value);
    for (at, raw) in readings.iter().enumerate() {
        if raw.len() > *budget {
            return best;
        }
        *budget -= raw.len();
        best = gravest(best, read(raw, at > 0));
        if strong(&best) {
            return best;
        }
    }
    if depth < MOST_LAYERS
        && let Some(last) = readings.last()
    {
        for inner in unpack::inside(last) {
            best = gravest(best, assess_at(inner.as_bytes(), depth + 1, budget));
            if strong(&best) {
                return best;
            }
        }
    }
    best
}

fn gravest(known: Option<Finding>, found: Option<Finding>) -> Option<Finding> {
    match (known, found) {
        (Some(known), Some(found)) if known.weight >= found.weight => Some(known),
        (known, None) => known,
        (_, found) => found,
    }
}

/// One reading of a value in each language whose marks it has. `decoded`: what a page shows of it, not what it is made of.
fn read(raw: &str, decoded: bool) -> Option<Finding> {
    let whole = raw.to_ascii_lowercase();
    let marks = Marks::of(whole.as_bytes());
    // To SQL a backtick is a quote like others, and a page that knows no markdown runs what stands between two.
    let query = marks.sql().then(|| sql::assess(&whole)).flatten();
    let shown_raw = (!decoded && marks.markup())
        .then(|| markup::assess(&whole))
        .flatten();
    let shown = without_shown_code(raw, decoded);
    let (raw, text) = match &shown {
        Some(shown) => (shown.as_str(), shown.to_ascii_lowercase()),
        None => (raw, whole),
    };
    let marks = Marks::of(text.as_bytes());
    [
        query,
        shown_raw,
        (decoded && marks.markup())
            .then(|| markup::assess(&text))
            .flatten(),
        marks.shell().then(|| shell::assess(&text)).flatten(),
        marks.code().then(|| code::assess(&text, raw)).flatten(),
        marks.path().then(|| path::assess(&text)).flatten(),
        protocol::assess(&text),
    ]
    .into_iter()
    .fold(None, gravest)
}

/// Which marks a text has: no language is tried that needs others.
#[derive(Clone, Copy)]
struct Marks(u32);

impl Marks {
    const QUOTE: u32 = 1;
    const LESS: u32 = 1 << 1;
    const BRACKET: u32 = 1 << 2;
    const BRACE: u32 = 1 << 3;
    const SEPARATOR: u32 = 1 << 4;
    const DOLLAR: u32 = 1 << 5;
    const SLASH: u32 = 1 << 6;
    const EQUALS: u32 = 1 << 7;
    const COLON: u32 = 1 << 8;
    const HASH: u32 = 1 << 9;
    const DASHES: u32 = 1 << 10;
    const SPACE: u32 = 1 << 11;
    const LOW_LINE: u32 = 1 << 12;
    const ODD: u32 = 1 << 13;
    const GREATER: u32 = 1 << 14;
    const TICK: u32 = 1 << 15;

    fn of(text: &[u8]) -> Self {
        let mut marks = 0;
        let mut last = 0;
        for byte in text {
            marks |= match byte {
                b'\'' | b'"' => Self::QUOTE,
                b'`' => Self::TICK,
                b'<' => Self::LESS,
                b'>' => Self::GREATER,
                b'(' | b')' | b'[' => Self::BRACKET,
                b'{' | b'}' | b'%' => Self::BRACE,
                b';' | b'|' | b'&' | b'\n' => Self::SEPARATOR,
                b'$' => Self::DOLLAR,
                b'/' | b'\\' => Self::SLASH,
                b'=' => Self::EQUALS,
                b':' => Self::COLON,
                b'#' => Self::HASH,
                b'-' if last == b'-' => Self::DASHES,
                b' ' | b'\t' => Self::SPACE,
                b'_' => Self::LOW_LINE,
                b'!' | b'@' | b'*' | b'^' => Self::ODD,
                _ => 0,
            };
            last = *byte;
        }
        Self(marks)
    }

    fn any(self, of: u32) -> bool {
        self.0 & of != 0
    }

    /// A query needs a quote, a bracket, a comparison, a comment or words with blanks between.
    fn sql(self) -> bool {
        self.any(
            Self::QUOTE
                | Self::TICK
                | Self::BRACKET
                | Self::EQUALS
                | Self::LESS
                | Self::GREATER
                | Self::HASH
                | Self::DASHES,
        ) || self.any(Self::SPACE | Self::SLASH | Self::SEPARATOR)
    }

    /// Script needs a tag, an attribute, a scheme or a call.
    fn markup(self) -> bool {
        self.any(Self::LESS | Self::QUOTE | Self::EQUALS | Self::TICK | Self::BRACKET)
            || self.any(Self::COLON)
            || self.any(Self::LOW_LINE)
    }

    /// A shell needs a separator or a word with an argument.
    fn shell(self) -> bool {
        self.any(Self::SEPARATOR | Self::DOLLAR | Self::TICK | Self::BRACKET | Self::SLASH)
            || self.any(Self::SPACE)
    }

    /// Expressions need a bracket of some kind; objects in base64 have no mark at all.
    fn code(self) -> bool {
        self.any(
            Self::BRACE
                | Self::BRACKET
                | Self::DOLLAR
                | Self::LESS
                | Self::HASH
                | Self::QUOTE
                | Self::ODD
                | Self::EQUALS
                | Self::SLASH,
        ) || self.any(Self::LOW_LINE | Self::COLON)
            || !self.any(Self::SPACE)
    }

    fn path(self) -> bool {
        self.any(Self::SLASH)
    }
}

/// Whether a value can't be any attack, by its bytes alone: letters, digits and what stands between words.
fn harmless(value: &[u8]) -> bool {
    if value.len() < 3 {
        return true;
    }
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || byte >= 0x80
            || matches!(
                byte,
                b' ' | b'-' | b'_' | b'.' | b',' | b':' | b'@' | b'?' | b'!' | b'~' | b'+'
            )
    };
    if !value.iter().all(|byte| plain(*byte)) {
        return false;
    }
    // Words alone can be SQL, an object in base64, or a full-width spelling of anything.
    let wide = value.windows(2).any(|two| two == [0xEF, 0xBC]);
    let words = value.contains(&b' ')
        && value.len() < 4_000
        && [
            &b"select"[..],
            b"union",
            b"waitfor",
            b"sleep",
            b"order by",
            b"cat ",
            b"procedure",
            b"having",
            b"powershell",
            b"whoami",
        ]
        .iter()
        .any(|word| {
            value
                .windows(word.len())
                .any(|window| window.eq_ignore_ascii_case(word))
        });
    let packed = value.starts_with(b"rO0AB")
        || value.starts_with(b"gAS")
        || value.starts_with(b"aced")
        || value.starts_with(b"ACED")
        || value.contains(&b'@') && value.contains(&b'.') && value.starts_with(b"java");
    let dotted = memchr::memmem::find(value, b"lassLoader").is_some()
        || memchr::memmem::find(value, b"__").is_some()
        || memchr::memmem::find(value, b"constructor.").is_some();
    let long_base64 = unpack::may_be_base64(value);
    !(wide || words || packed || dotted || long_base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> Option<&'static str> {
        assess(text.as_bytes())
            .filter(|found| found.weight == Weight::Strong)
            .map(|found| found.class)
    }

    #[test]
    fn a_spelling_is_read_as_its_readers_would() {
        assert_eq!(class("1%27%20or%20%271%27=%271"), Some("sqli"));
        assert_eq!(
            class("%253Cscript%253Ealert(1)%253C/script%253E"),
            Some("xss")
        );
        assert_eq!(class("&lt;img src=x onerror=alert(1)&gt;"), Some("xss"));
        assert_eq!(class("\\u003cscript\\u003ealert(1)"), Some("xss"));
        assert_eq!(class("＜script＞alert(1)＜/script＞"), Some("xss"));
        assert_eq!(
            class("PD9waHAgc3lzdGVtKCRfR0VUWydjJ10pOyA/Pg=="),
            Some("injection-php")
        );
    }

    #[test]
    fn what_a_text_shows_is_not_what_it_does() {
        // A page that knows no markdown runs what stands between backticks.
        let run = "see what happens with it here: `<script>alert(1)</script>`";
        assert_eq!(class(run), Some("xss"));
        for text in [
            "<p>For output, you should always escape <code>&lt;script&gt;alert(1)&lt;/script&gt;</code> first</p>",
            "Expressions such as `{{7*7}}` are not evaluated by us",
            "这里用了 `Runtime.getRuntime().exec(cmd)`，建议换成 ProcessBuilder",
        ] {
            assert_eq!(class(text), None, "{text}");
        }
    }

    #[test]
    fn ordinary_values_are_nothing() {
        for text in [
            "张伟",
            "O'Brien",
            "13800000000",
            "北京市海淀区中关村大街1号院3号楼2单元501室",
            "{\"a\":1,\"b\":[true,null]}",
            "https://www.example.com/products/list?category=shoes&page=2",
            "<p>尊敬的客户,您好:</p><p>附件是<strong>报价单</strong>,请查收。</p>",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
        ] {
            assert_eq!(class(text), None, "{text}");
        }
    }
}
