//! Asking for messages that others have and we miss, and sending what others ask for (V2-035).

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use mpenc_liveness::BROUGHT;
use mpenc_packet::v2::{MAX_HELD, MAX_WANTED, REQUEST_MARK_LEN, RequestPacket};
use mpenc_transcript::Transcript;
use mpenc_types::{MemberId, MemberSet, MessageId, Timestamp, guard};

use super::input::{Disposition, RejectReason};
use super::message::Which;
use super::subsession::Subsession;
use super::{Env, Session};
use crate::security::Request;

/// Messages that one request can bring, from all members together.
pub(super) const MAX_COPIES: usize = 64;

/// Messages that are looked at for one request.
const MAX_LOOKED_AT: usize = 4096;

/// Requests that were read within RESEND_THROTTLE. A copy of one is not looked at again: whatever
/// it asks for is owed already, or went out a moment ago.
#[derive(Debug, Default)]
pub(super) struct RecentRequests(VecDeque<(Timestamp, [u8; REQUEST_MARK_LEN])>);

/// Requests that are remembered; who repeats more of them has each looked at again.
const MAX_RECENT_REQUESTS: usize = 64;

impl RecentRequests {
    fn has(&self, now: Timestamp, throttle: Duration, mark: &[u8; REQUEST_MARK_LEN]) -> bool {
        self.0.iter().any(|(at, other)| now < *at + throttle && other == mark)
    }

    fn add(&mut self, now: Timestamp, mark: [u8; REQUEST_MARK_LEN]) {
        self.0.push_back((now, mark));
        if self.0.len() > MAX_RECENT_REQUESTS {
            self.0.pop_front();
        }
    }
}

impl Subsession {
    /// There was no room for a message that waited for others, and another one waits for it.
    pub(super) fn misses_again(&mut self, id: &MessageId) {
        if self.deferral.awaits(id) && guard!("repair-evicted") {
            self.repair.on_missed(*id);
        }
    }
}

impl Session {
    /// Whether copies can be asked for: not in v1, and not with the timing of the original.
    pub(super) fn asks_for_copies(&self) -> bool {
        self.rules.has_gated() && self.resends() && guard!("repair-asked")
    }

    /// A message waits for these.
    pub(super) fn misses(&mut self, which: Which, id: &MessageId, missing: &[MessageId]) {
        if !self.asks_for_copies() {
            return;
        }
        let now = self.now;
        let Some(sub) = self.subsession_mut(which) else { return };
        sub.repair.on_arrived(now, id);
        for parent in missing.iter().filter(|parent| !sub.deferral.contains(parent)) {
            sub.repair.on_missed(*parent);
        }
    }

    /// Decides when to ask for what was missed just now.
    pub(super) fn schedule_repair(&mut self, env: &mut Env<'_>) {
        let (now, bc_lat) = (self.now, self.pace().bc_lat());
        for sub in self.current.iter_mut().chain(&mut self.previous) {
            sub.repair.schedule(now, bc_lat, &mut || env.rng.next_u32());
        }
    }

    /// Since when we may miss something in a subsession without being able to tell what: because
    /// we are too far behind, or because nothing follows it.
    fn behind_since(&self, which: Which) -> Option<Timestamp> {
        let Which::Previous(_) = which else {
            // Nobody needs a key to send what cannot be read: it is no cause to ask for ever.
            let given_up = self.current.as_ref()?.repair.given_up();
            return self.unreadable_since(given_up);
        };
        // Acks come last; and where nobody writes any more, nothing names those that are lost.
        let acks = &self.subsession(which).filter(|_| guard!("repair-last-acks"))?.acks;
        let overdue = acks.warned().filter_map(|id| Some(acks.times(&id)?.accepted_at));
        overdue.min().map(|accepted| accepted + self.pace().fa_intv())
    }

    pub(super) fn repair_deadline(&self, which: Which) -> Option<Timestamp> {
        let asks = !self.broken && self.asks_for_copies();
        let sub = self.subsession(which).filter(|sub| asks && sub.is_open())?;
        let answer = sub.repair.next_answer().map(|due| due.max(sub.acks.free_at()));
        let behind = self.behind_since(which);
        let (bc_lat, enough) = (self.pace().bc_lat(), enough(which));
        let probe = behind.map(|since| sub.repair.next_probe(bc_lat, since, enough));
        sub.repair.next_question().into_iter().chain(answer).chain(probe).min()
    }

    /// Asks and answers as far as it is time to.
    //= docs/spec/v2.md#V2-035
    pub(super) fn repair(&mut self, env: &mut Env<'_>, which: Which) {
        let (now, bc_lat) = (self.now, self.pace().bc_lat());
        if self.broken || !self.asks_for_copies() {
            return;
        }
        let owner = self.owner().clone();
        let behind = self.behind_since(which);
        let Some(sub) = self.subsession_mut(which).filter(|sub| sub.is_open()) else { return };
        let Subsession { repair, deferral, .. } = sub;
        let needed = |id: &MessageId| deferral.awaits(id);
        let random = &mut || env.rng.next_u32();
        let asking = repair
            .asking(now, bc_lat, MAX_WANTED, needed, random)
            .or_else(|| repair.probing(now, bc_lat, behind?, enough(which)));
        if let Some(asking) = asking {
            let request = Request {
                attempt: asking.attempt,
                accepted: sub.members().iter().map(|member| sub.written_by(member)).collect(),
                held: held(sub),
                wanted: asking.wanted,
            };
            let readers = sub.readers(&owner);
            if let Some(packet) = sub.security.seal_request(&request) {
                self.broadcast(readers, packet);
            }
        }
        while let Some(sub) = self.subsession_mut(which)
            && (sub.acks.may_send(now) || !guard!("resend-budget"))
            && let Some(id) = sub.repair.answer(now)
        {
            self.send_again(which, &[id]);
        }
    }

    /// Somebody asks for copies.
    //= docs/spec/v2.md#V2-035
    pub(super) fn request_packet(
        &mut self,
        env: &mut Env<'_>,
        sender: &MemberId,
        packet: &[u8],
    ) -> Disposition {
        if sender == self.owner() || !self.asks_for_copies() {
            return Disposition::Ignored;
        }
        let Ok(mark) = RequestPacket::decode(packet).map(|packet| packet.mark()) else {
            return Disposition::Ignored;
        };
        let (now, throttle) = (self.now, self.resend_throttle());
        if self.requests.has(now, throttle, &mark) && guard!("request-once") {
            return Disposition::Ignored;
        }
        for which in self.all_subsessions() {
            let Some(sub) = self.subsession(which).filter(|sub| sub.is_open()) else { continue };
            if let Some(request) = sub.security.open_request(packet) {
                let fits = request.accepted.len() == sub.members().len();
                self.requests.add(now, mark);
                if !fits {
                    return Disposition::Rejected(RejectReason::Malformed);
                }
                self.answer_request(env, which, &request);
                return Disposition::Accepted;
            }
        }
        let found = self.request_for_ended(env, packet);
        if found != Disposition::Ignored {
            self.requests.add(now, mark);
        }
        found
    }

    fn resend_throttle(&self) -> Duration {
        self.timing().resend().map(|resend| resend.throttle).unwrap_or_default()
    }

    fn answer_request(&mut self, env: &mut Env<'_>, which: Which, request: &Request) {
        let (now, bc_lat) = (self.now, self.pace().bc_lat());
        let throttle = self.resend_throttle();
        let owner = self.owner().clone();
        let Some(sub) = self.subsession_mut(which) else { return };
        let random = &mut || env.rng.next_u32();
        sub.repair.on_request(now, bc_lat, &request.wanted, random);
        // Who names what it wants misses it; who asks for anything may only have to wait.
        let first = if request.wanted.is_empty() { bc_lat } else { Duration::ZERO };
        for id in lacking(sub, request) {
            let Some(author) = sub.transcript.author(&id) else { continue };
            let own = *author == owner;
            let chosen = is_chosen(sub.members(), author, &owner, &id, request.attempt);
            if is_on_its_way(sub, &id, now, throttle, first) {
                continue;
            }
            sub.repair.on_asked(now, bc_lat, id);
            if own || chosen {
                sub.repair.owe(now, bc_lat, id, own, random);
            }
        }
    }

    /// Whether a copy of this message is for somebody who asked for it, so that it says nothing
    /// about what its sender knows: an acknowledgement of it need not be repeated (LIV-018).
    pub(super) fn is_answer(&self, which: Which, id: &MessageId) -> bool {
        let Some(sub) = self.subsession(which).filter(|_| self.asks_for_copies()) else {
            return false;
        };
        sub.repair.was_asked_for(self.now, id)
    }
}

/// Whether a copy that went out a moment ago may be on its way still, or the message itself, which
/// takes so long.
fn is_on_its_way(
    sub: &Subsession,
    id: &MessageId,
    now: Timestamp,
    throttle: Duration,
    first: Duration,
) -> bool {
    let Some(times) = sub.acks.times(id) else { return false };
    let copied = times.repeated
        && sub.acks.copied_at(id).is_some_and(|at| now < at + throttle)
        && guard!("resend-throttle");
    copied || (now < times.accepted_at + first && guard!("in-flight"))
}

/// Messages that have to come after asking for anything, so that it was of use. In a former
/// subsession nobody writes any more.
fn enough(which: Which) -> u32 {
    match which {
        Which::Current => BROUGHT,
        Which::Previous(_) => 1,
    }
}

/// Whether a member is to send a message of this author to whoever has asked for it so often
/// before.
pub(super) fn is_chosen(
    members: &MemberSet,
    author: &MemberId,
    member: &MemberId,
    id: &MessageId,
    attempt: u8,
) -> bool {
    let others = || members.iter().filter(|other| *other != author);
    let Some(place) = others().position(|other| other == member) else { return false };
    let start = id.as_bytes().iter().take(2).fold(0, |start, byte| start << 8 | usize::from(*byte));
    let all = attempt > 0 && !guard!("repair-chosen");
    all || turn(place, others().count(), start, attempt)
}

/// Whose turn it is of so many in a circle: of two, from `start` on, at the first attempt that
/// counts, then of the next four, of the next eight and so on; of all when that would be as many.
/// If it were everybody's at once, all would answer before they could hear each other.
fn turn(place: usize, count: usize, start: usize, attempt: u8) -> bool {
    if attempt == 0 {
        return false;
    }
    let number = 1_usize.checked_shl(u32::from(attempt)).unwrap_or(usize::MAX);
    if number >= count {
        return true;
    }
    let first = start.saturating_add(number).saturating_sub(2) % count;
    place.saturating_add(count).saturating_sub(first) % count < number
}

/// Messages that are here and wait for others, as many as a request can tell.
fn held(sub: &Subsession) -> Vec<(u16, u64)> {
    let places: BTreeMap<&MemberId, u16> = sub.members().iter().zip(0..).collect();
    let waiting = sub.deferral.iter().filter_map(|deferred| {
        Some((*places.get(&deferred.author)?, deferred.value.opened.position?))
    });
    let all: BTreeSet<_> = waiting.take(MAX_HELD).collect();
    all.into_iter().collect()
}

/// Whether whoever asks has neither accepted nor deferred the message at a position, from 0, of the
/// author at a place in the order of names.
pub(super) fn lacks(request: &Request, author: u16, position: u64) -> bool {
    let accepted = request.accepted.get(usize::from(author));
    accepted.is_some_and(|accepted| position >= *accepted)
        && request.held.binary_search(&(author, position)).is_err()
}

/// What somebody lacks of the messages it asks for and their ancestors, or of all if it asks for
/// none; the oldest, at most [`MAX_COPIES`]. What everybody is known to have is not among them.
fn lacking(sub: &Subsession, request: &Request) -> Vec<MessageId> {
    let transcript = &sub.transcript;
    let places: BTreeMap<&MemberId, u16> = sub.members().iter().zip(0..).collect();
    let is_lacking = |id: &MessageId| {
        let Ok(message) = transcript.get(id) else { return false };
        let author = places.get(message.author());
        author.is_some_and(|author| lacks(request, *author, message.seq().saturating_sub(1)))
    };
    // What everybody has, has ancestors that everybody has. Old requests name nothing else.
    let open = |id: &&MessageId| transcript.contains(id) && !transcript.is_fully_acked(id);
    let wanted: Vec<&MessageId> = request.wanted.iter().filter(open).collect();
    let is_wanted = |id: &MessageId| {
        let mut wanted = wanted.iter();
        request.wanted.is_empty()
            || wanted.any(|end| transcript.is_ancestor_or_equal(id, end) == Ok(true))
    };
    let nothing = wanted.is_empty() && !request.wanted.is_empty();
    let looked_at = if nothing { 0 } else { MAX_LOOKED_AT };
    let candidates = transcript.unacked().take(looked_at);
    candidates.filter(|id| is_lacking(id) && is_wanted(id)).take(MAX_COPIES).collect()
}

/// Whether nothing that is watched follows a message. Whoever misses one that something follows
/// asks for it; nobody asks for the last ones.
//= docs/spec/v2.md#V2-036
pub(super) fn is_last(
    transcript: &Transcript,
    last_watched: &BTreeMap<MemberId, MessageId>,
    id: &MessageId,
) -> bool {
    let mut last = last_watched.values();
    !last.any(|last| last != id && transcript.is_ancestor_or_equal(id, last) == Ok(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn ever_more_and_always_others_answer() {
        for start in [0, 5, 62, 65_535] {
            let chosen = |attempt| -> Vec<usize> {
                (0..63).filter(|place| turn(*place, 63, start, attempt)).collect()
            };
            let counts: Vec<_> = (0..8).map(|attempt| chosen(attempt).len()).collect();
            assert_eq!(counts, [0, 2, 4, 8, 16, 32, 63, 63]);
            assert_eq!(chosen(u8::MAX).len(), 63);
            let first: BTreeSet<_> = (1..6).flat_map(chosen).collect();
            assert_eq!(first.len(), 62, "nobody twice");
        }
        assert!((0..2).all(|place| turn(place, 2, 9, 1)), "of two, both");
    }
}
