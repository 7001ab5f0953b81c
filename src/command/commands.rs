//! The commands: one function each, from a context and options to a report.

pub mod add;
#[cfg(feature = "sign")]
pub mod attest;
#[cfg(feature = "evidence")]
pub mod audit;
pub mod cache;
#[cfg(feature = "evidence")]
pub mod check;
pub mod consent;
#[cfg(feature = "evidence")]
pub mod explain;
pub mod fetch;
#[cfg(feature = "sign")]
pub mod keygen;
#[cfg(feature = "evidence")]
pub mod many;
#[cfg(feature = "oci")]
pub mod mirror;
#[cfg(feature = "oci")]
pub mod oci;
#[cfg(any(feature = "evidence", feature = "terminal"))]
pub mod output;
#[cfg(feature = "evidence")]
pub mod paper;
#[cfg(feature = "evidence")]
pub mod report;
#[cfg(feature = "sign")]
pub mod reproduce;
#[cfg(feature = "sign")]
pub mod run;
#[cfg(feature = "evidence")]
pub mod sbom;
#[cfg(feature = "sign")]
pub mod seal;
#[cfg(feature = "sign")]
pub mod sign;
#[cfg(feature = "evidence")]
pub mod trust;
pub mod update;
pub mod verify;
#[cfg(feature = "sign")]
pub mod vsa;
#[cfg(feature = "wasm")]
pub mod wasm;

mod claims;
#[cfg(feature = "evidence")]
mod held;
mod scripts;
mod work;
