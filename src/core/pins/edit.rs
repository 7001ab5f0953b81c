//! Edits of pins.toml that leave every other byte as it was: comments, layout, order, line ends.
//!
//! Nothing is written anew from values. A new pin goes behind all that is there, and a changed value into the place of the
//! old one, which TOML's reader knows by its span. What comes out is read again, whole: an edit after which the file would
//! not be a pin file is an error, and there is no text to write.

use std::fmt;
use std::ops::Range;

use toml_edit::{Document, Item, TableLike};

use super::error::PinsError;
use super::name::PinName;
use super::platform::Platform;
use super::signature::Signature;
use super::source::Source;
use super::trust::Expectations;
use super::{PinFile, Repository};
use crate::digest::{Integrity, Sha256};
use crate::layout::Format;
use crate::oci::LayerChoice;
use crate::path::RelPath;

/// A pin that is not in the file yet.
#[derive(Debug, Clone)]
pub struct NewPin {
    /// What it is to be called.
    pub name: PinName,
    /// Who serves it.
    pub source: Source,
    /// Its digest.
    pub integrity: Integrity,
    /// Its length, in bytes.
    pub size: u64,
    /// The tree hash, once it is known.
    pub tree: Option<Sha256>,
    /// Where the tree goes.
    pub to: RelPath,
    /// What the bytes are, where that is to be written.
    pub format: Option<Format>,
    /// How many folders are taken off, where that is not the usual number.
    pub strip: Option<usize>,
    /// What its evidence has to say.
    pub provenance: Option<Expectations>,
    /// Whose signature it has to carry, where it lies in an OCI registry: its mode and keys are written.
    pub signature: Option<Signature>,
}

/// Another version of an artifact that is in the file.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// The pin.
    pub pin: String,
    /// Whose variant, `None` for the pin's own artifact.
    pub platform: Option<Platform>,
    /// Who serves it, of the same kind as before.
    pub source: Source,
    /// Its digest.
    pub integrity: Integrity,
    /// Its length in bytes, for pins that say it.
    pub size: u64,
    /// The tree hash, for pins that hold one.
    pub tree: Option<Sha256>,
}

impl PinFile {
    /// The text of the file with one more pin behind all others.
    pub fn with_pin(&self, new: &NewPin) -> Result<String, EditError> {
        if let Some(pin) = self.pin(new.name.as_str()) {
            return Err(EditError::PinExists { name: new.name.to_string(), line: pin.line });
        }
        let end = line_end(self.text());
        let mut text = self.text().to_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str(end);
        }
        for line in lines_of(new) {
            text.push_str(&line);
            text.push_str(end);
        }
        Self::parse(&text).map_err(EditError::Pins)?;
        Ok(text)
    }

    /// The text of the file with other versions of some of its artifacts.
    pub fn with_versions(&self, versions: &[NewVersion]) -> Result<String, EditError> {
        let document = Document::parse(self.text()).map_err(|_| EditError::Reread)?;
        let mut splices: Vec<(Range<usize>, String)> = Vec::new();
        for new in versions {
            let table = table_of(document.as_table(), new)
                .ok_or_else(|| EditError::NoValue { pin: new.pin.clone(), key: "pins" })?;
            let mut put = |key: &'static str, value: String, must: bool| {
                match table.get(key).and_then(Item::span) {
                    Some(span) => splices.push((span, value)),
                    None if must => return Err(EditError::NoValue { pin: new.pin.clone(), key }),
                    None => {}
                }
                Ok(())
            };
            put(new.source.key(), quoted(&value_of(&new.source)), true)?;
            put("integrity", quoted(&new.integrity.to_string()), true)?;
            put("size", new.size.to_string(), false)?;
            if let Some(tree) = new.tree {
                put("tree", quoted(&tree.to_string()), false)?;
            }
        }
        // From the end, so that what is still to come stays where it is.
        splices.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        let mut text = self.text().to_owned();
        for (span, value) in splices {
            if text.get(span.clone()).is_none() {
                return Err(EditError::Reread);
            }
            text.replace_range(span, &value);
        }
        Self::parse(&text).map_err(EditError::Pins)?;
        Ok(text)
    }
}

fn table_of<'a>(root: &'a toml_edit::Table, new: &NewVersion) -> Option<&'a dyn TableLike> {
    let pin = root.get("pins")?.as_table_like()?.get(&new.pin)?.as_table_like()?;
    match &new.platform {
        Some(platform) => pin.get("platform")?.as_table_like()?.get(platform.as_str())?.as_table_like(),
        None => Some(pin),
    }
}

/// The lines of a new pin, an empty one before each table.
fn lines_of(new: &NewPin) -> Vec<String> {
    let name = key(new.name.as_str());
    let mut lines = vec![String::new(), format!("[pins.{name}]")];
    lines.push(format!("{} = {}", new.source.key(), quoted(&value_of(&new.source))));
    if let Source::Oci(layer) = &new.source {
        lines.extend(layer.platform().map(|platform| format!("oci-platform = {}", quoted(&platform.to_string()))));
        lines.extend(inline(layer.layer()));
    }
    lines.push(format!("integrity = {}", quoted(&new.integrity.to_string())));
    // No pin says that its file is empty.
    lines.extend(Some(new.size).filter(|size| *size > 0).map(|size| format!("size = {size}")));
    lines.extend(new.tree.map(|tree| format!("tree = {}", quoted(&tree.to_string()))));
    lines.push(format!("to = {}", quoted(new.to.as_str())));
    lines.extend(new.format.map(|format| format!("format = {}", quoted(format.name()))));
    lines.extend(new.strip.map(|strip| format!("strip = {strip}")));
    if let Some(demands) = &new.provenance {
        lines.extend([String::new(), format!("[pins.{name}.provenance]")]);
        lines.extend(demanded(demands));
    }
    if let Some(signature) = &new.signature {
        let keys: Vec<String> = signature.keys.iter().map(|key| quoted(key.as_str())).collect();
        lines.extend([String::new(), format!("[pins.{name}.signature]")]);
        lines.push(format!("mode = {}", quoted(signature.mode.name())));
        lines.push(format!("keys = [{}]", keys.join(", ")));
    }
    lines
}

/// What chooses a layer, where something does.
fn inline(choice: &LayerChoice) -> Option<String> {
    let parts = [
        choice.index.map(|index| format!("index = {index}")),
        choice.title.as_ref().map(|title| format!("title = {}", quoted(title))),
        choice.media_type.as_ref().map(|kind| format!("media-type = {}", quoted(kind))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("layer = {{ {} }}", parts.join(", ")))
}

/// What evidence has to say, a line each.
fn demanded(demands: &Expectations) -> Vec<String> {
    let texts = [
        ("mode", demands.mode.map(|mode| mode.name().to_owned())),
        ("repository", demands.repository.as_ref().map(Repository::to_string)),
        ("repository-id", demands.repository_id.clone()),
        ("owner-id", demands.owner_id.clone()),
        ("workflow", demands.workflow.as_ref().map(ToString::to_string)),
        ("ref", demands.git_ref.clone()),
        ("issuer", demands.issuer.clone()),
        ("builder", demands.builder.clone()),
        ("predicate-type", demands.predicate_type.clone()),
        ("attestation", demands.attestation.as_ref().map(RelPath::to_string)),
    ];
    let written = |(key, text): (&str, Option<String>)| Some(format!("{key} = {}", quoted(&text?)));
    let mut lines: Vec<String> = texts.into_iter().filter_map(written).collect();
    if demands.deny_self_hosted {
        lines.push("deny-self-hosted = true".to_owned());
    }
    lines
}

/// What stands behind the key of a source.
fn value_of(source: &Source) -> String {
    if let Source::Oci(layer) = source {
        // What chooses from it stands under keys of its own.
        return layer.reference().to_string();
    }
    let text = source.to_string();
    text.strip_prefix(source.key()).and_then(|text| text.strip_prefix(':')).unwrap_or(&text).to_owned()
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// A name that has a `.` in it would be two keys.
fn key(name: &str) -> String {
    if name.contains('.') { quoted(name) } else { name.to_owned() }
}

/// How the lines of a text end.
fn line_end(text: &str) -> &'static str {
    if text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r')) { "\r\n" } else { "\n" }
}

/// Why there is no edited text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// There is a pin of that name.
    PinExists {
        /// The name.
        name: String,
        /// The 1-based line of the pin that has it.
        line: usize,
    },
    /// A value that is to be changed is not where one can be changed.
    NoValue {
        /// The pin.
        pin: String,
        /// The key.
        key: &'static str,
    },
    /// The text does not read as it did before.
    Reread,
    /// The edited text is no pin file.
    Pins(PinsError),
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PinExists { name, line } => write!(f, "there is a pin `{name}` already (line {line})"),
            Self::NoValue { pin, key } => write!(f, "`{key}` of pin `{pin}` does not stand where it can be changed"),
            Self::Reread => f.write_str("the file does not read as it did before"),
            Self::Pins(error) => write!(f, "with that it would be no pin file any more: {error}"),
        }
    }
}

impl std::error::Error for EditError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Pins(error) => error.source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    fn integrity(of: &str) -> Integrity {
        Integrity::of(Algorithm::Sha512, of.as_bytes())
    }

    fn new_pin(name: &str, to: &str) -> NewPin {
        NewPin {
            name: name.parse().expect("a name"),
            source: Source::Npm("left@1.0.0".parse().expect("a package")),
            integrity: integrity("left"),
            size: 4,
            tree: Some(Sha256::of(b"tree")),
            to: to.parse().expect("a path"),
            format: None,
            strip: None,
            provenance: None,
            signature: None,
        }
    }

    fn odd() -> String {
        let text = format!(
            "\u{feff}# top, with tabs\t\r\nversion=1 # odd\r\n\r\n[pins]\r\n  # in between\r\n\
             \"a.b\" = {{ npm = 'a@1.0.0' , integrity='{}', to = \"v/a\" }} # tail\r\n\r\n\
             [ pins . c ] # spaced\r\nto=\"v/c\"\r\n  tree = \"{}\" # t\r\nsize   =\t0x7\r\n\
             integrity = \"\"\"{}\"\"\"\r\nnpm = \"\\u0063@1.0.0\"\r\n\
             [pins.c.platform.linux-x64]\r\nnpm=\"c-x@1.0.0\"\r\nintegrity=\"{}\"\r\n# the end, without a line end",
            integrity("a"),
            Sha256::of(b"c"),
            integrity("c"),
            integrity("cx"),
        );
        text
    }

    #[test]
    fn a_pin_is_put_behind_everything() {
        let text = odd();
        let file = PinFile::parse(&text).expect("a pin file");
        let edited = file.with_pin(&new_pin("x.y", "v/x")).expect("an edit");
        let added = edited.strip_prefix(&text).expect("all of it is still there");
        let expected = format!(
            "\r\n\r\n[pins.\"x.y\"]\r\nnpm = \"left@1.0.0\"\r\nintegrity = \"{}\"\r\nsize = 4\r\n\
             tree = \"{}\"\r\nto = \"v/x\"\r\n",
            integrity("left"),
            Sha256::of(b"tree")
        );
        assert_eq!(added, expected);
        let again = PinFile::parse(&edited).expect("a pin file");
        assert_eq!(again.pins().len(), 3);
        assert_eq!(&again.pins()[..2], file.pins());
    }

    #[test]
    fn what_is_demanded_is_written_so_that_it_reads_the_same() {
        let file = PinFile::parse("version = 1\n").expect("a pin file");
        let demands = Expectations {
            mode: Some(crate::pins::Mode::Strict),
            repository: Some("https://example.com/a/b".parse().expect("a repository")),
            workflow: Some(".github/workflows/x.yml".parse().expect("a workflow")),
            git_ref: Some("refs/tags/*".to_owned()),
            repository_id: Some("1".to_owned()),
            owner_id: Some("2".to_owned()),
            issuer: Some("https://example.com".to_owned()),
            builder: Some("https://example.com/b".to_owned()),
            predicate_type: Some("https://example.com/p".to_owned()),
            deny_self_hosted: true,
            attestation: Some("e/x.json".parse().expect("a path")),
            line: 0,
        };
        let new = NewPin { strip: Some(2), provenance: Some(demands.clone()), ..new_pin("x", "v/x") };
        let edited = PinFile::parse(&file.with_pin(&new).expect("an edit")).expect("a pin file");
        let pin = edited.pin("x").expect("the pin");
        assert_eq!((pin.layout.strip, pin.to.as_str()), (2, "v/x"));
        let read = pin.provenance.clone().expect("demands");
        assert_eq!(Expectations { line: 0, ..read }, demands);
        let artifact = pin.artifact.as_ref().expect("an artifact");
        assert_eq!((&artifact.source, artifact.size, artifact.tree), (&new.source, Some(4), new.tree));
    }

    #[test]
    fn only_the_values_change() {
        let text = odd();
        let file = PinFile::parse(&text).expect("a pin file");
        let version = |pin: &str, platform: Option<&str>, package: &str| NewVersion {
            pin: pin.to_owned(),
            platform: platform.map(|name| name.parse().expect("a platform")),
            source: Source::Npm(package.parse().expect("a package")),
            integrity: integrity(package),
            size: 1234,
            tree: Some(Sha256::of(package.as_bytes())),
        };
        let versions = [
            version("a.b", None, "a@2.0.0"),
            version("c", Some("linux-x64"), "c-x@2.0.0"),
            version("c", None, "c@2.0.0"),
        ];
        let edited = file.with_versions(&versions).expect("an edit");
        let expected = text
            .replace("'a@1.0.0'", "\"a@2.0.0\"")
            .replace(&format!("'{}'", integrity("a")), &format!("\"{}\"", integrity("a@2.0.0")))
            .replace("\"\\u0063@1.0.0\"", "\"c@2.0.0\"")
            .replace(&format!("\"\"\"{}\"\"\"", integrity("c")), &format!("\"{}\"", integrity("c@2.0.0")))
            .replace(&Sha256::of(b"c").to_string(), &Sha256::of(b"c@2.0.0").to_string())
            .replace("0x7", "1234")
            .replace("c-x@1.0.0", "c-x@2.0.0")
            .replace(&integrity("cx").to_string(), &integrity("c-x@2.0.0").to_string());
        assert_eq!(edited, expected);
        assert_eq!(file.with_versions(&[]).expect("an edit"), text);
        let back: Vec<NewVersion> = Vec::new();
        assert_eq!(PinFile::parse(&edited).expect("a pin file").with_versions(&back).expect("an edit"), edited);
    }

    #[test]
    fn an_edit_that_is_no_pin_file_is_none() {
        let text =
            format!("version = 1\n[pins.a]\nnpm = \"a@1.0.0\"\nintegrity = \"{}\"\nto = \"v/a\"\n", integrity("a"));
        let file = PinFile::parse(&text).expect("a pin file");
        let error = |new: NewPin| file.with_pin(&new).expect_err("refused");
        assert_eq!(error(new_pin("a", "v/x")), EditError::PinExists { name: "a".to_owned(), line: 2 });
        for (name, to, code) in [
            ("A", "v/x", "pin-name-collision"),
            ("x", "v/a", "to-overlaps"),
            ("x", "v/a/b", "to-overlaps"),
            ("x", ".git/x", "to-reserved"),
        ] {
            let EditError::Pins(error) = error(new_pin(name, to)) else { panic!("{name} {to}") };
            assert_eq!(error.code(), code);
        }
        // The pins stand where no table can follow.
        let inline = format!(
            "version = 1\npins = {{ a = {{ npm = \"a@1.0.0\", integrity = \"{}\", to = \"v/a\" }} }}\n",
            integrity("a")
        );
        let file = PinFile::parse(&inline).expect("a pin file");
        let EditError::Pins(error) = file.with_pin(&new_pin("x", "v/x")).expect_err("refused") else {
            panic!("{inline}")
        };
        assert_eq!(error.code(), "syntax");
    }
}
