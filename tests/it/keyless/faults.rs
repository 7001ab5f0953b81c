//! Services that answer with something wrong: each is seen for what it is, nothing is written, and who comes after hears
//! nothing of it.

use super::loopback::{Faults, GOOD, sigstore};
use super::{check, code, folder, sign};

/// A fault, the exit code that it leads to, and the code.
type Case = (&'static str, i32, &'static str);

fn held(cases: &[Case], name: &str, faults: impl Fn(&'static str) -> Faults<'static>, services: usize) {
    let server = sigstore();
    let folder = folder();
    for (fault, status, expected) in cases {
        let tag = format!("{name}-{fault}");
        let (exit, said) = sign(server, &folder, &tag, faults(fault));
        assert_eq!((exit, code(&said).as_str()), (*status, *expected), "{tag}: {said}");
        let asked: std::collections::BTreeSet<String> = server.places(&tag).into_iter().collect();
        assert!(asked.len() <= services, "{tag}: {asked:?}");
    }
}

#[test]
fn a_wrong_certificate_goes_nowhere() {
    let cases = [
        ("other-key", 1, "certificate-other-key"),
        ("other-issuer", 1, "certificate-other-identity"),
        ("other-email", 1, "certificate-other-identity"),
        ("token-issuer", 1, "certificate-other-identity"),
        ("token-issuer-pieces", 1, "certificate-other-identity"),
        ("token-email", 1, "certificate-other-identity"),
        ("expired", 2, "certificate-not-now"),
        ("not-yet", 2, "certificate-not-now"),
        ("unknown-authority", 3, "unknown-authority"),
        ("detached", 2, "service-answer"),
        ("no-certificate", 2, "service-answer"),
        ("no-pem", 2, "service-answer"),
        ("broken", 2, "service-answer"),
        ("garbage", 2, "service-answer"),
        ("page", 2, "service-answer"),
        ("empty", 2, "service-answer"),
        ("redirect", 2, "call-redirected"),
        ("endless", 2, "body-too-long"),
        ("400", 2, "service-denied"),
        ("401", 2, "service-denied"),
        ("403", 2, "service-denied"),
    ];
    held(&cases, "authority", |authority| Faults { authority, ..GOOD }, 1);
}

#[test]
fn a_wrong_timestamp_is_not_logged() {
    let cases = [
        ("other-bytes", 1, "timestamp-wrong"),
        ("other-nonce", 1, "timestamp-wrong"),
        ("no-nonce", 1, "timestamp-wrong"),
        ("flipped", 1, "timestamp-wrong"),
        ("truncated", 1, "timestamp-wrong"),
        ("rejected", 1, "timestamp-wrong"),
        ("unknown-authority", 1, "timestamp-wrong"),
        ("garbage", 1, "timestamp-wrong"),
        ("late", 1, "timestamp-outside"),
        ("early", 1, "timestamp-outside"),
        ("redirect", 2, "call-redirected"),
    ];
    // Each name lives as long as the program, as a server's list of them has to.
    let faults = |fault| Faults { timestampers: Vec::leak(vec![fault]), ..GOOD };
    held(&cases, "timestamp", faults, 2);
}

#[test]
fn a_wrong_entry_is_never_written() {
    let cases = [
        ("other-content", 1, "log-other-entry"),
        ("other-signature", 1, "log-other-entry"),
        ("other-certificate", 1, "log-other-entry"),
        ("other-kind", 1, "log-other-entry"),
        ("wrong-proof", 1, "log-entry-wrong"),
        ("wrong-checkpoint", 1, "log-entry-wrong"),
        ("checkpoint-of-another", 1, "log-entry-wrong"),
        ("wrong-promise", 1, "log-entry-wrong"),
        ("unknown-log", 3, "unknown-log"),
        ("no-proof", 2, "service-answer"),
        ("no-promise", 2, "service-answer"),
        ("two", 2, "service-answer"),
        ("garbage", 2, "service-answer"),
        ("page", 2, "service-answer"),
        ("empty", 2, "service-answer"),
        ("redirect", 2, "call-redirected"),
        ("there-already-elsewhere", 2, "service-answer"),
        ("there-already-outside", 2, "service-answer"),
        ("there-already-nowhere", 2, "service-denied"),
    ];
    held(&cases, "log", |log| Faults { log, ..GOOD }, 3);
}

#[test]
fn a_wrong_entry_of_a_log_of_tiles_is_never_written() {
    let cases = [
        ("other-content", 1, "log-other-entry"),
        ("other-signature", 1, "log-other-entry"),
        ("other-certificate", 1, "log-other-entry"),
        ("wrong-proof", 1, "log-entry-wrong"),
        ("wrong-checkpoint", 1, "log-entry-wrong"),
        ("checkpoint-of-another", 1, "log-entry-wrong"),
        ("unknown-log", 3, "unknown-log"),
        ("no-proof", 2, "service-answer"),
        ("garbage", 2, "service-answer"),
        ("empty", 2, "service-answer"),
        ("redirect", 2, "call-redirected"),
        ("there-already-unsaid", 2, "service-denied"),
        // Said to be where it is not: beyond the tree, and at a leaf that is another's.
        ("there-already-9-of-7", 2, "service-answer"),
        ("there-already-3-of-7-wrong", 1, "log-entry-wrong"),
    ];
    held(&cases, "tiles", |log| Faults { log, version: 2, ..GOOD }, 6);
}

#[test]
fn an_entry_that_is_there_already_is_a_success() {
    let server = sigstore();
    let folder = folder();
    let (exit, said) = sign(server, &folder, "again", Faults { log: "there-already", ..GOOD });
    assert_eq!(exit, 0, "{said}");
    let places = server.places("again");
    assert_eq!(places.len(), 4, "{places:?}");
    assert!(places[3].starts_with("GET there-already/api/v1/log/entries/"), "{places:?}");
    // In the first tile, the last, one that is full, over two levels of tiles; and in trees that have but one leaf.
    for log in [
        "there-already-0-of-1",
        "there-already-1-of-2",
        "there-already-3-of-7",
        "there-already-6-of-7",
        "there-already-5-of-256",
        "there-already-255-of-700",
        "there-already-699-of-700",
        "there-already-300-of-700",
    ] {
        std::fs::remove_file(folder.path("a.txt.sigstore.json")).expect("it was there");
        let (exit, said) = sign(server, &folder, log, Faults { log, version: 2, ..GOOD });
        assert_eq!(exit, 0, "{log}: {said}");
        let (exit, said) = check(server, &folder, "a.txt.sigstore.json");
        assert_eq!(exit, 0, "{log}: {said}");
    }
}

#[test]
fn a_lost_answer_is_asked_for_again_and_logged_once() {
    let server = sigstore();
    let folder = folder();
    let (exit, said) = sign(server, &folder, "lost", Faults { log: "lost", ..GOOD });
    assert_eq!(exit, 0, "{said}");
    let asked = server.asked("lost");
    let posts: Vec<&str> = asked
        .iter()
        .filter(|one| one["path"] == "lost/api/v1/log/entries" && one["method"] == "POST")
        .map(|one| one["body"].as_str().expect("a body"))
        .collect();
    assert_eq!(posts.len(), 2, "{asked:?}");
    assert_eq!(posts[0], posts[1], "the same signature, so that the log knows it again");
    assert!(server.places("lost").last().expect("a request").starts_with("GET lost/api/v1/log/entries/"));

    std::fs::remove_file(folder.path("a.txt.sigstore.json")).expect("it was there");
    let (exit, said) = sign(server, &folder, "slow", Faults { log: "slow", version: 2, ..GOOD });
    assert_eq!((exit, server.asked("slow").len()), (0, 3), "a slow log is waited for, and asked once: {said}");
}

#[test]
fn who_is_busy_is_asked_again_but_not_for_ever() {
    let server = sigstore();
    let folder = folder();
    let (exit, said) = sign(server, &folder, "down", Faults { authority: "500", ..GOOD });
    assert_eq!((exit, code(&said).as_str()), (2, "service-denied"), "{said}");
    assert_eq!(server.asked("down").len(), 3);
    let mut config = server.config("nobody", GOOD);
    config["caUrls"][0]["url"] = "http://127.0.0.1:1".into();
    folder.write("config.json", config.to_string());
    let mut command = folder.command();
    command.args(["sign", "a.txt", "--keyless", "--identity-token-file=token", "--signing-config=config.json"]);
    command.args(["--signing-root", &server.root(), "--json"]);
    let (exit, said) = super::run(command);
    assert_eq!((exit, code(&said).as_str()), (2, "http-connect"), "{said}");
    assert!(said.contains("127.0.0.1:1") && said.contains("tried 3 times"), "{said}");
}

#[test]
fn what_a_server_says_is_told_without_the_token() {
    let server = sigstore();
    let folder = folder();
    for status in ["400", "401", "403"] {
        // `sign` looks for the token in what is said.
        let (_, said) = sign(server, &folder, "words", Faults { authority: status, ..GOOD });
        assert!(
            said.contains("cannot verify token … \\\\u{1b}[31mnot known here")
                || said.contains("cannot verify token …"),
            "{said}"
        );
        assert!(said.contains("not known here"), "{said}");
        assert!(!said.contains('\u{1b}'), "{said}");
    }
}
