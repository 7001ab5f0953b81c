//! The commands: one function each, from a context and options to a report.

pub mod add;
pub mod attest;
pub mod audit;
pub mod cache;
pub mod check;
pub mod consent;
pub mod explain;
pub mod fetch;
pub mod keygen;
pub mod many;
pub mod mirror;
pub mod oci;
pub mod output;
pub mod paper;
pub mod report;
pub mod reproduce;
pub mod run;
pub mod sbom;
pub mod seal;
pub mod sign;
pub mod trust;
pub mod update;
pub mod verify;
pub mod vsa;
pub mod wasm;

mod claims;
mod held;
mod scripts;
mod work;
