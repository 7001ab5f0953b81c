//! TLS on the wire, over loopback: whom it believes, how long it waits, and through which proxy it goes.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::server::{Server, accept, read_header, respond, serve, stall};
use super::wire::hello;
use super::{BodyLimit, Download};
use crate::http::{DownloadError, Failure, HttpError, Outcome, ProxySettings, Timeouts, Wire, WireConfig};

const CA: &str = include_str!("ca.pem");
const LEAF: &str = include_str!("leaf.pem");
const KEY: &str = include_str!("leaf.key");

/// Speaks TLS as `localhost` and `npm.example.com`, after `before` was said in the clear.
fn serve_tls(before: fn(&mut TcpStream) -> io::Result<()>) -> Server {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let leaf = CertificateDer::from_pem_slice(LEAF.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocols")
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key)
        .expect("a certificate with its key");
    let config = Arc::new(config);
    accept(move |_, mut stream| {
        before(&mut stream)?;
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
        let mut tls = rustls::StreamOwned::new(connection, stream);
        while read_header(&mut tls)?.is_some() {
            hello(&mut tls)?;
            tls.flush()?;
        }
        Ok(())
    })
}

fn run_tls(config: WireConfig, from: &str) -> Result<Outcome, DownloadError> {
    let wire = Wire::new(config).expect("a wire");
    let mut download = Download::new(BodyLimit::Exact(5));
    download.run(&wire, from)?;
    // Again, for the connection that is kept.
    download.sink.bytes.clear();
    let outcome = download.run(&wire, from)?;
    assert_eq!(download.sink.bytes, b"hello");
    Ok(outcome)
}

#[test]
fn believes_authorities_of_the_ca_file_and_no_others() {
    let server = serve_tls(|_| Ok(()));
    let with = |ca: &str| WireConfig { ca_file: Some(ca.as_bytes().to_vec()), ..WireConfig::default() };
    let named = format!("https://localhost:{}/file", server.port());
    run_tls(with(CA), &named).expect("trusted");
    assert_eq!(server.connections(), 1);

    let other_authority = run_tls(with(LEAF), &named).expect_err("not trusted");
    assert_eq!((other_authority.code(), other_authority.attempts), ("http-tls", 1));
    assert!(std::error::Error::source(&other_authority).is_some());

    let other_name = run_tls(with(CA), &format!("https://127.0.0.1:{}/file", server.port())).expect_err("another");
    assert_eq!((other_name.code(), other_name.attempts, other_name.is_refusal()), ("http-tls", 1, false));

    let plain = accept(|_, mut stream| {
        stream.peek(&mut [0])?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
        stall(&mut stream)
    });
    let no_tls = run_tls(with(CA), &format!("https://localhost:{}/file", plain.port())).expect_err("no TLS");
    assert_eq!((no_tls.code(), no_tls.attempts), ("http-tls", 1));
}

#[test]
fn gives_up_on_a_handshake_that_never_ends() {
    let silent = accept(|_, mut stream| stall(&mut stream));
    let config = WireConfig {
        ca_file: Some(CA.as_bytes().to_vec()),
        timeouts: Timeouts { connect: Duration::from_millis(200), ..Timeouts::default() },
        ..WireConfig::default()
    };
    let error = run_tls(config, &format!("https://localhost:{}/file", silent.port())).expect_err("silent");
    assert_eq!((error.code(), error.attempts), ("http-timeout-connect", 4));
}

#[test]
fn goes_through_a_proxy() {
    let tunnel = serve_tls(|stream| {
        let header = read_header(stream)?.unwrap_or_default();
        assert!(header.starts_with("CONNECT npm.example.com:443 HTTP/1.1\r\n"), "{header}");
        assert!(header.contains("Proxy-Authorization: Basic dTpw\r\n"), "{header}");
        assert!(!header.contains("\r\nAuthorization"), "{header}");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")
    });
    let config = |proxy: String, no_proxy: Option<&str>| WireConfig {
        ca_file: Some(CA.as_bytes().to_vec()),
        proxies: ProxySettings {
            https: Some(proxy),
            no_proxy: no_proxy.map(str::to_owned),
            ..ProxySettings::default()
        },
        ..WireConfig::default()
    };
    let through = format!("http://u:p@127.0.0.1:{}", tunnel.port());
    run_tls(config(through, None), "https://npm.example.com/file").expect("through the tunnel");
    assert_eq!(tunnel.connections(), 1);

    let refusing = serve(|_, _, stream| respond(stream, "407 Proxy Authentication Required", "", b""));
    let error = run_tls(config(refusing.url(""), None), "https://npm.example.com/file").expect_err("refuses");
    assert_eq!((error.code(), error.attempts), ("http-proxy", 1));

    let nobody = "http://u:p@127.0.0.1:9";
    let error = run_tls(config(nobody.to_owned(), None), "https://npm.example.com/file").expect_err("nobody is there");
    let Failure::Http(HttpError::Connect(cause)) = &*error.failure else { panic!("{error}") };
    assert!(cause.to_string().starts_with("the proxy `127.0.0.1:9` cannot be reached: "), "{cause}");

    let direct = serve_tls(|_| Ok(()));
    let local = format!("https://localhost:{}/file", direct.port());
    run_tls(config(refusing.url(""), None), &local).expect("loopback is asked directly");
    assert_eq!(refusing.connections(), 1);

    let socks = run_tls(config("socks5://127.0.0.1:1".into(), None), "https://npm.example.com/").expect_err("socks");
    assert_eq!((socks.code(), socks.attempts), ("http-proxy", 1));
}

#[test]
fn refuses_a_ca_file_without_certificates() {
    let config = WireConfig { ca_file: Some(b"hello".to_vec()), ..WireConfig::default() };
    assert_eq!(Wire::new(config).map(|_| ()).expect_err("refused").code(), "http-roots");
}
