//! What a tree may be: decided on what is left of an archive, and held wherever a tree stands.

use pinfold::report::Report;

use crate::support::{Project, Tar, human, integrity};

/// A project with a pin `x` of this archive, with these keys.
fn pinned(archive: &[u8], keys: &str) -> Project {
    let project = Project::new("");
    project.write("in/x.tar.gz", archive);
    let integrity = integrity(archive);
    project.pins(&format!("[pins.x]\nfile = \"in/x.tar.gz\"\nintegrity = \"{integrity}\"\nto = \"vendor/x\"\n{keys}"));
    project
}

fn codes(report: &Report) -> (u8, Vec<&str>) {
    (report.exit_code(), report.rows[0].findings.iter().map(|finding| finding.code.as_str()).collect())
}

/// A bare repository: git finds it by its shape.
fn bare() -> Tar {
    Tar::default()
        .file("a.txt", "a\n")
        .file("x/HEAD", "ref: refs/heads/main\n")
        .file("x/config", "[core]\n\tfsmonitor = \"id > ran; false\"\n")
        .folder("x/objects")
        .folder("x/refs")
}

/// A repository that is patched away is none, and one that only a part of is patched away stays one.
#[test]
fn a_repository_is_looked_for_in_what_is_left() {
    let check = |archive: Tar, keys: &str, expected: (u8, Vec<&str>)| {
        let project = pinned(&archive.gz(), keys);
        let report = project.fetch();
        assert_eq!(codes(&report), expected, "{keys}: {}", human(&report));
        assert_eq!(project.exists("vendor/x"), expected.0 == 0, "{keys}");
    };
    let delete = |path: &str| format!("[[pins.x.patch]]\npath = \"{path}\"\ndelete = true\n");
    let refused = || (1, vec!["name-reserved"]);
    check(bare(), "", refused());
    check(bare(), &delete("x/config"), refused());
    check(bare(), &delete("x/HEAD"), (0, vec![]));
    check(bare(), "exclude = [\"x/objects\"]\n", (0, vec![]));
    check(bare(), "include = [\"a.txt\", \"x/HEAD\", \"x/objects\", \"x/refs\"]\n", refused());
    let named = || Tar::default().file("a.txt", "a\n").file("x/.git", "gitdir: y\n");
    check(named(), "", refused());
    check(named(), &delete("x/.git"), (0, vec![]));
    check(named(), "include = [\"a.txt\"]\n", (0, vec![]));
    check(named(), "[[pins.x.patch]]\npath = \"x/.git\"\ncontent = \"\"\n", refused());
}

/// A tree and a record that were committed together do not make a repository of git one that may stay.
#[test]
fn a_repository_that_stands_is_not_left_standing() {
    for names in [["x/.git"].as_slice(), &["HEAD", "objects/y", "refs/y"]] {
        let project = pinned(&Tar::default().file("x/a.txt", "a\n").gz(), "");
        project.fetch_all();
        let (tree, record) = (project.tree("vendor/x"), project.read(".pinfold/x.json"));
        let (before, entry) = record.split_once("\"files\": [\n").expect("a list");
        let mut listed = String::new();
        for name in names {
            project.write(&format!("vendor/x/{name}"), "a\n");
            let line = entry.lines().next().expect("an entry").replace("x/a.txt", name);
            listed.push_str(&format!("{line},\n"));
        }
        project.write(".pinfold/x.json", format!("{before}\"files\": [\n{listed}{entry}"));
        let report = project.verify();
        let (exit, found) = codes(&report);
        assert!(exit == 1 && found.contains(&"file-odd"), "{}", human(&report));
        assert_eq!(project.fetch().exit_code(), 0);
        assert_eq!(project.tree("vendor/x"), tree, "{names:?}");
    }
}

/// Nothing is read that no tree of the pin can have: a file without blocks has any length.
#[test]
fn what_is_too_long_is_not_read() {
    let long = |project: &Project, path: &str| {
        let file = std::fs::File::options().write(true).create(true).truncate(false).open(project.path(path));
        file.expect("a file").set_len(8 << 40).expect("a length");
    };
    let tree = Tar::default().file("a.txt", "a\n").file("b.txt", "b\n").gz();
    for path in ["vendor/x/big", "vendor/x/a.txt", "vendor/x/folder/big"] {
        for keys in ["", "tree = \"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"\n"] {
            let project = pinned(&tree, "");
            project.fetch_all();
            std::fs::create_dir_all(project.path("vendor/x/folder")).expect("a folder");
            long(&project, path);
            let text = project.read("pins.toml");
            project.pins(&format!("{text}{keys}"));
            let report = project.verify();
            let (exit, found) = codes(&report);
            assert!(exit == 1 && found.contains(&"file-odd"), "{path}: {}", human(&report));
            assert!(!found.contains(&"file-removed"), "{path}: {}", human(&report));
        }
    }
    // What stands there without a record is looked at too.
    let project = pinned(&tree, "");
    std::fs::create_dir_all(project.path("vendor/x")).expect("a folder");
    long(&project, "vendor/x/a.txt");
    assert_eq!(codes(&project.fetch()), (1, vec!["not-ours", "file-odd"]));
    // So is a tree that is one file.
    let project = pinned(b"raw\n", "format = \"raw\"\n");
    project.fetch_all();
    long(&project, "vendor/x");
    let report = project.verify();
    let (exit, found) = codes(&report);
    assert!(exit == 1 && found.contains(&"file-odd"), "{found:?}");
}

#[test]
fn more_files_than_a_pin_can_have_are_not_read() {
    let project = pinned(&Tar::default().file("a.txt", "a\n").gz(), "max-members = 3\n");
    project.fetch_all();
    (0..9).for_each(|number| project.write(&format!("vendor/x/{number}"), "x"));
    let report = project.verify();
    let (exit, found) = codes(&report);
    let odd = found.iter().filter(|code| **code == "file-odd").count();
    assert_eq!((exit, odd), (1, 1), "{}", human(&report));
}
