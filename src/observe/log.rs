//! The file of observations, as a served tenant writes it.

use std::io;

use super::Observer;
use crate::{
    clock::Timestamp,
    exchange::{Request, Response},
};

/// Writes a line for each exchange while it happens.
///
/// A front owns one beside the tenant, and calls [`Self::write`] with each exchange of a client, under the same lock
/// as the tenant's answer, so that the lines are in the order of the answers. The time is the tenant's. What is no
/// call of a client (the control API, a health check) is not for it. The first failure comes back as an error, for
/// the front to say; it must not keep the tenant from answering. After it nothing is written any more: a file that
/// has lost a line in its middle is worth nothing.
///
/// ```
/// use countersign::{
///     clock::Timestamp,
///     exchange::{Request, Response},
///     observe::Log,
/// };
///
/// let mut file = Vec::new();
/// let mut log = Log::new(&mut file);
/// let request = Request::new("POST", "/oauth/token")
///     .form([("grant_type", "password"), ("password", "correct horse")]);
/// let now = Timestamp::from_millis(0);
/// log.write(now, &request, &Response { status: 403, ..Response::default() })?;
/// let line = String::from_utf8(file).unwrap();
/// assert!(line.contains(r#""password":"[password#1]""#) && line.ends_with("}\n"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Log<W> {
    observer: Observer,
    writer: W,
    failed: bool,
}

impl<W: io::Write> Log<W> {
    /// A log that is empty so far; what is in the file already is of another run, and must go.
    pub fn new(writer: W) -> Self {
        Self { observer: Observer::default(), writer, failed: false }
    }

    /// Writes one exchange, and flushes it.
    pub fn write(
        &mut self,
        at: Timestamp,
        request: &Request,
        response: &Response,
    ) -> io::Result<()> {
        if self.failed {
            return Ok(());
        }
        let line = self.observer.observe(at, request, response) + "\n";
        // In one piece: whoever reads along sees whole lines.
        let written = self.writer.write_all(line.as_bytes()).and_then(|()| self.writer.flush());
        self.failed = written.is_err();
        written
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::Log;
    use crate::{
        clock::Timestamp,
        exchange::{Request, Response},
    };

    /// A disk that is full after some writes.
    struct Full(usize);

    impl io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.checked_sub(1) {
                Some(left) => self.0 = left,
                None => return Err(io::ErrorKind::StorageFull.into()),
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_failure_is_told_once() {
        let mut log = Log::new(Full(1));
        let request = Request::new("GET", "/userinfo");
        let mut write =
            || log.write(Timestamp::from_millis(0), &request, &Response::default()).is_ok();
        assert_eq!([write(), write(), write(), write()], [true, false, true, true]);
    }
}
