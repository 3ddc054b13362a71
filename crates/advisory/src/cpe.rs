//! CPE names: the formatted string of CPE 2.3 (NISTIR 7695, 6.2) and the URI of CPE 2.2 (6.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name that is read, bytes.
const LONGEST: usize = 2_000;

/// Fields of a formatted string, the two in front not counted.
const FIELDS: usize = 11;

/// One field of a CPE name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    /// `*`: any value.
    Any,
    /// `-`: not applicable. It is a value of its own and is not [`Attribute::Any`].
    Na,
    /// The value in lower case, without escapes; a wildcard that the name holds is kept as `*` or `?`.
    Value(Box<str>),
}

impl Attribute {
    /// The value; none for any and not applicable.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Value(text) => Some(text),
            Self::Any | Self::Na => None,
        }
    }

    /// Whether this field, as a pattern of an advisory, allows what another name holds. Wildcards inside a value are not
    /// unfolded: such a value allows only itself.
    pub fn allows(&self, other: &Self) -> bool {
        matches!(self, Self::Any) || self == other
    }
}

/// A CPE name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpe {
    /// `a` application, `o` operating system, `h` hardware.
    pub part: Attribute,
    /// The maker.
    pub vendor: Attribute,
    /// The product.
    pub product: Attribute,
    /// The version.
    pub version: Attribute,
    /// The update, such as `sp1`.
    pub update: Attribute,
    /// The edition of CPE 2.2.
    pub edition: Attribute,
    /// The language.
    pub language: Attribute,
    /// The edition that is sold.
    pub sw_edition: Attribute,
    /// What it runs in, such as `wordpress` or `node.js`.
    pub target_sw: Attribute,
    /// The processor.
    pub target_hw: Attribute,
    /// Anything else.
    pub other: Attribute,
}

impl Cpe {
    fn of(fields: [Attribute; FIELDS]) -> Self {
        let [
            part,
            vendor,
            product,
            version,
            update,
            edition,
            language,
            sw_edition,
            target_sw,
            target_hw,
            other,
        ] = fields;
        Self {
            part,
            vendor,
            product,
            version,
            update,
            edition,
            language,
            sw_edition,
            target_sw,
            target_hw,
            other,
        }
    }

    fn fields(&self) -> [&Attribute; FIELDS] {
        [
            &self.part,
            &self.vendor,
            &self.product,
            &self.version,
            &self.update,
            &self.edition,
            &self.language,
            &self.sw_edition,
            &self.target_sw,
            &self.target_hw,
            &self.other,
        ]
    }

    /// The version with its update as one text, `9.0.0-milestone1`; none where the version is any or not applicable.
    pub fn release(&self) -> Option<String> {
        let version = self.version.value()?;
        Some(match self.update.value() {
            Some(update) => format!("{version}-{update}"),
            None => version.to_owned(),
        })
    }
}

impl FromStr for Cpe {
    type Err = CpeError;

    fn from_str(text: &str) -> Result<Self, CpeError> {
        let refuse = |why| CpeError {
            text: text.chars().take(200).collect(),
            why,
        };
        let name = text.trim();
        if name.len() > LONGEST {
            return Err(refuse("it is longer than 2,000 bytes"));
        }
        let head = |prefix: &str| {
            name.get(..prefix.len())
                .filter(|start| start.eq_ignore_ascii_case(prefix))
                .and_then(|_| name.get(prefix.len()..))
        };
        let fields = if let Some(rest) = head("cpe:2.3:") {
            formatted(rest)
        } else if let Some(rest) = head("cpe:/") {
            uri(rest)
        } else {
            Err("it begins neither with cpe:2.3: nor with cpe:/")
        };
        let cpe = Self::of(fields.map_err(refuse)?);
        match cpe.part.value() {
            Some("a" | "o" | "h") => Ok(cpe),
            None if cpe.part == Attribute::Any => Ok(cpe),
            _ => Err(refuse("its part is not a, o, h or *")),
        }
    }
}

impl TryFrom<String> for Cpe {
    type Error = CpeError;

    fn try_from(text: String) -> Result<Self, CpeError> {
        text.parse()
    }
}

impl From<Cpe> for String {
    fn from(cpe: Cpe) -> Self {
        cpe.to_string()
    }
}

impl fmt::Display for Cpe {
    /// The formatted string.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cpe:2.3")?;
        for field in self.fields() {
            f.write_str(":")?;
            match field {
                Attribute::Any => f.write_str("*")?,
                Attribute::Na => f.write_str("-")?,
                Attribute::Value(text) => quote(text, f)?,
            }
        }
        Ok(())
    }
}

/// Writes a value with the escapes of 6.2.3.2. A value of one `-` or `*` is escaped, so that it stays a value.
fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        match c {
            '.' | '_' => {}
            '-' if text.len() > 1 => {}
            '*' | '?' if text.len() > 1 => {}
            c if c.is_ascii_alphanumeric() || !c.is_ascii() => {}
            _ => f.write_str("\\")?,
        }
        write!(f, "{c}")?;
    }
    Ok(())
}

/// Splits at colons that no backslash stands before.
fn formatted(rest: &str) -> Result<[Attribute; FIELDS], &'static str> {
    let mut fields = Vec::with_capacity(FIELDS);
    let (mut value, mut escaped, mut bare) = (String::new(), false, true);
    for c in rest.chars() {
        if escaped {
            (escaped, bare) = (false, false);
            value.extend(c.to_lowercase());
        } else if c == '\\' {
            escaped = true;
        } else if c == ':' {
            if fields.len() >= FIELDS {
                break;
            }
            fields.push(attribute(&value, bare));
            value.clear();
            bare = true;
        } else if c.is_control() || c.is_whitespace() {
            return Err("it holds a space or a control character that is not escaped");
        } else {
            value.extend(c.to_lowercase());
        }
    }
    if escaped {
        return Err("it ends in a backslash");
    }
    fields.push(attribute(&value, bare));
    fields.try_into().map_err(|_| "it has not thirteen fields")
}

/// Fields of the URI; the edition may pack five of them behind tildes (6.1.2.1.1).
fn uri(rest: &str) -> Result<[Attribute; FIELDS], &'static str> {
    let given: Vec<&str> = rest.split(':').collect();
    if given.len() > 7 {
        return Err("it has more than seven fields");
    }
    let mut fields = [const { Attribute::Any }; FIELDS];
    for (at, text) in given.into_iter().enumerate() {
        if at == 5 && text.starts_with('~') {
            let packed = text.split('~').skip(1);
            for (place, part) in [5, 7, 8, 9, 10].into_iter().zip(packed) {
                if let Some(field) = fields.get_mut(place) {
                    *field = plain(part)?;
                }
            }
        } else if let Some(field) = fields.get_mut(at) {
            *field = plain(text)?;
        }
    }
    Ok(fields)
}

/// A field of the URI: percent signs unfolded, empty is any.
fn plain(text: &str) -> Result<Attribute, &'static str> {
    if text.is_empty() {
        return Ok(Attribute::Any);
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err("a percent sign has no two hexadecimal digits behind it");
        };
        match high * 16 + low {
            // 6.1.2.1.2: %01 and %02 stand for the wildcards.
            1 => bytes.push(b'?'),
            2 => bytes.push(b'*'),
            value => bytes.push(u8::try_from(value).unwrap_or(b'?')),
        }
    }
    let value = String::from_utf8(bytes).map_err(|_| "its percent signs are no UTF-8")?;
    if value.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    Ok(attribute(&value.to_lowercase(), true))
}

/// `bare`: nothing in it was escaped.
fn attribute(value: &str, bare: bool) -> Attribute {
    match value {
        "*" | "" if bare => Attribute::Any,
        "-" if bare => Attribute::Na,
        _ => Attribute::Value(value.into()),
    }
}

/// A text that is no CPE name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no CPE name: {why}")]
pub struct CpeError {
    /// The text, cut to 200 characters.
    pub text: String,
    /// Why not.
    pub why: &'static str,
}
