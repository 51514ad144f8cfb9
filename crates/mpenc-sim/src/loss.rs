//! A conversation over a channel that loses messages: what repairing them costs, and what people
//! are told meanwhile (protocol.md section 8).
//!
//! Operations and channel events arrive (CHN-012). Every link loses data packets by itself, the
//! echo to their senders included, and takes a time of its own for each packet; packets to one
//! member keep the order of the channel.

use std::collections::BTreeMap;
use std::time::Duration;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{
    Env, Identity, MemberId, MemberSet, MessageId, Notice, Profile, Session, SessionConfig,
    SessionState, Timestamp, Timing,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::dice::Dice;

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Conversation {
    /// Decides everything else.
    pub seed: u64,
    /// How many take part.
    pub members: usize,
    /// How many texts are written, by members chosen at random.
    pub texts: usize,
    /// Data packets lost on each link, in a thousand.
    pub loss: u64,
    /// The longest time a packet takes; the shortest is a twentieth.
    pub latency: Duration,
    /// The mean time between two texts.
    pub pause: Duration,
    /// How long the conversation goes on at least, in silence.
    pub lasts: Duration,
    /// How long one member is cut off from all others, in the middle of the conversation.
    pub cut_off: Duration,
    /// Whether intervals follow what is observed (LIV-034).
    pub adaptive: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Packets that carry messages, as sent.
    pub packets: u64,
    /// How many of them were copies of one sent before.
    pub copies: u64,
    /// How many of them asked for copies.
    pub requests: u64,
    /// Packets times recipients that were lost.
    pub lost: u64,
    /// Texts times readers that were shown.
    pub deliveries: u64,
    /// Notices that something may not have arrived, by kind.
    pub warnings: BTreeMap<&'static str, u64>,
    /// How many of those about messages had no cause: nothing that they depend on was lost or took
    /// longer than BC_LAT.
    pub false_warnings: u64,
    /// Warnings in force at the end.
    pub in_force: u64,
    /// Members that do not know at the end that everybody has everything.
    pub left_behind: Vec<String>,
    /// From the last text to the end, in virtual milliseconds.
    pub until_repaired: u64,
}

struct Member {
    session: Session,
    rng: ChaCha20Rng,
    /// Nothing overtakes anything on the way to it.
    arrives: Timestamp,
}

struct Lossy {
    what: Conversation,
    dice: Dice,
    now: Timestamp,
    names: Vec<MemberId>,
    members: BTreeMap<MemberId, Member>,
    channel: MemberSet,
    on_the_way: BTreeMap<(Timestamp, u64), (MemberId, ChannelEvent)>,
    sent: u64,
    seen: std::collections::BTreeSet<Vec<u8>>,
    figures: Figures,
    /// Losing begins once everybody is in the session.
    lossy: bool,
    /// Until then nothing that the last member says gets out, and nothing reaches it.
    cut_off_until: Timestamp,
}

/// Runs a conversation until everybody knows that everybody has everything, or for an hour after
/// the last text.
#[must_use]
pub fn run(what: Conversation) -> Figures {
    let mut world = Lossy::new(what);
    world.establish();
    world.lossy = true;
    let mut last = world.now;
    for n in 0..what.texts {
        if n == what.texts / 2 {
            world.cut_off_until = world.now + what.cut_off;
        }
        let pause = 2 * u64::try_from(what.pause.as_millis()).unwrap_or(0);
        let until = world.now + Duration::from_millis(world.dice.below(pause.max(1)));
        world.pass(until);
        let pick = usize::try_from(world.dice.below(what.members as u64)).unwrap_or(0);
        if let Some(who) = world.names.get(pick).cloned() {
            // Who cannot is seen at the end: a text less.
            world.call(&who, |session, env| {
                let _ = session.send(env, "said");
            });
        }
        last = world.now;
    }
    world.pass(last.max(Timestamp::ZERO + what.lasts));
    let end = world.now + Duration::from_secs(3600);
    while !world.is_repaired() && world.now < end {
        let until = world.now + Duration::from_secs(1);
        world.pass(until);
    }
    world.finish(last)
}

impl Lossy {
    fn new(what: Conversation) -> Self {
        let names: Vec<MemberId> =
            (0..what.members).filter_map(|n| MemberId::new(format!("m{n}")).ok()).collect();
        let mut keys = Vec::new();
        let mut members = BTreeMap::new();
        for (n, name) in (0_u64..).zip(&names) {
            let mut rng = ChaCha20Rng::seed_from_u64(what.seed.wrapping_mul(1009).wrapping_add(n));
            let secret = mpenc::SecretBytes::fill(|seed| {
                rand_chacha::rand_core::Rng::fill_bytes(&mut rng, seed);
            });
            let identity = Identity::transparent(&secret);
            keys.push((name.clone(), identity.public()));
            let Ok(config) = SessionConfig::new(name.clone(), identity) else { continue };
            let config = config.profile(Profile::TransparentV2).timing(Timing::default());
            let session = Session::new(config.patient_join(true).adaptive(what.adaptive));
            members.insert(name.clone(), Member { session, rng, arrives: Timestamp::ZERO });
        }
        for member in members.values_mut() {
            keys.iter().for_each(|(name, key)| member.session.set_identity(name, Some(*key)));
        }
        Self {
            what,
            dice: Dice::new(what.seed, "loss"),
            now: Timestamp::from_millis(1),
            names,
            members,
            channel: MemberSet::new(),
            on_the_way: BTreeMap::new(),
            sent: 0,
            seen: std::collections::BTreeSet::new(),
            figures: Figures::default(),
            lossy: false,
            cut_off_until: Timestamp::ZERO,
        }
    }

    fn establish(&mut self) {
        for name in self.names.clone() {
            self.call(&name, |session, env| drop(session.join(env)));
            let until = self.now + Duration::from_secs(10);
            self.pass(until);
        }
        let Some(first) = self.names.first().cloned() else { return };
        let others: MemberSet = self.names.iter().filter(|name| **name != first).collect();
        let nobody = MemberSet::new();
        self.call(&first, |session, env| drop(session.change(env, &others, &nobody)));
        let until = self.now + Duration::from_secs(120);
        self.pass(until);
        self.figures = Figures::default();
    }

    fn call(&mut self, name: &MemberId, action: impl FnOnce(&mut Session, &mut Env<'_>)) {
        let Some(member) = self.members.get_mut(name) else { return };
        action(&mut member.session, &mut Env { now: self.now, rng: &mut member.rng });
        let notices: Vec<Notice> = std::iter::from_fn(|| member.session.poll_notice()).collect();
        let requests: Vec<ChannelRequest> =
            std::iter::from_fn(|| member.session.poll_transmit()).collect();
        for notice in notices {
            self.note(name, &notice);
        }
        for request in requests {
            self.carry_out(name, request);
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others do not count here")]
    fn note(&mut self, name: &MemberId, notice: &Notice) {
        let kind = match notice {
            Notice::MessageReady { id, .. } => {
                let session = self.members.get(name).map(|member| &member.session);
                let message = session.and_then(|session| session.message(id));
                if message.is_some_and(|message| message.author != name) {
                    self.figures.deliveries += 1;
                }
                return;
            }
            Notice::NotFullyAcked { .. } => "NotFullyAcked",
            Notice::NotAccepted { .. } => "NotAccepted",
            Notice::NotDecrypted { .. } => "NotDecrypted",
            Notice::UserNotPresent { .. } => "UserNotPresent",
            Notice::OrderNotConfirmed { .. } => "OrderNotConfirmed",
            Notice::BadMessage { .. } => "BadMessage",
            Notice::AuthorFork { .. } => "AuthorFork",
            Notice::OrderInconsistent { .. } => "OrderInconsistent",
            _ => return,
        };
        *self.figures.warnings.entry(kind).or_default() += 1;
        self.figures.false_warnings += u64::from(!self.has_cause(name, notice));
    }

    /// Whether something was lost or late without which the warning would not be there.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others have causes of other sorts")]
    fn has_cause(&self, name: &MemberId, notice: &Notice) -> bool {
        let session = self.members.get(name).map(|member| &member.session);
        let bc_lat = session.map(|session| session.timing_in_force().bc_lat()).unwrap_or_default();
        match notice {
            Notice::NotFullyAcked { id, unacked_by, .. } => {
                unacked_by.iter().any(|reader| self.ack_is_late(name, reader, id, bc_lat))
            }
            Notice::NotAccepted { missing, .. } => missing.iter().any(|id| {
                let sent = self.sent_at(id);
                sent.is_some_and(|sent| sent + bc_lat <= self.now)
            }),
            _ => true,
        }
    }

    /// Whether a reader has a message late or not at all, or its acknowledgement took longer than
    /// BC_LAT on the way here.
    fn ack_is_late(
        &self,
        name: &MemberId,
        reader: &MemberId,
        id: &MessageId,
        bc_lat: Duration,
    ) -> bool {
        let Some(sent) = self.sent_at(id) else {
            return false;
        };
        let Some(theirs) = self.members.get(reader).map(|member| &member.session) else {
            return false;
        };
        let Some(read) = theirs.accepted_at(id) else { return sent + bc_lat <= self.now };
        if read > sent + bc_lat {
            return true;
        }
        let ack = theirs.first_ack(reader, id);
        let acked = ack.and_then(|ack| theirs.accepted_at(&ack));
        let ours = self.members.get(name).map(|member| &member.session);
        let here = ack.and_then(|ack| ours?.accepted_at(&ack));
        here.is_none() && acked.is_some_and(|acked| acked + bc_lat <= self.now)
    }

    /// When a message was sent: nobody accepts it before its author.
    fn sent_at(&self, id: &MessageId) -> Option<Timestamp> {
        self.members.values().filter_map(|member| member.session.accepted_at(id)).min()
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "nobody leaves or is asked to")]
    fn carry_out(&mut self, from: &MemberId, request: ChannelRequest) {
        match request {
            ChannelRequest::Enter => {
                let enter = MemberSet::of(from);
                let changed = ChannelEvent::Changed { enter, leave: MemberSet::new() };
                for name in self.channel.clone().iter() {
                    self.send(name, changed.clone());
                }
                self.channel.insert(from.clone());
                let members = self.channel.clone();
                self.send(from, ChannelEvent::Entered { members });
            }
            ChannelRequest::Send { bytes, .. } => {
                let data = is_message(&bytes);
                if data {
                    self.figures.packets += 1;
                    self.figures.requests += u64::from(is_request(&bytes));
                    self.figures.copies += u64::from(!self.seen.insert(bytes.clone()));
                }
                for name in self.channel.clone().iter() {
                    let alone = self.now < self.cut_off_until && self.is_cut_off(from, name);
                    if data && self.lossy && (alone || self.dice.chance(self.what.loss)) {
                        self.figures.lost += 1;
                        continue;
                    }
                    let (sender, bytes) = (from.clone(), bytes.clone());
                    self.send(name, ChannelEvent::Packet { sender, bytes });
                }
            }
            _ => {}
        }
    }

    /// Whether one of these is the member that is cut off for a while.
    fn is_cut_off(&self, from: &MemberId, to: &MemberId) -> bool {
        self.names.last().is_some_and(|last| last == from || last == to)
    }

    fn send(&mut self, to: &MemberId, event: ChannelEvent) {
        let longest = u64::try_from(self.what.latency.as_millis()).unwrap_or(1);
        let least = longest / 20;
        let takes = least + self.dice.below(longest - least + 1);
        let Some(member) = self.members.get_mut(to) else { return };
        let at = (self.now + Duration::from_millis(takes)).max(member.arrives);
        member.arrives = at;
        self.sent += 1;
        self.on_the_way.insert((at, self.sent), (to.clone(), event));
    }

    /// Everything that happens until this moment, in its order.
    fn pass(&mut self, until: Timestamp) {
        loop {
            let arrival = self.on_the_way.keys().next().map(|key| key.0);
            let due = |member: &Member| member.session.poll_timeout().map(|due| due.at);
            let timer = self.members.values().filter_map(due).min();
            let next = arrival.into_iter().chain(timer).min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            if arrival.is_some_and(|arrival| timer.is_none_or(|timer| arrival <= timer)) {
                if let Some((_, (to, event))) = self.on_the_way.pop_first() {
                    self.call(&to, |session, env| drop(session.handle_input(env, event)));
                }
            } else {
                for name in self.names.clone() {
                    let is_due =
                        self.members.get(&name).and_then(due).is_some_and(|at| at <= self.now);
                    if is_due {
                        self.call(&name, |session, env| session.handle_timeout(env));
                    }
                }
            }
        }
        self.now = self.now.max(until);
    }

    fn is_repaired(&self) -> bool {
        self.members.values().all(|member| self.is_content(&member.session))
    }

    /// Everything said is here, and everybody is known to have it.
    fn is_content(&self, session: &Session) -> bool {
        session.state() == SessionState::Joined
            && session.log_len() == self.what.texts
            && session.not_fully_acked().next().is_none()
            && session.overdue().is_empty()
            && session.deferred() == 0
    }

    fn finish(mut self, last: Timestamp) -> Figures {
        for (name, member) in &self.members {
            self.figures.in_force += member.session.overdue().len() as u64;
            if !self.is_content(&member.session) {
                self.figures.left_behind.push(name.to_string());
            }
        }
        let waited = self.now.since(last).as_millis();
        self.figures.until_repaired = u64::try_from(waited).unwrap_or(u64::MAX);
        self.figures
    }
}

/// Whether a packet of the second profile carries a message or asks for one (wire-v2.md 1.1).
fn is_message(packet: &[u8]) -> bool {
    use mpenc_packet::v2::PacketKind;
    matches!(mpenc_packet::v2::kind(packet), Ok(PacketKind::Message | PacketKind::Request))
}

fn is_request(packet: &[u8]) -> bool {
    matches!(mpenc_packet::v2::kind(packet), Ok(mpenc_packet::v2::PacketKind::Request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(loss: u64) -> Conversation {
        Conversation {
            seed: 1,
            members: 8,
            texts: 60,
            loss,
            latency: Duration::from_millis(2_000),
            pause: Duration::from_millis(2_000),
            lasts: Duration::ZERO,
            cut_off: Duration::ZERO,
            adaptive: false,
        }
    }

    //= docs/spec/attacks.md#ATK-124
    //= type=test
    //= docs/spec/protocol.md#LIV-015
    //= type=test
    #[test]
    fn a_tenth_lost_is_repaired_and_nobody_is_left_behind() {
        let figures = run(conversation(100));
        assert!(figures.left_behind.is_empty(), "{figures:?}");
        assert_eq!(figures.in_force, 0, "every warning ended");
        assert_eq!(figures.deliveries, 60 * 7);
        assert!(figures.lost > 100, "{figures:?}");
    }

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn three_tenths_lost_are_repaired_with_few_packets() {
        let bare = run(conversation(0));
        let figures = run(conversation(300));
        assert!(figures.left_behind.is_empty(), "{figures:?}");
        assert_eq!((figures.in_force, figures.deliveries), (0, 60 * 7));
        assert!(figures.requests > 0 && figures.packets < 10 * bare.packets, "{figures:?}");
    }

    //= docs/spec/attacks.md#ATK-127
    //= type=test
    //= docs/spec/protocol.md#SEC-002
    //= type=test
    #[test]
    fn no_warning_comes_without_a_cause() {
        let figures = run(Conversation { texts: 1_500, ..conversation(20) });
        assert_eq!(figures.deliveries, 1_500 * 7, "more than ten thousand");
        assert!(figures.left_behind.is_empty(), "{figures:?}");
        assert_eq!((figures.false_warnings, figures.in_force), (0, 0), "{figures:?}");
        assert!(figures.warnings.values().sum::<u64>() > 0, "something is to be judged");
    }

    //= docs/spec/v2.md#V2-015
    //= type=test
    //= docs/spec/v2.md#V2-036
    //= type=test
    #[test]
    fn who_was_cut_off_catches_up_before_keys_are_renewed() {
        let cut_off = Duration::from_secs(300);
        let figures = run(Conversation { seed: 0, texts: 1_000, cut_off, ..conversation(100) });
        assert!(figures.left_behind.is_empty(), "{figures:?}");
        assert_eq!((figures.in_force, figures.deliveries), (0, 7_000), "{figures:?}");
    }

    #[test]
    fn nothing_lost_is_nothing_warned_of() {
        let figures = run(conversation(0));
        assert!(figures.left_behind.is_empty(), "{figures:?}");
        assert!(figures.warnings.is_empty(), "{figures:?}");
        assert_eq!((figures.lost, figures.copies), (0, 0));
    }

    #[test]
    fn equal_seeds_give_equal_figures() {
        assert_eq!(run(conversation(20)), run(conversation(20)));
    }
}
