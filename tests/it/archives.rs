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
