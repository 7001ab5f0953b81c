//! One question to a service: bounded in time, attempts and length, and what it says when it says no.

use std::time::Duration;

use serde_json::Value;

use super::Door;
use super::error::{KeylessError, Service};
use super::token::IdentityToken;
use pinfold_core::json;
use pinfold_core::url::Url;
use pinfold_net::http::{self, Backoff, Call, Method, Reply};

/// Whom to ask, and for what.
pub(super) struct Question<'a> {
    pub(super) service: Service,
    pub(super) url: &'a Url,
    pub(super) method: Method<'a>,
    /// `Content-Type`, or `Accept` where nothing is sent.
    pub(super) kind: &'static str,
    /// One more header: a credential.
    pub(super) authorization: Option<String>,
    /// What of the body is a secret.
    pub(super) secret: Option<&'a str>,
}

impl<'a> Question<'a> {
    pub(super) const fn post(service: Service, url: &'a Url, body: &'a [u8], kind: &'static str) -> Self {
        Self { service, url, method: Method::Post(body), kind, authorization: None, secret: None }
    }

    pub(super) const fn get(service: Service, url: &'a Url) -> Self {
        Self { service, url, method: Method::Get, kind: JSON, authorization: None, secret: None }
    }

    /// Asks. Any status that no further attempt would change comes back.
    pub(super) fn ask(&self, door: Door<'_>) -> Result<Reply, KeylessError> {
        let name = if matches!(self.method, Method::Get) { "Accept" } else { "Content-Type" };
        let mut headers = vec![(name, self.kind.to_owned())];
        headers.extend(self.authorization.clone().map(|secret| ("Authorization", secret)));
        let now = door.clock.now();
        let call = Call {
            method: self.method,
            url: self.url,
            headers,
            secret: self.secret,
            limit: MAX_ANSWER_LEN,
            deadline: now.checked_add(PATIENCE).unwrap_or(now),
            attempts: ATTEMPTS,
            backoff: Backoff::default(),
        };
        http::call(door.http, door.clock, &call)
            .map_err(|error| KeylessError::Unanswered { service: self.service, error })
    }

    /// Asks for something that is there, or made.
    pub(super) fn expect(&self, door: Door<'_>, secret: Option<&IdentityToken>) -> Result<Vec<u8>, KeylessError> {
        let reply = self.ask(door)?;
        if matches!(reply.status, 200 | 201) { Ok(reply.body) } else { Err(self.denied(&reply, secret)) }
    }

    /// A no, with the server's words: without anything of the token, and not endless.
    pub(super) fn denied(&self, reply: &Reply, secret: Option<&IdentityToken>) -> KeylessError {
        let said = words(&reply.body);
        let said = secret.map_or_else(|| said.clone(), |token| token.clean(&said));
        let message: String = said.chars().take(SHOWN).collect();
        KeylessError::Denied { service: self.service, url: bare(self.url), status: reply.status, message }
    }

    /// An answer that is none.
    pub(super) fn answer(&self, why: impl ToString) -> KeylessError {
        let why = why.to_string().chars().take(SHOWN).collect();
        KeylessError::Answer { service: self.service, url: bare(self.url), why }
    }

    /// Strict JSON of an answer.
    pub(super) fn json(&self, body: &[u8]) -> Result<Value, KeylessError> {
        // What a parser quotes of it could be anything; which place is wrong is for nobody here to mend.
        json::parse(body, body.len()).map_err(|_| self.answer("it is no JSON"))
    }
}

/// What an error's body says: `message` of gRPC's and of Rekor's JSON, else the text, if it is no page.
fn words(body: &[u8]) -> String {
    if let Ok(value) = json::parse(body, body.len()) {
        let message = value.get("message").or_else(|| value.get("error")).and_then(Value::as_str);
        return message.unwrap_or_default().trim().to_owned();
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.starts_with('<') { String::new() } else { text.to_owned() }
}

/// A URL without its query.
pub(super) fn bare(url: &Url) -> String {
    format!("{}{}", url.origin(), url.path())
}

/// An address below a service's base.
pub(super) fn below(service: Service, base: &Url, path: &str) -> Result<Url, KeylessError> {
    let text = format!("{}{}{path}", base.origin(), base.path().trim_end_matches('/'));
    text.parse().map_err(|_| KeylessError::Answer {
        service,
        url: bare(base),
        why: format!("`{path}` is no place below it"),
    })
}

pub(super) const JSON: &str = "application/json";
/// How often a service is asked: a restart behind a load balancer takes seconds.
const ATTEMPTS: u32 = 3;
/// How long for one service, attempts and pauses included. A log of tiles answers when it has published, which may take
/// 20 s; a certificate lives for 10 minutes.
const PATIENCE: Duration = Duration::from_secs(90);
/// Longest answer, in bytes: an entry of a log with a statement of many subjects is the longest.
const MAX_ANSWER_LEN: u64 = 16 << 20;
/// How much of a server's words a message shows, in characters.
const SHOWN: usize = 300;
