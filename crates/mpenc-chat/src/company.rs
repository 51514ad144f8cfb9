//! Several actors on one stage: who is there, who was, and the steps they take together.

use alloc::collections::BTreeMap;

use futures_util::future::{try_join, try_join_all};
use mpenc::{MemberId, MemberSet};

use crate::actor::Actor;
use crate::compare::{Heard, Transcript};
use crate::failure::Failure;
use crate::stage::Stage;
use crate::term;

/// Everybody who is or was on a stage.
#[derive(Debug)]
pub(crate) struct Company {
    /// Where they are.
    pub(crate) stage: Stage,
    present: BTreeMap<MemberId, Actor>,
    past: Vec<Actor>,
}

/// How somebody departs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// With a farewell.
    Part,
    /// By a connection that breaks.
    Drop,
}

impl Company {
    /// Nobody yet.
    pub(crate) fn new(stage: Stage) -> Self {
        Self { stage, present: BTreeMap::new(), past: Vec::new() }
    }

    /// Those who are there.
    pub(crate) fn present(&self) -> MemberSet {
        self.present.keys().collect()
    }

    /// Somebody who is there.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub(crate) fn actor(&self, name: &MemberId) -> Result<&Actor, Failure> {
        self.present
            .get(name)
            .ok_or_else(|| Failure::check(format!("{} is not there", term::name(name))))
    }

    /// Everybody who is or was there, once for each stay.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Actor> {
        self.past.iter().chain(self.present.values())
    }

    /// Somebody enters the empty room.
    ///
    /// # Errors
    ///
    /// If that does not succeed in time.
    pub(crate) async fn open(&mut self, name: &MemberId) -> Result<(), Failure> {
        let actor = self.stage.connect(name).await?;
        tokio::select! {
            joined = self.join(&actor) => joined?,
            strangers = strangers(&actor) => return Err(Failure::input(format!(
                "{} in the room, and strangers would not take part; name a room with nobody in it",
                match strangers.len() {
                    1 => format!("{} is", term::names(&strangers)),
                    _ => format!("{} are", term::names(&strangers)),
                }
            ))),
        }
        actor.until_members(self.stage.bounds.enter, &MemberSet::of(name)).await?;
        self.present.insert(name.clone(), actor);
        Ok(())
    }

    /// These enter, and `host` includes them in one operation.
    ///
    /// # Errors
    ///
    /// If that does not succeed in time.
    pub(crate) async fn include(
        &mut self,
        host: &MemberId,
        newcomers: &[MemberId],
    ) -> Result<(), Failure> {
        let connecting = newcomers.iter().map(|name| self.stage.connect(name));
        let arriving = try_join_all(connecting).await?;
        let new: MemberSet = newcomers.iter().collect();
        let members = self.present().union(&new);
        let joins = try_join_all(arriving.iter().map(|actor| self.join(actor)));
        let (_, ()) = try_join(joins, self.propose(host, &new)).await?;
        for actor in arriving {
            self.present.insert(actor.name.clone(), actor);
        }
        self.settle(&members).await
    }

    /// `host` excludes somebody, who is sent out of the room.
    ///
    /// # Errors
    ///
    /// If that does not succeed in time.
    pub(crate) async fn exclude(
        &mut self,
        host: &MemberId,
        name: &MemberId,
    ) -> Result<(), Failure> {
        let bound = self.stage.bounds.departure;
        let actor = self.actor(host)?;
        limited(bound, host, "its exclusion to succeed", actor.session.exclude([name.clone()]))
            .await?;
        let members = self.present().without(name);
        if let Some(gone) = self.present.remove(name) {
            self.settle(&members).await?;
            let what = || "being sent out".to_owned();
            gone.until(bound, what, |session| session.channel_members().is_none()).await?;
            // A session that stays open keeps the connection, and would fight over the name with
            // a later one of the same person.
            gone.session.close();
            self.past.push(gone);
        }
        Ok(())
    }

    /// `host` renews the keys.
    ///
    /// # Errors
    ///
    /// If that does not succeed in time.
    pub(crate) async fn refresh(&mut self, host: &MemberId) -> Result<(), Failure> {
        let bound = self.stage.bounds.operation;
        let actor = self.actor(host)?;
        // A refresh keeps the identifier of the subsession; what follows each operation is new.
        let before = actor.session.view(mpenc::Session::order);
        limited(bound, host, "its refresh to succeed", actor.session.refresh()).await?;
        let what = || "new keys".to_owned();
        try_join_all(self.present.values().map(|actor| {
            actor.until(bound, what, |session| {
                session.order() != before && session.operation().is_none()
            })
        }))
        .await?;
        Ok(())
    }

    /// Somebody departs, and the others exclude it.
    ///
    /// # Errors
    ///
    /// If that does not succeed in time.
    pub(crate) async fn depart(&mut self, name: &MemberId, how: Departure) -> Result<(), Failure> {
        let members = self.present().without(name);
        let Some(leaver) = self.present.remove(name) else { return Ok(()) };
        match how {
            Departure::Drop => {
                leaver.connection.cut();
                leaver.session.close();
                self.settle(&members).await?;
            }
            Departure::Part => {
                let bound = self.stage.bounds.departure;
                let part = limited(bound, name, "its farewell to end", leaver.session.part());
                try_join(part, self.settle(&members)).await?;
                leaver.session.close();
            }
        }
        self.past.push(leaver);
        Ok(())
    }

    /// Waits until everybody knows that every reader has every message.
    ///
    /// # Errors
    ///
    /// Who waits for what, if that does not happen in time.
    pub(crate) async fn all_acknowledged(&self) -> Result<(), Failure> {
        // Somebody whom a message has not reached yet has nothing to wait for. Once the authors
        // know that theirs arrived, everybody has everything, and can wait for the rest.
        self.acknowledged().await?;
        self.acknowledged().await
    }

    async fn acknowledged(&self) -> Result<(), Failure> {
        let bound = self.stage.bounds.message;
        try_join_all(self.present.values().map(|actor| async move {
            let what = || {
                let (open, by) = actor.session.view(|session| {
                    let open: Vec<_> = session.not_fully_acked().collect();
                    let by = open.iter().filter_map(|id| session.unacked_by(id));
                    (open.len(), by.fold(MemberSet::new(), |all, some| all.union(&some)))
                });
                let open = term::count(open, "message");
                format!("{open} to be acknowledged by {}", term::names(&by))
            };
            // Messages, and people who lack them.
            let left = |session: &mpenc::Session| {
                let open = session.not_fully_acked().map(|id| session.unacked_by(&id));
                open.map(|by| by.map_or(0, |by| by.len()).saturating_add(1)).sum()
            };
            actor.until_none(bound, what, left).await
        }))
        .await?;
        Ok(())
    }

    /// Waits until those who are there are the members, and nobody else is in the room.
    ///
    /// # Errors
    ///
    /// Who waits for what, if that does not happen in time.
    pub(crate) async fn settled(&self) -> Result<(), Failure> {
        self.settle(&self.present()).await
    }

    /// Somebody who was there without being one of them.
    pub(crate) fn remember(&mut self, actor: Actor) {
        self.past.push(actor);
    }

    /// Ends everything without farewell.
    pub(crate) fn close(&self) {
        self.everybody().for_each(|actor| actor.session.close());
    }

    /// What each person heard in all its stays.
    pub(crate) fn transcripts(&self) -> BTreeMap<MemberId, Transcript> {
        let mut transcripts: BTreeMap<MemberId, Transcript> = BTreeMap::new();
        let mut stays: BTreeMap<&MemberId, usize> = BTreeMap::new();
        for actor in self.everybody() {
            let transcript = transcripts.entry(actor.name.clone()).or_default();
            let stay = stays.entry(&actor.name).and_modify(|stay| *stay = stay.saturating_add(1));
            let stay = *stay.or_default();
            actor.session.view(|session| {
                for id in session.log() {
                    let Some(message) = session.message(&id) else { continue };
                    let heard = Heard {
                        place: transcript.len(),
                        stay,
                        author: message.author.clone(),
                        text: message.text.into(),
                        members: message.members.clone(),
                        parents: message.parents.to_vec(),
                        answers: session.log_parents(&id).unwrap_or_default().into_iter().collect(),
                        acked: message.fully_acked_at.is_some(),
                    };
                    transcript.insert(id, heard);
                }
            });
        }
        transcripts
    }

    /// Number of operations that were completed.
    pub(crate) fn operations(&self) -> usize {
        self.everybody().map(|actor| actor.record().operations).sum()
    }

    /// The first thing that must not happen among honest members.
    pub(crate) fn fault(&self) -> Option<Failure> {
        self.everybody().find_map(|actor| {
            let record = actor.record();
            let fault = record.faults.first()?;
            Some(Failure::check(format!("{} {fault}", term::name(&actor.name))))
        })
    }

    async fn join(&self, actor: &Actor) -> Result<(), Failure> {
        let bound = self.stage.bounds.enter.saturating_add(self.stage.bounds.departure);
        limited(bound, &actor.name, "being included", actor.session.join()).await
    }

    async fn propose(&self, host: &MemberId, new: &MemberSet) -> Result<(), Failure> {
        let bounds = self.stage.bounds;
        let actor = self.actor(host)?;
        let what = || format!("{} to enter", term::names(new));
        let entered = |session: &mpenc::Session| {
            session.channel_members().is_some_and(|channel| new.is_subset(channel))
        };
        actor.until(bounds.enter, what, entered).await?;
        let what = format!("its inclusion of {} to succeed", term::names(new));
        limited(bounds.departure, host, &what, actor.session.include(new.clone())).await
    }

    /// Waits until everybody who is there sees these members.
    async fn settle(&self, members: &MemberSet) -> Result<(), Failure> {
        let bound = self.stage.bounds.departure;
        try_join_all(self.present.values().map(|actor| actor.until_members(bound, members)))
            .await?;
        Ok(())
    }
}

/// Whoever else is in the room of somebody who opens it, and stays there.
async fn strangers(actor: &Actor) -> MemberSet {
    let others = || {
        let room = actor.session.view(|session| session.channel_members().cloned());
        room.unwrap_or_default().without(&actor.name)
    };
    loop {
        tokio::time::sleep(FAREWELL).await;
        let before = others();
        if !before.is_empty() {
            // It may be somebody of ours who is about to go.
            tokio::time::sleep(FAREWELL).await;
            let still = others().intersection(&before);
            if !still.is_empty() {
                return still;
            }
        }
    }
}

/// A request of somebody's, which must succeed in time.
async fn limited<E: core::fmt::Display>(
    bound: core::time::Duration,
    who: &MemberId,
    what: &str,
    request: impl Future<Output = Result<(), E>>,
) -> Result<(), Failure> {
    match tokio::time::timeout(bound, request).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            Err(Failure::check(format!("{} waited for {what}: {error}", term::name(who))))
        }
        Err(_) => Err(Failure::in_vain(who, bound, what)),
    }
}

/// Time for those who have gone to be gone for the room too.
const FAREWELL: core::time::Duration = core::time::Duration::from_secs(3);
