//! [`Spec`]: what `pinfold add` is told to add, as people write it.

use std::str::FromStr;

use super::super::claims::argument;
use pinfold_core::fault::Fault;
use pinfold_core::oci::Reference;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{GithubAsset, NpmPackage, PypiFile, Source};
use pinfold_core::url::Url;

/// What to add; what is `None` is found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spec {
    /// `npm:name`, `npm:name@version`.
    Npm { name: String, version: Option<String> },
    /// `pypi:name`, `pypi:name==version`, `pypi:name==version#file`.
    Pypi { project: String, version: Option<String>, file: Option<String> },
    /// `github:owner/repo`, `github:owner/repo@tag`, `github:owner/repo@tag#asset`.
    Github { owner: String, repo: String, tag: Option<String>, asset: Option<String> },
    /// `oci:host/name:tag`, with a digest or with both; `oci://…` is the same.
    Oci(Reference),
    /// `https://…`.
    Url(Url),
    /// A path in the project.
    File(RelPath),
}

impl FromStr for Spec {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text.split_once(':') {
            Some(("npm", rest)) => npm(rest),
            Some(("pypi", rest)) => pypi(rest),
            Some(("github", rest)) => github(rest),
            Some(("oci", rest)) => oci(rest),
            Some(("url", rest)) => url(rest),
            Some(("https" | "http", rest)) if rest.starts_with("//") => url(text),
            Some(("file", rest)) => file(rest),
            // Nobody means a file called `left`, and somebody may mean a package.
            None if text.contains(['/', '.']) => file(text),
            _ => {
                let why = "it does not say where it comes from";
                Err(argument(text, "spec-form", &why, Some(FORMS.to_owned())))
            }
        }
    }
}

fn npm(text: &str) -> Result<Spec, Fault> {
    let (name, version) = match text.rsplit_once('@').filter(|(name, _)| !name.is_empty()) {
        Some((name, version)) => (name, Some(version)),
        None => (text, None),
    };
    let whole = format!("{name}@{}", version.unwrap_or("0.0.0"));
    let parsed = whole.parse::<NpmPackage>();
    parsed.map_err(|error| argument(text, error.code(), &error, error.hint().map(str::to_owned)))?;
    Ok(Spec::Npm { name: name.to_owned(), version: version.map(str::to_owned) })
}

fn pypi(text: &str) -> Result<Spec, Fault> {
    let (rest, file) = text.split_once('#').map_or((text, None), |(rest, file)| (rest, Some(file)));
    let (project, version) = rest.split_once("==").map_or((rest, None), |(name, version)| (name, Some(version)));
    // With a file in place of one that is not known yet: its name has the project and the version in it.
    let some = version.unwrap_or("0");
    let whole = format!("{project}=={some}#{}", file.map_or_else(|| format!("{project}-{some}.zip"), str::to_owned));
    let parsed = whole.parse::<PypiFile>();
    parsed.map_err(|error| argument(text, error.code(), &error, error.hint()))?;
    let [version, file] = [version, file].map(|part| part.map(str::to_owned));
    Ok(Spec::Pypi { project: project.to_owned(), version, file })
}

fn github(text: &str) -> Result<Spec, Fault> {
    // A tag may have an `@`, an owner and a repository may not.
    let (repository, release) = text.split_once('@').map_or((text, None), |(before, after)| (before, Some(after)));
    let (tag, asset) = match release.map(|release| release.split_once('#').ok_or(release)) {
        Some(Ok((tag, asset))) => (Some(tag), Some(asset)),
        Some(Err(tag)) => (Some(tag), None),
        None => (None, None),
    };
    let whole = format!("{repository}@{}#{}", tag.unwrap_or("t"), asset.unwrap_or("a"));
    let asset_of = whole.parse::<GithubAsset>().map_err(|error| argument(text, error.code(), &error, None))?;
    let [tag, asset] = [tag, asset].map(|part| part.map(str::to_owned));
    Ok(Spec::Github { owner: asset_of.owner().to_owned(), repo: asset_of.repo().to_owned(), tag, asset })
}

fn oci(text: &str) -> Result<Spec, Fault> {
    let parsed = text.strip_prefix("//").unwrap_or(text).parse::<Reference>();
    parsed.map(Spec::Oci).map_err(|error| argument(text, error.code(), &error, error.hint().map(str::to_owned)))
}

fn url(text: &str) -> Result<Spec, Fault> {
    text.parse().map(Spec::Url).map_err(|error| argument(text, "bad-url", &error, None))
}

fn file(text: &str) -> Result<Spec, Fault> {
    let hint = "files stand in the project, and are named from the folder of pins.toml on";
    // As shells complete it.
    let path = text.strip_prefix("./").unwrap_or(text);
    path.parse().map(Spec::File).map_err(|error| argument(text, "bad-path", &error, Some(hint.to_owned())))
}

/// What a pin is called if nobody says it: the package, project or repository, or the file without version and extension.
pub(super) fn name_of(source: &Source) -> String {
    let name = match source {
        Source::Npm(package) => package.base_name(),
        Source::Pypi(file) => file.project(),
        Source::Github(asset) => asset.repo(),
        Source::Oci(layer) => layer.reference().repository().rsplit('/').next().unwrap_or_default(),
        Source::Url(url) => stem(url.file_name()),
        Source::File(path) => stem(path.file_name()),
    };
    let plain = |one: char| if one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | '-') { one } else { '-' };
    let name: String = name.chars().map(plain).collect();
    name.trim_start_matches(['.', '_', '-']).chars().take(MAX_NAME).collect()
}

/// A file's name up to its version, or to its extension.
fn stem(name: &str) -> &str {
    let version = name.match_indices(['-', '_', '@']).find(|(at, _)| {
        let rest = name.get(at.saturating_add(1)..).unwrap_or_default();
        rest.trim_start_matches('v').starts_with(|one: char| one.is_ascii_digit())
    });
    let end = version.map(|(at, _)| at).or_else(|| {
        let extension = EXTENSIONS.iter().find(|extension| name.ends_with(*extension));
        extension.map(|extension| name.len().saturating_sub(extension.len())).or_else(|| name.rfind('.'))
    });
    name.get(..end.unwrap_or(name.len())).filter(|stem| !stem.is_empty()).unwrap_or(name)
}

/// Longest name of a pin, in bytes.
const MAX_NAME: usize = pinfold_core::pins::PinName::MAX_LEN;
/// Extensions that have a `.` in them.
const EXTENSIONS: [&str; 4] = [".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"];
/// All that can be written.
const FORMS: &str = "write `npm:NAME@VERSION`, `pypi:NAME==VERSION`, `github:OWNER/REPO@TAG#ASSET`, `oci:HOST/NAME:TAG`, a URL or a path \
     in the project";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        let text = |one: &str| Some(one.to_owned());
        let check = |spec: &str, expected: Spec| assert_eq!(spec.parse::<Spec>().expect(spec), expected);
        check("npm:terser", Spec::Npm { name: "terser".into(), version: None });
        check("npm:@s/a@1.0.0", Spec::Npm { name: "@s/a".into(), version: text("1.0.0") });
        check("pypi:ruff", Spec::Pypi { project: "ruff".into(), version: None, file: None });
        check("pypi:a-b==1.0rc1", Spec::Pypi { project: "a-b".into(), version: text("1.0rc1"), file: None });
        let (version, file) = (text("1.0"), text("a_b-1.0-py3-none-any.whl"));
        check("pypi:a-b==1.0#a_b-1.0-py3-none-any.whl", Spec::Pypi { project: "a-b".into(), version, file });
        let github = |tag, asset| Spec::Github { owner: "o".into(), repo: "r".into(), tag, asset };
        check("github:o/r", github(None, None));
        check("github:o/r@a@1", github(text("a@1"), None));
        check("github:o/r@v1#x.zip", github(text("v1"), text("x.zip")));
        let oci = |text: &str| Spec::Oci(text.parse().expect("a reference"));
        check("oci:oci.example.com/team/tool:v1", oci("oci.example.com/team/tool:v1"));
        check("oci://localhost:5000/tool:v1", oci("localhost:5000/tool:v1"));
        check("https://example.com/x.tgz", Spec::Url("https://example.com/x.tgz".parse().expect("a URL")));
        check("vendor/x.tgz", Spec::File("vendor/x.tgz".parse().expect("a path")));
        check("x.tgz", Spec::File("x.tgz".parse().expect("a path")));
    }

    #[test]
    fn what_is_none_of_them() {
        for (spec, code) in [
            ("terser", "spec-form"),
            ("", "spec-form"),
            ("cargo:x", "spec-form"),
            ("npm:", "npm-no-version"),
            ("npm:x@latest", "npm-version"),
            ("npm:x@^1.0.0", "npm-version"),
            ("pypi:Ruff", "pypi-name-spelling"),
            ("pypi:ruff==1.0.0-rc1", "pypi-version-spelling"),
            ("pypi:ruff==1.0#x-1.0.zip", "pypi-other-file"),
            ("github:o", "github-form"),
            ("github:o/r@..", "github-tag"),
            ("oci:team/tool:v1", "oci-no-host"),
            ("oci:oci.example.com/team/tool", "oci-no-tag"),
            ("oci:oci.example.com/team/tool@md5:00", "oci-digest-algorithm"),
            ("oci.example.com/team/tool:v1", "spec-form"),
            ("http://example.com/x.tgz", "bad-url"),
            ("/etc/passwd", "bad-path"),
            ("../x.tgz", "bad-path"),
        ] {
            assert_eq!(spec.parse::<Spec>().expect_err(spec).code(), code, "{spec}");
        }
    }

    #[test]
    fn what_it_is_called() {
        let check = |spec: &str, expected: &str| {
            let source = match spec.parse::<Spec>().expect(spec) {
                Spec::Url(url) => Source::Url(url),
                Spec::File(path) => Source::File(path),
                other => panic!("{other:?}"),
            };
            assert_eq!(name_of(&source), expected, "{spec}");
        };
        check("https://example.com/left-pad-1.0.0.tgz", "left-pad");
        check("https://example.com/left_v2.tar.gz", "left");
        check("https://example.com/left.tar.gz", "left");
        check("https://example.com/left%20x", "left-20x");
        check("vendor/.hidden.bin", "hidden");
        check("./x", "x");
    }
}
