//! What operation packets say, read as they travel.

use mpenc::{MemberId, MemberSet, PacketId};
use mpenc_packet::v1;
use mpenc_packet::v2::{Greeting, OpId, decode_greeting};

/// What an initial packet says, in both profiles.
pub(super) struct Proposal {
    pub(super) targets: MemberSet,
    pub(super) prev_final: PacketId,
    pub(super) prev_chain: mpenc::ChainHash,
}

/// What an initial packet says; nothing of other packets.
pub(super) fn proposal(v2_session: bool, bytes: &[u8]) -> Option<Proposal> {
    if v2_session {
        let Greeting::Initial(initial) = decode_greeting(bytes).ok()? else { return None };
        let fields = initial.peek().fields();
        return Some(Proposal {
            targets: fields.next_members(),
            prev_final: fields.prev_final,
            prev_chain: fields.prev_chain,
        });
    }
    let Ok(v1::Packet::Greeting(greeting)) = v1::decode(bytes) else { return None };
    let fields = greeting.peek().fields();
    let metadata = fields.metadata.as_ref()?;
    Some(Proposal {
        targets: fields.members.iter().cloned().collect(),
        prev_final: metadata.prev_final,
        prev_chain: metadata.prev_chain,
    })
}

/// What a member confirms at the end of an operation.
pub(super) type Confirmed = (OpId, [u8; 32], [u8; 32]);

/// What a confirmation of v2 says; nothing of other packets.
pub(super) fn confirmation(bytes: &[u8]) -> Option<Confirmed> {
    let Greeting::Confirmation(packet) = decode_greeting(bytes).ok()? else { return None };
    let fields = packet.peek().fields();
    Some((fields.op, fields.transcript, fields.check))
}

/// Whether a packet of v1 is an upflow for somebody else, of which nothing is read (GRT-008).
pub(super) fn passes_by(bytes: &[u8], me: &MemberId) -> bool {
    matches!(v1::decode(bytes), Ok(v1::Packet::Greeting(greeting))
        if greeting.peek().fields().dest.as_ref().is_some_and(|dest| dest != me))
}

/// Whether a packet of v1 has a session signature.
pub(super) fn is_signed(bytes: &[u8]) -> bool {
    matches!(v1::decode(bytes), Ok(v1::Packet::Greeting(greeting))
        if greeting.peek().fields().session_signature.is_some())
}
