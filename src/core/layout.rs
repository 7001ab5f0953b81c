//! [`Layout`]: what a pin says about unpacking, and the one place where it is applied to a member's path.

use std::fmt;
use std::str::FromStr;

use crate::path::{PathError, RelPath};

/// What an artifact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A tar archive in gzip (RFC 1952), any number of members.
    TarGz,
    /// A tar archive (POSIX ustar, pax, GNU).
    Tar,
    /// A tar archive in Zstandard (RFC 8878).
    TarZst,
    /// A tar archive in xz.
    TarXz,
    /// A zip archive (APPNOTE 6.3), stored or deflated members.
    Zip,
    /// One file, as it is.
    Raw,
}

impl Format {
    /// The value of `format` in pins.toml.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TarGz => "tar.gz",
            Self::Tar => "tar",
            Self::TarZst => "tar.zst",
            Self::TarXz => "tar.xz",
            Self::Zip => "zip",
            Self::Raw => "raw",
        }
    }

    /// Every format, in the order in which documents list them.
    pub const ALL: [Self; 6] = [Self::TarGz, Self::Tar, Self::TarZst, Self::TarXz, Self::Zip, Self::Raw];
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or(FormatError)
    }
}

/// A text that is no [`Format`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatError;

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is {}", Format::ALL.map(Format::name).join(", "))
    }
}

impl std::error::Error for FormatError {}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bounds on what may come out of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together; `max-unpacked` in a pin.
    pub unpacked: u64,
    /// Members of every kind; `max-members` in a pin.
    pub members: u64,
    /// Unpacked bytes for each packed byte, counted above [`Limits::RATIO_FREE`].
    pub ratio: u64,
}

impl Limits {
    /// Unpacked bytes up to which the ratio is not looked at: small archives of zeros are no bombs.
    pub const RATIO_FREE: u64 = 16 << 20;
    /// Bytes of paths for each member that is allowed, on average and with those of the folders that it is in: they are all
    /// held at once, and a member of 1 KiB that brings 63 folders of its own would be 64 KiB of them.
    const PATH_BYTES_PER_MEMBER: u64 = 256;
    /// What holds where a pin says nothing: 2 GiB, 200,000 members, 200:1 (real packages: ≤ 10.3).
    pub const DEFAULT: Self = Self { unpacked: 2 << 30, members: 200_000, ratio: 200 };

    /// Bytes of all paths together, implied folders and targets of links included. It grows with the members and never
    /// falls below what the usual number of them has.
    pub const fn path_bytes(&self) -> u64 {
        let members = if self.members > Self::DEFAULT.members { self.members } else { Self::DEFAULT.members };
        members.saturating_mul(Self::PATH_BYTES_PER_MEMBER)
    }
}

/// A glob over paths inside a tree: `*` and `?` within a component, `**` over components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(glob::Pattern);

impl Pattern {
    /// Whether the whole of `path` matches, case-sensitively.
    pub fn matches(&self, path: &RelPath) -> bool {
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        self.0.matches_with(path.as_str(), options)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    /// What is no path matches none: `/a`, `./a`, `a/` and the empty text would be rules that do nothing, without a word.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        let pattern = glob::Pattern::new(text).map_err(|error| PatternError::Malformed(error.msg))?;
        text.parse::<RelPath>().map_err(PatternError::MatchesNothing)?;
        Ok(Self(pattern))
    }
}

/// What programs write into a tree when they run: paths beside the pinned ones that keep nobody from anything. A pinned
/// path is never one of them, whatever the patterns say; who asks has to know which are pinned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignore {
    paths: Vec<Pattern>,
    /// What the patterns that end in `/**` have in front of that: the folders whose every path is ignored.
    folders: Vec<Pattern>,
}

impl Ignore {
    /// Those that these patterns match.
    pub fn new(paths: Vec<Pattern>) -> Self {
        let folders = paths.iter().filter_map(|one| one.as_str().strip_suffix("/**")?.parse().ok()).collect();
        Self { paths, folders }
    }

    /// Whether nothing is ignored.
    pub const fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether a path is ignored.
    pub fn matches(&self, path: &RelPath) -> bool {
        self.paths.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether an empty folder is ignored: itself, or with all that could be in it.
    pub fn matches_folder(&self, path: &RelPath) -> bool {
        self.matches(path) || self.folders.iter().any(|pattern| pattern.matches(path))
    }
}

/// Why a text is not a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternError {
    /// A bracket that stays open, or stars that mean nothing.
    Malformed(&'static str),
    /// Something that no path has.
    MatchesNothing(PathError),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "the pattern is malformed: {why}"),
            Self::MatchesNothing(why) => write!(f, "no path in a tree can match the pattern: {why}"),
        }
    }
}

impl std::error::Error for PatternError {}

/// Which files get the mode 0755 beside those that the archive marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executable {
    /// What the archive says; for a raw file, no.
    AsPacked,
    /// The raw file itself (`executable = true`).
    Raw,
    /// These files too; each must be in the tree.
    Also(Vec<RelPath>),
}

/// What a pin says about unpacking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What the artifact must be; `None` leaves it to the file's name and content.
    pub format: Option<Format>,
    /// Leading components to take off every member.
    pub strip: usize,
    /// Keep only what one of these matches, after `strip`; empty keeps all.
    pub include: Vec<Pattern>,
    /// Drop what one of these matches, after `strip`.
    pub exclude: Vec<Pattern>,
    /// Files made executable.
    pub executable: Executable,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            format: None,
            strip: 0,
            include: Vec::new(),
            exclude: Vec::new(),
            executable: Executable::AsPacked,
            limits: Limits::DEFAULT,
        }
    }
}

impl Layout {
    /// Whether a path that has been stripped is wanted.
    pub fn wants(&self, path: &RelPath) -> bool {
        self.includes(path) && !self.exclude.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether a path that has been stripped is among what is to be kept, whatever `exclude` says.
    pub fn includes(&self, path: &RelPath) -> bool {
        self.include.is_empty() || self.include.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether the pin marks `path` as executable.
    pub fn marks_executable(&self, path: &RelPath) -> bool {
        matches!(&self.executable, Executable::Also(paths) if paths.contains(path))
    }
}
