//! The smallest part of a plan that still fails: delta debugging.

use crate::options::Options;
use crate::plan::Act;
use crate::run::run;

/// Runs that shrinking may take.
const RUNS: usize = 600;

/// Places of a smallest part of the plan that fails, in any way.
pub(crate) fn shrink(options: Options, plan: &[Act]) -> Vec<usize> {
    smallest(plan.len(), RUNS, |kept| {
        let acts: Vec<Act> = kept.iter().filter_map(|at| plan.get(*at)).copied().collect();
        run(options, &acts, false).failure.is_some()
    })
}

/// Of so many places, some that `fails` says fail, so that none can be left out alone; found by
/// asking at most so many times.
fn smallest(len: usize, most: usize, mut fails: impl FnMut(&[usize]) -> bool) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..len).collect();
    let mut runs = 0;
    let mut pieces = 2;
    while !kept.is_empty() && runs < most {
        let size = kept.len().div_ceil(pieces).max(1);
        let mut smaller = None;
        for start in (0..kept.len()).step_by(size) {
            let without: Vec<usize> = kept
                .iter()
                .enumerate()
                .filter(|(i, _)| *i < start || *i >= start + size)
                .map(|(_, at)| *at)
                .collect();
            runs += 1;
            if fails(&without) {
                smaller = Some(without);
                break;
            }
            if runs >= most {
                break;
            }
        }
        match smaller {
            Some(without) => {
                kept = without;
                pieces = pieces.saturating_sub(1).max(2);
            }
            None if size == 1 => break,
            None => pieces = (pieces * 2).min(kept.len()),
        }
    }
    kept
}

/// `0-3,7` for places.
pub(crate) fn ranges(places: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for at in places {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *at => *last = *at,
            _ => parts.push((*at, *at)),
        }
    }
    let parts: Vec<String> = parts
        .iter()
        .map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") })
        .collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(",") }
}

/// Places for `0-3,7`.
pub(crate) fn parse_ranges(text: &str) -> Option<Vec<usize>> {
    if text == "none" {
        return Some(Vec::new());
    }
    let mut places = Vec::new();
    for part in text.split(',') {
        let (a, b) = part.split_once('-').unwrap_or((part, part));
        places.extend(a.parse::<usize>().ok()?..=b.parse().ok()?);
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_needed() {
        for needed in [vec![], vec![0], vec![3, 17, 40], vec![98, 99], (0..7).collect()] {
            let fails = |kept: &[usize]| needed.iter().all(|at| kept.contains(at));
            assert_eq!(smallest(100, 10_000, fails), needed);
        }
        // Of several causes one is left, whichever.
        let either = |kept: &[usize]| kept.contains(&5) || (kept.contains(&6) && kept.len() > 1);
        assert_eq!(smallest(100, 10_000, either).len(), 1);
        // Out of patience, but what is left still fails.
        let fails = |kept: &[usize]| kept.contains(&70);
        assert!(smallest(100, 3, fails).contains(&70));
    }

    #[test]
    fn ranges_are_read_as_they_are_written() {
        for places in [vec![], vec![3], vec![0, 1, 2, 7, 9, 10]] {
            assert_eq!(parse_ranges(&ranges(&places)), Some(places));
        }
        assert_eq!(ranges(&[0, 1, 2, 7]), "0-2,7");
        assert_eq!(parse_ranges("x"), None);
    }
}
