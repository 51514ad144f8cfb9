//! Own requests end, one way or another (SES-023).

use std::collections::{BTreeMap, BTreeSet};

use mpenc::OperationId;

use super::Oracle;
use crate::world::Person;

/// What a member has asked of its session, in one life.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Those under way, and since when.
    open: BTreeMap<OperationId, u64>,
    ended: BTreeSet<OperationId>,
}

impl Requests {
    pub(super) fn begin(&mut self, id: OperationId, now: u64) {
        // It may have ended before it was known by its number.
        if !self.ended.contains(&id) {
            self.open.entry(id).or_insert(now);
        }
    }

    pub(super) fn end(&mut self, id: OperationId) -> Result<(), String> {
        self.open.remove(&id);
        match self.ended.insert(id) {
            true => Ok(()),
            false => Err(format!("SES-023: {id:?} ends for the second time")),
        }
    }
}

impl Oracle {
    /// Somebody has asked its session for something.
    pub(crate) fn asked(&mut self, who: usize, id: OperationId, now: u64) {
        if let Some(life) = self.lives.get_mut(who) {
            life.requests.begin(id, now);
        }
    }

    /// Nothing is wrong from now on: requests end in time.
    pub(crate) fn calm(&mut self, now: u64) {
        self.calm_since = Some(now);
    }

    /// Whether requests are under way.
    pub(crate) fn awaits_an_end(&self, people: &[Person]) -> bool {
        let sessions = people.iter().map(|person| !person.insider && person.session.is_some());
        self.lives.iter().zip(sessions).any(|(life, there)| there && !life.requests.open.is_empty())
    }

    //= docs/spec/protocol.md#SES-023
    pub(super) fn requests_end(&self, people: &[Person], now: u64) -> Result<(), String> {
        let Some(calm) = self.calm_since else { return Ok(()) };
        for (person, life) in people.iter().zip(&self.lives) {
            if person.insider || person.session.is_none() {
                continue;
            }
            let mut open = life.requests.open.iter();
            let late = open.find(|(_, since)| calm.max(**since) + self.expect.request_bound < now);
            if let Some((id, since)) = late {
                let name = &person.name;
                return Err(format!(
                    "SES-023: {id:?} of {name}, asked for at {since} ms, has not ended"
                ));
            }
        }
        Ok(())
    }
}
