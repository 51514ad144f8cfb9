//! The group channel below a session: what it tells ([`ChannelEvent`]), what it is asked
//! ([`ChannelRequest`]), and the trait behind which every transport stands ([`GroupChannel`]).

use alloc::vec::Vec;
#[cfg(feature = "async")]
use core::{fmt, future::Future};

use mpenc_crypto::PublicKey;
use mpenc_types::{MemberId, MemberSet};

/// Something that happened in the channel, in the channel's order (CHN).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// The owner entered; `members` are those in the channel after it, the owner included. Always
    /// the first event, and the first after [`Left`](Self::Left) (CHN-001).
    Entered {
        /// Everybody in the channel after entering, with the owner.
        members: MemberSet,
    },
    /// The owner left, was kicked, or may have missed something (CHN-011).
    Left,
    /// Others entered or left. The sets are disjoint, not both empty, and do not contain the
    /// owner (CHN-003).
    Changed {
        /// Those who entered.
        enter: MemberSet,
        /// Those who left.
        leave: MemberSet,
    },
    /// A packet, also the owner's own when the channel echoes it (CHN-005).
    Packet {
        /// Who sent it, as the channel claims.
        sender: MemberId,
        /// The packet.
        bytes: Vec<u8>,
    },
    /// The channel passes on the identity key that somebody presented to it. Comes before the
    /// event by which that member enters.
    ///
    /// # Security
    ///
    /// The channel's word only. Whether it is believed is for the application's
    /// [`Directory`](crate::client::Directory) to decide.
    Identity {
        /// Whose key it is said to be.
        member: MemberId,
        /// The key.
        key: PublicKey,
    },
}

/// Something asked of the channel. It may have no effect, or one effect, possibly after other
/// events (CHN-006).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelRequest {
    /// Enter the channel.
    Enter,
    /// Leave the channel.
    Leave,
    /// Broadcast a packet.
    Send {
        /// Who should react to it; broadcasting to everybody is correct (CHN-007).
        recipients: MemberSet,
        /// The packet.
        bytes: Vec<u8>,
    },
    /// Ask others in, or remove them.
    Change {
        /// Those to be asked in.
        enter: MemberSet,
        /// Those to be removed.
        leave: MemberSet,
    },
}

/// A transport that broadcasts packets among its members in one order.
///
/// The protocol does not trust it: what it should do (one order for all, every event delivered)
/// is hoped for, and noticed when it is not so (CHN-009).
///
/// # Contract
///
/// * [`next_event`](Self::next_event) is cancel safe: dropping its future loses no event.
/// * Every packet the owner sends is echoed to it in its place of the order (CHN-005).
/// * If events may have been missed, the channel reports [`ChannelEvent::Left`] and then
///   [`ChannelEvent::Entered`] (CHN-011).
#[cfg(feature = "async")]
pub trait GroupChannel: Send + 'static {
    /// Hands a request to the channel. Success means handed over, not carried out.
    ///
    /// # Errors
    ///
    /// [`ChannelError`] if the channel can take no more requests; the client ends with it.
    fn request(
        &mut self,
        request: ChannelRequest,
    ) -> impl Future<Output = Result<(), ChannelError>> + Send;

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// [`ChannelError`] if there will be no more events; the client ends with it.
    fn next_event(&mut self) -> impl Future<Output = Result<ChannelEvent, ChannelError>> + Send;
}

/// The channel has ended: one sentence for people that says why and what to do.
#[cfg(feature = "async")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelError(alloc::string::String);

#[cfg(feature = "async")]
impl ChannelError {
    /// An end with a reason, lower case and without a final stop.
    #[must_use]
    pub fn new(reason: impl Into<alloc::string::String>) -> Self {
        Self(reason.into())
    }
}

#[cfg(feature = "async")]
impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(feature = "async")]
impl core::error::Error for ChannelError {}
