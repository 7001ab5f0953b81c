//! The same tree from every format; and formats that are not what was said.
//!
//! The archives are in `tests/vectors/formats`, made by other tools (see the script there) than the ones that read them.

use std::path::Path;

use crate::support::{Project, codes, files_below, human, integrity, pin};

const FORMATS: [(&str, &str); 6] = [
    ("small.tar.gz", "tar.gz"),
    ("small-members.tar.gz", "tar.gz"),
    ("small.tar", "tar"),
    ("small.tar.xz", "tar.xz"),
    ("small.tar.zst", "tar.zst"),
    ("small.zip", "zip"),
];

fn vector(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/formats").join(name);
    std::fs::read(path).expect(name)
}

/// A project with a pin of these bytes, which are a file of it by this name.
fn project(name: &str, bytes: &[u8], more: &str) -> Project {
    let project = Project::new("");
    project.write(name, bytes);
    project.pins(&pin("small", &format!("file = \"{name}\""), &integrity(bytes), more));
    project
}

#[test]
fn every_format_gives_the_same_tree() {
    let tree_hash = String::from_utf8(vector("tree")).expect("text");
    let mut trees = Vec::new();
    for (name, format) in FORMATS {
        // The tree hash was computed by other code, over what the script put into each archive.
        let layout = format!("strip = 1\ntree = \"{}\"\n", tree_hash.trim());
        for more in [layout.clone(), format!("{layout}format = \"{format}\"\n")] {
            let project = project(name, &vector(name), &more);
            let report = project.fetch();
            assert_eq!(report.exit_code(), 0, "{name}: {}", human(&report));
            assert_eq!(project.verify().exit_code(), 0, "{name}");
            trees.push(project.tree("vendor/small"));
        }
    }
    let lines: Vec<String> = trees[0].iter().map(|(path, what)| format!("{path} {what}")).collect();
    let long = format!("lib/a.txt 644 {}", "a".repeat(300));
    let expected = ["bin/run 755 #!/bin/sh\n", "empty/ ", &long, "lib/b.txt 644 ", "lib/link -> a.txt"];
    assert_eq!(lines, expected);
    for tree in &trees {
        assert_eq!(*tree, trees[0]);
    }
}

#[test]
fn nobody_needs_to_say_what_it_is() {
    for (name, _) in FORMATS {
        let project = project("small", &vector(name), "strip = 1");
        project.fetch_all();
        assert_eq!(project.tree("vendor/small").len(), 5, "{name}");
    }
}

#[test]
fn a_format_that_was_said_must_be_the_one_that_is_found() {
    let refused = |file: &str, bytes: &[u8], more: &str| {
        let project = project(file, bytes, more);
        let report = project.fetch();
        assert_eq!((codes(&report), report.exit_code()), (vec!["format-disagrees"], 1), "{file} {more}");
        assert!(!project.exists("vendor/small"));
    };
    for (name, format) in FORMATS {
        let bytes = vector(name);
        for (other, said) in FORMATS {
            if said != format {
                refused("small", &bytes, &format!("format = \"{said}\""));
                // The name says it as well, unless the pin does.
                refused(other, &bytes, "");
                let renamed = project(other, &bytes, &format!("strip = 1\nformat = \"{format}\""));
                assert_eq!(renamed.fetch().exit_code(), 0, "{name} as {other}");
            }
        }
        refused(name, b"no archive at all", "");
        refused("small", b"no archive at all", &format!("format = \"{format}\""));
    }
}

#[test]
fn archives_that_end_early_or_late_refuse() {
    for (name, format) in FORMATS {
        let mut whole = vector(name);
        if format == "tar" {
            // Seven blocks of headers and bodies, one end block. A second one and padding are usual and not needed.
            whole.truncate(8 * 512);
            self::project(name, &whole, "").fetch_all();
        }
        let short = &whole[..whole.len() - 1];
        let long = [&whole[..], b"x"].concat();
        for bytes in [short, &whole[..whole.len() / 2], &long] {
            let project = project(name, bytes, "");
            let report = project.fetch();
            assert_eq!(report.exit_code(), 1, "{name}, {} of {} bytes: {}", bytes.len(), whole.len(), human(&report));
            assert!(files_below(&project.path("vendor")).is_empty(), "{name}");
        }
    }
}

#[test]
fn kinds_of_archives_that_are_not_read_are_named() {
    for (bytes, kind) in [(&b"BZh91AY&SY"[..], "bzip2"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07\x00", "rar")] {
        let report = project("small", bytes, "").fetch();
        assert_eq!((codes(&report), report.exit_code()), (vec!["format-unsupported"], 1));
        assert!(human(&report).contains(kind), "{}", human(&report));
        // Kept as they are, they are fine.
        project("small", bytes, "format = \"raw\"").fetch_all();
    }
}
