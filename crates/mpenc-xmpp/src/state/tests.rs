mod hostile;

use core::time::Duration;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{MemberId, MemberSet, PublicKey};
use tokio::time::Instant;
use tokio_xmpp::Stanza;
use tokio_xmpp::minidom::Element;

use super::State;
use crate::element::tests::message;
use crate::limits::{
    ANSWER_TIMEOUT, ECHO_TIMEOUT, ENTER_PAUSE, MAX_PACKET_LEN, MAX_TRIES, REFUSED_PAUSE,
    RESUMED_WATCH, SELF_PING,
};

/// A room that is played by hand.
struct Play {
    state: State,
    now: Instant,
}

const OURS: &str = "alice@example.org/mpenc";

fn id(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

fn set(names: &[&str]) -> MemberSet {
    names.iter().map(|name| id(name)).collect()
}

fn presence(nick: &str, kind: &str, jid: &str, inside: &str) -> Stanza {
    let kind = if kind.is_empty() { String::new() } else { format!(" type='{kind}'") };
    let jid = if jid.is_empty() { String::new() } else { format!(" jid='{jid}'") };
    let xml = format!(
        "<presence xmlns='jabber:client' from='tea@rooms.example/{nick}'{kind}>\
         <x xmlns='http://jabber.org/protocol/muc#user'>\
         <item affiliation='none' role='participant'{jid}/>{inside}</x></presence>"
    );
    let element: Element = xml.parse().unwrap();
    Stanza::try_from(element).unwrap()
}

fn status(codes: &[u16]) -> String {
    codes.iter().map(|code| format!("<status code='{code}'/>")).collect()
}

fn said(nick: &str, attributes: &str, base64: &str) -> Stanza {
    Stanza::Message(message(&format!(
        "<message xmlns='jabber:client' type='groupchat' from='tea@rooms.example/{nick}'>\
         <packet xmlns='urn:mpenc:room:0' {attributes}>{base64}</packet></message>"
    )))
}

impl Play {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "any moment will do")]
        let now = Instant::now();
        let room = "tea@rooms.example".parse().unwrap();
        let state = State::new(id(OURS), PublicKey::new([1; 32]), room, None, 512);
        Self { state, now }
    }

    /// Inside, with bob.
    fn inside() -> Self {
        let mut play = Self::new();
        play.request(ChannelRequest::Enter);
        play.state.receive(presence("bob", "", "bob@example.org/x", ""), play.now);
        play.state.receive(presence("a", "", OURS, &status(&[100, 110])), play.now);
        let members = set(&[OURS, "bob@example.org/x"]);
        assert_eq!(play.events(), [ChannelEvent::Entered { members }]);
        play
    }

    fn request(&mut self, request: ChannelRequest) -> Vec<String> {
        self.state.request(request, "a");
        self.written()
    }

    fn send(&mut self, len: usize) -> Vec<String> {
        let bytes = vec![7; len];
        self.request(ChannelRequest::Send { recipients: MemberSet::new(), bytes })
    }

    fn receive(&mut self, stanza: Stanza) -> Vec<ChannelEvent> {
        self.state.receive(stanza, self.now);
        self.events()
    }

    /// Gives back what was written, as the room would.
    fn echo(&mut self, written: &[String]) -> Vec<ChannelEvent> {
        for xml in written {
            let xml = xml.replace("to=\"tea@rooms.example\"", "from=\"tea@rooms.example/a\"");
            let xml = xml.replace("to='tea@rooms.example'", "from='tea@rooms.example/a'");
            self.state.receive(Stanza::Message(message(&xml)), self.now);
        }
        self.events()
    }

    fn written(&mut self) -> Vec<String> {
        core::iter::from_fn(|| self.state.next_stanza(self.now))
            .map(|stanza| String::from(&Element::from(stanza)))
            .collect()
    }

    fn events(&mut self) -> Vec<ChannelEvent> {
        core::iter::from_fn(|| self.state.next_event()).map_while(Result::ok).collect()
    }

    fn ended(&self) -> String {
        self.state.ended().map(ToString::to_string).unwrap_or_default()
    }

    fn wait(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.state.handle_timeout(self.now);
        self.written()
    }
}

fn entered(name: &str) -> ChannelEvent {
    ChannelEvent::Changed { enter: set(&[name]), leave: MemberSet::new() }
}

fn left(name: &str) -> ChannelEvent {
    ChannelEvent::Changed { enter: MemberSet::new(), leave: set(&[name]) }
}

//= docs/spec/protocol.md#CHN-001
//= type=test
#[test]
fn nothing_is_told_before_our_own_presence() {
    let mut play = Play::new();
    let written = play.request(ChannelRequest::Enter);
    assert!(written[0].contains("maxstanzas"), "no history: {written:?}");
    assert!(written[0].contains("identity"), "our key: {written:?}");
    assert_eq!(play.receive(presence("bob", "", "bob@example.org/x", "")), []);
    assert_eq!(play.receive(said("bob", "n='1' part='0' of='1'", "AQ==")), []);
    let events = play.receive(presence("a", "", OURS, &status(&[100, 110])));
    let members = set(&[OURS, "bob@example.org/x"]);
    assert_eq!(events, [ChannelEvent::Entered { members }]);
}

#[test]
fn a_new_room_is_made_to_show_addresses() {
    let mut play = Play::new();
    play.request(ChannelRequest::Enter);
    assert_eq!(play.receive(presence("a", "", OURS, &status(&[110, 201]))), []);
    let written = play.written();
    assert!(written[0].contains("muc#roomconfig_whois"), "{written:?}");
    let done =
        "<iq xmlns='jabber:client' type='result' id='configure-1' from='tea@rooms.example'/>";
    let done = Stanza::try_from(done.parse::<Element>().unwrap()).unwrap();
    assert_eq!(play.receive(done), [ChannelEvent::Entered { members: set(&[OURS]) }]);
}

#[test]
fn a_room_that_hides_addresses_is_refused_with_advice() {
    let mut play = Play::new();
    let mut tries = 0;
    play.request(ChannelRequest::Enter);
    while play.ended().is_empty() {
        // Its creator might be about to change that.
        let nick = play.nick();
        play.receive(presence(&nick, "", "", &status(&[110])));
        play.wait(ENTER_PAUSE);
        tries += 1;
    }
    assert_eq!(tries, 6);
    assert!(play.ended().contains("muc#roomconfig_whois"), "{}", play.ended());
    assert_eq!(play.events(), []);
}

impl Play {
    fn nick(&self) -> String {
        match &self.state.phase {
            super::Phase::Outside => String::new(),
            super::Phase::Entering(entering) => entering.nick.clone(),
            super::Phase::Inside(stay) => stay.nick.clone(),
        }
    }
}

//= docs/spec/protocol.md#CHN-003
//= type=test
#[test]
fn who_comes_goes_and_changes_the_nickname() {
    let mut play = Play::inside();
    let carol = "carol@example.org/x";
    assert_eq!(play.receive(presence("c", "", carol, "")), [entered(carol)]);
    assert_eq!(play.receive(presence("c", "", carol, "")), [], "another status");
    let new = "<status code='303'/><item affiliation='none' role='participant' nick='cc'/>";
    assert_eq!(play.receive(presence("c", "unavailable", carol, new)), []);
    assert_eq!(play.receive(presence("cc", "", carol, "")), []);
    let packet = play.receive(said("cc", "n='1' part='0' of='1'", "AQ=="));
    assert_eq!(packet, [ChannelEvent::Packet { sender: id(carol), bytes: vec![1] }]);
    // A nickname that changes hands is somebody else.
    let eve = "eve@example.org/x";
    assert_eq!(play.receive(presence("cc", "", eve, "")), [left(carol), entered(eve)]);
    assert_eq!(play.receive(presence("cc", "unavailable", eve, &status(&[307]))), [left(eve)]);
    assert_eq!(play.receive(presence("x", "", OURS, "")), [], "nobody else is we");
}

//= docs/spec/protocol.md#CHN-004
//= type=test
#[test]
fn packets_of_strangers_and_old_ones_are_dropped() {
    let mut play = Play::inside();
    assert_eq!(play.receive(kept_back("", 1)), []);
    assert_eq!(play.receive(said("nobody", "n='1' part='0' of='1'", "AQ==")), []);
    assert_eq!(play.receive(said("bob", "n='1' part='0' of='1'", "!")), []);
    let elsewhere = message(
        "<message xmlns='jabber:client' type='groupchat' from='other@rooms.example/bob'>\
         <packet xmlns='urn:mpenc:room:0' n='1' part='0' of='1'>AQ==</packet></message>",
    );
    assert_eq!(play.receive(Stanza::Message(elsewhere)), []);
}

/// A packet of Bob's that somebody has kept back.
fn kept_back(by: &str, number: usize) -> Stanza {
    let from = if by.is_empty() { String::new() } else { format!("from='{by}'") };
    Stanza::Message(message(&format!(
        "<message xmlns='jabber:client' type='groupchat' from='tea@rooms.example/bob'>\
         <packet xmlns='urn:mpenc:room:0' n='{number}' part='0' of='1'>AQ==</packet>\
         <delay xmlns='urn:xmpp:delay' {from} stamp='2026-01-01T00:00:00Z'/></message>"
    )))
}

//= docs/spec/protocol.md#CHN-011
//= type=test
#[test]
fn what_comes_late_over_a_stream_that_was_resumed_is_not_old() {
    let came = |events: Vec<ChannelEvent>| matches!(&events[..], [ChannelEvent::Packet { .. }]);
    let mut play = Play::inside();
    assert_eq!(play.receive(kept_back("tea@rooms.example", 1)), [], "history");
    assert!(came(play.receive(kept_back("alice@example.org", 2))), "kept for us by our server");
    let mut play = Play::inside();
    let subject = message(
        "<message xmlns='jabber:client' type='groupchat' from='tea@rooms.example/bob'>\
         <subject>tea</subject><delay xmlns='urn:xmpp:delay' from='tea@rooms.example' \
         stamp='2026-01-01T00:00:00Z'/></message>",
    );
    assert_eq!(play.receive(kept_back("", 1)), [], "history");
    assert_eq!(play.receive(Stanza::Message(subject)), []);
    // Whoever kept it back: the room tells of its past only before its subject.
    assert!(came(play.receive(kept_back("", 2))));
    assert!(came(play.receive(kept_back("tea@rooms.example", 3))));
}

//= docs/spec/protocol.md#CHN-011
//= type=test
#[test]
fn what_a_resumed_stream_brings_out_of_order_ends_the_stay() {
    let piece = |n: u64, part: u64| said("bob", &format!("n='{n}' part='{part}' of='3'"), "AQ==");
    let resumed = || {
        let mut play = Play::inside();
        play.receive(piece(1, 0));
        play.state.suspended();
        play.state.resumed(play.now);
        play
    };
    let mut play = resumed();
    for part in [1, 2] {
        play.receive(piece(1, part));
    }
    assert!(play.receive(said("bob", "n='2' part='0' of='1'", "AQ==")).len() == 1, "in order");
    // A piece that overtakes another, and a packet.
    assert_eq!(play.receive(piece(3, 1)), [ChannelEvent::Left]);
    let mut play = resumed();
    play.receive(said("bob", "n='4' part='0' of='1'", "AQ=="));
    assert_eq!(play.receive(said("bob", "n='3' part='0' of='1'", "AQ==")), [ChannelEvent::Left]);
    // Later, or without that, a piece that does not fit is only dropped.
    let mut play = resumed();
    play.wait(RESUMED_WATCH);
    assert_eq!(play.receive(piece(3, 1)), []);
    assert_eq!(Play::inside().receive(piece(3, 1)), []);
}

#[test]
fn the_room_can_end_our_stay_in_many_ways() {
    for code in [301, 307, 321, 322, 332, 333] {
        let mut play = Play::inside();
        let gone = presence("a", "unavailable", OURS, &status(&[110, code]));
        assert_eq!(play.receive(gone), [ChannelEvent::Left], "{code}");
        assert_eq!(play.send(10), Vec::<String>::new(), "out is out");
        assert!(play.request(ChannelRequest::Enter)[0].contains("presence"), "and back in");
    }
    let mut play = Play::inside();
    let gone = presence("a", "unavailable", "", "<destroy><reason>tidy</reason></destroy>");
    assert_eq!(play.receive(gone), [ChannelEvent::Left]);
    let mut play = Play::inside();
    play.state.reset();
    assert_eq!(play.events(), [ChannelEvent::Left], "a new stream without the old one's state");
}

//= docs/spec/protocol.md#CHN-011
//= type=test
#[test]
fn silence_is_asked_about_and_then_believed() {
    let mut play = Play::inside();
    assert!(play.wait(SELF_PING - Duration::from_secs(1)).is_empty());
    let asked = play.wait(Duration::from_secs(1));
    assert!(asked[0].contains("urn:xmpp:ping"), "{asked:?}");
    let no = |condition: &str| {
        let xml = format!(
            "<iq xmlns='jabber:client' type='error' id='ping-1' from='tea@rooms.example/a'>\
             <error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             </error></iq>"
        );
        Stanza::try_from(xml.parse::<Element>().unwrap()).unwrap()
    };
    assert_eq!(play.receive(no("service-unavailable")), [], "we were reached");
    play.wait(SELF_PING);
    let mut other = Play::inside();
    other.wait(SELF_PING);
    assert_eq!(other.receive(no("not-acceptable")), [ChannelEvent::Left]);
    // Nobody answers at all.
    play.wait(ANSWER_TIMEOUT);
    play.wait(ANSWER_TIMEOUT);
    assert_eq!(play.events(), [ChannelEvent::Left]);
}

//= docs/spec/protocol.md#CHN-005
//= type=test
#[test]
fn what_does_not_come_back_ends_the_stay() {
    let mut play = Play::inside();
    let written = play.send(10);
    assert_eq!(play.echo(&written).len(), 1);
    play.send(10);
    // Others talk meanwhile.
    play.now += ECHO_TIMEOUT;
    play.receive(said("bob", "n='1' part='0' of='1'", "AQ=="));
    play.wait(Duration::ZERO);
    assert_eq!(play.events(), [ChannelEvent::Left]);
}

#[test]
fn an_entry_between_two_pieces_drops_the_packet_for_all_and_it_is_sent_anew() {
    let mut play = Play::inside();
    let pieces = play.send(1500);
    assert_eq!(pieces.len(), 3);
    assert_eq!(play.send(10), Vec::<String>::new(), "the next one waits");
    assert_eq!(play.echo(&pieces[..1]), []);
    let carol = "carol@example.org/x";
    assert_eq!(play.receive(presence("c", "", carol, "")), [entered(carol)]);
    assert_eq!(play.echo(&pieces[1..]), [], "nobody puts these together");
    let again = play.written();
    assert_eq!(again.len(), 3);
    assert_ne!(again, pieces, "another number");
    let bytes = vec![7; 1500];
    assert_eq!(play.echo(&again), [ChannelEvent::Packet { sender: id(OURS), bytes }]);
    assert_eq!(play.written().len(), 1, "now the next one");
    // The same for somebody else's packet.
    assert_eq!(play.receive(said("bob", "n='1' part='0' of='2'", "AQ==")), []);
    play.receive(presence("d", "", "dave@example.org/x", ""));
    assert_eq!(play.receive(said("bob", "n='1' part='1' of='2'", "Ag==")), []);
}

#[test]
fn a_packet_that_is_refused_for_now_is_sent_again_in_its_place() {
    let mut play = Play::inside();
    let refuse = |n: u64| {
        Stanza::Message(message(&format!(
            "<message xmlns='jabber:client' type='error' id='mpenc-{n}' from='tea@rooms.example'>\
             <error type='wait'><resource-constraint \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )))
    };
    let number = |xml: &str| -> u64 {
        let (_, rest) = xml.split_once("mpenc-").unwrap();
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    let mut written = play.send(10);
    for tries in 1..MAX_TRIES {
        assert_eq!(play.receive(refuse(number(&written[0]))), []);
        assert_eq!(play.send(0), Vec::<String>::new(), "a pause for all");
        written = play.wait(REFUSED_PAUSE * tries);
        assert!(!written.is_empty(), "{tries}");
        let rest = written.split_off(1);
        play.echo(&rest);
    }
    play.receive(refuse(number(&written[0])));
    assert!(play.wait(REFUSED_PAUSE * MAX_TRIES).is_empty(), "given up");
    assert_eq!(play.state.outgoing_bytes(), 0);
}

//= docs/spec/protocol.md#CHN-014
//= type=test
#[test]
fn packets_over_the_limit_go_nowhere() {
    let mut play = Play::inside();
    assert_eq!(play.send(MAX_PACKET_LEN + 1), Vec::<String>::new());
    assert_eq!(play.send(MAX_PACKET_LEN).len(), 512);
}

#[test]
fn requests_reach_those_they_are_about() {
    let mut play = Play::inside();
    let change = ChannelRequest::Change {
        enter: set(&["carol@example.org/x"]),
        leave: set(&["bob@example.org/x", "nobody@example.org/x", OURS]),
    };
    let written = play.request(change);
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(written[0].contains("muc#admin") && written[0].contains("bob"), "{written:?}");
    assert!(written[1].contains("invite") && !written[1].contains("org/x"), "{written:?}");
    assert!(play.request(ChannelRequest::Leave)[0].contains("unavailable"));
    assert_eq!(play.send(10), Vec::<String>::new(), "on the way out");
    play.request(ChannelRequest::Enter);
    let events = play.receive(presence("a", "unavailable", OURS, &status(&[110])));
    assert_eq!(events, [ChannelEvent::Left]);
    assert!(play.written()[0].contains("maxstanzas"), "in again, as asked");
}

#[test]
fn refusals_end_the_channel_or_are_waited_out() {
    let refuse = |condition: &str| {
        let xml = format!(
            "<presence xmlns='jabber:client' type='error' from='tea@rooms.example/a'>\
             <error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             </error></presence>"
        );
        Stanza::try_from(xml.parse::<Element>().unwrap()).unwrap()
    };
    for (condition, why) in [
        ("not-authorized", "password"),
        ("forbidden", "banned"),
        ("registration-required", "members only"),
        ("not-allowed", "may not create"),
    ] {
        let mut play = Play::new();
        play.request(ChannelRequest::Enter);
        play.receive(refuse(condition));
        assert!(play.ended().contains(why), "{condition}: {}", play.ended());
    }
    let mut play = Play::new();
    play.request(ChannelRequest::Enter);
    play.receive(refuse("item-not-found"));
    assert_eq!(play.ended(), "", "locked by its creator, for now");
    assert!(play.wait(ENTER_PAUSE).iter().any(|xml| xml.contains("maxstanzas")));
}

#[test]
fn questions_are_answered() {
    let mut play = Play::inside();
    let ask = |payload: &str| {
        let xml = format!(
            "<iq xmlns='jabber:client' type='get' id='q' from='tea@rooms.example/bob'>{payload}</iq>"
        );
        Stanza::try_from(xml.parse::<Element>().unwrap()).unwrap()
    };
    play.receive(ask("<ping xmlns='urn:xmpp:ping'/>"));
    play.receive(ask("<query xmlns='jabber:iq:version'/>"));
    let written = play.written();
    assert!(written[0].contains("result"), "{written:?}");
    assert!(written[1].contains("service-unavailable"), "{written:?}");
}
