//! JSON that may hold anything: only what is asked for takes memory.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::{Format, Reason, cut};

/// Most objects of a file. Each may become a component, and each takes memory.
const MOST_OBJECTS: usize = 2_000_000;

/// Reads a document. Nesting is bounded by the parser, at 128.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Reason> {
    if text.bytes().filter(|byte| *byte == b'{').count() > MOST_OBJECTS {
        return Err(Reason::TooMany("2,000,000 objects"));
    }
    serde_json::from_str(text).map_err(|cause| Reason::Syntax(cut(&cause.to_string())))
}

/// Which inventory it is.
pub(super) fn sniff(bytes: &[u8]) -> Option<Format> {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Head {
        #[serde(rename = "bomFormat")]
        bom: Text,
        #[serde(rename = "spdxVersion")]
        spdx: Text,
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let head: Head = read(text.trim_start_matches('\u{feff}')).ok()?;
    match (head.bom, head.spdx) {
        (Text::Some(name), _) if name.eq_ignore_ascii_case("CycloneDX") => {
            Some(Format::CycloneDxJson)
        }
        (_, Text::Some(_)) => Some(Format::SpdxJson),
        _ => None,
    }
}

/// A text, or a number in its place; anything else is odd and no reason to give the file up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Text {
    #[default]
    None,
    Some(Box<str>),
    Odd,
}

impl Text {
    pub(super) fn as_deref(&self) -> Option<&str> {
        match self {
            Self::Some(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is(&self, wanted: &str) -> bool {
        self.as_deref() == Some(wanted)
    }

    pub(super) fn owned(&self) -> Option<String> {
        self.as_deref().map(str::to_owned)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text::Some(text.into()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
                Ok(Text::Some(value.to_string().into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Text, E> {
                Ok(Text::Some(value.to_string().into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Text, E> {
                Ok(Text::Some(value.to_string().into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Text, E> {
                Ok(Text::Some(value.to_string().into()))
            }

            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text::None)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text::Odd)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text::Odd)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// An object as pairs, in order, with a name that comes twice taken twice.
#[derive(Debug)]
pub(super) struct Pairs<T>(pub(super) Vec<(Box<str>, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }

            // PHP writes an empty object as an empty list.
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pairs<T>, A::Error> {
                if seq.next_element::<IgnoredAny>()?.is_some() {
                    return Err(serde::de::Error::custom("a list where an object should be"));
                }
                Ok(Pairs(Vec::new()))
            }
        }
        deserializer.deserialize_any(Entries(std::marker::PhantomData))
    }
}
