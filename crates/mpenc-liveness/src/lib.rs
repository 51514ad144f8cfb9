//! What should have happened by when, in mpENC.
//!
//! - [`Timing`]: every interval of the protocol, expressed in two base units, with named presets.
//! - [`Deadlines`]: one queue of moments with their causes; a monitor is a row, not a callback.
//! - [`AckMonitor`]: which messages of a subsession still lack acknowledgements, when to warn about
//!   them and to send them again, and when the owner has to acknowledge those of others.
//! - [`Repair`]: when to ask for what must exist and is not here, and when to answer who asks.
//! - [`Budget`]: how much one member may send again.
//! - [`PacketCache`]: the packets that may have to be sent again.
//! - [`LatencyEstimator`]: how long packets take, from what was observed.
//! - [`Presence`]: who is known to be there, and since when others are not.
//!
//! The crate knows nothing of keys and bytes, reads no clock and draws no randomness: the present
//! moment is an argument. Calling too early, too late or twice is harmless (LIV-002): an early call
//! does nothing, a late one does what was due in the order in which it was due, and a clock that
//! goes backwards is held at the latest moment seen.
//!
//! # Example
//!
//! ```
//! use mpenc_liveness::{AckAction, AckMonitor, Timing};
//! use mpenc_types::{BodyKind, MessageId, Timestamp};
//!
//! let timing = Timing::default();
//! let mut monitor = AckMonitor::new(timing);
//! let id = MessageId::new(&[7; 20])?;
//!
//! // Somebody else's message was accepted into the transcript.
//! monitor.on_accepted(Timestamp::ZERO, id, BodyKind::Payload, false);
//!
//! // Nobody writes anything, so the owner has to acknowledge it after AUTO_ACK.
//! let due = Timestamp::ZERO + timing.auto_ack();
//! assert_eq!(monitor.next_deadline(), Some(due));
//! assert_eq!(monitor.handle_timeout(due, &mut || 0), [AckAction::SendAck]);
//! # Ok::<(), mpenc_types::MessageIdError>(())
//! ```
#![no_std]

extern crate alloc;

mod cache;
mod deadlines;
mod latency;
mod monitor;
mod presence;
mod preset;
mod repair;
mod resend;
mod timing;

pub use cache::{MAX_CACHED_BYTES, MAX_OWN_CACHED_BYTES, PacketCache};
pub use deadlines::{Deadline, Deadlines, TimerKind};
pub use latency::LatencyEstimator;
pub use monitor::{AckAction, AckMonitor, MessageTimes};
pub use presence::{Presence, PresenceChange, PresenceState};
pub use preset::{Flow, Preset, UnknownPreset};
pub use repair::{
    Asking, BROUGHT, MAX_ASKED, MAX_HELPFUL_PROBES, MAX_MISSED, MAX_OWED, MAX_PROBES, Repair,
};
pub use resend::Budget;
pub use timing::{Resend, Timing};
