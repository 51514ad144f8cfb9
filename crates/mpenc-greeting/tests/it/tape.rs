//! What scripts of operations have in common in both profiles: the bytes that decide what happens,
//! and randomness that follows from who draws it and when. Also part of the fuzz targets.

use core::convert::Infallible;

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{SecretBytes, Suite};
use rand_core::{TryCryptoRng, TryRng};

/// The bytes that decide what happens.
pub(crate) struct Script<'a>(pub(crate) &'a [u8]);

impl Script<'_> {
    /// The next byte; 0 at the end.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// A number below `count`, which is not 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    /// A place in something long.
    pub(crate) fn far_below(&mut self, count: usize) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()])) % count.max(1)
    }

    /// Bytes with a few of them changed, doubled or left out.
    pub(crate) fn spoil(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..self.below(4) + 1 {
            let at = self.far_below(bytes.len());
            match self.byte() {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.byte()),
                bits => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= bits;
                    }
                }
            }
        }
        bytes
    }
}

/// A secret for each label and pair of numbers.
pub(crate) fn seed(label: u8, number: u64, call: u64) -> SecretBytes<32> {
    SecretBytes::new(Transparent::hash(&[&[label], &number.to_be_bytes(), &call.to_be_bytes()]))
}

/// Randomness of one call, remembered.
pub(crate) struct Entropy {
    who: u64,
    call: u64,
    block: u8,
    pub(crate) drawn: Vec<[u8; 32]>,
}

impl Entropy {
    /// For a member's call, counted by the member.
    pub(crate) const fn new(who: usize, call: u64) -> Self {
        Self { who: who as u64, call, block: 0, drawn: Vec::new() }
    }
}

impl TryRng for Entropy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(32) {
            let draw = *seed(self.block, self.who, self.call).expose();
            self.block = self.block.wrapping_add(1);
            chunk.copy_from_slice(&draw[..chunk.len()]);
            self.drawn.push(draw);
        }
        Ok(())
    }
}

impl TryCryptoRng for Entropy {}
