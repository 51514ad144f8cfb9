//! The searches that are done: small ones by the tests, all of them by the program.

use super::divided::{Divided, Lies};
use super::honest::Honest;
use super::scene::{Budget, Scene};
use super::search::{Ask, Found, Progress, search};
use super::turn::{PassedOver, Rules};

/// One search.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// What it is called.
    pub name: &'static str,
    /// Where it begins.
    pub scene: Scene,
    /// What may happen.
    pub channel: Channel,
    /// Members.
    pub members: u8,
    /// Rounds of an operation in which everybody sends a packet.
    pub rounds: u8,
    /// See there.
    pub passed_over: PassedOver,
}

/// What the channel is like, and how often what may happen.
#[derive(Clone, Copy, Debug)]
pub enum Channel {
    /// It shows everybody the same.
    Honest(Budget),
    /// It lies.
    Divided(Lies),
}

impl Run {
    const fn honest(name: &'static str, scene: Scene, budget: [u8; 4]) -> Self {
        let [proposals, leaves, enters, aborts] = budget;
        let channel = Channel::Honest(Budget { proposals, leaves, enters, aborts });
        Self { name, scene, channel, members: 3, rounds: 1, passed_over: PassedOver::Unexamined }
    }

    const fn divided(name: &'static str, scene: Scene, lies: [u8; 3]) -> Self {
        let [proposals, aborts, changes] = lies;
        let channel = Channel::Divided(Lies { proposals, aborts, changes });
        Self { name, scene, channel, members: 3, rounds: 1, passed_over: PassedOver::Begins }
    }

    const fn passed_over(self, passed_over: PassedOver) -> Self {
        Self { passed_over, ..self }
    }

    const fn rounds(self, rounds: u8) -> Self {
        Self { rounds, ..self }
    }

    /// Does it, looking at no more than `limit` states.
    pub fn search(&self, limit: usize, report: &mut dyn FnMut(Progress)) -> Found {
        let rules = |trails| Rules::new(self.rounds, trails, self.passed_over);
        let scenes = [self.scene];
        match self.channel {
            Channel::Honest(budget) => {
                let model = Honest::new(rules(false), self.members, budget, &scenes);
                search(&model, Ask { limit, settles: true }, report)
            }
            Channel::Divided(lies) => {
                let model = Divided::new(rules(true), self.members, lies, &scenes);
                search(&model, Ask { limit, settles: false }, report)
            }
        }
    }
}

/// The searches of the tests: each takes a second or two.
pub const SMALL: [Run; 11] = [
    Run::honest("race", Scene::Newcomer, [2, 0, 0, 0]),
    Run::honest("race-together", Scene::Together, [2, 0, 0, 0]),
    Run::honest("race-establish", Scene::Establish, [2, 0, 0, 0]),
    Run::honest("abort", Scene::Establish, [2, 0, 0, 1]),
    Run::honest("leave", Scene::Newcomer, [1, 1, 0, 0]),
    Run::honest("return", Scene::Newcomer, [1, 1, 1, 0]),
    Run::honest("linger", Scene::Lingering, [1, 0, 1, 0]),
    Run::divided("lies", Scene::Together, [1, 0, 0]),
    Run::divided("lies-newcomer", Scene::Newcomer, [1, 0, 1]),
    Run::divided("lies-apart", Scene::Apart, [2, 0, 0]),
    Run::honest("passed-over", Scene::Establish, [1, 1, 0, 0]).passed_over(PassedOver::Returns),
];

/// Larger ones, of minutes and up to gigabytes.
pub const LARGE: [Run; 12] = [
    Run::honest("race-and-leave", Scene::Newcomer, [2, 1, 0, 0]),
    Run::honest("race-and-abort", Scene::Newcomer, [2, 0, 0, 1]),
    Run::honest("race-and-abort-together", Scene::Together, [2, 0, 0, 1]),
    Run::honest("three-proposals", Scene::Establish, [3, 0, 0, 0]),
    Run::honest("return-together", Scene::Together, [1, 1, 1, 0]),
    Run::honest("return-and-abort", Scene::Establish, [1, 1, 1, 1]),
    Run::honest("from-nothing", Scene::Empty, [1, 1, 3, 0]),
    Run::honest("linger-two", Scene::Lingering, [2, 0, 1, 0]),
    Run::honest("two-rounds", Scene::Newcomer, [1, 1, 0, 0]).rounds(2),
    Run::honest("all-return", Scene::Establish, [2, 1, 1, 0]).passed_over(PassedOver::Returns),
    Run::divided("lies-two", Scene::Together, [2, 0, 0]),
    Run::divided("lies-and-abort", Scene::Newcomer, [1, 1, 1]),
];

/// What ORD-007 leads to where a member is passed over, without ORD-047; see
/// `docs/model-check.md`.
pub const KNOWN: Run =
    Run::honest("two-sessions", Scene::Establish, [1, 1, 0, 0]).passed_over(PassedOver::Begins);
