//! The async half: a session that runs by itself over any [`GroupChannel`].
//!
//! [`Client`] is who we are; [`Session`] is a handle to one conversation, which a task in the
//! background keeps going. This is the one place that reads clock and system randomness for the
//! layers below.
//!
//! [`GroupChannel`]: crate::channel::GroupChannel

use alloc::boxed::Box;
use alloc::string::String;

use mpenc_liveness::Timing;
use mpenc_types::MemberId;

use crate::channel::GroupChannel;
use crate::{BuildError, Identity, Profile, SessionConfig};

mod directory;
mod driver;
mod handle;

pub use directory::{Directory, TrustOnFirstUse};
pub use handle::{Request, RequestError, Session};

/// Notices kept for an application that does not fetch them; beyond this the oldest are dropped
/// and [`Session::missed_notices`] counts them. What they said can still be asked for: the warnings
/// in force by [`warnings`](crate::Session::warnings), messages by [`log`](crate::Session::log).
pub const MAX_KEPT_NOTICES: usize = 65_536;

/// Who we are, and how we want to talk: opens sessions.
pub struct Client {
    config: SessionConfig,
    directory: Box<dyn Directory>,
}

impl Client {
    /// Somebody with a name and an identity. Believes the channel about the keys of others the
    /// first time ([`TrustOnFirstUse`]) unless [`directory`](Self::directory) says otherwise.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the name cannot name a member.
    pub fn new(name: MemberId, identity: Identity) -> Result<Self, BuildError> {
        let config = SessionConfig::new(name, identity)?;
        Ok(Self { config, directory: Box::new(TrustOnFirstUse::new()) })
    }

    /// Where identity keys come from.
    #[must_use]
    pub fn directory(mut self, directory: impl Directory) -> Self {
        self.directory = Box::new(directory);
        self
    }

    /// Any option of [`SessionConfig`]:
    /// `client.configure(|config| config.max_content(1 << 16))`.
    #[must_use]
    pub fn configure(mut self, options: impl FnOnce(SessionConfig) -> SessionConfig) -> Self {
        self.config = options(self.config);
        self
    }

    /// As [`SessionConfig::session_id`].
    #[must_use]
    pub fn session_id(mut self, label: impl Into<String>) -> Self {
        self.config = self.config.session_id(label);
        self
    }

    /// As [`SessionConfig::profile`].
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.config = self.config.profile(profile);
        self
    }

    /// As [`SessionConfig::timing`].
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.config = self.config.timing(timing);
        self
    }

    /// As [`SessionConfig::auto_include`].
    #[must_use]
    pub fn auto_include(mut self, on: bool) -> Self {
        self.config = self.config.auto_include(on);
        self
    }

    /// As [`SessionConfig::stay_if_last`].
    #[must_use]
    pub fn stay_if_last(mut self, on: bool) -> Self {
        self.config = self.config.stay_if_last(on);
        self
    }

    /// As [`SessionConfig::patient_join`].
    #[must_use]
    pub fn patient_join(mut self, on: bool) -> Self {
        self.config = self.config.patient_join(on);
        self
    }

    /// As [`SessionConfig::auto_reenter`].
    #[must_use]
    pub fn auto_reenter(mut self, on: bool) -> Self {
        self.config = self.config.auto_reenter(on);
        self
    }

    /// Opens a session over a channel and starts the task that keeps it going, on the current
    /// tokio runtime. The session is outside the channel until [`Session::join`]. When all
    /// handles are dropped, or [`Session::close`] is called, the task ends and drops the channel.
    #[must_use]
    pub fn open(self, channel: impl GroupChannel) -> Session {
        handle::open(self.config, self.directory, channel)
    }
}

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client").field("config", &self.config).finish_non_exhaustive()
    }
}
