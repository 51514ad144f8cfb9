//! The log that people read, and what its messages answer: within a subsession, and across its
//! beginning (section 7.5).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use mpenc_transcript::MessageLog;
use mpenc_types::{MessageId, guard};

use super::message::Which;
use super::subsession::{LogContext, Subsession};
use super::{Notice, Session};

impl Session {
    pub(super) fn log_or_withhold(&mut self, which: Which, id: MessageId) {
        let Some(sub) = self.subsession_mut(which) else { return };
        if let LogContext::Waiting { withheld, .. } = &mut sub.context {
            //= docs/spec/protocol.md#TRN-037
            withheld.push(id);
        } else {
            self.log_message(which, id);
        }
    }

    //= docs/spec/protocol.md#TRN-033
    fn log_message(&mut self, which: Which, id: MessageId) {
        let Some(sub) = self.subsession(which) else { return };
        let parents = self.effective_before(sub, &id);
        let Ok(place) = self.log.push(sub.sid, id, &parents) else {
            self.internal_error("the log refused an accepted message");
            return;
        };
        let fully_acked = match self.messages.get_mut(&id) {
            Some(stored) => {
                stored.logged = true;
                stored.fully_acked_at.is_some()
            }
            None => false,
        };
        //= docs/spec/protocol.md#SES-041
        self.notify(Notice::MessageReady {
            id,
            r_idx: place.r_idx,
            par_idx: place.par_idx.into_iter().collect(),
        });
        if fully_acked {
            self.notify(Notice::MessageFullyAcked { id });
        }
    }

    /// The payloads that message `id` answers, or else the context of its subsession (TRN-035,
    /// TRN-036).
    fn effective_before(&self, sub: &Subsession, id: &MessageId) -> Vec<MessageId> {
        let own = sub.transcript.effective_parents(id).unwrap_or_default();
        MessageLog::or_context(self.shown(sub, own), context_of(sub))
    }

    /// Replaces payloads that are not in the log by what they answer themselves: some were written
    /// after their author's FIN (TRN-010), or are texts that never became complete (V2-028).
    fn shown(&self, sub: &Subsession, payloads: Vec<MessageId>) -> Vec<MessageId> {
        // Of what the log has forgotten only the others are remembered.
        let forgets = self.log.pruned() > 0;
        let is_shown = |id: &MessageId| {
            self.messages.contains_key(id) || (forgets && !sub.unshown.contains(id))
        };
        if payloads.iter().all(is_shown) {
            return payloads;
        }
        let mut seen = BTreeSet::new();
        let mut shown = Vec::new();
        let mut todo = payloads;
        while let Some(id) = todo.pop() {
            if !seen.insert(id) {
                continue;
            }
            if is_shown(&id) {
                shown.push(id);
            } else {
                todo.extend(sub.transcript.effective_parents(&id).unwrap_or_default());
            }
        }
        let before = |a: &MessageId, b: &MessageId| {
            a != b && sub.transcript.is_ancestor_or_equal(a, b) == Ok(true)
        };
        let all = shown.clone();
        shown.retain(|id| !all.iter().any(|other| before(id, other)));
        shown.sort_unstable_by_key(|id| sub.transcript.seq(id));
        shown
    }

    /// The payloads at or before `heads`, or else the context of their subsession; `None` if a
    /// head is not here, or so old that it has been pruned.
    pub(super) fn effective(
        &self,
        sub: &Subsession,
        heads: &[MessageId],
    ) -> Option<Vec<MessageId>> {
        let own = sub.transcript.maximal_payloads(heads).ok()?;
        Some(MessageLog::or_context(self.shown(sub, own), context_of(sub)))
    }

    /// The context of a new subsession that follows `prev`, given the heads in the initial packet.
    pub(super) fn context_after(
        &self,
        prev: Option<&Subsession>,
        heads: &[MessageId],
    ) -> LogContext {
        let Some(prev) = prev else { return LogContext::Known(Vec::new()) };
        if matches!(prev.context, LogContext::Known(_))
            && let Some(known) = self.effective(prev, heads)
        {
            return LogContext::Known(known);
        }
        //= docs/spec/protocol.md#TRN-037
        if guard!("context-checked") {
            LogContext::Waiting { heads: heads.to_vec(), withheld: Vec::new() }
        } else {
            LogContext::Known(Vec::new())
        }
    }

    /// Looks whether contexts that were waited for are known by now; oldest first, since each
    /// may depend on the one before. Those whose predecessor has ended are released as they are.
    pub(super) fn resolve_contexts(&mut self) {
        let mut order = self.all_subsessions();
        order.reverse();
        for which in order {
            let Some(LogContext::Waiting { heads, .. }) =
                self.subsession(which).map(|s| &s.context)
            else {
                continue;
            };
            let heads = heads.clone();
            let predecessor = self.predecessor(which);
            match predecessor {
                Some(prev) => {
                    if let LogContext::Known(known) = self.context_after(Some(prev), &heads) {
                        self.context_known(which, known);
                    }
                }
                None => self.release_withheld(which),
            }
        }
    }

    /// Shows the payloads that wait for a context that will not come any more (TRN-037).
    pub(super) fn release_withheld(&mut self, which: Which) {
        let Some(LogContext::Waiting { heads, .. }) = self.subsession(which).map(|s| &s.context)
        else {
            return;
        };
        let missing = heads.clone();
        self.notify(Notice::ContextIncomplete { missing });
        self.context_known(which, Vec::new());
    }

    fn context_known(&mut self, which: Which, known: Vec<MessageId>) {
        let Some(sub) = self.subsession_mut(which) else { return };
        let former = core::mem::replace(&mut sub.context, LogContext::Known(known));
        if let LogContext::Waiting { withheld, .. } = former {
            let overdue: BTreeSet<_> = sub.acks.warned().collect();
            for id in withheld {
                self.log_message(which, id);
                if overdue.contains(&id) && guard!("withheld-overdue") {
                    self.tell_overdue(which, id);
                }
            }
        }
    }

    fn predecessor(&self, which: Which) -> Option<&Subsession> {
        match which {
            Which::Current => self.previous.front(),
            Which::Previous(n) => self.previous.get(n.saturating_add(1)),
        }
    }
}

fn context_of(sub: &Subsession) -> &[MessageId] {
    match &sub.context {
        LogContext::Known(ids) => ids,
        LogContext::Waiting { .. } => &[],
    }
}
