//! `--format json`, and the report `json`: one event a line.

use std::io;

use super::Reporter;
use crate::event::wire::Line;

/// Writes each event as a line of JSON.
pub struct Json<W>(W);

impl<W: io::Write> Json<W> {
    /// Writes to `writer`.
    pub const fn new(writer: W) -> Self {
        Self(writer)
    }
}

impl<W: io::Write + Send> Reporter for Json<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, line)?;
        self.0.write_all(b"\n")?;
        self.0.flush()
    }
}
