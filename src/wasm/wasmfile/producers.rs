//! The `producers` section: what made a file, by its own word (WebAssembly tool conventions, `ProducersSection.md`).

use super::leb;

/// A tool that says it had a part in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// The name.
    pub name: String,
    /// The version, often empty.
    pub version: String,
}

/// Reads the content of the section, all of it; `None` where it is none.
pub(super) fn parse(content: &[u8]) -> Option<Vec<Producer>> {
    let mut rest = content;
    let mut producers = Vec::new();
    for _ in 0..number(&mut rest)? {
        let field = text(&mut rest)?;
        for _ in 0..number(&mut rest)? {
            let (name, version) = (text(&mut rest)?, text(&mut rest)?);
            producers.push(Producer { field: field.clone(), name, version });
        }
    }
    rest.is_empty().then_some(producers)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (value, used) = leb::read(rest).ok()?;
    *rest = rest.get(used..)?;
    Some(value)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(number(rest)?).ok()?;
    let (text, behind) = rest.split_at_checked(len)?;
    *rest = behind;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_or_nothing() {
        let content = b"\x02\x08language\x01\x04Rust\x00\x0cprocessed-by\x01\x05rustc\x061.89.0";
        let producers = parse(content).expect("producers");
        let told: Vec<_> = producers.iter().map(|one| (&*one.field, &*one.name, &*one.version)).collect();
        assert_eq!(told, [("language", "Rust", ""), ("processed-by", "rustc", "1.89.0")]);
        assert_eq!(parse(&content[..content.len() - 1]), None);
        assert_eq!(parse(&[content, &b"x"[..]].concat()), None);
        assert_eq!(parse(b"\xff\xff\xff\xff\x0f"), None, "four thousand million fields in no bytes");
    }
}
