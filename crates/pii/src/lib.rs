//! Finds, names, masks and tokenises personal data in a stream.
//!
//! A body passes through a [`Scanner`] in pieces of any size. The scanner says whose data is in it ([`Fed::sightings`])
//! and up to where everything is accounted for ([`Fed::settled`]); whoever releases only settled bytes, after the
//! sightings are on disk, lets nothing personal leave unrecorded. It holds no more than [`Bounds`] allow.
//!
//! What a profile declares in a [`FieldMap`] comes first; what the content gives away by its shape and its check digits
//! comes second. A person is named by a keyed token of a [`Keyer`] and never in clear.
//!
//! ```
//! use hudun_core::DataKind;
//! use hudun_pii::{Bounds, FieldMap, Format, Keyer, ScanMode, Scanner};
//!
//! let keyer = Keyer::new(&[7; 32]);
//! let map = FieldMap::builder()
//!     .subject_key("id")
//!     .field("name", DataKind::Name)
//!     .field("mobile", DataKind::Mobile)
//!     .rows_at("/items")
//!     .build()?;
//! let mut scanner = Scanner::new(Format::Json, &map, &keyer, ScanMode::Mask, Bounds::default());
//! let mut fed = scanner.feed(r#"{"items":[{"id":5,"name":"张三","mobile":"138000"#.as_bytes());
//! assert!(fed.sightings.is_empty() && fed.settled < 30, "the row is not complete");
//! let mut masked = fed.output;
//! fed = scanner.feed(br#"00001"}]}"#);
//! masked.extend(fed.output);
//! assert_eq!(fed.sightings[0].subject, keyer.subject("customer", "5"));
//! assert_eq!(fed.sightings[0].aliases, [keyer.subject("mobile", "+86 138 0000 0001")]);
//! masked.extend(scanner.finish().output);
//! assert_eq!(
//!     std::str::from_utf8(&masked)?,
//!     r#"{"items":[{"id":5,"name":"张*","mobile":"138****0001"}]}"#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod book;
mod context;
mod csv;
mod decode;
mod detect;
mod field;
mod frame;
mod group;
mod html;
mod json;
mod keyer;
mod mask;
mod phone;
mod propose;
mod scan;
mod text;
pub mod validate;
mod window;

pub use field::{FieldMap, FieldMapBuilder, FieldMapError};
pub use keyer::{CUSTOMER, Keyer, namespace};
pub use mask::{mask, mask_number};
pub use phone::{Phone, PhoneError};
pub use propose::{Proposal, Proposer};
pub use scan::{Bounds, Fed, Format, Losses, ScanMode, Scanner};
