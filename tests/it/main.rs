//! The only integration crate: tests at the boundary.
