//! What a session knows and otherwise keeps to itself, for comparing implementations with each
//! other (feature `inspect`).

use alloc::vec::Vec;
use core::fmt;

use mpenc_crypto::{PublicKey, SecretBytes};
use mpenc_types::{MemberId, MessageId, Timestamp};
use zeroize::Zeroizing;

use super::Session;

/// Keys of the current subsession of a v1 session, with lists in the order of the greeting.
///
/// # Security
///
/// Whoever has these can read the subsession and write in the owner's name. They are wiped on
/// drop and printed only by whoever asks for each.
#[non_exhaustive]
pub struct Secrets {
    /// The group key.
    pub group_key: SecretBytes<32>,
    /// Seed of the owner's ephemeral signature key.
    pub ephemeral_seed: SecretBytes<32>,
    /// The owner's nonce.
    pub nonce: [u8; 32],
    /// The members.
    pub members: Vec<MemberId>,
    /// Their nonces.
    pub nonces: Vec<[u8; 32]>,
    /// Their ephemeral public keys.
    pub ephemeral_keys: Vec<PublicKey>,
    /// Their intermediate keys.
    pub int_keys: Vec<[u8; 32]>,
}

/// A secret that a session has in memory, wiped on drop.
#[derive(Clone)]
#[non_exhaustive]
pub struct Revealed {
    /// What it is.
    pub what: &'static str,
    /// Itself.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Revealed({}, {} bytes)", self.what, self.bytes.len())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("members", &self.members).finish_non_exhaustive()
    }
}

/// For comparing implementations.
impl Session {
    /// A value that two members have in common exactly if they are in the same subsession with the
    /// same keys: in v1 `H(sid ‖ group key)`, in v2 a hash of `sid` and the key of message
    /// identifiers. None without a subsession.
    #[must_use]
    pub fn key_check(&self) -> Option<[u8; 32]> {
        self.current.as_ref()?.security.key_check()
    }

    /// What a message of the current or a closing subsession answers, also if it is not shown.
    #[must_use]
    pub fn parents(&self, id: &MessageId) -> Option<Vec<MessageId>> {
        let mut subsessions = self.current.iter().chain(&self.previous);
        let holder = subsessions.find(|sub| sub.transcript.contains(id))?;
        holder.transcript.parents(id).ok()
    }

    /// When the owner accepted a message of any kind; `None` once nothing is remembered of it.
    #[must_use]
    pub fn accepted_at(&self, id: &MessageId) -> Option<Timestamp> {
        let mut subsessions = self.current.iter().chain(&self.previous);
        Some(subsessions.find_map(|sub| sub.acks.times(id))?.accepted_at)
    }

    /// The first message of a member that acknowledges another, as far as the owner knows.
    #[must_use]
    pub fn first_ack(&self, by: &MemberId, id: &MessageId) -> Option<MessageId> {
        let mut subsessions = self.current.iter().chain(&self.previous);
        subsessions.find_map(|sub| sub.transcript.first_after(by, id).ok()?)
    }

    /// Whether an own proposal is on its way and not echoed yet.
    #[must_use]
    pub fn has_proposal(&self) -> bool {
        self.proposal.is_some()
    }

    /// Every key that is in memory now, also of a running operation and of former subsessions: what
    /// somebody gets who steals the state, besides the texts that were shown.
    ///
    /// # Security
    ///
    /// For attacks on sessions of one's own, in tests.
    #[must_use]
    pub fn reveal(&self) -> Vec<Revealed> {
        let mut all = Vec::new();
        let mut found = |what, bytes: &[u8]| {
            all.push(Revealed { what, bytes: Zeroizing::new(bytes.to_vec()) });
        };
        self.greeter.reveal(&mut found);
        for subsession in self.current.iter().chain(&self.previous) {
            subsession.security.reveal(&mut found);
        }
        for ended in &self.ended {
            ended.security.reveal(&mut found);
        }
        all
    }

    /// Keys of the current subsession; `None` without one, and always in a v2 session.
    ///
    /// # Security
    ///
    /// Never show or store these outside of tests.
    #[must_use]
    pub fn secrets(&self) -> Option<Secrets> {
        let secret = self.current.as_ref()?.security.secret()?;
        let open = self.greeter.lay_open()?;
        Some(Secrets {
            group_key: SecretBytes::fill(|bytes| *bytes = *secret),
            ephemeral_seed: open.seed?,
            nonce: open.nonce,
            members: open.members,
            nonces: open.nonces,
            ephemeral_keys: open.keys,
            int_keys: open.int_keys,
        })
    }
}
