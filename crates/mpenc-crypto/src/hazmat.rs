//! Derivations by themselves, for holding them against recordings (feature `hazmat`).
//!
//! # Security
//!
//! Nothing here checks what it is given, and results are key bytes. No program turns this on.

use crate::SecretBytes;

/// `HKDF-SHA256(secret, no salt, info, 32 bytes)`: the v1 group key if `secret` is the group
/// secret and `info` is `mpenc group key` (wire-v1.md section 6.5).
#[must_use]
pub fn derive_v1(secret: &[u8; 32], info: &[u8]) -> SecretBytes<32> {
    crate::v1::derive(secret, info)
}
