//! From pinned bytes to trees: the part of pinfold that one has to read to believe that nothing unpinned reaches a tree.
//!
//! It reads pin files and records, checks integrities, unpacks under a policy, patches, hashes trees and publishes them. It
//! asks nobody, judges no evidence and reads no arguments; `docs/architecture.md` tells how the other crates use it.
//!
//! ```
//! use pinfold_core::fs::Dir;
//! # use pinfold_core::fs::{self, New};
//! use pinfold_core::pins::PinFile;
//! use pinfold_core::record::{Record, differences};
//! use pinfold_core::tree::{self, Bounds};
//!
//! let pins = PinFile::parse(
//!     r#"version = 1
//!     [pins.hello]
//!     file = "vendor/hello.txt"
//!     integrity = "sha512-58IrmUxZ2c8rSOVJseJGZmNgRZMNPafBrLKZ0cO3+TH5Sq5B7dosKyB6NuEPi8uNRSI+VIePWzFufOO2vAGWKQ=="
//!     to = "hello.txt""#,
//! )?;
//! let pin = pins.pin("hello").ok_or("no such pin")?;
//! # let temporary = tempfile::tempdir()?;
//! # let project = temporary.path();
//! # fs::write_new(&[New { path: &project.join("hello.txt"), bytes: b"hello\n", mode: 0o644 }])?;
//! # let record = br#"{"schema": "pinfold/record/v1", "pin": "hello", "source": "file:vendor/hello.txt",
//! #     "integrity": "sha512-58IrmUxZ2c8rSOVJseJGZmNgRZMNPafBrLKZ0cO3+TH5Sq5B7dosKyB6NuEPi8uNRSI+VIePWzFufOO2vAGWKQ==",
//! #     "size": 6, "to": "hello.txt", "recipe": "sha256-qC5xbnL6KdXZ71fadaEIIfGSNBjebvQVIItWRdNOSuI=",
//! #     "file": {"size": 6, "blake3": "8e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"},
//! #     "evidence": "none"}"#;
//! let record = Record::parse(record)?;
//! assert_eq!(Some(&record.integrity), pin.artifact.as_ref().map(|artifact| &artifact.integrity));
//!
//! // What is on disk, every byte of it, is what the record lists.
//! let parent = tree::parent_of(&Dir::open(project)?, &pin.to)?.ok_or("no tree")?;
//! let bounds = Bounds { file: 1 << 20, folder: 1 << 20, entries: 100 };
//! let found = tree::scan(&parent, pin.to.file_name(), false, bounds)?.ok_or("no tree")?;
//! assert!(found.odd.is_empty() && differences(&record.contents, &found.contents).is_empty());
//! # fs::replace(&project.join("hello.txt"), b"HELLO\n")?;
//! # let found = tree::scan(&parent, pin.to.file_name(), false, bounds)?.ok_or("no tree")?;
//! # assert_eq!(differences(&record.contents, &found.contents).len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// words: values with an invariant, and how the words of others are shown
pub mod digest;
pub mod fault;
pub mod finding;
pub mod json;
pub mod layout;
pub mod path;
pub mod text;
pub mod url;

// formats: bytes to values and back, no world
pub mod archive;
pub mod nar;
pub mod oci;
pub mod pins;
pub mod record;

// judgement: values to values
pub mod patch;

// effects: the file system alone
pub mod fs;
pub mod store;
pub mod tree;
