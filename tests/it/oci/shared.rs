//! A store that many machines share: what it has is held to the pins like anything else, what it lacks or has wrong is asked
//! for upstream, and where it is down everything works without it.

use std::sync::Arc;

use pinfold::install::Conduct;
use pinfold::report::Report;
use pinfold_net::http::{Http, HttpError, Request, Response};
use pinfold_oci::remote_cache::{Access, Settings, Shared};
use serde_json::{Value, json};

use crate::corpus::Corpus;
use crate::provenance::playwright;
use crate::support::{Project, codes, human, integrity, pin};

use super::registry::{HOST, Knobs, Registry};

pub(super) const REPO: &str = "team/cache";
pub(super) const STRICT: &str = "mode = \"strict\"\nrepository = \"https://github.com/microsoft/playwright-cli\"";

pub(super) fn settings(access: Access) -> Settings {
    let at = Some(format!("oci://{HOST}/{REPO}").parse().expect("a place"));
    Settings { at, access, ..Settings::default() }
}

/// Lets a project use a store.
pub(super) fn use_store(project: &mut Project, registry: &Arc<Registry>, access: Access) {
    project.shared = over(registry, settings(access));
}

pub(super) fn over(http: &Arc<impl Http + 'static>, settings: Settings) -> Shared {
    let http = Arc::clone(http);
    Shared::new(http, settings)
}

fn fetch(project: &Project) -> Report {
    project.try_fetch(Conduct::default()).expect("a report")
}

/// Fetches, and holds exit code and codes to what they must be.
pub(super) fn check(project: &Project, exit: u8, expected: &[&str]) -> Report {
    let report = fetch(project);
    assert_eq!((report.exit_code(), codes(&report)), (exit, expected.to_vec()), "{}", human(&report));
    report
}

/// The codes of what was said of the whole run.
fn notes(report: &Report) -> Vec<&str> {
    report.notes.iter().map(|note| note.code.as_str()).collect()
}

/// A project with a file at a URL, which says nothing of evidence.
pub(super) fn plain(bytes: &[u8]) -> Project {
    let more = "format = \"raw\"\n[pins.tool.provenance]\nmode = \"off\"";
    let project = Project::new(&pin("tool", "url = \"https://example.com/tool\"", &integrity(bytes), more));
    project.web.serve("https://example.com/tool", bytes);
    project
}

/// The manifest of the only entry, changed.
pub(super) fn change_entry(registry: &Registry, change: impl FnOnce(&mut Value)) {
    let tag = only_tag(registry);
    let mut manifest: Value =
        serde_json::from_slice(&registry.bytes(REPO, &registry.digest_of(REPO, &tag))).expect("JSON");
    change(&mut manifest);
    let kind = manifest["mediaType"].as_str().expect("a kind").to_owned();
    let digest = registry.manifest(REPO, &kind, &manifest);
    registry.tag(REPO, &tag, &digest);
}

pub(super) fn only_tag(registry: &Registry) -> String {
    let tags = registry.tags_of(REPO);
    assert_eq!(tags.len(), 1, "{tags:?}");
    tags[0].clone()
}

#[test]
fn upstream_sees_one_download_and_one_question() {
    let corpus = Corpus::open("attestations");
    let registry = Arc::new(Registry::default());
    let mut one = playwright(&corpus, STRICT);
    use_store(&mut one, &registry, Access::ReadWrite);
    let first = check(&one, 0, &[]);
    assert!(!one.web.asked().is_empty());
    assert_eq!(notes(&first), Vec::<&str>::new());

    let mut other = playwright(&corpus, STRICT);
    other.web.forget();
    use_store(&mut other, &registry, Access::Read);
    registry.sent();
    let second = check(&other, 0, &[]);
    assert_eq!(other.web.asked(), Vec::<String>::new());
    assert_eq!(second.rows[0].evidence, first.rows[0].evidence);
    assert_eq!(one.read(".pinfold/cli.json"), other.read(".pinfold/cli.json"));
    assert_eq!(one.tree("vendor/cli"), other.tree("vendor/cli"));
    assert_eq!(registry.sent(), Vec::<String>::new());

    // What stands costs nobody a question, and what is there is not sent again.
    registry.asked();
    check(&other, 0, &[]);
    assert!(registry.asked().is_empty());
    std::fs::remove_dir_all(one.path("vendor")).expect("a tree");
    check(&one, 0, &[]);
    assert_eq!(registry.sent(), Vec::<String>::new());
}

/// Makes a store worse.
type Spoil = fn(&Registry);
/// Makes an entry another one.
type Change = fn(&mut Value);

#[test]
fn what_it_has_wrong_is_told_and_asked_for_upstream() {
    let wrong: &[(&str, Spoil)] = &[
        ("other bytes under the digest", |registry| registry.rot(&super::registry::digest(b"the tool"))),
        ("other bytes", |registry| {
            let layer = registry.layer("application/octet-stream", b"not tool", json!({}));
            change_entry(registry, |manifest| manifest["layers"][0] = layer);
        }),
        ("another length", |registry| change_entry(registry, |manifest| manifest["layers"][0]["size"] = json!(9))),
        ("more than anything", |registry| {
            change_entry(registry, |manifest| manifest["layers"][0]["size"] = json!(1_u64 << 60));
        }),
        ("a digest of another kind", |registry| {
            change_entry(registry, |manifest| manifest["layers"][0]["digest"] = json!("md5:00"));
        }),
        ("a manifest in name only", |registry| {
            registry.knobs.lock().expect("no panic").evil = "ctype";
        }),
        ("a manifest without end", |registry| registry.knobs.lock().expect("no panic").evil = "huge"),
        ("redirects without end", |registry| registry.knobs.lock().expect("no panic").evil = "loop"),
    ];
    for (what, spoil) in wrong {
        let registry = Arc::new(Registry::default());
        let mut one = plain(b"the tool");
        use_store(&mut one, &registry, Access::ReadWrite);
        check(&one, 0, &[]);
        spoil(&registry);
        let mut other = plain(b"the tool");
        use_store(&mut other, &registry, Access::Read);
        let report = fetch(&other);
        assert_eq!(
            (report.exit_code(), other.read("vendor/tool").as_str()),
            (0, "the tool"),
            "{what}: {}",
            human(&report)
        );
        assert_eq!(other.web.asked(), ["https://example.com/tool"], "{what}");
        let told = [codes(&report), notes(&report)].concat();
        assert!(told.contains(&"shared-store-entry") || told.contains(&"shared-store"), "{what}: {}", human(&report));
        assert_eq!(std::fs::read_dir(other.store_folder().join("sha512")).expect("a shelf").count(), 1, "{what}");
    }
}

#[test]
fn what_is_not_an_entry_is_none() {
    let changes: [Change; 4] = [
        |manifest| manifest["artifactType"] = json!("application/vnd.example"),
        |manifest| manifest["layers"] = json!([]),
        |manifest| manifest["layers"][0]["urls"] = json!(["https://elsewhere.example.com/"]),
        |manifest| manifest["layers"][0]["mediaType"] = json!("text/plain"),
    ];
    for change in changes {
        let registry = Arc::new(Registry::default());
        let mut one = plain(b"the tool");
        use_store(&mut one, &registry, Access::ReadWrite);
        check(&one, 0, &[]);
        change_entry(&registry, change);
        let mut other = plain(b"the tool");
        use_store(&mut other, &registry, Access::ReadWrite);
        check(&other, 0, &[]);
        assert_eq!(other.web.asked(), ["https://example.com/tool"]);
        // And who writes puts it right.
        let mut third = plain(b"the tool");
        use_store(&mut third, &registry, Access::Read);
        check(&third, 0, &[]);
        assert_eq!(third.web.asked(), Vec::<String>::new());
    }
}

/// What the store says is nobody's word: neither does it make wrong evidence good or missing, nor good evidence wrong.
#[test]
fn evidence_is_upstreams_word_or_proved() {
    let corpus = Corpus::open("attestations");
    let lenient = STRICT.replace("strict", "lenient");
    let fill = || {
        let registry = Arc::new(Registry::default());
        let mut one = playwright(&corpus, STRICT);
        use_store(&mut one, &registry, Access::ReadWrite);
        check(&one, 0, &[]);
        registry
    };
    let second = |registry: &Arc<Registry>, provenance: &str, access| {
        let mut other = playwright(&corpus, provenance);
        use_store(&mut other, registry, access);
        other
    };
    // Taken away: upstream is asked, and its wrong evidence refuses as ever.
    let registry = fill();
    change_entry(&registry, |manifest| drop(manifest["layers"].as_array_mut().expect("a list").pop()));
    let other = second(&registry, &lenient.replace("playwright-cli", "elsewhere"), Access::Read);
    check(&other, 1, &["repository-mismatch"]);
    assert!(other.web.asked().contains(&crate::provenance::attestations_url()));

    // Held to this project's policy, whoever put it there.
    let other = second(&fill(), &STRICT.replace("playwright-cli", "elsewhere"), Access::Read);
    let report = fetch(&other);
    assert_eq!(report.exit_code(), 1, "{}", human(&report));

    // Not evidence at all, or spoilt: told, and upstream has the better, which is put in its place.
    for spoilt in ["{}".to_owned(), spoilt(&fill())] {
        let registry = fill();
        let layer = registry.layer("application/vnd.pinfold.evidence.v1+json", spoilt.as_bytes(), json!({}));
        change_entry(&registry, |manifest| manifest["layers"][1] = layer);
        check(&second(&registry, STRICT, Access::ReadWrite), 0, &["shared-store-entry"]);
        let third = second(&registry, STRICT, Access::Read);
        third.web.forget();
        check(&third, 0, &[]);
    }
}

/// The evidence of the only entry, with another signature.
fn spoilt(registry: &Registry) -> String {
    let tag = only_tag(registry);
    let manifest: Value = serde_json::from_slice(&registry.bytes(REPO, &registry.digest_of(REPO, &tag))).expect("JSON");
    let digest = manifest["layers"][1]["digest"].as_str().expect("a digest");
    let text = String::from_utf8(registry.blob_of(digest)).expect("text");
    let at = text.rfind("\"sig\":\"").expect("a signature") + 20;
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

/// Never answers, and counts how often it is asked.
struct Down(std::sync::Mutex<usize>);

impl Http for Down {
    fn exchange(&self, _: &Request<'_>) -> Result<Response, HttpError> {
        *self.0.lock().expect("no panic") += 1;
        Err(HttpError::Connect(std::io::ErrorKind::ConnectionRefused.into()))
    }
}

#[test]
fn one_that_is_down_is_asked_once_and_told_once() {
    for access in [Access::Read, Access::ReadWrite] {
        let tools: Vec<String> = (0..5).map(|number| format!("tool {number}")).collect();
        let off = "format = \"raw\"\n[pins.NAME.provenance]\nmode = \"off\"";
        let pins = tools.iter().enumerate().map(|(number, bytes)| {
            let (name, source) = (format!("t{number}"), format!("url = \"https://example.com/{number}\""));
            pin(&name, &source, &integrity(bytes.as_bytes()), &off.replace("NAME", &name))
        });
        let mut project = Project::new(&pins.collect::<String>());
        project.jobs = 1;
        for (number, bytes) in tools.iter().enumerate() {
            project.web.serve(&format!("https://example.com/{number}"), bytes.as_bytes());
        }
        let down = Arc::new(Down(std::sync::Mutex::new(0)));
        project.shared = over(&down, settings(access));
        let report = check(&project, 0, &[]);
        assert_eq!(notes(&report), ["shared-store"], "{}", human(&report));
        assert_eq!((*down.0.lock().expect("no panic"), project.web.asked().len()), (1, 5), "{}", human(&report));
    }
}

#[test]
fn it_is_not_asked_offline_or_where_it_is_off() {
    let registry = Arc::new(Registry::default());
    let mut project = plain(b"the tool");
    use_store(&mut project, &registry, Access::ReadWrite);
    let offline = Conduct { offline: true, ..Conduct::default() };
    assert_eq!(project.try_fetch(offline).expect("a report").exit_code(), 2);
    use_store(&mut project, &registry, Access::Off);
    check(&project, 0, &[]);
    assert!(registry.asked().is_empty());
}

#[test]
fn a_pin_file_names_what_is_read_and_nothing_that_is_written() {
    let registry = Arc::new(Registry::default());
    let mut one = plain(b"the tool");
    use_store(&mut one, &registry, Access::ReadWrite);
    check(&one, 0, &[]);
    let mut other = plain(b"the tool");
    let pins = other.read("pins.toml");
    other.pins(&format!("{pins}\n[store]\nremote = \"oci://{HOST}/{REPO}\"\n"));
    let unnamed = Settings { at: None, ..settings(Access::ReadWrite) };
    other.shared = over(&registry, unnamed.clone());
    check(&other, 0, &[]);
    assert_eq!(other.web.asked(), Vec::<String>::new());
    // Not where a stranger's pin file has it.
    let mut third = plain(b"other tool");
    let pins = third.read("pins.toml");
    third.pins(&format!("{pins}\n[store]\nremote = \"oci://{HOST}/{REPO}\"\n"));
    third.shared = over(&registry, unnamed);
    registry.sent();
    check(&third, 0, &[]);
    assert_eq!(registry.sent(), Vec::<String>::new());
}

#[test]
fn the_same_bytes_under_another_name_are_not_the_same_pin() {
    let registry = Arc::new(Registry::default());
    let mut one = plain(b"the tool");
    use_store(&mut one, &registry, Access::ReadWrite);
    check(&one, 0, &[]);
    // The address moved and the integrity did not: whatever is there now has to answer.
    let mut other = plain(b"the tool");
    let pins = other.read("pins.toml").replace("example.com/tool", "example.com/tool-2");
    other.pins(&pins);
    other.web.serve("https://example.com/tool-2", "the new tool");
    use_store(&mut other, &registry, Access::Read);
    check(&other, 1, &["integrity-mismatch"]);
}

#[test]
fn one_that_may_only_be_read_is_no_failure() {
    let registry = Arc::new(Registry::with(Knobs { evil: "read-only", ..Knobs::default() }));
    let mut project = plain(b"the tool");
    use_store(&mut project, &registry, Access::ReadWrite);
    let report = check(&project, 0, &[]);
    assert_eq!(notes(&report), ["shared-store"], "{}", human(&report));
}

#[test]
fn a_token_is_asked_for_once() {
    let challenge = "Bearer realm=\"https://oci.example.com/token\",service=\"x\"";
    let registry = Arc::new(Registry::with(Knobs { challenge: Some(challenge), ..Knobs::default() }));
    let mut one = plain(b"the tool");
    one.jobs = 1;
    use_store(&mut one, &registry, Access::Read);
    check(&one, 0, &[]);
    let tokens = |asked: Vec<(String, Option<String>)>| asked.iter().filter(|(url, _)| url.contains("/token")).count();
    assert_eq!(tokens(registry.asked()), 1);
}

#[test]
fn hosts_that_may_be_asked_include_the_store_and_not_where_it_leads() {
    let registry = Arc::new(Registry::default());
    let mut one = plain(b"the tool");
    use_store(&mut one, &registry, Access::ReadWrite);
    check(&one, 0, &[]);
    for (redirect, asked) in [(None, 0), (Some("https://cdn.example.com/cdn/"), 1)] {
        registry.knobs.lock().expect("no panic").redirect = redirect;
        let mut other = plain(b"the tool");
        let pins = other.read("pins.toml");
        other.pins(&format!("{pins}\n[trust]\nhosts = [\"example.com\"]\n"));
        use_store(&mut other, &registry, Access::Read);
        assert_eq!(fetch(&other).exit_code(), 0);
        assert_eq!(other.web.asked().len(), asked, "{redirect:?}");
    }
}

#[test]
fn the_command_is_told_where_it_is() {
    // Takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let store = format!("oci://{}/cache", silent.local_addr().expect("an address"));
    let project = plain(b"the tool");
    project.pins(&project.read("pins.toml").replace("https://example.com", "http://127.0.0.1:9"));
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = project.command();
        let output =
            command.arg("fetch").args(arguments).envs(variables.iter().copied()).output().expect("the command");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).expect("text"))
    };
    let read_write = ("PINFOLD_STORE_MODE", "read-write");
    for (arguments, variables, expected) in [
        (
            &["--store", &store, "--store-timeout", "1"][..],
            &[][..],
            &*format!("the shared store `{store}` is of no use"),
        ),
        (&["--store-timeout", "1"], &[("PINFOLD_STORE", &*store)], "is of no use"),
        (&["--store", &store, "--store-mode", "off"], &[], "connection"),
        (&["--store", "https://oci.example.com/x"], &[], "begins with `oci://`"),
        (&[], &[("PINFOLD_STORE", "oci://oci.example.com/x:v1")], "PINFOLD_STORE is `oci://oci.example.com/x:v1`: "),
        (&[], &[("PINFOLD_STORE_MODE", "rw")], "PINFOLD_STORE_MODE is `rw`: it is `off`, `read` or `read-write`"),
        (&[], &[read_write], "which shared store is written to has to be said here"),
        (&["--store-mode", "write"], &[], "[possible values: off, read, read-write]"),
    ] {
        let (code, said) = run(arguments, variables);
        assert_eq!(code, Some(2), "{arguments:?} {variables:?}: {said}");
        assert!(said.contains(expected), "{arguments:?} {variables:?}: {said}");
    }
}
