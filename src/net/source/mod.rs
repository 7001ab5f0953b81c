//! From what a pin says and how the machine is configured to URLs: judgement, without network, files or environment.
//!
//! Refuses to guess: a registry that nobody configured is an error that names every place where it could have been.

pub mod credentials;
pub mod github;
pub mod npm;
pub mod npmrc;
mod pip;
pub mod pypi;
pub mod registries;
pub mod version;

use std::fmt::Write as _;

/// One segment of a path, percent-encoded but for RFC 3986's unreserved characters and those of `also`.
/// One segment of a path or one value of a query, percent-encoded (RFC 3986, section 2.1); the characters of `also` stay.
pub fn encode_segment(text: &str, also: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Whether `text` cannot be one segment of a path: nothing, or what servers resolve away.
fn is_no_segment(text: &str) -> bool {
    matches!(text, "" | "." | "..") || text.contains(char::is_control)
}
