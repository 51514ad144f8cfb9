//! People who lose their connection at random moments of a replay, and come back.

use alloc::collections::BTreeSet;

/// What happens to whom, and when. A seed decides, so that the same trouble can be had again.
#[derive(Debug)]
pub(super) struct Chaos {
    state: u64,
    /// After how many lines something happens.
    moments: BTreeSet<usize>,
    /// Connections that broke so far.
    pub(super) count: usize,
}

/// What happens to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mishap {
    /// The connection breaks, and the channel restores it: nothing is lost.
    Interruption,
    /// The connection is gone for longer than the server waits: the others exclude whoever it was,
    /// and include it again when it is back.
    Loss,
}

impl Chaos {
    /// The trouble that belongs to this seed, in a conversation of so many lines.
    pub(super) fn new(seed: u64, lines: usize) -> Self {
        let mut chaos = Self { state: seed, moments: BTreeSet::new(), count: 0 };
        let wanted = lines.div_ceil(LINES_PER_MISHAP).clamp(1, MAX_MISHAPS).min(lines);
        while chaos.moments.len() < wanted {
            let moment = chaos.below(lines);
            chaos.moments.insert(moment);
        }
        chaos
    }

    /// How many of the next `lines` are said before something happens, when `said` have been.
    pub(super) fn until_next(&self, said: usize, lines: usize) -> usize {
        match self.moments.range(said..).next() {
            Some(moment) => moment.saturating_sub(said).saturating_add(1).min(lines),
            None => lines,
        }
    }

    /// What happens now that `said` lines have been said, and to which of `people`.
    pub(super) fn strikes(&mut self, said: usize, people: &[usize]) -> Option<(Mishap, usize)> {
        if !said.checked_sub(1).is_some_and(|last| self.moments.remove(&last)) {
            return None;
        }
        // Whoever is alone has nobody to be missed by.
        let victim = people.get(self.below(people.len())).filter(|_| people.len() > 1)?;
        let mishap = if self.below(2) == 0 { Mishap::Interruption } else { Mishap::Loss };
        Some((mishap, *victim))
    }

    /// One of `people` whose connection breaks as they change who is there; more often than not
    /// nobody.
    pub(super) fn interrupts(&mut self, people: &[usize]) -> Option<usize> {
        let strikes = self.below(3) == 0;
        people.get(self.below(people.len())).filter(|_| strikes).copied()
    }

    /// A number below `bound`, or 0.
    fn below(&mut self, bound: usize) -> usize {
        // SplitMix64 (Steele, Lea and Flood 2014).
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(word.checked_rem(bound).unwrap_or(0)).unwrap_or(0)
    }
}

const LINES_PER_MISHAP: usize = 6;
const MAX_MISHAPS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn story(seed: u64, lines: usize) -> Vec<(usize, Mishap, usize)> {
        let mut chaos = Chaos::new(seed, lines);
        let (mut story, mut said) = (Vec::new(), 0);
        while said < lines {
            let next = chaos.until_next(said, lines - said);
            assert!(next > 0);
            said += next;
            if let Some((mishap, who)) = chaos.strikes(said, &[3, 5, 8]) {
                story.push((said, mishap, who));
            }
        }
        story
    }

    #[test]
    fn a_seed_tells_one_story_and_another_seed_another() {
        assert_eq!(story(7, 60), story(7, 60));
        assert_ne!(story(7, 60), story(8, 60));
        assert_eq!(story(7, 60).len(), 10);
        assert_eq!(story(1, 1).len(), 1);
        assert_eq!(story(1, 10_000).len(), MAX_MISHAPS);
        let kinds: BTreeSet<_> = story(7, 60).iter().map(|(_, m, _)| *m == Mishap::Loss).collect();
        assert_eq!(kinds.len(), 2, "both happen");
        assert!(story(7, 60).iter().all(|(_, _, who)| [3, 5, 8].contains(who)));
    }

    #[test]
    fn nothing_happens_to_whoever_is_alone() {
        let mut chaos = Chaos::new(1, 1);
        assert_eq!(chaos.strikes(1, &[4]), None);
        assert_eq!(chaos.interrupts(&[]), None);
    }
}
