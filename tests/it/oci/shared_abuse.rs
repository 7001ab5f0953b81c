//! What a shared store, and whoever writes to it, could make of a fetch: records other than upstream's, secrets that leave,
//! entries that are never made whole, servers that nobody allowed.

use std::sync::Arc;

use pinfold::ctx::Silent;
use pinfold::install::Conduct;
use pinfold_net::http::{Http, HttpError, Method, Request, Response};
use pinfold_oci::remote_cache::{Access, Settings};
use serde_json::{Value, json};

use crate::corpus::Corpus;
use crate::provenance::{attestations_url, playwright};
use crate::support::{Page, Project, codes, human, integrity, pin};

use super::Scene;
use super::between::status;
use super::mirror::{mirror, statuses};
use super::pins::{STRICT as SIGNED, pinned};
use super::registry::{HOST, Knobs, Registry, digest};
use super::shared::{REPO, STRICT, change_entry, check, only_tag, over, plain, settings, use_store};

const EVIDENCE: &str = "application/vnd.pinfold.evidence.v1+json";

/// A registry that a first project with evidence has filled, and its record.
fn filled(corpus: &Corpus) -> (Arc<Registry>, String) {
    let registry = Arc::new(Registry::default());
    let mut one = playwright(corpus, STRICT);
    use_store(&mut one, &registry, Access::ReadWrite);
    check(&one, 0, &[]);
    (registry, one.read(".pinfold/cli.json"))
}

fn filled_plain() -> Arc<Registry> {
    let registry = Arc::new(Registry::default());
    let mut one = plain(b"the tool");
    use_store(&mut one, &registry, Access::ReadWrite);
    check(&one, 0, &[]);
    registry
}

/// What the only entry says under this number of its layers.
fn layer(registry: &Registry, number: usize) -> String {
    let digest = registry.digest_of(REPO, &only_tag(registry));
    let manifest: Value = serde_json::from_slice(&registry.bytes(REPO, &digest)).expect("JSON");
    manifest["layers"][number]["digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn offline_asks_it_nothing_and_tells_it_nothing() {
    let registry = Arc::new(Registry::default());
    let mut project = plain(b"the tool");
    check(&project, 0, &[]);
    std::fs::remove_dir_all(project.path("vendor")).expect("a tree");
    use_store(&mut project, &registry, Access::ReadWrite);
    let offline = Conduct { offline: true, ..Conduct::default() };
    assert_eq!(project.try_fetch(offline).expect("a report").exit_code(), 0);
    assert!(project.exists("vendor/tool"));
    assert!(registry.asked().is_empty());
}

/// Evidence that leaves something open is no word of upstream's: the record does not say that it was asked.
#[test]
fn what_it_leaves_open_is_asked_for_the_next_time() {
    let corpus = Corpus::open("attestations");
    let (registry, first) = filled(&corpus);
    let mut other = playwright(&corpus, "mode = \"lenient\"");
    use_store(&mut other, &registry, Access::Read);
    let page = other.web.body(&attestations_url());
    let down = Page { status: 400, location: None, content_type: None, body: Vec::new() };
    other.web.answer(&attestations_url(), down);
    check(&other, 0, &["http-status"]);
    assert!(other.read(".pinfold/cli.json").contains("\"unasked\""), "{}", other.read(".pinfold/cli.json"));
    other.web.serve(&attestations_url(), page);
    check(&other, 0, &["nobody-named"]);
    assert!(other.read(".pinfold/cli.json") == first);
}

/// Makes a document another one.
type Change = fn(&mut Value);

#[test]
fn a_record_is_as_upstream_makes_it() {
    let corpus = Corpus::open("attestations");
    let whole = |registry: &Registry| -> Value {
        serde_json::from_slice(&registry.blob_of(&layer(registry, 1))).expect("JSON")
    };
    let changes: [(&str, Change); 3] = [
        ("a way to a layer that there is not", |document| document["manifests"] = json!(["{}"])),
        ("several in one", |document| {
            let all: Vec<Value> = document["attestations"].as_array().expect("a list").clone();
            let all: Vec<Value> = all.into_iter().map(|one| json!({ "bundle": one["attestation"] })).collect();
            document["attestations"] = json!([{ "from": "npm", "attestation": { "attestations": all } }]);
        }),
        ("in another order", |document| document["attestations"].as_array_mut().expect("a list").reverse()),
    ];
    for (what, change) in changes {
        let (registry, first) = filled(&corpus);
        let mut document = whole(&registry);
        change(&mut document);
        let evidence = registry.layer(EVIDENCE, document.to_string().as_bytes(), json!({}));
        change_entry(&registry, |manifest| manifest["layers"][1] = evidence);
        let mut other = playwright(&corpus, STRICT);
        use_store(&mut other, &registry, Access::Read);
        assert_eq!(other.try_fetch(Conduct::default()).expect("a report").exit_code(), 0, "{what}");
        assert!(other.read(".pinfold/cli.json") == first, "{what}");
    }
}

/// A signed artifact of a registry: the way from its digest to its layer comes out of the store, and nothing beside it.
#[test]
fn a_record_of_a_signed_artifact_is_as_upstream_makes_it() {
    let (mut scene, store) = (Scene::new(), Arc::new(Registry::default()));
    let artifact = scene.registry.artifact(super::REPO, "v1", &[("tool", b"the tool")]);
    scene.registry.attach(super::REPO, &artifact, &scene.signer.signature(&artifact));
    pinned(&scene, &artifact, b"the tool", SIGNED);
    use_store(&mut scene.project, &store, Access::ReadWrite);
    check(&scene.project, 0, &[]);
    let first = scene.project.read(".pinfold/tool.json");
    for (more, expected) in [(None, [].as_slice()), (Some("{}"), &["shared-store-entry"])] {
        if let Some(more) = more {
            let mut document: Value = serde_json::from_slice(&store.blob_of(&layer(&store, 1))).expect("JSON");
            document["manifests"].as_array_mut().expect("a way").push(json!(more));
            let evidence = store.layer(EVIDENCE, document.to_string().as_bytes(), json!({}));
            change_entry(&store, |manifest| manifest["layers"][1] = evidence);
        }
        for made in [".pinfold", "vendor"].map(|name| scene.project.path(name)) {
            std::fs::remove_dir_all(made).expect("a folder");
        }
        std::fs::remove_dir_all(scene.project.store_folder()).expect("a store");
        use_store(&mut scene.project, &store, Access::Read);
        scene.registry.asked();
        check(&scene.project, 0, expected);
        assert!(scene.project.read(".pinfold/tool.json") == first, "{more:?}");
        assert_eq!(scene.registry.asked().is_empty(), more.is_none(), "{more:?}");
    }
}

#[test]
fn what_is_lost_of_an_entry_is_put_there_again() {
    let corpus = Corpus::open("attestations");
    for number in [0, 1] {
        let (registry, _) = filled(&corpus);
        let part = layer(&registry, number);
        registry.lose(&part);
        let mut other = playwright(&corpus, STRICT);
        use_store(&mut other, &registry, Access::ReadWrite);
        check(&other, 0, &[]);
        assert!(registry.has(&part), "{number}");
    }
}

#[test]
fn mirror_says_there_of_nothing_that_is_not() {
    let corpus = Corpus::open("attestations");
    // Bytes, evidence, and evidence that somebody has spoilt where nobody looked at it in this run.
    let spoils: [&dyn Fn(&Registry); 3] =
        [&|registry| registry.lose(&layer(registry, 0)), &|registry| registry.lose(&layer(registry, 1)), &|registry| {
            let evidence = registry.layer(EVIDENCE, b"{}", json!({}));
            change_entry(registry, |manifest| manifest["layers"][1] = evidence);
        }];
    for spoil in spoils {
        let registry = Arc::new(Registry::default());
        let mut project = playwright(&corpus, STRICT);
        use_store(&mut project, &registry, Access::Off);
        check(&project, 0, &[]);
        project.shared = over(&registry, settings(Access::Read));
        assert_eq!(statuses(&mirror(&project)), [("cli", "mirrored")]);
        assert_eq!(statuses(&mirror(&project)), [("cli", "there")]);
        spoil(&registry);
        let report = mirror(&project);
        assert_eq!(statuses(&report), [("cli", "mirrored")], "{}", human(&report));
        let mut other = playwright(&corpus, STRICT);
        other.web.forget();
        use_store(&mut other, &registry, Access::Read);
        check(&other, 0, &[]);
    }
}

#[test]
fn nothing_is_remembered_of_what_is_for_people() {
    let registry = filled_plain();
    change_entry(&registry, |manifest| {
        manifest["layers"][0]["annotations"] = json!({ "dev.example": "x".repeat(1 << 20) });
    });
    let mut other = plain(b"the tool");
    use_store(&mut other, &registry, Access::Read);
    let entry = other.with(&Silent, |ctx| {
        let world = (ctx.clock, ctx.timeouts);
        let remote = ctx.shared.open(None, world, ctx.registries, None).expect("a store");
        let integrity = integrity(b"the tool").parse().expect("an integrity");
        remote.entry("url:https://example.com/tool", &integrity).expect("an answer").expect("an entry")
    });
    assert!(entry.bytes.annotations.is_empty());
}

#[test]
fn nothing_is_sent_to_hosts_that_may_not_be_asked() {
    for (hosts, is_sent) in [("\"example.com\"", false), ("\"example.com\", \"elsewhere.example.com\"", true)] {
        let uploads = Some("https://elsewhere.example.com/elsewhere");
        let registry = Arc::new(Registry::with(Knobs { uploads, ..Knobs::default() }));
        let mut project = plain(b"the tool");
        let pins = project.read("pins.toml");
        project.pins(&format!("{pins}\n[trust]\nhosts = [{hosts}]\n"));
        use_store(&mut project, &registry, Access::ReadWrite);
        check(&project, 0, if is_sent { &[] } else { &["shared-store-put"] });
        assert_eq!(registry.has(&digest(b"the tool")), is_sent, "{hosts}");
        let elsewhere = registry.asked().into_iter().filter(|(url, _)| url.contains("elsewhere")).count();
        assert_eq!(elsewhere > 0, is_sent, "{hosts}");
    }
}

/// A pin that named a file of the project once: its record still has what was in it.
#[test]
fn files_of_the_project_are_handed_to_nobody() {
    let corpus = Corpus::open("attestations");
    let registry = Arc::new(Registry::default());
    let mut project = playwright(&corpus, &format!("{STRICT}\nattestation = \"private/evidence.json\""));
    project.write("private/evidence.json", project.web.body(&attestations_url()));
    check(&project, 0, &[]);
    assert!(project.read(".pinfold/cli.json").contains("private/evidence.json"));
    project.pins(&project.read("pins.toml").replace("attestation = \"private/evidence.json\"", ""));
    std::fs::remove_dir_all(project.path("vendor")).expect("a tree");
    use_store(&mut project, &registry, Access::ReadWrite);
    check(&project, 0, &[]);
    let manifest = registry.bytes(REPO, &registry.digest_of(REPO, &only_tag(&registry)));
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1), "{manifest}");
}

#[test]
fn two_that_put_the_same_are_both_done() {
    let registry = filled_plain();
    // Another entry of the same bytes, which stands under the tag as soon as ours was put there.
    let bytes = registry.layer("application/octet-stream", b"the tool", json!({}));
    let theirs = registry.image("application/vnd.pinfold.pin.v1", &[bytes], None);
    let theirs = registry.manifest(REPO, "application/vnd.oci.image.manifest.v1+json", &theirs);
    let theirs: &'static str = Box::leak(theirs.into_boxed_str());
    registry.lose(&registry.digest_of(REPO, &only_tag(&registry)));
    registry.knobs.lock().expect("no panic").moves = Some(theirs);
    let mut project = plain(b"the tool");
    use_store(&mut project, &registry, Access::Read);
    let report = mirror(&project);
    assert_eq!((report.exit_code(), statuses(&report)), (0, vec![("tool", "mirrored")]), "{}", human(&report));
}

/// Says that it has nothing, and takes its time for it.
struct Late(std::sync::Mutex<usize>);

impl Http for Late {
    fn exchange(&self, _: &Request<'_>) -> Result<Response, HttpError> {
        *self.0.lock().expect("no panic") += 1;
        std::thread::sleep(std::time::Duration::from_millis(60));
        Ok(status(404))
    }
}

#[test]
fn one_that_is_slow_to_have_nothing_is_left_alone() {
    let mut pins = "[trust]\nprovenance = \"off\"\n".to_owned();
    for number in 0..9 {
        let source = format!("url = \"https://example.com/{number}\"");
        let integrity = integrity(format!("tool {number}").as_bytes());
        pins.push_str(&pin(&format!("t{number}"), &source, &integrity, "format = \"raw\""));
    }
    let mut project = Project::new(&pins);
    project.jobs = 1;
    let serve = |number| project.web.serve(&format!("https://example.com/{number}"), format!("tool {number}"));
    (0..9).for_each(serve);
    let late = Arc::new(Late(std::sync::Mutex::new(0)));
    let timeout = std::time::Duration::from_millis(100);
    project.shared = over(&late, Settings { timeout, ..settings(Access::Read) });
    let report = check(&project, 0, &[]);
    assert_eq!(report.notes.len(), 1, "{}", human(&report));
    assert!(*late.0.lock().expect("no panic") <= 3);
}

/// A registry whose tokens say what they are good for, and that takes another no for a no.
struct Scoped(Arc<Registry>);

impl Http for Scoped {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let url = request.url.to_string();
        if url.contains("/token?") {
            let kind = if url.contains("push") { "for-writing" } else { "for-reading" };
            let body = format!("{{\"token\":\"{kind}\"}}").into_bytes();
            return Ok(Response { content_length: None, body: Box::new(std::io::Cursor::new(body)), ..status(200) });
        }
        let shown = request.headers.iter().find(|(name, _)| *name == "Authorization").map(|(_, value)| value.as_str());
        match (shown, request.method) {
            (None, _) => {
                let mut answer = status(401);
                let challenge = format!("Bearer realm=\"https://{HOST}/token\",service=\"x\"");
                answer.registry.authenticate = Some(challenge);
                Ok(answer)
            }
            (Some("Bearer for-reading"), Method::Post(_) | Method::Put(_)) => Ok(status(403)),
            _ => self.0.exchange(request),
        }
    }
}

#[test]
fn what_is_shown_for_reading_is_not_shown_for_writing() {
    let registry = Arc::new(Registry::default());
    let mut project = plain(b"the tool");
    project.jobs = 1;
    project.shared = over(&Arc::new(Scoped(Arc::clone(&registry))), settings(Access::ReadWrite));
    let report = check(&project, 0, &[]);
    assert!(report.notes.is_empty(), "{}", human(&report));
    assert!(registry.has_tag(REPO, &only_tag(&registry)));
}

#[test]
fn who_does_not_ask_it_does_not_read_where_it_is() {
    let project = Project::new(&pin("own", "file = \"own.bin\"", &integrity(b"own"), "format = \"raw\"")).quiet();
    project.write("own.bin", "own");
    assert_eq!(project.try_fetch(Conduct::default()).map(|report| codes(&report).len()).expect("a report"), 0);
    let variables = [("PINFOLD_STORE", "nonsense"), ("PINFOLD_STORE_MODE", "nonsense")];
    for (arguments, expected) in [(["verify"].as_slice(), 0), (&["sbom", "--format", "spdx"], 0), (&["fetch"], 2)] {
        let output = project.command().args(arguments).envs(variables).output().expect("the command");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}: {said}");
    }
}
