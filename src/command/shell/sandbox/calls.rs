//! The system calls that lead out past namespaces and mounts, kept from the command by filters of the kernel (seccomp(2)).
//!
//! A socket in the file system is reached by each name that it has or gets, on each mount, whoever made it and when: no
//! list of names covers it. Without a socket of its own the command has nothing to connect, whatever the name. So it is
//! with keyrings, which belong to a session and a user, and with the handler of core dumps, which runs outside.

use std::collections::BTreeMap;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket, socketpair};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use super::inside::{At, Refusal};

/// Forbids them to this process and to all that come from it, for good.
pub(super) fn forbid() -> Result<(), Refusal> {
    let filters = [
        (denied(), Errno::ACCESS.raw_os_error().unsigned_abs()),
        (absent(), Errno::NOSYS.raw_os_error().unsigned_abs()),
        (ignored(), 0),
    ];
    for (rules, errno) in filters {
        rules.and_then(|rules| compile(rules, errno)).at(step).and_then(|filter| apply_filter(&filter).at(step))?;
    }
    Ok(())
}

/// That they are forbidden.
pub(super) fn look(status: impl Fn(&str) -> Option<String>) -> Result<(), Refusal> {
    // Two, for a filter (proc(5), /proc/PID/status).
    if status("Seccomp").as_deref() != Some("2") {
        return Err(Refusal::new(step(), "there is no filter"));
    }
    let (none, stream) = (SocketFlags::empty(), SocketType::STREAM);
    for family in [AddressFamily::UNIX, AddressFamily::VSOCK] {
        if socket(family, stream, None).err() != Some(Errno::ACCESS) {
            return Err(Refusal::new("have no sockets in the file system", "one can be made"));
        }
    }
    if socketpair(AddressFamily::UNIX, SocketType::DGRAM, none, None).err() != Some(Errno::ACCESS) {
        return Err(Refusal::new(
            "have no sockets in the file system",
            "a pair can be made that is sent to any address",
        ));
    }
    Ok(())
}

/// Keeps core dumps from the handler of the system, which runs outside: with a limit of exactly one byte the kernel starts
/// none (Linux, `coredump_pipe`; core(5)). It takes no limit into account where the dump goes to a socket.
pub(super) fn no_core_dumps() -> Result<(), Refusal> {
    let step = || "keep core dumps in".to_owned();
    let handler = std::fs::read_to_string("/proc/sys/kernel/core_pattern").at(step)?;
    let limit = getrlimit(Resource::Core);
    match handler.bytes().next() {
        Some(b'@') => return Err(Refusal::new(step(), "they go to a socket outside").hint(CORE_PATTERN)),
        Some(b'|') if limit.maximum == Some(0) => {
            return Err(Refusal::new(step(), "a program outside takes them, and the limit is 0").hint(CORE_LIMIT));
        }
        _ if limit.maximum == Some(0) => return Ok(()),
        _ => {}
    }
    setrlimit(Resource::Core, Rlimit { current: Some(1), maximum: Some(1) }).at(step)?;
    match getrlimit(Resource::Core) {
        Rlimit { current: Some(1), maximum: Some(1) } => Ok(()),
        _ => Err(Refusal::new(step(), "the limit is another one")),
    }
}

/// Sockets of others, by whatever name; the machine around this one (`AF_VSOCK`); typing into a terminal.
fn denied() -> Result<Rules, BackendError> {
    let inner = [AddressFamily::INET, AddressFamily::INET6, AddressFamily::NETLINK];
    let foreign = inner.map(|family| (0, SeccompCmpOp::Ne, u64::from(family.as_raw())));
    let no_pair = [(0, SeccompCmpOp::Ne, u64::from(AddressFamily::UNIX.as_raw()))];
    // One of a pair of datagram sockets sends to any address; the others are connected for good.
    let [datagram, raw] = [SocketType::DGRAM, SocketType::RAW]
        .map(|kind| [(1, SeccompCmpOp::MaskedEq(SOCKET_TYPE), u64::from(kind.as_raw()))]);
    let [types, console] = [TIOCSTI, TIOCLINUX].map(|request| [(1, SeccompCmpOp::Eq, request)]);
    rules(&[
        (libc::SYS_socket, &foreign),
        (libc::SYS_socketpair, &no_pair),
        (libc::SYS_socketpair, &datagram),
        (libc::SYS_socketpair, &raw),
        (libc::SYS_ioctl, &types),
        (libc::SYS_ioctl, &console),
        // With the old limit asked for at once there would have to be an answer.
        (libc::SYS_prlimit64, &[CORE_OF_PROCESS, (2, SeccompCmpOp::Ne, 0), (3, SeccompCmpOp::Ne, 0)]),
    ])
}

/// Keyrings, and what makes sockets without a system call for each: not there, as in a kernel that was built without.
fn absent() -> Result<Rules, BackendError> {
    rules(&[
        (libc::SYS_add_key, &[]),
        (libc::SYS_request_key, &[]),
        (libc::SYS_keyctl, &[]),
        (libc::SYS_io_uring_setup, &[]),
        (libc::SYS_io_uring_enter, &[]),
        (libc::SYS_io_uring_register, &[]),
    ])
}

/// A limit for core dumps other than [`no_core_dumps`] has set: done without effect, as scripts set it in passing.
fn ignored() -> Result<Rules, BackendError> {
    rules(&[
        (libc::SYS_setrlimit, &[(0, SeccompCmpOp::Eq, CORE)]),
        (libc::SYS_prlimit64, &[CORE_OF_PROCESS, (2, SeccompCmpOp::Ne, 0), (3, SeccompCmpOp::Eq, 0)]),
    ])
}

/// Which argument, compared how, with what.
type Condition = (u8, SeccompCmpOp, u64);
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Each call with the conditions under which it is meant, all of a line; without any, always.
fn rules(lines: &[(i64, &[Condition])]) -> Result<Rules, BackendError> {
    let mut rules = Rules::new();
    for (number, conditions) in lines {
        let conditions: Result<Vec<_>, _> = conditions
            .iter()
            .map(|(argument, compare, value)| {
                // The kernel takes pointers whole, and the lower half of all that is compared here.
                let is_pointer = *value == 0;
                let width = if is_pointer { SeccompCmpArgLen::Qword } else { SeccompCmpArgLen::Dword };
                SeccompCondition::new(*argument, width, compare.clone(), *value)
            })
            .collect();
        let conditions = conditions?;
        for number in [Some(*number), same_in_x32(*number)].into_iter().flatten() {
            let of_call = rules.entry(number).or_default();
            if !conditions.is_empty() {
                of_call.push(SeccompRule::new(conditions.clone())?);
            }
        }
    }
    Ok(rules)
}

/// The number of the same call for programs of the x32 ABI, which the kernel does not tell by the architecture.
fn same_in_x32(number: i64) -> Option<i64> {
    let is_ioctl = number == libc::SYS_ioctl;
    cfg!(target_arch = "x86_64").then_some(X32 | if is_ioctl { X32_IOCTL } else { number })
}

/// A filter that answers the calls with an error, and ends programs of another architecture, whose calls have other numbers.
fn compile(rules: Rules, errno: u32) -> Result<BpfProgram, BackendError> {
    let architecture = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno), architecture)?.try_into()
}

fn step() -> String {
    "filter its system calls".to_owned()
}

/// The bits of a socket's type beside which there are flags (Linux, `SOCK_TYPE_MASK`).
const SOCKET_TYPE: u64 = 0xf;
/// ioctl_tty(2); the same numbers on all architectures that there are filters for.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;
/// `RLIMIT_CORE`.
const CORE: u64 = 4;
const CORE_OF_PROCESS: Condition = (1, SeccompCmpOp::Eq, CORE);
/// `__X32_SYSCALL_BIT`, and the one number that is another there.
const X32: i64 = 0x4000_0000;
const X32_IOCTL: i64 = 514;
const CORE_PATTERN: &str = "set `kernel.core_pattern` to a file or a program";
const CORE_LIMIT: &str = "set the hard limit to 1 or more (`ulimit -Hc`) where pinfold is started";
