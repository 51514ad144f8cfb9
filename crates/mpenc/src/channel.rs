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

/// Follows a request to its end by the events that come after it (CHN-008).
///
/// ```
/// # use mpenc::channel::{ChannelEvent, ChannelRequest, Completion, Undone};
/// # use mpenc::{MemberId, MemberSet};
/// # fn main() -> Result<(), mpenc::MemberIdError> {
/// let bob = MemberSet::of(&MemberId::new("bob")?);
/// let ask = ChannelRequest::Change { enter: bob.clone(), leave: MemberSet::new() };
/// let mut asked = Completion::new(&ask).expect("it has an end");
/// let entered = ChannelEvent::Changed { enter: bob, leave: MemberSet::new() };
/// assert_eq!(asked.observe(&entered), Some(Ok(())));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    enter: MemberSet,
    leave: MemberSet,
    /// What has been done of the request so far.
    done: MemberSet,
    /// Whether the owner wants to be inside, if the request is about the owner.
    own: Option<bool>,
}

/// The opposite of what was asked for happened before all of it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undone;

impl core::fmt::Display for Undone {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the opposite of what was asked of the channel happened first")
    }
}

impl core::error::Error for Undone {}

impl Completion {
    /// Follows this request. `None` if it has no end: a packet is sent and forgotten.
    #[must_use]
    pub fn new(request: &ChannelRequest) -> Option<Self> {
        let (enter, leave, own) = match request {
            ChannelRequest::Enter => (MemberSet::new(), MemberSet::new(), Some(true)),
            ChannelRequest::Leave => (MemberSet::new(), MemberSet::new(), Some(false)),
            ChannelRequest::Change { enter, leave } => (enter.clone(), leave.clone(), None),
            ChannelRequest::Send { .. } => return None,
        };
        Some(Self { enter, leave, done: MemberSet::new(), own })
    }

    /// Takes the next event. `Some` when the request has come to its end: all of it has happened,
    /// possibly in several events, or the opposite of a part of it, or the owner is out of the
    /// channel and cannot tell.
    //= docs/spec/protocol.md#CHN-008
    pub fn observe(&mut self, event: &ChannelEvent) -> Option<Result<(), Undone>> {
        match (event, self.own) {
            (ChannelEvent::Entered { .. }, Some(inside)) => {
                Some(inside.then_some(()).ok_or(Undone))
            }
            (ChannelEvent::Left, Some(inside)) => Some((!inside).then_some(()).ok_or(Undone)),
            (ChannelEvent::Entered { .. } | ChannelEvent::Left, None) => Some(Err(Undone)),
            (ChannelEvent::Changed { enter, leave }, None) => {
                if !enter.is_disjoint(&self.leave) || !leave.is_disjoint(&self.enter) {
                    return Some(Err(Undone));
                }
                self.done.extend(enter.intersection(&self.enter));
                self.done.extend(leave.intersection(&self.leave));
                (self.done == self.enter.union(&self.leave)).then_some(Ok(()))
            }
            (ChannelEvent::Changed { .. }, Some(_))
            | (ChannelEvent::Packet { .. } | ChannelEvent::Identity { .. }, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> MemberSet {
        names.iter().map(|name| MemberId::new(name).unwrap()).collect()
    }

    fn changed(enter: &[&str], leave: &[&str]) -> ChannelEvent {
        ChannelEvent::Changed { enter: set(enter), leave: set(leave) }
    }

    fn follow(request: &ChannelRequest, events: &[ChannelEvent]) -> Option<Result<(), Undone>> {
        let mut completion = Completion::new(request).unwrap();
        events.iter().find_map(|event| completion.observe(event))
    }

    //= docs/spec/protocol.md#CHN-008
    //= type=test
    #[test]
    fn a_change_is_followed_to_its_end() {
        let wish = ChannelRequest::Change { enter: set(&["a", "b"]), leave: set(&["c"]) };
        let parts = [changed(&["a"], &[]), changed(&["x"], &["c"]), changed(&["b"], &[])];
        assert_eq!(follow(&wish, &parts[..2]), None);
        assert_eq!(follow(&wish, &parts), Some(Ok(())));
        assert_eq!(follow(&wish, &[changed(&["a", "b"], &["c"])]), Some(Ok(())));
        // Enters and leaves again while another is awaited.
        let back = [changed(&["a"], &[]), changed(&[], &["a"])];
        assert_eq!(follow(&wish, &back), Some(Err(Undone)));
        assert_eq!(follow(&wish, &[changed(&["c"], &[])]), Some(Err(Undone)));
        assert_eq!(follow(&wish, &[ChannelEvent::Left]), Some(Err(Undone)));
    }

    //= docs/spec/protocol.md#CHN-008
    //= type=test
    #[test]
    fn our_own_entering_and_leaving_are_followed_too() {
        let entered = ChannelEvent::Entered { members: set(&["a"]) };
        let both = |request| follow(request, core::slice::from_ref(&entered));
        assert_eq!(both(&ChannelRequest::Enter), Some(Ok(())));
        assert_eq!(follow(&ChannelRequest::Enter, &[ChannelEvent::Left]), Some(Err(Undone)));
        assert_eq!(follow(&ChannelRequest::Leave, &[ChannelEvent::Left]), Some(Ok(())));
        assert_eq!(both(&ChannelRequest::Leave), Some(Err(Undone)));
        let send = ChannelRequest::Send { recipients: set(&[]), bytes: Vec::new() };
        assert_eq!(Completion::new(&send), None);
    }
}
