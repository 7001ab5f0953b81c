//! The next page of a list: the header `Link` (RFC 8288, section 3).
//!
//! Refuses a header that cannot be read, because what stands on a page that nobody turned to would be taken for absent.

use std::fmt;

/// The target of the link with the relation `next`, as it stands there; `None` where there is none.
pub fn next_page(header: &str) -> Result<Option<String>, LinkError> {
    let mut rest = header.trim();
    let mut next = None;
    while !rest.is_empty() {
        let (target, behind) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).ok_or(LinkError)?;
        let (parameters, behind) = split_outside_quotes(behind, ',')?;
        if is_next(parameters)? {
            // Two next pages would be two lists.
            if next.replace(target.to_owned()).is_some() {
                return Err(LinkError);
            }
        }
        rest = behind.unwrap_or_default().trim();
    }
    Ok(next)
}

fn is_next(mut parameters: &str) -> Result<bool, LinkError> {
    let mut found = false;
    loop {
        let (parameter, behind) = split_outside_quotes(parameters, ';')?;
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("rel")
        {
            let value = value.trim().trim_matches('"');
            found |= value.split(' ').any(|relation| relation.eq_ignore_ascii_case("next"));
        }
        match behind {
            Some(behind) => parameters = behind,
            None => return Ok(found),
        }
    }
}

/// A text up to a character that stands in no quotes, and what is behind it.
fn split_outside_quotes(text: &str, at: char) -> Result<(&str, Option<&str>), LinkError> {
    let mut quoted = false;
    for (index, one) in text.char_indices() {
        match one {
            '"' => quoted = !quoted,
            _ if one == at && !quoted => {
                return Ok((text.get(..index).unwrap_or_default(), text.get(index.saturating_add(1)..)));
            }
            _ => {}
        }
    }
    if quoted { Err(LinkError) } else { Ok((text, None)) }
}

/// A header `Link` that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkError;

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header `Link` cannot be read, so that nobody knows whether there are more pages")
    }
}

impl std::error::Error for LinkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_page_or_says_that_it_cannot() {
        let check = |header: &str, expected: Option<&str>| {
            assert_eq!(next_page(header).expect(header).as_deref(), expected, "{header}");
        };
        check("", None);
        check("</v2/a/referrers/x?s=2>; rel=\"next\"", Some("/v2/a/referrers/x?s=2"));
        check("</a>;rel=next", Some("/a"));
        check("</a>; title=\"x, y; rel=next\"; rel=\"prev next\"", Some("/a"));
        check("</a>; rel=prev, </b>; REL=\"Next\"", Some("/b"));
        check("</a>; rel=\"nextish\"", None);
        for header in ["/a; rel=next", "</a; rel=next", "</a>; rel=\"next", "</a>; rel=next, </b>; rel=next", "x, </a>"]
        {
            assert_eq!(next_page(header), Err(LinkError), "{header}");
        }
    }
}
