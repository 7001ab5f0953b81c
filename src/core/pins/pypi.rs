//! [`PypiFile`]: one file of one version of a Python project, `ruff==0.1.0#ruff-0.1.0.tar.gz`.
//!
//! A version has many files, one for each platform, so the file is named too. Refuses second spellings of a name (the
//! normalized one counts) and of a version (the canonical one of PEP 440), and files that say they are of another
//! project or version.

use std::fmt;
use std::str::FromStr;

/// A source archive or a wheel of an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PypiFile {
    project: String,
    version: String,
    file: String,
}

impl PypiFile {
    /// Longest file name, in bytes: it is one on disk somewhere (NAME_MAX). It has the name and the version in it.
    pub const MAX_FILE_LEN: usize = 255;

    /// The file of this name among those of `project`: its version stands in the name, as it does in an index's list.
    pub fn in_list(project: &str, file: &str) -> Option<Self> {
        let stem = sdist_stem(file).or_else(|| file.strip_suffix(".whl"))?;
        let found = stem.match_indices('-').find_map(|(at, _)| {
            let (name, rest) = stem.split_at(at);
            let rest = rest.strip_prefix('-').unwrap_or_default();
            let rest = if file.ends_with(".whl") { rest.split('-').next().unwrap_or_default() } else { rest };
            (normalized(name).as_deref() == Some(project)).then(|| canonical(rest)).flatten()
        })?;
        format!("{project}=={found}#{file}").parse().ok()
    }

    /// The project, normalized: `foo-bar`.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The version: `1.0rc1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The name of the file: `foo_bar-1.0rc1-py3-none-any.whl`.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether it is a source archive, which has everything in one folder; a wheel has no such folder.
    pub fn is_sdist(&self) -> bool {
        sdist_stem(&self.file).is_some()
    }
}

impl fmt::Display for PypiFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=={}#{}", self.project, self.version, self.file)
    }
}

impl FromStr for PypiFile {
    type Err = PypiError;

    fn from_str(text: &str) -> Result<Self, PypiError> {
        let (project, rest) = text.split_once("==").ok_or(PypiError::Form)?;
        let (version, file) = rest.split_once('#').ok_or(PypiError::Form)?;
        let normalized = normalized(project).ok_or(PypiError::Name)?;
        if normalized != project {
            return Err(PypiError::NameSpelling { normalized });
        }
        let canonical = canonical(version).ok_or(PypiError::Version)?;
        if canonical != version {
            return Err(PypiError::VersionSpelling { canonical });
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'!');
        if file.len() > Self::MAX_FILE_LEN || file.starts_with('.') || !file.bytes().all(plain) {
            return Err(PypiError::File);
        }
        let agrees = match (sdist_stem(file), file.strip_suffix(".whl")) {
            (Some(stem), _) => sdist_is_of(stem, project, version),
            (None, Some(stem)) => wheel_is_of(stem, project, version)?,
            (None, None) => return Err(PypiError::File),
        };
        if !agrees {
            return Err(PypiError::OtherFile);
        }
        Ok(Self { project: project.to_owned(), version: version.to_owned(), file: file.to_owned() })
    }
}

fn sdist_stem(file: &str) -> Option<&str> {
    file.strip_suffix(".tar.gz").or_else(|| file.strip_suffix(".zip"))
}

/// `NAME-VERSION`. Old names have `-` in them and old versions too, so that every `-` may be the one between them.
fn sdist_is_of(stem: &str, project: &str, version: &str) -> bool {
    stem.match_indices('-').any(|(at, _)| {
        let (name, rest) = stem.split_at(at);
        is_of(name, rest.strip_prefix('-').unwrap_or_default(), project, version)
    })
}

/// `NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM` (binary distribution format, "File name convention").
fn wheel_is_of(stem: &str, project: &str, version: &str) -> Result<bool, PypiError> {
    let parts: Vec<&str> = stem.split('-').collect();
    let (name, found, tags) = match parts.as_slice() {
        [name, version, tags @ ..] if tags.len() == 3 => (name, version, tags),
        [name, version, build, tags @ ..] if tags.len() == 3 && build.starts_with(|c: char| c.is_ascii_digit()) => {
            (name, version, tags)
        }
        _ => return Err(PypiError::File),
    };
    if tags.iter().any(|tag| tag.is_empty()) {
        return Err(PypiError::File);
    }
    Ok(is_of(name, found, project, version))
}

fn is_of(name: &str, found: &str, project: &str, version: &str) -> bool {
    normalized(name).as_deref() == Some(project) && canonical(found).as_deref() == Some(version)
}

/// The one spelling of a project's name (PEP 503): lower case, and one `-` for each run of `-`, `_` and `.`; `None` for
/// what is no name.
fn normalized(name: &str) -> Option<String> {
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !is_edge(name.chars().next()) || !is_edge(name.chars().next_back()) {
        return None;
    }
    let mut normalized = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normalized.ends_with('-') => {}
            '-' | '_' | '.' => normalized.push('-'),
            c if c.is_ascii_alphanumeric() => normalized.push(c.to_ascii_lowercase()),
            _ => return None,
        }
    }
    Some(normalized)
}

/// The one spelling of a version (PEP 440, "Normalization"), `None` for what is no version.
fn canonical(version: &str) -> Option<String> {
    let version = version.to_ascii_lowercase();
    let (public, local) = match version.split_once('+') {
        Some((public, local)) => (public, Some(local)),
        None => (version.as_str(), None),
    };
    let mut canonical = String::new();
    let mut rest = public.strip_prefix('v').unwrap_or(public);
    if let Some((epoch, behind)) = rest.split_once('!') {
        let (epoch, "") = number(epoch)? else { return None };
        if epoch != "0" {
            canonical.push_str(&format!("{epoch}!"));
        }
        rest = behind;
    }
    let (first, mut rest) = number(rest)?;
    canonical.push_str(first);
    while let Some((next, behind)) = rest.strip_prefix('.').and_then(number) {
        canonical.push_str(&format!(".{next}"));
        rest = behind;
    }
    if let Some((word, next, behind)) = phase(rest, PRE) {
        canonical.push_str(&format!("{word}{next}"));
        rest = behind;
    }
    let implicit = rest.strip_prefix('-').and_then(number).map(|(next, behind)| ("post", next, behind));
    if let Some((word, next, behind)) = implicit.or_else(|| phase(rest, POST)) {
        canonical.push_str(&format!(".{word}{next}"));
        rest = behind;
    }
    if let Some((word, next, behind)) = phase(rest, DEV) {
        canonical.push_str(&format!(".{word}{next}"));
        rest = behind;
    }
    if let Some(local) = local {
        let part = |part: &str| {
            let fits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
            fits.then(|| number(part).filter(|(_, behind)| behind.is_empty()).map_or(part, |(next, _)| next).to_owned())
        };
        let parts: Option<Vec<String>> = local.split(SEPARATORS).map(part).collect();
        canonical.push_str(&format!("+{}", parts?.join(".")));
    }
    rest.is_empty().then_some(canonical)
}

/// Digits without zeros in front, and what follows them.
fn number(text: &str) -> Option<(&str, &str)> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, behind) = text.split_at(len);
    let plain = digits.trim_start_matches('0');
    (len > 0).then_some((if plain.is_empty() { "0" } else { plain }, behind))
}

/// One of the words with its number, which is 0 where there is none; each may have a separator in front.
fn phase<'a>(text: &'a str, words: &[(&str, &'static str)]) -> Option<(&'static str, &'a str, &'a str)> {
    let bare = text.strip_prefix(SEPARATORS).unwrap_or(text);
    let (behind, word) = words.iter().find_map(|(word, plain)| Some((bare.strip_prefix(word)?, *plain)))?;
    let (next, behind) = number(behind.strip_prefix(SEPARATORS).unwrap_or(behind)).unwrap_or(("0", behind));
    Some((word, next, behind))
}

const SEPARATORS: [char; 3] = ['.', '-', '_'];
/// Each with its canonical form, the longer before those that they begin with.
const PRE: &[(&str, &str)] = &[
    ("alpha", "a"),
    ("a", "a"),
    ("beta", "b"),
    ("b", "b"),
    ("preview", "rc"),
    ("pre", "rc"),
    ("rc", "rc"),
    ("c", "rc"),
];
const POST: &[(&str, &str)] = &[("post", "post"), ("rev", "post"), ("r", "post")];
const DEV: &[(&str, &str)] = &[("dev", "dev")];

/// Why a text is not a [`PypiFile`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PypiError {
    /// Not `name==version#file`.
    Form,
    /// Not a name of a project.
    Name,
    /// A name, in a spelling that is not the normalized one.
    NameSpelling {
        /// The normalized one.
        normalized: String,
    },
    /// Not a version.
    Version,
    /// A version, in a spelling that is not the canonical one.
    VersionSpelling {
        /// The canonical one.
        canonical: String,
    },
    /// Neither a source archive nor a wheel, or with characters that file names of an index do not have.
    File,
    /// A file of another project or version.
    OtherFile,
}

impl PypiError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form => "pypi-form",
            Self::Name => "pypi-name",
            Self::NameSpelling { .. } => "pypi-name-spelling",
            Self::Version => "pypi-version",
            Self::VersionSpelling { .. } => "pypi-version-spelling",
            Self::File => "pypi-file",
            Self::OtherFile => "pypi-other-file",
        }
    }

    /// What to write instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Form => Some("write it like `ruff==0.1.0#ruff-0.1.0.tar.gz`".to_owned()),
            Self::NameSpelling { normalized } => Some(format!("did you mean `{normalized}`?")),
            Self::VersionSpelling { canonical } => Some(format!("did you mean `{canonical}`?")),
            Self::File => Some("it ends in `.tar.gz`, `.zip` or `-PYTHON-ABI-PLATFORM.whl`".to_owned()),
            Self::Name | Self::Version | Self::OtherFile => None,
        }
    }
}

impl fmt::Display for PypiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a file of a Python project has the form `name==version#file`",
            Self::Name => "the project is not a name that an index has",
            Self::NameSpelling { .. } => "the name of the project is not in its normalized form",
            Self::Version => "the version is not an exact version as PEP 440 has it",
            Self::VersionSpelling { .. } => "the version is not in its canonical form",
            Self::File => "the file is neither a source archive nor a wheel",
            Self::OtherFile => "the file is of another project or version",
        })
    }
}

impl std::error::Error for PypiError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_real_files() {
        for (text, sdist) in [
            ("ruff==0.1.0#ruff-0.1.0.tar.gz", true),
            ("foo-bar==1.0rc1#foo_bar-1.0rc1-py3-none-any.whl", false),
            ("foo-bar==1.0rc1#Foo.Bar-1.0-rc-1.zip", true),
            ("a==1.0.post1#a-1.0-1.tar.gz", true),
            ("zope-interface==5.0#zope.interface-5.0-1_x-cp27-cp27mu-manylinux2010_x86_64.whl", false),
            ("certifi==2024.2.2#certifi-2024.02.02.tar.gz", true),
            ("a==1!2.0.dev3+local.1#a-1!2.0.dev3+local_1-py3-none-any.whl", false),
        ] {
            let file: PypiFile = text.parse().expect(text);
            assert_eq!((file.to_string().as_str(), file.is_sdist()), (text, sdist));
        }
        let file: PypiFile = "a-b==1.0#a_b-1.0-py3-none-any.whl".parse().expect("a file");
        assert_eq!((file.project(), file.version(), file.file()), ("a-b", "1.0", "a_b-1.0-py3-none-any.whl"));
    }

    #[test]
    fn refuses_each_way_to_be_wrong() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<PypiFile>().expect_err(text).code(), expected, "{text}");
        };
        for text in ["", "a", "a==1.0", "a=1.0#a-1.0.zip", "a#a-1.0.zip", "a>=1.0#a-1.0.zip"] {
            check(text, "pypi-form");
        }
        for name in ["", "-a", "a-", "a/b", "a b", "é", "..", "a[extra]", "a%2e"] {
            check(&format!("{name}==1.0#a-1.0.zip"), "pypi-name");
        }
        for name in ["A", "a_b", "a.b", "a--b"] {
            check(&format!("{name}==1.0#a-1.0.zip"), "pypi-name-spelling");
        }
        for version in ["", "*", "1.*", "latest", "1..0", "1.0 ", "../1", "1.0+", "1.0+a..b", "=1.0", "x!1", "1!"] {
            check(&format!("a=={version}#a-1.0.zip"), "pypi-version");
        }
        for version in ["v1.0", "1.0-1", "1.0.RC1", "1.0alpha", "01.0", "0!1.0", "1.0+A", "1.0.dev", "1.0c1", "1.0+a-b"]
        {
            check(&format!("a=={version}#a-1.0.zip"), "pypi-version-spelling");
        }
        for file in ["", "a-1.0", "a-1.0.tgz", "a-1.0.whl", "a-1.0-x-py3-none-any.whl", "a-1.0-py3--any.whl"] {
            check(&format!("a==1.0#{file}"), "pypi-file");
        }
        for file in [".a-1.0.zip", "../a-1.0.zip", "a-1.0.zip?x", "a-1.0.zip#x", "a%2d1.0.zip", "é-1.0.zip"] {
            check(&format!("a==1.0#{file}"), "pypi-file");
        }
        check(&format!("a==1.0#a-{}1.0.zip", "0".repeat(255)), "pypi-file");
        for file in ["b-1.0.zip", "a-1.1.zip", "a1.0.zip", "a-b-1.0.zip", "b-1.0-py3-none-any.whl", "a-1.0.0.zip"] {
            check(&format!("a==1.0#{file}"), "pypi-other-file");
        }
    }

    #[test]
    fn says_what_is_meant() {
        let hint = |text: &str| text.parse::<PypiFile>().expect_err("refused").hint().expect("a hint");
        assert_eq!(hint("Foo_Bar==1.0#x"), "did you mean `foo-bar`?");
        assert_eq!(hint("a==v1.0-RC.01#x"), "did you mean `1.0rc1`?");
    }
}
