//! `--format json`: one event a line.

use std::{io, sync::Arc};

use super::Reporter;
use crate::{
    event::{Event, wire},
    source::Sources,
};

/// Writes each event as a line of JSON.
pub struct Json<W> {
    writer: W,
    sources: Arc<Sources>,
}

impl<W: io::Write> Json<W> {
    /// Writes to `writer`.
    pub const fn new(writer: W, sources: Arc<Sources>) -> Self {
        Self { writer, sources }
    }
}

impl<W: io::Write> Reporter for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        writeln!(self.writer, "{}", wire::line(event, &self.sources))?;
        self.writer.flush()
    }
}
