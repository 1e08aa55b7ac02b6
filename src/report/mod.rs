//! Reports: folds of events, written to any writer.

mod diff;
mod exchange;
mod human;
mod json;

pub use diff::diff;
pub use exchange::Detail;
pub use human::Human;
pub use json::Json;

use std::io;

use crate::event::Event;

/// Something that hears the events of a run and writes what it makes of them.
pub trait Reporter {
    /// Hears one event.
    fn event(&mut self, event: &Event) -> io::Result<()>;
}
