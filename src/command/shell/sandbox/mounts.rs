//! The file system as the command sees it: the project at one and the same place on every machine, nothing else to write
//! to but empty folders, no devices but the harmless ones.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change, mount_remount,
};

use super::inside::{At, Refusal};
use super::{HOME, Handed, SPECIAL};

/// Where the project is for the command, whatever the path of the checkout: what writes its path into outputs writes the
/// same one everywhere.
pub(super) const PROJECT: &str = "/tmp/build";

/// A folder of the project as the command sees it.
pub(super) fn place(folder: &Path) -> PathBuf {
    // Joining with an empty path would put a slash at the end.
    if folder.as_os_str().is_empty() { PROJECT.into() } else { Path::new(PROJECT).join(folder) }
}

/// Makes it so. The caller is root of a mount namespace of its own.
pub(super) fn arrange(handed: &Handed) -> Result<(), Refusal> {
    let root = &handed.plan.root;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .at(|| "keep its mounts to itself".to_owned())?;
    // A mount of its own, so that it stays writable when all others are not.
    bind(root, root)?;
    for mount in mounted()?.iter().filter(|mount| mount.at.starts_with(root)) {
        mount.make(MountFlags::empty())?;
    }
    let read_only: Vec<PathBuf> = handed.plan.read_only.iter().map(|path| root.join(path)).collect();
    let on_the_way = handed.plan.on_the_way().into_iter().map(|folder| root.join(folder));
    for path in on_the_way.chain(read_only.iter().cloned()) {
        if path.is_symlink() {
            let step = format!("keep {} from being replaced", path.display());
            return Err(Refusal::new(step, "it is a symbolic link").hint(LINKED));
        }
        bind(&path, &path)?;
    }
    for mount in mounted()?.iter().filter(|mount| read_only.iter().any(|path| mount.at.starts_with(path))) {
        mount.make(MountFlags::RDONLY)?;
    }
    let project = handle(root)?;
    let devices = Devices::open()?;
    // /dev and /proc get something of their own further down. What a link leads to is in the list too, or is read-only.
    let own: Vec<&Path> = SPECIAL.iter().map(Path::new).filter(|folder| is_own_folder(folder)).collect();
    for folder in own.iter().filter(|folder| !DEVICES_AND_PROCESSES.contains(&folder.to_str().unwrap_or_default())) {
        empty(folder, "mode=1777")?;
    }
    let is_covered = own.iter().any(|one| root.starts_with(one));
    std::fs::create_dir_all(HOME).at(|| format!("make {HOME}"))?;
    for place in [Path::new(PROJECT)].into_iter().chain(is_covered.then_some(root.as_path())) {
        std::fs::create_dir_all(place).at(|| format!("make {}", place.display()))?;
        mount_bind_recursive(descriptor(&project), place).at(|| format!("put the project to {}", place.display()))?;
    }
    devices.place()?;
    processes()?;
    rest(root, &own)
}

/// Mounts a folder or file once more, with all that is mounted below it.
fn bind(from: &Path, to: &Path) -> Result<(), Refusal> {
    mount_bind_recursive(from, to).at(|| format!("mount {}", to.display()))
}

fn empty(folder: &Path, options: &str) -> Result<(), Refusal> {
    let options = std::ffi::CString::new(options).at(|| "mount".to_owned())?;
    mount("tmpfs", folder, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
        .at(|| format!("put an empty folder over {}", folder.display()))
}

/// Whether it is a folder and not a link to one.
fn is_own_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

/// Something that stays within reach when its path is covered.
fn handle(path: &Path) -> Result<File, Refusal> {
    let opened = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    opened.map(File::from).at(|| format!("open {}", path.display()))
}

fn descriptor(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// The devices that every program may have; those of the machine (disks, terminals, other people's memory) stay out.
struct Devices(Vec<(&'static str, File)>);

impl Devices {
    fn open() -> Result<Self, Refusal> {
        let one = |name: &'static str| Ok((name, handle(&Path::new("/dev").join(name))?));
        DEVICES.into_iter().map(one).collect::<Result<_, Refusal>>().map(Self)
    }

    fn place(&self) -> Result<(), Refusal> {
        let dev = Path::new("/dev");
        empty(dev, "mode=755")?;
        for (name, device) in &self.0 {
            let path = dev.join(name);
            File::create(&path).at(|| format!("make {}", path.display()))?;
            mount_bind(descriptor(device), &path).at(|| format!("mount {}", path.display()))?;
        }
        for (name, target) in LINKS {
            std::os::unix::fs::symlink(target, dev.join(name)).at(|| format!("make /dev/{name}"))?;
        }
        for name in ["shm", "pts"] {
            std::fs::create_dir(dev.join(name)).at(|| format!("make /dev/{name}"))?;
        }
        empty(&dev.join("shm"), "mode=1777")?;
        // Terminals of its own, for programs that test others in one. Without them a build is none the worse.
        let options = c"newinstance,ptmxmode=0666,mode=0620";
        match mount("devpts", dev.join("pts"), "devpts", MountFlags::NOSUID | MountFlags::NOEXEC, options) {
            Ok(()) | Err(Errno::PERM | Errno::INVAL | Errno::NODEV) => Ok(()),
            Err(error) => Err(Refusal::new("mount /dev/pts", error)),
        }
    }
}

/// A view of its own processes, and no others; what tells the kernel something is read-only in it.
fn processes() -> Result<(), Refusal> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None)
        .map_err(|error| Refusal::new("have a /proc of its own", error).hint(PROC))?;
    for path in KERNEL.map(Path::new).into_iter().filter(|path| path.exists()) {
        bind(path, path)?;
        let here = Mount { at: path.to_owned(), flags };
        here.make(MountFlags::RDONLY)?;
    }
    // What keys the caller has.
    for path in KEYS.map(Path::new).into_iter().filter(|path| path.exists()) {
        mount_bind("/dev/null", path).at(|| format!("cover {}", path.display()))?;
    }
    Ok(())
}

/// Makes read-only all that is not the project and not its own.
fn rest(root: &Path, own: &[&Path]) -> Result<(), Refusal> {
    let kept = |mount: &&Mount| !mount.at.starts_with(root) && !own.iter().any(|one| mount.at.starts_with(one));
    let mut seen = BTreeSet::new();
    for mount in mounted()?.iter().filter(kept) {
        // What lies below another mount of the same place is out of reach, and the last one is on top.
        if seen.insert(mount.at.clone()) {
            mount.make(MountFlags::RDONLY)?;
        }
    }
    Ok(())
}

/// One mount, as it stands in /proc/self/mountinfo.
pub(super) struct Mount {
    pub(super) at: PathBuf,
    flags: MountFlags,
}

impl Mount {
    /// Adds flags to those that it has: those of a mount from outside are locked (mount_namespaces(7)). Devices are in
    /// `/dev` and nowhere else, whatever files there are of them.
    fn make(&self, more: MountFlags) -> Result<(), Refusal> {
        let flags = MountFlags::BIND | MountFlags::NODEV | MountFlags::NOSUID | more | self.flags;
        match mount_remount(&self.at, flags, "") {
            Ok(()) => Ok(()),
            // Covered by another mount, or closed to this user, like FUSE of somebody else: out of reach either way, which
            // `proof` looks at again.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::INVAL) => Ok(()),
            Err(error) => Err(Refusal::new(format!("change the mount of {}", self.at.display()), error)),
        }
    }
}

/// All mounts, the last one of a place first (proc(5), mountinfo).
pub(super) fn mounted() -> Result<Vec<Mount>, Refusal> {
    let text = std::fs::read_to_string("/proc/self/mountinfo").at(|| "list the mounts".to_owned())?;
    let mut mounts = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ').skip(4);
        let (Some(at), Some(options)) = (words.next(), words.next()) else {
            return Err(Refusal::new("list the mounts", io::Error::from(io::ErrorKind::InvalidData)));
        };
        mounts.push(Mount { at: unescape(at), flags: options.split(',').map(flag).collect() });
    }
    mounts.reverse();
    Ok(mounts)
}

fn flag(option: &str) -> MountFlags {
    match option {
        "ro" => MountFlags::RDONLY,
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        "nosymfollow" => MountFlags::NOSYMFOLLOW,
        _ => MountFlags::empty(),
    }
}

/// Blanks, tabs, line feeds and backslashes stand as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let mut path = text.to_owned();
    for (from, to) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        path = path.replace(from, to);
    }
    path.into()
}

const DEVICES_AND_PROCESSES: [&str; 2] = ["/dev", "/proc"];
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
pub(super) const LINKED: &str = "put what it leads to in its place";
/// Only who sees all of one /proc may have another (Linux, `mount_too_revealing`).
const PROC: &str = "in a container that covers parts of /proc there can be no other; see `--security-opt systempaths=unconfined` \
                    of docker and podman, or run it outside";
const KEYS: [&str; 2] = ["/proc/keys", "/proc/key-users"];
/// What root may write to by its number alone, without a capability.
const KERNEL: [&str; 6] = ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi"];
