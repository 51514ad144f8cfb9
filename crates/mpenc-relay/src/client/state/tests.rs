use super::*;
use crate::wire::LeaveReason;

fn id(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

fn presence(name: &str) -> Presence {
    Presence { name: name.to_owned(), key: Hex([1; 32]) }
}

fn welcome(received: Option<u64>) -> Welcome {
    Welcome {
        resumed: received.is_some(),
        received: received.unwrap_or(0),
        max_packet: MAX_PACKET_LEN,
        grace_ms: 0,
        ping_ms: 0,
    }
}

fn send(bytes: &[u8]) -> ChannelRequest {
    ChannelRequest::Send { recipients: MemberSet::new(), bytes: bytes.to_vec() }
}

fn kick(name: &str) -> ChannelRequest {
    ChannelRequest::Change { enter: MemberSet::new(), leave: MemberSet::of(&id(name)) }
}

/// A request of the owner, with a ticket that is its own if it is one to enter.
fn ask(state: &mut State, request: ChannelRequest) {
    state.request(request, Hex([2; 16]));
}

fn new() -> State {
    let mut state = State::new(id("me"));
    state.connected(&welcome(None)).unwrap();
    state
}

/// In the room with bob, after event 5.
fn inside() -> State {
    let mut state = new();
    ask(&mut state, ChannelRequest::Enter);
    assert_eq!(frames(&mut state), ["enter"]);
    control(&mut state, &entered(5, &["bob", "me"])).unwrap();
    assert_eq!(events(&mut state), ["key bob", "entered bob, me"]);
    state
}

fn entered(seq: u64, names: &[&str]) -> ToClient {
    let members = names.iter().map(|name| presence(name)).collect();
    ToClient::Entered { seq, members }
}

fn left(seq: u64, name: &str) -> ToClient {
    ToClient::MemberLeft { seq, name: name.to_owned(), reason: LeaveReason::Kicked }
}

fn control(state: &mut State, control: &ToClient) -> Result<(), Fault> {
    state.receive_control(&wire::encode(control))
}

fn packet(state: &mut State, seq: u64, sender: &str, text: &str) -> Result<(), Fault> {
    state.receive_packet(&wire::encode_packet(seq, &id(sender), text.as_bytes()))
}

/// Everything the connection is to send, in short.
fn frames(state: &mut State) -> Vec<String> {
    let mut frames = Vec::new();
    while let Some(frame) = state.next_frame() {
        frames.push(match frame {
            Message::Binary(bytes) => format!("send {}", String::from_utf8_lossy(&bytes)),
            Message::Text(text) => match serde_json::from_str(text.as_str()).unwrap() {
                ToRelay::Enter { .. } => "enter".to_owned(),
                ToRelay::Leave => "leave".to_owned(),
                ToRelay::Kick { name } => format!("kick {name}"),
                other @ ToRelay::Hello(_) => panic!("{other:?}"),
            },
            other @ (Message::Ping(_)
            | Message::Pong(_)
            | Message::Close(_)
            | Message::Frame(_)) => panic!("{other:?}"),
        });
    }
    frames
}

/// Everything the owner is told, in short.
fn events(state: &mut State) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(event) = state.next_event() {
        events.push(match event {
            Ok(ChannelEvent::Entered { members }) => format!("entered {members}"),
            Ok(ChannelEvent::Left) => "left".to_owned(),
            Ok(ChannelEvent::Changed { enter, leave }) => format!("+{enter} -{leave}"),
            Ok(ChannelEvent::Packet { sender, bytes }) => {
                format!("{sender}: {}", String::from_utf8_lossy(&bytes))
            }
            Ok(ChannelEvent::Identity { member, .. }) => format!("key {member}"),
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                events.push(format!("end: {error}"));
                break;
            }
        });
    }
    assert!(state.events.is_empty());
    assert_eq!(state.event_bytes(), 0);
    events
}

//= docs/spec/protocol.md#CHN-001
//= type=test
#[test]
fn first_comes_entered_then_everything_else() {
    let mut state = inside();
    control(&mut state, &ToClient::MemberEntered { seq: 6, member: presence("eve") }).unwrap();
    packet(&mut state, 7, "eve", "hi").unwrap();
    control(&mut state, &left(8, "bob")).unwrap();
    control(&mut state, &left(9, "me")).unwrap();
    assert_eq!(events(&mut state), ["key eve", "+eve -", "eve: hi", "+ -bob", "left"]);
    assert_eq!(frames(&mut state), Vec::<String>::new(), "the owner decides about returning");
}

//= docs/spec/protocol.md#CHN-002
//= type=test
//= docs/spec/protocol.md#CHN-003
//= type=test
#[test]
fn a_relay_cannot_contradict_itself() {
    fn check(frame: &ToClient) {
        assert!(matches!(control(&mut inside(), frame), Err(Fault::Violation(_))), "{frame:?}");
    }
    check(&ToClient::MemberEntered { seq: 6, member: presence("bob") });
    check(&ToClient::MemberEntered { seq: 6, member: presence("me") });
    check(&ToClient::MemberEntered { seq: 6, member: presence("") });
    check(&left(6, "eve"));
    check(&entered(6, &["bob", "me"]));
    check(&ToClient::Challenge { challenge: Hex([0; 32]) });
    check(&ToClient::Welcome(welcome(None)));
    let mut state = new();
    assert!(control(&mut state, &entered(1, &["me"])).is_err(), "not asked for");
    assert!(packet(&mut state, 1, "bob", "x").is_err(), "out of the room");
    assert!(state.receive_packet(&[0; 8]).is_err());
    assert!(state.receive_control("{}").is_err());
    ask(&mut state, ChannelRequest::Enter);
    frames(&mut state);
    assert!(control(&mut state, &entered(1, &["bob"])).is_err(), "without us");
    assert!(control(&mut state, &entered(1, &["me", "bob", "bob"])).is_err());
}

//= docs/spec/protocol.md#CHN-004
//= type=test
#[test]
fn packets_of_strangers_are_dropped() {
    let mut state = inside();
    packet(&mut state, 6, "eve", "psst").unwrap();
    packet(&mut state, 7, "bob", "hello").unwrap();
    assert_eq!(events(&mut state), ["bob: hello"]);
}

//= docs/spec/protocol.md#CHN-014
//= type=test
#[test]
fn packets_are_bounded_both_ways() {
    let mut state = inside();
    ask(&mut state, send(&vec![b'x'; MAX_PACKET_LEN + 1]));
    assert_eq!(frames(&mut state), Vec::<String>::new());
    ask(&mut state, send(&vec![b'x'; MAX_PACKET_LEN]));
    assert_eq!(frames(&mut state).len(), 1);
    packet(&mut state, 6, "bob", &"x".repeat(MAX_PACKET_LEN + 1)).unwrap();
    assert_eq!(events(&mut state), Vec::<String>::new());
    packet(&mut state, 7, "bob", &"x".repeat(MAX_PACKET_LEN)).unwrap();
    assert_eq!(events(&mut state).len(), 1);
}

//= docs/spec/protocol.md#CHN-011
//= type=test
#[test]
fn gaps_are_found() {
    fn check(seq: u64) {
        let mut state = inside();
        assert_eq!(packet(&mut state, seq, "bob", "x"), Err(Fault::Gap));
        assert_eq!(control(&mut inside(), &left(seq, "bob")), Err(Fault::Gap));
        assert_eq!(events(&mut state), Vec::<String>::new());
    }
    check(5);
    check(7);
    check(0);
    check(u64::MAX);
}

//= docs/spec/protocol.md#CHN-006
//= type=test
#[test]
fn requests_out_of_the_room_have_no_effect() {
    let mut state = new();
    ask(&mut state, send(b"x"));
    ask(&mut state, kick("bob"));
    ask(&mut state, ChannelRequest::Leave);
    assert_eq!(frames(&mut state), Vec::<String>::new());
}

#[test]
fn requests_go_out_in_order() {
    let mut state = inside();
    ask(&mut state, ChannelRequest::Enter);
    ask(&mut state, send(b"1"));
    ask(&mut state, kick("bob"));
    ask(&mut state, kick("me"));
    ask(&mut state, send(b"2"));
    ask(&mut state, ChannelRequest::Leave);
    ask(&mut state, ChannelRequest::Leave);
    ask(&mut state, send(b"3"));
    assert!(!state.is_staying());
    assert_eq!(frames(&mut state), ["send 1", "kick bob", "send 2", "leave"]);
    assert_eq!(state.unwritten_bytes(), 0);
}

#[test]
fn leaving_and_entering_may_overtake_the_answers() {
    let mut state = new();
    ask(&mut state, ChannelRequest::Enter);
    frames(&mut state);
    ask(&mut state, ChannelRequest::Leave);
    control(&mut state, &entered(1, &["me"])).unwrap();
    assert_eq!(frames(&mut state), ["leave"]);
    ask(&mut state, ChannelRequest::Enter);
    assert_eq!(frames(&mut state), Vec::<String>::new(), "first out, then in");
    control(&mut state, &left(2, "me")).unwrap();
    assert_eq!(frames(&mut state), ["enter"]);
    control(&mut state, &entered(3, &["me"])).unwrap();
    assert_eq!(events(&mut state), ["entered me", "left", "entered me"]);
    assert_eq!(frames(&mut state), Vec::<String>::new());
}

#[test]
fn what_did_not_arrive_is_repeated() {
    fn check(echoed: u64, received: u64, expect: &[&str]) {
        let mut state = inside();
        ask(&mut state, send(b"1"));
        ask(&mut state, kick("bob"));
        ask(&mut state, send(b"2"));
        assert_eq!(frames(&mut state), ["send 1", "kick bob", "send 2"]);
        for number in 1..=echoed {
            packet(&mut state, 5 + number, "me", &number.to_string()).unwrap();
        }
        ask(&mut state, send(b"3"));
        assert_eq!(state.resume(), Some(Resume { ticket: Hex([2; 16]), seq: 5 + echoed }));
        state.connected(&welcome(Some(received))).unwrap();
        assert_eq!(frames(&mut state), expect);
        assert_eq!(state.unwritten_bytes(), 0);
        assert!(state.is_staying());
    }
    check(0, 0, &["send 1", "kick bob", "send 2", "send 3"]);
    check(0, 2, &["send 2", "send 3"]);
    check(1, 1, &["kick bob", "send 2", "send 3"]);
    check(1, 3, &["send 3"]);
    check(2, 3, &["send 3"]);
}

#[test]
fn a_relay_cannot_count_what_was_not_sent() {
    let mut state = inside();
    ask(&mut state, send(b"1"));
    frames(&mut state);
    packet(&mut state, 6, "me", "1").unwrap();
    assert!(state.connected(&welcome(Some(0))).is_err());
    assert!(state.connected(&welcome(Some(2))).is_err());
    assert!(new().connected(&welcome(Some(0))).is_err());
    // Asked for, but not written to any connection.
    ask(&mut state, send(b"2"));
    assert!(state.connected(&welcome(Some(2))).is_err());
    assert_eq!(frames(&mut state), ["send 2"]);
    assert_eq!(state.connected(&welcome(Some(2))), Ok(()));
    assert_eq!(frames(&mut state), Vec::<String>::new());
}

#[test]
fn a_lost_stay_is_left_once() {
    let mut state = inside();
    ask(&mut state, send(b"1"));
    state.connected(&welcome(None)).unwrap();
    state.lose_stay();
    assert_eq!(events(&mut state), ["left"]);
    assert_eq!(frames(&mut state), Vec::<String>::new());
    assert_eq!((state.resume(), state.unwritten_bytes()), (None, 0));
    ask(&mut state, ChannelRequest::Enter);
    assert_eq!(frames(&mut state), ["enter"]);
}

#[test]
fn a_request_to_enter_survives_the_connection() {
    fn check(received: Option<u64>, again: &[&str]) {
        let mut state = new();
        ask(&mut state, ChannelRequest::Enter);
        assert_eq!(state.resume(), None, "not asked yet");
        assert_eq!(frames(&mut state), ["enter"]);
        assert_eq!(state.resume(), Some(Resume { ticket: Hex([2; 16]), seq: 0 }));
        state.connected(&welcome(received)).unwrap();
        assert_eq!(frames(&mut state), again);
        control(&mut state, &entered(9, &["me"])).unwrap();
        assert_eq!(events(&mut state), ["entered me"]);
    }
    check(None, &["enter"]);
    check(Some(0), &[]);
}

#[test]
fn nobody_enters_who_changed_their_mind() {
    let mut state = new();
    ask(&mut state, ChannelRequest::Enter);
    ask(&mut state, ChannelRequest::Leave);
    assert_eq!(frames(&mut state), Vec::<String>::new());
    ask(&mut state, ChannelRequest::Enter);
    assert_eq!(frames(&mut state), ["enter"]);
    ask(&mut state, ChannelRequest::Leave);
    state.connected(&welcome(None)).unwrap();
    assert_eq!(frames(&mut state), Vec::<String>::new());
}

#[test]
fn the_end_comes_after_everything_else() {
    let mut state = inside();
    packet(&mut state, 6, "bob", "x").unwrap();
    state.end(ChannelError::new("gone"));
    state.end(ChannelError::new("again"));
    assert_eq!(events(&mut state), ["bob: x", "left", "end: gone"]);
    assert_eq!(events(&mut state), ["end: gone"]);
}

#[test]
fn retention_is_bounded() {
    let mut state = inside();
    for _ in 0..=RETAIN_LIMIT / MAX_PACKET_LEN {
        ask(&mut state, send(&vec![0; MAX_PACKET_LEN]));
        frames(&mut state);
    }
    assert!(state.retained_bytes <= RETAIN_LIMIT);
    assert_eq!(state.resume(), None, "too much is under way to be repeated");
}
