//! The server: it orders what members send, and decides what each of them is shown.
//!
//! It has one *view* of the channel, or several; each member is shown one of them. What is ordered
//! in a view goes to the inboxes of those who are shown it, through whatever tampers with events
//! on their way. An honest server has one view and nothing that tampers.

mod inbox;
mod mutate;
mod replay;
mod requests;
mod sort;
mod tamper;
mod views;

use std::collections::BTreeMap;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{MemberId, MemberSet};

use crate::dice::Dice;

pub(crate) use inbox::{Inbox, Parcel};
pub(crate) use sort::{is_greeting, label, sort_of};
use tamper::Tampering;
use views::View;

/// What orders and delivers.
pub(crate) struct Server {
    v2: bool,
    pub(crate) now: u64,
    dice: Dice,
    /// Longest time that an event is under way, in milliseconds.
    latency: u64,
    names: Vec<MemberId>,
    /// Those who are in the channel, in whatever view.
    pub(crate) inside: MemberSet,
    /// Those who can enter: not crashed.
    pub(crate) reachable: MemberSet,
    views: Vec<View>,
    place: BTreeMap<MemberId, usize>,
    inboxes: BTreeMap<MemberId, Inbox>,
    tampering: BTreeMap<MemberId, Vec<Tampering>>,
    /// Every packet ever broadcast, with its sender.
    archive: Vec<(MemberId, Vec<u8>)>,
    /// Requests that are late.
    errands: Vec<requests::Errand>,
    /// Numbers events in the order in which they were made.
    serial: u64,
}

impl Server {
    pub(crate) fn new(v2: bool, names: Vec<MemberId>, mut dice: Dice) -> Self {
        let latency = match dice.below(4) {
            0 => 1,
            1 => 200,
            2 => 1_000,
            _ => 2_500,
        };
        let inboxes = names.iter().map(|name| (name.clone(), Inbox::default())).collect();
        let place = names.iter().map(|name| (name.clone(), 0)).collect();
        Self {
            v2,
            now: 0,
            dice,
            latency,
            reachable: names.iter().cloned().collect(),
            names,
            inside: MemberSet::new(),
            views: vec![View::default()],
            place,
            inboxes,
            tampering: BTreeMap::new(),
            archive: Vec::new(),
            errands: Vec::new(),
            serial: 0,
        }
    }

    pub(crate) fn inbox_mut(&mut self, member: &MemberId) -> Option<&mut Inbox> {
        self.inboxes.get_mut(member)
    }

    /// When the next event is due, and for whom.
    pub(crate) fn next_due(&self) -> Option<(u64, MemberId)> {
        let due = self.inboxes.iter().filter_map(|(name, inbox)| Some((inbox.due()?, name)));
        due.min().map(|(at, name)| (at, name.clone()))
    }

    fn view_of(&self, member: &MemberId) -> usize {
        self.place.get(member).copied().unwrap_or(0).min(self.views.len().saturating_sub(1))
    }

    /// What a member asked for happens.
    fn execute(&mut self, from: &MemberId, request: ChannelRequest) {
        let inside = self.inside.contains(from);
        match request {
            ChannelRequest::Enter => self.enter(from),
            ChannelRequest::Leave => self.leave(from),
            ChannelRequest::Send { bytes, .. } if inside => self.broadcast(from, bytes),
            ChannelRequest::Change { enter, leave } if inside => {
                let view = self.view_of(from);
                for member in &leave {
                    self.remove(view, member);
                }
                for member in &enter {
                    if self.reachable.contains(member) {
                        self.enter(member);
                    }
                }
            }
            _ => {}
        }
    }

    /// A packet takes its place in the order.
    pub(crate) fn broadcast(&mut self, from: &MemberId, bytes: Vec<u8>) {
        self.archive.push((from.clone(), bytes.clone()));
        let event = ChannelEvent::Packet { sender: from.clone(), bytes };
        let view = self.view_of(from);
        self.order(view, &event, None);
        self.cross(view, from, event);
    }

    pub(crate) fn enter(&mut self, member: &MemberId) {
        if self.inside.contains(member) {
            return;
        }
        let view = self.view_of(member);
        let event = ChannelEvent::Changed { enter: MemberSet::of(member), leave: MemberSet::new() };
        let known = self.views.get(view).is_some_and(|view| view.members.contains(member));
        if !known {
            self.order(view, &event, None);
        }
        self.inside.insert(member.clone());
        if let Some(view) = self.views.get_mut(view) {
            view.members.insert(member.clone());
        }
        let members = self.views.get(view).map(|view| view.members.clone()).unwrap_or_default();
        self.hand(member, ChannelEvent::Entered { members }, true);
        self.cross(view, member, event);
    }

    /// A member leaves, loses its connection, or is removed.
    pub(crate) fn leave(&mut self, member: &MemberId) {
        if !self.inside.remove(member) {
            return;
        }
        let view = self.view_of(member);
        self.hand(member, ChannelEvent::Left, true);
        if let Some(view) = self.views.get_mut(view) {
            view.members.remove(member);
        }
        let event = ChannelEvent::Changed { enter: MemberSet::new(), leave: MemberSet::of(member) };
        self.order(view, &event, None);
        self.cross(view, member, event);
    }

    /// A member of a view wants somebody removed, who may only seem to be there.
    fn remove(&mut self, view: usize, member: &MemberId) {
        if self.view_of(member) == view && self.inside.contains(member) {
            self.leave(member);
        } else if let Some(there) = self.views.get_mut(view)
            && there.members.remove(member)
        {
            let event =
                ChannelEvent::Changed { enter: MemberSet::new(), leave: MemberSet::of(member) };
            self.order(view, &event, None);
        }
    }

    /// An event happens in a view: everybody who is shown it will hear.
    fn order(&mut self, view: usize, event: &ChannelEvent, except: Option<&MemberId>) {
        let here: Vec<_> = self
            .inside
            .iter()
            .filter(|name| self.view_of(name) == view && Some(*name) != except)
            .cloned()
            .collect();
        for name in here {
            let own = matches!(event, ChannelEvent::Changed { enter, leave }
                if enter.contains(&name) || leave.contains(&name));
            if !own {
                self.hand(&name, event.clone(), false);
            }
        }
    }

    /// One member is to be shown an event, unless something comes in between.
    fn hand(&mut self, to: &MemberId, event: ChannelEvent, certain: bool) {
        if certain {
            self.deliver_later(to, event, 0, false);
        } else {
            self.tamper(to, event);
        }
    }

    /// Puts an event into an inbox.
    fn deliver_later(&mut self, to: &MemberId, event: ChannelEvent, extra: u64, touched: bool) {
        let due = self.now + self.dice.below(self.latency) + extra;
        self.serial += 1;
        let parcel = Parcel { due, serial: self.serial, event, touched };
        if let Some(inbox) = self.inboxes.get_mut(to) {
            inbox.push(parcel);
        }
    }

    /// From now on the server is honest, and everybody is told who is in the channel.
    pub(crate) fn repent(&mut self) {
        self.tampering.clear();
        self.release_requests(None);
        self.merge();
        for inbox in self.inboxes.values_mut() {
            inbox.held = false;
        }
    }

    /// Tells everybody what is so, where it was told otherwise.
    fn reconcile(&mut self) {
        for name in self.names.clone() {
            let inside = self.inside.contains(&name);
            let told = self.inboxes.get(&name).and_then(|inbox| inbox.told(&name));
            match (inside, told) {
                (true, None) => {
                    let members = self.inside.clone();
                    self.hand(&name, ChannelEvent::Entered { members }, true);
                }
                (true, Some(told)) => {
                    for gone in &told.difference(&self.inside) {
                        let leave = MemberSet::of(gone);
                        let event = ChannelEvent::Changed { enter: MemberSet::new(), leave };
                        self.hand(&name, event, true);
                    }
                    for new in &self.inside.difference(&told) {
                        let enter = MemberSet::of(new);
                        let event = ChannelEvent::Changed { enter, leave: MemberSet::new() };
                        self.hand(&name, event, true);
                    }
                }
                (false, Some(_)) => self.hand(&name, ChannelEvent::Left, true),
                (false, None) => {}
            }
        }
    }
}
