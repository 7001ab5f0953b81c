//! Each byte of a good archive flipped, and the archive cut at each length: refused, or the same tree.

use super::build::{gzip, tar, zip};
use super::*;

/// What a tree is: every member with its content.
fn tree(bytes: &[u8], format: Format) -> Result<Vec<(String, MemberKind, Vec<u8>)>, ArchiveError> {
    let mut members = Vec::new();
    let unpacked = unpack(Cursor::new(bytes), len64(bytes.len()), format, &Layout::default(), &mut |member| {
        let mut content = Vec::new();
        member.body.read_to_end(&mut content)?;
        members.push((member.path.to_string(), member.kind, content));
        Ok::<(), io::Error>(())
    });
    match unpacked {
        Ok(()) => Ok(members),
        Err(UnpackError::Archive(error)) => Err(error),
        Err(UnpackError::Visit(error)) => panic!("the archive's error goes before the visitor's: {error}"),
    }
}

const FILES: [(&str, &[u8]); 3] =
    [("a/one.txt", b"text of one, text of one, text of one\n"), ("a/two.txt", b""), ("b/three", &[7; 900])];

/// Bytes that say nothing about the tree may change it not at all; all others must be caught. In plain tar there is no
/// checksum over the content, so `checked` is false and only panics and endless loops count.
fn check(good: &[u8], format: Format, checked: bool) {
    let expected = tree(good, format).expect("the good archive");
    assert_eq!(expected.len(), FILES.len());
    for at in 0..good.len() {
        for mask in [0xff, 0x01, 0x80] {
            let mut bad = good.to_vec();
            bad[at] ^= mask;
            match tree(&bad, format) {
                Ok(got) if checked => {
                    assert!(same(&got, &expected), "{format}: byte {at} ^ {mask:#x} changes the tree")
                }
                Ok(_) => {}
                Err(error) => assert!(error.is_refusal(), "{format}: byte {at}: {error:?}"),
            }
        }
        assert!(tree(&good[..at], format).is_err(), "{format}: cut at {at}");
    }
}

/// Equal but for the mode, which zip keeps outside its checksums.
fn same(got: &[(String, MemberKind, Vec<u8>)], expected: &[(String, MemberKind, Vec<u8>)]) -> bool {
    got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| a.0 == b.0 && a.2 == b.2)
}

#[test]
fn gzip_is_the_same_or_refused() {
    check(&gzip(&tar(&FILES)), Format::TarGz, true);
}

#[test]
fn zip_is_the_same_or_refused() {
    check(&zip(&FILES), Format::Zip, true);
}

#[test]
fn tar_never_panics() {
    let mut cut = tar(&FILES);
    // The second zero block is not needed, so a cut inside it is no cut.
    cut.truncate(cut.len() - 512);
    check(&cut, Format::Tar, false);
}

#[test]
fn vectors_never_panic() {
    // xz is left to the next test: each of its runs fills a dictionary of 8 MiB.
    for vector in Vector::all().iter().filter(|vector| vector.bytes.len() < 2000 && vector.format != "tar.xz") {
        let format = Format::ALL.into_iter().find(|format| format.name() == vector.format).expect("a format");
        for at in 0..vector.bytes.len() {
            let mut bad = vector.bytes.clone();
            bad[at] ^= 0xff;
            assert!(tree(&bad, format).err().is_none_or(|error| error.is_refusal()));
        }
    }
}

#[test]
fn xz_and_zstd_are_the_same_or_refused() {
    for title in ["ok-xz", "ok-zst"] {
        let vector = Vector::all().into_iter().find(|vector| vector.title == title).expect("the vector");
        let format = Format::ALL.into_iter().find(|format| format.name() == vector.format).expect("a format");
        let expected = tree(&vector.bytes, format).expect("the good archive");
        for at in 0..vector.bytes.len() {
            let mut bad = vector.bytes.clone();
            bad[at] ^= 0x01;
            assert!(tree(&bad, format).ok().is_none_or(|got| same(&got, &expected)), "{title}: byte {at}");
            assert!(tree(&vector.bytes[..at], format).is_err(), "{title}: cut at {at}");
        }
    }
}
