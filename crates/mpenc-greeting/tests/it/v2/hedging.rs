//! Random values, when the source of randomness repeats itself; and their order.

use alloc::sync::Arc;
use core::convert::Infallible;
use std::sync::Mutex;

use mpenc_crypto::proof::{self, Proof, Statement};
use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{BroadcastSuite, Label, SecretBytes, SigningKey, V2};
use mpenc_greeting::Greeter;
use mpenc_packet::v2::{Greeting, decode_greeting};
use mpenc_types::MemberId;
use rand_chacha::rand_core::{CryptoRng, TryCryptoRng, TryRng};

use super::puppet::{Puppet, Seen};
use super::room::{Room, identity_of, randomness_of};
use crate::group::{name, names};

/// Gives the same bytes for ever.
struct Stuck;

impl TryRng for Stuck {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(7)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(7)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.fill(7);
        Ok(())
    }
}

impl TryCryptoRng for Stuck {}

/// Hands on randomness and remembers it.
struct Recorder<R>(R, Arc<Mutex<Vec<Vec<u8>>>>);

impl<R: CryptoRng> TryRng for Recorder<R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(dst);
        self.1.lock().unwrap().push(dst.to_vec());
        Ok(())
    }
}

impl<R: CryptoRng> TryCryptoRng for Recorder<R> {}

/// The commitment `a` of the latest proof of `who`.
fn commitment<S: BroadcastSuite>(room: &Room<S>, who: &MemberId) -> [u8; 32] {
    let seen = Seen::of::<S>(&room.log).unwrap();
    let public = seen.point::<S>(seen.place_of(who));
    let share = room.log.iter().rev().find_map(|(from, packet)| match decode_greeting(packet) {
        Ok(Greeting::Share(share)) if from == who => Some(share.peek().fields().clone()),
        _ => None,
    });
    let share = share.unwrap();
    S::export(&S::recompute(&share.response, None, &share.challenge, &public).unwrap())
}

//= docs/spec/attacks.md#ATK-175
//= type=test
//= docs/spec/v2.md#V2-008
//= type=test
//= docs/spec/v2.md#V2-014
//= type=test
#[test]
fn repeated_randomness_does_not_repeat_values() {
    // ATK-030, ATK-035, ATK-050
    let all = names(&["a", "b", "c"]);
    let mut room = Room::<V2>::new(&all);
    for member in room.members.values_mut() {
        member.rng = Box::new(Stuck);
    }
    let (mut values, mut commitments) = (Vec::new(), Vec::new());
    for by in ["a", "b", "a", "c"] {
        room.change(&name(by), &all);
        let seen = Seen::of::<V2>(&room.log).unwrap();
        for one in seen.contributions.into_iter().flatten() {
            values.extend([one.nonce, *one.ephemeral.as_bytes(), one.point]);
        }
        commitments.extend(all.iter().map(|who| commitment(&room, who)));
    }
    values.extend(commitments);
    let count = values.len();
    assert_eq!(count, 4 * 3 * 4);
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), count);
}

/// A copy of a running process draws the same, but not for another statement.
//= docs/spec/v2.md#V2-008
//= type=test
#[test]
fn clones_do_not_give_their_secret_away() {
    let mut commitments = Vec::new();
    for other in ["m", "n"] {
        let mut room = Room::<V2>::new(&names(&["a"]));
        room.get(&name("a")).rng = Box::new(Stuck);
        let mut puppet = Puppet::<V2>::new(&name(other));
        puppet.name = name("m");
        puppet.identity = identity_of::<V2>(&name("m"));
        room.introduce(&name("m"));
        let packet = room.propose(&name("a"), &names(&["a", "m"]));
        room.send(&name("a"), packet);
        puppet.behave(&mut room);
        let seen = Seen::of::<V2>(&room.log).unwrap();
        commitments.push((seen.point::<V2>(0), commitment(&room, &name("a"))));
    }
    // The same secret, as it was drawn before the two went apart; the proofs differ.
    assert_eq!(commitments[0].0, commitments[1].0);
    assert_ne!(commitments[0].1, commitments[1].1);
}

/// wire-v2.md section 7, not by our code.
fn draw<S: BroadcastSuite>(
    who: &MemberId,
    instance: &[u8],
    number: u64,
    fresh: &[u8],
    purpose: &[u8],
    of: &[&[u8]],
    extra: &[u8],
) -> SecretBytes<64> {
    let signature = identity_of::<S>(who).sign(&[b"mpENC-2 hedging\0"]);
    let hk = S::framed(Label::HEDGING_KEY, &[signature.as_bytes()]);
    let prk = S::extract(&hk, &[&[fresh, extra].concat()]);
    let number = number.to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![purpose, instance, &number];
    parts.extend_from_slice(of);
    SecretBytes::fill(|out| S::expand(&prk, Label::HEDGED, &parts, out))
}

//= docs/spec/v2.md#V2-008
//= type=test
#[test]
fn values_are_drawn_as_specified() {
    fn check<S: BroadcastSuite>() {
        let all = names(&["a", "b", "c"]);
        let mut room = Room::<S>::new(&all);
        let records: Vec<_> = all
            .iter()
            .map(|who| {
                let record = Arc::new(Mutex::new(Vec::new()));
                room.get(who).rng = Box::new(Recorder(randomness_of::<S>(who), record.clone()));
                record
            })
            .collect();
        room.change(&name("a"), &all);
        let seen = Seen::of::<S>(&room.log).unwrap();
        let first = seen.initial.prev_final.as_bytes();
        for (place, who) in all.iter().enumerate() {
            let drawn = records[place].lock().unwrap().clone();
            assert_eq!(drawn.iter().map(Vec::len).collect::<Vec<_>>(), [16, 32, 32, 32, 32]);
            let instance = &drawn[0];
            if place == 0 {
                assert_eq!(seen.initial.instance.as_slice(), instance.as_slice());
            }
            let of: &[u8; 32] = if place == 0 { first } else { seen.op.as_bytes() };
            let value = |number: u64, purpose: &[u8], of: &[&[u8]], extra: &[u8]| {
                let fresh = &drawn[usize::try_from(number).unwrap() + 1];
                draw::<S>(who, instance, number, fresh, purpose, of, extra)
            };
            let r = S::reduce(&value(0, b"contribution", &[of], &[])).unwrap();
            let nonce = value(1, b"nonce", &[of], &[]);
            let seed = value(2, b"ephemeral", &[of], &[]);
            let seed = SecretBytes::fill(|out| out.copy_from_slice(&seed.expose()[..32]));
            let signer = S::SigningKey::from_seed(&seed);
            let contribution = seen.contributions[place].clone().unwrap();
            assert_eq!(contribution.point, S::export(&S::mul_base(&r)));
            assert_eq!(contribution.nonce, nonce.expose()[..32]);
            assert_eq!(contribution.ephemeral, signer.public());
            // The proof.
            let (public, base) = (seen.point::<S>(place), seen.base::<S>(place));
            let (share, context) = (seen.share::<S>(place), seen.context::<S>());
            let place = u16::try_from(place).unwrap();
            let exported = [&public, &base, &share].map(S::export);
            let of: [&[u8]; 5] =
                [&context, &place.to_be_bytes(), &exported[0], &exported[1], &exported[2]];
            let secret = S::scalar_bytes(&r);
            let w = S::reduce(&value(3, b"proof", &of, secret.expose())).unwrap();
            let statement =
                Statement { ctx: &context, place, public: &public, base: &base, share: &share };
            let expected = proof::prove::<S>(&statement, &r, w);
            let sent = room.log.iter().find_map(|(from, packet)| match decode_greeting(packet) {
                Ok(Greeting::Share(share)) if from == who => {
                    let fields = share.peek().fields();
                    Some(Proof { challenge: fields.challenge, response: fields.response })
                }
                _ => None,
            });
            assert_eq!(sent, Some(expected));
        }
    }
    check::<Transparent>();
    check::<V2>();
}

/// Another process of the same member has another instance.
#[test]
fn the_instance_is_of_the_process() {
    let all = names(&["a", "b"]);
    let mut room = Room::<Transparent>::established(&all);
    let first = Seen::of::<Transparent>(&room.log).unwrap().initial.instance;
    room.get(&name("a")).greeter.reset();
    room.change(&name("a"), &all);
    let again = Seen::of::<Transparent>(&room.log).unwrap().initial.instance;
    assert_eq!(first, again);
}
