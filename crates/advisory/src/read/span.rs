//! Versions as people write them: `>= 1.0, < 2.0`, `8.0.27 and prior`, `6.5.*，<=6.5.4.17`, `<= V8`, `13, 14`, `2.0及之前版本`.

use crate::record::{Bound, Range, Status};

/// Longest text that is read, bytes.
const LONGEST: usize = 2_000;
/// Most pieces of it.
const PIECES: usize = 200;

/// What a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stretch {
    /// One version.
    One(String),
    /// From one to another.
    Span(Bound, Bound),
}

impl Stretch {
    /// As a range with a status.
    pub(super) fn range(self, status: Status, version_type: Option<String>, text: &str) -> Range {
        let (lower, upper) = match self {
            Self::One(version) => (Bound::Including(version.clone()), Bound::Including(version)),
            Self::Span(lower, upper) => (lower, upper),
        };
        Range {
            lower,
            upper,
            status,
            version_type,
            changes: Vec::new(),
            text: Some(text.to_owned()),
        }
    }
}

/// Reads a text; `None` where any part of it says nothing that can be held against a version.
pub(super) fn stretches(text: &str) -> Option<Vec<Stretch>> {
    if text.len() > LONGEST {
        return None;
    }
    let plain = fold(text);
    let plain = plain.trim().trim_end_matches(['.', ';', ',']).trim();
    if everything(plain) {
        return Some(vec![Stretch::Span(Bound::Open, Bound::Open)]);
    }
    let mut pieces = Vec::new();
    for part in plain.split([',', ';']) {
        for part in part.split("||").flat_map(|part| part.split("&&")) {
            constraints(part, &mut pieces)?;
        }
        if pieces.len() > PIECES {
            return None;
        }
    }
    join(pieces)
}

/// Whether a text means all versions.
pub(super) fn everything(text: &str) -> bool {
    const ALL: [&str; 13] = [
        "*",
        "all",
        "all versions",
        "all version",
        "any",
        "any version",
        "every version",
        "x",
        "全部",
        "全部版本",
        "所有版本",
        "全版本",
        "所有",
    ];
    let lower = text.trim().to_lowercase();
    ALL.contains(&lower.as_str())
}

/// Whether a text stands where a version would and says that there is none.
pub(super) fn nothing(text: &str) -> bool {
    const NONE: [&str; 14] = [
        "",
        "-",
        "n/a",
        "na",
        "none",
        "null",
        "unspecified",
        "unknown",
        "not specified",
        "not applicable",
        "undefined",
        "tbd",
        "未知",
        "暂无",
    ];
    let lower = text.trim().to_lowercase();
    NONE.contains(&lower.as_str())
}

/// The upper end of a range as a field of its own: `2.0`, `5.4.*`, `*`, `< 4.4.13`.
pub(super) fn upper(text: &str, including: bool) -> Bound {
    let plain = fold(text);
    let plain = plain.trim();
    if everything(plain) {
        return Bound::Open;
    }
    // A sign in the text is stronger than the field's name; "<=" in either includes.
    let (bare, including) = match (plain.strip_prefix("<="), plain.strip_prefix('<')) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, including),
        (None, None) => (plain, including),
    };
    if let Some(line) = line(bare) {
        return Bound::Line(line);
    }
    match version(bare) {
        Some(version) if including => Bound::Including(version),
        Some(version) => Bound::Excluding(version),
        None => Bound::Unreadable(text.trim().to_owned()),
    }
}

/// The lower end of a range as a field of its own.
pub(super) fn lower(text: &str) -> Bound {
    let plain = fold(text);
    let plain = plain.trim();
    if plain == "0" || everything(plain) || nothing(plain) {
        return Bound::Open;
    }
    if let Some(line) = line(plain) {
        return Bound::Line(line);
    }
    let (bare, inclusive) = if let Some(rest) = plain.strip_prefix(">=") {
        (rest, true)
    } else if let Some(rest) = plain.strip_prefix('>') {
        (rest, false)
    } else {
        (plain, true)
    };
    match version(bare) {
        Some(version) if inclusive => Bound::Including(version),
        Some(version) => Bound::Excluding(version),
        None => Bound::Unreadable(text.trim().to_owned()),
    }
}

/// A text that is one version: it has a digit, and words beside the number only where they qualify it. A `v` and the word
/// "version" in front are taken off.
pub(super) fn version(text: &str) -> Option<String> {
    let mut text = text.trim();
    for word in ["versions", "version", "ver.", "ver", "版本"] {
        if let Some(head) = text.get(..word.len())
            && head.eq_ignore_ascii_case(word)
            && let Some(rest) = text.get(word.len()..)
            && rest.starts_with([
                ' ', ':', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
            ])
        {
            text = rest.trim_start_matches([' ', ':', '.']);
            break;
        }
    }
    if let Some(rest) = text.strip_prefix(['v', 'V'])
        && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        text = rest;
    }
    let odd = |c: char| !c.is_ascii_graphic() && c != ' ' || "<>=*,;|\"'".contains(c);
    let good = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 200
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && !text.contains(odd)
        && !text.contains("://")
        && text.split(' ').skip(1).all(qualifies);
    good.then(|| text.to_owned())
}

/// A word that may stand behind a number: `SP1`, `beta`, `build`, `20210730`, `(R22)`.
pub(super) fn qualifies(word: &str) -> bool {
    const WORDS: [&str; 22] = [
        "sp", "beta", "alpha", "rc", "build", "update", "patch", "hotfix", "release", "lts", "p",
        "u", "fp", "m", "cu", "r", "pre", "preview", "final", "ga", "stable", "dev",
    ];
    let inner = word.trim_matches(['(', ')', '[', ']']).to_ascii_lowercase();
    let letters = inner.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
    WORDS.contains(&letters.trim_end_matches(['-', '.', '_']))
        || inner.starts_with(|c: char| c.is_ascii_digit())
}

/// `5.4.*`, `5.4.x` and `5.4.X`, without its end.
pub(super) fn line(text: &str) -> Option<String> {
    let text = text.trim();
    let mut rest = text;
    while let Some(shorter) = [".*", ".x", ".X"]
        .iter()
        .find_map(|end| rest.strip_suffix(end))
    {
        rest = shorter;
    }
    (rest != text).then(|| version(rest)).flatten()
}

/// One part of what a text says, before parts are joined.
#[derive(Debug)]
enum Piece {
    One(String),
    Line(String),
    From(Bound),
    To(Bound),
    Span(Bound, Bound),
}

fn join(pieces: Vec<Piece>) -> Option<Vec<Stretch>> {
    let mut found = Vec::new();
    let mut open: Option<(Bound, Bound)> = None;
    for piece in pieces {
        match (piece, open.take()) {
            (Piece::To(upper), Some((lower, Bound::Open))) => open = Some((lower, upper)),
            // "6.5.*，<=6.5.4.17": the line, up to there.
            (Piece::To(upper), Some((Bound::Line(one), Bound::Line(two)))) if one == two => {
                open = Some((Bound::Line(one), upper));
            }
            (Piece::From(lower), Some((Bound::Open, upper))) => open = Some((lower, upper)),
            (piece, before) => {
                found.extend(before.map(|(lower, upper)| Stretch::Span(lower, upper)));
                match piece {
                    Piece::One(version) => found.push(Stretch::One(version)),
                    Piece::Line(line) => {
                        open = Some((Bound::Line(line.clone()), Bound::Line(line)))
                    }
                    Piece::From(lower) => open = Some((lower, Bound::Open)),
                    Piece::To(upper) => open = Some((Bound::Open, upper)),
                    Piece::Span(lower, upper) => found.push(Stretch::Span(lower, upper)),
                }
            }
        }
    }
    found.extend(open.map(|(lower, upper)| Stretch::Span(lower, upper)));
    (!found.is_empty()).then_some(found)
}

/// What stands between two commas.
fn constraints(part: &str, pieces: &mut Vec<Piece>) -> Option<()> {
    let part = part.trim();
    if part.is_empty() {
        return Some(());
    }
    if part.contains(['<', '>', '=']) {
        return signs(part, pieces);
    }
    if let Some(piece) = words(part) {
        pieces.push(piece);
        return Some(());
    }
    for word in [" and ", " or ", " & "] {
        if part.contains(word) {
            return part
                .split(word)
                .try_for_each(|part| constraints(part, pieces));
        }
    }
    pieces.push(number(part)?);
    Some(())
}

fn number(text: &str) -> Option<Piece> {
    match line(text) {
        Some(line) => Some(Piece::Line(line)),
        None => version(text).map(Piece::One),
    }
}

/// `<`, `<=`, `>`, `>=` and `=`, several in a row, or between two versions: `1.0 < 2.0`.
fn signs(part: &str, pieces: &mut Vec<Piece>) -> Option<()> {
    let is_sign = |c: char| matches!(c, '<' | '>' | '=');
    let first = part.find(is_sign)?;
    let (front, mut rest) = part.split_at(first);
    let mut front = front.trim();
    // "x < 2.0", "version < 2.0": the name of what is compared.
    if [
        "x",
        "version",
        "versions",
        "all versions",
        "ver",
        "v",
        "版本",
    ]
    .contains(&front.to_lowercase().as_str())
    {
        front = "";
    }
    let mut before = (!front.is_empty())
        .then(|| number(front.trim_end_matches("and").trim()))
        .map_or(Some(None), |piece| piece.map(Some))?;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_sign(c)).unwrap_or(rest.len());
        let (sign, behind) = rest.split_at(end);
        let next = behind.find(is_sign).unwrap_or(behind.len());
        let (text, more) = behind.split_at(next);
        let text = text.trim().trim_end_matches("and").trim();
        // "1.0 <= x < 2.0": what stands between is a name.
        if ["x", "version", "v"].contains(&text.to_lowercase().as_str()) && !more.is_empty() {
            let Some(Piece::One(version)) = before.take() else {
                return None;
            };
            pieces.push(Piece::From(match sign {
                "<=" => Bound::Including(version),
                "<" => Bound::Excluding(version),
                _ => return None,
            }));
            rest = more;
            continue;
        }
        let lower = match before.take() {
            Some(Piece::One(version)) => Some(Bound::Including(version)),
            Some(Piece::Line(line)) => Some(Bound::Line(line)),
            _ => None,
        };
        let piece = bounded(sign, text)?;
        match (lower, piece) {
            (None, piece) => pieces.push(piece),
            (Some(lower), Piece::To(upper)) => pieces.push(Piece::Span(lower, upper)),
            (Some(_), _) => return None,
        }
        rest = more;
    }
    Some(())
}

fn bounded(sign: &str, text: &str) -> Option<Piece> {
    if let Some(line) = line(text) {
        return Some(match sign {
            "<=" => Piece::To(Bound::Line(line)),
            ">=" => Piece::From(Bound::Line(line)),
            "=" | "==" => Piece::Line(line),
            // The line's first version is outside.
            "<" => Piece::To(Bound::Excluding(line)),
            _ => return None,
        });
    }
    let version = version(text)?;
    Some(match sign {
        "<" => Piece::To(Bound::Excluding(version)),
        "<=" | "=<" => Piece::To(Bound::Including(version)),
        ">" => Piece::From(Bound::Excluding(version)),
        ">=" | "=>" => Piece::From(Bound::Including(version)),
        "=" | "==" => Piece::One(version),
        _ => return None,
    })
}

/// Bounds in words, English and Chinese.
fn words(part: &str) -> Option<Piece> {
    let lower = part.to_lowercase();
    // Lower case may move bytes: then the text is no ASCII that the words below could fit.
    if lower.len() != part.len() {
        return None;
    }
    let behind = |word: &str| {
        lower
            .strip_prefix(word)
            .and_then(|rest| part.get(part.len() - rest.len()..))
    };
    let ahead = |word: &str| {
        lower
            .strip_suffix(word)
            .and_then(|rest| part.get(..rest.len()))
    };
    for (word, piece) in BETWEEN {
        let found = lower.find(word).and_then(|at| {
            let one = part.get(..at)?.trim();
            let two = part.get(at + word.len()..)?.trim();
            let one = ["from ", "between ", "versions ", "version "]
                .iter()
                .find_map(|head| {
                    one.to_lowercase()
                        .starts_with(head)
                        .then(|| one.get(head.len()..))
                        .flatten()
                })
                .unwrap_or(one);
            let lower = match line(one) {
                Some(line) => Bound::Line(line),
                None => Bound::Including(version(one)?),
            };
            let upper = match line(two) {
                Some(line) => Bound::Line(line),
                None if *piece => Bound::Including(version(two)?),
                None => Bound::Excluding(version(two)?),
            };
            Some(Piece::Span(lower, upper))
        });
        if found.is_some() {
            return found;
        }
    }
    for (word, sign) in FRONT {
        if let Some(piece) = behind(word).and_then(|rest| bounded(sign, rest)) {
            return Some(piece);
        }
    }
    for (word, sign) in BACK {
        if let Some(piece) = ahead(word).and_then(|rest| bounded(sign, rest.trim())) {
            return Some(piece);
        }
    }
    None
}

/// Words between two versions, and whether the second belongs to it.
const BETWEEN: &[(&str, bool)] = &[
    (" up to and including ", true),
    (" through ", true),
    (" thru ", true),
    (" up to ", true),
    (" to before ", false),
    (" prior to ", false),
    (" before ", false),
    (" to ", true),
    (" - ", true),
    (" – ", true),
    ("~", true),
    ("至", true),
    ("到", true),
];

/// Words in front of a version, longest first.
const FRONT: &[(&str, &str)] = &[
    ("all versions up to and including ", "<="),
    ("all versions prior to ", "<"),
    ("all versions before ", "<"),
    ("all versions up to ", "<="),
    ("all versions through ", "<="),
    ("versions prior to ", "<"),
    ("version prior to ", "<"),
    ("versions before ", "<"),
    ("version before ", "<"),
    ("up to and including ", "<="),
    ("up to (including) ", "<="),
    ("up to (excluding) ", "<"),
    ("earlier than ", "<"),
    ("lower than ", "<"),
    ("less than ", "<"),
    ("prior to ", "<"),
    ("before ", "<"),
    ("through ", "<="),
    ("up to ", "<="),
    ("starting from ", ">="),
    ("starting with ", ">="),
    ("from ", ">="),
    ("since ", ">="),
    ("after ", ">"),
    ("later than ", ">"),
    ("低于", "<"),
];

/// Words behind a version, longest first.
const BACK: &[(&str, &str)] = &[
    (" and all prior versions", "<="),
    (" and all previous versions", "<="),
    (" and earlier versions", "<="),
    (" and prior versions", "<="),
    (" and previous versions", "<="),
    (" and older versions", "<="),
    (" and lower versions", "<="),
    (" and below versions", "<="),
    (" and later versions", ">="),
    (" and newer versions", ">="),
    (" or earlier versions", "<="),
    (" or prior versions", "<="),
    (" and earlier", "<="),
    (" and prior", "<="),
    (" and previous", "<="),
    (" and older", "<="),
    (" and lower", "<="),
    (" and below", "<="),
    (" and before", "<="),
    (" or earlier", "<="),
    (" or prior", "<="),
    (" or older", "<="),
    (" or lower", "<="),
    (" or below", "<="),
    (" & below", "<="),
    (" & prior", "<="),
    (" & earlier", "<="),
    (" earlier", "<="),
    (" and later", ">="),
    (" and newer", ">="),
    (" and above", ">="),
    (" and up", ">="),
    (" and onwards", ">="),
    (" onwards", ">="),
    (" or later", ">="),
    (" or newer", ">="),
    (" or above", ">="),
    ("+", ">="),
    ("及其之前版本", "<="),
    ("及之前的版本", "<="),
    ("及之前版本", "<="),
    ("及以前版本", "<="),
    ("及更早版本", "<="),
    ("及早期版本", "<="),
    ("及以下版本", "<="),
    ("及之前", "<="),
    ("及以前", "<="),
    ("及以下", "<="),
    ("以下版本", "<="),
    ("以下", "<="),
    ("之前的版本", "<"),
    ("之前版本", "<"),
    ("以前版本", "<"),
    ("之前", "<"),
    ("及以上版本", ">="),
    ("及之后版本", ">="),
    ("及以上", ">="),
    ("及之后", ">="),
    ("以上版本", ">="),
    ("以上", ">="),
    ("版本", "="),
];

/// Full-width signs and their kin in ASCII, one space for any white space.
pub(super) fn fold(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '，' | '、' | '﹐' => plain.push(','),
            '；' => plain.push(';'),
            '＜' | '﹤' | '〈' => plain.push('<'),
            '＞' | '﹥' | '〉' => plain.push('>'),
            '＝' => plain.push('='),
            '≤' | '≦' | '⩽' => plain.push_str("<="),
            '≥' | '≧' | '⩾' => plain.push_str(">="),
            '～' | '∼' => plain.push('~'),
            '（' => plain.push('('),
            '）' => plain.push(')'),
            '：' => plain.push(':'),
            '＊' => plain.push('*'),
            // Full-width letters, digits and signs stand in the order of ASCII.
            '\u{ff01}'..='\u{ff5e}' => {
                plain.extend(char::from_u32(u32::from(c) - 0xff01 + 0x21));
            }
            c if c.is_whitespace() || c.is_control() => {
                if !plain.ends_with(' ') {
                    plain.push(' ');
                }
            }
            '\u{200b}' | '\u{feff}' => {}
            c => plain.push(c),
        }
    }
    // "< = 2.0" and "> = 2.0" mean one sign.
    plain.replace("< =", "<=").replace("> =", ">=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let Some(found) = stretches(text) else {
            return "?".to_owned();
        };
        let end = |bound: &Bound| match bound {
            Bound::Open => "∞".to_owned(),
            Bound::Including(version) => format!("{version}]"),
            Bound::Excluding(version) => format!("{version})"),
            Bound::Line(line) => format!("{line}.*"),
            Bound::Unreadable(text) => format!("?{text}"),
        };
        let parts: Vec<String> = found
            .iter()
            .map(|stretch| match stretch {
                Stretch::One(version) => version.clone(),
                Stretch::Span(lower, upper) => format!("{}..{}", end(lower), end(upper)),
            })
            .collect();
        parts.join(" ")
    }

    #[test]
    fn what_people_write_is_read() {
        for (text, wanted) in [
            ("< 1.2.3", "∞..1.2.3)"),
            (">= 1.0, < 2.0", "1.0]..2.0)"),
            (">=4.0.0，<4.0.5", "4.0.0]..4.0.5)"),
            (">= 1.0 < 2.0", "1.0]..2.0)"),
            (">= 1.0, < 2.0, >= 3.0, < 3.5", "1.0]..2.0) 3.0]..3.5)"),
            ("1.0 < 2.0", "1.0]..2.0)"),
            ("1.0 <= x < 2.0", "1.0]..2.0)"),
            ("= 0.5.0", "0.5.0"),
            ("<= V8", "∞..8]"),
            ("≤ 2.1", "∞..2.1]"),
            ("All versions < V3.0", "∞..3.0)"),
            ("＜１．２", "∞..1.2)"),
            ("8.0.27 and prior", "∞..8.0.27]"),
            ("5.7.18 and earlier", "∞..5.7.18]"),
            ("9.0.0.M1 to 9.0.0.M11", "9.0.0.M1]..9.0.0.M11]"),
            ("from 1.0 before 1.5", "1.0]..1.5)"),
            ("before 1.5", "∞..1.5)"),
            ("up to and including 3.2", "∞..3.2]"),
            ("13, 14", "13 14"),
            ("6.0.3, 6.1.0", "6.0.3 6.1.0"),
            ("1.0 and 1.1", "1.0 1.1"),
            ("8.x", "8.*..8.*"),
            ("6.5.*，<=6.5.4.17", "6.5.*..6.5.4.17]"),
            ("V1.2.1.20210730_beta", "1.2.1.20210730_beta"),
            ("12.1 SP3", "12.1 SP3"),
            ("2.0及之前版本", "∞..2.0]"),
            ("2.0之前版本", "∞..2.0)"),
            ("all versions", "∞..∞"),
            ("*", "∞..∞"),
            ("1.0、1.1", "1.0 1.1"),
            ("5.0+", "5.0]..∞"),
            ("<=2018-07-26", "∞..2018-07-26]"),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_says_nothing_is_not_read() {
        for text in [
            "",
            "n/a",
            "see the advisory of 2024",
            "https://example.org/1.2",
            "1.0, and some others",
            "< ",
            "<>1",
            "Chrome prior to",
            "5.*.3",
            "^1.2.3",
            "1.0 > 2.0",
        ] {
            assert_eq!(shown(text), "?", "{text}");
        }
    }

    #[test]
    fn the_ends_of_a_range_are_read() {
        assert_eq!(upper("5.4.*", true), Bound::Line("5.4".to_owned()));
        assert_eq!(upper("*", true), Bound::Open);
        assert_eq!(
            upper("< 4.4.13", false),
            Bound::Excluding("4.4.13".to_owned())
        );
        assert_eq!(
            upper("<= 2.0.2", false),
            Bound::Including("2.0.2".to_owned())
        );
        assert!(matches!(
            upper("https://aka.ms/x1", false),
            Bound::Unreadable(_)
        ));
        assert!(matches!(upper("unspecified", false), Bound::Unreadable(_)));
        assert_eq!(lower("unspecified"), Bound::Open);
        assert_eq!(lower(">= 1.0.0"), Bound::Including("1.0.0".to_owned()));
        assert!(matches!(lower("some old one"), Bound::Unreadable(_)));
    }
}
