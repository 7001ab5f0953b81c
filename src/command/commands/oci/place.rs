//! Where artifacts are, and go to: a registry, or a folder in the OCI image layout.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::ctx::Ctx;
use pinfold_core::digest::Integrity;
use pinfold_core::fault::Fault;
use pinfold_core::oci::{LAYOUT, Reference, ReferenceError, digest_text, parse_digest};
use pinfold_net::http::Sink;
use pinfold_oci::Descriptor;
use pinfold_oci::chain::Received;
use pinfold_oci::registry::{Layout, OciError, Repository, Shelf};

/// Where an artifact is, or goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A registry.
    Registry(Reference),
    /// A folder in the OCI image layout, and the tag or digest in it.
    Layout {
        /// The folder.
        folder: PathBuf,
        /// The tag or digest; where there is none, the only artifact with a tag.
        by: Option<String>,
    },
}

impl FromStr for Place {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let Some(rest) = text.strip_prefix(LAYOUT) else {
            return text.strip_prefix("oci://").unwrap_or(text).parse().map(Self::Registry);
        };
        let split = match rest.split_once("@sha") {
            Some((folder, hex)) => (folder, Some(format!("sha{hex}"))),
            None => match rest.rsplit_once(':') {
                Some((folder, tag)) if !tag.contains('/') => (folder, Some(tag.to_owned())),
                _ => (rest, None),
            },
        };
        // The same words as in a registry.
        match &split.1 {
            Some(by) if by.contains(':') => drop(parse_digest(by).map_err(ReferenceError::Digest)?),
            Some(by) => drop(format!("localhost/a:{by}").parse::<Reference>()?),
            None => {}
        }
        if split.0.is_empty() {
            Err(ReferenceError::Name)
        } else {
            Ok(Self::Layout { folder: split.0.into(), by: split.1 })
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::Layout { folder, by } => {
                write!(f, "{LAYOUT}{}", folder.display())?;
                let mark = |by: &str| if by.contains(':') { '@' } else { ':' };
                by.iter().try_for_each(|by| write!(f, "{}{by}", mark(by)))
            }
        }
    }
}

impl Place {
    /// The same by the digest that it turned out to have, as reports name sources.
    pub(super) fn at(&self, digest: Integrity) -> String {
        match self {
            Self::Registry(reference) => format!("oci:{}", reference.at(digest)),
            Self::Layout { folder, .. } => {
                Self::Layout { folder: folder.clone(), by: Some(digest_text(&digest)) }.to_string()
            }
        }
    }

    /// The tag, where one is named.
    pub(super) fn tag(&self) -> Option<&str> {
        match self {
            Self::Registry(reference) => reference.tag(),
            Self::Layout { by, .. } => by.as_deref().filter(|by| !by.contains(':')),
        }
    }

    /// The digest, where one is named.
    pub(super) fn digest(&self) -> Option<String> {
        match self {
            Self::Registry(reference) => reference.digest().map(digest_text),
            Self::Layout { by, .. } => by.clone().filter(|by| by.contains(':')),
        }
    }
}

/// Where an artifact comes from.
pub(super) enum Origin<'a> {
    Registry(Box<Repository<'a>>),
    Layout(Layout, Option<String>),
}

impl<'a> Origin<'a> {
    /// Much is read of it: what has an end is each request.
    pub(super) fn open(ctx: &Ctx<'a>, place: &Place) -> Result<Self, Fault> {
        Self::by(place, |reference| super::reading(ctx, reference))
    }

    /// It is looked at, within the time that there is for all of it.
    pub(super) fn look(ctx: &Ctx<'a>, place: &Place) -> Result<Self, Fault> {
        Self::by(place, |reference| super::repository(ctx, reference))
    }

    fn by(place: &Place, ask: impl FnOnce(&Reference) -> Result<Repository<'a>, Fault>) -> Result<Self, Fault> {
        Ok(match place {
            Place::Registry(reference) => Self::Registry(Box::new(ask(reference)?)),
            Place::Layout { folder, by } => Self::Layout(Layout::open(folder)?, by.clone()),
        })
    }

    /// What is there.
    pub(super) fn shelf(&self) -> &dyn Shelf {
        match self {
            Self::Registry(repository) => repository.as_ref(),
            Self::Layout(layout, _) => layout,
        }
    }

    /// The artifact that is meant, and its digest.
    pub(super) fn resolve(&self) -> Result<(Integrity, Received), OciError> {
        match self {
            Self::Registry(repository) => repository.resolve(),
            Self::Layout(layout, by) => {
                let entry = layout.entry(by.as_deref())?;
                let (bytes, _) = layout.manifest(&digest_text(&entry.digest), Some(entry.size))?;
                Ok((entry.digest.clone(), (bytes, Some(entry.media_type.clone()))))
            }
        }
    }

    /// The bytes of a descriptor.
    pub(super) fn blob(&self, blob: &Descriptor, sink: &mut dyn Sink) -> Result<(), OciError> {
        match self {
            Self::Registry(repository) => repository.blob(blob, sink).map(drop),
            Self::Layout(layout, _) => layout.blob(blob, sink),
        }
    }
}
