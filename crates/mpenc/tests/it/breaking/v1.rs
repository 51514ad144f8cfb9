//! v1: every list of intermediate keys, under every product of shares (wire-v1.md sections 6, 7).

use std::collections::BTreeSet;

use mpenc::{Revealed, SecretBytes};
use mpenc_crypto::{GroupDiffieHellman, StreamCipher, V1};
use mpenc_packet::padding::unpad;
use mpenc_packet::v1::{Body, Content, Packet, decode};

/// Texts that this log gives up to who has these secrets.
pub(crate) fn read(log: &[Vec<u8>], state: &[Revealed]) -> BTreeSet<String> {
    let bytes = |secret: &Revealed| -> Option<[u8; 32]> { secret.bytes.as_slice().try_into().ok() };
    let state: Vec<[u8; 32]> = state.iter().filter_map(bytes).collect();
    let mut keys: BTreeSet<[u8; 32]> = state.iter().copied().collect();
    let shares: Vec<_> =
        state.iter().filter_map(|bytes| V1::revealed(&SecretBytes::new(*bytes))).collect();
    for element in log.iter().flat_map(|packet| elements(packet)) {
        let direct = V1::group_key(element.clone());
        keys.insert(*direct.expose());
        for all in &shares {
            if let Ok(secret) = V1::apply_all(all, &element) {
                keys.insert(*V1::group_key(secret).expose());
            }
        }
    }
    let keys: Vec<_> = keys.into_iter().map(SecretBytes::new).collect();
    log.iter().flat_map(|packet| keys.iter().filter_map(|key| text(packet, key))).collect()
}

/// Intermediate keys in a packet of an operation.
fn elements(packet: &[u8]) -> Vec<<V1 as GroupDiffieHellman>::Element> {
    let Ok(Packet::Greeting(greeting)) = decode(packet) else { return Vec::new() };
    let keys = greeting.peek().fields().int_keys.iter().flatten();
    keys.filter_map(|bytes| V1::import(bytes).ok()).collect()
}

/// What the packet says under this group key.
fn text(packet: &[u8], key: &SecretBytes<32>) -> Option<String> {
    let Ok(Packet::Data(data)) = decode(packet) else { return None };
    let data = data.peek();
    let mut plaintext = data.ciphertext().to_vec();
    V1::apply_keystream(key, data.iv(), &mut plaintext);
    match Content::decode(unpad(&plaintext).ok()?).ok()?.body {
        Body::Payload(text) => Some(text),
        _ => None,
    }
}
