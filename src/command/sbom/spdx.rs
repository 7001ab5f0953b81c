//! SPDX 2.3 (ISO/IEC 5962 is 2.2.1), as JSON.

use serde_json::{Value, json};

use super::{Bill, Component, Kind, TOOL, pretty, set, uuid_of};

/// The bill in SPDX 2.3, ending in a line feed. The format wants a time of creation; where nobody said one it is the
/// beginning of 1970, which no bill was made at.
pub fn spdx(bill: &Bill) -> String {
    let created = bill.created.as_deref().unwrap_or("1970-01-01T00:00:00Z");
    let tool = format!("Tool: {}-{}", TOOL.0, TOOL.1);
    let ids: Vec<String> = bill.components.iter().enumerate().map(|(index, one)| id(index, one)).collect();
    let packages: Vec<Value> =
        bill.components.iter().zip(&ids).map(|(one, id)| package(one, id, created, &tool)).collect();
    let relationships = ids
        .iter()
        .map(|id| json!({ "spdxElementId": DOCUMENT, "relationshipType": "DESCRIBES", "relatedSpdxElement": id }));
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": bill.name,
        "creationInfo": { "created": created, "creators": [tool] },
        "packages": packages,
        "relationships": relationships.collect::<Vec<_>>(),
    });
    let namespace = format!("urn:uuid:{}", uuid_of(&document));
    set(&mut document, "documentNamespace", namespace);
    pretty(&document)
}

/// The format has letters, digits, `.` and `-` in names (section 3.2.4), pins may have `_` too; the number keeps them apart.
fn id(index: usize, component: &Component) -> String {
    format!("SPDXRef-Pin-{index}-{}", component.pin.replace('_', "-"))
}

fn package(component: &Component, id: &str, created: &str, tool: &str) -> Value {
    let name = match &component.group {
        Some(group) => format!("{group}/{}", component.name),
        None => component.name.clone(),
    };
    let checksums = component
        .hashes
        .iter()
        .map(|(algorithm, hex)| json!({ "algorithm": algorithm.to_ascii_uppercase(), "checksumValue": hex }));
    let mut references = vec![external("PACKAGE-MANAGER", "purl", &component.purl, None)];
    references.extend(component.proved.iter().map(|one| {
        let kind = match one.kind {
            Kind::Repository => "vcs",
            Kind::Run => "build-meta",
        };
        external("OTHER", kind, &one.url, Some(&one.comment))
    }));
    references.extend(component.kept.iter().map(|one| {
        let kind = one.predicate_type.as_deref().unwrap_or("a signature");
        let comment = format!("{kind}, handed out by {}; SHA-256 of its compact JSON: {}", one.from, one.sha256.hex());
        external("OTHER", "attestation", &one.uri, Some(&comment))
    }));
    let mut notes = vec![format!("pin {}, its tree at {}", component.pin, component.to)];
    notes.extend(component.file.iter().map(|file| format!("it is the file {file} of the project")));
    notes.extend(component.tree.iter().map(|tree| format!("tree hash {tree}")));
    notes.push(format!("upstream evidence: {}", component.standing));
    notes.extend(component.signed.iter().map(|by| format!("the artifact is signed by {by}")));
    let annotations = notes.iter().map(|comment| {
        json!({ "annotationDate": created, "annotationType": "OTHER", "annotator": tool, "comment": comment })
    });
    let mut package = json!({
        "SPDXID": id,
        "name": name,
        "downloadLocation": component.downloads.first().map_or("NOASSERTION", String::as_str),
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "supplier": "NOASSERTION",
        "primaryPackagePurpose": if component.is_package { "LIBRARY" } else { "FILE" },
        "checksums": checksums.collect::<Vec<_>>(),
        "externalRefs": references,
        "annotations": annotations.collect::<Vec<_>>(),
    });
    if let Some(version) = &component.version {
        set(&mut package, "versionInfo", version);
    }
    package
}

fn external(category: &str, kind: &str, locator: &str, comment: Option<&str>) -> Value {
    let mut reference = json!({
        "referenceCategory": category,
        "referenceType": kind,
        // No white space may stand in a locator (section 7.21.1).
        "referenceLocator": locator.split_whitespace().collect::<Vec<_>>().join("%20"),
    });
    if let Some(comment) = comment {
        set(&mut reference, "comment", comment);
    }
    reference
}

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
