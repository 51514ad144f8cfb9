use super::*;
use crate::stats::Totals;

/// A room and the connections that were opened to it.
struct Test {
    room: Room,
    connections: u64,
}

/// A connection with what it was told last.
struct Client {
    id: ConnectionId,
    name: MemberId,
    told: oneshot::Receiver<Closing>,
}

fn id(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

fn key(number: u8) -> PublicKey {
    PublicKey::new([number; 32])
}

impl Test {
    fn new(backlog: usize) -> Self {
        let budget = Arc::new(Budget::new(backlog, usize::MAX));
        Self { room: Room::new(budget, Arc::new(Totals::default()), 4, None), connections: 0 }
    }

    fn admit(
        &mut self,
        name: &str,
        number: u8,
        resume: Option<Resume>,
    ) -> Result<(Client, Option<u64>), u16> {
        self.connections += 1;
        let (closer, told) = oneshot::channel();
        let client = Client { id: ConnectionId(self.connections), name: id(name), told };
        let admission =
            self.room.admit(client.id, closer, &client.name, key(number), resume.as_ref());
        match admission {
            Ok(admission) => Ok((client, admission.resumed)),
            Err(closing) => Err(closing.code),
        }
    }

    /// Connects and enters, with the key and ticket of that number.
    fn enter(&mut self, name: &str, number: u8) -> Client {
        let (client, resumed) = self.admit(name, number, None).unwrap();
        assert_eq!(resumed, None);
        self.room.enter(client.id, &client.name, Hex([number; 16]));
        client
    }

    fn say(&mut self, client: &Client, text: &str) -> bool {
        self.room.packet(client.id, &client.name, text.as_bytes())
    }

    /// Everything a connection has to be sent, in short: `3 alice: text`, `2 +bob`, `4 -bob left`.
    fn sent(&mut self, client: &Client) -> Vec<String> {
        let mut sent = Vec::new();
        while let Feed::Frames { frames, .. } = self.room.feed(client.id, &client.name, 1) {
            sent.extend(frames.iter().map(describe));
        }
        sent
    }
}

fn describe(frame: &Message) -> String {
    match frame {
        Message::Text(text) => match serde_json::from_str(text.as_str()).unwrap() {
            ToClient::Entered { seq, members, .. } => {
                let names: Vec<_> = members.into_iter().map(|it| it.name).collect();
                format!("{seq} entered {}", names.join(" "))
            }
            ToClient::MemberEntered { seq, member } => format!("{seq} +{}", member.name),
            ToClient::MemberLeft { seq, name, reason } => format!("{seq} -{name} {reason:?}"),
            other @ (ToClient::Challenge { .. } | ToClient::Welcome(_)) => panic!("{other:?}"),
        },
        Message::Binary(frame) => {
            let (seq, sender, packet) = wire::decode_packet(frame).unwrap();
            format!(
                "{seq} {}: {}",
                String::from_utf8_lossy(sender),
                String::from_utf8_lossy(packet)
            )
        }
        other @ (Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => panic!("{other:?}"),
    }
}

fn resume(number: u8, seq: u64) -> Option<Resume> {
    Some(Resume { ticket: Hex([number; 16]), seq })
}

#[test]
fn everybody_sees_one_order_with_their_own_packets() {
    let mut test = Test::new(usize::MAX);
    let alice = test.enter("alice", 1);
    let bob = test.enter("bob", 2);
    assert!(test.say(&bob, "b"));
    assert!(test.say(&alice, "a"));
    assert_eq!(test.sent(&alice), ["1 entered alice", "2 +bob", "3 bob: b", "4 alice: a"]);
    assert_eq!(test.sent(&bob), ["2 entered alice bob", "3 bob: b", "4 alice: a"]);
    assert_eq!(test.sent(&bob), Vec::<String>::new());
    let counts = test.room.counts();
    assert_eq!((counts.packets, counts.bytes, counts.members), (2, 2, 2));
}

#[test]
fn outside_the_room_nothing_is_heard_or_said() {
    let mut test = Test::new(usize::MAX);
    let (alice, _) = test.admit("alice", 1, None).unwrap();
    let bob = test.enter("bob", 2);
    assert!(!test.say(&alice, "too early"));
    test.room.leave(alice.id, &alice.name);
    test.room.kick(alice.id, &alice.name, &bob.name);
    assert_eq!(test.sent(&bob), ["1 entered bob"]);
    assert_eq!(test.sent(&alice), Vec::<String>::new());
    test.room.enter(alice.id, &alice.name, Hex([1; 16]));
    test.room.enter(alice.id, &alice.name, Hex([9; 16]));
    test.room.leave(alice.id, &alice.name);
    assert!(!test.say(&alice, "too late"));
    assert_eq!(test.sent(&alice), ["2 entered alice bob", "3 -alice Left"]);
    assert_eq!(test.sent(&bob), ["2 +alice", "3 -alice Left"]);
}

//= docs/spec/protocol.md#CHN-010
//= type=test
#[test]
fn kicked_members_leave_one_by_one_and_may_return() {
    let mut test = Test::new(usize::MAX);
    let alice = test.enter("alice", 1);
    let bob = test.enter("bob", 2);
    test.sent(&bob);
    let carol = test.enter("carol", 3);
    test.room.kick(alice.id, &alice.name, &bob.name);
    test.room.kick(alice.id, &alice.name, &carol.name);
    test.room.kick(alice.id, &alice.name, &id("nobody"));
    test.room.enter(bob.id, &bob.name, Hex([7; 16]));
    // Bob has not been sent his own leave when he returns: both come, and nothing between.
    assert_eq!(test.sent(&bob), ["3 +carol", "4 -bob Kicked", "6 entered alice bob"]);
    assert_eq!(
        test.sent(&carol),
        ["3 entered alice bob carol", "4 -bob Kicked", "5 -carol Kicked"]
    );
}

#[test]
fn a_name_belongs_to_one_key() {
    let mut test = Test::new(usize::MAX);
    let alice = test.enter("alice", 1);
    assert_eq!(test.admit("alice", 2, None).err(), Some(Closing::NAME_TAKEN));
    assert!(test.say(&alice, "still here"));
    let (again, resumed) = test.admit("alice", 1, None).unwrap();
    assert_eq!(resumed, None);
    let mut alice = alice;
    assert_eq!(alice.told.try_recv().unwrap().code, Closing::REPLACED);
    assert!(!test.say(&alice, "replaced"));
    assert!(matches!(test.room.feed(alice.id, &alice.name, 1), Feed::Over));
    assert!(!test.room.disconnected(alice.id, &alice.name, Ending::Broken));
    test.room.enter(again.id, &again.name, Hex([5; 16]));
    assert_eq!(test.sent(&again), ["4 entered alice"]);
}

#[test]
fn others_see_a_replaced_member_leave() {
    let mut test = Test::new(usize::MAX);
    let bob = test.enter("bob", 2);
    test.enter("alice", 1);
    test.admit("alice", 1, None).unwrap();
    assert_eq!(test.sent(&bob), ["1 entered bob", "2 +alice", "3 -alice Replaced"]);
}

#[test]
fn within_the_grace_a_stay_goes_on_without_a_gap() {
    let mut test = Test::new(usize::MAX);
    let alice = test.enter("alice", 1);
    let bob = test.enter("bob", 2);
    assert_eq!(test.sent(&bob), ["2 entered alice bob"]);
    assert!(test.say(&bob, "first"));
    test.room.confirm(bob.id, &bob.name, 2);
    assert!(test.room.disconnected(bob.id, &bob.name, Ending::Broken));
    assert!(test.say(&alice, "missed"));

    let (bob2, resumed) = test.admit("bob", 2, resume(2, 2)).unwrap();
    assert_eq!(resumed, Some(1));
    assert_eq!(test.sent(&bob2), ["3 bob: first", "4 alice: missed"]);
    assert!(!test.room.expire(bob.id, &bob.name), "the grace of the former connection");
    assert_eq!(test.sent(&alice), ["1 entered alice", "2 +bob", "3 bob: first", "4 alice: missed"]);
    assert!(test.room.disconnected(bob2.id, &bob2.name, Ending::Broken));
    assert!(!test.room.expire(bob.id, &bob.name), "each break has a grace of its own");
    assert!(test.room.expire(bob2.id, &bob2.name));
}

#[test]
fn a_live_connection_may_be_resumed_by_a_newer_one() {
    let mut test = Test::new(usize::MAX);
    let mut bob = test.enter("bob", 2);
    let (bob2, resumed) = test.admit("bob", 2, resume(2, 1)).unwrap();
    assert_eq!(resumed, Some(0));
    assert_eq!(bob.told.try_recv().unwrap().code, Closing::REPLACED);
    assert!(test.say(&bob2, "x"));
    assert_eq!(test.sent(&bob2), ["2 bob: x"]);
}

#[test]
fn not_even_entering_is_lost() {
    let mut test = Test::new(usize::MAX);
    let alice = test.enter("alice", 1);
    let bob = test.enter("bob", 2);
    test.sent(&bob);
    assert!(test.room.disconnected(bob.id, &bob.name, Ending::Broken));
    test.say(&alice, "x");
    let (bob2, resumed) = test.admit("bob", 2, resume(2, 0)).unwrap();
    assert_eq!(resumed, Some(0));
    assert_eq!(test.sent(&bob2), ["2 entered alice bob", "3 alice: x"]);
}

#[test]
fn after_the_grace_a_member_leaves() {
    let mut test = Test::new(usize::MAX);
    let alice = test.enter("alice", 1);
    let bob = test.enter("bob", 2);
    assert!(test.room.disconnected(bob.id, &bob.name, Ending::Broken));
    assert!(test.room.expire(bob.id, &bob.name));
    assert!(!test.room.expire(bob.id, &bob.name));
    assert_eq!(test.sent(&alice), ["1 entered alice", "2 +bob", "3 -bob Dropped"]);
    let (_, resumed) = test.admit("bob", 9, resume(2, 2)).unwrap();
    assert_eq!(resumed, None, "the name is free again");
}

//= docs/spec/protocol.md#CHN-011
//= type=test
#[test]
fn a_stay_with_a_gap_does_not_go_on() {
    fn check(resume: Option<Resume>) {
        let mut test = Test::new(2000);
        let alice = test.enter("alice", 1);
        let bob = test.enter("bob", 2);
        test.sent(&bob);
        assert!(test.room.disconnected(bob.id, &bob.name, Ending::Broken));
        for _ in 0..30 {
            test.say(&alice, "x");
            test.sent(&alice);
        }
        let (bob2, resumed) = test.admit("bob", 2, resume).unwrap();
        assert_eq!(resumed, None);
        assert_eq!(test.sent(&alice), ["33 -bob Replaced"]);
        assert_eq!(test.sent(&bob2), Vec::<String>::new());
    }
    check(resume(2, 2)); // Forgotten since.
    check(resume(2, 1)); // Before bob entered.
    check(resume(2, 0)); // The entering is forgotten.
    check(resume(2, 33)); // Not yet there.
    check(resume(2, u64::MAX));
    check(resume(3, 32)); // Another stay.
    check(None);
}

#[test]
fn kicked_while_away_is_over() {
    let mut test = Test::new(usize::MAX);
    let alice = test.enter("alice", 1);
    let bob = test.enter("bob", 2);
    assert!(test.room.disconnected(bob.id, &bob.name, Ending::Broken));
    test.room.kick(alice.id, &alice.name, &bob.name);
    assert!(!test.room.expire(bob.id, &bob.name));
    let (_, resumed) = test.admit("bob", 2, resume(2, 2)).unwrap();
    assert_eq!(resumed, None);
    assert_eq!(test.sent(&alice), ["1 entered alice", "2 +bob", "3 -bob Kicked"]);
}

#[test]
fn who_lags_leaves_and_the_rest_go_on() {
    let mut test = Test::new(2000);
    let alice = test.enter("alice", 1);
    let mut bob = test.enter("bob", 2);
    let carol = test.enter("carol", 3);
    let mut heard = Vec::new();
    for _ in 0..40 {
        assert!(test.say(&alice, "x"));
        heard.extend(test.sent(&alice));
        test.sent(&carol);
    }
    assert_eq!(bob.told.try_recv().unwrap().code, Closing::LAGGING);
    assert_eq!(heard.iter().filter(|it| it.ends_with("-bob Lagging")).count(), 1);
    assert_eq!(heard.iter().filter(|it| it.ends_with("alice: x")).count(), 40);
    assert!(matches!(test.room.feed(bob.id, &bob.name, 1), Feed::Over));
    assert_eq!(test.room.totals.lagging.load(core::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn all_may_lag_at_once() {
    let mut test = Test::new(2000);
    let alice = test.enter("alice", 1);
    test.enter("bob", 2);
    test.enter("carol", 3);
    test.say(&alice, &"x".repeat(3000));
    assert!(test.room.is_empty());
}

#[test]
fn what_all_have_is_forgotten() {
    let mut test = Test::new(usize::MAX);
    let alice = test.enter("alice", 1);
    let bob = test.enter("bob", 2);
    for _ in 0..3 {
        test.say(&alice, "x");
    }
    test.room.confirm(alice.id, &alice.name, u64::MAX);
    assert_eq!(test.room.log.first(), 1, "alice was sent nothing yet");
    test.sent(&alice);
    test.sent(&bob);
    test.room.confirm(alice.id, &alice.name, 5);
    assert_eq!(test.room.log.first(), 2, "bob entered with 2, and has not confirmed even that");
    test.room.confirm(bob.id, &bob.name, 4);
    assert_eq!(test.room.log.first(), 5);
    // Of those who left, nobody needs anything.
    assert!(!test.room.disconnected(bob.id, &bob.name, Ending::Left(LeaveReason::Left)));
    assert_eq!(test.room.log.first(), 6);
}

#[test]
fn rooms_have_room_for_so_many() {
    let mut test = Test::new(usize::MAX);
    let mut clients: Vec<_> = (0..4).map(|i| test.enter(&format!("m{i}"), i)).collect();
    assert_eq!(test.admit("late", 9, None).err(), Some(Closing::FULL));
    let m0 = clients.remove(0);
    assert!(!test.room.disconnected(m0.id, &m0.name, Ending::Left(LeaveReason::Left)));
    assert!(test.admit("late", 9, None).is_ok());
}
