//! What an insider of the second profile can send: whatever it likes, where it likes, signed with
//! its own genuine key and under the keys that all members have.

use mpenc::{ChainHash, MemberId, MessageId, Revealed, SecretBytes};
use mpenc_crypto::{Aead, FramedHash, KeyDerivation, Label, SignLabel, SigningKey, Suite, V2};
use mpenc_packet::v2::{Body, Content, DataPacket, Plaintext};

use crate::breaking::v2::{Long, step};
use crate::world::{World, id, set};

type Key = <V2 as Suite>::SigningKey;

/// A member of its first subsession, and its keys from the position after its next one.
pub(crate) struct Insider {
    name: MemberId,
    key: Key,
    sid: [u8; 32],
    identifier_key: Vec<u8>,
    chain: Long,
    /// Where the chain stands.
    pub(crate) position: u64,
    order: ChainHash,
}

impl Insider {
    /// `reader` knows the keys of all authors, as every member does.
    pub(crate) fn of(world: &World, name: &str, reader: &str) -> Self {
        let found = |state: &[Revealed], what: &str| -> Vec<Vec<u8>> {
            let all = state.iter().filter(|one| one.what == what);
            all.map(|one| one.bytes.to_vec()).collect()
        };
        let own = world.session(name).reveal();
        let state = world.session(reader).reveal();
        // Two chain keys of each author, but one of the reader itself; in the order of names.
        let before = world.session(reader).members();
        let before = before.iter().take_while(|member| **member != id(name));
        let before: usize = before.map(|member| if *member == id(reader) { 1 } else { 2 }).sum();
        let chain = &found(&state, "chain key")[before];
        let data = |packet: &[u8]| DataPacket::decode(packet).is_ok();
        let written =
            world.packets.iter().filter(|(from, bytes)| *from == id(name) && data(bytes)).count();
        Self {
            name: id(name),
            key: Key::from_seed(&secret(found(&own, "ephemeral").last().unwrap())),
            sid: *world.session(name).sid().unwrap().as_bytes(),
            identifier_key: found(&state, "identifier key").remove(0),
            chain: secret(chain),
            position: written as u64 + 1,
            order: world.session(name).order().unwrap().1,
        }
    }

    /// Goes on to the next position.
    pub(crate) fn advance(&mut self) {
        self.chain = step(&self.chain).0;
        self.position += 1;
    }

    /// The seed with which this signs.
    pub(crate) fn seed(&self) -> [u8; 32] {
        *self.key.seed().unwrap().expose()
    }

    /// A text at the position, which is the only one that this can make.
    pub(crate) fn message(&self, parents: &[MessageId], text: &str) -> Vec<u8> {
        let content = Content {
            parents: parents.to_vec(),
            number: 0,
            chain: self.order,
            body: Body::Payload(text.into()),
        };
        let content = content.encode().unwrap();
        let mut keys = [0; 80];
        V2::expand(&step(&self.chain).1, Label::MESSAGE_KEYS, &[], &mut keys);
        let (tag, key, nonce_key) = (&keys[..16], &keys[16..48], &keys[48..]);
        let position = self.position.to_be_bytes();
        let place: [&[u8]; 3] = [&self.sid, self.name.as_bytes(), &position];
        let mid = V2::framed(
            Label::MESSAGE_ID,
            &[&[self.identifier_key.as_slice()], &place[..], &[&content]].concat(),
        );
        let signed = V2::framed(Label::MESSAGE, &[&place[..], &[&mid, tag]].concat());
        let signature = self.key.sign(&[SignLabel::MESSAGE.as_bytes(), &signed]);
        let mut text = Plaintext { signature, content }.encode();
        let nonce = V2::framed(Label::NONCE, &[nonce_key, &text])[..12].try_into().unwrap();
        let mut data = DataPacket { tag: tag.try_into().unwrap(), nonce, ciphertext: Vec::new() };
        V2::seal_in_place(&secret(key), &nonce, &data.aad(), &mut text);
        data.ciphertext = text;
        data.to_wire()
    }
}

fn secret<const N: usize>(bytes: &[u8]) -> SecretBytes<N> {
    SecretBytes::fill(|to| to.copy_from_slice(bytes))
}

/// Three members who have said nothing but what the protocol makes them say.
pub(crate) fn quiet() -> World {
    let names = ["alice", "bob", "carol"];
    let mut world = World::with(&names, |config| config.profile(mpenc::Profile::V2));
    world.establish(&names);
    world.pass_secs(120);
    assert_eq!(world.session("bob").members(), set(&names));
    world
}
