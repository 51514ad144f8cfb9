//! The conversation itself: lines in, notices out, until somebody wants to stop.

mod obey;

use core::time::Duration;

use mpenc::client::{RequestError, Session};
use mpenc::{ChangeError, MemberId, MemberSet, Notice, PublicKey, SessionState, Timing};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::input::BadLine;
use super::waiting::Waiting;
use super::warnings::{Effect, Warnings};
use super::{Stop, news, screen};
use crate::failure::Failure;
use crate::keys::SharedKeys;
use crate::term::{self, Paint, Style, complain, say};

/// One conversation on the screen.
pub(super) struct Room {
    session: Session,
    me: MemberId,
    keys: SharedKeys,
    own_key: PublicKey,
    timing: Timing,
    auto_include: bool,
    paint: Paint,
    warnings: Warnings,
    waiting: Waiting,
    requests: JoinSet<(Request, Result<(), RequestError>)>,
    /// The user was told who could include it.
    told_to_wait: bool,
    /// Set while we part: give up then.
    stopping: Option<Instant>,
    /// Exit status so far: the worst of what happened.
    status: u8,
}

/// What we asked of the session.
#[derive(Clone, Debug)]
enum Request {
    Join,
    Include(MemberSet),
    Exclude(MemberSet),
    Refresh,
    Part,
}

impl Room {
    /// A conversation that has not begun.
    pub(super) fn new(
        session: Session,
        keys: SharedKeys,
        own_key: PublicKey,
        timing: Timing,
        auto_include: bool,
    ) -> Self {
        let me = session.view(|session| session.me().clone());
        let warnings = Warnings::of(me.clone());
        Self {
            session,
            me,
            keys,
            own_key,
            timing,
            auto_include,
            paint: Paint::stdout(),
            warnings,
            waiting: Waiting::default(),
            requests: JoinSet::new(),
            told_to_wait: false,
            stopping: None,
            status: 0,
        }
    }

    /// Enters the room and talks until the input ends or somebody stops us.
    pub(super) async fn talk(
        mut self,
        mut lines: mpsc::Receiver<Result<String, BadLine>>,
        mut stop: Stop,
    ) -> Result<(), Failure> {
        self.request(Request::Join);
        let mut input_open = true;
        let keys = self.keys.clone();
        let session = self.session.clone();
        loop {
            let give_up = self.stopping.unwrap_or_else(Instant::now);
            tokio::select! {
                notice = session.next_notice() => match notice {
                    Some(notice) => self.show(&notice),
                    None => return self.ended().await,
                },
                line = lines.recv(), if input_open && self.stopping.is_none() => match line {
                    Some(line) => self.typed(line),
                    None => {
                        input_open = false;
                        self.part();
                    }
                },
                Some(done) = self.requests.join_next() => {
                    if let Ok((request, result)) = done
                        && self.done(&request, result)
                    {
                        return self.leave().await;
                    }
                }
                _ = stop.wait() => {
                    if self.stopping.is_some() {
                        self.fail(1, "left without waiting for the others to know");
                        return self.leave().await;
                    }
                    self.part();
                }
                () = sleep_until(give_up), if self.stopping.is_some() => {
                    self.fail(1, "left without knowing whether everybody has seen everything");
                    return self.leave().await;
                }
                () = keys.asked() => {}
                () = sleep(LOOK_AGAIN), if !self.told_to_wait => {}
            }
            self.look_around();
        }
    }

    fn request(&mut self, request: Request) {
        let session = self.session.clone();
        let pending: core::pin::Pin<Box<dyn Future<Output = _> + Send>> = match request.clone() {
            Request::Join => Box::pin(session.join()),
            Request::Include(members) => Box::pin(session.include(members)),
            Request::Exclude(members) => Box::pin(session.exclude(members)),
            Request::Refresh => Box::pin(session.refresh()),
            Request::Part => Box::pin(session.part()),
        };
        self.requests.spawn(async move { (request, pending.await) });
    }

    /// What came of a request; true if there is nothing more to do.
    fn done(&mut self, request: &Request, result: Result<(), RequestError>) -> bool {
        let me = &self.me;
        match (request, result) {
            (Request::Join, Ok(())) => {
                self.told_to_wait = true;
                if self.session.view(mpenc::Session::is_alone) {
                    self.tell("* you are alone in the room; who enters will be announced here");
                }
            }
            (Request::Part, Ok(())) => return true,
            (Request::Part, Err(RequestError::Refused(ChangeError::Busy))) => {}
            (Request::Part, Err(error)) => {
                self.fail(1, &error.to_string());
                return true;
            }
            (_, Ok(())) => {}
            // Parting ends everything else that was under way.
            (_, Err(_)) if self.stopping.is_some() => {}
            (Request::Join | Request::Refresh, Err(error)) => self.fail(1, &error.to_string()),
            (Request::Include(members), Err(error)) => {
                // Somebody else may have done the same at the same time.
                if !self.session.view(|session| members.is_subset(&session.members())) {
                    let text = format!("{} not included: {error}", term::names(members));
                    self.fail(1, &text);
                }
            }
            (Request::Exclude(members), Err(error)) => {
                if !self.session.view(|session| members.is_disjoint(&session.members())) {
                    let own = if members.contains(me) { 2 } else { 1 };
                    let text = format!("{} not excluded: {error}", term::names(members));
                    self.fail(own, &text);
                }
            }
        }
        false
    }

    fn part(&mut self) {
        self.tell("* saying farewell (Ctrl-C again leaves at once)");
        let bound = self
            .timing
            .fin_timeout()
            .saturating_add(self.timing.fin_grace())
            .saturating_add(self.timing.bc_lat().saturating_mul(2));
        // A moment so far away that it cannot be named never comes.
        self.stopping = Instant::now().checked_add(bound);
        self.request(Request::Part);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest looks after itself")]
    fn show(&mut self, notice: &Notice) {
        let paint = self.paint;
        self.waiting.note(&self.session, notice);
        self.tell_resent();
        let text = match notice {
            Notice::MessageReady { id, .. } => {
                self.session.view(|session| screen::message(session, id, paint))
            }
            Notice::EnterRequest { member } => {
                Some(screen::enter_request(member, &self.keys.lock(), self.auto_include))
            }
            Notice::StateChanged { new: SessionState::Joining, .. } => {
                self.told_to_wait = false;
                self.session.view(|session| news::notice(session, notice))
            }
            _ => self.session.view(|session| news::notice(session, notice)),
        };
        // Changes of keys are told before whoever brought them.
        self.tell_alarms();
        if let Some(text) = text {
            self.tell(&text);
        }
        let session = &self.session;
        let number = |id: &_| session.view(|session| screen::number(session, id));
        match self.warnings.note(notice, number) {
            Effect::None => {}
            Effect::Raised(text) => self.tell(&paint.paint(Style::Warn, &format!("! {text}"))),
            Effect::Withdrawn(text) => self.tell(&paint.paint(Style::Good, &format!("  {text}"))),
        }
        if let Notice::MembersChanged { include, .. } = notice {
            let keys = self.keys.clone();
            let keys = keys.lock();
            let names: Vec<String> = include
                .iter()
                .filter(|member| **member != self.me)
                .map(|member| screen::named(&keys, member))
                .collect();
            if !names.is_empty() {
                self.tell(&paint.paint(Style::Faint, &format!("  keys: {}", names.join(", "))));
            }
        }
    }

    /// Tells what has no notice.
    fn look_around(&mut self) {
        self.tell_alarms();
        if self.told_to_wait || self.stopping.is_some() {
            return;
        }
        let seniors = self.session.view(|session| {
            let channel = session.channel_members().filter(|_| session.is_waiting());
            channel.map(|channel| channel.without(session.me()))
        });
        if let Some(seniors) = seniors.filter(|seniors| !seniors.is_empty()) {
            self.told_to_wait = true;
            let names = term::names(&seniors);
            self.tell(&format!("* in the room: {names}; one of them has to include you"));
        }
    }

    fn tell_alarms(&mut self) {
        let keys = self.keys.clone();
        let mut keys = keys.lock();
        while let Some(alarm) = keys.poll_alarm() {
            let text = screen::alarm(&alarm, &keys, self.paint);
            if let crate::keys::Alarm::Changed { member, .. } = &alarm {
                let text = format!(
                    "the identity key of {} has changed and is refused",
                    term::name(member)
                );
                self.warnings.last(text);
            }
            self.tell(&text);
        }
    }

    fn tell(&self, text: &str) {
        say(text);
    }

    /// Something went wrong, but the conversation goes on.
    fn fail(&mut self, status: u8, sentence: &str) {
        self.status = self.status.max(status);
        complain(&format!("mpenc: {}", term::escape(sentence)));
    }

    /// The channel is gone.
    async fn ended(mut self) -> Result<(), Failure> {
        if self.stopping.is_none() {
            let why = self.session.closed().map(|why| why.to_string()).unwrap_or_default();
            self.fail(1, &format!("the connection to the room has ended: {why}"));
        }
        self.leave().await
    }

    async fn leave(mut self) -> Result<(), Failure> {
        while let Some(notice) = self.session.try_next_notice() {
            self.show(&notice);
        }
        if let Some(sentence) = self.waiting.never_sent() {
            self.fail(1, &sentence);
        }
        self.session.close();
        // The connection says goodbye in the background, and takes our name with it; without a
        // moment for that, the next one to come by this name might be told that it is taken.
        sleep(GOODBYE).await;
        match self.status {
            0 => Ok(()),
            status => Err(Failure::Told(status)),
        }
    }
}

const GOODBYE: Duration = Duration::from_millis(200);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
