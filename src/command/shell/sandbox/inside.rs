//! The two processes inside: *outer* enters the namespaces, *inner* arranges and starts the command.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, getegid, geteuid, set_dumpable_behavior,
    set_parent_process_death_signal, setsid, umask, wait,
};
use rustix::system::sethostname;
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capability_is_in_bounding_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};

use super::{Handed, INNER, NAME, VARIABLE, Word, calls, mounts, proof};

/// A step that could not be taken.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) step: String,
    pub(super) said: String,
    /// What to do about it, where that is not what there is to do about most.
    pub(super) hint: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(step: impl Into<String>, said: impl ToString) -> Self {
        Self { step: step.into(), said: said.to_string(), hint: None }
    }

    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

/// Puts the step into an error of the system's.
pub(super) trait At<T> {
    /// The same with the step that was tried.
    fn at(self, step: impl FnOnce() -> String) -> Result<T, Refusal>;
}

impl<T, E: ToString> At<T> for Result<T, E> {
    fn at(self, step: impl FnOnce() -> String) -> Result<T, Refusal> {
        self.map_err(|error| Refusal::new(step(), error))
    }
}

/// Plays its part, and returns what to exit with. What goes wrong goes into the note.
pub(super) fn enter(is_inner: bool, path: &Path) -> u8 {
    // Opened before anything is covered or read-only; the system closes it when the command starts.
    let Ok(mut note) = std::fs::File::options().append(true).open(path) else { return 255 };
    let handed = std::fs::read_to_string(path).ok();
    let handed = handed.and_then(|text| serde_json::from_str(text.lines().next()?).ok());
    let Some(handed) = handed else { return 255 };
    let part = if is_inner { inner(&handed, &mut note) } else { outer(&note) };
    part.unwrap_or_else(|Refusal { step, said, hint }| {
        tell(&mut note, &Word::Refused { step, said, hint: hint.map(str::to_owned) });
        255
    })
}

/// A note that cannot be written is one that is not there, and then nothing is claimed and the command was not started.
fn tell(note: &mut std::fs::File, word: &Word) -> bool {
    serde_json::to_string(word).is_ok_and(|word| note.write_all(format!("{word}\n").as_bytes()).is_ok())
}

/// Enters new namespaces of all kinds, as root of nothing but them.
fn outer(note: &std::fs::File) -> Result<u8, Refusal> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let all = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWPID;
    enter_new(all, "enter namespaces of its own")?;
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("0 {user} 1"))?;
    write("/proc/self/gid_map", &format!("0 {group} 1"))?;
    // Set now: what a process may do has changed, and with that the kernel forgets such a wish.
    set_parent_process_death_signal(Some(Signal::KILL)).at(|| "tie its life to pinfold's".to_owned())?;
    // By way of this process: a file that is open for writing on a mount keeps that from becoming read-only.
    let note = format!("/proc/{}/fd/{}", std::process::id(), note.as_raw_fd());
    let status = Command::new("/proc/self/exe").arg0(NAME).args([INNER, &note]).status();
    status.map(super::code_of).at(|| "start the first process of a process namespace".to_owned())
}

/// Arranges, gives up, looks, says, starts, and waits for the command.
fn inner(handed: &Handed, note: &mut std::fs::File) -> Result<u8, Refusal> {
    set_parent_process_death_signal(Some(Signal::KILL)).at(|| "tie its life to pinfold's".to_owned())?;
    // Away from the terminal: who has it as its own may type into it (TIOCSTI, CVE-2017-5226).
    setsid().at(|| "leave the terminal".to_owned())?;
    sethostname(HOST.as_bytes()).at(|| "set a name for the host".to_owned())?;
    let (user, group) = proof::outside_ids()?;
    mounts::arrange(handed)?;
    // In a second user namespace the mounts are locked: nobody in it can take one off or make it writable
    // (mount_namespaces(7), "Restrictions on mount namespaces").
    enter_new(UnshareFlags::NEWUSER | UnshareFlags::NEWNS, "lock what was arranged")?;
    write("/proc/self/uid_map", &format!("{user} 0 1"))?;
    write("/proc/self/gid_map", &format!("{group} 0 1"))?;
    give_up()?;
    set_parent_process_death_signal(Some(Signal::KILL)).at(|| "tie its life to pinfold's".to_owned())?;
    let read_only = proof::look(handed)?;
    // The command gets the three standard streams and nothing else.
    close_fds::set_fds_cloexec(FIRST_DESCRIPTOR, &[]);
    proof::all_closed()?;
    std::env::set_current_dir(mounts::place(&handed.plan.folder))
        .at(|| "go to the folder of the project".to_owned())?;
    if !tell(note, &Word::Holds { read_only }) {
        return Ok(255);
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).at(|| "hide itself from the command".to_owned())?;
    Ok(start(handed, note))
}

/// Gives up all capabilities for good, also those that root has by its number.
fn give_up() -> Result<(), Refusal> {
    let step = || "give up its capabilities".to_owned();
    for number in 0..64 {
        let Some(one) = 1_u64.checked_shl(number).map(CapabilitySet::from_bits_retain) else { continue };
        match capability_is_in_bounding_set(one) {
            Ok(true) => remove_capability_from_bounding_set(one).at(step)?,
            Ok(false) => {}
            // The kernel does not have so many.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(Refusal::new(step(), error)),
        }
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }).at(step)?;
    set_no_new_privs(true).at(step)?;
    calls::no_core_dumps()?;
    calls::forbid()?;
    umask(Mode::from_raw_mode(0o022));
    Ok(())
}

/// Starts the command and waits for it; buries what else dies meanwhile, as the first process must.
fn start(handed: &Handed, note: &mut std::fs::File) -> u8 {
    let Some((program, arguments)) = handed.plan.command.split_first() else { return 255 };
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    for (name, value) in std::env::vars_os() {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
        if let (true, Some((name, value))) = (name.starts_with(VARIABLE), value.split_once('=')) {
            command.env(name, value);
        }
    }
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            tell(note, &Word::Unstarted { said: error.to_string() });
            return 255;
        }
    };
    let child = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if Some(pid) == child => {
                let code =
                    status.exit_status().or_else(|| status.terminating_signal().map(|one| one.saturating_add(128)));
                return u8::try_from(code.unwrap_or(255)).unwrap_or(255);
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return 255,
        }
    }
}

/// `unshare`, in a process of one thread.
fn enter_new(kinds: UnshareFlags, step: &str) -> Result<(), Refusal> {
    #[expect(
        deprecated,
        reason = "it is the flag FILES that makes it unsound (rustix, `unshare_unsafe`), which nobody sets"
    )]
    rustix::thread::unshare(kinds).at(|| step.to_owned())
}

fn write(path: &str, text: &str) -> Result<(), Refusal> {
    std::fs::write(path, text).at(|| format!("write {path}"))
}

/// After standard input, output and error.
const FIRST_DESCRIPTOR: i32 = 3;
/// The same on every machine.
const HOST: &str = "pinfold";
