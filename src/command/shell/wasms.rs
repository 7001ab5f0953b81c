//! `pinfold wasm`: no project, no store, no environment; a process for each file should cost no more than its hash.

use std::fmt::Write as _;

use pinfold::commands::wasm::{self, Inspected};
use pinfold::report::{Finding, Level, Verdict};
use pinfold_core::text::{Untrusted, plain};

use crate::cli::Wasm;
use crate::{Answer, Failure};

/// Does one of the commands; `json` is for what is no report.
pub(crate) fn run(command: &Wasm, json: bool) -> Result<Answer, Failure> {
    let report = match command {
        Wasm::Keygen(options) => wasm::keygen(&options.options())?,
        Wasm::ExportPublicKey(options) => match wasm::export(&options.key, options.out.as_deref(), options.form())? {
            Ok(report) => report,
            Err(key) => return Ok(Answer::Text(key)),
        },
        Wasm::Sign(options) => wasm::sign(&options.options())?,
        Wasm::Verify(options) => wasm::verify(&options.options().map_err(usage)?)?,
        Wasm::Inspect(options) => {
            let look = wasm::inspect(&options.file, options.detached.as_deref())?;
            return Ok(Answer::Rendered(if json { look.to_json() } else { shown(&look) }, 0));
        }
        Wasm::Split(options) => wasm::edit(&options.options())?,
        Wasm::Attach(options) => wasm::edit(&options.attach())?,
        Wasm::Detach(options) => wasm::edit(&options.detach())?,
        Wasm::Strip(options) => wasm::edit(&options.options())?,
    };
    Ok(Answer::Report(report))
}

fn usage(message: &str) -> Failure {
    let finding = Finding::new(Level::Error, "wasm-detached-of-several", message);
    Failure { findings: vec![finding.hint("check them one at a time")], verdict: Verdict::Failed }
}

/// A look at a file, for people. Names and texts in it are anybody's.
fn shown(look: &Inspected) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}: {}, {} bytes", plain(&look.file), look.kind, look.size);
    let _ = writeln!(text, "  sha256   {}", look.sha256);
    let _ = writeln!(text, "  content  {}", look.content);
    text.push_str("sections\n");
    for one in &look.sections {
        let name = one.name.as_deref().map(|name| format!(" `{}`", Untrusted(name))).unwrap_or_default();
        let part = one.part.map_or_else(|| "-".to_owned(), |part| part.to_string());
        let _ = writeln!(
            text,
            "  at {:>8}  {:>8} bytes  part {part:>2}  {}  {}{name}",
            one.offset, one.size, one.sha256, one.word
        );
    }
    text.push_str("parts\n");
    for (index, part) in look.parts.iter().enumerate() {
        let ends = if part.delimited { "delimiter" } else { "end of the file" };
        let number = index.saturating_add(1);
        let _ = writeln!(text, "  {number:>2}  up to byte {:>8}  {}  {ends}", part.end, part.sha256);
    }
    signature(&mut text, look);
    if !look.embedded.is_empty() {
        text.push_str("embedded, by its own word\n");
    }
    for one in &look.embedded {
        let _ = writeln!(text, "  `{}`: {}", plain(&one.section), one.what);
        for [field, name, version] in &one.producers {
            let line = format!("{} {} {}", plain(field), plain(name), plain(version));
            let _ = writeln!(text, "    {}", line.trim_end());
        }
        if let Some(words) = &one.text {
            let _ = writeln!(text, "    {}", plain(words));
        }
    }
    text
}

fn signature(text: &mut String, look: &Inspected) {
    let Some(signature) = &look.signature else {
        text.push_str("no signature\n");
        return;
    };
    let place = if signature.detached { "signature beside the file" } else { "signature" };
    let _ = writeln!(text, "{place}, {} bytes; nothing of it was checked", signature.size);
    if let Some(why) = &signature.unreadable {
        let _ = writeln!(text, "  {}", plain(why));
    }
    for set in &signature.sets {
        let covers = match set.covers {
            "whole" => "the whole file".to_owned(),
            "parts" => format!("the first {} of {} parts, and not the whole", set.covered_parts, look.parts.len()),
            "cut" => {
                format!(
                    "all {} parts that are here, and {} that are gone",
                    set.covered_parts,
                    missing(set.hashes, set.covered_parts)
                )
            }
            _ => "another file".to_owned(),
        };
        let _ = writeln!(text, "  {} over {covers}", if set.signers.len() == 1 { "1 signature" } else { "signatures" });
        for one in &set.signers {
            let id =
                if one.key_id.is_empty() { "which names no key".to_owned() } else { format!("key id {}", one.key_id) };
            let behind = one.certificates.map(|count| format!(", {count} certificates of wsc")).unwrap_or_default();
            let _ = writeln!(text, "    {}, {id}{behind}", one.algorithm);
        }
    }
}

const fn missing(signed: usize, here: usize) -> usize {
    signed.saturating_sub(here)
}
