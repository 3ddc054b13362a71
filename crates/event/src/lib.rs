//! Events with OCSF names and an `scrm` extension, and bounded readers of other people's event lines.
//!
//! An [`Event`] is an OCSF object whose class is known. [`Reader`] takes JSON lines in OCSF or ECS form; what it can't
//! parse is kept raw up to a bound, counted with a [`Reason`], and the reader goes on with the next line.
//!
//! ```
//! use hudun_event::{Class, Format, Item, Limits, Reader};
//!
//! let lines = br#"{"class_uid":6001,"actor":{"user":{"uid":"sales-3"}}}"#;
//! let mut reader = Reader::new(&lines[..], Format::Ocsf, Limits::default());
//! let Some(Item::Event(event)) = reader.next_item()? else { panic!("an event") };
//! assert_eq!(event.class(), Class::WebResources);
//! assert_eq!(event.get("actor.user.uid").and_then(|uid| uid.as_str()), Some("sales-3"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod model;
mod read;

pub use model::{Class, Event, Fault};
pub use read::{Counts, Format, Item, Limits, Reader, Reason};
