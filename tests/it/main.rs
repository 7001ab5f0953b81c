//! The only integration crate: tests at the boundary.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on ends, and says where")]

// In the whole crate, `#[test]` is that of tests/attribute.
#[macro_use]
extern crate test_attribute;

mod harness;
#[expect(dead_code, reason = "the shell's own rendering, of which tests need a part")]
#[path = "../../src/command/shell/render.rs"]
mod render;
mod support;

mod add;
mod archives;
mod asking;
mod attacks;
mod attest;
mod audit;
mod cache;
mod check;
mod cli;
#[path = "corpus/mod.rs"]
mod corpus;
mod crash;
mod evidence;
mod fetch;
mod formats;
mod keygen;
mod keyless;
mod kinds;
mod limits;
mod locks;
mod many;
mod metadata;
mod mutation;
mod needs;
#[path = "oci/mod.rs"]
mod oci;
mod outputs;
mod page;
mod passphrase;
mod provenance;
mod race;
mod registry;
mod release;
mod reproduce;
mod run;
mod sandbox;
mod sbom;
mod seal;
mod shown;
mod sign;
mod tidy;
mod tools;
mod trust;
mod update;
mod verify;
mod vsa;
mod wasm;
mod wire;

fn main() -> std::process::ExitCode {
    harness::main()
}
