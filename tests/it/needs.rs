//! What a test needs of the machine: each of these ends a test as ignored where it is not to be had.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::harness::ignore;
use crate::keyless::loopback::SERVER;

/// A program of other people: on the path, or where `.ci/run` unpacks docker-registry.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/docker-registry/usr/bin");
    let mut places = std::env::split_paths(&path).chain([unpacked]).map(|folder| folder.join(name));
    places.find(|path| path.is_file()).unwrap_or_else(|| ignore(format!("needs {name}")))
}

/// A program that scripts run in the sandbox, where `PATH` is not the caller's.
pub(crate) fn program_inside(name: &str) {
    if !["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(name).is_file()) {
        ignore(format!("needs {name} where the system has its programs"));
    }
}

/// strace, where it may trace: faults are injected by it.
pub(crate) fn strace() {
    let strace = program("strace");
    let probe = Command::new(strace).args(["-qq", "-o", "/dev/null", "-e", "trace=none", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        ignore("needs strace that may trace");
    }
}

/// The namespaces that a sandbox takes, by the word of another program.
pub(crate) fn namespaces() {
    let kinds =
        ["--user", "--map-root-user", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--mount-proc", "true"];
    let tried = Command::new(program("unshare")).args(kinds).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        ignore("needs namespaces that a user may make");
    }
}

/// A python that has what the Sigstore on loopback takes: the one of `.ci/run`, else the system's.
pub(crate) fn python_with_cryptography() -> PathBuf {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/python/bin/python3");
    let can = |python: &PathBuf| {
        let mut run = Command::new(python);
        run.args([SERVER, "--can"]).env("PYTHONDONTWRITEBYTECODE", "1");
        run.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let found = FOUND.get_or_init(|| [own, PathBuf::from("python3")].into_iter().find(can)).clone();
    found.unwrap_or_else(|| ignore("needs python3 with `cryptography` (43 or newer)"))
}

/// A user who may do everything.
pub(crate) fn root() {
    let user = std::fs::metadata("/proc/self").map(|found| std::os::unix::fs::MetadataExt::uid(&found));
    if user.is_ok_and(|user| user != 0) {
        ignore("needs to be run by root");
    }
}
