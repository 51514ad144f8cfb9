//! When somebody wants us to stop.

use crate::failure::Failure;

/// Waits for Ctrl-C, and for the system's wish that we stop.
#[derive(Debug)]
pub(crate) struct Stop {
    #[cfg(unix)]
    signals: Option<[tokio::signal::unix::Signal; 3]>,
}

impl Stop {
    /// Listens from now on; what comes before anybody waits is not lost.
    pub(crate) fn listen() -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};

            let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
            let [interrupt, terminate, hangup] = kinds.map(|kind| signal(kind).ok());
            let signals = match (interrupt, terminate, hangup) {
                (Some(interrupt), Some(terminate), Some(hangup)) => {
                    Some([interrupt, terminate, hangup])
                }
                _ => None,
            };
            Self { signals }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// Waits until somebody wants us to stop, each time anew; the exit status of who does so at
    /// once. Cancel safe.
    pub(crate) async fn wait(&mut self) -> u8 {
        #[cfg(unix)]
        if let Some([interrupt, terminate, hangup]) = &mut self.signals {
            // As shells say it: 128 and the number of the signal.
            return tokio::select! {
                _ = interrupt.recv() => INTERRUPTED,
                _ = terminate.recv() => 128 + 15,
                _ = hangup.recv() => 128 + 1,
            };
        }
        if tokio::signal::ctrl_c().await.is_err() {
            // Signals cannot be had here; then nobody can stop us by one.
            core::future::pending::<()>().await;
        }
        INTERRUPTED
    }

    /// Does something, and gives it up at once when somebody wants us to stop.
    ///
    /// # Errors
    ///
    /// As that does, and if it was given up.
    pub(crate) async fn or<T>(
        &mut self,
        what: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            result = what => result,
            status = self.wait() => Err(Failure::Told(status)),
        }
    }
}

/// 128 and the number of the signal that Ctrl-C sends.
const INTERRUPTED: u8 = 128 + 2;
