//! Messages: sending, receiving, accepting, and the log that people read (sections 7, 8, 10).

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_transcript::{Deferred, Entry, TranscriptReject};
use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId, SubsessionId, Timestamp, guard};

use super::input::{Disposition, RejectReason};
use super::subsession::{MAX_DISCARDED, Subsession, SubsessionState, Waiting};
use super::{BadMessage, Env, Notice, SendError, Session};
use crate::content::{ContentSize, MAX_CONTENT};
use crate::security::{Body, ErrorCode, MessageHeader, OpenReject, Opened, SealError};

/// What the session keeps of a payload, beyond the life of its subsession.
#[derive(Debug)]
pub(super) struct StoredMessage {
    pub(super) author: MemberId,
    pub(super) sid: SubsessionId,
    pub(super) members: Arc<MemberSet>,
    pub(super) text: Text,
    pub(super) parents: Vec<MessageId>,
    pub(super) accepted_at: Timestamp,
    pub(super) fully_acked_at: Option<Timestamp>,
    pub(super) after_own_fin: bool,
    /// In the log; false while it waits for the context of its subsession (TRN-037).
    pub(super) logged: bool,
    /// Set when its subsession ended before everybody had acknowledged it.
    pub(super) unacked_at_end: Option<MemberSet>,
}

/// A message's text; redacted when printed.
pub(super) struct Text(String);

impl core::fmt::Debug for Text {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

impl core::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Which subsession: the current one, or a previous one, counted from the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Current,
    Previous(usize),
}

impl Session {
    /// Sends a text to the members of the current subsession; an empty text acknowledges what
    /// has been shown so far (LIV-013). Success means handed over, not delivered: that is what
    /// [`Notice::MessageFullyAcked`] says. In a v2 session a long text becomes several messages,
    /// of which the last stands for all: its identifier is returned (V2-028).
    ///
    /// # Errors
    ///
    /// * [`SendError::NotJoined`] outside a session with others, and after parting began.
    /// * [`SendError::TooLarge`] if one packet cannot carry it in a v1 session, or if it is longer
    ///   than [`MAX_CONTENT`].
    /// * [`SendError::KeysTooOld`] if the keys could not be renewed for too long.
    /// * [`SendError::NoSubsession`] for an acknowledgement to nobody.
    /// * [`SendError::Internal`] for a fault of ours.
    pub fn send(&mut self, env: &mut Env<'_>, text: &str) -> Result<MessageId, SendError> {
        self.clamp(env.now);
        let result = self.send_now(env, text);
        self.settle(env);
        result
    }

    fn send_now(&mut self, env: &mut Env<'_>, text: &str) -> Result<MessageId, SendError> {
        if self.broken {
            return Err(SendError::NotJoined);
        }
        let Some(current) = &self.current else {
            return Err(if text.is_empty() {
                SendError::NoSubsession
            } else {
                SendError::NotJoined
            });
        };
        if text.is_empty() {
            if !current.is_open() {
                return Err(SendError::NoSubsession);
            }
            return self.emit(env, Which::Current, Body::ExplicitAck { manual: true });
        }
        //= docs/spec/protocol.md#FIN-003
        //= docs/spec/protocol.md#SES-037
        if current.state != SubsessionState::Joined {
            return Err(SendError::NotJoined);
        }
        //= docs/spec/v2.md#V2-033
        if self.keys_too_old() {
            return Err(SendError::KeysTooOld);
        }
        let limit = MAX_CONTENT;
        let bodies = self
            .rules
            .bodies(text)
            .map_err(|ContentSize { found }| SendError::TooLarge { found, limit })?;
        //= docs/spec/v2.md#V2-028
        let mut last = Err(SendError::Internal);
        self.sending = Some(text.into());
        for body in bodies {
            last = self.emit(env, Which::Current, body);
            if last.is_err() {
                break;
            }
        }
        self.sending = None;
        last
    }

    /// Seals, accepts into the own transcript and queues one message.
    pub(super) fn emit(
        &mut self,
        env: &mut Env<'_>,
        which: Which,
        body: Body,
    ) -> Result<MessageId, SendError> {
        let owner = self.owner().clone();
        // The order of the packet is the order for all; v1 keeps that of the heads.
        let sorted = self.rules.sorts_parents();
        let Some(sub) = self.subsession_mut(which) else {
            return Err(SendError::NoSubsession);
        };
        //= docs/spec/protocol.md#FIN-021
        if sub.own_close().is_some() {
            return Err(SendError::NoSubsession);
        }
        //= docs/spec/protocol.md#TRN-004
        let mut parents = sub.transcript.heads().to_vec();
        if sorted {
            parents.sort_unstable();
        }
        let order = sub.trail.point();
        let header = MessageHeader { parents: &parents, order };
        let sealed = match sub.security.seal(env.rng, &header, &body) {
            Ok(sealed) => sealed,
            Err(SealError::TooLarge { found, limit }) => {
                return Err(SendError::TooLarge { found, limit });
            }
            Err(SealError::Internal) => {
                self.internal_error("a message could not be sealed");
                return Err(SendError::Internal);
            }
        };
        let readers = sub.readers(&owner);
        let id = sealed.id;
        self.keep_packet(which, id, &owner, &sealed.packet);
        //= docs/spec/protocol.md#TRN-003
        let opened =
            Opened { id, author: owner, parents, order: Some(order), position: None, body };
        if !matches!(self.accept(which, opened), Disposition::Accepted) {
            self.internal_error("our own transcript refused our message");
            return Err(SendError::Internal);
        }
        self.broadcast(readers, sealed.packet);
        Ok(id)
    }

    //= docs/spec/protocol.md#SES-008
    //= docs/spec/protocol.md#MSG-005
    pub(super) fn data_packet(
        &mut self,
        env: &mut Env<'_>,
        sender: &MemberId,
        packet: &[u8],
    ) -> Disposition {
        //= docs/spec/protocol.md#TRN-024
        if let Some((which, id)) = self.known_copy(packet) {
            self.copy_seen(which, sender, &id);
            return Disposition::Ignored;
        }
        //= docs/spec/protocol.md#MSG-010
        if self.waits_for_key(sender, packet) {
            return Disposition::Ignored;
        }
        match self.try_open(sender, packet) {
            Some(disposition) => {
                //= docs/spec/protocol.md#MSG-014
                //= docs/spec/v2.md#V2-024
                self.retry_if_moved();
                disposition
            }
            None if self.is_of_ended_subsession(sender, packet) => {
                self.answer_for_ended(sender, packet);
                Disposition::Ignored
            }
            None => self.keep_for_trial(env.now, sender, packet),
        }
    }

    /// Tries the packet on every open subsession; `None` if no key fits.
    pub(super) fn try_open(&mut self, sender: &MemberId, packet: &[u8]) -> Option<Disposition> {
        for which in self.all_subsessions() {
            let Some(sub) = self.subsession_mut(which).filter(|sub| sub.is_open()) else {
                continue;
            };
            if which != Which::Current && !guard!("old-window") {
                continue;
            }
            match sub.security.open(sender, packet) {
                //= docs/spec/protocol.md#SES-009
                Ok(opened) => {
                    let id = opened.id;
                    self.keep_packet(which, id, &opened.author, packet);
                    let disposition = self.verified(which, opened);
                    if matches!(disposition, Disposition::Rejected(_)) {
                        self.drop_packet(which, &id);
                    }
                    return Some(disposition);
                }
                Err(OpenReject::NotOurs | OpenReject::Over) => {}
                Err(OpenReject::Spent) => return Some(Disposition::Ignored),
                Err(OpenReject::Forged) => {
                    return Some(Disposition::Rejected(RejectReason::Forged));
                }
                Err(OpenReject::Malformed) => {
                    return Some(Disposition::Rejected(RejectReason::Malformed));
                }
                Err(OpenReject::BadContent { author, id }) => {
                    sub.security.destroy(&id);
                    return Some(self.bad_message(which, author, id, BadMessage::Content));
                }
            }
        }
        None
    }

    fn verified(&mut self, which: Which, opened: Opened) -> Disposition {
        let now = self.now;
        let owner = self.owner().clone();
        let Some(sub) = self.subsession_mut(which) else { return Disposition::Ignored };
        if sub.knows(&opened.id) {
            return Disposition::Ignored;
        }
        if let Some(refused) = self.nothing_new(which, &opened) {
            return refused;
        }
        let Some(sub) = self.subsession_mut(which) else { return Disposition::Ignored };
        //= docs/spec/protocol.md#MSG-011
        if opened.author == owner {
            sub.security.destroy(&opened.id);
            return self.bad_message(which, owner, opened.id, BadMessage::OwnUnknown);
        }
        let entry = Entry {
            id: opened.id,
            author: &opened.author,
            parents: &opened.parents,
            kind: opened.body.kind(),
        };
        let missing = match sub.transcript.check(&entry) {
            Ok(()) => return self.accept(which, opened),
            Err(TranscriptReject::MissingParents(missing)) => missing,
            Err(reject) => {
                sub.security.destroy(&opened.id);
                return self.refused(which, opened.author, opened.id, reject);
            }
        };
        //= docs/spec/protocol.md#TRN-006
        let foreign = |id| self.is_of_another_subsession(which, id);
        if guard!("parent-visible") && missing.iter().any(foreign) {
            return self.bad_message(which, opened.author, opened.id, BadMessage::ForeignParent);
        }
        let Some(sub) = self.subsession_mut(which) else { return Disposition::Ignored };
        //= docs/spec/protocol.md#TRN-014
        let (id, author) = (opened.id, opened.author.clone());
        let value = Waiting { opened, since: now };
        let Ok(evicted) = sub.deferral.insert(author, id, &missing, value) else {
            return Disposition::Ignored;
        };
        self.misses(which, &id, &missing);
        let Some(sub) = self.subsession_mut(which) else { return Disposition::Ignored };
        for old in &evicted {
            sub.packets.remove(&old.id);
            sub.security.release(&old.id);
            sub.misses_again(&old.id);
        }
        for old in evicted {
            self.discarded(which, old);
        }
        Disposition::Deferred
    }

    /// Accepts a message whose parents are all here, and then whatever waited for it.
    fn accept(&mut self, which: Which, opened: Opened) -> Disposition {
        let id = opened.id;
        let mut first = None;
        let mut ready = VecDeque::from([opened]);
        while let Some(opened) = ready.pop_front() {
            let (released, author) = (opened.id, opened.author.clone());
            let disposition = self.accept_one(which, opened, released == id);
            self.no_longer_deferred(which, released, author);
            if disposition == Disposition::Accepted
                && let Some(sub) = self.subsession_mut(which)
            {
                //= docs/spec/protocol.md#TRN-015
                let waiting = sub.deferral.release(&released);
                ready.extend(waiting.into_iter().map(|deferred| deferred.value.opened));
            }
            if released == id {
                first = Some(disposition);
            }
        }
        self.resolve_contexts();
        first.unwrap_or(Disposition::Ignored)
    }

    //= docs/spec/protocol.md#TRN-021
    pub(super) fn no_longer_deferred(&mut self, which: Which, id: MessageId, author: MemberId) {
        let Some(sub) = self.subsession_mut(which) else { return };
        let discarded = sub.discarded.remove(&id);
        if sub.not_accepted.remove(&id) || discarded {
            if discarded {
                self.lasting.not_discarded(&id);
            }
            self.notify(Notice::NotAcceptedResolved { id, author });
        }
    }

    /// A message that was deferred is not any more, and has not been accepted.
    //= docs/spec/protocol.md#TRN-044
    pub(super) fn discarded(&mut self, which: Which, deferred: Deferred<Waiting>) {
        let Deferred { id, author, missing, .. } = deferred;
        let Some(sub) = self.subsession_mut(which) else { return };
        sub.not_accepted.remove(&id);
        if sub.discarded.len() < MAX_DISCARDED && !sub.discarded.insert(id) {
            // Told before: it came, and had to go, once more.
            return;
        }
        if guard!("discard-told") {
            let missing = missing.into_iter().collect();
            self.notify(Notice::MessageDiscarded { id, author, missing });
        }
    }

    /// `direct` if it has not waited for others to arrive.
    fn accept_one(&mut self, which: Which, opened: Opened, direct: bool) -> Disposition {
        let now = self.now;
        let owner = self.owner().clone();
        if !direct && let Some(refused) = self.nothing_new(which, &opened) {
            return refused;
        }
        let Opened { id, author, parents, order, position, body } = opened;
        let kind = body.kind();
        let away = if let Body::Absence { away } = body { Some(away) } else { None };
        let error =
            if let Body::Error { code, subject } = body { Some((code, subject)) } else { None };
        let Some(sub) = self.subsession_mut(which) else { return Disposition::Ignored };
        //= docs/spec/v2.md#V2-025
        if guard!("position-checked")
            && position.is_some_and(|position| position != sub.written_by(&author))
        {
            return self.misplaced(which, author, id, &parents, kind);
        }
        let entry = Entry { id, author: &author, parents: &parents, kind };
        let seen_before = sub.transcript.seen(&owner, &author);
        let accepted = match sub.transcript.accept(entry) {
            Ok(accepted) => accepted,
            Err(reject) => {
                sub.security.destroy(&id);
                return self.refused(which, author, id, reject);
            }
        };
        sub.security.commit(&id);
        sub.repair.on_arrived(now, &id);
        if kind.is_monitored() {
            sub.last_watched.insert(author.clone(), id);
        }
        sub.acks.on_accepted(now, id, kind, author == owner);
        for done in sub.acks.forget(now) {
            sub.packets.remove(&done);
            sub.security.forget(&done);
        }
        let closing = sub.shutdown.is_some();
        let sid = sub.sid;
        let members = Arc::clone(sub.members());
        let after_own_fin = sub.shutdown.as_ref().is_some_and(|shutdown| {
            author != owner && sub.transcript.is_ancestor_or_equal(&shutdown.fin, &id) != Ok(true)
        });
        if let Some(text) = self.text_of(sid, &author, body) {
            if accepted.after_fin {
                //= docs/spec/protocol.md#TRN-010
                self.notify(Notice::BadMessage {
                    author: author.clone(),
                    reason: BadMessage::AfterFin,
                });
            } else {
                let stored = StoredMessage {
                    author: author.clone(),
                    sid,
                    members,
                    text: Text(text),
                    parents,
                    accepted_at: now,
                    fully_acked_at: None,
                    //= docs/spec/protocol.md#FIN-008
                    after_own_fin,
                    logged: false,
                    unacked_at_end: None,
                };
                self.messages.insert(id, stored);
                self.log_or_withhold(which, id);
            }
        } else if kind.is_payload()
            && let Some(sub) = self.subsession_mut(which)
        {
            sub.not_shown(id);
        }
        if author == owner {
            if which == Which::Current && kind.is_monitored() {
                self.expect_heartbeat();
            }
        } else {
            self.heard_from(which, &author, seen_before, direct);
            if which == Which::Current && kind.is_payload() && !accepted.after_fin {
                self.writes(&author);
            }
            if let Some(away) = away
                && which == Which::Current
            {
                self.says_away(&author, away);
            }
        }
        if let Some((code, subject)) = error {
            self.hears_error(which, &author, code, subject);
        }
        if kind == BodyKind::Close {
            self.says_close(which, &author, id);
        }
        if which == Which::Current {
            self.count_towards_refresh();
        }
        if let Some(point) = order {
            self.compare_order(which, &author, &point);
        }
        self.fully_acked(which, &accepted.fully_acked);
        self.prune(which);
        self.recheck_shutdown |= closing;
        //= docs/spec/protocol.md#FIN-017
        if accepted.leave_intent && author != owner && self.session_members().contains(&author) {
            self.task_exclude.insert(author);
        }
        Disposition::Accepted
    }

    /// A message that is not at the position its author signed: a second one at a position that
    /// is taken, or a lie.
    fn misplaced(
        &mut self,
        which: Which,
        author: MemberId,
        id: MessageId,
        parents: &[MessageId],
        kind: BodyKind,
    ) -> Disposition {
        if let Some(sub) = self.subsession_mut(which) {
            let entry = Entry { id, author: &author, parents, kind };
            // A fork is the graver charge, and shows without positions too.
            if let Err(reject @ TranscriptReject::AuthorFork { .. }) = sub.transcript.check(&entry)
            {
                sub.security.destroy(&id);
                return self.refused(which, author, id, reject);
            }
        }
        self.bad_message(which, author, id, BadMessage::Position)
    }

    fn refused(
        &mut self,
        which: Which,
        author: MemberId,
        id: MessageId,
        reject: TranscriptReject,
    ) -> Disposition {
        if let Some(refused) = self.nothing_to_blame(which, &author, id) {
            return refused;
        }
        let reason = match reject {
            TranscriptReject::AuthorFork { first } => {
                //= docs/spec/protocol.md#TRN-022
                //= docs/spec/protocol.md#TRN-023
                self.show_fork(which, &first, &id);
                let mut evidence = None;
                if let Some(sub) = self.subsession_mut(which) {
                    //= docs/spec/v2.md#V2-025
                    evidence = sub.security.evidence(&first, &id);
                    sub.refuse(id);
                    sub.state = SubsessionState::Error;
                }
                if self.evidence.len() < super::MAX_EVIDENCE {
                    self.evidence.extend(evidence);
                }
                self.have_to_tell(which, ErrorCode::Fork, Some(id), &author);
                self.notify(Notice::AuthorFork { author, first, second: id });
                return Disposition::Rejected(RejectReason::Fork);
            }
            TranscriptReject::Duplicate => return Disposition::Ignored,
            TranscriptReject::SelfParent => BadMessage::SelfParent,
            TranscriptReject::NotAMember => BadMessage::NotAMember,
            TranscriptReject::ClosedParent(_) => BadMessage::ClosedParent,
            TranscriptReject::NotAntichain { .. } | TranscriptReject::TooManyParents { .. } => {
                BadMessage::NotAntichain
            }
            TranscriptReject::MissingParents(_) | TranscriptReject::Full => {
                self.internal_error("a message was judged before its parents");
                return Disposition::Rejected(RejectReason::Broken);
            }
        };
        self.bad_message(which, author, id, reason)
    }

    fn bad_message(
        &mut self,
        which: Which,
        author: MemberId,
        id: MessageId,
        reason: BadMessage,
    ) -> Disposition {
        if let Some(refused) = self.nothing_to_blame(which, &author, id) {
            return refused;
        }
        if let Some(sub) = self.subsession_mut(which) {
            sub.security.destroy(&id);
            sub.refuse(id);
        }
        self.have_to_tell(which, ErrorCode::BadMessage, Some(id), &author);
        //= docs/spec/protocol.md#TRN-012
        self.notify(Notice::BadMessage { author, reason });
        Disposition::Rejected(RejectReason::Message(reason))
    }

    fn fully_acked(&mut self, which: Which, ids: &[MessageId]) {
        let now = self.now;
        let grace = self.timing().fin_grace();
        for id in ids {
            let Some(sub) = self.subsession_mut(which) else { return };
            sub.acks.on_fully_acked(now, *id);
            let left = sub.transcript.kind(id).is_ok_and(BodyKind::is_fin);
            let left = left.then(|| sub.transcript.author(id).cloned()).flatten();
            sub.security.fully_acked(id);
            if let Some(shutdown) = &mut sub.shutdown
                && shutdown.fin == *id
            {
                //= docs/spec/protocol.md#FIN-005
                shutdown.stop = Some(now + grace);
            }
            if let Some(author) = left
                && which == Which::Current
            {
                self.went_away(&author);
            }
            if let Some(stored) = self.messages.get_mut(id) {
                stored.fully_acked_at = Some(now);
                if stored.logged {
                    self.notify(Notice::MessageFullyAcked { id: *id });
                }
            }
        }
    }

    /// A message named as parent that belongs elsewhere (ATK-113).
    fn is_of_another_subsession(&self, which: Which, id: &MessageId) -> bool {
        let others = self.all_subsessions().into_iter().filter(|other| *other != which);
        self.messages.contains_key(id)
            || others
                .filter_map(|other| self.subsession(other))
                .any(|sub| sub.transcript.contains(id))
    }

    pub(super) fn all_subsessions(&self) -> Vec<Which> {
        let current = self.current.iter().map(|_| Which::Current);
        current.chain((0..self.previous.len()).map(Which::Previous)).collect()
    }

    pub(super) fn subsession(&self, which: Which) -> Option<&Subsession> {
        match which {
            Which::Current => self.current.as_ref(),
            Which::Previous(n) => self.previous.get(n),
        }
    }

    pub(super) fn subsession_mut(&mut self, which: Which) -> Option<&mut Subsession> {
        match which {
            Which::Current => self.current.as_mut(),
            Which::Previous(n) => self.previous.get_mut(n),
        }
    }
}
