//! When somebody wants us to stop.

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

    /// Waits until somebody wants us to stop, each time anew. Cancel safe.
    pub(crate) async fn wait(&mut self) {
        #[cfg(unix)]
        if let Some([interrupt, terminate, hangup]) = &mut self.signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            return;
        }
        if tokio::signal::ctrl_c().await.is_err() {
            // Signals cannot be had here; then nobody can stop us by one.
            core::future::pending::<()>().await;
        }
    }
}
