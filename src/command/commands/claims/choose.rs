//! Which version, and which of its files: the newest of those that will do, or the one that was named.

use super::{file_choice, no_version, version_absent};
use crate::ctx::Ctx;
use crate::project::Project;
use pinfold_core::fault::Fault;
use pinfold_core::pins::PypiFile;
use pinfold_net::registry::{self, Package, Version};
use pinfold_net::source::version::{Pep440, Semver};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) enum Wanted<'a> {
    /// The one that its source calls the latest, or the newest below it that is old enough.
    Latest,
    /// The newest whose first so many numbers are those of this one.
    Within(usize, &'a str),
    /// This one.
    Exact(&'a str),
}

/// The latest time of publication that `min-age` allows, in seconds since 1970.
pub(in crate::commands) fn cutoff(ctx: &Ctx<'_>, project: &Project) -> Option<i64> {
    let age = i64::try_from(project.pin_file().trust().min_age?.as_secs()).ok()?;
    ctx.clock.seconds().checked_sub(age).filter(|time| *time >= 0)
}

/// Whether a version is one that people get who ask for none in particular.
fn is_release(version: &str) -> bool {
    let npm = Semver::parse(version).map(|one| one.is_pre_release());
    !npm.or_else(|| Pep440::parse(version).map(|one| one.is_pre_release())).unwrap_or(true)
}

/// Whether what a source says of its publication leaves a version old enough. What has no time is not.
fn is_old_enough(published: Option<&str>, cutoff: Option<i64>) -> bool {
    cutoff.is_none_or(|cutoff| published.and_then(registry::seconds).is_some_and(|time| time <= cutoff))
}

/// The version that is wanted.
pub(in crate::commands) fn choose<'p>(
    package: &'p Package,
    wanted: Wanted<'_>,
    cutoff: Option<i64>,
) -> Result<&'p Version, Fault> {
    if let Wanted::Exact(version) = wanted {
        let instead = package.latest.as_ref().map(|latest| format!("the latest is `{}`", latest.escape_debug()));
        let absent = || version_absent(&package.name, version, instead);
        return package.version(version).ok_or_else(absent);
    }
    // What a source calls the latest need not be the highest: nothing above it is meant for everybody.
    let end = package.latest.as_ref().and_then(|latest| package.versions.iter().position(|one| one.version == *latest));
    let upto = package.versions.get(..=end.unwrap_or(package.versions.len().saturating_sub(1))).unwrap_or_default();
    let fits = |one: &&Version| match wanted {
        Wanted::Within(count, like) => same_start(&one.version, like, count),
        Wanted::Latest | Wanted::Exact(_) => true,
    };
    let whole = if matches!(wanted, Wanted::Within(..)) { &package.versions } else { upto };
    let latest = upto.last().filter(|_| matches!(wanted, Wanted::Latest) && end.is_some());
    let usable = |one: &&Version| one.withdrawn.is_none() && is_release(&one.version);
    let candidates: Vec<&Version> =
        whole.iter().filter(fits).filter(|one| usable(one) || latest.is_some_and(|latest| latest == *one)).collect();
    if candidates.is_empty() {
        return Err(no_version(&package.name, "there is no release that was not taken back"));
    }
    let newest = candidates.iter().rev().find(|one| is_old_enough(one.published.as_deref(), cutoff));
    newest.copied().ok_or_else(|| {
        no_version(&package.name, "all of them are younger than `min-age` allows, by what the registry claims")
    })
}

/// Whether the first numbers of two versions are the same.
fn same_start(one: &str, other: &str, count: usize) -> bool {
    let start = |text: &str| -> Vec<String> { text.split(['.', '-', '+']).take(count).map(str::to_owned).collect() };
    start(one) == start(other)
}

/// Which file of a Python version: the one that was named; else one like the file that is pinned; else the source
/// archive, or a wheel for every platform.
pub(in crate::commands) fn file_of(
    project: &str,
    version: &Version,
    named: Option<&str>,
    like: Option<&PypiFile>,
) -> Result<String, Fault> {
    let of = || format!("{project}=={}", version.version);
    let names = || version.files.iter().map(|file| file.name.as_str());
    if let Some(named) = named {
        let absent = || version_absent(&of(), named, None);
        return names().find(|name| *name == named).map(str::to_owned).ok_or_else(absent);
    }
    let is_source = |name: &&str| PypiFile::in_list(project, name).is_some_and(|file| file.is_sdist());
    let choices: Vec<Vec<&str>> = match like {
        Some(like) if !like.is_sdist() => vec![names().filter(|name| tags(name) == tags(like.file())).collect()],
        Some(_) => vec![names().filter(is_source).collect()],
        None => vec![names().filter(is_source).collect(), names().filter(|name| name.ends_with(ANY)).collect()],
    };
    for choice in choices {
        if let [one] = choice.as_slice() {
            return Ok((*one).to_owned());
        }
        if !choice.is_empty() {
            break;
        }
    }
    Err(file_choice(&of(), names()))
}

/// Python, ABI and platform of a wheel.
fn tags(name: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = name.strip_suffix(".whl")?.rsplit('-').take(3).collect();
    Some(parts)
}

/// How the names of wheels end that run everywhere.
const ANY: &str = "-none-any.whl";

#[cfg(test)]
mod tests {
    use super::*;
    use pinfold_net::registry::File;

    fn package(versions: &[(&str, &str)], latest: Option<&str>) -> Package {
        let version = |(version, published): &(&str, &str)| Version {
            version: (*version).to_owned(),
            published: Some((*published).to_owned()).filter(|text| !text.is_empty()),
            withdrawn: version.ends_with("13").then(String::new),
            ..Version::default()
        };
        Package {
            name: "left".to_owned(),
            latest: latest.map(str::to_owned),
            versions: versions.iter().map(version).collect(),
            repository: None,
        }
    }

    #[test]
    fn the_newest_that_will_do() {
        let all = package(
            &[
                ("1.0.0", "2020-01-01T00:00:00Z"),
                ("1.0.7", "2020-06-01T00:00:00Z"),
                ("1.4.0", "2021-01-01T00:00:00Z"),
                ("1.4.13", "2021-02-01T00:00:00Z"),
                ("2.0.0", "2022-01-01T00:00:00Z"),
                ("2.1.0-rc.1", "2022-02-01T00:00:00Z"),
                ("3.0.0", ""),
            ],
            Some("2.0.0"),
        );
        let check = |wanted, cutoff: Option<&str>, expected: Result<&str, &str>| {
            let found = choose(&all, wanted, cutoff.and_then(registry::seconds));
            assert_eq!(found.as_ref().map(|one| one.version.as_str()).map_err(Fault::code), expected, "{wanted:?}");
        };
        check(Wanted::Latest, None, Ok("2.0.0"));
        check(Wanted::Latest, Some("2021-06-01T00:00:00Z"), Ok("1.4.0"));
        check(Wanted::Latest, Some("2019-06-01T00:00:00Z"), Err("version-none"));
        check(Wanted::Within(1, "1.0.0"), None, Ok("1.4.0"));
        check(Wanted::Within(2, "1.0.0"), None, Ok("1.0.7"));
        check(Wanted::Within(1, "3.0.0-rc.2"), None, Ok("3.0.0"));
        check(Wanted::Within(1, "4.0.0"), None, Err("version-none"));
        check(Wanted::Exact("1.4.13"), None, Ok("1.4.13"));
        check(Wanted::Exact("9.0.0"), None, Err("version-absent"));
        let only = package(&[("1.0.0-rc.1", "")], Some("1.0.0-rc.1"));
        assert_eq!(choose(&only, Wanted::Latest, None).map(|one| one.version.as_str()).ok(), Some("1.0.0-rc.1"));
        assert!(choose(&package(&[], None), Wanted::Latest, None).is_err());
    }

    #[test]
    fn one_file_of_a_python_version() {
        let version = |files: &[&str]| Version {
            version: "1.0".to_owned(),
            files: files.iter().map(|name| File { name: (*name).to_owned(), ..File::default() }).collect(),
            ..Version::default()
        };
        let (source, any) = ("left-1.0.tar.gz", "left-1.0-py3-none-any.whl");
        let (linux, mac) = ("left-1.0-cp313-cp313-linux_x86_64.whl", "left-1.0-cp313-cp313-macosx_11_0_arm64.whl");
        let check = |files: &[&str], named: Option<&str>, like: Option<&str>, expected: Result<&str, &str>| {
            let like = like.map(|file| format!("left==0.9#{file}").parse::<PypiFile>().expect("a file"));
            let found = file_of("left", &version(files), named, like.as_ref());
            assert_eq!(found.as_deref().map_err(Fault::code), expected, "{files:?} {named:?} {like:?}");
        };
        check(&[any, source, linux], None, None, Ok(source));
        check(&[linux, any], None, None, Ok(any));
        check(&[linux, mac], None, None, Err("file-choice"));
        check(&[source, "left-1.0.zip"], None, None, Err("file-choice"));
        check(&[], None, None, Err("file-choice"));
        check(&[linux, mac], Some(mac), None, Ok(mac));
        check(&[linux, mac], Some(any), None, Err("version-absent"));
        check(&[source, linux, mac], None, Some("left-0.9-cp313-cp313-linux_x86_64.whl"), Ok(linux));
        check(&[source, linux], None, Some("left-0.9-py3-none-any.whl"), Err("file-choice"));
        check(&[any, source], None, Some("left-0.9.tar.gz"), Ok(source));
    }
}
