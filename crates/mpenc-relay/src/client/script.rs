//! What a client makes of a relay that says anything, and of an owner that asks for anything, read
//! from any bytes. The fuzz target and the replay of its corpus run the same.
//!
//! ```text
//! steps of 1 byte   what happens, see `Stage::step`, followed by the bytes it takes
//! ```
//!
//! What is checked, besides that nothing panics:
//!
//! * The owner gets events as a group channel promises them (CHN-001 to CHN-004): it enters before
//!   anything else, only members send, only absent ones enter and only present ones leave.
//! * A stay goes on where the client is, and repeats what has not arrived: nothing else, and
//!   nothing twice.
//! * What is counted is right: nothing is left over when nothing waits.

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest};
use mpenc::{MemberId, MemberSet};
use tokio_tungstenite::tungstenite::Message;

use super::state::{Fault, State};
use crate::wire::{self, Hex, LeaveReason, Presence, ToClient, Welcome};

/// What came of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Played {
    /// Frames from the relay that were taken.
    pub(crate) taken: usize,
    /// Frames from the relay that were against the protocol.
    pub(crate) refused: usize,
    /// Frames written to the relay.
    pub(crate) written: usize,
    /// Connections with which a stay went on.
    pub(crate) resumed: usize,
}

/// Plays the script and checks what must hold.
pub(crate) fn run(script: &[u8]) -> Played {
    let mut script = Script(script);
    let mut stage = Stage::new();
    while !script.0.is_empty() && stage.state.ended().is_none() {
        stage.step(&mut script);
        stage.check();
    }
    stage.take_events();
    stage.end("over");
    stage.take_events();
    assert!(stage.view.is_none(), "a stay ends before its channel");
    assert!(matches!(stage.state.next_event(), Some(Err(_))));
    stage.played
}

struct Script<'a>(&'a [u8]);

impl Script<'_> {
    /// The next byte; 0 at the end.
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }
}

struct Stage {
    state: State,
    tickets: u8,
    /// Members as the events tell them; none out of the room.
    view: Option<MemberSet>,
    /// Last event of the stay; none without a stay.
    seq: Option<u64>,
    /// We asked to enter on this connection or an earlier one of the same stay.
    asked: bool,
    /// Requests written in this stay, and how many of them on this connection or known to have
    /// arrived.
    written: Vec<Message>,
    at: usize,
    played: Played,
}

impl Stage {
    fn new() -> Self {
        let mut state = State::new(name(0));
        state.connected(&welcome(false, 0)).unwrap();
        Self {
            state,
            tickets: 0,
            view: None,
            seq: None,
            asked: false,
            written: Vec::new(),
            at: 0,
            played: Played::default(),
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 16 {
            0 => self.request(ChannelRequest::Enter),
            1 => self.request(ChannelRequest::Leave),
            2 => {
                let bytes = vec![b'p'; usize::from(script.byte())];
                self.request(ChannelRequest::Send { recipients: MemberSet::new(), bytes });
            }
            3 => {
                let leave = names(script.byte());
                self.request(ChannelRequest::Change { enter: MemberSet::new(), leave });
            }
            4 => drop(self.write_one()),
            5 => while self.write_one() {},
            6 => {
                let frame = self.control(script);
                self.receive_control(&wire::encode(&frame));
            }
            7 => {
                // One that is almost right.
                let mut text = wire::encode(&self.control(script)).into_bytes();
                let (at, bits) = (usize::from(script.byte()), script.byte());
                let at = at % text.len();
                text[at] ^= bits;
                self.receive_control(&String::from_utf8_lossy(&text));
            }
            8 => {
                let len = usize::from(script.byte()).min(script.0.len());
                let (text, rest) = script.0.split_at(len);
                script.0 = rest;
                self.receive_control(&String::from_utf8_lossy(text));
            }
            9 => {
                let seq = self.next_seq(script);
                let sender = name(script.byte());
                let frame = wire::encode_packet(seq, &sender, &[b'p'; 3]);
                let cut = usize::from(script.byte());
                let kept = if cut < 128 { frame.len() } else { cut % frame.len() };
                self.receive_packet(&frame[..kept]);
            }
            10 => {
                let len = usize::from(script.byte()).min(script.0.len());
                let (frame, rest) = script.0.split_at(len);
                script.0 = rest;
                self.receive_packet(frame);
            }
            11 | 12 => self.connect(script),
            13 => {
                self.state.lose_stay();
                self.seq = None;
            }
            14 => drop(self.take_event()),
            _ => self.take_events(),
        }
    }

    fn request(&mut self, request: ChannelRequest) {
        self.tickets = self.tickets.wrapping_add(1);
        self.state.request(request, Hex([self.tickets; 16]));
    }

    /// Writes a frame as the connection does. After a stay went on, what has not arrived comes
    /// again.
    fn write_one(&mut self) -> bool {
        let Some(frame) = self.state.next_frame() else {
            assert_eq!(self.state.unwritten_bytes(), 0);
            return false;
        };
        self.played.written += 1;
        if self.seq.is_none() {
            self.asked = true;
            return true;
        }
        match self.written.get(self.at) {
            Some(before) => assert_eq!(*before, frame, "requests are repeated in order"),
            None => self.written.push(frame),
        }
        self.at += 1;
        true
    }

    /// Usually the number of the next event.
    fn next_seq(&self, script: &mut Script<'_>) -> u64 {
        let next = self.seq.unwrap_or(4).saturating_add(1);
        match script.byte() {
            250..=255 => u64::MAX,
            back @ 240.. => next.saturating_sub(u64::from(back - 239)),
            ahead @ 230.. => next.saturating_add(u64::from(ahead - 229)),
            _ => next,
        }
    }

    fn control(&self, script: &mut Script<'_>) -> ToClient {
        let kind = script.byte();
        let seq = self.next_seq(script);
        let who = script.byte();
        match kind % 8 {
            0..=2 => {
                let mut members: Vec<_> = (0..NAMES.len())
                    .filter(|at| who >> at & 1 != 0)
                    .map(|at| presence(u8::try_from(at).unwrap()))
                    .collect();
                if kind >= 128 {
                    members.extend(members.first().cloned());
                }
                ToClient::Entered { seq, members }
            }
            3 | 4 => ToClient::MemberEntered { seq, member: presence(who) },
            5 | 6 => {
                let name = presence(who).name;
                ToClient::MemberLeft { seq, name, reason: LeaveReason::Dropped }
            }
            _ if kind < 128 => ToClient::Challenge { challenge: Hex([who; 32]) },
            _ => ToClient::Welcome(welcome(true, seq)),
        }
    }

    fn receive_control(&mut self, text: &str) {
        let heard = wire::decode::<ToClient>(text).ok();
        let before = self.seq;
        let done = self.state.receive_control(text);
        if done.is_ok() {
            match heard.expect("what was taken can be read") {
                ToClient::Entered { seq, .. } => {
                    assert!(before.is_none() && self.asked, "we entered once, having asked");
                    self.seq = Some(seq);
                    self.asked = false;
                    self.written.clear();
                    self.at = 0;
                }
                ToClient::MemberEntered { seq, .. } => self.follows(seq),
                ToClient::MemberLeft { seq, name, .. } => {
                    self.follows(seq);
                    if name == NAMES[0] {
                        self.seq = None;
                    }
                }
                ToClient::Challenge { .. } | ToClient::Welcome(_) => panic!("out of place"),
            }
        }
        self.judge(done);
    }

    fn receive_packet(&mut self, frame: &[u8]) {
        let done = self.state.receive_packet(frame);
        if done.is_ok() {
            let (seq, ..) = wire::decode_packet(frame).expect("what was taken can be read");
            self.follows(seq);
        }
        self.judge(done);
    }

    fn follows(&mut self, seq: u64) {
        assert_eq!(self.seq.and_then(|last| last.checked_add(1)), Some(seq), "none is missing");
        self.seq = Some(seq);
    }

    /// Does what the connection does.
    fn judge(&mut self, done: Result<(), Fault>) {
        match done {
            Ok(()) => self.played.taken += 1,
            Err(Fault::Gap) => {
                self.played.refused += 1;
                self.state.lose_stay();
                self.seq = None;
            }
            Err(Fault::Violation(what)) => {
                self.played.refused += 1;
                self.end(what);
            }
        }
    }

    fn end(&mut self, why: &str) {
        self.state.end(ChannelError::new(why));
        self.seq = None;
    }

    /// A new connection, with which the relay lets the stay go on, or says so, or does not.
    fn connect(&mut self, script: &mut Script<'_>) {
        let resumed = script.byte() < 200;
        let received = u64::from(script.byte() % 8);
        match self.state.connected(&welcome(resumed, received)) {
            Ok(()) if resumed && self.seq.is_some() => {
                self.played.resumed += 1;
                let received = usize::try_from(received).unwrap();
                assert!(received <= self.written.len(), "more arrived than was sent");
                self.at = received;
            }
            Ok(()) if resumed => assert!(self.asked, "there is no stay to go on with"),
            Ok(()) => (self.seq, self.asked) = (None, false),
            Err(_) => {
                self.played.refused += 1;
                self.end("the relay breaks its protocol");
            }
        }
    }

    /// Takes an event, which must be one that a group channel promises here.
    fn take_event(&mut self) -> bool {
        let Some(Ok(event)) = self.state.next_event() else {
            assert_eq!(self.state.event_bytes(), 0);
            return false;
        };
        let owner = name(0);
        match (event, &mut self.view) {
            (ChannelEvent::Identity { member, .. }, _) => assert_eq!(member.check(), Ok(())),
            (ChannelEvent::Entered { members }, view @ None) => {
                assert!(members.contains(&owner));
                *view = Some(members);
            }
            (ChannelEvent::Left, view @ Some(_)) => *view = None,
            (ChannelEvent::Changed { enter, leave }, Some(view)) => {
                assert!(enter.len() + leave.len() > 0);
                assert!(!enter.contains(&owner) && !leave.contains(&owner));
                for member in &leave {
                    assert!(view.remove(member), "{member} was not there");
                }
                for member in &enter {
                    assert!(view.insert(member.clone()), "{member} was there");
                }
            }
            (ChannelEvent::Packet { sender, .. }, Some(view)) => assert!(view.contains(&sender)),
            (event, view) => panic!("{event:?} while the room was {view:?}"),
        }
        true
    }

    fn take_events(&mut self) {
        while self.take_event() {}
        assert_eq!(self.view.is_some(), self.seq.is_some(), "the owner knows where it is");
    }

    /// The stay goes on where we are.
    fn check(&self) {
        let resume = self.state.resume().map(|resume| resume.seq);
        match (self.seq, self.asked) {
            (Some(seq), _) => assert_eq!(resume, Some(seq)),
            // Unless the owner has asked again since, or lost the stay before it knew of it.
            (None, true) => assert!(matches!(resume, Some(0) | None)),
            (None, false) => assert_eq!(resume, None),
        }
        assert!(self.seq.is_some() || !self.state.is_staying());
    }
}

fn name(at: u8) -> MemberId {
    MemberId::from_wire(NAMES[usize::from(at) % NAMES.len()].as_bytes())
}

fn names(mask: u8) -> MemberSet {
    (0..8).filter(|at| mask >> at & 1 != 0).map(name).collect()
}

fn presence(at: u8) -> Presence {
    let name = NAMES[usize::from(at) % NAMES.len()].to_owned();
    Presence { name, key: Hex([at; 32]) }
}

fn welcome(resumed: bool, received: u64) -> Welcome {
    Welcome { resumed, received, max_packet: 1 << 18, grace_ms: 0, ping_ms: 0 }
}

/// The owner, others, and names that nobody can have.
const NAMES: [&str; 8] = ["me", "ann", "bob", "eve", "zoë", "a\"b\\c", "", "line\nbreak"];
