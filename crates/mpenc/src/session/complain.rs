//! Telling the others what must not be, so that they need not find out by themselves: both packets
//! of an author that contradicts itself (TRN-023), and errors in messages (ORD-046).

use alloc::collections::{BTreeMap, VecDeque};

use mpenc_liveness::TimerKind;
use mpenc_types::{MemberId, MemberSet, MessageId, SubsessionId, Timestamp, guard};

use super::message::Which;
use super::subsession::SubsessionState;
use super::{Env, Notice, Session};
use crate::security::{Body, ErrorCode};

/// Errors of one member in one subsession that are shown; later ones are only acknowledged.
const MAX_ERRORS_SHOWN: u8 = 16;

/// What can wait to be told; more is not told.
const MAX_COMPLAINTS: usize = 64;

/// Something to tell the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Complaint {
    sid: SubsessionId,
    code: ErrorCode,
    subject: Option<MessageId>,
    due: Timestamp,
}

/// What was complained of in one subsession.
#[derive(Debug, Default)]
pub(super) struct Complained {
    /// By us: authors of bad messages, and whether about histories.
    authors: MemberSet,
    history: bool,
    /// By others, how often.
    heard: BTreeMap<MemberId, u8>,
}

impl Session {
    /// Sends both packets of a fork again, so that everybody sees it, whichever it was shown. Once:
    /// nothing more is accepted where this happened.
    //= docs/spec/protocol.md#TRN-023
    pub(super) fn show_fork(&mut self, which: Which, first: &MessageId, second: &MessageId) {
        let useful = self.rules.has_gated() && self.rules.opens_what_others_send();
        if !useful || self.broken || !guard!("fork-shown") {
            return;
        }
        // It has no copies to answer with any more, but these.
        if self.subsession(which).is_some_and(super::subsession::Subsession::is_open) {
            self.send_again(which, &[*first, *second]);
        }
    }

    /// Notes that the others are to be told, unless they have been: once for each author and
    /// subsession of bad messages, once for each subsession of histories. Not at once, and not by
    /// everybody: who comes first among the members has BC_LAT/16 for it, the next one twice that,
    /// and so on up to BC_LAT, and whoever hears of the same need not tell it.
    pub(super) fn have_to_tell(
        &mut self,
        which: Which,
        code: ErrorCode,
        subject: Option<MessageId>,
        author: &MemberId,
    ) {
        if !self.rules.has_gated() || self.broken {
            return;
        }
        let (now, owner, lat) = (self.now, self.owner().clone(), self.timing().bc_lat());
        let Some(sub) = self.subsession_mut(which) else { return };
        let before = sub.members().iter().take_while(|member| **member != owner).count();
        let steps = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1).min(16);
        let due = now + lat.saturating_mul(steps) / 16;
        let (sid, told) = (sub.sid, &mut sub.complained);
        let known = match code {
            ErrorCode::InconsistentHistory => core::mem::replace(&mut told.history, true),
            ErrorCode::BadMessage => {
                let known = told.authors.contains(author);
                told.authors.insert(author.clone());
                known
            }
            ErrorCode::Fork => false,
        };
        if known && guard!("error-once") {
            return;
        }
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push_back(Complaint { sid, code, subject, due });
            self.deadlines.set_earliest(TimerKind::Complaint, due);
        }
    }

    /// Tells the others what they are to be told by now, in the subsession where it happened or in
    /// the current one. A fork ends its subsession, in which nothing more may be written.
    //= docs/spec/protocol.md#ORD-046
    pub(super) fn complain(&mut self, env: &mut Env<'_>) {
        let now = self.now;
        let (due, later) = self.complaints.drain(..).partition(|one| one.due <= now);
        self.complaints = later;
        if let Some(next) = self.complaints.iter().map(|one| one.due).min() {
            self.deadlines.set(TimerKind::Complaint, next);
        }
        let due: VecDeque<Complaint> = due;
        for Complaint { sid, code, subject, .. } in due {
            let which = self.all_subsessions().into_iter().find(|which| {
                let sub = self.subsession(*which);
                sub.is_some_and(|sub| {
                    let here = sub.sid == sid || *which == Which::Current;
                    here && sub.state == SubsessionState::Joined
                })
            });
            if let Some(which) = which.filter(|_| !self.broken) {
                // Its failure is an internal error, which is reported where it happens.
                let _ = self.emit(env, which, Body::Error { code, subject });
            }
        }
    }

    /// Somebody tells what it met. Nothing follows from it but a notice, so that no two members
    /// can keep each other complaining.
    //= docs/spec/protocol.md#ORD-046
    pub(super) fn hears_error(
        &mut self,
        which: Which,
        member: &MemberId,
        code: ErrorCode,
        subject: Option<MessageId>,
    ) {
        if member == self.owner() {
            return;
        }
        self.complaints.retain(|one| (one.code, one.subject) != (code, subject));
        let Some(sub) = self.subsession_mut(which) else { return };
        let count = sub.complained.heard.entry(member.clone()).or_default();
        if *count < MAX_ERRORS_SHOWN {
            *count = count.saturating_add(1);
            self.notify(Notice::ErrorReported { member: member.clone(), code, subject });
        }
    }
}
