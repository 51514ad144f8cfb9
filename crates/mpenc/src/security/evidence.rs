//! What a member can show to others when an author has contradicted itself (V2-025).

use alloc::vec::Vec;
use core::fmt;

use mpenc_crypto::{PublicKey, SignLabel, Signature, Suite, V2, VerifyError, VerifyingKey};
use mpenc_packet::v2::{Greeting, decode_greeting};
use mpenc_types::{MemberId, MessageId, SubsessionId};

use super::v2::binding::Whereabouts;
use super::v2::chain::Tag;

/// Proof that somebody signed two different messages for one place in its line, for people who
/// were not there. It reveals no content.
///
/// # Security
///
/// It proves that whoever had the signing key of the subsession signed both. A member that
/// restored an old state, or whose key was stolen, did so too. It proves nothing any more once
/// that key has been published (V2-029).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForkEvidence {
    /// The author.
    pub author: MemberId,
    /// The packet in which the author signed its key for the subsession with its identity key: an
    /// initial packet or a contribution.
    pub statement: Vec<u8>,
    /// The subsession.
    pub sid: SubsessionId,
    /// The number of both messages among those of the author there, from 0.
    pub position: u64,
    /// What it signed: the message that was accepted, and the other.
    pub signed: [SignedPosition; 2],
}

/// What an author signs of a message besides its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedPosition {
    /// The message.
    pub id: MessageId,
    /// The tag of its packet.
    pub tag: [u8; 16],
    /// The signature.
    pub signature: Signature,
}

/// Why evidence shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadEvidence {
    /// Both are the same message.
    SameMessage,
    /// The statement is no packet that this identity key has signed, or has no key in it.
    Statement,
    /// The key of the statement did not sign both.
    Signature,
}

impl ForkEvidence {
    /// Checks the evidence against the identity key that the accused is known by. Needs nothing
    /// else: no key of the session, and not to have been in it.
    ///
    /// # Errors
    ///
    /// [`BadEvidence`].
    //= docs/spec/v2.md#V2-025
    pub fn verify(&self, identity: &PublicKey) -> Result<(), BadEvidence> {
        let [first, second] = &self.signed;
        if first.id == second.id {
            return Err(BadEvidence::SameMessage);
        }
        let key = self.ephemeral(identity).ok_or(BadEvidence::Statement)?;
        let at = Whereabouts { sid: &self.sid, author: &self.author, position: self.position };
        let all: Result<(), VerifyError> = self.signed.iter().try_for_each(|one| {
            let signed = at.signed::<V2>(&one.id, &Tag(one.tag));
            key.verify(&[SignLabel::MESSAGE.as_bytes(), &signed], &one.signature)
        });
        all.map_err(|_| BadEvidence::Signature)
    }

    /// The author's key for the subsession, if this identity key has signed it.
    fn ephemeral(&self, identity: &PublicKey) -> Option<<V2 as Suite>::VerifyingKey> {
        let identity = <V2 as Suite>::VerifyingKey::import(identity).ok()?;
        let key = match decode_greeting(&self.statement).ok()? {
            Greeting::Initial(packet) => {
                let label = [SignLabel::INITIAL.as_bytes()];
                let fields = packet.verify::<V2>(&identity, &label).ok()?.fields();
                if fields.member_at(fields.place) != Some(&self.author) {
                    return None;
                }
                fields.contribution.as_ref()?.ephemeral
            }
            Greeting::Contribution(packet) => {
                let label = [SignLabel::CONTRIBUTION.as_bytes()];
                packet.verify::<V2>(&identity, &label).ok()?.fields().contribution.ephemeral
            }
            Greeting::Share(_) | Greeting::Confirmation(_) | Greeting::Abort(_) => return None,
        };
        <V2 as Suite>::VerifyingKey::import(&key).ok()
    }
}

impl fmt::Display for BadEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SameMessage => "both are the same message",
            Self::Statement => "the identity key did not sign a key for the subsession",
            Self::Signature => "the key of the subsession did not sign both messages",
        })
    }
}

impl core::error::Error for BadEvidence {}
