//! [`Workflow`]: which workflow file may have signed.

use std::fmt;
use std::str::FromStr;

use crate::path::RelPath;

/// A workflow file: of the repository that was built, or anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workflow {
    /// A path in the repository, `.github/workflows/release.yml`.
    Path(RelPath),
    /// A file of another repository, where a reusable workflow built: its URL, without `@ref`.
    Url(String),
}

impl fmt::Display for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

impl FromStr for Workflow {
    type Err = WorkflowError;

    fn from_str(text: &str) -> Result<Self, WorkflowError> {
        if text.contains('@') {
            return Err(WorkflowError::Ref);
        }
        let Some(rest) = text.strip_prefix("https://") else {
            return text.parse().map(Self::Path).map_err(|_| WorkflowError::Form);
        };
        // A host, an owner, a repository and a file at least, none of them a step elsewhere.
        let parts = || rest.split('/');
        let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['?', '#', '%', '\\', ' ']);
        let is_file = parts().count() > 3 && parts().all(is_plain);
        if is_file { Ok(Self::Url(text.to_owned())) } else { Err(WorkflowError::Form) }
    }
}

/// Why a text is not a [`Workflow`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkflowError {
    /// Neither a plain path nor the `https:` URL of a file.
    Form,
    /// It has an `@`: the reference is a demand of its own.
    Ref,
}

impl WorkflowError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "workflow-form",
            Self::Ref => "workflow-ref",
        }
    }
}

impl fmt::Display for WorkflowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a workflow is a path in the repository, or the `https:` URL of a file",
            Self::Ref => "a workflow is named without `@ref`",
        })
    }
}

impl std::error::Error for WorkflowError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_a_path_or_a_file_of_a_repository() {
        for text in [".github/workflows/x.yml", ".gitlab-ci.yml", "https://github.com/o/r/.github/workflows/x.yml"] {
            assert_eq!(text.parse::<Workflow>().map(|one| one.to_string()).as_deref(), Ok(text));
        }
        let form =
            ["", "/a", "../a", "https://github.com/o/r", "https://github.com/o/../r/x", "https://github.com/o/r/x?y"];
        for (text, error) in
            form.map(|text| (text, WorkflowError::Form)).into_iter().chain([("a@b", WorkflowError::Ref)])
        {
            assert_eq!(text.parse::<Workflow>(), Err(error), "{text}");
        }
    }
}
