//! Lines that wait to be sent, or did not reach everybody.

use mpenc::Notice;
use mpenc::client::Session;
use mpenc::queue::{QueueError, QueuedId, Resent, SendQueue};

use crate::term;

/// The queue between the keyboard and the session.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: SendQueue,
}

impl Waiting {
    /// Sends a line, or keeps it and says so.
    ///
    /// # Errors
    ///
    /// As [`SendQueue::send`].
    pub(super) fn send(
        &mut self,
        session: &Session,
        text: &str,
    ) -> Result<Option<String>, QueueError> {
        let id = session.with(|session, env| self.queue.send(session, env, text))?;
        Ok(match id {
            QueuedId::Message(_) => None,
            QueuedId::Virtual(_) => {
                Some("* not sent; it waits until you decide: /queue".to_owned())
            }
        })
    }

    /// Takes note of what happened.
    pub(super) fn note(&mut self, session: &Session, notice: &Notice) {
        session.with(|session, env| self.queue.on_notice(session, env, notice));
    }

    /// What was sent by itself, one line at a time.
    pub(super) fn resent(&mut self) -> Option<String> {
        self.queue.poll_resent().map(|resent| sentence(&resent))
    }

    /// What waits, and why.
    pub(super) fn list(&self, session: &Session) -> String {
        let lines: Vec<String> = session.view(|session| {
            let pending = self.queue.pending(session).into_iter().zip(1_usize..);
            pending
                .map(|((text, reason), place)| {
                    format!("  ({place}) {}\n      {reason}", term::escape(text.text()))
                })
                .collect()
        });
        if lines.is_empty() { "  nothing waits".to_owned() } else { lines.join("\n") }
    }

    /// Sends what waits at a place of the list.
    ///
    /// # Errors
    ///
    /// Why not, in one sentence.
    pub(super) fn resend(&mut self, session: &Session, place: usize) -> Result<String, String> {
        let id = self.at(session, place)?;
        session
            .with(|session, env| self.queue.resend(session, env, &id))
            .map(|resent| sentence(&resent))
            .map_err(|error| error.to_string())
    }

    /// Gives up what waits at a place of the list.
    ///
    /// # Errors
    ///
    /// That there is nothing there.
    pub(super) fn discard(&mut self, session: &Session, place: usize) -> Result<String, String> {
        let id = self.at(session, place)?;
        self.queue.discard(&id);
        Ok("  it will not be sent again".to_owned())
    }

    /// What is lost by leaving now, if anything.
    pub(super) fn never_sent(&self) -> Option<String> {
        match self.queue.texts().filter(|text| text.sid().is_none()).count() {
            0 => None,
            1 => Some("one line was never sent".to_owned()),
            lines => Some(format!("{lines} lines were never sent")),
        }
    }

    fn at(&self, session: &Session, place: usize) -> Result<QueuedId, String> {
        let index = place.checked_sub(1);
        session
            .view(|session| {
                let pending = self.queue.pending(session);
                index.and_then(|index| pending.get(index).map(|(text, _)| text.id()))
            })
            .ok_or_else(|| format!("nothing waits at place {place}; /queue lists what does"))
    }
}

//= docs/spec/protocol.md#SES-051
fn sentence(resent: &Resent) -> String {
    let again = if resent.old_sid.is_some() { "sent again" } else { "sent now" };
    let how = if resent.automatic { ", by itself, since nothing has changed" } else { "" };
    format!("* {again}{how}: what waited")
}
