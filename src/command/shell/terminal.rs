//! Asks for a passphrase at the terminal, without showing it.
//!
//! Keys are taken one by one and the terminal's own signals are off meanwhile: Ctrl-C then ends the question instead of the
//! process, so that nobody at the keyboard leaves the terminal silent; `kill` does.

use std::io::{self, IsTerminal as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use pinfold_sign::signer::MAX_PASSPHRASE_LEN;

use crate::say;

/// Whether somebody can be asked: both what is typed and what is asked pass through a terminal.
pub(crate) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and returns what was typed.
pub(crate) fn ask(prompt: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let told = |error: io::Error| format!("the terminal cannot be asked: {error}");
    let silence = Silence::begin().map_err(told)?;
    let typed = if say::prompt(prompt) { read(io::stdin()) } else { Err(io::Error::other("nobody can hear it")) };
    drop(silence);
    // The line break that was not shown.
    say::aside("\n");
    typed.map_err(told)?.ok_or_else(|| "no passphrase was given".to_owned())
}

/// The line that is typed; `None` where somebody would rather not.
fn read(mut keys: impl io::Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // Room for all of it from the start: what grows leaves copies behind that nobody wipes.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_PASSPHRASE_LEN.saturating_add(2)));
    let mut key = Zeroizing::new([0_u8]);
    loop {
        if keys.read(&mut *key)? == 0 {
            return Ok(None);
        }
        let [key] = *key;
        match key {
            b'\n' | b'\r' => return Ok(Some(line)),
            CTRL_C => return Ok(None),
            CTRL_D if line.is_empty() => return Ok(None),
            CTRL_D => return Ok(Some(line)),
            CTRL_U => line.clear(),
            BACKSPACE | DELETE => back(&mut line),
            // One more than may be, so that it is refused and not cut.
            one if line.len() <= MAX_PASSPHRASE_LEN => line.push(one),
            _ => {}
        }
    }
}

/// Takes back a character, which in UTF-8 is more than one byte.
fn back(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
}

/// A terminal that shows nothing of what is typed, until dropped.
struct Silence {
    before: Termios,
}

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        // What was typed before the question was no answer to it.
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_line_key_by_key() {
        let check = |keys: &[u8], expected: Option<&[u8]>| {
            let typed = read(keys).expect("keys");
            assert_eq!(typed.as_deref().map(Vec::as_slice), expected, "{keys:?}");
        };
        check(b"open\n", Some(b"open"));
        check(b"open\rmore", Some(b"open"));
        check(b"opem\x7fn\n", Some(b"open"));
        check("ä\x7fb\n".as_bytes(), Some(b"b"));
        check(b"\x7f\x08a\n", Some(b"a"));
        check(b"wrong\x15right\n", Some(b"right"));
        check(b"open\x04", Some(b"open"));
        check(b"\n", Some(b""));
        check(b"\x04", None);
        check(b"open\x03", None);
        check(b"open", None);
        let long = [vec![b'a'; 5000], vec![b'\n']].concat();
        check(&long, Some(&[b'a'; MAX_PASSPHRASE_LEN + 1]));
    }
}
