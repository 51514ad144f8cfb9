//! Breadth-first search through all states of a model.
//!
//! States are recognised by a 128-bit fingerprint and dropped once their successors are known, so
//! that only the newest are in memory in full. The shortest way to whatever is wrong is found by
//! going it again.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Something with finitely many states.
pub trait Model {
    /// A state.
    type State: Clone + Hash;
    /// A step out of a state.
    type Action: Copy;

    /// Where it begins, each beginning with a name.
    fn beginnings(&self) -> Vec<(&'static str, Self::State)>;

    /// All steps that are possible.
    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>);

    /// The state after a step.
    ///
    /// # Errors
    ///
    /// What must never happen and has happened in this step.
    fn step(&self, state: &Self::State, action: Self::Action) -> Result<Self::State, String>;

    /// Whether everything has come to a good end here for the time being.
    fn is_settled(&self, state: &Self::State) -> bool;

    /// The step in words.
    fn describe(&self, state: &Self::State, action: Self::Action) -> String;

    /// The state in words.
    fn show(&self, state: &Self::State) -> String;
}

/// What a search is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// States after which it stops.
    pub limit: usize,
    /// Whether a settled state must be within reach of every state.
    pub settles: bool,
}

/// What a search has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// The longest shortest way to a state, in steps.
    pub depth: u32,
    /// How many states are settled.
    pub settled: usize,
    /// Whether all states were looked at.
    pub complete: bool,
    /// The first thing wrong.
    pub wrong: Option<Way>,
}

/// A shortest way to something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// What is wrong.
    pub what: String,
    /// The beginning and the steps, in words.
    pub steps: Vec<String>,
}

/// How far a search has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Different states so far.
    pub states: usize,
    /// Of these, how many still wait.
    pub waiting: usize,
    /// Steps from a beginning.
    pub depth: u32,
}

/// States between two reports of progress.
const REPORT: usize = 1 << 16;

struct Seen<A> {
    numbers: BTreeMap<u128, u32>,
    /// The state before and the step, except for beginnings.
    from: Vec<Option<(u32, A)>>,
}

/// Looks at all states, or at the first `limit` ones.
pub fn search<M: Model>(model: &M, ask: Ask, report: &mut dyn FnMut(Progress)) -> Found {
    let mut seen = Seen { numbers: BTreeMap::new(), from: Vec::new() };
    let mut waiting = VecDeque::new();
    for (_, state) in model.beginnings() {
        if let Some(number) = seen.add(&state, None) {
            waiting.push_back((number, 0, state));
        }
    }
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut settled = Vec::new();
    let mut found =
        Found { states: 0, steps: 0, depth: 0, settled: 0, complete: true, wrong: None };
    let mut actions = Vec::new();
    while let Some((number, depth, state)) = waiting.pop_front() {
        found.depth = depth;
        if model.is_settled(&state) {
            settled.push(number);
        }
        actions.clear();
        model.actions(&state, &mut actions);
        for action in &actions {
            found.steps += 1;
            let next = match model.step(&state, *action) {
                Ok(next) => next,
                Err(what) => {
                    let mut steps = seen.way(model, number);
                    steps.push(format!("and then {}", model.describe(&state, *action)));
                    found.wrong = Some(Way { what, steps });
                    found.states = seen.from.len();
                    return found;
                }
            };
            let known = seen.numbers.get(&fingerprint(&next)).copied();
            let to = known.or_else(|| seen.add(&next, Some((number, *action)))).unwrap_or(number);
            if ask.settles && to != number {
                edges.push((to, number));
            }
            if known.is_none() {
                waiting.push_back((to, depth + 1, next));
                if seen.from.len().is_multiple_of(REPORT) {
                    let (states, waiting) = (seen.from.len(), waiting.len());
                    report(Progress { states, waiting, depth });
                }
            }
        }
        if seen.from.len() >= ask.limit && !waiting.is_empty() {
            found.complete = false;
            // Where we have not been, everything may still turn out well.
            settled.extend(waiting.iter().map(|(number, ..)| *number));
            break;
        }
    }
    found.states = seen.from.len();
    found.settled = settled.len();
    if ask.settles
        && let Some(stuck) = first_beyond_reach(seen.from.len(), edges, settled)
    {
        let what = "from here no settled state can be reached".to_owned();
        found.wrong = Some(Way { what, steps: seen.way(model, stuck) });
    }
    found
}

impl<A: Copy> Seen<A> {
    /// The number of a state that is new.
    fn add<S: Hash>(&mut self, state: &S, from: Option<(u32, A)>) -> Option<u32> {
        let number = u32::try_from(self.from.len()).ok()?;
        if self.numbers.contains_key(&fingerprint(state)) {
            return None;
        }
        self.numbers.insert(fingerprint(state), number);
        self.from.push(from);
        Some(number)
    }

    /// The steps from a beginning to this state, and the state, in words.
    fn way<M: Model<Action = A>>(&self, model: &M, to: u32) -> Vec<String> {
        let at = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let mut actions = Vec::new();
        let mut number = to;
        while let Some(Some((before, action))) = self.from.get(at(number)) {
            actions.push(*action);
            number = *before;
        }
        let mut words = Vec::new();
        let Some((name, mut state)) = model.beginnings().into_iter().nth(at(number)) else {
            return words;
        };
        words.push(format!("begin: {name}"));
        for action in actions.into_iter().rev() {
            words.push(model.describe(&state, action));
            match model.step(&state, action) {
                Ok(next) => state = next,
                Err(what) => words.push(what),
            }
        }
        words.push(model.show(&state));
        words
    }
}

/// The first state from which no settled one can be reached; `edges` lead backwards.
fn first_beyond_reach(states: usize, mut edges: Vec<(u32, u32)>, settled: Vec<u32>) -> Option<u32> {
    edges.sort_unstable();
    edges.dedup();
    let mut reaches = vec![false; states];
    let mut next = settled;
    while let Some(number) = next.pop() {
        let place = usize::try_from(number).ok().and_then(|place| reaches.get_mut(place));
        let Some(reached @ false) = place else { continue };
        *reached = true;
        let from = edges.partition_point(|(to, _)| *to < number);
        let back = edges.get(from..).unwrap_or_default();
        next.extend(back.iter().take_while(|(to, _)| *to == number).map(|(_, before)| *before));
    }
    reaches.iter().position(|reached| !reached).and_then(|place| u32::try_from(place).ok())
}

fn fingerprint(state: &impl Hash) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        state.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
