//! Message security of the v1 profile: one group key, AES-256-CTR, an Ed25519 signature around
//! it (wire-v1.md section 7).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use mpenc_crypto::{SecretBytes, SigningKey, StreamCipher, Unverified, VerifyingKey};
use mpenc_greeting::SubsessionKeys;
use mpenc_packet::padding::{self, TooLarge};
use mpenc_packet::v1::{self, Content, DATA_CONTEXT, DataFields, DataPacket, EncodeError, Packet};
use mpenc_types::{MemberId, MessageId, guard};
use rand_core::CryptoRng;

use super::{Body, MessageHeader, MessageSecurity, OpenReject, Opened, SealError, Sealed};

/// Keys of one subsession; the secret ones wipe themselves when it is dropped (SEC-025).
pub struct V1Security<S: StreamCipher> {
    owner: MemberId,
    /// Base size of padding; 0 for none.
    padding: usize,
    /// Gone once the subsession has ended.
    group_key: Option<SecretBytes<32>>,
    /// `H(sid ‖ gk)`: binds every packet to this subsession (MSG-002).
    sid_key_hash: [u8; 32],
    signer: Arc<dyn SigningKey>,
    authors: BTreeMap<MemberId, S::VerifyingKey>,
    suite: PhantomData<S>,
}

impl<S: StreamCipher> V1Security<S> {
    /// Message security for the subsession whose keys a greeting agreed on.
    ///
    /// `None` if a key cannot be used, which no greeter hands out.
    #[must_use]
    pub fn new(owner: &MemberId, keys: SubsessionKeys) -> Option<Self> {
        let SubsessionKeys { sid, secret, signer, authors, .. } = keys;
        let authors = authors
            .into_iter()
            .map(|(member, key)| Some((member, S::VerifyingKey::import(&key).ok()?)))
            .collect::<Option<_>>()?;
        let sid_key_hash = S::hash(&[sid.as_bytes(), secret.expose()]);
        Some(Self {
            owner: owner.clone(),
            padding: padding::BASE,
            group_key: Some(secret),
            sid_key_hash,
            signer,
            authors,
            suite: PhantomData,
        })
    }

    /// The same with another base size of padding (wire-v1.md section 7); 0 for none.
    #[must_use]
    pub(crate) fn with_padding(mut self, base: usize) -> Self {
        self.padding = base;
        self
    }

    fn decode(&self, packet: &[u8]) -> Result<Unverified<DataPacket>, OpenReject> {
        match v1::decode(packet) {
            Ok(Packet::Data(data)) => Ok(data),
            Ok(Packet::Greeting(_) | Packet::Error(_)) | Err(_) => Err(OpenReject::Malformed),
        }
    }

    fn hint_fits(&self, data: &Unverified<DataPacket>) -> bool {
        self.binding().first() == Some(&data.peek().hint())
    }

    /// What every signature covers besides the packet (MSG-002).
    fn binding(&self) -> &[u8; 32] {
        if guard!("subsession-bound") { &self.sid_key_hash } else { &[0; 32] }
    }

    /// Whose packet it is: the channel's sender first, then, since anybody may resend anything,
    /// the other members; one verification each (MSG-010).
    fn author(&self, sender: &MemberId, data: &Unverified<DataPacket>) -> Option<MemberId> {
        let context: [&[u8]; 2] = [DATA_CONTEXT, self.binding()];
        let verifies = |key: &S::VerifyingKey| data.verify::<S>(key, &context).is_ok();
        if !guard!("sig-inner") || self.authors.get(sender).is_some_and(verifies) {
            return Some(sender.clone());
        }
        let mut others = self.authors.iter().filter(|(member, _)| *member != sender);
        others.find(|(_, key)| verifies(key)).map(|(member, _)| member.clone())
    }
}

impl<S: StreamCipher> MessageSecurity for V1Security<S> {
    //= docs/spec/protocol.md#MSG-001
    fn seal(
        &mut self,
        rng: &mut dyn CryptoRng,
        header: &MessageHeader<'_>,
        body: &Body,
    ) -> Result<Sealed, SealError> {
        let body = encodable(body).ok_or(SealError::Internal)?;
        let content = Content { parents: header.parents.to_vec(), body };
        let raw = content.encode().map_err(|error| {
            if let EncodeError::TooLarge(size) = error {
                too_large(size)
            } else {
                SealError::Internal
            }
        })?;
        //= docs/spec/protocol.md#SEC-005
        let mut ciphertext = padding::pad(&raw, self.padding).map_err(|size| {
            SealError::TooLarge { found: size.found, limit: padding::MAX_RAW_LEN }
        })?;
        let group_key = self.group_key.as_ref().ok_or(SealError::Internal)?;
        let mut iv = [0; 12];
        if guard!("nonce-unique") {
            rng.fill_bytes(&mut iv);
        }
        S::apply_keystream(group_key, &iv, &mut ciphertext);
        let data = DataFields { iv, ciphertext }
            .sign(&*self.signer, self.binding())
            .map_err(|_| SealError::Internal)?;
        Ok(Sealed { id: data.message_id::<S>(), packet: data.to_wire() })
    }

    fn peek_id(&self, packet: &[u8]) -> Option<MessageId> {
        let data = self.decode(packet).ok()?;
        //= docs/spec/protocol.md#MSG-004
        self.hint_fits(&data).then(|| data.peek().message_id::<S>())
    }

    //= docs/spec/protocol.md#MSG-005
    fn open(&mut self, sender: &MemberId, packet: &[u8]) -> Result<Opened, OpenReject> {
        let data = self.decode(packet)?;
        if !self.hint_fits(&data) {
            return Err(OpenReject::NotOurs);
        }
        let author = self.author(sender, &data).ok_or(OpenReject::NotOurs)?;
        let group_key = self.group_key.as_ref().ok_or(OpenReject::Over)?;
        let data = data.peek();
        let id = data.message_id::<S>();
        let mut plaintext = data.ciphertext().to_vec();
        S::apply_keystream(group_key, data.iv(), &mut plaintext);
        match padding::unpad(&plaintext).ok().and_then(|raw| Content::decode(raw).ok()) {
            Some(Content { parents, body }) => {
                Ok(Opened { id, author, parents, order: None, position: None, body: decoded(body) })
            }
            None => Err(OpenReject::BadContent { author, id }),
        }
    }

    //= docs/spec/protocol.md#SEC-025
    fn erase(&mut self) {
        self.group_key = None;
    }

    // One key serves the whole subsession: nothing is pending for a message (MSG-012).
    fn commit(&mut self, _: &MessageId) {}

    fn destroy(&mut self, _: &MessageId) {}

    fn release(&mut self, _: &MessageId) {}

    fn fully_acked(&mut self, _: &MessageId) {}

    // A new subsession is all that ever helps.
    fn moved(&mut self) -> bool {
        false
    }

    #[cfg(feature = "testing")]
    fn rewrite(
        &self,
        packet: &[u8],
        change: &mut dyn FnMut(&mut super::Draft),
    ) -> Option<(MessageId, Vec<u8>)> {
        let data = self.decode(packet).ok()?;
        let group_key = self.group_key.as_ref()?;
        let data = data.peek();
        let mut text = data.ciphertext().to_vec();
        S::apply_keystream(group_key, data.iv(), &mut text);
        let mut content = Content::decode(padding::unpad(&text).ok()?).ok()?;
        let mut draft = super::Draft { parents: content.parents.clone(), text: None };
        change(&mut draft);
        content.parents = draft.parents;
        if let (v1::Body::Payload(text), Some(other)) = (&mut content.body, draft.text) {
            *text = other;
        }
        let raw = content.encode().ok()?;
        let mut ciphertext = padding::pad(&raw, self.padding).ok()?;
        let [iv @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            S::hash(&[data.iv(), &raw]);
        S::apply_keystream(group_key, &iv, &mut ciphertext);
        let data = DataFields { iv, ciphertext }.sign(&*self.signer, self.binding()).ok()?;
        Some((data.message_id::<S>(), data.to_wire()))
    }

    #[cfg(feature = "inspect")]
    fn key_check(&self) -> Option<[u8; 32]> {
        Some(self.sid_key_hash)
    }

    #[cfg(feature = "inspect")]
    fn reveal(&self, found: &mut dyn FnMut(&'static str, &[u8])) {
        let Self { owner: _, padding: _, group_key, sid_key_hash: _, signer, authors: _, suite: _ } =
            self;
        if let Some(key) = group_key {
            found("group key", key.expose());
        }
        if let Some(seed) = signer.seed() {
            found("ephemeral", seed.expose());
        }
    }

    #[cfg(feature = "inspect")]
    fn secret(&self) -> Option<&[u8; 32]> {
        self.group_key.as_ref().map(SecretBytes::expose)
    }
}

fn too_large(size: TooLarge) -> SealError {
    SealError::TooLarge { found: size.found, limit: padding::MAX_RAW_LEN }
}

/// `None` for what only later profiles know.
fn encodable(body: &Body) -> Option<v1::Body> {
    match body {
        Body::Payload(text) => Some(v1::Body::Payload(text.clone())),
        Body::ExplicitAck { manual } => Some(v1::Body::ExplicitAck { manual: *manual }),
        Body::Consistency { close } => Some(v1::Body::Consistency { close: *close }),
        Body::Heartbeat
        | Body::OrderConfirmation(_)
        | Body::Absence { .. }
        | Body::Error { .. }
        | Body::Part(_)
        | Body::Close
        | Body::Opaque { .. } => None,
    }
}

fn decoded(body: v1::Body) -> Body {
    match body {
        v1::Body::Payload(text) => Body::Payload(text),
        v1::Body::ExplicitAck { manual } => Body::ExplicitAck { manual },
        v1::Body::Consistency { close } => Body::Consistency { close },
    }
}

impl<S: StreamCipher> fmt::Debug for V1Security<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authors: Vec<_> = self.authors.keys().collect();
        f.debug_struct("V1Security")
            .field("owner", &self.owner)
            .field("authors", &authors)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use core::sync::atomic::AtomicU32;
    use core::sync::atomic::Ordering::Relaxed;

    use mpenc_crypto::{KeyError, PublicKey, Signature, Suite, V1, VerifyError};
    use mpenc_packet::armor;
    use mpenc_types::{ChainHash, SubsessionId};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::super::{OrderPoint, Request};
    use super::*;

    const HEADER: MessageHeader<'static> = MessageHeader {
        parents: &[],
        order: OrderPoint { number: 0, chain: ChainHash::new([0; 32]) },
    };

    type Key = <V1 as Suite>::SigningKey;

    fn id(name: &str) -> MemberId {
        MemberId::new(name).unwrap()
    }

    fn key(name: &str) -> Key {
        Key::from_seed(&SecretBytes::new(V1::hash(&[name.as_bytes()])))
    }

    /// Three, each of whom signs with its own key.
    fn authors() -> Vec<(MemberId, PublicKey)> {
        ["alice", "bob", "mallory"].map(|name| (id(name), key(name).public())).to_vec()
    }

    fn subsession(owner: &str, sid: u8, authors: Vec<(MemberId, PublicKey)>) -> SubsessionKeys {
        SubsessionKeys {
            sid: SubsessionId::new([sid; 32]),
            secret: SecretBytes::new([7; 32]),
            signer: Arc::new(key(owner)),
            authors,
            fingerprint: None,
            statements: Vec::new(),
        }
    }

    /// What `owner` has of a subsession of three.
    fn member(owner: &str, sid: u8) -> V1Security<V1> {
        V1Security::new(&id(owner), subsession(owner, sid, authors())).unwrap()
    }

    fn text() -> Body {
        Body::Payload("hello".into())
    }

    //= docs/spec/protocol.md#MSG-002
    //= type=test
    //= docs/spec/attacks.md#ATK-117
    //= type=test
    //= docs/spec/attacks.md#ATK-143
    //= type=test
    #[test]
    fn a_packet_belongs_to_one_subsession() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let packet = member("alice", 0).seal(&mut rng, &HEADER, &text()).unwrap().packet;
        assert!(member("bob", 0).open(&id("alice"), &packet).is_ok());
        // Among the others is one for which the hint fits, so that the signature decides.
        let mut hints = 0;
        for sid in 1..=255 {
            let mut other = member("bob", sid);
            hints += u32::from(other.peek_id(&packet).is_some());
            assert_eq!(other.open(&id("alice"), &packet).err(), Some(OpenReject::NotOurs));
        }
        assert!(hints > 0);
    }

    #[test]
    fn nobody_asks_for_copies() {
        let request = Request {
            attempt: 0,
            accepted: vec![0; 3],
            held: Vec::new(),
            wanted: vec![[1; 32].into()],
        };
        assert_eq!(member("alice", 0).seal_request(&request), None);
        assert_eq!(member("bob", 0).open_request(&request.encode()), None);
    }

    //= docs/spec/attacks.md#ATK-033
    //= type=test
    #[test]
    fn a_packet_opens_under_one_key() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let packet = member("alice", 0).seal(&mut rng, &HEADER, &text()).unwrap().packet;
        let mut hints = 0;
        for number in 0..1000_u16 {
            let mut keys = subsession("bob", 0, authors());
            keys.secret = SecretBytes::new(V1::hash(&[&number.to_be_bytes()]));
            let mut other = V1Security::<V1>::new(&id("bob"), keys).unwrap();
            hints += u32::from(other.peek_id(&packet).is_some());
            assert_eq!(other.open(&id("alice"), &packet).err(), Some(OpenReject::NotOurs));
        }
        assert!(hints > 0, "the signature decides");
    }

    static VERIFIED: AtomicU32 = AtomicU32::new(0);
    static DECRYPTED: AtomicU32 = AtomicU32::new(0);

    /// The v1 suite, counting what it is asked to do.
    #[derive(Clone, Copy, Debug)]
    struct Counting;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct CountingKey(<V1 as Suite>::VerifyingKey);

    impl Suite for Counting {
        const NAME: &'static str = "counting";
        type SigningKey = Key;
        type VerifyingKey = CountingKey;

        fn hash(parts: &[&[u8]]) -> [u8; 32] {
            V1::hash(parts)
        }
    }

    impl StreamCipher for Counting {
        fn apply_keystream(key: &SecretBytes<32>, iv: &[u8; 12], data: &mut [u8]) {
            DECRYPTED.fetch_add(1, Relaxed);
            V1::apply_keystream(key, iv, data);
        }
    }

    impl VerifyingKey for CountingKey {
        fn import(key: &PublicKey) -> Result<Self, KeyError> {
            VerifyingKey::import(key).map(Self)
        }

        fn export(&self) -> PublicKey {
            self.0.export()
        }

        fn verify(&self, parts: &[&[u8]], signature: &Signature) -> Result<(), VerifyError> {
            VERIFIED.fetch_add(1, Relaxed);
            self.0.verify(parts, signature)
        }
    }

    //= docs/spec/protocol.md#MSG-005
    //= type=test
    #[test]
    fn nothing_is_done_after_a_step_that_failed() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let good = member("alice", 0).seal(&mut rng, &HEADER, &text()).unwrap().packet;
        let bytes = armor::decode(&good).unwrap();
        let keys = subsession("bob", 0, authors());
        let mut bob = V1Security::<Counting>::new(&id("bob"), keys).unwrap();
        let mut done = |packet: &[u8]| {
            VERIFIED.store(0, Relaxed);
            DECRYPTED.store(0, Relaxed);
            let result = bob.open(&id("alice"), packet).map(|_| ());
            (result, VERIFIED.load(Relaxed), DECRYPTED.load(Relaxed))
        };
        let changed = |at: usize| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            armor::encode(&bytes)
        };
        // The hint, after its header.
        assert_eq!(done(&changed(4)), (Err(OpenReject::NotOurs), 0, 0));
        // The signature, the initialisation vector, the last byte of the ciphertext: everybody's
        // key is tried, and nothing is decrypted.
        for at in [10, bytes.len() - 140, bytes.len() - 1] {
            assert_eq!(done(&changed(at)), (Err(OpenReject::NotOurs), 3, 0), "{at}");
        }
        // Signed by a member, but not what it should be: decrypted and no more.
        let mut ciphertext = alloc::vec![0; 128];
        V1::apply_keystream(&SecretBytes::new([7; 32]), &[0; 12], &mut ciphertext);
        let hash = V1::hash(&[&[0; 32], &[7; 32]]);
        let empty = DataFields { iv: [0; 12], ciphertext }.sign(&key("alice"), &hash).unwrap();
        let (result, verified, decrypted) = done(&empty.to_wire());
        assert!(
            matches!(result, Err(OpenReject::BadContent { author, .. }) if author == id("alice"))
        );
        assert_eq!((verified, decrypted), (1, 1));
        assert_eq!(done(&good), (Ok(()), 1, 1));
    }

    //= docs/spec/protocol.md#MSG-010
    //= type=test
    //= docs/spec/attacks.md#ATK-142
    //= type=test
    //= docs/spec/attacks.md#ATK-126
    //= type=test
    #[test]
    fn the_author_is_whoever_signed() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let packet = member("mallory", 0).seal(&mut rng, &HEADER, &text()).unwrap().packet;
        for sender in ["alice", "mallory", "stranger"] {
            let opened = member("bob", 0).open(&id(sender), &packet).unwrap();
            assert_eq!(opened.author, id("mallory"));
        }
    }

    //= docs/spec/attacks.md#ATK-035
    //= type=test
    #[test]
    fn no_initialisation_vector_comes_twice() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut alice = member("alice", 0);
        let mut seen = vec![];
        for _ in 0..64 {
            let packet = alice.seal(&mut rng, &HEADER, &text()).unwrap().packet;
            let Ok(Packet::Data(data)) = v1::decode(&packet) else { panic!("not a data packet") };
            let iv = *data.peek().iv();
            assert!(!seen.contains(&iv));
            seen.push(iv);
        }
    }
}
