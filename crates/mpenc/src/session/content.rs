//! Texts that arrive in parts, as people see them (V2-028).

use alloc::string::String;
use alloc::vec::Vec;

use mpenc_types::{MemberId, SubsessionId, Timestamp};

use super::{Notice, Session};
use crate::content::{Amount, Incomplete, Progress};
use crate::security::Body;

/// In how many steps the arrival of a text is told, at most.
const STEPS: usize = 20;

impl Session {
    /// The text that an accepted message brings to an end, if it does.
    pub(super) fn text_of(
        &mut self,
        sid: SubsessionId,
        author: &MemberId,
        body: Body,
    ) -> Option<String> {
        let key = (sid, author.clone());
        match body {
            Body::Payload(text) => {
                let former = self.contents.interrupt(&key);
                self.incomplete(former.map(|former| (key, former)));
                Some(text)
            }
            // Our own needs not be put together again.
            Body::Part(part) if *author == *self.owner() => {
                self.sending.take_if(|_| part.is_last())
            }
            Body::Part(part) => {
                let before = self.contents.amount(&key).map_or(0, |amount| amount.received);
                let (former, progress) = self.contents.accept(&key, part, self.now);
                self.incomplete(former.map(|former| (key.clone(), former)));
                match progress {
                    Progress::Receiving(amount) => {
                        self.tell_progress(author, before, amount);
                        None
                    }
                    Progress::Complete(text) => Some(text),
                    Progress::Broken(incomplete) => {
                        self.incomplete([(key, incomplete)]);
                        None
                    }
                    Progress::Stray => None,
                }
            }
            Body::ExplicitAck { .. }
            | Body::Heartbeat
            | Body::Consistency { .. }
            | Body::OrderConfirmation(_)
            | Body::Absence { .. }
            | Body::Error { .. }
            | Body::Close
            | Body::Opaque { .. } => None,
        }
    }

    fn tell_progress(&mut self, author: &MemberId, before: usize, amount: Amount) {
        let Amount { received, total } = amount;
        let step = |bytes: usize| bytes.saturating_mul(STEPS).checked_div(total);
        if step(before) != step(received) {
            self.notify(Notice::ContentProgress { author: author.clone(), received, total });
        }
    }

    /// When the next unfinished text is given up.
    pub(super) fn contents_deadline(&self) -> Option<Timestamp> {
        self.contents.oldest().map(|oldest| oldest + self.timing().content_timeout())
    }

    /// Gives up what has waited too long.
    pub(super) fn expire_contents(&mut self) {
        let overdue = self.contents_deadline().filter(|deadline| *deadline <= self.now);
        if overdue.is_some() {
            let waited = self.timing().content_timeout();
            let since = self.now.since(Timestamp::ZERO).saturating_sub(waited);
            // Whoever waited exactly so long waited too long.
            let before = Timestamp::ZERO + since + core::time::Duration::from_millis(1);
            let ended = self.contents.expire(before);
            self.incomplete(ended);
        }
    }

    /// The subsession has ended.
    pub(super) fn cut_off_contents(&mut self, sid: SubsessionId) {
        let ended: Vec<_> = self.contents.cut_off(|(of, _)| *of == sid);
        self.incomplete(ended);
    }

    fn incomplete(
        &mut self,
        ended: impl IntoIterator<Item = ((SubsessionId, MemberId), Incomplete)>,
    ) {
        for ((_, author), Incomplete { amount: Amount { received, total }, .. }) in ended {
            self.notify(Notice::ContentIncomplete { author, received, total });
        }
    }
}
