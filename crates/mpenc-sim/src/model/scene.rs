//! Where searches begin, and what may happen in them.

/// How often what may happen. What follows by itself is not counted: deliveries, exclusions of
/// those who left, former members going, timeouts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Budget {
    /// Proposals that users ask for.
    pub proposals: u8,
    /// Members leaving the channel, on purpose or not.
    pub leaves: u8,
    /// Members entering it.
    pub enters: u8,
    /// Operations that users abort.
    pub aborts: u8,
}

/// Where a search begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scene {
    /// Everybody is in the session.
    Together,
    /// All but the last are; the last has just entered the channel.
    Newcomer,
    /// The first is alone in its session; the others wait to be included.
    Establish,
    /// As `Newcomer`, but the last one was excluded and has not left the channel since, which B
    /// does not know, as it was out meanwhile.
    Lingering,
    /// A and B are in one subsession, but their channel has told them different things before, so
    /// their chain hashes differ. Only a channel that lies leads there.
    Apart,
    /// Nobody is there yet.
    Empty,
}

impl Scene {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Together => "everybody is in the session",
            Self::Newcomer => "the last one waits to be included",
            Self::Establish => "A is alone, the others wait to be included",
            Self::Lingering => "the last one was excluded and lingers",
            Self::Apart => "A and B have one key and two histories",
            Self::Empty => "nobody is in the channel",
        }
    }
}
