use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::marker::PhantomData;

use mpenc_crypto::{GroupDiffieHellman, StreamCipher, V1};
use mpenc_greeting::{CliquesGreeter, Greeter, SubsessionKeys};
use mpenc_packet::v1::{self, PacketKind as WireKind};
use mpenc_transcript::order::OrderHash;
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId, PacketRole};

use super::{PacketKind, Rules};
use crate::SessionConfig;
use crate::content::ContentSize;
use crate::security::{Body, MessageSecurity, V1Security};

/// The v1 profile: armoured text, CLIQUES, one group key for all messages; with the suite of the
/// original unless a test says otherwise.
#[derive(Debug)]
pub(super) struct V1Rules<S = V1>(PhantomData<S>);

impl<S> V1Rules<S> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<S: GroupDiffieHellman + StreamCipher> OrderHash for V1Rules<S> {
    fn start(&self, prev_final: &PacketId) -> ChainHash {
        v1::chain_start::<S>(prev_final)
    }

    fn extend(&self, prev: &ChainHash, id: &PacketId, role: PacketRole) -> ChainHash {
        v1::chain_extend::<S>(prev, id, role)
    }
}

impl<S: GroupDiffieHellman + StreamCipher> Rules for V1Rules<S> {
    fn classify(&self, packet: &[u8]) -> PacketKind {
        match v1::kind(packet) {
            Ok(WireKind::Greeting) => PacketKind::Greeting,
            Ok(WireKind::Data) => PacketKind::Data,
            Ok(WireKind::Query | WireKind::Error) | Err(_) => PacketKind::Unrecognised,
        }
    }

    fn packet_id(&self, sender: &MemberId, channel: &MemberSet, packet: &[u8]) -> PacketId {
        v1::packet_id::<S>(sender, channel, packet)
    }

    fn leave_id(&self, remaining: &MemberSet, initial: &PacketId, leavers: &MemberSet) -> PacketId {
        v1::leave_packet_id::<S>(remaining, initial, leavers)
    }

    fn order_hash(&self) -> &dyn OrderHash {
        self
    }

    //= docs/spec/protocol.md#MOD-016
    //= docs/spec/protocol.md#ORD-040
    fn has_gated(&self) -> bool {
        false
    }

    fn opens_what_others_send(&self) -> bool {
        false
    }

    fn sorts_parents(&self) -> bool {
        false
    }

    // One packet carries a text, or none does (MSG-007).
    fn bodies(&self, text: &str) -> Result<Vec<Body>, ContentSize> {
        Ok(vec![Body::Payload(text.into())])
    }

    // v1 has no parts.
    fn content_digest(&self) -> fn(&[u8]) -> [u8; 32] {
        |bytes| S::hash(&[bytes])
    }

    fn greeter(&self, config: &SessionConfig) -> Box<dyn Greeter> {
        Box::new(CliquesGreeter::<S>::new(config.owner.clone(), config.identity.key()))
    }

    fn security(
        &self,
        config: &SessionConfig,
        keys: SubsessionKeys,
    ) -> Option<Box<dyn MessageSecurity>> {
        let security = V1Security::<S>::new(&config.owner, keys)?;
        Some(Box::new(security.with_padding(config.padding)))
    }
}
