//! JSON text into a record, without building a tree.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::reader::Reason;
use crate::record::{Record, Value};

/// Objects and lists deeper than this are not looked into. Deeper than 128, the parser refuses the line.
const MAX_DEPTH: usize = 64;

/// Adds the fields of an object to the record.
pub(crate) fn read(line: &[u8], record: &mut Record) -> Result<(), Reason> {
    let mut from = serde_json::Deserializer::from_slice(line);
    let mut object = false;
    let walk = Walk {
        record,
        depth: MAX_DEPTH,
        object: Some(&mut object),
    };
    walk.deserialize(&mut from)
        .and_then(|()| from.end())
        .map_err(|error| match std::str::from_utf8(line) {
            Err(_) => Reason::Encoding,
            Ok(_) => Reason::Json {
                column: error.column(),
            },
        })?;
    if object {
        Ok(())
    } else {
        Err(Reason::NotAnObject)
    }
}

struct Walk<'r> {
    record: &'r mut Record,
    depth: usize,
    /// At the top: set when it is an object.
    object: Option<&'r mut bool>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl Walk<'_> {
    fn add(self, value: Value<'_>) {
        if self.object.is_none() {
            self.record.add(value);
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.add(Value::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.add(Value::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.add(Value::Int(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        #[allow(clippy::cast_precision_loss)]
        self.add(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.add(Value::Float(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.add(Value::Text(value));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self {
            record,
            depth,
            object,
        } = self;
        if depth == 0 || object.is_some() {
            record.leave_out();
            while members.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        record.add(Value::List);
        loop {
            let member = Walk {
                record: &mut *record,
                depth: depth - 1,
                object: None,
            };
            if members.next_element_seed(member)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self {
            record,
            depth,
            object,
        } = self;
        if depth == 0 {
            record.leave_out();
            while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let top = object.is_some();
        match object {
            Some(object) => *object = true,
            None => record.add(Value::Object),
        }
        while let Some(back) = fields.next_key_seed(Name(&mut *record, top))? {
            fields.next_value_seed(Walk {
                record: &mut *record,
                depth: depth - 1,
                object: None,
            })?;
            record.leave(back);
        }
        Ok(())
    }
}

/// A key: the record goes down to it, and the place to come back to is what it gives.
struct Name<'r>(&'r mut Record, bool);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<usize, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<usize, E> {
        Ok(self.0.enter(name, self.1))
    }
}
