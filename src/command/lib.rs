//! pinfold holds what a project vendors until it has been proved.
//!
//! The library behind the `pinfold` command: it reads a pin file, fetches artifacts without a package manager, and
//! publishes a tree only when every byte of it was pinned. The layers are told in `docs/architecture.md` and held by
//! `tests/it/tidy.rs`.

// names and documents
#[cfg(feature = "evidence")]
pub mod purl;
pub mod report;
#[cfg(feature = "evidence")]
pub mod sbom;

// the one effect that is not in the crates below: what is read and not handed on
#[cfg(feature = "sign")]
pub mod secret;

// what a user asks for
pub mod commands;
pub mod ctx;
#[cfg(feature = "evidence")]
pub mod evidence;
#[cfg(not(all(feature = "evidence", feature = "oci", feature = "wasm")))]
mod features;
pub mod install;
pub mod project;
