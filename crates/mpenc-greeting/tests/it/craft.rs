//! Bad packets made from good ones.

use mpenc_crypto::SigningKey;
use mpenc_packet::armor;
use mpenc_packet::v1::{self, GreetingFields, Packet};

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
