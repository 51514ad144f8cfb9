//! What is expected of a profile against an adversary: one table.

use std::time::Duration;

use mpenc::Timing;

use crate::options::{Adversary, Options};

/// Expectations of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    /// No warning at all (SEC-002): nobody does anything wrong.
    pub(crate) quiet: bool,
    /// Whoever completes an operation with the same identifier has the same keys. In v1 nobody
    /// confirms the key (ATK-032): an insider, or a server that alters intermediate keys which it
    /// signs itself, can split it, and each part sees unacked messages (SEC-022).
    pub(crate) same_keys: bool,
    /// Forks of the order are noticed (ORD-035 to ORD-037, V2-026); in v1 they are not (ORD-040).
    pub(crate) forks_noticed: bool,
    /// Whoever completes an operation with the same identifier has the same order. A server that
    /// shows the last packets in another order, or another membership of the channel, gives the
    /// final packet another identifier (ORD-003); v2 notices afterwards (I5).
    pub(crate) same_order: bool,
    /// FA_INTV + OP_TIMEOUT in true time, for the slowest clock, and what an answer takes.
    pub(crate) fork_bound: u64,
    /// The longest BC_LAT in true time: who reads of operations that it does not know waits for
    /// them that long (V2-026).
    pub(crate) claim_bound: u64,
    /// FA_INTV on the owner's clock, for the longest BC_LAT that sessions take for observed
    /// (LIV-034), and what a timer is late.
    pub(crate) ack_bound: Duration,
    /// OP_TIMEOUT + ENTER_TIMEOUT in true time, for each of the operations that a request takes, and
    /// what packets take.
    pub(crate) request_bound: u64,
    /// In times OP_TIMEOUT.
    pub(crate) liveness: u64,
}

impl Expect {
    pub(crate) fn of(options: &Options) -> Self {
        let adversary = options.adversary;
        let honest_order = matches!(adversary, Adversary::Honest | Adversary::Faulty);
        let insiders = matches!(adversary, Adversary::Insider | Adversary::All);
        let timing = Timing::default();
        let slowest = match adversary.is_harmless() {
            true => timing,
            false => timing.with_bc_lat(timing.bc_lat() * SLOWEST),
        };
        let bound = timing.fa_intv() + timing.op_timeout(HOPS);
        let latency = u64::try_from(slowest.bc_lat().as_millis()).unwrap_or(u64::MAX);
        let bound = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        let hops = match options.v2 {
            true => HOPS,
            false => u32::try_from(options.members).unwrap_or(u32::MAX).saturating_add(1),
        };
        let request = slowest.op_timeout(hops) + slowest.enter_timeout() + 4 * slowest.bc_lat();
        let request = u64::try_from(request.as_millis()).unwrap_or(u64::MAX);
        Self {
            quiet: adversary.is_harmless(),
            same_keys: options.v2 || !insiders,
            forks_noticed: options.v2,
            same_order: honest_order,
            fork_bound: bound * 10 / 9 + 5_000,
            claim_bound: latency * 10 / 9 + 2_000,
            ack_bound: slowest.fa_intv() + Duration::from_secs(2),
            request_bound: request * 20 / 9,
            liveness: if options.v2 { LIVENESS } else { LIVENESS_V1 },
        }
    }
}

/// How much longer than configured a learnt BC_LAT can be.
const SLOWEST: u32 = 8;

/// Packets of an operation of v2 that wait for each other.
pub(crate) const HOPS: u32 = 4;

/// After how many times OP_TIMEOUT everybody must agree in v2, once nothing is wrong any more (I9).
const LIVENESS: u64 = 10;

/// The same in v1. There nobody is told of a fork of the order (ORD-040), and no operation can be
/// ended but by leaving (ORD-043): people have to find out by operations that fail, one after the
/// other, each of which takes OP_TIMEOUT.
const LIVENESS_V1: u64 = 40;
