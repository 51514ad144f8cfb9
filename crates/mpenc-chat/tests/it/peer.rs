//! Members as processes, on a channel that this test plays (docs/spec/interop-peer.md).

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use mpenc::{Identity, SecretBytes};
use serde_json::{Value, json};

use crate::program::{Running, run, stdout};

/// One process.
struct Peer {
    running: Running,
    /// Channel events that wait for it.
    inbox: VecDeque<Value>,
    /// It is served every so many rounds.
    pace: usize,
    notices: Vec<Value>,
    /// Results of actions, by their ids.
    results: BTreeMap<String, String>,
    /// Everything it wrote.
    written: Vec<String>,
}

/// The channel, and everybody on it.
struct Relay {
    peers: BTreeMap<String, Peer>,
    members: BTreeSet<String>,
    /// `send` and `control` events in the order of the channel.
    queue: VecDeque<(String, Value)>,
    round: usize,
    actions: usize,
}

const ALICE: &str = "alice@example.com/phone";
const BOB: &str = "bob@example.com/desk";
const CAROL: &str = "carol";
const NAMES: [&str; 3] = [ALICE, BOB, CAROL];

impl Relay {
    fn new(seed: &str, paces: [usize; 3]) -> Self {
        let seeds = [[1_u8; 32], [2; 32], [3; 32]];
        let keys: BTreeMap<&str, String> = NAMES
            .into_iter()
            .zip(seeds)
            .map(|(name, seed)| (name, Identity::from_seed(&SecretBytes::new(seed)).public()))
            .map(|(name, key)| (name, hex::encode(key.as_bytes())))
            .collect();
        let mut relay = Self {
            peers: BTreeMap::new(),
            members: BTreeSet::new(),
            queue: VecDeque::new(),
            round: 0,
            actions: 0,
        };
        for ((name, identity), pace) in NAMES.into_iter().zip(seeds).zip(paces) {
            let peer = Peer {
                running: Running::start(&["peer"]),
                inbox: VecDeque::new(),
                pace,
                notices: Vec::new(),
                results: BTreeMap::new(),
                written: Vec::new(),
            };
            relay.peers.insert(name.to_owned(), peer);
            let events = relay.command(
                name,
                json!({
                    "cmd": "init", "uid": name, "identity_seed": hex::encode(identity),
                    "identity_keys": keys, "session_id": "test", "clock": "virtual",
                    "rng": { "seed": format!("{seed}/{name}") },
                }),
            );
            assert_eq!(events[0]["ev"], "ready");
            assert_eq!(events[0]["identity_pub"], json!(keys[name]));
        }
        relay
    }

    /// Gives a command and takes everything that comes until it is done.
    fn command(&mut self, name: &str, command: Value) -> Vec<Value> {
        let peer = self.peers.get_mut(name).unwrap();
        peer.running.type_line(&command.to_string());
        let mut events = Vec::new();
        loop {
            let line = peer.running.expect("{");
            let event: Value = serde_json::from_str(&line).unwrap();
            peer.written.push(line);
            match event["ev"].as_str().unwrap() {
                "done" => break,
                "send" | "control" => self.queue.push_back((name.to_owned(), event)),
                "notice" => peer.notices.push(event["notice"].clone()),
                "action_result" => {
                    let id = event["id"].as_str().unwrap().to_owned();
                    peer.results.insert(id, event["result"].as_str().unwrap().to_owned());
                }
                "error" => panic!("{name}: {event} after {command}"),
                _ => events.push(event),
            }
        }
        events
    }

    fn action(&mut self, name: &str, action: Value) -> String {
        self.actions += 1;
        let id = format!("a{}", self.actions);
        self.command(name, json!({ "cmd": "action", "id": id, "action": action }));
        id
    }

    #[track_caller]
    fn assert_result(&self, name: &str, id: &str, result: &str) {
        assert_eq!(self.peers[name].results.get(id).map(String::as_str), Some(result), "{name}");
    }

    fn post(&mut self, name: &str, event: Value) {
        self.peers.get_mut(name).unwrap().inbox.push_back(event);
    }

    /// One membership change, as everybody concerned sees it.
    fn change(&mut self, enter: BTreeSet<String>, leave: BTreeSet<String>) {
        let enter: BTreeSet<_> = enter.difference(&self.members).cloned().collect();
        let leave: BTreeSet<_> = leave.intersection(&self.members).cloned().collect();
        if enter.is_empty() && leave.is_empty() {
            return;
        }
        let before = self.members.clone();
        self.members = &(&before - &leave) | &enter;
        for name in &before - &leave {
            self.post(&name, json!({ "type": "members", "enter": enter, "leave": leave }));
        }
        for name in &enter {
            let event = json!({ "type": "enter_self", "members": self.members });
            self.post(name, event);
        }
        for name in &leave {
            self.post(name, json!({ "type": "leave_self", "members": before }));
        }
    }

    /// Puts one event into the order of the channel.
    fn order(&mut self, from: String, event: &Value) {
        let inside = self.members.contains(&from);
        if event["ev"] == "send" {
            if inside {
                for name in self.members.clone() {
                    let packet = json!({
                        "type": "packet", "sender": from, "pubtxt": event["pubtxt"],
                    });
                    self.post(&name, packet);
                }
            }
            return;
        }
        let named = |field: &str| -> BTreeSet<String> {
            match &event[field] {
                Value::Bool(true) => BTreeSet::from([from.clone()]),
                Value::Array(list) if inside => {
                    list.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
                }
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_) => BTreeSet::new(),
            }
        };
        let (enter, leave) = (named("enter"), named("leave"));
        self.change(enter, leave);
    }

    /// Serves everybody at their pace; false if nothing was left to do.
    fn serve(&mut self) -> bool {
        self.round += 1;
        while let Some((from, event)) = self.queue.pop_front() {
            self.order(from, &event);
        }
        for name in NAMES {
            let peer = self.peers.get_mut(name).unwrap();
            if self.round.is_multiple_of(peer.pace)
                && let Some(event) = peer.inbox.pop_front()
            {
                self.command(name, json!({ "cmd": "channel", "event": event }));
            }
        }
        !self.queue.is_empty() || self.peers.values().any(|peer| !peer.inbox.is_empty())
    }

    fn settle(&mut self) {
        while self.serve() {}
    }

    /// Lets time pass for all, in small equal steps.
    fn pass(&mut self, millis: u64) {
        self.settle();
        for _ in 0..millis / 500 {
            for name in NAMES {
                self.command(name, json!({ "cmd": "advance", "ms": 500 }));
            }
            self.settle();
        }
    }

    fn state(&mut self, name: &str) -> Value {
        self.command(name, json!({ "cmd": "state", "secrets": true })).remove(0)
    }

    /// Asserts that these share a subsession; its state.
    #[track_caller]
    fn agreed(&mut self, names: &[&str]) -> Value {
        let states: Vec<Value> = names.iter().map(|name| self.state(name)).collect();
        let first = &states[0];
        for state in &states {
            assert_eq!(state["state"], "COS_");
            assert_eq!(state["members"], json!(names));
            assert_eq!(state["greeting"], Value::Null);
            assert_eq!(state["own_proposal"], false);
            for field in ["sid", "sidkey_hash"] {
                assert!(state[field].is_string());
                assert_eq!(state[field], first[field], "{field}");
            }
            assert_eq!(state["order"]["chain_hash"], first["order"]["chain_hash"]);
            assert_eq!(state["secrets"]["group_key"], first["secrets"]["group_key"]);
            assert_eq!(state["secrets"]["eph_pubs"], first["secrets"]["eph_pubs"]);
        }
        first.clone()
    }

    /// Lets one say something and checks that the others show it, and that all know that all have
    /// it after the automatic acks.
    #[track_caller]
    fn talk(&mut self, from: &str, text: &str, to: &[&str]) {
        let id = self.action(from, json!({ "content": text }));
        self.assert_result(from, &id, "sent");
        self.pass(26_000);
        let shown = |peer: &Peer| -> Value {
            let mut ready = peer.notices.iter().filter(|notice| notice["content"] == text);
            let notice = ready.next().unwrap_or_else(|| panic!("{text:?} is shown")).clone();
            assert_eq!(ready.next(), None);
            let acked = json!({ "type": "MsgFullyAcked", "mid": notice["mid"] });
            assert!(peer.notices.contains(&acked), "{text:?} is fully acked");
            let unacked = json!({ "type": "NotFullyAcked", "mid": notice["mid"] });
            assert!(!peer.notices.contains(&unacked));
            notice
        };
        let first = shown(&self.peers[from]);
        assert_eq!(first["type"], "MsgReady");
        assert_eq!(first["author"], from);
        for name in to {
            assert_eq!(shown(&self.peers[*name]), first);
        }
    }
}

/// What every pair of implementations must pass; the bytes that everybody wrote.
fn scenario(seed: &str, paces: [usize; 3]) -> Vec<Vec<String>> {
    let mut relay = Relay::new(seed, paces);
    let join = relay.action(ALICE, json!({ "join": true }));
    relay.settle();
    relay.assert_result(ALICE, &join, "resolved");
    assert_eq!(relay.state(ALICE)["state"], "COsJ");
    assert_eq!(relay.state(BOB)["state"], "cos_");

    let bob = relay.action(BOB, json!({ "join": true }));
    let carol = relay.action(CAROL, json!({ "join": true }));
    relay.settle();
    assert_eq!(relay.state(BOB)["state"], "Cos_");
    let include = relay.action(ALICE, json!({ "include": [BOB, CAROL] }));
    relay.pass(1_000);
    relay.assert_result(ALICE, &include, "resolved");
    relay.assert_result(BOB, &bob, "resolved");
    relay.assert_result(CAROL, &carol, "resolved");
    let all = relay.agreed(&NAMES);

    relay.talk(ALICE, "hello, both", &[BOB, CAROL]);
    relay.talk(CAROL, "hello, alice ❤", &[ALICE, BOB]);

    let exclude = relay.action(BOB, json!({ "exclude": [CAROL] }));
    // Removed from the channel when everybody has acknowledged the end of the former subsession.
    relay.pass(30_000);
    relay.assert_result(BOB, &exclude, "resolved");
    let two = relay.agreed(&[ALICE, BOB]);
    assert_ne!(two["sid"], all["sid"]);
    assert_eq!(relay.state(CAROL)["state"], "cos_", "kicked");
    relay.talk(BOB, "she is gone", &[ALICE]);
    let heard = relay.peers[CAROL].notices.iter().any(|notice| notice["content"] == "she is gone");
    assert!(!heard);

    // Asked in by the channel; she did not join.
    let include = relay.action(ALICE, json!({ "include": [CAROL] }));
    relay.pass(1_000);
    relay.assert_result(ALICE, &include, "resolved");
    let again = relay.agreed(&NAMES);

    relay.command(CAROL, json!({ "cmd": "refresh", "id": "refresh" }));
    relay.pass(1_000);
    relay.assert_result(CAROL, "refresh", "resolved");
    let refreshed = relay.agreed(&NAMES);
    assert_eq!(refreshed["sid"], again["sid"]);
    assert_ne!(refreshed["sidkey_hash"], again["sidkey_hash"]);
    relay.talk(BOB, "with new keys", &[ALICE, CAROL]);

    let part = relay.action(BOB, json!({ "part": true }));
    relay.pass(60_000);
    relay.assert_result(BOB, &part, "resolved");
    assert_eq!(relay.state(BOB)["state"], "cos_");
    relay.agreed(&[ALICE, CAROL]);
    for name in [ALICE, CAROL] {
        assert_eq!(relay.state(name)["consistent"], true);
    }
    relay.peers.into_values().map(|peer| peer.written).collect()
}

#[test]
fn three_peers_pass_the_scenario_and_equal_seeds_give_equal_bytes() {
    let first = scenario("one", [1, 1, 1]);
    assert_eq!(scenario("one", [1, 1, 1]), first);
    assert_ne!(scenario("another", [1, 1, 1]), first);
}

#[test]
fn peers_may_be_served_at_different_speeds() {
    scenario("slow bob", [1, 5, 2]);
    scenario("slow alice", [7, 1, 3]);
}

#[test]
fn what_is_said_at_the_same_time_is_said_to_all() {
    let mut relay = Relay::new("crossing", [3, 1, 2]);
    for name in NAMES {
        relay.action(name, json!({ "join": true }));
        relay.settle();
    }
    relay.action(ALICE, json!({ "include": [BOB, CAROL] }));
    relay.pass(1_000);
    for (name, text) in NAMES.into_iter().zip(["one", "two", "three"]) {
        relay.action(name, json!({ "content": text }));
        relay.serve();
    }
    // Two proposals at once: one wins, and its loser may try again.
    let exclude = relay.action(ALICE, json!({ "exclude": [CAROL] }));
    relay.command(BOB, json!({ "cmd": "refresh", "id": "refresh" }));
    relay.pass(40_000);
    let won = |name: &str, id: &str| relay.peers[name].results[id] == "resolved";
    assert!(won(ALICE, &exclude) != won(BOB, "refresh"));
    let members: &[&str] = if won(ALICE, &exclude) { &[ALICE, BOB] } else { &NAMES };
    let messages = relay.agreed(members)["messages"].as_array().unwrap().len();
    assert_eq!(messages, 3);
}

#[test]
fn secrets_are_shown_only_when_asked_for() {
    let mut relay = Relay::new("secrets", [1, 1, 1]);
    for name in [ALICE, BOB] {
        relay.action(name, json!({ "join": true }));
        relay.settle();
    }
    relay.action(ALICE, json!({ "include": [BOB] }));
    relay.pass(1_000);
    let all = relay.state(ALICE);
    let secrets = all["secrets"].as_object().unwrap();
    let shared = ["members", "nonces", "eph_pubs", "int_keys"];
    for field in shared {
        assert_eq!(secrets[field].as_array().unwrap().len(), 2, "{field}");
        assert_eq!(secrets[field], relay.state(BOB)["secrets"][field]);
    }
    let seed = hex::decode(secrets["eph_seed"].as_str().unwrap()).unwrap();
    let ours = Identity::from_seed(&SecretBytes::new(seed.try_into().unwrap())).public();
    assert_eq!(secrets["eph_pubs"][0], hex::encode(ours.as_bytes()));
    assert_eq!(secrets["nonces"][0], secrets["nonce"]);
    let plain = relay.command(ALICE, json!({ "cmd": "state" })).remove(0);
    assert_eq!(plain.get("secrets"), None);
    let group_key = secrets["group_key"].as_str().unwrap();
    assert!(!plain.to_string().contains(group_key));
}

/// Starts a process and gives it lines; what it writes.
fn converse(lines: &[&str]) -> Vec<Value> {
    let mut running = Running::start(&["peer"]);
    for line in lines {
        running.type_line(line);
    }
    running.end_input();
    let (status, text) = running.end();
    assert_eq!(status, Some(0), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_cannot_be_done_is_an_error_and_no_end() {
    let events = converse(&[
        r#"{"cmd":"state","id":1}"#,
        "no json",
        r#"{"cmd":"init","id":2,"uid":"a","identity_seed":"00","identity_keys":{}}"#,
        r#"{"cmd":"init","id":3,"uid":"a","profile":"v3"}"#,
        r#"{"cmd":"sing","id":4}"#,
        r#"{"cmd":"quit"}"#,
        r#"{"cmd":"state","id":"never"}"#,
    ]);
    let errors: Vec<_> =
        events.iter().filter(|event| event["ev"] == "error").map(|e| e["error"].clone()).collect();
    assert_eq!(
        errors,
        ["not_initialised", "bad_json", "bad_field", "unsupported_profile", "unknown_command"]
    );
    let done = events.iter().filter(|event| event["ev"] == "done").count();
    assert_eq!(done, 5);
}

#[test]
fn refusals_say_why() {
    let zeros = "0".repeat(64);
    let init = format!(
        r#"{{"cmd":"init","uid":"a","identity_seed":"{zeros}","identity_keys":{{}},"clock":"real"}}"#
    );
    let events = converse(&[
        &init,
        r#"{"cmd":"action","id":"say","action":{"content":"x"}}"#,
        r#"{"cmd":"action","id":"change","action":{"include":["b"]}}"#,
        r#"{"cmd":"advance","id":"time","ms":5}"#,
        &init,
    ]);
    let of = |id: &str| events.iter().find(|event| event["id"] == id).unwrap();
    assert_eq!(
        (&of("say")["result"], &of("say")["error"]),
        (&json!("refused"), &json!("not_joined"))
    );
    assert_eq!(of("change")["error"], "not_in_channel");
    assert_eq!(of("time")["error"], "clock_is_real");
    assert!(events.iter().any(|event| event["error"] == "already_initialised"));
}

#[test]
fn a_real_clock_fires_timers_by_itself() {
    // Two on a real clock with short intervals: acks come without a command.
    let mut running = Running::start(&["peer"]);
    let zeros = "0".repeat(64);
    let init = json!({
        "cmd": "init", "uid": "a", "identity_seed": zeros, "identity_keys": {},
        "flow": { "broadcast_latency_ms": 20, "full_ack_interval_ms": 100 },
    });
    running.type_line(&init.to_string());
    running.expect("done");
    running.type_line(r#"{"cmd":"action","id":"join","action":{"join":true}}"#);
    running.expect("done");
    // The channel never lets it in.
    let result = running.expect("action_result");
    assert!(result.contains("timeout"), "{result}");
}

#[test]
fn the_help_explains_the_protocol() {
    let help = stdout(&run(&["peer", "--help"]));
    for word in ["interop-peer.md", "\"init\"", "\"advance\"", "secrets", "Usage: mpenc peer"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}
