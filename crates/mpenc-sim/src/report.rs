//! Figures of runs.

use std::collections::BTreeMap;
use std::fmt;

use mpenc::{FailReason, FailureCause, Notice};

/// Counted over one run or many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) events: u64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) aborted: u64,
    pub(crate) messages: u64,
    /// Times that a user left and entered again because something was wrong.
    pub(crate) recoveries: u64,
    /// Longest time until everybody agreed, once nothing was wrong any more; milliseconds.
    pub(crate) slowest: u64,
    pub(crate) warnings: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub(crate) fn count(&mut self, notices: &[Notice]) {
        for notice in notices {
            match notice {
                Notice::OpSucceeded { .. } => self.completed += 1,
                Notice::OpFailed {
                    reason: FailReason::Ended { cause: FailureCause::Aborted(_), .. },
                    ..
                } => self.aborted += 1,
                Notice::OpFailed { .. } => self.failed += 1,
                Notice::MessageReady { .. } => self.messages += 1,
                _ => {}
            }
            if is_warning(notice) {
                *self.warnings.entry(kind_of(notice)).or_default() += 1;
            }
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.completed += other.completed;
        self.failed += other.failed;
        self.aborted += other.aborted;
        self.messages += other.messages;
        self.recoveries += other.recoveries;
        self.slowest = self.slowest.max(other.slowest);
        for (kind, count) in &other.warnings {
            *self.warnings.entry(kind).or_default() += count;
        }
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "events": self.events,
            "completed": self.completed,
            "failed": self.failed,
            "aborted": self.aborted,
            "messages": self.messages,
            "recoveries": self.recoveries,
            "slowest_ms": self.slowest,
            "warnings": self.warnings,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "events {}, messages shown {}", self.events, self.messages)?;
        writeln!(
            f,
            "ends of operations: completed {}, failed {}, aborted {} (each counted by every member)",
            self.completed, self.failed, self.aborted
        )?;
        writeln!(
            f,
            "users that entered again because something was wrong {}, slowest agreement {} s",
            self.recoveries,
            self.slowest / 1_000
        )?;
        f.write_str("warnings:")?;
        if self.warnings.is_empty() {
            f.write_str(" none")?;
        }
        for (kind, count) in &self.warnings {
            write!(f, " {kind} {count}")?;
        }
        Ok(())
    }
}

/// Whether it is a security notice: marked **S** in the documentation of [`Notice`].
pub(crate) fn is_warning(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::RejectedRepeatedly { .. }
            | Notice::BadContribution { .. }
            | Notice::OperationDisagreement { .. }
            | Notice::OrderNotConfirmed { .. }
            | Notice::KeyAge { .. }
            | Notice::ContentIncomplete { .. }
            | Notice::NotFullyAcked { .. }
            | Notice::NotAccepted { .. }
            | Notice::NotDecrypted { .. }
            | Notice::PacketDiscarded { .. }
            | Notice::MessageDiscarded { .. }
            | Notice::BadMessage { .. }
            | Notice::AuthorFork { .. }
            | Notice::OrderInconsistent { .. }
            | Notice::ContextIncomplete { .. }
            | Notice::InternalError { .. }
    )
}

/// The name of a notice, where it matters.
pub(crate) const fn kind_of(notice: &Notice) -> &'static str {
    match notice {
        Notice::RejectedRepeatedly { .. } => "RejectedRepeatedly",
        Notice::BadContribution { .. } => "BadContribution",
        Notice::OperationDisagreement { .. } => "OperationDisagreement",
        Notice::OrderNotConfirmed { .. } => "OrderNotConfirmed",
        Notice::KeyAge { .. } => "KeyAge",
        Notice::ContentIncomplete { .. } => "ContentIncomplete",
        Notice::NotFullyAcked { .. } => "NotFullyAcked",
        Notice::NotAccepted { .. } => "NotAccepted",
        Notice::NotDecrypted { .. } => "NotDecrypted",
        Notice::PacketDiscarded { .. } => "PacketDiscarded",
        Notice::MessageDiscarded { .. } => "MessageDiscarded",
        Notice::BadMessage { .. } => "BadMessage",
        Notice::AuthorFork { .. } => "AuthorFork",
        Notice::OrderInconsistent { .. } => "OrderInconsistent",
        Notice::ContextIncomplete { .. } => "ContextIncomplete",
        Notice::InternalError { .. } => "InternalError",
        Notice::OperationSlow { .. } => "OperationSlow",
        Notice::MembersChanged { .. } => "MembersChanged",
        _ => "other",
    }
}
