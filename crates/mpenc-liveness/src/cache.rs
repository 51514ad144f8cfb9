use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use mpenc_types::{MemberId, MessageId, guard};

/// The packets of a subsession that may have to be sent again (LIV-020, LIV-021), byte for byte.
///
/// Keeping them costs no secrecy: whoever listens to the channel has them. Others' packets and the
/// owner's have limits of their own, so that neither makes room for the other. If there are too
/// many bytes of others, the oldest goes of whoever has most: its author keeps it too, and nobody
/// can crowd out what a third member wrote. Of the owner's the oldest goes.
#[derive(Clone, Debug, Default)]
pub struct PacketCache {
    packets: BTreeMap<MessageId, Cached>,
    own: Share,
    others: BTreeMap<MemberId, Share>,
    others_bytes: usize,
    count: u64,
}

#[derive(Clone, Debug)]
struct Cached {
    place: u64,
    /// `None` for the owner.
    author: Option<MemberId>,
    packet: Vec<u8>,
}

/// What one author has of it.
#[derive(Clone, Debug, Default)]
struct Share {
    /// Oldest first; those that are not kept any more are left in it for a while.
    order: VecDeque<(u64, MessageId)>,
    kept: usize,
    bytes: usize,
}

/// Packets that an author has in the order though they are not kept, besides as many as are.
const MAX_STALE: usize = 16;

impl Share {
    fn oldest(&self) -> Option<MessageId> {
        self.order.front().map(|(_, id)| *id)
    }
}

/// Bytes of packets of others that a subsession keeps for resending: 8 MiB.
pub const MAX_CACHED_BYTES: usize = 8 << 20;

/// Bytes of the owner's packets that it keeps: 24 MiB. The longest text has 16 MiB and goes out in
/// one piece, before anybody can have acknowledged any of it, and at first nobody else has it; half
/// as much again is for padding and what else is in the packets.
pub const MAX_OWN_CACHED_BYTES: usize = 24 << 20;

impl PacketCache {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the packet of an accepted message by this author; of one that is kept already, the
    /// first. `own` if the author is the owner.
    pub fn insert(&mut self, id: MessageId, author: &MemberId, own: bool, packet: Vec<u8>) {
        if self.packets.contains_key(&id) {
            return;
        }
        let place = self.count;
        self.count = place.saturating_add(1);
        let bytes = packet.len();
        let author = (!own).then(|| author.clone());
        let share = match &author {
            None => &mut self.own,
            Some(author) => {
                self.others_bytes = self.others_bytes.saturating_add(bytes);
                self.others.entry(author.clone()).or_default()
            }
        };
        // Most authors have few.
        share.order.reserve_exact(usize::from(share.order.is_empty()));
        share.order.push_back((place, id));
        share.kept = share.kept.saturating_add(1);
        share.bytes = share.bytes.saturating_add(bytes);
        self.packets.insert(id, Cached { place, author, packet });
        while let Some(surplus) = self.surplus()
            && guard!("resend-cache-bound")
        {
            self.remove(&surplus);
        }
    }

    /// What has to go, if there is too much.
    //= docs/spec/protocol.md#LIV-021
    fn surplus(&self) -> Option<MessageId> {
        if self.own.bytes > MAX_OWN_CACHED_BYTES {
            return self.own.oldest();
        }
        if self.others_bytes <= MAX_CACHED_BYTES {
            return None;
        }
        let mut others = self.others.values().filter(|share| share.kept > 0);
        if guard!("resend-cache-fair") {
            others.max_by_key(|share| share.bytes)?.oldest()
        } else {
            others.next()?.oldest()
        }
    }

    /// The packet of a message, if it is kept.
    #[must_use]
    pub fn get(&self, id: &MessageId) -> Option<&[u8]> {
        self.packets.get(id).map(|cached| cached.packet.as_slice())
    }

    /// Forgets the packet of a message.
    pub fn remove(&mut self, id: &MessageId) {
        let Some(Cached { author, packet, .. }) = self.packets.remove(id) else { return };
        let share = match &author {
            None => Some(&mut self.own),
            Some(author) => {
                self.others_bytes = self.others_bytes.saturating_sub(packet.len());
                self.others.get_mut(author)
            }
        };
        let Some(share) = share else { return };
        share.bytes = share.bytes.saturating_sub(packet.len());
        share.kept = share.kept.saturating_sub(1);
        let packets = &self.packets;
        let is_kept = |(place, id): &(u64, MessageId)| {
            packets.get(id).is_some_and(|cached| cached.place == *place)
        };
        // The oldest is one that is kept, and few others are not.
        while share.order.front().is_some_and(|oldest| !is_kept(oldest)) {
            share.order.pop_front();
        }
        if share.order.len() > share.kept.saturating_mul(2).saturating_add(MAX_STALE) {
            share.order.retain(is_kept);
        }
        if let Some(author) = author.filter(|_| share.kept == 0) {
            self.others.remove(&author);
        }
    }

    /// Bytes of all packets.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.own.bytes.saturating_add(self.others_bytes)
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
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn id(n: u8) -> MessageId {
        MessageId::new(&[n]).unwrap()
    }

    fn insert(cache: &mut PacketCache, n: u8, author: &str, bytes: usize) {
        let own = author == "me";
        cache.insert(id(n), &MemberId::new(author).unwrap(), own, vec![n; bytes]);
    }

    fn kept(cache: &PacketCache) -> Vec<u8> {
        (0..=255).filter(|n| cache.get(&id(*n)).is_some()).collect()
    }

    #[test]
    fn packets_come_back_byte_for_byte() {
        for author in ["me", "alice"] {
            let mut cache = PacketCache::new();
            insert(&mut cache, 1, author, 3);
            insert(&mut cache, 1, author, 4);
            assert_eq!(cache.get(&id(1)), Some(&[1, 1, 1][..]));
            assert_eq!((cache.len(), cache.bytes()), (1, 3));
            cache.remove(&id(1));
            cache.remove(&id(1));
            assert!(cache.is_empty() && cache.bytes() == 0 && cache.get(&id(1)).is_none());
        }
    }

    //= docs/spec/protocol.md#LIV-021
    //= type=test
    #[test]
    fn others_and_the_owner_take_no_room_from_each_other() {
        let mut cache = PacketCache::new();
        for n in 1..=4 {
            insert(&mut cache, n, "me", MAX_OWN_CACHED_BYTES / 4);
            insert(&mut cache, 10 + n, "alice", MAX_CACHED_BYTES / 4);
        }
        assert_eq!(kept(&cache), [1, 2, 3, 4, 11, 12, 13, 14]);
        insert(&mut cache, 15, "alice", MAX_CACHED_BYTES / 4);
        assert_eq!(kept(&cache), [1, 2, 3, 4, 12, 13, 14, 15]);
        insert(&mut cache, 5, "me", MAX_OWN_CACHED_BYTES / 4);
        assert_eq!(kept(&cache), [2, 3, 4, 5, 12, 13, 14, 15]);
        assert_eq!(cache.bytes(), MAX_CACHED_BYTES + MAX_OWN_CACHED_BYTES);
    }

    #[test]
    fn the_order_holds_hardly_more_than_what_is_kept() {
        let mut cache = PacketCache::new();
        for author in ["me", "alice"] {
            insert(&mut cache, 0, author, 1);
            for _ in 0..100 {
                for n in 1..=100 {
                    insert(&mut cache, n, author, 1);
                    cache.remove(&id(n));
                }
            }
            let share =
                if author == "me" { &cache.own } else { cache.others.values().next().unwrap() };
            assert_eq!((share.kept, share.bytes, share.oldest()), (1, 1, Some(id(0))));
            assert!(share.order.len() <= 2 + MAX_STALE);
            cache.remove(&id(0));
        }
        assert!(cache.others.is_empty() && cache.own.order.is_empty());
    }

    //= docs/spec/attacks.md#ATK-108
    //= type=test
    //= docs/spec/protocol.md#LIV-016
    //= type=test
    #[test]
    fn whoever_has_most_makes_room() {
        let mut cache = PacketCache::new();
        for (n, author) in [(1, "alice"), (2, "alice"), (3, "bob"), (4, "me")] {
            insert(&mut cache, n, author, MAX_CACHED_BYTES / 8);
        }
        for n in 100..200 {
            insert(&mut cache, n, "mallory", MAX_CACHED_BYTES / 8);
            assert!(cache.bytes() <= MAX_CACHED_BYTES + MAX_CACHED_BYTES / 8);
        }
        assert_eq!(kept(&cache), [1, 2, 3, 4, 195, 196, 197, 198, 199]);
    }
}
