//! Recorded randomness for unit tests.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// Hands out recorded draws, 32 bytes each.
pub(crate) struct Draws(VecDeque<Vec<u8>>);

impl Draws {
    pub(crate) fn new<'a>(draws: impl IntoIterator<Item = &'a str>) -> Self {
        Self(draws.into_iter().map(|draw| hex::decode(draw).unwrap_or_default()).collect())
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.copy_from_slice(&self.0.pop_front().unwrap_or_default());
        Ok(())
    }
}

impl TryCryptoRng for Draws {}
