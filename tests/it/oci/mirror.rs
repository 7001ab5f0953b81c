//! `pinfold mirror`: a shared store is filled for everybody, and with nothing that is refused.

use std::sync::Arc;

use pinfold::commands::mirror;
use pinfold::ctx::Silent;
use pinfold::report::Report;
use pinfold_oci::remote_cache::Access;

use crate::corpus::Corpus;
use crate::provenance::playwright;
use crate::support::{Project, codes, human, integrity, pin};

use super::registry::{HOST, Knobs, Registry};
use super::shared::{REPO, STRICT, check, plain, use_store};

pub(super) fn mirror(project: &Project) -> Report {
    let to = format!("oci://{HOST}/{REPO}").parse().expect("a place");
    let options = mirror::Options { pins: Vec::new(), to, offline: false, evidence: None };
    project.with(&Silent, |ctx| mirror::run(ctx, &options)).expect("a report")
}

pub(super) fn statuses(report: &Report) -> Vec<(&str, &str)> {
    report.rows.iter().map(|row| (row.subject.as_str(), row.status.as_str())).collect()
}

#[test]
fn mirror_fills_it_for_every_platform() {
    let registry = Arc::new(Registry::default());
    let variant = |platform: &str, bytes: &[u8]| {
        format!(
            "[pins.tool.platform.{platform}]\nurl = \"https://example.com/{platform}\"\nintegrity = \"{}\"\n",
            integrity(bytes)
        )
    };
    let pins = format!(
        "[trust]\nprovenance = \"off\"\n[pins.tool]\nto = \"tool\"\nformat = \"raw\"\n{}{}{}",
        variant("linux-x64", b"linux"),
        variant("darwin-arm64", b"darwin"),
        pin("own", "file = \"own.bin\"", &integrity(b"own"), "format = \"raw\""),
    );
    let serve = |project: &Project| {
        project.web.serve("https://example.com/linux-x64", "linux");
        project.web.serve("https://example.com/darwin-arm64", "darwin");
        project.write("own.bin", "own");
    };
    let mut project = Project::new(&pins);
    serve(&project);
    use_store(&mut project, &registry, Access::Read);
    let report = mirror(&project);
    let rows = [("tool darwin-arm64", "mirrored"), ("tool linux-x64", "mirrored"), ("own", "in the project")];
    assert_eq!((report.exit_code(), statuses(&report)), (0, rows.to_vec()), "{}", human(&report));
    assert!(!project.exists("tool") && !project.exists(".pinfold/tool.json"));
    registry.sent();
    let report = mirror(&project);
    let rows = [("tool darwin-arm64", "there"), ("tool linux-x64", "there"), ("own", "in the project")];
    assert_eq!((report.exit_code(), statuses(&report)), (0, rows.to_vec()), "{}", human(&report));
    assert_eq!(registry.sent(), Vec::<String>::new());

    let mut other = Project::new(&pins);
    other.write("own.bin", "own");
    other.platform = "darwin-arm64".parse().expect("a platform");
    use_store(&mut other, &registry, Access::Read);
    check(&other, 0, &[]);
    assert_eq!((other.read("tool").as_str(), other.web.asked()), ("darwin", Vec::new()));
}

#[test]
fn mirror_puts_nothing_there_that_is_refused() {
    let corpus = Corpus::open("attestations");
    let registry = Arc::new(Registry::default());
    let mut project = playwright(&corpus, &STRICT.replace("playwright-cli", "elsewhere"));
    use_store(&mut project, &registry, Access::Read);
    let report = mirror(&project);
    assert_eq!((report.exit_code(), codes(&report)), (1, vec!["repository-mismatch"]), "{}", human(&report));
    assert_eq!(registry.sent(), Vec::<String>::new());
    let mut project = plain(b"the tool");
    project.web.serve("https://example.com/tool", "the tooI");
    use_store(&mut project, &registry, Access::Read);
    let report = mirror(&project);
    assert_eq!((report.exit_code(), codes(&report)), (1, vec!["integrity-mismatch"]), "{}", human(&report));
    assert_eq!(registry.sent(), Vec::<String>::new());
}

/// Pins of one artifact, and the configuration that all entries have, are sent at once; docker-registry fails at that.
#[test]
fn the_same_bytes_are_sent_once() {
    let pins: Vec<String> = (0..8)
        .map(|number| {
            let source = "url = \"https://example.com/tool\"";
            pin(&format!("tool{number}"), source, &integrity(b"the tool"), "format = \"raw\"")
        })
        .collect();
    for access in [Access::Read, Access::ReadWrite] {
        let registry = Arc::new(Registry::with(Knobs { races: true, ..Knobs::default() }));
        let mut project = Project::new(&format!("[trust]\nprovenance = \"off\"\n{}", pins.concat()));
        project.web.serve("https://example.com/tool", "the tool");
        use_store(&mut project, &registry, access);
        let report = if access == Access::Read { mirror(&project) } else { check(&project, 0, &[]) };
        assert_eq!((report.exit_code(), codes(&report)), (0, vec![]), "{}", human(&report));
        let sent = registry.sent();
        let blobs = sent.iter().filter(|one| one.starts_with("blob ")).count();
        assert_eq!(blobs, 2, "{sent:?}");
    }
}

/// Another machine writes there at the same time.
#[test]
fn what_fails_once_is_sent_again() {
    let registry = Arc::new(Registry::with(Knobs { fails: 2, ..Knobs::default() }));
    let mut project = plain(b"the tool");
    use_store(&mut project, &registry, Access::Read);
    let report = mirror(&project);
    assert_eq!((report.exit_code(), codes(&report)), (0, vec![]), "{}", human(&report));
}

#[test]
fn a_store_that_takes_nothing_fails_it() {
    let registry = Arc::new(Registry::with(Knobs { evil: "read-only", ..Knobs::default() }));
    let mut project = plain(b"the tool");
    use_store(&mut project, &registry, Access::Off);
    let report = mirror(&project);
    assert_eq!((report.exit_code(), codes(&report)), (2, vec!["shared-store-put"]), "{}", human(&report));
}
