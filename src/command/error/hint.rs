//! What to do about an [`Error`].

use super::Error;
use pinfold_core::pins::Platform;

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoPinFile { .. } => "run it in the folder of a pins.toml, or name one with `--pins FILE`",
            Self::Pins { source, .. } => return source.hint(),
            Self::UnknownPin { nearest, .. } => return nearest.as_ref().map(|name| format!("did you mean `{name}`?")),
            Self::NoPins => "add a `[pins.NAME]` table; docs/pins.md tells how",
            Self::Record { source, .. } if source.is_newer() => {
                "use the pinfold that wrote it, or remove it and run `pinfold fetch`, which writes it anew"
            }
            Self::Record { .. } => "run `pinfold fetch`, which writes it anew",
            Self::NoVariant { known, .. } => {
                let known: Vec<&str> = known.iter().map(Platform::as_str).collect();
                return Some(format!("the pin has {}; add a table for this platform", known.join(", ")));
            }
            Self::SourceChanged { .. } => {
                "give the new source its own integrity; if the bytes really are the same, remove the pin's record"
            }
            Self::Frozen { .. } => "run `pinfold fetch` without `--frozen` and review the change of the record",
            Self::Registry(error) => return error.hint(),
            Self::Offline { kept_for: None } => "run `pinfold fetch` once with the network",
            Self::Offline { .. } => "run `pinfold fetch` once with the network, to see that this source serves them",
            Self::Archive(error) => return error.hint(),
            Self::Changed => {
                "run it again; if that does not help, something else writes to the store or to the artifact"
            }
            Self::Size { .. } => "`size` in pins.toml is the length of the packed artifact, in bytes",
            Self::RawLayout => "take `strip`, `include`, `exclude`, `executable = […]` and patches off the pin",
            Self::Package(error) => return error.hint(),
            Self::Tree { .. } => "the artifact, the layout or a patch has changed; if that was meant, pin the new hash",
            Self::TreeChanged { .. } => {
                "`pinfold fetch --restore` puts the pinned files back and throws these changes away; what programs write there \
                 when they run is named by `ignore` in pins.toml, what is to stay changed by a patch"
            }
            Self::RecordTooLong { .. } => "leave files out with `include` or `exclude`",
            Self::NotOurs { .. } => "move it away, or let the pin point elsewhere",
            Self::StoreBusy(_) => "try again when no other pinfold is at work",
            Self::Registration { .. } => {
                "run `pinfold fetch` in the projects that use the store, which repairs it, or remove the file"
            }
            Self::Trust(error) => return error.hint(),
            Self::Oci(error) => return error.hint(),
            Self::Fault(fault) => return fault.findings().into_iter().find_map(|one| one.hint),
            Self::Fs(error) => return error.hint(),
            Self::NoPackageJson => "an npm package has one; use `url` for other archives",
            Self::Unobtainable { .. } | Self::File { .. } | Self::Nar(_) | Self::Tarball(_) | Self::Asset(_) => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}
