//! The console.

mod desk;
mod live;
mod users;

pub use desk::{Answer, Desk, DeskError};
pub use hudun_console_api as api;
pub use live::Live;
pub use users::{AccountRecord, MemoryUsers, SessionRecord, Stored, UserStore, UserStoreError};
