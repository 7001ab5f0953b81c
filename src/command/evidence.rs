//! What keeps a pin from its tree for its evidence, as [`Fault`]s; and verdicts on evidence as findings, in the same words
//! for `fetch`, `verify` and `check`.

use std::fmt;

use crate::report::{Finding, Level};
use pinfold_core::fault::{Class, Fault};
use pinfold_core::path::RelPath;
use pinfold_core::url::Origin;
use pinfold_evidence::attestation::{DocumentError, Lack, Unproved, VerifiedAttestation};
use pinfold_evidence::policy::{self, Failure, Policy};
use pinfold_net::registry::AskError;
use pinfold_net::source::registries::RegistryError;

/// In what way evidence is not good enough: the cause of each fault that is made here, by which callers go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceError {
    /// There is no provenance.
    NoProvenance,
    /// There is no signature.
    NoSignature,
    /// There is some, and it is wrong.
    Wrong,
    /// It could not be asked for, or cannot be judged.
    Open,
}

impl EvidenceError {
    /// Whether there is none of what is demanded.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::NoProvenance | Self::NoSignature)
    }
}

impl fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoProvenance => "there is no provenance",
            Self::NoSignature => "there is no signature",
            Self::Wrong => "the evidence is wrong",
            Self::Open => "the evidence is not judged",
        })
    }
}

impl std::error::Error for EvidenceError {}

/// By whose word there is no evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// That of the server that was asked for it.
    Of(Origin),
    /// A record says so, and not which server had none.
    Unknown,
    /// There is no server to ask.
    Nowhere,
}

/// Why a source could not be asked for evidence.
#[derive(Debug)]
pub enum Unasked {
    /// It was asked, and no answer came.
    Ask(AskError),
    /// Nobody knows which server to ask.
    Registry(RegistryError),
    /// `--offline`.
    Offline,
    /// It is found by the artifact's SHA-256, which nobody knows without the bytes.
    NoDigest,
}

impl Unasked {
    /// The same as a fault: that evidence is demanded, and could not be asked for.
    pub fn fault(&self) -> Fault {
        let no_answer = |error: &dyn fmt::Display| format!("evidence could not be asked for: {error}");
        let fault = match self {
            Self::Ask(error) => {
                Fault::new(Class::refused_if(error.is_refusal()), error.code(), no_answer(error)).hinting(error.hint())
            }
            Self::Registry(error) => Fault::failed(error.code(), no_answer(error)).hinting(error.hint()),
            Self::Offline => {
                Fault::failed("evidence-offline", "there is no evidence at hand, and nobody was asked for any")
                    .hint("run `pinfold fetch` with the network")
            }
            Self::NoDigest => Fault::failed(
                "evidence-no-digest",
                "evidence could not be asked for: its source finds it by the SHA-256 of the artifact, which is not known \
                 without the bytes",
            )
            .hint("run `pinfold fetch`, which has the bytes"),
        };
        fault.because(EvidenceError::Open)
    }

    /// What there is to say of it: an error where evidence is demanded, else a warning.
    pub fn finding(&self, level: Level) -> Finding {
        self.fault().finding(level)
    }
}

/// The file that the pin names for evidence is not there.
pub fn no_file(path: &RelPath) -> Fault {
    Fault::failed("evidence-file-absent", format!("there is no `{path}`, which the pin names for evidence"))
        .because(EvidenceError::Open)
}

/// A document in which no evidence can be looked at, and who handed it out.
pub fn document(error: &DocumentError, from: &str) -> Fault {
    Fault::refused(error.code(), format!("`{}`: {error}", from.escape_debug()))
        .hinting(error.hint())
        .because(EvidenceError::Wrong)
}

/// Evidence is there and wrong: each demand that it does not meet; never empty.
pub fn refused(failures: &[Failure]) -> Fault {
    let faults = failures.iter().map(|one| Fault::of(Class::Refused, one.code, failure(one)));
    Fault::all(faults).unwrap_or_else(|| Fault::refused("provenance-missing", NOT_GOOD)).because(EvidenceError::Wrong)
}

/// What there is cannot be judged: why; never empty.
pub fn unverifiable(lacks: &[Lack]) -> Fault {
    let faults = lacks.iter().map(|one| Fault::of(Class::Unverifiable, one.code(), lack(one, Level::Error)));
    Fault::all(faults).unwrap_or_else(|| Fault::unverifiable("nobody-named", NOT_GOOD)).because(EvidenceError::Open)
}

const NOT_GOOD: &str = "the evidence is not good enough";

/// The pin does not say whose evidence is good.
pub fn nobody_named() -> Fault {
    Fault::unverifiable("nobody-named", "the pin demands provenance, and does not say whose is good")
        .hint("name the `repository` in the pin's `provenance`, or `repositories` in `[trust]`")
        .because(EvidenceError::Open)
}

/// The artifact carries no signature.
pub fn unsigned() -> Fault {
    Fault::refused("signature-missing", "the artifact carries no signature")
        .hint("whoever publishes it signs it, with `cosign sign` for one")
        .because(EvidenceError::NoSignature)
}

/// The pin does not say whose signature is good.
pub fn signer_unnamed() -> Fault {
    Fault::unverifiable("nobody-named", "the artifact is signed, and nothing says whose signature is good")
        .hint("name `keys` in the pin's `signature`, or the `repository` in its `provenance`")
        .because(EvidenceError::Open)
}

/// A demand that evidence does not meet.
pub fn failure(failure: &Failure) -> Finding {
    let Failure { code, message, expected, received, hint } = failure.clone();
    Finding { expected, received, hint, ..Finding::new(Level::Error, code, message) }
}

/// Why evidence cannot be judged.
pub fn lack(lack: &Lack, level: Level) -> Finding {
    let mut finding = Finding::new(level, lack.code(), lack.to_string());
    finding.hint = lack.hint();
    finding
}

/// What is worth knowing beside evidence that is good: what cannot be judged, and what somebody who is accepted says
/// against the artifact.
pub fn beside(policy: &Policy, proofs: &[Result<VerifiedAttestation, Unproved>]) -> Vec<Finding> {
    let lacks = proofs.iter().filter_map(|proof| match proof {
        Ok(proof) => proof.lack(),
        Err(Unproved::Unverifiable(lack)) => Some(lack),
        Err(_) => None,
    });
    let denials = policy::denials(policy, proofs);
    let denials = denials.iter().map(|denied| Finding { level: Level::Warning, ..failure(denied) });
    lacks.map(|one| lack(one, Level::Note)).chain(denials).collect()
}

/// There is no evidence of the kind that was asked for; `instead` is what there is. Who had none is told: another server may
/// have some.
pub fn missing(silence: &Silence, instead: &[String]) -> Fault {
    let mut message = match silence {
        Silence::Of(server) => format!("`{server}` had no provenance for the artifact when it was last asked"),
        Silence::Unknown if instead.is_empty() => {
            "the record has no provenance for the artifact, and does not say which server had none".to_owned()
        }
        Silence::Unknown | Silence::Nowhere => "there is no provenance for the artifact".to_owned(),
    };
    if !instead.is_empty() {
        message.push_str(&format!(", only {}", instead.join(" and ")));
    }
    Fault::refused("provenance-missing", message).because(EvidenceError::NoProvenance)
}
