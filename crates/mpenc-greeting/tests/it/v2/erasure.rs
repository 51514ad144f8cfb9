//! Secrets live no longer than they are needed: a suite that counts its scalars and keys.

use core::sync::atomic::{AtomicIsize, Ordering};
use std::sync::Mutex;

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{
    Aead, AeadError, DhError, FramedHash, KeyDerivation, Label, PrimeOrderGroup, PublicKey,
    SecretBytes, Signature, SigningKey, Suite,
};
use mpenc_greeting::{AbortReason, Greeter};
use mpenc_types::MemberSet;
use rand_chacha::rand_core::CryptoRng;

use super::room::Room;
use crate::group::{name, names};

static SCALARS: AtomicIsize = AtomicIsize::new(0);
static KEYS: AtomicIsize = AtomicIsize::new(0);
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[derive(Clone, Copy, Debug)]
struct Counting;

#[derive(Debug)]
struct Counted<T>(T, &'static AtomicIsize);

impl<T> Counted<T> {
    fn new(value: T, counter: &'static AtomicIsize) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(value, counter)
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

type Key = <Transparent as Suite>::SigningKey;
type Scalar = <Transparent as PrimeOrderGroup>::Scalar;
type Element = <Transparent as PrimeOrderGroup>::Element;

impl SigningKey for Counted<Key> {
    fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self::new(Key::generate(rng), &KEYS)
    }

    fn from_seed(seed: &SecretBytes<32>) -> Self {
        Self::new(Key::from_seed(seed), &KEYS)
    }

    fn public(&self) -> PublicKey {
        self.0.public()
    }

    fn sign(&self, parts: &[&[u8]]) -> Signature {
        self.0.sign(parts)
    }
}

impl Suite for Counting {
    const NAME: &'static str = "counting";
    type SigningKey = Counted<Key>;
    type VerifyingKey = <Transparent as Suite>::VerifyingKey;

    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        Transparent::hash(parts)
    }
}

impl FramedHash for Counting {
    const SUITE_ID: u16 = Transparent::SUITE_ID;

    fn framed(label: Label, parts: &[&[u8]]) -> [u8; 32] {
        Transparent::framed(label, parts)
    }

    fn framed_wide(label: Label, parts: &[&[u8]]) -> [u8; 64] {
        Transparent::framed_wide(label, parts)
    }
}

impl KeyDerivation for Counting {
    fn extract(salt: &[u8], ikm: &[&[u8]]) -> SecretBytes<64> {
        Transparent::extract(salt, ikm)
    }

    fn expand(prk: &SecretBytes<64>, label: Label, parts: &[&[u8]], out: &mut [u8]) {
        Transparent::expand(prk, label, parts, out);
    }
}

impl Aead for Counting {
    fn seal_in_place(key: &SecretBytes<32>, nonce: &[u8; 12], aad: &[u8], data: &mut Vec<u8>) {
        Transparent::seal_in_place(key, nonce, aad, data);
    }

    fn open_in_place(
        key: &SecretBytes<32>,
        nonce: &[u8; 12],
        aad: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), AeadError> {
        Transparent::open_in_place(key, nonce, aad, data)
    }
}

impl PrimeOrderGroup for Counting {
    type Scalar = Counted<Scalar>;
    type Element = Element;

    fn identity() -> Element {
        Transparent::identity()
    }

    fn is_identity(element: &Element) -> bool {
        Transparent::is_identity(element)
    }

    fn base() -> Element {
        <Transparent as PrimeOrderGroup>::base()
    }

    fn import(bytes: &[u8; 32]) -> Result<Element, DhError> {
        <Transparent as PrimeOrderGroup>::import(bytes)
    }

    fn import_or_identity(bytes: &[u8; 32]) -> Result<Element, DhError> {
        Transparent::import_or_identity(bytes)
    }

    fn export(element: &Element) -> [u8; 32] {
        <Transparent as PrimeOrderGroup>::export(element)
    }

    fn export_secret(element: &Element) -> SecretBytes<32> {
        Transparent::export_secret(element)
    }

    fn reduce(wide: &SecretBytes<64>) -> Option<Self::Scalar> {
        Transparent::reduce(wide).map(|scalar| Counted::new(scalar, &SCALARS))
    }

    fn scalar_bytes(scalar: &Self::Scalar) -> SecretBytes<32> {
        Transparent::scalar_bytes(&scalar.0)
    }

    fn mul_base(scalar: &Self::Scalar) -> Element {
        Transparent::mul_base(&scalar.0)
    }

    fn mul(scalar: &Self::Scalar, element: &Element) -> Element {
        Transparent::mul(&scalar.0, element)
    }

    fn add(a: &Element, b: &Element) -> Element {
        Transparent::add(a, b)
    }

    fn sub(a: &Element, b: &Element) -> Element {
        Transparent::sub(a, b)
    }

    fn weighted_sum(terms: &[(u32, &Element)]) -> Element {
        Transparent::weighted_sum(terms)
    }

    fn challenge(wide: &[u8; 64]) -> [u8; 32] {
        Transparent::challenge(wide)
    }

    fn respond(nonce: Self::Scalar, challenge: &[u8; 32], secret: &Self::Scalar) -> [u8; 32] {
        // The counted one cannot be taken apart: derive it again from its encoding.
        let nonce = Transparent::scalar_bytes(&nonce.0);
        let wide = SecretBytes::fill(|wide| wide[..32].copy_from_slice(nonce.expose()));
        let nonce = Transparent::reduce(&wide).unwrap();
        Transparent::respond(nonce, challenge, &secret.0)
    }

    fn recompute(
        response: &[u8; 32],
        base: Option<&Element>,
        challenge: &[u8; 32],
        image: &Element,
    ) -> Option<Element> {
        Transparent::recompute(response, base, challenge, image)
    }
}

#[track_caller]
fn assert_alive(scalars: isize, keys: isize) {
    assert_eq!(SCALARS.load(Ordering::SeqCst), scalars, "secrets of contributions");
    assert_eq!(KEYS.load(Ordering::SeqCst), keys, "ephemeral and identity keys");
}

/// Drops the keys that message security would have.
fn stop(room: &mut Room<Counting>) {
    for member in room.members.values_mut() {
        member.signer = None;
    }
}

//= docs/spec/v2.md#V2-014
//= type=test
//= docs/spec/protocol.md#GKA-013
//= type=test
#[test]
fn secrets_of_an_operation_end_with_it() {
    // ATK-188, as far as the greeting goes.
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let all = names(&["a", "b", "c"]);
    let mut room = Room::<Counting>::new(&all);
    assert_alive(0, 3);
    room.change_until(&name("a"), &all, 1);
    assert_alive(3, 6);
    room.run();
    assert_alive(0, 6);
    // The greeter keeps no ephemeral key: the subsession owns it.
    stop(&mut room);
    assert_alive(0, 3);
    // With the last share the scalars are gone, though the operation goes on.
    room.change_until(&name("b"), &all, 6);
    assert_alive(0, 6);
    for member in room.members.values_mut() {
        member.greeter.fail();
    }
    room.queue.clear();
    assert_alive(0, 3);
    // Ended by a packet, at each of its steps.
    for after in 1..9 {
        room.change_until(&name("c"), &all, after);
        let out = room.get(&name("b")).greeter.abort(AbortReason::Asked).unwrap();
        room.queue.clear();
        room.broadcast(&name("b"), &out.packet);
        assert_alive(0, 3);
    }
    // Proposals that are withdrawn, superseded, or forgotten with everything.
    room.propose(&name("a"), &all);
    assert_alive(1, 4);
    room.get(&name("a")).greeter.withdraw();
    assert_alive(0, 3);
    room.propose(&name("a"), &all);
    room.change(&name("b"), &names(&["b", "c"]));
    assert_alive(0, 5);
    stop(&mut room);
    room.propose(&name("b"), &names(&["b", "c"]));
    room.get(&name("b")).greeter.reset();
    assert_alive(0, 3);
    let by = name("c");
    room.change(&by, &MemberSet::of(&by));
    drop(room);
    assert_alive(0, 0);
}
