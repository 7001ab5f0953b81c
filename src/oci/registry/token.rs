//! What a registry wants to see: a token of its realm, or the login itself.
//!
//! A login is looked for when a registry asks, and not before: a program may keep it. It goes to the server that it is
//! configured for: a realm elsewhere is shown one only where the file has the same for the registry and for that server.

use std::sync::PoisonError;

use serde_json::Value;

use super::write::refused;
use super::{OciError, Repository, SHOWN};
use crate::chain as places;
use crate::challenge::Challenge;
use pinfold_core::json;
use pinfold_core::url::Url;
use pinfold_net::docker_config::HelperError;
use pinfold_net::docker_config::Login;
use pinfold_net::http::{self, BodyLimit, Call, Failure, Method, Rules};
use pinfold_net::registry::ask::{Memory, bare};
use pinfold_net::source::credentials::{Credentials, Secret};

/// What was shown to whom.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Whether a login was.
    has_login: bool,
    /// The server of the realm, where that is another one.
    realm: Option<String>,
}

impl Repository<'_> {
    /// What to show for a challenge: a token of its realm, or the login itself.
    pub(super) fn answer(&self, challenge: &str) -> Result<Credentials, OciError> {
        let registry = || self.reference.registry().to_owned();
        let challenges = Challenge::parse_all(challenge).map_err(|_| OciError::Challenge { registry: registry() })?;
        let mut credentials = Credentials::default();
        if let Some(bearer) = challenges.iter().find(|one| one.scheme == "bearer") {
            credentials.add(&self.base, self.token(bearer)?);
            return Ok(credentials);
        }
        if !challenges.iter().any(|one| one.scheme == "basic") {
            let schemes = challenges.into_iter().map(|one| one.scheme).collect();
            return Err(OciError::Scheme { registry: registry(), schemes });
        }
        let login = self.login().map_err(OciError::Helper)?;
        let secret = login.as_ref().and_then(password);
        self.remember(Shown { has_login: secret.is_some(), realm: None });
        credentials.add(&self.base, secret.ok_or_else(|| self.unauthorized())?);
        Ok(credentials)
    }

    fn login(&self) -> Result<Option<Login>, HelperError> {
        self.logins.find(self.reference.registry(), self.reference.repository())
    }

    fn token(&self, challenge: &Challenge) -> Result<Secret, OciError> {
        let registry = self.reference.registry();
        let text = challenge.parameters.get("realm").cloned().unwrap_or_default();
        let wrong = |reason: &str| OciError::Realm {
            registry: registry.to_owned(),
            realm: text.split('?').next().unwrap_or_default().chars().take(SHOWN).collect(),
            reason: reason.to_owned(),
        };
        let realm: Url = text.parse().map_err(|error| wrong(&format!("{error}")))?;
        let is_own = realm.origin() == self.base.origin();
        if !realm.is_https() && !is_own {
            return Err(wrong("a token is had by https, or from the registry itself"));
        }
        let server = realm.origin().authority();
        let login = if is_own {
            self.login()
        } else {
            self.logins.find_for_realm(registry, self.reference.repository(), &server)
        };
        let login = login.map_err(OciError::Helper)?;
        self.remember(Shown { has_login: login.is_some(), realm: (!is_own).then_some(server) });
        let service = challenge.parameters.get("service").map(String::as_str);
        let bytes = match &login {
            Some(Login::Identity(token)) => self.refreshed(&realm, service, token)?,
            other => self.granted(&realm, service, other.as_ref().and_then(password))?,
        };
        let token = |value: &Value| {
            let text = |name: &str| value.get(name).and_then(Value::as_str);
            text("token").or_else(|| text("access_token")).and_then(Secret::bearer)
        };
        let value = json::parse(&bytes, bytes.len()).ok();
        value.as_ref().and_then(token).ok_or_else(|| OciError::Token { realm: bare(&realm) })
    }

    /// What a realm says to who asks, with a login or without (distribution, "Token Authentication Specification").
    fn granted(&self, realm: &Url, service: Option<&str>, login: Option<Secret>) -> Result<Vec<u8>, OciError> {
        let repository = self.reference.repository();
        let asked = places::token_url(realm, service, repository, self.actions).map_err(OciError::Address)?;
        let mut credentials = Credentials::default();
        if let Some(login) = login {
            credentials.add(realm, login);
        }
        let rules = Rules { credentials: &credentials, accept: Some("application/json"), ..self.rules(0) };
        let mut memory = Memory::default();
        let limit = BodyLimit::AtMost(MAX_TOKEN_LEN);
        let answer = http::download(self.http, &asked, &rules, limit, self.clock, &mut memory);
        answer.map_err(|error| match &*error.failure {
            Failure::NotAuthorized { .. } => self.unauthorized(),
            _ => OciError::of(error),
        })?;
        Ok(memory.0)
    }

    /// What a realm says to who shows an identity token (distribution, "Oauth2 Token Authentication"; RFC 6749, section 6).
    /// The token is sent to the realm itself and follows no redirect.
    fn refreshed(&self, realm: &Url, service: Option<&str>, token: &str) -> Result<Vec<u8>, OciError> {
        self.hold_to_hosts(realm)?;
        let form = places::refresh_form(service, self.reference.repository(), self.actions, token);
        let headers = vec![
            ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
            ("Accept", "application/json".to_owned()),
        ];
        let Rules { deadline, backoff, attempts, .. } = self.rules(0);
        let method = Method::Post(form.as_bytes());
        let secret = Some(token);
        let call = Call { method, url: realm, headers, secret, limit: MAX_TOKEN_LEN, deadline, attempts, backoff };
        let reply = http::call(self.http, self.clock, &call).map_err(|error| OciError::Unanswered(Box::new(error)))?;
        match reply.status {
            200 => Ok(reply.body),
            // `invalid_grant` and its like (RFC 6749, section 5.2).
            400 | 401 | 403 => Err(self.unauthorized()),
            _ => Err(refused(realm, &reply)),
        }
    }

    fn remember(&self, shown: Shown) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    /// Why what was shown is not enough.
    pub(super) fn unauthorized(&self) -> OciError {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = self.reference.registry();
        OciError::Unauthorized {
            place: format!("{registry}/{}", self.reference.repository()),
            has_login: shown.has_login,
            elsewhere: self.logins.is_elsewhere(registry),
            unread: self.logins.why_unread().map(str::to_owned),
            realm: shown.realm.clone(),
            kin: self.logins.kin(registry).map(str::to_owned),
        }
    }
}

/// A login that is shown as it is.
fn password(login: &Login) -> Option<Secret> {
    match login {
        Login::Password(encoded) => Secret::basic(encoded),
        Login::Identity(_) => None,
    }
}

/// Longest answer of a realm, in bytes: tokens have some kilobytes.
const MAX_TOKEN_LEN: u64 = 1 << 20;
