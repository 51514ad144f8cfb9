//! Warnings that are in force: shown when raised, listed at any time, withdrawn when resolved.

use alloc::collections::BTreeMap;

use mpenc::{MemberId, MemberSet, MessageId, Notice};

use crate::term;

/// What a warning is about, which is also what its withdrawal is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// A message that is not known to have reached everybody.
    Unacked(MessageId),
    /// A message whose ancestors are missing.
    Unaccepted(MessageId),
    /// A packet that no key fits.
    Undecrypted(u64),
    /// An operation that takes long.
    Slow,
    /// The last operation is not confirmed by everybody.
    Unconfirmed,
    /// A member that gives no sign of life.
    Silent(MemberId),
    /// The keys are old.
    OldKeys,
    /// Something that nothing withdraws.
    Lasting(usize),
}

/// The warnings that are in force.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    raised: BTreeMap<Subject, String>,
    lasting: usize,
}

/// What a notice does to the warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It has nothing to do with them.
    None,
    /// A warning was raised.
    Raised(String),
    /// One was withdrawn; this says so.
    Withdrawn(String),
}

impl Warnings {
    /// Everything in force, one sentence each.
    pub(super) fn in_force(&self) -> impl Iterator<Item = &str> {
        self.raised.values().map(String::as_str)
    }

    /// Raises a warning that nothing withdraws.
    pub(super) fn last(&mut self, text: String) -> Effect {
        self.lasting = self.lasting.saturating_add(1);
        self.raise(Subject::Lasting(self.lasting), text)
    }

    /// Takes a notice; `number` says how a message is called on the screen.
    //= docs/spec/protocol.md#UIX-003
    //= docs/spec/protocol.md#UIX-004
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other notice is about a warning")]
    pub(super) fn note(
        &mut self,
        notice: &Notice,
        number: impl Fn(&MessageId) -> String,
    ) -> Effect {
        match notice {
            Notice::NotFullyAcked { id, unacked_by, last_word, away } => {
                let end = match (last_word, away) {
                    (true, _) => ", and no longer can be",
                    (false, true) => " so far, and nobody of them is there",
                    (false, false) => " so far",
                };
                let text = format!(
                    "{} is not known to have reached {}{end}",
                    number(id),
                    everybody_of(unacked_by)
                );
                self.raise(Subject::Unacked(*id), text)
            }
            Notice::MessageFullyAcked { id } => {
                let text = format!("{} has reached everybody", number(id));
                self.withdraw(&Subject::Unacked(*id), text)
            }
            Notice::NotAccepted { id, author, missing } => self.raise(
                Subject::Unaccepted(*id),
                format!(
                    "a message of {} is held back, since {} before it did not arrive",
                    term::name(author),
                    term::count(missing.len(), "message")
                ),
            ),
            Notice::NotAcceptedResolved { id, author } => {
                let text = format!("a message of {} is no longer held back", term::name(author));
                self.withdraw(&Subject::Unaccepted(*id), text)
            }
            Notice::UserNotPresent { member, .. } => self.raise(
                Subject::Silent(member.clone()),
                format!(
                    "nothing has shown for a while that {} is there; /members says since when",
                    term::name(member)
                ),
            ),
            // What happened is told like any other news.
            Notice::UserPresent { member } | Notice::UserAbsent { member } => {
                self.raised.remove(&Subject::Silent(member.clone()));
                Effect::None
            }
            Notice::NotDecrypted { packet, sender, size } => self.raise(
                Subject::Undecrypted(*packet),
                format!(
                    "a packet of {size} bytes, said to be from {}, fits none of our keys",
                    term::name(sender)
                ),
            ),
            Notice::NotDecryptedResolved { packet, sender } => self.withdraw(
                &Subject::Undecrypted(*packet),
                format!("the packet said to be from {} is no longer waiting", term::name(sender)),
            ),
            Notice::OperationSlow { waiting_for } => self.raise(
                Subject::Slow,
                format!(
                    "the change of membership takes long, waiting for {}; /abort or taking them out \
                     of the room would end it",
                    term::names(waiting_for)
                ),
            ),
            Notice::OpSucceeded { .. } | Notice::OpFailed { .. } => {
                self.withdraw(&Subject::Slow, "the change of membership has ended".to_owned())
            }
            Notice::OrderNotConfirmed { members, .. } => self.raise(
                Subject::Unconfirmed,
                format!(
                    "{} did not confirm the last change of membership or keys so far",
                    term::names(members)
                ),
            ),
            Notice::OrderConfirmed { .. } => self.withdraw(
                &Subject::Unconfirmed,
                "everybody has confirmed the last change of membership or keys".to_owned(),
            ),
            Notice::KeyAge { waiting_for, stopped } => {
                let who = if waiting_for.is_empty() {
                    String::new()
                } else {
                    format!(", since {} did not answer", term::names(waiting_for))
                };
                let end = if *stopped { "; no more texts are sent with them" } else { "" };
                let text = format!(
                    "the keys are old and could not be renewed{who}{end}; /exclude who does not \
                     answer, or /refresh"
                );
                self.raise(Subject::OldKeys, text)
            }
            Notice::KeyRefreshed { .. } | Notice::MembersChanged { .. } => {
                self.withdraw(&Subject::OldKeys, "the keys are new again".to_owned())
            }
            Notice::BadContribution { member } => self.last(format!(
                "{} broke the rules of key agreement, which failed for it",
                term::name(member)
            )),
            Notice::OperationDisagreement { member } => self.last(format!(
                "{} saw another key agreement than we did, and it failed; the server may have \
                 shown different packets to different members",
                term::name(member)
            )),
            Notice::ContentIncomplete { author, received, total } => self.last(format!(
                "a long text of {} will never be complete: {received} of {total} bytes arrived",
                term::name(author)
            )),
            Notice::BadMessage { author, reason } => self.last(format!(
                "a message of {} breaks a rule and is not shown: {reason}",
                term::name(author)
            )),
            Notice::AuthorFork { author, .. } => self.last(format!(
                "{} wrote two messages that contradict each other; only the first is shown",
                term::name(author)
            )),
            Notice::RejectedRepeatedly { winner, times } => self.last(format!(
                "{times} of your proposals in a row lost to one of {}, who may be working \
                 together with the server",
                term::name(winner)
            )),
            Notice::OrderInconsistent { member } => self.last(format!(
                "{} was told of other changes of membership than we were",
                term::name(member)
            )),
            Notice::ContextIncomplete { missing } => self.last(format!(
                "{} from before the last change of membership never arrived",
                term::count(missing.len(), "message")
            )),
            Notice::InternalError { description } => self.last(format!(
                "this program made a mistake and takes no more part; please report it: {}",
                term::escape(description)
            )),
            _ => Effect::None,
        }
    }

    fn raise(&mut self, subject: Subject, text: String) -> Effect {
        self.raised.insert(subject, text.clone());
        Effect::Raised(text)
    }

    fn withdraw(&mut self, subject: &Subject, text: String) -> Effect {
        match self.raised.remove(subject) {
            Some(_) => Effect::Withdrawn(text),
            None => Effect::None,
        }
    }
}

fn everybody_of(members: &MemberSet) -> String {
    if members.is_empty() { "everybody".to_owned() } else { term::names(members) }
}

#[cfg(test)]
mod tests {
    use mpenc::MemberId;

    use super::*;

    //= docs/spec/protocol.md#UIX-003
    //= type=test
    #[test]
    fn a_warning_lasts_until_it_is_withdrawn() {
        let id = MessageId::new(&[1]).unwrap();
        let bob = MemberSet::of(&MemberId::new("bob").unwrap());
        let number = |_: &MessageId| "[1]".to_owned();
        let mut warnings = Warnings::default();
        let early = Notice::MessageFullyAcked { id };
        assert_eq!(warnings.note(&early, number), Effect::None, "nothing to withdraw");

        let late = Notice::NotFullyAcked { id, unacked_by: bob, last_word: false, away: false };
        let text = "[1] is not known to have reached bob so far";
        assert_eq!(warnings.note(&late, number), Effect::Raised(text.to_owned()));
        assert_eq!(warnings.in_force().collect::<Vec<_>>(), [text]);
        let effect = warnings.note(&early, number);
        assert_eq!(effect, Effect::Withdrawn("[1] has reached everybody".to_owned()));
        assert_eq!(warnings.in_force().count(), 0);
    }

    #[test]
    fn some_warnings_stay() {
        let author = MemberId::new("a\u{202e}b").unwrap();
        let mut warnings = Warnings::default();
        let first = MessageId::new(&[1]).unwrap();
        let fork = Notice::AuthorFork { author, first, second: first };
        let Effect::Raised(text) = warnings.note(&fork, |_| String::new()) else { panic!() };
        assert!(!text.contains('\u{202e}'), "{text}");
        warnings.note(&fork, |_| String::new());
        assert_eq!(warnings.in_force().count(), 2);
    }
}
