//! Agreement on operations (I2), who has keys (I3, I6), and keys that change only when it is said
//! (I8).

use mpenc::{ChainHash, MemberId, MemberSet, PacketId, SubsessionId};

use super::Oracle;
use crate::world::Person;

/// Names a completed operation: the identifier of its subsession, and for a refresh of v1, which
/// keeps that, the final packet.
pub(super) type Operation = (SubsessionId, Option<PacketId>);

/// What the first to complete it has.
#[derive(Debug)]
pub(super) struct Completed {
    by: MemberId,
    pub(super) members: MemberSet,
    pub(super) key: Option<[u8; 32]>,
    pub(super) chain: Option<(PacketId, ChainHash)>,
}

/// Who ever had a key, and for whom it is.
#[derive(Debug)]
pub(super) struct Holders {
    had: MemberSet,
    /// As honest members say.
    pub(super) members: Option<MemberSet>,
    sid: SubsessionId,
}

impl Oracle {
    /// Keys and members of somebody, after a call.
    pub(super) fn keys_of(
        &mut self,
        people: &[Person],
        who: usize,
        renewed: bool,
    ) -> Result<(), String> {
        let Some(person) = people.get(who) else { return Ok(()) };
        let Some(session) = &person.session else { return Ok(()) };
        let now = session.sid().map(|sid| (sid, session.key_check(), session.members()));
        let Some(life) = self.lives.get_mut(who) else { return Ok(()) };
        if life.current == now {
            return Ok(());
        }
        if !person.insider && !renewed {
            return Err(format!("I8: keys or members change and nobody is told: {now:?}"));
        }
        life.current.clone_from(&now);
        let Some((sid, key, members)) = now else { return Ok(()) };
        self.holds(person, sid, key, &members)?;
        if person.insider {
            return Ok(());
        }
        if !members.contains(&person.name) {
            return Err("I2: not a member of its own session".to_owned());
        }
        let order = session.order();
        let operation =
            (sid, if self.expect.forks_noticed { None } else { order.map(|(last, _)| last) });
        let Some(first) = self.completed.get(&operation) else {
            let completed = Completed { by: person.name.clone(), members, key, chain: order };
            self.completed.insert(operation, completed);
            return Ok(());
        };
        if first.members != members {
            let (theirs, by) = (&first.members, &first.by);
            return Err(format!("I2: completes with {members}, but {by} with {theirs}"));
        }
        if self.expect.same_keys && first.key != key {
            return Err(format!("I2: has other keys than {}", first.by));
        }
        if self.expect.same_order && first.chain != order {
            return Err(format!("I2: has another order than {}", first.by));
        }
        Ok(())
    }

    /// Whoever has a key is among those for whom it is, and no key comes twice.
    fn holds(
        &mut self,
        person: &Person,
        sid: SubsessionId,
        key: Option<[u8; 32]>,
        members: &MemberSet,
    ) -> Result<(), String> {
        let Some(key) = key else { return Ok(()) };
        let entry = self.holders.entry(key).or_insert_with(|| Holders {
            had: MemberSet::new(),
            members: None,
            sid,
        });
        if entry.sid != sid {
            return Err("I7: the same key in two subsessions".to_owned());
        }
        if !person.insider {
            if !entry.had.insert(person.name.clone()) {
                return Err("I7: the same key again".to_owned());
            }
            entry.members.get_or_insert_with(|| members.clone());
        } else {
            entry.had.insert(person.name.clone());
        }
        match &entry.members {
            Some(members) if !entry.had.is_subset(members) => {
                let had = &entry.had;
                Err(format!("I3, I6: {had} have a key that is said to be for {members}"))
            }
            _ => Ok(()),
        }
    }
}
