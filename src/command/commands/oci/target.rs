//! [`Target`]: where an artifact is copied to. A registry gets each blob out of a draft on the disk, which was held to its
//! digest; a folder is put together beside its place and renamed.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::copy::{Notes, entry_of, layers_of, subject_of};
use super::files::FileSink;
use super::sent::FileBlob;
use crate::commands::output::refuse_reserved;
use crate::ctx::Ctx;
use pinfold_core::digest::Integrity;
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, Dir};
use pinfold_core::oci::digest_text;
use pinfold_evidence::attestation::Attestation;
use pinfold_net::http::Sink;
use pinfold_oci::registry::{Layout, OciError, Repository, Shelf as _};
use pinfold_oci::{Descriptor, LAYOUT_FILE, REF_NAME, index};

/// Where an artifact is copied to.
pub(super) enum Target<'a> {
    /// A registry, and the folder for drafts.
    Registry(Box<Repository<'a>>, Dir),
    /// A folder that is not in its place yet.
    Layout(Staging),
}

/// A layout that is put together.
pub(super) struct Staging {
    path: PathBuf,
    parent: Dir,
    name: String,
    beside: Dir,
    blobs: Dir,
    entries: Vec<Value>,
}

impl<'a> Target<'a> {
    /// A registry.
    pub(super) fn registry(ctx: &Ctx<'_>, repository: Repository<'a>) -> Result<Self, Fault> {
        Ok(Self::Registry(Box::new(repository), ctx.store.drafts()?))
    }

    /// A folder that is not there yet.
    pub(super) fn layout(path: &Path) -> Result<Self, Fault> {
        let name = path.file_name().and_then(|name| name.to_str());
        let exists = || {
            Fault::failed("oci-layout-exists", format!("`{}` is there already", path.display()))
                .hint("name a folder that is not there yet: what is there already is left alone")
        };
        let name = name.ok_or_else(exists)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        refuse_reserved(path, None)?;
        fs::create_folders(parent)?;
        let parent = Dir::open(parent)?;
        if parent.stat(name)?.is_some() {
            return Err(exists());
        }
        fs::sweep_partials(&parent);
        let (beside, name) = fs::create_partial_folder(&parent, name, 0o755)?;
        let blobs = beside.make_child("blobs", 0o755)?;
        Ok(Self::Layout(Staging { path: path.to_owned(), parent, name, beside, blobs, entries: Vec::new() }))
    }

    /// Takes the bytes of a descriptor, unless it has them; whether it had to.
    pub(super) fn blob(
        &self,
        (ctx, name): (&Ctx<'_>, &str),
        blob: &Descriptor,
        fetch: impl FnOnce(&mut dyn Sink) -> Result<(), OciError>,
    ) -> Result<bool, Fault> {
        match self {
            Self::Registry(repository, drafts) => {
                if repository.has_blob(blob)? {
                    return Ok(false);
                }
                let draft = fs::unique_name("copied");
                let outcome = fetch(&mut FileSink::new(ctx, name, drafts.create(&draft, 0o600)?))
                    .map_err(Fault::from)
                    .and_then(|()| FileBlob::read(&drafts.path().join(&draft), blob.size))
                    .and_then(|file| repository.put_blob(blob, &file).map_err(|error| file.explain(error)));
                drafts.remove_all(&draft)?;
                outcome
            }
            Self::Layout(staging) => {
                let (folder, name_of) = staging.place(&blob.digest)?;
                // A manifest may be another one's blob.
                if folder.stat(&name_of)?.is_some() {
                    return Ok(false);
                }
                let mut sink = FileSink::new(ctx, name, folder.create(&name_of, 0o644)?);
                fetch(&mut sink)?;
                sink.sync(&folder.path().join(name_of))?;
                Ok(true)
            }
        }
    }

    /// Takes a manifest under its digest; what is attached is listed, and in a folder what `is_listed`.
    pub(super) fn manifest(&mut self, by: &str, kind: &str, bytes: &[u8], is_listed: bool) -> Result<(), Fault> {
        match self {
            Self::Registry(repository, _) => {
                let subject = subject_of(bytes);
                let known = repository.put_manifest(by, kind, bytes, subject.as_ref())?;
                if let Some(subject) = subject.filter(|_| !known) {
                    repository.list(&subject, &entry_of(by, kind, bytes, Notes::With))?;
                }
            }
            Self::Layout(staging) => {
                let digest = pinfold_core::oci::parse_digest(by).ok();
                if let Some(digest) = digest {
                    let (folder, name) = staging.place(&digest)?;
                    fs::write_one_of_many(&folder.path().join(name), bytes)?;
                }
                if is_listed {
                    // Whoever wrote the manifest wrote its annotations, and in a folder one of them is a tag.
                    staging.entries.push(entry_of(by, kind, bytes, Notes::Without));
                }
            }
        }
        Ok(())
    }

    /// Refuses one of cosign's older tags that stands there for more than what comes: it would be lost.
    pub(super) fn spare(&self, tag: &str, bytes: &[u8]) -> Result<(), Fault> {
        let Self::Registry(repository, _) = self else { return Ok(()) };
        let theirs = match repository.manifest(tag, None) {
            Err(error) if error.is_absent() => return Ok(()),
            came => came?.0,
        };
        // By all that is said of a layer: signatures of several people are of the same bytes.
        let ours = layers_of(bytes);
        match layers_of(&theirs).iter().all(|one| ours.contains(one)) {
            true => Ok(()),
            false => Err(OciError::Taken { place: repository.place(tag) }.into()),
        }
    }

    /// What a tag stands for so far; a folder is new.
    pub(super) fn stood(&self, tag: &str) -> Option<Integrity> {
        match self {
            Self::Registry(repository, _) => repository.tagged(tag),
            Self::Layout(_) => None,
        }
    }

    /// Gives what is there a tag.
    pub(super) fn tag(&mut self, tag: &str, digest: &Integrity, kind: &str, bytes: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Registry(repository, _) => drop(repository.put_manifest(tag, kind, bytes, None)?),
            Self::Layout(staging) => {
                let by = digest_text(digest);
                // It needs no entry without a tag then; one that it has under another tag stays.
                let is_bare =
                    |entry: &Value| entry.get("annotations").is_none() && entry.get("digest") == Some(&json!(by));
                staging.entries.retain(|entry| !is_bare(entry));
                staging.entries.push(json!({
                    "mediaType": kind, "digest": by, "size": bytes.len(), "annotations": { REF_NAME: tag },
                }));
            }
        }
        Ok(())
    }

    /// Looks whether whoever asks there finds what was found here, before the artifact is to be seen: a registry that it
    /// comes from may have another list by now. A folder is looked at when it is whole.
    pub(super) fn hold(&self, digest: &Integrity, attested: &[Attestation]) -> Result<(), Fault> {
        let Self::Registry(repository, _) = self else { return Ok(()) };
        Ok(repository.hold_attached(digest, &attested.iter().map(Attestation::value).collect::<Vec<_>>())?)
    }

    /// Ends a folder's index, and looks at it as whoever reads it will.
    pub(super) fn close(&self, digest: &Integrity, attested: &[Attestation]) -> Result<(), Fault> {
        let Self::Layout(staging) = self else { return Ok(()) };
        let folder = staging.beside.path();
        fs::write_one_of_many(&folder.join("index.json"), &index(&staging.entries))?;
        fs::write_synced(&folder.join(LAYOUT_FILE.0), LAYOUT_FILE.1.as_bytes())?;
        let found = Layout::open(folder)?.attached(digest)?;
        Ok(found.hold(&digest_text(digest), attested.iter().map(Attestation::value))?)
    }

    /// Puts the folder into its place, or takes it away.
    pub(super) fn end(self, outcome: Result<(), Fault>) -> Result<(), Fault> {
        let Self::Layout(staging) = self else { return outcome };
        let published = outcome.and_then(|()| staging.publish());
        if published.is_err() {
            // The first error is the one to tell.
            let _ = staging.parent.remove_all(&staging.name);
        }
        published
    }
}

impl Staging {
    /// Where the bytes of a digest go.
    fn place(&self, digest: &Integrity) -> Result<(Dir, String), Fault> {
        Ok((self.blobs.make_child(digest.algorithm().name(), 0o755)?, digest.hex()))
    }

    fn publish(&self) -> Result<(), Fault> {
        // One that came in between stays: no folder is renamed over another that has something in it.
        fs::rename(self.beside.path(), &self.path)?;
        Ok(fs::sync_folder_of(&self.path)?)
    }
}
