//! Packets of insiders with a field changed, signed again with the keys that they have.

use mpenc::{ChainHash, PacketId};
use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{PublicKey, SecretBytes, SigningKey, Suite, V1};
use mpenc_packet::v2::{AbortFields, Greeting, OpId, decode_greeting};
use mpenc_packet::{v1, v2};

use super::World;
use super::forged::Breach;
use crate::dice::Dice;
use crate::server::is_greeting;

pub(super) fn key(mock: bool, seed: &SecretBytes<32>) -> Box<dyn SigningKey> {
    match mock {
        true => Box::new(<Transparent as Suite>::SigningKey::from_seed(seed)),
        false => Box::new(<V1 as Suite>::SigningKey::from_seed(seed)),
    }
}

impl World {
    /// The packet with something changed, correctly signed; nothing if we cannot.
    pub(super) fn altered(
        &mut self,
        who: usize,
        packet: &[u8],
        breach: Option<Breach>,
        dice: &mut Dice,
    ) -> Option<Vec<u8>> {
        if !is_greeting(self.options.v2, packet) {
            return self.broken_message(who, packet, breach, dice);
        }
        let person = self.people.get(who)?;
        if self.options.v2 {
            let key = key(self.options.mock, &person.seed);
            return alter_v2(packet, &*key, dice);
        }
        let key = self.ephemeral_of(who, packet)?;
        let (packet, void) = alter_v1(packet, &*key, dice)?;
        if let Some(why) = void {
            self.oracle.void(packet.clone(), why);
        }
        Some(packet)
    }

    /// The ephemeral key that signed an operation packet of v1.
    fn ephemeral_of(&self, who: usize, packet: &[u8]) -> Option<Box<dyn SigningKey>> {
        let Ok(v1::Packet::Greeting(greeting)) = v1::decode(packet) else { return None };
        let revealed = self.people.get(who)?.session.as_ref()?.reveal();
        let keys = revealed.iter().filter(|secret| secret.what == "ephemeral");
        keys.filter_map(|secret| {
            let seed: [u8; 32] = secret.bytes.as_slice().try_into().ok()?;
            Some(key(self.options.mock, &SecretBytes::fill(|bytes| *bytes = seed)))
        })
        .find(|key| {
            let again = greeting.peek().fields().clone().sign(&**key);
            again.is_ok_and(|again| again.to_wire() == packet)
        })
    }
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    let at = dice.place(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << (dice.byte() % 8);
    }
}

fn other(bytes: &[u8; 32], dice: &mut Dice) -> [u8; 32] {
    let mut bytes = *bytes;
    flip(&mut bytes, dice);
    bytes
}

fn other_chain(chain: &ChainHash, dice: &mut Dice) -> ChainHash {
    ChainHash::new(other(chain.as_bytes(), dice))
}

fn other_id(id: &PacketId, dice: &mut Dice) -> PacketId {
    PacketId::new(other(id.as_bytes(), dice))
}

fn alter_v2(packet: &[u8], key: &dyn SigningKey, dice: &mut Dice) -> Option<Vec<u8>> {
    let wire = match decode_greeting(packet).ok()? {
        Greeting::Initial(initial) => {
            let mut fields = initial.peek().fields().clone();
            match dice.below(6) {
                0 => flip(&mut fields.instance, dice),
                1 => {
                    fields.prev_chain = other_chain(&fields.prev_chain, dice);
                }
                2 => {
                    fields.prev_final = other_id(&fields.prev_final, dice);
                }
                3 => fields.heads.clear(),
                4 => drop(fields.entries.pop()),
                _ => {
                    if let Some(contribution) = &mut fields.contribution {
                        flip(&mut contribution.nonce, dice);
                    }
                }
            }
            fields.sign(key).ok()?.to_wire()
        }
        Greeting::Contribution(contribution) => {
            let mut fields = contribution.peek().fields().clone();
            match dice.below(4) {
                0 => flip(&mut fields.contribution.nonce, dice),
                1 => {
                    let bytes = other(fields.contribution.ephemeral.as_bytes(), dice);
                    fields.contribution.ephemeral = PublicKey::new(bytes);
                }
                2 => flip(&mut fields.contribution.point, dice),
                _ => fields.place = fields.place.wrapping_add(1),
            }
            fields.sign(key).ok()?.to_wire()
        }
        Greeting::Confirmation(confirmation) => {
            let mut fields = confirmation.peek().fields().clone();
            match dice.below(4) {
                0 | 1 => flip(&mut fields.check, dice),
                2 => flip(&mut fields.transcript, dice),
                _ => {
                    // An abort instead.
                    let reason = v2::AbortReason::Asked;
                    let abort = AbortFields { op: fields.op, place: fields.place, reason };
                    return Some(abort.sign(key).ok()?.to_wire());
                }
            }
            fields.sign(key).ok()?.to_wire()
        }
        Greeting::Abort(abort) => {
            let mut fields = abort.peek().fields().clone();
            fields.op = OpId::new(other(fields.op.as_bytes(), dice));
            fields.sign(key).ok()?.to_wire()
        }
        Greeting::Share(_) => return None,
    };
    Some(wire)
}

/// With why it must not count, where that is so.
fn alter_v1(
    packet: &[u8],
    key: &dyn SigningKey,
    dice: &mut Dice,
) -> Option<(Vec<u8>, Option<&'static str>)> {
    let Ok(v1::Packet::Greeting(greeting)) = v1::decode(packet) else { return None };
    let mut fields = greeting.peek().fields().clone();
    let at = usize::try_from(dice.next() >> 8).unwrap_or(0);
    let mut void = None;
    match dice.below(6) {
        0 => {
            let at = at.checked_rem(fields.int_keys.len())?;
            if let Some(Some(int_key)) = fields.int_keys.get_mut(at) {
                flip(int_key, dice);
            }
        }
        1 => {
            let at = at.checked_rem(fields.nonces.len())?;
            if let Some(nonce) = fields.nonces.get_mut(at) {
                flip(nonce, dice);
            }
        }
        2 => {
            let metadata = fields.metadata.as_mut()?;
            metadata.prev_chain = other_chain(&metadata.prev_chain, dice);
        }
        3 => {
            let metadata = fields.metadata.as_mut()?;
            metadata.prev_final = other_id(&metadata.prev_final, dice);
        }
        4 => fields.metadata.as_mut()?.heads.clear(),
        _ => {
            let mut bytes = *fields.session_signature.as_ref()?.as_bytes();
            flip(&mut bytes, dice);
            fields.session_signature = Some(mpenc::Signature::new(bytes));
            void = Some("has no valid session signature");
        }
    }
    Some((fields.sign(key).ok()?.to_wire(), void))
}
