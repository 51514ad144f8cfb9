use core::fmt;

/// What members of a subsession compare outside the channel, to know that they share its members,
/// identity keys and group key (V2-034).
///
/// [`Display`](fmt::Display) prints eight groups of five digits, 132 bits in all. It is another
/// one after each operation, so all must look at the same time.
///
/// # Security
///
/// After a comparison the session is as good as its members' devices, even if the directory told
/// wrong keys; and stays so for these members, whose keys are pinned. Who comes later needs a
/// comparison of its own. Not a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes from which the digits are made.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (groups, _) = self.0.as_chunks::<4>();
        for (i, group) in groups.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            write!(f, "{space}{:05}", u32::from_be_bytes(*group) % 100_000)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    //= docs/spec/v2.md#V2-034
    //= type=test
    //= docs/spec/attacks.md#ATK-194
    //= type=test
    #[test]
    fn it_is_eight_groups_of_digits() {
        let mut bytes = [0; 32];
        bytes[3] = 7;
        bytes[28..].copy_from_slice(&[0xff; 4]);
        let text = Fingerprint::new(bytes).to_string();
        assert_eq!(text, "00007 00000 00000 00000 00000 00000 00000 67295");
    }
}
