//! When somebody wants us to stop.

use tokio::signal::ctrl_c;

/// Waits for Ctrl-C or the wish of the system that we stop.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        if let (Ok(mut terminate), Ok(mut hangup)) =
            (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
        {
            tokio::select! {
                _ = ctrl_c() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            return;
        }
    }
    if ctrl_c().await.is_err() {
        // Signals cannot be had here; then nobody can stop us by one.
        core::future::pending::<()>().await;
    }
}
