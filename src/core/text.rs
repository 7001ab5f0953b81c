//! Text of others in front of people and machines: names of files, words of servers, fields of certificates.
//!
//! Shown as it is, such a text moves the cursor, turns a line around, looks like another one, or is obeyed by the job that
//! reads the log. What does any of that is shown as its code, once: a text that was escaped already stays what it is.
//! [`Secrets`] leaves out what was sent as a secret, [`without_user_info`] the user information of locations.

mod location;
mod secrets;

use std::borrow::Cow;
use std::fmt;

pub use location::{Location, without_user_info};
pub use secrets::Secrets;

/// A text of somebody else; its `Display` shows every character that is to be seen, and of the others their codes.
#[derive(Debug, Clone, Copy)]
pub struct Untrusted<'a>(pub &'a str);

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(self.0))
    }
}

/// Whether a character shows nothing, moves what stands around it, or looks as others do: controls, blanks that are not the
/// space, what is not assigned or private, and all that Unicode lets a renderer leave out.
pub fn is_hidden(one: char) -> bool {
    if one.is_ascii() {
        return one.is_ascii_control();
    }
    // What `escape_debug` shows as it is, the standard library knows as printable. Behind another character it lets marks
    // that go onto one pass (`e` and U+0301), as names of files on macOS have them.
    let is_printable = || format!("a{one}").escape_debug().nth(1) != Some('\\');
    let is_ignorable = IGNORABLE.iter().any(|(first, last)| (*first..=*last).contains(&one)) || BLANK.contains(&one);
    is_ignorable || !one.is_alphanumeric() && !is_printable()
}

/// A text on one line, with the codes of what is hidden (`\n`, `\u{202e}`).
pub fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, |one, shown| shown.extend(one.escape_default()))
}

/// The same of several lines.
pub fn plain_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |one, shown| if one == '\n' { shown.push(one) } else { shown.extend(one.escape_default()) })
}

/// The same with each hidden character as `show` writes it.
pub fn escaped(text: &str, show: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for one in text.chars() {
        if is_hidden(one) { show(one, &mut shown) } else { shown.push(one) }
    }
    Cow::Owned(shown)
}

/// Lines for people in which no job that reads them finds a command. Colors and line feeds are the caller's own.
pub fn without_commands(lines: &str) -> Cow<'_, str> {
    uncommanded(lines, |one, shown| shown.extend(one.escape_unicode()))
}

/// A JSON document of the same meaning without what is hidden or obeyed. Outside of its strings it has neither.
pub fn plain_json(document: &str) -> Cow<'_, str> {
    let code = |one: char, shown: &mut String| {
        let mut units = [0; 2];
        // Writing to a `String` cannot fail.
        one.encode_utf16(&mut units).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
    };
    let shown = escaped(document, |one, shown| if one == '\n' { shown.push(one) } else { code(one, shown) });
    match uncommanded(&shown, code) {
        Cow::Borrowed(_) => shown,
        Cow::Owned(text) => Cow::Owned(text),
    }
}

/// A JSON value as such a document of one line.
pub fn json_line(value: &impl fmt::Display) -> String {
    format!("{}\n", plain_json(&value.to_string()))
}

/// Puts the code of its first character in place of whatever begins a command: `##[`, `##vso[` and `##teamcity[` anywhere,
/// as GitHub's and Azure's runners look for them, and `::` where a line begins.
fn uncommanded(lines: &str, code: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !lines.contains("##") && !lines.contains("::") {
        return Cow::Borrowed(lines);
    }
    let mut shown = String::with_capacity(lines.len());
    let mut begins = true;
    for (at, one) in lines.char_indices() {
        let rest = lines.get(at..).unwrap_or_default();
        let is_command = rest.strip_prefix("##").is_some_and(|rest| {
            let word = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
            rest.trim_start_matches(word).starts_with('[')
        });
        if is_command || begins && rest.starts_with("::") {
            code(one, &mut shown);
        } else {
            shown.push(one);
        }
        begins = matches!(one, '\n' | '\r') || begins && one.is_whitespace();
    }
    Cow::Owned(shown)
}

/// `Default_Ignorable_Code_Point`, whole (Unicode 16.0.0, DerivedCoreProperties.txt: 4174 code points, of which the ones
/// that are not assigned yet are reserved to be of it): what a renderer may leave out without a trace.
const IGNORABLE: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fff8}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Symbols and marks without ink that the property does not have: the empty Braille pattern, the null notehead, the filler
/// of the Khitan small script.
const BLANK: [char; 3] = ['\u{2800}', '\u{1d159}', '\u{16fe4}'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_hidden() {
        let count: u32 = IGNORABLE.iter().map(|(first, last)| u32::from(*last) - u32::from(*first) + 1).sum();
        assert_eq!(count, 4174, "as DerivedCoreProperties.txt counts them");
        for hidden in
            "\0\u{7}\u{1b}\u{7f}\u{85}\u{9b}\u{a0}\u{ad}\u{180e}\u{2003}\u{200b}\u{200d}\u{2028}\u{2029}\u{202e}\
            \u{2066}\u{2800}\u{3000}\u{3164}\u{e000}\u{fe0f}\u{feff}\u{fffe}\u{1d159}\u{e0041}\u{e01ef}\u{10ffff}"
                .chars()
        {
            assert!(is_hidden(hidden), "{hidden:?}");
        }
        for shown in " aé\u{301}ß中あ한ع…→–`\\\"'\u{fffd}😀".chars() {
            assert!(!is_hidden(shown), "{shown:?}");
        }
    }

    #[test]
    fn a_text_is_escaped_once() {
        let name = "a\u{202e}b\n\"c\\d'\u{ad}";
        let once = plain(name).into_owned();
        assert_eq!(once, "a\\u{202e}b\\n\"c\\d'\\u{ad}");
        assert_eq!(Untrusted(&once).to_string(), once);
        assert_eq!(plain("cafe\u{301} 中"), "cafe\u{301} 中");
    }

    #[test]
    fn no_job_finds_a_command() {
        let check = |lines: &str, expected: &str| assert_eq!(without_commands(lines), expected);
        check("x ##[set-output name=a]b", "x \\u{23}#[set-output name=a]b");
        check("###[error]", "#\\u{23}#[error]");
        check("##vso[task.setvariable]##TeamCity[x", "\\u{23}#vso[task.setvariable]\\u{23}#TeamCity[x");
        check("a\n ::set-output::b\r::x", "a\n \\u{3a}:set-output::b\r\\u{3a}:x");
        check("::x", "\\u{3a}:x");
        check("a::b ## c # [d]\n## [x]", "a::b ## c # [d]\n## [x]");
    }

    #[test]
    fn a_document_means_the_same() {
        let value = serde_json::json!({ "path": "a\u{9b}31m\u{202e}##[x]\u{e0041}\u{7f}\t\u{2028}é", "n": "##vso[y]" });
        for document in [value.to_string(), format!("{value:#}\n")] {
            let shown = plain_json(&document);
            assert!(!shown.contains("##") && !shown.chars().any(|one| is_hidden(one) && one != '\n'), "{shown}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
        }
        assert!(matches!(plain_json("{\"a\":\"é\"}"), Cow::Borrowed(_)));
    }
}
