//! [`RunError`]: why a command was not run, or what it made is not attested; and why a build could not be done again.

use std::fmt;

use crate::report::{Finding, Level, Report, Verdict};
use pinfold_core::text::Location;

/// What keeps `pinfold run` and `pinfold reproduce` from a result.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// `--hermetic`, and this machine does not give what that takes.
    NoSandbox {
        /// What could not be done, or was seen not to be so, as in "cannot …".
        step: String,
        /// What the system said.
        said: String,
        /// What to do about it, where it is not the system's configuration.
        hint: Option<String>,
    },
    /// The command could not be started.
    Unstarted {
        /// The program.
        program: String,
        /// What the system said.
        said: String,
    },
    /// The command ended without success.
    Failed {
        /// The program.
        program: String,
        /// Its exit code; 128 and more for a signal.
        code: u8,
        /// What does not come of it.
        lost: &'static str,
    },
    /// An output was there before, and the command did not write it.
    Stale {
        /// The outputs, relative to pins.toml.
        paths: Vec<String>,
    },
    /// The pins' trees or their evidence no longer pass after the command; the report of `verify`.
    InputsChanged {
        /// What is wrong with which.
        report: Box<Report>,
    },
    /// Nothing says what builds here.
    NoBuilder,
    /// One statement of many outputs, or an unsigned one, and nothing says where to write it.
    NoPlace {
        /// How many outputs there are.
        outputs: usize,
    },
    /// The sources are not those that they were before the command.
    Changed {
        /// What changed, relative to the checkout.
        paths: Vec<String>,
    },
    /// What should be done again is not told in a way that could be done.
    Statement {
        /// Why, as in "…: it is".
        why: String,
    },
    /// The statement names no source commit.
    NoCommit,
    /// The statement names no command, and neither does the caller.
    NoCommand,
    /// The command is that of a statement that nobody vouches for.
    Unproved,
    /// The commit is not in the repository at hand.
    CommitAbsent {
        /// The commit.
        commit: String,
        /// Where it was looked for.
        place: String,
        /// Where it is, by the statement.
        repository: Option<String>,
    },
    /// The pins at the commit are not the stated ones.
    OtherPins {
        /// The digest in the statement.
        expected: String,
        /// The digest at the commit.
        received: String,
    },
}

impl RunError {
    /// How it comes out.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Stale { .. } | Self::Changed { .. } | Self::InputsChanged { .. } | Self::OtherPins { .. } => {
                Verdict::Refused
            }
            Self::NoCommit | Self::NoCommand => Verdict::Unverifiable,
            _ => Verdict::Failed,
        }
    }

    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSandbox { .. } => "hermetic-unavailable",
            Self::Unstarted { .. } => "command-unstarted",
            Self::Failed { .. } => "command-failed",
            Self::Stale { .. } => "output-stale",
            Self::Changed { .. } => "checkout-changed",
            Self::InputsChanged { .. } => "inputs-changed",
            Self::Statement { .. } => "statement-unusable",
            Self::NoCommit => "statement-no-commit",
            Self::NoCommand => "statement-no-command",
            Self::Unproved => "statement-unproved",
            Self::CommitAbsent { .. } => "commit-absent",
            Self::OtherPins { .. } => "pins-differ",
            Self::NoBuilder => "builder-unnamed",
            Self::NoPlace { .. } => "run-no-place",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoSandbox { hint: Some(hint), .. } => hint,
            Self::NoSandbox { .. } => {
                "it takes unprivileged user namespaces: see kernel.unprivileged_userns_clone, user.max_user_namespaces and \
                 kernel.apparmor_restrict_unprivileged_userns in `sysctl -a`, and the seccomp profile of a container; \
                 docs/run.md has more. Without `--hermetic` the command runs as it is, and nothing is claimed of it"
            }
            Self::Unstarted { .. } => {
                "with `--hermetic` programs are looked for in the folders of the system alone; name it by its path, or pass \
                 `--env PATH`"
            }
            Self::Failed { .. } | Self::Statement { .. } | Self::OtherPins { .. } => return None,
            Self::NoCommit => "it was attested with `--no-source`, or by something else; nobody can tell what to build",
            Self::NoCommand => "name the command that built it: `pinfold reproduce FILE -- COMMAND`",
            Self::Unproved => {
                "name the command yourself (`-- COMMAND`), or say `--unproved` to run whatever the statement says, in the sandbox"
            }
            Self::CommitAbsent { repository, .. } => {
                let from = repository.as_deref().unwrap_or("URL");
                return Some(format!("fetch it with git, or say where it is: `--source {from}`"));
            }
            Self::Stale { .. } => "remove it before, or let the command write it whether or not it has changed",
            Self::InputsChanged { .. } => {
                "`pinfold fetch` puts the right trees back; with `--hermetic` nobody can write to them"
            }
            Self::NoBuilder => {
                "outside of GitHub Actions and GitLab CI say who builds, a URI of yours: `--builder-id URI`"
            }
            Self::NoPlace { .. } => "say where with `--attestation FILE`",
            Self::Changed { .. } => "let the command write nothing but files that git ignores or does not know",
        };
        Some(hint.to_owned())
    }

    /// All that there is to say.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut finding = Finding::new(Level::Error, self.code(), self.to_string());
        finding.hint = self.hint();
        if let Self::OtherPins { expected, received } = self {
            finding = finding.compared(expected.as_str(), received.as_str());
        }
        let rows = match self {
            Self::InputsChanged { report } => report.rows.as_slice(),
            _ => &[],
        };
        let refused = rows.iter().filter(|row| row.verdict != Verdict::Passed);
        let told = refused.flat_map(|row| row.findings.iter().map(|one| (row.subject.as_str(), one)));
        let told = told.map(|(pin, one)| Finding { message: format!("{pin}: {}", one.message), ..one.clone() });
        std::iter::once(finding).chain(told).collect()
    }
}

/// Paths, as many as a line holds.
fn listed(paths: &[String]) -> String {
    let mut shown: Vec<String> = paths.iter().take(SHOWN).map(|path| format!("`{}`", path.escape_debug())).collect();
    if paths.len() > SHOWN {
        shown.push(format!("{} more", paths.len().saturating_sub(SHOWN)));
    }
    shown.join(", ")
}

const SHOWN: usize = 5;

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSandbox { step, said, .. } => write!(f, "there is no sandbox to be had: cannot {step}: {said}"),
            Self::Unstarted { program, said } => write!(f, "cannot start `{}`: {said}", program.escape_debug()),
            Self::Failed { program, code, lost } => {
                write!(f, "`{}` ended with exit code {code}; {lost}", program.escape_debug())
            }
            Self::Stale { paths } => write!(f, "the command did not write {}; it was there before", listed(paths)),
            Self::InputsChanged { .. } => f.write_str("the command changed what was pinned"),
            Self::Statement { why } => write!(f, "the statement cannot be done again: {why}"),
            Self::NoCommit => f.write_str("the statement names no source commit"),
            Self::NoCommand => f.write_str("the statement names no command"),
            Self::Unproved => f.write_str("nobody vouches for the statement whose command is to run"),
            Self::CommitAbsent { commit, place, .. } => {
                write!(f, "there is no commit `{commit}` in `{}`", Location(place))
            }
            Self::OtherPins { .. } => f.write_str("the pins at the commit are not the stated ones"),
            Self::NoBuilder => f.write_str("nothing says what builds here: there is no `--builder-id`"),
            Self::NoPlace { outputs: 0 | 1 } => f.write_str("nothing says where to write the statement"),
            Self::NoPlace { outputs } => {
                write!(f, "nothing says where to write the one statement of {outputs} outputs")
            }
            Self::Changed { paths } => write!(f, "the command changed the sources: {}", listed(paths)),
        }
    }
}

impl std::error::Error for RunError {}
