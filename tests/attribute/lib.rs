//! `#[test]` for tests/it: hands a function to the harness of that crate, tests/it/harness.rs.

use proc_macro::{TokenStream, TokenTree};

/// Registers a function as a test. `#[ignore = "why"]` below it keeps it from being run unless it is asked for.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    assert!(arguments.is_empty(), "`#[test]` takes no arguments");
    let mut function = TokenStream::new();
    let mut name = None;
    let mut ignored = "None".to_owned();
    let mut tokens = item.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if is(&token, "#")
            && let Some(reason) = tokens.peek().and_then(reason)
        {
            ignored = format!("Some({reason})");
            tokens.next();
            continue;
        }
        if name.is_none() && is(&token, "fn") {
            name = tokens.peek().map(ToString::to_string);
        }
        function.extend([token]);
    }
    let name = name.expect("`#[test]` is for functions");
    let registered = format!(
        "::inventory::submit! {{ crate::harness::Test {{
            module: ::core::module_path!(), name: \"{name}\", run: {name}, ignored: {ignored}
        }} }}"
    );
    function.extend(registered.parse::<TokenStream>().expect("tokens"));
    function
}

fn is(token: &TokenTree, text: &str) -> bool {
    !matches!(token, TokenTree::Group(_)) && token.to_string() == text
}

/// The reason in `[ignore = "reason"]`.
fn reason(attribute: &TokenTree) -> Option<String> {
    let TokenTree::Group(group) = attribute else { return None };
    let mut tokens = group.stream().into_iter();
    (tokens.next()?.to_string() == "ignore").then_some(())?;
    Some(tokens.nth(1).expect("`#[ignore]` says why: `#[ignore = \"…\"]`").to_string())
}
