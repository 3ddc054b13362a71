//! Bounded readers of other people's event lines, mapping of their names, and typed OCSF events.
//!
//! [`Reader`] takes OCSF, ECS and plain JSON lines, access logs, syslog and the journal of systemd, and gives each event as
//! a [`Record`]: flat fields under dotted paths, the same storage for every line, so that reading allocates nothing once it
//! is warm. A [`Mapping`] gives fields other names. What can't be read is kept raw up to a bound and counted with a
//! [`Reason`], and the reader goes on with the next line.
//!
//! ```
//! use hudun_event::{Format, Item, Limits, Reader, Value};
//!
//! let log = br#"10.0.0.7 - ann [05/Jan/2026:18:00:00 +0800] "GET /a?id=1 HTTP/1.1" 404 512 "-" "curl/8""#;
//! let mut reader = Reader::new(&log[..], Format::Combined, Limits::default());
//! let Some(Item::Event(record)) = reader.next_item()? else { panic!("an event") };
//! assert_eq!(record.time(), Some(1_767_607_200_000));
//! assert_eq!(record.get("cs-uri-stem"), Some(Value::Text("/a")));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! An [`Event`] is an OCSF object whose class is known; [`Record::to_event`] makes one.

mod combined;
mod frame;
mod journald;
mod json;
mod mapping;
mod model;
mod reader;
mod record;
mod syslog;
mod time;

pub use mapping::{Mapping, MappingError};
pub use model::{Class, Event, Fault};
pub use reader::{Counts, Format, Item, Limits, Reader, Reason};
pub use record::{Record, Value};
