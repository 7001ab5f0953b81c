//! Asking registries and servers: addresses, credentials, downloads, and what a source says of an artifact.
//!
//! Nothing that comes back is believed here: bytes are checked against a pin by whoever asked for them, documents are
//! evidence that somebody else judges.

// from configuration to addresses, without asking
pub mod docker_config;
pub mod source;

// the doors to the network
pub mod asked;
pub mod http;
pub mod registry;
