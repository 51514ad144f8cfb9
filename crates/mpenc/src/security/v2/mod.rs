//! Message security of the v2 profile: keys that are used once and run forwards, tags that say
//! which message a packet is, and the author's signature inside (wire-v2.md section 5).
//!
//! ```text
//!  packet ── tag: which author and position? ── decrypt ── nonce ── padding ── signature ── content
//!              │ none: NotOurs, or Spent           └────────┴──────────┴─ Forged ┘   └ BadContent
//!              └ one look-up                                  the window moves here ┘
//! ```

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::{fmt, iter};

use mpenc_crypto::{
    Aead, FramedHash, KeyDerivation, PublicKey, SecretBytes, Signature, SigningKey, VerifyingKey,
};
use mpenc_greeting::SubsessionKeys;
use mpenc_types::{MemberId, MessageId, SubsessionId, guard};
use rand_core::CryptoRng;

use self::chain::{Root, Tag};
use self::request::RequestKeys;
use self::window::{Fate, Window};
use super::{
    Body, ForkEvidence, MessageHeader, MessageSecurity, OpenReject, Opened, Request, SealError,
    Sealed, SignedPosition,
};

pub(super) mod binding;
mod body;
pub(super) mod chain;
mod open;
mod publish;
mod request;
mod seal;
#[cfg(test)]
mod tests;
mod window;

pub use window::{MAX_SKIP, TAG_WINDOW};

/// What message security needs of a suite; every [`BroadcastSuite`](mpenc_crypto::BroadcastSuite)
/// has it.
pub trait MessageSuite: FramedHash + KeyDerivation + Aead {}

impl<S: FramedHash + KeyDerivation + Aead> MessageSuite for S {}

/// Message security of one subsession of the second profile.
///
/// # Security
///
/// *Forward secrecy.* Chain keys are replaced by their successors as positions are used; the keys
/// of one message are kept until everybody is known to have it, and erased then. Who takes the
/// state reads what was not fully acked and what is still to come in this subsession.
///
/// *What others can make us do.* A packet without a tag of ours costs one look-up. With one (they
/// are visible once sent) it costs one decryption, and if a member made it one verification, but
/// changes nothing: only a valid signature by the author uses up a position.
///
/// *Memory*, for `n` authors: `n` chains and [`TAG_WINDOW`]` · n` tags, below 1 MiB for 128; for
/// each message not fully acked, or skipped (at most [`MAX_SKIP`] for each author), its keys; for
/// each fully acked message its tag, packet hash and identifier until it is
/// [forgotten](MessageSecurity::forget), and then eight bytes of its tag until this is dropped.
///
/// Decrypted text is not wiped.
pub struct V2Security<S: MessageSuite> {
    owner: MemberId,
    sid: SubsessionId,
    /// What only a subsession that has not ended has.
    live: Option<Live<S>>,
    /// Where the packet with this tag stands, if its keys are not erased yet.
    tags: BTreeMap<Tag, Place>,
    /// Where the messages stand that were opened or sealed and are not fully acked.
    places: BTreeMap<MessageId, Place>,
    /// Packets of messages whose keys are erased.
    spent: BTreeMap<(Tag, [u8; 32]), MessageId>,
    /// The tags of these messages, in the order in which everybody had them.
    acked: VecDeque<(MessageId, Tag)>,
    /// The first bytes of the tags of forgotten messages. Tags that are still of use come before
    /// them, so that nothing can be taken for one of these that is not.
    forgotten: BTreeSet<u64>,
    /// The keys of all authors in the order of their names, by which a published one is known also
    /// when the subsession has ended.
    public: Vec<(MemberId, PublicKey)>,
    /// Stays when the subsession ends: whoever has not ended it may ask for what it misses.
    requests: RequestKeys,
    moved: bool,
}

/// The secrets of a subsession that its end wipes.
struct Live<S: MessageSuite> {
    identifier_key: SecretBytes<32>,
    signer: Arc<dyn SigningKey>,
    /// In the order of their names.
    authors: Vec<Author<S>>,
    /// Which of them is the owner.
    own: u16,
}

struct Author<S: MessageSuite> {
    name: MemberId,
    key: S::VerifyingKey,
    /// The packet in which it signed its key with that of its identity.
    statement: Vec<u8>,
    window: Window,
}

/// A message's place: which author, and which of its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    author: u16,
    position: u64,
}

impl<S: MessageSuite> V2Security<S> {
    /// Message security for the subsession whose keys a greeting agreed on.
    ///
    /// `None` if the owner is no author or a key cannot be used, which no greeter hands out.
    #[must_use]
    pub fn new(owner: &MemberId, keys: SubsessionKeys) -> Option<Self> {
        let SubsessionKeys { sid, secret, signer, authors, statements, fingerprint: _ } = keys;
        let statements = statements.into_iter().chain(iter::repeat(Vec::new()));
        let mut names: Vec<_> = authors.into_iter().zip(statements).collect();
        let root = Root::new::<S>(&sid, &secret);
        names.sort_unstable();
        let mut tags = BTreeMap::new();
        let public = names.iter().map(|(author, _)| author.clone()).collect();
        let mut authors = Vec::with_capacity(names.len());
        let mut own = None;
        for (index, ((name, key), statement)) in (0_u16..).zip(names) {
            if name == *owner {
                own = Some(index);
            }
            let key = S::VerifyingKey::import(&key).ok()?;
            let chain = root.chain::<S>(&name);
            // Our own next message must not wait.
            let window = Window::new::<S>(chain, name == *owner, |tag, position| {
                tags.insert(tag, Place { author: index, position });
            });
            authors.push(Author { name, key, statement, window });
        }
        let identifier_key = root.identifier_key::<S>();
        let requests = root.requests::<S>();
        Some(Self {
            owner: owner.clone(),
            sid,
            live: Some(Live { identifier_key, signer, authors, own: own? }),
            tags,
            places: BTreeMap::new(),
            spent: BTreeMap::new(),
            acked: VecDeque::new(),
            forgotten: BTreeSet::new(),
            public,
            requests,
            moved: false,
        })
    }

    /// Moves the window of an author as far as it goes, and knows the new tags.
    fn settle(&mut self, author: u16) {
        let Self { live, tags, moved, .. } = self;
        let Some(live) = live.as_mut() else { return };
        // Only we move our own: what somebody else signed with our key does not decide where our
        // next message stands.
        if author == live.own {
            return;
        }
        let Some(entry) = live.author_mut(author) else { return };
        *moved |= entry.window.settle::<S>(|tag, position| {
            tags.insert(tag, Place { author, position });
        });
    }

    fn decide(&mut self, id: &MessageId, fate: Fate) {
        let Some(place) = self.places.get(id).copied() else { return };
        if let Some(author) = self.author_mut(place) {
            author.window.decide(place.position, id, fate);
        }
        self.settle(place.author);
    }

    fn author_mut(&mut self, place: Place) -> Option<&mut Author<S>> {
        self.live.as_mut()?.author_mut(place.author)
    }

    /// Notes a packet with a valid signature.
    fn note(&mut self, place: Place, packet: &[u8], id: MessageId, signature: Signature) {
        let Some(author) = self.author_mut(place) else { return };
        let noted = author.window.note(place.position, S::hash(&[packet]), id, signature);
        if noted.kept {
            self.places.insert(id, place);
        }
        if let Some(old) = noted.dropped {
            self.places.remove(&old);
        }
        self.settle(place.author);
    }

    fn is_spent(&self, tag: Tag) -> bool {
        self.spent.range((tag, [0; 32])..=(tag, [0xff; 32])).next().is_some()
            || self.forgotten.contains(&tag.start())
    }
}

impl<S: MessageSuite> Live<S> {
    fn author(&self, index: u16) -> Option<&Author<S>> {
        self.authors.get(usize::from(index))
    }

    fn author_mut(&mut self, index: u16) -> Option<&mut Author<S>> {
        self.authors.get_mut(usize::from(index))
    }
}

impl<S: MessageSuite> MessageSecurity for V2Security<S> {
    fn seal(
        &mut self,
        _: &mut dyn CryptoRng,
        header: &MessageHeader<'_>,
        body: &Body,
    ) -> Result<Sealed, SealError> {
        self.seal_next(header, body)
    }

    fn seal_request(&self, request: &Request) -> Option<Vec<u8>> {
        self.sealed_request(request)
    }

    fn open_request(&self, packet: &[u8]) -> Option<Request> {
        self.opened_request(packet)
    }

    fn peek_id(&self, packet: &[u8]) -> Option<MessageId> {
        self.recognise(packet)
    }

    /// A look-up of the tag.
    fn recognises(&self, packet: &[u8]) -> bool {
        self.is_known(packet)
    }

    /// The channel's sender does not matter: the tag says whose place it is.
    fn open(&mut self, _: &MemberId, packet: &[u8]) -> Result<Opened, OpenReject> {
        self.open_packet(packet)
    }

    //= docs/spec/v2.md#V2-024
    fn erase(&mut self) {
        let Some(live) = self.live.take() else { return };
        for (tag, place) in &self.tags {
            let author = live.author(place.author);
            for by in author.map_or(&[][..], |author| author.window.used_by(place.position)) {
                self.spent.insert((*tag, by.packet), by.id);
            }
        }
        self.places.clear();
    }

    fn commit(&mut self, id: &MessageId) {
        self.decide(id, Fate::Accepted);
    }

    /// The keys stay: what counts at this position may still come, or a proof that its author has
    /// forked (V2-025).
    fn destroy(&mut self, id: &MessageId) {
        self.decide(id, Fate::Rejected);
    }

    fn release(&mut self, id: &MessageId) {
        let Some(place) = self.places.remove(id) else { return };
        if let Some(author) = self.author_mut(place) {
            author.window.forget(place.position, id);
        }
    }

    //= docs/spec/v2.md#V2-024
    //= docs/spec/v2.md#V2-020
    fn fully_acked(&mut self, id: &MessageId) {
        if !guard!("sender-ratchet") {
            return;
        }
        let Some(place) = self.places.get(id).copied() else { return };
        let Some(author) = self.author_mut(place) else { return };
        let Some((tag, used_by)) = author.window.erase(place.position) else { return };
        self.tags.remove(&tag);
        self.acked.push_back((*id, tag));
        for by in used_by {
            self.places.remove(&by.id);
            self.spent.insert((tag, by.packet), by.id);
        }
    }

    /// Messages are forgotten in the order in which everybody had them, so this one is in front.
    fn forget(&mut self, id: &MessageId) {
        let Some(at) = self.acked.iter().position(|(acked, _)| acked == id) else { return };
        for (_, tag) in self.acked.drain(..=at) {
            let copies = (tag, [0; 32])..=(tag, [0xff; 32]);
            while let Some((copy, _)) = self.spent.range(copies.clone()).next() {
                let copy = *copy;
                self.spent.remove(&copy);
            }
            self.forgotten.insert(tag.start());
        }
    }

    fn moved(&mut self) -> bool {
        core::mem::take(&mut self.moved)
    }

    //= docs/spec/v2.md#V2-025
    fn evidence(&self, first: &MessageId, second: &MessageId) -> Option<ForkEvidence> {
        let place =
            self.places.get(first).filter(|place| self.places.get(second) == Some(place))?;
        let author = self.live.as_ref()?.author(place.author)?;
        let tag = author.window.with_keys::<S, _>(place.position, |keys| keys.tag.0)?;
        let signed = |id: &MessageId| {
            let by = author.window.used_by(place.position).iter().find(|by| by.id == *id)?;
            Some(SignedPosition { id: *id, tag, signature: by.signature })
        };
        Some(ForkEvidence {
            author: author.name.clone(),
            statement: author.statement.clone(),
            sid: self.sid,
            position: place.position,
            signed: [signed(first)?, signed(second)?],
        })
    }

    fn publication(&self) -> Option<Vec<u8>> {
        self.own_publication()
    }

    fn published_by(&self, packet: &[u8]) -> Option<MemberId> {
        self.whose_publication(packet)
    }

    #[cfg(feature = "inspect")]
    fn key_check(&self) -> Option<[u8; 32]> {
        let live = self.live.as_ref()?;
        Some(S::hash(&[b"mpENC-2 inspection", self.sid.as_bytes(), live.identifier_key.expose()]))
    }

    #[cfg(feature = "testing")]
    fn rewrite(
        &self,
        packet: &[u8],
        change: &mut dyn FnMut(&mut super::Draft),
    ) -> Option<(MessageId, Vec<u8>)> {
        self.rewritten(packet, change)
    }

    /// Each type is taken apart in full, so that whoever adds a field has to say whether it is
    /// secret.
    #[cfg(feature = "inspect")]
    fn reveal(&self, found: &mut dyn FnMut(&'static str, &[u8])) {
        let Self {
            owner: _,
            sid: _,
            live,
            tags: _,
            places: _,
            spent: _,
            acked: _,
            forgotten: _,
            public: _,
            requests,
            moved: _,
        } = self;
        found("request key", requests.key.expose());
        found("request nonce key", requests.nonce_key.expose());
        let Some(Live { identifier_key, signer, authors, own: _ }) = live else { return };
        found("identifier key", identifier_key.expose());
        if let Some(seed) = signer.seed() {
            found("ephemeral", seed.expose());
        }
        for Author { name: _, key: _, statement: _, window } in authors {
            window.reveal(found);
        }
    }
}

impl<S: MessageSuite> fmt::Debug for V2Security<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authors = self.live.iter().flat_map(|live| &live.authors);
        let authors: Vec<_> = authors.map(|author| (&author.name, author.window.next())).collect();
        f.debug_struct("V2Security")
            .field("owner", &self.owner)
            .field("sid", &self.sid)
            .field("authors", &authors)
            .finish_non_exhaustive()
    }
}
