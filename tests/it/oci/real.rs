//! The real command before the registry in Python that cosign, oras and crane were run against, with all its knobs and all
//! its faults.

use super::servers::{LOGIN, Server, WRONG, digest_of, ends, log_in, project, refuses};
use super::suite::goes_well;
use crate::corpus::Corpus;
use crate::support::{Project, files_below, integrity, pin};

#[test]
fn what_has_to_go_well() {
    for (knobs, login) in [
        (&[][..], None),
        (&["referrers=off", "auth=basic"], Some(LOGIN)),
        (&["referrers=400", "mounthead=off"], None),
        (&["page=1", "filter=off", "auth=anon"], None),
        // The same server by another name: another origin, which answers 400 where it is shown a secret.
        (&["redirect=localhost:PORT", "auth=basic"], Some(LOGIN)),
    ] {
        let server = Server::python(knobs);
        goes_well(&server, login);
        assert!(server.pings(), "{knobs:?}");
    }
}

/// What other tools put into a registry, and the key that signed it.
fn corpus() -> (Project, String) {
    let corpus = Corpus::open("oci");
    let project = project();
    project.write("on.json", corpus.bytes("on.json"));
    project.write("key.pub", corpus.bytes("keys/a.pub"));
    let load = format!("load={}", project.path("on.json").display());
    (project, load)
}

const NAME: &str = "case/real-v3:v1";
const TOOL: &[u8] = b"artifact case/real-v3";

#[test]
fn what_other_tools_signed_goes_well() {
    let (project, load) = corpus();
    for knobs in [&["page=1", "auth=anon"][..], &["filter=off", "redirect=localhost:PORT"], &["auth=basic"]] {
        let server = Server::python(&[knobs, &[load.as_str()]].concat());
        // For what everybody may read the realm wants no login.
        ends(&project, 0, &["oci", "verify", &server.place(NAME), "--key", "key.pub"]);
    }
    // Of a list that the registry does not hand out nothing is known.
    let server = Server::python(&["referrers=400", &load]);
    refuses(&project, 1, "signature-missing", &["oci", "verify", &server.place(NAME), "--key", "key.pub"]);
}

/// A project, and what a registry has that it pushed to: `team/tool`, which is signed, and `team/bare`, which is not; and
/// the digest of the first.
fn stocked() -> (Project, String, String) {
    let (server, project) = (Server::python(&[]), project());
    let push = |name: &str, more: &[&str]| {
        let text = ends(&project, 0, &[&["oci", "push", "tool", "README", &server.place(name)], more].concat());
        digest_of(&text)
    };
    let digest = push("team/tool:v1", &["--key", "key"]);
    push("team/bare:v1", &["--allow-unsigned"]);
    project.write("dump.json", server.dump());
    let load = format!("load={}", project.path("dump.json").display());
    (project, load, digest)
}

#[test]
fn every_fault_refuses_and_leaves_nothing() {
    let (project, load, digest) = stocked();
    for (knobs, exit, code) in [
        (&["evil=blob"][..], 1, "integrity-mismatch"),
        (&["evil=short"], 2, "body-truncated"),
        (&["evil=manifest"], 1, "oci-header-digest"),
        (&["evil=cdigest"], 1, "oci-header-digest"),
        (&["evil=huge"], 1, "body-too-long"),
        (&["evil=loop"], 2, "redirect-limit"),
        (&["evil=ctype"], 1, "manifest-content-type"),
        (&["evil=http", "auth=anon"], 1, "oci-realm"),
    ] {
        let server = Server::python(&[knobs, &[load.as_str()]].concat());
        let (tool, bare, new) = (server.place("team/tool:v1"), server.place("team/bare:v1"), server.place("new:v1"));
        let off = "format = \"raw\"\nlayer = { title = \"tool\" }\n[pins.tool.provenance]\nmode = \"off\"";
        let source = format!("oci = \"{tool}@{digest}\"");
        project.pins(&pin("tool", &source, &integrity(b"#!tool"), off));
        let key = ["--key", "key.pub"];
        // Of what is signed the signature comes first, of the rest the files do.
        let commands = [
            [&["oci", "verify", &tool][..], &key].concat(),
            [&["oci", "pull", &tool, "--out", "out/tool"][..], &key].concat(),
            [&["oci", "copy", &tool, "oci-layout:air/tool"][..], &key].concat(),
            [&["oci", "pull", &bare, "--out", "out/bare", "--allow-unsigned"][..], &key].concat(),
            [&["oci", "copy", &bare, "oci-layout:air/bare", "--allow-unsigned"][..], &key].concat(),
            vec!["fetch"],
        ];
        // At once, as some try again and again.
        std::thread::scope(|scope| {
            for command in &commands {
                let project = &project;
                scope.spawn(move || {
                    let text = refuses(project, exit, code, command);
                    assert!(code != "integrity-mismatch" || text.contains("\"received\": \"sha256:"), "{text}");
                });
            }
            // What is pushed is asked for again: where it does not come, nobody is told that it is there.
            scope.spawn(|| ends(&project, exit, &["oci", "push", "README", &new, "--key", "key"]));
        });
        let left = ["out", "air", "vendor"].map(|folder| files_below(&project.path(folder))).concat();
        assert_eq!(left, Vec::<String>::new(), "{knobs:?}");
        assert!(!project.exists(".pinfold/tool.json"), "{knobs:?}");
        // The store has its lock and one for each project, and nothing else.
        let is_lock = |name: &String| name == ".lock" || name.starts_with("projects/");
        let left = files_below(&project.store_folder()).into_iter().filter(|name| !is_lock(name));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new(), "{knobs:?}");
        assert!(!server.dump().contains("[\"new\", \"v1\""), "{knobs:?}");
    }
}

#[test]
fn a_secret_goes_to_nobody_else() {
    let (project, load) = corpus();
    // The CDN is another server, which answers 400 where it is shown a secret.
    let cdn = Server::python(&[&load]);
    let redirect = format!("redirect=127.0.0.1:{}", cdn.port);
    let server = Server::python(&["auth=basic", &redirect, &load]);
    log_in(&project, &server, LOGIN);
    let reference = server.place(NAME);
    ends(&project, 0, &["oci", "pull", &reference, "--key", "key.pub", "--out", "out"]);
    assert_eq!(project.read("out/tool").as_bytes(), TOOL);
    // A wrong login is worse than none.
    log_in(&project, &server, WRONG);
    let text = refuses(&project, 2, "oci-unauthorized", &["oci", "verify", &reference, "--key", "key.pub"]);
    assert!(text.contains("the login is not good enough"), "{text}");
    refuses(&project, 2, "oci-unauthorized", &["oci", "push", "tool", &server.place("team/tool:v1"), "--key", "key"]);
}

#[test]
fn a_copy_keeps_its_signature() {
    let (from, to) = (Server::python(&[]), Server::python(&["referrers=off"]));
    let project = project();
    let (from, to) = (from.place("team/tool:v1"), to.place("team/tool:v1"));
    ends(&project, 0, &["oci", "push", "tool", "README", &from, "--key", "key"]);
    ends(&project, 0, &["oci", "copy", &from, &to, "--key", "key.pub"]);
    ends(&project, 0, &["oci", "verify", &to, "--key", "key.pub"]);
}
