//! What the application is told, compared with what it was told by the original.

use std::collections::BTreeSet;

use mpenc::{MemberSet, Notice, Session};
use mpenc_types::MessageId;

use crate::json::{Checked, Node};
use crate::report::Tally;

/// Notices since the last comparison.
#[derive(Debug, Default)]
pub(super) struct Told {
    ready: Vec<Ready>,
    fully_acked: BTreeSet<MessageId>,
    not_fully_acked: BTreeSet<MessageId>,
    /// Warned of once more at the end of a subsession, which recordings may leave out.
    last_words: BTreeSet<MessageId>,
    members: Vec<Members>,
}

/// A message that was added to the log.
#[derive(Debug, PartialEq, Eq)]
struct Ready {
    id: MessageId,
    place: usize,
    answers: BTreeSet<usize>,
    parents: BTreeSet<MessageId>,
}

#[derive(Debug, PartialEq, Eq)]
struct Members {
    remain: MemberSet,
    include: MemberSet,
    exclude: MemberSet,
}

impl Told {
    /// Keeps what has a counterpart in a recording.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others have no counterpart")]
    pub(super) fn note(&mut self, session: &Session, notice: Notice) {
        match notice {
            Notice::MessageReady { id, r_idx, par_idx } => self.ready.push(Ready {
                id,
                place: r_idx,
                answers: par_idx.into_iter().collect(),
                parents: session.log_parents(&id).unwrap_or_default().into_iter().collect(),
            }),
            Notice::MessageFullyAcked { id } => {
                self.fully_acked.insert(id);
            }
            Notice::NotFullyAcked { id, last_word, .. } => {
                let warned =
                    if last_word { &mut self.last_words } else { &mut self.not_fully_acked };
                warned.insert(id);
            }
            Notice::MembersChanged { remain, include, exclude, .. } => {
                self.members.push(Members { remain, include, exclude });
            }
            _ => {}
        }
    }

    /// Compares with the notices of these steps. Messages in `hidden` the original shows and we do
    /// not; where there are some, what answers what is counted differently.
    pub(super) fn compare(
        self,
        steps: &[&Node<'_>],
        hidden: &BTreeSet<MessageId>,
        tally: &mut Tally,
    ) -> Checked {
        let told = self;
        let mut notices = Vec::new();
        for step in steps {
            notices.extend(step.list("notices")?);
        }
        let of = |kind: &str| -> Checked<Vec<&Node<'_>>> {
            let mut found = Vec::new();
            for notice in &notices {
                if notice.get("type")?.text()? == kind {
                    found.push(notice);
                }
            }
            Ok(found)
        };
        let Some(step) = steps.last() else { return Ok(()) };

        let mut found = told.ready.iter();
        for notice in of("MsgReady")? {
            let id = notice.get("mid")?.message_id()?;
            if hidden.contains(&id) {
                continue;
            }
            let ours = found.next().ok_or_else(|| notice.fault("is not shown by us"))?;
            notice.get("mid")?.expect(&id, &ours.id)?;
            if hidden.is_empty() {
                expect_ready(notice, ours)?;
            }
            tally.count("shown messages");
        }
        if let Some(more) = found.next() {
            return Err(step.fault(format!("we show {} as well", more.id)));
        }
        let mut found = told.members.iter();
        for notice in of("SNMembers")? {
            let ours = found.next().ok_or_else(|| notice.fault("is not told by us"))?;
            expect_members(notice, ours)?;
            tally.count("told memberships");
        }
        if let Some(more) = found.next() {
            return Err(step.fault(format!("we tell {more:?} as well")));
        }
        for (kind, ours) in
            [("MsgFullyAcked", told.fully_acked), ("NotFullyAcked", told.not_fully_acked)]
        {
            let mut recorded = BTreeSet::new();
            for notice in of(kind)? {
                recorded.insert(notice.get("mid")?.message_id()?);
            }
            recorded.retain(|id| !hidden.contains(id));
            if kind == "NotFullyAcked" {
                recorded.retain(|id| !told.last_words.contains(id) || ours.contains(id));
            }
            if recorded != ours {
                let what = format!("{kind}: expected {recorded:?}, found {ours:?}");
                return Err(step.fault_at("notices", what));
            }
        }
        Ok(())
    }
}

fn expect_ready(notice: &Node<'_>, ours: &Ready) -> Checked {
    if let Some(place) = notice.opt("ridx") {
        place.expect_number(ours.place)?;
    }
    if let Some(answers) = notice.opt("paridx") {
        let recorded: Checked<BTreeSet<usize>> = answers.items()?.iter().map(Node::size).collect();
        answers.expect(&recorded?, &ours.answers)?;
    }
    if let Some(parents) = notice.opt("log_parents") {
        let recorded: BTreeSet<_> = parents.message_ids()?.into_iter().collect();
        parents.expect(&recorded, &ours.parents)?;
    }
    Ok(())
}

// Not `parents`: the original names messages of the log there, we what the operation names.
fn expect_members(notice: &Node<'_>, ours: &Members) -> Checked {
    for (key, ours) in
        [("remain", &ours.remain), ("include", &ours.include), ("exclude", &ours.exclude)]
    {
        if let Some(recorded) = notice.opt(key) {
            recorded.expect(&recorded.member_set()?, ours)?;
        }
    }
    Ok(())
}
