//! Declarative conformance tests for Auth0's MFA API.
//!
//! YAML scenarios say what to enrol, confirm and challenge and what the tenant must answer; one
//! runner executes them against an emulated tenant in the same process or against a recording,
//! and keeps what it saw as snapshots.

pub mod cli;
pub mod clock;
pub mod codes;
pub mod emulator;
pub mod event;
pub mod exchange;
pub mod expect;
pub mod plan;
pub mod report;
pub mod run;
pub mod scenario;
pub mod secret;
pub mod serve;
pub mod snapshot;
pub mod source;
pub mod step;
pub mod target;
