//! [`Error`]: the one error type of the library, its variants in the order of the flow.

mod attempt;
mod convert;
mod hint;

use std::fmt;
use std::path::PathBuf;

use crate::report::{Finding, Level, Verdict};
use pinfold_core::archive::ArchiveError;
use pinfold_core::fault::{Class, Fault};
use pinfold_core::fs::{FsError, Held};
use pinfold_core::nar::NarError;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{PinsError, Platform};
use pinfold_core::record::{MAX_RECORD_LEN, RecordError};
use pinfold_core::store::Mismatch;
use pinfold_evidence::trust::TrustError;
use pinfold_net::source::github::AssetError;
use pinfold_net::source::npm::{IdentityError, TarballError};
use pinfold_net::source::registries::RegistryError;
use pinfold_oci::registry::OciError;

pub use attempt::{Attempt, AttemptFailure};

/// Why a command, or its work on one pin, did not come to a good end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no pins.toml where it was looked for.
    NoPinFile {
        /// Where.
        path: PathBuf,
    },
    /// pins.toml cannot be read as one.
    Pins {
        /// What to call the file in messages.
        file: String,
        /// Why.
        source: PinsError,
    },
    /// No pin has the name that was asked for.
    UnknownPin {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The pin file has no pins.
    NoPins,
    /// A record cannot be read as one.
    Record {
        /// The record's path, relative to pins.toml.
        path: String,
        /// Why.
        source: RecordError,
    },
    /// The pin has no artifact for this platform.
    NoVariant {
        /// The platform.
        platform: Platform,
        /// Those that it has.
        known: Vec<Platform>,
    },
    /// The pin names another source than its record, with the same integrity.
    SourceChanged {
        /// The source in the record.
        before: String,
        /// The source in the pin.
        now: String,
    },
    /// `--frozen`, and the pin is not what its record says.
    Frozen {
        /// In what way.
        why: &'static str,
    },
    /// No registry is known for the pin.
    Registry(RegistryError),
    /// The registry cannot have an address for the package.
    Tarball(TarballError),
    /// The server cannot have an address for the release asset.
    Asset(AssetError),
    /// `--offline`, and the bytes are not in the store.
    Offline {
        /// For which sources they are in the store, `None` if they are not.
        kept_for: Option<Vec<String>>,
    },
    /// No place served the pinned bytes.
    Unobtainable {
        /// What went wrong at each place, in order; never empty.
        attempts: Vec<Attempt>,
    },
    /// A file of the project is not what was pinned.
    File {
        /// The file, relative to pins.toml.
        path: RelPath,
        /// In what way.
        source: Mismatch,
    },
    /// The bytes have another length than the pin says.
    Size {
        /// What the pin says, in bytes.
        expected: u64,
        /// What they have.
        received: u64,
    },
    /// The bytes changed between the moment when they were checked and their use.
    Changed,
    /// The archive breaks a rule.
    Archive(ArchiveError),
    /// The pin unpacks or patches what is one file.
    RawLayout,
    /// The package is not the one that the pin names.
    Package(IdentityError),
    /// The package does not say which one it is.
    NoPackageJson,
    /// The tree is not the pinned one.
    Tree {
        /// The pinned tree hash.
        expected: String,
        /// That of the tree.
        received: String,
    },
    /// Something stands at the destination that pinfold did not put there.
    NotOurs {
        /// The destination.
        to: RelPath,
        /// The paths that differ from what would be installed.
        changes: Vec<Finding>,
    },
    /// Somebody changed a tree that pinfold put there.
    TreeChanged {
        /// The destination.
        to: RelPath,
        /// The paths that differ from what was put there.
        changes: Vec<Finding>,
    },
    /// A record would be longer than any that is read.
    RecordTooLong {
        /// The record's path, relative to pins.toml.
        path: String,
        /// Its length, in bytes.
        len: usize,
    },
    /// A tree changed while it was put together.
    Nar(NarError),
    /// The store is in use: who took its lock last.
    StoreBusy(Held),
    /// A registration in the store does not say which project it is of.
    Registration {
        /// Where it is.
        path: PathBuf,
    },
    /// A root of trust cannot be used or refreshed.
    Trust(TrustError),
    /// A registry did not hand out what was asked for.
    Oci(Box<OciError>),
    /// Anything that says of itself what it is.
    Fault(Fault),
    /// The disk failed.
    Fs(FsError),
}

impl Error {
    /// How a pin comes out that ends with this error. It decides the exit code.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Fault(fault) => fault.verdict(),
            _ if self.is_refusal() => Verdict::Refused,
            _ => Verdict::Failed,
        }
    }

    /// Whether bytes or evidence are not what was pinned, so that trying again cannot help.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::SourceChanged { .. }
            | Self::Frozen { .. }
            | Self::File { .. }
            | Self::Size { .. }
            | Self::Changed
            | Self::RawLayout
            | Self::Package(_)
            | Self::NoPackageJson
            | Self::Tree { .. }
            | Self::TreeChanged { .. }
            | Self::NotOurs { .. } => true,
            Self::Archive(error) => error.is_refusal(),
            Self::Trust(error) => error.is_refusal(),
            Self::Oci(error) => error.is_refusal(),
            Self::Fault(fault) => fault.class() == Class::Refused,
            Self::Unobtainable { attempts } => attempts.iter().any(|attempt| match &attempt.failure {
                AttemptFailure::Mismatch { .. } => true,
                AttemptFailure::Download(error) => error.is_refusal(),
                AttemptFailure::Ask(error) => error.is_refusal(),
            }),
            _ => false,
        }
    }

    /// See [`Fault::cause`].
    pub fn cause<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Fault(fault) => fault.cause(),
            _ => None,
        }
    }

    /// A stable identifier in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPinFile { .. } => "no-pin-file",
            Self::Pins { source, .. } => source.code(),
            Self::UnknownPin { .. } => "unknown-pin",
            Self::NoPins => "no-pins",
            Self::Record { .. } => "record-malformed",
            Self::NoVariant { .. } => "no-variant",
            Self::SourceChanged { .. } => "source-changed",
            Self::Frozen { .. } => "frozen",
            Self::Registry(error) => error.code(),
            Self::Tarball(error) => error.code(),
            Self::Asset(error) => error.code(),
            Self::Offline { .. } => "offline",
            Self::Unobtainable { attempts } => attempts.first().map_or("unobtainable", Attempt::code),
            Self::File { .. } => "integrity-mismatch",
            Self::Size { .. } => "size-mismatch",
            Self::Changed => "artifact-changed",
            Self::Archive(error) => error.code(),
            Self::RawLayout => "raw-layout",
            Self::Package(error) => error.code(),
            Self::NoPackageJson => "package-json-absent",
            Self::Tree { .. } => "tree-mismatch",
            Self::NotOurs { .. } => "not-ours",
            Self::Fs(error) if error.is_busy() => "lock-timeout",
            Self::TreeChanged { .. } => "tree-changed",
            Self::RecordTooLong { .. } => "record-too-long",
            Self::Nar(_) | Self::Fs(_) => "disk",
            Self::StoreBusy(_) => "store-busy",
            Self::Registration { .. } => "registration-unreadable",
            Self::Trust(error) => error.code(),
            Self::Oci(error) => error.code(),
            Self::Fault(fault) => fault.code(),
        }
    }

    /// All that the error has to say, the main thing first.
    pub fn findings(&self) -> Vec<Finding> {
        match self {
            Self::Unobtainable { attempts } => {
                return attempts.iter().map(|attempt| attempt.finding(Level::Error)).collect();
            }
            Self::Fault(fault) => return fault.findings(),
            _ => {}
        }
        let message = match self {
            Self::Oci(error) => attempt::with_causes(error.as_ref()),
            _ => self.to_string(),
        };
        let mut finding = Finding::new(Level::Error, self.code(), message);
        finding.hint = self.hint();
        let compared = match self {
            Self::File { source, .. } => Some((source.expected.to_string(), source.received.to_string())),
            Self::Tree { expected, received } => Some((expected.clone(), received.clone())),
            Self::Size { expected, received } => Some((format!("{expected} bytes"), format!("{received} bytes"))),
            Self::SourceChanged { before, now } => Some((before.clone(), now.clone())),
            Self::Oci(error) => error.compared(),
            _ => None,
        };
        if let Some((expected, received)) = compared {
            finding = finding.compared(expected, received);
        }
        let mut findings = vec![finding];
        if let Self::NotOurs { changes, .. } | Self::TreeChanged { changes, .. } = self {
            findings.extend(changes.iter().cloned());
        }
        findings
    }

    /// Whether it is of a record that is damaged, and not one of a newer pinfold.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Record { source, .. } if !source.is_newer())
    }
}

/// How many paths differ, in words.
fn differ(changes: &[Finding]) -> String {
    format!("{} {}", changes.len(), if changes.len() == 1 { "path differs" } else { "paths differ" })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPinFile { path } => write!(f, "there is no `{}`", path.display()),
            Self::Pins { file, source } => match source.line() {
                Some(line) => write!(f, "{file}:{line}: {source}"),
                None => write!(f, "{file}: {source}"),
            },
            Self::UnknownPin { name, .. } => write!(f, "there is no pin `{}`", name.escape_debug()),
            Self::NoPins => f.write_str("there are no pins to look at"),
            Self::Record { path, source } => write!(f, "`{path}`: {source}"),
            Self::NoVariant { platform, .. } => write!(f, "the pin has no artifact for `{platform}`"),
            Self::SourceChanged { .. } => {
                f.write_str("the pin names another source than before, but the integrity is still the old one")
            }
            Self::Frozen { why } => write!(f, "--frozen: {why}"),
            Self::Registry(error) => error.fmt(f),
            Self::Tarball(error) => error.fmt(f),
            Self::Asset(error) => error.fmt(f),
            Self::Offline { kept_for: None } => f.write_str("--offline: the pinned bytes are not in the store"),
            Self::Offline { kept_for: Some(kept_for) } if kept_for.is_empty() => {
                f.write_str("--offline: the pinned bytes are in the store, but nothing says for which source")
            }
            Self::Offline { kept_for: Some(kept_for) } => {
                write!(f, "--offline: the pinned bytes are in the store, but as `{}`", kept_for.join("`, `"))
            }
            Self::Unobtainable { attempts } => match attempts.first() {
                Some(attempt) => f.write_str(&attempt.finding(Level::Error).message),
                None => f.write_str("nobody serves the artifact"),
            },
            Self::File { path, source } => {
                write!(f, "`{path}` has {} bytes that are not what was pinned", source.size)
            }
            Self::Size { .. } => f.write_str("the artifact has another size than the pin says"),
            Self::Changed => f.write_str("the artifact changed after it was checked"),
            Self::Archive(error) => error.fmt(f),
            Self::RawLayout => f.write_str("the artifact is a single file, but the pin says how to unpack or patch it"),
            Self::Package(error) => error.fmt(f),
            Self::NoPackageJson => f.write_str("the package has no package.json in its folder"),
            Self::Tree { .. } => f.write_str("the unpacked tree is not the pinned one"),
            Self::NotOurs { to, changes } => {
                write!(f, "`{to}` was not put there by pinfold, and {}", differ(changes))
            }
            Self::TreeChanged { to, changes } => write!(f, "`{to}` was changed: {} from its record", differ(changes)),
            Self::RecordTooLong { path, len } => {
                write!(f, "`{path}` would have {len} bytes, more than the {MAX_RECORD_LEN} that are read")
            }
            Self::Nar(error) => error.fmt(f),
            Self::StoreBusy(held) => match held.process {
                Some(process) => {
                    let ago = held.seconds;
                    write!(
                        f,
                        "the store is in use by another pinfold; the last to begin was process {process}, {ago} s ago"
                    )
                }
                None => f.write_str("the store is in use by another pinfold"),
            },
            Self::Registration { path } => {
                write!(f, "`{}` does not say which project it registers: nothing was removed", path.display())
            }
            Self::Trust(error) => error.fmt(f),
            Self::Oci(error) => error.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::Fs(error) => error.fmt(f),
        }
    }
}
