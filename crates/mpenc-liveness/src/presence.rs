use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use mpenc_types::{MemberId, MemberSet, Timestamp, guard};

use crate::Timing;

/// What is known of a member's presence (LIV-030, LIV-031).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceState {
    /// Nothing has proven yet that it takes part, and it has not been expected for long.
    Unknown,
    /// It has acted after the owner sent something, not long ago.
    Present,
    /// It has not, for longer than PRESENCE_EXPIRY.
    NotPresent,
    /// It said that it goes, and everybody has heard it.
    Absent,
}

/// A change of presence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresenceChange {
    /// Nothing proves that the member has been there for PRESENCE_EXPIRY.
    NotPresent {
        /// The member.
        member: MemberId,
        /// The last moment at which it is known to have been there, if there is one.
        since: Option<Timestamp>,
    },
    /// The member is known to be there, after it was not.
    Present {
        /// The member.
        member: MemberId,
    },
    /// The member is away on purpose.
    Absent {
        /// The member.
        member: MemberId,
    },
}

/// Who of a subsession is known to be there.
///
/// A member's *freshness* is the moment at which the owner sent the latest own message that the
/// member is known to have accepted: whatever the member did, it did it later than that. Times of
/// arrival count for nothing, since the channel chooses them, and times claimed by others even
/// less (LIV-027, LIV-029).
#[derive(Clone, Debug)]
pub struct Presence {
    timing: Timing,
    since: Timestamp,
    members: BTreeMap<MemberId, Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    fresh: Option<Timestamp>,
    state: PresenceState,
}

impl Presence {
    /// For a subsession that begins now, with these other members.
    #[must_use]
    pub fn new(now: Timestamp, others: &MemberSet, timing: Timing) -> Self {
        let unknown = Row { fresh: None, state: PresenceState::Unknown };
        let members = others.iter().map(|member| (member.clone(), unknown)).collect();
        Self { timing, since: now, members }
    }

    /// Takes over what was known of a member when the former subsession ended: what it has not
    /// shown since, new keys alone do not show, and who is away is not back for them. Call it
    /// before [`on_fresh`](Self::on_fresh), which says what the keys do show.
    pub fn carry_over(&mut self, former: &Self, member: &MemberId) {
        let (Some(row), Some(old)) = (self.members.get_mut(member), former.members.get(member))
        else {
            return;
        };
        if guard!("presence-carried") {
            *row = *old;
        }
    }

    /// From now on these intervals count.
    pub fn set_timing(&mut self, timing: Timing) {
        self.timing = timing;
    }

    /// The member acted after the owner sent something at `sent`.
    pub fn on_fresh(
        &mut self,
        now: Timestamp,
        member: &MemberId,
        sent: Timestamp,
    ) -> Option<PresenceChange> {
        let expiry = self.timing.presence_expiry()?;
        let row = self.members.get_mut(member)?;
        row.fresh = row.fresh.max(Some(sent));
        let old = row.state;
        if old == PresenceState::Absent || now.since(sent) > expiry {
            return None;
        }
        row.state = PresenceState::Present;
        (old == PresenceState::NotPresent)
            .then(|| PresenceChange::Present { member: member.clone() })
    }

    /// Everybody has heard that the member goes away.
    //= docs/spec/protocol.md#LIV-031
    pub fn on_absent(&mut self, member: &MemberId) -> Option<PresenceChange> {
        self.timing.presence_expiry()?;
        let row = self.members.get_mut(member)?;
        let new = row.state != PresenceState::Absent;
        row.state = PresenceState::Absent;
        new.then(|| PresenceChange::Absent { member: member.clone() })
    }

    /// The member says that it is back.
    pub fn on_return(&mut self, member: &MemberId) -> Option<PresenceChange> {
        let row = self.members.get_mut(member)?;
        if row.state != PresenceState::Absent {
            return None;
        }
        row.state = PresenceState::Present;
        Some(PresenceChange::Present { member: member.clone() })
    }

    /// Who is due at `now`.
    //= docs/spec/protocol.md#LIV-030
    pub fn handle_timeout(&mut self, now: Timestamp) -> Vec<PresenceChange> {
        let mut changes = Vec::new();
        for (member, row) in &mut self.members {
            let due = expiry(self.since, row, &self.timing).is_some_and(|at| at <= now);
            if due && guard!("presence") {
                row.state = PresenceState::NotPresent;
                changes
                    .push(PresenceChange::NotPresent { member: member.clone(), since: row.fresh });
            }
        }
        changes
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if !guard!("presence") {
            return None;
        }
        self.members.values().filter_map(|row| expiry(self.since, row, &self.timing)).min()
    }

    /// What is known of a member, as far as [`handle_timeout`](Self::handle_timeout) was called.
    #[must_use]
    pub fn state(&self, member: &MemberId) -> PresenceState {
        self.members.get(member).map_or(PresenceState::Unknown, |row| row.state)
    }

    /// What is known of a member at `now`, also if nobody has called
    /// [`handle_timeout`](Self::handle_timeout) because nobody is to be missed: what was shown
    /// once is not true for ever.
    #[must_use]
    pub fn state_at(&self, now: Timestamp, member: &MemberId) -> PresenceState {
        let Some(row) = self.members.get(member) else { return PresenceState::Unknown };
        let over = expiry(self.since, row, &self.timing).is_some_and(|at| at <= now);
        let lapsed = over && row.state == PresenceState::Present;
        if lapsed { PresenceState::NotPresent } else { row.state }
    }

    /// Whether the member has proven not longer than PRESENCE_EXPIRY ago to be there, whatever it
    /// or the absence of a warning says.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp, member: &MemberId) -> bool {
        let expiry = self.timing.presence_expiry();
        let until = self.freshness(member).zip(expiry).map(|(fresh, expiry)| fresh + expiry);
        until.is_some_and(|until| until > now)
    }

    /// The last moment at which a member is known to have been there.
    //= docs/spec/protocol.md#LIV-027
    #[must_use]
    pub fn freshness(&self, member: &MemberId) -> Option<Timestamp> {
        self.members.get(member).and_then(|row| row.fresh)
    }

    /// Members in this state.
    #[must_use]
    pub fn all(&self, state: PresenceState) -> MemberSet {
        let members = self.members.iter().filter(|(_, row)| row.state == state);
        members.map(|(member, _)| member).collect()
    }
}

/// When a member counts as not present; never before the subsession is as old.
fn expiry(since: Timestamp, row: &Row, timing: &Timing) -> Option<Timestamp> {
    match row.state {
        PresenceState::NotPresent | PresenceState::Absent => None,
        PresenceState::Unknown | PresenceState::Present => {
            Some(row.fresh.map_or(since, |fresh| fresh.max(since)) + timing.presence_expiry()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn members() -> MemberSet {
        [&b"bob"[..], b"carol"].iter().map(|name| MemberId::from_wire(name)).collect()
    }

    fn bob() -> MemberId {
        MemberId::from_wire(b"bob")
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn presence() -> Presence {
        Presence::new(at(1_000), &members(), Timing::default())
    }

    //= docs/spec/protocol.md#LIV-030
    //= type=test
    #[test]
    fn who_gives_no_sign_expires_once() {
        let mut presence = presence();
        assert_eq!(presence.state(&bob()), PresenceState::Unknown);
        let expiry = at(1_000 + 136_500);
        assert_eq!(presence.next_deadline(), Some(expiry));
        assert_eq!(presence.handle_timeout(at(137_499)), vec![]);
        let gone = presence.handle_timeout(expiry);
        assert_eq!(gone.len(), 2);
        assert_eq!(gone[0], PresenceChange::NotPresent { member: bob(), since: None });
        assert_eq!(presence.handle_timeout(at(1_000_000)), vec![], "said once");
        assert_eq!(presence.next_deadline(), None);
        assert_eq!(presence.all(PresenceState::NotPresent), members());
    }

    //= docs/spec/protocol.md#LIV-027
    //= type=test
    //= docs/spec/protocol.md#LIV-029
    //= type=test
    //= docs/spec/attacks.md#ATK-135
    //= type=test
    //= docs/spec/attacks.md#ATK-140
    //= type=test
    #[test]
    fn freshness_is_the_time_of_our_own_message() {
        let mut presence = presence();
        assert_eq!(presence.on_fresh(at(60_000), &bob(), at(50_000)), None);
        assert_eq!(presence.freshness(&bob()), Some(at(50_000)));
        assert_eq!(presence.state(&bob()), PresenceState::Present);
        // An old answer that arrives late renews nothing.
        assert_eq!(presence.on_fresh(at(180_000), &bob(), at(40_000)), None);
        assert_eq!(presence.freshness(&bob()), Some(at(50_000)));
        let gone = presence.handle_timeout(at(50_000 + 136_500));
        let expected = PresenceChange::NotPresent { member: bob(), since: Some(at(50_000)) };
        assert!(gone.contains(&expected), "{gone:?}");
        // Nor does one to something sent too long ago bring anybody back.
        assert_eq!(presence.on_fresh(at(400_000), &bob(), at(60_000)), None);
        assert_eq!(presence.state(&bob()), PresenceState::NotPresent);
        let back = presence.on_fresh(at(400_000), &bob(), at(390_000));
        assert_eq!(back, Some(PresenceChange::Present { member: bob() }));
    }

    //= docs/spec/protocol.md#LIV-031
    //= type=test
    #[test]
    fn who_goes_on_purpose_does_not_expire() {
        let mut presence = presence();
        assert_eq!(presence.on_absent(&bob()), Some(PresenceChange::Absent { member: bob() }));
        assert_eq!(presence.on_absent(&bob()), None);
        assert_eq!(presence.handle_timeout(at(1_000_000)).len(), 1, "only carol");
        assert_eq!(presence.on_fresh(at(1_000_000), &bob(), at(999_000)), None);
        assert_eq!(presence.state(&bob()), PresenceState::Absent);
        assert!(presence.on_return(&bob()).is_some());
        assert_eq!(presence.state(&bob()), PresenceState::Present);
    }

    //= docs/spec/protocol.md#LIV-036
    //= type=test
    #[test]
    fn a_new_subsession_takes_over_who_is_missed_and_who_is_away() {
        let mut former = presence();
        let carol = MemberId::from_wire(b"carol");
        let _ = former.on_absent(&carol);
        assert_eq!(former.handle_timeout(at(200_000)).len(), 1, "bob");
        let mut next = Presence::new(at(200_000), &members(), Timing::default());
        for member in &members() {
            next.carry_over(&former, member);
        }
        assert_eq!(next.state(&bob()), PresenceState::NotPresent);
        assert_eq!(next.handle_timeout(at(1_000_000)), vec![], "said before");
        let back = next.on_fresh(at(1_000_000), &bob(), at(999_000));
        assert_eq!(back, Some(PresenceChange::Present { member: bob() }));
        assert_eq!(next.on_fresh(at(1_000_000), &carol, at(999_000)), None);
        assert_eq!(next.state(&carol), PresenceState::Absent);
    }

    //= docs/spec/protocol.md#UIX-009
    //= type=test
    #[test]
    fn what_was_shown_once_is_not_true_for_ever() {
        let mut presence = presence();
        let _ = presence.on_fresh(at(2_000), &bob(), at(1_500));
        let (last, over) = (at(1_500 + 136_499), at(1_500 + 136_500));
        assert!(presence.is_fresh(last, &bob()) && !presence.is_fresh(over, &bob()));
        assert_eq!(presence.state_at(last, &bob()), PresenceState::Present);
        // Nobody has asked who is missed.
        assert_eq!(presence.state_at(over, &bob()), PresenceState::NotPresent);
        assert_eq!(presence.state(&bob()), PresenceState::Present);
        assert!(!presence.is_fresh(at(2_000), &MemberId::from_wire(b"carol")));
        // Who is away says nothing about what it may have written since.
        let _ = presence.on_absent(&bob());
        assert!(!presence.is_fresh(over, &bob()));
    }

    #[test]
    fn the_original_knows_no_presence() {
        let timing = Timing::original(crate::Flow::default());
        let mut presence = Presence::new(at(0), &members(), timing);
        assert_eq!(presence.next_deadline(), None);
        assert_eq!(presence.handle_timeout(at(u64::MAX)), vec![]);
        assert_eq!(presence.on_absent(&bob()), None);
    }
}
