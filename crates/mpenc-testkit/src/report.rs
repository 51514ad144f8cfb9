use core::fmt;

/// Something that a channel gives or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Guarantee {
    /// The first event is `Entered`, with the owner and exactly those inside (CHN-001, CHN-002).
    EntrySnapshot,
    /// What one sends comes back, in its place of the order (CHN-005).
    OwnEcho,
    /// Every packet reaches everybody who is in the channel (CHN-009).
    Delivery,
    /// No packet comes twice (CHN-009).
    Once,
    /// Packets arrive byte for byte as they were sent (CHN-009).
    Intact,
    /// Packets are said to come from who sent them (CHN-004).
    TrueSender,
    /// All members see packets in one order (CHN-009).
    OneOrder,
    /// Others are told who enters, once (CHN-003).
    EnterTold,
    /// Others are told who leaves, and so is who left (CHN-002, CHN-003).
    LeaveTold,
    /// Entering and leaving have the same place among the packets for everybody, and a newcomer
    /// sees exactly what comes after its entry (CHN-009).
    MembershipInOrder,
    /// Who asks for somebody's removal gets it, and all are told (CHN-006).
    Kick,
    /// What is asked for can be followed to its end: it is done, or its opposite happened first
    /// (CHN-008).
    Completion,
    /// Packets of 256 KiB pass (CHN-014).
    LargePackets,
    /// A larger one is dropped without harm to anything else (CHN-014).
    OversizeDropped,
    /// After a client is gone without a word, the others are told within the kit's patience.
    DropTold,
    /// A broken connection is restored without loss, or `Left` is reported (CHN-011).
    HonestReconnect,
    /// Who does not listen for a while misses nothing, or is told (CHN-011).
    SlowReader,
    /// Many packets at once all pass, or the sender is told.
    Flood,
}

impl Guarantee {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 18] = [
        Self::EntrySnapshot,
        Self::OwnEcho,
        Self::Delivery,
        Self::Once,
        Self::Intact,
        Self::TrueSender,
        Self::OneOrder,
        Self::EnterTold,
        Self::LeaveTold,
        Self::MembershipInOrder,
        Self::Kick,
        Self::Completion,
        Self::LargePackets,
        Self::OversizeDropped,
        Self::DropTold,
        Self::HonestReconnect,
        Self::SlowReader,
        Self::Flood,
    ];

    /// Whether a session cannot do without. Without the others it works less well: somebody who
    /// vanished has to be noticed by silence, an excluded member stays in the room.
    #[must_use]
    pub fn is_needed(self) -> bool {
        !matches!(self, Self::Kick | Self::Completion | Self::DropTold)
    }

    /// The requirements it comes from.
    #[must_use]
    pub fn requirements(self) -> &'static str {
        match self {
            Self::EntrySnapshot => "CHN-001, CHN-002",
            Self::OwnEcho => "CHN-005",
            Self::TrueSender => "CHN-004",
            Self::EnterTold => "CHN-003",
            Self::LeaveTold => "CHN-002, CHN-003",
            Self::Kick => "CHN-006",
            Self::Completion => "CHN-008",
            Self::LargePackets | Self::OversizeDropped => "CHN-014",
            Self::HonestReconnect | Self::SlowReader => "CHN-011",
            Self::Delivery
            | Self::Once
            | Self::Intact
            | Self::OneOrder
            | Self::MembershipInOrder
            | Self::DropTold
            | Self::Flood => "CHN-009",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::EntrySnapshot => "who enters is told who is there",
            Self::OwnEcho => "what one sends comes back",
            Self::Delivery => "packets reach everybody",
            Self::Once => "no packet comes twice",
            Self::Intact => "packets arrive unaltered",
            Self::TrueSender => "the sender is the true one",
            Self::OneOrder => "one order for all",
            Self::EnterTold => "others are told who enters",
            Self::LeaveTold => "others are told who leaves",
            Self::MembershipInOrder => "entering and leaving have one place in the order",
            Self::Kick => "members can be removed",
            Self::Completion => "requests can be followed to their end",
            Self::LargePackets => "packets of 256 KiB pass",
            Self::OversizeDropped => "larger ones do no harm",
            Self::DropTold => "others are told who vanished",
            Self::HonestReconnect => "a broken connection loses nothing silently",
            Self::SlowReader => "slow readers miss nothing silently",
            Self::Flood => "many packets at once pass",
        }
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// Whether a guarantee is given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Seen to be kept.
    Given,
    /// Seen to be broken; what happened.
    Lacking(String),
    /// The transport offers no way to look at it; which one it would take.
    NotOffered(String),
    /// Could not be looked at because something else went wrong, and what. Seen in one case and
    /// not in another counts as not seen.
    NotSeen(String),
}

/// A guarantee and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at.
    pub guarantee: Guarantee,
    /// What was found.
    pub verdict: Verdict,
}

/// What was found about a channel; prints as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    findings: alloc::collections::BTreeMap<Guarantee, Verdict>,
}

impl Report {
    /// All findings, in the order of [`Guarantee::ALL`].
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        Guarantee::ALL
            .into_iter()
            .map(|guarantee| Finding { guarantee, verdict: self.verdict(guarantee) })
    }

    /// What was found about one.
    #[must_use]
    pub fn verdict(&self, guarantee: Guarantee) -> Verdict {
        let not_seen = || Verdict::NotSeen("was not looked at".to_owned());
        self.findings.get(&guarantee).cloned().unwrap_or_else(not_seen)
    }

    /// Those that were seen to be broken.
    #[must_use]
    pub fn lacking(&self) -> Vec<Guarantee> {
        let lacks = |guarantee: &Guarantee| matches!(self.verdict(*guarantee), Verdict::Lacking(_));
        Guarantee::ALL.into_iter().filter(lacks).collect()
    }

    /// Those that could not be looked at because something else went wrong.
    #[must_use]
    pub fn not_seen(&self) -> Vec<Guarantee> {
        let unseen =
            |guarantee: &Guarantee| matches!(self.verdict(*guarantee), Verdict::NotSeen(_));
        Guarantee::ALL.into_iter().filter(unseen).collect()
    }

    /// Whether everything that a session needs was seen to be kept, but for what could not be
    /// looked at because the transport offers no way to
    /// ([`Client::interrupt`](crate::Client::interrupt)). What could not be looked at for another
    /// reason is not taken for kept.
    #[must_use]
    pub fn keeps_the_contract(&self) -> bool {
        let broken = |verdict| matches!(verdict, Verdict::Lacking(_) | Verdict::NotSeen(_));
        !self.findings().any(|it| it.guarantee.is_needed() && broken(it.verdict))
    }

    /// Notes a verdict; one that is worse than what was noted wins.
    pub(crate) fn note(&mut self, guarantee: Guarantee, verdict: Verdict) {
        let rank = |verdict: &Verdict| match verdict {
            Verdict::Lacking(_) => 3,
            Verdict::NotSeen(_) => 2,
            Verdict::Given => 1,
            Verdict::NotOffered(_) => 0,
        };
        match self.findings.get(&guarantee) {
            Some(old) if rank(old) >= rank(&verdict) => {}
            Some(_) | None => {
                self.findings.insert(guarantee, verdict);
            }
        }
    }

    pub(crate) fn hold(&mut self, guarantee: Guarantee, held: bool, what: impl FnOnce() -> String) {
        let verdict = if held { Verdict::Given } else { Verdict::Lacking(what()) };
        self.note(guarantee, verdict);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { guarantee, verdict } in self.findings() {
            let (word, why) = match &verdict {
                Verdict::Given => ("given", ""),
                Verdict::Lacking(why) if guarantee.is_needed() => ("LACKING", why.as_str()),
                Verdict::Lacking(why) => ("lacking", why.as_str()),
                Verdict::NotOffered(why) => ("no way", why.as_str()),
                Verdict::NotSeen(why) if guarantee.is_needed() => ("UNSEEN", why.as_str()),
                Verdict::NotSeen(why) => ("unseen", why.as_str()),
            };
            write!(f, "{word:<8} {guarantee} ({})", guarantee.requirements())?;
            if !why.is_empty() {
                write!(f, ": {why}")?;
            }
            writeln!(f)?;
        }
        let kept = if self.keeps_the_contract() { "is kept" } else { "IS BROKEN" };
        write!(f, "the contract {kept}")
    }
}
