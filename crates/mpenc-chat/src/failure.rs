//! How a command ends when it does not end well: one sentence, and an exit status.

use core::fmt;
use core::time::Duration;

use mpenc::MemberId;

use crate::term;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Something we were given cannot be used. Exit status 2.
    Input(String),
    /// Something that should hold does not. Exit status 1.
    Check(String),
    /// What went wrong has been said already; the exit status.
    Told(u8),
}

impl Failure {
    /// Bad usage or input, in one sentence: lower case, no final stop.
    pub(crate) fn input(sentence: impl Into<String>) -> Self {
        Self::Input(sentence.into())
    }

    /// A failed check, in one sentence: lower case, no final stop.
    pub(crate) fn check(sentence: impl Into<String>) -> Self {
        Self::Check(sentence.into())
    }

    /// Somebody waited for something as long as may be, and it did not happen.
    pub(crate) fn in_vain(who: &MemberId, bound: Duration, what: &str) -> Self {
        Self::check(format!(
            "{} waited {:.1} seconds for {what} in vain; if this machine has much else to do, try \
             again with --timing default, which waits longer for everything",
            term::name(who),
            bound.as_secs_f64()
        ))
    }

    /// The exit status of the process.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Check(_) => 1,
            Self::Input(_) => 2,
            Self::Told(status) => *status,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(sentence) | Self::Check(sentence) => f.write_str(sentence),
            Self::Told(_) => Ok(()),
        }
    }
}

impl core::error::Error for Failure {}
