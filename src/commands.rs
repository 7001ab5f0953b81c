//! The commands: one function each, from a context and options to a report.

pub mod cache;
pub mod check;
pub mod fetch;
pub mod trust;
pub mod verify;

mod work;
