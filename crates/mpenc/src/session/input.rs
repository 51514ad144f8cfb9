//! What comes from the channel: events to the integration rules, packets to the greeter or to a
//! subsession (section 11.2).

use core::fmt;

use mpenc_greeting::{GreetingReject, Inspection};
use mpenc_transcript::order::OrderReject;
use mpenc_types::MemberId;
use mpenc_types::limits::{MAX_CHANNEL_MEMBERS, MAX_PACKET_LEN};

use super::{BadMessage, Notice, Session};
use super::{Env, MAX_QUEUED_NOTICES, MAX_QUEUED_TRANSMITS, MAX_UNRECOGNISED_SENDERS};
use crate::channel::ChannelEvent;
use crate::profile::PacketKind;

/// What became of an input (SES-012). Hostile input is classified, not returned as an error.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It had its effect.
    Accepted,
    /// Verified, and kept until what it depends on arrives; or kept in the hope that a key will
    /// fit.
    Deferred,
    /// An echo or a copy of what is known.
    Ignored,
    /// Refused; the state is as before (MOD-014).
    Rejected(RejectReason),
    /// An output queue is full: poll, and present the same input again.
    Busy,
}

/// Why an input was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectReason {
    /// We are not in the channel.
    NotInChannel,
    /// The sender is not in the channel (CHN-004).
    SenderNotInChannel,
    /// More than [`MAX_PACKET_LEN`] bytes (CHN-014).
    TooLarge,
    /// Not a packet of this session's profile (SES-007).
    Unrecognised,
    /// A channel event that contradicts the ones before it (CHN-003).
    Impossible,
    /// More members in the channel than are followed (CHN-018).
    ChannelFull,
    /// A greeting packet without effect.
    Greeting(GreetingReject),
    /// A greeting packet that the order of operations does not accept.
    Order(OrderReject),
    /// A verified message that breaks a rule.
    Message(BadMessage),
    /// A verified message that contradicts another by its author (TRN-022).
    Fork,
    /// A new message in a subsession where its author, or we, have written the last one (FIN-022).
    Closed,
    /// Not a well-formed message.
    Malformed,
    /// In the name of a member who did not make it (V2-024).
    Forged,
    /// The session met a fault of ours (SES-046).
    Broken,
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInChannel => f.write_str("we are not in the channel"),
            Self::SenderNotInChannel => f.write_str("its sender is not in the channel"),
            Self::TooLarge => write!(f, "it has more than {MAX_PACKET_LEN} bytes"),
            Self::Unrecognised => f.write_str("it is not a packet of this protocol profile"),
            Self::Impossible => f.write_str("it contradicts earlier channel events"),
            Self::ChannelFull => {
                write!(f, "the channel has more than {MAX_CHANNEL_MEMBERS} members")
            }
            Self::Greeting(reason) => reason.fmt(f),
            Self::Order(reason) => reason.fmt(f),
            Self::Message(reason) => reason.fmt(f),
            Self::Fork => f.write_str("it contradicts another message by its author"),
            Self::Closed => f.write_str("nothing new can come there"),
            Self::Forged => f.write_str("it is not by the member in whose name it stands"),
            Self::Malformed => f.write_str("it is malformed"),
            Self::Broken => f.write_str("the session met an internal error"),
        }
    }
}

impl Session {
    /// Takes one channel event, in the channel's order.
    ///
    /// Packets and notices that follow from it are polled afterwards; an input that is rejected
    /// changes nothing but counters and notices.
    pub fn handle_input(&mut self, env: &mut Env<'_>, input: ChannelEvent) -> Disposition {
        if self.notices.len() >= MAX_QUEUED_NOTICES || self.transmits.len() >= MAX_QUEUED_TRANSMITS
        {
            return Disposition::Busy;
        }
        self.clamp(env.now);
        let disposition = match input {
            ChannelEvent::Entered { members } => self.entered(env, members),
            ChannelEvent::Left => self.left(env),
            ChannelEvent::Changed { enter, leave } => self.changed(env, &enter, &leave),
            ChannelEvent::Packet { sender, bytes } => self.packet(env, &sender, &bytes),
            // Whether to believe it is the application's decision, made before this.
            ChannelEvent::Identity { .. } => Disposition::Ignored,
        };
        self.settle(env);
        if let Disposition::Rejected(reason) = &disposition {
            tracing::debug!(owner = %self.config.owner, %reason, "input rejected");
        }
        disposition
    }

    fn packet(&mut self, env: &mut Env<'_>, sender: &MemberId, bytes: &[u8]) -> Disposition {
        let Some(channel) = &self.channel else {
            return Disposition::Rejected(RejectReason::NotInChannel);
        };
        //= docs/spec/protocol.md#CHN-004
        if !channel.contains(sender) {
            return Disposition::Rejected(RejectReason::SenderNotInChannel);
        }
        //= docs/spec/protocol.md#CHN-014
        if bytes.len() > MAX_PACKET_LEN {
            return Disposition::Rejected(RejectReason::TooLarge);
        }
        if self.broken {
            return Disposition::Rejected(RejectReason::Broken);
        }
        match self.rules.classify(bytes) {
            PacketKind::Greeting => self.greeting_packet(env, sender, bytes),
            PacketKind::Data => self.data_packet(env, sender, bytes),
            PacketKind::Request => self.request_packet(env, sender, bytes),
            PacketKind::Publication => self.publication_packet(bytes),
            PacketKind::Unrecognised => {
                self.unrecognised(sender);
                Disposition::Rejected(RejectReason::Unrecognised)
            }
        }
    }

    //= docs/spec/protocol.md#SES-006
    fn greeting_packet(
        &mut self,
        env: &mut Env<'_>,
        sender: &MemberId,
        bytes: &[u8],
    ) -> Disposition {
        match self.greeter.inspect(sender, bytes) {
            Ok(Inspection::Initial(initial)) => self.initial_packet(env, sender, bytes, &initial),
            Ok(Inspection::Final) => self.final_packet(env, sender, bytes),
            Ok(Inspection::Middle) => self.middle_packet(env, sender, bytes),
            Err(reason) => Disposition::Rejected(RejectReason::Greeting(reason)),
        }
    }

    //= docs/spec/protocol.md#SES-007
    fn unrecognised(&mut self, sender: &MemberId) {
        if !self.unrecognised.contains(sender) && self.unrecognised.len() < MAX_UNRECOGNISED_SENDERS
        {
            self.unrecognised.insert(sender.clone());
            self.notify(Notice::Unrecognised { sender: sender.clone() });
        }
    }
}
