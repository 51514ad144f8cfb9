/// What a message is for, without its content.
///
/// Kinds called *gated* are never sent in a v1 session.
///
/// Source: MOD-009, MOD-010; wire-v2.md section 5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BodyKind {
    /// Human content; the only kind that appears in the message log.
    Payload,
    /// A message whose only purpose is to acknowledge its ancestors. Never monitored (LIV-004).
    ExplicitAck {
        /// True if the user asked for it, false for an automatic one.
        manual: bool,
    },
    /// Proof of activity. Gated.
    Heartbeat,
    /// A request for prompt acknowledgement.
    Consistency {
        /// True for a FIN: the author promises to write no more payloads in this subsession.
        close: bool,
    },
    /// Confirms the last final packet that its author accepted (ORD-035). Gated.
    OrderConfirmation,
    /// Says that the author goes away on purpose, or is back (LIV-031). Gated.
    Absence {
        /// True if it goes away.
        away: bool,
    },
    /// Says that the author found something wrong (ORD-046). Gated.
    Error,
    /// A piece of a long text, but not the last one, which counts as the payload (MSG-017). Gated.
    Part,
    /// The author writes nothing more in this subsession, acknowledgements included (FIN-021).
    /// Gated.
    Close,
    /// A kind that this version does not know: part of the graph, never shown (MOD-010).
    Opaque(u8),
}

impl BodyKind {
    /// Whether the message has content for people.
    #[must_use]
    pub fn is_payload(self) -> bool {
        matches!(self, Self::Payload)
    }

    /// Whether the message is a FIN (FIN-002).
    #[must_use]
    pub fn is_fin(self) -> bool {
        matches!(self, Self::Consistency { close: true })
    }

    /// Whether everybody waits for the answer, so that it is acknowledged sooner than by the
    /// ordinary delay (LIV-010).
    #[must_use]
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Consistency { .. } | Self::OrderConfirmation | Self::Close)
    }

    /// Whether the message only acknowledges.
    #[must_use]
    pub fn is_explicit_ack(self) -> bool {
        matches!(self, Self::ExplicitAck { .. })
    }

    /// Whether the message is watched until every reader acknowledged it (LIV-003, LIV-004).
    #[must_use]
    pub fn is_monitored(self) -> bool {
        !self.is_explicit_ack()
    }
}
