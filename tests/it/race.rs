//! Bytes that somebody changes between the moment when they are hashed and their use.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use pinfold::commands::consent::Consent;
use pinfold::commands::{add, fetch};
use pinfold::ctx::{Progress, Step};
use pinfold_core::digest::{Algorithm, Integrity};

use crate::support::{Project, QUIET, Tar, codes, human, integrity};

/// Writes over a part of a file as soon as the work on a pin enters a step, as somebody would who may write to it too.
struct Racer {
    at: Step,
    file: PathBuf,
    offset: u64,
    bytes: Vec<u8>,
}

impl Progress for Racer {
    fn step(&self, _pin: &str, step: Step) {
        if step == self.at {
            let file = std::fs::File::options().write(true).open(&self.file).expect("the artifact");
            file.write_all_at(&self.bytes, self.offset).expect("room");
        }
    }
    fn received(&self, _pin: &str, _bytes: u64, _total: Option<u64>) {}
    fn waiting(&self, _held: &pinfold_core::fs::Held) {}
}

/// Where the store keeps bytes.
fn place(project: &Project, bytes: &[u8]) -> PathBuf {
    let hex = Integrity::of(Algorithm::Sha512, bytes).hex();
    project.store_folder().join("sha512").join(&hex[..2]).join(&hex)
}

/// Bytes that do not pack, so that what stands at an offset of the archive is what stands in the file.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..len).map(next).collect()
}

/// Archives of each kind with a file `tool` that says `echo good`, stored as it is; the format, and the artifact.
fn artifacts() -> Vec<(&'static str, Vec<u8>)> {
    let tar = || Tar::default().file("big", noise(1 << 20)).executable("tool", "echo good\n");
    let plain = tar().bytes();
    // gzip, with stored blocks: a change of the bytes would be noticed by the checksum alone.
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut gz, &plain).expect("memory");
    let gz = gz.finish().expect("memory");
    vec![
        ("tar", plain),
        ("tar.gz", gz),
        ("zip", zip(&[("big", &noise(1 << 20)), ("tool", b"echo good\n")])),
        ("raw", [noise(1 << 20), b"echo good\n".to_vec()].concat()),
    ]
}

/// A zip archive of stored members (APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16).
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).expect("small").to_le_bytes();
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, body) in members {
        let mut crc = flate2::Crc::new();
        crc.update(body);
        let sums = [crc.sum().to_le_bytes(), len(body), len(body), len(name.as_bytes())].concat();
        let head = [[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0].as_slice(), &sums].concat();
        let at = len(&out);
        out.extend([b"PK\x03\x04".as_slice(), &head, name.as_bytes(), body].concat());
        let attributes = [0, 0, 0, 0, 0, 0, 0, 0, 0xa4, 0x81];
        directory.extend([b"PK\x01\x02\x14\x03".as_slice(), &head, &attributes, &at, name.as_bytes()].concat());
    }
    let count = u16::try_from(members.len()).expect("few").to_le_bytes();
    let end = [&[0, 0, 0, 0], count.as_slice(), &count, &len(&directory), &len(&out), &[0, 0]].concat();
    [out, directory, b"PK\x05\x06".to_vec(), end].concat()
}

/// The offset of the good line.
fn of_line(bytes: &[u8]) -> u64 {
    let at = bytes.windows(10).rposition(|window| window == b"echo good\n").expect("the line");
    u64::try_from(at).expect("a small file")
}

/// From the network, from the store, and from a file of the project; the destination stays as it was.
#[test]
fn bytes_that_change_before_they_are_unpacked() {
    for (format, bytes) in artifacts() {
        let racer = |file: PathBuf| Racer {
            at: Step::Unpacking,
            file,
            offset: of_line(&bytes),
            bytes: b"echo EVIL\n".to_vec(),
        };
        let pin = |source: &str| {
            let integrity = integrity(&bytes);
            format!("[pins.x]\n{source}\nintegrity = \"{integrity}\"\nto = \"vendor/x\"\nformat = \"{format}\"\n")
        };
        let check = |project: &Project, file: &Path, door: &str| {
            let report = project.with(&racer(file.to_owned()), |ctx| {
                fetch::run(ctx, &fetch::Options { pins: Vec::new(), conduct: QUIET }).expect("a report")
            });
            let came = (report.exit_code(), codes(&report));
            assert_eq!(came, (1, vec!["artifact-changed"]), "{format} {door}: {}", human(&report));
            assert!(!project.exists("vendor/x") && !project.exists(".pinfold/x.json"), "{format} {door}");
        };
        let url = "https://example.com/x";
        let project = Project::new(&pin(&format!("url = \"{url}\"")));
        project.web.serve(url, bytes.clone());
        let kept = place(&project, &bytes);
        check(&project, &kept, "from the network");
        std::fs::write(&kept, &bytes).expect("the artifact");
        project.web.forget();
        check(&project, &kept, "from the store");
        project.pins(&pin("file = \"in/x\""));
        project.write("in/x", &bytes);
        check(&project, &project.path("in/x"), "a file of the project");
        project.write("in/x", &bytes);
        project.fetch_all();
    }
}

/// What `add` looks at before it writes a pin is what it hashed.
#[test]
fn bytes_that_change_before_they_are_shown() {
    let bytes = Tar::default().file("big", noise(1 << 20)).executable("tool", "echo good\n").bytes();
    let project = Project::new("").quiet();
    project.write("in/x.tar", &bytes);
    let before = project.read("pins.toml");
    let racer = Racer {
        at: Step::Unpacking,
        file: project.path("in/x.tar"),
        offset: of_line(&bytes),
        bytes: b"echo EVIL\n".to_vec(),
    };
    let options = add::Options { spec: "file:in/x.tar".to_owned(), ..add::Options::default() };
    let error = project.with(&racer, |ctx| add::run(ctx, &options, Consent::Given)).expect_err("an error");
    assert_eq!((error.verdict().exit_code(), error.code()), (1, "artifact-changed"), "{error}");
    assert_eq!(project.read("pins.toml"), before);
}
