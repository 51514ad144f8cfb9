//! What a replay does, step by step, so that a conversation becomes a session.

use alloc::collections::BTreeSet;

use crate::log::{Act, Deed, Script};

/// A conversation as steps that one stage manager can direct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The steps, in order.
    pub(crate) steps: Vec<Step>,
    /// Lines that nobody could have heard, since no one else was there or ever came again.
    pub(crate) unheard: usize,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// These people enter, and those who are there include them in one operation. If nobody is
    /// there, the first of them enters alone and includes the rest.
    Arrive(Vec<usize>),
    /// These lines are said, concurrently except that each author keeps its order. A line waits
    /// until its author has accepted the lines of earlier stamps.
    Say(Vec<Speech>),
    /// A person parts; the others exclude it.
    Part(usize),
    /// A person's connection drops; the others exclude it.
    Drop(usize),
}

/// One line to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Speech {
    /// Who says it, as an index into the people of the script.
    pub(crate) person: usize,
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// Number of the run of lines with the same time stamp.
    pub(crate) stamp: usize,
    /// What is said.
    pub(crate) text: String,
}

impl Plan {
    /// Plans a script.
    ///
    /// * Arrivals of one stamp, and first lines of people who are absent, are one operation, which
    ///   comes before the lines of that stamp.
    /// * An arrival of somebody who is there, or a departure of somebody who is not, changes
    ///   nothing.
    /// * Departures that change something are by turns a part and a dropped connection.
    /// * A session needs two. Before a line that only its author would hear, the person who comes
    ///   next is brought forward; if nobody comes any more, the line counts as unheard.
    pub(crate) fn new(script: &Script) -> Self {
        let mut planner =
            Planner { script, present: BTreeSet::new(), plan: Self::empty(), turns: 0 };
        let mut pending = Pending::default();
        for (index, act) in script.acts.iter().enumerate() {
            if pending.stamp != Some(act.stamp) {
                planner.flush(&mut pending, index);
                pending.stamp = Some(act.stamp);
            }
            planner.act(&mut pending, index, act);
        }
        planner.flush(&mut pending, script.acts.len());
        planner.plan
    }

    /// The people who take part, as indices into the people of the script.
    pub(crate) fn cast(&self) -> BTreeSet<usize> {
        let arrivals = |step: &Step| match step {
            Step::Arrive(people) => people.clone(),
            Step::Say(_) | Step::Part(_) | Step::Drop(_) => Vec::new(),
        };
        self.steps.iter().flat_map(arrivals).collect()
    }

    /// Number of lines that are said.
    pub(crate) fn lines(&self) -> usize {
        let lines = |step: &Step| match step {
            Step::Say(speeches) => speeches.len(),
            Step::Arrive(_) | Step::Part(_) | Step::Drop(_) => 0,
        };
        self.steps.iter().map(lines).sum()
    }

    /// Most people that are there at one time.
    pub(crate) fn largest(&self) -> usize {
        let mut present = BTreeSet::new();
        let mut largest = 0;
        for step in &self.steps {
            match step {
                Step::Arrive(people) => present.extend(people.iter().copied()),
                Step::Part(person) | Step::Drop(person) => {
                    present.remove(person);
                }
                Step::Say(_) => {}
            }
            largest = largest.max(present.len());
        }
        largest
    }

    fn empty() -> Self {
        Self { steps: Vec::new(), unheard: 0 }
    }
}

/// What has been read and not been planned yet: a stretch of one stamp without a departure.
#[derive(Debug, Default)]
struct Pending {
    stamp: Option<usize>,
    arrivals: Vec<usize>,
    speeches: Vec<Speech>,
}

struct Planner<'a> {
    script: &'a Script,
    present: BTreeSet<usize>,
    plan: Plan,
    turns: usize,
}

impl Planner<'_> {
    fn act(&mut self, pending: &mut Pending, index: usize, act: &Act) {
        let person = act.person;
        let there = self.present.contains(&person) || pending.arrivals.contains(&person);
        match &act.deed {
            Deed::Arrives if there => {}
            Deed::Arrives => pending.arrivals.push(person),
            Deed::Says(text) => {
                if !there {
                    pending.arrivals.push(person);
                }
                let text = text.clone();
                pending.speeches.push(Speech { person, line: act.line, stamp: act.stamp, text });
            }
            Deed::Leaves if there => {
                self.flush(pending, index);
                self.present.remove(&person);
                let parts = self.turns.is_multiple_of(2);
                self.turns = self.turns.saturating_add(1);
                self.plan.steps.push(if parts { Step::Part(person) } else { Step::Drop(person) });
            }
            Deed::Leaves => {}
        }
    }

    /// Plans what is pending; `next` is the index of the act that comes after it.
    fn flush(&mut self, pending: &mut Pending, next: usize) {
        let audience = self.present.len().saturating_add(pending.arrivals.len());
        if !pending.speeches.is_empty() && audience < 2 {
            match self.newcomer(pending, next) {
                Some(person) => pending.arrivals.push(person),
                None => {
                    self.plan.unheard = self.plan.unheard.saturating_add(pending.speeches.len());
                    pending.speeches.clear();
                }
            }
        }
        if !pending.arrivals.is_empty() {
            self.present.extend(pending.arrivals.iter().copied());
            self.plan.steps.push(Step::Arrive(core::mem::take(&mut pending.arrivals)));
        }
        if !pending.speeches.is_empty() {
            self.plan.steps.push(Step::Say(core::mem::take(&mut pending.speeches)));
        }
    }

    /// Who arrives or speaks next among those who are not there.
    fn newcomer(&self, pending: &Pending, next: usize) -> Option<usize> {
        let away = |act: &&Act| {
            !self.present.contains(&act.person)
                && !pending.arrivals.contains(&act.person)
                && !matches!(act.deed, Deed::Leaves)
        };
        self.script.acts.iter().skip(next).find(away).map(|act| act.person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Log, cast};

    /// One word for each step: `+a,b` arrive, `a:1 b:2` say, `-a` part, `!a` drop.
    fn plan(text: &str) -> (String, usize) {
        let script = cast(&Log::parse(text.as_bytes(), None).unwrap(), None).unwrap();
        let plan = Plan::new(&script);
        let name = |person: &usize| script.people[*person].to_string();
        let words = |step: &Step| match step {
            Step::Arrive(people) => {
                format!("+{}", people.iter().map(name).collect::<Vec<_>>().join(","))
            }
            Step::Say(lines) => lines
                .iter()
                .map(|speech| format!("{}:{}", name(&speech.person), speech.text))
                .collect::<Vec<_>>()
                .join(" "),
            Step::Part(person) => format!("-{}", name(person)),
            Step::Drop(person) => format!("!{}", name(person)),
        };
        (plan.steps.iter().map(words).collect::<Vec<_>>().join(" | "), plan.unheard)
    }

    #[track_caller]
    fn check(text: &str, steps: &str) {
        assert_eq!(plan(text), (steps.to_owned(), 0), "{text}");
    }

    #[test]
    fn a_plain_scene_goes_line_by_line() {
        check(
            "* Ann enters\n* Bob enters\nAnn: 1\nBob: 2\n* Bob leaves\n* Ann leaves\n",
            "+Ann | +Bob | Ann:1 | Bob:2 | -Bob | !Ann",
        );
    }

    #[test]
    fn lines_of_one_stamp_are_one_step() {
        check(
            "[10:00] <a> 1\n[10:00] <b> 2\n[10:00] <a> 3\n[10:01] <b> 4\n",
            "+a,b | a:1 b:2 a:3 | b:4",
        );
    }

    #[test]
    fn people_who_never_speak_arrive_too() {
        check(
            "[10:00] <a> 1\n=== c [x]  has joined #r\n[10:00] <b> 2\n=== d [y]  has joined #r\n\
             [10:01] <a> 3\n",
            "+a,c,b,d | a:1 b:2 | a:3",
        );
    }

    #[test]
    fn whoever_speaks_while_absent_arrives_with_that_line() {
        check("* a enters\n* b enters\na: 1\n* b leaves\nb: 2\n", "+a | +b | a:1 | -b | +b | b:2");
    }

    #[test]
    fn departures_are_by_turns_a_part_and_a_drop() {
        check(
            "* a enters\n* b enters\n* c enters\n* d enters\n* z leaves\n* b leaves\n* b leaves\n\
             * c leaves\n* c enters\n* c leaves\n",
            "+a | +b | +c | +d | -b | !c | +c | -c",
        );
    }

    #[test]
    fn a_departure_splits_a_stamp() {
        check(
            "[10:00] <a> 1\n[10:00] <b> 2\n=== b [x]  has left #r []\n=== b [x]  has joined #r\n\
             [10:00] <c> 3\n",
            "+a,b | a:1 b:2 | -b | +b,c | c:3",
        );
    }

    #[test]
    fn arriving_twice_changes_nothing() {
        check("* a enters\n* b enters\n* a enters\na: 1\n", "+a | +b | a:1");
    }

    #[test]
    fn nobody_talks_to_an_empty_room() {
        // The next to come is brought forward, for the first line and after all others left.
        check("a: 1\na: 2\nb: 3\n", "+a,b | a:1 | a:2 | b:3");
        check(
            "* a enters\n* b enters\na: 1\n* b leaves\na: 2\n* c enters\nc: 3\n",
            "+a | +b | a:1 | -b | +c | a:2 | c:3",
        );
        // The next to come may be the one who just left.
        check("* a enters\n* b enters\n* b leaves\na: 1\nb: 2\n", "+a | +b | -b | +b | a:1 | b:2");
        // Nobody comes any more.
        assert_eq!(
            plan("a: 1\nb: 2\n* b leaves\na: 3\na: 4\n"),
            ("+a,b | a:1 | b:2 | -b".to_owned(), 2)
        );
        assert_eq!(plan("a: 1\n"), ("+a".to_owned(), 1));
    }

    #[test]
    fn a_line_of_an_absent_person_is_not_lost_to_its_departure() {
        check("a: 1\n* a leaves\n* b enters\n", "+a,b | a:1 | -a");
    }

    #[test]
    fn the_largest_audience_counts_who_is_there() {
        let text = "* a enters\n* b enters\n* b leaves\n* c enters\n* d enters\na: 1\n";
        let script = cast(&Log::parse(text.as_bytes(), None).unwrap(), None).unwrap();
        let plan = Plan::new(&script);
        assert_eq!((plan.cast().len(), plan.largest(), plan.lines()), (4, 3, 1));
    }
}
