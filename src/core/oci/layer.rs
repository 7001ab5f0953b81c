//! [`LayerChoice`]: which layer of an artifact a pin means.

use std::fmt;
use std::str::FromStr;

/// What the layer has to be; what is `None` is left open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LayerChoice {
    /// Its place among the layers, from 0.
    pub index: Option<usize>,
    /// Its title, whole.
    pub title: Option<String>,
    /// Its media type.
    pub media_type: Option<String>,
}

impl fmt::Display for LayerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.index.map(|index| format!("layer={index}")),
            self.title.as_ref().map(|title| format!("title={title}")),
            self.media_type.as_ref().map(|kind| format!("media-type={kind}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(","))
    }
}

impl FromStr for LayerChoice {
    type Err = LayerChoiceError;

    /// One thing that it has to be, as it is typed: `index=0`, `title=tool`, `media-type=application/wasm`.
    fn from_str(text: &str) -> Result<Self, LayerChoiceError> {
        let open = Self::default();
        match text.split_once('=').filter(|(_, value)| !value.is_empty()) {
            Some(("index", value)) => match value.parse() {
                Ok(index) => Ok(Self { index: Some(index), ..open }),
                Err(_) => Err(LayerChoiceError),
            },
            Some(("title", value)) => Ok(Self { title: Some(value.to_owned()), ..open }),
            Some(("media-type", value)) => Ok(Self { media_type: Some(value.to_owned()), ..open }),
            _ => Err(LayerChoiceError),
        }
    }
}

/// A text that chooses no layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerChoiceError;

impl fmt::Display for LayerChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a layer is chosen by `index=N`, from 0, by `title=NAME` or by `media-type=TYPE`")
    }
}

impl std::error::Error for LayerChoiceError {}
