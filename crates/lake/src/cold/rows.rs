//! Rows of a Parquet file back to exchanges.

use std::str::FromStr;

use arrow::array::{
    Array, AsArray, BooleanArray, FixedSizeBinaryArray, ListArray, PrimitiveArray, RecordBatch,
    StringArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, TimestampMillisecondType, UInt16Type, UInt32Type, UInt64Type,
};
use hudun_core::{
    Actor, Delivery, Exchange, ExchangeEnd, ExchangeHead, ExchangeId, KindSet, Push, Release,
    Sighting, SubjectToken, Timestamp,
};
use uuid::Uuid;

/// A row that can't be read, and why.
#[derive(Debug, thiserror::Error)]
#[error("column {column}: {what}")]
pub(crate) struct RowError {
    column: &'static str,
    what: &'static str,
}

type Result<T> = std::result::Result<T, RowError>;

/// The columns of a batch by name.
pub(crate) struct Rows<'a>(&'a RecordBatch);

impl<'a> Rows<'a> {
    pub(crate) const fn new(batch: &'a RecordBatch) -> Self {
        Self(batch)
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.0.num_rows()
    }

    /// All exchanges of the batch.
    pub(crate) fn exchanges(&self) -> Result<Vec<Exchange>> {
        (0..self.0.num_rows()).map(|at| self.exchange(at)).collect()
    }

    fn exchange(&self, at: usize) -> Result<Exchange> {
        let id = ExchangeId::from_uuid(Uuid::from_bytes(self.id(at)?));
        Ok(Exchange {
            head: self.head(id, at)?,
            releases: self.releases(id, at)?,
            end: self.end(id, at)?,
        })
    }

    fn head(&self, id: ExchangeId, at: usize) -> Result<ExchangeHead> {
        Ok(ExchangeHead {
            id,
            at: self.moment("ts", at)?,
            tenant: self.parse("tenant", at)?,
            actor: Actor {
                account: self.may_parse("account", at)?,
                role: self.may_text("role", at)?.map(str::to_owned),
                session: self.may_parse("session", at)?,
                token: self.may_parse("token", at)?,
                ip: self.parse("ip", at)?,
                agent: self.text("agent", at)?.to_owned(),
            },
            module: self.parse("module", at)?,
            route: self.parse("route", at)?,
            method: self.text("method", at)?.to_owned(),
            path: self.text("path", at)?.to_owned(),
            export: self.flag("export", at)?,
            login: self.flag("login", at)?,
            signals: self.may_json("signals", at)?.unwrap_or_default(),
            drill: self.may_parse("drill", at)?,
            touched: match self.has("touched") {
                true => self.tokens("touched", at)?,
                false => Vec::new(),
            },
            rtt_ms: match self.has("rtt_ms") {
                true => self.may_number::<UInt32Type>("rtt_ms", at)?,
                false => None,
            },
            about: match self.has("about") {
                true => self.may_parse("about", at)?,
                false => None,
            },
            push: match self.has("push") {
                true => self.push(at)?,
                false => None,
            },
        })
    }

    fn end(&self, id: ExchangeId, at: usize) -> Result<Option<ExchangeEnd>> {
        let Some(delivery) = self.may_text("delivery", at)? else {
            return Ok(None);
        };
        Ok(Some(ExchangeEnd {
            exchange: id,
            at: self.moment("end_ts", at)?,
            status: self.number::<UInt16Type>("status", at)?,
            success: self.flag("success", at)?,
            delivery: match delivery {
                "delivered" => Delivery::Delivered,
                "aborted" => Delivery::Aborted,
                "withheld" => Delivery::Withheld,
                _ => return Err(wrong("delivery", "is unknown")),
            },
            groups: self.number::<UInt32Type>("groups", at)?,
            request_bytes: self.number::<UInt64Type>("request_bytes", at)?,
            response_bytes: self.number::<UInt64Type>("response_bytes", at)?,
            millis: self.number::<UInt64Type>("millis", at)?,
            refusal: self.may_json("refusal", at)?,
        }))
    }

    fn releases(&self, id: ExchangeId, at: usize) -> Result<Vec<Release>> {
        let groups = self.numbers::<UInt32Type>("release_group", at)?;
        let moments = self.numbers::<TimestampMillisecondType>("release_ts", at)?;
        let bytes = self.numbers::<UInt64Type>("release_bytes", at)?;
        let explained = self.numbers::<UInt64Type>("release_explained", at)?;
        let rows = self.numbers::<UInt32Type>("release_rows", at)?;
        let foreign = self.numbers::<UInt32Type>("release_foreign_rows", at)?;
        let lengths = [
            moments.len(),
            bytes.len(),
            explained.len(),
            rows.len(),
            foreign.len(),
        ];
        if lengths != [groups.len(); 5] {
            return Err(wrong(
                "release_group",
                "differs in length from its companions",
            ));
        }
        let mut releases: Vec<_> = (0..groups.len())
            .map(|n| Release {
                exchange: id,
                group: groups.value(n),
                at: Timestamp::from_millis(moments.value(n)),
                bytes: bytes.value(n),
                explained: explained.value(n),
                rows: rows.value(n),
                foreign_rows: foreign.value(n),
                sightings: Vec::new(),
            })
            .collect();
        let kinds = self.numbers::<UInt32Type>("kinds", at)?;
        let release_of = self.numbers::<UInt32Type>("subject_release", at)?;
        let mut sightings = self.proofs(at)?;
        if sightings.len() != kinds.len() || kinds.len() != release_of.len() {
            return Err(wrong("subjects", "differs in length from its companions"));
        }
        for (n, mut sighting) in sightings.drain(..).enumerate() {
            sighting.kinds = KindSet::from_bits(kinds.value(n));
            let Some(release) = releases.get_mut(release_of.value(n) as usize) else {
                return Err(wrong("subject_release", "points behind the releases"));
            };
            release.sightings.push(sighting);
        }
        Ok(releases)
    }

    /// The subjects of a row with their aliases, without kinds.
    pub(crate) fn proofs(&self, at: usize) -> Result<Vec<Sighting>> {
        let subjects = self.tokens("subjects", at)?;
        let aliases = self.tokens("aliases", at)?;
        let subject_of = self.numbers::<UInt32Type>("alias_subject", at)?;
        if aliases.len() != subject_of.len() {
            return Err(wrong("aliases", "differs in length from its companion"));
        }
        let mut sightings: Vec<_> = subjects
            .into_iter()
            .map(|subject| Sighting::new(subject, KindSet::EMPTY))
            .collect();
        for (n, alias) in aliases.into_iter().enumerate() {
            let Some(sighting) = sightings.get_mut(subject_of.value(n) as usize) else {
                return Err(wrong("alias_subject", "points behind the subjects"));
            };
            sighting.aliases.push(alias);
        }
        Ok(sightings)
    }

    pub(crate) fn id(&self, at: usize) -> Result<[u8; 16]> {
        let column: &FixedSizeBinaryArray = self.column("exchange")?;
        column
            .value(at)
            .try_into()
            .map_err(|_| wrong("exchange", "is not 16 bytes long"))
    }

    pub(crate) fn moment(&self, name: &'static str, at: usize) -> Result<Timestamp> {
        Ok(Timestamp::from_millis(
            self.number::<TimestampMillisecondType>(name, at)?,
        ))
    }

    pub(crate) fn text(&self, name: &'static str, at: usize) -> Result<&'a str> {
        self.may_text(name, at)?
            .ok_or_else(|| wrong(name, "is null"))
    }

    pub(crate) fn may_text(&self, name: &'static str, at: usize) -> Result<Option<&'a str>> {
        let column: &StringArray = self.column(name)?;
        Ok(column.is_valid(at).then(|| column.value(at)))
    }

    pub(crate) fn parse<T: FromStr>(&self, name: &'static str, at: usize) -> Result<T> {
        self.text(name, at)?
            .parse()
            .map_err(|_| wrong(name, "is no identifier"))
    }

    pub(crate) fn may_parse<T: FromStr>(&self, name: &'static str, at: usize) -> Result<Option<T>> {
        self.may_text(name, at)?
            .map(|text| text.parse().map_err(|_| wrong(name, "is no identifier")))
            .transpose()
    }

    fn may_json<T: serde::de::DeserializeOwned>(
        &self,
        name: &'static str,
        at: usize,
    ) -> Result<Option<T>> {
        self.may_text(name, at)?
            .map(|text| {
                serde_json::from_str(text).map_err(|_| wrong(name, "is not the JSON expected"))
            })
            .transpose()
    }

    fn flag(&self, name: &'static str, at: usize) -> Result<bool> {
        let column: &BooleanArray = self.column(name)?;
        if column.is_null(at) {
            return Err(wrong(name, "is null"));
        }
        Ok(column.value(at))
    }

    fn push(&self, at: usize) -> Result<Option<Push>> {
        Ok(match self.may_text("push", at)? {
            None => None,
            Some("accepted") => Some(Push::Accepted),
            Some("declined") => Some(Push::Declined),
            Some("unanswered") => Some(Push::Unanswered),
            Some(_) => return Err(wrong("push", "is unknown")),
        })
    }

    fn number<T: ArrowPrimitiveType>(&self, name: &'static str, at: usize) -> Result<T::Native> {
        self.may_number::<T>(name, at)?
            .ok_or_else(|| wrong(name, "is null"))
    }

    fn may_number<T: ArrowPrimitiveType>(
        &self,
        name: &'static str,
        at: usize,
    ) -> Result<Option<T::Native>> {
        let column: &PrimitiveArray<T> = self.column(name)?;
        Ok(column.is_valid(at).then(|| column.value(at)))
    }

    fn numbers<T: ArrowPrimitiveType>(
        &self,
        name: &'static str,
        at: usize,
    ) -> Result<PrimitiveArray<T>> {
        let column: &ListArray = self.column(name)?;
        column
            .value(at)
            .as_primitive_opt::<T>()
            .cloned()
            .ok_or_else(|| wrong(name, "is a list of another type"))
    }

    pub(crate) fn tokens(&self, name: &'static str, at: usize) -> Result<Vec<SubjectToken>> {
        let column: &ListArray = self.column(name)?;
        let values = column.value(at);
        let Some(values) = values.as_fixed_size_binary_opt() else {
            return Err(wrong(name, "is a list of another type"));
        };
        (0..values.len())
            .map(|n| {
                let bytes: [u8; 16] = values
                    .value(n)
                    .try_into()
                    .map_err(|_| wrong(name, "is not 16 bytes long"))?;
                Ok(SubjectToken::from_bytes(bytes))
            })
            .collect()
    }

    /// Whether the file has the column: those at the end of the schema came with later versions.
    fn has(&self, name: &str) -> bool {
        self.0.column_by_name(name).is_some()
    }

    fn column<T: Array + 'static>(&self, name: &'static str) -> Result<&'a T> {
        self.0
            .column_by_name(name)
            .ok_or_else(|| wrong(name, "is missing"))?
            .as_any()
            .downcast_ref()
            .ok_or_else(|| wrong(name, "has another type"))
    }
}

const fn wrong(column: &'static str, what: &'static str) -> RowError {
    RowError { column, what }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hudun_core::ModuleId;

    use super::super::schema;
    use super::*;

    /// Columns came with later versions, always at the end; files of earlier ones stay readable.
    #[test]
    fn a_file_without_the_latest_columns_is_read() {
        let module: ModuleId = "customers".parse().unwrap();
        let exchange = Exchange {
            head: ExchangeHead {
                id: ExchangeId::new(),
                at: Timestamp::from_millis(1_795_420_800_000),
                tenant: "shop".parse().unwrap(),
                actor: Actor::unknown("203.0.113.7".parse().unwrap()),
                module,
                route: "customer".parse().unwrap(),
                method: "GET".to_owned(),
                path: "/c/{id}".to_owned(),
                export: false,
                login: false,
                signals: Vec::new(),
                touched: vec![SubjectToken::from_bytes([7; 16])],
                rtt_ms: Some(42),
                about: Some("mei".parse().unwrap()),
                push: Some(Push::Declined),
                drill: None,
            },
            releases: Vec::new(),
            end: None,
        };
        let batch = schema::encode(&[Arc::new(exchange.clone())]).unwrap();
        assert_eq!(
            Rows::new(&batch).exchanges().unwrap(),
            std::slice::from_ref(&exchange)
        );
        let columns: Vec<usize> = (0..batch.num_columns() - 4).collect();
        let before = batch.project(&columns).unwrap();
        let read = Rows::new(&before).exchanges().unwrap().remove(0);
        let plain = ExchangeHead {
            touched: Vec::new(),
            rtt_ms: None,
            about: None,
            push: None,
            ..exchange.head
        };
        assert_eq!(read.head, plain);
    }
}
