//! Packets on their way: waiting, under way in pieces, and sent but not yet echoed.

use alloc::collections::VecDeque;
use core::time::Duration;

use mpenc::MemberId;
use tokio::time::Instant;

use crate::fragment::{self, Fragment};
use crate::limits::{ECHO_TIMEOUT, MAX_TRIES, REFUSED_PAUSE, WINDOW};

/// Something for the room, in the order in which it was asked for.
#[derive(Clone, Debug)]
pub(super) enum Outgoing {
    Packet(Pending),
    Kick(MemberId),
    Invite(MemberId),
    Leave,
}

/// A packet that has not been echoed.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// Place among the owner's packets; kept when it is sent anew.
    place: u64,
    bytes: Vec<u8>,
    tries: u32,
}

/// What is to be written next.
pub(super) enum Next {
    Piece(Fragment),
    Kick(MemberId),
    Invite(MemberId),
    Leave,
}

#[derive(Debug)]
struct Sent {
    number: u64,
    packet: Pending,
    /// More than one piece: nothing else is sent until it has been echoed, so that it can be sent
    /// anew without overtaking.
    alone: bool,
}

#[derive(Debug)]
pub(super) struct Outbox {
    max_fragment: usize,
    waiting: VecDeque<Outgoing>,
    /// Pieces of the packet sent last.
    pieces: VecDeque<Fragment>,
    sent: VecDeque<Sent>,
    /// Number of the next attempt to send a packet, and place of the next packet.
    next: u64,
    waiting_bytes: usize,
    sent_bytes: usize,
    /// The room wants us to wait.
    paused_until: Option<Instant>,
    last_echo: Option<Instant>,
}

impl Outbox {
    pub(super) fn new(max_fragment: usize) -> Self {
        Self {
            max_fragment,
            waiting: VecDeque::new(),
            pieces: VecDeque::new(),
            sent: VecDeque::new(),
            next: 0,
            waiting_bytes: 0,
            sent_bytes: 0,
            paused_until: None,
            last_echo: None,
        }
    }

    /// Bytes waiting or under way.
    pub(super) fn bytes(&self) -> usize {
        self.waiting_bytes.saturating_add(self.sent_bytes)
    }

    pub(super) fn packet(&mut self, bytes: Vec<u8>) {
        self.next = self.next.saturating_add(1);
        self.waiting_bytes = self.waiting_bytes.saturating_add(bytes.len());
        let packet = Pending { place: self.next, bytes, tries: 0 };
        self.waiting.push_back(Outgoing::Packet(packet));
    }

    pub(super) fn push(&mut self, outgoing: Outgoing) {
        self.waiting.push_back(outgoing);
    }

    pub(super) fn clear(&mut self) {
        let (max_fragment, next) = (self.max_fragment, self.next);
        *self = Self { next, ..Self::new(max_fragment) };
    }

    /// What can be written now, if anything.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next> {
        if let Some(piece) = self.pieces.pop_front() {
            return Some(Next::Piece(piece));
        }
        if self.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        self.paused_until = None;
        if self.sent.back().is_some_and(|sent| sent.alone) {
            return None;
        }
        if let Some(Outgoing::Packet(packet)) = self.waiting.front() {
            let len = packet.bytes.len();
            let pieces = fragment::count(len, self.max_fragment);
            let fits = self.sent_bytes.saturating_add(len) <= WINDOW && pieces == 1;
            if !self.sent.is_empty() && !fits {
                return None;
            }
        }
        match self.waiting.pop_front()? {
            Outgoing::Packet(packet) => self.start(packet, now).map(Next::Piece),
            Outgoing::Kick(member) => Some(Next::Kick(member)),
            Outgoing::Invite(member) => Some(Next::Invite(member)),
            Outgoing::Leave => Some(Next::Leave),
        }
    }

    fn start(&mut self, mut packet: Pending, now: Instant) -> Option<Fragment> {
        self.next = self.next.saturating_add(1);
        let number = self.next;
        packet.tries = packet.tries.saturating_add(1);
        let len = packet.bytes.len();
        self.waiting_bytes = self.waiting_bytes.saturating_sub(len);
        self.sent_bytes = self.sent_bytes.saturating_add(len);
        if self.sent.is_empty() {
            self.last_echo = Some(now);
        }
        self.pieces = fragment::split(number, &packet.bytes, self.max_fragment).into();
        let alone = self.pieces.len() > 1;
        self.sent.push_back(Sent { number, packet, alone });
        self.pieces.pop_front()
    }

    /// A piece of one of our packets came back; `whole` if it was the last.
    pub(super) fn echoed(&mut self, number: u64, whole: bool, now: Instant) {
        self.last_echo = Some(now);
        if whole && let Some(sent) = self.take(number) {
            self.sent_bytes = self.sent_bytes.saturating_sub(sent.packet.bytes.len());
        }
    }

    /// A packet has to be sent anew, or cannot be.
    pub(super) fn again(&mut self, number: u64, pause: Option<Instant>) {
        let Some(sent) = self.take(number) else { return };
        self.pieces.retain(|piece| piece.packet != number);
        let packet = sent.packet;
        let len = packet.bytes.len();
        self.sent_bytes = self.sent_bytes.saturating_sub(len);
        if packet.tries >= MAX_TRIES {
            tracing::warn!(bytes = len, "dropping a packet that the room does not take");
            return;
        }
        if let Some(now) = pause {
            self.paused_until = now.checked_add(REFUSED_PAUSE.saturating_mul(packet.tries));
        }
        self.waiting_bytes = self.waiting_bytes.saturating_add(len);
        let later = |outgoing: &Outgoing| match outgoing {
            Outgoing::Packet(other) => other.place > packet.place,
            Outgoing::Kick(_) | Outgoing::Invite(_) | Outgoing::Leave => true,
        };
        let at = self.waiting.iter().position(later).unwrap_or(self.waiting.len());
        self.waiting.insert(at, Outgoing::Packet(packet));
    }

    /// Whether a packet was sent under this number and has not come back.
    pub(super) fn is_under_way(&self, number: u64) -> bool {
        self.sent.iter().any(|sent| sent.number == number)
    }

    /// A packet will never be taken.
    pub(super) fn drop_packet(&mut self, number: u64) {
        self.pieces.retain(|piece| piece.packet != number);
        if let Some(sent) = self.take(number) {
            self.sent_bytes = self.sent_bytes.saturating_sub(sent.packet.bytes.len());
        }
    }

    /// When something is to be done without anything happening before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.paused_until.filter(|_| !self.waiting.is_empty())
    }

    /// When an echo should have come by.
    pub(super) fn echo_deadline(&self) -> Option<Instant> {
        let since = self.last_echo.filter(|_| !self.sent.is_empty())?;
        since.checked_add(ECHO_TIMEOUT)
    }

    /// The connection was not usable for this long.
    pub(super) fn postpone(&mut self, by: Duration) {
        self.last_echo = self.last_echo.and_then(|last| last.checked_add(by));
    }

    fn take(&mut self, number: u64) -> Option<Sent> {
        let at = self.sent.iter().position(|sent| sent.number == number)?;
        self.sent.remove(at)
    }
}
