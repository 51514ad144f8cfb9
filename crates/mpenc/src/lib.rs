//! Secure group conversations over any channel that broadcasts packets.
#![no_std]

extern crate alloc;
#[cfg(feature = "async")]
extern crate std;

pub mod channel;
#[cfg(feature = "async")]
pub mod client;
mod config;
mod identity;
#[cfg(feature = "async")]
pub mod memory;
mod profile;
mod security;
pub mod session;

pub use config::{BuildError, SessionConfig};
pub use identity::Identity;
pub use mpenc_crypto::{PublicKey, SecretBytes, Signature};
pub use mpenc_liveness::{Deadline, Flow, Preset, TimerKind, Timing, UnknownPreset};
pub use mpenc_types::*;
pub use profile::Profile;
pub use session::{
    BadMessage, Change, ChangeError, Disposition, Env, FailReason, Message, Notice, OperationError,
    OperationId, OperationView, RejectReason, SendError, Session, SessionState,
};
