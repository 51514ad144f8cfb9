//! Whole sessions over a simulated channel: one order for all, delays that differ, a virtual clock.

use std::collections::{BTreeMap, VecDeque};

use mpenc::channel::ChannelRequest;
use mpenc_types::{MemberId, MemberSet};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};

use super::super::greeting::{text, texts};
use super::super::hx;
use super::super::session::seat::{Seat, described};
use super::super::session::{FORMAT, derived};
use super::greeting::id;
use super::{Dice, head};
use crate::json::{Checked, Fault, Node};

struct Place {
    seat: Seat,
    inbox: VecDeque<(u64, usize)>,
    steps: Vec<Value>,
}

struct World<'a> {
    dice: &'a mut Dice,
    places: BTreeMap<MemberId, Place>,
    channel: MemberSet,
    log: Vec<Value>,
    now: u64,
}

/// More timeouts at one time mean that none of them does anything.
const MAX_TIMEOUTS: usize = 1000;

impl World<'_> {
    /// The log goes to everybody who is or was concerned, each with a delay of its own.
    fn order(&mut self, entry: Value, whom: &MemberSet) -> usize {
        let at = self.log.len();
        self.log.push(entry);
        for who in whom {
            let [delay] = self.dice.array::<1>();
            if let Some(place) = self.places.get_mut(who) {
                let last = place.inbox.back().map_or(0, |(time, _)| *time);
                place.inbox.push_back((last.max(self.now + 10 + u64::from(delay) / 2), at));
            }
        }
        at
    }

    fn change(&mut self, enter: &MemberSet, leave: &MemberSet) {
        let known = |who: &&MemberId| self.places.contains_key(who);
        let enter: MemberSet =
            enter.difference(&self.channel).iter().filter(known).cloned().collect();
        let leave = leave.intersection(&self.channel);
        if enter.is_empty() && leave.is_empty() {
            return;
        }
        let before = self.channel.clone();
        self.channel = self.channel.difference(&leave).union(&enter);
        let entry = json!({"t": self.now, "enter": texts(&enter), "leave": texts(&leave),
            "channel": texts(&self.channel)});
        self.order(entry, &before.union(&enter));
    }

    fn request(&mut self, from: &MemberId, request: &ChannelRequest) -> Value {
        let inside = self.channel.contains(from);
        let only = MemberSet::of(from);
        match request {
            ChannelRequest::Send { bytes, .. } if inside => {
                let entry = json!({"t": self.now, "from": text(from),
                    "channel": texts(&self.channel), "packet": hx(bytes)});
                let at = self.order(entry, &self.channel.clone());
                return json!({"packet": at});
            }
            ChannelRequest::Enter => self.change(&only, &MemberSet::new()),
            ChannelRequest::Leave => self.change(&MemberSet::new(), &only),
            ChannelRequest::Change { enter, leave } if inside => self.change(enter, leave),
            // Without effect for those outside.
            ChannelRequest::Send { .. } | ChannelRequest::Change { .. } | &_ => {}
        }
        described(request)
    }

    fn call(&mut self, who: &MemberId, input: &Value) -> Checked {
        let missing = || Fault::new("script", format!("{who} is nobody"));
        let log: Vec<Node<'_>> = self.log.iter().map(Node::root).collect();
        let place = self.places.get_mut(who).ok_or_else(missing)?;
        let (requests, mut step) = place.seat.perform(self.now, input, &log)?;
        let mut out = Vec::new();
        for request in &requests {
            out.push(self.request(who, request));
        }
        if let (Some(step), false) = (step.as_object_mut(), out.is_empty()) {
            step.insert("out".to_owned(), out.into());
        }
        self.places.get_mut(who).ok_or_else(missing)?.steps.push(step);
        Ok(())
    }

    /// Lets time pass: timeouts first, then what the channel delivers.
    fn pass(&mut self, until: u64) -> Checked {
        loop {
            let due = |place: &Place| {
                place.seat.session.poll_timeout().map(|deadline| deadline.at.as_millis())
            };
            let timers = self
                .places
                .iter()
                .filter_map(|(who, place)| due(place).map(|at| (at, 0, who.clone(), None)));
            let inboxes = self.places.iter().filter_map(|(who, place)| {
                place.inbox.front().map(|(at, seq)| (*at, 1, who.clone(), Some(*seq)))
            });
            let next = timers.chain(inboxes).min().filter(|(at, ..)| *at <= until);
            let Some((at, _, who, seq)) = next else { break };
            self.now = self.now.max(at);
            match seq {
                Some(seq) => {
                    if let Some(place) = self.places.get_mut(&who) {
                        place.inbox.pop_front();
                    }
                    self.call(&who, &json!({"kind": "event", "seq": seq}))?;
                }
                None => {
                    let steps = |world: &Self| world.places.get(&who).map_or(0, |p| p.steps.len());
                    if steps(self) > 100 * MAX_TIMEOUTS {
                        return Err(Fault::new("timeouts", "do not end"));
                    }
                    self.call(&who, &json!({"kind": "timeout"}))?;
                }
            }
        }
        self.now = until;
        Ok(())
    }
}

/// What somebody does, so many milliseconds after the one before.
type Deed<'a> = (u64, &'a str, Value);

fn session(dice: &mut Dice, label: &str, names: &[&str], deeds: &[Deed<'_>]) -> Checked<Value> {
    let identities: BTreeMap<MemberId, [u8; 32]> =
        names.iter().map(|name| (id(name), dice.array())).collect();
    let mut listed = Vec::new();
    let mut places = BTreeMap::new();
    for (who, seed) in &identities {
        let mut seat = Seat::new(label, &identities, who)?;
        seat.tape.dice = Some(ChaCha20Rng::from_seed(dice.array()));
        places.insert(who.clone(), Place { seat, inbox: VecDeque::new(), steps: Vec::new() });
        use mpenc_crypto::{SecretBytes, SigningKey as _};
        let key = super::super::room::Key::from_seed(&SecretBytes::new(*seed));
        listed.push(json!({"name": text(who), "seed": hx(seed),
            "public": hx(key.public().as_bytes())}));
    }
    let (channel, log) = (MemberSet::new(), Vec::new());
    let mut world = World { dice, places, channel, log, now: 1000 };
    for (after, who, deed) in deeds {
        world.pass(world.now + after)?;
        let mut input = deed.clone();
        super::primitive::replace(&mut input, &[("kind", json!("action"))]);
        world.call(&id(who), &input).map_err(|fault| {
            Fault::new(format!("{who} at {}: {}", world.now, fault.place), fault.what)
        })?;
    }
    world.pass(world.now + 8000)?;
    let mut file = head(FORMAT);
    let (mut steps, mut last) = (json!({}), json!({}));
    for (who, place) in &world.places {
        super::primitive::replace(&mut steps, &[(&text(who), json!(place.steps))]);
        super::primitive::replace(&mut last, &[(&text(who), json!(place.seat.texts()))]);
    }
    file.insert("session".to_owned(), json!(label));
    file.insert("identities".to_owned(), listed.into());
    file.insert("log".to_owned(), world.log.into());
    file.insert("steps".to_owned(), steps);
    file.insert("final".to_owned(), last);
    let mut file = Value::Object(file);
    let found = derived(&Node::root(&file))?;
    for key in ["operations", "messages", "late"] {
        if let Some(value) = found.get(key).filter(|value| !value.is_null()) {
            super::primitive::replace(&mut file, &[(key, value.clone())]);
        }
    }
    for line in super::super::session::check("made", &Node::root(&file)) {
        if let Some(fault) = line.tally.faults().first() {
            return Err(Fault::new(format!("{}: {}", line.role, fault.place), fault.what.clone()));
        }
    }
    Ok(file)
}

fn say(text: &str) -> Value {
    json!({"action": "send", "text": text})
}

/// Three members talk, one comes, one is excluded, one goes.
pub(super) fn change(dice: &mut Dice) -> Checked<Value> {
    let deeds = [
        (0, "ann", json!({"action": "join"})),
        (1000, "bob", json!({"action": "join"})),
        (1000, "cat", json!({"action": "join"})),
        (2000, "ann", json!({"action": "change", "include": ["bob", "cat"]})),
        (4000, "ann", say("Hello")),
        (500, "bob", say("Hello ann")),
        (5, "cat", say("at the same time 🙂")),
        (3000, "dan", json!({"action": "join"})),
        (1000, "bob", json!({"action": "change", "include": ["dan"], "exclude": ["cat"]})),
        (30, "ann", say("written while it runs")),
        (5000, "dan", say("I am new")),
        (2000, "dan", json!({"action": "refresh"})),
        (4000, "bob", say("with fresh keys")),
        (2000, "bob", json!({"action": "part"})),
        (5000, "ann", say("last")),
    ];
    session(dice, "a session", &["ann", "bob", "cat", "dan"], &deeds)
}

/// Somebody leaves while it is being included, and comes again.
pub(super) fn leave(dice: &mut Dice) -> Checked<Value> {
    let deeds = [
        (0, "ann", json!({"action": "join"})),
        (1000, "bob", json!({"action": "join"})),
        (1000, "ann", json!({"action": "change", "include": ["bob"]})),
        (4000, "bob", say("Hello")),
        (2000, "dan", json!({"action": "join"})),
        (1000, "ann", json!({"action": "change", "include": ["dan"]})),
        (150, "dan", json!({"action": "part"})),
        (2000, "ann", say("dan has gone")),
        (4000, "dan", json!({"action": "join"})),
        (1000, "bob", json!({"action": "change", "include": ["dan"]})),
        (4000, "dan", say("Here I am")),
    ];
    session(dice, "a session that somebody leaves", &["ann", "bob", "dan"], &deeds)
}

/// Two members: a long text, an exclusion that leaves one alone, and a return.
pub(super) fn two(dice: &mut Dice) -> Checked<Value> {
    let long = "It is long. ".repeat(1366);
    let deeds = [
        (0, "żółw", json!({"action": "join"})),
        (1000, "ann", json!({"action": "join"})),
        (1000, "żółw", json!({"action": "change", "include": ["ann"]})),
        (4000, "ann", say("Here comes a long one")),
        (1000, "żółw", say(&long)),
        (5000, "żółw", json!({"action": "change", "exclude": ["ann"]})),
        (12_000, "ann", json!({"action": "join"})),
        (1000, "żółw", json!({"action": "change", "include": ["ann"]})),
        (4000, "ann", say("Back again")),
        (3000, "ann", json!({"action": "part"})),
    ];
    session(dice, "Sitzung für zwei", &["ann", "żółw"], &deeds)
}
