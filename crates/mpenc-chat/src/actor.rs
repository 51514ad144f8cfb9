//! One member of a demo or replay: a session on a connection of its own, watched.

use alloc::sync::Arc;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mpenc::{MemberId, MemberSet, Notice};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::hall::Wire;
use crate::tap::TapHandle;
use crate::term;

/// A member that somebody directs.
#[derive(Debug)]
pub(crate) struct Actor {
    /// Its name.
    pub(crate) name: MemberId,
    /// Its session.
    pub(crate) session: mpenc::client::Session,
    /// Breaks its connection.
    pub(crate) connection: Wire,
    /// Shows what reaches it.
    pub(crate) tap: TapHandle,
    record: Arc<Mutex<Record>>,
    pulse: watch::Receiver<()>,
}

/// What its notices told so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Operations that it proposed and that succeeded. Each has one initiator, who is there when
    /// it does.
    pub(crate) operations: usize,
    /// Things that must not happen among honest members.
    pub(crate) faults: Vec<String>,
    /// Whether its session ended.
    pub(crate) ended: bool,
}

impl Actor {
    /// Starts watching a session.
    pub(crate) fn new(
        name: MemberId,
        session: mpenc::client::Session,
        connection: Wire,
        tap: TapHandle,
    ) -> Self {
        let record = Arc::new(Mutex::new(Record::default()));
        let (beat, pulse) = watch::channel(());
        let watched = session.clone();
        let me = name.clone();
        let book = Arc::clone(&record);
        tokio::spawn(async move {
            while let Some(notice) = watched.next_notice().await {
                lock(&book).note(&me, &notice);
                beat.send_replace(());
            }
            lock(&book).ended = true;
        });
        Self { name, session, connection, tap, record, pulse }
    }

    /// What its notices told so far.
    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }

    /// Waits until the session is as wanted, at most for `bound`.
    ///
    /// # Errors
    ///
    /// Who waits for what, if that does not happen.
    pub(crate) async fn until(
        &self,
        bound: Duration,
        what: impl Fn() -> String,
        mut ready: impl FnMut(&mpenc::Session) -> bool,
    ) -> Result<(), Failure> {
        self.until_none(bound, what, |session| usize::from(!ready(session))).await
    }

    /// Waits until nothing is left of something, at most for `bound` without less being left than
    /// ever before: a busy machine may take long, as long as it goes on.
    ///
    /// # Errors
    ///
    /// As [`until`](Self::until).
    pub(crate) async fn until_none(
        &self,
        bound: Duration,
        what: impl Fn() -> String,
        mut left: impl FnMut(&mpenc::Session) -> usize,
    ) -> Result<(), Failure> {
        let mut pulse = self.pulse.clone();
        let (mut least, mut deadline) = (usize::MAX, Instant::now() + bound);
        loop {
            let left = self.session.view(&mut left);
            if left == 0 {
                return Ok(());
            }
            if left < least {
                (least, deadline) = (left, Instant::now() + bound);
            } else if Instant::now() >= deadline {
                return Err(Failure::in_vain(&self.name, bound, &what()));
            }
            if self.record().ended {
                return Err(Failure::check(format!(
                    "the session of {} ended while it waited for {}",
                    term::name(&self.name),
                    what()
                )));
            }
            // Not every change of state has a notice.
            tokio::select! {
                Ok(()) = pulse.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Waits until these, and no others, are members, and nothing is about to change that.
    ///
    /// # Errors
    ///
    /// As [`until`](Self::until).
    pub(crate) async fn until_members(
        &self,
        bound: Duration,
        members: &MemberSet,
    ) -> Result<(), Failure> {
        let what = || format!("the session to consist of {}", term::names(members));
        self.until(bound, what, |session| {
            session.members() == *members
                && session.operation().is_none()
                && session.channel_members() == Some(members)
                && (session.sid().is_some() || session.is_alone())
        })
        .await
    }
}

impl Record {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only some notices are faults")]
    fn note(&mut self, me: &MemberId, notice: &Notice) {
        if matches!(notice, Notice::OpSucceeded { initiator, .. } if initiator == me) {
            self.operations = self.operations.saturating_add(1);
        }
        let fault = match notice {
            Notice::BadMessage { author, reason } => {
                Some(format!("refused a message of {}: {reason}", term::name(author)))
            }
            Notice::AuthorFork { author, .. } => {
                Some(format!("saw {} contradict itself", term::name(author)))
            }
            Notice::ContextIncomplete { missing } => {
                Some(format!("never got {}", term::count(missing.len(), "message")))
            }
            Notice::OrderInconsistent { member } => Some(format!(
                "has another account of the changes of membership than {}",
                term::name(member)
            )),
            Notice::InternalError { description } => {
                Some(format!("met an internal error: {description}"))
            }
            _ => None,
        };
        self.faults.extend(fault);
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

const LOOK_AGAIN: Duration = Duration::from_millis(25);
