//! What a session says of itself, where a step changed it.

use mpenc::session::SubsessionState;
use mpenc_types::MemberSet;

use super::Replay;
use crate::json::{Checked, Node};
use crate::report::Tally;

impl Replay<'_> {
    /// Compares the fields of a step's `state`, as far as it has them.
    pub(super) fn compare_fields(&self, state: &Node<'_>, tally: &mut Tally) -> Checked {
        let session = &self.session;
        if let Some(place) = state.opt("state") {
            let inside = session.channel_members().is_some();
            let found = match (inside, session.sid().is_some(), session.order().is_some()) {
                (false, ..) => "cos_",
                (true, true, _) => "COS_",
                (true, false, false) => "Cos_",
                (true, false, true) if session.is_alone() => "COsJ",
                (true, false, true) => "COsj",
            };
            place.expect_text(found.as_bytes())?;
            tally.count("state fields");
        }
        if let Some(running) = state.opt("greeting").filter(|_| !self.deaf) {
            let found = session.operation().map(|operation| operation.next_members);
            let recorded = match running.opt("next") {
                Some(next) => Some(next.member_set()?),
                None => None,
            };
            running.expect(&recorded, &found)?;
            tally.count("state fields");
        }
        if let Some(own) = state.opt("own_proposal") {
            own.expect_flag(session.is_proposing())?;
            tally.count("state fields");
        }
        if let Some(consistent) = state.opt("consistent") {
            consistent.expect_flag(session.is_consistent())?;
            tally.count("state fields");
        }
        let sets: [(&str, &MemberSet); 2] = [
            ("task_exclude", session.leaving_members()),
            ("task_leave", session.lingering_members()),
        ];
        for (key, found) in sets {
            if let Some(recorded) = state.opt(key) {
                let expected = recorded.member_set()?;
                // Whom the original forgets shows in its packets later, if at all.
                let differ = expected.difference(found).union(&found.difference(&expected));
                if !self.dropped.contains(&differ) {
                    recorded.expect(&expected, found)?;
                }
                tally.count("state fields");
            }
        }
        self.compare_subsessions(state, tally)
    }

    fn compare_subsessions(&self, state: &Node<'_>, tally: &mut Tally) -> Checked {
        let all: Vec<_> = self.session.subsession_states().collect();
        let current = self.session.sid();
        if let Some(index) = state.opt("sub") {
            index.expect(&self.sid(&index)?, &current)?;
            tally.count("state fields");
        }
        // Out of the channel nothing is wound up any more (FIN-015, departure `fin-outside`).
        let inside = self.session.channel_members().is_some();
        if let Some(index) = state.opt("prev_sub").filter(|_| inside) {
            let newest = all.get(usize::from(current.is_some())).map(|(sid, _)| *sid);
            index.expect(&self.sid(&index)?, &newest)?;
            tally.count("state fields");
        }
        Ok(())
    }

    /// The states that subsessions have after a step, where it changed them.
    pub(super) fn compare_sub_states(&self, step: &Node<'_>, tally: &mut Tally) -> Checked {
        if self.session.channel_members().is_none() {
            return Ok(());
        }
        for change in step.list("sub_state")? {
            let sid = self.sid(&change.get("sub")?)?;
            let all = self.session.subsession_states();
            let ours = all.filter(|(found, _)| Some(*found) == sid).map(|(_, state)| state);
            let new = change.get("new")?;
            // Those that have ended are no longer there.
            let found = ours.last().map_or(ENDED, |state| match state {
                SubsessionState::Joined => JOINED,
                SubsessionState::Parting => PARTING,
                SubsessionState::Error | _ => ENDED,
            });
            let recorded = new.number()?.min(ENDED);
            new.expect(&recorded, &found)?;
            tally.count("subsession states");
        }
        Ok(())
    }

    fn sid(&self, index: &Node<'_>) -> Checked<Option<mpenc_types::SubsessionId>> {
        if index.value().is_null() {
            return Ok(None);
        }
        let subsessions = self.recording.file.list("subsessions")?;
        let node = subsessions.get(index.size()?).ok_or_else(|| index.fault("is no subsession"))?;
        Ok(Some(mpenc_types::SubsessionId::new(node.get("sid")?.array()?)))
    }
}

/// Numbers of subsession states in recordings: 3 and 4 have ended, badly or well.
const JOINED: u64 = 1;
const PARTING: u64 = 2;
const ENDED: u64 = 3;
