//! Packets that no key fits yet (MSG-013 to MSG-016).

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use mpenc_types::{MemberId, Timestamp, guard};

use super::input::Disposition;
use super::{Notice, Session};

/// Bytes that packets which no key fits may have together: 2 MiB.
pub const MAX_TRIAL_BYTES: usize = 2 << 20;

/// A bounded queue of undecrypted packets, oldest first.
#[derive(Debug, Default)]
pub(super) struct TrialBuffer {
    packets: VecDeque<Undecrypted>,
    next: u64,
    /// The others are still winding up what was before us, which we cannot read: packets received
    /// before this are no cause for a warning.
    winding_up: Timestamp,
}

#[derive(Debug)]
pub(super) struct Undecrypted {
    number: u64,
    sender: MemberId,
    bytes: Vec<u8>,
    since: Timestamp,
    warned: bool,
}

impl TrialBuffer {
    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }

    fn bytes(&self) -> usize {
        self.packets.iter().map(|packet| packet.bytes.len()).sum()
    }

    /// Takes out the oldest packet of the sender that has most, by this measure, so that nobody can
    /// crowd out what others sent (V2-024, ATK-164).
    fn make_room(&mut self, measure: impl Fn(&Undecrypted) -> usize) -> Option<Undecrypted> {
        let mut by_sender: BTreeMap<&MemberId, (usize, usize)> = BTreeMap::new();
        for (index, packet) in self.packets.iter().enumerate() {
            let (sum, _) = by_sender.entry(&packet.sender).or_insert((0, index));
            *sum = sum.saturating_add(measure(packet));
        }
        // Of those with equally many, the one whose oldest is oldest.
        let most = by_sender.values().max_by_key(|(sum, first)| (*sum, Reverse(*first)));
        let index = most.map(|(_, first)| *first)?;
        self.packets.remove(index)
    }
}

impl Session {
    pub(super) fn keep_for_trial(
        &mut self,
        now: Timestamp,
        sender: &MemberId,
        bytes: &[u8],
    ) -> Disposition {
        //= docs/spec/protocol.md#MSG-013
        let capacity = self.timing().trial_capacity(self.session_members().len()).max(1);
        while self.trial.packets.len() >= capacity {
            let Some(oldest) = self.trial.make_room(|_| 1) else { break };
            self.never_decrypted(oldest);
        }
        //= docs/spec/protocol.md#MOD-015
        let room = MAX_TRIAL_BYTES.saturating_sub(bytes.len());
        while self.trial.bytes() > room && guard!("trial-bytes") {
            let Some(oldest) = self.trial.make_room(|packet| packet.bytes.len()) else { break };
            self.never_decrypted(oldest);
        }
        let number = self.trial.next;
        self.trial.next = number.saturating_add(1);
        self.trial.packets.push_back(Undecrypted {
            number,
            sender: sender.clone(),
            bytes: bytes.to_vec(),
            since: now.max(self.now),
            warned: false,
        });
        Disposition::Deferred
    }

    //= docs/spec/protocol.md#MSG-014
    pub(super) fn waits_for_key(&self, sender: &MemberId, bytes: &[u8]) -> bool {
        self.trial.packets.iter().any(|old| old.bytes == bytes && old.sender == *sender)
    }

    /// Tries all kept packets again if a subsession can recognise more than before. Ends, since
    /// only a packet that could be opened makes it recognise more.
    pub(super) fn retry_if_moved(&mut self) {
        let moved = |session: &mut Self| {
            let subs = session.current.iter_mut().chain(&mut session.previous);
            subs.fold(false, |moved, sub| sub.security.moved() | moved)
        };
        while moved(self) && !self.trial.packets.is_empty() {
            self.retry_undecrypted();
        }
    }

    /// Tries all kept packets on the subsessions that exist now; called after each rotation.
    pub(super) fn retry_undecrypted(&mut self) {
        for packet in core::mem::take(&mut self.trial.packets) {
            // Junk of an outsider must not cost more than a look-up whenever something comes.
            let known = self.subsessions().any(|sub| sub.security.recognises(&packet.bytes));
            let tried = if known { self.try_open(&packet.sender, &packet.bytes) } else { None };
            match tried {
                Some(_) => self.no_longer_undecrypted(packet),
                None => self.trial.packets.push_back(packet),
            }
        }
    }

    /// A newcomer cannot read how former subsessions of the others end. That takes them up to
    /// FIN_TIMEOUT.
    pub(super) fn expect_winding_up(&mut self) {
        let timing = self.timing();
        self.trial.winding_up = self.now + timing.fin_timeout() + timing.bc_lat();
    }

    //= docs/spec/protocol.md#MSG-015
    pub(super) fn warn_undecrypted(&mut self) {
        let now = self.now;
        let due: Vec<_> = self
            .overdue_undecrypted()
            .filter(|(at, _)| *at <= now)
            .map(|(_, packet)| (packet.number, packet.sender.clone(), packet.bytes.len()))
            .collect();
        for (number, sender, size) in due {
            for packet in self.trial.packets.iter_mut().filter(|packet| packet.number == number) {
                packet.warned = true;
            }
            self.notify(Notice::NotDecrypted { packet: number, sender, size });
        }
    }

    /// When the next warning about an undecrypted packet is due, or the oldest is given up.
    pub(super) fn undecrypted_deadline(&self) -> Option<Timestamp> {
        let warning = self.overdue_undecrypted().map(|(at, _)| at).min();
        let age = self.undecrypted_age().filter(|_| guard!("trial-age"));
        let oldest = self.trial.packets.iter().map(|packet| packet.since).min();
        warning.into_iter().chain(oldest.zip(age).map(|(since, age)| since + age)).min()
    }

    /// Gives up packets that have waited for a key as long as the members need to wind up a
    /// subsession: what a newcomer cannot read is over by then, and of what is lost of its own
    /// subsession later messages tell.
    //= docs/spec/protocol.md#MSG-021
    pub(super) fn expire_undecrypted(&mut self) {
        let Some(age) = self.undecrypted_age() else { return };
        let now = self.now;
        let old = |packet: &Undecrypted| packet.since + age <= now && guard!("trial-age");
        if !self.trial.packets.iter().any(old) {
            return;
        }
        for packet in core::mem::take(&mut self.trial.packets) {
            if old(&packet) {
                self.never_decrypted(packet);
            } else {
                self.trial.packets.push_back(packet);
            }
        }
    }

    /// How long a packet waits for a key; for ever with the timing of the original.
    fn undecrypted_age(&self) -> Option<Duration> {
        let timing = self.timing();
        (!timing.is_original()).then(|| timing.fin_timeout() + timing.bc_lat())
    }

    /// Since when there is a packet that somebody in the current subsession sent and nothing
    /// opens: perhaps the owner is too far behind to recognise it (V2-024). Only those count that
    /// came later than `after`.
    pub(super) fn unreadable_since(&self, after: Option<Timestamp>) -> Option<Timestamp> {
        self.unreadable().map(|packet| packet.since).filter(|since| Some(*since) > after).min()
    }

    /// The packets that deserve a warning if they still wait at the given time.
    fn overdue_undecrypted(&self) -> impl Iterator<Item = (Timestamp, &Undecrypted)> {
        let grace = self.timing().not_decrypted();
        let unwarned = self.unreadable().filter(|packet| !packet.warned);
        unwarned.map(move |packet| (packet.since + grace, packet))
    }

    /// Whether somebody in the current subsession seems to have sent something that we should be
    /// able to read, and cannot.
    pub(super) fn has_unreadable(&self) -> bool {
        self.unreadable().next().is_some()
    }

    /// The packets about which a warning is in force.
    pub(super) fn warned_undecrypted(&self) -> impl Iterator<Item = Notice> + '_ {
        let warned = self.trial.packets.iter().filter(|packet| packet.warned);
        warned.map(|packet| Notice::NotDecrypted {
            packet: packet.number,
            sender: packet.sender.clone(),
            size: packet.bytes.len(),
        })
    }

    /// The packets that should have been readable.
    fn unreadable(&self) -> impl Iterator<Item = &Undecrypted> {
        //= docs/spec/protocol.md#MSG-016
        let bystander = self.operation.as_ref().is_some_and(|running| running.bystander);
        let current = self.current.as_ref().filter(|_| !bystander);
        let winding_up = self.trial.winding_up;
        let packets = current.into_iter().flat_map(|current| {
            let members = current.members();
            self.trial.packets.iter().filter(|packet| members.contains(&packet.sender))
        });
        packets.filter(move |packet| packet.since >= winding_up)
    }

    pub(super) fn forget_undecrypted(&mut self) {
        for packet in core::mem::take(&mut self.trial.packets) {
            self.never_decrypted(packet);
        }
    }

    /// Nobody tries to read it any more.
    fn never_decrypted(&mut self, packet: Undecrypted) {
        if packet.warned {
            let Undecrypted { number, sender, bytes, .. } = packet;
            self.notify(Notice::PacketDiscarded { packet: number, sender, size: bytes.len() });
        }
    }

    fn no_longer_undecrypted(&mut self, packet: Undecrypted) {
        if packet.warned {
            let Undecrypted { number, sender, .. } = packet;
            self.notify(Notice::NotDecryptedResolved { packet: number, sender });
        }
    }
}
