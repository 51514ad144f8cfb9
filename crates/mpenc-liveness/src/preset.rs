use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use crate::Timing;

/// A timing with a name, as a user chooses it (`--timing NAME`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Preset {
    /// For real networks: BC_LAT 5 s, M_INTV 16 s; see [`Timing::default_preset`].
    #[default]
    Default,
    /// As the original implementation; see [`Timing::original`].
    Original,
    /// All members on one machine; see [`Timing::loopback`].
    Loopback,
}

/// The flow-control values of the original implementation (`wire-v1.md` section 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Time within which a packet reaches everybody. 5 s; below one millisecond counts as one.
    pub broadcast_latency: Duration,
    /// Time within which a message should be fully acknowledged. 26 s; below one millisecond
    /// counts as one.
    pub full_ack_interval: Duration,
    /// Packets that the trial buffer holds. 4.
    pub asynchronity: usize,
}

/// A name that no preset has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPreset;

impl Default for Flow {
    fn default() -> Self {
        Self {
            broadcast_latency: Duration::from_secs(5),
            full_ack_interval: Duration::from_secs(26),
            asynchronity: 4,
        }
    }
}

impl Preset {
    /// Every preset, in the order in which help texts list them.
    pub const ALL: [Self; 3] = [Self::Default, Self::Original, Self::Loopback];

    /// Its name: `default`, `original` or `loopback`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Original => "original",
            Self::Loopback => "loopback",
        }
    }

    /// Its timing for a group of up to `members`; only `loopback` depends on the number.
    #[must_use]
    pub fn timing(self, members: usize) -> Timing {
        match self {
            Self::Default => Timing::default_preset(),
            Self::Original => Timing::original(Flow::default()),
            Self::Loopback => Timing::loopback(members),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or(UnknownPreset)
    }
}

impl fmt::Display for UnknownPreset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown timing, expected ")?;
        for (i, preset) in Preset::ALL.into_iter().enumerate() {
            let separator = match i {
                0 => "",
                _ if i == Preset::ALL.len() - 1 => " or ",
                _ => ", ",
            };
            write!(f, "{separator}{preset}")?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownPreset {}

impl Timing {
    /// The preset with this name, for a group of up to `members`.
    ///
    /// # Errors
    ///
    /// [`UnknownPreset`] unless the name is `default`, `original` or `loopback`.
    pub fn named(name: &str, members: usize) -> Result<Self, UnknownPreset> {
        name.parse::<Preset>().map(|preset| preset.timing(members))
    }

    /// The preset `loopback`: up to `members` members on one machine of few cores.
    ///
    /// BC_LAT = 250 ms + members²/2 ms, M_INTV = 250 ms + members²/4 ms.
    ///
    /// No network delays a packet here; what does is the queue in front of the shared processors.
    /// A membership change makes all members together handle about 5·members² packets
    /// (`wire-v1.md` section 19), each at a price of one signature verification and its delivery,
    /// for which 0.2 ms are allowed; two cores work through that in members²/2 ms. BC_LAT covers
    /// the whole of it, so even the first packet of the burst, handled last by somebody, is not
    /// late. M_INTV is half that: a round of acks is members² deliveries and takes members²/10 ms,
    /// so that a busy conversation spends no more than two fifths of its time on automatic acks.
    #[must_use]
    pub fn loopback(members: usize) -> Self {
        let square = u64::try_from(members.saturating_mul(members)).unwrap_or(u64::MAX);
        let over_floor = |millis| LOOPBACK_FLOOR.saturating_add(Duration::from_millis(millis));
        Self::new(over_floor(square / 2), over_floor(square / 4))
    }
}

/// What scheduling on a busy machine may add to anything.
const LOOPBACK_FLOOR: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn presets_are_found_by_name() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse(), Ok(preset));
            assert_eq!(Timing::named(preset.name(), 5), Ok(preset.timing(5)));
        }
        assert_eq!(Timing::named("default", 64), Ok(Timing::default()));
        assert_eq!(Timing::named("original", 64), Ok(Timing::original(Flow::default())));
        assert_eq!(Timing::named("Default", 64), Err(UnknownPreset));
        assert_eq!(
            UnknownPreset.to_string(),
            "unknown timing, expected default, original or loopback"
        );
    }

    #[test]
    fn loopback_is_quick_for_few_and_patient_for_many() {
        fn check(members: usize, bc_lat: u64, m_intv: u64) {
            let t = Timing::loopback(members);
            assert_eq!(t.bc_lat(), Duration::from_millis(bc_lat), "{members}");
            assert_eq!(t.m_intv(), Duration::from_millis(m_intv), "{members}");
        }
        check(0, 250, 250);
        check(5, 262, 256);
        check(48, 1_402, 826);
        check(64, 2_298, 1_274);
        assert!(Timing::loopback(usize::MAX).bc_lat() > Duration::from_secs(3600));
    }

    #[test]
    fn a_change_among_five_needs_well_under_a_second_of_waiting() {
        let t = Timing::loopback(5);
        let waiting = t.prompt_ack().unwrap() + t.fin_grace();
        assert!(waiting < Duration::from_millis(400), "{waiting:?}");
    }
}
