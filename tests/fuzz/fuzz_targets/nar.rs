//! Any list of entries is hashed or refused: no panic, and what is hashed came in tree order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pinfold_core::nar::{Nar, Node};
use pinfold_core::path::RelPath;

fuzz_target!(|lines: Vec<(String, u8, Vec<u8>)>| {
    let mut nar = Nar::hash_folder();
    let mut last: Option<RelPath> = None;
    for (text, kind, bytes) in lines {
        let Ok(path) = text.parse::<RelPath>() else { continue };
        let node = match kind % 3 {
            0 => Node::File { size: u64::from(kind) / 3, executable: kind > 127 },
            1 => Node::Symlink(&text),
            _ => Node::Directory,
        };
        let in_order = last.as_ref().is_none_or(|last| last.tree_order(&path).is_lt());
        match nar.entry(&path, node) {
            Ok(()) => assert!(in_order),
            Err(_) => return,
        }
        let _ = nar.contents(&bytes);
        last = Some(path);
    }
    let _ = nar.finish();
});
