use mpenc_crypto::{SignLabel, VerifyingKey};
use mpenc_packet::v2::{self, Content, DataPacket, HEADER_LEN, PacketKind, Plaintext};
use mpenc_types::{MessageId, guard};

use super::binding::{Whereabouts, associated, known_as, nonce};
use super::body::decoded;
use super::chain::{PacketKeys, Tag};
use super::{MessageSuite, OpenReject, Opened, V2Security};
use crate::security::OrderPoint;

impl<S: MessageSuite> V2Security<S> {
    /// The message of a packet that was verified or made here before.
    //= docs/spec/v2.md#V2-024
    pub(super) fn recognise(&self, packet: &[u8]) -> Option<MessageId> {
        let tag = tag_of(packet)?;
        let used_by = self.tags.get(&tag).and_then(|place| {
            let author = self.live.as_ref()?.author(place.author)?;
            Some(author.window.used_by(place.position))
        });
        let used_by = used_by.unwrap_or_default();
        if used_by.is_empty() && !self.is_spent(tag) {
            return None;
        }
        let hash = S::hash(&[packet]);
        let here = used_by.iter().find(|by| by.packet == hash).map(|by| by.id);
        here.or_else(|| self.spent.get(&(tag, hash)).copied())
    }

    /// Whether the packet has a tag of this subsession.
    pub(super) fn is_known(&self, packet: &[u8]) -> bool {
        tag_of(packet).is_some_and(|tag| self.tags.contains_key(&tag) || self.is_spent(tag))
    }

    /// Every step is reached only if those before it succeeded, the cheap ones first (MSG-005).
    pub(super) fn open_packet(&mut self, packet: &[u8]) -> Result<Opened, OpenReject> {
        let data = DataPacket::decode(packet).map_err(|_| OpenReject::Malformed)?;
        let tag = Tag(data.tag);
        let place = self.tags.get(&tag).copied();
        let Some(live) = &self.live else {
            let known = place.is_some() || self.is_spent(tag);
            return Err(if known { OpenReject::Over } else { OpenReject::NotOurs });
        };
        //= docs/spec/v2.md#V2-024
        let Some(place) = place else {
            return Err(if self.is_spent(tag) { OpenReject::Spent } else { OpenReject::NotOurs });
        };
        let author = live.author(place.author).ok_or(OpenReject::NotOurs)?;
        let plain =
            author.window.with_keys::<S, _>(place.position, |keys| decrypted::<S>(data, keys));
        let Plaintext { signature, content } = plain.ok_or(OpenReject::Spent)??;
        let at = Whereabouts { sid: &self.sid, author: &author.name, position: place.position };
        let id = at.identifier::<S>(&live.identifier_key, &content);
        let signed = at.signed::<S>(&id, &tag);
        let parts: [&[u8]; 2] = [SignLabel::MESSAGE.as_bytes(), &signed];
        //= docs/spec/v2.md#V2-022
        if guard!("sig-inner") && author.key.verify(&parts, &signature).is_err() {
            return Err(OpenReject::Forged);
        }
        let id = known_as::<S>(id, &signature);
        let author = author.name.clone();
        self.note(place, packet, id, signature);
        match Content::decode(&content) {
            Ok(Content { parents, number, chain, body }) => Ok(Opened {
                id,
                author,
                parents,
                order: Some(OrderPoint { number, chain }),
                position: Some(place.position),
                body: decoded(body),
            }),
            Err(_) => Err(OpenReject::BadContent { author, id }),
        }
    }
}

/// What any member may have encrypted: nothing in it is the author's until the signature is
/// verified.
pub(super) fn decrypted<S: MessageSuite>(
    data: DataPacket,
    keys: &PacketKeys,
) -> Result<Plaintext, OpenReject> {
    let aad = associated(&data);
    let mut text = data.ciphertext;
    //= docs/spec/v2.md#V2-021
    if S::open_in_place(&keys.key, &data.nonce, &aad, &mut text).is_err() {
        if guard!("aead") {
            return Err(OpenReject::Forged);
        }
        text.truncate(text.len().saturating_sub(S::TAG_LEN));
    }
    if guard!("nonce-checked") && nonce::<S>(keys, &text) != data.nonce {
        return Err(OpenReject::Forged);
    }
    //= docs/spec/v2.md#V2-027
    Plaintext::decode(&text).map_err(|_| OpenReject::Forged)
}

/// Where the tag of a message stands, without looking at the rest.
fn tag_of(packet: &[u8]) -> Option<Tag> {
    let kind = v2::kind(packet).ok()?;
    let tag = packet.get(HEADER_LEN..)?.first_chunk()?;
    (kind == PacketKind::Message).then_some(Tag(*tag))
}
