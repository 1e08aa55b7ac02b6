//! Snapshots: a scenario's exchanges with every secret and volatile value replaced by a label.
//!
//! [`redact`] makes labels of values, also of those that are encoded, [`mod@format`] writes and reads the files, both without I/O; [`store`] is the
//! folder of them.

mod encoded;
pub mod format;
pub mod redact;
pub mod store;

pub use format::{Corrupt, RecordedRequest, RecordedResponse, RecordedStep, Snapshot};
pub use redact::Redactor;
pub use store::{Store, Update};

/// How what was seen differs from the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path of the snapshot.
    pub path: String,
    /// What the snapshot says; nothing, if there is none yet.
    pub old: Option<String>,
    /// What was seen.
    pub new: String,
    /// The path of the pending snapshot, if it was written.
    pub pending: Option<String>,
    /// The tenant that this may be a property of, where the snapshot is one that all targets share.
    pub property_of: Option<String>,
}
