//! Old packets again, and events in the channel that never happened.

use mpenc::channel::ChannelEvent;
use mpenc::{MemberId, MemberSet};

use super::Server;
use super::sort::is_initial;
use crate::dice::Dice;
use crate::plan::Lie;

/// Packets of an old operation that come again at once.
const RELIVED: usize = 40;

impl Server {
    /// Delivers a packet of the archive to those in the mask.
    pub(crate) fn replay(&mut self, mask: u8, pick: u32, rename: bool) {
        // Recent packets are likely to matter.
        let len = self.archive.len();
        let recent = if pick & 1 == 0 { len.min(24) } else { len };
        let back = usize::try_from(pick >> 1).unwrap_or(0).checked_rem(recent).unwrap_or(0);
        let Some((sender, bytes)) = self.archive.iter().rev().nth(back).cloned() else { return };
        let sender = if rename {
            let at = usize::try_from(pick >> 8).unwrap_or(0).checked_rem(self.names.len());
            at.and_then(|at| self.names.get(at)).cloned().unwrap_or(sender)
        } else {
            sender
        };
        for to in self.those(mask) {
            let event = ChannelEvent::Packet { sender: sender.clone(), bytes: bytes.clone() };
            self.deliver_later(&to, event, 0, true);
        }
    }

    /// Delivers the packets since a recent proposal again, in their order.
    pub(crate) fn relive(&mut self, to: &MemberId, back: usize) {
        let v2_session = self.v2;
        let begins = |(_, bytes): &&(MemberId, Vec<u8>)| is_initial(v2_session, bytes);
        let proposals: Vec<_> =
            self.archive.iter().enumerate().filter(|(_, packet)| begins(packet)).collect();
        let Some((from, _)) = proposals.iter().rev().nth(back).copied() else { return };
        let packets: Vec<_> = self.archive.iter().skip(from).take(RELIVED).cloned().collect();
        for (sender, bytes) in packets {
            self.deliver_later(to, ChannelEvent::Packet { sender, bytes }, 0, true);
        }
    }

    /// Tells those in the mask what is not so.
    pub(crate) fn lie(&mut self, mask: u8, whom: &MemberId, lie: Lie) {
        for to in self.those(mask) {
            let told = self.inboxes.get(&to).and_then(|inbox| inbox.told(&to));
            let Some(told) = told else { continue };
            let (enter, leave) = match lie {
                Lie::Enters => (MemberSet::of(whom), MemberSet::new()),
                Lie::Leaves => (MemberSet::new(), MemberSet::of(whom)),
                Lie::Thrown => {
                    self.deliver_later(&to, ChannelEvent::Left, 0, true);
                    let event = ChannelEvent::Entered { members: told };
                    self.deliver_later(&to, event, 0, true);
                    continue;
                }
            };
            if to != *whom {
                self.deliver_later(&to, ChannelEvent::Changed { enter, leave }, 0, true);
            }
        }
    }

    /// A packet that a member sent before.
    pub(crate) fn old_packet_of(&self, member: &MemberId, dice: &mut Dice) -> Option<Vec<u8>> {
        let own: Vec<_> = self.archive.iter().filter(|(sender, _)| sender == member).collect();
        let at = dice.place(own.len());
        own.get(at).map(|(_, bytes)| bytes.clone())
    }

    /// Everything that was ever sent, the latest first.
    pub(crate) fn packets(&self) -> impl Iterator<Item = &[u8]> {
        self.archive.iter().rev().map(|(_, bytes)| bytes.as_slice())
    }

    /// A packet takes its place in the order, but those in the mask see another one there, or
    /// none.
    pub(crate) fn two_faced(
        &mut self,
        from: &MemberId,
        bytes: Vec<u8>,
        other: Option<Vec<u8>>,
        mask: u8,
    ) {
        if !self.inside.contains(from) {
            return;
        }
        self.archive.push((from.clone(), bytes.clone()));
        let chosen = self.those(mask);
        let view = self.view_of(from);
        let here: Vec<_> =
            self.inside.iter().filter(|name| self.view_of(name) == view).cloned().collect();
        for to in here {
            let bytes = match &other {
                Some(other) if chosen.contains(&to) => other.clone(),
                None if chosen.contains(&to) => continue,
                _ => bytes.clone(),
            };
            self.hand(&to, ChannelEvent::Packet { sender: from.clone(), bytes }, false);
        }
    }

    /// Those in the channel whose bit is set.
    pub(super) fn those(&self, mask: u8) -> Vec<MemberId> {
        let chosen = self.names.iter().enumerate().filter(|(i, name)| {
            mask.checked_shr(u32::try_from(*i).unwrap_or(8)).is_some_and(|bits| bits & 1 == 1)
                && self.inside.contains(name)
        });
        chosen.map(|(_, name)| name.clone()).collect()
    }
}
