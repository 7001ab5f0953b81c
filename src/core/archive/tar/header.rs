//! One tar header block (POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format").

use super::TarRule;

/// The size of a block, in bytes.
pub(in crate::archive) const BLOCK: usize = 512;

/// A header block.
#[derive(Debug)]
pub(super) struct Header(pub(super) [u8; BLOCK]);

/// Whose idea of the last 255 bytes holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Posix,
    Gnu,
    V7,
}

impl Header {
    /// Whether all of it is zero: an end-of-archive block.
    pub(super) fn is_zero(&self) -> bool {
        self.0 == [0; BLOCK]
    }

    /// Whether the header is one: checksum, magic, and no field that only some readers would use.
    pub(super) fn check(&self) -> Result<(), TarRule> {
        let blank = 8 * u32::from(b' ');
        let field: u32 = self.0[148..156].iter().map(|byte| u32::from(*byte)).sum();
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        // Unsigned bytes, as POSIX has it; the signed sum of old writers differs only for names that are not ASCII.
        if octal(&self.0[148..156])? != u64::from(sum.saturating_sub(field).saturating_add(blank)) {
            return Err(TarRule::Checksum);
        }
        // Python's tarfile takes the bytes from 345 on for a prefix where GNU tar has times: so they must be none. GNU's
        // own kinds of members use them, and are refused for what they are.
        let own = matches!(self.kind(), b'D' | b'M' | b'S' | b'V');
        if self.flavour()? != Flavour::Posix && !own && has_bytes(&self.0[345..]) {
            return Err(TarRule::Prefix);
        }
        Ok(())
    }

    fn flavour(&self) -> Result<Flavour, TarRule> {
        match &self.0[257..265] {
            b"ustar\x0000" => Ok(Flavour::Posix),
            b"ustar  \0" => Ok(Flavour::Gnu),
            [0, 0, 0, 0, 0, 0, 0, 0] => Ok(Flavour::V7),
            _ => Err(TarRule::Magic),
        }
    }

    /// The type flag.
    pub(super) const fn kind(&self) -> u8 {
        self.0[156]
    }

    /// The member's name: `prefix/name` or `name`, appended to an emptied `into`.
    pub(super) fn name(&self, into: &mut Vec<u8>) -> Result<(), TarRule> {
        into.clear();
        if self.flavour()? == Flavour::Posix {
            into.extend_from_slice(text(self.prefix())?);
            if !into.is_empty() {
                into.push(b'/');
            }
        }
        into.extend_from_slice(text(&self.0[..100])?);
        Ok(())
    }

    /// The field of the prefix: 155 bytes, or 130 and a NUL where the times of last access and change follow (star(5),
    /// "xstar"). npm's own tar writes these, and so every package of `@types` has them. A reader that knows no times
    /// stops at the NUL, so all see one name; anything but times behind it is refused as everywhere.
    fn prefix(&self) -> &[u8] {
        let times = [&self.0[476..488], &self.0[488..500]];
        if self.0[475] == 0 && times.iter().all(|time| octal(time).is_ok()) {
            &self.0[345..476]
        } else {
            &self.0[345..500]
        }
    }

    /// The name as far as it can be shown in a message.
    pub(super) fn name_to_show(&self) -> &[u8] {
        self.0[..100].split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// The target of a link.
    pub(super) fn link(&self) -> Result<&[u8], TarRule> {
        text(&self.0[157..257])
    }

    /// How many bytes follow.
    pub(super) fn size(&self) -> Result<u64, TarRule> {
        number(&self.0[124..136])
    }

    /// Permissions, set-id and sticky bits.
    pub(super) fn mode(&self) -> Result<u32, TarRule> {
        let mode = number(&self.0[100..108])?;
        // Old writers keep the file's type in the upper bits of sixteen.
        u32::try_from(mode).ok().filter(|mode| *mode <= 0o177_777).ok_or(TarRule::Number)
    }

    /// Checks the numbers that nothing depends on: owner, group and time. Some writers leave them empty.
    pub(super) fn check_unused(&self) -> Result<(), TarRule> {
        for field in [&self.0[108..116], &self.0[116..124], &self.0[136..148]] {
            let empty = field.iter().all(|byte| matches!(byte, 0 | b' '));
            // A time before 1970 is a negative number in base 256.
            if !empty && field.first() != Some(&0xff) {
                number(field)?;
            }
        }
        Ok(())
    }
}

/// A text field: up to its end or the first NUL. Bytes behind a NUL are invisible to some readers, so there are none.
fn text(field: &[u8]) -> Result<&[u8], TarRule> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (text, rest) = field.split_at_checked(end).ok_or(TarRule::AfterNul)?;
    if has_bytes(rest) { Err(TarRule::AfterNul) } else { Ok(text) }
}

/// Whether any byte is not zero; a fold, which the compiler vectorises, since it is done for each member.
fn has_bytes(field: &[u8]) -> bool {
    field.iter().fold(0, |all, byte| all | byte) != 0
}

/// A number: octal digits, or base 256 (GNU) where the first bit is set.
fn number(field: &[u8]) -> Result<u64, TarRule> {
    match field {
        [0x80, rest @ ..] => rest
            .iter()
            .try_fold(0_u64, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)))
            .ok_or(TarRule::Number),
        _ => octal(field),
    }
}

/// Octal digits, after spaces if any, ended by NULs or spaces.
fn octal(field: &[u8]) -> Result<u64, TarRule> {
    let start = field.iter().take_while(|byte| **byte == b' ').count();
    let field = field.get(start..).unwrap_or_default();
    let digits = field.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let (digits, end) = field.split_at_checked(digits).ok_or(TarRule::Number)?;
    if digits.is_empty() || end.is_empty() || end.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return Err(TarRule::Number);
    }
    // At most eleven digits: 33 bits.
    Ok(digits.iter().fold(0, |value, digit| (value << 3) | u64::from(digit & 7)))
}
