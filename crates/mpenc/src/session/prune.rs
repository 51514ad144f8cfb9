//! What a session forgets so that it can go on for ever (TRN-042, TRN-043, MOD-015).

use mpenc_types::guard;

use super::Session;
use super::message::Which;
use super::subsession::Subsession;

/// Closed messages (TRN-031) whose place in the graph a subsession keeps, besides those whose copies
/// may still have to be answered (LIV-018). Questions about older ones say that they are forgotten.
pub const CLOSED_KEPT: usize = 256;

/// Messages of the log whose texts a session keeps after they were handed over and everybody has
/// them, unless [`SessionConfig::log_kept`](crate::SessionConfig::log_kept) says otherwise.
pub const LOG_KEPT: usize = 4096;

/// Bytes that these texts may have together: 16 MiB.
pub const MAX_LOG_BYTES: usize = 16 << 20;

/// How far the log has been handed over and is done with.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// How many messages of the log the application was told of.
    handed_over: usize,
    /// Up to here all of them are fully acked, or their subsession has ended.
    done: usize,
    /// Bytes of the texts up to there that are kept.
    bytes: usize,
}

impl Kept {
    pub(super) fn handed_over(&mut self) {
        self.handed_over = self.handed_over.saturating_add(1);
    }
}

impl Session {
    /// Something was accepted: forgets what is too old.
    //= docs/spec/protocol.md#TRN-042
    pub(super) fn prune(&mut self, which: Which) {
        if let Some(sub) = self.subsession_mut(which) {
            let Subsession { transcript, acks, .. } = sub;
            transcript.prune(CLOSED_KEPT, |id| acks.times(id).is_some());
        }
        self.prune_log();
    }

    /// Texts that nobody has heard of, or that somebody may not have, stay.
    //= docs/spec/protocol.md#TRN-043
    fn prune_log(&mut self) {
        let Self { log, messages, kept, config, .. } = self;
        while kept.done < kept.handed_over
            && let Some(id) = isize::try_from(kept.done).ok().and_then(|at| log.id_at(at))
        {
            let Some(stored) = messages.get(&id) else { break };
            if stored.fully_acked_at.is_none() && stored.unacked_at_end.is_none() {
                break;
            }
            kept.done = kept.done.saturating_add(1);
            kept.bytes = kept.bytes.saturating_add(stored.text.len());
        }
        while log.pruned() < kept.done
            && (kept.done.saturating_sub(log.pruned()) > config.log_kept
                || kept.bytes > MAX_LOG_BYTES)
            && guard!("prune")
            && let Some(entry) = log.prune_first()
        {
            if let Some(stored) = messages.remove(&entry.id) {
                kept.bytes = kept.bytes.saturating_sub(stored.text.len());
            }
        }
    }
}
