//! `--hermetic`: a build without a network, that can write to nothing but its project, and not to what was pinned.
//!
//! Linux namespaces, without privileges, in three processes of this same program:
//! - *outside*, which called: [`run`];
//! - *outer*, which enters namespaces of its own and is root there and nowhere else; it waits;
//! - *inner*, the first process of its process namespace: arranges the file system, gives up all that it may do, **looks
//!   whether it is so**, says what it saw, and starts the command. When it ends, the kernel ends all that is left.
//!
//! What is claimed of a build is what *inner* saw, never what was asked for. Where the kernel forbids a step, or where
//! anything is not as it should be, the command is not started.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod inside;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod objects;
#[cfg(target_os = "linux")]
mod proof;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use serde::{Deserialize, Serialize};

use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, FsError};

use crate::run::unstarted;

/// What to run, and within what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The one folder that the command may write to, absolute and without links.
    pub(crate) root: PathBuf,
    /// Where in it the command starts, relative; empty for the folder itself.
    pub(crate) folder: PathBuf,
    /// What in it must not be written to, relative; each is there.
    pub(crate) read_only: Vec<PathBuf>,
    /// What of that was pinned: files that have one name each.
    pub(crate) pinned: Vec<PathBuf>,
    /// What pinfold itself believes, wherever it is: what of it is in the root is read-only too.
    pub(crate) believed: Vec<PathBuf>,
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
}

impl Plan {
    /// The folders between the root and what must not be written to, from the outside in. Whoever may rename one takes
    /// along what is mounted below it, and puts something else in its place; what is a mount itself nobody renames.
    fn on_the_way(&self) -> BTreeSet<&Path> {
        let within = |folder: &Path| self.read_only.iter().any(|path| folder.starts_with(path));
        let folders = self.read_only.iter().flat_map(|path| path.ancestors().skip(1));
        folders.filter(|folder| !folder.as_os_str().is_empty() && !within(folder)).collect()
    }
}

/// The plan as *inner* gets it.
#[derive(Debug, Serialize, Deserialize)]
struct Handed {
    plan: Plan,
    /// The namespaces outside, as `/proc/self/ns` tells them.
    outside: Vec<(String, String)>,
}

/// What *outer* and *inner* have to say.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// A step that could not be taken, and why.
    Refused { step: String, said: String, hint: Option<String> },
    /// All of the plan holds: these are the paths that were seen to be read-only.
    Holds { read_only: Vec<PathBuf> },
    /// The command could not be started.
    Unstarted { said: String },
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; 128 and more for a signal.
    pub(crate) code: u8,
    /// What was seen to be read-only.
    pub(crate) read_only: Vec<PathBuf>,
}

/// Runs a command in a sandbox, with this environment and no other. `desk` is a folder that the command cannot write to,
/// for a note between the processes.
pub(crate) fn run(
    plan: &Plan,
    environment: &BTreeMap<String, String>,
    desk: &Path,
    stdout: Stdio,
) -> Result<Ended, Fault> {
    if let Some(own) = SPECIAL.iter().map(Path::new).find(|own| own.starts_with(&plan.root)) {
        let step = format!("put an empty {} into {}", own.display(), plan.root.display());
        let hint = "move the project to a folder of its own";
        return Err(no_sandbox(&step, "it is where the project is", Some(hint)));
    }
    let mut plan = plan.clone();
    #[cfg(target_os = "linux")]
    prepare(&mut plan).map_err(|inside::Refusal { step, said, hint }| no_sandbox(&step, &said, hint))?;
    let (mut note, path) = fs::create_beside(&desk.join("sandbox"))?;
    let ended = hand_over(&plan, environment, (&path, &mut note), stdout);
    let removed = fs::remove(&path);
    let ended = ended?;
    removed?;
    Ok(ended)
}

/// Finds what pinfold believes in the checkout, and looks whether files that must not be written to can be by other names.
#[cfg(target_os = "linux")]
fn prepare(plan: &mut Plan) -> Result<(), inside::Refusal> {
    for path in &plan.believed {
        let inner = objects::within(&plan.root, path)?;
        plan.read_only.extend(inner.filter(|inner| !plan.read_only.iter().any(|one| inner.starts_with(one))));
    }
    objects::look(plan)
}

fn hand_over(
    plan: &Plan,
    environment: &BTreeMap<String, String>,
    (path, note): (&Path, &mut std::fs::File),
    stdout: Stdio,
) -> Result<Ended, Fault> {
    let broken = |source| FsError { action: "use", path: path.to_owned(), source };
    let handed = Handed { plan: plan.clone(), outside: namespaces()? };
    let handed = serde_json::to_string(&handed).map_err(|error| broken(error.into()))?;
    note.write_all(format!("{handed}\n").as_bytes()).map_err(broken)?;
    // Variables go under names of their own, so that none of them (LD_PRELOAD) means anything to this program.
    let variables = environment
        .iter()
        .enumerate()
        .map(|(at, (name, value))| (format!("{VARIABLE}{at}"), format!("{name}={value}")));
    let status = Command::new("/proc/self/exe")
        .arg0(NAME)
        .args([OUTER.as_ref(), path.as_os_str()])
        .env_clear()
        .envs(variables)
        .stdout(stdout)
        .status()
        .map_err(|error| refused("start", &error.to_string()))?;
    let mut said = String::new();
    note.seek(SeekFrom::Start(0)).and_then(|_| note.read_to_string(&mut said)).map_err(broken)?;
    let words = said.lines().skip(1).map(serde_json::from_str::<Word>);
    let mut held = None;
    for word in words {
        match word.map_err(|error| broken(error.into()))? {
            Word::Refused { step, said, hint } => return Err(no_sandbox(&step, &said, hint.as_deref())),
            Word::Unstarted { said } => {
                let program = plan.command.first().map(String::as_str).unwrap_or_default();
                return Err(unstarted(program, &said));
            }
            Word::Holds { read_only } => held = Some(read_only),
        }
    }
    let read_only =
        held.ok_or_else(|| refused("start", &format!("it ended with {status} before the command began")))?;
    Ok(Ended { code: code_of(status), read_only })
}

/// An exit code as shells have it: 128 and the signal's number for what a signal ended.
pub(crate) fn code_of(status: ExitStatus) -> u8 {
    let signal = status.signal().map(|signal| signal.saturating_add(128));
    u8::try_from(status.code().or(signal).unwrap_or(255)).unwrap_or(255)
}

fn refused(step: &str, said: &str) -> Fault {
    no_sandbox(step, said, None)
}

/// `--hermetic`, and this machine does not give what that takes: what could not be done, or was seen not to be so, as in
/// "cannot …"; what the system said; and what to do about it, where it is not the system's configuration.
fn no_sandbox(step: &str, said: &str, hint: Option<&str>) -> Fault {
    Fault::failed("hermetic-unavailable", format!("there is no sandbox to be had: cannot {step}: {said}")).hint(
        hint.unwrap_or(
            "it takes unprivileged user namespaces: see kernel.unprivileged_userns_clone, user.max_user_namespaces and \
             kernel.apparmor_restrict_unprivileged_userns in `sysctl -a`, and the seccomp profile of a container; \
             docs/run.md has more. Without `--hermetic` the command runs as it is, and nothing is claimed of it",
        ),
    )
}

/// The part of this program that it was started as, if it was started as one: `main` asks this first.
pub(crate) fn stage() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let name = arguments.next();
    if name.as_deref() != Some(NAME.as_ref()) {
        return None;
    }
    let (stage, note) = (arguments.next()?, arguments.next()?);
    #[cfg(target_os = "linux")]
    return Some(ExitCode::from(inside::enter(stage == INNER, Path::new(&note))));
    #[cfg(not(target_os = "linux"))]
    return Some(ExitCode::from(255));
}

/// The namespaces that this process is in.
fn namespaces() -> Result<Vec<(String, String)>, Fault> {
    let kinds = ["user", "mnt", "net", "ipc", "uts", "pid"];
    let read = |kind: &str| {
        let link = std::fs::read_link(format!("/proc/self/ns/{kind}"));
        link.map(|link| (kind.to_owned(), link.to_string_lossy().into_owned()))
    };
    kinds.into_iter().map(|kind| read(kind).map_err(|error| refused("look at /proc", &error.to_string()))).collect()
}

/// The command's own home, empty.
pub(crate) const HOME: &str = "/tmp/home";
/// Folders of the system that the command gets empty ones for.
const SPECIAL: &[&str] = &["/tmp", "/var/tmp", "/run", "/var/run", "/dev", "/proc"];
/// What this program is called where it is a part of a sandbox.
const NAME: &str = "pinfold-sandbox";
const OUTER: &str = "outer";
const INNER: &str = "inner";
/// How the variables are called that carry those of the command.
const VARIABLE: &str = "PINFOLD_SANDBOX_";
