//! Any bytes as an archive of any format: no panic, and no more members or bytes than the limits say.
#![no_main]

use std::io::{Cursor, copy, sink};

use libfuzzer_sys::fuzz_target;
use pinfold_core::archive::unpack;
use pinfold_core::layout::{Format, Layout, Limits};

const LIMITS: Limits = Limits { unpacked: 1 << 20, members: 100, ratio: 200 };

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let format = Format::ALL[usize::from(*first) % Format::ALL.len()];
    let layout = Layout { limits: LIMITS, strip: usize::from(*first >> 7), ..Layout::default() };
    let (mut members, mut unpacked) = (0, 0);
    let _ = unpack(Cursor::new(bytes), bytes.len() as u64, format, &layout, &mut |member| {
        members += 1;
        unpacked += copy(member.body, &mut sink())?;
        std::io::Result::Ok(())
    });
    assert!(members <= LIMITS.members && unpacked <= LIMITS.unpacked);
});
