//! Warnings that are in force: shown when raised, listed at any time, withdrawn when resolved.

use alloc::collections::BTreeMap;

use mpenc::security::ErrorCode;
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
#[derive(Debug)]
pub(super) struct Warnings {
    me: MemberId,
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
    /// None yet, for this member.
    pub(super) fn of(me: MemberId) -> Self {
        Self { me, raised: BTreeMap::new(), lasting: 0 }
    }

    /// Everything in force, one sentence each.
    pub(super) fn in_force(&self) -> impl Iterator<Item = &str> {
        self.raised.values().map(String::as_str)
    }

    /// Raises a warning that nothing withdraws.
    pub(super) fn last(&mut self, text: String) -> Effect {
        self.lasting = self.lasting.saturating_add(1);
        self.raise(Subject::Lasting(self.lasting), text)
    }

    /// Takes a notice; `number` says how a message is called on the screen, if it is there.
    //= docs/spec/protocol.md#UIX-003
    //= docs/spec/protocol.md#UIX-004
    // Every notice stands here, so that clippy objects to a new one about which nobody has decided.
    pub(super) fn note(
        &mut self,
        notice: &Notice,
        number: impl Fn(&MessageId) -> Option<String>,
    ) -> Effect {
        let called = |id: &MessageId| number(id).unwrap_or_else(|| "[?]".to_owned());
        match notice {
            Notice::NotFullyAcked { id, unacked_by, last_word, away } => {
                let end = match (last_word, away) {
                    (true, _) => ", and no longer can be",
                    (false, true) => " so far, and nobody of them is there",
                    (false, false) => " so far",
                };
                let text = format!(
                    "{} is not known to have reached {}{end}",
                    called(id),
                    everybody_of(unacked_by)
                );
                self.raise(Subject::Unacked(*id), text)
            }
            Notice::MessageFullyAcked { id } => {
                let text = format!("{} has reached everybody", called(id));
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
            Notice::MessageDiscarded { id, author, missing } => self.raise(
                Subject::Unaccepted(*id),
                format!(
                    "a message of {} is lost, since {} before it never arrived; whoever has it \
                     can repeat what it said",
                    term::name(author),
                    term::count(missing.len(), "message")
                ),
            ),
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
            Notice::PacketDiscarded { packet, sender, size } => self.raise(
                Subject::Undecrypted(*packet),
                format!(
                    "a packet of {size} bytes, said to be from {}, could not be read: no key of \
                     ours ever fitted it",
                    term::name(sender)
                ),
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
            Notice::KeyRefreshed { .. } => self.keys_are_new(),
            Notice::MembersChanged { remain, include, exclude, .. } => {
                // Who is gone is not missed; that it is gone is told like any other news.
                for member in exclude {
                    self.raised.remove(&Subject::Silent(member.clone()));
                }
                let keys = self.keys_are_new();
                if remain.len() == 1
                    && include.is_empty()
                    && self.raised.contains_key(&Subject::Unconfirmed)
                {
                    let text = "nobody is left who would have to confirm a change".to_owned();
                    return self.withdraw(&Subject::Unconfirmed, text);
                }
                keys
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
            Notice::ErrorReported { member, code, subject } => {
                let subject = subject.as_ref().and_then(number);
                self.last(reported(member, *code, subject.as_deref()))
            }
            // Nobody else should have it: this program does not publish keys.
            Notice::KeyPublished { member, .. } if *member == self.me => self.last(
                "a key under which you wrote here is public, and this program did not publish it: \
                 somebody has got hold of it, perhaps on this device; whatever comes under it in \
                 your name proves nothing any more"
                    .to_owned(),
            ),
            // News, messages, and progress of what is under way.
            Notice::StateChanged { .. }
            | Notice::OpProposed { .. }
            | Notice::OpRejected { .. }
            | Notice::OpStarted { .. }
            | Notice::ContentProgress { .. }
            | Notice::OperationEnded { .. }
            | Notice::EnterRequest { .. }
            | Notice::MessageReady { .. }
            | Notice::SubsessionClosed { .. }
            | Notice::KeyPublished { .. }
            | Notice::Unrecognised { .. } => Effect::None,
            _ => Effect::None,
        }
    }

    fn keys_are_new(&mut self) -> Effect {
        self.withdraw(&Subject::OldKeys, "the keys are new again".to_owned())
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

/// What somebody says that it met. It may be wrong or lie, and it may not be the only one that does.
fn reported(member: &MemberId, code: ErrorCode, subject: Option<&str>) -> String {
    let what = match (code, subject) {
        (ErrorCode::BadMessage, Some(shown)) => format!("{shown} breaks a rule"),
        (ErrorCode::BadMessage, None) => {
            "it got a message that breaks a rule, and is not shown here".to_owned()
        }
        (ErrorCode::Fork, Some(shown)) => {
            format!("it got another message of the same author in the place of {shown}")
        }
        (ErrorCode::Fork, None) => {
            "somebody wrote two messages that contradict each other".to_owned()
        }
        (ErrorCode::InconsistentHistory, _) => {
            "others were told of other changes of membership than it was".to_owned()
        }
    };
    format!(
        "{} says that {what}; this may be a mistake or a lie, and nothing follows from it here: \
         compare with the others, by another way, what each of you sees",
        term::name(member)
    )
}

fn everybody_of(members: &MemberSet) -> String {
    if members.is_empty() { "everybody".to_owned() } else { term::names(members) }
}

#[cfg(test)]
mod tests {
    use mpenc::MemberId;

    use super::*;

    /// Leaving ends it; whoever is back finds no warning of before.
    //= docs/spec/protocol.md#ORD-036
    //= type=test
    #[test]
    fn a_missing_confirmation_ends_with_the_session() {
        let set = |name: &str| MemberSet::of(&MemberId::new(name).unwrap());
        let mut warnings = Warnings::of(MemberId::new("ann").unwrap());
        let last = mpenc::PacketId::new([1; 32]);
        let missing = Notice::OrderNotConfirmed { last, members: set("bob") };
        let changed = |remain, include, exclude| Notice::MembersChanged {
            remain,
            include,
            exclude,
            context: Vec::new(),
            log_position: 0,
        };
        assert!(matches!(warnings.note(&missing, |_| None), Effect::Raised(_)));
        let more = changed(set("ann").union(&set("bob")), set("carol"), MemberSet::new());
        assert_eq!(warnings.note(&more, |_| None), Effect::None);
        assert_eq!(warnings.in_force().count(), 1);
        let out = changed(set("ann"), MemberSet::new(), set("bob").union(&set("carol")));
        assert!(matches!(warnings.note(&out, |_| None), Effect::Withdrawn(_)));
        assert_eq!(warnings.in_force().count(), 0);
    }

    //= docs/spec/protocol.md#UIX-003
    //= type=test
    #[test]
    fn a_warning_lasts_until_it_is_withdrawn() {
        let id = MessageId::new(&[1]).unwrap();
        let bob = MemberSet::of(&MemberId::new("bob").unwrap());
        let number = |_: &MessageId| Some("[1]".to_owned());
        let mut warnings = Warnings::of(MemberId::new("ann").unwrap());
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

    //= docs/spec/protocol.md#LIV-036
    //= type=test
    #[test]
    fn nobody_is_missed_who_was_excluded() {
        let (ann, bob) = (MemberId::new("ann").unwrap(), MemberId::new("bob").unwrap());
        let mut warnings = Warnings::of(ann.clone());
        let silent = Notice::UserNotPresent { member: bob.clone(), since: None };
        assert!(matches!(warnings.note(&silent, |_| None), Effect::Raised(_)));
        let excluded = Notice::MembersChanged {
            remain: MemberSet::of(&ann),
            include: MemberSet::new(),
            exclude: MemberSet::of(&bob),
            context: Vec::new(),
            log_position: 0,
        };
        warnings.note(&excluded, |_| None);
        assert_eq!(warnings.in_force().count(), 0);
    }

    //= docs/spec/protocol.md#TRN-044
    //= type=test
    #[test]
    fn what_is_lost_is_not_said_to_be_no_longer_held_back() {
        let (ann, bob) = (MemberId::new("ann").unwrap(), MemberId::new("bob").unwrap());
        let mut warnings = Warnings::of(ann);
        let id = MessageId::new(&[1]).unwrap();
        let (author, missing) = (bob.clone(), vec![id]);
        let held_back = Notice::NotAccepted { id, author, missing: missing.clone() };
        assert!(matches!(warnings.note(&held_back, |_| None), Effect::Raised(_)));
        let lost = Notice::MessageDiscarded { id, author: bob, missing };
        let text = "a message of bob is lost, since 1 message before it never arrived; whoever \
                    has it can repeat what it said";
        assert_eq!(warnings.note(&lost, |_| None), Effect::Raised(text.to_owned()));
        assert_eq!(warnings.in_force().collect::<Vec<_>>(), [text], "in place of the other");
    }

    #[test]
    fn some_warnings_stay() {
        let author = MemberId::new("a\u{202e}b").unwrap();
        let mut warnings = Warnings::of(MemberId::new("ann").unwrap());
        let first = MessageId::new(&[1]).unwrap();
        let fork = Notice::AuthorFork { author, first, second: first };
        let Effect::Raised(text) = warnings.note(&fork, |_| None) else { panic!() };
        assert!(!text.contains('\u{202e}'), "{text}");
        warnings.note(&fork, |_| None);
        assert_eq!(warnings.in_force().count(), 2);
    }

    //= docs/spec/protocol.md#ORD-046
    //= type=test
    #[test]
    fn what_others_report_is_said_to_be_their_word() {
        let mut warnings = Warnings::of(MemberId::new("ann").unwrap());
        let (shown, absent) = (MessageId::new(&[1]).unwrap(), MessageId::new(&[2]).unwrap());
        let mut check = |code, subject, expect: &str| {
            let member = MemberId::new("bob").unwrap();
            let notice = Notice::ErrorReported { member, code, subject };
            let number = |id: &MessageId| (*id == shown).then(|| "[1]".to_owned());
            let Effect::Raised(text) = warnings.note(&notice, number) else { panic!() };
            let end = "; this may be a mistake or a lie, and nothing follows from it here: compare \
                       with the others, by another way, what each of you sees";
            assert_eq!(text, format!("bob says that {expect}{end}"));
        };
        let (bad, fork) = (ErrorCode::BadMessage, ErrorCode::Fork);
        check(bad, Some(shown), "[1] breaks a rule");
        check(bad, Some(absent), "it got a message that breaks a rule, and is not shown here");
        let other = "it got another message of the same author in the place of [1]";
        check(fork, Some(shown), other);
        let two = "somebody wrote two messages that contradict each other";
        check(fork, Some(absent), two);
        let order = "others were told of other changes of membership than it was";
        check(ErrorCode::InconsistentHistory, None, order);
        assert_eq!(warnings.in_force().count(), 5, "nothing withdraws them");
    }

    #[test]
    fn an_own_key_that_is_public_is_a_warning_and_that_of_others_is_not() {
        let (ann, bob) = (MemberId::new("ann").unwrap(), MemberId::new("bob").unwrap());
        let sid = mpenc::SubsessionId::new([1; 32]);
        let mut warnings = Warnings::of(ann.clone());
        let others = Notice::KeyPublished { member: bob, sid };
        assert_eq!(warnings.note(&others, |_| None), Effect::None);
        let own = Notice::KeyPublished { member: ann, sid };
        let Effect::Raised(text) = warnings.note(&own, |_| None) else { panic!() };
        assert!(text.contains("somebody has got hold of it"), "{text}");
    }
}
