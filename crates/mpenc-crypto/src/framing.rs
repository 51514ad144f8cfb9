//! The one way in which v2 puts labels and parts into bytes (wire-v2.md section 1.2).
//!
//! ```text
//! frame(label; p_1, …, p_k) = 02 || suite || u8 len(label) || label
//!                          || u32 k || u32 len(p_1) || p_1 || … || u32 len(p_k) || p_k
//! ```
//!
//! Different labels, different numbers of parts and different parts give different bytes, whatever
//! an attacker puts into the parts (ATK-009, ATK-010), as no part is longer than 4 GiB.

use alloc::vec::Vec;

use mpenc_types::guard;

use crate::{FramedHash, Label};

/// First byte of every frame and of every packet: the second profile.
pub const PROFILE: u8 = 2;

/// Hands the frame of what is hashed to `absorb`, piece by piece.
//= docs/spec/v2.md#V2-002
//= docs/spec/v2.md#V2-004
pub fn hashed<S: FramedHash>(label: Label, parts: &[&[u8]], mut absorb: impl FnMut(&[u8])) {
    let label = if guard!("hash-domain") { label.as_bytes() } else { b"" };
    frame::<S>(label, parts, &mut absorb);
}

/// The frame of what is derived: the `info` of HKDF.
//= docs/spec/v2.md#V2-002
//= docs/spec/v2.md#V2-004
#[must_use]
pub fn derived<S: FramedHash>(label: Label, parts: &[&[u8]]) -> Vec<u8> {
    let label = if guard!("kdf-label") { label.as_bytes() } else { b"" };
    let mut info = Vec::new();
    frame::<S>(label, parts, &mut |piece| info.extend_from_slice(piece));
    info
}

fn frame<S: FramedHash>(label: &[u8], parts: &[&[u8]], absorb: &mut impl FnMut(&[u8])) {
    let [high, low] = S::SUITE_ID.to_be_bytes();
    // Labels of the registry have less than 256 bytes.
    let label_len = u8::try_from(label.len()).unwrap_or(u8::MAX);
    absorb(&[PROFILE, high, low, label_len]);
    absorb(label);
    let delimited = guard!("length-prefix");
    if delimited {
        absorb(&length(parts.len()));
    }
    for part in parts {
        if delimited {
            absorb(&length(part.len()));
        }
        absorb(part);
    }
}

/// Four bytes, big endian. Nothing that is hashed comes near the limit.
fn length(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}
