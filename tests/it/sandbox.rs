//! `--hermetic`: attacks from inside, each of which succeeds outside; and what is refused where a system forbids it.

mod doors;
mod git;

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::harness::ignore;
use crate::needs;
use crate::run::{BUILD, BUILDER, BUNDLE, Said, Workshop, said, uncovered};

impl Workshop {
    /// A script in the sandbox, after the build of the output.
    fn confined(&self, script: &str) -> Said {
        let said = self.run(&["--hermetic"], &format!("{BUILD}\n{script}"));
        assert!(!said.stderr.contains("no sandbox"), "{}{}", said.stdout, said.stderr);
        said
    }

    /// That a script fails in the sandbox, and succeeds outside.
    fn attack(&self, script: &str) {
        let inside = self.confined(script);
        assert_ne!(inside.code, 0, "inside: {script}\n{}{}", inside.stdout, inside.stderr);
        let mut shell = Command::new("sh");
        let outside = said(shell.args(["-c", script]).current_dir(self.project.root()));
        assert_eq!(outside.code, 0, "outside: {script}\n{}{}", outside.stdout, outside.stderr);
    }
}

/// A client of sockets, for scripts.
fn connect(address: &str) -> String {
    let (kind, address) = match address.split_once(':') {
        Some((host, port)) => ("AF_INET", format!("('{host}', {port})")),
        None => ("AF_UNIX", format!("'{address}'")),
    };
    needs::program_inside("python3");
    format!("python3 -c \"import socket; socket.socket(socket.{kind}).connect({address})\"")
}

#[test]
fn the_claim_is_what_was_seen() {
    needs::namespaces();
    let workshop = Workshop::new();
    let said =
        workshop.confined("pwd; env; hostname; umask; ls /dev; ls -A /tmp /run \"$HOME\"; git log -1 --format=%s");
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let (told, _) = said.stdout.split_once("attested").expect("a report");
    for line in [
        "/tmp/build",
        "HOME=/tmp/home",
        "LANG=C.UTF-8",
        "TZ=UTC",
        "SOURCE_DATE_EPOCH=1580601600",
        "pinfold",
        "0022",
        "all",
    ] {
        assert!(told.lines().any(|one| one == line), "{line}: {told}");
    }
    assert!(told.contains("fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\nurandom\nzero\n"), "{told}");
    let statement = workshop.stated(BUNDLE);
    let own = &statement["predicate"]["buildDefinition"]["internalParameters"]["pinfold"];
    assert_eq!(
        own["hermetic"],
        json!({
            "network": "none",
            "processes": "own",
            "environment": "clean",
            "variables": {
                "HOME": "/tmp/home",
                "LANG": "C.UTF-8",
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "SOURCE_DATE_EPOCH": "1580601600",
                "TMPDIR": "/tmp",
                "TZ": "UTC",
            },
            "readOnly": [".git", "pins.toml", ".pinfold", "vendor/tool", "vendor/left"],
        })
    );
    let left: Vec<_> = std::fs::read_dir(workshop.project.path(".pinfold")).expect("records").collect();
    assert_eq!(left.len(), 2, "no note is left behind: {left:?}");
}

#[test]
fn exit_codes_come_through() {
    needs::namespaces();
    let workshop = Workshop::new();
    for (script, code) in [("exit 7", 7), ("exit 3", 3), ("kill -KILL $$", 137)] {
        let said = workshop.confined(script);
        assert_eq!(said.code, code, "{}", said.stderr);
        assert!(!workshop.project.exists(BUNDLE));
    }
    let key = format!("--key={}", workshop.key.display());
    let said =
        workshop.pinfold(&["run", "--hermetic", "--out=x", BUILDER, &key, "--json", "--", "no-such-program"], &[]);
    assert_eq!((said.code, said.error()), (2, "command-unstarted".to_owned()));
}

#[test]
fn no_network() {
    needs::namespaces();
    let workshop = Workshop::new();
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    workshop.attack(&connect(&format!("127.0.0.1:{}", server.local_addr().expect("an address").port())));
    let name = format!("pinfold-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let _abstract = UnixListener::bind_addr(&address).expect("a socket");
    workshop.attack(&connect(&format!("\\0{name}")));
}

#[test]
fn no_sockets_of_others() {
    needs::namespaces();
    let workshop = Workshop::new();
    let temporary = tempfile::tempdir().expect("a folder");
    let here = workshop.project.path("dist");
    std::fs::create_dir_all(&here).expect("a folder");
    for folder in [temporary.path(), &here] {
        let path = folder.join("s");
        let _socket = UnixListener::bind(&path).expect("a socket");
        workshop.attack(&connect(&path.display().to_string()));
        // The project is at a second place, where they are covered too.
        if folder == here {
            workshop.attack(&format!("cd dist && {}", connect("s")));
        }
    }
}

#[test]
fn no_sockets_of_others_where_no_sandbox_covers_them() {
    needs::namespaces();
    let elsewhere = uncovered();
    let path = elsewhere.path().join("s");
    // A path that is too long for one is none that anybody listens at.
    let Ok(_socket) = UnixListener::bind(&path) else { ignore("needs such a folder whose path is short") };
    Workshop::new().attack(&connect(&path.display().to_string()));
}

fn is_read_only(workshop: &Workshop, script: &str) {
    let said = workshop.confined(script);
    assert_ne!(said.code, 0, "{script}");
    assert!(said.stderr.contains("Read-only file system"), "{script}: {}", said.stderr);
}

#[test]
fn what_is_beside_the_project_cannot_be_written_to() {
    needs::namespaces();
    let beside = uncovered();
    is_read_only(&Workshop::new(), &format!("echo x > {}/x", beside.path().display()));
}

#[test]
fn what_was_pinned_cannot_be_written_to() {
    needs::namespaces();
    let workshop = Workshop::new();
    let original = workshop.project.root().display().to_string();
    for script in [
        "echo x >> vendor/left/main.js".to_owned(),
        "echo x >> vendor/tool".to_owned(),
        "echo x >> pins.toml".to_owned(),
        "echo x >> .pinfold/left.json".to_owned(),
        "echo x >> .git/config".to_owned(),
        format!("echo x >> {original}/vendor/left/main.js"),
    ] {
        is_read_only(&workshop, &script);
    }
    let said = workshop.confined(&format!("echo x >> /proc/1/root/{original}/vendor/tool"));
    assert!(said.code != 0 && said.stderr.contains("Permission denied"), "{}", said.stderr);
    // Neither is the mount to be undone, not even by who is all-powerful in a namespace of its own.
    let root = "unshare --user --mount";
    for (script, word) in [
        ("umount vendor/left", "umount"),
        ("mount -o remount,bind,rw vendor/left", "mount"),
        (&format!("{root} umount vendor/left"), "umount"),
        (&format!("{root} mount -o remount,bind,rw vendor/left"), "mount"),
        (&format!("{root} umount -l /proc"), "umount"),
    ] {
        let said = workshop.confined(&format!("{script} && echo x >> vendor/left/main.js"));
        assert!(said.code != 0 && said.stderr.contains(word), "{script}: {}", said.stderr);
    }
    // Nor can something else be put in its place, by way of the folder that it is in.
    let said = workshop.confined("mv vendor v2 && mkdir -p vendor/left && echo x > vendor/left/main.js");
    assert!(said.code != 0 && said.stderr.contains("busy"), "{}", said.stderr);
    assert_eq!(workshop.project.read("vendor/left/main.js"), "left");
    // What is free to be written to is: elsewhere in the project, and what is empty anyway.
    assert_eq!(
        workshop.confined("echo x > dist/other; echo x > /tmp/x; echo x > $HOME/x; echo x > /dev/shm/x").code,
        0
    );
    assert!(!std::path::Path::new("/dev/shm/x").exists() && workshop.project.exists("dist/other"));
}

#[test]
fn no_processes_of_others() {
    needs::namespaces();
    let workshop = Workshop::new();
    let own = std::process::id();
    workshop.attack(&format!("test -e /proc/{own}/status && kill -0 {own}"));
    workshop.attack(&format!("ls /proc/{own}/root/"));
    // The first process of the namespace neither dies nor shows its memory.
    let said = workshop.confined("kill -KILL 1; sleep 0.1; cat /proc/1/environ /proc/1/mem > /dev/null");
    assert_ne!(said.code, 0);
    assert!(said.stderr.contains("Permission denied"), "{}", said.stderr);
    let said = workshop
        .confined("grep -E '^(Cap|NoNewPrivs)' /proc/self/status | grep -v '0000000000000000$'; hostname other");
    assert_ne!(said.code, 0);
    assert_eq!(said.stdout.lines().next(), Some("NoNewPrivs:\t1"), "{}", said.stdout);
    let said = workshop.confined("echo 1 > /proc/sys/kernel/domainname || echo x > /sys/kernel/uevent_seqnum");
    assert_ne!(said.code, 0);
}

#[test]
fn nothing_goes_on_after_the_end() {
    needs::namespaces();
    let workshop = Workshop::new();
    let daemon = "(setsid sh -c 'sleep 0.5; echo later >> dist/app.js' > /dev/null 2>&1 &)";
    assert_eq!(workshop.confined(daemon).code, 0);
    std::thread::sleep(Duration::from_millis(1_000));
    assert_eq!(workshop.project.read("dist/app.js"), "source\nleft");
    let said = workshop.run(&[], &format!("{BUILD}\n{daemon}"));
    assert_eq!(said.code, 0, "{}", said.stderr);
    std::thread::sleep(Duration::from_millis(1_000));
    assert_eq!(workshop.project.read("dist/app.js"), "source\nleftlater\n", "outside it goes on, as docs/run.md says");
}

#[test]
fn the_environment_is_clean() {
    needs::namespaces();
    let workshop = Workshop::new();
    let key = format!("--key={}", workshop.key.display());
    let run = |more: &[&str], script: &str| {
        let args = [&["run", "--hermetic", "--out=dist/app.js", BUILDER, &key][..], more, &["--", "sh", "-c", script]];
        workshop.pinfold(&args.concat(), &[("HIDDEN", "1"), ("SHOWN", "2")])
    };
    let said = run(&["--env=SHOWN"], &format!("{BUILD}; env | sort"));
    let names: Vec<&str> = said.stdout.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert_eq!(names, ["HOME", "LANG", "PATH", "PWD", "SHOWN", "SOURCE_DATE_EPOCH", "TMPDIR", "TZ"]);
    // What is stated to be pinfold's own is what the command had.
    let said = run(&["--env=HOME=/x", "--env=SOURCE_DATE_EPOCH=5"], &format!("{BUILD}; echo $HOME $SOURCE_DATE_EPOCH"));
    assert!(said.stdout.starts_with("/x 5\n"), "{}", said.stdout);
    let statement = workshop.stated(BUNDLE);
    let own = &statement["predicate"]["buildDefinition"]["internalParameters"]["pinfold"];
    assert_eq!(own["sourceDateEpoch"], 5);
    let stated = own["hermetic"]["variables"].as_object().expect("variables");
    assert_eq!(stated.keys().collect::<Vec<_>>(), ["LANG", "PATH", "TMPDIR", "TZ"]);
    // A variable that the loader of programs obeys is the command's alone.
    let loaded = |more: &[&str]| {
        let args = [&["run", "--hermetic", "--out=dist/app.js", BUILDER, &key][..], more, &["--", "true"]];
        workshop.pinfold(&args.concat(), &[]).stderr.matches("/nonexistent.so").count()
    };
    assert_eq!(loaded(&["--env=LD_PRELOAD=/nonexistent.so"]), usize::from(cfg!(target_env = "gnu")));
}

#[test]
fn the_statement_goes_where_it_was_told() {
    needs::namespaces();
    let workshop = Workshop::new();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let link = format!("rmdir dist/out; ln -s {} dist/out", elsewhere.path().display());
    for is_there in [true, false] {
        let out = workshop.project.path("dist/out");
        let _ = std::fs::remove_file(&out);
        if is_there {
            std::fs::create_dir_all(&out).expect("a folder");
        }
        let said =
            workshop.run(&["--hermetic", "--attestation=dist/out/p.json", "--json"], &format!("{BUILD}; {link}"));
        assert_eq!((said.code, said.error()), (1, "checkout-changed".to_owned()), "{}{}", said.stdout, said.stderr);
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
    // That it cannot go there is known before the build.
    let place = elsewhere.path().join("folder");
    std::fs::create_dir(&place).expect("a folder");
    let place = format!("--attestation={}", place.display());
    let said = workshop.run(&["--hermetic", &place, "--json"], &format!("{BUILD}; echo ran > dist/ran"));
    assert_eq!(said.code, 2, "{}", said.stdout);
    assert!(!workshop.project.exists("dist/ran"));
}

#[test]
fn descriptors_that_lead_out_are_refused() {
    needs::namespaces();
    let workshop = Workshop::new();
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    let run = |redirections: &str, script: &str| {
        let (key, script) = (workshop.key.display(), format!("{BUILD}; {script}"));
        let pinfold = env!("CARGO_BIN_EXE_pinfold");
        let line = format!(
            "exec {pinfold} run --hermetic --out=dist/app.js {BUILDER} --key={key} --json -- sh -c '{script}' {redirections}"
        );
        let mut bash = workshop.command();
        let environment: Vec<_> =
            bash.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        bash = Command::new(needs::program("bash"));
        bash.args(["-c", &line]).current_dir(workshop.project.root()).env_clear();
        bash.envs(environment.into_iter().filter_map(|(name, value)| Some((name, value?))));
        said(&mut bash)
    };
    for redirection in [
        "9<.".to_owned(),
        "0<.".to_owned(),
        format!("9<>/dev/tcp/127.0.0.1/{port}"),
        format!("0<>/dev/tcp/127.0.0.1/{port}"),
    ] {
        let said = run(&redirection, "echo ran > dist/ran");
        assert_eq!((said.code, said.error()), (2, "hermetic-unavailable".to_owned()), "{redirection}: {}", said.stderr);
        assert!(said.stdout.contains("descriptor") && said.stdout.contains(">&-"), "{}", said.stdout);
        assert!(!workshop.project.exists("dist/ran"));
    }
    // Files and pipes lead nowhere that the command's own streams could not, and are closed for it.
    let said = run("8<source.txt 9> >(cat)", "ls /proc/self/fd > dist/open");
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_eq!(
        workshop.project.read("dist/open").lines().collect::<Vec<_>>(),
        ["0", "1", "2", "3"],
        "3 is `ls` reading"
    );
}

#[test]
fn a_kernel_that_forbids_it() {
    needs::namespaces();
    let workshop = Workshop::new();
    let none = "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"";
    let run = |more: &[&str]| {
        let key = format!("--key={}", workshop.key.display());
        let build = format!("{BUILD}; echo ran > dist/ran");
        let pinfold = workshop.command();
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "sh", "-c", none, "sh"]).arg(pinfold.get_program());
        command.args(["run", "--out=dist/app.js", BUILDER, &key]).args(more).args(["--", "sh", "-c", &build]);
        command.env_clear().current_dir(workshop.project.root());
        command.envs(pinfold.get_envs().filter_map(|(name, value)| Some((name, value?))));
        said(&mut command)
    };
    let refused = run(&["--hermetic", "--json"]);
    assert_eq!((refused.code, refused.error()), (2, "hermetic-unavailable".to_owned()), "{}", refused.stderr);
    assert!(refused.stdout.contains("namespaces"), "{}", refused.stdout);
    assert!(!workshop.project.exists("dist/ran") && !workshop.project.exists(BUNDLE));
    let plain = run(&[]);
    assert_eq!(plain.code, 0, "without the option it goes: {}", plain.stderr);
    let own = &workshop.stated(BUNDLE)["predicate"]["buildDefinition"]["internalParameters"]["pinfold"];
    assert!(own.get("hermetic").is_none());
}

#[test]
fn a_user_without_privileges() {
    // Where it is not root who runs them, all other tests are of such a user.
    needs::root();
    needs::namespaces();
    let workshop = Workshop::new();
    let top = workshop.project.root().parent().expect("a parent").to_owned();
    let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(&top).status().expect("chown");
    assert!(owned.success());
    let key = format!("--key={}", workshop.key.display());
    let pinfold = workshop.command();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(pinfold.get_program());
    command.args(["run", "--hermetic", "--out=dist/app.js", BUILDER, &key, "--", "sh", "-c"]);
    command.arg(format!("{BUILD}; id -u; echo x >> vendor/tool; true"));
    command.env_clear().current_dir(workshop.project.root());
    command.envs(pinfold.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = said(&mut command);
    if said.stderr.contains("Permission denied") && said.stdout.is_empty() {
        ignore("needs to be where every user reaches the command");
    }
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.starts_with("65534\n"), "it is who it was: {}", said.stdout);
    assert!(said.stderr.contains("Read-only file system"), "{}", said.stderr);
}
