//! When to ask for messages that must exist, and when to send what others ask for.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use mpenc_types::{MessageId, Timestamp, guard};

/// Messages of one subsession that one member can be waiting for; what is missed beyond that is
/// asked for once there is room.
pub const MAX_MISSED: usize = 1024;

/// Messages that one member can be about to send again because somebody asked.
pub const MAX_OWED: usize = 256;

/// Messages of which a member remembers that somebody has asked for them.
pub const MAX_ASKED: usize = 1024;

/// How often whatever others have is asked for because of the same packets that cannot be read, if
/// nothing comes of it. Anybody can make such packets, so they must not cause requests for ever.
pub const MAX_PROBES: u8 = 4;

/// How often it is asked for because of them if something comes of it each time.
pub const MAX_HELPFUL_PROBES: u8 = 16;

/// Messages that come within 2·BC_LAT of a request for whatever others have if it was of use, and
/// not only because people go on writing: an author alone sends again eight in BC_LAT.
pub const BROUGHT: u32 = 10;

/// How often hearing others ask puts off one question of one's own. Nobody can tell a new request
/// from an old one that somebody repeats, so that without an end to it nobody would have to ask.
const MAX_PUT_OFF: u8 = 3;

/// Repair of losses that somebody knows of, as in Scalable Reliable Multicast (Floyd, Jacobson,
/// Liu, McCanne and Zhang 1997): whoever misses a message asks everybody for it after a short
/// random time, unless somebody else does; first only its author answers, later anybody who has
/// it, after a random time, unless somebody else does.
///
/// A message is missed if another one that is here names it as parent: its author had it, so the
/// channel has carried it. Messages that nothing follows are not missed by anybody;
/// [`AckMonitor`](crate::AckMonitor) sees to these.
///
/// Moments passed in may repeat or go backwards: that changes when packets go out, and nothing
/// else.
//= docs/spec/v2.md#V2-035
#[derive(Clone, Debug, Default)]
pub struct Repair {
    missed: BTreeMap<MessageId, Missed>,
    /// When each is due, and its number among all that were ever owed: of those due at once the
    /// first goes first, so that whoever is given ancestors before the rest can accept them.
    owed: BTreeMap<MessageId, (Timestamp, u64)>,
    owed_before: u64,
    /// Until when copies of these are answers to somebody.
    asked: BTreeMap<MessageId, Timestamp>,
    probe: Probe,
}

/// The search for whatever others have.
#[derive(Clone, Copy, Debug, Default)]
struct Probe {
    /// When it was asked for last.
    last: Option<Timestamp>,
    /// How often this brought nothing.
    attempt: u8,
    /// Messages that have come since, until then.
    came: u32,
    until: Timestamp,
    /// When the requests for the same packets began, and the part of [`SERIES`] they have used.
    began: Timestamp,
    used: u8,
    /// Packets that came until then do not count any more.
    given_up: Option<Timestamp>,
}

/// What requests for the same packets may use up: one that follows on a helpful one uses 1, any
/// other [`UNHELPFUL`].
const SERIES: u8 = MAX_HELPFUL_PROBES;
const UNHELPFUL: u8 = SERIES / MAX_PROBES;

#[derive(Clone, Copy, Debug, Default)]
struct Missed {
    /// `None` until it is scheduled.
    due: Option<Timestamp>,
    attempt: u8,
    /// How often others have asked for it since we did.
    put_off: u8,
}

/// Messages to ask for, in one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Which ones, ascending; none to ask for whatever others have.
    pub wanted: Vec<MessageId>,
    /// The most times that one of them was asked for before.
    pub attempt: u8,
}

impl Repair {
    /// Nothing is missed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a message is missed; it is asked for some time after the next
    /// [`schedule`](Self::schedule).
    pub fn on_missed(&mut self, id: MessageId) {
        if self.missed.len() < MAX_MISSED || !guard!("timer-cap") {
            self.missed.entry(id).or_insert(Missed { due: None, attempt: 0, put_off: 0 });
        }
    }

    /// Notes that a message came: accepted, refused, or now waiting for others itself.
    pub fn on_arrived(&mut self, now: Timestamp, id: &MessageId) {
        self.missed.remove(id);
        if now <= self.probe.until || !guard!("probe-cap") {
            self.probe.came = self.probe.came.saturating_add(1);
        }
    }

    /// When to ask for whatever others have, if the owner may be so far behind since a moment that
    /// it cannot even tell what it misses. It is asked for again after BC_LAT if `enough` messages
    /// came within 2·BC_LAT of the last time, or else after twice as long each time, up to 8·BC_LAT.
    #[must_use]
    pub fn next_probe(&self, bc_lat: Duration, since: Timestamp, enough: u32) -> Timestamp {
        let Probe { last, attempt, came, .. } = self.probe;
        let wait = if came >= enough { bc_lat } else { backoff(bc_lat, attempt.saturating_sub(1)) };
        let first = since + bc_lat;
        last.map_or(first, |last| first.max(last + wait))
    }

    /// Whether to ask for whatever others have now; see [`next_probe`](Self::next_probe). Packets
    /// that cannot be read, of which the oldest came at `since`, are given up after [`MAX_PROBES`]
    /// requests that brought nothing: see [`given_up`](Self::given_up).
    pub fn probing(
        &mut self,
        now: Timestamp,
        bc_lat: Duration,
        since: Timestamp,
        enough: u32,
    ) -> Option<Asking> {
        if self.next_probe(bc_lat, since, enough) > now {
            return None;
        }
        let Probe { last, attempt, came, mut began, mut used, mut given_up, .. } = self.probe;
        // Long ago: what is tried now has nothing to do with what was tried then.
        let lately = last.is_some_and(|last| now <= last + bc_lat.saturating_mul(16));
        let helpful = lately && came >= enough;
        let attempt = if lately && !helpful { attempt } else { 0 };
        // What came after the others began has its own series.
        if used == 0 || since > began {
            (began, used) = (now, 0);
        }
        used = used.saturating_add(if helpful { 1 } else { UNHELPFUL });
        if used >= SERIES && guard!("probe-cap") {
            given_up = Some(began);
            used = 0;
        }
        let until = now + bc_lat.saturating_mul(2);
        let next = attempt.saturating_add(1);
        self.probe =
            Probe { last: Some(now), attempt: next, came: 0, until, began, used, given_up };
        Some(Asking { wanted: Vec::new(), attempt })
    }

    /// Packets that came until then, and cannot be read, are no cause to ask for anything any more:
    /// that was done often enough.
    #[must_use]
    pub fn given_up(&self) -> Option<Timestamp> {
        self.probe.given_up
    }

    /// Decides when to ask for what was missed since this was called last: BC_LAT / 16 to
    /// BC_LAT / 4 from now.
    pub fn schedule(&mut self, now: Timestamp, bc_lat: Duration, random: &mut dyn FnMut() -> u32) {
        for missed in self.missed.values_mut().filter(|missed| missed.due.is_none()) {
            missed.due = Some(now + bc_lat / 16 + share(bc_lat / 16 * 3, random));
        }
    }

    /// Notes that somebody else asks for these: no need to ask for them too for BC_LAT and up to a
    /// quarter more, so that not all who wait ask at the same time then.
    pub fn on_request(
        &mut self,
        now: Timestamp,
        bc_lat: Duration,
        wanted: &[MessageId],
        random: &mut dyn FnMut() -> u32,
    ) {
        for id in wanted {
            if let Some(missed) = self.missed.get_mut(id)
                && missed.put_off < MAX_PUT_OFF
                && guard!("repair-suppressed")
            {
                missed.put_off = missed.put_off.saturating_add(1);
                let next = now + bc_lat + share(bc_lat / 4, random);
                missed.due = Some(missed.due.map_or(next, |due| due.max(next)));
            }
        }
    }

    /// Notes that somebody who asks misses a message that is here: for 4·BC_LAT copies of it are
    /// answers.
    pub fn on_asked(&mut self, now: Timestamp, bc_lat: Duration, id: MessageId) {
        self.asked.retain(|_, until| *until > now);
        if self.asked.len() < MAX_ASKED || !guard!("timer-cap") {
            self.asked.insert(id, now + bc_lat.saturating_mul(4));
        }
    }

    /// Notes that a message is to be sent to somebody who misses it: at once by its author, by
    /// others after BC_LAT / 8 to BC_LAT, unless somebody else does meanwhile.
    pub fn owe(
        &mut self,
        now: Timestamp,
        bc_lat: Duration,
        id: MessageId,
        own: bool,
        random: &mut dyn FnMut() -> u32,
    ) {
        if self.owed.len() >= MAX_OWED && guard!("timer-cap") {
            return;
        }
        let wait = if own { Duration::ZERO } else { bc_lat / 8 + share(bc_lat / 8 * 7, random) };
        let number = self.owed_before;
        self.owed_before = number.saturating_add(1);
        self.owed.entry(id).or_insert((now + wait, number));
    }

    /// Notes that a copy of a message was sent or seen: no need to send another.
    pub fn on_copy(&mut self, id: &MessageId) {
        if guard!("repair-suppressed") {
            self.owed.remove(id);
        }
    }

    /// Whether somebody has asked for this message in the last 4·BC_LAT: copies of it say nothing
    /// about what their senders know then.
    #[must_use]
    pub fn was_asked_for(&self, now: Timestamp, id: &MessageId) -> bool {
        self.asked.get(id).is_some_and(|until| *until > now)
    }

    /// What to ask for now, at most `max` messages; they are asked for again after BC_LAT, the
    /// next times after twice as long each, up to 8·BC_LAT. `needed` says whether anything still
    /// waits for a message.
    pub fn asking(
        &mut self,
        now: Timestamp,
        bc_lat: Duration,
        max: usize,
        needed: impl Fn(&MessageId) -> bool,
        random: &mut dyn FnMut() -> u32,
    ) -> Option<Asking> {
        // What is due soon goes along.
        let soon = now + bc_lat / 16;
        if !self.missed.values().any(|missed| missed.due.is_some_and(|due| due <= now)) {
            return None;
        }
        self.missed.retain(|id, _| needed(id));
        let mut asking = Asking { wanted: Vec::new(), attempt: 0 };
        for (id, missed) in &mut self.missed {
            if asking.wanted.len() >= max || missed.due.is_none_or(|due| due > soon) {
                continue;
            }
            let wait = backoff(bc_lat, missed.attempt);
            missed.due = Some(now + wait + share(wait / 4, random));
            asking.attempt = asking.attempt.max(missed.attempt);
            missed.attempt = missed.attempt.saturating_add(1);
            missed.put_off = 0;
            asking.wanted.push(*id);
        }
        (!asking.wanted.is_empty()).then_some(asking)
    }

    /// A message to be sent again now, if one is due.
    pub fn answer(&mut self, now: Timestamp) -> Option<MessageId> {
        let due = self.owed.iter().filter(|(_, (due, _))| *due <= now);
        let (id, _) = due.min_by_key(|(_, order)| **order)?;
        let id = *id;
        self.owed.remove(&id);
        Some(id)
    }

    /// When [`asking`](Self::asking) should be called next.
    #[must_use]
    pub fn next_question(&self) -> Option<Timestamp> {
        self.missed.values().filter_map(|missed| missed.due).min()
    }

    /// When [`answer`](Self::answer) should be called next.
    #[must_use]
    pub fn next_answer(&self) -> Option<Timestamp> {
        self.owed.values().map(|(due, _)| *due).min()
    }
}

/// BC_LAT, twice as long for each attempt before, up to 8·BC_LAT.
fn backoff(bc_lat: Duration, attempt: u8) -> Duration {
    bc_lat.saturating_mul(1 << attempt.min(3))
}

/// A random part of a time.
fn share(of: Duration, random: &mut dyn FnMut() -> u32) -> Duration {
    let millis = u64::try_from(of.as_millis()).unwrap_or(u64::MAX);
    let part = u128::from(millis).saturating_mul(u128::from(random())) >> 32;
    Duration::from_millis(u64::try_from(part).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const BC_LAT: Duration = Duration::from_secs(4);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn id(n: u8) -> MessageId {
        [n; 32].into()
    }

    fn ask(repair: &mut Repair, now: u64) -> Option<Asking> {
        repair.asking(at(now), BC_LAT, 2, |_| true, &mut || 0)
    }

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn what_is_missed_is_asked_for_until_it_comes() {
        let mut repair = Repair::new();
        repair.on_missed(id(1));
        assert_eq!(repair.next_question(), None, "not scheduled yet");
        repair.schedule(at(0), BC_LAT, &mut || u32::MAX);
        assert_eq!(repair.next_question(), Some(at(999)));
        assert_eq!(ask(&mut repair, 998), None);
        let wanted = vec![id(1)];
        // After BC_LAT, 2, 4, 8 times that, and then always 8 times.
        for (attempt, now) in [999, 4_999, 12_999, 28_999, 60_999, 92_999].into_iter().enumerate() {
            assert_eq!(repair.next_question(), Some(at(now)));
            let attempt = u8::try_from(attempt).unwrap();
            assert_eq!(ask(&mut repair, now), Some(Asking { wanted: wanted.clone(), attempt }));
        }
        repair.on_arrived(at(93_000), &id(1));
        assert_eq!((repair.next_question(), ask(&mut repair, 900_000)), (None, None));
    }

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn what_others_ask_for_is_not_asked_for_at_once() {
        let mut repair = Repair::new();
        repair.on_missed(id(1));
        repair.schedule(at(0), BC_LAT, &mut || 0);
        repair.on_request(at(100), BC_LAT, &[id(1), id(2)], &mut || 0);
        assert_eq!(ask(&mut repair, 4_099), None);
        assert!(ask(&mut repair, 4_100).is_some());
    }

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn nobody_is_kept_from_asking_for_ever() {
        let mut repair = Repair::new();
        repair.on_missed(id(1));
        repair.schedule(at(0), BC_LAT, &mut || 0);
        for (ask_at, last) in [(5_200, 200), (10_450, 5_450)] {
            // Only the first three count.
            for ms in [last - 200, last - 100, last, last + 900, last + 1_900] {
                repair.on_request(at(ms), BC_LAT, &[id(1)], &mut || u32::MAX);
            }
            assert_eq!(repair.next_question(), Some(at(ask_at - 1)));
            assert!(ask(&mut repair, ask_at - 1).is_some());
        }
    }

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn the_author_answers_at_once_and_others_after_a_while() {
        let mut repair = Repair::new();
        let random = &mut || 0;
        repair.owe(at(0), BC_LAT, id(1), true, random);
        assert_eq!((repair.answer(at(0)), repair.answer(at(99_000))), (Some(id(1)), None));
        repair.owe(at(0), BC_LAT, id(2), false, random);
        repair.owe(at(0), BC_LAT, id(3), false, random);
        assert_eq!(repair.next_answer(), Some(at(500)));
        assert_eq!(repair.answer(at(499)), None);
        repair.on_copy(&id(2));
        assert_eq!((repair.answer(at(500)), repair.answer(at(500))), (Some(id(3)), None));
        assert!(!repair.was_asked_for(at(0), &id(3)));
        repair.on_asked(at(0), BC_LAT, id(3));
        assert!(repair.was_asked_for(at(15_999), &id(3)));
        assert!(!repair.was_asked_for(at(16_000), &id(3)));
    }

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn what_is_owed_at_the_same_time_goes_in_order() {
        let mut repair = Repair::new();
        for n in [5, 2, 9, 1] {
            repair.owe(at(0), BC_LAT, id(n), true, &mut || 0);
        }
        let order: Vec<_> = core::iter::from_fn(|| repair.answer(at(0))).collect();
        assert_eq!(order, [id(5), id(2), id(9), id(1)]);
    }

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn who_cannot_read_asks_for_anything_until_it_helps() {
        let asked = |came: u64| probes(&mut Repair::new(), came);
        // Four times, each twice as long after the one before, and then no more.
        assert_eq!(asked(0), [(5, 0), (9, 1), (17, 2), (33, 3)]);
        // What people go on writing makes no difference.
        assert_eq!(asked(1), [(5, 0), (9, 1), (17, 2), (33, 3)]);
        // As long as it helps, soon again, but not for ever: whoever sends what cannot be read
        // could wait for a lively conversation.
        let helpful = asked(5);
        let expected: Vec<_> = (0..13).map(|n| (5 + 4 * n, 0)).collect();
        assert_eq!(helpful, expected);
    }

    /// The seconds at which whatever others have is asked for, and the attempts, if so many
    /// messages come in a second, because of packets that came in the first.
    fn probes(repair: &mut Repair, came: u64) -> Vec<(u64, u8)> {
        let mut asked = Vec::new();
        for now in 0..300 {
            let unreadable = Some(at(1_000)).filter(|since| Some(*since) > repair.given_up());
            let asking = unreadable
                .and_then(|since| repair.probing(at(now * 1_000), BC_LAT, since, BROUGHT));
            if let Some(asking) = asking {
                assert!(asking.wanted.is_empty());
                asked.push((now, asking.attempt));
            }
            (0..came).for_each(|_| repair.on_arrived(at(now * 1_000), &id(1)));
        }
        asked
    }

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn packets_that_came_later_count_for_themselves() {
        let mut repair = Repair::new();
        assert_eq!(probes(&mut repair, 0).len(), 4);
        let given_up = repair.given_up().unwrap();
        assert_eq!(given_up, at(5_000), "what came after the first request had not all four");
        // Long after the others: at once, and as if for the first time.
        let asking = repair.probing(at(500_000), BC_LAT, at(496_000), BROUGHT).unwrap();
        assert_eq!(asking.attempt, 0);
        // Soon after others that were in vain: as late as those would be asked for.
        let next = at(504_000);
        assert_eq!(repair.next_probe(BC_LAT, at(496_000), BROUGHT), next);
        assert_eq!(repair.probing(next, BC_LAT, at(496_000), BROUGHT).unwrap().attempt, 1);
    }

    //= docs/spec/protocol.md#LIV-001
    //= type=test
    #[test]
    fn the_longest_latency_is_no_trouble() {
        let mut repair = Repair::new();
        let random = &mut || u32::MAX;
        for now in [0, 1, u64::MAX - 1, u64::MAX].map(at) {
            repair.on_missed(id(1));
            repair.schedule(now, Duration::MAX, random);
            repair.on_request(now, Duration::MAX, &[id(1)], random);
            repair.on_asked(now, Duration::MAX, id(2));
            repair.owe(now, Duration::MAX, id(2), false, random);
            for _ in 0..10 {
                let _ = repair.asking(now, Duration::MAX, 2, |_| true, random);
                let _ = repair.probing(now, Duration::MAX, now, BROUGHT);
            }
        }
        assert_eq!(repair.next_question(), Some(at(u64::MAX)));
    }

    //= docs/spec/attacks.md#ATK-134
    //= type=test
    #[test]
    fn nothing_grows_without_bound() {
        let mut repair = Repair::new();
        for n in 0..3000_u32 {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&n.to_be_bytes());
            repair.on_missed(bytes.into());
            repair.owe(at(0), BC_LAT, bytes.into(), true, &mut || 0);
            repair.on_asked(at(0), BC_LAT, bytes.into());
        }
        assert_eq!(repair.missed.len(), MAX_MISSED);
        assert_eq!(repair.owed.len(), MAX_OWED);
        assert_eq!(repair.asked.len(), MAX_ASKED);
        repair.schedule(at(0), BC_LAT, &mut || 0);
        assert_eq!(ask(&mut repair, 99_000).unwrap().wanted.len(), 2);
        assert_eq!(repair.asking(at(99_000), BC_LAT, 9, |_| false, &mut || 0), None);
        assert!(repair.missed.is_empty(), "nothing waits for them any more");
    }
}
