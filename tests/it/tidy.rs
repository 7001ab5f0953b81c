//! The house rules, held: layers, doors to the world, sizes, dependencies, and docs that say what is there.
//!
//! A rule has exceptions only where they are listed here with a reason, and an exception that nothing needs fails too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// A crate: its folder in `src/`.
struct Crate {
    name: &'static str,
    /// Which of ours it may use.
    uses: &'static [&'static str],
    /// Its modules, a rung each. A module uses modules on lower rungs and its own children, nothing else.
    rungs: &'static [&'static [&'static str]],
}

/// The crates, from the bottom up.
const LADDER: &[Crate] = &[
    Crate {
        name: "core",
        uses: &[],
        rungs: &[
            // words: values with an invariant, and how the words of others are shown
            &["text"],
            &["digest", "finding", "json", "path", "url"],
            &["fault", "layout"],
            // formats: bytes to values and back
            &["oci"],
            &["archive", "nar", "pins", "record"],
            // judgement: values to values
            &["patch"],
            // effects: the file system
            &["fs"],
            &["store", "tree"],
        ],
    },
    Crate {
        name: "net",
        uses: &["core"],
        rungs: &[&["docker_config"], &["source"], &["http"], &["sealed"], &["asked", "registry"]],
    },
    Crate {
        name: "evidence",
        uses: &["core", "net"],
        rungs: &[
            &["root", "statement"],
            &["attestation"],
            &["provenance"],
            &["policy"],
            &["slsa"],
            &["trust", "verdicts"],
        ],
    },
    Crate {
        name: "oci",
        uses: &["core", "net", "evidence"],
        rungs: &[
            &["challenge", "link", "media_types"],
            &["manifest"],
            &["artifact", "choice", "claims"],
            &["chain"],
            &["registry"],
            &["remote_cache"],
        ],
    },
    Crate { name: "wasm", uses: &["core"], rungs: &[&["wasmfile"], &["signatures"]] },
    Crate { name: "sign", uses: &["core", "net", "evidence"], rungs: &[&["build", "signer"], &["keyless"]] },
    Crate {
        name: "command",
        uses: &["core", "net", "evidence", "oci", "wasm", "sign"],
        rungs: &[
            &["features", "purl", "report", "sbom", "secret"],
            &["ctx", "evidence"],
            &["project"],
            &["install"],
            &["commands"],
        ],
    },
];

/// What may be named only under certain paths: (the name in code, the prefixes of paths, what for).
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("ureq", &["src/net/http"], "one client"),
    ("rustls", &["src/net/http"], "one configuration of TLS"),
    ("rustls_native_certs", &["src/net/http"], "one place that knows the roots"),
    (
        "std::fs",
        &["src/core/fs", "src/command/secret.rs", "src/command/shell/sandbox"],
        "errors carry their paths, links are not followed by accident; a sandbox is arranged where nobody else is; what a \
         secret was read from is looked for among the open descriptors",
    ),
    ("File::open", &["src/core/fs", "src/command/secret.rs"], "see `std::fs`"),
    ("File::create", &["src/core/fs", "src/command/shell/sandbox"], "see `std::fs`"),
    ("File::options", &["src/core/fs", "src/command/shell/sandbox"], "see `std::fs`"),
    ("OpenOptions", &["src/core/fs"], "see `std::fs`"),
    (
        "rustix",
        &["src/core/fs", "src/command/secret.rs", "src/command/shell/terminal.rs", "src/command/shell/sandbox"],
        "one place for system calls, one for the terminal, one for the sandbox, one for what a secret was read from",
    ),
    ("seccompiler", &["src/command/shell/sandbox/calls.rs"], "one filter of system calls"),
    ("close_fds", &["src/command/secret.rs", "src/command/shell/sandbox/inside.rs"], "what is not handed on"),
    ("mount_remount", &["src/command/shell/sandbox/mounts.rs"], "one place that arranges what a sandbox sees"),
    ("flate2", &["src/core/archive"], "one decoder"),
    ("lzma_rust2", &["src/core/archive"], "one decoder"),
    ("ruzstd", &["src/core/archive"], "one decoder"),
    ("toml_edit", &["src/core/pins"], "one reader of TOML"),
    ("glob", &["src/core/layout"], "one meaning of a pattern"),
    ("unicode_normalization", &["src/core/path"], "one meaning of a collision"),
    ("sha2", &["src/core/digest"], "one meaning of a digest"),
    (
        "sigstore_verify",
        &["src/evidence/attestation", "src/sign/keyless", "src/evidence/root", "src/sign/signer"],
        "one judge of evidence, of trust roots, one signer, one client of those who certify and log",
    ),
    ("skip_tlog_unsafe", &["src/evidence/attestation/keyless.rs"], "GitHub's own root alone has no log"),
    ("skip_sct", &["src/evidence/attestation/keyless.rs"], "GitHub's own root alone has no certificate log"),
    ("skip_certificate_chain", &[], "no signer is anybody's word without a chain"),
    (
        "regex_lite",
        &["src/evidence/policy", "src/wasm/wasmfile/selection.rs"],
        "one meaning of a pattern for identities, one for sections",
    ),
    (
        "aws_lc_rs",
        &["src/wasm/signatures/", "src/sign/signer", "src/net/http/wire.rs"],
        "one signer and one judge of WebAssembly, whose plain Ed25519 has no other door; TLS names it as its provider",
    ),
    ("sigstore_tuf", &["src/evidence/trust"], "one TUF client"),
    (
        "jiff",
        &[
            "src/command/commands/paper.rs",
            "src/command/report/date.rs",
            "src/sign/keyless",
            "src/evidence/policy/proof.rs",
            "src/net/http/retry.rs",
            "src/net/registry/metadata",
            "src/evidence/root",
            "src/evidence/trust",
        ],
        "the time of trust roots, of certificates, of evidence, of releases, of answers and of papers; nothing else has a calendar",
    ),
    ("x509_cert", &["src/evidence/root", "src/sign/signer"], "who issued a certificate, and what is in a private key"),
    (
        "zeroize",
        &[
            "src/sign/signer",
            "src/command/commands/output.rs",
            "src/command/commands/seal.rs",
            "src/command/commands/wasm",
            "src/command/shell/terminal.rs",
        ],
        "where secrets are held",
    ),
    ("snap", &["src/net/registry"], "one decoder"),
    ("clap", &["src/command/shell"], "only the shell reads arguments"),
    ("indicatif", &["src/command/shell"], "only the shell draws"),
    ("std::env", &["src/command/shell"], "only the shell reads the environment"),
    ("println!", &["src/command/shell"], "only the shell prints"),
    ("eprintln!", &["src/command/shell"], "only the shell prints"),
    ("print!", &["src/command/shell"], "only the shell prints"),
    ("eprint!", &["src/command/shell"], "only the shell prints"),
    (
        "io::stdout",
        &[
            "src/command/shell/say.rs",
            "src/command/shell/papers.rs",
            "src/command/shell/cli.rs",
            "src/command/shell/sandbox/proof.rs",
        ],
        "one place prints, which keeps secrets and what a log's reader obeys; lines of many projects are made without \
         either; some look whether it is a terminal or the network",
    ),
    (
        "io::stderr",
        &[
            "src/command/shell/say.rs",
            "src/command/shell/bars.rs",
            "src/command/shell/run.rs",
            "src/command/shell/terminal.rs",
            "src/command/shell/sandbox/proof.rs",
        ],
        "see `io::stdout`; a command that is run may have it",
    ),
    (
        "io::stdin",
        &[
            "src/command/shell/consent.rs",
            "src/command/shell/papers.rs",
            "src/command/shell/sandbox/proof.rs",
            "src/command/shell/terminal.rs",
        ],
        "nothing is asked of anybody but before pins.toml is changed, and passphrases; lists are read; a sandbox looks whether \
         it is the network",
    ),
    ("process::exit", &["src/command/shell"], "only the shell exits"),
    ("process::abort", &[], "nothing gives up without a word"),
    (
        "process::Command",
        &["src/command/shell/git.rs", "src/command/shell/run.rs", "src/command/shell/sandbox"],
        "no program is run, of an artifact or otherwise, but git is asked, and `run` runs what it is told",
    ),
    ("Instant::now", &["src/net/http"], "time is an argument, and in no output"),
    ("SystemTime::now", &["src/net/http"], "time is an argument, and in no output"),
    ("unsafe", &[], "nothing here needs it"),
];

/// Lines of code that may break a rule of [`ONLY_IN`]: (path, line, why).
const NAMED_ELSEWHERE: &[(&str, &str, &str)] = &[
    ("src/command/commands/oci/files.rs", "use std::fs::File;", "the type of an open file, which only `fs` opens"),
    ("src/core/store.rs", "use std::fs::File;", "the type of an open file, which only `fs` opens"),
    ("src/core/tree/writer.rs", "use std::fs::File;", "the type of an open file, which only `fs` opens"),
];

/// How a code, or the words that people read, is compared. Outside the shell nothing decides by either: a code is for people's
/// scripts, and a message may be worded anew.
const COMPARED: &[&str] = &[
    ".code ==",
    ".code !=",
    ".code() ==",
    ".code() !=",
    ".code.as_str()",
    ".detail.contains(",
    ".detail.ends_with(",
    ".detail.starts_with(",
    ".message ==",
    ".message !=",
    ".message.contains(",
    ".message.ends_with(",
    ".message.starts_with(",
];

/// Lines that compare so all the same: (path, how many, why). What is said to be left is a debt, and may only fall.
const COMPARED_IN: &[(&str, usize, &str)] = &[
    ("src/command/commands/audit.rs", 1, "the user names a code to fail on"),
    ("src/command/commands/audit/bytes.rs", 1, "left: what was found already is not told again"),
    ("src/command/commands/audit/evidence.rs", 5, "left: what holds by the record's word, and what is missing"),
    ("src/command/commands/attest/inputs.rs", 1, "left: what holds by the record's word"),
    ("src/command/commands/explain.rs", 3, "left: what holds by the record's word, and what is missing"),
    ("src/command/commands/held.rs", 1, "left: what is known of evidence"),
    ("src/command/commands/many.rs", 1, "lists the codes of a row"),
    ("src/command/commands/oci.rs", 1, "left: a hint for where nothing is signed"),
    ("src/command/commands/update.rs", 1, "the order in which findings are shown"),
    ("src/command/commands/vsa.rs", 1, "left: what holds by the record's word"),
    ("src/command/install.rs", 2, "left: a digest that the record lacks, and what holds by the record's word"),
    ("src/command/install/evidence.rs", 2, "left: what is missing, and what is attached and not read"),
    ("src/command/report/sarif.rs", 1, "lists the codes of a report"),
    ("src/evidence/policy/signatures.rs", 2, "left: strangers' signatures"),
];

/// Most lines of a file, without its tests; and the files that may be longer, with the reason. The length of a function is
/// for its reader to judge.
const MAX_LINES: usize = 600;
const LONGER_FILES: &[(&str, &str)] = &[];

/// The budgets of docs/architecture.md: (what, as its table has it; the goal; what `now` is rounded up to).
///
/// Crates are those in the binary on Linux, build scripts included; those of `src/` count as the one that they are. Lines of
/// code are what [`code_lines`] counts, public items what [`public_items`] does.
const BUDGETS: &[(&str, usize, usize)] = &[
    ("lines of code of `src/core/`", 8_000, 100),
    ("lines of code of `src/`", 36_000, 100),
    ("crates that `src/core/` needs", 46, 1),
    ("crates that the smallest command needs", 80, 1),
    ("crates that all of it needs", 130, 1),
    ("public items", 400, 100),
];

/// All that may lie at the top.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Makefile",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "pins.toml",
    "docs",
    "src",
    "tests",
    ".ci",
    ".github",
    // What tools own.
    "Cargo.lock",
    ".cargo",
    ".clippy.toml",
    ".rustfmt.toml",
    ".gitignore",
    ".gitattributes",
    ".pinfold",
];

/// A file of `src/` without its tests: comments and the insides of literals are blanked, lines stay where they are.
struct Source {
    path: String,
    code: String,
}

#[test]
fn no_module_climbs() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.path.starts_with("src/command/shell/")) {
        let Some((own_crate, module)) = module_of(&source.path) else { continue };
        let rung = |module: &str| own_crate.rungs.iter().position(|rung| rung.contains(&module));
        let Some(own) = rung(module) else {
            wrong.push(format!("{}: `{module}` is on no rung", source.path));
            continue;
        };
        for used in used_modules(source) {
            match rung(&used) {
                _ if used == module => {}
                Some(below) if below < own => {}
                _ => wrong.push(format!("{}: `{module}` uses `{used}`, which is not below it", source.path)),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_ladder_names_the_modules_that_there_are() {
    for one in LADDER {
        let listed: BTreeSet<&str> = one.rungs.iter().copied().flatten().copied().collect();
        let library = std::fs::read_to_string(root().join(format!("src/{}/lib.rs", one.name))).expect("a library");
        let module = |line: &str| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
        };
        let declared: BTreeSet<String> = library.lines().filter_map(module).collect();
        assert_eq!(listed, declared.iter().map(String::as_str).collect(), "{}", one.name);
    }
}

/// The compiler holds a crate to what its manifest names; this holds the manifests to the ladder.
#[test]
fn a_crate_names_those_below_it_alone() {
    for one in LADDER {
        let manifest = match one.name {
            "command" => "Cargo.toml".to_owned(),
            name => format!("src/{name}/Cargo.toml"),
        };
        let manifest = std::fs::read_to_string(root().join(manifest)).expect("a manifest");
        let (_, table) = manifest.split_once("\n[dependencies]\n").expect("dependencies");
        let table = table.split("\n[").next().unwrap_or_default();
        let named = table.lines().filter_map(|line| line.strip_prefix("pinfold-")?.split(['.', ' ']).next());
        assert_eq!(named.collect::<BTreeSet<_>>(), one.uses.iter().copied().collect(), "{}", one.name);
    }
}

#[test]
fn the_architecture_is_that_of_the_code() {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).expect("a document");
    let (_, table) = text.split_once("\n## Crates").and_then(|(_, rest)| rest.split_once("|---|")).expect("a table");
    let (table, _) = table.split_once("\n\n").expect("an end");
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split('|').collect()).filter(|row: &Vec<_>| row.len() > 4).collect();
    assert_eq!(rows.len(), LADDER.len(), "a row for each crate");
    for (row, one) in rows.iter().zip(LADDER) {
        assert_eq!(quoted(row[1]), [format!("src/{}/", one.name)]);
        assert_eq!(row[3].split(';').map(quoted).collect::<Vec<_>>(), one.rungs, "{}", one.name);
        assert_eq!(quoted(row[4]), one.uses, "{}", one.name);
    }
    named_paths_exist(&text);
}

/// What is in backticks and looks like a path of ours has to be there.
fn named_paths_exist(text: &str) {
    for path in text.split('`').skip(1).step_by(2).filter(|path| path.starts_with("src/") || path.starts_with("tests/"))
    {
        assert!(root().join(path).exists(), "there is no {path}");
    }
}

/// The page for auditors has each file of core once, and says how much there is to read of it, within a tenth.
#[test]
fn the_page_for_auditors_covers_core() {
    let text = std::fs::read_to_string(root().join("docs/audit-us.md")).expect("a document");
    assert!(text.lines().count() <= 120, "{} lines are no page", text.lines().count());
    named_paths_exist(&text);
    let (_, table) =
        text.split_once("\n## What to read").and_then(|(_, rest)| rest.split_once("|---|")).expect("a table");
    let (table, _) = table.split_once("\n\n").expect("an end");
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('|').map(str::trim).collect()).collect();
    let paths = |row: &[&str]| row[2].split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let reads = |row: &[&str], source: &Source| {
        paths(row)
            .iter()
            .any(|path| if path.ends_with('/') { source.path.starts_with(path) } else { source.path == *path })
    };
    let sources = sources();
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("src/core/")) {
        let times = rows.iter().filter(|row| reads(row, source)).count();
        if times != 1 {
            wrong.push(format!("{} is in {times} rows", source.path));
        }
    }
    for row in &rows {
        let lines: usize = sources.iter().filter(|source| reads(row, source)).map(code_lines).sum();
        let said: usize = row[3].replace(',', "").parse().expect("a number");
        if said.abs_diff(lines) * 10 > lines {
            wrong.push(format!("{}: {lines} lines, not {said}", row[1]));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_door_is_where_it_should_be() {
    let mut wrong = Vec::new();
    let mut stale: BTreeSet<_> = NAMED_ELSEWHERE.iter().collect();
    for source in sources() {
        for (number, line) in source.code.lines().enumerate() {
            for (name, places, why) in ONLY_IN {
                if !names(line, name) || places.iter().any(|place| source.path.starts_with(place)) {
                    continue;
                }
                match NAMED_ELSEWHERE.iter().find(|(path, text, _)| *path == source.path && *text == line.trim()) {
                    Some(exception) => drop(stale.remove(exception)),
                    None => wrong.push(format!("{}:{}: `{name}`: {why}", source.path, number + 1)),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(stale.is_empty(), "nothing needs these exceptions: {stale:?}");
}

#[test]
fn nothing_decides_by_a_code_or_a_message() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources().iter().filter(|source| !source.path.starts_with("src/command/shell/")) {
        let compares = |line: &&str| COMPARED.iter().any(|how| line.contains(how));
        let count = source.code.lines().filter(compares).count();
        if count > 0 {
            found.insert(source.path.clone(), count);
        }
    }
    let known: BTreeMap<String, usize> =
        COMPARED_IN.iter().map(|(path, lines, _)| ((*path).to_owned(), *lines)).collect();
    assert_eq!(found, known, "more decides by a code than is listed, or less");
}

#[test]
fn every_rule_names_something_that_is_there() {
    let sources = sources();
    for (name, places, _) in ONLY_IN.iter().filter(|(_, places, _)| !places.is_empty()) {
        let kept = sources.iter().any(|source| {
            places.iter().any(|place| source.path.starts_with(place))
                && source.code.lines().any(|line| names(line, name))
        });
        // The macros are forbidden in the shell too, by a lint: it writes, and looks at errors.
        assert!(
            kept || name.ends_with('!')
                || matches!(*name, "File::open" | "File::create" | "OpenOptions" | "process::exit"),
            "{name}"
        );
    }
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    let mut files: BTreeSet<String> = LONGER_FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
    for source in sources() {
        let lines = source.code.trim_end().lines().count();
        if lines > MAX_LINES && !files.remove(&source.path) {
            wrong.push(format!("{} has {lines} lines", source.path));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(files.is_empty(), "nothing needs these exceptions: {files:?}");
}

#[test]
fn nothing_is_left_for_later() {
    // In two parts, so that this file does not find itself.
    let markers = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimplemented", "!("), concat!("todo", "!(")];
    for path in tracked().iter().filter(|path| !path.starts_with("tests/vectors/") && path.as_str() != "LICENSE") {
        let Ok(text) = std::fs::read_to_string(root().join(path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            assert!(!markers.iter().any(|marker| names(line, marker)), "{path}:{}: {line}", number + 1);
        }
    }
}

/// The files of this crate, without comments.
fn integration_tests(literals: Literals) -> Vec<Source> {
    let files = files_below("tests/it").into_iter().filter(|path| path.ends_with(".rs"));
    let read = |path: String| {
        let text = std::fs::read_to_string(root().join(&path)).expect("a file");
        Source { path, code: blank(&text, literals) }
    };
    files.map(read).collect()
}

/// Under another harness than this crate's a function with `#[test]` is not compiled, and is missed by nobody.
#[test]
fn every_test_is_known_to_the_harness() {
    let mut written = Vec::new();
    for source in integration_tests(Literals::Blanked) {
        let mut lines = source.code.lines();
        while lines.any(|line| line.trim() == "#[test]") {
            let function = lines.find_map(|line| line.trim().strip_prefix("fn ")?.split_once('('));
            written.push(function.expect("a function").0.to_owned());
        }
    }
    for test in crate::harness::all().values() {
        let at = written.iter().position(|name| name == test.name).expect("a test is written down");
        written.swap_remove(at);
    }
    assert_eq!(written, Vec::<String>::new(), "the harness does not know these");
}

/// A test that cannot run here is ignored by `harness::ignore`, mostly from needs.rs, and never ends as if it had run.
#[test]
fn no_test_leaves_early() {
    let mut wrong = Vec::new();
    for source in integration_tests(Literals::Blanked) {
        wrong.extend(leaving(&source.code).into_iter().map(|line| format!("{}:{line}", source.path)));
    }
    for source in integration_tests(Literals::Stay) {
        let is_own = ["tests/it/needs.rs", "tests/it/tidy.rs"].contains(&source.path.as_str());
        for (number, line) in source.code.lines().enumerate().filter(|_| !is_own) {
            let probes = ["output()", "status()"].iter().any(|run| line.contains(run))
                && ["is_ok", "is_err"].iter().any(|asks| line.contains(asks));
            if probes || line.to_lowercase().contains("skipped") {
                wrong.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "say `harness::ignore` or split the test:\n{}", wrong.join("\n"));
}

/// Where the functions with `#[test]` of a file return before their end: the numbers of lines, with the lines. A value is
/// returned by closures and functions within them alone.
fn leaving(code: &str) -> Vec<String> {
    let (mut found, mut end) = (Vec::new(), None);
    for (number, line) in code.lines().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.trim() == "#[test]" {
            end = Some(format!("{indent}}}"));
        } else if end.as_deref() == Some(line) {
            end = None;
        }
        let leaves = ["return;", "return }", "return say(", "return,"].iter().any(|word| line.contains(word));
        let is_gated = line.trim().starts_with("#[cfg");
        if end.is_some() && (leaves || is_gated) {
            found.push(format!("{}: {}", number + 1, line.trim()));
        }
    }
    found
}

#[test]
fn who_leaves_early_is_found() {
    let code = "#[test]\nfn a() {\n    let Some(b) = c() else { return };\n}\nfn d() {\n    return;\n}\n\
                #[test]\n#[cfg(x)]\nfn e() {\n    if !f() {\n        return;\n    }\n    g(|| return 1);\n}\n";
    assert_eq!(leaving(code), ["3: let Some(b) = c() else { return };", "9: #[cfg(x)]", "12: return;"]);
}

#[test]
fn the_top_level_holds_nothing_else() {
    let tracked = tracked();
    let tops: BTreeSet<&str> = tracked.iter().filter_map(|path| path.split('/').next()).collect();
    let strange: Vec<_> = tops.iter().filter(|top| !TOP_LEVEL.contains(top)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn each_dependency_is_argued_for() {
    let mut unargued = Vec::new();
    let manifests = tracked().into_iter().filter(|path| path.ends_with("Cargo.toml") && !path.starts_with("tests/"));
    for path in manifests {
        let manifest = std::fs::read_to_string(root().join(&path)).expect("a manifest");
        let (mut argued, mut ours) = (false, true);
        let mut table = "";
        for line in manifest.lines() {
            match line.split_once('=') {
                _ if line.starts_with('[') => (table, argued) = (line, false),
                _ if line.starts_with('#') => argued = true,
                _ if line.is_empty() => argued = false,
                // A comment speaks for the lines that follow it without a gap, such as `serde` and `serde_json`; the
                // manifests of the crates take over what the workspace argues for.
                Some((name, _)) if name.starts_with("pinfold-") => {
                    ours &= line.contains("workspace = true") || line.contains("path = \"src/");
                }
                Some((name, _)) if table == "[workspace.dependencies]" && !argued => {
                    unargued.push(name.trim().to_owned())
                }
                Some(_) if table != "[workspace.dependencies]" && table.ends_with("dependencies]") => {
                    ours &= line.contains("workspace = true");
                }
                _ => {}
            }
        }
        assert!(ours, "{path} has a dependency that the workspace does not know");
    }
    assert!(unargued.is_empty(), "no comment above {unargued:?}");
}

/// `now` is what is measured: a number that grew is refused, and one that fell is written down, so that it stays there.
#[test]
fn the_budgets_are_kept() {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).expect("a document");
    let (_, table) = text.split_once("\n## Budgets").and_then(|(_, rest)| rest.split_once("|---|")).expect("a table");
    let (table, _) = table.split_once("\n\n").expect("an end");
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('|').map(str::trim).collect()).collect();
    assert_eq!(
        rows.iter().map(|row| row[1]).collect::<Vec<_>>(),
        BUDGETS.iter().map(|(what, ..)| *what).collect::<Vec<_>>()
    );
    let sources = sources();
    let lines = |below: &str| sources.iter().filter(|one| one.path.starts_with(below)).map(code_lines).sum();
    let measured: [usize; 6] = [
        lines("src/core/"),
        lines("src/"),
        crates_below(&["pinfold-core"]).len(),
        crates_below(&["pinfold", "--no-default-features"]).len(),
        crates_below(&["pinfold"]).len() + 1,
        sources.iter().map(public_items).sum(),
    ];
    let mut wrong = Vec::new();
    for ((row, (what, goal, step)), measured) in rows.iter().zip(BUDGETS).zip(measured) {
        let number = |cell: &str| cell.replace(',', "").parse::<usize>().expect("a number");
        let (now, rounded) = (number(row[3]), measured.div_ceil(*step) * step);
        assert_eq!(number(row[2]), *goal, "{what}: the goal");
        if now != rounded {
            let hint = if rounded > now { "take something out" } else { "write that down" };
            wrong.push(format!("{what}: {measured}, which is {rounded} in a table that has {now}: {hint}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The lines of a file with code in them: without blank lines, without those that are comment alone, and without tests
/// (`#[cfg(test)]` items, and the files that [`sources`] leaves out). A line inside a literal counts.
fn code_lines(source: &Source) -> usize {
    let text = std::fs::read_to_string(root().join(&source.path)).expect("a source");
    let tests = test_lines(&source.code);
    blank(&text, Literals::Stay)
        .lines()
        .take(source.code.lines().count())
        .enumerate()
        .filter(|(number, line)| !line.is_empty() && !tests.contains(number))
        .count()
}

/// What a file shows to other crates: each `pub` item at the beginning of a line, tests apart. That it can be reached is held by
/// rustc's `unreachable_pub`; methods belong to their type, and `pub use` makes nothing new.
fn public_items(source: &Source) -> usize {
    let kinds = ["fn", "struct", "enum", "trait", "const", "type", "mod", "static"];
    let tests = test_lines(&source.code);
    let lines = source.code.lines().enumerate().filter(|(number, _)| !tests.contains(number));
    lines
        .filter_map(|(_, line)| line.strip_prefix("pub ")?.split(' ').next())
        .filter(|kind| kinds.contains(kind))
        .count()
}

/// The numbers of the lines of `#[cfg(test)]` items: each to its `;`, its `,` or its closing brace.
fn test_lines(code: &str) -> BTreeSet<usize> {
    let mut lines = BTreeSet::new();
    for (start, attribute) in code.match_indices("#[cfg(test)]") {
        let mut depth = 0_usize;
        let mut end = code.len();
        for (at, one) in code[start + attribute.len()..].char_indices() {
            match one {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' => depth -= 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && matches!(one, ';' | ',' | '}') {
                end = start + attribute.len() + at;
                break;
            }
        }
        let line = |at: usize| code[..at].matches('\n').count();
        lines.extend(line(start)..=line(end));
    }
    lines
}

/// The names and versions of all other crates that a crate needs on Linux.
fn crates_below(package: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = ["tree", "--offline", "--locked", "-e", "normal,build", "--prefix", "none", "--package"];
    let tree = Command::new(cargo)
        .args(arguments)
        .args(package)
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8(output.stdout).expect("UTF-8"));
    // Without cargo, or without the crates: all that is locked, which is more.
    let crates: BTreeSet<String> = match tree {
        Some(tree) => {
            let names = tree.lines().filter(|line| !line.starts_with("pinfold"));
            names.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
        }
        None => {
            let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("a lock");
            lock.split("[[package]]").skip(1).map(str::to_owned).collect()
        }
    };
    assert!(crates.len() > 20, "the list of crates is not a list of crates: {crates:?}");
    crates
}

#[test]
fn every_option_is_in_the_docs() {
    let docs = docs();
    let mut missing = BTreeSet::new();
    let mut seen = 0;
    for words in commands(&[]) {
        for option in help(&words).split([' ', ',', '=', '[', ']', '\n']).filter(|word| word.starts_with("--")) {
            let option = option.trim_end_matches(|byte: char| !byte.is_ascii_alphanumeric());
            seen += 1;
            if !docs.contains(&format!("`{option}")) && !docs.contains(&format!(" {option}")) {
                missing.insert(option.to_owned());
            }
        }
    }
    assert!(seen > 30, "no options were found in the help");
    assert!(missing.is_empty(), "neither README.md nor docs/ mention {missing:?}");
}

#[test]
fn every_variable_is_in_the_docs() {
    let variables = variables();
    assert!(variables.len() > 12, "{variables:?}");
    let docs = docs();
    let missing: Vec<_> = variables.iter().filter(|name| !docs.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "neither README.md nor docs/ mention {missing:?}");
    let shell: String =
        sources().into_iter().filter(|one| one.path.starts_with("src/command/shell")).map(|one| one.code).collect();
    let places = "one function reads variables, NO_COLOR is another place, a sandbox hands on those of its command, and \
                  git gets few of its own";
    assert_eq!(shell.matches("env::var").count(), 4, "{places}");
}

/// The variables of the environment that pinfold reads.
pub(crate) fn variables() -> BTreeSet<String> {
    let shell = |name: &str| std::fs::read_to_string(root().join("src/command/shell").join(name)).expect("a source");
    let world = [shell("world.rs"), shell("tokens.rs")].concat();
    let registries = pinfold_net::source::registries::NPM_VARIABLES.iter().map(|name| (*name).to_owned());
    let mut variables: BTreeSet<String> = registries.collect();
    variables.insert(pinfold_net::source::registries::GITHUB_VARIABLE.to_owned());
    variables.extend(pinfold_net::source::registries::GITHUB_TOKENS.map(str::to_owned));
    variables.insert(pinfold_net::source::registries::PYPI_VARIABLE.to_owned());
    variables.extend(pinfold_sign::build::GITHUB_VARIABLES.map(str::to_owned));
    variables.extend(pinfold_sign::build::GITLAB_VARIABLES.map(str::to_owned));
    variables.extend(["GITHUB_ACTIONS", "GITLAB_CI", "GITEA_ACTIONS", "FORGEJO_ACTIONS", "ACT"].map(str::to_owned));
    for (call, prefix) in [("variable(\"", ""), ("either(\"", ""), ("config(\"", "NPM_CONFIG_"), ("option_env!(\"", "")]
    {
        for rest in world.split(call).skip(1) {
            let name = rest.split('"').next().expect("a name");
            variables.insert(format!("{prefix}{name}"));
        }
    }
    // Read by the shell's style (no-color.org) and by the library that finds the system's certificate authorities.
    variables.extend(["NO_COLOR", "SSL_CERT_FILE", "SSL_CERT_DIR"].map(str::to_owned));
    variables
}

/// The crate and the module that a path belongs to; none for the root of a crate.
fn module_of(path: &str) -> Option<(&'static Crate, &str)> {
    let (folder, path) = path.strip_prefix("src/")?.split_once('/')?;
    let own_crate = LADDER.iter().find(|one| one.name == folder).expect("each folder of src/ is a crate");
    let module = path.split('/').next()?.trim_end_matches(".rs");
    (module != "lib").then_some((own_crate, module))
}

/// The modules of the library that a file names by their full path.
fn used_modules(source: &Source) -> BTreeSet<String> {
    let ident = |text: &str| text.chars().take_while(|one| one.is_alphanumeric() || *one == '_').collect::<String>();
    let mut used = BTreeSet::new();
    for rest in source.code.split("crate::").skip(1) {
        let module = ident(rest);
        assert!(!module.is_empty(), "{}: one `use` a module, so that this test can read it", source.path);
        used.insert(module);
    }
    // `super` from a module at the top, or twice from its child, would be another way to a neighbour.
    let depth = source.path.trim_end_matches("/mod.rs").matches('/').count() - 1;
    for chain in source.code.split(|one: char| !(one.is_alphanumeric() || one == '_' || one == ':')) {
        let ups = chain.split("::").filter(|word| *word == "super").count();
        assert!(ups < depth, "{}: `{chain}` leaves the module", source.path);
    }
    used
}

/// Whether a line has this name, and not as a part of a longer one.
fn names(line: &str, name: &str) -> bool {
    let part = |one: Option<char>| one.is_some_and(|one| one.is_alphanumeric() || one == '_');
    line.match_indices(name).any(|(at, _)| {
        !part(line[..at].chars().next_back()) && (name.ends_with('(') || !part(line[at + name.len()..].chars().next()))
    })
}

/// The files of `src/` without their tests.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for path in files_below("src") {
        let is_test = path.split('/').any(|part| part == "tests" || part == "tests.rs");
        if !path.ends_with(".rs") || is_test {
            continue;
        }
        let text = std::fs::read_to_string(root().join(&path)).expect("a source");
        let code = blank(&text, Literals::Blanked);
        let code = match code.find("#[cfg(test)]\nmod tests {") {
            Some(at) => code[..at].to_owned(),
            None => code,
        };
        sources.push(Source { path, code });
    }
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

/// Whether [`blank`] blanks the insides of literals too.
#[derive(Clone, Copy, PartialEq)]
enum Literals {
    Blanked,
    Stay,
}

/// Rust without comments and, if asked, without what is in its literals; everything else stays at its place.
fn blank(text: &str, literals: Literals) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let before = blanked.chars().next_back();
        let in_word = before.is_some_and(|one| one.is_alphanumeric() || one == '_');
        let raw = rest.strip_prefix('r').or_else(|| rest.strip_prefix("br")).filter(|_| !in_word);
        let hashes = raw.map_or(0, |raw| raw.len() - raw.trim_start_matches('#').len());
        let len = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if raw.is_some_and(|raw| raw[hashes..].starts_with('"')) {
            let start = rest.find('"').expect("a quote") + 1;
            let end = format!("\"{}", "#".repeat(hashes));
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if first == '"' {
            end_of_literal(rest, '"')
        } else if first == '\'' && (rest[1..].starts_with('\\') || rest[1..].chars().nth(1) == Some('\'')) {
            end_of_literal(rest, '\'')
        } else {
            0
        };
        if len == 0 {
            blanked.push(first);
            rest = &rest[first.len_utf8()..];
        } else if literals == Literals::Stay && !rest.starts_with("//") && !rest.starts_with("/*") {
            blanked.push_str(&rest[..len]);
            rest = &rest[len..];
        } else {
            blanked.extend(rest[..len].chars().map(|one| if one == '\n' { '\n' } else { ' ' }));
            rest = &rest[len..];
        }
    }
    blanked.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The length of a literal with escapes, quotes included.
fn end_of_literal(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, one) in text.char_indices().skip(1) {
        match one {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if one == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn blanking_leaves_code_alone() {
    let text =
        "let a = \"x // y\\\"\"; // z\nlet b = 'c'; let d: &'a str = r#\"e\"f\"#; g('\\'', b\"h\");\n/* i\nj */ k";
    let blanked = blank(text, Literals::Blanked);
    let words: Vec<&str> = blanked.split_whitespace().collect();
    let expected = "let a = ; let b = ; let d: &'a str = ; g( , b );";
    assert_eq!(words.join(" "), format!("{expected} k"));
    assert_eq!(blanked.lines().count(), text.lines().count());
    assert_eq!(blank(text, Literals::Stay).lines().next(), Some("let a = \"x // y\\\"\";"));
}

#[test]
fn lines_of_tests_are_found() {
    let code = "use a;\n#[cfg(test)]\nmod b;\nfn c() {\n    #[cfg(test)]\n    d(e, f);\n}\n#[cfg(test)]\nmod g {\n    h;\n}\npub fn i() {}\n";
    assert_eq!(test_lines(code), BTreeSet::from([1, 2, 4, 5, 7, 8, 9, 10]));
    let source = Source { path: String::new(), code: code.to_owned() };
    assert_eq!(public_items(&source), 1);
}

/// The commands of the help, each as its words, the whole program first.
pub(crate) fn commands(words: &[String]) -> Vec<Vec<String>> {
    let mut all = vec![words.to_vec()];
    let help = help(words);
    let Some((_, list)) = help.split_once("Commands:\n") else { return all };
    for line in list.lines().take_while(|line| !line.is_empty()) {
        // Names stand two spaces in; what goes on below them stands further in.
        let name =
            line.strip_prefix("  ").filter(|line| !line.starts_with(' ')).and_then(|line| line.split(' ').next());
        if let Some(name) = name.filter(|name| *name != "help") {
            all.extend(commands(&[words, &[name.to_owned()]].concat()));
        }
    }
    all
}

pub(crate) fn help(words: &[String]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold"));
    let output = command.args(words).arg("--help").output().expect("the command");
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// README.md and all of docs/, one after the other.
fn docs() -> String {
    let mut texts = BTreeMap::new();
    for path in files_below("docs").into_iter().chain(["README.md".to_owned()]) {
        texts.insert(path.clone(), std::fs::read_to_string(root().join(&path)).unwrap_or_default());
    }
    texts.into_values().collect()
}

/// The files that git knows, or that lie here where this is no checkout.
fn tracked() -> Vec<String> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let listed = output.ok().filter(|output| output.status.success()).map(|output| output.stdout).unwrap_or_default();
    let listed = String::from_utf8(listed).expect("UTF-8");
    let files: Vec<String> = listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    if files.is_empty() { ["src", "docs", "tests"].into_iter().flat_map(files_below).collect() } else { files }
}

/// The files below a folder, sorted.
fn files_below(folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
