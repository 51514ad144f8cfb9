//! Keys that have served their time, given away so that anybody could have signed what they signed
//! (V2-029, wire-v2.md section 6).

use alloc::vec::Vec;

use mpenc_crypto::{SecretBytes, SigningKey};
use mpenc_packet::v2::PublicationPacket;
use mpenc_types::{MemberId, guard};

use super::{MessageSuite, V2Security};

impl<S: MessageSuite> V2Security<S> {
    /// Gives away the owner's key.
    //= docs/spec/v2.md#V2-029
    pub(super) fn own_publication(&self) -> Option<Vec<u8>> {
        let live = self.live.as_ref()?;
        let seed = *live.signer.seed()?.expose();
        Some(PublicationPacket { sid: self.sid, place: live.own, seed }.to_wire())
    }

    /// Whose key this is.
    //= docs/spec/protocol.md#FIN-025
    pub(super) fn whose_publication(&self, packet: &[u8]) -> Option<MemberId> {
        let PublicationPacket { sid, place, seed } = PublicationPacket::decode(packet).ok()?;
        let (name, key) = self.public.get(usize::from(place)).filter(|_| sid == self.sid)?;
        let seed = SecretBytes::fill(|bytes: &mut [u8; 32]| *bytes = seed);
        let fits = S::SigningKey::from_seed(&seed).public() == *key;
        (fits || !guard!("publish-state")).then(|| name.clone())
    }
}
