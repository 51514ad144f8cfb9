//! The warnings in force, for whoever asks late (UIX-015).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem::discriminant;

use mpenc_liveness::PresenceState;
use mpenc_types::{MessageId, guard};

use super::{Notice, Session};

/// Warnings of each kind that nothing withdraws which a session keeps for those who ask; of more
/// the oldest are forgotten.
pub const LASTING_KEPT: usize = 64;

/// What nothing withdraws, as it was told. Everything else is read off the state that it is about,
/// so that it cannot outlive that.
#[derive(Debug, Default)]
pub(super) struct Lasting {
    told: VecDeque<Notice>,
}

impl Lasting {
    /// Keeps a notice that nothing withdraws. Each kind has room of its own, so that somebody who
    /// provokes one kind again and again crowds out no other.
    pub(super) fn keep(&mut self, notice: &Notice) {
        if !lasts(notice) || self.told.contains(notice) {
            return;
        }
        let kind = discriminant(notice);
        let same = |old: &Notice| discriminant(old) == kind;
        let full = self.told.iter().filter(|old| same(old)).count() >= LASTING_KEPT;
        if full
            && guard!("lasting-cap")
            && let Some(oldest) = self.told.iter().position(same)
        {
            self.told.remove(oldest);
        }
        self.told.push_back(notice.clone());
    }

    /// The message was accepted after all.
    pub(super) fn not_discarded(&mut self, message: &MessageId) {
        let about =
            |old: &Notice| matches!(old, Notice::MessageDiscarded { id, .. } if id == message);
        self.told.retain(|old| !about(old));
    }
}

/// Whether it is a warning that no state shows and, but for rare exceptions, nothing withdraws.
/// Every notice stands here, so that the compiler objects to one about which nobody has decided.
const fn lasts(notice: &Notice) -> bool {
    match notice {
        Notice::RejectedRepeatedly { .. }
        | Notice::BadContribution { .. }
        | Notice::OperationDisagreement { .. }
        | Notice::ContentIncomplete { .. }
        | Notice::MessageDiscarded { .. }
        | Notice::PacketDiscarded { .. }
        | Notice::BadMessage { .. }
        | Notice::AuthorFork { .. }
        | Notice::OrderInconsistent { .. }
        | Notice::ContextIncomplete { .. }
        | Notice::ErrorReported { .. }
        | Notice::InternalError { .. } => true,
        // The state shows these for as long as they are true; see `Session::warnings`.
        Notice::OrderNotConfirmed { .. }
        | Notice::KeyAge { .. }
        | Notice::NotFullyAcked { .. }
        | Notice::NotAccepted { .. }
        | Notice::UserNotPresent { .. }
        | Notice::NotDecrypted { .. } => false,
        // No warnings.
        Notice::StateChanged { .. }
        | Notice::MembersChanged { .. }
        | Notice::KeyRefreshed { .. }
        | Notice::OpProposed { .. }
        | Notice::OpRejected { .. }
        | Notice::OpStarted { .. }
        | Notice::OpFailed { .. }
        | Notice::OpSucceeded { .. }
        | Notice::OperationSlow { .. }
        | Notice::OperationEnded { .. }
        | Notice::OrderConfirmed { .. }
        | Notice::ContentProgress { .. }
        | Notice::EnterRequest { .. }
        | Notice::MessageReady { .. }
        | Notice::MessageFullyAcked { .. }
        | Notice::NotAcceptedResolved { .. }
        | Notice::UserPresent { .. }
        | Notice::UserAbsent { .. }
        | Notice::NotDecryptedResolved { .. }
        | Notice::SubsessionClosed { .. }
        | Notice::KeyPublished { .. }
        | Notice::Unrecognised { .. } => false,
    }
}

impl Session {
    /// The warnings in force: every notice marked **S** that was raised and not withdrawn, as it
    /// would be told now, for an application that starts to listen late or has lost some. An
    /// operation that takes long is not among them: [`operation`](Self::operation) tells of it.
    ///
    /// First come those that may still be withdrawn, kind by kind; then those that nothing
    /// withdraws, in the order in which they were told. Of these the session keeps the latest
    /// [`LASTING_KEPT`] of each kind, for as long as it exists; and of messages that will never be
    /// fully acknowledged those that are [still in the log](Self::log_start). The others are
    /// bounded like the state that they are about: the members, the messages and packets that
    /// wait, the texts not yet acknowledged.
    //= docs/spec/protocol.md#UIX-015
    #[must_use]
    pub fn warnings(&self) -> Vec<Notice> {
        let mut all = Vec::new();
        all.extend(self.key_age());
        all.extend(self.confirmations.as_ref().and_then(super::confirm::Confirmations::warning));
        if let Some(current) = &self.current {
            let missed = current.presence.all(PresenceState::NotPresent);
            all.extend(missed.iter().map(|member| Notice::UserNotPresent {
                member: member.clone(),
                since: current.presence.freshness(member),
            }));
        }
        for sub in self.subsessions() {
            let told = sub.deferral.iter().filter(|waits| sub.not_accepted.contains(&waits.id));
            all.extend(told.map(|waits| Notice::NotAccepted {
                id: waits.id,
                author: waits.author.clone(),
                missing: waits.missing.iter().copied().collect(),
            }));
        }
        all.extend(self.warned_undecrypted());
        for id in self.overdue() {
            let Some(unacked_by) = self.unacked_by(&id) else { continue };
            let ended = |stored: &super::StoredMessage| stored.unacked_at_end.is_some();
            let last_word = self.messages.get(&id).is_some_and(ended);
            let away = self.all_away(&unacked_by);
            all.push(Notice::NotFullyAcked { id, unacked_by, last_word, away });
        }
        all.extend(self.lasting.told.iter().cloned());
        all
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use mpenc_types::MemberId;

    use super::*;
    use crate::security::ErrorCode;

    fn reported(by: usize) -> Notice {
        let member = MemberId::from_wire(by.to_string().as_bytes());
        Notice::ErrorReported { member, code: ErrorCode::Fork, subject: None }
    }

    //= docs/spec/attacks.md#ATK-195
    //= type=test
    #[test]
    fn each_kind_has_room_of_its_own() {
        let mut lasting = Lasting::default();
        let inconsistent = Notice::OrderInconsistent { member: MemberId::from_wire(b"bob") };
        lasting.keep(&inconsistent);
        for n in 0..=LASTING_KEPT {
            lasting.keep(&reported(n));
            lasting.keep(&reported(n));
        }
        lasting.keep(&Notice::OrderConfirmed { last: mpenc_types::PacketId::new([0; 32]) });
        assert_eq!(lasting.told.len(), LASTING_KEPT + 1, "once each");
        assert!(lasting.told.contains(&inconsistent));
        assert!(!lasting.told.contains(&reported(0)), "the oldest goes");
        assert!(lasting.told.contains(&reported(LASTING_KEPT)));
    }
}
