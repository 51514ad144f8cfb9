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
}

/// Every departure, in the order in which it is printed.
const ALL: [Departure; 4] =
    [Departure::Lenient, Departure::ArmouredText, Departure::HalfSurrogate, Departure::BadGreeting];

impl Departure {
    /// Its name in reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.row().0
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
