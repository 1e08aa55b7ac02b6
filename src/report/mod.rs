//! Reports: folds of the lines that say what happens in a run, written to any writer. A report is made in the same
//! way of a run that goes on and of the lines that one has left behind.

mod details;
mod diff;
mod exchange;
mod github;
mod human;
mod json;
mod junit;
mod markdown;
pub mod merge;
mod order;
mod tap;

pub use diff::diff;
pub use exchange::Detail;
pub use github::Github;
pub use human::Human;
pub use json::Json;
pub use junit::Junit;
pub use markdown::Markdown;
pub use order::InOrder;
pub use tap::Tap;

use std::io;

use crate::event::wire::Line;

/// Something that hears what happens in a run and writes what it makes of it.
pub trait Reporter: Send {
    /// Hears one line. The cases come in the order of the plan, except where a reader is to have them at once.
    fn line(&mut self, line: &Line) -> io::Result<()>;
}
