//! The smallest part of a plan that still fails: delta debugging.

use crate::options::Options;
use crate::plan::Act;
use crate::run::run;

/// Runs that shrinking may take.
const RUNS: usize = 600;

/// Places of a smallest part of the plan that fails, in any way.
pub(crate) fn shrink(options: Options, plan: &[Act]) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..plan.len()).collect();
    let mut runs = 0;
    let mut pieces = 2;
    while !kept.is_empty() && runs < RUNS {
        let size = kept.len().div_ceil(pieces).max(1);
        let mut smaller = None;
        for start in (0..kept.len()).step_by(size) {
            let without: Vec<usize> = kept
                .iter()
                .enumerate()
                .filter(|(i, _)| *i < start || *i >= start + size)
                .map(|(_, at)| *at)
                .collect();
            let acts: Vec<Act> = without.iter().filter_map(|at| plan.get(*at)).copied().collect();
            runs += 1;
            if run(options, &acts, false).failure.is_some() {
                smaller = Some(without);
                break;
            }
            if runs >= RUNS {
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
    fn ranges_are_read_as_they_are_written() {
        for places in [vec![], vec![3], vec![0, 1, 2, 7, 9, 10]] {
            assert_eq!(parse_ranges(&ranges(&places)), Some(places));
        }
        assert_eq!(ranges(&[0, 1, 2, 7]), "0-2,7");
        assert_eq!(parse_ranges("x"), None);
    }
}
