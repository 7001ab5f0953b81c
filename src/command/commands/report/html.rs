//! Text in HTML: everything that comes from a pin or from evidence goes through [`escaped`], in text and in attributes.

use pinfold_core::text::is_hidden;

/// Text that is nothing but text wherever it stands in a page. What would reorder or hide what stands around it (control
/// characters, marks of direction: CVE-2021-42574) is shown as its code.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Two of them are half a command to whoever reads a log.
            '#' => safe.push_str("&#35;"),
            one if is_hidden(one) => safe.extend(one.escape_unicode()),
            one => safe.push(one),
        }
    }
    safe
}

/// A link to a web address, or the text alone where it is none: evidence may say `javascript:` as well as anything else.
pub(super) fn link(url: &str, text: &str) -> String {
    match url.parse::<pinfold_core::url::Url>() {
        Ok(parsed) if parsed.is_https() => {
            format!("<a href='{}' rel='noreferrer'>{}</a>", escaped(url), escaped(text))
        }
        _ => escaped(text),
    }
}

/// At most `len` characters, the middle left out of what has more.
pub(super) fn shortened(text: &str, len: usize) -> String {
    let count = text.chars().count();
    if count <= len {
        return text.to_owned();
    }
    let head = len / 2;
    let tail = len.saturating_sub(head).saturating_sub(1);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count.saturating_sub(tail)).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_place() {
        let hostile = "<script>alert('x\"&')</script>\u{202e}\u{7}\u{200b}\u{ad}\u{e0041}";
        let safe = escaped(hostile);
        assert_eq!(
            safe,
            "&lt;script&gt;alert(&#39;x&quot;&amp;&#39;)&lt;/script&gt;\\u{202e}\\u{7}\\u{200b}\\u{ad}\\u{e0041}"
        );
        assert_eq!(link("javascript:alert(1)", "<b>"), "&lt;b&gt;");
        assert_eq!(link("http://example.com/", "x"), "x");
        assert_eq!(
            link("https://example.com/?a='b", "x"),
            "<a href='https://example.com/?a=&#39;b' rel='noreferrer'>x</a>"
        );
        assert_eq!((shortened("abcdefgh", 5), shortened("abc", 5)), ("ab…gh".to_owned(), "abc".to_owned()));
    }
}
