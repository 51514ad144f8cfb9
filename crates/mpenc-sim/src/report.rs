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

/// Every kind of notice by name, and whether it is a security notice: marked **S** in the
/// documentation of [`Notice`], with which a test compares this. What is not here counts as one.
macro_rules! kinds {
    ($($kind:ident: $security:literal,)*) => {
        #[cfg(test)]
        const KINDS: &[(&str, bool)] = &[$((stringify!($kind), $security)),*];

        const fn kind(notice: &Notice) -> (&'static str, bool) {
            match notice {
                $(Notice::$kind { .. } => (stringify!($kind), $security),)*
                _ => ("unknown", true),
            }
        }
    };
}

kinds! {
    StateChanged: false,
    MembersChanged: false,
    KeyRefreshed: false,
    OpProposed: false,
    OpRejected: false,
    RejectedRepeatedly: true,
    OpStarted: false,
    OpFailed: false,
    BadContribution: true,
    OperationDisagreement: true,
    OrderNotConfirmed: true,
    OrderConfirmed: false,
    KeyAge: true,
    ContentProgress: false,
    ContentIncomplete: true,
    OpSucceeded: false,
    OperationSlow: false,
    OperationEnded: false,
    EnterRequest: false,
    MessageReady: false,
    MessageFullyAcked: false,
    NotFullyAcked: true,
    NotAccepted: true,
    NotAcceptedResolved: false,
    MessageDiscarded: true,
    UserNotPresent: true,
    UserPresent: false,
    UserAbsent: false,
    NotDecrypted: true,
    NotDecryptedResolved: false,
    PacketDiscarded: true,
    BadMessage: true,
    AuthorFork: true,
    OrderInconsistent: true,
    ContextIncomplete: true,
    SubsessionClosed: false,
    KeyPublished: false,
    ErrorReported: true,
    Unrecognised: false,
    InternalError: true,
}

/// Whether it is a security notice.
pub(crate) const fn is_warning(notice: &Notice) -> bool {
    kind(notice).1
}

/// The name of a notice.
pub(crate) const fn kind_of(notice: &Notice) -> &'static str {
    kind(notice).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_is_counted_as_what_it_is() {
        let source = include_str!("../../mpenc/src/session/notice.rs");
        let (_, body) = source.split_once("pub enum Notice {").unwrap();
        let (body, _) = body.split_once("\n}\n").unwrap();
        let (mut documented, mut marked) = (Vec::new(), None);
        for line in body.lines() {
            if let Some(text) = line.strip_prefix("    /// ") {
                marked.get_or_insert(text.starts_with("**S**"));
            } else if let Some(name) = line.strip_prefix("    ").filter(|l| !l.starts_with(' '))
                && let Some((name, _)) = name.split_once([' ', ',', '('])
                && name.starts_with(|first: char| first.is_ascii_uppercase())
            {
                documented.push((name, marked.take().unwrap_or_default()));
            }
        }
        assert!(documented.len() > 30, "{documented:?}");
        assert_eq!(documented, KINDS);
    }
}
