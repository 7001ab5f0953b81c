//! An OCI registry in memory, with a knob for each way to be bad.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read};
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::oci::digest_text;
use pinfold_net::http::{Http, HttpError, Method, RegistryHeaders, Request, Response};
use pinfold_oci::{BUNDLE, INDEX, MANIFEST, SIMPLE_SIGNING, TITLE};
use serde_json::{Value, json};

pub(crate) use super::signer::Signer;

/// The registry of all these tests.
pub(crate) const HOST: &str = "oci.example.com";
/// What it does otherwise than it should, and what it wants to see.
#[derive(Clone, Default)]
pub(crate) struct Knobs {
    /// The referrers API: this status in place of it.
    pub(crate) referrers: Option<u16>,
    /// How many referrers a page has, 0 for all.
    pub(crate) page: usize,
    /// This status in place of every page but the first.
    pub(crate) later_pages: Option<u16>,
    /// A next page in place of the right one.
    pub(crate) next: Option<&'static str>,
    /// A challenge; tokens are handed out at the realm in it.
    pub(crate) challenge: Option<&'static str>,
    /// The realm asks for this login.
    pub(crate) login: Option<&'static str>,
    /// Blobs are elsewhere.
    pub(crate) redirect: Option<&'static str>,
    /// As `tools/miniregistry.py` has them.
    pub(crate) evil: &'static str,
    /// What it says to keep and does not: a part of the API, or of what is put there.
    pub(crate) forgets: Option<&'static str>,
    /// Where it wants uploads, in place of its own.
    pub(crate) uploads: Option<&'static str>,
    /// What a tag stands for as soon as it was put.
    pub(crate) moves: Option<&'static str>,
    /// How many uploads fail before one does not.
    pub(crate) fails: usize,
    /// It fails where the same bytes arrive twice at once, as docker-registry does.
    pub(crate) races: bool,
}

/// A repository, and a tag or digest in it.
type Name = (String, String);
/// What a manifest is called, and its bytes.
type Typed = (String, Vec<u8>);

#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) knobs: Mutex<Knobs>,
    blobs: Mutex<BTreeMap<String, Vec<u8>>>,
    pub(super) manifests: Mutex<BTreeMap<Name, Typed>>,
    tags: Mutex<BTreeMap<Name, String>>,
    asked: Mutex<Vec<(String, Option<String>)>>,
    /// What was sent, in order: the method, and the path.
    pub(super) sent: Mutex<Vec<String>>,
    /// What is arriving.
    pub(super) arriving: Mutex<BTreeSet<String>>,
}

pub(crate) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const TOKEN: &str = "a-token-for-one-repository";

pub(crate) fn digest(bytes: &[u8]) -> String {
    digest_text(&Integrity::of(Algorithm::Sha256, bytes))
}

impl Registry {
    pub(crate) fn with(knobs: Knobs) -> Self {
        Self { knobs: Mutex::new(knobs), ..Self::default() }
    }

    /// What `tools/miniregistry.py` answers to `/_dump`.
    pub(crate) fn load(&self, dump: &Value) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let bytes = |value: &Value| BASE64.decode(text(value)).expect("base64");
        for (digest, blob) in dump["blobs"].as_object().expect("blobs") {
            self.blobs.lock().expect("no panic").insert(digest.clone(), bytes(blob));
        }
        for one in dump["manifests"].as_array().expect("manifests") {
            let (key, value) = ((text(&one[0]), text(&one[1])), (text(&one[2]), bytes(&one[3])));
            self.manifests.lock().expect("no panic").insert(key, value);
        }
        for one in dump["tags"].as_array().expect("tags") {
            self.tag(&text(&one[0]), &text(&one[1]), &text(&one[2]));
        }
    }

    pub(crate) fn tag(&self, repo: &str, tag: &str, digest: &str) {
        self.tags.lock().expect("no panic").insert((repo.to_owned(), tag.to_owned()), digest.to_owned());
    }

    pub(crate) fn blob(&self, bytes: &[u8]) -> String {
        self.blobs.lock().expect("no panic").insert(digest(bytes), bytes.to_vec());
        digest(bytes)
    }

    /// A descriptor of bytes that are put there.
    pub(crate) fn layer(&self, media_type: &str, bytes: &[u8], notes: Value) -> Value {
        json!({ "mediaType": media_type, "digest": self.blob(bytes), "size": bytes.len(), "annotations": notes })
    }

    /// A manifest as it is, under its digest.
    pub(crate) fn manifest(&self, repo: &str, media_type: &str, manifest: &Value) -> String {
        let bytes = manifest.to_string().into_bytes();
        let digest = digest(&bytes);
        let value = (media_type.to_owned(), bytes);
        self.manifests.lock().expect("no panic").insert((repo.to_owned(), digest.clone()), value);
        digest
    }

    /// An artifact of files, as oras has them; its digest.
    pub(crate) fn artifact(&self, repo: &str, tag: &str, files: &[(&str, &[u8])]) -> String {
        let layers: Vec<Value> = files
            .iter()
            .map(|(title, bytes)| self.layer("application/octet-stream", bytes, json!({ TITLE: title })))
            .collect();
        let digest = self.manifest(repo, MANIFEST, &self.image("application/vnd.example.tool", &layers, None));
        self.tag(repo, tag, &digest);
        digest
    }

    pub(crate) fn image(&self, kind: &str, layers: &[Value], subject: Option<&str>) -> Value {
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind,
            "config": { "mediaType": EMPTY, "digest": self.blob(b"{}"), "size": 2 }, "layers": layers,
        });
        if let Some(subject) = subject {
            manifest["subject"] = json!({ "mediaType": MANIFEST, "digest": subject, "size": 1 });
        }
        manifest
    }

    /// Attaches a bundle as cosign 3 does; the digest of what is attached.
    pub(crate) fn attach(&self, repo: &str, subject: &str, bundle: &Value) -> String {
        let kind = format!("{BUNDLE}.v0.3+json");
        let layer = self.layer(&kind, bundle.to_string().as_bytes(), json!({}));
        self.manifest(repo, MANIFEST, &self.image(&kind, &[layer], Some(subject)))
    }

    /// Attaches signatures as cosign 2 does: payloads, each with its signature.
    pub(crate) fn attach_older(&self, repo: &str, subject: &str, signatures: &[(String, String)]) {
        let layer = |(payload, signature): &(String, String)| {
            let notes = json!({ "dev.cosignproject.cosign/signature": signature });
            self.layer(SIMPLE_SIGNING, payload.as_bytes(), notes)
        };
        let layers: Vec<Value> = signatures.iter().map(layer).collect();
        let digest = self.manifest(repo, MANIFEST, &self.image("", &layers, None));
        self.tag(repo, &format!("{}.sig", subject.replace(':', "-")), &digest);
    }

    /// Attaches signatures as cosign 2 does with `--registry-referrers-mode=oci-1-1`; the digest of what is attached.
    pub(crate) fn attach_older_referrer(&self, repo: &str, subject: &str, signature: &(String, String)) -> String {
        let notes = json!({ "dev.cosignproject.cosign/signature": signature.1 });
        let layer = self.layer(SIMPLE_SIGNING, signature.0.as_bytes(), notes);
        let kind = "application/vnd.dev.cosign.artifact.sig.v1+json";
        let mut manifest = self.image(kind, &[layer], Some(subject));
        manifest["config"]["mediaType"] = kind.into();
        manifest.as_object_mut().expect("an object").remove("artifactType");
        self.manifest(repo, MANIFEST, &manifest)
    }

    /// Puts what is attached where registries without the API have it.
    pub(crate) fn fall_back(&self, repo: &str, subject: &str, attached: &[String]) {
        let entry = |digest: &String| json!({ "mediaType": MANIFEST, "digest": digest, "size": self.len(repo, digest), "artifactType": EMPTY });
        let entries: Vec<Value> = attached.iter().map(entry).collect();
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
        let digest = self.manifest(repo, INDEX, &index);
        self.tag(repo, &subject.replace(':', "-"), &digest);
    }

    pub(crate) fn len(&self, repo: &str, digest: &str) -> usize {
        self.manifests.lock().expect("no panic")[&(repo.to_owned(), digest.to_owned())].1.len()
    }

    /// What a tag stood for is under its digest only.
    pub(crate) fn untag(&self, repo: &str, tag: &str) {
        self.tags.lock().expect("no panic").remove(&(repo.to_owned(), tag.to_owned()));
    }

    /// What a tag stands for.
    pub(crate) fn digest_of(&self, repo: &str, tag: &str) -> String {
        self.tags.lock().expect("no panic")[&(repo.to_owned(), tag.to_owned())].clone()
    }

    /// The manifest of a digest.
    pub(crate) fn bytes(&self, repo: &str, digest: &str) -> Vec<u8> {
        self.manifests.lock().expect("no panic")[&(repo.to_owned(), digest.to_owned())].1.clone()
    }

    /// The bytes of a digest.
    pub(crate) fn blob_of(&self, digest: &str) -> Vec<u8> {
        self.blobs.lock().expect("no panic")[digest].clone()
    }

    /// Whether a tag stands for anything.
    pub(crate) fn has_tag(&self, repo: &str, tag: &str) -> bool {
        self.tags.lock().expect("no panic").contains_key(&(repo.to_owned(), tag.to_owned()))
    }

    /// The tags of a repository.
    pub(crate) fn tags_of(&self, repo: &str) -> Vec<String> {
        let tags = self.tags.lock().expect("no panic");
        tags.keys().filter(|(of, _)| of == repo).map(|(_, tag)| tag.clone()).collect()
    }

    /// Whether there are bytes of this digest.
    pub(crate) fn has(&self, digest: &str) -> bool {
        self.blobs.lock().expect("no panic").contains_key(digest)
    }

    /// What was there is there no more.
    pub(crate) fn lose(&self, digest: &str) {
        self.blobs.lock().expect("no panic").remove(digest);
        self.manifests.lock().expect("no panic").retain(|(_, known), _| known != digest);
    }

    /// Other bytes under a digest.
    pub(crate) fn rot(&self, digest: &str) {
        let mut blobs = self.blobs.lock().expect("no panic");
        let blob = blobs.get_mut(digest).expect("a blob");
        *blob.last_mut().expect("a byte") ^= 1;
    }

    /// What was asked since the last call, and what was shown.
    pub(crate) fn asked(&self) -> Vec<(String, Option<String>)> {
        std::mem::take(&mut *self.asked.lock().expect("no panic"))
    }

    /// What was sent since the last call.
    pub(crate) fn sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.sent.lock().expect("no panic"))
    }

    fn answer(&self, method: Method<'_>, host: &str, path: &str, authorization: Option<&str>) -> Answer {
        let knobs = self.knobs.lock().expect("no panic").clone();
        if let Some(digest) = path.strip_prefix("/cdn/") {
            // As S3 does, where somebody else's secret arrives.
            let blob = self.blobs.lock().expect("no panic").get(digest).cloned();
            return if authorization.is_some() { Answer::status(400) } else { Answer::of(blob) };
        }
        if let (true, Method::Post(form)) = (path.starts_with("/token"), method) {
            return super::logins::refreshed(form, authorization, TOKEN).map_or_else(Answer::status, Answer::ok);
        }
        if path.starts_with("/token") {
            let shown = authorization.map(str::to_owned);
            let wanted = knobs.login.map(|login| format!("Basic {}", BASE64.encode(login)));
            let token = json!({ "token": TOKEN }).to_string().into_bytes();
            return if wanted.is_none() || shown == wanted { Answer::ok(token) } else { Answer::status(401) };
        }
        if let Some(digest) = path.strip_prefix("/elsewhere?digest=") {
            assert_eq!(authorization, None, "a secret for somebody else");
            return self.put_blob(&knobs, digest, super::writes::received(method));
        }
        assert!([HOST, "oci2.example.com"].contains(&host), "nobody else is asked for {path}");
        if let Some(challenge) = knobs.challenge
            && authorization != Some(&format!("Bearer {TOKEN}"))
            && (!challenge.starts_with("Basic") || authorization.is_none())
        {
            let mut answer = Answer::status(401);
            answer.headers.authenticate = Some(challenge.to_owned());
            return answer;
        }
        let path = path.strip_prefix("/v2/").expect("the API");
        let (repo, kind, what) = ["/manifests/", "/blobs/", "/referrers/"]
            .iter()
            .find_map(|kind| path.split_once(kind).map(|(repo, what)| (repo, *kind, what)))
            .expect("a part of the API");
        if !matches!(method, Method::Get | Method::Head) {
            return self.write(&knobs, method, repo, kind, what);
        }
        match kind {
            "/blobs/" => self.get_blob(&knobs, what, repo),
            "/manifests/" => self.get_manifest(&knobs, repo, what),
            _ => self.get_referrers(&knobs, repo, what),
        }
    }

    fn get_blob(&self, knobs: &Knobs, digest: &str, repo: &str) -> Answer {
        let Some(mut blob) = self.blobs.lock().expect("no panic").get(digest).cloned() else {
            return Answer::status(404);
        };
        match (knobs.redirect, knobs.evil) {
            (Some(to), _) => {
                return Answer { location: Some(format!("{to}{digest}?signature=abc")), ..Answer::status(307) };
            }
            (_, "loop") => {
                let location = format!("https://{HOST}/v2/{repo}/blobs/{digest}");
                return Answer { location: Some(location), ..Answer::status(307) };
            }
            (_, "blob") => *blob.last_mut().expect("a byte") ^= 1,
            (_, "short") => blob.truncate(blob.len() / 2),
            _ => {}
        }
        Answer { kind: Some("application/octet-stream".into()), ..Answer::ok(blob) }
    }

    fn get_manifest(&self, knobs: &Knobs, repo: &str, by: &str) -> Answer {
        let tag = self.tags.lock().expect("no panic").get(&(repo.to_owned(), by.to_owned())).cloned();
        let digest = tag.unwrap_or_else(|| by.to_owned());
        let found = self.manifests.lock().expect("no panic").get(&(repo.to_owned(), digest.clone())).cloned();
        let Some((kind, bytes)) = found else { return Answer::status(404) };
        let mut answer = Answer { kind: Some(kind), ..Answer::ok(bytes) };
        answer.headers.content_digest = Some(digest);
        match knobs.evil {
            "manifest" => {
                answer.body.insert(1, b' ');
                answer.headers.content_digest = None;
            }
            "cdigest" => answer.headers.content_digest = Some(self::digest(b"x")),
            "cdigest-form" => answer.headers.content_digest = Some("sha256:x".into()),
            "huge" => answer.is_endless = true,
            "ctype" => answer.kind = Some("application/json".into()),
            _ => {}
        }
        answer
    }

    fn get_referrers(&self, knobs: &Knobs, repo: &str, what: &str) -> Answer {
        if let Some(status) = knobs.referrers {
            return Answer::status(status);
        }
        let (subject, start) = what.split_once("?s=").unwrap_or((what, "0"));
        let start: usize = start.parse().expect("a number");
        if let Some(status) = knobs.later_pages.filter(|_| start > 0) {
            return Answer::status(status);
        }
        let manifests = self.manifests.lock().expect("no panic");
        let entries: Vec<Value> = manifests
            .iter()
            .filter(|((of, _), _)| of == repo)
            .filter_map(|((_, digest), (kind, bytes))| {
                let manifest: Value = serde_json::from_slice(bytes).ok()?;
                // As ghcr.io does: the type of the configuration.
                let artifact_type = &manifest["config"]["mediaType"];
                (manifest["subject"]["digest"] == subject).then(|| {
                    json!({ "mediaType": kind, "digest": digest, "size": bytes.len(), "artifactType": artifact_type })
                })
            })
            .collect();
        let mut link = None;
        let mut page = entries.clone();
        if knobs.page > 0 {
            page = entries.iter().skip(start).take(knobs.page).cloned().collect();
            let next = start + knobs.page;
            if next < entries.len() {
                let own = format!("/v2/{repo}/referrers/{subject}?s={next}");
                link = Some(format!("<{}>; rel=\"next\"", knobs.next.unwrap_or(&own)));
            }
        }
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": page });
        let kind = if knobs.evil == "referrers-type" { "text/plain" } else { INDEX };
        let mut answer = Answer { kind: Some(kind.into()), ..Answer::ok(index.to_string().into_bytes()) };
        answer.headers.link = link;
        answer
    }
}

pub(super) struct Answer {
    status: u16,
    kind: Option<String>,
    pub(super) location: Option<String>,
    pub(super) headers: RegistryHeaders,
    body: Vec<u8>,
    is_endless: bool,
}

impl Answer {
    pub(super) fn status(status: u16) -> Self {
        let headers = RegistryHeaders::default();
        Self { status, kind: None, location: None, headers, body: Vec::new(), is_endless: false }
    }

    fn ok(body: Vec<u8>) -> Self {
        Self { body, ..Self::status(200) }
    }

    fn of(body: Option<Vec<u8>>) -> Self {
        body.map_or_else(|| Self::status(404), Self::ok)
    }
}

impl Http for Registry {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let authorization = request.headers.iter().find(|(name, _)| *name == "Authorization").map(|(_, value)| value);
        self.asked.lock().expect("no panic").push((request.url.to_string(), authorization.cloned()));
        let text = request.url.to_string();
        let path = text.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        let path = if path.starts_with("/cdn/") { request.url.path().to_owned() } else { path };
        let mut answer = self.answer(request.method, request.url.host(), &path, authorization.map(String::as_str));
        let length = u64::try_from(answer.body.len()).expect("fits");
        if matches!(request.method, Method::Head) {
            answer.body.clear();
        }
        let tail: Box<dyn Read + Send> =
            if answer.is_endless { Box::new(io::repeat(b' ')) } else { Box::new(io::empty()) };
        Ok(Response {
            status: answer.status,
            location: answer.location,
            content_length: (!answer.is_endless).then_some(length),
            content_type: answer.kind,
            content_encoding: None,
            retry_after: None,
            part: Default::default(),
            registry: answer.headers,
            body: Box::new(Cursor::new(answer.body).chain(tail)),
        })
    }
}
