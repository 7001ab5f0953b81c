//! `pinfold sign`: one file, one Sigstore bundle; for statements that are there already, and for files that need none.

use std::path::{Path, PathBuf};

use super::output::{Destination, Kind, bundle_beside};
use super::seal::{Payload, Signing, other, seal};
use crate::ctx::Ctx;
use crate::report::{Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::json;
use pinfold_core::text::json_line;
use pinfold_evidence::attestation;
use pinfold_evidence::statement::{MAX_STATEMENT_LEN, Statement, StatementError};

/// What `pinfold sign` was asked for.
#[derive(Debug)]
pub struct Options {
    /// The file.
    pub file: PathBuf,
    /// Where the bundle goes; without, [`bundle_beside`] the file.
    pub out: Option<PathBuf>,
    /// Whether it may replace something of another kind there.
    pub force: bool,
    /// Whether the file is an in-toto statement.
    pub in_toto: bool,
    /// The files that are read for what signs, such as the key: nothing is written over them.
    pub secrets: Vec<PathBuf>,
    /// What signs.
    pub signing: Signing,
}

/// Signs, proves what was signed, and only then writes it.
pub fn run(ctx: &Ctx<'_>, options: &Options) -> Result<Report, Fault> {
    let out = match &options.out {
        Some(out) => out.clone(),
        None => bundle_beside(&options.file, !options.in_toto)?,
    };
    let inputs: Vec<&Path> =
        std::iter::once(&options.file).chain(&options.secrets).map(std::path::PathBuf::as_path).collect();
    let output = Destination { path: &out, force: options.force, pin_file: Some(ctx.pin_file) };
    let statement = options.in_toto.then(|| statement(&options.file)).transpose()?;
    let kind = match &statement {
        Some((statement, _)) => Kind::of_statement(statement, true),
        None => Kind::Signature,
    };
    output.check(&kind, &inputs)?;
    let payload = match &statement {
        Some((_, value)) => Payload::Statement(value),
        None => Payload::File(&options.file),
    };
    let bundle = seal(ctx, &options.signing, payload)?;
    output.put(json_line(&bundle).as_bytes())?;
    let row = Row {
        subject: options.file.display().to_string(),
        verdict: Verdict::Passed,
        status: "signed".to_owned(),
        source: signer(&options.signing, &bundle),
        detail: format!("-> {}", out.display()),
        evidence: None,
        audit: None,
        wasm: Vec::new(),
        findings: Vec::new(),
    };
    Ok(Report {
        command: "sign",
        rows: vec![row],
        notes: options.signing.notes().to_vec(),
        summary: "1 file signed".to_owned(),
        judges: false,
    })
}

/// A statement as it stands in its file, read and as JSON: what is signed is its meaning, written anew.
fn statement(path: &Path) -> Result<(Statement, serde_json::Value), Fault> {
    let bytes = fs::read(path, u64::try_from(MAX_STATEMENT_LEN).unwrap_or(u64::MAX))?;
    let read = Statement::parse(&bytes);
    let source = match (read, json::parse(&bytes, MAX_STATEMENT_LEN)) {
        (Ok(read), Ok(value)) => {
            return match too_long(&bytes) {
                None => Ok((read, value)),
                Some(number) => Err(other(&format!("`{number}` has more than 64 bits"))),
            };
        }
        (Err(source), _) => source,
        (Ok(_), Err(error)) => StatementError::Json(error),
    };
    let fault = Fault::failed(source.code(), format!("`{}` is no statement: {source}", path.display()));
    Err(fault.hint("without `--in-toto` the file is signed as it is").because(source))
}

/// A whole number that no 64 bits hold: it is read as another one nearby, which nobody meant to sign.
fn too_long(json: &[u8]) -> Option<String> {
    let (mut outside, mut is_text, mut is_escaped) = (String::new(), false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            byte if !is_text => outside.push(char::from(*byte)),
            _ => {}
        }
    }
    let mut words = outside.split(|one: char| !one.is_ascii_alphanumeric() && !matches!(one, '-' | '+' | '.'));
    let is_whole = |word: &str| word.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    let is_kept = |word: &str| word.is_empty() || word.parse::<i64>().is_ok() || word.parse::<u64>().is_ok();
    words.find(|word| is_whole(word) && !is_kept(word)).map(str::to_owned)
}

/// Who signed: what the certificate says, or the id of the key.
pub(super) fn signer(signing: &Signing, bundle: &serde_json::Value) -> String {
    if let Signing::Key { key, .. } = signing {
        return key.id().to_owned();
    }
    let read = attestation::read(bundle.to_string().as_bytes()).unwrap_or_default();
    let certificate = read.first().and_then(|one| one.claim().certificate);
    certificate.map(|certificate| certificate.identity).unwrap_or_default()
}
