//! `mpenc demo`: five members and everything that can happen to them.

mod scene;

use mpenc::{MemberId, MessageId, Profile};
use tokio::time::Instant;

use crate::cli::DemoArgs;
use crate::company::Company;
use crate::compare::Sent;
use crate::failure::Failure;
use crate::hall::Hall;
use crate::report::{DEMO, Report};
use crate::stage::{SHORT_GRACE, Stage};
use crate::term::{self, Paint, Style, say};
use crate::verdict;

/// Runs the command.
pub(crate) async fn run(args: &DemoArgs) -> Result<(), Failure> {
    let started = Instant::now();
    let mut report = Report::default();
    let result = demo(args, &mut report).await;
    report.wall_seconds = started.elapsed().as_secs_f64();
    report.conclude(DEMO, args.json, result)
}

async fn demo(args: &DemoArgs, report: &mut Report) -> Result<(), Failure> {
    let people = scene::PEOPLE
        .iter()
        .map(MemberId::new)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Failure::check(error.to_string()))?;
    let timing = args.timing.timing(people.len());
    let stage = Stage::set(hall(args).await?, &people, args.profile, timing, people.len())?;
    let mut director =
        Director { company: Company::new(stage), people, sent: Vec::new(), paint: Paint::stdout() };
    let played = director.play().await;

    let Director { company, sent, .. } = director;
    verdict::reach(report, &company, &sent, sent.len(), played)
}

#[cfg(feature = "xmpp")]
async fn hall(args: &DemoArgs) -> Result<Hall, Failure> {
    if args.xmpp {
        return Ok(Hall::Xmpp(crate::xmpp::Xmpp::own(None).await?));
    }
    Hall::relay(None, SHORT_GRACE, None).await
}

#[cfg(not(feature = "xmpp"))]
async fn hall(_: &DemoArgs) -> Result<Hall, Failure> {
    Hall::relay(None, SHORT_GRACE, None).await
}

/// Directs the scene, and tells people what they see.
struct Director {
    company: Company,
    people: Vec<MemberId>,
    sent: Vec<Sent>,
    paint: Paint,
}

impl Director {
    /// The title of an act.
    fn title(&self, text: &str) {
        say("");
        say(&self.paint.paint(Style::Name, text));
    }

    /// What happens.
    fn tell(&self, text: &str) {
        say(&format!("  {text}"));
    }

    /// A check that everybody can follow.
    fn check(&self, holds: bool, text: &str) -> Result<(), Failure> {
        if holds {
            say(&format!("  {} {text}", self.paint.paint(Style::Good, "✓")));
            Ok(())
        } else {
            Err(Failure::check(format!("this does not hold: {text}")))
        }
    }

    /// Some of the cast, by the first letters of their names.
    fn who(&self, index: usize) -> Result<MemberId, Failure> {
        let found = self.people.get(index).cloned();
        found.ok_or_else(|| Failure::check("the scene names somebody who does not exist"))
    }

    /// Somebody says something, and everybody there hears it.
    async fn speaks(&mut self, who: usize, text: &str) -> Result<MessageId, Failure> {
        let said = self.speak(&[(who, text)]).await?;
        said.first().copied().ok_or_else(|| Failure::check("nothing was said"))
    }

    /// Several say something before any of them hears the others.
    async fn speak_at_once(&mut self, lines: &[(usize, &str)]) -> Result<Vec<MessageId>, Failure> {
        for (who, _) in lines {
            self.company.actor(&self.who(*who)?)?.tap.hold(true);
        }
        let said = self.speak(lines).await;
        for actor in self.company.everybody() {
            actor.tap.hold(false);
        }
        said
    }

    async fn speak(&mut self, lines: &[(usize, &str)]) -> Result<Vec<MessageId>, Failure> {
        let mut ids = Vec::new();
        for (who, text) in lines {
            let author = self.who(*who)?;
            let actor = self.company.actor(&author)?;
            let id = actor.session.send(text).map_err(|error| {
                Failure::check(format!("{} cannot speak: {error}", term::name(&author)))
            })?;
            self.sent.push(Sent { id, author, text: (*text).to_owned() });
            ids.push(id);
        }
        for (who, _) in lines {
            self.company.actor(&self.who(*who)?)?.tap.hold(false);
        }
        let bound = self.company.stage.bounds.message;
        for name in &self.company.present() {
            let actor = self.company.actor(name)?;
            let what = || "what was just said".to_owned();
            let have =
                |session: &mpenc::Session| ids.iter().all(|id| session.message(id).is_some());
            actor.until(bound, what, have).await?;
        }
        for (id, (who, text)) in ids.iter().zip(lines) {
            self.show(*who, id, text)?;
        }
        Ok(ids)
    }

    /// A message, who can read it, and what it answers.
    fn show(&self, who: usize, id: &MessageId, text: &str) -> Result<(), Failure> {
        let author = self.who(who)?;
        let name = term::name(&author);
        let session = &self.company.actor(&author)?.session;
        let message = session.view(|session| session.message(id).map(|message| message.readers()));
        let readers = term::names(&message.unwrap_or_default());
        let own = self.answers(who, id)?;
        // Somebody who has just come cannot name what was said before.
        let others = self
            .company
            .everybody()
            .map(|actor| actor.session.view(|session| session.log_parents(id)).unwrap_or_default());
        let earlier = others.max_by_key(Vec::len).unwrap_or_default();
        let answers = match (own.is_empty(), earlier.is_empty()) {
            (false, _) => format!("answers {}", self.numbers(&own)),
            (true, false) => {
                format!(
                    "for the others it follows {}, which {name} cannot read",
                    self.numbers(&earlier)
                )
            }
            (true, true) => "answers nothing".to_owned(),
        };
        say(&format!("  {} {}: {text}", self.number(id), self.paint.paint(Style::Name, &name)));
        say(&self.paint.paint(Style::Faint, &format!("      to {readers}; {answers}")));
        Ok(())
    }

    fn numbers(&self, ids: &[MessageId]) -> String {
        let mut numbers: Vec<String> = ids.iter().map(|id| self.number(id)).collect();
        numbers.sort();
        numbers.join(" and ")
    }

    /// Waits until everybody is known to have everything, and says since which message.
    async fn acknowledged(&self, since: usize) -> Result<(), Failure> {
        self.company.all_acknowledged().await?;
        let text = if since.saturating_add(1) >= self.sent.len() {
            format!("[{}] is acknowledged by everybody it was written for", self.sent.len())
        } else {
            let first = since.saturating_add(1);
            let last = self.sent.len();
            let range = if first.saturating_add(1) == last { "and" } else { "to" };
            format!(
                "[{first}] {range} [{last}] are acknowledged by everybody they were written for"
            )
        };
        self.check(true, &text)
    }

    /// Everybody there knows that all is well, from what members have signed (UIX-009).
    async fn all_is_well(&self) -> Result<(), Failure> {
        let verifies = self.company.stage.profile() != Profile::V1;
        for name in &self.company.present() {
            let well = |session: &mpenc::Session| {
                let health = session.health();
                health.nothing_missing_before
                    && health.nothing_missing_after
                    && health.everybody_has_all
                    && (health.order_verified || !verifies)
            };
            let what = || "a sign from everybody that all is well".to_owned();
            self.company.actor(name)?.until(self.company.stage.bounds.message, what, well).await?;
        }
        let order = if verifies { " and has accepted the same changes" } else { "" };
        self.check(
            true,
            &format!("Each of them knows: nothing is missing, everybody has it all{order}"),
        )
    }

    /// What somebody's latest stay has of a message.
    fn has(&self, who: usize, id: &MessageId) -> Result<bool, Failure> {
        let name = self.who(who)?;
        Ok(self
            .company
            .everybody()
            .filter(|actor| actor.name == name)
            .any(|actor| actor.session.view(|session| session.message(id).is_some())))
    }

    /// The messages that a message answers, as its author says.
    fn answers(&self, who: usize, id: &MessageId) -> Result<Vec<MessageId>, Failure> {
        let actor = self.company.actor(&self.who(who)?)?;
        Ok(actor.session.view(|session| session.log_parents(id)).unwrap_or_default())
    }

    fn number(&self, id: &MessageId) -> String {
        match self.sent.iter().position(|sent| sent.id == *id) {
            Some(index) => format!("[{}]", index.saturating_add(1)),
            None => "[?]".to_owned(),
        }
    }
}
