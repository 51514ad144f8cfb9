use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[expect(clippy::disallowed_types, reason = "the async half is where entropy is drawn")]
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use mpenc_types::{MemberId, MemberSet, MessageId, Timestamp};
use tokio::sync::{Notify, oneshot};

use super::{Directory, MAX_KEPT_NOTICES, driver};
use crate::channel::{ChannelError, GroupChannel};
use crate::session::{
    AbortError, ChangeError, Env, Notice, OperationError, OperationId, SendError,
};
use crate::{SessionConfig, session};

/// A handle to a conversation. Clones share it.
///
/// Requests take effect at once and return futures that resolve when the operation has ended;
/// dropping such a future does not take the request back.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
    _alive: Arc<Alive>,
}

/// What the handles and the driver share.
pub(super) struct Inner {
    shared: Mutex<Shared>,
    /// Wakes the driver: there is something to transmit, another deadline, or nothing more to do.
    pub(super) wake_driver: Notify,
    /// Wakes whoever waits for a notice.
    wake_reader: Notify,
}

pub(super) struct Shared {
    pub(super) session: session::Session,
    pub(super) directory: Box<dyn Directory>,
    notices: VecDeque<Notice>,
    missed: u64,
    waiting: BTreeMap<OperationId, Vec<oneshot::Sender<Result<(), OperationError>>>>,
    #[expect(clippy::disallowed_types, reason = "the async half is where entropy is drawn")]
    rng: UnwrapErr<SysRng>,
    clock: Instant,
    /// The task has ended, or is to end.
    pub(super) closed: Option<ChannelError>,
}

/// Tells the driver when the last handle is gone.
struct Alive(Arc<Inner>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.close(ChannelError::new("the session was dropped"));
    }
}

/// Why a request did not lead to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// Refused at once; nothing has happened.
    Refused(ChangeError),
    /// Begun, and ended without success.
    Ended(OperationError),
    /// The channel ended before the request did.
    Closed(ChannelError),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Ended(error) => error.fmt(f),
            Self::Closed(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RequestError {}

/// A request on its way; resolves when it has ended. Dropping it does not take it back.
#[must_use = "the request runs either way; await it to learn what became of it"]
pub struct Request {
    begun: Result<oneshot::Receiver<Result<(), OperationError>>, RequestError>,
    inner: Arc<Inner>,
}

impl Future for Request {
    type Output = Result<(), RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.begun {
            Err(error) => Poll::Ready(Err(error.clone())),
            Ok(receiver) => Pin::new(receiver).poll(cx).map(|answer| match answer {
                Ok(result) => result.map_err(RequestError::Ended),
                Err(_) => Err(RequestError::Closed(self.inner.why_closed())),
            }),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").finish_non_exhaustive()
    }
}

pub(super) fn open(
    config: SessionConfig,
    directory: Box<dyn Directory>,
    channel: impl GroupChannel,
) -> Session {
    #[expect(clippy::disallowed_methods, reason = "the async half is where the clock is read")]
    let clock = Instant::now();
    let shared = Shared {
        session: session::Session::new(config),
        directory,
        notices: VecDeque::new(),
        missed: 0,
        waiting: BTreeMap::new(),
        rng: UnwrapErr(SysRng),
        clock,
        closed: None,
    };
    let inner = Arc::new(Inner {
        shared: Mutex::new(shared),
        wake_driver: Notify::new(),
        wake_reader: Notify::new(),
    });
    tokio::spawn(driver::run(Arc::clone(&inner), channel));
    Session { _alive: Arc::new(Alive(Arc::clone(&inner))), inner }
}

impl Inner {
    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic elsewhere while holding the lock leaves a session that still is what it was
        // after its last call; going on is better than panicking in turn.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the session and passes on what came of it.
    pub(super) fn call<R>(
        &self,
        action: impl FnOnce(&mut session::Session, &mut Env<'_>) -> R,
    ) -> R {
        let mut shared = self.lock();
        let now = shared.now();
        let Shared { session, rng, .. } = &mut *shared;
        let result = action(session, &mut Env { now, rng });
        let news = shared.collect();
        drop(shared);
        if news {
            self.wake_reader.notify_waiters();
            self.wake_reader.notify_one();
        }
        self.wake_driver.notify_one();
        result
    }

    fn why_closed(&self) -> ChannelError {
        let closed = self.lock().closed.clone();
        closed.unwrap_or_else(|| ChannelError::new("the session was closed"))
    }

    pub(super) fn close(&self, why: ChannelError) {
        let mut shared = self.lock();
        if shared.closed.is_none() {
            shared.closed = Some(why);
        }
        shared.waiting.clear();
        drop(shared);
        self.wake_driver.notify_one();
        self.wake_reader.notify_waiters();
        self.wake_reader.notify_one();
    }
}

impl Shared {
    pub(super) fn now(&self) -> Timestamp {
        let passed = self.clock.elapsed().as_millis();
        Timestamp::from_millis(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// Moves notices to where the application fetches them, and resolves requests that ended.
    fn collect(&mut self) -> bool {
        let mut news = false;
        while let Some(notice) = self.session.poll_notice() {
            if let Notice::OperationEnded { id, result } = &notice {
                for waiting in self.waiting.remove(id).unwrap_or_default() {
                    // Whoever dropped the future does not want to know.
                    let _ = waiting.send(result.clone());
                }
            }
            if self.notices.len() >= MAX_KEPT_NOTICES {
                self.notices.pop_front();
                self.missed = self.missed.saturating_add(1);
            }
            self.notices.push_back(notice);
            news = true;
        }
        news
    }
}

impl Session {
    /// Enters the channel; resolves when we are in a session with others, or alone in the
    /// channel and able to start one.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub fn join(&self) -> Request {
        self.request(session::Session::join)
    }

    /// Says farewell, waits until everybody knows, and leaves.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub fn part(&self) -> Request {
        self.request(session::Session::part)
    }

    /// Includes members; resolves when they can read what we send.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub fn include(&self, members: impl IntoIterator<Item = MemberId>) -> Request {
        self.change(members.into_iter().collect(), MemberSet::new())
    }

    /// Excludes members; resolves when they can no longer read what we send.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub fn exclude(&self, members: impl IntoIterator<Item = MemberId>) -> Request {
        self.change(MemberSet::new(), members.into_iter().collect())
    }

    /// Includes and excludes members.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub fn change(&self, include: MemberSet, exclude: MemberSet) -> Request {
        self.request(move |session, env| session.change(env, &include, &exclude))
    }

    /// Renews the keys.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub fn refresh(&self) -> Request {
        self.request(session::Session::refresh)
    }

    /// Asks for the end of the operation in progress without success.
    ///
    /// # Errors
    ///
    /// As [`session::Session::abort`].
    pub fn abort(&self) -> Result<(), AbortError> {
        self.inner.call(session::Session::abort)
    }

    /// Tells the others that we are away, or back.
    ///
    /// # Errors
    ///
    /// As [`session::Session::set_away`].
    pub fn set_away(&self, away: bool) -> Result<(), SendError> {
        self.inner.call(|session, env| session.set_away(env, away))
    }

    /// Sends a text to the members of the session. Success means handed over: the notice
    /// [`Notice::MessageFullyAcked`] says when everybody has it.
    ///
    /// # Errors
    ///
    /// As [`session::Session::send`].
    pub fn send(&self, text: &str) -> Result<MessageId, SendError> {
        self.inner.call(|session, env| session.send(env, text))
    }

    /// The next notice, in order; `None` when the session is closed and all have been fetched.
    /// One task fetches them; several share them between them.
    pub async fn next_notice(&self) -> Option<Notice> {
        loop {
            let woken = self.inner.wake_reader.notified();
            {
                let mut shared = self.inner.lock();
                if let Some(notice) = shared.notices.pop_front() {
                    return Some(notice);
                }
                if shared.closed.is_some() {
                    return None;
                }
            }
            woken.await;
        }
    }

    /// A notice that has come already.
    #[must_use]
    pub fn try_next_notice(&self) -> Option<Notice> {
        self.inner.lock().notices.pop_front()
    }

    /// How many notices were dropped because nobody fetched them.
    #[must_use]
    pub fn missed_notices(&self) -> u64 {
        self.inner.lock().missed
    }

    /// Asks the session something. The closure must not take long: the session waits for it.
    pub fn view<R>(&self, question: impl FnOnce(&session::Session) -> R) -> R {
        question(&self.inner.lock().session)
    }

    /// Does something with the session that needs its clock and randomness, such as what a
    /// [`SendQueue`](crate::queue::SendQueue) asks for. The closure must not take long: the
    /// session waits for it. What it polls is lost to everybody else.
    pub fn with<R>(&self, action: impl FnOnce(&mut session::Session, &mut Env<'_>) -> R) -> R {
        self.inner.call(action)
    }

    /// The texts in the log with their authors, oldest first: for examples and small programs.
    #[must_use]
    pub fn texts(&self) -> Vec<(MemberId, String)> {
        self.view(|session| {
            let messages = session.log().filter_map(|id| session.message(&id));
            messages.map(|message| (message.author.clone(), message.text.into())).collect()
        })
    }

    /// Stops without farewell and drops the channel; the others see a member that dropped out.
    pub fn close(&self) {
        self.inner.close(ChannelError::new("the session was closed"));
    }

    /// Why the session can do nothing more, if so.
    #[must_use]
    pub fn closed(&self) -> Option<ChannelError> {
        self.inner.lock().closed.clone()
    }

    fn request(
        &self,
        make: impl FnOnce(&mut session::Session, &mut Env<'_>) -> Result<OperationId, ChangeError>,
    ) -> Request {
        Request { begun: self.begin(make), inner: Arc::clone(&self.inner) }
    }

    fn begin(
        &self,
        make: impl FnOnce(&mut session::Session, &mut Env<'_>) -> Result<OperationId, ChangeError>,
    ) -> Result<oneshot::Receiver<Result<(), OperationError>>, RequestError> {
        let (sender, receiver) = oneshot::channel();
        let mut shared = self.inner.lock();
        if let Some(why) = &shared.closed {
            return Err(RequestError::Closed(why.clone()));
        }
        let now = shared.now();
        let Shared { session, rng, waiting, .. } = &mut *shared;
        let id = make(session, &mut Env { now, rng }).map_err(RequestError::Refused)?;
        waiting.entry(id).or_default().push(sender);
        drop(shared);
        // The request may have ended already: passing on its notice resolves it.
        self.inner.call(|_, _| ());
        Ok(receiver)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.inner.lock();
        f.debug_struct("Session")
            .field("me", shared.session.me())
            .field("state", &shared.session.state())
            .finish_non_exhaustive()
    }
}
