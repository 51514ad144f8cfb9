//! What an insider can send: whatever it likes, signed with its own genuine keys.

use mpenc::{MessageId, SecretBytes};
use mpenc_crypto::{SigningKey, StreamCipher, Suite, V1};
use mpenc_packet::armor;
use mpenc_packet::padding::{BASE, pad};
use mpenc_packet::v1::{Body, Content, DataFields, GreetingFields, Packet, decode};

use crate::world::World;

type Key = <V1 as Suite>::SigningKey;

/// Keys of a member as they are in its current subsession.
pub(crate) struct Insider {
    key: Key,
    group_key: SecretBytes<32>,
    binding: [u8; 32],
}

impl Insider {
    pub(crate) fn of(world: &World, name: &str) -> Self {
        let session = world.session(name);
        let secrets = session.secrets().unwrap();
        Self {
            key: Key::from_seed(&secrets.ephemeral_seed),
            group_key: secrets.group_key,
            binding: session.key_check().unwrap(),
        }
    }

    /// A message with these parents; equal texts need different `iv`s.
    pub(crate) fn message(&self, iv: u8, parents: &[MessageId], text: &str) -> Vec<u8> {
        let content = Content { parents: parents.to_vec(), body: Body::Payload(text.into()) };
        let mut ciphertext = pad(&content.encode().unwrap(), BASE).unwrap();
        let iv = [iv; 12];
        V1::apply_keystream(&self.group_key, &iv, &mut ciphertext);
        let packet = DataFields { iv, ciphertext }.sign(&self.key, &self.binding).unwrap();
        packet.to_wire()
    }

    /// A packet of an operation with other contents.
    pub(crate) fn rewrite(
        &self,
        packet: &[u8],
        change: impl FnOnce(&mut GreetingFields),
    ) -> Vec<u8> {
        let Ok(Packet::Greeting(greeting)) = decode(packet) else { panic!("no greeting packet") };
        let mut fields = greeting.peek().fields().clone();
        change(&mut fields);
        fields.sign(&self.key).unwrap().to_wire()
    }
}

/// Order of the group of Ed25519, little endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A data packet whose signature is another form of the same one: S + ℓ. Takes no key.
pub(crate) fn malleated(packet: &[u8]) -> Vec<u8> {
    let mut bytes = armor::decode(packet).unwrap();
    // After the hint, the header of the signature, and R.
    let s = &mut bytes[5 + 4 + 32..][..32];
    let mut carry = 0;
    for (digit, add) in s.iter_mut().zip(ORDER) {
        let sum = u16::from(*digit) + u16::from(add) + carry;
        [*digit, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    armor::encode(&bytes)
}
