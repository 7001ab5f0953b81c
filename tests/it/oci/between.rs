//! Somebody between pinfold and a registry, who changes what is asked or answered.

use std::io;
use std::sync::Arc;

use pinfold_net::http::{Http, HttpError, RegistryHeaders, Request, Response};

use super::Scene;
use super::registry::Registry;

pub(super) type Answer = Result<Response, HttpError>;
type Script = dyn Fn(&Request<'_>, &dyn Fn() -> Answer) -> Answer + Send + Sync;

/// A registry, and what is done with each request; the second argument asks the registry.
struct Between(Arc<Registry>, Arc<Script>);

impl Http for Between {
    fn exchange(&self, request: &Request<'_>) -> Answer {
        (self.1)(request, &|| self.0.exchange(request))
    }
}

/// Puts a script between registries and everybody who asks for these hosts.
pub(super) fn between(
    scene: &Scene,
    registries: &[(&str, &Arc<Registry>)],
    script: impl Fn(&Request<'_>, &dyn Fn() -> Answer) -> Answer + Send + Sync + 'static,
) {
    let script: Arc<Script> = Arc::new(script);
    scene.project.web.forget();
    for (host, registry) in registries {
        let between = Between(Arc::clone(registry), Arc::clone(&script));
        scene.project.web.lead(&format!("https://{host}/"), Arc::new(between));
    }
}

/// An answer with nothing in it.
pub(super) fn status(status: u16) -> Response {
    Response {
        status,
        location: None,
        content_length: Some(0),
        content_type: None,
        content_encoding: None,
        retry_after: None,
        part: Default::default(),
        registry: RegistryHeaders::default(),
        body: Box::new(io::empty()),
    }
}

/// An error of a registry, in its own words.
pub(super) fn error(code: &str, of: u16) -> Response {
    let body = format!("{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"no\"}}]}}").into_bytes();
    Response { content_length: u64::try_from(body.len()).ok(), body: Box::new(io::Cursor::new(body)), ..status(of) }
}

/// A connection that ended.
pub(super) fn dropped() -> Answer {
    Err(HttpError::Closed(io::ErrorKind::ConnectionReset.into()))
}
