//! Who is behind which nickname.

use alloc::collections::BTreeMap;

use mpenc::{MemberId, MemberSet, PublicKey};

use crate::limits::MAX_OCCUPANTS;

/// The occupants of a room by nickname. A nickname only tells which occupant is meant; who that
/// is says the real address.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    by_nick: BTreeMap<String, Occupant>,
}

#[derive(Clone, Debug)]
pub(crate) struct Occupant {
    pub(crate) member: MemberId,
    pub(crate) key: Option<PublicKey>,
}

/// What a presence changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that members are told.
    None,
    /// Somebody entered.
    Entered,
    /// The nickname belonged to somebody else, who has gone without a word.
    Replaced {
        /// Who.
        gone: MemberId,
        /// Whether the new one was not in the room before, under another nickname.
        entered: bool,
    },
    /// There is no room for more.
    Full,
}

impl Roster {
    /// An occupant is there.
    pub(crate) fn here(&mut self, nick: &str, occupant: Occupant) -> Change {
        let before = self.by_nick.get(nick).map(|found| found.member.clone());
        if before.as_ref() == Some(&occupant.member) {
            return Change::None;
        }
        let elsewhere = self.nick_of(&occupant.member).map(str::to_owned);
        if before.is_none() && elsewhere.is_none() && self.by_nick.len() >= MAX_OCCUPANTS {
            return Change::Full;
        }
        if let Some(old) = &elsewhere {
            // One client has one place; it is called differently now.
            self.by_nick.remove(old);
        }
        self.by_nick.insert(nick.to_owned(), occupant);
        match (before, elsewhere) {
            (Some(gone), elsewhere) => Change::Replaced { gone, entered: elsewhere.is_none() },
            (None, Some(_)) => Change::None,
            (None, None) => Change::Entered,
        }
    }

    /// An occupant has gone.
    pub(crate) fn gone(&mut self, nick: &str) -> Option<MemberId> {
        self.by_nick.remove(nick).map(|occupant| occupant.member)
    }

    /// An occupant is called differently from now on.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        if let Some(occupant) = self.by_nick.remove(from) {
            self.by_nick.insert(to.to_owned(), occupant);
        }
    }

    pub(crate) fn member(&self, nick: &str) -> Option<&MemberId> {
        self.by_nick.get(nick).map(|occupant| &occupant.member)
    }

    pub(crate) fn nick_of(&self, member: &MemberId) -> Option<&str> {
        let mut found = self.by_nick.iter().filter(|(_, occupant)| occupant.member == *member);
        found.next().map(|(nick, _)| nick.as_str())
    }

    pub(crate) fn members(&self) -> MemberSet {
        self.by_nick.values().map(|occupant| &occupant.member).collect()
    }

    pub(crate) fn occupants(&self) -> impl Iterator<Item = &Occupant> {
        self.by_nick.values()
    }

    pub(crate) fn clear(&mut self) {
        self.by_nick.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occupant(name: &str) -> Occupant {
        Occupant { member: MemberId::new(name).unwrap(), key: None }
    }

    #[test]
    fn a_nickname_is_not_a_name() {
        let mut roster = Roster::default();
        assert_eq!(roster.here("x", occupant("alice")), Change::Entered);
        assert_eq!(roster.here("x", occupant("alice")), Change::None, "a change of status");
        roster.rename("x", "y");
        assert_eq!(roster.here("y", occupant("alice")), Change::None);
        assert_eq!(roster.here("alice", occupant("mallory")), Change::Entered);
        assert_eq!(roster.member("alice"), MemberId::new("mallory").ok().as_ref());
        let replaced = roster.here("alice", occupant("bob"));
        let gone = MemberId::new("mallory").unwrap();
        assert_eq!(replaced, Change::Replaced { gone, entered: true });
        assert_eq!(roster.here("z", occupant("alice")), Change::None, "one place for a client");
        assert_eq!(roster.gone("y"), None);
        assert_eq!(roster.gone("z"), MemberId::new("alice").ok());
        assert_eq!(roster.members().len(), 1);
    }

    #[test]
    fn a_room_is_only_so_large() {
        let mut roster = Roster::default();
        for i in 0..MAX_OCCUPANTS {
            assert_eq!(roster.here(&i.to_string(), occupant(&format!("m{i}"))), Change::Entered);
        }
        assert_eq!(roster.here("more", occupant("more")), Change::Full);
    }
}
