use alloc::string::String;
use core::fmt;

use mpenc_liveness::Timing;
use mpenc_types::{MemberId, MemberIdError};

use crate::content::MAX_CONTENT;
use crate::session::LOG_KEPT;
use crate::{Identity, Profile};

/// Everything that one member's session needs to know before it begins.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    pub(crate) owner: MemberId,
    pub(crate) identity: Identity,
    pub(crate) label: String,
    pub(crate) profile: Profile,
    pub(crate) timing: Timing,
    pub(crate) auto_include: bool,
    pub(crate) stay_if_last: bool,
    pub(crate) patient_join: bool,
    pub(crate) auto_reenter: bool,
    pub(crate) exclude_unresponsive: bool,
    pub(crate) max_content: usize,
    pub(crate) padding: usize,
    pub(crate) adaptive: bool,
    pub(crate) presence: bool,
    pub(crate) log_kept: usize,
    pub(crate) publish_keys: bool,
}

/// Why a session cannot be configured so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The owner's name cannot name a member (MOD-013).
    Owner(MemberIdError),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for BuildError {}

impl SessionConfig {
    /// A configuration with the default profile and timing and all options off.
    ///
    /// # Errors
    ///
    /// [`BuildError::Owner`] if the name is not acceptable.
    pub fn new(owner: MemberId, identity: Identity) -> Result<Self, BuildError> {
        //= docs/spec/protocol.md#MOD-013
        owner.check().map_err(BuildError::Owner)?;
        Ok(Self {
            owner,
            identity,
            label: String::new(),
            profile: Profile::default(),
            timing: Timing::default(),
            auto_include: false,
            stay_if_last: false,
            patient_join: false,
            auto_reenter: false,
            exclude_unresponsive: false,
            max_content: MAX_CONTENT,
            padding: mpenc_packet::padding::BASE,
            adaptive: false,
            presence: true,
            log_kept: LOG_KEPT,
            publish_keys: false,
        })
    }

    /// A label for the session, chosen by the application and equal for all members. Not a
    /// secret (SES-044).
    #[must_use]
    pub fn session_id(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The protocol profile; all members of a session use the same.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// How long things take here. Local: members may differ.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Estimate from what is observed how long packets take, so that a fast channel warns fast and
    /// a slow one does not cry wolf (LIV-034); otherwise only what is configured counts. Default:
    /// off, since what was fast for long may be slow for once, within what is configured, and then
    /// people are warned of nothing (SEC-002).
    #[must_use]
    pub fn adaptive(mut self, on: bool) -> Self {
        self.adaptive = on;
        self
    }

    /// Say from time to time that we are still there, and watch who else is (LIV-026, LIV-030).
    /// Default: on. Without it nobody learns that the last message of a conversation was lost.
    #[must_use]
    pub fn presence(mut self, on: bool) -> Self {
        self.presence = on;
        self
    }

    /// How many texts to keep after they were handed over and everybody has them; older ones are
    /// forgotten ([`Session::log_start`](crate::Session::log_start)). Default: [`LOG_KEPT`]. There
    /// may be fewer, as many as have [`MAX_LOG_BYTES`](crate::session::MAX_LOG_BYTES) together.
    #[must_use]
    pub fn log_kept(mut self, messages: usize) -> Self {
        self.log_kept = messages;
        self
    }

    /// Publish the key that signed our messages in a subsession, once that has ended and everybody
    /// refuses anything new under it (V2-029): from then on anybody could have written them. Local:
    /// it takes a v2 session, but not that others do the same. Default: off, since it costs a
    /// message more for each subsession and keeps that open a little longer, FIN_TIMEOUT at most.
    ///
    /// # Security
    ///
    /// Before that an insider can prove to others what we wrote, and whoever can hold back messages
    /// can prevent it: the key is destroyed then (FIN-026). See `docs/threat-model.md`.
    #[must_use]
    pub fn publish_keys(mut self, on: bool) -> Self {
        self.publish_keys = on;
        self
    }

    /// Propose to include whoever enters the channel (SES-036). Default: off.
    #[must_use]
    pub fn auto_include(mut self, on: bool) -> Self {
        self.auto_include = on;
        self
    }

    /// Stay in the channel when everybody else is gone (SES-035). Default: off.
    #[must_use]
    pub fn stay_if_last(mut self, on: bool) -> Self {
        self.stay_if_last = on;
        self
    }

    /// The longest text that is taken from others, in bytes; at most [`MAX_CONTENT`], the
    /// default. Local: those who send more are told nothing (V2-028).
    #[must_use]
    pub fn max_content(mut self, bytes: usize) -> Self {
        self.max_content = bytes.min(MAX_CONTENT);
        self
    }

    /// Let the session exclude by itself those who keep its keys from being renewed, when these
    /// have reached half of their lifetime (V2-033). Default: off, since silence may be the
    /// server's doing.
    #[must_use]
    pub fn exclude_unresponsive(mut self, on: bool) -> Self {
        self.exclude_unresponsive = on;
        self
    }

    /// Pad v1 messages to this many bytes, or twice as many, and so on; 0 for no padding. Default:
    /// 128, as the original's public interface has it.
    ///
    /// # Security
    ///
    /// Anything else tells the channel more about the size of messages, and which member differs.
    #[cfg(any(feature = "hazmat", feature = "inspect"))]
    #[must_use]
    pub fn padding(mut self, base: usize) -> Self {
        self.padding = base;
        self
    }

    /// Keep waiting in the channel until somebody includes us, instead of giving up a join after
    /// the time an operation takes (SES-030). For programs in which people, not software, decide
    /// about inclusion. Default: off.
    #[must_use]
    pub fn patient_join(mut self, on: bool) -> Self {
        self.patient_join = on;
        self
    }

    /// Come back by itself, after a random delay: when a join ends without anybody having
    /// included us (SES-030), and when we lost the channel without having asked for it (SES-052).
    /// A few times at most. Default: off.
    #[must_use]
    pub fn auto_reenter(mut self, on: bool) -> Self {
        self.auto_reenter = on;
        self
    }
}
