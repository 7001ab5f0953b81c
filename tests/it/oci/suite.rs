//! What has to go well with any registry, whatever it has of the newer API and whoever it wants to see: an artifact is
//! pushed, proved, pulled, pinned and copied; and what nobody signed passes only where somebody says so.

use super::servers::{Server, digest_of, ends, log_in, project, refuses};
use crate::support::{Project, integrity, pin};

/// A component without anything in it.
pub(super) const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// All of it; `login` is what `config.json` has for the registry.
pub(super) fn goes_well(server: &Server, login: Option<&str>) {
    let project = project();
    if let Some(login) = login {
        log_in(&project, server, login);
    }
    pushed_and_pulled(&project, server);
    unsigned(&project, server);
    pinned(&project, server);
    copied(&project, server);
}

fn pushed_and_pulled(project: &Project, server: &Server) {
    let reference = server.place("team/tool:v1");
    let push = ["oci", "push", "tool", "README", &reference];
    let text = ends(project, 1, &push);
    assert!(text.contains("--allow-unsigned"), "{text}");
    assert_eq!(server.log(), Vec::<String>::new());
    let signed = [&push[..], &["--key", "key"]].concat();
    let digest = digest_of(&ends(project, 0, &signed));
    assert_eq!(digest_of(&ends(project, 0, &["oci", "verify", &reference, "--key", "key.pub"])), digest);
    let by_digest = server.place(&format!("team/tool@{digest}"));
    ends(project, 0, &["oci", "pull", &by_digest, "--key", "key.pub", "--out", "out"]);
    assert_eq!((project.read("out/tool"), project.read("out/README")), ("#!tool".into(), "read me".into()));
    // Again: no bytes go, and no second signature.
    let asked = server.log().len();
    assert_eq!(digest_of(&ends(project, 0, &signed)), digest);
    let sent = server.sent_since(asked);
    let manifests = [digest.as_str(), "v1"].map(|by| format!("PUT /v2/team/tool/manifests/{by}"));
    assert!(sent.iter().all(|one| manifests.contains(one)), "{sent:?}");
}

fn unsigned(project: &Project, server: &Server) {
    let reference = server.place("team/bare:v1");
    let text = ends(project, 0, &["oci", "push", "README", &reference, "--allow-unsigned"]);
    assert!(text.contains("pushed unsigned") && text.contains("NO SIGNATURE"), "{text}");
    let pull = ["oci", "pull", &reference, "--key", "key.pub", "--out", "bare"];
    let text = refuses(project, 1, "signature-missing", &pull);
    assert!(text.contains("--allow-unsigned") && !project.exists("bare"), "{text}");
    let text = ends(project, 0, &[&pull[..], &["--allow-unsigned"]].concat());
    assert!(text.contains("pulled unsigned") && text.contains("NO SIGNATURE"), "{text}");
    assert_eq!(project.read("bare/README"), "read me");
}

/// Pins the artifact to `vendor/tool`, which has to be signed by the project's key.
pub(super) fn pin_strictly(project: &Project, reference: &str, bytes: &[u8], more: &str) {
    let rest = "[pins.tool.signature]\nmode = \"strict\"\nkeys = [\"key.pub\"]\n[pins.tool.provenance]\nmode = \"off\"";
    let source = format!("oci = \"{reference}\"");
    project.pins(&pin("tool", &source, &integrity(bytes), &format!("{more}\n{rest}")));
}

fn pinned(project: &Project, server: &Server) {
    project.write("hello.wasm", COMPONENT);
    let reference = server.place("team/hello:v1");
    let push = ["oci", "push", "hello.wasm", &reference];
    let digest = digest_of(&ends(project, 0, &[&push[..], &["--allow-unsigned"]].concat()));
    pin_strictly(project, &format!("{reference}@{digest}"), COMPONENT, "format = \"raw\"");
    refuses(project, 1, "signature-missing", &["fetch"]);
    assert!(!project.exists("vendor") && !project.exists(".pinfold/tool.json"));
    ends(project, 0, &[&push[..], &["--key", "key"]].concat());
    ends(project, 0, &["fetch"]);
    assert_eq!(project.read("vendor/tool").as_bytes(), COMPONENT);
    ends(project, 0, &["verify"]);
}

fn copied(project: &Project, server: &Server) {
    let (from, to) = (server.place("team/tool:v1"), server.place("other/tool:v2"));
    ends(project, 0, &["oci", "copy", &from, "oci-layout:air/gap", "--key", "key.pub"]);
    ends(project, 0, &["oci", "copy", "oci-layout:air/gap:v1", &to, "--key", "key.pub"]);
    let before = digest_of(&ends(project, 0, &["oci", "verify", &from, "--key", "key.pub"]));
    assert_eq!(digest_of(&ends(project, 0, &["oci", "verify", &to, "--key", "key.pub"])), before);
}
