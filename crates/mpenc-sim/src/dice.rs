//! Small numbers from a seed, for everything but keys: SplitMix64.

/// A stream of numbers that follows from seed and purpose alone.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let mut state = seed ^ 0x6a09_e667_f3bc_c908;
        for byte in purpose.bytes() {
            state = mix(state ^ u64::from(byte));
        }
        Self(mix(state))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `n − 1`; 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next().checked_rem(n).unwrap_or(0)
    }

    /// A place in a list of this length; 0 if it is empty.
    pub(crate) fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    pub(crate) fn word(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or(0)
    }

    /// True so many times in a thousand.
    pub(crate) fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }
}

/// One number for all that was added to it, in this order. Nobody chooses what goes in, so it need
/// not withstand anybody.
#[derive(Debug, Default)]
pub(crate) struct Tally(u64);

impl Tally {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0 = mix(self.0 ^ bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.0 = mix(self.0.rotate_left(23) ^ u64::from_le_bytes(word));
        }
    }

    pub(crate) const fn value(&self) -> u64 {
        self.0
    }
}

/// What is printed is added, without being kept.
impl core::fmt::Write for Tally {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

/// The finalizer of SplitMix64.
pub(crate) const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use core::fmt::Write as _;

    use super::*;

    #[test]
    fn every_byte_counts_and_its_place() {
        let tally = |parts: &[&str]| {
            let mut tally = Tally::default();
            parts.iter().for_each(|part| tally.write_str(part).unwrap());
            tally.value()
        };
        let all = [
            tally(&[]),
            tally(&[""]),
            tally(&["a"]),
            tally(&["a\0"]),
            tally(&["ab"]),
            tally(&["a", "b"]),
            tally(&["b", "a"]),
            tally(&["abcdefghi"]),
            tally(&["ibcdefgha"]),
        ];
        let different: std::collections::BTreeSet<_> = all.into_iter().skip(2).collect();
        assert_eq!(different.len(), all.len() - 2);
    }
}
