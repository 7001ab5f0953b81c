//! `oci push` to registries that break off, forget, ask again and are slow to say what they have.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_net::docker_config::Logins;
use pinfold_net::http::{Clock, Method, Request, Response, Rules, Timeouts};
use pinfold_net::source::credentials::Credentials;
use pinfold_oci::Descriptor;
use pinfold_oci::registry::{OciError, Repository};

use super::between::{between, dropped, error, status};
use super::push::{good, push, run, scene};
use super::registry::{HOST, Knobs, Registry, digest};
use super::writes::received;
use super::{REPO, Scene, is, outcome};

const CHALLENGE: &str = "Bearer realm=\"https://oci.example.com/token\",service=\"mini\"";

/// Puts a script between the scene's registry and everybody.
fn meddle(
    scene: &Scene,
    script: impl Fn(&Request<'_>, &dyn Fn() -> super::between::Answer) -> super::between::Answer + Send + Sync + 'static,
) {
    let registry = &scene.registry;
    between(scene, &[(HOST, registry), ("cdn.example.com", registry), ("auth.example.com", registry)], script);
}

fn counter() -> (Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let one = Arc::new(AtomicUsize::new(0));
    (Arc::clone(&one), one)
}

const fn is_put(request: &Request<'_>) -> bool {
    matches!(request.method, Method::Put(_))
}

fn is_about(request: &Request<'_>, part: &str) -> bool {
    request.url.path().contains(part)
}

#[test]
fn a_registry_may_list_what_it_does_not_say_that_it_lists() {
    for has_list in [true, false] {
        let (scene, key) = scene(Knobs::default());
        meddle(&scene, move |request, ask| {
            let mut answer = ask()?;
            answer.registry.subject = None;
            if !has_list && is_about(request, "/referrers/") {
                let bytes =
                    b"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}";
                return Ok(Response { content_length: None, body: Box::new(&bytes[..]), ..answer });
            }
            Ok(answer)
        });
        good(&scene, &push(&scene, Some(&key)));
        is(scene.verified(), 0, &[]);
        let tag = scene.registry.digest_of(REPO, "v1").replace(':', "-");
        assert!(scene.registry.has_tag(REPO, &tag), "who does not say `OCI-Subject` keeps no list that others rely on");
    }
}

#[test]
fn a_list_may_be_a_moment_late() {
    let (scene, key) = scene(Knobs::default());
    let (asked, count) = counter();
    meddle(&scene, move |request, ask| {
        let is_early = is_about(request, "/referrers/") && asked.fetch_add(1, Ordering::SeqCst) < 2;
        if is_early { Ok(status(404)) } else { ask() }
    });
    good(&scene, &push(&scene, Some(&key)));
    assert!(count.load(Ordering::SeqCst) >= 3);
    is(scene.verified(), 0, &[]);
}

/// Nobody waits: pauses are written down.
#[derive(Default)]
struct Hasty(Mutex<Vec<Duration>>);

impl Clock for Hasty {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn calendar(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, pause: Duration) {
        self.0.lock().expect("no panic").push(pause);
    }
}

/// Sends one blob; what came of it, and the pauses.
fn put(scene: &Scene, bytes: &[u8]) -> (Result<bool, OciError>, Vec<Duration>) {
    let (clock, credentials, logins) = (Hasty::default(), Credentials::default(), Logins::default());
    let rules = Rules::new(&credentials, &Timeouts::default(), Instant::now() + Duration::from_secs(60));
    let reference = format!("{HOST}/{REPO}:v1").parse().expect("a reference");
    let repository = Repository::new((&scene.project.web, rules, &clock), &logins, &reference).expect("a repository");
    let blob = Descriptor::of("x", Integrity::of(Algorithm::Sha256, bytes), u64::try_from(bytes.len()).expect("fits"));
    let outcome = repository.for_writing().put_blob(&blob, &bytes);
    (outcome, clock.0.into_inner().expect("no panic"))
}

#[test]
fn an_upload_waits_as_long_as_it_is_told() {
    for (code, asked, expected) in [(429, Some("7"), 7), (503, Some("3600"), 30), (429, None, 0)] {
        let scene = Scene::new();
        let (count, _) = counter();
        meddle(&scene, move |request, ask| match is_put(request) && count.fetch_add(1, Ordering::SeqCst) == 0 {
            true => Ok(Response { retry_after: asked.map(str::to_owned), ..status(code) }),
            false => ask(),
        });
        let (outcome, pauses) = put(&scene, b"hello");
        assert!(outcome.expect("it went through"));
        let [pause] = pauses.as_slice() else { panic!("{pauses:?}") };
        match asked {
            Some(_) => assert_eq!(*pause, Duration::from_secs(expected)),
            None => assert!(*pause <= Duration::from_secs(1), "{pause:?}"),
        }
    }
}

#[test]
fn an_answer_that_is_lost_costs_no_second_upload() {
    let scene = Scene::new();
    let (asked, count) = counter();
    meddle(&scene, move |request, ask| match is_put(request) {
        true => {
            asked.fetch_add(1, Ordering::SeqCst);
            drop(ask()?);
            dropped()
        }
        false => ask(),
    });
    assert!(put(&scene, b"hello").0.expect("it is there"));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    // One that was lost itself is sent again, as often as anything.
    let (asked, count) = counter();
    meddle(&scene, move |request, ask| match is_put(request) {
        true => {
            asked.fetch_add(1, Ordering::SeqCst);
            dropped()
        }
        false => ask(),
    });
    assert_eq!(put(&scene, b"world").0.expect_err("nothing came").code(), "http-closed");
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[test]
fn a_token_may_run_out_in_the_middle() {
    // The registry has forgotten the upload when the new token comes.
    let (scene, key) = scene(Knobs { challenge: Some(CHALLENGE), ..Knobs::default() });
    let (count, _) = counter();
    meddle(&scene, move |request, ask| {
        if !is_put(request) || !is_about(request, "/uploads/") {
            return ask();
        }
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => {
                let mut answer = error("UNAUTHORIZED", 401);
                answer.registry.authenticate = Some(CHALLENGE.to_owned());
                Ok(answer)
            }
            1 => Ok(error("BLOB_UPLOAD_UNKNOWN", 404)),
            _ => ask(),
        }
    });
    good(&scene, &push(&scene, Some(&key)));
    // One that wants ever new tokens has an end.
    let (scene, key) = super::push::scene(Knobs { challenge: Some(CHALLENGE), ..Knobs::default() });
    meddle(&scene, move |request, ask| match is_put(request) {
        true => {
            let mut answer = error("UNAUTHORIZED", 401);
            answer.registry.authenticate = Some(CHALLENGE.to_owned());
            Ok(answer)
        }
        false => ask(),
    });
    is(outcome(run(&scene, &push(&scene, Some(&key)))), 2, &["oci-unauthorized"]);
}

#[test]
fn a_registry_may_take_uploads_beside_its_own_paths() {
    // Its own origin is shown the token, which it handed out itself; another one is not.
    let (scene, key) = scene(Knobs { challenge: Some(CHALLENGE), ..Knobs::default() });
    let shown = Arc::new(Mutex::new(Vec::new()));
    let (seen, registry) = (Arc::clone(&shown), Arc::clone(&scene.registry));
    meddle(&scene, move |request, ask| {
        if is_put(request) && is_about(request, "/uploads-here/") {
            let is_shown = request.headers.iter().any(|(name, _)| *name == "Authorization");
            seen.lock().expect("no panic").push(is_shown);
            registry.blob(&received(request.method).expect("all of it"));
            return Ok(status(201));
        }
        let mut answer = ask()?;
        if matches!(request.method, Method::Post(_)) {
            answer.location = Some("/uploads-here/1?state=a".to_owned());
        }
        Ok(answer)
    });
    good(&scene, &push(&scene, Some(&key)));
    let shown = shown.lock().expect("no panic").clone();
    assert!(!shown.is_empty() && shown.iter().all(|one| *one), "{shown:?}");
}

#[test]
fn a_registry_that_does_not_take_it_says_why() {
    for (code, of, expected) in
        [("TOOBIG", 413, "oci-refused"), ("DENIED", 403, "oci-refused"), ("x", 307, "call-redirected")]
    {
        for of_post in [true, false] {
            let (scene, key) = scene(Knobs::default());
            meddle(&scene, move |request, ask| {
                let is_meant = if of_post { matches!(request.method, Method::Post(_)) } else { is_put(request) };
                if !is_meant {
                    return ask();
                }
                Ok(Response {
                    location: Some("https://cdn.example.com/elsewhere?secret=1".to_owned()),
                    ..error(code, of)
                })
            });
            let failure = run(&scene, &push(&scene, Some(&key))).expect_err("it is not taken");
            let finding = failure.findings().remove(0);
            assert_eq!((failure.verdict().exit_code(), finding.code.as_str()), (2, expected), "{failure}");
            assert!(finding.hint.is_some() && !failure.to_string().contains("secret"), "{failure}");
            assert!(!scene.registry.has_tag(REPO, "v1"));
            assert!(scene.registry.asked().iter().all(|(url, _)| !url.contains("cdn.example.com")));
        }
    }
}

#[test]
fn what_cannot_be_looked_for_is_sent_and_read_back() {
    type Change = fn(Response) -> Response;
    let elsewhere =
        |to: &'static str| move |answer: Response| Response { status: 307, location: Some(to.to_owned()), ..answer };
    let cases: [(Change, u8, &[&str]); 4] = [
        (|_| status(405), 0, &[]),
        (|_| status(501), 0, &[]),
        (|answer| Response { content_length: None, ..answer }, 0, &[]),
        (
            |mut answer| {
                answer.registry.content_digest = (answer.status == 200).then(|| digest(b"x"));
                answer
            },
            1,
            &["oci-header-digest"],
        ),
    ];
    for (change, exit, codes) in cases {
        let (scene, key) = scene(Knobs::default());
        meddle(&scene, move |request, ask| {
            let answer = ask()?;
            Ok(if matches!(request.method, Method::Head) { change(answer) } else { answer })
        });
        is(outcome(run(&scene, &push(&scene, Some(&key)))), exit, codes);
        if exit == 0 {
            is(scene.verified(), 0, &[]);
        }
    }
    // One that keeps nothing, and says so only to who asks for the bytes.
    let (scene, key) = scene(Knobs { forgets: Some("blobs"), ..Knobs::default() });
    meddle(&scene, |request, ask| if matches!(request.method, Method::Head) { Ok(status(405)) } else { ask() });
    is(outcome(run(&scene, &push(&scene, Some(&key)))), 1, &["oci-not-stored"]);
    // Blobs by plain http.
    let (scene, key) = super::push::scene(Knobs::default());
    let lead = elsewhere("http://cdn.example.com/x");
    meddle(&scene, move |request, ask| {
        let is_blob = is_about(request, "/blobs/sha256:");
        if is_blob { Ok(lead(status(307))) } else { ask() }
    });
    is(outcome(run(&scene, &push(&scene, Some(&key)))), 1, &["redirect-downgrade"]);
}

#[test]
fn a_manifest_is_kept_under_its_type() {
    for (code, exit, codes) in [(200, 0, &[][..]), (202, 0, &[]), (204, 0, &[]), (201, 1, &["manifest-content-type"])] {
        let (scene, key) = scene(Knobs::default());
        meddle(&scene, move |request, ask| {
            let answer = ask()?;
            Ok(match is_about(request, "/manifests/") {
                true if is_put(request) => Response { status: code, ..answer },
                true if exit == 1 && answer.status == 200 => {
                    Response { content_type: Some("application/octet-stream".to_owned()), ..answer }
                }
                _ => answer,
            })
        });
        is(outcome(run(&scene, &push(&scene, Some(&key)))), exit, codes);
        assert_eq!(scene.registry.has_tag(REPO, "v1"), exit == 0);
    }
}

#[test]
fn two_who_write_one_list_both_stay_in_it() {
    for lost in [1, 3, 99] {
        let (scene, key) = scene(Knobs { referrers: Some(404), ..Knobs::default() });
        let registry = Arc::clone(&scene.registry);
        let (count, _) = counter();
        // Somebody who read the list before puts theirs right behind ours, again and again.
        meddle(&scene, move |request, ask| {
            let answer = ask();
            let is_list = is_put(request) && is_about(request, "/manifests/sha256-");
            if is_list && count.fetch_add(1, Ordering::SeqCst) < lost {
                let subject = request.url.file_name().replacen('-', ":", 1);
                let theirs = registry.attach(REPO, &subject, &super::registry::Signer::new().signature(&subject));
                registry.fall_back(REPO, &subject, &[theirs]);
            }
            answer
        });
        let came_out = outcome(run(&scene, &push(&scene, Some(&key))));
        if lost == 99 {
            is(came_out, 1, &["oci-not-stored"]);
            assert!(!scene.registry.has_tag(REPO, "v1"));
            continue;
        }
        is(came_out, 0, &[]);
        is(scene.verified(), 0, &["unknown-key"]);
    }
}

#[test]
fn killed_at_any_moment_nothing_unsigned_is_to_be_seen() {
    let registry = |referrers| Knobs { referrers, ..Knobs::default() };
    for referrers in [None, Some(404)] {
        let mut moment = 0;
        loop {
            let (scene, key) = scene(registry(referrers));
            let (asked, count) = counter();
            // What is asked from then on is not even heard.
            meddle(
                &scene,
                move |_, ask| if asked.fetch_add(1, Ordering::SeqCst) < moment { ask() } else { Ok(status(418)) },
            );
            let came_out = outcome(run(&scene, &push(&scene, Some(&key)))).0;
            let is_over = count.load(Ordering::SeqCst) <= moment;
            assert_eq!(came_out == 0, is_over, "{moment}");
            meddle(&scene, |_, ask| ask());
            let artifact = shown(&scene.registry);
            if let Some(artifact) = &artifact {
                scene.registry.tag(REPO, "v2", artifact);
                let options = scene.options("v2");
                let verified = scene
                    .project
                    .with(&pinfold::ctx::Silent, |ctx| pinfold::commands::oci::verify(ctx, &(&options).into()));
                is(outcome(verified), 0, &[]);
            }
            assert!(artifact.is_some() || !scene.registry.has_tag(REPO, "v1"));
            good(&scene, &push(&scene, Some(&key)));
            is(scene.verified(), 0, &[]);
            if is_over {
                break;
            }
            moment += 1;
        }
        assert!(moment > 15, "{moment}");
    }
}

/// The artifact of the scene, if it is to be seen.
fn shown(registry: &Registry) -> Option<String> {
    let tool = digest(b"#!tool");
    let manifests = registry.manifests.lock().expect("no panic");
    let found = manifests.iter().find(|(_, (_, bytes))| String::from_utf8_lossy(bytes).contains(&tool));
    found.map(|((_, digest), _)| digest.clone())
}
