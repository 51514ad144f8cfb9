use alloc::boxed::Box;
use alloc::vec::Vec;
use core::marker::PhantomData;

use mpenc_crypto::{BroadcastSuite, V2};
use mpenc_greeting::{BroadcastGreeter, Greeter, SubsessionKeys};
use mpenc_packet::v2::{self, PacketKind as WireKind};
use mpenc_transcript::order::OrderHash;
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId, PacketRole};

use super::{PacketKind, Rules};
use crate::SessionConfig;
use crate::content::{self, ContentSize};
use crate::security::{Body, MessageSecurity, V2Security};

/// The v2 profile: binary packets, Burmester–Desmedt with confirmation, a key for each message;
/// with suite `0x0201` unless a test says otherwise.
#[derive(Debug)]
pub(super) struct V2Rules<S = V2>(PhantomData<S>);

impl<S> V2Rules<S> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<S: BroadcastSuite> OrderHash for V2Rules<S> {
    fn start(&self, prev_final: &PacketId) -> ChainHash {
        v2::chain_start::<S>(prev_final)
    }

    fn extend(&self, prev: &ChainHash, id: &PacketId, role: PacketRole) -> ChainHash {
        v2::chain_extend::<S>(prev, id, role)
    }
}

impl<S: BroadcastSuite> Rules for V2Rules<S> {
    fn classify(&self, packet: &[u8]) -> PacketKind {
        match v2::kind(packet) {
            Ok(
                WireKind::Initial
                | WireKind::Contribution
                | WireKind::Share
                | WireKind::Confirmation
                | WireKind::Abort,
            ) => PacketKind::Greeting,
            Ok(WireKind::Message) => PacketKind::Data,
            Ok(WireKind::Request) => PacketKind::Request,
            Ok(WireKind::Publication) => PacketKind::Publication,
            Err(_) => PacketKind::Unrecognised,
        }
    }

    fn packet_id(&self, sender: &MemberId, channel: &MemberSet, packet: &[u8]) -> PacketId {
        v2::packet_id::<S>(sender, channel, packet)
    }

    fn leave_id(&self, remaining: &MemberSet, initial: &PacketId, leavers: &MemberSet) -> PacketId {
        v2::leave_packet_id::<S>(remaining, initial, leavers)
    }

    fn order_hash(&self) -> &dyn OrderHash {
        self
    }

    //= docs/spec/protocol.md#MOD-016
    fn has_gated(&self) -> bool {
        true
    }

    fn opens_what_others_send(&self) -> bool {
        true
    }

    fn sorts_parents(&self) -> bool {
        true
    }

    fn bodies(&self, text: &str) -> Result<Vec<Body>, ContentSize> {
        content::split::<S>(text)
    }

    fn content_digest(&self) -> fn(&[u8]) -> [u8; 32] {
        v2::content_digest::<S>
    }

    //= docs/spec/protocol.md#SES-044
    fn greeter(&self, config: &SessionConfig) -> Box<dyn Greeter> {
        let identity = config.identity.key();
        Box::new(BroadcastGreeter::<S>::new(config.owner.clone(), identity, &config.label))
    }

    fn security(
        &self,
        config: &SessionConfig,
        keys: SubsessionKeys,
    ) -> Option<Box<dyn MessageSecurity>> {
        Some(Box::new(V2Security::<S>::new(&config.owner, keys)?))
    }
}
