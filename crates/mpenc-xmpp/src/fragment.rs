//! Packets in pieces: cut up to the size of a message, and put together again.
//!
//! Pieces of one sender come in order, or the room is broken; so no piece is ever waited for. A
//! piece that is not the next one ends the packet it belongs to.

use alloc::collections::BTreeMap;

use crate::limits::{MAX_FRAGMENTS, MAX_PACKET_LEN, MAX_UNFINISHED};

/// One piece of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// The sender's number for the packet; no two attempts to send share one.
    pub(crate) packet: u64,
    /// Which piece, from 0.
    pub(crate) index: usize,
    /// How many there are, from 1 to [`MAX_FRAGMENTS`].
    pub(crate) count: usize,
    pub(crate) bytes: Vec<u8>,
}

/// Number of pieces of at most `max` bytes.
pub(crate) fn count(len: usize, max: usize) -> usize {
    len.div_ceil(max.max(1)).max(1)
}

/// Cuts a packet into pieces of at most `max` bytes.
pub(crate) fn split(packet: u64, bytes: &[u8], max: usize) -> Vec<Fragment> {
    let count = count(bytes.len(), max);
    let piece =
        |(index, bytes): (usize, &[u8])| Fragment { packet, index, count, bytes: bytes.to_vec() };
    if bytes.is_empty() {
        return vec![piece((0, &[]))];
    }
    bytes.chunks(max.max(1)).enumerate().map(piece).collect()
}

/// What became of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// It was the last one.
    Whole(Vec<u8>),
    /// More are to come.
    Unfinished,
    /// It belongs to a packet that was given up when somebody entered.
    GivenUp,
    /// It belongs to nothing, or what it belonged to is dropped.
    Dropped(&'static str),
}

/// Unfinished packets, at most one for each sender.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    unfinished: BTreeMap<String, Unfinished>,
    /// The packet of each sender that was given up last.
    given_up: BTreeMap<String, u64>,
    held: usize,
}

#[derive(Debug)]
struct Unfinished {
    /// Whom the sender belongs to; many senders may be one account's.
    account: String,
    packet: u64,
    count: usize,
    next: usize,
    bytes: Vec<u8>,
}

impl Reassembly {
    /// Takes a piece of `sender`, a nickname, which belongs to `account`.
    pub(crate) fn accept(&mut self, sender: &str, account: &str, fragment: Fragment) -> Joined {
        let Fragment { packet, index, count, bytes } = fragment;
        if index > 0 && self.given_up.get(sender) == Some(&packet) {
            return Joined::GivenUp;
        }
        if count == 0 || count > MAX_FRAGMENTS || index >= count {
            self.forget(sender);
            return Joined::Dropped("its numbers make no sense");
        }
        if index == 0 {
            self.forget(sender);
            if bytes.len() > MAX_PACKET_LEN {
                return Joined::Dropped("it is too large");
            }
            if count == 1 {
                return Joined::Whole(bytes);
            }
            if !self.make_room(account, bytes.len()) {
                return Joined::Dropped("too much is unfinished");
            }
            self.held = self.held.saturating_add(bytes.len());
            let account = account.to_owned();
            let begun = Unfinished { account, packet, count, next: 1, bytes };
            self.unfinished.insert(sender.to_owned(), begun);
            return Joined::Unfinished;
        }
        let Some(found) = self.unfinished.get(sender) else {
            return Joined::Dropped("its beginning is missing");
        };
        if found.packet != packet || found.count != count || found.next != index {
            self.forget(sender);
            return Joined::Dropped("a piece before it is missing");
        }
        if found.bytes.len().saturating_add(bytes.len()) > MAX_PACKET_LEN {
            self.forget(sender);
            return Joined::Dropped("it is too large");
        }
        if !self.make_room(account, bytes.len()) {
            self.forget(sender);
            return Joined::Dropped("too much is unfinished");
        }
        let Some(found) = self.unfinished.get_mut(sender) else {
            return Joined::Dropped("its beginning had to make room");
        };
        self.held = self.held.saturating_add(bytes.len());
        found.bytes.extend_from_slice(&bytes);
        found.next = index.saturating_add(1);
        if found.next < count {
            return Joined::Unfinished;
        }
        let whole = core::mem::take(&mut found.bytes);
        self.held = self.held.saturating_sub(whole.len());
        self.unfinished.remove(sender);
        Joined::Whole(whole)
    }

    /// Makes room for so many bytes of an account: whoever holds most loses what is unfinished,
    /// so that nobody can take the room of the others. Says no if that is the account itself.
    fn make_room(&mut self, account: &str, len: usize) -> bool {
        while self.held.saturating_add(len) > MAX_UNFINISHED {
            let mut held: BTreeMap<&str, usize> = BTreeMap::new();
            for found in self.unfinished.values() {
                let sum = held.entry(&found.account).or_default();
                *sum = sum.saturating_add(found.bytes.len());
            }
            let most = held.iter().max_by_key(|(_, bytes)| **bytes);
            let Some(most) = most.map(|(account, _)| *account).filter(|most| *most != account)
            else {
                return false;
            };
            let of_most = self.unfinished.iter().filter(|(_, found)| found.account == most);
            let largest = of_most.max_by_key(|(_, found)| found.bytes.len());
            let Some(sender) = largest.map(|(sender, _)| sender.clone()) else { return false };
            self.forget(&sender);
        }
        true
    }

    /// The packet of which some pieces of a sender have come.
    pub(crate) fn unfinished(&self, sender: &str) -> Option<u64> {
        self.unfinished.get(sender).map(|found| found.packet)
    }

    /// Drops what a sender has not finished.
    pub(crate) fn forget(&mut self, sender: &str) {
        self.given_up.remove(sender);
        if let Some(gone) = self.unfinished.remove(sender) {
            self.held = self.held.saturating_sub(gone.bytes.len());
        }
    }

    /// A sender is called differently from now on.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        self.forget(to);
        if let Some(found) = self.unfinished.remove(from) {
            self.unfinished.insert(to.to_owned(), found);
        }
        if let Some(packet) = self.given_up.remove(from) {
            self.given_up.insert(to.to_owned(), packet);
        }
    }

    /// Gives up everything unfinished: somebody has entered who could not put it together.
    pub(crate) fn give_up(&mut self) {
        self.held = 0;
        for (sender, found) in core::mem::take(&mut self.unfinished) {
            self.given_up.insert(sender, found.packet);
        }
    }

    /// Drops everything unfinished.
    pub(crate) fn clear(&mut self) {
        self.unfinished.clear();
        self.given_up.clear();
        self.held = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(joiner: &mut Reassembly, sender: &str, fragments: Vec<Fragment>) -> Vec<Joined> {
        fragments.into_iter().map(|fragment| joiner.accept(sender, sender, fragment)).collect()
    }

    #[test]
    fn what_is_cut_up_comes_together() {
        for len in [0, 1, 511, 512, 513, 1024, 5000, MAX_PACKET_LEN] {
            let packet: Vec<u8> = (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let fragments = split(7, &packet, 512);
            assert_eq!(fragments.len(), count(len, 512));
            assert!(fragments.iter().all(|fragment| fragment.bytes.len() <= 512));
            let mut joiner = Reassembly::default();
            assert_eq!(pass(&mut joiner, "a", fragments).pop(), Some(Joined::Whole(packet)));
            assert_eq!(joiner.held, 0);
        }
    }

    #[test]
    fn senders_do_not_disturb_each_other() {
        let mut joiner = Reassembly::default();
        let (a, b) = (split(1, b"abcd", 2), split(1, b"wxyz", 2));
        assert_eq!(joiner.accept("a", "a", a[0].clone()), Joined::Unfinished);
        assert_eq!(joiner.accept("b", "b", b[0].clone()), Joined::Unfinished);
        assert_eq!(joiner.accept("a", "a", a[1].clone()), Joined::Whole(b"abcd".to_vec()));
        joiner.forget("b");
        assert!(matches!(joiner.accept("b", "b", b[1].clone()), Joined::Dropped(_)));
    }

    #[test]
    fn a_gap_drops_the_packet_and_only_that() {
        let mut joiner = Reassembly::default();
        let packet = split(1, b"abcdef", 2);
        assert_eq!(joiner.accept("a", "a", packet[0].clone()), Joined::Unfinished);
        assert!(matches!(joiner.accept("a", "a", packet[2].clone()), Joined::Dropped(_)));
        assert!(matches!(joiner.accept("a", "a", packet[1].clone()), Joined::Dropped(_)));
        let whole = pass(&mut joiner, "a", split(2, b"next", 2)).pop();
        assert_eq!(whole, Some(Joined::Whole(b"next".to_vec())));
    }

    #[test]
    fn a_repeated_piece_is_a_gap() {
        let mut joiner = Reassembly::default();
        let packet = split(1, b"abcdef", 2);
        joiner.accept("a", "a", packet[0].clone());
        joiner.accept("a", "a", packet[1].clone());
        assert!(matches!(joiner.accept("a", "a", packet[1].clone()), Joined::Dropped(_)));
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut joiner = Reassembly::default();
        let huge = Fragment { packet: 1, index: 0, count: 2, bytes: vec![0; MAX_PACKET_LEN] };
        let senders = MAX_UNFINISHED / MAX_PACKET_LEN;
        for sender in 0..senders {
            let joined = joiner.accept(&sender.to_string(), "many", huge.clone());
            assert_eq!(joined, Joined::Unfinished);
        }
        assert!(matches!(joiner.accept("one more", "many", huge.clone()), Joined::Dropped(_)));
        assert_eq!(joiner.held, MAX_UNFINISHED);
        let more = Fragment { packet: 1, index: 1, count: 2, bytes: vec![0] };
        assert!(matches!(joiner.accept("0", "many", more), Joined::Dropped(_)));
        joiner.clear();
        assert_eq!(joiner.held, 0);
        let nonsense = Fragment { packet: 1, index: 2, count: 2, bytes: Vec::new() };
        assert!(matches!(joiner.accept("a", "a", nonsense), Joined::Dropped(_)));
        let endless = Fragment { packet: 1, index: 0, count: usize::MAX, bytes: Vec::new() };
        assert!(matches!(joiner.accept("a", "a", endless), Joined::Dropped(_)));
    }

    #[test]
    fn whoever_holds_most_makes_room_for_the_others() {
        let mut joiner = Reassembly::default();
        let huge = Fragment { packet: 1, index: 0, count: 2, bytes: vec![0; MAX_PACKET_LEN] };
        for device in 0..MAX_UNFINISHED / MAX_PACKET_LEN {
            joiner.accept(&format!("eve-{device}"), "eve", huge.clone());
        }
        assert_eq!(joiner.held, MAX_UNFINISHED);
        let packet = split(1, &[7; 1000], 512);
        assert_eq!(joiner.accept("bob", "bob", packet[0].clone()), Joined::Unfinished);
        assert_eq!(joiner.accept("bob", "bob", packet[1].clone()), Joined::Whole(vec![7; 1000]));
        assert_eq!(joiner.held, MAX_UNFINISHED - MAX_PACKET_LEN, "one of hers had to go");
        assert_eq!(joiner.accept("eve-0", "eve", huge), Joined::Unfinished);
    }

    #[test]
    fn what_was_given_up_is_told_from_what_is_missing() {
        let mut joiner = Reassembly::default();
        let packet = split(1, b"abcdef", 2);
        joiner.accept("a", "a", packet[0].clone());
        joiner.give_up();
        assert_eq!(joiner.held, 0);
        joiner.rename("a", "b");
        assert_eq!(joiner.accept("b", "b", packet[1].clone()), Joined::GivenUp);
        assert_eq!(joiner.accept("b", "b", packet[2].clone()), Joined::GivenUp);
        let gap = joiner.accept("b", "b", split(2, b"abcdef", 2)[1].clone());
        assert!(matches!(gap, Joined::Dropped(_)));
    }
}
