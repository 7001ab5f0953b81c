//! skopeo beside us: what we push and write is read and copied by it to the same digests, and what it writes by us. It
//! copies no signatures (1.9 knows no referrers), unless it is told to copy the list of them as well.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::servers::{Config, Server, digest_of, ends, project, refuses};
use super::suite::{COMPONENT, pin_strictly};
use crate::needs::program;
use crate::support::{Project, Tar, integrity, pin};

/// skopeo, in the folder of a project.
struct Skopeo<'a>(PathBuf, &'a Project);

impl<'a> Skopeo<'a> {
    fn of(project: &'a Project) -> Self {
        Self(program("skopeo"), project)
    }

    fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new(&self.0);
        command.current_dir(self.1.root()).env_clear().env("HOME", self.1.path("home")).env("PATH", "/usr/bin:/bin");
        // Where it would keep logins and what it knows of blobs; not this machine's.
        command.env("XDG_RUNTIME_DIR", self.1.root()).env("TMPDIR", self.1.root());
        let output = command.arg("--insecure-policy").args(arguments).output().expect("skopeo");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn copy(&self, from: &str, to: &str, more: &[&str]) {
        let plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
        self.run(&[&["copy"], &plain[..], more, &[from, to]].concat());
    }

    /// The digest of what stands there.
    fn digest(&self, of: &str) -> String {
        super::registry::digest(&self.run(&["inspect", "--raw", "--tls-verify=false", of]))
    }
}

/// No digest may change.
const SAME: &[&str] = &["--preserve-digests"];

#[test]
fn what_we_push_it_copies() {
    let server = Server::distribution(&Config::default());
    let project = project();
    let skopeo = Skopeo::of(&project);
    project.write("hello.wasm", COMPONENT);
    let of = |name: &str| format!("docker://{}", server.place(name));
    let verify = |name: &str| ends(&project, 0, &["oci", "verify", &server.place(name), "--key", "key.pub"]);
    for (name, files) in [("tool", &["tool", "README"][..]), ("hello", &["hello.wasm"])] {
        let (from, reference) = (of(&format!("a/{name}:v1")), server.place(&format!("a/{name}:v1")));
        let digest = digest_of(&ends(&project, 0, &[&["oci", "push", "--key", "key"], files, &[&reference]].concat()));
        assert_eq!(skopeo.digest(&from), digest);
        for through in ["dir", "oci"] {
            let place = format!("{through}:{through}-{name}{}", if through == "oci" { ":v1" } else { "" });
            let to = format!("{through}/{name}:v1");
            skopeo.copy(&from, &place, SAME);
            assert_eq!(skopeo.digest(&place), digest);
            skopeo.copy(&place, &of(&to), SAME);
            assert_eq!(skopeo.digest(&of(&to)), digest);
            // What is attached stayed behind.
            refuses(&project, 1, "signature-missing", &["oci", "verify", &server.place(&to), "--key", "key.pub"]);
            // The list of it is an artifact of its own; skopeo leaves out what it does not know in it, and so makes another
            // one, but what is listed stays what it is.
            let list = digest.replace(':', "-");
            skopeo.copy(&of(&format!("a/{name}:{list}")), &of(&format!("{through}/{name}:{list}")), &["--all"]);
            assert_eq!(digest_of(&verify(&to)), digest);
        }
        // Its layout is a place like any other.
        let layout = format!("oci-layout:oci-{name}:v1");
        let pinned = server.place(&format!("back/{name}:v1"));
        let copy = ["oci", "copy", &layout, &pinned, "--key", "key.pub"];
        refuses(&project, 1, "signature-missing", &copy);
        ends(&project, 0, &[&copy[..], &["--allow-unsigned"]].concat());
        assert_eq!(skopeo.digest(&of(&format!("back/{name}:v1"))), digest);
    }
}

#[test]
fn our_layouts_it_reads() {
    let server = Server::distribution(&Config::default());
    let project = project();
    let skopeo = Skopeo::of(&project);
    let reference = server.place("a/tool:v1");
    let digest = digest_of(&ends(&project, 0, &["oci", "push", "tool", &reference, "--key", "key"]));
    ends(&project, 0, &["oci", "copy", &reference, "oci-layout:ours", "--key", "key.pub"]);
    assert_eq!(skopeo.digest("oci:ours:v1"), digest);
    skopeo.copy("oci:ours:v1", "oci:theirs:v2", SAME);
    let (from, to) = ("oci-layout:theirs:v2", server.place("b/tool:v2"));
    ends(&project, 0, &["oci", "copy", from, &to, "--key", "key.pub", "--allow-unsigned"]);
    assert_eq!(skopeo.digest(&format!("docker://{to}")), digest);
}

/// An image of one layer, and an index of two of them, in a layout as the specification has it.
fn images(project: &Project, layers: &[(&str, &[u8])]) {
    let put = |bytes: &[u8]| {
        let digest = super::registry::digest(bytes);
        project.write(&format!("images/blobs/{}", digest.replace(':', "/")), bytes);
        json!({ "digest": digest, "size": bytes.len() })
    };
    let typed = |kind: &str, bytes: &[u8], more: Value| {
        let mut descriptor = put(bytes);
        descriptor["mediaType"] = format!("application/vnd.oci.image.{kind}").into();
        for (name, value) in more.as_object().expect("an object") {
            descriptor[name] = value.clone();
        }
        descriptor
    };
    let manifests: Vec<Value> = layers
        .iter()
        .map(|(architecture, layer)| {
            let config = json!({
                "architecture": architecture, "os": "linux", "config": {},
                "rootfs": { "type": "layers", "diff_ids": [super::registry::digest(layer)] },
            });
            let config = typed("config.v1+json", config.to_string().as_bytes(), json!({}));
            let layer = typed("layer.v1.tar", layer, json!({}));
            let kind = "application/vnd.oci.image.manifest.v1+json";
            let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer] });
            let platform = json!({ "platform": { "os": "linux", "architecture": architecture } });
            typed("manifest.v1+json", manifest.to_string().as_bytes(), platform)
        })
        .collect();
    let kind = "application/vnd.oci.image.index.v1+json";
    let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": manifests }).to_string();
    let named = json!({ "annotations": { "org.opencontainers.image.ref.name": "v1" } });
    let entry = typed("index.v1+json", index.as_bytes(), named);
    let list = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": [entry] });
    project.write("images/index.json", list.to_string());
    project.write("images/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
}

#[test]
fn images_that_it_pushes_are_pinned_by_platform() {
    let server = Server::distribution(&Config::default());
    let project = project();
    let skopeo = Skopeo::of(&project);
    let tars = ["amd64", "arm64"].map(|one| Tar::default().executable("bin/tool", format!("#!{one}")).bytes());
    images(&project, &[("amd64", &tars[0]), ("arm64", &tars[1])]);
    let (from, to) = ("oci:images:v1", server.place("a/image:v1"));
    skopeo.copy(from, &format!("docker://{to}"), &[SAME[0], "--all"]);
    let digest = skopeo.digest(from);
    let source = format!("oci = \"{to}@{digest}\"");
    let off = "format = \"tar\"\n[pins.tool.provenance]\nmode = \"off\"";
    for (tar, architecture) in tars.iter().zip(["amd64", "arm64"]) {
        let more = format!("oci-platform = \"linux/{architecture}\"\n{off}");
        project.pins(&pin("tool", &source, &integrity(tar), &more));
        ends(&project, 0, &["fetch"]);
        assert_eq!(project.read("vendor/tool/bin/tool"), format!("#!{architecture}"));
    }
    // Which one is for whoever pins to say.
    std::fs::remove_dir_all(project.path("vendor")).expect("a tree");
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    project.pins(&pin("tool", &source, &integrity(&tars[0]), off));
    refuses(&project, 1, "oci-platform-needed", &["fetch"]);
    // Docker's own manifests are as good.
    let docker = server.place("a/docker:v1");
    let amd64 = ["--override-arch", "amd64", "copy", "--format", "v2s2", "--dest-tls-verify=false"];
    skopeo.run(&[&amd64[..], &[from, &format!("docker://{docker}")]].concat());
    let digest = skopeo.digest(&format!("docker://{docker}"));
    let said =
        String::from_utf8(skopeo.run(&["inspect", "--raw", "--tls-verify=false", &format!("docker://{docker}")]));
    assert!(said.expect("JSON").contains("application/vnd.docker.distribution.manifest.v2+json"));
    pin_unsigned(&project, &format!("{docker}@{digest}"));
}

/// A manifest of docker's, whose layer skopeo packed: pinned by what it is.
fn pin_unsigned(project: &Project, reference: &str) {
    ends(project, 0, &["oci", "pull", reference, "--key", "key.pub", "--allow-unsigned", "--out", "docker-layer"]);
    let layer = std::fs::read_dir(project.path("docker-layer")).expect("a folder").next().expect("a layer");
    let bytes = std::fs::read(layer.expect("a layer").path()).expect("a file");
    pin_strictly(project, reference, &bytes, "");
    refuses(project, 1, "signature-missing", &["fetch"]);
    let off = "[pins.tool.provenance]\nmode = \"off\"";
    project.pins(&pin("tool", &format!("oci = \"{reference}\""), &integrity(&bytes), off));
    ends(project, 0, &["fetch"]);
    assert_eq!(project.read("vendor/tool/bin/tool"), "#!amd64");
}
