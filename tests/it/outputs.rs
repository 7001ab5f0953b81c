//! Where documents are put: over nothing that is something else, and never over what the project rests on. Each command
//! that writes a file is tried at each place.

use std::collections::BTreeMap;

use crate::run::{BUILD, BUILDER, BUNDLE, Said, Workshop};
use crate::support::files_below;

/// Every command that writes a file, with the place left out.
const WRITERS: &[&[&str]] = &[
    &["sign", "source.txt", "--key", "KEY", "--out"],
    &["attest", "dist/app.js", "--key", "KEY", BUILDER, "--build-type", "https://example.com/make", "--out"],
    &["attest", "dist/app.js", BUILDER, "--build-type", "https://example.com/make", "--out"],
    &["run", "--key", "KEY", "--out", "dist/app.js", BUILDER, "--attestation", "PLACE", "--", "sh", "-c", BUILD],
    &["sbom", "--format", "cyclonedx", "--out"],
    &["sbom", "--format", "spdx", "--out"],
    &["report", "--html"],
];

/// Those that write a file of a name of their own into a folder: the file that is written last.
const FOLDER_WRITERS: &[(&[&str], &str)] = &[
    (&["man", "--out"], "pinfold.1"),
    (&["verify", "--verifier-id", "https://example.com/v", "--vsa"], "tool.vsa.json"),
];

fn words(workshop: &Workshop, writer: &[&str], place: &str) -> Vec<String> {
    let key = workshop.key.display().to_string();
    let mut words: Vec<String> =
        writer.iter().map(|&word| if word == "KEY" { key.clone() } else { word.into() }).collect();
    match words.iter().position(|word| word == "PLACE") {
        Some(at) => words[at] = place.to_owned(),
        None => words.push(place.to_owned()),
    }
    words
}

fn write(workshop: &Workshop, writer: &[&str], place: &str, force: bool) -> Said {
    let mut words = words(workshop, writer, place);
    if force {
        words.insert(1, "--force".to_owned());
    }
    words.insert(0, "--json".to_owned());
    workshop.pinfold(&words.iter().map(String::as_str).collect::<Vec<_>>(), &[])
}

/// The bytes of all files of a project, git's own left out: it writes its index when it is asked.
fn all(workshop: &Workshop) -> BTreeMap<String, Vec<u8>> {
    let root = workshop.project.root();
    let files = files_below(&root).into_iter().filter(|file| !file.starts_with(".git/") && file != "dist/app.js");
    files.map(|file| (file.clone(), std::fs::read(root.join(file)).expect("a file"))).collect()
}

fn built() -> Workshop {
    let workshop = Workshop::new();
    workshop.project.write(".gitignore", "/dist/\n/vendor/\n/out/\n");
    workshop.commit();
    workshop.project.write("dist/app.js", "app");
    workshop.project.write("out/here", "");
    workshop
}

#[test]
fn nothing_that_a_project_rests_on_is_an_output() {
    let workshop = built();
    let places = [
        "pins.toml",
        ".pinfold/tool.json",
        ".pinfold/new",
        "vendor/left/main.js",
        "vendor/left/a/new",
        "tool.bin",
        ".git/config",
    ];
    let config = || workshop.project.read(".git/config");
    let (before, config_before) = (all(&workshop), config());
    for writer in WRITERS {
        for place in places {
            for force in [false, true] {
                let said = write(&workshop, writer, place, force);
                assert_eq!(
                    (said.code, said.error().as_str()),
                    (2, "out-reserved"),
                    "{writer:?} {place}: {}",
                    said.stderr
                );
                assert_eq!(all(&workshop), before, "{writer:?} {place}");
                assert_eq!(config(), config_before);
            }
        }
    }
    for (writer, _) in FOLDER_WRITERS {
        for force in [false, true] {
            let said = write(&workshop, writer, "vendor/left", force);
            assert_eq!(said.code, 2, "{writer:?}: {}{}", said.stdout, said.stderr);
            assert!(said.stdout.contains("out-reserved"), "{writer:?}: {}", said.stdout);
            assert_eq!(all(&workshop), before, "{writer:?}");
        }
    }
    // Keys are new files, and no less in the way.
    for place in [".pinfold/key", "vendor/left/key"] {
        for program in [&["keygen", "--no-passphrase", "--out", place][..], &["wasm", "keygen", "--out", place]] {
            assert_eq!(workshop.pinfold(program, &[]).code, 2, "{program:?}");
        }
    }
    assert_eq!(all(&workshop), before);
}

#[test]
fn what_is_of_another_kind_is_replaced_only_when_told() {
    let workshop = built();
    workshop.project.write("out/other.json", "{\"mine\": true}\n");
    let mine = workshop.project.read("out/other.json");
    // What each of them wrote is of another kind to each of the others.
    for (index, writer) in WRITERS.iter().enumerate() {
        let said = write(&workshop, writer, &format!("out/{index}"), false);
        assert_eq!(said.code, 0, "{writer:?}: {}{}", said.stdout, said.stderr);
    }
    for (index, writer) in WRITERS.iter().enumerate() {
        let others = (0..WRITERS.len()).filter(|other| *other != index).map(|other| format!("out/{other}"));
        for place in others.chain(["out/other.json".to_owned()]) {
            let before = workshop.project.read(&place);
            let said = write(&workshop, writer, &place, false);
            assert_eq!((said.code, said.error().as_str()), (2, "statement-over-file"), "{writer:?} {place}");
            assert_eq!(workshop.project.read(&place), before, "{writer:?} {place}");
        }
        // Its own, and where it was told to.
        assert_eq!(write(&workshop, writer, &format!("out/{index}"), false).code, 0, "{writer:?}");
        let said = write(&workshop, writer, "out/other.json", true);
        assert_eq!(said.code, 0, "{writer:?}: {}", said.stdout);
        assert_ne!(workshop.project.read("out/other.json"), mine, "{writer:?}");
        workshop.project.write("out/other.json", &mine);
    }
    for (writer, name) in FOLDER_WRITERS {
        let place = format!("out/pages/{name}");
        workshop.project.write(&place, &mine);
        assert_eq!(write(&workshop, writer, "out/pages", false).code, 2, "{writer:?}");
        assert_eq!(workshop.project.read(&place), mine);
        assert_eq!(write(&workshop, writer, "out/pages", true).code, 0, "{writer:?}");
        assert_ne!(workshop.project.read(&place), mine);
        assert_eq!(write(&workshop, writer, "out/pages", false).code, 0, "{writer:?}, again");
    }
}

#[test]
fn a_link_is_replaced_and_never_written_through() {
    let workshop = built();
    workshop.project.write("victim", "");
    let link = workshop.project.path("out/link");
    for writer in WRITERS {
        std::os::unix::fs::symlink("../victim", &link).expect("a link");
        let said = write(&workshop, writer, "out/link", false);
        // An untracked file would make the checkout differ, which is another matter.
        assert!(said.code == 0 || said.error() == "checkout-dirty", "{writer:?}: {}", said.stdout);
        assert_eq!(workshop.project.read("victim"), "", "{writer:?}");
        std::fs::remove_file(&link).expect("a file");
    }
    for (writer, name) in FOLDER_WRITERS {
        workshop.project.write("out/pages/x", "");
        std::os::unix::fs::symlink("../../victim", workshop.project.path(&format!("out/pages/{name}")))
            .expect("a link");
        assert_eq!(write(&workshop, writer, "out/pages", false).code, 0, "{writer:?}");
        assert_eq!(workshop.project.read("victim"), "", "{writer:?}");
    }
}

#[test]
fn a_plain_signature_leaves_provenance_alone() {
    let workshop = Workshop::new();
    let key = workshop.key.display().to_string();
    let sign = ["sign", "dist/app.js", "--key", &key];
    let attest = ["attest", "dist/app.js", "--key", &key, BUILDER, "--build-type", "https://example.com/make"];
    let said = workshop.run(&[], BUILD);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let provenance = workshop.project.read(BUNDLE);
    for _ in 0..2 {
        assert_eq!(workshop.pinfold(&sign, &[]).code, 0);
        assert!(workshop.project.exists("dist/app.js.sig.sigstore.json"));
    }
    // What another command states of it is another statement.
    assert_eq!(workshop.pinfold(&attest, &[]).code, 2);
    assert_eq!(workshop.project.read(BUNDLE), provenance);
    // A second build of its own is what replaces it.
    assert_eq!(workshop.run(&[], &format!("{BUILD}; echo >> dist/app.js")).code, 0);
    assert_ne!(workshop.project.read(BUNDLE), provenance);
    assert_eq!(workshop.pinfold(&[&attest[..], &["--force"]].concat(), &[]).code, 0);

    // The other way round: nobody replaces a signature with provenance either.
    for bundle in [BUNDLE, "dist/app.js.sig.sigstore.json"] {
        std::fs::remove_file(workshop.project.path(bundle)).expect("a file");
    }
    assert_eq!(workshop.pinfold(&sign, &[]).code, 0);
    let signature = workshop.project.read(BUNDLE);
    assert_eq!(workshop.pinfold(&attest, &[]).code, 2);
    let said = workshop.run(&["--json"], "echo ran >> dist/app.js");
    assert_eq!((said.code, said.error().as_str()), (2, "statement-over-file"), "before anything ran");
    assert!(!workshop.project.read("dist/app.js").contains("ran"));
    assert_eq!(workshop.project.read(BUNDLE), signature);
}

#[test]
fn what_killed_writers_left_is_removed_by_the_next() {
    let workshop = built();
    let left = ".x.0123456789abcdef.partial";
    for writer in WRITERS {
        workshop.project.write(&format!("out/{left}"), "half");
        // In the checkout it would make every attestation refuse.
        workshop.project.write(left, "half");
        let said = write(&workshop, writer, "out/new", true);
        assert_eq!(said.code, 0, "{writer:?}: {}", said.stdout);
        assert!(!workshop.project.exists(&format!("out/{left}")), "{writer:?}");
        if ["attest", "run"].contains(&writer[0]) {
            assert!(!workshop.project.exists(left), "{writer:?}");
        }
    }
    // One that is being written is nobody's to remove, and no output.
    let (held, path) = pinfold_core::fs::create_beside(&workshop.project.path("dist/held")).expect("a file");
    let said = workshop.pinfold(&["attest", "dist", BUILDER, "--build-type", "https://example.com/make"], &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(!said.stdout.contains("partial"), "{}", said.stdout);
    assert!(path.exists());
    drop(held);
}
