//! The performance itself: one step of the plan after the other.

use alloc::collections::BTreeMap;

use futures_util::future::try_join_all;
use indicatif::{ProgressBar, ProgressStyle};
use mpenc::{MemberId, MessageId};

use crate::company::{Company, Departure};
use crate::compare::Sent;
use crate::failure::Failure;
use crate::log::Script;
use crate::plan::{Plan, Speech, Step};
use crate::term;

use super::chaos::{Chaos, Mishap};

/// A plan that is being carried out.
#[derive(Debug)]
pub(super) struct Performance<'a> {
    script: &'a Script,
    plan: &'a Plan,
    company: Company,
    sent: Vec<Line>,
    /// For everybody present, the first line that it must have accepted before it goes on. All
    /// before are from before it came, or accepted.
    heard: BTreeMap<usize, usize>,
    chaos: Option<Chaos>,
    /// Whether messages get lost: then everybody has everything before somebody comes, since a
    /// line that comes after the keys have changed is heard out of its order (FIN-008).
    lossy: bool,
    progress: ProgressBar,
}

/// A line that was said.
#[derive(Clone, Debug)]
struct Line {
    id: MessageId,
    person: usize,
    stamp: usize,
    /// Line in the file, which orders what one author says.
    line: usize,
    text: String,
}

impl<'a> Performance<'a> {
    /// Begins; the progress bar shows on a terminal only.
    pub(super) fn new(
        script: &'a Script,
        plan: &'a Plan,
        company: Company,
        chaos: Option<Chaos>,
        lossy: bool,
    ) -> Self {
        let total = plan.lines().saturating_add(plan.steps.len());
        let progress = ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {percent:>3}% {elapsed} {msg}") {
            progress.set_style(style);
        }
        let (sent, heard) = (Vec::new(), BTreeMap::new());
        Self { script, plan, company, sent, heard, chaos, lossy, progress }
    }

    /// Carries out the plan.
    pub(super) async fn act(&mut self) -> Result<(), Failure> {
        for step in &self.plan.steps {
            self.progress.set_message(self.describe(step));
            if !matches!(step, Step::Say(_)) {
                self.interrupt_somebody()?;
            }
            match step {
                Step::Arrive(people) => self.arrive(people).await?,
                Step::Say(speeches) => self.talk(speeches).await?,
                Step::Part(person) => self.depart(*person, Departure::Part).await?,
                Step::Drop(person) => self.depart(*person, Departure::Drop).await?,
            }
            self.progress.inc(1);
        }
        self.company.all_acknowledged().await?;
        if self.chaos.is_some() && !self.heard.is_empty() {
            self.company.settled().await?;
        }
        Ok(())
    }

    /// Connections that broke, if that was asked for.
    pub(super) fn disconnections(&self) -> Option<usize> {
        self.chaos.as_ref().map(|chaos| chaos.count)
    }

    /// Says lines, and lets happen what is to happen between them.
    async fn talk(&mut self, mut speeches: &[Speech]) -> Result<(), Failure> {
        while !speeches.is_empty() {
            let said = self.sent.len();
            let count = match &self.chaos {
                Some(chaos) => chaos.until_next(said, speeches.len()),
                None => speeches.len(),
            };
            let (now, later) = speeches.split_at(count.min(speeches.len()));
            self.say(now).await?;
            speeches = later;
            self.suffer().await?;
        }
        Ok(())
    }

    /// Whatever happens to somebody at this moment, with the last lines still on their way.
    async fn suffer(&mut self) -> Result<(), Failure> {
        let people: Vec<usize> = self.heard.keys().copied().collect();
        let said = self.sent.len();
        let Some(chaos) = &mut self.chaos else { return Ok(()) };
        let Some((mishap, victim)) = chaos.strikes(said, &people) else { return Ok(()) };
        chaos.count = chaos.count.saturating_add(1);
        match mishap {
            Mishap::Interruption => {
                self.company.actor(&self.name(victim)?)?.connection.interrupt();
            }
            Mishap::Loss => {
                self.depart(victim, Departure::Drop).await?;
                self.arrive(&[victim]).await?;
            }
        }
        Ok(())
    }

    /// Breaks somebody's connection just as the membership is about to change.
    fn interrupt_somebody(&mut self) -> Result<(), Failure> {
        let people: Vec<usize> = self.heard.keys().copied().collect();
        let Some(chaos) = &mut self.chaos else { return Ok(()) };
        let Some(victim) = chaos.interrupts(&people) else { return Ok(()) };
        chaos.count = chaos.count.saturating_add(1);
        self.company.actor(&self.name(victim)?)?.connection.interrupt();
        Ok(())
    }

    /// Everybody, and the lines that were said, in the order of the file.
    pub(super) fn end(mut self) -> (Company, Vec<Sent>) {
        self.progress.finish_and_clear();
        self.sent.sort_by_key(|line| line.line);
        let people = &self.script.people;
        let sent = self.sent.into_iter().filter_map(|Line { id, person, text, .. }| {
            Some(Sent { id, author: people.get(person)?.clone(), text })
        });
        (self.company, sent.collect())
    }

    async fn arrive(&mut self, people: &[usize]) -> Result<(), Failure> {
        if self.lossy && !self.heard.is_empty() {
            self.company.all_acknowledged().await?;
        }
        let mut names =
            people.iter().map(|person| self.name(*person)).collect::<Result<Vec<_>, _>>()?;
        if self.heard.is_empty() {
            let first = names.remove(0);
            self.company.open(&first).await?;
            if !names.is_empty() {
                self.company.include(&first, &names).await?;
            }
        } else {
            // Whoever appears first in the file among those present does it.
            let host = self.heard.keys().next().copied().unwrap_or_default();
            self.company.include(&self.name(host)?, &names).await?;
        }
        self.heard.extend(people.iter().map(|person| (*person, self.sent.len())));
        Ok(())
    }

    async fn depart(&mut self, person: usize, how: Departure) -> Result<(), Failure> {
        self.company.all_acknowledged().await?;
        self.heard.remove(&person);
        self.company.depart(&self.name(person)?, how).await
    }

    /// Everybody says its lines in order, all at the same time, each after having accepted what
    /// was said at earlier stamps while it was there.
    async fn say(&mut self, speeches: &[Speech]) -> Result<(), Failure> {
        let mut parts: BTreeMap<usize, Vec<&Speech>> = BTreeMap::new();
        for speech in speeches {
            parts.entry(speech.person).or_default().push(speech);
        }
        let speaking = parts.iter().map(|(person, lines)| self.speak(*person, lines));
        let spoken = try_join_all(speaking).await?;
        for (lines, heard, person) in spoken {
            self.sent.extend(lines);
            self.heard.insert(person, heard);
        }
        Ok(())
    }

    async fn speak(
        &self,
        person: usize,
        lines: &[&Speech],
    ) -> Result<(Vec<Line>, usize, usize), Failure> {
        let name = self.name(person)?;
        let actor = self.company.actor(&name)?;
        let stamp = lines.first().map_or(0, |speech| speech.stamp);
        let mut next = self.heard.get(&person).copied().unwrap_or_default();
        let awaited = |next: usize| {
            self.sent
                .get(next..)
                .unwrap_or_default()
                .iter()
                .take_while(move |line| line.stamp < stamp)
        };
        let place = core::cell::Cell::new(next);
        let what = || {
            let authors = awaited(place.get()).filter_map(|line| self.name(line.person).ok());
            let authors: mpenc::MemberSet = authors.collect();
            format!("earlier lines of {}", term::names(&authors))
        };
        actor
            .until_none(self.company.stage.bounds.message, what, |session| {
                let have = awaited(next).take_while(|line| session.message(&line.id).is_some());
                next = next.saturating_add(have.count());
                place.set(next);
                awaited(next).count()
            })
            .await?;
        let mut said = Vec::with_capacity(lines.len());
        for speech in lines {
            let id = actor.session.send(&speech.text).map_err(|error| {
                Failure::check(format!("{} cannot speak: {error}", term::name(&name)))
            })?;
            self.progress.inc(1);
            let (line, text) = (speech.line, speech.text.clone());
            said.push(Line { id, person, stamp, line, text });
            // Everybody speaks at the same time.
            tokio::task::yield_now().await;
        }
        Ok((said, place.get(), person))
    }

    fn name(&self, person: usize) -> Result<MemberId, Failure> {
        let name = self.script.people.get(person).cloned();
        name.ok_or_else(|| Failure::check("the plan names somebody who does not exist"))
    }

    fn describe(&self, step: &Step) -> String {
        let there = self.company.present().len();
        let name =
            |person: &usize| self.name(*person).map(|name| term::name(&name)).unwrap_or_default();
        match step {
            Step::Arrive(people) => match people.as_slice() {
                [one] => format!("{there} there, {} arrives", name(one)),
                more => format!("{there} there, {} arrive", more.len()),
            },
            Step::Say(_) => format!("{there} there, talking"),
            Step::Part(person) => format!("{there} there, {} parts", name(person)),
            Step::Drop(person) => format!("{there} there, {} drops out", name(person)),
        }
    }
}
