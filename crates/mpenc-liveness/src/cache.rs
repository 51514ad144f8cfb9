use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use mpenc_types::{MessageId, guard};

/// The packets of a subsession that may have to be sent again (LIV-020, LIV-021), byte for byte.
///
/// Keeping them costs no secrecy: whoever listens to the channel has them. What others wrote goes
/// first when there are too many bytes, oldest first, since its authors and everybody else have
/// it too; then the owner's oldest.
#[derive(Clone, Debug, Default)]
pub struct PacketCache {
    packets: BTreeMap<MessageId, Cached>,
    /// Oldest first: those of others, and the owner's.
    order: [BTreeMap<u64, MessageId>; 2],
    bytes: usize,
    count: u64,
}

#[derive(Clone, Debug)]
struct Cached {
    place: u64,
    own: bool,
    packet: Vec<u8>,
}

/// Bytes of packets that a subsession keeps for resending: 8 MiB.
pub const MAX_CACHED_BYTES: usize = 8 << 20;

impl PacketCache {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the packet of an accepted message; of one that is kept already, the first.
    pub fn insert(&mut self, id: MessageId, own: bool, packet: Vec<u8>) {
        if self.packets.contains_key(&id) {
            return;
        }
        let place = self.count;
        self.count = place.saturating_add(1);
        self.bytes = self.bytes.saturating_add(packet.len());
        self.order_of(own).insert(place, id);
        self.packets.insert(id, Cached { place, own, packet });
        //= docs/spec/protocol.md#LIV-021
        while guard!("resend-cache-bound") && self.bytes > MAX_CACHED_BYTES {
            let [others, own] = &self.order;
            let Some(oldest) = others.values().chain(own.values()).next().copied() else { break };
            self.remove(&oldest);
        }
    }

    /// The packet of a message, if it is kept.
    #[must_use]
    pub fn get(&self, id: &MessageId) -> Option<&[u8]> {
        self.packets.get(id).map(|cached| cached.packet.as_slice())
    }

    /// Forgets the packet of a message.
    pub fn remove(&mut self, id: &MessageId) {
        let Some(cached) = self.packets.remove(id) else { return };
        self.order_of(cached.own).remove(&cached.place);
        self.bytes = self.bytes.saturating_sub(cached.packet.len());
    }

    /// Bytes of all packets.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of packets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    fn order_of(&mut self, own: bool) -> &mut BTreeMap<u64, MessageId> {
        let [others, owners] = &mut self.order;
        if own { owners } else { others }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn id(n: u8) -> MessageId {
        MessageId::new(&[n]).unwrap()
    }

    #[test]
    fn packets_come_back_byte_for_byte() {
        let mut cache = PacketCache::new();
        cache.insert(id(1), false, vec![1, 2, 3]);
        cache.insert(id(1), false, vec![4]);
        assert_eq!(cache.get(&id(1)), Some(&[1, 2, 3][..]));
        assert_eq!((cache.len(), cache.bytes()), (1, 3));
        cache.remove(&id(1));
        cache.remove(&id(1));
        assert!(cache.is_empty() && cache.bytes() == 0 && cache.get(&id(1)).is_none());
    }

    //= docs/spec/protocol.md#LIV-021
    //= type=test
    #[test]
    fn what_others_wrote_makes_room_first() {
        let mut cache = PacketCache::new();
        let quarter = || vec![0; MAX_CACHED_BYTES / 4];
        cache.insert(id(1), true, quarter());
        for n in 2..=4 {
            cache.insert(id(n), false, quarter());
        }
        assert_eq!(cache.len(), 4);
        for n in 5..=7 {
            cache.insert(id(n), true, quarter());
            assert!(cache.bytes() <= MAX_CACHED_BYTES);
            assert!(cache.get(&id(n - 3)).is_none(), "the oldest of others");
        }
        cache.insert(id(8), true, quarter());
        assert!(cache.get(&id(1)).is_none(), "only then the oldest of ours");
        assert!(cache.get(&id(8)).is_some());
    }
}
