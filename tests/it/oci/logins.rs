//! Whose login goes where: identity tokens, realms elsewhere, programs that keep logins.

use std::sync::{Arc, Mutex};

use pinfold::commands::oci::push::{self, Push};
use pinfold::commands::oci::{self, copy, pull};
use pinfold::commands::{fetch, verify};
use pinfold::ctx::{Ctx, Silent};
use pinfold::install::Conduct;
use pinfold::report::Report;
use pinfold_net::docker_config::Logins;
use pinfold_net::docker_config::{Keeper, Said};
use pinfold_net::http::Response;
use pinfold_net::source::registries::{Registries, Settings};
use serde_json::json;

use super::between::{between, status};
use super::registry::HOST;
use super::{REPO, Scene};
use crate::support::{codes, human};

const TOOL: &[u8] = b"#!tool";

/// What a realm makes of a form: a token for the right identity token, else a status.
pub(super) fn refreshed(form: &[u8], authorization: Option<&str>, token: &str) -> Result<Vec<u8>, u16> {
    assert_eq!(authorization, None, "two proofs for one question");
    let form = std::str::from_utf8(form).expect("text");
    let scope = "grant_type=refresh_token&client_id=pinfold&scope=repository%3Ateam%2Ftool%3Apull&refresh_token=";
    let rest = form.strip_prefix(scope).unwrap_or_else(|| panic!("{form}"));
    match rest {
        "hush%2B%26&service=a%2Cb" => Ok(json!({ "access_token": token, "refresh_token": "x" }).to_string().into()),
        "gone&service=a%2Cb" => Err(404),
        _ => Err(401),
    }
}

/// A scene with a pin, and a registry that wants to see something.
fn scene(challenge: &'static str, login: Option<&'static str>) -> Scene {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    super::pins::pinned(&scene, &artifact, TOOL, "format = \"raw\"");
    scene.set(|knobs| (knobs.challenge, knobs.login) = (Some(challenge), login));
    scene
}

/// `fetch` of nothing that is there, with these logins.
fn fetched(scene: &Scene, logins: Logins, offline: bool) -> Report {
    let _ = std::fs::remove_dir_all(scene.project.store_folder());
    let _ = std::fs::remove_dir_all(scene.project.path("vendor"));
    let settings = Settings { flags: &[], env: &|_| None, npmrc: &[], pip_conf: &[], built_in_npm: None };
    let registries = Registries::new(&settings).with_logins(logins);
    let conduct = Conduct { offline, ..Conduct::default() };
    let run = |ctx: &Ctx<'_>| {
        let options = fetch::Options { pins: Vec::new(), conduct };
        fetch::run(&Ctx { registries: &registries, ..*ctx }, &options)
    };
    scene.project.with(&Silent, run).expect("a report")
}

fn logins(config: serde_json::Value) -> Logins {
    Logins::parse(config.to_string().as_bytes()).expect("logins")
}

/// Fails with this code, and says all of this.
fn fails(report: &Report, code: &str, words: &[&str]) {
    assert_eq!((report.exit_code(), codes(report)), (2, vec![code]), "{}", human(report));
    for word in words {
        assert!(human(report).contains(word), "{word}: {}", human(report));
    }
    for secret in ["dTpw", "u:p", "hush", "eDp5", "x:y"] {
        assert!(!human(report).contains(secret), "{secret}: {}", human(report));
    }
}

const OWN: &str = "Bearer realm=\"https://oci.example.com/token\",service=\"a,b\"";
const ELSEWHERE: &str = "Bearer realm=\"https://auth.example.com/token\",service=\"a,b\"";

#[test]
fn an_identity_token_is_sent_to_the_realm_and_to_nobody_else() {
    for auth in [json!({ "identitytoken": "hush+&" }), json!({ "username": "<token>", "password": "hush+&" })] {
        let scene = scene(OWN, Some("u:p"));
        let report = fetched(&scene, logins(json!({ "auths": { HOST: auth } })), false);
        assert_eq!(report.exit_code(), 0, "{}", human(&report));
        let asked = scene.registry.asked();
        assert_eq!(asked.iter().filter(|(url, _)| url == "https://oci.example.com/token").count(), 1, "{asked:?}");
        assert!(asked.iter().all(|(url, shown)| !format!("{url}{shown:?}").contains("hush")), "{asked:?}");
    }
    let with = |token: &str, challenge| {
        let scene = scene(challenge, Some("u:p"));
        let report = fetched(&scene, logins(json!({ "auths": { HOST: { "identitytoken": token } } })), false);
        (scene, report)
    };
    fails(&with("hush-old", OWN).1, "oci-unauthorized", &["the login is not good enough"]);
    fails(&with("gone", OWN).1, "oci-refused", &["https://oci.example.com/token", "404"]);
    // A realm elsewhere, and a registry that wants a password, see nothing of it.
    let (scene, report) = with("hush+&", ELSEWHERE);
    fails(&report, "oci-unauthorized", &["`auth.example.com`"]);
    assert!(scene.registry.asked().iter().any(|(url, _)| url.starts_with("https://auth.example.com/token?")));
    let (scene, report) = with("hush+&", "Basic realm=x");
    fails(&report, "oci-unauthorized", &["there is no login for it"]);
    assert!(scene.registry.asked().iter().all(|(_, shown)| shown.is_none()));
}

#[test]
fn an_identity_token_goes_to_allowed_hosts_only() {
    let scene = scene(ELSEWHERE, Some("u:p"));
    let pins = scene.project.read("pins.toml");
    scene.project.pins(&format!("{}\n[trust]\nhosts = [\"{HOST}\"]\n", pins.replace("version = 1\n", "")));
    let token = json!({ "identitytoken": "hush+&" });
    let config = json!({ "auths": { HOST: token, "auth.example.com": token } });
    let report = fetched(&scene, logins(config), false);
    assert_eq!((report.exit_code(), codes(&report)), (1, vec!["host-not-allowed"]), "{}", human(&report));
    assert!(scene.registry.asked().iter().all(|(url, _)| url.starts_with("https://oci.example.com/")));
}

#[test]
fn a_realm_elsewhere_is_shown_a_login_that_both_have() {
    let shown = |config, login| {
        let scene = scene(ELSEWHERE, login);
        let report = fetched(&scene, logins(config), false);
        let asked = scene.registry.asked();
        let is_basic = |shown: &Option<String>| shown.as_ref().is_some_and(|one| one.starts_with("Basic"));
        let basic: Vec<String> = asked.into_iter().filter(|(_, shown)| is_basic(shown)).map(|(url, _)| url).collect();
        assert!(basic.iter().all(|url| url.starts_with("https://auth.example.com/token?")), "{basic:?}");
        (report, basic.len())
    };
    // What everybody may read needs none.
    assert_eq!(shown(json!({ "auths": { HOST: { "auth": "dTpw" } } }), None).0.exit_code(), 0);
    // The login of the registry goes nowhere else.
    let (report, sent) = shown(json!({ "auths": { HOST: { "auth": "dTpw" } } }), Some("u:p"));
    let hint = "`auth.example.com` hands out the tokens for it, and is shown a login only if `config.json` has the same one \
                under `auth.example.com` and under `oci.example.com`";
    fails(&report, "oci-unauthorized", &[hint]);
    assert_eq!(sent, 0);
    // One that is for both does.
    let both = |auth: &str| json!({ "auths": { HOST: { "auth": auth }, "auth.example.com": { "auth": auth } } });
    let (report, sent) = shown(both("dTpw"), Some("u:p"));
    assert_eq!((report.exit_code(), sent), (0, 1), "{}", human(&report));
    let (report, _) = shown(both("eDp5"), Some("u:p"));
    fails(&report, "oci-unauthorized", &["the login is not good enough", "the login of `auth.example.com`"]);
    // A registry that has another login, or none, could have tokens for what is its neighbor's.
    for own in [json!({ "auth": "eDp5" }), json!({})] {
        let config = json!({ "auths": { HOST: own, "auth.example.com": { "auth": "dTpw" } } });
        let (report, sent) = shown(config, Some("u:p"));
        fails(&report, "oci-unauthorized", &[hint]);
        assert_eq!(sent, 0);
    }
    let (report, sent) = shown(json!({ "auths": { "auth.example.com": { "auth": "dTpw" } } }), Some("u:p"));
    fails(&report, "oci-unauthorized", &[hint]);
    assert_eq!(sent, 0);
    // A token that everybody gets and that is not enough.
    let scene = scene("Bearer realm=\"https://all.example.net/token\"", None);
    let token = json!({ "token": "for-everybody" }).to_string();
    scene.project.web.serve("https://all.example.net/token?scope=repository:team/tool:pull", token);
    let report = fetched(&scene, Logins::default(), false);
    fails(&report, "oci-unauthorized", &["there is no login for it", "`all.example.net` hands out the tokens"]);
}

/// Another registry's login in each way that a file has one, beside a login for the registry that names its realm: whatever
/// is asked of that registry, it sees nothing that was made with the other one, and the other one is not logged in to.
#[test]
fn a_registry_gets_no_token_that_another_login_made() {
    let program = |answers: [(&'static str, &'static str); 2]| Arc::new(Servers(answers));
    let neighbor = "auth.example.com";
    let kept = || program([(HOST, "x:y"), (neighbor, "u:p")]);
    let cases = [
        (json!({ "auths": { HOST: { "auth": "eDp5" }, neighbor: { "auth": "dTpw" } } }), None),
        (json!({ "auths": { HOST: { "auth": "eDp5" }, neighbor: { "identitytoken": "hush+&" } } }), None),
        (json!({ "auths": { HOST: { "identitytoken": "x" }, neighbor: { "identitytoken": "hush+&" } } }), None),
        (
            json!({ "auths": { HOST: { "auth": "eDp5" }, neighbor: {} }, "credHelpers": { neighbor: "x" } }),
            Some(kept()),
        ),
        (json!({ "auths": { HOST: {}, neighbor: {} }, "credsStore": "x" }), Some(kept())),
        (json!({ "auths": { HOST: {}, neighbor: { "auth": "dTpw" } } }), None),
        (json!({ "auths": { "oci.example.com/team": { "auth": "eDp5" }, neighbor: { "auth": "dTpw" } } }), None),
        (json!({ "auths": { neighbor: { "auth": "dTpw" } }, "credHelpers": { HOST: "x" } }), Some(kept())),
    ];
    for (config, program) in cases {
        let scene = scene(ELSEWHERE, Some("u:p"));
        scene.project.write("tool", TOOL);
        let own = || {
            let logins = logins(config.clone());
            program.as_ref().map_or_else(|| logins.clone(), |program| logins.clone().with_keeper(Arc::clone(program)))
        };
        let settings = Settings { flags: &[], env: &|_| None, npmrc: &[], pip_conf: &[], built_in_npm: None };
        let registries = Registries::new(&settings).with_logins(own());
        let with = |run: &dyn Fn(&Ctx<'_>) -> Result<Report, pinfold_core::fault::Fault>| {
            scene.project.with(&Silent, |ctx| run(&Ctx { registries: &registries, ..*ctx }))
        };
        let push = super::push::push(&scene, None);
        let push = Push { files: vec![scene.project.path("tool")], allow_unsigned: true, ..push };
        let (from, to) = (format!("{HOST}/{REPO}:v1"), super::copy::layout(&scene, ""));
        let ends = [
            super::outcome(Ok(fetched(&scene, own(), false))),
            super::outcome(with(&|ctx| oci::verify(ctx, &(&scene.options("v1")).into()))),
            super::outcome(with(&|ctx| pull::run(ctx, &super::pull::wanted(&scene, true)))),
            super::outcome(with(&|ctx| copy::run(ctx, &super::copy::wanted(&scene, &from, &to, true)))),
            super::outcome(with(&|ctx| push::run(ctx, &push))),
        ];
        ends.into_iter().for_each(|end| super::is(end, 2, &["oci-unauthorized"]));
        let asked = scene.registry.asked();
        // Nobody is shown anything, and no form with an identity token is sent.
        assert!(
            asked.iter().all(|(url, shown)| shown.is_none() && url != "https://auth.example.com/token"),
            "{asked:?}"
        );
        let realm = asked.iter().filter(|(url, _)| url.starts_with("https://auth.example.com/token?")).count();
        assert!(realm >= 5, "{asked:?}");
    }
}

/// The registry's own realm leads to its neighbor's: neither login goes there.
#[test]
fn a_realm_that_leads_elsewhere_takes_no_login_with_it() {
    for neighbor in ["eDp5", "dTpw"] {
        let scene = scene(OWN, Some("u:p"));
        let registry = Arc::clone(&scene.registry);
        between(&scene, &[(HOST, &registry), ("auth.example.com", &registry)], |request, ask| {
            let is_own = request.url.host() == HOST && request.url.path() == "/token";
            let location = "https://auth.example.com/token?scope=repository:team/tool:pull".to_owned();
            if is_own { Ok(Response { location: Some(location), ..status(307) }) } else { ask() }
        });
        let config = json!({ "auths": { HOST: { "auth": "dTpw" }, "auth.example.com": { "auth": neighbor } } });
        fails(&fetched(&scene, logins(config), false), "oci-unauthorized", &[]);
        let asked = scene.registry.asked();
        assert!(asked.iter().any(|(url, _)| url.starts_with("https://auth.example.com/token?")), "{asked:?}");
        assert!(asked.iter().all(|(_, shown)| shown.is_none()), "{asked:?}");
    }
}

/// A program that has a login for each server.
#[derive(Debug)]
struct Servers([(&'static str, &'static str); 2]);

impl Keeper for Servers {
    fn get(&self, _: &str, server: &str) -> Result<Said, String> {
        let (_, login) = self.0.iter().find(|(name, _)| *name == server).ok_or("nobody asks for this one")?;
        let (user, secret) = login.split_once(':').expect("both");
        let answer = json!({ "Username": user, "Secret": secret }).to_string().into_bytes();
        Ok(Said { is_success: true, answer, complaint: Vec::new() })
    }
}

#[test]
fn where_another_name_may_have_the_login_it_is_told() {
    let scene = scene(OWN, Some("u:p"));
    let report =
        fetched(&scene, logins(json!({ "auths": { "https://index.example.com/v1/": { "auth": "dTpw" } } })), false);
    let hint = "`config.json` names `index.example.com`: a login for `oci.example.com` has to stand under that name";
    fails(&report, "oci-unauthorized", &["there is no login for it", hint]);
}

/// A program in memory, and what it was asked.
#[derive(Debug)]
struct Program(Result<Said, String>, Mutex<Vec<String>>);

impl Keeper for Program {
    fn get(&self, program: &str, server: &str) -> Result<Said, String> {
        self.1.lock().expect("no panic").push(format!("{program} {server}"));
        self.0.clone()
    }
}

fn said(is_success: bool, answer: &str) -> Arc<Program> {
    let said = Said { is_success, answer: answer.into(), complaint: Vec::new() };
    Arc::new(Program(Ok(said), Mutex::default()))
}

const NONE: &str = "credentials not found in native keychain\n";
const GOOD: &str = r#"{"ServerURL":"x","Username":"u","Secret":"p"}"#;
const TOKEN: &str = r#"{"ServerURL":"x","Username":"<token>","Secret":"hush+&"}"#;

#[test]
fn a_program_is_asked_when_a_registry_asks() {
    let config = || logins(json!({ "credHelpers": { HOST: "own" }, "credsStore": "all" }));
    let with = |scene: &Scene, program: &Arc<Program>, offline| {
        let report = fetched(scene, config().with_keeper(Arc::clone(program)), offline);
        (report, std::mem::take(&mut *program.1.lock().expect("no panic")))
    };
    let asked = [format!("docker-credential-own {HOST}")];
    for (challenge, answer) in [(OWN, GOOD), (OWN, TOKEN), ("Basic realm=x", GOOD)] {
        let scene = scene(challenge, Some("u:p"));
        let (report, programs) = with(&scene, &said(true, answer), false);
        assert_eq!(report.exit_code(), 0, "{}", human(&report));
        assert!(!programs.is_empty() && programs.iter().all(|one| *one == asked[0]), "{programs:?}");
        // What is had already is not asked for again, and nobody is asked offline.
        let run = |ctx: &Ctx<'_>| verify::run(ctx, &verify::Options::default());
        assert_eq!(scene.project.with(&Silent, run).expect("a report").exit_code(), 0);
        let (report, programs) = with(&scene, &said(true, answer), true);
        assert_eq!((report.exit_code(), codes(&report), programs.len()), (2, vec!["offline"], 0), "{}", human(&report));
    }
    // Nobody asks: no program is.
    let open = scene(OWN, None);
    open.set(|knobs| knobs.challenge = None);
    let (report, programs) = with(&open, &said(false, "broken"), false);
    assert_eq!((report.exit_code(), programs.len()), (0, 0), "{}", human(&report));
    // It has none: what everybody may read is read, and what is not is told.
    assert_eq!(with(&scene(OWN, None), &said(false, NONE), false).0.exit_code(), 0);
    fails(&with(&scene(OWN, Some("u:p")), &said(false, NONE), false).0, "oci-unauthorized", &["there is no login"]);
    // It fails: that is no lack of a login, also where everybody may read.
    for (program, word) in [
        (said(false, "locked\u{7}"), "it says `locked\\u{7}`"),
        (said(true, "u:p"), "its answer is no login"),
        (Arc::new(Program(Err("it is not there".to_owned()), Mutex::default())), "it is not there"),
    ] {
        let report = with(&scene(OWN, None), &program, false).0;
        let place = "`docker-credential-own` did not say the login for `oci.example.com`";
        fails(&report, "oci-credential-helper", &[place, word, "see what `docker-credential-own get` says"]);
    }
    // Nobody who runs it.
    let report = fetched(&scene(OWN, Some("u:p")), config(), false);
    fails(&report, "oci-unauthorized", &["leaves the login to a program, which was not run"]);
}
