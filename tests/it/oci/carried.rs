//! An artifact of several platforms, with all that is attached to it and to what is attached, carried from registry to
//! registry of different kinds, and through a folder.

use pinfold::commands::oci::copy;
use pinfold::ctx::Silent;

use super::copy::{everything, layout, wanted};
use super::registry::{HOST, Knobs};
use super::servers::{Config, Server, ends, refuses};
use super::{REPO, Scene};

#[test]
fn from_registry_to_registry_nothing_is_lost() {
    let distribution = || Server::distribution(&Config::default());
    carried(&[(distribution(), "one/a"), (distribution(), "two/b")]);
}

#[test]
fn to_a_registry_of_another_kind_nothing_is_lost() {
    let distribution = || Server::distribution(&Config::default());
    carried(&[(distribution(), "one/a"), (distribution(), "two/b"), (Server::python(&[]), "three/c")]);
}

fn carried(servers: &[(Server, &str)]) {
    let scene = Scene::with(Knobs::default());
    let (index, all) = everything(&scene);
    let folder = layout(&scene, "");
    let out = scene.project.with(&Silent, |ctx| {
        copy::run(ctx, &wanted(&scene, &format!("{HOST}/{REPO}:v1"), &folder, false)).map(|report| report.exit_code())
    });
    assert_eq!(out.expect("a report"), 0);
    let mut place = format!("{folder}:v1");
    for (server, name) in servers {
        let to = server.place(&format!("{name}:v1"));
        ends(&scene.project, 0, &["oci", "copy", &place, &to, "--key", "keys/a.pem"]);
        for digest in &all {
            let bytes = String::from_utf8(scene.registry.bytes(REPO, digest)).expect("JSON");
            let answer = server.ask("GET", &format!("/v2/{name}/manifests/{digest}"));
            assert!(answer.ends_with(&bytes), "{name} {digest}: {answer}");
        }
        let text = ends(&scene.project, 0, &["oci", "verify", &to, "--key", "keys/a.pem"]);
        assert!(text.contains(&index), "{text}");
        // Each platform has a signature of its own.
        let platform = server.place(&format!("{name}@{}", all[1]));
        ends(&scene.project, 0, &["oci", "verify", &platform, "--key", "keys/a.pem"]);
        for one in ["amd64", "arm64"] {
            let (out, platform) = (format!("{name}-{one}"), format!("linux/{one}"));
            let pull = ["oci", "pull", &to, "--key", "keys/a.pem", "--out", &out, "--platform", &platform];
            ends(&scene.project, 0, &pull);
            assert_eq!(scene.project.read(&format!("{out}/tool")), platform);
        }
        refuses(
            &scene.project,
            1,
            "oci-platform-needed",
            &["oci", "pull", &to, "--key", "keys/a.pem", "--out", "none"],
        );
        assert!(!scene.project.exists("none"));
        place = to;
    }
    // And out again: the folder is the same, to the byte.
    ends(&scene.project, 0, &["oci", "copy", &place, "oci-layout:again", "--key", "keys/a.pem"]);
    let files = |folder: &str| {
        let tree = scene.project.tree(folder);
        tree.into_iter().filter(|(name, _)| name.starts_with("blobs/")).collect::<Vec<_>>()
    };
    assert_eq!(files("again"), files("out/layout"));
}
