//! What evidence about an artifact proves: attestations, the trust roots they are verified against, and the policies of
//! pins.

pub mod root;
pub mod statement;

pub mod attestation;
pub mod policy;
pub mod provenance;
pub mod slsa;

pub mod trust;
pub mod verdicts;
