//! [`Finding`]: one thing that was found, and [`Verdict`]: how a subject came out; data, which a report renders.

use serde::{Deserialize, Serialize};

use crate::text::Secrets;

/// How a pin, or another subject of a command, came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All that was looked at is right.
    Passed,
    /// The work could not be done: configuration, network, disk.
    Failed,
    /// Nothing was refuted, but a verdict is not possible.
    Unverifiable,
    /// Bytes or evidence are not what was pinned.
    Refused,
}

impl Verdict {
    /// The word in documents: SLSA's for verification summaries, and two more for what lies between them.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Refused => "REFUSED",
            Self::Failed => "FAILED",
            Self::Unverifiable => "UNVERIFIABLE",
        }
    }

    /// The exit code: 0 passed, 1 refused, 2 failed, 3 unverifiable.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Refused => 1,
            Self::Failed => 2,
            Self::Unverifiable => 3,
        }
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Worth acting on, but nothing was refuted.
    Warning,
    /// Why the verdict is not [`Verdict::Passed`].
    Error,
}

/// One thing that a command found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it weighs.
    pub level: Level,
    /// A stable identifier in kebab case; `docs/threats.md` and `docs/pins.md` list them.
    pub code: String,
    /// A sentence without a full stop.
    pub message: String,
    /// What was pinned or recorded, where two values were compared.
    pub expected: Option<String>,
    /// What was there instead.
    pub received: Option<String>,
    /// The file that it is about, relative to pins.toml.
    pub path: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Finding {
    /// A finding with a message alone.
    pub fn new(level: Level, code: &str, message: impl Into<String>) -> Self {
        Self {
            level,
            code: code.to_owned(),
            message: message.into(),
            expected: None,
            received: None,
            path: None,
            hint: None,
        }
    }

    /// The finding as it may be shown: what is a secret is left out of all that may be the words of others.
    pub fn keep(&mut self, secrets: &Secrets) {
        let Self { level: _, code: _, message, expected, received, path, hint } = self;
        for text in [message].into_iter().chain([expected, received, path, hint].into_iter().flatten()) {
            *text = secrets.hide(text);
        }
    }

    /// The same with the two values that were compared.
    #[must_use]
    pub fn compared(mut self, expected: impl Into<String>, received: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.received = Some(received.into());
        self
    }

    /// The same with the file that it is about.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same with what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Proved evidence in plain words. What is here stands in a certificate, or agrees with one; nothing is a mere claim.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What kind of evidence it is, such as `SLSA provenance`.
    pub kind: String,
    /// Who signed: a workflow's URL with `@ref`, an e-mail address, or the id of a key.
    pub signer: String,
    /// Who vouched for the signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The repository that was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Its id at its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<String>,
    /// The git reference that was built.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// The commit that was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// SLSA's builder id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// `github-hosted`, `self-hosted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
    /// The run, a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// When a log or a timestamp authority saw it first, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Its index in the transparency log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_index: Option<u64>,
    /// Whose root it was proved against: `public-good`, `github`, `staging`, `other`; `None` for a key alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// It was proved by an earlier run on this machine, and this one recalled that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recalled: bool,
}
