//! The program as its users meet it: words typed, streams read, files left behind.
#![expect(clippy::disallowed_methods, reason = "the files are the tests' own")]

mod again;
mod begin;
mod coverage;
mod docs;
mod drift;
mod inspect;
mod merge;
mod project;
mod readme;
mod replay;
mod reports;
mod run;
mod signals;
mod snapshots;
mod tenant;
