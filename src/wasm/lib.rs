//! Signed WebAssembly: who signed a module or component, and whether that is somebody who is trusted.
//!
//! For a runtime: [`TrustedKeys`] says whose signatures count, [`verify`] checks a file and hands out its bytes as
//! [`Verified`], and whatever parses takes that: the check comes before the parse because nothing else has the type.
//! [`Gate`] does the same by the modes `strict`, `lenient` and `off`; [`prove`] reads a file of any length in constant memory.
//!
//! ```
//! use pinfold_wasm::{Policy, SecretKey, KeyId, TrustedKeys, Verified, sign, verify};
//!
//! /// What a runtime does with a file: it cannot be handed one that nobody checked.
//! fn instantiate(module: &Verified<'_>) -> usize {
//!     module.bytes().len()
//! }
//!
//! let key = SecretKey::generate()?;
//! let signed = sign(b"\0asm\x01\0\0\0", &key, KeyId::None)?;
//! let policy = Policy::whole(TrustedKeys::read(key.public().to_pem().as_bytes())?);
//! let verified = verify(&policy, signed, None)?;
//! assert_eq!(verified.proof().signers()[0].key, key.public());
//! instantiate(&verified);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Refused in short: files that are not what was signed, whole parts taken away or put behind, signatures of nobody who is
//! trusted or of too few, a check of a part where nothing separates parts, and keys that anybody can sign with.

pub mod wasmfile;

mod signatures;

pub use signatures::{
    Admitted, Covered, Gate, Input, KeyError, KeyId, Lacking, MAX_FILE_LEN, MAX_KEY_FILE, Policy, Proof, PublicKey,
    Reached, Refusal, RememberingGate, Scope, SecretKey, Signer, Standing, Threshold, TrustError, TrustedKeys,
    Verified, delimiter, prove, prove_by_part, sign, sign_detached, verify,
};
