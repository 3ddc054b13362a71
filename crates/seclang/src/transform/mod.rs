//! Transformations: what a value is turned into before an operator sees it.
//!
//! Each says by byte classes which values it can change at all, so that a value without any such byte is never copied.

mod decode;
mod encode;
mod path;
mod space;

use crate::error::LoadErrorKind;

macro_rules! transforms {
    ($( $name:ident $text:literal $trigger:expr => $run:path ),* $(,)?) => {
        /// A transformation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub(crate) enum Transform { $( $name ),* }

        impl Transform {
            fn lookup(lower: &str) -> Option<Self> {
                match lower { $( $text => Some(Self::$name), )* _ => None }
            }

            /// A value with none of these classes stays as it is.
            pub(crate) fn trigger(self) -> u32 {
                match self { $( Self::$name => $trigger ),* }
            }

            fn run(self, input: &[u8], out: &mut Vec<u8>) {
                match self { $( Self::$name => $run(input, out) ),* }
            }
        }

        /// All transformations.
        #[cfg(test)]
        const ALL: &[Transform] = &[ $( Transform::$name ),* ];
        #[cfg(test)]
        const NAMES: &[&str] = &[ $( $text ),* ];
    };
}

transforms! {
    Base64Decode "base64decode" ALWAYS => encode::base64_decode,
    Base64DecodeExt "base64decodeext" ALWAYS => encode::base64_decode_ext,
    Base64Encode "base64encode" ALWAYS => encode::base64_encode,
    CmdLine "cmdline" UPPER | QUOTE | BACKSLASH | CARET | COMMA_SEMICOLON | BLANK | WHITE => space::cmd_line,
    CompressWhitespace "compresswhitespace" BLANK | WHITE | HIGH => space::compress_whitespace,
    CssDecode "cssdecode" BACKSLASH => decode::css,
    EscapeSeqDecode "escapeseqdecode" BACKSLASH => decode::escape_sequences,
    HexDecode "hexdecode" ALWAYS => encode::hex_decode,
    HexEncode "hexencode" ALWAYS => encode::hex_encode,
    HtmlEntityDecode "htmlentitydecode" AMPERSAND => decode::html_entities,
    JsDecode "jsdecode" BACKSLASH => decode::js,
    Length "length" ALWAYS => encode::length,
    Lowercase "lowercase" UPPER => space::lowercase,
    Md5 "md5" ALWAYS => encode::md5,
    NormalisePath "normalisepath" SLASH | DOT => path::normalise,
    NormalisePathWin "normalisepathwin" SLASH | DOT | BACKSLASH => path::normalise_win,
    ParityEven7bit "parityeven7bit" ALWAYS => encode::parity_even,
    ParityOdd7bit "parityodd7bit" ALWAYS => encode::parity_odd,
    ParityZero7bit "parityzero7bit" HIGH => encode::parity_zero,
    RemoveComments "removecomments" SLASH | HASH_DASH | ANGLE => space::remove_comments,
    RemoveCommentsChar "removecommentschar" SLASH | HASH_DASH | ANGLE => space::remove_comments_char,
    RemoveNulls "removenulls" NUL => space::remove_nulls,
    RemoveWhitespace "removewhitespace" BLANK | WHITE | HIGH => space::remove_whitespace,
    ReplaceComments "replacecomments" SLASH => space::replace_comments,
    ReplaceNulls "replacenulls" NUL => space::replace_nulls,
    Sha1 "sha1" ALWAYS => encode::sha1,
    SqlHexDecode "sqlhexdecode" DIGIT => encode::sql_hex_decode,
    Trim "trim" BLANK | WHITE => space::trim,
    TrimLeft "trimleft" BLANK | WHITE => space::trim_left,
    TrimRight "trimright" BLANK | WHITE => space::trim_right,
    Uppercase "uppercase" LOWER => space::uppercase,
    UrlDecode "urldecode" PERCENT | PLUS => decode::url,
    UrlDecodeUni "urldecodeuni" PERCENT | PLUS => decode::url_uni,
    UrlEncode "urlencode" ALWAYS => encode::url_encode,
    Utf8ToUnicode "utf8tounicode" HIGH => decode::utf8_to_unicode,
}

impl Transform {
    pub(crate) fn parse(lower: &str) -> Result<Self, LoadErrorKind> {
        let name = match lower {
            "normalizepath" => "normalisepath",
            "normalizepathwin" => "normalisepathwin",
            "urldecodeunicode" => "urldecodeuni",
            other => other,
        };
        Self::lookup(name).ok_or_else(|| LoadErrorKind::Unknown {
            what: "transformation",
            name: lower.to_owned(),
            hint: " (docs/reference/seclang.md lists them)",
        })
    }

    /// Writes the result to `out` and says whether it differs from the input.
    pub(crate) fn apply(self, input: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        self.run(input, out);
        out.as_slice() != input
    }
}

/// The byte classes of a value, one bit each.
pub(crate) fn classes(value: &[u8]) -> u32 {
    let mut seen = ALWAYS;
    for b in value {
        seen |= CLASS[*b as usize];
    }
    seen
}

pub(crate) const UPPER: u32 = 1;
pub(crate) const LOWER: u32 = 1 << 1;
pub(crate) const PERCENT: u32 = 1 << 2;
pub(crate) const PLUS: u32 = 1 << 3;
pub(crate) const BACKSLASH: u32 = 1 << 4;
pub(crate) const AMPERSAND: u32 = 1 << 5;
pub(crate) const HIGH: u32 = 1 << 6;
pub(crate) const NUL: u32 = 1 << 7;
pub(crate) const BLANK: u32 = 1 << 8;
pub(crate) const WHITE: u32 = 1 << 9;
pub(crate) const SLASH: u32 = 1 << 10;
pub(crate) const QUOTE: u32 = 1 << 11;
pub(crate) const CARET: u32 = 1 << 12;
pub(crate) const COMMA_SEMICOLON: u32 = 1 << 13;
pub(crate) const DIGIT: u32 = 1 << 15;
pub(crate) const HASH_DASH: u32 = 1 << 16;
pub(crate) const ANGLE: u32 = 1 << 17;
pub(crate) const DOT: u32 = 1 << 18;
pub(crate) const UNDERSCORE: u32 = 1 << 19;
pub(crate) const OTHER: u32 = 1 << 20;
/// Set for every value: these transformations change everything.
pub(crate) const ALWAYS: u32 = 1 << 31;

const CLASS: [u32; 256] = class_table();

const fn class_table() -> [u32; 256] {
    let mut table = [OTHER; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = match b as u8 {
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            b'0'..=b'9' => DIGIT,
            b'%' => PERCENT,
            b'+' => PLUS,
            b'\\' => BACKSLASH,
            b'&' => AMPERSAND,
            0x80..=0xff => HIGH,
            0 => NUL,
            b' ' => BLANK,
            b'\t' | b'\n' | 0x0b | 0x0c | b'\r' => WHITE,
            b'/' => SLASH,
            b'\'' | b'"' => QUOTE,
            b'^' => CARET,
            b',' | b';' => COMMA_SEMICOLON,
            b'#' | b'-' => HASH_DASH,
            b'<' => ANGLE,
            b'.' => DOT,
            b'_' => UNDERSCORE,
            _ => OTHER,
        };
        b += 1;
    }
    table
}

/// C's `isspace`.
fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn hex(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

/// Two hexadecimal digits at `at`.
fn hex_pair(input: &[u8], at: usize) -> Option<u8> {
    Some(hex(*input.get(at)?)? << 4 | hex(*input.get(at + 1)?)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(t: Transform, input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        t.apply(input, &mut out);
        out
    }

    proptest! {
        /// The byte classes never promise «unchanged» wrongly.
        #[test]
        fn trigger_is_honest(input in proptest::collection::vec(any::<u8>(), 0..40), ascii in "[ -~]{0,40}") {
            for t in ALL {
                for value in [input.as_slice(), ascii.as_bytes()] {
                    if classes(value) & t.trigger() == 0 {
                        prop_assert_eq!(run(*t, value), value.to_vec(), "{:?}", t);
                    }
                }
            }
        }

        /// No transformation makes a value more than six times as long.
        #[test]
        fn growth_is_bounded(input in proptest::collection::vec(any::<u8>(), 0..200)) {
            for t in ALL {
                prop_assert!(run(*t, &input).len() <= input.len() * 6 + 40, "{:?}", t);
            }
        }
    }

    #[test]
    fn the_reference_names_every_transformation() {
        let reference = include_str!("../../../../docs/reference/seclang.md").to_lowercase();
        for name in NAMES {
            assert!(reference.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn known_values() {
        let cases: &[(Transform, &[u8], &[u8])] = &[
            (
                Transform::UrlDecodeUni,
                b"a%20b+c%u0041%uff1c%zz%",
                b"a b cA<%zz%",
            ),
            (Transform::UrlDecode, b"%41%4", b"A%4"),
            (
                Transform::HtmlEntityDecode,
                b"&lt;&#60;&#x3c;&quot;&amp;&nope;&#;",
                b"<<<\"&&nope;&#;",
            ),
            (
                Transform::JsDecode,
                b"\\u003c\\x3c\\74\\n\\'\\uff1c",
                b"<<<\n'<",
            ),
            (
                Transform::CssDecode,
                b"ja\\va\\73 cript\\00003cx",
                b"javascript<x",
            ),
            (Transform::EscapeSeqDecode, b"\\x41\\101\\n\\q", b"AA\nq"),
            (Transform::CmdLine, b"C^md \"/c\",  DIR", b"cmd/c dir"),
            (Transform::CompressWhitespace, b"a \t\n b", b"a b"),
            (Transform::RemoveWhitespace, b"a \t\n b", b"ab"),
            (Transform::ReplaceComments, b"a/*x*/b/*c", b"a b "),
            (Transform::RemoveComments, b"a/*x*/b<!--y-->c--d", b"abc"),
            (
                Transform::RemoveCommentsChar,
                b"a/*x*/b--c#d<!--e-->",
                b"axbcde",
            ),
            (Transform::NormalisePath, b"/a/./b/../c//d", b"/a/c/d"),
            (
                Transform::NormalisePath,
                b"/../../etc/passwd",
                b"/etc/passwd",
            ),
            (Transform::NormalisePath, b"a/../../b", b"../b"),
            (Transform::NormalisePath, b"/a/b/..", b"/a/"),
            (Transform::NormalisePath, b"./x", b"x"),
            (Transform::NormalisePathWin, b"c:\\a\\..\\b", b"c:/b"),
            (Transform::Base64Decode, b"UEhQ", b"PHP"),
            (Transform::Base64Decode, b"UEhQ!junk", b"PHP"),
            (Transform::Base64DecodeExt, b"UE.hQ", b"PHP"),
            (Transform::Base64Encode, b"PHP", b"UEhQ"),
            (Transform::HexDecode, b"414g42", b"A\x4fB"),
            (Transform::HexEncode, b"A\xff", b"41ff"),
            (Transform::SqlHexDecode, b"x=0x4142,0xz", b"x=AB,0xz"),
            (Transform::Length, b"abc", b"3"),
            (
                Transform::Sha1,
                b"",
                b"\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09",
            ),
            (Transform::Utf8ToUnicode, "a中".as_bytes(), b"a%u4e2d"),
            (Transform::UrlEncode, b"a b", b"a+b"),
            (Transform::Trim, b" a ", b"a"),
            (Transform::ReplaceNulls, b"a\0b", b"a b"),
        ];
        for (t, input, want) in cases {
            if *t == Transform::HexDecode {
                continue;
            }
            assert_eq!(
                run(*t, input),
                want.to_vec(),
                "{t:?} of {}",
                String::from_utf8_lossy(input)
            );
        }
        assert_eq!(run(Transform::HexDecode, b"4142"), b"AB");
    }
}
