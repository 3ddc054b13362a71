//! The columns of a Parquet file: one row per exchange, in plain types that any reader knows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, FixedSizeBinaryBuilder, ListArray, RecordBatch,
    StringArray, TimestampMillisecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use hudun_core::{Delivery, Exchange, ExchangeEnd, Push, Release, Sighting, SubjectToken};

/// The schema. Columns may be added at the end by later versions; none changes its meaning.
pub(crate) fn schema() -> SchemaRef {
    let must = |name: &str, kind| Field::new(name, kind, false);
    let may = |name: &str, kind| Field::new(name, kind, true);
    let list = |name: &str, kind| Field::new_list(name, Field::new("item", kind, false), false);
    Arc::new(Schema::new(vec![
        must("exchange", bytes16()),
        must("ts", moment()),
        must("last_ts", moment()),
        must("tenant", DataType::Utf8),
        may("account", DataType::Utf8),
        may("role", DataType::Utf8),
        may("session", DataType::Utf8),
        may("token", DataType::Utf8),
        must("ip", DataType::Utf8),
        must("agent", DataType::Utf8),
        must("module", DataType::Utf8),
        must("route", DataType::Utf8),
        must("method", DataType::Utf8),
        must("path", DataType::Utf8),
        must("export", DataType::Boolean),
        must("login", DataType::Boolean),
        may("signals", DataType::Utf8),
        may("drill", DataType::Utf8),
        may("end_ts", moment()),
        may("status", DataType::UInt16),
        may("success", DataType::Boolean),
        may("delivery", DataType::Utf8),
        may("groups", DataType::UInt32),
        may("request_bytes", DataType::UInt64),
        may("response_bytes", DataType::UInt64),
        may("millis", DataType::UInt64),
        may("refusal", DataType::Utf8),
        list("release_group", DataType::UInt32),
        list("release_ts", moment()),
        list("release_bytes", DataType::UInt64),
        list("release_explained", DataType::UInt64),
        list("release_rows", DataType::UInt32),
        list("release_foreign_rows", DataType::UInt32),
        list("subjects", bytes16()),
        list("kinds", DataType::UInt32),
        list("subject_release", DataType::UInt32),
        list("aliases", bytes16()),
        list("alias_subject", DataType::UInt32),
        list("touched", bytes16()),
        may("rtt_ms", DataType::UInt32),
        may("about", DataType::Utf8),
        may("push", DataType::Utf8),
    ]))
}

/// These exchanges as rows.
pub(crate) fn encode(rows: &[Arc<Exchange>]) -> Result<RecordBatch, ArrowError> {
    let text = |of: &dyn Fn(&Exchange) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| of(row)),
        ))
    };
    let may_text = |of: &dyn Fn(&Exchange) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| of(row)).collect::<StringArray>())
    };
    let flag = |of: &dyn Fn(&Exchange) -> bool| -> ArrayRef {
        Arc::new(
            rows.iter()
                .map(|row| Some(of(row)))
                .collect::<BooleanArray>(),
        )
    };
    let ends = || rows.iter().map(|row| row.end.as_ref());
    let end_u64 = |of: &dyn Fn(&ExchangeEnd) -> u64| -> ArrayRef {
        Arc::new(ends().map(|end| end.map(of)).collect::<UInt64Array>())
    };
    let ids = rows.iter().map(|row| *row.head.id.uuid().as_bytes());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(binary(ids)?),
        moments(rows.iter().map(|row| Some(row.head.at.as_millis()))),
        moments(
            rows.iter()
                .map(|row| Some(crate::scope::last_moment(row).as_millis())),
        ),
        text(&|row| row.head.tenant.to_string()),
        may_text(&|row| row.head.actor.account.as_ref().map(ToString::to_string)),
        may_text(&|row| row.head.actor.role.clone()),
        may_text(&|row| row.head.actor.session.as_ref().map(ToString::to_string)),
        may_text(&|row| row.head.actor.token.as_ref().map(ToString::to_string)),
        text(&|row| row.head.actor.ip.to_string()),
        text(&|row| row.head.actor.agent.clone()),
        text(&|row| row.head.module.to_string()),
        text(&|row| row.head.route.to_string()),
        text(&|row| row.head.method.clone()),
        text(&|row| row.head.path.clone()),
        flag(&|row| row.head.export),
        flag(&|row| row.head.login),
        may_text(&|row| {
            let signals = &row.head.signals;
            (!signals.is_empty()).then(|| json(signals))
        }),
        may_text(&|row| row.head.drill.map(|drill| drill.to_string())),
        moments(ends().map(|end| end.map(|end| end.at.as_millis()))),
        Arc::new(
            ends()
                .map(|end| end.map(|end| end.status))
                .collect::<UInt16Array>(),
        ),
        Arc::new(
            ends()
                .map(|end| end.map(|end| end.success))
                .collect::<BooleanArray>(),
        ),
        may_text(&|row| {
            row.end
                .as_ref()
                .map(|end| delivery_name(end.delivery).to_owned())
        }),
        Arc::new(
            ends()
                .map(|end| end.map(|end| end.groups))
                .collect::<UInt32Array>(),
        ),
        end_u64(&|end| end.request_bytes),
        end_u64(&|end| end.response_bytes),
        end_u64(&|end| end.millis),
        may_text(&|row| row.end.as_ref()?.refusal.as_ref().map(json)),
        releases(rows, |values| {
            Arc::new(values.map(|r| r.group).collect::<UInt32Array>())
        }),
        releases(rows, |values| {
            moments(values.map(|r| Some(r.at.as_millis())))
        }),
        releases(rows, |values| {
            Arc::new(values.map(|r| r.bytes).collect::<UInt64Array>())
        }),
        releases(rows, |values| {
            Arc::new(values.map(|r| r.explained).collect::<UInt64Array>())
        }),
        releases(rows, |values| {
            Arc::new(values.map(|r| r.rows).collect::<UInt32Array>())
        }),
        releases(rows, |values| {
            Arc::new(values.map(|r| r.foreign_rows).collect::<UInt32Array>())
        }),
        list(
            rows.iter().map(|row| sightings(row).count()),
            Arc::new(binary(
                all_sightings(rows).map(|(_, s)| *s.subject.as_bytes()),
            )?),
        ),
        list(
            rows.iter().map(|row| sightings(row).count()),
            Arc::new(
                all_sightings(rows)
                    .map(|(_, s)| s.kinds.bits())
                    .collect::<UInt32Array>(),
            ),
        ),
        list(
            rows.iter().map(|row| sightings(row).count()),
            Arc::new(
                all_sightings(rows)
                    .map(|(release, _)| release)
                    .collect::<UInt32Array>(),
            ),
        ),
        list(
            rows.iter().map(|row| aliases(row).count()),
            Arc::new(binary(
                rows.iter()
                    .flat_map(|row| aliases(row))
                    .map(|(_, a)| *a.as_bytes()),
            )?),
        ),
        list(
            rows.iter().map(|row| aliases(row).count()),
            Arc::new(
                rows.iter()
                    .flat_map(|row| aliases(row))
                    .map(|(subject, _)| subject)
                    .collect::<UInt32Array>(),
            ),
        ),
        list(
            rows.iter().map(|row| row.head.touched.len()),
            Arc::new(binary(
                rows.iter()
                    .flat_map(|row| &row.head.touched)
                    .map(|subject| *subject.as_bytes()),
            )?),
        ),
        Arc::new(
            rows.iter()
                .map(|row| row.head.rtt_ms)
                .collect::<UInt32Array>(),
        ),
        may_text(&|row| row.head.about.as_ref().map(ToString::to_string)),
        may_text(&|row| row.head.push.map(|push| push_name(push).to_owned())),
    ];
    RecordBatch::try_new(schema(), columns)
}

/// How a delivery is written.
pub(crate) const fn delivery_name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Delivered => "delivered",
        Delivery::Aborted => "aborted",
        Delivery::Withheld => "withheld",
    }
}

/// How the answer to a push is written.
const fn push_name(push: Push) -> &'static str {
    match push {
        Push::Accepted => "accepted",
        Push::Declined => "declined",
        Push::Unanswered => "unanswered",
    }
}

fn moment() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

const fn bytes16() -> DataType {
    DataType::FixedSizeBinary(16)
}

fn moments(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(
        values
            .collect::<TimestampMillisecondArray>()
            .with_timezone("UTC"),
    )
}

fn binary(values: impl Iterator<Item = [u8; 16]>) -> Result<FixedSizeBinaryArray, ArrowError> {
    let mut builder = FixedSizeBinaryBuilder::new(16);
    for value in values {
        builder.append_value(value)?;
    }
    Ok(builder.finish())
}

fn list(lengths: impl Iterator<Item = usize>, values: ArrayRef) -> ArrayRef {
    let item = Arc::new(Field::new("item", values.data_type().clone(), false));
    Arc::new(ListArray::new(
        item,
        OffsetBuffer::from_lengths(lengths),
        values,
        None,
    ))
}

fn releases<'a>(
    rows: &'a [Arc<Exchange>],
    of: impl FnOnce(&mut dyn Iterator<Item = &'a Release>) -> ArrayRef,
) -> ArrayRef {
    let mut values = rows.iter().flat_map(|row| &row.releases);
    list(rows.iter().map(|row| row.releases.len()), of(&mut values))
}

/// The sightings of an exchange, each with the place of its release in the list of releases.
fn sightings(row: &Exchange) -> impl Iterator<Item = (u32, &Sighting)> {
    (0..)
        .zip(&row.releases)
        .flat_map(|(at, release)| release.sightings.iter().map(move |sighting| (at, sighting)))
}

fn all_sightings(rows: &[Arc<Exchange>]) -> impl Iterator<Item = (u32, &Sighting)> {
    rows.iter().flat_map(|row| sightings(row))
}

/// The aliases of an exchange, each with the place of its subject in the list of subjects.
fn aliases(row: &Exchange) -> impl Iterator<Item = (u32, &SubjectToken)> {
    (0..)
        .zip(sightings(row))
        .flat_map(|(at, (_, sighting))| sighting.aliases.iter().map(move |alias| (at, alias)))
}

/// These values always have a JSON form.
fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
