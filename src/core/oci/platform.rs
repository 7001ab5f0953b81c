//! [`ImagePlatform`]: what an image in an index is for, in the words of the image index (`os/architecture[/variant]`).

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// `linux/amd64`, `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImagePlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl ImagePlatform {
    /// The platform in a descriptor of an index; `None` where there is none, or one that is no text.
    pub fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| is_word(text)).map(str::to_owned);
        Some(Self { os: text("os")?, architecture: text("architecture")?, variant: text("variant") })
    }

    /// Whether what is offered will do for who wants this: a variant counts where it is asked for.
    pub fn takes(&self, offered: &Self) -> bool {
        self.os == offered.os
            && self.architecture == offered.architecture
            && (self.variant.is_none() || self.variant == offered.variant)
    }

    /// What builders call manifests that are no image, such as buildkit's attestations.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown"
    }
}

impl fmt::Display for ImagePlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl FromStr for ImagePlatform {
    type Err = ImagePlatformError;

    fn from_str(text: &str) -> Result<Self, ImagePlatformError> {
        let mut words = text.split('/');
        let mut word = || words.next().map(str::to_owned);
        let (os, architecture, variant, more) = (word(), word(), word(), word());
        let all = [os.as_deref(), architecture.as_deref(), variant.as_deref().or(Some("v"))];
        match (os.clone(), architecture.clone(), more) {
            (Some(os), Some(architecture), None) if all.into_iter().flatten().all(is_word) => {
                Ok(Self { os, architecture, variant })
            }
            _ => Err(ImagePlatformError),
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// A text that is no [`ImagePlatform`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImagePlatformError;

impl fmt::Display for ImagePlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a platform of an image has the form `os/architecture` or `os/architecture/variant`")
    }
}

impl std::error::Error for ImagePlatformError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_counts_where_it_is_asked_for() {
        let platform = |text: &str| text.parse::<ImagePlatform>().expect(text);
        assert!(platform("linux/arm").takes(&platform("linux/arm/v7")));
        assert!(!platform("linux/arm/v6").takes(&platform("linux/arm/v7")));
        assert!(!platform("linux/arm/v6").takes(&platform("linux/arm")));
        assert!(!platform("linux/arm").takes(&platform("linux/arm64")));
        for text in ["", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "linux/amd64/", "linux/amd 64", "linux-x64"] {
            assert!(text.parse::<ImagePlatform>().is_err(), "{text}");
        }
        assert_eq!(platform("linux/arm/v7").to_string(), "linux/arm/v7");
    }
}
