//! v2: every secret, in every place where the derivations of wire-v2.md take one (sections 3, 5).
//!
//! ```text
//!  scalar, element ──┐  salt
//!                    K ──┴── prk ── root ── rk ── chain key ── message key ── packet keys ── text
//!       any 32 bytes ┘    64 ┘  32 ┘   64 ┘     64 ┘         64 ┘          32 ┘
//! ```

use std::collections::{BTreeMap, BTreeSet};

use mpenc::{MemberId, PublicKey, Revealed, SecretBytes};
use mpenc_crypto::{Aead, FramedHash, KeyDerivation, Label, PrimeOrderGroup, V2};
use mpenc_packet::v2::{
    Body, Content, Contribution, DataPacket, Greeting, Plaintext, decode_greeting, operation_id,
};

/// Messages of one author in one subsession; no talk has so many.
const LENGTH: usize = 40;

type Element = <V2 as PrimeOrderGroup>::Element;
type Scalar = <V2 as PrimeOrderGroup>::Scalar;
pub(crate) type Long = SecretBytes<64>;
type Short = SecretBytes<32>;

/// Texts that this log gives up to who has these secrets.
pub(crate) fn read(log: &[Vec<u8>], state: &[Revealed]) -> BTreeSet<String> {
    let log = Log::of(log);
    let mut keys = Keys { log: &log, found: BTreeSet::new() };
    let short: Vec<[u8; 32]> = sized(state).collect();
    let long: Vec<[u8; 64]> = sized(state).collect();
    for secret in &short {
        keys.try_packet_key(secret);
    }
    for secret in &long {
        let secret = SecretBytes::new(*secret);
        keys.try_message_key(&secret);
        keys.try_chain(&secret);
        keys.try_rk(&secret);
        log.operations.iter().for_each(|operation| keys.try_prk(operation, &secret));
    }
    // What goes into a key besides the contributions is 32 zeros or an exporter.
    let salts = state.iter().filter(|secret| ["exporter", "salt"].contains(&secret.what));
    let salts: BTreeSet<[u8; 32]> =
        salts.filter_map(|one| one.bytes.as_slice().try_into().ok()).chain([[0; 32]]).collect();
    for operation in &log.operations {
        let mut secrets: BTreeSet<[u8; 32]> = short.iter().copied().collect();
        for secret in &short {
            keys.try_root(operation, &SecretBytes::new(*secret));
        }
        let elements = operation.elements();
        secrets.extend(elements.iter().map(V2::export));
        for scalar in short.iter().filter_map(scalar) {
            secrets.extend((0..operation.n()).map(|at| V2::export(&operation.secret(at, &scalar))));
            secrets.extend(elements.iter().map(|one| V2::export(&V2::mul(&scalar, one))));
        }
        for secret in &secrets {
            for salt in &salts {
                keys.try_prk(operation, &V2::extract(salt, &[secret]));
            }
        }
    }
    keys.found
}

/// What two states of one member have in common although an operation lies between them.
///
/// The identity and the hedging key made of it are the member's for good.
pub(crate) fn earlier_secrets(before: &[Revealed], after: &[Revealed]) -> Vec<&'static str> {
    let lasting = ["identity", "hedging key"];
    let kept = |old: &&Revealed| after.iter().any(|new| new.bytes == old.bytes);
    let before = before.iter().filter(|old| !lasting.contains(&old.what));
    before.filter(kept).map(|old| old.what).collect()
}

fn sized<const N: usize>(state: &[Revealed]) -> impl Iterator<Item = [u8; N]> + '_ {
    state.iter().filter_map(|secret| secret.bytes.as_slice().try_into().ok())
}

/// The bytes as a scalar, which all that are below the order are.
fn scalar(bytes: &[u8; 32]) -> Option<Scalar> {
    let mut wide = [0; 64];
    wide[..32].copy_from_slice(bytes);
    V2::reduce(&SecretBytes::new(wide))
}

/// Everything on the channel.
struct Log {
    operations: Vec<Operation>,
    /// Messages by their tags.
    messages: BTreeMap<[u8; 16], DataPacket>,
}

/// What is public about an operation that came to its end.
struct Operation {
    members: Vec<(MemberId, PublicKey)>,
    op: [u8; 32],
    contributions: Vec<Contribution>,
    shares: Vec<[u8; 32]>,
    /// `T` and `kc`, which everybody publishes at the end: whoever guesses a key can tell by them.
    transcript: [u8; 32],
    check: [u8; 32],
}

impl Log {
    fn of(log: &[Vec<u8>]) -> Self {
        let mut operations: Vec<Operation> = Vec::new();
        let mut messages = BTreeMap::new();
        for packet in log {
            if let Ok(data) = DataPacket::decode(packet) {
                messages.insert(data.tag, data);
            }
            match decode_greeting(packet) {
                Ok(Greeting::Initial(initial)) => {
                    let fields = initial.peek().fields();
                    let members: Vec<_> =
                        fields.targets().map(|(one, key)| (one.name.clone(), *key)).collect();
                    let none = Contribution {
                        nonce: [0; 32],
                        ephemeral: PublicKey::new([0; 32]),
                        point: [0; 32],
                    };
                    let mut contributions = vec![none; members.len()];
                    contributions[usize::from(fields.place)] = fields.contribution.clone().unwrap();
                    let shares = vec![[0; 32]; members.len()];
                    let op = *operation_id::<V2>(packet).as_bytes();
                    let (transcript, check) = ([0; 32], [0; 32]);
                    operations.push(Operation {
                        members,
                        op,
                        contributions,
                        shares,
                        transcript,
                        check,
                    });
                }
                Ok(Greeting::Contribution(packet)) => {
                    let fields = packet.peek().fields();
                    let last = operations.last_mut().unwrap();
                    last.contributions[usize::from(fields.place)] = fields.contribution.clone();
                }
                Ok(Greeting::Share(packet)) => {
                    let fields = packet.peek().fields();
                    let last = operations.last_mut().unwrap();
                    last.shares[usize::from(fields.place)] = fields.share;
                }
                Ok(Greeting::Confirmation(packet)) => {
                    let last = operations.last_mut().unwrap();
                    last.check = packet.peek().fields().check;
                    last.transcript = last.transcript();
                    assert_eq!(last.transcript, packet.peek().fields().transcript);
                }
                _ => {}
            }
        }
        Self { operations, messages }
    }
}

impl Operation {
    fn n(&self) -> usize {
        self.members.len()
    }

    fn point(&self, place: usize) -> Element {
        V2::import(&self.contributions[place % self.n()].point).unwrap()
    }

    fn share(&self, place: usize) -> Element {
        V2::import_or_identity(&self.shares[place % self.n()]).unwrap()
    }

    fn elements(&self) -> Vec<Element> {
        let places = 0..self.n();
        let bases =
            places.clone().map(|i| V2::sub(&self.point(i + 1), &self.point(i + self.n() - 1)));
        let shares = places.clone().map(|i| self.share(i));
        places.map(|i| self.point(i)).chain(bases).chain(shares).collect()
    }

    /// `K` as the member at `place` computes it.
    fn secret(&self, place: usize, r: &Scalar) -> Element {
        let n = self.n();
        let times = |count: usize, element: &Element| {
            (0..count).fold(V2::identity(), |sum, _| V2::add(&sum, element))
        };
        let own = times(n, &V2::mul(r, &self.point(place + n - 1)));
        let rest = (0..n - 1).map(|j| times(n - 1 - j, &self.share(place + j)));
        rest.fold(own, |sum, one| V2::add(&sum, &one))
    }

    /// `T`
    fn transcript(&self) -> [u8; 32] {
        let mut parts: Vec<&[u8]> = vec![&self.op];
        for ((name, identity), one) in self.members.iter().zip(&self.contributions) {
            parts.extend([name.as_bytes(), identity.as_bytes().as_slice()]);
            parts.extend([&one.nonce[..], one.ephemeral.as_bytes(), &one.point]);
        }
        let context = V2::framed(Label::CONTRIBUTIONS, &parts);
        let shares = self.shares.iter().map(<[u8; 32]>::as_slice);
        let parts: Vec<&[u8]> = [context.as_slice()].into_iter().chain(shares).collect();
        V2::framed(Label::TRANSCRIPT, &parts)
    }
}

/// Follows derivations to the texts.
struct Keys<'a> {
    log: &'a Log,
    found: BTreeSet<String>,
}

impl Keys<'_> {
    fn try_prk(&mut self, operation: &Operation, prk: &Long) {
        let mut check = [0; 32];
        V2::expand(prk, Label::KEY_CHECK, &[&operation.transcript], &mut check);
        if check == operation.check {
            let of: [&[u8]; 1] = [&operation.transcript];
            let root = SecretBytes::fill(|out| V2::expand(prk, Label::MESSAGES, &of, out));
            assert!(self.try_root(operation, &root), "the key, but nothing under it");
        }
    }

    /// Whether it is the right one.
    fn try_root(&mut self, operation: &Operation, root: &Short) -> bool {
        let sid = V2::framed(Label::SID, &[&operation.transcript]);
        let rk = V2::extract(&sid, &[root.expose()]);
        let names = operation.members.iter().map(|(name, _)| name);
        let chains: Vec<Long> = names.map(|name| chain_of(&rk, name)).collect();
        // A chain is the right one if its first message was sent.
        let fits = chains.iter().any(|chain| self.log.messages.contains_key(&tag(&step(chain).1)));
        if fits {
            chains.iter().for_each(|chain| self.try_chain(chain));
        }
        fits
    }

    /// From which all chains of a subsession come.
    fn try_rk(&mut self, rk: &Long) {
        let names = self.log.operations.iter().flat_map(|operation| &operation.members);
        let names: BTreeSet<&MemberId> = names.map(|(name, _)| name).collect();
        names.into_iter().for_each(|name| self.try_chain(&chain_of(rk, name)));
    }

    fn try_chain(&mut self, chain: &Long) {
        let (mut next, mut key) = step(chain);
        for _ in 0..LENGTH {
            self.try_message_key(&key);
            (next, key) = step(&next);
        }
    }

    fn try_message_key(&mut self, key: &Long) {
        let mut all = [0; 80];
        V2::expand(key, Label::MESSAGE_KEYS, &[], &mut all);
        let Some(data) = self.log.messages.get(&all[..16]) else { return };
        self.found.extend(open(data, all[16..48].try_into().unwrap()));
    }

    /// Of whatever message.
    fn try_packet_key(&mut self, key: &[u8; 32]) {
        let log = self.log;
        self.found.extend(log.messages.values().filter_map(|data| open(data, key)));
    }
}

fn chain_of(rk: &Long, name: &MemberId) -> Long {
    SecretBytes::fill(|out| V2::expand(rk, Label::AUTHOR_CHAIN, &[name.as_bytes()], out))
}

/// The next chain key, and the message key before it.
pub(crate) fn step(chain: &Long) -> (Long, Long) {
    let mut both = [0; 128];
    V2::expand(chain, Label::CHAIN_STEP, &[], &mut both);
    let half = |bytes: &[u8]| SecretBytes::fill(|out| out.copy_from_slice(bytes));
    (half(&both[..64]), half(&both[64..]))
}

fn tag(message_key: &Long) -> [u8; 16] {
    let mut tag = [0; 16];
    V2::expand(message_key, Label::MESSAGE_KEYS, &[], &mut tag);
    tag
}

fn open(data: &DataPacket, key: &[u8; 32]) -> Option<String> {
    let mut text = data.ciphertext.clone();
    V2::open_in_place(&SecretBytes::new(*key), &data.nonce, &data.aad(), &mut text).ok()?;
    let content = Plaintext::decode(&text).ok()?.content;
    match Content::decode(&content).ok()?.body {
        Body::Payload(text) => Some(text),
        _ => None,
    }
}
