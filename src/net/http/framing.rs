//! [`Counting`]: what a server may send while no byte of a body comes of it.
//!
//! The client bounds the header of a response, and not what else stands around bodies: informational responses, trailers
//! behind a chunked body, records of TLS without content. It reads them without returning, for as long as the server likes
//! and whatever size the caller expects. Under it, the bytes of each connection are counted for each call.

use std::cell::Cell;
use std::io;

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use super::HttpError;

thread_local! {
    /// What may still come on this thread, in bytes. The client has no way to tell a connection by whom it is read, and
    /// reads it on the thread that asks.
    static LEFT: Cell<usize> = const { Cell::new(MOST) };
}

/// Most bytes for one header, or for the next bytes of a body: the client's buffer (128 KiB), its longest header (64 KiB),
/// and handshakes with the certificates that people have.
const MOST: usize = 1 << 20;

/// Lets [`MOST`] bytes come again: something is about to be read, and something came of what was read before.
pub(super) fn begin() {
    LEFT.set(MOST);
}

/// Counts what comes from the transport below it.
#[derive(Debug)]
pub(super) struct Counting;

impl<In: Transport> Connector<In> for Counting {
    type Out = Counted<In>;

    fn connect(&self, _details: &ConnectionDetails<'_>, below: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(below.map(Counted))
    }
}

/// See [`Counting`].
#[derive(Debug)]
pub(super) struct Counted<In>(In);

impl<In: Transport> Transport for Counted<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let before = self.0.buffers().input().len();
        let progress = self.0.await_input(timeout)?;
        let came = self.0.buffers().input().len().saturating_sub(before);
        match LEFT.get().checked_sub(came) {
            Some(left) => LEFT.set(left),
            None => {
                let reason = "headers or trailers without end".to_owned();
                return Err(io::Error::other(HttpError::Protocol { reason }).into());
            }
        }
        Ok(progress)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
