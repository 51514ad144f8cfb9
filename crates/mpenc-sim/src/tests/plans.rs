use super::options;
use crate::dice::Dice;
use crate::options::Adversary;
use crate::plan::{Act, plan};
use crate::run::run;

#[test]
fn equal_options_give_equal_runs() {
    // ATK-203
    //= docs/spec/attacks.md#ATK-203
    //= type=test
    let mut all = std::collections::BTreeSet::new();
    for (seed, adversary) in (0..).zip(Adversary::EVERY) {
        for v2 in [false, true] {
            let options = options(seed, v2, adversary);
            let outcomes = [0, 1].map(|_| run(options, &plan(&options), false));
            assert_eq!(outcomes[0].digest, outcomes[1].digest, "{options}");
            assert_eq!(outcomes[0].figures.events, outcomes[1].figures.events, "{options}");
            assert_eq!(outcomes[0].failure, outcomes[1].failure, "{options}");
            all.insert(outcomes[0].digest);
        }
    }
    assert_eq!(all.len(), 2 * Adversary::EVERY.len(), "different options, different runs");
}

#[test]
fn any_part_of_a_plan_is_a_plan() {
    let mut dice = Dice::new(7, "parts");
    for (seed, adversary) in (100..).zip(Adversary::EVERY) {
        for v2 in [false, true] {
            let options = options(seed, v2, adversary);
            let all = plan(&options);
            for keep in [0, 100, 500] {
                let acts: Vec<Act> = all.iter().filter(|_| dice.chance(keep)).copied().collect();
                let outcome = run(options, &acts, false);
                assert_eq!(outcome.failure, None, "{options}: {} of {}", acts.len(), all.len());
            }
        }
    }
}
