//! The commands: one function each, from a context and options to a report.

pub mod audit;
pub mod cache;
pub mod check;
pub mod explain;
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
