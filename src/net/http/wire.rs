//! [`Wire`]: [`Http`] over sockets, with `ureq`.
//!
//! What `ureq` would do of its own accord is switched off: redirects, decompression, a proxy out of the environment,
//! errors for statuses.

use std::collections::HashMap;
use std::io::{self, Read};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::header::{self, HeaderMap, HeaderName};
use ureq::tls::{Certificate, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector, Transport,
};
use ureq::{Agent, Body, BodyReader, RequestBuilder, SendBody};

use super::framing::{self, Counting};
use super::proxies::{self, ProxySettings};
use super::{
    Content, Http, HttpError, Method, PartHeaders, RegistryHeaders, Request, Response, TimeoutKind, Timeouts, roots,
};
use pinfold_core::text::Secrets;
use pinfold_core::url::Url;

/// How to reach servers.
#[derive(Debug, Clone, Default)]
pub struct WireConfig {
    /// Authorities beside the system's, as PEM.
    pub ca_file: Option<Vec<u8>>,
    /// Proxies; the default is none.
    pub proxies: ProxySettings,
    /// How long to bear with a server.
    pub timeouts: Timeouts,
    /// Where what is sent as a secret is noted, so that nobody shows it.
    pub secrets: Secrets,
}

/// The network. Connections are kept open and used again, by all threads that share it.
pub struct Wire {
    config: WireConfig,
    more_roots: Vec<Certificate<'static>>,
    plain: Agent,
    /// Made at the first https request, since to load the system's authorities takes milliseconds; one for each proxy
    /// (`None` for none).
    secure: Mutex<HashMap<Option<String>, Agent>>,
}

impl Wire {
    /// A network with this configuration. Nothing is connected yet.
    pub fn new(config: WireConfig) -> Result<Self, HttpError> {
        let more_roots = config.ca_file.as_deref().map(roots::from_pem).transpose()?.unwrap_or_default();
        let chain = ().chain(TcpConnector::default()).chain(Counting);
        let plain = Agent::with_parts(agent_config(&config.timeouts).build(), chain, Names::default());
        Ok(Self { config, more_roots, plain, secure: Mutex::default() })
    }

    fn agent_for(&self, url: &Url) -> Result<Agent, HttpError> {
        if !url.is_https() {
            return Ok(self.plain.clone());
        }
        let proxy = self.config.proxies.proxy_for(url);
        let mut agents = self.secure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&proxy.map(str::to_owned)) {
            return Ok(agent.clone());
        }
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(roots::with_system(&self.more_roots)?)
            .build();
        let config =
            agent_config(&self.config.timeouts).tls_config(tls).proxy(proxy.map(proxies::parse).transpose()?).build();
        let chain =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(Counting)
                .chain(SharedTls(RustlsConnector::default()));
        let agent = Agent::with_parts(config, chain, Names::default());
        agents.insert(proxy.map(str::to_owned), agent.clone());
        Ok(agent)
    }

    /// Before it is sent: the answer may be an error.
    fn note_secrets(&self, request: &Request<'_>) {
        let secrets = &self.config.secrets;
        for (_, value) in request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Authorization")) {
            secrets.add_authorization(value);
        }
        request.secret.into_iter().for_each(|secret| secrets.add(secret));
        self.config.proxies.proxy_for(request.url).into_iter().for_each(|proxy| secrets.add_location(proxy));
    }

    /// Through a proxy it is the proxy that a connection could not be had to, and nobody looks for it at the server.
    fn with_proxy(&self, url: &Url, error: HttpError) -> HttpError {
        let proxy = self.config.proxies.proxy_for(url).filter(|_| url.is_https());
        match (error, proxy.and_then(|text| proxies::parse(text).ok())) {
            (HttpError::Connect(error), Some(proxy)) => {
                let text = format!("the proxy `{}:{}` cannot be reached: {error}", proxy.host(), proxy.port());
                HttpError::Connect(io::Error::new(error.kind(), text))
            }
            (error, _) => error,
        }
    }
}

impl Http for Wire {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        framing::begin();
        self.note_secrets(request);
        let (agent, url) = (self.agent_for(request.url)?, request.url.to_string());
        let answer = match request.method {
            Method::Get => prepared(agent.get(url), request)?.call(),
            Method::Head => prepared(agent.head(url), request)?.call(),
            Method::Post(body) => prepared(agent.post(url), request)?.send(body),
            Method::Put(content) => put(&agent, url, request, content),
        };
        let is_head = matches!(request.method, Method::Head);
        answer
            .map(|answer| response(answer, is_head))
            .map_err(|error| self.with_proxy(request.url, HttpError::from_ureq(error)))
    }
}

/// Sends what is read, piece by piece, as so many bytes as were told.
fn put(
    agent: &Agent,
    url: String,
    request: &Request<'_>,
    content: &dyn Content,
) -> Result<ureq::http::Response<Body>, ureq::Error> {
    let mut reader = content.open().map_err(ureq::Error::Io)?;
    let call = agent.put(url).header(header::CONTENT_LENGTH, content.length().to_string());
    let call = prepared(call, request).map_err(|error| ureq::Error::Io(io::Error::other(error)))?;
    // A registry answers when it has hashed what came, and put it where it stays.
    let call = call.config().timeout_recv_response(None).build();
    call.send(SendBody::from_reader(&mut reader))
}

/// A call with the request's headers, and with what is left of its time.
fn prepared<B>(mut call: RequestBuilder<B>, request: &Request<'_>) -> Result<RequestBuilder<B>, HttpError> {
    for (name, value) in &request.headers {
        call = call.header(*name, value);
    }
    let Some(deadline) = request.deadline else { return Ok(call) };
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(HttpError::Timeout(TimeoutKind::Deadline));
    }
    Ok(call.config().timeout_global(Some(left)).build())
}

fn agent_config(timeouts: &Timeouts) -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    Config::builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("pinfold/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .timeout_resolve(Some(timeouts.connect))
        .timeout_connect(Some(timeouts.connect))
        .timeout_per_read(Some(timeouts.idle))
        .timeout_per_write(Some(timeouts.idle))
        // Header lines that trickle in would outwit the limit on a single read.
        .timeout_send_request(Some(timeouts.idle))
        .timeout_recv_response(Some(timeouts.idle))
        .output_buffer_size(OUTPUT_BUFFER)
        .max_idle_connections(IDLE_CONNECTIONS)
        .max_idle_connections_per_host(IDLE_CONNECTIONS)
}

/// Request headers, each at most a URL long, and bodies of some kilobytes.
const OUTPUT_BUFFER: usize = 32 << 10;
/// As many as there may be downloads at once.
const IDLE_CONNECTIONS: usize = 32;
/// Most addresses of a name: what `ureq` has room for.
const ADDRESSES: usize = 16;
/// How long an address is believed; many files come from one host.
const NAME_LIFETIME: Duration = Duration::from_secs(60);

fn response(response: ureq::http::Response<Body>, is_head: bool) -> Response {
    let (parts, body) = response.into_parts();
    let content_length = match body.content_length() {
        // The client has no body to show for `Content-Length: 0`.
        None if text(&parts.headers, &header::CONTENT_LENGTH).as_deref() == Some("0") => Some(0),
        // That of what is not sent (RFC 9110, section 9.3.2).
        None if is_head => text(&parts.headers, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        length => length,
    };
    Response {
        status: parts.status.as_u16(),
        location: text(&parts.headers, &header::LOCATION),
        content_length,
        content_type: text(&parts.headers, &header::CONTENT_TYPE),
        content_encoding: text(&parts.headers, &header::CONTENT_ENCODING),
        retry_after: text(&parts.headers, &header::RETRY_AFTER),
        part: PartHeaders {
            etag: text(&parts.headers, &header::ETAG),
            content_range: text(&parts.headers, &header::CONTENT_RANGE),
        },
        registry: RegistryHeaders {
            authenticate: text(&parts.headers, &header::WWW_AUTHENTICATE),
            link: text(&parts.headers, &header::LINK),
            content_digest: text(&parts.headers, &HeaderName::from_static("docker-content-digest")),
            subject: text(&parts.headers, &HeaderName::from_static("oci-subject")),
        },
        body: Box::new(WireBody(body.into_reader())),
    }
}

/// All values of a header, joined as RFC 9110 (section 5.3) joins them. Bytes beyond ASCII do not survive as they are,
/// and what needs them to fails later by its own rules.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// A body whose errors are [`HttpError`]s.
struct WireBody(BodyReader<'static>);

impl Read for WireBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        framing::begin();
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, HttpError::from_io(error)),
        })
    }
}

/// TLS with one configuration for the agent's life.
///
/// A deadline makes `ureq` take each request's configuration for a new one, and parse all authorities again for each
/// connection; TLS is the same for all of them, which this says.
#[derive(Debug)]
struct SharedTls(RustlsConnector);

impl<In: Transport> Connector<In> for SharedTls {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: false,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        self.0.connect(&details, chained)
    }
}

/// The addresses of names, looked up once: `ureq` itself asks for each request, and panics where it has no thread for it.
#[derive(Default)]
struct Names {
    known: Mutex<HashMap<String, (Instant, ResolvedSocketAddrs)>>,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        _config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let parts = uri.scheme().zip(uri.authority());
        let name = parts.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let name = name.ok_or_else(|| ureq::Error::BadUri(uri.to_string()))?;
        if let Ok(address) = name.parse::<SocketAddr>() {
            let mut one = self.empty();
            one.push(address);
            return Ok(one);
        }
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, addresses)) = known().get(&name)
            && since.elapsed() < NAME_LIFETIME
        {
            return Ok(addresses.clone());
        }
        let found = look_up(name.clone(), &timeout)?;
        let mut addresses = self.empty();
        // More than a connection is tried to are not kept.
        found.into_iter().take(ADDRESSES).for_each(|address| addresses.push(address));
        known().insert(name, (Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}

/// Asks the system, which has no end of its own, on a thread that is given up in time; on this one where there is no other.
fn look_up(name: String, timeout: &NextTimeout) -> Result<Vec<SocketAddr>, ureq::Error> {
    // The system has no kind of its own for a name that is not known.
    let unknown = |error| io::Error::new(io::ErrorKind::HostUnreachable, error);
    let (send, receive) = mpsc::channel();
    let asked = name.clone();
    // Nobody may listen any more.
    let ask = move || drop(send.send(asked.to_socket_addrs().map(Iterator::collect::<Vec<_>>)));
    let found = match std::thread::Builder::new().spawn(ask) {
        Ok(_) => receive.recv_timeout(*timeout.after).map_err(|_| ureq::Error::Timeout(timeout.reason))?,
        Err(_) => name.to_socket_addrs().map(Iterator::collect),
    };
    let found: Vec<SocketAddr> = found.map_err(unknown)?;
    if found.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(found) }
}
