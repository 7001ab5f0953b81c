//! What namespaces and mounts do not cover: sockets by names that nobody lists, keyrings, core dumps, descriptors, files with
//! more than one name, and what pinfold itself believes.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use super::connect;
use crate::harness::ignore;
use crate::needs;
use crate::run::{BUILD, BUILDER, BUNDLE, Said, Workshop, said};

/// A script of Python's, for a shell.
fn python(script: &str) -> String {
    needs::program_inside("python3");
    assert!(!script.contains('\''), "{script}");
    format!("python3 -c '{script}'")
}

impl Workshop {
    /// `pinfold run` of a script, by a shell that opens descriptors for it.
    fn redirected(&self, more: &str, script: &str, redirections: &str) -> Said {
        let pinfold = env!("CARGO_BIN_EXE_pinfold");
        let line = format!(
            "exec {pinfold} run {more} --out=dist/app.js {BUILDER} --json -- sh -c '{BUILD}; {script}' {redirections}"
        );
        let environment = self.command();
        let mut bash = Command::new(needs::program("bash"));
        bash.args(["-c", &line]).current_dir(self.project.root()).env_clear();
        bash.envs(environment.get_envs().filter_map(|(name, value)| Some((name, value?))));
        said(&mut bash)
    }

    /// That nothing is run, with these words.
    fn is_refused(&self, env: &[(&str, &str)], words: &str) {
        let build = format!("{BUILD}; echo ran > dist/ran");
        let key = format!("--key={}", self.key.display());
        let args = ["run", "--hermetic", "--out=dist/app.js", BUILDER, &key, "--json", "--", "sh", "-c", &build];
        let said = self.pinfold(&args, env);
        assert_eq!((said.code, said.error()), (2, "hermetic-unavailable".to_owned()), "{}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
        assert!(!self.project.exists("dist/ran") && !self.project.exists(BUNDLE));
    }
}

#[test]
fn no_sockets_by_any_name() {
    needs::namespaces();
    let workshop = Workshop::new();
    let dist = workshop.project.path("dist");
    std::fs::create_dir_all(&dist).expect("a folder");
    // As OpenSSH makes the socket of a master connection, bound under another name than the one that stays.
    let _linked = UnixListener::bind(dist.join("first")).expect("a socket");
    std::fs::hard_link(dist.join("first"), dist.join("linked")).expect("a link");
    std::fs::remove_file(dist.join("first")).expect("it was there");
    workshop.attack(&connect("dist/linked"));
    let _renamed = UnixListener::bind(dist.join("before")).expect("a socket");
    std::fs::rename(dist.join("before"), dist.join("after")).expect("renamed");
    workshop.attack(&connect("dist/after"));
    let _odd = UnixListener::bind(dist.join("line\nfeed")).expect("a socket");
    workshop.attack(&python(r#"import socket; socket.socket(socket.AF_UNIX).connect(b"dist/line\nfeed")"#));
    let name = std::os::unix::ffi::OsStrExt::from_bytes(b"not-\xff-utf8");
    let _raw = UnixListener::bind(dist.join(Path::new::<std::ffi::OsStr>(name))).expect("a socket");
    workshop.attack(&python(r#"import socket; socket.socket(socket.AF_UNIX).connect(b"dist/not-\xff-utf8")"#));
    // Datagrams need no connection, and one of a pair is a socket already.
    let _datagrams = UnixDatagram::bind(dist.join("datagrams")).expect("a socket");
    for pair in ["socket.SOCK_DGRAM", "socket.SOCK_RAW", "socket.SOCK_DGRAM | socket.SOCK_CLOEXEC"] {
        workshop.attack(&python(&format!(
            r#"import socket; socket.socketpair(socket.AF_UNIX, {pair})[0].sendto(b"x", "dist/datagrams")"#
        )));
    }
    workshop.attack(&python(
        r#"import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", "dist/datagrams")"#,
    ));
    // Opened while the command runs.
    let late = dist.join("late");
    let server = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        UnixListener::bind(late)
    });
    let said = workshop.confined(&format!(
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 0.1; {} && exit 0; done; exit 9",
        connect("dist/late")
    ));
    assert_eq!(said.code, 9, "{}{}", said.stdout, said.stderr);
    drop(server.join().expect("no panic").expect("a socket"));
    // Neither by a program of the ABI x32, whose calls the kernel does not tell apart, nor by way of the machine around.
    workshop.confined(&python("import socket; socket.socket(40, socket.SOCK_STREAM)")).is_an_error("PermissionError");
    if cfg!(target_arch = "x86_64") {
        let x32 = "import ctypes; l = ctypes.CDLL(None, use_errno=True); r = l.syscall(0x40000000 + 41, 1, 1, 0); exit(0 if r < 0 else 7)";
        assert_eq!(workshop.confined(&python(x32)).code, 0);
    }
    // What programs talk to their own children by.
    let pair = "import socket; a, b = socket.socketpair(); a.send(b\"x\"); exit(b.recv(1) != b\"x\")";
    assert_eq!(workshop.confined(&python(pair)).code, 0);
    let own = "import asyncio; p = asyncio.run(asyncio.create_subprocess_exec(\"true\"))";
    assert_eq!(workshop.confined(&python(own)).code, 0);
}

impl Said {
    fn is_an_error(&self, word: &str) {
        assert!(self.code != 0 && self.stderr.contains(word), "{word}: {}{}", self.stdout, self.stderr);
    }
}

#[test]
fn no_keys_of_the_caller() {
    needs::namespaces();
    let numbers = if cfg!(target_arch = "x86_64") { "248, 249, 250, 425" } else { "217, 218, 219, 425" };
    let call = format!(
        "import ctypes; l = ctypes.CDLL(None, use_errno=True); s = ctypes.c_long\nfor n in ({numbers}): \
         l.syscall(s(n), s(-1), s(-1), s(-1), s(-1), s(-1)); print(n, ctypes.get_errno())"
    );
    let workshop = Workshop::new();
    let inside = workshop.confined(&format!("{}; cat /proc/keys; echo end", python(&call)));
    for (at, line) in numbers.split(", ").zip(inside.stdout.lines()) {
        assert_eq!(line, format!("{at} 38"), "no such call (ENOSYS): {}{}", inside.stdout, inside.stderr);
    }
    assert_eq!(inside.stdout.lines().nth(4), Some("end"), "{}", inside.stdout);
}

#[test]
fn no_core_dumps_outside() {
    needs::namespaces();
    let workshop = Workshop::new();
    // A limit of one byte has the kernel start no handler; of 0 it starts one all the same.
    let script = "import resource, os; c = resource.RLIMIT_CORE; before = resource.getrlimit(c)\n\
                  try: resource.setrlimit(c, (0, 0))\nexcept OSError: pass\n\
                  try: resource.prlimit(0, c, (0, 0))\nexcept OSError: pass\n\
                  print(before, resource.getrlimit(c))";
    let said = workshop.confined(&format!("{}; ulimit -c 0", python(script)));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let hard = hard_limit();
    let expected = if hard == "0" { "(0, 0) (0, 0)" } else { "(1, 1) (1, 1)" };
    assert_eq!(said.stdout.lines().next(), Some(expected));
}

/// The hard limit of core dumps of this process, as a shell has it.
fn hard_limit() -> String {
    let output = Command::new("sh").args(["-c", "ulimit -Hc"]).output().expect("a shell");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

#[test]
fn descriptors_of_secrets_are_not_handed_on() {
    secrets_stay("");
}

#[test]
fn descriptors_of_secrets_are_not_handed_on_to_a_sandbox() {
    needs::namespaces();
    secrets_stay("--hermetic");
}

/// By `run` with this option.
fn secrets_stay(hermetic: &str) {
    let workshop = Workshop::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (key, pass) = (folder.path().join("r.key"), folder.path().join("pass"));
    std::fs::write(&pass, "correct horse\n").expect("a file");
    let (key, pass) = (key.display(), pass.display());
    let made = workshop.pinfold(&["keygen", "--out", &key.to_string(), "--passphrase-file", &pass.to_string()], &[]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let look = "for n in 0 3 4; do echo $n $(cat /dev/fd/$n 2>/dev/null) >> dist/seen; done";
    for (options, redirections) in [
        (format!("--key {key} --passphrase-fd 3"), format!("3<{pass}")),
        (format!("--key {key} --passphrase-file /dev/fd/3"), format!("3<{pass}")),
        (format!("--key {key} --passphrase-file /proc/self/fd/3"), format!("3<{pass}")),
        (format!("--key {key} --passphrase-fd 0"), format!("0<{pass}")),
        (format!("--key {key} --passphrase-file /dev/stdin"), format!("0<{pass}")),
        (format!("--key {key} --passphrase-file {pass}"), format!("3<{pass}")),
        ("--key /dev/fd/4 --passphrase-fd 3".to_owned(), format!("3<{pass} 4<{key}")),
    ] {
        let _ = std::fs::remove_file(workshop.project.path("dist/seen"));
        let said = workshop.redirected(&format!("{hermetic} {options}"), look, &redirections);
        assert_eq!(said.code, 0, "{options}: {}{}", said.stdout, said.stderr);
        assert_eq!(workshop.project.read("dist/seen"), "0\n3\n4\n", "{hermetic} {options}");
    }
    let said = workshop.redirected(&format!("--key {key} --passphrase-fd 2"), "true", &format!("2<{pass}"));
    assert_eq!(said.code, 2, "{}", said.stdout);
    // Other descriptors are the caller's to hand on.
    let key = workshop.key.display();
    let said = workshop.redirected(&format!("--key {key}"), "cat <&8 > dist/seen", "8<source.txt");
    assert_eq!((said.code, &*workshop.project.read("dist/seen")), (0, "source\n"), "{}", said.stderr);
}

#[test]
fn standard_streams_that_lead_out_are_refused() {
    needs::namespaces();
    let workshop = Workshop::new();
    let key = format!("--key={}", workshop.key.display());
    let run = |stdin: Stdio| {
        let mut command = workshop.command();
        command.args(["run", "--hermetic", "--out=dist/app.js", BUILDER, &key, "--json", "--", "sh", "-c", BUILD]);
        said(command.stdin(stdin))
    };
    let listener = UnixListener::bind(workshop.project.store_folder().join("s")).expect("a socket");
    let (datagram, _other) = UnixDatagram::pair().expect("a pair");
    for stdin in [Stdio::from(std::os::fd::OwnedFd::from(listener)), std::os::fd::OwnedFd::from(datagram).into()] {
        let said = run(stdin);
        assert_eq!((said.code, said.error()), (2, "hermetic-unavailable".to_owned()), "{}", said.stderr);
    }
    let (stream, _other) = UnixStream::pair().expect("a pair");
    let said = run(std::os::fd::OwnedFd::from(stream).into());
    assert_eq!(said.code, 0, "{}", said.stdout);
}

#[test]
fn what_pinfold_believes_cannot_be_written_to() {
    needs::namespaces();
    let workshop = Workshop::new();
    let project = &workshop.project;
    project.write(".gitignore", "/dist/\n/vendor/\n/.cache/\n/release.key*\n");
    workshop.commit();
    std::fs::copy(&workshop.key, project.path("release.key")).expect("a key");
    let (store, trust) = (project.path(".cache/store"), project.path(".cache/trust"));
    let env = [("PINFOLD_CACHE", store.to_str().expect("UTF-8")), ("PINFOLD_TRUST", trust.to_str().expect("UTF-8"))];
    let run = |script: &str| {
        let build = format!("{BUILD}; {script}");
        let args = ["run", "--hermetic", "--out=dist/app.js", BUILDER, "--key=release.key", "--", "sh", "-c", &build];
        workshop.pinfold(&args, &env)
    };
    // Neither is there: a folder that is made by the command would be believed as well.
    for script in [
        "echo x > .cache/trust/public-good.root",
        "echo x > .cache/store/x",
        "mv .cache .other",
        "rm release.key",
        "echo x >> release.key",
    ] {
        let said = run(script);
        assert_ne!(said.code, 0, "{script}");
        assert!(said.stderr.contains("Read-only") || said.stderr.contains("busy"), "{script}: {}", said.stderr);
    }
    let said = run("true");
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let stated = workshop.stated(BUNDLE);
    let read_only = &stated["predicate"]["buildDefinition"]["internalParameters"]["pinfold"]["hermetic"]["readOnly"];
    for path in [".cache/store", ".cache/trust", "release.key"] {
        assert!(read_only.as_array().expect("paths").contains(&path.into()), "{read_only}");
    }
    std::fs::remove_file(project.path(BUNDLE)).expect("it was there");
    // Beside the checkout it is nobody's concern, by whatever path; by way of a folder of the checkout it is.
    let beside = format!("../{}/project", project.root().parent().and_then(Path::file_name).expect("a name").display());
    for (path, code) in [
        ("../trust", 0),
        ("../project/.cache/trust", 0),
        (&*format!("../{beside}/../trust"), 0),
        ("dist/../../trust", 2),
    ] {
        let build = format!("{BUILD}; true");
        let args =
            ["run", "--hermetic", "--out=dist/app.js", BUILDER, "--key=../store/release.key", "--", "sh", "-c", &build];
        let said = workshop.pinfold(&args, &[("PINFOLD_TRUST", path)]);
        assert_eq!(said.code, code, "{path}: {}{}", said.stdout, said.stderr);
    }
    std::fs::remove_file(project.path(BUNDLE)).expect("it was there");
    // A link in the checkout can be replaced, wherever it leads to.
    let elsewhere = tempfile::tempdir().expect("a folder");
    for target in [elsewhere.path().to_owned(), project.path("dist")] {
        std::os::unix::fs::symlink(&target, project.path("dist/link")).expect("a link");
        let linked = project.path("dist/link/store").display().to_string();
        workshop.is_refused(&[("PINFOLD_TRUST", &linked)], "symbolic link");
        std::fs::remove_file(project.path("dist/link")).expect("it was there");
    }
    workshop.is_refused(&[("PINFOLD_TRUST", project.root().to_str().expect("UTF-8"))], "the checkout itself");
}

#[test]
fn files_with_other_names() {
    needs::namespaces();
    let workshop = Workshop::new();
    let project = &workshop.project;
    std::fs::create_dir_all(project.path("dist")).expect("a folder");
    let store = walk(&project.store_folder());
    let stored = store.iter().find(|path| path.is_file() && **path != workshop.key).expect("an artifact").clone();
    for file in ["vendor/left/main.js", "vendor/tool", "pins.toml", ".pinfold/left.json", ".git/config"]
        .map(|name| project.path(name))
        .into_iter()
        .chain([stored, workshop.key.clone()])
    {
        std::fs::hard_link(&file, project.path("dist/other")).expect("a link");
        workshop.is_refused(&[], "keep ");
        std::fs::remove_file(project.path("dist/other")).expect("it was there");
    }
    // What was pinned has one name, wherever the other one is.
    let beside = project.store_folder().join("beside");
    std::fs::hard_link(project.path("vendor/tool"), &beside).expect("a link");
    workshop.is_refused(&[], "hard link");
    std::fs::remove_file(&beside).expect("it was there");
    // A stream that is open on it is one more way to it.
    let key = format!("--hermetic --key={}", workshop.key.display());
    for redirection in ["0<vendor/tool", "0<>pins.toml", "2>>.git/config", "0<.pinfold/left.json"] {
        let said = workshop.redirected(&key, "echo ran > dist/ran", redirection);
        assert_eq!(
            (said.code, project.exists("dist/ran")),
            (2, false),
            "{redirection}: {}{}",
            said.stdout,
            said.stderr
        );
    }
    let said = workshop.redirected(&key, "cat > dist/seen", "0<source.txt 2>dist/log");
    assert_eq!((said.code, &*project.read("dist/seen")), (0, "source\n"), "{}", said.stdout);
    // What a build makes may have as many as it likes, as cargo's does.
    project.write("dist/one", "1");
    std::fs::hard_link(project.path("dist/one"), project.path("dist/two")).expect("a link");
    assert_eq!(workshop.confined("echo 2 > dist/two").code, 0);
    let made = Command::new("mkfifo").arg(project.path("dist/pipe")).status().expect("mkfifo");
    assert!(made.success() && project.path("dist/pipe").metadata().expect("a pipe").file_type().is_fifo());
    std::fs::remove_file(project.path(BUNDLE)).expect("it was there");
    workshop.is_refused(&[], "named pipe");
    std::fs::remove_file(project.path("dist/pipe")).expect("it was there");
    assert_eq!(workshop.confined("mkfifo /tmp/p && (echo x > /tmp/p &) && cat /tmp/p").code, 0);
}

/// All files below a folder.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all.extend(walk(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn places_with_other_mounts() {
    // Nobody else mounts what is here at another place.
    needs::root();
    needs::namespaces();
    let workshop = Workshop::new();
    let project = &workshop.project;
    std::fs::create_dir_all(project.path("dist/two")).expect("a folder");
    let key = format!("--key={}", workshop.key.display());
    let run = |before: &str, script: &str| {
        let pinfold = workshop.command();
        let mut command = Command::new("unshare");
        command.args(["--mount", "bash", "-c", &format!("{before} && exec \"$@\""), "sh"]).arg(pinfold.get_program());
        command.args(["run", "--hermetic", "--out=dist/app.js", BUILDER, &key, "--json", "--", "sh", "-c"]);
        command.arg(format!("{BUILD}; {script}")).env_clear().current_dir(project.root());
        command.envs(pinfold.get_envs().filter_map(|(name, value)| Some((name, value?))));
        said(&mut command)
    };
    let said = run("mount --bind vendor/left dist/two", "echo x > dist/two/main.js");
    assert_eq!((said.code, said.error()), (2, "hermetic-unavailable".to_owned()), "{}{}", said.stdout, said.stderr);
    let said = run("mount -t tmpfs none dist/two", "echo x > dist/two/x");
    assert_eq!(said.code, 0, "a mount of something else is none of it: {}{}", said.stdout, said.stderr);
}

#[test]
fn devices_are_in_dev_and_nowhere_else() {
    needs::root();
    needs::namespaces();
    let workshop = Workshop::new();
    let zero = workshop.project.path("dist/zero");
    std::fs::create_dir_all(workshop.project.path("dist")).expect("a folder");
    let made = Command::new("mknod").arg(&zero).args(["c", "1", "5"]).status().expect("mknod");
    if !made.success() {
        ignore("needs a root who makes devices");
    }
    std::fs::set_permissions(zero, std::fs::Permissions::from_mode(0o666)).expect("a mode");
    workshop.attack("head -c 1 dist/zero");
}
