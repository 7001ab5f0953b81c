//! Signed WebAssembly, at the boundary of the library.

mod corpus;
