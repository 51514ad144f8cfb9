//! What determines a run: nothing else does.

use std::fmt;

use mpenc::Profile;

use crate::dice::Dice;

/// Names of members, in their order.
pub(crate) const NAMES: [&str; 8] =
    ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

/// Events planned for a run, unless told otherwise.
pub(crate) const ACTS: usize = 150;

/// Who works against the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Adversary {
    Honest,
    Faulty,
    Delaying,
    Dropping,
    Duplicating,
    Reordering,
    Mutating,
    Equivocating,
    Spoofing,
    Lying,
    Replaying,
    Insider,
    All,
}

impl Adversary {
    pub(crate) const EVERY: [Self; 13] = [
        Self::Honest,
        Self::Faulty,
        Self::Delaying,
        Self::Dropping,
        Self::Duplicating,
        Self::Reordering,
        Self::Mutating,
        Self::Equivocating,
        Self::Spoofing,
        Self::Lying,
        Self::Replaying,
        Self::Insider,
        Self::All,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Faulty => "faulty",
            Self::Delaying => "delaying",
            Self::Dropping => "dropping",
            Self::Duplicating => "duplicating",
            Self::Reordering => "reordering",
            Self::Mutating => "mutating",
            Self::Equivocating => "equivocating",
            Self::Spoofing => "spoofing",
            Self::Lying => "lying",
            Self::Replaying => "replaying",
            Self::Insider => "insider",
            Self::All => "mixed",
        }
    }

    /// One sentence for `--list`.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Honest => "nobody: one order, every event delivered within BC_LAT",
            Self::Faulty => {
                "an honest server; members crash, lose the connection, are slow, and their clocks differ"
            }
            Self::Delaying => "the server holds back what it should deliver, in order",
            Self::Dropping => {
                "the server drops packets and channel events on their way to one member"
            }
            Self::Duplicating => "the server delivers packets and channel events twice",
            Self::Reordering => {
                "the server lets later events overtake earlier ones, for one member"
            }
            Self::Mutating => {
                "the server alters bytes and records of packets on their way to one member"
            }
            Self::Equivocating => {
                "the server shows parts of the members different channels, split and merged at will"
            }
            Self::Spoofing => "the server says that another member sent a packet",
            Self::Lying => "the server tells some of people who enter and leave, and do not",
            Self::Replaying => "the server delivers packets again, of this and of earlier sessions",
            Self::Insider => {
                "one or two members alter what they send and sign it correctly, withhold it, or say different things to different people; the server helps them"
            }
            Self::All => "all of these at once",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|adversary| adversary.name() == name)
    }

    /// Whether the server does what it should and nobody is dishonest.
    pub(crate) const fn is_harmless(self) -> bool {
        matches!(self, Self::Honest)
    }
}

/// Everything that a run depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) v2: bool,
    pub(crate) mock: bool,
    pub(crate) adversary: Adversary,
    pub(crate) members: usize,
    pub(crate) acts: usize,
}

impl Options {
    /// How many members a seed has, if it is not told.
    pub(crate) fn members_of(seed: u64) -> usize {
        let mut dice = Dice::new(seed, "members");
        match dice.below(10) {
            0 => 2,
            1..=3 => 3,
            4..=6 => 4,
            7 | 8 => 5,
            _ => usize::try_from(6 + dice.below(3)).unwrap_or(6),
        }
    }

    pub(crate) const fn profile(&self) -> Profile {
        match (self.v2, self.mock) {
            (true, true) => Profile::TransparentV2,
            (true, false) => Profile::V2,
            (false, true) => Profile::Transparent,
            (false, false) => Profile::V1,
        }
    }
}

/// As arguments of the program.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = if self.v2 { "v2" } else { "v1" };
        write!(f, "--start {} --seeds 1 --profile {profile}", self.seed)?;
        write!(f, " --adversary {} --members {}", self.adversary.name(), self.members)?;
        write!(f, " --acts {}", self.acts)?;
        if self.mock { f.write_str(" --mock-crypto") } else { Ok(()) }
    }
}
