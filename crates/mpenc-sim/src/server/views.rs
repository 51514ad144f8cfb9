//! Equivocation: parts of the members see different channels.

use std::collections::VecDeque;

use mpenc::channel::ChannelEvent;
use mpenc::{MemberId, MemberSet};

use super::Server;
use super::sort::sort_of;
use crate::plan::{Link, Sort};

/// One channel, as some are shown it.
#[derive(Debug)]
pub(super) struct View {
    /// Who seems to be in it.
    pub(super) members: MemberSet,
    /// What happened elsewhere and not yet here.
    pending: VecDeque<(MemberId, ChannelEvent)>,
    link: Link,
}

impl Default for View {
    fn default() -> Self {
        Self { members: MemberSet::new(), pending: VecDeque::new(), link: Link::Nothing }
    }
}

/// Views at the same time.
const VIEWS: usize = 3;

/// Events that wait to happen in another view.
const PENDING: usize = 64;

impl Server {
    /// Members in the mask see a channel of their own, which begins as the one they saw.
    pub(crate) fn split(&mut self, mask: u8, link: Link) {
        let movers: Vec<_> = self
            .names
            .iter()
            .enumerate()
            .filter(|(i, _)| {
                mask.checked_shr(u32::try_from(*i).unwrap_or(8)).is_some_and(|b| b & 1 == 1)
            })
            .map(|(_, name)| name.clone())
            .collect();
        if movers.is_empty() || movers.len() == self.names.len() || self.views.len() >= VIEWS {
            return;
        }
        let from = movers.first().map_or(0, |name| self.view_of(name));
        let members = self.views.get(from).map(|view| view.members.clone()).unwrap_or_default();
        if let Some(view) = self.views.get_mut(from) {
            view.link = link;
        }
        self.views.push(View { members, pending: VecDeque::new(), link });
        let new = self.views.len() - 1;
        for name in movers.into_iter().filter(|name| self.view_of(name) == from).collect::<Vec<_>>()
        {
            self.place.insert(name, new);
        }
    }

    /// Shows a member another view, and tells it who seems to be there.
    pub(crate) fn relocate(&mut self, member: &MemberId, view: usize) {
        let view = view.checked_rem(self.views.len()).unwrap_or(0);
        self.place.insert(member.clone(), view);
        if self.inside.contains(member) {
            let Some(there) = self.views.get_mut(view) else { return };
            let new = there.members.insert(member.clone());
            let members = there.members.clone();
            if new {
                let enter = MemberSet::of(member);
                let event = ChannelEvent::Changed { enter, leave: MemberSet::new() };
                self.order(view, &event, Some(member));
            }
            self.tell(member, &members);
        }
    }

    /// What was sent in one view may be shown in the others.
    pub(super) fn cross(&mut self, from: usize, by: &MemberId, event: ChannelEvent) {
        for view in 0..self.views.len() {
            let Some(there) = self.views.get_mut(view).filter(|_| view != from) else { continue };
            match there.link {
                Link::Nothing => {}
                Link::Messages => {
                    let shown = there.members.contains(by);
                    if shown && sort_of(self.v2, &event) == Sort::Data {
                        self.order(view, &event, None);
                    }
                }
                Link::Later => {
                    if there.pending.len() < PENDING {
                        there.pending.push_back((by.clone(), event.clone()));
                    }
                }
            }
        }
    }

    /// Something that happened elsewhere happens in this view too.
    pub(crate) fn order_pending(&mut self, view: usize, pick: usize) {
        let view = view.checked_rem(self.views.len()).unwrap_or(0);
        let Some(there) = self.views.get_mut(view) else { return };
        // Mostly in the order in which it happened.
        let at = if pick.is_multiple_of(3) { pick / 3 } else { 0 };
        let at = at.checked_rem(there.pending.len()).unwrap_or(0);
        let Some((by, event)) = there.pending.remove(at) else { return };
        self.happen(view, &by, &event);
    }

    fn happen(&mut self, view: usize, by: &MemberId, event: &ChannelEvent) {
        let Some(there) = self.views.get_mut(view) else { return };
        if let ChannelEvent::Changed { enter, leave } = event {
            if !enter.is_disjoint(&there.members) || !leave.is_subset(&there.members) {
                return;
            }
            there.members = there.members.difference(leave).union(enter);
        } else if !there.members.contains(by) {
            return;
        }
        self.order(view, event, None);
    }

    /// Everybody sees one channel, with those who are in it.
    pub(crate) fn merge(&mut self) {
        let late = self.dice.chance(500);
        for view in 0..self.views.len() {
            while let Some((by, event)) =
                self.views.get_mut(view).and_then(|view| view.pending.pop_front())
            {
                if late {
                    self.happen(view, &by, &event);
                }
            }
        }
        for inbox in self.inboxes.values_mut() {
            inbox.forget_late();
        }
        for place in self.place.values_mut() {
            *place = 0;
        }
        let members = self.inside.clone();
        self.views = vec![View { members, ..View::default() }];
        self.reconcile();
    }

    /// Tells a member who is in the channel, if it thinks otherwise.
    fn tell(&mut self, member: &MemberId, members: &MemberSet) {
        let told = self.inboxes.get(member).and_then(|inbox| inbox.told(member));
        let Some(told) = told else { return };
        for gone in &told.difference(members) {
            let leave = MemberSet::of(gone);
            self.hand(member, ChannelEvent::Changed { enter: MemberSet::new(), leave }, true);
        }
        for new in &members.difference(&told) {
            let enter = MemberSet::of(new);
            self.hand(member, ChannelEvent::Changed { enter, leave: MemberSet::new() }, true);
        }
    }
}
