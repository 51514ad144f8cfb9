//! Keys of one author's messages: a chain that runs forwards only (wire-v2.md section 5.1).

use mpenc_crypto::{Label, SecretBytes};
use mpenc_types::{MemberId, SubsessionId};

use super::MessageSuite;
use super::request::RequestKeys;

/// What all keys of the messages of a subsession come from.
#[derive(Debug)]
pub(super) struct Root(SecretBytes<64>);

/// `c_{u,seq}`: gives the keys of the author's message at `seq` and all later ones, none before.
#[derive(Debug)]
pub(super) struct ChainKey(SecretBytes<64>);

/// `mk`: gives the keys of one message.
#[derive(Debug)]
pub(super) struct MessageKey(SecretBytes<64>);

/// Tells members which message a packet is, and nobody else anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::security) struct Tag(pub(in crate::security) [u8; 16]);

/// What seals and opens one message.
#[derive(Debug)]
pub(super) struct PacketKeys {
    pub(super) tag: Tag,
    /// Of the encryption.
    pub(super) key: SecretBytes<32>,
    /// Of the nonce.
    pub(super) nonce_key: SecretBytes<32>,
}

impl Tag {
    /// Its first bytes as a number.
    pub(super) fn start(self) -> u64 {
        self.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

impl Root {
    pub(super) fn new<S: MessageSuite>(sid: &SubsessionId, secret: &SecretBytes<32>) -> Self {
        Self(S::extract(sid.as_bytes(), &[secret.expose()]))
    }

    //= docs/spec/v2.md#V2-020
    pub(super) fn chain<S: MessageSuite>(&self, author: &MemberId) -> ChainKey {
        ChainKey(SecretBytes::fill(|first| {
            S::expand(&self.0, Label::AUTHOR_CHAIN, &[author.as_bytes()], first);
        }))
    }

    /// What seals and opens requests for copies.
    pub(super) fn requests<S: MessageSuite>(&self) -> RequestKeys {
        let both = SecretBytes::<64>::fill(|both| {
            S::expand(&self.0, Label::REQUEST_KEYS, &[], both);
        });
        let (key, nonce_key) = both.expose().split_at(32);
        RequestKeys { key: copied(key), nonce_key: copied(nonce_key) }
    }

    /// `midkey`: what makes identifiers of messages mean nothing to outsiders.
    pub(super) fn identifier_key<S: MessageSuite>(&self) -> SecretBytes<32> {
        SecretBytes::fill(|key| S::expand(&self.0, Label::MESSAGE_ID_KEY, &[], key))
    }
}

impl ChainKey {
    #[cfg(feature = "inspect")]
    pub(super) const fn expose(&self) -> &[u8; 64] {
        self.0.expose()
    }

    /// The next chain key, and the key of the message before it.
    //= docs/spec/v2.md#V2-020
    pub(super) fn step<S: MessageSuite>(&self) -> (Self, MessageKey) {
        let both =
            SecretBytes::<128>::fill(|both| S::expand(&self.0, Label::CHAIN_STEP, &[], both));
        let (next, message) = both.expose().split_at(64);
        (Self(copied(next)), MessageKey(copied(message)))
    }
}

impl MessageKey {
    /// The first 16 bytes of what [`keys`](Self::keys) derives, without the rest.
    pub(super) fn tag<S: MessageSuite>(&self) -> Tag {
        let mut tag = [0; 16];
        S::expand(&self.0, Label::MESSAGE_KEYS, &[], &mut tag);
        Tag(tag)
    }

    //= docs/spec/v2.md#V2-021
    pub(super) fn keys<S: MessageSuite>(&self) -> PacketKeys {
        let all = SecretBytes::<80>::fill(|all| S::expand(&self.0, Label::MESSAGE_KEYS, &[], all));
        let (tag, keys) = all.expose().split_at(16);
        let (key, nonce_key) = keys.split_at(32);
        let mut to = [0; 16];
        to.copy_from_slice(tag);
        PacketKeys { tag: Tag(to), key: copied(key), nonce_key: copied(nonce_key) }
    }
}

/// A part of something longer, which has exactly `N` bytes.
fn copied<const N: usize>(bytes: &[u8]) -> SecretBytes<N> {
    SecretBytes::fill(|to| to.copy_from_slice(bytes))
}
