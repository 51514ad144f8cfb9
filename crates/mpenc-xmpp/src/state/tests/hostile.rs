//! Occupants of the room who are no members of anything, and wish us ill.

use super::*;
use crate::limits::{MAX_ANSWERS, MAX_OCCUPANTS};

fn error(from: &str, id: &str, condition: &str) -> Stanza {
    Stanza::Message(message(&format!(
        "<message xmlns='jabber:client' type='error' id='{id}' from='{from}'>\
         <error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>\
         </message>"
    )))
}

fn iq(kind: &str, id: &str, from: &str, payload: &str) -> Stanza {
    let xml =
        format!("<iq xmlns='jabber:client' type='{kind}' id='{id}' from='{from}'>{payload}</iq>");
    Stanza::try_from(xml.parse::<Element>().unwrap()).unwrap()
}

const NOT_ACCEPTABLE: &str = "<error type='cancel'>\
    <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";

#[test]
fn addresses_that_are_too_long_are_nobodys() {
    let long = format!("eve@example.org/{}", "x".repeat(300));
    let mut play = Play::new();
    play.request(ChannelRequest::Enter);
    play.receive(presence("eve", "", &long, ""));
    let events = play.receive(presence("a", "", OURS, &status(&[100, 110])));
    assert_eq!(events, [ChannelEvent::Entered { members: set(&[OURS]) }], "before us");
    assert_eq!(play.receive(presence("eve2", "", &long, "")), [], "after us");
    assert_eq!(play.receive(said("eve2", "n='1' part='0' of='1'", "AQ==")), []);
    // The place of somebody who has gone without a word.
    let bob = "bob@example.org/x";
    assert_eq!(play.receive(presence("b", "", bob, "")), [entered(bob)]);
    assert_eq!(play.receive(presence("b", "", &long, "")), [left(bob)]);
    assert_eq!(play.ended(), "");
}

#[test]
fn whoever_fills_the_room_ends_nobodys_stay() {
    let mut play = Play::inside();
    for device in 2..MAX_OCCUPANTS {
        let address = format!("eve@example.org/{device}");
        let events = play.receive(presence(&format!("eve{device}"), "", &address, ""));
        assert_eq!(events, [entered(&address)]);
    }
    let last = "carol@example.org/x";
    assert_eq!(play.receive(presence("c", "", last, "")), [], "not followed");
    assert_eq!(play.receive(presence("c", "unavailable", last, "")), []);
    assert_eq!(play.ended(), "");
    assert_eq!(play.receive(presence("bob", "", "bob@example.org/x", "")), []);
}

#[test]
fn what_others_say_in_the_rooms_name_has_no_effect() {
    let number = |xml: &str| {
        xml.split(['"', '\'']).find(|text| text.starts_with("mpenc-")).map(str::to_owned)
    };
    for condition in ["forbidden", "not-acceptable", "service-unavailable"] {
        let mut play = Play::inside();
        let written = play.send(10);
        let id = number(&written[0]).unwrap();
        assert_eq!(play.receive(error("tea@rooms.example/bob", &id, condition)), []);
        assert_eq!(play.ended(), "", "{condition}");
        assert_eq!(play.echo(&written).len(), 1, "it was not dropped");
        // The room itself, but about nothing that is under way.
        assert_eq!(play.receive(error("tea@rooms.example", &id, condition)), []);
        assert_eq!(play.ended(), "", "{condition}");
        let id = number(&play.send(10)[0]).unwrap();
        play.receive(error("tea@rooms.example", &id, condition));
        assert_eq!(play.ended().is_empty(), condition != "forbidden");
    }
    let mut play = Play::inside();
    play.wait(SELF_PING);
    assert_eq!(play.receive(iq("error", "ping-1", "tea@rooms.example/bob", NOT_ACCEPTABLE)), []);
    let events = play.receive(iq("error", "ping-1", "tea@rooms.example/a", NOT_ACCEPTABLE));
    assert_eq!(events, [ChannelEvent::Left]);
    // A refusal to enter, and leave to have a room of our own as it is.
    let mut play = Play::new();
    play.request(ChannelRequest::Enter);
    let xml = "<presence xmlns='jabber:client' type='error' from='tea@rooms.example/bob'>\
        <error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>\
        </presence>";
    play.receive(Stanza::try_from(xml.parse::<Element>().unwrap()).unwrap());
    assert_eq!(play.ended(), "");
    play.receive(presence("a", "", OURS, &status(&[110, 201])));
    assert_eq!(play.receive(iq("result", "configure-1", "tea@rooms.example/bob", "")), []);
    assert_eq!(play.receive(iq("result", "configure-1", "tea@rooms.example", "")).len(), 1);
}

#[test]
fn an_entry_after_a_resumption_is_no_disorder() {
    let piece = |part: u64| said("bob", &format!("n='1' part='{part}' of='3'"), "AQ==");
    let mut play = Play::inside();
    let own = play.send(1500);
    play.echo(&own[..1]);
    play.receive(piece(0));
    play.state.suspended();
    play.state.resumed(play.now);
    let carol = "carol@example.org/x";
    assert_eq!(play.receive(presence("c", "", carol, "")), [entered(carol)]);
    assert_eq!(play.receive(piece(1)), []);
    assert_eq!(play.receive(piece(2)), []);
    assert_eq!(play.echo(&own[1..]), []);
    // Whoever takes the nickname of somebody who has gone counts anew.
    play.receive(said("bob", "n='9' part='0' of='1'", "AQ=="));
    play.receive(presence("bob", "unavailable", "bob@example.org/x", ""));
    play.receive(presence("bob", "", "bob@example.org/y", ""));
    assert_eq!(play.receive(said("bob", "n='1' part='0' of='1'", "AQ==")).len(), 1);
}

#[test]
fn questions_do_not_keep_packets_back() {
    let mut play = Play::inside();
    for _ in 0..MAX_ANSWERS * 2 {
        let question = iq("get", "q", "tea@rooms.example/bob", "<ping xmlns='urn:xmpp:ping'/>");
        play.receive(question);
    }
    let written = play.send(10);
    assert_eq!(written.len(), MAX_ANSWERS + 1);
    let at = written.iter().position(|xml| xml.contains("urn:mpenc:room:0"));
    assert!(at.is_some_and(|at| at < 2), "{at:?}");
}

//= docs/spec/protocol.md#CHN-001
//= type=test
#[test]
fn what_an_earlier_attempt_told_is_not_told_again() {
    let mut play = Play::inside();
    play.receive(presence("a", "unavailable", OURS, &status(&[307])));
    assert_eq!(play.events(), []);
    // In again, under another nickname; the room has not answered in time, and answers late.
    play.state.request(ChannelRequest::Enter, "b");
    play.written();
    play.wait(ANSWER_TIMEOUT);
    assert!(play.wait(ENTER_PAUSE).iter().any(|xml| xml.contains("maxstanzas")));
    play.receive(presence("bob", "", "bob@example.org/x", ""));
    play.receive(presence("b", "", OURS, &status(&[100, 110])));
    assert_eq!(play.events(), [], "an answer to what was taken back");
    play.receive(presence("b", "unavailable", OURS, &status(&[110])));
    // Bob leaves meanwhile, which nobody tells those who are not inside.
    play.receive(presence("carol", "", "carol@example.org/x", ""));
    let nick = play.nick();
    assert_ne!(nick, "b");
    let members = set(&[OURS, "carol@example.org/x"]);
    let events = play.receive(presence(&nick, "", OURS, &status(&[100, 110])));
    assert_eq!(events, [ChannelEvent::Entered { members }]);
    // What comes while nothing is asked is of an earlier stay.
    let mut play = Play::inside();
    play.state.reset();
    play.events();
    play.state.request(ChannelRequest::Enter, "b");
    play.receive(presence("dave", "", "dave@example.org/x", ""));
    play.written();
    let events = play.receive(presence("b", "", OURS, &status(&[100, 110])));
    assert_eq!(events, [ChannelEvent::Entered { members: set(&[OURS]) }]);
}
