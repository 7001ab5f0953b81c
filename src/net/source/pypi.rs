//! `pypi = "name==version#file"`: where an index lists the files of a project, and where it keeps their provenance.
//!
//! An index says only where a file is; what it must be is said by the pin.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::{encode_segment, is_no_segment};
use pinfold_core::url::{Url, UrlError};

/// `INDEX/PROJECT/`: the files of a project (PEP 503, PEP 691).
///
/// `index` is what pip calls the index URL, `https://host/simple/`, with or without the `/` at its end.
pub fn project_url(index: &Url, project: &str) -> Result<Url, FileError> {
    let project = segment(project)?;
    format!("{}/{project}/", base(index)?).parse().map_err(FileError::Url)
}

/// `ROOT/integrity/PROJECT/VERSION/FILE/provenance` (PEP 740's object, at the address that PyPI gave it), where ROOT is
/// the index without `simple/` at its end.
pub fn provenance_url(index: &Url, project: &str, version: &str, file: &str) -> Result<Url, FileError> {
    let base = base(index)?;
    let root = base.strip_suffix("/simple").ok_or_else(|| FileError::IndexForm { index: index.clone() })?;
    let (project, version, file) = (segment(project)?, segment(version)?, segment(file)?);
    format!("{root}/integrity/{project}/{version}/{file}/provenance").parse().map_err(FileError::Url)
}

fn base(index: &Url) -> Result<String, FileError> {
    let text = index.to_string();
    if text.contains('?') {
        return Err(FileError::IndexQuery { index: index.clone() });
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn segment(text: &str) -> Result<String, FileError> {
    if is_no_segment(text) {
        return Err(FileError::Part { text: text.to_owned() });
    }
    Ok(encode_segment(text, ""))
}

/// What an index says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub url: Url,
    /// Its SHA-256 in hexadecimal, as it stands there; the pin decides.
    pub sha256: Option<String>,
    /// Why it was taken back, where it was; the reason may be empty.
    pub yanked: Option<String>,
}

/// Finds a file in the list of a project's files (PEP 691's JSON), which came from `page`.
pub fn find(list: &[u8], page: &Url, file: &str) -> Result<Listed, ListError> {
    let project: Project = serde_json::from_slice(list).map_err(ListError::Json)?;
    let mut entries = project.files.into_iter().filter(|entry| entry.filename == file);
    let entry = entries.next().ok_or(ListError::Absent)?;
    if entries.next().is_some() {
        return Err(ListError::Twice);
    }
    let url = page.join(&entry.url).map_err(ListError::Url)?;
    // As with a redirect: https does not lead to http.
    if page.is_https() && !url.is_https() {
        return Err(ListError::Url(UrlError::PlainHttp));
    }
    let yanked = match entry.yanked {
        Yanked::Reason(reason) => Some(reason),
        Yanked::Flag(true) => Some(String::new()),
        Yanked::Flag(false) => None,
    };
    Ok(Listed { url, sha256: entry.hashes.get("sha256").cloned(), yanked })
}

/// PEP 691, "Project Detail", as far as it is read here.
#[derive(Deserialize)]
struct Project {
    files: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    #[serde(default)]
    yanked: Yanked,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Yanked {
    Flag(bool),
    Reason(String),
}

impl Default for Yanked {
    fn default() -> Self {
        Self::Flag(false)
    }
}

/// Why an index can have no address for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileError {
    /// The index's address has a query.
    IndexQuery {
        /// The index.
        index: Url,
    },
    /// The index's address does not end in `simple/`, so that nobody knows where the rest of its API is.
    IndexForm {
        /// The index.
        index: Url,
    },
    /// A part is empty, `.`, `..` or has control characters.
    Part {
        /// As it was given.
        text: String,
    },
    /// What was put together is no URL.
    Url(UrlError),
}

impl FileError {
    /// A stable identifier of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::IndexQuery { .. } => "index-query",
            Self::IndexForm { .. } => "index-form",
            Self::Part { .. } => "index-part",
            Self::Url(_) => "index-url",
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexQuery { index } => write!(f, "the index `{index}` has a query"),
            Self::IndexForm { index } => write!(f, "the index `{index}` does not end in `simple/`"),
            Self::Part { text } => write!(f, "`{}` cannot be part of the address of a file", text.escape_debug()),
            Self::Url(_) => f.write_str("the file has no valid URL"),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::IndexQuery { .. } | Self::IndexForm { .. } | Self::Part { .. } => None,
        }
    }
}

/// Why a list of files does not say where a file is.
#[derive(Debug)]
pub enum ListError {
    /// Not the JSON of PEP 691.
    Json(serde_json::Error),
    /// The file is not in it.
    Absent,
    /// The file is in it twice.
    Twice,
    /// The file's address is no URL, or one that may not be followed.
    Url(UrlError),
}

impl ListError {
    /// A stable identifier of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "index-json",
            Self::Absent => "index-file-absent",
            Self::Twice => "index-file-twice",
            Self::Url(_) => "index-file-url",
        }
    }
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(_) => f.write_str("the index does not list files as PEP 691 has it"),
            Self::Absent => f.write_str("the index does not list the file"),
            Self::Twice => f.write_str("the index lists the file twice"),
            Self::Url(error) => write!(f, "the index has a bad address for the file: {error}"),
        }
    }
}

impl std::error::Error for ListError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Absent | Self::Twice | Self::Url(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a url")
    }

    #[test]
    fn builds_addresses() {
        for index in ["https://pypi.example.com/simple/", "https://pypi.example.com/simple"] {
            let project = project_url(&url(index), "foo-bar").expect("builds");
            assert_eq!(project.to_string(), "https://pypi.example.com/simple/foo-bar/");
            let provenance = provenance_url(&url(index), "a", "1!1.0+x", "a-1.0.zip").expect("builds");
            assert_eq!(provenance.to_string(), "https://pypi.example.com/integrity/a/1%211.0%2Bx/a-1.0.zip/provenance");
        }
        let nested = url("https://h.example.com/api/pypi/all/simple/");
        assert_eq!(
            provenance_url(&nested, "a", "1.0", "a-1.0.zip").expect("builds").to_string(),
            "https://h.example.com/api/pypi/all/integrity/a/1.0/a-1.0.zip/provenance"
        );
        let code = |index: &str, project: &str| {
            provenance_url(&url(index), project, "1.0", "a-1.0.zip").expect_err("refused").code()
        };
        assert_eq!(code("https://pypi.example.com/", "a"), "index-form");
        assert_eq!(code("https://pypi.example.com/notsimple/", "a"), "index-form");
        assert_eq!(code("https://pypi.example.com/simple/?x", "a"), "index-query");
        assert_eq!(code("https://pypi.example.com/simple/", ".."), "index-part");
        assert_eq!(project_url(&url("https://h/"), &"a".repeat(9000)).expect_err("refused").code(), "index-url");
    }

    #[test]
    fn finds_a_file() {
        let page = url("https://pypi.example.com/simple/a/");
        let found = |entries: &str| find(format!("{{\"files\":[{entries}]}}").as_bytes(), &page, "a-1.0.zip");
        let code = |entries: &str| found(entries).expect_err("refused").code();
        let other = r#"{"filename":"a-1.0.tar.gz","url":"x"}"#;
        let listed = found(&format!(
            r#"{other},{{"filename":"a-1.0.zip","url":"../../files/a-1.0.zip#sha256=x","hashes":{{"sha256":"ab"}},"yanked":"bad","size":3}}"#
        ));
        let listed = listed.expect("listed");
        assert_eq!(listed.url.to_string(), "https://pypi.example.com/files/a-1.0.zip");
        assert_eq!((listed.sha256.as_deref(), listed.yanked.as_deref()), (Some("ab"), Some("bad")));
        let plain = found(r#"{"filename":"a-1.0.zip","url":"https://files.example.com/a","yanked":true}"#).expect("ok");
        assert_eq!((plain.sha256, plain.yanked.as_deref()), (None, Some("")));
        assert_eq!(found(r#"{"filename":"a-1.0.zip","url":"a","yanked":false}"#).expect("ok").yanked, None);

        assert_eq!(code(""), "index-file-absent");
        assert_eq!(code(other), "index-file-absent");
        let one = r#"{"filename":"a-1.0.zip","url":"a"}"#;
        assert_eq!(code(&format!("{one},{one}")), "index-file-twice");
        assert_eq!(code(r#"{"filename":"a-1.0.zip","filename":"a-1.0.zip","url":"a"}"#), "index-json");
        assert_eq!(code(r#"{"filename":"a-1.0.zip"}"#), "index-json");
        for bad in ["http://127.0.0.1/a", "http://x.example.com/a", "ftp://x/a", "https://u:hush@x.example.com/a"] {
            let entry = format!(r#"{{"filename":"a-1.0.zip","url":"{bad}"}}"#);
            let error = found(&entry).expect_err("refused");
            assert_eq!(error.code(), "index-file-url", "{bad}");
            assert!(!error.to_string().contains("hush"));
        }
        assert_eq!(find(b"[]", &page, "a").expect_err("refused").code(), "index-json");
    }
}
