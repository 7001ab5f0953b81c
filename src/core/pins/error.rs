//! [`PinsError`]: why pins.toml was refused, where, and what to do about it.

use std::fmt;

use super::patch::PatchError;
use super::value::ValueError;
use super::wording::Shown;
use crate::fault::Fault;

/// A refusal of pins.toml. `Display` names the pin, not the file: that is known to who read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinsError {
    line: Option<usize>,
    pin: Option<String>,
    kind: Box<PinsErrorKind>,
}

impl PinsError {
    pub(super) fn new(line: Option<usize>, pin: Option<&str>, kind: PinsErrorKind) -> Self {
        Self { line, pin: pin.map(str::to_owned), kind: Box::new(kind) }
    }

    /// The 1-based line, `None` where the file as a whole is meant.
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// The pin it is about, if it is about one.
    pub fn pin(&self) -> Option<&str> {
        self.pin.as_deref()
    }

    /// What is wrong.
    pub const fn kind(&self) -> &PinsErrorKind {
        &self.kind
    }

    /// A stable id of the refusal, one of [`CODES`].
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        self.kind.hint()
    }

    /// The same as a fault, which says in which file and line.
    pub fn in_file(self, file: &str) -> Fault {
        let message = match self.line {
            Some(line) => format!("{file}:{line}: {self}"),
            None => format!("{file}: {self}"),
        };
        Fault::failed(self.code(), message).hinting(self.hint()).because(self)
    }
}

impl fmt::Display for PinsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(pin) = &self.pin {
            write!(f, "pin {}: ", Shown(pin))?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for PinsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind() {
            PinsErrorKind::Value { error, .. } => Some(error),
            PinsErrorKind::Patch(error) => Some(error),
            _ => None,
        }
    }
}

/// The topmost of some refusals.
pub(super) fn topmost(results: impl IntoIterator<Item = Result<(), PinsError>>) -> Result<(), PinsError> {
    results.into_iter().filter_map(Result::err).min_by_key(PinsError::line).map_or(Ok(()), Err)
}

/// What can be wrong with pins.toml, in the order in which it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of the message that `Display` makes of them")]
pub enum PinsErrorKind {
    /// Longer than [`super::MAX_FILE_LEN`].
    FileTooLarge { len: usize },
    /// Not TOML; `found` is what the reader stumbled over, empty at the end of the file.
    Syntax { message: String, found: String },
    /// No `version`.
    MissingVersion,
    /// Another `version` than [`super::VERSION`].
    UnsupportedVersion { found: i64 },
    /// A key that its table does not have.
    UnknownKey { key: String, table: &'static str, nearest: Option<String> },
    /// A value of another type.
    WrongType { key: String, expected: &'static str, found: &'static str },
    /// A number outside its bounds.
    OutOfRange { key: String, found: i64, min: u64, max: u64 },
    /// A key that must be there.
    MissingKey { key: &'static str, table: &'static str },
    /// More than [`super::MAX_PINS`].
    TooManyPins { found: usize },
    /// A text that is not what its key takes.
    Value { key: String, value: String, error: ValueError },
    /// Two names that differ in case only.
    PinNameCollision { other: String, other_line: usize },
    /// Neither a source nor a variant.
    NoSource,
    /// More than one source.
    TwoSources { first: String, second: String },
    /// A source without `integrity`.
    MissingIntegrity { source: String },
    /// A key that says something about a source, in a pin that has variants only.
    KeyWithoutSource { key: String },
    /// A key that chooses a layer, beside another source.
    KeyOfOci { key: String },
    /// A `signature` about an artifact in a registry, with what only files can have, or for other sources too.
    SignatureOfOther,
    /// Mirrors of a file in the project.
    MirrorsOfFile,
    /// More than [`super::MAX_MIRRORS`].
    TooManyMirrors { found: usize },
    /// Signatures are demanded, and nobody is named who may have signed.
    SignatureWithoutKeys,
    /// More than [`super::MAX_KEYS`].
    TooManyKeys { found: usize },
    /// `executable = true` for anything but a raw file.
    ExecutableTrue,
    /// A key that speaks of an archive's members, for a raw file.
    KeyOfRaw { key: String },
    /// A destination that belongs to git or to pinfold.
    ToReserved { to: String },
    /// A destination that is, contains or lies in another's.
    ToOverlaps { to: String, other: String, other_to: String, other_line: usize },
    /// A file of the project that a fetch would overwrite.
    InputInTree { key: &'static str, path: String, other: String, other_to: String },
    /// More than [`super::MAX_PATCHES`].
    TooManyPatches { found: usize },
    /// An edit that is none.
    Patch(PatchError),
    /// The integrity of another artifact.
    SameIntegrity { source: String, other: String, other_source: String, other_line: usize },
}

impl PinsErrorKind {
    /// A stable id of the refusal, one of [`CODES`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FileTooLarge { .. } => "file-too-large",
            Self::Syntax { .. } => "syntax",
            Self::MissingVersion => "missing-version",
            Self::UnsupportedVersion { .. } => "unsupported-version",
            Self::UnknownKey { .. } => "unknown-key",
            Self::WrongType { .. } => "wrong-type",
            Self::OutOfRange { .. } => "out-of-range",
            Self::MissingKey { .. } => "missing-key",
            Self::TooManyPins { .. } => "too-many-pins",
            Self::Value { error, .. } => error.code(),
            Self::PinNameCollision { .. } => "pin-name-collision",
            Self::NoSource => "no-source",
            Self::TwoSources { .. } => "two-sources",
            Self::MissingIntegrity { .. } => "missing-integrity",
            Self::KeyWithoutSource { .. } => "key-without-source",
            Self::KeyOfOci { .. } => "key-of-oci",
            Self::SignatureOfOther => "signature-of-other",
            Self::MirrorsOfFile => "mirrors-of-file",
            Self::TooManyMirrors { .. } => "too-many-mirrors",
            Self::SignatureWithoutKeys => "signature-without-keys",
            Self::TooManyKeys { .. } => "too-many-keys",
            Self::ExecutableTrue => "executable-true",
            Self::KeyOfRaw { .. } => "key-of-raw",
            Self::ToReserved { .. } => "to-reserved",
            Self::ToOverlaps { .. } => "to-overlaps",
            Self::InputInTree { .. } => "input-in-tree",
            Self::TooManyPatches { .. } => "too-many-patches",
            Self::Patch(error) => error.code(),
            Self::SameIntegrity { .. } => "same-integrity",
        }
    }
}

/// Every id that [`PinsError::code`] can be, sorted by what they are about.
pub const CODES: &[&str] = &[
    "file-too-large",
    "syntax",
    "missing-version",
    "unsupported-version",
    "unknown-key",
    "wrong-type",
    "out-of-range",
    "missing-key",
    "too-many-pins",
    "pin-name-empty",
    "pin-name-too-long",
    "pin-name-start",
    "pin-name-character",
    "pin-name-collision",
    "no-source",
    "two-sources",
    "missing-integrity",
    "key-without-source",
    "key-of-oci",
    "signature-of-other",
    "mirrors-of-file",
    "too-many-mirrors",
    "signature-without-keys",
    "too-many-keys",
    "npm-no-version",
    "npm-name-empty",
    "npm-name-too-long",
    "npm-name-start",
    "npm-name-character",
    "npm-name-reserved",
    "npm-scope",
    "npm-version-prefix",
    "npm-version",
    "github-form",
    "github-owner",
    "github-repo",
    "github-tag",
    "github-asset",
    "pypi-form",
    "pypi-name",
    "pypi-name-spelling",
    "pypi-version",
    "pypi-version-spelling",
    "pypi-file",
    "pypi-other-file",
    "oci-no-host",
    "oci-host",
    "oci-name",
    "oci-tag",
    "oci-no-tag",
    "oci-no-digest",
    "oci-scheme",
    "oci-not-whole",
    "oci-digest",
    "oci-digest-algorithm",
    "oci-platform",
    "bad-url",
    "bad-path",
    "bad-integrity",
    "bad-pattern",
    "bad-format",
    "platform-system",
    "platform-processor",
    "platform-libc",
    "bad-mode",
    "repository-url",
    "repository-http",
    "repository-path",
    "repository-dot-git",
    "host-scheme",
    "host-upper-case",
    "host-wildcard",
    "host-form",
    "workflow-form",
    "workflow-ref",
    "age-form",
    "age-too-long",
    "registry-query",
    "bad-text",
    "executable-true",
    "key-of-raw",
    "to-reserved",
    "to-overlaps",
    "input-in-tree",
    "too-many-patches",
    "patch-without-edit",
    "patch-two-edits",
    "patch-needs",
    "find-empty",
    "patch-conflict",
    "same-integrity",
];
