//! What the caller of [`unpack`] and [`detect`] can rely on.

use std::io::{Seek, SeekFrom};

use super::build::{gzip, tar, zip};
use super::*;

/// Reads well until so many bytes, then fails.
struct Failing {
    inner: Cursor<Vec<u8>>,
    good: u64,
}

impl Read for Failing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.good.saturating_sub(self.inner.position());
        if left == 0 {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the disk is gone"));
        }
        (&mut self.inner).take(left).read(buf)
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[test]
fn a_failure_to_read_is_no_refusal() {
    let plain = tar(&[("a", &[3; 2000])]);
    let vector = |title| Vector::all().into_iter().find(|vector| vector.title == title).expect("the vector").bytes;
    let archives = [
        (Format::Tar, plain.clone()),
        (Format::TarGz, gzip(&plain)),
        (Format::TarXz, vector("ok-xz")),
        (Format::TarZst, vector("ok-zst")),
        (Format::Zip, zip(&[("a", b"1")])),
    ];
    for (format, bytes) in archives {
        for good in [0, 3, len64(bytes.len()) / 2, len64(bytes.len()) - 1] {
            let len = len64(bytes.len());
            let input = Failing { inner: Cursor::new(bytes.clone()), good };
            let error = unpack(input, len, format, &Layout::default(), &mut |member| {
                io::copy(member.body, &mut io::sink()).map(|_| ())
            })
            .expect_err("cut");
            let UnpackError::Archive(ArchiveError::Input(error)) = error else { panic!("{format}: {error:?}") };
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{format}");
        }
    }
}

#[test]
fn a_body_need_not_be_read() {
    let files: [(&str, &[u8]); 2] = [("a", &[1; 300_000]), ("b", b"text")];
    for (bytes, format) in [(tar(&files), Format::Tar), (gzip(&tar(&files)), Format::TarGz), (zip(&files), Format::Zip)]
    {
        let mut seen = Vec::new();
        unpack(Cursor::new(&bytes), len64(bytes.len()), format, &Layout::default(), &mut |member| {
            let mut some = [0; 10];
            let read = member.body.read(&mut some)?;
            seen.push((member.path.to_string(), some[..read].to_vec()));
            Ok::<(), io::Error>(())
        })
        .expect("unpacked");
        assert_eq!(seen, [("a".to_owned(), vec![1; 10]), ("b".to_owned(), b"text".to_vec())], "{format}");
    }
}

#[test]
fn the_visitor_stops_the_archive() {
    let bytes = tar(&[("a", b"1"), ("b", b"2")]);
    let mut seen = 0;
    let error = unpack(Cursor::new(&bytes), len64(bytes.len()), Format::Tar, &Layout::default(), &mut |_| {
        seen += 1;
        Err("no room")
    })
    .expect_err("stopped");
    assert!(matches!(error, UnpackError::Visit("no room")));
    assert_eq!(seen, 1);
}

#[test]
fn a_damaged_body_is_the_archive_s_fault_whatever_the_visitor_says() {
    let mut bytes = zip(&[("a", b"some text that is long enough")]);
    bytes[33] ^= 0xff;
    let error = unpack(Cursor::new(&bytes), len64(bytes.len()), Format::Zip, &Layout::default(), &mut |member| {
        member.body.read_to_end(&mut Vec::new()).map(|_| ()).map_err(|_| "could not write")
    })
    .expect_err("damaged");
    let UnpackError::Archive(error) = error else { panic!("{error:?}") };
    assert!(error.is_refusal());
    assert!(error.to_string().starts_with("member `a`: "), "{error}");
}

#[test]
fn an_unknown_format_is_told_by_content_alone() {
    let found = |bytes: &[u8], name: &str| detect(&mut Cursor::new(bytes), &Layout::default(), name);
    let plain = tar(&[("a", b"1")]);
    for name in ["download", "x.bin", "x.tar.gz", "X.TGZ"] {
        assert!(matches!(found(&gzip(&plain), name), Ok(Format::TarGz)), "{name}");
    }
    assert!(matches!(found(&plain, "download"), Ok(Format::Tar)));
    assert!(matches!(found(&zip(&[("a", b"1")]), "x.whl"), Ok(Format::Zip)));
    assert!(matches!(found(b"#!/bin/sh\n", "tool"), Ok(Format::Raw)));
    assert!(matches!(found(b"", "empty"), Ok(Format::Raw)));
    let raw = Layout { format: Some(Format::Raw), ..Layout::default() };
    assert!(matches!(detect(&mut Cursor::new(gzip(&plain)), &raw, "x.tar.gz"), Ok(Format::Raw)));
}
