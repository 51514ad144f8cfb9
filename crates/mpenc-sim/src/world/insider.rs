//! What insiders send instead of what an honest member would.

use mpenc::MemberId;
use mpenc::channel::ChannelRequest;

use super::World;
use super::forged::Breach;
use crate::dice::Dice;
use crate::plan::Trick;
use crate::server::is_greeting;

/// Tricks that insiders have begun.
#[derive(Debug, Default)]
pub(super) struct Tricks(Vec<Begun>);

#[derive(Debug)]
struct Begun {
    who: usize,
    trick: Trick,
    left: u8,
    dice: Dice,
    /// It has kept a message back that it goes on to deny.
    denies: bool,
}

impl World {
    /// From now on the next `count` packets of an insider are treated like this.
    pub(super) fn begin_trick(&mut self, which: u8, trick: Trick, count: u8, arg: u32) {
        let insiders: Vec<_> = (0..self.people.len())
            .filter(|who| self.people.get(*who).is_some_and(|person| person.insider))
            .collect();
        let at = usize::from(which).checked_rem(insiders.len());
        if let Some(who) = at.and_then(|at| insiders.get(at)).copied()
            && self.tricks.0.len() < 8
        {
            let mut dice = Dice::new(u64::from(arg), "trick");
            if trick == Trick::Intrude {
                self.intrude(who, &mut dice);
                return;
            }
            self.tricks.0.push(Begun { who, trick, left: count, dice, denies: false });
        }
    }

    /// An insider got a message of somebody, and may write another in its place. The server says
    /// that it is from the same member.
    pub(super) fn imitate(&mut self, who: usize, author: &MemberId, packet: &[u8]) {
        let mut begun = self.tricks.0.iter();
        let at = begun.position(|b| b.who == who && b.trick == Trick::Impersonate);
        let Some(at) = at else { return };
        let session = self.people.get(who).and_then(|person| person.session.as_ref());
        let forged = session.and_then(|session| session.impersonate(packet, "trust me"));
        let Some(bytes) = forged else { return };
        if let Some(begun) = self.tricks.0.get_mut(at) {
            begun.left = begun.left.saturating_sub(1);
            if begun.left == 0 {
                self.tricks.0.remove(at);
            }
        }
        self.say_trace(|| format!("somebody writes in the name of {author}"));
        self.server.broadcast(author, bytes);
    }

    /// A request goes to the server, unless its maker is up to something.
    pub(super) fn transmit(&mut self, who: usize, name: &MemberId, request: ChannelRequest) {
        let ChannelRequest::Send { recipients, bytes } = request else {
            self.server.request(name, request);
            return;
        };
        let message = !is_greeting(self.options.v2, &bytes);
        let at = self.tricks.0.iter().position(|begun| match begun.trick {
            Trick::Deny => begun.who == who && message,
            Trick::Impersonate => false,
            _ => begun.who == who,
        });
        let Some(at) = at else {
            self.server.request(name, ChannelRequest::Send { recipients, bytes });
            return;
        };
        let Some(begun) = self.tricks.0.get_mut(at) else { return };
        begun.left = begun.left.saturating_sub(1);
        let _ = begun.dice.next();
        let (trick, mut dice) = (begun.trick, begun.dice.clone());
        let denies = core::mem::replace(&mut begun.denies, true);
        if begun.left == 0 {
            self.tricks.0.remove(at);
        }
        self.say_trace(|| format!("{name} is up to something: {trick:?}"));
        match trick {
            Trick::Withhold | Trick::Intrude | Trick::Impersonate => {}
            Trick::Deny if !denies => {}
            Trick::Deny => {
                let breach = Some(Breach::Forgetful);
                let bytes = self.altered(who, &bytes, breach, &mut dice).unwrap_or(bytes);
                self.server.request(name, ChannelRequest::Send { recipients, bytes });
            }
            Trick::Both => {
                let other = self.altered(who, &bytes, None, &mut dice);
                let first = ChannelRequest::Send { recipients: recipients.clone(), bytes };
                self.server.request(name, first);
                if let Some(bytes) = other {
                    self.server.request(name, ChannelRequest::Send { recipients, bytes });
                }
            }
            Trick::Reuse => {
                if let Some(old) = self.server.old_packet_of(name, &mut dice) {
                    self.server.request(name, ChannelRequest::Send { recipients, bytes: old });
                }
            }
            Trick::Alter => {
                let bytes = self.altered(who, &bytes, None, &mut dice).unwrap_or(bytes);
                self.server.request(name, ChannelRequest::Send { recipients, bytes });
            }
            Trick::TwoFaced => {
                let other = self.altered(who, &bytes, None, &mut dice);
                let mask = dice.byte();
                self.server.two_faced(name, bytes, other, mask);
            }
        }
    }
}
