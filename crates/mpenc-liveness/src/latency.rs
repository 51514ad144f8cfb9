use core::time::Duration;

use mpenc_types::Timestamp;

use crate::Timing;

/// Estimates BC_LAT from what was observed, as TCP estimates its round-trip time.
///
/// Two kinds of samples tell how long packets take: the time until an own packet is echoed by the
/// channel, and half of what an acknowledgement took beyond the delay that readers are allowed.
/// Either is smoothed with its variation as in [RFC 6298] (`SRTT + 4·RTTVAR`, gains 1/8 and 1/4),
/// and the larger of both counts, within bounds; that
/// of acknowledgements not beyond the configured value, since a lost packet delays them as well. Answers to messages that were sent more than once
/// are not for sampling (Karn's algorithm), since which copy they answer is unknown; instead the
/// estimate doubles when a message is overdue and nothing has been sampled since it was sent
/// ([`on_overdue`](Self::on_overdue)), until the next sample, or a channel that has become slow
/// would never be found out.
///
/// # Security
///
/// The channel can delay packets, and members their acknowledgements, so both move the estimate
/// within its bounds: warnings come later or earlier by that much, never more. Intervals of
/// membership operations do not depend on it.
///
/// [RFC 6298]: https://www.rfc-editor.org/rfc/rfc6298
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyEstimator {
    timing: Timing,
    echo: Smoothed,
    ack: Smoothed,
    /// How often the estimate has been doubled since the last sample.
    backoff: u32,
    sampled_at: Timestamp,
}

/// A mean and its deviation, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Smoothed {
    mean: u64,
    deviation: u64,
    any: bool,
}

impl Smoothed {
    //= docs/spec/protocol.md#LIV-034
    fn add(&mut self, sample: Duration) {
        let sample = u64::try_from(sample.as_micros()).unwrap_or(u64::MAX).min(LONGEST);
        if self.any {
            let error = self.mean.abs_diff(sample);
            self.deviation = weighted(self.deviation, error, 4);
            self.mean = weighted(self.mean, sample, 8);
        } else {
            *self = Self { mean: sample, deviation: sample / 2, any: true };
        }
    }

    fn estimate(self) -> Option<Duration> {
        let micros = self.mean.saturating_add(self.deviation.saturating_mul(4));
        self.any.then(|| Duration::from_micros(micros))
    }
}

/// `old·(gain − 1)/gain + new/gain`.
fn weighted(old: u64, new: u64, gain: u64) -> u64 {
    let kept = old.saturating_mul(gain.saturating_sub(1)).saturating_add(new);
    kept.checked_div(gain).unwrap_or(new)
}

impl LatencyEstimator {
    /// The factor by which the estimate may exceed the configured BC_LAT, or stay below it.
    pub const RANGE: u32 = 8;

    /// An estimator that says what is configured until it has seen something.
    ///
    /// The estimate stays between BC_LAT / [`RANGE`](Self::RANGE) and BC_LAT · `RANGE`.
    #[must_use]
    pub fn new(configured: Timing) -> Self {
        let none = Smoothed::default();
        Self { timing: configured, echo: none, ack: none, backoff: 0, sampled_at: Timestamp::ZERO }
    }

    /// An own packet that was sent once came back after this time.
    pub fn on_echo(&mut self, now: Timestamp, after: Duration) {
        self.echo.add(after);
        self.sampled(now);
    }

    /// An own message that was sent once was acknowledged by a reader after this time, of which
    /// the reader may have waited `delay` of its own accord.
    pub fn on_ack(&mut self, now: Timestamp, after: Duration, delay: Duration) {
        // An answer that came sooner than it had to says only that the channel is not slower.
        let journeys = after.saturating_sub(delay);
        if !journeys.is_zero() {
            self.ack.add(journeys / 2);
        }
        self.sampled(now);
    }

    fn sampled(&mut self, now: Timestamp) {
        self.sampled_at = self.sampled_at.max(now);
        self.backoff = 0;
    }

    /// A message that was sent then is overdue. Doubles the estimate until the next sample, unless
    /// there has been one since: then packets are known to come in time, and this one was lost or
    /// its readers are gone.
    pub fn on_overdue(&mut self, now: Timestamp, sent: Timestamp) {
        if self.sampled_at >= sent {
            return;
        }
        // Others that were sent before now say nothing new.
        self.sampled_at = now;
        self.backoff = self.backoff.saturating_add(1).min(Self::RANGE);
    }

    /// The intervals that follow: the configured ones, with BC_LAT as estimated.
    #[must_use]
    pub fn timing(&self) -> Timing {
        let configured = self.timing.bc_lat();
        // A reader that waits for something lost acknowledges late too: acknowledgements may only
        // keep the estimate from becoming less than what was configured.
        let acks = self.ack.estimate().map(|estimate| estimate.min(configured));
        let observed = self.echo.estimate().max(acks);
        let latency = observed.unwrap_or(configured);
        let latency = latency.saturating_mul(2_u32.saturating_pow(self.backoff));
        let least = configured / Self::RANGE;
        let most = configured.saturating_mul(Self::RANGE);
        self.timing.with_bc_lat(latency.clamp(least, most))
    }
}

/// No sample counts as longer: an hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn nothing_seen_is_what_was_configured() {
        let estimator = LatencyEstimator::new(Timing::default());
        assert_eq!(estimator.timing(), Timing::default());
    }

    //= docs/spec/protocol.md#LIV-034
    //= type=test
    #[test]
    fn steady_samples_converge_to_their_value() {
        let mut estimator = LatencyEstimator::new(Timing::default());
        for _ in 0..100 {
            estimator.on_echo(Timestamp::ZERO, ms(1_000));
        }
        let found = estimator.timing().bc_lat();
        assert!(found >= ms(1_000) && found < ms(1_010), "{found:?}");
        assert_eq!(estimator.timing().m_intv(), Timing::default().m_intv());
    }

    #[test]
    fn the_first_sample_counts_threefold() {
        let mut estimator = LatencyEstimator::new(Timing::default());
        estimator.on_echo(Timestamp::ZERO, ms(900));
        assert_eq!(estimator.timing().bc_lat(), ms(2_700), "RFC 6298, 2.2");
    }

    #[test]
    fn jitter_widens_the_estimate() {
        let mut estimator = LatencyEstimator::new(Timing::default());
        for n in 0..200 {
            estimator.on_echo(Timestamp::ZERO, ms(if n % 2 == 0 { 500 } else { 1_500 }));
        }
        assert!(estimator.timing().bc_lat() > ms(2_500));
    }

    #[test]
    fn acknowledgements_count_for_what_they_took_beyond_the_delay() {
        let mut estimator = LatencyEstimator::new(Timing::default());
        for _ in 0..100 {
            estimator.on_ack(Timestamp::ZERO, ms(20_000), ms(16_000));
            estimator.on_ack(Timestamp::ZERO, ms(300), ms(16_000));
        }
        let found = estimator.timing().bc_lat();
        assert!(found >= ms(2_000) && found < ms(2_050), "{found:?}");
    }

    //= docs/spec/protocol.md#LIV-034
    //= type=test
    #[test]
    fn bounds_hold_whatever_is_observed() {
        let mut estimator = LatencyEstimator::new(Timing::default());
        for _ in 0..100 {
            estimator.on_echo(Timestamp::ZERO, Duration::ZERO);
        }
        assert_eq!(estimator.timing().bc_lat(), ms(625));
        for _ in 0..100 {
            estimator.on_echo(Timestamp::ZERO, Duration::MAX);
            estimator.on_ack(Timestamp::ZERO, Duration::MAX, Duration::ZERO);
        }
        assert_eq!(estimator.timing().bc_lat(), ms(40_000));
    }

    #[test]
    fn silence_doubles_until_something_is_heard() {
        let at = Timestamp::from_millis;
        let mut estimator = LatencyEstimator::new(Timing::default());
        for (sent, expected) in [(10, 10_000), (110, 20_000), (210, 40_000), (310, 40_000)] {
            estimator.on_overdue(at(sent + 50), at(sent));
            estimator.on_overdue(at(sent + 50), at(sent - 1));
            assert_eq!(estimator.timing().bc_lat(), ms(expected), "once for all of them");
        }
        estimator.on_echo(at(400), ms(1_000));
        assert_eq!(estimator.timing().bc_lat(), ms(3_000));
        estimator.on_overdue(at(500), at(399));
        assert_eq!(estimator.timing().bc_lat(), ms(3_000), "it was lost, not late");
    }
}
