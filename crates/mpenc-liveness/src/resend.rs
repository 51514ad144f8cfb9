use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use mpenc_types::Timestamp;

use crate::Resend;

/// How often each overdue message has come up for resending, and how much may be resent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    /// By the place of the message in the order of acceptance.
    attempts: BTreeMap<u64, Attempts>,
    pub(crate) budget: Budget,
}

/// How much of a subsession one member may send again: eight packets in BC_LAT.
///
/// Moments passed in may repeat or go backwards: what was spent stays spent.
//= docs/spec/protocol.md#LIV-024
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// Before this nothing more is sent again.
    free_at: Timestamp,
}

#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    number: u32,
    slow: bool,
}

impl Schedule {
    /// RESEND_BASE·2ᵏ up to RESEND_MAX, and up to a quarter more (LIV-015, LIV-016).
    pub(crate) fn next_interval(
        &mut self,
        place: u64,
        resend: &Resend,
        random: &mut dyn FnMut() -> u32,
    ) -> Duration {
        let attempts = self.attempts.entry(place).or_default();
        let doubled = resend.base.saturating_mul(2_u32.saturating_pow(attempts.number));
        attempts.number = attempts.number.saturating_add(1);
        let interval = if attempts.slow { resend.max } else { doubled.min(resend.max) };
        interval.saturating_add(Self::jitter(interval, random))
    }

    /// Up to a quarter of an interval.
    pub(crate) fn jitter(interval: Duration, random: &mut dyn FnMut() -> u32) -> Duration {
        let quarter = u64::try_from(interval.as_millis() / 4).unwrap_or(u64::MAX);
        let share = u128::from(quarter).saturating_mul(u128::from(random())) >> 32;
        Duration::from_millis(u64::try_from(share).unwrap_or(u64::MAX))
    }

    /// The message needs no more resending.
    pub(crate) fn end(&mut self, place: u64) {
        self.attempts.remove(&place);
    }

    pub(crate) fn slow_down(&mut self, place: u64) {
        self.attempts.entry(place).or_default().slow = true;
    }

    /// What was slowed down, as if it had just become overdue.
    pub(crate) fn hurry(&mut self) -> Vec<u64> {
        let slow = self.attempts.iter_mut().filter(|(_, attempts)| attempts.slow);
        slow.map(|(place, attempts)| {
            *attempts = Attempts::default();
            *place
        })
        .collect()
    }
}

impl Budget {
    /// Nothing is spent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that one packet goes out, with this broadcast latency.
    pub fn spend(&mut self, now: Timestamp, bc_lat: Duration) {
        self.free_at = self.free_at.max(now) + Self::share(bc_lat);
    }

    /// The time that one packet takes up.
    pub(crate) fn share(bc_lat: Duration) -> Duration {
        bc_lat / PACKETS_PER_BC_LAT
    }

    /// Whether a packet may go out now.
    #[must_use]
    pub fn is_free(&self, now: Timestamp) -> bool {
        now >= self.free_at
    }

    /// When the next packet may go out.
    #[must_use]
    pub fn free_at(&self) -> Timestamp {
        self.free_at
    }
}

/// Packets of a subsession that one member resends in BC_LAT at most (LIV-024).
const PACKETS_PER_BC_LAT: u32 = 8;
