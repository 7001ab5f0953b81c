//! [`ArchiveError`]: which member broke which rule, or why the archive could not be read at all.

use std::error::Error;
use std::fmt;
use std::io;

use super::kind::KindRule;
use super::links::LinkRule;
use super::tar::TarRule;
use super::zip::ZipRule;
use crate::digest::Changed;
use crate::fault::{Class, Fault};
use crate::layout::{Format, Limits};
use crate::path::{PathError, RelPath};

/// Why an archive was not unpacked.
#[derive(Debug)]
pub enum ArchiveError {
    /// The archive breaks a rule.
    Refused {
        /// The member at which it was noticed, as the archive spells it; `None` where no member is to blame.
        member: Option<String>,
        /// The rule.
        rule: Rule,
    },
    /// The bytes could not be read: a failure, not a verdict on the archive.
    Input(io::Error),
}

impl ArchiveError {
    /// A stable name for each refusal, one of [`CODES`](super::CODES); `input` for a failure to read.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { rule, .. } => rule.code(),
            Self::Input(_) => "input",
        }
    }

    /// What the owner of the pin can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { rule, .. } => rule.hint(),
            Self::Input(_) => None,
        }
    }

    /// Whether the archive was refused; `false` when it could not be read.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// The same error, at a member if it has none yet.
    pub(super) fn at(self, name: &str) -> Self {
        match self {
            Self::Refused { member: None, rule } if !name.is_empty() => {
                Self::Refused { member: Some(name.to_owned()), rule }
            }
            other => other,
        }
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { member: Some(member), rule } => write!(f, "member `{}`: {rule}", member.escape_debug()),
            Self::Refused { member: None, rule } => rule.fmt(f),
            Self::Input(_) => f.write_str("the archive could not be read"),
        }
    }
}

impl From<ArchiveError> for Fault {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Input(error) if Changed::is_behind(&error) => {
                Self::refused("artifact-changed", "the artifact changed after it was checked")
                    .hint("run it again; if that does not help, something else writes to the store or to the artifact")
            }
            error => Self::new(Class::refused_if(error.is_refusal()), error.code(), error.to_string())
                .hinting(error.hint())
                .because(error),
        }
    }
}

impl Error for ArchiveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused { .. } => None,
            Self::Input(error) => Some(error),
        }
    }
}

impl From<Rule> for ArchiveError {
    fn from(rule: Rule) -> Self {
        Self::Refused { member: None, rule }
    }
}

impl From<io::Error> for ArchiveError {
    /// Readers carry a [`Rule`] or an `InputFailed` through [`io::Read`]; here they come out again.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Rule>() {
            Ok(rule) => rule.into(),
            Err(error) => match error.downcast::<InputFailed>() {
                Ok(InputFailed(error)) => Self::Input(error),
                // `read_exact` over a reader that ends early.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Rule::Truncated.into(),
                Err(error) => Self::Input(error),
            },
        }
    }
}

/// Marks an error of the caller's reader on its way through the decoders.
#[derive(Debug)]
pub(super) struct InputFailed(pub(super) io::Error);

impl fmt::Display for InputFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for InputFailed {}

/// What an archive may not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The content is not what the pin or the file's name says.
    FormatDisagrees {
        /// By the pin, or by the extension.
        said: Format,
        /// By the content; [`Format::Raw`] for no archive at all.
        found: Format,
    },
    /// A compressed file whose content is no tar archive.
    NotTar(Format),
    /// An archive of a kind that is not read, by name.
    UnsupportedFormat(&'static str),
    /// A raw file has no members to unpack.
    RawHasNoMembers,

    /// The archive ends in the middle of something.
    Truncated,
    /// The compressed stream cannot be decoded.
    Corrupt(Format),
    /// A checksum or length of the compressed stream does not fit what came out.
    Checksum,
    /// Bytes behind the end of the compressed stream that are no further stream.
    TrailingData,
    /// The stream wants more memory than [`WINDOW_MAX`](super::WINDOW_MAX).
    WindowTooLarge,
    /// A Zstandard frame that needs a dictionary.
    Dictionary,

    /// More bytes than `max-unpacked`.
    TooManyBytes(u64),
    /// More members than `max-members`.
    TooManyMembers(u64),
    /// Longer paths, all together, than [`Limits::path_bytes`].
    TooManyPaths(u64),
    /// More unpacked bytes for each packed one than [`Limits::ratio`].
    Ratio(u64),
    /// Headers and padding out of proportion to the members.
    TooMuchFraming,
    /// A PAX header or GNU long name longer than [`METADATA_MAX`](super::METADATA_MAX).
    MetadataTooLong,
    /// More zero bytes behind the end than [`PADDING_MAX`](super::PADDING_MAX).
    PaddingTooLong,

    /// A name that is not UTF-8.
    NameNotUtf8,
    /// A name that is no [`RelPath`], before or after `strip`.
    Name(PathError),
    /// A file or link with no component left after `strip`.
    StripTooFew(usize),
    /// git would find a repository in the tree.
    Repository,
    /// The same path twice (as anything but a folder).
    Duplicate,
    /// Another member's path by case or Unicode form.
    Collision(RelPath),
    /// A member below something that is a file.
    BelowFile(RelPath),
    /// A member below a symbolic link: it would be written through it.
    BelowLink(RelPath),

    /// A symbolic link that may not be made.
    Link {
        /// Where it points, as the archive says (lossy where that is not UTF-8).
        target: String,
        /// Why not.
        rule: LinkRule,
    },
    /// A hard link to something that is no earlier regular file of the tree.
    HardLinkMissing(String),
    /// A folder or link with content of its own.
    UnexpectedBody,
    /// A member that came out longer or shorter than it was declared.
    SizeWrong,
    /// A kind of member, or a mode, that is not unpacked.
    Kind(KindRule),

    /// An `include` pattern that no member matched.
    IncludeUnmatched(String),
    /// An `exclude` that takes nothing out.
    ExcludeUnmatched(String),
    /// An `executable` path that is no file of the tree.
    ExecutableUnmatched(RelPath),
    /// Nothing to keep: not one file.
    NoFiles,

    /// A rule of the tar format.
    Tar(TarRule),
    /// A rule of the zip format.
    Zip(ZipRule),
}

impl Rule {
    /// See [`ArchiveError::code`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FormatDisagrees { .. } => "format-disagrees",
            Self::NotTar(_) => "not-a-tar",
            Self::UnsupportedFormat(_) => "format-unsupported",
            Self::RawHasNoMembers => "raw-has-no-members",
            Self::Truncated => "truncated",
            Self::Corrupt(_) => "corrupt",
            Self::Checksum => "checksum",
            Self::TrailingData => "trailing-data",
            Self::WindowTooLarge => "window-too-large",
            Self::Dictionary => "zstd-dictionary",
            Self::TooManyBytes(_) => "too-many-bytes",
            Self::TooManyMembers(_) => "too-many-members",
            Self::TooManyPaths(_) => "too-many-paths",
            Self::Ratio(_) => "ratio",
            Self::TooMuchFraming => "too-much-framing",
            Self::MetadataTooLong => "metadata-too-long",
            Self::PaddingTooLong => "padding-too-long",
            Self::NameNotUtf8 => "name-not-utf8",
            Self::Name(error) => name_code(*error),
            Self::StripTooFew(_) => "strip-too-few",
            Self::Repository => "name-reserved",
            Self::Duplicate => "duplicate",
            Self::Collision(_) => "collision",
            Self::BelowFile(_) => "below-file",
            Self::BelowLink(_) => "below-link",
            Self::Link { rule, .. } => rule.code(),
            Self::HardLinkMissing(_) => "hardlink-missing",
            Self::UnexpectedBody => "unexpected-body",
            Self::SizeWrong => "size-wrong",
            Self::Kind(rule) => rule.code(),
            Self::IncludeUnmatched(_) => "include-unmatched",
            Self::ExcludeUnmatched(_) => "exclude-unmatched",
            Self::ExecutableUnmatched(_) => "executable-unmatched",
            Self::NoFiles => "no-files",
            Self::Tar(rule) => rule.code(),
            Self::Zip(rule) => rule.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::FormatDisagrees { found, .. } => {
                return Some(format!("set `format = \"{found}\"` if that is what it should be"));
            }
            Self::NotTar(_) | Self::UnsupportedFormat(_) => {
                "set `format = \"raw\"` (`--format raw` for `add`) to keep the file as it is"
            }
            Self::TooManyBytes(_) => "raise `max-unpacked` if the pin is meant to be this large",
            Self::TooManyMembers(_) | Self::TooManyPaths(_) => {
                "raise `max-members` if the pin is meant to have this many"
            }
            Self::StripTooFew(_) => "lower `strip`: a file is never dropped silently",
            Self::Repository
            | Self::Duplicate
            | Self::Collision(_)
            | Self::BelowFile(_)
            | Self::BelowLink(_)
            | Self::Link { .. }
            | Self::HardLinkMissing(_) => "leave it out with `exclude` if the project does not need it",
            Self::IncludeUnmatched(_) => "patterns apply to paths after `strip`; `NAME/**` is what is in a folder",
            Self::ExcludeUnmatched(_) => {
                "patterns apply to paths after `strip`; `NAME/**` takes out what is in a folder; remove what is not needed"
            }
            Self::ExecutableUnmatched(_) => "`executable` names paths in the tree, after `strip`",
            Self::NoFiles => "look at `strip`, `include` and `exclude`",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FormatDisagrees { said, found } => write!(f, "the archive is said to be `{said}` and is `{found}`"),
            Self::NotTar(format) => write!(f, "the content of the `{}` stream is no tar archive", packing(*format)),
            Self::UnsupportedFormat(name) => write!(f, "an archive of the kind `{name}` cannot be unpacked"),
            Self::RawHasNoMembers => f.write_str("a raw file has no members to unpack"),
            Self::Truncated => f.write_str("the archive ends too early"),
            Self::Corrupt(format) => write!(f, "the `{}` stream cannot be decoded", packing(*format)),
            Self::Checksum => f.write_str("a checksum or length in the archive does not fit its content"),
            Self::TrailingData => f.write_str("there are bytes behind the end of the compressed stream"),
            Self::WindowTooLarge => f.write_str("decoding takes more than 64 MiB of memory"),
            Self::Dictionary => f.write_str("the Zstandard stream needs a dictionary"),
            Self::TooManyBytes(limit) => write!(f, "the archive unpacks to more than {limit} bytes"),
            Self::TooManyMembers(limit) => write!(f, "the archive has more than {limit} members"),
            Self::TooManyPaths(limit) => {
                write!(
                    f,
                    "the paths of the members, and of the folders above them, have more than {limit} bytes together"
                )
            }
            Self::Ratio(ratio) => {
                let free = Limits::RATIO_FREE >> 20;
                write!(f, "the archive unpacks to more than {free} MiB and more than {ratio} times its size")
            }
            Self::TooMuchFraming => f.write_str("the archive has too many headers for its members"),
            Self::MetadataTooLong => f.write_str("an extended header or long name is longer than 1 MiB"),
            Self::PaddingTooLong => f.write_str("there is more than 1 MiB of padding behind the end"),
            Self::NameNotUtf8 => f.write_str("the name is not UTF-8"),
            Self::Name(error) => error.fmt(f),
            Self::StripTooFew(strip) => write!(f, "nothing is left of the path when {strip} components are stripped"),
            Self::Repository => f.write_str("git would find a repository here and run the programs that it names"),
            Self::Duplicate => f.write_str("the path is there twice"),
            Self::Collision(other) => write!(f, "some file systems take the path for `{other}`"),
            Self::BelowFile(file) => write!(f, "the path is below `{file}`, which is a file"),
            Self::BelowLink(link) => write!(f, "the path is below `{link}`, which is a symbolic link"),
            Self::Link { target, rule } => write!(f, "link to `{}`: {}", target.escape_debug(), rule.sentence()),
            Self::HardLinkMissing(target) => {
                write!(f, "hard link to `{}`, which is no earlier file of the tree", target.escape_debug())
            }
            Self::UnexpectedBody => f.write_str("a folder or link has content of its own"),
            Self::SizeWrong => f.write_str("the content is longer or shorter than declared"),
            Self::Kind(rule) => f.write_str(rule.sentence()),
            Self::IncludeUnmatched(pattern) => write!(f, "no member matches `{}`", pattern.escape_debug()),
            Self::ExcludeUnmatched(pattern) => {
                write!(f, "`exclude` takes nothing out by `{}`: no file matches it", pattern.escape_debug())
            }
            Self::ExecutableUnmatched(path) => write!(f, "`{path}` is to be executable and is no file of the tree"),
            Self::NoFiles => f.write_str("not one file is left to unpack"),
            Self::Tar(rule) => f.write_str(rule.sentence()),
            Self::Zip(rule) => rule.fmt(f),
        }
    }
}

impl Error for Rule {}

impl From<Rule> for io::Error {
    fn from(rule: Rule) -> Self {
        Self::other(rule)
    }
}

/// How a compressed format is called without its tar.
const fn packing(format: Format) -> &'static str {
    match format {
        Format::TarGz => "gzip",
        Format::TarXz => "xz",
        Format::TarZst => "zstd",
        Format::Zip => "deflate",
        Format::Tar | Format::Raw => "plain",
    }
}

const fn name_code(error: PathError) -> &'static str {
    match error {
        PathError::Empty => "name-empty",
        PathError::Absolute => "name-absolute",
        PathError::Drive => "name-drive",
        PathError::Backslash => "name-backslash",
        PathError::Control => "name-control",
        PathError::EmptyComponent => "name-empty-component",
        PathError::Dot => "name-dot",
        PathError::DotDot => "name-dot-dot",
        PathError::TooLong => "name-too-long",
        PathError::TooDeep => "name-too-deep",
    }
}
