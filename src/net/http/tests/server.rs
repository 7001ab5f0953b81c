//! A loopback server that answers as badly as it is told.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A server for the rest of the test's process.
pub(super) struct Server {
    address: SocketAddr,
    /// The header of each request, as it came.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
    /// How many connections were made.
    pub(super) connections: Arc<AtomicUsize>,
}

impl Server {
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic elsewhere").clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Answers each request with what `answer` makes of its number (from 0) and path; an error closes the connection.
pub(super) fn serve(answer: impl Fn(usize, &str, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Server {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    let mut server = accept(move |_, mut stream| {
        while let Some(header) = read_header(&mut stream)? {
            let path = header.split(' ').nth(1).unwrap_or_default().to_owned();
            let number = {
                let mut log = log.lock().expect("no panic elsewhere");
                log.push(header);
                log.len() - 1
            };
            answer(number, &path, &mut stream)?;
        }
        Ok(())
    });
    server.asked = asked;
    server
}

/// Gives each connection, by its number (from 0), to `talk`.
pub(super) fn accept(talk: impl Fn(usize, TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let connections: Arc<AtomicUsize> = Arc::default();
    let counter = Arc::clone(&connections);
    let talk = Arc::new(talk);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            stream.set_nodelay(true).expect("an option of every system");
            let talk = Arc::clone(&talk);
            // A client that has seen enough closes the connection; that is no failure of the server.
            thread::spawn(move || talk(number, stream).ok());
        }
    });
    Server { address, asked: Arc::default(), connections }
}

/// The lines of a request up to the empty one; `None` at the end of the connection.
pub(super) fn read_header(stream: &mut impl io::Read) -> io::Result<Option<String>> {
    let mut header = Vec::new();
    let mut byte = [0];
    while !header.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        header.extend(byte);
    }
    Ok(Some(String::from_utf8_lossy(&header).into_owned()))
}

/// A whole response.
pub(super) fn respond(stream: &mut impl io::Write, status: &str, headers: &str, body: &[u8]) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len())?;
    stream.write_all(body)
}

/// Says nothing more until the client goes away.
pub(super) fn stall(stream: &mut TcpStream) -> io::Result<()> {
    while stream.read(&mut [0])? > 0 {}
    Err(io::ErrorKind::ConnectionAborted.into())
}

/// Says `text`, byte by byte and again and again, until the client goes away.
pub(super) fn trickle(stream: &mut TcpStream, text: &[u8]) -> io::Result<()> {
    for byte in text.iter().cycle() {
        stream.write_all(&[*byte])?;
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
