//! What the registry in memory does when it is written to.

use std::io::Read as _;

use pinfold_net::http::Method;
use serde_json::Value;

use super::registry::{Answer, Knobs, Registry, digest as registry_digest};

impl Registry {
    /// Uploads, and manifests that are put.
    pub(super) fn write(&self, knobs: &Knobs, method: Method<'_>, repo: &str, kind: &str, what: &str) -> Answer {
        match (kind, method) {
            _ if knobs.evil == "read-only" => Answer::status(403),
            ("/blobs/", Method::Post(_)) => {
                let own = format!("/v2/{repo}/blobs/uploads/1?state=a%2Fb");
                let location = knobs.uploads.map_or(own, str::to_owned);
                let mut answer = Answer::status(202);
                answer.location = Some(location);
                answer
            }
            ("/blobs/", Method::Put(_)) => {
                let bytes = received(method);
                if knobs.fails > 0 {
                    self.knobs.lock().expect("no panic").fails -= 1;
                    return Answer::status(503);
                }
                let digest = what.split_once("&digest=").expect("a digest").1;
                if !knobs.races {
                    return self.put_blob(knobs, digest, bytes);
                }
                let is_first = self.arriving.lock().expect("no panic").insert(digest.to_owned());
                std::thread::sleep(std::time::Duration::from_millis(30));
                if !is_first {
                    return Answer::status(500);
                }
                let answer = self.put_blob(knobs, digest, bytes);
                self.arriving.lock().expect("no panic").remove(digest);
                answer
            }
            ("/manifests/", Method::Put(_)) => self.put_manifest(knobs, repo, what, received(method)),
            _ => panic!("{method:?} of {kind}"),
        }
    }

    pub(super) fn put_blob(&self, knobs: &Knobs, digest: &str, bytes: Option<Vec<u8>>) -> Answer {
        let Some(bytes) = bytes else { return Answer::status(400) };
        assert_eq!(registry_digest(&bytes), digest, "what came has another digest");
        self.sent.lock().expect("no panic").push(format!("blob {digest}"));
        if knobs.forgets != Some("blobs") {
            self.blob(&bytes);
        }
        let mut answer = Answer::status(201);
        answer.headers.content_digest =
            Some(if knobs.evil == "other-digest" { registry_digest(b"x") } else { digest.to_owned() });
        answer
    }

    fn put_manifest(&self, knobs: &Knobs, repo: &str, by: &str, bytes: Option<Vec<u8>>) -> Answer {
        let bytes = bytes.expect("a manifest");
        let manifest: Value = serde_json::from_slice(&bytes).expect("JSON");
        let kind = manifest["mediaType"].as_str().expect("a kind").to_owned();
        let digest = registry_digest(&bytes);
        let blobs = manifest["layers"].as_array().into_iter().flatten().chain(manifest.get("config"));
        for blob in blobs.filter(|_| knobs.forgets.is_none()) {
            assert!(self.has(blob["digest"].as_str().expect("a digest")), "{by} before its blobs");
        }
        // As docker-registry does, which looks into lists too.
        let listed = manifest["manifests"].as_array().into_iter().flatten();
        let mut listed = listed.map(|one| (repo.to_owned(), one["digest"].as_str().expect("a digest").to_owned()));
        if !listed.all(|one| self.manifests.lock().expect("no panic").contains_key(&one)) {
            return Answer::status(400);
        }
        self.sent.lock().expect("no panic").push(format!("manifest {by}"));
        let forgets = match knobs.forgets {
            Some("referrers") => manifest.get("subject").is_some(),
            Some("manifests") => true,
            Some("tags") => !by.contains(':'),
            _ => false,
        };
        if !forgets {
            self.manifests.lock().expect("no panic").insert((repo.to_owned(), digest.clone()), (kind, bytes));
            if !by.contains(':') {
                let stands_for = if by.starts_with("sha256-") { None } else { knobs.moves };
                self.tag(repo, by, stands_for.unwrap_or(&digest));
            }
        }
        let mut answer = Answer::status(201);
        answer.headers.content_digest = Some(digest);
        if knobs.referrers.is_none() {
            answer.headers.subject = manifest["subject"]["digest"].as_str().map(str::to_owned);
        }
        answer
    }
}

/// What is sent, whole; nothing where it breaks off.
pub(super) fn received(method: Method<'_>) -> Option<Vec<u8>> {
    let Method::Put(content) = method else { panic!("nothing is sent") };
    let mut bytes = Vec::new();
    content.open().ok()?.read_to_end(&mut bytes).ok()?;
    assert_eq!(u64::try_from(bytes.len()).ok(), Some(content.length()));
    Some(bytes)
}
