//! What holds for any two members on an honest channel.

use super::group::{Group, name};
use super::honest::{Honest, State};
use super::member::Member;
use super::order::Place;

impl Honest {
    /// Whether a member of the session waits although nothing is under way. Operations that name
    /// somebody who was excluded before and has not left since, while none of the targets has seen
    /// that, end by timeouts only (ATK-087).
    fn is_stalled(&self, state: &State, member: &Member) -> bool {
        let Some(running) = &member.running else { return member.proposal.is_some() };
        let targets = || running.targets.iter().filter_map(|target| state.of(target));
        let stranded = targets()
            .filter(|target| target.running.as_ref().is_some_and(|running| running.over))
            .fold(Group::NOBODY, |group, target| group.or(Group::of(target.me)));
        let unseen = targets().all(|target| target.witnessed.and(stranded).is_empty());
        member.is_established() && (stranded.is_empty() || !unseen)
    }

    /// What holds for any two members on an honest channel.
    pub(super) fn agreement(&self, state: &State) -> Result<(), String> {
        let all: Vec<(&Member, u8)> =
            state.members.iter().zip(&state.heard).filter_map(|(m, h)| Some((m, (*h)?))).collect();
        for (place, (one, heard)) in all.iter().enumerate() {
            for (other, too) in all.iter().skip(place + 1) {
                let who = || format!("{} and {}", name(one.me), name(other.me));
                //= docs/spec/protocol.md#ORD-001
                if heard == too
                    && one.follows()
                    && other.follows()
                    && one.order.place() != other.order.place()
                {
                    return Err(format!("{} heard the same and disagree", who()));
                }
                let present = state.present.has(one.me) && state.present.has(other.me);
                let established = one.is_established() || other.is_established();
                //= docs/spec/protocol.md#ORD-015
                if heard == too
                    && present
                    && established
                    && let (Place::InOperation(after, initial, _), Place::InOperation(and, too, _)) =
                        (one.order.place(), other.order.place())
                    && after == and
                    && initial != too
                {
                    return Err(format!("{} accepted two proposals in one place", who()));
                }
                if one.is_established()
                    && other.is_established()
                    && one.order.chain() == other.order.chain()
                    && (one.members, one.subsession) != (other.members, other.subsession)
                {
                    return Err(format!("{} have one chain hash, two memberships", who()));
                }
            }
        }
        if state.is_quiet()
            && let Some((member, _)) = all.iter().find(|(member, _)| self.is_stalled(state, member))
        {
            return Err(format!("{} waits for something that never comes", name(member.me)));
        }
        Ok(())
    }
}
