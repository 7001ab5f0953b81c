//! Signing: private keys, keyless signing with an identity, and what a CI system says of a build.

pub mod build;
pub mod keyless;
pub mod signer;
