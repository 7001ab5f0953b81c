//! [`Platform`]: what a variant of a pin is for, in node's words (`process.platform`, `process.arch`).

use std::fmt;
use std::str::FromStr;

/// `<os>-<cpu>`, on Linux optionally with the C library: `linux-x64`, `darwin-arm64`, `linux-arm64-musl`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform(String);

impl Platform {
    /// Operating systems.
    pub const SYSTEMS: [&'static str; 8] =
        ["linux", "darwin", "win32", "freebsd", "openbsd", "sunos", "aix", "android"];
    /// Processors.
    pub const PROCESSORS: [&'static str; 9] =
        ["x64", "arm64", "arm", "ia32", "ppc64", "s390x", "riscv64", "loong64", "mips64el"];

    /// The text, as in pins.toml.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The platform without its C library, `None` when it names none.
    pub fn without_libc(&self) -> Option<Self> {
        let (rest, _) = self.0.rsplit_once('-').filter(|(_, last)| matches!(*last, "gnu" | "musl"))?;
        Some(Self(rest.to_owned()))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let mut words = text.split('-');
        let system = words.next().unwrap_or_default();
        if !Self::SYSTEMS.contains(&system) {
            return Err(PlatformError::System);
        }
        if !Self::PROCESSORS.contains(&words.next().unwrap_or_default()) {
            return Err(PlatformError::Processor);
        }
        match (words.next(), words.next()) {
            (None, _) => {}
            (Some("gnu" | "musl"), None) if system == "linux" => {}
            _ => return Err(PlatformError::Libc),
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why a text is not a [`Platform`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlatformError {
    /// The first word is none of [`Platform::SYSTEMS`].
    System,
    /// The second word is none of [`Platform::PROCESSORS`].
    Processor,
    /// What follows is not `gnu` or `musl`, or the system is not linux.
    Libc,
}

impl PlatformError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::System => "platform-system",
            Self::Processor => "platform-processor",
            Self::Libc => "platform-libc",
        }
    }
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => write!(f, "a platform starts with one of {}", Platform::SYSTEMS.join(", ")),
            Self::Processor => write!(f, "a platform's processor is one of {}", Platform::PROCESSORS.join(", ")),
            Self::Libc => f.write_str("only `-gnu` and `-musl` may follow, and only after linux"),
        }
    }
}

impl std::error::Error for PlatformError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_nodes_words_only() {
        let check = |text: &str, expected: Result<(), PlatformError>| {
            assert_eq!(text.parse::<Platform>().map(|_| ()), expected, "{text}");
        };
        check("linux-x64", Ok(()));
        check("linux-arm64-musl", Ok(()));
        check("win32-ia32", Ok(()));
        check("windows-x64", Err(PlatformError::System));
        check("linux", Err(PlatformError::Processor));
        check("linux-amd64", Err(PlatformError::Processor));
        check("linux-x64-", Err(PlatformError::Libc));
        check("linux-x64-gnu-x", Err(PlatformError::Libc));
        check("darwin-x64-gnu", Err(PlatformError::Libc));
        let musl: Platform = "linux-x64-musl".parse().expect("a platform");
        assert_eq!(musl.without_libc().map(|platform| platform.to_string()).as_deref(), Some("linux-x64"));
        assert_eq!(musl.without_libc().and_then(|platform| platform.without_libc()), None);
    }
}
