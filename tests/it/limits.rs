//! What the system does not grant: threads, and files as long as they would be.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;

use crate::support::{Project, Tar, integrity, pin};

/// The command under limits of prlimit(1), by a user that limits hold for.
fn limited(project: &Project, limit: &str, args: &[&str]) -> (Option<i32>, String) {
    let own = project.command();
    // To root there is no limit on processes.
    let is_root = project.root().metadata().expect("a folder").uid() == 0;
    let mut command = Command::new(if is_root { "setpriv" } else { "env" });
    let program = project.path("../pinfold");
    if is_root {
        // Where everybody may run it.
        std::fs::copy(own.get_program(), &program).expect("room");
        give(project.path("..").as_path());
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    }
    command
        .arg("prlimit")
        .arg(limit)
        .arg(if is_root { program.as_os_str() } else { own.get_program() })
        .args(args)
        .current_dir(project.root());
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(own.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let output = command.output().expect("setpriv and prlimit, of util-linux");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Gives a folder and all that is in it to nobody.
fn give(path: &Path) {
    chown(path, Some(65534), Some(65534)).expect("root");
    for entry in std::fs::read_dir(path).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a kind").is_dir() {
            give(&entry.path());
        } else {
            chown(entry.path(), Some(65534), Some(65534)).expect("root");
        }
    }
}

/// The one thread that there is does the work of all.
#[test]
fn where_no_thread_is_to_be_had() {
    let archive = Tar::default().file("a.txt", vec![b'a'; 6 << 20]).bytes();
    let project = Project::new("").quiet();
    let one = |name: &str| pin(name, &format!("file = \"in/{name}.tar\""), &integrity(&archive), "");
    let pins: Vec<String> = ["a", "b", "c", "d"].map(one).to_vec();
    project.pins(&format!("[trust]\nprovenance = \"off\"\n{}", pins.join("\n")));
    ["a", "b", "c", "d"].iter().for_each(|name| project.write(&format!("in/{name}.tar"), &archive));
    for args in [&["fetch", "--jobs", "4"][..], &["verify"], &["cache", "verify"], &["audit", "--offline"]] {
        let (code, said) = limited(&project, "--nproc=1", args);
        assert_eq!(code, Some(0), "{args:?}: {said}");
    }
}

/// The system would end a process that writes on (SIGXFSZ), and a killed one says nothing and leaves things behind.
#[test]
fn where_no_file_may_be_so_long() {
    for archive in [
        Tar::default().file("long", vec![b'a'; 3 << 20]).bytes(),
        // More than waits in memory, and written on the way.
        Tar::default().file("long", vec![b'a'; 80 << 20]).bytes(),
    ] {
        let project = Project::new("").quiet();
        project.pins(&format!(
            "[trust]\nprovenance = \"off\"\n{}",
            pin("x", "file = \"in/x.tar\"", &integrity(&archive), "")
        ));
        project.write("in/x.tar", &archive);
        let (code, said) = limited(&project, "--fsize=1048576", &["fetch"]);
        assert!(code == Some(2) && said.contains("File too large"), "{code:?}: {said}");
        assert!(!project.exists("vendor/x") && !project.exists("vendor/.x.pinfold-new"), "{said}");
        let (code, said) = limited(&project, "--fsize=unlimited", &["fetch"]);
        assert_eq!(code, Some(0), "{said}");
    }
}
