//! PAX extended headers (POSIX.1-2017, pax, "pax Extended Header").

use std::collections::HashSet;

use super::TarRule;
use crate::archive::error::Rule;
use crate::archive::kind::KindRule;

/// What a local extended header says about the next member.
#[derive(Debug, Default)]
pub(super) struct Pax {
    /// Its name.
    pub(super) path: Option<Vec<u8>>,
    /// Its link target.
    pub(super) link: Option<Vec<u8>>,
    /// Its length.
    pub(super) size: Option<u64>,
}

/// Reads a local header (type `x`).
pub(super) fn local(payload: &[u8]) -> Result<Pax, Rule> {
    let mut pax = Pax::default();
    for_each(payload, |key, value| {
        match key {
            b"path" => pax.path = Some(text(value)?),
            b"linkpath" => pax.link = Some(text(value)?),
            b"size" => pax.size = Some(decimal(value)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(pax)
}

/// Reads a global header (type `g`). It may say what nobody needs, as `git archive` says a `comment`; a name or size
/// for every member that follows is something that hardly two readers apply alike (CVE-2026-33055).
pub(super) fn global(payload: &[u8]) -> Result<(), Rule> {
    for_each(payload, |key, _| match key {
        b"path" | b"linkpath" | b"size" => Err(Rule::Tar(TarRule::PaxGlobal)),
        _ => Ok(()),
    })
}

/// Calls `take` for each record; refuses what no header may have.
fn for_each(payload: &[u8], mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Rule>) -> Result<(), Rule> {
    let mut seen = HashSet::new();
    let mut rest = payload;
    while !rest.is_empty() {
        let (key, value, after) = record(rest).ok_or(Rule::Tar(TarRule::PaxMalformed))?;
        if !seen.insert(key) {
            return Err(Rule::Tar(TarRule::PaxDuplicate));
        }
        check(key, value)?;
        take(key, value)?;
        rest = after;
    }
    Ok(())
}

/// `LENGTH key=value\n`, where the length is that of the whole record: key, value, and what follows.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let digits = bytes.iter().take(8).position(|byte| *byte == b' ')?;
    let (number, _) = bytes.split_at_checked(digits)?;
    if number.first() == Some(&b'0') {
        return None;
    }
    let (record, after) = bytes.split_at_checked(usize::try_from(digits_of(number)?).ok()?)?;
    let record = record.strip_suffix(b"\n")?.get(digits.checked_add(1)?..)?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (key, value) = record.split_at_checked(equals)?;
    if key.is_empty() {
        return None;
    }
    Some((key, value.get(1..)?, after))
}

/// What holds for a key in both kinds of header.
fn check(key: &[u8], value: &[u8]) -> Result<(), Rule> {
    match key {
        b"hdrcharset" if !matches!(value, b"ISO-IR 10646 2000 UTF-8" | b"BINARY") => {
            Err(Rule::Tar(TarRule::PaxCharset))
        }
        b"uid" | b"gid" | b"mtime" | b"atime" | b"ctime" if !is_plain_number(value) => {
            Err(Rule::Tar(TarRule::PaxValue))
        }
        // The member's kind, to star alone.
        b"SCHILY.filetype" => Err(Rule::Kind(KindRule::Unknown)),
        b"SCHILY.realsize" => Err(Rule::Kind(KindRule::Sparse)),
        b"GNU.dumpdir" => Err(Rule::Kind(KindRule::DumpDir)),
        _ if key.starts_with(b"GNU.sparse.") => Err(Rule::Kind(KindRule::Sparse)),
        _ if key.starts_with(b"GNU.volume.") => Err(Rule::Kind(KindRule::MultiVolume)),
        _ => Ok(()),
    }
}

/// A name: not empty (which would take back an earlier one), and no NUL, at which some readers stop.
fn text(value: &[u8]) -> Result<Vec<u8>, Rule> {
    if value.is_empty() || value.contains(&0) {
        return Err(Rule::Tar(TarRule::PaxValue));
    }
    Ok(value.to_vec())
}

fn decimal(value: &[u8]) -> Result<u64, Rule> {
    digits_of(value).ok_or(Rule::Tar(TarRule::PaxValue))
}

/// Decimal digits and nothing else.
fn digits_of(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

/// Digits with a sign and a fraction at most, 64 bytes long at most. Nothing depends on them.
fn is_plain_number(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    value.len() <= 64 && parts.all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
}
