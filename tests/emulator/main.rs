//! The emulated tenant, called from outside as a front end calls it.

mod drive;
mod flows;
mod openapi;
mod properties;
mod push;
mod refusals;
