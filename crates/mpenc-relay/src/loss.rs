//! Packets that a relay loses on purpose, for tests of what repairs losses.

use mpenc::MemberId;
use mpenc_packet::{v1, v2};

/// Which packets a relay keeps from which receivers.
///
/// Only packets with messages are lost, and requests for them: those of membership operations have
/// to arrive (CHN-012). The receiver is told that the place of the packet in the order is empty.
/// Each receiver loses its own, its sender's echo included; the same seed loses the same of an
/// equal sequence of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// How many of a thousand.
    pub permille: u16,
    /// Decides which ones.
    pub seed: u64,
}

impl Loss {
    /// Whether the event `seq` is lost on the way to this member.
    pub(crate) fn takes(self, seq: u64, receiver: &MemberId) -> bool {
        let mut state = mix(self.seed ^ mix(seq));
        for byte in receiver.as_bytes() {
            state = mix(state ^ u64::from(*byte));
        }
        state % 1000 < u64::from(self.permille)
    }
}

/// Whether losing the packet is something that members repair.
pub(crate) fn is_repairable(packet: &[u8]) -> bool {
    use v2::PacketKind as Kind;
    matches!(v2::kind(packet), Ok(Kind::Message | Kind::Request))
        || matches!(v1::kind(packet), Ok(v1::PacketKind::Data))
}

/// The finalizer of splitmix64 (Steele, Lea and Flood 2014).
const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_as_many_are_lost_as_asked_for_and_others_for_others() {
        let (alice, bob) = (MemberId::new("alice").unwrap(), MemberId::new("bob").unwrap());
        let loss = Loss { permille: 50, seed: 7 };
        let lost = |who: &MemberId| (0..20_000).filter(|seq| loss.takes(*seq, who)).count();
        assert!((900..1_100).contains(&lost(&alice)), "{}", lost(&alice));
        assert!((900..1_100).contains(&lost(&bob)), "{}", lost(&bob));
        let both = (0..20_000).filter(|seq| loss.takes(*seq, &alice) && loss.takes(*seq, &bob));
        assert!((20..80).contains(&both.count()));
        assert!((0..1_000).all(|seq| !Loss { permille: 0, seed: 7 }.takes(seq, &alice)));
        assert!((0..1_000).all(|seq| Loss { permille: 1_000, seed: 7 }.takes(seq, &alice)));
    }

    #[test]
    fn operations_are_never_lost() {
        let kinds = v2::PacketKind::ALL.map(|kind| (kind, is_repairable(&kind.header())));
        for (kind, lost) in kinds {
            let data = matches!(kind, v2::PacketKind::Message | v2::PacketKind::Request);
            assert_eq!(lost, data, "{kind:?}");
        }
    }
}
