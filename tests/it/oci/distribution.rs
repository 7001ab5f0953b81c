//! The real command before Debian's docker-registry, which has no referrers API: signatures are found by the tag that
//! stands in for it.

use std::path::Path;

use super::servers::{Config, HTPASSWD, LOGIN, Server, WRONG, digest_of, ends, log_in, project, refuses};
use super::suite::{goes_well, pin_strictly};
use crate::support::{Project, Tar, files_below};

#[test]
fn what_has_to_go_well() {
    let server = Server::distribution(&Config::default());
    goes_well(&server, None);
    // The list of what is attached is kept under a tag, as there is no other.
    assert!(server.log().iter().any(|one| one.starts_with("PUT /v2/team/tool/manifests/sha256-")));
}

#[test]
fn what_has_to_go_well_with_a_login() {
    let server = Server::distribution(&Config { htpasswd: HTPASSWD, ..Config::default() });
    goes_well(&server, Some(LOGIN));
}

#[test]
fn a_login_that_is_wrong_or_missing_is_said_to_be() {
    let server = Server::distribution(&Config { htpasswd: HTPASSWD, ..Config::default() });
    let project = project();
    let reference = server.place("team/tool:v1");
    let push = ["oci", "push", "tool", &reference, "--key", "key"];
    let verify = ["oci", "verify", &reference, "--key", "key.pub"];
    for command in [&push[..], &verify] {
        let text = refuses(&project, 2, "oci-unauthorized", command);
        assert!(text.contains("there is no login for it") && text.contains("DOCKER_CONFIG"), "{text}");
    }
    log_in(&project, &server, WRONG);
    for command in [&push[..], &verify] {
        let text = refuses(&project, 2, "oci-unauthorized", command);
        assert!(text.contains("the login is not good enough"), "{text}");
    }
    assert!(server.log().iter().all(|one| !one.starts_with("PUT ")));
    log_in(&project, &server, LOGIN);
    ends(&project, 0, &push);
    // What it has is for nobody else.
    project.write("docker/config.json", "{}");
    refuses(&project, 2, "oci-unauthorized", &["oci", "pull", &reference, "--key", "key.pub", "--out", "out"]);
    assert!(!project.exists("out"));
}

#[test]
fn a_token_is_not_asked_for_at_another_server_without_tls() {
    let other = Server::distribution(&Config::default());
    let auth = format!("auth: {{ silly: {{ realm: \"http://{}\", service: s }} }}\n", other.place("token"));
    let server = Server::distribution(&Config { auth: &auth, ..Config::default() });
    let project = project();
    log_in(&project, &server, LOGIN);
    let reference = server.place("team/tool:v1");
    let text = refuses(&project, 1, "oci-realm", &["oci", "verify", &reference, "--key", "key.pub"]);
    assert!(text.contains("https"), "{text}");
    refuses(&project, 1, "oci-realm", &["oci", "push", "tool", &reference, "--key", "key"]);
    assert_eq!(other.log(), Vec::<String>::new());
}

#[test]
fn a_registry_that_is_only_read_says_so() {
    let storage = tempfile::tempdir().expect("a folder");
    let config = Config { storage: Some(storage.path()), ..Config::default() };
    let server = Server::distribution(&config);
    let project = project();
    ends(&project, 0, &["oci", "push", "tool", &server.place("team/tool:v1"), "--key", "key"]);
    drop(server);
    let server = Server::distribution(&Config { is_read_only: true, ..config });
    let reference = server.place("team/tool:v1");
    let before = files_below(storage.path());
    // Of the same files nothing has to be sent but the manifest; of others the first blob.
    for files in [&["tool"][..], &["README"]] {
        let push = [&["oci", "push"], files, &[&reference, "--key", "key"]].concat();
        let text = refuses(&project, 2, "oci-refused", &push);
        assert!(text.contains("405") && text.contains("only read"), "{text}");
    }
    assert_eq!(files_below(storage.path()), before);
    ends(&project, 0, &["oci", "pull", &reference, "--key", "key.pub", "--out", "out"]);
    assert_eq!(project.read("out/tool"), "#!tool");
}

#[test]
fn pushed_again_the_registry_is_as_it_was() {
    let storage = tempfile::tempdir().expect("a folder");
    let server = Server::distribution(&Config { storage: Some(storage.path()), ..Config::default() });
    let project = project();
    let reference = server.place("team/tool:v1");
    let push = ["oci", "push", "tool", "README", &reference, "--key", "key"];
    let first = digest_of(&ends(&project, 0, &push));
    let before = contents(storage.path());
    assert_eq!(digest_of(&ends(&project, 0, &push)), first);
    assert_eq!(contents(storage.path()), before);
    // Another artifact under the same tag: it moves, and who has the digest has what he had.
    project.write("tool", "#!another tool");
    let second = digest_of(&ends(&project, 0, &push));
    let verified = |by: &str| {
        let reference = server.place(&format!("team/tool{by}"));
        digest_of(&ends(&project, 0, &["oci", "verify", &reference, "--key", "key.pub"]))
    };
    assert_ne!(first, second);
    assert_eq!((verified(":v1"), verified(&format!("@{first}"))), (second.clone(), first.clone()));
    let moved = server.place(&format!("team/tool:v1@{first}"));
    ends(&project, 0, &["oci", "pull", &moved, "--key", "key.pub", "--out", "old"]);
    assert_eq!(project.read("old/tool"), "#!tool");
    // A signature that was taken away is none, although the list still names it.
    let attached = server.log().into_iter().filter_map(|one| one.strip_prefix("PUT ").map(str::to_owned));
    let attached: Vec<String> = attached
        .filter(|path| path.contains("/manifests/sha256:") && !path.contains(&first) && !path.contains(&second))
        .collect();
    assert_eq!(attached.len(), 2, "{attached:?}");
    for path in &attached {
        assert!(server.ask("DELETE", path).starts_with("HTTP/1.1 202 "), "{path}");
    }
    refuses(&project, 1, "signature-missing", &["oci", "verify", &reference, "--key", "key.pub"]);
    // Who pushes again signs again.
    ends(&project, 0, &push);
    assert_eq!(verified(":v1"), second);
}

/// Every file with its bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = files_below(folder).into_iter();
    files.map(|name| (name.clone(), std::fs::read(folder.join(name)).expect("a file"))).collect()
}

#[test]
fn a_big_tarball_is_pinned_and_stays_without_the_network() {
    let server = Server::distribution(&Config::default());
    let project = project();
    // Bytes that do not compress, some twenty million of them.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 32).to_le_bytes()
    })
    .flatten()
    .take(20_000_000)
    .collect();
    let tar = Tar::default().executable("bin/tool", "#!tool").file("share/noise", &noise).bytes();
    std::fs::write(project.path("tool.tar"), &tar).expect("a file");
    let reference = server.place("team/big:v1");
    let digest = digest_of(&ends(&project, 0, &["oci", "push", "tool.tar", "README", &reference, "--key", "key"]));
    let layer = "format = \"tar\"\nlayer = { title = \"tool.tar\" }";
    pin_strictly(&project, &format!("{reference}@{digest}"), &tar, layer);
    ends(&project, 0, &["fetch"]);
    drop(server);
    offline(&project, &noise);
}

#[test]
fn a_folder_of_several_says_that_one_is_to_be_named() {
    let server = Server::distribution(&Config::default());
    let project = project();
    let reference = server.place("team/tool:v1");
    let digest = digest_of(&ends(&project, 0, &["oci", "push", "tool", &reference, "--key", "key"]));
    let by_digest = server.place(&format!("team/tool@{digest}"));
    ends(&project, 0, &["oci", "copy", &by_digest, "oci-layout:air", "--key", "key.pub"]);
    let to = server.place("back:v1");
    let copy = |from: &str| ["oci", "copy", from, &to, "--key", "key.pub"].map(str::to_owned);
    let run = |exit, from: &str| ends(&project, exit, &copy(from).iter().map(String::as_str).collect::<Vec<_>>());
    let text = run(2, "oci-layout:air:v9");
    assert!(text.contains("`oci-layout:FOLDER@DIGEST`"), "{text}");
    run(0, &format!("oci-layout:air@{digest}"));
    assert_eq!(digest_of(&ends(&project, 0, &["oci", "verify", &to, "--key", "key.pub"])), digest);
}

/// With the registry gone, all that was fetched stays, is proved, and is put back.
fn offline(project: &Project, noise: &[u8]) {
    assert!(ends(project, 0, &["fetch"]).contains("unchanged"));
    ends(project, 0, &["verify"]);
    std::fs::remove_dir_all(project.path("vendor/tool")).expect("a tree");
    ends(project, 0, &["fetch", "--offline"]);
    assert!(std::fs::read(project.path("vendor/tool/share/noise")).expect("a file") == noise);
    std::fs::write(project.path("vendor/tool/bin/tool"), "#!fool").expect("a file");
    ends(project, 1, &["verify"]);
}
