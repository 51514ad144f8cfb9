//! What distinguishes one protocol profile from another, behind one interface: packet formats,
//! hashes over the order of operations, greeter and message security.
//!
//! A session is configured with exactly one profile; nothing is negotiated (V2-001).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

#[cfg(feature = "testing")]
use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{V1, V2};
use mpenc_greeting::{Greeter, SubsessionKeys};
use mpenc_transcript::order::OrderHash;
use mpenc_types::{MemberId, MemberSet, PacketId};

use crate::SessionConfig;
use crate::content::ContentSize;
use crate::security::{Body, MessageSecurity};

mod v1;
mod v2;

/// The protocol that a session speaks. All members of a session use the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// The default: three rounds for a group of any size, every member confirms the key, forward
    /// secrecy between and inside subsessions, healing by any operation, and members that notice
    /// when they are shown different operations (v2.md section 4).
    #[default]
    V2,
    /// The protocol of the original implementation, hardened where its wire format allows.
    ///
    /// # Security
    ///
    /// Everything sent before is readable to whoever obtains a member's state, unless that
    /// member refreshed since (SEC-018); nobody confirms the key; and forks of the order of
    /// operations go unnoticed (ORD-040). See `docs/threat-model.md`.
    V1,
    /// The formats of v1 over a suite that protects nothing, with
    /// [`Identity::transparent`](crate::Identity). For tests only.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    Transparent,
    /// The same with the formats of v2.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    TransparentV2,
}

/// A name that no profile of this version has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownProfile;

impl Profile {
    /// Every profile, in the order in which help texts list them.
    pub const ALL: [Self; 2] = [Self::V2, Self::V1];

    /// The profile's name in configuration and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V1 => "v1",
            #[cfg(feature = "testing")]
            Self::Transparent => "transparent",
            #[cfg(feature = "testing")]
            Self::TransparentV2 => "transparent-v2",
        }
    }

    pub(crate) fn rules(self) -> Box<dyn Rules> {
        match self {
            Self::V2 => Box::new(v2::V2Rules::<V2>::new()),
            Self::V1 => Box::new(v1::V1Rules::<V1>::new()),
            #[cfg(feature = "testing")]
            Self::Transparent => Box::new(v1::V1Rules::<Transparent>::new()),
            #[cfg(feature = "testing")]
            Self::TransparentV2 => Box::new(v2::V2Rules::<Transparent>::new()),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Self::ALL.into_iter().find(|profile| profile.name() == name).ok_or(UnknownProfile)
    }
}

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown protocol profile, this version has ")?;
        for (i, profile) in Profile::ALL.into_iter().enumerate() {
            write!(f, "{}{profile}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownProfile {}

/// What kind of packet some bytes claim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketKind {
    /// Part of a membership operation.
    Greeting,
    /// A message.
    Data,
    /// Asks for messages again.
    Request,
    /// Publishes a key that has served its time.
    Publication,
    /// Not of this profile, or of a kind this version does not handle.
    Unrecognised,
}

/// A profile's formats and constructors.
pub(crate) trait Rules: fmt::Debug + Send {
    /// What kind of packet this claims to be; says nothing about its validity.
    fn classify(&self, packet: &[u8]) -> PacketKind;

    /// Identifies an operation packet in the order of the channel (ORD-003). `channel` is the
    /// membership of the channel, with or without the sender.
    fn packet_id(&self, sender: &MemberId, channel: &MemberSet, packet: &[u8]) -> PacketId;

    /// Identifies the pseudo-packet that ends an operation when somebody leaves (ORD-005).
    fn leave_id(&self, remaining: &MemberSet, initial: &PacketId, leavers: &MemberSet) -> PacketId;

    /// The hash that chains accepted operation packets (ORD-004).
    fn order_hash(&self) -> &dyn OrderHash;

    /// Whether its sessions have what protocol.md marks as gated: confirmations of the order,
    /// operations that time out, keys that are renewed and grow too old (MOD-016).
    fn has_gated(&self) -> bool;

    /// Whether a packet can be opened whoever sends it, so that members can resend for each other
    /// (LIV-022). The original cannot use what others than the author send.
    fn opens_what_others_send(&self) -> bool;

    /// Whether packets name parents in ascending order, or else as their author had them.
    fn sorts_parents(&self) -> bool;

    /// The messages in which a text travels.
    ///
    /// # Errors
    ///
    /// Text and limit, if it is too long for any number of them.
    fn bodies(&self, text: &str) -> Result<Vec<Body>, ContentSize>;

    /// The digest by which a text in parts is known (V2-028).
    fn content_digest(&self) -> fn(&[u8]) -> [u8; 32];

    /// A greeter for one session.
    fn greeter(&self, config: &SessionConfig) -> Box<dyn Greeter>;

    /// Message security for one subsession; `None` for keys that no greeter would hand out.
    fn security(
        &self,
        config: &SessionConfig,
        keys: SubsessionKeys,
    ) -> Option<Box<dyn MessageSecurity>>;
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn profiles_are_found_by_name() {
        assert_eq!("v1".parse(), Ok(Profile::V1));
        assert_eq!("v2".parse(), Ok(Profile::default()));
        for name in ["", "V1", "v3", "transparent"] {
            assert_eq!(name.parse::<Profile>(), Err(UnknownProfile), "{name:?}");
        }
        assert_eq!(UnknownProfile.to_string(), "unknown protocol profile, this version has v2, v1");
    }
}
