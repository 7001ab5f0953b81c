//! From checked bytes to a tree: the archive's members, patched, staged or only described.

use std::io::Read;

use super::signed::refuse_patched;
use pinfold_core::archive::{self, ArchiveError, Member, MemberKind, UnpackError};
use pinfold_core::fault::Fault;
use pinfold_core::fs::Dir;
use pinfold_core::layout::{Executable, Format, Layout, Limits};
use pinfold_core::patch::Patches;
use pinfold_core::pins::{Artifact, NpmPackage, Pin, Source};
use pinfold_core::store::VerifiedBlob;
use pinfold_core::tree::{self, Assembled, Assembly, AssemblyError};
use pinfold_net::source::npm;

/// Unpacks into the folder or file of this name, which must be new, with this much memory.
pub(super) fn unpack(
    stage: Stage<'_>,
    pin: &Pin,
    artifact: &Artifact,
    blob: &VerifiedBlob,
    patches: &Patches,
) -> Result<Assembled, Fault> {
    run((Some(stage), artifact.tree.is_some()), pin, artifact, blob, patches)
}

/// Unpacks into the folder or file of this name, whose tree hash nobody has pinned yet and which is taken.
pub(super) fn unpack_unpinned(
    stage: Stage<'_>,
    pin: &Pin,
    artifact: &Artifact,
    blob: &VerifiedBlob,
    patches: &Patches,
) -> Result<Assembled, Fault> {
    run((Some(stage), true), pin, artifact, blob, patches)
}

/// What unpacking would give, without writing anything; the tree hash is not taken.
pub fn describe(pin: &Pin, artifact: &Artifact, blob: &VerifiedBlob, patches: &Patches) -> Result<Assembled, Fault> {
    run((None, false), pin, artifact, blob, patches)
}

/// One file of an artifact as it is before patches, `None` where there is no such file, or one that is longer than `limit`.
pub fn read_file(
    pin: &Pin,
    artifact: &Artifact,
    blob: &VerifiedBlob,
    path: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, Fault> {
    let format = archive::detect(&mut blob.reader(), &pin.layout, file_name(&artifact.source))?;
    if format == Format::Raw {
        return Ok(None);
    }
    let mut found = None;
    archive::unpack(blob.reader(), blob.len(), format, &pin.layout, &mut |member: Member<'_>| {
        if member.path.as_str() == path && matches!(member.kind, MemberKind::File { size, .. } if size <= limit) {
            let mut bytes = Vec::new();
            member.body.read_to_end(&mut bytes).map_err(|error| from_assembly(AssemblyError::Body(error)))?;
            found = Some(bytes);
        }
        Ok(())
    })
    .map_err(from_unpack)?;
    Ok(found)
}

/// The folder that the stage is in, its name, and memory to use.
pub(super) type Stage<'a> = (&'a Dir, &'a str, &'a mut Vec<u8>);

fn run(
    (stage, hash_tree): (Option<Stage<'_>>, bool),
    pin: &Pin,
    artifact: &Artifact,
    blob: &VerifiedBlob,
    patches: &Patches,
) -> Result<Assembled, Fault> {
    let format = archive::detect(&mut blob.reader(), &pin.layout, file_name(&artifact.source))?;
    if format == Format::Raw {
        refuse_layout_of_raw(&pin.layout, patches)?;
        let executable = pin.layout.executable == Executable::Raw;
        let stage = stage.map(|(parent, name, _)| (parent, name));
        return tree::assemble_file(stage, &mut blob.reader(), blob.len(), executable, hash_tree)
            .map_err(from_assembly);
    }
    let mut assembly = match stage {
        Some((parent, name, memory)) => Assembly::staged(parent, name, patches, memory)?,
        None => Assembly::described(patches),
    };
    let mut package = PackageCheck::of(pin, artifact);
    archive::unpack(blob.reader(), blob.len(), format, &pin.layout, &mut |member| {
        refuse_patched(pin, patches, member, &mut |member| {
            package.pass(member, &mut |member| assembly.add(member).map_err(from_assembly))
        })
    })
    .map_err(from_unpack)?;
    package.finish(blob, format)?;
    assembly.finish(hash_tree).map_err(from_assembly)
}

/// The name that says what an artifact is; npm's are tar.gz whatever they are called.
fn file_name(source: &Source) -> &str {
    match source {
        Source::Npm(_) => "package.tgz",
        Source::Github(asset) => asset.asset(),
        Source::Pypi(file) => file.file(),
        Source::Oci(layer) => layer.file_name(),
        Source::Url(url) => url.file_name(),
        Source::File(path) => path.file_name(),
    }
}

fn refuse_layout_of_raw(layout: &Layout, patches: &Patches) -> Result<(), Fault> {
    let plain = layout.strip == 0
        && layout.include.is_empty()
        && layout.exclude.is_empty()
        && !matches!(layout.executable, Executable::Also(_))
        && patches.is_empty();
    if plain {
        return Ok(());
    }
    let message = "the artifact is a single file, but the pin says how to unpack or patch it";
    let hint = "take `strip`, `include`, `exclude`, `executable = […]` and patches off the pin";
    Err(Fault::refused("raw-layout", message).hint(hint))
}

/// Holds an npm pin to the package.json in its package: the name and version there must be the pin's.
struct PackageCheck<'a> {
    package: Option<&'a NpmPackage>,
    limits: Limits,
    /// Whether package.json is met where npm puts it, in the one folder of the archive.
    usual: bool,
}

impl<'a> PackageCheck<'a> {
    fn of(pin: &Pin, artifact: &'a Artifact) -> Self {
        let package = match &artifact.source {
            Source::Npm(package) => Some(package),
            _ => None,
        };
        Self { package, limits: pin.layout.limits, usual: pin.layout.strip == 1 }
    }

    fn pass(&mut self, member: Member<'_>, next: &mut dyn FnMut(Member<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
        let is_file = matches!(member.kind, MemberKind::File { .. });
        match self.package {
            Some(package) if self.usual && is_file && member.path.as_str() == "package.json" => {
                let bytes = check(package, member.body)?;
                self.package = None;
                next(Member { body: &mut bytes.as_slice(), ..member })
            }
            _ => next(member),
        }
    }

    /// Where the layout hides package.json, it is looked for on its own.
    fn finish(self, blob: &VerifiedBlob, format: Format) -> Result<(), Fault> {
        let Some(package) = self.package else { return Ok(()) };
        let layout = Layout { strip: 1, limits: self.limits, ..Layout::default() };
        let mut seen = false;
        archive::unpack(blob.reader(), blob.len(), format, &layout, &mut |member: Member<'_>| {
            if member.path.as_str() == "package.json" && matches!(member.kind, MemberKind::File { .. }) {
                check(package, member.body)?;
                seen = true;
            }
            Ok(())
        })
        .map_err(from_unpack)?;
        if seen {
            return Ok(());
        }
        let fault = Fault::refused("package-json-absent", "the package has no package.json in its folder");
        Err(fault.hint("an npm package has one; use `url` for other archives"))
    }
}

fn check(package: &NpmPackage, body: &mut dyn Read) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(npm::MAX_PACKAGE_JSON).unwrap_or(u64::MAX).saturating_add(1);
    body.take(limit).read_to_end(&mut bytes).map_err(|error| from_assembly(AssemblyError::Body(error)))?;
    npm::package_identity(&bytes, package.name(), package.version())?;
    Ok(bytes)
}

fn from_unpack(error: UnpackError<Fault>) -> Fault {
    match error {
        UnpackError::Archive(error) => error.into(),
        UnpackError::Visit(error) => error,
    }
}

fn from_assembly(error: AssemblyError) -> Fault {
    match error {
        AssemblyError::Archive(error) => error.into(),
        AssemblyError::Patch(error) => error.into(),
        AssemblyError::Fs(error) => error.into(),
        AssemblyError::Nar(error) => error.into(),
        AssemblyError::Body(error) => ArchiveError::from(error).into(),
    }
}
