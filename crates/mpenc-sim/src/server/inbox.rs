//! What is on its way to one member.

use std::collections::VecDeque;

use mpenc::channel::ChannelEvent;
use mpenc::{MemberId, MemberSet};

/// An event on its way.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    /// When it arrives, in true time.
    pub(crate) due: u64,
    /// The place of the event among all, in the order in which they were made.
    pub(crate) serial: u64,
    pub(crate) event: ChannelEvent,
    /// The server changed or invented it.
    pub(crate) touched: bool,
}

/// What waits for one member.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// In the order of delivery.
    queue: VecDeque<Parcel>,
    /// What overtakes or is overtaken: delivered when due, whatever the others do.
    late: Vec<Parcel>,
    pub(crate) held: bool,
    /// The channel as the events delivered so far say it is.
    told: Option<MemberSet>,
}

impl Inbox {
    pub(crate) fn push(&mut self, mut parcel: Parcel) {
        if let Some(last) = self.queue.back() {
            parcel.due = parcel.due.max(last.due);
        }
        self.queue.push_back(parcel);
    }

    /// Goes its own way, out of order.
    pub(super) fn push_late(&mut self, parcel: Parcel) {
        self.late.push(parcel);
    }

    /// Overtakes this many of those that wait.
    pub(super) fn push_before(&mut self, mut parcel: Parcel, places: usize) {
        let at = self.queue.len().saturating_sub(places);
        if let Some(next) = self.queue.get(at) {
            parcel.due = next.due;
        }
        self.queue.insert(at, parcel);
    }

    pub(crate) fn due(&self) -> Option<u64> {
        if self.held {
            return None;
        }
        let late = self.late.iter().map(|parcel| parcel.due).min();
        self.queue.front().map(|parcel| parcel.due).into_iter().chain(late).min()
    }

    /// What comes next, whether it is due or not.
    pub(crate) fn pop(&mut self, me: &MemberId) -> Option<Parcel> {
        let late = self.late.iter().enumerate().min_by_key(|(_, parcel)| parcel.due);
        let late = late.map(|(at, parcel)| (at, parcel.due));
        let parcel = match (self.queue.front(), late) {
            (Some(first), Some((at, due))) if due < first.due => Some(self.late.swap_remove(at)),
            (None, Some((at, _))) => Some(self.late.swap_remove(at)),
            _ => self.queue.pop_front(),
        }?;
        apply(&mut self.told, me, &parcel.event);
        Some(parcel)
    }

    /// Everything that waits is lost.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.late.clear();
        self.told = None;
    }

    /// Who is in the channel, as the member will believe when it has got everything.
    pub(super) fn told(&self, me: &MemberId) -> Option<MemberSet> {
        let mut told = self.told.clone();
        for parcel in &self.queue {
            apply(&mut told, me, &parcel.event);
        }
        told
    }

    /// Events that went astray will never come.
    pub(super) fn forget_late(&mut self) {
        self.late.clear();
    }
}

/// What a session makes of a channel event (CHN-003).
fn apply(told: &mut Option<MemberSet>, me: &MemberId, event: &ChannelEvent) {
    match event {
        ChannelEvent::Entered { members } => *told = Some(members.with(me)),
        ChannelEvent::Left => *told = None,
        ChannelEvent::Changed { enter, leave } => {
            if let Some(known) = told {
                let possible = enter.is_disjoint(leave)
                    && (!enter.is_empty() || !leave.is_empty())
                    && !enter.contains(me)
                    && !leave.contains(me)
                    && enter.is_disjoint(known)
                    && leave.is_subset(known);
                if possible {
                    *told = Some(known.difference(leave).union(enter));
                }
            }
        }
        _ => {}
    }
}
