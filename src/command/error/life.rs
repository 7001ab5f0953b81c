//! [`LifeError`]: why a pin was not added, or not moved to another version.

use std::fmt;

use crate::report::{Finding, Level};
use pinfold_core::digest::Integrity;
use pinfold_core::fs::FsError;
use pinfold_core::patch::PatchError;
use pinfold_core::pins::EditError;
use pinfold_core::text::Location;
use pinfold_net::registry::AskError;

/// What keeps `pinfold add` and `pinfold update` from writing pins.toml.
#[derive(Debug)]
pub enum LifeError {
    /// An argument is not what it should be.
    Argument {
        /// What was said.
        text: String,
        /// A stable id.
        code: &'static str,
        /// What is wrong with it.
        why: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The source could not be asked.
    Ask(Box<AskError>),
    /// The source does not have that version, tag or file.
    VersionAbsent {
        /// The package, project or release.
        of: String,
        /// What was asked for.
        version: String,
        /// What there is instead.
        instead: Option<String>,
    },
    /// There are versions, and none of them will do.
    NoVersion {
        /// The package.
        of: String,
        /// Why.
        why: String,
    },
    /// There are several files, and nothing says which is meant.
    FileChoice {
        /// The version or release.
        of: String,
        /// The files.
        files: Vec<String>,
    },
    /// The bytes are not those that their own source lists.
    Claimed {
        /// What is listed.
        expected: Integrity,
        /// What came.
        received: Integrity,
    },
    /// The source lists other bytes than those that were pinned, under the same name.
    Replaced {
        /// What was pinned.
        expected: Integrity,
        /// What is listed now.
        received: Integrity,
    },
    /// Patches do not apply to the new version: each with the 1-based line in pins.toml where it stands.
    Patches(Vec<(usize, PatchError)>),
    /// pins.toml cannot be edited so.
    Edit(EditError),
    /// pins.toml was changed by somebody else meanwhile.
    PinsChanged {
        /// What to call the file.
        file: String,
    },
    /// pins.toml cannot be written.
    PinsUnwritable {
        /// What to call the file.
        file: String,
        /// Why.
        source: FsError,
    },
}

impl LifeError {
    /// A stable identifier in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Argument { code, .. } => code,
            Self::Ask(error) => error.code(),
            Self::VersionAbsent { .. } => "version-absent",
            Self::NoVersion { .. } => "version-none",
            Self::FileChoice { .. } => "file-choice",
            Self::Claimed { .. } => "claim-mismatch",
            Self::Replaced { .. } => "source-replaced",
            Self::Patches(patches) => patches.first().map_or("patch-count", |(_, error)| error.code()),
            Self::Edit(EditError::PinExists { .. }) => "pin-exists",
            Self::Edit(EditError::NoValue { .. } | EditError::Reread) => "edit-impossible",
            Self::Edit(EditError::Pins(error)) => error.code(),
            Self::PinsChanged { .. } => "pins-changed",
            Self::PinsUnwritable { .. } => "pins-unwritable",
        }
    }

    /// Whether bytes or evidence are not what they should be.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Claimed { .. } | Self::Replaced { .. } | Self::Patches(_) => true,
            Self::Ask(error) => error.is_refusal(),
            _ => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Argument { hint, .. } => return hint.clone(),
            Self::Ask(error) => return error.hint(),
            Self::VersionAbsent { instead, .. } => return instead.clone(),
            Self::FileChoice { files, .. } => return Some(format!("name one with `#FILE`: {}", listed(files))),
            Self::Claimed { .. } => "do not use it: the source or something on the way to it is wrong",
            Self::Replaced { .. } => "find out who replaced it, and why, before it is pinned anew",
            Self::Patches(_) => "adapt the patches, or leave the pin where it is",
            Self::Edit(EditError::PinExists { .. }) => "say `--name NAME`, or `pinfold update` to move it",
            Self::Edit(EditError::Pins(error)) => match error.code() {
                "pin-name-collision" => "say `--name NAME`",
                "to-overlaps" | "to-reserved" | "input-in-tree" => "say `--to DIR`",
                "same-integrity" => "these bytes are pinned already: use that pin, or take it out first",
                "syntax" => "pins that stand in an inline table are edited by hand",
                _ => return error.hint(),
            },
            Self::Edit(_) => "edit it by hand",
            Self::PinsChanged { .. } => "nothing was written; run it again",
            Self::PinsUnwritable { .. } => "nothing was written; `--dry-run` shows what would be",
            Self::NoVersion { .. } => "name a version",
        };
        Some(hint.to_owned())
    }

    /// All that it has to say: of patches one each.
    pub fn findings(&self) -> Vec<Finding> {
        if let Self::Patches(patches) = self {
            let told = |(line, error): &(usize, PatchError)| {
                let message = format!("line {line} of the pin file: {error}");
                Finding::new(Level::Error, error.code(), message).hint(error.hint())
            };
            return patches.iter().map(told).collect();
        }
        let mut finding = Finding::new(Level::Error, self.code(), self.to_string());
        finding.hint = self.hint();
        match self {
            Self::Claimed { expected, received } | Self::Replaced { expected, received } => {
                vec![finding.compared(expected.to_string(), received.to_string())]
            }
            _ => vec![finding],
        }
    }
}

/// Names of files, as many as a line holds.
fn listed(files: &[String]) -> String {
    let mut names: Vec<String> = files.iter().take(MAX_LISTED).map(|name| name.escape_debug().to_string()).collect();
    if files.len() > MAX_LISTED {
        names.push(format!("and {} more", files.len().saturating_sub(MAX_LISTED)));
    }
    names.join(", ")
}

/// Most files that a message lists.
const MAX_LISTED: usize = 20;

impl fmt::Display for LifeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument { text, why, .. } => write!(f, "`{}`: {why}", Location(text)),
            Self::Ask(error) => error.fmt(f),
            Self::VersionAbsent { of, version, .. } => {
                write!(f, "`{}` has no `{}`", of.escape_debug(), version.escape_debug())
            }
            Self::NoVersion { of, why } => write!(f, "no version of `{}` will do: {why}", of.escape_debug()),
            Self::FileChoice { of, files } if files.is_empty() => {
                write!(f, "`{}` has no file that can be pinned", of.escape_debug())
            }
            Self::FileChoice { of, files } => {
                write!(f, "`{}` has {} files, and nothing says which is meant", of.escape_debug(), files.len())
            }
            Self::Claimed { .. } => f.write_str("the bytes are not those that their own source lists"),
            Self::Replaced { .. } => {
                f.write_str("the source lists other bytes than those that were pinned, under the same name")
            }
            Self::Patches(patches) => {
                for (index, (line, error)) in patches.iter().enumerate() {
                    write!(f, "{}line {line}: {error}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::Edit(error) => error.fmt(f),
            Self::PinsChanged { file } => write!(f, "`{file}` was changed by somebody else meanwhile"),
            Self::PinsUnwritable { file, source } => write!(f, "`{file}` cannot be written: {}", source.source),
        }
    }
}

impl std::error::Error for LifeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Ask(error) => error.source(),
            Self::Edit(error) => error.source(),
            Self::PinsUnwritable { source, .. } => Some(&source.source),
            _ => None,
        }
    }
}
