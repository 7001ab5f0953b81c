//! The identity token of a job in GitHub Actions, which the runner hands out over HTTP.

use serde_json::Value;

use super::Door;
use super::ask::Question;
use super::error::{KeylessError, Service};
use super::token::{AUDIENCE, IdentityToken};
use pinfold_core::url::Url;
use pinfold_net::source::credentials::Secret;

/// Where a job gets its token: `ACTIONS_ID_TOKEN_REQUEST_URL`, with what `ACTIONS_ID_TOKEN_REQUEST_TOKEN` says.
#[derive(Debug, Clone)]
pub struct ActionsRequest {
    /// The address, to which the audience is added.
    pub url: Url,
    /// What the runner lets the job ask with; it goes to that address and to no other.
    pub secret: Secret,
}

impl ActionsRequest {
    pub(super) fn token(&self, door: Door<'_>) -> Result<IdentityToken, KeylessError> {
        let text = self.url.to_string();
        let mark = if text.contains('?') { '&' } else { '?' };
        let url: Url = format!("{text}{mark}audience={AUDIENCE}").parse().unwrap_or_else(|_| self.url.clone());
        let mut question = Question::get(Service::Identity, &url);
        question.authorization = Some(self.secret.expose().to_owned());
        let reply = question.ask(door)?;
        if reply.status != 200 {
            // Not a word of it is shown: it is the one answer that could have the secret in it.
            let quiet = pinfold_net::http::Reply { body: Vec::new(), ..reply };
            return Err(question.denied(&quiet, None));
        }
        let answer = question.json(&reply.body)?;
        let value = answer.get("value").and_then(Value::as_str);
        Ok(IdentityToken::parse(value.ok_or_else(|| question.answer("there is no token in it"))?)?)
    }
}
