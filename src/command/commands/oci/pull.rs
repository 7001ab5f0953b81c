//! `pinfold oci pull`: the files of an artifact, once somebody who was named has signed it.
//!
//! Nothing is fetched before what is attached was judged, and nothing is in its place before all of it is there and has
//! its digest. `allow_unsigned` lets an artifact pass that carries no signature at all, and says so; one that is wrong, or
//! by somebody else, it never lets pass.

use std::path::PathBuf;

use super::files::Files;
use super::{Examined, Judged, Options, keys, named, repository};
use crate::commands::fetch;
use crate::ctx::{Ctx, Step};
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_net::http::Sink;
use pinfold_oci::registry::Repository;
use pinfold_oci::{Descriptor, Manifest};

/// Where the files go, and what may pass.
#[derive(Debug, Clone)]
pub struct Pull {
    /// What is pulled, and who has to have signed it.
    pub options: Options,
    /// The folder that the files go to; it is made where there is none.
    pub out: PathBuf,
    /// What carries no signature may pass.
    pub allow_unsigned: bool,
}

/// Judges an artifact and fetches its files.
pub fn run(ctx: &Ctx<'_>, pull: &Pull) -> Result<Report, Fault> {
    let options = &pull.options;
    let keys = keys(&options.keys)?;
    let repository = repository(ctx, &options.reference)?;
    let examined = Examined::of(ctx, &repository, options, &keys)?;
    let source = format!("oci:{}", options.reference.at(examined.digest.clone()));
    let passes = examined.judged.verdict == Verdict::Passed;
    let (mut row, files) = match passes || (pull.allow_unsigned && examined.judged.is_unsigned) {
        true => {
            let (written, bytes) = files(ctx, &repository, pull, &examined)?;
            (row(&examined.judged, passes, &written, bytes, pull), written.len())
        }
        false => (examined.judged.row_of_refusal(options.reference.to_string(), "pulls"), 0),
    };
    row.source = source;
    let summary = match (files, row.verdict) {
        (0, Verdict::Passed) => "nothing to pull: the artifact has no files".to_owned(),
        (1, Verdict::Passed) => "1 file pulled".to_owned(),
        (count, Verdict::Passed) => format!("{count} files pulled"),
        _ => "nothing pulled".to_owned(),
    };
    Ok(Report { command: "oci pull", rows: vec![row], notes: Vec::new(), summary, judges: true })
}

/// An artifact that passed.
fn row(judged: &Judged, is_signed: bool, written: &[(String, bool)], bytes: u64, pull: &Pull) -> Row {
    let mut findings: Vec<Finding> = match is_signed {
        true => judged.findings.clone(),
        false => vec![Finding::new(Level::Warning, "unsigned-allowed", UNSIGNED)],
    };
    findings.extend(written.iter().map(|(name, is_new)| {
        let what = if *is_new { "is new" } else { "was there already, and is the same" };
        let message = format!("`{}` {what}", name.escape_debug());
        Finding::new(Level::Note, "pulled-file", message).at(name.as_str())
    }));
    let noun = if written.len() == 1 { "file" } else { "files" };
    Row {
        subject: pull.options.reference.to_string(),
        verdict: Verdict::Passed,
        status: if is_signed { "pulled" } else { "pulled unsigned" }.to_owned(),
        source: String::new(),
        detail: format!("{} {noun}, {} -> {}", written.len(), fetch::size(bytes), pull.out.display()),
        evidence: judged.evidence.clone(),
        audit: None,
        wasm: Vec::new(),
        findings,
    }
}

/// The names of the files, which are in their places, whether each is new there, and the length of all.
fn files(
    ctx: &Ctx<'_>,
    repository: &Repository<'_>,
    pull: &Pull,
    examined: &Examined,
) -> Result<(Vec<(String, bool)>, u64), Fault> {
    let reference = &pull.options.reference;
    let manifest = manifest(repository, pull, examined)?;
    let name = reference.to_string();
    let files = Files::plan(&manifest, &pull.out, &named(reference, &examined.digest))?;
    ctx.progress.step(&name, Step::Fetching);
    let is_alone = manifest.layers.len() == 1;
    let fetch = |layer: &Descriptor, sink: &mut dyn Sink| match is_alone {
        true => repository.blob(layer, sink).map(|_| ()),
        false => repository.blob_of_several(layer, sink).map(|_| ()),
    };
    let whole = files.receive(ctx, &name, fetch)?;
    let written = whole.publish()?;
    ctx.progress.step(&name, Step::Over);
    Ok((written, files.total()))
}

/// The manifest that is meant; what was judged is not asked for again.
fn manifest(repository: &Repository<'_>, pull: &Pull, examined: &Examined) -> Result<Manifest, Fault> {
    let (digest, platform) = (&examined.digest, pull.options.platform.as_ref());
    Ok(repository.follow(digest, platform, Some(examined.manifest.clone()))?.manifest)
}

const UNSIGNED: &str =
    "the artifact carries NO SIGNATURE: nobody vouches for it; it was pulled because of --allow-unsigned";
