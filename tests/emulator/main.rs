//! The emulated tenant, called from outside as a front end calls it.

mod credentials;
mod drive;
mod flows;
mod management;
mod openapi;
mod policy;
mod properties;
mod push;
mod refusals;
