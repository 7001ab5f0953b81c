//! A push or a copy that is killed: whoever looks finds nothing, or what is signed; and the next one goes through.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::servers::{Config, Server, command, digest_of, ends, pinfold, project, refuses};
use crate::support::Project;

/// Runs the command, and kills it once the registry has had so many requests more.
fn killed(project: &Project, server: &Server, after: usize, arguments: &[&str]) {
    let before = server.log().len();
    let quiet = command(project, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let (mut child, begun) = (quiet.expect("the command"), Instant::now());
    while server.log().len() < before + after && child.try_wait().expect("a child").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{arguments:?} hangs");
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Whether there is anything under a tag or digest; it is signed then.
fn is_there(project: &Project, place: &str) -> bool {
    let verify = ["oci", "verify", place, "--key", "key.pub"];
    let there = pinfold(project, &verify).0 == Some(0);
    if !there {
        refuses(project, 2, "not-found", &verify);
    }
    there
}

#[test]
fn nothing_unsigned_is_to_be_seen() {
    let server = Server::distribution(&Config::default());
    let project = project();
    std::fs::write(project.path("tool"), vec![7; 3 << 20]).expect("a file");
    let first = server.place("first:v1");
    let push = |to: &str| ["oci", "push", "tool", "README", to, "--key", "key"].map(str::to_owned).to_vec();
    let copy = |to: &str| ["oci", "copy", &first, to, "--key", "key.pub"].map(str::to_owned).to_vec();
    let digest = digest_of(&ends(&project, 0, &push(&first).iter().map(String::as_str).collect::<Vec<_>>()));
    let mut absent = 0;
    // In the middle of each kind of request: of a push there are some thirty, of a copy some more.
    for (name, afters) in [("push", &[1, 3, 6, 8, 12, 17, 19, 21, 24, 29][..]), ("copy", &[12, 18, 24, 30, 36])] {
        for after in afters {
            let repository = format!("{name}/after{after}");
            let to = server.place(&format!("{repository}:v1"));
            let arguments = if name == "push" { push(&to) } else { copy(&to) };
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            killed(&project, &server, *after, &arguments);
            is_there(&project, &server.place(&format!("{repository}@{digest}")));
            absent += usize::from(!is_there(&project, &to));
            ends(&project, 0, &arguments);
            assert!(is_there(&project, &to));
        }
    }
    assert!(absent > 0, "nothing was killed in time");
}

#[test]
fn a_folder_is_whole_or_not_there() {
    let server = Server::distribution(&Config::default());
    let project = project();
    let from = server.place("team/tool:v1");
    ends(&project, 0, &["oci", "push", "tool", "README", &from, "--key", "key"]);
    for after in 1..9 {
        let folder = format!("air{after}");
        let to = format!("oci-layout:{folder}");
        killed(&project, &server, after, &["oci", "copy", &from, &to, "--key", "key.pub"]);
        if project.exists(&folder) {
            ends(&project, 0, &["oci", "copy", &to, &server.place("back:v1"), "--key", "key.pub"]);
        } else {
            ends(&project, 0, &["oci", "copy", &from, &to, "--key", "key.pub"]);
        }
    }
}
