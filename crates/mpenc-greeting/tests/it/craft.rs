//! Bad packets made from good ones.

use mpenc_crypto::{Signature, SigningKey, Suite, V1};
use mpenc_packet::armor;
use mpenc_packet::v1::{self, GreetingFields, Packet};
use mpenc_types::MemberId;

use crate::group::identity_of;

/// What a packet says.
pub(crate) fn fields(packet: &[u8]) -> GreetingFields {
    match v1::decode(packet).unwrap() {
        Packet::Greeting(greeting) => greeting.peek().fields().clone(),
        other @ (Packet::Data(_) | Packet::Error(_)) => panic!("{other:?}"),
    }
}

/// The packet with other contents, signed by `signer`.
pub(crate) fn rewrite(
    packet: &[u8],
    signer: &dyn SigningKey,
    change: impl FnOnce(&mut GreetingFields),
) -> Vec<u8> {
    let mut fields = fields(packet);
    change(&mut fields);
    fields.sign(signer).unwrap().to_wire()
}

/// The packet with one bit of its signature flipped.
pub(crate) fn flip_signature(packet: &[u8]) -> Vec<u8> {
    let mut bytes = armor::decode(packet).unwrap();
    bytes[20] ^= 1;
    armor::encode(&bytes)
}

/// The packet without its signature record.
pub(crate) fn strip_signature(packet: &[u8]) -> Vec<u8> {
    armor::encode(&armor::decode(packet).unwrap()[68..])
}

/// The session signature that `who` would give to the lists of this packet.
pub(crate) fn session_signature(who: &MemberId, fields: &GreetingFields) -> Signature {
    let mut pairs: Vec<_> = fields.members.iter().zip(&fields.nonces).collect();
    pairs.sort();
    let names = pairs.iter().map(|(member, _)| member.as_bytes());
    let nonces = pairs.iter().map(|(_, nonce)| nonce.as_slice());
    let sid = V1::hash(&names.chain(nonces).collect::<Vec<_>>());
    let at = fields.members.iter().position(|member| member == who).unwrap();
    let (key, nonce) = (&fields.pub_keys[at], &fields.nonces[at]);
    let digest = V1::hash(&[b"acksig", who.as_bytes(), key.as_bytes(), nonce, &sid]);
    identity_of(who).sign(&[&digest])
}
