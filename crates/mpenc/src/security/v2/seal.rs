use alloc::vec::Vec;

use mpenc_crypto::SignLabel;
use mpenc_packet::v2::{Content, DataPacket, EncodeError, MAX_TEXT, Plaintext};

use super::binding::{Whereabouts, associated, known_as, nonce};
use super::body::encodable;
use super::chain::PacketKeys;
use super::{Body, MessageHeader, MessageSuite, Place, SealError, Sealed, V2Security};

impl<S: MessageSuite> V2Security<S> {
    /// Seals with the keys at the owner's next position, which are used up then.
    pub(super) fn seal_next(
        &mut self,
        header: &MessageHeader<'_>,
        body: &Body,
    ) -> Result<Sealed, SealError> {
        //= docs/spec/v2.md#V2-026
        let content = Content {
            parents: header.parents.to_vec(),
            number: header.order.number,
            chain: header.order.chain,
            body: encodable(body),
        };
        let content = content.encode().map_err(|error| {
            if let EncodeError::Text { found } = error {
                SealError::TooLarge { found, limit: MAX_TEXT }
            } else {
                SealError::Internal
            }
        })?;
        let live = self.live.as_ref().ok_or(SealError::Internal)?;
        let own = live.author(live.own).ok_or(SealError::Internal)?;
        let place = Place { author: live.own, position: own.window.next() };
        //= docs/spec/v2.md#V2-025
        let at = Whereabouts { sid: &self.sid, author: &own.name, position: place.position };
        let id = at.identifier::<S>(&live.identifier_key, &content);
        let sealed = own.window.with_keys::<S, _>(place.position, |keys| {
            //= docs/spec/v2.md#V2-009
            //= docs/spec/v2.md#V2-022
            let signed = at.signed::<S>(&id, &keys.tag);
            let signature = live.signer.sign(&[SignLabel::MESSAGE.as_bytes(), &signed]);
            let id = known_as::<S>(id, &signature);
            (id, signature, encrypted::<S>(Plaintext { signature, content }, keys))
        });
        let (id, signature, packet) = sealed.ok_or(SealError::Internal)?;
        self.note(place, &packet, id, signature);
        self.advance_own();
        Ok(Sealed { id, packet })
    }

    /// A message with something changed, at the same position, signed with our key.
    #[cfg(feature = "testing")]
    pub(super) fn rewritten(
        &self,
        packet: &[u8],
        change: &mut dyn FnMut(&mut crate::security::Draft),
    ) -> Option<(mpenc_types::MessageId, Vec<u8>)> {
        let data = DataPacket::decode(packet).ok()?;
        let place = self.tags.get(&super::Tag(data.tag)).copied()?;
        let live = self.live.as_ref()?;
        let author = live.author(place.author)?;
        let at = Whereabouts { sid: &self.sid, author: &author.name, position: place.position };
        author.window.with_keys::<S, _>(place.position, |keys| {
            let plain = super::open::decrypted::<S>(data, keys).ok()?;
            let mut content = Content::decode(&plain.content).ok()?;
            let mut draft = crate::security::Draft { parents: content.parents.clone(), text: None };
            change(&mut draft);
            content.parents = draft.parents;
            if let (mpenc_packet::v2::Body::Payload(text), Some(other)) =
                (&mut content.body, draft.text)
            {
                *text = other;
            }
            let content = content.encode().ok()?;
            let id = at.identifier::<S>(&live.identifier_key, &content);
            let signed = at.signed::<S>(&id, &keys.tag);
            let signature = live.signer.sign(&[SignLabel::MESSAGE.as_bytes(), &signed]);
            let id = known_as::<S>(id, &signature);
            Some((id, encrypted::<S>(Plaintext { signature, content }, keys)))
        })?
    }

    fn advance_own(&mut self) {
        let Self { live, tags, .. } = self;
        let Some(live) = live.as_mut() else { return };
        let author = live.own;
        if let Some(own) = live.author_mut(author) {
            own.window.advance::<S>(&mut |tag, position| {
                tags.insert(tag, Place { author, position });
            });
        }
    }
}

//= docs/spec/v2.md#V2-021
fn encrypted<S: MessageSuite>(text: Plaintext, keys: &PacketKeys) -> Vec<u8> {
    let mut text = text.encode();
    let nonce = nonce::<S>(keys, &text);
    let mut data = DataPacket { tag: keys.tag.0, nonce, ciphertext: Vec::new() };
    S::seal_in_place(&keys.key, &nonce, &associated(&data), &mut text);
    data.ciphertext = text;
    data.to_wire()
}
