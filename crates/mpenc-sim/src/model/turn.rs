//! What is fixed while a model is searched, and what one member does at a time.

use super::group::Sets;
use super::ids::Chains;
use super::packet::Request;

/// What is fixed while a model is searched.
#[derive(Debug)]
pub struct Rules {
    /// Rounds of an operation in which each of `M` sends one packet.
    pub rounds: u8,
    /// Whether members remember their chain hashes since the last change of keys.
    pub trails: bool,
    /// What a member does whose seniors have left, although it has seen others being included.
    pub passed_over: PassedOver,
    pub(super) chains: Chains,
    pub(super) sets: Sets,
}

impl Rules {
    /// See the fields.
    #[must_use]
    pub fn new(rounds: u8, trails: bool, passed_over: PassedOver) -> Self {
        let (chains, sets) = (Chains::default(), Sets::new());
        Self { rounds, trails, passed_over, chains, sets }
    }
}

/// What a member does that waits to be included, has seen others that entered after it being
/// included, and whose seniors have left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PassedOver {
    /// It begins a session of its own, beside the one that it has seen, as before ORD-047.
    Begins,
    /// The same, and the search goes no further there.
    Unexamined,
    /// It leaves the channel and enters it again, so that those others are its seniors (ORD-047).
    Returns,
}

/// What a member does while it handles something.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) rules: &'a Rules,
    /// A number that no operation has yet.
    pub(super) fresh: u16,
    pub(super) used_fresh: bool,
    pub(super) requests: Vec<Request>,
    /// What must never happen, if it just has.
    pub(super) wrong: Option<&'static str>,
    /// It was said that accounts of the order differ (`OrderInconsistent`).
    pub(super) warned: bool,
    /// Nobody senior is left, and others were included in front of it.
    pub(super) passed_over: bool,
}

impl<'a> Turn<'a> {
    pub(super) const fn new(rules: &'a Rules, fresh: u16) -> Self {
        let (used_fresh, wrong, warned, passed_over) = (false, None, false, false);
        Self { rules, fresh, used_fresh, requests: Vec::new(), wrong, warned, passed_over }
    }

    pub(super) fn must(&mut self, holds: bool, what: &'static str) {
        if !holds {
            self.wrong.get_or_insert(what);
        }
    }

    pub(super) fn fresh(&mut self) -> u16 {
        self.used_fresh = true;
        self.fresh
    }
}
