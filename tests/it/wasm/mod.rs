//! Signed WebAssembly, at the boundary of the library.

mod command;
mod corpus;
mod edits;
mod interop;
mod keys;
mod loading;
mod made;
mod mutation;
mod pins;
pub(crate) mod vectors;
