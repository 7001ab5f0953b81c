//! CycloneDX 1.6 (ECMA-424), as JSON.

use serde_json::{Map, Value, json};

use super::{Bill, Component, Document, Kind, Reference, TOOL, pretty, set, uuid_of};

/// The bill in CycloneDX 1.6, ending in a line feed.
pub fn cyclonedx(bill: &Bill) -> String {
    let components: Vec<Value> = bill.components.iter().map(component).collect();
    let (name, version) = TOOL;
    let mut metadata = json!({
        "tools": { "components": [{ "type": "application", "name": name, "version": version }] },
        "component": { "type": "application", "bom-ref": "project", "name": bill.name },
    });
    if let Some(created) = &bill.created {
        set(&mut metadata, "timestamp", created);
    }
    // What an artifact depends on in turn is not known, which is another thing than that it depends on nothing.
    let references: Vec<Value> = bill.components.iter().map(|one| json!(reference_of(one))).collect();
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": [{ "ref": "project", "dependsOn": references }],
        "compositions": [{ "aggregate": "unknown", "dependencies": references }],
    });
    let serial = format!("urn:uuid:{}", uuid_of(&document));
    set(&mut document, "serialNumber", serial);
    pretty(&document)
}

/// Pins have names of a few plain characters, so that this is a reference as it is.
fn reference_of(component: &Component) -> String {
    format!("pin:{}", component.pin)
}

fn component(component: &Component) -> Value {
    let mut value = Map::new();
    let mut put = |key: &str, one: Value| drop(value.insert(key.to_owned(), one));
    put("type", json!(if component.is_package { "library" } else { "file" }));
    put("bom-ref", json!(reference_of(component)));
    if let Some(group) = &component.group {
        put("group", json!(group));
    }
    put("name", json!(component.name));
    if let Some(version) = &component.version {
        put("version", json!(version));
    }
    let hashes: Vec<Value> = component.hashes.iter().map(|(algorithm, hex)| hash(algorithm, hex)).collect();
    put("hashes", Value::Array(hashes));
    put("purl", json!(component.purl));
    let downloads = component.downloads.iter().map(|url| json!({ "type": "distribution", "url": url }));
    let references = downloads.chain(component.proved.iter().map(proved)).chain(component.kept.iter().map(kept));
    let references: Vec<Value> = references.collect();
    if !references.is_empty() {
        put("externalReferences", Value::Array(references));
    }
    let optional = [
        ("pinfold:file", component.file.as_ref()),
        ("pinfold:tree", component.tree.as_ref()),
        ("pinfold:signed-by", component.signed.as_ref()),
    ];
    let own =
        [("pinfold:pin", &component.pin), ("pinfold:to", &component.to), ("pinfold:evidence", &component.standing)];
    let optional = optional.into_iter().filter_map(|(name, one)| Some((name, one?)));
    let properties = own.into_iter().chain(optional).map(|(name, one)| json!({ "name": name, "value": one }));
    put("properties", properties.collect());
    Value::Object(value)
}

fn proved(reference: &Reference) -> Value {
    let kind = match reference.kind {
        Kind::Repository => "vcs",
        Kind::Run => "build-meta",
    };
    json!({ "type": kind, "url": reference.url, "comment": reference.comment })
}

fn kept(document: &Document) -> Value {
    let kind = document.predicate_type.as_deref().unwrap_or("a signature");
    json!({
        "type": "attestation",
        "url": document.uri,
        "comment": format!("{kind}, handed out by {}; the digest is of its compact JSON", document.from),
        "hashes": [hash("sha256", &document.sha256.hex())],
    })
}

fn hash(algorithm: &str, hex: &str) -> Value {
    let name = match algorithm {
        "sha256" => "SHA-256",
        "sha384" => "SHA-384",
        _ => "SHA-512",
    };
    json!({ "alg": name, "content": hex })
}
