//! Vocabulary shared by the mpENC layers: who ([`MemberId`], [`MemberSet`]), what ([`MessageId`],
//! [`PacketId`], [`SubsessionId`], [`ChainHash`], [`BodyKind`]), when ([`Timestamp`]) and how much
//! ([`limits`]).
//! [`guard!`] names defences, so that tests can be shown to notice when one is missing.
//!
//! The crate knows nothing of the other layers and does no input, output, clock reading or
//! random drawing.
#![no_std]

extern crate alloc;
#[cfg(sabotage)]
extern crate std;

mod body;
mod ids;
pub mod limits;
mod member;
mod members;
mod role;
#[cfg(sabotage)]
#[doc(hidden)]
pub mod sabotage;
#[cfg(not(sabotage))]
mod sabotage;
mod time;

pub use body::BodyKind;
pub use ids::{ChainHash, MessageId, MessageIdError, PacketId, SubsessionId};
pub use member::{MemberId, MemberIdError};
pub use members::MemberSet;
pub use role::PacketRole;
pub use time::Timestamp;
