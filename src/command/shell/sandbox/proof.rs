//! A look from inside, before the command starts: whether all that will be claimed is so.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, StatVfsMountFlags, access, major, minor, statvfs};
use rustix::io::Errno;
use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketType, getpeername};

use super::inside::{At, Refusal};
use super::mounts::{mounted, place};
use super::{Handed, SPECIAL, calls};

/// The numbers of user and group outside, of the one of each that there is in this namespace.
pub(super) fn outside_ids() -> Result<(u32, u32), Refusal> {
    let id = |kind: &str| {
        let path = format!("/proc/self/{kind}_map");
        let text = std::fs::read_to_string(&path).at(|| format!("read {path}"))?;
        let id = text.split_whitespace().nth(1).and_then(|word| word.parse().ok());
        id.ok_or_else(|| Refusal::new(format!("read {path}"), io::Error::from(io::ErrorKind::InvalidData)))
    };
    Ok((id("uid")?, id("gid")?))
}

/// Looks at everything, and returns the paths that were seen to be read-only.
pub(super) fn look(handed: &Handed) -> Result<Vec<PathBuf>, Refusal> {
    namespaces(&handed.outside)?;
    network()?;
    capabilities()?;
    calls::look(status)?;
    descriptors()?;
    for path in &handed.plan.read_only {
        is_read_only(&place(path))?;
        is_read_only(&handed.plan.root.join(path))?;
    }
    let mounts = mounted()?;
    for folder in handed.plan.on_the_way().into_iter().map(place) {
        if !mounts.iter().any(|mount| mount.at == folder) {
            let step = format!("keep {} from being renamed", folder.display());
            return Err(Refusal::new(step, "it is no mount of its own"));
        }
    }
    elsewhere(&handed.plan.root)?;
    Ok(handed.plan.read_only.clone())
}

fn namespaces(outside: &[(String, String)]) -> Result<(), Refusal> {
    for (kind, before) in outside {
        let now = std::fs::read_link(format!("/proc/self/ns/{kind}")).at(|| "look at /proc/self/ns".to_owned())?;
        if now.as_os_str() == before.as_str() {
            return Err(Refusal::new(format!("have a {kind} namespace of its own"), "it is still in the one outside"));
        }
    }
    Ok(())
}

/// Nothing but the loopback, which nobody else is at.
fn network() -> Result<(), Refusal> {
    let text = std::fs::read_to_string("/proc/self/net/dev").at(|| "list the network's devices".to_owned())?;
    let names: BTreeSet<&str> =
        text.lines().skip(2).filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()).collect();
    match names.iter().find(|name| **name != "lo") {
        Some(name) => Err(Refusal::new("have no network", format!("there is `{}`", name.escape_debug()))),
        None => Ok(()),
    }
}

fn capabilities() -> Result<(), Refusal> {
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let value = status(name);
        if !value.as_ref().is_some_and(|value| value.bytes().all(|byte| byte == b'0')) {
            let said = format!("{name} is {}", value.as_deref().unwrap_or("not told"));
            return Err(Refusal::new("give up its capabilities", said));
        }
    }
    match status("NoNewPrivs").as_deref() {
        Some("1") => Ok(()),
        _ => Err(Refusal::new("give up its capabilities", "it could get new ones")),
    }
}

/// What the kernel says of this process (proc(5), /proc/PID/status).
fn status(name: &str) -> Option<String> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(|value| value.trim().to_owned())
}

/// Whoever started pinfold may have left something open that leads out: a socket, a folder beyond the mounts. The three
/// standard streams are the caller's choice, unless one is the network itself or a folder.
fn descriptors() -> Result<(), Refusal> {
    let out = |number: &str, what: &str| {
        let step = format!("keep descriptor {number} from the command");
        Err(Refusal::new(step, format!("it is {what}, and was open already")).hint(CLOSE))
    };
    let streams = [
        io::stdin().as_fd().try_clone_to_owned(),
        io::stdout().as_fd().try_clone_to_owned(),
        io::stderr().as_fd().try_clone_to_owned(),
    ];
    for (number, stream) in streams.iter().enumerate() {
        let Ok(stream) = stream else { continue };
        match socket_domain(stream) {
            Ok(AddressFamily::UNIX) if !is_connected_for_good(stream) => {
                return out(&number.to_string(), "a socket that can be connected anew");
            }
            Ok(AddressFamily::UNIX) | Err(_) => {}
            Ok(_) => return out(&number.to_string(), "a connection to the network"),
        }
    }
    for number in ["0", "1", "2"] {
        if Path::new("/proc/self/fd").join(number).is_dir() {
            return out(number, "a folder");
        }
    }
    for number in handed_on()? {
        let Ok(found) = std::fs::metadata(format!("/proc/self/fd/{number}")) else {
            return out(&number, "of an unknown kind");
        };
        let kind = found.file_type();
        let device = (major(found.rdev()), minor(found.rdev()));
        if !(kind.is_fifo() || kind.is_file() || kind.is_char_device() && is_harmless(device)) {
            return out(&number, if kind.is_socket() { "a socket" } else { "neither a file nor a pipe" });
        }
    }
    Ok(())
}

/// A stream between two ends: what sends datagrams, listens, or is not connected can be led to any other.
fn is_connected_for_good(socket: &impl AsFd) -> bool {
    matches!(socket_type(socket), Ok(SocketType::STREAM | SocketType::SEQPACKET))
        && socket_acceptconn(socket) == Ok(false)
        && getpeername(socket).is_ok_and(|peer| peer.is_some())
}

/// The descriptors beside the standard streams that a program would get that is started now.
fn handed_on() -> Result<Vec<String>, Refusal> {
    let entries = std::fs::read_dir("/proc/self/fd").at(|| "list its descriptors".to_owned())?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let stays = |number: &String| {
        // Gone: the one of this list.
        let Ok(info) = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")) else { return false };
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).map(str::trim);
        let flags = flags.and_then(|flags| u32::from_str_radix(flags, 8).ok()).unwrap_or(0);
        flags & CLOSED_ON_START == 0
    };
    Ok(names.filter(|name| !["0", "1", "2"].contains(&name.as_str())).filter(stays).collect())
}

/// That the command gets the standard streams alone.
pub(super) fn all_closed() -> Result<(), Refusal> {
    match handed_on()?.first() {
        Some(number) => Err(Refusal::new(format!("keep descriptor {number} from the command"), "it stays open")),
        None => Ok(()),
    }
}

/// Terminals, and the devices that every program may have (Linux, Documentation/admin-guide/devices.txt).
const fn is_harmless(device: (u32, u32)) -> bool {
    matches!(device, (1, 3 | 5 | 7 | 8 | 9) | (4, _) | (5, 0) | (136..=143, _))
}

fn is_read_only(path: &Path) -> Result<(), Refusal> {
    let step = || format!("make {} read-only", path.display());
    let flags = statvfs(path).at(step)?.f_flag;
    match access(path, Access::WRITE_OK) {
        Err(Errno::ROFS) if flags.contains(StatVfsMountFlags::RDONLY) => Ok(()),
        Err(error) => Err(Refusal::new(step(), error)),
        Ok(()) => Err(Refusal::new(step(), "it can be written to")),
    }
}

/// Every mount but the project's and those of its own.
fn elsewhere(root: &Path) -> Result<(), Refusal> {
    let own = |path: &Path| path.starts_with(root) || SPECIAL.iter().any(|folder| path.starts_with(folder));
    for mount in mounted()?.iter().filter(|mount| !own(&mount.at)) {
        match statvfs(&mount.at) {
            Ok(found) if found.f_flag.contains(StatVfsMountFlags::RDONLY | StatVfsMountFlags::NODEV) => {}
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
            Ok(_) => {
                let step = format!("make {} read-only", mount.at.display());
                return Err(Refusal::new(step, "it can be written to, or has devices"));
            }
            Err(error) => return Err(Refusal::new(format!("look at {}", mount.at.display()), error)),
        }
    }
    Ok(())
}

/// `O_CLOEXEC` as fdinfo has it (proc(5)), which is the same number on all machines that pinfold is built for.
const CLOSED_ON_START: u32 = 0o2_000_000;
const CLOSE: &str = "whoever starts pinfold left it open; a shell closes it with `N>&-` behind the command line";
