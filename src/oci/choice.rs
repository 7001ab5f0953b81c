//! Which manifest of an index, and which layer of a manifest: exactly one, or a refusal that names what there is.

use std::fmt;

use crate::manifest::{Descriptor, Index, Manifest};
use crate::media_types::{DOCKER_LIST, INDEX};
use pinfold_core::oci::{ImagePlatform, LayerChoice};

fn takes(choice: &LayerChoice, index: usize, layer: &Descriptor) -> bool {
    choice.index.is_none_or(|wanted| wanted == index)
        && choice.title.as_deref().is_none_or(|wanted| layer.title() == Some(wanted))
        && choice.media_type.as_deref().is_none_or(|wanted| layer.media_type == wanted)
}

impl Index {
    /// The manifest for a platform; for none, the only one that there is.
    pub fn choose(&self, platform: Option<&ImagePlatform>) -> Result<&Descriptor, ChoiceError> {
        let is_real = |one: &&Descriptor| one.platform.as_ref().is_none_or(|platform| !platform.is_unknown());
        let real = || self.manifests.iter().filter(is_real);
        let known = || real().filter_map(|one| Some(one.platform.as_ref()?.to_string())).collect();
        let fits = |one: &&Descriptor| match (platform, &one.platform) {
            (None, _) => true,
            (Some(wanted), Some(offered)) => wanted.takes(offered),
            (Some(_), None) => false,
        };
        let mut fitting = real().filter(fits);
        let chosen = match (fitting.next(), fitting.next(), platform) {
            (Some(one), None, _) => one,
            (None, _, wanted) => {
                return Err(ChoiceError::NoPlatform { wanted: wanted.map(ToString::to_string), known: known() });
            }
            (Some(_), Some(_), None) => return Err(ChoiceError::PlatformNeeded { known: known() }),
            (Some(_), Some(_), Some(wanted)) => {
                return Err(ChoiceError::ManyPlatforms { wanted: wanted.to_string(), known: known() });
            }
        };
        if [INDEX, DOCKER_LIST].contains(&chosen.media_type.as_str()) {
            return Err(ChoiceError::NestedIndex);
        }
        Ok(chosen)
    }
}

impl Manifest {
    /// The layer that is meant.
    pub fn choose(&self, choice: &LayerChoice) -> Result<&Descriptor, ChoiceError> {
        let known = || self.layers.iter().take(SHOWN).enumerate().map(shown).collect();
        let mut fitting = self.layers.iter().enumerate().filter(|(index, layer)| takes(choice, *index, layer));
        match (fitting.next(), fitting.next()) {
            (Some((_, layer)), None) if layer.is_foreign => Err(ChoiceError::Foreign),
            (Some((_, layer)), None) => Ok(layer),
            (None, _) => Err(ChoiceError::NoLayer { known: known() }),
            (Some(_), Some(_)) => Err(ChoiceError::ManyLayers { known: known() }),
        }
    }
}

/// A layer in a message.
fn shown((index, layer): (usize, &Descriptor)) -> String {
    let short = |text: &str| text.escape_debug().take(100).collect::<String>();
    let title = layer.title().map(|title| format!(", `{}`", short(title))).unwrap_or_default();
    format!("index={index} (`{}`{title})", short(&layer.media_type))
}

/// How many layers a message names.
const SHOWN: usize = 10;

/// Why nothing was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChoiceError {
    /// Several platforms, and nobody said which.
    PlatformNeeded {
        /// Those that there are.
        known: Vec<String>,
    },
    /// None that fits.
    NoPlatform {
        /// What was asked for.
        wanted: Option<String>,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Several that fit.
    ManyPlatforms {
        /// What was asked for.
        wanted: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// An index in an index.
    NestedIndex,
    /// No layer that fits.
    NoLayer {
        /// Those that there are.
        known: Vec<String>,
    },
    /// Several layers that fit.
    ManyLayers {
        /// Those that there are.
        known: Vec<String>,
    },
    /// The layer is said to lie on another server.
    Foreign,
}

impl ChoiceError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PlatformNeeded { .. } => "oci-platform-needed",
            Self::NoPlatform { .. } => "oci-platform-absent",
            Self::ManyPlatforms { .. } => "oci-platform-ambiguous",
            Self::NestedIndex => "oci-index-nested",
            Self::NoLayer { .. } => "oci-layer-absent",
            Self::ManyLayers { .. } => "oci-layer-ambiguous",
            Self::Foreign => "oci-layer-foreign",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoPlatform { wanted: None, .. } => None,
            Self::PlatformNeeded { known } | Self::NoPlatform { known, .. } if known.is_empty() => {
                Some("nothing in it says for what platform it is: name one by its own digest".to_owned())
            }
            Self::PlatformNeeded { known } | Self::ManyPlatforms { known, .. } | Self::NoPlatform { known, .. } => {
                let known = known.join(", ");
                Some(format!(
                    "name one with `oci-platform` in a pin, `--platform` on the command line; there is: {known}"
                ))
            }
            Self::NoLayer { known } if known.is_empty() => Some("it has no layer at all".to_owned()),
            Self::NoLayer { known } | Self::ManyLayers { known } => {
                let known = known.join(", ");
                Some(format!(
                    "choose one with `layer` in a pin, `--layer` on the command line, by its title, media type or \
                     index; there is: {known}"
                ))
            }
            Self::NestedIndex => Some("name the inner one by its own digest".to_owned()),
            Self::Foreign => None,
        }
    }
}

impl fmt::Display for ChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlatformNeeded { .. } => {
                f.write_str("the artifact is an index of several platforms, and none is named")
            }
            Self::NoPlatform { wanted: Some(wanted), .. } => write!(f, "the index has nothing for `{wanted}`"),
            Self::NoPlatform { wanted: None, .. } => f.write_str("the index has no artifact in it"),
            Self::ManyPlatforms { wanted, .. } => write!(f, "the index has more than one artifact for `{wanted}`"),
            Self::NestedIndex => f.write_str("the index leads to another index"),
            Self::NoLayer { .. } => f.write_str("the artifact has no layer of this kind"),
            Self::ManyLayers { .. } => f.write_str("the artifact has more than one layer that could be meant"),
            Self::Foreign => f.write_str("the layer is said to lie on another server, which nobody named"),
        }
    }
}

impl std::error::Error for ChoiceError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Document, INDEX, MANIFEST};

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn index(entries: &[(&str, &str)]) -> Index {
        let entry = |(kind, platform): &(&str, &str)| {
            let platform = match platform.split_once('/') {
                Some((os, architecture)) => format!(r#","platform":{{"os":"{os}","architecture":"{architecture}"}}"#),
                None => String::new(),
            };
            format!(r#"{{"mediaType":"{kind}","digest":"{DIGEST}","size":1{platform}}}"#)
        };
        let entries: Vec<String> = entries.iter().map(entry).collect();
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
        match Document::parse(text.as_bytes(), Some(INDEX)).expect("an index") {
            Document::Index(index) => index,
            Document::Manifest(_) => panic!("a manifest"),
        }
    }

    #[test]
    fn what_is_typed_chooses_one_thing() {
        let open = LayerChoice::default();
        for (text, expected) in [
            ("index=0", Some(LayerChoice { index: Some(0), ..open.clone() })),
            ("title=a=b", Some(LayerChoice { title: Some("a=b".to_owned()), ..open.clone() })),
            ("media-type=x/y", Some(LayerChoice { media_type: Some("x/y".to_owned()), ..open })),
            ("index=-1", None),
            ("index=x", None),
            ("title=", None),
            ("tool", None),
            ("kind=x", None),
        ] {
            assert_eq!(text.parse::<LayerChoice>().ok(), expected, "{text}");
        }
    }

    #[test]
    fn one_platform_or_none() {
        let check = |entries: &[(&str, &str)], wanted: Option<&str>, expected: Result<(), &str>| {
            let wanted = wanted.map(|text| text.parse().expect("a platform"));
            let index = index(entries);
            let found = index.choose(wanted.as_ref()).map(|_| ()).map_err(|error| error.code());
            assert_eq!(found, expected, "{entries:?} {wanted:?}");
        };
        let two = [(MANIFEST, "linux/amd64"), (MANIFEST, "linux/arm64"), (MANIFEST, "unknown/unknown")];
        check(&two, Some("linux/arm64"), Ok(()));
        check(&two, Some("linux/s390x"), Err("oci-platform-absent"));
        check(&two, None, Err("oci-platform-needed"));
        check(&[(MANIFEST, "linux/amd64"), (MANIFEST, "unknown/unknown")], None, Ok(()));
        check(
            &[(MANIFEST, "linux/amd64"), (MANIFEST, "linux/amd64")],
            Some("linux/amd64"),
            Err("oci-platform-ambiguous"),
        );
        check(&[(MANIFEST, "")], Some("linux/amd64"), Err("oci-platform-absent"));
        check(&[], None, Err("oci-platform-absent"));
        check(&[(INDEX, "linux/amd64")], None, Err("oci-index-nested"));
    }

    #[test]
    fn one_layer_or_none() {
        let layer = |kind: &str, more: &str| format!(r#"{{"mediaType":"{kind}","digest":"{DIGEST}","size":1{more}}}"#);
        let layers = [
            layer("application/wasm", ""),
            layer("text/plain", r#","annotations":{"org.opencontainers.image.title":"a"}"#),
            layer("text/plain", r#","annotations":{"org.opencontainers.image.title":"b"}"#),
            layer("application/x", r#","urls":["https://example.com/x"]"#),
        ];
        let text = format!(r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#, layer("c", ""), layers.join(","));
        let Document::Manifest(manifest) = Document::parse(text.as_bytes(), Some(MANIFEST)).expect("one") else {
            panic!("an index")
        };
        let check = |index: Option<usize>, title: Option<&str>, kind: Option<&str>, expected: Result<(), &str>| {
            let choice = LayerChoice { index, title: title.map(str::to_owned), media_type: kind.map(str::to_owned) };
            let found = manifest.choose(&choice).map(|_| ()).map_err(|error| error.code());
            assert_eq!(found, expected, "{choice}");
        };
        check(None, None, Some("application/wasm"), Ok(()));
        check(None, Some("b"), None, Ok(()));
        check(Some(1), Some("a"), Some("text/plain"), Ok(()));
        check(Some(1), Some("b"), None, Err("oci-layer-absent"));
        check(Some(4), None, None, Err("oci-layer-absent"));
        check(None, None, Some("text/plain"), Err("oci-layer-ambiguous"));
        check(None, None, None, Err("oci-layer-ambiguous"));
        check(Some(3), None, None, Err("oci-layer-foreign"));
    }
}
