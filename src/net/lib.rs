//! Asking registries and servers: addresses, credentials, downloads, and what a source says of an artifact.
//!
//! Nothing that comes back is believed here: bytes are checked against a pin by whoever asked for them, documents are
//! evidence that somebody else judges.
//!
//! ```
//! use std::{io, time::Instant};
//! use pinfold_core::digest::{Algorithm, Integrity};
//! use pinfold_net::http::{BodyLimit, Http, HttpError, Request, Response, Rules, Sink, SystemClock, Timeouts, download};
//! use pinfold_net::source::credentials::Credentials;
//!
//! /// A server in memory.
//! struct Memory;
//! impl Http for Memory {
//!     fn exchange(&self, _: &Request<'_>) -> Result<Response, HttpError> {
//!         # let (part, registry) = Default::default();
//!         # let (location, content_type, content_encoding, retry_after) = (None, None, None, None);
//!         Ok(Response {
//!             status: 200, content_length: Some(6), body: Box::new(&b"hello\n"[..]), // …
//!             # location, content_type, content_encoding, retry_after, part, registry,
//!         })
//!     }
//! }
//! struct Bytes(Vec<u8>);
//! impl Sink for Bytes {
//!     # fn expect(&mut self, _: u64) {}
//!     # fn restart(&mut self) -> io::Result<()> { Ok(self.0.clear()) }
//!     fn write(&mut self, chunk: &[u8]) -> io::Result<()> { Ok(self.0.extend(chunk)) }
//! }
//! let integrity: Integrity = "sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=".parse()?;
//! let (credentials, mut bytes) = (Credentials::default(), Bytes(Vec::new()));
//! let rules = Rules::new(&credentials, &Timeouts::default(), Instant::now() + Timeouts::default().deadline);
//! let url = "https://example.com/hello.txt".parse()?;
//! download(&Memory, &url, &rules, BodyLimit::Exact(6), &SystemClock, &mut bytes)?;
//! assert_eq!(Integrity::of(Algorithm::Sha256, &bytes.0), integrity);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// from configuration to addresses, without asking
pub mod docker_config;
pub mod source;

// the doors to the network
pub mod asked;
pub mod http;
pub mod registry;
pub mod sealed;
