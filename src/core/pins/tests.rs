//! Every vector of `tests/vectors/pins`, and what the messages say.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::digest::{Algorithm, Integrity};
use crate::layout::{Executable, Format, Limits};

/// The code of what parsing says: `ok`, or the refusal's.
fn code(text: &str) -> &'static str {
    PinFile::parse(text).map_or_else(|error| error.code(), |_| "ok")
}

fn sri(text: &str) -> String {
    Integrity::of(Algorithm::Sha512, text.as_bytes()).to_string()
}

/// A vector: what is expected, and the payload.
fn vector(text: &str) -> Option<(&str, &str)> {
    let (header, payload) = text.split_once("\n\n")?;
    let (expect, comment) = header.split_once('\n')?;
    let comment = comment.strip_prefix("comment: ")?;
    if comment.is_empty() || comment.contains('\n') { None } else { Some((expect.strip_prefix("expect: ")?, payload)) }
}

#[test]
fn vectors_say_what_they_expect() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/pins");
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of vectors") {
        let path = entry.expect("a vector").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        let (expect, payload) = vector(&text).unwrap_or_else(|| panic!("{}: no header", path.display()));
        let got = code(payload);
        if got != expect {
            wrong.push(format!(
                "{}: expected {expect}, got {got}: {:?}",
                path.display(),
                PinFile::parse(payload).err()
            ));
        }
        seen.insert(expect.to_owned());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let known: BTreeSet<String> = CODES.iter().map(|code| (*code).to_owned()).collect();
    assert_eq!(known.len(), CODES.len(), "a code stands twice in CODES");
    // Too large to keep in a file; see `limits_hold`.
    let generated: BTreeSet<String> = ["file-too-large", "too-many-pins"].map(str::to_owned).into();
    let without: Vec<_> = known.difference(&seen).collect();
    assert_eq!(without, generated.iter().collect::<Vec<_>>(), "codes without a vector");
    let unknown: Vec<_> = seen.iter().filter(|code| *code != "ok" && !known.contains(*code)).collect();
    assert!(unknown.is_empty(), "not in CODES: {unknown:?}");
}

/// A file of so many pins that differ in everything that must differ.
fn many(count: usize) -> String {
    let pin = |n: usize| {
        format!(
            "[pins.p{n}]\nnpm = \"p{n}@1.0.0\"\nintegrity = \"{}\"\nto = \"tools/{}/p{n}\"\n",
            sri(&n.to_string()),
            n % 7
        )
    };
    std::iter::once("version = 1\n".to_owned()).chain((0..count).map(pin)).collect()
}

#[test]
fn limits_hold() {
    assert_eq!(code(&format!("version = 1\n#{}", "x".repeat(MAX_FILE_LEN))), "file-too-large");
    assert_eq!(code(&format!("version = 1\n#{}", "x".repeat(MAX_FILE_LEN - 13))), "ok");
    let started = std::time::Instant::now();
    let file = PinFile::parse(&many(MAX_PINS)).expect("as many as there may be");
    // It takes a tenth of a second; comparing each two of 10,000 destinations takes more than ten.
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    assert_eq!(file.pins().len(), MAX_PINS);
    assert_eq!(file.pin("p9999").map(|pin| pin.to.as_str()), Some("tools/3/p9999"));
    let empty: String = (0..=MAX_PINS).map(|n| format!("pins.p{n}.to = \"x\"\n")).collect();
    assert_eq!(code(&format!("version = 1\n{empty}")), "too-many-pins");
}

/// `line: message`, and the hint on a line of its own.
fn told(text: &str) -> String {
    let error = PinFile::parse(text).expect_err("a refusal");
    let line = error.line().map(|line| format!("{line}: ")).unwrap_or_default();
    let hint = error.hint().map(|hint| format!("\n{hint}")).unwrap_or_default();
    format!("{line}{error}{hint}")
}

/// What is told about a file with `[pins.a]` in line 2, a source, an integrity and `to` below it, then `rest`.
fn told_of_pin(rest: &str) -> String {
    let pin = format!("version = 1\n[pins.a]\nnpm = \"a@1.0.0\"\nintegrity = \"{}\"\nto = \"tools/a\"\n", sri("a"));
    told(&format!("{pin}{rest}"))
}

#[test]
fn a_digest_in_hexadecimal_is_told_as_it_is_to_be_written() {
    let integrity: Integrity = sri("a").parse().expect("an integrity");
    for prefix in ["", "sha512-", "sha512:"] {
        for hex in [integrity.hex(), integrity.hex().to_uppercase()] {
            let told = told(&format!("version = 1\n[pins.a]\nnpm = \"a@1.0.0\"\nintegrity = \"{prefix}{hex}\"\n"));
            assert!(told.ends_with(&format!("\ndid you mean `{integrity}`?")), "{told}");
        }
    }
    for other in [format!("+{}", &integrity.hex()[1..]), integrity.hex()[1..].to_owned(), "ä".repeat(64)] {
        let told = told(&format!("version = 1\n[pins.a]\nnpm = \"a@1.0.0\"\nintegrity = \"{other}\"\n"));
        assert!(told.contains("an integrity has the form") && !told.contains("did you mean"), "{told}");
    }
}

#[test]
fn paths_and_platforms_that_are_nearly_right() {
    let told_of_to = |to: &str| {
        told(&format!("version = 1\n[pins.a]\nnpm = \"a@1.0.0\"\nintegrity = \"{}\"\nto = \"{to}\"\n", sri("a")))
    };
    assert_eq!(
        told_of_to("tools/a/"),
        "5: pin `a`: `tools/a/` in `to`: the path has an empty component\nleave the `/` at the end off"
    );
    assert_eq!(told_of_to("tools//a"), "5: pin `a`: `tools//a` in `to`: the path has an empty component");
    for (written, meant) in [
        ("linux-x86_64", "linux-x64"),
        ("linux-aarch64-musl", "linux-arm64-musl"),
        ("macOS-ARM64", "darwin-arm64"),
        ("windows-amd64", "win32-x64"),
    ] {
        let told = told_of_pin(&format!("[pins.a.platform.{written}]\n"));
        assert!(told.ends_with(&format!("\ndid you mean `{meant}`?")), "{told}");
    }
    assert!(!told_of_pin("[pins.a.platform.linux-z80]\n").contains("did you mean"));
}

#[test]
fn messages_of_the_file() {
    assert_eq!(told(""), "1: `version` is missing\nwrite `version = 1` at the top");
    assert_eq!(
        told("# a comment\nversion = 2"),
        "2: `version = 2` is written for a newer pinfold\nthis pinfold reads `version = 1`"
    );
    assert_eq!(told("version = 1\nversion = 1\n"), "2: not TOML at `version`: duplicate key");
    assert_eq!(told("version = 1\n[trust\n"), "2: not TOML: unclosed table, expected `]`");
    assert_eq!(told("version = 1\n[trust]\nmin-age = 7\n"), "3: `min-age` must be a string, not a whole number");
    assert_eq!(
        told("version = 1\n[trust]\nprovenence = \"off\"\n"),
        "3: `provenence` is not a key of `[trust]`\ndid you mean `provenance`?"
    );
    assert_eq!(told("version = 1\n[trust]\nfavourite = 1\n"), "3: `favourite` is not a key of `[trust]`");
    assert_eq!(
        told("version = 1\n[trust]\nhosts = [\n  \"example.com\",\n  \"*.example.com\",\n]\n"),
        "5: `*.example.com` in `hosts`: a host is named without wildcards"
    );
    assert_eq!(
        told("version = 1\n[pins.\"a b\"]\n"),
        "2: `a b` in `pins`: the name has a character other than letters, digits, `.`, `_` and `-`"
    );
}

#[test]
fn messages_of_a_pin() {
    assert_eq!(
        told_of_pin("intgrity = \"\"\n"),
        "6: pin `a`: `intgrity` is not a key of a pin\ndid you mean `integrity`?"
    );
    assert_eq!(told_of_pin("strip = 65\n"), "6: pin `a`: `strip` must be a number from 0 to 64, not 65");
    assert_eq!(
        told_of_pin("file = \"x\"\n"),
        "6: pin `a`: `npm` and `file` are two sources\nkeep one; other places of the same bytes go into `mirrors`"
    );
    assert_eq!(
        told("version = 1\n[pins.a]\nto = \"a\"\nnpm = \"terser@5.46.2\"\n"),
        "4: pin `a`: `integrity` is missing for `npm:terser@5.46.2`\nwrite `integrity = \"sha512-…\"`, the digest of the bytes"
    );
    assert_eq!(
        told("version = 1\n[pins.a]\nto = \"a\"\nnpm = \"terser@latest\"\n"),
        "4: pin `a`: `terser@latest` in `npm`: the version is not an exact one\n\
         name one exact version, such as `terser@5.46.2`; ranges and tags are not pins"
    );
    assert_eq!(
        told("version = 1\n[pins.a]\noci = \"oci.example.com/a:v1\"\n"),
        "3: pin `a`: `oci.example.com/a:v1` in `oci`: a pin names the digest of the artifact\n\
         add `@sha256:…`: a tag may be moved; `pinfold add oci:…` pins the digest that it has now"
    );
    assert_eq!(
        told("version = 1\n[pins.a]\npypi = \"Foo_Bar==1.0#Foo_Bar-1.0.tar.gz\"\n"),
        "3: pin `a`: `Foo_Bar==1.0#Foo_Bar-1.0.tar.gz` in `pypi`: the name of the project is not in its normalized form\n\
         did you mean `foo-bar`?"
    );
    assert_eq!(
        told_of_pin("[pins.a.platform.windows-x64]\n"),
        "6: pin `a`: `windows-x64` in `platform`: a platform starts with one of linux, darwin, win32, freebsd, openbsd, \
         sunos, aix, android\ndid you mean `win32-x64`?"
    );
    assert_eq!(
        told_of_pin(
            "[[pins.a.patch]]\npath = \"x\"\nfind = \"a\"\nreplace = \"b\"\n[[pins.a.patch]]\npath = \"x\"\ndelete = true\n"
        ),
        "10: pin `a`: `x` is patched here and in line 6, and one of them takes the whole file\n\
         keep one patch of the file; only `find` patches can follow each other"
    );
    assert_eq!(
        told_of_pin("patch = [\n  { path = \"x\", delete = true },\n  { path = \"y\", delete = 1 },\n]\n"),
        "8: pin `a`: `delete` must be `true`, not a whole number"
    );
}

#[test]
fn messages_across_pins() {
    let second = |to: &str, npm: &str, integrity: &str| {
        format!("[pins.b]\nto = \"{to}\"\nnpm = \"{npm}\"\nintegrity = \"{}\"\n", sri(integrity))
    };
    assert_eq!(
        told_of_pin(&second("Tools/a/b", "b@1.0.0", "b")),
        "6: pin `b`: `to` is `Tools/a/b` and overlaps `tools/a` of pin `a` (line 2)"
    );
    assert_eq!(
        told_of_pin(&second("tools/b", "a@1.0.1", "a")),
        "8: pin `b`: `npm:a@1.0.1` has the integrity of `npm:a@1.0.0` (pin `a`, line 3)\n\
         one of the two was copied or bumped without its integrity"
    );
    assert_eq!(
        told_of_pin("[[pins.a.patch]]\npath = \"x\"\nreplace-with = \"tools/a/y\"\n"),
        "6: pin `a`: `replace-with` is `tools/a/y`, inside `tools/a`, which a fetch of pin `a` replaces"
    );
}

#[test]
fn hostile_text_is_escaped_and_cut() {
    assert_eq!(told("version = 1\n\"\\u001b[2J\\n\" = 1\n"), "2: `\\u{1b}[2J\\n` is not a key of pins.toml");
    let long = told(&format!("version = 1\n{} = 1\n", "k".repeat(100_000)));
    assert_eq!(long, format!("2: `{}…` is not a key of pins.toml", "k".repeat(200)));
}

#[test]
fn values_are_what_the_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/pins/ok-full.txt");
    let text = std::fs::read_to_string(folder).expect("a vector");
    let (_, text) = vector(&text).expect("a header");
    let file = PinFile::parse(text).expect("a pin file");
    assert_eq!(file.text(), text);
    let names: Vec<_> = file.pins().iter().map(|pin| pin.name.as_str()).collect();
    assert_eq!(names, ["terser", "esbuild", "tool", "vendored"]);
    assert_eq!(file.nearest_name("tersre"), Some("terser"));
    assert_eq!(file.nearest_name("rollup"), None);
    assert_eq!(file.registries().npm.as_ref().map(ToString::to_string).as_deref(), Some("https://npm.example.com/"));
    assert_eq!(file.trust().provenance, Mode::Strict);
    assert_eq!(file.trust().min_age.map(|age| age.as_secs()), Some(604_800));
    assert_eq!(file.trust().hosts.as_ref().map(Vec::len), Some(3));

    let terser = file.pin("terser").expect("a pin");
    let artifact = terser.artifact.as_ref().expect("an artifact");
    assert_eq!(artifact.source.to_string(), "npm:terser@5.46.2");
    assert_eq!(text.lines().nth(terser.line - 1), Some("[pins.terser]"));
    assert_eq!(text.lines().nth(artifact.line - 1), Some("npm = \"terser@5.46.2\""));
    assert_eq!((artifact.size, artifact.mirrors.len(), terser.layout.strip), (Some(1234), 2, 1));
    assert_eq!(terser.layout.limits, Limits { unpacked: 1 << 30, members: 100_000, ..Limits::DEFAULT });
    assert_eq!(terser.patches.len(), 5);
    let expected = Edit::Substitute { find: "'@jridgewell/source-map'".into(), replace: "null".into(), count: 1 };
    assert_eq!(terser.patches[2].edit, expected);
    assert_eq!(terser.patches[3].edit, Edit::Delete);
    assert_eq!(terser.patches[4].edit, Edit::Content(String::new()));
    let provenance = terser.provenance.as_ref().expect("expectations");
    assert_eq!((provenance.mode, provenance.git_ref.as_deref()), (Some(Mode::Lenient), Some("refs/tags/v*")));

    let tool = file.pin("tool").expect("a pin");
    assert_eq!((tool.layout.format, &tool.layout.executable), (Some(Format::Raw), &Executable::Raw));
    assert_eq!(
        file.pin("vendored").and_then(|pin| pin.artifact.as_ref()).map(|a| a.source.to_string()).as_deref(),
        Some("file:vendor/x.tar.zst")
    );
}

#[test]
fn a_platform_gets_its_variant() {
    let pin = |rest: &str| {
        let base = format!("version = 1\n[pins.a]\nto = \"a\"\nnpm = \"a@1.0.0\"\nintegrity = \"{}\"\n", sri("a"));
        let file = PinFile::parse(&format!("{base}{rest}")).expect("a pin file");
        file.pins()[0].clone()
    };
    let variants = format!(
        "platform.linux-x64 = {{ npm = \"b@1.0.0\", integrity = \"{}\" }}\n\
         platform.linux-x64-musl = {{ url = \"https://example.com/c\", integrity = \"{}\" }}\n",
        sri("b"),
        sri("c")
    );
    let pin_with = pin(&variants);
    let got = |platform: &str| {
        let platform: Platform = platform.parse().expect("a platform");
        pin_with.artifact_for(&platform).map(|artifact| artifact.source.to_string())
    };
    assert_eq!(got("linux-x64").as_deref(), Some("npm:b@1.0.0"));
    assert_eq!(got("linux-x64-gnu").as_deref(), Some("npm:b@1.0.0"));
    assert_eq!(got("linux-x64-musl").as_deref(), Some("url:https://example.com/c"));
    assert_eq!(got("darwin-arm64").as_deref(), Some("npm:a@1.0.0"));
    // Not every source is npm's, so nothing is taken off unless the pin says so.
    assert_eq!((pin("").layout.strip, pin_with.layout.strip, pin("strip = 2\n").layout.strip), (1, 0, 2));
    assert_eq!(pin("format = \"raw\"\n").layout.strip, 0);
}

#[test]
fn spellings_of_tables_are_one() {
    let (a, b) = (sri("a"), sri("b"));
    let header = format!(
        "version = 1\n[pins.a]\nnpm = \"a@1.0.0\"\nintegrity = \"{a}\"\nto = \"a\"\n[[pins.a.patch]]\npath = \"x\"\n\
         delete = true\n[pins.a.platform.linux-x64]\nnpm = \"b@1.0.0\"\nintegrity = \"{b}\"\n"
    );
    let inline = format!(
        "version = 1\npins = {{ a = {{ npm = \"a@1.0.0\", integrity = \"{a}\", to = \"a\", patch = [{{ path = \"x\", \
         delete = true }}], platform = {{ linux-x64 = {{ npm = \"b@1.0.0\", integrity = \"{b}\" }} }} }} }}\n"
    );
    let dotted = format!(
        "version = 1\npins.a.npm = \"a@1.0.0\"\npins.a.integrity = \"{a}\"\npins.a.to = \"a\"\n\
         pins.a.patch = [{{ path = \"x\", delete = true }}]\npins.a.platform.linux-x64.npm = \"b@1.0.0\"\n\
         pins.a.platform.linux-x64.integrity = \"{b}\"\n"
    );
    let read = |text: &str| {
        let mut pin = PinFile::parse(text).expect("a pin file").pins()[0].clone();
        let artifacts = pin.artifact.iter_mut().chain(pin.variants.values_mut());
        artifacts.for_each(|artifact| artifact.line = 0);
        pin.patches.iter_mut().for_each(|patch| patch.line = 0);
        pin.line = 0;
        pin
    };
    assert_eq!(read(&header), read(&inline));
    assert_eq!(read(&header), read(&dotted));
}

#[test]
fn no_cut_of_a_good_file_panics() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/pins/ok-full.txt");
    let text = std::fs::read_to_string(path).expect("a vector");
    let (_, text) = vector(&text).expect("a header");
    for (end, _) in text.char_indices() {
        if let Err(error) = PinFile::parse(&text[..end]) {
            assert!(error.line().is_some_and(|line| line <= text.lines().count() + 1), "{end}: {error:?}");
        }
    }
}

#[test]
fn no_changed_byte_of_a_good_file_panics() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/pins/ok-full.txt");
    let text = std::fs::read_to_string(path).expect("a vector");
    let (_, text) = vector(&text).expect("a header");
    for at in 0..text.len() {
        for other in [b'"', b'.', b'\n', b'[', b'1', 0x00] {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = other;
            // What still parses keeps the text as it came.
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let is_kept = PinFile::parse(&changed).map_or(true, |file| file.text() == changed);
            assert!(is_kept, "byte {at}");
        }
    }
}

/// The document of the format lists every refusal by its id, and no other.
#[test]
fn the_document_lists_every_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pins.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let (_, refusals) = text.split_once("## Refusals").expect("a chapter of refusals");
    let listed: Vec<&str> =
        refusals.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(code, _)| code).collect();
    assert_eq!(listed, CODES);
}

#[test]
fn signatures_of_a_pin() {
    let text = |rest: &str| {
        format!(
            "version = 1\n[pins.a]\nfile = \"a.wasm\"\nintegrity = \"{}\"\nto = \"v/a\"\n\n[pins.a.signature]\n{rest}\n",
            sri("a")
        )
    };
    let file = PinFile::parse(&text("keys = [\"k.pub\"]\nthreshold = 2\nroles = { ci = [\"ci.pub\"] }")).expect("pins");
    let signature = file.pins()[0].signature.as_ref().expect("a table");
    assert_eq!((signature.mode, signature.threshold, signature.line), (Mode::Lenient, Some(2), 7));
    assert_eq!(signature.files().map(crate::path::RelPath::as_str).collect::<Vec<_>>(), ["k.pub", "ci.pub"]);
    assert_eq!(signature.roles.keys().collect::<Vec<_>>(), ["ci"]);
    let told = |rest: &str| PinFile::parse(&text(rest)).expect_err("refused").to_string();
    assert_eq!(
        told("mode = \"strict\""),
        "pin `a`: signatures are demanded, and `keys` names nobody who may have signed"
    );
}
