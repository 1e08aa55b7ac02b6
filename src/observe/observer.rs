//! From exchanges to lines.

use super::{Observation, request};
use crate::{
    clock::Timestamp,
    exchange::{Request, Response},
    snapshot::{RecordedResponse, Redactor},
};

/// When the limit that a 429 speaks of is lifted, in seconds since the Unix epoch \[doc\].
const RESET: &str = "x-ratelimit-reset";

/// Makes lines of exchanges, and knows all labels that it gave so far.
#[derive(Default)]
pub struct Observer {
    redactor: Redactor,
    sequence: u64,
}

impl Observer {
    /// The line of an exchange, without its end. Whatever is secret in it is learnt before anything of it is
    /// written; what was learnt from earlier ones is replaced as well.
    pub fn observe(&mut self, at: Timestamp, request: &Request, response: &Response) -> String {
        self.sequence += 1;
        request::learn(&mut self.redactor, request);
        self.redactor.learn_response(response);
        Observation {
            sequence: self.sequence,
            at,
            request: request::redacted(&self.redactor, request),
            response: self.response(response),
        }
        .to_line()
    }

    fn response(&self, response: &Response) -> RecordedResponse {
        let mut recorded = self.redactor.response(response);
        // An address may have anything in it, and no rule asks for one.
        recorded.headers.remove("location");
        let reset = response.headers.get(RESET).and_then(|reset| reset.parse::<u64>().ok());
        if let Some(reset) = reset {
            recorded.headers.insert(RESET.to_owned(), reset.to_string().into());
        }
        recorded
    }
}
