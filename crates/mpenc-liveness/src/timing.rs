use core::time::Duration;

use crate::Flow;

/// Every interval of the protocol, as configuration of one member (`protocol.md` section 8.1).
///
/// All of them follow from two base units by exact ratios: [`bc_lat`](Self::bc_lat), the time
/// within which a packet reaches everybody, and [`m_intv`](Self::m_intv), the time between
/// messages of one member. A deployment with other latencies changes only these two, with
/// [`Timing::new`] (LIV-001). Nothing here is negotiated, sent, or influenced by a peer; values
/// that differ between members cost notices and extra packets, never safety (LIV-002).
///
/// Intervals saturate instead of overflowing. The named presets are listed in
/// [`Preset`](crate::Preset).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    bc_lat: Duration,
    m_intv: Duration,
    original: Option<Flow>,
}

/// When a packet that is not fully acknowledged is sent again; see [`Timing::resend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resend {
    /// RESEND_BASE: the first interval after FA_INTV.
    pub base: Duration,
    /// RESEND_MAX: the interval at which doubling ends.
    pub max: Duration,
    /// RESEND_THROTTLE: the minimum distance between copies of one packet on the channel.
    pub throttle: Duration,
}

//= docs/spec/protocol.md#LIV-001
impl Timing {
    /// The table's ratios on other base units.
    ///
    /// `bc_lat` is the time within which a packet reaches everybody (95th percentile), `m_intv`
    /// the time between messages of one member. Either counts as one millisecond if it is less.
    #[must_use]
    pub const fn new(bc_lat: Duration, m_intv: Duration) -> Self {
        Self {
            bc_lat: at_least_one_milli(bc_lat),
            m_intv: at_least_one_milli(m_intv),
            original: None,
        }
    }

    /// The same with another BC_LAT; what the preset `original` has is not touched.
    #[must_use]
    pub const fn with_bc_lat(self, bc_lat: Duration) -> Self {
        match self.original {
            Some(_) => self,
            None => Self::new(bc_lat, self.m_intv),
        }
    }

    /// Whether these are intervals of the original, which knows neither resends nor heartbeats.
    #[must_use]
    pub const fn is_original(&self) -> bool {
        self.original.is_some()
    }

    /// The preset `default`: BC_LAT 5 s, M_INTV 16 s.
    #[must_use]
    pub const fn default_preset() -> Self {
        Self::new(DEFAULT_BC_LAT, DEFAULT_M_INTV)
    }

    /// The preset `original`: the timing of the original implementation (`wire-v1.md` section 14)
    /// for its flow-control values; [`Flow::default`] has the original's own.
    ///
    /// Automatic acks come FA_INTV − BC_LAT after a message of any kind; there are no prompt acks,
    /// resends or heartbeats, and the trial buffer holds [`Flow::asynchronity`] packets.
    #[must_use]
    pub const fn original(flow: Flow) -> Self {
        let bc_lat = at_least_one_milli(flow.broadcast_latency);
        let fa_intv = at_least_one_milli(flow.full_ack_interval);
        let m_intv = fa_intv.saturating_sub(bc_lat.saturating_mul(2));
        let flow = Flow { broadcast_latency: bc_lat, full_ack_interval: fa_intv, ..flow };
        Self { bc_lat, m_intv: at_least_one_milli(m_intv), original: Some(flow) }
    }

    /// BC_LAT: time within which a packet reaches everybody (95th percentile). 5 s.
    #[must_use]
    pub const fn bc_lat(&self) -> Duration {
        self.bc_lat
    }

    /// M_INTV: time between messages of one member. 16 s.
    #[must_use]
    pub const fn m_intv(&self) -> Duration {
        self.m_intv
    }

    /// FA_INTV: time within which a message should be fully acknowledged (LIV-007).
    /// 2·BC_LAT + M_INTV = 26 s.
    #[must_use]
    pub const fn fa_intv(&self) -> Duration {
        match self.original {
            Some(flow) => flow.full_ack_interval,
            None => self.bc_lat.saturating_mul(2).saturating_add(self.m_intv),
        }
    }

    /// AUTO_ACK: delay of an automatic ack (LIV-009). M_INTV = 16 s; the original waits
    /// FA_INTV − BC_LAT = 21 s.
    #[must_use]
    pub const fn auto_ack(&self) -> Duration {
        match self.original {
            Some(_) => at_least_one_milli(self.fa_intv().saturating_sub(self.bc_lat)),
            None => self.m_intv,
        }
    }

    /// PROMPT_ACK: the same for `Consistency` messages and order confirmations (LIV-010).
    /// BC_LAT / 4 = 1.25 s; none in the original.
    #[must_use]
    pub const fn prompt_ack(&self) -> Option<Duration> {
        match self.original {
            Some(_) => None,
            None => Some(at_least_one_milli(fraction(self.bc_lat, 1, 4))),
        }
    }

    /// RESEND_BASE = BC_LAT = 5 s, RESEND_MAX = 64·BC_LAT = 320 s, RESEND_THROTTLE = BC_LAT / 2 =
    /// 2.5 s (LIV-015, LIV-017); none in the original.
    #[must_use]
    pub const fn resend(&self) -> Option<Resend> {
        match self.original {
            Some(_) => None,
            None => Some(Resend {
                base: self.bc_lat,
                max: self.bc_lat.saturating_mul(64),
                throttle: fraction(self.bc_lat, 1, 2),
            }),
        }
    }

    /// HEARTBEAT_INTV: idle time before a heartbeat (LIV-026). 4·FA_INTV = 104 s; none in the
    /// original.
    #[must_use]
    pub const fn heartbeat_intv(&self) -> Option<Duration> {
        match self.original {
            Some(_) => None,
            None => Some(self.fa_intv().saturating_mul(4)),
        }
    }

    /// PRESENCE_EXPIRY: age of freshness that counts as absent (LIV-030).
    /// 1.0625·HEARTBEAT_INTV + FA_INTV = 136.5 s; none in the original.
    #[must_use]
    pub const fn presence_expiry(&self) -> Option<Duration> {
        match self.heartbeat_intv() {
            Some(heartbeat) => Some(fraction(heartbeat, 17, 16).saturating_add(self.fa_intv())),
            None => None,
        }
    }

    /// FIN_TIMEOUT: how long a subsession waits for the full ack of its own FIN (FIN-005).
    /// 16·BC_LAT = 80 s.
    #[must_use]
    pub const fn fin_timeout(&self) -> Duration {
        self.bc_lat.saturating_mul(16)
    }

    /// FIN_GRACE: how long it waits after that full ack (FIN-005). BC_LAT = 5 s.
    #[must_use]
    pub const fn fin_grace(&self) -> Duration {
        self.bc_lat
    }

    /// GKA_EST: expected duration of an operation of `hops` sequential packets, which the greeter
    /// states for a number of members (SES-030). (hops + 1)·(BC_LAT + 1 s).
    #[must_use]
    pub const fn gka_est(&self, hops: u32) -> Duration {
        self.bc_lat.saturating_add(GKA_PER_HOP).saturating_mul(hops.saturating_add(1))
    }

    /// OP_TIMEOUT: when an operation counts as stuck (GRT-027). 1.5·GKA_EST.
    #[must_use]
    pub const fn op_timeout(&self, hops: u32) -> Duration {
        fraction(self.gka_est(hops), 3, 2)
    }

    /// PROPOSAL_TIMEOUT: own proposal not echoed by the channel. 2·BC_LAT = 10 s.
    #[must_use]
    pub const fn proposal_timeout(&self) -> Duration {
        self.bc_lat.saturating_mul(2)
    }

    /// ENTER_TIMEOUT: requested entering of the channel not done. 12·BC_LAT = 60 s.
    #[must_use]
    pub const fn enter_timeout(&self) -> Duration {
        self.bc_lat.saturating_mul(12)
    }

    /// How long a member that was kicked while joining waits before it enters again (SES-031):
    /// r·GKA_EST in whole milliseconds, with r uniform in [0.5, 0.75) as `random` is over all its
    /// values.
    ///
    /// `hops` is that of the channel members before the kick.
    #[must_use]
    pub fn reenter_delay(&self, hops: u32, random: u32) -> Duration {
        // (2·2³² + random) / 2³⁴ = 0.5 + 0.25·(random / 2³²)
        let r = (1_u128 << 33).saturating_add(u128::from(random));
        let millis = self.gka_est(hops).as_millis().saturating_mul(r) >> 34;
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// Deadline of the join meanwhile (SES-031): REENTER_RATIO·(GKA_EST + BC_LAT) with
    /// REENTER_RATIO = 1.5.
    #[must_use]
    pub const fn reenter_deadline(&self, hops: u32) -> Duration {
        fraction(self.gka_est(hops).saturating_add(self.bc_lat), 3, 2)
    }

    /// How long the member at `position` among those that remain holds back before it proposes a
    /// scheduled exclusion (ORD-031); the first, at position 0, does not. position·BC_LAT / 2; in
    /// the original everybody proposes at once.
    #[must_use]
    pub const fn exclusion_stagger(&self, position: u32) -> Duration {
        match self.original {
            Some(_) => Duration::ZERO,
            None => fraction(self.bc_lat, position, 2),
        }
    }

    /// After how long a bystander that nobody kicks leaves the channel by itself (ORD-034).
    /// OP_TIMEOUT + FIN_TIMEOUT; never in the original.
    #[must_use]
    pub const fn bystander_timeout(&self, hops: u32) -> Option<Duration> {
        match self.original {
            Some(_) => None,
            None => Some(self.op_timeout(hops).saturating_add(self.fin_timeout())),
        }
    }

    /// Whether a shutdown ends as soon as all who have not acknowledged its FIN have left the
    /// channel, instead of at FIN_TIMEOUT. True, but for the original.
    ///
    /// Who leaves the channel loses its keys (ORD-008), so waiting longer brings nothing.
    #[must_use]
    pub const fn ends_shutdown_early(&self) -> bool {
        self.original.is_none()
    }

    /// How long a message may wait for its parents before `NotAccepted` (TRN-020). BC_LAT = 5 s.
    #[must_use]
    pub const fn not_accepted(&self) -> Duration {
        self.bc_lat
    }

    /// How long a packet may wait for a key before `NotDecrypted` (MSG-015). BC_LAT = 5 s.
    #[must_use]
    pub const fn not_decrypted(&self) -> Duration {
        self.bc_lat
    }

    /// Packets that the trial buffer holds for a subsession of `members` (MSG-013).
    /// 4·max(16, ⌈8·√members⌉); 4 in the original. The buffer of messages that wait for parents
    /// has the same size in either case; it belongs to the transcript.
    #[must_use]
    pub const fn trial_capacity(&self, members: usize) -> usize {
        match self.original {
            Some(flow) => flow.asynchronity,
            None => {
                let square = members.saturating_mul(64);
                let floor = square.isqrt();
                let exact = floor.saturating_mul(floor) == square;
                let root = if exact { floor } else { floor.saturating_add(1) };
                let per_member = if root > 16 { root } else { 16 };
                per_member.saturating_mul(4)
            }
        }
    }

    /// REFRESH_OPS: operations after which rolling refresh renews the oldest contribution
    /// (GKA-029). 8.
    #[must_use]
    pub const fn refresh_ops(&self) -> u32 {
        8
    }

    /// CONTENT_TIMEOUT: how long a text that arrives in parts waits for the next one (V2-028).
    /// 16·BC_LAT = 80 s.
    #[must_use]
    pub const fn content_timeout(&self) -> Duration {
        self.bc_lat.saturating_mul(16)
    }

    /// KEY_LIFETIME: age of a group key at which no text is sent with it any more (V2-033). 24 h.
    #[must_use]
    pub const fn key_lifetime(&self) -> Duration {
        Duration::from_secs(24 * 3600)
    }

    /// REFRESH_TIME: time after which a session renews its keys by itself (GKA-029, V2-015). 1 h.
    #[must_use]
    pub const fn refresh_time(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

/// The preset `default`.
impl Default for Timing {
    fn default() -> Self {
        Self::default_preset()
    }
}

/// `duration`·`numerator` / `denominator`, saturating; a denominator of zero counts as one.
const fn fraction(duration: Duration, numerator: u32, denominator: u32) -> Duration {
    match duration.saturating_mul(numerator).checked_div(denominator) {
        Some(result) => result,
        None => duration,
    }
}

const fn at_least_one_milli(duration: Duration) -> Duration {
    if duration.as_millis() == 0 { Duration::from_millis(1) } else { duration }
}

const DEFAULT_BC_LAT: Duration = Duration::from_secs(5);
const DEFAULT_M_INTV: Duration = Duration::from_secs(16);

/// What one sequential packet of an operation costs besides its journey, on the slowest machine.
const GKA_PER_HOP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    //= docs/spec/protocol.md#LIV-001
    //= type=test
    #[test]
    fn defaults_are_those_of_the_table() {
        let t = Timing::default();
        assert_eq!(t.bc_lat(), ms(5_000));
        assert_eq!(t.m_intv(), ms(16_000));
        assert_eq!(t.fa_intv(), ms(26_000));
        assert_eq!(t.auto_ack(), ms(16_000));
        assert_eq!(t.prompt_ack(), Some(ms(1_250)));
        let resend = Resend { base: ms(5_000), max: ms(320_000), throttle: ms(2_500) };
        assert_eq!(t.resend(), Some(resend));
        assert_eq!(t.heartbeat_intv(), Some(ms(104_000)));
        assert_eq!(t.presence_expiry(), Some(ms(136_500)));
        assert_eq!(t.fin_timeout(), ms(80_000));
        assert_eq!(t.fin_grace(), ms(5_000));
        assert_eq!(t.gka_est(6), ms(42_000), "five members of the v1 profile");
        assert_eq!(t.op_timeout(6), ms(63_000));
        assert_eq!(t.proposal_timeout(), ms(10_000));
        assert_eq!(t.enter_timeout(), ms(60_000));
        assert_eq!(t.reenter_deadline(6), ms(70_500));
        assert_eq!(t.not_accepted(), ms(5_000));
        assert_eq!(t.not_decrypted(), ms(5_000));
        assert_eq!(t.exclusion_stagger(0), ms(0));
        assert_eq!(t.exclusion_stagger(3), ms(7_500));
        assert_eq!(t.bystander_timeout(6), Some(ms(143_000)));
        assert_eq!((t.refresh_ops(), t.refresh_time()), (8, ms(3_600_000)));
    }

    #[test]
    fn original_waits_as_the_original_does() {
        let t = Timing::original(Flow::default());
        assert_eq!(t.bc_lat(), ms(5_000));
        assert_eq!(t.m_intv(), ms(16_000));
        assert_eq!(t.fa_intv(), ms(26_000));
        assert_eq!(t.auto_ack(), ms(21_000));
        assert_eq!(t.fin_timeout(), ms(80_000));
        assert_eq!(t.gka_est(4), ms(30_000), "(2 + 3 members)·(5 s + 1 s)");
        assert_eq!(t.trial_capacity(100), 4);
        assert_eq!(t.exclusion_stagger(3), ms(0), "everybody at once");
        assert_eq!(t.bystander_timeout(6), None);
        assert_eq!(t.prompt_ack(), None);
        assert_eq!(t.resend(), None);
        assert_eq!(t.heartbeat_intv(), None);
        assert_eq!(t.presence_expiry(), None);
    }

    #[test]
    fn original_takes_its_full_ack_interval_as_given() {
        let flow = Flow { broadcast_latency: ms(100), full_ack_interval: ms(150), asynchronity: 9 };
        let t = Timing::original(flow);
        assert_eq!((t.fa_intv(), t.auto_ack(), t.trial_capacity(2)), (ms(150), ms(50), 9));
        let upside_down = Flow { broadcast_latency: ms(100), full_ack_interval: ms(0), ..flow };
        assert_eq!(Timing::original(upside_down).auto_ack(), ms(1), "never at once");
    }

    #[test]
    fn trial_buffer_grows_with_the_root_of_the_group() {
        let t = Timing::default();
        for (members, expect) in [(0, 64), (1, 64), (4, 64), (5, 72), (9, 96), (64, 256), (65, 260)]
        {
            assert_eq!(t.trial_capacity(members), expect, "{members}");
        }
        assert!(t.trial_capacity(usize::MAX) > 0);
    }

    #[test]
    fn reentering_is_spread_over_a_quarter_of_the_estimate() {
        let t = Timing::default();
        assert_eq!(t.reenter_delay(6, 0), ms(21_000));
        assert_eq!(t.reenter_delay(6, 1 << 31), ms(26_250));
        assert_eq!(t.reenter_delay(6, u32::MAX), ms(31_499));
    }

    #[test]
    fn nothing_overflows_or_vanishes() {
        for t in [
            Timing::new(Duration::MAX, Duration::MAX),
            Timing::new(Duration::ZERO, Duration::ZERO),
            Timing::original(Flow {
                broadcast_latency: Duration::MAX,
                full_ack_interval: Duration::MAX,
                asynchronity: usize::MAX,
            }),
        ] {
            assert!(t.auto_ack() >= ms(1));
            assert!(t.prompt_ack() >= t.original.is_none().then_some(ms(1)));
            assert!(t.fa_intv() >= t.auto_ack());
            assert!(t.bystander_timeout(u32::MAX).is_none_or(|wait| wait >= t.fin_timeout()));
            assert!(t.reenter_delay(u32::MAX, u32::MAX) <= t.reenter_deadline(u32::MAX));
        }
    }
}
