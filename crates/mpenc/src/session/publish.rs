//! The end of a subsession in which nothing new can come: the key that signed our messages there
//! is published, so that anybody could have written them (section 9.4, V2-029, decision 0029).
//!
//! ```text
//!  FIN ── everybody acked it, ── Close ── everybody refuses ── publication ── FIN_GRACE ── stop
//!   │     and sent a FIN           │      anything new of ours
//!   └── otherwise, until FIN_TIMEOUT: no publication, and the key is destroyed
//! ```

use alloc::vec::Vec;

use mpenc_transcript::Transcript;
use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId, Timestamp, guard};

use super::input::{Disposition, RejectReason};
use super::message::Which;
use super::subsession::{Subsession, SubsessionState};
use super::{Env, Notice, Session};
use crate::security::{Body, Opened};

/// What the shutdown of a subsession waits for before our key can be published.
enum Next {
    /// Nothing; or it is over.
    Nothing,
    /// Another while, since somebody can still say what is missing.
    Wait,
    /// Everybody's word is here: ours comes last.
    Close,
    /// Somebody will never refuse what comes in our name.
    GiveUp,
    /// Everybody refuses what comes in our name.
    Publish,
}

impl Session {
    /// Goes on with the shutdown of each subsession as far as that is possible now.
    pub(super) fn publish(&mut self, env: &mut Env<'_>) {
        let on = self.config.publish_keys && self.rules.has_gated();
        if !on || self.broken || self.channel.is_none() {
            return;
        }
        for which in self.all_subsessions() {
            if matches!(self.next_step(which), Next::Close) {
                self.send_close(env, which);
            }
            let (now, grace) = (self.now, self.timing().fin_grace());
            match self.next_step(which) {
                Next::Publish => self.publish_own(which),
                Next::GiveUp => self.stop_by(which, now + grace),
                Next::Wait => {
                    let sub = self.subsession_mut(which);
                    let shutdown = sub.and_then(|sub| sub.shutdown.as_mut());
                    if let Some(shutdown) = shutdown
                        && shutdown.stop.is_some_and(|stop| stop <= now)
                    {
                        shutdown.stop = Some((now + grace).min(shutdown.give_up));
                    }
                }
                Next::Nothing | Next::Close => {}
            }
        }
    }

    fn next_step(&self, which: Which) -> Next {
        let (Some(sub), Some(channel)) = (self.subsession(which), &self.channel) else {
            return Next::Nothing;
        };
        let Some(shutdown) = sub.shutdown.filter(|_| sub.state == SubsessionState::Parting) else {
            return Next::Nothing;
        };
        let owner = self.owner();
        if sub.published.contains(owner) {
            return Next::Nothing;
        }
        let fins_missing = without_fin(&sub.transcript, sub.readers(owner));
        let Some(close) = shutdown.close else {
            //= docs/spec/protocol.md#FIN-021
            if !sub.transcript.is_fully_acked(&shutdown.fin) {
                return Next::Nothing;
            }
            if fins_missing.is_empty() {
                return Next::Close;
            }
            // Who has been excluded, or has left, sends none.
            let stays = if which == Which::Current {
                channel.clone()
            } else {
                self.session_members().intersection(channel)
            };
            return if fins_missing.is_subset(&stays) { Next::Wait } else { Next::Nothing };
        };
        let unsure = unsure_of(sub, owner, &shutdown.fin, &close);
        if unsure.is_empty() || !guard!("publish-after-close") {
            return Next::Publish;
        }
        if unsure.is_subset(channel) { Next::Nothing } else { Next::GiveUp }
    }

    fn stop_by(&mut self, which: Which, at: Timestamp) {
        let sub = self.subsession_mut(which);
        if let Some(shutdown) = sub.and_then(|sub| sub.shutdown.as_mut()) {
            shutdown.stop.get_or_insert(at.min(shutdown.give_up));
        }
    }

    //= docs/spec/protocol.md#FIN-021
    fn send_close(&mut self, env: &mut Env<'_>, which: Which) {
        // Its failure is an internal error, which is reported where it happens.
        let Ok(close) = self.emit(env, which, Body::Close) else { return };
        let sub = self.subsession_mut(which);
        if let Some(shutdown) = sub.and_then(|sub| sub.shutdown.as_mut()) {
            shutdown.close = Some(close);
            // Until everybody refuses what comes in our name, or FIN_TIMEOUT (FIN-024).
            shutdown.stop = None;
        }
    }

    //= docs/spec/protocol.md#FIN-023
    //= docs/spec/v2.md#V2-029
    fn publish_own(&mut self, which: Which) {
        let owner = self.owner().clone();
        let stop = self.now + self.timing().fin_grace();
        let Some(sub) = self.subsession_mut(which) else { return };
        let Some(packet) = sub.security.publication() else { return };
        sub.published.insert(owner.clone());
        let (sid, readers) = (sub.sid, sub.readers(&owner));
        self.stop_by(which, stop);
        self.broadcast(readers, packet);
        self.notify(Notice::KeyPublished { member: owner, sid });
    }

    /// Somebody publishes a key: nothing new is accepted under it.
    //= docs/spec/protocol.md#FIN-025
    pub(super) fn publication_packet(&mut self, packet: &[u8]) -> Disposition {
        for which in self.all_subsessions() {
            let Some(sub) = self.subsession_mut(which) else { continue };
            let Some(member) = sub.security.published_by(packet) else { continue };
            if sub.published.contains(&member) {
                return Disposition::Ignored;
            }
            sub.published.insert(member.clone());
            let sid = sub.sid;
            self.drop_deferred(which, &member);
            //= docs/spec/protocol.md#FIN-022
            if which == Which::Current {
                self.treat_as_leaving(&member);
            }
            //= docs/spec/v2.md#V2-025
            self.evidence.retain(|one| one.sid != sid || one.author != member);
            self.notify(Notice::KeyPublished { member, sid });
            return Disposition::Accepted;
        }
        for ended in &mut self.ended {
            let Some(member) = ended.security.published_by(packet) else { continue };
            if ended.published.contains(&member) {
                return Disposition::Ignored;
            }
            ended.published.insert(member.clone());
            let sid = ended.sid;
            self.evidence.retain(|one| one.sid != sid || one.author != member);
            self.notify(Notice::KeyPublished { member, sid });
            return Disposition::Accepted;
        }
        // Of a subsession that is forgotten, or none of ours, or with a key that is nobody's.
        Disposition::Ignored
    }

    /// A member has said that it writes no more here.
    //= docs/spec/protocol.md#FIN-022
    pub(super) fn says_close(&mut self, which: Which, author: &MemberId, id: MessageId) {
        if author == self.owner() {
            return;
        }
        if let Some(sub) = self.subsession_mut(which) {
            sub.closes.insert(author.clone(), id);
        }
        self.drop_deferred(which, author);
        if which == Which::Current {
            self.treat_as_leaving(author);
        }
    }

    fn treat_as_leaving(&mut self, member: &MemberId) {
        if member != self.owner() && self.session_members().contains(member) {
            self.task_exclude.insert(member.clone());
        }
    }

    /// What an author wrote and waits for others cannot be accepted any more.
    fn drop_deferred(&mut self, which: Which, author: &MemberId) {
        let Some(sub) = self.subsession_mut(which) else { return };
        let theirs = sub.deferral.iter().filter(|deferred| deferred.author == *author);
        let theirs: Vec<_> = theirs.map(|deferred| deferred.id).collect();
        for id in theirs {
            if let Some(sub) = self.subsession_mut(which) {
                sub.deferral.remove(&id);
                sub.security.destroy(&id);
                sub.refuse(id);
            }
            self.no_longer_deferred(which, id, author.clone());
        }
    }

    /// What becomes of a new message where its author, or we, have written the last one. Nobody
    /// is to blame for it: the key may be public.
    //= docs/spec/protocol.md#FIN-022
    pub(super) fn nothing_new(&mut self, which: Which, opened: &Opened) -> Option<Disposition> {
        let owner = self.owner().clone();
        let sub = self.subsession_mut(which)?;
        let author = &opened.author;
        let done = sub.closes.contains_key(author) || sub.published.contains(author);
        // After our own last message only the others' last words are of use to us.
        let last_word =
            matches!(opened.body.kind(), BodyKind::ExplicitAck { .. } | BodyKind::Close);
        let late = sub.own_close().is_some() && (*author == owner || !last_word);
        if (!done && !late) || !guard!("published-key-spent") {
            return None;
        }
        sub.security.destroy(&opened.id);
        sub.refuse(opened.id);
        Some(Disposition::Rejected(RejectReason::Closed))
    }

    /// A message that breaks a rule says nothing about its author if it may be anybody's.
    pub(super) fn nothing_to_blame(
        &mut self,
        which: Which,
        author: &MemberId,
        id: MessageId,
    ) -> Option<Disposition> {
        let sub = self.subsession_mut(which)?;
        let done = sub.closes.contains_key(author) || sub.published.contains(author);
        if (!done && sub.own_close().is_none()) || !guard!("published-key-spent") {
            return None;
        }
        sub.security.destroy(&id);
        sub.refuse(id);
        Some(Disposition::Rejected(RejectReason::Closed))
    }
}

/// Those of whom no FIN is accepted.
fn without_fin(transcript: &Transcript, members: MemberSet) -> MemberSet {
    let has_fin = |member: &MemberId| {
        let mut latest = transcript.by(member).rev();
        latest.any(|id| transcript.kind(&id).is_ok_and(BodyKind::is_fin))
    };
    members.iter().filter(|member| !has_fin(member)).cloned().collect()
}

/// Those who are not known to refuse anything new in our name: they have neither accepted our
/// last message, nor written theirs after our FIN.
//= docs/spec/protocol.md#FIN-023
fn unsure_of(sub: &Subsession, owner: &MemberId, fin: &MessageId, close: &MessageId) -> MemberSet {
    let Subsession { transcript, closes, .. } = sub;
    let closed = |member: &MemberId| {
        closes
            .get(member)
            .is_some_and(|last| transcript.is_ancestor_or_equal(fin, last) == Ok(true))
    };
    let readers = sub.readers(owner);
    let unsure =
        readers.iter().filter(|member| !transcript.acked_by(member, close) && !closed(member));
    unsure.cloned().collect()
}
