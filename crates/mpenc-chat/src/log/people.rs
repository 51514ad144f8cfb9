//! From names to people: who is who through changes of name, and who takes part.

use alloc::collections::BTreeMap;

use mpenc::{MemberId, MemberIdError};

use super::{Log, What};

/// A conversation as people act it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// Those who take part, each under the first of its names, in order of appearance.
    pub(crate) people: Vec<MemberId>,
    /// What they do, in the order of the file.
    pub(crate) acts: Vec<Act>,
    /// Lines spoken by people who do not take part.
    pub(crate) skipped: usize,
    /// Lines of the file that say nothing we know.
    pub(crate) ignored: usize,
}

/// One thing that one person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Act {
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// Number of the run of lines with the same time stamp.
    pub(crate) stamp: usize,
    /// Index into [`Script::people`].
    pub(crate) person: usize,
    /// What they do.
    pub(crate) deed: Deed,
}

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Says something.
    Says(String),
    /// Comes into the room.
    Arrives,
    /// Leaves the room.
    Leaves,
}

/// A name in the file cannot be the name of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadName {
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) error: MemberIdError,
}

/// Finds the people behind the names, and picks those who take part.
///
/// A name belongs to whoever was last known by it; so one person stays one member through any
/// changes of name, and a name that turns up again after its bearer changed it means that
/// bearer. With more than `most` people who speak or arrive, those with the most lines take
/// part, and among equals those who appear first.
///
/// # Errors
///
/// [`BadName`] if somebody's first name cannot name a member.
pub(crate) fn cast(log: &Log, most: Option<usize>) -> Result<Script, BadName> {
    let mut bearers = Bearers::default();
    let mut acts = Vec::new();
    for event in &log.events {
        let person = bearers.of(&event.name, event.line)?;
        let deed = match &event.what {
            What::Says(text) => Deed::Says(text.clone()),
            What::Arrives => Deed::Arrives,
            What::Leaves => Deed::Leaves,
            What::Renamed(new) => {
                bearers.by_name.insert(new.clone(), person);
                continue;
            }
        };
        acts.push(Act { line: event.line, stamp: event.stamp, person, deed });
    }
    let part = pick(&acts, most.unwrap_or(usize::MAX));
    let lines = acts.iter().filter(|act| matches!(act.deed, Deed::Says(_))).count();
    acts.retain_mut(|act| match part.get(&act.person) {
        Some(index) => {
            act.person = *index;
            true
        }
        None => false,
    });
    let kept = acts.iter().filter(|act| matches!(act.deed, Deed::Says(_))).count();
    let people = bearers
        .people
        .into_iter()
        .enumerate()
        .filter(|(person, _)| part.contains_key(person))
        .map(|(_, name)| name)
        .collect();
    Ok(Script { people, acts, skipped: lines.saturating_sub(kept), ignored: log.ignored })
}

/// The people who take part, with the index they get among them.
fn pick(acts: &[Act], most: usize) -> BTreeMap<usize, usize> {
    let mut lines: BTreeMap<usize, usize> = BTreeMap::new();
    for act in acts {
        match act.deed {
            Deed::Says(_) => {
                let count = lines.entry(act.person).or_default();
                *count = count.saturating_add(1);
            }
            Deed::Arrives => {
                lines.entry(act.person).or_default();
            }
            Deed::Leaves => {}
        }
    }
    let mut ranked: Vec<(usize, usize)> = lines.into_iter().collect();
    // Stable: among equals those who appear first stay first.
    ranked.sort_by_key(|&(_, count)| core::cmp::Reverse(count));
    ranked.truncate(most);
    let mut part: Vec<usize> = ranked.into_iter().map(|(person, _)| person).collect();
    part.sort_unstable();
    part.into_iter().enumerate().map(|(index, person)| (person, index)).collect()
}

/// Who is known by which name.
#[derive(Debug, Default)]
struct Bearers {
    people: Vec<MemberId>,
    by_name: BTreeMap<String, usize>,
}

impl Bearers {
    fn of(&mut self, name: &str, line: usize) -> Result<usize, BadName> {
        if let Some(person) = self.by_name.get(name) {
            return Ok(*person);
        }
        let id = MemberId::new(name).map_err(|error| BadName { line, error })?;
        let person = self.people.len();
        self.people.push(id);
        self.by_name.insert(name.to_owned(), person);
        Ok(person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str, most: Option<usize>) -> Script {
        cast(&Log::parse(text.as_bytes(), None).unwrap(), most).unwrap()
    }

    fn names(script: &Script) -> Vec<String> {
        script.people.iter().map(ToString::to_string).collect()
    }

    fn speakers(script: &Script) -> Vec<String> {
        script.acts.iter().map(|act| script.people[act.person].to_string()).collect()
    }

    #[test]
    fn a_person_keeps_the_first_of_its_names() {
        let script = script(
            "=== ann is now known as ann_\n[10:00] <ann_> 1\n=== ann_ is now known as bea\n\
             [10:01] <bea> 2\n[10:02] <cid> 3\n",
            None,
        );
        assert_eq!(names(&script), ["ann", "cid"]);
        assert_eq!(speakers(&script), ["ann", "ann", "cid"]);
    }

    #[test]
    fn a_name_belongs_to_whoever_had_it_last() {
        // Back and forth; taken over from somebody else; turning up again.
        let back = script(
            "[10:00] <ann> 1\n=== ann is now known as away\n=== away is now known as ann\n\
             [10:01] <ann> 2\n",
            None,
        );
        assert_eq!(names(&back), ["ann"]);
        let taken = script(
            "[10:00] <ann> 1\n[10:00] <bob> 2\n=== bob is now known as ann\n[10:01] <ann> 3\n",
            None,
        );
        assert_eq!(speakers(&taken), ["ann", "bob", "bob"]);
        let again = script(
            "=== ann is now known as guest1\n[10:00] <guest1> 1\n=== ann is now known as guest2\n\
             [10:01] <guest2> 2\n",
            None,
        );
        assert_eq!(speakers(&again), ["ann", "ann"]);
    }

    #[test]
    fn people_who_only_change_their_name_or_leave_take_no_part() {
        let script = script(
            "=== ann is now known as bea\n=== cid [c@d]  has left #x []\n[10:00] <dan> hi\n\
             === eve [e@f]  has joined #x\n",
            None,
        );
        assert_eq!(names(&script), ["dan", "eve"]);
        assert_eq!(script.acts.len(), 2);
    }

    #[test]
    fn those_with_the_most_lines_take_part() {
        let text = "* Zoe enters\nAnn: 1\nBob: 2\nCid: 3\nCid: 4\nBob: 5\n* Ann leaves\nDan: 6\n";
        let two = script(text, Some(2));
        assert_eq!((names(&two), two.skipped), (vec!["Bob".to_owned(), "Cid".to_owned()], 2));
        assert_eq!(speakers(&two), ["Bob", "Cid", "Cid", "Bob"]);
        // Ann and Dan have one line each, and Ann appears first; Zoe has none.
        let three = script(text, Some(3));
        assert_eq!(
            (names(&three), three.skipped),
            (vec!["Ann".into(), "Bob".into(), "Cid".into()], 1)
        );
        let all = script(text, Some(5));
        assert_eq!((all.people.len(), all.skipped), (5, 0));
        assert_eq!(names(&all)[0], "Zoe");
    }

    #[test]
    fn names_that_cannot_be_members_are_refused() {
        let log = Log::parse("Ann: hi\nB\u{7}b: ho\n".as_bytes(), None).unwrap();
        let bad = BadName { line: 2, error: MemberIdError::ControlCharacter };
        assert_eq!(cast(&log, None), Err(bad));
    }
}
