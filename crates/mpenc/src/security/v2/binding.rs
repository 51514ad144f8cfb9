//! What ties a message to its subsession, author, position and packet (wire-v2.md sections 5.2,
//! 5.3).

use alloc::vec::Vec;

use mpenc_crypto::{Label, SecretBytes, Signature};
use mpenc_packet::v2::DataPacket;
use mpenc_types::{MemberId, MessageId, SubsessionId, guard};

use super::MessageSuite;
use super::chain::{PacketKeys, Tag};

/// Where a message stands: the author's message number `position` in a subsession.
#[derive(Clone, Copy, Debug)]
pub(in crate::security) struct Whereabouts<'a> {
    pub(in crate::security) sid: &'a SubsessionId,
    pub(in crate::security) author: &'a MemberId,
    pub(in crate::security) position: u64,
}

impl Whereabouts<'_> {
    /// `mId`: depends on what the message says, not on the bytes of signature and ciphertext.
    //= docs/spec/v2.md#V2-023
    pub(super) fn identifier<S: MessageSuite>(
        &self,
        key: &SecretBytes<32>,
        content: &[u8],
    ) -> MessageId {
        let Self { sid, author, position } = self;
        let position = position.to_be_bytes();
        if guard!("key-commit") {
            let parts: [&[u8]; 5] =
                [key.expose(), sid.as_bytes(), author.as_bytes(), &position, content];
            S::framed(Label::MESSAGE_ID, &parts).into()
        } else {
            S::framed(Label::MESSAGE_ID, &[content]).into()
        }
    }

    /// What the author signs. With the author's key it fixes the keys under which the packet
    /// opens, so that it means nothing under others (ATK-033).
    //= docs/spec/v2.md#V2-022
    pub(in crate::security) fn signed<S: MessageSuite>(
        &self,
        id: &MessageId,
        tag: &Tag,
    ) -> [u8; 32] {
        let Self { sid, author, position } = self;
        let position = position.to_be_bytes();
        if guard!("key-commit") {
            let parts: [&[u8]; 5] =
                [sid.as_bytes(), author.as_bytes(), &position, id.as_bytes(), &tag.0];
            S::framed(Label::MESSAGE, &parts)
        } else {
            S::framed(Label::MESSAGE, &[id.as_bytes()])
        }
    }
}

/// The identifier under which a message is known: the one that was signed. Two signatures by its
/// author do not make two messages of it.
pub(super) fn known_as<S: MessageSuite>(id: MessageId, signature: &Signature) -> MessageId {
    if guard!("mid-no-sig") {
        id
    } else {
        S::framed(Label::MESSAGE_ID, &[id.as_bytes(), signature.as_bytes()]).into()
    }
}

/// The nonce that belongs to a plaintext. It differs for another plaintext under the same keys, so
/// that not even a copy of ourselves uses one twice.
//= docs/spec/v2.md#V2-021
pub(super) fn nonce<S: MessageSuite>(keys: &PacketKeys, plaintext: &[u8]) -> [u8; 12] {
    if !guard!("nonce-unique") {
        return [0; 12];
    }
    let [nonce @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        S::framed(Label::NONCE, &[keys.nonce_key.expose(), plaintext]);
    nonce
}

/// What the encryption authenticates besides the plaintext.
//= docs/spec/v2.md#V2-021
pub(super) fn associated(data: &DataPacket) -> Vec<u8> {
    if guard!("header-aad") { data.aad().to_vec() } else { Vec::new() }
}
