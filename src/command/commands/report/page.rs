//! The page itself: what is not proved first, then the picture, then every pin.

use super::super::held::{Held, Standing};
use super::graph::{self, Path};
use super::html::{escaped, link, shortened};
use crate::report::{Evidence, Level, Verdict};
use pinfold_core::digest::Sha256;
use pinfold_evidence::slsa::BuildLevel;

/// The page of all pins.
pub(super) fn page(pins: &[Held<'_>], at: Option<&str>) -> String {
    // The hash of the one style is the only thing that the policy lets through.
    let style = Sha256::of(STYLE.as_bytes());
    let policy = format!("default-src 'none'; style-src '{style}'; img-src data:; base-uri 'none'; form-action 'none'");
    let mut page = format!(
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n\
         <meta name='generator' content='pinfold'>\n\
         <meta http-equiv='Content-Security-Policy' content=\"{policy}\">\n\
         <meta name='viewport' content='width=device-width, initial-scale=1'>\n\
         <meta name='referrer' content='no-referrer'>\n<link rel='icon' href='data:,'>\n\
         <title>What is pinned, and who built it</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>What is pinned, and who built it</h1>\n"
    );
    page.push_str(&summary(pins, at));
    page.push_str(&gaps(pins));
    page.push_str("<h2>Who built what from where</h2>\n<div class='picture'>\n");
    page.push_str(&graph::svg(&pins.iter().map(path).collect::<Vec<_>>()));
    page.push_str("</div>\n<h2>Every pin</h2>\n<table>\n<thead><tr>");
    for title in TITLES {
        page.push_str(&format!("<th scope='col'>{title}</th>"));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for pin in pins {
        page.push_str(&row(pin));
    }
    page.push_str("</tbody>\n</table>\n");
    page.push_str(&format!(
        "<footer><p>Written by pinfold {} from pins.toml and the records beside it, with the network cut. Evidence \
         was proved again for this page; whether the trees on disk are the pinned ones is the matter of \
         <code>pinfold verify</code>. SLSA levels are those of the build track, version 1.1, and what the evidence \
         supports.</p></footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    ));
    page
}

fn summary(pins: &[Held<'_>], at: Option<&str>) -> String {
    let count = |wanted: &[Standing]| pins.iter().filter(|pin| wanted.contains(&pin.standing)).count();
    let proved = count(&[Standing::Verified]);
    let wrong = pins.iter().filter(|pin| pin.verdict == Verdict::Refused && pin.standing != Standing::Missing).count();
    let other = pins.len().saturating_sub(proved).saturating_sub(wrong);
    let tile = |class: &str, number: usize, words: &str| {
        format!("<li class='{class}'><strong>{number}</strong> {words}</li>\n")
    };
    let at = at.map_or_else(String::new, |at| format!("<p>As of {}.</p>\n", escaped(at)));
    format!(
        "{at}<ul class='tiles'>\n{}{}{}{}</ul>\n",
        tile("all", pins.len(), "pinned to their bytes"),
        tile("good", proved, "with proved evidence of who built them"),
        tile("open", other, "without"),
        tile("bad", wrong, "with evidence that is wrong"),
    )
}

/// What is not proved, in plain sight.
fn gaps(pins: &[Held<'_>]) -> String {
    let open: Vec<&Held<'_>> = pins.iter().filter(|pin| pin.standing != Standing::Verified).collect();
    if open.is_empty() {
        return "<h2>Gaps</h2>\n<p>None: every pin has proved evidence of who built it.</p>\n".to_owned();
    }
    let mut text = "<h2>Gaps</h2>\n<ul class='gaps'>\n".to_owned();
    for pin in open {
        let name = escaped(pin.pin.name.as_str());
        text.push_str(&format!("<li><strong>{name}</strong>: {}", sentence(pin.standing)));
        for finding in pin.findings.iter().filter(|finding| finding.level == Level::Error) {
            text.push_str(&format!("<br>{}", escaped(&finding.message)));
            if let (Some(expected), Some(received)) = (&finding.expected, &finding.received) {
                text.push_str(&format!(
                    "; expected <code>{}</code>, received <code>{}</code>",
                    escaped(expected),
                    escaped(received)
                ));
            }
        }
        text.push_str("</li>\n");
    }
    text.push_str("</ul>\n");
    text
}

const fn sentence(standing: Standing) -> &'static str {
    match standing {
        Standing::Verified => "who built it is proved.",
        Standing::Signed => "it is proved who signed it, and there is no proved evidence of who built it.",
        Standing::ByRecord => "its evidence holds, for bytes that only the record says are the pinned ones.",
        Standing::Refused => "its evidence is wrong.",
        Standing::Unverifiable => "its evidence cannot be judged with the roots at hand.",
        Standing::NobodyNamed => "its evidence holds, but the pin does not say whose is good.",
        Standing::Missing => "no evidence of who built it is recorded.",
        Standing::Unasked => "nobody has asked for evidence yet.",
        Standing::Off => "its pin wants no evidence looked for.",
        Standing::Failed => "its record cannot be used.",
    }
}

fn path(pin: &Held<'_>) -> Path {
    let way = match (&pin.proof, pin.standing) {
        (Some(proof), Standing::Verified) => Ok([
            proof.repository.clone().unwrap_or_else(|| "a repository that nobody names".to_owned()),
            builder(proof),
            seen(proof),
        ]),
        (_, Standing::Signed) => Err("signed, nothing of a build"),
        (_, Standing::ByRecord) => Err("by the record's word alone"),
        (_, Standing::Refused) => Err("evidence is wrong"),
        (_, Standing::Unverifiable) => Err("evidence cannot be judged"),
        (_, Standing::NobodyNamed) => Err("nobody says whose is good"),
        (_, Standing::Failed) => Err("the record cannot be used"),
        (_, _) => Err("no evidence"),
    };
    Path { pin: pin.pin.name.to_string(), way }
}

fn builder(proof: &Evidence) -> String {
    match (&proof.runner, &proof.builder) {
        (Some(runner), _) => runner.clone(),
        (None, Some(builder)) => builder.clone(),
        (None, None) => proof.signer.clone(),
    }
}

fn seen(proof: &Evidence) -> String {
    match (&proof.instance, proof.log_index) {
        (Some(instance), Some(_)) => format!("{instance} log"),
        (Some(instance), None) => format!("{instance} timestamps"),
        (None, _) => "nobody: a key alone".to_owned(),
    }
}

fn row(pin: &Held<'_>) -> String {
    let source = pin.artifact.map(|artifact| artifact.source.to_string()).unwrap_or_default();
    let integrity = pin.artifact.map(|artifact| artifact.integrity.to_string()).unwrap_or_default();
    let supported = pin.proof.as_deref().filter(|_| pin.standing == Standing::Verified);
    let level = BuildLevel::of(supported).name().replace("SLSA_BUILD_LEVEL_", "L");
    let name = pin.pin.name.as_str();
    // What a certificate says of whoever signed is nothing that it was built from.
    let built = pin.proof.as_deref().filter(|_| pin.standing != Standing::Signed);
    let cells = [
        format!(
            "<strong id='{0}'>{0}</strong><br>{1}<br><code class='hash' title='{2}'>{3}</code>",
            escaped(name),
            escaped(&source),
            escaped(&integrity),
            escaped(&shortened(&integrity, 24))
        ),
        escaped(pin.standing.words()),
        built.map_or_else(String::new, from),
        [built.map(by), pin.signature.as_deref().map(signed)].into_iter().flatten().collect::<Vec<_>>().join("<br>"),
        pin.proof.as_deref().map_or_else(String::new, when),
        escaped(&level),
    ];
    let class = match pin.standing {
        Standing::Verified => "good",
        Standing::Refused | Standing::Failed => "bad",
        _ if pin.verdict == Verdict::Refused => "bad",
        _ => "open",
    };
    let cells = cells.iter().zip(TITLES).map(|(cell, title)| {
        // On a phone, where each cell has a line of its own, one that says nothing is left out.
        let (class, cell) = if cell.is_empty() { (" class='none'", "not known") } else { ("", cell.as_str()) };
        format!("<td{class} data-title='{title}'>{cell}</td>")
    });
    format!("<tr class='{class}'>{}</tr>\n", cells.collect::<String>())
}

fn from(proof: &Evidence) -> String {
    let repository = proof.repository.as_deref().unwrap_or_default();
    let shown = repository.strip_prefix("https://").unwrap_or(repository);
    let mut text = link(repository, shown);
    for part in [&proof.git_ref, &proof.commit].into_iter().flatten() {
        text.push_str(&format!("<br><code>{}</code>", escaped(part)));
    }
    text
}

fn by(proof: &Evidence) -> String {
    let mut text = escaped(&proof.signer);
    if let Some(runner) = &proof.runner {
        text.push_str(&format!("<br>on {}", escaped(runner)));
    }
    if let Some(run) = &proof.run {
        text.push_str(&format!("<br>{}", link(run, "the run")));
    }
    text
}

fn signed(signature: &Evidence) -> String {
    format!("signed by {}", escaped(&signature.signer))
}

fn when(proof: &Evidence) -> String {
    let mut text = escaped(&seen(proof));
    if let Some(index) = proof.log_index {
        text.push_str(&format!(" {index}"));
    }
    if let Some(time) = &proof.time {
        text.push_str(&format!("<br>{}", escaped(time)));
    }
    text
}

const TITLES: [&str; 6] = ["Pin", "Evidence", "Built from", "Built by", "Seen by", "SLSA build"];

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#59636e;--rule:#d1d9e0;--good:#116329;--open:#7d4e00;--bad:#a40e26}\
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--soft:#9198a1;--rule:#3d444d;--good:#4ac26b;--open:#d4a72c;--bad:#ff818a}}\
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:76rem;margin:0 auto;padding:1rem}\
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}\
a{color:inherit}\
code{font:.85em ui-monospace,monospace;overflow-wrap:anywhere}\
.hash,footer{color:var(--soft)}\
.tiles{display:flex;flex-wrap:wrap;gap:.5rem;list-style:none;padding:0}\
.tiles li{flex:1 1 9rem;border:1px solid var(--rule);border-radius:6px;padding:.6rem}\
.tiles strong{display:block;font-size:1.6rem}\
li.good strong,tr.good td:nth-child(2){color:var(--good)}\
li.open strong,tr.open td:nth-child(2){color:var(--open)}\
li.bad strong,tr.bad td:nth-child(2){color:var(--bad);font-weight:bold}\
.gaps li{margin:.3rem 0;overflow-wrap:anywhere}\
.picture{overflow-x:auto}\
svg{width:100%;min-width:44rem;height:auto;font:13px system-ui,sans-serif}\
svg text{fill:var(--ink)}svg .title{font-weight:bold}\
svg rect{fill:none;stroke:var(--rule)}\
svg .line{fill:none;stroke:var(--good);opacity:.6}\
svg .gap rect,svg .line.gap{stroke:var(--open);stroke-dasharray:4 3}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.5rem;border-bottom:1px solid var(--rule);overflow-wrap:anywhere}\
th,td:nth-child(2),td:nth-child(6){overflow-wrap:normal}\
footer{margin-top:2rem;font-size:.9rem}\
@media (max-width:48rem){thead{display:none}tr{display:block;border:1px solid var(--rule);border-radius:6px;margin:0 0 1rem;padding:.4rem}\
td{display:block;border:0;padding:.2rem .4rem}td.none{display:none}td::before{content:attr(data-title);display:block;font-size:.8rem;color:var(--soft)}}\
@media print{:root{--ink:#000;--paper:#fff;--soft:#333;--rule:#999;--good:#000;--open:#000;--bad:#000}main{max-width:none;padding:0}\
body{font-size:10pt}tr,.gaps li,svg{break-inside:avoid}svg{min-width:0}.picture{overflow:visible}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_evidence_says_is_more_than_text() {
        let hostile = || Some("https://x/'\"><script>alert(1)</script>\u{202e}".to_owned());
        let proof = Evidence {
            kind: hostile().unwrap_or_default(),
            signer: hostile().unwrap_or_default(),
            issuer: hostile(),
            repository: hostile(),
            repository_id: hostile(),
            git_ref: hostile(),
            commit: hostile(),
            builder: hostile(),
            runner: hostile(),
            run: Some("javascript:alert(1)".to_owned()),
            time: hostile(),
            log_index: Some(1),
            instance: hostile(),
            recalled: false,
        };
        let path = Path { pin: hostile().unwrap_or_default(), way: Ok([builder(&proof), seen(&proof), from(&proof)]) };
        for text in [from(&proof), by(&proof), when(&proof), graph::svg(&[path])] {
            assert!(!text.contains("<script") && !text.contains('\u{202e}') && text.contains("script"), "{text}");
            assert!(!text.contains("javascript:"), "{text}");
            assert!(!text.contains("x/'"), "{text}");
        }
    }
}
