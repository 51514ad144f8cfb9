//! Where this implementation differs from the original on purpose, as data.
//!
//! Each departure is matched by a condition in the code that uses it; what does not meet the
//! condition is a failure.

use std::fmt::Write as _;

/// A deliberate difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Departure {
    /// Input that the original reads by its leniency.
    Lenient,
    /// An armoured packet of type "plain text".
    ArmouredText,
    /// Text with half of a surrogate pair.
    HalfSurrogate,
    /// A bad greeting packet that the original accepts.
    BadGreeting,
    /// The FIN that the original sends when it has left the channel.
    FinOutside,
    /// A previous subsession that the original drops at the next change.
    MorePrevious,
    /// Asking in those who are there.
    AskPresent,
    /// Operation packets that the original addresses to fewer members.
    WiderRecipients,
    /// Parting without a session.
    PartWhileWaiting,
    /// Include and exclude in one request.
    CombinedChange,
    /// A payload after the own FIN.
    AfterFin,
    /// Operations that the original ignores.
    DeafNewcomer,
    /// An exclusion that the original forgets.
    NoExclusion,
    /// A proposal that the original does not repeat.
    NoRetry,
    /// An inclusion that the original forgets.
    NoInclusion,
    /// A proposal that names somebody who is gone.
    AbsentTarget,
    /// A proposal by somebody who parts.
    ProposesWhileParting,
}

/// Every departure, in the order in which it is printed.
const ALL: [Departure; 17] = [
    Departure::Lenient,
    Departure::ArmouredText,
    Departure::HalfSurrogate,
    Departure::BadGreeting,
    Departure::FinOutside,
    Departure::MorePrevious,
    Departure::AskPresent,
    Departure::WiderRecipients,
    Departure::PartWhileWaiting,
    Departure::CombinedChange,
    Departure::AfterFin,
    Departure::DeafNewcomer,
    Departure::NoExclusion,
    Departure::NoRetry,
    Departure::NoInclusion,
    Departure::AbsentTarget,
    Departure::ProposesWhileParting,
];

impl Departure {
    /// Its name in reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.row().0
    }

    /// Whether what a session says of itself can be another from then on, while packets,
    /// memberships and the order of operations stay the same.
    pub(crate) const fn lasts(self) -> bool {
        match self {
            Self::PartWhileWaiting
            | Self::CombinedChange
            | Self::AfterFin
            | Self::DeafNewcomer
            | Self::NoExclusion
            | Self::NoRetry
            | Self::NoInclusion
            | Self::AbsentTarget
            | Self::ProposesWhileParting => true,
            Self::Lenient
            | Self::ArmouredText
            | Self::HalfSurrogate
            | Self::BadGreeting
            | Self::FinOutside
            | Self::MorePrevious
            | Self::AskPresent
            | Self::WiderRecipients => false,
        }
    }

    /// Name, what the original does, what we do and why, and the requirement or attack that
    /// demands it.
    const fn row(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Lenient => (
                "lenient-input",
                "reads truncated record headers as empty records, and base64 with white space or \
                 without padding",
                "refused: one value has one encoding; matched where the vector says `lenient`",
                "ATK-007, wire-v1.md sections 2 and 3",
            ),
            Self::ArmouredText => (
                "armoured-text",
                "takes an armoured packet of message type 0 for plain text",
                "refused: nobody sends it, and it would be a second way to send text; matched \
                 where the wire begins with `?mpENC` and the type is 0",
                "ATK-014",
            ),
            Self::HalfSurrogate => (
                "half-surrogate",
                "writes and reads text with half of a surrogate pair as `\\udxxx`",
                "refused: it is no Unicode text; matched where the recorded text has one",
                "MSG-008",
            ),
            Self::BadGreeting => (
                "bad-greeting",
                "accepts greeting packets that the protocol forbids (G1, G2, G6, G7, G8 and \
                 others)",
                "refused; matched where the vector expects `reject` and the original accepted",
                "SKE-006, SKE-014 to SKE-020, GKA-015 to GKA-018",
            ),
            Self::FinOutside => (
                "fin-outside",
                "when it leaves or is kicked, ends its subsession with a FIN into the channel it has left (B10); it never arrives",
                "all subsessions stop at once and nothing is sent. Forced: a FIN in the step of leaving the channel",
                "FIN-015",
            ),
            Self::MorePrevious => (
                "more-previous",
                "keeps one previous subsession; the next change drops it, whatever is still unacknowledged",
                "up to four are wound up properly. Dropped by force, counted where more than one was still open",
                "MOD-004, FIN-014",
            ),
            Self::AskPresent => (
                "ask-present",
                "asks the channel to let in all whom it includes, also those who are in it",
                "only those who are missing are asked in. No packet is concerned; matched member by member against the channel",
                "SES-025",
            ),
            Self::WiderRecipients => (
                "wider-recipients",
                "addresses upflow packets to the next member, and exclusions to those who stay; the channel broadcasts all the same",
                "every packet of an operation is for all whom it concerns. Matched: an operation packet whose recorded recipients are all among ours",
                "ORD-021",
            ),
            Self::PartWhileWaiting => (
                "part-while-waiting",
                "reports success for a part without a session, and does nothing (B4)",
                "the channel is left. Left out: a part outside any subsession after which nothing is sent",
                "SES-032",
            ),
            Self::CombinedChange => (
                "combined-change",
                "refuses a request to include and exclude at once",
                "both are done, one after the other. Left out: such a request after which nothing is sent",
                "SES-026",
            ),
            Self::AfterFin => (
                "after-fin",
                "sends payloads after its own FIN, and shows those of others",
                "not sent, and not shown. Forced: a payload while parting; hidden in logs",
                "FIN-003, TRN-010",
            ),
            Self::DeafNewcomer => (
                "deaf-newcomer",
                "a newcomer whose first operation was given up ignores all others until it leaves (B3)",
                "it becomes unsynced and can be invited again. Left out: greeting packets without effect, from such an end of a first operation until leaving",
                "ORD-014",
            ),
            Self::NoExclusion => (
                "no-exclusion",
                "does not exclude whoever left, or asked to, while an operation was running (B2)",
                "excluded when the operation has ended. Held back: an exclusion of such members only",
                "ORD-024, ORD-026, SES-020",
            ),
            Self::NoRetry => (
                "no-retry",
                "never repeats an exclusion of its own that lost, or that came while it was proposing something else",
                "repeated while its reason persists. Held back: an exclusion of such members only",
                "ORD-031",
            ),
            Self::NoInclusion => (
                "no-inclusion",
                "with autoIncludeExtra, never includes whoever entered while it was waiting, proposing or in an operation (B9)",
                "included as soon as possible. Held back, or forced without them: such members only",
                "SES-036",
            ),
            Self::AbsentTarget => (
                "absent-target",
                "proposes with members who have left the channel and were not excluded (B2); everybody refuses it",
                "not proposed before they are excluded. Forced: a proposal with absent members, all of whom are to be excluded",
                "ORD-020",
            ),
            Self::ProposesWhileParting => (
                "proposes-while-parting",
                "proposes to exclude others who leave while it is parting itself",
                "left to those who stay. Forced: an exclusion of leaving members while parting",
                "SES-020, FIN-016",
            ),
        }
    }
}

/// The table of departures, for people.
#[must_use]
pub fn table() -> String {
    ALL.into_iter().fold(String::new(), |mut text, departure| {
        let (id, original, ours, because) = departure.row();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{id}\n  original: {original}\n  here:     {ours}\n  because:  {because}"
        );
        text
    })
}
