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
    owed: BTreeMap<MessageId, Timestamp>,
    /// Until when copies of these are answers to somebody.
    asked: BTreeMap<MessageId, Timestamp>,
    /// When to ask next for whatever others have, and how often this brought nothing.
    probe: Missed,
}

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
    pub fn on_arrived(&mut self, id: &MessageId) {
        self.missed.remove(id);
        self.probe.attempt = 0;
    }

    /// When to ask for whatever others have, if a packet cannot be read since a moment: the owner
    /// may be so far behind that it cannot even tell what it misses.
    #[must_use]
    pub fn next_probe(&self, bc_lat: Duration, since: Timestamp) -> Timestamp {
        let first = since + bc_lat;
        self.probe.due.map_or(first, |due| due.max(first))
    }

    /// Whether to ask for whatever others have, if a packet cannot be read since a moment. It is
    /// asked for again after BC_LAT, or if nothing came of it the next times, after twice as long
    /// each, up to 8·BC_LAT.
    pub fn probing(
        &mut self,
        now: Timestamp,
        bc_lat: Duration,
        since: Timestamp,
    ) -> Option<Asking> {
        if self.next_probe(bc_lat, since) > now {
            return None;
        }
        let attempt = self.probe.attempt;
        self.probe.due = Some(now + bc_lat * (1 << attempt.min(3)));
        self.probe.attempt = attempt.saturating_add(1);
        Some(Asking { wanted: Vec::new(), attempt })
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
            self.asked.insert(id, now + bc_lat * 4);
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
        self.owed.entry(id).or_insert(now + wait);
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
            let wait = bc_lat * (1 << missed.attempt.min(3));
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
        let due = self.owed.iter().filter(|(_, due)| **due <= now);
        let (id, _) = due.min_by_key(|(_, due)| **due)?;
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
        self.owed.values().min().copied()
    }
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
        repair.on_arrived(&id(1));
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
    fn who_cannot_read_asks_for_anything_until_it_helps() {
        let mut repair = Repair::new();
        let mut asked = Vec::new();
        for now in 0..100 {
            if let Some(asking) = repair.probing(at(now * 1_000), BC_LAT, at(1_000)) {
                assert!(asking.wanted.is_empty());
                asked.push((now, asking.attempt));
            }
            if now == 40 {
                repair.on_arrived(&id(1));
            }
        }
        // The fifth brought something, so the one after it comes sooner.
        assert_eq!(asked, [(5, 0), (9, 1), (17, 2), (33, 3), (65, 0), (69, 1), (77, 2), (93, 3)]);
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
