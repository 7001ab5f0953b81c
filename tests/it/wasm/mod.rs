//! Signed WebAssembly, at the boundary of the library.

mod corpus;
mod edits;
mod interop;
mod keys;
mod loading;
mod made;
mod mutation;
pub(crate) mod vectors;
