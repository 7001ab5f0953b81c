//! `pinfold trust`: roots over TUF from a repository that is signed here, and all that may be wrong with it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Cursor, Read, Write as _};
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use sigstore_tuf::canonical_json::to_canonical_bytes;
use sigstore_verify::crypto::KeyPair;

use pinfold::commands::trust;
use pinfold::ctx::{Ctx, Silent};
use pinfold::report::Report;
use pinfold_core::digest::Sha256;
use pinfold_evidence::root::{Instance, Usage};
use pinfold_evidence::trust::{Repository, Trust};
use pinfold_net::http::{Clock, Http, HttpError, Request, Response};

use crate::support::{Project, both, codes, files_below, human};

/// A TUF repository, its keys, and what it serves.
struct Site {
    /// Signs everything; the root names it.
    key: KeyPair,
    /// Signs the targets that are delegated.
    delegate: KeyPair,
    /// The root that the client has from the beginning.
    pinned: Vec<u8>,
    answers: Mutex<BTreeMap<String, Answer>>,
    /// What the clients' clock says, in seconds since 1970.
    now: u64,
}

enum Answer {
    Body(Vec<u8>),
    /// All that was announced but the last byte.
    Truncated(Vec<u8>),
    Endless,
    Status(u16),
    Unreachable,
}

/// One state of a repository. Metadata and targets are of the same version.
struct Edition {
    version: u64,
    /// When the timestamp expires.
    expires: &'static str,
    /// The targets by name.
    targets: Vec<(&'static str, Vec<u8>)>,
    /// The targets of a role that may have `keys.example.com/*`.
    delegated: Vec<(&'static str, Vec<u8>)>,
}

impl Edition {
    fn new(version: u64, root: impl Into<Vec<u8>>) -> Self {
        let targets = vec![("trusted_root.json", root.into())];
        Self { version, expires: "2026-11-27T00:00:00Z", targets, delegated: Vec::new() }
    }
}

impl Site {
    fn new() -> Self {
        let key = KeyPair::generate_ecdsa_p256().expect("a key");
        let delegate = KeyPair::generate_ecdsa_p256().expect("a key");
        let pinned = envelope(&root(1, &key), &[&key]);
        Self { key, delegate, pinned, answers: Mutex::default(), now: NOW }
    }

    fn answer(&self, path: &str, answer: Answer) {
        self.answers.lock().expect("no panic").insert(format!("{BASE}{path}"), answer);
    }

    /// Changes the body of what is served already.
    fn change(&self, path: &str, change: impl FnOnce(Vec<u8>) -> Answer) {
        let body = match self.answers.lock().expect("no panic").remove(&format!("{BASE}{path}")) {
            Some(Answer::Body(body)) => body,
            _ => panic!("{path} is not served"),
        };
        self.answer(path, change(body));
    }

    /// Serves an edition in place of the one before.
    fn publish(&self, edition: &Edition) {
        self.publish_signed(edition, &self.key);
    }

    fn publish_signed(&self, edition: &Edition, key: &KeyPair) {
        self.answers.lock().expect("no panic").clear();
        let version = edition.version;
        let serve = |path: &str, body: &[u8]| self.answer(path, Answer::Body(body.to_vec()));
        let role = |kind: &str, body: Value| {
            let mut signed = json!({ "_type": kind, "spec_version": "1.0.31", "version": version, "expires": LATER });
            signed.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
            signed
        };
        for (name, body) in edition.targets.iter().chain(&edition.delegated) {
            let (folder, file) = name.rsplit_once('/').map_or(("", *name), |(folder, file)| (folder, file));
            let slash = if folder.is_empty() { "" } else { "/" };
            serve(&format!("targets/{folder}{slash}{}.{file}", Sha256::of(body).hex()), body);
        }
        let targets = |list: &[(&str, Vec<u8>)]| -> Value {
            list.iter().map(|(name, body)| ((*name).to_owned(), pinned(body, None))).collect()
        };
        let (name, public) = public_key(&self.delegate);
        let keys = json!({
            "keys": { &name: public },
            "roles": [{ "name": "keys", "keyids": [name], "threshold": 1, "terminating": true, "paths": ["keys.example.com/*"] }],
        });
        let top = role("targets", json!({ "targets": targets(&edition.targets), "delegations": keys }));
        let delegated = role("targets", json!({ "targets": targets(&edition.delegated) }));
        let (top, delegated) = (envelope(&top, &[key]), envelope(&delegated, &[&self.delegate]));
        let meta =
            json!({ "targets.json": pinned(&top, Some(version)), "keys.json": pinned(&delegated, Some(version)) });
        let snapshot = envelope(&role("snapshot", json!({ "meta": meta })), &[key]);
        let meta = json!({ "snapshot.json": pinned(&snapshot, Some(version)) });
        let timestamp = role("timestamp", json!({ "meta": meta, "expires": edition.expires }));
        serve(&format!("{version}.targets.json"), &top);
        serve(&format!("{version}.keys.json"), &delegated);
        serve(&format!("{version}.snapshot.json"), &snapshot);
        serve("timestamp.json", &envelope(&timestamp, &[key]));
    }
}

/// The TUF root of this version, which names one key for everything.
fn root(version: u64, key: &KeyPair) -> Value {
    let (name, public) = public_key(key);
    let role = json!({ "keyids": [&name], "threshold": 1 });
    let roles = json!({ "root": role, "timestamp": role, "snapshot": role, "targets": role });
    json!({
        "_type": "root", "spec_version": "1.0.31", "version": version, "expires": LATER, "consistent_snapshot": true,
        "keys": { &name: public }, "roles": roles,
    })
}

fn public_key(key: &KeyPair) -> (String, Value) {
    let public = key.public_key_der().expect("a key");
    let name = Sha256::of(public.as_bytes()).hex();
    let value = json!({ "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": { "public": public.to_pem() } });
    (name, value)
}

fn envelope(signed: &Value, keys: &[&KeyPair]) -> Vec<u8> {
    let bytes = to_canonical_bytes(signed).expect("canonical JSON");
    let signature = |key: &&KeyPair| {
        let signature = key.sign(&bytes).expect("a signature");
        let hex: String = signature.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        json!({ "keyid": public_key(key).0, "sig": hex })
    };
    let signatures: Vec<Value> = keys.iter().map(signature).collect();
    json!({ "signed": signed, "signatures": signatures }).to_string().into_bytes()
}

/// What one role says of a file of the next.
fn pinned(body: &[u8], version: Option<u64>) -> Value {
    let mut value = json!({ "length": body.len(), "hashes": { "sha256": Sha256::of(body).hex() } });
    if let Some(version) = version {
        value["version"] = json!(version);
    }
    value
}

impl Http for Site {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let answers = self.answers.lock().expect("no panic");
        let (status, length, body): (u16, Option<usize>, Box<dyn Read + Send>) =
            match answers.get(&request.url.to_string()) {
                Some(Answer::Body(body)) => (200, Some(body.len()), Box::new(Cursor::new(body.clone()))),
                Some(Answer::Truncated(body)) => {
                    (200, Some(body.len()), Box::new(Cursor::new(body[..body.len() - 1].to_vec())))
                }
                Some(Answer::Endless) => (200, None, Box::new(std::io::repeat(b' '))),
                Some(Answer::Status(status)) => (*status, Some(0), Box::new(std::io::empty())),
                Some(Answer::Unreachable) => return Err(HttpError::Connect(std::io::Error::other("no route"))),
                None => (404, Some(0), Box::new(std::io::empty())),
            };
        let content_length = length.and_then(|length| u64::try_from(length).ok());
        let (location, content_type, content_encoding, retry_after) = (None, None, None, None);
        let (part, registry) = Default::default();
        Ok(Response {
            status,
            location,
            content_length,
            content_type,
            content_encoding,
            retry_after,
            part,
            registry,
            body,
        })
    }
}

impl Clock for Site {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn calendar(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.now)
    }

    fn sleep(&self, _pause: Duration) {}
}

/// 2026-11-20.
const NOW: u64 = 1_795_132_800;
const DAY: u64 = 86_400;
const LATER: &str = "2027-05-01T00:00:00Z";
const BASE: &str = "https://tuf.example.com/";

/// `pinfold trust update` of one instance from a site.
fn update(project: &Project, site: &Site, instance: Instance) -> Report {
    let url = Some(BASE.parse().expect("a URL"));
    let repository = Repository { root: site.pinned.clone(), ..Repository::of(instance, url).expect("a repository") };
    project
        .with(&Silent, |ctx| trust::update(&Ctx { http: site, clock: site, ..*ctx }, &[repository]))
        .expect("a report")
}

fn show(project: &Project) -> Report {
    project.with(&Silent, trust::show).expect("a report")
}

/// GitHub's embedded root, with the newest part of it from another day.
fn github(day: &str) -> Vec<u8> {
    let text = sigstore_verify::trust_root::SIGSTORE_GITHUB_TRUSTED_ROOT;
    assert!(text.contains("2026-06-12"), "GitHub's embedded root is another one now");
    text.replace("2026-06-12", day).into_bytes()
}

fn public_good() -> Vec<u8> {
    sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT.into()
}

/// A project whose GitHub root was refreshed to edition 3, and the site that it was refreshed from.
fn refreshed() -> (Project, Site) {
    let (project, site) = (Project::new(""), Site::new());
    site.publish(&Edition::new(3, github("2026-10-01")));
    let report = update(&project, &site, Instance::GitHub);
    assert_eq!(report.rows[0].status, "updated", "{}", human(&report));
    (project, site)
}

#[test]
fn shows_what_came_with_pinfold() {
    let project = Project::new("");
    let report = show(&project);
    insta::assert_snapshot!("show-embedded", both(&project, &report));
    assert_eq!(report.exit_code(), 0);
    assert!(files_below(&project.trust_folder()).is_empty(), "looking writes nothing");
}

#[test]
fn fetches_what_is_newer_and_keeps_it() {
    let (project, site) = refreshed();
    insta::assert_snapshot!("show-refreshed", both(&project, &show(&project)));
    assert_eq!(files_below(&project.trust_folder()), ["github.root", "github.tuf"]);
    let roots = Trust::new(Some(project.trust_folder())).load().expect("roots").roots;
    let origins: Vec<_> = roots.iter().map(|root| (root.instance(), root.origin())).collect();
    assert_eq!(origins, [(Instance::PublicGood, "embedded"), (Instance::GitHub, "refreshed")]);
    assert_eq!(roots[1].date().as_deref(), Some("2026-10-01"));

    let report = update(&project, &site, Instance::GitHub);
    insta::assert_snapshot!("update-unchanged", both(&project, &report));
    site.publish(&Edition::new(4, github("2026-11-01")));
    let report = update(&project, &site, Instance::GitHub);
    insta::assert_snapshot!("update-updated", both(&project, &report));

    // An authority that is withdrawn is believed no more.
    let mut fewer: Value = serde_json::from_slice(&github("2026-11-01")).expect("JSON");
    fewer["certificateAuthorities"].as_array_mut().expect("a list").remove(0);
    site.publish(&Edition::new(5, fewer.to_string()));
    assert_eq!(update(&project, &site, Instance::GitHub).rows[0].status, "updated");
    let used = Trust::new(Some(project.trust_folder())).root(Instance::GitHub).expect("a root");
    assert_eq!((used.root.authorities_hold().len(), used.version), (5, Some(5)));

    // A newer TUF root, signed by the old key and the new one, hands over.
    let key = KeyPair::generate_ecdsa_p256().expect("a key");
    let next = envelope(&root(2, &key), &[&site.key, &key]);
    site.publish_signed(&Edition::new(6, github("2026-11-02")), &key);
    site.answer("2.root.json", Answer::Body(next.clone()));
    assert_eq!(update(&project, &site, Instance::GitHub).rows[0].status, "updated");
    // From then on the old key says nothing, also where nobody serves the new root any more.
    site.publish(&Edition::new(7, github("2026-11-03")));
    assert_eq!(codes(&update(&project, &site, Instance::GitHub)), ["tuf-signatures"]);
}

#[test]
fn a_root_that_came_with_a_newer_pinfold_is_used() {
    let (project, site) = (Project::new(""), Site::new());
    // As if it had been refreshed before the embedded one was.
    let day = "2026-06-12";
    site.publish(&Edition::new(3, github(day)));
    assert_eq!(update(&project, &site, Instance::GitHub).rows[0].status, "unchanged");
    let kept = project.trust_folder().join("github.root");
    let text = std::fs::read_to_string(&kept).expect("a file");
    let (_, json) = text.split_once('\n').expect("two lines");
    let json = json.replace(day, "2026-06-11");
    std::fs::write(&kept, format!("pinfold-trust/v1 {}\n{json}", Sha256::of(json.as_bytes()))).expect("a file");
    let used = Trust::new(Some(project.trust_folder())).root(Instance::GitHub).expect("a root");
    assert_eq!((used.root.origin(), used.version), ("embedded", None));
}

#[test]
fn what_is_wrong_changes_nothing() {
    let check = |serve: &dyn Fn(&mut Site), expected: &[&str], code: u8| {
        let (project, mut site) = refreshed();
        let before = human(&show(&project));
        serve(&mut site);
        let report = update(&project, &site, Instance::GitHub);
        assert_eq!((codes(&report).as_slice(), report.exit_code()), (expected, code), "{}", human(&report));
        let status = if code == 1 { "refused" } else { "failed" };
        assert_eq!(report.rows[0].status, status);
        assert_eq!(human(&show(&project)), before, "{expected:?}");
    };
    let next = || Edition::new(4, github("2026-11-01"));

    // An older edition, and one that is kept from going on.
    check(&|site| site.publish(&Edition::new(2, github("2026-11-01"))), &["tuf-rollback"], 1);
    check(&|site| site.publish(&Edition { expires: "2026-11-19T00:00:00Z", ..next() }), &["tuf-expired"], 1);
    check(&|site| site.now += 8 * DAY, &["tuf-expired"], 1);
    check(&|site| site.now += 365 * DAY, &["tuf-expired"], 1);

    // Signed by somebody else, by nobody, or changed afterwards.
    let stranger = || KeyPair::generate_ecdsa_p256().expect("a key");
    check(&|site| site.publish_signed(&next(), &stranger()), &["tuf-signatures"], 1);
    let strange_root = |site: &mut Site| {
        let key = stranger();
        site.publish_signed(&next(), &key);
        site.answer("2.root.json", Answer::Body(envelope(&root(2, &key), &[&key])));
    };
    check(&strange_root, &["tuf-signatures"], 1);
    let skipping_root = |site: &mut Site| {
        site.publish(&next());
        site.answer("2.root.json", Answer::Body(envelope(&root(3, &site.key), &[&site.key])));
    };
    check(&skipping_root, &["tuf-rollback"], 1);
    let changed = |path: &'static str, change: fn(Vec<u8>) -> Answer| {
        move |site: &mut Site| {
            site.publish(&next());
            site.change(path, change);
        }
    };
    let flip = |mut body: Vec<u8>| {
        let at = body.len() / 2;
        body[at] ^= 1;
        Answer::Body(body)
    };
    check(&changed("4.snapshot.json", flip), &["tuf-integrity"], 1);
    check(&changed("4.targets.json", flip), &["tuf-integrity"], 1);
    let target = || format!("targets/{}.trusted_root.json", Sha256::of(&github("2026-11-01")).hex());
    let target: &'static str = target().leak();
    check(&changed(target, flip), &["tuf-integrity"], 1);
    check(&changed("timestamp.json", |_| Answer::Body(b"<html>".to_vec())), &["tuf-malformed"], 1);

    // Too much, too little, nothing.
    check(&changed("timestamp.json", |_| Answer::Endless), &["body-too-long"], 1);
    check(&changed(target, |_| Answer::Endless), &["body-too-long"], 1);
    check(&changed("timestamp.json", Answer::Truncated), &["body-truncated"], 2);
    check(&changed(target, Answer::Truncated), &["body-truncated"], 2);
    check(&changed("timestamp.json", |_| Answer::Status(404)), &["tuf-absent"], 2);
    check(&changed("4.targets.json", |_| Answer::Status(403)), &["tuf-absent"], 2);
    check(&changed(target, |_| Answer::Status(404)), &["not-found"], 2);
    check(&changed("timestamp.json", |_| Answer::Status(503)), &["http-status"], 2);
    check(&changed("timestamp.json", |_| Answer::Unreachable), &["http-connect"], 2);
    let without_root = |site: &mut Site| site.publish(&Edition { targets: Vec::new(), ..next() });
    check(&without_root, &["tuf-absent"], 2);

    // Signed, and yet not what it should be.
    let older = "2026-06-11";
    check(&|site| site.publish(&Edition::new(4, github(older))), &["trust-older"], 1);
    check(&|site| site.publish(&Edition::new(4, public_good())), &["trust-other-instance"], 1);
    check(&|site| site.publish(&Edition::new(4, "{}")), &["root-shape"], 1);
    check(&|site| site.publish(&Edition::new(4, "soon")), &["root-json"], 1);
    let lines = || [sigstore_json(&github("2026-11-01")), sigstore_json(&public_good())].join("\n");
    check(&|site| site.publish(&Edition::new(4, lines())), &["trust-several"], 1);
}

/// JSON on one line.
fn sigstore_json(text: &[u8]) -> String {
    serde_json::from_slice::<Value>(text).expect("JSON").to_string()
}

#[test]
fn what_was_seen_once_holds_although_the_rest_did_not_come() {
    let (project, site) = refreshed();
    site.publish(&Edition::new(5, github("2026-11-01")));
    site.change("5.snapshot.json", |_| Answer::Status(404));
    assert_eq!(codes(&update(&project, &site, Instance::GitHub)), ["tuf-absent"]);
    site.publish(&Edition::new(4, github("2026-11-01")));
    assert_eq!(codes(&update(&project, &site, Instance::GitHub)), ["tuf-rollback"]);
    site.publish(&Edition::new(6, github("2026-11-01")));
    assert_eq!(update(&project, &site, Instance::GitHub).rows[0].status, "updated");
}

#[test]
fn a_file_that_rotted_is_never_passed_over() {
    for (name, shown) in [("github.root", true), ("github.tuf", false)] {
        let (project, site) = refreshed();
        let path = project.trust_folder().join(name);
        let good = std::fs::read(&path).expect("a file");
        let mut flipped = good.clone();
        let middle = good.len() / 2;
        flipped[middle] ^= 1;
        for bad in [&good[..good.len() - 1], &good[..10], &[], &flipped, b"pinfold-trust/v1 sha256-x\n{}"] {
            std::fs::write(&path, bad).expect("a file");
            let report = update(&project, &site, Instance::GitHub);
            assert_eq!((codes(&report).as_slice(), report.exit_code()), (["trust-state"].as_slice(), 2));
            assert_eq!(std::fs::read(&path).expect("a file"), bad, "it is left for somebody to look at");
            let report = show(&project);
            assert_eq!(codes(&report).as_slice(), if shown { ["trust-state"].as_slice() } else { &[] });
            assert_eq!(Trust::new(Some(project.trust_folder())).load().is_err(), shown);
        }
        // What the hint says.
        std::fs::remove_file(&path).expect("a file");
        assert_eq!(update(&project, &site, Instance::GitHub).exit_code(), 0);
    }
    // A file of pinfold's own form with something else in it.
    let (project, _) = refreshed();
    let json = json!({ "version": 3, "trusted_root": "{}", "registry_keys": null }).to_string();
    let text = format!("pinfold-trust/v1 {}\n{json}", Sha256::of(json.as_bytes()));
    std::fs::write(project.trust_folder().join("github.root"), text).expect("a file");
    let report = show(&project);
    insta::assert_snapshot!("show-malformed", both(&project, &report));
    assert_eq!(report.exit_code(), 2);
}

#[test]
fn the_registry_s_keys_come_with_the_public_root() {
    let (project, site) = (Project::new(""), Site::new());
    let keys = include_bytes!("../../src/evidence/root/registry_keys.json");
    let newer = String::from_utf8_lossy(keys).replace("2025-01-13", "2026-02-03").into_bytes();
    let name = "keys.example.com/keys.json";
    let in_use = || Trust::new(Some(project.trust_folder())).registry_keys().expect("keys").keys;
    let id = "SHA256:DhQ8wR5APBvFHLF/+Tc+AYvPOdTpcIDqOhxsBHRwC7U";
    // 2025-01-13, and 2026-02-03.
    let start = || in_use().find(id, Usage::Signatures).and_then(|key| key.start);
    let check = |edition: &Edition, statuses: [&str; 2], expected: &[&str]| {
        site.publish(edition);
        let report = update(&project, &site, Instance::PublicGood);
        let got: Vec<&str> = report.rows.iter().map(|row| row.status.as_str()).collect();
        assert_eq!((got.as_slice(), codes(&report).as_slice()), (statuses.as_slice(), expected), "{}", human(&report));
        report
    };
    let edition = |version: u64| Edition::new(version, public_good());

    let report = check(&edition(1), ["unchanged", "failed"], &["trust-no-registry-keys"]);
    assert_eq!(report.exit_code(), 2);
    let with = |version, body: &[u8]| Edition { delegated: vec![(name, body.to_vec())], ..edition(version) };
    check(&with(2, keys), ["unchanged", "unchanged"], &[]);
    assert_eq!(start(), Some(1_736_726_400));
    let report = check(&with(3, &newer), ["unchanged", "updated"], &[]);
    insta::assert_snapshot!("update-keys", both(&project, &report));
    assert_eq!(start(), Some(1_770_076_800));
    insta::assert_snapshot!("show-keys", human(&show(&project)));

    // What is wrong with the keys leaves them as they were, and the root alone.
    let report = check(&with(4, b"{\"keys\": []}"), ["unchanged", "refused"], &["registry-keys-empty"]);
    assert_eq!(report.exit_code(), 1);
    let twice = vec![("other.example.com/keys.json", keys.to_vec())];
    let twice = Edition { targets: [edition(5).targets, twice].concat(), ..with(5, &newer) };
    check(&twice, ["unchanged", "refused"], &["trust-several-registry-keys"]);
    // The role may have what its delegation names, and nothing else.
    let elsewhere = Edition { delegated: vec![("other.example.com/keys.json", keys.to_vec())], ..edition(6) };
    check(&elsewhere, ["unchanged", "failed"], &["trust-no-registry-keys"]);
    assert_eq!(start(), Some(1_770_076_800));
    // In the top-level targets they may be as well.
    let top = Edition { targets: [edition(7).targets, vec![(name, newer.clone())]].concat(), ..edition(7) };
    check(&top, ["unchanged", "unchanged"], &[]);
}

#[test]
fn an_option_names_an_instance_or_a_file() {
    let (project, _) = refreshed();
    let trust = Trust::new(Some(project.trust_folder()));
    let named = |text: &str| {
        trust
            .from_option(text)
            .map(|roots| roots.iter().map(|root| (root.instance(), root.origin().to_owned())).collect::<Vec<_>>())
    };
    assert_eq!(named("github").expect("a root"), [(Instance::GitHub, "refreshed".to_owned())]);
    assert_eq!(named("staging").expect("a root"), [(Instance::Staging, "embedded".to_owned())]);
    let lines = [sigstore_json(&github("2026-10-01")), sigstore_json(&public_good())].join("\n");
    project.write("roots.jsonl", lines);
    let path = project.path("roots.jsonl").display().to_string();
    assert_eq!(named(&path).expect("roots"), [(Instance::GitHub, path.clone()), (Instance::PublicGood, path.clone())]);
    let code = |text: &str| named(text).expect_err("no root").code();
    project.write("bad.json", "{}");
    assert_eq!(code(&project.path("bad.json").display().to_string()), "root-shape");
    assert_eq!(code(&project.path("absent.json").display().to_string()), "disk");
    assert_eq!(code("other"), "disk");

    // Without a place for them there are the embedded ones, and none can be refreshed.
    let nowhere = Trust::new(None);
    assert_eq!(nowhere.load().expect("roots").roots.len(), 2);
    let site = Site::new();
    let repository = Repository::of(Instance::GitHub, None).expect("a repository");
    let report = project
        .with(&Silent, |ctx| trust::update(&Ctx { http: &site, clock: &site, trust: &nowhere, ..*ctx }, &[repository]));
    assert_eq!(codes(&report.expect("a report")), ["trust-no-folder"]);
    assert_eq!(Repository::of(Instance::Other, None).expect_err("no repository").code(), "trust-no-repository");
}

/// The roots that came with pinfold are signed as they say, and lead to the question for the timestamp.
#[test]
fn the_pinned_tuf_roots_are_whole() {
    let site = Site::new();
    for instance in Instance::KNOWN {
        let project = Project::new("");
        let url = Some(BASE.parse().expect("a URL"));
        let repository = Repository::of(instance, url).expect("a repository");
        let mut flipped = repository.clone();
        let at = flipped.root.len() / 2;
        flipped.root[at] ^= 1;
        let run = |repository| {
            let report =
                project.with(&Silent, |ctx| trust::update(&Ctx { http: &site, clock: &site, ..*ctx }, &[repository]));
            codes(&report.expect("a report")).join(" ")
        };
        assert_eq!(run(repository), "tuf-absent", "{instance}");
        assert!(["tuf-signatures", "tuf-malformed"].contains(&run(flipped).as_str()), "{instance}");
    }
}

#[test]
fn the_command_asks_where_it_is_told() {
    let project = Project::new("");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            let _ = sender.send(line.split(' ').nth(1).unwrap_or_default().to_owned());
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let run = |args: &[&str]| {
        let output = project.command().args(args).output().expect("the command");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").replace(&port.to_string(), "PORT");
        format!("{}\n{}{}", output.status, text(output.stdout), text(output.stderr))
    };
    let url = format!("github=http://127.0.0.1:{port}/tuf/");
    insta::assert_snapshot!("command-update", run(&["trust", "update", "--instance", "github", "--tuf-url", &url]));
    assert_eq!(asked.try_iter().collect::<Vec<_>>(), ["/tuf/10.root.json", "/tuf/timestamp.json"]);
    insta::assert_snapshot!("command-show", run(&["trust", "show"]));
    insta::assert_snapshot!("command-usage", run(&["trust", "update", "--instance", "gitlab"]));
    insta::assert_snapshot!("command-url", run(&["trust", "update", "--tuf-url", "github"]));
    insta::assert_snapshot!("command-help", run(&["trust", "update", "--help"]));
    assert_eq!(asked.try_iter().count(), 0, "showing asks nobody");
    assert_eq!(files_below(&project.trust_folder()), ["github.tuf"], "what PINFOLD_TRUST says");
    let update = ["trust", "update", "--instance", "github", "--tuf-url", &url];
    run(&[&update[..], &["--trust-dir", "elsewhere"]].concat());
    assert!(project.exists("elsewhere/github.tuf"), "what --trust-dir says wins");
    // Where nothing says so, it is the place of the XDG Base Directory Specification.
    for (name, value, folder) in [("XDG_STATE_HOME", "state", "state"), ("HOME", "home", "home/.local/state")] {
        let mut command = project.command();
        command.env_remove("PINFOLD_TRUST").env("XDG_STATE_HOME", "relative").env(name, project.path(value));
        command.args(update).output().expect("the command");
        assert!(project.exists(&format!("{folder}/pinfold/trust/github.tuf")), "{name}");
    }
}

/// The site, for a client whose first question takes so long that another refresh comes and goes.
struct Slow<'a> {
    site: &'a Site,
    meanwhile: &'a (dyn Fn() + Sync),
    asked: std::sync::atomic::AtomicBool,
}

impl Http for Slow<'_> {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        if !self.asked.swap(true, std::sync::atomic::Ordering::Relaxed) {
            (self.meanwhile)();
        }
        self.site.exchange(request)
    }
}

#[test]
fn two_refreshes_at_once() {
    let (project, site) = refreshed();
    let kept = || std::fs::read(project.trust_folder().join("github.root")).expect("a root");
    let refresh = |meanwhile: &(dyn Fn() + Sync)| {
        let slow = Slow { site: &site, meanwhile, asked: Default::default() };
        let url = Some(BASE.parse().expect("a URL"));
        let own = Repository::of(Instance::GitHub, url).expect("a repository");
        let repository = Repository { root: site.pinned.clone(), ..own };
        project
            .with(&Silent, |ctx| trust::update(&Ctx { http: &slow, clock: &site, ..*ctx }, &[repository]))
            .expect("a report")
    };
    // What the faster one has seen is the floor for the slower one too, whose server is behind.
    let before = kept();
    let report = refresh(&|| {
        site.publish(&Edition::new(5, github("2026-11-01")));
        assert_eq!(update(&project, &site, Instance::GitHub).rows[0].status, "updated");
        site.publish(&Edition::new(4, github("2026-10-15")));
    });
    assert_eq!(codes(&report), ["tuf-rollback"], "{}", human(&report));
    assert_ne!(kept(), before);
    let newest = kept();
    // And where both ask the same it is kept once, and each says what it has.
    site.publish(&Edition::new(6, github("2026-11-02")));
    let report = refresh(&|| {
        assert_eq!(update(&project, &site, Instance::GitHub).rows[0].status, "updated");
    });
    assert_eq!(report.rows[0].status, "unchanged", "{}", human(&report));
    assert_ne!(kept(), newest);
    assert_eq!(files_below(&project.trust_folder()), ["github.root", "github.tuf"]);
}
