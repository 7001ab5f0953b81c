//! [`PushError`]: why an artifact is not sent to a registry.

use std::fmt;
use std::path::PathBuf;

use pinfold_evidence::attestation::{DocumentError, Refusal};

/// What is wrong with an artifact that is to be sent.
#[derive(Debug)]
pub enum PushError {
    /// Nobody would have signed it.
    Unsigned,
    /// The name of a file cannot stand in a manifest.
    Name {
        /// The file.
        path: PathBuf,
    },
    /// Two files have one name.
    Twice {
        /// The name.
        name: String,
    },
    /// More files than a manifest may have layers.
    TooMany {
        /// How many may be.
        limit: usize,
    },
    /// A tag under which signatures are looked for.
    Tag {
        /// The tag.
        tag: String,
    },
    /// The folder that an artifact goes to is there already.
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A file is not any more what it was when it was looked at.
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The reference names a digest, and the artifact has another.
    Digest {
        /// The reference's.
        expected: String,
        /// The artifact's.
        received: String,
    },
    /// A document that is to be attached cannot be read.
    Document {
        /// The document.
        path: PathBuf,
        /// Why.
        source: DocumentError,
    },
    /// A document that is to be attached is no bundle with a statement.
    NoBundle {
        /// The document.
        path: PathBuf,
    },
    /// A document that is to be attached is about something else, or does not hold.
    Refused {
        /// The document.
        path: PathBuf,
        /// Why.
        source: Refusal,
    },
}

impl PushError {
    /// Whether evidence is missing or wrong, so that trying again cannot help.
    pub const fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Name { .. } | Self::Twice { .. } | Self::TooMany { .. } | Self::Tag { .. } | Self::Exists { .. }
        )
    }

    /// A stable identifier in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "signature-missing",
            Self::Name { .. } => "push-name",
            Self::Twice { .. } => "push-name-twice",
            Self::TooMany { .. } => "push-too-many",
            Self::Tag { .. } => "push-tag-reserved",
            Self::Exists { .. } => "oci-layout-exists",
            Self::Changed { .. } => "push-file-changed",
            Self::Digest { .. } => "push-digest",
            Self::Document { source, .. } => source.code(),
            Self::NoBundle { .. } => "push-no-bundle",
            Self::Refused { source, .. } => source.code(),
        }
    }

    /// The two values that were compared.
    pub fn compared(&self) -> Option<(String, String)> {
        match self {
            Self::Digest { expected, received } => Some((expected.clone(), received.clone())),
            Self::Refused { source, .. } => source.compared(),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unsigned => {
                "sign it with `--key FILE` or `--keyless`; `--allow-unsigned` pushes it as it is, and says so"
            }
            Self::Twice { .. } => "a file is called by its bare name, whatever folder it lies in",
            Self::TooMany { .. } => "pack them into one archive",
            Self::Tag { .. } => "use another tag: whoever writes there changes what is attached to another artifact",
            Self::Exists { .. } => "name a folder that is not there yet: what is there already is left alone",
            Self::Changed { .. } => {
                "nothing stands under the tag that did not before: push again when the file is done"
            }
            Self::NoBundle { .. } => "what is attached is a Sigstore bundle with an in-toto statement in it",
            Self::Name { .. } | Self::Digest { .. } | Self::Document { .. } | Self::Refused { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("nothing says who signs the artifact"),
            Self::Name { path } => {
                let shown = path.display().to_string();
                write!(f, "`{}` has no name that can stand in a manifest", shown.escape_debug())
            }
            Self::Twice { name } => write!(f, "two files are called `{}`", name.escape_debug()),
            Self::TooMany { limit } => write!(f, "an artifact has at most {limit} files"),
            Self::Tag { tag } => write!(f, "the tag `{tag}` is one of those that signatures are looked for under"),
            Self::Exists { path } => write!(f, "`{}` is there already", path.display()),
            Self::Changed { path } => write!(f, "`{}` changed while it was read", path.display()),
            Self::Digest { .. } => f.write_str("the reference names the digest of another artifact"),
            Self::Document { path, source } => write!(f, "`{}`: {source}", path.display()),
            Self::NoBundle { path } => write!(f, "`{}` is no bundle with a statement", path.display()),
            Self::Refused { path, source } => write!(f, "`{}`: {source}", path.display()),
        }
    }
}

impl std::error::Error for PushError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Their words are this error's own.
            Self::Document { source, .. } => source.source(),
            Self::Refused { source, .. } => source.source(),
            _ => None,
        }
    }
}
