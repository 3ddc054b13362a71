//! Intelligence in the running guard: feeds and assets are watched, what is true of us becomes an exposure, a grave one a
//! case with a drafted patch, and a check of the running product has the last word.

mod known;
mod watch;

pub use known::KnownHoles;
pub use watch::{Intel, Wake};
