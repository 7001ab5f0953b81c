//! [`EvidenceError`]: evidence that keeps a pin from its tree; and verdicts on evidence as findings, in the same words
//! for `fetch`, `verify` and `check`.

use std::fmt;

use crate::report::{Finding, Level, Verdict};
use pinfold_core::path::RelPath;
use pinfold_core::url::Origin;
use pinfold_evidence::attestation::{DocumentError, Lack, Unproved, VerifiedAttestation};
use pinfold_evidence::policy::{self, Failure, Policy};
use pinfold_net::registry::AskError;
use pinfold_net::source::registries::RegistryError;

/// Why a pin's evidence is not good enough.
#[derive(Debug)]
#[non_exhaustive]
pub enum EvidenceError {
    /// `strict`, and the source could not be asked.
    Unasked(Unasked),
    /// The file that the pin names for evidence is not there.
    NoFile(RelPath),
    /// What was handed out is no evidence.
    Document {
        /// By whom.
        from: String,
        /// Why.
        source: DocumentError,
    },
    /// Evidence is there and wrong: each demand that it does not meet; never empty.
    Refused(Vec<Failure>),
    /// `strict`, and what there is cannot be judged: why; never empty.
    Unverifiable(Vec<Lack>),
    /// `strict`, and there is none: what there is instead, and by whose word.
    Missing(Vec<String>, Silence),
    /// `strict`, and the pin does not say whose evidence is good.
    NobodyNamed,
    /// `strict`, and the artifact carries no signature.
    Unsigned,
    /// `strict`, and the pin does not say whose signature is good.
    SignerUnnamed,
}

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

impl EvidenceError {
    /// How a pin comes out that ends with this error.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Unasked(Unasked::Ask(error)) if error.is_refusal() => Verdict::Refused,
            Self::Unasked(_) | Self::NoFile(_) => Verdict::Failed,
            Self::Document { .. } | Self::Refused(_) | Self::Missing(..) | Self::Unsigned => Verdict::Refused,
            Self::Unverifiable(_) | Self::NobodyNamed | Self::SignerUnnamed => Verdict::Unverifiable,
        }
    }

    /// A stable identifier in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unasked(unasked) => unasked.code(),
            Self::NoFile(_) => "evidence-file-absent",
            Self::Document { source, .. } => source.code(),
            Self::Refused(failures) => failures.first().map_or("provenance-missing", |failure| failure.code),
            Self::Unverifiable(lacks) => lacks.first().map_or("nobody-named", Lack::code),
            Self::Missing(..) => "provenance-missing",
            Self::NobodyNamed | Self::SignerUnnamed => "nobody-named",
            Self::Unsigned => "signature-missing",
        }
    }

    /// All that it has to say, as errors, or where it keeps nobody from anything as warnings.
    pub fn findings(&self, level: Level) -> Vec<Finding> {
        match self {
            Self::Unasked(unasked) => vec![unasked.finding(level)],
            Self::Document { from, source } => vec![document(source, from)],
            Self::Refused(failures) => failures.iter().map(failure).collect(),
            Self::Unverifiable(lacks) => lacks.iter().map(|one| lack(one, level)).collect(),
            Self::Missing(instead, silence) => vec![missing_from(silence, instead, level)],
            Self::NoFile(_) => vec![Finding::new(level, self.code(), self.to_string())],
            Self::Unsigned => {
                let hint = "whoever publishes it signs it, with `cosign sign` for one";
                vec![Finding::new(level, self.code(), self.to_string()).hint(hint)]
            }
            Self::SignerUnnamed => {
                let hint = "name `keys` in the pin's `signature`, or the `repository` in its `provenance`";
                vec![Finding::new(level, self.code(), self.to_string()).hint(hint)]
            }
            Self::NobodyNamed => {
                let hint = "name the `repository` in the pin's `provenance`, or `repositories` in `[trust]`";
                vec![Finding::new(level, self.code(), self.to_string()).hint(hint)]
            }
        }
    }
}

impl fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile(path) => write!(f, "there is no `{path}`, which the pin names for evidence"),
            Self::NobodyNamed => f.write_str("the pin demands provenance, and does not say whose is good"),
            Self::Unsigned => f.write_str("the artifact carries no signature"),
            Self::SignerUnnamed => f.write_str("the artifact is signed, and nothing says whose signature is good"),
            _ => match self.findings(Level::Error).first() {
                Some(finding) => f.write_str(&finding.message),
                None => f.write_str("the evidence is not good enough"),
            },
        }
    }
}

impl std::error::Error for EvidenceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unasked(Unasked::Ask(error)) => Some(error),
            Self::Unasked(Unasked::Registry(error)) => Some(error),
            Self::Document { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl Unasked {
    fn code(&self) -> &'static str {
        match self {
            Self::Ask(error) => error.code(),
            Self::Registry(error) => error.code(),
            Self::Offline => "evidence-offline",
            Self::NoDigest => "evidence-no-digest",
        }
    }

    /// What there is to say of it: an error where evidence is demanded, else a warning.
    pub fn finding(&self, level: Level) -> Finding {
        let (message, hint) = match self {
            Self::Ask(error) => (format!("evidence could not be asked for: {error}"), error.hint()),
            Self::Registry(error) => (format!("evidence could not be asked for: {error}"), error.hint()),
            Self::Offline => (
                "there is no evidence at hand, and nobody was asked for any".to_owned(),
                Some("run `pinfold fetch` with the network".to_owned()),
            ),
            Self::NoDigest => (
                "evidence could not be asked for: its source finds it by the SHA-256 of the artifact, which is not known \
                 without the bytes"
                    .to_owned(),
                Some("run `pinfold fetch`, which has the bytes".to_owned()),
            ),
        };
        let mut finding = Finding::new(level, self.code(), message);
        finding.hint = hint;
        finding
    }
}

/// A demand that evidence does not meet.
pub fn failure(failure: &Failure) -> Finding {
    let mut finding = Finding::new(Level::Error, failure.code, failure.message.clone());
    finding.expected.clone_from(&failure.expected);
    finding.received.clone_from(&failure.received);
    if failure.code == "signer-elsewhere" {
        let file =
            failure.received.as_deref().map(|signer| signer.split_once("@refs/").map_or(signer, |(file, _)| file));
        finding.hint = file.map(|file| format!("if that workflow may build it, name it: workflow `{file}`"));
    }
    finding
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

/// A document in which no evidence can be looked at.
pub fn document(error: &DocumentError, from: &str) -> Finding {
    let mut finding = Finding::new(Level::Error, error.code(), format!("`{}`: {error}", from.escape_debug()));
    finding.hint = error.hint();
    finding
}

/// There is no evidence of the kind that was asked for; `instead` is what there is.
pub fn missing(instead: &[String], level: Level) -> Finding {
    missing_from(&Silence::Nowhere, instead, level)
}

/// The same, and who had none: another server may have some.
pub fn missing_from(silence: &Silence, instead: &[String], level: Level) -> Finding {
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
    let finding = Finding::new(level, "provenance-missing", message);
    match level {
        Level::Error => finding.hint(
            "a mirror may not pass it on; where upstream publishes none, `provenance.mode = \"lenient\"` accepts that",
        ),
        _ => finding,
    }
}
