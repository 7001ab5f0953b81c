//! git is asked outside of the sandbox, once the command has ended: what the command leaves must not tell it what to do.

use crate::needs;
use crate::run::{BUILD, BUILDER, BUNDLE, Workshop};

/// A repository like the project's, in the folder where the script runs, whose filter leaves a mark.
fn lure(repository: &str) -> String {
    format!(
        "cp -r {repository} .git; git config -f .git/config filter.x.clean \"sh -c 'echo x > $1; cat'\"; \
         git config -f .git/config --unset core.worktree; echo '* filter=x' > .gitattributes; rm -rf .git/index"
    )
}

#[test]
fn another_repository_where_git_would_look_first() {
    needs::namespaces();
    let workshop = Workshop::new();
    let project = &workshop.project;
    std::fs::remove_dir_all(project.path(".git")).expect("it was there");
    let top = project.root().parent().expect("a folder").to_owned();
    let git = |args: &[&str]| workshop.git(&[&["-C", top.to_str().expect("UTF-8")], args].concat());
    git(&["init", "--quiet", "--initial-branch=main"]);
    std::fs::write(top.join(".git/info/exclude"), "/store/\n/trust/\n/home/\n").expect("excluded");
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "all"]);
    let mark = project.path("dist/mark");
    let script = format!("{BUILD}; set -- {}; {}", mark.display(), lure("../.git"));
    let said = workshop.run(&["--hermetic", "--json"], &script);
    assert!(!mark.exists(), "the filter ran outside: {}", said.stdout);
    assert_eq!((said.code, said.error()), (1, "checkout-changed".to_owned()), "{}{}", said.stdout, said.stderr);
    for left in [".git", ".gitattributes"] {
        let path = project.path(left);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.expect("it was left");
    }
    let said = workshop.run(&["--hermetic"], BUILD);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

/// The configuration is read-only, and what it includes need not be.
#[test]
fn configuration_that_the_command_writes() {
    needs::namespaces();
    let workshop = Workshop::new();
    let project = &workshop.project;
    workshop.git(&["config", "include.path", "../dist/config"]);
    std::fs::create_dir_all(project.path(".git/info")).expect("a folder");
    std::fs::write(project.path(".git/info/attributes"), "* filter=x\n").expect("attributes");
    let mark = project.path("dist/mark");
    let script = format!(
        "{BUILD}; git config -f dist/config filter.x.clean \"touch {}; cat\"; cp source.txt s && cat s > source.txt && rm s",
        mark.display()
    );
    let said = workshop.run(&["--hermetic"], &script);
    assert_eq!((said.code, mark.exists()), (0, false), "{}{}", said.stdout, said.stderr);
    project.write("source.txt", "source\n");
    workshop.git(&["status"]);
    assert!(mark.exists(), "git by itself runs it");
}

/// Where the user's home is in the checkout, as in some build services, the command writes there too.
#[test]
fn the_users_configuration_in_the_checkout() {
    needs::namespaces();
    let workshop = Workshop::new();
    let project = &workshop.project;
    std::fs::create_dir_all(project.path("dist/home/.config/git")).expect("a folder");
    std::fs::create_dir_all(project.path(".git/info")).expect("a folder");
    std::fs::write(project.path(".git/info/attributes"), "* filter=x\n").expect("attributes");
    let home = project.path("dist/home").display().to_string();
    for (variable, value, file) in [
        ("HOME", home.clone(), ".gitconfig"),
        ("HOME", home.clone(), ".config/git/config"),
        ("XDG_CONFIG_HOME", format!("{home}/.config"), ".config/git/config"),
        ("GIT_CONFIG_GLOBAL", format!("{home}/own"), "own"),
    ] {
        let script = format!(
            "{BUILD}; git config -f dist/home/{file} filter.x.clean \"touch {home}/mark; cat\"; \
             cp source.txt s && cat s > source.txt && rm s"
        );
        let key = format!("--key={}", workshop.key.display());
        let args = ["run", "--hermetic", "--out=dist/app.js", BUILDER, &key, "--", "sh", "-c", &script];
        let said = workshop.pinfold(&args, &[(variable, &value)]);
        assert_eq!((said.code, project.exists("dist/home/mark")), (0, false), "{file}: {}{}", said.stdout, said.stderr);
        std::fs::remove_file(project.path(&format!("dist/home/{file}"))).expect("it was written");
    }
}

#[test]
fn repositories_of_submodules() {
    needs::namespaces();
    let workshop = Workshop::new();
    let other = Workshop::new();
    let url = other.project.root().display().to_string();
    for name in ["lib/one", "lib/two"] {
        workshop.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, name]);
    }
    workshop.git(&["commit", "--quiet", "--message", "modules"]);
    workshop.git(&["submodule", "--quiet", "deinit", "--force", "lib/two"]);
    for script in ["rm -f lib/one/.git", "mv lib/one lib/three", "mv lib lib3", "mkdir lib/two/.git", "rmdir lib/two"] {
        let said = workshop.run(&["--hermetic"], &format!("{BUILD} && {script}"));
        assert_ne!(said.code, 0, "{script}");
        assert!(said.stderr.contains("busy") || said.stderr.contains("Read-only"), "{script}: {}", said.stderr);
    }
    // What is not there can be made, and then git is not asked.
    std::fs::remove_dir(workshop.project.path("lib/two")).expect("an empty folder");
    let mark = workshop.project.path("dist/mark");
    let script = format!(
        "{BUILD}; set -- {}; mkdir lib/two; cd lib/two; {}; cp ../../.git/modules/lib/one/index .git/",
        mark.display(),
        lure("../../.git/modules/lib/one")
    );
    let said = workshop.run(&["--hermetic", "--allow-dirty", "--json"], &script);
    assert_eq!((said.code, said.error()), (1, "checkout-changed".to_owned()), "{}{}", said.stdout, said.stderr);
    assert!(!mark.exists() && !workshop.project.exists(BUNDLE));
}

#[test]
fn a_repository_that_could_be_replaced() {
    needs::namespaces();
    let workshop = Workshop::new();
    let (link, real) = (workshop.project.path(".git"), workshop.project.path("dist/real.git"));
    std::fs::create_dir_all(workshop.project.path("dist")).expect("a folder");
    std::fs::rename(&link, &real).expect("moved");
    std::os::unix::fs::symlink("dist/real.git", &link).expect("a link");
    let key = format!("--key={}", workshop.key.display());
    let run = ["run", "--hermetic", "--out=dist/app.js", BUILDER, &key, "--json", "--", "sh", "-c", BUILD];
    let said = workshop.pinfold(&run, &[]);
    assert_eq!((said.code, said.error()), (2, "hermetic-unavailable".to_owned()), "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("symbolic link"), "{}", said.stdout);
    // Elsewhere in the checkout it is as read-only as at its usual place.
    std::fs::remove_file(&link).expect("it was there");
    std::fs::write(&link, "gitdir: dist/real.git\n").expect("a file");
    let said = workshop.run(&["--hermetic"], &format!("{BUILD}; echo x >> dist/real.git/config"));
    assert!(said.code != 0 && said.stderr.contains("Read-only"), "{}{}", said.stdout, said.stderr);
}
