//! A blob behind a redirect, on a server that breaks off.

use std::collections::BTreeSet;
use std::io::{self, Cursor, Read as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use pinfold::commands::fetch;
use pinfold::ctx::{Ctx, Progress, Step};
use pinfold::install::Conduct;
use pinfold_net::http::{Clock, Http, HttpError, PartHeaders, Request, Response};

use super::between::status;
use super::registry::{Registry, digest};
use super::{REPO, Scene};
use crate::support::{files_below, human};

/// The registry's own bytes, at most so many at once; of another version where that is asked for.
struct Cdn {
    registry: Arc<Registry>,
    piece: usize,
    ranges: Mutex<Vec<Option<String>>>,
}

impl Http for Cdn {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let mut answer = self.registry.exchange(request)?;
        let range = request.headers.iter().find(|(name, _)| *name == "Range").map(|(_, value)| value.clone());
        let start = range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        self.ranges.lock().expect("no panic").push(range);
        let mut body = Vec::new();
        answer.body.read_to_end(&mut body).expect("bytes");
        if let Some(start) = start {
            let content_range = Some(format!("bytes {start}-{}/{}", body.len() - 1, body.len()));
            (answer.status, answer.part) = (206, PartHeaders { etag: None, content_range });
        }
        let start = start.unwrap_or(0);
        answer.content_length = u64::try_from(body.len() - start).ok();
        let piece = body[start..body.len().min(start + self.piece)].to_vec();
        let is_cut = start + piece.len() < body.len();
        let end: Box<dyn io::Read + Send> = if is_cut { Box::new(Reset) } else { Box::new(io::empty()) };
        answer.body = Box::new(Cursor::new(piece).chain(end));
        Ok(answer)
    }
}

/// Tokens are good for one blob, or for a piece of it.
struct Brief {
    cdn: Cdn,
    used: Mutex<BTreeSet<String>>,
    tokens: Mutex<usize>,
}

impl Http for Brief {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let url = request.url.to_string();
        if url.contains("/token") {
            let mut tokens = self.tokens.lock().expect("no panic");
            *tokens += 1;
            let token = format!("{{\"token\":\"number-{tokens}\"}}").into_bytes();
            return Ok(Response { content_length: None, body: Box::new(Cursor::new(token)), ..status(200) });
        }
        let shown = request.headers.iter().find(|(name, _)| *name == "Authorization").map(|(_, value)| value.clone());
        let mut used = self.used.lock().expect("no panic");
        if shown.is_none_or(|shown| url.contains("/blobs/") && !used.insert(shown)) {
            let mut answer = status(401);
            answer.registry.authenticate = Some("Bearer realm=\"https://oci.example.com/token\"".to_owned());
            return Ok(answer);
        }
        self.cdn.exchange(request)
    }
}

struct Reset;

impl io::Read for Reset {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

/// Nobody waits.
struct Hasty;

impl Clock for Hasty {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn calendar(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, _: Duration) {}
}

#[derive(Default)]
struct Heard(Mutex<Vec<(u64, Option<u64>)>>);

impl Progress for Heard {
    fn step(&self, _: &str, _: Step) {}

    fn received(&self, _: &str, bytes: u64, total: Option<u64>) {
        self.0.lock().expect("no panic").push((bytes, total));
    }

    fn waiting(&self, _held: &pinfold_core::fs::Held) {}
}

#[test]
fn a_blob_comes_in_pieces() {
    let scene = Scene::new();
    let tool: Vec<u8> = (0..1_000_000_u32).map(|number| u8::try_from(number % 251).expect("fits")).collect();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", &tool)]);
    super::pins::pinned(&scene, &artifact, &tool, "format = \"raw\"");
    scene.set(|knobs| {
        knobs.redirect = Some("https://pieces.example.net/cdn/");
        knobs.challenge = Some("Bearer realm=\"https://oci.example.com/token\"");
    });
    let cdn = Arc::new(Cdn { registry: Arc::clone(&scene.registry), piece: 300_000, ranges: Mutex::default() });
    scene.project.web.lead("https://pieces.example.net/", Arc::clone(&cdn));
    let heard = Heard::default();
    let fetch = || {
        let options = fetch::Options { pins: Vec::new(), conduct: Conduct::default() };
        scene.project.with(&heard, |ctx| fetch::run(&Ctx { clock: &Hasty, ..*ctx }, &options)).expect("a report")
    };
    let report = fetch();
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert_eq!(std::fs::read(scene.project.path("vendor/tool")).expect("a file"), tool);
    let ranges = std::mem::take(&mut *cdn.ranges.lock().expect("no panic"));
    let expected = [None, Some("bytes=300000-"), Some("bytes=600000-"), Some("bytes=900000-")];
    assert_eq!(ranges, expected.map(|one| one.map(str::to_owned)));
    // What is told of progress goes forward, and is of one whole.
    let heard = heard.0.into_inner().expect("no panic");
    assert!(heard.windows(2).all(|pair| pair[0].0 < pair[1].0) && heard.len() > 3, "{heard:?}");
    assert!(heard.iter().all(|(_, total)| *total == Some(1_000_000)));
    // Each piece is had through the registry, with its token; whom it leads to gets none (the server would refuse it).
    let asked = scene.registry.asked();
    let blobs = asked.iter().filter(|(url, shown)| url.contains("/blobs/") && shown.is_some()).count();
    assert_eq!(blobs, 4, "{asked:?}");

    // Bytes that are wrong in pieces are wrong as a whole, and asked for once more only.
    scene.registry.rot(&digest(&tool));
    for folder in [scene.project.store_folder(), scene.project.path("vendor")] {
        std::fs::remove_dir_all(folder).expect("a folder");
    }
    let cdn_pieces = |piece| Cdn { registry: Arc::clone(&scene.registry), piece, ranges: Mutex::default() };
    let cdn = Arc::new(cdn_pieces(600_000));
    scene.set(|knobs| knobs.redirect = Some("https://more.example.net/cdn/"));
    scene.project.web.lead("https://more.example.net/", Arc::clone(&cdn));
    let options = fetch::Options { pins: Vec::new(), conduct: Conduct::default() };
    let run = |ctx: &Ctx<'_>| fetch::run(&Ctx { clock: &Hasty, ..*ctx }, &options);
    let report = scene.project.with(&pinfold::ctx::Silent, run).expect("a report");
    assert_eq!(report.exit_code(), 2, "{}", human(&report));
    let ranges = std::mem::take(&mut *cdn.ranges.lock().expect("no panic"));
    assert_eq!(ranges[..3], [None, Some("bytes=600000-".to_owned()), None], "then whole, and cut each time");
    assert!(ranges[3..].iter().all(Option::is_none) && files_below(&scene.project.path("vendor")).is_empty());
}

/// A token that ends in the middle of a blob is no token that is not good enough, however often it does.
#[test]
fn tokens_end_in_the_middle_of_a_blob() {
    for (piece, exit) in [(300_000, 0), (20_000, 2)] {
        let scene = Scene::new();
        let tool: Vec<u8> = (0..1_000_000_u32).map(|number| u8::try_from(number % 251).expect("fits")).collect();
        let artifact = scene.registry.artifact(REPO, "v1", &[("tool", &tool)]);
        super::pins::pinned(&scene, &artifact, &tool, "format = \"raw\"");
        let cdn = Cdn { registry: Arc::clone(&scene.registry), piece, ranges: Mutex::default() };
        let brief = Arc::new(Brief { cdn, used: Mutex::default(), tokens: Mutex::default() });
        scene.project.web.forget();
        scene.project.web.lead("https://oci.example.com/", Arc::clone(&brief));
        let options = fetch::Options { pins: Vec::new(), conduct: Conduct::default() };
        let run = |ctx: &Ctx<'_>| fetch::run(&Ctx { clock: &Hasty, ..*ctx }, &options);
        let report = scene.project.with(&pinfold::ctx::Silent, run).expect("a report");
        assert_eq!(report.exit_code(), exit, "{piece}: {}", human(&report));
        // Whoever hands out crumbs is not asked for ever.
        assert!(*brief.tokens.lock().expect("no panic") < 6, "{piece}");
    }
}
