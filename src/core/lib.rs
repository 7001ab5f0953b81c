//! From pinned bytes to trees: the part of pinfold that one has to read to believe that nothing unpinned reaches a tree.
//!
//! It reads pin files and records, checks integrities, unpacks under a policy, patches, hashes trees and publishes them. It
//! asks nobody, judges no evidence and reads no arguments; `docs/architecture.md` tells how the other crates use it.

// words: values with an invariant, and how the words of others are shown
pub mod digest;
pub mod finding;
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

// judgement: values to values
pub mod patch;

// effects: the file system alone
pub mod fs;
pub mod store;
pub mod tree;
