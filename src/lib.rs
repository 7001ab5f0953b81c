//! pinfold holds what a project vendors until it has been proved.
//!
//! The library behind the `pinfold` command: it reads a pin file, fetches artifacts without a package manager, and
//! publishes a tree only when every byte of it was pinned. The layers are told in `docs/architecture.md` and held by
//! `tests/it/tidy.rs`.

// words: values with an invariant, and how the words of others are shown
pub mod digest;
pub mod json;
pub mod layout;
pub mod path;
pub mod text;
pub mod url;

// formats: bytes to values and back, no world
pub mod archive;
pub mod nar;
pub mod oci;
pub mod pins;
pub mod record;
pub mod report;
pub mod statement;
pub mod wasmfile;

// judgement: values to values
pub mod attestation;
pub mod build;
pub mod patch;
pub mod policy;
pub mod provenance;
pub mod purl;
pub mod root;
pub mod sbom;
pub mod signer;
pub mod slsa;
pub mod source;
pub mod wasm;

// effects: the only doors to the world
pub mod asked;
pub mod fs;
pub mod http;
pub mod keyless;
pub mod registry;
pub mod store;
pub mod tree;
pub mod trust;
pub mod verdicts;

// product: what a user asks for
pub mod commands;
pub mod ctx;
pub mod error;
pub mod install;
pub mod project;
