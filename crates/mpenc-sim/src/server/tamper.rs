//! Events on their way to one member that do not arrive as they should: dropped, delayed,
//! duplicated, overtaken, altered, or in another's name.

use mpenc::MemberId;
use mpenc::channel::ChannelEvent;

use super::inbox::Parcel;
use super::sort::sort_of;
use super::{Server, mutate};
use crate::dice::Dice;
use crate::plan::{Sort, Tamper};

/// Applies to the next few events of a sort.
#[derive(Debug)]
pub(super) struct Tampering {
    how: Tamper,
    sort: Sort,
    left: u8,
    dice: Dice,
}

/// Longest delay, in milliseconds.
const DELAY: u64 = 60_000;

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Lost,
    /// By so many milliseconds.
    Late(u64),
}

impl Server {
    /// From now on the next `count` events of a sort for a member are treated like this.
    pub(crate) fn begin_tampering(
        &mut self,
        to: &MemberId,
        how: Tamper,
        sort: Sort,
        count: u8,
        arg: u32,
    ) {
        let dice = Dice::new(u64::from(arg), "tamper");
        let list = self.tampering.entry(to.clone()).or_default();
        if list.len() < 8 {
            list.push(Tampering { how, sort, left: count, dice });
        }
    }

    /// Hands an event to a member, through whatever comes in between.
    pub(super) fn tamper(&mut self, to: &MemberId, event: ChannelEvent) {
        let sort = sort_of(self.v2, &event);
        let list = self.tampering.get_mut(to);
        let found = list.and_then(|list| {
            let at = list.iter().position(|t| t.sort == Sort::Any || t.sort == sort)?;
            let tampering = list.get_mut(at)?;
            tampering.left = tampering.left.saturating_sub(1);
            let mut dice = tampering.dice.clone();
            let _ = tampering.dice.next();
            let how = tampering.how;
            if tampering.left == 0 {
                list.remove(at);
            }
            let _ = dice.next();
            Some((how, dice))
        });
        let Some((how, mut dice)) = found else {
            self.deliver_later(to, event, 0, false);
            return;
        };
        match how {
            Tamper::Drop => {}
            Tamper::Delay => {
                let extra = dice.below(DELAY);
                self.deliver_later(to, event, extra, false);
            }
            Tamper::Duplicate => {
                self.deliver_later(to, event.clone(), 0, false);
                if dice.chance(500) {
                    self.deliver_later(to, event, 0, true);
                } else {
                    let extra = dice.below(DELAY);
                    self.deliver_late(to, event, extra, true);
                }
            }
            Tamper::Reorder if dice.chance(500) => {
                let parcel = self.parcel(event, 0, false);
                if let Some(inbox) = self.inboxes.get_mut(to) {
                    inbox.push_before(parcel, usize::from(dice.byte() % 8));
                }
            }
            Tamper::Reorder => {
                let extra = 1 + dice.below(4_000);
                self.deliver_late(to, event, extra, false);
            }
            Tamper::Mutate => match event {
                ChannelEvent::Packet { sender, bytes } => {
                    let bytes = mutate::mutate(&bytes, self.v2, &self.archive, &mut dice);
                    self.deliver_later(to, ChannelEvent::Packet { sender, bytes }, 0, true);
                }
                other => self.deliver_later(to, other, 0, false),
            },
            Tamper::Spoof => match event {
                ChannelEvent::Packet { sender, bytes } => {
                    let others: Vec<_> = self.names.iter().filter(|n| **n != sender).collect();
                    let other = dice.place(others.len());
                    let claimed =
                        others.get(other).map_or_else(|| sender.clone(), |n| (*n).clone());
                    if dice.chance(300) {
                        let event = ChannelEvent::Packet { sender, bytes: bytes.clone() };
                        self.deliver_later(to, event, 0, false);
                    }
                    let event = ChannelEvent::Packet { sender: claimed, bytes };
                    self.deliver_later(to, event, 0, true);
                }
                other => self.deliver_later(to, other, 0, false),
            },
        }
    }

    /// What becomes of what a member asks of the channel, if anything comes in between.
    pub(super) fn fate_of_request(&mut self, from: &MemberId) -> Option<Fate> {
        let list = self.tampering.get_mut(from)?;
        let at = list.iter().position(|t| {
            matches!(t.sort, Sort::Any | Sort::Channel)
                && matches!(t.how, Tamper::Drop | Tamper::Delay)
        })?;
        let tampering = list.get_mut(at)?;
        tampering.left = tampering.left.saturating_sub(1);
        let how = tampering.how;
        let late = tampering.dice.below(DELAY);
        if tampering.left == 0 {
            list.remove(at);
        }
        Some(if how == Tamper::Drop { Fate::Lost } else { Fate::Late(late) })
    }

    pub(super) fn parcel(&mut self, event: ChannelEvent, extra: u64, touched: bool) -> Parcel {
        let due = self.now + self.dice.below(self.latency) + extra;
        self.serial += 1;
        Parcel { due, serial: self.serial, event, touched }
    }

    pub(super) fn deliver_late(
        &mut self,
        to: &MemberId,
        event: ChannelEvent,
        extra: u64,
        touched: bool,
    ) {
        let parcel = self.parcel(event, extra, touched);
        if let Some(inbox) = self.inboxes.get_mut(to) {
            inbox.push_late(parcel);
        }
    }
}
