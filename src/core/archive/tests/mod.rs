//! The vectors of `tests/vectors/archive/`, mutations of good archives, and what the visitor sees.

mod build;
mod mutation;
mod visit;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::{self, Cursor};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::input::len64;
use super::*;
use crate::layout::{Executable, Layout};

/// One line for all members, as the vectors have it. The content is read and thrown away.
fn list(bytes: &[u8], format: Format, layout: &Layout) -> Result<String, ArchiveError> {
    let mut listed = String::new();
    let mut paths = Vec::new();
    let unpacked = unpack(Cursor::new(bytes), len64(bytes.len()), format, layout, &mut |member| {
        let mut content = Vec::new();
        // An error of the body comes back from `unpack`, whatever the visitor makes of it.
        let read = member.body.read_to_end(&mut content);
        write!(listed, "{}{}", if listed.is_empty() { "" } else { " " }, member.path).expect("a string takes all");
        match &member.kind {
            MemberKind::File { size, executable } => {
                assert!(read.is_err() || len64(content.len()) == *size, "a body is as long as declared");
                write!(listed, "={size}{}", if *executable { "*" } else { "" })
            }
            MemberKind::Directory => write!(listed, "/"),
            MemberKind::Symlink { target } => write!(listed, "->{target}"),
            MemberKind::HardLink { target } => write!(listed, "=>{target}"),
        }
        .expect("a string takes all");
        paths.push(member.path);
        Ok::<(), Infallible>(())
    });
    match unpacked {
        Ok(()) => refuse_repository(&paths).map(|()| listed),
        Err(UnpackError::Archive(error)) => Err(error),
        Err(UnpackError::Visit(never)) => match never {},
    }
}

/// A file of `tests/vectors/archive/`.
#[derive(Debug, Default)]
struct Vector {
    title: String,
    expect: String,
    format: String,
    name: Option<String>,
    layout: Layout,
    members: Option<String>,
    bytes: Vec<u8>,
}

impl Vector {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/archive");
        let mut vectors: Vec<_> = std::fs::read_dir(folder)
            .expect("the folder of vectors")
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let title = path.file_name().expect("a name").to_string_lossy().into_owned();
                Self::parse(title, &std::fs::read_to_string(&path).expect("a text"))
            })
            .collect();
        vectors.sort_by(|a, b| a.title.cmp(&b.title));
        vectors
    }

    fn parse(title: String, text: &str) -> Self {
        let (header, payload) = text.split_once("\n\n").expect("an empty line");
        let bytes = BASE64.decode(payload.replace('\n', "")).expect("base64");
        let mut vector = Self { title, bytes, ..Self::default() };
        for line in header.lines() {
            let (key, value) = line.split_once(": ").expect("key: value");
            match key {
                "expect" => vector.expect = value.to_owned(),
                "format" => vector.format = value.to_owned(),
                "name" => vector.name = Some(value.to_owned()),
                "layout" => vector.layout = parse_layout(value),
                "members" => vector.members = Some(value.to_owned()),
                "comment" => {}
                _ => panic!("{}: {key:?}", vector.title),
            }
        }
        vector
    }

    fn run(&self) -> Result<String, ArchiveError> {
        let name = self.name.clone().unwrap_or_else(|| format!("x.{}", self.format));
        let format = detect(&mut Cursor::new(&self.bytes), &self.layout, &name)?;
        assert_eq!(format.name(), self.format, "{}", self.title);
        list(&self.bytes, format, &self.layout)
    }
}

fn parse_layout(text: &str) -> Layout {
    let mut layout = Layout::default();
    let mut executable = Vec::new();
    for pair in text.split(' ') {
        let (key, value) = pair.split_once('=').expect("key=value");
        match key {
            "strip" => layout.strip = value.parse().expect("a number"),
            "include" => layout.include.push(value.parse().expect("a pattern")),
            "exclude" => layout.exclude.push(value.parse().expect("a pattern")),
            "executable" => executable.push(value.parse().expect("a path")),
            "max-unpacked" => layout.limits.unpacked = value.parse().expect("a number"),
            "max-members" => layout.limits.members = value.parse().expect("a number"),
            "format" => layout.format = Format::ALL.into_iter().find(|format| format.name() == value),
            _ => panic!("{key:?}"),
        }
    }
    if !executable.is_empty() {
        layout.executable = Executable::Also(executable);
    }
    layout
}

#[test]
fn each_vector_is_refused_for_its_reason_or_unpacked() {
    let mut failed = String::new();
    for vector in Vector::all() {
        let got = match vector.run() {
            Ok(members) if vector.members.as_ref().is_none_or(|expected| *expected == members) => "ok".to_owned(),
            Ok(members) => format!("ok with {members}"),
            Err(error) => error.code().to_owned(),
        };
        if got != vector.expect {
            writeln!(failed, "{}: expected {}, got {got}", vector.title, vector.expect).expect("a string takes all");
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
}

#[test]
fn every_code_has_a_vector_and_every_vector_a_code() {
    let expected: BTreeSet<_> =
        Vector::all().into_iter().map(|vector| vector.expect).filter(|code| code != "ok").collect();
    let codes: BTreeSet<_> = CODES.iter().map(|code| (*code).to_owned()).collect();
    assert_eq!(expected, codes);
    assert!(CODES.is_sorted_by(|a, b| a < b), "sorted, none twice");
}

#[test]
fn a_refusal_names_the_member_and_shows_nothing_raw() {
    for vector in Vector::all() {
        let Err(error) = vector.run() else { continue };
        assert!(error.is_refusal());
        let told = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(!told.contains(char::is_control), "{}: {told:?}", vector.title);
        if vector.title.starts_with("name-") && vector.title != "name-empty" {
            assert!(told.starts_with("member `"), "{}: {told}", vector.title);
        }
    }
}
