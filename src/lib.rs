//! Declarative conformance tests for Auth0's MFA API.
//!
//! YAML scenarios say what to enrol, confirm and challenge and what the tenant must answer; one
//! runner executes them against an emulated tenant in the same process or against a recording,
//! and keeps what it saw as snapshots. The command is [`cli::main`]; its parts can be used apart:
//!
//! ```
//! use countersign::{
//!     plan, run, scenario,
//!     snapshot::{Store, Update},
//!     source::Sources,
//!     target::Emulated,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let mut sources = Sources::default();
//! let text = "
//! title: A login is asked for a second factor
//! steps:
//!   - login: {}
//!     expect: {status: 403, body: {error: mfa_required}}
//!     snapshot: false
//! ";
//! let source = sources.add("login.yaml", text);
//! let mut problems = Vec::new();
//! let scenarios = scenario::parse("login", source, &sources, &mut problems);
//! assert!(problems.is_empty());
//!
//! let scenarios = scenarios.into_iter().map(|scenario| (scenario.into(), None)).collect();
//! let cases = plan::build(scenarios, 1, &|_| None);
//! let options = run::Options {
//!     jobs: 1,
//!     retries: 0,
//!     max_fail: None,
//!     no_skip: false,
//!     part: plan::Part::default(),
//!     seed: 7,
//!     store: Store::new("snapshots".into()),
//!     update: Update::No,
//! };
//! let (_stop, interrupt) = tokio::sync::watch::channel(false);
//! let target = Emulated::start().await?;
//! let summary = run::execute(cases, &target, &options, interrupt, &mut |event| drop(event)).await;
//! assert_eq!((summary.passed, summary.failed), (1, 0));
//! # Ok(())
//! # }
//! ```

/// The README's example in Rust.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod address;
pub mod cli;
pub mod client;
pub mod clock;
pub mod codes;
pub mod config;
pub mod coverage;
pub mod docs;
pub mod drift;
pub mod emulator;
pub mod event;
pub mod exchange;
pub mod expect;
pub mod observe;
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
