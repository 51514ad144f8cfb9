//! Packets that no key fits yet (MSG-013 to MSG-016).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use mpenc_types::{MemberId, Timestamp};

use super::input::Disposition;
use super::{Notice, Session};

/// A bounded queue of undecrypted packets, oldest first.
#[derive(Debug, Default)]
pub(super) struct TrialBuffer {
    packets: VecDeque<Undecrypted>,
    next: u64,
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
}

impl Session {
    pub(super) fn keep_for_trial(
        &mut self,
        now: Timestamp,
        sender: &MemberId,
        bytes: &[u8],
    ) -> Disposition {
        //= docs/spec/protocol.md#MSG-014
        if self.trial.packets.iter().any(|old| old.bytes == bytes && old.sender == *sender) {
            return Disposition::Ignored;
        }
        //= docs/spec/protocol.md#MSG-013
        let capacity = self.timing().trial_capacity(self.session_members().len()).max(1);
        while self.trial.packets.len() >= capacity {
            let Some(oldest) = self.trial.packets.pop_front() else { break };
            self.no_longer_undecrypted(oldest);
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

    /// Tries all kept packets on the subsessions that exist now; called after each rotation.
    /// Keys never fit later without one, so nothing else is worth a try in this profile.
    pub(super) fn retry_undecrypted(&mut self) {
        for packet in core::mem::take(&mut self.trial.packets) {
            match self.try_open(&packet.sender, &packet.bytes) {
                Some(_) => self.no_longer_undecrypted(packet),
                None => self.trial.packets.push_back(packet),
            }
        }
    }

    //= docs/spec/protocol.md#MSG-015
    pub(super) fn warn_undecrypted(&mut self) {
        let now = self.now;
        let grace = self.timing().not_decrypted();
        let mut due = Vec::new();
        let bystander = self.operation.as_ref().is_some_and(|running| running.bystander);
        let Some(current) = self.current.as_ref().filter(|_| !bystander) else { return };
        for packet in &mut self.trial.packets {
            if !packet.warned
                && packet.since + grace <= now
                && current.members().contains(&packet.sender)
            {
                packet.warned = true;
                due.push(Notice::NotDecrypted {
                    packet: packet.number,
                    sender: packet.sender.clone(),
                    size: packet.bytes.len(),
                });
            }
        }
        for notice in due {
            self.notify(notice);
        }
    }

    /// When the next warning about an undecrypted packet is due.
    pub(super) fn undecrypted_deadline(&self) -> Option<Timestamp> {
        let bystander = self.operation.as_ref().is_some_and(|running| running.bystander);
        let current = self.current.as_ref().filter(|_| !bystander)?;
        let grace = self.timing().not_decrypted();
        self.trial
            .packets
            .iter()
            .filter(|packet| !packet.warned && current.members().contains(&packet.sender))
            .map(|packet| packet.since + grace)
            .min()
    }

    pub(super) fn forget_undecrypted(&mut self) {
        for packet in core::mem::take(&mut self.trial.packets) {
            self.no_longer_undecrypted(packet);
        }
    }

    fn no_longer_undecrypted(&mut self, packet: Undecrypted) {
        if packet.warned {
            let Undecrypted { number, sender, .. } = packet;
            self.notify(Notice::NotDecryptedResolved { packet: number, sender });
        }
    }
}
