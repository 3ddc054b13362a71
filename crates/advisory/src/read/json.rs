//! What the JSON readers share.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, Visitor};
use serde_json::value::RawValue;

use super::Out;

/// The text of a JSON file, refused where it is none.
pub(super) fn text<'a>(bytes: &'a [u8], out: &mut Out<'_>) -> Option<&'a str> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        out.refuse("byte 0", "it is UTF-16: JSON is UTF-8");
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => {
            out.refuse("byte 0", "it is empty");
            None
        }
        Ok(text) => Some(text),
        Err(error) => {
            let at = error.valid_up_to();
            // Half a character at the end is what a cut leaves.
            if error.error_len().is_none() {
                out.cut();
            }
            out.refuse(format!("byte {at}"), "it is not UTF-8 there");
            None
        }
    }
}

/// Calls `each` for every record of a file: the file itself, the members of an array, or the members of the list under one of
/// `lists`. A member that can't be read is refused by itself.
pub(super) fn each<T: DeserializeOwned>(
    bytes: &[u8],
    lists: &[&str],
    out: &mut Out<'_>,
    mut one: impl FnMut(T, String, &mut Out<'_>),
) {
    let Some(text) = text(bytes, out) else {
        return;
    };
    if text.trim_start().starts_with('[') {
        match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(members) => all(&members, "", text, out, one),
            Err(error) => broken(&error, out),
        }
        return;
    }
    if !lists.is_empty() {
        let fields: BTreeMap<Cow<'_, str>, &RawValue> = match serde_json::from_str(text) {
            Ok(fields) => fields,
            Err(error) => return broken(&error, out),
        };
        let found = lists
            .iter()
            .find_map(|name| fields.get(*name).map(|raw| (*name, *raw)));
        if let Some((name, raw)) = found {
            match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
                Ok(members) => all(&members, name, text, out, one),
                Err(error) => out.refuse(name, plain(&error)),
            }
            return;
        }
    }
    match serde_json::from_str::<T>(text) {
        Ok(value) => one(value, String::new(), out),
        Err(error) => broken(&error, out),
    }
}

fn all<T: DeserializeOwned>(
    members: &[&RawValue],
    name: &str,
    text: &str,
    out: &mut Out<'_>,
    mut one: impl FnMut(T, String, &mut Out<'_>),
) {
    for (at, member) in members.iter().enumerate() {
        if !out.room() {
            return;
        }
        let place = format!("{name}[{at}]");
        match serde_json::from_str::<T>(member.get()) {
            Ok(value) => one(value, place, out),
            Err(error) => {
                let byte = (member.get().as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
                out.refuse(format!("{place}, from byte {byte}"), plain(&error));
            }
        }
    }
}

fn broken(error: &serde_json::Error, out: &mut Out<'_>) {
    let place = format!("line {}, column {}", error.line(), error.column());
    let reason = match error.classify() {
        serde_json::error::Category::Eof => {
            out.cut();
            format!("it ends too early, as if cut: {}", plain(error))
        }
        _ => plain(error),
    };
    out.refuse(place, reason);
}

/// The message without its place, which would be that within the member.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

/// A field that may also be `null`.
pub(super) fn or_null<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// A text that some write as a number or as true or false.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Text, E> {
                Ok(Text(text))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Text, E> {
                Ok(Text::default())
            }
        }
        from.deserialize_any(Any)
    }
}
