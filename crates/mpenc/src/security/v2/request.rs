//! Requests for copies: readable by every member of the subsession, and by nobody else
//! (wire-v2.md section 5.6).

use alloc::vec::Vec;

use mpenc_crypto::{Label, SecretBytes};
use mpenc_packet::v2::{Request, RequestPacket};

use super::{MessageSuite, V2Security};

/// What seals and opens the requests of a subsession; wiped when dropped. It can read no messages,
/// and nothing follows from a request but copies of packets.
#[derive(Debug)]
pub(super) struct RequestKeys {
    /// Of the encryption.
    pub(super) key: SecretBytes<32>,
    /// Of the nonce.
    pub(super) nonce_key: SecretBytes<32>,
}

impl<S: MessageSuite> V2Security<S> {
    //= docs/spec/v2.md#V2-035
    pub(super) fn sealed_request(&self, request: &Request) -> Option<Vec<u8>> {
        let RequestKeys { key, nonce_key } = self.live.as_ref().map(|_| &self.requests)?;
        let mut text = request.encode();
        let nonce = nonce::<S>(nonce_key, &text);
        let mut packet = RequestPacket { nonce, ciphertext: Vec::new() };
        S::seal_in_place(key, &nonce, &packet.aad(), &mut text);
        packet.ciphertext = text;
        Some(packet.to_wire())
    }

    pub(super) fn opened_request(&self, packet: &[u8]) -> Option<Request> {
        let RequestKeys { key, nonce_key } = &self.requests;
        let packet = RequestPacket::decode(packet).ok()?;
        let aad = packet.aad();
        let mut text = packet.ciphertext;
        S::open_in_place(key, &packet.nonce, &aad, &mut text).ok()?;
        (nonce::<S>(nonce_key, &text) == packet.nonce).then(|| Request::decode(&text).ok())?
    }
}

/// The nonce that belongs to a request, as that of a message (wire-v2.md section 5.2).
fn nonce<S: MessageSuite>(key: &SecretBytes<32>, plaintext: &[u8]) -> [u8; 12] {
    let [nonce @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        S::framed(Label::NONCE, &[key.expose(), plaintext]);
    nonce
}
