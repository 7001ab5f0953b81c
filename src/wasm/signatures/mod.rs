//! Signatures of WebAssembly modules: keys, what is signed, and who has to have signed.

mod candidates;
mod forms;
mod judge;
mod key;
mod load;
mod openssh;
mod refusal;
mod sign;
mod trust;

pub use forms::{KeyError, MAX_KEY_FILE};
pub use judge::{Covered, Policy, Proof, Reached, Scope, Signer, prove, prove_by_part};
pub use key::PublicKey;
pub use load::{Admitted, Gate, Input, MAX_FILE_LEN, RememberingGate, Standing, Verified, verify};
pub use refusal::Refusal;
pub use sign::{KeyId, SecretKey, delimiter, sign, sign_detached};
pub use trust::{Lacking, Threshold, TrustError, TrustedKeys};
