//! Who knows every honest state, and checks after every event what must hold.
//!
//! Numbers are those of `docs/spec/attacks.md`. What is expected of a profile is in [`expect`].

mod agreement;
#[cfg(test)]
mod bites;
mod conduct;
pub(crate) mod expect;
mod forks;
mod messages;
mod packets;
mod requests;

use std::collections::{BTreeMap, BTreeSet};

use mpenc::{ChainHash, MemberId, MemberSet, MessageId, Notice, PacketId, Session, SubsessionId};
use mpenc_types::limits::MAX_PREVIOUS;

use crate::options::Options;
use crate::report::{is_warning, kind_of};
use crate::server::Parcel;
use crate::world::Person;
use agreement::Completed;
use conduct::{Conduct, Turn};
use expect::Expect;
use forks::Forks;
use messages::Sent;
use requests::Requests;

/// What is known of one life of a member, which ends with a crash.
#[derive(Debug, Default)]
pub(crate) struct Life {
    /// Every order it has had, oldest first.
    orders: Vec<(PacketId, ChainHash)>,
    /// Keys and members it has now, as far as it was told by a notice.
    current: Option<(SubsessionId, Option<[u8; 32]>, MemberSet)>,
    /// Messages it was told of.
    ready: BTreeSet<MessageId>,
    /// Inclusions that failed since the members changed last.
    pub(crate) failed_inclusions: u32,
    /// Of whom it is warned that their account of the operations differs.
    pub(crate) order_inconsistent: MemberSet,
    pub(crate) author_fork: bool,
    pub(crate) unconfirmed: Option<u64>,
    /// Of whom it is warned that they have not confirmed its order.
    not_confirmed_by: MemberSet,
    pub(crate) undecrypted: BTreeMap<u64, u64>,
    /// When it was warned last that somebody, or a packet of it, is out of place.
    warned_of: BTreeMap<MemberId, u64>,
    /// The operation in progress is said to take too long.
    slow: bool,
    /// When it was said to for the last time, and ended.
    slow_until: Option<u64>,
    /// Subsessions that it was to be excluded from, as far as it knows.
    excluded_from: BTreeSet<SubsessionId>,
    requests: Requests,
}

/// Everything that ever was, and what must be true of it.
pub(crate) struct Oracle {
    expect: Expect,
    v2: bool,
    honest: usize,
    pub(crate) lives: Vec<Life>,
    sent: BTreeMap<MessageId, Sent>,
    /// What each member ever accepted, in any of its lives.
    accepted: Vec<BTreeSet<MessageId>>,
    completed: BTreeMap<agreement::Operation, Completed>,
    /// Who ever had which group key.
    holders: BTreeMap<[u8; 32], agreement::Holders>,
    speaking: Option<(usize, String)>,
    forks: Forks,
    conduct: Vec<Conduct>,
    turn: Turn,
    /// Operation packets that each member made, in any of its lives.
    made: Vec<BTreeSet<Vec<u8>>>,
    /// Orders of operations that each member ever had.
    ever: Vec<BTreeSet<(PacketId, ChainHash)>>,
    /// Those who ever crashed.
    crashed: BTreeSet<usize>,
    /// Operation packets that must not count for anything, and why.
    void: BTreeMap<Vec<u8>, &'static str>,
    /// Messages that nobody honest may accept, and why.
    forbidden: BTreeMap<MessageId, &'static str>,
    /// Packets of messages that answer this one, of another subsession.
    misplaced: BTreeMap<Vec<u8>, MessageId>,
    /// Messages of which nobody honest may accept both.
    twins: Vec<(MessageId, MessageId)>,
    /// When somebody last said farewell, left, or was named in an exclusion.
    departed: BTreeMap<MemberId, u64>,
    /// Nothing is wrong since then.
    calm_since: Option<u64>,
}

/// What of a session must not change when it rejects something (I8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    members: MemberSet,
    sid: Option<SubsessionId>,
    order: Option<(PacketId, ChainHash)>,
    state: Option<mpenc::SessionState>,
    log: usize,
    heads: Vec<MessageId>,
    deferred: usize,
    undecrypted: usize,
    running: Option<(MemberId, MemberSet, MemberSet)>,
    leaving: MemberSet,
    lingering: MemberSet,
    proposal: bool,
    channel: Option<MemberSet>,
    waiting: bool,
}

impl Life {
    /// Whether it was to be excluded from this subsession: nobody there tells it any more.
    fn is_excluded(&self, sid: Option<SubsessionId>) -> bool {
        sid.is_some_and(|sid| self.excluded_from.contains(&sid))
    }
}

/// The subsession that a warning is about: that of its message, or else the current one.
fn concerned(person: &Person, notice: &Notice) -> Option<SubsessionId> {
    let session = person.session.as_ref()?;
    let message = match notice {
        Notice::NotFullyAcked { id, .. } | Notice::NotAccepted { id, .. } => session.message(id),
        _ => None,
    };
    message.map(|message| message.sid).or_else(|| session.sid())
}

/// Nobody honest is accused: what proves misbehaviour has been signed by its author, and neither
/// the server nor an insider can sign for somebody else.
//= docs/spec/attacks.md#ATK-065
fn accusation_is_true(people: &[Person], notice: &Notice) -> Result<(), String> {
    let (Notice::BadContribution { member }
    | Notice::BadMessage { author: member, .. }
    | Notice::AuthorFork { author: member, .. }) = notice
    else {
        return Ok(());
    };
    match people.iter().find(|person| person.name == *member) {
        Some(person) if person.insider => Ok(()),
        _ => Err(format!("ATK-065: {member} is honest and is accused: {notice:?}")),
    }
}

/// For how long after a farewell others may still write to somebody: FIN_TIMEOUT.
const DEPARTURE: u64 = 80_000;

impl Oracle {
    pub(crate) fn new(options: &Options, honest: usize) -> Self {
        Self {
            expect: Expect::of(options),
            v2: options.v2,
            honest,
            lives: (0..options.members).map(|_| Life::default()).collect(),
            sent: BTreeMap::new(),
            accepted: vec![BTreeSet::new(); options.members],
            completed: BTreeMap::new(),
            holders: BTreeMap::new(),
            speaking: None,
            forks: Forks::default(),
            conduct: (0..options.members).map(|_| Conduct::default()).collect(),
            turn: Turn::default(),
            made: vec![BTreeSet::new(); options.members],
            ever: vec![BTreeSet::new(); options.members],
            crashed: BTreeSet::new(),
            void: BTreeMap::new(),
            forbidden: BTreeMap::new(),
            misplaced: BTreeMap::new(),
            twins: Vec::new(),
            departed: BTreeMap::new(),
            calm_since: None,
        }
    }

    pub(crate) fn born(&mut self, who: usize) {
        if let Some(life) = self.lives.get_mut(who) {
            *life = Life::default();
        }
        if let Some(conduct) = self.conduct.get_mut(who) {
            *conduct = Conduct::default();
        }
        self.forks.forget(who);
    }

    /// A crash: what was accepted but not shown is remembered.
    pub(crate) fn died(&mut self, people: &[Person], who: usize) {
        self.crashed.insert(who);
        let session = people.get(who).and_then(|person| person.session.as_ref());
        if let (Some(session), Some(accepted)) = (session, self.accepted.get_mut(who)) {
            accepted.extend(self.sent.keys().filter(|id| session.kind(id).is_some()));
        }
        self.forks.forget(who);
    }

    pub(crate) fn digest(&self, people: &[Person], who: usize) -> Option<Digest> {
        let session = people.get(who)?.session.as_ref()?;
        Some(Digest {
            members: session.members(),
            sid: session.sid(),
            order: session.order(),
            state: Some(session.state()),
            log: session.log_len(),
            heads: session.heads().to_vec(),
            deferred: session.deferred(),
            undecrypted: session.undecrypted(),
            running: session.operation().map(|op| (op.initiator, op.next_members, op.waiting_for)),
            leaving: session.leaving_members().clone(),
            lingering: session.lingering_members().clone(),
            proposal: session.has_proposal(),
            channel: session.channel_members().cloned(),
            waiting: session.is_waiting(),
        })
    }

    /// A session was called, and this came of it.
    pub(crate) fn observe(
        &mut self,
        people: &[Person],
        who: usize,
        notices: &[Notice],
        now: u64,
    ) -> Result<(), String> {
        let Some(person) = people.get(who) else { return Ok(()) };
        if person.insider {
            return self.keys_of(people, who, true);
        }
        self.begin_turn(&person.name, who, notices)?;
        let mut renewed = false;
        for notice in notices {
            match notice {
                Notice::InternalError { description } => {
                    return Err(format!("internal error: {description}"));
                }
                Notice::MembersChanged { .. } | Notice::KeyRefreshed { .. } => {
                    renewed = true;
                }
                Notice::OpStarted { change, .. } if change.exclude.contains(&person.name) => {
                    if let Some(life) = self.lives.get_mut(who) {
                        let sid = person.session.as_ref().and_then(Session::sid);
                        life.excluded_from.extend(sid);
                    }
                }
                // In v1 it is told of a failure also when the others have gone on without it.
                Notice::OpFailed { change, .. }
                    if self.v2 && change.exclude.contains(&person.name) =>
                {
                    let sid = person.session.as_ref().and_then(Session::sid);
                    if let (Some(life), Some(sid)) = (self.lives.get_mut(who), sid) {
                        life.excluded_from.remove(&sid);
                    }
                }
                Notice::MessageReady { id, .. } => self.accepts(people, who, id, now)?,
                Notice::MessageFullyAcked { id } => self.is_fully_acked(people, who, id)?,
                Notice::OperationEnded { id, .. } => {
                    if let Some(life) = self.lives.get_mut(who) {
                        life.requests.end(*id)?;
                    }
                }
                _ => {}
            }
            accusation_is_true(people, notice)?;
            self.note(person, who, notice, now)?;
        }
        self.keys_of(people, who, renewed)?;
        self.orders_of(people, who, now)
    }

    /// Remembers who departs.
    fn departs(&mut self, person: &Person, notice: &Notice, now: u64) {
        use mpenc::SessionState::{PartFailed, Parted, Parting};
        match notice {
            Notice::OpStarted { change, .. } => {
                for member in &change.exclude {
                    self.departed.insert(member.clone(), now);
                }
            }
            Notice::StateChanged { new: Parting | Parted | PartFailed, .. } => {
                self.departed.insert(person.name.clone(), now);
            }
            _ => {}
        }
    }

    /// Whether a text is not acknowledged because of people who depart. That is true then, and
    /// nothing could have told its author before: who leaves stops to listen FIN_GRACE after its
    /// farewell is acknowledged. A narrowing of SEC-002.
    fn is_about_departed(&self, person: &Person, notice: &Notice) -> bool {
        let Notice::NotFullyAcked { id, unacked_by, last_word, .. } = notice else { return false };
        let message = person.session.as_ref().and_then(|session| session.message(id));
        let Some(since) = message.as_ref().map(|message| message.accepted_at.as_millis()) else {
            return false;
        };
        let recently =
            |member: &MemberId| self.departed.get(member).is_some_and(|at| at + DEPARTURE > since);
        // Who departs may write what others never get, as their subsession has ended.
        // When a subsession ends because somebody departs, it ends for all of its messages.
        let author = message.is_some_and(|message| recently(message.author));
        let ends = *last_word && unacked_by.iter().any(recently);
        recently(&person.name) || author || ends || unacked_by.iter().all(recently)
    }

    /// Whether a subsession ended before its last acks could arrive, since the keys were renewed
    /// once more than previous ones are kept, all within the time that acks take (MOD-004). A
    /// narrowing of SEC-002.
    fn is_about_haste(person: &Person, notice: &Notice) -> bool {
        let all = person.session.as_ref().map_or(0, |session| session.subsession_states().count());
        matches!(notice, Notice::NotFullyAcked { last_word: true, .. }) && all > MAX_PREVIOUS
    }

    /// Warnings, and whether any may be (I10).
    fn note(
        &mut self,
        person: &Person,
        who: usize,
        notice: &Notice,
        now: u64,
    ) -> Result<(), String> {
        self.departs(person, notice, now);
        let excused =
            self.is_about_departed(person, notice) || Self::is_about_haste(person, notice);
        let quiet = self.expect.quiet && !excused;
        let Some(life) = self.lives.get_mut(who) else { return Ok(()) };
        // The end of a warning that was judged when it came, perhaps of a subsession that is over.
        let follows = matches!(notice, Notice::PacketDiscarded { packet, .. }
            if life.undecrypted.contains_key(packet));
        match notice {
            Notice::OpFailed { change, .. } if !change.include.is_empty() => {
                life.failed_inclusions += 1;
            }
            Notice::MembersChanged { .. } => life.failed_inclusions = 0,
            Notice::OrderInconsistent { member } => {
                life.order_inconsistent.insert(member.clone());
            }
            Notice::AuthorFork { .. } => life.author_fork = true,
            Notice::OrderNotConfirmed { members, .. } => {
                life.unconfirmed = Some(now);
                life.not_confirmed_by = members.clone();
            }
            Notice::OrderConfirmed { .. } => {
                life.unconfirmed = None;
                life.not_confirmed_by = MemberSet::new();
            }
            Notice::NotDecrypted { packet, .. } => {
                life.undecrypted.insert(*packet, now);
            }
            Notice::NotDecryptedResolved { packet, .. }
            | Notice::PacketDiscarded { packet, .. } => {
                life.undecrypted.remove(packet);
            }
            Notice::StateChanged {
                new: mpenc::SessionState::Parted | mpenc::SessionState::PartFailed,
                ..
            } => {
                life.failed_inclusions = 0;
                life.order_inconsistent = MemberSet::new();
                life.author_fork = false;
                life.unconfirmed = None;
                life.not_confirmed_by = MemberSet::new();
                life.undecrypted.clear();
                life.warned_of.clear();
            }
            _ => {}
        }
        life.is_warned(notice, now);
        if is_warning(notice) {
            // Losing a race again and again is no fault of anybody's.
            let chance = matches!(notice, Notice::RejectedRepeatedly { .. });
            // Who is excluded while still writing cannot know what became of its last words.
            if quiet && !chance && !follows && !life.is_excluded(concerned(person, notice)) {
                return Err(format!(
                    "I10: {} without a cause: {notice:?} ({})",
                    kind_of(notice),
                    person.name
                ));
            }
        }
        Ok(())
    }

    /// An event is about to be delivered.
    pub(crate) fn hear(&mut self, people: &[Person], who: usize, parcel: &Parcel, now: u64) {
        self.forks.hear(people, who, parcel, now);
    }

    pub(crate) fn time_passed(&mut self, people: &[Person], now: u64) -> Result<(), String> {
        self.forks.check(people, &self.lives, &self.expect, now)?;
        self.requests_end(people, now)?;
        self.acks_are_watched(people, now)
    }
}
