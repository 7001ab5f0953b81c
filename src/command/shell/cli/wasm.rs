//! The options of `pinfold wasm`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use pinfold::commands::wasm::{Change, Edit, Form, Id, Keygen, Sign, Verify};
use pinfold_wasm::Threshold;
use pinfold_wasm::wasmfile::Kind;

#[derive(Debug, Subcommand)]
pub(crate) enum Wasm {
    /// Make a key to sign with
    ///
    /// Writes the private half for its owner alone, and the public half beside it. Nothing that is there is written over.
    #[command(visible_alias = "generate-key")]
    Keygen(MakeKey),
    /// Write the public half of a private key
    ExportPublicKey(ExportKey),
    /// Sign a module or component
    ///
    /// Puts the signature into the file, beside those that are there, or with `--detached` into a file of its own. What was
    /// signed is proved before it is written.
    Sign(SignFile),
    /// Check who signed modules and components
    ///
    /// The whole file must be what trusted keys signed, unless `--sections` asks about a part of it; the answer then says
    /// which part.
    Verify(VerifyFiles),
    /// Show what is in a file: sections, parts, who claims to have signed what
    ///
    /// Needs no key, and calls nothing valid.
    Inspect(InspectFile),
    /// Put in delimiters, so that parts can be checked, or cut off, alone
    Split(Split),
    /// Put a detached signature into its file
    Attach(Beside),
    /// Take the signature out of a file
    Detach(Beside),
    /// Cut off the last parts of a signed file; what is left stays signed
    Strip(Strip),
}

#[derive(Debug, Args)]
pub(crate) struct MakeKey {
    /// The file for the private half; the public half goes into FILE.pub
    #[arg(short = 'k', long, value_name = "FILE", alias = "secret-key")]
    out: PathBuf,
    /// Another file for the public half
    #[arg(short = 'K', long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// What keys look like: PEM, or the raw bytes of wasmsign2
    #[arg(long = "format", value_name = "pem|raw", default_value = "pem", hide_possible_values = true)]
    form: FormName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormName {
    Pem,
    Raw,
}

impl FormName {
    const fn form(self) -> Form {
        match self {
            Self::Pem => Form::Pem,
            Self::Raw => Form::Raw,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ExportKey {
    /// The private key: raw, PKCS#8 in DER or PEM, or OpenSSH's own form
    #[arg(short, long, value_name = "FILE", alias = "secret-key")]
    pub(crate) key: PathBuf,
    /// The file for the public key, which must be new; without it the key is printed, in PEM
    #[arg(short = 'K', long, value_name = "FILE", alias = "public-key")]
    pub(crate) out: Option<PathBuf>,
    /// What the key looks like: PEM, or the raw bytes of wasmsign2, which are for a file
    #[arg(
        long = "format",
        value_name = "pem|raw",
        default_value = "pem",
        hide_possible_values = true,
        requires_if("raw", "out")
    )]
    form: FormName,
}

#[derive(Debug, Args)]
pub(crate) struct SignFile {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The private key: raw, PKCS#8 in DER or PEM, or OpenSSH's own form; several keys sign one after another
    #[arg(short, long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
    /// Write the signature to this file and leave the other as it is; signatures in it stay
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    detached: Option<PathBuf>,
    /// Where the signed file goes [default: in place of FILE]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What the signature calls its key [default: what follows from the key]
    #[arg(long, value_name = "NAME", conflicts_with = "no_key_id")]
    key_id: Option<String>,
    /// Let the signature not name its key
    #[arg(long)]
    no_key_id: bool,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("trusted").args(["key", "role"]).required(true).multiple(true)))]
pub(crate) struct VerifyFiles {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// A file of public keys, any of which may have signed: raw, DER, PEM, OpenSSH lines, a GitHub `.keys` list
    #[arg(short = 'K', long, value_name = "FILE", alias = "public-key")]
    key: Vec<PathBuf>,
    /// How many different keys must have signed, or `all` of them
    #[arg(long, value_name = "K|all", default_value = "1", value_parser = threshold, hide_default_value = true)]
    threshold: Threshold,
    /// Keys that sign as something; one of each role must have
    #[arg(long, value_name = "NAME=FILE", value_parser = role)]
    role: Vec<(String, PathBuf)>,
    /// The file with the signature of FILE, where it is not in it
    #[arg(long, value_name = "FILE")]
    detached: Option<PathBuf>,
    /// Ask about code and these custom sections alone: names, or regular expressions
    #[arg(short, long, value_name = "REGEX|NAME", num_args = 1)]
    sections: Vec<String>,
    /// Refuse what is not a `module`, or not a `component`
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectFile {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The file with the signature of FILE, where it is not in it
    #[arg(long, value_name = "FILE")]
    pub(crate) detached: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Split {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The custom sections that belong to the code, names or regular expressions: parts meet where these and others meet
    #[arg(short, long, value_name = "REGEX|NAME", num_args = 1)]
    sections: Vec<String>,
    /// Where the result goes [default: in place of FILE]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Beside {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The file with the signature alone
    #[arg(long, value_name = "FILE")]
    detached: PathBuf,
    /// Where the result goes [default: in place of FILE]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("cut").args(["parts", "sections"]).required(true)))]
pub(crate) struct Strip {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How many parts stay
    #[arg(long, value_name = "N")]
    parts: Option<usize>,
    /// Cut before the first part with these custom sections: names, or regular expressions
    #[arg(short, long, value_name = "REGEX|NAME", num_args = 1)]
    sections: Vec<String>,
    /// Where the result goes [default: in place of FILE]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl MakeKey {
    pub(crate) fn options(&self) -> Keygen {
        Keygen { out: self.out.clone(), public: self.public_key.clone(), form: self.form.form() }
    }
}

impl ExportKey {
    pub(crate) const fn form(&self) -> Form {
        self.form.form()
    }
}

impl SignFile {
    pub(crate) fn options(&self) -> Sign {
        let id = match &self.key_id {
            Some(name) => Id::Named(name.clone()),
            None if self.no_key_id => Id::None,
            None => Id::Default,
        };
        let (file, keys) = (self.file.clone(), self.key.clone());
        Sign { file, keys, id, detached: self.detached.clone(), out: self.out.clone() }
    }
}

impl VerifyFiles {
    /// What to do, or why that cannot be meant.
    pub(crate) fn options(&self) -> Result<Verify, &'static str> {
        if self.detached.is_some() && self.files.len() > 1 {
            return Err("a detached signature is that of one file, and several are named");
        }
        Ok(Verify {
            files: self.files.clone(),
            keys: self.key.clone(),
            roles: self.role.clone(),
            threshold: self.threshold,
            sections: self.sections.clone(),
            detached: self.detached.clone(),
            kind: self.kind,
        })
    }
}

impl Split {
    pub(crate) fn options(&self) -> Edit {
        let change = Change::Split { sections: self.sections.clone() };
        Edit { file: self.file.clone(), change, out: self.out.clone() }
    }
}

impl Beside {
    pub(crate) fn attach(&self) -> Edit {
        self.options(Change::Attach { detached: self.detached.clone() })
    }

    pub(crate) fn detach(&self) -> Edit {
        self.options(Change::Detach { detached: self.detached.clone() })
    }

    fn options(&self, change: Change) -> Edit {
        Edit { file: self.file.clone(), change, out: self.out.clone() }
    }
}

impl Strip {
    pub(crate) fn options(&self) -> Edit {
        let change = match self.parts {
            Some(parts) => Change::StripBehind { parts },
            None => Change::StripBefore { sections: self.sections.clone() },
        };
        Edit { file: self.file.clone(), change, out: self.out.clone() }
    }
}

impl Wasm {
    /// The command's words, as reports name it.
    pub(crate) const fn words(&self) -> &'static str {
        match self {
            Self::Keygen(_) => "wasm keygen",
            Self::ExportPublicKey(_) => "wasm export-public-key",
            Self::Sign(_) => "wasm sign",
            Self::Verify(_) => "wasm verify",
            Self::Inspect(_) => "wasm inspect",
            Self::Split(_) => "wasm split",
            Self::Attach(_) => "wasm attach",
            Self::Detach(_) => "wasm detach",
            Self::Strip(_) => "wasm strip",
        }
    }
}

fn threshold(text: &str) -> Result<Threshold, String> {
    match (text, text.parse()) {
        ("all", _) => Ok(Threshold::All),
        (_, Ok(count)) if count > 0 => Ok(Threshold::AtLeast(count)),
        _ => Err("it is a number from 1 on, or `all`".to_owned()),
    }
}

fn role(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), file.into())),
        _ => Err("it has the form NAME=FILE".to_owned()),
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = [Kind::Module, Kind::Component].into_iter().find(|kind| kind.name() == text);
    known.ok_or_else(|| "the kinds are `module` and `component`".to_owned())
}
