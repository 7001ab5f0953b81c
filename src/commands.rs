//! The commands: one function each, from a context and options to a report.

pub mod cache;
pub mod check;
pub mod fetch;
pub mod many;
pub mod paper;
pub mod report;
pub mod sbom;
pub mod trust;
pub mod verify;
pub mod vsa;

mod held;
mod work;
