//! What keeps a build from being attested.

use std::fmt;

use super::Error;
use crate::report::{Finding, Level, Report, Verdict};
use pinfold_core::layout::PatternError;
use pinfold_core::path::{PathError, RelPath};
use pinfold_sign::build::BuildError;

/// Why there is no statement.
#[derive(Debug)]
pub enum AttestError {
    /// Nobody says what build it is.
    Build(BuildError),
    /// There is no git to ask.
    GitAbsent,
    /// git does not answer.
    Git {
        /// What it said, its first lines in one, without control characters.
        said: String,
    },
    /// The project is in no git checkout, or in one without a commit.
    NoCheckout,
    /// The platform says that it built another commit than the one that is checked out.
    OtherCommit {
        /// The platform's.
        platform: String,
        /// git's.
        checkout: String,
    },
    /// The checkout is not as its commit has it.
    Dirty {
        /// The paths that differ, relative to the top of the checkout.
        paths: Vec<String>,
    },
    /// The pins' trees or their evidence do not pass; the report of `verify`.
    Inputs(Box<Report>),
    /// An output is not there, or nothing matches a pattern, or a folder is empty.
    NoOutput {
        /// What was given.
        given: String,
    },
    /// An output is not in the project's folder.
    Outside {
        /// What was given.
        given: String,
    },
    /// An output is the project itself.
    Project {
        /// What was given.
        given: String,
    },
    /// An output has a name that not every system can have.
    Name {
        /// What was given, or was found in a folder.
        given: String,
        /// Why.
        source: PathError,
    },
    /// An output has a name that is not UTF-8.
    NotUtf8 {
        /// The name as far as it can be shown.
        path: String,
    },
    /// A pattern that is none.
    Pattern {
        /// What was given.
        given: String,
        /// Why.
        source: PatternError,
    },
    /// An output is something that was there before the build: git's, pinfold's or a pin's.
    NotBuilt {
        /// The output.
        path: RelPath,
        /// Whose it is, as in "is …".
        whose: String,
    },
    /// An output is no regular file.
    NoFile {
        /// The output.
        path: RelPath,
        /// What it is.
        kind: &'static str,
    },
    /// The statement would be written over an output.
    IsStatement {
        /// The output.
        path: RelPath,
    },
    /// Two outputs are one on some file systems.
    Collision {
        /// One.
        first: RelPath,
        /// The other.
        second: RelPath,
    },
    /// An output changed while it was read.
    Changed {
        /// The output.
        path: RelPath,
    },
    /// More outputs than a statement may have.
    TooMany {
        /// How many it may have.
        limit: usize,
    },
    /// One signed statement of many outputs, and nothing says where to write it.
    NoPlace {
        /// How many outputs there are.
        outputs: usize,
    },
}

impl AttestError {
    /// How a command comes out that ends so.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Inputs(report) => report.verdict(),
            Self::OtherCommit { .. } | Self::Dirty { .. } | Self::Changed { .. } => Verdict::Refused,
            _ => Verdict::Failed,
        }
    }

    /// Whether what is there is not what would be stated.
    pub fn is_refusal(&self) -> bool {
        self.verdict() == Verdict::Refused
    }

    /// A stable identifier in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Build(error) => error.code(),
            Self::GitAbsent => "git-absent",
            Self::Git { .. } => "git-failed",
            Self::NoCheckout => "checkout-absent",
            Self::OtherCommit { .. } => "checkout-other-commit",
            Self::Dirty { .. } => "checkout-dirty",
            Self::Inputs(_) => "inputs-unproved",
            Self::NoOutput { .. } => "output-absent",
            Self::Outside { .. } => "output-outside",
            Self::Project { .. } => "output-project",
            Self::Name { .. } => "output-name",
            Self::NotUtf8 { .. } => "output-encoding",
            Self::Pattern { .. } => "output-pattern",
            Self::NotBuilt { .. } => "output-not-built",
            Self::NoFile { .. } => "output-no-file",
            Self::IsStatement { .. } => "output-is-statement",
            Self::Collision { .. } => "output-collision",
            Self::Changed { .. } => "output-changed",
            Self::TooMany { .. } => "output-too-many",
            Self::NoPlace { .. } => "statement-no-place",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Build(error) => return error.hint().map(str::to_owned),
            Self::GitAbsent => "install git, or say `--no-source`, and the statement says that no commit is known",
            Self::Git { .. } => return None,
            Self::NoCheckout => "attest where the sources were checked out, or say `--no-source`",
            Self::OtherCommit { .. } => "attest in the job that checked the commit out, before another one is",
            Self::Dirty { .. } => "commit or ignore them, or say `--allow-dirty`, and the statement says so",
            Self::Inputs(_) => "`pinfold verify` tells more, `pinfold fetch` puts the right trees back",
            Self::NoOutput { .. } => {
                "outputs are named relative to the folder of pins.toml; quote patterns: `'dist/**'`"
            }
            Self::Outside { .. } => "outputs have to lie in the folder of pins.toml",
            Self::Name { .. } | Self::NotUtf8 { .. } => "give it a name that every system can have",
            Self::Pattern { .. } => "`*` and `?` stand for parts of a name, `**` for folders",
            Self::Project { .. } | Self::NotBuilt { .. } => {
                "name what the build made; what went into it is stated anyway"
            }
            Self::NoFile { .. } => "an output is a file, or a folder of files",
            Self::IsStatement { .. } => "write the statement elsewhere with `--out FILE`",
            Self::Collision { .. } => "rename one of them: where case or Unicode form does not count they are one file",
            Self::Changed { .. } => "attest when nothing writes to it any more",
            Self::TooMany { .. } => "pack them into an archive and attest that",
            Self::NoPlace { .. } => "say where with `--out FILE`",
        };
        Some(hint.to_owned())
    }

    /// All that there is to say, the main thing first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut finding = Finding::new(Level::Error, self.code(), self.to_string());
        finding.hint = self.hint();
        let mut more = Vec::new();
        match self {
            Self::OtherCommit { platform, checkout } => {
                finding = finding.compared(platform.as_str(), checkout.as_str());
            }
            Self::Inputs(report) => {
                for row in report.rows.iter().filter(|row| row.verdict != Verdict::Passed) {
                    let named = row
                        .findings
                        .iter()
                        .map(|one| Finding { message: format!("{}: {}", row.subject, one.message), ..one.clone() });
                    more.extend(named);
                }
            }
            _ => {}
        }
        std::iter::once(finding).chain(more).collect()
    }
}

impl fmt::Display for AttestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::GitAbsent => f.write_str("there is no `git` to ask for the commit"),
            Self::Git { said } => write!(f, "git does not say what is checked out: {said}"),
            Self::NoCheckout => f.write_str("there is no git commit to state as the source"),
            Self::OtherCommit { .. } => f.write_str("another commit is checked out than the one that the job is for"),
            Self::Dirty { paths } => dirty(f, paths),
            Self::Inputs(_) => f.write_str("not all pins are proved, so there is nothing to attest"),
            Self::NoOutput { given } => write!(f, "there is no output `{}`", given.escape_debug()),
            Self::Outside { given } => {
                write!(f, "the output `{}` is outside of the project", given.escape_debug())
            }
            Self::Project { given } => write!(f, "the output `{}` is the project itself", given.escape_debug()),
            Self::Name { given, source } => write!(f, "the output `{}`: {source}", given.escape_debug()),
            Self::NotUtf8 { path } => write!(f, "the output `{}` has a name that is not UTF-8", path.escape_debug()),
            Self::Pattern { given, source } => write!(f, "`{}`: {source}", given.escape_debug()),
            Self::NotBuilt { path, whose } => write!(f, "the output `{path}` is {whose}"),
            Self::NoFile { path, kind } => write!(f, "the output `{path}` is {kind}"),
            Self::IsStatement { path } => write!(f, "the statement would be written over the output `{path}`"),
            Self::Collision { first, second } => {
                write!(f, "the outputs `{first}` and `{second}` differ only in case or form")
            }
            Self::Changed { path } => write!(f, "the output `{path}` changed while it was read"),
            Self::TooMany { limit } => write!(f, "there are more than {limit} outputs"),
            Self::NoPlace { outputs } => {
                write!(f, "nothing says where to write the one bundle of {outputs} outputs")
            }
        }
    }
}

fn dirty(f: &mut fmt::Formatter<'_>, paths: &[String]) -> fmt::Result {
    let (count, shown) = (paths.len(), paths.len().min(SHOWN));
    let noun = if count == 1 { "path" } else { "paths" };
    write!(f, "the checkout differs from its commit in {count} {noun}: ")?;
    for (index, path) in paths.iter().take(shown).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}`{}`", path.escape_debug())?;
    }
    match count.saturating_sub(shown) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

impl std::error::Error for AttestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Build(error) => Some(error),
            Self::Name { source, .. } => Some(source),
            Self::Pattern { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<AttestError> for Error {
    fn from(error: AttestError) -> Self {
        Self::Attest(Box::new(error))
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        AttestError::Build(error).into()
    }
}

/// Paths of a dirty checkout that a message names.
const SHOWN: usize = 10;
