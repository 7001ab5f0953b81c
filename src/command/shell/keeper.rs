//! The programs that keep logins for registries (`docker-credential-…`), which the user names in a file of their own.
//!
//! One is run when a registry asks for a login, and not before; found in the absolute folders of `PATH` and nowhere else,
//! and ended when it takes too long or says too much. Each is asked once for a server.

use std::collections::HashMap;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pinfold_net::docker_config::{Keeper, MAX_ANSWER_LEN, Said};
use pinfold_net::http::{Clock as _, SystemClock};

/// Those in these folders.
#[derive(Debug)]
pub(crate) struct Programs {
    folders: Vec<PathBuf>,
    /// How long one may take.
    longest: Duration,
    /// What each said, by program and server.
    said: Mutex<HashMap<(String, String), Result<Said, String>>>,
}

impl Programs {
    /// Those in the folders of a `PATH`. A relative one is wherever the command happens to be run, so that what somebody else
    /// put there would be taken for a program of the user's.
    pub(crate) fn new(path: Option<String>) -> Self {
        let folders = path.iter().flat_map(std::env::split_paths).filter(|folder| folder.is_absolute()).collect();
        Self { folders, longest: LONGEST, said: Mutex::default() }
    }

    fn run(&self, program: &str, server: &str) -> Result<Said, String> {
        for folder in &self.folders {
            match start(&folder.join(program)) {
                Ok(child) => return talk(child, server, self.longest),
                // Neither is a program; the next folder may have it.
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::NotFound
                            | std::io::ErrorKind::NotADirectory
                            | std::io::ErrorKind::PermissionDenied
                    ) => {}
                Err(error) => return Err(format!("it cannot be run: {error}")),
            }
        }
        Err("there is no such program in `PATH`".to_owned())
    }
}

impl Keeper for Programs {
    fn get(&self, program: &str, server: &str) -> Result<Said, String> {
        // Held while it runs: pins that are fetched at once ask for one login, and some programs ask the user.
        let mut known = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (program.to_owned(), server.to_owned());
        known.entry(key).or_insert_with(|| self.run(program, server)).clone()
    }
}

fn start(program: &Path) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// Says for whom, and hears what it has to say.
fn talk(mut child: Child, server: &str, longest: Duration) -> Result<Said, String> {
    let outcome = hear(&mut child, server, longest);
    if outcome.is_err() {
        // It may have ended in between, which is as well.
        let _ = child.kill();
        let _ = child.wait();
    }
    outcome
}

fn hear(child: &mut Child, server: &str, longest: Duration) -> Result<Said, String> {
    let end = SystemClock.now() + longest;
    let deaf = |error| format!("no thread is to be had that hears it: {error}");
    let answer = read(child.stdout.take()).map_err(deaf)?;
    let complaint = read(child.stderr.take()).map_err(deaf)?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read it has to say so itself.
        let _ = input.write_all(server.as_bytes());
    }
    let late = || format!("it did not come to an end within {} seconds", longest.as_secs());
    let answer = answer.recv_timeout(longest).map_err(|_| late())?;
    if answer.len() > MAX_ANSWER_LEN {
        return Err(format!("it says more than {MAX_ANSWER_LEN} bytes"));
    }
    let status = wait(child, end).ok_or_else(late)?;
    // What it started may hold this open, and nobody waits for a complaint.
    let complaint = complaint.recv_timeout(Duration::from_millis(100)).unwrap_or_default();
    Ok(Said { is_success: status.success(), answer, complaint })
}

/// All that comes, and a byte more than may come; in a thread, as there is no other way to stop listening.
fn read(from: Option<impl Read + Send + 'static>) -> std::io::Result<Receiver<Vec<u8>>> {
    let (send, receive) = mpsc::channel();
    std::thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let most = u64::try_from(MAX_ANSWER_LEN).unwrap_or(u64::MAX).saturating_add(1);
        // What was read before a pipe broke is told; nobody may listen any more.
        let _ = from.map(|from| from.take(most).read_to_end(&mut bytes));
        let _ = send.send(bytes);
    })?;
    Ok(receive)
}

fn wait(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if SystemClock.now() < end => std::thread::sleep(Duration::from_millis(2)),
            _ => return None,
        }
    }
}

/// Longest time for one answer: it may have to ask the user for a password.
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command as Shell;

    use super::*;

    /// A folder with a program of this text. Another process writes it: whoever starts a program while this one has it open
    /// for writing would hand that on, and nobody could run it (`ETXTBSY`).
    fn folder(script: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("docker-credential-x");
        let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod 755 \"$1\"";
        let status = Shell::new("sh").args(["-c", write, "sh"]).arg(&path).arg(script).status();
        assert!(status.expect("a shell").success());
        folder
    }

    fn programs(folders: &[&Path]) -> Programs {
        let folders = folders.iter().map(|folder| folder.to_path_buf()).collect();
        Programs { folders, longest: Duration::from_secs(20), said: Mutex::default() }
    }

    #[test]
    fn a_program_is_asked_once_for_a_server() {
        let folder = folder("echo x >> \"$0.log\"; echo \"$1 $(cat)\"; echo beside >&2; exit 3");
        let programs = programs(&[folder.path()]);
        for _ in 0..2 {
            let said = programs.get("docker-credential-x", "oci.example.com").expect("says");
            assert_eq!((said.is_success, said.answer.as_slice()), (false, &b"get oci.example.com\n"[..]));
            assert_eq!(said.complaint, b"beside\n");
        }
        programs.get("docker-credential-x", "other.example.com").expect("says");
        let log = std::fs::read(folder.path().join("docker-credential-x.log")).expect("a log");
        assert_eq!(log, b"x\nx\n");
        // What it left behind holds its output open, and is nobody's concern for long.
        let left = self::folder("(sleep 100) >/dev/null & echo good");
        assert!(self::programs(&[left.path()]).get("docker-credential-x", "x").expect("says").is_success);
    }

    #[test]
    fn a_program_is_found_in_absolute_folders_only() {
        assert_eq!(Programs::new(Some(".::bin:/a:../b:/c".to_owned())).folders, ["/a", "/c"].map(PathBuf::from));
        assert!(Programs::new(None).folders.is_empty());
        let (empty, good, late) = (tempfile::tempdir().expect("a folder"), folder("echo good"), folder("echo late"));
        let not_a_program = folder("echo no");
        let file = not_a_program.path().join("docker-credential-x");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("a mode");
        let all = [empty.path(), Path::new("/nowhere"), not_a_program.path(), good.path(), late.path()];
        assert_eq!(programs(&all).get("docker-credential-x", "x").expect("says").answer, b"good\n");
        let error = programs(&all[..3]).get("docker-credential-x", "x").expect_err("none");
        assert_eq!(error, "there is no such program in `PATH`");
    }

    #[test]
    fn a_program_has_an_end() {
        let endless = folder("exec cat /dev/zero");
        let error = programs(&[endless.path()]).get("docker-credential-x", "x").expect_err("too much");
        assert_eq!(error, "it says more than 65536 bytes");
        for silent in ["echo $$ > \"$0.pid\"; exec sleep 60", "echo $$ > \"$0.pid\"; exec sleep 60 >/dev/null"] {
            let folder = folder(silent);
            let programs = Programs { longest: Duration::from_secs(1), ..programs(&[folder.path()]) };
            let error = programs.get("docker-credential-x", "x").expect_err("too long");
            assert_eq!(error, "it did not come to an end within 1 seconds");
            let pid = std::fs::read_to_string(folder.path().join("docker-credential-x.pid")).expect("a number");
            let lives = Shell::new("kill").args(["-0", pid.trim()]).stderr(Stdio::null()).status().expect("kill");
            assert!(!lives.success(), "{silent} is still there");
        }
    }
}
